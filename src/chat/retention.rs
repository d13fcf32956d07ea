//! How long and how much is kept of what is said, and therefore shown.

use std::time::Duration;

use super::history::UnixMillis;

/// No server is stopped for so long that nothing was stored, nor is a clock off by as much that is
/// right.
const FAR: Duration = Duration::from_secs(7 * 24 * 3_600);

/// How long a clock that has jumped makes nothing old after a start: time to set it right.
const GRACE: Duration = Duration::from_secs(3_600);

/// How much is kept of the messages of a lobby.
#[derive(Debug, Clone, Copy)]
pub struct Retention {
    /// For how long.
    pub age: Duration,
    /// How many of the newest are kept.
    pub messages: usize,
    /// Whether the clock had jumped when the server started: then nothing is old for an hour.
    pub jumped: bool,
}

/// What is kept at some instant. What is not is shown by nothing, and deleted when its turn comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kept {
    /// What was said before it is too old.
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
    /// What is kept at `now`, when the server has run for `up`.
    pub fn kept(&self, now: UnixMillis, up: Duration) -> Kept {
        let grace = self.jumped && up < GRACE;
        let since = if grace { UnixMillis(0) } else { now.before(self.age) };
        Kept { since, messages: self.messages as u64 }
    }
}

/// Whether the clock says at a start that the newest thing stored is from a time that it cannot be from.
pub fn has_jumped(newest: Option<UnixMillis>, now: UnixMillis) -> bool {
    newest.is_some_and(|newest| newest.until(now).max(now.until(newest)) > FAR)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: u64 = 24 * 3_600 * 1_000;

    #[test]
    fn a_clock_that_jumped_makes_nothing_old_for_an_hour() {
        let age = Duration::from_secs(24 * 3_600);
        let kept = |jumped, up| {
            let retention = Retention { age, messages: 10, jumped };
            retention.kept(UnixMillis(9 * DAY), Duration::from_secs(up)).since
        };
        assert_eq!(kept(false, 0), UnixMillis(8 * DAY));
        assert_eq!(kept(true, 3_599), UnixMillis(0));
        assert_eq!(kept(true, 3_600), UnixMillis(8 * DAY));
    }

    #[test]
    fn more_than_a_week_either_way_is_a_jump() {
        let (week, at) = (7 * DAY, UnixMillis(100 * DAY));
        for (newest, want) in [
            (None, false),
            (Some(at.0 - week), false),
            (Some(at.0 + week), false),
            (Some(at.0 - week - 1), true),
            (Some(at.0 + week + 1), true),
        ] {
            assert_eq!(has_jumped(newest.map(UnixMillis), at), want, "{newest:?}");
        }
    }
}
