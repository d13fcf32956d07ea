//! Admins of the server, and the password that the operator sets for an account.

use std::path::Path;

use crate::harness::{Folder, Server};
use crate::people::{PASSWORD, challenged, logged_in_to, makes, passwd, quit, registered, stop};

const ADMINS: [(&str, &str); 1] = [("CHAT_ADMINS", "root,Second-1")];

#[track_caller]
fn fails(folder: &Path, name: &str, input: &str) -> String {
    let out = passwd(folder, name, input);
    let error = String::from_utf8(out.stderr).unwrap();
    assert_eq!(out.status.code(), Some(1), "{error}");
    assert!(error.lines().count() == 1 && out.stdout.is_empty(), "{error}");
    error
}

#[test]
fn the_name_of_an_admin_is_kept_until_the_operator_has_made_the_account() {
    let server = Server::start(&ADMINS);
    let mut guest = server.connect();
    guest.expect("Enter your username: ");
    for name in ["root", "ROOT", "second-1"] {
        guest.ask(name, "Username already taken, try another.\nEnter your username: ");
    }
    guest.ask("r00t", "Username too close to 'root', try another.\n");
    guest.ask("stranger", "stranger has joined the lobby");
    guest.ask("/nick root", "Username already taken, try another.\n> ");
    guest.ask("/msg root hello", "User not found.\n> ");
    drop(guest);
    let folder = stop(server);
    makes(folder.path(), "root", PASSWORD);
    let server = Server::start_in(folder, &ADMINS);
    let mut bob = server.login("bob");
    let mut alice = registered(&server, "alice");
    let (mut root, _) = logged_in_to(&server, "root");
    root.ask("/announce Maintenance at noon", "[ANNOUNCEMENT] root: Maintenance at noon\n> ");
    for client in [&mut bob, &mut alice] {
        client.expect("[ANNOUNCEMENT] root: Maintenance at noon\n> ");
        client.ask("/announce mine", "Only an admin can do that.\n> ");
        client.ask("/gban root", "Only an admin can do that.\n> ");
    }
    let mut other = server.connect();
    other.expect("Enter your username: ");
    other.ask("Second-1", "Username already taken, try another.\n");
}

#[test]
fn an_admin_acts_as_an_owner_everywhere() {
    let folder = Folder::new();
    makes(folder.path(), "root", PASSWORD);
    let server = Server::start_in(folder, &ADMINS);
    let mut bob = server.login("bob");
    bob.ask("/create club no-pass x", "Created");
    let (mut root, _) = logged_in_to(&server, "root");
    root.ask("/join club", "root has joined the lobby");
    root.ask("/topic news", "root set the topic: news\n> ");
    root.ask("/setai Be kind", "[LOBBY] root updated the AI prompt");
    quit(root);
    // Without the setting it is an account like any other.
    let server = Server::start_in(stop(server), &[]);
    let (mut root, _) = logged_in_to(&server, "root");
    root.ask("/announce mine", "Only an admin can do that.\n> ");
}

#[test]
fn the_operator_gives_an_account_another_password() {
    let server = Server::start(&[]);
    let mut alice = registered(&server, "Alice");
    alice.ask("/create club no-pass x", "Created");
    let folder = stop(server);
    makes(folder.path(), "Alice", "another-password");
    let server = Server::start_in(folder, &[]);
    let mut alice = challenged(&server, "alice");
    alice.ask(PASSWORD, "Wrong password.\n");
    alice.ask("another-password", "Alice has joined the lobby");
    alice.ask("/join club", "Alice has joined the lobby");
    alice.ask("/topic still mine", "Alice set the topic: still mine\n> ");
}

#[test]
fn bad_names_and_passwords_are_refused_in_one_line() {
    let folder = Folder::new();
    for name in ["x", "a.b", "123456789012345678901", "admin", "SERVER"] {
        let error = fails(folder.path(), name, &format!("{PASSWORD}\n"));
        assert!(error.contains(name), "{error}");
    }
    let long = "x".repeat(129);
    let huge = "x".repeat(100_000);
    for password in ["", "\n", "short77\n", "\nnot-the-first-line\n", &long, &huge] {
        let error = fails(folder.path(), "root", password);
        assert!(error.contains("password") && error.contains("8 to 128"), "{error}");
        assert!(!error.contains("short77"), "{error}");
    }
    // Nothing was made of it, and the longest one is good, with whatever end of line.
    makes(folder.path(), "root", &format!("{}\r", "ä".repeat(128)));
    let server = Server::start_in(folder, &ADMINS);
    challenged(&server, "root").ask(&"ä".repeat(128), "root has joined the lobby");
}

#[test]
fn a_running_server_keeps_its_database_to_itself() {
    let server = Server::start(&ADMINS);
    let error = fails(server.folder.path(), "root", &format!("{PASSWORD}\n"));
    assert!(error.contains(&server.pid().to_string()), "{error}");
}
