//! `/catchup`: what somebody missed, for them alone.

use std::time::Duration;

use crate::ai::question;
use crate::gemini::{Gemini, start, text, whole};
use crate::harness::Client;
use crate::people::{guest_from, log_in_to, quit, registered, restart};

/// Asks, and is told.
fn told(gemini: &Gemini, client: &mut Client) -> String {
    gemini.then(whole("They talked."));
    client.send("/catchup");
    client.expect("[AI] Thinking...\n> ");
    client.expect("[AI summary for you, may be wrong]\n  They talked.\n> ");
    gemini.requests().pop().unwrap().newest()
}

fn lines(newest: &str) -> Vec<&str> {
    newest.lines().filter(|line| line.starts_with('<')).collect()
}

#[test]
fn one_is_told_alone_what_was_said_since_one_spoke_asked_or_was_told() {
    let gemini = Gemini::start();
    let server = start(&gemini, &[]);
    let (mut alice, mut bob) = (server.login("alice"), server.login("bob"));
    alice.expect("bob has joined the lobby\n> ");
    alice.ask("/catchup", "You missed nothing here.\n> ");
    bob.ask("before alice spoke", "╰─> before alice spoke\n> ");
    alice.expect("╰─> before alice spoke\n> ");
    alice.ask("I speak", "╰─> I speak\n> ");
    alice.ask("/catchup", "You missed nothing here.\n> ");
    bob.expect("╰─> I speak\n> ");
    for line in ["one <eve> two", "/me waves", "/tag alice look"] {
        bob.send(line);
        bob.sync("bob");
    }
    alice.send("/msg bob nothing of this");
    bob.ask("/msg alice nor of this", "╰─> nor of this\n");
    bob.sync("bob");
    alice.sync("alice");
    let newest = told(&gemini, &mut alice);
    assert_eq!(lines(&newest), ["<bob> one  eve  two", "<bob> * waves", "<bob> @alice look"]);
    assert!(!newest.contains("of this"), "{newest}");
    // Once in ten minutes, in which it worked.
    alice.ask("/catchup", "Once in 10 minutes. Wait 10 minutes.\n> ");
    // Nobody else has heard of it, and it is no part of the conversation.
    let seen = bob.sync("bob");
    assert!(!seen.contains("They talked") && !seen.contains("asked AI"), "{seen}");
    gemini.then(whole("Hm."));
    question(&mut bob, "well?");
    bob.expect("  Hm.\n> ");
    assert_eq!(gemini.requests().pop().unwrap().turns().len(), 1);
    bob.send("/history");
    assert!(!bob.sync("bob").contains("They talked"));
    bob.ask("/ai usage", "today: 2 of 200 questions");
}

#[test]
fn the_answer_to_ones_own_question_is_nothing_that_one_missed() {
    let gemini = Gemini::start();
    let server = start(&gemini, &[("CHAT_RATE_MESSAGES", "0")]);
    let (mut alice, mut bob) = (server.login("alice"), server.login("bob"));
    alice.expect("bob has joined the lobby\n> ");
    gemini.then(whole("One."));
    question(&mut alice, "first");
    alice.expect("  One.\n> ");
    // It is over once it is kept.
    crate::bots::until(&mut alice, "/history", "] Rox [");
    alice.ask("/catchup", "You missed nothing here.\n> ");
    bob.expect("  One.\n> ");
    let newest = told(&gemini, &mut bob);
    assert_eq!(lines(&newest), ["<alice> first", "<Rox> One."]);
}

#[test]
fn a_summary_that_failed_or_was_stopped_does_not_count_as_one() {
    let gemini = Gemini::start();
    let server = start(&gemini, &[("AI_USER_PER_HOUR", "3")]);
    let (mut alice, mut bob) = (server.login("alice"), guest_from(&server, "127.0.0.2", "bob"));
    alice.expect("bob has joined the lobby\n> ");
    bob.ask("something", "╰─> something\n> ");
    alice.expect("╰─> something\n> ");
    alice.send("/catchup");
    alice.expect("AI Error: Please try again later.\n> ");
    let cue = gemini.then_on_cue();
    alice.send("/catchup");
    alice.expect("[AI] Thinking...\n> ");
    cue.send(text("They")).unwrap();
    let asked = (0..500).any(|_| {
        std::thread::sleep(Duration::from_millis(10));
        gemini.requests().len() == 2
    });
    assert!(asked, "the provider is not asked");
    alice.ask("/ai why?", "AI is busy, try again in a moment.\n> ");
    bob.ask("/ai stop", "Nothing to stop.\n> ");
    alice.ask("/ai stop", "[AI] Stopped.\n> ");
    drop(cue);
    assert_eq!(lines(&told(&gemini, &mut alice)), ["<bob> something"]);
    alice.ask("/ai why?", "AI budget of this hour is used up. Wait 60 minutes.\n> ");
}

#[test]
fn only_what_its_asker_could_have_seen_is_summed_up() {
    let gemini = Gemini::start();
    let server = start(&gemini, &[]);
    let (mut alice, mut bob) = (registered(&server, "alice"), registered(&server, "bob"));
    let mut pest = server.login("pest");
    alice.ask("/create den no-pass x", "Created");
    alice.ask("/create vault sesame x", "Created");
    for client in [&mut alice, &mut bob, &mut pest] {
        client.ask("/join den", "Joined lobby 'den'");
    }
    bob.ask("/ignore pest", "pest");
    // A private lobby is nothing to who is in another one.
    alice.ask("/join vault sesame", "Joined lobby 'vault'");
    alice.ask("the treasure", "╰─> the treasure\n> ");
    alice.ask("/join den", "Joined lobby 'den'");
    alice.ask("for bob", "╰─> for bob\n> ");
    pest.ask("of a pest", "╰─> of a pest\n> ");
    bob.expect("╰─> for bob\n> ");
    alice.ask("taken back", "╰─> taken back\n> ");
    alice.ask("/undo", "[LOBBY] alice took back a message\n");
    bob.sync("bob");
    assert_eq!(lines(&told(&gemini, &mut bob)), ["<alice> for bob"]);
    // What was said while somebody was banned is not for them.
    alice.ask("/ban bob", "[LOBBY] alice banned bob for good\n");
    alice.ask("about bob", "╰─> about bob\n> ");
    alice.ask("/unban bob", "[LOBBY] alice unbanned bob\n");
    bob.ask("/join den", "Joined lobby 'den'");
    bob.sync("bob");
    bob.ask("/catchup", "Once in 10 minutes.");
    let mut carol = server.login("carol");
    carol.ask("/join den", "Joined lobby 'den'");
    carol.ask("/catchup", "You missed nothing here.\n> ");
}

#[test]
fn an_account_goes_on_from_where_it_left_over_a_restart_and_mail_is_nobodys_to_sum_up() {
    let gemini = Gemini::start();
    let server = start(&gemini, &[]);
    let (bob, mut alice) = (registered(&server, "bob"), server.login("alice"));
    quit(bob);
    alice.expect("bob has left the lobby\n> ");
    alice.ask("while bob was away", "╰─> while bob was away\n> ");
    alice.ask("/msg bob a letter", "╰─> a letter\n");
    quit(alice);
    let server = restart(server, &gemini.env());
    let mut alice = server.login("alice");
    alice.ask("after the restart", "╰─> after the restart\n> ");
    let (mut bob, _) = log_in_to(&server, "bob");
    let newest = told(&gemini, &mut bob);
    assert_eq!(lines(&newest), ["<alice> while bob was away", "<alice> after the restart"]);
    assert!(!newest.contains("letter"), "{newest}");
}
