//! What holds for every client of a thread: how much may wait for it, and how long it may do nothing.
//!
//! The limits may change while clients are there. A lower one holds at once, and by itself ends no
//! connection: nobody knew of it before, so what it measures is measured from its beginning on.

use std::cell::Cell;
use std::time::{Duration, Instant};

/// The limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes that may wait in the outbox.
    pub outbound_bytes: usize,
    /// How long a client may take nothing while something waits.
    pub stall: Duration,
    /// How long a client may send nothing; none for ever.
    pub idle: Option<Duration>,
    /// How long a client may be without a name.
    pub login: Duration,
}

impl Limits {
    /// Whether one of the times is shorter than it was.
    fn is_shorter_than(&self, before: &Self) -> bool {
        let idle = |limits: &Self| limits.idle.unwrap_or(Duration::MAX);
        self.stall < before.stall || self.login < before.login || idle(self) < idle(before)
    }
}

/// The limits in force, shared by all clients of a thread.
#[derive(Debug)]
pub struct PeerLimits {
    now: Cell<Limits>,
    /// When one of them became lower: no time that it measures began before that.
    lowered: Cell<Instant>,
    /// The bytes that might wait until then.
    outbound_before: Cell<usize>,
}

impl PeerLimits {
    /// With those of the start.
    pub fn new(limits: Limits, now: Instant) -> Self {
        let outbound_before = Cell::new(limits.outbound_bytes);
        Self { now: Cell::new(limits), lowered: Cell::new(now), outbound_before }
    }

    /// The limits.
    pub fn now(&self) -> Limits {
        self.now.get()
    }

    /// Others hold from `now` on.
    pub fn set(&self, limits: Limits, now: Instant) {
        let before = self.now.replace(limits);
        let allowed = self.allowed_before(before, now).unwrap_or(before.outbound_bytes);
        self.outbound_before.set(allowed.max(limits.outbound_bytes));
        if limits.outbound_bytes < before.outbound_bytes || limits.is_shorter_than(&before) {
            self.lowered.set(now);
        }
    }

    /// Whether what began at `since` has gone on for as long as it may.
    pub fn is_over(&self, since: Instant, limit: Duration, now: Instant) -> bool {
        now.saturating_duration_since(since.max(self.lowered.get())) >= limit
    }

    /// The bytes that may still wait where more may than the limit says: what waited when it became lower
    /// has as long to be taken as a client may take nothing.
    pub fn more_for_now(&self, now: impl FnOnce() -> Instant) -> Option<usize> {
        let limits = self.now.get();
        if self.outbound_before.get() <= limits.outbound_bytes {
            return None;
        }
        self.allowed_before(limits, now())
    }

    fn allowed_before(&self, limits: Limits, now: Instant) -> Option<usize> {
        let may = !self.is_over(self.lowered.get(), limits.stall, now);
        (may && self.outbound_before.get() > limits.outbound_bytes)
            .then_some(self.outbound_before.get())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;

    const SECOND: Duration = Duration::from_secs(1);

    fn limits(outbound_bytes: usize, stall: u32, idle: Option<u32>) -> Limits {
        Limits {
            outbound_bytes,
            stall: SECOND * stall,
            idle: idle.map(|secs| SECOND * secs),
            login: SECOND * 60,
        }
    }

    #[test]
    fn what_a_lower_limit_measures_begins_with_it() {
        let start = clock::now();
        let at = |secs: u32| start + SECOND * secs;
        let held = PeerLimits::new(limits(100, 30, None), start);
        assert!(held.is_over(at(0), held.now().stall, at(30)));
        held.set(limits(100, 10, Some(20)), at(25));
        assert!(!held.is_over(at(0), held.now().stall, at(34)));
        assert!(held.is_over(at(0), held.now().stall, at(35)));
        assert!(!held.is_over(at(0), held.now().idle.unwrap(), at(44)), "idle for very long");
        assert!(held.is_over(at(0), held.now().idle.unwrap(), at(45)));
        // The same or a higher one does not begin anew.
        for again in [limits(100, 10, Some(20)), limits(200, 20, None)] {
            held.set(again, at(40));
            assert!(held.is_over(at(0), SECOND * 10, at(41)));
        }
    }

    #[test]
    fn what_waits_when_less_may_has_its_time_to_be_taken() {
        let start = clock::now();
        let at = |secs: u32| start + SECOND * secs;
        let held = PeerLimits::new(limits(1_000, 30, None), start);
        assert_eq!(held.more_for_now(|| at(1)), None);
        held.set(limits(100, 30, None), at(10));
        assert_eq!(held.now().outbound_bytes, 100);
        assert_eq!(held.more_for_now(|| at(39)), Some(1_000));
        held.set(limits(50, 30, None), at(39));
        assert_eq!(held.more_for_now(|| at(68)), Some(1_000), "twice in a row");
        assert_eq!(held.more_for_now(|| at(69)), None);
        held.set(limits(40, 30, None), at(100));
        assert_eq!(held.more_for_now(|| at(101)), Some(50));
        held.set(limits(60, 30, None), at(102));
        assert_eq!(held.more_for_now(|| at(103)), None, "more may wait than might");
    }
}
