//! The part of the Registry through which all that happens comes: what it proposes itself, and what comes out of
//! the log, also for the lobbies. It hands that on to them in the order of the log, so what it tells them of
//! accounts stands at the same place on every node.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use actix::prelude::*;
use tokio::sync::oneshot;

use crate::actors::guard::{Answers, Ctx, Guarded, Reply};
use crate::actors::lobby::records::{MAX_WAITING, Next, Record, Records};
use crate::actors::lobby::{Lobby, messages as lobby};
use crate::actors::log::messages::{Begin, Decided, NotTaken, Over, Reach, Reclaim};
use crate::actors::log::{Log, Ticket};
use crate::actors::registry::messages::{ModerateError, RegisterError};
use crate::actors::registry::{Registry, parting};
use crate::actors::shard::messages::{Address, LostName, ServerNotice, TellAll};
use crate::ai::budget::OverBudget;
use crate::ai::questions;
use crate::chat::directory::ConnId;
use crate::chat::history::UnixMillis;
use crate::chat::kept::PresentUser;
use crate::chat::lobbies::{GENERAL_ID, LobbyEntry, LobbyId};
use crate::chat::lobby::LobbyState;
use crate::chat::lobby::step::Input;
use crate::chat::person::Person;
use crate::chat::registry::{Cause, Happening, NotBack, User};
use crate::cluster::engine::Subject;
use crate::cluster::reach;
use crate::cluster::record::What;
use crate::store::{Change, NodeChange, StoreError};

/// Why something that was proposed did not happen.
#[derive(Debug, Clone, thiserror::Error)]
pub(super) enum NotDone {
    /// What it needs could not be stored.
    #[error(transparent)]
    NotStored(#[from] StoreError),
    /// Another node was quicker, or the log is closed.
    #[error("something else happened before")]
    TooLate,
}

impl From<NotDone> for StoreError {
    fn from(why: NotDone) -> Self {
        match why {
            NotDone::NotStored(why) => why,
            NotDone::TooLate => Self::Other("something else happened before".into()),
        }
    }
}

impl From<NotDone> for RegisterError {
    fn from(why: NotDone) -> Self {
        Self::NotStored(why.into())
    }
}

impl From<NotDone> for ModerateError {
    fn from(why: NotDone) -> Self {
        StoreError::from(why).into()
    }
}

/// A user of this node that was given up as lost, as they were then.
pub(super) struct Returning {
    user: User<Address>,
    /// How many passwords the operator had given their account.
    passwords: u32,
}

/// Something that was proposed here, as this node knows it.
pub(super) struct Proposed {
    what: Option<Happening<Address>>,
    done: oneshot::Sender<Result<(), NotDone>>,
}

/// Has something happen once all that belongs to it is known.
#[derive(Message)]
#[rtype(result = "Result<(), NotDone>")]
struct Propose {
    what: Happening<Address>,
    changes: Vec<Change>,
}

/// Has something happen, as whoever waits for others first.
pub(super) async fn propose(
    registry: &Addr<Guarded<Registry>>,
    what: Happening<Address>,
    changes: Vec<Change>,
) -> Result<(), NotDone> {
    registry.send(Propose { what, changes }).await.unwrap_or(Err(NotDone::TooLate))
}

impl Registry {
    /// Has something happen, with its changes stored first, and then does the rest, here alone.
    pub(super) fn bring_about<R: 'static>(
        &mut self,
        what: Happening<Address>,
        changes: Vec<Change>,
        then: impl FnOnce(&mut Self, Result<(), NotDone>) -> R + 'static,
    ) -> Reply<Self, R> {
        self.bring_about_at(what, changes, self.log.now(), then)
    }

    /// The same, of that instant where the log does not say another one.
    pub(super) fn bring_about_at<R: 'static>(
        &mut self,
        what: Happening<Address>,
        changes: Vec<Change>,
        now: UnixMillis,
        then: impl FnOnce(&mut Self, Result<(), NotDone>) -> R + 'static,
    ) -> Reply<Self, R> {
        match &self.log {
            Log::Alone if changes.is_empty() => {
                self.happen(what, now);
                Reply::Now(then(self, Ok(())))
            }
            Log::Alone => {
                let store = self.store.clone();
                let commit = async move { store.commit(changes).await };
                Reply::after(commit, move |registry: &mut Self, stored, _| match stored {
                    Ok(()) => {
                        registry.happen(what, now);
                        then(registry, Ok(()))
                    }
                    Err(why) => then(registry, Err(why.into())),
                })
            }
            Log::Shared(_) => {
                let done = self.append(what, changes);
                Reply::after(done, move |registry: &mut Self, done, _| {
                    then(registry, done.unwrap_or(Err(NotDone::TooLate)))
                })
            }
        }
    }

    /// The same, with changes that others are asked for first.
    pub(super) fn bring_about_after<R: 'static>(
        &mut self,
        changes: impl Future<Output = Vec<Change>> + 'static,
        what: Happening<Address>,
        ctx: &Ctx<'_, Self>,
        then: impl FnOnce(&mut Self, Result<(), NotDone>) -> R + 'static,
    ) -> Reply<Self, R> {
        let me = ctx.address();
        let done = async move { propose(&me, what, changes.await).await };
        Reply::after(done, move |registry: &mut Self, done, _| then(registry, done))
    }

    /// Proposes a lobby to all nodes.
    pub(super) fn propose_lobby(
        &mut self,
        state: Arc<LobbyState>,
    ) -> oneshot::Receiver<Result<(), NotDone>> {
        let (done, waits) = oneshot::channel();
        if let Log::Shared(log) = &self.log {
            if log.is_away() {
                let _ = done.send(Err(NotDone::TooLate));
                return waits;
            }
            let ticket = log.append(Subject::Server, What::LobbyMade(state), Vec::new());
            self.proposed.add(ticket, Proposed { what: None, done });
        }
        waits
    }

    /// Where a connection is whose name is on its way through the log.
    pub(super) fn coming_at(&self, conn: ConnId) -> Option<Address> {
        self.proposed.iter().find_map(|proposed| match proposed.what.as_ref()? {
            Happening::CameIn { who, handle } | Happening::Returned { who, handle, .. }
                if who.conn == conn =>
            {
                Some(*handle)
            }
            _ => None,
        })
    }

    /// Whoever had this connection is there no more.
    pub(super) fn leave(&mut self, conn: ConnId) {
        self.returning.remove(&conn);
        self.note(conn, Happening::Left(conn));
    }

    /// A connection that took another one's place is in, or is gone.
    pub(super) fn took_over(&mut self, conn: ConnId) {
        if self.people.taken_over_by(conn).is_some() || self.coming_at(conn).is_some() {
            self.note(conn, Happening::TookOver(conn));
        }
    }

    /// Has something about a connection happen that nobody waits for; nothing where it has no name.
    fn note(&mut self, conn: ConnId, what: Happening<Address>) {
        if let Log::Alone = self.log {
            return self.happen(what, self.log.now());
        }
        let named = self.people.users().get(conn).is_some()
            || self.people.taken_over_by(conn).is_some()
            || self.coming_at(conn).is_some();
        if named {
            drop(self.append(what, Vec::new()));
        }
    }

    /// Proposes something to all nodes, and waits for nothing.
    pub(super) fn propose_alone(&mut self, what: Happening<Address>, changes: Vec<Change>) {
        drop(self.append(what, changes));
    }

    /// Proposes something to all nodes; answered when it has happened, or why it has not.
    fn append(
        &mut self,
        what: Happening<Address>,
        changes: Vec<Change>,
    ) -> oneshot::Receiver<Result<(), NotDone>> {
        let (done, waits) = oneshot::channel();
        if let Log::Shared(log) = &self.log {
            if log.is_away() && what.is_refused_away() {
                let _ = done.send(Err(NotDone::TooLate));
                return waits;
            }
            let wire = reach::happening(what.clone(), |at: Address| at.seat.conn);
            let ticket = log.append(subject(&what), What::People(wire), changes);
            self.proposed.add(ticket, Proposed { what: Some(what), done });
        }
        waits
    }
}

/// Whose connection has a name by this.
fn comes<H>(what: &Happening<H>) -> Option<ConnId> {
    match what {
        Happening::CameIn { who, .. } | Happening::Returned { who, .. } => Some(who.conn),
        _ => None,
    }
}

/// Where in the log it stands.
fn subject(what: &Happening<Address>) -> Subject {
    match what {
        Happening::Registered(_)
        | Happening::Unregistered { .. }
        | Happening::BotMade(_)
        | Happening::BotGone { .. }
        | Happening::PasswordGiven { .. }
        | Happening::Moderated { .. } => Subject::Server,
        Happening::AccountUsed(account) => Subject::Account(*account),
        Happening::CameIn { .. }
        | Happening::Returned { .. }
        | Happening::Left(_)
        | Happening::TookOver(_)
        | Happening::Renamed { .. }
        | Happening::Away { .. }
        | Happening::Offered { .. }
        | Happening::OfferOver(_) => Subject::People,
    }
}

impl Answers<Propose> for Registry {
    fn failed() -> Result<(), NotDone> {
        Err(NotDone::TooLate)
    }

    fn answer(
        &mut self,
        Propose { what, changes }: Propose,
        _: &mut Ctx<Self>,
    ) -> Reply<Self, Result<(), NotDone>> {
        self.bring_about(what, changes, |_, done| done)
    }
}

impl Answers<Decided> for Registry {
    fn failed() {}

    fn answer(&mut self, decided: Decided, ctx: &mut Ctx<Self>) -> Reply<Self, ()> {
        let Decided { at, own, what, changes, life, applying } = decided;
        self.applying = Some(applying.clone());
        let done = Reply::now(|| match what {
            What::Lobby { lobby, input: Input::Join(join) }
                if self.people.users().get(join.member.who.conn).is_none() =>
            {
                // Their name is somebody else's, or they have given up coming in.
                if let Some(own) = own {
                    self.tell_lobby(lobby, lobby::Void(own));
                }
            }
            What::Lobby { lobby, input } => {
                let input = reach::input(input, |conn| self.reached(conn));
                applying.keep(changes);
                let decided = lobby::Decided { input, at, own, life, applying };
                self.tell_record(lobby, Record::Decided(decided));
            }
            What::People(what) => self.decide(what, (at, life), own, changes),
            What::LobbyMade(state) => {
                let made = self.lobby_decided(state, ctx);
                if let Some(Proposed { done, .. }) = self.proposed_as(own) {
                    let _ = done.send(made);
                }
            }
            What::LobbyRemoved(lobby) => {
                self.tell_record(lobby, Record::Expire(lobby::Expire(applying)));
            }
            What::Rox { lobby, input } => {
                let admitted = self.count_rox(lobby, &input, at);
                let rox = lobby::Rox { input, at, life, own, admitted, applying };
                self.tell_record(lobby, Record::Rox(rox));
            }
            What::Mail { .. } | What::LifeOver { .. } => {}
            What::Kept => {
                applying.keep(changes);
                if let (Log::Shared(log), Some(ticket)) = (&self.log, own) {
                    log.has_kept(ticket);
                }
            }
        });
        self.applying = None;
        done
    }
}

impl Registry {
    /// Counts a question for the budgets, here and so in the order of the log: lobbies go on side by side.
    fn count_rox(
        &self,
        lobby: LobbyId,
        input: &questions::Input,
        at: UnixMillis,
    ) -> Result<(), OverBudget> {
        let who = input.asker().and_then(|conn| self.people.users().get(conn));
        let who = who.map(|user| Person::from(&user.who));
        let counted = self.budgets.happened(lobby, input, who.as_ref(), at)?;
        self.keep(counted.map(Change::Node));
        Ok(())
    }

    /// Has stored what lasts: with the record of the log that is being applied, where there is one.
    pub(super) fn keep(&self, changes: impl IntoIterator<Item = Change>) {
        match &self.applying {
            Some(applying) => applying.keep(changes),
            None => self.store.keep(changes),
        }
    }

    /// Has stored who has these connections now; forgets of which life they were that have nobody any more.
    fn keep_users(&mut self, conns: &[ConnId]) {
        for conn in conns {
            let user = self.people.users().get(*conn);
            let stored = user.map(|User { who, away, .. }| {
                let life = self.lives.get(conn).copied().unwrap_or_default();
                Box::new(PresentUser { who: who.clone(), away: away.clone(), life })
            });
            self.keep([Change::Node(NodeChange::User(*conn, stored))]);
            self.forget_life(*conn);
        }
    }

    /// Forgets of which life a connection was, where it means nothing any more. While one takes another one's place,
    /// both are of some life: of the end of the newer one's the older one has to hear, also where another one has
    /// taken over since, and the older one's is asked who wrote to it.
    fn forget_life(&mut self, conn: ConnId) {
        if self.people.users().get(conn).is_none() && !self.people.is_in_take_over(conn) {
            self.lives.remove(&conn);
        }
    }

    /// Where a connection is reached, whose user is known.
    fn reached(&self, conn: ConnId) -> Address {
        let user = self.people.users().get(conn);
        user.map_or_else(|| Address::elsewhere(conn), |user| user.handle)
    }

    /// Has something happen in a lobby that has come out of the log, also where that has broken and is not set up again
    /// yet.
    pub(super) fn tell_record(&self, lobby: LobbyId, record: Record) {
        if let (Some(entry), Some(records)) = (self.lobbies.get(lobby), self.records.get(&lobby)) {
            self.add_record(entry, records, record);
        }
    }

    /// The same, in all lobbies.
    pub(super) fn tell_records(&self, record: impl Fn() -> Record) {
        for entry in self.lobbies.iter() {
            if let Some(records) = self.records.get(&entry.state.id) {
                self.add_record(entry, records, record());
            }
        }
    }

    fn add_record(&self, entry: &LobbyEntry<Addr<Lobby>>, records: &Records, record: Record) {
        let waiting = records.add(record);
        entry.handle.do_send(Next);
        if waiting > MAX_WAITING
            && !entry.handle.connected()
            && let Log::Shared(log) = &self.log
        {
            let name = &entry.state.name;
            log.stop(format!("lobby '{name}' broke, and {waiting} records wait for it"));
        }
    }

    fn tell_lobby<M>(&self, lobby: LobbyId, what: M)
    where
        M: Message<Result = ()> + Send + 'static,
        Lobby: Handler<M>,
    {
        if let Some(entry) = self.lobbies.get(lobby) {
            entry.handle.do_send(what);
        }
    }

    fn proposed_as(&mut self, own: Option<Ticket>) -> Option<Proposed> {
        own.and_then(|ticket| self.proposed.take(ticket))
    }

    /// Something among the people has come out of the log: it happens where it still may.
    fn decide(
        &mut self,
        what: Happening<ConnId>,
        (at, life): (UnixMillis, u32),
        own: Option<Ticket>,
        changes: Vec<Change>,
    ) {
        let (mine, done) = match self.proposed_as(own) {
            Some(Proposed { what, done }) => (what, Some(done)),
            None => (None, None),
        };
        // This node knows where its own users are.
        let what = mine.unwrap_or_else(|| reach::happening(what, Address::elsewhere));
        let (what, changes) = self.people.numbered(what, changes);
        let may = self.people.may_still(&what, at);
        if may {
            self.pass_on_counted(&what);
            self.keep(changes);
            let touched = self.people.touched(&what);
            if let Some(conn) = comes(&what) {
                self.lives.insert(conn, life);
            }
            let given = match &what {
                Happening::PasswordGiven { given, .. } => Some(given.account),
                _ => None,
            };
            let took_over = match what {
                Happening::TookOver(conn) => {
                    let before = self.people.taken_over_by(conn).map(|user| user.who.conn);
                    [Some(conn), before]
                }
                _ => [None, None],
            };
            self.happen(what, at);
            self.keep_users(&touched);
            took_over.into_iter().flatten().for_each(|conn| self.forget_life(conn));
            if let Some(account) = given {
                let count = self.people.passwords_given(account);
                self.keep([Change::Node(NodeChange::PasswordsGiven(account, count))]);
            }
        } else if let Happening::Returned { who, passwords, handle, .. } = &what
            && let Err(why) = self.people.may_return(who, *passwords, at)
        {
            // Before what they wrote comes out of the log, which does not happen then.
            let ends = match why {
                NotBack::Name => None,
                NotBack::Ends(cause) => Some(cause),
            };
            self.lose(*handle, ends);
        }
        if let Some(done) = done {
            let _ = done.send(if may { Ok(()) } else { Err(NotDone::TooLate) });
        }
    }
}

impl Answers<NotTaken> for Registry {
    fn failed() {}

    fn answer(
        &mut self,
        NotTaken { ticket, lobby }: NotTaken,
        _: &mut Ctx<Self>,
    ) -> Reply<Self, ()> {
        Reply::now(|| {
            if let Some(lobby) = lobby {
                return self.tell_lobby(lobby, lobby::Void(ticket));
            }
            if let Some(Proposed { done, .. }) = self.proposed_as(Some(ticket)) {
                let _ = done.send(Err(NotDone::TooLate));
            }
            if let Log::Shared(log) = &self.log {
                log.has_not_kept(ticket);
            }
        })
    }
}

impl Answers<Begin> for Registry {
    fn failed() {}

    fn answer(&mut self, Begin { life }: Begin, _: &mut Ctx<Self>) -> Reply<Self, ()> {
        Reply::now(|| self.connections.begin_life(life))
    }
}

impl Answers<Over> for Registry {
    fn failed() {}

    fn answer(
        &mut self,
        Over { life, at, heard, applying }: Over,
        _: &mut Ctx<Self>,
    ) -> Reply<Self, ()> {
        self.applying = Some(applying.clone());
        let done = Reply::now(|| {
            let gone = self.lives.iter().filter(|(_, of)| **of == life).map(|(conn, _)| *conn);
            let mut gone: Vec<ConnId> = gone.collect();
            // In one order on every node.
            gone.sort_unstable();
            for conn in &gone {
                // They are here indeed: this node was cut off, and nobody knows of it but the others.
                let user = self.people.users().get(*conn);
                if let Some(user) = user.filter(|user| !user.handle.is_elsewhere()) {
                    let passwords = |account| self.people.passwords_given(account);
                    let passwords = user.who.account.map_or(0, passwords);
                    self.returning.insert(*conn, Returning { user: user.clone(), passwords });
                }
                self.happen(Happening::Left(*conn), at);
                self.happen(Happening::TookOver(*conn), at);
            }
            self.keep_users(&gone);
            let over = lobby::LifeOver { life, at, heard, applying };
            self.tell_records(|| Record::LifeOver(over.clone()));
        });
        self.applying = None;
        done
    }
}

impl Answers<Reclaim> for Registry {
    fn failed() {}

    fn answer(&mut self, reclaim: Reclaim, _: &mut Ctx<Self>) -> Reply<Self, ()> {
        Reply::now(|| self.reclaim(&reclaim))
    }
}

impl Registry {
    /// The users of this node have their names again, and then their places, where they are still there.
    fn reclaim(&mut self, reclaim: &Reclaim) {
        let returning = std::mem::take(&mut self.returning);
        // These have let go of their name, and are only told the end of it.
        let leaving: HashSet<ConnId> = self.proposed.iter().filter_map(leaves).collect();
        let mut places: BTreeMap<LobbyId, Vec<ConnId>> = BTreeMap::new();
        for (conn, Returning { user: User { who, away, handle, .. }, passwords }) in returning {
            if !self.connections.is_there(conn) || leaving.contains(&conn) {
                continue;
            }
            // Whoever is in none yet is about to come into one.
            if let Some(lobby) = self.connections.lobby(conn) {
                places.entry(lobby).or_default().push(conn);
            }
            drop(self.append(Happening::Returned { who, away, passwords, handle }, Vec::new()));
        }
        for entry in self.lobbies.iter() {
            let conns = places.remove(&entry.state.id).unwrap_or_default();
            entry.handle.do_send(lobby::Reclaim { conns, until: reclaim.0.clone() });
        }
    }

    /// A user of this node is there no more, as the log says, and has to take another name; or their connection ends,
    /// for this. What they said and is not in the log does not happen.
    pub(super) fn lose(&self, at: Address, ends: Option<Cause>) {
        let Some(shard) = self.shard(at.shard) else { return };
        let ends = ends.map(parting);
        let lobby = self.connections.lobby(at.seat.conn).unwrap_or(GENERAL_ID);
        // It knows what that is.
        match self.lobbies.get(lobby) {
            Some(entry) => entry.handle.do_send(lobby::LostName(at, ends)),
            None => shard.do_send(LostName { seat: at.seat, not_sent: Vec::new(), ends }),
        }
    }
}

/// Whose name is given back by this.
fn leaves(proposed: &Proposed) -> Option<ConnId> {
    match proposed.what {
        Some(Happening::Left(conn)) => Some(conn),
        _ => None,
    }
}

impl Answers<Reach> for Registry {
    fn failed() {}

    fn answer(&mut self, reach: Reach, _: &mut Ctx<Self>) -> Reply<Self, ()> {
        Reply::now(|| {
            let notice = match reach.there {
                true => ServerNotice::Reachable,
                false => ServerNotice::Unreachable,
            };
            if !reach.there {
                self.tell_lobbies(&lobby::Unreachable);
            }
            self.shards().for_each(|shard| shard.do_send(TellAll(notice)));
        })
    }
}
