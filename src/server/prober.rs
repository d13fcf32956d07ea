//! Asks each actor that others depend on whether it is there, again and again, and tells [`Health`] which
//! do not answer.
//!
//! Handshakers, Hashers and AiWorkers are not asked: they take their time by their nature, and whoever
//! waits for them is told when it takes too long. A Session stands on the thread of its Shard.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::rc::Rc;
use std::time::{Duration, Instant};

use actix::prelude::*;
use log::{error, info};
use tokio::time::sleep;

use crate::actors::guard::Guarded;
use crate::actors::ping::Ping;
use crate::actors::registry::Registry;
use crate::actors::registry::messages::LobbiesToAsk;
use crate::chat::lobbies::{GENERAL_ID, LobbyId};
use crate::clock;
use crate::health::Health;
use crate::logging::event;

/// How often the actors are asked, and what they answered is looked at.
const ASK_EVERY: Duration = Duration::from_millis(250);

/// How often it is looked at the start whether all have answered: nobody is to wait for that to be known.
pub(super) const LOOK_AT_START: Duration = Duration::from_millis(2);

/// An actor that has not answered for this long does not answer.
pub(super) const PATIENCE: Duration = Duration::from_secs(1);

/// Lobbies that are asked each time besides general: of a thousand each is asked every four seconds, which
/// costs no more than a message each millisecond.
const LOBBIES_AT_ONCE: usize = 64;

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Asked {
    /// By its name.
    Actor(String),
    /// One that may come and go.
    Lobby(LobbyId),
}

impl fmt::Display for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Actor(name) => f.write_str(name),
            Self::Lobby(GENERAL_ID) => f.write_str("lobby general"),
            // Its name is nobody's business who looks whether the server is well.
            Self::Lobby(LobbyId(number)) => write!(f, "lobby {number}"),
        }
    }
}

/// Whom it has asked and not heard of, and when it did. Nobody is asked again meanwhile, so that nothing
/// piles up in a mailbox that is not looked at.
type Waiting = Rc<RefCell<BTreeMap<Asked, Instant>>>;

/// The prober.
pub(super) struct Prober {
    health: Health,
    registry: Addr<Guarded<Registry>>,
    actors: Vec<(Asked, Recipient<Ping>)>,
    waiting: Waiting,
    /// From which of the lobbies on they are asked next.
    next_lobby: Rc<RefCell<usize>>,
}

impl Prober {
    /// Asks these, by their names, and the lobbies that the Registry knows.
    pub(super) fn new(
        health: Health,
        registry: Addr<Guarded<Registry>>,
        actors: impl IntoIterator<Item = (String, Recipient<Ping>)>,
    ) -> Self {
        let actors = actors.into_iter().map(|(name, actor)| (Asked::Actor(name), actor)).collect();
        Self { health, registry, actors, waiting: Rc::default(), next_lobby: Rc::default() }
    }

    /// Asks for ever.
    pub(super) async fn run(self) {
        let mut told = Vec::new();
        loop {
            self.ask_all();
            if self.health.is_known() {
                sleep(ASK_EVERY).await;
            } else {
                self.wait_for_all().await;
            }
            let silent = silent(&self.waiting.borrow(), clock::now());
            if silent != told {
                match silent.is_empty() {
                    true => info!(event = event::ACTORS_ANSWER; "all actors answer again"),
                    false => error!(event = event::ACTORS_SILENT; "{}", silent.join("; ")),
                }
                told.clone_from(&silent);
            }
            self.health.set_silent(silent);
        }
    }

    /// Waits until all have answered, but no longer than any may take.
    async fn wait_for_all(&self) {
        let begun = clock::now();
        // The Registry first says which lobbies there are.
        sleep(LOOK_AT_START).await;
        while !self.waiting.borrow().is_empty() && clock::since(begun) < PATIENCE {
            sleep(LOOK_AT_START).await;
        }
    }

    fn ask_all(&self) {
        for (name, actor) in &self.actors {
            ask(&self.waiting, name.clone(), actor);
        }
        // The Registry answers with whom to ask next: while it does not answer, no lobby is asked.
        let name = Asked::Actor("the Registry".to_owned());
        let Some(waits) = Waits::begin(&self.waiting, name) else { return };
        let (skip, max) = (*self.next_lobby.borrow(), LOBBIES_AT_ONCE);
        let answer = self.registry.send(LobbiesToAsk { skip, max });
        let (waiting, next) = (self.waiting.clone(), self.next_lobby.clone());
        actix_rt::spawn(async move {
            // Without an answer it stays among those that are waited for.
            let Ok(lobbies) = answer.await else { return };
            waits.end();
            *next.borrow_mut() = if lobbies.len() <= max { 0 } else { skip + max };
            for (id, lobby) in lobbies {
                ask(&waiting, Asked::Lobby(id), &lobby);
            }
        });
    }
}

/// Asks one, unless it was asked and has not answered.
fn ask(waiting: &Waiting, whom: Asked, actor: &Recipient<Ping>) {
    let may_go = matches!(whom, Asked::Lobby(_));
    let Some(waits) = Waits::begin(waiting, whom) else { return };
    let answer = actor.send(Ping);
    actix_rt::spawn(async move {
        // A lobby that ended, or broke, is none any more.
        if answer.await.is_ok() || may_go {
            waits.end();
        }
    });
}

/// One that is waited for.
struct Waits {
    waiting: Waiting,
    whom: Asked,
}

impl Waits {
    /// None where it is waited for already.
    fn begin(waiting: &Waiting, whom: Asked) -> Option<Self> {
        let mut all = waiting.borrow_mut();
        if all.contains_key(&whom) {
            return None;
        }
        all.insert(whom.clone(), clock::now());
        Some(Self { waiting: waiting.clone(), whom })
    }

    fn end(self) {
        self.waiting.borrow_mut().remove(&self.whom);
    }
}

/// A line for each that is waited for too long.
fn silent(waiting: &BTreeMap<Asked, Instant>, now: Instant) -> Vec<String> {
    let late =
        waiting.iter().filter(|(_, asked)| now.saturating_duration_since(**asked) >= PATIENCE);
    late.map(|(whom, _)| format!("{whom} does not answer")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_is_waited_for_too_long_is_told_of() {
        let now = clock::now();
        let asked = |ago: Duration| now.checked_sub(ago).unwrap();
        let waiting = BTreeMap::from([
            (Asked::Lobby(LobbyId(7)), asked(PATIENCE)),
            (Asked::Lobby(GENERAL_ID), asked(PATIENCE * 5)),
            (Asked::Actor("the Store".to_owned()), asked(PATIENCE)),
            (Asked::Actor("the Registry".to_owned()), asked(PATIENCE / 2)),
        ]);
        assert_eq!(
            silent(&waiting, now),
            [
                "the Store does not answer",
                "lobby general does not answer",
                "lobby 7 does not answer"
            ]
        );
    }
}
