use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use rusqlite::Connection;

use super::fixtures_tests::*;
use super::open::beside;
use super::*;
use crate::chat::lobbies::LobbyId;

/// The same as the command does, but for its notes.
fn put_back(dir: &Path, from: &Path) -> Result<Restored, RestoreError> {
    restore(dir, from, &mut Vec::new())
}

/// What is said in the general lobby of a database.
fn said_in(dir: &Path) -> Vec<String> {
    let (db, _) = Db::open(dir).unwrap();
    texts(&db.history(LobbyId(1), 99).unwrap()).into_iter().map(str::to_owned).collect()
}

/// A database in `dir` in which this was said, as a process that is killed leaves it, its log full.
fn killed(folder: &Folder, dir: &Path, text: &str) {
    let alive = folder.path().join(format!("alive-{text}"));
    let (mut db, _) = Db::open(&alive).unwrap();
    db.apply(&[Change::LobbyPut(lobby(1, "general").into()), said(1, 0, text)]).unwrap();
    fs::create_dir_all(dir).unwrap();
    for name in files(&alive) {
        fs::copy(alive.join(&name), dir.join(&name)).unwrap();
    }
    assert!(fs::metadata(dir.join("lobbyd.db-wal")).unwrap().len() > 0);
}

/// A copy, as `backup` makes it, of a database in which this was said.
fn copy_of(folder: &Folder, text: &str) -> PathBuf {
    let dir = folder.path().join(format!("source-{text}"));
    let copy = folder.path().join(format!("{text}.copy"));
    let (mut db, _) = Db::open(&dir).unwrap();
    db.apply(&[Change::LobbyPut(lobby(1, "general").into()), said(1, 0, text)]).unwrap();
    drop(db);
    backup(&dir, &copy).unwrap();
    copy
}

/// Everything in a folder, with what is in the files.
fn contents(dir: &Path) -> Vec<(String, Vec<u8>)> {
    let read = |name: String| (name.clone(), fs::read(dir.join(name)).unwrap_or_default());
    files(dir).into_iter().map(read).collect()
}

#[test]
fn a_copy_takes_the_place_of_a_database_that_is_kept_with_its_log() {
    let folder = Folder::new();
    let copy = copy_of(&folder, "good");
    killed(&folder, &folder.data(), "late");
    let before = fs::read(folder.data().join("lobbyd.db-wal")).unwrap();
    let restored = put_back(&folder.data(), &copy).unwrap();
    assert_eq!(restored.path, folder.database());
    assert_eq!(restored.report.messages, 1);
    let kept = folder.data().join("lobbyd.db.before-restore");
    assert_eq!(restored.kept, [kept.clone(), beside(&kept, "-wal"), beside(&kept, "-shm")]);
    assert_eq!(fs::read(beside(&kept, "-wal")).unwrap(), before);
    let mode = fs::metadata(folder.database()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(said_in(&folder.data()), ["good"]);
    // What is kept is whole: it can be restored too.
    let again = put_back(&folder.data(), &kept).unwrap();
    assert_eq!(again.kept, [folder.data().join("lobbyd.db.before-restore.2")]);
    assert_eq!(said_in(&folder.data()), ["late"]);
}

#[test]
fn without_a_directory_one_is_made_for_its_owner_alone() {
    let folder = Folder::new();
    let copy = copy_of(&folder, "good");
    let restored = put_back(&folder.data(), &copy).unwrap();
    assert!(restored.kept.is_empty());
    assert_eq!(files(&folder.data()), [DATABASE_FILE, LOCK_FILE]);
    let mode = fs::metadata(folder.data()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
    assert_eq!(said_in(&folder.data()), ["good"]);
}

#[test]
fn an_older_version_is_restored_and_migrated_at_the_next_start() {
    let folder = Folder::new();
    let copy = folder.path().join("old");
    let mut conn = Connection::open(&copy).unwrap();
    schema::upgrade(&mut conn, 0, 1).unwrap();
    drop(conn);
    assert_eq!(put_back(&folder.data(), &copy).unwrap().report.version, 1);
    let (_, notes) = Db::open(&folder.data()).unwrap();
    assert!(matches!(notes[..], [Note::Migrated { from: 1, .. }]), "{notes:?}");
}

#[test]
fn what_is_no_good_copy_is_refused_and_nothing_is_touched() {
    let folder = Folder::new();
    let good = fs::read(copy_of(&folder, "good")).unwrap();
    killed(&folder, &folder.data(), "late");
    let mut newer = good.clone();
    newer[60..64].copy_from_slice(&9_999_u32.to_be_bytes());
    let mut damaged = good.clone();
    damaged[4_096..3 * 4_096].fill(0);
    let mut foreign = good.clone();
    foreign[68..72].fill(7);
    let bad = [
        ("newer", newer),
        ("damaged", damaged),
        ("foreign", foreign),
        ("cut", good[..good.len() / 2].to_vec()),
        ("empty", Vec::new()),
        ("text", b"no database".repeat(99)),
    ];
    let before = contents(&folder.data());
    let refused = |file: &Path| {
        let error = put_back(&folder.data(), file).unwrap_err();
        let line = error.to_string();
        assert!(line.starts_with(file.to_str().unwrap()) && !line.contains('\n'), "{line}");
        assert_eq!(contents(&folder.data()), before, "{line}");
        error
    };
    for (name, bytes) in bad {
        let file = folder.path().join(name);
        fs::write(&file, bytes).unwrap();
        assert!(matches!(refused(&file), RestoreError::Bad(_)), "{name}");
        // No directory is made for it either.
        assert!(put_back(&folder.path().join("new"), &file).is_err());
        assert!(!folder.path().join("new").exists());
    }
    let nowhere = folder.path().join("nowhere");
    assert!(matches!(refused(&nowhere), RestoreError::Unreadable { .. }));
    assert!(matches!(refused(&folder.data()), RestoreError::Unreadable { .. }));
    assert!(matches!(refused(&folder.database()), RestoreError::Itself(_)));
    let link = folder.path().join("link");
    symlink(folder.database(), &link).unwrap();
    assert!(matches!(refused(&link), RestoreError::Itself(_)));
    for name in ["lobbyd.db.restoring", "lobbyd.db.restored-7.new"] {
        let file = folder.data().join(name);
        fs::write(&file, &good).unwrap();
        let error = put_back(&folder.data(), &file).unwrap_err();
        assert!(matches!(error, RestoreError::OwnName(_)), "{error}");
        assert!(file.exists(), "it is not touched");
        fs::remove_file(&file).unwrap();
    }
    for suffix in ["-wal", "-journal"] {
        let file = folder.path().join(format!("by-hand{suffix}"));
        fs::write(&file, &good).unwrap();
        fs::write(beside(&file, suffix), "the log of another").unwrap();
        assert!(matches!(refused(&file), RestoreError::NotWhole { .. }), "{suffix}");
    }
}

#[test]
fn a_server_that_runs_is_named() {
    let folder = Folder::new();
    let copy = copy_of(&folder, "good");
    let (db, _) = Db::open(&folder.data()).unwrap();
    let before = files(&folder.data());
    let error = put_back(&folder.data(), &copy).unwrap_err();
    let pid = std::process::id();
    assert!(error.to_string().contains(&format!("(process {pid})")), "{error}");
    assert_eq!(files(&folder.data()), before);
    drop(db);
    put_back(&folder.data(), &copy).unwrap();
}

/// A data directory as a restore leaves it that is killed after so many steps.
fn broken_off_after(folder: &Folder, copy: &Path, steps: usize) -> PathBuf {
    let dir = folder.path().join(format!("after-{steps}"));
    killed(folder, &dir, &format!("late{steps}"));
    let unfinished = dir.join("lobbyd.db.restoring");
    fs::copy(copy, &unfinished).unwrap();
    // Names that a restore of another day has taken.
    fs::write(dir.join("lobbyd.db.before-restore-wal"), "of another day").unwrap();
    let database = dir.join(DATABASE_FILE);
    let kept = dir.join("lobbyd.db.before-restore.2");
    let announced = dir.join("lobbyd.db.restored-2.new");
    let renames = [
        (unfinished, announced.clone()),
        (database.clone(), kept.clone()),
        (beside(&database, "-wal"), beside(&kept, "-wal")),
        (beside(&database, "-shm"), beside(&kept, "-shm")),
        (announced, database),
    ];
    for (from, to) in &renames[..steps] {
        fs::rename(from, to).unwrap();
    }
    dir
}

#[test]
fn a_restore_that_is_broken_off_anywhere_leaves_one_whole_database_and_loses_none() {
    let folder = Folder::new();
    let copy = copy_of(&folder, "good");
    for steps in 0..=5 {
        let dir = broken_off_after(&folder, &copy, steps);
        let late = format!("late{steps}");
        let (db, notes) = Db::open(&dir).unwrap();
        drop(db);
        let finished = notes.iter().any(|note| matches!(note, Note::Restored { .. }));
        assert_eq!(finished, (1..5).contains(&steps), "{steps}: {notes:?}");
        let other = dir.join("lobbyd.db.before-restore-wal");
        assert_eq!(fs::read(other).unwrap(), b"of another day");
        if steps == 0 {
            assert_eq!(said_in(&dir), [late]);
            continue;
        }
        assert_eq!(said_in(&dir), ["good"], "{steps}");
        let left = files(&dir);
        assert!(!left.iter().any(|name| name.contains("restor") && !name.contains("before")));
        let whole = folder.path().join(format!("whole-{steps}"));
        put_back(&whole, &dir.join("lobbyd.db.before-restore.2")).unwrap();
        assert_eq!(said_in(&whole), [late], "{steps}");
    }
}

#[test]
fn a_copy_that_was_put_there_by_hand_beside_the_old_log_is_refused_with_the_files_at_fault() {
    let folder = Folder::new();
    let copy = copy_of(&folder, "good");
    killed(&folder, &folder.data(), "late");
    fs::copy(&copy, folder.database()).unwrap();
    let before = contents(&folder.data());
    let error = Db::open(&folder.data()).map(|_| ()).unwrap_err();
    assert!(matches!(error, OpenError::StrangeLog { .. }), "{error}");
    assert!(matches!(strange_log(&folder.data()), Err(OpenError::StrangeLog { .. })));
    let line = error.to_string();
    for word in ["lobbyd.db-wal", "lobbyd.db-shm", "lobbyd restore"] {
        assert!(line.contains(word), "{line}");
    }
    let locked = |(name, _): &(String, Vec<u8>)| name == LOCK_FILE;
    let without = |all: Vec<_>| all.into_iter().filter(|f| !locked(f)).collect::<Vec<_>>();
    assert_eq!(without(contents(&folder.data())), without(before));
    // Both ways out that it names.
    for suffix in ["-wal", "-shm"] {
        let from = beside(&folder.database(), suffix);
        fs::rename(&from, beside(&from, ".away")).unwrap();
    }
    assert_eq!(said_in(&folder.data()), ["good"]);
    put_back(&folder.data(), &copy).unwrap();
    assert_eq!(said_in(&folder.data()), ["good"]);
}

#[test]
fn damage_beside_a_full_log_is_told_with_the_log() {
    let folder = Folder::new();
    drop(Db::open(&folder.data()).unwrap());
    fs::write(folder.database(), "no database".repeat(99)).unwrap();
    fs::write(beside(&folder.database(), "-wal"), "what was said").unwrap();
    let line = Db::open(&folder.data()).map(|_| ()).unwrap_err().to_string();
    for word in ["damaged", "lobbyd.db-wal", "lobbyd.db-shm", "lobbyd restore"] {
        assert!(line.contains(word), "{line}");
    }
}

#[test]
fn what_is_not_a_file_of_ours_is_refused_and_not_followed() {
    let names = ["lobbyd.lock", "lobbyd.db", "lobbyd.db-wal", "lobbyd.db-shm", "lobbyd.db-journal"];
    for name in names {
        let folder = Folder::new();
        drop(Db::open(&folder.data()).unwrap());
        let (path, other) = (folder.data().join(name), folder.path().join("other"));
        let kinds: [(&str, &dyn Fn()); 4] = [
            ("link", &|| symlink(&other, &path).unwrap()),
            ("hard link", &|| fs::hard_link(&other, &path).unwrap()),
            ("directory", &|| fs::create_dir(&path).unwrap()),
            ("socket", &|| drop(std::os::unix::net::UnixListener::bind(&path).unwrap())),
        ];
        for (kind, make) in kinds {
            let _ = fs::remove_file(&path);
            fs::write(&other, "important").unwrap();
            fs::set_permissions(&other, fs::Permissions::from_mode(0o644)).unwrap();
            let stamp = || fs::metadata(&other).map(|found| found.modified().unwrap()).unwrap();
            let before = stamp();
            make();
            let error = Db::open(&folder.data()).map(|_| ()).unwrap_err();
            assert!(matches!(&error, OpenError::InTheWay { path: p, .. } if *p == path), "{error}");
            assert!(error.to_string().contains(kind), "{kind}: {error}");
            assert!(!error.to_string().contains('\n'));
            assert_eq!((fs::read(&other).unwrap(), stamp()), (b"important".to_vec(), before));
            assert_eq!(fs::metadata(&other).unwrap().permissions().mode() & 0o777, 0o644);
            let _ = fs::remove_dir(&path);
        }
    }
}

#[test]
fn a_link_to_nowhere_makes_no_file_there() {
    let folder = Folder::new();
    let nowhere = folder.path().join("nowhere");
    for name in ["lobbyd.lock", "lobbyd.db", "lobbyd.db-journal"] {
        fs::create_dir(folder.data()).unwrap();
        symlink(&nowhere, folder.data().join(name)).unwrap();
        assert!(matches!(Db::open(&folder.data()), Err(OpenError::InTheWay { .. })), "{name}");
        assert!(!nowhere.exists());
        fs::remove_dir_all(folder.data()).unwrap();
    }
    symlink(&nowhere, folder.path().join("copy")).unwrap();
    drop(Db::open(&folder.data()).unwrap());
    let refused = backup(&folder.data(), &folder.path().join("copy"));
    assert!(matches!(refused, Err(BackupError::Exists(_))));
    assert!(!nowhere.exists());
}

#[test]
fn a_backup_takes_nothing_that_lies_beside_its_name_for_its_own() {
    let folder = Folder::new();
    drop(Db::open(&folder.data()).unwrap());
    let to = folder.path().join("copy");
    for suffix in ["-wal", "-shm", "-journal"] {
        fs::write(beside(&to, suffix), "keep me").unwrap();
        let refused = backup(&folder.data(), &to);
        assert!(matches!(refused, Err(BackupError::Exists(path)) if path == beside(&to, suffix)));
        assert_eq!(fs::read(beside(&to, suffix)).unwrap(), b"keep me");
        fs::remove_file(beside(&to, suffix)).unwrap();
    }
    assert!(!to.exists());
}

#[test]
fn a_data_directory_that_is_a_link_is_the_operators_choice() {
    let folder = Folder::new();
    let copy = copy_of(&folder, "good");
    fs::create_dir(folder.path().join("elsewhere")).unwrap();
    symlink(folder.path().join("elsewhere"), folder.data()).unwrap();
    let (mut db, _) = Db::open(&folder.data()).unwrap();
    db.apply(&[Change::LobbyPut(lobby(1, "general").into()), said(1, 0, "hello")]).unwrap();
    drop(db);
    assert_eq!(said_in(&folder.data()), ["hello"]);
    backup(&folder.data(), &folder.path().join("another")).unwrap();
    put_back(&folder.data(), &copy).unwrap();
    assert_eq!(said_in(&folder.data()), ["good"]);
    assert!(folder.path().join("elsewhere").join(DATABASE_FILE).exists());
}
