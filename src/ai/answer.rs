//! From the stream of an answer's text to the lines that a lobby is shown.

use crate::chat::text::Line;

/// Most bytes of text in an answer; then it ends with `…` and counts as whole.
pub const MAX_ANSWER_BYTES: usize = 16 * 1024;

/// Lines of an answer as they are to be shown; see [`AnswerPiece`](crate::chat::lobby::event::AnswerPiece).
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Lines {
    /// The lines.
    pub lines: Vec<Line>,
    /// Whether the last one goes on.
    pub open: bool,
    /// Bytes of the first one that were given before.
    pub shown: usize,
}

/// Cuts streamed text into finished, clean lines. Blank lines at either end are dropped.
#[derive(Default)]
pub struct AnswerText {
    /// The line that is not finished yet.
    open: String,
    /// Blank lines that are shown only if something follows them.
    blanks: usize,
    /// What has been shown, for the conversation.
    shown: String,
    /// Bytes taken.
    taken: usize,
    full: bool,
}

impl AnswerText {
    /// Takes more text and gives the lines that it finishes.
    pub fn push(&mut self, text: &str) -> Vec<Line> {
        if self.full {
            return Vec::new();
        }
        let room = MAX_ANSWER_BYTES - self.taken;
        let cut = if text.len() > room { text.floor_char_boundary(room) } else { text.len() };
        self.taken += cut;
        self.open.push_str(&text[..cut]);
        let mut lines = Vec::new();
        if let Some(end) = self.open.rfind('\n') {
            let rest = self.open.split_off(end + 1);
            let finished = std::mem::replace(&mut self.open, rest);
            for raw in finished.lines() {
                self.add(raw, &mut lines);
            }
        }
        if cut < text.len() {
            self.full = true;
            self.open.push('…');
            lines.extend(self.finish());
        }
        lines
    }

    /// Whether the answer is at its cap and takes no more.
    pub fn is_full(&self) -> bool {
        self.full
    }

    /// The answer ends: its last lines.
    pub fn finish(&mut self) -> Vec<Line> {
        let (mut lines, raw) = (Vec::new(), std::mem::take(&mut self.open));
        if !raw.is_empty() {
            self.add(&raw, &mut lines);
        }
        lines
    }

    /// All that has been shown, for the conversation; empty where there was nothing to see.
    pub fn into_shown(self) -> String {
        self.shown
    }

    fn add(&mut self, raw: &str, lines: &mut Vec<Line>) {
        let line = Line::clean(raw);
        if line.is_blank() {
            self.blanks += usize::from(!self.shown.is_empty());
            return;
        }
        for _ in 0..std::mem::take(&mut self.blanks) {
            lines.push(Line::default());
            self.shown.push('\n');
        }
        if !self.shown.is_empty() {
            self.shown.push('\n');
        }
        self.shown.push_str(line.as_str());
        lines.push(line);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shown(chunks: &[&str]) -> (Vec<String>, String) {
        let mut answer = AnswerText::default();
        let mut lines: Vec<_> = chunks.iter().flat_map(|c| answer.push(c)).collect();
        lines.extend(answer.finish());
        (lines.iter().map(|l| l.as_str().to_owned()).collect(), answer.into_shown())
    }

    #[test]
    fn a_line_is_given_when_it_is_finished() {
        let mut answer = AnswerText::default();
        assert!(answer.push("Hello ").is_empty());
        let lines = answer.push("world\nNext");
        assert_eq!(lines.len(), 1);
        assert_eq!(lines[0].as_str(), "Hello world");
        assert_eq!(answer.finish()[0].as_str(), "Next");
    }

    #[test]
    fn blank_lines_stay_inside_and_go_at_the_ends() {
        let (lines, whole) = shown(&["\n\n  \none\n", "\n\ntwo\r\n", "\n\n"]);
        assert_eq!(lines, ["one", "", "", "two"]);
        assert_eq!(whole, "one\n\n\ntwo");
        assert_eq!(shown(&["\n \n\t"]), (vec![], String::new()));
    }

    #[test]
    fn escape_codes_of_the_model_do_not_pass() {
        assert_eq!(shown(&["\x1b[31mred\x1b[0m\n"]).0, ["red"]);
    }

    #[test]
    fn it_is_capped_at_a_character_and_ends_with_an_ellipsis() {
        let mut answer = AnswerText::default();
        let mut lines = answer.push(&"é".repeat(MAX_ANSWER_BYTES / 2 - 1));
        lines.extend(answer.push("x日本"));
        assert!(answer.is_full());
        assert_eq!(lines.len(), 1);
        let text = lines[0].as_str();
        assert!(text.ends_with("x…"), "the last whole character that fits, then the ellipsis");
        assert!(answer.push("more\n").is_empty());
        assert!(answer.finish().is_empty());
    }

    proptest! {
        #[test]
        fn cuts_change_nothing(
            words in prop::collection::vec("[a-z\\n é日]{0,6}", 0..12),
        ) {
            let chunks: Vec<_> = words.iter().map(String::as_str).collect();
            prop_assert_eq!(shown(&chunks), shown(&[&words.concat()]));
        }
    }
}
