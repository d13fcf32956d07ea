//! Bytes to lines, bounded.

use std::ops::Range;

use unicode_segmentation::UnicodeSegmentation;

use super::telnet::{Client, IAC, Size, Telnet, Token};
use super::ws::Message;
use crate::chat::editor::MAX_DRAFT_BYTES;

/// Most bytes in a line; a longer one is dropped to its end.
pub const MAX_LINE_BYTES: usize = 8 * 1024;

/// However a line is sent, it may be as long.
const _: () = assert!(MAX_LINE_BYTES == MAX_DRAFT_BYTES);

/// Bytes of a line that are looked at for its last character, so that a key costs the same however long the
/// line is: the longest family of pictures has 41.
const LOOK_BACK_BYTES: usize = 128;

// Keys, as a terminal sends them that does nothing with them itself.
const INTERRUPT: u8 = 0x03;
const END_OF_FILE: u8 = 0x04;
const BACKSPACE: u8 = 0x08;
const KILL: u8 = 0x15;
const WORD_ERASE: u8 = 0x17;
const DELETE: u8 = 0x7F;

/// What some programs put before the text of a file (U+FEFF).
const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// What came out of the bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A line without its end. Invalid UTF-8 has become U+FFFD.
    Line {
        /// The text.
        text: String,
        /// Whether it ended with a CR (alone, or with LF or NUL), as telnet and raw terminals do.
        by_cr: bool,
    },
    /// A line over [`MAX_LINE_BYTES`]; what is left of it will be dropped.
    TooLong,
    /// The sender says that this was all, though the connection stays open. What stands unended is still
    /// a line ([`LineDecoder::finish`]).
    EndOfInput,
    /// Telnet: send this back.
    Reply([u8; 3]),
    /// Telnet: an option that we have asked for stands otherwise.
    Changed,
    /// Telnet: the peer asks whether we are there.
    AreYouThere,
    /// Telnet: what the peer's client is, as far as it has told; it is to be asked `on`, or not
    /// ([`Token::Client`]).
    Client {
        /// What it is.
        told: Option<Client>,
        /// Whether there may be more.
        on: bool,
    },
    /// Telnet: the size of the peer's terminal.
    Size(Size),
    /// Not of this decoder, but of [`ws::FrameDecoder`](super::ws::FrameDecoder).
    Message(Message),
}

/// What comes of bytes of which the keys go to somebody else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Typed<T> {
    /// What is none of them.
    Event(Event),
    /// What came of keys.
    Keys(T),
}

/// Where in the stream the next byte stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// In the first line.
    First,
    /// In a later one.
    Line,
    /// Behind a CR, to which an LF or NUL would belong.
    AfterCr,
    /// In a line that is too long: the rest of it is dropped.
    Dropping,
}

/// What a byte is when telnet has been taken out.
enum Part {
    /// A byte of the text.
    Data(u8),
    /// A command that stands for this key.
    Key(u8),
    /// What is to be told.
    Event(Event),
}

/// Cuts a stream of bytes into lines that end with LF, CR LF, CR NUL or a lone CR.
#[derive(Debug)]
pub struct LineDecoder {
    /// Takes its commands out first, where the link has that layer.
    telnet: Option<Telnet>,
    line: Vec<u8>,
    place: Place,
    /// The last line ended with a CR.
    by_cr: bool,
}

/// Every connection has one.
const _: () = assert!(size_of::<LineDecoder>() <= 32);

impl LineDecoder {
    /// For a stream that has not begun, with telnet in it or without.
    pub fn new(telnet: Option<Telnet>) -> Self {
        Self { telnet, line: Vec::new(), place: Place::First, by_cr: false }
    }

    /// The telnet side of the connection, where it has one.
    pub fn telnet(&mut self) -> Option<&mut Telnet> {
        self.telnet.as_mut()
    }

    /// Takes bytes off `input` up to the next event; none where more bytes are needed.
    pub fn next(&mut self, input: &mut &[u8]) -> Option<Event> {
        loop {
            self.take_plain(input);
            let (&byte, rest) = input.split_first()?;
            *input = rest;
            let event = match self.step(byte) {
                None => None,
                Some(Part::Data(byte)) => self.data(byte),
                Some(Part::Event(event)) => Some(event),
                Some(Part::Key(DELETE)) => {
                    erase_character(&mut self.line);
                    None
                }
                Some(Part::Key(KILL)) => {
                    self.line.clear();
                    None
                }
                // The terminal has dropped its line itself.
                Some(Part::Key(_)) => None,
            };
            if event.is_some() {
                return event;
            }
        }
    }

    /// The same, where `keys` takes all that is no telnet, as it came, off what it is given, and says what
    /// has come of it; none where it has taken all.
    pub fn next_typed<T>(
        &mut self,
        input: &mut &[u8],
        mut keys: impl FnMut(&mut &[u8]) -> Option<T>,
    ) -> Option<Typed<T>> {
        loop {
            let all = *input;
            let run = self.plain_run(all);
            if run > 0 {
                let mut rest = &all[..run];
                let got = keys(&mut rest);
                let left = if got.is_some() { rest.len() } else { 0 };
                *input = &all[run - left..];
                match got {
                    Some(got) => return Some(Typed::Keys(got)),
                    None => continue,
                }
            }
            let (&byte, rest) = all.split_first()?;
            *input = rest;
            let key = match self.step(byte) {
                None => continue,
                Some(Part::Event(event)) => return Some(Typed::Event(event)),
                // What belongs to the line end of a line of before.
                Some(Part::Data(b'\n' | 0)) if self.place == Place::AfterCr => {
                    self.place = Place::Line;
                    continue;
                }
                Some(Part::Data(byte) | Part::Key(byte)) => byte,
            };
            self.place = Place::Line;
            if let Some(got) = keys(&mut &[key][..]) {
                return Some(Typed::Keys(got));
            }
        }
    }

    /// How many of the next bytes are text, where that can be said of a run of them.
    fn plain_run(&self, input: &[u8]) -> usize {
        let in_command = self.telnet.as_ref().is_some_and(|telnet| !telnet.is_idle());
        if in_command || self.place == Place::AfterCr {
            return 0;
        }
        match self.telnet {
            Some(_) => input.iter().position(|byte| *byte == IAC).unwrap_or(input.len()),
            None => input.len(),
        }
    }

    fn step(&mut self, byte: u8) -> Option<Part> {
        let Some(telnet) = &mut self.telnet else { return Some(Part::Data(byte)) };
        let token = telnet.step(byte, &mut self.line);
        if self.line.is_empty() {
            // What a subnegotiation took is given back.
            self.line = Vec::new();
        }
        Some(match token? {
            Token::Data(byte) => Part::Data(byte),
            Token::Reply(reply) => Part::Event(Event::Reply(reply)),
            Token::Changed => Part::Event(Event::Changed),
            Token::Client { told, on } => Part::Event(Event::Client { told, on }),
            Token::Size(size) => Part::Event(Event::Size(size)),
            Token::AreYouThere => Part::Event(Event::AreYouThere),
            Token::EndOfFile => Part::Event(Event::EndOfInput),
            Token::EraseCharacter => Part::Key(DELETE),
            Token::EraseLine => Part::Key(KILL),
            Token::Interrupt => Part::Key(INTERRUPT),
        })
    }

    /// What stands of a line that has not ended, to be taken by whoever takes the keys from here on.
    pub fn take_unended(&mut self) -> Vec<u8> {
        if self.place != Place::AfterCr {
            self.place = Place::Line;
        }
        std::mem::take(&mut self.line)
    }

    /// Lines are cut here again, after somebody else has taken the keys: the last one may have been half of a
    /// line end.
    pub fn take_over(&mut self) {
        self.place = Place::AfterCr;
    }

    /// Takes a piece out of what stands of a line that has not ended.
    pub fn cut_unended(&mut self, piece: Range<usize>) {
        if piece.end <= self.line.len() {
            self.line.drain(piece);
        }
    }

    /// What stands of a line that has not ended.
    pub fn unended(&self) -> &[u8] {
        &self.line
    }

    /// The sender closed: what stands unended is a line too.
    pub fn finish(&mut self) -> Option<Event> {
        if let Some(telnet) = &mut self.telnet {
            telnet.finish(&mut self.line);
        }
        let first = self.place == Place::First;
        let dropping = std::mem::replace(&mut self.place, Place::Line) == Place::Dropping;
        (!dropping && !self.line.is_empty()).then(|| self.take_line(self.by_cr, first))
    }

    /// Takes a run of bytes that mean nothing but themselves, as far as the line has room.
    fn take_plain(&mut self, input: &mut &[u8]) {
        let in_line = matches!(self.place, Place::First | Place::Line);
        let in_command = self.telnet.as_ref().is_some_and(|telnet| !telnet.is_idle());
        let may_end = self.line.is_empty() && input.first() == Some(&END_OF_FILE);
        if !in_line || in_command || may_end {
            return;
        }
        let room = MAX_LINE_BYTES - self.line.len();
        let special = |b: &u8| matches!(*b, b'\n' | b'\r' | IAC);
        let run = input.iter().take(room).position(special).unwrap_or(input.len().min(room));
        self.line.extend_from_slice(&input[..run]);
        *input = &input[run..];
    }

    fn data(&mut self, byte: u8) -> Option<Event> {
        let before = self.place;
        if before == Place::AfterCr {
            self.place = Place::Line;
        }
        match byte {
            b'\n' | 0 if before == Place::AfterCr => None,
            b'\n' | b'\r' => {
                self.by_cr = byte == b'\r';
                self.place = if self.by_cr { Place::AfterCr } else { Place::Line };
                let line = || self.take_line(self.by_cr, before == Place::First);
                (before != Place::Dropping).then(line)
            }
            _ if before == Place::Dropping => None,
            // The key that ends the input on a terminal's own line (termios(3), VEOF), which telnet passes on
            // as it is.
            END_OF_FILE if self.line.is_empty() && self.speaks_telnet() => Some(Event::EndOfInput),
            _ if self.line.len() == MAX_LINE_BYTES => {
                self.line = Vec::new();
                self.place = Place::Dropping;
                Some(Event::TooLong)
            }
            _ => {
                self.line.push(byte);
                None
            }
        }
    }

    fn speaks_telnet(&self) -> bool {
        self.telnet.as_ref().is_some_and(Telnet::speaks)
    }

    fn take_line(&mut self, by_cr: bool, first: bool) -> Event {
        let mut line = std::mem::take(&mut self.line);
        if first && line.starts_with(BYTE_ORDER_MARK) {
            line.drain(..BYTE_ORDER_MARK.len());
        }
        if by_cr && line.iter().any(|b| is_edit_key(*b)) {
            line = edited(&line);
        }
        let text = String::from_utf8(line)
            .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned());
        Event::Line { text, by_cr }
    }
}

fn is_edit_key(byte: u8) -> bool {
    matches!(byte, INTERRUPT | BACKSPACE | KILL | WORD_ERASE | DELETE)
}

/// A raw terminal sends its keys as bytes: does what they mean on a terminal's own line.
fn edited(line: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(line.len());
    for &byte in line {
        match byte {
            BACKSPACE | DELETE => erase_character(&mut out),
            WORD_ERASE => erase_word(&mut out),
            KILL | INTERRUPT => out.clear(),
            _ => out.push(byte),
        }
    }
    out
}

/// Takes the last character off, as people see it: a letter with its marks, a flag, a family.
fn erase_character(line: &mut Vec<u8>) {
    let tail = &line[line.len().saturating_sub(LOOK_BACK_BYTES)..];
    let count = match tail.utf8_chunks().last() {
        None => 0,
        Some(chunk) if !chunk.invalid().is_empty() => chunk.invalid().len(),
        Some(chunk) => chunk.valid().graphemes(true).next_back().map_or(0, str::len),
    };
    line.truncate(line.len() - count);
}

/// Takes the last word off, as Linux does on its own lines: first what is of no word, then letters, digits
/// and `_`. It takes all that is not ASCII for letters.
fn erase_word(line: &mut Vec<u8>) {
    let of_word = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_' || !byte.is_ascii();
    let end = line.iter().rposition(of_word).map_or(0, |at| at + 1);
    let start = line[..end].iter().rposition(|byte| !of_word(byte)).map_or(0, |at| at + 1);
    line.truncate(start);
}

#[cfg(test)]
#[path = "lines_tests.rs"]
mod tests;
