//! Rendered output under construction, in the form that it is for.
//!
//! A [`Sheet`] takes fixed text, validated names, pictures, numbers, times and clean [`Line`]s, and
//! nothing else; whatever a user typed must have become one of these first.

use std::fmt::Write;

use bytes::{Bytes, BytesMut};

use crate::chat::accounts::Fingerprint;
use crate::chat::history::Age;
use crate::chat::name::Name;
use crate::chat::pictures::Picture;
use crate::chat::text::{Line, Text};
use crate::chat::times::{Span, When};
use crate::render::form::{BLOCK_START, Colour, Form, PROMPT, RESET};

/// Rendered output under construction.
#[derive(Default, Clone)]
pub struct Sheet {
    buf: BytesMut,
    form: Form,
}

/// Room that a block is given at first.
const SHEET_BYTES: usize = 256;

impl Sheet {
    /// An empty one.
    pub fn new(form: Form) -> Self {
        // A message fits; what is left over serves the next ones.
        Self { buf: BytesMut::with_capacity(SHEET_BYTES), form }
    }

    /// One to be begun again and again, which takes memory `bytes` at a time.
    pub fn with_capacity(bytes: usize) -> Self {
        Self { buf: BytesMut::with_capacity(bytes), form: Form::default() }
    }

    /// Begins anew, in this form, with what memory it has.
    pub fn begin(&mut self, form: Form) {
        self.buf.clear();
        self.buf.reserve(SHEET_BYTES);
        self.form = form;
    }

    /// Starts a block where someone may be typing, which moves on from what they have typed.
    pub fn open(&mut self) -> &mut Self {
        match self.form.plain {
            true => self.newline(),
            false => self.push(BLOCK_START),
        }
    }

    /// Starts what is hardly more than a prompt, right after a line of the client's own. One that ends its
    /// lines with LF has moved on to a new row by then, and takes an erased row before a prompt for a part
    /// of it, as rlwrap does.
    pub fn open_after_enter(&mut self) -> &mut Self {
        if self.form.crlf { self.open() } else { self }
    }

    /// Ends a block with the prompt.
    pub fn close(&mut self) -> &mut Self {
        self.push(PROMPT)
    }

    /// Text of our own.
    pub fn fixed(&mut self, text: &'static str) -> &mut Self {
        self.push(text)
    }

    /// Clean text of somebody's.
    pub fn line(&mut self, line: &Line) -> &mut Self {
        self.push(line.as_str())
    }

    /// Clean text of somebody's that may have several rows; `indent` stands before each but the first.
    pub fn text(&mut self, text: &Text, indent: &'static str) -> &mut Self {
        for (number, row) in text.rows().enumerate() {
            if number > 0 {
                self.newline().push(indent);
            }
            self.push(row);
        }
        self
    }

    /// A validated name.
    pub fn name(&mut self, name: &Name) -> &mut Self {
        self.push(name.as_str())
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

    /// When something was said, as in `12s ago` or `14:05`.
    pub fn when(&mut self, when: When) -> &mut Self {
        match when {
            When::Age(age) => self.age(age),
            When::Clock { hour, minute } => {
                let _ = write!(self.buf, "{hour:02}:{minute:02}");
                self
            }
        }
    }

    /// A length of time, as in `10m`.
    pub fn span(&mut self, span: Span) -> &mut Self {
        let _ = write!(self.buf, "{span}");
        self
    }

    /// The first bytes of a fingerprint, as many as a list shows.
    pub fn fingerprint(&mut self, fingerprint: &Fingerprint) -> &mut Self {
        let _ = write!(self.buf, "{fingerprint:.0$}", Fingerprint::SHOWN_BYTES);
        self
    }

    /// Turns a colour on.
    pub fn on(&mut self, colour: Colour) -> &mut Self {
        if self.form.plain { self } else { self.push(colour.code()) }
    }

    /// Turns the colour off.
    pub fn off(&mut self) -> &mut Self {
        if self.form.plain { self } else { self.push(RESET) }
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
        self.buf.len()
    }

    /// Whether nothing has been written.
    pub fn is_empty(&self) -> bool {
        self.buf.is_empty()
    }

    /// Takes what has been written, to be shared.
    pub fn take(&mut self) -> Bytes {
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

/// Renders one block: erase the line, what `body` writes, the prompt.
pub fn block(form: Form, body: impl FnOnce(&mut Sheet)) -> Bytes {
    let mut sheet = Sheet::new(form);
    sheet.open();
    body(&mut sheet);
    sheet.close();
    sheet.take()
}
