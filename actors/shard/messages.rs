//! What a Shard is told.

use std::sync::Arc;
use std::time::{Duration, Instant};

use actix::prelude::*;
use smallvec::SmallVec;

use crate::chat::directory::{ConnId, IpKey};
use crate::chat::lobbies::LobbyId;
use crate::chat::lobby::event::Event;
use crate::chat::lobby::replay::Replay;
use crate::chat::name::Name;
use crate::chat::person::Person;
use crate::chat::text::{Line, Text};
use crate::fanout::hub::{Seat, Taken};
use crate::metrics::CountedConnection;
use crate::net::link;
use crate::net::listen::ListenerKind;
use crate::net::origin::Origin;
use crate::render::replies::{Farewell, ModerationReply, Reply};

/// Where a connection is: its thread, and its seat in the hub there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Address {
    /// Index of the Shard.
    pub shard: usize,
    /// The seat.
    pub seat: Seat,
}

impl Address {
    /// That of a connection of another node: no thread here has that index, so whatever is for it goes nowhere.
    pub fn elsewhere(conn: ConnId) -> Self {
        Self { shard: usize::MAX, seat: Seat { slot: 0, conn } }
    }

    /// Whether it is that of a connection of another node.
    pub fn is_elsewhere(&self) -> bool {
        self.shard == usize::MAX
    }
}

/// An accepted connection that has a place, its handshake over where it has one.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Connected {
    /// Its number.
    pub conn: ConnId,
    /// The connection, in no reactor now.
    pub arrival: link::Arrival,
    /// Where it comes from.
    pub origin: Origin,
    /// What it counts for in the limits of addresses.
    pub ip: IpKey,
    /// When it was accepted.
    pub accepted: Instant,
    /// Among the connections that there are; none where that goes on without its Session.
    pub counted: Option<CountedConnection>,
}

/// What a lobby wants done, in this order.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Deliver {
    /// The lobby.
    pub room: LobbyId,
    /// What to do.
    pub effects: Effects,
    /// The messages that members are shown, where there are some.
    pub taken: Option<Taken>,
}

/// A few effects, mostly a message and its echo: these take no memory of their own.
pub type Effects = SmallVec<[Effect; 2]>;

/// One thing that a lobby wants done on a thread where it has members.
#[derive(Clone)]
pub enum Effect {
    /// Show all members what happened, but for those who ignore whose it is.
    Show(Event),
    /// Show one member alone what happened.
    ShowTo(Seat, Event),
    /// Answer one client.
    Reply(Seat, Reply),
    /// A client is a member from here on; show it this first.
    Enter(Seat, Arc<Replay>),
    /// So many messages of a client have come back.
    Echo(Seat, usize),
    /// A question of a client is over.
    AnswerOver(Seat),
    /// A client is a member no more, against its will; tell it this.
    MoveToGeneral(Seat, Reply),
    /// Another client is a member in its place: it is shown no more of the lobby.
    Leave(Seat),
    /// A member may not speak there any more.
    Silence(Seat),
    /// A client was tagged in this lobby, where it may be or not.
    Tagged {
        /// The client.
        seat: Seat,
        /// Whoever did it.
        by: Person,
        /// The name of the lobby.
        lobby: Name,
    },
}

/// The name of a client is its no more, and what it said last was not sent.
#[derive(Message)]
#[rtype(result = "()")]
pub struct LostName {
    /// Which client.
    pub seat: Seat,
    /// The words that were not sent.
    pub not_sent: Vec<Text>,
    /// It has to go, with this, and why where that is to be told; else it takes another name.
    pub ends: Option<(Farewell, Option<ModerationReply>)>,
}

/// Show one client what somebody wrote to it; not one that ignores them.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Show {
    /// The client.
    pub seat: Seat,
    /// Who wrote it.
    pub from: Person,
    /// What they wrote.
    pub letter: Letter,
    /// Who is told, on another node, whether the client is there to be shown it.
    pub asked: Option<Asker>,
}

/// What somebody wrote to one user.
#[derive(Clone)]
pub enum Letter {
    /// A private message.
    Direct(Line),
    /// That they are to have this lobby.
    Offer(Name),
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

/// Tell every client that has a name what an admin announces.
#[derive(Message, Clone)]
#[rtype(result = "()")]
pub struct Announce {
    /// Whoever did it.
    pub by: Name,
    /// What they announce.
    pub text: Line,
}

/// Say this to a client, after why where that is to be told, and end its connection.
#[derive(Message)]
#[rtype(result = "()")]
pub struct DisconnectSeat(pub Seat, pub Farewell, pub Option<ModerationReply>);

/// Let nobody in who has no name yet, or let them in again.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Doors {
    /// Whether nobody is let in.
    pub closed: bool,
}

/// What the server itself has to say to all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServerNotice {
    /// It restarts.
    Restarting {
        /// In so long at the latest.
        time: Duration,
        /// Whether other servers of the same chat go on meanwhile.
        others: bool,
    },
    /// It does not after all.
    NotRestarting,
    /// The log that it shares with others cannot be reached.
    Unreachable,
    /// It can be reached again.
    Reachable,
}

/// Tell every client that has a name.
#[derive(Message)]
#[rtype(result = "()")]
pub struct TellAll(pub ServerNotice);

/// Which clients are on this thread?
#[derive(Message)]
#[rtype(result = "Option<Vec<SeatListed>>")]
pub struct ListSeats;

/// What a thread knows of a client.
#[derive(Debug)]
pub struct SeatListed {
    /// Its connection.
    pub conn: ConnId,
    /// Where it comes from.
    pub from: Origin,
    /// How it came.
    pub kind: ListenerKind,
    /// When it was accepted.
    pub since: Instant,
    /// For how long it has sent nothing.
    pub idle: Duration,
}

/// How long has this client sent nothing?
#[derive(Message)]
#[rtype(result = "Option<Duration>")]
pub struct IdleTime(pub Seat);

/// What is known of a user's connection? The Registry is told it, for another node.
#[derive(Message)]
#[rtype(result = "()")]
pub struct AskedOf {
    /// Where the user is.
    pub seat: Seat,
    /// Who asks.
    pub asker: Asker,
}

/// Whoever waits on another node for an answer about a connection of this one.
#[derive(Debug, Clone, Copy)]
pub struct Asker {
    /// Their connection.
    pub by: ConnId,
    /// By which the answer is known.
    pub number: u64,
}

/// Answered once all that was sent to the Shard before is queued for its clients.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Barrier;

/// A lobby broke: its members here have to find a new one.
#[derive(Message)]
#[rtype(result = "()")]
pub struct LobbyBroke(pub LobbyId);

/// The server stops: say this to everybody. Answered when all are gone.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Drain(pub Farewell);

/// Other settings are in force, or others are admins: they count for the clients that are here too.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Reconfigured;
