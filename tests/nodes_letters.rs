//! Private messages over nodes: their senders learn whether they were delivered, and nothing is shown twice.

use std::mem::replace;

use crate::harness::count;
use crate::nodes::Cluster;
use crate::people::{PASSWORD, challenged, log_in_to, quit, registered};
use crate::relay::{Fault, Way};

const MAY_BE_LOST: &str =
    "The other server does not answer. Your message may not have been delivered.\n";

#[test]
fn the_sender_of_a_private_message_learns_that_the_other_node_does_not_answer() {
    let Some(mut cluster) = Cluster::start(1) else { return };
    let relay = cluster.add_relayed();
    let mut alice = cluster.nodes[0].login("alice");
    let mut bob = cluster.nodes[1].login("bob");
    alice.expect("bob has joined");
    alice.ask("/msg bob one", "[DM] You —» bob\n  ╰─> one\n");
    bob.expect("[DM] alice —» You\n  ╰─> one\n");
    // It does not get there in time.
    relay.fault(Way::ToNode, Fault::Swallow);
    alice.ask("/msg bob two", MAY_BE_LOST);
    relay.heal();
    bob.ask("still here", "╰─> still here\n");
    alice.expect("╰─> still here\n");
    alice.ask("/msg bob three", "[DM] You —» bob\n  ╰─> three\n");
    bob.expect("[DM] alice —» You\n  ╰─> three\n");
    // It does, and that is not known.
    relay.fault(Way::ToEngine, Fault::Swallow);
    alice.send("/msg bob four");
    bob.expect("[DM] alice —» You\n  ╰─> four\n");
    alice.expect(MAY_BE_LOST);
    relay.heal();
    bob.ask("here again", "╰─> here again\n");
    alice.expect("╰─> here again\n");
    bob.ask("/r five", "[DM] You —» alice\n  ╰─> five\n");
    alice.expect("[DM] bob —» You\n  ╰─> five\n");
    let [told, shown] = [&alice, &bob].map(|client| client.text());
    for (words, sent, read) in
        [("one", 1, 1..=1), ("two", 0, 0..=1), ("three", 1, 1..=1), ("four", 0, 1..=1)]
    {
        let line = format!("╰─> {words}\n");
        assert_eq!(count(&told, &line), sent, "{told}");
        assert!(read.contains(&count(&shown, &line)), "{shown}");
    }
}

#[test]
fn a_login_does_not_wait_for_the_node_whose_connection_it_takes_over() {
    let Some(mut cluster) = Cluster::start(1) else { return };
    let relay = cluster.add_relayed();
    let mut alice = cluster.nodes[0].login("alice");
    let _before = cluster.registered(1, "bob");
    let _guest = cluster.nodes[1].login("guest-1");
    alice.expect("guest-1 has joined");
    relay.fault(Way::ToNode, Fault::Swallow);
    let mut bob = challenged(&cluster.nodes[0], "bob");
    // She waits for that node from here on.
    alice.send("/msg guest-1 are you there?");
    bob.send(PASSWORD);
    bob.expect("You are bob in 'general' with ");
    bob.ask("in already", "╰─> in already\n");
    let shown = alice.expect("╰─> in already\n");
    assert!(!shown.contains(MAY_BE_LOST), "{shown}");
    alice.expect(MAY_BE_LOST);
}

#[test]
fn who_was_taken_over_by_a_connection_that_is_lost_at_once_is_told_so() {
    let Some(mut cluster) = Cluster::start(2) else { return };
    let relay = cluster.add_relayed();
    let mut alice = cluster.nodes[0].login("alice");
    let mut before = cluster.registered(2, "bob");
    alice.expect("bob has joined");
    for revives in [true, false] {
        // It does not say who wrote last to the older one, so the newer one has not told yet that it is in.
        relay.fault(Way::ToNode, Fault::Swallow);
        let (newer, _) = log_in_to(&cluster.nodes[1], "bob");
        let folder = cluster.kill(1);
        drop(newer);
        if revives {
            cluster.revive(1, folder);
        }
        relay.heal();
        before.expect("Logged in from elsewhere.");
        before.read_to_end();
        if revives {
            (before, _) = log_in_to(&cluster.nodes[2], "bob");
        }
    }
}

#[test]
fn who_was_taken_over_is_told_so_soon_though_the_node_of_the_newer_connection_says_nothing_more() {
    let Some(mut cluster) = Cluster::start(2) else { return };
    let relay = cluster.add_relayed();
    let mut alice = cluster.nodes[0].login("alice");
    let mut before = cluster.registered(2, "bob");
    alice.expect("bob has joined");
    // Who wrote last to the older one does not get to the newer one's node.
    relay.fault(Way::ToEngine, Fault::Swallow);
    let newer = log_in_to(&cluster.nodes[1], "bob");
    cluster.nodes[1].signal("STOP");
    relay.heal();
    before.expect("Logged in from elsewhere.");
    before.read_to_end();
    alice.ask("so far", "╰─> so far\n");
    let shown = alice.text();
    assert!(!shown.contains("lost their connection"), "that node is not dead yet: {shown}");
    cluster.nodes[1].signal("CONT");
    drop(newer);
}

#[test]
fn who_was_taken_over_is_told_so_where_the_newer_connection_was_taken_over_too_and_is_lost() {
    let Some(mut cluster) = Cluster::start(2) else { return };
    let relay = cluster.add_relayed();
    let mut alice = cluster.nodes[0].login("alice");
    let mut before = cluster.registered(2, "bob");
    alice.expect("bob has joined");
    relay.fault(Way::ToNode, Fault::Swallow);
    let (newer, _) = log_in_to(&cluster.nodes[1], "bob");
    // Neither has told yet that it is in, since the node of the one before it does not answer.
    cluster.nodes[1].signal("STOP");
    let (mut newest, _) = log_in_to(&cluster.nodes[0], "bob");
    let _folder = cluster.kill(1);
    drop(newer);
    relay.heal();
    before.expect("Logged in from elsewhere.");
    before.read_to_end();
    newest.ask("here", "╰─> here\n");
    alice.ask("/users", "=== Users in 'general' (2) ===");
}

#[test]
fn what_is_written_to_a_node_that_dies_is_told_as_lost_until_it_is_known_to_be_dead() {
    let Some(mut cluster) = Cluster::start(2) else { return };
    let mut alice = cluster.nodes[0].login("alice");
    let bob = cluster.registered(1, "bob");
    let guest = cluster.nodes[1].login("guest-1");
    alice.expect("guest-1 has joined");
    let _folder = cluster.kill(1);
    drop((bob, guest));
    alice.ask("/msg bob too early", MAY_BE_LOST);
    alice.expect("[LOBBY] 2 people lost their connection: ");
    alice.ask("/msg bob in time", "bob is not connected. They will see it at their next login.");
    alice.ask("/msg guest-1 too late", "User not found.");
    let (_bob, shown) = log_in_to(&cluster.nodes[0], "bob");
    assert!(shown.contains("in time") && !shown.contains("too early"), "{shown}");
}

#[test]
fn a_private_message_to_an_account_that_is_just_leaving_is_shown_or_kept_and_never_lost_or_doubled()
{
    let Some(cluster) = Cluster::start(2) else { return };
    let [one, two] = &cluster.nodes[..] else { panic!() };
    let mut alice = registered(one, "alice");
    let mut bob = registered(two, "bob");
    let (mut shown, mut kept) = (String::new(), Vec::new());
    for round in 0..8 {
        let words = format!("round {round}");
        bob.send("/quit");
        alice.send(&format!("/msg bob {words}"));
        let answers = ["bob is not connected. They will see it", "[DM] You —» bob"];
        // What is kept is shown to its sender too, before that is said.
        alice.expect(answers[1]);
        alice.expect("> ");
        alice.sync("alice");
        if count(&alice.text(), answers[0]) > kept.len() {
            kept.push(words);
        }
        let (next, _) = log_in_to(two, "bob");
        let mut before = replace(&mut bob, next);
        before.read_to_end();
        shown += &before.text();
    }
    shown += &bob.text();
    quit(bob);
    for round in 0..8 {
        let words = format!("round {round}");
        let times = count(&shown, &format!("╰─> {words}\n"));
        let least = usize::from(kept.contains(&words));
        assert!((least..=1).contains(&times), "{words} {times} times, {kept:?}: {shown}");
    }
    assert!(!alice.text().contains(MAY_BE_LOST) && !alice.text().contains("User not found"));
}
