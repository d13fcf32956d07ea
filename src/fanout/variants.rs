//! What happened in a room as text, in the few forms that its clients want: each is rendered at most once
//! and shared.

use std::sync::Arc;

use bytes::Bytes;

use crate::chat::directory::ConnId;
use crate::chat::history::UnixMillis;
use crate::chat::ignores::Ignores;
use crate::chat::lobby::event::{AnswerPiece, Event, Happened};
use crate::chat::name::Name;
use crate::chat::person::Person;
use crate::chat::settings::Bell;
use crate::chat::times::Times;
use crate::render::{self, Follows, Form, Sheet, json};

/// Blocks that were made so far, each for whoever wants the same.
struct Variants<K, B> {
    /// Mostly all want the same, and then nothing is allocated for that.
    first: Option<(K, B)>,
    others: Vec<(K, B)>,
}

impl<K: PartialEq, B: Clone> Variants<K, B> {
    fn new() -> Self {
        Self { first: None, others: Vec::new() }
    }

    fn get(&mut self, key: K, make: impl FnOnce() -> B) -> B {
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

/// Whoever is to be shown something.
pub(super) struct Reader<'a> {
    pub(super) form: Form,
    pub(super) conn: ConnId,
    pub(super) ignores: Option<&'a Ignores>,
    /// Whose message was the last thing they were shown, where that makes a difference.
    pub(super) last_author: Option<Author>,
}

/// Whoever stands before a message that was shown. The name too: not all readers are told of every change
/// of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Author {
    conn: ConnId,
    name: Name,
}

impl Author {
    fn of(who: &Person) -> Option<Self> {
        Some(Self { conn: who.conn?, name: who.name.clone() })
    }
}

impl Reader<'_> {
    fn ignores(&self, event: &Event) -> bool {
        let Some(ignores) = self.ignores else { return false };
        event.author().is_some_and(|author| ignores.contains(author))
    }

    /// Whether what they have said themselves is shown to them otherwise than to all.
    fn wants_own_otherwise(&self) -> bool {
        !self.form.echo || self.form.bell == Bell::All
    }
}

/// A block, whose message is the last in it, where its form leaves out who goes on, and how many messages
/// are in it.
type Shown = (Bytes, Option<Author>, usize);

/// Events that are handed out together, as one block in each form.
pub(super) struct Fanout<'a> {
    /// Where they happened.
    lobby: &'a Name,
    events: &'a [Event],
    /// What is written on: its memory serves again when what was written is gone.
    sheet: &'a mut Sheet,
    /// By the form, the event that a block begins with, and whose message stands before it.
    blocks: Variants<(Form, usize, Option<Author>), Shown>,
    /// Whether there are sums among them of which whoever is in one is shown the others alone.
    has_sums: bool,
    /// How whoever wants clock times is told, once it is known.
    clock: Option<Times>,
    /// Finds that out.
    ask_clock: fn() -> Times,
}

impl<'a> Fanout<'a> {
    pub(super) fn new(
        (lobby, events): (&'a Name, &'a [Event]),
        sheet: &'a mut Sheet,
        ask_clock: fn() -> Times,
    ) -> Self {
        let has_sums = events.iter().any(|event| joined_in(event).is_some());
        Self { lobby, events, sheet, blocks: Variants::new(), has_sums, clock: None, ask_clock }
    }

    /// The events from index `seen` on. Whoever ignores an author of them, or wants their own shown in
    /// another way, gets a block of their own.
    pub(super) fn get(&mut self, reader: &Reader<'_>, seen: usize) -> Shown {
        let theirs = self.events.get(seen..).unwrap_or_default();
        let times = match reader.form.clock {
            true => *self.clock.get_or_insert_with(self.ask_clock),
            false => Times::Ages,
        };
        let own = (reader.wants_own_otherwise() && theirs.iter().any(|e| is_by(e, reader.conn)))
            || (self.has_sums && theirs.iter().any(|e| counts(e, reader.conn)));
        if own || (reader.ignores.is_some() && theirs.iter().any(|event| reader.ignores(event))) {
            let heard = theirs.iter().filter(|event| !reader.ignores(event));
            return join(self.sheet, self.lobby, reader, times, heard);
        }
        let last_author = reader.last_author.clone();
        let of_room = Reader { form: reader.form.of_room(), conn: NOBODY, last_author, ..*reader };
        let key = (of_room.form, seen, of_room.last_author.clone());
        let (sheet, lobby) = (&mut *self.sheet, self.lobby);
        self.blocks.get(key, || join(sheet, lobby, &of_room, times, theirs.iter()))
    }
}

/// The number of no connection.
const NOBODY: ConnId = ConnId(0);

fn is_by(event: &Event, conn: ConnId) -> bool {
    matches!(&event.what, Happened::Said { entry, .. } if entry.author.conn == Some(conn))
}

/// Who came in, of a sum.
fn joined_in(event: &Event) -> Option<&[Person]> {
    if let Happened::ManyJoined(who) = &event.what { Some(who) } else { None }
}

/// Whether somebody is counted in a sum: they were told of themselves already.
fn counts(event: &Event, conn: ConnId) -> bool {
    let who = joined_in(event).unwrap_or_default();
    who.binary_search_by_key(&Some(conn), |who| who.conn).is_ok()
}

/// A sum without this one; nothing where they are alone in it.
fn without(event: &Event, conn: ConnId) -> Option<Event> {
    let others = joined_in(event)?.iter().filter(|who| who.conn != Some(conn));
    let others: Arc<[Person]> = others.cloned().collect();
    (!others.is_empty()).then_some(Event { at: event.at, what: Happened::ManyJoined(others) })
}

/// Events as one block.
fn join<'a>(
    sheet: &mut Sheet,
    lobby: &Name,
    reader: &Reader<'_>,
    times: Times,
    events: impl Iterator<Item = &'a Event> + Clone,
) -> Shown {
    let Reader { form, conn, .. } = *reader;
    let (mut last_author, mut messages) = (reader.last_author.clone(), 0);
    sheet.begin(form);
    let of_others =
        |event: &Event| matches!(event.what, Happened::Said { .. }) && !is_by(event, conn);
    if form.bell == Bell::All && events.clone().any(of_others) {
        sheet.ring();
    }
    for event in events {
        if form.quiet && is_coming_or_going(event) {
            continue;
        }
        // It has been shown as it came; a page takes the whole in its place.
        if matches!(event.what, Happened::AnswerKept { .. }) && !form.is_json() {
            continue;
        }
        if counts(event, conn) {
            if let Some(others) = without(event, conn) {
                match form.is_json() {
                    true => json::event(sheet, lobby, &others),
                    false => render::event(sheet, &others, times, false),
                }
                last_author = None;
            }
            continue;
        }
        if !form.echo && is_by(event, conn) {
            sheet.prompt();
            last_author = None;
            continue;
        }
        messages += usize::from(matches!(event.what, Happened::Said { .. }));
        if form.is_json() {
            json::event(sheet, lobby, event);
            continue;
        }
        let author = match &event.what {
            Happened::Said { entry, .. } if form.compact => Author::of(&entry.author),
            _ => None,
        };
        render::event(sheet, event, times, author.is_some() && author == last_author);
        last_author = author;
    }
    (sheet.take(), last_author, messages)
}

fn is_coming_or_going(event: &Event) -> bool {
    matches!(
        event.what,
        Happened::Joined(_)
            | Happened::Left(_)
            | Happened::ManyJoined(_)
            | Happened::ManyLeft(_)
            | Happened::ManyLost(_)
    )
}

/// A piece of an answer, in each form, and for those who were shown something else in between.
pub(super) struct Pieces<'a> {
    lobby: &'a Name,
    at: UnixMillis,
    piece: &'a AnswerPiece,
    blocks: Variants<(Form, Follows), Bytes>,
}

impl<'a> Pieces<'a> {
    pub(super) fn new(lobby: &'a Name, at: UnixMillis, piece: &'a AnswerPiece) -> Self {
        Self { lobby, at, piece, blocks: Variants::new() }
    }

    pub(super) fn get(&mut self, form: Form, follows: Follows) -> Bytes {
        // Nothing of it is dated, and it rings for nobody.
        let bell = Bell::Off;
        let form = Form { clock: false, compact: false, quiet: false, bell, ..form.of_room() };
        // Each piece says which answer it is of.
        let follows = if form.is_json() { Follows::Piece } else { follows };
        self.blocks.get((form, follows), || {
            let mut sheet = Sheet::new(form);
            match form.is_json() {
                true => json::answer(&mut sheet, self.lobby, self.at, self.piece),
                false => render::piece(&mut sheet, self.piece, follows),
            }
            sheet.take()
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::chat::history::{Entry, MessageKind};
    use crate::chat::person::Person;
    use crate::chat::pictures::Picture;
    use crate::chat::text::Text;
    use crate::render::Palette;

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

    fn lobby() -> Name {
        Name::parse("general").unwrap()
    }

    fn clock() -> Times {
        Times::Clock { utc_offset_secs: 0 }
    }

    fn forms() -> impl Iterator<Item = Form> {
        (0..32).map(|bits| {
            let [colourless, crlf, clock, edited, plain] =
                [1, 2, 4, 8, 16].map(|bit| bits & bit != 0);
            let palette = if colourless { Palette::None } else { Palette::Dark };
            Form { palette, crlf, clock, edited, plain, ..Form::default() }
        })
    }

    fn reader(form: Form) -> Reader<'static> {
        Reader { form, conn: ConnId(1), ignores: None, last_author: None }
    }

    fn in_form(form: Form, events: &[Event]) -> Bytes {
        let times = if form.clock { clock() } else { Times::Ages };
        join(&mut Sheet::default(), &lobby(), &reader(form), times, events.iter()).0
    }

    fn shown(reader: &Reader<'_>, events: &[Event]) -> (String, Option<Author>) {
        let mut sheet = Sheet::default();
        let (block, last, _) = Fanout::new((&lobby(), events), &mut sheet, clock).get(reader, 0);
        (String::from_utf8(block.to_vec()).unwrap(), last)
    }

    #[test]
    fn whoever_came_in_between_is_handed_the_rest_in_every_form() {
        let events = events();
        let mut sheet = Sheet::default();
        let lobby = lobby();
        let mut fanout = Fanout::new((&lobby, &events), &mut sheet, clock);
        for form in forms() {
            for seen in 0..=events.len() {
                let rest = in_form(form, &events[seen..]);
                assert_eq!(fanout.get(&reader(form), seen).0, rest, "from {seen}");
            }
        }
    }

    #[test]
    fn a_form_is_made_once_and_shared() {
        let events = events();
        let mut sheet = Sheet::default();
        let lobby = lobby();
        let mut fanout = Fanout::new((&lobby, &events), &mut sheet, clock);
        for form in forms() {
            // One's own bell, and whether one is shown one's own messages, is no matter of the others.
            let other = Form { echo: false, bell: Bell::Off, ..form };
            let first = fanout.get(&reader(form), 0).0;
            assert_eq!(first.as_ptr(), fanout.get(&reader(other), 0).0.as_ptr());
        }
    }

    #[test]
    fn whoever_ignores_an_author_is_not_handed_what_they_said() {
        let (events, mut ignores) = (events(), Ignores::default());
        ignores.add(&Person::example(1, "me"), Person::example(3, "robert")).unwrap();
        let mut sheet = Sheet::default();
        let lobby = lobby();
        let mut fanout = Fanout::new((&lobby, &events), &mut sheet, clock);
        for form in forms() {
            let rest = in_form(form, &events[..2]);
            let reader = Reader { ignores: Some(&ignores), ..reader(form) };
            assert_eq!(fanout.get(&reader, 0).0, rest);
            assert_eq!(fanout.get(&reader, 2).0, Bytes::new());
        }
    }

    #[test]
    fn who_comes_and_goes_is_nothing_to_whoever_wants_quiet() {
        let (got, _) = shown(&reader(Form { quiet: true, ..Form::PLAIN }), &events());
        assert!(got.contains(" ann ") && got.contains(" bob ") && !got.contains("eve"), "{got}");
        let (got, _) = shown(&reader(Form { quiet: true, ..Form::PLAIN }), &[joined("eve")]);
        assert_eq!(got, "", "not even a prompt");
    }

    #[test]
    fn whoever_is_in_a_sum_is_shown_the_others_alone_and_all_else_is_shared() {
        let sum = |conns: &[u64]| {
            let who = conns.iter().map(|conn| Person::example(*conn, &format!("user{conn}")));
            Event { at: UnixMillis(0), what: Happened::ManyJoined(who.collect()) }
        };
        let events = [said(2, "ann"), sum(&[5, 7, 9, 11]), sum(&[8])];
        let to = |conn| Reader { conn: ConnId(conn), ..reader(Form::PLAIN) };
        let sums = |conn| {
            let (got, _) = shown(&to(conn), &events);
            let notices = got.lines().filter_map(|line| line.strip_prefix("[LOBBY] "));
            notices.map(|line| line.replace(" joined the lobby", "")).collect::<Vec<_>>()
        };
        assert_eq!(sums(1), ["user5, user7, user9 and 1 more have", "user8 has"]);
        assert_eq!(sums(5), ["user7, user9 and user11 have", "user8 has"]);
        assert_eq!(sums(11), ["user5, user7 and user9 have", "user8 has"]);
        assert_eq!(sums(8), ["user5, user7, user9 and 1 more have"]);
        assert_eq!(shown(&to(8), &events[2..]).0, "", "not even a prompt");
        let mut sheet = Sheet::default();
        let lobby = lobby();
        let mut fanout = Fanout::new((&lobby, &events), &mut sheet, clock);
        let first = fanout.get(&to(1), 0).0;
        assert_eq!(first.as_ptr(), fanout.get(&to(6), 0).0.as_ptr());
        let quiet = Reader { form: Form { quiet: true, ..Form::PLAIN }, ..to(1) };
        assert!(!shown(&quiet, &events).0.contains("joined"));
    }

    #[test]
    fn ones_own_messages_are_but_a_prompt_without_echo() {
        let form = Form { echo: false, ..Form::PLAIN };
        let (got, _) = shown(&Reader { conn: ConnId(2), ..reader(form) }, &events());
        assert!(got.starts_with("> \n[LOBBY] eve") && !got.contains(" ann "), "{got}");
        let form = Form { palette: Palette::Dark, crlf: true, ..form };
        let (got, _) = shown(&Reader { conn: ConnId(2), ..reader(form) }, &events()[..1]);
        assert_eq!(got, "\r\x1b[K> ");
    }

    #[test]
    fn the_bell_rings_once_for_messages_of_others_where_it_is_to_ring_for_all() {
        for (bell, conn, rings) in [
            (Bell::All, 1, true),
            (Bell::All, 2, true),
            (Bell::Tags, 1, false),
            (Bell::Off, 1, false),
        ] {
            let reader = Reader { conn: ConnId(conn), ..reader(Form { bell, ..Form::PLAIN }) };
            let (got, _) = shown(&reader, &events());
            assert_eq!(got.starts_with('\x07'), rings, "{bell:?} {conn}");
            assert_eq!(got.matches('\x07').count(), usize::from(rings));
        }
        let all = Form { bell: Bell::All, ..Form::PLAIN };
        let own = Reader { conn: ConnId(2), ..reader(all) };
        assert!(!shown(&own, &events()[..1]).0.contains('\x07'), "nor for one's own");
        assert!(!shown(&reader(all), &[joined("eve")]).0.contains('\x07'), "nor for a notice");
    }

    #[test]
    fn in_one_row_the_author_is_named_where_it_changes_for_this_reader() {
        let compact = reader(Form { clock: true, compact: true, ..Form::PLAIN });
        let events = [said(2, "ann"), said(2, "ann"), joined("eve"), said(2, "ann")];
        let (got, last) = shown(&compact, &events);
        let want = "\n14:05 ann   hi\n> \n14:05       hi\n> \n14:05 [LOBBY] eve has joined the lobby\n\
            > \n14:05 ann   hi\n> ";
        let ann = Author::of(&Person::example(2, "ann"));
        assert_eq!((got.as_str(), &last), (want, &ann));
        let goes_on = Reader { last_author: ann, ..compact };
        assert_eq!(shown(&goes_on, &events[..1]).0, "\n14:05       hi\n> ");
        assert_eq!(shown(&goes_on, &[said(3, "bob")]).0, "\n14:05 bob   hi\n> ");
        let quiet = Form { quiet: true, ..compact.form };
        let back = [said(2, "ann"), joined("eve"), said(2, "ann"), joined("bea"), said(2, "bea")];
        let (got, _) = shown(&Reader { form: quiet, ..reader(quiet) }, &back);
        let want = "\n14:05 ann   hi\n> \n14:05       hi\n> \n14:05 bea   hi\n> ";
        assert_eq!(got, want, "whoever was away may have another name, though nobody was told");
        let (_, last) = shown(&reader(Form::PLAIN), &events);
        assert_eq!(last, None, "else it is no matter, and all share a block");
    }
}
