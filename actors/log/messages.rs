//! What comes out of the log.

use std::sync::Arc;

use actix::prelude::*;
use tokio::sync::oneshot;

use super::{Letter, Ticket};
use crate::actors::store::Applying;
use crate::chat::change::Change;
use crate::chat::history::UnixMillis;
use crate::chat::lobbies::LobbyId;
use crate::cluster::record::What;

/// A record has come out of the log, in its order: what is in it happens now.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Decided {
    /// When, by the log.
    pub at: UnixMillis,
    /// Under what this node has proposed it; none where another one has.
    pub own: Option<Ticket>,
    /// What happens.
    pub what: What,
    /// What lasts of it and does not follow from what happens.
    pub changes: Vec<Change>,
    /// The life that wrote it.
    pub life: u32,
    /// Takes what lasts.
    pub applying: Applying,
}

/// Something that this node has proposed is in no log, and will not be.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct NotTaken {
    /// Under what it was proposed.
    pub ticket: Ticket,
    /// The lobby that it was put to; none where it was to none.
    pub lobby: Option<LobbyId>,
}

/// Connections that come from here on are of this life of the node.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Begin {
    /// Its number.
    pub life: u32,
}

/// A life of a node is over: its people are there no more.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Over {
    /// Its number.
    pub life: u32,
    /// When, by the log.
    pub at: UnixMillis,
    /// When it was heard last, as far as that is known.
    pub heard: UnixMillis,
    /// Takes what lasts of it.
    pub applying: Applying,
}

/// This node had been given up as lost, and has another life: its people are to have their names again, and
/// their places. All of it has been proposed when nobody has one of these any more.
#[derive(Debug, Clone, Message)]
#[rtype(result = "()")]
pub struct Reclaim(pub Arc<oneshot::Sender<()>>);

/// The log can be reached, or cannot.
#[derive(Debug, Clone, Message)]
#[rtype(result = "()")]
pub struct Reach {
    /// Whether it can.
    pub there: bool,
}

/// Another node has sent something for a user of this one.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Sent(pub Letter);
