//! What a node tells its application, in the order in which it is to be taken.

use bytes::Bytes;
use thiserror::Error;

use super::engine::{Position, Revision, Subject};
use super::mark::Step;
use crate::chat::history::UnixMillis;

/// A line that waits to be in the log. Tickets rise while the process lives, over all its lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ticket(pub u64);

/// A line that was said under a life that is over, and is in no log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unlogged {
    /// What [`Node::say`](super::Node::say) gave for it.
    pub ticket: Ticket,
    /// Where it was to be.
    pub subject: Subject,
    /// What it says.
    pub bytes: Bytes,
}

/// A record was read. All of it is to be stored in one transaction: what it changes, and the
/// [`Mark`](super::mark::Mark) that has [followed](super::mark::Mark::follow) it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passed {
    /// Its position.
    pub position: Position,
    /// When the engine took it, never less than for the record before: the time that everything counts in.
    pub at: UnixMillis,
    /// A check of it, by which the mark knows it again.
    pub check: u32,
    /// What it means for the lives of nodes.
    pub step: Step,
    /// What is to happen; none where the record is of the cluster, of nobody, or of a life that is over.
    pub happens: Option<Happens>,
}

/// What the application wrote has come back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Happens {
    /// Where it stands.
    pub subject: Subject,
    /// The life that wrote it.
    pub life: Revision,
    /// What, in order.
    pub lines: Vec<Line>,
}

/// A line that has come back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// What it says.
    pub bytes: Bytes,
    /// By which this node knows it, where it is one of its own.
    pub ticket: Option<Ticket>,
}

/// What puts a database in order.
const COPY: &str = "Put a copy of another node's database in its place with: lobbyd restore";

/// Why a node has to stop.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Stop {
    /// The log was made anew, is that of another cluster, or lost its end and has another one since.
    #[error(
        "its log is another than the one that this database has followed: it was made anew, or is another \
         cluster's. {COPY}, or make a new log of this database with: lobbyd cluster refound"
    )]
    OtherLog,
    /// The log began with what a database had, and this node has none of that.
    #[error("its log began with the database of another node. {COPY}")]
    Founded,
    /// The log lost its end.
    #[error(
        "its log ends at {}, and this database has followed it to {}: the engine has lost the end of it. Make a new \
         log of the database that has followed it furthest with: lobbyd cluster refound",
        last.0, applied.0
    )]
    Shorter {
        /// Its last record.
        last: Position,
        /// What this node has applied.
        applied: Position,
    },
    /// The log lost what comes next.
    #[error(
        "its log begins at {}, and this database has followed it to {}: it was away for too long. {COPY}",
        first.0, applied.0
    )]
    BeginningGone {
        /// Its first record.
        first: Position,
        /// What this node has applied.
        applied: Position,
    },
    /// A record is not there.
    #[error("its log has record {} where {} was to be", got.0, wanted.0)]
    Gap {
        /// What is missing.
        wanted: Position,
        /// What came.
        got: Position,
    },
    /// A whole record that this version does not understand.
    #[error(
        "record {} of its log is of version {version}, kind {kind}, which this version does not know: upgrade this \
         node", position.0
    )]
    UnknownRecord {
        /// Where it stands.
        position: Position,
        /// The version that wrote it.
        version: u8,
        /// Its kind.
        kind: u8,
    },
    /// Somebody ends each of its lives at once.
    #[error(
        "each of its lives is over as soon as it begins: somebody has written a later one of this name into its log. \
         Set CHAT_NODE to another name, or make a new log of this database with: lobbyd cluster refound"
    )]
    ShortLives,
    /// Another process has this node's name, and lives.
    #[error("another server runs as the node of this name: set CHAT_NODE to a name of its own")]
    NameInUse,
}

/// What a node tells its application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// It has caught up, and people may come in.
    Ready,
    /// It has not reached the engine for as long as people are to wait without a word.
    CutOff,
    /// It has reached the engine again, and caught up.
    Back,
    /// A record was read.
    Passed(Passed),
    /// Somebody else has written under the life of this node, which is ended for that: another follows.
    Forged,
    /// This node was declared dead and lives under a new life, in which it has said nothing yet: all that was its
    /// people's is free since the record that said so. The application has its people come in again, says the
    /// lines again that are still somebody's, tells the others that theirs were not sent, and calls
    /// [`Node::resumed`](super::Node::resumed), before it says anything else.
    Reborn(Vec<Unlogged>),
    /// Another node sent this.
    Sent(Bytes),
    /// The node has ended, and its life is over in the log, or could not be ended in time.
    Ended,
    /// The node has stopped, and does nothing more.
    Stop(Stop),
}
