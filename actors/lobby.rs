//! The Lobby actor: owns one lobby, its members, history, prompt and conversation with its AI.
//!
//! All that members are shown goes through its mailbox, so all see it in one and the same order.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{self, Poll};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use actix::fut::ActorFuture;
use actix::prelude::*;
use log::{error, info};

use super::ai_messages::Forget;
use super::ai_pool::AiPool;
use super::batch::Batch;
use super::lobby_ai::Desk;
use super::messages::{
    Act, Deliver, Join, Leave, LobbyBroke, LobbyClosed, LobbyCount, LobbyPromptSet, Manner,
    Remains, Roster, Say, SetPicture, SetPrompt, Tag, Whereabouts,
};
use super::registry::Registry;
use super::shard::Shard;
use crate::ai::context::Conversation;
use crate::chat::directory::ConnId;
use crate::chat::history::{Age, History, UnixMillis};
use crate::chat::lobbies::LobbyId;
use crate::chat::name::Name;
use crate::chat::password::PasswordRecord;
use crate::chat::pictures::Picture;
use crate::chat::render::{self, Notice, block};
use crate::chat::room::{JoinError, PromptError, Room};
use crate::config::Config;

/// What all lobbies share.
#[derive(Clone)]
pub struct LobbySetup {
    /// The settings.
    pub config: Arc<Config>,
    /// The Shards, by index.
    pub shards: Arc<[Addr<Shard>]>,
    /// Who answers questions; none without an API key.
    pub ai: Option<Addr<AiPool>>,
}

/// A lobby to be started.
pub struct NewRoom {
    /// Its number.
    pub id: LobbyId,
    /// Its name.
    pub name: Name,
    /// The connection that made it; none for `general`, which never goes.
    pub creator: Option<ConnId>,
    /// Its password.
    pub record: Option<Arc<PasswordRecord>>,
    /// What it takes over from one that broke.
    pub remains: Option<Remains>,
}

/// Members that a lobby takes over from one that broke are let go after this long without a word of
/// their Sessions: they left just when nobody was there to hear it.
const CONFIRM_TIME: Duration = Duration::from_secs(5);

/// The actor.
pub struct Lobby {
    pub(super) id: LobbyId,
    pub(super) room: Room<Whereabouts>,
    pub(super) setup: LobbySetup,
    pub(super) batch: Batch,
    pub(super) desk: Desk,
    registry: Addr<Registry>,
    permanent: bool,
    /// Members on each thread.
    on_shard: Vec<usize>,
    idle_timer: Option<SpawnHandle>,
    idle: bool,
    /// Members taken over whose Sessions have not been heard of.
    unconfirmed: Vec<Whereabouts>,
}

impl Lobby {
    /// A lobby without members.
    pub fn new(setup: LobbySetup, registry: Addr<Registry>, new: NewRoom) -> Self {
        let NewRoom { id, name, creator, record, remains } = new;
        let (room, conversation) = match remains {
            Some(Remains { room, conversation }) => (room, conversation),
            None => {
                let config = &setup.config;
                let history = History::new(config.history_messages, config.history_age);
                (Room::new(name, creator, record, history), Conversation::default())
            }
        };
        let mut on_shard = vec![0; setup.shards.len()];
        room.members().for_each(|member| on_shard[member.handle.shard] += 1);
        let unconfirmed = room.members().map(|member| member.handle).collect();
        Self {
            id,
            room,
            batch: Batch::default(),
            desk: Desk::new(id, conversation),
            registry,
            permanent: creator.is_none(),
            on_shard,
            idle_timer: None,
            idle: false,
            unconfirmed,
            setup,
        }
    }

    /// Hands on what has gathered. Called when the mailbox is drained, before every reply that a
    /// Session waits for, and when much has gathered.
    pub(super) fn flush(&mut self) {
        if self.batch.is_empty() {
            return;
        }
        let (room, shards) = (self.id, &self.setup.shards);
        self.batch.hand_out(&self.on_shard, |shard, acts| {
            shards[shard].do_send(Deliver { room, acts });
        });
    }

    fn took_member(&mut self, shard: usize, ctx: &mut Context<Self>) {
        self.on_shard[shard] += 1;
        if let Some(timer) = self.idle_timer.take() {
            ctx.cancel_future(timer);
        }
        self.registry.do_send(LobbyCount(self.id, self.room.len()));
    }

    fn lost_member(&mut self, shard: usize, ctx: &mut Context<Self>) {
        self.on_shard[shard] -= 1;
        self.registry.do_send(LobbyCount(self.id, self.room.len()));
        if self.room.is_empty() {
            self.start_idle_timer(ctx);
        }
    }

    fn let_go(&mut self, conn: ConnId, ctx: &mut Context<Self>) {
        if let Some(member) = self.room.leave(conn) {
            self.batch.block(|sheet| render::notice(sheet, &Notice::Left(&member.name)));
            self.lost_member(member.handle.shard, ctx);
            info!("conn={} {} left lobby '{}'", conn.0, member.name, self.room.name());
        }
    }

    fn start_idle_timer(&mut self, ctx: &mut Context<Self>) {
        if self.permanent {
            return;
        }
        let limit: Duration = self.setup.config.lobby_idle;
        self.idle_timer = Some(ctx.run_later(limit, |lobby, ctx| {
            info!("lobby '{}' was empty for too long", lobby.room.name());
            lobby.idle = true;
            ctx.stop();
        }));
    }
}

/// Hands on what has gathered, each time the mailbox has been drained.
struct Flusher;

impl ActorFuture<Lobby> for Flusher {
    type Output = ();

    fn poll(
        self: Pin<&mut Self>,
        lobby: &mut Lobby,
        _: &mut Context<Lobby>,
        _: &mut task::Context<'_>,
    ) -> Poll<()> {
        lobby.flush();
        Poll::Pending
    }
}

/// The wall clock.
pub(super) fn unix_now() -> UnixMillis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixMillis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

impl Actor for Lobby {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.spawn(Flusher);
        if self.room.is_empty() {
            self.start_idle_timer(ctx);
        } else {
            self.registry.do_send(LobbyCount(self.id, self.room.len()));
            ctx.run_later(CONFIRM_TIME, |lobby, ctx| {
                for at in std::mem::take(&mut lobby.unconfirmed) {
                    lobby.let_go(at.seat.conn, ctx);
                }
            });
        }
    }

    fn stopped(&mut self, _: &mut Self::Context) {
        self.give_up_questions();
        self.flush();
        if let Some(ai) = &self.setup.ai {
            ai.do_send(Forget(self.id));
        }
        let remains = (!self.idle).then(|| Remains {
            room: self.room.take(),
            conversation: self.desk.take_conversation(),
        });
        self.registry.do_send(LobbyClosed { id: self.id, remains });
        if !self.idle {
            error!("lobby {} broke", self.id.0);
            for shard in self.setup.shards.iter() {
                shard.do_send(LobbyBroke(self.id));
            }
        }
    }
}

impl Handler<Join> for Lobby {
    type Result = Result<(), JoinError>;

    fn handle(&mut self, join: Join, ctx: &mut Self::Context) -> Self::Result {
        let Join { conn, member, proof, manner } = join;
        let (at, name) = (member.handle, member.name.clone());
        if manner == Manner::Return && self.room.member(conn).is_some() {
            self.unconfirmed.retain(|other| *other != at);
            return Ok(());
        }
        self.room.join(conn, member, proof.as_deref())?;
        let now = unix_now();
        let lobby = (manner == Manner::Switch).then(|| self.room.name().clone());
        let arrival = render::arrival(lobby.as_ref(), self.room.recent(now), now);
        self.batch.one(at, |seat| Act::Enter(seat, arrival));
        self.batch.block(|sheet| render::notice(sheet, &Notice::Joined(&name)));
        self.took_member(at.shard, ctx);
        self.flush();
        info!("conn={} {name} joined lobby '{}'", conn.0, self.room.name());
        Ok(())
    }
}

impl Handler<Leave> for Lobby {
    type Result = ();

    fn handle(&mut self, Leave(conn): Leave, ctx: &mut Self::Context) {
        self.let_go(conn, ctx);
    }
}

impl Handler<Say> for Lobby {
    type Result = ();

    fn handle(&mut self, Say { conn, at, text }: Say, _: &mut Self::Context) {
        if let Some(entry) = self.room.say(conn, None, text, unix_now()) {
            self.batch.block(|sheet| render::message(sheet, &entry, Some(Age::JustNow)));
        }
        self.batch.echo(at);
        if self.batch.is_full() {
            self.flush();
        }
    }
}

impl Handler<Tag> for Lobby {
    type Result = ();

    fn handle(&mut self, Tag { conn, target, text }: Tag, _: &mut Self::Context) {
        let Some(entry) = self.room.say(conn, Some(target.name), text, unix_now()) else { return };
        self.batch.block(|sheet| render::message(sheet, &entry, None));
        let here = block(|sheet| render::tagged(sheet, &entry.author, None));
        let elsewhere = block(|sheet| render::tagged(sheet, &entry.author, Some(self.room.name())));
        self.batch.one(target.handle, |seat| Act::Tagged { seat, here, elsewhere });
        self.flush();
    }
}

impl Handler<Roster> for Lobby {
    type Result = MessageResult<Roster>;

    fn handle(&mut self, _: Roster, _: &mut Self::Context) -> Self::Result {
        MessageResult(self.room.roster())
    }
}

impl Handler<SetPicture> for Lobby {
    type Result = ();

    fn handle(&mut self, SetPicture(conn, picture): SetPicture, _: &mut Self::Context) {
        let picture: Picture = picture;
        self.room.set_picture(conn, picture);
    }
}

impl Handler<SetPrompt> for Lobby {
    type Result = Result<(), PromptError>;

    fn handle(
        &mut self,
        SetPrompt(conn, prompt): SetPrompt,
        _: &mut Self::Context,
    ) -> Self::Result {
        self.room.set_prompt(conn, prompt)?;
        self.registry.do_send(LobbyPromptSet(self.id));
        if let Some(member) = self.room.member(conn) {
            self.batch.block(|sheet| render::notice(sheet, &Notice::PromptSet(&member.name)));
        }
        self.flush();
        Ok(())
    }
}
