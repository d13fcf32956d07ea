//! The time by which all nodes go: that of the log, as one node knows it between records.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use crate::chat::history::UnixMillis;

/// No record has come yet.
const UNKNOWN: i64 = i64::MIN;

/// How far the log's time is ahead of this process's. A record that was long on its way says too little, so that
/// counts which said most.
#[derive(Debug)]
pub struct LogTime(AtomicI64);

impl Default for LogTime {
    fn default() -> Self {
        Self(AtomicI64::new(UNKNOWN))
    }
}

/// Milliseconds, of which a process has no more than an `i64` counts.
fn millis(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}

impl LogTime {
    /// A record came that the log took then, when this process had run for so long.
    pub fn note(&self, at: UnixMillis, up: Duration) {
        let at = i64::try_from(at.0).unwrap_or(i64::MAX);
        self.0.fetch_max(at.saturating_sub(millis(up)), Ordering::Relaxed);
    }

    /// The time now, when this process has run for so long; none where no record has come.
    pub fn now(&self, up: Duration) -> Option<UnixMillis> {
        let ahead = self.0.load(Ordering::Relaxed);
        let now = (ahead != UNKNOWN).then(|| ahead.saturating_add(millis(up)))?;
        Some(UnixMillis(u64::try_from(now).unwrap_or(0)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_goes_on_from_the_record_that_came_fastest() {
        let up = Duration::from_millis;
        let time = LogTime::default();
        assert_eq!(time.now(up(5)), None);
        for (at, read, now) in [
            (10_000, 0, 10_000),
            // It was read late, since the node had to catch up.
            (10_500, 900, 10_900),
            (12_000, 1_990, 12_000),
            (12_000, 2_500, 12_510),
            (20_000, 2_600, 20_000),
        ] {
            time.note(UnixMillis(at), up(read));
            assert_eq!(time.now(up(read)), Some(UnixMillis(now)), "{at} {read}");
        }
        assert_eq!(time.now(up(3_600)), Some(UnixMillis(21_000)));
        // Whatever stands in a log does no harm.
        time.note(UnixMillis(u64::MAX), up(1));
        assert!(time.now(up(2)).is_some());
    }
}
