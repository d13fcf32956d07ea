use std::time::Duration;

use bytes::Bytes;

use super::*;
use crate::chat::accounts::{AccountId, Fingerprint, Subject};
use crate::chat::deeds::Deed;
use crate::chat::directory::ConnId;
use crate::chat::history::Age;
use crate::chat::person::Person;
use crate::chat::pictures::Picture;
use crate::chat::sanctions::Sanction;
use crate::chat::times::Span;
use crate::render::ansi::Style;

const JUST_NOW: Option<When> = Some(When::Age(Age::JustNow));

fn ago(count: u64, unit: char) -> Option<When> {
    Some(Age::Ago(count, unit).into())
}

fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

fn plain(body: impl FnOnce(&mut Sheet)) -> String {
    let mut sheet = Sheet::default();
    body(&mut sheet);
    decolour(&sheet.take())
}

fn decolour(bytes: &Bytes) -> String {
    let plain = Style { plain: true, ..Style::default() }.apply(bytes);
    String::from_utf8(plain.to_vec()).unwrap()
}

fn entry(tagged: Option<&str>) -> Entry {
    Entry {
        at: UnixMillis(1_000),
        picture: Picture::DEFAULT,
        author: Person::named(name("alice")),
        tagged: tagged.map(name),
        action: false,
        text: Line::clean("Hello everyone!"),
    }
}

fn waves() -> Entry {
    Entry { action: true, text: Line::clean("waves"), ..entry(None) }
}

#[test]
fn a_message_has_its_colours() {
    let mut sheet = Sheet::default();
    message(&mut sheet, &entry(None), JUST_NOW);
    let want = "\x1b[33m[@_@] alice\x1b[0m \x1b[37m[just now]\x1b[0m\n  \x1b[36m╰─>\x1b[0m Hello everyone!\n";
    assert_eq!(sheet.take(), want.as_bytes());
}

#[test]
fn texts_of_lobby_events() {
    let (alice, bob, hi) = (name("alice"), name("bob"), Line::clean("hi"));
    let cases = [
        (
            plain(|s| message(s, &entry(None), JUST_NOW)),
            "[@_@] alice [just now]\n  ╰─> Hello everyone!\n",
        ),
        (
            plain(|s| message(s, &entry(None), ago(12, 's'))),
            "[@_@] alice [12s ago]\n  ╰─> Hello everyone!\n",
        ),
        (
            plain(|s| message(s, &entry(Some("bob")), None)),
            "[@_@] alice @bob\n  ╰─> Hello everyone!\n",
        ),
        (
            plain(|s| message(s, &entry(Some("bob")), ago(3, 'm'))),
            "[@_@] alice @bob [3m ago]\n  ╰─> Hello everyone!\n",
        ),
        (plain(|s| notice(s, &Notice::Joined(&alice))), "[LOBBY] alice has joined the lobby\n"),
        (plain(|s| notice(s, &Notice::Left(&alice))), "[LOBBY] alice has left the lobby\n"),
        (
            plain(|s| direct(s, Direct::From(&alice), &hi, ago(2, 'h'))),
            "[DM] alice —» You [2h ago]\n  ╰─> hi\n",
        ),
        (
            plain(|s| message(s, &entry(None), Some(When::Clock { hour: 9, minute: 5 }))),
            "[@_@] alice [09:05]\n  ╰─> Hello everyone!\n",
        ),
        (plain(|s| message(s, &waves(), None)), "[@_@] * alice waves\n"),
        (plain(|s| message(s, &waves(), ago(3, 'm'))), "[@_@] * alice waves [3m ago]\n"),
        (
            plain(|s| notice(s, &Notice::Renamed(&alice, &bob))),
            "[LOBBY] alice is now known as bob\n",
        ),
        (plain(|s| announcement(s, &alice, &hi)), "[ANNOUNCEMENT] alice: hi\n"),
        (plain(|s| notice(s, &Notice::Asked(&alice, &hi))), "[LOBBY] alice asked AI: hi\n"),
        (
            plain(|s| notice(s, &Notice::Did(&alice, &Deed::SetPrompt(hi.clone())))),
            "[LOBBY] alice updated the AI prompt\n",
        ),
        (plain(|s| direct(s, Direct::To(&bob), &hi, None)), "[DM] You —» bob\n  ╰─> hi\n"),
        (plain(|s| direct(s, Direct::From(&alice), &hi, None)), "[DM] alice —» You\n  ╰─> hi\n"),
        (plain(|s| tagged(s, &alice, None)), "✦ alice tagged you\n"),
        (plain(|s| tagged(s, &alice, Some(&name("coding")))), "✦ alice tagged you in 'coding'\n"),
    ];
    for (got, want) in cases {
        assert_eq!(got, want);
    }
}

#[test]
fn an_answer_says_where_it_goes_on() {
    let lines = [Line::clean("one"), Line::clean(""), Line::clean("two")];
    let shown = |head| plain(|s| answer(s, head, &name("alice"), &lines));
    assert_eq!(shown(AnswerHead::First), "[AI Response to alice]\none\n\ntwo\n");
    assert_eq!(shown(AnswerHead::Continued), "[AI Response to alice, continued]\none\n\ntwo\n");
    assert_eq!(shown(AnswerHead::Bare), "one\n\ntwo\n");
}

#[test]
fn arrival_shows_the_join_then_the_topic_then_the_history() {
    let entries = [entry(None)];
    let (coding, topic) = (name("coding"), Line::clean("Release on Friday"));
    let now = UnixMillis(13_000);
    let shown = |arrival: Arrival<'_>| {
        decolour(&block(|sheet| {
            self::arrival(sheet, &arrival, now);
            entries.iter().for_each(|entry| replay(sheet, entry, arrival.times, now));
        }))
    };
    let joined = Arrival { joined: Some(&coding), ..Arrival::default() };
    assert_eq!(
        shown(joined),
        "\nJoined lobby 'coding'\n[@_@] alice [12s ago]\n  ╰─> Hello everyone!\n> "
    );
    assert_eq!(
        shown(Arrival { topic: Some(&topic), ..joined }),
        "\nJoined lobby 'coding'\nTopic: Release on Friday\n\
         [@_@] alice [12s ago]\n  ╰─> Hello everyone!\n> "
    );
    let mut nothing = Sheet::default();
    arrival(&mut nothing, &Arrival::default(), UnixMillis(0));
    assert!(nothing.is_empty());
}

#[test]
fn whoever_comes_back_is_told_what_they_missed() {
    let now = UnixMillis(7_200_000);
    for (count, times, want) in [
        (12, Times::Ages, "\n12 messages since you left 2h ago\n> "),
        (1, Times::Ages, "\n1 message since you left 2h ago\n> "),
        (12, Times::Clock { utc_offset_secs: 0 }, "\n12 messages since you left at 00:00\n> "),
        (0, Times::Ages, "\n> "),
    ] {
        let missed = Some(Missed { count, since: UnixMillis(0) });
        let told = Arrival { missed, times, ..Arrival::default() };
        assert_eq!(decolour(&block(|sheet| arrival(sheet, &told, now))), want);
    }
}

#[test]
fn deeds_are_told_to_the_lobby() {
    let (alice, bob, spam) = (name("alice"), name("bob"), Line::clean("spam"));
    let sanction = |secs: Option<u64>, reason: Option<&str>| {
        let subject = (Subject::Account(AccountId(2)), name("bob"));
        let time = secs.map(Duration::from_secs);
        Sanction::new(subject, name("alice"), time, reason.map(Line::clean), UnixMillis(1))
    };
    let (conn, account) = (ConnId(2), AccountId(2));
    let kick = |reason| Deed::Kick { conn, account: None, name: name("bob"), reason };
    let ban = |secs, reason| Deed::Ban { ban: sanction(secs, reason), conn: None };
    let mute = |secs| Deed::Mute { mute: sanction(secs, None), conn: None };
    let gban = |secs, reason| Deed::ServerBan { ban: sanction(secs, reason), conn: None };
    for (deed, want) in [
        (Deed::Topic(Some(Line::clean("Release"))), "set the topic: Release"),
        (Deed::Topic(None), "removed the topic"),
        (Deed::Op { account, name: bob.clone() }, "made bob an operator"),
        (Deed::Deop { account, name: bob.clone() }, "took the operator's rights from bob"),
        (kick(None), "kicked bob"),
        (kick(Some(spam.clone())), "kicked bob: spam"),
        (mute(None), "muted bob"),
        (mute(Some(600)), "muted bob for 10m"),
        (Deed::Unmute { subjects: vec![], name: bob.clone() }, "unmuted bob"),
        (ban(None, None), "banned bob"),
        (ban(None, Some("spam")), "banned bob: spam"),
        (ban(Some(604_800), Some("spam")), "banned bob for 7d: spam"),
        (Deed::Unban { subjects: vec![], name: bob.clone() }, "unbanned bob"),
        (Deed::Slow(Duration::from_secs(10)), "turned slow mode on: a message each 10s"),
        (Deed::Slow(Duration::ZERO), "turned slow mode off"),
        (Deed::SetPassword(None), "made the lobby public"),
        (Deed::Transfer { account, name: bob.clone() }, "gave the lobby to bob"),
        (Deed::Delete(name("coding")), "deleted the lobby 'coding'"),
        (Deed::Announce(spam.clone()), "announced: spam"),
        (gban(Some(5_400), None), "banned bob from the server for 90m"),
        (
            Deed::ServerUnban { subjects: vec![], name: bob.clone() },
            "let bob onto the server again",
        ),
    ] {
        let shown = plain(|s| notice(s, &Notice::Did(&alice, &deed)));
        assert_eq!(shown, format!("[LOBBY] alice {want}\n"));
    }
}

#[test]
fn a_sheet_takes_times_and_fingerprints() {
    let shown = plain(|s| {
        s.span(Span::exact(Duration::from_secs(600))).fixed(" ");
        s.fingerprint(&Fingerprint([0xAB; 32]));
    });
    assert_eq!(shown, "10m AB:AB:AB:AB:AB:AB:AB:AB");
}

#[test]
fn a_block_erases_the_line_and_ends_with_the_prompt() {
    assert_eq!(block(|s| _ = s.fixed("x\n")), "\r\x1b[Kx\n> ");
}

#[test]
fn a_live_message_is_dated_in_the_way_that_clocks_replace() {
    let entry = Entry {
        at: UnixMillis(0),
        picture: Picture::DEFAULT,
        author: Person::named(name("alice")),
        tagged: None,
        action: false,
        text: Line::clean("hi"),
    };
    let shown = block(|sheet| message(sheet, &entry, Some(Age::JustNow.into())));
    assert!(std::str::from_utf8(&shown).unwrap().contains(crate::render::ansi::LIVE_TIME));
}
