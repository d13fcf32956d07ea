//! What was said in a lobby, bounded in number and in age.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::name::Name;
use super::person::Person;
use super::pictures::Picture;
use super::text::Text;

/// Wall-clock time in milliseconds since 1970-01-01 UTC.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct UnixMillis(pub u64);

impl UnixMillis {
    /// Time from `self` to `now`; none where the clock was set back meanwhile.
    pub fn until(self, now: Self) -> Duration {
        Duration::from_millis(now.0.saturating_sub(self.0))
    }

    /// The instant that is `time` later.
    pub fn after(self, time: Duration) -> Self {
        Self(self.0.saturating_add(millis(time)))
    }

    /// The same instant on a clock that was set by so many milliseconds.
    pub fn shifted(self, millis: i64) -> Self {
        Self(self.0.saturating_add_signed(millis))
    }

    /// The instant that is `time` earlier, or the first one.
    pub fn before(self, time: Duration) -> Self {
        Self(self.0.saturating_sub(millis(time)))
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// One message, as it was shown to the lobby.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// When it was said.
    pub at: UnixMillis,
    /// The sender's picture at that time.
    pub picture: Picture,
    /// Who said it.
    pub author: Person,
    /// What kind of message it is.
    pub kind: MessageKind,
    /// What was said or done.
    pub text: Text,
}

/// The number by which programs know a message that has this one in its lobby: theirs begin at 1, so that all there
/// is came after 0.
pub fn id_of(seq: u64) -> u64 {
    seq.saturating_add(1)
}

/// The number in its lobby of the message that programs know by this one; none has 0.
pub fn seq_of(id: u64) -> Option<u64> {
    id.checked_sub(1)
}

/// Under whose name Rox's answers stand.
pub const ROX: &str = "Rox";

/// What kind of message something is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MessageKind {
    /// It was said to all.
    Said,
    /// It tells what its author does: `/me`.
    Action,
    /// It was said to all, and tags this user: `/tag`.
    Tag(Name),
    /// It is a question to Rox, as its author said it.
    Asked,
    /// It is an answer of Rox's, as it was shown. Its author is whom it answers: whoever does not hear them is not
    /// shown it.
    Answer,
}

impl MessageKind {
    /// Whether it is part of the talk with Rox, which that knows by itself.
    pub fn is_of_rox(&self) -> bool {
        match self {
            Self::Asked | Self::Answer => true,
            Self::Said | Self::Action | Self::Tag(_) => false,
        }
    }
}

/// Messages that are kept however old they are and however few may be shown: the last five that people said go
/// with a question to Rox, and between them may stand questions and answers.
pub const ALWAYS_KEPT: usize = 15;

/// The newest messages of one lobby with their numbers in it, oldest first.
#[derive(Debug)]
pub struct History {
    entries: VecDeque<(u64, Arc<Entry>)>,
    /// The number of the next message. Numbers rise, whatever the clock does.
    next_seq: u64,
    /// The number of the first message of this process.
    first_seq: u64,
    max_entries: usize,
    max_age: Duration,
    /// Whether the clock has jumped lately: then nothing is too old.
    in_doubt: bool,
}

impl History {
    /// Keeps at most `max_entries`, none older than `max_age`.
    pub fn new(max_entries: usize, max_age: Duration) -> Self {
        Self {
            entries: VecDeque::new(),
            next_seq: 0,
            first_seq: 0,
            max_entries,
            max_age,
            in_doubt: false,
        }
    }

    /// From here on it keeps at most so many, none older than that.
    pub fn set_limits(&mut self, max_entries: usize, max_age: Duration) {
        (self.max_entries, self.max_age) = (max_entries, max_age);
        while self.entries.len() > max_entries.max(ALWAYS_KEPT) {
            self.entries.pop_front();
        }
    }

    /// Its limits: how many messages, how old ones.
    pub fn limits(&self) -> (usize, Duration) {
        (self.max_entries, self.max_age)
    }

    /// Adds what was let go of under other limits, oldest first, each under its own number. What is here
    /// already is left as it is.
    pub fn refill(&mut self, entries: impl DoubleEndedIterator<Item = (u64, Entry)>) {
        let first = self.entries.front().map_or(self.next_seq, |(seq, _)| *seq);
        let room = self.max_entries.saturating_sub(self.entries.len());
        for (seq, entry) in entries.rev().skip_while(|(seq, _)| *seq >= first).take(room) {
            self.entries.push_front((seq, Arc::new(entry)));
        }
    }

    /// Says whether the clock has jumped lately: until it says otherwise, nothing is too old.
    pub fn doubt_clock(&mut self, in_doubt: bool) {
        self.in_doubt = in_doubt;
    }

    /// Adds what was said before, oldest first, each under its own number; `next_seq` is that of the
    /// next message.
    pub fn restore(&mut self, entries: impl IntoIterator<Item = (u64, Entry)>, next_seq: u64) {
        for (seq, entry) in entries {
            self.next_seq = seq;
            self.push(Arc::new(entry));
        }
        self.next_seq = self.next_seq.max(next_seq);
        self.first_seq = self.next_seq;
    }

    /// The connections of all messages are told apart, also of those of other processes, as in a cluster.
    pub fn know_all_connections(&mut self) {
        self.first_seq = 0;
    }

    /// The number of the first message of this process: those before it were restored.
    pub fn first_seq(&self) -> u64 {
        self.first_seq
    }

    /// Takes messages out, by their numbers, which rise.
    pub fn remove(&mut self, seqs: &[u64]) {
        self.entries.retain(|(seq, _)| seqs.binary_search(seq).is_err());
    }

    /// The number of the next message: of all that comes after this instant it is the least.
    pub fn next_seq(&self) -> u64 {
        self.next_seq
    }

    /// Adds the newest message, lets go of what is over the limits, and gives the message its number.
    pub fn push(&mut self, entry: Arc<Entry>) -> u64 {
        let (now, seq) = (entry.at, self.next_seq);
        self.next_seq += 1;
        self.entries.push_back((seq, entry));
        while self.entries.len() > self.max_entries.max(ALWAYS_KEPT) {
            self.entries.pop_front();
        }
        self.expire(now);
        seq
    }

    /// Takes everything out; the limits stay.
    pub fn take(&mut self) -> Self {
        Self { entries: std::mem::take(&mut self.entries), ..*self }
    }

    /// What a user who joins at `now` is shown, oldest first, with the number of each: from the first
    /// message on that is not too old, whatever the clock said after that.
    pub fn recent(
        &mut self,
        now: UnixMillis,
    ) -> impl DoubleEndedIterator<Item = (u64, &Arc<Entry>)> {
        self.expire(now);
        let old = self.entries.iter().take_while(|(_, entry)| self.is_old(entry, now)).count();
        let over = self.entries.len().saturating_sub(self.max_entries);
        self.entries.range(old.max(over)..).map(|(seq, entry)| (*seq, entry))
    }

    /// The newest `count` messages that people said to each other, oldest first, each with its number: without
    /// the talk with Rox, and without what bots and hooks say.
    pub fn last(&self, count: usize) -> impl Iterator<Item = (u64, &Entry)> {
        let said = |(_, entry): &&(u64, Arc<Entry>)| !entry.kind.is_of_rox() && !entry.author.bot;
        let over = self.entries.iter().filter(said).count().saturating_sub(count);
        let newest = self.entries.iter().filter(said).skip(over);
        newest.map(|(seq, entry)| (*seq, &**entry))
    }

    fn expire(&mut self, now: UnixMillis) {
        while self.entries.len() > ALWAYS_KEPT
            && self.entries.front().is_some_and(|(_, entry)| self.is_old(entry, now))
        {
            self.entries.pop_front();
        }
    }

    fn is_old(&self, entry: &Entry, now: UnixMillis) -> bool {
        !self.in_doubt && entry.at.until(now) > self.max_age
    }
}

/// How long ago something was said, in the unit that people would use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Age {
    /// Under five seconds.
    JustNow,
    /// A count of seconds (`s`), minutes (`m`), hours (`h`) or days (`d`), rounded down.
    Ago(u64, char),
}

impl Age {
    /// The age of something that happened `elapsed` ago.
    pub fn of(elapsed: Duration) -> Self {
        match elapsed.as_secs() {
            0..5 => Self::JustNow,
            s @ 5..60 => Self::Ago(s, 's'),
            s @ 60..3_600 => Self::Ago(s / 60, 'm'),
            s @ 3_600..86_400 => Self::Ago(s / 3_600, 'h'),
            s => Self::Ago(s / 86_400, 'd'),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(at: u64, text: &str) -> Entry {
        Entry {
            at: UnixMillis(at),
            picture: Picture::DEFAULT,
            author: Person::example(1, "alice"),
            kind: MessageKind::Said,
            text: Text::clean(text),
        }
    }

    fn texts(history: &mut History, now: u64) -> Vec<String> {
        history.recent(UnixMillis(now)).map(|(_, e)| e.text.as_str().to_owned()).collect()
    }

    #[test]
    fn messages_of_one_millisecond_are_told_apart_by_their_numbers() {
        let mut history = History::new(10, Duration::from_secs(10));
        history.restore([(3, entry(7, "stored")), (8, entry(7, "after a gap"))], 9);
        assert_eq!(history.push(Arc::new(entry(7, "before"))), 9);
        let left = history.next_seq();
        assert_eq!(history.push(Arc::new(entry(7, "after"))), left);
        let numbers: Vec<_> = history.recent(UnixMillis(7)).map(|(seq, _)| seq).collect();
        assert_eq!(numbers, [3, 8, 9, 10]);
        let mut taken = history.take();
        assert_eq!((history.next_seq(), taken.push(entry(7, "on").into())), (11, 11));
        // What was lost, or deleted, is no reason to give a number again.
        let mut history = History::new(10, Duration::from_secs(10));
        history.restore([(3, entry(7, "stored"))], 20);
        assert_eq!(history.push(Arc::new(entry(7, "new"))), 20);
    }

    #[test]
    fn what_is_removed_is_gone_and_its_numbers_are_not_given_again() {
        let mut history = History::new(10, Duration::from_secs(10));
        history.restore([(3, entry(0, "stored"))], 5);
        for text in ["five", "six", "seven"] {
            history.push(Arc::new(entry(0, text)));
        }
        history.remove(&[3, 6, 7, 99]);
        assert_eq!(texts(&mut history, 0), ["five"]);
        assert_eq!((history.first_seq(), history.next_seq()), (5, 8));
        assert_eq!(history.last(9).count(), 1, "nor does it go with a question to Rox");
        assert_eq!(history.take().first_seq(), 5);
    }

    #[test]
    fn bounded_by_number_and_by_age() {
        let mut history = History::new(3, Duration::from_secs(10));
        for i in 0..5 {
            history.push(Arc::new(entry(i * 1_000, &i.to_string())));
        }
        assert_eq!(texts(&mut history, 4_000), ["2", "3", "4"]);
        assert_eq!(texts(&mut history, 12_000), ["2", "3", "4"]);
        assert_eq!(texts(&mut history, 12_001), ["3", "4"]);
        assert!(texts(&mut history, 60_000).is_empty());
    }

    #[test]
    fn other_limits_hold_at_once() {
        let mut history = History::new(20, Duration::from_secs(10));
        for i in 0..28 {
            history.push(Arc::new(entry(i * 1_000, &i.to_string())));
        }
        history.set_limits(2, Duration::from_secs(10));
        assert_eq!(texts(&mut history, 27_000), ["26", "27"]);
        assert_eq!(history.last(99).count(), ALWAYS_KEPT, "for questions to Rox");
        history.set_limits(20, Duration::from_secs(3));
        assert_eq!(texts(&mut history, 28_000), ["25", "26", "27"]);
        history.set_limits(20, Duration::from_secs(100));
        assert_eq!(texts(&mut history, 28_000).len(), ALWAYS_KEPT, "what there still is");
    }

    #[test]
    fn what_was_let_go_of_comes_back_before_what_is_there() {
        let mut history = History::new(15, Duration::from_secs(10));
        history.restore((0..40).map(|i| (i, entry(0, &i.to_string()))), 40);
        history.remove(&[37]);
        let stored =
            || (20..40).filter(|i| *i != 37).map(|i| (i, entry(0, &format!("stored {i}"))));
        let stored = || stored().collect::<Vec<_>>().into_iter();
        history.refill(stored());
        let shown = texts(&mut history, 1);
        assert_eq!((&shown[..2], shown.len()), (&["stored 24".into(), "25".into()][..], 15));
        history.set_limits(17, Duration::from_secs(10));
        assert_eq!(history.push(Arc::new(entry(1, "new"))), 40, "numbers go on");
        history.refill(stored());
        let shown = texts(&mut history, 1);
        assert_eq!(shown[..3], ["stored 23", "stored 24", "25"].map(str::to_owned));
        assert_eq!((shown.len(), shown.last().map(String::as_str)), (17, Some("new")));
        // One of which nothing is left takes what was said before its next message.
        let mut history = History::new(5, Duration::from_secs(10));
        history.restore([], 25);
        history.refill(stored());
        let numbers: Vec<_> = history.recent(UnixMillis(0)).map(|(seq, _)| seq).collect();
        assert_eq!(numbers, [20, 21, 22, 23, 24]);
    }

    #[test]
    fn the_last_few_are_the_newest_oldest_first() {
        let mut history = History::new(100, Duration::from_secs(10));
        for i in 0..8 {
            history.push(Arc::new(entry(i, &i.to_string())));
        }
        let last: Vec<_> = history.last(5).map(|(_, e)| e.text.as_str().to_owned()).collect();
        assert_eq!(last, ["3", "4", "5", "6", "7"]);
    }

    #[test]
    fn the_talk_with_rox_is_shown_again_and_goes_with_no_question() {
        let mut history = History::new(100, Duration::from_secs(10));
        for (at, kind) in
            [MessageKind::Said, MessageKind::Asked, MessageKind::Answer, MessageKind::Action]
                .into_iter()
                .enumerate()
        {
            let kind = Entry { kind, ..entry(at as u64, &at.to_string()) };
            history.push(Arc::new(kind));
        }
        assert_eq!(texts(&mut history, 4), ["0", "1", "2", "3"]);
        let last: Vec<_> = history.last(5).map(|(seq, _)| seq).collect();
        assert_eq!(last, [0, 3]);
    }

    #[test]
    fn the_last_few_outlive_their_age_but_are_not_shown() {
        let mut history = History::new(2, Duration::from_secs(10));
        for i in 0..28 {
            history.push(Arc::new(entry(i, &i.to_string())));
        }
        assert_eq!(texts(&mut history, 28), ["26", "27"]);
        assert!(texts(&mut history, 60_000).is_empty());
        assert_eq!(history.last(99).count(), ALWAYS_KEPT);
    }

    #[test]
    fn a_clock_set_back_makes_nothing_old() {
        let mut history = History::new(3, Duration::from_secs(10));
        history.push(Arc::new(entry(1_000_000, "x")));
        assert_eq!(texts(&mut history, 5), ["x"]);
        assert_eq!(UnixMillis(9).until(UnixMillis(3)), Duration::ZERO);
        // What was said while it was set back comes after what is not old.
        let mut history = History::new(9, Duration::from_secs(10));
        for (at, text) in [(90_000, "old"), (100_000, "before"), (20_000, "meanwhile")] {
            history.push(Arc::new(entry(at, text)));
        }
        assert_eq!(texts(&mut history, 101_000), ["before", "meanwhile"]);
    }

    #[test]
    fn nothing_is_old_while_the_clock_is_in_doubt() {
        let mut history = History::new(9, Duration::from_secs(10));
        for at in 0..8 {
            history.push(Arc::new(entry(at, &at.to_string())));
        }
        history.doubt_clock(true);
        history.push(Arc::new(entry(1_000_000, "set ahead")));
        assert_eq!(texts(&mut history, 1_000_000).len(), 9);
        history.doubt_clock(false);
        assert_eq!(texts(&mut history, 1_000_000), ["set ahead"]);
    }

    #[test]
    fn ages_read_as_people_say_them() {
        for (secs, want) in [
            (0, Age::JustNow),
            (4, Age::JustNow),
            (5, Age::Ago(5, 's')),
            (59, Age::Ago(59, 's')),
            (60, Age::Ago(1, 'm')),
            (3_599, Age::Ago(59, 'm')),
            (3_600, Age::Ago(1, 'h')),
            (86_399, Age::Ago(23, 'h')),
            (86_400, Age::Ago(1, 'd')),
            (30 * 86_400, Age::Ago(30, 'd')),
        ] {
            assert_eq!(Age::of(Duration::from_secs(secs)), want, "{secs}");
        }
        assert_eq!(Age::of(Duration::from_millis(4_999)), Age::JustNow);
    }
}
