//! Connecting, taking a name, leaving.

use std::net::Shutdown;
use std::sync::{Arc, Barrier};
use std::thread;

use crate::harness::{Server, count};

#[test]
fn a_client_is_welcomed_and_asked_for_a_name() {
    let server = Server::start(&[]);
    let mut client = server.connect();
    let banner = client.expect("Enter your username: ");
    assert!(banner.contains(">> Welcome to the Ultimate Chat Server <<"));
    for command in ["/help", "/users", "/quit"] {
        assert!(banner.contains(command), "{banner}");
    }
    assert!(banner.contains("[● CONNECTED] You're live! Start chatting now..."));
}

#[test]
fn names_that_cannot_be_are_told_why_and_asked_again() {
    let server = Server::start(&[]);
    let _bob = server.login("Bob");
    let mut client = server.connect();
    client.expect("Enter your username: ");
    let cases = [
        ("", "Username too short (min 2 characters)"),
        ("x", "Username too short (min 2 characters)"),
        ("123456789012345678901", "Username too long (max 20 characters)"),
        ("no spaces", "Username can only contain letters, numbers, - and _"),
        ("esc\x1b[31mape", "Username can only contain letters, numbers, - and _"),
        ("bOB", "Username already taken, try another."),
        ("server", "Username already taken, try another."),
        ("ROX", "Username already taken, try another."),
        ("You", "Username already taken, try another."),
        ("ai", "Username already taken, try another."),
        ("admin", "Username already taken, try another."),
        ("lobby", "Username already taken, try another."),
        ("system", "Username already taken, try another."),
    ];
    for (name, error) in cases {
        client.send(name);
        let before = client.expect(&format!("{error}\nEnter your username: "));
        assert_eq!(before, "", "{name}");
    }
    client.send("alice");
    client.expect("[LOBBY] alice has joined the lobby");
}

#[test]
fn of_fifty_who_want_one_name_at_an_instant_one_gets_it() {
    let server = Server::start(&[]);
    let gate = Arc::new(Barrier::new(50));
    let threads: Vec<_> = (0..50)
        .map(|_| {
            let (mut client, gate) = (server.connect(), gate.clone());
            thread::spawn(move || {
                client.expect("Enter your username: ");
                gate.wait();
                client.send("alice");
                let start = std::time::Instant::now();
                loop {
                    let rest = client.rest();
                    if rest.contains("alice has joined") {
                        return (true, client);
                    }
                    if rest.contains("already taken, try another.\nEnter your username: ") {
                        return (false, client);
                    }
                    assert!(start.elapsed() < crate::harness::PATIENCE, "{rest}");
                    client.read_some();
                }
            })
        })
        .collect();
    let ended: Vec<_> = threads.into_iter().map(|t| t.join().unwrap()).collect();
    assert_eq!(ended.iter().filter(|(won, _)| *won).count(), 1);
}

#[test]
fn everybody_sees_who_comes_and_goes_and_the_name_is_free_again() {
    let server = Server::start(&[]);
    let mut alice = server.login("alice");
    let mut bob = server.login("bob");
    alice.expect("[LOBBY] bob has joined the lobby\n> ");
    bob.ask("/quit", "Disconnecting from server. Goodbye!\n");
    bob.read_to_end();
    assert_eq!(bob.rest(), "", "nothing follows, no prompt either");
    alice.expect("[LOBBY] bob has left the lobby\n> ");
    let mut bob = server.login("BOB");
    alice.expect("[LOBBY] BOB has joined the lobby\n> ");
    // Hanging up is a way out too, in both manners.
    bob.close_sending();
    alice.expect("[LOBBY] BOB has left the lobby");
    let bob = server.login("bob");
    bob.reset();
    alice.expect("[LOBBY] bob has left the lobby");
    server.login("bob");
}

#[test]
fn the_end_of_input_at_the_name_prompt_ends_the_connection() {
    let mut server = Server::start(&[("CHAT_MAX_CONNECTIONS_PER_IP", "1")]);
    let mut client = server.connect();
    client.expect("Enter your username: ");
    client.close_sending();
    client.read_to_end();
    server.wait_for_log("disconnected");
    // The address has its place back.
    server.login("alice");
}

#[test]
fn one_can_leave_at_the_name_prompt() {
    let server = Server::start(&[]);
    let mut client = server.connect();
    client.expect("Enter your username: ");
    client.ask("/quit", "Disconnecting from server. Goodbye!\n");
    client.read_to_end();
}

#[test]
fn a_name_without_a_line_end_counts_when_the_sender_closes() {
    let server = Server::start(&[]);
    let shown = server.script(b"alice");
    assert!(shown.contains("[LOBBY] alice has joined the lobby"), "{shown}");
}

#[test]
fn without_a_name_in_time_the_connection_is_closed() {
    let server = Server::start(&[("CHAT_LOGIN_TIMEOUT_SECS", "1")]);
    let mut silent = server.connect();
    let mut user = server.login("alice");
    silent.read_to_end();
    assert!(silent.text().contains("No username in time"));
    user.sync("alice");
}

#[test]
fn idle_users_are_disconnected_where_that_is_set() {
    let server = Server::start(&[("CHAT_IDLE_TIMEOUT_SECS", "1")]);
    let mut alice = server.login("alice");
    alice.read_to_end();
    assert!(alice.text().contains("You were idle for too long. Goodbye!"));
}

#[test]
fn a_half_closed_client_has_every_line_carried_out() {
    let server = Server::start(&[]);
    let mut watcher = server.login("watcher");
    let input = "alice\none\n/users\ntwo\n/create room no-pass A room\n/join room\nthree\n/sp cat\nfour\n/nope\nfive";
    let shown = server.script(input.as_bytes());
    let order = [
        "alice has joined",
        "╰─> one",
        "=== Users in 'general' (2) ===",
        "╰─> two",
        "Created public lobby 'room'",
        "Joined lobby 'room'",
        "alice has joined",
        "╰─> three",
        "Profile picture changed to: (=^・^=)",
        "(=^・^=) alice [just now]\n  ╰─> four",
        "Unknown command. Type /help for available commands.",
        "╰─> five",
    ];
    let mut at = 0;
    for text in order {
        let found = shown[at..].find(text);
        at += found.unwrap_or_else(|| panic!("{text} is missing or out of order in {shown}"));
    }
    watcher.expect("alice has left the lobby");
    assert_eq!(count(&watcher.text(), "╰─> three"), 0, "said in another lobby");
}

#[test]
fn a_script_of_many_lines_comes_back_whole_and_in_order() {
    let server = Server::start(&[]);
    let mut watcher = server.login("watcher");
    let mut input = "bot\n".to_owned();
    for i in 0..500 {
        input.push_str(&format!("line {i}.\n"));
    }
    let shown = server.script(input.as_bytes());
    watcher.expect("bot has left the lobby");
    for text in [shown, watcher.text()] {
        let lines: Vec<_> = text.lines().filter(|l| l.contains("╰─> line")).collect();
        let want: Vec<_> = (0..500).map(|i| format!("  ╰─> line {i}.")).collect();
        assert_eq!(lines, want);
    }
}

#[test]
fn a_client_that_closes_both_ways_leaves_nothing_behind() {
    let mut server = Server::start(&[]);
    for i in 0..20 {
        let mut client = server.connect();
        client.send(&format!("user{i}"));
        client.tcp().shutdown(Shutdown::Both).unwrap();
    }
    server.wait_for(|s| count(&s.log(), " disconnected after ") == 20, "all are gone");
    let mut alice = server.login("alice");
    alice.ask("/users", "=== Users in 'general' (1) ===");
}
