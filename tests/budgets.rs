//! The budgets of Rox.

use crate::ai::question;
use crate::counting::wait_for_metrics;
use crate::gemini::{Gemini, start, whole};
use crate::harness::{Client, Server};
use crate::operator::{ADMIN, admin_port};
use crate::people::{guest_from, log_in_to, quit, registered, restart};
use crate::rox_orders::start_with_root;

/// Asks, and is answered.
fn answered(gemini: &Gemini, client: &mut Client) {
    gemini.then(whole("So it is."));
    question(client, "why?");
    client.expect("  So it is.\n> ");
}

const HOUR: &str = "AI budget of this hour is used up. Wait 60 minutes.\n> ";
const TODAY: &str = "AI budget of today is used up.\n> ";

#[test]
fn a_user_has_so_many_questions_an_hour_over_connections_and_restarts() {
    let gemini = Gemini::start();
    let env = [&[("AI_USER_PER_HOUR", "2")], &gemini.env()[..]].concat();
    let server = Server::start(&env);
    let mut alice = registered(&server, "alice");
    for _ in 0..2 {
        answered(&gemini, &mut alice);
    }
    alice.ask("/ai once more?", HOUR);
    // As a message it is said, and its author told.
    alice.send("@rox once more?");
    alice.expect("╰─> @rox once more?\n> ");
    alice.expect(HOUR);
    quit(alice);
    let server = restart(server, &env);
    let (mut alice, _) = log_in_to(&server, "alice");
    alice.ask("/ai once more?", HOUR);
    // A guest's goes by their address.
    let mut bob = guest_from(&server, "127.0.0.9", "bob");
    for _ in 0..2 {
        answered(&gemini, &mut bob);
    }
    quit(bob);
    let mut eve = guest_from(&server, "127.0.0.9", "eve");
    eve.ask("/ai once more?", HOUR);
    answered(&gemini, &mut guest_from(&server, "127.0.0.10", "dan"));
    assert_eq!(gemini.requests().len(), 5);
}

#[test]
fn a_lobby_and_the_server_have_so_many_a_day_and_failures_count() {
    let gemini = Gemini::start();
    let server = start(&gemini, &[("AI_LOBBY_PER_DAY", "1"), ("AI_PER_DAY", "2")]);
    let mut alice = server.login("alice");
    // The script of the provider is over: it fails, and has been sent.
    question(&mut alice, "fail");
    alice.expect("AI Error: Please try again later.\n> ");
    alice.ask("/ai again?", TODAY);
    alice.ask("/create den no-pass x", "Created");
    alice.ask("/join den", "Joined lobby 'den'");
    alice.sync("alice");
    answered(&gemini, &mut alice);
    alice.ask("/create lair no-pass x", "Created");
    alice.ask("/join lair", "Joined lobby 'lair'");
    alice.ask("/ai again?", TODAY);
    assert_eq!(gemini.requests().len(), 2);
}

#[test]
fn tokens_are_counted_and_usage_is_told_to_those_who_may_know_and_to_the_metrics() {
    let gemini = Gemini::start();
    let (server, mut root) = start_with_root(&gemini, &[("AI_TOKENS_PER_DAY", "20"), ADMIN]);
    let port = admin_port(&server);
    let mut alice = server.login("alice");
    alice.send("/ai usage");
    let none = alice.expect("  Lobby 'general' today: 0 of 200 questions, 0 tokens\n> ");
    assert!(none.contains("=== AI usage ===\n  You this hour: 0 of 20 questions, 0 tokens\n"));
    assert!(!none.contains("Server"), "{none}");
    // The provider says 12 tokens: two questions are over 20.
    while !alice.text().contains(TODAY) {
        gemini.then(whole("So it is."));
        alice.send("/ai why?");
        alice.expect_one_of(&["  So it is.\n> ", TODAY, "AI is busy, try again in a moment.\n> "]);
    }
    let asked = gemini.requests().len();
    root.send("/ai usage");
    root.expect("  You this hour: 0 of 20 questions, 0 tokens\n");
    root.expect(&format!("  Server today: {asked} of 1000 questions, "));
    let tokens = root.expect(" of 20 tokens\n> ");
    let tokens: f64 = tokens.parse().unwrap();
    assert!(tokens >= 20.0, "{tokens}");
    let want = [
        ("lobbyd_ai_questions_today", asked as f64),
        ("lobbyd_ai_tokens_today", tokens),
        ("lobbyd_ai_tokens_total", tokens),
        ("lobbyd_ai_refusals_total{reason=\"day_budget\"}", 1.0),
        ("lobbyd_ai_refusals_total{reason=\"off\"}", 0.0),
    ];
    wait_for_metrics(port, &want);
}
