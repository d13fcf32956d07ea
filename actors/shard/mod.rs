//! The Shard actor, one a thread: starts the Sessions of its thread, and shows them what happens in their
//! lobbies.
//!
//! It is the parent of its Sessions, so it alone among the actors knows another actor's type for
//! more than an address: sockets and outboxes never leave their thread, and cannot be messages.

mod console;
pub mod messages;
pub mod telling;

use std::rc::Rc;
use std::sync::Arc;
use std::task::{self, Poll, ready};
use std::time::Duration;

use actix::WeakAddr;
use actix::prelude::*;
use log::{debug, error, info};
use tokio::sync::Semaphore;

use crate::actors::ai::budgets::Budgets;
use crate::actors::guard::{self, Answers, Ctx, Dependable, Drive, Guarded, Pause, Reply};
use crate::actors::hasher::HasherPool;
use crate::actors::log::{Log, OfConnection};
use crate::actors::registry::Registry;
use crate::actors::registry::messages::{Gone, ToldOf};
use crate::actors::registry::ranks::Admins;
use crate::actors::registry::rates::RateTable;
use crate::actors::session::messages::{
    self as session, Disconnect, LobbyLost, MoveToGeneral, QuestionOver, Silenced,
};
use crate::actors::session::{Session, form_of};
use crate::actors::shard::messages::{
    Announce, AskedOf, Asker, Barrier, Became, Connected, Deliver, DisconnectSeat, Drain, Effect,
    IdleTime, LastWriter, Letter, LobbyBroke, LostName, Reconfigured, Show,
};
use crate::actors::shard::telling::{Pages, Telling};
use crate::actors::store::StoreHandle;
use crate::actors::store::messages::Numbered;
use crate::chat::directory::ConnId;
use crate::chat::lobbies::LobbyId;
use crate::chat::lobby::replay::Replay;
use crate::chat::person::Person;
use crate::chat::settings::Settings;
use crate::chat::terminal::Seen;
use crate::clock;
use crate::clock::{stamp, times, unix_now};
use crate::config::{Config, Live};
use crate::fanout::hub::{Hub, Seat};
use crate::fanout::limits::{Limits, PeerLimits};
use crate::fanout::peer::{Health, Peer};
use crate::fanout::tally::Tally;
use crate::logging::event;
use crate::metrics::Metrics;
use crate::net::link::Link;
use crate::net::listen::ListenerKind;
use crate::net::origin::{Arrived, Origin};
use crate::net::ssh::visit::Purpose;
use crate::render::replies::{self, Farewell, ModerationReply, PagePort, reply};
use crate::render::{self, Direct, Form, Json, Retelling, Sheet};

/// How often deadlines are looked at: they fire late by this much at most.
const CLOCK_TICK: Duration = Duration::from_millis(250);

/// How often a draining Shard looks whether everybody is gone.
const DRAIN_POLL: Duration = Duration::from_millis(5);

/// Clients of a thread that log in at one time. What a login takes in memory meanwhile is then taken
/// so often at most, however many come back at once after a restart.
const LOGINS_AT_ONCE: usize = 32;

/// What all Sessions of a thread share.
pub struct ThreadContext {
    /// The settings in force.
    pub config: Live,
    /// Names, lobbies, limits.
    pub registry: Addr<Guarded<Registry>>,
    /// Password work.
    pub hasher: HasherPool,
    /// What outlives the process.
    pub store: StoreHandle,
    /// How fast each user may send.
    pub rates: RateTable,
    /// Who is an admin.
    pub admins: Admins,
    /// This thread's Shard.
    pub shard: Addr<Guarded<Shard>>,
    /// Its index.
    pub index: usize,
    /// The port that speaks TLS, to tell those who knock at the wrong one.
    pub tls_port: Option<u16>,
    /// Where the page is, to tell browsers that do.
    pub page: Option<PagePort>,
    /// What this thread counts.
    pub tally: Rc<Tally>,
    /// The clients of this thread, their Sessions by weak addresses: an `Addr` has 96 bytes behind it.
    pub hub: Hub<WeakAddr<Session>>,
    /// Turns to log in.
    pub logins: Arc<Semaphore>,
    /// How the server is.
    pub health: crate::health::Health,
    /// Who has asked Rox how much.
    pub budgets: Budgets,
}

impl ThreadContext {
    /// Where things happen.
    pub fn log(&self) -> &Log {
        self.store.log()
    }
}

/// What a Shard needs to start.
#[derive(Clone)]
pub struct ShardSetup {
    /// The settings in force.
    pub config: Live,
    /// Names, lobbies, limits.
    pub registry: Addr<Guarded<Registry>>,
    /// Password work.
    pub hasher: HasherPool,
    /// What outlives the process.
    pub store: StoreHandle,
    /// How fast each user may send.
    pub rates: RateTable,
    /// Who is an admin.
    pub admins: Admins,
    /// What all threads count.
    pub metrics: Arc<Metrics>,
    /// Who has asked Rox how much.
    pub budgets: Budgets,
    /// How the server is.
    pub health: crate::health::Health,
    /// The port that speaks TLS.
    pub tls_port: Option<u16>,
    /// Where the page is.
    pub page: Option<PagePort>,
    /// Which Shard this is.
    pub index: usize,
}

/// The actor.
pub struct Shard {
    thread: Rc<ThreadContext>,
    /// What holds for each client.
    limits: Rc<PeerLimits>,
    metrics: Arc<Metrics>,
    draining: bool,
    /// Nobody new is let in.
    doors_closed: bool,
}

impl Shard {
    /// Made on its own thread; `shard` is where it will be reached.
    pub fn new(setup: ShardSetup, shard: Addr<Guarded<Self>>) -> Self {
        let ShardSetup {
            config,
            registry,
            hasher,
            store,
            rates,
            admins,
            metrics,
            budgets,
            health,
            tls_port,
            page,
            index,
        } = setup;
        let tally = Rc::new(Tally::default());
        let hub = Hub::new(|| times(true), tally.clone());
        let logins = Arc::new(Semaphore::new(LOGINS_AT_ONCE));
        let limits = PeerLimits::new(limits_of(&config.get()), clock::now());
        let thread = ThreadContext {
            config,
            registry,
            hasher,
            store,
            rates,
            admins,
            shard,
            index,
            tls_port,
            page,
            tally,
            hub,
            logins,
            health,
            budgets,
        };
        Self {
            thread: Rc::new(thread),
            limits: Rc::new(limits),
            metrics,
            draining: false,
            doors_closed: false,
        }
    }

    /// Has everybody in a lobby ask for it anew.
    fn lobby_is_lost(&self, room: LobbyId) {
        for session in self.thread.hub.sessions_in(room) {
            send(&session, LobbyLost(room));
        }
    }

    /// Looks at every client's deadlines.
    fn check_clock(&self) {
        for (peer, session, why) in self.thread.hub.check_clock(clock::now()) {
            match why {
                Farewell::TooSlow => peer.cut_off(),
                why => send(&session, Disconnect(why)),
            }
        }
    }

    fn start_session(&self, connected: Connected) -> std::io::Result<()> {
        let Connected { conn, arrival, origin, ip, accepted, counted } = connected;
        let link = Link::of(arrival)?;
        let config = self.thread.config.get();
        let (limits, tally) = (self.limits.clone(), self.thread.tally.clone());
        // The welcome goes out with CR LF, which every terminal takes; after the first line the
        // client's own line ends are known.
        let chats = link.purpose() == Purpose::Chat;
        let raw = link.terminal().is_some_and(|terminal| terminal.sends_keys);
        let before = match link.kind() {
            ListenerKind::Plain | ListenerKind::Tls | ListenerKind::Ssh => {
                Form { crlf: chats || raw, bare: !chats, ..Form::default() }
            }
            ListenerKind::Web => Form::json(Json::Frames),
        };
        let form = form_of(&Settings::default(), &config, before, Seen::Nothing, false);
        let now = clock::now();
        let kind = link.kind();
        // Of one that has shaken hands the log was told before.
        let told = kind.shakes_hands() || !origin.may_be_a_look();
        if told && !kind.shakes_hands() {
            log_connected(conn, origin, kind);
        }
        let arrived = Arrived { from: origin, at: accepted };
        let peer = Peer::new((conn, counted), arrived, link, form, limits, tally, now);
        Session::launch(self.thread.clone(), Rc::new(peer), ip, told);
        Ok(())
    }

    /// What a user who comes in is shown first, as a long answer.
    fn retell(&self, form: Form, replay: &Replay) -> Telling<Numbered> {
        let Replay { lobby, times, now, .. } = *replay;
        let head = |sheet: &mut Sheet| render::arrival(sheet, replay);
        let (stored, recent) = (replay.stored.clone(), replay.recent.clone());
        let pages = Pages::messages(self.thread.store.clone(), lobby, stored, recent);
        let mut retelling = Retelling::replay(times, now);
        let write = move |sheet: &mut Sheet, (_, entry): &Numbered| retelling.next(sheet, entry);
        Telling::new(form, head, pages, write).of(lobby)
    }

    /// A client is shown no more of a lobby where it was, and told why.
    fn leave_room(&self, seat: Seat, room: LobbyId, why: Option<&replies::Reply>) {
        let hub = &self.thread.hub;
        if let Some(peer) = hub.peer(seat) {
            peer.stop_telling_of(room);
        }
        match why {
            Some(why) => hub.show_one(seat, true, |sheet| reply(sheet, why)),
            None => hub.catch_up(seat),
        }
        if hub.room(seat) == Some(room) {
            hub.leave(seat);
        }
    }

    fn carry_out(&self, room: LobbyId, effect: Effect) {
        let hub = &self.thread.hub;
        match effect {
            Effect::Show(event) => hub.show(room, event),
            Effect::ShowTo(seat, event) => hub.show_to(seat, room, &event),
            Effect::Reply(seat, what) => {
                if let Some(peer) = hub.peer(seat).filter(|_| !what.is_good()) {
                    peer.link().note_refused();
                }
                hub.show_one(seat, true, |sheet| reply(sheet, &what));
            }
            Effect::Enter(seat, replay) => {
                hub.enter(seat, room, (&replay.name, replay.next_seq));
                let Some(peer) = hub.peer(seat) else { return };
                peer.note_entered(replay.next_seq);
                // A program asks for what it wants.
                if !replay.is_empty() && !peer.form().is_json() {
                    hub.tell(seat, Box::new(self.retell(peer.form(), &replay)));
                }
            }
            Effect::Echo(seat, count) => {
                if let Some(peer) = hub.peer(seat) {
                    peer.came_back(count);
                }
            }
            Effect::AnswerOver(seat) => {
                if let Some((_, session)) = hub.find(seat) {
                    send(&session, QuestionOver);
                }
            }
            Effect::Leave(seat) => self.leave_room(seat, room, None),
            Effect::MoveToGeneral(seat, why) => {
                // At once: the session may be busy with something, and must not listen on meanwhile.
                self.leave_room(seat, room, Some(&why));
                if let Some((_, session)) = hub.find(seat) {
                    send(&session, MoveToGeneral(room));
                }
            }
            Effect::Silence(seat) => {
                if let Some((_, session)) = hub.find(seat) {
                    send(&session, Silenced(room));
                }
            }
            Effect::Tagged { seat, by, lobby } => {
                let is_here = hub.room(seat) == Some(room);
                hub.show_from(seat, &by, |sheet| {
                    let when = stamp(sheet.form().clock);
                    render::tagged_in(sheet, &by, &lobby, is_here, unix_now(), when);
                });
            }
        }
    }
}

/// Writes what was queued, each time the mailbox has been drained; events of lobbies perhaps a little
/// later, together with more.
#[derive(Default)]
struct Flusher {
    /// Until more events have come together.
    pause: Pause,
}

impl Drive<Shard> for Flusher {
    fn drive(&mut self, shard: &mut Shard, cx: &mut task::Context<'_>) -> Poll<()> {
        while let Some(pause) = shard.thread.hub.flush(clock::now()) {
            ready!(self.pause.poll(pause, cx));
        }
        self.pause.cancel();
        Poll::Pending
    }
}

impl Dependable for Shard {
    fn started(&mut self, ctx: &mut Ctx<Self>) {
        guard::drive(ctx, Flusher::default());
        guard::every(ctx, CLOCK_TICK, |shard: &mut Self, _| {
            shard.thread.tally.settle(&shard.metrics);
            shard.check_clock();
        });
    }

    /// Whoever said something there waits for it to come back, and now asks the lobby anew.
    fn lost(&mut self, lobby: LobbyId) {
        self.lobby_is_lost(lobby);
    }
}

impl Answers<LostName> for Shard {
    fn failed() {}

    fn answer(&mut self, lost: LostName, _: &mut Ctx<Self>) -> Reply<Self, ()> {
        Reply::now(|| {
            let LostName { seat, not_sent, ends } = lost;
            let (ends, reason) = ends.unzip();
            // At once: it is not to listen on meanwhile.
            self.thread.hub.leave(seat);
            if let Some(reason) = reason.flatten() {
                let reason = reason.into();
                self.thread.hub.show_one(seat, true, |sheet| reply(sheet, &reason));
            }
            if let Some((_, session)) = self.thread.hub.find(seat) {
                send(&session, session::LostName(not_sent, ends));
            }
        })
    }
}

impl Answers<Connected> for Shard {
    fn failed() {}

    fn answer(&mut self, connected: Connected, _: &mut Ctx<Self>) -> Reply<Self, ()> {
        Reply::now(|| {
            let Connected { conn, origin: from, accepted: at, .. } = connected;
            let started = if self.draining { Ok(()) } else { self.start_session(connected) };
            // It was on its way when they were closed.
            if self.doors_closed {
                self.turn_away();
            }
            if let Err(reason) = started {
                error!(event = event::NOT_STARTED, conn = conn.number(); "cannot be started: {reason}");
                self.thread.registry.do_send(Gone(conn));
                log_disconnected(conn, Arrived { from, at }, true);
            }
        })
    }
}

impl Answers<Deliver> for Shard {
    fn failed() {}

    fn answer(&mut self, deliver: Deliver, _: &mut Ctx<Self>) -> Reply<Self, ()> {
        Reply::now(|| {
            if let Some(taken) = deliver.taken {
                self.thread.hub.note_taken(deliver.room, taken);
            }
            for effect in deliver.effects {
                self.carry_out(deliver.room, effect);
            }
        })
    }

    fn about(deliver: &Deliver) -> Option<LobbyId> {
        Some(deliver.room)
    }
}

impl Answers<Show> for Shard {
    fn failed() {}

    fn answer(&mut self, show: Show, _: &mut Ctx<Self>) -> Reply<Self, ()> {
        Reply::now(|| {
            let Show { seat, from, letter, asked } = show;
            let hub = &self.thread.hub;
            let is_message = matches!(letter, Letter::Direct(_));
            let you = hub.peer(seat).and_then(|peer| peer.name());
            let shown = hub.show_from(seat, &from, |sheet| match letter {
                Letter::Direct(text) => {
                    let when = stamp(sheet.form().clock);
                    let direction = Direct::From(&from);
                    let (text, you) = (&text, you.as_ref());
                    let letter =
                        render::Letter { direction, you, text, at: unix_now(), mail: false };
                    render::letter(sheet, &letter, when);
                }
                Letter::Offer(lobby) => {
                    let offer = ModerationReply::Offered { by: from.name.clone(), lobby };
                    reply(sheet, &offer.into());
                }
            });
            if shown && is_message {
                self.thread.tally.delivered(1);
            }
            if let Some(peer) = hub.peer(seat).filter(|_| shown) {
                peer.note_writer(from);
            }
            if let Some(asker) = asked {
                self.tell_of(seat, asker);
            }
        })
    }
}

impl Answers<Became> for Shard {
    fn failed() {}

    fn answer(&mut self, Became { before, now }: Became, _: &mut Ctx<Self>) -> Reply<Self, ()> {
        Reply::now(|| self.thread.hub.became(&before, &now))
    }
}

impl Answers<LastWriter> for Shard {
    fn failed() -> Option<Person> {
        None
    }

    fn answer(
        &mut self,
        LastWriter(seat): LastWriter,
        _: &mut Ctx<Self>,
    ) -> Reply<Self, Option<Person>> {
        let writer = || self.thread.hub.peer(seat).and_then(|peer| peer.last_writer());
        Reply::now(writer)
    }
}

impl Answers<Announce> for Shard {
    fn failed() {}

    fn answer(&mut self, Announce { by, text }: Announce, _: &mut Ctx<Self>) -> Reply<Self, ()> {
        Reply::now(|| {
            let hub = &self.thread.hub;
            hub.show_everybody(|sheet| {
                render::announcement(sheet, &by, &text, stamp(sheet.form().clock));
            });
        })
    }
}

impl Answers<DisconnectSeat> for Shard {
    fn failed() {}

    fn answer(
        &mut self,
        DisconnectSeat(seat, why, reason): DisconnectSeat,
        _: &mut Ctx<Self>,
    ) -> Reply<Self, ()> {
        Reply::now(|| {
            if let Some(reason) = reason {
                let reason = reason.into();
                self.thread.hub.show_one(seat, true, |sheet| reply(sheet, &reason));
            }
            if let Some((_, session)) = self.thread.hub.find(seat) {
                send(&session, Disconnect(why));
            }
        })
    }
}

impl Answers<IdleTime> for Shard {
    fn failed() -> Option<Duration> {
        None
    }

    fn answer(
        &mut self,
        IdleTime(seat): IdleTime,
        _: &mut Ctx<Self>,
    ) -> Reply<Self, Option<Duration>> {
        Reply::now(|| Some(self.thread.hub.peer(seat)?.idle_time(clock::now())))
    }
}

impl Answers<AskedOf> for Shard {
    fn failed() {}

    fn answer(&mut self, AskedOf { seat, asker }: AskedOf, _: &mut Ctx<Self>) -> Reply<Self, ()> {
        Reply::now(|| self.tell_of(seat, asker))
    }
}

impl Shard {
    /// Has whoever waits on another node told what is known of a connection, or that it is no more.
    fn tell_of(&self, seat: Seat, asker: Asker) {
        let what = self.thread.hub.peer(seat).map(|peer| OfConnection {
            idle: peer.idle_time(clock::now()),
            last_writer: peer.last_writer(),
        });
        self.thread.registry.do_send(ToldOf { asker, what });
    }
}

impl Answers<Barrier> for Shard {
    fn failed() {}

    fn answer(&mut self, _: Barrier, _: &mut Ctx<Self>) -> Reply<Self, ()> {
        Reply::Now(())
    }
}

impl Answers<LobbyBroke> for Shard {
    fn failed() {}

    fn answer(&mut self, LobbyBroke(room): LobbyBroke, _: &mut Ctx<Self>) -> Reply<Self, ()> {
        Reply::now(|| self.lobby_is_lost(room))
    }

    fn about(LobbyBroke(room): &LobbyBroke) -> Option<LobbyId> {
        Some(*room)
    }
}

impl Answers<Reconfigured> for Shard {
    fn failed() {}

    fn answer(&mut self, _: Reconfigured, _: &mut Ctx<Self>) -> Reply<Self, ()> {
        Reply::now(|| {
            self.limits.set(limits_of(&self.thread.config.get()), clock::now());
            for (peer, session) in self.thread.hub.all() {
                peer.limits_changed();
                send(&session, session::Reconfigured);
            }
        })
    }
}

impl Answers<Drain> for Shard {
    fn failed() {}

    fn answer(&mut self, Drain(last): Drain, _: &mut Ctx<Self>) -> Reply<Self, ()> {
        self.draining = true;
        for (peer, session) in self.thread.hub.all() {
            if peer.health() == Health::Good {
                send(&session, Disconnect(last));
            }
        }
        let thread = self.thread.clone();
        let empty = async move {
            while !thread.hub.is_empty() {
                tokio::time::sleep(DRAIN_POLL).await;
            }
        };
        Reply::after(empty, |_, (), _| ())
    }
}

/// What holds for each client by these settings.
fn limits_of(config: &Config) -> Limits {
    Limits {
        outbound_bytes: config.outbound_limit_bytes,
        stall: config.stall_timeout,
        idle: config.idle_timeout,
        login: config.login_timeout,
    }
}

/// Sends something to a Session, unless that is over.
fn send<M>(session: &WeakAddr<Session>, message: M)
where
    M: Message<Result = ()> + Send + 'static,
    Session: Handler<M>,
{
    if let Some(session) = session.upgrade() {
        session.do_send(message);
    }
}

/// Tells the log of a connection.
pub fn log_connected(conn: ConnId, origin: Origin, kind: ListenerKind) {
    info!(event = event::CONNECTED, conn = conn.number(); "connected from {origin} ({kind})");
}

/// Tells it of the end of a connection, and how long it was there; of one that it was not told of, quietly:
/// that was to see whether the server is there.
pub fn log_disconnected(conn: ConnId, arrived: Arrived, told: bool) {
    if told {
        let secs = clock::since(arrived.at).as_secs();
        info!(event = event::DISCONNECTED, conn = conn.number(); "disconnected after {secs} s");
    } else {
        debug!(event = event::LOOKED, conn = conn.number(); "was a look from {}", arrived.from);
    }
}

/// Answered once all that was sent to the Shard before is queued for its clients.
pub async fn barrier(shard: &Addr<Guarded<Shard>>) {
    // A Shard lives as long as the thread that the caller runs on.
    let _ = shard.send(Barrier).await;
}
