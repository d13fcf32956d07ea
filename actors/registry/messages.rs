//! What the Registry is asked and told, about connections, users, accounts and lobbies.

use std::sync::Arc;

use actix::prelude::*;

use crate::actors::guard::Guarded;
use crate::actors::lobby::{Lobby, Snapshot};
use crate::actors::log::OfConnection;
use crate::actors::ping::Ping;
use crate::actors::shard::Shard;
use crate::actors::shard::messages::{Address, Asker};
use crate::chat::accounts::{AccountId, Identity, Key, Target};
use crate::chat::bot::TokenHash;
use crate::chat::directory::{ConnId, IpKey, Refusal};
use crate::chat::history::UnixMillis;
use crate::chat::lobbies::{CreateError, LobbyId, LobbyPage};
use crate::chat::lobby::LobbyState;
use crate::chat::moderation::ServerModeration;
use crate::chat::name::{Name, NameKey};
use crate::chat::orders::{OrderError, ServerOrder};
use crate::chat::password::PasswordRecord;
use crate::chat::person::Person;
use crate::chat::registry::{
    BotError, ClaimError, GiveError, LoginError, RegistrationError, RenameError, User,
};
use crate::chat::sanctions::Sanction;
use crate::chat::text::Line;
use crate::store::{Settings, StoreError};

/// Other settings are in force: take what follows from them, and tell lobbies and Shards. Answered with what
/// an operator should know of them, a line each.
#[derive(Message)]
#[rtype(result = "Vec<String>")]
pub struct Reconfigured;

/// A connection was accepted: may it stay?
#[derive(Message)]
#[rtype(result = "Result<ConnId, Refusal>")]
pub struct Admit(pub IpKey);

/// A connection is over.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Gone(pub ConnId);

/// May somebody be shown what everybody is who comes in, without coming in?
#[derive(Message)]
#[rtype(result = "Result<LobbyRef, LoginError>")]
pub struct MayLook(pub Identity);

/// Give this guest the name that they ask for.
#[derive(Message)]
#[rtype(result = "Result<LobbyRef, LoginError>")]
pub struct Claim {
    /// The user, with the connection and the address that they come from.
    pub who: Identity,
    /// Where they are to be found under it.
    pub at: Address,
}

/// Let in somebody who has proved that this account is theirs.
#[derive(Message)]
#[rtype(result = "Result<LoggedIn, LoginError>")]
pub struct LogIn {
    /// Who; the name is that of the account.
    pub who: Identity,
    /// The record of its password as it was when they proved that it is theirs.
    pub record: Arc<PasswordRecord>,
    /// Where they are to be found.
    pub at: Address,
}

/// How somebody with an account comes in.
pub struct LoggedIn {
    /// Another connection of the same account, whose place they take.
    pub before: Option<Before>,
}

/// Another connection of an account, whose place is taken.
pub struct Before {
    /// Who, as they were there.
    pub user: User<Address>,
    /// The lobby that it is in.
    pub lobby_ref: LobbyRef,
    /// Its thread.
    pub shard: Option<Addr<Guarded<Shard>>>,
}

/// This connection has taken the place of another one of its account, which can go.
#[derive(Message)]
#[rtype(result = "()")]
pub struct TakeOver(pub ConnId);

/// May this address make one more account?
#[derive(Message)]
#[rtype(result = "Result<(), RegisterError>")]
pub struct MayRegister(pub IpKey);

/// Why no account was made.
#[derive(Debug, Clone, thiserror::Error)]
pub enum RegisterError {
    /// The address has made as many as it may in a day.
    #[error("too many accounts of this address")]
    TooMany,
    /// It could not be stored.
    #[error(transparent)]
    NotStored(#[from] StoreError),
    /// Something inside does not answer.
    #[error("an actor does not answer")]
    Busy,
}

impl From<RegistrationError> for RegisterError {
    fn from(why: RegistrationError) -> Self {
        match why {
            RegistrationError::TooMany => Self::TooMany,
            // They are leaving, or have asked already.
            RegistrationError::NotAGuest => Self::Busy,
        }
    }
}

/// Make an account of a guest's name. Answered when all that goes with it is stored.
#[derive(Message)]
#[rtype(result = "Result<(AccountId, bool), RegisterError>")]
pub struct Register {
    /// The guest's connection.
    pub conn: ConnId,
    /// The password.
    pub record: Arc<PasswordRecord>,
    /// A key that is tied to the account from the start.
    pub key: Option<Key>,
    /// What they have set as a guest.
    pub settings: Settings,
    /// Whom they ignore: names of the list, and the forms that they are known in.
    pub ignored: Vec<(Name, Person)>,
}

/// The guest of this connection was muted or banned in this lobby: tell it of an account that they have
/// made meanwhile.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Recheck(pub ConnId, pub LobbyId);

/// Give an account up.
#[derive(Message)]
#[rtype(result = "Result<(), StoreError>")]
pub struct Unregister {
    /// The connection that is logged in to it.
    pub conn: ConnId,
    /// The account.
    pub account: AccountId,
}

/// Make a bot for whoever has this connection. Answered when it is stored.
#[derive(Message)]
#[rtype(result = "Result<(), BotNotDone>")]
pub struct MakeBot {
    /// The connection of whoever wants it.
    pub conn: ConnId,
    /// What it is to be called.
    pub name: Name,
    /// Of its token.
    pub token: TokenHash,
}

/// Why nothing was done about a bot.
#[derive(Debug, Clone, thiserror::Error)]
pub enum BotNotDone {
    /// It may not be.
    #[error(transparent)]
    Rule(#[from] BotError),
    /// It could not be stored.
    #[error("not stored")]
    NotStored,
    /// Something inside does not answer.
    #[error("an actor does not answer")]
    Busy,
}

/// Delete a bot of whoever has this connection. Answered with its name; without one where there is none.
#[derive(Message)]
#[rtype(result = "Result<Option<Name>, BotNotDone>")]
pub struct DeleteBot {
    /// The connection of whoever wants it.
    pub conn: ConnId,
    /// What it is called.
    pub key: NameKey,
}

/// Which bots has whoever has this connection, and which of them are connected?
#[derive(Message)]
#[rtype(result = "Vec<(Name, bool)>")]
pub struct ListBots(pub ConnId);

/// May something be called this that nobody is?
#[derive(Message)]
#[rtype(result = "Result<(), ClaimError>")]
pub struct MayBeNamed(pub Name);

/// To where does the hook with this token post?
#[derive(Message)]
#[rtype(result = "Option<HookRef>")]
pub struct FindHook(pub TokenHash);

/// A hook, and where it posts to.
pub struct HookRef {
    /// What it is called.
    pub hook: Name,
    /// Its lobby.
    pub lobby: Addr<Lobby>,
}

/// Give a guest another name. Answered with the one before.
#[derive(Message)]
#[rtype(result = "Result<Name, RenameError>")]
pub struct Rename(pub ConnId, pub Name);

/// A user is away, or back.
#[derive(Message)]
#[rtype(result = "()")]
pub struct SetAway(pub ConnId, pub Option<Line>);

/// Who has this name, or which account?
#[derive(Message)]
#[rtype(result = "Option<Target>")]
pub struct FindTarget(pub NameKey);

/// Whom does a moderator mean by this name: who has it, or which guest who left lately?
#[derive(Message)]
#[rtype(result = "Option<Target>")]
pub struct FindOffender(pub NameKey);

/// What may be told of a user?
#[derive(Message)]
#[rtype(result = "Option<Known>")]
pub struct Whois(pub NameKey);

/// What the Registry knows of a user or of an account.
pub struct Known {
    /// The name as they spell it.
    pub name: Name,
    /// Whether it is an account's.
    pub account: Option<AccountId>,
    /// Of a bot the name of whose it is.
    pub bot_of: Option<Name>,
    /// Where they are; none where they are not connected.
    pub present: Option<KnownPresence>,
}

/// What is known of a connected user.
pub struct KnownPresence {
    /// Their connection.
    pub conn: ConnId,
    /// Where they are.
    pub at: Address,
    /// Their thread; none where they are on another node.
    pub shard: Option<Addr<Guarded<Shard>>>,
    /// What they say of being away.
    pub away: Option<Line>,
    /// Their lobby, unless it is private.
    pub lobby: Option<Name>,
}

/// What does another node know of a connection of its own? None where that cannot be known.
#[derive(Message)]
#[rtype(result = "Option<OfConnection>")]
pub struct AskElsewhere {
    /// Which.
    pub of: ConnId,
    /// The connection of whoever asks.
    pub by: ConnId,
}

/// What is known of a connection of this node, which another one has asked.
#[derive(Message)]
#[rtype(result = "()")]
pub struct ToldOf {
    /// Who asks.
    pub asker: Asker,
    /// What; none where the connection is no more.
    pub what: Option<OfConnection>,
}

/// How many connections are there?
#[derive(Message)]
#[rtype(result = "Option<usize>")]
pub struct CountConnections;

/// Who is in the chat? In no order.
#[derive(Message)]
#[rtype(result = "Option<Vec<ListedUser>>")]
pub struct ListUsers;

/// What the Registry knows of a user, for the operator.
#[derive(Debug)]
pub struct ListedUser {
    /// Who.
    pub who: Identity,
    /// The lobby that they are in, once they are in one.
    pub lobby: Option<Name>,
    /// Whether they are away.
    pub away: bool,
}

/// Who is kept off the server? By name, and then by age.
#[derive(Message)]
#[rtype(result = "Option<Vec<Sanction>>")]
pub struct ListServerBans;

/// Which lobbies are there, private ones too? General first, then by name.
#[derive(Message)]
#[rtype(result = "Option<Vec<ListedLobby>>")]
pub struct ListAllLobbies;

/// What the Registry knows of a lobby, for the operator.
#[derive(Debug)]
pub struct ListedLobby {
    /// What stands for it.
    pub state: Arc<LobbyState>,
    /// How many are in it.
    pub users: usize,
    /// Whose it is, where they have a name.
    pub owner: Option<Name>,
    /// When somebody came, left or spoke last, as far as that is known here.
    pub used_at: UnixMillis,
}

/// The operator gives an account a password, and makes it where it is not there. Answered when that is
/// stored.
#[derive(Message)]
#[rtype(result = "Result<PasswordGiven, GivePasswordError>")]
pub struct GivePassword {
    /// Whose.
    pub name: Name,
    /// The password.
    pub record: Arc<PasswordRecord>,
}

/// What came of it.
#[derive(Debug)]
pub struct PasswordGiven {
    /// The name as it is spelled.
    pub name: Name,
    /// Whether the account was made.
    pub made: bool,
    /// How many certificates are no longer its.
    pub certs: usize,
    /// Whether somebody was logged in to it, who is so no longer.
    pub disconnected: bool,
}

/// Why it was not given.
#[derive(Debug, thiserror::Error)]
pub enum GivePasswordError {
    /// It may not be.
    #[error(transparent)]
    Rule(#[from] GiveError),
    /// It could not be stored.
    #[error("not stored")]
    NotStored,
    /// Something inside does not answer, or the account is no more.
    #[error("an actor does not answer")]
    Busy,
}

/// Do something to the whole server.
#[derive(Message)]
#[rtype(result = "Result<CarriedOut<ServerModeration>, ModerateError>")]
pub struct ModerateServer {
    /// Who wants it.
    pub by: Identity,
    /// What they order; names in it have been looked up.
    pub order: ServerOrder,
}

/// What was done, and whom a mute or a ban struck besides the one whom it was meant for.
#[derive(Debug)]
pub struct CarriedOut<T> {
    /// What was done.
    pub what: Arc<T>,
    /// Others of the same address.
    pub also: Vec<Name>,
}

/// Why an order was not carried out. Nothing has changed.
#[derive(Debug, thiserror::Error)]
pub enum ModerateError {
    /// It may not be, or cannot be.
    #[error(transparent)]
    Order(#[from] OrderError),
    /// It could not be stored.
    #[error("not stored")]
    NotStored,
    /// Something inside does not answer.
    #[error("an actor does not answer")]
    Busy,
}

impl From<StoreError> for ModerateError {
    fn from(_: StoreError) -> Self {
        Self::NotStored
    }
}

/// The name is free again.
#[derive(Message)]
#[rtype(result = "()")]
pub struct ReleaseName(pub ConnId);

/// Who has this name?
#[derive(Message)]
#[rtype(result = "Option<User<Address>>")]
pub struct FindUser(pub NameKey);

/// Show this private message.
#[derive(Message, Clone)]
#[rtype(result = "Relayed")]
pub struct Relay {
    /// The receiver.
    pub to: To,
    /// The sender: not shown to whoever ignores them.
    pub from: Person,
    /// The sender's connection.
    pub by: ConnId,
    /// The words.
    pub text: Line,
}

/// Whom a private message is for.
#[derive(Debug, Clone)]
pub enum To {
    /// Whoever has this name.
    Name(NameKey),
    /// This one, under whatever name, and nobody else.
    Person(Person),
}

/// Whom a private message reached.
pub enum Relayed {
    /// Somebody who is connected: it is shown, unless they ignore its sender.
    Shown {
        /// The name as they spell it.
        name: Name,
        /// What they say of being away.
        away: Option<Line>,
    },
    /// An account that is not connected.
    Absent {
        /// The number of the account.
        account: AccountId,
        /// Its name.
        name: Name,
    },
    /// Nobody.
    Nobody,
    /// Somebody whose node says that they are not there. This node may learn that, or where they are instead, in a
    /// moment.
    Gone(Identity),
    /// It is not known: the receiver's node has not answered in time.
    Unknown,
    /// Nobody, since as many messages wait for an answer as may.
    Busy,
}

/// May a password of this connection's be looked at? An error is the seconds to wait.
#[derive(Message)]
#[rtype(result = "Result<(), u64>")]
pub struct BeginGuess(pub ConnId);

/// How the password turned out.
#[derive(Message)]
#[rtype(result = "()")]
pub struct EndGuess {
    /// The connection that guessed.
    pub conn: ConnId,
    /// Whether it was wrong.
    pub wrong: bool,
}

/// Where is the lobby of this name?
#[derive(Message)]
#[rtype(result = "Option<LobbyRef>")]
pub struct FindLobby(pub NameKey);

/// Where is the lobby of this number?
#[derive(Message)]
#[rtype(result = "Option<LobbyRef>")]
pub struct FindLobbyById(pub LobbyId);

/// A lobby is offered to an account: tell them, and remember it.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Offered {
    /// The number of the lobby.
    pub lobby: LobbyId,
    /// The receiver.
    pub to: AccountId,
    /// Who offers it: not shown to whoever ignores them.
    pub from: Person,
    /// Its name.
    pub name: Name,
}

/// Where is the lobby that is offered to this user, which they may take?
#[derive(Message)]
#[rtype(result = "Result<LobbyRef, OfferError>")]
pub struct FindOffer(pub Identity);

/// Why a lobby is not taken.
#[derive(Debug, thiserror::Error)]
pub enum OfferError {
    /// None is offered.
    #[error("nothing is offered")]
    Nothing,
    /// They have as many as they may have.
    #[error(transparent)]
    Rule(#[from] CreateError),
    /// Something inside does not answer.
    #[error("an actor does not answer")]
    Busy,
}

/// How to get into a lobby.
#[derive(Clone, MessageResponse)]
pub struct LobbyRef {
    /// What stands for it, its name and its password among it.
    pub state: Arc<LobbyState>,
    /// Where it is.
    pub lobby: Addr<Lobby>,
}

/// May this connection make a lobby of this name?
#[derive(Message)]
#[rtype(result = "Result<(), CreateError>")]
pub struct MayCreate {
    /// The user, with the connection and the address that they come from.
    pub who: Identity,
    /// The name.
    pub name: Name,
}

/// Make a lobby.
#[derive(Message, Clone)]
#[rtype(result = "Result<(), CreateRefused>")]
pub struct Create {
    /// Who makes it.
    pub who: Identity,
    /// Its name.
    pub name: Name,
    /// Its description.
    pub description: Line,
    /// Its password.
    pub record: Option<Arc<PasswordRecord>>,
}

/// Why a lobby was not made.
#[derive(Debug, thiserror::Error)]
pub enum CreateRefused {
    /// It may not be.
    #[error(transparent)]
    Rule(#[from] CreateError),
    /// It could not be stored.
    #[error("not stored")]
    NotStored,
    /// Something inside does not answer.
    #[error("an actor does not answer")]
    Busy,
}

/// Which lobbies are there? General first, then by name.
#[derive(Message)]
#[rtype(result = "LobbyPage")]
pub struct ListLobbies {
    /// Those alone that have this in name or description; all without it.
    pub text: Option<Line>,
    /// Which page of them, from 1 on.
    pub page: usize,
}

/// Whose name is nearest to this one, which nobody has?
#[derive(Message)]
#[rtype(result = "Option<Name>")]
pub struct FindNear(pub NameKey);

/// Which names begin so, without regard to case? By name.
#[derive(Message)]
#[rtype(result = "Vec<Name>")]
pub struct NamesKnown {
    /// Names of what.
    pub whose: Whose,
    /// What they begin with.
    pub begins: String,
    /// How many at most.
    pub max: usize,
}

/// What has names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// Whoever is connected.
    Users,
    /// Lobbies.
    Lobbies,
}

/// A lobby has so many members now.
#[derive(Message)]
#[rtype(result = "()")]
pub struct LobbyCount(pub LobbyId, pub usize);

/// A user has come into this lobby, or left it.
#[derive(Message)]
#[rtype(result = "()")]
pub enum Moved {
    /// They have come in.
    Came(ConnId, LobbyId),
    /// They have left it.
    Went(ConnId, LobbyId),
}

/// A lobby is not as it was: this is its state now.
#[derive(Message)]
#[rtype(result = "()")]
pub struct LobbyChanged(pub Arc<LobbyState>);

/// A lobby is no more.
#[derive(Message)]
#[rtype(result = "()")]
pub struct LobbyClosed {
    /// The number of the lobby.
    pub id: LobbyId,
    /// What the one begins with that is set up in its place; nothing where it was meant to end.
    pub snapshot: Option<Snapshot>,
}

/// Which lobbies are there to be asked whether they answer? General, and some of all.
#[derive(Message)]
#[rtype(result = "Vec<(LobbyId, Recipient<Ping>)>")]
pub struct LobbiesToAsk {
    /// Not so many of the first.
    pub skip: usize,
    /// How many at most.
    pub max: usize,
}
