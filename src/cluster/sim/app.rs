//! The application on a node: users who take names and say lines, a counter for each lobby that is changed
//! by commits, and a database that has what was stored when the process was killed.

use std::collections::{BTreeMap, HashMap};

use bytes::{BufMut, Bytes};

use super::super::engine::{Revision, Subject};
use super::super::envelope::number;
use super::super::mark::{Mark, Step};
use super::super::rules::{Rule, Rules};
use super::super::timing::Moment;
use super::super::told::{Stop, Told, Unlogged};
use super::super::{Claim, Node};
use super::checks::{Checks, Fate, Spoken};
use crate::chat::accounts::AccountId;
use crate::chat::directory::ConnId;
use crate::chat::lobbies::LobbyId;

/// A line, as it stands in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) id: u64,
    pub(super) conn: ConnId,
    /// The claim by which they had their name when they said it.
    pub(super) claim: Revision,
    pub(super) account: bool,
    pub(super) key: String,
}

/// What the application says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Said {
    Line(Line),
    /// A lobby's counter is to be this, which is one more than it was.
    Counter(u64),
}

impl Said {
    pub(super) fn write(&self) -> Bytes {
        let mut bytes = Vec::new();
        match self {
            Self::Line(line) => {
                bytes.push(u8::from(line.account));
                bytes.put_u64(line.id);
                bytes.put_u64(line.conn.0);
                bytes.put_u64(line.claim.0);
                bytes.put_slice(line.key.as_bytes());
            }
            Self::Counter(value) => {
                bytes.push(2);
                bytes.put_u64(*value);
            }
        }
        bytes.into()
    }

    pub(super) fn read(bytes: &Bytes) -> Self {
        let at = |at| number(bytes, at).unwrap();
        match bytes[0] {
            2 => Self::Counter(at(1)),
            account => Self::Line(Line {
                id: at(1),
                conn: ConnId(at(9)),
                claim: Revision(at(17)),
                account: account == 1,
                key: String::from_utf8(bytes[25..].to_vec()).unwrap(),
            }),
        }
    }
}

/// What is on the disk of a node.
#[derive(Debug, Clone, Default)]
pub(super) struct Disk {
    /// Of each record its position, and its line where it is one.
    pub(super) rows: Vec<(u64, Option<u64>)>,
    mark: Vec<u8>,
    /// Whether it has records that the log has lost.
    pub(super) astray: bool,
    counters: HashMap<Subject, u64>,
}

impl Disk {
    pub(super) fn mark(&self) -> Mark {
        if self.mark.is_empty() { Mark::default() } else { Mark::from_bytes(&self.mark).unwrap() }
    }
}

/// A user.
#[derive(Debug, Clone)]
pub(super) struct User {
    /// The name that they have.
    pub(super) key: Option<String>,
    /// The name that they have asked for.
    pub(super) wants: Option<String>,
}

/// The application in one process.
pub(super) struct App {
    pub(super) node: usize,
    pub(super) process: u32,
    name: String,
    rules: Rules,
    pub(super) users: BTreeMap<u64, User>,
    /// The claims by which connections have names.
    claims: HashMap<(ConnId, String), Revision>,
    tokens: HashMap<u64, Subject>,
    last_token: u64,
    pub(super) commits_waiting: usize,
    counters: HashMap<Subject, u64>,
    /// Not stored yet.
    rows: Vec<(u64, Option<u64>)>,
    /// Whether what is stored is kept, which takes memory.
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
    /// Names of this process that were claimed or not.
    pub(super) claimed: usize,
}

/// The name of a node.
pub(super) fn name_of(node: usize) -> String {
    format!("n{node:02}")
}

fn is_account(key: &str) -> Option<AccountId> {
    key.strip_prefix("account-").map(|number| AccountId(number.parse().unwrap()))
}

impl App {
    pub(super) fn new(node: usize, process: u32, disk: &Disk, rules: Rules, keep: bool) -> Self {
        Self {
            node,
            process,
            name: name_of(node),
            rules,
            users: BTreeMap::new(),
            claims: HashMap::new(),
            tokens: HashMap::new(),
            last_token: 0,
            commits_waiting: 0,
            counters: disk.counters.clone(),
            rows: Vec::new(),
            keep,
            last: disk.mark().position.0,
            astray: disk.astray,
            up: false,
            ending: false,
            ended: false,
            stopped: None,
            overs: Vec::new(),
            claimed: 0,
        }
    }

    /// Stores what was read: all of it in one transaction, with the position.
    pub(super) fn store(&mut self, disk: &mut Disk, node: &Node) {
        if self.keep {
            disk.rows.append(&mut self.rows);
        }
        self.rows.clear();
        disk.counters.clone_from(&self.counters);
        if self.rules.hold(Rule::OneTransaction) || self.last.is_multiple_of(16) {
            disk.mark = node.mark().to_bytes();
            disk.astray = self.astray;
        }
    }

    pub(super) fn claim(&mut self, node: &mut Node, conn: u64, key: String, now: Moment) {
        let user = self.users.entry(conn).or_insert(User { key: None, wants: None });
        user.wants = Some(key.clone());
        let account = is_account(&key);
        node.claim(Claim { said: key.clone().into(), key, conn: ConnId(conn), account }, now);
    }

    pub(super) fn say(
        &mut self,
        node: &mut Node,
        conn: u64,
        id: u64,
        now: Moment,
        checks: &mut Checks,
    ) {
        let Some(key) = self.users.get(&conn).and_then(|user| user.key.clone()) else { return };
        let spoken = Spoken { node: self.node, process: self.process, fate: Fate::Waits };
        checks.spoken.insert(id, spoken);
        let bytes = self.line(ConnId(conn), id, key);
        let lobby = LobbyId(u32::try_from(conn % 3).unwrap());
        if node.say(ConnId(conn), Subject::Lobby(lobby), bytes, now).is_err() {
            checks.not_sent(id);
        }
    }

    fn line(&self, conn: ConnId, id: u64, key: String) -> Bytes {
        // Without a claim it is not sent before it is said again, by one.
        let claim = self.claims.get(&(conn, key.clone())).copied().unwrap_or(Revision(0));
        let account = is_account(&key).is_some();
        Said::Line(Line { id, conn, claim, account, key }).write()
    }

    pub(super) fn quit(&mut self, node: &mut Node, conn: u64, now: Moment) {
        let Some(user) = self.users.remove(&conn) else { return };
        for key in user.key.into_iter().chain(user.wants) {
            node.release(&key, ConnId(conn), now);
        }
    }

    pub(super) fn commit(&mut self, node: &mut Node, lobby: u32, now: Moment) {
        self.last_token += 1;
        let subject = Subject::LobbyOrders(LobbyId(lobby));
        self.tokens.insert(self.last_token, subject);
        self.commits_waiting += 1;
        node.commit(self.last_token, subject, now).unwrap();
    }

    /// Takes all that the node tells.
    pub(super) fn take(
        &mut self,
        node: &mut Node,
        now: Moment,
        taken_at: &[u64],
        checks: &mut Checks,
    ) -> Vec<u64> {
        let mut first_read = Vec::new();
        loop {
            let all = node.told();
            if all.is_empty() {
                return first_read;
            }
            for told in all {
                self.told(node, told, now, taken_at, checks, &mut first_read);
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
        first_read: &mut Vec<u64>,
    ) {
        match told {
            Told::Ready | Told::Back => self.up = true,
            Told::CutOff => self.up = false,
            Told::Ended => self.ended = true,
            Told::Stop(stop) => self.stopped = Some(stop),
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
                let said = passed.happens.as_ref().map(|happens| Said::read(&happens.bytes));
                if checks.passed(self.node, &passed, said.as_ref()) {
                    first_read.push(position);
                }
                let mut line = None;
                match (said, &passed.happens) {
                    (Some(Said::Line(said)), _) => line = Some(said.id),
                    (Some(Said::Counter(value)), Some(happens)) => {
                        let counter = self.counters.entry(happens.subject).or_default();
                        if value != *counter + 1 {
                            checks.fail(format!("{value} was committed after {counter}"));
                        }
                        *counter = value;
                    }
                    _ => {}
                }
                self.rows.push((position, line));
                match passed.step {
                    Step::Over { node, life } | Step::Began { node, ended: Some(life), .. } => {
                        if *node == *self.name {
                            self.claims.clear();
                        }
                        let taken = taken_at.get(position as usize - 1).copied();
                        self.overs.push((life, taken.unwrap_or_default()));
                    }
                    Step::None | Step::Said { .. } | Step::Began { .. } => {}
                }
            }
            Told::Name { .. } | Told::NamesRead | Told::Sent(_) => {}
            Told::Claimed { key, conn, revision } => {
                self.claimed += 1;
                self.claims.insert((conn, key.clone()), revision);
                let Some(user) = self.users.get_mut(&conn.0) else { return };
                if user.wants.as_ref() == Some(&key) {
                    user.wants = None;
                    if let Some(old) = user.key.replace(key.clone()).filter(|old| *old != key) {
                        node.release(&old, conn, now);
                    }
                }
            }
            Told::NotClaimed { key, conn, .. } => {
                self.claimed += 1;
                if let Some(user) = self.users.get_mut(&conn.0) {
                    user.wants = user.wants.take().filter(|wants| *wants != key);
                    if user.key.is_none() && user.wants.is_none() {
                        self.users.remove(&conn.0);
                    }
                }
            }
            Told::LostName { key, conn, .. } => {
                self.claims.remove(&(conn, key.clone()));
                if let Some(user) = self.users.get_mut(&conn.0) {
                    user.key = user.key.take().filter(|had| *had != key);
                    if user.key.is_none() {
                        self.quit(node, conn.0, now);
                    }
                }
            }
            Told::Plan(token) => {
                let subject = self.tokens[&token];
                let value = self.counters.get(&subject).copied().unwrap_or(0) + 1;
                node.planned(token, Some(Said::Counter(value).write()), now);
            }
            Told::Committed(token) => {
                checks.committed += 1;
                self.commit_ended(token);
            }
            Told::NotCommitted(token, _) => self.commit_ended(token),
            Told::Reborn(unlogged) => self.reborn(node, unlogged, now, checks),
        }
    }

    fn commit_ended(&mut self, token: u64) {
        self.commits_waiting -= 1;
        self.tokens.remove(&token);
    }

    /// Says again what was not logged, of those who still have their name.
    fn reborn(
        &mut self,
        node: &mut Node,
        unlogged: Vec<Unlogged>,
        now: Moment,
        checks: &mut Checks,
    ) {
        for line in unlogged {
            let Said::Line(said) = Said::read(&line.bytes) else { continue };
            if !self.claims.contains_key(&(line.conn, said.key.clone())) {
                checks.not_sent(said.id);
                continue;
            }
            let bytes = self.line(line.conn, said.id, said.key);
            node.say(line.conn, line.subject, bytes, now).unwrap();
        }
        node.resumed(now);
    }
}
