//! The clock: the only place that reads it. Whatever decides something is handed the time.

use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use log::warn;
use rustix::time::{ClockId, clock_gettime};

use crate::chat::history::UnixMillis;
use crate::chat::retention::{ClockState, ClockWatch, Jump};
use crate::chat::times::{Span, Times, When};
use crate::logging::event;

/// When the process began to look at a clock.
static BEGUN: LazyLock<Instant> = LazyLock::new(now);

/// Whoever asks for the time makes it look whether the clock was set meanwhile.
static WATCH: Mutex<ClockWatch> = Mutex::new(ClockWatch::new());

fn watch() -> MutexGuard<'static, ClockWatch> {
    // Nothing that could panic leaves it half changed.
    WATCH.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The clock that only ever goes on: for lengths of time.
#[expect(clippy::disallowed_methods, reason = "the place that reads it")]
pub fn now() -> Instant {
    Instant::now()
}

/// How long ago an instant was.
pub(crate) fn since(then: Instant) -> Duration {
    now().saturating_duration_since(then)
}

/// The clock that only ever goes on as the kernel counts it, in microseconds: what systemd compares with its own.
pub(crate) fn monotonic_micros() -> i128 {
    let time = clock_gettime(ClockId::Monotonic);
    i128::from(time.tv_sec) * 1_000_000 + i128::from(time.tv_nsec) / 1_000
}

/// The wall clock, in UTC, which may be set: for what is told and stored.
#[expect(clippy::disallowed_methods, reason = "the place that reads it")]
pub fn unix_now() -> UnixMillis {
    let up = since(*BEGUN);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let now = UnixMillis(u64::try_from(now.as_millis()).unwrap_or(u64::MAX));
    let (jump, state) = {
        let mut watch = watch();
        (watch.look(now, up), watch.state(up))
    };
    if let Some(jump) = jump {
        let (way, by) = match jump {
            Jump::Ahead(by) => ("ahead", by),
            Jump::Back(by) => ("back", by),
        };
        let so = match state.in_doubt {
            true => ": nothing is deleted or hidden for its age within the next hour",
            false => "",
        };
        // The two clocks are not read at one instant, so a day may lack a moment.
        warn!(
            event = event::CLOCK_SET;
            "the clock was set {way} by {}{so}", Span::passed(by + Duration::from_secs(30))
        );
    }
    now
}

/// The server starts, and the newest thing stored is of that time. Where that cannot be, the log says so.
pub(crate) fn start(newest: Option<UnixMillis>) {
    let now = unix_now();
    let far = watch().start(newest, now, since(*BEGUN));
    if far {
        warn!(
            event = event::CLOCK_DOUBTFUL;
            "the clock is more than a week away from the newest thing stored: nothing is deleted or hidden for its age within the first hour"
        );
    }
}

/// How far the wall clock can be relied on.
pub(crate) fn state() -> ClockState {
    watch().state(since(*BEGUN))
}

/// Whether the wall clock has jumped lately, so that nothing is to be called old by it.
pub(crate) fn is_in_doubt() -> bool {
    state().in_doubt
}

/// The same as it stands in a log.
#[expect(clippy::disallowed_methods, reason = "the place that reads it")]
pub(crate) fn timestamp() -> jiff::Timestamp {
    jiff::Timestamp::now()
}

/// When the calendar day began that this time is of, in the zone of the server as it is now.
pub(crate) fn day_of(at: UnixMillis) -> UnixMillis {
    let zone = jiff::tz::TimeZone::system();
    let day = i64::try_from(at.0).ok().and_then(|millis| {
        let time = jiff::Timestamp::from_millisecond(millis).ok()?.to_zoned(zone);
        u64::try_from(time.start_of_day().ok()?.timestamp().as_millisecond()).ok()
    });
    // No clock shows a time that has no day.
    UnixMillis(day.unwrap_or_default())
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

/// How whoever wants clock times is told that something happens now; others are told nothing.
pub(crate) fn stamp(clock: bool) -> Option<When> {
    clock.then(|| {
        let now = unix_now();
        times(true).when(now, now)
    })
}

/// The processor time of this thread so far.
pub(crate) fn thread_time() -> Duration {
    Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).unwrap_or_default()
}
