//! How far a node is behind the log, in time: for how long it has known of a record that it has not applied.

use std::collections::VecDeque;

use super::engine::Position;
use super::timing::Moment;

/// A node that is further behind takes no new logins and is not ready, in milliseconds: its people would see what
/// the others have long answered.
pub const BEHIND_TOO_FAR: u64 = 30_000;

/// What is heard of within so many milliseconds counts as heard at the first of them.
const STEP: u64 = 1_000;

/// So many instants are remembered. What is heard of later counts as heard at the last of them, which is well
/// behind [`BEHIND_TOO_FAR`].
const STEPS: usize = 64;

/// The records that a node has heard of and not applied.
#[derive(Debug, Default)]
pub struct Lag {
    /// Up to which record, and since when it is known to be there.
    heard: VecDeque<(Position, Moment)>,
}

impl Lag {
    /// The log is known to go up to `last`, and `applied` is the last record that has happened here.
    pub fn note(&mut self, last: Position, applied: Position, now: Moment) {
        while self.heard.front().is_some_and(|(position, _)| *position <= applied) {
            self.heard.pop_front();
        }
        let full = self.heard.len() >= STEPS;
        match self.heard.back_mut() {
            Some((position, since)) if full || now.since(*since) < STEP => {
                *position = last.max(*position);
            }
            Some((position, _)) if last <= *position => {}
            None if last <= applied => {}
            Some(_) | None => self.heard.push_back((last, now)),
        }
    }

    /// How long ago the first record became known that has not happened here, in milliseconds; 0 where all have.
    pub fn behind(&self, now: Moment) -> u64 {
        self.heard.front().map_or(0, |(_, since)| now.since(*since))
    }

    /// Whether that is too long.
    pub fn is_too_far(&self, now: Moment) -> bool {
        self.behind(now) > BEHIND_TOO_FAR
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is noted, each at its second, and how far behind the node is at the last of them.
    fn behind(notes: &[(u64, u64, u64)]) -> u64 {
        let mut lag = Lag::default();
        let mut now = Moment(0);
        for (second, last, applied) in notes {
            now = Moment(second * 1_000);
            lag.note(Position(*last), Position(*applied), now);
        }
        lag.behind(now)
    }

    #[test]
    fn a_node_is_as_far_behind_as_the_first_record_that_it_has_not_applied() {
        for (notes, millis) in [
            (&[(0, 0, 0), (9, 0, 0)][..], 0),
            (&[(0, 5, 5), (9, 5, 5)], 0),
            // Nothing is applied: since the first was heard of.
            (&[(0, 5, 5), (1, 6, 5), (9, 6, 5)], 8_000),
            (&[(1, 6, 5), (2, 7, 5), (9, 8, 5)], 8_000),
            // It applies, and keeps the distance.
            (&[(1, 6, 5), (2, 7, 5), (9, 8, 6)], 7_000),
            (&[(1, 6, 5), (2, 7, 5), (9, 8, 7)], 0),
            (&[(1, 6, 5), (2, 7, 5), (8, 8, 7), (9, 8, 7)], 1_000),
            (&[(1, 6, 5), (9, 8, 8)], 0),
            // What was heard of does not become unknown.
            (&[(1, 6, 5), (5, 3, 5), (9, 3, 5)], 8_000),
        ] {
            assert_eq!(behind(notes), millis, "{notes:?}");
        }
    }

    #[test]
    fn over_thirty_seconds_is_too_far() {
        let mut lag = Lag::default();
        for second in 0..=600 {
            lag.note(Position(1 + second), Position(0), Moment(second * 1_000));
            assert_eq!(lag.is_too_far(Moment(second * 1_000)), second > 30, "{second}");
            assert!(lag.heard.len() <= STEPS);
        }
        lag.note(Position(601), Position(600), Moment(601_000));
        assert!(!lag.is_too_far(Moment(601_000)) || lag.heard.len() == 1);
        lag.note(Position(601), Position(601), Moment(602_000));
        assert!(!lag.is_too_far(Moment(602_000)));
    }

    #[test]
    fn a_busy_log_is_no_lag() {
        let mut lag = Lag::default();
        for tick in 0..10_000_u64 {
            let now = Moment(tick * 100);
            lag.note(Position(tick * 50 + 50), Position(tick * 50), now);
            assert!(lag.behind(now) < 2 * STEP, "{tick}");
        }
    }
}
