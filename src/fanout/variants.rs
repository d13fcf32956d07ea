//! What happened in a room as text, in the few forms that its clients want: each is rendered at most once
//! and shared.

use bytes::Bytes;

use crate::chat::ignores::Ignores;
use crate::chat::lobby::event::{AnswerPiece, Event};
use crate::chat::times::Times;
use crate::render::{self, Follows, Form, Sheet};

/// Blocks that were made so far, each for whoever wants the same.
struct Variants<K> {
    /// Mostly all want the same, and then nothing is allocated for that.
    first: Option<(K, Bytes)>,
    others: Vec<(K, Bytes)>,
}

impl<K: PartialEq> Variants<K> {
    fn new() -> Self {
        Self { first: None, others: Vec::new() }
    }

    fn get(&mut self, key: K, make: impl FnOnce() -> Bytes) -> Bytes {
        let mut made = self.first.iter().chain(&self.others);
        if let Some((_, made)) = made.find(|(other, _)| *other == key) {
            return made.clone();
        }
        let made = make();
        match self.first {
            None => self.first = Some((key, made.clone())),
            Some(_) => self.others.push((key, made.clone())),
        }
        made
    }
}

/// Events that are handed out together, as one block in each form.
pub(super) struct Fanout<'a> {
    events: &'a [Event],
    /// What is written on: its memory serves again when what was written is gone.
    sheet: &'a mut Sheet,
    /// By the form, and the event that a block begins with.
    blocks: Variants<(Form, usize)>,
    /// How whoever wants clock times is told, once it is known.
    clock: Option<Times>,
    /// Finds that out.
    ask_clock: fn() -> Times,
}

impl<'a> Fanout<'a> {
    pub(super) fn new(events: &'a [Event], sheet: &'a mut Sheet, ask_clock: fn() -> Times) -> Self {
        Self { events, sheet, blocks: Variants::new(), clock: None, ask_clock }
    }

    /// The events from index `seen` on. Whoever ignores an author of them gets a block of their own.
    pub(super) fn get(&mut self, form: Form, seen: usize, ignores: Option<&Ignores>) -> Bytes {
        let theirs = self.events.get(seen..).unwrap_or_default();
        let times = match form.clock {
            true => *self.clock.get_or_insert_with(self.ask_clock),
            false => Times::Ages,
        };
        if let Some(ignores) = ignores
            && theirs.iter().any(|event| is_ignored(event, ignores))
        {
            let heard = theirs.iter().filter(|event| !is_ignored(event, ignores));
            return join(self.sheet, form, times, heard);
        }
        let sheet = &mut *self.sheet;
        self.blocks.get((form, seen), || join(sheet, form, times, theirs.iter()))
    }
}

fn is_ignored(event: &Event, ignores: &Ignores) -> bool {
    event.author().is_some_and(|author| ignores.contains(author))
}

/// Events as one block.
fn join<'a>(
    sheet: &mut Sheet,
    form: Form,
    times: Times,
    events: impl Iterator<Item = &'a Event>,
) -> Bytes {
    sheet.begin(form);
    events.for_each(|event| render::event(sheet, event, times));
    sheet.take()
}

/// A piece of an answer, in each form, and for those who were shown something else in between.
pub(super) struct Pieces<'a> {
    piece: &'a AnswerPiece,
    blocks: Variants<(Form, Follows)>,
}

impl<'a> Pieces<'a> {
    pub(super) fn new(piece: &'a AnswerPiece) -> Self {
        Self { piece, blocks: Variants::new() }
    }

    pub(super) fn get(&mut self, form: Form, follows: Follows) -> Bytes {
        // Nothing of it is dated.
        let form = Form { clock: false, ..form };
        self.blocks.get((form, follows), || {
            let mut sheet = Sheet::new(form);
            render::piece(&mut sheet, self.piece, follows);
            sheet.take()
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::chat::history::{Entry, MessageKind, UnixMillis};
    use crate::chat::lobby::event::Happened;
    use crate::chat::person::Person;
    use crate::chat::pictures::Picture;
    use crate::chat::text::Text;

    fn said(conn: u64, name: &str) -> Event {
        let entry = Arc::new(Entry {
            at: UnixMillis(50_700_000),
            picture: Picture::DEFAULT,
            author: Person::example(conn, name),
            kind: MessageKind::Said,
            text: Text::clean("hi"),
        });
        Event { at: entry.at, what: Happened::Said { seq: 1, entry } }
    }

    fn joined(name: &str) -> Event {
        let what = Happened::Joined(Person::example(4, name));
        Event { at: UnixMillis(50_700_000), what }
    }

    fn events() -> Vec<Event> {
        vec![said(2, "ann"), joined("eve"), said(3, "bob")]
    }

    fn clock() -> Times {
        Times::Clock { utc_offset_secs: 0 }
    }

    fn forms() -> impl Iterator<Item = Form> {
        (0..8).map(|bits| {
            let [plain, crlf, clock] = [1, 2, 4].map(|bit| bits & bit != 0);
            Form { plain, crlf, clock }
        })
    }

    fn in_form(form: Form, events: &[Event]) -> Bytes {
        let times = if form.clock { clock() } else { Times::Ages };
        join(&mut Sheet::default(), form, times, events.iter())
    }

    #[test]
    fn whoever_came_in_between_is_handed_the_rest_in_every_form() {
        let events = events();
        let mut sheet = Sheet::default();
        let mut fanout = Fanout::new(&events, &mut sheet, clock);
        for form in forms() {
            for seen in 0..=events.len() {
                let rest = in_form(form, &events[seen..]);
                assert_eq!(fanout.get(form, seen, None), rest, "from {seen}");
            }
        }
    }

    #[test]
    fn a_form_is_made_once_and_shared() {
        let events = events();
        let mut sheet = Sheet::default();
        let mut fanout = Fanout::new(&events, &mut sheet, clock);
        for form in forms() {
            let (first, second) = (fanout.get(form, 0, None), fanout.get(form, 0, None));
            assert_eq!(first.as_ptr(), second.as_ptr());
        }
    }

    #[test]
    fn whoever_ignores_an_author_is_not_handed_what_they_said() {
        let (events, mut ignores) = (events(), Ignores::default());
        ignores.add(&Person::example(1, "me"), Person::example(3, "robert")).unwrap();
        let mut sheet = Sheet::default();
        let mut fanout = Fanout::new(&events, &mut sheet, clock);
        for form in forms() {
            let rest = in_form(form, &events[..2]);
            assert_eq!(fanout.get(form, 0, Some(&ignores)), rest);
        }
        assert_eq!(fanout.get(Form::default(), 2, Some(&ignores)), Bytes::new());
    }
}
