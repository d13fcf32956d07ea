//! The door to what happens.
//!
//! Alone, a thing happens where it is proposed, at once. In a cluster it is appended to the log that all nodes
//! share, and happens when it comes out of it: on every node, in one order. Whoever proposes something keeps
//! what is to be done for its own users until then, under a [`Ticket`].

pub mod messages;
pub mod time;

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use actix::prelude::*;
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot::error::TryRecvError;
use tokio::sync::{oneshot, watch};
use tokio::time::timeout;

use crate::actors::log::time::LogTime;
use crate::chat::accounts::AccountId;
use crate::chat::change::Change;
use crate::chat::directory::{ConnId, IpKey};
use crate::chat::history::UnixMillis;
use crate::chat::person::Person;
use crate::chat::rates::Counted;
use crate::chat::text::Line;
use crate::clock::{self, unix_now};
use crate::cluster::engine::Subject;
use crate::cluster::record::What;

/// So long something may take that needs no log, while that cannot be reached: a search has its three seconds.
const WITHOUT_LOG: Duration = Duration::from_secs(4);

/// Something that is proposed.
#[derive(Debug)]
pub struct Proposal {
    /// By which it is known again.
    pub ticket: Ticket,
    /// Where in the log it stands.
    pub subject: Subject,
    /// What is to happen.
    pub what: What,
    /// What lasts of it and does not follow from what happens.
    pub changes: Vec<Change>,
}

/// Stands for something that this node has proposed, until it comes out of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ticket(u64);

/// Takes what is proposed to the log, in the order in which it is given.
pub trait Append: Send + Sync {
    /// Takes it. It waits where the log cannot be reached.
    fn append(&self, proposal: Proposal);

    /// Sends something to the node of a life, outside the log; to all others without one.
    fn send(&self, life: Option<u32>, letter: Letter);

    /// Has this node stop, since it could not go on as the others do, and why.
    fn stop(&self, why: String);
}

/// What a node tells another one outside the log. It may be lost.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Letter {
    /// A private message for a user. It is answered as a question about their connection is, once it is shown.
    Direct {
        /// Their connection.
        to: ConnId,
        /// Who writes.
        from: Person,
        /// What.
        text: Line,
        /// The connection of whoever writes.
        by: ConnId,
        /// By which the answer is known.
        number: u64,
    },
    /// What is known of a connection?
    Asked {
        /// Which.
        of: ConnId,
        /// The connection of whoever asks.
        by: ConnId,
        /// By which the answer is known.
        number: u64,
    },
    /// This is.
    Told {
        /// Which question, or private message, it answers.
        number: u64,
        /// What; none where the connection is no more.
        what: Option<OfConnection>,
    },
    /// An address gave a wrong password.
    WrongPassword(IpKey),
    /// An account has sent this lately, on a node that it has just left.
    Sent {
        /// The account.
        account: AccountId,
        /// What counts against it.
        counted: Counted,
        /// Whether it is a bot's.
        #[serde(default)]
        bot: bool,
    },
}

/// What only the node of a connection knows of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct OfConnection {
    /// For how long nothing has come over it.
    pub idle: Duration,
    /// Who has written to its user last.
    pub last_writer: Option<Person>,
}

/// Where things happen.
#[derive(Clone)]
pub enum Log {
    /// This server is alone: here and at once.
    Alone,
    /// On all nodes, when they come out of the log.
    Shared(Shared),
}

/// The way to the log that all nodes share.
#[derive(Clone)]
pub struct Shared {
    appends: Arc<dyn Append>,
    last: Arc<AtomicU64>,
    /// Who waits for changes of theirs: each a request of a Session.
    kept: Arc<Mutex<HashMap<Ticket, oneshot::Sender<()>>>>,
    /// Whether the log cannot be reached, and has not been for as long as people are to wait without a word.
    away: Arc<watch::Sender<bool>>,
    /// The log's time, and since when it is looked at.
    time: Arc<(LogTime, Instant)>,
}

impl Log {
    /// Whether what has to be in the log cannot be done at present.
    pub fn is_away(&self) -> bool {
        match self {
            Self::Alone => false,
            Self::Shared(log) => log.is_away(),
        }
    }

    /// The time by which everything goes that is asked of it: with several nodes the log's.
    pub fn now(&self) -> UnixMillis {
        match self {
            Self::Alone => unix_now(),
            Self::Shared(log) => log.now(),
        }
    }

    /// Waits until it can be reached.
    pub async fn back(&self) {
        if let Self::Shared(log) = self {
            log.back().await;
        }
    }

    /// Does something that may need the log. None where that cannot be reached for so long that whoever waits is
    /// to be told: it may be done later all the same, where it had been proposed.
    pub async fn reached<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        match self {
            Self::Alone => Some(work.await),
            Self::Shared(log) => log.reached(work).await,
        }
    }
}

impl fmt::Debug for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Alone => "Alone",
            Self::Shared(_) => "Shared",
        })
    }
}

impl Shared {
    /// Over this way.
    pub fn new(appends: Arc<dyn Append>) -> Self {
        let away = Arc::new(watch::Sender::new(false));
        let time = Arc::new((LogTime::default(), clock::now()));
        Self { appends, last: Arc::default(), kept: Arc::default(), away, time }
    }

    /// The log took a record then, which has just come.
    pub fn note_time(&self, at: UnixMillis) {
        let (time, since) = &*self.time;
        time.note(at, clock::since(*since));
    }

    /// The time by which all nodes go.
    pub fn now(&self) -> UnixMillis {
        let (time, since) = &*self.time;
        time.now(clock::since(*since)).unwrap_or_else(unix_now)
    }

    /// The log cannot be reached from here on, or can again.
    pub fn set_away(&self, away: bool) {
        self.away.send_replace(away);
    }

    /// Whether it cannot be reached. What people say is proposed all the same, and waits; what they order is not.
    pub fn is_away(&self) -> bool {
        *self.away.borrow()
    }

    /// Waits until the log can be reached.
    pub async fn back(&self) {
        // Whoever could say so lives as long as this.
        let _ = self.away.subscribe().wait_for(|away| !*away).await;
    }

    /// As [`Log::reached`].
    pub async fn reached<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        let mut away = self.away.subscribe();
        if *away.borrow_and_update() {
            // What needs the log fails at once then.
            return timeout(WITHOUT_LOG, work).await.ok();
        }
        tokio::select! {
            biased;
            done = work => Some(done),
            Ok(_) = away.wait_for(|away| *away) => None,
        }
    }

    /// Has this node stop, since it could not go on as the others do, and why.
    pub fn stop(&self, why: String) {
        self.appends.stop(why);
    }

    /// Proposes something.
    pub fn append(&self, subject: Subject, what: What, changes: Vec<Change>) -> Ticket {
        let ticket = Ticket(self.last.fetch_add(1, Ordering::Relaxed) + 1);
        self.appends.append(Proposal { ticket, subject, what, changes });
        ticket
    }

    /// Proposes changes and nothing else; answered when every node has them in the log.
    pub fn keep(&self, changes: Vec<Change>) -> oneshot::Receiver<()> {
        let (done, waits) = oneshot::channel();
        if self.is_away() {
            // The sender is gone by that.
            return waits;
        }
        // Nobody is told of it before somebody waits.
        let mut kept = self.kept();
        let ticket = self.append(Subject::Server, What::Kept, changes);
        kept.insert(ticket, done);
        waits
    }

    /// Changes that were proposed have come out of the log, and are handed to the Store.
    pub fn has_kept(&self, ticket: Ticket) {
        if let Some(done) = self.kept().remove(&ticket) {
            let _ = done.send(());
        }
    }

    /// They will not.
    pub fn has_not_kept(&self, ticket: Ticket) {
        // Whoever waits is told by its end.
        self.kept().remove(&ticket);
    }

    fn kept(&self) -> MutexGuard<'_, HashMap<Ticket, oneshot::Sender<()>>> {
        // Nothing that could panic leaves it half changed.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends something to a node, by one of its lives. It may be lost.
    pub fn send(&self, life: u32, letter: Letter) {
        self.appends.send(Some(life), letter);
    }

    /// Sends something to all other nodes. It may be lost.
    pub fn send_all(&self, letter: Letter) {
        self.appends.send(None, letter);
    }
}

/// What an actor has proposed and not seen come out, the oldest first, with what it does then. It is bounded by
/// what whoever it is for may have on its way.
pub struct Waiting<T>(VecDeque<(Ticket, T)>);

impl<T> Default for Waiting<T> {
    fn default() -> Self {
        Self(VecDeque::new())
    }
}

impl<T> Waiting<T> {
    /// One more.
    pub fn add(&mut self, ticket: Ticket, what: T) {
        self.0.push_back((ticket, what));
    }

    /// All of it, the oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.0.iter().map(|(_, what)| what)
    }

    /// The same, to be changed.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.0.iter_mut().map(|(_, what)| what)
    }

    /// It has come out. What one node proposes comes out in that order, so it is nearly always the first.
    pub fn take(&mut self, ticket: Ticket) -> Option<T> {
        let at = self.0.iter().position(|(other, _)| *other == ticket)?;
        self.0.remove(at).map(|(_, what)| what)
    }
}

/// The answer that will be sent, which is there at once where everything happens at once; `lost` where it is
/// never sent.
pub fn answer<T: 'static>(mut answer: oneshot::Receiver<T>, lost: T) -> Response<T> {
    match answer.try_recv() {
        Ok(answer) => Response::reply(answer),
        Err(TryRecvError::Closed) => Response::reply(lost),
        Err(TryRecvError::Empty) => Response::fut(async move { answer.await.unwrap_or(lost) }),
    }
}
