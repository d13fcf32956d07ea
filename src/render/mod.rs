//! What happened, as text: every word and every control that leaves the server.
//!
//! An [`Event`] is rendered where it is shown, in the form that a client wants. This file has what people
//! say; notices and replies are beside it.

mod form;
pub mod json;
mod notices;
pub mod replies;
mod sheet;

use crate::chat::history::{Entry, MessageKind, UnixMillis};
use crate::chat::lobby::event::{AnswerPiece, Event, Happened};
use crate::chat::lobby::replay::Replay;
use crate::chat::name::Name;
use crate::chat::text::Line;
use crate::chat::times::{Times, When};
use crate::render::form::Colour;
pub use crate::render::form::Form;
pub use crate::render::notices::{announcement, sentence, server_sentence};
pub use crate::render::sheet::{Sheet, block, prompt};

/// What happened in a lobby, as a block for everybody in it; `times` is how whoever reads it wants
/// times.
pub fn event(sheet: &mut Sheet, event: &Event, times: Times) {
    sheet.open();
    match &event.what {
        Happened::Said { entry, .. } => {
            let when = match entry.kind {
                MessageKind::Said => Some(times.when(event.at, event.at)),
                MessageKind::Action | MessageKind::Tag(_) => None,
            };
            message(sheet, entry, when);
        }
        Happened::Joined(who) => {
            notices::notice(sheet, |s| _ = s.name(&who.name).fixed(" has joined the lobby"));
        }
        Happened::Left(who) => {
            notices::notice(sheet, |s| _ = s.name(&who.name).fixed(" has left the lobby"));
        }
        Happened::Renamed { before, who } => notices::notice(sheet, |s| {
            s.name(before).fixed(" is now known as ").name(&who.name);
        }),
        Happened::Asked { asker, question } => notices::notice(sheet, |s| {
            s.name(&asker.name).fixed(" asked AI: ").line(question);
        }),
        Happened::Moderated { by, what } => {
            notices::notice(sheet, |s| _ = s.name(by).fixed(" ").line(&sentence(what)));
        }
        Happened::Answered(piece) => answer(sheet, piece, Follows::Nothing),
    }
    sheet.close();
}

/// A piece of an answer, as a block for one who was last shown `follows`.
pub fn piece(sheet: &mut Sheet, piece: &AnswerPiece, follows: Follows) {
    sheet.open();
    answer(sheet, piece, follows);
    sheet.close();
}

/// A message: who and when on one line, the text under it; or, on one line, what somebody does. The
/// time is left out without one, as it is where a tag or an action is shown for the first time.
pub fn message(sheet: &mut Sheet, entry: &Entry, when: Option<When>) {
    sheet.on(Colour::Yellow).picture(entry.picture);
    match &entry.kind {
        MessageKind::Action => {
            sheet.fixed(" * ").name(&entry.author.name).off().fixed(" ").text(&entry.text, INDENT);
            dated(sheet, when);
            sheet.newline();
            return;
        }
        MessageKind::Said => sheet.fixed(" ").name(&entry.author.name).off(),
        MessageKind::Tag(whom) => {
            sheet.fixed(" ").name(&entry.author.name).off();
            sheet.on(Colour::Cyan).fixed(" @").name(whom).off()
        }
    };
    dated(sheet, when);
    sheet.newline();
    sheet.fixed("  ").tinted(Colour::Cyan, "╰─>").fixed(" ").text(&entry.text, INDENT).newline();
}

/// Stands before each row of a message but the first, which so stands under the text of that.
const INDENT: &str = "      ";

fn dated(sheet: &mut Sheet, when: Option<When>) {
    if let Some(when) = when {
        sheet.fixed(" ").on(Colour::White).fixed("[").when(when).fixed("]").off();
    }
}

/// A message as it is shown again later.
pub fn replay(sheet: &mut Sheet, entry: &Entry, times: Times, now: UnixMillis) {
    message(sheet, entry, Some(times.when(entry.at, now)));
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

/// Finished lines of Rox's answer.
fn answer(sheet: &mut Sheet, piece: &AnswerPiece, follows: Follows) {
    if follows == Follows::Nothing {
        sheet.on(Colour::Magenta).fixed("[AI Response to ").name(&piece.asker.name);
        sheet.fixed(if piece.first { "]" } else { ", continued]" }).off().newline();
    }
    for line in piece.lines.iter() {
        sheet.line(line).newline();
    }
}

/// What a user who comes into a lobby is shown before what was said there. Nothing at all where there is
/// nothing to show.
pub fn arrival(sheet: &mut Sheet, replay: &Replay) {
    if let Some(lobby) = &replay.joined {
        sheet.on(Colour::Green).fixed("Joined lobby '").name(lobby).fixed("'").off().newline();
    }
    if let Some(topic) = &replay.topic {
        sheet.tinted(Colour::Cyan, "Topic:").fixed(" ").line(topic).newline();
    }
    if let Some((count, since)) = replay.missed {
        missed(sheet, count, replay.times.when(since, replay.now));
    }
}

fn missed(sheet: &mut Sheet, count: u64, since: When) {
    sheet.on(Colour::Green).number(count);
    sheet.fixed(if count == 1 { " message" } else { " messages" });
    sheet.fixed(" since you left ");
    if matches!(since, When::Clock { .. }) {
        sheet.fixed("at ");
    }
    sheet.when(since).off().newline();
}

/// A private message, as its sender (`to`) or its receiver (`from`) sees it.
#[derive(Debug, Clone, Copy)]
pub enum Direct<'a> {
    /// Sent by the one who is shown this.
    To(&'a Name),
    /// Received.
    From(&'a Name),
}

/// A private message. One that had to wait says since when.
pub fn direct(sheet: &mut Sheet, direction: Direct<'_>, text: &Line, when: Option<When>) {
    sheet.tinted(Colour::Magenta, "[DM]").fixed(" ").on(Colour::Yellow);
    match direction {
        Direct::To(name) => sheet.fixed("You").off().fixed(" —» ").on(Colour::Yellow).name(name),
        Direct::From(name) => sheet.name(name).off().fixed(" —» ").on(Colour::Yellow).fixed("You"),
    };
    sheet.off();
    dated(sheet, when);
    sheet.newline();
    arrow(sheet, text);
}

/// Tells a user that somebody tagged them; `lobby` where they are not in it.
pub fn tagged(sheet: &mut Sheet, by: &Name, lobby: Option<&Name>) {
    sheet.on(Colour::Magenta).fixed("✦ ").name(by).fixed(" tagged you");
    if let Some(lobby) = lobby {
        sheet.fixed(" in '").name(lobby).fixed("'");
    }
    sheet.off().newline();
}

#[cfg(test)]
mod tests;
