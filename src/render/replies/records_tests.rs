use std::net::IpAddr;

use super::super::tests::written;
use super::*;
use crate::chat::accounts::{AccountId, Fingerprint, Subject};
use crate::chat::directory::IpKey;
use crate::chat::history::{Entry, MessageKind};
use crate::chat::person::Person;
use crate::chat::pictures::Picture;
use crate::chat::sanctions::Terms;
use crate::chat::text::Text;
use crate::render::{Direct, direct, message};

const NOW: UnixMillis = UnixMillis(10_000_000);

fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

fn entry(text: &str, secs_ago: u64, action: bool) -> Entry {
    Entry {
        at: UnixMillis(NOW.0 - secs_ago * 1_000),
        picture: Picture::DEFAULT,
        author: Person::named(name("alice")),
        kind: if action { MessageKind::Action } else { MessageKind::Said },
        text: Text::clean(text),
    }
}

#[test]
fn messages_of_the_past_are_shown_with_their_ages_or_by_the_clock() {
    let coding = name("coding");
    let entries = [entry("hi", 3_600, false), entry("waves", 60, true)];
    let clock = Times::Clock { utc_offset_secs: 0 };
    let latest = |sheet: &mut Sheet, lobby: &Name, count| history(sheet, lobby, count, 0);
    let whole = |head: fn(&mut Sheet, &Name, usize), entries: &[Entry], times| {
        written(|s| {
            head(s, &coding, entries.len());
            entries.iter().for_each(|e| message(s, e, Some(Times::when(times, e.at, NOW)), false));
        })
    };
    assert_eq!(
        whole(latest, &entries, Times::Ages),
        "=== History of 'coding' (2) ===\n[@_@] alice [1h ago]\n  ╰─> hi\n\
         [@_@] * alice waves [1m ago]\n"
    );
    assert_eq!(
        whole(found, &entries[..1], clock),
        "=== Found in 'coding' (1) ===\n[@_@] alice [01:46]\n  ╰─> hi\n"
    );
    assert_eq!(whole(latest, &[], clock), "Nothing was said in this lobby yet.\n");
    assert_eq!(whole(found, &[], clock), "No message of this lobby has all these words.\n");
}

#[test]
fn mail_says_from_whom_and_since_when() {
    let when = Times::Ages.when(UnixMillis(NOW.0 - 7_200_000), NOW);
    let shown = written(|s| {
        mail(s, 1);
        direct(s, Direct::From(&Person::named(name("alice"))), &Line::clean("call me"), Some(when));
    });
    assert_eq!(
        shown,
        "=== Messages while you were not here (1) ===\n\
         [DM] alice —» You [2h ago]\n  ╰─> call me\n"
    );
}

#[test]
fn bans_are_listed_by_name_and_never_by_address() {
    let by = name("alice");
    let address = Subject::Address(IpKey::from(IpAddr::from([203, 0, 113, 9])));
    let week = Some(Duration::from_secs(604_800));
    let spam = Some(Line::clean("spam"));
    let at = UnixMillis(NOW.0 - 1_000);
    let eve = Sanction::new((address, name("eve")), by.clone(), Terms::default(), at);
    let account = Subject::Account(AccountId(2));
    let terms = Terms { time: week, reason: spam, alone: false };
    let bob = Sanction::new((account, name("bob")), by, terms, at);
    let shown = written(|s| {
        bans(s, &name("coding"), 2);
        [&bob, &eve].into_iter().for_each(|one| ban(s, one, NOW));
    });
    assert_eq!(
        shown,
        "=== Banned from 'coding' (2) ===\n  bob (account) by alice, 7d left: spam\n  \
         eve (guest) by alice, for good\n"
    );
    assert!(!shown.contains("203") && !shown.contains("113"));
    let none = written(|s| bans(s, &name("coding"), 0));
    assert_eq!(none, "Nobody is banned from 'coding'.\n");
}

#[test]
fn the_audit_says_who_did_what_and_when() {
    let line = AuditLine {
        at: UnixMillis(NOW.0 - 180_000),
        by: name("alice"),
        text: Line::clean("kicked bob: spam"),
    };
    assert_eq!(
        written(|s| {
            audit(s, &name("coding"), 1);
            audit_line(s, &line, Times::Ages, NOW);
        }),
        "=== Audit of 'coding' (1) ===\n  [3m ago] alice kicked bob: spam\n"
    );
    assert_eq!(
        written(|s| audit(s, &name("coding"), 0)),
        "No operator or owner has done anything in 'coding' yet.\n"
    );
}

#[test]
fn certificates_are_listed_by_their_beginning() {
    let (own, other) = (Key::x509(Fingerprint([0xAB; 32])), Key::x509(Fingerprint([1; 32])));
    assert_eq!(
        written(|s| keys(s, &[own, other], Some(&own))),
        "=== Your certificates (2) ===\n  \
         AB:AB:AB:AB:AB:AB:AB:AB... (this connection)\n  \
         01:01:01:01:01:01:01:01...\n"
    );
    let none = written(|s| keys(s, &[], None));
    assert_eq!(none, "=== Your certificates (0) ===\n");
    let ssh = Key::ssh(Fingerprint([0; 32]));
    assert_eq!(
        written(|s| keys(s, &[other, ssh], Some(&ssh))),
        "=== Your keys (2) ===\n  \
         01:01:01:01:01:01:01:01...\n  \
         SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA (this connection)\n"
    );
    assert_eq!(written(|s| keys(s, &[], Some(&ssh))), "=== Your keys (0) ===\n");
}

#[test]
fn whom_one_ignores_is_listed() {
    let mut ignores = Ignores::default();
    assert_eq!(written(|s| ignored(s, &ignores)), "You ignore nobody.\n");
    ignores.add(&Person::example(1, "alice"), Person::example(2, "eve")).unwrap();
    assert_eq!(written(|s| ignored(s, &ignores)), "=== Ignored users (1) ===\n  eve\n");
}

#[test]
fn whois_tells_what_everybody_may_know() {
    let (alice, coding, lunch) = (name("alice"), name("coding"), Line::clean("lunch"));
    let online = |place, away| Some(Online { place, idle: Duration::from_secs(185), away });
    for (registered, online, want) in [
        (false, online(Place::Public(&coding), None), "guest\n  Lobby: coding\n  Idle: 3m\n"),
        (
            true,
            online(Place::Private, Some(&lunch)),
            "account\n  Lobby: a private one\n  Idle: 3m\n  Away: lunch\n",
        ),
        (true, None, "account\n  Not connected\n"),
    ] {
        let shown =
            written(|s| whois(s, &Whois { name: &alice, registered, bot_of: None, online }));
        assert_eq!(shown, format!("=== alice ===\n  Status: {want}"));
    }
}
