//! Text for many, in the few styles that terminals want: each made at most once, and shared.

use bytes::Bytes;

use crate::chat::ignores::Ignores;
use crate::chat::person::Person;
use crate::render::ansi::Style;

/// A text in the styles that were asked for so far.
pub(super) struct Variants {
    master: Bytes,
    made: [Option<Bytes>; Style::COUNT],
}

impl Variants {
    pub(super) fn new(master: Bytes) -> Self {
        Self { master, made: [const { None }; Style::COUNT] }
    }

    /// The form for a style; `time` is the time, for who wants that.
    pub(super) fn get(&mut self, style: Style, time: &str) -> Bytes {
        let made = &mut self.made[style.index()];
        made.get_or_insert_with(|| style.apply_at(&self.master, time)).clone()
    }
}

/// A text for a room, in the master style.
#[derive(Debug, Clone)]
pub struct Text {
    /// Whose it is; none for a notice of the lobby, which nobody can ignore.
    pub by: Option<Person>,
    /// The text.
    pub master: Bytes,
}

/// Texts that are handed out together, as one block in each style.
pub(super) struct Fanout<'a> {
    texts: &'a [Text],
    forms: Variants,
    /// Where each text begins in the block, and where the last one ends.
    starts: [Option<Vec<usize>>; Style::COUNT],
    /// Tells the time, to whoever wants messages dated by the clock.
    clock: fn() -> String,
    /// What it told.
    time: Option<String>,
}

impl<'a> Fanout<'a> {
    pub(super) fn new(texts: &'a [Text], clock: fn() -> String) -> Self {
        let forms = Variants::new(join(texts.iter()));
        Self { texts, forms, starts: [const { None }; Style::COUNT], clock, time: None }
    }

    /// The texts from index `seen` on; whoever came in between shares the block too. Whoever ignores
    /// an author of them gets a block of their own.
    pub(super) fn get(&mut self, style: Style, seen: usize, ignores: Option<&Ignores>) -> Bytes {
        let time = match style.clock {
            true => self.time.get_or_insert_with(self.clock).as_str(),
            false => "",
        };
        let theirs = &self.texts[seen.min(self.texts.len())..];
        if let Some(ignores) = ignores
            && theirs.iter().any(|text| is_ignored(text, ignores))
        {
            let heard = theirs.iter().filter(|text| !is_ignored(text, ignores));
            return style.apply_at(&join(heard), time);
        }
        let form = self.forms.get(style, time);
        if seen == 0 {
            return form;
        }
        let starts = self.starts[style.index()].get_or_insert_with(|| {
            let ends = self.texts.iter().scan(0, |end, text| {
                *end += style.apply_at(&text.master, time).len();
                Some(*end)
            });
            std::iter::once(0).chain(ends).collect()
        });
        form.slice(starts.get(seen).copied().unwrap_or(form.len())..)
    }
}

fn is_ignored(text: &Text, ignores: &Ignores) -> bool {
    text.by.as_ref().is_some_and(|by| ignores.contains(by))
}

/// Texts as one block.
fn join<'a>(mut texts: impl Iterator<Item = &'a Text>) -> Bytes {
    match (texts.next(), texts.next()) {
        (None, _) => Bytes::new(),
        (Some(only), None) => only.master.clone(),
        (Some(first), Some(second)) => {
            let mut all = Vec::with_capacity(first.master.len() * 4);
            all.extend_from_slice(&first.master);
            all.extend_from_slice(&second.master);
            texts.for_each(|text| all.extend_from_slice(&text.master));
            all.into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts() -> Vec<Text> {
        let by = |conn, name| Some(Person::example(conn, name));
        let all = [
            (by(2, "ann"), "\r\x1b[Kone\n"),
            (None, "\x1b[31mtwo\x1b[0m\n"),
            (by(3, "bob"), "three\n"),
        ];
        let text = |(by, text): (_, &'static str)| Text { by, master: Bytes::from(text) };
        all.map(text).into()
    }

    fn clock() -> String {
        "14:05".into()
    }

    fn styles() -> impl Iterator<Item = Style> {
        [(false, false), (false, true), (true, false), (true, true)]
            .into_iter()
            .flat_map(|(plain, crlf)| [false, true].map(|clock| Style { plain, crlf, clock }))
    }

    #[test]
    fn whoever_came_in_between_is_handed_the_rest_in_every_style() {
        let texts = texts();
        let mut handout = Fanout::new(&texts, clock);
        for style in styles() {
            for seen in 0..=texts.len() {
                let rest = style.apply_at(&join(texts[seen..].iter()), &clock());
                assert_eq!(handout.get(style, seen, None), rest, "from {seen}");
            }
        }
    }

    #[test]
    fn whoever_ignores_an_author_is_not_handed_their_texts() {
        let (texts, mut ignores) = (texts(), Ignores::default());
        ignores.add(&Person::example(1, "me"), Person::example(3, "robert")).unwrap();
        let mut handout = Fanout::new(&texts, clock);
        for style in styles() {
            let rest = style.apply_at(&join(texts[..2].iter()), &clock());
            assert_eq!(handout.get(style, 0, Some(&ignores)), rest);
        }
        assert_eq!(handout.get(Style::default(), 2, Some(&ignores)), Bytes::new());
    }
}
