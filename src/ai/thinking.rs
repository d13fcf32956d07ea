//! What a model thinks aloud: `<think>…</think>`, which is no part of its answer, out of text that is cut anywhere.

const BEGIN: &str = "<think>";
const END: &str = "</think>";

/// Takes it out. A mark that stands alone goes too: some servers take the beginning for a part of the prompt.
#[derive(Default)]
pub struct Thinking {
    /// The beginning of what may become a mark.
    held: String,
    inside: bool,
}

impl Thinking {
    /// Takes more text, and gives what of it is said.
    pub fn push(&mut self, text: &str) -> String {
        self.held.push_str(text);
        let mut said = String::new();
        loop {
            let (begin, end) = (find(&self.held, BEGIN), find(&self.held, END));
            let first = match (begin, end) {
                _ if self.inside => end.map(|at| (at, END)),
                (Some(at), Some(end)) if at < end => Some((at, BEGIN)),
                (_, Some(at)) => Some((at, END)),
                (Some(at), None) => Some((at, BEGIN)),
                (None, None) => None,
            };
            let Some((at, mark)) = first else { break };
            let rest = self.held.split_off(at + mark.len());
            let before = std::mem::replace(&mut self.held, rest);
            if !self.inside {
                said.push_str(&before[..at]);
            }
            self.inside = mark == BEGIN;
        }
        let kept = self.held.split_off(self.held.len() - open_mark(&self.held));
        let sure = std::mem::replace(&mut self.held, kept);
        if !self.inside {
            said.push_str(&sure);
        }
        said
    }

    /// The text ends: what was held of it.
    pub fn finish(&mut self) -> String {
        let held = std::mem::take(&mut self.held);
        if self.inside { String::new() } else { held }
    }
}

fn find(text: &str, mark: &str) -> Option<usize> {
    text.as_bytes().windows(mark.len()).position(|part| part.eq_ignore_ascii_case(mark.as_bytes()))
}

/// Bytes at the end of a text that may be the beginning of a mark.
fn open_mark(text: &str) -> usize {
    let bytes = text.as_bytes();
    let begins = |length: &usize| {
        let end = &bytes[bytes.len() - length..];
        [BEGIN, END].iter().any(|mark| {
            mark.as_bytes().get(..*length).is_some_and(|part| part.eq_ignore_ascii_case(end))
        })
    };
    (1..END.len().min(bytes.len() + 1)).rev().find(begins).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_taken_out_wherever_it_is_cut() {
        let cases = [
            ("<think>a</think>b", "b"),
            ("x<think>a</think>b<THINK>c</Think>d", "xbd"),
            ("a</think>b", "ab"),
            ("a < b <thin", "a < b <thin"),
            ("<think>for ever", ""),
            ("<think><think>a</think>b", "b"),
            ("é<think>日本</think>語<", "é語<"),
            ("<<think>a</think>>", "<>"),
            ("", ""),
        ];
        for (text, want) in cases {
            for cut in (0..=text.len()).filter(|at| text.is_char_boundary(*at)) {
                let mut thinking = Thinking::default();
                let mut said = thinking.push(&text[..cut]);
                said.push_str(&thinking.push(&text[cut..]));
                said.push_str(&thinking.finish());
                assert_eq!(said, want, "{text} at {cut}");
            }
            let mut thinking = Thinking::default();
            let mut said: String =
                text.chars().map(|c| thinking.push(c.encode_utf8(&mut [0; 4]))).collect();
            said.push_str(&thinking.finish());
            assert_eq!(said, want, "{text} by characters");
        }
    }
}
