//! What a node tells its application, in the order in which it is to be taken.

use std::sync::Arc;

use bytes::Bytes;
use thiserror::Error;

use super::engine::{Position, Revision, Subject};
use super::mark::Step;
use crate::chat::accounts::AccountId;
use crate::chat::directory::ConnId;
use crate::chat::history::UnixMillis;

/// Who has a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// The node where they are.
    pub node: Arc<str>,
    /// The life of that node.
    pub life: Revision,
    /// Their connection.
    pub conn: ConnId,
}

/// What is known of a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameValue {
    /// The account that it belongs to, which keeps it when nobody uses it.
    pub account: Option<AccountId>,
    /// Who has it now.
    pub holder: Option<Holder>,
    /// What the application says of it.
    pub said: Bytes,
}

/// A line that waits to be in the log. Tickets rise while the process lives, over all its lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ticket(pub u64);

/// A line that was said under a life that is over, and is in no log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unlogged {
    /// What [`Node::say`](super::Node::say) gave for it.
    pub ticket: Ticket,
    /// Whose it is.
    pub conn: ConnId,
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
    /// What.
    pub bytes: Bytes,
    /// The line that this node waits for, where it is one of its own.
    pub ticket: Option<Ticket>,
}

/// Why a name is not given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotClaimed {
    /// Somebody has it; the application's words of them.
    Taken(Bytes),
    /// It belongs to an account, and was not claimed for that.
    Account(AccountId),
    /// The engine could not be reached in time.
    Away,
    /// The engine refused.
    Refused,
}

/// Why something that was to be committed was not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotCommitted {
    /// Others were faster each time.
    Crossed,
    /// The engine could not be reached in time. It may still come out of the log.
    Away,
    /// The engine refused.
    Refused,
    /// The application had nothing to commit when it planned.
    Dropped,
}

/// How a session lost its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LostName {
    /// The account was logged in to elsewhere, later.
    TakenOver,
    /// Somebody else took it while this node was cut off.
    Meanwhile,
}

/// Why a node has to stop.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Stop {
    /// The log was made anew, is that of another cluster, or lost its end and has another one since.
    #[error("it is another log than the one that was read before")]
    OtherLog,
    /// The log lost its end.
    #[error("the log ends at {last:?}, and {applied:?} was applied")]
    Shorter {
        /// Its last record.
        last: Position,
        /// What this node has applied.
        applied: Position,
    },
    /// The log lost what comes next.
    #[error("the log begins at {first:?}, and {applied:?} was applied last")]
    BeginningGone {
        /// Its first record.
        first: Position,
        /// What this node has applied.
        applied: Position,
    },
    /// A record is not there.
    #[error("the log has {got:?} where {wanted:?} was to be")]
    Gap {
        /// What is missing.
        wanted: Position,
        /// What came.
        got: Position,
    },
    /// A whole record that this version does not understand.
    #[error(
        "the record {position:?} is of version {version}, kind {kind}, which is not known here"
    )]
    UnknownRecord {
        /// Where it stands.
        position: Position,
        /// The version that wrote it.
        version: u8,
        /// Its kind.
        kind: u8,
    },
    /// Another process has this node's name, and lives.
    #[error("another process is the node of this name")]
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
    /// A name was written or removed, by whatever node.
    Name {
        /// Its key.
        key: String,
        /// What is known of it; none where it is free.
        value: Option<NameValue>,
    },
    /// All names that were there have been told: those that were told before this connection only are free.
    NamesRead,
    /// A session has a name.
    Claimed {
        /// The key.
        key: String,
        /// The session.
        conn: ConnId,
        /// The number of the claim.
        revision: Revision,
    },
    /// A session does not get a name.
    NotClaimed {
        /// The key.
        key: String,
        /// The session.
        conn: ConnId,
        /// Why.
        why: NotClaimed,
    },
    /// A session has its name no more.
    LostName {
        /// The key.
        key: String,
        /// The session.
        conn: ConnId,
        /// How.
        how: LostName,
    },
    /// What is to be committed can be planned now, by what has been told up to here: answered with
    /// [`Node::planned`](super::Node::planned).
    Plan(u64),
    /// It stands in the log, and has been told.
    Committed(u64),
    /// It was given up.
    NotCommitted(u64, NotCommitted),
    /// This node was declared dead and lives under a new life. Who still has their name was told by
    /// [`Told::Claimed`], who has not by [`Told::LostName`]. The application has its people come in again,
    /// says the lines again that are still somebody's, tells the others that theirs were not sent, and calls
    /// [`Node::resumed`](super::Node::resumed), before it says anything else.
    Reborn(Vec<Unlogged>),
    /// Another node sent this.
    Sent(Bytes),
    /// The node has ended, and its life is over in the log, or could not be ended in time.
    Ended,
    /// The node has stopped, and does nothing more.
    Stop(Stop),
}
