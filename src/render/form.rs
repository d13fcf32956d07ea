//! What a terminal wants of a text, and the few controls that lobbyd itself sends.

use crate::chat::settings::Bell;

/// Starts a block on a line where someone may be typing: CR, then erase to the end of the line.
pub(super) const BLOCK_START: &str = "\r\x1b[K";

/// Rings the bell of a terminal, or flashes its window (BEL, ECMA-48 §8.3.3).
pub(super) const BEL: &str = "\x07";

/// Ends a block, for whoever may say something.
pub const PROMPT: &str = "> ";

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
    pub(super) fn code(self, palette: Palette) -> &'static str {
        match (self, palette) {
            (_, Palette::None) => "",
            (Self::Red, _) => "\x1b[31m",
            (Self::Green, Palette::Dark) => "\x1b[32m",
            (Self::Yellow, Palette::Dark) => "\x1b[33m",
            (Self::Magenta, _) => "\x1b[35m",
            (Self::Cyan, Palette::Dark) => "\x1b[36m",
            (Self::White, Palette::Dark) => "\x1b[37m",
            // The plain green and cyan are too pale for white: these are of the 256 colours.
            (Self::Green, Palette::Light) => "\x1b[38;5;22m",
            (Self::Cyan, Palette::Light) => "\x1b[38;5;24m",
            (Self::Yellow, Palette::Light) => "\x1b[34m",
            (Self::White, Palette::Light) => "\x1b[90m",
        }
    }
}

/// What the colours are chosen for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Palette {
    /// No escape sequences at all; a block then starts with LF.
    None,
    /// Light text on a dark ground.
    #[default]
    Dark,
    /// Dark text on a light ground.
    Light,
}

/// Whether a client reads JSON, an object for each thing that it is shown, and what stands around an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Json {
    /// It reads text.
    #[default]
    Off,
    /// Objects, each on a line of its own.
    Lines,
    /// Objects, each a text frame of a WebSocket (RFC 6455 §5.2). A server masks nothing, so a frame is the
    /// same for all and is shared like any block.
    Frames,
}

/// The form in which one terminal wants its text. What is shown to many is rendered once for each form
/// that is among them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Form {
    /// The colours, or that there are none.
    pub palette: Palette,
    /// Lines end with CR LF, for raw terminals and telnet; a bare LF would make a staircase there.
    pub crlf: bool,
    /// The client's line is edited by the server, which erases and draws it itself, with its prompt: a block
    /// is rows alone.
    pub edited: bool,
    /// Nothing but text: no picture, arrow or rule, and a message has one row, however long.
    pub plain: bool,
    /// Times are those of the clock, and no ages.
    pub clock: bool,
    /// No more than the text itself, for a program that reads it: no beginning of a block, and no prompt.
    pub bare: bool,
    /// A message stands in one row, without picture and arrow.
    pub compact: bool,
    /// Nothing of who comes and goes.
    pub quiet: bool,
    /// One's own messages are shown.
    pub echo: bool,
    /// When the terminal's bell rings.
    pub bell: Bell,
    /// Columns of the terminal, for which text is wrapped; 0 where it is not.
    pub width: u16,
    /// Objects instead of text; then all else is as [`Form::json`] has it.
    pub json: Json,
}

impl Default for Form {
    fn default() -> Self {
        Self {
            palette: Palette::Dark,
            crlf: false,
            edited: false,
            plain: false,
            clock: false,
            bare: false,
            compact: false,
            quiet: false,
            echo: true,
            bell: Bell::default(),
            width: 0,
            json: Json::Off,
        }
    }
}

impl Form {
    /// That of a client which reads JSON. It has no other wishes: what a user has set is about terminals, and a
    /// page shows as much or as little of what it is told as it likes.
    pub fn json(json: Json) -> Self {
        Self { palette: Palette::None, bare: true, bell: Bell::Off, json, ..Self::default() }
    }

    /// Whether it is one of those.
    pub fn is_json(self) -> bool {
        match self.json {
            Json::Off => false,
            Json::Lines | Json::Frames => true,
        }
    }

    /// The same for a client whose line is edited here. What it types is shown by nobody else, so its own
    /// messages are always shown.
    pub fn edited(self) -> Self {
        Self { edited: true, crlf: true, echo: true, ..self }
    }

    /// For tests: text alone, with the settings of somebody new.
    #[cfg(test)]
    pub(crate) const PLAIN: Self = Self {
        palette: Palette::None,
        crlf: false,
        edited: false,
        plain: false,
        clock: false,
        bare: false,
        compact: false,
        quiet: false,
        echo: true,
        bell: Bell::Tags,
        width: 0,
        json: Json::Off,
    };

    /// What of it makes a difference to what all in a room are shown, whoever has said it.
    pub(crate) fn of_room(self) -> Self {
        let bell = if self.bell == Bell::All { Bell::All } else { Bell::Off };
        Self { echo: true, bell, ..self }
    }
}
