//! The figures of the last hour, as the operator's page draws them: a ring of points, each of what was
//! counted since the one before it.

use std::collections::VecDeque;
use std::time::Duration;

use crate::metrics::Metrics;
use crate::metrics::latency::{Counts, quantile};

/// From one point to the next.
pub const STEP: Duration = Duration::from_secs(2);

/// How many points there are at most: an hour. Each takes 80 bytes.
pub const MAX_POINTS: usize = 1_800;

/// What was counted up to an instant.
#[derive(Debug, Clone)]
pub struct Reading {
    /// How long the server has run.
    pub up: Duration,
    users: i64,
    store_queue: i64,
    messages_in: u64,
    delivered: u64,
    ai_requests: u64,
    deliveries: Counts,
}

impl Reading {
    /// Of a server that has run for so long.
    pub fn of(metrics: &Metrics, up: Duration) -> Self {
        // Whoever asks for what comes after a point knows it to the millisecond.
        let up = Duration::from_millis(u64::try_from(up.as_millis()).unwrap_or(u64::MAX));
        Self {
            up,
            users: metrics.users.get(),
            store_queue: metrics.store_queue.get(),
            messages_in: metrics.messages_in.get(),
            delivered: metrics.messages_delivered.get(),
            ai_requests: metrics.ai_requests.get(),
            deliveries: metrics.delivery.counts(),
        }
    }
}

/// The figures of an instant, and of the time since the point before it.
#[derive(Debug, Clone, PartialEq)]
pub struct Point {
    /// How long the server had run.
    pub up: Duration,
    /// Users then.
    pub users: i64,
    /// Changes that waited for the database then.
    pub store_queue: i64,
    /// Messages a second that were said.
    pub messages_in: f64,
    /// Messages a second that were queued for those who are shown them.
    pub delivered: f64,
    /// Questions a second to the AI's provider.
    pub ai_requests: f64,
    /// What half of the messages, and 99 of 100, took at most until they were written; none where there was
    /// none.
    pub p50: Option<Duration>,
    /// The same for 99 of 100.
    pub p99: Option<Duration>,
}

impl Point {
    fn between(before: &Reading, now: &Reading) -> Self {
        let secs = now.up.saturating_sub(before.up).as_secs_f64().max(0.001);
        let rate = |before: u64, now: u64| now.saturating_sub(before) as f64 / secs;
        let mut deliveries = now.deliveries;
        for (count, before) in deliveries.iter_mut().zip(before.deliveries) {
            *count = count.saturating_sub(before);
        }
        Self {
            up: now.up,
            users: now.users,
            store_queue: now.store_queue,
            messages_in: rate(before.messages_in, now.messages_in),
            delivered: rate(before.delivered, now.delivered),
            ai_requests: rate(before.ai_requests, now.ai_requests),
            p50: quantile(&deliveries, 0.5),
            p99: quantile(&deliveries, 0.99),
        }
    }
}

/// The ring.
#[derive(Debug)]
pub struct Figures {
    last: Reading,
    points: VecDeque<Point>,
}

impl Figures {
    /// Without points, of a server of which this has been counted.
    pub fn new(first: Reading) -> Self {
        Self { last: first, points: VecDeque::new() }
    }

    /// Adds a point; the oldest goes where there are as many as may be.
    pub fn note(&mut self, now: Reading) {
        if self.points.len() >= MAX_POINTS {
            self.points.pop_front();
        }
        self.points.push_back(Point::between(&self.last, &now));
        self.last = now;
    }

    /// The points after this one, oldest first; all of them without.
    pub fn after(&self, up: Option<Duration>) -> impl Iterator<Item = &Point> + Clone {
        let from = up.map_or(0, |up| self.points.partition_point(|point| point.up <= up));
        self.points.range(from..)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::latency::Observed;

    const SEC: Duration = Duration::from_secs(1);

    fn delivered(metrics: &Metrics, time: Duration, count: u64) {
        let mut observed = Observed::default();
        observed.observe(time, count);
        metrics.delivery.add(&mut observed);
    }

    #[test]
    fn a_point_tells_what_was_counted_since_the_last() {
        let metrics = Metrics::new();
        metrics.messages_in.inc_by(1_000);
        delivered(&metrics, SEC, 1_000);
        let mut figures = Figures::new(Reading::of(&metrics, SEC));
        metrics.users.set(7);
        metrics.store_queue.set(3);
        metrics.messages_in.inc_by(10);
        metrics.messages_delivered.inc_by(70);
        metrics.ai_requests.inc_by(1);
        delivered(&metrics, Duration::from_millis(1), 10);
        figures.note(Reading::of(&metrics, 3 * SEC));
        metrics.users.set(6);
        figures.note(Reading::of(&metrics, 7 * SEC));
        let points: Vec<_> = figures.after(None).cloned().collect();
        let [first, second] = &points[..] else { panic!("{points:?}") };
        assert_eq!((first.users, first.store_queue), (7, 3));
        assert_eq!((first.messages_in, first.delivered, first.ai_requests), (5.0, 35.0, 0.5));
        for found in [first.p50, first.p99] {
            assert!(found.unwrap() <= Duration::from_millis(1), "what was before counts no more");
        }
        assert_eq!((second.users, second.messages_in, second.p50), (6, 0.0, None));
    }

    #[test]
    fn there_are_no_more_points_than_an_hour_has() {
        let metrics = Metrics::new();
        let mut figures = Figures::new(Reading::of(&metrics, Duration::ZERO));
        for step in 1..=MAX_POINTS as u32 + 10 {
            figures.note(Reading::of(&metrics, STEP * step));
        }
        assert_eq!(figures.after(None).count(), MAX_POINTS);
        assert_eq!(figures.after(None).next().unwrap().up, STEP * 11);
        assert_eq!(STEP * MAX_POINTS as u32, Duration::from_secs(3_600));
    }

    #[test]
    fn whoever_has_some_is_told_the_rest() {
        let metrics = Metrics::new();
        let mut figures = Figures::new(Reading::of(&metrics, Duration::ZERO));
        (1..=5).for_each(|step| figures.note(Reading::of(&metrics, STEP * step)));
        for (after, want) in [
            (None, 5),
            (Some(Duration::ZERO), 5),
            (Some(STEP * 3), 2),
            (Some(STEP * 3 + SEC), 2),
            (Some(STEP * 5), 0),
            (Some(STEP * 50), 0),
        ] {
            assert_eq!(figures.after(after).count(), want, "{after:?}");
        }
    }

    #[test]
    fn counts_that_went_back_and_time_that_stood_still_are_no_fault() {
        let metrics = Metrics::new();
        metrics.messages_in.inc_by(5);
        let mut figures = Figures::new(Reading::of(&metrics, SEC));
        figures.note(Reading::of(&Metrics::new(), SEC));
        let point = figures.after(None).next().unwrap();
        assert_eq!((point.messages_in, point.p99), (0.0, None));
    }
}
