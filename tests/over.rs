//! The suite over several nodes: with `LOBBYD_NODES=3` in the environment, a server of a test is so many nodes on one
//! engine, and each client that connects gets to the next of them in turn. What a test says of a server then holds
//! of all nodes together; the few tests of one process are named in [`alone`](crate::alone).
//!
//! A test does one thing after another, and what its clients see comes in that order to those of one process. So
//! here a client sends only once its own node has seen all that was sent to the others before.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::Stdio;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex, Weak};
use std::thread;

use crate::alone::ALONE;
use crate::harness::{Folder, PAGE, PATIENCE, Server, lobbyd};
use crate::nats_server::NatsServer;

/// The accounts that are to be made once the nodes run, in the folder of the first.
const LATER: &str = "accounts-to-make";

/// The socket of a node that says how far it is, in its folder.
const LEVEL: &str = "level";

/// How many nodes a server of the running test is; none where it is a server alone.
pub(crate) fn nodes() -> Option<usize> {
    let count = std::env::var("LOBBYD_NODES").ok()?.parse().expect("LOBBYD_NODES is a number");
    let thread = thread::current();
    let test = thread.name().unwrap_or_default();
    assert!(test != "main", "over nodes, a test is known by its thread: use two or more of them");
    let module = test.split("::").next().unwrap_or_default();
    let is_named = |alone: &str| {
        [test, module].contains(&alone) || alone.ends_with('_') && module.starts_with(alone)
    };
    match ALONE.iter().find(|(alone, _)| is_named(alone)) {
        Some((_, why)) => {
            eprintln!("of one process: {why}");
            None
        }
        None => Some(count),
    }
}

/// The engine of all tests. Each server is a cluster of its own on it.
fn engine() -> &'static NatsServer {
    static ENGINE: LazyLock<NatsServer> = LazyLock::new(|| {
        NatsServer::of_all_tests().expect("over nodes, there has to be nats-server")
    });
    &ENGINE
}

/// What the folder of a server has beside it: those of its other nodes.
pub(crate) struct Beside {
    cluster: String,
    folders: Vec<Folder>,
}

impl Beside {
    /// So many like this one.
    fn copies_of(folder: &Folder, count: usize) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let cluster = format!("t{}", NEXT.fetch_add(1, Ordering::Relaxed));
        let folders = (0..count).map(|_| {
            let copy = Folder::new();
            copy_all(folder.path(), copy.path());
            copy
        });
        Self { cluster, folders: folders.collect() }
    }
}

fn copy_all(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        let (kind, to) = (entry.file_type().unwrap(), to.join(entry.file_name()));
        if kind.is_dir() {
            std::fs::create_dir(&to).unwrap();
            let mode = entry.metadata().unwrap().permissions();
            std::fs::set_permissions(&to, mode).unwrap();
            copy_all(&entry.path(), &to);
        } else if kind.is_file() {
            std::fs::copy(entry.path(), &to).unwrap();
        } else if kind.is_symlink() {
            std::os::unix::fs::symlink(std::fs::read_link(entry.path()).unwrap(), &to).unwrap();
        }
    }
}

/// The nodes of a server besides the first.
pub(crate) struct Over {
    pub(crate) others: Vec<Server>,
    cluster: String,
    level: Arc<Level>,
    turn: AtomicUsize,
}

/// Starts so many nodes with these settings, the first of them in this folder.
pub(crate) fn start(mut folder: Folder, env: &[(&str, &str)], count: usize) -> Server {
    let beside = folder.beside.take();
    let Beside { cluster, folders } =
        beside.unwrap_or_else(|| Beside::copies_of(&folder, count - 1));
    let (url, first) = (engine().url(), folder.path().to_str().unwrap().to_owned());
    let begin = |(number, folder): (usize, Folder)| {
        let (node, path) = (format!("n{}", number + 1), folder.path().to_str().unwrap().to_owned());
        let level = format!("{path}/{LEVEL}");
        let _ = std::fs::remove_file(&level);
        // What is set to be in the folder of the first is in each one's own.
        let own = |(key, value): &(&str, &str)| ((*key).to_owned(), value.replace(&first, &path));
        let mut all: Vec<(String, String)> = env.iter().map(own).collect();
        let of_node = [
            ("NATS_URL", url.as_str()),
            ("CHAT_CLUSTER", &cluster),
            ("CHAT_NODE", &node),
            ("LOBBYD_LEVEL", &level),
        ];
        all.extend(of_node.map(|(key, value)| (key.to_owned(), value.to_owned())));
        let all: Vec<_> = all.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        let command = Server::command(&folder, &all);
        Server::launch(command, folder, Stdio::null())
    };
    let all = [folder].into_iter().chain(folders).enumerate();
    let mut all: Vec<Server> = all.map(begin).collect();
    for node in &mut all {
        node.wait_for(Server::is_open, "the node is ready");
        node.learn_ports();
    }
    let level = Arc::new(Level::of(&all));
    let mut ports = PORTS.lock().unwrap();
    for (number, node) in all.iter().enumerate() {
        ports.insert(node.port, (Arc::downgrade(&level), number));
        ports.insert(node.tls_port, (Arc::downgrade(&level), number));
        if let Some(port) = node.port_after(PAGE) {
            ports.insert(port, (Arc::downgrade(&level), number));
        }
    }
    drop(ports);
    let mut server = all.remove(0);
    makes_now(&server, env);
    level.use_of(0);
    server.over = Some(Over { others: all, cluster, level, turn: AtomicUsize::new(0) });
    server
}

/// Has an account made once the server runs in this folder: the database of a node changes by the log alone.
pub(crate) fn makes_later(folder: &Path, name: &str, password: &str) {
    let mut file = File::options().append(true).create(true).open(folder.join(LATER)).unwrap();
    writeln!(file, "{name} {password}").unwrap();
}

/// Makes those accounts.
fn makes_now(server: &Server, env: &[(&str, &str)]) {
    let file = server.folder.join(LATER);
    let Ok(accounts) = std::fs::read_to_string(&file) else { return };
    for (name, password) in accounts.lines().filter_map(|line| line.split_once(' ')) {
        let mut child = lobbyd(server.folder.path(), env, &["ctl", "passwd", name])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        writeln!(child.stdin.take().unwrap(), "{password}").unwrap();
        assert!(child.wait().unwrap().success(), "{name}: {}", server.log());
    }
    std::fs::remove_file(file).unwrap();
}

impl Over {
    /// Which node is next, once it is level.
    pub(crate) fn next(&self) -> usize {
        let node = self.turn.fetch_add(1, Ordering::Relaxed) % (self.others.len() + 1);
        self.level.use_of(node);
        node
    }

    /// The folders of the others, once all have ended.
    pub(crate) fn into_beside(self) -> Beside {
        let Self { others, cluster, .. } = self;
        Beside { cluster, folders: others.into_iter().map(Server::into_folder).collect() }
    }
}

/// Where nodes are level: each has seen what was done on the others.
pub(crate) struct Level {
    nodes: Vec<Mutex<BufReader<UnixStream>>>,
    /// On which something was done that others may not have seen.
    used: Mutex<Vec<bool>>,
}

/// The node of each port.
type Ports = HashMap<u16, (Weak<Level>, usize)>;

static PORTS: LazyLock<Mutex<Ports>> = LazyLock::new(Mutex::default);

impl Level {
    fn of(nodes: &[Server]) -> Self {
        let socket = |node: &Server| {
            let socket = UnixStream::connect(node.folder.join(LEVEL)).unwrap();
            socket.set_read_timeout(Some(PATIENCE)).unwrap();
            Mutex::new(BufReader::new(socket))
        };
        Self {
            nodes: nodes.iter().map(socket).collect(),
            used: Mutex::new(vec![false; nodes.len()]),
        }
    }

    /// Something is about to be done on a node: waits until it has seen what was done on others before.
    pub(crate) fn use_of(&self, node: usize) {
        let mut used = self.used.lock().unwrap();
        let others = (0..used.len()).filter(|other| used[*other] && *other != node);
        let to = others.map(|other| self.ask(other, "say")).max();
        if let Some(to) = to {
            self.ask(node, &to.to_string());
            used.fill(false);
        }
        used[node] = true;
    }

    /// What a node answers; nothing where it has ended.
    fn ask(&self, node: usize, what: &str) -> u64 {
        let mut socket = self.nodes[node].lock().unwrap();
        let mut line = String::new();
        let sent = socket.get_mut().write_all(format!("{what}\n").as_bytes());
        match sent.and_then(|()| socket.read_line(&mut line)) {
            Ok(1..) => line.trim().parse().unwrap(),
            Ok(0) | Err(_) => 0,
        }
    }
}

/// The node that a client talks to, where it is one of several.
pub(crate) struct Place(Option<(Arc<Level>, usize)>);

impl Place {
    pub(crate) fn of(tcp: &TcpStream) -> Self {
        let port = tcp.peer_addr().map_or(0, |addr| addr.port());
        let ports = PORTS.lock().unwrap();
        Self(ports.get(&port).and_then(|(level, node)| Some((level.upgrade()?, *node))))
    }

    /// Something is about to be done by the client.
    pub(crate) fn used(&self) {
        if let Self(Some((level, node))) = self {
            level.use_of(*node);
        }
    }
}
