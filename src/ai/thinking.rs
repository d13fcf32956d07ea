//! What a model thinks aloud: `<think>…</think>`, which is no part of its answer, out of text that is cut anywhere.
//!
//! At the beginning of an answer, before anything is said, such a block is left out even where it never ends: the
//! model had no more to say. Further on somebody may only speak of the marks, and the answer is not to be lost with
//! that: a block is left out where it ends again, one that begins within a row where it ends in that row, and a mark
//! in code, fenced or between ticks, is text. An end without a beginning goes too: some servers take the beginning
//! for a part of the prompt.

use super::answer::MAX_ANSWER_BYTES;
use super::markdown::Fence;

const BEGIN: &str = "<think>";
const END: &str = "</think>";

/// Bytes within which a block ends that begins after something was said: what is no block after all is said then, and
/// no longer answer is shown.
const MAX_BLOCK: usize = MAX_ANSWER_BYTES;

/// Takes it out.
#[derive(Default)]
pub struct Thinking {
    /// What has come of which it is not known yet whether it is said.
    held: String,
    /// In the block at the beginning.
    inside: bool,
    /// Whether anything was said but blanks.
    begun: bool,
    /// What was said of the row that is being said.
    row: String,
    /// Ticks in it.
    ticks: usize,
    /// What the code began with, where it is in fenced code.
    fence: Option<Fence>,
}

/// What stands at the beginning of what is held.
enum Next {
    /// So many bytes of text.
    Said(usize),
    /// So many bytes of thinking, or of its marks; whether that goes on.
    Thought(usize, bool),
    /// It is not known yet.
    Unknown,
}

impl Thinking {
    /// Takes more text, and gives what of it is said.
    pub fn push(&mut self, text: &str) -> String {
        self.held.push_str(text);
        self.take(false)
    }

    /// The text ends: what was held of it.
    pub fn finish(&mut self) -> String {
        self.take(true)
    }

    fn take(&mut self, is_all: bool) -> String {
        let (held, mut at, mut said) = (std::mem::take(&mut self.held), 0, String::new());
        while at < held.len() {
            let rest = &held[at..];
            at += match self.next(rest, is_all) {
                Next::Said(length) => {
                    self.say(&rest[..length]);
                    said.push_str(&rest[..length]);
                    length
                }
                Next::Thought(length, goes_on) => {
                    self.inside = goes_on;
                    length
                }
                Next::Unknown => break,
            };
        }
        held[at..].clone_into(&mut self.held);
        said
    }

    fn next(&self, rest: &str, is_all: bool) -> Next {
        if self.inside {
            let known = rest.len() - if is_all { 0 } else { open_end(rest) };
            return match (find_end(rest), known) {
                (Some(end), _) => Next::Thought(end, false),
                (None, 0) => Next::Unknown,
                (None, known) => Next::Thought(known, true),
            };
        }
        let text = rest.find(['<', '\n']).unwrap_or(rest.len());
        match rest.as_bytes().get(text) {
            Some(b'\n') => return Next::Said(text + 1),
            _ if text > 0 => return Next::Said(text),
            _ => {}
        }
        let is_code = self.fence.is_some() || self.ticks % 2 == 1;
        if is_code {
            return Next::Said(1);
        }
        if begins_with(rest, END) {
            return Next::Thought(END.len(), false);
        }
        if !begins_with(rest, BEGIN) {
            let may_be = [BEGIN, END].iter().any(|mark| begins_with(mark, rest));
            return if may_be && !is_all { Next::Unknown } else { Next::Said(1) };
        }
        if !self.begun {
            return Next::Thought(BEGIN.len(), true);
        }
        let is_in_row = !self.row.trim().is_empty();
        let row = rest.find('\n').filter(|_| is_in_row);
        let most = row.unwrap_or(rest.len()).min(rest.floor_char_boundary(MAX_BLOCK));
        match find_end(&rest[..most]) {
            Some(end) => Next::Thought(end, false),
            None if is_all || most < rest.len() => Next::Said(1),
            None => Next::Unknown,
        }
    }

    /// This is said, of one row.
    fn say(&mut self, text: &str) {
        self.begun |= !text.trim().is_empty();
        self.row.push_str(text);
        self.ticks += text.bytes().filter(|byte| *byte == b'`').count();
        if text.ends_with('\n') {
            self.end_row();
        }
    }

    fn end_row(&mut self) {
        let row = std::mem::take(&mut self.row);
        self.ticks = 0;
        let body = row.trim();
        self.fence = match self.fence {
            Some(fence) => Some(fence).filter(|fence| !fence.ends_with(body)),
            None => Fence::of(0, body),
        };
    }
}

/// Whether a text begins with another one, which is ASCII, in whatever case.
fn begins_with(text: &str, mark: &str) -> bool {
    let beginning = text.as_bytes().get(..mark.len());
    beginning.is_some_and(|beginning| beginning.eq_ignore_ascii_case(mark.as_bytes()))
}

/// The length up to the end of the block, with its mark.
fn find_end(text: &str) -> Option<usize> {
    let mut marks = text.match_indices('<').map(|(at, _)| at);
    marks.find(|at| begins_with(&text[*at..], END)).map(|at| at + END.len())
}

/// Bytes at the end of a text that may be the beginning of the mark that ends the block.
fn open_end(text: &str) -> usize {
    let last = text.rfind('<').map_or("", |at| &text[at..]);
    if begins_with(END, last) { last.len() } else { 0 }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn said<'a>(chunks: impl IntoIterator<Item = &'a str>) -> String {
        let mut thinking = Thinking::default();
        let mut said: String = chunks.into_iter().map(|chunk| thinking.push(chunk)).collect();
        said.push_str(&thinking.finish());
        said
    }

    #[test]
    fn it_is_taken_out_wherever_it_is_cut() {
        let cases = [
            ("<think>a</think>b", "b"),
            ("x<think>a</think>b<THINK>c</Think>d", "xbd"),
            ("a</think>b", "ab"),
            ("a < b <thin", "a < b <thin"),
            ("<think>for ever", ""),
            ("<think>for ever </thin", ""),
            ("<think><think>a</think>b", "b"),
            ("é<think>日本</think>語<", "é語<"),
            ("<<think>a</think>>", "<>"),
            (" \n<think>a\nb</think>\n <THINK>c</Think>d", " \n\n d"),
            ("<think>a </thin> `</think>b `<think>`", "b `<think>`"),
            ("<think>a</think><think>for ever", ""),
            // A block further on ends, in its row where it begins in one.
            ("One.\n<think>hm\nno</think>\nTwo.", "One.\n\nTwo."),
            ("One.\n <think>hm", "One.\n <think>hm"),
            ("One.\n<think>hm\nTwo <think>x</think>.", "One.\n."),
            ("The <think> mark\nends never.", "The <think> mark\nends never."),
            ("The <think> mark", "The <think> mark"),
            ("A <think> mark\nand </think>.", "A <think> mark\nand ."),
            ("A <think><think>x</think>y\n<think>", "A y\n<think>"),
            // What is in code is text.
            ("Write `<think>` and `</think>`.\nSo.", "Write `<think>` and `</think>`.\nSo."),
            ("a ` b\n<think>x</think>c", "a ` b\nc"),
            (
                "See:\n```xml\n<think>\n</think>\n```\n<think>x</think>y</think>",
                "See:\n```xml\n<think>\n</think>\n```\ny",
            ),
            ("```\n~~~\n<think>a</think>", "```\n~~~\n<think>a</think>"),
            (
                "~~~~\n~~~\n<think>a</think>\n ~~~~~ \n</think>b",
                "~~~~\n~~~\n<think>a</think>\n ~~~~~ \nb",
            ),
            ("", ""),
        ];
        for (text, want) in cases {
            for cut in (0..=text.len()).filter(|at| text.is_char_boundary(*at)) {
                assert_eq!(said([&text[..cut], &text[cut..]]), want, "{text} at {cut}");
            }
            let mut characters = [0; 4];
            let mut thinking = Thinking::default();
            let mut bit_by_bit: String =
                text.chars().map(|c| thinking.push(c.encode_utf8(&mut characters))).collect();
            bit_by_bit.push_str(&thinking.finish());
            assert_eq!(bit_by_bit, want, "{text} by characters");
        }
    }

    #[test]
    fn a_block_that_does_not_end_holds_up_no_more_than_an_answer() {
        let long = format!("One.\n<think>{}", "x ".repeat(MAX_BLOCK));
        let mut thinking = Thinking::default();
        let mut said = thinking.push(&long[..MAX_BLOCK]);
        assert_eq!(said, "One.\n");
        said.push_str(&thinking.push(&long[MAX_BLOCK..]));
        assert_eq!(said, long);
        assert_eq!(thinking.push("</think>more"), "more");
    }

    proptest! {
        #[test]
        fn cuts_change_nothing(
            words in prop::collection::vec(
                prop::sample::select(vec![
                    "one", " ", "\n", "`", "```\n", "~~~", "<", ">", "<think>", "</think>", "</thi", "nk>", "é",
                ]),
                0..24,
            ),
            cuts in prop::collection::vec(0_usize..120, 0..20),
        ) {
            let text = words.concat();
            let mut cuts: Vec<_> =
                cuts.into_iter().map(|cut| text.floor_char_boundary(cut.min(text.len()))).collect();
            cuts.extend([0, text.len()]);
            cuts.sort_unstable();
            let chunks = cuts.windows(2).map(|cut| &text[cut[0]..cut[1]]);
            prop_assert_eq!(said(chunks), said([&*text]));
        }

        #[test]
        fn what_is_said_first_without_an_end_loses_nothing(text in "[a-z<>`\n ]{0,20}(<think>)?[a-z<>`\n ]{0,40}") {
            let text = format!("x{text}");
            prop_assert_eq!(said([&*text]), text);
        }
    }
}
