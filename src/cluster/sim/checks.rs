//! What must hold, whatever happens: what is found against it is kept, the first first.

use std::collections::{HashMap, HashSet};

use bytes::Bytes;

use super::super::engine::{Revision, Subject};
use super::super::mark::Step;
use super::super::told::Passed;
use super::app::{Holder, Outcome, is_account};
use crate::chat::directory::ConnId;

/// What is known of a line that a user said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// It is on its way.
    Waits,
    /// It was shown, at this position.
    Shown(u64),
    /// Its user was told that it was not sent.
    NotSent,
}

/// A line that a user said.
#[derive(Debug)]
pub(super) struct Spoken {
    pub(super) node: usize,
    pub(super) process: u32,
    pub(super) fate: Fate,
}

/// What all nodes together have seen.
#[derive(Default)]
pub(super) struct Checks {
    /// The first thing that must not be.
    pub(super) fault: Option<String>,
    /// The log may lose records: what was said before says nothing then.
    pub(super) log_breaks: bool,
    /// What each record means and comes to, as the first node that read it says.
    records: Vec<(Step, Vec<Outcome>)>,
    /// The last number of each life.
    numbers: HashMap<Revision, u64>,
    /// Who has which name, by what the nodes say of each record, along the log.
    pub(super) held: HashMap<Bytes, Holder>,
    /// The same, by connection.
    holders: HashMap<ConnId, (Revision, Bytes)>,
    counters: HashMap<Subject, u64>,
    /// The last line of each connection.
    last_line: HashMap<ConnId, u64>,
    pub(super) spoken: HashMap<u64, Spoken>,
    /// Whose each life is: node and process.
    pub(super) lives: HashMap<Revision, (usize, u32)>,
    pub(super) shown: u64,
    pub(super) claimed: u64,
    pub(super) refused: u64,
    pub(super) counted: u64,
    pub(super) not_sent: u64,
}

impl Checks {
    pub(super) fn fail(&mut self, what: String) {
        self.fault.get_or_insert(what);
    }

    /// A node has read a record, which has come to this there. True for the first that did.
    pub(super) fn passed(&mut self, node: usize, passed: &Passed, outcomes: &[Outcome]) -> bool {
        let at = usize::try_from(passed.position.0).unwrap() - 1;
        if let Some((step, other)) = self.records.get(at) {
            if *step != passed.step || other != outcomes {
                self.fail(format!(
                    "node {node} has {passed:?} at {}, come to {outcomes:?} and not {other:?}",
                    at + 1
                ));
            }
            return false;
        }
        if at != self.records.len() {
            self.fail(format!("node {node} read {} before all others", at + 1));
            return false;
        }
        self.records.push((passed.step.clone(), outcomes.to_vec()));
        if self.log_breaks {
            return true;
        }
        if let Step::Said { life, n } = passed.step {
            let last = self.numbers.entry(life).or_default();
            if n != *last + outcomes.len() as u64 {
                let what = format!("life {life:?} said {n} after {last}");
                self.fault.get_or_insert(what);
                return false;
            }
            *last = n;
        }
        for life in passed.step.ended() {
            self.held.retain(|_, holder| holder.life != life);
            self.holders.retain(|_, (of, _)| *of != life);
        }
        for outcome in outcomes {
            self.happened(outcome, passed.position.0);
        }
        true
    }

    /// The log has lost what is behind this position.
    pub(super) fn lost_behind(&mut self, position: usize) {
        self.records.truncate(position);
    }

    /// Something has happened, for the first time.
    fn happened(&mut self, outcome: &Outcome, position: u64) {
        match outcome {
            Outcome::Claimed { key, by, from } => {
                self.claimed += 1;
                let before = self.held.get(key).copied().filter(|holder| holder != by);
                if before != *from || (before.is_some() && !is_account(key)) {
                    self.fail(format!("{key:?} is {before:?}, and {by:?} claims it of {from:?}"));
                }
                if let Some(from) = before {
                    self.holders.remove(&from.conn);
                }
                self.held.insert(key.clone(), *by);
                let had = self.holders.insert(by.conn, (by.life, key.clone()));
                if let Some((_, had)) = had.filter(|(_, had)| had != key) {
                    self.held.remove(&had);
                }
            }
            Outcome::Refused { key, .. } => {
                self.refused += 1;
                if !self.held.contains_key(key) {
                    self.fail(format!("{key:?} is free, and is refused at {position}"));
                }
            }
            Outcome::Left { key, by } => {
                if self.held.remove(key) != Some(*by) {
                    self.fail(format!("{by:?} leaves, and {key:?} was not theirs"));
                }
                self.holders.remove(&by.conn);
            }
            Outcome::Shown { id, by, key } => self.line(*id, *by, key, position),
            Outcome::Dropped { id, by } => {
                if self.holders.get(&by.conn).is_some_and(|(life, _)| *life == by.life) {
                    self.fail(format!("line {id} of {by:?} is dropped, and they have a name"));
                }
            }
            Outcome::Counted { subject, value, .. } => {
                self.counted += 1;
                let last = self.counters.insert(*subject, *value).unwrap_or_default();
                if *value != last + 1 {
                    self.fail(format!("{subject:?} counts {value} after {last}"));
                }
            }
            Outcome::Crossed { .. } | Outcome::Void => {}
        }
    }

    /// A line was shown for the first time.
    fn line(&mut self, id: u64, by: Holder, key: &Bytes, position: u64) {
        self.shown += 1;
        let last = self.last_line.insert(by.conn, id).unwrap_or(0);
        if last >= id {
            self.fail(format!("line {id} of {:?} after its line {last}", by.conn));
        }
        if self.held.get(key) != Some(&by) {
            self.fail(format!("line {id} is shown as of {key:?}, which {by:?} has not"));
        }
        match self.spoken.get_mut(&id).map(|spoken| &mut spoken.fate) {
            Some(fate @ Fate::Waits) => *fate = Fate::Shown(position),
            Some(fate) => {
                let what = format!("line {id} is shown, and was {fate:?}");
                self.fail(what);
            }
            None => self.fail(format!("line {id} was never said")),
        }
    }

    /// A user was told that a line was not sent.
    pub(super) fn not_sent(&mut self, line: u64) {
        self.not_sent += 1;
        match self.spoken.get_mut(&line).map(|spoken| &mut spoken.fate) {
            Some(fate @ Fate::Waits) => *fate = Fate::NotSent,
            other => {
                let what = format!("line {line} is said not to be sent, and is {other:?}");
                self.fail(what);
            }
        }
    }

    /// At the end, a node has these lines in its database, by position.
    pub(super) fn stored(&mut self, node: usize, rows: &[(u64, Vec<u64>)]) {
        let mut lines = HashSet::new();
        for (position, line) in
            rows.iter().flat_map(|(at, all)| all.iter().map(move |line| (at, line)))
        {
            if !lines.insert(*line) {
                self.fail(format!("node {node} has {line:?} twice, at {position}"));
            }
        }
        if rows.windows(2).any(|two| two[1].0 != two[0].0 + 1) {
            self.fail(format!("the log of node {node} does not rise by one"));
        }
        for (line, spoken) in self.spoken.iter().filter(|_| !self.log_breaks) {
            if matches!(spoken.fate, Fate::Shown(_)) && !lines.contains(line) {
                self.fault.get_or_insert(format!("node {node} has not line {line}"));
            }
        }
    }
}
