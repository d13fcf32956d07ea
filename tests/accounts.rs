//! Accounts: making one, keeping it over a restart, its password, its settings, giving it up; and
//! names that look like another.

use crate::harness::{Server, count};
use crate::login::{IAC_WILL_ECHO, IAC_WONT_ECHO, sent};
use crate::people::{PASSWORD, challenged, logged_in_to, quit, registered, stop};

#[test]
fn a_name_is_registered_with_one_word_of_the_right_length() {
    let server = Server::start(&[]);
    let mut alice = server.login("alice");
    alice.ask("/register two words-of-it", "Usage: /register [password] - ");
    alice.ask("/register seven77", "Password too short (min 8 chars)\n> ");
    let long = "x".repeat(129);
    alice.ask(&format!("/register {long}"), "Password too long (max 128 chars)\n> ");
    alice.ask("/whois alice", "Status: guest");
    // Characters are counted, not bytes.
    alice.ask("/register äöüäöü7", "Password too short (min 8 chars)\n> ");
    alice.ask(
        "/register \"two words of it\"",
        "'alice' is yours now. It asks for your password from the next login on.\n> ",
    );
    alice.ask("/whois alice", "Status: account");
    alice.ask("/register another-one", "Only guests can do that, and you have an account.\n> ");
    quit(alice);
    let mut alice = challenged(&server, "alice");
    alice.ask("two words of it", "[LOBBY] alice has joined the lobby\n> ");
    assert!(!server.log().contains("two words"), "{}", server.log());
}

#[test]
fn the_shortest_and_the_longest_password_work() {
    let server = Server::start(&[]);
    for (name, password) in [("bob", "12345678".to_owned()), ("carol", "ä".repeat(128))] {
        let mut client = server.login(name);
        client.ask(&format!("/register {password}"), "is yours now.");
        quit(client);
        let mut client = challenged(&server, name);
        client.ask(&password, &format!("[LOBBY] {name} has joined the lobby\n> "));
    }
}

#[test]
fn what_needs_an_account_says_so_to_guests() {
    let server = Server::start(&[]);
    let mut alice = server.login("alice");
    for line in ["/passwd old-password new-password", "/unregister password", "/cert list"] {
        alice.ask(line, "You have no account. Make one with /register <password>.\n> ");
    }
}

#[test]
fn the_name_of_an_account_is_nobody_elses_in_any_spelling() {
    let server = Server::start(&[]);
    let mut bob = server.login("bob");
    let mut alice = registered(&server, "Alice");
    alice.ask("/nick carol", "Only guests can do that, and you have an account.\n> ");
    quit(alice);
    bob.ask("/nick alice", "Username already taken, try another.\n> ");
    let mut other = challenged(&server, "aLICE");
    other.send(PASSWORD);
    // The account keeps the spelling that it was made with.
    other.expect("[LOBBY] Alice has joined the lobby\n> ");
    bob.expect("[LOBBY] Alice has joined the lobby\n> ");
}

#[test]
fn a_restart_keeps_accounts() {
    let server = Server::start(&[]);
    registered(&server, "alice");
    let server = Server::start_in(stop(server), &[]);
    let (mut alice, _) = logged_in_to(&server, "alice");
    alice.ask("/whois alice", "Status: account");
    // A kill keeps them too: whoever was told so has an account.
    registered(&server, "bob");
    server.signal("KILL");
    let server = Server::start_in(server.into_folder(), &[]);
    logged_in_to(&server, "bob");
}

#[test]
fn without_a_data_folder_accounts_live_until_the_exit() {
    let server = Server::start(&[("CHAT_DATA_DIR", "off")]);
    quit(registered(&server, "alice"));
    logged_in_to(&server, "alice");
    let server = Server::start_in(stop(server), &[("CHAT_DATA_DIR", "off")]);
    let mut alice = server.login("alice");
    alice.ask("/whois alice", "Status: guest");
}

#[test]
fn a_password_is_changed_by_whoever_knows_the_old_one() {
    let server = Server::start(&[]);
    let mut alice = registered(&server, "alice");
    alice.ask(&format!("/passwd {PASSWORD}"), "Usage: /passwd <old> <new> - ");
    alice.ask(&format!("/passwd {PASSWORD} short77"), "Password too short (min 8 chars)\n> ");
    alice.ask("/passwd wrong-horse battery-staple", "Wrong password.\n> ");
    alice.ask(&format!("/passwd {PASSWORD} \"battery staple\""), "Password changed.\n> ");
    quit(alice);
    let mut alice = challenged(&server, "alice");
    alice.ask(PASSWORD, "Wrong password.\nPassword: ");
    alice.ask("battery staple", "[LOBBY] alice has joined the lobby\n> ");
    for secret in [PASSWORD, "wrong-horse", "staple"] {
        assert!(!server.log().contains(secret), "{}", server.log());
    }
    let server = Server::start_in(stop(server), &[]);
    challenged(&server, "alice").ask("battery staple", "alice has joined the lobby");
}

#[test]
fn an_account_that_is_given_up_leaves_a_free_name_and_no_rights() {
    let server = Server::start(&[]);
    let mut alice = registered(&server, "alice");
    alice.ask("/create club no-pass x", "Created");
    alice.ask("/unregister", "Usage: /unregister <password> - ");
    alice.ask("/unregister wrong-horse", "Wrong password.\n> ");
    alice.ask("/whois alice", "Status: account");
    alice.ask(
        &format!("/unregister {PASSWORD}"),
        "The account 'alice' is gone, and you are a guest.\n> ",
    );
    alice.ask("/whois alice", "Status: guest");
    alice.ask("/cert list", "You have no account.");
    let mut bob = server.login("bob");
    bob.ask("/msg alice hello", "[DM] You —» alice");
    quit(alice);
    // The name is free again, an account of the same name is another one, and owns nothing.
    let mut alice = registered(&server, "alice");
    alice.ask("/join club", "alice has joined");
    alice.ask("/setai mine", "Only the lobby creator can set the AI prompt\n> ");
    alice.ask("/topic mine", "Only an owner or operator of 'club' can do that.\n> ");
    let server = Server::start_in(stop(server), &[]);
    let (mut alice, _) = logged_in_to(&server, "alice");
    alice.ask("/users", "=== Users in 'club'");
    alice.ask("/topic mine", "Only an owner or operator of 'club' can do that.\n> ");
}

#[test]
fn a_lobby_made_as_a_guest_is_the_accounts_after_registering() {
    let server = Server::start(&[]);
    let mut alice = server.login("alice");
    alice.ask("/create club no-pass x", "Created");
    alice.ask(&format!("/register {PASSWORD}"), "is yours now.");
    alice.ask("/join club", "joined the lobby");
    alice.ask("/topic first", "alice set the topic: first\n> ");
    let env = [("CHAT_LOBBY_IDLE_SECS", "1")];
    let mut server = Server::start_in(stop(server), &env);
    // What guests have made goes when it is empty for a second; this stays.
    let mut bob = server.login("bob");
    bob.ask("/create passing no-pass x", "Created");
    server.wait_for_log("lobby 'passing' was empty for too long");
    let (mut alice, _) = logged_in_to(&server, "alice");
    alice.expect("Topic: first\n");
    alice.ask("/topic second", "alice set the topic: second\n> ");
    alice.ask("/setai Be kind", "[LOBBY] alice updated the AI prompt");
}

#[test]
fn settings_are_there_at_the_next_login() {
    let server = Server::start(&[]);
    let mut alice = registered(&server, "alice");
    let mut eve = server.login("eve");
    alice.ask("/sp cat", "Profile picture changed to: (=^・^=)\n> ");
    alice.ask("/time on", "Times are shown by the clock.\n> ");
    alice.ask("/color off", "Colours are off.\n> ");
    alice.ask("/ignore eve", "You ignore 'eve' from now on.\n> ");
    alice.ask("a line of mine", "a line of mine\n> ");
    eve.ask("a line of eve", "a line of eve\n> ");
    drop(alice);
    drop(eve);
    let server = Server::start_in(stop(server), &[]);
    let mut alice = challenged(&server, "alice");
    let before = alice.raw().len();
    let shown = alice.ask(PASSWORD, "[LOBBY] alice has joined the lobby");
    assert!(!alice.raw()[before..].contains(&0x1b), "no colours from the first byte on");
    let at = shown.split_once("(=^・^=) alice [").unwrap().1.split_once(']').unwrap().0;
    let (hour, minute) = at.split_once(':').unwrap();
    assert!(hour.len() == 2 && hour.parse::<u8>().unwrap() < 24, "{at}");
    assert!(minute.len() == 2 && minute.parse::<u8>().unwrap() < 60, "{at}");
    assert!(!shown.contains("a line of eve"), "{shown}");
    let mut eve = server.login("eve");
    eve.ask("another of eve", "another of eve\n> ");
    assert!(!alice.sync("alice").contains("another of eve"));
    alice.ask("/ignore", "=== Ignored users (1) ===\n  eve\n> ");
    alice.ask("meow", "(=^・^=) alice [");
    alice.ask("/unignore eve", "You hear 'eve' again.\n> ");
    alice.ask("/color on", "Colours are on.\n> ");
    quit(alice);
    let (alice, shown) = logged_in_to(&server, "alice");
    assert!(shown.contains("another of eve"), "{shown}");
    assert!(String::from_utf8_lossy(alice.raw()).contains("\x1b[32m[LOBBY]"), "{shown}");
}

#[test]
fn what_a_guest_has_set_is_the_accounts_after_registering() {
    let server = Server::start(&[]);
    let _eve = server.login("eve");
    let mut alice = server.login("alice");
    alice.ask("/sp cat", "Profile picture changed to:");
    alice.ask("/ignore eve", "You ignore 'eve' from now on.");
    alice.ask(&format!("/register {PASSWORD}"), "is yours now.");
    quit(alice);
    let (mut alice, _) = logged_in_to(&server, "alice");
    alice.ask("meow", "(=^・^=) alice [");
    alice.ask("/ignore", "=== Ignored users (1) ===\n  eve\n> ");
}

#[test]
fn names_that_look_like_another_are_refused() {
    let server = Server::start(&[]);
    let mut here = server.login("Willow_1");
    let mut client = server.connect();
    client.expect("Enter your username: ");
    let mut refused = |typed: &str, like: &str| {
        client.send(typed);
        let why = format!("Username too close to '{like}', try another.\nEnter your username: ");
        client.expect(&why);
    };
    quit(registered(&server, "Morn0l"));
    // Registered: 0 and o, l and 1 and i, m and rn, in whatever case.
    for typed in ["mornol", "MORNOI", "rnorn01", "mom0l"] {
        refused(typed, "Morn0l");
    }
    // Present: w and vv, i and l and 1, - and _.
    for typed in ["vvillow_1", "Wi11ow-l", "WILLOW-I"] {
        refused(typed, "Willow_1");
    }
    for (typed, like) in
        [("adm1n", "admin"), ("adrnin", "admin"), ("y0u", "you"), ("Iobby", "lobby"), ("al", "ai")]
    {
        refused(typed, like);
    }
    for name in ["admin", "server", "WILLOW_1"] {
        client.ask(name, "Username already taken, try another.\nEnter your username: ");
    }
    // One letter more or less is another name.
    client.ask("willow_", "[LOBBY] willow_ has joined the lobby");
    client.ask("/nick morno1", "Username too close to 'Morn0l', try another.\n> ");
    client.ask("/nick vvillow-1", "Username too close to 'Willow_1', try another.\n> ");
    // To oneself one may look alike, and a name that is no more is in nobody's way.
    here.ask("/nick vvillow-1", "[LOBBY] Willow_1 is now known as vvillow-1\n> ");
    quit(here);
    client.expect("[LOBBY] vvillow-1 has left the lobby\n> ");
    client.ask("/nick Willow_1", "[LOBBY] willow_ is now known as Willow_1\n> ");
}

#[test]
fn many_who_register_one_name_after_the_other_are_one_account() {
    let server = Server::start(&[]);
    let mut alice = server.login("alice");
    // Sent together: the second finds the first done.
    alice.send(&format!("/register {PASSWORD}\n/register another-one"));
    alice.expect("'alice' is yours now.");
    alice.expect("Only guests can do that, and you have an account.\n> ");
    assert_eq!(count(&alice.text(), "is yours now"), 1);
    quit(alice);
    logged_in_to(&server, "alice");
}

#[test]
fn a_password_that_was_typed_ahead_after_many_lines_is_not_said() {
    let server = Server::start(&[("CHAT_RATE_MESSAGES", "2")]);
    let (mut alice, mut bob) = (server.login("alice"), server.login("bob"));
    let burst = format!("one\ntwo\nthree\n/register\n{PASSWORD}\n{PASSWORD}\n");
    alice.send_raw(burst.as_bytes());
    alice.expect("'alice' is yours now.");
    bob.expect("╰─> two\n");
    bob.sync("bob");
    assert!(!bob.text().contains(PASSWORD), "{}", bob.text());
}

#[test]
fn a_password_that_a_command_was_not_given_is_asked_for_and_hidden() {
    let server = Server::start(&[]);
    let (mut alice, mut bob) = (server.login("alice"), server.login("bob"));
    alice.ask("/register", "New password: ");
    assert_eq!(sent(&alice, &IAC_WILL_ECHO), 1);
    alice.ask("short", "Password too short (min 8 chars)\nNew password: ");
    alice.ask(&"x".repeat(9_000), "Password too long (max 128 chars)\nNew password: ");
    alice.ask(PASSWORD, "Again: ");
    // Whatever is said meanwhile is shown, and what is typed is no message.
    bob.ask("hello", "╰─> hello\n");
    alice.expect("╰─> hello\n> Again: ");
    alice.ask(
        "/quit-is-no-command",
        "That was another password. An empty line gives up.\nNew password: ",
    );
    alice.ask(PASSWORD, "Again: ");
    assert_eq!(sent(&alice, &IAC_WONT_ECHO), 0);
    alice.ask(
        PASSWORD,
        "'alice' is yours now. It asks for your password from the next login on.\n> ",
    );
    assert_eq!(sent(&alice, &IAC_WONT_ECHO), 1);
    alice.ask("/register", "Only guests can do that, and you have an account.\n> ");
    for (old, want) in
        [("not-this-one", "Wrong password.\n> "), (PASSWORD, "Password changed.\n> ")]
    {
        alice.ask("/passwd", "Old password: ");
        alice.ask(old, "New password: ");
        alice.ask("another-one", "Again: ");
        alice.ask("another-one", want);
    }
    assert_eq!((sent(&alice, &IAC_WILL_ECHO), sent(&alice, &IAC_WONT_ECHO)), (3, 3));
    let saw = bob.sync("bob");
    assert!(
        !saw.contains(PASSWORD) && !saw.contains("another-one") && !saw.contains("/quit"),
        "{saw}"
    );
    let log = server.log();
    assert!(!log.contains(PASSWORD) && !log.contains("another-one"), "{log}");
    quit(alice);
    challenged(&server, "alice").ask("another-one", "alice has joined the lobby\n");
}

#[test]
fn whoever_answers_with_an_empty_line_is_not_asked_on() {
    let server = Server::start(&[]);
    let mut alice = server.login("alice");
    for answers in [&[""][..], &[PASSWORD, ""]] {
        alice.ask("/register", "New password: ");
        for answer in answers {
            alice.send(answer);
        }
        alice.expect("No password given: nothing was changed.\n> ");
    }
    assert_eq!((sent(&alice, &IAC_WILL_ECHO), sent(&alice, &IAC_WONT_ECHO)), (2, 2));
    alice.ask("/whois alice", "Status: guest");
    alice.ask("/passwd", "You have no account. Make one with /register <password>.\n> ");
    let shown = server.script(format!("carol\n/register\n{PASSWORD}\n{PASSWORD}\nhi\n").as_bytes());
    assert!(shown.contains("'carol' is yours now.") && shown.contains("╰─> hi\n"), "{shown}");
}
