//! Limits and sanctions are of whom they are about, an account or an address, and never of a
//! connection: no way of coming back sheds them.

use crate::harness::{Client, Folder, Server, count};
use crate::people::{
    ADMINS, PASSWORD, challenged, connect_from, guest_from, log_in_to, logged_in_to, makes, prove,
    quit, registered, restart, with_root,
};

/// So few that a test is over soon, in a window that no test outlasts.
const RATE: [(&str, &str); 2] = [("CHAT_RATE_MESSAGES", "3"), ("CHAT_RATE_WINDOW_SECS", "3600")];

const LIMITED: &str = "⚠ Rate limited! Wait ";

/// Says things until one is refused: how many were said.
fn says_until_refused(client: &mut Client, most: usize) -> usize {
    for n in 0..most {
        client.send(&format!("line {n}"));
        let said = format!("╰─> line {n}\n> ");
        if client.expect_one_of(&[LIMITED, &said]) == LIMITED {
            client.expect("> ");
            return n;
        }
    }
    most
}

#[test]
fn no_way_of_coming_back_refills_a_rate_window() {
    let server = Server::start(&RATE);
    let mut ann = server.login("ann");
    assert_eq!(says_until_refused(&mut ann, 9), 3);
    drop(ann);
    let mut ann = loop {
        let mut again = server.connect();
        again.expect("Enter your username: ");
        again.send("ann");
        if again
            .expect_one_of(&["already taken", "ann has joined the lobby\n> "])
            .contains("joined")
        {
            break again;
        }
    };
    assert_eq!(says_until_refused(&mut ann, 9), 0, "connected again");

    let server = Server::start(&RATE);
    let mut bob = server.login("bob");
    assert_eq!(says_until_refused(&mut bob, 2), 2);
    bob.ask("/nick rob", "bob is now known as rob\n> ");
    assert_eq!(says_until_refused(&mut bob, 9), 0, "another name");
}

#[test]
fn no_way_of_coming_back_refills_the_rate_window_of_an_account() {
    let server = Server::start(&RATE);
    let mut eve = server.login("eve");
    assert_eq!(says_until_refused(&mut eve, 2), 2);
    eve.ask(&format!("/register {PASSWORD}"), "is yours now.");
    eve.expect("> ");
    assert_eq!(says_until_refused(&mut eve, 9), 0, "an account");
    let mut again = connect_from(&server, "127.0.0.7");
    prove(&mut again, "eve");
    eve.expect("Logged in from elsewhere.");
    again.expect("> ");
    assert_eq!(says_until_refused(&mut again, 9), 0, "taken over from elsewhere");
    quit(again);
    let (mut eve, _) = logged_in_to(&server, "eve");
    assert_eq!(says_until_refused(&mut eve, 9), 0, "logged in again");
}

#[test]
fn an_address_has_ten_times_as_much_in_all() {
    let server = Server::start(&RATE);
    let said: usize = (0..13)
        .map(|i| says_until_refused(&mut guest_from(&server, "127.0.0.5", &format!("user{i}")), 9))
        .sum();
    assert_eq!(said, 30);
    assert_eq!(says_until_refused(&mut guest_from(&server, "127.0.0.6", "other"), 9), 3);
}

#[test]
fn whoever_keeps_order_waits_for_nothing_and_whoever_may_not_counts() {
    let server = Server::start(&RATE);
    let (mut alice, mut eve) = (server.login("alice"), server.login("eve"));
    alice.ask("/create den no-pass x", "Created");
    for client in [&mut alice, &mut eve] {
        client.ask("/join den", "Joined lobby 'den'");
    }
    assert_eq!(says_until_refused(&mut alice, 9), 1);
    for n in 0..20 {
        alice.ask(&format!("/topic number {n}"), &format!("set the topic: number {n}\n"));
    }
    for _ in 0..5 {
        alice.ask("/purge eve", "'eve' has said nothing here in the last 24 hours.\n> ");
    }
    let denied = "Only an owner or operator of 'den' can do that.\n> ";
    eve.ask("/kick nobody", denied);
    eve.ask("/purge alice", denied);
    eve.ask("/kick alice", LIMITED);
}

#[test]
fn looking_has_a_window_of_its_own() {
    let server = Server::start(&RATE);
    let mut ann = server.login("ann");
    assert_eq!(says_until_refused(&mut ann, 9), 3);
    for _ in 0..6 {
        ann.ask("/users", "=== Users in 'general'");
    }
    // That one waits is said once a second.
    std::thread::sleep(std::time::Duration::from_millis(1_100));
    ann.ask("/lobbies", LIMITED);
    ann.ask("/quit", "Goodbye!");
}

#[test]
fn an_address_makes_so_many_accounts_a_day_over_a_restart_too() {
    let limit = [("CHAT_REGISTRATIONS_PER_DAY", "3")];
    let server = Server::start(&limit);
    let full = "Too many accounts from your address. Try again tomorrow.\n> ";
    let register = |server: &Server, name: &str, from: &str| {
        let mut client = guest_from(server, from, name);
        client.send(&format!("/register {PASSWORD}"));
        client
    };
    for name in ["ann", "bob"] {
        register(&server, name, "127.0.0.5").expect("is yours now.");
    }
    // One that is given up again counts all the same.
    let mut carl = register(&server, "carl", "127.0.0.5");
    carl.expect("is yours now.");
    carl.ask(&format!("/unregister {PASSWORD}"), "is gone, and you are a guest.");
    carl.ask(&format!("/register {PASSWORD}"), full);
    register(&server, "dora", "127.0.0.5").expect(full);
    register(&server, "else", "127.0.0.6").expect("is yours now.");
    let server = restart(server, &limit);
    register(&server, "dora", "127.0.0.5").expect(full);
    register(&server, "fred", "127.0.0.6").expect("is yours now.");
}

#[test]
fn lobbies_of_an_address_are_counted_over_a_restart() {
    let limit = [("CHAT_MAX_LOBBIES_PER_USER", "1")];
    let mut server = Server::start(&limit);
    for turn in 0..2 {
        for i in 0..5 {
            let mut user = registered(&server, &format!("user{turn}{i}"));
            user.ask(&format!("/create lobby{turn}{i} no-pass x"), "Created");
        }
        server = restart(server, &limit);
    }
    registered(&server, "more").ask("/create more no-pass x", "You have too many lobbies");
    let mut other = guest_from(&server, "127.0.0.9", "other");
    other.ask("/create other no-pass x", "Created");
}

#[test]
fn slow_mode_starts_anew_by_nothing() {
    let server = Server::start(&[]);
    let mut alice = server.login("alice");
    alice.ask("/create den no-pass x", "Created");
    alice.ask("/join den", "Joined lobby 'den'");
    alice.ask("/slow 600", "turned slow mode on");
    let slow = "⚠ Slow mode! Wait ";
    let mut bob = guest_from(&server, "127.0.0.5", "bob");
    bob.ask("/join den", "Joined lobby 'den'");
    bob.ask("first", "╰─> first\n");
    bob.ask("/me waves", slow);
    bob.ask("/nick rob", "is now known as rob");
    bob.ask("again", slow);
    bob.ask("/join general", "Joined lobby 'general'");
    bob.ask(&format!("/register {PASSWORD}"), "is yours now.");
    bob.ask("/join den", "Joined lobby 'den'");
    bob.ask("again", slow);
    bob.ask(&format!("/unregister {PASSWORD}"), "is gone, and you are a guest.");
    bob.ask("again", slow);
    quit(bob);
    let mut again = guest_from(&server, "127.0.0.5", "somebody");
    again.ask("/join den", "Joined lobby 'den'");
    again.ask("again", slow);
    let mut other = guest_from(&server, "127.0.0.6", "other");
    other.ask("/join den", "Joined lobby 'den'");
    other.ask("my first", "╰─> my first\n");
}

#[test]
fn a_muted_guest_stays_muted_through_an_account_made_elsewhere_and_over_a_restart() {
    let server = Server::start(&[]);
    let mut alice = registered(&server, "alice");
    alice.ask("/create den no-pass x", "Created");
    alice.ask("/join den", "Joined lobby 'den'");
    let mut eve = guest_from(&server, "127.0.0.5", "eve");
    eve.ask("/join den", "Joined lobby 'den'");
    alice.ask("/mute eve", "[LOBBY] alice muted eve for good\n");
    eve.ask("/join general", "Joined lobby 'general'");
    eve.ask(&format!("/register {PASSWORD}"), "is yours now.");
    eve.ask("/join den", "Joined lobby 'den'");
    eve.ask("heard?", "You are muted in 'den'.\n> ");
    quit(eve);
    let server = restart(server, &[]);
    let (mut eve, _) = log_in_to(&server, "eve");
    eve.ask("/join general", "Joined lobby 'general'");
    eve.ask("/join den", "Joined lobby 'den'");
    eve.ask("heard?", "You are muted in 'den'.\n> ");
}

#[test]
fn an_account_that_gives_itself_up_where_guests_are_banned_has_to_go() {
    let server = with_root();
    let (mut root, _) = log_in_to(&server, "root");
    let mut eve = guest_from(&server, "127.0.0.5", "eve");
    eve.ask(&format!("/register {PASSWORD}"), "is yours now.");
    let mut troll = guest_from(&server, "127.0.0.5", "troll");
    root.ask("/gban troll", "You banned troll from the server");
    troll.read_to_end();
    eve.ask("exempt", "╰─> exempt\n");
    eve.ask(&format!("/unregister {PASSWORD}"), "banned");
    eve.read_to_end();
    // A ban of the account itself stays behind for the guests of its address.
    let mut mal = guest_from(&server, "127.0.0.6", "mal");
    mal.ask(&format!("/register {PASSWORD}"), "is yours now.");
    root.ask("/create den no-pass x", "Created");
    root.ask("/join den", "Joined");
    root.ask("/ban mal", "[LOBBY] root banned mal for good\n");
    mal.ask(&format!("/unregister {PASSWORD}"), "is gone, and you are a guest.");
    mal.ask("/join den", "You are banned from 'den'.");
    quit(mal);
    let server = restart(server, &ADMINS);
    let mut mal = guest_from(&server, "127.0.0.6", "mallory");
    mal.ask("/join den", "You are banned from 'den'.");
}

#[test]
fn a_name_that_a_stranger_had_before_it_was_an_admins_makes_no_admin() {
    let server = Server::start(&[]);
    quit(registered(&server, "root"));
    let mut server = restart(server, &ADMINS);
    server.wait_for_log("somebody else had made the account root before");
    let (mut root, _) = log_in_to(&server, "root");
    root.ask("/announce I am your admin", "Only an admin can do that.");
    quit(root);
    let folder: Folder = crate::people::stop(server);
    makes(folder.path(), "root", "another-password");
    let server = Server::start_in(folder, &ADMINS);
    assert_eq!(count(&server.log(), "before; it is no admin"), 0, "{}", server.log());
    let mut root = challenged(&server, "root");
    root.ask("another-password", "root has joined the lobby\n> ");
    root.ask("/announce it is me", "[ANNOUNCEMENT] root: it is me\n");
}
