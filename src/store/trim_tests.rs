use super::fixtures_tests::*;
use super::*;
use crate::chat::history::UnixMillis;
use crate::chat::ignores::Ignores;
use crate::chat::lobbies::LobbyId;
use crate::chat::retention::Kept;
use crate::chat::sanctions::Sanction;
use crate::clock;

const ALL: UnixMillis = UnixMillis(0);

fn filled(lobbies: u32, messages: u64) -> Db {
    let mut db = Db::in_memory().unwrap();
    for id in 1..=lobbies {
        db.apply(&[Change::LobbyPut(lobby(id, &format!("lobby{id}")).into())]).unwrap();
        let said: Vec<_> = (0..messages).map(|seq| said(id, seq, &format!("m{seq}"))).collect();
        db.apply(&said).unwrap();
    }
    db
}

/// Trims to the end and says how many steps that took.
fn trim(db: &mut Db, keep_since: UnixMillis, keep: u64, budget: usize) -> usize {
    let mut steps = 1;
    while db.trim(keep_since, keep, budget).unwrap() {
        steps += 1;
        assert!(steps < 1_000, "it never ends");
    }
    steps
}

fn messages(db: &Db) -> i64 {
    let count = |table: &str| {
        let sql = format!("SELECT count(*) FROM {table}");
        db.conn.query_row(&sql, [], |row| row.get(0)).unwrap()
    };
    assert_eq!(count("message"), count("search_docsize"), "the index goes along");
    count("message")
}

#[test]
fn each_lobby_keeps_its_newest() {
    let mut db = filled(3, 100);
    let steps = trim(&mut db, ALL, 10, 25);
    assert!((3 * 90 / 25..20).contains(&steps), "{steps} steps");
    assert_eq!(messages(&db), 30);
    for id in 1..=3 {
        assert_eq!(db.history(LobbyId(id), 99).unwrap()[0].text.as_str(), "m90");
    }
    assert_eq!(trim(&mut db, ALL, 10, 25), 1, "nothing is left to do");
    assert_eq!(db.load(0).unwrap().lobbies[0].next_seq, 100);
}

#[test]
fn messages_that_were_taken_back_are_swept_away_in_small_steps() {
    let folder = Folder::new();
    let (mut db, _) = Db::open(&folder.data()).unwrap();
    db.apply(&[1, 2].map(|id| Change::LobbyPut(lobby(id, &format!("lobby{id}")).into()))).unwrap();
    let both = (0..100).flat_map(|seq| [1, 2].map(|id| said(id, seq, "hi")));
    db.apply(&both.collect::<Vec<_>>()).unwrap();
    let removed = |id| Change::MessagesRemoved { lobby: LobbyId(id), seqs: (10..90).collect() };
    db.apply(&[removed(1), removed(2)]).unwrap();
    assert_eq!(messages(&db), 200, "hidden at first");
    assert_eq!(check(&folder.data()).unwrap().messages, 40);
    let steps = trim(&mut db, ALL, 1_000, 25);
    assert!((160 / 25..10).contains(&steps), "{steps} steps");
    assert_eq!(messages(&db), 40);
    assert_eq!(check(&folder.data()).unwrap().messages, 40);
}

#[test]
fn numbers_that_are_missing_do_not_count() {
    let mut db = filled(1, 5);
    let late: Vec<_> = (1_000..1_005).map(|seq| said(1, seq, "late")).collect();
    db.apply(&late).unwrap();
    trim(&mut db, ALL, 10, 100);
    assert_eq!(messages(&db), 10);
    trim(&mut db, ALL, 9, 100);
    assert_eq!(db.history(LobbyId(1), 99).unwrap()[0].text.as_str(), "m1");
}

#[test]
fn what_is_too_old_goes() {
    let mut db = filled(2, 100);
    trim(&mut db, UnixMillis(1_070), 1_000, 7);
    assert_eq!(messages(&db), 60);
    assert_eq!(db.history(LobbyId(2), 99).unwrap()[0].text.as_str(), "m70");
    trim(&mut db, UnixMillis(9_999), 1_000, 7);
    assert_eq!(messages(&db), 0);
}

#[test]
fn a_step_deletes_no_more_than_it_may() {
    let mut db = filled(2, 100);
    db.apply(&[Change::LobbyRemoved(LobbyId(1))]).unwrap();
    for left in (0..19).map(|step| 200 - (step + 1) * 10) {
        assert!(db.trim(ALL, 10, 10).unwrap());
        assert_eq!(messages(&db), left);
    }
}

#[test]
fn messages_of_a_lobby_that_is_gone_go_first_and_it_stays_gone() {
    let mut db = filled(2, 100);
    db.apply(&[Change::LobbyRemoved(LobbyId(1))]).unwrap();
    trim(&mut db, ALL, 1_000, 30);
    assert_eq!(messages(&db), 100);
    assert!(db.search(LobbyId(1), "m1", 9).unwrap().is_empty());
    db.apply(&[Change::LobbyPut(lobby(1, "lobby1").into()), said(1, 100, "late")]).unwrap();
    assert_eq!((messages(&db), db.load(0).unwrap().lobbies.len()), (100, 1));
}

#[test]
fn many_lobbies_are_looked_at_in_steps() {
    let mut db = filled(150, 2);
    assert!(db.trim(ALL, 1, 1_000).unwrap());
    assert!(messages(&db) > 150);
    trim(&mut db, ALL, 1, 1_000);
    assert_eq!(messages(&db), 150);
}

#[test]
fn sanctions_that_ended_long_ago_go() {
    let mut db = filled(1, 1);
    let set = |until: Option<u64>, address: &str| {
        let subject = Subject::Address(ip(address));
        let sanction = Sanction { until: until.map(UnixMillis), ..sanction(subject) };
        Change::SanctionSet { kind: SanctionKind::Ban, scope: Scope::Server, sanction }
    };
    db.apply(&[set(Some(5), "10.0.0.1"), set(Some(50), "10.0.0.2"), set(None, "10.0.0.3")])
        .unwrap();
    trim(&mut db, UnixMillis(50), 10, 100);
    assert_eq!(db.load(0).unwrap().bans.list(UnixMillis(0)).len(), 2);
}

#[test]
fn a_checkpoint_writes_the_log_back_and_waits_for_nobody() {
    let (folder, after) = (Folder::new(), Folder::new());
    let (mut db, _) = Db::open(&folder.data()).unwrap();
    db.apply(&[Change::LobbyPut(lobby(1, "general").into()), said(1, 0, "hi")]).unwrap();
    db.checkpoint().unwrap();
    // The file alone, without its log.
    std::fs::create_dir(after.data()).unwrap();
    std::fs::copy(folder.database(), after.database()).unwrap();
    assert_eq!(check(&after.data()).unwrap().messages, 1);

    let reader = rusqlite::Connection::open(folder.database()).unwrap();
    reader.execute_batch("BEGIN; SELECT count(*) FROM message").unwrap();
    db.apply(&[said(1, 1, "ho")]).unwrap();
    let start = clock::now();
    db.checkpoint().unwrap();
    assert!(clock::since(start) < std::time::Duration::from_secs(2));
}

/// Numbers of what is shown by each way of reading, in its order: history, search, missed since the start.
fn shown(db: &Db, kept: Kept) -> [Vec<u64>; 3] {
    let (id, nobody) = (LobbyId(1), Ignores::default());
    let numbers = |ids: Vec<MessageId>| ids.into_iter().map(|id| id.seq).collect::<Vec<_>>();
    let since = Since { at: UnixMillis(1), seq: Some(0) };
    let missed = db.since(id, since, 99, kept, &nobody).unwrap();
    let by_clock = db.since(id, Since { seq: None, ..since }, 99, kept, &nobody).unwrap();
    assert_eq!(missed, by_clock);
    assert_eq!(missed.count, missed.newest.len() as u64);
    let mut found = numbers(db.find(id, "word", 99, kept, &nobody).unwrap());
    found.reverse();
    [numbers(db.newest(id, (99, 0), kept, &nobody).unwrap()), found, numbers(missed.newest)]
}

/// Messages with these numbers in the first lobby, a second apart, among as many of another.
fn with_numbers(numbers: &[u64]) -> Db {
    let mut db = filled(2, 0);
    for &seq in numbers {
        let said = |lobby| Change::Said {
            lobby: LobbyId(lobby),
            seq,
            entry: entry(1_000 * (seq + 1), "word").into(),
        };
        db.apply(&[said(1), said(2)]).unwrap();
    }
    db
}

#[test]
fn what_is_over_the_limits_is_shown_by_nothing_before_it_is_deleted_too() {
    let numbers = [0, 1, 2, 5, 6, 7, 20, 21];
    let mut db = with_numbers(&numbers);
    for (since, messages, want) in [
        (0, u64::MAX, &numbers[..]),
        (0, 9, &numbers[..]),
        (0, 8, &numbers[..]),
        (0, 5, &[5, 6, 7, 20, 21]),
        (0, 1, &[21]),
        (3_000, u64::MAX, &[2, 5, 6, 7, 20, 21]),
        (3_001, 100, &[5, 6, 7, 20, 21]),
        (8_000, 2, &[20, 21]),
        (21_000, 7, &[20, 21]),
        (99_000, 7, &[]),
    ] {
        let kept = Kept { since: UnixMillis(since), messages };
        for way in shown(&db, kept) {
            assert_eq!(way, want, "{kept:?}");
        }
    }
    // It is what is there when that is deleted.
    let kept = Kept { since: UnixMillis(2_000), messages: 4 };
    let before = shown(&db, kept);
    trim(&mut db, kept.since, kept.messages, 100);
    assert_eq!(before, shown(&db, Kept::ALL));
}

#[test]
fn of_many_that_were_missed_only_those_that_are_kept_count() {
    let db = with_numbers(&(0..50).collect::<Vec<_>>());
    let nobody = Ignores::default();
    let missed = |seq, since, messages| {
        let kept = Kept { since: UnixMillis(since), messages };
        let since = Since { at: UnixMillis(1_000 * (seq + 1) - 1), seq: Some(seq) };
        let missed = db.since(LobbyId(1), since, 3, kept, &nobody).unwrap();
        let by_clock = db.since(LobbyId(1), Since { seq: None, ..since }, 3, kept, &nobody);
        assert_eq!(Ok(&missed), by_clock.as_ref());
        let unread = db.unread(&[(LobbyId(1), seq), (LobbyId(9), 0)], kept).unwrap();
        assert_eq!(unread, [(LobbyId(1), missed.count), (LobbyId(9), 0)].into());
        (missed.count, missed.newest.len(), missed.next_seq)
    };
    assert_eq!(missed(10, 0, 100), (40, 3, 50));
    assert_eq!(missed(10, 0, 12), (12, 3, 50));
    assert_eq!(missed(45, 0, 12), (5, 3, 50));
    assert_eq!(missed(10, 31_000, 100), (20, 3, 50));
    assert_eq!(missed(10, 31_000, 30), (20, 3, 50));
    assert_eq!(missed(10, 31_000, 12), (12, 3, 50));
    assert_eq!(missed(10, 50_000, 1), (1, 1, 50));
    assert_eq!(missed(10, 99_000, 9), (0, 0, 50));
}

#[test]
fn what_was_said_while_the_clock_was_set_back_is_kept_with_what_was_said_before_it() {
    let mut db = filled(1, 0);
    let at = [10, 90, 20, 95, 30];
    let said = (0..).zip(at).map(|(seq, at)| Change::Said {
        lobby: LobbyId(1),
        seq,
        entry: entry(at, "word").into(),
    });
    db.apply(&said.collect::<Vec<_>>()).unwrap();
    let numbers = |since| {
        let kept = Kept { since: UnixMillis(since), messages: 9 };
        let nobody = Ignores::default();
        let mut found = db.find(LobbyId(1), "word", 9, kept, &nobody).unwrap();
        found.reverse();
        assert_eq!(found, db.newest(LobbyId(1), (9, 0), kept, &nobody).unwrap());
        let since = Since { at: UnixMillis(0), seq: Some(0) };
        assert_eq!(found, db.since(LobbyId(1), since, 9, kept, &nobody).unwrap().newest);
        found.into_iter().map(|id| id.seq).collect::<Vec<_>>()
    };
    for (since, want) in [(5, &[0, 1, 2, 3, 4][..]), (50, &[1, 2, 3, 4]), (92, &[3, 4]), (96, &[])]
    {
        assert_eq!(numbers(since), want, "{since}");
    }
    trim(&mut db, UnixMillis(92), 9, 1);
    assert_eq!(messages(&db), 2);
}
