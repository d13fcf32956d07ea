//! What is known of a client's terminal, and in which manner it is written to: as lines, with the editor, or
//! plainly.

use std::ops::Range;

use super::settings::Mode;

/// What a client has shown itself to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Seen {
    /// Nothing has come of it.
    #[default]
    Nothing,
    /// It sends lines.
    Lines,
    /// It speaks telnet, and is no terminal that would be known for sending keys: such clients edit lines
    /// themselves.
    Telnet,
    /// It speaks telnet and is a terminal, which sends keys where it is asked to.
    Terminal,
    /// It speaks telnet and has refused to send keys.
    Refuses,
    /// A terminal that sends keys as they are, and has said where its cursor is.
    Raw,
    /// A terminal that came by a protocol which has some: its size is known.
    Pty,
    /// One that moves no cursor.
    Dumb,
    /// Something that reads aloud what it is sent.
    ScreenReader,
}

/// In which manner a client is written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// It sends lines, and is shown blocks that end with a prompt.
    Line,
    /// It sends keys, and its line is edited here.
    Edit,
    /// It sends lines, and is shown nothing that is no text.
    Plain,
}

impl Seen {
    /// The manner that suits a client that its user has set to this mode.
    pub fn manner(self, mode: Mode) -> Manner {
        match (mode, self) {
            (Mode::Plain, _) | (Mode::Auto, Self::Dumb | Self::ScreenReader) => Manner::Plain,
            (Mode::Line, _) | (Mode::Auto, Self::Nothing | Self::Lines | Self::Telnet) => {
                Manner::Line
            }
            (Mode::Edit | Mode::Auto, Self::Refuses) => Manner::Line,
            (Mode::Edit, _) | (Mode::Auto, Self::Terminal | Self::Raw | Self::Pty) => Manner::Edit,
        }
    }
}

/// How a client is written to, and why, as its user is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Told {
    /// The manner in use.
    pub manner: Manner,
    /// What its user has set.
    pub mode: Mode,
    /// What it has shown itself to be.
    pub seen: Seen,
    /// Whether the server sends escape codes at all.
    pub escapes: bool,
    /// Whether it came over SSH, where a terminal is asked for at the beginning.
    pub is_ssh: bool,
}

/// Finds, in bytes that a terminal has sent, where its cursor is (CPR, ECMA-48 §8.3.14): in which of them that
/// stands, and the columns and rows up to there. A terminal that was told to go as far as it can has so many.
pub fn answer_in(bytes: &[u8]) -> Option<(Range<usize>, (u16, u16))> {
    let starts = bytes.windows(2).enumerate().filter(|(_, pair)| *pair == b"\x1b[");
    starts.map(|(start, _)| start).find_map(|start| {
        let rest = &bytes[start + 2..];
        let length = rest.iter().take(MAX_ANSWER_BYTES).position(|byte| *byte == b'R')?;
        let (rows, columns) = std::str::from_utf8(&rest[..length]).ok()?.split_once(';')?;
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let number = |text: &str| text.parse().ok().filter(|n: &u16| digits(text) && *n > 0);
        Some((start..start + 2 + length + 1, (number(columns)?, number(rows)?)))
    })
}

/// How many bytes a line begins with that are left of such an answer, where an editor of lines took its beginning for
/// that of a key: `;80R` at least.
pub fn torn_answer(line: &str) -> Option<usize> {
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    let rest = line.strip_prefix('[').unwrap_or(line);
    let rest = rest.get(digits(rest)..)?.strip_prefix(';')?;
    let columns = digits(rest);
    let rest = rest.get(columns..)?.strip_prefix('R')?;
    let length = line.len() - rest.len();
    (columns > 0 && length <= MAX_ANSWER_BYTES + "[".len()).then_some(length)
}

/// Bytes of such an answer: two numbers of five digits and what stands between them.
const MAX_ANSWER_BYTES: usize = 12;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_of_a_terminal_is_found_wherever_it_stands() {
        for (bytes, want) in [
            (&b"\x1b[31;93R"[..], Some((0..8, (93, 31)))),
            (b"hi\x1b[24;80Rthere", Some((2..10, (80, 24)))),
            (b"\x1b[A\x1b[24;80R", Some((3..11, (80, 24)))),
            (b"\x1b[24;80", None),
            (b"\x1b[24R", None),
            (b"\x1b[0;80R", None),
            (b"\x1b[;R", None),
            (b"\x1b[+1;80R", None),
            (b"\x1b[24;80;1R", None),
            (b"\x1b[99999;80R", None),
            (b"[24;80R", None),
            (b"\x1b[", None),
            (b"", None),
        ] {
            assert_eq!(answer_in(bytes), want, "{bytes:?}");
        }
    }

    #[test]
    fn what_is_left_of_an_answer_is_known_at_the_start_of_a_line_alone() {
        for (line, want) in [
            (";80Rhello", Some(4)),
            ("4;80R", Some(5)),
            ("24;132R/quit", Some(7)),
            ("[24;80Rhi", Some(7)),
            ("", None),
            ("hello", None),
            (";)", None),
            (";R", None),
            ("24;R", None),
            ("24;80", None),
            ("24,80R", None),
            ("80R", None),
            (";80 R", None),
            (" ;80R", None),
            ("hi;80R", None),
            (";99999999999999999R", None),
            ("本;80R", None),
        ] {
            assert_eq!(torn_answer(line), want, "{line:?}");
        }
    }

    #[test]
    fn what_a_user_has_set_goes_before_what_their_client_is() {
        use Manner::{Edit, Line, Plain};
        for (seen, auto, edit) in [
            (Seen::Nothing, Line, Edit),
            (Seen::Lines, Line, Edit),
            (Seen::Telnet, Line, Edit),
            (Seen::Terminal, Edit, Edit),
            (Seen::Refuses, Line, Line),
            (Seen::Raw, Edit, Edit),
            (Seen::Pty, Edit, Edit),
            (Seen::Dumb, Plain, Edit),
            (Seen::ScreenReader, Plain, Edit),
        ] {
            let manners = [Mode::Auto, Mode::Edit, Mode::Line, Mode::Plain].map(|m| seen.manner(m));
            assert_eq!(manners, [auto, edit, Line, Plain], "{seen:?}");
        }
    }
}
