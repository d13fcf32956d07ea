//! The Lobby actor: carries out what the machine of a lobby ([`Room`]) decides.
//!
//! All that members are shown goes through its mailbox, so all see it in one and the same order.

mod batch;
pub mod messages;
mod orders;
mod questions;

use std::pin::Pin;
use std::sync::Arc;
use std::task::{self, Poll};
use std::time::{Duration, Instant};

use actix::fut::ActorFuture;
use actix::prelude::*;
use log::{error, info, warn};
use tokio::sync::Semaphore;

use crate::actors::ai::pool::AiPool;
use crate::actors::guard::{Guarded, strike_in};
use crate::actors::lobby::batch::Batch;
use crate::actors::lobby::messages::{
    Enter, Leave, Reconfigured, Roster, Rostered, Say, SayHeld, SetPicture, Tag,
};
use crate::actors::lobby::questions::QuestionQueue;
use crate::actors::ping::answers_ping;
use crate::actors::registry::Registry;
use crate::actors::registry::messages::{
    LobbyChanged, LobbyClosed, LobbyCount, Moved, Offered, Recheck,
};
use crate::actors::registry::ranks::Admins;
use crate::actors::shard::Shard;
use crate::actors::shard::messages::{self as shard, Address, Deliver, LobbyBroke};
use crate::actors::store::StoreHandle;
use crate::actors::store::messages::ReadRecent;
use crate::ai::prompt::context::Conversation;
use crate::chat::change::Change;
use crate::chat::history::{MessageKind, UnixMillis};
use crate::chat::lobbies::{GENERAL_ID, LobbyId};
use crate::chat::lobby::crowd::SUM_TIME;
use crate::chat::lobby::step::{Effect, Input, JoinKind, Refusal};
use crate::chat::lobby::{Company, JoinError, Room, SayError, Saying};
use crate::chat::roles::Owner;
use crate::clock::{self, unix_now};
use crate::config::Live;
use crate::logging::event;
use crate::metrics::Metrics;
use crate::render::replies::ModerationReply;

/// What all lobbies share.
#[derive(Clone)]
pub struct LobbySetup {
    /// The settings in force.
    pub config: Live,
    /// The Shards, by index.
    pub shards: Arc<[Addr<Guarded<Shard>>]>,
    /// What outlives the process.
    pub store: StoreHandle,
    /// Who is an admin.
    pub admins: Admins,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// Who answers questions, where there is an API key.
    pub ai: Addr<Guarded<AiPool>>,
}

/// All that is known of a lobby: to start it with, also in the place of one that broke.
pub struct Snapshot {
    /// Its state, members and history.
    pub room: Room<Address>,
    /// What was asked and answered.
    pub conversation: Conversation,
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
    /// What follows from the message in hand; kept for its room.
    effects: Vec<Effect<Address>>,
    questions: QuestionQueue,
    registry: Addr<Guarded<Registry>>,
    /// What is to be stored at the next flush.
    kept: Vec<Change>,
    /// It ends because it was empty for too long, or was deleted.
    ended: bool,
    /// Members on each thread.
    on_shard: Vec<usize>,
    /// Ends it where it stays empty, and since when it is.
    idle_timer: Option<(SpawnHandle, Instant)>,
    /// Members taken over whose Sessions have not been heard of.
    unconfirmed: Vec<Address>,
    /// The turn to order something. One order at a time is checked, stored and carried out, so that
    /// none is checked against what another is about to change. Who waits is bounded by the members.
    orders: Arc<Semaphore>,
}

impl Lobby {
    /// One that begins as the snapshot says.
    pub fn new(setup: LobbySetup, registry: Addr<Guarded<Registry>>, snapshot: Snapshot) -> Self {
        let Snapshot { mut room, conversation } = snapshot;
        // It may have broken on the very message.
        take_settings(&mut room, &setup);
        let mut on_shard = vec![0; setup.shards.len()];
        room.members().for_each(|member| on_shard[member.handle.shard] += 1);
        let unconfirmed = room.members().map(|member| member.handle).collect();
        Self {
            id: room.state().id,
            room,
            batch: Batch::default(),
            effects: Vec::new(),
            questions: QuestionQueue::new(conversation),
            registry,
            kept: Vec::new(),
            ended: false,
            on_shard,
            idle_timer: None,
            unconfirmed,
            orders: Arc::new(Semaphore::new(1)),
            setup,
        }
    }

    /// The time, of which the room is told how far it can be relied on.
    fn now(&mut self) -> UnixMillis {
        let now = unix_now();
        self.room.note_clock(clock::state());
        now
    }

    /// Puts something to the lobby, and carries out what follows from it.
    fn step(&mut self, input: Input<Address>, ctx: &mut Context<Self>) -> Result<(), Refusal> {
        let now = self.now();
        self.room.propose(&input, now)?;
        self.happen(input, now, ctx);
        Ok(())
    }

    /// Something is so now: carries out what follows from it.
    fn happened(&mut self, input: Input<Address>, ctx: &mut Context<Self>) {
        let now = self.now();
        self.happen(input, now, ctx);
    }

    /// Something is so from `now` on: carries out what follows from it.
    fn happen(&mut self, input: Input<Address>, now: UnixMillis, ctx: &mut Context<Self>) {
        let mut effects = std::mem::take(&mut self.effects);
        self.room.happen(input, now, &mut effects);
        effects.drain(..).for_each(|effect| self.carry_out(effect, ctx));
        self.effects = effects;
    }

    fn carry_out(&mut self, effect: Effect<Address>, ctx: &mut Context<Self>) {
        match effect {
            Effect::Show(event) => self.batch.event(event),
            Effect::ShowTo(at, event) => {
                self.batch.one(at, |seat| shard::Effect::ShowTo(seat, event));
            }
            Effect::SumUp => Self::sum_up_later(ctx),
            Effect::Enter(at, replay) => {
                self.batch.one(at, |seat| shard::Effect::Enter(seat, replay));
            }
            Effect::Tagged(at, by) => {
                let lobby = self.room.state().name.clone();
                self.batch.one(at, |seat| shard::Effect::Tagged { seat, by, lobby });
            }
            Effect::Remove(at, by, how) => {
                let lobby = self.room.state().name.clone();
                let told = ModerationReply::Removed { by, how, lobby };
                self.batch.one(at, |seat| shard::Effect::MoveToGeneral(seat, told.into()));
            }
            Effect::Silence(at) => self.batch.one(at, shard::Effect::Silence),
            Effect::Came(at, who) => {
                self.on_shard[at.shard] += 1;
                self.registry.do_send(Moved(who.conn, self.id));
                self.count(ctx);
            }
            Effect::Went(at, _) => {
                self.on_shard[at.shard] -= 1;
                self.count(ctx);
            }
            Effect::Reseated(before, at, conn) => {
                self.on_shard[before.shard] -= 1;
                self.on_shard[at.shard] += 1;
                self.registry.do_send(Moved(conn, self.id));
            }
            Effect::Confirmed(at) => self.unconfirmed.retain(|other| *other != at),
            Effect::Keep(change) => self.kept.push(change),
            Effect::Changed => {
                self.registry.do_send(LobbyChanged(self.room.state().clone()));
                // An empty lobby that has another owner goes when that one's would.
                if let Some((timer, since)) = self.idle_timer.take() {
                    ctx.cancel_future(timer);
                    self.start_idle_timer(since, ctx);
                }
            }
            Effect::Offer(to, from) => {
                let name = self.room.state().name.clone();
                self.registry.do_send(Offered { lobby: self.id, to, from, name });
            }
            Effect::Recheck(conn) => self.registry.do_send(Recheck(conn, self.id)),
            Effect::End => {
                self.flush();
                self.ended = true;
                ctx.stop();
            }
        }
    }

    /// Tells who has come and gone meanwhile, when the second is over.
    fn sum_up_later(ctx: &mut Context<Self>) {
        ctx.run_later(SUM_TIME, |lobby, ctx| {
            lobby.happened(Input::SumUp, ctx);
            lobby.flush();
        });
    }

    /// Another number of users is here.
    fn count(&mut self, ctx: &mut Context<Self>) {
        self.registry.do_send(LobbyCount(self.id, self.room.len()));
        if self.room.is_empty() {
            self.start_idle_timer(clock::now(), ctx);
        } else if let Some((timer, _)) = self.idle_timer.take() {
            ctx.cancel_future(timer);
        }
    }

    /// Hands on what has gathered. Called when the mailbox is drained, before every reply that a
    /// Session waits for, and when much has gathered.
    pub(super) fn flush(&mut self) {
        if !self.kept.is_empty() {
            self.setup.store.keep(self.kept.drain(..));
        }
        if self.batch.is_empty() {
            return;
        }
        let (room, shards) = (self.id, &self.setup.shards);
        match self.batch.messages() {
            0 => {}
            messages => _ = self.setup.metrics.messages_in.inc_by(messages.into()),
        }
        self.batch.hand_out(&self.on_shard, |shard, effects, taken| {
            shards[shard].do_send(Deliver { room, effects, taken });
        });
    }

    /// It has been empty since then.
    fn start_idle_timer(&mut self, since: Instant, ctx: &mut Context<Self>) {
        let config = self.setup.config.get();
        let limit: Duration = match self.room.state().owner {
            Owner::Server => return,
            // What an account has made stays as long as what is said in it.
            Owner::Account(_) => config.keep_age,
            Owner::Guest(_) | Owner::Nobody => config.lobby_idle,
        };
        let left = limit.saturating_sub(clock::now().saturating_duration_since(since));
        let timer = ctx.run_later(left, |lobby, ctx| {
            info!(
                event = event::LOBBY_EXPIRED;
                "lobby '{}' was empty for too long", lobby.room.state().name
            );
            lobby.kept.push(Change::LobbyRemoved(lobby.id));
            lobby.ended = true;
            ctx.stop();
        });
        self.idle_timer = Some((timer, since));
    }
}

/// What of the settings a room has for itself.
fn take_settings(room: &mut Room<Address>, setup: &LobbySetup) {
    let (messages, age) = setup.config.get().history();
    room.set_history_limits(messages, age);
    room.set_ranks(|account| setup.admins.has(account));
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
        if self.room.is_summing() {
            Self::sum_up_later(ctx);
        }
        if self.room.is_empty() {
            self.start_idle_timer(clock::now(), ctx);
        } else {
            self.registry.do_send(LobbyCount(self.id, self.room.len()));
            ctx.run_later(CONFIRM_TIME, |lobby, ctx| {
                for at in std::mem::take(&mut lobby.unconfirmed) {
                    let leave = Input::Leave { conn: at.seat.conn, goes_on_in: None };
                    lobby.happened(leave, ctx);
                }
            });
        }
    }

    fn stopped(&mut self, _: &mut Self::Context) {
        self.give_up_questions();
        self.flush();
        let snapshot = (!self.ended).then(|| Snapshot {
            room: self.room.take(),
            conversation: self.questions.take_conversation(),
        });
        self.registry.do_send(LobbyClosed { id: self.id, snapshot });
        if !self.ended {
            error!(event = event::LOBBY_BROKE; "lobby {} broke", self.id.0);
            for shard in self.setup.shards.iter() {
                shard.do_send(LobbyBroke(self.id));
            }
        }
    }
}

answers_ping!(Lobby);

impl Handler<Enter> for Lobby {
    type Result = Result<Company, JoinError>;

    fn handle(&mut self, Enter(mut join): Enter, ctx: &mut Self::Context) -> Self::Result {
        join.prefs.kept_since = self.setup.store.kept().since;
        let who = &mut join.member.who;
        who.admin = who.account.is_some_and(|account| self.setup.admins.has(account));
        let (conn, returns) = (join.member.who.conn, join.kind == JoinKind::Return);
        let done = self.step(Input::Join(Box::new(join)), ctx);
        if !returns {
            self.flush();
        }
        done.map_err(|why| match why {
            Refusal::Join(why) => why,
            // Nobody is asked to speak.
            Refusal::Say(_) => JoinError::NoSuchLobby,
        })?;
        self.room.company(conn).ok_or(JoinError::NoSuchLobby)
    }
}

impl Handler<Leave> for Lobby {
    type Result = ();

    fn handle(&mut self, Leave { conn, for_good }: Leave, ctx: &mut Self::Context) {
        // An order that is being stored just now may be about them, or be the password that they would
        // have to know: then they go on in general.
        let ordered = self.orders.available_permits() == 0;
        let goes_on_in = for_good.then_some(if ordered { GENERAL_ID } else { self.id });
        self.happened(Input::Leave { conn, goes_on_in }, ctx);
    }
}

impl Lobby {
    /// Says something to all that was taken then.
    fn say_to_all(
        &mut self,
        input: Input<Address>,
        taken: Instant,
        ctx: &mut Context<Self>,
    ) -> Result<(), Refusal> {
        self.step(input, ctx)?;
        self.batch.message(taken);
        Ok(())
    }

    /// The same; tells whoever wanted to why not. Whether it was said.
    fn say(
        &mut self,
        at: Address,
        input: Input<Address>,
        taken: Instant,
        ctx: &mut Context<Self>,
    ) -> bool {
        match self.say_to_all(input, taken, ctx) {
            Ok(()) => return true,
            Err(Refusal::Say(SayError::NotHere) | Refusal::Join(_)) => {}
            Err(Refusal::Say(why)) => {
                let refused = ModerationReply::NotSaid(why, self.room.state().name.clone());
                self.batch.one(at, |seat| shard::Effect::Reply(seat, refused.into()));
            }
        }
        false
    }
}

impl Handler<Say> for Lobby {
    type Result = ();

    fn handle(&mut self, Say { conn, at, text, action, taken }: Say, ctx: &mut Self::Context) {
        strike_in("Lobby", "Say", false);
        let kind = if action { MessageKind::Action } else { MessageKind::Said };
        let saying = Saying { kind, text: text.into() };
        self.say(at, Input::Say { conn, saying, tagged: None }, taken, ctx);
        self.batch.echo(at);
        if self.batch.is_full() {
            self.flush();
        }
    }
}

impl Handler<SayHeld> for Lobby {
    type Result = Result<(), SayError>;

    fn handle(
        &mut self,
        SayHeld { conn, at, text, taken }: SayHeld,
        ctx: &mut Self::Context,
    ) -> Self::Result {
        let saying = Saying::message(text);
        let said = self.say_to_all(Input::Say { conn, saying, tagged: None }, taken, ctx);
        self.batch.echo(at);
        self.flush();
        said.map_err(|why| match why {
            Refusal::Say(why) => why,
            // Nobody is asked in.
            Refusal::Join(_) => SayError::NotHere,
        })
    }
}

impl Handler<Tag> for Lobby {
    type Result = bool;

    fn handle(
        &mut self,
        Tag { conn, at, whom, tell, text, taken }: Tag,
        ctx: &mut Self::Context,
    ) -> bool {
        let saying = Saying { kind: MessageKind::Tag(whom), text: text.into() };
        let said = self.say(at, Input::Say { conn, saying, tagged: tell }, taken, ctx);
        self.flush();
        said
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

    fn handle(&mut self, SetPicture(conn, picture): SetPicture, ctx: &mut Self::Context) {
        self.happened(Input::SetPicture(conn, picture), ctx);
    }
}

impl Handler<Reconfigured> for Lobby {
    type Result = ();

    fn handle(&mut self, _: Reconfigured, ctx: &mut Self::Context) {
        let (messages, age) = self.room.history_limits();
        take_settings(&mut self.room, &self.setup);
        let (more, older) = self.room.history_limits();
        if more > messages || older > age {
            self.refill(more, ctx);
        }
        if let Some((timer, since)) = self.idle_timer.take() {
            ctx.cancel_future(timer);
            self.start_idle_timer(since, ctx);
        }
    }
}

impl Lobby {
    /// More is replayed from here on than was: it is read again. In the turn of an order, so that nothing is
    /// taken back between that it is read and that it is here.
    fn refill(&self, count: usize, ctx: &mut Context<Self>) {
        let (orders, store, id) = (self.orders.clone(), self.setup.store.clone(), self.id);
        let read = async move {
            let turn = orders.acquire_owned().await;
            (store.ask(ReadRecent(id, count)).await, turn)
        };
        ctx.spawn(read.into_actor(self).map(|(read, _turn), lobby, _| match read {
            Ok(entries) => lobby.room.refill(entries),
            Err(reason) => {
                let name = &lobby.room.state().name;
                warn!(
                    event = event::DATA_READER;
                    "what was said in lobby '{name}' cannot be read again: {reason}"
                );
            }
        }));
    }
}
