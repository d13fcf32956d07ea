//! The few controls that lobbyd itself sends, and the forms that a block takes for each terminal.
//!
//! Everything is rendered once in the master form (colours, LF) and shared by all; a terminal that
//! wants another form gets it derived from the master by [`Style::apply`].

use bytes::Bytes;

/// Starts a block on a line where someone may be typing: CR, then erase to the end of the line.
pub const BLOCK_START: &str = "\r\x1b[K";

/// Ends a block: the prompt.
pub const PROMPT: &str = "> ";

/// The colours in use, as SGR sequences (ECMA-48 §8.3.117).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colour {
    /// Failures.
    Red,
    /// Notices of a lobby, and things that worked.
    Green,
    /// Pictures and names.
    Yellow,
    /// Private messages and Rox.
    Magenta,
    /// Arrows and headings.
    Cyan,
    /// Times.
    White,
}

impl Colour {
    /// The sequence that turns this colour on.
    pub fn code(self) -> &'static str {
        match self {
            Self::Red => "\x1b[31m",
            Self::Green => "\x1b[32m",
            Self::Yellow => "\x1b[33m",
            Self::Magenta => "\x1b[35m",
            Self::Cyan => "\x1b[36m",
            Self::White => "\x1b[37m",
        }
    }
}

/// The sequence that ends a colour.
pub const RESET: &str = "\x1b[0m";

/// What one terminal wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Style {
    /// No escape sequences at all; a block then starts with LF.
    pub plain: bool,
    /// Lines end with CR LF, for raw terminals and telnet; a bare LF would make a staircase there.
    pub crlf: bool,
    /// Messages are dated by the clock as they come, rather than as just said.
    pub clock: bool,
}

/// How the master form dates a message that has just been said. No user can write an escape sequence, so
/// nothing else looks like this.
pub const LIVE_TIME: &str = "\x1b[37m[just now]";

impl Style {
    /// How many styles there are, for tables indexed by [`Style::index`].
    pub const COUNT: usize = 8;

    /// A number below [`Style::COUNT`] for each style; the master's is 0.
    pub fn index(self) -> usize {
        usize::from(self.plain) | usize::from(self.crlf) << 1 | usize::from(self.clock) << 2
    }

    /// Derives the form of `master` for this style, in which nothing has to be dated.
    pub fn apply(self, master: &Bytes) -> Bytes {
        Self { clock: false, ..self }.apply_at(master, "")
    }

    /// Derives the form of `master` for this style; `clock` is the time, for who wants that.
    pub fn apply_at(self, master: &Bytes, clock: &str) -> Bytes {
        if self == Self::default() {
            return master.clone();
        }
        let mut out = Vec::with_capacity(master.len() + master.len() / 16);
        let mut rest = master.as_ref();
        while let Some(&byte) = rest.first() {
            if self.clock && rest.starts_with(LIVE_TIME.as_bytes()) {
                rest = &rest[LIVE_TIME.len()..];
                let colour = if self.plain { "" } else { Colour::White.code() };
                for part in [colour, "[", clock, "]"] {
                    out.extend_from_slice(part.as_bytes());
                }
            } else if self.plain && rest.starts_with(BLOCK_START.as_bytes()) {
                rest = &rest[BLOCK_START.len()..];
                self.newline(&mut out);
            } else if self.plain && byte == 0x1B {
                // Only our own colours are left: everything up to the final `m`.
                let end = rest.iter().position(|b| *b == b'm').map_or(rest.len(), |i| i + 1);
                rest = &rest[end..];
            } else {
                rest = &rest[1..];
                if byte == b'\n' {
                    self.newline(&mut out);
                } else {
                    out.push(byte);
                }
            }
        }
        out.into()
    }

    fn newline(self, out: &mut Vec<u8>) {
        out.extend_from_slice(if self.crlf { b"\r\n" } else { b"\n" });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MASTER: &str = "\r\x1b[K\x1b[33m[@_@] é\x1b[0m\n  x\n> ";

    fn applied(plain: bool, crlf: bool) -> String {
        let out = Style { plain, crlf, clock: false }.apply(&Bytes::from_static(MASTER.as_bytes()));
        String::from_utf8(out.to_vec()).unwrap()
    }

    #[test]
    fn each_style_is_derived_from_the_master() {
        assert_eq!(applied(false, false), MASTER);
        assert_eq!(applied(true, false), "\n[@_@] é\n  x\n> ");
        assert_eq!(applied(false, true), MASTER.replace('\n', "\r\n"));
        assert_eq!(applied(true, true), "\r\n[@_@] é\r\n  x\r\n> ");
    }

    #[test]
    fn plain_holds_no_escape_even_in_a_cut_sequence() {
        let out = Style { plain: true, ..Style::default() }.apply(&Bytes::from_static(b"a\x1b[3"));
        assert_eq!(out.as_ref(), b"a");
    }

    #[test]
    fn a_message_is_dated_by_the_clock_for_whoever_wants_that() {
        let live = Bytes::from_static(b"\x1b[33malice\x1b[0m \x1b[37m[just now]\x1b[0m\n");
        let clock = Style { clock: true, ..Style::default() };
        let shown = clock.apply_at(&live, "14:05");
        assert_eq!(shown.as_ref(), b"\x1b[33malice\x1b[0m \x1b[37m[14:05]\x1b[0m\n");
        let plain = Style { plain: true, ..clock }.apply_at(&live, "14:05");
        assert_eq!(plain.as_ref(), b"alice [14:05]\n");
        assert_eq!(clock.apply(&live), live);
        assert_eq!(
            clock.apply_at(&Bytes::from_static(b"[just now]"), "14:05").as_ref(),
            b"[just now]"
        );
    }

    #[test]
    fn every_style_has_its_own_index() {
        let mut seen = [false; Style::COUNT];
        for bits in 0..Style::COUNT {
            let [plain, crlf, clock] = [1, 2, 4].map(|bit| bits & bit != 0);
            seen[Style { plain, crlf, clock }.index()] = true;
        }
        assert_eq!(seen, [true; Style::COUNT]);
    }
}
