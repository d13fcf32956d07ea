//! A sliding window: at most so many events in any stretch of so long.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Counts events of the last `window` and says how long until the next one fits.
///
/// It keeps one time stamp an event, so unlike a window that starts anew it lets no burst through
/// at its edge, and the wait that it tells is the true one.
#[derive(Debug, Clone)]
pub struct SlidingWindow {
    limit: usize,
    window: Duration,
    seen: VecDeque<Instant>,
}

impl SlidingWindow {
    /// At most `limit` events in any `window`; a `limit` of 0 means no limit.
    pub fn new(limit: usize, window: Duration) -> Self {
        Self { limit, window, seen: VecDeque::new() }
    }

    /// From here on this limit and this window hold, also for what has been counted.
    pub fn set_limit(&mut self, limit: usize, window: Duration) {
        (self.limit, self.window) = (limit, window);
        if limit == 0 {
            self.seen.clear();
        }
    }

    /// Whether one more fits now.
    ///
    /// # Errors
    /// The time until one will fit.
    pub fn check(&mut self, now: Instant) -> Result<(), Duration> {
        while self.seen.front().is_some_and(|t| now.saturating_duration_since(*t) >= self.window) {
            self.seen.pop_front();
        }
        if self.limit == 0 || self.seen.len() < self.limit {
            return Ok(());
        }
        let oldest = self.seen[self.seen.len() - self.limit];
        Err(self.window - now.saturating_duration_since(oldest))
    }

    /// Counts an event that happened.
    pub fn record(&mut self, now: Instant) {
        if self.limit == 0 {
            return;
        }
        while self.seen.len() >= self.limit {
            self.seen.pop_front();
        }
        self.seen.push_back(now);
    }

    /// Takes back what was recorded last: it did not happen after all.
    pub fn take_back(&mut self) {
        self.seen.pop_back();
    }

    /// Counts what another window has counted too, for somebody who goes on in this one.
    pub fn merge(&mut self, other: &Self) {
        let mut seen: Vec<Instant> = self.seen.iter().chain(&other.seen).copied().collect();
        seen.sort_unstable();
        self.seen = seen.split_off(seen.len().saturating_sub(self.limit)).into();
    }

    /// How long ago each event was that counts now and happened after an instant, the oldest first.
    pub fn ages(&self, after: Option<Instant>, now: Instant) -> Vec<Duration> {
        let seen = self.seen.iter().filter(|seen| after.is_none_or(|after| **seen > after));
        let ages = seen.map(|seen| now.saturating_duration_since(*seen));
        ages.filter(|age| *age < self.window).collect()
    }

    /// Counts what another one has counted so long ago.
    pub fn merge_ages(&mut self, ages: &[Duration], now: Instant) {
        let seen = ages.iter().filter_map(|age| now.checked_sub(*age)).collect();
        self.merge(&Self { limit: self.limit, window: self.window, seen });
    }

    /// Events that are still counted.
    pub fn len(&self) -> usize {
        self.seen.len()
    }

    /// Whether nothing is counted any more, as of the last check.
    pub fn is_empty(&self) -> bool {
        self.seen.is_empty()
    }
}

/// Whole seconds to wait, rounded up, so that whoever waits that long gets through.
pub fn wait_secs(wait: Duration) -> u64 {
    wait.as_secs() + u64::from(wait.subsec_nanos() > 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;

    fn at(start: Instant, millis: u64) -> Instant {
        start + Duration::from_millis(millis)
    }

    #[test]
    fn the_sixth_in_ten_seconds_waits_for_the_first_to_age() {
        let start = clock::now();
        let mut window = SlidingWindow::new(5, Duration::from_secs(10));
        for i in 0..5 {
            assert_eq!(window.check(at(start, i * 100)), Ok(()));
            window.record(at(start, i * 100));
        }
        let wait = window.check(at(start, 2_500)).unwrap_err();
        assert_eq!(wait, Duration::from_millis(7_500));
        assert_eq!(wait_secs(wait), 8);
        assert!(window.check(at(start, 9_999)).is_err());
        assert_eq!(window.check(at(start, 10_000)), Ok(()));
    }

    #[test]
    fn no_burst_at_the_edge_of_the_window() {
        let start = clock::now();
        let mut window = SlidingWindow::new(5, Duration::from_secs(10));
        let mut passed = 0;
        // Five just before the edge of a fixed window and five just after.
        for millis in (9_900..10_400).step_by(50) {
            if window.check(at(start, millis)).is_ok() {
                window.record(at(start, millis));
                passed += 1;
            }
        }
        assert_eq!(passed, 5);
    }

    #[test]
    fn what_is_refused_does_not_count() {
        let start = clock::now();
        let mut window = SlidingWindow::new(1, Duration::from_secs(1));
        window.record(start);
        for millis in [100, 500, 900] {
            assert!(window.check(at(start, millis)).is_err());
        }
        assert_eq!(window.check(at(start, 1_000)), Ok(()));
    }

    #[test]
    fn what_is_taken_back_does_not_count() {
        let start = clock::now();
        let mut window = SlidingWindow::new(2, Duration::from_secs(1));
        window.record(start);
        window.record(at(start, 300));
        assert_eq!(window.check(at(start, 400)), Err(Duration::from_millis(600)));
        window.take_back();
        assert_eq!(window.check(at(start, 400)), Ok(()));
    }

    #[test]
    fn zero_is_no_limit() {
        let now = clock::now();
        let mut window = SlidingWindow::new(0, Duration::from_secs(10));
        for _ in 0..1_000 {
            assert_eq!(window.check(now), Ok(()));
            window.record(now);
        }
        assert!(window.is_empty());
    }

    #[test]
    fn waits_round_up() {
        for (millis, want) in [(0, 0), (1, 1), (1_000, 1), (1_001, 2), (9_999, 10)] {
            assert_eq!(wait_secs(Duration::from_millis(millis)), want);
        }
    }
}
