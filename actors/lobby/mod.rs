//! The Lobby actor: owns one lobby, its members, history, prompt and conversation with its AI.
//!
//! All that members are shown goes through its mailbox, so all see it in one and the same order.

mod batch;
pub(super) mod keep;
pub mod messages;
mod orders;
mod questions;

use std::pin::Pin;
use std::sync::Arc;
use std::task::{self, Poll};
use std::time::Duration;

use actix::fut::ActorFuture;
use actix::prelude::*;
use log::{error, info};
use tokio::sync::Semaphore;

use crate::actors::ai::pool::AiPool;
use crate::actors::guard::Guarded;
use crate::actors::lobby::batch::Batch;
use crate::actors::lobby::messages::{
    Join, JoinKind, Leave, ReplayPrefs, Roster, Rostered, Say, SetPicture, Tag,
};
use crate::actors::lobby::questions::QuestionQueue;
use crate::actors::registry::Registry;
use crate::actors::registry::messages::{LobbyClosed, LobbyCount, Moved, Remains};
use crate::actors::shard::Shard;
use crate::actors::shard::messages::{Address, Deliver, Effect, LobbyBroke, Replay};
use crate::actors::store::StoreHandle;
use crate::actors::unix_now;
use crate::ai::prompt::context::Conversation;
use crate::chat::directory::ConnId;
use crate::chat::history::{Entry, History, UnixMillis};
use crate::chat::lobbies::{GENERAL_ID, LobbyId, Profile};
use crate::chat::lobby::event::Event;
use crate::chat::lobby::{Charter, JoinError, Room, SayError, Saying};
use crate::chat::name::Name;
use crate::chat::pictures::Picture;
use crate::chat::roles::Owner;
use crate::config::Config;
use crate::render::replies::ModerationReply;
use crate::render::{self, Arrival};
use crate::store::Change;

/// What all lobbies share.
#[derive(Clone)]
pub struct LobbySetup {
    /// The settings.
    pub config: Arc<Config>,
    /// The Shards, by index.
    pub shards: Arc<[Addr<Guarded<Shard>>]>,
    /// What outlives the process.
    pub store: StoreHandle,
    /// Who answers questions; none without an API key.
    pub ai: Option<Addr<Guarded<AiPool>>>,
}

/// A lobby to be started.
pub struct NewRoom {
    /// Its number.
    pub id: LobbyId,
    /// Its name.
    pub name: Name,
    /// Whose it is, and what stands for it.
    pub charter: Charter,
    /// What else is stored of it.
    pub profile: Profile,
    /// What was said in it before, oldest first.
    pub entries: Vec<Entry>,
    /// The number of the next message.
    pub next_seq: u64,
    /// What it takes over from one that broke.
    pub remains: Option<Remains>,
}

/// Members that a lobby takes over from one that broke are let go after this long without a word of
/// their Sessions: they left just when nobody was there to hear it.
const CONFIRM_TIME: Duration = Duration::from_secs(5);

/// The actor.
pub struct Lobby {
    id: LobbyId,
    room: Room<Address>,
    pub(super) setup: LobbySetup,
    batch: Batch,
    desk: QuestionQueue,
    registry: Addr<Guarded<Registry>>,
    profile: Profile,
    next_seq: u64,
    /// What is to be stored at the next flush.
    kept: Vec<Change>,
    /// It ends because it was empty for too long, or was deleted.
    ended: bool,
    /// Members on each thread.
    on_shard: Vec<usize>,
    idle_timer: Option<SpawnHandle>,
    /// Members taken over whose Sessions have not been heard of.
    unconfirmed: Vec<Address>,
    /// The turn to order something. One order at a time is checked, stored and carried out, so that
    /// none is checked against what another is about to change. Who waits is bounded by the members.
    orders: Arc<Semaphore>,
}

impl Lobby {
    /// A lobby without members, or with those of one that broke.
    pub fn new(setup: LobbySetup, registry: Addr<Guarded<Registry>>, new: NewRoom) -> Self {
        let NewRoom { id, name, charter, profile, entries, next_seq, remains } = new;
        let (room, next_seq, conversation) = match remains {
            Some(Remains { room, next_seq, conversation }) => (room, next_seq, conversation),
            None => {
                let config = &setup.config;
                let mut history = History::new(config.history_messages, config.history_age);
                entries.into_iter().for_each(|entry| history.push(entry));
                (Room::new(name, charter, history), next_seq, Conversation::default())
            }
        };
        let mut on_shard = vec![0; setup.shards.len()];
        room.members().for_each(|member| on_shard[member.handle.shard] += 1);
        let unconfirmed = room.members().map(|member| member.handle).collect();
        Self {
            id,
            room,
            batch: Batch::default(),
            desk: QuestionQueue::new(conversation),
            registry,
            profile,
            next_seq,
            kept: Vec::new(),
            ended: false,
            on_shard,
            idle_timer: None,
            unconfirmed,
            orders: Arc::new(Semaphore::new(1)),
            setup,
        }
    }

    /// Hands on what has gathered. Called when the mailbox is drained, before every reply that a
    /// Session waits for, and when much has gathered.
    pub(super) fn flush(&mut self) {
        if !self.kept.is_empty() {
            self.setup.store.keep(std::mem::take(&mut self.kept));
        }
        if self.batch.is_empty() {
            return;
        }
        let (room, shards) = (self.id, &self.setup.shards);
        self.batch.hand_out(&self.on_shard, |shard, effects| {
            shards[shard].do_send(Deliver { room, effects });
        });
    }

    fn took_member(&mut self, at: Address, ctx: &mut Context<Self>) {
        self.on_shard[at.shard] += 1;
        if let Some(timer) = self.idle_timer.take() {
            ctx.cancel_future(timer);
        }
        self.keep_use(unix_now());
        self.registry.do_send(LobbyCount(self.id, self.room.len()));
        self.registry.do_send(Moved(at.seat.conn, self.id));
    }

    fn lost_member(&mut self, shard: usize, ctx: &mut Context<Self>) {
        self.on_shard[shard] -= 1;
        self.keep_use(unix_now());
        self.registry.do_send(LobbyCount(self.id, self.room.len()));
        if self.room.is_empty() {
            self.start_idle_timer(ctx);
        }
    }

    pub(super) fn let_go(&mut self, conn: ConnId, ctx: &mut Context<Self>) {
        if let Some(member) = self.room.leave(conn) {
            let name = member.who.name;
            info!("conn={} {name} left lobby '{}'", conn.0, self.room.name());
            self.batch.event(Event::Left(name));
            self.lost_member(member.handle.shard, ctx);
        }
    }

    /// An empty lobby has another owner: it goes when that one's would.
    pub(super) fn restart_idle_timer(&mut self, ctx: &mut Context<Self>) {
        if let Some(timer) = self.idle_timer.take() {
            ctx.cancel_future(timer);
            self.start_idle_timer(ctx);
        }
    }

    fn start_idle_timer(&mut self, ctx: &mut Context<Self>) {
        let config = &self.setup.config;
        let limit: Duration = match self.room.charter().owner {
            Owner::Server => return,
            // What an account has made stays as long as what is said in it.
            Owner::Account(_) => config.keep_age,
            Owner::Guest(_) | Owner::Nobody => config.lobby_idle,
        };
        self.idle_timer = Some(ctx.run_later(limit, |lobby, ctx| {
            info!("lobby '{}' was empty for too long", lobby.room.name());
            lobby.kept.push(Change::LobbyRemoved(lobby.id));
            lobby.ended = true;
            ctx.stop();
        }));
    }

    /// What a user who comes in is shown first.
    fn arrival(&mut self, manner: JoinKind, view: ReplayPrefs, now: UnixMillis) -> Arc<Replay> {
        let ReplayPrefs { times, ignores, missed } = view;
        let missed = missed.filter(|(_, missed)| missed.count > 0);
        // Whoever comes back to another lobby than general at login should know where they are.
        let tell = manner == JoinKind::Switch || self.room.charter().owner != Owner::Server;
        let arrival = Arrival {
            joined: tell.then(|| self.room.name().clone()),
            topic: self.room.charter().topic.clone(),
            missed: missed
                .as_ref()
                .map(|(since, missed)| render::Missed { count: missed.count, since: *since }),
            times,
        };
        // What was said since the store was asked comes after what it knew.
        let last = missed.as_ref().map(|(since, missed)| missed.last.unwrap_or(*since));
        let shown =
            |e: &&Entry| last.is_none_or(|last| e.at > last) && !ignores.contains(&e.author);
        let recent = self.room.recent(now).filter(shown).cloned().collect();
        let stored = missed.map(|(_, missed)| missed.newest).unwrap_or_default();
        Arc::new(Replay { lobby: self.id, arrival, stored, recent, now })
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
        let remains = (!self.ended).then(|| Remains {
            room: self.room.take(),
            next_seq: self.next_seq,
            conversation: self.desk.take_conversation(),
        });
        self.registry.do_send(LobbyClosed { id: self.id, remains });
        if !self.ended {
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
        let Join { member, proof, manner, view } = join;
        let (at, conn, name) = (member.handle, member.who.conn, member.who.name.clone());
        if manner == JoinKind::Return {
            // Whoever is no member was put out, or has left: they come in like anybody else.
            self.room.member(conn).ok_or(JoinError::NoSuchLobby)?;
            self.unconfirmed.retain(|other| *other != at);
            return Ok(());
        }
        let now = unix_now();
        if let JoinKind::TakeOver(from) = manner
            && let Some(before) = self.room.take_over(from, member.who.clone(), at)
        {
            self.keep_place(&member.who, now);
            self.on_shard[before.shard] -= 1;
            self.on_shard[at.shard] += 1;
            self.registry.do_send(Moved(conn, self.id));
            let arrival = self.arrival(manner, view, now);
            let nothing = arrival.is_empty();
            self.batch.one(at, |seat| Effect::Enter(seat, arrival));
            if nothing {
                // No notice follows, so at least a prompt says that they are in.
                self.batch.one(at, Effect::Prompt);
            }
            self.flush();
            return Ok(());
        }
        // Nobody is here whose place could be taken: they may have been put out meanwhile.
        let proof = proof.filter(|_| !matches!(manner, JoinKind::TakeOver(_)));
        let who = member.who.clone();
        self.room.join(member, proof.as_deref(), now)?;
        self.keep_place(&who, now);
        let arrival = self.arrival(manner, view, now);
        self.batch.one(at, |seat| Effect::Enter(seat, arrival));
        info!("conn={} {name} joined lobby '{}'", conn.0, self.room.name());
        self.batch.event(Event::Joined(name));
        self.took_member(at, ctx);
        self.flush();
        Ok(())
    }
}

impl Handler<Leave> for Lobby {
    type Result = ();

    fn handle(&mut self, Leave { conn, for_good }: Leave, ctx: &mut Self::Context) {
        // Only of a member: whoever was put out meanwhile goes on elsewhere.
        let member = self.room.member(conn).filter(|_| for_good);
        if let Some(who) = member.map(|member| member.who.clone()) {
            // An order that is being stored just now may be about them, or be the password that they
            // would have to know: then they go on in general.
            let ordered = self.orders.available_permits() == 0;
            let place = if ordered { GENERAL_ID } else { self.id };
            self.keep_place_in(place, &who, unix_now());
        }
        self.let_go(conn, ctx);
    }
}

impl Lobby {
    /// Says something to all, or tells whoever wanted to why not.
    fn say(&mut self, conn: ConnId, at: Address, saying: Saying) -> Option<Arc<Entry>> {
        match self.room.say(conn, saying, unix_now()) {
            Ok(entry) => {
                self.keep_message(&entry);
                let entry = Arc::new(entry);
                self.batch.event(Event::Said(entry.clone()));
                Some(entry)
            }
            Err(SayError::NotHere) => None,
            Err(why) => {
                let refused = ModerationReply::NotSaid(why, self.room.name().clone());
                self.batch.one(at, |seat| Effect::Reply(seat, refused.into()));
                None
            }
        }
    }
}

impl Handler<Say> for Lobby {
    type Result = ();

    fn handle(&mut self, Say { conn, at, text, action }: Say, _: &mut Self::Context) {
        self.say(conn, at, Saying { action, ..Saying::message(text) });
        self.batch.echo(at);
        if self.batch.is_full() {
            self.flush();
        }
    }
}

impl Handler<Tag> for Lobby {
    type Result = ();

    fn handle(&mut self, Tag { conn, at, target, text }: Tag, _: &mut Self::Context) {
        let tagged = Some(target.who.name);
        let entry = self.say(conn, at, Saying { tagged, ..Saying::message(text) });
        if let Some(entry) = entry {
            let (by, lobby) = (entry.author.clone(), self.room.name().clone());
            self.batch.one(target.handle, |seat| Effect::Tagged { seat, by, lobby });
        }
        self.flush();
    }
}

impl Handler<Roster> for Lobby {
    type Result = MessageResult<Roster>;

    fn handle(&mut self, Roster { after, max }: Roster, _: &mut Self::Context) -> Self::Result {
        let users = self.room.roster(after.as_ref(), max);
        MessageResult(Rostered { total: self.room.len(), users })
    }
}

impl Handler<SetPicture> for Lobby {
    type Result = ();

    fn handle(&mut self, SetPicture(conn, picture): SetPicture, _: &mut Self::Context) {
        let picture: Picture = picture;
        self.room.set_picture(conn, picture);
    }
}
