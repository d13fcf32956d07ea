//! What a password is, wherever it is given: its form, what is none, and what is no try.

use std::sync::Arc;
use std::time::{Duration, Instant};

use lobbyd::chat::lobby::LobbyState;
use lobbyd::chat::name::NameKey;
use lobbyd::chat::password::{PasswordRecord, Secret};
use lobbyd::store::{Account, Change, Db};

use crate::harness::{Folder, Server, count};
use crate::people::{PASSWORD, challenged, logged_in_to, passwd, quit, registered, stop};

/// One password in two forms: letters with their marks, and letters followed by them.
const COMPOSED: &str = "p\u{e4}ssw\u{f6}rt";
const DECOMPOSED: &str = "pa\u{308}sswo\u{308}rt";

const NO_TEXT: &str =
    "This password is not valid UTF-8. Set your terminal to UTF-8 and type it again.\n";

#[test]
fn a_password_is_the_same_in_any_form_of_unicode_and_in_any_command() {
    let server = Server::start(&[]);
    let mut alice = server.login("alice");
    alice.ask(&format!("/register {DECOMPOSED}"), "'alice' is yours now.");
    quit(alice);
    for typed in [COMPOSED, DECOMPOSED] {
        let mut alice = challenged(&server, "alice");
        alice.ask(typed, "alice has joined the lobby\n");
        quit(alice);
    }
    let mut alice = challenged(&server, "alice");
    alice.ask(COMPOSED, "alice has joined the lobby\n");
    alice.ask(&format!("/passwd {COMPOSED} \"{DECOMPOSED} zwei\""), "Password changed.\n");
    alice.ask(&format!("/passwd \"{COMPOSED}\u{a0}zwei\" {COMPOSED}"), "Password changed.\n");
    alice.ask(&format!("/create den {COMPOSED} For us"), "Created private lobby 'den'");
    let mut bob = server.login("bob");
    bob.ask(&format!("/join den {DECOMPOSED}"), "Joined lobby 'den'");
    alice.ask(&format!("/join den {COMPOSED}"), "Joined lobby 'den'");
    alice.ask(&format!("/setpass {DECOMPOSED}2"), "[LOBBY] alice changed the password");
    let mut carol = server.login("carol");
    carol.ask(&format!("/join den {COMPOSED}"), "Incorrect password for private lobby");
    carol.ask(&format!("/join den {COMPOSED}2"), "Joined lobby 'den'");
    alice.ask(&format!("/unregister {DECOMPOSED}"), "The account 'alice' is gone");
    let log = server.log();
    assert!(!log.contains(COMPOSED) && !log.contains(DECOMPOSED), "{log}");
}

#[test]
fn a_password_with_a_byte_that_is_no_text_is_refused_everywhere() {
    let server = Server::start(&[]);
    let mut alice = server.login("alice");
    alice.send_raw(b"/register \xe4\xf6\xfc\xdf\xc4\xd6\xdc\xe9\n");
    alice.expect(NO_TEXT);
    alice.ask("/whois alice", "Status: guest");
    alice.ask(&format!("/register {PASSWORD}"), "'alice' is yours now.");
    alice.ask("/create den hunter2 x", "Created private lobby");
    let refused: [&[u8]; 6] = [
        b"/passwd \xe4\xf6 another-one\n",
        b"/passwd correct-horse ano\xfcther-one\n",
        b"/unregister \xe4\n",
        b"/create vault \xe4 a private one\n",
        b"/join den hunter2\xe4\n",
        b"/setpass \xe4\n",
    ];
    for line in refused {
        alice.send_raw(line);
        alice.expect(NO_TEXT);
    }
    alice.ask("/users", "=== Users in 'general' (1) ===");
    alice.ask("/lobbies", "=== Available Lobbies (2) ===");
    quit(alice);
    // At the login it is told, and is no guess: six of them lock nobody out.
    let mut alice = challenged(&server, "alice");
    for _ in 0..6 {
        alice.send_raw(b"correct-horse\xe4\n");
        alice.expect(&format!("{NO_TEXT}Password: "));
    }
    alice.ask(PASSWORD, "alice has joined the lobby\n");
}

#[test]
fn an_empty_line_is_no_try() {
    let server = Server::start(&[]);
    quit(registered(&server, "alice"));
    let mut alice = challenged(&server, "alice");
    for line in ["", "\r", "\x1b[A", "\u{7}", "", "", ""] {
        alice.ask(line, "Password: ");
    }
    assert!(!alice.text().contains("Wrong"), "{}", alice.text());
    alice.ask("wrong-one", "Wrong password.\nPassword: ");
    alice.ask("", "Password: ");
    alice.ask("wrong-two", "Wrong password.\nPassword: ");
    alice.ask(PASSWORD, "alice has joined the lobby\n");
}

#[test]
fn empty_lines_without_end_have_to_wait() {
    let server = Server::start(&[]);
    quit(registered(&server, "alice"));
    let mut flood = challenged(&server, "alice");
    let start = Instant::now();
    flood.send_raw(&[b'\n'; 10_000]);
    while start.elapsed() < Duration::from_millis(1_500) {
        flood.read_some();
    }
    let asked = count(&flood.text(), "Password: ");
    assert!((20..40).contains(&asked), "{asked}");
    logged_in_to(&server, "alice");
}

#[test]
fn what_the_operator_sets_is_what_the_login_reads() {
    let mut folder = Folder::new();
    for (name, set, typed) in [
        ("alice", "pass\tword1\n", "pass\tword1"),
        ("bob", "\u{feff}pass\u{1b}[31mword2\r\n", "password2"),
        ("carol", DECOMPOSED, COMPOSED),
    ] {
        let out = passwd(folder.path(), name, set);
        assert!(out.status.success(), "{name}: {}", String::from_utf8_lossy(&out.stderr));
        let server = Server::start_in(folder, &[]);
        let mut client = challenged(&server, name);
        client.ask(typed, &format!("{name} has joined the lobby\n"));
        quit(client);
        folder = stop(server);
    }
}

#[test]
fn an_operator_is_told_of_bytes_that_are_no_text() {
    let folder = Folder::new();
    let out = passwd(folder.path(), "alice", b"pass\xe4word\n");
    assert!(!out.status.success());
    let told = String::from_utf8(out.stderr).unwrap();
    assert_eq!(told, "lobbyd: the password on standard input is not valid UTF-8\n");
}

#[test]
fn a_record_of_the_form_that_was_typed_opens_and_is_made_anew() {
    let server = Server::start(&[]);
    quit(registered(&server, "alice"));
    let folder = stop(server);
    let data = folder.join("data");
    let old = PasswordRecord::create(&Secret::new(DECOMPOSED), b"0123456789abcdef").unwrap();
    {
        let (mut db, _) = Db::open(&data).unwrap();
        let account = db.account(&NameKey::of("alice")).unwrap().unwrap();
        let account = Account { record: Arc::new(old), ..account };
        db.apply(&[Change::AccountPut(account)]).unwrap();
    }
    let server = Server::start_in(folder, &[]);
    // As wrong as any other, and one guess like any other.
    challenged(&server, "alice").ask(COMPOSED, "Wrong password.\nPassword: ");
    let mut alice = challenged(&server, "alice");
    alice.ask("wra\u{308}ng", "Wrong password.\nPassword: ");
    alice.ask(DECOMPOSED, "alice has joined the lobby\n");
    quit(alice);
    let server = Server::start_in(stop(server), &[]);
    for typed in [COMPOSED, DECOMPOSED] {
        let mut alice = challenged(&server, "alice");
        alice.ask(typed, "alice has joined the lobby\n");
        quit(alice);
    }
}

#[test]
fn so_does_that_of_a_lobby() {
    let server = Server::start(&[]);
    let mut alice = registered(&server, "alice");
    alice.ask("/create den hunter2 For us", "Created private lobby 'den'");
    quit(alice);
    let folder = stop(server);
    let old = PasswordRecord::create(&Secret::new(DECOMPOSED), b"0123456789abcdef").unwrap();
    {
        let (mut db, _) = Db::open(&folder.join("data")).unwrap();
        let lobbies = db.load(0).unwrap().lobbies;
        let den =
            lobbies.into_iter().map(|lobby| lobby.state).find(|den| den.name.as_str() == "den");
        let den = LobbyState { record: Some(Arc::new(old)), ..den.unwrap() };
        db.apply(&[Change::LobbyPut(Arc::new(den))]).unwrap();
    }
    let server = Server::start_in(folder, &[]);
    let joins = |name: &str, typed: &str, want: &str| {
        let mut user = server.login(name);
        user.ask(&format!("/join den {typed}"), want);
        user.sync(name);
    };
    joins("bob", COMPOSED, "Incorrect password for private lobby");
    joins("carol", DECOMPOSED, "Joined lobby 'den'");
    joins("dave", COMPOSED, "Joined lobby 'den'");
    let server = Server::start_in(stop(server), &[]);
    for (name, typed) in [("eve", COMPOSED), ("frank", DECOMPOSED)] {
        server.login(name).ask(&format!("/join den {typed}"), "Joined lobby 'den'");
    }
}
