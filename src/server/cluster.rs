//! A node of a cluster: how it is reached by the actors, which one it is, how it is started. What it does while it runs
//! is `driver.rs`.

mod driver;

use std::fs;
use std::hash::{BuildHasher, DefaultHasher, Hash, Hasher, RandomState};
use std::sync::Arc;

use actix::prelude::*;
use tokio::sync::{mpsc, oneshot};

use crate::actors::guard::Guarded;
use crate::actors::log::{Append, Letter, Log, Proposal, Shared};
use crate::actors::registry::Registry;
use crate::actors::store::StoreHandle;
use crate::cluster::mark::Mark;
use crate::nats::{self, Engine};
use crate::server::cluster::driver::Driver;
#[cfg(debug_assertions)]
use crate::server::cluster::driver::To;
use crate::server::{self, nodes::SeenNodes};

/// The way from the actors to the node.
struct ToNode(mpsc::UnboundedSender<Wanted>);

/// What the actors want of the node.
pub(super) enum Wanted {
    /// Something is to happen.
    Proposed(Proposal),
    /// Something is to be sent to the node of a life, or to all others.
    Letter(Option<u32>, Letter),
    /// It cannot go on, and why.
    Stop(String),
    /// All users have gone: this life is to be over.
    End(oneshot::Sender<()>),
}

impl Append for ToNode {
    fn append(&self, proposal: Proposal) {
        // At the end nobody is left to take it.
        let _ = self.0.send(Wanted::Proposed(proposal));
    }

    fn send(&self, life: Option<u32>, letter: Letter) {
        let _ = self.0.send(Wanted::Letter(life, letter));
    }

    fn stop(&self, why: String) {
        let _ = self.0.send(Wanted::Stop(why));
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
    /// Its name.
    pub node: String,
    /// Where it runs: [`Opened::place`](super::Opened::place).
    pub place: u64,
    /// Copies that the engine keeps.
    pub replicas: u8,
    /// How far it has followed the log.
    pub mark: Mark,
}

/// What Linux calls the time for which a machine is up.
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

/// A number for where a node runs. As long as its machine is up, that of a data directory, which has one process at a
/// time, is the same again: whoever had it before has ended, and need not be waited for. Without such a directory, and
/// for another one, even a copy, it is another number.
pub(super) fn place(lock_id: Option<(u64, u64)>) -> u64 {
    match (lock_id, fs::read_to_string(BOOT_ID)) {
        (Some(lock_id), Ok(boot)) => place_of(&boot, lock_id),
        (None, _) | (_, Err(_)) => RandomState::new().hash_one(std::process::id()),
    }
}

fn place_of(boot: &str, lock_id: (u64, u64)) -> u64 {
    // Alike in each process of one build. After an upgrade it may be another, which costs a wait.
    let mut hasher = DefaultHasher::new();
    (boot, lock_id).hash(&mut hasher);
    hasher.finish()
}

/// A node that has found its engine. Both have a thread of their own: neither a busy chat nor a long write delays
/// a heartbeat, by which the others know that this node lives.
pub struct Joined {
    thread: ArbiterHandle,
    engine: Engine,
    membership: Membership,
}

/// Finds the engine of the cluster, which is tried for as long as the options say.
///
/// # Errors
/// Why the engine cannot be used.
pub async fn join(
    options: nats::Options,
    membership: Membership,
) -> Result<Joined, nats::StartError> {
    let thread = Arbiter::new().handle();
    let (found, waits) = oneshot::channel();
    let (addresses, patience) = (options.addresses.clone(), options.patience.as_secs());
    thread.spawn(async move {
        // Whoever does not wait any more wants no engine.
        let _ = found.send(nats::start(options).await);
    });
    let broke = |_| nats::StartError::Away(addresses, "its thread broke".to_owned(), patience);
    let engine = waits.await.map_err(broke)??;
    Ok(Joined { thread, engine, membership })
}

impl Joined {
    /// Goes on as a node of the cluster. What comes out of the log is for these actors.
    pub(super) fn start(
        self,
        wanted: mpsc::UnboundedReceiver<Wanted>,
        actors: (Addr<Guarded<Registry>>, StoreHandle),
        shared: server::Shared,
        seen: SeenNodes,
    ) -> Running {
        let Self { thread, engine, membership } = self;
        let (ready, caught_up) = oneshot::channel();
        let (stops, stopped) = oneshot::channel();
        let driver =
            Driver::new(membership, (engine, wanted), actors, (shared, seen), (ready, stops));
        #[cfg(debug_assertions)]
        let to = driver.to();
        thread.spawn(driver.run());
        Running {
            caught_up: Some(caught_up),
            stopped,
            #[cfg(debug_assertions)]
            to,
        }
    }
}

/// A node that was started.
pub(super) struct Running {
    caught_up: Option<oneshot::Receiver<()>>,
    stopped: oneshot::Receiver<String>,
    /// Up to where the Registry has been given what is in the log.
    #[cfg(debug_assertions)]
    to: To,
}

impl Running {
    /// Up to where the Registry has been given what is in the log.
    #[cfg(debug_assertions)]
    pub(super) fn to(&self) -> To {
        self.to.clone()
    }

    /// Waits until it has caught up with the log.
    ///
    /// # Errors
    /// It had to stop, and why.
    pub(super) async fn catch_up(&mut self) -> Result<(), String> {
        let Some(caught_up) = self.caught_up.take() else { return Ok(()) };
        tokio::select! {
            why = self.stop() => Err(why),
            // One that has ended says why.
            Ok(()) = caught_up => Ok(()),
        }
    }

    /// Waits until it has to stop. Answered with why.
    pub(super) async fn stop(&mut self) -> String {
        let ended = |_| "the thread that speaks with its engine has ended".to_owned();
        (&mut self.stopped).await.unwrap_or_else(ended)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_of_one_directory_of_one_machine_that_is_up() {
        let here = place_of("a", (1, 2));
        assert_eq!(here, place_of("a", (1, 2)));
        for (boot, lock_id) in [("b", (1, 2)), ("a", (2, 2)), ("a", (1, 3)), ("a", (2, 1))] {
            assert_ne!(here, place_of(boot, lock_id), "{boot} {lock_id:?}");
        }
        // What has no directory is like nothing else.
        assert_ne!(place(None), place(None));
        assert_eq!(place(Some((1, 2))), place(Some((1, 2))));
    }
}
