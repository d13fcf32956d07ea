//! What was kept and is shown on demand: history, mail, bans, deeds, certificates, who somebody is.

use std::time::Duration;

use super::PersonalReply;
use super::Reply;
use crate::chat::accounts::Fingerprint;
use crate::chat::ansi::Colour;
use crate::chat::history::{Entry, UnixMillis};
use crate::chat::ignores::Ignores;
use crate::chat::name::Name;
use crate::chat::render::{Direct, Sheet, direct, replay};
use crate::chat::sanctions::Sanction;
use crate::chat::text::Line;
use crate::chat::times::{Span, Times};

/// The answer to `/history`: messages of a lobby, oldest first.
pub fn history(sheet: &mut Sheet, lobby: &Name, entries: &[Entry], times: Times, now: UnixMillis) {
    if entries.is_empty() {
        return super::reply(sheet, &Reply::Personal(PersonalReply::NothingSaid));
    }
    heading(sheet, "History of", lobby, entries.len());
    replay(sheet, entries.iter(), times, now);
}

/// The answer to `/search`: messages of a lobby, newest first.
pub fn found(sheet: &mut Sheet, lobby: &Name, entries: &[Entry], times: Times, now: UnixMillis) {
    if entries.is_empty() {
        return super::reply(sheet, &Reply::Personal(PersonalReply::NothingFound));
    }
    heading(sheet, "Found in", lobby, entries.len());
    replay(sheet, entries.iter(), times, now);
}

fn heading(sheet: &mut Sheet, what: &'static str, lobby: &Name, count: usize) {
    sheet.on(Colour::Cyan).fixed("=== ").fixed(what).fixed(" '").name(lobby).fixed("' (");
    sheet.number(count as u64).fixed(") ===").off().newline();
}

/// Private messages that have waited for an account, oldest first: from whom, since when, what.
pub fn mail(
    sheet: &mut Sheet,
    letters: &[(Name, UnixMillis, Line)],
    times: Times,
    now: UnixMillis,
) {
    if letters.is_empty() {
        return;
    }
    sheet.on(Colour::Cyan).fixed("=== Messages while you were not here (");
    sheet.number(letters.len() as u64).fixed(") ===").off().newline();
    for (from, at, text) in letters {
        direct(sheet, Direct::From(from), text, Some(times.when(*at, now)));
    }
}

/// The answer to `/bans`. It shows the names that were banned, never an address.
pub fn bans(sheet: &mut Sheet, lobby: &Name, bans: &[&Sanction], now: UnixMillis) {
    if bans.is_empty() {
        let nobody = super::ModerationReply::NobodyBanned(lobby);
        return super::reply(sheet, &Reply::Moderation(nobody));
    }
    heading(sheet, "Banned from", lobby, bans.len());
    for ban in bans {
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
}

/// A line of the audit: what somebody did, as [`sentence`](crate::chat::render::sentence) tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditLine {
    /// When.
    pub at: UnixMillis,
    /// Who.
    pub by: Name,
    /// What.
    pub text: Line,
}

/// The answer to `/audit`: what was done in a lobby, in the order given.
pub fn audit(sheet: &mut Sheet, lobby: &Name, lines: &[AuditLine], times: Times, now: UnixMillis) {
    if lines.is_empty() {
        let nothing = super::ModerationReply::NothingDone(lobby);
        return super::reply(sheet, &Reply::Moderation(nothing));
    }
    heading(sheet, "Audit of", lobby, lines.len());
    for line in lines {
        let when = times.when(line.at, now);
        sheet.fixed("  ").on(Colour::White).fixed("[").when(when).fixed("]").off().fixed(" ");
        sheet.on(Colour::Yellow).name(&line.by).off().fixed(" ").line(&line.text).newline();
    }
}

/// The answer to `/cert list`; `own` is the certificate of the connection.
pub fn certs(sheet: &mut Sheet, certs: &[Fingerprint], own: Option<&Fingerprint>) {
    sheet.on(Colour::Cyan).fixed("=== Your certificates (").number(certs.len() as u64);
    sheet.fixed(") ===").off().newline();
    for fingerprint in certs {
        sheet.fixed("  ").on(Colour::Yellow).fingerprint(fingerprint).fixed("...").off();
        sheet.fixed(if own == Some(fingerprint) { " (this connection)" } else { "" }).newline();
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
    sheet.fixed("  Status: ").fixed(if who.registered { "account" } else { "guest" }).newline();
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
