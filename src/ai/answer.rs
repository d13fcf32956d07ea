//! From the stream of an answer's text to the lines that a lobby is shown.

use super::markdown::Markdown;
use super::thinking::Thinking;
use crate::chat::text::Line;

/// Most bytes of text in an answer; then it is cut.
pub const MAX_ANSWER_BYTES: usize = 16 * 1024;

/// Ideographs at the end of what has come that may yet change where a row ends, by what follows them.
const UNSETTLED_IDEOGRAPHS: usize = 2;

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

impl Lines {
    /// Whether there is nothing to show.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }
}

/// Makes clean lines of streamed text, in the form of a terminal. Blank lines at either end are dropped, and so is
/// what a model thinks aloud.
#[derive(Default)]
pub struct AnswerText {
    thinking: Thinking,
    markdown: Markdown,
    /// The line that is not finished yet, as it came.
    open: String,
    /// What of it was given already.
    given: Option<Line>,
    /// Blank lines that are shown only if something follows them.
    blanks: usize,
    /// What has been shown in whole lines, for the conversation.
    shown: String,
    /// Bytes taken.
    taken: usize,
    full: bool,
}

impl AnswerText {
    /// Takes more text and gives the lines that it finishes.
    pub fn push(&mut self, text: &str) -> Lines {
        if self.full {
            return Lines::default();
        }
        let said = self.thinking.push(text);
        self.add(&said)
    }

    /// Of the line that is being written, what may be shown of it by now and was not given before.
    pub fn beginning(&mut self) -> Lines {
        self.begin().unwrap_or_default()
    }

    /// Whether the answer is at its cap and takes no more.
    pub fn is_full(&self) -> bool {
        self.full
    }

    /// The answer ends: its last lines.
    pub fn finish(&mut self) -> Lines {
        let rest = self.thinking.finish();
        let mut lines = self.add(&rest);
        let raw = std::mem::take(&mut self.open);
        if !raw.is_empty() {
            self.end_line(&raw, &mut lines);
        }
        lines
    }

    /// Whether anything has been given to be shown.
    pub fn has_begun(&self) -> bool {
        !self.shown.is_empty() || self.given.is_some()
    }

    /// All that has been shown, for the conversation; empty where there was nothing to see.
    pub fn into_shown(self) -> String {
        self.shown
    }

    fn add(&mut self, said: &str) -> Lines {
        let room = MAX_ANSWER_BYTES - self.taken;
        let cut = said.floor_char_boundary(room.min(said.len()));
        self.full |= cut < said.len();
        self.taken += cut;
        self.open.push_str(&said[..cut]);
        let mut lines = Lines::default();
        if let Some(end) = self.open.rfind('\n') {
            let rest = self.open.split_off(end + 1);
            let finished = std::mem::replace(&mut self.open, rest);
            for raw in finished.lines() {
                self.end_line(raw, &mut lines);
            }
        }
        lines
    }

    fn end_line(&mut self, raw: &str, lines: &mut Lines) {
        let given = self.given.take();
        let line = self.markdown.line(raw).map(|text| Line::clean(&text));
        let Some(line) = line.or_else(|| given.clone()) else { return };
        if line.is_blank() && given.is_none() {
            self.blanks += usize::from(!self.shown.is_empty());
            return;
        }
        if let Some(given) = given.filter(|given| line.as_str().starts_with(given.as_str())) {
            lines.shown = given.as_str().len();
        } else {
            self.show_blanks(&mut lines.lines);
        }
        if !self.shown.is_empty() {
            self.shown.push('\n');
        }
        self.shown.push_str(line.as_str());
        lines.lines.push(line);
    }

    fn show_blanks(&mut self, lines: &mut Vec<Line>) {
        for _ in 0..std::mem::take(&mut self.blanks) {
            lines.push(Line::default());
            self.shown.push('\n');
        }
    }

    fn begin(&mut self) -> Option<Lines> {
        // An escape sequence may yet take back what seems to be text.
        if self.open.chars().any(char::is_control) {
            return None;
        }
        let settled = &self.open[..settled(&self.open)];
        let line = Line::clean(self.markdown.beginning(settled)?.trim_end());
        let mut lines = Lines { open: true, ..Lines::default() };
        match &self.given {
            Some(given) if !line.as_str().starts_with(given.as_str()) || *given == line => {
                return None;
            }
            Some(given) => lines.shown = given.as_str().len(),
            None if line.is_blank() => return None,
            None => self.show_blanks(&mut lines.lines),
        }
        self.given = Some(line.clone());
        lines.lines.push(line);
        Some(lines)
    }
}

/// How far a line that goes on is settled: up to the end of its last whole word, or to a place between ideographs
/// that more of them follow.
fn settled(open: &str) -> usize {
    let word = open.rfind(char::is_whitespace).unwrap_or(0);
    let tail: Vec<(usize, char)> = open[word..].char_indices().collect();
    let between = tail.windows(2).rev().skip(UNSETTLED_IDEOGRAPHS);
    let between = between.into_iter().find(|pair| pair.iter().all(|(_, c)| is_ideograph(*c)));
    between.map_or(word, |pair| word + pair[1].0)
}

/// Han and kana, between which a row may end.
fn is_ideograph(c: char) -> bool {
    matches!(c, '\u{3041}'..='\u{30FF}' | '\u{3400}'..='\u{9FFF}' | '\u{F900}'..='\u{FAFF}'
        | '\u{20000}'..='\u{3FFFF}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What somebody is shown who is shown lines, and the text for the conversation.
    fn shown(chunks: &[&str], bit_by_bit: bool) -> (Vec<String>, String) {
        let mut answer = AnswerText::default();
        let mut all: Vec<String> = Vec::new();
        let mut open = false;
        let mut show = |lines: Lines| {
            if lines.is_empty() {
                return;
            }
            if std::mem::replace(&mut open, lines.open) {
                let before = all.pop().unwrap();
                assert!(lines.lines[0].as_str().starts_with(&before));
                assert_eq!(lines.shown, before.len());
            } else {
                assert_eq!(lines.shown, 0);
            }
            all.extend(lines.lines.iter().map(|line| line.as_str().to_owned()));
        };
        for chunk in chunks {
            show(answer.push(chunk));
            if bit_by_bit {
                show(answer.beginning());
            }
        }
        show(answer.finish());
        (all, answer.into_shown())
    }

    fn whole(chunks: &[&str]) -> (Vec<String>, String) {
        shown(chunks, false)
    }

    #[test]
    fn a_line_is_given_when_it_is_finished_and_its_words_when_they_are() {
        let mut answer = AnswerText::default();
        assert!(answer.push("Hello ").is_empty());
        let begun = answer.beginning();
        assert_eq!((begun.lines[0].as_str(), begun.open, begun.shown), ("Hello", true, 0));
        assert!(answer.beginning().is_empty(), "nothing is given twice");
        assert!(answer.push("*big* wor").is_empty());
        let begun = answer.beginning();
        assert_eq!((begun.lines[0].as_str(), begun.shown), ("Hello big", 5));
        let lines = answer.push("ld\nNext");
        assert_eq!((lines.lines.len(), lines.open, lines.shown), (1, false, 9));
        assert_eq!(lines.lines[0].as_str(), "Hello big world");
        assert_eq!(answer.finish().lines[0].as_str(), "Next");
        assert_eq!(answer.into_shown(), "Hello big world\nNext");
    }

    #[test]
    fn text_without_blanks_is_given_between_ideographs() {
        let mut answer = AnswerText::default();
        answer.push("你好世界你好");
        assert_eq!(answer.beginning().lines[0].as_str(), "你好世");
        answer.push("한국어는띄어쓰기");
        assert_eq!(answer.beginning().lines[0].as_str(), "你好世界你", "not within a word");
    }

    #[test]
    fn blank_lines_stay_inside_and_go_at_the_ends() {
        let (lines, text) = whole(&["\n\n  \none\n", "\n\ntwo\r\n", "\n\n"]);
        assert_eq!(lines, ["one", "", "", "two"]);
        assert_eq!(text, "one\n\n\ntwo");
        assert_eq!(whole(&["\n \n\t"]), (vec![], String::new()));
    }

    #[test]
    fn what_is_thought_aloud_is_no_part_of_it() {
        assert_eq!(whole(&["<think>hm\nno\n</think>\n\nYes."]).0, ["Yes."]);
        assert_eq!(whole(&["<think>for ever"]).0, [""; 0]);
    }

    #[test]
    fn escape_codes_of_the_model_do_not_pass() {
        assert_eq!(whole(&["\x1b[31mred\x1b[0m\n"]).0, ["red"]);
        let mut answer = AnswerText::default();
        answer.push("one \x1b]0;two ");
        assert!(answer.beginning().is_empty());
    }

    #[test]
    fn it_is_capped_at_a_character() {
        let mut answer = AnswerText::default();
        let mut lines = answer.push(&"é".repeat(MAX_ANSWER_BYTES / 2 - 1)).lines;
        lines.extend(answer.push("x日本").lines);
        assert!(answer.is_full() && lines.is_empty());
        lines.extend(answer.finish().lines);
        assert_eq!(lines.len(), 1);
        assert!(lines[0].as_str().ends_with('x'), "the last whole character that fits");
        assert!(answer.push("more\n").is_empty());
        assert!(answer.finish().is_empty());
    }

    proptest! {
        #[test]
        fn cuts_change_nothing(
            words in prop::collection::vec(
                prop::sample::select(vec![
                    "one", "two three", " ", " ", "\n", "\n\n", "*", "**", "_", "`", "[l](", "a.b/c)", "日本語",
                    "é", "<think>", "</think>", "<", "```\n", "# ", "- ", "|--|", "    ", "\u{1b}[3m", "\r\n",
                    "\u{200d}", "👩‍👩‍👧‍👦", "https://a.b/_c_ ",
                ]),
                0..24,
            ),
            cuts in prop::collection::vec(0_usize..200, 0..30),
        ) {
            let text = words.concat();
            let mut cuts: Vec<_> =
                cuts.into_iter().map(|cut| text.floor_char_boundary(cut.min(text.len()))).collect();
            cuts.extend([0, text.len()]);
            cuts.sort_unstable();
            let chunks: Vec<_> = cuts.windows(2).map(|cut| &text[cut[0]..cut[1]]).collect();
            let want = whole(&[&text]);
            prop_assert_eq!(whole(&chunks), want.clone());
            prop_assert_eq!(shown(&chunks, true), want);
        }
    }
}
