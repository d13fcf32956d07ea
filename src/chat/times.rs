//! Times as people read them: how long ago, at what o'clock, for how long.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::Offset;

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
    Clock(ClockTime),
}

/// At what o'clock something was, and on which day where that is not the same: `17:22`, `Mon 17:22`,
/// `3 Nov 17:22`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClockTime {
    at: DateTime,
    day: Told,
}

/// How a day is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Told {
    /// Not at all: it is today.
    Not,
    /// By its name.
    Weekday,
    /// By its date.
    Date,
    /// By its date, with the year.
    Year,
}

/// A day as people name it, as in `Mon 23 Nov`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Day(Date);

/// So many days back a weekday is enough: that of a week ago is today's.
const WEEK_DAYS: i32 = 7;

/// So many days back a date is enough.
const YEAR_DAYS: u32 = 365;

impl Times {
    /// How something that was said at `at` is dated now.
    pub fn when(self, at: UnixMillis, now: UnixMillis) -> When {
        let Self::Clock { utc_offset_secs } = self else {
            return When::Age(Age::of(at.until(now)));
        };
        let (at, now) = (local(at, utc_offset_secs), local(now, utc_offset_secs));
        let day = match at.date().until(now.date()).map_or(i32::MAX, |days| days.get_days()) {
            0 => Told::Not,
            1..WEEK_DAYS => Told::Weekday,
            // A clock that was set back has days to come behind it.
            days if days.unsigned_abs() < YEAR_DAYS => Told::Date,
            _ => Told::Year,
        };
        When::Clock(ClockTime { at, day })
    }

    /// The day on which something was said; none for whoever does not want clock times.
    pub fn day(self, at: UnixMillis) -> Option<Day> {
        match self {
            Self::Ages => None,
            Self::Clock { utc_offset_secs } => Some(Day(local(at, utc_offset_secs).date())),
        }
    }
}

impl ClockTime {
    /// Whether it is told without a day.
    pub fn is_of_today(&self) -> bool {
        self.day == Told::Not
    }
}

/// A time on the clock of a zone. What no calendar has is its first day.
fn local(at: UnixMillis, utc_offset_secs: i32) -> DateTime {
    let at = i64::try_from(at.0).ok().and_then(|at| Timestamp::from_millisecond(at).ok());
    let offset = Offset::from_seconds(utc_offset_secs).unwrap_or(Offset::UTC);
    offset.to_datetime(at.unwrap_or_default())
}

impl fmt::Display for ClockTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let form = match self.day {
            Told::Not => "%H:%M",
            Told::Weekday => "%a %H:%M",
            Told::Date => "%-d %b %H:%M",
            Told::Year => "%-d %b %Y %H:%M",
        };
        self.at.strftime(form).fmt(f)
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.strftime("%a %-d %b").fmt(f)
    }
}

impl From<Age> for When {
    fn from(age: Age) -> Self {
        Self::Age(age)
    }
}

/// A length of time as people say it, in days, hours, minutes and seconds: `2h 30m`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    secs: u64,
}

impl Span {
    /// The whole of it: what a moderator set.
    pub fn exact(time: Duration) -> Self {
        Self { secs: time.as_secs() }
    }

    /// What is left, in two units at most, rounded up, so that whoever waits that long has waited long
    /// enough.
    pub fn left(time: Duration) -> Self {
        let secs = time.as_secs() + u64::from(time.subsec_nanos() > 0);
        let second = UNITS.iter().skip_while(|(size, _)| secs < *size).nth(1);
        let size = second.map_or(1, |(size, _)| *size);
        Self { secs: secs.div_ceil(size) * size }
    }

    /// What has passed, in one unit, rounded down.
    pub fn passed(time: Duration) -> Self {
        let secs = time.as_secs();
        let size = UNITS.iter().find(|(size, _)| secs >= *size).map_or(1, |(size, _)| *size);
        Self { secs: secs / size * size }
    }

    /// Reads a word like `30s`, `10m`, `2h30m`, `7d` or `2w`: counts of units, the larger first. None
    /// where it is no such word at all.
    ///
    /// # Errors
    /// [`BadSpan`] where it is one, but of nothing or of more than [`MAX_SPAN`].
    pub fn parse(word: &str) -> Option<Result<Duration, BadSpan>> {
        let (mut rest, mut secs, mut last) = (word, Some(0_u64), u64::MAX);
        while !rest.is_empty() {
            let digits = rest.find(|c: char| !c.is_ascii_digit()).filter(|at| *at > 0)?;
            let (count, after) = rest.split_at(digits);
            let unit = after.chars().next()?;
            let named = |(_, letter): &&(u64, char)| *letter == unit.to_ascii_lowercase();
            let (size, _) = *READ_UNITS.iter().find(named).filter(|(size, _)| *size < last)?;
            let part = count.parse::<u64>().ok().and_then(|count| count.checked_mul(size));
            secs = secs.zip(part).and_then(|(secs, part)| secs.checked_add(part));
            (rest, last) = (&after[unit.len_utf8()..], size);
        }
        let time = secs.map(Duration::from_secs).filter(|t| !t.is_zero() && *t <= MAX_SPAN);
        (!word.is_empty()).then_some(time.ok_or(BadSpan))
    }
}

/// Those in which a time is told, largest first.
const UNITS: [(u64, char); 4] = [(DAY, 'd'), (HOUR, 'h'), (MINUTE, 'm'), (1, 's')];

/// Those in which it may be written, largest first.
const READ_UNITS: [(u64, char); 5] =
    [(7 * DAY, 'w'), (DAY, 'd'), (HOUR, 'h'), (MINUTE, 'm'), (1, 's')];

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (mut rest, mut before) = (self.secs, "");
        for (size, unit) in UNITS {
            if rest >= size {
                write!(f, "{before}{}{unit}", rest / size)?;
                (rest, before) = (rest % size, " ");
            }
        }
        if self.secs == 0 { f.write_str("0s") } else { Ok(()) }
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
            ("2w", Some(Ok(secs(14 * 86_400)))),
            ("2h30m", Some(Ok(secs(9_000)))),
            ("1w2d3h4m5S", Some(Ok(secs(788_645)))),
            ("0d10m", Some(Ok(secs(600)))),
            ("3650d", Some(Ok(MAX_SPAN))),
            ("3650d1s", Some(Err(BadSpan))),
            ("18446744073709551615s1w", None),
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
            ("30min", None),
            ("30m2h", None),
            ("5m5m", None),
            ("2h30", None),
            ("2hm", None),
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
            (61, "1m 1s", "1m 1s", "1m"),
            (600, "10m", "10m", "10m"),
            (3_599, "59m 59s", "59m 59s", "59m"),
            (3_660, "1h 1m", "1h 1m", "1h"),
            (3_661, "1h 1m 1s", "1h 2m", "1h"),
            (5_400, "1h 30m", "1h 30m", "1h"),
            (7_199, "1h 59m 59s", "2h", "1h"),
            (86_399, "23h 59m 59s", "1d", "23h"),
            (604_800, "7d", "7d", "7d"),
            (604_801, "7d 1s", "7d 1h", "7d"),
            (1_206_000, "13d 23h", "13d 23h", "13d"),
        ] {
            let time = secs(time);
            let shown = [Span::exact(time), Span::left(time), Span::passed(time)];
            assert_eq!(shown.map(|s| s.to_string()), [exact, left, passed]);
        }
        assert_eq!(Span::left(Duration::from_millis(1)).to_string(), "1s");
        assert_eq!(Span::left(Duration::from_millis(59_001)).to_string(), "1m");
    }

    #[test]
    fn a_clock_has_the_hours_of_its_zone_and_the_day_where_it_is_another() {
        let now = 1_700_000_000;
        for (secs, offset, want) in [
            (now, 0, "22:13"),
            (now, 3_600, "23:13"),
            (now, 19_800, "03:43"),
            // Yesterday, a moment ago; the day is that of the zone.
            (now - 80_001, 0, "Mon 23:59"),
            (now - 7_000, 7_200, "Tue 22:16"),
            (now - 6_900, 0, "20:18"),
            (now - 6 * 86_400, 0, "Wed 22:13"),
            (now - 7 * 86_400, 0, "7 Nov 22:13"),
            (now - 364 * 86_400, 0, "15 Nov 22:13"),
            (now - 365 * 86_400, 0, "14 Nov 2022 22:13"),
            (now + 86_400, 0, "15 Nov 22:13"),
            (0, 0, "1 Jan 1970 00:00"),
            (0, -60, "31 Dec 1969 23:59"),
            (u64::MAX / 1_000, 0, "1 Jan 1970 00:00"),
        ] {
            let times = Times::Clock { utc_offset_secs: offset };
            let When::Clock(got) = times.when(UnixMillis(secs * 1_000), UnixMillis(now * 1_000))
            else {
                panic!("{secs}");
            };
            assert_eq!(got.to_string(), want, "{secs} {offset}");
        }
        let day = |secs: u64, offset| {
            Times::Clock { utc_offset_secs: offset }.day(UnixMillis(secs * 1_000)).unwrap()
        };
        assert_eq!(day(now, 0).to_string(), "Tue 14 Nov");
        assert_eq!(day(now, 7_200).to_string(), "Wed 15 Nov");
        assert!(day(now, 0) == day(now - 80_000 + 800, 0) && day(now, 0) != day(now, 7_200));
        assert_eq!(Times::Ages.day(UnixMillis(0)), None);
        let now = UnixMillis(20_000);
        assert_eq!(Times::Ages.when(UnixMillis(8_000), now), When::Age(Age::Ago(12, 's')));
    }
}
