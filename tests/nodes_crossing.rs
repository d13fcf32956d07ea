//! What two nodes do at one instant, neither of which knows of the other: the log decides, on all nodes alike.

use std::thread;
use std::time::Duration;

use crate::console::{ctl, gives};
use crate::harness::{Client, Server};
use crate::nodes::{AWAY, Cluster};
use crate::people::{PASSWORD, challenged, quit, registered};
use crate::relay::{Fault, Relay, Way};

/// So much later a node learns what is in the log: by then, both have proposed theirs. It is less than what makes
/// a node cut off.
const LATER: Fault = Fault::Delay(Duration::from_millis(600));

/// Two nodes, both of which can be made to learn late what is in the log.
fn two_late_nodes() -> Option<(Cluster, [Relay; 2])> {
    let mut cluster = Cluster::start_with(0, &[("CHAT_REGISTRATIONS_PER_DAY", "0")])?;
    let relays = [cluster.add_relayed(), cluster.add_relayed()];
    Some((cluster, relays))
}

/// Logs in to an account with a password of its own.
#[track_caller]
fn proves(server: &Server, name: &str, password: &str) -> Client {
    let mut client = challenged(server, name);
    client.ask(password, &format!("[LOBBY] {name} has joined the lobby"));
    client
}

#[test]
fn accounts_that_are_made_on_two_nodes_at_one_instant_are_two_with_all_that_is_theirs() {
    let Some((mut cluster, relays)) = two_late_nodes() else { return };
    let _zed = cluster.nodes[0].login("zed");
    let who = [("alice", "the-first-password"), ("bob", "the-second-password")];
    let mut clients: Vec<_> =
        who.iter().zip(&cluster.nodes).map(|((name, _), node)| node.login(name)).collect();
    clients[0].expect("bob has joined");
    for ((name, _), client) in who.iter().zip(&mut clients) {
        client.ask(&format!("/create lair-{name} no-pass hers"), "Created public lobby");
        client.ask("/ignore zed", "You ignore 'zed' from now on.");
    }
    relays.iter().for_each(|relay| relay.fault(Way::ToNode, LATER));
    for ((_, password), client) in who.iter().zip(&mut clients) {
        client.send(&format!("/register {password}"));
    }
    for ((name, _), client) in who.iter().zip(&mut clients) {
        client.expect(&format!("'{name}' is yours now."));
    }
    relays.iter().for_each(Relay::heal);
    // What they set from here on is of their own account, too.
    clients[0].ask("/style compact", "A message takes one row.");
    clients.into_iter().for_each(quit);
    let folder = cluster.kill(1);
    cluster.revive(1, folder);
    // Each is known on the other node, and where the database was read anew.
    for nodes in [[1, 0], [0, 1]] {
        for ((name, password), node) in who.iter().zip(nodes) {
            let mut client = proves(&cluster.nodes[node], name, password);
            client.ask("/ignore", "zed");
            client.ask(&format!("/join lair-{name}"), &format!("in 'lair-{name}'"));
            client.ask("/topic mine alone", "set the topic: mine alone");
            for (other, _) in who.iter().filter(|(other, _)| other != name) {
                client.ask(&format!("/join lair-{other}"), &format!("in 'lair-{other}'"));
                let denied = format!("Only an owner or operator of 'lair-{other}' can do that.");
                client.ask("/topic mine too", &denied);
            }
            client.send(&format!("/msg {name} psst"));
            let forms =
                ["You\n  ╰─> psst", "You: psst"].map(|form| format!("[DM] {name} —» {form}"));
            let forms = forms.each_ref().map(String::as_str);
            let compact = client.expect_one_of(&forms) == forms[1];
            assert_eq!(compact, *name == "alice");
            client.ask("/join general", "in 'general'");
            quit(client);
        }
    }
}

#[test]
fn of_two_who_make_an_account_of_one_name_on_two_nodes_one_does_and_the_other_is_told() {
    let Some((cluster, relays)) = two_late_nodes() else { return };
    let [one, two] = &cluster.nodes[..] else { panic!() };
    relays.iter().for_each(|relay| relay.fault(Way::ToNode, LATER));
    let passwords = ["the-first-password", "the-second-password"];
    for name in ["erin", "frank", "gina", "hugo", "ivan"] {
        let told = thread::scope(|scope| {
            let [first, second] = [(one, passwords[0]), (two, passwords[1])]
                .map(|(node, password)| scope.spawn(move || gives(node, name, password)));
            [first, second].map(|told| told.join().unwrap())
        });
        let made = told.iter().position(|told| told.out == format!("{name} is registered.\n"));
        let made = made.unwrap_or_else(|| panic!("{told:?}"));
        let other = &told[1 - made];
        if other.out.contains("has a new password") {
            // It came so late that the account was there.
            continue;
        }
        let taken = format!("lobbyd: the account {name} is being made. Try again in a moment\n");
        assert_eq!((other.status, other.err.as_str()), (1, taken.as_str()), "{told:?}");
        relays.iter().for_each(Relay::heal);
        // It has the password of the one who made it, on both nodes.
        let mut client = challenged(two, name);
        client.ask(passwords[1 - made], "Wrong password.");
        client.ask(passwords[made], "has joined the lobby");
        quit(client);
        proves(one, name, passwords[made]);
        return;
    }
    panic!("no two came at one instant");
}

#[test]
fn what_is_set_on_a_node_that_is_behind_takes_nothing_back_that_was_set_on_another() {
    let Some(mut cluster) = Cluster::start(1) else { return };
    let relay = cluster.add_relayed();
    let [one, two] = &cluster.nodes[..] else { panic!() };
    let mut behind = registered(two, "alice");
    let mut bob = one.login("bob");
    // That she is on the other node, and what she sets there, this one learns only a moment later.
    let mut ahead = challenged(one, "alice");
    relay.fault(Way::ToNode, LATER);
    ahead.ask(PASSWORD, "You are alice in 'general' with bob.");
    ahead.ask("/style compact", "A message takes one row.");
    behind.send("/echo off");
    behind.expect("Logged in from elsewhere.");
    relay.heal();
    quit(ahead);
    let mut alice = proves(one, "alice", PASSWORD);
    alice.send("is it shown to me?");
    bob.expect("╰─> is it shown to me?");
    bob.ask("is it one row?", "╰─> is it one row?");
    alice.expect("bob   is it one row?");
    let (told, shown) = (behind.text(), alice.text());
    assert!(!shown.contains("is it shown to me?"), "{shown}");
    assert!(!told.contains(AWAY), "the node was behind for too long: {told}");
}

#[test]
fn the_lobby_of_a_guest_is_theirs_on_a_node_that_was_killed_too() {
    let Some(mut cluster) = Cluster::start(2) else { return };
    let mut alice = cluster.nodes[0].login("alice");
    let mut bob = cluster.nodes[1].login("bob");
    alice.ask("/create den no-pass hers", "Created public lobby 'den'");
    alice.send("made");
    bob.expect("╰─> made\n");
    // What has been shown is stored a moment later.
    bob.ask("/history 1", "╰─> made\n");
    let folder = cluster.kill(1);
    cluster.revive(1, folder);
    let told = ctl(&cluster.nodes[1], "lobbies").out;
    assert!(told.lines().any(|line| line.contains("den") && line.contains("alice")), "{told}");
    // The account that she makes only now keeps it, there too.
    let mut carol = cluster.nodes[1].login("carol");
    alice.ask(&format!("/register {PASSWORD}"), "'alice' is yours now.");
    quit(alice);
    carol.expect("alice has left");
    let mut alice = proves(&cluster.nodes[1], "alice", PASSWORD);
    alice.ask("/join den", "in 'den'");
    alice.ask("/topic hers for good", "set the topic: hers for good");
}

#[test]
fn wrong_passwords_of_an_address_count_over_all_nodes() {
    let Some(cluster) = Cluster::start(2) else { return };
    let [one, two] = &cluster.nodes[..] else { panic!() };
    let mut alice = one.login("alice");
    let mut bob = two.login("bob");
    alice.expect("bob has joined");
    alice.ask("/create den hunter2 a den", "Created private lobby 'den'");
    alice.send("made");
    bob.expect("╰─> made\n");
    let wrong = "Incorrect password for private lobby";
    let too_many = "Too many attempts. Wait ";
    for _ in 0..3 {
        alice.ask("/join den nonsense", wrong);
    }
    // Two more, but for what is on its way from the other node.
    let given = (0..5).take_while(|_| {
        bob.send("/join den nonsense");
        bob.expect_one_of(&[wrong, too_many]) == wrong
    });
    assert!((2..5).contains(&given.count()));
    bob.ask("/join den hunter2", too_many);
    // The last of those may still be on its way to the other node.
    let given = (0..3).take_while(|_| {
        alice.send("/join den nonsense");
        alice.expect_one_of(&[wrong, too_many]) == wrong
    });
    assert!(given.count() < 3);
    alice.ask("/join den hunter2", too_many);
}
