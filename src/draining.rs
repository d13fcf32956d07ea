//! Whether the server takes new connections, or only waits for its users to leave before it stops.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::watch;

/// For how long users may stay where nothing else is said.
pub const DEFAULT_DEADLINE: Duration = Duration::from_secs(10 * 60);

/// So long before the end those who are still there are told once more.
const REMIND_BEFORE: Duration = Duration::from_secs(60);

/// How the server stands to new connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// It takes them.
    Serving,
    /// It takes none, and stops when nobody is left.
    Draining(Drain),
    /// It stops now.
    Stopping {
        /// How many connections a drain has left, where one was under way and they were counted.
        left: Option<usize>,
        /// Whether it is the end of a drain, and not of one that was broken off, or of none.
        drained: bool,
    },
}

/// A drain that is under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Drain {
    /// When it is over, whoever is left.
    pub until: Instant,
    /// How many connections are left, once they have been counted.
    pub left: Option<usize>,
    /// Whether those who are left need not be told that the end is near.
    reminded: bool,
}

/// What is to be done about a drain next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Count again.
    Wait,
    /// Tell those who are left that it is over after this.
    Remind(Duration),
    /// The server can stop.
    Over,
}

impl Drain {
    fn new(until: Instant, now: Instant) -> Self {
        // Whoever was just told needs no second word.
        let reminded = until.saturating_duration_since(now) < 2 * REMIND_BEFORE;
        Self { until, left: None, reminded }
    }

    /// How long it still lasts at most.
    pub fn time(&self, now: Instant) -> Duration {
        self.until.saturating_duration_since(now)
    }

    fn step(&mut self, now: Instant) -> Step {
        let time = self.time(now);
        if time.is_zero() || self.left == Some(0) {
            return Step::Over;
        }
        if time <= REMIND_BEFORE && !std::mem::replace(&mut self.reminded, true) {
            return Step::Remind(time);
        }
        Step::Wait
    }
}

/// The phase that the server is in, shared by all threads.
#[derive(Debug, Clone)]
pub struct Draining(Arc<watch::Sender<Phase>>);

impl Default for Draining {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(Phase::Serving)))
    }
}

impl Draining {
    /// The phase as it is now.
    pub fn phase(&self) -> Phase {
        *self.0.borrow()
    }

    /// Whether new connections are turned away.
    pub fn is_on(&self) -> bool {
        self.phase() != Phase::Serving
    }

    /// Whether it stops now.
    pub fn is_stopping(&self) -> bool {
        matches!(self.phase(), Phase::Stopping { .. })
    }

    /// Begins a drain that is over at `until`, or gives the one that is under way that end. Whether it is
    /// a new one; none where the server stops already.
    pub fn begin(&self, until: Instant, now: Instant) -> Option<bool> {
        let mut begun = None;
        self.0.send_if_modified(|phase| {
            begun = match phase {
                Phase::Serving => Some(true),
                Phase::Draining(_) => Some(false),
                Phase::Stopping { .. } => return false,
            };
            let left = match phase {
                Phase::Draining(drain) => drain.left,
                Phase::Serving | Phase::Stopping { .. } => None,
            };
            *phase = Phase::Draining(Drain { left, ..Drain::new(until, now) });
            true
        });
        begun
    }

    /// Ends a drain: new connections are taken again. Whether there was one.
    pub fn cancel(&self) -> bool {
        self.0.send_if_modified(|phase| {
            let was_draining = matches!(phase, Phase::Draining(_));
            if was_draining {
                *phase = Phase::Serving;
            }
            was_draining
        })
    }

    /// The server stops, whatever it did before.
    pub fn stop(&self) {
        self.0.send_if_modified(|phase| {
            let left = match *phase {
                Phase::Serving => None,
                Phase::Draining(drain) => drain.left,
                Phase::Stopping { .. } => return false,
            };
            *phase = Phase::Stopping { left, drained: false };
            true
        });
    }

    /// Notes how many connections are left, where that is known, and says what is to be done next; none
    /// where no drain is under way any more. Where it is over, the server stops.
    pub fn step(&self, left: Option<usize>, now: Instant) -> Option<Step> {
        let mut step = None;
        self.0.send_if_modified(|phase| {
            let Phase::Draining(drain) = phase else { return false };
            let before = drain.left;
            drain.left = left.or(before);
            let next = drain.step(now);
            let changed = drain.left != before;
            step = Some(next);
            if next == Step::Over {
                *phase = Phase::Stopping { left: drain.left, drained: true };
            }
            changed || next == Step::Over
        });
        step
    }

    /// Whoever waits for the phase to change.
    pub fn watch(&self) -> watch::Receiver<Phase> {
        self.0.subscribe()
    }

    /// Resolves when the server is to stop by a drain that is over.
    pub async fn over(&self) {
        // It cannot fail while this sender is here.
        let _ = self.watch().wait_for(|phase| matches!(phase, Phase::Stopping { .. })).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;

    fn secs(secs: u64) -> Duration {
        Duration::from_secs(secs)
    }

    #[test]
    fn it_is_over_when_nobody_is_left_or_at_the_deadline() {
        let now = clock::now();
        for (deadline, seen, want) in [
            (300, &[(0, Some(2)), (10, Some(1)), (20, Some(0))][..], Step::Over),
            (300, &[(0, Some(0))], Step::Over),
            (300, &[(0, Some(1)), (299, Some(1))], Step::Remind(secs(1))),
            (300, &[(0, Some(1)), (240, Some(1))], Step::Remind(secs(60))),
            (300, &[(0, Some(1)), (240, Some(1)), (241, Some(1))], Step::Wait),
            (300, &[(0, Some(1)), (240, Some(1)), (300, Some(1))], Step::Over),
            // A count that cannot be had is the one of before.
            (300, &[(0, Some(2)), (1, None)], Step::Wait),
            (300, &[(300, None)], Step::Over),
            // So short a one is told of once.
            (100, &[(0, Some(1)), (50, Some(1))], Step::Wait),
            (0, &[(0, Some(1))], Step::Over),
        ] {
            let draining = Draining::default();
            assert_eq!(draining.begin(now + secs(deadline), now), Some(true));
            let mut last = None;
            for (at, left) in seen {
                last = draining.step(*left, now + secs(*at));
            }
            assert_eq!(last, Some(want), "{deadline} {seen:?}");
            let stops = matches!(draining.phase(), Phase::Stopping { .. });
            assert_eq!(stops, want == Step::Over);
            assert!(draining.is_on());
        }
    }

    #[test]
    fn a_second_one_changes_the_deadline_and_one_that_is_cancelled_is_none() {
        let (draining, now) = (Draining::default(), clock::now());
        assert!(!draining.is_on() && !draining.cancel());
        assert_eq!(draining.step(Some(0), now), None, "nobody wants it to stop");
        assert_eq!(draining.begin(now + secs(300), now), Some(true));
        assert_eq!(draining.step(Some(3), now), Some(Step::Wait));
        assert_eq!(draining.begin(now + secs(30), now), Some(false));
        let Phase::Draining(drain) = draining.phase() else { panic!("{:?}", draining.phase()) };
        assert_eq!((drain.time(now), drain.left), (secs(30), Some(3)));
        assert!(draining.cancel());
        assert!(!draining.is_on());
        assert_eq!(draining.step(Some(0), now + secs(60)), None);
    }

    #[test]
    fn a_server_that_stops_drains_no_more() {
        let (draining, now) = (Draining::default(), clock::now());
        draining.begin(now + secs(300), now);
        draining.stop();
        assert_eq!(draining.begin(now + secs(300), now), None);
        assert!(!draining.cancel());
        assert_eq!(draining.step(Some(1), now), None);
        assert!(draining.is_on());
    }

    #[tokio::test]
    async fn who_waits_for_its_end_is_told() {
        let (draining, now) = (Draining::default(), clock::now());
        let over = tokio::spawn({
            let draining = draining.clone();
            async move { draining.over().await }
        });
        draining.begin(now + secs(300), now);
        draining.step(Some(0), now);
        over.await.unwrap();
    }
}
