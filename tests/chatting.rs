//! Messages: their form, order, limits and cleanliness.

use std::time::{Duration, Instant};

use crate::harness::{Server, count, without_telnet};

#[test]
fn a_message_goes_to_everyone_in_its_colours() {
    let server = Server::start(&[]);
    let mut alice = server.login("alice");
    let mut bob = server.login("bob");
    alice.send("Hello everyone!");
    for client in [&mut alice, &mut bob] {
        client.expect("[@_@] alice [just now]\n  ╰─> Hello everyone!\n> ");
        let raw = String::from_utf8_lossy(client.raw()).into_owned();
        let want = "\r\x1b[K\x1b[33m[@_@] alice\x1b[0m \x1b[37m[just now]\x1b[0m\n  \
                    \x1b[36m╰─>\x1b[0m Hello everyone!\n> ";
        assert!(raw.ends_with(want), "{raw:?}");
    }
}

#[test]
fn without_colours_no_escape_code_is_sent() {
    let server = Server::start(&[("CHAT_COLOR", "off")]);
    let mut alice = server.login("alice");
    for line in ["hi", "/help", "/users", "/lobbies", "/sp list", "/nope", "/msg alice hi"] {
        alice.send(line);
    }
    alice.sync("alice");
    assert!(!alice.raw().contains(&0x1b));
    let raw = String::from_utf8_lossy(alice.raw()).into_owned();
    assert!(raw.contains("\n[@_@] alice [just now]\n  ╰─> hi\n> "), "{raw:?}");
}

#[test]
fn all_see_one_order_and_each_senders_own_is_kept() {
    let server = Server::start(&[]);
    let mut clients: Vec<_> = (0..8).map(|i| server.login(&format!("user{i}"))).collect();
    for n in 0..30 {
        for (i, client) in clients.iter_mut().enumerate() {
            client.send(&format!("m-{i}-{n}."));
        }
    }
    let mut orders = Vec::new();
    for client in &mut clients {
        let start = Instant::now();
        while count(&client.text(), "╰─> m-") < 240 {
            assert!(start.elapsed() < crate::harness::PATIENCE);
            client.read_some();
        }
        let text = client.text();
        let lines: Vec<_> =
            text.lines().filter(|l| l.contains("╰─> m-")).map(str::to_owned).collect();
        orders.push(lines);
    }
    for i in 0..8 {
        let own: Vec<_> = orders[0].iter().filter(|l| l.contains(&format!("m-{i}-"))).collect();
        let want: Vec<_> = (0..30).map(|n| format!("  ╰─> m-{i}-{n}.")).collect();
        assert_eq!(own, want.iter().collect::<Vec<_>>());
    }
    assert!(orders.iter().all(|order| order == &orders[0]));
}

#[test]
fn a_newcomer_is_shown_the_recent_history_before_the_notice() {
    let server = Server::start(&[("CHAT_HISTORY_MESSAGES", "3")]);
    let mut alice = server.login("alice");
    for i in 0..5 {
        alice.ask(&format!("old {i}"), &format!("╰─> old {i}\n"));
    }
    let mut bob = server.connect();
    bob.ask("bob", "Enter your username: ");
    let shown = bob.expect("[LOBBY] bob has joined the lobby");
    let lines: Vec<_> = shown.lines().filter(|l| l.contains("╰─>")).collect();
    assert_eq!(lines, ["  ╰─> old 2", "  ╰─> old 3", "  ╰─> old 4"]);
    assert_eq!(count(&shown, "[@_@] alice [just now]"), 3);
}

#[test]
fn history_tells_its_age_and_ends() {
    let server = Server::start(&[("CHAT_HISTORY_SECS", "8")]);
    let mut alice = server.login("alice");
    alice.ask("hello", "╰─> hello");
    std::thread::sleep(Duration::from_millis(5_500));
    let mut bob = server.connect();
    bob.send("bob");
    let shown = bob.expect("bob has joined");
    let aged = ["[@_@] alice [5s ago]", "[@_@] alice [6s ago]"];
    assert!(aged.iter().any(|a| shown.contains(a)), "{shown}");
    std::thread::sleep(Duration::from_secs(3));
    let mut carol = server.connect();
    carol.send("carol");
    let shown = carol.expect("carol has joined");
    assert!(!shown.contains("hello"), "{shown}");
}

#[test]
fn two_slashes_send_one() {
    let server = Server::start(&[]);
    let mut alice = server.login("alice");
    alice.ask("//help me", "╰─> /help me\n");
}

#[test]
fn nothing_a_user_types_reaches_another_terminal_as_a_control() {
    let server = Server::start(&[]);
    let mut alice = server.login("alice");
    let mut bob = server.login("bob");
    let nasty = "a\x1b[31mred\x1b]0;title\x07\x1bP1$r\x1b\\\u{9b}2J\u{9d}8;;x\u{9c}\x08\x0c\x7f\
                 \u{202e}x\u{200b}y\u{feff}z\u{2028}end\x1b]52;c;aaaa";
    alice.send(nasty);
    alice.send(&format!("/msg bob {nasty}"));
    alice.send(&format!("/tag bob {nasty}"));
    alice.send(&format!("/create room pw {nasty}"));
    alice.send("/lobbies");
    alice.expect("Description: aredxyzend\n");
    bob.send("/lobbies");
    bob.expect("╰─> aredxyzend\n");
    bob.expect("╰─> aredxyzend\n");
    bob.expect("╰─> aredxyzend\n");
    bob.expect("Description: aredxyzend\n");
    for client in [&alice, &bob] {
        let raw = String::from_utf8(without_telnet(client.raw())).unwrap();
        let ours = raw.replace("\x07\r\x1b[K", "").replace("\r\x1b[K", "").replace("\r\n", "\n");
        let mut rest = ours.as_str();
        while let Some(at) = rest.find(|c: char| c.is_control() && c != '\n') {
            let code = &rest[at..];
            let end = code.find('m').expect("only colours are left");
            assert!(code.starts_with("\x1b[") && end <= 4, "{:?}", &code[..end + 1]);
            rest = &code[end + 1..];
        }
    }
}

#[test]
fn emoji_and_scripts_pass_unchanged_and_tabs_become_blanks() {
    let server = Server::start(&[]);
    let mut alice = server.login("alice");
    alice.ask("👩‍👩‍👧‍👦 می‌خواهم ❤️‍🔥 日本語", "╰─> 👩‍👩‍👧‍👦 می‌خواهم ❤️‍🔥 日本語\n");
    alice.ask("a\tb", "╰─> a b\n");
    alice.send_raw(b"bad \xff\xfe utf8 \x80\n");
    alice.expect("utf8 \u{FFFD}\n");
}

#[test]
fn what_is_empty_is_ignored() {
    let server = Server::start(&[]);
    let mut alice = server.login("alice");
    let mut bob = server.login("bob");
    for blank in ["", "   ", "\u{200b}", "\x1b[31m", "\x07"] {
        alice.send(blank);
    }
    alice.ask("real", "╰─> real");
    let before = bob.expect("╰─> real");
    assert_eq!(count(&before, "alice ["), 1, "{before}");
}

#[test]
fn a_message_may_be_a_thousand_characters_after_cleaning() {
    let server = Server::start(&[]);
    let mut alice = server.login("alice");
    let fits = "é".repeat(1_000);
    alice.ask(&format!("\x1b[31m{fits}\u{200b}"), &format!("╰─> {fits}\n"));
    alice.ask(&format!("{fits}x"), "Message too long (max 1000 chars)\n> ");
    alice.ask("still here", "╰─> still here");
}

#[test]
fn the_message_limit_is_as_configured_for_texts_of_commands_too() {
    let server = Server::start(&[("CHAT_MAX_MESSAGE_CHARS", "10")]);
    for (user, line) in [
        ("u1", "12345678901".to_owned()),
        ("u2", "/msg u2 12345678901".to_owned()),
        ("u3", "/tag u3 12345678901".to_owned()),
        ("u4", "/me 12345678901".to_owned()),
        ("u5", "/setai 12345678901".to_owned()),
    ] {
        server.login(user).ask(&line, "Message too long (max 10 chars)\n> ");
    }
    let line = format!("/create room {} desc", "p".repeat(129));
    server.login("u6").ask(&line, "Password too long (max 128 chars)\n> ");
}

#[test]
fn a_line_over_eight_kib_is_dropped_to_its_end() {
    let server = Server::start(&[]);
    let mut alice = server.login("alice");
    let mut long = vec![b'x'; 100_000];
    long.extend(b"\nnext\n");
    alice.send_raw(&long);
    alice.expect("Message too long (max 1000 chars)\n> ");
    let between = alice.expect("╰─> next\n");
    assert!(!between.contains("xxx"), "{between}");
}

#[test]
fn the_sixth_message_in_ten_seconds_waits_its_true_time() {
    let server = Server::start(&[("CHAT_RATE_MESSAGES", "5"), ("CHAT_RATE_WINDOW_SECS", "3")]);
    let mut alice = server.login("alice");
    let start = Instant::now();
    alice.ask("1", "╰─> 1\n");
    std::thread::sleep(Duration::from_millis(1_200));
    for line in ["2", "3", "4"] {
        alice.ask(line, &format!("╰─> {line}\n"));
    }
    alice.ask("/time off", "> ");
    // What only shows something has a window of its own.
    alice.ask("/users", "=== Users");
    // 3 s after the first: some 1.8 s from now, so 2 seconds, or 1 on a slow machine.
    alice.send("6");
    alice.expect("⚠ Rate limited! Wait ");
    let secs: u64 = alice.expect(" seconds.\n> ").parse().unwrap();
    let waited = start.elapsed().as_secs_f64();
    assert!(secs as f64 >= 3.0 - waited && secs as f64 <= 3.0 - 1.2 + 1.0, "{secs} {waited}");
    let refused = count(&alice.text(), "╰─> 6");
    assert_eq!(refused, 0);
    std::thread::sleep(Duration::from_secs(secs));
    alice.ask("7", "╰─> 7\n");
    // That one was let through as the first one aged; the others have not.
    alice.ask("8", "⚠ Rate limited! Wait ");
}

#[test]
fn what_is_refused_too_long_or_empty_does_not_count_and_quit_neither() {
    let server = Server::start(&[("CHAT_RATE_MESSAGES", "2"), ("CHAT_RATE_WINDOW_SECS", "60")]);
    let mut alice = server.login("alice");
    alice.send("");
    alice.ask(&"x".repeat(1_001), "Message too long");
    alice.send("   ");
    alice.ask("one", "╰─> one");
    alice.ask("two", "╰─> two");
    alice.ask("three", "⚠ Rate limited! Wait ");
    alice.ask("/quit", "Disconnecting from server. Goodbye!");
}

#[test]
fn a_flood_of_refused_lines_gets_one_notice_a_second() {
    let server = Server::start(&[("CHAT_RATE_MESSAGES", "1"), ("CHAT_RATE_WINDOW_SECS", "3600")]);
    let mut alice = server.login("alice");
    let start = Instant::now();
    alice.send_raw("flood\n".repeat(20_000).as_bytes());
    alice.ask("/quit", "Goodbye!");
    let most = 2 + start.elapsed().as_secs() as usize;
    let told = count(&alice.text(), "Rate limited!");
    assert!((1..=most).contains(&told), "{told} notices");
}

#[test]
fn a_refusal_does_not_overtake_the_messages_before_it() {
    let server = Server::start(&[("CHAT_RATE_MESSAGES", "5"), ("CHAT_RATE_WINDOW_SECS", "60")]);
    let long = "x".repeat(9_000);
    for (user, last, refusal) in [("ann", "m5", "Rate limited!"), ("bo", &long, "too long")] {
        let mut client = server.login(user);
        client.send_raw(format!("m0\nm1\nm2\nm3\nm4\n{last}\n").as_bytes());
        let before = client.expect(refusal);
        for i in 0..5 {
            assert_eq!(count(&before, &format!("╰─> m{i}\n")), 1, "{before}");
        }
    }
}

#[test]
fn each_kind_of_refusal_is_told() {
    let server = Server::start(&[("GEMINI_API_KEY", "k")]);
    let mut alice = server.login("alice");
    let long = "x".repeat(1_001);
    alice.send(&long);
    alice.send(&format!("/create room {} desc", "p".repeat(129)));
    alice.send(&format!("/ai {long}"));
    alice.expect("Message too long (max 1000 chars)\n");
    alice.expect("Password too long (max 128 chars)\n");
    alice.expect("AI question too long. Max: 1000 characters\n");
}
