//! What a panic costs, in each kind of actor. Builds without debug assertions have no such hook.

#![cfg(debug_assertions)]

use crate::gemini::{Gemini, whole};
use crate::harness::Server;

const FAULTS: (&str, &str) = ("LOBBYD_FAULTS", "on");

#[test]
fn without_the_hook_it_is_an_unknown_command() {
    let server = Server::start(&[]);
    server.login("alice").ask("/fault session", "Unknown command.");
}

#[test]
fn a_session_takes_nobody_with_it_and_gives_everything_back() {
    let mut server = Server::start(&[FAULTS, ("CHAT_MAX_CONNECTIONS", "2")]);
    let mut alice = server.login("alice");
    let mut bob = server.login("bob");
    bob.send("/fault session");
    bob.read_to_end();
    alice.expect("[LOBBY] bob has left the lobby");
    server.wait_for_log("conn=2 disconnected");
    let mut again = server.login("bob");
    again.ask("hello", "╰─> hello");
    alice.expect("╰─> hello");
    assert!(server.log().contains("fault at "));
}

#[test]
fn a_lobby_is_set_up_again_with_its_members_and_its_history() {
    let server = Server::start(&[FAULTS]);
    let (mut alice, mut bob) = (server.login("alice"), server.login("bob"));
    alice.ask("/create room pw x", "Created");
    for client in [&mut alice, &mut bob] {
        client.ask("/join room pw", "Joined");
    }
    alice.ask("/setai Be a pirate", "AI prompt updated!");
    alice.ask("before", "╰─> before");
    bob.expect("╰─> before");
    bob.send("/fault lobby");
    for client in [&mut alice, &mut bob] {
        client.expect("The lobby had to be restarted. You are back in it.\n> ");
    }
    alice.ask("after", "╰─> after");
    let between = bob.expect("╰─> after");
    assert!(!between.contains("has joined") && !between.contains("before"), "{between}");
    alice.ask("/users", "=== Users in 'room' (2) ===");
    alice.ask("/setai Be a parrot", "AI prompt updated!");
    let mut carol = server.login("carol");
    carol.ask("/join room", "Incorrect password");
    carol.ask("/join room pw", "Joined lobby 'room'\n");
    let shown = carol.expect("carol has joined");
    assert!(shown.contains("╰─> before") && shown.contains("╰─> after"), "{shown}");
    carol.ask("/lobbies", "Privacy: private | AI: custom AI | Created by: alice | Users: 3");
}

#[test]
fn general_is_set_up_again_too() {
    let server = Server::start(&[FAULTS]);
    let mut alice = server.login("alice");
    for _ in 0..3 {
        alice.ask("/fault lobby", "The lobby had to be restarted. You are back in it.\n> ");
        alice.ask("hello", "╰─> hello");
    }
    server.login("bob").ask("/users", "=== Users in 'general' (2) ===");
}

#[test]
fn messages_on_their_way_when_a_lobby_breaks_do_not_hang_their_sender() {
    let server = Server::start(&[FAULTS]);
    let mut alice = server.login("alice");
    let mut bob = server.login("bob");
    for i in 0..20 {
        bob.send("/fault lobby");
        alice.send_raw(format!("a{i}\nb{i}\nc{i}\n").repeat(20).as_bytes());
    }
    alice.sync("alice");
    alice.ask("/users", "=== Users in 'general' (2) ===");
    // And the end of input is still an end.
    alice.close_sending();
    alice.read_to_end();
}

#[test]
fn the_registrys_truth_survives() {
    let server = Server::start(&[FAULTS, ("CHAT_MAX_CONNECTIONS", "3")]);
    let mut alice = server.login("alice");
    alice.ask("/create room x", "Created");
    alice.send("/fault registry");
    let mut other = server.connect();
    other.expect("Enter your username: ");
    other.ask("ALICE", "Username already taken, try another.");
    other.ask("bob", "bob has joined the lobby");
    other.ask("/lobbies", "=== Available Lobbies (2) ===");
    other.ask("/msg alice hi", "[DM] You —» alice");
    alice.expect("[DM] bob —» You");
    let _third = server.connect();
    let mut fourth = server.connect();
    fourth.expect("Server is full.");
}

#[test]
fn a_shard_goes_on_with_its_clients() {
    let server = Server::start(&[FAULTS]);
    let mut users: Vec<_> = (0..4).map(|i| server.login(&format!("user{i}"))).collect();
    for user in &mut users {
        user.send("/fault shard");
    }
    users[0].ask("hello", "╰─> hello");
    for user in &mut users[1..] {
        user.expect("╰─> hello");
    }
    server.login("late").ask("/users", "=== Users in 'general' (5) ===");
}

#[test]
fn a_hasher_thread_stays_in_the_pool() {
    let server = Server::start(&[FAULTS]);
    let mut alice = server.login("alice");
    for _ in 0..10 {
        alice.send("/fault hasher");
    }
    alice.ask("/create room pw x", "Created private lobby");
    alice.ask("/join room pw", "Joined");
}

#[test]
fn an_ai_worker_is_replaced_and_its_asker_told() {
    let gemini = Gemini::start();
    let env =
        [FAULTS, ("GEMINI_API_KEY", "k"), ("GEMINI_BASE_URL", &gemini.url), ("AI_WORKERS", "1")];
    let mut server = Server::start(&env);
    let mut alice = server.login("alice");
    for _ in 0..3 {
        let asked = gemini.requests().len();
        let cue = gemini.then_on_cue();
        alice.ask("/ai go", "[AI] Thinking...");
        server.wait_for(|_| gemini.requests().len() > asked, "the worker is at it");
        alice.send("/fault worker");
        alice.expect("AI Error: Please try again later.\n> ");
        drop(cue);
    }
    server.wait_for_log("died and is replaced");
    alice.send("/fault pool");
    gemini.then(whole("fine again"));
    alice.ask("/ai go", "fine again\n");
}
