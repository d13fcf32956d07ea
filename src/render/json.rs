//! What happens and what is answered as JSON, for pages and programs: an object for each thing, with the
//! fields that `docs/protocol.md` lists. What is there is only added to.
//!
//! Whatever has fields of its own is written here. All else is text for people, which a [`Sheet`] collects as
//! for a terminal, without anything that only a terminal needs, and makes an object of at the end: a `notice`, or
//! an `error` where something was refused.

use std::io::Write;

use bytes::{BufMut, BytesMut};
use jiff::Timestamp;

use crate::chat::directory::ConnId;
use crate::chat::history::{Entry, MessageKind, ROX, UnixMillis, id_of};
use crate::chat::ignores::Ignores;
use crate::chat::lobbies::LobbySummary;
use crate::chat::lobby::event::{AnswerPiece, Event, Happened};
use crate::chat::lobby::{Company, Presence};
use crate::chat::moderation::Moderation;
use crate::chat::name::Name;
use crate::chat::person::Person;
use crate::render::form::Json;
use crate::render::frame::{self, Close};
use crate::render::notices::bots_muted_words;
use crate::render::replies::{Farewell, Reply};
use crate::render::{Direct, Letter, Sheet, sentence};

/// An object that is being written.
pub(super) struct Object<'a>(&'a mut Vec<u8>);

impl Object<'_> {
    fn key(&mut self, key: &'static str) {
        if self.0.last() != Some(&b'{') {
            self.0.push(b',');
        }
        self.0.push(b'"');
        self.0.extend_from_slice(key.as_bytes());
        self.0.extend_from_slice(b"\":");
    }

    fn text(&mut self, key: &'static str, text: &str) -> &mut Self {
        self.key(key);
        string(self.0, text);
        self
    }

    fn name(&mut self, key: &'static str, name: &Name) -> &mut Self {
        self.text(key, name.as_str())
    }

    fn number(&mut self, key: &'static str, number: u64) -> &mut Self {
        self.key(key);
        // Writing to memory cannot fail.
        let _ = write!(self.0, "{number}");
        self
    }

    /// The number of a message of a lobby's history.
    fn id(&mut self, seq: u64) -> &mut Self {
        self.number("id", id_of(seq))
    }

    fn at(&mut self, at: UnixMillis) -> &mut Self {
        self.key("at");
        let _ = write!(self.0, "\"{}\"", rfc3339(at));
        self
    }

    fn flag(&mut self, key: &'static str, is: bool) -> &mut Self {
        self.key(key);
        self.0.extend_from_slice(if is { b"true" } else { b"false" });
        self
    }

    /// Says that something holds, and nothing where it does not.
    fn mark(&mut self, key: &'static str, holds: bool) -> &mut Self {
        if holds { self.flag(key, true) } else { self }
    }

    /// Whoever said or did something.
    fn author(&mut self, who: &Person) -> &mut Self {
        self.name("from", &who.name).mark("bot", who.bot)
    }

    /// Items that are written already.
    fn list(&mut self, key: &'static str, items: &[u8]) -> &mut Self {
        self.key(key);
        self.0.push(b'[');
        self.0.extend_from_slice(items);
        self.0.push(b']');
        self
    }

    /// Texts, each in quotes.
    fn texts<'t>(&mut self, key: &'static str, texts: impl Iterator<Item = &'t str>) -> &mut Self {
        self.key(key);
        self.0.push(b'[');
        for (number, text) in texts.enumerate() {
            if number > 0 {
                self.0.push(b',');
            }
            string(self.0, text);
        }
        self.0.push(b']');
        self
    }
}

/// A text in quotes (RFC 8259 §7).
fn string(out: &mut Vec<u8>, text: &str) {
    // A text is always one, and memory takes it.
    let _ = serde_json::to_writer(out, text);
}

/// What has been written on a sheet of JSON and is no object yet: text, or who is in a lobby.
#[derive(Debug, Default, Clone)]
pub(super) struct Pending {
    /// Where the text begins, in what is written.
    from: usize,
    roster: Option<Box<Roster>>,
}

/// A list of who is in a lobby that is being written: an object, or several where it is long.
#[derive(Debug, Clone)]
struct Roster {
    lobby: Name,
    items: Vec<u8>,
}

/// What becomes of what has been written so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// It is whole.
    Whole,
    /// More may follow.
    Part,
}

impl Pending {
    /// Bytes of it that are not yet on the sheet.
    pub(super) fn len(&self) -> usize {
        self.roster.as_ref().map_or(0, |roster| roster.items.len())
    }

    /// The sheet is empty again.
    pub(super) fn begin(&mut self) {
        self.from = 0;
    }
}

impl Sheet {
    /// Makes an object of what stands there as text or as items.
    pub(super) fn settle(&mut self, end: End) {
        if !self.form.is_json() {
            return;
        }
        self.end_text("notice", |_| ());
        let Some(roster) = &mut self.pending.roster else { return };
        if end == End::Part && roster.items.is_empty() {
            return;
        }
        let (lobby, items) = (roster.lobby.clone(), std::mem::take(&mut roster.items));
        if end == End::Whole {
            self.pending.roster = None;
        }
        self.object("roster", |object| {
            object.name("lobby", &lobby).list("users", &items).mark("more", end == End::Part);
        });
    }

    /// What stands there as text is a fault.
    pub(super) fn fault(&mut self) -> &mut Self {
        if self.form.is_json() {
            self.end_text("error", |_| ());
        }
        self
    }

    /// Asks for what nobody is to see.
    pub(super) fn ask_secret(&mut self, prompt: &'static str) -> &mut Self {
        if !self.form.is_json() {
            return self.ask(prompt);
        }
        let question = prompt.trim_end_matches([' ', ':']);
        self.object("password", |object| _ = object.text("text", question));
        self
    }

    /// What stands there as text is the last that the client is told.
    pub(super) fn last_words(&mut self, why: Farewell) -> &mut Self {
        match self.form.json {
            Json::Off => {}
            Json::Lines if why == Farewell::Quit => self.end_text("notice", |_| ()),
            Json::Lines => self.end_text("error", |_| ()),
            Json::Frames => {
                let text = self.buf.split_off(self.pending.from);
                let reason = String::from_utf8_lossy(&text);
                let reason = reason.trim_end();
                self.buf.extend_from_slice(&frame::close(close_of(why), reason));
                self.pending.from = self.buf.len();
            }
        }
        self
    }

    /// Makes an object of the text that stands there, where there is some.
    fn end_text(&mut self, event: &'static str, more: impl FnOnce(&mut Object<'_>)) {
        if self.buf.len() <= self.pending.from {
            return;
        }
        let text = self.buf.split_off(self.pending.from);
        let text = String::from_utf8_lossy(&text);
        let text = text.trim_matches('\n');
        if !text.is_empty() {
            self.put(event, |object| {
                more(object);
                object.text("text", text);
            });
        }
    }

    /// Writes an object, after what stands there.
    fn object(&mut self, event: &'static str, write: impl FnOnce(&mut Object<'_>)) {
        self.end_text("notice", |_| ());
        self.put(event, write);
    }

    fn put(&mut self, event: &'static str, write: impl FnOnce(&mut Object<'_>)) {
        let mut out = b"{".to_vec();
        let mut object = Object(&mut out);
        object.text("event", event);
        write(&mut object);
        out.push(b'}');
        self.buf.reserve(frame::MAX_HEADER_BYTES + out.len());
        match self.form.json {
            Json::Off | Json::Lines => {
                self.buf.put_slice(&out);
                self.buf.put_u8(b'\n');
            }
            Json::Frames => put_frame(&mut self.buf, &out),
        }
        self.pending.from = self.buf.len();
    }

    fn item(&mut self, write: impl FnOnce(&mut Object<'_>)) {
        let Some(Roster { items, .. }) = self.pending.roster.as_deref_mut() else { return };
        if !items.is_empty() {
            items.push(b',');
        }
        items.push(b'{');
        write(&mut Object(items));
        items.push(b'}');
    }
}

fn put_frame(buf: &mut BytesMut, text: &[u8]) {
    let (header, len) = frame::text_header(text.len());
    buf.put_slice(&header[..len]);
    buf.put_slice(text);
}

/// The code with which a WebSocket is closed for this (RFC 6455 §7.4.1).
fn close_of(why: Farewell) -> Close {
    match why {
        Farewell::Quit => Close::Normal,
        Farewell::Shutdown { .. } | Farewell::CannotGoOn { .. } | Farewell::Restarting => {
            Close::GoingAway
        }
        Farewell::Fault => Close::Internal,
        Farewell::TooSlow
        | Farewell::LoginTimeout
        | Farewell::WrongPasswords
        | Farewell::TooManyAttempts(_)
        | Farewell::Elsewhere
        | Farewell::Kicked
        | Farewell::Banned
        | Farewell::NewPassword
        | Farewell::BotGone
        | Farewell::Idle
        | Farewell::SpeaksTls(_) => Close::Policy,
    }
}

/// What happened in a lobby.
pub(crate) fn event(sheet: &mut Sheet, lobby: &Name, event: &Event) {
    let at = event.at;
    match &event.what {
        Happened::Said { seq, entry } => said(sheet, lobby, *seq, entry, false),
        Happened::Joined(who) => crossed(sheet, "join", lobby, at, who, None),
        Happened::Left(who) => crossed(sheet, "leave", lobby, at, who, None),
        Happened::ManyJoined(who) => {
            who.iter().for_each(|who| crossed(sheet, "join", lobby, at, who, None));
        }
        Happened::ManyLeft(who) => {
            who.iter().for_each(|who| crossed(sheet, "leave", lobby, at, who, None));
        }
        Happened::ManyLost(who) => {
            who.iter().for_each(|who| crossed(sheet, "leave", lobby, at, who, Some("lost")));
        }
        Happened::Renamed { before, who } => {
            let gone = Person { name: before.clone(), ..who.clone() };
            crossed(sheet, "leave", lobby, at, &gone, Some("renamed"));
            crossed(sheet, "join", lobby, at, who, Some("renamed"));
        }
        Happened::Asked { asker, question, seq } => {
            sheet.object("message", |object| {
                object.id(*seq).at(at).name("lobby", lobby).author(asker);
                object.text("text", question.as_str()).flag("asked", true);
            });
        }
        Happened::AnswerKept { answer, seq, entry } => sheet.object("answer", |object| {
            fields(object, lobby, *seq, entry);
            object.number("answer", *answer);
        }),
        Happened::Moderated { by, what } => {
            sheet.name(by).fixed(" ").line(&sentence(what));
            notice(sheet, lobby, at);
            moderated(sheet, lobby, at, what);
        }
        Happened::Answered(piece) => answer(sheet, lobby, at, piece),
        Happened::BotsMuted => {
            bots_muted_words(sheet);
            notice(sheet, lobby, at);
        }
    }
}

/// The text that stands there is a notice of the lobby.
fn notice(sheet: &mut Sheet, lobby: &Name, at: UnixMillis) {
    sheet.end_text("notice", |object| _ = object.at(at).name("lobby", lobby));
}

fn crossed(
    sheet: &mut Sheet,
    event: &'static str,
    lobby: &Name,
    at: UnixMillis,
    who: &Person,
    why: Option<&'static str>,
) {
    sheet.object(event, |object| {
        object.at(at).name("lobby", lobby).author(who);
        if let Some(why) = why {
            object.flag(why, true);
        }
    });
}

/// What of a moderation is more than its notice.
fn moderated(sheet: &mut Sheet, lobby: &Name, at: UnixMillis, what: &Moderation) {
    let undone = |sheet: &mut Sheet, seq| {
        sheet.object("undone", |object| _ = object.id(seq).at(at).name("lobby", lobby));
    };
    match what {
        Moderation::Topic(topic) => {
            let topic = topic.as_ref().map_or("", |topic| topic.as_str());
            sheet.object("topic", |object| _ = object.name("lobby", lobby).text("text", topic));
        }
        Moderation::Undo { seq } => undone(sheet, *seq),
        Moderation::Purge { said, .. } => said.iter().for_each(|seq| undone(sheet, *seq)),
        Moderation::Op { .. }
        | Moderation::Deop { .. }
        | Moderation::Kick { .. }
        | Moderation::Mute { .. }
        | Moderation::Unmute { .. }
        | Moderation::Ban { .. }
        | Moderation::Unban { .. }
        | Moderation::Slow(_)
        | Moderation::SetPassword(_)
        | Moderation::SetPrompt(_)
        | Moderation::SetRox { .. }
        | Moderation::Offer { .. }
        | Moderation::Transfer { .. }
        | Moderation::AddHook(_)
        | Moderation::DeleteHook(_)
        | Moderation::Delete(_) => {}
    }
}

/// What is finished of an answer of Rox's with a piece of it, which is in no history.
pub(crate) fn answer(sheet: &mut Sheet, lobby: &Name, at: UnixMillis, piece: &AnswerPiece) {
    let rows: Vec<&str> = piece.finished().iter().map(|line| line.as_str()).collect();
    if rows.is_empty() {
        return;
    }
    sheet.object("answer", |object| {
        object.at(at).name("lobby", lobby).text("from", ROX).flag("part", true);
        object.number("answer", piece.id).name("to", &piece.asker.name);
        object.text("text", &rows.join("\n"));
    });
}

/// A message of a lobby under its number there; `found` where it was searched for.
pub(crate) fn said(sheet: &mut Sheet, lobby: &Name, seq: u64, entry: &Entry, found: bool) {
    sheet.object(kind(entry), |object| {
        fields(object, lobby, seq, entry);
        object.mark("found", found);
    });
}

fn kind(entry: &Entry) -> &'static str {
    match &entry.kind {
        MessageKind::Said | MessageKind::Asked | MessageKind::Tag(_) => "message",
        MessageKind::Action => "action",
        MessageKind::Answer => "answer",
    }
}

fn fields(object: &mut Object<'_>, lobby: &Name, seq: u64, entry: &Entry) {
    object.id(seq).at(entry.at).name("lobby", lobby);
    match &entry.kind {
        MessageKind::Answer => object.text("from", ROX),
        MessageKind::Said | MessageKind::Asked | MessageKind::Action | MessageKind::Tag(_) => {
            object.author(&entry.author)
        }
    };
    object.text("text", entry.text.as_str());
    match &entry.kind {
        MessageKind::Tag(whom) => _ = object.name("tagged", whom),
        // Of an answer, whose it is who asked.
        MessageKind::Answer => _ = object.name("to", &entry.author.name),
        MessageKind::Asked => _ = object.flag("asked", true),
        MessageKind::Said | MessageKind::Action => {}
    }
}

/// A private message.
pub(super) fn letter(sheet: &mut Sheet, letter: &Letter<'_>) {
    let Letter { direction, you, text, at, mail } = letter;
    let (from, to, bot) = match direction {
        Direct::To(name) => (*you, Some(*name), false),
        Direct::From(who) => (Some(&who.name), *you, who.bot),
    };
    sheet.object("direct", |object| {
        object.at(*at);
        for (key, name) in [("from", from), ("to", to)] {
            if let Some(name) = name {
                object.name(key, name);
            }
        }
        object.mark("bot", bot).text("text", text.as_str()).mark("mail", *mail);
    });
}

/// Somebody has tagged the one who is shown this.
pub(super) fn tagged(sheet: &mut Sheet, by: &Person, lobby: &Name, at: UnixMillis) {
    sheet.object("tagged", |object| _ = object.at(at).name("lobby", lobby).author(by));
}

/// Somebody is in a lobby, and has been told what they asked for: so many messages.
pub(crate) fn ready(sheet: &mut Sheet, you: &Name, lobby: &Name, count: Option<usize>) {
    sheet.object("ready", |object| {
        object.name("user", you).name("lobby", lobby);
        if let Some(count) = count {
            object.number("count", count as u64);
        }
    });
}

/// Where somebody is from here on, and what it is about there.
pub(super) fn company(sheet: &mut Sheet, company: &Company) {
    ready(sheet, &company.you, &company.lobby, None);
    if let Some(topic) = &company.topic {
        sheet.object("topic", |object| {
            object.name("lobby", &company.lobby).text("text", topic.as_str());
        });
    }
}

/// An answer to one user, which `write` words.
pub(super) fn reply(sheet: &mut Sheet, what: &Reply, write: impl FnOnce(&mut Sheet)) {
    sheet.end_text("notice", |_| ());
    write(sheet);
    match what {
        Reply::Kept { lines, .. } => {
            sheet.end_text("held", |object| _ = object.number("lines", *lines as u64));
        }
        what if what.is_good() => sheet.end_text("notice", |_| ()),
        _ => sheet.end_text("error", |_| ()),
    }
}

/// A list of who is in a lobby begins.
pub(super) fn begin_users(sheet: &mut Sheet, lobby: &Name) {
    sheet.settle(End::Whole);
    let roster = Roster { lobby: lobby.clone(), items: Vec::new() };
    sheet.pending.roster = Some(Box::new(roster));
}

/// One of them, with what holds of them for the one who asks.
pub(super) fn user(sheet: &mut Sheet, user: &Presence, you: ConnId, ignores: &Ignores) {
    let Presence { picture: _, who, owner, operator, admin, away } = user;
    let marks = [
        (*owner, "owner"),
        (*operator, "operator"),
        (*admin, "admin"),
        (away.is_some(), "away"),
        (who.bot, "bot"),
        (who.conn == Some(you), "you"),
        (ignores.contains(who), "ignored"),
    ];
    let marks = marks.into_iter().filter(|(holds, _)| *holds).map(|(_, mark)| mark);
    sheet.item(|object| _ = object.name("name", &who.name).texts("marks", marks));
}

/// A page of the list of lobbies, each with how much was said there since whoever asks was there last.
pub(crate) fn lobbies(
    sheet: &mut Sheet,
    lobbies: &[(LobbySummary, u64)],
    (page, pages): (usize, usize),
) {
    let mut items = Vec::new();
    for (LobbySummary { state, users }, unread) in lobbies {
        items.extend_from_slice(if items.is_empty() { b"{" } else { b",{" });
        let mut object = Object(&mut items);
        object.name("name", &state.name).number("users", *users as u64);
        object.flag("private", state.is_private());
        object.text("description", state.description.as_str()).number("unread", *unread);
        items.push(b'}');
    }
    sheet.object("lobbies", |object| {
        object.number("page", page as u64).number("pages", pages as u64).list("lobbies", &items);
    });
}

/// A message of a lobby under its number there, without the end of the line.
///
/// Fields: `event` (`message`, `action` or, of Rox, `answer`), `id`, `at` (RFC 3339, UTC), `lobby`, `from`, `bot`
/// (true) where a bot or a hook said it, `text` (with `\n` between its rows), `tagged` where it tags somebody, and
/// `to`, whom Rox answers. There may be more some day.
pub fn message(lobby: &Name, seq: u64, entry: &Entry) -> String {
    let mut out = b"{".to_vec();
    let mut object = Object(&mut out);
    object.text("event", kind(entry));
    fields(&mut object, lobby, seq, entry);
    out.push(b'}');
    String::from_utf8(out).unwrap_or_default()
}

/// An instant as RFC 3339 has it; the last one that has a name where it is past all of them.
pub fn rfc3339(at: UnixMillis) -> Timestamp {
    let millis = i64::try_from(at.0).unwrap_or(i64::MAX);
    Timestamp::from_millisecond(millis).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
#[path = "json_tests.rs"]
mod tests;
