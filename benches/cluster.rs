//! Several servers that are one chat: nodes of lobbyd on an engine, or two inspircd that are linked.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::lookup::Asker;
use crate::servers::{Kind, Link, Server, Setup, free_port, own_folder, spawn};

/// Where the engine is looked for, in this order.
const ENGINES: [&str; 3] =
    ["/usr/sbin/nats-server", "/usr/local/bin/nats-server", "/usr/bin/nats-server"];

/// For the engine to listen and for two servers to be linked, at most.
const PATIENCE: Duration = Duration::from_secs(30);

/// Time between two looks at something that is awaited.
const PAUSE: Duration = Duration::from_millis(5);

/// A nats-server of the benchmark's own, with its log in a folder of its own. Killed when dropped.
struct Engine {
    child: Child,
    port: u16,
    folder: PathBuf,
}

impl Engine {
    fn start(pinned: bool) -> Option<Self> {
        let program = ENGINES.into_iter().find(|path| fs::exists(path).unwrap_or(false))?;
        let (folder, port) = (own_folder(), free_port());
        let store = folder.join("store");
        let config = format!(
            "listen: \"127.0.0.1:{port}\"\njetstream {{ store_dir: \"{}\" }}\n",
            store.display()
        );
        let file = folder.join("nats.conf");
        fs::write(&file, config).unwrap();
        let mut command = Command::new(program);
        command.arg("-c").arg(file).stdout(Stdio::null());
        let child = spawn(&mut command, pinned);
        let start = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(start.elapsed() < PATIENCE, "nats-server does not listen");
            sleep(PAUSE);
        }
        Some(Self { child, port, folder })
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Several servers that are one chat, or one that is alone.
pub(crate) struct Cluster {
    /// In their order; before the engine, so that they end before it.
    pub nodes: Vec<Server>,
    engine: Option<Engine>,
    pub kind: Kind,
    pinned: bool,
}

impl Cluster {
    /// One lobbyd without an engine.
    pub(crate) fn alone(pinned: bool) -> Self {
        let nodes = vec![Server::start(Kind::Lobbyd, pinned, false)];
        Self { nodes, engine: None, kind: Kind::Lobbyd, pinned }
    }

    /// So many nodes; none where there is no engine on this machine.
    pub(crate) fn of(count: usize, pinned: bool) -> Option<Self> {
        let engine = Some(Engine::start(pinned)?);
        let mut cluster = Self { nodes: Vec::new(), engine, kind: Kind::Lobbyd, pinned };
        for index in 0..count {
            let node = cluster.start_node(index, None);
            cluster.nodes.push(node);
        }
        Some(cluster)
    }

    /// Two inspircd that are linked; none where it is not installed.
    pub(crate) fn linked(pinned: bool) -> Option<Self> {
        let kind = Kind::Inspircd;
        if !kind.is_here() {
            return None;
        }
        let ports = [free_port(), free_port()];
        let start = |own| {
            let link = Some(Link { own, ports });
            Server::start_as(kind, pinned, Setup { link, ..Setup::default() })
        };
        let nodes = vec![start(0), start(1)];
        let hello = "NICK probe\r\nUSER probe 0 * :probe\r";
        let mut probe = Asker::connect(nodes[0].port, hello);
        let begin = Instant::now();
        while probe.answered(" on 2 servers").is_none() {
            assert!(begin.elapsed() < PATIENCE, "the two inspircd do not link");
            sleep(PAUSE * 20);
            probe.ask("LUSERS\r");
        }
        Some(Self { nodes, engine: None, kind, pinned })
    }

    /// Starts the node with this index, perhaps with what it has left.
    pub(crate) fn start_node(&self, index: usize, folder: Option<PathBuf>) -> Server {
        let engine = self.engine.as_ref().expect("a cluster");
        let url = format!("nats://127.0.0.1:{}", engine.port);
        let name = format!("node{}", index + 1);
        let env = [("NATS_URL", url.as_str()), ("CHAT_NODE", name.as_str())];
        let setup = Setup { admin_port: Some(free_port()), env: &env, folder, ..Setup::default() };
        Server::start_as(self.kind, self.pinned, setup)
    }

    /// All processes: the nodes in their order, then the engine, where there is one.
    pub(crate) fn pids(&self) -> Vec<u32> {
        let engine = self.engine.iter().map(|engine| engine.child.id());
        self.nodes.iter().map(Server::pid).chain(engine).collect()
    }
}

/// Asks the operator's listener of a node, and gives the whole answer.
pub(crate) fn admin(node: &Server, path: &str) -> String {
    let port = node.admin_port.expect("the operator's listener");
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// Waits until a path of the operator's listener has this.
pub(crate) fn wait_for(node: &Server, path: &str, what: &str) {
    while !admin(node, path).contains(what) {
        sleep(PAUSE);
    }
}
