//! What happened, as text: every word and every control that leaves the server.
//!
//! An [`Event`] is rendered where it is shown, in the form that a client wants. This file has what people
//! say; notices and replies are beside it.

mod form;
pub mod frame;
pub mod json;
mod notices;
pub mod replies;
mod sheet;
mod wrap;

use crate::chat::history::{Age, Entry, MessageKind, ROX, UnixMillis};
use crate::chat::lobby::Company;
use crate::chat::lobby::event::{AnswerPiece, Event, Happened};
use crate::chat::lobby::replay::Replay;
use crate::chat::name::Name;
use crate::chat::person::Person;
use crate::chat::text::Line;
use crate::chat::times::{Day, Times, When};
use crate::render::form::Colour;
pub use crate::render::form::{Form, Json, PROMPT, Palette};
pub use crate::render::notices::{
    announcement, deed, not_restarting, reachable, restarting, sentence, server_deed,
    server_sentence, unreachable,
};
use crate::render::notices::{bots_muted, notice};
pub use crate::render::sheet::{Sheet, block, prompt, ringing_block};
pub(crate) use crate::render::wrap::columns;

/// What happened in a lobby, as a block for everybody in it; `times` is how whoever reads it wants
/// times, `goes_on` that the message shown before was its author's too.
pub fn event(sheet: &mut Sheet, event: &Event, times: Times, goes_on: bool) {
    let when = times.when(event.at, event.at);
    let stamp = sheet.form().clock.then_some(when);
    sheet.open();
    match &event.what {
        Happened::Said { entry, .. } => {
            let when = match entry.kind {
                MessageKind::Said | MessageKind::Asked | MessageKind::Answer => Some(when),
                MessageKind::Action | MessageKind::Tag(_) => stamp,
            };
            message(sheet, entry, when, goes_on);
        }
        Happened::Joined(who) => {
            notice(sheet, stamp, |s| _ = s.name(&who.name).fixed(" has joined the lobby"));
        }
        Happened::Left(who) => {
            notice(sheet, stamp, |s| _ = s.name(&who.name).fixed(" has left the lobby"));
        }
        Happened::ManyJoined(who) => crowd(sheet, stamp, who, " joined the lobby"),
        Happened::ManyLeft(who) => crowd(sheet, stamp, who, " left the lobby"),
        Happened::ManyLost(who) => lost(sheet, stamp, who),
        Happened::Renamed { before, who } => notice(sheet, stamp, |s| {
            s.name(before).fixed(" is now known as ").name(&who.name);
        }),
        Happened::Asked { asker, question, seq: _ } => notice(sheet, stamp, |s| {
            s.name(&asker.name).fixed(" asked AI: ").line(question);
        }),
        Happened::Moderated { by, what } => {
            notice(sheet, stamp, |s| _ = s.name(by).fixed(" ").line(&sentence(what)));
        }
        Happened::Answered(piece) => {
            answer(sheet, piece, &AnswerRows::of(piece, sheet.form()), Follows::Nothing)
        }
        // Nobody is shown it in this way.
        Happened::AnswerKept { .. } => {}
        Happened::BotsMuted => bots_muted(sheet, stamp),
    }
    sheet.close();
}

/// Names of a sum; of more, their number is told.
const SUMMED_NAMES: usize = 3;

/// What several have done.
fn crowd(sheet: &mut Sheet, stamp: Option<When>, who: &[Person], done: &'static str) {
    notice(sheet, stamp, |s| {
        let named = &who[..who.len().min(SUMMED_NAMES)];
        names(s, named.iter().map(|who| &who.name), who.len() - named.len());
        s.fixed(if who.len() == 1 { " has" } else { " have" }).fixed(done);
    });
}

/// The connections of several were lost.
fn lost(sheet: &mut Sheet, stamp: Option<When>, who: &[Person]) {
    notice(sheet, stamp, |s| {
        let people = if who.len() == 1 { " person" } else { " people" };
        s.number(who.len() as u64).fixed(people).fixed(" lost their connection: ");
        let named = &who[..who.len().min(SUMMED_NAMES)];
        names(s, named.iter().map(|who| &who.name), who.len() - named.len());
    });
}

/// Names, and how many more there are.
fn names<'a>(sheet: &mut Sheet, names: impl ExactSizeIterator<Item = &'a Name>, more: usize) {
    let last = names.len().saturating_sub(1);
    for (number, name) in names.enumerate() {
        let between = match number {
            0 => "",
            number if number == last && more == 0 => " and ",
            _ => ", ",
        };
        sheet.fixed(between).name(name);
    }
    if more > 0 {
        sheet.fixed(" and ").number(more as u64).fixed(" more");
    }
}

/// A piece of an answer, as a block for one who was last shown `follows`; nothing where no row is full by it.
pub fn piece(sheet: &mut Sheet, piece: &AnswerPiece, follows: Follows) {
    let rows = AnswerRows::of(piece, sheet.form());
    if !rows.rows.is_empty() {
        sheet.open();
        answer(sheet, piece, &rows, follows);
        sheet.close();
    }
}

/// Rows of an answer that a replay shows.
pub const REPLAYED_ROWS: usize = 8;

/// An answer of Rox's that is shown again, as it was shown; of a replay its beginning.
fn answer_again(sheet: &mut Sheet, entry: &Entry, when: Option<When>, whole: bool) {
    let indent = if sheet.form().plain {
        sheet.fixed(ROX).fixed(" says to ").name(&entry.author.name).fixed(":");
        dated(sheet, when.filter(|when| !matches!(when, When::Age(Age::JustNow))));
        sheet.newline();
        ANSWER_INDENT
    } else if sheet.form().compact {
        stamped(sheet, when);
        let name = sheet.column();
        sheet.on(Colour::Magenta).fixed(ROX).off().pad_to(name + NAME_COLUMNS).fixed(" ");
        name + NAME_COLUMNS + 1
    } else {
        sheet.on(Colour::Magenta).picture(entry.picture).fixed(" ").fixed(ROX).off();
        dated(sheet, when);
        sheet.newline();
        ANSWER_INDENT
    };
    let most = if whole { usize::MAX } else { REPLAYED_ROWS };
    let more = sheet.beginning(most, |sheet| {
        if indent == ANSWER_INDENT {
            sheet.fixed("  ");
        }
        sheet.text(&entry.text, indent).newline();
    });
    if more > 0 {
        sheet.fixed("  … ").number(more as u64);
        sheet.fixed(if more == 1 { " more row: /history" } else { " more rows: /history" });
        sheet.newline();
    }
}

/// Columns before each row of an answer.
pub(crate) const ANSWER_INDENT: usize = 2;

/// A message: who and when on one line, the text under it; or, on one line, what somebody does. The
/// time is left out without one, as it is of a tag or an action that is shown for the first time.
pub fn message(sheet: &mut Sheet, entry: &Entry, when: Option<When>, goes_on: bool) {
    told(sheet, entry, when, goes_on, true);
}

/// The same; of an answer its beginning unless the `whole` is wanted.
fn told(sheet: &mut Sheet, entry: &Entry, when: Option<When>, goes_on: bool, whole: bool) {
    if entry.kind == MessageKind::Answer {
        return answer_again(sheet, entry, when, whole);
    }
    if sheet.form().plain {
        return spoken(sheet, entry, when);
    }
    if sheet.form().compact {
        return one_row(sheet, entry, when, goes_on);
    }
    sheet.on(Colour::Yellow).picture(entry.picture);
    match &entry.kind {
        MessageKind::Action => {
            author(sheet.fixed(" * "), &entry.author).off().fixed(" ").text(&entry.text, INDENT);
            dated(sheet, when);
            sheet.newline();
            return;
        }
        MessageKind::Said | MessageKind::Asked | MessageKind::Answer => {
            author(sheet.fixed(" "), &entry.author).off()
        }
        MessageKind::Tag(whom) => {
            author(sheet.fixed(" "), &entry.author).off();
            sheet.on(Colour::Cyan).fixed(" @").name(whom).off()
        }
    };
    dated(sheet, when);
    sheet.newline();
    sheet.fixed("  ").tinted(Colour::Cyan, "╰─>").fixed(" ").text(&entry.text, INDENT).newline();
}

/// Who has written something. No name has a blank or a bracket in it, so nobody can be called so.
fn author<'s>(sheet: &'s mut Sheet, who: &Person) -> &'s mut Sheet {
    sheet.name(&who.name).fixed(if who.bot { BOT_MARK } else { "" })
}

/// Stands behind the name of a bot or a hook.
const BOT_MARK: &str = " [bot]";

/// A message as it is read aloud: `alice says: hello`. When it was said is told only of what is old.
fn spoken(sheet: &mut Sheet, entry: &Entry, when: Option<When>) {
    author(sheet, &entry.author);
    match &entry.kind {
        MessageKind::Action => sheet.fixed(" "),
        MessageKind::Said | MessageKind::Asked | MessageKind::Answer => sheet.fixed(" says: "),
        MessageKind::Tag(whom) => sheet.fixed(" says to ").name(whom).fixed(": "),
    };
    sheet.text(&entry.text, 0);
    dated(sheet, when.filter(|when| !matches!(when, When::Age(Age::JustNow))));
    sheet.newline();
}

/// Columns before each row of a message but the first, which so stands under the text of that.
const INDENT: usize = 6;

/// Columns of a name in a message of one row, where it is not longer.
const NAME_COLUMNS: usize = 5;

/// A message in one row: `17:22 bob   sure, what time?`. The author is left out who `goes_on`.
fn one_row(sheet: &mut Sheet, entry: &Entry, when: Option<When>, goes_on: bool) {
    stamped(sheet, when);
    let name = sheet.column();
    let text = name + NAME_COLUMNS + 1;
    match &entry.kind {
        MessageKind::Action => {
            author(sheet.on(Colour::Yellow).fixed("* "), &entry.author).off().fixed(" ");
        }
        MessageKind::Said | MessageKind::Asked | MessageKind::Answer | MessageKind::Tag(_)
            if goes_on =>
        {
            sheet.pad_to(text);
        }
        MessageKind::Said | MessageKind::Asked | MessageKind::Answer | MessageKind::Tag(_) => {
            author(sheet.on(Colour::Yellow), &entry.author).off().pad_to(text - 1).fixed(" ");
        }
    }
    if let MessageKind::Tag(whom) = &entry.kind {
        sheet.on(Colour::Cyan).fixed("@").name(whom).off().fixed(" ");
    }
    sheet.text(&entry.text, text).newline();
}

/// When something was said, after it.
fn dated(sheet: &mut Sheet, when: Option<When>) {
    if let Some(when) = when {
        sheet.keep_together(|s| {
            s.fixed(" ").on(Colour::White).fixed("[").when(when).fixed("]").off();
        });
    }
}

/// A row with the time of it: before it where a message takes one row, else behind it.
fn timed(sheet: &mut Sheet, when: Option<When>, body: impl FnOnce(&mut Sheet)) {
    let before = sheet.form().compact;
    sheet.fitting(|sheet| {
        if before {
            stamped(sheet, when);
        }
        body(sheet);
        if !before {
            dated(sheet, when);
        }
        sheet.newline();
    });
}

/// When something was said, before it.
fn stamped(sheet: &mut Sheet, when: Option<When>) {
    if let Some(when) = when {
        sheet.on(Colour::White).when(when).off().fixed(" ");
    }
}

/// Messages that are shown again later, from the first to the last.
#[derive(Debug)]
pub struct Retelling {
    times: Times,
    now: UnixMillis,
    /// Whose the last one was, and of which day; none where it was Rox's.
    last: Option<(Option<Person>, Option<Day>)>,
    /// Whether all of an answer is shown.
    whole: bool,
}

impl Retelling {
    /// None yet; `times` is how whoever reads it wants times.
    pub fn new(times: Times, now: UnixMillis) -> Self {
        Self { times, now, last: None, whole: true }
    }

    /// The same, of a replay: of an answer its beginning is shown.
    pub fn replay(times: Times, now: UnixMillis) -> Self {
        Self { whole: false, ..Self::new(times, now) }
    }

    /// The next one. Where another day begins, whoever wants clock times is told so.
    pub fn next(&mut self, sheet: &mut Sheet, entry: &Entry) {
        let day = self.times.day(entry.at);
        let is_answer = entry.kind == MessageKind::Answer;
        let author = (!is_answer).then(|| entry.author.clone());
        let last = self.last.replace((author, day));
        let mut goes_on = false;
        if let Some((author, of)) = last {
            let is_same = author.is_some_and(|author| author.is_recorded_as(&entry.author));
            goes_on = of == day && is_same && !is_answer;
            if let Some(day) = day.filter(|_| of != day) {
                match sheet.form().plain {
                    true => sheet.day(day).newline(),
                    false => {
                        let sheet = sheet.on(Colour::White).fixed("── ").day(day);
                        sheet.fixed(" ──").off().newline()
                    }
                };
            }
        }
        let when = self.times.when(entry.at, self.now);
        told(sheet, entry, Some(when), goes_on, self.whole);
    }
}

/// A message by itself that is shown again later.
pub fn again(sheet: &mut Sheet, entry: &Entry, times: Times, now: UnixMillis) {
    // Many answers may be found, and each could fill a screen.
    told(sheet, entry, Some(times.when(entry.at, now)), false, false);
}

/// The line under a heading: an arrow and the text.
pub fn arrow(sheet: &mut Sheet, text: &Line) {
    sheet.fixed("  ").tinted(Colour::Cyan, "╰─>").fixed(" ").line(text).newline();
}

/// What stands above a piece of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Follows {
    /// The piece before.
    Piece,
    /// Something else, or there is no piece before.
    Nothing,
}

/// Columns that a row of an answer takes where the terminal's are not known.
const ANSWER_COLUMNS: usize = 78;

/// The rows of a piece of an answer that are finished with it, in one form: lines that are over, and of one that
/// goes on those that are full.
struct AnswerRows<'a> {
    rows: Vec<&'a str>,
    /// Whether rows of the same line were finished before.
    goes_on: bool,
}

impl<'a> AnswerRows<'a> {
    fn of(piece: &'a AnswerPiece, form: Form) -> Self {
        // Who is read to is read whole lines.
        if form.plain {
            let rows = piece.finished().iter().map(Line::as_str).collect();
            return Self { rows, goes_on: false };
        }
        let width = match form.width {
            0 => ANSWER_COLUMNS,
            width => width.into(),
        };
        let rows_of = |text: &'a str| wrap::rows(text, ANSWER_INDENT, width);
        // Of what was there before, all rows but the last were full.
        let known = piece.lines.first().and_then(|line| line.as_str().get(..piece.shown));
        let before = known.map_or(0, |known| rows_of(known).len() - 1);
        let mut rows: Vec<_> = piece.lines.iter().flat_map(|line| rows_of(line.as_str())).collect();
        if piece.open {
            rows.pop();
        }
        rows.drain(..before.min(rows.len()));
        Self { rows, goes_on: before > 0 }
    }
}

/// What is finished of Rox's answer, in these rows of it.
fn answer(sheet: &mut Sheet, piece: &AnswerPiece, rows: &AnswerRows<'_>, follows: Follows) {
    let AnswerRows { rows, goes_on } = rows;
    if rows.is_empty() {
        return;
    }
    if follows == Follows::Nothing {
        let begins = piece.first && !goes_on;
        sheet.on(Colour::Magenta).fixed("[AI Response to ").name(&piece.asker.name);
        sheet.fixed(if begins { "]" } else { ", continued]" }).off().newline();
    }
    sheet.answer_rows(rows);
}

/// What a user who comes into a lobby is shown before what was said there. Nothing at all where there is
/// nothing to show.
pub fn arrival(sheet: &mut Sheet, replay: &Replay) {
    if replay.joined {
        let lobby = &replay.name;
        sheet.on(Colour::Green).fixed("Joined lobby '").name(lobby).fixed("'").off().newline();
    }
    if let Some((count, since)) = replay.missed {
        let shown = (replay.stored.len() + replay.recent.len()) as u64;
        missed(sheet, count, shown, replay.times.when(since, replay.now));
    }
}

/// What the operator wants everybody to read who logs in. None of its rows begins in the first column.
pub fn motd(sheet: &mut Sheet, rows: &[Line]) {
    for row in rows {
        if !row.is_blank() {
            sheet.fixed("  ").line(row);
        }
        sheet.newline();
    }
}

/// The last that a user is told who has come into a lobby: where they are and with whom.
pub fn company(sheet: &mut Sheet, company: &Company) {
    if sheet.form().is_json() {
        return json::company(sheet, company);
    }
    if let Some(topic) = &company.topic {
        sheet.tinted(Colour::Cyan, "Topic:").fixed(" ").line(topic).newline();
    }
    sheet.fitting(|sheet| {
        sheet.on(Colour::Green).fixed("You are ");
        if company.others.is_empty() {
            sheet.fixed("alone in '").name(&company.lobby).fixed("'");
        } else {
            sheet.name(&company.you).fixed(" in '").name(&company.lobby).fixed("' with ");
            names(sheet, company.others.iter(), company.more);
        }
        sheet.fixed(".").off().fixed(" /help /users /quit").newline();
    });
}

/// So many messages were missed, of which the newest are `shown` below.
fn missed(sheet: &mut Sheet, count: u64, shown: u64, since: When) {
    sheet.on(Colour::Green).number(count);
    sheet.fixed(if count == 1 { " message" } else { " messages" });
    sheet.fixed(" since you left ");
    if matches!(since, When::Clock(clock) if clock.is_of_today()) {
        sheet.fixed("at ");
    }
    sheet.when(since);
    if shown < count {
        sheet.fixed(", the last ").number(shown).fixed(":");
    }
    sheet.off().newline();
}

/// A private message, as its sender (`to`) or its receiver (`from`) sees it.
#[derive(Debug, Clone, Copy)]
pub enum Direct<'a> {
    /// Sent by the one who is shown this.
    To(&'a Name),
    /// Received.
    From(&'a Person),
}

/// A private message. One that had to wait says since when.
pub fn direct(sheet: &mut Sheet, direction: Direct<'_>, text: &Line, when: Option<When>) {
    if sheet.form().plain {
        match direction {
            Direct::To(name) => sheet.fixed("you to ").name(name),
            Direct::From(who) => author(sheet, who).fixed(" to you"),
        };
        sheet.fixed(": ").line(text);
        dated(sheet, when);
        sheet.newline();
        return;
    }
    let compact = sheet.form().compact;
    if compact {
        stamped(sheet, when);
    }
    sheet.tinted(Colour::Magenta, "[DM]").fixed(" ").on(Colour::Yellow);
    match direction {
        Direct::To(name) => sheet.fixed("You").off().fixed(" —» ").on(Colour::Yellow).name(name),
        Direct::From(who) => author(sheet, who).off().fixed(" —» ").on(Colour::Yellow).fixed("You"),
    };
    sheet.off();
    if compact {
        sheet.fixed(": ").line(text).newline();
        return;
    }
    dated(sheet, when);
    sheet.newline();
    arrow(sheet, text);
}

/// A private message with all that is known of it.
#[derive(Debug, Clone, Copy)]
pub struct Letter<'a> {
    /// Its sender or its receiver.
    pub direction: Direct<'a>,
    /// The other of them, who is shown it; none where that is not known.
    pub you: Option<&'a Name>,
    /// What it says.
    pub text: &'a Line,
    /// When it was written.
    pub at: UnixMillis,
    /// Whether it has waited for its receiver.
    pub mail: bool,
}

/// The same with all that is known of it, of which a terminal is shown less.
pub fn letter(sheet: &mut Sheet, letter: &Letter<'_>, when: Option<When>) {
    match sheet.form().is_json() {
        true => json::letter(sheet, letter),
        false => direct(sheet, letter.direction, letter.text, when),
    }
}

/// Tells a user that somebody tagged them in a lobby, where they are or not.
pub fn tagged_in(
    sheet: &mut Sheet,
    by: &Person,
    lobby: &Name,
    is_here: bool,
    at: UnixMillis,
    when: Option<When>,
) {
    match sheet.form().is_json() {
        true => json::tagged(sheet, by, lobby, at),
        false => tagged(sheet, by, (!is_here).then_some(lobby), when),
    }
}

/// Tells a user that somebody tagged them; `lobby` where they are not in it.
pub fn tagged(sheet: &mut Sheet, by: &Person, lobby: Option<&Name>, when: Option<When>) {
    timed(sheet, when, |sheet| {
        let mark = if sheet.form().plain { "" } else { "✦ " };
        author(sheet.on(Colour::Magenta).fixed(mark), by).fixed(" tagged you");
        if let Some(lobby) = lobby {
            sheet.fixed(" in '").name(lobby).fixed("'");
        }
        sheet.off();
    });
}

#[cfg(test)]
mod forging_tests;
#[cfg(test)]
mod tests;
