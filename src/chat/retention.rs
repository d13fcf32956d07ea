//! How long and how much is kept of what is said, and therefore shown.

use std::time::Duration;

use super::history::UnixMillis;

/// How far a clock may be away from the newest thing stored at a start: no server is stopped for longer,
/// nor is a clock off by as much that is right.
const FAR: Duration = Duration::from_secs(7 * 24 * 3_600);

/// How long a clock that has jumped makes nothing old: time to set it right.
const GRACE: Duration = Duration::from_secs(3_600);

/// A clock that is set by less than this while the server runs is merely made more exact.
const STEP: Duration = Duration::from_secs(60);

/// How much is kept of the messages of a lobby.
#[derive(Debug, Clone, Copy)]
pub struct Retention {
    /// For how long.
    pub age: Duration,
    /// How many of the newest are kept.
    pub messages: usize,
}

/// What is kept at some instant. What is not is shown by nothing, and deleted when its turn comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kept {
    /// Where a lobby begins that is kept: at the first message that is not from before this. What was said
    /// after that one is kept too, whatever the clock said then.
    pub since: UnixMillis,
    /// The newest messages of each lobby.
    pub messages: u64,
}

impl Kept {
    /// All that there is.
    #[cfg(test)]
    pub(crate) const ALL: Self = Self { since: UnixMillis(0), messages: u64::MAX };
}

impl Retention {
    /// What is kept at `now`. Where the clock is in doubt, nothing is old.
    pub fn kept(&self, now: UnixMillis, in_doubt: bool) -> Kept {
        let since = if in_doubt { UnixMillis(0) } else { now.before(self.age) };
        Kept { since, messages: self.messages as u64 }
    }
}

/// Whether the newest thing stored cannot be of that time, so that the clock has jumped.
pub fn is_far(newest: UnixMillis, now: UnixMillis) -> bool {
    newest.until(now).max(now.until(newest)) > FAR
}

/// Notices a clock that jumps: at a start by what is stored, afterwards by the clock that only ever goes on.
/// For an hour after that it is in doubt, unless it is set back to what it would have been.
#[derive(Debug)]
pub struct ClockWatch {
    /// What both clocks said when they were looked at last.
    last: Option<(UnixMillis, Duration)>,
    /// Until when the clock is in doubt for what it said at the start, by the other one.
    doubt_until: Duration,
    /// Until when it matters that it was set.
    set_until: Duration,
    /// By how many milliseconds it was set in all.
    set_by: i64,
}

/// How far the clock can be relied on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ClockState {
    /// Whether it has jumped by weeks lately, so that nothing is to be called old by it.
    pub in_doubt: bool,
    /// Whether it has jumped at all lately, so that nothing is to be called minutes old by it.
    pub was_set: bool,
    /// By how many milliseconds it was set since the start: what was to end at some time ends as much later.
    pub set_by: i64,
}

impl ClockState {
    /// By how many milliseconds the clock was set since `known`, which becomes what is known now. None where
    /// it was not set, or nothing was known.
    pub fn set_since(self, known: &mut Option<i64>) -> Option<i64> {
        let before = known.replace(self.set_by)?;
        (before != self.set_by).then(|| self.set_by.saturating_sub(before))
    }
}

impl Default for ClockWatch {
    fn default() -> Self {
        Self::new()
    }
}

/// A clock was set while the server ran.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Jump {
    /// It is later now by so much.
    Ahead(Duration),
    /// It is earlier now by so much.
    Back(Duration),
}

impl Jump {
    fn millis(self) -> i64 {
        let millis = |by: Duration| i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
        match self {
            Self::Ahead(by) => millis(by),
            Self::Back(by) => -millis(by),
        }
    }
}

impl ClockWatch {
    /// One that has not looked at anything yet.
    pub const fn new() -> Self {
        let never = Duration::ZERO;
        Self { last: None, doubt_until: never, set_until: never, set_by: 0 }
    }

    /// Looks at the clock, which says `now`, when the server has run for `up`.
    pub fn look(&mut self, now: UnixMillis, up: Duration) -> Option<Jump> {
        let (then, was_up) = self.last.replace((now, up))?;
        let expected = then.after(up.saturating_sub(was_up));
        let jump = match (expected.until(now), now.until(expected)) {
            (ahead, _) if ahead > STEP => Jump::Ahead(ahead),
            (_, back) if back > STEP => Jump::Back(back),
            _ => return None,
        };
        self.set_until = up + GRACE;
        self.set_by = self.set_by.saturating_add(jump.millis());
        Some(jump)
    }

    /// The server starts at `now`, where the newest thing stored is of that time. Whether that cannot be.
    pub fn start(&mut self, newest: Option<UnixMillis>, now: UnixMillis, up: Duration) -> bool {
        let far = newest.is_some_and(|newest| is_far(newest, now));
        if far {
            self.doubt_until = up + GRACE;
        }
        far
    }

    /// How far the clock can be relied on when the server has run for `up`.
    pub fn state(&self, up: Duration) -> ClockState {
        let off = Duration::from_millis(self.set_by.unsigned_abs());
        let is_off_by = |least| up < self.set_until && off > least;
        let in_doubt = up < self.doubt_until || is_off_by(FAR);
        ClockState { in_doubt, was_set: in_doubt || is_off_by(STEP), set_by: self.set_by }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: u64 = 24 * 3_600 * 1_000;

    fn secs(secs: u64) -> Duration {
        Duration::from_secs(secs)
    }

    #[test]
    fn a_clock_in_doubt_makes_nothing_old() {
        let retention = Retention { age: secs(24 * 3_600), messages: 10 };
        assert_eq!(retention.kept(UnixMillis(9 * DAY), false).since, UnixMillis(8 * DAY));
        assert_eq!(retention.kept(UnixMillis(9 * DAY), true).since, UnixMillis(0));
    }

    #[test]
    fn at_a_start_more_than_a_week_either_way_is_a_jump_for_an_hour() {
        let (week, at) = (7 * DAY, UnixMillis(100 * DAY));
        for (newest, want) in [
            (None, false),
            (Some(at.0 - week), false),
            (Some(at.0 + week), false),
            (Some(at.0 - week - 1), true),
            (Some(at.0 + week + 1), true),
        ] {
            let mut watch = ClockWatch::new();
            assert_eq!(watch.start(newest.map(UnixMillis), at, secs(5)), want, "{newest:?}");
            for (up, in_doubt) in [(5, want), (3_604, want), (3_605, false)] {
                assert_eq!(watch.state(secs(up)).in_doubt, in_doubt, "{newest:?} {up}");
            }
        }
    }

    #[test]
    fn a_clock_that_is_set_while_the_server_runs_is_noticed_and_one_that_goes_on_is_not() {
        let at = |secs: u64| UnixMillis(100 * DAY + secs * 1_000);
        let mut watch = ClockWatch::new();
        let (day, week) = (24 * 3_600, 7 * 24 * 3_600);
        for (now, up, jump, was_set, in_doubt) in [
            (0, 0, None, false, false),
            (7_200, 7_200, None, false, false),
            // A little more exact, now and then.
            (7_330, 7_300, None, false, false),
            (7_400, 7_400, None, false, false),
            (7_400 + day, 7_400, Some(Jump::Ahead(secs(day))), true, false),
            (7_500 + day, 7_500, None, true, false),
            // And back to what it would have been.
            (7_600, 7_600, Some(Jump::Back(secs(day))), false, false),
            (7_600 + week, 7_600, Some(Jump::Ahead(secs(week))), true, false),
            (7_700 + week + 61, 7_700, Some(Jump::Ahead(secs(61))), true, true),
            (7_700 + week + 61 + 3_599, 7_700 + 3_599, None, true, true),
            // It is taken for right then.
            (7_700 + week + 61 + 3_600, 7_700 + 3_600, None, false, false),
        ] {
            assert_eq!(watch.look(at(now), secs(up)), jump, "{now} {up}");
            let state = watch.state(secs(up));
            assert_eq!((state.was_set, state.in_doubt), (was_set, in_doubt), "{now} {up}");
        }
        assert_eq!(watch.state(secs(9_000)).set_by, (week as i64 + 61) * 1_000);
    }
}
