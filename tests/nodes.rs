//! Several nodes, one chat: what people of one see of those of another.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

use crate::harness::{Client, Folder, PATIENCE, Server, count, run};
use crate::nats_server::NatsServer;
use crate::people::{log_in_to, quit, registered, stop};
use crate::relay::Relay;

/// Nodes on one engine.
pub(crate) struct Cluster {
    pub(crate) engine: NatsServer,
    pub(crate) nodes: Vec<Server>,
    /// Settings of all nodes beside those that a cluster needs.
    more: Vec<(String, String)>,
}

impl Cluster {
    /// So many; none where there is no engine on this machine.
    pub(crate) fn start(count: usize) -> Option<Self> {
        Self::start_with(count, &[])
    }

    /// The same, with these settings.
    pub(crate) fn start_with(count: usize, more: &[(&str, &str)]) -> Option<Self> {
        Some(Self::on(NatsServer::start()?, count, more))
    }

    /// So many on an engine that runs, with these settings.
    pub(crate) fn on(engine: NatsServer, count: usize, more: &[(&str, &str)]) -> Self {
        let more = more.iter().map(|&(key, value)| (key.to_owned(), value.to_owned())).collect();
        let mut cluster = Self { engine, nodes: Vec::new(), more };
        for _ in 0..count {
            cluster.add();
        }
        cluster
    }

    /// One more.
    pub(crate) fn add(&mut self) -> &mut Server {
        let name = format!("node{}", self.nodes.len() + 1);
        let node = self.start_node(&name, Folder::new());
        self.nodes.push(node);
        self.nodes.last_mut().unwrap()
    }

    /// One more, whose way to the engine can be cut.
    pub(crate) fn add_relayed(&mut self) -> Relay {
        let relay = Relay::to(self.engine.port);
        let name = format!("node{}", self.nodes.len() + 1);
        let url = format!("nats://127.0.0.1:{}", relay.port);
        let node = self.start_at(&url, &name, Folder::new());
        self.nodes.push(node);
        relay
    }

    /// The node of this name, with what is in the folder.
    fn start_node(&self, name: &str, folder: Folder) -> Server {
        self.start_at(&self.engine.url(), name, folder)
    }

    fn start_at(&self, url: &str, name: &str, folder: Folder) -> Server {
        let mut env = vec![
            ("NATS_URL", url),
            ("CHAT_NODE", name),
            ("CHAT_RATE_MESSAGES", "0"),
            ("RUST_LOG", "info"),
        ];
        env.extend(self.more.iter().map(|(key, value)| (key.as_str(), value.as_str())));
        Server::start_in(folder, &env)
    }

    /// A client of a node that has just made its name an account, which all nodes know.
    pub(crate) fn registered(&self, index: usize, name: &str) -> Client {
        let client = registered(&self.nodes[index], name);
        let start = Instant::now();
        let asks = |node: &Server| {
            let mut other = node.connect();
            other.expect("Enter your username: ");
            other.send(name);
            other.expect_one_of(&["Password: ", "Username already taken"]) == "Password: "
        };
        for node in &self.nodes {
            while !asks(node) {
                assert!(start.elapsed() < PATIENCE, "'{name}' is not known as an account");
            }
        }
        client
    }

    /// Kills a node at whatever instant this is.
    pub(crate) fn kill(&mut self, index: usize) -> Folder {
        let mut node = self.nodes.remove(index);
        node.signal("KILL");
        node.wait();
        node.into_folder()
    }

    /// Starts it again.
    pub(crate) fn revive(&mut self, index: usize, folder: Folder) {
        let node = self.start_node(&format!("node{}", index + 1), folder);
        self.nodes.insert(index, node);
    }
}

/// A name for whoever reads: on another node it may be somebody's for a moment after they have left.
pub(crate) fn reader() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("reader{}", NEXT.fetch_add(1, Ordering::Relaxed))
}

/// What was said in general, as a node knows it.
pub(crate) fn history(node: &Server) -> Vec<String> {
    let name = reader();
    let mut reader = node.login(&name);
    reader.send("/history 50");
    let shown = reader.sync(&name);
    quit(reader);
    let said = shown.lines().filter_map(|line| line.strip_prefix("  ╰─> "));
    // What the client says to wait for its turn has no words.
    said.filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

#[test]
fn a_node_that_was_killed_goes_on_where_it_was_and_has_what_it_missed() {
    let Some(mut cluster) = Cluster::start(2) else { return };
    let mut alice = registered(&cluster.nodes[0], "alice");
    let mut bob = registered(&cluster.nodes[1], "bob");
    alice.ask("/create den a den", "Created");
    for number in 0..20 {
        bob.ask(&format!("before {number}"), &format!("╰─> before {number}\n"));
    }
    let folder = cluster.kill(1);
    alice.expect("[LOBBY] 1 person lost their connection: bob");
    for number in 0..20 {
        alice.ask(&format!("missed {number}"), &format!("╰─> missed {number}\n"));
    }
    let mut carol = registered(&cluster.nodes[0], "carol");
    carol.ask("/msg bob a letter", "bob");
    cluster.revive(1, folder);
    // Who is there, it knows from before and from what it missed.
    let mut other = cluster.nodes[1].connect();
    other.expect("Enter your username: ");
    other.ask("alice", "Password: ");
    let (mut bob, shown) = log_in_to(&cluster.nodes[1], "bob");
    assert!(shown.contains("a letter") && shown.contains("missed 19"), "{shown}");
    bob.ask("/users", "=== Users in 'general' (3) ===");
    bob.ask("/lobbies", "den");
    bob.ask("again", "╰─> again\n");
    alice.expect("╰─> again\n");
    let [one, two] = [0, 1].map(|node| history(&cluster.nodes[node]));
    assert_eq!(one.len(), 41, "{one:?}");
    assert_eq!(one, two);
    // All of them, and with nobody left to ask.
    let folders = [cluster.kill(1), cluster.kill(0)];
    let [second, first] = folders;
    cluster.revive(0, first);
    cluster.revive(1, second);
    let (mut alice, _) = log_in_to(&cluster.nodes[0], "alice");
    let (mut bob, _) = log_in_to(&cluster.nodes[1], "bob");
    bob.ask("at last", "╰─> at last\n");
    alice.expect("╰─> at last\n");
    alice.ask("/users", "=== Users in 'general' (2) ===");
    let [one, two] = [0, 1].map(|node| history(&cluster.nodes[node]));
    assert_eq!((one.len(), one.last().unwrap().as_str()), (42, "at last"));
    assert_eq!(one, two);
}

#[test]
fn whoever_went_to_another_lobby_is_there_on_a_node_that_was_killed_too() {
    let Some(mut cluster) = Cluster::start(2) else { return };
    let mut alice = cluster.nodes[0].login("alice");
    let mut bob = cluster.nodes[1].login("bob");
    alice.ask("/create den no-pass a den", "Created");
    // What was told on one node is on the other a moment later.
    alice.ask("made", "made\n");
    bob.expect("made\n");
    for client in [&mut alice, &mut bob] {
        client.ask("/join den", "in 'den'");
    }
    alice.ask("before", "╰─> before\n");
    bob.expect("╰─> before\n");
    // What has been shown is stored a moment later.
    cluster.nodes[1].login("carol").ask("/history 1", "> ");
    let folder = cluster.kill(1);
    alice.ask("missed", "╰─> missed\n");
    cluster.revive(1, folder);
    let mut bob = cluster.nodes[1].connect();
    bob.expect("Enter your username: ");
    bob.ask("dave", "You are");
    bob.ask("/join den", "╰─> missed\n");
    alice.expect("[LOBBY] dave has joined the lobby");
    alice.ask("/users", "=== Users in 'den' (2) ===");
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
    // That the lobby was left may come out of the log a moment before that the name was.
    let (start, taken) = (Instant::now(), "Username already taken, try another.");
    let has_it = "You are alice in 'general' with bob";
    other.send("alice");
    while other.expect_one_of(&[has_it, taken]) == taken {
        assert!(start.elapsed() < PATIENCE, "the name is never free");
        other.send("alice");
    }
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
    bob.expect("alice kicked you from 'den': go");
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

pub(crate) const AWAY: &str =
    "[LOBBY] The other servers cannot be reached. What you write is sent when they can.";

#[test]
fn the_people_of_a_node_that_was_cut_off_are_back_and_are_shown_everything_once() {
    let Some(mut cluster) = Cluster::start(1) else { return };
    let relay = cluster.add_relayed();
    let [one, two] = &cluster.nodes[..] else { panic!() };
    let mut alice = one.login("alice");
    let mut bob = two.login("bob");
    let mut carol = registered(two, "carol");
    let mut dave = two.login("dave");
    let mut erin = registered(two, "erin");
    alice.expect("erin has joined");
    erin.ask("/create den cosy", "Created");
    erin.ask("/join den", "You are alone in 'den'");
    relay.cut();
    for client in [&mut bob, &mut carol, &mut dave, &mut erin] {
        client.expect(AWAY);
    }
    bob.send("bob waits");
    dave.send("dave waits");
    alice.expect("[LOBBY] 3 people lost their connection: ");
    alice.ask("meanwhile", "╰─> meanwhile\n");
    let mut other_dave = one.login("dave");
    let (mut other_carol, _) = log_in_to(one, "carol");
    relay.heal();
    bob.expect("╰─> meanwhile\n");
    bob.expect("[LOBBY] The other servers are back.");
    bob.expect("╰─> bob waits\n");
    alice.expect("bob has joined");
    alice.expect("╰─> bob waits\n");
    dave.expect("Not sent: 1 line, from: dave waits\n");
    dave.expect(
        "Your name was taken while the servers could not be reached.\nEnter your username: ",
    );
    carol.expect("Logged in from elsewhere.");
    dave.ask("david", "You are david in 'general' with ");
    // And the operators know.
    cluster.nodes[0].wait_for_log("node node2 is given up as lost");
    for told in ["this node was given up as lost", "of its people 4 come in again"] {
        cluster.nodes[1].wait_for_log(told);
    }
    // What was told on one node is on the other a moment later.
    other_dave.expect("[LOBBY] david has joined");
    other_dave.ask("/users", "=== Users in 'general' (5) ===");
    bob.ask("/users", "=== Users in 'general' (5) ===");
    other_carol.ask("/msg erin still there?", "still there?");
    erin.expect("still there?");
    erin.ask("/users", "=== Users in 'den' (1) ===");
    erin.ask("/join general", "[LOBBY] ");
    let seen = bob.text();
    for once in ["meanwhile", "bob waits"] {
        assert_eq!(count(&seen, &format!("╰─> {once}\n")), 1, "{seen}");
    }
    assert!(!seen.contains("lost their connection"), "{seen}");
    assert!(!seen.contains("dave waits"), "{seen}");
    let [one, two] = [0, 1].map(|node| history(&cluster.nodes[node]));
    assert_eq!(one, two);
    assert!(!one.iter().any(|line| line == "dave waits"), "{one:?}");
}

#[test]
fn the_database_of_a_single_server_becomes_the_beginning_of_a_cluster() {
    let Some(engine) = NatsServer::start() else { return };
    let url = engine.url();
    let node = |name: &'static str| [("NATS_URL", url.as_str()), ("CHAT_NODE", name)];
    let alone = Server::start(&[]);
    let mut alice = registered(&alone, "alice");
    alice.ask("before there were nodes", "╰─> before");
    alice.ask("/create den cosy", "Created");
    let folder = stop(alone);
    // Not by itself, since another cluster may be meant.
    let out = run(folder.path(), &node("one"), &[]);
    let told = String::from_utf8(out.stderr).unwrap();
    assert_eq!(out.status.code(), Some(1), "{told}");
    assert!(told.contains("lobbyd.db: this is the database of a single server."), "{told}");
    assert!(told.contains("lobbyd cluster refound"), "{told}");
    let out = run(folder.path(), &node("one"), &["cluster", "refound"]);
    assert_eq!(out.status.code(), Some(2));
    let means = String::from_utf8(out.stdout).unwrap();
    assert!(
        means.contains("The cluster 'lobbyd' has no log at ") && !means.contains("lost"),
        "{means}"
    );
    assert!(String::from_utf8(out.stderr).unwrap().contains("--yes"));
    let out = run(folder.path(), &[], &["cluster", "refound", "--yes"]);
    assert_eq!(out.status.code(), Some(2), "NATS_URL is off");
    let out = run(folder.path(), &node("one"), &["cluster", "refound", "--yes"]);
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    assert!(String::from_utf8(out.stdout).unwrap().contains("1 accounts, 1 messages"));
    let one = Server::start_in(folder, &node("one"));
    let (mut alice, _) = log_in_to(&one, "alice");
    alice.ask("now there are", "╰─> now there are");
    // Who would begin it anew is told who runs.
    let other = stop(Server::start(&[]));
    let out = run(other.path(), &node("two"), &["cluster", "refound"]);
    assert_eq!(out.status.code(), Some(2));
    let means = String::from_utf8(out.stdout).unwrap();
    assert!(
        means.contains("is lost.") && means.contains("These nodes run, and stop then: one.\n"),
        "{means}"
    );
    alice.ask("/users", "=== Users in 'general' (1) ===");
    // Whoever has nothing of before cannot follow from the beginning.
    let empty = Folder::new();
    let out = run(empty.path(), &node("two"), &[]);
    let told = String::from_utf8(out.stderr).unwrap();
    assert_eq!(out.status.code(), Some(1), "{told}");
    assert!(told.contains("began with the database of another node"), "{told}");
    let copy = empty.join("copy.db");
    let file = copy.to_str().unwrap();
    assert!(run(one.folder.path(), &[], &["backup", file]).status.success());
    alice.ask("after the copy", "╰─> after the copy");
    assert!(run(empty.path(), &[], &["restore", file]).status.success());
    let two = Server::start_in(empty, &node("two"));
    assert_eq!(history(&two), ["before there were nodes", "now there are", "after the copy"]);
    let mut bob = two.login("bob");
    bob.ask("/lobbies", "den");
    bob.ask("hello", "╰─> hello\n");
    alice.expect("╰─> hello\n");
    let out = run(two.folder.path(), &node("two"), &["passwd", "alice"]);
    assert!(String::from_utf8(out.stderr).unwrap().contains("lobbyd ctl passwd alice"));
    // One of them goes on alone, and has no place in the log any more.
    let folder = stop(two);
    let alone = Server::start_in(folder, &[]);
    assert_eq!(history(&alone).last().unwrap(), "hello");
    let folder = stop(alone);
    let out = run(folder.path(), &node("two"), &[]);
    assert!(String::from_utf8(out.stderr).unwrap().contains("of a single server"));
}

#[test]
fn a_log_that_a_database_has_not_followed_stops_its_node() {
    let Some(mut cluster) = Cluster::start(1) else { return };
    let mut alice = registered(&cluster.nodes[0], "alice");
    alice.ask("in one log", "╰─> in one log");
    let folder = stop(cluster.nodes.remove(0));
    let other = NatsServer::start().unwrap();
    let refused = |folder: &Folder, url: &str| {
        let out = run(folder.path(), &[("NATS_URL", url), ("CHAT_NODE", "node1")], &[]);
        let told = String::from_utf8(out.stderr).unwrap();
        assert_eq!(out.status.code(), Some(1), "{told}");
        told
    };
    let told = refused(&folder, &other.url());
    assert!(told.contains("has no log of the cluster 'lobbyd'"), "{told}");
    // A log of that name, of others.
    let stranger = Server::start(&[("NATS_URL", &other.url()), ("CHAT_NODE", "stranger")]);
    let told = refused(&folder, &other.url());
    assert!(told.contains("its log is another than the one"), "{told}");
    drop(stranger);
    // In its own it goes on.
    cluster.revive(0, folder);
    let (_alice, shown) = log_in_to(&cluster.nodes[0], "alice");
    assert!(shown.contains("in one log"), "{shown}");
}

#[test]
fn while_the_engine_is_away_what_is_said_waits_and_what_is_ordered_is_refused() {
    let Some(mut cluster) = Cluster::start(2) else { return };
    let mut alice = registered(&cluster.nodes[0], "alice");
    let mut bob = registered(&cluster.nodes[1], "bob");
    let mut early = cluster.nodes[1].connect();
    early.expect("Enter your username: ");
    let mut carol = cluster.nodes[1].login("carol");
    for other in ["bob", "carol"] {
        alice.expect(&format!("{other} has joined"));
    }
    cluster.engine.kill();
    // Whoever orders something before anybody knows waits no longer than until then.
    alice.send("/create den cosy");
    early.send("early");
    carol.send("/register carol-secret");
    let refused = "The other servers cannot be reached, try again in a moment.\n";
    alice.expect(refused);
    alice.expect(AWAY);
    early.expect(refused);
    carol.expect(refused);
    bob.expect(AWAY);
    for line in ["/create lair dark", "/away", "/msg bob hi", "/join den", "/topic new"] {
        alice.ask(line, refused);
    }
    let mut late = cluster.nodes[0].connect();
    late.expect("Enter your username: ");
    late.ask("late", refused);
    alice.ask("/users", "=== Users in 'general' (3) ===");
    alice.ask("/history", "> ");
    alice.send("it waits");
    bob.send("that too");
    // What needs no other node goes on behind lines that wait.
    alice.ask("/users", "=== Users in 'general' (3) ===");
    bob.ask("/history", "> ");
    bob.ask("/topic again", refused);
    carol.send("the last of me");
    carol.ask("/quit", "Goodbye");
    cluster.engine.run();
    for client in [&mut alice, &mut bob] {
        client.expect("[LOBBY] The other servers are back.");
    }
    // A node may be shown what waited with the other before it is told that the others are back.
    for (client, said) in [(&mut alice, "╰─> that too\n"), (&mut bob, "╰─> it waits\n")] {
        let start = Instant::now();
        while !client.text().contains(said) {
            assert!(start.elapsed() < PATIENCE, "{}", client.text());
            client.read_some();
        }
    }
    late.ask("late", "You are late in 'general' with ");
    // What was refused has not been done since, though it was on its way when the engine was lost.
    let lobbies = alice.ask("/lobbies", "> ");
    assert!(!lobbies.contains("den") && !lobbies.contains("lair"), "{lobbies}");
    let mut carol = cluster.nodes[0].login("carol");
    carol.ask("/register other-secret", "'carol' is yours now.");
    let seen = bob.text();
    assert_eq!(count(&seen, "╰─> it waits\n"), 1, "{seen}");
    assert!(!seen.contains("lost their connection"), "nobody is dead: {seen}");
    let [one, two] = [0, 1].map(|node| history(&cluster.nodes[node]));
    assert_eq!(one, two);
}

#[test]
fn whoever_logs_in_elsewhere_while_their_node_is_dead_is_there_once() {
    let Some(mut cluster) = Cluster::start(2) else { return };
    let mut alice = cluster.nodes[0].login("alice");
    let bob = cluster.registered(1, "bob");
    alice.expect("bob has joined");
    drop(cluster.kill(1));
    drop(bob);
    let (mut bob, _) = log_in_to(&cluster.nodes[0], "bob");
    bob.ask("here", "╰─> here\n");
    alice.ask("/users", "=== Users in 'general' (2) ===");
}
