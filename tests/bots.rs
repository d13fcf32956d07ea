//! Bots: programs that chat by a token, and what holds for them.

use crate::gemini::{Gemini, start, whole};
use crate::harness::{Client, Server, count};
use crate::people::{PASSWORD, log_in_to, quit, registered, restart, stop, with_root};

/// Adds a bot of a user's, and gives its token.
#[track_caller]
pub(crate) fn add_bot(client: &mut Client, name: &str) -> String {
    client.ask(&format!("/bot add {name}"), &format!("\n  bot {name} "));
    client.expect("\n")
}

/// A bot that has logged in, in whatever form; it has answered for itself.
#[track_caller]
pub(crate) fn bot(server: &Server, name: &str, token: &str) -> Client {
    let mut bot = server.connect();
    bot.expect("Enter your username: ");
    bot.send(&format!("bot {name} {token}"));
    is_in(&mut bot, name);
    bot
}

/// Asks again and again until this is answered.
#[track_caller]
pub(crate) fn until(client: &mut Client, line: &str, want: &str) {
    let start = std::time::Instant::now();
    loop {
        // The list is whole when what comes after it is there.
        client.send(line);
        let shown = client.ask("/time", "Usage: /time ");
        if shown.contains(want) {
            return;
        }
        assert!(start.elapsed() < crate::harness::PATIENCE, "{want} does not come");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}

/// Waits until a bot is in.
#[track_caller]
fn is_in(bot: &mut Client, name: &str) {
    bot.ask(&format!("/whois {name}"), &format!("=== {name} ===\n  Status: bot of "));
    bot.expect("  Idle: ");
    bot.expect("\n");
}

#[test]
fn an_account_adds_three_bots_lists_and_deletes_them() {
    let server = Server::start(&[]);
    let mut guest = server.login("gast");
    guest.ask("/bot add ci", "You have no account. Make one with /register <password>.\n");
    let mut alice = registered(&server, "alice");
    alice.ask("/bot", "Usage: /bot add | list | del <name> - ");
    alice.ask("/bot list", "=== Your bots (0 of 3) ===\n");
    let token = add_bot(&mut alice, "ci");
    assert_eq!(token.len(), 43, "32 bytes in base64url: {token}");
    assert!(token.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b)), "{token}");
    for (name, why) in [
        ("x", "Username too short (min 2 characters)"),
        ("alice", "Username already taken, try another."),
        ("gast", "Username already taken, try another."),
        ("CI", "Username already taken, try another."),
        ("rox", "Username already taken, try another."),
        ("a1ice", "Username too close to 'alice', try another."),
        ("c1", "Username too close to 'ci', try another."),
    ] {
        alice.ask(&format!("/bot add {name}"), &format!("{why}\n"));
    }
    add_bot(&mut alice, "dice");
    add_bot(&mut alice, "weather");
    alice.ask("/bot add fourth", "You have 3 bots already. Take one away with /bot del.\n");
    alice.ask("/bot list", "=== Your bots (3 of 3) ===\n  ci\n  dice\n  weather\n");
    alice.ask("/bot del nobody", "You have no bot of that name. See /bot list.\n");
    let mut bob = registered(&server, "bob");
    bob.ask("/bot del dice", "You have no bot of that name. See /bot list.\n");
    alice.ask("/bot del DICE", "The bot 'dice' is gone, and its token is worth nothing.\n");
    alice.ask("/bot list", "=== Your bots (2 of 3) ===\n  ci\n  weather\n");
    // Its name is the bot's, connected or not, and nobody else's in any way.
    guest.ask("/nick ci", "Username already taken, try another.\n");
    guest.ask("/nick c1", "Username too close to 'ci', try another.\n");
    let mut other = server.connect();
    other.expect("Enter your username: ");
    other.ask("ci", "Username already taken, try another.\nEnter your username: ");
    other.ask("dice", "[LOBBY] dice has joined the lobby\n");
    alice.ask("/bot add dice", "Username already taken, try another.\n");
    alice.ask("/whois ci", "=== ci ===\n  Status: bot of alice\n  Not connected\n");
}

#[test]
fn a_bot_logs_in_by_one_line_and_is_shown_no_more_than_what_is_said() {
    let server = Server::start(&[("CHAT_WIDTH", "100")]);
    let mut alice = registered(&server, "alice");
    alice.send("said before");
    alice.expect("said before");
    let token = add_bot(&mut alice, "ci");
    let mut bot = server.connect();
    bot.expect("Enter your username: ");
    let welcome = bot.raw().len();
    bot.send(&format!("bot ci {token}"));
    bot.ask("hello from a bot", "[@_@] ci [bot] [just now]\n  ╰─> hello from a bot\n");
    let shown = String::from_utf8(bot.raw()[welcome..].to_vec()).unwrap();
    assert_eq!(
        shown.replace('\r', ""),
        "[@_@] ci [bot] [just now]\n  ╰─> hello from a bot\n",
        "no notice, no replay, no prompt, no colour"
    );
    alice.expect("[@_@] ci [bot] [just now]\n  ╰─> hello from a bot\n");
    let long = format!("{}end", "word ".repeat(60));
    alice.send(&long);
    bot.expect(&format!("  ╰─> {long}\n"));
    alice.ask("/users", "  [@_@] ci (bot)\n");
    // Nobody is told of it: it comes and goes as programs do.
    bot.ask("/create robots no-pass For programs", "Created public lobby 'robots'.");
    bot.ask("/join robots", "Joined lobby 'robots'\n");
    bot.ask("in there", "╰─> in there\n");
    assert!(!bot.rest().contains("LOBBY"), "{}", bot.text());
    bot.send("/quit");
    bot.read_to_end();
    let seen = alice.sync("alice");
    assert!(!seen.contains("LOBBY"), "{seen}");
    alice.ask("/history", "ci [bot] [");
}

#[test]
fn a_bot_may_read_json() {
    let server = Server::start(&[]);
    let mut alice = registered(&server, "alice");
    let token = add_bot(&mut alice, "ci");
    let mut bot = server.connect();
    // Whether it waits for the prompt or not, what is for programs begins on a line of its own.
    bot.expect("Enter your username: ");
    bot.send(&format!("bot ci {token} json"));
    assert_eq!(bot.expect("{\"event\":\"ready\","), "\n");
    let ready = format!("{{{}", bot.expect("\n"));
    let ready: serde_json::Value = serde_json::from_str(&ready).unwrap();
    assert_eq!((&ready["user"], &ready["lobby"]), (&"ci".into(), &"general".into()));
    alice.send("hello, bot");
    let said = line_with(&mut bot, "message");
    assert_eq!((&said["from"], &said["text"]), (&"alice".into(), &"hello, bot".into()));
    assert!(said.get("bot").is_none() && said["id"].is_u64(), "{said}");
    bot.send(r#"{"say":"/quit is no command\nand this a row"}"#);
    let own = line_with(&mut bot, "message");
    assert_eq!((&own["from"], &own["bot"]), (&"ci".into(), &true.into()));
    assert_eq!(own["text"], "/quit is no command\nand this a row");
    alice.expect("[@_@] ci [bot] [just now]\n  ╰─> /quit is no command\n      and this a row\n");
    bot.send("/msg alice psst");
    assert_eq!(line_with(&mut bot, "direct")["to"], "alice");
    alice.expect("[DM] ci [bot] —» You\n  ╰─> psst\n");
    alice.send("/r pst");
    let answer = line_with(&mut bot, "direct");
    assert_eq!((&answer["from"], &answer["text"]), (&"alice".into(), &"pst".into()));
    bot.send("/nonsense");
    assert!(line_with(&mut bot, "error")["text"].as_str().unwrap().starts_with("Unknown command."));
}

#[test]
fn a_bot_on_a_websocket_has_its_objects_in_frames_whether_it_asks_for_json_or_not() {
    let server = Server::start(&[crate::socket::WEB]);
    let mut alice = registered(&server, "alice");
    let token = add_bot(&mut alice, "ci");
    for login in [format!("bot ci {token}"), format!("bot ci {token} json")] {
        let mut bot = crate::socket::Socket::open(&server);
        bot.send(&login);
        assert_eq!(bot.expect("ready")["user"], "ci");
        alice.send("hello, bot");
        assert_eq!(bot.expect("message")["text"], "hello, bot");
        bot.say("hello, all");
        let own = bot.expect("message");
        assert_eq!((&own["from"], &own["bot"]), (&"ci".into(), &true.into()));
        alice.expect("╰─> hello, all\n");
    }
}

/// The next object of a kind; all lines from the first that begins with `{` on are objects.
#[track_caller]
pub(crate) fn line_with(bot: &mut Client, event: &str) -> serde_json::Value {
    bot.expect(&format!("{{\"event\":\"{event}\""));
    let rest = bot.expect("\n");
    serde_json::from_str(&format!("{{\"event\":\"{event}\"{rest}")).unwrap()
}

#[test]
fn a_wrong_token_counts_as_a_wrong_password() {
    let mut server = Server::start(&[]);
    let mut alice = registered(&server, "alice");
    let token = add_bot(&mut alice, "ci");
    let wrong = "A".repeat(43);
    let mut client = server.connect();
    client.expect("Enter your username: ");
    for line in [format!("bot ci {wrong}"), format!("bot nobody {token}")] {
        client.ask(&line, "Incorrect token.\nEnter your username: ");
    }
    // A person is no bot.
    client.ask(&format!("bot alice {token}"), "Too many wrong passwords. Goodbye!");
    client.read_to_end();
    let mut client = server.connect();
    client.expect("Enter your username: ");
    client.ask("bot ci short", "Incorrect token.\nEnter your username: ");
    client.ask(&format!("bot ci {wrong} json"), "Incorrect token.\nEnter your username: ");
    client.ask(&format!("bot ci {token}"), "Too many attempts. Wait ");
    client.expect("Enter your username: ");
    let wrong_ones = |log: &str| count(log, "wrong token of a bot from 127.0.0.1");
    server.wait_for(|server| wrong_ones(&server.log()) == 5, "five wrong ones");
    let log = server.log();
    assert!(!log.contains(&token) && !log.contains(&wrong), "{log}");
}

#[test]
fn a_second_connection_takes_over_and_a_deleted_bot_is_cut_off() {
    let server = Server::start(&[]);
    let mut alice = registered(&server, "alice");
    let token = add_bot(&mut alice, "ci");
    let mut first = bot(&server, "ci", &token);
    let mut second = bot(&server, "ci", &token);
    first.expect("Logged in from elsewhere.");
    first.read_to_end();
    second.ask("still here", "╰─> still here\n");
    alice.ask("/bot list", "  ci (connected)\n");
    alice.ask("/bot del ci", "The bot 'ci' is gone");
    second.expect("This bot was deleted. Goodbye!");
    second.read_to_end();
    let mut again = server.connect();
    again.expect("Enter your username: ");
    again.ask(&format!("bot ci {token}"), "Incorrect token.\n");
    let seen = alice.sync("alice");
    assert!(!seen.contains("LOBBY"), "{seen}");
    // With an account its bots go.
    let token = add_bot(&mut alice, "dice");
    let mut dice = bot(&server, "dice", &token);
    alice.ask(&format!("/unregister {PASSWORD}"), "The account 'alice' is gone");
    dice.expect("This bot was deleted. Goodbye!");
    dice.read_to_end();
    // Its name is free once it has gone, which another node may learn a moment later.
    let answers = ["[LOBBY] dice has joined the lobby\n", "Username already taken, try another.\n"];
    let is_free = |client: &mut Client| {
        client.send("dice");
        client.expect_one_of(&answers) == answers[0]
    };
    assert!((0..20).any(|_| is_free(&mut again)), "taken for good");
}

#[test]
fn a_restart_and_a_kill_keep_bots_and_what_they_said() {
    let server = Server::start(&[]);
    let mut alice = registered(&server, "alice");
    let token = add_bot(&mut alice, "ci");
    let mut ci = bot(&server, "ci", &token);
    ci.ask("before", "╰─> before\n");
    alice.expect("╰─> before\n");
    let server = restart(server, &[]);
    let (_, shown) = log_in_to(&server, "alice");
    assert!(shown.contains("ci [bot] [") && shown.contains("╰─> before\n"), "{shown}");
    bot(&server, "ci", &token);
    let (mut alice, _) = log_in_to(&server, "alice");
    let token = add_bot(&mut alice, "dice");
    server.signal("KILL");
    let server = Server::start_in(server.into_folder(), &[]);
    let _dice = bot(&server, "dice", &token);
    let (mut alice, _) = log_in_to(&server, "alice");
    alice.ask("/bot list", "=== Your bots (2 of 3) ===\n  ci\n  dice (connected)\n");
    stop(server);
}

#[test]
fn a_bot_has_twenty_lines_in_ten_seconds_whatever_people_have() {
    for rate in ["0", "4"] {
        let server = Server::start(&[("CHAT_RATE_MESSAGES", rate)]);
        let mut alice = registered(&server, "alice");
        let token = add_bot(&mut alice, "ci");
        let mut ci = server.connect();
        ci.expect("Enter your username: ");
        ci.send(&format!("bot ci {token}"));
        let lines: String = (1..=21).map(|n| format!("/me line {n}\n")).collect();
        // Somebody in between, or they were muted first.
        let (some, rest) = lines.split_at(lines.find("/me line 11").unwrap());
        ci.send_raw(some.as_bytes());
        ci.expect("line 10\n");
        alice.send("a person");
        ci.expect("a person\n");
        ci.send_raw(rest.as_bytes());
        ci.expect("line 20\n");
        ci.expect("⚠ Rate limited! Wait ");
        assert!(!ci.text().contains("line 21"), "{}", ci.text());
    }
}

#[test]
fn rox_hears_nothing_of_bots() {
    let gemini = Gemini::start();
    let server = start(&gemini, &[]);
    let mut alice = registered(&server, "alice");
    let token = add_bot(&mut alice, "ci");
    let mut ci = bot(&server, "ci", &token);
    for line in
        ["/ai what is up?", "/setai a prompt", "/setai", "/bot list", "/cert list", "/passwd"]
    {
        ci.ask(line, "Bots cannot do that.\n");
    }
    alice.ask("of a person", "╰─> of a person\n");
    ci.ask("of a bot", "╰─> of a bot\n");
    alice.expect("╰─> of a bot\n");
    gemini.then(whole("fine"));
    alice.ask("/ai how are you?", "[AI Response to alice]");
    let asked = gemini.requests().pop().unwrap().newest();
    assert!(asked.contains("of a person") && !asked.contains("of a bot"), "{asked}");
}

#[test]
fn two_bots_that_answer_each_other_are_muted_and_the_lobby_is_told_once() {
    let server = Server::start(&[]);
    let mut alice = registered(&server, "alice");
    let tokens = ["ping", "pong"].map(|name| (name, add_bot(&mut alice, name)));
    let [mut ping, mut pong] = tokens.map(|(name, token)| bot(&server, name, &token));
    for round in 1..=10 {
        ping.send(&format!("ping {round}"));
        pong.expect(&format!("╰─> ping {round}\n"));
        pong.send(&format!("pong {round}"));
        ping.expect(&format!("╰─> pong {round}\n"));
    }
    let notice = "[LOBBY] Its bots are muted for 1m: 20 messages of theirs within 1m without one of a person.\n";
    alice.expect(notice);
    ping.ask("ping 11", "Bots are muted in 'general' for ");
    ping.expect(" more: too many of their messages without one of a person.\n");
    pong.ask("pong 11", "Bots are muted in 'general' for ");
    alice.ask("people go on", "╰─> people go on\n");
    let seen = alice.sync("alice");
    assert!(!seen.contains("muted") && !seen.contains("11"), "{seen}");
}

#[test]
fn mutes_bans_kicks_and_slow_mode_hold_for_bots() {
    let server = with_root();
    let (mut root, _) = log_in_to(&server, "root");
    let mut alice = registered(&server, "alice");
    let token = add_bot(&mut alice, "ci");
    let mut ci = bot(&server, "ci", &token);
    root.ask("/mute ci 1h", "[LOBBY] root muted ci for 1h\n");
    ci.ask("x", "You are muted in 'general' for ");
    root.ask("/unmute ci", "[LOBBY] root unmuted ci\n");
    root.ask("/slow 60", "[LOBBY] root turned slow mode on");
    ci.ask("first", "╰─> first\n");
    ci.ask("second", "⚠ Slow mode! Wait ");
    root.ask("/slow 0", "turned slow mode off");
    root.ask("/kick ci", "[LOBBY] root kicked ci\n");
    ci.expect("You were kicked. Goodbye!");
    // What is held against an account is held against its bots.
    let mut ci = bot(&server, "ci", &token);
    root.ask("/mute alice", "[LOBBY] root muted alice for good\n");
    ci.ask("for alice", "You are muted in 'general'.\n");
    root.ask("/unmute alice", "[LOBBY] root unmuted alice\n");
    root.ask("/gban alice", "You banned alice from the server for good\n");
    ci.expect("You are banned from this server. Goodbye!");
    ci.read_to_end();
    let mut again = server.connect();
    again.expect("Enter your username: ");
    again.ask(&format!("bot ci {token}"), "You are banned from this server. Goodbye!");
    root.ask("/gunban alice", "You let alice onto the server again\n");
    root.ask("/gban ci", "You banned ci from the server for good\n");
    let mut again = server.connect();
    again.expect("Enter your username: ");
    again.ask(&format!("bot ci {token}"), "You are banned from this server. Goodbye!");
    log_in_to(&server, "alice");
}

#[test]
fn a_bot_that_is_away_gets_no_mail() {
    let server = Server::start(&[]);
    let mut alice = registered(&server, "alice");
    add_bot(&mut alice, "ci");
    alice.ask("/msg ci hello", "User not found.");
    alice.ask("/tag ci hello", "User not found.");
}

#[test]
fn tokens_are_in_no_log_at_any_level() {
    let mut server = Server::start(&[("RUST_LOG", "trace")]);
    let mut alice = registered(&server, "alice");
    let token = add_bot(&mut alice, "ci");
    let mut ci = bot(&server, "ci", &token);
    ci.ask("hello", "╰─> hello\n");
    quit(alice);
    server.wait_for_log("the bot ci was added");
    assert!(!server.log().contains(&token), "a token is in the log");
}
