use super::fixtures_tests::*;
use super::*;
use crate::chat::history::UnixMillis;
use crate::chat::lobbies::LobbyId;
use crate::chat::sanctions::Sanction;

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
    let start = std::time::Instant::now();
    db.checkpoint().unwrap();
    assert!(start.elapsed() < std::time::Duration::from_secs(2));
}
