//! Takes terminal escape sequences out of text, as a parser of ECMA-48 would read them.
//!
//! The 8-bit forms are the C1 characters U+0080–U+009F: what reached us is UTF-8, so that is how a
//! terminal would be sent them.

/// Tells which characters of a text belong to an escape sequence, one after the other.
#[derive(Default)]
pub(super) struct Escapes(State);

impl Escapes {
    /// Whether the next character belongs to no sequence.
    pub(super) fn keep(&mut self, c: char) -> bool {
        let (next, keep) = step(self.0, c);
        self.0 = next;
        keep
    }

    /// Whether a sequence has begun that has not ended.
    pub(super) fn is_inside(&self) -> bool {
        self.0 != State::Text
    }
}

/// Whether a character outside of any sequence begins one.
pub(super) fn begins(c: char) -> bool {
    !text(c).1
}

/// Where in a sequence the text stands.
#[derive(Clone, Copy, PartialEq, Default)]
enum State {
    #[default]
    Text,
    /// After ESC.
    Escape,
    /// After ESC and intermediates (`ESC ( B` and the like).
    Intermediate,
    /// After SS2 or SS3: the next character belongs to it.
    Shift,
    /// In CSI parameters and intermediates.
    Csi,
    /// In OSC, DCS, SOS, PM or APC, up to its terminator.
    Text8,
    /// In the same, after an ESC that may begin `ESC \`.
    Text8Escape,
}

/// The characters of `raw` that belong to no escape sequence. Other controls are left for the
/// caller. A sequence without an end takes the rest of the line with it, as on a terminal.
pub(super) fn strip_escapes(raw: &str) -> impl Iterator<Item = char> + '_ {
    let mut escapes = Escapes::default();
    raw.chars().filter(move |&c| escapes.keep(c))
}

fn step(state: State, c: char) -> (State, bool) {
    match state {
        State::Text => text(c),
        State::Escape => match c {
            '[' => (State::Csi, false),
            ']' | 'P' | 'X' | '^' | '_' => (State::Text8, false),
            'N' | 'O' => (State::Shift, false),
            '\x20'..='\x2F' => (State::Intermediate, false),
            '\x30'..='\x7E' => (State::Text, false),
            c => text(c),
        },
        State::Intermediate => match c {
            '\x20'..='\x2F' => (State::Intermediate, false),
            '\x30'..='\x7E' => (State::Text, false),
            c => text(c),
        },
        State::Shift => match c {
            '\x21'..='\x7E' => (State::Text, false),
            c => text(c),
        },
        State::Csi => match c {
            '\x20'..='\x3F' => (State::Csi, false),
            '\x40'..='\x7E' => (State::Text, false),
            c => text(c),
        },
        State::Text8 => match c {
            '\x07' | '\u{9C}' | '\x18' | '\x1A' => (State::Text, false),
            '\x1B' => (State::Text8Escape, false),
            _ => (State::Text8, false),
        },
        State::Text8Escape => match c {
            '\\' => (State::Text, false),
            c => step(State::Escape, c),
        },
    }
}

/// A character outside any sequence: it may begin one.
fn text(c: char) -> (State, bool) {
    match c {
        '\x1B' => (State::Escape, false),
        '\u{8E}' | '\u{8F}' => (State::Shift, false),
        '\u{9B}' => (State::Csi, false),
        '\u{90}' | '\u{98}' | '\u{9D}' | '\u{9E}' | '\u{9F}' => (State::Text8, false),
        _ => (State::Text, true),
    }
}
