//! The Registry actor: who has which name, how many connections an address has, where each lobby is.
//!
//! Checking and taking is one handler, so of many who want one name at an instant one gets it.

mod accounts;
mod guessing;
mod lobbies;
pub mod messages;
mod moderation;
pub mod rates;
mod users;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix::prelude::*;
use log::warn;
use tokio::sync::oneshot;

use crate::actors::guard::{self, Answers, Ctx, Dependable, Guarded, Reply};
use crate::actors::lobby::{Lobby, Snapshot};
use crate::actors::registry::guessing::GuessAnswer;
use crate::actors::registry::messages::{Admit, Gone, LobbyRef, ReleaseName};
use crate::actors::registry::rates::RateTable;
use crate::actors::shard::Shard;
use crate::actors::shard::messages::Address;
use crate::actors::store::StoreHandle;
use crate::actors::unix_now;
use crate::ai::prompt::context::Conversation;
use crate::chat::accounts::{AccountId, Accounts};
use crate::chat::directory::{Admission, ConnId, Refusal};
use crate::chat::history::History;
use crate::chat::lobbies::{GENERAL, GENERAL_ID, Lobbies, LobbyEntry, LobbyId, LobbyLimits};
use crate::chat::lobby::{LobbyState, Room};
use crate::chat::name::NameKey;
use crate::chat::orders::OFFER_TIME;
use crate::chat::registrations::Registrations;
use crate::chat::registry::Connections;
use crate::chat::retention::has_jumped;
use crate::chat::roles::Owner;
use crate::chat::sanctions::Sanctions;
use crate::chat::users::Users;
use crate::config::Config;
use crate::store::{self, Change, KnownAccount, StoredLobby};

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
    next_account: AccountId,
    connections: Connections,
    users: Users<Address>,
    /// Other connections of an account, of those that are taking their place just now.
    displaced: HashMap<ConnId, Address>,
    accounts: Accounts,
    /// The accounts that each address has made lately.
    registrations: Registrations,
    /// Lobbies that an account is asked to take, and since when, newest last.
    offers: HashMap<AccountId, Vec<(LobbyId, Instant)>>,
    rates: RateTable,
    /// Bans from the server.
    bans: Sanctions,
    /// Sessions that wait to be let try a password.
    waiters: HashMap<ConnId, oneshot::Sender<GuessAnswer>>,
    lobbies: Lobbies<Addr<Lobby>>,
    store: StoreHandle,
    threads: Option<Threads>,
    keep_age: Duration,
    /// What is replayed of a lobby: how many messages, how old ones.
    history_limits: (usize, Duration),
}

impl Registry {
    /// Knows nobody yet.
    pub fn new(config: &Config, store: StoreHandle, rates: RateTable) -> Self {
        let limits =
            LobbyLimits { total: config.max_lobbies, per_user: config.max_lobbies_per_user };
        let admission = Admission::new(
            config.max_connections,
            config.max_connections_per_ip,
            config.connects_per_minute,
        );
        Self {
            next_lobby: GENERAL_ID.0 + 1,
            next_account: AccountId(1),
            connections: Connections::new(admission),
            users: Users::default(),
            displaced: HashMap::new(),
            accounts: Accounts::new(config.admins.iter().cloned()),
            registrations: Registrations::new(config.registrations_per_day),
            offers: HashMap::new(),
            rates,
            bans: Sanctions::default(),
            waiters: HashMap::new(),
            lobbies: Lobbies::new(limits),
            store,
            threads: None,
            keep_age: config.keep_age,
            history_limits: (config.history_messages.min(config.keep_messages), config.history_age),
        }
    }

    /// Starts the actor of a lobby and lists it.
    pub(super) fn add_lobby(&mut self, snapshot: Snapshot, ctx: &mut Ctx<Self>) {
        let Some(threads) = &self.threads else { return };
        let state = snapshot.room.state().clone();
        let handle = (threads.start_lobby)(snapshot, ctx.address());
        self.lobbies.insert(LobbyEntry { state, users: 0, handle });
    }

    /// A lobby that nobody is in.
    pub(super) fn empty(&self, stored: StoredLobby) -> Snapshot {
        let StoredLobby { state, history: entries, next_seq } = stored;
        let (messages, age) = self.history_limits;
        let mut history = History::new(messages, age);
        history.restore(entries, next_seq);
        let room = Room::new(state, history);
        Snapshot { room, conversation: Conversation::default() }
    }

    /// Sets the lobbies up that were stored, and general in any case.
    fn restore(&mut self, snapshot: store::Snapshot, ctx: &mut Ctx<Self>) {
        self.next_lobby = self.next_lobby.max(snapshot.next_lobby.0);
        self.next_account = self.next_account.max(snapshot.next_account);
        let now = unix_now();
        // A clock that has jumped must not delete what is not old.
        let jumped = has_jumped(snapshot.newest, now);
        if jumped {
            warn!(
                "the clock is more than a week away from the newest thing stored: nothing is deleted or hidden for its age within the first hour"
            );
        }
        for KnownAccount { id, name, by_operator, unused_since } in snapshot.accounts {
            self.accounts.add(id, name);
            if by_operator {
                self.accounts.vouch_for(id);
            }
            unused_since.into_iter().for_each(|made_at| self.accounts.note_unused(id, made_at));
        }
        for name in self.accounts.doubtful_admins() {
            warn!(
                "CHAT_ADMINS: somebody else had made the account {name} before; it is no admin until you stop the server and run: lobbyd passwd {name}"
            );
        }
        snapshot.registrations.into_iter().for_each(|(ip, at)| self.registrations.note(ip, at));
        self.bans = snapshot.bans;
        for stored in snapshot.lobbies {
            match (stored.state.owner, stored.state.used_at.until(now)) {
                (Owner::Account(_), unused) if unused > self.keep_age && !jumped => {
                    self.store.keep(vec![Change::LobbyRemoved(stored.state.id)]);
                }
                _ => self.add_lobby(self.empty(stored), ctx),
            }
        }
        if let Some(state) = LobbyState::general(now)
            && self.lobbies.find(&state.name.key()).is_none()
        {
            self.add_new(state, ctx);
        }
        if !jumped {
            self.remove_unused(ctx);
        }
        guard::every(ctx, REMOVE_EVERY, Self::remove_unused);
    }

    /// Every thread's.
    fn shards(&self) -> impl Iterator<Item = &Addr<Guarded<Shard>>> {
        self.threads.iter().flat_map(|threads| threads.shards.iter())
    }

    pub(super) fn door(&self, entry: &LobbyEntry<Addr<Lobby>>) -> LobbyRef {
        LobbyRef { state: entry.state.clone(), lobby: entry.handle.clone() }
    }

    pub(super) fn general(&self) -> Option<LobbyRef> {
        self.lobbies.find(&NameKey::of(GENERAL)).map(|listing| self.door(listing))
    }
}

impl Dependable for Registry {
    fn started(&mut self, ctx: &mut Ctx<Self>) {
        guard::every(ctx, FORGET_EVERY, |registry: &mut Self, _| {
            let now = Instant::now();
            registry.connections.forget_old(now);
            registry.rates.forget_old(now);
            registry.registrations.forget_old(unix_now());
            registry.offers.retain(|_, offers| {
                offers.retain(|(_, since)| now.saturating_duration_since(*since) < OFFER_TIME);
                !offers.is_empty()
            });
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
        Reply::now(|| self.connections.admit(ip, Instant::now()))
    }
}

impl Answers<Gone> for Registry {
    fn failed() {}

    fn answer(&mut self, Gone(conn): Gone, _: &mut Ctx<Self>) -> Reply<Self, ()> {
        Reply::now(|| {
            self.users.release(conn);
            self.displace(conn);
            self.waiters.remove(&conn);
            let woken = self.connections.close(conn, Instant::now());
            self.wake(woken);
        })
    }
}

impl Answers<ReleaseName> for Registry {
    fn failed() {}

    fn answer(&mut self, ReleaseName(conn): ReleaseName, _: &mut Ctx<Self>) -> Reply<Self, ()> {
        Reply::now(|| {
            self.users.release(conn);
        })
    }
}
