//! What waits for an account that comes back: its lobby, what was said there, and its mail.

use crate::harness::{Client, Server, count};
use crate::people::{PASSWORD, challenged, logged_in_to, quit, registered, stop};

/// Says something in a lobby.
fn says(client: &mut Client, text: &str) {
    client.ask(text, &format!("╰─> {text}\n> "));
}

#[test]
fn an_account_goes_back_to_its_lobby_and_sees_what_it_missed() {
    let server = Server::start(&[]);
    let mut bob = server.login("bob");
    let mut alice = registered(&server, "alice");
    alice.ask("/create club no-pass x", "Created");
    for client in [&mut bob, &mut alice] {
        client.ask("/join club", "joined the lobby");
    }
    says(&mut bob, "said before");
    alice.expect("said before");
    quit(alice);
    for text in ["first", "second", "third"] {
        says(&mut bob, text);
    }
    let (mut alice, shown) = logged_in_to(&server, "alice");
    let (_, missed) = shown.split_once("3 messages since you left ").unwrap();
    let at = |text: &str| missed.find(&format!("╰─> {text}\n")).unwrap();
    assert!(at("first") < at("second") && at("second") < at("third"), "{shown}");
    assert_eq!(count(&shown, "╰─> "), 3, "{shown}");
    bob.expect("[LOBBY] alice has joined the lobby\n> ");
    alice.ask("/users", "=== Users in 'club' (2) ===");
    quit(alice);
    let (alice, shown) = logged_in_to(&server, "alice");
    assert!(!shown.contains("since you left"), "nothing was missed: {shown}");
    quit(alice);
    says(&mut bob, "one more");
    let (alice, shown) = logged_in_to(&server, "alice");
    assert!(shown.contains("1 message since you left "), "{shown}");
    quit(alice);
    // More than the history of a joining user holds is counted, and missed over a restart too.
    says(&mut bob, "before the restart");
    drop(bob);
    let server = Server::start_in(stop(server), &[]);
    let (mut alice, shown) = logged_in_to(&server, "alice");
    assert!(shown.contains("1 message since you left "), "{shown}");
    assert!(shown.contains("╰─> before the restart"), "{shown}");
    alice.ask("/users", "=== Users in 'club' (1) ===");
}

#[test]
fn what_was_said_in_the_instant_of_leaving_is_missed_from_the_notice_on() {
    let server = Server::start(&[("CHAT_RATE_MESSAGES", "0")]);
    let mut bob = server.login("bob");
    let mut alice = registered(&server, "alice");
    for round in 0..8 {
        let line = |i: usize| format!("<{round}:{i}>\n");
        bob.send_raw((0..10).map(line).collect::<String>().as_bytes());
        alice.send("/quit");
        let before = count(&bob.expect("alice has left the lobby"), &format!("<{round}:"));
        bob.send_raw((10..20).map(line).collect::<String>().as_bytes());
        bob.expect(line(19).trim_end());
        alice.read_to_end();
        let (again, shown) = logged_in_to(&server, "alice");
        let missed = 20 - before;
        assert!(shown.contains(&format!("{missed} messages since you left ")), "{before} {shown}");
        assert_eq!(count(&shown, "╰─> "), missed, "{before} {shown}");
        let mut first = shown.lines().filter_map(|line| line.split_once("╰─> "));
        assert_eq!(first.next().map(|(_, text)| text), Some(line(before).trim_end()), "{shown}");
        alice = again;
    }
}

#[test]
fn more_than_is_shown_is_counted() {
    let server = Server::start(&[("CHAT_HISTORY_MESSAGES", "5")]);
    let mut bob = server.login("bob");
    quit(registered(&server, "alice"));
    bob.expect("alice has left");
    for i in 0..12 {
        says(&mut bob, &format!("number {i:02}"));
    }
    bob.ask("/history 12", "number 00");
    let (_, shown) = logged_in_to(&server, "alice");
    let (_, told) = shown.split_once("12 messages since you left ").unwrap();
    assert!(told.lines().next().unwrap().ends_with(", the last 5:"), "{shown}");
    assert!(shown.contains("number 07") && !shown.contains("number 06"), "{shown}");
}

#[test]
fn a_lobby_that_is_no_more_is_left_for_general() {
    let server = Server::start(&[]);
    let mut bob = server.login("bob");
    bob.ask("/create club no-pass x", "Created");
    let mut alice = registered(&server, "alice");
    alice.ask("/join club", "alice has joined the lobby");
    quit(alice);
    bob.ask("/delete club", "Say it again within 30 seconds");
    bob.ask("/delete club", "You deleted the lobby 'club'");
    let (mut alice, _) = logged_in_to(&server, "alice");
    alice.ask("/users", "=== Users in 'general' (2) ===");
}

#[test]
fn a_private_lobby_asks_again_only_after_its_password_has_changed() {
    let server = Server::start(&[]);
    let mut bob = server.login("bob");
    bob.ask("/create vault hunter2 x", "Created");
    bob.ask("/join vault hunter2", "joined the lobby");
    let mut alice = registered(&server, "alice");
    alice.ask("/join vault hunter2", "alice has joined the lobby");
    quit(alice);
    says(&mut bob, "among us");
    let (mut alice, shown) = logged_in_to(&server, "alice");
    assert!(shown.contains("among us"), "{shown}");
    alice.ask("/users", "=== Users in 'vault' (2) ===");
    quit(alice);
    bob.ask("/setpass hunter3", "> ");
    says(&mut bob, "kept from her");
    let (mut alice, shown) = logged_in_to(&server, "alice");
    assert!(!shown.contains("kept from her") && !shown.contains("since you left"), "{shown}");
    alice.ask("/users", "=== Users in 'general' (1) ===");
    alice.ask("/join vault hunter2", "Incorrect password for private lobby\n> ");
    alice.ask("/join vault hunter3", "alice has joined the lobby");
    quit(alice);
    // A password that is taken away keeps nobody out.
    bob.ask("/setpass no-pass", "> ");
    let (mut alice, _) = logged_in_to(&server, "alice");
    alice.ask("/users", "=== Users in 'vault' (2) ===");
}

#[test]
fn a_private_lobby_knows_its_people_after_a_restart() {
    let server = Server::start(&[]);
    let mut alice = registered(&server, "alice");
    alice.ask("/create vault hunter2 x", "Created");
    alice.ask("/join vault hunter2", "alice has joined the lobby");
    // The notice comes an instant before she has left general.
    alice.ask("/users", "=== Users in 'vault' (1) ===");
    let server = Server::start_in(stop(server), &[]);
    let (mut alice, _) = logged_in_to(&server, "alice");
    alice.ask("/users", "=== Users in 'vault' (1) ===");
}

#[test]
fn whoever_is_banned_from_their_lobby_goes_on_in_general() {
    let server = Server::start(&[]);
    let mut bob = server.login("bob");
    bob.ask("/create club no-pass x", "Created");
    bob.ask("/join club", "joined the lobby");
    let mut alice = registered(&server, "alice");
    alice.ask("/join club", "alice has joined the lobby");
    quit(alice);
    bob.ask("/ban alice", "bob banned alice for good\n> ");
    says(&mut bob, "kept from her");
    let (mut alice, shown) = logged_in_to(&server, "alice");
    assert!(!shown.contains("kept from her") && !shown.contains("since you left"), "{shown}");
    alice.ask("/users", "=== Users in 'general' (1) ===");
    alice.ask("/join club", "You are banned from 'club'");
}

#[test]
fn mail_waits_for_an_account_and_is_shown_once() {
    let server = Server::start(&[]);
    let mut alice = registered(&server, "alice");
    let mut bob = server.login("bob");
    let mut eve = server.login("eve");
    alice.ask("/ignore eve", "You ignore 'eve'");
    alice.ask("/time on", "Times are shown by the clock.");
    quit(alice);
    bob.ask("/msg ALICE are you there", "[DM] You —» alice\n  ╰─> are you there\n> ");
    bob.expect("alice is not connected. They will see it at their next login.\n> ");
    eve.ask("/msg alice unwanted", "alice is not connected.");
    bob.ask("/msg alice call me", "alice is not connected.");
    bob.ask("/msg nobody hello", "User not found.\n> ");
    drop(bob);
    drop(eve);
    let server = Server::start_in(stop(server), &[]);
    let (mut alice, shown) = logged_in_to(&server, "alice");
    let shown = shown + &alice.sync("alice");
    assert!(shown.contains("=== Messages while you were not here (2) ==="), "{shown}");
    let first = shown.find("╰─> are you there").unwrap();
    assert!(first < shown.find("╰─> call me").unwrap(), "{shown}");
    assert_eq!(count(&shown, "[DM] bob —» You ["), 2, "with their times: {shown}");
    assert!(!shown.contains("now]") && !shown.contains("ago]"), "by the clock: {shown}");
    assert!(!shown.contains("unwanted"), "{shown}");
    assert!(!server.log().contains("call me"), "{}", server.log());
    quit(alice);
    let (mut alice, shown) = logged_in_to(&server, "alice");
    let shown = shown + &alice.sync("alice");
    assert!(!shown.contains("while you were not here"), "{shown}");
}

#[test]
fn the_fifty_first_message_that_would_wait_is_refused() {
    let server = Server::start(&[]);
    quit(registered(&server, "alice"));
    let mut bob = server.login("bob");
    for i in 0..50 {
        bob.ask(&format!("/msg alice letter {i:02}"), "They will see it at their next login.");
    }
    bob.ask(
        "/msg alice letter 50",
        "alice is not connected, and 50 messages wait for them already. Yours was not kept.\n> ",
    );
    let mut alice = challenged(&server, "alice");
    alice.ask(PASSWORD, "=== Messages while you were not here (50) ===");
    let shown = alice.sync("alice");
    assert!(shown.contains("letter 00") && shown.contains("letter 49"), "{shown}");
    assert!(!shown.contains("letter 50"), "{shown}");
    quit(alice);
    // There is room again.
    bob.ask("/msg alice again", "They will see it at their next login.");
}
