//! Nodes one of whose lobbies breaks: they have what the others have. Builds without debug assertions have no such
//! hook.

#![cfg(debug_assertions)]

use std::path::Path;

use crate::harness::{FAULTS, lobbyd};
use crate::nodes::{Cluster, history};
use crate::people::{quit, stop};

const RESTARTED: &str = "The lobby had to be restarted. You are back in it.\n> ";

/// All that was said in general, as a database has it.
fn said(folder: &Path) -> Vec<String> {
    let out = lobbyd(folder, &[], &["export", "general"]).output().unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8(out.stdout).unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn a_lobby_that_breaks_on_one_node_loses_nothing_of_the_log() {
    let Some(mut cluster) = Cluster::start_with(2, &[FAULTS]) else { return };
    let mut alice = cluster.nodes[0].login("alice");
    let mut bob = cluster.nodes[1].login("bob");
    alice.expect("bob has joined the lobby");
    for round in 0..10 {
        // By itself, and on what has just come out of the log.
        match round % 2 {
            0 => bob.send("/fault lobby"),
            _ => _ = bob.ask("/fault Lobby Decided then", "a fault is on its way"),
        }
        let lines: String = (0..50).map(|line| format!("{round} {line}\n")).collect();
        alice.send_raw(lines.as_bytes());
        let carol = cluster.nodes[0].login(&format!("carol{round}"));
        quit(carol);
        alice.expect(&format!("╰─> {round} 49\n"));
        bob.expect(RESTARTED);
    }
    alice.ask("at last", "╰─> at last\n");
    bob.expect("╰─> at last\n");
    for client in [&mut alice, &mut bob] {
        client.ask("/users", "=== Users in 'general' (2) ===");
    }
    let [one, two] = [0, 1].map(|node| history(&cluster.nodes[node]));
    assert_eq!((one.len(), one.last().unwrap().as_str()), (50, "at last"));
    assert_eq!(one, two);
    let folders: Vec<_> = cluster.nodes.drain(..).map(stop).collect();
    let [one, two] = [0, 1].map(|node: usize| said(folders[node].path()));
    assert_eq!(one.len(), 501);
    assert_eq!(one, two);
}

#[test]
fn a_node_whose_lobby_cannot_be_set_up_again_stops_and_is_whole_when_it_is_back() {
    let Some(mut cluster) = Cluster::start_with(2, &[FAULTS]) else { return };
    let mut alice = cluster.nodes[0].login("alice");
    let mut bob = cluster.nodes[1].login("bob");
    alice.expect("bob has joined the lobby");
    bob.ask("/fault Registry LobbyClosed", "a fault is on its way");
    bob.send("/fault lobby");
    bob.expect("Something broke on the server. Please connect again.\n");
    // More than it keeps for a lobby that is not there.
    for hundred in 0..45 {
        let lines: String = (0..100).map(|line| format!("{hundred} {line}\n")).collect();
        alice.send_raw(lines.as_bytes());
        alice.expect(&format!("╰─> {hundred} 99\n"));
    }
    let mut node = cluster.nodes.remove(1);
    assert_eq!(node.wait(), 1, "{}", node.log());
    assert!(node.log().contains("this node stops: lobby 'general' broke, and "), "{}", node.log());
    let folder = node.into_folder();
    cluster.revive(1, folder);
    let mut bob = cluster.nodes[1].login("bob");
    alice.expect("bob has joined the lobby");
    bob.ask("back", "╰─> back\n");
    alice.expect("╰─> back\n");
    let folders: Vec<_> = cluster.nodes.drain(..).map(stop).collect();
    let [one, two] = [0, 1].map(|node: usize| said(folders[node].path()));
    assert_eq!(one.len(), 4_501);
    assert_eq!(one, two);
}
