//! What happens at one instant: orders and logins that cross, and connections that break off half-way.

use std::io::Write;
use std::thread;
use std::time::Duration;

use crate::harness::{Client, Server};
use crate::people::{PASSWORD, challenged, logged_in_to, quit, registered, stop};

/// Sends to both at once, and waits until both have been told something.
fn at_once(a: (&mut Client, &str), b: (&mut Client, &str)) {
    a.0.send(a.1);
    b.0.send(b.1);
    a.0.sync("alice");
    b.0.sync("bob");
}

#[test]
fn orders_that_cross_are_both_there_after_a_restart() {
    let mut server = Server::start(&[]);
    let mut alice = registered(&server, "alice");
    let mut bob = registered(&server, "bob");
    alice.ask("/create club hunter2 x", "Created");
    alice.ask("/join club hunter2", "alice has joined");
    bob.ask("/join club hunter2", "bob has joined");
    alice.ask("/op bob", "made bob an operator");
    for round in 0..10 {
        at_once((&mut alice, "/setpass no-pass"), (&mut bob, &format!("/topic about {round}")));
        at_once((&mut alice, "/setpass hunter2"), (&mut bob, &format!("/slow {}", round + 1)));
        at_once((&mut alice, "/setpass no-pass"), (&mut bob, &format!("/topic last {round}")));
    }
    drop((alice, bob));
    server = Server::start_in(stop(server), &[]);
    let mut carol = server.login("carol");
    let list = carol.ask("/lobbies", "Topic: last 9");
    assert!(list.contains("Lobby: club\n  Privacy: public"), "{list}");
    carol.ask("/join club", "carol has joined");
    carol.ask("one", "╰─> one");
    carol.ask("two", "Slow mode! Wait 10 seconds.");
}

#[test]
fn an_open_prompt_takes_the_password_that_holds_when_it_is_typed() {
    let server = Server::start(&[]);
    let mut alice = registered(&server, "alice");
    let mut late = challenged(&server, "alice");
    alice.ask(&format!("/passwd {PASSWORD} another-one"), "Password changed.");
    late.ask(PASSWORD, "Wrong password.");
    alice.sync("alice");
    late.ask("another-one", "> ");
    alice.expect("Logged in from elsewhere.");
    late.ask("/whois alice", "Status: account");
}

#[test]
fn an_account_that_is_given_up_cannot_be_logged_in_to_at_an_open_prompt() {
    let server = Server::start(&[]);
    let mut alice = registered(&server, "alice");
    let mut late = challenged(&server, "alice");
    alice.ask(&format!("/unregister {PASSWORD}"), "you are a guest");
    late.ask(PASSWORD, "Wrong password.");
    alice.ask("/whois alice", "Status: guest");
    quit(alice);
    server.login("alice").ask("/whois alice", "Status: guest");
}

#[test]
fn a_login_that_breaks_off_leaves_no_second_connection_of_the_account() {
    let server = Server::start(&[]);
    // Hanging up on a password counts as a wrong one, and five are the end of it for a minute.
    for (round, name) in ["carol", "dave", "erin", "frank"].into_iter().enumerate() {
        let mut first = registered(&server, name);
        let late = challenged(&server, name);
        let mut wire = late.tcp().try_clone().unwrap();
        socket2::SockRef::from(&wire).set_linger(Some(Duration::ZERO)).unwrap();
        writeln!(wire, "{PASSWORD}").unwrap();
        // About as long as it takes to check a password.
        thread::sleep(Duration::from_millis(150 + 20 * round as u64));
        drop((late, wire));
        // Whether the second got as far or not, the third is the only one.
        let mut third = challenged(&server, name);
        third.ask(PASSWORD, "> ");
        first.expect("Logged in from elsewhere.");
        third.send("/users");
        third.expect("=== Users in 'general'");
        let users = third.sync(name);
        assert_eq!(users.matches(&format!("[@_@] {name} (you)\n")).count(), 1, "{users}");
        quit(third);
    }
}

#[test]
fn a_lobby_of_a_guest_who_registers_stays_as_an_accounts_does() {
    let server = Server::start(&[("CHAT_LOBBY_IDLE_SECS", "4")]);
    let mut bob = server.login("bob");
    bob.ask("/create goes no-pass x", "Created");
    let mut alice = server.login("alice");
    alice.ask("/create stays no-pass x", "Created");
    alice.ask(&format!("/register {PASSWORD}"), "is yours now");
    let mut server = server;
    server.wait_for_log("lobby 'goes' was empty for too long");
    thread::sleep(Duration::from_millis(200));
    alice.ask("/join stays", "alice has joined");
    assert!(!server.log().contains("lobby 'stays' was empty"));
}

#[test]
fn a_mute_does_not_end_with_an_account() {
    let server = Server::start(&[]);
    let mut alice = registered(&server, "alice");
    alice.ask("/create club no-pass x", "Created");
    alice.ask("/join club", "alice has joined");
    let mut eve = server.login("eve");
    eve.ask("/join club", "eve has joined");
    alice.ask("/mute eve", "muted eve");
    eve.ask("hello", "You are muted in 'club'");
    eve.ask(&format!("/register {PASSWORD}"), "is yours now");
    eve.ask("hello", "You are muted in 'club'");
    drop((alice, eve));
    let server = Server::start_in(stop(server), &[]);
    let (mut eve, _) = logged_in_to(&server, "eve");
    eve.ask("hello", "You are muted in 'club'");
}
