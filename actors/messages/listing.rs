//! What the Registry is asked and told about lobbies.

use std::sync::Arc;

use actix::prelude::*;
use bytes::Bytes;

use super::Whereabouts;
use crate::actors::lobby::Lobby;
use crate::ai::context::Conversation;
use crate::chat::accounts::{AccountId, Identity};
use crate::chat::directory::ConnId;
use crate::chat::history::UnixMillis;
use crate::chat::lobbies::{Card, CreateError, LobbyId};
use crate::chat::name::{Name, NameKey};
use crate::chat::password::PasswordRecord;
use crate::chat::person::Person;
use crate::chat::roles::Owner;
use crate::chat::room::Room;
use crate::chat::text::Line;

/// Where is the lobby of this name?
#[derive(Message)]
#[rtype(result = "Option<Door>")]
pub struct FindLobby(pub NameKey);

/// Where is the lobby of this number?
#[derive(Message)]
#[rtype(result = "Option<Door>")]
pub struct FindLobbyById(pub LobbyId);

/// A lobby is offered to an account: show them this, and remember it.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Offered {
    /// Which.
    pub lobby: LobbyId,
    /// To whom.
    pub to: AccountId,
    /// Who offers it: not shown to whoever ignores them.
    pub from: Person,
    /// What to show them.
    pub block: Bytes,
}

/// Where is the lobby that is offered to this user, which they may take?
#[derive(Message)]
#[rtype(result = "Result<Door, NotAccepted>")]
pub struct FindOffer(pub Identity);

/// Why a lobby is not taken.
#[derive(Debug, thiserror::Error)]
pub enum NotAccepted {
    /// None is offered.
    #[error("nothing is offered")]
    NothingOffered,
    /// They have as many as they may have.
    #[error(transparent)]
    Rule(#[from] CreateError),
    /// Something inside does not answer.
    #[error("an actor does not answer")]
    Busy,
}

/// How to get into a lobby.
#[derive(Clone, MessageResponse)]
pub struct Door {
    /// Its number.
    pub id: LobbyId,
    /// Its name.
    pub name: Name,
    /// The record to check a password against.
    pub record: Option<Arc<PasswordRecord>>,
    /// When that was set.
    pub password_at: UnixMillis,
    /// Where it is.
    pub lobby: Addr<Lobby>,
}

/// May this connection make a lobby of this name?
#[derive(Message)]
#[rtype(result = "Result<(), CreateError>")]
pub struct MayCreate {
    /// Who.
    pub who: Identity,
    /// The name.
    pub name: Name,
}

/// Make a lobby.
#[derive(Message)]
#[rtype(result = "Result<(), NotCreated>")]
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
pub enum NotCreated {
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
#[rtype(result = "Listed")]
pub struct ListLobbies {
    /// Those after this one; from the first on without one.
    pub after: Option<NameKey>,
    /// How many at most.
    pub max: usize,
}

/// Some of the lobbies.
#[derive(Default)]
pub struct Listed {
    /// How many there are.
    pub total: usize,
    /// Those that were asked for, each with whether it is private.
    pub lobbies: Vec<(Card, bool)>,
}

/// A lobby has so many members now.
#[derive(Message)]
#[rtype(result = "()")]
pub struct LobbyCount(pub LobbyId, pub usize);

/// A user is in this lobby now.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Moved(pub ConnId, pub LobbyId);

/// A lobby is not as it was.
#[derive(Message)]
#[rtype(result = "()")]
pub struct LobbyChanged {
    /// Which.
    pub id: LobbyId,
    /// Whose it is.
    pub owner: Owner,
    /// What it is about.
    pub topic: Option<Line>,
    /// Whether its AI has a prompt of its own.
    pub custom_ai: bool,
    /// Its password.
    pub record: Option<Arc<PasswordRecord>>,
    /// When that was set.
    pub password_at: UnixMillis,
}

/// A lobby is no more.
#[derive(Message)]
#[rtype(result = "()")]
pub struct LobbyClosed {
    /// Which.
    pub id: LobbyId,
    /// What it leaves to the one that is set up in its place; nothing where it was meant to end.
    pub remains: Option<Remains>,
}

/// What survives a lobby that broke.
pub struct Remains {
    /// Members, history, charter.
    pub room: Room<Whereabouts>,
    /// The number of the next message.
    pub next_seq: u64,
    /// What was asked and answered.
    pub conversation: Conversation,
}
