use std::fs;

use rusqlite::Connection;

use super::fixtures_tests::*;
use super::*;

fn made(folder: &Folder) -> Db {
    let (mut db, _) = Db::open(&folder.data()).unwrap();
    db.apply(&[
        Change::LobbyPut(lobby(1, "general").into()),
        Change::LobbyPut(lobby(2, "coding").into()),
        Change::AccountPut(account(1, "alice")),
        Change::MailAdded {
            to: AccountId(1),
            mail: Mail {
                from: guest("bob"),
                at: crate::chat::history::UnixMillis(1),
                text: line("hi"),
            },
        },
        Change::CertAdded { account: AccountId(1), fingerprint: Fingerprint([1; 32]) },
    ])
    .unwrap();
    db.apply(&(0..300).map(|seq| said(1, seq, &format!("message {seq}"))).collect::<Vec<_>>())
        .unwrap();
    db.apply(&[said(2, 0, "gone soon"), Change::LobbyRemoved(crate::chat::lobbies::LobbyId(2))])
        .unwrap();
    db
}

#[test]
fn a_good_database_is_counted_beside_a_server_and_without_one() {
    let folder = Folder::new();
    let want = Report { version: schema::VERSION, lobbies: 1, accounts: 1, messages: 301, mail: 1 };
    let db = made(&folder);
    assert_eq!(check(&folder.data()).unwrap(), want);
    drop(db);
    let before = (fs::read(folder.database()).unwrap(), files(&folder.data()));
    assert_eq!(check(&folder.data()).unwrap(), want);
    assert_eq!((fs::read(folder.database()).unwrap(), files(&folder.data())), before);
}

#[test]
fn what_is_no_database_of_ours_is_told_apart() {
    let folder = Folder::new();
    assert!(matches!(check(&folder.data()), Err(CheckError::Missing(_))));
    fs::create_dir(folder.data()).unwrap();
    fs::write(folder.database(), "text ".repeat(999)).unwrap();
    assert!(matches!(check(&folder.data()), Err(CheckError::Damaged { .. })));
    fs::remove_file(folder.database()).unwrap();
    let conn = Connection::open(folder.database()).unwrap();
    conn.execute_batch("CREATE TABLE cookies(jar)").unwrap();
    assert!(matches!(check(&folder.data()), Err(CheckError::Foreign(_))));
    conn.execute_batch("PRAGMA application_id = 0x4C4F4244; PRAGMA user_version = 99").unwrap();
    let known = schema::VERSION;
    let got = check(&folder.data()).unwrap_err();
    assert!(
        matches!(got, CheckError::NewerVersion { found: 99, known: k, .. } if k == known),
        "{got}"
    );
}

#[test]
fn an_older_version_is_good() {
    for version in 1..schema::VERSION {
        let folder = Folder::new();
        fs::create_dir(folder.data()).unwrap();
        schema::upgrade(&mut Connection::open(folder.database()).unwrap(), 0, version).unwrap();
        assert_eq!(check(&folder.data()).unwrap().version, version);
    }
}

#[test]
fn every_kind_of_damage_is_found() {
    for (sql, want) in [
        ("DELETE FROM search WHERE rowid = 7", "1 messages are missing in the search index"),
        ("DELETE FROM message WHERE id = 7", "1 messages of the search index are gone"),
        ("UPDATE message SET seq = 9999 WHERE id = 7", "1 messages are not in the order"),
        ("DELETE FROM removed", "1 lobbies that are not there have messages"),
        ("DELETE FROM lobby WHERE id = 1", "lobbies that are not there have messages"),
        (
            "INSERT INTO cert VALUES (99, 'ssh', zeroblob(32))",
            "a row of cert refers to no row of account",
        ),
        ("UPDATE cert SET fingerprint = x'00'", "a value that cannot be read"),
        ("UPDATE message SET author = '' WHERE id = 7", "a name that cannot be read"),
        ("UPDATE account SET password = 'x'", "a password record that cannot be read"),
        ("UPDATE lobby SET password = 'x'", "a password record that cannot be read"),
        ("UPDATE search_data SET block = zeroblob(50) WHERE id > 10", "fts5: corruption found"),
        ("DROP TABLE mail", ""),
    ] {
        let folder = Folder::new();
        drop(made(&folder));
        let conn = Connection::open(folder.database()).unwrap();
        conn.pragma_update(None, "foreign_keys", false).unwrap();
        conn.execute_batch(sql).unwrap();
        conn.pragma_update(None, "journal_mode", "DELETE").unwrap();
        drop(conn);
        let before = fs::read(folder.database()).unwrap();
        let got = check(&folder.data()).unwrap_err().to_string();
        assert!(got.contains(want) && !got.contains('\n'), "{sql}: {got}");
        assert_eq!(fs::read(folder.database()).unwrap(), before, "{sql}");
    }
}

#[test]
fn a_large_file_is_looked_at_in_part() {
    let folder = Folder::new();
    let db = made(&folder);
    for bytes in [0, u64::MAX] {
        assert_eq!(check::first_fault(&db.conn, bytes).unwrap(), None);
    }
    let root: u32 = db
        .conn
        .query_row("SELECT rootpage FROM sqlite_schema WHERE name = 'lobby'", [], |row| row.get(0))
        .unwrap();
    drop(db);
    let mut bytes = fs::read(folder.database()).unwrap();
    let at = root as usize * 4_096;
    bytes[at - 4_096 + 8..at].fill(0xFF);
    fs::write(folder.database(), bytes).unwrap();
    let conn = Connection::open(folder.database()).unwrap();
    for bytes in [0, u64::MAX] {
        assert!(!matches!(check::first_fault(&conn, bytes), Ok(None)), "{bytes}");
    }
}

#[test]
fn damaged_pages_are_found() {
    let folder = Folder::new();
    drop(made(&folder));
    // Pages that hold no more than the middle of a long value have no form that could be broken.
    let sql = "SELECT pageno, name FROM dbstat WHERE pagetype <> 'overflow'";
    let conn = Connection::open(folder.database()).unwrap();
    let pages: Vec<(u32, String)> = conn
        .prepare(sql)
        .unwrap()
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    drop(conn);
    assert!(pages.len() > 20);
    let good = fs::read(folder.database()).unwrap();
    for (page, of) in pages {
        let at = page as usize * 4_096;
        let mut bytes = good.clone();
        bytes[at - 4_096..at].fill(0);
        fs::write(folder.database(), bytes).unwrap();
        let got = check(&folder.data());
        assert!(matches!(got, Err(CheckError::Damaged { .. })), "page {page} of {of}: {got:?}");
    }
}
