//! The world: the engine, the nodes, the ways between them, and time. All that happens is an event with its
//! instant, and chance decides how long each takes and what is lost.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

use bytes::Bytes;

use super::super::engine::{
    Delivered, Notice, Position, Request, RequestId, Revision, Wish, Written,
};
use super::super::rules::Rules;
use super::super::timing::{Moment, TICK};
use super::super::{Node, Start};
use super::app::{App, Disk, Holder, name_of};
use super::chance::Chance;
use super::checks::{Checks, Fate};
use super::engine::{Changed, Engine};
use super::faults::Fault;

/// Of a thousand times that somebody says something, so often it is many lines,
const PASTES: u64 = 120;

/// this many: more than a node sends as records of their own.
const PASTED: u64 = 12;

/// How a run is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Script {
    pub(super) nodes: usize,
    /// Users act by chance, so many to a node; 0 where somebody else lets them act.
    pub(super) users: usize,
    /// Faults come by chance until then, in milliseconds; then all is calm.
    pub(super) faults_until: u64,
    /// How long it is calm at the end.
    pub(super) calm: u64,
    /// Answers and requests are lost, and some take long.
    pub(super) rough: bool,
    /// The log may lose its end, or be another one: nodes may stop for that, and do nothing else wrong.
    pub(super) log_breaks: bool,
}

/// Something that happens at its instant.
pub(super) enum Event {
    /// A request reaches the engine; a late one when nobody waits for it any more.
    Request { node: usize, line: Line, id: RequestId, request: Request, late: u32 },
    /// A notice reaches a node.
    Notice { node: usize, line: Line, read: u32, notice: Notice },
    /// A process is told the time.
    Tick { node: usize, process: u32 },
    /// Users of a process act.
    Act { node: usize, process: u32 },
    /// A node that has no connection tries to get one.
    Connect { node: usize, process: u32 },
    /// A node stores what it has read.
    Store { node: usize, process: u32 },
    /// The next fault comes.
    Fault,
    /// A fault is over.
    Over(Fault),
}

/// A connection of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Line {
    process: u32,
    connection: u32,
}

struct Timed(Reverse<(u64, u64)>, Event);

impl PartialEq for Timed {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}
impl Eq for Timed {}
impl PartialOrd for Timed {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Timed {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.cmp(&other.0)
    }
}

/// The ways between a node and the engine: what goes over one keeps its order.
#[derive(Debug, Clone, Copy)]
enum Way {
    Requests,
    Answers,
    Log,
    Nodes,
}

/// A running process.
pub(super) struct Process {
    pub(super) node: Node,
    pub(super) app: App,
}

/// A machine.
pub(super) struct Machine {
    pub(super) process: Option<Process>,
    pub(super) disk: Disk,
    pub(super) number: u32,
    connection: u32,
    /// Whether the engine has a connection with it.
    pub(super) linked: bool,
    /// Whether something can go over its line.
    pub(super) line_works: bool,
    pub(super) frozen: bool,
    held: Vec<(Line, u32, Notice)>,
    /// Its clock: by how much it differs, and how many parts of 10,000 it goes fast.
    clock: u64,
    fast: u64,
    ways: [u64; 4],
    reads: u32,
    reading: bool,
    watches: bool,
    /// The last time that it could not be reached: from when, until when.
    pub(super) trouble: (u64, u64),
}

impl Machine {
    /// It cannot be reached from now on. Troubles with little between them are one.
    pub(super) fn trouble_begins(&mut self, now: u64) {
        let (from, until) = self.trouble;
        if until != u64::MAX {
            let from = if now - until < 3_000 { from } else { now };
            self.trouble = (from, u64::MAX);
        }
    }
}

/// The world.
pub(super) struct World {
    pub(super) script: Script,
    pub(super) now: u64,
    events: BinaryHeap<Timed>,
    sequence: u64,
    pub(super) chance: Chance,
    rules: Rules,
    pub(super) engine: Engine,
    pub(super) machines: Vec<Machine>,
    pub(super) checks: Checks,
    pub(super) last_line: u64,
    pub(super) last_conn: u64,
    pub(super) faults: usize,
    /// When which node told its people that it is up, or that it is cut off.
    pub(super) told_up: Vec<(usize, u64, bool)>,
    /// Of each life that ended, when each node knew.
    pub(super) known_over: HashMap<(Revision, usize), u64>,
}

impl World {
    pub(super) fn new(script: Script, seed: u64, rules: Rules) -> Self {
        let mut chance = Chance::new(seed);
        let mut world = Self {
            script,
            now: 0,
            events: BinaryHeap::new(),
            sequence: 0,
            rules,
            engine: Engine { up: true, created_at: 1_000, ..Engine::default() },
            machines: Vec::new(),
            checks: Checks::default(),
            last_line: 0,
            last_conn: 0,
            faults: 0,
            told_up: Vec::new(),
            known_over: HashMap::new(),
            chance: chance.clone(),
        };
        world.checks.log_breaks = script.log_breaks;
        for node in 0..script.nodes {
            world.machines.push(Machine {
                process: None,
                disk: Disk::default(),
                number: 0,
                connection: 0,
                linked: false,
                line_works: true,
                frozen: false,
                held: Vec::new(),
                clock: chance.of(0, 1 << 40),
                fast: chance.of(9_990, 10_011),
                ways: [0; 4],
                reads: 0,
                reading: false,
                watches: false,
                trouble: (0, 0),
            });
            world.begin(node);
        }
        if script.faults_until > 0 {
            world.after(3_000, Event::Fault);
        }
        world
    }

    pub(super) fn after(&mut self, millis: u64, event: Event) {
        self.sequence += 1;
        let when = Reverse((self.now + millis, self.sequence));
        self.events.push(Timed(when, event));
    }

    /// The clock of a machine.
    pub(super) fn clock(&self, node: usize) -> Moment {
        let machine = &self.machines[node];
        Moment(machine.clock + self.now * machine.fast / 10_000)
    }

    /// A process begins, with what is on its disk.
    pub(super) fn begin(&mut self, node: usize) {
        let machine = &mut self.machines[node];
        machine.number += 1;
        let process = machine.number;
        let start = Start {
            node: name_of(node).into(),
            place: node as u64,
            replicas: 1,
            mark: machine.disk.mark(),
            said: Bytes::new(),
        };
        let keep = self.script.users > 0;
        let app = App::new(node, process, &machine.disk, self.rules, keep);
        machine.process = Some(Process { node: Node::with_rules(start, self.rules), app });
        machine.trouble = (self.now, self.now);
        let first = self.chance.of(1, 50);
        self.after(first, Event::Connect { node, process });
        self.after(TICK, Event::Tick { node, process });
        self.after(20, Event::Store { node, process });
        if self.script.users > 0 {
            self.after(50, Event::Act { node, process });
        }
    }

    /// A process is killed: what was not stored is gone.
    pub(super) fn kill(&mut self, node: usize) {
        self.unlink(node);
        let machine = &mut self.machines[node];
        machine.process = None;
        machine.frozen = false;
        machine.held.clear();
    }

    /// The connection of a node is gone, which it does not know yet.
    pub(super) fn unlink(&mut self, node: usize) {
        let now = self.now;
        let machine = &mut self.machines[node];
        machine.trouble_begins(now);
        machine.linked = false;
        machine.reading = false;
        machine.watches = false;
    }

    /// The connection of a node is lost, and it notices by then.
    pub(super) fn cut(&mut self, node: usize, notices_within: u64) {
        if !self.machines[node].linked {
            return;
        }
        self.unlink(node);
        let line = self.line(node);
        let read = self.machines[node].reads;
        let within = self.chance.of(0, notices_within + 1);
        self.after(within, Event::Notice { node, line, read, notice: Notice::Lost });
    }

    fn line(&self, node: usize) -> Line {
        let machine = &self.machines[node];
        Line { process: machine.number, connection: machine.connection }
    }

    /// How long something takes on its way.
    fn delay(&mut self, node: usize, way: Way) -> u64 {
        let long = self.script.rough && self.chance.mille(10);
        let delay = if long { self.chance.of(20, 400) } else { self.chance.of(0, 3) };
        let last = &mut self.machines[node].ways[way as usize];
        *last = (*last).max(self.now + delay);
        *last - self.now
    }

    fn notify(&mut self, node: usize, way: Way, notice: Notice) {
        let delay = self.delay(node, way);
        let line = self.line(node);
        let read = self.machines[node].reads;
        self.after(delay, Event::Notice { node, line, read, notice });
    }

    /// A record is in the log: those who read it get it.
    pub(super) fn publish(&mut self, delivered: &Delivered) {
        for node in 0..self.machines.len() {
            if self.machines[node].linked && self.machines[node].reading {
                self.notify(node, Way::Log, Notice::Delivered(delivered.clone()));
            }
        }
    }

    fn publish_key(&mut self, written: &Written) {
        for node in 0..self.machines.len() {
            if self.machines[node].linked && self.machines[node].watches {
                self.notify(node, Way::Nodes, Notice::Written(written.clone()));
            }
        }
    }

    /// Lets everything happen until then.
    pub(super) fn run_until(&mut self, end: u64) {
        while self.checks.fault.is_none() {
            let Some(Timed(Reverse((at, _)), _)) = self.events.peek() else { return };
            if *at > end {
                break;
            }
            let Some(Timed(Reverse((at, _)), event)) = self.events.pop() else { return };
            self.now = at;
            self.happen(event);
        }
        self.now = self.now.max(end);
    }

    fn happen(&mut self, event: Event) {
        let alive =
            |machine: &Machine, process| machine.number == process && machine.process.is_some();
        match event {
            Event::Request { node, line, id, request, late } => {
                self.request(node, line, id, request, late);
            }
            Event::Notice { node, line, read, notice } => {
                self.arrive(node, line, read, notice);
            }
            Event::Tick { node, process } => {
                if alive(&self.machines[node], process) {
                    if !self.machines[node].frozen {
                        self.with(node, |process, now, _| process.node.tick(now));
                    }
                    self.say_where_the_log_ends(node);
                    self.after(TICK, Event::Tick { node, process });
                }
            }
            Event::Act { node, process } => {
                if alive(&self.machines[node], process) {
                    if !self.machines[node].frozen {
                        self.act(node);
                    }
                    let next = self.chance.of(20, 150);
                    self.after(next, Event::Act { node, process });
                }
            }
            Event::Store { node, process } => {
                if alive(&self.machines[node], process) {
                    if !self.machines[node].frozen {
                        self.store(node);
                    }
                    let next = self.chance.of(5, 60);
                    self.after(next, Event::Store { node, process });
                }
            }
            Event::Connect { node, process } => {
                if alive(&self.machines[node], process) {
                    self.connect(node, process);
                }
            }
            Event::Fault => self.fault(),
            Event::Over(fault) => self.fault_over(fault),
        }
    }

    /// As an engine is asked once in ten ticks.
    fn say_where_the_log_ends(&mut self, node: usize) {
        let answers = self.engine.up && self.engine.still_until <= self.now;
        if answers && self.machines[node].linked && (self.now / TICK).is_multiple_of(10) {
            let last = self.engine.state().last;
            self.notify(node, Way::Answers, Notice::LogEnds(last));
        }
    }

    pub(super) fn store(&mut self, node: usize) {
        let machine = &mut self.machines[node];
        if let Some(process) = &mut machine.process {
            process.app.store(&mut machine.disk, &process.node);
        }
    }

    /// The reader of a node gets nothing any more, on a connection that works.
    pub(super) fn deafen(&mut self, node: usize) {
        self.machines[node].reading = false;
    }

    fn connect(&mut self, node: usize, process: u32) {
        let machine = &mut self.machines[node];
        if machine.linked {
            return;
        }
        let still = self.engine.still_until > self.now;
        if !self.engine.up || still || !machine.line_works || machine.frozen {
            let again = self.chance.of(100, 1_000);
            return self.after(again, Event::Connect { node, process });
        }
        machine.connection += 1;
        machine.linked = true;
        machine.trouble.1 = self.now;
        machine.ways = [self.now; 4];
        let state = self.engine.state();
        self.notify(node, Way::Answers, Notice::Connected(state));
    }

    /// A notice is there: it is taken, or held while the process is frozen.
    fn arrive(&mut self, node: usize, line: Line, read: u32, notice: Notice) {
        let machine = &mut self.machines[node];
        if machine.process.is_none() || machine.number != line.process {
            return;
        }
        if machine.frozen {
            machine.held.push((line, read, notice));
            return;
        }
        let of_this_line = machine.linked && machine.connection == line.connection;
        match &notice {
            Notice::Lost => {
                if of_this_line {
                    return;
                }
                let again = self.chance.of(50, 1_500);
                self.after(again, Event::Connect { node, process: line.process });
            }
            _ if !of_this_line => return,
            Notice::Delivered(_) if read != machine.reads => return,
            _ => {}
        }
        self.with(node, |process, now, _| process.node.notice(notice, now));
    }

    /// A frozen process goes on: it sees the time first, then all that has come.
    pub(super) fn thaw(&mut self, node: usize) {
        let machine = &mut self.machines[node];
        if !std::mem::take(&mut machine.frozen) {
            return;
        }
        if machine.linked {
            machine.trouble.1 = self.now;
        }
        let held = std::mem::take(&mut machine.held);
        self.with(node, |process, now, _| process.node.tick(now));
        for (line, read, notice) in held {
            self.arrive(node, line, read, notice);
        }
    }

    /// Lets a process do something, and carries out what follows.
    pub(super) fn with(
        &mut self,
        node: usize,
        act: impl FnOnce(&mut Process, Moment, &mut Checks),
    ) {
        let now = self.clock(node);
        let Some(process) = &mut self.machines[node].process else { return };
        let was_up = process.app.up;
        act(process, now, &mut self.checks);
        let first =
            process.app.take(&mut process.node, now, &self.engine.taken_at, &mut self.checks);
        if process.app.up != was_up {
            self.told_up.push((node, self.now, process.app.up));
        }
        let wishes = process.node.wishes();
        let number = process.app.process;
        if let Some(life) = process.node.life() {
            self.checks.lives.entry(life).or_insert((node, number));
        }
        let overs = std::mem::take(&mut process.app.overs);
        for (life, taken_at) in overs {
            self.known_over.entry((life, node)).or_insert(self.now);
            if first {
                self.judge_end(life, taken_at);
            }
        }
        for wish in wishes {
            self.wish(node, wish);
        }
        let ended = self.machines[node].process.as_ref().is_some_and(|p| p.app.ended);
        if ended {
            self.store(node);
            self.kill(node);
        }
    }

    /// A life ended: whether there was a reason.
    fn judge_end(&mut self, life: Revision, taken_at: u64) {
        let Some(&(node, process)) = self.checks.lives.get(&life) else { return };
        let machine = &self.machines[node];
        let Some(running) = machine.process.as_ref().filter(|p| p.app.process == process) else {
            return;
        };
        let (from, until) = machine.trouble;
        // One that could not write just before it could not be reached was silent all the time.
        let (engine_from, engine_until) = self.engine.trouble;
        let joined = engine_until > 0 && from < engine_until + 3_000;
        let from = if joined { from.min(engine_from) } else { from };
        let in_trouble = from + 2_000 <= taken_at && taken_at <= until.saturating_add(8_000);
        if !in_trouble && !running.app.ending && !self.script.log_breaks {
            self.checks.fail(format!(
                "{life:?} of node {node} ended at {taken_at} without a reason, trouble {from} to {until}"
            ));
        }
    }

    fn wish(&mut self, node: usize, wish: Wish) {
        let lost = self.script.rough && self.chance.mille(3);
        match wish {
            Wish::Ask(id, request) => {
                let delay = self.delay(node, Way::Requests);
                let line = self.line(node);
                if !lost {
                    self.after(delay, Event::Request { node, line, id, request, late: 0 });
                }
            }
            Wish::Read(from) => {
                let machine = &mut self.machines[node];
                if !machine.linked {
                    return;
                }
                machine.reads += 1;
                machine.reading = true;
                let from = usize::try_from(from.0).unwrap().saturating_sub(1);
                for at in from..self.engine.log.len() {
                    let delivered = self.engine.log[at].clone();
                    self.notify(node, Way::Log, Notice::Delivered(delivered));
                }
            }
            Wish::Watch => {
                if !self.machines[node].linked {
                    return;
                }
                self.machines[node].watches = true;
                let keys = self.engine.nodes.clone();
                for (key, (revision, bytes)) in keys {
                    let at = crate::chat::history::UnixMillis(self.now);
                    let written = Written { key, revision, at, bytes: Some(bytes) };
                    self.notify(node, Way::Nodes, Notice::Written(written));
                }
            }
            Wish::Hold(_) | Wish::Send { .. } => {}
        }
    }

    /// A request reaches the engine, or does not.
    fn request(&mut self, node: usize, line: Line, id: RequestId, request: Request, late: u32) {
        if self.engine.still_until > self.now {
            let later = self.engine.still_until - self.now;
            return self.after(later, Event::Request { node, line, id, request, late });
        }
        let machine = &self.machines[node];
        let there = machine.linked && self.line(node) == line;
        if late == 0 && there && self.engine.up {
            let (answer, changed) = self.engine.carry_out(request, self.now);
            self.changed(changed);
            let lost = self.script.rough && self.chance.mille(3);
            if !lost {
                self.notify(node, Way::Answers, Notice::Answered(id, answer));
            }
            return;
        }
        // It was in some buffer, and is carried out when nobody thinks of it any more, or never.
        if late > 0 && self.engine.up && machine.line_works {
            let (_, changed) = self.engine.carry_out(request, self.now);
            return self.changed(changed);
        }
        if late < 4 && self.chance.mille(500) {
            let later = self.chance.of(100, 3_000);
            self.after(later, Event::Request { node, line, id, request, late: late + 1 });
        }
    }

    fn changed(&mut self, changed: Changed) {
        match changed {
            Changed::Nothing => {}
            Changed::Log(delivered) => self.publish(&delivered),
            Changed::Table(written) => self.publish_key(&written),
        }
    }

    /// A user does something.
    fn act(&mut self, node: usize) {
        let (what, pick) = (self.chance.of(0, 100), self.chance.next());
        let (wanted, keys) = (self.script.users, self.script.users as u64 * 4);
        let key = match self.chance.of(0, keys) {
            account if account < keys / 4 => format!("account-{account}"),
            guest => format!("guest-{guest}"),
        };
        let lobby = u32::try_from(self.chance.of(1, 3)).unwrap();
        // Somebody pastes more than has records of its own.
        let lines = if self.chance.mille(PASTES) { PASTED } else { 1 };
        let (new, first) = (self.last_conn + 1, self.last_line + 1);
        (self.last_conn, self.last_line) = (new, self.last_line + lines);
        self.with(node, |Process { node, app }, now, checks| {
            let users: Vec<u64> = app.users.keys().copied().collect();
            let some = users.get(usize::try_from(pick).unwrap_or(0) % users.len().max(1)).copied();
            match (what, some) {
                _ if users.len() < wanted => app.claim(node, new, key, now),
                (0..70, Some(conn)) => {
                    (first..first + lines).for_each(|line| app.say(node, conn, line, now, checks));
                }
                (70..80, _) => app.order(node, lobby, now),
                (80..88, Some(conn)) => app.quit(node, conn, now),
                (_, Some(conn)) if app.users[&conn].wants.is_none() => {
                    app.claim(node, conn, key, now);
                }
                _ => {}
            }
        });
    }

    /// Once all is calm: nothing waits, all are up, all have the same, and names are those of users who are there.
    pub(super) fn check_calm(&mut self) {
        let last = Position(self.engine.log.len() as u64);
        let mut marks = Vec::new();
        let mut users = HashMap::new();
        for node in 0..self.machines.len() {
            self.store(node);
            let machine = &self.machines[node];
            let Some(process) = &machine.process else { continue };
            let Process { node: machine_node, app } = process;
            if let Some(stop) = &app.stopped {
                if !self.script.log_breaks {
                    self.checks.fail(format!("node {node} stopped: {stop}"));
                }
                continue;
            }
            let state = (app.up, machine_node.is_idle(), machine_node.mark().position == last);
            let wanting = app.users.values().filter(|user| user.wants.is_some()).count();
            if state != (true, true, true) || (app.orders_waiting, wanting) != (0, 0) {
                self.checks.fail(format!(
                    "node {node}: up, idle, at the end: {state:?}, {} orders and {wanting} names wait",
                    app.orders_waiting
                ));
            }
            if self.script.users > 0 {
                self.checks.stored(node, &machine.disk.rows);
            }
            marks.push(machine_node.mark().to_bytes());
            if self.script.log_breaks {
                continue;
            }
            if app.state.names != self.checks.held {
                self.checks.fail(format!("node {node} has other names than the log"));
            }
            let life = machine_node.life();
            let named = |(conn, user): (&u64, &super::app::User)| {
                let by = Holder { life: life?, conn: crate::chat::directory::ConnId(*conn) };
                Some((user.key.clone()?, by))
            };
            users.extend(app.users.iter().filter_map(named));
        }
        if marks.windows(2).any(|two| two[0] != two[1]) {
            self.checks.fail("the marks differ".to_owned());
        }
        if !self.script.log_breaks {
            if let Some((key, holder)) =
                self.checks.held.iter().find(|(key, holder)| users.get(*key) != Some(*holder))
            {
                self.checks.fault.get_or_insert(format!("{key:?} is a ghost's: {holder:?}"));
            }
            if let Some((key, user)) =
                users.iter().find(|(key, user)| self.checks.held.get(*key) != Some(*user))
            {
                let what = format!("{user:?} has the name {key:?}, and no node knows");
                self.checks.fault.get_or_insert(what);
            }
            self.check_lines();
        }
    }

    fn check_lines(&mut self) {
        for (line, spoken) in &self.checks.spoken {
            let machine = &self.machines[spoken.node];
            let lives = machine.process.is_some() && machine.number == spoken.process;
            if lives && spoken.fate == Fate::Waits {
                let what = format!("line {line} of node {} is lost", spoken.node);
                self.checks.fault.get_or_insert(what);
            }
        }
    }

    /// Runs the script to its end. What was found against it, if anything.
    pub(super) fn run(&mut self) -> Result<(), String> {
        let end = self.script.faults_until + self.script.calm;
        // Then nobody says anything more: a claim that lost some answers takes some seconds.
        self.run_until(end.saturating_sub(10_000));
        self.script.users = self.script.users.min(1);
        let quiet = std::mem::take(&mut self.events);
        self.events =
            quiet.into_iter().filter(|timed| !matches!(timed.1, Event::Act { .. })).collect();
        self.run_until(end);
        if self.checks.fault.is_none() {
            self.check_calm();
        }
        self.checks.fault.take().map_or(Ok(()), Err)
    }
}
