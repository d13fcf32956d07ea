//! The reader of the log: takes each record once, in order, from the log that was read before, and no other.

use super::engine::{Delivered, LogState, Position};
use super::envelope::{Opened, Record, check_of};
use super::mark::{Mark, Step};
use super::rules::{Rule, Rules};
use super::timing::{Moment, STALLED_AFTER};
use super::told::Stop;
use crate::chat::history::UnixMillis;

/// What a delivery comes to.
#[derive(Debug)]
pub(crate) enum Read {
    /// It was read before.
    Nothing,
    /// Something is missing before it: the log is to be read again from here.
    Again(Position),
    /// It was read.
    Took(Took),
    /// It cannot go on.
    Stop(Stop),
}

/// A record was read.
#[derive(Debug)]
pub(crate) struct Took {
    /// Its time, never less than that of the one before.
    pub(crate) at: UnixMillis,
    /// A check of it, by which it is known again.
    pub(crate) check: u32,
    /// What it means for the lives of nodes.
    pub(crate) step: Step,
    /// The record; none where it is none of ours.
    pub(crate) record: Option<Record>,
    /// Whether what it says is to happen.
    pub(crate) happens: bool,
}

/// The reader.
#[derive(Debug)]
pub(crate) struct Reader {
    mark: Mark,
    rules: Rules,
    /// The last record that is known to be there.
    last: Position,
    /// The position that the node has to reach before it goes on, as the log was when it was connected.
    target: Position,
    /// Whether the record that was read last before the connection is still to be seen again, and be the same.
    unproved: bool,
    /// Whether the log was read again for a gap, and nothing has come since.
    again: bool,
    /// When a record came last, or was asked for.
    moved: Moment,
    /// Records that nobody of ours wrote.
    foreign: u64,
}

impl Reader {
    pub(crate) fn new(mark: Mark, rules: Rules) -> Self {
        let (last, target) = (mark.position, mark.position);
        Self {
            mark,
            rules,
            last,
            target,
            again: false,
            unproved: false,
            moved: Moment::default(),
            foreign: 0,
        }
    }

    pub(crate) fn mark(&self) -> &Mark {
        &self.mark
    }

    /// How many records of nobody of ours were skipped.
    pub(crate) fn foreign(&self) -> u64 {
        self.foreign
    }

    /// How many records are known to be there and were not read yet.
    pub(crate) fn behind(&self) -> u64 {
        self.last.0.saturating_sub(self.mark.position.0)
    }

    /// Whether all has been read that was there when the node was connected.
    pub(crate) fn caught_up(&self) -> bool {
        self.mark.position >= self.target && !self.unproved
    }

    /// There is a connection: whether the log is the one that was read before, and where to go on.
    pub(crate) fn connected(&mut self, log: LogState, now: Moment) -> Result<Position, Stop> {
        let applied = self.mark.position;
        if self.rules.hold(Rule::SameLog) {
            if self.mark.log.is_some_and(|made| made != log.created_at) {
                return Err(Stop::OtherLog);
            }
            if self.mark.log.is_none() && log.founded {
                return Err(Stop::Founded);
            }
            if log.last < applied {
                return Err(Stop::Shorter { last: log.last, applied });
            }
            if log.first > applied.next() {
                return Err(Stop::BeginningGone { first: log.first, applied });
            }
        }
        self.mark.log = Some(log.created_at);
        (self.last, self.target) = (self.last.max(log.last), log.last);
        (self.again, self.moved) = (false, now);
        // A log that lost its end in a power cut may have grown past this position since.
        let there = applied != Position::NONE && log.first <= applied;
        self.unproved = there && self.rules.hold(Rule::SameLog);
        Ok(if self.unproved { applied } else { applied.next() })
    }

    /// A record is known to stand there.
    pub(crate) fn heard_of(&mut self, position: Position) {
        self.last = self.last.max(position);
    }

    /// It was held up until now, which is no stall.
    pub(crate) fn goes_on(&mut self, now: Moment) {
        self.moved = now;
    }

    /// Where to read on, where records are known to be there and none has come for long.
    pub(crate) fn stalled(&mut self, now: Moment) -> Option<Position> {
        let waits = self.behind() > 0 && self.rules.hold(Rule::ReadsAnew);
        if !waits || now.since(self.moved) < STALLED_AFTER {
            return None;
        }
        self.moved = now;
        Some(self.mark.position.next())
    }

    /// A record came out of the log.
    pub(crate) fn delivered(&mut self, delivered: &Delivered, now: Moment) -> Read {
        let (wanted, got) = (self.mark.position.next(), delivered.position);
        let check = check_of(&delivered.bytes, delivered.at);
        if got == self.mark.position && std::mem::take(&mut self.unproved) {
            let same = check == self.mark.check;
            return if same { Read::Nothing } else { Read::Stop(Stop::OtherLog) };
        }
        if got < wanted && self.rules.hold(Rule::SameLog) {
            return Read::Nothing;
        }
        if got > wanted && self.rules.hold(Rule::SameLog) {
            if self.again {
                return Read::Stop(Stop::Gap { wanted, got });
            }
            self.again = true;
            return Read::Again(wanted);
        }
        let record = match Record::open(&delivered.bytes) {
            Opened::Ours(record) if delivered.subject.is_some() => Some(record),
            Opened::Ours(_) | Opened::Foreign => None,
            Opened::Unknown { version, kind } => {
                return Read::Stop(Stop::UnknownRecord { position: got, version, kind });
            }
        };
        self.foreign += u64::from(record.is_none());
        let judged = record.as_ref().map(|record| self.mark.judge(record, self.rules));
        let (step, happens) = judged.unwrap_or((Step::None, false));
        let at = self.mark.at.max(delivered.at);
        self.mark.check = check;
        self.mark.step_by(got, at, &step, self.rules);
        self.last = self.last.max(got);
        (self.again, self.moved) = (false, now);
        Read::Took(Took { at, check, step, record, happens })
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::super::engine::{Revision, Subject};
    use super::super::envelope::What;
    use super::*;

    const NOW: Moment = Moment(0);

    fn log(created_at: u64, first: u64, last: u64) -> LogState {
        LogState {
            founded: false,
            created_at: UnixMillis(created_at),
            first: Position(first),
            last: Position(last),
        }
    }

    fn at(position: u64, bytes: Bytes) -> Delivered {
        let subject = Some(Subject::Nodes);
        Delivered { position: Position(position), at: UnixMillis(position), subject, bytes }
    }

    fn reader(applied: u64) -> Reader {
        let mut mark = Mark::default();
        (mark.log, mark.position) = (Some(UnixMillis(1)), Position(applied));
        Reader::new(mark, Rules::ALL)
    }

    #[test]
    fn only_the_log_that_was_read_before_is_read_on() {
        for (applied, state, wanted) in [
            (0, log(1, 1, 0), Ok(Position(1))),
            (5, log(1, 1, 5), Ok(Position(5))),
            (5, log(1, 5, 5), Ok(Position(5))),
            (5, log(1, 6, 9), Ok(Position(6))),
            (5, log(1, 6, 5), Ok(Position(6))),
            (5, log(2, 1, 9), Err(Stop::OtherLog)),
            (5, log(1, 1, 4), Err(Stop::Shorter { last: Position(4), applied: Position(5) })),
            (
                5,
                log(1, 7, 9),
                Err(Stop::BeginningGone { first: Position(7), applied: Position(5) }),
            ),
        ] {
            assert_eq!(reader(applied).connected(state, NOW), wanted, "{applied} {state:?}");
        }
    }

    #[test]
    fn a_log_that_has_another_record_where_one_was_read_is_another_log() {
        for (bytes, same) in [(&b"first"[..], true), (b"other", false)] {
            let mut reader = reader(0);
            let first = at(1, Bytes::from_static(b"first"));
            assert!(matches!(reader.delivered(&first, NOW), Read::Took(_)));
            assert_eq!(reader.connected(log(1, 1, 1), NOW), Ok(Position(1)));
            assert!(!reader.caught_up());
            let read = reader.delivered(&at(1, Bytes::from_static(bytes)), NOW);
            assert_eq!(matches!(read, Read::Nothing), same);
            assert_eq!(matches!(read, Read::Stop(Stop::OtherLog)), !same);
            assert!(!same || reader.caught_up());
        }
    }

    #[test]
    fn foreign_bytes_are_counted_and_skipped() {
        let mut reader = reader(0);
        for (position, bytes) in [&b""[..], b"hello", b"LBYD", &[0xff; 99]].iter().enumerate() {
            let delivered = at(position as u64 + 1, Bytes::from_static(bytes));
            let read = reader.delivered(&delivered, NOW);
            assert!(matches!(read, Read::Took(Took { record: None, happens: false, .. })));
        }
        // A record of ours on a subject of nobody is nobody's.
        let record = Record { life: Revision(1), n: 0, what: What::Began("a".into()) };
        let delivered = Delivered { subject: None, ..at(5, record.seal()) };
        assert!(matches!(reader.delivered(&delivered, NOW), Read::Took(_)));
        assert_eq!((reader.foreign(), reader.mark().position), (5, Position(5)));
        assert!(!reader.mark().is_current(Revision(1)));
    }

    #[test]
    fn what_is_missing_is_asked_for_once_and_what_comes_twice_is_read_once() {
        let mut reader = reader(0);
        let foreign = |position| at(position, Bytes::new());
        assert!(matches!(reader.delivered(&foreign(1), NOW), Read::Took(_)));
        assert!(matches!(reader.delivered(&foreign(1), NOW), Read::Nothing));
        assert!(matches!(reader.delivered(&foreign(3), NOW), Read::Again(Position(2))));
        assert!(matches!(reader.delivered(&foreign(2), NOW), Read::Took(_)));
        assert!(matches!(reader.delivered(&foreign(5), NOW), Read::Again(Position(3))));
        let gap = Stop::Gap { wanted: Position(3), got: Position(5) };
        assert!(matches!(reader.delivered(&foreign(5), NOW), Read::Stop(stop) if stop == gap));
    }

    #[test]
    fn time_never_goes_back() {
        let mut reader = reader(0);
        let mut times = Vec::new();
        for (position, time) in [(1, 50), (2, 20), (3, 60)] {
            let delivered = Delivered { at: UnixMillis(time), ..at(position, Bytes::new()) };
            if let Read::Took(took) = reader.delivered(&delivered, NOW) {
                times.push(took.at.0);
            }
        }
        assert_eq!(times, [50, 50, 60]);
    }

    #[test]
    fn a_reader_that_gets_nothing_asks_again() {
        let mut reader = reader(0);
        assert_eq!(reader.connected(log(1, 1, 0), NOW), Ok(Position(1)));
        assert_eq!(reader.stalled(Moment(99_000)), None);
        reader.heard_of(Position(2));
        assert_eq!(reader.stalled(Moment(STALLED_AFTER - 1)), None);
        assert_eq!(reader.stalled(Moment(STALLED_AFTER)), Some(Position(1)));
        assert_eq!(reader.stalled(Moment(STALLED_AFTER + 1)), None);
    }
}
