//! What the Registry is asked and told about users.

use std::sync::Arc;
use std::time::Duration;

use actix::prelude::*;
use bytes::Bytes;

use super::Whereabouts;
use crate::actors::messages::Door;
use crate::actors::shard::Shard;
use crate::chat::accounts::{AccountId, Identity, Target};
use crate::chat::deeds::Deed;
use crate::chat::directory::{ConnId, IpKey, Refusal};
use crate::chat::lobbies::LobbyId;
use crate::chat::name::{Name, NameKey};
use crate::chat::orders::{Named, OrderError};
use crate::chat::password::PasswordRecord;
use crate::chat::person::Person;
use crate::chat::roles::Right;
use crate::chat::sanctions::Penalty;
use crate::chat::text::Line;
use crate::chat::users::{ClaimError, User};
use crate::store::{Settings, StoreError};

/// A connection was accepted: may it stay?
#[derive(Message)]
#[rtype(result = "Result<ConnId, Refusal>")]
pub struct Admit(pub IpKey);

/// A connection is over.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Gone(pub ConnId);

/// Give this guest the name that they ask for.
#[derive(Message)]
#[rtype(result = "Result<Door, NotIn>")]
pub struct Claim {
    /// Who.
    pub who: Identity,
    /// Where they are to be found under it.
    pub at: Whereabouts,
}

/// Why somebody is not let in under a name.
#[derive(Debug, thiserror::Error)]
pub enum NotIn {
    /// They do not get the name.
    #[error(transparent)]
    Name(#[from] ClaimError),
    /// They are banned from the server.
    #[error("banned")]
    Banned(Penalty),
}

/// Let in somebody who has proved that this account is theirs.
#[derive(Message)]
#[rtype(result = "Result<LoggedIn, NotIn>")]
pub struct LogIn {
    /// Who; the name is that of the account.
    pub who: Identity,
    /// Where they are to be found.
    pub at: Whereabouts,
}

/// How somebody with an account comes in.
pub struct LoggedIn {
    /// Whether the account is an admin's.
    pub admin: bool,
    /// Another connection of the same account, whose place they take.
    pub before: Option<Before>,
}

/// Another connection of an account, whose place is taken.
pub struct Before {
    /// Who, as they were there.
    pub user: User<Whereabouts>,
    /// The lobby that it is in.
    pub door: Door,
    /// Its thread.
    pub shard: Option<Addr<Shard>>,
}

/// This connection has taken the place of another one of its account, which can go.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Displace(pub ConnId);

/// May this address make one more account?
#[derive(Message)]
#[rtype(result = "Result<(), NotRegistered>")]
pub struct MayRegister(pub IpKey);

/// Why no account was made.
#[derive(Debug, Clone, thiserror::Error)]
pub enum NotRegistered {
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

/// Make an account of a guest's name. Answered when all that goes with it is stored.
#[derive(Message)]
#[rtype(result = "Result<(AccountId, bool), NotRegistered>")]
pub struct Register {
    /// The guest's connection.
    pub conn: ConnId,
    /// The password.
    pub record: Arc<PasswordRecord>,
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

/// Give a guest another name. Answered with the one before.
#[derive(Message)]
#[rtype(result = "Result<Name, ClaimError>")]
pub struct Rename(pub ConnId, pub Name);

/// A user is away, or back.
#[derive(Message)]
#[rtype(result = "()")]
pub struct SetAway(pub ConnId, pub Option<Line>);

/// Who has this name, or which account?
#[derive(Message)]
#[rtype(result = "Option<Target>")]
pub struct FindTarget(pub NameKey);

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
    /// Where they are; none where they are not connected.
    pub present: Option<KnownPresence>,
}

/// What is known of a connected user.
pub struct KnownPresence {
    /// Where they are.
    pub at: Whereabouts,
    /// Their thread.
    pub shard: Addr<Shard>,
    /// What they say of being away.
    pub away: Option<Line>,
    /// Their lobby, unless it is private.
    pub lobby: Option<Name>,
}

/// Do something to the whole server.
#[derive(Message)]
#[rtype(result = "Result<Deed, Undone>")]
pub struct Govern {
    /// Who wants it.
    pub by: Identity,
    /// The right that it takes.
    pub right: Right,
    /// What.
    pub order: ServerOrder,
}

/// What somebody wants done to the whole server.
pub enum ServerOrder {
    /// `/announce`
    Announce(Line),
    /// `/gban`
    Ban {
        /// Whom.
        whom: Target,
        /// For how long; none for good.
        time: Option<Duration>,
        /// Why.
        reason: Option<Line>,
    },
    /// `/gunban`
    Unban(Named),
}

/// Why an order was not carried out. Nothing has changed.
#[derive(Debug, thiserror::Error)]
pub enum Undone {
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

impl From<StoreError> for Undone {
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
#[rtype(result = "Option<User<Whereabouts>>")]
pub struct FindUser(pub NameKey);

/// Show this private message.
#[derive(Message)]
#[rtype(result = "Relayed")]
pub struct Relay {
    /// To whom.
    pub to: To,
    /// From whom.
    pub from: Person,
    /// What.
    pub block: Bytes,
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
        /// Which.
        account: AccountId,
        /// Its name.
        name: Name,
    },
    /// Nobody.
    Nobody,
}

/// May a password of this connection's be looked at? An error is the seconds to wait.
#[derive(Message)]
#[rtype(result = "Result<(), u64>")]
pub struct BeginGuess(pub ConnId);

/// How the password turned out.
#[derive(Message)]
#[rtype(result = "()")]
pub struct EndGuess {
    /// Whose.
    pub conn: ConnId,
    /// Whether it was wrong.
    pub wrong: bool,
}
