//! The editor of a line, for terminals that send keys one by one: bytes to keys, keys to a draft, and what
//! comes of it. It draws nothing.
//!
//! Keys do what they do in GNU Readline's emacs mode (its manual, §8.4), with one slot for what was killed.

mod buffer;
mod history;
mod keys;

use std::borrow::Cow;
use std::fmt;

use unicode_segmentation::UnicodeSegmentation;

use self::buffer::Buffer;
pub use self::buffer::MAX_DRAFT_BYTES;
use self::history::History;
pub use self::history::{MAX_HISTORY_BYTES, MAX_HISTORY_LINES};
use self::keys::{Key, Keys, Read};
use super::command::complete::{self, Completion};

/// What a character of a password is drawn as.
const HIDDEN: char = '*';

/// What a line end inside of a draft is drawn as.
const LINE_END: char = '⏎';

/// What a draft is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Asks {
    /// A message or a command.
    #[default]
    Chat,
    /// A name: shown, and neither kept nor completed.
    Name,
    /// A password: nothing of it is drawn or kept.
    Secret,
}

/// What others have to know of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Happened {
    /// Enter: the draft was this, and is empty now. Between its rows, where a paste had some, stands LF; at its end
    /// none.
    Line(String),
    /// Enter, with a draft of which not all fits in [`MAX_DRAFT_BYTES`]. It stays, as far as it does.
    TooLong,
    /// Tab behind a word: to be answered by [`Editor::complete`].
    Complete(Wanted),
    /// Ctrl-C where there is no draft.
    Interrupted,
    /// Ctrl-D where there is no draft.
    End,
    /// Ctrl-L: the screen is to be cleared, and the draft drawn anew.
    Clear,
    /// Ctrl-R: the draft is to be drawn anew.
    Redraw,
    /// The terminal says where its cursor is, from 1 on. Shift-F3 and the like say row 1, too.
    Position {
        /// From the top.
        row: u16,
        /// From the left.
        column: u16,
    },
    /// Keys have taken work that counts as so many bytes, beyond their own: it is another's turn.
    Worked(usize),
}

/// What a key counts as beyond its bytes, of some 10 ns each: a few places are looked at for where a character
/// begins.
const KEY_WORK_BYTES: usize = 16;

/// Bytes of a draft for one that counts, where a key copies it.
const COPIED_BYTES: usize = 16;

/// How often a Tab has the line read as the parser of commands will: for a password here and where it is drawn, for the
/// word here and where that is answered.
const TAB_READS: usize = 4;

/// Work after which others are told of it, some 0.2 ms.
const MAX_WORK_BYTES: usize = 16 * 1024;

/// What is to be completed.
#[derive(Clone, PartialEq, Eq)]
pub struct Wanted {
    /// The draft up to the cursor, for [`complete::sought`].
    pub before: String,
    /// Tab was pressed before, and nothing else since: whatever more than one candidate there are is to be
    /// listed.
    pub again: bool,
    /// What this and the keys before it have taken, as of [`Happened::Worked`].
    pub work: usize,
}

/// What users write is in no log.
impl fmt::Debug for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Wanted({} bytes, again: {})", self.before.len(), self.again)
    }
}

/// A draft as it is drawn: without controls, passwords hidden, line ends as a sign.
#[derive(Clone, PartialEq, Eq)]
pub struct Draft<'a> {
    /// What is drawn.
    pub text: Cow<'a, str>,
    /// Where in it the cursor stands, in bytes: between two characters as people see them.
    pub cursor: usize,
}

impl fmt::Debug for Draft<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Draft({} of {} bytes)", self.cursor, self.text.len())
    }
}

/// A line that is being typed, with what was typed before.
#[derive(Default)]
pub struct Editor {
    keys: Keys,
    draft: Buffer,
    asks: Asks,
    history: History,
    /// What Ctrl-Y puts in.
    killed: String,
    /// The last key killed something: what the next one kills goes with it.
    killing: bool,
    /// The last Tab.
    tab: Option<Tab>,
    /// What keys have taken since others were told of it.
    work: usize,
}

/// Every connection of a terminal has one.
const _: () = assert!(size_of::<Editor>() <= 256);

/// A Tab that was pressed.
#[derive(Clone, Copy)]
struct Tab {
    /// Of the draft as the Tab left it, so that whatever changes it since shows.
    revision: u32,
    /// Where the word begins.
    start: usize,
    /// Where the cursor stands behind it.
    end: usize,
}

impl fmt::Debug for Editor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Editor({} bytes)", self.draft.text().len())
    }
}

impl Editor {
    /// With an empty draft for a message.
    pub fn new() -> Self {
        Self::default()
    }

    /// What the draft is for from now on. What stands there stays.
    pub fn set_asks(&mut self, asks: Asks) {
        if self.asks != asks {
            self.asks = asks;
            self.history.leave();
            self.draft.touch();
        }
    }

    /// Takes bytes off `input` up to the next thing that others have to know of; none where all are taken.
    pub fn next(&mut self, input: &mut &[u8]) -> Option<Happened> {
        while let Some(read) = self.keys.next(input) {
            let happened = self.read(read);
            if happened.is_some() {
                return happened;
            }
            if self.work >= MAX_WORK_BYTES {
                return Some(Happened::Worked(std::mem::take(&mut self.work)));
            }
        }
        None
    }

    /// Takes what was typed before the editor was there: the beginning of a line. What happens in it goes
    /// unnoticed.
    pub fn start_with(&mut self, bytes: &[u8]) {
        let mut input = bytes;
        while self.next(&mut input).is_some() {}
    }

    /// Whether nothing is typed.
    pub fn is_empty(&self) -> bool {
        self.draft.is_empty()
    }

    /// Another number whenever something else is to be drawn.
    pub fn revision(&self) -> u32 {
        self.draft.revision()
    }

    /// The draft, to be drawn.
    pub fn draft(&self) -> Draft<'_> {
        let (text, cursor) = (self.draft.text(), self.draft.settled());
        let secret = match self.asks {
            Asks::Secret => return Draft { text: Cow::Borrowed(""), cursor: 0 },
            Asks::Name => None,
            Asks::Chat => complete::secret(text),
        };
        if secret.is_none() && !text.contains('\n') {
            return Draft { text: Cow::Borrowed(text), cursor };
        }
        let secret = secret.unwrap_or_default();
        let (mut shown, mut at) = (String::with_capacity(text.len()), None);
        for (start, character) in text.grapheme_indices(true) {
            if start >= cursor {
                at.get_or_insert(shown.len());
            }
            if start < secret.end && secret.start < start + character.len() {
                shown.push(HIDDEN);
            } else if character == "\n" {
                shown.push(LINE_END);
            } else {
                shown.push_str(character);
            }
        }
        // A mark that stood alone stands on the sign before it now.
        let cursor = buffer::settle(&shown, at.unwrap_or(shown.len()));
        Draft { text: Cow::Owned(shown), cursor }
    }

    /// A line that was refused is the draft again, unless something else is typed already: then it is where all
    /// lines are, in the history.
    pub fn put_back(&mut self, line: &str) {
        if self.draft.is_empty() {
            self.history.take_back(line);
            self.history.leave();
            self.draft.replace(line);
        }
    }

    /// What the word may become that [`Happened::Complete`] asked for. It becomes what all candidates begin
    /// with, and where there is one, that and its tail. Does nothing where the draft has changed since.
    pub fn complete(&mut self, found: &Completion) {
        let Some(tab) = self.tab.filter(|tab| tab.revision == self.revision()) else { return };
        let [first, others @ ..] = &found.candidates[..] else { return };
        let common =
            others.iter().fold(first.as_str(), |common, other| common_start(common, other));
        let Some(word) = self.draft.text().get(tab.start..tab.end) else { return };
        let only = others.is_empty();
        if !only && common.chars().count() <= word.chars().count() {
            return;
        }
        let mut tail = if only { found.tail } else { "" };
        let mut over = 0;
        // The blank of the tail is there already.
        if let Some(shorter) = tail.strip_suffix(' ')
            && self.draft.text()[tab.end..].starts_with(' ')
        {
            (tail, over) = (shorter, 1);
        }
        self.draft.remove(tab.start..tab.end);
        self.draft.insert(common);
        self.draft.insert(tail);
        let end = self.draft.settled() + over;
        self.draft.go(end);
        self.tab = Some(Tab { revision: self.revision(), start: tab.start, end });
    }

    fn read(&mut self, read: Read<'_>) -> Option<Happened> {
        match read {
            Read::Key(key) => {
                let (len, at) = self.draft.extent();
                let mut happened = self.key(key);
                let (new_len, new_at) = self.draft.extent();
                let way = len.abs_diff(new_len) + at.abs_diff(new_at);
                let read = match key {
                    Key::Complete if self.draft.text().is_ascii() => TAB_READS * len,
                    // Each character of others is looked up several times.
                    Key::Complete => 2 * TAB_READS * len,
                    _ => new_len / COPIED_BYTES,
                };
                self.work += KEY_WORK_BYTES + way + read;
                if let Some(Happened::Complete(wanted)) = &mut happened {
                    // Whoever only presses Tab has no other keys after which it would be told.
                    wanted.work = std::mem::take(&mut self.work);
                }
                return happened;
            }
            Read::Position { row, column } => return Some(Happened::Position { row, column }),
            Read::Text(text) => self.draft.insert(text),
            Read::Char(c) => self.draft.insert(c.encode_utf8(&mut [0; 4])),
            Read::LineEnd => self.draft.insert("\n"),
        }
        self.killing = false;
        None
    }

    fn key(&mut self, key: Key) -> Option<Happened> {
        let killing = std::mem::take(&mut self.killing);
        let at = self.draft.settle();
        let text = self.draft.text();
        match key {
            Key::Enter => return Some(self.enter()),
            Key::Left => self.draft.go(self.draft.before(at)),
            Key::Right => self.draft.go(self.draft.behind(at)),
            Key::WordLeft => self.draft.go(self.draft.word_before(at)),
            Key::WordRight => self.draft.go(self.draft.word_behind(at)),
            Key::Home => self.draft.go(0),
            Key::End => self.draft.go(text.len()),
            Key::Up | Key::Down if self.asks != Asks::Chat => {}
            Key::Up => {
                if let Some(line) = self.history.up(self.draft.text()) {
                    self.draft.replace(line);
                }
            }
            Key::Down => {
                if let Some(line) = self.history.down() {
                    self.draft.replace(&line);
                }
            }
            Key::Backspace => _ = self.draft.remove(self.draft.before(at)..at),
            Key::DeleteOrEnd if text.is_empty() => return Some(Happened::End),
            Key::Delete | Key::DeleteOrEnd => _ = self.draft.remove(at..self.draft.behind(at)),
            Key::KillToStart => self.kill_back(0, at, killing),
            Key::KillBlankWord => self.kill_back(self.draft.blank_word_before(at), at, killing),
            Key::KillWordLeft => self.kill_back(self.draft.word_before(at), at, killing),
            Key::KillToEnd => self.kill_on(at, text.len(), killing),
            Key::KillWordRight => self.kill_on(at, self.draft.word_behind(at), killing),
            Key::Yank => self.draft.put(&self.killed),
            Key::Transpose => self.draft.transpose(),
            Key::Complete => return self.wanted(at).map(Happened::Complete),
            Key::Interrupt if text.is_empty() => {
                self.history.leave();
                return Some(Happened::Interrupted);
            }
            Key::Interrupt => {
                self.history.leave();
                let dropped = self.draft.take();
                self.keep_killed(dropped);
            }
            Key::Clear => return Some(Happened::Clear),
            Key::Redraw => return Some(Happened::Redraw),
        }
        None
    }

    fn enter(&mut self) -> Happened {
        self.killing = false;
        if self.draft.is_overfull() {
            return Happened::TooLong;
        }
        let mut line = self.draft.take();
        line.truncate(line.trim_end_matches('\n').len());
        self.history.leave();
        if self.asks == Asks::Chat && !line.trim().is_empty() && complete::secret(&line).is_none() {
            self.history.add(&line);
        }
        Happened::Line(line)
    }

    fn kill_back(&mut self, start: usize, end: usize, killing: bool) {
        let mut killed = self.draft.remove(start..end);
        if killed.is_empty() {
            return;
        }
        if killing {
            killed.push_str(&self.killed);
        }
        self.keep_killed(killed);
        self.killing = true;
    }

    fn kill_on(&mut self, start: usize, end: usize, killing: bool) {
        let killed = self.draft.remove(start..end);
        if killed.is_empty() {
            return;
        }
        let before = if killing { std::mem::take(&mut self.killed) } else { String::new() };
        self.keep_killed(before + &killed);
        self.killing = true;
    }

    /// Ctrl-Y must not show a password where that would be seen.
    fn keep_killed(&mut self, killed: String) {
        if self.asks != Asks::Secret {
            self.killed = killed;
        }
    }

    /// What Tab asks for, where the word before the cursor may be known to others.
    fn wanted(&mut self, at: usize) -> Option<Wanted> {
        let before = &self.draft.text()[..at];
        let secret = complete::secret(self.draft.text()).is_some_and(|secret| secret.start < at);
        if self.asks != Asks::Chat || secret || complete::sought(before).is_none() {
            return None;
        }
        let revision = self.revision();
        let again = self.tab.is_some_and(|tab| tab.revision == revision);
        let wanted = Wanted { before: before.to_owned(), again, work: 0 };
        self.tab = Some(Tab { revision, start: complete::last_word(before), end: at });
        Some(wanted)
    }
}

/// How far two words are the same, without regard to case.
fn common_start<'a>(a: &'a str, b: &str) -> &'a str {
    let same = a.chars().zip(b.chars()).take_while(|(a, b)| a.eq_ignore_ascii_case(b));
    &a[..same.map(|(a, _)| a.len_utf8()).sum()]
}

#[cfg(test)]
#[path = "editor_tests.rs"]
mod tests;
