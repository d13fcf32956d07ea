use std::collections::BTreeSet;
use std::time::Duration;

use super::fixtures_tests::*;
use super::*;
use crate::chat::bot::{Bot, Hook, TokenHash};
use crate::chat::directory::ConnId;
use crate::chat::history::{Entry, MessageKind, UnixMillis};
use crate::chat::ignores::MAX_FORMS;
use crate::chat::kept::Key;
use crate::chat::lobbies::LobbyId;
use crate::chat::lobby::LobbyState;
use crate::chat::name::{Name, NameKey};
use crate::chat::password::PasswordRecord;
use crate::chat::person::Person;
use crate::chat::pictures::Picture;
use crate::chat::retention::Kept;
use crate::chat::roles::Owner;
use crate::chat::sanctions::Sanction;
use crate::chat::settings::{Bell, Colours, Mode, Setting, Width};

/// When the mutes and bans of these tests hold.
const THEN: UnixMillis = UnixMillis(10);

const GENERAL: LobbyId = LobbyId(1);
const CODING: LobbyId = LobbyId(2);
const ALICE: AccountId = AccountId(1);
const BOB: AccountId = AccountId(2);

/// Two lobbies and two accounts; the second lobby is the first account's.
fn lobbies_and_accounts() -> Vec<Change> {
    vec![
        Change::AccountPut(account(1, "Alice")),
        Change::AccountPut(account(2, "bob")),
        Change::LobbyPut(lobby(1, "general").into()),
        Change::LobbyPut(LobbyState { owner: Owner::Account(ALICE), ..lobby(2, "coding") }.into()),
    ]
}

fn set(kind: SanctionKind, scope: Scope, sanction: Sanction) -> Change {
    Change::SanctionSet { kind, scope, sanction }
}

/// Every kind of thing that hangs on the lobby or on the first account.
fn furniture() -> Vec<Change> {
    let scope = Scope::Lobby(CODING);
    let address = Subject::Address(ip("2001:db8::1"));
    let audited = |scope| {
        let entry = AuditEntry { scope, at: UnixMillis(5), who: name("bob"), what: line("kick") };
        Change::Audited(entry)
    };
    let mail = Mail { from: guest("bob"), at: UnixMillis(6), text: line("hi") };
    vec![
        said(2, 0, "first"),
        Change::OperatorAdded { lobby: CODING, account: BOB },
        Change::OperatorAdded { lobby: GENERAL, account: ALICE },
        set(SanctionKind::Mute, scope, sanction(Subject::Account(ALICE))),
        set(SanctionKind::Ban, scope, sanction(address.clone())),
        set(SanctionKind::Ban, Scope::Server, sanction(Subject::Account(ALICE))),
        set(SanctionKind::Ban, Scope::Server, sanction(address)),
        Change::CertAdded { account: ALICE, fingerprint: Fingerprint([7; 32]) },
        Change::SshKeyAdded { account: ALICE, fingerprint: Fingerprint([9; 32]) },
        Change::IgnoreAdded { account: ALICE, name: name("Eve"), who: guest("Eve") },
        Change::MailAdded { to: ALICE, mail },
        audited(scope),
        audited(Scope::Server),
    ]
}

/// The first account left when the next message there was to have this number.
fn left(lobby: LobbyId, at: u64, seq: u64) -> Change {
    Change::AccountLeft { account: ALICE, lobby, at: UnixMillis(at), seq: Some(seq) }
}

fn key(text: &str) -> NameKey {
    NameKey::of(text)
}

fn stored(db: &Db, id: LobbyId) -> StoredLobby {
    let snapshot = db.load(10).unwrap();
    snapshot.lobbies.into_iter().find(|l| l.state.id == id).unwrap()
}

fn state(db: &Db, id: LobbyId) -> LobbyState {
    stored(db, id).state
}

#[test]
fn everything_comes_back_as_it_was() {
    let full = LobbyState {
        owner: Owner::Account(ALICE),
        description: line("All about code"),
        topic: Some(line("Rust 1.95")),
        record: Some(record()),
        prompt: Some(line("Be a pirate")),
        slow: Duration::from_secs(30),
        made_at: UnixMillis(u64::MAX / 4),
        used_at: UnixMillis(8),
        made_from: Some(ip("2001:db8::9")),
        ..lobby(2, "Coding")
    };
    let user = Account {
        settings: Settings {
            clock_times: true,
            colours: Some(Colours::Light),
            picture: Picture::find("cat").unwrap(),
            compact: true,
            echo: false,
            bell: Bell::All,
            quiet: true,
            width: Some(Width::Columns(100)),
            mode: Mode::Plain,
        },
        last_lobby: Some(CODING),
        left_at: Some(UnixMillis(77)),
        left_seq: Some(42),
        ..account(1, "Alice")
    };
    let action = Entry {
        author: Person { account: Some(ALICE), ..Person::named(name("alice")) },
        picture: Picture::find("fox").unwrap(),
        kind: MessageKind::Tag(name("bob")),
        ..entry(5, "waves 👋 “hi”; DROP TABLE message")
    };
    let mut db = Db::in_memory().unwrap();
    db.apply(&[
        Change::AccountPut(user.clone()),
        Change::LobbyPut(lobby(1, "general").into()),
        Change::LobbyPut(full.clone().into()),
        Change::Said { lobby: CODING, seq: 41, entry: action.clone().into() },
    ])
    .unwrap();
    let snapshot = db.load(10).unwrap();
    assert_eq!(snapshot.lobbies.len(), 2);
    assert_eq!(snapshot.lobbies[0].state, lobby(1, "general"));
    assert_eq!(snapshot.lobbies[0].next_seq, 0);
    assert_eq!(snapshot.lobbies[1].state, full);
    assert_eq!(snapshot.lobbies[1].history, [(41, action)]);
    assert_eq!(snapshot.lobbies[1].next_seq, 42);
    let alice = KnownAccount {
        id: ALICE,
        name: name("Alice"),
        by_operator: false,
        unused_since: Some(user.made_at),
        bot_of: None,
    };
    assert_eq!(snapshot.accounts, [alice]);
    assert_eq!(snapshot.newest, Some(UnixMillis(77)));
    assert_eq!((snapshot.next_lobby, snapshot.next_account), (LobbyId(3), AccountId(2)));
    assert_eq!(db.account(&key("aLICE")).unwrap(), Some(user));
    assert_eq!(db.account(&key("bob")).unwrap(), None);
}

#[test]
fn an_empty_database_loads() {
    let snapshot = Db::in_memory().unwrap().load(10).unwrap();
    assert!(snapshot.lobbies.is_empty() && snapshot.accounts.is_empty());
    assert_eq!((snapshot.next_lobby, snapshot.next_account), (LobbyId(0), AccountId(0)));
}

#[test]
fn a_message_is_there_once_and_in_its_order() {
    let mut db = db(&[
        Change::LobbyPut(lobby(1, "general").into()),
        Change::LobbyPut(lobby(2, "coding").into()),
    ]);
    db.apply(&[said(1, 0, "one"), said(2, 0, "other"), said(1, 1, "two")]).unwrap();
    db.apply(&[said(1, 1, "two again"), said(1, 2, "three")]).unwrap();
    assert_eq!(texts(&db.history(GENERAL, 10).unwrap()), ["one", "two", "three"]);
    assert_eq!(texts(&db.history(GENERAL, 2).unwrap()), ["two", "three"]);
    let history = stored(&db, GENERAL).history;
    let history: Vec<_> = history.iter().map(|(seq, e)| (*seq, e.text.as_str())).collect();
    assert_eq!(history, [(0, "one"), (1, "two"), (2, "three")]);
    assert_eq!(db.search(GENERAL, "again", 9).unwrap(), []);
}

#[test]
fn rows_are_made_changed_and_used() {
    let mut db = db(&lobbies_and_accounts());
    let topic = Some(line("news"));
    db.apply(&[
        Change::LobbyPut(LobbyState { topic: topic.clone(), ..lobby(1, "general") }.into()),
        Change::LobbyUsed { lobby: GENERAL, at: UnixMillis(50) },
        Change::SettingSet { account: ALICE, setting: Setting::ClockTimes(true) },
        left(CODING, 60, 7),
    ])
    .unwrap();
    let general = state(&db, GENERAL);
    assert_eq!((general.topic, general.used_at), (topic, UnixMillis(50)));
    let alice = db.account(&key("alice")).unwrap().unwrap();
    assert!(alice.settings.clock_times);
    assert_eq!((alice.last_lobby, alice.left_at), (Some(CODING), Some(UnixMillis(60))));
    assert_eq!(alice.left_seq, Some(7));
    // Out of another lobby is nothing to who was in this one last.
    let out = |lobby| Change::AccountPutOut { account: ALICE, lobby, at: UnixMillis(70) };
    db.apply(&[out(GENERAL)]).unwrap();
    let alice = db.account(&key("alice")).unwrap().unwrap();
    assert_eq!((alice.last_lobby, alice.left_at), (Some(CODING), Some(UnixMillis(60))));
    db.apply(&[out(CODING)]).unwrap();
    let alice = db.account(&key("alice")).unwrap().unwrap();
    assert_eq!((alice.last_lobby, alice.left_at), (Some(GENERAL), Some(UnixMillis(70))));
    assert_eq!(alice.left_seq, Some(0), "nothing was said in general yet");
    db.apply(&[left(CODING, 80, 9), Change::LobbyRemoved(CODING)]).unwrap();
    let alice = db.account(&key("alice")).unwrap().unwrap();
    assert_eq!((alice.last_lobby, alice.left_at), (None, Some(UnixMillis(80))));
}

#[test]
fn what_an_account_sets_changes_nothing_else_that_it_has_set() {
    let mut db = db(&lobbies_and_accounts());
    let before = db.account(&key("alice")).unwrap().unwrap();
    let mut want = before.settings;
    for setting in [
        Setting::ClockTimes(true),
        Setting::Colours(Colours::Off),
        Setting::Colours(Colours::Light),
        Setting::Compact(true),
        Setting::Echo(false),
        Setting::Bell(Bell::All),
        Setting::Quiet(true),
        Setting::Width(Width::Columns(100)),
        Setting::Picture(Picture::find("cat").unwrap()),
        Setting::ClockTimes(false),
        Setting::Width(Width::Off),
        Setting::Mode(Mode::Edit),
        Setting::Mode(Mode::Line),
        Setting::Mode(Mode::Plain),
        Setting::Mode(Mode::Auto),
    ] {
        db.apply(&[Change::SettingSet { account: ALICE, setting }]).unwrap();
        want = want.with(setting);
        let alice = db.account(&key("alice")).unwrap().unwrap();
        assert_eq!(alice, Account { settings: want, ..before.clone() }, "{setting:?}");
    }
    let bob = db.account(&key("bob")).unwrap().unwrap();
    assert_eq!(bob.settings, Settings::default());
    // Of an account that is gone it brings nothing back.
    let late = Change::SettingSet { account: ALICE, setting: Setting::Quiet(false) };
    db.apply(&[Change::AccountRemoved(ALICE), late]).unwrap();
    assert_eq!(db.account(&key("alice")).unwrap(), None);
}

#[test]
fn what_hangs_on_lobbies_and_accounts_is_read_and_lifted() {
    let mut db = db(&[lobbies_and_accounts(), furniture(), furniture()[1..9].to_vec()].concat());
    let (snapshot, coding) = (db.load(10).unwrap(), state(&db, CODING));
    assert_eq!(coding.operators, BTreeSet::from([BOB]));
    let mute = sanction(Subject::Account(ALICE));
    assert_eq!(coding.mutes.list(THEN), [&mute], "set twice, there once");
    assert_eq!(coding.bans.list(THEN).len(), 1);
    assert_eq!(snapshot.bans.list(THEN).len(), 2);
    let (cert, ssh) = (Key::x509(Fingerprint([7; 32])), Key::ssh(Fingerprint([9; 32])));
    assert_eq!(db.keys(ALICE).unwrap(), [cert, ssh]);
    for (known_by, name, want) in [
        (cert, "ALICE", Some(ALICE)),
        (ssh, "alice", Some(ALICE)),
        (cert, "bob", None),
        (Key::x509(Fingerprint([8; 32])), "alice", None),
        // The same bytes of the other kind.
        (Key::ssh(Fingerprint([7; 32])), "alice", None),
        (Key::x509(Fingerprint([9; 32])), "alice", None),
    ] {
        assert_eq!(db.account_of_key(&known_by, &key(name)).unwrap(), want, "{known_by} {name}");
    }
    assert_eq!(db.ignores(ALICE).unwrap().iter().collect::<Vec<_>>(), [&name("Eve")]);

    db.apply(&[
        Change::OperatorRemoved { lobby: CODING, account: BOB },
        Change::SanctionLifted {
            kind: SanctionKind::Mute,
            scope: Scope::Lobby(CODING),
            key: mute.key(),
        },
        set(
            SanctionKind::Ban,
            Scope::Server,
            Sanction { until: None, reason: None, ..mute.clone() },
        ),
        Change::CertRemoved { account: ALICE, fingerprint: Fingerprint([7; 32]) },
        Change::SshKeyRemoved { account: ALICE, fingerprint: Fingerprint([9; 32]) },
        Change::IgnoreRemoved { account: ALICE, who: guest("EVE") },
    ])
    .unwrap();
    let coding = state(&db, CODING);
    assert!(coding.operators.is_empty());
    assert_eq!((coding.mutes.list(THEN).len(), coding.bans.list(THEN).len()), (0, 1));
    let bans = db.load(0).unwrap().bans;
    let ban = bans.get(&mute.subject, THEN).unwrap();
    assert_eq!((ban.until, &ban.reason), (None, &None));
    assert!(db.keys(ALICE).unwrap().is_empty() && db.ignores(ALICE).unwrap().is_empty());
}

#[test]
fn mail_is_taken_up_to_what_was_shown() {
    let mut db = db(&lobbies_and_accounts());
    let mail = |text| Mail { from: guest("bob"), at: UnixMillis(6), text: line(text) };
    let add = |text| Change::MailAdded { to: ALICE, mail: mail(text) };
    db.apply(&[add("one"), add("two")]).unwrap();
    let shown = db.mail(ALICE).unwrap();
    assert_eq!(
        shown.iter().map(|(_, m)| m.clone()).collect::<Vec<_>>(),
        [mail("one"), mail("two")]
    );
    db.apply(&[add("three"), Change::MailTaken { account: ALICE, up_to: shown[1].0 }]).unwrap();
    assert_eq!(db.mail(ALICE).unwrap()[0].1, mail("three"));
    assert_eq!((db.mail_count(ALICE).unwrap(), db.mail_count(BOB).unwrap()), (1, 0));
}

#[test]
fn a_letter_is_kept_up_to_the_limit_and_not_from_whom_its_receiver_ignores() {
    let ignored = |name: Name, who| Change::IgnoreAdded { account: ALICE, name, who };
    let bob = Person { account: Some(BOB), ..guest("bob") };
    let mut db = db(&lobbies_and_accounts());
    db.apply(&[ignored(name("Eve"), guest("eve")), ignored(name("bob"), bob.clone())]).unwrap();
    let mut leave = |from: &Person, max| {
        let mail = Mail { from: from.clone(), at: UnixMillis(6), text: line("hi") };
        db.leave_mail(ALICE, &mail, max).unwrap()
    };
    let bob_of_elsewhere = Person { ip: Some(ip("10.0.0.9")), ..bob.clone() };
    let stranger = Person { ip: Some(ip("10.0.0.9")), ..guest("eve") };
    for (from, want) in [
        (guest("EVE"), Left::Ignored),
        (bob_of_elsewhere, Left::Ignored),
        (guest("bob"), Left::Kept),
        (stranger.clone(), Left::Kept),
        (guest("carol"), Left::Full),
    ] {
        assert_eq!(leave(&from, 2), want, "{from:?}");
    }
    assert_eq!(leave(&guest("carol"), 3), Left::Kept);
    let from: Vec<Person> = db.mail(ALICE).unwrap().into_iter().map(|(_, m)| m.from).collect();
    assert_eq!(from, [guest("bob"), stranger, guest("carol")], "with what they are known by");
}

#[test]
fn whoever_ignores_somebody_ignores_what_they_become() {
    let ignored = |name: Name, who| Change::IgnoreAdded { account: ALICE, name, who };
    let became =
        |before: &Person, now: &Person| Change::Became { before: before.clone(), now: now.clone() };
    let mut db = db(&lobbies_and_accounts());
    let (eve, eva) = (guest("Eve"), guest("eva"));
    let account = Person { account: Some(AccountId(9)), ..guest("eva") };
    let steps = [
        ignored(name("Eve"), eve.clone()),
        became(&guest("EVE"), &eva),
        became(&eva, &account),
        became(&guest("dave"), &guest("dan")),
    ];
    // What is done twice does no harm.
    db.apply(&[&steps[..], &steps[..]].concat()).unwrap();
    let ignores = db.ignores(ALICE).unwrap();
    assert_eq!(ignores.iter().collect::<Vec<_>>(), [&name("Eve")]);
    assert_eq!(ignores.forms().count(), 3);
    for who in [&eve, &eva, &account] {
        assert!(ignores.contains(who), "{who:?}");
    }
    assert!(!ignores.contains(&guest("dan")));
    assert!(db.ignores(BOB).unwrap().is_empty());
    let mut before = account;
    for i in 0..2 * MAX_FORMS {
        let now = guest(&format!("eva{i}"));
        db.apply(&[became(&before, &now)]).unwrap();
        before = now;
    }
    let ignores = db.ignores(ALICE).unwrap();
    assert_eq!(ignores.forms().count(), MAX_FORMS);
    assert!(ignores.contains(&eve) && ignores.contains(&guest("eva15")));
    assert!(!ignores.contains(&guest("eva0")));
    let gone = ignores.forms().map(|(_, who)| who.clone());
    let gone = gone.map(|who| Change::IgnoreRemoved { account: ALICE, who });
    db.apply(&gone.collect::<Vec<_>>()).unwrap();
    assert!(db.ignores(ALICE).unwrap().is_empty());
}

#[test]
fn a_record_is_renewed_only_where_it_is_still_that_one() {
    let mut db = db(&lobbies_and_accounts());
    let other = |c: &str| {
        let phc = record().as_phc().replace("i=1000", &format!("i=100{c}"));
        std::sync::Arc::new(PasswordRecord::parse(&phc).unwrap())
    };
    let renewed = |before, record| Change::RecordRenewed { account: ALICE, before, record };
    let of_alice = |db: &Db| db.account(&key("alice")).unwrap().unwrap().record;
    db.apply(&[renewed(other("1"), other("2"))]).unwrap();
    assert_eq!(of_alice(&db), record());
    db.apply(&[renewed(record(), other("2"))]).unwrap();
    assert_eq!(of_alice(&db), other("2"));
}

#[test]
fn the_audit_is_of_its_lobby_and_bounded() {
    let mut db = db(&[lobbies_and_accounts(), furniture()].concat());
    let audited = |n: u32| {
        let (scope, what) = (Scope::Lobby(CODING), line(&n.to_string()));
        Change::Audited(AuditEntry { scope, at: UnixMillis(5), who: name("bob"), what })
    };
    db.apply(&(0..AUDIT_KEPT + 5).map(audited).collect::<Vec<_>>()).unwrap();
    let all = db.audit_of(Scope::Lobby(CODING), usize::MAX).unwrap();
    assert_eq!(all.len() as u32, AUDIT_KEPT);
    let newest: Vec<_> = db.audit_of(Scope::Lobby(CODING), 2).unwrap();
    assert_eq!(newest.iter().map(|e| e.what.as_str()).collect::<Vec<_>>(), ["1003", "1004"]);
    let server = db.audit_of(Scope::Server, 9).unwrap();
    assert_eq!((server.len(), server[0].what.as_str()), (1, "kick"));
}

#[test]
fn a_lobby_goes_with_all_that_hangs_on_it() {
    let mut db = db(&[lobbies_and_accounts(), furniture()].concat());
    db.apply(&[Change::LobbyRemoved(CODING)]).unwrap();
    assert_eq!(db.load(10).unwrap().lobbies.len(), 1);
    assert!(db.audit_of(Scope::Lobby(CODING), 9).unwrap().is_empty());
    assert_eq!(db.audit_of(Scope::Server, 9).unwrap().len(), 1);
    assert!(db.history(CODING, 9).unwrap().is_empty());
    assert!(db.search(CODING, "first", 9).unwrap().is_empty());
    assert_eq!(db.missed(CODING, 0, 9).0, 0);
    for table in ["operator WHERE lobby = 2", "sanction WHERE lobby = 2"] {
        assert_eq!(rows(&db, table), 0, "{table}");
    }
    // What comes late brings nothing back.
    db.apply(&[furniture(), vec![Change::LobbyPut(lobby(2, "coding").into())]].concat()).unwrap();
    assert_eq!(db.load(10).unwrap().lobbies.len(), 1);
    assert_eq!(rows(&db, "message"), 1, "until it is swept");
    assert_eq!(db.load(10).unwrap().next_lobby, LobbyId(3), "a number is used once");
    // The name is free.
    db.apply(&[Change::LobbyPut(lobby(3, "Coding").into())]).unwrap();
}

#[test]
fn an_account_goes_with_all_that_hangs_on_it() {
    let mut db = db(&[lobbies_and_accounts(), furniture()].concat());
    db.apply(&[Change::AccountRemoved(ALICE)]).unwrap();
    assert_eq!(db.account(&key("alice")).unwrap(), None);
    assert_eq!(state(&db, CODING).owner, Owner::Nobody);
    for table in ["operator", "sanction", "cert", "ignored", "mail"] {
        assert_eq!(rows(&db, &format!("{table} WHERE account = 1")), 0, "{table}");
    }
    assert_eq!(db.load(0).unwrap().bans.list(THEN).len(), 1, "the ban of an address stays");
    // What comes late brings nothing back, and does no harm to the rest of its group.
    db.apply(&[lobbies_and_accounts(), furniture()].concat()).unwrap();
    assert_eq!(db.load(0).unwrap().accounts.iter().map(|a| a.id).collect::<Vec<_>>(), [BOB]);
    assert_eq!(state(&db, CODING).owner, Owner::Nobody);
    assert_eq!(db.load(0).unwrap().next_account, AccountId(3));
    db.apply(&[Change::AccountPut(account(3, "ALICE"))]).unwrap();
}

#[test]
fn a_change_that_contradicts_is_named_and_its_group_is_not_done() {
    let mut db = db(&lobbies_and_accounts());
    let group = [said(1, 0, "hi"), Change::LobbyPut(lobby(9, "CODING").into()), said(1, 1, "ho")];
    assert_eq!(db.apply(&group), Err(StoreError::Rejected(1)));
    assert!(db.history(GENERAL, 9).unwrap().is_empty());
    assert!(db.search(GENERAL, "hi", 9).unwrap().is_empty());
    let twin = [Change::AccountPut(account(9, "BOB"))];
    assert_eq!(db.apply(&twin), Err(StoreError::Rejected(0)));
    db.apply(&[&group[..1], &group[2..]].concat()).unwrap();
    assert_eq!(texts(&db.history(GENERAL, 9).unwrap()), ["hi", "ho"]);
}

#[test]
fn nothing_of_a_group_is_there_when_the_disk_is_full() {
    let folder = Folder::new();
    let (mut db, _) = Db::open(&folder.data()).unwrap();
    db.apply(&lobbies_and_accounts()).unwrap();
    let before = db.load(10).unwrap();
    let pages: i64 = db.conn.pragma_query_value(None, "page_count", |row| row.get(0)).unwrap();
    db.conn.pragma_update_and_check(None, "max_page_count", pages + 2, |_| Ok(())).unwrap();
    let text = "long ".repeat(150);
    let group: Vec<_> = [furniture(), (1..99).map(|seq| said(2, seq, &text)).collect()].concat();
    assert_eq!(db.apply(&group), Err(StoreError::Full));
    assert_eq!(db.load(10).unwrap(), before);
    assert!(db.search(CODING, "long", 9).unwrap().is_empty());
    assert!(db.keys(ALICE).unwrap().is_empty());
    // It heals by itself.
    db.conn.pragma_update_and_check(None, "max_page_count", 100_000, |_| Ok(())).unwrap();
    db.apply(&group).unwrap();
    assert_eq!(db.history(CODING, 1_000).unwrap().len(), 99);
    assert_eq!(db.search(CODING, "long", 9).unwrap().len(), 9);
    drop(db);
    assert_eq!(check(&folder.data()).unwrap().messages, 99);
}

#[test]
fn a_read_only_database_refuses_and_goes_on_later() {
    let mut db = db(&lobbies_and_accounts());
    db.conn.pragma_update(None, "query_only", true).unwrap();
    assert_eq!(db.apply(&[said(1, 0, "hi")]), Err(StoreError::ReadOnly));
    assert!(db.history(GENERAL, 9).unwrap().is_empty(), "it can be read");
    db.conn.pragma_update(None, "query_only", false).unwrap();
    db.apply(&[said(1, 0, "hi")]).unwrap();
    assert_eq!(db.history(GENERAL, 9).unwrap().len(), 1);
}

#[test]
fn a_locked_database_is_busy_and_goes_on_later() {
    let folder = Folder::new();
    let (mut db, _) = Db::open(&folder.data()).unwrap();
    db.apply(&lobbies_and_accounts()).unwrap();
    db.conn.busy_timeout(std::time::Duration::from_millis(20)).unwrap();
    let other = rusqlite::Connection::open(folder.database()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    assert_eq!(db.apply(&[said(1, 0, "hi")]), Err(StoreError::Busy));
    other.execute_batch("ROLLBACK").unwrap();
    db.apply(&[said(1, 0, "hi")]).unwrap();
}

#[test]
fn what_an_account_missed_is_counted() {
    let mut db = db(&lobbies_and_accounts());
    db.apply(&(0..10).map(|seq| said(1, seq, &seq.to_string())).collect::<Vec<_>>()).unwrap();
    let missed = |at| db.missed(GENERAL, at, 3);
    let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
    assert_eq!(missed(1_005), (4, texts(&["7", "8", "9"])));
    assert_eq!(missed(1_008), (1, texts(&["9"])));
    assert_eq!(missed(9_999), (0, Vec::new()));
}

#[test]
fn what_was_missed_is_told_by_number_whatever_the_clock_says() {
    let at = |seq: u64, at: u64| {
        let entry = entry(at, &seq.to_string()).into();
        Change::Said { lobby: GENERAL, seq, entry }
    };
    let mut db = db(&lobbies_and_accounts());
    // All of one millisecond; then the clock was set back.
    db.apply(&[at(0, 5), at(1, 5), left(GENERAL, 5, 2), at(2, 5), at(3, 5), at(4, 1)]).unwrap();
    let alice = db.account(&key("alice")).unwrap().unwrap();
    let since = Since { at: alice.left_at.unwrap(), seq: alice.left_seq };
    let missed = |since, max| db.missed_of(GENERAL, since, max, Kept::ALL);
    let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
    assert_eq!(missed(since, 9), (3, texts(&["2", "3", "4"])));
    assert_eq!(missed(since, 2), (3, texts(&["3", "4"])));
    assert_eq!(missed(Since { seq: Some(5), ..since }, 9), (0, Vec::new()));
    assert_eq!(missed(Since { seq: None, ..since }, 9), (0, Vec::new()), "as far as a clock knows");
    let nothing =
        db.since(GENERAL, Since { seq: Some(7), ..since }, 9, Kept::ALL, &[].into_iter().collect());
    assert_eq!(nothing.unwrap().next_seq, 7);
}

#[test]
fn who_was_put_out_has_missed_what_was_said_in_general_after_that() {
    let at = |seq: u64, at: u64| Change::Said { lobby: GENERAL, seq, entry: entry(at, "x").into() };
    let mut db = db(&lobbies_and_accounts());
    let out = Change::AccountPutOut { account: ALICE, lobby: CODING, at: UnixMillis(5) };
    // One of the same millisecond, and one with a clock that was set back.
    db.apply(&[at(6, 4), at(7, 5), left(CODING, 3, 0), out, at(8, 5), at(9, 1)]).unwrap();
    let alice = db.account(&key("alice")).unwrap().unwrap();
    let since = Since { at: alice.left_at.unwrap(), seq: alice.left_seq };
    assert_eq!(db.missed_of(GENERAL, since, 9, Kept::ALL).0, 2);
}

#[test]
fn in_one_group_what_comes_after_the_end_of_a_lobby_is_not_kept() {
    let mut db = db(&lobbies_and_accounts());
    let group = [said(2, 0, "in time"), Change::LobbyRemoved(CODING), said(2, 1, "late")];
    db.apply(&[&group[..], &[said(1, 0, "elsewhere"), said(2, 2, "later")]].concat()).unwrap();
    assert_eq!(rows(&db, "message WHERE lobby = 2"), 1);
    assert_eq!(rows(&db, "search_docsize"), 2);
}

#[test]
fn a_number_is_given_once_also_where_its_message_is_gone() {
    let mut db = db(&lobbies_and_accounts());
    db.apply(&[said(1, 0, "x"), left(GENERAL, 5, 9)]).unwrap();
    assert_eq!((stored(&db, GENERAL).next_seq, stored(&db, CODING).next_seq), (9, 0));
    db.trim(UnixMillis(9_999), 10, 10).unwrap();
    assert_eq!((rows(&db, "message"), stored(&db, GENERAL).next_seq), (0, 9));
}

#[test]
fn what_was_tampered_with_is_cleaned_or_refused() {
    let mut db = db(&lobbies_and_accounts());
    db.apply(&[said(1, 0, "hi")]).unwrap();
    db.conn
        .execute("UPDATE message SET text = 'a' || char(27) || '[2Jb', picture = '?'", [])
        .unwrap();
    let shown = db.history(GENERAL, 1).unwrap();
    assert_eq!((texts(&shown), shown[0].picture), (vec!["ab"], Picture::DEFAULT));
    db.conn.execute("UPDATE message SET author = 'a' || char(27)", []).unwrap();
    assert!(matches!(db.history(GENERAL, 1), Err(StoreError::Corrupt(_))));
    db.conn.execute("UPDATE account SET password = 'hunter2'", []).unwrap();
    let error = db.account(&key("alice")).unwrap_err();
    assert!(!error.to_string().contains("hunter2") && matches!(error, StoreError::Corrupt(_)));
}

#[test]
fn a_database_can_be_moved_to_a_thread_of_its_own() {
    fn is_send<T: Send>() {}
    is_send::<(Db, Change, Snapshot, StoreError, OpenError)>();
}

#[test]
fn the_size_of_a_change_is_told() {
    assert!(said(1, 0, &"x".repeat(1_000)).bytes() > 1_000);
    assert!(Change::LobbyRemoved(GENERAL).bytes() < 400);
}

fn rows(db: &Db, from: &str) -> i64 {
    db.conn.query_row(&format!("SELECT count(*) FROM {from}"), [], |row| row.get(0)).unwrap()
}

#[test]
fn a_ban_may_be_of_a_name_alone() {
    let of_name = sanction(Subject::Name(NameKey::of("mallory")));
    let of_address = sanction(Subject::Address(ip("10.0.0.9")));
    let ban = |sanction: &Sanction| set(SanctionKind::Ban, Scope::Server, sanction.clone());
    let mut db = db(&[ban(&of_name), ban(&of_address), ban(&of_name)]);
    let bans = db.load(0).unwrap().bans;
    assert_eq!(bans.list(THEN).len(), 2);
    assert_eq!(bans.get(&of_name.subject, THEN), Some(&of_name));
    let lifted = Change::lifted(SanctionKind::Ban, Scope::Server, &[of_name.key()]);
    db.apply(&lifted).unwrap();
    assert_eq!(db.load(0).unwrap().bans.list(THEN), [&of_address]);
}

/// A message of somebody over a connection, at that time.
fn said_by(lobby: LobbyId, seq: u64, who: &Person, at: u64) -> Change {
    let entry = Entry { author: who.clone(), ..entry(at, &format!("m{seq}")) };
    Change::Said { lobby, seq, entry: entry.into() }
}

#[test]
fn messages_that_are_removed_are_gone_from_all_that_is_read_at_once() {
    let removed = Change::MessagesRemoved { lobby: CODING, seqs: [1, 4].into() };
    let said_five: Vec<_> = (0..5).map(|seq| said(2, seq, &format!("word{seq} all"))).collect();
    let of_another = said(1, 4, "word4 all");
    let changes = [lobbies_and_accounts(), vec![of_another], said_five].concat();
    let mut db = db(&[changes, vec![left(CODING, 5, 1), removed.clone()]].concat());
    db.apply(&[removed, said(2, 5, "word5 all")]).unwrap();
    let shown = ["word0 all", "word2 all", "word3 all", "word5 all"];
    assert_eq!(texts(&db.history(CODING, 9).unwrap()), shown);
    let found = db.search(CODING, "all", 9).unwrap();
    assert_eq!(texts(&found), ["word5 all", "word3 all", "word2 all", "word0 all"]);
    assert!(db.search(CODING, "word4", 9).unwrap().is_empty());
    let since = Since { at: UnixMillis(5), seq: Some(1) };
    let missed = db.missed_of(CODING, since, 9, Kept::ALL);
    assert_eq!(missed, (3, shown[1..].iter().map(|text| (*text).to_owned()).collect()));
    assert_eq!(texts(&db.history(GENERAL, 9).unwrap()), ["word4 all"]);
}

#[test]
fn the_number_of_a_message_that_was_removed_is_not_given_again() {
    let said: Vec<_> = (0..3).map(|seq| said(2, seq, "hi")).collect();
    let mut db = db(&[lobbies_and_accounts(), said].concat());
    db.apply(&[Change::MessagesRemoved { lobby: CODING, seqs: [2].into() }]).unwrap();
    let next = |db: &Db| {
        let lobbies = db.load(9).unwrap().lobbies;
        lobbies.iter().find(|lobby| lobby.state.id == CODING).unwrap().next_seq
    };
    assert_eq!(next(&db), 3);
    while db.trim(UnixMillis(0), 99, 10).unwrap() {}
    assert_eq!(next(&db), 3);
    db.apply(&[Change::LobbyPut(lobby(2, "renamed").into())]).unwrap();
    assert_eq!(next(&db), 3, "what else changes of the lobby leaves that alone");
}

#[test]
fn messages_are_found_by_account_and_by_connection_of_this_process() {
    let bob = |conn, account: Option<u32>| Person {
        conn: Some(ConnId(conn)),
        account: account.map(AccountId),
        ..guest("bob")
    };
    let messages = [
        (0, bob(7, None)),
        (1, bob(3, Some(2))),
        (2, bob(7, None)),
        (3, bob(8, None)),
        (4, bob(9, Some(2))),
        (5, bob(7, Some(2))),
        (6, Person { ip: Some(ip("10.0.0.2")), ..bob(10, None) }),
        (7, Person { name: name("Bob"), ..bob(11, None) }),
        (8, Person { name: name("eve"), ..bob(12, None) }),
    ];
    let said = messages.iter().map(|(seq, who)| said_by(CODING, *seq, who, 100 + seq));
    let db = db(&[lobbies_and_accounts(), said.collect()].concat());
    let all = || Authored {
        answers: false,
        account: None,
        conn: None,
        before_made: false,
        guest: None,
        since: UnixMillis(0),
        max: 9,
    };
    let since = |at| Kept { since: UnixMillis(at), ..Kept::ALL };
    let of_conn = |conn, first| Authored { conn: Some((ConnId(conn), first)), ..all() };
    let bobs = Some((key("bob"), ip("10.0.0.1")));
    for (of, kept, want) in [
        (all(), Kept::ALL, vec![]),
        (Authored { account: Some(BOB), ..all() }, Kept::ALL, vec![5, 4, 1]),
        (Authored { guest: bobs.clone(), ..all() }, Kept::ALL, vec![7, 3, 2, 0]),
        (Authored { guest: bobs, ..of_conn(12, 0) }, Kept::ALL, vec![8, 7, 3, 2, 0]),
        (of_conn(7, 0), Kept::ALL, vec![5, 2, 0]),
        (of_conn(7, 1), Kept::ALL, vec![5, 2]),
        (Authored { max: 1, ..of_conn(7, 1) }, Kept::ALL, vec![5]),
        (Authored { account: Some(BOB), ..of_conn(7, 1) }, Kept::ALL, vec![5, 4, 2, 1]),
        (Authored { since: UnixMillis(103), ..of_conn(7, 1) }, Kept::ALL, vec![5]),
        (of_conn(7, 0), since(102), vec![5, 2]),
    ] {
        assert_eq!(db.authored(CODING, &of, kept).unwrap(), want, "{of:?}");
        assert_eq!(db.authored(GENERAL, &of, kept).unwrap(), [0; 0], "{of:?}");
    }
}

fn bot(id: u32, called: &str, owner: AccountId) -> Account {
    let token = TokenHash([id as u8; 32]);
    Account::of_bot(AccountId(id), name(called), Bot { owner, token }, UnixMillis(3))
}

fn hook(called: &str, byte: u8) -> Hook {
    let (token, by) = (TokenHash([byte; 32]), name("alice"));
    Hook { name: name(called), token, by, made_at: UnixMillis(4) }
}

#[test]
fn bots_are_stored_with_their_token_and_go_with_their_account() {
    let mut db = db(&lobbies_and_accounts());
    let (ci, dice) = (bot(3, "ci", ALICE), bot(4, "dice", BOB));
    let put = |bot: &Account| Change::AccountPut(bot.clone());
    db.apply(&[put(&ci), put(&dice), put(&bot(5, "late", AccountId(99)))]).unwrap();
    assert_eq!(db.account(&key("CI")).unwrap(), Some(ci));
    assert_eq!(db.account(&key("late")).unwrap(), None, "whose account is not there");
    let known = db.load(0).unwrap().accounts;
    let bots: Vec<_> = known.iter().map(|known| (known.bot_of, known.unused_since)).collect();
    assert_eq!(bots[2..], [(Some(ALICE), None), (Some(BOB), None)]);
    db.apply(&[Change::AccountRemoved(ALICE)]).unwrap();
    assert_eq!(db.account(&key("ci")).unwrap(), None);
    assert_eq!(db.account(&key("dice")).unwrap(), Some(dice));
}

#[test]
fn hooks_are_stored_by_name_and_go_with_their_lobby() {
    let mut db = db(&lobbies_and_accounts());
    let added = |lobby, hook: &Hook| Change::HookAdded { lobby, hook: hook.clone() };
    let (ci, other) = (hook("ci", 1), hook("other", 2));
    db.apply(&[added(CODING, &ci), added(CODING, &other), added(LobbyId(9), &ci)]).unwrap();
    let hooks = |db: &Db| -> Vec<Hook> {
        let lobbies = db.load(0).unwrap().lobbies;
        lobbies.into_iter().flat_map(|lobby| lobby.state.hooks.into_values()).collect()
    };
    assert_eq!(hooks(&db), [ci.clone(), other.clone()]);
    db.apply(&[added(CODING, &hook("CI", 3))]).unwrap();
    assert_eq!(hooks(&db)[0].token, TokenHash([3; 32]), "said twice it is the last");
    db.apply(&[Change::HookRemoved { lobby: CODING, name: name("Ci") }]).unwrap();
    assert_eq!(hooks(&db), [other]);
    db.apply(&[Change::LobbyRemoved(CODING)]).unwrap();
    assert_eq!(hooks(&db), []);
}

#[test]
fn what_bots_said_is_read_as_theirs() {
    let mut db = db(&lobbies_and_accounts());
    let of = |author: Person| Entry { author, ..entry(1, "text") };
    let authors = [
        Person::hook(name("ci")),
        Person { bot: true, account: Some(AccountId(7)), ..Person::named(name("dice")) },
        Person { account: Some(ALICE), ..Person::named(name("Alice")) },
    ];
    for (seq, author) in (0..).zip(&authors) {
        let entry = of(author.clone()).into();
        db.apply(&[Change::Said { lobby: CODING, seq, entry }]).unwrap();
    }
    let read: Vec<Person> =
        db.history(CODING, 9).unwrap().into_iter().map(|entry| entry.author).collect();
    assert_eq!(read, authors);
    let mail = Mail { from: authors[1].clone(), at: UnixMillis(6), text: line("hi") };
    db.apply(&[Change::MailAdded { to: BOB, mail: mail.clone() }]).unwrap();
    assert_eq!(db.mail(BOB).unwrap()[0].1, mail);
}

#[test]
fn until_when_bots_are_muted_is_stored_with_their_lobby() {
    let mut db = db(&lobbies_and_accounts());
    let until = Some(UnixMillis(99_000));
    let state = LobbyState { bots_quiet_until: until, ..lobby(2, "coding") };
    db.apply(&[Change::LobbyPut(state.into())]).unwrap();
    assert_eq!(db.load(0).unwrap().lobbies[1].state.bots_quiet_until, until);
}
