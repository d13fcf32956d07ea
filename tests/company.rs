//! Where one is and with whom: the last that is shown to whoever comes in.

use crate::harness::{Client, Server};
use crate::people::{PASSWORD, challenged, quit, registered, with_root};

/// Waits for the last lines of what somebody is shown who comes in, and for nothing behind them.
#[track_caller]
fn ends_with(client: &mut Client, want: &str) {
    client.expect(want);
    assert_eq!(client.rest(), "\n> ", "after {want}");
}

fn log_in(server: &Server, name: &str, want: &str) -> Client {
    let mut client = server.connect();
    client.expect("Enter your username: ");
    client.ask(name, &format!("[LOBBY] {name} has joined the lobby\n"));
    ends_with(&mut client, want);
    client
}

#[test]
fn a_newcomer_is_told_where_they_are_and_with_whom() {
    let server = Server::start(&[]);
    let mut alice = log_in(&server, "alice", "You are alone in 'general'. /help /users /quit");
    let _bob = log_in(&server, "bob", "You are bob in 'general' with alice. /help /users /quit");
    let mut carol = log_in(
        &server,
        "carol",
        "You are carol in 'general' with alice and bob. /help /users /quit",
    );
    let mut zoe = log_in(
        &server,
        "zoe",
        "You are zoe in 'general' with alice, bob and carol. /help /users /quit",
    );
    let _dave = server.login("dave");
    let _eve = log_in(&server, "eve", "with alice, bob, carol, dave and zoe. /help /users /quit");
    zoe.ask("first", "╰─> first\n");
    carol.ask("/me waves", "carol waves");
    let _fay =
        log_in(&server, "fay", "with carol, zoe, alice, bob, dave and 1 more. /help /users /quit");
    let _gil =
        log_in(&server, "gil", "with carol, zoe, alice, bob, dave and 2 more. /help /users /quit");
    alice.ask("again", "╰─> again\n");
    let _hal =
        log_in(&server, "hal", "with alice, carol, zoe, bob, dave and 3 more. /help /users /quit");
}

#[test]
fn it_stands_below_the_history_and_the_topic_right_above_it() {
    let server = with_root();
    let mut root = challenged(&server, "root");
    root.ask(PASSWORD, "You are alone in 'general'. /help /users /quit\n> ");
    root.ask("/topic Release on Friday", "[LOBBY] root set the topic: Release on Friday\n");
    root.ask("hello", "╰─> hello\n");
    let both = "Topic: Release on Friday\nYou are bob in 'general' with root. /help /users /quit";
    let mut bob = log_in(&server, "bob", both);
    let shown = bob.text();
    assert!(shown.find("╰─> hello").unwrap() < shown.find("bob has joined").unwrap(), "{shown}");
    assert!(shown.find("bob has joined").unwrap() < shown.find("Topic:").unwrap(), "{shown}");
    assert_eq!(shown.matches("Topic:").count(), 1, "{shown}");
    // Into another lobby, and back again by a kick.
    bob.ask("/create den no-pass For us", "Created");
    bob.ask("/join den", "[LOBBY] bob has joined the lobby\n");
    ends_with(&mut bob, "You are alone in 'den'. /help /users /quit");
    root.ask("/join den", "You are root in 'den' with bob. /help /users /quit\n> ");
    root.ask("/kick bob", "bob has left the lobby\n");
    bob.expect("Joined lobby 'general'\n");
    bob.expect("[LOBBY] bob has joined the lobby\n");
    ends_with(&mut bob, "Topic: Release on Friday\nYou are alone in 'general'. /help /users /quit");
}

#[test]
fn it_stands_below_the_mail_of_an_account_and_below_a_long_history() {
    let server = Server::start(&[]);
    let mut alice = registered(&server, "alice");
    alice.ask("/create den no-pass For us", "Created");
    alice.ask("/join den", "You are alone in 'den'. /help /users /quit\n> ");
    let mut bob = server.login("bob");
    bob.ask("/join den", "You are bob in 'den' with alice. /help /users /quit\n> ");
    quit(alice);
    let long = "y".repeat(900);
    for i in 0..150 {
        bob.ask(&format!("{i} {long}"), &format!("╰─> {i} "));
    }
    bob.ask("/msg alice are you there?", "They will see it at their next login.");
    let mut alice = challenged(&server, "alice");
    alice.ask(PASSWORD, "Joined lobby 'den'\n150 messages since you left ");
    alice.expect("[LOBBY] alice has joined the lobby\n");
    alice.expect("╰─> are you there?\n");
    ends_with(&mut alice, "You are alice in 'den' with bob. /help /users /quit");
    // A second connection takes the place of the first without a notice, and is told too.
    let mut second = challenged(&server, "alice");
    second.ask(PASSWORD, "You are alice in 'den' with bob. /help /users /quit\n> ");
    alice.expect("Logged in from elsewhere.");
}
