//! When what happened in lobbies is written: at once, or together with what comes a moment later.
//!
//! A write costs the same for one line as for many, so a thread that is busy writing waits a moment
//! between two rounds. The moment is measured by the last round: rooms in which a round takes no time
//! worth mentioning, all calm and all small ones, never wait.

use std::time::{Duration, Instant};

/// Rounds of less than this, some 60 writes, are not worth saving.
const MIN_PAUSE: Duration = Duration::from_micros(300);

/// The longest pause: nobody sees that a line of a busy room came so much later.
const MAX_PAUSE: Duration = Duration::from_millis(5);

/// How much longer the pause is than the round before it: half of the time goes to writing at most.
const PAUSE_PER_ROUND: u32 = 1;

/// How long the last round took, and when it ended.
#[derive(Debug, Default)]
pub(super) struct FlushPacer {
    last: Option<(Instant, Duration)>,
}

impl FlushPacer {
    /// A round of writes has ended that took `spent` of this thread's processor time: what others did
    /// on the processor meanwhile is no reason to wait.
    pub(super) fn note(&mut self, spent: Duration, end: Instant) {
        let pause = spent * PAUSE_PER_ROUND;
        self.last = (pause >= MIN_PAUSE).then(|| (end, pause.min(MAX_PAUSE)));
    }

    /// How long the next round has to wait at `now`, if at all.
    pub(super) fn pause(&self, now: Instant) -> Option<Duration> {
        let (end, pause) = self.last?;
        pause.checked_sub(now.saturating_duration_since(end)).filter(|left| !left.is_zero())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn a_short_round_makes_no_pause() {
        let (mut rounds, start) = (FlushPacer::default(), clock::now());
        assert_eq!(rounds.pause(start), None);
        rounds.note(MS / 4, start + MS / 4);
        assert_eq!(rounds.pause(start + MS / 4), None);
    }

    #[test]
    fn a_long_round_is_followed_by_a_pause_that_is_bounded() {
        let (mut rounds, start) = (FlushPacer::default(), clock::now());
        rounds.note(2 * MS, start + 2 * MS);
        assert_eq!(rounds.pause(start + 2 * MS), Some(2 * MS));
        assert_eq!(rounds.pause(start + 3 * MS), Some(MS));
        assert_eq!(rounds.pause(start + 4 * MS), None);
        rounds.note(100 * MS, start + 100 * MS);
        assert_eq!(rounds.pause(start + 100 * MS), Some(MAX_PAUSE));
        rounds.note(Duration::ZERO, start);
        assert_eq!(rounds.pause(start), None, "the last round alone counts");
    }
}
