//! What a lobby shows: messages, notices, answers, replays.
//!
//! A [`Sheet`] takes fixed text, validated names, pictures, numbers and clean [`Line`]s, and nothing
//! else; whatever a user typed must have become one of these first.

use std::fmt::Write;

use bytes::{Bytes, BytesMut};

use super::ansi::{BLOCK_START, Colour, PROMPT, RESET};
use super::history::{Age, Entry, UnixMillis};
use super::name::Name;
use super::pictures::Picture;
use super::text::Line;

/// Rendered output under construction, in the master form of [`super::ansi::Style`].
#[derive(Default)]
pub struct Sheet {
    buf: BytesMut,
}

/// Room that a block is given at first.
const SHEET_BYTES: usize = 256;

impl Sheet {
    /// Starts a block where someone may be typing.
    pub fn open(&mut self) -> &mut Self {
        // A message fits; what is left over serves the next ones.
        self.buf.reserve(SHEET_BYTES);
        self.fixed(BLOCK_START)
    }

    /// Ends a block with the prompt.
    pub fn close(&mut self) -> &mut Self {
        self.fixed(PROMPT)
    }

    /// Text of our own.
    pub fn fixed(&mut self, text: &'static str) -> &mut Self {
        self.push(text)
    }

    /// Clean text of somebody's.
    pub fn line(&mut self, line: &Line) -> &mut Self {
        self.push(line.as_str())
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

    /// Turns a colour on.
    pub fn on(&mut self, colour: Colour) -> &mut Self {
        self.push(colour.code())
    }

    /// Turns the colour off.
    pub fn off(&mut self) -> &mut Self {
        self.push(RESET)
    }

    /// Text of our own in a colour.
    pub fn tinted(&mut self, colour: Colour, text: &'static str) -> &mut Self {
        self.on(colour).fixed(text).off()
    }

    /// Ends a line.
    pub fn newline(&mut self) -> &mut Self {
        self.push("\n")
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

/// Renders one block: erase the line, what `body` writes, the prompt.
pub fn block(body: impl FnOnce(&mut Sheet)) -> Bytes {
    let mut sheet = Sheet::default();
    sheet.open();
    body(&mut sheet);
    sheet.close();
    sheet.take()
}

/// A message: who and when on one line, the text under it. Without an age, the time is left out.
pub fn message(sheet: &mut Sheet, entry: &Entry, age: Option<Age>) {
    sheet.on(Colour::Yellow).picture(entry.picture).fixed(" ").name(&entry.author).off();
    if let Some(tagged) = &entry.tagged {
        sheet.on(Colour::Cyan).fixed(" @").name(tagged).off();
    }
    if let Some(age) = age {
        sheet.fixed(" ").on(Colour::White).fixed("[").age(age).fixed("]").off();
    }
    sheet.newline();
    arrow(sheet, &entry.text);
}

/// The line under a heading: an arrow and the text.
pub fn arrow(sheet: &mut Sheet, text: &Line) {
    sheet.fixed("  ").tinted(Colour::Cyan, "╰─>").fixed(" ").line(text).newline();
}

/// What a lobby tells all its members about one of them.
#[derive(Debug, Clone)]
pub enum Notice<'a> {
    /// Came in.
    Joined(&'a Name),
    /// Went, by whatever way.
    Left(&'a Name),
    /// Asked Rox something.
    Asked(&'a Name, &'a Line),
    /// Changed the prompt of the lobby's AI.
    PromptSet(&'a Name),
}

/// A notice of the lobby.
pub fn notice(sheet: &mut Sheet, notice: &Notice<'_>) {
    sheet.tinted(Colour::Green, "[LOBBY]").fixed(" ");
    match notice {
        Notice::Joined(who) => sheet.name(who).fixed(" has joined the lobby"),
        Notice::Left(who) => sheet.name(who).fixed(" has left the lobby"),
        Notice::Asked(who, question) => sheet.name(who).fixed(" asked AI: ").line(question),
        Notice::PromptSet(who) => sheet.name(who).fixed(" updated the AI prompt"),
    };
    sheet.newline();
}

/// How a piece of an answer begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnswerHead {
    /// The first piece.
    First,
    /// A later piece, where something else was shown in between.
    Continued,
    /// A later piece right under the one before.
    Bare,
}

/// Finished lines of Rox's answer to `asker`.
pub fn answer(sheet: &mut Sheet, head: AnswerHead, asker: &Name, lines: &[Line]) {
    if head != AnswerHead::Bare {
        sheet.on(Colour::Magenta).fixed("[AI Response to ").name(asker);
        sheet.fixed(if head == AnswerHead::First { "]" } else { ", continued]" }).off().newline();
    }
    for line in lines {
        sheet.line(line).newline();
    }
}

/// What a user who comes into a lobby is shown first: that they joined (not at login), and the
/// recent history, oldest first. Nothing at all where there is neither.
pub fn arrival<'a>(
    lobby: Option<&Name>,
    recent: impl Iterator<Item = &'a Entry>,
    now: UnixMillis,
) -> Bytes {
    let mut sheet = Sheet::default();
    if let Some(lobby) = lobby {
        sheet.on(Colour::Green).fixed("Joined lobby '").name(lobby).fixed("'").off().newline();
    }
    for entry in recent {
        message(&mut sheet, entry, Some(Age::of(entry.at.until(now))));
    }
    if sheet.is_empty() {
        return Bytes::new();
    }
    let body = sheet.take();
    sheet.open().buf.extend_from_slice(&body);
    sheet.close().take()
}

/// A private message, as its sender (`to`) or its receiver (`from`) sees it.
#[derive(Debug, Clone, Copy)]
pub enum Direct<'a> {
    /// Sent by the one who is shown this.
    To(&'a Name),
    /// Received.
    From(&'a Name),
}

/// A private message.
pub fn direct(sheet: &mut Sheet, direction: Direct<'_>, text: &Line) {
    sheet.tinted(Colour::Magenta, "[DM]").fixed(" ").on(Colour::Yellow);
    match direction {
        Direct::To(name) => sheet.fixed("You").off().fixed(" —» ").on(Colour::Yellow).name(name),
        Direct::From(name) => sheet.name(name).off().fixed(" —» ").on(Colour::Yellow).fixed("You"),
    };
    sheet.off().newline();
    arrow(sheet, text);
}

/// Tells a user that somebody tagged them; `lobby` where they are not in it.
pub fn tagged(sheet: &mut Sheet, by: &Name, lobby: Option<&Name>) {
    sheet.on(Colour::Magenta).fixed("✦ ").name(by).fixed(" tagged you");
    if let Some(lobby) = lobby {
        sheet.fixed(" in '").name(lobby).fixed("'");
    }
    sheet.off().newline();
}

#[cfg(test)]
#[path = "render_tests.rs"]
mod tests;
