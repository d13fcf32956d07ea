//! The commands that everybody uses besides talking: how one appears, and what one is shown.

use std::thread;
use std::time::Duration;

use crate::harness::{Client, Server, count};
use crate::people::{log_in_to, registered, restart, with_root};

#[test]
fn an_action_is_shown_kept_and_replayed_with_its_age() {
    let server = Server::start(&[]);
    let (mut alice, mut bob) = (server.login("alice"), server.login("bob"));
    alice.send("/me waves to \"all\"");
    for client in [&mut alice, &mut bob] {
        client.expect("[@_@] * alice waves to \"all\"\n> ");
    }
    alice.ask("/me", "Usage: /me <action>");
    let mut carol = server.connect();
    carol.expect("Enter your username: ");
    carol.ask("carol", "[@_@] * alice waves to \"all\" [just now]\n");
    carol.ask("/history", "[@_@] * alice waves to \"all\" [");
    carol.ask("/search waves", "[@_@] * alice waves to \"all\" [");
    bob.ask("/me \u{1b}[31mhides\u{202e}", "* bob hides\n");
}

#[test]
fn an_action_counts_as_a_message_and_has_its_limit() {
    let limits = [("CHAT_RATE_MESSAGES", "2"), ("CHAT_MAX_MESSAGE_CHARS", "10")];
    let server = Server::start(&limits);
    let mut alice = server.login("alice");
    alice.ask("/me is much too long", "Message too long (max 10 chars)\n> ");
    alice.ask("/me one", "* alice one\n");
    alice.ask("/me two", "* alice two\n");
    alice.ask("/me three", "⚠ Rate limited! Wait ");
}

#[test]
fn one_answers_the_last_who_wrote() {
    let server = Server::start(&[]);
    let [mut alice, mut bob, mut carol] = ["alice", "bob", "carol"].map(|name| server.login(name));
    alice.ask("/r hello?", "Nobody has written to you yet.\n> ");
    alice.ask("/r", "Usage: /r <text>");
    bob.ask("/msg alice from bob", "[DM] You —» alice");
    alice.expect("[DM] bob —» You");
    alice.ask("/r to \"bob\"", "[DM] You —» bob\n  ╰─> to \"bob\"\n> ");
    bob.expect("[DM] alice —» You\n  ╰─> to \"bob\"\n> ");
    carol.ask("/join general", "You are already in");
    carol.ask("/msg alice from carol", "[DM] You —» alice");
    alice.expect("[DM] carol —» You");
    // Whom one writes to oneself does not matter.
    alice.ask("/msg bob something", "[DM] You —» bob");
    alice.ask("/r to carol", "[DM] You —» carol\n  ╰─> to carol\n> ");
    carol.ask("/quit", "Goodbye!");
    alice.expect("carol has left");
    alice.ask("/r are you there?", "carol is gone.\n> ");
}

#[test]
fn whoever_is_away_says_so_until_they_are_back() {
    let server = Server::start(&[]);
    let (mut alice, mut bob) = (server.login("alice"), server.login("bob"));
    alice.ask(
        "/away Lunch, \u{1b}[31mback at \"two\"",
        "You are away. /away says that you are back.\n> ",
    );
    bob.ask("/msg alice hi", "  ╰─> hi\n> ");
    bob.expect("alice is away: Lunch, back at \"two\"\n> ");
    alice.expect("[DM] bob —» You\n");
    bob.ask("/users", "  [@_@] alice (away): Lunch, back at \"two\"\n  [@_@] bob (you)\n> ");
    bob.ask("/whois alice", "  Away: Lunch, back at \"two\"\n> ");
    // It goes along into another lobby, and talking does not end it.
    alice.ask("still away", "╰─> still away\n");
    bob.ask("/create room no-pass x", "Created");
    for client in [&mut alice, &mut bob] {
        client.ask("/join room", "Joined lobby 'room'");
    }
    bob.ask("/users", "  [@_@] alice (away): Lunch, back at \"two\"\n");
    alice.ask("/away", "You are back.\n> ");
    bob.ask("/users", "  [@_@] alice\n  [@_@] bob (owner) (you)\n> ");
    bob.send("/msg alice hi");
    assert!(!bob.sync("bob").contains("is away"));
    bob.send("/whois alice");
    bob.expect("=== alice ===\n");
    assert!(!bob.expect("> ").contains("Away"));
    alice.ask(&format!("/away {}", "x".repeat(1_001)), "Message too long (max 1000 chars)\n> ");
}

#[test]
fn whois_tells_what_everybody_may_know() {
    let server = Server::start(&[]);
    let mut alice = registered(&server, "alice");
    let (mut bob, mut eve) = (server.login("Bob"), server.login("eve"));
    eve.ask("/whois BOB", "=== Bob ===\n  Status: guest\n  Lobby: general\n  Idle: ");
    eve.expect("s\n> ");
    eve.ask("/whois alice", "=== alice ===\n  Status: account\n  Lobby: general\n  Idle: ");
    thread::sleep(Duration::from_millis(2_100));
    eve.ask("/whois bob", "  Idle: ");
    let idle: u64 = eve.expect("s\n> ").parse().unwrap();
    assert!(idle >= 2, "{idle}");
    // A command counts as a sign of life.
    bob.ask("/users", "=== Users");
    eve.ask("/whois bob", "  Idle: ");
    assert!(eve.expect("s\n> ").parse::<u64>().unwrap() < idle);

    alice.ask("/create open no-pass x", "Created");
    alice.ask("/create hideout opensesame x", "Created");
    bob.ask("/join open", "Joined lobby 'open'");
    alice.ask("/join hideout opensesame", "Joined lobby 'hideout'");
    eve.ask("/whois bob", "  Lobby: open\n");
    eve.ask("/whois alice", "  Lobby: a private one\n");
    // One that is closed to the public later is not named any more.
    bob.ask("/join hideout opensesame", "Joined lobby 'hideout'");
    eve.ask("/whois bob", "  Lobby: a private one\n");
    alice.ask("/setpass no-pass", "made the lobby public");
    eve.ask("/whois bob", "  Lobby: hideout\n");
    alice.ask("/setpass another-one", "changed the password");
    eve.ask("/whois bob", "  Lobby: a private one\n");

    alice.ask("/quit", "Goodbye!");
    bob.expect("alice has left the lobby\n");
    eve.ask("/whois ALICE", "=== alice ===\n  Status: account\n  Not connected\n> ");
    eve.ask("/whois nobody", "User not found.\n> ");
    eve.ask("/whois", "Usage: /whois <user>");
    eve.ask("/whois a b", "Usage: /whois <user>");
    assert!(!eve.text().contains("127.0."));
}

#[test]
fn a_guest_takes_another_name_and_keeps_their_place() {
    let server = Server::start(&[]);
    let [mut alice, mut bob, mut carol] = ["alice", "bob", "carol"].map(|name| server.login(name));
    let mut dora = registered(&server, "dora");
    alice.ask("/create room no-pass x", "Created");
    for client in [&mut alice, &mut bob] {
        client.ask("/join room", "Joined lobby 'room'");
    }
    bob.ask("before", "╰─> before\n");
    bob.send("/nick Robert");
    for client in [&mut alice, &mut bob] {
        client.expect("[LOBBY] bob is now known as Robert\n> ");
    }
    bob.ask("after", "[@_@] Robert [just now]\n  ╰─> after\n");
    alice.ask(
        "/users",
        "=== Users in 'room' (2) ===\n  [@_@] alice (owner) (you)\n  [@_@] Robert\n> ",
    );
    alice.ask("/history", "[@_@] bob [");
    carol.ask("/msg robert hi", "[DM] You —» Robert\n");
    bob.expect("[DM] carol —» You\n  ╰─> hi\n");
    bob.ask("/r hello", "[DM] You —» carol\n");
    carol.expect("[DM] Robert —» You\n");
    carol.ask("/msg bob hi", "User not found.\n> ");
    carol.ask("/whois robert", "=== Robert ===\n  Status: guest\n  Lobby: room\n");
    for (line, text) in [
        ("/nick", "Usage: /nick <name>"),
        ("/nick two words", "Usage: /nick <name>"),
        ("/nick x", "Username too short (min 2 characters)\n> "),
        ("/nick 123456789012345678901", "Username too long (max 20 characters)\n> "),
        ("/nick a.b", "Username can only contain letters, numbers, - and _\n> "),
        ("/nick ALICE", "Username already taken, try another.\n> "),
        ("/nick rox", "Username already taken, try another.\n> "),
        ("/nick dora", "Username already taken, try another.\n> "),
        ("/nick a1ice", "Username too close to 'alice', try another.\n> "),
        ("/nick adrnin", "Username too close to 'admin', try another.\n> "),
        ("/nick d0ra", "Username too close to 'dora', try another.\n> "),
    ] {
        bob.ask(line, text);
    }
    dora.ask("/nick dorothy", "Only guests can do that, and you have an account.\n> ");
    // The old name is free, and theirs alone no more; another spelling of the own one is allowed.
    server.login("bob");
    bob.ask("/nick robert", "[LOBBY] Robert is now known as robert\n");
    bob.ask("/join general", "[LOBBY] robert has joined the lobby\n");
    alice.expect("[LOBBY] robert has left the lobby\n");
    bob.ask("/quit", "Goodbye!");
    bob.read_to_end();
    server.login("Robert");
}

#[test]
fn who_made_a_lobby_goes_on_owning_it_under_another_name() {
    let server = Server::start(&[]);
    let mut alice = server.login("alice");
    alice.ask("/create room no-pass x", "Created");
    alice.ask("/join room", "Joined lobby 'room'");
    alice.ask("/nick alicia", "is now known as alicia\n");
    alice.ask("/topic mine", "[LOBBY] alicia set the topic: mine\n");
    let mut other = server.login("alice");
    other.ask("/join room", "Joined lobby 'room'");
    other.ask("/topic mine", "Only an owner or operator of 'room' can do that.\n> ");
}

/// Whether a text is a clock time like `14:05`.
fn is_clock(text: &str) -> bool {
    let parts: Vec<_> = text.split(':').collect();
    let [hour, minute] = parts[..] else { return false };
    hour.len() == 2
        && minute.len() == 2
        && hour.parse::<u8>().is_ok_and(|h| h < 24)
        && minute.parse::<u8>().is_ok_and(|m| m < 60)
}

/// The time in the brackets that come next.
#[track_caller]
fn next_time(client: &mut Client, line: &str, before: &str) -> String {
    client.ask(line, &format!("{before} ["));
    client.expect("]")
}

#[test]
fn times_are_clock_times_for_whoever_wants_them() {
    let server = with_root();
    let (mut root, _) = log_in_to(&server, "root");
    let mut bob = server.login("bob");
    root.ask("/create room no-pass x", "Created");
    root.ask("an old line", "╰─> an old line\n");
    root.ask("/topic x", "set the topic: x\n");
    assert_eq!(next_time(&mut root, "/history", "root"), "just now");
    root.ask("/time on", "Times are shown by the clock.\n> ");
    for (line, before) in [("/history", "root"), ("/search old", "root"), ("/audit", " ")] {
        let shown = next_time(&mut root, line, before);
        assert!(is_clock(&shown), "{line}: {shown}");
        root.sync("root");
    }
    root.ask("/join room", "Joined lobby 'room'");
    let shown = next_time(&mut root, "/join general", "root");
    assert!(is_clock(&shown), "{shown}");
    // The others go on with ages.
    assert!(!is_clock(&next_time(&mut bob, "/history", "root")));
    for bad in ["/time", "/time maybe", "/time on off"] {
        root.ask(bad, "Usage: /time on | off");
    }
    // An account's wish is kept.
    let server = restart(server, &crate::people::ADMINS);
    let (mut root, _) = log_in_to(&server, "root");
    assert!(is_clock(&next_time(&mut root, "/history", "root")));
    root.ask("/time off", "Times are shown as ages.\n> ");
    assert!(!is_clock(&next_time(&mut root, "/history", "root")));
}

#[test]
fn without_colours_not_one_escape_byte_is_sent() {
    let server = Server::start(&[]);
    let mut alice = registered(&server, "alice");
    let mut bob = server.login("bob");
    assert!(alice.raw().contains(&0x1B));
    alice.ask("/color off", "Colours are off.\n> ");
    alice.sync("alice");
    let from = alice.raw().len();
    bob.ask("in colours", "╰─> in colours\n");
    bob.ask("/tag alice look", "look");
    bob.ask("/msg alice psst", "psst");
    for line in [
        "hello",
        "/me waves",
        "/users",
        "/lobbies",
        "/help",
        "/help kick",
        "/history",
        "/search hello",
        "/sp list",
        "/whois bob",
        "/nope",
        "/msg bob hi",
        "/create room no-pass x",
        "/join room",
    ] {
        alice.send(line);
    }
    alice.expect("Joined lobby 'room'\n");
    alice.sync("alice");
    assert!(!alice.raw()[from..].contains(&0x1B), "{}", alice.rest());
    assert!(alice.text().contains("\n[@_@] bob [just now]\n  ╰─> in colours\n> "));
    assert!(bob.raw().ends_with(b"> ") && bob.sync("bob").contains("alice"));
    for bad in ["/color", "/color blue", "/color on off"] {
        alice.ask(bad, "Usage: /color on | off | light");
    }
    // An account's wish is kept.
    alice.ask("/quit", "Goodbye!");
    alice.read_to_end();
    assert!(!alice.raw()[from..].contains(&0x1B));
    let (mut alice, _) = log_in_to(&server, "alice");
    let from = alice.raw().len();
    alice.ask("again", "╰─> again\n> ");
    assert!(!alice.raw()[from..].contains(&0x1B));
    alice.ask("/color on", "Colours are on.\n> ");
    let from = alice.raw().len();
    alice.ask("in colours", "╰─> in colours\n");
    assert!(alice.raw()[from..].contains(&0x1B));
}

#[test]
fn a_server_without_colours_has_none_to_turn_on() {
    let server = Server::start(&[("CHAT_COLOR", "off")]);
    let mut alice = server.login("alice");
    alice.ask("/color on", "Colours are off.\n> ");
    alice.ask("hello", "╰─> hello\n");
    assert!(!alice.raw().contains(&0x1B));
}

#[test]
fn history_and_search_know_what_was_said_just_before_and_only_here() {
    let server = Server::start(&[]);
    let (mut alice, mut bob) = (server.login("alice"), server.login("bob"));
    for i in 0..10 {
        alice.send(&format!("needle number{i}"));
        alice.ask(&format!("/search number{i}"), &format!("  ╰─> needle number{i}\n> "));
        alice.send(&format!("needle again{i}"));
        alice.ask("/history 1", "=== History of 'general' (1) ===\n");
        alice.expect(&format!("╰─> needle again{i}\n> "));
    }
    bob.ask("/create other no-pass x", "Created");
    bob.ask("/join other", "Joined lobby 'other'");
    bob.ask("/history", "Nothing was said in this lobby yet.\n> ");
    bob.ask("/search needle", "No message of this lobby has all these words.\n> ");
    bob.ask("a needle here", "╰─> a needle here\n");
    bob.ask("/search NEEDLE", "=== Found in 'other' (1) ===\n[@_@] bob [just now]\n");
    alice.ask("/search needle", "=== Found in 'general' (20) ===\n");
    let found = alice.expect("\n> ");
    assert_eq!(count(&found, "╰─>"), 20);
    assert!(found.find("again9").unwrap() < found.find("number9").unwrap(), "newest first");
    assert!(!found.contains("a needle here"));
    alice.ask("/history 2", "needle number9\n[@_@] alice [");
    for bad in ["/history 0", "/history x", "/history 1 2", "/history -3"] {
        alice.ask(bad, "Usage: /history [n]");
    }
    alice.ask("/search", "Usage: /search <words>");
    alice.ask("/search \"\"", "Usage: /search <words>");
}

#[test]
fn every_page_of_the_help_fits_a_small_terminal() {
    let server = Server::start(&[]);
    let mut alice = server.login("alice");
    let mut all = String::new();
    let pages = [
        ("/help", "Available Commands"),
        ("/help lobbies", "Lobbies"),
        ("/help private", "Messages"),
        ("/help rox", "Assistant"),
        ("/help settings", "What you are shown"),
        ("/help you", "You"),
        ("/help Accounts", "Accounts"),
        ("/? moderation", "Moderation (operators and owners of the lobby)"),
        ("/h owners", "Lobby (its owners)"),
        ("/help admins", "Server (admins)"),
    ];
    for (line, heading) in pages {
        alice.ask(line, &format!("=== {heading} ===\n"));
        let shown = alice.expect("\n> ");
        // With what was typed, the heading and the prompt.
        assert!(shown.lines().count() + 3 <= 24, "{shown}");
        assert!(shown.lines().all(|l| l.chars().count() <= 80), "{shown}");
        all.push_str(&shown);
        all.push('\n');
    }
    for word in ["/kick", "/me", "/nick", "/whois", "/gban", "/register", "/search", "/quit"] {
        assert!(count(&all, &format!("\n  {word} ")) >= 1, "{word}: {all}");
    }
}

#[test]
fn the_help_explains_one_command() {
    let server = Server::start(&[]);
    let mut alice = server.login("alice");
    for line in ["/help kick", "/help /kick", "/HELP KICK"] {
        alice.ask(
            line,
            "=== /kick ===\n  /kick <user> [reason] - Send a user to general, or from there away\n  \
             For: operators and owners of the lobby\n  Example: /kick eve No spam, please\n> ",
        );
    }
    alice.ask("/help nonsense", "Unknown command. Type /help for available commands.\n> ");
    alice.ask("/help kikc", "available commands. Did you mean /help kick?\n> ");
    alice.ask("/help setings", "available commands. Did you mean /help settings?\n> ");
    alice.ask("/help help", "  Example: /help create\n> ");
}
