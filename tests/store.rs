//! What outlives the process: lobbies, what was said in them, and a disk that fails.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use crate::harness::{Folder, Server, lobbyd, run};
use crate::people::stop;

fn database(folder: &Folder) -> PathBuf {
    folder.join("data").join("lobbyd.db")
}

#[test]
fn a_restart_brings_lobbies_and_their_messages_back() {
    let server = Server::start(&[]);
    let mut alice = server.login("alice");
    alice.ask("/create club no-pass A place to talk", "Created public lobby 'club'");
    alice.ask("/create vault hunter2 Secrets", "Created private lobby 'vault'");
    alice.ask("before the restart", "before the restart");
    alice.ask("/join club", "joined the lobby");
    alice.ask("/setai You are a pirate", "updated the AI prompt");
    alice.ask("said in the club", "said in the club");
    alice.sync("alice");
    let server = Server::start_in(stop(server), &[]);
    let mut bob = server.connect();
    bob.expect("username: ");
    bob.send("bob");
    let replay = bob.expect("bob has joined the lobby");
    assert!(replay.contains("alice [") && replay.contains("before the restart"), "{replay}");
    let list = bob.ask("/lobbies", "Description: Secrets");
    assert!(list.contains("=== Available Lobbies (3) ==="), "{list}");
    assert!(list.contains("custom AI | Created by: alice"), "{list}");
    bob.ask("/join vault", "Incorrect password for private lobby");
    bob.ask("/join vault hunter2", "bob has joined the lobby");
    let club = bob.ask("/join club", "bob has joined the lobby");
    assert!(club.contains("said in the club"), "{club}");
    bob.ask("/create CLUB x", "Lobby already exists");
}

#[test]
fn a_guest_with_the_name_of_a_creator_has_no_rights_after_a_restart() {
    let server = Server::start(&[]);
    let mut alice = server.login("alice");
    alice.ask("/create club no-pass x", "Created");
    let server = Server::start_in(stop(server), &[]);
    let mut alice = server.login("alice");
    alice.ask("/join club", "alice has joined");
    alice.ask("/setai mine", "Only the lobby creator can set the AI prompt");
}

#[test]
fn ages_of_replayed_messages_are_true_after_a_restart() {
    let server = Server::start(&[]);
    server.login("alice").ask("an old line", "an old line");
    thread::sleep(Duration::from_millis(5_200));
    let server = Server::start_in(stop(server), &[]);
    let mut bob = server.connect();
    bob.expect("username: ");
    bob.send("bob");
    let replay = bob.expect("bob has joined");
    assert!(replay.contains("alice [5s ago]") || replay.contains("alice [6s ago]"), "{replay}");
}

#[test]
fn nothing_is_written_where_the_data_folder_is_off() {
    let server = Server::start(&[("CHAT_DATA_DIR", "off")]);
    server.login("alice").ask("a line", "a line");
    let folder = stop(server);
    assert!(!folder.join("data").exists());
    let out = run(folder.path(), &[("CHAT_DATA_DIR", "off")], &["check-data"]);
    assert_eq!(out.status.code(), Some(1));
}

#[test]
fn the_data_is_for_its_owner_alone() {
    let server = Server::start(&[]);
    server.login("alice").ask("a line", "a line");
    let mode = |path: PathBuf| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(server.folder.join("data")), 0o700);
    for file in fs::read_dir(server.folder.join("data")).unwrap() {
        let path = file.unwrap().path();
        assert_eq!(mode(path.clone()), 0o600, "{}", path.display());
    }
}

#[test]
fn a_second_server_on_the_same_data_is_refused_with_the_process_of_the_first() {
    let server = Server::start(&[]);
    let env = [("CHAT_ADDR", "127.0.0.1:0"), ("CHAT_TLS_ADDR", "off")];
    let out = run(server.folder.path(), &env, &[]);
    let error = String::from_utf8(out.stderr).unwrap();
    assert_eq!(out.status.code(), Some(1), "{error}");
    assert!(error.contains(&server.pid().to_string()) && error.contains("lobbyd.db"), "{error}");
}

#[test]
fn a_damaged_or_foreign_or_newer_database_stops_the_start_and_stays_as_it_is() {
    let folder = stop(Server::start(&[]));
    let good = fs::read(database(&folder)).unwrap();
    let mut newer = good.clone();
    // The user version of the header (https://www.sqlite.org/fileformat2.html, offset 60).
    newer[60..64].copy_from_slice(&9_999_u32.to_be_bytes());
    let mut damaged = good.clone();
    damaged[100..5_000].fill(0x5A);
    for bad in [newer, damaged, b"no database at all, but some text".to_vec()] {
        fs::write(database(&folder), &bad).unwrap();
        let env = [("CHAT_ADDR", "127.0.0.1:0"), ("CHAT_TLS_ADDR", "off")];
        let out = run(folder.path(), &env, &[]);
        let error = String::from_utf8(out.stderr).unwrap();
        assert_eq!(out.status.code(), Some(1), "{error}");
        assert_eq!(error.lines().count(), 1, "{error}");
        assert!(error.contains("lobbyd.db"), "{error}");
        assert_eq!(fs::read(database(&folder)).unwrap(), bad, "untouched");
        assert_eq!(run(folder.path(), &[], &["check-data"]).status.code(), Some(1));
    }
    fs::write(database(&folder), good).unwrap();
    Server::start_in(folder, &[]);
}

#[test]
fn a_data_folder_that_cannot_be_used_stops_the_start() {
    let folder = Folder::new();
    fs::write(folder.join("data"), "a file").unwrap();
    let env = [("CHAT_ADDR", "127.0.0.1:0"), ("CHAT_TLS_ADDR", "off")];
    let out = run(folder.path(), &env, &[]);
    let error = String::from_utf8(out.stderr).unwrap();
    assert_eq!(out.status.code(), Some(1), "{error}");
    assert!(error.lines().count() == 1 && error.contains("data"), "{error}");
}

#[test]
fn a_running_server_is_backed_up() {
    let server = Server::start(&[]);
    let mut alice = server.login("alice");
    alice.ask("worth keeping", "worth keeping");
    alice.ask("/history", "worth keeping");
    let backup = |file: &str| run(server.folder.path(), &[], &["backup", file]);
    let out = backup("copy.db");
    assert_eq!(out.status.code(), Some(0), "{}", String::from_utf8_lossy(&out.stderr));
    assert_eq!(backup("copy.db").status.code(), Some(1), "it is never overwritten");
    for own in ["data/lobbyd.db-journal", "data/lobbyd.db", "data/../data/lobbyd.lock"] {
        let out = backup(own);
        let told = String::from_utf8(out.stderr).unwrap();
        assert!(out.status.code() == Some(1) && told.contains("the server's own"), "{own}: {told}");
    }
    let mode = fs::metadata(server.folder.join("copy.db")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);

    let folder = Folder::new();
    fs::create_dir(folder.join("data")).unwrap();
    fs::copy(server.folder.join("copy.db"), database(&folder)).unwrap();
    assert_eq!(run(folder.path(), &[], &["check-data"]).status.code(), Some(0));
    let other = Server::start_in(folder, &[]);
    let mut bob = other.login("bob");
    bob.ask("/history", "worth keeping");
}

#[test]
fn history_and_search_answer_from_what_is_stored() {
    let server = Server::start(&[("CHAT_HISTORY_MESSAGES", "5")]);
    let mut alice = server.login("alice");
    for i in 0..30 {
        alice.send(&format!("line number {i:02} of many"));
    }
    alice.sync("alice");
    let shown = alice.ask("/history", "number 29 of many");
    assert!(shown.contains("number 10 of") && !shown.contains("number 09 of"), "{shown}");
    let shown = alice.ask("/history 3", "number 29 of many");
    assert!(shown.contains("number 27 of") && !shown.contains("number 26 of"), "{shown}");
    for bad in ["/history x", "/history -1", "/history 0", "/history 1 2", "/search"] {
        alice.ask(bad, "Usage: /");
    }
    alice.ask("/search NUMBER 07", "number 07 of many");
    alice.send("今天天气很好");
    alice.ask("/search 天气", "今天天气很好");
    alice.ask("/search \" OR NEAR(", ">");
    let mut bob = server.login("bob");
    bob.ask("/create other no-pass x", "Created");
    bob.ask("/join other", "bob has joined");
    let found = bob.ask("/search number", "> ");
    assert!(!found.contains("of many"), "another lobby's messages stay there: {found}");
}

/// Lets the program write no byte beyond a size, as on a full disk, or any again.
pub(crate) fn limit_file_size(server: &Server, bytes: &str) {
    let pid = server.pid().to_string();
    let limit = format!("--fsize={bytes}:unlimited");
    assert!(Command::new("prlimit").args([&limit, "--pid", &pid]).status().unwrap().success());
}

/// A server whose disk can be full, with these variables too.
pub(crate) fn start_with_a_limit_on_files(env: &[(&str, &str)]) -> Server {
    let folder = Folder::new();
    // A process that may write no more is sent a signal, which ends it unless it is ignored.
    let program = lobbyd(folder.path(), &[], &[]).get_program().to_owned();
    let mut command = Command::new("sh");
    command.args(["-c", "trap '' XFSZ; exec \"$0\""]).arg(program).current_dir(folder.path());
    command.env_clear().envs([
        ("CHAT_ADDR", "127.0.0.1:0"),
        ("CHAT_TLS_ADDR", "off"),
        ("CHAT_RATE_MESSAGES", "0"),
        ("PATH", "/usr/bin:/bin"),
    ]);
    command.envs(env.iter().copied());
    Server::spawn(command, folder)
}

#[test]
fn the_chat_goes_on_while_the_disk_cannot_be_written_and_catches_up_after() {
    let mut server = start_with_a_limit_on_files(&[]);
    let mut alice = server.login("alice");
    alice.ask("while it works", "while it works");
    alice.ask("/history", "while it works");
    limit_file_size(&server, "0");
    for i in 0..50 {
        alice.ask(&format!("nowhere to put {i}"), &format!("nowhere to put {i}"));
    }
    server.wait_for_log("the database cannot be written");
    alice.ask("/create stuck no-pass x", "could not be stored");
    let list = alice.ask("/lobbies", "Description:");
    assert!(!list.contains("stuck"), "what failed has changed nothing: {list}");
    thread::sleep(Duration::from_millis(1_500));
    limit_file_size(&server, "unlimited");
    server.wait_for_log("the database is written again");
    alice.ask("/create stuck no-pass x", "Created public lobby 'stuck'");
    let log = server.log();
    assert_eq!(log.matches("cannot be written").count(), 1, "{log}");
    assert_eq!(log.matches("written again").count(), 1, "{log}");
    let server = Server::start_in(stop(server), &[]);
    let mut bob = server.login("bob");
    let shown = bob.ask("/history 60", "nowhere to put 49");
    assert!(shown.contains("while it works") && shown.contains("nowhere to put 0"), "{shown}");
}

/// A line that was shown, and when.
struct Shown {
    text: String,
    at: Instant,
}

/// Talks until the connection breaks; tells what was shown to it.
fn talk(port: u16, name: &str) -> Vec<Shown> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    let mut shown = Vec::new();
    let says = std::iter::once(name.to_owned()).chain((0..).map(|i| format!("<{name}:{i}>")));
    for (i, text) in says.enumerate() {
        let end = if i == 0 { "has joined the lobby" } else { &text };
        if writeln!(stream, "{text}").is_err() || !comes(&mut stream, end.as_bytes()) {
            break;
        }
        shown.push(Shown { text, at: Instant::now() });
    }
    shown.split_off(1.min(shown.len()))
}

/// Reads until `end` comes; false where the connection ends first.
fn comes(stream: &mut TcpStream, end: &[u8]) -> bool {
    let (mut got, mut buf) = (Vec::new(), [0; 16_384]);
    while !got.windows(end.len()).any(|window| window == end) {
        match stream.read(&mut buf) {
            Ok(count) if count > 0 => got.extend_from_slice(&buf[..count]),
            _ => return false,
        }
    }
    true
}

/// One kill at a random instant; how many lines had to be there.
fn killed_at(millis: u64) -> usize {
    let server = Server::start(&[("CHAT_HISTORY_MESSAGES", "10000")]);
    let port = server.port;
    let threads = ["ann", "bob", "cat"].map(|name| thread::spawn(move || talk(port, name)));
    thread::sleep(Duration::from_millis(millis));
    let killed = Instant::now();
    server.signal("KILL");
    let shown: Vec<Shown> = threads.into_iter().flat_map(|t| t.join().unwrap()).collect();
    let folder = server.into_folder();
    let out = run(folder.path(), &[], &["check-data"]);
    assert_eq!(out.status.code(), Some(0), "{}", String::from_utf8_lossy(&out.stderr));

    let server = Server::start_in(folder, &[("CHAT_HISTORY_MESSAGES", "10000")]);
    let mut reader = server.connect();
    reader.expect("username: ");
    reader.send("reader");
    let replay = reader.expect("reader has joined");
    let stored: Vec<&str> = replay.split(['<', '>']).filter(|s| s.contains(':')).collect();
    for name in ["ann", "bob", "cat"] {
        let numbers: Vec<usize> = stored
            .iter()
            .filter_map(|line| line.strip_prefix(name)?.strip_prefix(':')?.parse().ok())
            .collect();
        let expected: Vec<usize> = (0..numbers.len()).collect();
        assert_eq!(numbers, expected, "once each, in the order shown");
    }
    let old = shown.iter().filter(|s| killed.duration_since(s.at) >= Duration::from_secs(1));
    let old: Vec<&Shown> = old.collect();
    for line in &old {
        assert!(replay.contains(&line.text), "{} was shown and is lost", line.text);
    }
    old.len()
}

/// Kills, and how many of them at one time.
const KILLS: u64 = 50;
const AT_A_TIME: u64 = 10;

#[test]
fn a_kill_at_any_instant_loses_nothing_that_was_shown_for_a_second() {
    // Spread over the time of many commits, and all past the second that counts.
    let old = |worker: u64| -> usize {
        let rounds = (worker..KILLS).step_by(AT_A_TIME as usize);
        rounds.map(|i| killed_at(1_050 + i * 137 % 700)).sum()
    };
    let workers: Vec<_> = (0..AT_A_TIME).map(|w| thread::spawn(move || old(w))).collect();
    let old: usize = workers.into_iter().map(|worker| worker.join().unwrap()).sum();
    assert!(old > 0, "some lines were old enough to count");
}
