//! Bytes to lines, bounded.

use super::telnet::{IAC, Telnet, Token};

/// Most bytes in a line; a longer one is dropped to its end.
pub const MAX_LINE_BYTES: usize = 8 * 1024;

const BACKSPACE: u8 = 0x08;
const DELETE: u8 = 0x7F;

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
    /// Telnet: send this back.
    Reply([u8; 3]),
    /// Telnet: the peer asks whether we are there.
    AreYouThere,
    /// Telnet: the columns of the peer's terminal; none where it takes back what it told.
    Width(Option<u16>),
}

/// Cuts a stream of bytes into lines that end with LF, CR LF, CR NUL or a lone CR.
#[derive(Debug)]
pub struct LineDecoder {
    /// Takes its commands out first, where the link has that layer.
    telnet: Option<Telnet>,
    line: Vec<u8>,
    /// The rest of this line is dropped.
    dropping: bool,
    /// The last byte was a CR, so an LF or NUL now belongs to it.
    after_cr: bool,
}

impl LineDecoder {
    /// For a stream that has not begun, with telnet in it or without.
    pub fn new(telnet: Option<Telnet>) -> Self {
        Self { telnet, line: Vec::new(), dropping: false, after_cr: false }
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
            let token = match &mut self.telnet {
                Some(telnet) => telnet.step(byte),
                None => Some(Token::Data(byte)),
            };
            let event = match token {
                Some(Token::Data(byte)) => self.data(byte),
                Some(Token::Reply(reply)) => Some(Event::Reply(reply)),
                Some(Token::Width(width)) => Some(Event::Width(width)),
                Some(Token::AreYouThere) => Some(Event::AreYouThere),
                Some(Token::EraseCharacter) => {
                    erase_character(&mut self.line);
                    None
                }
                Some(Token::EraseLine) => {
                    self.line.clear();
                    None
                }
                None => None,
            };
            if event.is_some() {
                return event;
            }
        }
    }

    /// The sender closed: what stands unended is a line too.
    pub fn finish(&mut self) -> Option<Event> {
        let dropping = std::mem::take(&mut self.dropping);
        (!dropping && !self.line.is_empty()).then(|| self.take_line(false))
    }

    /// Takes a run of bytes that mean nothing but themselves, as far as the line has room.
    fn take_plain(&mut self, input: &mut &[u8]) {
        let in_command = self.telnet.as_ref().is_some_and(|telnet| !telnet.is_idle());
        if self.after_cr || self.dropping || in_command {
            return;
        }
        let room = MAX_LINE_BYTES - self.line.len();
        let special = |b: &u8| matches!(*b, b'\n' | b'\r' | IAC);
        let run = input.iter().take(room).position(special).unwrap_or(input.len().min(room));
        self.line.extend_from_slice(&input[..run]);
        *input = &input[run..];
    }

    fn data(&mut self, byte: u8) -> Option<Event> {
        let after_cr = std::mem::replace(&mut self.after_cr, byte == b'\r');
        match byte {
            b'\n' | 0 if after_cr => None,
            b'\n' | b'\r' if std::mem::take(&mut self.dropping) => None,
            b'\n' | b'\r' => Some(self.take_line(byte == b'\r')),
            _ if self.dropping => None,
            _ if self.line.len() == MAX_LINE_BYTES => {
                self.line = Vec::new();
                self.dropping = true;
                Some(Event::TooLong)
            }
            _ => {
                self.line.push(byte);
                None
            }
        }
    }

    fn take_line(&mut self, by_cr: bool) -> Event {
        let mut line = std::mem::take(&mut self.line);
        if by_cr && line.iter().any(|b| matches!(*b, BACKSPACE | DELETE)) {
            line = apply_erases(&line);
        }
        let text = String::from_utf8(line)
            .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned());
        Event::Line { text, by_cr }
    }
}

/// A raw terminal sends the erase keys as bytes: does what they mean.
fn apply_erases(line: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(line.len());
    for &byte in line {
        match byte {
            BACKSPACE | DELETE => erase_character(&mut out),
            _ => out.push(byte),
        }
    }
    out
}

/// Takes the last UTF-8 character off.
fn erase_character(line: &mut Vec<u8>) {
    while line.pop().is_some_and(|byte| byte & 0xC0 == 0x80) {}
}

#[cfg(test)]
#[path = "lines_tests.rs"]
mod tests;
