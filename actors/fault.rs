//! Faults on demand, to test what one costs. Only builds with debug assertions have this, and only
//! where `LOBBYD_FAULTS=on` is in the environment: then `/fault <actor>` makes that actor panic.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use actix::prelude::*;

use super::hasher::Hasher;
use super::lobby::Lobby;
use crate::actors::ai::pool::AiPool;
use crate::actors::ai::worker::AiWorker;
use crate::actors::guard::{Answers, Ctx, Reply, survive};

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

/// Where the next fault of a guarded actor is to strike: the actor, the message, and whether in what it
/// does after it has waited. Empty for nowhere.
static TARGET: Mutex<Option<(String, String, bool)>> = Mutex::new(None);

/// Whether there is one: looked at for every message.
static AIMED: AtomicBool = AtomicBool::new(false);

/// `<Actor> <Message>`, or `<Actor> <Message> then`: the next such message panics there.
pub(super) fn aim(at: &str) -> bool {
    let mut words = at.split_whitespace();
    let (Some(actor), Some(message)) = (words.next(), words.next()) else { return false };
    let then = words.next() == Some("then");
    *TARGET.lock().unwrap_or_else(PoisonError::into_inner) =
        Some((actor.to_owned(), message.to_owned(), then));
    AIMED.store(true, Ordering::Release);
    true
}

/// Panics where it is aimed at: called inside each handler of a guarded actor, with the names of its
/// types.
pub(super) fn strike_in(actor: &str, message: &str, then: bool) {
    if !AIMED.load(Ordering::Acquire) {
        return;
    }
    // The name of a type without its path and what it is generic over.
    let name = |full: &str| {
        let full = full.split('<').next().unwrap_or_default();
        full.rsplit("::").next().unwrap_or_default().to_owned()
    };
    let here = (name(actor), name(message), then);
    let mut target = TARGET.lock().unwrap_or_else(PoisonError::into_inner);
    if target.as_ref() == Some(&here) {
        *target = None;
        AIMED.store(false, Ordering::Release);
        drop(target);
        strike();
    }
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

dies_of_it!(Lobby, AiWorker);

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

impl Answers<WorkerFault> for AiPool {
    fn failed() {}

    fn answer(&mut self, _: WorkerFault, _: &mut Ctx<Self>) -> Reply<Self, ()> {
        Reply::now(|| {
            for worker in self.busy_workers() {
                worker.do_send(Fault);
            }
        })
    }
}

impl Handler<WorkerFault> for Lobby {
    type Result = ();

    fn handle(&mut self, fault: WorkerFault, _: &mut Self::Context) {
        self.setup.ai.do_send(fault);
    }
}
