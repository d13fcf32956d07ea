//! The engine as a node uses it: one task, which connects again and again, carries out wishes and gives notices.

use std::collections::VecDeque;
use std::future::pending;
use std::time::{Duration, Instant};

use async_nats::Client;
use futures_util::FutureExt;
use log::{info, warn};
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval, sleep};

use super::address::{Address, Addresses};
use super::connect::connect;
use super::error::{StartError, TryError};
use super::link::{Link, Loss, Notices};
use super::names::Names;
use super::open::Wanted;
use super::{BEAT_TIME, LOOK_TIME, NOTICES, READ_AHEAD, RETRY_FIRST, RETRY_MOST, WINDOW, WISHES};
use crate::clock;
use crate::cluster::engine::{Answer, LogState, Notice, Wish};
use crate::logging::event;

/// Things that come together and are taken in one go, before it is looked for wishes again.
const AT_ONCE: usize = 64;

/// A connection that was lost after less than this is no reason to hurry with the next.
const BRIEF: Duration = Duration::from_secs(2);

/// Which engine, and for which cluster.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where it is.
    pub addresses: Addresses,
    /// The cluster's name ([`super::is_cluster`]).
    pub cluster: String,
    /// The name of this node ([`super::is_node`]).
    pub node: String,
    /// Copies that the engine is to keep.
    pub replicas: u64,
    /// Whether log and table may be made where there are none.
    pub may_make: bool,
    /// How long it is tried at the start.
    pub patience: Duration,
}

impl Options {
    /// What is told where it could not be reached in all that time.
    fn away(&self, why: String) -> StartError {
        StartError::Away(self.addresses.clone(), why, self.patience.as_secs())
    }
}

/// The two ends of the engine that a node has. It ends where either is dropped.
///
/// Each request has one answer; without a connection it is [`Answer::Unknown`] at once. No more wishes are taken
/// while 256 requests wait, so whoever waits for room among the wishes must take notices meanwhile. What has no
/// answer when the engine ends may not have been sent.
#[derive(Debug)]
pub struct Engine {
    /// What is to be done, in this order.
    pub wishes: mpsc::Sender<Wish>,
    /// What has happened, in this order. The first is [`Notice::Connected`].
    pub notices: mpsc::Receiver<Notice>,
}

/// Connects, tries it for as long as the options say, and begins. It runs on the runtime of whoever calls it.
///
/// # Errors
/// Why the engine cannot be used: at once where no further try could help.
pub async fn start(options: Options) -> Result<Engine, StartError> {
    let (wishes_in, wishes) = mpsc::channel(WISHES);
    let (notices, notices_out) = mpsc::channel(NOTICES);
    let end = clock::now() + options.patience;
    let mut task = Task {
        names: Names::new(&options.cluster),
        options,
        turn: 0,
        wishes,
        notices,
        out: VecDeque::new(),
    };
    let mut delays = Delays::new();
    let (address, link) = loop {
        let why = match connect_to_any(&task.options, &task.names, &mut task.turn).await {
            Ok(found) => break found,
            Err((_, TryError::Lasting(error))) => return Err(error),
            Err((_, TryError::Waiting(error))) => error,
            Err((_, TryError::Passing(why))) => task.options.away(why),
        };
        let delay = delays.next();
        if clock::now() + delay >= end {
            return Err(why);
        }
        sleep(delay).await;
    };
    // Nobody runs it again after the first log: another one that is made anew is not this node's.
    task.options.may_make = false;
    tokio::spawn(task.run(address, link));
    Ok(Engine { wishes: wishes_in, notices: notices_out })
}

/// The nodes of a cluster that run; none where it has no log.
///
/// # Errors
/// Why the engine cannot be used.
pub async fn running(options: &Options) -> Result<Option<Vec<String>>, StartError> {
    at_any(options, async |wanted, client| wanted.running(&client).await).await
}

/// Makes the log of a cluster anew, with what a database has for its beginning, and says how it is.
///
/// # Errors
/// Why the engine cannot be used.
pub async fn refound(options: &Options) -> Result<LogState, StartError> {
    at_any(options, async |wanted, client| wanted.refound(&client).await).await
}

/// Does something once at one of the addresses, which are tried for as long as the options say.
async fn at_any<T>(
    options: &Options,
    does: impl AsyncFn(Wanted<'_>, Client) -> Result<T, TryError>,
) -> Result<T, StartError> {
    let (names, end) = (Names::new(&options.cluster), clock::now() + options.patience);
    let Options { node, replicas, may_make, .. } = options;
    let mut delays = Delays::new();
    loop {
        let mut why = None;
        for address in options.addresses.iter() {
            let wanted =
                Wanted { address, names: &names, replicas: *replicas, may_make: *may_make };
            let done = match connect(address, node).await {
                Ok(client) => does(wanted, client).await,
                Err(error) => Err(error),
            };
            match done {
                Ok(done) => return Ok(done),
                Err(TryError::Lasting(error)) => return Err(error),
                Err(TryError::Waiting(error)) => why = Some(error),
                Err(TryError::Passing(passing)) => why = Some(options.away(passing)),
            }
        }
        let delay = delays.next();
        if let Some(why) = why
            && clock::now() + delay >= end
        {
            return Err(why);
        }
        sleep(delay).await;
    }
}

/// How long it is waited between tries.
struct Delays(Duration);

impl Delays {
    fn new() -> Self {
        Self(RETRY_FIRST)
    }

    fn next(&mut self) -> Duration {
        let now = self.0;
        self.0 = (now * 2).min(RETRY_MOST);
        now
    }
}

/// How the use of a connection ended.
enum End {
    /// It is lost.
    Lost(Loss),
    /// The node wants no engine any more.
    Over,
}

/// Tries the addresses one after the other, from this one on. What is wrong with the last of them is told, or
/// what no other try could mend.
async fn connect_to_any(
    options: &Options,
    names: &Names,
    turn: &mut usize,
) -> Result<(Address, Link), (Address, TryError)> {
    let addresses: Vec<&Address> = options.addresses.iter().collect();
    let mut failed = None;
    for n in 0..addresses.len() {
        let at = (*turn + n) % addresses.len();
        let Some(address) = addresses.get(at).copied() else { continue };
        match connect_to(options, names, address).await {
            Ok(link) => {
                // After a loss another one is tried first.
                *turn = at + 1;
                return Ok((address.clone(), link));
            }
            Err(error @ TryError::Lasting(_)) => return Err((address.clone(), error)),
            Err(error) => failed = Some((address.clone(), error)),
        }
    }
    match failed {
        Some(failed) => Err(failed),
        // There is always an address.
        None => pending().await,
    }
}

async fn connect_to(options: &Options, names: &Names, address: &Address) -> Result<Link, TryError> {
    let Options { node, replicas, may_make, .. } = options;
    let client = connect(address, node).await?;
    let wanted = Wanted { address, names, replicas: *replicas, may_make: *may_make };
    let state = wanted.open(&client).await?;
    Link::begin(client, names.clone(), node, state).await
}

struct Task {
    options: Options,
    names: Names,
    /// Which address is tried next.
    turn: usize,
    wishes: mpsc::Receiver<Wish>,
    notices: mpsc::Sender<Notice>,
    /// Notices for which there was no room. Answers are no more than [`WINDOW`], what is read no more than
    /// [`READ_AHEAD`].
    out: Notices,
}

impl Task {
    /// Until the node wants no more.
    async fn run(mut self, mut address: Address, mut link: Link) {
        let mut delays = Delays::new();
        loop {
            let since = clock::now();
            info!(event = event::ENGINE; "the engine at {address} is connected");
            self.out.push_back(Notice::Connected(link.state()));
            let ended = self.serve(&mut link).await;
            link.end(&mut self.out);
            let End::Lost(loss) = ended else { return };
            warn!(event = event::ENGINE; "the engine at {address} is lost: {loss}");
            self.out.push_back(Notice::Lost);
            // One that is lost at once, again and again, is not to be made as fast as it is lost.
            if clock::since(since) < BRIEF {
                if !self.wait(delays.next()).await {
                    return;
                }
            } else {
                delays = Delays::new();
            }
            match self.find_again().await {
                Some(found) => (address, link) = found,
                None => return,
            }
        }
    }

    /// Tries until there is a connection. None where the node wants no more.
    async fn find_again(&mut self) -> Option<(Address, Link)> {
        let (mut delays, mut told) = (Delays::new(), None);
        loop {
            let found = tokio::select! {
                found = connect_to_any(&self.options, &self.names, &mut self.turn) => found,
                () = refuse(&mut self.wishes, &self.notices, &mut self.out) => return None,
            };
            let why = match found {
                Ok(found) => return Some(found),
                Err((address, TryError::Passing(why))) => {
                    format!("the engine at {address} is away: {why}")
                }
                Err((_, TryError::Waiting(error) | TryError::Lasting(error))) => error.to_string(),
            };
            if told.as_ref() != Some(&why) {
                warn!(event = event::ENGINE; "{why}");
                told = Some(why);
            }
            if !self.wait(delays.next()).await {
                return None;
            }
        }
    }

    /// Answers for so long what is asked without a connection. False where the node wants no more.
    async fn wait(&mut self, time: Duration) -> bool {
        tokio::select! {
            () = sleep(time) => true,
            () = refuse(&mut self.wishes, &self.notices, &mut self.out) => false,
        }
    }

    /// Uses a connection until it is lost.
    async fn serve(&mut self, link: &mut Link) -> End {
        let mut looks = interval(LOOK_TIME);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut asked = clock::now();
        loop {
            give(&self.notices, &mut self.out);
            let has_room = self.out.len() < READ_AHEAD;
            // Answers that the node has not taken count too.
            let is_open = link.requests() < WINDOW && has_room;
            let done = tokio::select! {
                came = link.next(has_room) => {
                    let now = clock::now();
                    let mut done = link.came(came, &mut self.out, now);
                    for _ in 1..AT_ONCE {
                        let next = if done.is_ok() { link.next(self.out.len() < READ_AHEAD).now_or_never() } else { None };
                        let Some(came) = next else { break };
                        done = link.came(came, &mut self.out, now);
                    }
                    done
                }
                wish = self.wishes.recv(), if is_open => match wish {
                    Some(wish) => link.wish(wish, &mut self.out, clock::now()),
                    None => return End::Over,
                },
                _ = looks.tick() => Self::look(link, &mut asked, &mut self.out),
                room = self.notices.reserve(), if !self.out.is_empty() => match room {
                    Ok(room) => {
                        if let Some(notice) = self.out.pop_front() {
                            room.send(notice);
                        }
                        Ok(())
                    }
                    Err(_) => return End::Over,
                },
                () = self.notices.closed() => return End::Over,
            };
            if let Err(loss) = done {
                return End::Lost(loss);
            }
        }
    }

    fn look(link: &mut Link, asked: &mut Instant, out: &mut Notices) -> Result<(), Loss> {
        let now = clock::now();
        link.look(out, now)?;
        if now.saturating_duration_since(*asked) >= BEAT_TIME {
            *asked = now;
            link.ask_how_it_is(now);
        }
        Ok(())
    }
}

/// Hands notices to the node, as many as it has room for.
fn give(notices: &mpsc::Sender<Notice>, out: &mut Notices) {
    while !out.is_empty() {
        let Ok(room) = notices.try_reserve() else { return };
        let Some(notice) = out.pop_front() else { return };
        room.send(notice);
    }
}

/// Answers all that is asked while there is no connection. It ends when the node wants no more.
async fn refuse(
    wishes: &mut mpsc::Receiver<Wish>,
    notices: &mpsc::Sender<Notice>,
    out: &mut Notices,
) {
    loop {
        give(notices, out);
        let has_room = out.len() < READ_AHEAD;
        tokio::select! {
            wish = wishes.recv(), if has_room => match wish {
                Some(Wish::Ask(id, _)) => out.push_back(Notice::Answered(id, Answer::Unknown)),
                // They are for a connection, and are wished again on the next one.
                Some(Wish::Read(_) | Wish::Hold(_) | Wish::Watch | Wish::Send { .. }) => {}
                None => return,
            },
            room = notices.reserve(), if !out.is_empty() => match room {
                Ok(room) => {
                    if let Some(notice) = out.pop_front() {
                        room.send(notice);
                    }
                }
                Err(_) => return,
            },
            () = notices.closed() => return,
        }
    }
}
