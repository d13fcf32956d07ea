//! Lists of what there is: users, lobbies, pictures.

use crate::chat::lobbies::LobbySummary;
use crate::chat::lobby::Presence;
use crate::chat::name::Name;
use crate::chat::pictures;
use crate::render::Sheet;
use crate::render::form::Colour;

/// The beginning of the answer to `/users`: so many follow.
pub fn users(sheet: &mut Sheet, lobby: &Name, count: usize) {
    sheet.on(Colour::Cyan).fixed("=== Users in '").name(lobby).fixed("' (");
    sheet.number(count as u64).fixed(") ===").off().newline();
}

/// A user in the answer to `/users`.
pub fn user(sheet: &mut Sheet, user: &Presence) {
    sheet.fixed("  ").on(Colour::Yellow).picture(user.picture).fixed(" ").name(&user.name).off();
    if let Some(text) = &user.away {
        sheet.fixed(" (away: ").line(text).fixed(")");
    }
    sheet.newline();
}

/// The beginning of the answer to `/lobbies`: so many follow.
pub fn lobbies(sheet: &mut Sheet, count: usize) {
    sheet.on(Colour::Cyan).fixed("=== Available Lobbies (").number(count as u64);
    sheet.fixed(") ===").off().newline();
}

/// A lobby in the answer to `/lobbies`.
pub fn lobby(sheet: &mut Sheet, LobbySummary { state, users }: &LobbySummary) {
    sheet.fixed("Lobby: ").on(Colour::Yellow).name(&state.name).off().newline();
    sheet.fixed("  Privacy: ").fixed(if state.is_private() { "private" } else { "public" });
    sheet.fixed(" | AI: ").fixed(if state.prompt.is_some() { "custom AI" } else { "default AI" });
    sheet.fixed(" | Created by: ").name(&state.creator);
    sheet.fixed(" | Users: ").number(*users as u64).newline();
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

/// The answer to `/sp list`.
pub fn picture_list(sheet: &mut Sheet) {
    const NAME_COLUMNS: usize = 10;
    const BLANKS: &str = "          ";
    sheet.tinted(Colour::Cyan, "=== Available Profile Pictures ===").newline();
    for (name, picture) in pictures::all() {
        let pad = &BLANKS[..NAME_COLUMNS.saturating_sub(name.len())];
        sheet.fixed("  ").fixed(name).fixed(pad).fixed(" ");
        sheet.on(Colour::Yellow).picture(picture).off().newline();
    }
}
