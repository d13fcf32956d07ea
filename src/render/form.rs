//! What a terminal wants of a text, and the few controls that lobbyd itself sends.

/// Starts a block on a line where someone may be typing: CR, then erase to the end of the line.
pub(super) const BLOCK_START: &str = "\r\x1b[K";

/// Ends a block.
pub(super) const PROMPT: &str = "> ";

/// Ends a colour.
pub(super) const RESET: &str = "\x1b[0m";

/// The colours in use.
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
    /// The sequence that turns this colour on: SGR (ECMA-48 §8.3.117).
    pub(super) fn code(self) -> &'static str {
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

/// The form in which one terminal wants its text. What is shown to many is rendered once for each form
/// that is among them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Form {
    /// No escape sequences at all; a block then starts with LF.
    pub plain: bool,
    /// Lines end with CR LF, for raw terminals and telnet; a bare LF would make a staircase there.
    pub crlf: bool,
    /// Times are those of the clock, and no ages.
    pub clock: bool,
}
