//! The SSH listener, with the clients that people use.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use russh::keys::ssh_key::private::Ed25519Keypair;

use crate::bots::add_bot;
use crate::clients::Terminal;
use crate::harness::{
    Folder, PATIENCE, Server, descriptors, plain, resident_kib, run, take_before,
};
use crate::installed::have;
use crate::people::{PASSWORD, log_in_to, makes, registered};

/// How much later than it should be something may happen on a busy machine.
const LATE: Duration = Duration::from_secs(4);

const ENV: (&str, &str) = ("CHAT_SSH_ADDR", "127.0.0.1:0");

pub(crate) fn start(env: &[(&str, &str)]) -> Server {
    start_in(Folder::new(), env)
}

fn start_in(folder: Folder, env: &[(&str, &str)]) -> Server {
    Server::start_in(folder, &[&[ENV][..], env].concat())
}

/// The port, from what the server has said.
pub(crate) fn port(server: &Server) -> u16 {
    server.port_after("SSH on port").unwrap()
}

/// What a client has: keys, and answers to questions.
struct Home(Folder);

impl Home {
    fn new() -> Self {
        Self(Folder::new())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Makes a key, and gives its fingerprint.
    fn key(&self, name: &str) -> String {
        let made = Command::new("ssh-keygen")
            .args(["-q", "-t", "ed25519", "-N", "", "-C", "", "-f"])
            .arg(self.path(name))
            .status();
        assert!(made.unwrap().success());
        fingerprint(&self.path(name))
    }

    /// Where a client has no terminal, it runs this to ask: it notes the question and gives this answer.
    fn answers(&self, answer: &str) {
        let (script, asked) = (self.path("askpass"), self.path("asked"));
        let text = format!("#!/bin/sh\necho \"$1\" >>'{}'\necho '{answer}'\n", asked.display());
        fs::write(&script, text).unwrap();
        fs::set_permissions(&script, fs::Permissions::from_mode(0o700)).unwrap();
    }

    /// The questions that were asked.
    fn asked(&self) -> Vec<String> {
        let asked = fs::read_to_string(self.path("asked")).unwrap_or_default();
        asked.lines().map(str::to_owned).collect()
    }

    /// OpenSSH's client, as this user of the server, with these keys in their order.
    fn ssh(&self, server: &Server, name: &str, keys: &[&str]) -> Command {
        let mut command = Command::new("ssh");
        command.args(["-F", "/dev/null", "-T", "-p", &port(server).to_string(), "-l", name]);
        for option in [
            "UserKnownHostsFile=/dev/null",
            "StrictHostKeyChecking=no",
            "LogLevel=ERROR",
            "IdentitiesOnly=yes",
            "IdentityAgent=none",
            "IdentityFile=none",
            "ConnectTimeout=10",
        ] {
            command.args(["-o", option]);
        }
        for key in keys {
            command.arg("-i").arg(self.path(key));
        }
        command.env_remove("SSH_AUTH_SOCK").env("HOME", self.0.path());
        command.env("SSH_ASKPASS", self.path("askpass")).env("SSH_ASKPASS_REQUIRE", "force");
        command.arg("127.0.0.1");
        command
    }
}

/// SHA-256 of a key in a file, as OpenSSH's own tool has it.
fn fingerprint(path: &Path) -> String {
    let told = Command::new("ssh-keygen").arg("-lf").arg(path).output().unwrap();
    let told = String::from_utf8(told.stdout).unwrap();
    told.split_whitespace().nth(1).unwrap().to_owned()
}

/// A client that runs.
struct Talk {
    child: Child,
    stdin: Option<ChildStdin>,
    out: Arc<Mutex<Vec<u8>>>,
    err: Arc<Mutex<Vec<u8>>>,
    seen: usize,
}

fn collect(mut pipe: impl Read + Send + 'static) -> Arc<Mutex<Vec<u8>>> {
    let bytes = Arc::new(Mutex::new(Vec::new()));
    let sink = bytes.clone();
    thread::spawn(move || {
        let mut buf = [0; 8_192];
        while let Ok(count @ 1..) = pipe.read(&mut buf) {
            sink.lock().unwrap().extend_from_slice(&buf[..count]);
        }
    });
    bytes
}

impl Talk {
    fn begin(mut command: Command) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let out = collect(child.stdout.take().unwrap());
        let err = collect(child.stderr.take().unwrap());
        let stdin = child.stdin.take();
        Self { child, stdin, out, err, seen: 0 }
    }

    fn text(&self) -> String {
        plain(&self.out.lock().unwrap())
    }

    fn errors(&self) -> String {
        String::from_utf8_lossy(&self.err.lock().unwrap()).into_owned()
    }

    fn send(&mut self, line: &str) {
        self.stdin.as_mut().unwrap().write_all(format!("{line}\n").as_bytes()).unwrap();
    }

    #[track_caller]
    fn expect(&mut self, want: &str) -> String {
        let start = Instant::now();
        loop {
            let text = self.text();
            if let Some(before) = take_before(&text, &mut self.seen, want) {
                return before;
            }
            assert!(
                start.elapsed() < PATIENCE,
                "{want:?} does not come: {:?} {:?}",
                &text[self.seen..],
                self.errors()
            );
            thread::sleep(Duration::from_millis(5));
        }
    }

    #[track_caller]
    fn ask(&mut self, line: &str, want: &str) -> String {
        self.send(line);
        self.expect(want)
    }

    /// Waits until somebody is told where they are.
    #[track_caller]
    fn expect_in(&mut self) -> String {
        let before = self.expect("You are ");
        self.expect(" /quit\n> ");
        before
    }

    fn close_sending(&mut self) {
        self.stdin = None;
    }

    /// Waits for the end. Gives the status, all that was shown, and what the client said of itself.
    #[track_caller]
    fn end(self) -> (i32, String, String) {
        let (status, raw, errors) = self.end_raw();
        (status, plain(raw.as_bytes()), errors)
    }

    /// The same, with what was shown as it came.
    #[track_caller]
    fn end_raw(mut self) -> (i32, String, String) {
        let start = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status.code().unwrap_or(-1);
            }
            assert!(start.elapsed() < PATIENCE, "no end: {:?} {:?}", self.text(), self.errors());
            thread::sleep(Duration::from_millis(5));
        };
        // Whoever reads the pipes holds the bytes until there are no more.
        while Arc::strong_count(&self.out) + Arc::strong_count(&self.err) > 2
            && start.elapsed() < PATIENCE
        {
            thread::sleep(Duration::from_millis(1));
        }
        let raw = String::from_utf8_lossy(&self.out.lock().unwrap()).into_owned();
        (status, raw, self.errors())
    }
}

impl Drop for Talk {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs a command line over SSH.
#[track_caller]
fn carry_out(home: &Home, server: &Server, name: &str, line: &str) -> (i32, String) {
    let mut command = home.ssh(server, name, &[]);
    command.arg(line);
    let mut talk = Talk::begin(command);
    talk.close_sending();
    let (status, text, errors) = talk.end();
    assert_eq!(errors, "", "{line}");
    (status, text)
}

#[test]
fn the_start_names_the_port_and_the_fingerprint_of_a_key_that_is_made_once() {
    if !have(&["ssh-keygen"]) {
        return;
    }
    let mut server = start(&[]);
    let file = server.folder.join("data/ssh_host_ed25519");
    let print = fingerprint(&file);
    let told = format!("    SSH on port {}, {print}\n", port(&server));
    assert!(server.out().contains(&told), "{}", server.out());
    server.wait_for_log(&format!("ssh on 127.0.0.1:{}, {print}", port(&server)));
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let folder = server.into_folder();
    let checked = run(folder.path(), &[ENV], &["--check-config"]);
    let checked = String::from_utf8(checked.stdout).unwrap();
    assert!(checked.contains(&format!("# SSH host key, SHA-256: {print}\n")), "{checked}");
    assert!(start_in(folder, &[]).out().contains(&print), "another key");
}

#[test]
fn a_host_key_that_cannot_be_used_is_told_and_nothing_is_made_in_its_place() {
    let folder = Folder::new();
    let checked = run(folder.path(), &[ENV], &["--check-config"]);
    assert!(checked.status.success());
    let checked = String::from_utf8(checked.stdout).unwrap();
    assert!(checked.contains("ssh_host_ed25519 is made at the start"), "{checked}");
    assert!(!folder.join("data").exists(), "a look makes nothing");

    fs::write(folder.join("key"), "no key\n").unwrap();
    let bad =
        [ENV, ("CHAT_SSH_KEY", "key"), ("CHAT_ADDR", "127.0.0.1:0"), ("CHAT_TLS_ADDR", "off")];
    for (args, status) in [(&[][..], 1), (&["--check-config"][..], 2)] {
        let told = run(folder.path(), &bad, args);
        assert_eq!(told.status.code(), Some(status));
        let told = String::from_utf8(told.stderr).unwrap();
        assert!(told.contains("key: cannot read the SSH host key: ") && told.lines().count() == 1);
    }
    assert_eq!(fs::read_to_string(folder.join("key")).unwrap(), "no key\n");
    // One that can be read, and that no client is ever offered.
    if have(&["ssh-keygen"]) {
        fs::remove_file(folder.join("key")).unwrap();
        let rsa = ["-q", "-t", "rsa", "-b", "2048", "-N", "", "-f"];
        let made = Command::new("ssh-keygen").args(rsa).arg(folder.join("key")).status();
        assert!(made.unwrap().success());
        let told = run(folder.path(), &bad, &[]);
        assert_eq!(told.status.code(), Some(1));
        assert!(String::from_utf8(told.stderr).unwrap().contains("(Ed25519 or ECDSA)"));
    }

    let nowhere = [ENV, ("CHAT_DATA_DIR", "off")];
    let told = run(folder.path(), &nowhere, &[]);
    assert_eq!(told.status.code(), Some(2));
    let told = String::from_utf8(told.stderr).unwrap();
    assert!(told.contains("CHAT_SSH_KEY: ") && told.contains("CHAT_DATA_DIR is off"), "{told}");
    let server = start_in(folder, &[("CHAT_DATA_DIR", "off"), ("CHAT_SSH_KEY", "made")]);
    assert!(server.folder.join("made").exists());
}

#[test]
fn a_guest_is_asked_nothing_whatever_keys_they_have() {
    if !have(&["ssh", "ssh-keygen"]) {
        return;
    }
    let (server, home) = (start(&[]), Home::new());
    home.answers("nothing");
    let names = ["k1", "k2", "k3", "k4", "k5", "k6", "k7", "k8"];
    names.iter().for_each(|name| _ = home.key(name));
    let mut bob = server.login("bob");
    for (name, keys) in [("alice", &[][..]), ("carol", &names[..])] {
        let mut talk = Talk::begin(home.ssh(&server, name, keys));
        let before = talk.expect_in();
        assert!(before.contains(">> Welcome to the Ultimate Chat Server <<"), "{before}");
        assert!(!before.contains("Enter your username"), "{before}");
        bob.expect(&format!("[LOBBY] {name} has joined the lobby"));
        talk.send("hello over SSH");
        bob.expect("hello over SSH");
        bob.send("hello from nc");
        talk.expect("hello from nc");
        talk.ask("/quit", "Disconnecting from server. Goodbye!");
        assert_eq!(talk.end().0, 0);
        bob.expect(&format!("[LOBBY] {name} has left the lobby"));
    }
    assert_eq!(home.asked(), [""; 0]);
}

#[test]
fn the_end_of_what_is_sent_carries_all_of_it_out() {
    if !have(&["ssh"]) {
        return;
    }
    let (server, home) = (start(&[]), Home::new());
    let mut bob = server.login("bob");
    let mut talk = Talk::begin(home.ssh(&server, "alice", &[]));
    for line in 0..50 {
        talk.send(&format!("line {line}."));
    }
    talk.stdin.as_mut().unwrap().write_all(b"unended").unwrap();
    talk.close_sending();
    let (status, text, _) = talk.end();
    assert_eq!(status, 0);
    for line in 0..50 {
        bob.expect(&format!("line {line}."));
        assert!(text.contains(&format!("line {line}.")));
    }
    bob.expect("unended");
    bob.expect("alice has left the lobby");
}

#[test]
fn a_name_that_cannot_be_had_leads_to_the_name_prompt() {
    if !have(&["ssh"]) {
        return;
    }
    let (server, home) = (start(&[]), Home::new());
    let _bob = server.login("bob");
    for (name, problem) in [
        ("bob", "Username already taken, try another.\n"),
        ("a.b", "Username can only contain letters, numbers, - and _\n"),
        ("server", "Username already taken, try another.\n"),
        ("x", "Username too short (min 2 characters)\n"),
    ] {
        let mut talk = Talk::begin(home.ssh(&server, name, &[]));
        talk.expect(&format!("{problem}Enter your username: "));
        talk.send("alice");
        talk.expect_in();
        talk.ask("/whois alice", "guest");
        talk.ask("/quit", "Goodbye!");
        assert_eq!(talk.end().0, 0);
    }
}

#[test]
fn a_bot_shows_its_token_at_the_name_prompt_and_is_asked_for_no_password() {
    if !have(&["ssh"]) {
        return;
    }
    let (home, server) = (Home::new(), start(&[]));
    let mut alice = registered(&server, "alice");
    let token = add_bot(&mut alice, "ci");
    // Its own name cannot be had by SSH either: no password and no key opens it.
    let mut ssh = Talk::begin(home.ssh(&server, "ci", &[]));
    ssh.expect("Username already taken, try another.");
    ssh.expect("Enter your username: ");
    ssh.ask("bot ci short", "Incorrect token.");
    ssh.expect("Enter your username: ");
    ssh.send(&format!("bot ci {token}"));
    ssh.ask("hello over SSH", "[@_@] ci [bot] [just now]");
    alice.expect("ci [bot] [just now]\n  ╰─> hello over SSH\n");
    ssh.close_sending();
    assert_eq!(ssh.end().0, 0);
}

#[test]
fn an_account_is_asked_for_its_password_hidden_and_three_times_at_most() {
    if !have(&["ssh"]) {
        return;
    }
    let (mut server, home) = (start(&[]), Home::new());
    drop(registered(&server, "alice"));
    home.answers(PASSWORD);
    let mut talk = Talk::begin(home.ssh(&server, "ALICE", &[]));
    talk.expect_in();
    talk.ask("/whois alice", "Status: account");
    drop(talk);
    let asked = home.asked();
    assert!(asked.len() == 1 && asked[0].ends_with("Password: "), "{asked:?}");

    let home = Home::new();
    home.answers("wrong");
    assert_eq!(Talk::begin(home.ssh(&server, "alice", &[])).end().0, 255);
    let asked = home.asked();
    assert_eq!(asked.len(), 3, "{asked:?}");
    assert!(asked[1].ends_with("Wrong password. Password: "), "{asked:?}");
    server.wait_for_log("is closed: too many wrong passwords");
    server.wait_for_log("wrong password of account alice from 127.0.0.1");

    // Five a minute of an address are looked at.
    let home = Home::new();
    home.answers("wrong");
    Talk::begin(home.ssh(&server, "alice", &[])).end();
    let asked = home.asked();
    assert!(asked[1].ends_with("Wrong password. Password: "), "{asked:?}");
    let home = Home::new();
    home.answers(PASSWORD);
    Talk::begin(home.ssh(&server, "alice", &[])).end();
    let asked = home.asked();
    assert!(asked[1].contains("Too many attempts. Wait "), "{asked:?}");
    // As everywhere else.
    let mut other = server.connect();
    other.expect("Enter your username: ");
    other.ask("alice", "Password: ");
    other.ask(PASSWORD, "Too many attempts. Wait ");
}

#[test]
fn a_key_lets_its_owner_in_among_many_and_no_other_does() {
    if !have(&["ssh", "ssh-keygen"]) {
        return;
    }
    let (server, home) = (start(&[]), Home::new());
    home.answers("nothing");
    let print = home.key("own");
    ["k1", "k2", "k3"].iter().for_each(|name| _ = home.key(name));
    let mut talk = Talk::begin(home.ssh(&server, "alice", &["own", "k1"]));
    talk.expect_in();
    talk.ask("/cert add", "You have no account.");
    talk.ask(&format!("/register {PASSWORD}"), "'alice' is yours now. It asks for your password");
    talk.ask("/cert list", "=== Your keys (0) ===\n");
    talk.ask("/cert add", &format!("Key {print} is tied to your account.\n"));
    talk.ask("/cert add", "This key is tied to your account already.\n");
    talk.ask("/cert list", &format!("=== Your keys (1) ===\n  {print} (this connection)\n"));
    drop(talk);

    let server = start_in(server.into_folder(), &[]);
    let mut talk = Talk::begin(home.ssh(&server, "alice", &["k1", "k2", "k3", "own"]));
    talk.expect_in();
    talk.ask("/whois alice", "Status: account");
    // It is the proven one, though another was offered before.
    talk.ask("/cert list", &format!("  {print} (this connection)\n"));
    assert_eq!(home.asked(), [""; 0]);

    let (status, _, errors) = Talk::begin(home.ssh(&server, "alice", &["k1"])).end();
    assert_eq!(status, 255, "{errors}");
    assert_eq!(home.asked().len(), 3, "asked for the password");
    // It is alice's, and nobody else's.
    drop(registered(&server, "carol"));
    assert_eq!(Talk::begin(home.ssh(&server, "carol", &["own"])).end().0, 255);

    talk.ask("/cert del SHA256:x", "No key of yours starts like that.");
    talk.ask(&format!("/cert del {}", &print[..12]), &format!("Key {print} is taken away.\n"));
    talk.ask("/cert list", "=== Your keys (0) ===\n");
    let mut bare = Talk::begin(home.ssh(&server, "bare", &[]));
    bare.expect_in();
    bare.ask(&format!("/register {PASSWORD}"), "is yours now.");
    bare.ask("/cert add", "Your SSH client has offered no key.\n");
}

#[test]
fn an_account_may_live_by_its_key_alone_until_it_has_a_password() {
    if !have(&["ssh", "ssh-keygen"]) {
        return;
    }
    let (server, home) = (start(&[]), Home::new());
    home.answers("nothing");
    let print = home.key("own");
    let mut talk = Talk::begin(home.ssh(&server, "alice", &["own"]));
    talk.expect_in();
    talk.ask("/register", &format!("'alice' is yours now, by the key {print}."));
    talk.ask("/whois alice", "Status: account");
    talk.ask("/cert list", &format!("=== Your keys (1) ===\n  {print} (this connection)\n"));
    talk.ask(&format!("/cert del {print}"), "Nothing else lets you in.");
    talk.ask("/unregister something", "Your account has no password. Give it one first: /passwd\n");
    talk.ask("/passwd something else-8-chars", "Your account has no password.");
    drop(talk);

    // Whatever is given, it is wrong.
    let server = start_in(server.into_folder(), &[]);
    let mut other = server.connect();
    other.expect("Enter your username: ");
    other.ask("alice", "Password: ");
    other.ask("*", "Wrong password.");
    drop(other);

    let mut talk = Talk::begin(home.ssh(&server, "alice", &["own"]));
    talk.expect_in();
    talk.ask("/passwd", "New password: ");
    talk.ask(PASSWORD, "Again: ");
    talk.ask(PASSWORD, "Password changed.\n");
    talk.ask(&format!("/cert del {print}"), &format!("Key {print} is taken away.\n"));
    talk.ask("/quit", "Goodbye!");
    talk.end();
    let mut other = server.connect();
    other.expect("Enter your username: ");
    other.ask("alice", "Password: ");
    other.ask(PASSWORD, "You are alone in 'general'.");
    assert_eq!(home.asked(), [""; 0]);
}

#[test]
fn commands_that_only_show_need_no_name_and_are_seen_by_nobody() {
    if !have(&["ssh"]) {
        return;
    }
    let (server, home) = (start(&[]), Home::new());
    let mut bob = server.login("bob");
    bob.ask("a word to find", "a word to find");
    for (line, status, wants) in [
        ("/users", 0, &["=== Users in 'general' (1) ===\n  [@_@] bob\n"][..]),
        ("/WHO", 0, &["=== Users in 'general' (1) ===\n"]),
        ("/lobbies", 0, &["=== Available Lobbies (1) ===\nLobby: general\n"]),
        ("/history 20", 0, &["=== History of 'general' (1) ===\n", "a word to find\n"]),
        ("/search find", 0, &["=== Found in 'general' (1) ===\n", "a word to find\n"]),
        ("/search nothing", 0, &[]),
        ("/help", 0, &["=== Available Commands ===\n"]),
        ("/help ssh", 1, &["Unknown command."]),
        ("/whois bob", 0, &["Status: guest"]),
        ("/whois nobody", 1, &["User not found.\n"]),
        ("/nothing", 1, &["Unknown command. Type /help for available commands.\n"]),
        ("/history many", 1, &["Usage: /history"]),
        ("/users\n/lobbies", 0, &["=== Users in 'general' (1) ===\n", "Lobby: general\n"]),
        ("", 0, &[]),
    ] {
        let mut command = home.ssh(&server, "bob", &[]);
        // Without a word there is no command for OpenSSH.
        command.arg(if line.is_empty() { " " } else { line });
        let mut talk = Talk::begin(command);
        talk.close_sending();
        let (got, text, errors) = talk.end_raw();
        assert_eq!((got, errors.as_str()), (status, ""), "{line}: {text}");
        wants.iter().for_each(|want| assert!(text.contains(want), "{line}: {text}"));
        assert!(!text.contains("\n> ") && !text.contains("Ultimate"), "{line}: {text:?}");
        assert!(!text.contains('\u{1b}') && !text.contains('\r'), "{line}: {text:?}");
    }
    bob.sync("bob");
    assert!(!bob.text().contains("has left") && bob.text().matches("has joined").count() == 1);
}

#[test]
fn other_lines_are_carried_out_as_a_script_and_say_whether_they_were() {
    if !have(&["ssh"]) {
        return;
    }
    let (server, home) = (start(&[("CHAT_MAX_MESSAGE_CHARS", "50")]), Home::new());
    let mut bob = server.login("bob");
    for (line, status, shown) in [
        ("hello there", 0, "hello there"),
        ("/msg bob psst", 0, "psst"),
        ("/users\nand a word", 0, "and a word"),
        ("/join nowhere", 1, ""),
        ("/msg nobody hi", 1, ""),
        (&"long ".repeat(20), 1, ""),
        ("one\n/nothing\ntwo", 1, "two"),
    ] {
        let (got, text) = carry_out(&home, &server, "alice", line);
        assert_eq!(got, status, "{line}: {text}");
        bob.expect("[LOBBY] alice has joined the lobby");
        bob.expect(shown);
        bob.expect("[LOBBY] alice has left the lobby");
        assert!(!text.contains("\n> ") && !text.contains("Ultimate"), "{text:?}");
    }
    let (status, text) = carry_out(&home, &server, "bob", "hello");
    assert_eq!((status, text.as_str()), (1, "Username already taken, try another.\n"));
    bob.send("/mute nobody");
    let (status, text) = carry_out(&home, &server, "a.b", "hello");
    assert_eq!(status, 1, "{text}");
}

#[test]
fn a_script_of_whoever_may_not_speak_is_refused() {
    if !have(&["ssh"]) {
        return;
    }
    let folder = Folder::new();
    makes(folder.path(), "root", PASSWORD);
    let (server, home) = (start_in(folder, &[("CHAT_ADMINS", "root")]), Home::new());
    let mut root = log_in_to(&server, "root").0;
    let mut alice = server.login("alice");
    root.expect("alice has joined");
    root.ask("/mute alice", "root muted alice");
    alice.ask("/quit", "Goodbye!");
    root.expect("alice has left");
    let (status, text) = carry_out(&home, &server, "alice", "hello");
    assert_eq!(status, 1, "{text}");
    assert!(text.contains("You are muted"), "{text}");
    let mut eve = server.login("eve");
    root.ask("/gban eve", "eve");
    eve.read_to_end();
    for line in ["/users", "hello"] {
        let (status, text) = carry_out(&home, &server, "eve", line);
        assert_eq!(status, 1, "{line}: {text}");
        assert!(text.contains("banned"), "{line}: {text}");
    }
}

#[test]
fn a_connection_has_one_who_chats_and_one_channel_beside() {
    if !have(&["ssh"]) {
        return;
    }
    let (server, home) = (start(&[("CHAT_MAX_CONNECTIONS_PER_IP", "3")]), Home::new());
    let mut bob = server.login("bob");
    let control = home.path("control");
    let over = |options: &[&str]| {
        let mut command = home.ssh(&server, "alice", &[]);
        command.arg("-S").arg(&control).args(options);
        command
    };
    // OpenSSH takes options after the host too.
    let mut master = Talk::begin(over(&["-M"]));
    master.expect_in();
    bob.expect("alice has joined");
    for _ in 0..5 {
        let mut talk = Talk::begin(over(&["/users"]));
        talk.close_sending();
        let (status, text, errors) = talk.end();
        assert_eq!(status, 0, "{text} {errors}");
        assert!(text.contains("=== Users in 'general' (2) ===\n"), "{text}");
    }
    let mut talk = Talk::begin(over(&["hello"]));
    talk.close_sending();
    let (status, text, _) = talk.end();
    assert_eq!(status, 1);
    assert_eq!(text, "You are in the chat over this connection already: say it there.\n");
    // A second who chats is refused, and the first goes on.
    let (status, text, errors) = Talk::begin(over(&[])).end();
    assert_ne!(status, 0, "{text} {errors}");
    master.ask("still here", "still here");
    bob.expect("still here");
    master.ask("/quit", "Goodbye!");
    assert_eq!(master.end().0, 0);
    bob.expect("alice has left");
    // Its place is free again.
    let (status, text) = carry_out(&home, &server, "alice", "back");
    assert_eq!(status, 0, "{text}");
}

#[test]
fn nothing_is_forwarded_and_no_file_is_had() {
    if !have(&["ssh"]) {
        return;
    }
    let (server, home) = (start(&[]), Home::new());
    let port = server.port.to_string();
    for (options, refused) in [
        (vec!["-W".to_owned(), format!("127.0.0.1:{port}")], "stdio forwarding failed"),
        (
            ["-o", "ExitOnForwardFailure=yes", "-N", "-R", &format!("0:127.0.0.1:{port}")]
                .map(str::to_owned)
                .to_vec(),
            "remote port forwarding failed",
        ),
        (["-s", "sftp"].map(str::to_owned).to_vec(), "subsystem request failed"),
    ] {
        let mut command = home.ssh(&server, "alice", &[]);
        command.args(&options);
        let mut talk = Talk::begin(command);
        talk.close_sending();
        let (status, _, errors) = talk.end();
        assert_ne!(status, 0, "{options:?}");
        assert!(errors.contains(refused), "{options:?}: {errors}");
    }
}

/// OpenSSH's client in a terminal of its own.
fn in_terminal(home: &Home, server: &Server, name: &str, before: &str) -> Terminal {
    let command = home.ssh(server, name, &[]);
    let words = command.get_args().filter(|word| *word != "-T");
    let words: Vec<_> = words.map(|word| word.to_str().unwrap().to_owned()).collect();
    Terminal::sized(&format!("{before} ssh {}", words.join(" ")), 60, 24)
}

#[test]
fn a_terminal_has_the_editor_of_the_server() {
    if !have(&["ssh", "tmux"]) {
        return;
    }
    let (server, home) = (start(&[]), Home::new());
    let mut bob = server.login("bob");
    let terminal = in_terminal(&home, &server, "alice", "");
    terminal.wait_for("You are alice in 'general' with bob.");
    terminal.type_text("half of a wo");
    terminal.wait_for("\n> half of a wo\n");
    for line in 0..5 {
        bob.send(&format!("bob says {line}"));
    }
    let screen = terminal.wait_for("bob says 4\n> half of a wo\n");
    assert_eq!(screen.matches("half of a wo").count(), 1, "{screen}");
    terminal.enter("rd");
    bob.expect("half of a word");
    let screen = terminal.wait_for("╰─> half of a word\n>");
    assert_eq!(screen.matches("half of a word").count(), 1, "{screen}");
    terminal.enter("/mode");
    terminal.wait_for("edit");
    // Text is wrapped at the width that the terminal has, now and later.
    bob.send(&"words ".repeat(15));
    let rows = |screen: &str| screen.lines().filter(|row| row.contains("words")).count();
    terminal.wait_for("words words\n");
    assert_eq!(rows(&terminal.screen()), 2);
    terminal.resize(40, 24);
    terminal.type_text("x");
    terminal.wait_for("\n> x\n");
    bob.send(&"longer ".repeat(15));
    let screen = terminal.wait_for("longer longer\n> x\n");
    let longest = screen.lines().filter(|row| row.contains("longer")).map(|row| row.len()).max();
    assert!(longest.unwrap() <= 40, "{screen}");
}

#[test]
fn a_dumb_terminal_edits_its_own_lines_and_is_written_to_plainly() {
    if !have(&["ssh", "tmux"]) {
        return;
    }
    let (server, home) = (start(&[]), Home::new());
    let mut bob = server.login("bob");
    let terminal = in_terminal(&home, &server, "alice", "TERM=dumb");
    terminal.wait_for("You are alice in 'general' with bob.");
    terminal.enter("hello over a terminal");
    bob.expect("hello over a terminal");
    bob.send("hello alice");
    terminal.wait_for("bob says: hello alice\n");
}

#[test]
fn a_second_login_takes_over_and_a_stop_is_told() {
    if !have(&["ssh"]) {
        return;
    }
    let (mut server, home) = (start(&[]), Home::new());
    drop(registered(&server, "alice"));
    home.answers(PASSWORD);
    let mut first = Talk::begin(home.ssh(&server, "alice", &[]));
    first.expect_in();
    let mut second = Talk::begin(home.ssh(&server, "alice", &[]));
    second.expect_in();
    first.expect("Logged in from elsewhere.");
    assert_eq!(first.end().0, 0);
    let mut guest = Talk::begin(home.ssh(&server, "bob", &[]));
    guest.expect_in();
    server.signal("TERM");
    for mut talk in [second, guest] {
        talk.expect("Server is shutting down. Goodbye!");
        talk.end();
    }
    assert_eq!(server.wait(), 0);
}

#[test]
fn whoever_is_over_a_limit_or_on_a_list_is_closed_without_a_byte() {
    let server = start(&[("CHAT_MAX_CONNECTIONS_PER_IP", "1")]);
    let read = |server: &Server| {
        let mut socket = TcpStream::connect(("127.0.0.1", port(server))).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut byte = [0; 64];
        let count = socket.read(&mut byte).unwrap_or(0);
        (socket, String::from_utf8_lossy(&byte[..count]).into_owned())
    };
    let (_first, greeting) = read(&server);
    assert!(greeting.starts_with("SSH-2.0-lobbyd_"), "{greeting}");
    assert_eq!(read(&server).1, "");
    let server = start(&[("CHAT_DENY", "127.0.0.0/8")]);
    assert_eq!(read(&server).1, "");
}

#[test]
fn whoever_does_not_get_on_with_the_handshake_is_closed_when_the_time_for_a_name_is_up() {
    let mut server = start(&[("CHAT_LOGIN_TIMEOUT_SECS", "1")]);
    let until_closed = |first: &[u8], then: &[u8]| {
        let start = Instant::now();
        let mut socket = TcpStream::connect(("127.0.0.1", port(&server))).unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
        socket.write_all(first).unwrap();
        let mut buf = [0; 4_096];
        while start.elapsed() < PATIENCE {
            match socket.read(&mut buf) {
                Ok(0) => break,
                Ok(_) => {}
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                    if socket.write_all(then).is_err() {
                        break;
                    }
                }
                Err(_) => break,
            }
        }
        start.elapsed()
    };
    let second = Duration::from_secs(1);
    for (first, then) in [
        (&b""[..], &b""[..]),
        (b"SSH-2.0-x\r\n", b""),
        // It trickles a packet that it never ends.
        (b"SSH-2.0-x\r\n\x00\x00\x1f\xff", b"\x00"),
    ] {
        let took = until_closed(first, then);
        assert!(took > second / 2 && took < second + LATE, "{first:?}: {took:?}");
    }
    // What is no SSH is closed at once, and so is a packet longer than any.
    assert!(until_closed(b"GET / HTTP/1.1\r\n\r\n", b"") < second);
    assert!(until_closed(b"SSH-2.0-x\r\n\xff\xff\xff\xff", b"x") < second);
    assert!(until_closed(b"SSH-2.0-x\r\n\x00\x00\x7f\xff", b"x") < second);
    server.wait_for_log("does not speak SSH on the SSH port");
}

#[test]
fn a_connection_without_a_session_is_closed_when_the_time_for_a_name_is_up() {
    if !have(&["ssh"]) {
        return;
    }
    let (mut server, home) = (start(&[("CHAT_LOGIN_TIMEOUT_SECS", "1")]), Home::new());
    let mut command = home.ssh(&server, "alice", &[]);
    command.arg("-N");
    let began = Instant::now();
    assert_eq!(Talk::begin(command).end().0, 255);
    assert!(began.elapsed() < Duration::from_secs(1) + LATE, "{:?}", began.elapsed());
    server.wait_for_log("is closed: no session in time");
    // One who chats is there for longer.
    let mut talk = Talk::begin(home.ssh(&server, "alice", &[]));
    talk.expect_in();
    thread::sleep(Duration::from_millis(1_500));
    talk.ask("still here", "still here");
}

#[test]
fn a_thousand_who_never_log_in_cost_little_and_are_gone_in_time() {
    const MANY: usize = 1_000;
    let time = Duration::from_secs(8);
    let mut server = start(&[("CHAT_LOGIN_TIMEOUT_SECS", "8")]);
    let port = port(&server);
    let knock = |count: usize, then: &[u8]| -> Vec<TcpStream> {
        let one = |_| {
            let mut socket = TcpStream::connect(("127.0.0.1", port)).unwrap();
            socket.set_read_timeout(Some(PATIENCE)).unwrap();
            socket.write_all(b"SSH-2.0-x\r\n").unwrap();
            // The greeting, and what keys may be exchanged.
            let mut buf = [0; 64];
            assert!(socket.read(&mut buf).unwrap() > 0);
            socket.write_all(then).unwrap();
            socket
        };
        (0..count).map(one).collect()
    };
    drop(knock(50, b""));
    server.wait_for(|server| server.log().matches(" disconnected after ").count() == 50, "gone");
    let (before, open) = (resident_kib(server.pid()), descriptors(server.pid()));
    let began = Instant::now();
    // A third says no more, a third has a packet under way that is as long as one may be, and a third one longer.
    let packet = [&8_192_u32.to_be_bytes()[..], &[4, 20], &[7; 8_000]].concat();
    let mut held = knock(MANY / 3, b"");
    held.extend(knock(MANY / 3, &packet));
    held.extend(knock(MANY - held.len(), &[0, 3, 0xFF, 0xFF, 4, 20]));
    let each = resident_kib(server.pid()).saturating_sub(before) / MANY as u64;
    assert!(each < 64, "{each} KiB each");
    assert!(began.elapsed() < time, "the machine is too slow for this");
    // The chat goes on.
    let mut bob = server.login("bob");
    bob.ask("hello", "hello");
    let mut buf = [0; 4_096];
    for mut socket in held {
        // A reset is an end too.
        while socket.read(&mut buf).is_ok_and(|count| count > 0) {}
    }
    assert!(began.elapsed() < time * 2 + LATE, "{:?}", began.elapsed());
    // Bob's is one.
    server.wait_for(|server| descriptors(server.pid()) <= open + 1, "nothing is left of them");
    bob.ask("still here", "still here");
}

/// An agent of OpenSSH's. Over when dropped.
struct Agent {
    socket: PathBuf,
    child: Child,
}

impl Agent {
    /// One with these keys, in their order.
    fn with(home: &Home, keys: &[&str]) -> Self {
        let socket = home.path("agent");
        let mut command = Command::new("ssh-agent");
        command.args(["-D", "-a"]).arg(&socket).stdout(Stdio::null());
        let agent = Self { child: command.spawn().unwrap(), socket };
        let start = Instant::now();
        while !agent.socket.exists() {
            assert!(start.elapsed() < PATIENCE, "the agent does not start");
            thread::sleep(Duration::from_millis(5));
        }
        for key in keys {
            let mut command = Command::new("ssh-add");
            command.arg("-q").arg(home.path(key)).env("SSH_AUTH_SOCK", &agent.socket);
            assert!(command.status().unwrap().success());
        }
        agent
    }

    /// The client, with the agent and no other keys.
    fn ssh(&self, home: &Home, server: &Server, name: &str) -> Command {
        let plain = home.ssh(server, name, &[]);
        let mut command = Command::new("ssh");
        command.arg("-o").arg(format!("IdentityAgent={}", self.socket.display()));
        command.args(["-o", "IdentitiesOnly=no"]).args(plain.get_args());
        for (key, value) in plain.get_envs() {
            match value {
                Some(value) => command.env(key, value),
                None => command.env_remove(key),
            };
        }
        command
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn an_agent_with_ten_keys_costs_nobody_their_password_or_their_key() {
    if !have(&["ssh", "ssh-keygen", "ssh-agent", "ssh-add"]) {
        return;
    }
    let (server, home) = (start(&[]), Home::new());
    drop(registered(&server, "alice"));
    let names: Vec<String> = (0..10).map(|number| format!("k{number}")).collect();
    let keys: Vec<&str> = names.iter().map(String::as_str).collect();
    keys.iter().for_each(|key| _ = home.key(key));
    let agent = Agent::with(&home, &keys);
    // None of them is known: the password is asked for, three times.
    home.answers(PASSWORD);
    let mut talk = Talk::begin(agent.ssh(&home, &server, "alice"));
    talk.expect_in();
    talk.ask("/whois alice", "Status: account");
    assert_eq!(home.asked().len(), 1);
    drop(talk);
    let other = Home::new();
    other.answers("wrong");
    assert_eq!(Talk::begin(agent.ssh(&other, &server, "alice")).end().0, 255);
    assert_eq!(other.asked().len(), 3, "{:?}", other.asked());
    // The last of them is.
    let mut talk = Talk::begin(home.ssh(&server, "alice", &["k9"]));
    talk.expect_in();
    talk.ask("/cert add", "is tied to your account.\n");
    drop(talk);
    let mut talk = Talk::begin(agent.ssh(&home, &server, "alice"));
    talk.expect_in();
    talk.ask("/cert list", " (this connection)\n");
    assert_eq!(home.asked().len(), 2, "one for each login by the password");
    // A guest is asked nothing.
    Talk::begin(agent.ssh(&home, &server, "visitor")).expect_in();
    assert_eq!(home.asked().len(), 2);
}

#[test]
fn after_many_keys_only_a_password_is_asked_for() {
    let server = start(&[]);
    drop(registered(&server, "alice"));
    let port = port(&server);
    let client = async move {
        let config = russh::client::Config::default();
        let connected = russh::client::connect(config.into(), ("127.0.0.1", port), Trusting).await;
        let mut session = connected.unwrap();
        let mut offered = 0;
        loop {
            let key = Ed25519Keypair::from_seed(&[offered; 32]);
            let key = Arc::new(russh::keys::PrivateKey::from(key));
            let key = russh::keys::PrivateKeyWithHashAlg::new(key, None);
            offered += 1;
            let result = session.authenticate_publickey("alice", key).await.unwrap();
            let russh::client::AuthResult::Failure { remaining_methods, .. } = result else {
                panic!("a key of nobody's lets in")
            };
            if !remaining_methods.contains(&russh::MethodKind::PublicKey) {
                break;
            }
        }
        let start = session.authenticate_keyboard_interactive_start("alice", None).await.unwrap();
        use russh::client::KeyboardInteractiveAuthResponse as Answer;
        assert!(matches!(start, Answer::InfoRequest { .. }), "{start:?}");
        let answers = vec![PASSWORD.to_owned()];
        let end = session.authenticate_keyboard_interactive_respond(answers).await.unwrap();
        assert!(matches!(end, Answer::Success), "{end:?}");
        offered
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let offered = runtime.block_on(async { tokio::time::timeout(PATIENCE, client).await.unwrap() });
    assert_eq!(offered, 20);
}

#[test]
fn copies_of_files_are_refused_and_nothing_is_said_of_them() {
    if !have(&["ssh", "scp"]) {
        return;
    }
    let (server, home) = (start(&[]), Home::new());
    let mut bob = server.login("bob");
    for line in
        ["scp -t .", "scp -f notes.txt", "rsync --server -e.LsfxC . x", "git-upload-pack '/x'"]
    {
        let mut command = home.ssh(&server, "alice", &[]);
        command.arg(line);
        let mut talk = Talk::begin(command);
        talk.close_sending();
        let (status, text, errors) = talk.end();
        assert_eq!((status, text.as_str()), (1, ""), "{line}");
        assert_eq!(errors, "No files are transferred here.\n", "{line}");
    }
    fs::write(home.path("file"), "text").unwrap();
    // In the language of before, and in that of SFTP.
    for options in [&["-O"][..], &[]] {
        let ssh = home.ssh(&server, "alice", &[]);
        let words: Vec<_> = ssh.get_args().filter_map(|word| word.to_str()).collect();
        let mut command = Command::new("scp");
        command.args(options).args(["-q", "-P", &port(&server).to_string()]);
        words.windows(2).filter(|pair| pair[0] == "-o").for_each(|pair| _ = command.args(pair));
        command.arg(home.path("file")).arg("alice@127.0.0.1:file").env("HOME", home.0.path());
        let talk = Talk::begin(command);
        let (status, _, errors) = talk.end();
        assert_ne!(status, 0, "{options:?}: {errors}");
        assert_eq!(
            errors.contains("No files are transferred here."),
            !options.is_empty(),
            "{errors}"
        );
    }
    bob.sync("bob");
    assert!(!bob.text().contains("alice"), "{}", bob.text());
}

#[test]
fn a_client_that_does_not_read_is_bounded_and_cut_off() {
    if !have(&["ssh"]) {
        return;
    }
    let limits = [("CHAT_STALL_TIMEOUT_SECS", "1"), ("CHAT_OUTBOUND_LIMIT_BYTES", "65536")];
    let (mut server, home) = (start(&limits), Home::new());
    let mut talk = Talk::begin(home.ssh(&server, "alice", &[]));
    talk.expect_in();
    let mut bob = server.login("bob");
    talk.expect("bob has joined");
    let stop = |signal: &str, pid: u32| {
        let done = Command::new("kill").args([signal, &pid.to_string()]).status();
        assert!(done.unwrap().success());
    };
    stop("-STOP", talk.child.id());
    let before = resident_kib(server.pid());
    let text = "x".repeat(900);
    let start = Instant::now();
    while !server.log().contains("cut off: it does not read what it is sent") {
        for _ in 0..20 {
            bob.send(&text);
        }
        bob.sync("bob");
        assert!(start.elapsed() < PATIENCE, "{}", server.log());
    }
    server.wait_for_log("alice logged out");
    let more = resident_kib(server.pid()).saturating_sub(before);
    assert!(more < 8 * 1_024, "{more} KiB");
    server
        .wait_for(|server| server.log().matches(" disconnected after ").count() >= 1, "it is gone");
    stop("-CONT", talk.child.id());
    bob.ask("/users", "=== Users in 'general' (1) ===");
}

#[test]
fn a_paste_is_carried_out_while_others_talk() {
    if !have(&["ssh"]) {
        return;
    }
    let (server, home) = (start(&[]), Home::new());
    let mut bob = server.login("bob");
    let mut talk = Talk::begin(home.ssh(&server, "alice", &[]));
    talk.expect_in();
    let mut stdin = talk.stdin.take().unwrap();
    let paste = thread::spawn(move || {
        for line in 0..1_000 {
            writeln!(stdin, "{line:04} {}", "p".repeat(400)).unwrap();
        }
        stdin
    });
    for line in 0..200 {
        bob.send(&format!("bob {line:03} {}", "b".repeat(400)));
    }
    bob.expect("0999 p");
    talk.expect("0999 p");
    assert!(talk.text().contains("bob 199"));
    talk.stdin = Some(paste.join().unwrap());
    talk.ask("/quit", "Goodbye!");
    assert_eq!(talk.end().0, 0);
}

/// A client that takes any host key.
struct Trusting;

impl russh::client::Handler for Trusting {
    type Error = russh::Error;

    async fn check_server_key(
        &mut self,
        _: &russh::keys::PublicKeyOrCertificate,
    ) -> Result<bool, Self::Error> {
        Ok(true)
    }
}

#[test]
fn a_client_with_a_small_window_gets_all_while_it_sends_much() {
    const LINES: usize = 1_500;
    let server = start(&[("CHAT_STALL_TIMEOUT_SECS", "5")]);
    let mut bob = server.login("bob");
    let port = port(&server);
    let client = async move {
        let config = russh::client::Config { window_size: 2_048, ..Default::default() };
        let connected = russh::client::connect(config.into(), ("127.0.0.1", port), Trusting).await;
        let mut session = connected.unwrap();
        session.authenticate_keyboard_interactive_start("alice", None).await.unwrap();
        let answers = session.authenticate_keyboard_interactive_respond(Vec::new()).await.unwrap();
        assert!(matches!(answers, russh::client::KeyboardInteractiveAuthResponse::Success));
        let channel = session.channel_open_session().await.unwrap();
        channel.request_shell(true).await.unwrap();
        let (mut coming, going) = channel.split();
        tokio::spawn(async move {
            for line in 0..LINES {
                let line = format!("{line:04} {}\n", "p".repeat(400));
                going.data(line.as_bytes()).await.unwrap();
            }
            // What is dropped is closed.
            std::future::pending::<()>().await;
        });
        let (mut text, last) = (Vec::new(), format!("─> {:04} p", LINES - 1));
        let end = |text: &[u8]| plain(&text[text.len().saturating_sub(8_192)..]);
        while !end(&text).contains(&last) {
            let message = coming.wait().await.expect("the channel goes on");
            if let russh::ChannelMsg::Data { data } = message {
                text.extend_from_slice(&data);
            }
        }
        plain(&text)
    };
    let client = thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async { tokio::time::timeout(PATIENCE * 3, client).await.unwrap() })
    });
    bob.expect("alice has joined");
    for line in 0..300 {
        bob.send(&format!("bob {line:03} {}", "b".repeat(400)));
    }
    bob.expect(&format!("{:04} p", LINES - 1));
    let text = client.join().unwrap();
    (0..300).for_each(|line| assert!(text.contains(&format!("bob {line:03} b")), "{line}"));
}

#[test]
fn which_names_are_accounts_is_not_told_of_many() {
    let server = start(&[]);
    let port = port(&server);
    let client = async move {
        let config = russh::client::Config::default();
        let connected = russh::client::connect(config.into(), ("127.0.0.1", port), Trusting).await;
        let mut session = connected.unwrap();
        let key = Ed25519Keypair::from_seed(&[7; 32]);
        let key = Arc::new(russh::keys::PrivateKey::from(key));
        let mut answered = 0;
        for number in 0..50 {
            let name = format!("name{number}");
            let key = russh::keys::PrivateKeyWithHashAlg::new(key.clone(), None);
            if session.authenticate_publickey(name, key).await.is_err() || session.is_closed() {
                break;
            }
            answered += 1;
        }
        answered
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let answered =
        runtime.block_on(async { tokio::time::timeout(PATIENCE, client).await.unwrap() });
    assert_eq!(answered, 3);
}

#[test]
fn a_proxy_tells_who_comes() {
    let mut server = start(&[("CHAT_PROXY_FROM", "127.0.0.0/8"), ("CHAT_DENY", "192.0.2.9")]);
    let greeting = |server: &Server, from: &str| {
        let mut socket = TcpStream::connect(("127.0.0.1", port(server))).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        write!(socket, "PROXY TCP4 {from} 192.0.2.1 4242 22\r\n").unwrap();
        let mut buf = [0; 64];
        let count = socket.read(&mut buf).unwrap_or(0);
        String::from_utf8_lossy(&buf[..count]).into_owned()
    };
    assert!(greeting(&server, "192.0.2.7").starts_with("SSH-2.0-"));
    assert_eq!(greeting(&server, "192.0.2.9"), "");
    server.wait_for_log("connected from 192.0.2.7 port 4242 via 127.0.0.1 (ssh)");
}

#[test]
fn putty_is_let_in_too() {
    if !have(&["plink", "ssh-keygen"]) {
        return;
    }
    let (server, home) = (start(&[]), Home::new());
    let print = fingerprint(&server.folder.join("data/ssh_host_ed25519"));
    let plink = |name: &str, more: &[&str]| {
        let mut command = Command::new("plink");
        command.args(["-batch", "-ssh", "-T", "-P", &port(&server).to_string(), "-l", name]);
        command.args(["-hostkey", &print]).args(more).env("HOME", home.0.path());
        command
    };
    let mut bob = server.login("bob");
    let mut talk = Talk::begin(plink("alice", &["127.0.0.1"]));
    talk.expect_in();
    talk.ask("hello from PuTTY", "hello from PuTTY");
    bob.expect("hello from PuTTY");
    talk.ask("/quit", "Goodbye!");
    assert_eq!(talk.end().0, 0);
    let mut talk = Talk::begin(plink("alice", &["127.0.0.1", "/users"]));
    talk.close_sending();
    let (status, text, _) = talk.end();
    assert_eq!(status, 0);
    assert!(text.contains("=== Users in 'general' (1) ===\n"), "{text}");
    // It waits for what there is to read of a paste, with a window of its own.
    let mut talk = Talk::begin(plink("alice", &["127.0.0.1"]));
    talk.expect_in();
    for line in 0..300 {
        talk.send(&format!("{line:04} {}", "p".repeat(400)));
    }
    talk.expect("0299 p");
    talk.ask("/quit", "Goodbye!");
    talk.end();
}
