//! The text that is being typed, with a cursor: what people see as a character is never torn.

use std::ops::Range;

use unicode_segmentation::{GraphemeCursor, UnicodeSegmentation};

use crate::chat::text::{is_blank, is_hostile};

/// Most bytes of a draft: as many as a line of a client that sends whole lines may have.
pub const MAX_DRAFT_BYTES: usize = 8 * 1024;

/// Bytes before and behind a place that are looked at for where a character begins or ends, so that a key
/// costs the same however long the draft is: the longest family of pictures has 41. Of what is longer, the
/// rest is another character to the keys.
const LOOK_AROUND_BYTES: usize = 128;

/// A text and a place in it.
#[derive(Default)]
pub(super) struct Buffer {
    text: String,
    /// Between two characters of Unicode. It may stand inside of what is seen as one, while that is being
    /// put together: [`Self::settled`] is where it is seen.
    cursor: usize,
    /// There was more than fits, and nothing has been taken away since.
    overfull: bool,
    revision: u32,
}

impl Buffer {
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    pub(super) fn is_overfull(&self) -> bool {
        self.overfull
    }

    /// How long the text is, and where the cursor stands, in bytes.
    pub(super) fn extent(&self) -> (usize, usize) {
        (self.text.len(), self.cursor)
    }

    /// Another number after each change of what is seen.
    pub(super) fn revision(&self) -> u32 {
        self.revision
    }

    /// What is seen has changed.
    pub(super) fn touch(&mut self) {
        self.revision = self.revision.wrapping_add(1);
    }

    /// Where the cursor is seen: behind the character in which it stands.
    pub(super) fn settled(&self) -> usize {
        settle(&self.text, self.cursor)
    }

    /// Leaves what is being put together: the cursor is where it is seen from now on.
    pub(super) fn settle(&mut self) -> usize {
        let (start, near) = self.around(self.cursor);
        self.cursor = start + settle(near, self.cursor - start);
        self.cursor
    }

    /// Puts a text in at the cursor, as far as there is room: without controls and what else is in no message,
    /// a tab as a blank.
    pub(super) fn insert(&mut self, text: &str) {
        if text.bytes().all(|byte| (b' '..0x7F).contains(&byte)) {
            return self.put(text);
        }
        let kept = text.chars().filter(|c| matches!(c, '\t' | '\n') || !is_hostile(*c));
        self.put(&kept.map(|c| if c == '\t' { ' ' } else { c }).collect::<String>());
    }

    /// The same with what stood in a draft before.
    pub(super) fn put(&mut self, text: &str) {
        if self.overfull || text.is_empty() {
            return;
        }
        let room = MAX_DRAFT_BYTES - self.text.len();
        let fits = if text.len() <= room { text.len() } else { text.floor_char_boundary(room) };
        self.overfull = fits < text.len();
        if fits > 0 {
            self.text.insert_str(self.cursor, &text[..fits]);
            self.cursor += fits;
            self.touch();
        }
    }

    /// Takes the text for good, and leaves nothing.
    pub(super) fn take(&mut self) -> String {
        if !self.text.is_empty() {
            self.touch();
        }
        self.cursor = 0;
        self.overfull = false;
        std::mem::take(&mut self.text)
    }

    /// Has this text instead, with the cursor at its end.
    pub(super) fn replace(&mut self, text: &str) {
        self.take();
        self.put(text);
    }

    /// Takes a part away; the cursor stands there then.
    pub(super) fn remove(&mut self, range: Range<usize>) -> String {
        if range.is_empty() {
            return String::new();
        }
        self.touch();
        self.overfull = false;
        self.cursor = range.start;
        self.text.drain(range).collect()
    }

    pub(super) fn go(&mut self, to: usize) {
        if to != self.cursor {
            self.cursor = to;
            self.touch();
        }
    }

    /// What stands around a place, and where that begins.
    fn around(&self, at: usize) -> (usize, &str) {
        let start = self.text.floor_char_boundary(at.saturating_sub(LOOK_AROUND_BYTES));
        let end = self.text.ceil_char_boundary(at + LOOK_AROUND_BYTES);
        (start, &self.text[start..end])
    }

    /// Where the character before a place begins; there, where nothing is before it.
    pub(super) fn before(&self, at: usize) -> usize {
        let (start, near) = self.around(at);
        let mut cursor = GraphemeCursor::new(at - start, near.len(), true);
        start + cursor.prev_boundary(near, 0).ok().flatten().unwrap_or(0)
    }

    /// Where the character behind a place ends; there, where nothing is behind it.
    pub(super) fn behind(&self, at: usize) -> usize {
        let (start, near) = self.around(at);
        start + after(near, at - start)
    }

    /// Where the word before a place begins: letters and digits, and what is neither behind them.
    pub(super) fn word_before(&self, at: usize) -> usize {
        self.back_over(self.back_over(at, |c| !c.is_alphanumeric()), char::is_alphanumeric)
    }

    /// Where the word behind a place ends: letters and digits, and what is neither before them.
    pub(super) fn word_behind(&self, at: usize) -> usize {
        self.over(self.over(at, |c| !c.is_alphanumeric()), char::is_alphanumeric)
    }

    /// The same as [`Self::word_before`], where a word is what stands between blanks.
    pub(super) fn blank_word_before(&self, at: usize) -> usize {
        let blank = |c: char| c == '\n' || is_blank(c);
        self.back_over(self.back_over(at, blank), |c| !blank(c))
    }

    fn back_over(&self, at: usize, of: impl Fn(char) -> bool) -> usize {
        let mut characters = self.text[..at].grapheme_indices(true).rev();
        let stop = characters.find(|(_, character)| !character.starts_with(&of));
        stop.map_or(0, |(start, character)| start + character.len())
    }

    fn over(&self, at: usize, of: impl Fn(char) -> bool) -> usize {
        let mut characters = self.text[at..].grapheme_indices(true);
        let stop = characters.find(|(_, character)| !character.starts_with(&of));
        stop.map_or(self.text.len(), |(start, _)| at + start)
    }

    /// Has the character before the cursor change places with the one behind it, or at the end of the text
    /// with the one before that.
    pub(super) fn transpose(&mut self) {
        let at = self.settle();
        let middle = if at == self.text.len() { self.before(at) } else { at };
        let (start, end) = (self.before(middle), self.behind(middle));
        if start == middle || middle == end {
            return;
        }
        let overfull = self.overfull;
        let first = self.remove(start..middle);
        self.overfull = overfull;
        let behind = start + (end - middle);
        self.text.insert_str(behind, &first);
        self.cursor = end;
    }
}

/// Where a cursor is seen that stands at `at`.
pub(super) fn settle(text: &str, at: usize) -> usize {
    let mut cursor = GraphemeCursor::new(at, text.len(), true);
    if cursor.is_boundary(text, 0).unwrap_or(true) { at } else { after(text, at) }
}

fn after(text: &str, at: usize) -> usize {
    let mut cursor = GraphemeCursor::new(at, text.len(), true);
    cursor.next_boundary(text, 0).ok().flatten().unwrap_or(text.len())
}
