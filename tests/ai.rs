//! Rox, against a server that answers as Gemini does.

use std::time::{Duration, Instant};

use crate::gemini::{Answer, Gemini, finish, start, text, whole};
use crate::harness::{Client, Server, count};
use crate::people::guest_from;

/// Asks, and again where the last answer's end is still on its way to who shares the workers out: its
/// last line is shown a moment before.
pub(crate) fn question(client: &mut Client, question: &str) {
    let answers = ["[AI] Thinking...\n> ", "AI is busy, try again in a moment.\n> "];
    let asks = |client: &mut Client| {
        client.send(&format!("/ai {question}"));
        client.expect_one_of(&answers) == answers[0]
    };
    assert!((0..9).any(|_| asks(client)), "busy for good");
}

#[test]
fn without_a_key_there_is_no_assistant() {
    let server = Server::start(&[]);
    let mut alice = server.login("alice");
    let long = format!("/ai {}", "x".repeat(2_000));
    for line in ["/ai", "/ai   ", "/ai why?", &long] {
        alice.ask(line, "AI is not available on this server\n> ");
    }
    alice.ask("/create room x", "Created");
    alice.ask("/join room", "Joined");
    alice.ask("/setai Be a pirate", "AI prompt updated!");
}

#[test]
fn a_question_is_announced_and_its_answer_shown_to_the_lobby() {
    let gemini = Gemini::start();
    gemini.then(whole("Goroutines are threads.\nReally light ones."));
    let server = start(&gemini, &[]);
    let (mut alice, mut bob) = (server.login("alice"), server.login("bob"));
    alice.expect("bob has joined the lobby\n> ");
    alice.send("/ai What are goroutines?");
    alice.expect("[AI] Thinking...\n> ");
    assert_eq!(alice.expect("[LOBBY] alice asked AI: What are goroutines?\n> "), "");
    let answer = "[AI Response to alice]\n  Goroutines are threads.\n";
    alice.expect(answer);
    alice.expect("Really light ones.\n> ");
    let before = bob.expect(answer);
    assert!(before.contains("[LOBBY] alice asked AI: What are goroutines?\n> "));
    assert!(!before.contains("Thinking"), "told to the asker alone");
    bob.expect("Really light ones.\n> ");

    let request = &gemini.requests()[0];
    let first = request.head.lines().next().unwrap();
    let path = "POST /v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse HTTP/1.1";
    assert_eq!(first, path);
    assert!(request.head.to_lowercase().contains("x-goog-api-key: test-key-123\r\n"));
    assert_eq!(count(&request.head, "test-key-123"), 1);
    assert!(!request.body.to_string().contains("test-key-123"));
    assert!(request.system().contains("Rox") && request.system().contains("/setai"));
    assert_eq!(request.newest(), "alice asked: What are goroutines?");
    assert!(!server.log().contains("goroutines") && !server.log().contains("test-key"));
}

#[test]
fn wrong_questions_are_told() {
    let gemini = Gemini::start();
    let server = start(&gemini, &[("CHAT_MAX_MESSAGE_CHARS", "20")]);
    let mut alice = server.login("alice");
    alice.ask("/ai", "Usage: /ai <question>");
    alice.ask("/ai \u{200b} ", "Usage: /ai <question>");
    alice.ask(&format!("/ai {}", "é".repeat(21)), "AI question too long. Max: 20 characters\n> ");
    assert!(gemini.requests().is_empty());
}

#[test]
fn a_finished_line_is_shown_before_the_answer_ends() {
    let gemini = Gemini::start();
    let cue = gemini.then_on_cue();
    let server = start(&gemini, &[]);
    let (mut alice, mut bob) = (server.login("alice"), server.login("bob"));
    alice.expect("bob has joined the lobby\n> ");
    question(&mut alice, "go");
    cue.send(text("First line.\nSec")).unwrap();
    alice.expect("[AI Response to alice]\n  First line.\n> ");
    cue.send(text("ond line.\n")).unwrap();
    // Nothing else was shown in between: the next line follows without a heading.
    assert_eq!(alice.expect("  Second line.\n> "), "");
    bob.expect("Second line.\n> ");
    bob.ask("chat goes on", "╰─> chat goes on\n> ");
    alice.expect("╰─> chat goes on\n> ");
    cue.send(text("Third line.\n")).unwrap();
    for client in [&mut alice, &mut bob] {
        assert_eq!(client.expect("[AI Response to alice, continued]\n  Third line.\n> "), "");
    }
    // Only bob is shown something now.
    bob.ask("/sp cat", "Profile picture changed");
    cue.send(text("Fourth line.")).unwrap();
    cue.send(finish("STOP")).unwrap();
    drop(cue);
    assert_eq!(alice.expect("  Fourth line.\n> "), "");
    bob.expect("[AI Response to alice, continued]\n  Fourth line.\n> ");
}

#[test]
fn chunks_may_be_cut_anywhere() {
    let stream = [text("Grüße, 日本 "), text("👩‍👩‍👧‍👦!\nend"), finish("STOP")].concat();
    let gemini = Gemini::start();
    let server = start(&gemini, &[]);
    let mut alice = server.login("alice");
    for size in [1, 2, 3, 7, 64] {
        gemini.then(Answer::Stream(stream.chunks(size).map(<[u8]>::to_vec).collect()));
        question(&mut alice, "go");
        alice.expect("[AI Response to alice]\n  Grüße, 日本 👩‍👩‍👧‍👦!\n");
        alice.expect("end\n> ");
    }
}

#[test]
fn the_answer_is_cleaned_like_any_text() {
    let gemini = Gemini::start();
    gemini.then(whole("a\u{1b}[31mb\u{1b}]0;x\u{7}c\u{202e}d\n\n\n"));
    let server = start(&gemini, &[]);
    let mut alice = server.login("alice");
    question(&mut alice, "go");
    alice.expect("[AI Response to alice]\n  abcd\n> ");
}

#[test]
fn the_question_carries_the_last_five_messages_and_the_conversation() {
    let gemini = Gemini::start();
    let server = start(&gemini, &[]);
    let (mut alice, mut bob) = (server.login("alice"), server.login("bob"));
    for i in 0..7 {
        alice.ask(&format!("message {i}"), &format!("╰─> message {i}"));
    }
    gemini.then(whole("one"));
    question(&mut alice, "first");
    alice.expect("one\n> ");
    bob.ask("and this", "╰─> and this");
    gemini.then(whole("two"));
    question(&mut bob, "second");
    bob.expect("two\n> ");

    let requests = gemini.requests();
    let newest = requests[0].newest();
    for i in 2..7 {
        assert!(newest.contains(&format!("<alice> message {i}\n")), "{newest}");
    }
    assert!(!newest.contains("message 1"), "{newest}");
    assert!(newest.ends_with("alice asked: first"), "{newest}");
    let turns = requests[1].turns();
    let roles: Vec<_> = turns.iter().map(|(role, _)| role.as_str()).collect();
    assert_eq!(roles, ["user", "model", "user"]);
    assert!(turns[0].1.ends_with("alice asked: first"));
    assert_eq!(turns[1].1, "one");
    assert!(turns[2].1.contains("<bob> and this\n") && turns[2].1.ends_with("bob asked: second"));
}

#[test]
fn the_conversation_is_the_lobbys_own_and_bounded() {
    let gemini = Gemini::start();
    let server = start(&gemini, &[]);
    let mut alice = server.login("alice");
    for i in 0..12 {
        gemini.then(whole(&format!("answer {i}.")));
        question(&mut alice, &format!("question {i}"));
        alice.expect(&format!("answer {i}.\n> "));
    }
    let last = gemini.requests().pop().unwrap();
    assert_eq!(last.turns().len(), 21, "the last 20 and the new one");
    assert!(last.turns()[0].1.ends_with("question 1"));

    alice.ask("/create room x", "Created");
    alice.ask("/join room", "Joined");
    alice.ask("/setai You are a pirate", "AI prompt updated!");
    gemini.then(whole("Arrr."));
    question(&mut alice, "who are you?");
    alice.expect("Arrr.\n> ");
    let request = gemini.requests().pop().unwrap();
    assert!(request.system().starts_with("You are a pirate\n\n"), "{}", request.system());
    assert!(request.system().contains("78 columns"));
    assert_eq!(request.turns().len(), 1);
}

#[test]
fn failures_are_told_to_the_asker_and_leave_no_trace() {
    let gemini = Gemini::start();
    let mut server = start(&gemini, &[]);
    let (mut alice, mut bob) = (server.login("alice"), server.login("bob"));
    let later = "AI Error: Please try again later.\n> ";
    let quota = r#"{"error":{"code":429,"message":"m","status":"RESOURCE_EXHAUSTED"}}"#;
    let blocked = b"data: {\"promptFeedback\":{\"blockReason\":\"SAFETY\"}}\n\n".to_vec();
    let error = b"data: {\"error\":{\"code\":503,\"status\":\"UNAVAILABLE\"}}\n\n".to_vec();
    let cases = [
        (
            Answer::Status(429, "{}".into()),
            "AI Error: Rate limit reached. Please wait and try again.\n> ",
        ),
        (Answer::Status(429, quota.into()), "AI Error: Quota reached. Try later.\n> "),
        (Answer::Status(400, "{}".into()), "AI Error: Your prompt is invalid.\n> "),
        (Answer::Stream(vec![blocked]), "AI Error: Your prompt is invalid.\n> "),
        (Answer::Status(500, "oops".into()), later),
        (Answer::Status(404, String::new()), later),
        (Answer::Redirect(gemini.url.clone()), later),
        (Answer::Stream(vec![error]), later),
        (Answer::Stream(vec![finish("SAFETY")]), later),
        (Answer::Stream(vec![finish("STOP")]), later),
        (Answer::Stream(vec![b"data: not json\n\n".to_vec()]), later),
        (Answer::Stream(vec![]), later),
        (Answer::BreakOff(vec![]), later),
        (Answer::BreakOff(vec![text("no line end")]), later),
    ];
    let asked = cases.len();
    for (i, (answer, error)) in cases.into_iter().enumerate() {
        gemini.then(answer);
        question(&mut alice, &format!("question {i}"));
        alice.expect(error);
    }
    assert_eq!(gemini.requests().len(), asked, "no redirect was followed");
    gemini.then(whole("fine"));
    question(&mut alice, "last");
    alice.expect("fine\n> ");
    assert_eq!(gemini.requests().pop().unwrap().turns().len(), 1, "no trace in the conversation");
    // Each is told of as a matter of her connection.
    let failed = "WARN  ai_failed] conn=1 AI: a question failed";
    server.wait_for(|server| count(&server.log(), failed) == asked, "each is told of");
    let log = server.log();
    let lines = log.lines().filter(|line| line.contains("ai_failed"));
    assert!(lines.into_iter().all(|line| line.contains("] conn=1 AI: ")), "{log}");
    let saw = bob.expect("fine\n> ");
    assert_eq!(count(&saw, "AI Error"), 0, "told to the asker alone");
}

#[test]
fn what_was_shown_stays_when_the_answer_breaks_off() {
    let gemini = Gemini::start();
    gemini.then(Answer::BreakOff(vec![text("Shown.\nNot finished")]));
    let server = start(&gemini, &[]);
    let mut alice = server.login("alice");
    question(&mut alice, "go");
    alice.expect("[AI Response to alice]\n  Shown.\n> ");
    alice.expect("  Not finished\n");
    alice.expect("  … (stopped)\n");
    alice.expect("AI Error: Please try again later.\n> ");
    let saw = alice.sync("alice");
    assert!(!saw.contains("Shown"), "{saw}");
}

#[test]
fn silence_ends_at_the_timeout_and_chat_goes_on_meanwhile() {
    let gemini = Gemini::start();
    gemini.then(Answer::Silence);
    let server = start(&gemini, &[("AI_TIMEOUT_SECS", "1")]);
    let mut alice = server.login("alice");
    let started = Instant::now();
    question(&mut alice, "go");
    alice.ask("still here", "╰─> still here");
    assert!(started.elapsed() < Duration::from_millis(900));
    alice.expect("AI Error: Please try again later.\n> ");
    gemini.then(whole("back again"));
    question(&mut alice, "go");
    alice.expect("back again\n> ");
}

#[test]
fn questions_of_a_lobby_are_answered_in_order_and_others_beside() {
    let gemini = Gemini::start();
    let first = gemini.then_on_cue();
    let server = start(&gemini, &[]);
    let (mut alice, mut bob) = (server.login("alice"), server.login("bob"));
    let mut carol = server.login("carol");
    question(&mut alice, "one");
    question(&mut carol, "two");
    bob.ask("/create room x", "Created");
    bob.ask("/join room", "Joined");
    while gemini.requests().is_empty() {
        alice.read_some();
    }
    gemini.then(whole("for bob"));
    question(&mut bob, "beside");
    bob.expect("for bob\n> ");
    assert_eq!(gemini.requests().len(), 2, "the second question of the lobby waits");
    gemini.then(whole("answer two"));
    first.send([text("answer one"), finish("STOP")].concat()).unwrap();
    drop(first);
    alice.expect("answer one\n> ");
    alice.expect("answer two\n> ");
    assert!(gemini.requests()[2].newest().ends_with("carol asked: two"));
}

#[test]
fn what_was_taken_back_goes_with_no_question_any_more_not_with_one_that_waits_either() {
    let gemini = Gemini::start();
    let first = gemini.then_on_cue();
    let server = start(&gemini, &[]);
    let (mut alice, mut bob) = (server.login("alice"), server.login("bob"));
    question(&mut alice, "one");
    for text in ["it may be known", "it is a secret"] {
        alice.ask(text, &format!("╰─> {text}\n"));
    }
    question(&mut bob, "two");
    alice.ask("/undo", "[LOBBY] alice took back a message\n> ");
    for answer in ["answer two", "answer three"] {
        gemini.then(whole(answer));
    }
    first.send([text("answer one"), finish("STOP")].concat()).unwrap();
    drop(first);
    bob.expect("answer two\n");
    question(&mut bob, "three");
    bob.expect("answer three\n");
    for request in &gemini.requests()[1..] {
        let newest = request.newest();
        assert!(newest.contains("it may be known") && !newest.contains("secret"), "{newest}");
    }
}

#[test]
fn more_questions_than_the_queue_takes_are_refused() {
    let gemini = Gemini::start();
    let cue = gemini.then_on_cue();
    let server = start(&gemini, &[("AI_WORKERS", "1"), ("AI_QUEUE", "1")]);
    let (mut alice, mut bob) = (server.login("alice"), server.login("bob"));
    let mut carol = server.login("carol");
    question(&mut alice, "one");
    question(&mut bob, "two");
    carol.ask("/ai three", "AI is busy, try again in a moment.\n> ");
    gemini.then(whole("answer two"));
    cue.send([text("answer one"), finish("STOP")].concat()).unwrap();
    drop(cue);
    alice.expect("answer one\n> ");
    alice.expect("answer two\n> ");
    gemini.then(whole("answer four"));
    question(&mut alice, "four");
    alice.expect("answer four\n> ");
}

#[test]
fn a_user_has_one_question_open_and_an_address_half_of_the_workers() {
    let gemini = Gemini::start();
    let cues: Vec<_> = (0..2).map(|_| gemini.then_on_cue()).collect();
    let server = start(&gemini, &[("AI_WORKERS", "4")]);
    let mut greedy: Vec<Client> = (0..4).map(|i| server.login(&format!("greedy{i}"))).collect();
    for (i, client) in greedy.iter_mut().enumerate() {
        client.ask(&format!("/create own{i} no-pass x"), "Created");
        client.ask(&format!("/join own{i}"), "Joined");
        question(client, "why?");
    }
    let busy = "AI is busy, try again in a moment.\n> ";
    greedy[0].ask("/ai and again?", busy);
    greedy[0].ask("/nick another", "another");
    greedy[0].ask("/ai and under another name?", busy);
    greedy[3].ask("/ai and again?", busy);
    while gemini.requests().len() < 2 {
        greedy[0].read_some();
    }
    // Two of the four workers are left for others, whatever waits.
    gemini.then(whole("for somebody else"));
    let mut victim = guest_from(&server, "127.0.0.9", "victim");
    question(&mut victim, "may I?");
    victim.expect("for somebody else\n> ");
    assert_eq!(gemini.requests().len(), 3, "the others of that address wait");
    for cue in cues {
        gemini.then(whole("at last"));
        cue.send([text("answer"), finish("STOP")].concat()).unwrap();
    }
    for client in &mut greedy {
        client.expect("[AI Response to greedy");
    }
    gemini.then(whole("the next one"));
    greedy[0].expect("> ");
    question(&mut greedy[0], "now?");
    greedy[0].expect("the next one\n> ");
}

#[test]
fn a_half_closed_client_gets_the_answer_it_asked_for() {
    let gemini = Gemini::start();
    gemini.then(Answer::Stream(vec![text("slow\n"), text("but sure"), finish("STOP")]));
    let server = start(&gemini, &[]);
    let shown = server.script(b"alice\n/ai go\n");
    assert!(shown.contains("[AI Response to alice]\n  slow\n"), "{shown}");
    assert!(shown.contains("but sure\n"), "{shown}");
    let shown = server.script(b"alice\n/ai fails\n");
    assert!(shown.contains("AI Error: Please try again later.\n"), "{shown}");
}

#[test]
fn a_user_who_leaves_does_not_stop_the_answer() {
    let gemini = Gemini::start();
    let cue = gemini.then_on_cue();
    let server = start(&gemini, &[]);
    let (mut alice, mut bob) = (server.login("alice"), server.login("bob"));
    question(&mut alice, "go");
    alice.ask("/quit", "Goodbye!");
    bob.expect("alice has left the lobby");
    cue.send([text("for whoever is there"), finish("STOP")].concat()).unwrap();
    drop(cue);
    bob.expect("[AI Response to alice]\n  for whoever is there\n> ");
}

#[test]
fn an_answer_is_capped_at_sixteen_kib() {
    let gemini = Gemini::start();
    let line = format!("{}\n", "z".repeat(1_023));
    let pieces = (0..40).map(|_| text(&line)).collect();
    gemini.then(Answer::Stream(pieces));
    let server = start(&gemini, &[]);
    let mut alice = server.login("alice");
    question(&mut alice, "go");
    let shown = alice.expect("  … (cut)\n> ");
    assert_eq!(count(&shown, "z"), 16 * 1_023);
    gemini.then(whole("next"));
    question(&mut alice, "again");
    alice.expect("next\n> ");
    let turns = gemini.requests().pop().unwrap().turns();
    assert!(turns[1].1.ends_with('z'), "one that is cut is remembered");
}

#[test]
fn a_half_closed_asker_is_let_go_when_the_lobby_ends() {
    let gemini = Gemini::start();
    gemini.then(Answer::Silence);
    let mut server = start(&gemini, &[("CHAT_LOBBY_IDLE_SECS", "1")]);
    let mut alice = server.login("alice");
    alice.ask("/create room x", "Created");
    alice.ask("/join room", "Joined");
    question(&mut alice, "go");
    alice.ask("/join general", "Joined");
    alice.close_sending();
    server.wait_for_log("lobby 'room' was empty for too long");
    alice.expect("AI Error: Please try again later.\n");
    alice.read_to_end();
}

#[test]
fn an_asker_that_is_gone_for_good_is_noticed() {
    let gemini = Gemini::start();
    gemini.then(Answer::Silence);
    let mut server = start(&gemini, &[("AI_TIMEOUT_SECS", "60")]);
    let mut alice = server.login("alice");
    question(&mut alice, "go");
    // Closed both ways without a reset: to the server this looks like a half-close at first.
    alice.expect("asked AI: go\n> ");
    drop(alice);
    server.wait_for_log("alice logged out");
}

#[test]
fn the_last_messages_go_with_a_question_however_old_they_are() {
    let gemini = Gemini::start();
    gemini.then(whole("fine"));
    let server = start(&gemini, &[("CHAT_HISTORY_SECS", "1"), ("CHAT_HISTORY_MESSAGES", "1")]);
    let mut alice = server.login("alice");
    for i in 0..6 {
        alice.ask(&format!("message {i}"), &format!("╰─> message {i}"));
    }
    std::thread::sleep(Duration::from_millis(2_100));
    let mut bob = server.connect();
    bob.send("bob");
    let shown = bob.expect("bob has joined");
    assert!(!shown.contains("message"), "{shown}");
    question(&mut alice, "go");
    alice.expect("fine\n");
    let newest = gemini.requests()[0].newest();
    assert!((1..6).all(|i| newest.contains(&format!("<alice> message {i}\n"))), "{newest}");
}

#[test]
fn the_key_is_in_no_log_at_any_level() {
    let gemini = Gemini::start();
    gemini.then(whole("fine"));
    let server = start(&gemini, &[("RUST_LOG", "trace")]);
    let mut alice = server.login("alice");
    question(&mut alice, "some words of mine");
    alice.expect("fine\n");
    assert!(!server.log().contains("test-key-123"));
}
