//! What a node tells of itself: to the others with its beats, in the metrics, and to its operator in the log.

use log::{info, warn};

use super::Driver;
use crate::actors::log::Log;
use crate::clock;
use crate::cluster::engine::Position;
use crate::cluster::lag::BEHIND_TOO_FAR;
use crate::cluster::mark::Step;
use crate::cluster::nodes::{self, About, Own};
use crate::cluster::skipped::Counts;
use crate::cluster::timing::{Moment, STUCK_AFTER};
use crate::logging::event;
use crate::server;

/// A clock of this machine that differs by so many milliseconds from the log's is told of: nothing that is shared goes
/// by it, but people and its own log do.
const CLOCK_DIFFERS: u64 = 2_000;

/// Whether something is otherwise than it was known to be; it is known from here on.
fn changes(known: &mut bool, now: bool) -> bool {
    std::mem::replace(known, now) != now
}

impl Driver {
    /// Says how this node is: to the others with its next beat, and to whoever asks this server.
    pub(super) fn report(&mut self, now: Moment) {
        self.look_at_clock();
        let applying = self.store.unwritten().records;
        let read = self.node.mark().position;
        let last = Position(read.0.saturating_add(self.node.behind()));
        let position = Position(read.0.saturating_sub(applying as u64));
        self.lag.note(last, position, now);
        let server::Shared { metrics, health } = &self.shared;
        let about = About {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            users: u64::try_from(metrics.users_here.get()).unwrap_or(0),
            position: position.0,
            starting: self.ready.is_some(),
        };
        self.node.beats_say(about.write());
        let own = Own { name: &self.name, about, cut_off: self.is_cut_off };
        let others = self.node.others(now);
        self.seen.set(&self.name, nodes::list(own, others, last, clock::unix_now()));
        let cluster = &metrics.cluster;
        let gauge = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        cluster.position.set(gauge(position.0));
        cluster.behind.set(gauge(last.0.saturating_sub(position.0)));
        cluster.cut_off.set(i64::from(self.is_cut_off));
        cluster.waiting.set(i64::try_from(self.node.waiting()).unwrap_or(i64::MAX));
        let is_stuck = self.node.is_stuck(now);
        if changes(&mut self.is_stuck, is_stuck) {
            health.set_stuck(is_stuck);
            match is_stuck {
                true => warn!(
                    event = event::CLUSTER;
                    "nothing that is said here has come out of the log for {} s",
                    STUCK_AFTER / 1_000
                ),
                false => {
                    info!(event = event::CLUSTER; "what is said here comes out of the log again")
                }
            }
        }
        let is_behind = self.lag.is_too_far(now);
        if !changes(&mut self.is_behind, is_behind) {
            return;
        }
        health.set_behind(is_behind);
        match is_behind {
            true => warn!(
                event = event::CLUSTER;
                "this node is over {} s behind the log: it takes no new logins until it is not",
                BEHIND_TOO_FAR / 1_000
            ),
            false => info!(event = event::CLUSTER; "this node has caught up with the log again"),
        }
    }

    /// Says where the clock of this machine differs from the log's.
    fn look_at_clock(&mut self) {
        let Log::Shared(log) = self.store.log() else { return };
        let (own, of_log) = (clock::unix_now(), log.now());
        let differs = self.ready.is_none() && own.0.abs_diff(of_log.0) > CLOCK_DIFFERS;
        if !changes(&mut self.clock_differs, differs) {
            return;
        }
        match differs {
            true => warn!(
                event = event::CLUSTER;
                "the clock of this machine is {} s {} the engine's, by which all nodes go: set it",
                own.0.abs_diff(of_log.0) / 1_000,
                if own > of_log { "ahead of" } else { "behind" }
            ),
            false => info!(event = event::CLUSTER; "the clock of this machine is right again"),
        }
    }

    /// Counts what was skipped, and says now and then that something was.
    pub(super) fn report_skipped(&mut self, now: Moment) {
        let counts = Counts {
            records: self.node.foreign() + self.unread,
            keys: self.node.foreign_keys(),
            letters: self.no_letters,
        };
        let foreign = &self.shared.metrics.cluster.foreign;
        foreign.inc_by(counts.all() - self.foreign.all());
        self.foreign = counts;
        if let Some(Counts { records, keys, letters }) = self.skipped.note(counts, now) {
            warn!(
                event = event::CLUSTER;
                "skipped what no node has written: {records} in the log, {keys} in the table of nodes, {letters} sent to \
                 this node. Somebody else writes on the engine"
            );
        }
    }

    /// Tells the operator of a node that is no more, unless that is long ago.
    pub(super) fn tell_of_the_end(&self, step: &Step) {
        let Step::Over { node, by_itself, .. } = step else { return };
        match (*node == self.name, by_itself) {
            _ if self.ready.is_some() => {}
            (true, true) => {}
            (true, false) => warn!(
                event = event::CLUSTER;
                "this node was given up as lost: it begins anew, and its people come in again"
            ),
            (false, true) => info!(event = event::CLUSTER; "node {node} has ended"),
            (false, false) => warn!(event = event::CLUSTER; "node {node} is given up as lost"),
        }
    }
}
