//! What was kept and is shown on demand: history, mail, bans, audit, certificates, who somebody is.

use std::time::Duration;

use crate::chat::accounts::{Key, KeyKind};
use crate::chat::history::UnixMillis;
use crate::chat::ignores::Ignores;
use crate::chat::name::Name;
use crate::chat::sanctions::Sanction;
use crate::chat::text::Line;
use crate::chat::times::{Span, Times};
use crate::render::Sheet;
use crate::render::form::Colour;
use crate::render::replies::{PersonalReply, Reply};

/// The beginning of the answer to `/history`: so many messages of a lobby follow, oldest first, those
/// before the last `before`.
pub fn history(sheet: &mut Sheet, lobby: &Name, count: usize, before: usize) {
    if count == 0 {
        let nothing = match before {
            0 => PersonalReply::NothingSaid,
            _ => PersonalReply::NothingBefore,
        };
        return super::reply(sheet, &Reply::Personal(nothing));
    }
    heading(sheet, "History of", lobby, count);
}

/// The beginning of the answer to `/search`: so many messages of a lobby follow, newest first.
pub fn found(sheet: &mut Sheet, lobby: &Name, count: usize) {
    if count == 0 {
        return super::reply(sheet, &Reply::Personal(PersonalReply::NothingFound));
    }
    // Each message says of itself what it is.
    if !sheet.form().is_json() {
        heading(sheet, "Found in", lobby, count);
    }
}

fn heading(sheet: &mut Sheet, what: &'static str, lobby: &Name, count: usize) {
    sheet.on(Colour::Cyan).fixed("=== ").fixed(what).fixed(" '").name(lobby).fixed("' (");
    sheet.number(count as u64).fixed(") ===").off().newline();
}

/// Stands before private messages that have waited for an account.
pub fn mail(sheet: &mut Sheet, count: usize) {
    if sheet.form().is_json() {
        return;
    }
    sheet.on(Colour::Cyan).fixed("=== Messages while you were not here (");
    sheet.number(count as u64).fixed(") ===").off().newline();
}

/// The beginning of the answer to `/bans`: so many bans follow.
pub fn bans(sheet: &mut Sheet, lobby: &Name, count: usize) {
    if count == 0 {
        let nobody = super::ModerationReply::NobodyBanned(lobby.clone());
        return super::reply(sheet, &Reply::Moderation(nobody));
    }
    heading(sheet, "Banned from", lobby, count);
}

/// A ban in the answer to `/bans`. It shows the name that was banned, never an address.
pub fn ban(sheet: &mut Sheet, ban: &Sanction, now: UnixMillis) {
    sheet.fixed("  ").on(Colour::Yellow).name(&ban.name).off();
    sheet.fixed(if ban.is_of_guest() { " (guest)" } else { " (account)" });
    sheet.fixed(" by ").name(&ban.by).fixed(", ");
    match ban.left(now) {
        Some(left) => sheet.span(Span::left(left)).fixed(" left"),
        None => sheet.fixed("for good"),
    };
    if let Some(reason) = &ban.reason {
        sheet.fixed(": ").line(reason);
    }
    sheet.newline();
}

/// A line of the audit: what somebody did, as [`sentence`](crate::render::sentence) tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditLine {
    /// When it was done, in UTC.
    pub at: UnixMillis,
    /// The name that whoever did it had then.
    pub by: Name,
    /// What was done, as a sentence without its subject.
    pub text: Line,
}

/// The beginning of the answer to `/audit`: so many lines follow, in the order of time.
pub fn audit(sheet: &mut Sheet, lobby: &Name, count: usize) {
    if count == 0 {
        let nothing = super::ModerationReply::NothingDone(lobby.clone());
        return super::reply(sheet, &Reply::Moderation(nothing));
    }
    heading(sheet, "Audit of", lobby, count);
}

/// A line in the answer to `/audit`.
pub fn audit_line(sheet: &mut Sheet, line: &AuditLine, times: Times, now: UnixMillis) {
    let when = times.when(line.at, now);
    sheet.fixed("  ").on(Colour::White).fixed("[").when(when).fixed("]").off().fixed(" ");
    sheet.on(Colour::Yellow).name(&line.by).off().fixed(" ").line(&line.text).newline();
}

/// The answer to `/cert list`; `own` is the key of the connection.
pub fn keys(sheet: &mut Sheet, keys: &[Key], own: Option<&Key>) {
    let of_ssh = |key: &Key| key.kind == KeyKind::Ssh;
    let what = match keys.iter().chain(own).any(of_ssh) {
        true => "=== Your keys (",
        false => "=== Your certificates (",
    };
    sheet.on(Colour::Cyan).fixed(what).number(keys.len() as u64);
    sheet.fixed(") ===").off().newline();
    for key in keys {
        sheet.fixed("  ").on(Colour::Yellow).key(key).off();
        sheet.fixed(if own == Some(key) { " (this connection)" } else { "" }).newline();
    }
}

/// The answer to `/ignore`.
pub fn ignored(sheet: &mut Sheet, ignores: &Ignores) {
    if ignores.is_empty() {
        return super::reply(sheet, &Reply::Personal(PersonalReply::NobodyIgnored));
    }
    sheet.on(Colour::Cyan).fixed("=== Ignored users (").number(ignores.len() as u64);
    sheet.fixed(") ===").off().newline();
    for name in ignores.iter() {
        sheet.fixed("  ").on(Colour::Yellow).name(name).off().newline();
    }
}

/// What everybody may know of a user.
#[derive(Debug, Clone, Copy)]
pub struct Whois<'a> {
    /// Their name.
    pub name: &'a Name,
    /// Whether it has an account.
    pub registered: bool,
    /// Whose bot it is, where it is one.
    pub bot_of: Option<&'a Name>,
    /// What is to be said of them where they are connected.
    pub online: Option<Online<'a>>,
}

/// What everybody may know of a connected user.
#[derive(Debug, Clone, Copy)]
pub struct Online<'a> {
    /// Where they are.
    pub place: Place<'a>,
    /// How long they have sent nothing.
    pub idle: Duration,
    /// What they say of being away.
    pub away: Option<&'a Line>,
}

/// Where a user is, as far as others may know it.
#[derive(Debug, Clone, Copy)]
pub enum Place<'a> {
    /// In this public lobby.
    Public(&'a Name),
    /// In a private lobby, whose name is nobody's business.
    Private,
}

/// The answer to `/whois`.
pub fn whois(sheet: &mut Sheet, who: &Whois<'_>) {
    sheet.on(Colour::Cyan).fixed("=== ").name(who.name).fixed(" ===").off().newline();
    sheet.fixed("  Status: ");
    match who.bot_of {
        Some(owner) => sheet.fixed("bot of ").name(owner),
        None => sheet.fixed(if who.registered { "account" } else { "guest" }),
    };
    sheet.newline();
    let Some(online) = &who.online else {
        sheet.fixed("  Not connected").newline();
        return;
    };
    sheet.fixed("  Lobby: ");
    match online.place {
        Place::Public(lobby) => sheet.name(lobby),
        Place::Private => sheet.fixed("a private one"),
    };
    sheet.newline().fixed("  Idle: ").span(Span::passed(online.idle)).newline();
    if let Some(text) = online.away {
        sheet.fixed("  Away: ").line(text).newline();
    }
}

#[cfg(test)]
#[path = "records_tests.rs"]
mod tests;
