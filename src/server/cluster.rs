//! A node of a cluster while it runs: between what this server proposes, the machine that knows the cluster
//! ([`Node`]), and the engine.

use std::collections::VecDeque;
use std::sync::Arc;

use actix::prelude::*;
use bytes::Bytes;
use log::{error, info, warn};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{MissedTickBehavior, interval};

use crate::actors::guard::Guarded;
use crate::actors::log::messages::{Begin, Decided, Over, Reach, Reclaim, Sent};
use crate::actors::log::{Append, Letter, Log, Proposal, Shared, Ticket};
use crate::actors::registry::Registry;
use crate::actors::store::StoreHandle;
use crate::chat::history::UnixMillis;
use crate::chat::lobby::step::{Input, JoinKind};
use crate::chat::registry::Happening;
use crate::clock;
use crate::cluster::engine::{Revision, Wish};
use crate::cluster::mark::Mark;
use crate::cluster::record::{DecodeError, Record, What};
use crate::cluster::timing::{Moment, TICK, Timing};
use crate::cluster::told::{Happens, Passed, Told, Unlogged};
use crate::cluster::{Node, Start};
use crate::health::Health;
use crate::logging::event;
use crate::nats::Engine;

/// The way from the actors to the node.
struct ToNode(mpsc::UnboundedSender<Wanted>);

/// What the actors want of the node.
pub(super) enum Wanted {
    /// Something is to happen.
    Proposed(Proposal),
    /// Something is to be sent to the node of a life.
    Letter(u32, Letter),
    /// All users have gone: this life is to be over.
    End(oneshot::Sender<()>),
}

impl Append for ToNode {
    fn append(&self, proposal: Proposal) {
        // At the end nobody is left to take it.
        let _ = self.0.send(Wanted::Proposed(proposal));
    }

    fn send(&self, life: u32, letter: Letter) {
        let _ = self.0.send(Wanted::Letter(life, letter));
    }
}

/// Ends the life of a node.
pub(super) struct Ender(mpsc::UnboundedSender<Wanted>);

impl Ender {
    /// Waits until it is over in the log, or could not be ended in time.
    pub(super) async fn end(&self) {
        let (done, waits) = oneshot::channel();
        let _ = self.0.send(Wanted::End(done));
        let _ = waits.await;
    }
}

/// What the node is given by the actors. What waits here is bounded by what each user may have on its way.
pub(super) fn log() -> (Log, mpsc::UnboundedReceiver<Wanted>, Ender) {
    let (to, from) = mpsc::unbounded_channel();
    (Log::Shared(Shared::new(Arc::new(ToNode(to.clone())))), from, Ender(to))
}

/// Which node this is.
#[derive(Debug, Clone)]
pub struct Membership {
    /// The way to the engine.
    pub node: String,
    /// Copies that the engine keeps.
    pub replicas: u8,
    /// How far it has followed the log.
    pub mark: Mark,
}

/// A node while it runs.
pub(super) struct Driver {
    node: Node,
    engine: Engine,
    wanted: mpsc::UnboundedReceiver<Wanted>,
    registry: Addr<Guarded<Registry>>,
    store: StoreHandle,
    /// How far the actors have been given the log.
    mark: Mark,
    health: Health,
    /// Wishes for which the engine has had no room yet.
    wishes: VecDeque<Wish>,
    /// What stands for the node's own tickets here, the oldest first.
    waiting: VecDeque<(crate::cluster::told::Ticket, Ticket)>,
    ready: Option<oneshot::Sender<()>>,
    begun: std::time::Instant,
    /// Who waits for the end of this life.
    ending: Option<oneshot::Sender<()>>,
    /// Who is told why it cannot go on.
    stopped: Option<oneshot::Sender<String>>,
    /// The first life of this process, which its connections are numbered by.
    life: Option<Revision>,
    /// The people of the life before are being brought back.
    reclaiming: Option<Reclaiming>,
    /// Milliseconds after which a node is given up as lost.
    lease: u64,
}

/// What waits until all who were there before have been proposed again.
struct Reclaiming {
    waits: oneshot::Receiver<()>,
    /// What they said before, and is in no log.
    unlogged: Vec<Unlogged>,
    /// What was proposed since: bounded by what each may have on its way.
    held: Vec<Proposal>,
}

/// Whether this brings somebody back.
fn reclaims(what: &What) -> bool {
    match what {
        What::People(Happening::Returned { .. }) => true,
        What::Lobby { input: Input::Join(join), .. } => join.kind == JoinKind::Resume,
        _ => false,
    }
}

/// Everybody has been proposed again; never where nobody is to be.
async fn all_proposed(reclaiming: &mut Option<Reclaiming>) {
    match reclaiming {
        // Nobody sends anything: the last who could is gone.
        Some(Reclaiming { waits, .. }) => _ = waits.await,
        None => std::future::pending().await,
    }
}

impl Driver {
    pub(super) fn new(
        Membership { node, replicas, mark }: Membership,
        engine: Engine,
        wanted: mpsc::UnboundedReceiver<Wanted>,
        (registry, store, health): (Addr<Guarded<Registry>>, StoreHandle, Health),
        ready: oneshot::Sender<()>,
        stopped: oneshot::Sender<String>,
    ) -> Self {
        let start = Start {
            node: node.into(),
            place: u64::from(std::process::id()),
            replicas,
            mark: mark.clone(),
            said: Bytes::new(),
        };
        Self {
            node: Node::new(start),
            engine,
            wanted,
            registry,
            store,
            mark,
            health,
            wishes: VecDeque::new(),
            waiting: VecDeque::new(),
            ready: Some(ready),
            begun: clock::now(),
            ending: None,
            stopped: Some(stopped),
            life: None,
            reclaiming: None,
            lease: Timing::of(replicas).dead,
        }
    }

    fn now(&self) -> Moment {
        Moment(u64::try_from(clock::since(self.begun).as_millis()).unwrap_or(u64::MAX))
    }

    /// Goes on until the node stops.
    pub(super) async fn run(mut self) {
        let mut ticks = interval(std::time::Duration::from_millis(TICK));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let wishes = self.engine.wishes.clone();
        loop {
            tokio::select! {
                notice = self.engine.notices.recv() => match notice {
                    Some(notice) => self.node.notice(notice, self.now()),
                    None => return error!(event = event::CLUSTER; "the engine's client has ended"),
                },
                Some(wanted) = self.wanted.recv() => self.want(wanted),
                () = all_proposed(&mut self.reclaiming) => self.reclaimed(),
                _ = ticks.tick() => self.node.tick(self.now()),
                room = wishes.clone().reserve_owned(), if !self.wishes.is_empty() => {
                    if let (Ok(room), Some(wish)) = (room, self.wishes.pop_front()) {
                        room.send(wish);
                    }
                }
            }
            self.wishes.extend(self.node.wishes());
            while let Some(wish) = self.wishes.pop_front() {
                if let Err(mpsc::error::TrySendError::Full(wish)) =
                    self.engine.wishes.try_send(wish)
                {
                    self.wishes.push_front(wish);
                    break;
                }
            }
            for told in self.node.told() {
                self.tell(told);
            }
        }
    }

    fn want(&mut self, wanted: Wanted) {
        match wanted {
            Wanted::Proposed(proposal) => match &mut self.reclaiming {
                Some(Reclaiming { held, .. }) if !reclaims(&proposal.what) => held.push(proposal),
                _ => self.propose(proposal),
            },
            Wanted::Letter(life, letter) => self.send(life, &letter),
            Wanted::End(done) => {
                self.ending = Some(done);
                let now = self.now();
                self.node.end(now);
            }
        }
    }

    fn send(&mut self, life: u32, letter: &Letter) {
        let node = self.node.others().find(|other| short(other.life) == life);
        let to = node.map(|other| (other.node, other.life));
        if let (Some((node, life)), Ok(bytes)) = (to, serde_json::to_vec(letter)) {
            self.node.send(node, life, bytes.into());
        }
    }

    fn stop(&mut self, why: String) {
        error!(event = event::CLUSTER; "this node stops: {why}");
        self.stopped.take().map(|stopped| stopped.send(why));
    }

    fn propose(&mut self, Proposal { ticket, subject, what, changes }: Proposal) {
        let record = Record { life: Revision(0), number: 0, what, changes };
        match record.encode() {
            Ok(bytes) => {
                let said = self.node.say(subject, bytes.into(), self.now());
                match said {
                    Ok(own) => self.waiting.push_back((own, ticket)),
                    Err(_) => warn!(event = event::CLUSTER; "too much waits for the log"),
                }
            }
            Err(why) => error!(event = event::CLUSTER; "not proposed: {why}"),
        }
    }

    fn tell(&mut self, told: Told) {
        match told {
            Told::Ready => {
                if let Some(life) = self.node.life() {
                    self.begin(life);
                }
                info!(event = event::CLUSTER; "this node has caught up with the log");
                self.ready.take().map(|ready| ready.send(()));
            }
            Told::CutOff => self.reach(false),
            Told::Back => self.reach(true),
            Told::Passed(passed) => self.passed(passed),
            Told::Reborn(unlogged) => self.reclaim(unlogged),
            Told::Stop(why) => self.stop(why.to_string()),
            Told::Ended => _ = self.ending.take().map(|ending| ending.send(())),
            Told::Sent(bytes) => match serde_json::from_slice(&bytes) {
                Ok(letter) => self.registry.do_send(Sent(letter)),
                Err(_) => warn!(event = event::CLUSTER; "what was sent here is no letter"),
            },
        }
    }

    fn reach(&self, there: bool) {
        match there {
            true => info!(event = event::CLUSTER; "the other servers are back"),
            false => warn!(event = event::CLUSTER; "the other servers cannot be reached"),
        }
        self.health.set_cut_off(!there);
        self.registry.do_send(Reach { there });
    }

    fn begin(&mut self, life: Revision) {
        let first = *self.life.get_or_insert(life);
        if first == life {
            self.registry.do_send(Begin { life: short(life) });
        }
    }

    /// The people of the life before are to have their names and places again. That comes first in the log, then
    /// what they said before, then what they say now.
    fn reclaim(&mut self, unlogged: Vec<Unlogged>) {
        let (done, waits) = oneshot::channel();
        self.reclaiming = Some(Reclaiming { waits, unlogged, held: Vec::new() });
        self.registry.do_send(Reclaim(Arc::new(done)));
    }

    /// All names and places have been proposed again.
    fn reclaimed(&mut self) {
        // What the actors gave before they were done is there by now.
        while let Ok(wanted) = self.wanted.try_recv() {
            self.want(wanted);
        }
        if let Some(Reclaiming { unlogged, held, .. }) = self.reclaiming.take() {
            self.say_again(unlogged);
            held.into_iter().for_each(|proposal| self.propose(proposal));
        }
    }

    fn say_again(&mut self, unlogged: Vec<Unlogged>) {
        for Unlogged { ticket, subject, bytes } in unlogged {
            let known = self.waiting.iter().position(|(own, _)| *own == ticket);
            let known = known.and_then(|at| self.waiting.remove(at));
            if let Ok(own) = self.node.say(subject, bytes, self.now())
                && let Some((_, ours)) = known
            {
                self.waiting.push_back((own, ours));
            }
        }
        let now = self.now();
        self.node.resumed(now);
    }

    fn passed(&mut self, passed: Passed) {
        self.mark.log = self.node.mark().log;
        self.mark.follow(&passed);
        let applying = self.store.begin_record(Some(self.mark.to_bytes().into()));
        let Passed { at, step, happens, .. } = passed;
        for life in step.ended() {
            let applying = applying.clone();
            let heard = UnixMillis(at.0.saturating_sub(self.lease));
            self.registry.do_send(Over { life: short(life), at, heard, applying });
        }
        let Some(Happens { bytes, ticket, life, .. }) = happens else { return };
        let own = ticket.and_then(|ticket| {
            let at = self.waiting.iter().position(|(own, _)| *own == ticket)?;
            self.waiting.remove(at).map(|(_, ours)| ours)
        });
        match Record::decode(&bytes) {
            Ok(Record { what, changes, .. }) => {
                let life = short(life);
                self.registry.do_send(Decided { at, own, what, changes, life, applying });
            }
            Err(DecodeError::NoRecord(why)) => {
                warn!(event = event::CLUSTER; "something in the log is no record: {why}");
            }
            Err(DecodeError::Unknown(why)) => {
                self.stop(format!("it does not know what is in the log: {why}"));
            }
        }
    }
}

/// The part of a life's number that connections carry: lives are as many as nodes have ever started.
fn short(life: Revision) -> u32 {
    (life.0 & u64::from(u32::MAX)) as u32
}
