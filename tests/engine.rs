//! The engine of a cluster, as a node uses it, on a real nats-server: what lasts, what is ordered, what is taken
//! once, and what becomes of it when the engine or the way to it fails.

use std::collections::{HashMap, VecDeque};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use bytes::Bytes;
use lobbyd::chat::accounts::AccountId;
use lobbyd::chat::lobbies::LobbyId;
use lobbyd::cluster::engine::{
    Answer, Delivered, LogState, Notice, Position, Request, RequestId, Revision, Subject, Wish,
    Written,
};
use lobbyd::nats::{self, Addresses, Engine, Options, StartError};
use tokio::time::timeout;

use crate::harness::{Folder, PATIENCE, Server, lobbyd, run};
use crate::nats_server::NatsServer;
use crate::relay::{Fault, Relay, Way};

/// Somebody else on the engine, who speaks its protocol by hand.
pub(crate) struct Other {
    socket: BufReader<TcpStream>,
}

impl Other {
    pub(crate) fn connect(server: &NatsServer) -> Self {
        let socket = TcpStream::connect(("127.0.0.1", server.port)).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut other = Self { socket: BufReader::new(socket) };
        other.line();
        other.write(
            b"CONNECT {\"verbose\":false,\"pedantic\":false,\"headers\":true}\r\nSUB answers 1\r\n",
        );
        other
    }

    fn write(&mut self, bytes: &[u8]) {
        self.socket.get_mut().write_all(bytes).unwrap();
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.socket.read_line(&mut line).unwrap();
        line
    }

    pub(crate) fn publish(&mut self, subject: &str, reply: &str, bytes: &[u8]) {
        self.write(format!("PUB {subject} {reply} {}\r\n", bytes.len()).as_bytes());
        self.write(bytes);
        self.write(b"\r\n");
    }

    /// Writes something with headers, in the form of the wire.
    fn publish_with(&mut self, subject: &str, headers: &str, bytes: &[u8]) {
        let (head, all) = (headers.len(), headers.len() + bytes.len());
        self.write(format!("HPUB {subject} {head} {all}\r\n{headers}").as_bytes());
        self.write(bytes);
        self.write(b"\r\n");
    }

    /// Asks something, and gives the answer.
    pub(crate) fn ask(&mut self, subject: &str, bytes: &[u8]) -> String {
        self.publish(subject, "answers", bytes);
        loop {
            let head = self.line();
            if head.starts_with("PING") {
                self.write(b"PONG\r\n");
            } else if head.starts_with("MSG ") {
                let count: usize = head.trim().rsplit(' ').next().unwrap().parse().unwrap();
                let mut answer = vec![0; count + 2];
                self.socket.read_exact(&mut answer).unwrap();
                return String::from_utf8(answer).unwrap();
            }
        }
    }
}

/// A node, as its engine sees it.
pub(crate) struct Node {
    engine: Engine,
    /// Notices that nobody has looked at yet.
    waiting: VecDeque<Notice>,
    asked: u64,
}

fn options(url: &str, node: &str) -> Options {
    Options {
        addresses: Addresses::parse(url).unwrap(),
        cluster: "lobbyd".to_owned(),
        node: node.to_owned(),
        replicas: 1,
        may_make: true,
        patience: PATIENCE,
    }
}

impl Node {
    pub(crate) async fn start(url: &str, node: &str) -> Self {
        Self::start_with(options(url, node)).await
    }

    async fn start_with(options: Options) -> Self {
        let engine = nats::start(options).await.unwrap();
        Self { engine, waiting: VecDeque::new(), asked: 0 }
    }

    pub(crate) async fn wish(&mut self, wish: Wish) {
        // Whoever waits for room takes notices meanwhile.
        let wishes = self.engine.wishes.clone();
        let room = tokio::select! {
            room = wishes.reserve() => Some(room.unwrap()),
            () = async { while let Some(notice) = self.engine.notices.recv().await { self.waiting.push_back(notice) } } => None,
        };
        room.unwrap().send(wish);
    }

    async fn ask(&mut self, request: Request) -> RequestId {
        self.asked += 1;
        let id = RequestId(self.asked);
        self.wish(Wish::Ask(id, request)).await;
        id
    }

    /// The first notice that is looked for. The others stay.
    #[track_caller]
    pub(crate) fn find<T>(
        &mut self,
        what: &'static str,
        pick: impl Fn(&Notice) -> Option<T>,
    ) -> impl Future<Output = T> {
        let place = std::panic::Location::caller();
        async move {
            let mut looked = 0;
            loop {
                while let Some(notice) = self.waiting.get(looked) {
                    if let Some(found) = pick(notice) {
                        self.waiting.remove(looked);
                        return found;
                    }
                    looked += 1;
                }
                let next = timeout(PATIENCE, self.engine.notices.recv()).await;
                let next =
                    next.unwrap_or_else(|_| panic!("{place}: no {what}: {:?}", self.waiting));
                self.waiting.push_back(next.unwrap());
            }
        }
    }

    #[track_caller]
    fn connected(&mut self) -> impl Future<Output = LogState> {
        self.find("connection", |notice| match notice {
            Notice::Connected(state) => Some(*state),
            _ => None,
        })
    }

    #[track_caller]
    fn lost(&mut self) -> impl Future<Output = ()> {
        self.find("loss", |notice| (*notice == Notice::Lost).then_some(()))
    }

    #[track_caller]
    fn answer(&mut self, id: RequestId) -> impl Future<Output = Answer> {
        self.find("answer", move |notice| match notice {
            Notice::Answered(of, answer) if *of == id => Some(answer.clone()),
            _ => None,
        })
    }

    #[track_caller]
    fn delivered(&mut self) -> impl Future<Output = Delivered> {
        self.find("record", |notice| match notice {
            Notice::Delivered(record) => Some(record.clone()),
            _ => None,
        })
    }

    #[track_caller]
    fn written(&mut self) -> impl Future<Output = Written> {
        self.find("writing", |notice| match notice {
            Notice::Written(written) => Some(written.clone()),
            _ => None,
        })
    }

    /// Asks, and waits for the answer.
    async fn asks(&mut self, request: Request) -> Answer {
        let id = self.ask(request).await;
        self.answer(id).await
    }

    async fn append(&mut self, text: &str) -> Answer {
        self.asks(append(LOBBY, text)).await
    }
}

const LOBBY: Subject = Subject::Lobby(LobbyId(1));

fn append(subject: Subject, text: &str) -> Request {
    Request::Append { subject, bytes: Bytes::copy_from_slice(text.as_bytes()) }
}

fn put(key: &str, text: &str, after: Option<Revision>) -> Request {
    let bytes = Bytes::copy_from_slice(text.as_bytes());
    Request::Put { key: key.to_owned(), bytes, after }
}

fn get(key: &str) -> Request {
    Request::Get { key: key.to_owned() }
}

fn position(answer: &Answer) -> Position {
    match answer {
        Answer::Appended(at) => *at,
        other => panic!("{other:?}"),
    }
}

fn revision(answer: &Answer) -> Revision {
    match answer {
        Answer::Written(at) => *at,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn records_of_two_nodes_have_one_order_for_both() {
    let Some(server) = NatsServer::start() else { return };
    let mut nodes =
        [Node::start(&server.url(), "one").await, Node::start(&server.url(), "two").await];
    let subjects = [
        LOBBY,
        Subject::LobbyOrders(LobbyId(2)),
        Subject::Server,
        Subject::Account(AccountId(3)),
        Subject::Nodes,
    ];
    for node in &mut nodes {
        let state = node.connected().await;
        assert_eq!((state.first, state.last), (Position(1), Position(0)));
        node.wish(Wish::Read(Position(1))).await;
    }
    for n in 0..200 {
        for (node, name) in nodes.iter_mut().zip(["one", "two"]) {
            node.ask(append(subjects[n % 5], &format!("{name} {n}"))).await;
        }
    }
    let mut logs = Vec::new();
    for node in &mut nodes {
        let mut log = Vec::new();
        for at in 1..=400 {
            let record = node.delivered().await;
            assert_eq!(record.position, Position(at));
            log.push(record);
        }
        assert!(log.is_sorted_by_key(|record| record.at));
        logs.push(log);
    }
    assert_eq!(logs[0], logs[1]);
    for name in ["one", "two"] {
        let of = logs[0].iter().filter(|record| record.bytes.starts_with(name.as_bytes()));
        let of: Vec<_> = of.map(|record| (record.subject, record.bytes.clone())).collect();
        let want = (0..200).map(|n| (Some(subjects[n % 5]), Bytes::from(format!("{name} {n}"))));
        assert_eq!(of, want.collect::<Vec<_>>(), "the records of one node are in its order");
    }
}

#[tokio::test]
async fn a_log_that_is_held_comes_no_further_and_then_goes_on_where_it_was() {
    let Some(server) = NatsServer::start() else { return };
    let mut node = Node::start(&server.url(), "one").await;
    node.wish(Wish::Read(Position(1))).await;
    node.append("0").await;
    node.delivered().await;
    node.wish(Wish::Hold(true)).await;
    let count = 3_000_u64;
    for n in 1..=count {
        node.ask(append(LOBBY, &n.to_string())).await;
    }
    // All have their answers, and what was asked for before has come: no more than that.
    for id in 2..=count + 1 {
        node.answer(RequestId(id)).await;
    }
    let is_record = |notice: &&Notice| matches!(notice, Notice::Delivered(_));
    let came = node.waiting.iter().filter(is_record).count() as u64;
    assert!(came < count / 2, "{came}");
    node.wish(Wish::Hold(false)).await;
    for n in 1..=count {
        let record = node.delivered().await;
        assert_eq!((record.position, record.bytes), (Position(n + 1), n.to_string().into()));
    }
}

/// An operator's client of the engine ends a key of the table of nodes.
fn end_key(server: &NatsServer, key: &str) {
    let headers = "NATS/1.0\r\nKV-Operation: DEL\r\n\r\n";
    Other::connect(server).publish_with(&format!("$KV.lobbyd_NODES.{key}"), headers, b"");
}

#[tokio::test]
async fn of_fifty_who_write_one_key_at_once_one_does() {
    let Some(server) = NatsServer::start() else { return };
    let mut nodes =
        [Node::start(&server.url(), "one").await, Node::start(&server.url(), "two").await];
    let mut last = None;
    for round in 0..5 {
        let mut asked = Vec::new();
        for n in 0..50 {
            asked.push(nodes[n % 2].ask(put("node", &format!("{round} {n}"), last)).await);
        }
        let mut winners = Vec::new();
        for (n, id) in asked.into_iter().enumerate() {
            match nodes[n % 2].answer(id).await {
                Answer::Written(revision) => winners.push((n, revision)),
                other => assert_eq!(other, Answer::Behind),
            }
        }
        assert_eq!(winners.len(), 1, "{winners:?}");
        let (winner, won) = winners[0];
        assert!(last < Some(won));
        let value = Bytes::from(format!("{round} {winner}"));
        assert_eq!(nodes[0].asks(get("node")).await, Answer::Value(Some((won, value))));
        // Nobody but who knows the last writing can write.
        let stale = Revision(won.0 - 1);
        assert_eq!(nodes[1].asks(put("node", "stolen", Some(stale))).await, Answer::Behind);
        assert_eq!(nodes[1].asks(put("node", "stolen", None)).await, Answer::Behind);
        last = Some(won);
    }
    assert_eq!(nodes[0].asks(get("nobody")).await, Answer::Value(None));
    for bad in ["", "a b", "a.*", ">"] {
        assert_eq!(nodes[0].asks(put(bad, "x", None)).await, Answer::Refused, "{bad:?}");
    }
}

#[tokio::test]
async fn a_key_that_an_operator_ended_is_nobodys_and_can_be_made_anew() {
    let Some(server) = NatsServer::start() else { return };
    let mut node = Node::start(&server.url(), "one").await;
    node.wish(Wish::Watch).await;
    let made = revision(&node.asks(put("two", "x", None)).await);
    assert_eq!(node.written().await.revision, made);
    end_key(&server, "two");
    let ended = node.written().await;
    assert_eq!((ended.key.as_str(), ended.bytes), ("two", None));
    assert_eq!(node.asks(get("two")).await, Answer::Value(None));
    assert_eq!(node.asks(put("two", "y", Some(made))).await, Answer::Behind);
    assert!(revision(&node.asks(put("two", "y", None)).await) > ended.revision);
}

#[tokio::test]
async fn a_table_is_told_as_it_is_and_then_as_it_changes() {
    let Some(server) = NatsServer::start() else { return };
    let mut one = Node::start(&server.url(), "one").await;
    for n in 0..1_000 {
        one.ask(put(&format!("name{n}"), "x", None)).await;
    }
    let first = revision(&one.asks(put("changed", "before", None)).await);
    let changed = revision(&one.asks(put("changed", "after", Some(first))).await);
    let mut two = Node::start(&server.url(), "two").await;
    two.wish(Wish::Watch).await;
    let mut seen = HashMap::new();
    for _ in 0..1_001 {
        let written = two.written().await;
        seen.insert(written.key, (written.revision, written.bytes));
    }
    assert_eq!(seen.len(), 1_001, "each once");
    assert_eq!(seen["changed"], (changed, Some("after".into())));
    assert_eq!(seen["name999"].1, Some("x".into()));
    let made = revision(&one.asks(put("new", "y", None)).await);
    let told = two.written().await;
    assert_eq!((told.key.as_str(), told.revision, told.bytes), ("new", made, Some("y".into())));
    assert!(told.at.0 > 1_700_000_000_000);
}

#[tokio::test]
async fn nothing_that_was_acknowledged_is_lost_when_the_engine_is_killed() {
    let Some(mut server) = NatsServer::start() else { return };
    let mut node = Node::start(&server.url(), "one").await;
    node.connected().await;
    node.wish(Wish::Read(Position(1))).await;
    let mut sent = HashMap::new();
    let mut log: Vec<(Position, Bytes)> = Vec::new();
    for round in 0..3 {
        for n in 0..2_000 {
            let text = format!("{round} {n}");
            let id = node.ask(append(LOBBY, &text)).await;
            sent.insert(id, text);
            if n == 1_000 {
                // So many are acknowledged; those after them are on their way.
                let answer = node.answer(id).await;
                sent.remove(&id);
                position(&answer);
            } else if n == 1_200 {
                server.kill();
            }
        }
        node.lost().await;
        // What is asked meanwhile is answered too.
        assert_eq!(node.append("lost").await, Answer::Unknown);
        server.run();
        let state = node.connected().await;
        log.extend(node.waiting.iter().filter_map(|notice| match notice {
            Notice::Delivered(record) => Some((record.position, record.bytes.clone())),
            _ => None,
        }));
        node.waiting.retain(|notice| matches!(notice, Notice::Answered(..)));
        let next = Position(log.last().map_or(1, |(at, _)| at.0 + 1));
        assert!(state.last.0 + 1 >= next.0, "{state:?} {next:?}");
        node.wish(Wish::Read(next)).await;
        let end = position(&node.append("end").await);
        loop {
            let record = node.delivered().await;
            log.push((record.position, record.bytes));
            if record.position == end {
                break;
            }
        }
    }
    let positions: Vec<_> = log.iter().map(|(at, _)| at.0).collect();
    assert_eq!(positions, (1..=log.len() as u64).collect::<Vec<_>>(), "each once, in order");
    let at: HashMap<Position, Bytes> = log.into_iter().collect();
    let (mut stored, mut unknown) = (0, 0);
    for (id, text) in sent {
        match node.answer(id).await {
            Answer::Appended(position) => {
                assert_eq!(at[&position], text.as_bytes());
                stored += 1;
            }
            other => {
                assert_eq!(other, Answer::Unknown);
                unknown += 1;
            }
        }
    }
    assert!(stored >= 3_000 && unknown > 0, "{stored} {unknown}");
}

#[tokio::test]
async fn an_engine_without_room_refuses_and_still_gives_what_it_has() {
    let store = "jetstream { store_dir: STORE, max_file_store: 2MB }";
    let Some(server) = NatsServer::start_with(store) else { return };
    let mut node = Node::start(&server.url(), "one").await;
    let text = "x".repeat(100_000);
    let mut stored = 0;
    loop {
        match node.append(&text).await {
            Answer::Appended(at) => stored = at.0,
            other => {
                assert_eq!(other, Answer::Refused);
                break;
            }
        }
        assert!(stored < 100);
    }
    node.wish(Wish::Read(Position(1))).await;
    for at in 1..=stored {
        assert_eq!(node.delivered().await.position, Position(at));
    }
    assert_eq!(node.append(&text).await, Answer::Refused);
    // What is larger than the engine takes at all never reaches it.
    assert_eq!(node.append(&"x".repeat(2_000_000)).await, Answer::Refused);
}

#[tokio::test]
async fn a_log_that_was_made_anew_is_seen() {
    let Some(server) = NatsServer::start() else { return };
    let mut node = Node::start(&server.url(), "one").await;
    let before = node.connected().await;
    node.wish(Wish::Read(Position(1))).await;
    for _ in 0..3 {
        node.append("old").await;
    }
    let answer = Other::connect(&server).ask("$JS.API.STREAM.DELETE.lobbyd_LOG", b"");
    assert!(answer.contains("\"success\":true"), "{answer}");
    node.lost().await;
    // It makes no other by itself: somebody has to say so.
    let never = Options { may_make: false, ..options(&server.url(), "two") };
    assert!(matches!(nats::start(never).await, Err(StartError::NoLog(..))));
    let mut other = Node::start(&server.url(), "three").await;
    assert_eq!(other.append("new").await, Answer::Appended(Position(1)));
    let after = node.connected().await;
    assert_ne!(before.created_at, after.created_at);
}

#[tokio::test]
async fn a_table_that_is_gone_is_not_made_anew_beside_its_log() {
    let Some(server) = NatsServer::start() else { return };
    let node = Node::start(&server.url(), "one").await;
    Other::connect(&server).ask("$JS.API.STREAM.DELETE.KV_lobbyd_NODES", b"");
    let error = nats::start(options(&server.url(), "two")).await.unwrap_err().to_string();
    assert!(error.contains("lost a table") && error.contains("refound"), "{error}");
    drop(node);
}

#[tokio::test]
async fn what_nobody_of_ours_wrote_comes_as_such() {
    let Some(server) = NatsServer::start() else { return };
    let mut node = Node::start(&server.url(), "one").await;
    node.wish(Wish::Read(Position(1))).await;
    node.wish(Wish::Watch).await;
    let mut other = Other::connect(&server);
    for (subject, bytes) in [
        ("lobbyd.log.l.1", &b"\x00\xff\r\nPUB x"[..]),
        ("lobbyd.log.l.007", b"a"),
        ("lobbyd.log.whatever.it.is", b""),
        ("$KV.lobbyd_NODES.some.key", b"\xff"),
        // No stream has it: it is lost.
        ("lobbyd.other", b"x"),
    ] {
        other.publish(subject, "", bytes);
    }
    let mut came = Vec::new();
    for _ in 0..3 {
        let record = node.delivered().await;
        came.push((record.subject, record.bytes));
    }
    assert_eq!(came[0], (Some(LOBBY), Bytes::from_static(b"\x00\xff\r\nPUB x")));
    assert_eq!(came[1..], [(None, "a".into()), (None, Bytes::new())]);
    let written = node.written().await;
    assert_eq!(
        (written.key.as_str(), written.bytes),
        ("some.key", Some(Bytes::from_static(b"\xff")))
    );
    // Whoever finds the subjects for answers and for what is read can write there, and is not believed.
    let before = node.append("mine").await;
    for subject in ["_INBOX.>", "lobbyd.to.one.7"] {
        other.publish(&subject.replace('>', "x.a.1"), "", b"{\"seq\":9}");
    }
    assert_eq!(node.find("message", |n| matches!(n, Notice::Sent(_)).then_some(())).await, ());
    assert_eq!(node.append("mine").await, Answer::Appended(Position(position(&before).0 + 1)));
}

#[tokio::test]
async fn two_clusters_on_one_engine_know_nothing_of_each_other() {
    let Some(server) = NatsServer::start() else { return };
    let of =
        |cluster: &str| Options { cluster: cluster.to_owned(), ..options(&server.url(), "one") };
    let mut nodes = [Node::start_with(of("red")).await, Node::start_with(of("blue")).await];
    for (node, text) in nodes.iter_mut().zip(["red", "blue"]) {
        node.wish(Wish::Read(Position(1))).await;
        assert_eq!(node.append(text).await, Answer::Appended(Position(1)));
        assert!(matches!(node.asks(put("ann", text, None)).await, Answer::Written(_)));
        let life = Revision(7);
        node.wish(Wish::Send { node: "one".to_owned(), life, bytes: text.into() }).await;
    }
    for (node, text) in nodes.iter_mut().zip(["red", "blue"]) {
        assert_eq!(node.delivered().await.bytes, text);
        let sent = |notice: &Notice| match notice {
            Notice::Sent(bytes) => Some(bytes.clone()),
            _ => None,
        };
        assert_eq!(node.find("message", sent).await, text);
        let others =
            node.waiting.iter().any(|n| matches!(n, Notice::Delivered(_) | Notice::Sent(_)));
        assert!(!others, "{:?}", node.waiting);
    }
}

#[tokio::test]
async fn a_reader_that_the_engine_has_dropped_is_made_anew() {
    let Some(server) = NatsServer::start() else { return };
    let mut node = Node::start(&server.url(), "one").await;
    node.wish(Wish::Read(Position(1))).await;
    node.append("before").await;
    assert_eq!(node.delivered().await.bytes, "before");
    let mut other = Other::connect(&server);
    let names = other.ask("$JS.API.CONSUMER.NAMES.lobbyd_LOG", b"");
    let names: serde_json::Value = serde_json::from_str(names.trim()).unwrap();
    for name in names["consumers"].as_array().unwrap() {
        let name = name.as_str().unwrap();
        let answer = other.ask(&format!("$JS.API.CONSUMER.DELETE.lobbyd_LOG.{name}"), b"");
        assert!(answer.contains("\"success\":true"), "{answer}");
    }
    for n in 0..3 {
        node.append(&n.to_string()).await;
    }
    for n in 0..3 {
        let record = node.delivered().await;
        assert_eq!((record.position, record.bytes), (Position(n + 2), n.to_string().into()));
    }
    assert!(!node.waiting.contains(&Notice::Lost), "the connection stays");
}

#[tokio::test]
async fn a_node_that_was_away_catches_up_with_a_hundred_thousand_records() {
    let Some(server) = NatsServer::start() else { return };
    let mut node = Node::start(&server.url(), "one").await;
    let text = "x".repeat(180);
    for n in 0..100_000 {
        node.ask(append(LOBBY, &text)).await;
        // The answers are of no interest, but for the last.
        if n % 1_000 == 999 {
            node.answer(RequestId(node.asked)).await;
            node.waiting.clear();
        }
    }
    let mut late = Node::start(&server.url(), "two").await;
    assert_eq!(late.connected().await.last, Position(100_000));
    let start = Instant::now();
    late.wish(Wish::Read(Position(1))).await;
    for at in 1..=100_000 {
        let record = late.delivered().await;
        assert_eq!((record.position.0, record.bytes.len()), (at, 180));
    }
    println!("{:.0} records/s were caught up", 100_000.0 / start.elapsed().as_secs_f64());
}

#[tokio::test]
async fn who_reads_slowly_loses_nothing_and_holds_up_nobody() {
    let Some(server) = NatsServer::start() else { return };
    let mut slow = Node::start(&server.url(), "slow").await;
    slow.wish(Wish::Read(Position(1))).await;
    let mut quick = Node::start(&server.url(), "quick").await;
    for n in 0..20_000 {
        quick.ask(append(LOBBY, "x")).await;
        if n % 1_000 == 999 {
            quick.answer(RequestId(quick.asked)).await;
            quick.waiting.clear();
        }
    }
    // Far more than what may wait anywhere has come by now, and stands where it was.
    for at in 1..=20_000 {
        assert_eq!(slow.delivered().await.position, Position(at));
    }
}

#[tokio::test]
async fn what_is_cut_heals() {
    let Some(server) = NatsServer::start() else { return };
    let relay = Relay::to(server.port);
    let mut node = Node::start(&format!("nats://127.0.0.1:{}", relay.port), "one").await;
    let mut other = Node::start(&server.url(), "two").await;
    let before = node.connected().await;
    node.wish(Wish::Read(Position(1))).await;
    node.append("before").await;
    assert_eq!(node.delivered().await.bytes, "before");
    relay.cut();
    node.lost().await;
    other.append("meanwhile").await;
    relay.heal();
    let after = node.connected().await;
    assert_eq!((after.created_at, after.last), (before.created_at, Position(2)));
    node.wish(Wish::Read(Position(2))).await;
    assert_eq!(node.delivered().await.bytes, "meanwhile");
    assert_eq!(node.append("after").await, Answer::Appended(Position(3)));
}

#[tokio::test]
async fn a_network_that_swallows_for_five_seconds_is_noticed_and_got_over() {
    let Some(server) = NatsServer::start() else { return };
    for way in [Way::ToEngine, Way::ToNode] {
        let relay = Relay::to(server.port);
        let mut node = Node::start(&format!("nats://127.0.0.1:{}", relay.port), "one").await;
        let state = node.connected().await;
        node.wish(Wish::Read(Position(state.last.0 + 1))).await;
        node.append("before").await;
        relay.fault(way, Fault::Swallow);
        let swallowed = Instant::now();
        let asked = node.ask(append(LOBBY, "swallowed")).await;
        node.lost().await;
        assert_eq!(node.answer(asked).await, Answer::Unknown);
        tokio::time::sleep(Duration::from_secs(5).saturating_sub(swallowed.elapsed())).await;
        relay.heal();
        node.connected().await;
        node.waiting.clear();
        node.wish(Wish::Read(Position(state.last.0 + 1))).await;
        let end = position(&node.append("after").await);
        let mut log = Vec::new();
        while log.last() != Some(&Bytes::from("after")) {
            log.push(node.delivered().await.bytes);
        }
        // Nobody knew whether it was done: it may have been, once.
        let swallowed = log.iter().filter(|bytes| *bytes == "swallowed").count();
        assert!(swallowed <= 1 && log.len() == swallowed + 2, "{log:?}");
        assert!(end > state.last);
    }
}

#[tokio::test]
async fn a_slow_network_is_no_loss() {
    let Some(server) = NatsServer::start() else { return };
    let relay = Relay::to(server.port);
    let mut node = Node::start(&format!("nats://127.0.0.1:{}", relay.port), "one").await;
    node.wish(Wish::Read(Position(1))).await;
    for way in [Way::ToEngine, Way::ToNode] {
        relay.fault(way, Fault::Delay(Duration::from_millis(400)));
    }
    for at in 1..=4 {
        assert_eq!(node.append("late").await, Answer::Appended(Position(at)));
        assert_eq!(node.delivered().await.position, Position(at));
    }
    assert!(!node.waiting.contains(&Notice::Lost));
}

#[tokio::test]
async fn an_engine_that_stands_still_is_away_until_it_goes_on() {
    let Some(server) = NatsServer::start() else { return };
    let mut node = Node::start(&server.url(), "one").await;
    node.connected().await;
    server.stop_or_go_on("-STOP");
    node.lost().await;
    server.stop_or_go_on("-CONT");
    node.connected().await;
    assert!(matches!(node.append("after").await, Answer::Appended(_)));
}

#[tokio::test]
async fn an_engine_that_refuses_the_password_is_not_tried_again() {
    let lines = "authorization { user: ann, password: \"s@crèt\" }\njetstream { store_dir: STORE }";
    let Some(server) = NatsServer::start_with(lines) else { return };
    let start = Instant::now();
    for login in ["ann:wrong@", "bob:s%40cr%C3%A8t@", ""] {
        let url = format!("nats://{login}127.0.0.1:{}", server.port);
        let error = nats::start(options(&url, "one")).await.unwrap_err();
        let told = error.to_string();
        let is_so = match &error {
            StartError::Password(_) => !login.is_empty(),
            StartError::NoLogin(_) => login.is_empty(),
            _ => false,
        };
        assert!(is_so && told.contains(&server.url()), "{told}");
        assert!(!told.contains("wrong") && !told.contains("cr%C3"), "{told}");
    }
    assert!(start.elapsed() < PATIENCE, "it was tried for as long as one that is away");
    let url = format!("nats://ann:s%40cr%C3%A8t@127.0.0.1:{}", server.port);
    assert!(matches!(Node::start(&url, "one").await.append("in").await, Answer::Appended(_)));
}

/// A port where each connection is greeted with this, and then closed.
fn greeter(greeting: &'static str) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for mut socket in listener.incoming().map_while(Result::ok) {
            let _ = socket.write_all(greeting.as_bytes());
        }
    });
    port
}

#[tokio::test]
async fn an_engine_that_cannot_be_used_is_told_with_its_address_and_the_remedy() {
    let refusal = async |port: u16, replicas: u64| {
        let url = format!("nats://u:secret@127.0.0.1:{port}");
        let patience = Duration::from_millis(200);
        let options = Options { replicas, patience, ..options(&url, "one") };
        let told = nats::start(options).await.unwrap_err().to_string();
        assert!(told.contains(&format!("nats://127.0.0.1:{port}")), "{told}");
        assert!(!told.contains("secret") && told.lines().count() == 1, "{told}");
        told
    };
    let tls = greeter("INFO {\"server_id\":\"x\",\"tls_required\":true}\r\n");
    assert!(refusal(tls, 1).await.contains("demands TLS"));
    for other in ["SSH-2.0-OpenSSH\r\n", "INFO nothing\r\n", "", "HTTP/1.1 400 Bad Request\r\n\r\n"]
    {
        let told = refusal(greeter(other), 1).await;
        assert!(told.contains("no nats-server") && told.contains("NATS_URL"), "{told}");
    }
    let small = greeter("INFO {\"max_payload\":65536}\r\n");
    let told = refusal(small, 1).await;
    assert!(told.contains("65536 bytes") && told.contains("max_payload to 1MB"), "{told}");
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let told = refusal(closed, 1).await;
    assert!(told.contains("refused") && told.contains("Start nats-server"), "{told}");
    let Some(empty) = NatsServer::start_with("") else { return };
    assert!(refusal(empty.port, 1).await.contains("jetstream block"));
    // One that lets its user do too little.
    let lines = "authorization { default_permissions { publish: \"other\" }, users: [{ user: u, password: secret }] }\n\
                 jetstream { store_dir: STORE }";
    let Some(forbids) = NatsServer::start_with(lines) else { return };
    let told = refusal(forbids.port, 1).await;
    assert!(told.contains("does not answer") && told.contains("must be allowed"), "{told}");
    let Some(single) = NatsServer::start() else { return };
    let told = refusal(single.port, 3).await;
    assert!(told.contains("NATS_REPLICAS=3") && told.contains("engines"), "{told}");
    let answer = Other::connect(&single)
        .ask("$JS.API.STREAM.CREATE.OTHER", b"{\"name\":\"OTHER\",\"subjects\":[\"lobbyd.>\"]}");
    assert!(!answer.contains("error"), "{answer}");
    let told = refusal(single.port, 1).await;
    assert!(told.contains("CHAT_CLUSTER"), "{told}");
}

/// How the program ends, started with this engine, and what it says.
fn ends(url: &str, more: &[(&str, &str)]) -> (Option<i32>, String) {
    let folder = Folder::new();
    let mut env = vec![
        ("CHAT_ADDR", "127.0.0.1:0"),
        ("CHAT_TLS_ADDR", "off"),
        ("CHAT_NODE", "one"),
        ("NATS_URL", url),
    ];
    env.extend(more);
    let output = run(folder.path(), &env, &[]);
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn a_bad_setting_of_a_node_ends_the_program_with_a_line_that_names_it() {
    for (url, more, key) in [
        ("tls://u:secret@127.0.0.1", &[][..], "NATS_URL: bad value '****'"),
        ("nats://u:secret@10.0.0.1", &[], "NATS_URL: bad value 'nats://****@10.0.0.1:4222'"),
        ("nats://localhost", &[("NATS_REPLICAS", "2")], "NATS_REPLICAS: bad value '2'"),
        ("nats://localhost", &[("CHAT_CLUSTER", "a.b")], "CHAT_CLUSTER: bad value 'a.b'"),
        ("nats://localhost", &[("CHAT_NODE", "a b")], "CHAT_NODE: bad value 'a b'"),
        ("nats://localhost", &[("NATS_URL_FILE", "/nowhere")], "NATS_URL: set twice"),
    ] {
        let (status, told) = ends(url, more);
        assert_eq!(status, Some(2), "{told}");
        assert!(told.starts_with(&format!("lobbyd: {key}")), "{told}");
        assert!(told.lines().count() == 1 && !told.contains("secret"), "{told}");
    }
}

#[test]
fn a_server_whose_engine_refuses_the_password_does_not_start() {
    let lines = "authorization { user: ann, password: right }\njetstream { store_dir: STORE }";
    let Some(server) = NatsServer::start_with(lines) else { return };
    let url = |password: &str| format!("nats://ann:{password}@127.0.0.1:{}", server.port);
    let (status, told) = ends(&url("wrong"), &[]);
    assert_eq!(status, Some(1), "{told}");
    let last = told.lines().last().unwrap();
    assert!(last.starts_with(&format!("lobbyd: the engine at {} refuses", server.url())), "{told}");
    assert!(!told.contains("wrong") && !told.contains("ann"), "{told}");
    let mut node = Server::start(&[("NATS_URL", &url("right")), ("CHAT_NODE", "one")]);
    node.wait_for_log(&format!("engine] the engine at {} is connected", server.url()));
    assert!(!node.log().contains("right"), "{}", node.log());
}

#[test]
fn a_server_waits_for_an_engine_that_starts_after_it_and_tells_of_its_loss() {
    let Some(mut server) = NatsServer::start() else { return };
    server.kill();
    let mut node = thread::scope(|scope| {
        let url = server.url();
        let starting =
            scope.spawn(move || Server::start(&[("NATS_URL", &url), ("CHAT_NODE", "one")]));
        thread::sleep(Duration::from_millis(500));
        assert!(!starting.is_finished(), "it is not ready without its engine");
        server.run();
        starting.join().unwrap()
    });
    server.kill();
    node.wait_for_log(&format!("engine] the engine at {} is lost: it broke off", server.url()));
    server.run();
    node.wait_for(|node| node.log().matches("is connected").count() == 2, "it is back");
    node.signal("TERM");
    assert_eq!(node.wait(), 0);
}

#[test]
fn a_server_that_waits_for_its_engine_can_be_stopped() {
    let folder = Folder::new();
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let url = format!("nats://127.0.0.1:{closed}");
    let env = [
        ("CHAT_ADDR", "127.0.0.1:0"),
        ("CHAT_TLS_ADDR", "off"),
        ("CHAT_NODE", "one"),
        ("NATS_URL", url.as_str()),
    ];
    let mut child = lobbyd(folder.path(), &env, &[])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    while !line.starts_with("    Data:") {
        line.clear();
        assert_ne!(out.read_line(&mut line).unwrap(), 0, "it has ended");
    }
    // From the banner on it looks for its engine.
    thread::sleep(Duration::from_millis(200));
    assert!(
        Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap().success()
    );
    let start = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        assert!(start.elapsed() < Duration::from_secs(15), "it goes on waiting");
        thread::sleep(Duration::from_millis(10));
    };
    assert!(status.success(), "{status}");
}
