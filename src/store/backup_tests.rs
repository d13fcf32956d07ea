use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::atomic::{AtomicBool, Ordering};

use super::fixtures_tests::*;
use super::*;
use crate::chat::lobbies::LobbyId;

fn message(seq: u64) -> Change {
    said(1, seq, &format!("message {seq}"))
}

/// Puts a copy into a data directory of its own and opens it.
fn restored(folder: &Folder, copy: &str) -> Db {
    let after = folder.path().join(format!("restored-{copy}"));
    fs::create_dir(&after).unwrap();
    fs::copy(folder.path().join(copy), after.join(DATABASE_FILE)).unwrap();
    check(&after).unwrap();
    Db::open(&after).unwrap().0
}

#[test]
fn a_database_is_copied_while_it_is_written() {
    let folder = Folder::new();
    let (mut db, _) = Db::open(&folder.data()).unwrap();
    db.apply(&[Change::LobbyPut(lobby(1, "general").into())]).unwrap();
    db.apply(&(0..2_000).map(message).collect::<Vec<_>>()).unwrap();
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut seq = 2_000;
            while !stop.load(Ordering::Relaxed) {
                db.apply(&(seq..seq + 10).map(message).collect::<Vec<_>>()).unwrap();
                seq += 10;
            }
        });
        for copy in ["one", "two", "three"] {
            let to = folder.path().join(copy);
            backup(&folder.data(), &to).unwrap();
            assert_eq!(fs::metadata(&to).unwrap().permissions().mode() & 0o777, 0o600);
        }
        stop.store(true, Ordering::Relaxed);
    });
    let mut last = 2_000;
    for copy in ["one", "two", "three"] {
        let copied = restored(&folder, copy);
        let state = copied.load(1).unwrap().lobbies.remove(0);
        assert!(state.next_seq >= last && state.next_seq.is_multiple_of(10), "groups are whole");
        last = state.next_seq;
        assert_eq!(copied.search(LobbyId(1), &(last - 1).to_string(), 9).unwrap().len(), 1);
    }
    drop(db);
    assert_eq!(files(folder.path()).iter().filter(|name| name.contains('-')).count(), 3);
}

#[test]
fn a_database_that_nobody_has_open_is_copied_and_stays_as_it_was() {
    let folder = Folder::new();
    let (mut db, _) = Db::open(&folder.data()).unwrap();
    db.apply(&[Change::LobbyPut(lobby(1, "general").into()), message(0)]).unwrap();
    drop(db);
    let before = (fs::read(folder.database()).unwrap(), files(&folder.data()));
    backup(&folder.data(), &folder.path().join("copy")).unwrap();
    assert_eq!((fs::read(folder.database()).unwrap(), files(&folder.data())), before);
    assert_eq!(restored(&folder, "copy").history(LobbyId(1), 9).unwrap().len(), 1);
}

#[test]
fn nothing_is_overwritten_and_nothing_half_is_left() {
    let folder = Folder::new();
    assert!(matches!(
        backup(&folder.data(), &folder.path().join("x")),
        Err(BackupError::Missing(_))
    ));
    let (mut db, _) = Db::open(&folder.data()).unwrap();
    db.apply(&[Change::LobbyPut(lobby(1, "general").into())]).unwrap();
    db.apply(&(0..500).map(message).collect::<Vec<_>>()).unwrap();

    let there = folder.path().join("there");
    fs::write(&there, "keep me").unwrap();
    assert!(matches!(backup(&folder.data(), &there), Err(BackupError::Exists(_))));
    assert_eq!(fs::read(&there).unwrap(), b"keep me");
    let nowhere = folder.path().join("no/such/folder");
    assert!(matches!(backup(&folder.data(), &nowhere), Err(BackupError::Target { .. })));
    assert!(matches!(backup(&folder.data(), &folder.data()), Err(BackupError::Exists(_))));

    drop(db);
    let mut bytes = fs::read(folder.database()).unwrap();
    bytes[3 * 4_096..5 * 4_096].fill(0);
    fs::write(folder.database(), bytes).unwrap();
    let error = backup(&folder.data(), &folder.path().join("copy")).unwrap_err();
    assert!(matches!(error, BackupError::Source { .. }), "{error}");
    fs::write(folder.database(), "no database".repeat(99)).unwrap();
    let error = backup(&folder.data(), &folder.path().join("copy")).unwrap_err();
    assert!(matches!(error, BackupError::Source { .. }), "{error}");
    assert_eq!(files(folder.path()), ["data", "there"]);
}
