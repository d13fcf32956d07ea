//! What a Shard is told.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix::prelude::*;
use bytes::Bytes;

use crate::chat::directory::ConnId;
use crate::chat::history::{Entry, UnixMillis};
use crate::chat::lobbies::LobbyId;
use crate::chat::person::Person;
use crate::chat::times::Times;
use crate::fanout::hub::Seat;
use crate::fanout::variants::Text;
use crate::net::transport::Arrival;
use crate::render::Sheet;
use crate::render::replies::Farewell;
use crate::store::MessageId;

/// Where a connection is: its thread, and its seat in the hub there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Address {
    /// Index of the Shard.
    pub shard: usize,
    /// The seat.
    pub seat: Seat,
}

/// An accepted connection that has a place, its handshake over where it has one.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Connected {
    /// Its number.
    pub conn: ConnId,
    /// The socket, in no reactor now, with its TLS.
    pub arrival: Arrival,
    /// The other end.
    pub addr: SocketAddr,
    /// When it was accepted.
    pub accepted: Instant,
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
    /// Show this to all members, but for those who ignore its author.
    Text(Text),
    /// Show a piece of an answer to all members.
    Answer {
        /// Number of the answer.
        id: u64,
        /// Who asked: not shown to whoever ignores them.
        asker: Person,
        /// Where something else was shown in between.
        headed: Bytes,
        /// Right under the piece before.
        bare: Bytes,
    },
    /// Show this to one client, as an answer to what it did.
    Reply(Seat, Bytes),
    /// A client is a member from here on; show it this first.
    Enter(Seat, Arc<Replay>),
    /// So many messages of a client have come back.
    Echo(Seat, usize),
    /// A question of a client is over.
    AnswerOver(Seat),
    /// A client is a member no more, against its will; show it this.
    MoveToGeneral(Seat, Bytes),
    /// A client was tagged.
    Tagged {
        /// Who.
        seat: Seat,
        /// By whom.
        by: Person,
        /// What to show where they are in the lobby.
        here: Bytes,
        /// What to show where they are elsewhere.
        elsewhere: Bytes,
    },
}

/// What a user who comes into a lobby is shown first. It is data: text is made of it as the client takes
/// that.
#[derive(Clone)]
pub struct Replay {
    /// The lobby.
    pub lobby: LobbyId,
    /// What stands before the messages, in the master style.
    pub head: Sheet,
    /// Messages that are in the database, oldest first.
    pub stored: Vec<MessageId>,
    /// Those after them.
    pub recent: Vec<Entry>,
    /// How the user wants times shown.
    pub times: Times,
    /// When they came.
    pub now: UnixMillis,
}

impl Replay {
    /// Whether there is nothing to show.
    pub fn is_empty(&self) -> bool {
        self.head.is_empty() && self.stored.is_empty() && self.recent.is_empty()
    }
}

/// Show this to one client.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Show {
    /// Whom.
    pub seat: Seat,
    /// What.
    pub block: Bytes,
    /// Who wrote it, where somebody did: not shown to whoever ignores them.
    pub from: Option<Person>,
}

/// Somebody goes on as somebody else: under another name, with an account or without.
#[derive(Message, Clone)]
#[rtype(result = "()")]
pub struct Became {
    /// Who they were.
    pub before: Person,
    /// Who they are.
    pub now: Person,
}

/// Who wrote to this client last?
#[derive(Message)]
#[rtype(result = "Option<Person>")]
pub struct LastWriter(pub Seat);

/// Show this to every client that has a name.
#[derive(Message)]
#[rtype(result = "()")]
pub struct ShowAll(pub Bytes);

/// Say this to a client and end its connection.
#[derive(Message)]
#[rtype(result = "()")]
pub struct DisconnectSeat(pub Seat, pub Farewell);

/// How long has this client sent nothing?
#[derive(Message)]
#[rtype(result = "Option<Duration>")]
pub struct IdleTime(pub Seat);

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
