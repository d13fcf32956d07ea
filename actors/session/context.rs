//! What a command works with, and what it comes to.

use std::cell::{Ref, RefCell, RefMut};
use std::rc::Rc;
use std::sync::Arc;

use actix::dev::{Message, ToEnvelope};
use actix::prelude::*;
use log::info;

use crate::actors::guard::{Answers, Guarded};
use crate::actors::hasher::HashError;
use crate::actors::lobby::Lobby;
use crate::actors::lobby::messages::{HasRight, Moderate};
use crate::actors::registry::Registry;
use crate::actors::registry::messages::{
    CarriedOut, CreateRefused, FindLobby, FindNear, FindOffender, FindTarget, LobbyRef,
    ModerateError, RegisterError,
};
use crate::actors::session::joining::EnterError;
use crate::actors::session::password::ProofError;
use crate::actors::session::{Membership, Session, User, show, tell};
use crate::actors::shard::messages::Address;
use crate::actors::shard::telling::Telling;
use crate::actors::shard::{ThreadContext, barrier};
use crate::chat::accounts::{Identity, Target};
use crate::chat::asking::Asking;
use crate::chat::directory::ConnId;
use crate::chat::ignores::{IgnoreError, Ignores};
use crate::chat::lobbies::CreateError;
use crate::chat::lobby::JoinError;
use crate::chat::moderation::Moderation;
use crate::chat::name::{Name, NameKey};
use crate::chat::orders::{Named, Order, OrderError, server_rank};
use crate::chat::password::{Password, PasswordRecord};
use crate::chat::person::Person;
use crate::chat::roles::{Denied, Right};
use crate::chat::times::Times;
use crate::fanout::peer::Peer;
use crate::logging::event;
use crate::render::Sheet;
use crate::render::replies::{
    AccountReply, Farewell, ModerationReply, NameProblem, PersonalReply, Reply, reply,
};
use crate::store::StoreError;

/// What a command works with: it exists only while somebody chats.
pub(super) struct Ctx {
    pub(super) thread: Rc<ThreadContext>,
    pub(super) peer: Rc<Peer>,
    /// Where the client is.
    pub(super) at: Address,
    /// The right that the row of the command asks for.
    pub(super) right: Right,
    user: Rc<RefCell<User>>,
}

/// What a command came to, beyond what it has shown.
pub(super) enum Outcome {
    /// All of it is done and said.
    Done,
    /// An order was carried out, so whoever gave it has the right for such.
    Ordered,
    /// A question is with Rox.
    Asked,
    /// The user is to be asked for what the command was not given.
    Asks(Box<Asking>),
    /// The user is to be told how they are written to, perhaps in another manner from here on.
    Mode {
        /// Whether they have set it.
        set: bool,
    },
    /// The connection ends, with this as its last line.
    Leave(Farewell),
}

/// Why a command did nothing, as it is told.
pub(super) type Failure = Reply;

/// What a command is worth.
pub(super) type Done = Result<Outcome, Failure>;

/// What an actor that does not answer, or a question that the Store cannot answer, is told as.
pub(super) fn busy<E>(_: E) -> Failure {
    Reply::ServerBusy
}

impl Session {
    /// What a command of this user works with; none where nobody chats.
    pub(super) fn ctx(&self, right: Right) -> Option<Ctx> {
        let user = self.chatting()?.clone();
        let (thread, peer) = (self.thread.clone(), self.peer.clone());
        Some(Ctx { thread, peer, at: self.at(), right, user })
    }

    /// Carries out what a command came to.
    pub(super) fn finish(&mut self, done: Done) {
        match done {
            Ok(Outcome::Done) => {}
            Ok(Outcome::Ordered) => self.note_right(false),
            Ok(Outcome::Asked) => self.questions += 1,
            Ok(Outcome::Asks(asking)) => self.begin_asking(*asking),
            Ok(Outcome::Mode { set }) => self.tell_mode(set),
            Ok(Outcome::Leave(last)) => self.close(Some(last)),
            Err(why) => {
                self.peer.link().note_refused();
                if let Reply::Moderation(ModerationReply::NotDone(why, _)) = &why {
                    let denied = matches!(why, OrderError::Denied(denied) if denied.is_of_rank());
                    self.note_right(denied);
                }
                if let Some(limit) = limit(&why) {
                    let from = self.peer.arrived().from.host();
                    info!(
                        event = event::LIMIT, conn = self.peer.conn().number();
                        "limit: {limit} from {from}"
                    );
                }
                self.reply(&why);
            }
        }
    }
}

/// The limit of the server that somebody has run into who is told this, for the log.
fn limit(why: &Failure) -> Option<&'static str> {
    match why {
        Reply::NotCreated(CreateError::TooMany) => Some("too many lobbies"),
        Reply::NotCreated(CreateError::TooManyOfUser) => Some("too many lobbies of this user"),
        Reply::AiBusy => Some("too many questions are waiting"),
        Reply::Account(AccountReply::TooManyOfAddress) => Some("too many accounts"),
        _ => None,
    }
}

impl Ctx {
    pub(super) fn conn(&self) -> ConnId {
        self.peer.conn()
    }

    pub(super) fn user(&self) -> Ref<'_, User> {
        self.user.borrow()
    }

    pub(super) fn user_mut(&self) -> RefMut<'_, User> {
        self.user.borrow_mut()
    }

    /// Who the user is.
    pub(super) fn who(&self) -> Identity {
        self.user().who.clone()
    }

    /// Whether they are a bot.
    pub(super) fn is_bot(&self) -> bool {
        self.user().who.bot_of.is_some()
    }

    /// The user, as others know them.
    pub(super) fn me(&self) -> Person {
        Person::from(&self.user().who)
    }

    /// The lobby that they are in.
    pub(super) fn lobby(&self) -> Membership {
        self.user().lobby.clone()
    }

    /// How they want to be shown when something was said.
    pub(super) fn times(&self) -> Times {
        crate::clock::times(self.user().settings.by_clock())
    }

    /// Whom they do not want to hear.
    pub(super) fn ignores(&self) -> Ignores {
        self.peer.ignores().map(|ignores| ignores.clone()).unwrap_or_default()
    }

    pub(super) fn show(&self, body: impl FnOnce(&mut Sheet)) {
        show(&self.thread, &self.peer, self.at.seat, body);
    }

    /// Answers the user, and there is no more to it.
    pub(super) fn reply(&self, what: impl Into<Reply>) -> Done {
        let what = what.into();
        self.show(|sheet| reply(sheet, &what));
        Ok(Outcome::Done)
    }

    pub(super) fn tell<T: 'static>(&self, answer: Telling<T>) {
        tell(&self.thread, &self.peer, self.at.seat, answer);
    }

    /// Asks the Registry.
    pub(super) async fn ask_registry<M>(&self, message: M) -> Result<M::Result, Failure>
    where
        Registry: Answers<M>,
        M: Message<Result: Send> + Send + 'static,
        Context<Guarded<Registry>>: ToEnvelope<Guarded<Registry>, M>,
    {
        self.thread.registry.send(message).await.map_err(busy)
    }

    /// Asks a lobby; answered when all that it shows this client for that is queued.
    pub(super) async fn ask_lobby<M>(
        &self,
        lobby: &Addr<Lobby>,
        message: M,
    ) -> Result<M::Result, Failure>
    where
        Lobby: Handler<M>,
        M: Message<Result: Send> + Send + 'static,
        Context<Lobby>: ToEnvelope<Lobby, M>,
    {
        let answer = lobby.send(message).await;
        barrier(&self.thread.shard).await;
        answer.map_err(busy)
    }

    /// Has the user's lobby carry an order out; what it tells everybody is the answer.
    pub(super) async fn order(&self, order: Order) -> Done {
        let lobby = self.lobby();
        let done = self.moderate(&lobby.addr, &lobby.name, order).await?;
        self.tell_of_others(done.also)?;
        Ok(Outcome::Ordered)
    }

    /// Tells a moderator whom else a mute or a ban has struck.
    pub(super) fn tell_of_others(&self, also: Vec<Name>) -> Done {
        if also.is_empty() {
            return Ok(Outcome::Done);
        }
        self.reply(ModerationReply::AlsoStruck(also))
    }

    /// Has a lobby carry an order out.
    pub(super) async fn moderate(
        &self,
        lobby: &Addr<Lobby>,
        name: &Name,
        order: Order,
    ) -> Result<CarriedOut<Moderation>, Failure> {
        let carried_out = self.ask_lobby(lobby, Moderate { by: self.who(), order }).await?;
        carried_out.map_err(|why| not_done(why, name))
    }

    /// The lobby of this name.
    pub(super) async fn lobby_named(&self, typed: &str) -> Result<LobbyRef, Failure> {
        let found = self.ask_registry(FindLobby(NameKey::of(typed))).await?;
        Ok(found.ok_or(JoinError::NoSuchLobby)?)
    }

    /// The record of a new password.
    pub(super) async fn hashed(&self, password: Password) -> Result<Arc<PasswordRecord>, Failure> {
        Ok(Arc::new(self.thread.hasher.hash(password).await?))
    }

    /// Whether the user has the right that the command asks for in their lobby, which only that knows.
    pub(super) async fn check_right(&self) -> Result<(), Failure> {
        let lobby = self.lobby();
        self.has_right(&lobby.addr)
            .await?
            .map_err(|why| ModerationReply::NotDone(why.into(), lobby.name).into())
    }

    /// Whether they have it in this lobby.
    pub(super) async fn has_right(
        &self,
        lobby: &Addr<Lobby>,
    ) -> Result<Result<(), Denied>, Failure> {
        lobby.send(HasRight(self.who(), self.right)).await.map_err(busy)
    }

    /// Whether the user has a right; not where the lobby, which alone may know, does not answer.
    pub(super) async fn may_use(&self, right: Right) -> bool {
        let who = self.who();
        if !right.is_of_lobby() {
            return right.check(&who, server_rank(who.admin)).is_ok();
        }
        matches!(self.lobby().addr.send(HasRight(who, right)).await, Ok(Ok(())))
    }

    /// Whoever has this name, or which account. That it is nobody is told to whoever has the right to
    /// give the order, and to nobody else, so that trying names counts like anything one may not.
    pub(super) async fn target(&self, typed: &str) -> Result<Target, Failure> {
        self.found(typed, self.ask_registry(FindTarget(NameKey::of(typed))).await?).await
    }

    /// The same of whom is to be banned or the like: guests who left lately are found too.
    pub(super) async fn offender(&self, typed: &str) -> Result<Target, Failure> {
        self.found(typed, self.ask_registry(FindOffender(NameKey::of(typed))).await?).await
    }

    async fn found(&self, typed: &str, target: Option<Target>) -> Result<Target, Failure> {
        if let Some(target) = target {
            return Ok(target);
        }
        if self.right.is_of_lobby() {
            self.check_right().await?;
        }
        Err(self.nobody(typed).await)
    }

    /// That nobody has this name, with whose is near.
    pub(super) async fn nobody(&self, typed: &str) -> Failure {
        let key = NameKey::of(typed);
        let near = self.ask_registry(FindNear(key.clone())).await;
        // Whoever has just left elsewhere may still be there as this node has it.
        Reply::UserNotFound(near.ok().flatten().filter(|near| near.key() != key))
    }

    /// Whoever is on a list under this name, with whoever has it now.
    pub(super) async fn named(&self, typed: &str) -> Result<Named, Failure> {
        let key = NameKey::of(typed);
        let whom = self.ask_registry(FindTarget(key.clone())).await?;
        Ok(Named { key, whom })
    }
}

/// This lobby, or the server, did not carry an order out.
pub(super) fn not_done(why: ModerateError, lobby: &Name) -> Failure {
    match why {
        ModerateError::Order(why) => ModerationReply::NotDone(why, lobby.clone()).into(),
        ModerateError::NotStored => Reply::NotStored,
        ModerateError::Busy => Reply::ServerBusy,
    }
}

/// Of what is to be stored; where something is only read, `busy` says why not.
impl From<StoreError> for Reply {
    fn from(_: StoreError) -> Self {
        Self::NotStored
    }
}

impl From<HashError> for Reply {
    fn from(why: HashError) -> Self {
        busy(why)
    }
}

impl From<IgnoreError> for Reply {
    fn from(why: IgnoreError) -> Self {
        PersonalReply::NotIgnored(why).into()
    }
}

impl From<JoinError> for Reply {
    fn from(why: JoinError) -> Self {
        Self::NotJoined(why)
    }
}

impl From<CreateError> for Reply {
    fn from(why: CreateError) -> Self {
        Self::NotCreated(why)
    }
}

impl From<NameProblem> for Reply {
    fn from(why: NameProblem) -> Self {
        PersonalReply::NotRenamed(why).into()
    }
}

impl From<CreateRefused> for Reply {
    fn from(why: CreateRefused) -> Self {
        match why {
            CreateRefused::Rule(why) => why.into(),
            CreateRefused::NotStored => Self::NotStored,
            CreateRefused::Busy => Self::ServerBusy,
        }
    }
}

impl From<RegisterError> for Reply {
    fn from(why: RegisterError) -> Self {
        match why {
            RegisterError::TooMany => AccountReply::TooManyOfAddress.into(),
            RegisterError::NotStored(why) => why.into(),
            RegisterError::Busy => Self::ServerBusy,
        }
    }
}

impl From<ProofError> for Reply {
    fn from(why: ProofError) -> Self {
        match why {
            ProofError::Wrong => AccountReply::WrongPassword.into(),
            ProofError::TooMany(secs) => AccountReply::TooManyAttempts(secs).into(),
            ProofError::Busy => Self::ServerBusy,
        }
    }
}

impl From<EnterError> for Reply {
    fn from(why: EnterError) -> Self {
        match why {
            EnterError::Join(why) => why.into(),
            EnterError::Busy => Self::ServerBusy,
            EnterError::Unreachable => Self::Unreachable,
        }
    }
}
