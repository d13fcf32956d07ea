//! The Registry actor: who has which name, how many connections an address has, where each lobby is.
//!
//! Checking and taking is one handler, so of many who want one name at an instant one gets it.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix::prelude::*;
use log::{error, info};

use super::guessing::Waiter;
use super::lobby::{Lobby, NewRoom};
use super::messages::{
    Admit, Claim, Create, Door, FindLobby, FindUser, Gone, ListLobbies, LobbyClosed, LobbyCount,
    LobbyPromptSet, MayCreate, Relay, ReleaseName, Remains, Show, Whereabouts,
};
use super::shard::Shard;
use super::sturdy::survive;
use crate::chat::directory::{Admission, ConnId, Guesses, IpKey, NameTaken, Refusal, User, Users};
use crate::chat::lobbies::{Card, CreateError, GENERAL, Listing, Lobbies, LobbyId, LobbyLimits};
use crate::chat::name::{Name, NameKey};
use crate::chat::text::Line;
use crate::config::Config;

/// How often addresses without a recent wrong password are forgotten.
const FORGET_EVERY: Duration = Duration::from_secs(60);

/// Starts a lobby's actor.
pub type StartLobby = Box<dyn Fn(NewRoom, Addr<Registry>) -> Addr<Lobby> + Send>;

/// What the Registry knows of a connection.
pub(super) struct Connection {
    pub(super) ip: IpKey,
    /// A password of it is being checked.
    pub(super) guessing: bool,
}

/// What the server hands over once the threads run: the Registry was there first.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Open {
    /// The Shards, by index.
    pub shards: Arc<[Addr<Shard>]>,
    /// Starts lobbies.
    pub start_lobby: StartLobby,
}

/// The actor.
pub struct Registry {
    next_conn: u64,
    next_lobby: u32,
    pub(super) connections: HashMap<ConnId, Connection>,
    admission: Admission,
    users: Users<Whereabouts>,
    pub(super) guesses: Guesses,
    pub(super) waiters: HashMap<IpKey, VecDeque<Waiter>>,
    lobbies: Lobbies<Addr<Lobby>>,
    open: Option<Open>,
}

impl Registry {
    /// Knows nobody yet.
    pub fn new(config: &Config) -> Self {
        let limits =
            LobbyLimits { total: config.max_lobbies, per_user: config.max_lobbies_per_user };
        Self {
            next_conn: 1,
            next_lobby: 1,
            connections: HashMap::new(),
            admission: Admission::new(config.max_connections, config.max_connections_per_ip),
            users: Users::default(),
            guesses: Guesses::default(),
            waiters: HashMap::new(),
            lobbies: Lobbies::new(limits),
            open: None,
        }
    }

    /// Starts the actor of a lobby and lists it.
    fn add_lobby(
        &mut self,
        id: LobbyId,
        create: Create,
        made_from: Option<IpKey>,
        remains: Option<Remains>,
        ctx: &mut Context<Self>,
    ) {
        let Create { conn, creator, name, description, record } = create;
        let Some(open) = &self.open else { return };
        let creator_conn = made_from.map(|_| conn);
        let custom_ai = remains.as_ref().is_some_and(|r| r.room.prompt().is_some());
        let new = NewRoom {
            id,
            name: name.clone(),
            creator: creator_conn,
            record: record.clone(),
            remains,
        };
        let handle = (open.start_lobby)(new, ctx.address());
        let card = Card { name, description, creator, creator_conn, custom_ai, users: 0 };
        self.lobbies.insert(Listing { id, card, record, made_from, handle });
    }

    /// Whether a connection may make a lobby of this name; its address if so.
    fn may_create(&self, name: &Name, conn: ConnId) -> Result<IpKey, CreateError> {
        // Whoever hung up meanwhile needs no lobby.
        let address = self.connections.get(&conn).ok_or(CreateError::TooMany)?.ip;
        self.lobbies.may_create(name, conn, address).map(|()| address)
    }

    fn new_lobby_id(&mut self) -> LobbyId {
        self.next_lobby += 1;
        LobbyId(self.next_lobby)
    }

    fn door(&self, key: &NameKey) -> Option<Door> {
        let listing = self.lobbies.find(key)?;
        Some(Door {
            id: listing.id,
            name: listing.card.name.clone(),
            record: listing.record.clone(),
            lobby: listing.handle.clone(),
        })
    }
}

impl Actor for Registry {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.run_interval(FORGET_EVERY, |registry, _| registry.guesses.forget_old(Instant::now()));
    }
}

impl Handler<Open> for Registry {
    type Result = ();

    fn handle(&mut self, open: Open, ctx: &mut Self::Context) {
        survive((), || {
            self.open = Some(open);
            if let Some(general) = general() {
                let id = self.new_lobby_id();
                self.add_lobby(id, general, None, None, ctx);
            }
        })
    }
}

/// The lobby that is always there.
fn general() -> Option<Create> {
    Some(Create {
        conn: ConnId(0),
        creator: Name::parse("server").ok()?,
        name: Name::parse(GENERAL).ok()?,
        description: Line::clean("Welcome to the General Lobby"),
        record: None,
    })
}

impl Handler<Admit> for Registry {
    type Result = Result<ConnId, Refusal>;

    fn handle(&mut self, Admit(ip): Admit, _: &mut Self::Context) -> Self::Result {
        survive(Err(Refusal::Full), || {
            self.admission.admit(ip)?;
            let conn = ConnId(self.next_conn);
            self.next_conn += 1;
            self.connections.insert(conn, Connection { ip, guessing: false });
            Ok(conn)
        })
    }
}

impl Handler<Gone> for Registry {
    type Result = ();

    fn handle(&mut self, Gone(conn): Gone, _: &mut Self::Context) {
        survive((), || {
            self.users.release(conn);
            // Whoever hangs up on a guess has made it.
            self.end_guess(conn, true);
            if let Some(connection) = self.connections.remove(&conn) {
                self.admission.release(connection.ip);
            }
        })
    }
}

impl Handler<Claim> for Registry {
    type Result = Result<Door, NameTaken>;

    fn handle(&mut self, Claim { conn, name, at }: Claim, _: &mut Self::Context) -> Self::Result {
        survive(Err(NameTaken), || {
            let door = self.door(&NameKey::of(GENERAL)).ok_or(NameTaken)?;
            self.users.claim(conn, name, at)?;
            Ok(door)
        })
    }
}

impl Handler<ReleaseName> for Registry {
    type Result = ();

    fn handle(&mut self, ReleaseName(conn): ReleaseName, _: &mut Self::Context) {
        survive((), || {
            self.users.release(conn);
        })
    }
}

impl Handler<FindUser> for Registry {
    type Result = Option<User<Whereabouts>>;

    fn handle(&mut self, FindUser(key): FindUser, _: &mut Self::Context) -> Self::Result {
        survive(None, || self.users.find(&key).cloned())
    }
}

impl Handler<Relay> for Registry {
    type Result = Option<Name>;

    fn handle(&mut self, Relay { to, block }: Relay, _: &mut Self::Context) -> Self::Result {
        survive(None, || {
            let user = self.users.find(&to)?;
            let shards = &self.open.as_ref()?.shards;
            shards[user.handle.shard].do_send(Show { seat: user.handle.seat, block });
            Some(user.name.clone())
        })
    }
}

impl Handler<FindLobby> for Registry {
    type Result = Option<Door>;

    fn handle(&mut self, FindLobby(key): FindLobby, _: &mut Self::Context) -> Self::Result {
        survive(None, || self.door(&key))
    }
}

impl Handler<MayCreate> for Registry {
    type Result = Result<(), CreateError>;

    fn handle(
        &mut self,
        MayCreate { conn, name }: MayCreate,
        _: &mut Self::Context,
    ) -> Self::Result {
        survive(Err(CreateError::TooMany), || self.may_create(&name, conn).map(|_| ()))
    }
}

impl Handler<Create> for Registry {
    type Result = Result<(), CreateError>;

    fn handle(&mut self, create: Create, ctx: &mut Self::Context) -> Self::Result {
        survive(Err(CreateError::TooMany), || {
            let address = self.may_create(&create.name, create.conn)?;
            info!("conn={} {} created lobby '{}'", create.conn.0, create.creator, create.name);
            let id = self.new_lobby_id();
            self.add_lobby(id, create, Some(address), None, ctx);
            Ok(())
        })
    }
}

impl Handler<ListLobbies> for Registry {
    type Result = MessageResult<ListLobbies>;

    fn handle(&mut self, _: ListLobbies, _: &mut Self::Context) -> Self::Result {
        MessageResult(self.lobbies.iter().map(|l| (l.card.clone(), l.record.is_some())).collect())
    }
}

impl Handler<LobbyCount> for Registry {
    type Result = ();

    fn handle(&mut self, LobbyCount(id, users): LobbyCount, _: &mut Self::Context) {
        survive((), || {
            if let Some(listing) = self.lobbies.by_id(id) {
                listing.card.users = users;
            }
        })
    }
}

impl Handler<LobbyPromptSet> for Registry {
    type Result = ();

    fn handle(&mut self, LobbyPromptSet(id): LobbyPromptSet, _: &mut Self::Context) {
        survive((), || {
            if let Some(listing) = self.lobbies.by_id(id) {
                listing.card.custom_ai = true;
            }
        })
    }
}

impl Handler<LobbyClosed> for Registry {
    type Result = ();

    fn handle(&mut self, LobbyClosed { id, remains }: LobbyClosed, ctx: &mut Self::Context) {
        survive((), || {
            let Some(Listing { card, record, made_from, .. }) = self.lobbies.remove(id) else {
                return;
            };
            if remains.is_none() {
                return;
            }
            error!("lobby '{}' is set up again", card.name);
            let again = Create {
                conn: card.creator_conn.unwrap_or(ConnId(0)),
                creator: card.creator,
                name: card.name,
                description: card.description,
                record,
            };
            self.add_lobby(id, again, made_from, remains, ctx);
        })
    }
}
