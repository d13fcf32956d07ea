//! The decisions of a lobby, as a machine: what is put to it, and what follows from that.
//!
//! [`propose`](Room::propose) asks whether something may be, and changes nothing.
//! [`happen`](Room::happen) makes it so: it asks nothing, waits for nothing and takes its time from its
//! argument, so whoever lets the same things happen in the same order has the same lobby.
//! [`step`](Room::step) is both. What is ordered is stored in between: it is
//! [planned](Room::plan), its [changes](Room::changes) are stored, and then it happens.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::crowd::Notice;
use super::event::{Event, Happened};
use super::replay::{Replay, ReplayPrefs};
use super::{JoinError, Member, Room, SayError, Saying};
use crate::chat::accounts::{AccountId, Identity};
use crate::chat::change::Change;
use crate::chat::directory::ConnId;
use crate::chat::history::{Entry, UnixMillis};
use crate::chat::kept::Since;
use crate::chat::lobbies::LobbyId;
use crate::chat::moderation::{Moderation, Removal};
use crate::chat::name::Name;
use crate::chat::password::PasswordRecord;
use crate::chat::person::Person;
use crate::chat::pictures::Picture;
use crate::chat::text::{Line, Text};

/// How often it is stored that a lobby is in use.
const USED_EVERY: Duration = Duration::from_secs(600);

/// How a user comes into a lobby.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JoinKind {
    /// At login: the history, and a notice to all.
    Login,
    /// From another lobby: told that they joined, the history, and a notice to all.
    Switch,
    /// Still there, after the lobby broke and was set up again: nothing to be shown.
    Return,
    /// Back, after their node had been given up as lost: they were shown everything meanwhile.
    Resume,
    /// In the place of another connection of the same account, without a word to the others.
    TakeOver(ConnId),
}

impl JoinKind {
    /// Whether whoever comes in so has not been in before over this connection.
    pub fn is_new(self) -> bool {
        match self {
            Self::Login | Self::Switch | Self::TakeOver(_) => true,
            Self::Return | Self::Resume => false,
        }
    }
}

/// Somebody wants to come in. What only their own node needs does not go to others: what they want to be shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(bound(serialize = "", deserialize = "H: From<ConnId>"))]
pub struct Join<H> {
    /// The user, as they are to stand in the lobby.
    pub member: Member<H>,
    /// The record that their password was checked against. When it happens, the lobby may have another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proof: Option<Arc<PasswordRecord>>,
    /// How they come.
    pub kind: JoinKind,
    /// How they want to be shown what was said.
    #[serde(skip)]
    pub prefs: ReplayPrefs,
}

/// What is put to a lobby.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    rename_all = "snake_case",
    bound(serialize = "H: Serialize", deserialize = "H: From<ConnId> + Deserialize<'de>")
)]
pub enum Input<H> {
    /// Somebody comes in.
    Join(Box<Join<H>>),
    /// Somebody goes, where they are here.
    Leave {
        /// Their connection.
        conn: ConnId,
        /// The lobby in which their account goes on, where they leave the server too.
        goes_on_in: Option<LobbyId>,
        /// They go because their server stops, as all who are on it do: those go in one notice.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        server_stops: bool,
    },
    /// Somebody says something.
    Say {
        /// Their connection.
        conn: ConnId,
        /// The words, and in which way they are said.
        saying: Saying,
        /// Where whoever it tags is to be told.
        #[serde(skip_serializing_if = "Option::is_none")]
        tagged: Option<H>,
    },
    /// A hook posts something.
    Post {
        /// Its name.
        hook: Name,
        /// The words.
        text: Text,
    },
    /// Bots and hooks have been too loud, and are muted.
    QuietBots {
        /// Until when.
        until: UnixMillis,
    },
    /// Somebody asks Rox, which is speaking too.
    Ask(ConnId),
    /// An order is carried out, which was planned and stored.
    Moderate {
        /// Who gave it.
        by: Identity,
        /// What comes of it.
        what: Arc<Moderation>,
    },
    /// The second is over in which notices were summed up.
    SumUp,
    /// The password has a record in the form in which passwords are kept: it was proved by one of an earlier
    /// version's.
    RenewPassword {
        /// The record that it was proved by.
        before: Arc<PasswordRecord>,
        /// The one to have in its place.
        record: Arc<PasswordRecord>,
    },
    /// Somebody has another picture.
    SetPicture(ConnId, Picture),
    /// Somebody has another name.
    Rename(ConnId, Name),
    /// Somebody is away, or back.
    SetAway(ConnId, Option<Line>),
    /// A guest has made an account.
    Register {
        /// Who, as a guest.
        guest: Identity,
        /// The account.
        account: AccountId,
        /// Whether it is an admin's.
        admin: bool,
    },
    /// An account is no more.
    Unregister {
        /// The number that the account had.
        account: AccountId,
        /// Who gave it up, as they were; none where nobody did.
        who: Option<Identity>,
        /// The connection that is under its name now: another one may have logged in meanwhile, and it
        /// may have ended.
        present: Option<ConnId>,
    },
}

impl<H> Input<H> {
    /// Whether nobody is to wait for it while the log cannot be reached: whoever wants it is told so.
    pub fn is_refused_away(&self) -> bool {
        match self {
            Self::Join(join) => join.kind.is_new(),
            Self::Moderate { .. }
            | Self::Ask(_)
            | Self::Post { .. }
            | Self::QuietBots { .. }
            | Self::SetAway(..)
            | Self::SetPicture(..) => true,
            Self::Leave { .. }
            | Self::Say { .. }
            | Self::SumUp
            | Self::RenewPassword { .. }
            | Self::Rename(..)
            | Self::Register { .. }
            | Self::Unregister { .. } => false,
        }
    }

    /// The connection of the member who wants it; none where it is nobody's or an order's.
    pub fn by(&self) -> Option<ConnId> {
        match self {
            Self::Join(join) => Some(join.member.who.conn),
            Self::Leave { conn, .. }
            | Self::Say { conn, .. }
            | Self::Ask(conn)
            | Self::SetPicture(conn, _)
            | Self::Rename(conn, _)
            | Self::SetAway(conn, _) => Some(*conn),
            Self::Moderate { .. }
            | Self::Post { .. }
            | Self::QuietBots { .. }
            | Self::SumUp
            | Self::RenewPassword { .. }
            | Self::Register { .. }
            | Self::Unregister { .. } => None,
        }
    }
}

/// Why something may not be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Somebody does not get in.
    #[error(transparent)]
    Join(#[from] JoinError),
    /// Somebody may not speak now.
    #[error(transparent)]
    Say(#[from] SayError),
    /// The log cannot be reached that all nodes share.
    #[error("the other servers cannot be reached")]
    Unreachable,
}

/// What follows from something that happened. `H` says where somebody is.
#[derive(Debug, Clone)]
pub enum Effect<H> {
    /// All members are shown this.
    Show(Event),
    /// A member alone is shown this.
    ShowTo(H, Event),
    /// After [`SUM_TIME`](super::crowd::SUM_TIME), [`Input::SumUp`] is to be put to the lobby.
    SumUp,
    /// A member is here from now on; it is shown this first.
    Enter(H, Arc<Replay>),
    /// Somebody was tagged, wherever they are.
    Tagged(H, Person),
    /// A member has to go to general, put out by whom and how.
    Remove(H, Name, Removal),
    /// A member may not speak any more: what of theirs waits is not to be said.
    Silence(H),
    /// Somebody came in.
    Came(H, Identity),
    /// Somebody went.
    Went(H, Identity),
    /// A member goes on at the second place, under this connection.
    Reseated(H, H, ConnId),
    /// A member that was taken over from a lobby that broke is here indeed.
    Confirmed(H),
    /// This lasts.
    Keep(Change),
    /// The state of the lobby is another one, to be listed and stored.
    Changed,
    /// This account is asked to take the lobby, by whom.
    Offer(AccountId, Person),
    /// The guest of this connection is muted or banned, and may have made an account meanwhile.
    Recheck(ConnId),
    /// The lobby is no more.
    End,
}

fn show<H>(at: UnixMillis, what: Happened) -> Effect<H> {
    Effect::Show(Event { at, what })
}

impl<H: Copy> Room<H> {
    /// Puts something to the lobby: where it may be, it happens.
    ///
    /// # Errors
    /// Why it may not be. Then nothing has changed.
    pub fn step(
        &mut self,
        input: Input<H>,
        now: UnixMillis,
        effects: &mut Vec<Effect<H>>,
    ) -> Result<(), Refusal> {
        self.propose(&input, now)?;
        self.happen(input, now, effects);
        Ok(())
    }

    /// Whether something may be.
    ///
    /// # Errors
    /// Why not.
    pub fn propose(&self, input: &Input<H>, now: UnixMillis) -> Result<(), Refusal> {
        match input {
            Input::Join(join) => Ok(self.may_join(join, now)?),
            Input::Say { conn, .. } | Input::Ask(conn) => Ok(self.may_speak(*conn, now)?),
            Input::Post { hook, .. } => Ok(self.may_post(hook, 0, now)?),
            Input::QuietBots { .. } => Ok(self.may_bots_speak(now)?),
            Input::Leave { .. }
            | Input::Moderate { .. }
            | Input::SumUp
            | Input::RenewPassword { .. }
            | Input::SetPicture(..)
            | Input::Rename(..)
            | Input::SetAway(..)
            | Input::Register { .. }
            | Input::Unregister { .. } => Ok(()),
        }
    }

    /// Whether something may still be that was proposed, now that it is its turn: with several nodes, others
    /// have had theirs before. It asks for nothing that a node does not know which has just started, as when
    /// somebody spoke last, nor for a password, whose proof does not go to others.
    ///
    /// # Errors
    /// Why not.
    pub fn may_still(&self, input: &Input<H>, now: UnixMillis) -> Result<(), Refusal> {
        match input {
            Input::Join(join) => Ok(self.may_be_in(join, now)?),
            Input::Say { conn, .. } | Input::Ask(conn) => Ok(self.may_be_heard(*conn, now)?),
            Input::Post { hook, .. } => Ok(self.may_still_post(hook, now)?),
            _ => self.propose(input, now),
        }
    }

    /// Something is so from `now` on.
    pub fn happen(&mut self, input: Input<H>, now: UnixMillis, effects: &mut Vec<Effect<H>>) {
        match input {
            Input::Join(join) => self.joined(*join, now, effects),
            Input::Leave { conn, goes_on_in, server_stops } => {
                // Only of a member: whoever was put out meanwhile goes on elsewhere.
                let account = self.member(conn).and_then(|member| member.who.account);
                if let (Some(account), Some(lobby)) = (account, goes_on_in) {
                    effects.push(Effect::Keep(self.goes_on(account, lobby, now)));
                }
                let notice = if server_stops { Notice::Summed } else { Notice::OfEach };
                self.let_go(conn, notice, now, effects);
            }
            Input::Say { conn, saying, tagged } => self.said(conn, saying, tagged, now, effects),
            Input::Ask(conn) => {
                self.introduce(conn, now, effects);
                self.spoke(conn, now);
                self.used(now, effects);
            }
            Input::Post { hook, text } => {
                let (seq, entry) = self.record_post(hook, text, now);
                self.was_said(seq, entry, now, effects);
            }
            Input::QuietBots { until } => {
                self.state_mut().bots_quiet_until = Some(until);
                self.tell_sum(now, effects);
                effects.push(show(now, Happened::BotsMuted));
                self.changed(effects);
            }
            Input::SumUp => self.sum_up(now, effects),
            Input::Moderate { by, what } => self.moderated(&by, &what, now, effects),
            Input::RenewPassword { before, record } => {
                // It may have another password by now. This one is no change of it: whoever knows it comes
                // back as before.
                if self.state().record.as_ref() == Some(&before) {
                    self.state_mut().record = Some(record);
                    self.changed(effects);
                }
            }
            Input::SetPicture(conn, picture) => self.set_picture(conn, picture),
            Input::Rename(conn, after) => {
                if let Some((before, who)) = self.rename(conn, after) {
                    self.tell_sum(now, effects);
                    effects.push(show(now, Happened::Renamed { before, who }));
                }
            }
            Input::SetAway(conn, text) => self.set_away(conn, text),
            Input::Register { guest, account, admin } => {
                // All of it was stored with the account, but for what has come about since.
                effects
                    .extend(self.registering(&guest, account, now).into_iter().map(Effect::Keep));
                if self.registered(&guest, account, admin, now) {
                    self.changed(effects);
                }
            }
            Input::Unregister { account, who, present } => {
                if let Some(who) = &who {
                    effects.extend(self.unregistering(who, now).into_iter().map(Effect::Keep));
                }
                if self.unregistered(account, who.as_ref(), present, now) {
                    self.changed(effects);
                }
                if let Some(ban) = present.and_then(|conn| self.is_banned(conn, now)).cloned() {
                    let by = ban.by.clone();
                    self.put_out(&by, &Moderation::Ban { ban, conn: present }, now, effects);
                }
            }
        }
    }

    fn joined(&mut self, join: Join<H>, now: UnixMillis, effects: &mut Vec<Effect<H>>) {
        let Join { member, proof: _, kind, prefs } = join;
        let (at, who) = (member.handle, member.who.clone());
        let left = prefs.left;
        let before = match kind {
            JoinKind::Return => return effects.push(Effect::Confirmed(at)),
            JoinKind::TakeOver(from) => self.take_over(from, (who.clone(), member.life), at),
            JoinKind::Login | JoinKind::Switch | JoinKind::Resume => None,
        };
        if before.is_none() {
            self.join(member);
            self.caught_up.came(&(&who).into(), left, self.now_on(now));
        }
        let here = self.state().id;
        effects.extend(who.account.map(|account| Effect::Keep(self.goes_on(account, here, now))));
        if kind != JoinKind::Resume {
            let is_bot = who.bot_of.is_some();
            effects.push(Effect::Enter(at, Arc::new(self.replay(kind, is_bot, prefs, now))));
        }
        match before {
            Some(before) => effects.push(Effect::Reseated(before, at, who.conn)),
            None => {
                self.tell_joined(at, &who, now, effects);
                self.used(now, effects);
                effects.push(Effect::Came(at, who));
            }
        }
    }

    fn said(
        &mut self,
        conn: ConnId,
        saying: Saying,
        tagged: Option<H>,
        now: UnixMillis,
        effects: &mut Vec<Effect<H>>,
    ) {
        self.introduce(conn, now, effects);
        self.spoke(conn, now);
        let Some((seq, entry)) = self.record(conn, saying, now) else { return };
        let tag = tagged.map(|whom| Effect::Tagged(whom, entry.author.clone()));
        self.was_said(seq, entry, now, effects);
        effects.extend(tag);
    }

    /// What was said is kept, and all see it.
    fn was_said(
        &mut self,
        seq: u64,
        entry: Arc<Entry>,
        now: UnixMillis,
        effects: &mut Vec<Effect<H>>,
    ) {
        let lobby = self.state().id;
        effects.push(Effect::Keep(Change::Said { lobby, seq, entry: entry.clone() }));
        self.used(now, effects);
        effects.push(show(now, Happened::Said { seq, entry }));
    }

    fn moderated(
        &mut self,
        who: &Identity,
        what: &Arc<Moderation>,
        now: UnixMillis,
        effects: &mut Vec<Effect<H>>,
    ) {
        // What has come about while the order was being stored: somebody left, or was taken over from.
        effects.extend(self.puts_out(what, now).map(Effect::Keep));
        effects.extend(what.sanctioned_guest().map(Effect::Recheck));
        let by = self.told_of_as(&who.name, what);
        self.apply(&by, what, now);
        if let Moderation::Offer { account, .. } = **what {
            effects.push(Effect::Offer(account, who.into()));
        }
        self.tell_sum(now, effects);
        effects.push(show(now, Happened::Moderated { by: by.clone(), what: what.clone() }));
        effects.extend(self.silenced(what).map(Effect::Silence));
        if let Moderation::Delete(_) = **what {
            let go =
                |member: &Member<H>| Effect::Remove(member.handle, by.clone(), Removal::Delete);
            effects.extend(self.removed(what).map(go));
            return effects.push(Effect::End);
        }
        self.put_out(&by, what, now, effects);
        if what.removes().is_none() {
            self.changed(effects);
        }
    }

    /// Puts out whoever has to go.
    fn put_out(
        &mut self,
        by: &Name,
        what: &Moderation,
        now: UnixMillis,
        effects: &mut Vec<Effect<H>>,
    ) {
        let Some(how) = what.removal() else { return };
        let go: Vec<_> = self.removed(what).map(|m| (m.who.conn, m.handle)).collect();
        for (conn, at) in go {
            if let (Removal::Ban(_), Some(member)) = (&how, self.member(conn)) {
                let who = (&member.who).into();
                self.caught_up.kept_out(&who);
            }
            self.let_go(conn, Notice::OfEach, now, effects);
            effects.push(Effect::Remove(at, by.clone(), how.clone()));
        }
    }

    fn let_go(
        &mut self,
        conn: ConnId,
        notice: Notice,
        now: UnixMillis,
        effects: &mut Vec<Effect<H>>,
    ) {
        if let Some(member) = self.leave(conn) {
            self.caught_up.left((&member.who).into(), self.now_on(now));
            self.tell_left(&member.who, notice, now, effects);
            self.used(now, effects);
            effects.push(Effect::Went(member.handle, member.who));
        }
    }

    /// The connections of these are lost with the node where they were, which was heard last then: one notice of
    /// all. Whoever has an account has missed what was said since.
    pub fn lose(
        &mut self,
        gone: &[ConnId],
        (heard, now): (UnixMillis, UnixMillis),
        effects: &mut Vec<Effect<H>>,
    ) {
        let gone: Vec<_> = gone.iter().filter_map(|conn| self.leave(*conn)).collect();
        if gone.is_empty() {
            return;
        }
        self.tell_sum(now, effects);
        let people = gone.iter().filter(|member| member.who.bot_of.is_none());
        let people: Arc<[Person]> = people.map(|member| (&member.who).into()).collect();
        if !people.is_empty() {
            effects.push(show(now, Happened::ManyLost(people)));
        }
        let lobby = self.state().id;
        for member in &gone {
            let since = Since { at: heard, seq: None };
            self.caught_up.left((&member.who).into(), since);
        }
        let left = |account| Change::AccountLeft { account, lobby, at: heard, seq: None };
        let accounts = gone.iter().filter_map(|member| member.who.account);
        effects.extend(accounts.map(|account| Effect::Keep(left(account))));
        let went = |member: Member<H>| Effect::Went(member.handle, member.who);
        effects.extend(gone.into_iter().map(went));
        self.used(now, effects);
    }

    /// Somebody comes, goes or says something: the lobby is in use.
    fn used(&mut self, now: UnixMillis, effects: &mut Vec<Effect<H>>) {
        let state = self.state();
        if state.used_at.until(now) >= USED_EVERY {
            effects.push(Effect::Keep(Change::LobbyUsed { lobby: state.id, at: now }));
            self.state_mut().used_at = now;
        }
    }

    /// The lobby is not as it was: it is stored as it is now. Of two orders that cross, each stored the
    /// lobby without the other.
    fn changed(&self, effects: &mut Vec<Effect<H>>) {
        effects.push(Effect::Changed);
        effects.push(Effect::Keep(Change::LobbyPut(self.state().clone())));
    }
}

#[cfg(test)]
#[path = "step_tests.rs"]
mod tests;
