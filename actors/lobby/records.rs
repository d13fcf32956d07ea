//! What has come out of the log for a lobby and has not happened there yet.
//!
//! It is kept beside the mailbox and not in it, so a lobby that breaks loses nothing of the log: whoever is set up in
//! its place goes on with the next record, as every other node does.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use actix::prelude::*;

use super::Lobby;
use super::messages::{Decided, Expire, LifeOver, Registered, Rox, Unregistered};

/// Records that wait for a lobby that broke, at most. It is set up again as soon as the Registry comes to it, so more
/// than this wait only where that has failed: then the node stops, rather than go on without what is in them. Far over
/// what comes meanwhile, and less than the node reads ahead.
pub const MAX_WAITING: usize = 4_096;

/// One of them.
pub enum Record {
    /// Something was put to the lobby.
    Decided(Decided),
    /// It was found empty for too long.
    Expire(Expire),
    /// Something of Rox.
    Rox(Rox),
    /// A life of a node is over.
    LifeOver(LifeOver),
    /// An account was made, of which all lobbies are told.
    Registered(Registered),
    /// One is no more.
    Unregistered(Unregistered),
}

/// Those of one lobby, the oldest first. The Registry adds to it, and whichever actor the lobby has takes out of it.
#[derive(Clone, Default)]
pub struct Records(Arc<Mutex<VecDeque<Record>>>);

impl Records {
    /// One more, for which the lobby is to be told [`Next`]. How many wait now.
    pub fn add(&self, record: Record) -> usize {
        let mut records = self.lock();
        records.push_back(record);
        records.len()
    }

    /// How many wait.
    pub fn waiting(&self) -> usize {
        self.lock().len()
    }

    fn take(&self) -> Option<Record> {
        self.lock().pop_front()
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Record>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The next of its records happens now.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Next;

impl Handler<Next> for Lobby {
    type Result = ();

    fn handle(&mut self, _: Next, ctx: &mut Self::Context) {
        match self.records.take() {
            Some(Record::Decided(decided)) => self.decide(decided, ctx),
            Some(Record::Expire(expire)) => self.expire_by_log(expire, ctx),
            Some(Record::Rox(rox)) => self.decide_rox(rox, ctx),
            Some(Record::LifeOver(over)) => self.life_over(over, ctx),
            Some(Record::Registered(made)) => self.registered(made, ctx),
            Some(Record::Unregistered(gone)) => self.unregistered(gone, ctx),
            // There is one for each time that it is told.
            None => {}
        }
    }
}
