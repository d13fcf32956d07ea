//! What must hold, whatever happens: what is found against it is kept, the first first.

use std::collections::{HashMap, HashSet};

use super::super::engine::Revision;
use super::super::mark::Step;
use super::super::told::Passed;
use super::app::{Line, Said};
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
    /// What each record means, as the first node that read it says.
    records: Vec<(Step, Option<Said>)>,
    /// The last number of each life.
    numbers: HashMap<Revision, u64>,
    /// The last claim of each name that said something.
    claims: HashMap<String, Revision>,
    claimed_by: HashMap<(String, Revision), (Revision, ConnId)>,
    /// The last line of each connection.
    last_line: HashMap<ConnId, u64>,
    pub(super) spoken: HashMap<u64, Spoken>,
    /// Whose each life is: node and process.
    pub(super) lives: HashMap<Revision, (usize, u32)>,
    pub(super) shown: u64,
    pub(super) committed: u64,
    pub(super) not_sent: u64,
}

impl Checks {
    pub(super) fn fail(&mut self, what: String) {
        self.fault.get_or_insert(what);
    }

    /// A node has read a record. True for the first that did.
    pub(super) fn passed(&mut self, node: usize, passed: &Passed, said: Option<&Said>) -> bool {
        let at = usize::try_from(passed.position.0).unwrap() - 1;
        if let Some((step, other)) = self.records.get(at) {
            if *step != passed.step || other.as_ref() != said {
                self.fail(format!("node {node} has another log at {}: {passed:?}", at + 1));
            }
            return false;
        }
        if at != self.records.len() {
            self.fail(format!("node {node} read {} before all others", at + 1));
            return false;
        }
        self.records.push((passed.step.clone(), said.cloned()));
        if self.log_breaks {
            return true;
        }
        if let Step::Said { life, n } = passed.step {
            let last = self.numbers.entry(life).or_default();
            if n != *last + 1 {
                let what = format!("life {life:?} said {n} after {last}");
                return self.fault.get_or_insert(what).is_empty();
            }
            *last = n;
        }
        if let (Some(Said::Line(line)), Some(happens)) = (said, &passed.happens) {
            self.line(line, happens.life, passed.position.0);
        }
        true
    }

    /// The log has lost what is behind this position.
    pub(super) fn lost_behind(&mut self, position: usize) {
        self.records.truncate(position);
    }

    /// A line was shown for the first time.
    fn line(&mut self, line: &Line, life: Revision, position: u64) {
        self.shown += 1;
        let last = self.last_line.insert(line.conn, line.id).unwrap_or(0);
        if last >= line.id {
            self.fail(format!("line {} of {:?} after its line {last}", line.id, line.conn));
        }
        let whose = (life, line.conn);
        let claim = (line.key.clone(), line.claim);
        if *self.claimed_by.entry(claim).or_insert(whose) != whose {
            self.fail(format!("claim {:?} of {} has two sessions", line.claim, line.key));
        }
        // An account's older login may have lines on their way when a newer one takes its place.
        let last = self.claims.entry(line.key.clone()).or_insert(line.claim);
        if *last > line.claim && !line.account {
            let what = format!("{} was {last:?}, and is {:?} again", line.key, line.claim);
            self.fail(what);
            return;
        }
        *last = (*last).max(line.claim);
        match self.spoken.get_mut(&line.id).map(|spoken| &mut spoken.fate) {
            Some(fate @ Fate::Waits) => *fate = Fate::Shown(position),
            Some(fate) => {
                let what = format!("line {} is shown, and was {fate:?}", line.id);
                self.fail(what);
            }
            None => self.fail(format!("line {} was never said", line.id)),
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
    pub(super) fn stored(&mut self, node: usize, rows: &[(u64, Option<u64>)]) {
        let mut lines = HashSet::new();
        for (position, line) in rows {
            if line.is_some_and(|line| !lines.insert(line)) {
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
