//! The loop of a node: between what the actors propose, the machine that knows the cluster ([`Node`]), and the engine.

mod lines;
mod report;

use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::sync::Arc;

use actix::prelude::*;
use bytes::Bytes;
use log::{error, info, warn};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{MissedTickBehavior, interval};

use self::lines::{Decoded, read};
use super::{Membership, Wanted};
use crate::actors::guard::Guarded;
use crate::actors::log::messages::{Begin, Decided, NotTaken, Over, Reach, Reclaim, Sent};
use crate::actors::log::{Letter, Log, Proposal, Ticket};
use crate::actors::registry::Registry;
use crate::actors::store::{StoreHandle, Unwritten};
use crate::chat::history::UnixMillis;
use crate::chat::lobbies::LobbyId;
use crate::chat::lobby::step::{Input, JoinKind};
use crate::chat::registry::Happening;
use crate::clock;
use crate::cluster::engine::{Position, Revision, Subject, Wish};
use crate::cluster::lag::Lag;
use crate::cluster::mark::Mark;
use crate::cluster::nodes::About;
use crate::cluster::record::{Record, What};
use crate::cluster::skipped::{Counts, Skipped};
use crate::cluster::timing::{Moment, TICK, Timing};
use crate::cluster::told::{Passed, Ticket as NodeTicket, Told, Unlogged};
use crate::cluster::{Node, Start};
use crate::logging::event;
use crate::nats::Engine;
use crate::server::{self, nodes::SeenNodes};

/// Up to where the Registry has been given what is in the log.
#[cfg(debug_assertions)]
pub(in crate::server) type To = watch::Receiver<Position>;

/// Records that are being applied by the actors of a node. Over it no more of the log is read for a while: enough
/// for the fastest of machines between two ticks, and few enough megabytes.
const MAX_APPLYING: usize = 8_192;

/// Changes that wait for the disk. Over it no more of the log is read either: a node whose disk fails falls behind,
/// and must not lose what the others have.
const MAX_UNWRITTEN: usize = 8_192;

/// Bytes of what is applied and waits for the disk. Over it no more of the log is read either.
const MAX_UNWRITTEN_BYTES: usize = 8 << 20;

/// What was on its way from the engine then comes all the same, a batch or two. Where it is more than this, the node
/// stops: it may let nothing go, and has no more memory for it.
const MOST_UNWRITTEN_BYTES: usize = 256 << 20;

/// So many milliseconds the log has at least to take what would not happen later: an engine that is slow, or back just
/// now, is not away.
const LEAST_TO_BE_TAKEN: u64 = 1_000;

/// Whether no more of the log is to be read for now; nothing changes in between.
fn is_full(unwritten: Unwritten) -> Option<bool> {
    let Unwritten { records, changes, bytes } = unwritten;
    let over = |part: usize| {
        records > MAX_APPLYING / part
            || changes > MAX_UNWRITTEN / part
            || bytes > MAX_UNWRITTEN_BYTES / part
    };
    if over(1) {
        return Some(true);
    }
    (!over(2)).then_some(false)
}

/// A node while it runs.
pub(super) struct Driver {
    name: Arc<str>,
    node: Node,
    engine: Engine,
    wanted: mpsc::UnboundedReceiver<Wanted>,
    registry: Addr<Guarded<Registry>>,
    store: StoreHandle,
    /// How far the actors have been given the log.
    mark: Mark,
    shared: server::Shared,
    /// What this node knows of all nodes.
    seen: SeenNodes,
    /// How far it is behind, in time.
    lag: Lag,
    /// Whether that is too far.
    is_behind: bool,
    /// Whether nothing that is said here comes out of the log.
    is_stuck: bool,
    /// Whether it does not reach the others.
    is_cut_off: bool,
    /// Whether the clock of this machine differs from the log's.
    clock_differs: bool,
    /// What was skipped, and what was told of it.
    foreign: Counts,
    skipped: Skipped,
    /// Whole records with something in them that is none, and what was sent here and is no letter.
    unread: u64,
    no_letters: u64,
    /// Wishes for which the engine has had no room yet.
    wishes: VecDeque<Wish>,
    /// What stands for the node's own tickets here, the oldest first.
    waiting: VecDeque<(NodeTicket, Ticket)>,
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
    /// What the node had no room for: bounded, as all that the actors propose, by what each user may have on its
    /// way.
    over: Queue,
    /// Milliseconds after which a node is given up as lost.
    lease: u64,
    /// Up to where the Registry has been given what is in the log.
    to: watch::Sender<Position>,
}

/// What is to be said, in order, and what it is known by where it is this process's.
type Queue = VecDeque<(Subject, Bytes, Option<Ticket>)>;

/// What waits until all who were there before have been proposed again.
struct Reclaiming {
    waits: oneshot::Receiver<()>,
    /// What they said before, and is in no log.
    unlogged: Queue,
    /// What was proposed since: bounded by what each may have on its way.
    held: Vec<Proposal>,
    /// How many people come in again.
    people: u64,
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
        Membership { node, place, replicas, mark }: Membership,
        (engine, wanted): (Engine, mpsc::UnboundedReceiver<Wanted>),
        (registry, store): (Addr<Guarded<Registry>>, StoreHandle),
        (shared, seen): (server::Shared, SeenNodes),
        (ready, stopped): (oneshot::Sender<()>, oneshot::Sender<String>),
    ) -> Self {
        let start = Start {
            node: node.into(),
            place,
            replicas,
            mark: mark.clone(),
            said: About { starting: true, ..About::default() }.write(),
        };
        Self {
            name: start.node.clone(),
            node: Node::new(start),
            engine,
            wanted,
            registry,
            store,
            mark,
            shared,
            seen,
            lag: Lag::default(),
            is_behind: false,
            is_stuck: false,
            is_cut_off: false,
            clock_differs: false,
            foreign: Counts::default(),
            skipped: Skipped::default(),
            unread: 0,
            no_letters: 0,
            wishes: VecDeque::new(),
            waiting: VecDeque::new(),
            ready: Some(ready),
            begun: clock::now(),
            ending: None,
            stopped: Some(stopped),
            life: None,
            reclaiming: None,
            over: VecDeque::new(),
            lease: Timing::of(replicas).dead,
            to: watch::Sender::new(Position(0)),
        }
    }

    /// Up to where the Registry is given what is in the log.
    #[cfg(debug_assertions)]
    pub(super) fn to(&self) -> To {
        self.to.subscribe()
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
                    None => return self.stop("the engine's client has ended".to_owned()),
                },
                Some(wanted) = self.wanted.recv() => self.want(wanted),
                () = all_proposed(&mut self.reclaiming) => self.reclaimed(),
                _ = ticks.tick() => self.tick(),
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
                if self.tell(told).is_break() {
                    return;
                }
            }
        }
    }

    fn tick(&mut self) {
        let now = self.now();
        self.look_at_the_disk(now);
        self.node.tick(now);
        self.say_what_there_is_room_for();
        self.report(now);
        self.report_skipped(now);
    }

    /// What is behind waits on the engine, and not in mailboxes or for the disk.
    fn look_at_the_disk(&mut self, now: Moment) -> Unwritten {
        let unwritten = self.store.unwritten();
        if let Some(held) = is_full(unwritten) {
            self.node.hold(held, now);
        }
        unwritten
    }

    fn want(&mut self, wanted: Wanted) {
        match wanted {
            Wanted::Proposed(proposal) => match &mut self.reclaiming {
                Some(Reclaiming { held, .. }) if !reclaims(&proposal.what) => held.push(proposal),
                Some(Reclaiming { people, .. }) => {
                    *people += u64::from(matches!(proposal.what, What::People(_)));
                    self.propose(proposal);
                }
                None => self.propose(proposal),
            },
            Wanted::Letter(life, letter) => self.send(life, &letter),
            Wanted::Stop(why) => self.stop(why),
            Wanted::End(done) if self.stopped.is_none() => _ = done.send(()),
            Wanted::End(done) => {
                self.ending = Some(done);
                let now = self.now();
                self.node.end(now);
            }
        }
    }

    fn send(&mut self, life: Option<u32>, letter: &Letter) {
        let Ok(bytes) = serde_json::to_vec(letter) else { return };
        let bytes = Bytes::from(bytes);
        let is_meant = |other: Revision| life.is_none_or(|life| short(other) == life);
        let others = self.node.others(self.now()).filter(|other| is_meant(other.life));
        let others: Vec<_> = others.map(|other| (other.node, other.life)).collect();
        for (node, life) in others {
            self.node.send(node, life, bytes.clone());
        }
    }

    /// It cannot go on. Whoever runs the server ends it, and says why.
    fn stop(&mut self, why: String) {
        self.stopped.take().map(|stopped| stopped.send(why));
        // Its life is ended by nobody then, and nobody is to wait for that.
        self.ending.take().map(|ending| ending.send(()));
    }

    fn propose(&mut self, Proposal { ticket, subject, what, changes }: Proposal) {
        let (lobby, until) = (lobby_of(&what), self.until(&what));
        let record = Record { life: Revision(0), number: 0, what, changes, until };
        match record.encode() {
            Ok(bytes) => {
                self.over.push_back((subject, bytes.into(), Some(ticket)));
                self.say_what_there_is_room_for();
            }
            Err(why) => {
                error!(event = event::CLUSTER; "not proposed: {why}");
                self.registry.do_send(NotTaken { ticket, lobby });
            }
        }
    }

    /// When whoever wants this is told that it cannot be done, where the log has not taken it.
    fn until(&self, what: &What) -> Option<UnixMillis> {
        let Log::Shared(log) = self.store.log() else { return None };
        let left = self.node.until_cut_off(self.now()).max(LEAST_TO_BE_TAKEN);
        what.lapses().then(|| UnixMillis(log.now().0.saturating_add(left)))
    }

    /// While the log is away for long, more may wait than the node takes at once.
    fn say_what_there_is_room_for(&mut self) {
        while let Some((subject, bytes, ticket)) = self.over.pop_front() {
            match self.node.say(subject, bytes.clone(), self.now()) {
                Ok(own) => self.waiting.extend(ticket.map(|ticket| (own, ticket))),
                Err(_) => return self.over.push_front((subject, bytes, ticket)),
            }
        }
    }

    /// What the actors know by this ticket of the node's, which is used up. What one says comes out in that order, so it
    /// is nearly always the first.
    fn ours(&mut self, ticket: NodeTicket) -> Option<Ticket> {
        let at = self.waiting.iter().position(|(own, _)| *own == ticket)?;
        self.waiting.remove(at).map(|(_, ours)| ours)
    }

    /// Takes what the node says; it breaks off where nothing after that may be taken.
    fn tell(&mut self, told: Told) -> ControlFlow<()> {
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
            Told::Passed(passed) => return self.passed(passed),
            Told::Reborn(unlogged) => self.reclaim(unlogged),
            Told::Forged => warn!(
                event = event::CLUSTER;
                "somebody else has written into the log as this node: it begins anew, and its people come in again. \
                 Whoever can write on the engine can: look who has its password"
            ),
            Told::Stop(why) => self.stop(why.to_string()),
            Told::Ended => _ = self.ending.take().map(|ending| ending.send(())),
            Told::Sent(bytes) => match serde_json::from_slice(&bytes) {
                Ok(letter) => self.registry.do_send(Sent(letter)),
                Err(_) => self.no_letters += 1,
            },
        }
        ControlFlow::Continue(())
    }

    fn reach(&mut self, there: bool) {
        self.is_cut_off = !there;
        match there {
            true => info!(event = event::CLUSTER; "the other servers are back"),
            false => warn!(event = event::CLUSTER; "the other servers cannot be reached"),
        }
        if let Log::Shared(log) = self.store.log() {
            log.set_away(!there);
        }
        self.shared.health.set_cut_off(!there);
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
        let mut again = VecDeque::new();
        for Unlogged { ticket, subject, bytes } in unlogged {
            again.push_back((subject, bytes, self.ours(ticket)));
        }
        // There was no room for it yet.
        again.append(&mut self.over);
        let mut held = Vec::new();
        // The life after that one is over too, and its people were on their way back.
        if let Some(mut earlier) = self.reclaiming.take() {
            again.append(&mut earlier.unlogged);
            held = earlier.held;
        }
        self.reclaiming = Some(Reclaiming { waits, unlogged: again, held, people: 0 });
        self.registry.do_send(Reclaim(Arc::new(done)));
    }

    /// All names and places have been proposed again.
    fn reclaimed(&mut self) {
        // What the actors gave before they were done is there by now.
        while let Ok(wanted) = self.wanted.try_recv() {
            self.want(wanted);
        }
        if let Some(mut reclaiming) = self.reclaiming.take() {
            info!(
                event = event::CLUSTER;
                "this node is back after it was given up as lost: of its people {} come in again", reclaiming.people
            );
            self.over.append(&mut reclaiming.unlogged);
            reclaiming.held.into_iter().for_each(|proposal| self.propose(proposal));
        }
        self.say_what_there_is_room_for();
        let now = self.now();
        self.node.resumed(now);
    }

    fn passed(&mut self, mut passed: Passed) -> ControlFlow<()> {
        let position = passed.position;
        let now = self.now();
        if self.look_at_the_disk(now).bytes > MOST_UNWRITTEN_BYTES {
            self.stop(format!(
                "its disk cannot be written, and {} MB of the log wait for it: make room there, and start it again",
                MOST_UNWRITTEN_BYTES >> 20
            ));
            return ControlFlow::Break(());
        }
        self.shared.metrics.cluster.records.inc();
        let lines = match read(passed.happens.take(), &mut self.unread) {
            Ok(lines) => lines,
            // Nothing of it may happen, nor anything after it: a node that knows it is to begin with it.
            Err(why) => {
                self.stop(format!(
                    "record {} of its log has what this version does not know: {why}: upgrade this node",
                    position.0
                ));
                return ControlFlow::Break(());
            }
        };
        if let Log::Shared(log) = self.store.log() {
            log.note_time(passed.at);
        }
        self.give(passed, lines);
        self.to.send_replace(position);
        ControlFlow::Continue(())
    }

    fn give(&mut self, passed: Passed, lines: Vec<Decoded>) {
        self.mark.log = self.node.mark().log;
        self.mark.follow(&passed);
        let applying = self.store.begin_record(Some(self.mark.to_bytes().into()));
        let Passed { at, step, .. } = passed;
        self.tell_of_the_end(&step);
        for life in step.ended() {
            let applying = applying.clone();
            let heard = UnixMillis(at.0.saturating_sub(self.lease));
            self.registry.do_send(Over { life: short(life), at, heard, applying });
        }
        for Decoded { life, record: Record { what, changes, until, .. }, ticket } in lines {
            let own = ticket.and_then(|ticket| self.ours(ticket));
            if until.is_some_and(|until| at > until) {
                if let Some(ticket) = own {
                    self.registry.do_send(NotTaken { ticket, lobby: lobby_of(&what) });
                }
                continue;
            }
            let (life, applying) = (short(life), applying.clone());
            self.registry.do_send(Decided { at, own, what, changes, life, applying });
        }
    }
}

/// The lobby that something is put to.
fn lobby_of(what: &What) -> Option<LobbyId> {
    match what {
        What::Lobby { lobby, .. } => Some(*lobby),
        _ => None,
    }
}

/// The part of a life's number that connections carry: lives are as many as nodes have ever started.
fn short(life: Revision) -> u32 {
    (life.0 & u64::from(u32::MAX)) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_is_held_by_whichever_bound_is_reached_until_half_of_all_is_free() {
        let (half, bytes) = (MAX_UNWRITTEN / 2, MAX_UNWRITTEN_BYTES);
        for (records, changes, bytes, held) in [
            (0, 0, 0, Some(false)),
            (MAX_APPLYING / 2, half, bytes / 2, Some(false)),
            (MAX_APPLYING / 2 + 1, 0, 0, None),
            (0, half + 1, 0, None),
            (0, 0, bytes / 2 + 1, None),
            (MAX_APPLYING, MAX_UNWRITTEN, bytes, None),
            (MAX_APPLYING + 1, 0, 0, Some(true)),
            (0, MAX_UNWRITTEN + 1, 0, Some(true)),
            (0, 0, bytes + 1, Some(true)),
        ] {
            let unwritten = Unwritten { records, changes, bytes };
            assert_eq!(is_full(unwritten), held, "{unwritten:?}");
        }
    }
}
