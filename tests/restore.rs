//! `lobbyd restore`, and files that are not lobbyd's own where it writes.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::process::{Output, Stdio};
use std::thread;
use std::time::Instant;

use crate::harness::{Folder, Server, lobbyd, run};
use crate::people::stop;

const ON_FREE_PORT: [(&str, &str); 2] = [("CHAT_ADDR", "127.0.0.1:0"), ("CHAT_TLS_ADDR", "off")];

/// What a command that must succeed prints.
#[track_caller]
fn succeeds(out: &Output) -> String {
    assert_eq!(out.status.code(), Some(0), "{}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8(out.stdout.clone()).unwrap()
}

/// The one line of a command that must fail, which has all of these words.
#[track_caller]
fn fails(out: &Output, words: &[&str]) -> String {
    let error = String::from_utf8(out.stderr.clone()).unwrap();
    assert_eq!(out.status.code(), Some(1), "{error}");
    assert_eq!(error.lines().count(), 1, "{error}");
    assert!(words.iter().all(|word| error.contains(word)), "{words:?} in {error}");
    error
}

fn say(server: &Server, name: &str, texts: &[&str]) {
    let mut client = server.login(name);
    for text in texts {
        client.ask(text, &format!("╰─> {text}"));
    }
    // Answered from what is stored by then.
    client.ask("/history 1", texts[texts.len() - 1]);
    client.ask("/quit", "Goodbye!");
}

fn history(server: &Server) -> String {
    let mut reader = server.login("reader");
    reader.send("/history 200");
    reader.ask("/me has read", "has read")
}

/// A folder with a backup `good.db` of what was said early, and the data of a server that was killed
/// after more had been said.
fn killed_after_backup() -> Folder {
    let server = Server::start(&[]);
    say(&server, "alice", &["said early"]);
    succeeds(&run(server.folder.path(), &[], &["backup", "good.db"]));
    say(&server, "alice", &["said late"]);
    server.signal("KILL");
    server.into_folder()
}

#[test]
fn a_backup_is_restored_after_a_kill_and_the_old_database_is_kept() {
    let folder = killed_after_backup();
    let told = succeeds(&run(folder.path(), &[], &["restore", "good.db"]));
    assert!(told.contains("data/lobbyd.db is now a copy of good.db: version"), "{told}");
    assert!(told.contains("data/lobbyd.db.before-restore"), "{told}");
    let mode = fs::metadata(folder.join("data/lobbyd.db")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let server = Server::start_in(folder, &[]);
    let shown = history(&server);
    assert!(shown.contains("said early") && !shown.contains("said late"), "{shown}");

    // And back again, from what was kept, whose log lies beside it.
    let folder = stop(server);
    let kept = "data/lobbyd.db.before-restore";
    let told = succeeds(&run(folder.path(), &[], &["restore", kept]));
    assert!(told.contains("data/lobbyd.db.before-restore.2"), "{told}");
    let shown = history(&Server::start_in(folder, &[]));
    assert!(shown.contains("said early") && shown.contains("said late"), "{shown}");
}

#[test]
fn a_new_machine_gets_its_database_from_a_copy() {
    let server = Server::start(&[]);
    say(&server, "alice", &["worth keeping"]);
    succeeds(&run(server.folder.path(), &[], &["backup", "good.db"]));
    let folder = Folder::new();
    let copy = server.folder.join("good.db");
    let told = succeeds(&run(folder.path(), &[], &["restore", copy.to_str().unwrap()]));
    assert!(!told.contains("kept"), "{told}");
    assert_eq!(fs::metadata(folder.join("data")).unwrap().permissions().mode() & 0o777, 0o700);
    let shown = history(&Server::start_in(folder, &[]));
    assert!(shown.contains("worth keeping"), "{shown}");
}

#[test]
fn nothing_is_restored_under_a_running_server_or_from_what_is_no_copy() {
    let server = Server::start(&[]);
    say(&server, "alice", &["worth keeping"]);
    succeeds(&run(server.folder.path(), &[], &["backup", "good.db"]));
    let restore = |args: &[&str], env: &[(&str, &str)]| run(server.folder.path(), env, args);
    fails(&restore(&["restore", "good.db"], &[]), &["lobbyd.db", &server.pid().to_string()]);
    fails(&restore(&["restore", "good.db"], &[("CHAT_DATA_DIR", "off")]), &["CHAT_DATA_DIR"]);
    assert_eq!(restore(&["restore"], &[]).status.code(), Some(2));
    server.login("alice").ask("still here", "╰─> still here");

    let folder = stop(server);
    let state = || {
        let mut names: Vec<_> =
            fs::read_dir(folder.join("data")).unwrap().map(|e| e.unwrap().file_name()).collect();
        names.sort();
        (fs::read(folder.join("data/lobbyd.db")).unwrap(), names)
    };
    let before = state();
    fs::write(folder.join("text.db"), "this is no database".repeat(99)).unwrap();
    for bad in ["text.db", "nowhere.db", "data", "data/lobbyd.db", "/dev/null"] {
        fails(&run(folder.path(), &[], &["restore", bad]), &[bad]);
    }
    assert!(state() == before, "nothing is touched");
}

#[test]
fn a_backup_that_was_copied_over_the_database_is_not_undone_by_the_old_log() {
    let folder = killed_after_backup();
    fs::copy(folder.join("good.db"), folder.join("data/lobbyd.db")).unwrap();
    let words = ["lobbyd.db-wal", "lobbyd.db-shm", "lobbyd restore"];
    for args in [&[][..], &["check-data"], &["backup", "another.db"]] {
        fails(&run(folder.path(), &ON_FREE_PORT, args), &words);
    }
    succeeds(&run(folder.path(), &[], &["restore", "good.db"]));
    let shown = history(&Server::start_in(folder, &[]));
    assert!(shown.contains("said early") && !shown.contains("said late"), "{shown}");
}

#[test]
fn a_link_where_lobbyd_writes_is_refused_and_the_other_file_untouched() {
    let folder = stop(Server::start(&[]));
    let other = folder.join("authorized_keys");
    fs::write(&other, "ssh-ed25519 AAAA important\n").unwrap();
    fs::set_permissions(&other, fs::Permissions::from_mode(0o644)).unwrap();
    let stamp = || {
        let found = fs::metadata(&other).unwrap();
        let mode = found.permissions().mode();
        (fs::read(&other).unwrap(), mode, found.modified().unwrap())
    };
    let before = stamp();
    for name in ["lobbyd.lock", "lobbyd.db", "lobbyd.db-wal", "lobbyd.db-journal"] {
        let (path, away) = (folder.join("data").join(name), folder.join("away"));
        let was_there = fs::rename(&path, &away).is_ok();
        symlink(&other, &path).unwrap();
        fails(&run(folder.path(), &ON_FREE_PORT, &[]), &[name, "symbolic link", "Move it away"]);
        assert_eq!(stamp(), before, "{name}");
        fs::remove_file(&path).unwrap();
        if was_there {
            fs::rename(&away, &path).unwrap();
        }
    }
    for (link, args) in [
        ("copy.db", &["backup", "copy.db"][..]),
        ("server.key", &["gen-cert"]),
        ("server.crt", &["gen-cert"]),
    ] {
        symlink(&other, folder.join(link)).unwrap();
        let env = [("CHAT_TLS_CERT", "server.crt"), ("CHAT_TLS_KEY", "server.key")];
        fails(&run(folder.path(), &env, args), &[link, "exists already"]);
        assert_eq!(stamp(), before, "{link}");
        fs::remove_file(folder.join(link)).unwrap();
    }
    // By force a link is replaced; what it names is not.
    symlink(&other, folder.join("server.key")).unwrap();
    let env = [("CHAT_TLS_CERT", "server.crt"), ("CHAT_TLS_KEY", "server.key")];
    succeeds(&run(folder.path(), &env, &["gen-cert", "--force"]));
    assert_eq!(stamp(), before);
    assert!(fs::symlink_metadata(folder.join("server.key")).unwrap().is_file());
    Server::start_in(folder, &[]);
}

#[test]
fn a_restore_that_is_killed_at_any_instant_leaves_one_of_the_two_databases() {
    let folder = killed_after_backup();
    let prepared = || {
        let here = Folder::new();
        fs::create_dir(here.join("data")).unwrap();
        for name in ["lobbyd.db", "lobbyd.db-wal", "lobbyd.db-shm"] {
            fs::copy(folder.join("data").join(name), here.join("data").join(name)).unwrap();
        }
        fs::copy(folder.join("good.db"), here.join("good.db")).unwrap();
        here
    };
    let start = Instant::now();
    succeeds(&run(prepared().path(), &[], &["restore", "good.db"]));
    let whole = start.elapsed();
    for part in 0..20 {
        let here = prepared();
        let mut child = lobbyd(here.path(), &[], &["restore", "good.db"])
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        thread::sleep(whole * part / 20);
        child.kill().unwrap();
        child.wait().unwrap();
        let server = Server::start_in(here, &[]);
        let shown = history(&server);
        assert!(shown.contains("said early"), "{shown}");
        let kept = server.folder.join("data/lobbyd.db.before-restore");
        assert_eq!(kept.exists(), !shown.contains("said late"), "{part} of 20: {shown}");
    }
}
