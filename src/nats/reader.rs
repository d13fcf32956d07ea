//! What is read of one stream on one connection, in order and without a gap: where it is, and what it asks for
//! next. Pure: the time is an argument.

use std::time::Instant;

use super::api::{From, Place};
use super::{BATCH, HANG_TIME};

/// A message, as the reader sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Seen {
    /// It is the next.
    Next,
    /// It was there before.
    Again,
    /// Something is missing before it.
    Gap,
}

/// How far one is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reader {
    /// Of those that were made for this stream, which. What an earlier one gives is not looked at.
    number: u64,
    /// Its name on the engine; none until it is made.
    name: Option<String>,
    /// The last message that came, or the one before the first that is wanted.
    seen: u64,
    /// The last message that came.
    came: u64,
    /// Whether each message has the number after that of the one before.
    is_gapless: bool,
    /// Whether nothing has come yet from the one that is in use: the first may stand after a gap that is the
    /// stream's own.
    is_fresh: bool,
    /// What it was asked for and has not given.
    granted: usize,
    /// The last message of the stream that the engine has told of.
    told: u64,
    /// Since when there has been more than it has given.
    behind_since: Option<Instant>,
}

impl Reader {
    /// For a log, from this position on.
    pub(super) fn of_log(first: u64) -> Self {
        Self { seen: first.saturating_sub(1), is_gapless: true, ..Self::of_table() }
    }

    /// For the table: the last of each key, and each change.
    pub(super) fn of_table() -> Self {
        Self {
            number: 0,
            name: None,
            seen: 0,
            came: 0,
            is_gapless: false,
            is_fresh: true,
            granted: 0,
            told: 0,
            behind_since: None,
        }
    }

    pub(super) fn number(&self) -> u64 {
        self.number
    }

    pub(super) fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// The last message that has come; 0 where none has.
    pub(super) fn came(&self) -> u64 {
        self.came
    }

    /// Another is to be made, under this number. Answered with where it begins.
    pub(super) fn restart(&mut self, number: u64) -> From {
        (self.number, self.name, self.granted) = (number, None, 0);
        (self.is_fresh, self.behind_since) = (true, None);
        match self.is_gapless || self.seen > 0 {
            true => From::Sequence(self.seen + 1),
            false => From::LastOfEach,
        }
    }

    /// It was made, and so much is there for it.
    pub(super) fn is_made(&mut self, name: String, pending: u64) {
        self.name = Some(name);
        if pending == 0 {
            // What was there when the engine told of it would be pending, so it is gone.
            self.seen = self.seen.max(self.told);
        }
    }

    /// How many more it is to be asked for now.
    pub(super) fn wants(&mut self) -> Option<usize> {
        if self.name.is_none() || self.granted > BATCH / 2 {
            return None;
        }
        let more = BATCH - self.granted / 2;
        self.granted += more;
        Some(more)
    }

    /// A message came.
    pub(super) fn takes(&mut self, place: Place) -> Seen {
        self.granted = self.granted.saturating_sub(1);
        if place.sequence <= self.seen {
            return Seen::Again;
        }
        if self.is_gapless && !self.is_fresh && place.sequence != self.seen + 1 {
            return Seen::Gap;
        }
        (self.seen, self.came) = (place.sequence, place.sequence);
        (self.is_fresh, self.behind_since) = (false, None);
        Seen::Next
    }

    /// The stream has messages up to this one. Answered with whether this reader hangs.
    pub(super) fn hangs(&mut self, last: u64, now: Instant) -> bool {
        if self.name.is_some() {
            self.told = last;
        }
        if last <= self.seen || self.name.is_none() {
            self.behind_since = None;
            return false;
        }
        let since = *self.behind_since.get_or_insert(now);
        now.saturating_duration_since(since) >= HANG_TIME
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::history::UnixMillis;

    fn place(sequence: u64) -> Place {
        Place { sequence, at: UnixMillis(0) }
    }

    fn made(mut reader: Reader, pending: u64) -> Reader {
        reader.restart(1);
        reader.is_made("r".to_owned(), pending);
        reader
    }

    #[test]
    fn a_log_is_read_without_a_gap_from_where_it_was_asked_for() {
        let mut reader = made(Reader::of_log(5), 3);
        assert_eq!(reader.takes(place(5)), Seen::Next);
        assert_eq!(reader.takes(place(5)), Seen::Again);
        assert_eq!(reader.takes(place(7)), Seen::Gap);
        assert_eq!(reader.restart(2), From::Sequence(6));
        reader.is_made("s".to_owned(), 1);
        // A gap that is there for a new reader too is the log's own, and for the node to judge.
        assert_eq!(reader.takes(place(7)), Seen::Next);
        assert_eq!(reader.came(), 7);
    }

    #[test]
    fn a_table_is_read_by_the_last_of_each_key_and_goes_on_where_it_was() {
        let mut reader = Reader::of_table();
        assert_eq!(reader.restart(1), From::LastOfEach);
        reader.is_made("r".to_owned(), 2);
        for sequence in [4, 9, 10] {
            assert_eq!(reader.takes(place(sequence)), Seen::Next);
        }
        assert_eq!(reader.restart(2), From::Sequence(11));
    }

    #[test]
    fn it_asks_for_more_before_all_has_come_and_never_for_much() {
        let mut reader = made(Reader::of_log(1), 0);
        let (mut asked, mut came) = (0, 0);
        for sequence in 1..=5_000 {
            while let Some(more) = reader.wants() {
                asked += more;
            }
            assert!(asked > came && asked - came <= BATCH * 3 / 2, "{asked} {came}");
            reader.takes(place(sequence));
            came += 1;
        }
        assert_eq!(Reader::of_table().wants(), None, "there is none yet that could be asked");
    }

    #[test]
    fn it_hangs_where_there_is_more_and_nothing_comes() {
        let start = crate::clock::now();
        let mut reader = made(Reader::of_log(1), 1);
        assert!(!reader.hangs(1, start) && !reader.hangs(1, start + HANG_TIME / 2));
        assert!(reader.hangs(1, start + HANG_TIME));
        reader.takes(place(1));
        assert!(!reader.hangs(1, start + HANG_TIME * 9));
        assert!(!reader.hangs(2, start + HANG_TIME * 10), "it is given the time anew");
        reader.restart(2);
        assert!(!reader.hangs(2, start + HANG_TIME * 20), "it is being made");
    }

    #[test]
    fn what_is_gone_from_a_stream_is_not_waited_for() {
        let start = crate::clock::now();
        let mut reader = made(Reader::of_log(5), 0);
        assert!(!reader.hangs(9, start) && reader.hangs(9, start + HANG_TIME));
        assert_eq!(reader.restart(2), From::Sequence(5));
        reader.is_made("s".to_owned(), 0);
        assert_eq!((reader.seen, reader.came()), (9, 0));
        assert!(!reader.hangs(9, start + HANG_TIME * 5));
    }
}
