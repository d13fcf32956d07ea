//! The clock: the only place that reads it. Whatever decides something is handed the time.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rustix::time::{ClockId, clock_gettime};

use crate::chat::history::UnixMillis;
use crate::chat::times::Times;

/// The clock that only ever goes on: for lengths of time.
#[expect(clippy::disallowed_methods, reason = "the place that reads it")]
pub fn now() -> Instant {
    Instant::now()
}

/// How long ago an instant was.
pub(crate) fn since(then: Instant) -> Duration {
    now().saturating_duration_since(then)
}

/// The wall clock, in UTC, which may be set: for what is told and stored.
#[expect(clippy::disallowed_methods, reason = "the place that reads it")]
pub fn unix_now() -> UnixMillis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixMillis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

/// The same as it stands in a log.
#[expect(clippy::disallowed_methods, reason = "the place that reads it")]
pub(crate) fn timestamp() -> jiff::Timestamp {
    jiff::Timestamp::now()
}

/// How whoever wants clock times, or does not, is told when something was said: in the zone of the
/// server as it is now.
#[expect(clippy::disallowed_methods, reason = "the place that reads it")]
pub(crate) fn times(clock: bool) -> Times {
    match clock {
        true => Times::Clock { utc_offset_secs: jiff::Zoned::now().offset().seconds() },
        false => Times::Ages,
    }
}

/// The processor time of this thread so far.
pub(crate) fn thread_time() -> Duration {
    Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).unwrap_or_default()
}
