//! `lobbyd ctl`: what an operator asks a running server over its Unix socket.

use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::fs::{FileTypeExt, PermissionsExt, symlink};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Output, Stdio};

use serde_json::Value;

use crate::exporting::terminal;
use crate::harness::{Client, FAULTS, Folder, PATIENCE, Server, lobbyd, run};
use crate::people::{
    ADMINS, PASSWORD, challenged, guest_from, logged_in_to, quit, registered, stop, with_root,
};
use crate::reloading;

/// What `lobbyd ctl` said, and its exit status.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) out: String,
    pub(crate) err: String,
    pub(crate) status: i32,
}

impl Told {
    pub(crate) fn of(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        let status = output.status.code().unwrap_or(-1);
        Self { out: text(output.stdout), err: text(output.stderr), status }
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap()
    }
}

fn words(line: &str) -> Vec<&str> {
    std::iter::once("ctl").chain(line.split_whitespace()).collect()
}

/// Asks in the folder of a server, or of none.
#[track_caller]
pub(crate) fn asks(folder: &Path, line: &str) -> Told {
    Told::of(run(folder, &[], &words(line)))
}

/// Asks a server, which does it.
#[track_caller]
pub(crate) fn ctl(server: &Server, line: &str) -> Told {
    let told = asks(server.folder.path(), line);
    assert!(told.status == 0 && told.err.is_empty(), "{line}: {told:?}");
    told
}

/// Asks a server, which does not do it, and says why in one line.
#[track_caller]
pub(crate) fn fails(server: &Server, line: &str, status: i32, why: &str) {
    let told = asks(server.folder.path(), line);
    assert_eq!((told.status, told.out.as_str()), (status, ""), "{line}: {told:?}");
    assert_eq!(told.err, format!("lobbyd: {why}\n"), "{line}");
}

/// `lobbyd ctl passwd NAME` with this on its standard input.
#[track_caller]
pub(crate) fn gives(server: &Server, name: &str, password: &str) -> Told {
    let mut child = lobbyd(server.folder.path(), &[], &["ctl", "passwd", name])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // It may end without having read it.
    let _ = child.stdin.take().unwrap().write_all(format!("{password}\n").as_bytes());
    let told = Told::of(child.wait_with_output().unwrap());
    assert!(!told.out.contains(password) && !told.err.contains(password), "{told:?}");
    told
}

fn kicked(client: &mut Client) {
    client.expect("You were kicked. Goodbye!\n");
    client.read_to_end();
}

#[test]
fn status_tells_how_the_server_is() {
    let mut server = Server::start(&[]);
    let folder = server.folder.path().to_owned();
    server.wait_for(|_| asks(&folder, "status").out.contains(", ready\n"), "it is ready");
    let _alice = server.login("alice");
    let _nameless = server.connect();
    let port = server.port;
    let plain = format!("plain 127.0.0.1:{port}, 2 connections\n");
    server.wait_for(|_| asks(&folder, "status").out.contains(&plain), &plain);
    let told = ctl(&server, "status").out;
    let pid = server.pid();
    let head = format!("lobbyd       {}, process {pid}, ready\n", env!("CARGO_PKG_VERSION"));
    assert!(told.starts_with(&head), "{told}");
    for line in ["Chat         1 user, 1 lobby\n", "Database     good", "Last reload  none\n"] {
        assert!(told.contains(line), "{line}: {told}");
    }
    assert!(
        told.lines().all(|line| line.chars().count() <= 80 || line.starts_with("Data")),
        "{told}"
    );
    let value = ctl(&server, "--json status").json();
    assert_eq!(value["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!((value["pid"].as_u64(), &value["state"]), (Some(pid.into()), &Value::from("ready")));
    assert_eq!(value["why"], Value::Array(Vec::new()));
    assert_eq!(value["drain"], Value::Null);
    assert_eq!(value["listeners"][0]["kind"], "plain");
    assert_eq!(value["listeners"][0]["addr"], format!("127.0.0.1:{port}"));
    assert_eq!((value["users"].as_u64(), value["lobbies"].as_u64()), (Some(1), Some(1)));
    assert!(value["data"].as_str().unwrap().ends_with("/data/lobbyd.db"));
}

#[test]
fn users_and_lobbies_are_listed_for_people_and_for_programs() {
    let server = with_root();
    let (_root, _) = logged_in_to(&server, "root");
    let _alice = registered(&server, "Alice");
    let mut bob = guest_from(&server, "127.0.0.2", "bob");
    bob.ask("/create club secret-word Ours alone", "Created");
    bob.ask("/join club secret-word", "bob has joined the lobby");
    bob.ask("/away lunch", "> ");
    let told = ctl(&server, "users").out;
    let lines: Vec<Vec<&str>> =
        told.lines().map(|line| line.split_whitespace().collect()).collect();
    let head = ["NAME", "KIND", "ADDRESS", "LOBBY", "LISTENER", "IDLE", "SINCE"];
    assert_eq!(lines[0], head);
    assert_eq!(lines[1][..5], ["Alice", "account", "127.0.0.1", "general", "plain"]);
    assert_eq!(lines[2][..5], ["bob", "guest", "127.0.0.2", "club", "plain"]);
    assert_eq!(lines[3][..5], ["root", "admin", "127.0.0.1", "general", "plain"]);
    assert_eq!(lines[4], ["3", "users"]);
    let value = ctl(&server, "users --json").json();
    let bob = &value.as_array().unwrap()[1];
    assert_eq!((&bob["name"], &bob["lobby"]), (&Value::from("bob"), &Value::from("club")));
    assert_eq!((&bob["account"], &bob["away"]), (&Value::from(false), &Value::from(true)));
    assert!(bob["idle_secs"].is_u64() && bob["conn"].is_u64() && bob["since"].is_string(), "{bob}");

    let told = ctl(&server, "lobbies").out;
    let lines: Vec<Vec<&str>> =
        told.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(lines[1][..5], ["general", "2", "public", "the", "server"]);
    assert_eq!(lines[2][..5], ["club", "1", "private", "bob", "(guest)"]);
    let value = ctl(&server, "lobbies --json").json();
    let club = &value.as_array().unwrap()[1];
    assert_eq!((&club["private"], &club["owner"]), (&Value::from(true), &Value::from("bob")));
    assert_eq!(club["owner_kind"], "guest");
    assert!(!value.to_string().contains("secret-word"));
}

#[test]
fn an_empty_server_has_empty_lists() {
    let server = Server::start(&[]);
    assert!(ctl(&server, "users").out.ends_with("\n0 users\n"));
    assert_eq!(ctl(&server, "users --json").out, "[]\n");
}

#[test]
fn kick_ends_a_connection_and_the_audit_says_so() {
    let server = with_root();
    let (mut root, _) = logged_in_to(&server, "root");
    let mut alice = registered(&server, "alice");
    let mut bob = server.login("bob");
    let told = ctl(&server, "kick BOB No spam, please").out;
    assert_eq!(told, "Disconnected bob: No spam, please\n");
    bob.expect("The operator of the server disconnects you: No spam, please\n");
    kicked(&mut bob);
    alice.expect("[LOBBY] bob has left the lobby\n");
    // Nobody is over the operator, and nobody is banned by it.
    assert_eq!(ctl(&server, "kick alice").out, "Disconnected alice\n");
    kicked(&mut alice);
    root.ask("/audit", "console disconnected alice\n");
    assert_eq!(ctl(&server, "--json kick root").json()["name"], "root");
    kicked(&mut root);
    quit(server.login("bob"));
    let (mut root, _) = logged_in_to(&server, "root");
    let told = root.ask("/audit", "console disconnected root\n");
    assert!(told.contains("console disconnected bob: No spam, please\n"), "{told}");
    fails(&server, "kick alice", 1, "alice is not connected");
    fails(&server, "kick nobody", 1, "there is no user 'nobody'");
    fails(&server, "kick roo", 1, "there is no user 'roo'; did you mean root?");
    fails(&server, "kick x", 2, "bad name 'x': too short");
}

#[test]
fn gban_keeps_somebody_off_the_server_and_tells_who_else_it_struck() {
    let server = with_root();
    let mut bob = guest_from(&server, "127.0.0.2", "bob");
    let mut innocent = guest_from(&server, "127.0.0.2", "innocent");
    let told = ctl(&server, "gban bob 10m Spam everywhere").out;
    assert_eq!(
        told,
        "Banned bob from the server for 10m: Spam everywhere\nalso: innocent (same address)\n"
    );
    for (client, whom) in [(&mut bob, "You"), (&mut innocent, "Guests of your address")] {
        client.expect(&format!("{whom} are banned for 10m more: Spam everywhere\n"));
        client.expect("You are banned from this server. Goodbye!\n");
        client.read_to_end();
    }
    let mut again = crate::people::connect_from(&server, "127.0.0.2");
    again.expect("Enter your username: ");
    again.ask("eve", "Guests of your address are banned for 10m more: Spam everywhere\n");
    assert_eq!(ctl(&server, "ungban BOB").out, "Let bob onto the server again\n");
    again.ask("eve", "eve has joined the lobby");
    // One guest alone, and for good; one who has left.
    let mut zoe = guest_from(&server, "127.0.0.2", "zoe");
    let value = ctl(&server, "gban -1 eve --json").json();
    assert_eq!(value["what"], "banned eve from the server for good");
    assert_eq!(value["also"], Value::Array(Vec::new()));
    again.expect("You are banned from this server. Goodbye!\n");
    zoe.sync("zoe");
    quit(zoe);
    ctl(&server, "gban zoe 1h");
    let mut back = crate::people::connect_from(&server, "127.0.0.2");
    back.expect("Enter your username: ");
    back.ask("zoe", "Guests of your address are banned for 1h more.\n");
}

#[test]
fn a_reason_that_begins_like_a_time_stands_in_quotes_as_in_the_chat() {
    let server = with_root();
    let (mut root, _) = logged_in_to(&server, "root");
    for (number, (words, chat, want)) in [
        (&["3rd warning"][..], "\"3rd warning\"", "for good: 3rd warning"),
        (&["2h of spam"], "\"2h of spam\"", "for good: 2h of spam"),
        (&["2h", "3rd warning"], "2h 3rd warning", "for 2h: 3rd warning"),
        (&["\"42\""], "\"42\"", "for good: 42"),
    ]
    .into_iter()
    .enumerate()
    {
        let names = [format!("ann-{number}"), format!("bea-{number}")];
        let _ann = guest_from(&server, "127.0.0.2", &names[0]);
        let args: Vec<&str> =
            ["ctl", "gban", "-1", &names[0]].iter().chain(words).copied().collect();
        let told = Told::of(run(server.folder.path(), &[], &args));
        let done = format!("Banned {} from the server {want}\n", names[0]);
        assert_eq!((told.status, told.out), (0, done), "{}", told.err);
        let _bea = guest_from(&server, "127.0.0.3", &names[1]);
        let done = format!("You banned {} from the server {want}\n", names[1]);
        root.ask(&format!("/gban -1 {} {chat}", names[1]), &done);
    }
}

#[test]
fn bans_are_listed_with_whom_they_strike_until_when_by_whom_and_why() {
    let mut server = with_root();
    assert!(ctl(&server, "bans").out.ends_with("\n0 bans\n"));
    assert_eq!(ctl(&server, "bans --json").out, "[]\n");
    let (mut root, _) = logged_in_to(&server, "root");
    quit(registered(&server, "alice"));
    let _bob = guest_from(&server, "127.0.0.2", "bob");
    let _eve = guest_from(&server, "127.0.0.3", "eve");
    root.ask("/gban alice Enough is enough", "You banned alice");
    ctl(&server, "gban -1 bob 1s");
    ctl(&server, "gban eve 2w");
    // What has ended is none any more.
    let folder = server.folder.path().to_owned();
    server.wait_for(|_| asks(&folder, "bans").out.ends_with("\n2 bans\n"), "one has ended");
    let told = ctl(&server, "bans").out;
    let lines: Vec<Vec<&str>> =
        told.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(lines[0], ["NAME", "OF", "SINCE", "TIME", "LEFT", "BY", "REASON"]);
    assert_eq!(lines[1][..2], ["alice", "account"]);
    assert_eq!(lines[1][3..], ["for", "good", "root", "Enough", "is", "enough"]);
    assert_eq!(lines[2][..5], ["eve", "guests", "of", "an", "address"]);
    assert!(told.contains(" console  -\n") && !told.contains("127.0.0."), "{told}");
    let value = ctl(&server, "bans --json").json();
    let [alice, eve] = &value.as_array().unwrap()[..] else { panic!("{value}") };
    assert_eq!((&alice["name"], &alice["of"]), (&"alice".into(), &"account".into()));
    assert_eq!((&alice["by"], &alice["until"]), (&"root".into(), &Value::Null));
    assert_eq!((&alice["reason"], &eve["reason"]), (&"Enough is enough".into(), &Value::Null));
    assert_eq!((&eve["of"], &eve["by"]), (&"address".into(), &"console".into()));
    assert!(eve["since"].is_string() && eve["until"].is_string(), "{eve}");
    // They outlive the process, and one that was lifted is gone.
    let server = Server::start_in(stop(server), &ADMINS);
    ctl(&server, "ungban alice");
    let value = ctl(&server, "bans --json").json();
    assert_eq!((value.as_array().unwrap().len(), &value[0]["name"]), (1, &"eve".into()));
}

#[test]
fn what_cannot_be_done_to_somebody_is_told_why() {
    let server = with_root();
    let _bob = server.login("bob");
    let times = "times are 30s, 10m, 2h30m, 7d or 2w. A reason that begins with a digit or a sign stands in \
                 quotes: '\"3rd warning\"'";
    fails(&server, "gban bob 3x", 2, times);
    fails(&server, "gban bob 0s", 2, times);
    fails(&server, "gban bob 3rd warning", 2, times);
    fails(&server, "gban nobody 10m", 1, "there is no user 'nobody'");
    let admin = "root is an admin: take the name out of CHAT_ADMINS and reload first";
    fails(&server, "gban root", 1, admin);
    fails(&server, "ungban bob", 1, "nobody called bob is banned from the server");
    let long = "x".repeat(1_001);
    fails(&server, &format!("announce {long}"), 2, "too long: 1000 characters at most");
    assert!(ctl(&server, "users").out.contains("bob"), "nothing was done");
}

#[test]
fn announce_tells_everybody() {
    let server = Server::start(&[]);
    let mut alice = server.login("alice");
    let mut bob = server.login("bob");
    assert_eq!(ctl(&server, "announce Restart in ten minutes").out, "Announced.\n");
    for client in [&mut alice, &mut bob] {
        client.expect("[ANNOUNCEMENT] console: Restart in ten minutes\n> ");
    }
    // Nobody can pass for the operator.
    let mut eve = server.connect();
    eve.expect("Enter your username: ");
    eve.ask("Console", "Username already taken, try another.\n");
    eve.ask("conso1e", "Username too close to 'console', try another.\n");
}

#[test]
fn backup_copies_the_database_to_where_the_operator_is() {
    let server = Server::start(&[]);
    let mut alice = server.login("alice");
    alice.ask("worth keeping", "╰─> worth keeping\n");
    let data = server.folder.join("data");
    let elsewhere = Folder::new();
    let env = [("CHAT_DATA_DIR", data.to_str().unwrap())];
    let backup = || Told::of(run(elsewhere.path(), &env, &["ctl", "backup", "copy.db"]));
    let told = backup();
    let copy = elsewhere.join("copy.db");
    assert_eq!((told.status, told.out), (0, format!("Wrote {}\n", copy.display())));
    assert_eq!(std::fs::metadata(&copy).unwrap().permissions().mode() & 0o777, 0o600);
    let told = backup();
    let why = format!("lobbyd: {}: exists already. Name another file\n", copy.display());
    assert_eq!((told.status, told.err), (1, why));
    let restored = run(elsewhere.path(), &[], &["restore", "copy.db"]);
    assert!(restored.status.success(), "{restored:?}");
    let out = run(elsewhere.path(), &[], &["export", "general"]);
    assert!(String::from_utf8(out.stdout).unwrap().contains("worth keeping"));
}

#[test]
fn passwd_makes_an_admin_of_a_running_server_at_once() {
    let mut server = Server::start(&ADMINS);
    assert!(
        server.out().contains("root is no admin yet: run: lobbyd ctl passwd root\n"),
        "{}",
        server.out()
    );
    let told = gives(&server, "root", PASSWORD);
    assert_eq!((told.out.as_str(), told.status), ("root is registered.\n", 0), "{told:?}");
    let (mut root, _) = logged_in_to(&server, "root");
    root.ask("/announce mine", "[ANNOUNCEMENT] root: mine\n");
    root.ask("/audit", "console made the account root\n");
    quit(root);
    server.wait_for_log("root");
    assert!(!server.log().contains(PASSWORD));
    // It lasts.
    let server = Server::start_in(stop(server), &ADMINS);
    let (mut root, _) = logged_in_to(&server, "root");
    root.ask("/announce still", "[ANNOUNCEMENT] root: still\n");
}

#[test]
fn passwd_takes_an_account_from_whoever_had_it() {
    let server = Server::start(&[]);
    let mut thief = registered(&server, "alice");
    let mut waiting = challenged(&server, "alice");
    let told = gives(&server, "ALICE", "another-password");
    let want = "alice has a new password. Whoever was logged in to it is disconnected.\n";
    assert_eq!((told.out.as_str(), told.status), (want, 0), "{told:?}");
    thief.expect("This account has a new password. Log in with it again.\n");
    thief.read_to_end();
    waiting.ask(PASSWORD, "Wrong password.\n");
    waiting.ask("another-password", "alice has joined the lobby");
    let told = gives(&server, "alice", "a-third-password");
    assert_eq!(told.status, 0, "{told:?}");
    waiting.expect("This account has a new password. Log in with it again.\n");
}

#[test]
fn an_account_that_somebody_made_becomes_the_admins_with_the_operators_password() {
    let folder = stop({
        let server = Server::start(&[]);
        quit(registered(&server, "root"));
        server
    });
    let server = Server::start_in(folder, &ADMINS);
    let (mut stranger, _) = logged_in_to(&server, "root");
    stranger.ask("/announce mine", "Only an admin can do that.\n");
    assert_eq!(gives(&server, "root", "the-operators").status, 0);
    stranger.expect("This account has a new password. Log in with it again.\n");
    let mut root = challenged(&server, "root");
    root.ask("the-operators", "root has joined the lobby");
    root.ask("/announce mine", "[ANNOUNCEMENT] root: mine\n");
}

#[test]
fn passwd_says_why_there_is_no_account() {
    let server = Server::start(&[]);
    let _bob = server.login("bob");
    for (name, password, status, why) in [
        ("bob", PASSWORD, 1, "a guest is called bob: lobbyd ctl kick bob first"),
        ("admin", PASSWORD, 1, "the name admin is the server's own"),
        ("x", PASSWORD, 2, "bad name 'x': too short"),
        ("alice", "short", 1, "the password on standard input has 5 characters; expected 8 to 128"),
    ] {
        let told = gives(&server, name, password);
        assert_eq!(told.status, status, "{told:?}");
        assert_eq!(told.err.lines().last(), Some(format!("lobbyd: {why}").as_str()), "{told:?}");
    }
    ctl(&server, "kick bob");
    assert_eq!(gives(&server, "bob", PASSWORD).out, "bob is registered.\n");
}

#[test]
fn who_finds_no_server_is_told_why() {
    let folder = Folder::new();
    let told = asks(folder.path(), "status");
    assert_eq!((told.status, told.out.as_str()), (1, ""));
    let socket = folder.join("data").join("ctl.sock");
    let missing =
        format!("no server runs with this CHAT_DATA_DIR: {} is not there", socket.display());
    assert!(told.err.contains(&missing) && told.err.lines().count() == 1, "{told:?}");
    let remedy = "ask in the folder that it was started in, with the CHAT_DATA_DIR that it has";
    assert!(told.err.contains(remedy), "{told:?}");
    let told = Told::of(run(folder.path(), &[("CHAT_DATA_DIR", "off")], &["ctl", "status"]));
    assert_eq!(told.status, 1);
    assert_eq!(told.err, "lobbyd: CHAT_DATA_DIR is off: a server without it has no console\n");
    // Other settings are the server's affair; where none is found they may be why.
    std::fs::write(folder.join(".env"), "CHAT_ADDR=nonsense\n").unwrap();
    let told = asks(folder.path(), "status");
    assert!(told.err.contains("CHAT_ADDR") && told.err.contains(&missing), "{told:?}");
}

#[test]
fn a_server_without_a_data_directory_says_that_it_has_no_console() {
    let mut server = Server::start(&[("CHAT_DATA_DIR", "off")]);
    server.wait_for_log("there is no console (lobbyd ctl): CHAT_DATA_DIR is off");
    let log = server.log();
    assert!(log.lines().next().unwrap().contains(" starting] "), "{log}");
}

#[test]
fn the_socket_is_its_owners_and_goes_with_the_server() {
    let server = Server::start(&[]);
    let socket = server.folder.join("data").join("ctl.sock");
    let found = std::fs::symlink_metadata(&socket).unwrap();
    assert!(found.file_type().is_socket());
    assert_eq!(found.permissions().mode() & 0o777, 0o600);
    let folder = stop(server);
    assert!(!socket.exists());
    // One that is killed leaves it behind, and the next one takes its place.
    let folder = Server::start_in(folder, &[]).into_folder();
    assert!(socket.exists());
    let told = asks(folder.path(), "status");
    assert!(told.status == 1 && told.err.contains("is left from one that was killed"), "{told:?}");
    let server = Server::start_in(folder, &[]);
    ctl(&server, "status");
}

#[test]
fn what_is_no_socket_of_ours_stops_the_start_and_is_not_touched() {
    let folder = Folder::new();
    std::fs::create_dir(folder.join("data")).unwrap();
    let socket = folder.join("data").join("ctl.sock");
    let starts = || run(folder.path(), &[("CHAT_ADDR", "127.0.0.1:0")], &[]);
    for (make, what) in [
        (&(|| std::fs::write(&socket, "mine").unwrap()) as &dyn Fn(), "a file"),
        (&|| symlink("/nowhere", &socket).unwrap(), "a symbolic link"),
        (&|| std::fs::create_dir(&socket).unwrap(), "a directory"),
    ] {
        make();
        let told = Told::of(starts());
        let why = format!("data/ctl.sock: this is {what}, where lobbyd has its console.");
        assert!(told.status == 1 && told.err.contains(&why), "{told:?}");
        assert!(std::fs::symlink_metadata(&socket).is_ok());
        let told = asks(folder.path(), "status");
        assert!(told.status == 1 && told.err.contains(&format!("this is {what}")), "{told:?}");
        let _ = std::fs::remove_file(&socket).or_else(|_| std::fs::remove_dir(&socket));
    }
}

#[test]
fn a_data_directory_with_a_very_long_path_has_a_console_too() {
    let folder = Folder::new();
    let dir = folder.join(&"long".repeat(30)).join("longer".repeat(20));
    let dir = dir.to_str().unwrap();
    let server = Server::start(&[("CHAT_DATA_DIR", dir)]);
    let told = Told::of(run(folder.path(), &[("CHAT_DATA_DIR", dir)], &["ctl", "users"]));
    assert_eq!((told.status, told.err.as_str()), (0, ""), "{told:?}");
    drop(server);
}

/// A connection to the console, without `lobbyd ctl`.
fn opened(server: &Server) -> UnixStream {
    let stream = UnixStream::connect(server.folder.join("data").join("ctl.sock")).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

fn answered(server: &Server, request: &[u8]) -> String {
    let mut stream = opened(server);
    // It may answer, and close, before it has read all.
    let _ = stream.write_all(request);
    let mut answer = String::new();
    let _ = stream.read_to_string(&mut answer);
    answer
}

#[test]
fn broken_requests_are_told_why_and_harm_nobody() {
    let server = Server::start(&[]);
    let mut alice = server.login("alice");
    for (request, why) in [
        (&b"hello\n"[..], "an object of JSON"),
        (b"\xff\xfe\n", "an object of JSON"),
        (b"GET / HTTP/1.1\r\n", "an object of JSON"),
        (
            br#"{"protocol":1}
"#,
            "the field 'command'",
        ),
        (
            br#"{"protocol":2,"command":"status"}
"#,
            "speaks version 1 of the console, and was asked in version 2",
        ),
        (
            br#"{"protocol":1,"command":"dance"}
"#,
            "has no command 'dance'",
        ),
        (
            br#"{"protocol":1,"command":"drain","deadline_secs":18446744073709551615}
"#,
            "deadline_secs is at most 315360000",
        ),
        (
            br#"{"protocol":1,"command":"backup","file":"relative.db"}
"#,
            "the field 'file'",
        ),
    ] {
        let answer = answered(&server, request);
        assert!(answer.contains(why) && answer.contains(r#""usage":true"#), "{answer}");
        assert_eq!(answer.lines().count(), 1, "{answer}");
    }
    let answer = answered(&server, &[b'x'; 100_000]);
    assert!(answer.is_empty() || answer.contains("at most 65536 bytes"), "{answer}");
    // Who leaves in the middle of a request is forgotten.
    drop(opened(&server).write_all(b"{\"protocol\":1,"));
    let whole =
        answered(&server, b"{\"protocol\":1,\"command\":\"announce\",\"text\":\"still here\"}\n");
    assert!(whole.contains(r#""done""#), "{whole}");
    alice.expect("[ANNOUNCEMENT] console: still here\n");
}

#[test]
fn many_who_say_nothing_keep_nobody_out_for_long() {
    let server = Server::start(&[]);
    let silent: Vec<UnixStream> = (0..40).map(|_| opened(&server)).collect();
    let told = asks(server.folder.path(), "status");
    let busy = "lobbyd: the console is busy. Try again in a moment\n";
    assert_eq!((told.status, told.err.as_str()), (1, busy), "{told:?}");
    // Those who are there are closed in time.
    for mut stream in silent {
        let mut rest = String::new();
        let _ = stream.read_to_string(&mut rest);
    }
    ctl(&server, "status");
}

#[test]
fn arguments_that_are_wrong_have_status_two() {
    let folder = Folder::new();
    for (line, why) in [
        ("", "requires a subcommand"),
        ("dance", "unrecognized subcommand 'dance'"),
        ("dance", "; see lobbyd ctl --help"),
        ("--json kick", "; see lobbyd ctl kick --help"),
        ("kick", "<NAME>"),
        ("announce", "<TEXT>"),
        ("status more", "unexpected argument 'more'"),
        ("drain --deadline soon", "times are 30s, 10m, 2h30m, 7d or 2w"),
        ("drain --deadline 1m --cancel", "cannot be used with"),
        ("backup", "<FILE>"),
    ] {
        let told = asks(folder.path(), line);
        assert!(told.status == 2 && told.err.contains(why), "{line}: {told:?}");
        assert_eq!(told.err.lines().count(), 1, "{told:?}");
    }
}

#[test]
fn a_reload_tells_what_is_odd_or_all_that_is_wrong() {
    let server = reloading::start(&["CHAT_MAX_MESSAGE_CHARS=10"]);
    let mut alice = server.login("alice");
    alice.ask("12345678901", "Message too long (max 10 chars)\n");
    reloading::write(server.folder.path(), &["CHAT_MAX_MESSAGE_CHARS=20"]);
    let told = ctl(&server, "reload").out;
    assert_eq!(told, "The configuration was read anew, and is in force.\n");
    alice.ask("12345678901", "╰─> 12345678901\n");
    assert!(ctl(&server, "status").out.contains(" ago), good\n"));

    // What takes a restart is a warning, and the rest applies.
    let lines = ["CHAT_MAX_MESSAGE_CHARS=30", "CHAT_DATA_DIR=elsewhere"];
    reloading::write(server.folder.path(), &lines);
    // The console is where the server has it, whatever the file says by now.
    let env = [("CHAT_DATA_DIR", "data")];
    let told = Told::of(run(server.folder.path(), &env, &["ctl", "reload"]));
    let warning =
        "lobbyd: warning: CHAT_DATA_DIR: cannot change while the server runs; restart lobbyd\n";
    assert_eq!((told.status, told.err.as_str()), (0, warning), "{told:?}");
    let waits = "The configuration was read anew. CHAT_DATA_DIR waits for a restart, the rest is in force.\n";
    assert_eq!(told.out, waits);
    reloading::write(server.folder.path(), &["CHAT_ADDR=127.0.0.1:1", lines[0], lines[1]]);
    let told = Told::of(run(server.folder.path(), &env, &["ctl", "reload"]));
    assert!(told.out.contains(" CHAT_ADDR, CHAT_DATA_DIR wait for a restart, "), "{told:?}");
    let told = Told::of(run(server.folder.path(), &env, &["ctl", "reload", "--json"]));
    assert_eq!(told.json()["restart"], serde_json::json!(["CHAT_ADDR", "CHAT_DATA_DIR"]));
    alice.ask("1234567890123456789012345", "╰─> 1234567890123456789012345\n");

    reloading::write(server.folder.path(), &["CHAT_MAX_MESSAGE_CHARS=nine", "CHAT_COLOR=blue"]);
    let told = asks(server.folder.path(), "reload");
    assert_eq!((told.status, told.out.as_str(), told.err.lines().count()), (1, "", 2), "{told:?}");
    for key in ["lobbyd: CHAT_MAX_MESSAGE_CHARS: bad value", "lobbyd: CHAT_COLOR: bad value"] {
        assert!(told.err.contains(key), "{told:?}");
    }
    assert!(ctl(&server, "status").out.contains(" ago), refused: CHAT_"));
    let value = ctl(&server, "status --json").json();
    assert_eq!(value["reload"]["good"], false);
    alice.ask("1234567890123456789012345", "╰─> 1234567890123456789012345\n");
}

/// A server whose actors can be had to break or to stand still.
fn breakable() -> Server {
    let mut server = Server::start(&[FAULTS]);
    let folder = server.folder.path().to_owned();
    server.wait_for(|_| asks(&folder, "status").out.contains(", ready\n"), "it is ready");
    server
}

#[test]
fn status_answers_though_an_actor_does_not_and_says_which() {
    let mut server = breakable();
    let mut alice = server.login("alice");
    alice.send("/fault wedge Registry FindUser 8");
    alice.send("/tag alice look");
    let folder = server.folder.path().to_owned();
    let silent = "             the Registry does not answer\n";
    server.wait_for(|_| asks(&folder, "status").out.contains(silent), silent);
    let told = ctl(&server, "status").out;
    assert!(told.contains(", failing\n"), "{told}");
    let why = "the Registry does not answer. lobbyd ctl status tells more";
    for line in ["users", "lobbies", "kick alice"] {
        fails(&server, line, 1, why);
    }
    server.wait_for(|_| asks(&folder, "status").out.contains(", ready\n"), "it is ready again");
    assert!(ctl(&server, "users").out.contains("alice"));
}

#[test]
fn of_users_on_a_thread_that_stands_still_is_told_what_is_known() {
    let server = breakable();
    let mut alice = server.login("alice");
    alice.send("/fault wedge Shard IdleTime 5");
    alice.send("/whois alice");
    // It may take a moment until that is under way.
    let told = loop {
        let told = asks(server.folder.path(), "users");
        assert_eq!(told.status, 0, "{told:?}");
        if !told.err.is_empty() {
            break told;
        }
    };
    assert!(
        told.err.contains(" of the chat does not answer: of its users little is known\n"),
        "{told:?}"
    );
    let line = told.out.lines().find(|line| line.starts_with("alice")).unwrap();
    let words: Vec<&str> = line.split_whitespace().collect();
    assert_eq!(words, ["alice", "guest", "-", "general", "-", "-", "-"]);
}

#[test]
fn a_fault_costs_one_answer_of_the_console() {
    let server = breakable();
    let mut alice = server.login("alice");
    let broke = "something broke while it was listed. The log says where; try again";
    let busy = "something inside does not answer: nothing was done";
    for (target, line, why) in [
        ("Registry ListUsers", "users", broke),
        ("Registry ListAllLobbies", "lobbies", broke),
        ("Registry ListServerBans", "bans", broke),
        ("Registry ModerateServer", "announce hello", busy),
        ("Registry ModerateServer then", "announce hello", busy),
    ] {
        alice.send(&format!("/fault {target}"));
        alice.sync("alice");
        fails(&server, line, 1, why);
        ctl(&server, line);
    }
    alice.send("/fault Shard ListSeats");
    alice.sync("alice");
    assert!(asks(server.folder.path(), "users").err.contains("does not answer"));
    for (target, made) in
        [("Registry GivePassword", "dave"), ("Registry GivePassword then", "erin")]
    {
        alice.send(&format!("/fault {target}"));
        alice.sync("alice");
        let told = gives(&server, made, PASSWORD);
        let why = "lobbyd: something inside does not answer: look whether it was done\n";
        assert_eq!((told.status, told.err.lines().last()), (1, why.lines().last()), "{told:?}");
    }
    assert_eq!(gives(&server, "frank", PASSWORD).out, "frank is registered.\n");
}

#[test]
fn lobbyd_passwd_points_to_the_server_that_runs() {
    let server = Server::start(&[]);
    let out = crate::people::passwd(server.folder.path(), "alice", format!("{PASSWORD}\n"));
    let error = String::from_utf8(out.stderr).unwrap();
    assert_eq!(out.status.code(), Some(1));
    assert!(error.ends_with("A running server does it with: lobbyd ctl passwd alice\n"), "{error}");
}

#[test]
fn an_answer_that_cannot_be_written_is_a_failure() {
    let server = Server::start(&[]);
    for args in [&["ctl", "lobbies", "--json"][..], &["ctl", "status"], &["--check-config"]] {
        let full = File::options().write(true).open("/dev/full").unwrap();
        let mut command = lobbyd(server.folder.path(), &[], args);
        let told = command.stdout(full).output().unwrap();
        let why = String::from_utf8(told.stderr).unwrap();
        assert_eq!(told.status.code(), Some(1), "{args:?}: {why}");
        assert!(why.contains("the answer cannot be written: "), "{args:?}: {why}");
    }
}

/// `lobbyd passwd alice` at a terminal: what is seen of that, and the program.
fn passwd_at_a_terminal(folder: &Folder) -> (File, Child) {
    let (pty, theirs) = terminal();
    let mut command = lobbyd(folder.path(), &[], &["passwd", "alice"]);
    command.stdin(theirs.try_clone().unwrap()).stderr(theirs.try_clone().unwrap());
    // Its ends of the terminal go with the command, so that the other one ends with the program.
    (pty.into(), command.stdout(theirs).spawn().unwrap())
}

/// The same, where the lines are typed one after the other as it asks: what is shown, and whether it is done.
fn passwd_with(folder: &Folder, lines: &[&str]) -> (String, bool) {
    let (mut pty, mut child) = passwd_at_a_terminal(folder);
    let (mut shown, mut typed) = (String::new(), 0);
    let mut some = [0; 256];
    while let Ok(count @ 1..) = pty.read(&mut some) {
        shown.push_str(&String::from_utf8_lossy(&some[..count]));
        if shown.ends_with(": ") && typed < lines.len() {
            writeln!(pty, "{}", lines[typed]).unwrap();
            typed += 1;
        }
    }
    (shown, child.wait().unwrap().success())
}

#[test]
fn a_password_is_asked_twice_at_a_terminal_and_not_shown() {
    let folder = Folder::new();
    let (shown, done) = passwd_with(&folder, &["correct-horse", "correct-house"]);
    assert!(!done && shown.contains("the two are not the same: nothing was changed"), "{shown}");
    let (shown, done) = passwd_with(&folder, &["correct-horse", "correct-horse"]);
    assert!(done && shown.contains("alice is registered."), "{shown}");
    assert!(shown.starts_with("New password: \r\nAgain: \r\n"), "{shown}");
    assert!(!shown.contains("horse"), "{shown}");
}

#[test]
fn whoever_gives_up_at_the_password_gets_their_terminal_back() {
    let folder = Folder::new();
    let (mut pty, mut child) = passwd_at_a_terminal(&folder);
    let mut some = [0; 64];
    let count = pty.read(&mut some).unwrap();
    assert_eq!(&some[..count], b"New password: ");
    let echoes = |pty: &File| {
        let modes = rustix::termios::tcgetattr(pty).unwrap().local_modes;
        modes.contains(rustix::termios::LocalModes::ECHO)
    };
    assert!(!echoes(&pty));
    // It is asked before it waits for the signal: one that comes too early ends the process as ever.
    std::thread::sleep(std::time::Duration::from_millis(300));
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(1));
    assert!(echoes(&pty));
}

#[test]
fn whoever_reads_no_further_has_had_no_failure() {
    let server = Server::start(&[]);
    let mut command = lobbyd(server.folder.path(), &[], &["ctl", "status"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let told = child.wait_with_output().unwrap();
    assert!(told.status.success() && told.stderr.is_empty(), "{told:?}");
}
