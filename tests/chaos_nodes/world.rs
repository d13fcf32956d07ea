//! Three nodes, their engine and a relay between each and it, with what breaks them.

use std::process::Stdio;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::NODES;
use crate::bots::Nodes;
use crate::checks::{History, Line, Millis, Stored, Trouble, Troubles};
use crate::harness::{Folder, Server, lobbyd};
use crate::http::ADMIN;
use crate::nats_server::NatsServer;
use crate::relay::{self, Relay, Way};
use crate::script::{Fault, Planned};

pub(crate) const NAMES: [&str; NODES] = ["node0", "node1", "node2"];

/// A node whose fault is over is well after this.
const SETTLED: Millis = 3_000;

/// A node that was started is ready within this, with the engine there.
const READY: Millis = 30_000;

/// Lines of a node's log that are shown where something is wrong.
const SHOWN_OF_LOG: usize = 40;

pub(crate) fn now() -> Millis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    u64::try_from(since.as_millis()).unwrap()
}

/// One node.
struct Machine {
    server: Option<Server>,
    /// What it has where it does not run.
    folder: Option<Folder>,
    relay: Relay,
    /// Since when it is being started.
    starts: Option<Millis>,
    is_stopped: bool,
    /// The logs of its processes before.
    log: String,
}

pub(crate) struct World {
    pub(crate) engine: NatsServer,
    machines: Vec<Machine>,
    pub(crate) troubles: Troubles,
    /// What is broken, until when, and since when.
    active: Vec<(Planned, Millis)>,
    /// What must not be.
    pub(crate) found: Vec<String>,
    pub(crate) broken: usize,
}

impl World {
    /// Starts all; none where there is no nats-server.
    pub(crate) fn start() -> Option<Self> {
        let engine = NatsServer::start()?;
        let machine = |_| {
            let relay = Relay::to(engine.port);
            Machine {
                server: None,
                folder: Some(Folder::new()),
                relay,
                starts: None,
                is_stopped: false,
                log: String::new(),
            }
        };
        let machines: Vec<_> = (0..NODES).map(machine).collect();
        let troubles = Troubles { nodes: vec![Vec::new(); NODES], engine: Vec::new() };
        let (active, found) = (Vec::new(), Vec::new());
        let mut world = Self { engine, machines, troubles, active, found, broken: 0 };
        (0..NODES).for_each(|node| world.begin_again(node, now()));
        Some(world)
    }

    pub(crate) fn server(&self, node: usize) -> &Server {
        self.machines[node].server.as_ref().unwrap()
    }

    fn launch(&mut self, node: usize) {
        let machine = &mut self.machines[node];
        let folder = machine.folder.take().unwrap();
        let url = format!("nats://127.0.0.1:{}", machine.relay.port);
        let env = [
            ("NATS_URL", url.as_str()),
            ("CHAT_NODE", NAMES[node]),
            ("CHAT_COLOR", "off"),
            ("CHAT_HISTORY_MESSAGES", "50"),
            ADMIN,
            ("RUST_LOG", "info"),
        ];
        let command = Server::command(&folder, &env);
        machine.server = Some(Server::launch(command, folder, Stdio::null()));
        machine.starts = Some(now());
    }

    /// How the nodes are at present.
    pub(crate) fn nodes(&self) -> Nodes {
        let now = now();
        let recently = |trouble: &Trouble| trouble.until + SETTLED > now;
        let engine = self.active.iter().any(|(p, _)| p.fault.node().is_none())
            || self.troubles.engine.last().is_some_and(recently);
        let mut nodes = Nodes { ports: [None; NODES], well: [false; NODES], down: [false; NODES] };
        for (node, machine) in self.machines.iter().enumerate() {
            let runs = machine.starts.is_none();
            nodes.down[node] = machine.server.is_none() || !runs || machine.is_stopped;
            nodes.ports[node] = machine.server.as_ref().filter(|_| runs).map(|server| server.port);
            let broken = self.active.iter().any(|(p, _)| p.fault.node() == Some(node));
            let lately = self.troubles.nodes[node].last().is_some_and(recently);
            nodes.well[node] = !nodes.down[node] && !broken && !lately && !engine;
        }
        nodes
    }

    /// Something breaks.
    pub(crate) fn begin(&mut self, planned: Planned) {
        self.broken += 1;
        let from = now();
        if let Some(machine) = planned.fault.node().map(|node| &mut self.machines[node]) {
            let relay = &machine.relay;
            match planned.fault {
                Fault::Kill(node) => self.kill(node),
                Fault::Stop(_) => {
                    machine.server.as_ref().unwrap().signal("STOP");
                    machine.is_stopped = true;
                }
                Fault::Cut(_) => relay.cut(),
                Fault::BreakOff(_) => {
                    relay.cut();
                    relay.heal();
                }
                Fault::Swallow(_, way) => relay.fault(way, relay::Fault::Swallow),
                Fault::SwallowAll(_) => {
                    for way in [Way::ToEngine, Way::ToNode] {
                        relay.fault(way, relay::Fault::Swallow);
                    }
                }
                Fault::Slow(_) => {
                    for way in [Way::ToEngine, Way::ToNode] {
                        relay.fault(way, relay::Fault::Delay(Duration::from_millis(50)));
                    }
                }
                Fault::KillEngine | Fault::StopEngine => {}
            }
        } else if planned.fault == Fault::KillEngine {
            self.engine.kill();
        } else {
            self.engine.stop_or_go_on("-STOP");
        }
        self.active.push((planned, from));
    }

    /// Kills a node at whatever instant this is.
    pub(crate) fn kill(&mut self, node: usize) {
        let machine = &mut self.machines[node];
        let Some(mut server) = machine.server.take() else { return };
        server.signal("KILL");
        server.wait();
        machine.log.push_str(&server.log());
        machine.log.push_str("--- killed\n");
        machine.folder = Some(server.into_folder());
        machine.starts = None;
    }

    /// Starts a node that was killed then, and waits until it is ready.
    pub(crate) fn begin_again(&mut self, node: usize, killed: Millis) {
        self.launch(node);
        self.troubles.nodes[node].push(Trouble { from: killed, until: now(), dumb: true });
        let server = self.machines[node].server.as_mut().unwrap();
        server.wait_for(Server::is_open, "the node is ready again");
        server.learn_ports();
        self.machines[node].starts = None;
    }

    fn heal(&mut self, fault: Fault) {
        match fault {
            Fault::Kill(node) => self.launch(node),
            Fault::Stop(node) => {
                let machine = &mut self.machines[node];
                machine.server.as_ref().unwrap().signal("CONT");
                machine.is_stopped = false;
            }
            Fault::Cut(node)
            | Fault::BreakOff(node)
            | Fault::Swallow(node, _)
            | Fault::SwallowAll(node)
            | Fault::Slow(node) => self.machines[node].relay.heal(),
            Fault::KillEngine => self.engine.run(),
            Fault::StopEngine => self.engine.stop_or_go_on("-CONT"),
        }
    }

    /// What is over is over; nodes that were started are looked at.
    pub(crate) fn turn(&mut self) {
        let time = now();
        let over = |(planned, from): &(Planned, Millis)| from + planned.lasts <= time;
        let (over, active) = self.active.drain(..).partition::<Vec<_>, _>(over);
        self.active = active;
        for (Planned { fault, .. }, from) in over {
            self.heal(fault);
            let trouble = Trouble { from, until: now(), dumb: fault.is_dumb() };
            match fault.node() {
                Some(node) => self.troubles.nodes[node].push(trouble),
                None => self.troubles.engine.push(trouble),
            }
        }
        for node in 0..NODES {
            self.look(node);
        }
    }

    fn look(&mut self, node: usize) {
        let time = now();
        let engine_back = self.troubles.engine.last().map_or(0, |trouble| trouble.until);
        let machine = &mut self.machines[node];
        let Some(server) = &mut machine.server else { return };
        if let Some(status) = server.has_ended() {
            self.found.push(format!("{} ended with status {status}", NAMES[node]));
            let server = machine.server.take().unwrap();
            machine.log.push_str(&server.log());
            machine.log.push_str("--- ended by itself\n");
            machine.folder = Some(server.into_folder());
            return self.launch(node);
        }
        let Some(from) = machine.starts else { return };
        // It is as good as dead until it is ready.
        self.troubles.nodes[node].push(Trouble { from, until: time, dumb: true });
        if server.is_open() {
            server.learn_ports();
            machine.starts = None;
        } else if time > from.max(engine_back) + READY
            && !self.found.iter().any(|f| f.contains("not ready"))
        {
            self.found.push(format!("{} is not ready after {READY} ms", NAMES[node]));
        }
    }

    /// Whether nothing is broken and all nodes run.
    pub(crate) fn is_whole(&self) -> bool {
        self.active.is_empty() && self.machines.iter().all(|machine| machine.starts.is_none())
    }

    /// Stops all nodes in the usual way, and gives what each has stored.
    pub(crate) fn stop(&mut self, lobbies: &[&str]) -> Vec<History> {
        for machine in &mut self.machines {
            let server = machine.server.as_mut().unwrap();
            server.signal("TERM");
            let status = server.wait();
            if status != 0 {
                self.found.push(format!("a node stopped with status {status}"));
            }
        }
        let stored = self.machines.iter_mut().map(|machine| {
            let server = machine.server.take().unwrap();
            machine.log.push_str(&server.log());
            let folder = machine.folder.insert(server.into_folder());
            lobbies.iter().map(|lobby| ((*lobby).to_owned(), export(folder, lobby))).collect()
        });
        stored.collect()
    }

    /// The last lines of the log of each node.
    pub(crate) fn logs(&self) -> String {
        let mut all = String::new();
        for (machine, name) in self.machines.iter().zip(NAMES) {
            let last = machine.server.as_ref().map(Server::log).unwrap_or_default();
            let log = machine.log.clone() + &last;
            // Who comes and goes says little of a fault.
            let quiet = ["logged_in", "logged_out", "_lobby]", "connected] conn", "disconnected]"];
            let lines: Vec<_> =
                log.lines().filter(|line| !quiet.iter().any(|word| line.contains(word))).collect();
            let from = lines.len().saturating_sub(SHOWN_OF_LOG);
            all.push_str(&format!("---- {name}\n{}\n", lines[from..].join("\n")));
        }
        all
    }
}

/// What a node has stored of a lobby.
fn export(folder: &Folder, lobby: &str) -> Vec<Stored> {
    let output = lobbyd(folder.path(), &[], &["export", lobby]).output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && error.is_empty(), "{error}");
    let text = String::from_utf8(output.stdout).unwrap();
    let stored = |line: &str| {
        let value: serde_json::Value = serde_json::from_str(line).unwrap();
        let text = |key: &str| value[key].as_str().unwrap().to_owned();
        let line = Line { from: text("from"), text: text("text") };
        Stored { id: value["id"].as_u64().unwrap(), at: text("at"), line }
    };
    text.lines().map(stored).collect()
}
