//! Whether the server is well: what a prober of its actors finds, what the Store says of its disk, and
//! whether the server is about to stop. Read without a lock by whoever has to know.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;

use crate::clock;
use crate::draining::{Draining, Phase};

/// A finding that is older than this says nothing any more: whoever makes it is itself not there.
pub const STALE_AFTER: Duration = Duration::from_secs(2);

/// What the server is at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// All is well.
    Ready,
    /// It takes no new connections, and stops when those that are there have left.
    Draining,
    /// Something does not work.
    Failing,
}

impl State {
    /// As the operator's page has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Draining => "draining",
            Self::Failing => "failing",
        }
    }
}

/// The health of the server, shared by all threads.
#[derive(Debug, Clone)]
pub struct Health(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    begun: Instant,
    draining: Draining,
    store_fails: AtomicBool,
    /// The other servers cannot be reached.
    cut_off: AtomicBool,
    /// It is too far behind the others.
    behind: AtomicBool,
    /// Nothing that is said here comes out of the log.
    stuck: AtomicBool,
    /// What was found last: a line for each actor that does not answer.
    silent: ArcSwap<Vec<String>>,
    /// When that was, in milliseconds after `begun`.
    found: AtomicU64,
}

impl Default for Health {
    fn default() -> Self {
        Self::new()
    }
}

impl Health {
    /// Of a server that starts: nothing is known of its actors yet.
    pub fn new() -> Self {
        Self(Arc::new(Inner {
            begun: clock::now(),
            draining: Draining::default(),
            store_fails: AtomicBool::new(false),
            cut_off: AtomicBool::new(false),
            behind: AtomicBool::new(false),
            stuck: AtomicBool::new(false),
            silent: ArcSwap::from_pointee(vec!["the server is starting".to_owned()]),
            found: AtomicU64::new(0),
        }))
    }

    /// Whether the server takes new connections, or is about to stop.
    pub fn draining(&self) -> &Draining {
        &self.0.draining
    }

    /// Whether the database cannot be written at present.
    pub fn set_store_fails(&self, fails: bool) {
        self.0.store_fails.store(fails, Ordering::Release);
    }

    /// Whether the other servers of the cluster cannot be reached at present.
    pub fn set_cut_off(&self, cut_off: bool) {
        self.0.cut_off.store(cut_off, Ordering::Release);
    }

    /// Whether this node is too far behind the log of its cluster.
    pub fn set_behind(&self, behind: bool) {
        self.0.behind.store(behind, Ordering::Release);
    }

    /// Whether nothing that is said here comes out of the log of its cluster.
    pub fn set_stuck(&self, stuck: bool) {
        self.0.stuck.store(stuck, Ordering::Release);
    }

    /// Whether this node is too far behind: then nobody logs in here.
    pub fn is_behind(&self) -> bool {
        self.0.behind.load(Ordering::Acquire)
    }

    /// Whether the database cannot be written.
    pub fn store_fails(&self) -> bool {
        self.0.store_fails.load(Ordering::Acquire)
    }

    /// Notes which actors do not answer, a line for each.
    pub fn set_silent(&self, silent: Vec<String>) {
        self.0.silent.store(Arc::new(silent));
        self.0.found.store(self.millis(clock::now()), Ordering::Release);
    }

    /// Whether the actors have been asked, so that it is known how the server is.
    pub fn is_known(&self) -> bool {
        self.0.found.load(Ordering::Acquire) > 0
    }

    /// The actors that do not answer, a line for each; what keeps the watchdog from being fed.
    pub fn silent(&self) -> Vec<String> {
        self.silent_at(clock::now())
    }

    fn silent_at(&self, now: Instant) -> Vec<String> {
        let found = Duration::from_millis(self.0.found.load(Ordering::Acquire));
        let mut silent = Vec::clone(&self.0.silent.load());
        if self.0.begun + found + STALE_AFTER < now {
            silent.push("nobody looks whether the actors answer".to_owned());
        }
        silent
    }

    /// What the server is at, and why, a line for each reason.
    pub fn report(&self) -> (State, Vec<String>) {
        let mut why = self.silent();
        if self.store_fails() {
            why.push("the database cannot be written".to_owned());
        }
        if self.0.cut_off.load(Ordering::Acquire) {
            why.push("the other servers cannot be reached".to_owned());
        }
        if self.is_behind() {
            why.push("this server is over 30 s behind the others".to_owned());
        }
        if self.0.stuck.load(Ordering::Acquire) {
            why.push("nothing that is said here comes out of the log of the cluster".to_owned());
        }
        let state = if why.is_empty() { State::Ready } else { State::Failing };
        let stands = match self.draining().phase() {
            Phase::Serving => return (state, why),
            Phase::Draining(_) => "the server is draining",
            Phase::Stopping { .. } => "the server is stopping",
        };
        why.insert(0, stands.to_owned());
        (if state == State::Ready { State::Draining } else { state }, why)
    }

    fn millis(&self, now: Instant) -> u64 {
        let since = now.saturating_duration_since(self.0.begun);
        // Never 0, which says that nothing is known.
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX).max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_ready_once_all_actors_were_heard() {
        let health = Health::new();
        assert_eq!(health.report().0, State::Failing);
        health.set_silent(Vec::new());
        assert_eq!(health.report(), (State::Ready, Vec::new()));
        health.set_behind(true);
        let (state, why) = health.report();
        assert_eq!((state, why.len(), health.silent().len()), (State::Failing, 1, 0));
        health.set_behind(false);
        health.set_silent(vec!["the Store does not answer".to_owned()]);
        assert_eq!(health.report(), (State::Failing, vec!["the Store does not answer".to_owned()]));
    }

    #[test]
    fn every_reason_is_told() {
        let health = Health::new();
        health.set_silent(Vec::new());
        health.draining().stop();
        assert_eq!(health.report(), (State::Draining, vec!["the server is stopping".to_owned()]));
        health.set_store_fails(true);
        let (state, why) = health.report();
        assert_eq!((state, why.len()), (State::Failing, 2));
        assert!(health.silent().is_empty(), "neither is a reason to end the process");
        health.set_stuck(true);
        assert_eq!(health.report().1.len(), 3);
        health.set_stuck(false);
        health.set_store_fails(false);
        assert_eq!(health.report().0, State::Draining);
    }

    #[test]
    fn an_old_finding_is_no_finding() {
        let health = Health::new();
        health.set_silent(Vec::new());
        assert!(health.silent_at(clock::now() + STALE_AFTER / 2).is_empty());
        assert_eq!(health.silent_at(clock::now() + STALE_AFTER * 2).len(), 1);
    }
}
