//! What a cluster asks of the engine that keeps its log and its keys, and what it learns from it. An engine
//! has an ordered log that lasts, a table of the nodes with a number for each writing, and a way from node to
//! node that may lose what goes over it.

use bytes::Bytes;

use crate::chat::accounts::AccountId;
use crate::chat::history::UnixMillis;
use crate::chat::lobbies::LobbyId;

/// The position of a record in the log, from 1, rising by one with each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Position(pub u64);

impl Position {
    /// Before the first record.
    pub const NONE: Self = Self(0);

    /// That of the record after this one.
    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

/// The number of a writing to the table of nodes, rising over all keys of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Revision(pub u64);

/// Which request an answer belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(pub u64);

/// What a record is about: where in the log it is found by whoever looks at it from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    /// What is said in a lobby, who comes and goes there.
    Lobby(LobbyId),
    /// What is ordered in a lobby.
    LobbyOrders(LobbyId),
    /// What holds for the whole server: lobbies and accounts made and removed, bans, announcements.
    Server,
    /// What an account has and leaves.
    Account(AccountId),
    /// Who comes and goes, under which names.
    People,
    /// Lives of nodes that are over.
    Nodes,
}

/// What is asked of the engine. Each has one answer, or none where the engine is away: then nobody knows
/// whether it was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// A record for the end of the log.
    Append {
        /// What it is about.
        subject: Subject,
        /// What.
        bytes: Bytes,
    },
    /// A key of the table of nodes is to have this value.
    Put {
        /// Which.
        key: String,
        /// The value.
        bytes: Bytes,
        /// The writing that it must have had last: none where it must not be there. Else the answer is
        /// [`Answer::Behind`].
        after: Option<Revision>,
    },
    /// What a key of the table of nodes has.
    Get {
        /// Which.
        key: String,
    },
}

/// How a request ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// The record stands in the log there.
    Appended(Position),
    /// The key was written, with this number.
    Written(Revision),
    /// The key's last writing is another one: nothing was done.
    Behind,
    /// What the key has: none where it is not there.
    Value(Option<(Revision, Bytes)>),
    /// Nobody knows whether it was done: no answer came in time.
    Unknown,
    /// The engine refuses it (its disk is full): nothing was done.
    Refused,
}

/// A record as it comes out of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivered {
    /// Its position.
    pub position: Position,
    /// When the engine took it.
    pub at: UnixMillis,
    /// Its subject; none where that is none of ours.
    pub subject: Option<Subject>,
    /// What it is.
    pub bytes: Bytes,
}

/// A key of the table of nodes was written, or was removed, which only an operator does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// Which.
    pub key: String,
    /// The number of the writing.
    pub revision: Revision,
    /// When the engine took it.
    pub at: UnixMillis,
    /// The value; none where it was removed.
    pub bytes: Option<Bytes>,
}

/// The log as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogState {
    /// When it was made: another instant is another log.
    pub created_at: UnixMillis,
    /// The first record that is there; one more than the last where it is empty.
    pub first: Position,
    /// The last record.
    pub last: Position,
    /// Whether it began with what a database had: nobody can follow it from its beginning without that.
    pub founded: bool,
}

/// What a node learns from the engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// There is a connection (again). What was watched and read is over, and begins anew where it is asked
    /// for anew.
    Connected(LogState),
    /// There is none.
    Lost,
    /// A record, in the order of the log, from where it was asked for.
    Delivered(Delivered),
    /// A key, as it was when the table was asked for or as it is now. One that was removed before it was
    /// asked for may be left out.
    Written(Written),
    /// Somebody has written under a key of the table that can be no node's.
    NoNode,
    /// The last record of the log, as the engine says each second.
    LogEnds(Position),
    /// A request has ended.
    Answered(RequestId, Answer),
    /// What another node has sent to this one alone.
    Sent(Bytes),
}

/// What a node wants done by the engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wish {
    /// A request, to be answered under this number.
    Ask(RequestId, Request),
    /// The log, from this position on, until the connection is lost or this is wished again.
    Read(Position),
    /// No more of the log for now, or again: what is on its way still comes. It is so until the connection is
    /// lost.
    Hold(bool),
    /// The table of nodes, all of it and each change from then on.
    Watch,
    /// Something for one life of one node, which may be lost.
    Send {
        /// The node.
        node: String,
        /// The life.
        life: Revision,
        /// What.
        bytes: Bytes,
    },
}
