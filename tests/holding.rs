//! Lines over the rate limit: they wait, are told, and go out as rows of few messages; what cannot wait
//! is named. Nothing typed is lost without a word.

use std::time::{Duration, Instant};

use crate::harness::{Client, Folder, Server, count, resident_kib};
use crate::people::{
    ADMINS, PASSWORD, connect_from, guest_from, log_in_to, makes, prove, registered, restart,
};

/// Two at once, and a window that a test can wait for.
pub(crate) const SOON: [(&str, &str); 3] =
    [("CHAT_RATE_MESSAGES", "2"), ("CHAT_RATE_WINDOW_SECS", "2"), ("CHAT_RATE_HOLD", "40")];

/// Two at once, and a window that no test outlasts.
const NEVER: [(&str, &str); 3] =
    [("CHAT_RATE_MESSAGES", "2"), ("CHAT_RATE_WINDOW_SECS", "3600"), ("CHAT_RATE_HOLD", "40")];

/// Fifteen lines of code, as somebody pastes them.
pub(crate) const CODE: &str = "use std::io;\n\nfn main() -> io::Result<()> {\n    let mut all = String::new();\n    \
     io::stdin().read_line(&mut all)?;\n    for word in all.split_whitespace() {\n        \
     if word.len() > 3 {\n            println!(\"{word}\");\n        } else {\n            \
     println!(\"-\");\n        }\n    }\n\n    Ok(())\n}\n";

/// What the others are shown of [`CODE`] where two messages are let through at once: an empty line
/// between two messages is none.
const CODE_SHOWN: [&str; 3] = [
    "╰─> use std::io;\n",
    "╰─> fn main() -> io::Result<()> {\n",
    "╰─>     let mut all = String::new();\n          io::stdin().read_line(&mut all)?;\n          \
     for word in all.split_whitespace() {\n              if word.len() > 3 {\n                  \
     println!(\"{word}\");\n              } else {\n                  println!(\"-\");\n              \
     }\n          }\n      \n          Ok(())\n      }\n> ",
];

/// So many lines, numbered from 1 on.
pub(crate) fn numbered(count: usize) -> String {
    (1..=count).map(|n| format!("line {n}\n")).collect()
}

/// The numbers of the lines that were shown, whatever messages they came in.
pub(crate) fn shown(text: &str) -> Vec<usize> {
    let number = |row: &str| {
        let row = row.trim_start_matches("  ╰─> ").trim_start();
        row.strip_prefix("line ")?.parse().ok()
    };
    text.lines().filter_map(number).collect()
}

/// Sends so many numbered lines; two go out, the rest is kept.
fn flood(client: &mut Client, lines: usize) {
    client.send_raw(numbered(lines).as_bytes());
    let kept = match lines - 2 {
        1 => " seconds. Your line is kept and sent then.\n> ".to_owned(),
        kept => format!(" seconds. Your {kept} lines are kept and sent then.\n> "),
    };
    client.expect("⚠ Rate limited! Wait ");
    client.expect(&kept);
}

#[test]
fn a_paste_of_code_arrives_whole_for_all() {
    let server = Server::start(&SOON);
    let (mut alice, mut bob) = (server.login("alice"), server.login("bob"));
    let start = Instant::now();
    alice.send_raw(CODE.as_bytes());
    alice.expect("⚠ Rate limited! Wait ");
    let secs: u64 =
        alice.expect(" seconds. Your 11 lines are kept and sent then.\n> ").parse().unwrap();
    assert!((1..=2).contains(&secs), "{secs}");
    alice.expect(CODE_SHOWN[2]);
    CODE_SHOWN.iter().for_each(|shown| _ = bob.expect(shown));
    assert!(start.elapsed() >= Duration::from_secs(2), "before the window was open");
    // It is one message from then on: one hit, one entry, and whole for whoever comes late.
    let whole = CODE_SHOWN[2].trim_end_matches("> ");
    bob.ask("/search println", "=== Found in 'general' (1) ===\n");
    bob.expect(whole);
    bob.ask("/history 1", "=== History of 'general' (1) ===\n");
    bob.expect(whole);
    let mut carol = server.connect();
    carol.expect("Enter your username: ");
    carol.send("carol");
    carol.expect(whole);
    assert_eq!(count(&alice.text(), "Rate limited"), 1, "told once");
}

#[test]
fn a_line_that_waits_is_told_with_its_true_time_and_sent_then() {
    let server = Server::start(&[
        ("CHAT_RATE_MESSAGES", "2"),
        ("CHAT_RATE_WINDOW_SECS", "3"),
        ("CHAT_RATE_HOLD", "40"),
    ]);
    let mut alice = server.login("alice");
    let start = Instant::now();
    alice.ask("one", "╰─> one\n");
    alice.ask("two", "╰─> two\n");
    alice.ask("three", "⚠ Rate limited! Wait ");
    let secs: u64 = alice.expect(" seconds. Your line is kept and sent then.\n> ").parse().unwrap();
    let told = start.elapsed();
    assert!(told >= Duration::from_millis(200), "before the burst had paused");
    // A line that is typed meanwhile waits behind it.
    alice.send("four");
    alice.expect("╰─> three\n      four\n> ");
    let waited = start.elapsed();
    assert!(waited >= Duration::from_secs(3), "{waited:?}");
    assert!(
        told.as_secs_f64() + secs as f64 + 0.5 > waited.as_secs_f64() - 0.5,
        "{secs} {waited:?}"
    );
}

#[test]
fn what_is_over_is_named_when_the_burst_is_over() {
    let mut env = NEVER.to_vec();
    env[2].1 = "3";
    let server = Server::start(&env);
    let (mut alice, mut bob) = (server.login("alice"), server.login("bob"));
    alice.send_raw(numbered(17).replace("line 6\n", "    let text = \"six\";\n").as_bytes());
    alice.expect(" seconds. Your 3 lines are kept and sent then.\nNot sent: 12 lines, from: let text = \"six\";\n> ");
    // The next burst is one of its own.
    alice.ask(&format!("{} and more", "x".repeat(40)), "Not sent: 1 line, from: ");
    alice.expect(&format!("{}…\n> ", "x".repeat(40)));
    assert_eq!(shown(&bob.sync("bob")), [1, 2]);
}

#[test]
fn bytes_that_wait_are_bounded_too() {
    let server = Server::start(&NEVER);
    let mut alice = server.login("alice");
    let lines: String = (0..20).map(|n| format!("{n:02}{}\n", "x".repeat(998))).collect();
    alice.send_raw(lines.as_bytes());
    alice.expect(" seconds. Your 8 lines are kept and sent then.\nNot sent: 10 lines, from: 10xxx");
}

#[test]
fn a_script_arrives_whole_and_in_order_however_long_it_is() {
    let server = Server::start(&SOON);
    let mut bob = server.login("bob");
    let shown_to_alice = server.script(format!("alice\n{}", numbered(90)).as_bytes());
    let wanted: Vec<usize> = (1..=90).collect();
    assert_eq!(shown(&shown_to_alice), wanted);
    assert!(!shown_to_alice.contains("Not sent"), "{shown_to_alice}");
    let shown_to_bob = bob.expect("alice has left the lobby");
    assert_eq!(shown(&shown_to_bob), wanted);
    let messages = count(&shown_to_bob, "╰─> ");
    assert!(messages <= 2 + 5, "as few messages as can be: {messages}");
}

#[test]
fn a_script_of_more_bytes_than_may_wait_is_left_lying_in_its_socket() {
    let env =
        [("CHAT_RATE_MESSAGES", "10"), ("CHAT_RATE_WINDOW_SECS", "1"), ("CHAT_RATE_HOLD", "40")];
    let server = Server::start(&env);
    let long: String = (1..=40).map(|n| format!("{} line {n}\n", "x".repeat(900))).collect();
    let text = server.script(format!("alice\n{long}/users\n").as_bytes());
    let number = |row: &str| row.split_once("x line ")?.1.parse().ok();
    let said: Vec<usize> = text.lines().filter_map(number).collect();
    assert_eq!(said, (1..=40).collect::<Vec<_>>(), "{text}");
    assert!(!text.contains("Not sent"), "{text}");
    assert!(text.find("x line 40").unwrap() < text.find("=== Users in").unwrap());
}

#[test]
fn a_script_whose_lines_wait_is_not_idle() {
    let server = Server::start(&[&SOON[..], &[("CHAT_IDLE_TIMEOUT_SECS", "3")]].concat());
    let text = server.script(format!("alice\n{}", numbered(70)).as_bytes());
    assert_eq!(shown(&text), (1..=70).collect::<Vec<_>>());
}

#[test]
fn commands_between_the_lines_of_a_script_keep_their_place() {
    let server = Server::start(&SOON);
    let mut bob = server.login("bob");
    bob.ask("/create den no-pass x", "Created");
    let script =
        "alice\na1\na2\na3\na4\n/users\na5\n/me waves\n/nick rob\na6\n/join den\na7\n/quit\n";
    let text = server.script(script.as_bytes());
    let order = [
        "╰─> a1\n",
        "╰─> a2\n",
        "╰─> a3\n      a4\n",
        "=== Users in 'general' (2)",
        "╰─> a5\n",
        "* alice waves",
        "alice is now known as rob",
        "╰─> a6\n",
        "Joined lobby 'den'",
        "╰─> a7\n",
        "Goodbye!",
    ];
    let places: Vec<_> = order.iter().map(|what| text.find(what).expect(what)).collect();
    assert!(places.is_sorted(), "{places:?}\n{text}");
    assert!(!text.contains("Not sent"), "{text}");
    let general = bob.expect("rob has left the lobby");
    assert!(general.contains("╰─> a6\n") && !general.contains("a7"), "{general}");
}

#[test]
fn what_only_shows_something_does_not_wait_for_lines_that_do() {
    let server = Server::start(&NEVER);
    let mut alice = server.login("alice");
    flood(&mut alice, 5);
    alice.ask("/users", "=== Users in 'general' (1) ===");
    // Nor does what changes nothing for others drop them; what counts as a message is refused.
    alice.ask("/me waves", "⚠ Rate limited! Wait ");
    let told = alice.expect("> ");
    assert!(!told.contains("kept") && told.ends_with(" seconds.\n"), "{told}");
    alice.ask("/quit", "Not sent: 3 lines, from: line 3\n> ");
    alice.expect("Disconnecting from server. Goodbye!\n");
}

#[test]
fn a_word_that_is_answered_alone_is_a_row_like_others_in_a_paste() {
    let server = Server::start(&SOON);
    let mut alice = server.login("alice");
    alice.send_raw(b"#!/bin/sh\nif ! make\nthen\n    exit\nfi\n");
    alice.expect("Your 3 lines are kept and sent then.\n> ");
    alice.ask("quit", "Type /quit to leave or /help for help; /say quit says it.\n> ");
    alice.expect("╰─> then\n          exit\n      fi\n> ");
}

#[test]
fn whoever_goes_elsewhere_gives_up_what_waits() {
    let server = Server::start(&NEVER);
    let (mut alice, mut bob) = (server.login("alice"), server.login("bob"));
    bob.ask("/create den no-pass x", "Created");
    flood(&mut alice, 5);
    // Where they do not get in they stay, and so do the lines.
    alice.ask("/join nowhere", "Lobby does not exist");
    alice.ask("/join den", "Joined lobby 'den'");
    alice.expect("Not sent: 3 lines, from: line 3\n> ");
    // It is nothing to go round the limit with.
    let mut times = 0;
    loop {
        alice.ask("again", "Your line is kept and sent then.\n> ");
        alice.send(["/join general", "/join den"][times % 2]);
        if alice.expect_one_of(&["Joined lobby", "⚠ Rate limited! Wait "]) != "Joined lobby" {
            break;
        }
        alice.expect("Not sent: 1 line, from: again\n> ");
        times += 1;
    }
    assert_eq!(times, 2, "no more often than one may look at something");
}

#[test]
fn a_kick_drops_what_waits() {
    let server = Server::start(&SOON);
    let (mut alice, mut bob) = (server.login("alice"), server.login("bob"));
    alice.ask("/create den no-pass x", "Created");
    for client in [&mut alice, &mut bob] {
        client.ask("/join den", "Joined lobby 'den'");
    }
    std::thread::sleep(Duration::from_millis(2_100));
    flood(&mut bob, 5);
    alice.send("/kick bob");
    bob.expect("Not sent: 3 lines, from: line 3\n> ");
    std::thread::sleep(Duration::from_millis(2_100));
    assert!(shown(&bob.sync("bob")).is_empty());
    alice.sync("alice");
    assert_eq!(shown(&alice.text()), [1, 2]);
    // Nor is a script's action shown in another lobby that waited behind its messages.
    let mut erin = server.login("erin");
    erin.ask("/join den", "Joined lobby 'den'");
    std::thread::sleep(Duration::from_millis(2_100));
    erin.send_raw(format!("{}/me whispers\n", numbered(5)).as_bytes());
    erin.close_sending();
    erin.expect(" Your 3 lines are kept and sent then.\n> ");
    alice.send("/kick erin");
    erin.expect("Not sent: 4 lines, from: line 3\n> ");
    erin.read_to_end();
    assert!(!bob.sync("bob").contains("whispers"));
    // From general it is out of the server.
    let folder = Folder::new();
    makes(folder.path(), "root", PASSWORD);
    let server = Server::start_in(folder, &[&ADMINS[..], &SOON].concat());
    let (mut root, _) = log_in_to(&server, "root");
    let mut dave = server.login("dave");
    flood(&mut dave, 5);
    root.send("/kick dave");
    dave.expect("Not sent: 3 lines, from: line 3\n> ");
    dave.expect("You were kicked. Goodbye!\n");
}

#[test]
fn a_mute_drops_what_waits_at_once_and_for_good() {
    let server = Server::start(&SOON);
    let (mut alice, mut bob) = (server.login("alice"), server.login("bob"));
    let mut carol = guest_from(&server, "127.0.0.9", "carol");
    alice.ask("/create den no-pass x", "Created");
    for client in [&mut alice, &mut bob, &mut carol] {
        client.ask("/join den", "Joined lobby 'den'");
    }
    std::thread::sleep(Duration::from_millis(2_100));
    flood(&mut bob, 5);
    flood(&mut carol, 4);
    alice.ask("/mute bob 10m", "alice muted bob");
    bob.expect("Not sent: 3 lines, from: line 3\n> ");
    alice.ask("/unmute bob", "alice unmuted bob");
    // Somebody of another address is not meant.
    carol.expect("╰─> line 3\n      line 4\n> ");
    std::thread::sleep(Duration::from_millis(2_100));
    bob.ask("after", "╰─> after\n");
    let den = alice.expect("╰─> after\n");
    assert_eq!(count(&den, "line 3"), 1, "{den}");
}

#[test]
fn slow_mode_holds_for_what_waits_and_takes_nothing_from_it() {
    let server = Server::start(&[
        ("CHAT_RATE_MESSAGES", "1"),
        ("CHAT_RATE_WINDOW_SECS", "1"),
        ("CHAT_RATE_HOLD", "40"),
    ]);
    let (mut alice, mut bob) = (server.login("alice"), server.login("bob"));
    let pause = || std::thread::sleep(Duration::from_millis(1_100));
    alice.ask("/create den no-pass x", "Created");
    pause();
    for client in [&mut alice, &mut bob] {
        client.ask("/join den", "Joined lobby 'den'");
    }
    alice.ask("/slow 5", "slow mode");
    pause();
    let start = Instant::now();
    bob.send_raw(numbered(4).as_bytes());
    bob.expect("⚠ Rate limited! Wait 1 seconds. Your 3 lines are kept and sent then.\n> ");
    bob.expect("⚠ Slow mode! Wait ");
    bob.expect(" seconds. Your 3 lines are kept and sent then.\n> ");
    // Another name changes nothing for them.
    bob.ask("/nick rob", "bob is now known as rob\n> ");
    bob.expect("] rob [just now]\n  ╰─> line 2\n      line 3\n      line 4\n> ");
    assert!(start.elapsed() >= Duration::from_secs(5));
    assert_eq!(count(&bob.text(), "Slow mode!"), 1, "told once");
}

#[test]
fn a_takeover_tells_the_first_connection_what_was_not_sent() {
    let server = Server::start(&NEVER);
    let mut ann = registered(&server, "ann");
    ann.send_raw(numbered(5).as_bytes());
    ann.expect(" lines are kept and sent then.\n> ");
    let mut again = connect_from(&server, "127.0.0.7");
    prove(&mut again, "ann");
    ann.expect("Not sent: 4 lines, from: line 2\n> ");
    ann.expect("Logged in from elsewhere.\n");
    again.expect("> ");
    // Its window is the same, and what it types waits anew.
    again.ask("more", "Your line is kept and sent then.\n> ");
}

#[test]
fn whoever_breaks_off_takes_along_what_waits() {
    let server = Server::start(&SOON);
    let (mut alice, mut bob) = (server.login("alice"), server.login("bob"));
    flood(&mut alice, 5);
    alice.reset();
    bob.expect("alice has left the lobby");
    std::thread::sleep(Duration::from_millis(2_100));
    assert!(shown(&bob.sync("bob")).is_empty());
    assert_eq!(shown(&bob.text()), [1, 2]);
}

#[test]
fn a_client_that_ends_its_sending_while_lines_wait_has_them_sent() {
    let server = Server::start(&SOON);
    let (mut alice, mut bob) = (server.login("alice"), server.login("bob"));
    flood(&mut alice, 5);
    alice.close_sending();
    alice.read_to_end();
    assert_eq!(shown(&alice.text()), [1, 2, 3, 4, 5]);
    bob.expect("╰─> line 3\n      line 4\n      line 5\n> ");
    bob.expect("alice has left the lobby");
}

#[test]
fn a_shutdown_names_what_waits() {
    let mut server = Server::start(&NEVER);
    let mut alice = server.login("alice");
    flood(&mut alice, 5);
    server.signal("TERM");
    alice.expect("Not sent: 3 lines, from: line 3\n> ");
    alice.expect("Server is shutting down. Goodbye!\n");
    assert_eq!(server.wait(), 0);
}

#[test]
fn two_floods_of_one_address_both_get_through() {
    // An address has ten times as much: eleven users of it wait for each other.
    let server = Server::start(&[
        ("CHAT_RATE_MESSAGES", "1"),
        ("CHAT_RATE_WINDOW_SECS", "2"),
        ("CHAT_RATE_HOLD", "40"),
    ]);
    let mut bob = guest_from(&server, "127.0.0.9", "bob");
    let names: Vec<String> = (0..12).map(|i| format!("user{i}")).collect();
    let mut users: Vec<Client> = names.iter().map(|name| server.login(name)).collect();
    for (i, user) in users.iter_mut().enumerate() {
        user.send_raw(format!("{i} one\n{i} two\n{i} three\n").as_bytes());
    }
    for (i, user) in users.iter_mut().enumerate() {
        user.expect(" kept and sent then.\n> ");
        user.expect(&format!("{i} three\n> "));
    }
    let shown = bob.sync("bob");
    for i in 0..12 {
        let places = ["one", "two", "three"]
            .map(|word| shown.find(&format!(" {i} {word}\n")).expect(&shown));
        assert!(places.is_sorted(), "{shown}");
        assert_eq!(count(&shown, &format!(" {i} three\n")), 1);
    }
}

#[test]
fn without_a_hold_every_refusal_is_told_and_the_end_of_the_burst_too() {
    let mut env = NEVER.to_vec();
    env[2].1 = "0";
    let server = Server::start(&env);
    let mut alice = server.login("alice");
    alice.send_raw(numbered(9).as_bytes());
    alice.expect("⚠ Rate limited! Wait ");
    let rest = alice.expect("Not sent: 7 lines, from: line 3\n> ");
    assert!(rest.starts_with("3600 seconds.\n> "), "{rest}");
    assert!(!rest.contains("kept"), "{rest}");
    let shown = server.script(format!("bob\n{}/quit\n", numbered(3)).as_bytes());
    assert!(shown.contains("Not sent: 1 line, from: line 3\n> "), "{shown}");
}

#[test]
fn what_is_refused_without_a_word_is_named_but_for_its_secrets() {
    let server = Server::start(&NEVER);
    let mut alice = server.login("alice");
    flood(&mut alice, 3);
    alice.send_raw("/register hunter2-hunter2\n/create room hunter3 x\n/me waves\n".as_bytes());
    alice.expect("⚠ Rate limited! Wait ");
    let named = alice.expect("Not sent: 2 lines, from: /create\n> ");
    assert!(!named.contains("hunter"), "{named}");
}

#[test]
fn a_flood_costs_the_others_nothing_and_its_memory_is_bounded() {
    let server = Server::start(&NEVER);
    let mut alice = guest_from(&server, "127.0.0.9", "alice");
    let names: Vec<String> = (0..20).map(|i| format!("flood{i}")).collect();
    let mut floods: Vec<Client> = names
        .iter()
        .enumerate()
        .map(|(i, name)| guest_from(&server, &format!("127.0.1.{}", i + 1), name))
        .collect();
    let before = resident_kib(server.pid());
    let text = format!("{}\n", "x".repeat(199)).repeat(500);
    for client in &mut floods {
        client.send_raw(text.as_bytes());
    }
    let start = Instant::now();
    alice.sync("alice");
    assert!(start.elapsed() < Duration::from_secs(2), "the others are held up");
    for client in &mut floods {
        client.expect("Your 40 lines are kept and sent then.\nNot sent: 458 lines, from: xxx");
    }
    let grown = resident_kib(server.pid()).saturating_sub(before);
    assert!(grown < 20 * 64 + 2_048, "grew by {grown} KiB");
}

#[test]
fn rows_outlive_a_restart() {
    let server = Server::start(&SOON);
    let mut alice = server.login("alice");
    alice.send_raw(CODE.as_bytes());
    alice.expect(CODE_SHOWN[2]);
    let server = restart(server, &SOON);
    let mut bob = server.login("bob");
    let whole = CODE_SHOWN[2].trim_end_matches("> ");
    bob.ask("/history", whole);
    bob.ask("/search split_whitespace println", "=== Found in 'general' (1) ===\n");
    bob.expect(whole);
}

/// What was read of a client that has ended: the lines that were refused or dropped, by number, as far as
/// they were counted and by which first ones.
fn named(text: &str) -> Vec<(usize, String)> {
    let told = text.lines().map(|row| row.trim_start_matches("> "));
    let told = told.filter_map(|row| row.strip_prefix("Not sent: "));
    told.map(|told| {
        let (lines, first) = told.split_once(", from: ").expect(told);
        (lines.split(' ').next().unwrap().parse().unwrap(), first.to_owned())
    })
    .collect()
}

#[test]
fn whatever_is_typed_and_whenever_each_line_is_sent_once_or_named() {
    const LINES: usize = 60;
    let env =
        [("CHAT_RATE_MESSAGES", "3"), ("CHAT_RATE_WINDOW_SECS", "1"), ("CHAT_RATE_HOLD", "7")];
    let server = Server::start(&env);
    let mut reader = guest_from(&server, "127.0.0.9", "reader");
    let types = |seed: usize| {
        let mut client = guest_from(&server, &format!("127.0.1.{}", seed + 1), &format!("u{seed}"));
        // A generator of our own: what a seed does is the same for good.
        let mut state = seed as u64 * 7_919 + 1;
        let mut next = move |below: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 33) % below
        };
        let mut looks = 0;
        for n in 1..=LINES {
            client.send(&format!("u{seed} line {n}"));
            match next(12) {
                0 => std::thread::sleep(Duration::from_millis(next(600))),
                // No more of them than are let through.
                1 if looks < 6 => {
                    looks += 1;
                    client.send("/users");
                }
                2 => client.send(""),
                3 => std::thread::sleep(Duration::from_millis(next(50))),
                _ => {}
            }
        }
        if seed.is_multiple_of(2) {
            client.send("/quit");
        }
        client.close_sending();
        client.read_to_end();
        client.text()
    };
    let ends: Vec<String> = std::thread::scope(|scope| {
        let clients: Vec<_> = (0..6).map(|seed| scope.spawn(move || types(seed))).collect();
        clients.into_iter().map(|client| client.join().unwrap()).collect()
    });
    let all = reader.sync("reader");
    for (seed, text) in ends.iter().enumerate() {
        let row = format!(" u{seed} line ");
        let said: Vec<usize> = all
            .lines()
            .filter_map(|line| Some(line.split_once(&row)?.1.parse().unwrap()))
            .collect();
        assert!(said.is_sorted_by(|a, b| a < b), "u{seed}: {said:?}");
        let named = named(text);
        let lost: usize = named.iter().map(|(lines, _)| lines).sum();
        assert_eq!(said.len() + lost, LINES, "u{seed}: {said:?} {named:?}\n{text}");
        for (_, first) in named {
            let number: usize = first.strip_prefix(&row[1..]).expect(&first).parse().unwrap();
            assert!(!said.contains(&number), "u{seed}: {number} {said:?}");
        }
    }
}
