//! Bytes to keys, as the terminals in use send them: xterm and those like it, rxvt, PuTTY, the consoles of
//! Linux, and what is left of the VT series.
//!
//! Sources: ECMA-48 §5.4 (control sequences), xterm's ctlseqs (PC-style and VT220-style function keys,
//! bracketed paste), rxvt's manual (keys that end with `$`, `^` and `@`), console_codes(4).

use vte::{Params, Parser, Perform};

use crate::chat::escape::{self, Escapes};

/// Most bytes of an escape sequence, its ESC counted: a key has 12 at most, and what never ends must not take
/// what is typed next.
pub(super) const MAX_SEQUENCE_BYTES: u16 = 32;

/// Most bytes of a string that begins as those do that terminals send: an answer with a colour or a name has some 30,
/// what is in a clipboard has more. Anything else that begins a string is a key with Alt, and what is typed next is
/// not to be taken for one.
pub(super) const MAX_STRING_BYTES: u16 = 4 * 1024;

/// Bytes of a report of a mouse behind `ESC [ M`: the button and the place (xterm's ctlseqs, X10 compatibility mode).
const MOUSE_BYTES: u8 = 3;

const ESC: u8 = 0x1B;
const DELETE: u8 = 0x7F;

/// How a bracketed paste ends.
const PASTE_END: &str = "\x1b[201~";

/// What a run of bytes means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Read<'a> {
    /// This text, which may have controls of two bytes (C1) in it and no others.
    Text(&'a str),
    /// A character that came in pieces.
    Char(char),
    /// A line end inside of a paste.
    LineEnd,
    /// A key.
    Key(Key),
    /// Where the cursor stands, as the terminal was asked: from 1 on.
    Position {
        /// From the top.
        row: u16,
        /// From the left.
        column: u16,
    },
}

/// A key, named after what it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Key {
    Enter,
    Left,
    Right,
    WordLeft,
    WordRight,
    Home,
    End,
    Up,
    Down,
    Backspace,
    Delete,
    /// Ctrl-D: Delete, or the end where there is nothing to delete.
    DeleteOrEnd,
    KillToStart,
    KillToEnd,
    /// To the blank before the word.
    KillBlankWord,
    KillWordLeft,
    KillWordRight,
    Yank,
    Transpose,
    Complete,
    Interrupt,
    Clear,
    Redraw,
}

/// Reads keys from a stream that may be cut anywhere.
#[derive(Default)]
pub(super) struct Keys {
    place: Place,
    /// The last byte was a CR, to which an LF or NUL would belong.
    after_cr: bool,
    /// The character that has begun goes with the key that was held with it.
    with_alt: bool,
    /// A character whose end has not come yet.
    begun: [u8; 4],
    begun_len: u8,
}

/// Where in the stream the next byte stands.
#[derive(Default)]
enum Place {
    #[default]
    Text,
    /// Behind an ESC. There is a parser only as long as that lasts, since it is larger than all of the editor.
    Sequence(Box<Sequence>),
    /// In a paste.
    Paste(Paste),
}

/// How far a paste has come.
#[derive(Default)]
struct Paste {
    /// So many bytes of its end are there.
    ended: u8,
    /// What is pasted from a terminal may have its colours with it: sequences go whole, as they do of a text that is
    /// sent by lines, and one that does not end goes up to the end of its row.
    escapes: Escapes,
}

impl Keys {
    /// Takes bytes off `input` up to the next that mean something; none where more bytes are needed.
    pub(super) fn next<'a>(&mut self, input: &mut &'a [u8]) -> Option<Read<'a>> {
        while let Some((&byte, rest)) = input.split_first() {
            match &mut self.place {
                Place::Sequence(sequence) => {
                    let (step, read) = sequence.take(byte);
                    match step {
                        Step::More => *input = rest,
                        Step::Last => {
                            *input = rest;
                            self.place = match sequence.pastes {
                                true => Place::Paste(Paste::default()),
                                false => Place::Text,
                            };
                        }
                        Step::Over => self.place = Place::Text,
                        Step::WithChar => {
                            self.place = Place::Text;
                            self.with_alt = true;
                        }
                    }
                    if read.is_some() {
                        return read;
                    }
                }
                Place::Paste(_) => {
                    let read = self.pasted(input);
                    if read.is_some() {
                        return read;
                    }
                }
                Place::Text if byte >= b' ' && byte != DELETE => {
                    self.after_cr = false;
                    let read = self.text(input);
                    if read.is_some() {
                        return read;
                    }
                }
                Place::Text if self.begun_len > 0 => {
                    let read = self.give_up();
                    if read.is_some() {
                        return read;
                    }
                }
                Place::Text => {
                    *input = rest;
                    let after_cr = std::mem::replace(&mut self.after_cr, byte == b'\r');
                    if byte == ESC {
                        self.place = Place::Sequence(Box::default());
                    } else if let Some(key) = control(byte).filter(|_| !after_cr || byte != b'\n') {
                        return Some(Read::Key(key));
                    }
                }
            }
        }
        None
    }

    /// Takes the next of a paste: what of it is no escape sequence, and no control.
    fn pasted<'a>(&mut self, input: &mut &'a [u8]) -> Option<Read<'a>> {
        let Place::Paste(paste) = &self.place else { return None };
        let all = *input;
        let (&byte, rest) = all.split_first()?;
        let read = if byte < b' ' || byte == DELETE {
            if self.begun_len > 0 {
                self.give_up()
            } else {
                *input = rest;
                Some(Read::Char(byte.into()))
            }
        } else if paste.escapes.is_inside() {
            self.piece(input)
        } else {
            self.text(input)
        };
        let Place::Paste(paste) = &mut self.place else { return None };
        let c = match read? {
            Read::Text(text) => match text.find(escape::begins) {
                None => {
                    self.after_cr = false;
                    return Some(Read::Text(text));
                }
                Some(at) if at > 0 => {
                    self.after_cr = false;
                    *input = &all[at..];
                    return Some(Read::Text(&text[..at]));
                }
                Some(_) => {
                    let c = text.chars().next()?;
                    *input = &all[c.len_utf8()..];
                    c
                }
            },
            Read::Char(c) => c,
            other @ (Read::LineEnd | Read::Key(_) | Read::Position { .. }) => return Some(other),
        };
        let after_cr = std::mem::replace(&mut self.after_cr, c == '\r');
        if matches!(c, '\r' | '\n') {
            *paste = Paste::default();
            return (c == '\r' || !after_cr).then_some(Read::LineEnd);
        }
        let kept = paste.escapes.keep(c);
        let next = PASTE_END.as_bytes().get(usize::from(paste.ended)).copied().map(char::from);
        paste.ended = match next == Some(c) {
            true => paste.ended + 1,
            false => (c == char::from(ESC)).into(),
        };
        if usize::from(paste.ended) == PASTE_END.len() {
            self.place = Place::Text;
        }
        match c {
            _ if !kept => None,
            '\t' => Some(Read::Text(" ")),
            _ if c.is_ascii_control() => None,
            _ => Some(Read::Char(c)),
        }
    }

    /// Takes the text that `input` begins with, as far as it is of one piece.
    fn text<'a>(&mut self, input: &mut &'a [u8]) -> Option<Read<'a>> {
        if self.begun_len > 0 || self.with_alt {
            return self.piece(input);
        }
        let bytes = *input;
        let run = bytes.iter().position(|b| *b < b' ' || *b == DELETE).unwrap_or(bytes.len());
        let chunk = bytes[..run].utf8_chunks().next()?;
        if !chunk.valid().is_empty() {
            *input = &bytes[chunk.valid().len()..];
            return Some(Read::Text(chunk.valid()));
        }
        self.piece(input)
    }

    /// Takes one byte of a character.
    fn piece(&mut self, input: &mut &[u8]) -> Option<Read<'static>> {
        let (&byte, rest) = input.split_first()?;
        let len = usize::from(self.begun_len);
        let next = self.begun.get_mut(len)?;
        *next = byte;
        match std::str::from_utf8(&self.begun[..=len]) {
            Ok(whole) => {
                *input = rest;
                let c = whole.chars().next();
                self.begun_len = 0;
                let with_alt = std::mem::take(&mut self.with_alt);
                c.filter(|_| !with_alt).map(Read::Char)
            }
            Err(error) if error.error_len().is_none() => {
                *input = rest;
                self.begun_len += 1;
                None
            }
            // The byte is no part of it, and may begin something else.
            Err(_) if len > 0 => self.give_up(),
            Err(_) => {
                *input = rest;
                self.give_up()
            }
        }
    }

    /// What has begun is no character.
    fn give_up(&mut self) -> Option<Read<'static>> {
        self.begun_len = 0;
        let with_alt = std::mem::take(&mut self.with_alt);
        (!with_alt).then_some(Read::Char(char::REPLACEMENT_CHARACTER))
    }
}

/// What the keys of ASCII's first column do, and the one at its end.
fn control(byte: u8) -> Option<Key> {
    Some(match byte {
        0x01 => Key::Home,
        0x02 => Key::Left,
        0x03 => Key::Interrupt,
        0x04 => Key::DeleteOrEnd,
        0x05 => Key::End,
        0x06 => Key::Right,
        0x08 | DELETE => Key::Backspace,
        b'\t' => Key::Complete,
        b'\n' | b'\r' => Key::Enter,
        0x0B => Key::KillToEnd,
        0x0C => Key::Clear,
        0x0E => Key::Down,
        0x10 => Key::Up,
        0x12 => Key::Redraw,
        0x14 => Key::Transpose,
        0x15 => Key::KillToStart,
        0x17 => Key::KillBlankWord,
        0x19 => Key::Yank,
        _ => return None,
    })
}

/// What became of a sequence with a byte.
enum Step {
    /// It goes on.
    More,
    /// It ends with it.
    Last,
    /// It ended before it.
    Over,
    /// It ended before it, and the character that it begins goes with it.
    WithChar,
}

/// What a sequence is, as far as it has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Kind {
    /// A key, or what looks like one.
    #[default]
    Key,
    /// A control sequence: ESC [ and so on (ECMA-48 §5.4).
    Control,
    /// A control string (ECMA-48 §5.6) that began with this byte, behind its ESC: DCS, SOS, OSC, PM or APC.
    String(u8),
    /// One that begins as those of terminals do.
    Answer,
    /// A report of a mouse, of which so many bytes are to come.
    Mouse(u8),
}

/// Whether terminals send strings that begin like this: OSC with a number, or a title (`l`, `L`); DCS with what was
/// asked for (DECRPSS, XTGETTCAP), a version (`>`) or an identity (`!`); and APC of kitty's pictures.
fn is_answer(begin: u8, next: u8) -> bool {
    match begin {
        b']' => next.is_ascii_digit() || matches!(next, b'l' | b'L'),
        b'P' => next.is_ascii_digit() || matches!(next, b'>' | b'!' | b'$' | b'+'),
        b'_' => next == b'G',
        _ => false,
    }
}

/// An escape sequence that has begun.
#[derive(Default)]
struct Sequence {
    parser: Parser,
    found: Found,
    /// Bytes so far, behind the ESC.
    len: u16,
    /// What it is where it is no key.
    kind: Kind,
    /// The parameters of a control sequence so far are one number.
    number: bool,
    /// A paste begins behind it.
    pastes: bool,
}

impl Sequence {
    fn take(&mut self, byte: u8) -> (Step, Option<Read<'static>>) {
        let first = self.len == 0;
        self.len += 1;
        let most = if self.kind == Kind::Answer { MAX_STRING_BYTES } else { MAX_SEQUENCE_BYTES };
        if self.len == most {
            return (Step::Over, None);
        }
        if first {
            self.advance(&[ESC]);
        }
        match (self.kind, byte) {
            // Any byte but a control, DEL too.
            (Kind::Mouse(left), b' '..) => {
                self.kind = Kind::Mouse(left.saturating_sub(1));
                return (if left <= 1 { Step::Last } else { Step::More }, None);
            }
            (Kind::String(begin), b' '..=b'~' | 0x80..) => {
                if self.len == 2 && is_answer(begin, byte) {
                    self.kind = Kind::Answer;
                }
                return (Step::More, None);
            }
            (Kind::Answer, b' '..=b'~' | 0x80..) => return (Step::More, None),
            (Kind::Control, b'M') if self.len == 2 => {
                self.kind = Kind::Mouse(MOUSE_BYTES);
                return (Step::More, None);
            }
            _ => {}
        }
        match byte {
            ESC if first && !self.found.alt => {
                self.found.alt = true;
                // Held with a key that is a sequence itself: that begins with this ESC.
                self.len = 0;
                return (Step::More, None);
            }
            // Another one begins: this was none, or is the end of a string.
            ESC => {
                *self = Self::default();
                return (Step::More, None);
            }
            0x08 | DELETE if first => return (Step::Last, Some(Read::Key(Key::KillWordLeft))),
            // A control is a key of its own, with which nobody has to wait for the end of what was none.
            ..b' ' | DELETE => return (Step::Over, None),
            b' '..=b'/' if first => return (Step::Last, None),
            0x80.. if first => return (Step::WithChar, None),
            b'P' | b'X' | b']' | b'^' | b'_' if first => {
                self.kind = Kind::String(byte);
                return (Step::More, None);
            }
            b' '..=b'/' if self.found.ss3 => return (Step::Over, None),
            b'O' if first => {
                self.found.ss3 = true;
                self.advance(b"[");
            }
            // The console of Linux has keys that end behind a second bracket.
            _ if self.found.linux => return (Step::Last, None),
            // In rxvt it ends a key that was pressed with Shift.
            b'$' if self.number => self.advance(b"~"),
            _ => {
                if first && byte == b'[' {
                    self.kind = Kind::Control;
                }
                self.number =
                    self.len > 1 && byte.is_ascii_digit() && (self.len == 2 || self.number);
                self.advance(&[byte]);
            }
        }
        let Some(end) = self.found.end.take() else { return (Step::More, None) };
        match end {
            End::Nothing => (Step::Last, None),
            End::Read(read) => (Step::Last, Some(read)),
            End::Paste => {
                self.pastes = true;
                (Step::Last, None)
            }
        }
    }

    fn advance(&mut self, bytes: &[u8]) {
        self.parser.advance(&mut self.found, bytes);
    }
}

/// What the parser has found so far.
#[derive(Default)]
struct Found {
    end: Option<End>,
    /// Alt was held, as some terminals say it: by an ESC before the sequence.
    alt: bool,
    /// It began as one of ECMA-48's single shifts, which terminals give parameters too.
    ss3: bool,
    /// One more character ends it.
    linux: bool,
}

/// How a sequence ends.
enum End {
    Nothing,
    Read(Read<'static>),
    Paste,
}

impl From<Key> for End {
    fn from(key: Key) -> Self {
        Self::Read(Read::Key(key))
    }
}

impl Perform for Found {
    fn csi_dispatch(&mut self, params: &Params, intermediates: &[u8], ignore: bool, action: char) {
        let mut numbers = params.iter().map(|param| param.first().copied().unwrap_or(0));
        let (first, second) = (numbers.next().unwrap_or(0), numbers.next());
        self.end = match action {
            _ if ignore || !intermediates.is_empty() => Some(End::Nothing),
            '[' if !self.ss3 => {
                self.linux = true;
                None
            }
            _ => Some(self.key(first, second, action)),
        };
    }

    fn esc_dispatch(&mut self, intermediates: &[u8], _: bool, byte: u8) {
        self.end = Some(match byte {
            _ if !intermediates.is_empty() => End::Nothing,
            b'b' | b'B' => Key::WordLeft.into(),
            b'f' | b'F' => Key::WordRight.into(),
            b'd' | b'D' => Key::KillWordRight.into(),
            _ => End::Nothing,
        });
    }
}

impl Found {
    /// The key of a control sequence.
    fn key(&self, first: u16, second: Option<u16>, action: char) -> End {
        let numbered = matches!(action, '~' | '^' | '@');
        // Keys with a letter have their modifiers behind a 1, or alone.
        let modifiers = match second {
            Some(second) => second,
            None if numbered => 1,
            None => first,
        };
        // xterm adds up Shift, Alt, Ctrl and Meta, and 1.
        let bits = modifiers.saturating_sub(1);
        let by_word = self.alt || bits & 0b1110 != 0 || matches!(action, '^' | '@');
        let by_word = by_word || self.ss3 && matches!(action, 'c' | 'd');
        match action {
            'A' | 'a' => Key::Up.into(),
            'B' | 'b' => Key::Down.into(),
            'C' | 'c' if by_word => Key::WordRight.into(),
            'C' | 'c' => Key::Right.into(),
            'D' | 'd' if by_word => Key::WordLeft.into(),
            'D' | 'd' => Key::Left.into(),
            'H' => Key::Home.into(),
            'F' => Key::End.into(),
            'M' if self.ss3 => Key::Enter.into(),
            'R' if !self.ss3 => match second {
                Some(column) => End::Read(Read::Position { row: first, column }),
                None => End::Nothing,
            },
            '~' if first == 200 => End::Paste,
            _ if !numbered => End::Nothing,
            _ => match first {
                1 | 7 => Key::Home.into(),
                4 | 8 => Key::End.into(),
                3 if by_word => Key::KillWordRight.into(),
                3 => Key::Delete.into(),
                _ => End::Nothing,
            },
        }
    }
}

#[cfg(test)]
#[path = "keys_tests.rs"]
mod tests;
