//! The application on a node: users who take names and say lines, orders that count in a lobby, and a database
//! that has what was stored when the process was killed. What a record does is decided when it comes out of the
//! log, from what came out before, and from nothing else.

use std::collections::{BTreeMap, HashMap};

use bytes::{BufMut, Bytes};

use super::super::Node;
use super::super::engine::{Revision, Subject};
use super::super::envelope::number;
use super::super::mark::Mark;
use super::super::rules::{Rule, Rules};
use super::super::timing::Moment;
use super::super::told::{Happens, Stop, Told, Unlogged};
use super::checks::{Checks, Fate, Spoken};
use crate::chat::directory::ConnId;
use crate::chat::lobbies::LobbyId;

/// What the application says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Said {
    /// A session wants a name; `again` where it had it under a life that is over.
    Claim { conn: ConnId, again: bool, key: Bytes },
    /// A session is gone.
    Left(ConnId),
    /// A session says a line.
    Line { id: u64, conn: ConnId },
    /// A lobby's counter is to be one more than this process has seen it.
    Order { seen: u64, node: usize, process: u32 },
}

impl Said {
    pub(super) fn write(&self) -> Bytes {
        let mut bytes = Vec::new();
        match self {
            Self::Claim { conn, again, key } => {
                bytes.push(u8::from(*again));
                bytes.put_u64(conn.0);
                bytes.put_slice(key);
            }
            Self::Left(conn) => {
                bytes.push(2);
                bytes.put_u64(conn.0);
            }
            Self::Line { id, conn } => {
                bytes.push(3);
                bytes.put_u64(conn.0);
                bytes.put_u64(*id);
            }
            Self::Order { seen, node, process } => {
                bytes.push(4);
                bytes.put_u64(*seen);
                bytes.put_u64(*node as u64);
                bytes.put_u64(u64::from(*process));
            }
        }
        bytes.into()
    }

    pub(super) fn read(bytes: &Bytes) -> Self {
        let at = |at| number(bytes, at).unwrap();
        let conn = ConnId(at(1));
        match bytes[0] {
            2 => Self::Left(conn),
            3 => Self::Line { id: at(9), conn },
            4 => Self::Order {
                seen: at(1),
                node: usize::try_from(at(9)).unwrap(),
                process: u32::try_from(at(17)).unwrap(),
            },
            again => Self::Claim { conn, again: again == 1, key: bytes.slice(9..) },
        }
    }
}

/// Who has a name: a connection, under a life of its node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Holder {
    pub(super) life: Revision,
    pub(super) conn: ConnId,
}

/// What a record has come to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    /// They have the name, and no other any more; of an account it was taken over from whoever had it.
    Claimed { key: Bytes, by: Holder, from: Option<Holder> },
    /// Somebody else has it.
    Refused { key: Bytes, conn: ConnId },
    /// They have left, and the name is free.
    Left { key: Bytes, by: Holder },
    /// The line is shown, under this name.
    Shown { id: u64, by: Holder, key: Bytes },
    /// The line is of nobody who has a name.
    Dropped { id: u64, by: Holder },
    /// The counter of a lobby is this now.
    Counted { subject: Subject, value: u64, node: usize, process: u32 },
    /// Somebody else's order came before.
    Crossed { node: usize, process: u32 },
    /// Nothing.
    Void,
}

/// Whether a name is that of an account: whoever claims one has proved that it is theirs.
pub(super) fn is_account(key: &[u8]) -> bool {
    key.starts_with(b"account-")
}

/// What has come of the log, on every node the same.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct State {
    pub(super) names: HashMap<Bytes, Holder>,
    /// The name of each connection.
    has: HashMap<ConnId, Bytes>,
    counters: HashMap<Subject, u64>,
}

impl State {
    /// A record has come out of the log.
    fn decide(&mut self, life: Revision, subject: Subject, said: Said) -> Outcome {
        match said {
            Said::Claim { conn, again, key } => self.claim(Holder { life, conn }, again, key),
            Said::Left(conn) => self.left(Holder { life, conn }),
            Said::Line { id, conn } => {
                let by = Holder { life, conn };
                match self.has.get(&conn).filter(|key| self.names.get(*key) == Some(&by)) {
                    Some(key) => Outcome::Shown { id, by, key: key.clone() },
                    None => Outcome::Dropped { id, by },
                }
            }
            Said::Order { seen, node, process } => {
                let counter = self.counters.entry(subject).or_default();
                if *counter != seen {
                    return Outcome::Crossed { node, process };
                }
                *counter += 1;
                Outcome::Counted { subject, value: *counter, node, process }
            }
        }
    }

    fn claim(&mut self, by: Holder, again: bool, key: Bytes) -> Outcome {
        let from = self.names.get(&key).copied().filter(|holder| *holder != by);
        if from.is_some() && (again || !is_account(&key)) {
            return Outcome::Refused { key, conn: by.conn };
        }
        if let Some(from) = from {
            self.has.remove(&from.conn);
        }
        self.names.insert(key.clone(), by);
        if let Some(before) = self.has.insert(by.conn, key.clone()).filter(|old| *old != key) {
            self.names.remove(&before);
        }
        Outcome::Claimed { key, by, from }
    }

    fn left(&mut self, by: Holder) -> Outcome {
        let Some(key) = self.has.get(&by.conn).cloned() else { return Outcome::Void };
        if self.names.get(&key) != Some(&by) {
            return Outcome::Void;
        }
        self.has.remove(&by.conn);
        self.names.remove(&key);
        Outcome::Left { key, by }
    }

    /// A life is over: its people have no names any more.
    fn over(&mut self, life: Revision) {
        let has = &mut self.has;
        self.names.retain(|_, holder| {
            if holder.life == life {
                has.remove(&holder.conn);
            }
            holder.life != life
        });
    }

    fn counter(&self, subject: Subject) -> u64 {
        self.counters.get(&subject).copied().unwrap_or_default()
    }
}

/// What is on the disk of a node.
#[derive(Debug, Clone, Default)]
pub(super) struct Disk {
    /// Of each record its position, and its line where one was shown.
    pub(super) rows: Vec<(u64, Vec<u64>)>,
    mark: Vec<u8>,
    state: State,
    /// Whether it has records that the log has lost.
    pub(super) astray: bool,
}

impl Disk {
    pub(super) fn mark(&self) -> Mark {
        if self.mark.is_empty() { Mark::default() } else { Mark::from_bytes(&self.mark).unwrap() }
    }
}

/// A user.
#[derive(Debug, Clone)]
pub(super) struct User {
    /// The name that they have, or had when the life of their node was over.
    pub(super) key: Option<Bytes>,
    /// The name that they have asked for.
    pub(super) wants: Option<Bytes>,
}

/// The application in one process.
pub(super) struct App {
    pub(super) node: usize,
    pub(super) process: u32,
    rules: Rules,
    pub(super) users: BTreeMap<u64, User>,
    pub(super) orders_waiting: usize,
    pub(super) state: State,
    /// Not stored yet.
    rows: Vec<(u64, Vec<u64>)>,
    /// Whether anything is stored, which takes time and memory.
    keep: bool,
    last: u64,
    /// Whether it has records that the log has lost.
    pub(super) astray: bool,
    pub(super) up: bool,
    pub(super) ending: bool,
    pub(super) ended: bool,
    pub(super) stopped: Option<Stop>,
    /// The lives that this process has seen end.
    pub(super) overs: Vec<(Revision, u64)>,
}

/// The name of a node.
pub(super) fn name_of(node: usize) -> String {
    format!("n{node:02}")
}

impl App {
    pub(super) fn new(node: usize, process: u32, disk: &Disk, rules: Rules, keep: bool) -> Self {
        Self {
            node,
            process,
            rules,
            users: BTreeMap::new(),
            orders_waiting: 0,
            state: disk.state.clone(),
            rows: Vec::new(),
            keep,
            last: disk.mark().position.0,
            astray: disk.astray,
            up: false,
            ending: false,
            ended: false,
            stopped: None,
            overs: Vec::new(),
        }
    }

    /// Stores what was read: all of it in one transaction, with the position.
    pub(super) fn store(&mut self, disk: &mut Disk, node: &Node) {
        if !self.keep {
            return self.rows.clear();
        }
        disk.rows.append(&mut self.rows);
        disk.state.clone_from(&self.state);
        if self.rules.hold(Rule::OneTransaction) || self.last.is_multiple_of(16) {
            disk.mark = node.mark().to_bytes();
            disk.astray = self.astray;
        }
    }

    /// A user, new or not, wants a name.
    pub(super) fn claim(&mut self, node: &mut Node, conn: u64, key: String, now: Moment) {
        let user = self.users.entry(conn).or_insert(User { key: None, wants: None });
        let key = Bytes::from(key);
        user.wants = Some(key.clone());
        let said = Said::Claim { conn: ConnId(conn), again: false, key };
        self.propose(node, Subject::People, &said, now);
    }

    pub(super) fn say(
        &mut self,
        node: &mut Node,
        conn: u64,
        id: u64,
        now: Moment,
        checks: &mut Checks,
    ) {
        if self.users.get(&conn).is_none_or(|user| user.key.is_none()) {
            return;
        }
        let spoken = Spoken { node: self.node, process: self.process, fate: Fate::Waits };
        checks.spoken.insert(id, spoken);
        let lobby = LobbyId(u32::try_from(conn % 3).unwrap());
        let said = Said::Line { id, conn: ConnId(conn) };
        if node.say(Subject::Lobby(lobby), said.write(), now).is_err() {
            checks.not_sent(id);
        }
    }

    pub(super) fn quit(&mut self, node: &mut Node, conn: u64, now: Moment) {
        if self.users.remove(&conn).is_some() {
            self.propose(node, Subject::People, &Said::Left(ConnId(conn)), now);
        }
    }

    pub(super) fn order(&mut self, node: &mut Node, lobby: u32, now: Moment) {
        self.orders_waiting += 1;
        let subject = Subject::LobbyOrders(LobbyId(lobby));
        let (seen, node_number, process) = (self.state.counter(subject), self.node, self.process);
        self.propose(node, subject, &Said::Order { seen, node: node_number, process }, now);
    }

    fn propose(&mut self, node: &mut Node, subject: Subject, said: &Said, now: Moment) {
        node.say(subject, said.write(), now).unwrap();
    }

    /// Takes all that the node tells. Answered with whether it was the first to read some of it.
    pub(super) fn take(
        &mut self,
        node: &mut Node,
        now: Moment,
        taken_at: &[u64],
        checks: &mut Checks,
    ) -> bool {
        let mut first = false;
        loop {
            let all = node.told();
            if all.is_empty() {
                return first;
            }
            for told in all {
                first |= self.told(node, told, now, taken_at, checks);
            }
        }
    }

    fn told(
        &mut self,
        node: &mut Node,
        told: Told,
        now: Moment,
        taken_at: &[u64],
        checks: &mut Checks,
    ) -> bool {
        match told {
            Told::Ready | Told::Back => self.up = true,
            Told::CutOff => self.up = false,
            Told::Ended => self.ended = true,
            Told::Stop(stop) => self.stopped = Some(stop),
            Told::Sent(_) | Told::Forged => {}
            Told::Reborn(unlogged) => self.reborn(node, &unlogged, now, checks),
            Told::Passed(passed) => {
                let position = passed.position.0;
                if position != self.last + 1 {
                    checks.fail(format!("node {} has {position} after {}", self.node, self.last));
                }
                if self.astray {
                    checks
                        .fail(format!("node {} goes on with another log at {position}", self.node));
                }
                self.last = position;
                for life in passed.step.ended() {
                    if self.rules.hold(Rule::FreesNames) {
                        self.state.over(life);
                    }
                    let taken = taken_at.get(position as usize - 1).copied();
                    self.overs.push((life, taken.unwrap_or_default()));
                }
                let lines = passed.happens.iter().flat_map(|Happens { life, subject, lines }| {
                    lines.iter().map(|line| (*life, *subject, Said::read(&line.bytes)))
                });
                let mut outcomes = Vec::new();
                for (life, subject, said) in lines {
                    outcomes.push(self.state.decide(life, subject, said));
                }
                let first = checks.passed(self.node, &passed, &outcomes);
                if self.keep {
                    let lines = outcomes.iter().filter_map(|outcome| match outcome {
                        Outcome::Shown { id, .. } => Some(*id),
                        _ => None,
                    });
                    self.rows.push((position, lines.collect()));
                }
                for outcome in outcomes {
                    self.has_happened(node, outcome, now, checks);
                }
                return first;
            }
        }
        false
    }

    /// What a record has come to, for the users of this process.
    fn has_happened(
        &mut self,
        node: &mut Node,
        outcome: Outcome,
        now: Moment,
        checks: &mut Checks,
    ) {
        match outcome {
            Outcome::Claimed { key, by, from } => {
                if let Some(from) = from
                    && self.users.get(&from.conn.0).is_some_and(|u| u.key.as_ref() == Some(&key))
                {
                    self.quit(node, from.conn.0, now);
                }
                if let Some(user) = self.users.get_mut(&by.conn.0) {
                    user.wants = user.wants.take().filter(|wants| *wants != key);
                    user.key = Some(key);
                }
            }
            Outcome::Refused { key, conn } => {
                let Some(user) = self.users.get_mut(&conn.0) else { return };
                user.wants = user.wants.take().filter(|wants| *wants != key);
                user.key = user.key.take().filter(|had| *had != key);
                if user.key.is_none() && user.wants.is_none() {
                    self.quit(node, conn.0, now);
                }
            }
            Outcome::Dropped { id, by } => {
                let own = checks.spoken.get(&id).map(|spoken| (spoken.node, spoken.process));
                if own == Some((self.node, self.process)) {
                    checks.not_sent(id);
                }
                if self.users.get(&by.conn.0).is_some_and(|user| user.key.is_some()) {
                    checks.fail(format!("line {id} is not shown, and its user has a name"));
                }
            }
            Outcome::Counted { node, process, .. } | Outcome::Crossed { node, process } => {
                self.orders_waiting -= usize::from((node, process) == (self.node, self.process));
            }
            Outcome::Left { .. } | Outcome::Shown { .. } | Outcome::Void => {}
        }
    }

    /// The users come in again under the new life, and then what was not logged is said again.
    fn reborn(&mut self, node: &mut Node, unlogged: &[Unlogged], now: Moment, checks: &mut Checks) {
        let claim = |(conn, user): (&u64, &User)| {
            let had = user.key.iter().map(|key| (true, key.clone()));
            let wants = user.wants.iter().map(|key| (false, key.clone()));
            let claim = |(again, key)| Said::Claim { conn: ConnId(*conn), again, key };
            had.chain(wants).map(claim).collect::<Vec<_>>()
        };
        let claims: Vec<Said> = self.users.iter().flat_map(claim).collect();
        for said in claims {
            if self.rules.hold(Rule::ClaimsAnew) {
                self.propose(node, Subject::People, &said, now);
            }
        }
        for Unlogged { subject, bytes, .. } in unlogged {
            match Said::read(bytes) {
                // Its user has gone, and nobody would learn of it.
                Said::Line { id, conn } if !self.users.contains_key(&conn.0) => checks.not_sent(id),
                said @ (Said::Line { .. } | Said::Order { .. }) => {
                    self.propose(node, *subject, &said, now);
                }
                // Who is there was said just now.
                Said::Claim { .. } | Said::Left(_) => {}
            }
        }
        node.resumed(now);
    }
}
