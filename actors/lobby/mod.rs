//! The Lobby actor: carries out what the machine of a lobby ([`Room`]) decides.
//!
//! All that members are shown goes through its mailbox, so all see it in one and the same order.

mod batch;
mod catching_up;
mod deciding;
pub mod messages;
mod orders;
mod questions;
pub mod records;
mod returning;

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{self, Poll};
use std::time::{Duration, Instant};

use ::log::{error, info, warn};
use actix::fut::ActorFuture;
use actix::prelude::*;
use tokio::sync::{Semaphore, oneshot};

use crate::actors::ai::budgets::Budgets;
use crate::actors::ai::pool::AiPool;
use crate::actors::guard::{Guarded, strike_in, survive};
use crate::actors::lobby::batch::Batch;
use crate::actors::lobby::deciding::Proposed;
use crate::actors::lobby::messages::{
    Enter, Leave, LeaveTo, LostName, NamesHere, Post, Reconfigured, Roster, Rostered, Say, SayHeld,
    SetPicture, Tag,
};
use crate::actors::lobby::questions::Asking;
use crate::actors::lobby::records::Records;
use crate::actors::log::{self, Log, Waiting};
use crate::actors::ping::answers_ping;
use crate::actors::registry::Registry;
use crate::actors::registry::messages::{
    LobbyChanged, LobbyClosed, LobbyCount, Moved, Offered, Recheck,
};
use crate::actors::registry::ranks::Admins;
use crate::actors::shard::Shard;
use crate::actors::shard::messages::{self as shard, Address, Deliver, LobbyBroke};
use crate::actors::store::messages::ReadRecent;
use crate::actors::store::{Applying, StoreHandle};
use crate::ai::questions::Questions;
use crate::chat::change::Change;
use crate::chat::directory::ConnId;
use crate::chat::history::{MessageKind, UnixMillis};
use crate::chat::lobbies::{GENERAL_ID, LobbyId};
use crate::chat::lobby::crowd::SUM_TIME;
use crate::chat::lobby::step::{Effect, Input, JoinKind, Refusal};
use crate::chat::lobby::{Company, JoinError, Member, Room, SayError, Saying};
use crate::chat::name::Name;
use crate::chat::roles::Owner;
use crate::clock;
use crate::cluster::engine::Subject;
use crate::cluster::record::What;
use crate::config::Live;
use crate::logging::event;
use crate::metrics::Metrics;
use crate::render::replies::{Farewell, ModerationReply};

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
    /// Who has asked how much.
    pub budgets: Budgets,
    /// Where things happen.
    pub log: Log,
}

/// All that is known of a lobby: to start it with, also in the place of one that broke.
pub struct Snapshot {
    /// Its state, members and history.
    pub room: Room<Address>,
    /// What was asked and answered, and the questions that are open.
    pub questions: Questions,
    /// What has come out of the log and has not happened here yet.
    pub records: Records,
}

/// Members that a lobby takes over from one that broke are let go after this long without a word of
/// their Sessions: they left just when nobody was there to hear it.
const CONFIRM_TIME: Duration = Duration::from_secs(5);

/// Whoever's place another node's connection has taken is told so by then, also where that node has not said that it
/// is in: they are shown nothing any more. It says so in a few milliseconds, unless it is cut off or dies.
const TAKEN_OVER_WITHIN: Duration = Duration::from_secs(1);

/// The actor.
pub struct Lobby {
    id: LobbyId,
    room: Room<Address>,
    pub(super) setup: LobbySetup,
    batch: Batch,
    /// What follows from the message in hand; kept for its room.
    effects: Vec<Effect<Address>>,
    /// The questions to Rox, and the conversation.
    questions: Questions,
    /// What this node has to do with them.
    asking: Asking,
    registry: Addr<Guarded<Registry>>,
    /// What comes out of the log.
    records: Records,
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
    /// What was put to it and has not come out of the log.
    proposed: Waiting<Proposed>,
    /// The record of the log that is being applied.
    applying: Option<Applying>,
    /// Whose membership it has changed.
    changed: Vec<ConnId>,
    /// Members of this node that were let go with its life, until they are members again.
    returning: HashMap<ConnId, Member<Address>>,
    /// What happens now is about those alone: they are here, and nobody here has seen them go.
    is_quiet: bool,
}

impl Lobby {
    /// One that begins as the snapshot says.
    pub fn new(setup: LobbySetup, registry: Addr<Guarded<Registry>>, snapshot: Snapshot) -> Self {
        let Snapshot { mut room, questions, records } = snapshot;
        // It may have broken on the very message.
        take_settings(&mut room, &setup);
        let mut on_shard = vec![0; setup.shards.len()];
        let threads = room.members().map(|member| member.handle.shard);
        threads.for_each(|shard| on_shard.get_mut(shard).into_iter().for_each(|n| *n += 1));
        let here = room.members().map(|member| member.handle).filter(|at| !at.is_elsewhere());
        let unconfirmed = here.collect();
        Self {
            id: room.state().id,
            room,
            batch: Batch::default(),
            effects: Vec::new(),
            questions,
            asking: Asking::default(),
            registry,
            records,
            kept: Vec::new(),
            ended: false,
            on_shard,
            idle_timer: None,
            unconfirmed,
            orders: Arc::new(Semaphore::new(1)),
            proposed: Waiting::default(),
            applying: None,
            changed: Vec::new(),
            returning: HashMap::new(),
            is_quiet: false,
            setup,
        }
    }

    /// The time, of which the room is told how far it can be relied on.
    fn now(&mut self) -> UnixMillis {
        let now = self.setup.log.now();
        // With several nodes no clock of a machine counts.
        if let Log::Alone = self.setup.log {
            self.room.note_clock(clock::state());
        }
        now
    }

    /// Something is so now, for the users of this node: carries out what follows from it.
    fn happened(&mut self, input: Input<Address>, ctx: &mut Context<Self>) {
        let now = self.now();
        self.happen(input, now, ctx);
    }

    /// Something is so from `now` on: carries out what follows from it.
    fn happen(&mut self, input: Input<Address>, now: UnixMillis, ctx: &mut Context<Self>) {
        let mut effects = std::mem::take(&mut self.effects);
        self.room.happen(input, now, &mut effects);
        self.carry_out_all(&mut effects, ctx);
        self.effects = effects;
    }

    /// What lasts goes first: where something breaks after that, this node has what the others have, and those alone
    /// lose something who were to be shown it here.
    fn carry_out_all(&mut self, effects: &mut Vec<Effect<Address>>, ctx: &mut Context<Self>) {
        for effect in effects.iter() {
            match effect {
                Effect::Came(_, who) | Effect::Went(_, who) => self.changed(who.conn),
                Effect::Reseated(before, _, conn) => {
                    self.changed(before.seat.conn);
                    self.changed(*conn);
                }
                _ => {}
            }
        }
        let lasting = |effect: &mut Effect<Address>| {
            matches!(effect, Effect::Keep(_) | Effect::Offer(..) | Effect::Recheck(_))
        };
        for effect in effects.extract_if(.., lasting) {
            self.carry_out(effect, ctx);
        }
        if self.is_applying() {
            strike_in("Lobby", "Decided", true);
        }
        effects.drain(..).for_each(|effect| self.carry_out(effect, ctx));
    }

    fn carry_out(&mut self, effect: Effect<Address>, ctx: &mut Context<Self>) {
        match effect {
            Effect::Show(_) if self.is_quiet => {}
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
                self.seated(at, 1);
                self.registry.do_send(Moved::Came(who.conn, self.id));
                self.count(ctx);
            }
            Effect::Went(at, who) => {
                self.seated(at, -1);
                // Alone, whoever is still there is in another lobby by now.
                if let Log::Shared(_) = self.setup.log
                    && !self.is_quiet
                {
                    self.registry.do_send(Moved::Went(who.conn, self.id));
                }
                self.count(ctx);
            }
            Effect::Reseated(before, at, conn) => {
                // They hear of it once the other one is in.
                self.batch.one(before, shard::Effect::Leave);
                self.seated(before, -1);
                if let Log::Shared(_) = self.setup.log
                    && !before.is_elsewhere()
                {
                    let ends = Some((Farewell::Elsewhere, None));
                    ctx.notify_later(LostName(before, ends), TAKEN_OVER_WITHIN);
                }
                self.seated(at, 1);
                self.registry.do_send(Moved::Came(conn, self.id));
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
                self.send_returning_away();
                self.flush();
                self.ended = true;
                ctx.stop();
            }
        }
    }

    /// A member more or less on a thread; on none, where they are on another node.
    fn seated(&mut self, at: Address, change: isize) {
        if !self.is_quiet
            && let Some(count) = self.on_shard.get_mut(at.shard)
        {
            *count = count.saturating_add_signed(change);
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
        self.keep_all();
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

    /// Hands on what is to be stored.
    fn keep_all(&mut self) {
        match &self.applying {
            _ if self.kept.is_empty() => {}
            Some(applying) => applying.keep(self.kept.drain(..)),
            None => self.setup.store.keep(self.kept.drain(..)),
        }
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
        let timer = ctx.run_later(left, |lobby, ctx| match &lobby.setup.log {
            Log::Alone => lobby.expire(ctx),
            Log::Shared(log) => {
                let gone = What::LobbyRemoved(lobby.id);
                log.append(Subject::Server, gone, Vec::new());
            }
        });
        self.idle_timer = Some((timer, since));
    }

    /// It was empty for too long.
    fn expire(&mut self, ctx: &mut Context<Self>) {
        info!(
            event = event::LOBBY_EXPIRED;
            "lobby '{}' was empty for too long", self.room.state().name
        );
        self.kept.push(Change::LobbyRemoved(self.id));
        self.send_returning_away();
        self.ended = true;
        ctx.stop();
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
                    let conn = at.seat.conn;
                    let leave = Input::Leave { conn, goes_on_in: None, server_stops: false };
                    lobby.note(leave, ctx);
                }
            });
        }
    }

    fn stopped(&mut self, _: &mut Self::Context) {
        if self.is_applying() {
            // It has broken on a record: what the others have of it is to be stored here too.
            survive((), || self.applied());
        }
        let over = survive(Vec::new(), || {
            let over = self.give_up_questions();
            self.flush();
            over
        });
        let snapshot = (!self.ended).then(|| Snapshot {
            room: self.room.take(),
            questions: std::mem::take(&mut self.questions),
            records: self.records.clone(),
        });
        self.registry.do_send(LobbyClosed { id: self.id, snapshot });
        over.into_iter().for_each(|input| _ = self.append_rox(input));
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
    type Result = Response<Result<Company, Refusal>>;

    fn handle(&mut self, Enter(mut join): Enter, ctx: &mut Self::Context) -> Self::Result {
        join.prefs.kept_since = self.setup.store.kept().since;
        let who = &mut join.member.who;
        who.admin = who.account.is_some_and(|account| self.setup.admins.has(account));
        let (conn, returns) = (join.member.who.conn, join.kind == JoinKind::Return);
        let (done, company) = oneshot::channel();
        self.put(Input::Join(Box::new(join)), ctx, move |lobby, joined, _| {
            if !returns {
                lobby.flush();
            }
            let company =
                joined.and_then(|()| lobby.room.company(conn).ok_or(JoinError::NoSuchLobby.into()));
            let _ = done.send(company);
        });
        log::answer(company, Err(JoinError::NoSuchLobby.into()))
    }
}

impl Handler<Leave> for Lobby {
    type Result = Response<()>;

    fn handle(&mut self, Leave { conn, to }: Leave, ctx: &mut Self::Context) -> Self::Result {
        // An order that is being stored just now may be about them, or be the password that they would
        // have to know: then they go on in general.
        let ordered = self.orders.available_permits() == 0;
        let goes_on_in = match to {
            LeaveTo::Lobby => None,
            LeaveTo::Nowhere | LeaveTo::StoppingServer if ordered => Some(GENERAL_ID),
            LeaveTo::Nowhere | LeaveTo::StoppingServer => Some(self.id),
        };
        let server_stops = to == LeaveTo::StoppingServer;
        self.comes_back_no_more(conn);
        let (done, left) = oneshot::channel();
        let leave = Input::Leave { conn, goes_on_in, server_stops };
        self.put(leave, ctx, |_, _, _| _ = done.send(()));
        log::answer(left, ())
    }
}

impl Lobby {
    /// Says something to all that was taken then; `then` is done when it is said, or why not.
    fn say_to_all(
        &mut self,
        input: Input<Address>,
        taken: Instant,
        ctx: &mut Context<Self>,
        then: impl FnOnce(&mut Self, Result<(), Refusal>) + 'static,
    ) {
        self.put(input, ctx, move |lobby, said, ctx| {
            if said.is_ok() {
                lobby.batch.message(taken);
                lobby.quiet_bots(ctx);
            }
            then(lobby, said);
        });
    }

    /// Has the bots here muted where they have become too loud. The node whose bot it was has that happen: others
    /// see the same.
    fn quiet_bots(&mut self, ctx: &mut Context<Self>) {
        let now = self.now();
        if let Some(until) = self.room.too_loud_until(now) {
            self.note(Input::QuietBots { until }, ctx);
        }
    }

    /// Posts of a hook that are on their way through the log.
    fn posts_under_way(&self, name: &Name) -> usize {
        let of = |input: &Input<Address>| matches!(input, Input::Post { hook, .. } if hook == name);
        self.proposed.iter().filter(|proposed| of(&proposed.input)).count()
    }

    /// Tells whoever wanted to say something why they may not. Whether it was said.
    fn tell_said(&mut self, at: Address, said: Result<(), Refusal>) -> bool {
        match said {
            Ok(()) => return true,
            Err(Refusal::Say(SayError::NotHere) | Refusal::Join(_) | Refusal::Unreachable) => {}
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
        let saying = Saying { kind, text };
        let say = Input::Say { conn, saying, tagged: None };
        self.say_to_all(say, taken, ctx, move |lobby, said| {
            lobby.tell_said(at, said);
            lobby.batch.echo(at);
            if lobby.batch.is_full() {
                lobby.flush();
            }
        });
    }
}

impl Handler<SayHeld> for Lobby {
    type Result = Response<Result<(), SayError>>;

    fn handle(
        &mut self,
        SayHeld { conn, at, text, taken }: SayHeld,
        ctx: &mut Self::Context,
    ) -> Self::Result {
        let say = Input::Say { conn, saying: Saying::message(text), tagged: None };
        let (done, was_said) = oneshot::channel();
        self.say_to_all(say, taken, ctx, move |lobby, said| {
            lobby.batch.echo(at);
            lobby.flush();
            let _ = done.send(said.map_err(|why| match why {
                Refusal::Say(why) => why,
                // Nobody is asked in, and what is said waits.
                Refusal::Join(_) | Refusal::Unreachable => SayError::NotHere,
            }));
        });
        log::answer(was_said, Err(SayError::NotHere))
    }
}

impl Handler<Tag> for Lobby {
    type Result = Response<bool>;

    fn handle(
        &mut self,
        Tag { conn, at, whom, tell, text, taken }: Tag,
        ctx: &mut Self::Context,
    ) -> Self::Result {
        let saying = Saying { kind: MessageKind::Tag(whom), text: text.into() };
        let say = Input::Say { conn, saying, tagged: tell };
        let (done, was_said) = oneshot::channel();
        self.say_to_all(say, taken, ctx, move |lobby, said| {
            let said = lobby.tell_said(at, said);
            lobby.flush();
            let _ = done.send(said);
        });
        log::answer(was_said, false)
    }
}

impl Handler<Post> for Lobby {
    type Result = Response<Result<(), Refusal>>;

    fn handle(
        &mut self,
        Post { hook, text, taken }: Post,
        ctx: &mut Self::Context,
    ) -> Self::Result {
        let (now, under_way) = (self.now(), self.posts_under_way(&hook));
        if let Err(why) = self.room.may_post(&hook, under_way, now) {
            return Response::reply(Err(why.into()));
        }
        let (done, was_posted) = oneshot::channel();
        self.say_to_all(Input::Post { hook, text }, taken, ctx, move |lobby, posted| {
            lobby.flush();
            let _ = done.send(posted);
        });
        log::answer(was_posted, Err(Refusal::Unreachable))
    }
}

impl Handler<Roster> for Lobby {
    type Result = MessageResult<Roster>;

    fn handle(&mut self, Roster { after, max }: Roster, _: &mut Self::Context) -> Self::Result {
        let users = self.room.roster(after.as_ref(), max);
        MessageResult(Rostered { total: self.room.len(), users })
    }
}

impl Handler<NamesHere> for Lobby {
    type Result = MessageResult<NamesHere>;

    fn handle(&mut self, asked: NamesHere, _: &mut Self::Context) -> Self::Result {
        MessageResult(self.room.names_like(&asked.begins, asked.max))
    }
}

impl Handler<SetPicture> for Lobby {
    type Result = ();

    fn handle(&mut self, SetPicture(conn, picture): SetPicture, ctx: &mut Self::Context) {
        self.note(Input::SetPicture(conn, picture), ctx);
    }
}

impl Handler<Reconfigured> for Lobby {
    type Result = ();

    fn handle(&mut self, _: Reconfigured, ctx: &mut Self::Context) {
        let (messages, age) = self.room.history_limits();
        take_settings(&mut self.room, &self.setup);
        self.reconfigure_rox(ctx);
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
