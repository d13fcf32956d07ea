//! Whether the line of a client is edited here, and what its keys ask for.
//!
//! The editor is begun for a client that has shown that it sends keys, or whose user wants it to: one that
//! speaks telnet is asked for keys, and any other terminal where its cursor is. Nobody waits for an answer.

use std::task::{Context as TaskContext, Poll};
use std::time::Duration;

use bytes::Bytes;

use super::context::{Ctx, Done, Failure, Outcome};
use super::{Phase, Session};
use crate::actors::lobby::messages::{HasRight, NamesHere};
use crate::actors::registry::messages::{NamesKnown, Whose};
use crate::chat::command::complete::{self, Among, Completion};
use crate::chat::command::{self, Input};
use crate::chat::editor::{Asks, Happened, Wanted};
use crate::chat::roles::{Rank, Right};
use crate::chat::settings::Mode;
use crate::chat::terminal::{Manner, Seen, Told, answer_in, torn_answer};
use crate::chat::text::Line;
use crate::clock;
use crate::net::lines::Typed;
use crate::net::listen::ListenerKind;
use crate::net::telnet::{Client, SEND_TYPE, Size, Wish};
use crate::render::replies::{
    Farewell, NAME_PROMPT, PASSWORD_PROMPT, PersonalReply, Reply, TakenFor, candidates,
    secret_prompt,
};
use crate::render::{PROMPT, Palette};

/// How long a terminal may take to say where its cursor is, for the answer to count.
const ANSWER_TIME: Duration = Duration::from_secs(2);

/// Names that one Tab looks at: more than anybody reads, and enough for what they have in common.
const MAX_NAMES: usize = 100;

impl Session {
    /// What the user has set of the manner in which they are written to.
    fn mode(&self) -> Mode {
        self.user().map_or(Mode::Auto, |user| user.settings.mode)
    }

    /// Whether the client's line is to be edited here, as far as is known of it.
    fn wants_keys(&self) -> bool {
        let form = self.peer.form();
        let is_program = form.bare || form.is_json();
        !is_program && self.peer.seen().manner(self.mode()) == Manner::Edit && self.has_escapes()
    }

    /// Whether the server sends what an editor needs.
    fn has_escapes(&self) -> bool {
        self.thread.config.get().color
    }

    /// Something has become known of the client: what follows from that.
    pub(super) fn saw(&mut self, seen: Seen) {
        if self.peer.seen() != seen {
            self.peer.note_seen(seen);
            self.take_settings();
        }
    }

    /// The form of the settings in force, and the editor where it is wanted.
    fn take_settings(&mut self) {
        let settings = self.user().map(|user| user.settings).unwrap_or_default();
        self.thread.hub.catch_up(self.seat);
        self.take_form(&settings);
        self.settle_manner();
    }

    /// Has the client's line edited here, or not, as is wanted now; asks it for keys, or for lines.
    pub(super) fn settle_manner(&mut self) {
        self.ask_keys();
        self.edit_or_not();
    }

    /// Has the client's line edited here where that is wanted and it sends keys by now.
    fn edit_or_not(&mut self) {
        let edits = self.wants_keys();
        let sends_keys = match self.peer.seen() {
            Seen::Raw | Seen::Pty => true,
            Seen::Refuses => false,
            Seen::Nothing
            | Seen::Lines
            | Seen::Telnet
            | Seen::Terminal
            | Seen::Dumb
            | Seen::ScreenReader => {
                // It may be agreed for the sake of a password alone.
                self.peer.is_asked_for_keys()
                    && self.decoder.telnet().is_some_and(|telnet| telnet.has(Wish::Echo))
            }
        };
        match (edits && sends_keys, self.peer.is_edited()) {
            (true, false) => {
                // What was shown so far ends with a prompt, which is the editor's from here on.
                self.thread.hub.catch_up(self.seat);
                self.peer.begin_typing(&self.decoder.take_unended());
            }
            (false, true) if !edits => {
                self.thread.hub.catch_up(self.seat);
                self.peer.end_typing();
                self.decoder.take_over();
                self.peer.note_line_end(true);
            }
            _ => {}
        }
        self.set_prompt();
    }

    /// Asks a telnet client for keys, or for lines.
    fn ask_keys(&mut self) {
        let keys = self.wants_keys();
        let speaks = self.decoder.telnet().is_some_and(|telnet| telnet.speaks());
        if speaks && keys != self.peer.is_asked_for_keys() {
            self.push_for_keys(keys);
        }
    }

    /// What is typed stays hidden where a password is asked for.
    fn push_for_keys(&mut self, keys: bool) {
        let hides = self.hides();
        // At the beginning it was asked for its size as well, unless the server asks nobody, or the client spoke first.
        let asks_size = keys && self.mode() == Mode::Edit;
        self.peer.note_asked_for_keys(keys);
        let Some(telnet) = self.decoder.telnet() else { return };
        let wishes = [
            (Wish::Echo, keys || hides),
            (Wish::Keys, keys),
            (Wish::BinaryOut, keys),
            (Wish::BinaryIn, keys),
        ];
        let size = asks_size.then_some((Wish::Size, true));
        let asked = wishes.into_iter().chain(size).filter_map(|(wish, on)| telnet.ask(wish, on));
        self.peer.push(asked.flatten().collect());
    }

    /// Whether the user is asked for a password.
    fn hides(&self) -> bool {
        self.taken_for() != TakenFor::Line
    }

    /// What the next line will be.
    fn taken_for(&self) -> TakenFor {
        match &self.phase {
            Phase::Password(_) => TakenFor::Password,
            Phase::Chatting(user) if user.borrow().asked.is_some() => TakenFor::Answer,
            Phase::Chatting(_)
            | Phase::Greeting
            | Phase::Naming { .. }
            | Phase::Looking(_)
            | Phase::Closing(_)
            | Phase::Done => TakenFor::Line,
        }
    }

    /// Has the client hide what is typed, where it can. One that cannot shows nothing of that: the
    /// prompt starts with an erased line. Without that, only a client that speaks telnet is asked. Where its
    /// line is edited here, it shows nothing by itself.
    pub(super) fn hide_typing(&mut self, hide: bool) {
        if self.peer.is_edited() {
            return;
        }
        let has_colours = self.peer.form().palette != Palette::None;
        let keys = self.peer.is_asked_for_keys();
        let Some(telnet) = self.decoder.telnet() else { return };
        if !has_colours && !telnet.speaks() {
            return;
        }
        if let Some(command) = telnet.ask(Wish::Echo, hide || keys) {
            self.peer.push(Bytes::copy_from_slice(&command));
        }
    }

    /// An option of telnet stands otherwise.
    pub(super) fn telnet_changed(&mut self) {
        let Some(telnet) = self.decoder.telnet() else { return };
        let refuses = telnet.refuses(Wish::Echo) || telnet.refuses(Wish::Keys);
        match self.peer.is_asked_for_keys() && refuses {
            true => self.saw(Seen::Refuses),
            false => self.edit_or_not(),
        }
    }

    /// A telnet client has told something of itself, or that it will.
    pub(super) fn client_told(&mut self, told: Option<Client>, on: bool) {
        if on {
            self.peer.push(Bytes::from_static(&SEND_TYPE));
        }
        match (told, self.peer.seen()) {
            (None, _) => {}
            (Some(Client::Dumb), _) => self.saw(Seen::Dumb),
            (Some(Client::ScreenReader), _) => self.saw(Seen::ScreenReader),
            (Some(Client::Terminal), _) => self.saw(Seen::Terminal),
            (Some(Client::Other), Seen::Nothing | Seen::Lines) => self.saw(Seen::Telnet),
            (Some(Client::Other), _) => {}
        }
    }

    /// The client has told the size of its terminal.
    pub(super) fn size_told(&mut self, size: Size) {
        // What was shown so far is wrapped for the one of before.
        self.thread.hub.catch_up(self.seat);
        self.peer.note_size(size);
    }

    /// Asks a terminal that sends keys, though nobody has asked it to, where its cursor is: its first line has
    /// ended with a CR that nothing follows.
    pub(super) fn note_first_line(&mut self, by_cr: bool) {
        if self.peer.seen() != Seen::Nothing {
            return;
        }
        self.peer.note_seen(Seen::Lines);
        let follows = matches!(self.unread.rest().first(), Some(b'\n' | 0));
        let speaks = self.decoder.telnet().is_some_and(|telnet| telnet.speaks());
        let asks = self.thread.config.get().telnet && self.has_escapes();
        if by_cr && !follows && !speaks && asks && !self.at_end {
            self.peer.ask_size(clock::now());
        }
    }

    /// Looks for the answer to that in what stands of a line that has not ended.
    pub(super) fn look_for_answer(&mut self) {
        if self.peer.awaits_size()
            && let Some((place, size)) = answer_in(self.decoder.unended())
        {
            self.decoder.cut_unended(place);
            self.size_answered(size);
        }
    }

    /// The same in a line that has ended, which is without it then.
    pub(super) fn cut_answer(&mut self, text: String, by_cr: bool) -> String {
        if !self.peer.awaits_size() {
            return text;
        }
        let Some((place, size)) = answer_in(text.as_bytes()) else {
            return self.cut_torn_answer(text);
        };
        let rest = [&text[..place.start], &text[place.end..]].concat();
        // Of a terminal that edits its lines itself, the answer stands in one of them. One that sends keys has
        // sent it before; but where the first line has shown that it does, it may only be read late.
        if by_cr && !self.peer.is_asked_for_keys() {
            self.size_answered(size);
        } else {
            self.peer.answered_size(clock::now());
        }
        rest
    }

    /// Takes off what is left of an answer at the beginning of a line that was edited by somebody else, who has taken a
    /// part of it for a key, as `rlwrap` does. Only where the user wanted the editor: nobody else is asked that
    /// has such a line.
    fn cut_torn_answer(&mut self, text: String) -> String {
        match torn_answer(&text) {
            Some(length) if self.peer.is_asked_for_keys() => {
                self.peer.answered_size(clock::now());
                text[length..].to_owned()
            }
            _ => text,
        }
    }

    fn size_answered(&mut self, (columns, rows): (u16, u16)) {
        let took = self.peer.answered_size(clock::now());
        if took.is_some_and(|took| took <= ANSWER_TIME) {
            self.size_told(Size { columns, rows });
            self.saw(Seen::Raw);
        }
    }

    /// Tells the user how they are written to, and why, once what they have `set` is in force.
    pub(super) fn tell_mode(&mut self, set: bool) {
        if set {
            self.take_settings();
            let telnet = self.decoder.telnet().is_some_and(|telnet| telnet.speaks());
            let edits = self.mode() == Mode::Edit && self.wants_keys();
            let keys = edits && !self.peer.is_edited() && !self.peer.form().is_json();
            if keys && !telnet && !self.is_ssh() {
                // It may be a telnet that has not been asked anything, or a terminal; nothing else shows of it.
                self.push_for_keys(true);
                self.peer.push(Bytes::from_static(b"\r\x1b[K"));
                self.peer.ask_size(clock::now());
            }
        }
        let (mode, seen) = (self.mode(), self.peer.seen());
        // A terminal that is known to send keys over telnet was asked for them just now.
        let begins = seen == Seen::Terminal && self.peer.is_asked_for_keys();
        let manner = match seen.manner(mode) {
            Manner::Edit if !self.peer.is_edited() && !begins => Manner::Line,
            manner => manner,
        };
        let told = Told { manner, mode, seen, escapes: self.has_escapes(), is_ssh: self.is_ssh() };
        self.reply(&PersonalReply::Mode(told).into());
    }

    /// Whether a terminal was asked for, or refused, before the first byte of the chat.
    fn is_ssh(&self) -> bool {
        self.peer.link().kind() == ListenerKind::Ssh
    }

    /// What the draft is for.
    pub(super) fn set_prompt(&self) {
        let Some(mut typing) = self.peer.typing() else { return };
        let (prompt, asks) = match &self.phase {
            // What was asked for is being looked at.
            Phase::Naming { .. } if self.request.is_some() => ("", Asks::Name),
            Phase::Password(_) if self.request.is_some() => ("", Asks::Secret),
            Phase::Greeting | Phase::Naming { .. } => (NAME_PROMPT, Asks::Name),
            Phase::Password(_) => (PASSWORD_PROMPT, Asks::Secret),
            Phase::Chatting(user) => match &user.borrow().asked {
                Some(asking) => (secret_prompt(asking.question()), Asks::Secret),
                None => (PROMPT, Asks::Chat),
            },
            Phase::Looking(_) | Phase::Closing(_) | Phase::Done => return,
        };
        typing.ask(prompt, asks);
    }

    /// Takes keys while something else is under way, up to the first that has to wait for it: what is typed
    /// meanwhile shows. Not where it is not known by now what the keys will be for.
    pub(super) fn type_ahead(&mut self, cx: &mut TaskContext<'_>) -> Poll<()> {
        let chats = matches!(self.phase, Phase::Chatting(_)) && !self.hides() && !self.at_end;
        let takes = self.peer.typing().is_some_and(|typing| typing.takes_ahead());
        if !chats || !takes || self.peer.is_backed_up() {
            return Poll::Pending;
        }
        let mut rest = self.unread.rest();
        if rest.is_empty() {
            let now = clock::now();
            return if self.pace.may_read(now) { self.read_now(now, cx) } else { Poll::Pending };
        }
        let event = match self.peer.typing() {
            Some(mut typing) => self.decoder.next_typed(&mut rest, |keys| typing.take(keys)),
            None => None,
        };
        let left = rest.len();
        self.unread.keep(left);
        match event {
            None => {}
            Some(Typed::Event(event)) => return self.take(event),
            Some(Typed::Keys(Happened::Worked(bytes))) => self.pace.read(bytes),
            Some(Typed::Keys(happened)) => {
                if let Some(mut typing) = self.peer.typing() {
                    typing.lay_back(happened);
                }
            }
        }
        Poll::Ready(())
    }

    /// Takes what came of keys.
    pub(super) fn take_keys(&mut self, happened: Happened) -> Poll<()> {
        match happened {
            Happened::Line(text) => return self.take_typed(&text),
            Happened::TooLong => return self.take_too_long(),
            Happened::Complete(wanted) => {
                self.pace.took_nothing();
                self.pace.read(wanted.work);
                // What is typed next goes behind the word as it will be.
                if let Some(mut typing) = self.peer.typing() {
                    typing.keep_keys(true);
                }
                if let Some(cx) = self.ctx(Right::Everyone) {
                    self.wait_for(complete(cx, wanted), Self::finish);
                }
            }
            Happened::Worked(bytes) => self.pace.read(bytes),
            Happened::Interrupted => {
                self.pace.took_nothing();
                self.reply(&PersonalReply::HowToLeave(self.taken_for()).into());
            }
            Happened::End => self.close(Some(Farewell::Quit)),
            Happened::Clear => {
                self.pace.took_nothing();
                self.peer.clear_screen();
                // Not every client tells when its window has another size.
                self.peer.ask_size(clock::now());
            }
            Happened::Redraw => {
                self.pace.took_nothing();
                self.peer.redraw();
            }
            Happened::Position { row, column } => {
                self.pace.took_nothing();
                if self.peer.typing().is_some_and(|mut typing| typing.takes_answer()) {
                    self.size_told(Size { columns: column, rows: row });
                }
            }
        }
        Poll::Ready(())
    }

    /// A line of the editor's, perhaps with rows.
    fn take_typed(&mut self, text: &str) -> Poll<()> {
        let chats = self.chatting().is_some_and(|user| user.borrow().asked.is_none());
        #[cfg(debug_assertions)]
        let chats = chats && !self.is_fault(text);
        if !chats {
            return self.take_text(text);
        }
        self.pace.took_line(text);
        let input = command::parse_rows(text, self.thread.config.get().max_message_chars);
        if let Input::Blank = input {
            self.pace.took_nothing();
        }
        // It is told at once, and can be mended.
        if let Some(why @ (Reply::TooLong(_) | Reply::QuestionTooLong(_))) =
            self.over_length(&input)
        {
            if let Some(mut typing) = self.peer.typing() {
                typing.put_back(text);
            }
            self.refuse(super::commands::Refused::Length(why), None);
            return Poll::Ready(());
        }
        let first = text.split('\n').find(|row| !row.trim().is_empty());
        let line = Line::clean(if let Input::SayRows(_) = input {
            first.unwrap_or_default()
        } else {
            text
        });
        self.take_in(input, line)
    }

    /// A draft of which not all fits into a line: what fits is there still.
    fn take_too_long(&mut self) -> Poll<()> {
        match &self.phase {
            Phase::Naming { .. } => self.refuse_long_name(),
            Phase::Chatting(_) if !self.hides() => {
                let max = self.thread.config.get().max_message_chars;
                self.refuse(super::commands::Refused::Length(Reply::TooLong(max)), None);
            }
            // Nobody sees what is there.
            Phase::Password(_) | Phase::Chatting(_) => {
                if let Some(mut typing) = self.peer.typing() {
                    typing.drop_draft();
                }
                return self.take_too_long_line();
            }
            Phase::Greeting | Phase::Looking(_) | Phase::Closing(_) | Phase::Done => {}
        }
        Poll::Ready(())
    }
}

/// Finds what a word may become, and tells the editor, or the user where they have asked twice.
async fn complete(cx: Ctx, wanted: Wanted) -> Done {
    let Some(found) = find(&cx, &wanted.before).await? else { return Ok(Outcome::Done) };
    if wanted.again && found.candidates.len() > 1 {
        cx.show(|sheet| candidates(sheet, &found.candidates));
    }
    if let Some(mut typing) = cx.peer.typing() {
        typing.complete(&found);
    }
    Ok(Outcome::Done)
}

async fn find(cx: &Ctx, before: &str) -> Result<Option<Completion>, Failure> {
    let Some(sought) = complete::sought(before) else { return Ok(None) };
    let rank = match sought.among {
        Among::Commands => rank(cx).await,
        _ => Rank::Member,
    };
    if let Some(known) = sought.known(&cx.who(), rank) {
        return Ok(Some(known));
    }
    let begins = sought.word().to_owned();
    let names = match sought.among {
        Among::Lobbies => {
            cx.ask_registry(NamesKnown { whose: Whose::Lobbies, begins, max: MAX_NAMES }).await?
        }
        _ => {
            let here = NamesHere { begins: begins.clone(), max: MAX_NAMES };
            let mut names = cx.lobby().addr.send(here).await.unwrap_or_default();
            // In a text those who hear it are meant.
            if complete::is_command(before) {
                let known = NamesKnown { whose: Whose::Users, begins, max: MAX_NAMES };
                let others = cx.ask_registry(known).await?;
                names.extend(
                    others.into_iter().filter(|name| !names.contains(name)).collect::<Vec<_>>(),
                );
            }
            names
        }
    };
    Ok(Some(sought.of(names.iter().map(|name| name.as_str()))))
}

/// The rank of the user in their lobby, which only that knows.
async fn rank(cx: &Ctx) -> Rank {
    let who = cx.who();
    if who.admin {
        return Rank::Admin;
    }
    let lobby = cx.lobby().addr;
    for (right, rank) in [(Right::Owner, Rank::Owner), (Right::Operator, Rank::Operator)] {
        if let Ok(Ok(())) = lobby.send(HasRight(who.clone(), right)).await {
            return rank;
        }
    }
    Rank::Member
}
