//! Rendered output under construction, in the form that it is for.
//!
//! A [`Sheet`] takes fixed text, validated names, pictures, numbers, times and clean [`Line`]s, and
//! nothing else; whatever a user typed must have become one of these first.

use std::fmt::Write;

use bytes::{Bytes, BytesMut};

use crate::chat::accounts::{Fingerprint, Key, KeyKind};
use crate::chat::bot::Token;
use crate::chat::history::Age;
use crate::chat::name::Name;
use crate::chat::pictures::Picture;
use crate::chat::settings::Bell;
use crate::chat::text::{Line, Text};
use crate::chat::times::{Day, Span, When};
use crate::render::ANSWER_INDENT;
use crate::render::form::{BEL, BLOCK_START, Colour, Form, PROMPT, Palette, RESET};
use crate::render::json::{End, Pending};
use crate::render::wrap::{self, Piece};

/// Rendered output under construction.
#[derive(Default, Clone)]
pub struct Sheet {
    pub(super) buf: BytesMut,
    pub(super) form: Form,
    /// In JSON, what has been written and is no object yet.
    pub(super) pending: Pending,
}

/// Room that a block is given at first.
const SHEET_BYTES: usize = 256;

impl Sheet {
    /// An empty one.
    pub fn new(form: Form) -> Self {
        // A message fits; what is left over serves the next ones.
        Self { buf: BytesMut::with_capacity(SHEET_BYTES), form, pending: Pending::default() }
    }

    /// One to be begun again and again, which takes memory `bytes` at a time.
    pub fn with_capacity(bytes: usize) -> Self {
        Self { buf: BytesMut::with_capacity(bytes), ..Self::default() }
    }

    /// Begins anew, in this form, with what memory it has.
    pub fn begin(&mut self, form: Form) {
        self.buf.clear();
        self.buf.reserve(SHEET_BYTES);
        self.form = form;
        self.pending = Pending::default();
    }

    /// The form that it is in.
    pub fn form(&self) -> Form {
        self.form
    }

    /// Rings the bell, before a block, for whoever wants to be called.
    pub fn ring(&mut self) -> &mut Self {
        if self.form.bell == Bell::Off || self.form.bare { self } else { self.push(BEL) }
    }

    /// Starts a block where someone may be typing, which moves on from what they have typed.
    pub fn open(&mut self) -> &mut Self {
        match self.form.palette {
            _ if self.form.edited || self.form.bare => self,
            Palette::None => self.newline(),
            Palette::Dark | Palette::Light => self.push(BLOCK_START),
        }
    }

    /// Starts what is hardly more than a prompt, right after a line of the client's own. One that ends its
    /// lines with LF has moved on to a new row by then, and takes an erased row before a prompt for a part
    /// of it, as rlwrap does.
    pub fn open_after_enter(&mut self) -> &mut Self {
        if self.form.crlf { self.open() } else { self }
    }

    /// Starts a question that follows bytes which are not to be seen. The last CR is for rlwrap, which takes
    /// what stands after one for the prompt, and would count erasing as a part of it.
    pub fn open_question(&mut self) -> &mut Self {
        match self.form.palette {
            _ if self.form.edited || self.form.bare => self,
            Palette::None => self.open(),
            Palette::Dark | Palette::Light => self.open().push("\r"),
        }
    }

    /// Ends a block with the prompt.
    pub fn close(&mut self) -> &mut Self {
        self.ask(PROMPT)
    }

    /// Ends a block with a prompt, which the editor has itself, and which is nothing to a program.
    pub fn ask(&mut self, prompt: &'static str) -> &mut Self {
        self.settle(End::Whole);
        if self.form.edited || self.form.bare { self } else { self.push(prompt) }
    }

    /// The prompt alone, for one who has just ended a line.
    pub fn prompt(&mut self) -> &mut Self {
        if self.is_empty() { self.open_after_enter().close() } else { self.open().close() }
    }

    /// Text of our own.
    pub fn fixed(&mut self, text: &'static str) -> &mut Self {
        self.push(text)
    }

    /// Clean text of somebody's. Where it needs more than a row, the others stand below its beginning.
    pub fn line(&mut self, line: &Line) -> &mut Self {
        self.flow(line.as_str(), None)
    }

    /// Rows of clean lines of an answer, each as long as the terminal has room for.
    pub(super) fn answer_rows(&mut self, rows: &[&str]) -> &mut Self {
        for row in rows {
            self.blanks(ANSWER_INDENT).push(row);
            self.newline();
        }
        self
    }

    /// Clean text of somebody's that may have several rows; `indent` blanks stand before each but the
    /// first, and before each that a row is continued in.
    pub fn text(&mut self, text: &Text, indent: usize) -> &mut Self {
        for (number, row) in text.rows().enumerate() {
            if number > 0 && self.form.plain {
                self.push(" ");
            } else if number > 0 {
                self.next_row(indent);
            }
            self.flow(row, Some(indent));
        }
        self
    }

    /// The first `max` rows of what is written, each with its end; gives how many more there would be.
    pub fn beginning(&mut self, max: usize, write: impl FnOnce(&mut Self)) -> usize {
        let from = self.buf.len();
        write(self);
        let written = &self.buf[from..];
        let ends = written.iter().enumerate().filter(|(_, byte)| **byte == b'\n');
        let mut left = ends.map(|(at, _)| at + 1).skip(max.saturating_sub(1));
        let Some(end) = left.next() else { return 0 };
        let more = left.count();
        self.buf.truncate(from + end);
        more
    }

    /// Something short of our own after a text: it stands in the next row where the terminal has no room
    /// for it in this one.
    pub fn keep_together(&mut self, short: impl FnOnce(&mut Self)) -> &mut Self {
        let (start, at, width) = (self.row_start(), self.buf.len(), usize::from(self.form.width));
        short(self);
        if width == 0 || self.buf.len() - start <= width || self.column() <= width {
            return self;
        }
        let column = wrap::rendered_columns(&self.buf[start..at]);
        let moved = self.buf.split_off(at);
        self.next_row(hang(column, width));
        self.buf.extend_from_slice(&moved);
        self
    }

    /// Rows of our own words. Where the terminal is too narrow for one, it goes on in the next one, a little
    /// away from the edge.
    pub fn fitting(&mut self, write: impl FnOnce(&mut Self)) -> &mut Self {
        let (from, width) = (self.row_start(), usize::from(self.form.width));
        write(self);
        if width == 0 || self.buf.len() - from <= width {
            return self;
        }
        let written = self.buf.split_off(from);
        for row in written.split_inclusive(|b| *b == b'\n') {
            self.fit(row, width);
        }
        self
    }

    fn fit(&mut self, row: &[u8], width: usize) {
        // No character takes more columns than bytes.
        if row.len() <= width || wrap::rendered_columns(row) <= width {
            return self.buf.extend_from_slice(row);
        }
        let (mut column, mut begun) = (0, false);
        for word in row.split_inclusive(|b| *b == b' ') {
            let columns = wrap::rendered_columns(word);
            if begun && column + columns > width {
                let indent = SHORT_HANG.min(width / 4);
                self.next_row(indent);
                (column, begun) = (indent, false);
            }
            self.buf.extend_from_slice(word);
            column += columns;
            begun |= columns > 1;
        }
    }

    /// Columns of the row that is being written.
    pub fn column(&self) -> usize {
        wrap::rendered_columns(&self.buf[self.row_start()..])
    }

    /// Blanks up to this column.
    pub fn pad_to(&mut self, column: usize) -> &mut Self {
        let missing = column.saturating_sub(self.column());
        self.blanks(missing)
    }

    /// A row of somebody's text, in as many as the terminal needs. None of them begins in the first
    /// column, where only what the server says of itself stands.
    fn flow(&mut self, text: &str, indent: Option<usize>) -> &mut Self {
        let width = usize::from(self.form.width);
        // No character takes more columns than bytes.
        if width == 0 || self.buf.len() - self.row_start() + text.len() <= width {
            return self.push(text);
        }
        let column = self.column();
        let indent = indent.unwrap_or_else(|| hang(column, width));
        wrap::wrap(text, column, indent, width, |piece| match piece {
            Piece::Text(text) => _ = self.push(text),
            Piece::Break => _ = self.next_row(indent),
        });
        self
    }

    fn next_row(&mut self, indent: usize) -> &mut Self {
        self.newline().blanks(indent)
    }

    fn blanks(&mut self, count: usize) -> &mut Self {
        self.buf.resize(self.buf.len() + count, b' ');
        self
    }

    /// Where the row that is being written begins.
    fn row_start(&self) -> usize {
        self.buf.iter().rposition(|b| matches!(b, b'\n' | b'\r')).map_or(0, |end| end + 1)
    }

    /// A validated name.
    pub fn name(&mut self, name: &Name) -> &mut Self {
        self.push(name.as_str())
    }

    /// A picture of the table, and what stands between it and a name.
    pub fn pictured(&mut self, picture: Picture) -> &mut Self {
        if self.form.plain { self } else { self.picture(picture).fixed(" ") }
    }

    /// A picture of the table.
    pub fn picture(&mut self, picture: Picture) -> &mut Self {
        self.push(picture.as_str())
    }

    /// A number in decimal.
    pub fn number(&mut self, number: u64) -> &mut Self {
        // Writing to a growing buffer cannot fail.
        let _ = write!(self.buf, "{number}");
        self
    }

    /// An age, as in `12s ago`.
    pub fn age(&mut self, age: Age) -> &mut Self {
        match age {
            Age::JustNow => self.fixed("just now"),
            Age::Ago(count, unit) => {
                let _ = write!(self.buf, "{count}{unit} ago");
                self
            }
        }
    }

    /// When something was said, as in `12s ago` or `Mon 14:05`.
    pub fn when(&mut self, when: When) -> &mut Self {
        match when {
            When::Age(age) => self.age(age),
            When::Clock(clock) => {
                let _ = write!(self.buf, "{clock}");
                self
            }
        }
    }

    /// A day, as in `Mon 23 Nov`.
    pub fn day(&mut self, day: Day) -> &mut Self {
        let _ = write!(self.buf, "{day}");
        self
    }

    /// A length of time, as in `10m`.
    pub fn span(&mut self, span: Span) -> &mut Self {
        let _ = write!(self.buf, "{span}");
        self
    }

    /// The token of a bot or a hook, which is copied and so never broken at the width.
    pub fn token(&mut self, token: &Token) -> &mut Self {
        self.push(token.expose())
    }

    /// The fingerprint of a key: that of a certificate by its first bytes, as many as a list shows.
    pub fn key(&mut self, key: &Key) -> &mut Self {
        let _ = match key.kind {
            KeyKind::X509 => {
                write!(self.buf, "{:.*}...", Fingerprint::SHOWN_BYTES, key.fingerprint)
            }
            KeyKind::Ssh => write!(self.buf, "{key}"),
        };
        self
    }

    /// Turns a colour on.
    pub fn on(&mut self, colour: Colour) -> &mut Self {
        self.push(colour.code(self.form.palette))
    }

    /// Turns the colour off.
    pub fn off(&mut self) -> &mut Self {
        if self.form.palette == Palette::None { self } else { self.push(RESET) }
    }

    /// Text of our own in a colour.
    pub fn tinted(&mut self, colour: Colour, text: &'static str) -> &mut Self {
        self.on(colour).fixed(text).off()
    }

    /// Ends a line.
    pub fn newline(&mut self) -> &mut Self {
        self.push(if self.form.crlf { "\r\n" } else { "\n" })
    }

    /// Bytes so far.
    pub fn len(&self) -> usize {
        self.buf.len() + self.pending.len()
    }

    /// Whether nothing has been written.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Takes what has been written, to be shared.
    pub fn take(&mut self) -> Bytes {
        self.settle(End::Part);
        self.pending.begin();
        self.buf.split().freeze()
    }

    fn push(&mut self, text: &str) -> &mut Self {
        self.buf.extend_from_slice(text.as_bytes());
        self
    }
}

/// The prompt alone, after an empty line.
pub fn prompt(form: Form) -> Bytes {
    Sheet::new(form).open_after_enter().close().take()
}

/// Where a text goes on that begins in this column: under its beginning, unless that leaves too little.
fn hang(column: usize, width: usize) -> usize {
    if column * 2 <= width { column } else { SHORT_HANG.min(width / 4) }
}

/// As far as a message's text stands from the edge.
const SHORT_HANG: usize = 6;

/// Renders one block: erase the line, what `body` writes, the prompt.
pub fn block(form: Form, body: impl FnOnce(&mut Sheet)) -> Bytes {
    let mut sheet = Sheet::new(form);
    sheet.open();
    body(&mut sheet);
    sheet.close();
    sheet.take()
}

/// The same for one who is called by it.
pub fn ringing_block(form: Form, body: impl FnOnce(&mut Sheet)) -> Bytes {
    let mut sheet = Sheet::new(form);
    sheet.ring().open();
    body(&mut sheet);
    sheet.close();
    sheet.take()
}
