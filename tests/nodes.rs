//! Several nodes, one chat: what people of one see of those of another.

use crate::engine::NatsServer;
use crate::harness::{Client, Server};
use crate::people::quit;

/// Nodes on one engine.
pub(crate) struct Cluster {
    engine: NatsServer,
    pub(crate) nodes: Vec<Server>,
}

impl Cluster {
    /// So many; none where there is no engine on this machine.
    pub(crate) fn start(count: usize) -> Option<Self> {
        let mut cluster = Self { engine: NatsServer::start()?, nodes: Vec::new() };
        for _ in 0..count {
            cluster.add();
        }
        Some(cluster)
    }

    pub(crate) fn add(&mut self) -> &mut Server {
        let name = format!("node{}", self.nodes.len() + 1);
        let url = self.engine.url();
        let env = [
            ("NATS_URL", url.as_str()),
            ("CHAT_NODE", name.as_str()),
            ("CHAT_DATA_DIR", "off"),
            ("CHAT_RATE_MESSAGES", "0"),
            ("RUST_LOG", "info"),
        ];
        self.nodes.push(Server::start(&env));
        self.nodes.last_mut().unwrap()
    }
}

#[test]
fn people_of_all_nodes_are_in_one_lobby_and_see_the_same() {
    let Some(cluster) = Cluster::start(3) else { return };
    let [one, two, three] = &cluster.nodes[..] else { panic!() };
    let mut alice = one.login("alice");
    let mut bob = two.login("bob");
    alice.expect("[LOBBY] bob has joined the lobby");
    let mut carol = three.login("carol");
    alice.expect("[LOBBY] carol has joined the lobby");
    bob.expect("[LOBBY] carol has joined the lobby");
    alice.send("hello from one");
    for client in [&mut alice, &mut bob, &mut carol] {
        client.expect("╰─> hello from one\n");
    }
    carol.send("hello from three");
    for client in [&mut alice, &mut bob, &mut carol] {
        client.expect("╰─> hello from three\n");
    }
    bob.ask("/users", "=== Users in 'general' (3) ===");
    quit(carol);
    for client in [&mut alice, &mut bob] {
        client.expect("[LOBBY] carol has left the lobby");
    }
}

#[test]
fn a_name_is_had_once_over_all_nodes_and_is_free_when_its_user_leaves() {
    let Some(cluster) = Cluster::start(2) else { return };
    let [one, two] = &cluster.nodes[..] else { panic!() };
    let alice = one.login("alice");
    let mut other = two.connect();
    other.expect("Enter your username: ");
    other.ask("ALICE", "Username already taken, try another.");
    let mut bob = two.login("bob");
    quit(alice);
    bob.expect("alice has left");
    other.ask("alice", "You are alice in 'general' with bob");
}

#[test]
fn of_many_who_want_a_name_at_once_one_has_it() {
    let Some(cluster) = Cluster::start(3) else { return };
    let mut clients: Vec<Client> = (0..30).map(|n| cluster.nodes[n % 3].connect()).collect();
    clients.iter_mut().for_each(|client| _ = client.expect("Enter your username: "));
    clients.iter_mut().for_each(|client| client.send("popular"));
    let answers = ["You are alone in 'general'", "Username already taken"];
    let had = clients
        .iter_mut()
        .filter_map(|c| (c.expect_one_of(&answers) == answers[0]).then_some(()))
        .count();
    assert_eq!(had, 1);
}

#[test]
fn lobbies_orders_and_letters_go_over_nodes() {
    let Some(cluster) = Cluster::start(2) else { return };
    let [one, two] = &cluster.nodes[..] else { panic!() };
    let mut alice = one.login("alice");
    let mut bob = two.login("bob");
    alice.ask("/create den hunter2 a den", "Created private lobby 'den'");
    // What was told on one node is on the other a moment later.
    alice.send("made");
    bob.expect("╰─> made\n");
    bob.ask("/join den", "needs one");
    bob.ask("/join den hunter2", "You are alone in 'den'");
    alice.ask("/join den hunter2", "You are alice in 'den' with bob");
    bob.expect("alice has joined the lobby");
    alice.ask("/kick bob go", "kicked bob");
    bob.expect("You were kicked from 'den' by alice");
    bob.expect("in 'general'");
    alice.ask("/msg bob hi there", "hi there");
    bob.expect("hi there");
    bob.ask("/r hi back", "hi back");
    alice.expect("hi back");
}

#[test]
fn the_people_of_a_node_that_dies_leave_with_one_notice() {
    let Some(mut cluster) = Cluster::start(2) else { return };
    let mut alice = cluster.nodes[0].login("alice");
    let mut bob = cluster.nodes[1].login("bob");
    let _carol = cluster.nodes[1].login("carol");
    bob.expect("carol has joined");
    alice.expect("carol has joined");
    cluster.nodes[1].signal("KILL");
    alice.expect("[LOBBY] 2 people lost their connection: ");
    alice.ask("/users", "=== Users in 'general' (1) ===");
    let mut bob = cluster.nodes[0].login("bob");
    bob.ask("again", "again\n");
    // It comes back and catches up.
    let node = cluster.add();
    let _dave = node.login("dave");
    alice.expect("dave has joined the lobby");
}
