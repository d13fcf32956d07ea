//! An engine whose disk is full: what is said waits, people are told, nobody is lost, and all goes on when there is
//! room again. And a node whose own is: it has all that the others have afterwards.

use std::thread;
use std::time::{Duration, Instant};

use crate::harness::{Client, PATIENCE, Server, lobbyd};
use crate::nats_server::NatsServer;
use crate::nodes::{AWAY, Cluster};
use crate::operator::{ADMIN, admin_port, get, wait_for};
use crate::store::{limit_file_size, start_with_a_limit_on_files};

const BACK: &str = "[LOBBY] The other servers are back.";

/// Words that fill a disk.
fn words(number: usize) -> String {
    format!("{number} {}", "🦀".repeat(900))
}

/// The numbers of what somebody was shown.
fn numbers(client: &Client) -> Vec<usize> {
    let text = client.text();
    let shown = text.lines().filter_map(|line| line.strip_prefix("  ╰─> "));
    shown.filter_map(|words| words.split(' ').next()?.parse().ok()).collect()
}

#[test]
fn what_is_said_while_the_engine_has_no_room_waits_until_it_has() {
    let small = "jetstream { store_dir: STORE, max_file_store: 300KB }";
    let Some(engine) = NatsServer::start_with(small) else { return };
    let mut cluster = Cluster::on(engine, 2, &[ADMIN]);
    let mut alice = cluster.nodes[0].login("alice");
    let mut bob = cluster.nodes[1].login("bob");
    alice.expect("bob has joined the lobby");
    // One line after the other, until one is not shown: then the engine has no room.
    let mut said = 0;
    loop {
        alice.send(&words(said));
        said += 1;
        let shown = format!("╰─> {} ", said - 1);
        if alice.expect_one_of(&[&shown, AWAY]) == AWAY {
            break;
        }
        bob.expect(&shown);
        assert!(said < 500, "it has room for more than it was given");
    }
    assert!(said > 20, "it had no room from the start: {said}");
    bob.expect(AWAY);
    for node in &mut cluster.nodes {
        let ready = get(node, "/health/ready");
        assert_eq!(ready.status, 503, "{}", ready.body);
        assert_eq!(get(node, "/health/live").status, 200);
        node.wait_for_log("the engine refuses to store anything");
        assert_eq!(node.log().matches("the engine refuses to store anything").count(), 1);
    }
    // More waits; nobody comes in.
    for _ in 0..5 {
        alice.send(&words(said));
        said += 1;
    }
    let mut carol = cluster.nodes[1].connect();
    carol.expect("Enter your username: ");
    carol.ask("carol", "The other servers cannot be reached, try again in a moment.");
    bob.ask("/users", "=== Users in 'general' (2) ===");

    cluster.engine.kill();
    cluster.engine.configure("jetstream { store_dir: STORE, max_file_store: 100MB }");
    cluster.engine.run();
    for client in [&mut alice, &mut bob] {
        client.expect(&format!("╰─> {} ", said - 1));
        assert_eq!(numbers(client), (0..said).collect::<Vec<_>>());
    }
    alice.ask("that was all", "╰─> that was all\n");
    bob.expect("╰─> that was all\n");
    for client in [&mut alice, &mut bob] {
        // It is told once all is there that was said meanwhile.
        let start = Instant::now();
        while !client.text().contains(BACK) {
            assert!(start.elapsed() < PATIENCE, "the servers are not told to be back");
            client.read_some();
        }
        client.ask("/users", "=== Users in 'general' (2) ===");
        let seen = client.text();
        for once in [AWAY, BACK] {
            assert_eq!(seen.matches(once).count(), 1, "{once}");
        }
        assert!(!seen.contains("lost their connection"));
    }
    for node in &cluster.nodes {
        wait_for(admin_port(node), "/health/ready", |answer| answer.status == 200);
    }
    carol.log_in("carol");
    carol.ask("/users", "=== Users in 'general' (3) ===");
}

/// All that a node has of what was said in general.
fn exported(node: &Server) -> Vec<u8> {
    lobbyd(node.folder.path(), &[], &["export", "general"]).output().unwrap().stdout
}

/// Waits until this many lines were exported.
#[track_caller]
fn wait_for_lines(node: &Server, lines: usize) -> Vec<u8> {
    let start = Instant::now();
    loop {
        let all = exported(node);
        let count = all.iter().filter(|byte| **byte == b'\n').count();
        if count == lines {
            return all;
        }
        assert!(start.elapsed() < 3 * PATIENCE && count < lines, "{count} lines, and not {lines}");
        thread::sleep(Duration::from_secs(1));
    }
}

#[test]
fn a_node_whose_disk_was_full_has_all_that_was_said_meanwhile() {
    // Far more than may wait for a disk.
    const LINES: usize = 5_000;
    let Some(cluster) = Cluster::start(1) else { return };
    let one = &cluster.nodes[0];
    let url = cluster.engine.url();
    let full = [("NATS_URL", url.as_str()), ("CHAT_NODE", "full"), ("RUST_LOG", "info"), ADMIN];
    let mut two = start_with_a_limit_on_files(&full);
    let mut alice = one.login("alice");
    alice.ask("/echo off", "> ");
    limit_file_size(&two, "0");
    for number in 0..LINES {
        alice.send(&words(number));
    }
    let all = wait_for_lines(one, LINES);
    two.wait_for_log("the database cannot be written");
    // The log waits on the engine.
    let start = Instant::now();
    let waits = |metrics: String| {
        let behind = metrics.lines().find_map(|line| line.strip_prefix("lobbyd_cluster_behind "));
        behind.unwrap().parse::<u64>().unwrap() > 0
    };
    while !waits(get(&two, "/metrics").body) {
        assert!(start.elapsed() < PATIENCE);
    }
    limit_file_size(&two, "unlimited");
    assert!(wait_for_lines(&two, LINES) == all, "both have the same");
    two.wait_for_log("the database is written again; 0 changes were lost meanwhile");
}
