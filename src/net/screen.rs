//! A line that somebody is typing, on a terminal that the server draws on: how it is drawn, how it is taken
//! off before something is shown, and what a terminal does to it that gets another size.
//!
//! The draft stands in rows of our own, joined by CR LF, of which none reaches the last column. So the
//! terminal never wraps, nothing depends on when it would, and a resize does not join what are two rows. How
//! far the cursor is below the first row is known without knowing the terminal's table of widths. A width on
//! which terminal and server do not agree is drawn oddly at most, for wrapping is switched off (DECAWM)
//! while rows are drawn. There is no scroll region and no alternate screen: what is shown above the draft
//! goes into the terminal's own scrollback as ever.

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::render;

/// Most rows of a draft that are shown: 1,000 characters in 80 columns.
const MAX_ROWS: usize = 13;

/// The columns of a terminal that does not say how many it has.
const ASSUMED_COLUMNS: u16 = 80;

/// The rows of a terminal that does not say how many it has.
const ASSUMED_ROWS: u16 = 24;

/// Most rows by which a screen is scrolled to clear it, whatever its client says of it: few have more.
const MAX_SCROLLED: u16 = 200;

/// The fewest columns of a row, so that a wide character has its place in any.
const MIN_ROOM: u16 = 2;

/// Begins the next row. As the last thing on the screen it scrolls.
const NEXT_ROW: &[u8] = b"\r\n";

/// From the first column: erases its row and those below, and stays there. ED (ECMA-48 §8.3.39) begins at the
/// second column behind a blank, since tmux keeps in its scrollback what is erased from the top left corner.
const ERASE_BELOW: &[u8] = b" \x1b[J\r";

/// EL (ECMA-48 §8.3.41): from the cursor to the end of its row.
const ERASE_ROW: &[u8] = b"\x1b[K";

/// ED (ECMA-48 §8.3.39): the whole screen. Some terminals put what they show into the scrollback first.
const ERASE_ALL: &[u8] = b"\x1b[2J";

/// CUP (ECMA-48 §8.3.21): to the first column of the first row.
const HOME: &[u8] = b"\x1b[H";

/// DECSC: keeps the place of the cursor.
const SAVE: &[u8] = b"\x1b7";

/// DECRC: goes back to it.
const RESTORE: &[u8] = b"\x1b8";

/// DECAWM off: what does not fit a row is not put into the next one.
const WRAP_OFF: &[u8] = b"\x1b[?7l";

/// DECAWM on, as terminals are used.
const WRAP_ON: &[u8] = b"\x1b[?7h";

/// Backspace: a column to the left.
const LEFT: u8 = 0x08;

/// What stands of a draft on one terminal.
///
/// What else is written there is whole rows that end with CR LF, between [`Screen::erase`] and
/// [`Screen::draw`].
#[derive(Debug)]
pub struct Screen {
    size: Size,
    drawn: Option<Drawing>,
    /// The rule that does not hold.
    #[cfg(test)]
    without: Option<Rule>,
}

/// Each connection with an editor has one.
const _: () = assert!(cfg!(test) || size_of::<Screen>() <= 96);

/// The size of a terminal, as it told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Size {
    columns: Option<u16>,
    rows: Option<u16>,
}

impl Size {
    fn columns(self) -> u16 {
        self.columns.unwrap_or(ASSUMED_COLUMNS)
    }

    /// Rows that a draft may take.
    fn draft_rows(self) -> usize {
        match (self.columns, self.rows) {
            (Some(_), Some(rows)) => usize::from(rows / 2).clamp(1, MAX_ROWS),
            _ => 1,
        }
    }
}

impl Screen {
    /// An empty one on a terminal of so many columns and rows, of which 0 is a number that is not known
    /// (RFC 1073).
    pub fn new(columns: u16, rows: u16) -> Self {
        let known = |n: u16| (n > 0).then_some(n);
        Self {
            size: Size { columns: known(columns), rows: known(rows) },
            drawn: None,
            #[cfg(test)]
            without: None,
        }
    }

    /// An empty one on a terminal of unknown size: the draft has one row, of 80 columns.
    pub fn unknown() -> Self {
        Self::new(0, 0)
    }

    /// Whether the draft stands on the terminal.
    pub fn is_drawn(&self) -> bool {
        self.drawn.is_some()
    }

    /// The terminal has another size now, 0 as for [`Screen::new`], or had one meanwhile. What is drawn is
    /// taken off, and the row of the cursor is empty.
    ///
    /// What a terminal does to rows that no longer fit differs: it cuts them off, or puts them into more rows
    /// than before. So those above the cursor are left there from the first on that does not fit: that is a
    /// piece of an old draft, where something else could be a message.
    pub fn resize(&mut self, columns: u16, rows: u16, out: &mut Vec<u8>) {
        let before = self.size;
        self.size = Self::new(columns, rows).size;
        let Some(drawing) = self.drawn.take() else {
            // Where a resize was not told before a draft was taken off, the terminal may take this row for
            // the tail of a piece of that, and have moved the cursor to its head.
            out.push(b'\r');
            out.extend_from_slice(ERASE_BELOW);
            return;
        };
        // Rows drawn for a width that was only assumed are one row, wherever the terminal ends.
        let narrower = before.columns.is_some() && self.size.columns() < before.columns();
        if !narrower || !self.hold(Rule::LeavesAbove) {
            return drawing.erase(out);
        }
        let columns = usize::from(self.size.columns());
        let fits = |row: &&Row| row.columns <= columns;
        let in_its_row = drawing.cursor.column < columns;
        out.push(b'\r');
        if in_its_row {
            let above = drawing.rows.iter().take(drawing.cursor.row).rev();
            up(above.take_while(fits).count(), out);
        }
        out.extend_from_slice(ERASE_BELOW);
        // Else the cursor may be in the tail of a row now, which the terminal would join with its head again;
        // also where it was in the head, if that was at the top of the screen and is above it now.
        let mut below = drawing.rows.iter().skip(drawing.cursor.row);
        let begins_row = in_its_row && below.all(|row| fits(&row));
        if !begins_row && self.hold(Rule::EndsRow) {
            out.extend_from_slice(NEXT_ROW);
        }
    }

    /// Takes the draft off the terminal, where it stands there. The cursor is in the first column then.
    pub fn erase(&mut self, out: &mut Vec<u8>) {
        if let Some(drawing) = self.drawn.take() {
            drawing.erase(out);
        }
    }

    /// Has the draft stand on the terminal behind its prompt, with the cursor on the character at the byte
    /// `cursor` of the text, by few bytes where it stands there already. Of a long one the rows around the
    /// cursor are shown. Control characters are left out.
    pub fn draw(&mut self, prompt: &str, text: &str, cursor: usize, out: &mut Vec<u8>) {
        let drawing = self.lay_out(prompt, text, cursor);
        match self.drawn.take() {
            Some(old) if old == drawing => {}
            // Where the width is not known, the place in a row is not either.
            Some(old) if self.size.columns.is_some() && old.leads_to(&drawing) => {
                old.change_into(&drawing, out);
            }
            old => {
                if let Some(old) = old {
                    old.erase(out);
                }
                self.paint(&drawing, out);
            }
        }
        self.drawn = Some(drawing);
    }

    /// Clears the whole screen, for a draft in its first row. What was on it goes into the scrollback.
    pub fn clear(&mut self, out: &mut Vec<u8>) {
        self.erase(out);
        // From row y down to the last one and y rows more: the screen scrolls by what stands above.
        for _ in 1..self.size.rows.unwrap_or(ASSUMED_ROWS).min(MAX_SCROLLED) {
            out.extend_from_slice(NEXT_ROW);
        }
        out.extend_from_slice(HOME);
        out.extend_from_slice(ERASE_ALL);
    }

    fn lay_out(&self, prompt: &str, text: &str, cursor: usize) -> Drawing {
        let spare = u16::from(self.hold(Rule::SpareColumn));
        let room = self.size.columns().saturating_sub(spare).max(MIN_ROOM);
        let mut drawing = Drawing::new(prompt.len() + text.len());
        for (_, cluster) in clusters(prompt) {
            drawing.put(cluster, usize::from(room), false);
        }
        let mut passed = false;
        for (at, cluster) in clusters(text) {
            let here = !passed && at >= cursor;
            let shown = drawing.put(cluster, usize::from(room), here);
            passed |= here && shown;
        }
        if !passed {
            drawing.cursor = drawing.end();
        }
        drawing.keep_around_cursor(self.size.draft_rows());
        drawing
    }

    /// Draws all of it, from the first column of an empty row.
    fn paint(&self, drawing: &Drawing, out: &mut Vec<u8>) {
        let (cursor, last) = (drawing.cursor, drawing.rows.len() - 1);
        let wrap_off = self.hold(Rule::NoWrap);
        if wrap_off {
            out.extend_from_slice(WRAP_OFF);
        }
        // The rows below the cursor's are made first: nothing scrolls once its place is kept.
        if cursor.row < last && self.hold(Rule::Reserves) {
            (0..last).for_each(|_| out.extend_from_slice(NEXT_ROW));
            up(last, out);
        }
        let keep = !drawing.ends_at_cursor();
        for (row, text) in drawing.texts().enumerate() {
            if row > 0 {
                out.extend_from_slice(NEXT_ROW);
            }
            if row == cursor.row && keep {
                let (before, after) = text.split_at(cursor.offset);
                out.extend_from_slice(before.as_bytes());
                out.extend_from_slice(SAVE);
                out.extend_from_slice(after.as_bytes());
            } else {
                out.extend_from_slice(text.as_bytes());
            }
        }
        if keep {
            out.extend_from_slice(RESTORE);
        }
        if wrap_off {
            out.extend_from_slice(WRAP_ON);
        }
    }

    /// Whether a rule holds: in tests one may not.
    #[cfg(test)]
    fn hold(&self, rule: Rule) -> bool {
        self.without != Some(rule)
    }

    /// Whether a rule holds: all do.
    #[cfg(not(test))]
    #[inline(always)]
    fn hold(&self, _: Rule) -> bool {
        true
    }
}

/// What keeps the terminal and the server at one about where things stand. In tests each can be switched
/// off, to see that the checks would notice.
#[cfg_attr(not(test), allow(dead_code, reason = "they are named to be switched off"))]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rule {
    /// The last column is never written.
    SpareColumn,
    /// The rows below the cursor's are there before its place is kept.
    Reserves,
    /// Nothing wraps while rows are drawn.
    NoWrap,
    /// Rows above the cursor that no longer fit are left.
    LeavesAbove,
    /// A row that may be the tail of another is ended, and another one begun.
    EndsRow,
}

/// A draft as it is drawn: the rows that are shown, and where the cursor is.
#[derive(Debug, PartialEq, Eq)]
struct Drawing {
    /// The text of all rows.
    text: String,
    /// One at least.
    rows: Vec<Row>,
    cursor: Place,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Row {
    /// Where it ends in the text, in bytes.
    end: usize,
    /// Columns that it takes at most.
    columns: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place {
    row: usize,
    /// Bytes of its row before it.
    offset: usize,
    /// Columns that they take at most.
    column: usize,
}

impl Drawing {
    /// An empty one, for so many bytes.
    fn new(capacity: usize) -> Self {
        Self {
            text: String::with_capacity(capacity),
            rows: vec![Row { end: 0, columns: 0 }],
            cursor: Place { row: 0, offset: 0, column: 0 },
        }
    }

    /// Adds a character as people see it, in rows of `room` columns, with the cursor on it or not. Tells
    /// whether it is there.
    fn put(&mut self, cluster: &str, room: usize, cursor: bool) -> bool {
        if cluster.starts_with(char::is_control) {
            return false;
        }
        let columns = columns(cluster);
        if columns <= room {
            self.push(cluster, columns, room, cursor);
            return true;
        }
        // Longer than a row, for terminals that do not join its characters at least.
        for (at, c) in cluster.char_indices() {
            let part = &cluster[at..at + c.len_utf8()];
            self.push(part, self::columns(part), room, cursor && at == 0);
        }
        true
    }

    fn push(&mut self, text: &str, columns: usize, room: usize, cursor: bool) {
        let used = self.rows.last().map_or(0, |row| row.columns);
        if used > 0 && used + columns > room {
            self.rows.push(Row { end: self.text.len(), columns: 0 });
        }
        if cursor {
            self.cursor = self.end();
        }
        self.text.push_str(text);
        if let Some(row) = self.rows.last_mut() {
            row.end = self.text.len();
            row.columns += columns;
        }
    }

    /// Behind the last character.
    fn end(&self) -> Place {
        let row = self.rows.len() - 1;
        let offset = self.text.len() - self.start(row);
        Place { row, offset, column: self.rows.last().map_or(0, |row| row.columns) }
    }

    fn ends_at_cursor(&self) -> bool {
        self.cursor == self.end()
    }

    /// Where a row begins in the text.
    fn start(&self, row: usize) -> usize {
        row.checked_sub(1).and_then(|before| self.rows.get(before)).map_or(0, |row| row.end)
    }

    /// The rows as text.
    fn texts(&self) -> impl Iterator<Item = &str> {
        (0..).zip(&self.rows).map(|(at, row)| &self.text[self.start(at)..row.end])
    }

    /// Drops the rows that are farthest from the cursor, where there are more than so many.
    fn keep_around_cursor(&mut self, most: usize) {
        let Some(spare) = self.rows.len().checked_sub(most).filter(|spare| *spare > 0) else {
            return;
        };
        let first = self.cursor.row.saturating_sub(most / 2).min(spare);
        let (start, end) = (self.start(first), self.start(first + most));
        self.text = self.text[start..end].to_owned();
        self.rows = self.rows.drain(first..first + most).collect();
        self.rows.iter_mut().for_each(|row| row.end -= start);
        self.cursor.row -= first;
    }

    /// Takes it off, from where its cursor is.
    fn erase(&self, out: &mut Vec<u8>) {
        out.push(b'\r');
        up(self.cursor.row, out);
        out.extend_from_slice(ERASE_BELOW);
    }

    /// Whether [`Drawing::change_into`] can make another one of it: what differs is in the row of the cursor,
    /// or what is new stands behind all that is there.
    fn leads_to(&self, new: &Self) -> bool {
        let row = self.cursor.row;
        let above = self.texts().take(row).eq(new.texts().take(row));
        let below = match new.cursor.row == row {
            true => self.texts().skip(row + 1).eq(new.texts().skip(row + 1)),
            false => row < new.cursor.row && row + 1 == self.rows.len() && new.ends_at_cursor(),
        };
        above && below
    }

    /// Makes another one of it on the terminal. The cursor moves to the left over ASCII alone, of which each
    /// character has one column on any terminal.
    fn change_into(&self, new: &Self, out: &mut Vec<u8>) {
        let row = self.cursor.row;
        let old_text = self.texts().nth(row).unwrap_or_default();
        let new_text = new.texts().nth(row).unwrap_or_default();
        let from = self.cursor.offset;
        let to = if new.cursor.row == row { new.cursor.offset } else { new_text.len() };
        let mut start = same_cells(old_text, new_text, from.min(to));
        if old_text[start..from].is_ascii() {
            left(from - start, out);
        } else {
            out.push(b'\r');
            start = 0;
        }
        let (gone, come) = (&old_text[start..], &new_text[start..]);
        let (before, after) = come.split_at(to - start);
        if gone == come && cells(new_text).any(|cell| cell == to) {
            right(before, out);
        } else {
            let covered = gone.is_ascii() && come.is_ascii() && gone.len() <= come.len();
            if !gone.is_empty() && !covered {
                out.extend_from_slice(ERASE_ROW);
            }
            out.extend_from_slice(before.as_bytes());
            if !after.is_empty() {
                out.extend_from_slice(SAVE);
                out.extend_from_slice(after.as_bytes());
                out.extend_from_slice(RESTORE);
            }
        }
        if new.cursor.row > row {
            for text in new.texts().skip(row + 1) {
                out.extend_from_slice(NEXT_ROW);
                out.extend_from_slice(text.as_bytes());
            }
        }
    }
}

/// The characters of a text as people see them (UAX #29), and where they begin. Between ASCII there is nothing
/// to look up.
fn clusters(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let rest = &text[at..];
        let cluster = match rest.as_bytes() {
            [one] | [one, 0..0x80, ..] if one.is_ascii() => &rest[..1],
            _ => rest.graphemes(true).next()?,
        };
        at += cluster.len();
        Some((at - cluster.len(), cluster))
    })
}

/// Columns that a character as people see it takes at most: terminals count it as one, or its parts.
fn columns(cluster: &str) -> usize {
    match cluster.len() {
        // ASCII.
        1 => 1,
        _ => render::columns(cluster).max(cluster.width()),
    }
}

/// Where the cells of a row begin, in bytes, and where the last one ends. What has no column of its own is
/// in the cell of what stands before it, and comes and goes with that.
fn cells(row: &str) -> impl Iterator<Item = usize> {
    let begins = |cluster: &str| cluster.chars().next().and_then(|c| c.width()) > Some(0);
    let starts = clusters(row).filter(move |(at, text)| *at == 0 || begins(text));
    starts.map(|(at, _)| at).chain([row.len()])
}

/// Bytes of the cells with which both rows begin, at most so many.
fn same_cells(one: &str, other: &str, most: usize) -> usize {
    let same = one.bytes().zip(other.bytes()).take_while(|(one, other)| one == other).count();
    let pairs = cells(one).zip(cells(other));
    let both = pairs.take_while(|(one, other)| one == other && *one <= same.min(most));
    both.last().map_or(0, |(at, _)| at)
}

/// Up by so many rows.
fn up(rows: usize, out: &mut Vec<u8>) {
    if rows > 0 {
        control(rows, b'A', out);
    }
}

/// To the left by so many columns.
fn left(columns: usize, out: &mut Vec<u8>) {
    match columns {
        0..=3 => (0..columns).for_each(|_| out.push(LEFT)),
        _ => control(columns, b'D', out),
    }
}

/// To the right over what stands there.
fn right(text: &str, out: &mut Vec<u8>) {
    match text.len() {
        5.. if text.is_ascii() => control(text.len(), b'C', out),
        _ => out.extend_from_slice(text.as_bytes()),
    }
}

/// A movement of the cursor: CUU, CUF, CUB (ECMA-48 §8.3.22, 20, 18).
fn control(count: usize, end: u8, out: &mut Vec<u8>) {
    out.extend_from_slice(b"\x1b[");
    out.extend_from_slice(count.to_string().as_bytes());
    out.push(end);
}

#[cfg(test)]
#[path = "screen_tests.rs"]
mod tests;
