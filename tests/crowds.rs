//! Notices of who comes and who goes in a lobby of more than a hundred.

use crate::harness::{Client, Server, count};

/// Connects them all, then lets them in as fast as they get.
fn log_in_all(server: &Server, names: impl Iterator<Item = String>) -> Vec<(String, Client)> {
    let mut clients: Vec<_> = names.map(|name| (name, server.connect())).collect();
    for (name, client) in &mut clients {
        client.expect("Enter your username: ");
        client.send(name);
    }
    for (name, client) in &mut clients {
        client.expect_in(name);
    }
    clients
}

/// How many were told of by these notices, and how many notices that took.
fn told_of(text: &str, done: &str) -> (usize, usize) {
    let notices = text.lines().filter_map(|line| {
        let names = line.trim_start_matches("> ").strip_prefix("[LOBBY] ")?.strip_suffix(done)?;
        let names = names.strip_suffix(" has").or_else(|| names.strip_suffix(" have"))?;
        let more = names.split(" and ").last()?.strip_suffix(" more");
        let more: usize = more.map_or(0, |more| more.parse().unwrap());
        let named = names.split(", ").flat_map(|names| names.split(" and "));
        Some(more + named.filter(|name| !name.ends_with(" more")).count())
    });
    notices.fold((0, 0), |(all, notices), told| (all + told, notices + 1))
}

#[test]
fn notices_of_a_second_are_summed_up_and_nobody_is_missing() {
    let server = Server::start(&[]);
    let _crowd = log_in_all(&server, (0..100).map(|n| format!("early{n}")));
    let mut bob = server.login("bob");
    bob.sync("bob");
    let late = log_in_all(&server, (0..60).map(|n| format!("late{n}")));
    // Somebody who speaks has been told of before.
    let mut zoe = server.login("zoe");
    zoe.ask("hello", "\u{2570}\u{2500}> hello\n");
    let shown = bob.expect("zoe [just now]\n  \u{2570}\u{2500}> hello\n");
    let (joined, notices) = told_of(&shown, " joined the lobby");
    assert_eq!(joined, 61, "{shown}");
    assert!(notices < 40, "{notices} notices: {shown}");
    assert!(shown.contains(" more have joined the lobby"), "{shown}");
    // Each of them was told of themselves, once.
    for (name, mut client) in late {
        client.sync(&name);
        let text = client.text();
        assert_eq!(count(&text, &format!("[LOBBY] {name} has joined the lobby\n")), 1, "{text}");
        let named = text
            .lines()
            .filter(|l| l.contains("[LOBBY]"))
            .filter(|l| l.split([' ', ',']).any(|word| word == name));
        assert_eq!(named.count(), 1, "{text}");
    }
    // All of them have gone now.
    let mut left = (0, 0);
    while left.0 < 60 {
        let shown = bob.expect(" left the lobby\n");
        let (all, notices) = told_of(&format!("{shown} left the lobby"), " left the lobby");
        left = (left.0 + all, left.1 + notices);
    }
    assert!(left.0 == 60 && left.1 < 40, "{left:?}");
}
