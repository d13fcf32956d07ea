//! What is done to a server, and what is measured meanwhile.

use std::time::{Duration, Instant};

use crate::client::{Counts, Swarm};
use crate::machine::{cpu_ns, machine_ticks, rss_bytes};
use crate::servers::{Kind, Server, Setup, free_port};

/// Time before anything is measured.
const WARM_UP: Duration = Duration::from_millis(1_000);

/// Time after the last line for the rest to arrive.
const SETTLE: Duration = Duration::from_secs(10);

/// How lines are sent.
#[derive(Debug, Clone, Copy)]
enum Load {
    /// So many lines a second in all, whatever comes back.
    Open { lines_per_sec: u32 },
    /// So many senders, each with so many lines that have not reached everybody.
    Closed { senders: usize, in_flight: usize },
    /// No lines.
    None,
    /// Connect, log in, a line, quit; several side by side, as fast as it goes.
    Churn,
    /// Connect, shake hands, close; several side by side, as fast as it goes.
    Handshakes,
}

/// A scenario.
pub(crate) struct Scenario {
    pub name: &'static str,
    clients: usize,
    rooms: usize,
    load: Load,
    /// Clients with a small receive buffer that stop reading once it has begun.
    stopped: usize,
    /// Characters that are added to each line.
    padding: usize,
    /// Users who join a private lobby at one instant, which takes password work.
    private_joins: usize,
    tls: bool,
    /// Clients whose line is edited by the server.
    editors: bool,
    /// The clients are pages.
    pages: bool,
}

impl Scenario {
    /// A lobby in which nothing happens.
    const EMPTY: Self = Self {
        name: "",
        clients: 200,
        rooms: 1,
        load: Load::None,
        stopped: 0,
        padding: 0,
        private_joins: 0,
        tls: false,
        editors: false,
        pages: false,
    };

    /// A lobby of so many, with 20,000 deliveries a second.
    pub(crate) const fn of_size(clients: usize) -> Self {
        Self::of_talk(clients, (20_000 / clients) as u32)
    }

    /// A lobby of so many who take turns to say so many lines a second in all.
    pub(crate) const fn of_talk(clients: usize, lines_per_sec: u32) -> Self {
        open("size", clients, 1, lines_per_sec)
    }
}

/// All scenarios, in the order of the tables.
pub(crate) static SCENARIOS: [Scenario; 20] = [
    open("small", 20, 1, 200),
    open("fanout", 200, 1, 200),
    open("heavy", 200, 1, 1_000),
    open("crowd", 1_000, 1, 50),
    open("many", 2_000, 200, 2_000),
    Scenario {
        name: "saturate",
        load: Load::Closed { senders: 20, in_flight: 8 },
        ..Scenario::EMPTY
    },
    Scenario {
        name: "hashing",
        load: Load::Open { lines_per_sec: 200 },
        private_joins: 10,
        ..Scenario::EMPTY
    },
    slow("steady", 0),
    slow("slow", 1),
    slow("slow20", 20),
    idle_with("idle", 1_000),
    idle_with("idle10k", 10_000),
    Scenario { name: "churn", clients: 1, load: Load::Churn, ..Scenario::EMPTY },
    Scenario { name: "tls", load: Load::Open { lines_per_sec: 200 }, tls: true, ..Scenario::EMPTY },
    Scenario { tls: true, ..idle_with("idletls", 1_000) },
    Scenario { editors: true, ..open("editors", 200, 1, 200) },
    Scenario { editors: true, ..idle_with("idleeditors", 1_000) },
    Scenario { pages: true, ..open("pages", 200, 1, 200) },
    Scenario { pages: true, ..idle_with("idlepages", 1_000) },
    Scenario {
        name: "handshake",
        clients: 0,
        load: Load::Handshakes,
        tls: true,
        ..Scenario::EMPTY
    },
];

/// Long lines, so that the buffers of a client that stops reading are full within the run.
const fn slow(name: &'static str, stopped: usize) -> Scenario {
    Scenario { stopped, padding: 500, ..open(name, 200, 1, 200) }
}

const fn idle_with(name: &'static str, clients: usize) -> Scenario {
    Scenario { name, clients, ..Scenario::EMPTY }
}

const fn open(name: &'static str, clients: usize, rooms: usize, lines_per_sec: u32) -> Scenario {
    Scenario { name, clients, rooms, load: Load::Open { lines_per_sec }, ..Scenario::EMPTY }
}

/// What one run showed.
#[derive(Debug, Clone, Default)]
pub(crate) struct Outcome {
    pub delivered: u64,
    pub cpu_us_per_line: f64,
    pub lines_per_sec: f64,
    pub p50_ms: f64,
    pub p99_ms: f64,
    pub p999_ms: f64,
    pub max_ms: f64,
    pub gap_ms: f64,
    pub lost: u64,
    pub doubled: u64,
    pub missing: i64,
    pub rss_kib_per_client: f64,
    pub login_cpu_secs: f64,
    pub idle_cpu_percent: f64,
    pub cpu_us_per_connection: f64,
    pub connections_per_sec: f64,
    pub others_busy_percent: f64,
    pub cut_off: usize,
    /// Nanoseconds that each of the processes ran.
    pub cpu_ns: Vec<u64>,
}

impl Scenario {
    /// Runs it once. None where the server cannot take part.
    pub(crate) fn run(&self, kind: Kind, secs: Duration, pinned: bool) -> Option<Outcome> {
        let is_lobbyds = self.private_joins > 0 || self.editors || self.pages;
        if is_lobbyds && !kind.is_lobbyd() || self.tls && !kind.has_tls() {
            return None;
        }
        let page = free_port();
        let at = format!("127.0.0.1:{page}");
        let env = [("CHAT_WEB_ADDR", at.as_str())];
        let server = match self.pages {
            true => Server::start_as(kind, pinned, Setup { env: &env, ..Setup::default() }),
            false => Server::start(kind, pinned, self.tls),
        };
        let empty = rss_bytes(server.pid());
        let port = if self.pages { page } else { server.port };
        let mut swarm = Swarm::new(kind.protocol(), port, self.tls);
        swarm.pages = self.pages;
        swarm.editors = self.editors;
        if kind.is_lobbyd() && self.rooms > 1 {
            make_rooms(&mut swarm, self.rooms);
        }
        swarm.padding = "p".repeat(self.padding);
        let first = swarm.clients.len();
        let cpu = cpu_ns(server.pid());
        for i in 0..self.clients {
            swarm.connect(i % self.rooms, self.rooms, i >= self.clients - self.stopped);
            if i % 50 == 49 {
                swarm.turn();
            }
        }
        let joiners: Vec<usize> =
            (0..self.private_joins).map(|_| swarm.connect_bystander()).collect();
        swarm.wait_ready();
        if let Some(&first) = joiners.first() {
            swarm.command(first, "/create private hunter2 x\n");
        }
        let login = cpu_ns(server.pid()) - cpu;
        quiet(&mut swarm, Duration::from_millis(500));
        let rss = rss_bytes(server.pid()).saturating_sub(empty);
        let mut outcome = match self.load {
            Load::Open { lines_per_sec } => {
                self.open_loop(&mut swarm, first, &joiners, &[server.pid()], secs, lines_per_sec)
            }
            Load::Closed { senders, in_flight } => {
                closed_loop(&mut swarm, first, &[server.pid()], secs, senders, in_flight)
            }
            Load::None => idle(&mut swarm, &server, secs),
            Load::Churn => return Some(churn(&mut swarm, &server, secs)),
            Load::Handshakes => {
                swarm.handshakes_only = true;
                return Some(churn(&mut swarm, &server, secs));
            }
        };
        outcome.login_cpu_secs = login as f64 / 1e9;
        outcome.rss_kib_per_client = rss as f64 / 1024.0 / self.clients.max(1) as f64;
        // Whoever stopped reading learns only now whether it was cut off.
        swarm.go_on_reading();
        quiet(&mut swarm, Duration::from_millis(500));
        outcome.cut_off = swarm.closed();
        Some(outcome)
    }

    /// Lines that are due at their time, from those of `first` and after who read.
    pub(crate) fn open_loop(
        &self,
        swarm: &mut Swarm,
        first: usize,
        joiners: &[usize],
        pids: &[u32],
        secs: Duration,
        lines_per_sec: u32,
    ) -> Outcome {
        let senders = self.clients - self.stopped;
        let mut seq = vec![0; swarm.clients.len()];
        let period = Duration::from_secs(1) / lines_per_sec;
        let begin = swarm.start.elapsed();
        let (mut due, mut turn) = (begin, 0_usize);
        let mut window: Option<Window> = None;
        let mut expected = 0;
        for id in 0..self.stopped {
            swarm.clients[first + senders + id].stopped = true;
        }
        loop {
            let now = swarm.start.elapsed();
            if window.is_none() && now - begin >= WARM_UP {
                swarm.measure();
                window = Some(Window::open(pids));
                joiners.iter().for_each(|id| swarm.command(*id, "/join private hunter2\n"));
            }
            if now - begin >= WARM_UP + secs {
                break;
            }
            while due <= now {
                // A prime step, so that senders of all rooms take turns.
                let id = first + turn * 7 % senders;
                turn += 1;
                swarm.say(id, seq[id], due);
                seq[id] += 1;
                if swarm.counts_from().is_some_and(|since| due >= since) {
                    expected += (swarm.audience(id)
                        - if self.rooms == 1 { self.stopped } else { 0 })
                        as i64;
                }
                due += period;
            }
            swarm.turn();
        }
        let window = window.expect("the warm-up is over");
        settle(swarm, expected);
        window.close(swarm, expected)
    }
}

/// One client makes all rooms.
pub(crate) fn make_rooms(swarm: &mut Swarm, rooms: usize) {
    swarm.connect(usize::MAX, 1, false);
    swarm.wait_ready();
    for room in 0..rooms {
        swarm.command(0, &format!("/create r{room} no-pass x\n"));
    }
    quiet(swarm, Duration::from_millis(1_000));
}

/// So many senders of `first` and after, each with so many lines that have not reached everybody.
pub(crate) fn closed_loop(
    swarm: &mut Swarm,
    first: usize,
    pids: &[u32],
    secs: Duration,
    senders: usize,
    in_flight: usize,
) -> Outcome {
    let mut flood = Flood::begin(swarm, first, senders, in_flight);
    let begin = Instant::now();
    let mut window = None;
    loop {
        flood.go_on(swarm);
        if window.is_none() && begin.elapsed() >= WARM_UP {
            swarm.measure();
            window = Some(Window::open(pids));
        }
        if begin.elapsed() >= WARM_UP + secs {
            break;
        }
    }
    let window = window.expect("the warm-up is over");
    let expected = swarm.counts.delivered as i64;
    window.close(swarm, expected)
}

/// Senders who say the next line as soon as one of theirs has reached everybody.
pub(crate) struct Flood {
    /// Sequence number that comes next, of each sender, and how many a line of theirs goes to.
    next: Vec<(u32, usize)>,
    /// Lines that have reached everybody.
    pub done: u64,
}

impl Flood {
    /// So many of `first` and after say their first lines, so many each.
    pub(crate) fn begin(swarm: &mut Swarm, first: usize, senders: usize, in_flight: usize) -> Self {
        swarm.track_lines = true;
        let next = (0..swarm.clients.len()).map(|id| (0, swarm.audience(id))).collect();
        let mut flood = Self { next, done: 0 };
        for id in first..first + senders {
            (0..in_flight).for_each(|_| flood.say(swarm, id));
        }
        flood
    }

    /// Lines that were said.
    pub(crate) fn said(&self) -> u32 {
        self.next.iter().map(|(seq, _)| seq).sum()
    }

    fn say(&mut self, swarm: &mut Swarm, id: usize) {
        let (seq, audience) = &mut self.next[id];
        swarm.under_way.insert((id as u32, *seq), *audience);
        let due = swarm.start.elapsed();
        swarm.say(id, *seq, due);
        *seq += 1;
    }

    /// Takes what has come, and says what follows from it.
    pub(crate) fn go_on(&mut self, swarm: &mut Swarm) {
        swarm.turn();
        for sender in std::mem::take(&mut swarm.completed) {
            self.done += 1;
            self.say(swarm, sender as usize);
        }
    }
}

fn idle(swarm: &mut Swarm, server: &Server, secs: Duration) -> Outcome {
    let (cpu, begin) = (cpu_ns(server.pid()), Instant::now());
    while begin.elapsed() < secs {
        std::thread::sleep(Duration::from_millis(50));
        swarm.turn();
    }
    let used = cpu_ns(server.pid()) - cpu;
    let percent = used as f64 / begin.elapsed().as_nanos() as f64 * 100.0;
    Outcome { idle_cpu_percent: percent, ..Outcome::default() }
}

/// Connections that come and go side by side in `churn`.
const CHURN_WIDTH: usize = 50;

fn churn(swarm: &mut Swarm, server: &Server, secs: Duration) -> Outcome {
    let (cpu, begin, mut done) = (cpu_ns(server.pid()), Instant::now(), 0_u64);
    for _ in 0..CHURN_WIDTH {
        swarm.connect(0, 1, false);
    }
    while begin.elapsed() < secs {
        swarm.turn();
        done += swarm.churn();
    }
    let used = (cpu_ns(server.pid()) - cpu) as f64;
    Outcome {
        cpu_us_per_connection: used / 1e3 / done.max(1) as f64,
        connections_per_sec: done as f64 / begin.elapsed().as_secs_f64(),
        ..Outcome::default()
    }
}

/// Takes what comes for so long.
pub(crate) fn quiet(swarm: &mut Swarm, time: Duration) {
    let begin = Instant::now();
    while begin.elapsed() < time {
        swarm.turn();
    }
}

fn settle(swarm: &mut Swarm, expected: i64) {
    let begin = Instant::now();
    while (swarm.counts.delivered as i64) < expected && begin.elapsed() < SETTLE {
        swarm.turn();
    }
}

/// The stretch of time that is measured.
struct Window {
    begin: Instant,
    /// The processes that serve, and how long each had run.
    cpu: Vec<(u32, u64)>,
    machine: (u64, u64),
}

impl Window {
    fn open(pids: &[u32]) -> Self {
        let cpu = pids.iter().map(|&pid| (pid, cpu_ns(pid))).collect();
        Self { begin: Instant::now(), cpu, machine: machine_ticks() }
    }

    fn close(self, swarm: &mut Swarm, expected: i64) -> Outcome {
        let elapsed = self.begin.elapsed();
        let each: Vec<u64> = self.cpu.iter().map(|&(pid, before)| cpu_ns(pid) - before).collect();
        let cpu: u64 = each.iter().sum();
        let (busy, idle) = machine_ticks();
        let (busy, idle) = (busy - self.machine.0, idle - self.machine.1);
        // The generator keeps one processor fully busy; what else ran is not ours.
        let ticks_per_sec = (busy + idle) as f64 / elapsed.as_secs_f64() / 2.0;
        let ours = ticks_per_sec * elapsed.as_secs_f64() + cpu as f64 / 1e9 * ticks_per_sec;
        let others = (busy as f64 - ours).max(0.0) / (busy + idle) as f64 * 100.0;
        let gap_ms = swarm.longest_gap().as_secs_f64() * 1e3;
        let Counts { delivered, lost, doubled, latencies, .. } = &mut swarm.counts;
        latencies.sort_unstable();
        let at = |q: f64| quantile_ms(latencies, q);
        Outcome {
            cpu_us_per_line: cpu as f64 / 1e3 / (*delivered).max(1) as f64,
            delivered: *delivered,
            lines_per_sec: *delivered as f64 / elapsed.as_secs_f64(),
            p50_ms: at(0.5),
            p99_ms: at(0.99),
            p999_ms: at(0.999),
            max_ms: at(1.0),
            gap_ms,
            lost: *lost,
            doubled: *doubled,
            missing: expected - *delivered as i64,
            others_busy_percent: others,
            cpu_ns: each,
            ..Outcome::default()
        }
    }
}

/// A quantile of nanoseconds that are in order, in milliseconds; 0 of none.
pub(crate) fn quantile_ms(sorted: &[u64], q: f64) -> f64 {
    let index = ((sorted.len() as f64 * q) as usize).min(sorted.len().saturating_sub(1));
    sorted.get(index).map_or(0.0, |ns| *ns as f64 / 1e6)
}
