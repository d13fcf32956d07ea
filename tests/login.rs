//! Logging in to an account: its password, the limit for wrong ones, what is hidden, and a second login.

use crate::harness::{Client, Server, count};
use crate::people::{PASSWORD, challenged, logged_in_to, quit, registered};

pub(crate) const IAC_WILL_ECHO: [u8; 3] = [255, 251, 1];
pub(crate) const IAC_WONT_ECHO: [u8; 3] = [255, 252, 1];
const IAC_DO_ECHO: [u8; 3] = [255, 253, 1];
const IAC_DONT_ECHO: [u8; 3] = [255, 254, 1];

/// How often bytes were sent to a client.
pub(crate) fn sent(client: &Client, bytes: &[u8]) -> usize {
    client.raw().windows(bytes.len()).filter(|window| *window == bytes).count()
}

#[test]
fn the_right_password_lets_in_after_wrong_ones() {
    let server = Server::start(&[]);
    quit(registered(&server, "alice"));
    let mut bob = server.login("bob");
    let mut alice = challenged(&server, "alice");
    alice.ask("wrong-horse", "Wrong password.\nPassword: ");
    alice.ask(&PASSWORD.to_uppercase(), "Wrong password.\nPassword: ");
    let saw = bob.sync("bob");
    assert!(!saw.contains("Password") && !saw.contains("alice"), "{saw}");
    bob.ask("/whois alice", "Not connected");
    alice.ask(PASSWORD, "[LOBBY] alice has joined the lobby\n> ");
    bob.expect("[LOBBY] alice has joined the lobby\n> ");
    let log = server.log();
    for secret in ["wrong-horse", PASSWORD, &PASSWORD.to_uppercase()] {
        assert!(!log.contains(secret), "{log}");
        assert!(!alice.text().contains(secret) && !bob.text().contains(secret));
    }
}

#[test]
fn after_three_wrong_passwords_the_connection_is_closed() {
    let server = Server::start(&[]);
    quit(registered(&server, "alice"));
    let mut thief = challenged(&server, "alice");
    thief.ask("wrong-one", "Wrong password.\nPassword: ");
    thief.ask("wrong-two", "Wrong password.\nPassword: ");
    thief.ask("wrong-three", "Too many wrong passwords. Goodbye!\n");
    thief.read_to_end();
    assert_eq!(thief.rest(), "");
    logged_in_to(&server, "alice");
}

#[test]
fn a_script_logs_in_and_is_carried_out_in_order() {
    let server = Server::start(&[]);
    quit(registered(&server, "alice"));
    let shown = server.script(format!("alice\n{PASSWORD}\nfirst\nsecond").as_bytes());
    let at = |text: &str| shown.find(text).unwrap_or_else(|| panic!("{text}: {shown}"));
    assert!(at("alice has joined") < at("╰─> first\n") && at("first\n") < at("╰─> second\n"));
    let shown = server.script(b"alice\nwrong-one\nwrong-two\nwrong-three\nhello\n");
    assert!(shown.ends_with("Too many wrong passwords. Goodbye!\n"), "{shown}");
}

#[test]
fn whoever_gives_no_password_in_time_is_closed() {
    let server = Server::start(&[("CHAT_LOGIN_TIMEOUT_SECS", "2")]);
    quit(registered(&server, "alice"));
    let mut silent = challenged(&server, "alice");
    silent.read_to_end();
    logged_in_to(&server, "alice");
}

#[test]
fn wrong_passwords_are_limited_over_all_connections_and_all_ways() {
    let mut server = Server::start(&[]);
    quit(registered(&server, "alice"));
    let mut bob = registered(&server, "bob");
    bob.ask("/create vault hunter2 x", "Created private lobby");
    bob.ask("/passwd wrong-horse new-password", "Wrong password.\n> ");
    bob.ask("/unregister wrong-horse", "Wrong password.\n> ");
    bob.ask("/join vault wrong", "Incorrect password for private lobby\n> ");
    challenged(&server, "alice").ask("wrong-horse", "Wrong password.\nPassword: ");
    challenged(&server, "alice").ask("wrong-horse", "Wrong password.\nPassword: ");
    // From now on no password is looked at, right as it may be.
    let mut alice = challenged(&server, "alice");
    for again in ["\nPassword: ", "\nPassword: "] {
        alice.ask(PASSWORD, "Too many attempts. Wait ");
        let secs: u64 = alice.expect(&format!(" seconds.{again}")).parse().unwrap();
        assert!((1..=60).contains(&secs), "{secs}");
    }
    alice.ask(PASSWORD, "Too many attempts. Wait ");
    alice.expect(" seconds.\n");
    alice.read_to_end();
    assert_eq!(alice.rest(), "");
    for line in [
        format!("/passwd {PASSWORD} new-password"),
        format!("/unregister {PASSWORD}"),
        "/join vault hunter2".to_owned(),
    ] {
        bob.ask(&line, "Too many attempts. Wait ");
        bob.expect(" seconds.\n> ");
    }
    bob.ask("/whois bob", "Status: account");
    bob.ask("/users", "=== Users in 'general' (1) ===");
    server.wait_for_log("too many wrong passwords");
    assert!(!server.log().contains("-horse"), "{}", server.log());
}

#[test]
fn right_passwords_are_never_too_many() {
    let server = Server::start(&[]);
    let mut alice = registered(&server, "alice");
    for _ in 0..7 {
        alice.ask(&format!("/passwd {PASSWORD} {PASSWORD}"), "Password changed.\n> ");
    }
}

#[test]
fn what_is_typed_for_a_password_is_hidden_where_the_client_can() {
    let server = Server::start(&[]);
    quit(registered(&server, "alice"));
    let mut alice = challenged(&server, "alice");
    let mut asked = IAC_WILL_ECHO.to_vec();
    asked.extend(b"\r\x1b[K\rPassword: ");
    assert!(alice.raw().ends_with(&asked), "{:?}", alice.raw());
    // As telnet does: it agrees, which is no request of its own.
    alice.send_raw(&IAC_DO_ECHO);
    alice.send_raw(b"wrong-horse\r\n");
    alice.expect("Wrong password.\nPassword: ");
    assert_eq!(sent(&alice, &IAC_WONT_ECHO), 0, "still hidden");
    alice.send_raw(format!("{PASSWORD}\r\n").as_bytes());
    alice.expect("[LOBBY] alice has joined the lobby\n> ");
    assert_eq!((sent(&alice, &IAC_WILL_ECHO), sent(&alice, &IAC_WONT_ECHO)), (1, 1));
    alice.send_raw(&IAC_DONT_ECHO);
    alice.sync("alice");
    assert_eq!((sent(&alice, &IAC_WILL_ECHO), sent(&alice, &IAC_WONT_ECHO)), (1, 1));
    // A request of the client's own is refused as ever.
    alice.send_raw(&IAC_DO_ECHO);
    alice.sync("alice");
    assert_eq!(sent(&alice, &IAC_WONT_ECHO), 2);
}

#[test]
fn echo_is_given_back_before_a_connection_without_the_password_is_closed() {
    let server = Server::start(&[]);
    quit(registered(&server, "alice"));
    let mut thief = challenged(&server, "alice");
    for _ in 0..3 {
        thief.send("wrong-horse");
    }
    thief.expect("Too many wrong passwords. Goodbye!\n");
    assert_eq!((sent(&thief, &IAC_WILL_ECHO), sent(&thief, &IAC_WONT_ECHO)), (1, 1));
}

#[test]
fn nothing_is_hidden_from_whoever_has_no_account() {
    let server = Server::start(&[]);
    let mut alice = registered(&server, "alice");
    alice.ask("hello", "╰─> hello\n> ");
    assert_eq!(sent(&alice, &IAC_WILL_ECHO), 0);
}

#[test]
fn without_colours_only_a_client_that_speaks_telnet_is_asked_to_hide() {
    let server = Server::start(&[("CHAT_COLOR", "off")]);
    quit(registered(&server, "alice"));
    let (plain, _) = logged_in_to(&server, "alice");
    assert!(!plain.raw().contains(&255) && !plain.raw().contains(&0x1b), "{:?}", plain.raw());
    quit(plain);
    let mut telnet = server.connect();
    telnet.expect("Enter your username: ");
    // DONT NAWS, which needs no answer: it is no option of ours.
    telnet.send_raw(&[255, 254, 31]);
    telnet.ask("alice", "Password: ");
    let mut asked = IAC_WILL_ECHO.to_vec();
    asked.extend(b"\nPassword: ");
    assert!(telnet.raw().ends_with(&asked), "{:?}", telnet.raw());
    telnet.send_raw(&IAC_DO_ECHO);
    telnet.ask(PASSWORD, "[LOBBY] alice has joined the lobby\n> ");
    assert_eq!((sent(&telnet, &IAC_WILL_ECHO), sent(&telnet, &IAC_WONT_ECHO)), (1, 1));
    assert!(!telnet.raw().contains(&0x1b));
}

/// A second login to an account that is in a lobby with bob.
fn take_over(server: &Server, first: &mut Client, bob: &mut Client, lobby: &str) -> Client {
    bob.sync("bob");
    let mut second = challenged(server, "alice");
    // What it is shown first ends with a prompt, whether there is a history or not.
    second.ask(PASSWORD, "> ");
    first.expect("Logged in from elsewhere.\n");
    first.read_to_end();
    assert_eq!(first.rest(), "", "the last line");
    let users = format!("=== Users in '{lobby}' (2) ===");
    second.ask("/users", &users);
    bob.ask("are you there", "are you there");
    second.expect("are you there\n> ");
    second.ask("here I am", "here I am\n> ");
    let saw = bob.expect("here I am\n> ");
    assert!(!saw.contains("alice has"), "neither left nor joined: {saw}");
    assert_eq!(count(&second.text(), "alice has"), 0, "{}", second.text());
    bob.ask("/users", &users);
    second
}

#[test]
fn a_second_login_takes_the_place_of_the_first_in_whatever_lobby() {
    let server = Server::start(&[]);
    let mut bob = server.login("bob");
    let mut alice = registered(&server, "alice");
    let mut alice = take_over(&server, &mut alice, &mut bob, "general");
    alice.ask("/create club no-pass x", "Created");
    alice.ask("/create vault hunter2 x", "Created");
    for (join, lobby) in [("/join club", "club"), ("/join vault hunter2", "vault")] {
        bob.ask(join, "[LOBBY] bob has joined the lobby\n> ");
        alice.ask(join, "[LOBBY] alice has joined the lobby\n> ");
        bob.expect("[LOBBY] alice has joined the lobby\n> ");
        alice = take_over(&server, &mut alice, &mut bob, lobby);
    }
    // It is the account's place with all that goes with it.
    alice.ask("/topic news", "alice set the topic: news\n> ");
    bob.ask("/msg alice psst", "[DM] You —» alice");
    alice.expect("[DM] bob —» You\n  ╰─> psst\n> ");
    quit(alice);
    bob.expect("[LOBBY] alice has left the lobby\n> ");
    let saw = bob.sync("bob");
    assert_eq!(count(&saw, "has left"), 0, "left once: {saw}");
}

#[test]
fn a_wrong_password_takes_nothing_over() {
    let server = Server::start(&[]);
    let mut alice = registered(&server, "alice");
    challenged(&server, "alice").ask("wrong-horse", "Wrong password.\nPassword: ");
    let saw = alice.sync("alice");
    assert!(!saw.contains("elsewhere"), "{saw}");
}

#[test]
fn logins_to_one_account_at_the_same_time_leave_one() {
    let server = Server::start(&[]);
    let mut bob = server.login("bob");
    quit(registered(&server, "alice"));
    bob.expect("alice has left");
    let mut clients: Vec<_> = (0..4).map(|_| challenged(&server, "alice")).collect();
    for client in &mut clients {
        client.send(PASSWORD);
    }
    bob.expect("[LOBBY] alice has joined the lobby\n> ");
    let ended = |client: &Client| client.text().contains("Logged in from elsewhere.\n");
    while clients.iter().filter(|client| ended(client)).count() < 3 {
        clients.iter_mut().for_each(Client::read_some);
    }
    let mut left = clients.into_iter().filter(|client| !ended(client));
    let mut alice = left.next().unwrap();
    alice.ask("/users", "=== Users in 'general' (2) ===\n  [@_@] alice (you)\n  [@_@] bob\n> ");
    alice.ask("it is me", "it is me");
    let saw = bob.expect("it is me");
    assert!(!saw.contains("has left") && !saw.contains("has joined"), "{saw}");
}
