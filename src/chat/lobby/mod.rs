//! The rules of one lobby: who is in it, what was said, who may do what.

mod caught_up;
mod changes;
mod company;
pub mod crowd;
pub mod event;
mod members;
mod posts;
pub mod replay;
mod slow;
mod state;
pub mod step;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use self::caught_up::CaughtUp;
pub use self::company::Company;
use self::company::Speakers;
use self::crowd::Crowd;
pub use self::members::{Member, Presence, Saying};
use self::posts::Posts;
use self::slow::SlowMode;
pub use self::state::LobbyState;
use self::step::{Join, JoinKind};
use super::accounts::{AccountId, Identity, Subject, Target};
use super::bot::{LoopGuard, QUIET_TIME, quiet_for};
use super::directory::ConnId;
use super::history::{Entry, History, MessageKind, UnixMillis};
use super::kept::Authored;
use super::moderation::{Moderation, Strike};
use super::name::{Name, NameKey};
use super::orders::{OFFER_TIME, Order, OrderError, PURGE_TIME, UNDO_TIME};
use super::person::Person;
use super::pictures::Picture;
use super::retention::ClockState;
use super::roles::{Owner, Rank};
use super::sanctions::{Penalty, Sanction, guests_besides};
use super::text::{Line, Text};

/// Why a user does not get into a lobby.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JoinError {
    /// There is none of that name (any more).
    #[error("no such lobby")]
    NoSuchLobby,
    /// It is private, and the password is wrong or missing.
    #[error("wrong password")]
    WrongPassword,
    /// It is private, and no password was given; the name of it.
    #[error("no password")]
    NeedsPassword(Name),
    /// They are in it.
    #[error("already there")]
    AlreadyThere(Name),
    /// This address gave too many wrong passwords; seconds to wait.
    #[error("too many wrong passwords")]
    TooManyAttempts(u64),
    /// They are banned from this lobby.
    #[error("banned")]
    Banned(Name, Penalty),
}

/// Why the prompt of the lobby's AI was not changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PromptError {
    /// `general` belongs to nobody.
    #[error("the general lobby has the server's prompt")]
    General,
    /// Only an owner may, who is whoever made the lobby unless they gave it away.
    #[error("not the creator")]
    NotCreator,
}

/// Why something was not said.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SayError {
    /// By somebody who is not in the lobby.
    #[error("not in the lobby")]
    NotHere,
    /// They are muted.
    #[error("muted")]
    Muted(Penalty),
    /// They are a bot, and the bots of the lobby are muted for so long still.
    #[error("bots are muted")]
    BotsMuted(Duration),
    /// They are a hook that has posted as often as it may; how long to wait.
    #[error("too many posts")]
    TooOften(Duration),
    /// There is no such hook (any more).
    #[error("no such hook")]
    NoSuchHook,
    /// The lobby is in slow mode, and they spoke just now; how long to wait.
    #[error("too soon after the last message")]
    TooSoon(Duration),
}

/// One lobby.
#[derive(Debug)]
pub struct Room<H> {
    /// Shared with whoever is handed it; changed in a copy then.
    state: Arc<LobbyState>,
    /// Boxed, since a table is up to half empty.
    members: HashMap<ConnId, Box<Member<H>>>,
    history: History,
    pacing: SlowMode,
    offer: Option<Offer>,
    /// By how many milliseconds the clock had been set when it was read last.
    clock_set_by: Option<i64>,
    speakers: Speakers,
    caught_up: CaughtUp,
    crowd: Crowd,
    guard: LoopGuard,
    posts: Posts,
}

impl<H> Room<H> {
    /// An empty lobby.
    pub fn new(state: LobbyState, history: History) -> Self {
        let (members, pacing) = (HashMap::new(), SlowMode::default());
        Self {
            state: Arc::new(state),
            members,
            history,
            pacing,
            offer: None,
            clock_set_by: None,
            speakers: Speakers::default(),
            caught_up: CaughtUp::default(),
            crowd: Crowd::default(),
            guard: LoopGuard::default(),
            posts: Posts::default(),
        }
    }

    /// What stands for it whoever is in it.
    pub fn state(&self) -> &Arc<LobbyState> {
        &self.state
    }

    fn state_mut(&mut self) -> &mut LobbyState {
        Arc::make_mut(&mut self.state)
    }

    /// Whether somebody gets in.
    ///
    /// # Errors
    /// [`JoinError::Banned`], which does not hold for those who run the lobby,
    /// [`JoinError::WrongPassword`] where the proof is not for the record that stands now,
    /// [`JoinError::AlreadyThere`]; [`JoinError::NoSuchLobby`] for one who comes back and was put out, or
    /// has left: they come in like anybody else.
    fn may_join(&self, join: &Join<H>, now: UnixMillis) -> Result<(), JoinError> {
        let proof = match join.kind {
            // Nobody is here whose place could be taken: they may have been put out meanwhile.
            JoinKind::TakeOver(from) if self.member(from).is_none() => None,
            JoinKind::Return | JoinKind::TakeOver(_) => return self.may_be_in(join, now),
            // They proved it when they came first.
            JoinKind::Resume => return self.may_be_in(join, now),
            JoinKind::Login | JoinKind::Switch => join.proof.as_deref(),
        };
        self.may_be_in(join, now)?;
        if self.state.record.as_deref().is_some_and(|record| Some(record) != proof) {
            return Err(JoinError::WrongPassword);
        }
        Ok(())
    }

    /// The same, where the password was proved before.
    fn may_be_in(&self, join: &Join<H>, now: UnixMillis) -> Result<(), JoinError> {
        let Join { member: Member { who, .. }, kind, .. } = join;
        match kind {
            JoinKind::Return => {
                return self.member(who.conn).map(|_| ()).ok_or(JoinError::NoSuchLobby);
            }
            JoinKind::TakeOver(from) if self.member(*from).is_some() => return Ok(()),
            JoinKind::TakeOver(_) | JoinKind::Login | JoinKind::Switch | JoinKind::Resume => {}
        }
        if self.members.contains_key(&who.conn) {
            return Err(JoinError::AlreadyThere(self.state.name.clone()));
        }
        if self.state.ban_of(who, now).is_some()
            && let Some(penalty) = self.state.bans.penalty(who, now)
        {
            return Err(JoinError::Banned(self.state.name.clone(), penalty));
        }
        Ok(())
    }

    /// Somebody was in when this node stopped.
    pub fn restore_member(&mut self, member: Member<H>) {
        self.join(member);
    }

    /// Somebody is in.
    fn join(&mut self, member: Member<H>) {
        self.members.insert(member.who.conn, Box::new(member));
    }

    /// Takes a user out.
    fn leave(&mut self, conn: ConnId) -> Option<Member<H>> {
        let member = self.members.remove(&conn)?;
        self.pacing.left(&member.who);
        self.speakers.left(conn);
        Some(*member)
    }

    /// A second login of the same account takes the place of the first: the member goes on under
    /// another connection, with the rights that the second has. The handle that they had; none where
    /// `from` is not here.
    fn take_over(&mut self, from: ConnId, (who, life): (Identity, u32), handle: H) -> Option<H> {
        let mut member = self.members.remove(&from)?;
        let conn = who.conn;
        self.speakers.reseated(from, conn);
        self.caught_up.reseated(from, conn);
        self.crowd.reseated(from, &who);
        (member.who, member.life) = (who, life);
        member.away = None;
        let before = std::mem::replace(&mut member.handle, handle);
        self.members.insert(conn, member);
        Some(before)
    }

    /// A user in the lobby.
    pub fn member(&self, conn: ConnId) -> Option<&Member<H>> {
        self.members.get(&conn).map(|member| &**member)
    }

    /// Everybody in it, in no order.
    pub fn members(&self) -> impl Iterator<Item = &Member<H>> {
        self.members.values().map(|member| &**member)
    }

    /// How many are in it.
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Whether nobody is in it.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// The mute and the ban that are to hold for the account that a guest makes, here or elsewhere.
    fn for_account(
        &self,
        guest: &Identity,
        account: AccountId,
        now: UnixMillis,
    ) -> (Option<Sanction>, Option<Sanction>) {
        let LobbyState { mutes, bans, .. } = &*self.state;
        (mutes.for_account(guest, account, now), bans.for_account(guest, account, now))
    }

    /// Whether a user may say something now, to Rox too.
    ///
    /// # Errors
    /// Why not. Those who run the lobby are neither muted nor slowed down.
    fn may_speak(&self, conn: ConnId, now: UnixMillis) -> Result<(), SayError> {
        self.may_be_heard(conn, now)?;
        let is_bot = self.members.get(&conn).is_some_and(|member| member.who.bot_of.is_some());
        if is_bot && self.guard.is_too_loud(now) {
            return Err(SayError::BotsMuted(QUIET_TIME));
        }
        let member = self.members.get(&conn).ok_or(SayError::NotHere)?;
        let state = &self.state;
        if state.slow.is_zero() || state.rank(&member.who) > Rank::Member {
            return Ok(());
        }
        self.pacing.may_speak(&member.who, state.slow, now).map_err(SayError::TooSoon)
    }

    /// The same, however long ago they spoke last.
    fn may_be_heard(&self, conn: ConnId, now: UnixMillis) -> Result<(), SayError> {
        let member = self.members.get(&conn).ok_or(SayError::NotHere)?;
        let state = &self.state;
        // Of a loop each bot is a part, also one that helps to run the lobby.
        if member.who.bot_of.is_some() {
            self.may_bots_speak(now)?;
        }
        if state.rank(&member.who) > Rank::Member {
            return Ok(());
        }
        match state.mutes.penalty(&member.who, now) {
            Some(penalty) => Err(SayError::Muted(penalty)),
            None => Ok(()),
        }
    }

    /// Whether bots and hooks are not muted for having been too loud, as all nodes know.
    ///
    /// # Errors
    /// [`SayError::BotsMuted`].
    fn may_bots_speak(&self, now: UnixMillis) -> Result<(), SayError> {
        quiet_for(self.state.bots_quiet_until, now)
            .map_or(Ok(()), |left| Err(SayError::BotsMuted(left)))
    }

    /// Whether a hook may post something now, of which so many posts are under way.
    ///
    /// # Errors
    /// Why not.
    pub fn may_post(&self, hook: &Name, under_way: usize, now: UnixMillis) -> Result<(), SayError> {
        self.may_still_post(hook, now)?;
        if self.guard.is_too_loud(now) {
            return Err(SayError::BotsMuted(QUIET_TIME));
        }
        self.posts.may_post(&hook.key(), under_way, now).map_err(SayError::TooOften)
    }

    /// The same, by what all nodes know.
    fn may_still_post(&self, hook: &Name, now: UnixMillis) -> Result<(), SayError> {
        if !self.state.hooks.contains_key(&hook.key()) {
            return Err(SayError::NoSuchHook);
        }
        self.may_bots_speak(now)
    }

    /// Until when the bots here are to be muted that have just become too loud; none where they have not, or are.
    pub fn too_loud_until(&self, now: UnixMillis) -> Option<UnixMillis> {
        let trips = self.guard.is_too_loud(now) && self.may_bots_speak(now).is_ok();
        trips.then(|| now.after(QUIET_TIME))
    }

    /// Somebody said something.
    fn spoke(&mut self, conn: ConnId, now: UnixMillis) {
        match self.members.get(&conn) {
            Some(member) if member.who.bot_of.is_some() => self.guard.bot_spoke(now),
            Some(_) => self.guard.person_spoke(),
            None => {}
        }
        let (state, members) = (&self.state, &self.members);
        if let Some(member) = members.get(&conn)
            && !state.slow.is_zero()
            && state.rank(&member.who) == Rank::Member
        {
            self.pacing.spoke(&member.who, state.slow, now);
        }
    }

    /// Puts a message of a member's into the history, as it is to be shown, under its number.
    fn record(
        &mut self,
        conn: ConnId,
        saying: Saying,
        now: UnixMillis,
    ) -> Option<(u64, Arc<Entry>)> {
        let member = self.members.get(&conn)?;
        let (picture, author) = (member.picture, (&member.who).into());
        self.speakers.spoke(conn);
        let Saying { kind, text } = saying;
        let entry = Arc::new(Entry { at: now, picture, author, kind, text });
        let seq = self.history.push(entry.clone());
        self.caught_up.spoke(conn, self.now_on(now));
        Some((seq, entry))
    }

    /// Keeps a question to Rox, as its asker said it.
    pub fn record_question(
        &mut self,
        conn: ConnId,
        text: Text,
        now: UnixMillis,
    ) -> Option<(u64, Arc<Entry>)> {
        self.record(conn, Saying { kind: MessageKind::Asked, text }, now)
    }

    /// Keeps an answer of Rox's, as it was shown to them who ask and to all who hear them.
    pub fn record_answer(
        &mut self,
        asker: Person,
        text: Text,
        now: UnixMillis,
    ) -> (u64, Arc<Entry>) {
        let (picture, kind) = (Picture::DEFAULT, MessageKind::Answer);
        let conn = asker.conn;
        let entry = Arc::new(Entry { at: now, picture, author: asker, kind, text });
        let seq = self.history.push(entry.clone());
        if let Some(conn) = conn {
            self.caught_up.answered(conn, seq, self.now_on(now));
        }
        (seq, entry)
    }

    /// The same of what a hook posts.
    fn record_post(&mut self, hook: Name, text: Text, now: UnixMillis) -> (u64, Arc<Entry>) {
        self.guard.bot_spoke(now);
        self.posts.posted(hook.key(), now);
        let (picture, kind) = (Picture::DEFAULT, MessageKind::Said);
        let entry = Arc::new(Entry { at: now, picture, author: Person::hook(hook), kind, text });
        (self.history.push(entry.clone()), entry)
    }

    /// Changes a member's picture.
    fn set_picture(&mut self, conn: ConnId, picture: Picture) {
        if let Some(member) = self.members.get_mut(&conn) {
            member.picture = picture;
        }
    }

    /// A member is away, or back.
    fn set_away(&mut self, conn: ConnId, away: Option<Line>) {
        if let Some(member) = self.members.get_mut(&conn) {
            member.away = away;
        }
    }

    /// A member has another name. The one before, and who they are now; none where they are not here.
    fn rename(&mut self, conn: ConnId, name: Name) -> Option<(Name, Person)> {
        let who = &mut self.members.get_mut(&conn)?.who;
        let before = std::mem::replace(&mut who.name, name);
        Some((before, (&*who).into()))
    }

    /// A guest has made an account, and keeps the lobby if it is theirs. Whether it is.
    fn registered(
        &mut self,
        guest: &Identity,
        account: AccountId,
        admin: bool,
        now: UnixMillis,
    ) -> bool {
        let conn = guest.conn;
        let (mute, ban) = self.for_account(guest, account, now);
        if mute.is_some() || ban.is_some() {
            let state = self.state_mut();
            mute.into_iter().for_each(|mute| state.mutes.impose(mute, Some(conn)));
            ban.into_iter().for_each(|ban| state.bans.impose(ban, Some(conn)));
        }
        if let Some(member) = self.members.get_mut(&conn) {
            (member.who.account, member.who.admin) = (Some(account), admin);
        }
        self.pacing.registered(guest, account);
        self.state.owner == Owner::Guest(conn) && self.state_mut().registered(conn, account)
    }

    /// What is to hold for the address once an account is given up on a connection: its mute and its
    /// ban.
    fn for_address(&self, who: &Identity, now: UnixMillis) -> (Option<Sanction>, Option<Sanction>) {
        let LobbyState { mutes, bans, .. } = &*self.state;
        (mutes.for_address(who, now), bans.for_address(who, now))
    }

    /// A guest who is a member and may not be: the account that they were is no more.
    fn is_banned(&self, conn: ConnId, now: UnixMillis) -> Option<&Sanction> {
        self.state.ban_of(&self.members.get(&conn)?.who, now)
    }

    /// An account is no more; `who` gave it up, where somebody did, and `conn` is the connection that
    /// is logged in to it now. Whether its rank here has changed.
    fn unregistered(
        &mut self,
        account: AccountId,
        who: Option<&Identity>,
        conn: Option<ConnId>,
        now: UnixMillis,
    ) -> bool {
        // All lobbies are told, and few have anything of it: the others go on sharing their state.
        let subject = Subject::Account(account);
        if self.state.mutes.is_about(&subject) || self.state.bans.is_about(&subject) {
            let state = self.state_mut();
            state.mutes.give_up(account, who, now);
            state.bans.give_up(account, who, now);
        }
        if let Some(member) = conn.and_then(|conn| self.members.get_mut(&conn)) {
            (member.who.account, member.who.admin) = (None, false);
        }
        if let Some(conn) = conn {
            self.pacing.unregistered(account, conn);
        }
        let LobbyState { owner, operators, .. } = &*self.state;
        let runs = operators.contains(&account) || *owner == Owner::Account(account);
        runs && self.state_mut().unregistered(account, conn)
    }

    /// What comes of an order. Changes nothing: it is to be stored first.
    ///
    /// # Errors
    /// Why it is not carried out.
    pub fn plan(
        &self,
        by: &Identity,
        order: Order,
        now: UnixMillis,
    ) -> Result<Moderation, OrderError> {
        let offer = self.offer.as_ref().filter(|offer| offer.stands(&self.state, now));
        let what = match order {
            Order::Accept => accept(offer, by)?,
            order => self.state.plan(by, order, now)?,
        };
        if let (Moderation::Offer { .. }, Some(_)) = (&what, offer) {
            return Err(OrderError::AskedAlready);
        }
        if let Moderation::Kick { name, .. } = &what
            && self.removed(&what).next().is_none()
        {
            return Err(OrderError::NotHere(name.clone()));
        }
        Ok(what)
    }

    /// The members who have to go by a moderation. A ban is of all that it is about, however many connections
    /// they have, and a kick of an account goes to whatever connection it has by now.
    fn removed(&self, what: &Moderation) -> impl Iterator<Item = &Member<H>> {
        let strike = what.strike();
        self.members().filter(move |member| match strike {
            Some(Strike::Ban { ban, conn }) => self.is_struck(&member.who, ban, conn),
            Some(Strike::Kick { conn, account, .. }) => {
                member.who.conn == conn || (account.is_some() && member.who.account == account)
            }
            Some(Strike::All) => true,
            Some(Strike::Mute { .. }) | None => false,
        })
    }

    /// Whether a mute or a ban that is set on this connection strikes a member. It does not strike those
    /// who run the lobby.
    fn is_struck(&self, who: &Identity, sanction: &Sanction, conn: Option<ConnId>) -> bool {
        sanction.strikes(who, conn) && self.state.rank(who) == Rank::Member
    }

    /// Members whom a mute or a ban strikes besides the one whom it was meant for, by name: others of
    /// their address.
    pub fn also_struck(&self, what: &Moderation) -> Vec<Name> {
        let Some(Strike::Mute { mute: sanction, conn } | Strike::Ban { ban: sanction, conn }) =
            what.strike()
        else {
            return Vec::new();
        };
        let members = self.members().map(|member| &member.who);
        guests_besides(conn, members.filter(|who| self.is_struck(who, sanction, conn)))
    }

    /// The members who may not speak any more by a mute that was carried out.
    fn silenced(&self, what: &Moderation) -> impl Iterator<Item = H>
    where
        H: Copy,
    {
        let mute = match what.strike() {
            Some(Strike::Mute { mute, conn }) => Some((mute, conn)),
            Some(Strike::Kick { .. } | Strike::Ban { .. } | Strike::All) | None => None,
        };
        let struck = move |member: &&Member<H>| {
            mute.is_some_and(|(mute, conn)| self.is_struck(&member.who, mute, conn))
        };
        self.members().filter(struck).map(|member| member.handle)
    }

    /// Carries out a moderation. Whoever it [removes](Room::removed) is still here after it.
    fn apply(&mut self, by: &Name, what: &Moderation, now: UnixMillis) {
        match what {
            Moderation::Offer { account, .. } => {
                let (account, by, owner) = (*account, by.clone(), self.state.owner);
                self.offer = Some(Offer { account, by, owner, at: now });
            }
            Moderation::Transfer { .. } => self.offer = None,
            Moderation::Slow(_) => self.pacing.clear(),
            Moderation::Topic(_)
            | Moderation::Op { .. }
            | Moderation::Deop { .. }
            | Moderation::Kick { .. }
            | Moderation::Mute { .. }
            | Moderation::Unmute { .. }
            | Moderation::Ban { .. }
            | Moderation::Unban { .. }
            | Moderation::SetPassword(_)
            | Moderation::SetPrompt(_)
            | Moderation::SetRox { .. }
            | Moderation::AddHook(_)
            | Moderation::DeleteHook(_)
            | Moderation::Delete(_) => {}
            Moderation::Undo { .. } | Moderation::Purge { .. } => {
                return self.history.remove(what.removes().unwrap_or_default());
            }
        }
        let next_seq = self.next_seq();
        self.state_mut().apply(what, now, next_seq);
    }

    /// The messages that an order is about, which only the store knows, where somebody may give it.
    pub fn asks(&self, by: &Identity, order: &Order, now: UnixMillis) -> Option<Authored> {
        let of = |account, conn: Option<ConnId>, time, max| Authored {
            account,
            conn: conn.map(|conn| (conn, self.history.first_seq())),
            before_made: false,
            guest: None,
            since: now.before(time),
            answers: false,
            max,
        };
        self.state.check(by, order.right()).ok()?;
        match order {
            Order::Undo(_) => Some(of(by.account, Some(by.conn), UNDO_TIME, 1)),
            Order::Purge { whom, .. } => {
                let who = match whom {
                    Target::Present(who) | Target::Departed(who) => Some(who),
                    Target::Absent { .. } => None,
                };
                let conn = who.map(|who| who.conn);
                let guest = who.filter(|who| who.account.is_none());
                let guest = guest.map(|who| (who.name.key(), who.ip));
                let of = of(whom.account(), conn, PURGE_TIME, usize::MAX);
                // What somebody had Rox say is removed with what they said.
                Some(Authored { guest, before_made: true, answers: true, ..of })
            }
            Order::Topic(_)
            | Order::Op(_)
            | Order::Deop(_)
            | Order::Kick { .. }
            | Order::Mute { .. }
            | Order::Unmute(_)
            | Order::Ban { .. }
            | Order::Unban(_)
            | Order::Slow(_)
            | Order::SetPassword(_)
            | Order::Transfer(_)
            | Order::Accept
            | Order::Delete
            | Order::AddHook { .. }
            | Order::DeleteHook(_)
            | Order::SetPrompt(_)
            | Order::SetRox(_) => None,
        }
    }

    /// Who offered the lobby, while the offer stands.
    fn offered_by(&self) -> Option<&Name> {
        self.offer.as_ref().map(|offer| &offer.by)
    }

    /// The first `max` of those in it after this name, or of all, as `/users` shows them, by name.
    pub fn roster(&self, after: Option<&NameKey>, max: usize) -> Vec<Presence> {
        let keyed = self.members().map(|member| (member.who.name.key(), member));
        let mut users: Vec<_> =
            keyed.filter(|(key, _)| after.is_none_or(|after| key > after)).collect();
        let by_key = |(one, _): &(NameKey, _), (other, _): &(NameKey, _)| NameKey::cmp(one, other);
        if users.len() > max {
            // A part of a large lobby is found without sorting all of it.
            users.select_nth_unstable_by(max, by_key);
            users.truncate(max);
        }
        users.sort_unstable_by(by_key);
        let LobbyState { owner, operators, .. } = &*self.state;
        let presence = |(_, m): (NameKey, &Member<H>)| Presence {
            picture: m.picture,
            who: (&m.who).into(),
            owner: owner.is(Some(m.who.conn), m.who.account),
            operator: m.who.account.is_some_and(|account| operators.contains(&account)),
            admin: m.who.admin,
            away: m.away.clone(),
        };
        users.into_iter().map(presence).collect()
    }

    /// Hands everything on, to a lobby that is set up in the place of this one.
    pub fn take(&mut self) -> Self {
        Self {
            state: self.state.clone(),
            members: std::mem::take(&mut self.members),
            history: self.history.take(),
            pacing: std::mem::take(&mut self.pacing),
            offer: self.offer.take(),
            speakers: std::mem::take(&mut self.speakers),
            caught_up: std::mem::take(&mut self.caught_up),
            crowd: std::mem::take(&mut self.crowd),
            guard: std::mem::take(&mut self.guard),
            posts: std::mem::take(&mut self.posts),
            clock_set_by: self.clock_set_by,
        }
    }

    /// From here on this is replayed at most: so many messages, so old ones.
    pub fn set_history_limits(&mut self, messages: usize, age: Duration) {
        self.history.set_limits(messages, age);
    }

    /// What is replayed at most.
    pub fn history_limits(&self) -> (usize, Duration) {
        self.history.limits()
    }

    /// Adds what was said before and let go of, since less was replayed then.
    pub fn refill(&mut self, entries: Vec<(u64, Entry)>) {
        self.history.refill(entries.into_iter());
    }

    /// Says anew who is an admin: those of these accounts.
    pub fn set_ranks(&mut self, is_admin: impl Fn(AccountId) -> bool) {
        for member in self.members.values_mut() {
            member.who.admin = member.who.account.is_some_and(&is_admin);
        }
    }

    /// Says how far the clock can be relied on, whenever it was read.
    pub fn note_clock(&mut self, clock: ClockState) {
        self.history.doubt_clock(clock.was_set);
        if let Some(millis) = clock.set_since(&mut self.clock_set_by) {
            let state = self.state_mut();
            state.mutes.shift(millis);
            state.bans.shift(millis);
        }
    }

    /// What a user who joins now is shown, oldest first.
    fn recent(&mut self, now: UnixMillis) -> impl Iterator<Item = (u64, &Arc<Entry>)> {
        self.history.recent(now)
    }

    /// The number of the next message.
    pub fn next_seq(&self) -> u64 {
        self.history.next_seq()
    }

    /// The newest `count` messages that people said to each other, oldest first, with their numbers.
    pub fn last(&self, count: usize) -> impl Iterator<Item = (u64, &Entry)> {
        self.history.last(count)
    }
}

/// A lobby that somebody is asked to take. It stands for [`OFFER_TIME`], and as long as the lobby
/// belongs to whom it belonged to then.
#[derive(Debug)]
struct Offer {
    account: AccountId,
    by: Name,
    owner: Owner,
    at: UnixMillis,
}

impl Offer {
    fn stands(&self, state: &LobbyState, now: UnixMillis) -> bool {
        self.at.until(now) < OFFER_TIME && state.owner == self.owner
    }
}

fn accept(offer: Option<&Offer>, who: &Identity) -> Result<Moderation, OrderError> {
    match who.account {
        Some(account) if offer.is_some_and(|offer| offer.account == account) => {
            Ok(Moderation::Transfer { account, name: who.name.clone() })
        }
        _ => Err(OrderError::NothingOffered),
    }
}

#[cfg(test)]
mod tests;
