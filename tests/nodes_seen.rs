//! Several nodes as operators see them: from any of them, on the console, the page and in the metrics; and a node
//! that is busy, behind, or cannot go on.

use std::thread::{self, available_parallelism};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::console::{asks, ctl, fails, gives};
use crate::counting::wait_for_metrics;
use crate::engine::Other;
use crate::harness::{Client, FAULTS, Folder, PATIENCE, Server, run};
use crate::nodes::Cluster;
use crate::operator::{ADMIN, admin_port, ask, get, wait_for};
use crate::people::{PASSWORD, registered};

/// The nodes as this one lists them, for programs.
fn nodes(server: &Server) -> Vec<Value> {
    serde_json::from_str(&ctl(server, "nodes --json").out).unwrap()
}

/// Waits until this node lists these: name, state, users.
#[track_caller]
pub(crate) fn wait_for_nodes(server: &Server, wanted: &[(&str, &str, u64)]) -> Vec<Value> {
    let start = Instant::now();
    loop {
        let all = nodes(server);
        let told = |node: &Value| {
            let text = |key: &str| node[key].as_str().unwrap().to_owned();
            (text("name"), text("state"), node["users"].as_u64().unwrap())
        };
        let seen: Vec<_> = all.iter().map(told).collect();
        if seen.iter().map(|(name, state, users)| (&**name, &**state, *users)).eq(wanted.to_vec()) {
            return all;
        }
        assert!(start.elapsed() < PATIENCE, "{seen:?}, and not {wanted:?}");
        thread::sleep(Duration::from_millis(50));
    }
}

/// What a series of the metrics is at.
#[track_caller]
fn metric(server: &Server, name: &str) -> u64 {
    let text = get(server, "/metrics").body;
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("no {name}: {text}")).parse().unwrap()
}

#[test]
fn a_single_server_says_in_one_line_that_it_is_alone() {
    let server = Server::start(&[]);
    assert_eq!(ctl(&server, "nodes").out, "This server is alone (NATS_URL is off).\n");
    assert_eq!(ctl(&server, "nodes --json").out, "[]\n");
}

#[test]
fn all_nodes_are_seen_from_each_of_them() {
    let Some(mut cluster) = Cluster::start_with(2, &[ADMIN]) else { return };
    let [one, two] = &cluster.nodes[..] else { panic!() };
    let mut alice = one.login("alice");
    let _bob = two.login("bob");
    let _carol = two.login("carol");
    alice.expect("carol has joined");
    for node in [one, two] {
        let all = wait_for_nodes(node, &[("node1", "up", 1), ("node2", "up", 2)]);
        for node in &all {
            assert_eq!(node["version"], env!("CARGO_PKG_VERSION"));
            assert!(node["position"].as_u64() > Some(3), "{node}");
            let keys: Vec<_> = node.as_object().unwrap().keys().map(String::as_str).collect();
            assert_eq!(keys, ["behind", "name", "position", "state", "users", "version"]);
        }
        let told = ctl(node, "nodes").out;
        let lines: Vec<&str> = told.lines().collect();
        let heads: Vec<&str> = lines[0].split_whitespace().collect();
        assert_eq!(heads, ["NAME", "STATE", "VERSION", "USERS", "POSITION", "BEHIND"], "{told}");
        assert!(lines[1].starts_with("node1") && lines[3] == "2 nodes", "{told}");
        let figures: Value = serde_json::from_str(&get(node, "/figures").body).unwrap();
        assert_eq!(figures["nodes"].as_array().map(Vec::len), Some(2));
        assert_eq!(figures["nodes"][1]["name"], "node2");
    }
    for (node, here) in [(one, 1.0), (two, 2.0)] {
        wait_for_metrics(admin_port(node), &[("lobbyd_users", 3.0), ("lobbyd_users_here", here)]);
    }
    let before = metric(two, "lobbyd_cluster_position");
    for line in 0..20 {
        alice.ask(&format!("line {line}"), &format!("line {line}\n"));
    }
    let start = Instant::now();
    while metric(two, "lobbyd_cluster_position") < before + 20 {
        assert!(start.elapsed() < PATIENCE);
    }
    assert!(metric(two, "lobbyd_cluster_records_total") >= before + 20);
    let zero = ["behind", "cut_off", "foreign_records_total", "waiting"];
    for name in zero.map(|name| format!("lobbyd_cluster_{name}")) {
        let start = Instant::now();
        while metric(two, &name) != 0 {
            assert!(start.elapsed() < PATIENCE, "{name}");
        }
    }
    // One is lost: it is not heard, and then it is given up.
    cluster.kill(1);
    wait_for_nodes(&cluster.nodes[0], &[("node1", "up", 1), ("node2", "cut off", 2)]);
    wait_for_nodes(&cluster.nodes[0], &[("node1", "up", 1), ("node2", "gone", 0)]);
    wait_for_metrics(admin_port(&cluster.nodes[0]), &[("lobbyd_users", 1.0)]);
}

#[test]
fn a_node_without_its_engine_says_that_it_is_cut_off() {
    let Some(mut cluster) = Cluster::start_with(1, &[ADMIN]) else { return };
    let mut alice = cluster.nodes[0].login("alice");
    wait_for_nodes(&cluster.nodes[0], &[("node1", "up", 1)]);
    cluster.engine.kill();
    alice.expect("The other servers cannot be reached.");
    wait_for_nodes(&cluster.nodes[0], &[("node1", "cut off", 1)]);
    assert_eq!(metric(&cluster.nodes[0], "lobbyd_cluster_cut_off"), 1);
    alice.send("waits");
    let start = Instant::now();
    while metric(&cluster.nodes[0], "lobbyd_cluster_waiting") == 0 {
        assert!(start.elapsed() < PATIENCE);
    }
    cluster.engine.run();
    alice.expect("╰─> waits\n");
    wait_for_nodes(&cluster.nodes[0], &[("node1", "up", 1)]);
}

#[test]
fn what_the_operator_orders_without_the_engine_is_not_done_and_says_why() {
    let Some(mut cluster) = Cluster::start(1) else { return };
    let mut alice = cluster.nodes[0].login("alice");
    cluster.engine.kill();
    alice.expect("The other servers cannot be reached.");
    let why = "the other servers cannot be reached: nothing was done";
    for order in ["kick alice", "gban alice 1h rude", "ungban alice", "announce hear"] {
        fails(&cluster.nodes[0], order, 1, why);
    }
    let told = gives(&cluster.nodes[0], "bob", PASSWORD);
    assert_eq!((told.status, told.err), (1, format!("lobbyd: {why}\n")));
    // What only shows goes on.
    assert!(ctl(&cluster.nodes[0], "users").out.contains("alice"));
    cluster.engine.run();
    alice.expect("The other servers are back.");
    assert_eq!(gives(&cluster.nodes[0], "bob", PASSWORD).status, 0);
    ctl(&cluster.nodes[0], "announce hear");
    let shown = alice.expect("hear\n");
    assert!(!shown.contains("kicked") && !shown.contains("banned"), "{shown}");
}

#[test]
fn what_nobody_of_ours_wrote_into_the_log_is_counted_and_skipped() {
    let Some(mut cluster) = Cluster::start_with(1, &[ADMIN]) else { return };
    let mut alice = cluster.nodes[0].login("alice");
    let mut other = Other::connect(&cluster.engine);
    for (subject, bytes) in [
        ("lobbyd.log.l.1", &b"rubbish"[..]),
        ("lobbyd.log.p", b""),
        ("lobbyd.log.x.y", b"{}"),
        ("$KV.lobbyd_NODES.rubbish", b"rubbish"),
        ("$KV.lobbyd_NODES.no=node", b""),
        ("lobbyd.to.node1.1", b"no letter"),
    ] {
        other.publish(subject, "", bytes);
    }
    // A whole record with nothing of ours in it, of a node that has written one key more.
    Forged::begin(&cluster, "forged").say(&["no record", "{}"]);
    let node = &mut cluster.nodes[0];
    let start = Instant::now();
    while metric(node, "lobbyd_cluster_foreign_records_total") < 8 {
        assert!(start.elapsed() < PATIENCE);
    }
    assert_eq!(metric(node, "lobbyd_cluster_foreign_records_total"), 8);
    alice.ask("goes on", "╰─> goes on\n");
    // What comes within a minute is told then.
    node.wait_for_log("skipped what no node has written: ");
    assert_eq!(node.log().matches("skipped").count(), 1, "{}", node.log());
}

/// A whole record: its version and kind, whose, which number, and what is in it.
fn whole([version, kind]: [u8; 2], life: u64, number: u64, rest: &[u8]) -> Vec<u8> {
    let head = [&[version, kind][..], &life.to_be_bytes(), &number.to_be_bytes()].concat();
    let body = [&head, rest].concat();
    let check = |hash: u32, byte: &u8| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193);
    let check = body.iter().fold(0x811c_9dc5_u32, check);
    let length = u32::try_from(body.len()).unwrap();
    [&b"LBYD"[..], &length.to_be_bytes(), &check.to_be_bytes(), &body].concat()
}

/// A whole record of a version that is not known yet.
fn of_a_later_version() -> Vec<u8> {
    whole([250, 1], 0, 0, b"")
}

/// A node that somebody plays, whose life has begun.
struct Forged {
    other: Other,
    life: u64,
    said: u64,
}

impl Forged {
    fn begin(cluster: &Cluster, name: &str) -> Self {
        let mut other = Other::connect(&cluster.engine);
        let told = other.ask(&format!("$KV.lobbyd_NODES.{name}"), b"of no node's form");
        let told: Value = serde_json::from_str(&told).unwrap();
        let life = told["seq"].as_u64().unwrap();
        other.ask("lobbyd.log.n", &whole([1, 2], life, 0, name.as_bytes()));
        Self { other, life, said: 0 }
    }

    /// Says these lines in one record.
    fn say(&mut self, lines: &[&str]) {
        let of = |line: &&str| {
            [&u32::try_from(line.len()).unwrap().to_be_bytes(), line.as_bytes()].concat()
        };
        let lines: Vec<u8> = lines.iter().flat_map(of).collect();
        self.other.ask("lobbyd.log.s", &whole([1, 4], self.life, self.said + 1, &lines));
        self.said += 1;
    }
}

/// A line of the log that deletes a lobby.
fn removal(lobby: u32) -> String {
    format!(r#"{{"lobbyd":1,"life":0,"n":0,"what":{{"lobby_removed":{lobby}}}}}"#)
}

#[test]
fn a_node_stops_before_what_it_does_not_know_however_often_it_is_started() {
    let Some(mut cluster) = Cluster::start(1) else { return };
    let mut alice = registered(&cluster.nodes[0], "alice");
    alice.ask("/create den a den", "Created");
    alice.ask("/create nest a nest", "Created");
    let mut forged = Forged::begin(&cluster, "later");
    // Ids begin with general's, 1.
    let unknown = r#"{"lobbyd":1,"life":0,"n":0,"what":{"moved_house":{"to":7}}}"#;
    forged.say(&[&removal(2), unknown, &removal(3)]);
    alice.expect("Server is restarting. Try again soon.\n");
    let mut node = cluster.nodes.remove(0);
    assert_eq!(node.wait(), 1);
    let why = |log: &str| {
        log.split_once("this node stops: ").unwrap().1.lines().next().unwrap().to_owned()
    };
    let first = why(&node.log());
    assert!(first.contains("has what this version does not know: kind 'moved_house'"), "{first}");
    // Neither what stands before it in its record has happened, nor what stands after it.
    let folder = node.into_folder();
    for lobby in ["den", "nest"] {
        let found = run(folder.path(), &[], &["export", lobby]);
        assert_eq!(found.status.code(), Some(0), "{lobby}");
    }
    let url = cluster.engine.url();
    let env = [("NATS_URL", url.as_str()), ("CHAT_NODE", "node1"), ("CHAT_ADDR", "127.0.0.1:0")];
    let again = run(folder.path(), &env, &[]);
    let said = String::from_utf8(again.stderr).unwrap();
    assert_eq!(again.status.code(), Some(1), "{said}");
    assert!(said.contains(&first), "{said}");
}

#[test]
fn a_node_that_cannot_go_on_says_why_and_ends_as_by_a_drain() {
    let Some(mut cluster) = Cluster::start(1) else { return };
    let node = &mut cluster.nodes[0];
    let mut alice = node.login("alice");
    alice.ask("kept", "╰─> kept\n");
    let mut other = Other::connect(&cluster.engine);
    other.publish("lobbyd.log.l.1", "", &of_a_later_version());
    // They are to come back, here or elsewhere.
    alice.expect("Server is restarting. Try again soon.\n");
    alice.read_to_end();
    assert_eq!(node.wait(), 1);
    let log = node.log();
    let why: Vec<_> = log.lines().filter(|line| line.contains("this node stops: ")).collect();
    assert!(why.len() == 1 && why[0].contains("is of version 250, kind 1"), "{log}");
    assert!(node.out().ends_with("GoodBye\n"), "{}", node.out());
    assert_eq!(asks(node.folder.path(), "status").status, 1, "nothing is left of it");
}

/// Builds without debug assertions have no hook to keep a thread busy.
#[cfg(debug_assertions)]
#[test]
fn a_node_whose_main_thread_is_busy_is_not_given_up() {
    let Some(cluster) = Cluster::start_with(2, &[ADMIN, FAULTS]) else { return };
    let [one, two] = &cluster.nodes[..] else { panic!() };
    let mut alice = one.login("alice");
    let mut bob = two.login("bob");
    alice.expect("bob has joined");
    // Longer than a node that is silent is waited for.
    bob.ask("/fault wedge Registry ListLobbies 8", "a fault is on its way");
    bob.ask("/lobbies", "=== Available Lobbies (1) ===");
    bob.ask("back", "╰─> back\n");
    let seen = alice.expect("╰─> back\n");
    assert!(!seen.contains("lost their connection"), "{seen}");
    wait_for_nodes(one, &[("node1", "up", 1), ("node2", "up", 1)]);
    assert!(!two.log().contains("cannot be reached"), "{}", two.log());
}

/// Two nodes, of which the second does not come on with the log for 38 s; somebody on it, and two at its prompt for
/// a name. None without an engine.
#[cfg(debug_assertions)]
fn stuck() -> Option<(Cluster, Client, [Client; 2])> {
    for _ in 0..3 {
        let cluster = Cluster::start_with(2, &[ADMIN, FAULTS])?;
        let [one, two] = &cluster.nodes[..] else { panic!() };
        let mut alice = one.login("alice");
        let mut bob = two.login("bob");
        // Connections go to the threads in turn.
        let mut knocking = [two.connect(), two.connect()];
        knocking.iter_mut().for_each(|client| _ = client.expect("Enter your username: "));
        // The thread of the first connection has general, too.
        bob.ask("/fault wedge Shard Deliver 38", "a fault is on its way");
        alice.ask("hello", "╰─> hello\n");
        alice.ask("more", "╰─> more\n");
        let behind = |node: &Value| node["name"] == "node2" && node["behind"].as_u64() > Some(0);
        thread::sleep(Duration::from_secs(5));
        if nodes(one).iter().any(behind) {
            return Some((cluster, bob, knocking));
        }
        // Something else on this machine took its port for another's and connected: then it is the other thread.
    }
    panic!("the second node comes on with the log")
}

#[cfg(debug_assertions)]
#[test]
fn a_node_that_is_far_behind_takes_no_logins_and_is_not_ready_until_it_has_caught_up() {
    let Some((mut cluster, mut bob, mut knocking)) = stuck() else { return };
    let (start, two) = (Instant::now(), &cluster.nodes[1]);
    let why = "this server is over 30 s behind the others\n";
    let port = admin_port(two);
    let told = loop {
        let told = ask(port, "GET", "/health/ready");
        if told.body.contains(why) {
            break told;
        }
        assert!(start.elapsed() < 3 * PATIENCE, "{}", told.body);
        thread::sleep(Duration::from_millis(100));
    };
    assert_eq!(told.status, 503);
    for (client, name) in knocking.iter_mut().zip(["carol", "dave"]) {
        client.send(name);
    }
    let answers = ["This server is behind the others, try again in a moment.", "You are "];
    let told = knocking.iter_mut().map(|client| client.expect_one_of(&answers));
    let refused = told.filter(|answer| *answer == answers[0]).count();
    // With one thread for all, nobody is answered before it goes on.
    assert!(refused > 0 || available_parallelism().is_ok_and(|cores| cores.get() == 1));
    bob.expect("╰─> more\n");
    wait_for(port, "/health/ready", |answer| answer.status == 200);
    let _erin = two.login("erin");
    let two = &mut cluster.nodes[1];
    two.wait_for_log("over 30 s behind the log");
    two.wait_for_log("caught up with the log again");
}

#[test]
fn a_second_process_of_a_name_that_lives_is_refused() {
    let Some(cluster) = Cluster::start(1) else { return };
    let mut alice = cluster.nodes[0].login("alice");
    let url = cluster.engine.url();
    let folder = Folder::new();
    let env = [("NATS_URL", url.as_str()), ("CHAT_NODE", "node1"), ("CHAT_ADDR", "127.0.0.1:0")];
    let refused = run(folder.path(), &env, &[]);
    let said = String::from_utf8(refused.stderr).unwrap();
    assert_eq!(refused.status.code(), Some(1), "{said}");
    assert!(said.contains("another server runs as the node of this name"), "{said}");
    alice.ask("here still", "╰─> here still\n");
}
