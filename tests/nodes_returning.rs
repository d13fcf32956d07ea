//! The people of a node that was given up as lost and is back: what was done to them meanwhile holds.

use crate::console::{ctl, gives};
use crate::harness::{Client, count};
use crate::nodes::{AWAY, Cluster};
use crate::people::{challenged, guest_from, log_in_to, registered};

/// Is told this, and no more: the connection ends.
#[track_caller]
fn ends_with(mut client: Client, told: &[&str]) {
    for text in told {
        client.expect(text);
    }
    client.read_to_end();
    let seen = client.text();
    assert!(!seen.contains("\u{2570}\u{2500}> never"), "{seen}");
}

const BANNED: &str = "You are banned from this server. Goodbye!\n";

#[test]
fn whoever_is_banned_from_the_server_while_their_node_is_cut_off_is_not_back_with_it() {
    let Some(mut cluster) = Cluster::start(1) else { return };
    let relay = cluster.add_relayed();
    let [one, two] = &cluster.nodes[..] else { panic!() };
    let mut alice = one.login("alice");
    let mut bob = two.login("bob");
    let mut erin = registered(two, "erin");
    let mut gus = guest_from(two, "127.0.0.4", "gus");
    let mut far = guest_from(two, "127.0.0.5", "far");
    let mut near = guest_from(two, "127.0.0.5", "near");
    alice.expect("near has joined");
    relay.cut();
    for client in [&mut bob, &mut erin, &mut gus, &mut far, &mut near] {
        client.expect(AWAY);
    }
    erin.send("never said");
    alice.expect("[LOBBY] 5 people lost their connection: ");
    ctl(one, "gban erin 1h Too much");
    ctl(one, "gban -1 gus 1h");
    ctl(one, "gban far 1h");
    relay.heal();
    alice.expect("bob has joined");
    ends_with(erin, &["Too much", "Not sent: 1 line, from: never said\n", BANNED]);
    ends_with(gus, &["You are banned for ", BANNED]);
    // As whoever comes from there anew.
    for client in [far, near] {
        ends_with(client, &["Guests of your address are banned for ", BANNED]);
    }
    // What is shown to him was said when he was in again on his own node too.
    bob.ask("here", "╰─> here\n");
    bob.ask("/users", "=== Users in 'general' (2) ===");
    alice.ask("/users", "=== Users in 'general' (2) ===");
    let seen = alice.text();
    assert!(!seen.contains("never said"), "{seen}");
    assert_eq!(count(&seen, "erin has joined"), 1, "{seen}");
}

#[test]
fn whoever_has_an_account_by_a_password_of_before_is_not_back_with_their_node() {
    let Some(mut cluster) = Cluster::start(2) else { return };
    let relay = cluster.add_relayed();
    let mut alice = cluster.nodes[0].login("alice");
    let mut erin = registered(&cluster.nodes[2], "erin");
    let mut carol = registered(&cluster.nodes[2], "carol");
    alice.expect("carol has joined");
    relay.cut();
    for client in [&mut erin, &mut carol] {
        client.expect(AWAY);
    }
    alice.expect("[LOBBY] 2 people lost their connection: ");
    let told = gives(&cluster.nodes[0], "erin", "another-horse");
    assert_eq!(told.status, 0, "{told:?}");
    // A node that starts again knows of it too.
    alice.ask("stored", "stored\n");
    cluster.nodes[1].login("reader").ask("/history 1", "> ");
    let folder = cluster.kill(1);
    cluster.revive(1, folder);
    relay.heal();
    ends_with(erin, &["This account has a new password. Log in with it again.\n"]);
    alice.expect("carol has joined");
    for node in &cluster.nodes[..2] {
        let (mut carol, _) = log_in_to(node, "carol");
        carol.ask("/users", "=== Users in 'general' (2) ===");
    }
    let mut erin = challenged(&cluster.nodes[2], "erin");
    erin.ask("another-horse", "You are erin in 'general'");
}

#[test]
fn what_waits_of_an_account_that_has_logged_in_elsewhere_is_told_as_not_sent() {
    let Some(mut cluster) = Cluster::start(1) else { return };
    let relay = cluster.add_relayed();
    let [one, two] = &cluster.nodes[..] else { panic!() };
    let mut alice = one.login("alice");
    let mut bob = registered(two, "bob");
    alice.expect("bob has joined");
    relay.cut();
    bob.expect(AWAY);
    bob.send("never one");
    alice.expect("[LOBBY] 1 person lost their connection: bob");
    let (mut newer, _) = log_in_to(one, "bob");
    relay.heal();
    ends_with(bob, &["Not sent: 1 line, from: never one\n", "Logged in from elsewhere."]);
    newer.ask("here", "here\n");
    alice.expect("here\n");
    let seen = alice.text();
    assert!(!seen.contains("never one"), "{seen}");
}

#[test]
fn whoever_was_in_a_lobby_that_was_deleted_meanwhile_is_told_so_and_is_in_general() {
    let Some(mut cluster) = Cluster::start(1) else { return };
    let relay = cluster.add_relayed();
    let [one, two] = &cluster.nodes[..] else { panic!() };
    let mut alice = registered(one, "alice");
    let mut bob = two.login("bob");
    alice.ask("/create den cosy", "Created");
    // What was told on one node is on the other a moment later.
    alice.ask("made", "made\n");
    bob.expect("made\n");
    bob.ask("/join den", "You are alone in 'den'");
    relay.cut();
    bob.expect(AWAY);
    alice.ask("/join den", "in 'den'");
    alice.expect("[LOBBY] 1 person lost their connection: bob");
    alice.ask("/delete den", "Say it again within 30 seconds");
    alice.ask("/delete den", "Joined lobby 'general'");
    relay.heal();
    let told = bob.expect("in 'general' with alice");
    assert!(told.contains("Lobby does not exist\n"), "{told}");
    assert!(!told.contains("had to be restarted"), "{told}");
}
