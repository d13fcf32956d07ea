//! Every message between actors, with its reply.

use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;

use actix::prelude::*;
use bytes::Bytes;
use openssl::ssl::SslAcceptor;

use super::lobby::Lobby;
use crate::ai::context::Conversation;
use crate::chat::directory::{ConnId, IpKey, NameTaken, Refusal, User};
use crate::chat::lobbies::{Card, CreateError, LobbyId};
use crate::chat::name::{Name, NameKey};
use crate::chat::password::PasswordRecord;
use crate::chat::pictures::Picture;
use crate::chat::replies::Farewell;
use crate::chat::room::{JoinError, Member, PromptError, Room};
use crate::chat::text::Line;
use crate::net::hub::Seat;

/// Where a connection is: its thread, and its seat in the hub there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Whereabouts {
    /// Index of the Shard.
    pub shard: usize,
    /// The seat.
    pub seat: Seat,
}

// ---- to a Shard ----

/// An accepted connection that has a place.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Connected {
    /// Its number.
    pub conn: ConnId,
    /// The socket, in no reactor yet.
    pub stream: TcpStream,
    /// The other end.
    pub addr: SocketAddr,
    /// How to make TLS of it; none for a plain connection.
    pub tls: Option<SslAcceptor>,
}

/// What a lobby wants shown, in this order.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Deliver {
    /// The lobby.
    pub room: LobbyId,
    /// What to do.
    pub acts: Vec<Act>,
}

/// One thing that a lobby wants done on a thread where it has members.
#[derive(Clone)]
pub enum Act {
    /// Show this to all members.
    Text(Bytes),
    /// Show a piece of an answer to all members.
    Answer {
        /// Number of the answer.
        id: u64,
        /// Where something else was shown in between.
        headed: Bytes,
        /// Right under the piece before.
        bare: Bytes,
    },
    /// Show this to one client, as an answer to what it did.
    Reply(Seat, Bytes),
    /// A client is a member from here on; show it this first.
    Enter(Seat, Bytes),
    /// So many messages of a client have come back.
    Echo(Seat, usize),
    /// A question of a client is over.
    AnswerOver(Seat),
    /// A client was tagged.
    Tagged {
        /// Who.
        seat: Seat,
        /// What to show where they are in the lobby.
        here: Bytes,
        /// What to show where they are elsewhere.
        elsewhere: Bytes,
    },
}

/// Show this to one client.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Show {
    /// Whom.
    pub seat: Seat,
    /// What.
    pub block: Bytes,
}

/// Answered once all that was sent to the Shard before is queued for its clients.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Barrier;

/// A lobby broke: its members here have to find a new one.
#[derive(Message)]
#[rtype(result = "()")]
pub struct LobbyBroke(pub LobbyId);

/// The server stops: say goodbye to everybody. Answered when all are gone.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Drain;

// ---- to a Session ----

/// Say this and end the connection.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Evict(pub Farewell);

/// A question of this user's is over, however it ended.
#[derive(Message)]
#[rtype(result = "()")]
pub struct QuestionOver;

/// The lobby that the user was in is gone.
#[derive(Message)]
#[rtype(result = "()")]
pub struct LobbyLost(pub LobbyId);

// ---- to the Registry ----

/// A connection was accepted: may it stay?
#[derive(Message)]
#[rtype(result = "Result<ConnId, Refusal>")]
pub struct Admit(pub IpKey);

/// A connection is over.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Gone(pub ConnId);

/// Give me this name.
#[derive(Message)]
#[rtype(result = "Result<Door, NameTaken>")]
pub struct Claim {
    /// Who asks.
    pub conn: ConnId,
    /// The name.
    pub name: Name,
    /// Where they are to be found under it.
    pub at: Whereabouts,
}

/// The name is free again.
#[derive(Message)]
#[rtype(result = "()")]
pub struct ReleaseName(pub ConnId);

/// Who has this name?
#[derive(Message)]
#[rtype(result = "Option<User<Whereabouts>>")]
pub struct FindUser(pub NameKey);

/// Show this to whoever has this name. Answered with the name as they spell it.
#[derive(Message)]
#[rtype(result = "Option<Name>")]
pub struct Relay {
    /// To whom.
    pub to: NameKey,
    /// What.
    pub block: Bytes,
}

/// Where is the lobby of this name?
#[derive(Message)]
#[rtype(result = "Option<Door>")]
pub struct FindLobby(pub NameKey);

/// How to get into a lobby.
#[derive(Clone, MessageResponse)]
pub struct Door {
    /// Its number.
    pub id: LobbyId,
    /// Its name.
    pub name: Name,
    /// The record to check a password against.
    pub record: Option<Arc<PasswordRecord>>,
    /// Where it is.
    pub lobby: Addr<Lobby>,
}

/// May this connection make a lobby of this name?
#[derive(Message)]
#[rtype(result = "Result<(), CreateError>")]
pub struct MayCreate {
    /// Who.
    pub conn: ConnId,
    /// The name.
    pub name: Name,
}

/// Make a lobby.
#[derive(Message)]
#[rtype(result = "Result<(), CreateError>")]
pub struct Create {
    /// Who makes it.
    pub conn: ConnId,
    /// Their name.
    pub creator: Name,
    /// Its name.
    pub name: Name,
    /// Its description.
    pub description: Line,
    /// Its password.
    pub record: Option<Arc<PasswordRecord>>,
}

/// All lobbies, each with whether it is private.
#[derive(Message)]
#[rtype(result = "Vec<(Card, bool)>")]
pub struct ListLobbies;

/// A lobby has so many members now.
#[derive(Message)]
#[rtype(result = "()")]
pub struct LobbyCount(pub LobbyId, pub usize);

/// The AI of a lobby has a prompt of its own now.
#[derive(Message)]
#[rtype(result = "()")]
pub struct LobbyPromptSet(pub LobbyId);

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
    /// Members, history, prompt.
    pub room: Room<Whereabouts>,
    /// What was asked and answered.
    pub conversation: Conversation,
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

// ---- to a Lobby ----

/// Let me in.
#[derive(Message)]
#[rtype(result = "Result<(), JoinError>")]
pub struct Join {
    /// The connection.
    pub conn: ConnId,
    /// The user.
    pub member: Member<Whereabouts>,
    /// The record that their password was checked against.
    pub proof: Option<Arc<PasswordRecord>>,
    /// How they come.
    pub manner: Manner,
}

/// How a user comes into a lobby.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// At login: the history, and a notice to all.
    Login,
    /// From another lobby: told that they joined, the history, and a notice to all.
    Switch,
    /// Still there, after the lobby broke and was set up again: nothing to be shown.
    Return,
}

/// Let me out.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Leave(pub ConnId);

/// Say this to all.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Say {
    /// Who.
    pub conn: ConnId,
    /// Where the sender is, for the echo even if they are no member.
    pub at: Whereabouts,
    /// What.
    pub text: Line,
}

/// Say this to all, and tell the one that it is for.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Tag {
    /// Who.
    pub conn: ConnId,
    /// For whom.
    pub target: User<Whereabouts>,
    /// What.
    pub text: Line,
}

/// Who is in the lobby, by name?
#[derive(Message)]
#[rtype(result = "Vec<(Picture, Name)>")]
pub struct Roster;

/// My picture is this now.
#[derive(Message)]
#[rtype(result = "()")]
pub struct SetPicture(pub ConnId, pub Picture);

/// Change the prompt of the lobby's AI.
#[derive(Message)]
#[rtype(result = "Result<(), PromptError>")]
pub struct SetPrompt(pub ConnId, pub Line);
