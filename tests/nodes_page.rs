//! The page and hooks on several nodes: a message has one number on all of them, and what is posted while a node
//! has lost the others is refused and not lost.

use serde_json::json;

use crate::hooks::{add_hook, post};
use crate::nodes::Cluster;
use crate::people::registered;
use crate::socket::{Socket, WEB};

#[test]
fn a_message_has_the_same_number_on_all_nodes_and_since_goes_on_from_it_on_any() {
    let Some(mut cluster) = Cluster::start_with(2, &[WEB]) else { return };
    let mut ann = Socket::login(&cluster.nodes[0], "ann");
    let mut bob = Socket::login(&cluster.nodes[1], "bob");
    ann.expect("join");
    let mut last = 0;
    for number in 0..6 {
        let text = format!("line {number}");
        if number % 2 == 0 { &mut ann } else { &mut bob }.say(&text);
        let [here, there] = [&mut ann, &mut bob].map(|page| page.expect("message"));
        for field in ["id", "at", "from", "lobby", "text"] {
            assert_eq!(here[field], there[field], "{field}: {here} and {there}");
        }
        assert_eq!(here["text"], text);
        let id = here["id"].as_u64().unwrap();
        assert!(number == 0 || id == last + 1, "{id} after {last}");
        last = id;
    }
    let first = last - 5;
    // What was lost on one node is asked for on the other.
    drop(ann);
    bob.expect_that("leave", |event| event["from"] == "ann");
    for text in ["missed", "missed too"] {
        bob.say(text);
        bob.expect("message");
    }
    let want = vec![(last + 1, json!("missed")), (last + 2, json!("missed too"))];
    let mut ann = Socket::login(&cluster.nodes[1], "anna");
    assert_eq!(ann.since(last), (want.clone(), json!(2)));
    // It is the same on a node that was killed, and learns of it when it is back.
    let folder = cluster.kill(0);
    bob.say("while one was gone");
    let gone = bob.expect("message")["id"].as_u64().unwrap();
    assert_eq!(gone, last + 3);
    cluster.revive(0, folder);
    let mut carol = Socket::login(&cluster.nodes[0], "carol");
    let (all, count) = carol.since(first);
    let ids: Vec<u64> = all.iter().map(|(id, _)| *id).collect();
    assert_eq!((ids, count), ((first + 1..=gone).collect(), json!(gone - first)));
    assert_eq!(all[5..7], want);
    carol.say("again");
    let [here, there] = [&mut carol, &mut bob].map(|page| page.expect("message"));
    assert_eq!((&here["id"], &there["id"]), (&json!(gone + 1), &json!(gone + 1)));
    // What is taken back is named by that number everywhere.
    carol.send("/undo");
    for page in [&mut carol, &mut bob, &mut ann] {
        assert_eq!(page.expect("undone")["id"], gone + 1);
    }
}

#[test]
fn what_is_posted_while_the_engine_is_away_is_refused_and_shown_when_it_is_posted_again() {
    let Some(mut cluster) = Cluster::start_with(2, &[WEB]) else { return };
    let mut alice = registered(&cluster.nodes[0], "alice");
    let mut bob = cluster.nodes[1].login("bob");
    alice.ask("/create den no-pass a den", "Created");
    // What was told on one node is on the other a moment later.
    alice.ask("made", "made\n");
    bob.expect("made\n");
    for client in [&mut alice, &mut bob] {
        client.ask("/join den", "in 'den'");
    }
    let token = add_hook(&mut alice, "ci");
    // Also a node that it was not added on has it, a moment later.
    let start = std::time::Instant::now();
    while post(&cluster.nodes[1], &token, "", b"before").status != 200 {
        assert!(start.elapsed() < crate::harness::PATIENCE);
    }
    for client in [&mut alice, &mut bob] {
        client.expect("╰─> before\n");
    }
    cluster.engine.kill();
    for client in [&mut alice, &mut bob] {
        client.expect("The other servers cannot be reached.");
    }
    for node in &cluster.nodes {
        let answer = post(node, &token, "", b"while it was away");
        assert_eq!(answer.status, 503, "{}", answer.body);
        assert!(answer.header("Retry-After").is_some());
        // Who knows no token learns nothing new.
        assert_eq!(post(node, "none", "", b"x").status, 404);
    }
    cluster.engine.run();
    // Whoever posts comes again until it is taken.
    let start = std::time::Instant::now();
    while post(&cluster.nodes[1], &token, "", b"after").status != 200 {
        assert!(start.elapsed() < crate::harness::PATIENCE);
        std::thread::sleep(std::time::Duration::from_millis(200));
    }
    for client in [&mut alice, &mut bob] {
        let shown = client.expect("╰─> after\n");
        assert!(!shown.contains("while it was away"), "{shown}");
    }
}
