//! The server's end of the operator's console, on a thread of its own: a chat that does not answer holds
//! nothing up here, and each question to an actor has its time.

mod deeds;
mod drain;
mod lists;
mod upkeep;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use actix::dev::ToEnvelope;
use actix::prelude::*;
use log::{info, warn};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Semaphore, mpsc};
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

use crate::actors::guard::{Answers, Guarded};
use crate::actors::hasher::HasherPool;
use crate::actors::registry::Registry;
use crate::actors::shard::Shard;
use crate::actors::store::StoreHandle;
use crate::chat::history::UnixMillis;
use crate::config::Live;
use crate::console::{Answer, MAX_REQUEST_BYTES, Request, RequestError, Socket, is_trusted};
use crate::draining::Phase;
use crate::logging::event;
use crate::net::listen::{ACCEPT_PAUSE, ListenerKind};
use crate::server::Shared;
use crate::server::nodes::SeenNodes;
use crate::server::reload::Reloader;

/// Operators and scripts that are served at one time.
const MAX_CLIENTS: u32 = 16;

/// Those who wait for the end of a drain at one time, besides: they stay for as long as it lasts, and are to keep
/// nobody out who looks how it goes on.
pub(super) const MAX_DRAINS: u32 = 8;

/// For a request to come, from the connection on.
const REQUEST_TIME: Duration = Duration::from_secs(5);

/// For a line of an answer to be taken.
const WRITE_TIME: Duration = Duration::from_secs(5);

/// For an actor that lists something to answer, as for its health.
const LIST_TIME: Duration = Duration::from_secs(1);

/// For an actor that has something stored to answer: longer than the disk is waited for.
const STORE_TIME: Duration = Duration::from_secs(10);

/// How often whoever waits hears that the server is there.
const WAIT_EVERY: Duration = Duration::from_secs(1);

/// Lines of an answer that wait to be written.
const LINES_WAITING: usize = 64;

/// For the last lines to be written when the server ends.
const CLOSE_TIME: Duration = Duration::from_secs(1);

/// All that the console reaches.
#[derive(Clone)]
pub(super) struct Reach {
    /// The settings in force.
    pub(super) config: Live,
    /// Names, lobbies, connections.
    pub(super) registry: Addr<Guarded<Registry>>,
    /// The threads of the chat.
    pub(super) shards: Arc<[Addr<Guarded<Shard>>]>,
    /// What outlives the process.
    pub(super) store: StoreHandle,
    /// Password work.
    pub(super) hasher: HasherPool,
    /// What is counted, and how the server is.
    pub(super) shared: Shared,
    /// Reads the settings anew.
    pub(super) reloader: Reloader,
    /// The nodes of the cluster; none where this server is alone.
    pub(super) nodes: Option<SeenNodes>,
    /// Where clients connect.
    pub(super) listeners: Vec<(ListenerKind, SocketAddr)>,
    /// The data directory.
    pub(super) dir: PathBuf,
    /// When the server started.
    pub(super) started: UnixMillis,
}

/// The console of a running server. Its socket goes with this.
pub(super) struct Console {
    _socket: Socket,
    places: Arc<Places>,
}

/// Those for whoever is served.
struct Places {
    clients: Semaphore,
    drains: Semaphore,
}

impl Console {
    /// Serves the socket, on a thread of its own.
    ///
    /// # Errors
    /// The socket cannot be used.
    pub(super) fn start(socket: Socket, reach: Reach) -> std::io::Result<Self> {
        let listener = socket.listener()?;
        let places = Arc::new(Places {
            clients: Semaphore::new(MAX_CLIENTS as usize),
            drains: Semaphore::new(MAX_DRAINS as usize),
        });
        let theirs = places.clone();
        info!(event = event::CONSOLE; "the console is at {}", socket.path().display());
        Arbiter::new().spawn_fn(move || {
            let listener = match UnixListener::from_std(listener) {
                Ok(listener) => listener,
                Err(reason) => {
                    return warn!(event = event::CONSOLE; "there is no console: {reason}");
                }
            };
            actix_rt::spawn(serve(listener, Rc::new(reach), theirs));
        });
        Ok(Self { _socket: socket, places })
    }

    /// Waits for those who are being answered, though not for long.
    pub(super) async fn close(self) {
        // Whoever is still at it then sees the end of the connection.
        let Places { clients, drains } = &*self.places;
        let all = async {
            tokio::join!(clients.acquire_many(MAX_CLIENTS), drains.acquire_many(MAX_DRAINS))
        };
        let _ = timeout(CLOSE_TIME, all).await;
    }
}

async fn serve(listener: UnixListener, reach: Rc<Reach>, places: Arc<Places>) {
    let mut failing = false;
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                failing = false;
                actix_rt::spawn(talk(stream, reach.clone(), places.clone()));
            }
            Err(reason) => {
                if !std::mem::replace(&mut failing, true) {
                    warn!(event = event::CONSOLE; "the console takes nobody at present: {reason}");
                }
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// One connection, which is for one request.
async fn talk(stream: UnixStream, reach: Rc<Reach>, places: Arc<Places>) {
    let Ok(mut place) = places.clients.try_acquire() else {
        let busy = Answer::failed("the console is busy. Try again in a moment");
        write(&stream, &busy).await;
        return;
    };
    // The mode of the socket says the same; this holds wherever somebody could change that.
    let uid = stream.peer_cred().map(|peer| peer.uid()).ok();
    if !uid.is_some_and(is_trusted) {
        let whose = uid.map_or("of no known number".to_owned(), |uid| format!("number {uid}"));
        warn!(event = event::CONSOLE_DENIED; "the console was opened by another user, {whose}");
        let denied = Answer::failed("only the user that lobbyd runs as, and root, may do that");
        write(&stream, &denied).await;
        return;
    }
    let request = match timeout(REQUEST_TIME, read(&stream)).await {
        Ok(Some(Ok(request))) => request,
        Ok(Some(Err(why))) => {
            write(&stream, &Answer::misused(why)).await;
            return;
        }
        // Whoever said nothing, or left, is told nothing.
        Ok(None) | Err(_) => return,
    };
    let drains = matches!(request, Request::Drain { .. });
    if drains {
        let Ok(waits) = places.drains.try_acquire() else {
            write(&stream, &drain::too_many()).await;
            return;
        };
        place = waits;
    }
    let draining = reach.shared.health.draining().clone();
    let (answers, waiting) = mpsc::channel(LINES_WAITING);
    let carried_out = async move {
        let last = reach.carry_out(request, &answers).await;
        // Who does not listen any more misses it.
        let _ = answers.send(last).await;
    };
    let ((), heard) = tokio::join!(carried_out, write_all(&stream, waiting));
    if drains && heard && matches!(draining.phase(), Phase::Stopping { .. }) {
        // It ends with the process: who waits for that can go on then.
        drop(place);
        std::future::pending().await
    }
}

/// Reads a request. None where there is none: the client has left.
async fn read(stream: &UnixStream) -> Option<Result<Request, RequestError>> {
    let mut line = Vec::new();
    loop {
        stream.readable().await.ok()?;
        let mut part = [0; 4_096];
        match stream.try_read(&mut part) {
            Ok(0) => return None,
            Ok(count) => line.extend_from_slice(&part[..count]),
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => continue,
            Err(_) => return None,
        }
        if let Some(end) = line.iter().position(|byte| *byte == b'\n') {
            return Some(Request::parse(&line[..end]));
        }
        if line.len() > MAX_REQUEST_BYTES {
            return Some(Err(RequestError::TooLong));
        }
    }
}

/// Writes answers as they come, and now and then that there is none yet. Whether the last one was taken.
async fn write_all(stream: &UnixStream, mut answers: mpsc::Receiver<Answer>) -> bool {
    let mut waiting = interval(WAIT_EVERY);
    waiting.set_missed_tick_behavior(MissedTickBehavior::Delay);
    waiting.reset();
    loop {
        let answer = tokio::select! {
            answer = answers.recv() => answer,
            _ = waiting.tick() => Some(Answer::Wait),
        };
        let Some(answer) = answer else { return true };
        if write(stream, &answer).await.is_none() {
            return false;
        }
    }
}

/// Writes a line. None where the client does not take it.
async fn write(stream: &UnixStream, answer: &Answer) -> Option<()> {
    let line = answer.to_line();
    let mut rest = line.as_bytes();
    let all = async {
        while !rest.is_empty() {
            stream.writable().await.ok()?;
            match stream.try_write(rest) {
                Ok(count) => rest = &rest[count..],
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
                Err(_) => return None,
            }
        }
        Some(())
    };
    timeout(WRITE_TIME, all).await.ok().flatten()
}

/// Where the lines of an answer go that come before the last one.
type Answering = mpsc::Sender<Answer>;

impl Reach {
    /// Does what is asked, and says how it ended.
    async fn carry_out(&self, request: Request, out: &Answering) -> Answer {
        let done = match request {
            Request::Status => Ok(self.status().await),
            Request::Users => self.users(out).await,
            Request::Lobbies => self.lobbies(out).await,
            Request::Nodes => self.nodes(out).await,
            Request::Kick { name, reason } => self.kick(&name, reason.as_deref()).await,
            Request::Ban { name, alone, terms } => self.ban(&name, alone, terms.as_deref()).await,
            Request::Bans => self.bans(out).await,
            Request::Unban { name } => self.unban(&name).await,
            Request::Announce { text } => self.announce(&text).await,
            Request::Reload => self.reload(out).await,
            Request::Drain { deadline } => self.drain(deadline, out).await,
            Request::CancelDrain => self.cancel_drain().await,
            Request::Backup { file } => self.backup(file).await,
            Request::Password { name, password } => self.password(&name, &password).await,
        };
        done.map_or_else(|failed| failed, Answer::Done)
    }
}

/// What came of something that was asked: what is told of it, or why it was not done.
type Outcome = Result<serde_json::Value, Answer>;

/// Asks an actor, who is called so. One that does not answer in time may still do it.
async fn ask<A, M>(
    actor: &Addr<Guarded<A>>,
    called: &str,
    time: Duration,
    message: M,
) -> Result<M::Result, Answer>
where
    A: Answers<M>,
    M: Message<Result: Send + 'static> + Send + 'static,
    Guarded<A>: Handler<M>,
    <Guarded<A> as Actor>::Context: ToEnvelope<Guarded<A>, M>,
{
    match timeout(time, actor.send(message)).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(_)) | Err(_) => {
            Err(Answer::failed(format!("{called} does not answer. lobbyd ctl status tells more")))
        }
    }
}
