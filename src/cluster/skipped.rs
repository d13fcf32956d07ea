//! What nobody of ours wrote, and is skipped: counted, and told in the log now and then.

use super::timing::Moment;

/// It is told once in so long, in milliseconds, with how much there was: whoever can write on the engine can write
/// far more than an operator would read.
const TOLD_EVERY: u64 = 60_000;

/// How much was skipped, wherever it came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Records of the log, also whole ones with something in them that is none.
    pub records: u64,
    /// Writings in the table of nodes.
    pub keys: u64,
    /// What was sent to this node alone.
    pub letters: u64,
}

impl Counts {
    /// All of it.
    pub fn all(self) -> u64 {
        self.records + self.keys + self.letters
    }

    fn since(self, earlier: Self) -> Self {
        Self {
            records: self.records.saturating_sub(earlier.records),
            keys: self.keys.saturating_sub(earlier.keys),
            letters: self.letters.saturating_sub(earlier.letters),
        }
    }
}

/// What was told of it.
#[derive(Debug, Default)]
pub struct Skipped {
    told: Counts,
    at: Option<Moment>,
}

impl Skipped {
    /// So much was skipped by now: what is to be told of it, where something is.
    pub fn note(&mut self, counts: Counts, now: Moment) -> Option<Counts> {
        let news = counts.since(self.told);
        let soon = self.at.is_some_and(|at| now.since(at) < TOLD_EVERY);
        if news.all() == 0 || soon {
            return None;
        }
        (self.told, self.at) = (counts, Some(now));
        Some(news)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_skipped_is_told_at_once_and_then_once_a_minute_with_how_much_it_was() {
        let mut skipped = Skipped::default();
        let counts = |records, keys, letters| Counts { records, keys, letters };
        for (now, counted, told) in [
            (0, counts(0, 0, 0), None),
            (5_000, counts(1, 0, 0), Some(counts(1, 0, 0))),
            (5_100, counts(9, 2, 0), None),
            (64_999, counts(9, 2, 7), None),
            (65_000, counts(9, 2, 7), Some(counts(8, 2, 7))),
            (200_000, counts(9, 2, 7), None),
            (200_100, counts(9, 2, 8), Some(counts(0, 0, 1))),
        ] {
            assert_eq!(skipped.note(counted, Moment(now)), told, "{now}");
        }
    }
}
