//! Faults on demand, to test what one costs. Only builds with debug assertions have this, and only
//! where `LOBBYD_FAULTS=on` is in the environment: then `/fault <actor>` makes that actor panic.

use actix::prelude::*;

use super::hasher::Hasher;
use super::lobby::Lobby;
use super::registry::Registry;
use super::shard::Shard;
use crate::actors::ai::pool::AiPool;
use crate::actors::ai::worker::AiWorker;
use crate::actors::guard::survive;

/// The command word.
pub(super) const WORD: &str = "/fault ";

/// Panic.
#[derive(Message)]
#[rtype(result = "()")]
pub(super) struct Fault;

/// Whether faults can be had.
pub(super) fn enabled() -> bool {
    #[expect(clippy::disallowed_methods, reason = "a hook of tests is no setting")]
    std::env::var("LOBBYD_FAULTS").is_ok_and(|value| value == "on")
}

#[expect(clippy::panic, reason = "the point of it")]
pub(super) fn strike() {
    panic!("a fault on demand");
}

macro_rules! dies_of_it {
    ($($actor:ty),+) => {$(
        impl Handler<Fault> for $actor {
            type Result = ();

            fn handle(&mut self, _: Fault, _: &mut Self::Context) {
                strike();
            }
        }
    )+};
}

macro_rules! survives_it {
    ($($actor:ty),+) => {$(
        impl Handler<Fault> for $actor {
            type Result = ();

            fn handle(&mut self, _: Fault, _: &mut Self::Context) {
                survive((), strike);
            }
        }
    )+};
}

dies_of_it!(Lobby, AiWorker);
survives_it!(Registry, Shard, AiPool);

impl Handler<Fault> for Hasher {
    type Result = ();

    fn handle(&mut self, _: Fault, _: &mut Self::Context) {
        survive((), strike);
    }
}

/// Make a worker panic.
#[derive(Message)]
#[rtype(result = "()")]
pub(super) struct WorkerFault;

impl Handler<WorkerFault> for AiPool {
    type Result = ();

    fn handle(&mut self, _: WorkerFault, _: &mut Self::Context) {
        for worker in self.busy_workers() {
            worker.do_send(Fault);
        }
    }
}

/// Pass a fault on to the AI: the worker at hand, or the pool.
#[derive(Message)]
#[rtype(result = "()")]
pub(super) struct AiFault {
    /// Whether the pool itself is meant.
    pub(super) pool: bool,
}

impl Handler<AiFault> for Lobby {
    type Result = ();

    fn handle(&mut self, AiFault { pool }: AiFault, _: &mut Self::Context) {
        let Some(ai) = &self.setup.ai else { return };
        if pool {
            ai.do_send(Fault);
        } else {
            ai.do_send(WorkerFault);
        }
    }
}
