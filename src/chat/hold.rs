//! What somebody typed over the rate limit: what of it waits, what goes out when, and what they are told.
//!
//! A [`Hold`] is a machine without a clock. Lines are [offered](Hold::offer) to it, [`Hold::next`] says what
//! is to be done now, and [`Hold::pause`] what is to be told once a burst is over. Each line that it takes
//! comes out once and in the order typed: in a row of a message, to be carried out, or counted as not sent.
//!
//! Only messages wait. Anything else overtakes them, but for that of a client that has closed its sending
//! side: a script's lines keep their order. Whether it has is not known before a burst has paused, so in a
//! burst the first line that depends on it is left lying until then.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::text::{Line, MAX_ROWS, Text};

/// Bytes of text that wait for one user: a paste of two screens, and what a line may have.
pub const MAX_HELD_BYTES: usize = 8 * 1024;

/// A burst of lines is over when nothing has come for so long: longer than a paste stops between two
/// packets, and too short for anybody to wonder where their line is.
pub const BURST_PAUSE: Duration = Duration::from_millis(200);

/// Characters of the first line that was not sent by which its sender knows it again.
const NAMED_CHARS: usize = 40;

/// How much may wait, and how much a message may have.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Lines that wait; 0 for none.
    pub lines: usize,
    /// Characters of a message, its rows together.
    pub message_chars: usize,
}

/// A line that was typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Typed<C> {
    /// A message.
    Message(Line),
    /// Anything else, and the words by which it is named where it is lost.
    Other(C, Line),
}

/// What becomes of a line that is offered.
#[derive(Debug, PartialEq, Eq)]
pub enum Offered<C> {
    /// It waits.
    Kept,
    /// Too much waits: it is named when the burst is over.
    Refused,
    /// It overtakes what waits.
    Now(C, Line),
}

/// What is to be done now.
#[derive(Debug, PartialEq, Eq)]
pub enum Next<C> {
    /// This message may be due. What came of it is told by [`Hold::sent`] or [`Hold::shut`].
    Message(Text),
    /// It is its turn. One that is over its own limit may be laid back by [`Hold::again`].
    Other(C, Line),
    /// A line that had waited for room was refused.
    Refused,
    /// Nothing, before [`Hold::wakes_at`].
    Nothing,
}

/// What is known of whether more can come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    /// Nothing, in this burst.
    Unknown,
    /// The sending side was open when this burst had paused.
    Open,
    /// The client has closed its sending side.
    Closed,
}

/// Lines that were not sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotSent {
    /// How many.
    pub lines: usize,
    /// The beginning of the first.
    pub first: Line,
}

impl NotSent {
    /// So many, of which these words are the first.
    pub fn of(first: &Text, lines: usize) -> Self {
        let first = first.as_str().lines().next().unwrap_or_default();
        Self { lines, first: Line::clean(first.trim_start()).beginning(NAMED_CHARS) }
    }
}

/// What is told once a burst is over.
#[derive(Debug, PartialEq, Eq)]
pub struct Told {
    /// So many lines are kept, some of which came in this burst.
    pub kept: Option<usize>,
    /// What came in this burst and was refused.
    pub not_sent: Option<NotSent>,
}

#[derive(Debug)]
struct Row {
    number: u64,
    /// An empty line stood before it.
    apart: bool,
    text: Line,
}

#[derive(Debug)]
struct Lost {
    number: u64,
    what: NotSent,
}

/// What waits for one user. `C` is whatever is no message.
#[derive(Debug)]
pub struct Hold<C> {
    limits: Limits,
    rows: VecDeque<Row>,
    bytes: usize,
    /// Rows of the message that is on its way to the lobby.
    going: usize,
    /// The line that came last, where nothing more is taken before it is known what becomes of it.
    next: Option<(u64, Typed<C>)>,
    ending: Ending,
    /// When the last line of a burst came that is not over.
    burst: Option<Instant>,
    /// An empty line came after the last row.
    apart: bool,
    /// Lines of this burst are kept, which has not been told.
    untold: bool,
    lost: Option<Lost>,
    /// When a message may be let through.
    opens: Option<Instant>,
    /// Lines so far.
    count: u64,
}

impl<C> Hold<C> {
    /// Where nothing waits.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            rows: VecDeque::new(),
            bytes: 0,
            going: 0,
            next: None,
            ending: Ending::Unknown,
            burst: None,
            apart: false,
            untold: false,
            lost: None,
            opens: None,
            count: 0,
        }
    }

    /// From here on these limits hold. What waits is kept.
    pub fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
    }

    /// The limit may be another one: whether a message may be let through is to be asked now.
    pub fn look_again(&mut self) {
        self.opens = None;
    }

    /// Messages that wait.
    pub fn lines(&self) -> usize {
        self.rows.len() + usize::from(matches!(self.next, Some((_, Typed::Message(_)))))
    }

    /// Bytes of their text.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether anything waits: whatever comes then has to be offered.
    pub fn waits(&self) -> bool {
        !self.rows.is_empty() || self.next.is_some()
    }

    /// Whether a line may be offered. None may before it is known what becomes of the last.
    pub fn takes_lines(&self) -> bool {
        self.next.is_none()
    }

    /// Whether it matters now that the client may have closed its sending side.
    pub fn asks_for_end(&self) -> bool {
        self.next.is_some() && self.ending != Ending::Closed
    }

    /// Whether it is known to have.
    pub fn is_closed(&self) -> bool {
        self.ending == Ending::Closed
    }

    /// The client has closed its sending side.
    pub fn close(&mut self) {
        self.ending = Ending::Closed;
    }

    /// Takes a line over the limit, or any while others wait.
    pub fn offer(&mut self, line: Typed<C>, now: Instant) -> Offered<C> {
        let number = self.comes(now);
        match line {
            Typed::Message(text) if self.has_room(&text) => {
                self.keep(number, text);
                Offered::Kept
            }
            Typed::Message(text) if self.limits.lines == 0 || self.ending == Ending::Open => {
                self.lose(number, &text);
                Offered::Refused
            }
            Typed::Other(what, words) if self.ending == Ending::Open => Offered::Now(what, words),
            line => {
                self.next = Some((number, line));
                Offered::Kept
            }
        }
    }

    /// Whether a line that comes now stands among others that wait, as in a paste.
    pub fn goes_on(&self, now: Instant) -> bool {
        !self.rows.is_empty() && self.burst.is_some_and(|last| now < last + BURST_PAUSE)
    }

    /// Takes an empty line, as one between two rows; not where none of this burst waits.
    pub fn offer_blank(&mut self, now: Instant) -> bool {
        let between = self.burst.is_some() && !self.rows.is_empty();
        if between {
            self.burst = Some(now);
            self.apart = true;
        }
        between
    }

    /// Counts a line that was refused without a word.
    pub fn refused(&mut self, words: &Line, now: Instant) {
        let number = self.comes(now);
        self.lose(number, words);
    }

    /// What is to be done now.
    pub fn next(&mut self, now: Instant) -> Next<C> {
        let open = self.opens.is_none_or(|opens| opens <= now);
        if open && !self.rows.is_empty() {
            return Next::Message(self.pack());
        }
        let paused = self.burst.is_none_or(|last| now >= last + BURST_PAUSE);
        if self.next.is_some() && self.ending == Ending::Unknown && paused {
            self.ending = Ending::Open;
        }
        match self.next.take() {
            None => Next::Nothing,
            Some((number, Typed::Message(text))) if self.has_room(&text) => {
                self.keep(number, text);
                self.next(now)
            }
            // Where none may wait, none of a script does: that was allowed when it was typed.
            Some((number, Typed::Message(text)))
                if self.ending == Ending::Open || self.limits.lines == 0 =>
            {
                self.lose(number, &text);
                Next::Refused
            }
            Some((_, Typed::Other(what, words)))
                if self.ending == Ending::Open || (open && self.rows.is_empty()) =>
            {
                Next::Other(what, words)
            }
            next => {
                self.next = next;
                Next::Nothing
            }
        }
    }

    /// The message of [`Hold::next`] was said.
    pub fn sent(&mut self) {
        for row in self.rows.drain(..self.going) {
            self.bytes -= row.text.as_str().len();
        }
        self.going = 0;
        self.opens = None;
        self.tidy();
    }

    /// No message is let through before `opens`; nor was that of [`Hold::next`].
    pub fn shut(&mut self, opens: Instant) {
        self.going = 0;
        self.opens = Some(opens);
    }

    /// What was to be carried out is over its limit until `opens`: a script's waits for that.
    pub fn again(&mut self, what: C, words: Line, opens: Instant) {
        self.next = Some((self.count, Typed::Other(what, words)));
        self.opens = Some(opens);
    }

    /// How long a message has to wait.
    pub fn wait(&self, now: Instant) -> Duration {
        self.opens.map_or(Duration::ZERO, |opens| opens.saturating_duration_since(now))
    }

    /// Nothing more is there to be read: what is to be told, where a burst is over by that.
    pub fn pause(&mut self, now: Instant) -> Option<Told> {
        let closed = self.ending == Ending::Closed;
        let last = self.burst?;
        if !closed && (self.next.is_some() || now < last + BURST_PAUSE) {
            return None;
        }
        self.burst = None;
        self.apart = false;
        if !closed {
            self.ending = Ending::Unknown;
        }
        let kept = std::mem::take(&mut self.untold).then(|| self.lines()).filter(|kept| *kept > 0);
        let not_sent = self.lost.take().map(|lost| lost.what);
        (kept.is_some() || not_sent.is_some()).then_some(Told { kept, not_sent })
    }

    /// When there may be something to do, or to tell where nothing more is there to be read (`idle`).
    pub fn wakes_at(&self, idle: bool) -> Option<Instant> {
        let waits = !self.rows.is_empty() || (self.is_closed() && self.next.is_some());
        let window = self.opens.filter(|_| waits);
        let asks = (idle || self.next.is_some()) && !self.is_closed();
        let pause = self.burst.filter(|_| asks).map(|last| last + BURST_PAUSE);
        [window, pause].into_iter().flatten().min()
    }

    /// Drops the messages that wait, but for one on its way. What is not sent by that, and what of this
    /// burst was refused before.
    pub fn drop_messages(&mut self) -> Option<NotSent> {
        let rows: Vec<Row> = self.rows.drain(self.going..).collect();
        for row in rows {
            self.bytes -= row.text.as_str().len();
            self.lose(row.number, &row.text);
        }
        if let Some((number, Typed::Message(text))) =
            self.next.take_if(|(_, line)| matches!(line, Typed::Message(_)))
        {
            self.lose(number, &text);
        }
        self.untold = false;
        self.tidy();
        self.lost.take().map(|lost| lost.what)
    }

    /// Drops everything: it was typed for a lobby that its user is not in any more. What is not sent by that.
    pub fn drop_all(&mut self) -> Option<NotSent> {
        if let Some((number, Typed::Other(_, words))) =
            self.next.take_if(|(_, line)| matches!(line, Typed::Other(..)))
        {
            self.lose(number, &words);
        }
        self.drop_messages()
    }

    /// The same at the end of a connection; a message that was on its way is sent.
    pub fn end(mut self) -> Option<NotSent> {
        self.drop_all()
    }

    /// A line comes: its number.
    fn comes(&mut self, now: Instant) -> u64 {
        self.burst = Some(now);
        self.count += 1;
        self.count
    }

    fn has_room(&self, text: &Line) -> bool {
        // One alone always has: it is no longer than a line may be.
        let bytes = self.rows.is_empty() || self.bytes + text.as_str().len() <= MAX_HELD_BYTES;
        bytes && self.rows.len() < self.limits.lines
    }

    fn keep(&mut self, number: u64, text: Line) {
        // A script is told once of all that waits: there is nobody to wonder about each burst.
        self.untold |= !self.is_closed() || self.rows.is_empty();
        self.bytes += text.as_str().len();
        let apart = std::mem::take(&mut self.apart);
        self.rows.push_back(Row { number, apart, text });
    }

    fn lose(&mut self, number: u64, words: &Line) {
        let named = || Line::clean(words.as_str().trim_start()).beginning(NAMED_CHARS);
        match &mut self.lost {
            Some(lost) => {
                lost.what.lines += 1;
                if number < lost.number {
                    (lost.number, lost.what.first) = (number, named());
                }
            }
            None => self.lost = Some(Lost { number, what: NotSent { lines: 1, first: named() } }),
        }
    }

    /// The next message: as many rows as fit into one, at least one.
    fn pack(&mut self) -> Text {
        let nothing = Line::default();
        let (mut rows, mut chars) = (Vec::new(), 0);
        self.going = 0;
        for row in &self.rows {
            let blank = usize::from(row.apart && self.going > 0);
            chars += row.text.chars();
            let fits = rows.len() + blank < MAX_ROWS && chars <= self.limits.message_chars;
            if self.going > 0 && !fits {
                break;
            }
            rows.extend((blank > 0).then_some(&nothing));
            rows.push(&row.text);
            self.going += 1;
        }
        Text::of_rows(rows)
    }

    /// Gives memory back that only a burst needs.
    fn tidy(&mut self) {
        if self.rows.is_empty() {
            self.rows = VecDeque::new();
            self.apart = false;
        }
    }
}

#[cfg(test)]
use crate::clock::now as some_instant;
#[cfg(test)]
#[path = "hold_tests.rs"]
mod tests;
