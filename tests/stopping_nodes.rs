//! Nodes that are told to stop: what they lose, what their people and the others are told.

use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::time::Duration;

use lobbyd::cluster::engine::{Notice, Wish};

use crate::console::ctl;
use crate::engine::Node;
use crate::harness::{Folder, Server, count, run};
use crate::nodes::{Cluster, history};
use crate::nodes_seen::wait_for_nodes;
use crate::people::{log_in_to, registered};
use crate::relay::{Fault, Relay, Way};

/// A node that has its engine at this port, as far as it is when this is called.
fn launch(folder: Folder, port: u16, name: &str) -> Server {
    let url = format!("nats://127.0.0.1:{port}");
    let env = [("NATS_URL", url.as_str()), ("CHAT_NODE", name)];
    Server::launch(Server::command(&folder, &env), folder, Stdio::null())
}

/// A node that is not ready yet ends in order at a signal.
#[track_caller]
fn ends_before_it_is_ready(mut node: Server, signal: &str) -> Folder {
    node.signal(signal);
    assert_eq!(node.wait(), 0, "{}", node.log());
    assert!(!node.is_open() && node.out().ends_with("GoodBye\n"), "{}", node.out());
    assert!(node.log().contains("stopping") && !node.log().contains("ERROR"), "{}", node.log());
    let folder = node.into_folder();
    let data = folder.join("data");
    // All is in the file itself.
    let log = std::fs::metadata(data.join("lobbyd.db-wal"));
    assert_eq!(log.map_or(0, |log| log.len()), 0);
    assert!(!data.join("ctl.sock").exists());
    assert!(run(folder.path(), &[], &["check-data"]).status.success());
    folder
}

#[test]
fn a_node_that_looks_for_its_engine_ends_at_a_signal() {
    for (signal, is_there) in [("TERM", true), ("INT", true), ("TERM", false)] {
        let mute = TcpListener::bind("127.0.0.1:0").unwrap();
        let node = launch(Folder::new(), mute.local_addr().unwrap().port(), "node1");
        let (connected, _) = mute.accept().unwrap();
        if !is_there {
            // From here on it is refused.
            drop((connected, mute));
            ends_before_it_is_ready(node, signal);
            continue;
        }
        ends_before_it_is_ready(node, signal);
    }
}

#[test]
fn a_node_that_catches_up_ends_at_a_signal_and_loses_nothing() {
    let Some(mut cluster) = Cluster::start(2) else { return };
    let mut alice = cluster.nodes[0].login("alice");
    alice.ask("before", "╰─> before\n");
    let mut folder = cluster.kill(1);
    for number in 0..20 {
        alice.ask(&format!("missed {number}"), &format!("╰─> missed {number}\n"));
    }
    for signal in ["TERM", "INT"] {
        let relay = Relay::to(cluster.engine.port);
        // So that it is not ready when it has only just found its engine.
        relay.fault(Way::ToNode, Fault::Delay(Duration::from_millis(300)));
        let mut node = launch(folder, relay.port, "node2");
        node.wait_for_log("is connected");
        relay.fault(Way::ToNode, Fault::Swallow);
        folder = ends_before_it_is_ready(node, signal);
    }
    cluster.revive(1, folder);
    let [one, two] = [0, 1].map(|node| history(&cluster.nodes[node]));
    assert_eq!((one.len(), one.last().unwrap().as_str()), (21, "missed 19"));
    assert_eq!(one, two);
}

const OTHERS: &str = "The other servers go on: connect again.";
const GOODBYE: &str = "Server is shutting down. Goodbye!\n";

#[test]
fn the_people_of_a_node_that_stops_are_sent_to_the_others_where_there_are_any() {
    let Some(mut cluster) = Cluster::start(2) else { return };
    let mut alice = cluster.nodes[0].login("alice");
    let mut bob = registered(&cluster.nodes[1], "bob");
    let mut nameless = cluster.nodes[1].connect();
    nameless.expect("Enter your username: ");
    wait_for_nodes(&cluster.nodes[1], &[("node1", "up", 1), ("node2", "up", 1)]);
    cluster.nodes[1].signal("TERM");
    for client in [&mut bob, &mut nameless] {
        client.expect(&format!("{OTHERS}\n{GOODBYE}"));
        client.read_to_end();
        assert_eq!(client.rest(), "");
    }
    assert_eq!(cluster.nodes[1].wait(), 0);
    alice.expect("[LOBBY] bob has left the lobby");
    // There they are as they were, at once.
    let (mut bob, _) = log_in_to(&cluster.nodes[0], "bob");
    alice.expect("[LOBBY] bob has joined the lobby");
    let listed = wait_for_nodes(&cluster.nodes[0], &[("node1", "up", 2), ("node2", "gone", 0)]);
    assert!(listed[0]["since"].is_null() && listed[1]["since"].as_str().unwrap().ends_with('Z'));
    let told = ctl(&cluster.nodes[0], "nodes").out;
    assert!(told.lines().any(|line| line.starts_with("node2  gone for ")), "{told}");
    // The last one has nobody to send them to.
    cluster.nodes[0].signal("TERM");
    for client in [&mut alice, &mut bob] {
        let told = client.expect(GOODBYE);
        assert!(!told.contains(OTHERS), "{told}");
    }
    assert_eq!(cluster.nodes[0].wait(), 0);
}

#[test]
fn the_people_of_a_node_that_stops_leave_with_one_notice() {
    let Some(cluster) = Cluster::start(2) else { return };
    let mut alice = cluster.nodes[0].login("alice");
    let leaving = ["ann", "bob", "carol", "dave"].map(|name| cluster.nodes[1].login(name));
    alice.expect("[LOBBY] dave has joined the lobby");
    cluster.nodes[1].signal("TERM");
    let told = alice.expect(" have left the lobby");
    let names: Vec<_> =
        ["ann", "bob", "carol", "dave"].into_iter().filter(|name| told.contains(name)).collect();
    assert_eq!((names.len(), told.ends_with(" and 1 more")), (3, true), "{told}");
    alice.ask("and nothing more", "╰─> and nothing more\n");
    assert_eq!(count(&alice.text(), "left the lobby"), 1, "{}", alice.text());
    drop(leaving);
}

#[test]
fn who_is_on_a_node_that_drains_is_told_that_the_others_go_on() {
    let Some(cluster) = Cluster::start(2) else { return };
    let mut bob = cluster.nodes[1].login("bob");
    wait_for_nodes(&cluster.nodes[1], &[("node1", "up", 0), ("node2", "up", 1)]);
    let drained = ctl(&cluster.nodes[1], "drain --deadline 1s");
    bob.expect(&format!("Until then nobody can join it. {OTHERS}\n> "));
    bob.expect(&format!("{OTHERS}\n{GOODBYE}"));
    assert_eq!(drained.status, 0, "{}", drained.err);
}

/// Where the node of this name says that it runs.
async fn place_of(cluster: &Cluster, node: &str) -> [u8; 8] {
    let mut reader = Node::start(&cluster.engine.url(), "reader").await;
    reader.wish(Wish::Watch).await;
    let written = reader.find("the node's key", |notice| match notice {
        Notice::Written(written) if written.key == node => written.bytes.clone(),
        _ => None,
    });
    let value = written.await;
    value[11..19].try_into().unwrap()
}

#[tokio::test]
async fn a_node_that_was_killed_has_its_name_back_by_its_folder_and_no_other_folder_has_it() {
    let Some(mut cluster) = Cluster::start(1) else { return };
    let before = place_of(&cluster, "node1").await;
    let folder = cluster.kill(0);
    cluster.revive(0, folder);
    assert_eq!(place_of(&cluster, "node1").await, before);
    // Neither a copy of it, with all that is in it, nor an empty one.
    let folder = cluster.kill(0);
    let copy = Folder::new();
    let copied = Command::new("cp").arg("-a").arg(folder.join("data")).arg(copy.path()).status();
    assert!(copied.unwrap().success());
    cluster.revive(0, folder);
    for other in [copy, Folder::new()] {
        let mut other = launch(other, cluster.engine.port, "node1");
        assert_eq!(other.wait(), 1, "{}", other.out());
        assert!(other.log().contains("another server runs as the node of this name"));
    }
    assert_eq!(place_of(&cluster, "node1").await, before);
    cluster.nodes[0].login("alice").ask("here still", "╰─> here still\n");
}
