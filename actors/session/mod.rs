//! The Session actor: owns one connection, from its welcome to its last byte.
//!
//! It is a state machine that one future of its own drives (`drive::Pump`): read bytes, cut them
//! into lines, carry the lines out one after the other, write what waits. At most one request to
//! another actor is under way, and nothing is read while it is, so a client that sends fast fills
//! its own socket and nobody's mailbox.

mod asking;
mod bots;
mod closing;
mod commands;
mod context;
mod drive;
#[cfg(debug_assertions)]
mod faults;
mod holding;
mod joining;
mod left;
mod login;
mod mail;
pub mod messages;
mod password;
mod program;
mod typing;
mod visiting;

use std::cell::{Ref, RefCell};
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;

use actix::prelude::*;
use futures_util::FutureExt;
use log::info;
use tokio::time::Sleep;

use self::closing::Closing;
use self::commands::Judged;
use self::holding::Limited;
use self::left::LeftLobbies;
use self::mail::ShownMail;
use self::password::Challenge;
use super::lobby::Lobby;
use super::shard::{ThreadContext, log_disconnected};
use crate::actors::lobby::messages::{Leave, LeaveTo};
use crate::actors::registry::messages::{Gone, ReleaseName};
use crate::actors::session::messages::{
    Disconnect, LobbyLost, LostName, MoveToGeneral, QuestionOver, Reconfigured, Silenced,
};
use crate::actors::shard::messages::Address;
use crate::actors::shard::telling::Telling;
use crate::chat::accounts::Identity;
use crate::chat::asking::Asking;
use crate::chat::directory::IpKey;
use crate::chat::lobbies::LobbyId;
use crate::chat::name::Name;
use crate::chat::orders::Confirmation;
use crate::chat::settings::{Colours, Settings, Width};
use crate::chat::terminal::{Manner, Seen};
use crate::chat::text::{Line, Text};
use crate::chat::times::Times;
use crate::clock;
use crate::clock::times;
use crate::config::Config;
use crate::fanout::hub::Seat;
use crate::fanout::outbox::Source;
use crate::fanout::peer::{Health, Peer};
use crate::logging::event;
use crate::net::lines::LineDecoder;
use crate::net::pace::Pace;
use crate::net::ssh::visit::Purpose;
use crate::render::replies::{Farewell, Reply, farewell, reply};
use crate::render::{Form, Palette, Sheet, block};

/// What is to be done with the session once a request is answered.
type Then = Box<dyn FnOnce(&mut Session)>;

/// Where a connection stands.
enum Phase {
    /// About to be welcomed, unless it speaks first and something that is no chat.
    Greeting,
    /// Asked for a name.
    Naming {
        /// Tokens that it has shown as a bot and that were wrong.
        wrong_tokens: u8,
    },
    /// Asked for the password of an account.
    Password(Box<Challenge>),
    /// In a lobby.
    Chatting(Rc<RefCell<User>>),
    /// In none, and without a name of their own: they only look at general from outside.
    Looking(Rc<RefCell<User>>),
    /// Being closed.
    Closing(Box<Closing>),
    /// Over.
    Done,
}

/// What a session has once it has a name.
struct User {
    who: Identity,
    lobby: Membership,
    /// What they say of being away.
    away: Option<Line>,
    settings: Settings,
    /// What their next line answers, where they were asked for a password.
    asked: Option<Box<Asking>>,
    /// The lobby that they were asked to say again that they delete.
    deleting: Confirmation,
    /// Other lobbies that they have left.
    left: LeftLobbies,
}

impl User {
    /// The user is in another lobby from here on, or in one that was set up again.
    fn move_to(&mut self, lobby: Membership) {
        if lobby.id == self.lobby.id {
            self.lobby = lobby;
            return;
        }
        self.log_left();
        self.left.forget(lobby.id);
        self.lobby = lobby;
        self.log_joined();
    }

    fn log_joined(&self) {
        let (who, lobby) = (&self.who, &self.lobby.name);
        info!(event = event::JOINED_LOBBY, conn = who.conn.number(); "{} joined lobby '{lobby}'", who.name);
    }

    fn log_left(&self) {
        let (who, lobby) = (&self.who, &self.lobby.name);
        info!(event = event::LEFT_LOBBY, conn = who.conn.number(); "{} left lobby '{lobby}'", who.name);
    }
}

/// The lobby that a user is in.
#[derive(Clone)]
struct Membership {
    id: LobbyId,
    name: Name,
    addr: Addr<Lobby>,
}

/// The actor.
pub struct Session {
    thread: Rc<ThreadContext>,
    peer: Rc<Peer>,
    seat: Seat,
    ip: IpKey,
    phase: Phase,
    decoder: LineDecoder,
    /// Bytes that were read and not looked at yet.
    unread: drive::Unread,
    /// A line that waits for the messages before it to come back.
    held: Option<Box<Judged>>,
    /// The one request that is under way.
    request: Option<Pin<Box<dyn Future<Output = Then>>>>,
    /// What this user ordered last was nothing that they may order.
    denied: bool,
    /// What there is of a user who was over a limit: what waits, what was told.
    limited: Option<Box<Limited>>,
    pace: Pace,
    /// The peer sends no more.
    at_end: bool,
    /// What a session waits for now and then: to welcome a client that does not speak first, or to look
    /// after one that sends no more and waits for an answer.
    timer: Option<Pin<Box<Sleep>>>,
    /// A lobby that broke, to be gone back to once the request under way is answered.
    lost: Option<Lost>,
    /// Mail that was shown, and of which it is not known yet whether it was received.
    mail: Option<Box<ShownMail>>,
    /// Questions to Rox that are not over yet; below 0 where the end came before the beginning.
    questions: i32,
    /// Whether the log was told of its beginning.
    told: bool,
}

/// With a byte more, each connection takes 128 more: the block that its actor is in has that alignment.
/// What few of them need is boxed.
const _: () = assert!(size_of::<Session>() <= 200);

/// How a lobby came to be lost.
#[derive(Clone, Copy)]
enum Lost {
    /// It broke and is set up again.
    Broke(LobbyId),
    /// The user was put out of it.
    MoveToGeneral(LobbyId),
}

impl Session {
    /// Starts the session of a new connection on this thread.
    pub(super) fn launch(thread: Rc<ThreadContext>, peer: Rc<Peer>, ip: IpKey, told: bool) {
        Self::create(move |ctx| {
            let seat = thread.hub.seat(peer.clone(), ctx.address().downgrade());
            let decoder = LineDecoder::new(peer.link().telnet());
            Self {
                thread,
                peer,
                seat,
                ip,
                phase: Phase::Greeting,
                decoder,
                unread: drive::Unread::default(),
                held: None,
                request: None,
                denied: false,
                limited: None,
                pace: Pace::new(clock::now()),
                at_end: false,
                timer: None,
                lost: None,
                mail: None,
                questions: 0,
                told,
            }
        });
    }

    fn at(&self) -> Address {
        Address { shard: self.thread.index, seat: self.seat }
    }

    /// The user, whom a command that is under way may change.
    fn chatting(&self) -> Option<&Rc<RefCell<User>>> {
        match &self.phase {
            Phase::Chatting(user) | Phase::Looking(user) => Some(user),
            Phase::Greeting
            | Phase::Naming { .. }
            | Phase::Password(_)
            | Phase::Closing(_)
            | Phase::Done => None,
        }
    }

    fn user(&self) -> Option<Ref<'_, User>> {
        self.chatting().map(|user| user.borrow())
    }

    /// How the user wants to be shown when something was said.
    fn times(&self) -> Times {
        times(self.user().is_some_and(|user| user.settings.by_clock()))
    }

    fn show(&self, body: impl FnOnce(&mut Sheet)) {
        show(&self.thread, &self.peer, self.seat, body);
    }

    fn tell<T: 'static>(&self, answer: Telling<T>) {
        tell(&self.thread, &self.peer, self.seat, answer);
    }

    fn reply(&self, what: &Reply) {
        self.show(|sheet| reply(sheet, what));
    }

    /// Starts the one request: nothing is read or carried out until `then` has its answer.
    fn wait_for<T: 'static>(
        &mut self,
        work: impl Future<Output = T> + 'static,
        then: impl FnOnce(&mut Self, T) + 'static,
    ) {
        // Not an async block: that would hold the work twice, and a thousand may log in at once.
        self.request = Some(Box::pin(
            work.map(|answer| -> Then { Box::new(move |session| then(session, answer)) }),
        ));
    }

    /// The form in which whoever has set this is shown things from here on.
    fn take_form(&self, settings: &Settings) {
        self.take_form_of(settings, self.is_bot());
    }

    /// Whether it is a bot that chats.
    fn is_bot(&self) -> bool {
        self.user().is_some_and(|user| user.who.bot_of.is_some())
    }

    /// The same of somebody who may not be in yet, and may be a bot.
    fn take_form_of(&self, settings: &Settings, is_bot: bool) {
        let (before, seen) = (self.peer.form(), self.peer.seen());
        self.peer.set_form(form_of(settings, &self.thread.config.get(), before, seen, is_bot));
    }

    /// Whether somebody is an admin, as it is now.
    fn take_rank(&self, who: &mut Identity) {
        who.admin = who.account.is_some_and(|account| self.thread.admins.has(account));
    }

    /// The user is in. What the log says of the life of a connection is said by its Session alone, so
    /// it comes in the order in which it happens, each thing once.
    fn begin_chat(&mut self, user: User) {
        self.peer.logged_in();
        let how = if user.who.account.is_some() { " to its account" } else { "" };
        let (conn, name) = (user.who.conn, &user.who.name);
        info!(event = event::LOGGED_IN, conn = conn.number(); "logged in as {name}{how}");
        user.log_joined();
        self.peer.note_name(name);
        self.phase = Phase::Chatting(Rc::new(RefCell::new(user)));
        self.settle_manner();
    }

    /// Lets go of lobby and name, at once.
    fn sign_off(&mut self) {
        self.request = None;
        self.held = None;
        let conn = self.peer.conn();
        if let Phase::Chatting(user) = &self.phase {
            let user = user.borrow();
            let stops = self.thread.health.draining().is_stopping();
            let to = if stops { LeaveTo::StoppingServer } else { LeaveTo::Nowhere };
            user.lobby.addr.do_send(Leave { conn, to });
            user.log_left();
            info!(event = event::LOGGED_OUT, conn = conn.number(); "{} logged out", user.who.name);
        }
        if matches!(self.phase, Phase::Naming { .. } | Phase::Password(_) | Phase::Chatting(_)) {
            self.thread.registry.do_send(ReleaseName(conn));
            self.thread.hub.leave(self.seat);
        }
    }

    /// Ends the connection of whoever said this, which was not sent.
    fn close_without(&mut self, words: &[Text], last: Farewell) {
        if !matches!(self.phase, Phase::Closing(_) | Phase::Done) {
            self.end_held_with(words);
        }
        self.close(Some(last));
    }

    /// Ends the connection, with a last line where there is one.
    fn close(&mut self, last: Option<Farewell>) {
        if matches!(self.phase, Phase::Closing(_) | Phase::Done) {
            return;
        }
        if let Some(why) = last.and_then(closing::reason) {
            info!(event = event::CLOSED, conn = self.peer.conn().number(); "is closed: {why}");
        }
        self.end_held();
        self.sign_off();
        if let Some(last) = last {
            self.peer.answer(farewell(self.peer.form(), last));
        }
        let health = self.peer.health();
        self.phase = if health == Health::Broken {
            Phase::Done
        } else {
            let stall = self.thread.config.get().stall_timeout;
            Phase::Closing(Box::new(Closing::new(health, last, stall, self.peer.written())))
        };
        self.peer.take_no_more();
        self.peer.wake();
    }
}

/// The form in which whoever has set this is shown things, by a client of that kind; what belongs to the connection
/// is as `before`. Whether its line is edited is known by its [`Peer`]. A bot is a program, and has no rows.
pub(super) fn form_of(
    settings: &Settings,
    config: &Config,
    before: Form,
    seen: Seen,
    is_bot: bool,
) -> Form {
    if before.is_json() {
        return Form::json(before.json);
    }
    let plain = seen.manner(settings.mode) == Manner::Plain;
    let palette = match settings.colours {
        _ if plain => Palette::None,
        // A server without colours sends none to anybody, and a program wants none.
        _ if !config.color || before.bare || is_bot => Palette::None,
        Some(Colours::Off) => Palette::None,
        Some(Colours::Light) => Palette::Light,
        Some(Colours::On) | None => Palette::Dark,
    };
    Form {
        palette,
        crlf: before.crlf,
        bare: before.bare || is_bot,
        edited: false,
        plain,
        clock: settings.by_clock(),
        compact: settings.compact && !plain,
        quiet: settings.quiet,
        echo: settings.echo,
        bell: settings.bell,
        json: before.json,
        // Whatever reads it aloud has no rows.
        width: match plain {
            true => 0,
            false => {
                let width = config.width.filter(|_| !is_bot).unwrap_or(0);
                settings.width.map_or(width, Width::get)
            }
        },
    }
}

/// Shows a client a block that answers it.
fn show(thread: &ThreadContext, peer: &Peer, seat: Seat, body: impl FnOnce(&mut Sheet)) {
    thread.hub.catch_up(seat);
    let block = block(peer.form(), body);
    // One with nothing in it is to see whether the client is there; a program is not to see that.
    if !block.is_empty() {
        peer.answer(block);
    }
}

/// Shows a client a long answer, in parts as it takes them, unless it is of a lobby that they have been
/// put out of while it was being asked for.
fn tell<T: 'static>(thread: &ThreadContext, peer: &Peer, seat: Seat, answer: Telling<T>) {
    let answer: Box<dyn Source> = Box::new(answer);
    // Whoever only looks is nowhere, and cannot have been put out of anything.
    let looks = peer.link().purpose() == Purpose::Look;
    if looks || answer.of().is_none() || answer.of() == thread.hub.room(seat) {
        thread.hub.catch_up(seat);
        peer.tell(answer);
    }
}

impl Actor for Session {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.spawn(drive::Pump);
    }

    /// Runs after a panic too, so whatever the session holds is given back here.
    fn stopped(&mut self, _: &mut Self::Context) {
        self.sign_off();
        self.phase = Phase::Done;
        self.thread.hub.unseat(self.seat);
        if self.peer.link().outlives_session() {
            return;
        }
        self.thread.registry.do_send(Gone(self.peer.conn()));
        log_disconnected(self.peer.conn(), self.peer.arrived(), self.told);
    }
}

impl Handler<Disconnect> for Session {
    type Result = ();

    fn handle(&mut self, Disconnect(last): Disconnect, _: &mut Self::Context) {
        self.close(Some(last));
    }
}

impl Handler<QuestionOver> for Session {
    type Result = ();

    fn handle(&mut self, _: QuestionOver, _: &mut Self::Context) {
        self.questions -= 1;
    }
}

impl Handler<LobbyLost> for Session {
    type Result = ();

    fn handle(&mut self, LobbyLost(id): LobbyLost, _: &mut Self::Context) {
        self.peer.came_back(usize::MAX);
        self.lost = Some(Lost::Broke(id));
    }
}

impl Handler<MoveToGeneral> for Session {
    type Result = ();

    fn handle(&mut self, MoveToGeneral(id): MoveToGeneral, _: &mut Self::Context) {
        self.peer.came_back(usize::MAX);
        self.lost = Some(Lost::MoveToGeneral(id));
    }
}

impl Handler<Silenced> for Session {
    type Result = ();

    fn handle(&mut self, Silenced(id): Silenced, _: &mut Self::Context) {
        self.silence(id);
    }
}

impl Handler<LostName> for Session {
    type Result = ();

    fn handle(&mut self, LostName(words, ends): LostName, _: &mut Self::Context) {
        match ends {
            None => self.lose_name(&words),
            Some(last) => self.close_without(&words, last),
        }
    }
}

impl Handler<Reconfigured> for Session {
    type Result = ();

    fn handle(&mut self, _: Reconfigured, _: &mut Self::Context) {
        if let Some(user) = self.chatting().cloned() {
            self.take_rank(&mut user.borrow_mut().who);
            let settings = user.borrow().settings;
            // What the user was shown so far is in the form of before.
            self.thread.hub.catch_up(self.seat);
            self.take_form(&settings);
            self.settle_manner();
        } else if self.request.is_none() {
            // Whoever is just logging in takes them when they are in.
            self.take_form(&Settings::default());
        }
        self.limits_changed();
        self.peer.wake();
    }
}
