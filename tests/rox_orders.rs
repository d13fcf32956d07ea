//! What people order of Rox: by a message, to stop, to forget, to be quiet in a lobby; and what is kept of the talk.

use std::time::Duration;

use crate::ai::question;
use crate::gemini::{Answer, Gemini, finish, start, text, whole};
use crate::harness::{Client, Folder, Server};
use crate::people::{ADMINS, PASSWORD, log_in_to, makes, quit, registered, restart};

/// A server that asks it, with these settings besides and the admin `root`, who is there.
pub(crate) fn start_with_root(gemini: &Gemini, more: &[(&str, &str)]) -> (Server, Client) {
    let env = [&gemini.env(), &ADMINS[..], more].concat();
    let folder = Folder::new();
    makes(folder.path(), "root", PASSWORD);
    let server = Server::start_in(folder, &env);
    let (root, _) = log_in_to(&server, "root");
    (server, root)
}

#[test]
fn a_message_to_rox_is_said_and_answered_and_counts_once() {
    let gemini = Gemini::start();
    let server = start(&gemini, &[("CHAT_RATE_MESSAGES", "3"), ("CHAT_RATE_WINDOW_SECS", "60")]);
    let (mut alice, mut bob) = (server.login("alice"), server.login("bob"));
    alice.expect("bob has joined the lobby\n> ");
    bob.ask("hello all", "╰─> hello all\n> ");
    alice.expect("╰─> hello all\n> ");
    for (line, asked) in
        [("@Rox what is a mutex?", "what is a mutex?"), ("rox: and a lock?", "and a lock?")]
    {
        gemini.then(whole("A lock."));
        alice.send(line);
        alice.expect(&format!("╰─> {line}\n> "));
        alice.expect("[AI] Thinking...\n> ");
        let between = bob.expect("[AI Response to alice]\n  A lock.\n> ");
        assert!(between.contains(&format!("╰─> {line}\n")), "{between}");
        assert!(!between.contains("asked AI"), "the question stands there already: {between}");
        let newest = gemini.requests().pop().unwrap().newest();
        assert!(newest.ends_with(&format!("alice asked: {asked}")), "{newest}");
        assert!(newest.contains("hello all") && !newest.contains(line), "{newest}");
        // Its end is still on its way to who shares the workers out.
        alice.expect("  A lock.\n> ");
        std::thread::sleep(Duration::from_millis(50));
    }
    // Each has counted once.
    alice.ask("no question: @rox why?", "╰─> no question: @rox why?\n> ");
    alice.send("one too many");
    alice.expect("Rate limited! Wait ");
    bob.ask("@rox", "Usage: /ai <question>");
    assert_eq!(gemini.requests().len(), 2, "never in the middle");
    assert!(!bob.text().contains("╰─> @rox\n"), "one who only says the name wants to know how");
}

#[test]
fn where_nobody_can_be_asked_a_message_to_rox_is_said_and_its_author_told() {
    let server = Server::start(&[]);
    let (mut alice, mut bob) = (server.login("alice"), server.login("bob"));
    alice.send("@rox are you there?");
    alice.expect("╰─> @rox are you there?\n> ");
    alice.expect("AI is not available on this server\n> ");
    bob.expect("╰─> @rox are you there?\n> ");
    let gemini = Gemini::start();
    let server = start(&gemini, &[("AI_LOBBIES", "off")]);
    let (mut alice, mut bob) = (server.login("alice"), server.login("bob"));
    alice.send("rox, are you there?");
    alice.expect("╰─> rox, are you there?\n> ");
    alice.expect("AI is off in this lobby\n> ");
    bob.expect("╰─> rox, are you there?\n> ");
    alice.ask("/ai hello?", "AI is off in this lobby\n> ");
    alice.ask("/catchup", "AI is off in this lobby\n> ");
    alice.ask("/airoom", "AI is off in this lobby\n> ");
    alice.ask("/airoom on", "Only an admin can do that.\n> ");
    assert!(gemini.requests().is_empty());
}

#[test]
fn a_message_to_rox_that_waited_for_the_rate_limit_is_answered_when_it_is_said() {
    let gemini = Gemini::start();
    let server = start(
        &gemini,
        &[("CHAT_RATE_MESSAGES", "1"), ("CHAT_RATE_WINDOW_SECS", "1"), ("CHAT_RATE_HOLD", "9")],
    );
    let mut alice = server.login("alice");
    gemini.then(whole("Here."));
    alice.send("one");
    alice.send("@rox are you there?");
    alice.expect("╰─> @rox are you there?\n> ");
    alice.expect("[AI Response to alice]\n  Here.\n> ");
}

/// All that somebody who comes in, and asks for it, is shown of what was said in general.
fn shown(server: &Server, words: &str) -> [String; 3] {
    let mut reader = server.connect();
    reader.expect("Enter your username: ");
    reader.send("reader");
    let replay = reader.expect("reader has joined the lobby\n");
    reader.send("/history 200");
    let history = reader.sync("reader");
    reader.send(&format!("/search {words}"));
    let found = reader.sync("reader");
    quit(reader);
    [replay, history, found]
}

#[test]
fn questions_and_answers_are_in_the_history_the_replay_the_search_and_the_export() {
    let gemini = Gemini::start();
    let server = start(&gemini, &[]);
    let mut alice = server.login("alice");
    let rows: String = (1..=12).map(|row| format!("Row {row} of apples\n")).collect();
    gemini.then(whole(&rows));
    question(&mut alice, "tell me of apples");
    alice.expect("  Row 12 of apples\n> ");
    gemini.then(Answer::BreakOff(vec![text("Pears of\nthe garden\nand the")]));
    std::thread::sleep(Duration::from_millis(50));
    alice.send("@rox and pears?");
    alice.expect("… (stopped)\n");
    alice.expect("AI Error: Please try again later.\n> ");
    let check = |[replay, history, found]: [String; 3]| {
        for seen in [&replay, &history] {
            assert!(seen.contains("alice [") && seen.contains("╰─> tell me of apples\n"), "{seen}");
            assert!(seen.contains("╰─> @rox and pears?\n") && seen.contains("] Rox ["), "{seen}");
            assert!(seen.contains("\n  Pears of\n  the garden\n"), "{seen}");
            assert!(seen.contains("\n  … (stopped)\n"), "{seen}");
        }
        assert!(replay.contains("  Row 8 of apples\n  … 4 more rows: /history\n"), "{replay}");
        assert!(history.contains("  Row 12 of apples\n"), "{history}");
        assert!(found.contains("╰─> tell me of apples\n") && found.contains("Row 1 of"), "{found}");
    };
    check(shown(&server, "apples"));
    quit(alice);
    let server = restart(server, &[]);
    check(shown(&server, "apples"));
    let folder = server.into_folder();
    let out = crate::harness::run(folder.path(), &[], &["export", "general"]);
    let out = String::from_utf8(out.stdout).unwrap();
    let lines: Vec<serde_json::Value> =
        out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let answer = lines.iter().find(|line| line["event"] == "answer").unwrap();
    assert_eq!((&answer["from"], &answer["to"]), (&"Rox".into(), &"alice".into()));
    assert!(answer["text"].as_str().unwrap().ends_with("Row 12 of apples"), "{answer}");
    let asked = lines.iter().find(|line| line["text"] == "tell me of apples").unwrap();
    assert_eq!((&asked["event"], &asked["from"]), (&"message".into(), &"alice".into()));
    let ids: Vec<_> = lines.iter().map(|line| line["id"].as_u64().unwrap()).collect();
    assert!(ids.is_sorted() && ids.len() == 4, "{out}");
}

#[test]
fn whoever_ignores_the_asker_is_shown_neither_question_nor_answer_later() {
    let gemini = Gemini::start();
    let server = start(&gemini, &[]);
    let (mut alice, mut pest) = (server.login("alice"), server.login("pest"));
    alice.expect("pest has joined the lobby\n> ");
    alice.ask("/ignore pest", "pest");
    gemini.then(whole("You are a fool, alice"));
    question(&mut pest, "say after me");
    pest.expect("  You are a fool, alice\n> ");
    alice.send("/history");
    alice.send("/search fool");
    let seen = alice.sync("alice");
    assert!(!seen.contains("fool, alice") && !seen.contains("say after me"), "{seen}");
}

#[test]
fn a_question_is_taken_back_as_other_messages_and_purged_with_its_answer() {
    let gemini = Gemini::start();
    let (server, mut root) = start_with_root(&gemini, &[]);
    let mut alice = server.login("alice");
    gemini.then(whole("An apple."));
    question(&mut alice, "what fruit?");
    alice.expect("  An apple.\n> ");
    alice.ask("/undo", "[LOBBY] alice took back a message\n> ");
    let [_, history, _] = shown(&server, "fruit");
    assert!(!history.contains("what fruit?") && history.contains("An apple."), "{history}");
    alice.ask("/undo", "You have said nothing here in the last 5 minutes.\n> ");
    root.ask("/purge alice", "[LOBBY] root removed 1 message of alice\n");
    let [replay, history, _] = shown(&server, "fruit");
    assert!(!history.contains("An apple.") && !replay.contains("An apple."), "{history}");
}

fn stopped(client: &mut Client) {
    client.expect("… (stopped)\n");
    client.expect("[AI] Stopped.\n> ");
}

#[test]
fn an_answer_is_stopped_by_its_asker_and_by_operators_and_the_request_with_it() {
    let gemini = Gemini::start();
    let (server, mut root) = start_with_root(&gemini, &[]);
    let (mut alice, mut bob) = (server.login("alice"), server.login("bob"));
    for client in [&mut alice, &mut bob, &mut root] {
        client.ask("/ai stop", "Nothing to stop.\n> ");
    }
    let cue = gemini.then_on_cue();
    question(&mut alice, "go on and on");
    cue.send(text("One.\nTwo.\nThr")).unwrap();
    bob.expect("  Two.\n");
    bob.ask("/ai stop", "Only the asker or an operator can do that.\n> ");
    alice.send("/ai STOP");
    // With the last word as far as it was there.
    for client in [&mut alice, &mut bob] {
        client.expect("  Thr\n");
        client.expect("  … (stopped)\n");
    }
    alice.expect("[AI] Stopped.\n> ");
    // The provider sees its end: what it sends goes nowhere.
    let gone = (0..200).any(|_| {
        std::thread::sleep(Duration::from_millis(10));
        cue.send(text("Four.\n")).is_err()
    });
    assert!(gone, "the request goes on");
    let cue = gemini.then_on_cue();
    question(&mut alice, "again");
    cue.send(text("Five.\n")).unwrap();
    alice.expect("  Five.\n");
    // Whoever waits goes on when the one before is stopped.
    question(&mut bob, "and me?");
    gemini.then(whole("You too."));
    root.ask("/ai stop", "[AI] Stopped.\n> ");
    stopped(&mut alice);
    bob.expect("[AI Response to bob]\n  You too.\n> ");
    let newest = gemini.requests().pop().unwrap();
    assert_eq!(newest.turns().len(), 1, "what was stopped leaves no trace");
    // One that waits is stopped before it is sent.
    let cue = gemini.then_on_cue();
    question(&mut alice, "long");
    cue.send(text("Six.\n")).unwrap();
    bob.expect("  Six.\n");
    question(&mut bob, "never sent");
    bob.ask("/ai stop", "[AI] Stopped.\n> ");
    cue.send(finish("STOP")).unwrap();
    drop(cue);
    alice.sync("alice");
    assert_eq!(gemini.requests().len(), 4);
    // A sentence that begins with the word is a question.
    gemini.then(whole("The music stops."));
    question(&mut alice, "stop the music");
    alice.expect("  The music stops.\n> ");
}

#[test]
fn an_answer_that_the_end_of_the_server_ends_is_shown_and_kept_as_far_as_it_went() {
    let gemini = Gemini::start();
    let mut server = start(&gemini, &[]);
    let (mut alice, mut bob) = (server.login("alice"), server.login("bob"));
    alice.expect("bob has joined the lobby\n> ");
    let cue = gemini.then_on_cue();
    question(&mut alice, "go on and on");
    cue.send(text("One.\nTwo.\nThr")).unwrap();
    bob.expect("  Two.\n");
    server.signal("TERM");
    for client in [&mut alice, &mut bob] {
        client.expect("  Thr\n");
        client.expect("  … (stopped)\n");
        client.expect("Server is shutting down. Goodbye!\n");
        client.read_to_end();
    }
    assert_eq!(server.wait(), 0);
    drop(cue);
    let server = Server::start_in(server.into_folder(), &gemini.env());
    let [replay, history, _] = shown(&server, "Two");
    for seen in [replay, history] {
        assert!(seen.contains("  One.\n  Two.\n  Thr\n  … (stopped)\n"), "{seen}");
    }
}

#[test]
fn the_conversation_is_forgotten_by_the_order_of_who_runs_the_lobby() {
    let gemini = Gemini::start();
    let server = start(&gemini, &[]);
    let (mut alice, mut bob) = (server.login("alice"), server.login("bob"));
    alice.ask("/create den no-pass x", "Created");
    for client in [&mut alice, &mut bob] {
        client.ask("/join den", "Joined lobby 'den'");
    }
    alice.sync("alice");
    gemini.then(whole("One."));
    question(&mut alice, "first");
    alice.expect("  One.\n> ");
    bob.ask("/ai forget", "Only an owner or operator of 'den' can do that.\n> ");
    alice.ask("/ai forget", "Rox has forgotten what was asked here.\n> ");
    gemini.then(whole("Two."));
    question(&mut alice, "second");
    alice.expect("  Two.\n> ");
    assert_eq!(gemini.requests()[1].turns().len(), 1);
}

#[test]
fn a_lobby_that_is_without_rox_sends_nothing_and_what_was_said_meanwhile_is_sent_to_nobody() {
    let gemini = Gemini::start();
    let server = start(&gemini, &[]);
    let (mut alice, mut bob) = (registered(&server, "alice"), server.login("bob"));
    alice.ask("/create den no-pass x", "Created");
    for client in [&mut alice, &mut bob] {
        client.ask("/join den", "Joined lobby 'den'");
    }
    alice.ask("/airoom", "AI is on in this lobby\n> ");
    bob.ask("/airoom off", "Only an owner or operator of 'den' can do that.\n> ");
    // What is being answered ends, and what waits.
    let cue = gemini.then_on_cue();
    question(&mut bob, "before");
    cue.send(text("One.\n")).unwrap();
    bob.expect("  One.\n");
    alice.ask("/airoom off", "[LOBBY] alice turned the AI off\n");
    bob.expect("… (stopped)\n");
    bob.ask("/ai why?", "AI is off in this lobby\n> ");
    // What is so already is no news to the lobby, nor to the audit.
    alice.ask("/airoom off", "AI is off in this lobby already\n> ");
    bob.ask("the secret plan", "╰─> the secret plan\n> ");
    alice.send("/audit");
    let audit = alice.sync("alice");
    assert!(audit.contains("alice") && audit.matches("turned the AI off").count() == 1, "{audit}");
    assert!(!bob.sync("bob").contains("turned the AI off"));
    quit(alice);
    quit(bob);
    // It is kept.
    let server = restart(server, &gemini.env());
    let (mut alice, _) = log_in_to(&server, "alice");
    alice.ask("/airoom", "AI is off in this lobby\n> ");
    alice.ask("a second plan", "╰─> a second plan\n> ");
    alice.ask("/airoom on", "[LOBBY] alice turned the AI on\n");
    alice.ask("a public plan", "╰─> a public plan\n> ");
    gemini.then(whole("Fine."));
    question(&mut alice, "and now?");
    alice.expect("  Fine.\n> ");
    let newest = gemini.requests().pop().unwrap().newest();
    assert!(newest.contains("a public plan"), "{newest}");
    assert!(!newest.contains("secret") && !newest.contains("second plan"), "{newest}");
    assert_eq!(gemini.requests().len(), 2);
}
