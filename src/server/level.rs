//! For the tests: has a node of a cluster say how far it is, and wait until it is as far as another. So a test with
//! clients on several nodes can do one thing after another. In debug builds, where `LOBBYD_LEVEL` in the
//! environment is the path of a socket to be.
//!
//! A line `say` is answered with a position in the log by which all stands that was proposed here before; a line
//! with a position, once everything up to there has happened here, and what letters said before it.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use actix::prelude::*;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::watch;

use crate::actors::guard::Guarded;
use crate::actors::log::Shared;
use crate::actors::ping::Ping;
use crate::actors::registry::Registry;
use crate::actors::registry::messages::LobbiesToAsk;
use crate::actors::shard::Shard;
use crate::cluster::engine::Position;

/// The longest line that is asked.
const MAX_LINE: usize = 64;

/// What is asked for it.
#[derive(Clone)]
pub(super) struct Level {
    pub(super) log: Shared,
    pub(super) registry: Addr<Guarded<Registry>>,
    pub(super) shards: Arc<[Addr<Guarded<Shard>>]>,
    /// Up to where the Registry has been given what is in the log.
    pub(super) passed: watch::Receiver<Position>,
}

#[expect(clippy::disallowed_methods, reason = "it is for tests, and no setting")]
fn wanted() -> Option<PathBuf> {
    std::env::var_os("LOBBYD_LEVEL").map(PathBuf::from)
}

impl Level {
    /// Answers for ever, where it is wanted.
    pub(super) fn start(self) -> io::Result<()> {
        let Some(path) = wanted() else { return Ok(()) };
        let listener = UnixListener::bind(path)?;
        actix_rt::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                actix_rt::spawn(self.clone().answer(socket));
            }
        });
        Ok(())
    }

    async fn answer(mut self, socket: UnixStream) {
        let mut socket = BufReader::new(socket);
        let mut line = String::with_capacity(MAX_LINE);
        while let Ok(1..=MAX_LINE) = socket.read_line(&mut line).await {
            let at = match line.trim().parse() {
                Ok(position) => {
                    let _ = self.passed.wait_for(|passed| passed.0 >= position).await;
                    // A letter that came before that may be read just after it, but not after what comes later.
                    let _ = self.log.keep(Vec::new()).await;
                    position
                }
                Err(_) => {
                    self.settle().await;
                    // What was proposed before it stands before it.
                    let _ = self.log.keep(Vec::new()).await;
                    self.passed.borrow().0
                }
            };
            self.settle().await;
            if socket.write_all(format!("{at}\n").as_bytes()).await.is_err() {
                return;
            }
            line.clear();
        }
    }

    /// Waits until what was in the mailboxes has been done, and what came of that.
    async fn settle(&self) {
        for shard in self.shards.iter() {
            let _ = shard.send(Ping).await;
        }
        let all = LobbiesToAsk { skip: 0, max: usize::MAX };
        for (_, lobby) in self.registry.send(all).await.unwrap_or_default() {
            let _ = lobby.send(Ping).await;
        }
        let _ = self.registry.send(Ping).await;
        for shard in self.shards.iter() {
            let _ = shard.send(Ping).await;
        }
    }
}
