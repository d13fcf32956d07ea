//! Faults on demand, to test what one costs. Only builds with debug assertions have this, and only
//! where `LOBBYD_FAULTS=on` is in the environment: then `/fault <actor>` makes that actor panic, and
//! `/fault wedge <actor>` makes it do nothing for some seconds, with all that is on its thread.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

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

/// Blocks the thread.
#[expect(clippy::disallowed_methods, reason = "the point of it")]
pub(super) fn wedge(time: Duration) {
    std::thread::sleep(time);
}

/// What the next fault of an actor is.
#[derive(Debug, PartialEq, Eq)]
enum Fate {
    /// A panic.
    Panic,
    /// It does nothing for so long.
    Wedge(Duration),
}

/// Where it is to strike: the actor, the message, and whether in what it does after it has waited.
type Place = (String, String, bool);

/// The next fault. Empty for none.
static TARGET: Mutex<Option<(Place, Fate)>> = Mutex::new(None);

/// Whether there is one: looked at for every message.
static AIMED: AtomicBool = AtomicBool::new(false);

/// `<Actor> <Message>`, or `<Actor> <Message> then`: the next such message panics there.
/// `wedge <Actor> <Message> <seconds>`: it blocks the thread for so long.
pub(super) fn aim(at: &str) -> bool {
    let (fate, place) = match at.strip_prefix("wedge ").and_then(|rest| rest.rsplit_once(' ')) {
        Some((place, secs)) => {
            let Some(time) = seconds(secs) else { return false };
            (Fate::Wedge(time), place)
        }
        None => (Fate::Panic, at),
    };
    let mut words = place.split_whitespace();
    let (Some(actor), Some(message)) = (words.next(), words.next()) else { return false };
    let place = (actor.to_owned(), message.to_owned(), words.next() == Some("then"));
    *TARGET.lock().unwrap_or_else(PoisonError::into_inner) = Some((place, fate));
    AIMED.store(true, Ordering::Release);
    true
}

/// A number of seconds, as `/fault` has it.
pub(super) fn seconds(word: &str) -> Option<Duration> {
    word.parse().ok().map(Duration::from_secs)
}

/// Panics or blocks where it is aimed at: called inside each handler of a guarded actor, and in some others',
/// with the names of its types.
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
    let Some((_, fate)) = target.take_if(|(place, _)| *place == here) else { return };
    AIMED.store(false, Ordering::Release);
    drop(target);
    match fate {
        Fate::Panic => strike(),
        Fate::Wedge(time) => wedge(time),
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
