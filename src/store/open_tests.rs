use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use rusqlite::Connection;

use super::fixtures_tests::*;
use super::*;
use crate::chat::history::UnixMillis;
use crate::chat::lobbies::LobbyId;
use crate::chat::name::NameKey;
use crate::chat::person::Person;
use crate::chat::retention::Kept;

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

/// A data directory with a database of this version in it, closed.
fn made(folder: &Folder) -> Vec<u8> {
    let (mut db, _) = Db::open(&folder.data()).unwrap();
    db.apply(&[Change::LobbyPut(lobby(1, "general").into()), said(1, 0, "hello")]).unwrap();
    let many: Vec<_> = (1..500).map(|seq| said(1, seq, &format!("message {seq}"))).collect();
    db.apply(&many).unwrap();
    drop(db);
    fs::read(folder.database()).unwrap()
}

/// A database of version 1 with some messages in it, closed.
fn made_v1(folder: &Folder) {
    fs::create_dir(folder.data()).unwrap();
    let mut conn = Connection::open(folder.database()).unwrap();
    schema::upgrade(&mut conn, 0, 1).unwrap();
    conn.execute_batch(
        "INSERT INTO lobby VALUES (1, 'general', 'general', 'server', NULL, '', NULL, NULL, NULL, 0, 1, 1, 1);
        INSERT INTO message VALUES (1, 1, 0, 5, 'alice', 'cat', NULL, 0, 'an old message'),
            (2, 1, 1, 6, 'bob', 'default', 'alice', 1, '日本語');",
    )
    .unwrap();
}

fn refusal(folder: &Folder) -> OpenError {
    Db::open(&folder.data()).map(|_| ()).unwrap_err()
}

/// The refusal names the file in one line, and the file is as it was, with nothing of SQLite's beside.
fn assert_untouched(folder: &Folder, error: &OpenError, before: &[u8]) {
    let line = error.to_string();
    assert!(line.starts_with(folder.database().to_str().unwrap()), "{line}");
    assert!(!line.contains('\n'), "{line}");
    assert_eq!(fs::read(folder.database()).unwrap(), before, "{line}");
    assert_eq!(files(&folder.data()), [DATABASE_FILE, LOCK_FILE], "{line}");
}

#[test]
fn directory_and_files_are_their_owners_alone() {
    let folder = Folder::new();
    let nested = folder.path().join("var/lib/chat");
    let (mut db, notes) = Db::open(&nested).unwrap();
    db.apply(&[Change::LobbyPut(lobby(1, "general").into())]).unwrap();
    assert!(notes.is_empty());
    assert_eq!(mode(&nested), 0o700);
    let names = files(&nested);
    assert_eq!(names, ["lobbyd.db", "lobbyd.db-shm", "lobbyd.db-wal", "lobbyd.lock"]);
    for name in names {
        assert_eq!(mode(&nested.join(&name)), 0o600, "{name}");
    }
    drop(db);
    assert_eq!(files(&nested), ["lobbyd.db", "lobbyd.lock"]);
}

#[test]
fn a_directory_that_was_there_keeps_its_mode_and_is_told_of() {
    let folder = Folder::new();
    fs::create_dir(folder.data()).unwrap();
    fs::set_permissions(folder.data(), fs::Permissions::from_mode(0o755)).unwrap();
    fs::write(folder.database(), "").unwrap();
    fs::set_permissions(folder.database(), fs::Permissions::from_mode(0o644)).unwrap();
    let (_db, notes) = Db::open(&folder.data()).unwrap();
    assert_eq!(notes, [Note::OpenDirectory { path: folder.data(), mode: 0o755 }]);
    assert_eq!((mode(&folder.data()), mode(&folder.database())), (0o755, 0o600));
}

#[test]
fn what_was_written_is_there_after_a_restart() {
    let folder = Folder::new();
    made(&folder);
    let (db, notes) = Db::open(&folder.data()).unwrap();
    assert!(notes.is_empty());
    let snapshot = db.load(3).unwrap();
    let history: Vec<_> = snapshot.lobbies[0].history.iter().map(|(seq, _)| *seq).collect();
    assert_eq!(history, [497, 498, 499]);
    assert_eq!(snapshot.lobbies[0].next_seq, 500);
    assert_eq!(db.search(LobbyId(1), "hello", 5).unwrap().len(), 1);
}

#[test]
fn what_was_applied_survives_a_kill() {
    let (folder, after) = (Folder::new(), Folder::new());
    let (mut db, _) = Db::open(&folder.data()).unwrap();
    db.apply(&[Change::LobbyPut(lobby(1, "general").into()), said(1, 0, "hello")]).unwrap();
    // The files as a process that is killed now leaves them.
    fs::create_dir(after.data()).unwrap();
    for name in files(&folder.data()) {
        fs::copy(folder.data().join(&name), after.data().join(&name)).unwrap();
    }
    assert_eq!(check(&after.data()).unwrap().messages, 1);
    let (db, _) = Db::open(&after.data()).unwrap();
    assert_eq!(texts(&db.history(LobbyId(1), 9).unwrap()), ["hello"]);
}

#[test]
fn a_second_server_is_refused_by_the_number_of_the_first() {
    let folder = Folder::new();
    let (db, _) = Db::open(&folder.data()).unwrap();
    let error = refusal(&folder);
    let pid = std::process::id();
    assert!(matches!(&error, OpenError::InUse { pid: Some(p), .. } if *p == pid), "{error}");
    assert!(error.to_string().contains(&format!("(process {pid})")));
    drop(db);
    Db::open(&folder.data()).unwrap();
}

#[test]
fn a_database_that_is_closed_is_free_though_a_child_has_not_let_go_of_its_files_yet() {
    let folder = Folder::new();
    let (db, _) = Db::open(&folder.data()).unwrap();
    let of_child = db.lock.as_ref().unwrap().0.try_clone().unwrap();
    drop(db);
    Db::open(&folder.data()).unwrap();
    drop(of_child);
}

#[test]
fn a_directory_that_cannot_be_used_is_refused() {
    let folder = Folder::new();
    fs::write(folder.data(), "a file").unwrap();
    let error = refusal(&folder);
    assert!(
        matches!(&error, OpenError::Unusable { path, .. } if *path == folder.data()),
        "{error}"
    );
    assert!(matches!(Db::open(&folder.data().join("below")), Err(OpenError::Unusable { .. })));

    let folder = Folder::new();
    fs::create_dir_all(folder.database()).unwrap();
    let error = refusal(&folder);
    assert!(
        matches!(&error, OpenError::InTheWay { path, .. } if *path == folder.database()),
        "{error}"
    );
}

#[test]
fn damaged_files_are_refused_and_untouched() {
    let folder = Folder::new();
    let good = made(&folder);
    let page = 4_096;
    assert!(good.len() > 12 * page);
    let zeros = |from: usize, len: usize| {
        let mut bytes = good.clone();
        bytes[from..from + len].fill(0);
        bytes
    };
    for (what, bytes) in [
        ("text", b"this is no database, whatever its name says\n".repeat(200)),
        ("a short text", b"hello".to_vec()),
        ("cut in the middle of a page", good[..good.len() / 2 + 100].to_vec()),
        ("cut after some pages", good[..8 * page].to_vec()),
        ("cut after the header", good[..100].to_vec()),
        ("first page gone", zeros(100, page - 100)),
        ("a page of zeros", zeros(2 * page, page)),
        ("many pages of zeros", zeros(page, good.len() - page)),
    ] {
        fs::write(folder.database(), &bytes).unwrap();
        let error = refusal(&folder);
        assert!(matches!(error, OpenError::Corrupt { .. }), "{what}: {error}");
        assert_untouched(&folder, &error, &bytes);
    }
}

#[test]
fn an_empty_file_with_a_full_log_is_refused() {
    let folder = Folder::new();
    made(&folder);
    fs::write(folder.database(), "").unwrap();
    fs::write(folder.data().join("lobbyd.db-wal"), "what was said").unwrap();
    assert!(matches!(refusal(&folder), OpenError::Corrupt { .. }));
    assert_eq!(fs::read(folder.data().join("lobbyd.db-wal")).unwrap(), b"what was said");
}

#[test]
fn databases_of_others_and_of_newer_versions_are_refused_and_untouched() {
    for (sql, newer) in [
        ("CREATE TABLE cookies(jar)", false),
        ("CREATE TABLE t(x); PRAGMA application_id = 7; PRAGMA user_version = 2", false),
        ("PRAGMA application_id = 0x4C4F4244; PRAGMA user_version = -1", false),
        ("CREATE TABLE t(x); PRAGMA application_id = 0x4C4F4244; PRAGMA user_version = 99", true),
    ] {
        let folder = Folder::new();
        fs::create_dir(folder.data()).unwrap();
        Connection::open(folder.database()).unwrap().execute_batch(sql).unwrap();
        let before = fs::read(folder.database()).unwrap();
        let error = refusal(&folder);
        match &error {
            OpenError::NewerVersion { found, known, .. } => {
                assert_eq!((newer, *found, *known), (true, 99, schema::VERSION));
            }
            OpenError::Foreign { .. } => assert!(!newer),
            error => panic!("{sql}: {error}"),
        }
        assert_untouched(&folder, &error, &before);
    }
}

#[test]
fn an_older_version_is_copied_and_migrated() {
    let folder = Folder::new();
    made_v1(&folder);
    // A copy of another day is in the way.
    let first = folder.data().join("lobbyd.db.v1.bak");
    fs::write(&first, "keep me").unwrap();
    let (db, notes) = Db::open(&folder.data()).unwrap();
    let copy = folder.data().join("lobbyd.db.v1.bak.2");
    let path = folder.database();
    let note = Note::Migrated { path, from: 1, to: schema::VERSION, copy: copy.clone() };
    assert!(notes.contains(&note), "{notes:?}");
    assert_eq!(fs::read(&first).unwrap(), b"keep me");
    assert_eq!(mode(&copy), 0o600);
    let kept = Connection::open(&copy).unwrap();
    assert_eq!(schema::identify(&kept).unwrap(), schema::Found::Version(1));
    let count: i64 = kept.query_row("SELECT count(*) FROM message", [], |r| r.get(0)).unwrap();
    assert_eq!(count, 2);
    // What was there before can be searched.
    assert_eq!(texts(&db.search(LobbyId(1), "OLD", 5).unwrap()), ["an old message"]);
    assert_eq!(texts(&db.search(LobbyId(1), "本", 5).unwrap()), ["日本語"]);
    assert_eq!(db.load(9).unwrap().lobbies[0].history.len(), 2);
    drop(db);
    assert_eq!(check(&folder.data()).unwrap().version, schema::VERSION);
    let (_, notes) = Db::open(&folder.data()).unwrap();
    assert!(!notes.iter().any(|note| matches!(note, Note::Migrated { .. })), "once");
    assert!(!folder.data().join("lobbyd.db.v1.bak.3").exists());
}

#[test]
fn what_was_cut_into_words_by_older_rules_is_cut_anew() {
    let folder = Folder::new();
    made_v1(&folder);
    let mut old = Connection::open(folder.database()).unwrap();
    schema::upgrade(&mut old, 1, 6).unwrap();
    // Nothing that one looks for is there, as where the rules were others.
    old.execute("DELETE FROM search", []).unwrap();
    drop(old);
    let (db, _) = Db::open(&folder.data()).unwrap();
    assert_eq!(texts(&db.search(LobbyId(1), "OLD", 5).unwrap()), ["an old message"]);
}

#[test]
fn what_was_kept_by_name_alone_is_known_by_its_name() {
    let folder = Folder::new();
    made_v1(&folder);
    let old = Connection::open(folder.database()).unwrap();
    old.execute_batch(
        "INSERT INTO account(id, key, name, password, clock_times, picture, made_at)
            VALUES (1, 'ann', 'Ann', '', 0, '', 1), (2, 'bob', 'Bob', '', 0, '', 1);
        INSERT INTO ignored VALUES (1, 'bob', 'BOB'), (1, 'eve', 'Eve');
        INSERT INTO mail(account, sender, at, text) VALUES (1, 'eve', 1, 'hi');",
    )
    .unwrap();
    drop(old);
    let (mut db, _) = Db::open(&folder.data()).unwrap();
    let ignores = db.ignores(AccountId(1)).unwrap();
    assert_eq!(ignores.iter().collect::<Vec<_>>(), [&name("BOB"), &name("Eve")]);
    let bob = Person { account: Some(AccountId(2)), ..guest("robert") };
    // That name was an account's, so it is of the account and of no guest.
    assert!(ignores.contains(&bob) && !ignores.contains(&guest("bob")));
    let eve = guest("EVE");
    let letter = &db.mail(AccountId(1)).unwrap()[0].1;
    assert!(ignores.contains(&eve) && ignores.contains(&letter.from));
    db.apply(&[Change::Became { before: eve, now: guest("eva") }]).unwrap();
    assert!(db.ignores(AccountId(1)).unwrap().contains(&guest("eva")));
    let entries = db.history(LobbyId(1), 5).unwrap();
    assert!(entries.iter().all(|entry| entry.author == Person::named(entry.author.name.clone())));
}

#[test]
fn where_an_account_left_off_is_known_by_the_clock_until_it_leaves_again() {
    let folder = Folder::new();
    fs::create_dir(folder.data()).unwrap();
    let mut old = Connection::open(folder.database()).unwrap();
    schema::upgrade(&mut old, 0, 3).unwrap();
    old.execute_batch(&format!(
        "INSERT INTO lobby(id, key, name, creator, description, slow_secs, made_at, used_at, password_at)
            VALUES (1, 'general', 'general', 'server', '', 0, 1, 1, 1);
        INSERT INTO account(id, key, name, password, clock_times, picture, made_at, last_lobby, left_at)
            VALUES (1, 'ann', 'Ann', '{}', 0, '', 1, 1, 6);
        INSERT INTO message(id, lobby, seq, at, author, picture, action, text)
            VALUES (1, 1, 0, 5, 'bob', 'cat', 0, 'before'), (2, 1, 1, 7, 'bob', 'cat', 0, 'after');",
        record().as_phc()
    ))
    .unwrap();
    drop(old);
    let missing = check(&folder.data()).unwrap_err().to_string();
    assert!(
        missing.ends_with("2 messages are missing in the search index"),
        "all else is good: {missing}"
    );
    let (mut db, notes) = Db::open(&folder.data()).unwrap();
    assert!(notes.iter().any(|note| matches!(note, Note::Migrated { from: 3, .. })), "{notes:?}");
    let since = |db: &Db| {
        let ann = db.account(&NameKey::of("ann")).unwrap().unwrap();
        Since { at: ann.left_at.unwrap(), seq: ann.left_seq }
    };
    let missed = |db: &Db| db.missed_of(LobbyId(1), since(db), 9, Kept::ALL);
    assert_eq!(since(&db), Since { at: UnixMillis(6), seq: None });
    assert_eq!(missed(&db), (1, vec!["after".to_owned()]));
    let (account, lobby, at) = (AccountId(1), LobbyId(1), UnixMillis(7));
    db.apply(&[Change::AccountLeft { account, lobby, at, seq: Some(1) }]).unwrap();
    assert_eq!(missed(&db), (1, vec!["after".to_owned()]));
    db.apply(&[Change::AccountLeft { account, lobby, at, seq: Some(2) }]).unwrap();
    assert_eq!(missed(&db).0, 0);
}

#[test]
fn an_older_version_with_a_full_log_is_copied_with_it() {
    let (folder, after) = (Folder::new(), Folder::new());
    made_v1(&folder);
    let conn = Connection::open(folder.database()).unwrap();
    conn.pragma_update(None, "journal_mode", "WAL").unwrap();
    conn.execute(
        "INSERT INTO message VALUES (3, 1, 2, 7, 'bob', 'cat', NULL, 0, 'in the log')",
        [],
    )
    .unwrap();
    fs::create_dir(after.data()).unwrap();
    for name in files(&folder.data()) {
        fs::copy(folder.data().join(&name), after.data().join(&name)).unwrap();
    }
    let (db, _) = Db::open(&after.data()).unwrap();
    assert_eq!(db.search(LobbyId(1), "log", 5).unwrap().len(), 1);
    let copy = Connection::open(after.data().join("lobbyd.db.v1.bak")).unwrap();
    let count: i64 = copy.query_row("SELECT count(*) FROM message", [], |r| r.get(0)).unwrap();
    assert_eq!(count, 3);
}

#[test]
fn a_migration_that_fails_leaves_the_file_as_it_was() {
    let folder = Folder::new();
    made_v1(&folder);
    // What version 2 wants to make is there.
    let conn = Connection::open(folder.database()).unwrap();
    conn.execute_batch("CREATE TABLE search(x)").unwrap();
    drop(conn);
    let error = refusal(&folder);
    let OpenError::MigrationFailed { from: 1, copy, .. } = &error else { panic!("{error}") };
    assert!(copy.exists() && !error.to_string().contains('\n'));
    let conn = Connection::open(folder.database()).unwrap();
    assert_eq!(schema::identify(&conn).unwrap(), schema::Found::Version(1));
    let count: i64 = conn.query_row("SELECT count(*) FROM message", [], |r| r.get(0)).unwrap();
    assert_eq!(count, 2);
}

#[test]
fn a_new_database_and_a_migrated_one_are_alike() {
    let tables = |conn: &Connection| -> Vec<String> {
        let mut sql = conn.prepare("SELECT sql FROM sqlite_schema ORDER BY name").unwrap();
        let rows = sql.query_map([], |row| row.get::<_, Option<String>>(0)).unwrap();
        rows.map(|sql| sql.unwrap().unwrap_or_default()).collect()
    };
    let folder = Folder::new();
    made_v1(&folder);
    let (migrated, _) = Db::open(&folder.data()).unwrap();
    assert_eq!(tables(&migrated.conn), tables(&Db::in_memory().unwrap().conn));
}

#[test]
fn a_start_that_was_broken_off_is_started_again() {
    let folder = Folder::new();
    fs::create_dir(folder.data()).unwrap();
    let conn = Connection::open(folder.database()).unwrap();
    conn.pragma_update(None, "journal_mode", "WAL").unwrap();
    drop(conn);
    assert!(fs::metadata(folder.database()).unwrap().len() > 0);
    let (db, _) = Db::open(&folder.data()).unwrap();
    assert!(db.load(1).unwrap().lobbies.is_empty());
}

#[test]
fn the_connection_is_set_up() {
    let folder = Folder::new();
    let (db, _) = Db::open(&folder.data()).unwrap();
    let number =
        |name: &str| -> i64 { db.conn.pragma_query_value(None, name, |row| row.get(0)).unwrap() };
    let mode: String = db.conn.pragma_query_value(None, "journal_mode", |r| r.get(0)).unwrap();
    assert_eq!(mode, "wal");
    for (name, want) in [
        ("synchronous", 1),
        ("foreign_keys", 1),
        ("busy_timeout", 5_000),
        ("temp_store", 2),
        ("journal_size_limit", 16 << 20),
        ("wal_autocheckpoint", 4_096),
    ] {
        assert_eq!(number(name), want, "{name}");
    }
}

#[test]
fn memory_has_the_same_tables() {
    let mut db = Db::in_memory().unwrap();
    db.apply(&[Change::LobbyPut(lobby(1, "general").into()), said(1, 0, "hello")]).unwrap();
    assert_eq!(db.search(LobbyId(1), "hello", 5).unwrap().len(), 1);
    assert!(!db.trim(crate::chat::history::UnixMillis(0), 10, 10).unwrap());
    db.checkpoint().unwrap();
}
