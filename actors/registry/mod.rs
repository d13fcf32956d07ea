//! The Registry actor: who has which name, how many connections an address has, where each lobby is.
//!
//! What may be and what comes of it is decided in [`chat::registry`](crate::chat::registry). The actor asks
//! that, has stored what must be stored first, lets it happen and does what follows for others. Checking
//! and taking is one handler, so of many who want one name at an instant one gets it.

mod accounts;
mod bots;
mod console;
mod deciding;
mod guessing;
mod letters;
mod lobbies;
pub mod messages;
mod moderation;
pub mod ranks;
pub mod rates;
mod reconfiguring;
mod users;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use actix::prelude::*;
use log::warn;
use tokio::sync::oneshot;

use crate::actors::ai::budgets::Budgets;
use crate::actors::guard::{self, Answers, Ctx, Dependable, Guarded, Reply};
use crate::actors::lobby::messages::{Registered, Unregistered};
use crate::actors::lobby::records::{Next, Record, Records};
use crate::actors::lobby::{Lobby, Snapshot};
use crate::actors::log::{Log, Waiting};
use crate::actors::registry::deciding::{Proposed, Returning};
use crate::actors::registry::guessing::GuessAnswer;
use crate::actors::registry::letters::Asked;
use crate::actors::registry::messages::{Admit, Gone, LobbyRef, ReleaseName};
use crate::actors::registry::ranks::Admins;
use crate::actors::registry::rates::RateTable;
use crate::actors::shard::Shard;
use crate::actors::shard::messages::{Address, Announce, Became, DisconnectSeat, Letter, Show};
use crate::actors::store::{Applying, StoreHandle};
use crate::ai::questions::Questions;
use crate::chat::directory::{Admission, ConnId, Refusal};
use crate::chat::history::{History, UnixMillis};
use crate::chat::lobbies::{GENERAL_ID, Lobbies, LobbyEntry, LobbyId, LobbyLimits};
use crate::chat::lobby::{LobbyState, Member, Room};
use crate::chat::registry::{Cause, Connections, Effect, Happening, People, Place, User};
use crate::chat::roles::Owner;
use crate::clock;
use crate::clock::unix_now;
use crate::config::Live;
use crate::logging::event;
use crate::metrics::Metrics;
use crate::render::replies::{Farewell, ModerationReply};
use crate::store::{self, Change, PresentUser, StoredLobby, StoredNode};

/// How often addresses without a recent wrong password or connection are forgotten.
const FORGET_EVERY: Duration = Duration::from_secs(60);

/// How often accounts that nobody uses are looked for.
const REMOVE_EVERY: Duration = Duration::from_secs(3_600);

/// Starts a lobby's actor.
pub type StartLobby = Box<dyn Fn(Snapshot, Addr<Guarded<Registry>>) -> Addr<Lobby> + Send>;

/// What the server hands over once the threads run: the Registry was there first.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Open {
    /// The Shards, by index.
    pub shards: Arc<[Addr<Guarded<Shard>>]>,
    /// What the store had.
    pub snapshot: store::Snapshot,
    /// Starts lobbies.
    pub start_lobby: StartLobby,
}

/// The threads, once they are known.
pub(super) struct Threads {
    shards: Arc<[Addr<Guarded<Shard>>]>,
    start_lobby: StartLobby,
}

/// The actor.
pub struct Registry {
    next_lobby: u32,
    connections: Connections,
    people: People<Address>,
    rates: RateTable,
    admins: Admins,
    /// Sessions that wait to be let try a password.
    waiters: HashMap<ConnId, oneshot::Sender<GuessAnswer>>,
    lobbies: Lobbies<Addr<Lobby>>,
    /// What has come out of the log for each and has not happened there yet.
    records: HashMap<LobbyId, Records>,
    store: StoreHandle,
    metrics: Arc<Metrics>,
    /// Who has asked Rox how much.
    budgets: Budgets,
    threads: Option<Threads>,
    /// The settings in force.
    config: Live,
    /// Where things happen.
    log: Log,
    /// What was proposed and has not come out of the log: who waits for it is told whether it happened.
    proposed: Waiting<Proposed>,
    /// The record of the log that is being applied.
    applying: Option<Applying>,
    /// In a cluster, the life of a node by which each user is there: they are gone with it.
    lives: HashMap<ConnId, u32>,
    /// Users of this node that was given up as lost, until their names are claimed again.
    returning: BTreeMap<ConnId, Returning>,
    /// Users who are connected to this server.
    here: HashSet<ConnId>,
    /// What other nodes were asked and have not answered.
    asked: Asked,
}

impl Registry {
    /// Knows nobody yet.
    pub fn new(
        config: Live,
        store: StoreHandle,
        rates: RateTable,
        admins: Admins,
        metrics: Arc<Metrics>,
        budgets: Budgets,
        log: Log,
    ) -> Self {
        let now = config.get();
        let limits = LobbyLimits { total: now.max_lobbies, per_user: now.max_lobbies_per_user };
        let admission = Admission::new(
            now.max_connections,
            now.max_connections_per_ip,
            now.connects_per_minute,
        );
        Self {
            next_lobby: GENERAL_ID.0 + 1,
            connections: Connections::new(admission),
            people: People::new(now.admins.iter().cloned(), now.registrations_per_day),
            rates,
            admins,
            waiters: HashMap::new(),
            lobbies: Lobbies::new(limits),
            records: HashMap::new(),
            store,
            metrics,
            budgets,
            threads: None,
            config,
            log,
            proposed: Waiting::default(),
            applying: None,
            lives: HashMap::new(),
            returning: BTreeMap::new(),
            here: HashSet::new(),
            asked: Asked::default(),
        }
    }

    /// Starts the actor of a lobby and lists it.
    pub(super) fn add_lobby(&mut self, snapshot: Snapshot, ctx: &mut Ctx<Self>) {
        let Some(threads) = &self.threads else { return };
        let state = snapshot.room.state().clone();
        let records = snapshot.records.clone();
        let handle = (threads.start_lobby)(snapshot, ctx.address());
        // What the one before it has left.
        (0..records.waiting()).for_each(|_| handle.do_send(Next));
        self.metrics.lobbies.inc();
        self.records.insert(state.id, records);
        let used_at = state.used_at;
        self.lobbies.insert(LobbyEntry { state, users: 0, used_at, handle });
    }

    /// A lobby that nobody is in.
    pub(super) fn empty(&self, stored: StoredLobby) -> Snapshot {
        let StoredLobby { state, history: entries, next_seq } = stored;
        let (messages, age) = self.config.get().history();
        let mut history = History::new(messages, age);
        history.doubt_clock(clock::state().was_set);
        history.restore(entries, next_seq);
        if !matches!(self.log, Log::Alone) {
            history.know_all_connections();
        }
        let room = Room::new(state, history);
        Snapshot { room, questions: Questions::default(), records: Records::default() }
    }

    /// Sets the lobbies up that were stored, and general in any case.
    fn restore(&mut self, snapshot: store::Snapshot, ctx: &mut Ctx<Self>) {
        self.next_lobby = self.next_lobby.max(snapshot.next_lobby.0);
        self.people.restore_next_account(snapshot.next_account);
        let now = self.now();
        for account in snapshot.accounts {
            self.people.restore_account(account);
        }
        self.admins.set(self.people.accounts().admins());
        for warning in self.doubtful_admins() {
            warn!(event = event::ADMIN_DOUBTFUL; "{warning}");
        }
        for (ip, at) in snapshot.registrations {
            self.people.restore_registration(ip, at);
        }
        self.people.restore_bans(snapshot.bans);
        let keep_age = self.config.get().keep_age;
        let mut members: HashMap<LobbyId, Vec<Member<ConnId>>> = HashMap::new();
        let mut questions: HashMap<LobbyId, String> = HashMap::new();
        let mut guests: HashMap<LobbyId, ConnId> = HashMap::new();
        if let Some(node) = snapshot.node {
            let StoredNode { users, members: stored, guest_owners, given, questions: open, .. } =
                node;
            questions.extend(open);
            guests.extend(guest_owners);
            for (account, count) in given {
                self.people.restore_passwords_given(account, count);
            }
            users.into_iter().for_each(|user| self.restore_user(user));
            for (lobby, member) in stored {
                members.entry(lobby).or_default().push(member);
            }
        }
        let is_alone = matches!(self.log, Log::Alone);
        for mut stored in snapshot.lobbies {
            if let (Owner::Nobody, Some(guest)) = (stored.state.owner, guests.get(&stored.state.id))
            {
                stored.state.owner = Owner::Guest(*guest);
            }
            match (stored.state.owner, stored.state.used_at.until(now)) {
                (Owner::Account(_), unused)
                    if is_alone && unused > keep_age && !clock::is_in_doubt() =>
                {
                    self.store.keep(vec![Change::LobbyRemoved(stored.state.id)]);
                }
                _ => {
                    let id = stored.state.id;
                    let there = members.remove(&id).unwrap_or_default();
                    let open = questions.remove(&id);
                    let mut lobby = self.empty(stored);
                    if let Some(open) = open {
                        lobby.questions = Questions::restored(&open);
                    }
                    for Member { who, picture, away, life, handle: conn } in there {
                        let handle = Address::elsewhere(conn);
                        self.people.place(conn).into_iter().for_each(|place| place.came(id));
                        lobby.room.restore_member(Member { who, picture, away, life, handle });
                    }
                    self.add_lobby(lobby, ctx);
                }
            }
        }
        if let Some(state) = LobbyState::general(now)
            && self.lobbies.find(&state.name.key()).is_none()
        {
            self.add_new(state, ctx);
        }
        self.remove_unused(ctx);
        guard::every(ctx, REMOVE_EVERY, Self::remove_unused);
    }

    /// Somebody was there when this node stopped, on whatever node.
    fn restore_user(&mut self, user: PresentUser) {
        let PresentUser { who, away, life } = user;
        self.lives.insert(who.conn, life);
        let handle = Address::elsewhere(who.conn);
        self.people.restore_user(User { who, away, handle, place: Place::default() });
    }

    /// The time, of which it is noted how far it can be relied on: for what a ban decides.
    pub(super) fn now(&mut self) -> UnixMillis {
        let now = unix_now();
        // What is shared goes by the log's time.
        if let Log::Alone = self.log {
            self.people.note_clock(clock::state());
        }
        now
    }

    /// Lets something be so, and does what follows for others.
    pub(super) fn happen(&mut self, what: Happening<Address>, at: UnixMillis) {
        let given = matches!(what, Happening::PasswordGiven { .. });
        let took_over = matches!(what, Happening::TookOver(_));
        let shared = !matches!(self.log, Log::Alone);
        let touched = self.people.touched(&what);
        let effects = self.people.happen(what, at);
        self.count_users(&touched);
        if given {
            self.admins.set(self.people.accounts().admins());
        }
        for effect in effects {
            match effect {
                // Another node may be where they are: what they said here since is not to be said there.
                Effect::Disconnect(at, cause) if took_over && shared => self.lose(at, Some(cause)),
                Effect::Disconnect(at, cause) => self.disconnect(at, cause),
                Effect::Became { before, now } => {
                    let became = Became { before, now };
                    self.shards().for_each(|shard| shard.do_send(became.clone()));
                }
                Effect::CarryOver { before, after } => self.rates.carry_over(&before, &after),
                Effect::Registered { guest, account, admin } => {
                    let applying = self.applying.clone();
                    let made = Registered { guest, account, admin, at, applying };
                    self.tell_records(|| Record::Registered(made.clone()));
                }
                Effect::Unregistered { account, who, present } => {
                    let applying = self.applying.clone();
                    let gone = Unregistered { account, who, present, at, applying };
                    self.tell_records(|| Record::Unregistered(gone.clone()));
                }
                Effect::Keep(change) => self.keep([change]),
                Effect::Announce { by, text } => {
                    let announce = Announce { by, text };
                    self.shards().for_each(|shard| shard.do_send(announce.clone()));
                }
                Effect::Offer { to: Address { shard, seat }, from, name } => {
                    let letter = Letter::Offer(name);
                    let show = Show { seat, from, letter, asked: None };
                    if let Some(shard) = self.shard(shard) {
                        shard.do_send(show);
                    }
                }
            }
        }
    }

    /// Ends a connection, where it is one of this node.
    fn disconnect(&self, at: Address, cause: Cause) {
        let (why, reason) = parting(cause);
        if let Some(shard) = self.shard(at.shard) {
            shard.do_send(DisconnectSeat(at.seat, why, reason));
        }
    }

    /// Counts who is in the chat, and who of them is here, after something has become of these.
    fn count_users(&mut self, touched: &[ConnId]) {
        for conn in touched {
            let user = self.people.users().get(*conn);
            match user.is_some_and(|user| !user.handle.is_elsewhere()) {
                true => self.here.insert(*conn),
                false => self.here.remove(conn),
            };
        }
        self.metrics.users.set(self.people.users().len() as i64);
        self.metrics.users_here.set(self.here.len() as i64);
    }

    fn tell_lobbies<M>(&self, what: &M)
    where
        M: Message<Result = ()> + Clone + Send + 'static,
        Lobby: Handler<M>,
    {
        self.lobbies.iter().for_each(|entry| entry.handle.do_send(what.clone()));
    }

    /// Every thread's.
    fn shards(&self) -> impl Iterator<Item = &Addr<Guarded<Shard>>> {
        self.threads.iter().flat_map(|threads| threads.shards.iter())
    }

    /// That of a thread, once the threads are known.
    pub(super) fn shard(&self, index: usize) -> Option<&Addr<Guarded<Shard>>> {
        self.threads.as_ref()?.shards.get(index)
    }

    pub(super) fn lobby_ref(&self, entry: &LobbyEntry<Addr<Lobby>>) -> LobbyRef {
        LobbyRef { state: entry.state.clone(), lobby: entry.handle.clone() }
    }

    pub(super) fn general(&self) -> Option<LobbyRef> {
        self.lobbies.get(GENERAL_ID).map(|entry| self.lobby_ref(entry))
    }
}

impl Dependable for Registry {
    fn started(&mut self, ctx: &mut Ctx<Self>) {
        guard::every(ctx, FORGET_EVERY, |registry: &mut Self, _| {
            let (now, time) = (clock::now(), registry.now());
            registry.connections.forget_old(now);
            registry.rates.forget_old(now);
            if !clock::is_in_doubt() {
                registry.people.forget_old(time);
            }
        });
    }
}

impl Answers<Open> for Registry {
    fn failed() {}

    fn answer(&mut self, open: Open, ctx: &mut Ctx<Self>) -> Reply<Self, ()> {
        Reply::now(|| {
            let Open { shards, snapshot, start_lobby } = open;
            self.threads = Some(Threads { shards, start_lobby });
            self.restore(snapshot, ctx);
        })
    }
}

impl Answers<Admit> for Registry {
    fn failed() -> Result<ConnId, Refusal> {
        Err(Refusal::Full)
    }

    fn answer(
        &mut self,
        Admit(ip): Admit,
        _: &mut Ctx<Self>,
    ) -> Reply<Self, Result<ConnId, Refusal>> {
        Reply::now(|| self.connections.admit(ip, clock::now()))
    }
}

impl Answers<Gone> for Registry {
    fn failed() {}

    fn answer(&mut self, Gone(conn): Gone, _: &mut Ctx<Self>) -> Reply<Self, ()> {
        Reply::now(|| {
            self.leave(conn);
            self.took_over(conn);
            self.waiters.remove(&conn);
            let woken = self.connections.close(conn, clock::now());
            self.wake(woken);
        })
    }
}

/// What whoever has to go is told: why, where there is more to say than that they have to.
fn parting(cause: Cause) -> (Farewell, Option<ModerationReply>) {
    match cause {
        Cause::Elsewhere => (Farewell::Elsewhere, None),
        Cause::Banned(terms) => {
            let told = terms.says_more().then_some(terms);
            (Farewell::Banned, told.map(ModerationReply::Banned))
        }
        Cause::Kicked(reason) => (Farewell::Kicked, reason.map(ModerationReply::Disconnected)),
        Cause::NewPassword => (Farewell::NewPassword, None),
        Cause::BotGone => (Farewell::BotGone, None),
    }
}

impl Answers<ReleaseName> for Registry {
    fn failed() {}

    fn answer(&mut self, ReleaseName(conn): ReleaseName, _: &mut Ctx<Self>) -> Reply<Self, ()> {
        Reply::now(|| self.leave(conn))
    }
}
