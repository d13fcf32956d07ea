//! Times as people read them: how long ago, at what o'clock, for how long.

use std::fmt;
use std::time::Duration;

use super::history::{Age, UnixMillis};

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// The longest time that a command takes: ten years. Whoever wants more means for good.
pub const MAX_SPAN: Duration = Duration::from_secs(3_650 * DAY);

/// How a user wants to be told when something was said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Times {
    /// How long ago, as in `3m ago`.
    #[default]
    Ages,
    /// At what o'clock, as in `14:05`.
    Clock {
        /// Seconds that the server's zone is ahead of UTC.
        utc_offset_secs: i32,
    },
}

/// When something was said, as one user is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// How long ago.
    Age(Age),
    /// At what o'clock.
    Clock {
        /// 0 to 23.
        hour: u8,
        /// 0 to 59.
        minute: u8,
    },
}

impl Times {
    /// How something that was said at `at` is dated now.
    pub fn when(self, at: UnixMillis, now: UnixMillis) -> When {
        match self {
            Self::Ages => When::Age(Age::of(at.until(now))),
            Self::Clock { utc_offset_secs } => {
                let utc = i64::try_from(at.0 / 1_000).unwrap_or(0);
                let minutes = utc.saturating_add(utc_offset_secs.into()).div_euclid(60);
                let minutes = minutes.rem_euclid(24 * 60);
                // Both are below 60 by construction.
                When::Clock { hour: (minutes / 60) as u8, minute: (minutes % 60) as u8 }
            }
        }
    }
}

impl From<Age> for When {
    fn from(age: Age) -> Self {
        Self::Age(age)
    }
}

/// A length of time as people say it: a count of seconds (`s`), minutes, hours or days.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    count: u64,
    unit: char,
}

impl Span {
    /// The whole of it, in the largest unit that leaves nothing over: what a moderator set.
    pub fn exact(time: Duration) -> Self {
        let secs = time.as_secs();
        let fits = |(size, _): &(u64, char)| secs >= *size && secs.is_multiple_of(*size);
        let (size, unit) = UNITS.into_iter().find(fits).unwrap_or((1, 's'));
        Self { count: secs / size, unit }
    }

    /// What is left, rounded up, so that whoever waits that long has waited long enough.
    pub fn left(time: Duration) -> Self {
        let secs = time.as_secs() + u64::from(time.subsec_nanos() > 0);
        let (size, unit) = unit_of(secs);
        let count = secs.div_ceil(size);
        // 59m 30s are an hour rather than sixty minutes.
        let (size, unit) = if size < DAY { unit_of(count * size) } else { (size, unit) };
        Self { count: secs.div_ceil(size), unit }
    }

    /// What has passed, rounded down.
    pub fn passed(time: Duration) -> Self {
        let (size, unit) = unit_of(time.as_secs());
        Self { count: time.as_secs() / size, unit }
    }

    /// Reads a word like `30s`, `10m`, `2h` or `7d`. None where it is no such word at all.
    ///
    /// # Errors
    /// [`BadSpan`] where it is one, but of nothing or of more than [`MAX_SPAN`].
    pub fn parse(word: &str) -> Option<Result<Duration, BadSpan>> {
        let unit = word.chars().next_back()?.to_ascii_lowercase();
        let (size, _) = UNITS.into_iter().find(|(_, u)| *u == unit)?;
        let digits = &word[..word.len() - 1];
        if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        let secs = digits.parse::<u64>().ok().and_then(|count| count.checked_mul(size));
        let time = secs.map(Duration::from_secs).filter(|t| !t.is_zero() && *t <= MAX_SPAN);
        Some(time.ok_or(BadSpan))
    }
}

/// Largest first.
const UNITS: [(u64, char); 4] = [(DAY, 'd'), (HOUR, 'h'), (MINUTE, 'm'), (1, 's')];

fn unit_of(secs: u64) -> (u64, char) {
    UNITS.into_iter().find(|(size, _)| secs >= *size).unwrap_or((1, 's'))
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.count, self.unit)
    }
}

/// A time of nothing, or over [`MAX_SPAN`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a time of nothing, or over ten years")]
pub struct BadSpan;

#[cfg(test)]
mod tests {
    use super::*;

    fn secs(count: u64) -> Duration {
        Duration::from_secs(count)
    }

    #[test]
    fn spans_are_read_as_people_write_them() {
        for (word, want) in [
            ("30s", Some(Ok(secs(30)))),
            ("10m", Some(Ok(secs(600)))),
            ("2h", Some(Ok(secs(7_200)))),
            ("7d", Some(Ok(secs(604_800)))),
            ("7D", Some(Ok(secs(604_800)))),
            ("007d", Some(Ok(secs(604_800)))),
            ("3650d", Some(Ok(MAX_SPAN))),
            ("3651d", Some(Err(BadSpan))),
            ("99999999999999999999d", Some(Err(BadSpan))),
            ("0s", Some(Err(BadSpan))),
            ("0d", Some(Err(BadSpan))),
            ("", None),
            ("d", None),
            ("7", None),
            ("7 d", None),
            ("-7d", None),
            ("+7d", None),
            ("7w", None),
            ("3rd", None),
            ("7é", None),
            ("spam", None),
        ] {
            assert_eq!(Span::parse(word), want, "{word}");
        }
    }

    #[test]
    fn spans_are_shown_exact_rounded_up_or_down() {
        for (time, exact, left, passed) in [
            (0, "0s", "0s", "0s"),
            (1, "1s", "1s", "1s"),
            (59, "59s", "59s", "59s"),
            (60, "1m", "1m", "1m"),
            (61, "61s", "2m", "1m"),
            (600, "10m", "10m", "10m"),
            (3_541, "3541s", "1h", "59m"),
            (5_400, "90m", "2h", "1h"),
            (86_399, "86399s", "1d", "23h"),
            (604_800, "7d", "7d", "7d"),
            (604_801, "604801s", "8d", "7d"),
        ] {
            let time = secs(time);
            let shown = [Span::exact(time), Span::left(time), Span::passed(time)];
            assert_eq!(shown.map(|s| s.to_string()), [exact, left, passed]);
        }
        assert_eq!(Span::left(Duration::from_millis(1)).to_string(), "1s");
    }

    #[test]
    fn a_clock_has_the_hours_of_its_zone() {
        let at = |secs: u64| UnixMillis(secs * 1_000 + 999);
        for (secs, offset, want) in [
            (0, 0, (0, 0)),
            (0, 3_600, (1, 0)),
            (0, -60, (23, 59)),
            (86_399, 0, (23, 59)),
            (86_399, 19_800, (5, 29)),
            (1_700_000_000, 0, (22, 13)),
            (u64::MAX / 1_000 - 1, 0, (1, 3)),
        ] {
            let times = Times::Clock { utc_offset_secs: offset };
            let (hour, minute) = want;
            let got = times.when(at(secs), UnixMillis(0));
            if secs < 1 << 40 {
                assert_eq!(got, When::Clock { hour, minute }, "{secs} {offset}");
            }
        }
        let now = UnixMillis(20_000);
        assert_eq!(Times::Ages.when(UnixMillis(8_000), now), When::Age(Age::Ago(12, 's')));
    }
}
