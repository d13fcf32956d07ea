//! Text for many, in the few styles that terminals want: each made at most once, and shared.

use bytes::Bytes;

use crate::chat::ansi::Style;

/// A text in the styles that were asked for so far.
pub(super) struct Forms<'a> {
    master: &'a Bytes,
    made: [Option<Bytes>; Style::COUNT],
}

impl<'a> Forms<'a> {
    pub(super) fn new(master: &'a Bytes) -> Self {
        Self { master, made: [const { None }; Style::COUNT] }
    }

    pub(super) fn get(&mut self, style: Style) -> Bytes {
        self.made[style.index()].get_or_insert_with(|| style.apply(self.master)).clone()
    }
}

/// Texts that are handed out together, as one block in each style.
pub(super) struct Handout<'a> {
    texts: &'a [Bytes],
    all: Bytes,
    forms: [Option<Bytes>; Style::COUNT],
    /// Where each text begins in the block, and where the last one ends.
    starts: [Option<Vec<usize>>; Style::COUNT],
}

impl<'a> Handout<'a> {
    pub(super) fn new(all: Bytes, texts: &'a [Bytes]) -> Self {
        let (forms, starts) = ([const { None }; Style::COUNT], [const { None }; Style::COUNT]);
        Self { texts, all, forms, starts }
    }

    /// The texts from index `seen` on; whoever came in between shares the block too.
    pub(super) fn get(&mut self, style: Style, seen: usize) -> Bytes {
        let form = self.forms[style.index()].get_or_insert_with(|| style.apply(&self.all));
        if seen == 0 {
            return form.clone();
        }
        let starts = self.starts[style.index()].get_or_insert_with(|| {
            let ends = self.texts.iter().scan(0, |end, text| {
                *end += style.apply(text).len();
                Some(*end)
            });
            std::iter::once(0).chain(ends).collect()
        });
        form.slice(starts.get(seen).copied().unwrap_or(form.len())..)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_came_in_between_is_handed_the_rest_in_every_style() {
        let texts = ["\r\x1b[Kone\n", "\x1b[31mtwo\x1b[0m\n", "three\n"];
        let texts = texts.map(|text| Bytes::from_static(text.as_bytes()));
        let mut handout = Handout::new(texts.concat().into(), &texts);
        for (plain, crlf) in [(false, false), (false, true), (true, false), (true, true)] {
            let style = Style { plain, crlf };
            for seen in 0..=texts.len() {
                let rest = style.apply(&texts[seen..].concat().into());
                assert_eq!(handout.get(style, seen), rest, "{style:?} from {seen}");
            }
        }
    }
}
