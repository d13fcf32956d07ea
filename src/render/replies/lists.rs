//! Lists of what there is: users, lobbies, pictures.

use crate::chat::directory::ConnId;
use crate::chat::ignores::Ignores;
use crate::chat::lobbies::LobbySummary;
use crate::chat::lobby::Presence;
use crate::chat::name::Name;
use crate::chat::pictures;
use crate::chat::text::Line;
use crate::render::form::Colour;
use crate::render::{Sheet, json};

/// The beginning of the answer to `/users`: so many follow.
pub fn users(sheet: &mut Sheet, lobby: &Name, count: usize) {
    if sheet.form().is_json() {
        return json::begin_users(sheet, lobby);
    }
    sheet.on(Colour::Cyan).fixed("=== Users in '").name(lobby).fixed("' (");
    sheet.number(count as u64).fixed(") ===").off().newline();
}

/// A user in the answer to `/users`, with what holds of them for the one who asks, who is `you` and
/// ignores these.
pub fn user(sheet: &mut Sheet, user: &Presence, you: ConnId, ignores: &Ignores) {
    if sheet.form().is_json() {
        return json::user(sheet, user, you, ignores);
    }
    let Presence { picture, who, owner, operator, admin, away } = user;
    sheet.fixed("  ").on(Colour::Yellow).pictured(*picture).name(&who.name).off();
    for (holds, mark) in [
        (*owner, " (owner)"),
        (*operator, " (operator)"),
        (*admin, " (admin)"),
        (who.bot, " (bot)"),
        (away.is_some(), " (away)"),
        (who.conn == Some(you), " (you)"),
        (ignores.contains(who), " (ignored)"),
    ] {
        sheet.fixed(if holds { mark } else { "" });
    }
    if let Some(text) = away {
        sheet.fixed(": ").line(text);
    }
    sheet.newline();
}

/// The beginning of the answer to `/lobbies`: so many there are in all.
pub fn lobbies(sheet: &mut Sheet, total: usize) {
    sheet.on(Colour::Cyan).fixed("=== Available Lobbies (").number(total as u64);
    sheet.fixed(") ===").off().newline();
}

/// The end of a page of that, where more follow: how to see the next.
pub fn more_lobbies(sheet: &mut Sheet, page: usize, of: usize, word: Option<&Line>) {
    sheet.fixed("Page ").number(page as u64).fixed(" of ").number(of as u64).fixed(". /lobbies ");
    if let Some(word) = word {
        sheet.line(word).fixed(" ");
    }
    sheet.number(page as u64 + 1).fixed(" shows the next.").newline();
}

/// A lobby in the answer to `/lobbies`.
pub fn lobby(sheet: &mut Sheet, LobbySummary { state, users }: &LobbySummary) {
    sheet.fixed("Lobby: ").on(Colour::Yellow).name(&state.name).off().newline();
    sheet.fitting(|sheet| {
        sheet.fixed("  Privacy: ").fixed(if state.is_private() { "private" } else { "public" });
        sheet.fixed(" | AI: ").fixed(if state.prompt.is_some() {
            "custom AI"
        } else {
            "default AI"
        });
        sheet.fixed(" | Created by: ").name(&state.creator);
        sheet.fixed(" | Users: ").number(*users as u64).newline();
    });
    sheet.fixed("  Description: ");
    if state.description.is_blank() {
        sheet.fixed("No description").newline();
    } else {
        sheet.line(&state.description).newline();
    }
    if let Some(topic) = &state.topic {
        sheet.fixed("  Topic: ").line(topic).newline();
    }
}

/// Pictures side by side at most, and the columns that each of them takes: the widest picture fits, and
/// all three fit 80.
const PICTURES_ABREAST: usize = 3;
const PICTURE_COLUMNS: usize = 26;

/// What a name takes before its picture, with the blanks around it.
const PICTURE_NAME_COLUMNS: usize = 12;

/// The answer to `/sp list`: by name, down each column. In plain text the names alone, one after the other, as they are
/// read aloud.
pub fn picture_list(sheet: &mut Sheet) {
    sheet.tinted(Colour::Cyan, "=== Available Profile Pictures ===").newline();
    let all: Vec<_> = pictures::all().collect();
    if sheet.form().plain {
        let names: Vec<_> = all.iter().map(|(name, _)| *name).collect();
        sheet.fixed("  ").line(&Line::clean(&names.join(", "))).newline();
        return;
    }
    let abreast = match usize::from(sheet.form().width) {
        0 => PICTURES_ABREAST,
        width => (width / PICTURE_COLUMNS).clamp(1, PICTURES_ABREAST),
    };
    let rows = all.len().div_ceil(abreast);
    for row in 0..rows {
        for (number, (name, picture)) in all.iter().skip(row).step_by(rows).enumerate() {
            let column = number * PICTURE_COLUMNS;
            sheet.pad_to(column).fixed("  ").fixed(name);
            sheet.pad_to(column + PICTURE_NAME_COLUMNS);
            sheet.on(Colour::Yellow).picture(*picture).off();
        }
        sheet.newline();
    }
}

/// Most words that a second Tab shows.
const MAX_CANDIDATES: usize = 20;

/// What a word may become that somebody has begun.
pub fn candidates(sheet: &mut Sheet, words: &[String]) {
    let shown = &words[..words.len().min(MAX_CANDIDATES)];
    sheet.fixed("  ").line(&Line::clean(&shown.join("  ")));
    if shown.len() < words.len() {
        sheet.fixed("  and ").number((words.len() - shown.len()) as u64).fixed(" more");
    }
    sheet.newline();
}
