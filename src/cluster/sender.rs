//! What this life has said and has not come back: numbered in order, sent in a window, and sent again in
//! order until it has.

use std::collections::VecDeque;

use bytes::Bytes;

use super::engine::{Answer, Request, Revision, Subject};
use super::envelope::{Record, What};
use super::out::{Out, Purpose};
use super::timing::{AGAIN_AFTER, Moment};
use super::told::{Ticket, Unlogged};

/// So many records are on their way at once. What is said while they are goes together into the next one, which
/// costs the engine and each node little more than a line alone: an engine that is not busy answers before it is
/// said.
const WINDOW: usize = 8;

/// So many lines of one subject go together at most,
const MAX_TOGETHER: usize = 64;

/// and so many bytes: few enough beside the megabyte that an engine takes as one message.
const MAX_BYTES_TOGETHER: usize = 64 << 10;

/// So many lines wait at most. Sessions wait when it is full, each with a bound of its own.
const MAX_LINES: usize = 65_536;

/// So many bytes of lines wait at most.
const MAX_BYTES: usize = 32 << 20;

/// The sender.
#[derive(Debug, Default)]
pub(crate) struct Sender {
    lines: VecDeque<Unlogged>,
    bytes: usize,
    /// The number of the first line that has not come back.
    first: u64,
    /// How many of the lines were sent in this round.
    sent: usize,
    /// The number of the last line of each record that is on its way.
    records: VecDeque<u64>,
    /// Answers to lines of an earlier round say nothing.
    round: u64,
    last_ticket: u64,
    /// When all is sent again, where something went wrong.
    again_at: Option<Moment>,
}

impl Sender {
    /// Takes a line; none where too many wait.
    pub(crate) fn say(&mut self, subject: Subject, bytes: Bytes) -> Option<Ticket> {
        if self.lines.len() >= MAX_LINES || self.bytes + bytes.len() > MAX_BYTES {
            return None;
        }
        self.last_ticket += 1;
        let ticket = Ticket(self.last_ticket);
        self.bytes += bytes.len();
        self.lines.push_back(Unlogged { ticket, subject, bytes });
        Some(ticket)
    }

    /// How many have not come back.
    pub(crate) fn waiting(&self) -> usize {
        self.lines.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// Sends what may be sent now, under this life.
    pub(crate) fn send(&mut self, life: Revision, now: Moment, out: &mut Out) {
        if self.again_at.is_some_and(|at| at <= now) {
            self.send_again();
        }
        if self.again_at.is_some() {
            return;
        }
        while self.records.len() < WINDOW {
            let Some(next) = self.lines.get(self.sent) else { return };
            let (subject, n) = (next.subject, self.first + self.sent as u64);
            let mut bytes = 0;
            let together =
                self.lines.iter().skip(self.sent).take(MAX_TOGETHER).take_while(|line| {
                    let first = bytes == 0;
                    bytes += line.bytes.len().max(1);
                    line.subject == subject && (first || bytes <= MAX_BYTES_TOGETHER)
                });
            let mut lines: Vec<Bytes> = together.map(|line| line.bytes.clone()).collect();
            let count = lines.len();
            let what = match lines.pop() {
                Some(line) if lines.is_empty() => What::Said(line),
                last => What::Several(lines.into_iter().chain(last).collect()),
            };
            let request = Request::Append { subject, bytes: Record { life, n, what }.seal() };
            out.ask(Purpose::Line(self.round), request, now);
            self.sent += count;
            self.records.push_back(n + count as u64 - 1);
        }
    }

    /// All that has not come back is sent again, from its first on.
    pub(crate) fn send_again(&mut self) {
        self.sent = 0;
        self.records.clear();
        self.round += 1;
        self.again_at = None;
    }

    /// A line was answered. That it was taken is no news: it is said when it comes back.
    pub(crate) fn answered(&mut self, round: u64, answer: &Answer, now: Moment) {
        if round == self.round && !matches!(answer, Answer::Appended(_)) {
            self.dropped(now);
        }
    }

    /// A line of this life was dropped by the readers, or never taken: those after it will be, too.
    pub(crate) fn dropped(&mut self, now: Moment) {
        self.again_at.get_or_insert(now + AGAIN_AFTER);
    }

    /// A line of this life came back, as the next of its row; none where this node has not said it.
    pub(crate) fn came_back(&mut self, n: u64, bytes: &[u8]) -> Option<Ticket> {
        if n != self.first {
            return None;
        }
        let line = self.lines.pop_front_if(|line| line.bytes == *bytes)?;
        self.bytes -= line.bytes.len();
        self.first += 1;
        self.sent = self.sent.saturating_sub(1);
        while self.records.front().is_some_and(|last| *last <= n) {
            self.records.pop_front();
        }
        Some(line.ticket)
    }

    /// The first life begins.
    pub(crate) fn begin(&mut self) {
        self.first = 1;
        self.send_again();
    }

    /// Whether a line of this number has not come back.
    pub(crate) fn awaits(&self, n: u64) -> bool {
        n >= self.first && n - self.first < self.lines.len() as u64
    }

    /// Another life begins: all that has not come back is given out.
    pub(crate) fn begin_anew(&mut self) -> Vec<Unlogged> {
        self.bytes = 0;
        self.begin();
        self.lines.drain(..).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::engine::{Position, Wish};
    use super::super::envelope::Opened;
    use super::*;
    use crate::chat::lobbies::LobbyId;

    const LIFE: Revision = Revision(3);
    const SUBJECT: Subject = Subject::Lobby(LobbyId(1));

    fn sender(lines: usize) -> Sender {
        let mut sender = Sender::default();
        sender.begin_anew();
        for _ in 0..lines {
            sender.say(SUBJECT, Bytes::from_static(b"x")).unwrap();
        }
        sender
    }

    /// The numbers of the lines that are sent now, a record each.
    fn records(sender: &mut Sender, now: u64) -> Vec<Vec<u64>> {
        let mut out = Out::default();
        sender.send(LIFE, Moment(now), &mut out);
        let numbers = |wish| match wish {
            Wish::Ask(_, Request::Append { bytes, .. }) => match Record::open(&bytes) {
                Opened::Ours(Record { n, what: What::Said(_), .. }) => vec![n],
                Opened::Ours(Record { n, what: What::Several(lines), .. }) => {
                    (n..n + lines.len() as u64).collect()
                }
                other => panic!("{other:?}"),
            },
            other => panic!("{other:?}"),
        };
        out.wishes.into_iter().map(numbers).collect()
    }

    /// The same, all together.
    fn sent(sender: &mut Sender, now: u64) -> Vec<u64> {
        records(sender, now).concat()
    }

    #[test]
    fn a_line_goes_by_itself_and_those_that_wait_for_others_go_together() {
        let mut sender = sender(0);
        for n in 1..=WINDOW as u64 {
            sender.say(SUBJECT, Bytes::from_static(b"x")).unwrap();
            assert_eq!(records(&mut sender, 0), [[n]]);
        }
        for _ in 0..MAX_TOGETHER + 2 {
            sender.say(SUBJECT, Bytes::from_static(b"x")).unwrap();
        }
        sender.say(Subject::Server, Bytes::new()).unwrap();
        sender.say(Subject::Server, Bytes::from(vec![0; MAX_BYTES_TOGETHER])).unwrap();
        assert_eq!(records(&mut sender, 0), [[0; 0]; 0]);
        let (window, most) = (WINDOW as u64, MAX_TOGETHER as u64);
        sender.came_back(1, b"x");
        let first: Vec<u64> = (window + 1..=window + most).collect();
        assert_eq!(records(&mut sender, 0), [first]);
        for n in 2..=4 {
            sender.came_back(n, b"x");
        }
        let rest = [1, 2, 3, 4].map(|n| window + most + n);
        let [one, two, three, four] = rest;
        assert_eq!(records(&mut sender, 0), [vec![one, two], vec![three], vec![four]]);
    }

    #[test]
    fn a_record_is_on_its_way_until_its_last_line_has_come_back() {
        let mut sender = sender(WINDOW * MAX_TOGETHER + 1);
        assert_eq!(records(&mut sender, 0).len(), WINDOW);
        for n in 1..MAX_TOGETHER as u64 {
            sender.came_back(n, b"x");
            assert_eq!(sent(&mut sender, 0), [0; 0]);
        }
        sender.came_back(MAX_TOGETHER as u64, b"x");
        assert_eq!(sent(&mut sender, 0).len(), 1);
    }

    #[test]
    fn what_has_not_come_back_is_sent_again_under_its_number() {
        let mut sender = sender(3);
        assert_eq!(sent(&mut sender, 0), [1, 2, 3]);
        sender.came_back(1, b"x");
        sender.send_again();
        assert_eq!(sent(&mut sender, 0), [2, 3]);
        assert_eq!(sender.came_back(1, b"x"), None);
        assert_eq!(sender.came_back(2, b"another's"), None);
        assert_eq!(sender.came_back(3, b"x"), None);
        assert_eq!(sender.came_back(2, b"x"), Some(Ticket(2)));
    }

    #[test]
    fn after_a_line_that_was_not_taken_all_are_sent_again_in_a_while() {
        for answer in [Answer::Refused, Answer::Unknown] {
            let mut sender = sender(2);
            assert_eq!(sent(&mut sender, 0), [1, 2]);
            sender.answered(0, &Answer::Appended(Position(1)), Moment(0));
            sender.say(SUBJECT, Bytes::new());
            assert_eq!(sent(&mut sender, 0), [3]);
            let round = sender.round;
            sender.answered(round, &answer, Moment(10));
            assert_eq!(sent(&mut sender, AGAIN_AFTER), [0; 0]);
            assert_eq!(sent(&mut sender, AGAIN_AFTER + 10), [1, 2, 3]);
            // The other answers of that round change nothing.
            sender.answered(round, &answer, Moment(900));
            assert_eq!(sent(&mut sender, 9_000), [0; 0]);
        }
    }

    #[test]
    fn a_new_life_begins_at_one() {
        let mut sender = sender(3);
        sent(&mut sender, 0);
        sender.came_back(1, b"x");
        let unlogged = sender.begin_anew();
        assert_eq!(unlogged.iter().map(|line| line.ticket.0).collect::<Vec<_>>(), [2, 3]);
        let ticket = sender.say(SUBJECT, Bytes::new()).unwrap();
        assert_eq!((ticket, sent(&mut sender, 0)), (Ticket(4), vec![1]));
    }

    #[test]
    fn too_many_lines_are_not_taken() {
        let mut sender = sender(MAX_LINES);
        assert_eq!(sender.say(SUBJECT, Bytes::new()), None);
        sent(&mut sender, 0);
        sender.came_back(1, b"x");
        assert!(sender.say(SUBJECT, Bytes::new()).is_some());
        let whole = Bytes::from(vec![0; MAX_BYTES]);
        assert_eq!(sender.say(SUBJECT, whole), None);
    }
}
