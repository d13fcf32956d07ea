//! An actor that does nothing any more: the operator's listener says so, and goes on. Builds without debug
//! assertions have no such hook.

#![cfg(debug_assertions)]

use std::thread;

use crate::gemini::{Gemini, whole};
use crate::harness::{Client, FAULTS, Folder, Server};
use crate::operator::{ADMIN, admin_port, ask, wait_for};

/// How long an actor does nothing: longer than the two seconds within which that has to be told, by what
/// a busy machine may need for it.
const SECS: u32 = 4;

/// Where nothing else is wrong, 503 is only answered while the actor is wedged, so that it was seen is that it
/// came in time.
fn is_told(server: &mut Server, silent: &[&str], wedge: impl FnOnce(&mut Client) + Send) {
    let port = admin_port(server);
    wait_for(port, "/health/ready", |answer| answer.status == 200);
    let mut alice = server.login("alice");
    thread::scope(|scope| {
        let wedged = scope.spawn(|| wedge(&mut alice));
        // All that the same thread does, though perhaps not at one instant.
        let lines: String = silent.iter().map(|who| format!("{who} does not answer\n")).collect();
        let told = wait_for(port, "/health/ready", |answer| answer.body == lines);
        assert_eq!(told.status, 503);
        for path in ["/health/live", "/metrics", "/", "/figures"] {
            assert_eq!(ask(port, "GET", path).status, 200, "{path}");
        }
        let figures = ask(port, "GET", "/figures").body;
        assert!(figures.contains("\"state\":\"failing\""), "{figures}");
        wedged.join().unwrap();
    });
    let healed = wait_for(port, "/health/ready", |answer| answer.status == 200);
    assert_eq!(healed.body, "ready\n");
    alice.ask("after all", "╰─> after all");
    server.wait_for_log("does not answer");
}

fn aim(client: &mut Client, actor: &str, message: &str) {
    client.ask(&format!("/fault wedge {actor} {message} {SECS}"), "a fault is on its way");
}

#[test]
fn a_wedged_registry_is_told() {
    let mut server = Server::start(&[ADMIN, FAULTS]);
    is_told(&mut server, &["the AiPool", "the Registry"], |alice| {
        aim(alice, "Registry", "ListLobbies");
        alice.ask("/lobbies", "=== Available Lobbies (1) ===");
    });
}

#[test]
fn a_wedged_shard_is_told_with_the_lobby_on_its_thread() {
    let mut server = Server::start(&[ADMIN, FAULTS]);
    is_told(&mut server, &["Shard 0", "lobby general"], |alice| {
        aim(alice, "Shard", "Deliver");
        alice.ask("hello", "╰─> hello");
    });
}

#[test]
fn a_wedged_lobby_is_told_with_the_shard_on_its_thread() {
    let mut server = Server::start(&[ADMIN, FAULTS]);
    is_told(&mut server, &["Shard 0", "lobby general"], |alice| {
        aim(alice, "Lobby", "Say");
        alice.ask("hello", "╰─> hello");
    });
}

#[test]
fn a_wedged_session_is_told_by_the_shard_on_its_thread() {
    let mut server = Server::start(&[ADMIN, FAULTS]);
    is_told(&mut server, &["Shard 0", "lobby general"], |alice| {
        alice.send(&format!("/fault wedge session {SECS}"));
        alice.ask("hello", "╰─> hello");
    });
}

#[test]
fn a_wedged_store_is_told() {
    let mut server = Server::start(&[ADMIN, FAULTS]);
    is_told(&mut server, &["the Store"], |alice| {
        aim(alice, "Store", "Commit");
        alice.ask("/create room x", "Created");
    });
}

#[test]
fn wedged_readers_are_told() {
    for (question, command, answer, silent) in [
        ("ReadHistory", "/history", "Nothing was said in this lobby yet.", "the quick Reader"),
        (
            "Search",
            "/search words",
            "No message of this lobby has all these words.",
            "the searching Reader",
        ),
    ] {
        let mut server = Server::start(&[ADMIN, FAULTS]);
        is_told(&mut server, &[silent], |alice| {
            aim(alice, "Reader", question);
            alice.ask(command, answer);
        });
    }
}

#[test]
fn a_wedged_ai_pool_is_told() {
    let gemini = Gemini::start();
    gemini.then(whole("hello there"));
    let env = [&[ADMIN, FAULTS], &gemini.env()[..]].concat();
    let mut server = Server::start_in(Folder::new(), &env);
    is_told(&mut server, &["the AiPool", "the Registry"], |alice| {
        aim(alice, "AiPool", "TakePermit");
        alice.ask("/ai hello", "hello there");
    });
}
