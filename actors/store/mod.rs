//! The Store actor: owns the database, on a thread of its own.
//!
//! What is kept (messages above all) is gathered and written in groups, so that the chat never waits
//! for the disk. What must be stored before a user is told so is a transaction of its own. While the
//! disk cannot be written, what is kept waits, bounded, and is tried again. What is asked is answered
//! on other threads and connections, so that no question holds up what is written.

mod coming;
pub mod messages;
mod reader;

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{self, Poll, Waker, ready};
use std::time::{Duration, Instant};

use ::log::{debug, error, info, warn};
use actix::prelude::*;
use rustix::process::nice;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::actors::guard::{self, Answers, Ctx, Dependable, Drive, Guarded, Pause, Reply, survive};
use crate::actors::log::Log;
use crate::actors::ping::Ping;
pub use crate::actors::store::coming::{Applying, Unwritten};
use crate::actors::store::coming::{Coming, Mark};
use crate::actors::store::messages::{
    Close, Commit, Flush, Lane, LeaveMail, MailLeft, Numbered, Question, Read, ReadHistory, Which,
};
use crate::actors::store::reader::{Reader, answer};
use crate::chat::accounts::MAX_MAIL;
use crate::chat::history::Entry;
use crate::chat::lobbies::LobbyId;
use crate::chat::retention::Kept;
use crate::clock;
use crate::clock::unix_now;
use crate::config::Live;
use crate::health::Health;
use crate::logging::event;
use crate::metrics::Metrics;
use crate::store::{Change, Db, Left, MessageId, NodeChange, StoreError};

/// Changes in one transaction at most: some 30 ms of work. More would hold up whoever waits for a command
/// of theirs; with fewer, a burst in many lobbies writes the same pages again and again.
const GROUP_ROWS: usize = 4_000;

/// How long the first change of a group waits for others.
const GROUP_TIME: Duration = Duration::from_millis(20);

/// Bytes that may wait while the disk cannot be written; then the oldest goes. Not on a node of a cluster, which
/// would differ from the others for ever: there the driver reads no more of the log before that.
const MAX_WAITING_BYTES: usize = 16 * 1024 * 1024;

/// Time between two tries while the disk cannot be written.
const RETRY_TIME: Duration = Duration::from_secs(1);

/// So long whoever reads waits for what the records do that are being applied: they take microseconds, unless
/// an actor does not answer.
const SETTLE_TIME: Duration = Duration::from_secs(1);

/// How often messages over the limits are looked for, and the pause between two steps of deleting.
const TRIM_EVERY: Duration = Duration::from_secs(60);
const TRIM_PAUSE: Duration = Duration::from_millis(20);

/// Rows that one step deletes.
const TRIM_ROWS: usize = 200;

/// Searches that wait for their turn at most: the last of them then waits for three seconds.
const MAX_SEARCHES: usize = 64;

/// The Store's share of a busy machine: the chat goes first.
pub(super) const NICENESS: i32 = 10;

/// Where everybody reaches the Store.
#[derive(Clone)]
pub struct StoreHandle {
    addr: Addr<Guarded<Store>>,
    coming: Arc<Coming>,
    /// Those that read, for each [`Lane`]; none for a database in memory, which the Store itself reads.
    readers: Option<[Addr<Reader>; 2]>,
    searches: Searches,
    config: Live,
    log: Log,
}

/// The turns of searches: one is on its way to the database, so that no read that comes after it waits
/// longer than for that one, wherever they are answered.
#[derive(Clone)]
struct Searches {
    places: Arc<Semaphore>,
    turn: Arc<Semaphore>,
}

/// A message of a lobby, wherever it is.
pub enum Stored {
    /// In the database.
    There(MessageId),
    /// It waits to be written.
    Waiting(Numbered),
}

/// What is kept of what was said, at this instant.
fn kept_now(config: &Live) -> Kept {
    // First, since it looks whether the clock was set.
    let now = unix_now();
    config.get().retention().kept(now, clock::is_in_doubt())
}

/// The actor.
pub struct Store {
    db: Db,
    config: Live,
    queue: VecDeque<Change>,
    queued_bytes: usize,
    /// When it was tried last to write.
    since: Instant,
    failing: Option<Failing>,
    /// Whether what is kept follows a log, and none of it may be let go.
    follows: bool,
    coming: Arc<Coming>,
    health: Health,
    metrics: Arc<Metrics>,
}

/// A time in which the disk cannot be written.
struct Failing {
    reason: StoreError,
    lost: usize,
}

impl StoreHandle {
    /// Starts the Store on a thread of its own.
    pub fn start(db: Db, config: Live, health: Health, metrics: Arc<Metrics>, log: Log) -> Self {
        let coming = Arc::new(Coming::default());
        let theirs = coming.clone();
        let readers = match start_readers(&db, &config) {
            Ok(readers) => readers,
            Err(reason) => {
                warn!(
                    event = event::DATA_READER;
                    "the database is read on the thread that writes it: {reason}"
                );
                None
            }
        };
        let settings = config.clone();
        let follows = matches!(log, Log::Shared(_));
        let addr = Guarded::start_in_arbiter(&Arbiter::new().handle(), move |_| {
            Guarded::new(Store {
                db,
                config: settings,
                queue: VecDeque::new(),
                queued_bytes: 0,
                since: clock::now(),
                failing: None,
                follows,
                coming: theirs,
                health,
                metrics,
            })
        });
        let semaphore = |places| Arc::new(Semaphore::new(places));
        let searches = Searches { places: semaphore(MAX_SEARCHES), turn: semaphore(1) };
        Self { addr, coming, readers, searches, config, log }
    }

    /// Where things happen.
    pub fn log(&self) -> &Log {
        &self.log
    }

    /// Keeps changes, some time soon.
    pub fn keep(&self, changes: impl IntoIterator<Item = Change>) {
        self.coming.add(changes);
    }

    /// Keeps what a user has changed, some time soon: on every node, where there are several.
    pub fn note(&self, changes: Vec<Change>) {
        match &self.log {
            Log::Alone => self.keep(changes),
            Log::Shared(log) => drop(log.keep(changes)),
        }
    }

    /// Writes changes, all or none.
    ///
    /// # Errors
    /// Nothing was written.
    pub async fn commit(&self, changes: Vec<Change>) -> Result<(), StoreError> {
        if let Log::Shared(log) = &self.log {
            let kept = log.keep(changes).await;
            kept.map_err(|_| StoreError::Other("the log has ended".into()))?;
            return self.write_out().await;
        }
        self.addr.send(Commit(changes, self.coming.mark())).await.map_err(gone)?
    }

    /// Keeps a private message for an account that is not connected.
    ///
    /// # Errors
    /// It was not written.
    pub async fn leave_mail(&self, letter: LeaveMail) -> Result<Left, StoreError> {
        if let Log::Shared(_) = self.log {
            let LeaveMail(to, mail) = letter;
            // Of two that come at once for the last place, the log says which has it.
            self.commit(vec![Change::MailAdded { to, mail: mail.clone() }]).await?;
            return self.ask(MailLeft(to, mail)).await;
        }
        self.addr.send(letter).await.map_err(gone)?
    }

    /// Asks the database, on a connection of its own where there is one.
    ///
    /// # Errors
    /// The database does not answer as it should, or not in time.
    pub async fn ask<Q: Question>(&self, question: Q) -> Result<Q::Answer, StoreError> {
        let (_place, turn) = match Q::LANE {
            Lane::Quick => (None, None),
            Lane::Search => {
                let Searches { places, turn } = self.searches.clone();
                let place = places.try_acquire_owned().map_err(|_| StoreError::Overloaded)?;
                (Some(place), turn.acquire_owned().await.ok())
            }
        };
        // What another node has done is written by nobody who waits for that.
        if Q::FRESH || matches!(self.log, Log::Shared(_)) {
            self.flush(None).await?;
        }
        let read = Read(question, turn);
        match &self.readers {
            Some(readers) => readers[Q::LANE as usize].send(read).await,
            None => self.addr.send(read).await,
        }
        .map_err(gone)?
    }

    /// What was said last in a lobby, oldest first, also what waits to be written.
    ///
    /// # Errors
    /// The database does not answer as it should, or not in time.
    pub async fn history(&self, ask: ReadHistory) -> Result<Vec<Stored>, StoreError> {
        let ReadHistory { lobby, count, which, ignores } = ask;
        let mut waiting = self.flush(Some(lobby)).await?;
        let which = match which {
            Which::Before(newest) => {
                // What waits is the newest.
                let not_waiting = newest.saturating_sub(waiting.len());
                waiting.truncate(waiting.len().saturating_sub(newest));
                Which::Before(not_waiting)
            }
            Which::Numbers(numbers) => {
                waiting.retain(|(seq, _)| numbers.contains(seq));
                Which::Numbers(numbers)
            }
        };
        let there = ReadHistory { lobby, count, which, ignores: ignores.clone() };
        let ids = self.ask(there).await?;
        // Some of it may have been written meanwhile.
        let last = ids.last().map(|id| id.seq);
        let Kept { since, messages } = self.kept();
        if last.is_none() {
            // A lobby begins with the first message that is not too old.
            waiting.drain(..waiting.iter().take_while(|(_, entry)| entry.at < since).count());
        }
        waiting.retain(|(seq, entry)| last < Some(*seq) && !ignores.contains(&entry.author));
        let waiting = waiting.into_iter().map(Stored::Waiting);
        let mut all: Vec<Stored> = ids.into_iter().map(Stored::There).chain(waiting).collect();
        let count = count.min(usize::try_from(messages).unwrap_or(count));
        Ok(all.split_off(all.len().saturating_sub(count)))
    }

    /// What is kept of what was said at this instant, and is therefore shown.
    pub fn kept(&self) -> Kept {
        kept_now(&self.config)
    }

    /// Has what was kept written, as far as the disk takes it.
    ///
    /// # Errors
    /// The Store does not answer.
    pub async fn write_out(&self) -> Result<(), StoreError> {
        self.flush(None).await.map(|_| ())
    }

    /// A record of the log is applied from here on: what lasts of it is written in the order of the log, with
    /// the mark that stands for it.
    pub fn begin_record(&self, mark: Option<Box<[u8]>>) -> Applying {
        self.coming.begin_record(mark.map(|mark| Change::Node(NodeChange::Applied(mark))))
    }

    /// Has written what was kept, and tells what of a lobby cannot be.
    async fn flush(&self, lobby: Option<LobbyId>) -> Result<Vec<(u64, Arc<Entry>)>, StoreError> {
        if let Some(settled) = self.coming.settled() {
            let _ = timeout(SETTLE_TIME, settled).await;
        }
        self.addr.send(Flush(lobby)).await.map_err(gone)
    }

    /// What waits to be written.
    pub fn unwritten(&self) -> Unwritten {
        self.coming.unwritten()
    }

    /// Those of whom others wait for answers, by what they are called.
    pub fn to_ask(&self) -> Vec<(&'static str, Recipient<Ping>)> {
        let mut all = vec![("the Store", self.addr.clone().recipient())];
        if let Some([quick, search]) = self.readers.clone() {
            all.push(("the quick Reader", quick.recipient()));
            all.push(("the searching Reader", search.recipient()));
        }
        all
    }

    /// Has everything written that waits, and nothing read any more.
    pub async fn close(&self) {
        // First, since a read may take its time, and all of this has little.
        let _ = self.flush(None).await;
        for reader in self.readers.iter().flatten() {
            let _ = reader.send(Close).await;
        }
        let _ = self.addr.send(Close).await;
    }
}

fn is_message(change: &Change) -> bool {
    matches!(change, Change::Said { .. })
}

/// How many of these make the next group: a record of the log is written whole, or not at all.
fn group_rows(waiting: &[Change]) -> usize {
    if waiting.len() <= GROUP_ROWS {
        return waiting.len();
    }
    let (first, rest) = waiting.split_at(GROUP_ROWS);
    let ends = |change: &Change| matches!(change, Change::Node(NodeChange::Applied(_)));
    match (first.iter().rposition(ends), rest.iter().position(ends)) {
        (Some(last), _) => last + 1,
        (None, Some(next)) => GROUP_ROWS + next + 1,
        (None, None) => GROUP_ROWS,
    }
}

fn gone(_: MailboxError) -> StoreError {
    StoreError::Other("the store has ended".into())
}

/// Threads that read, where the database can be read beside its writer.
fn start_readers(db: &Db, config: &Live) -> Result<Option<[Addr<Reader>; 2]>, StoreError> {
    let (Some(quick), Some(search)) = (db.reader()?, db.reader()?) else { return Ok(None) };
    Ok(Some([quick, search].map(|db| Reader::start_on_thread(db, config.clone()))))
}

impl Store {
    /// Writes what waits, a group at a time. Stops at the first group that the disk does not take.
    fn write(&mut self) {
        while !self.queue.is_empty() {
            let rows = group_rows(self.queue.make_contiguous());
            let group = &self.queue.make_contiguous()[..rows];
            let begun = clock::now();
            let applied = self.db.apply(group);
            self.took(begun);
            match applied {
                Ok(()) => {
                    self.forget(rows);
                    self.recovered();
                }
                Err(StoreError::Rejected(index)) => {
                    // It would be rejected for ever, and hold up all that come after it.
                    error!(
                        event = event::DATA_REJECTED;
                        "a change contradicts what is stored and is left out"
                    );
                    if let Some(change) = self.queue.remove(index) {
                        self.queued_bytes -= change.bytes();
                    }
                }
                Err(reason) => return self.failed(&reason),
            }
        }
        // What a burst took is given back; a group as large as most fits without a new allocation.
        self.queue.shrink_to(GROUP_ROWS);
        self.since = clock::now();
        self.note_held();
    }

    /// A group of changes was written, or was not.
    fn took(&self, begun: Instant) {
        self.metrics.store_latency.observe(clock::since(begun).as_secs_f64());
    }

    /// So many changes wait here.
    fn note_held(&self) {
        self.coming.note_held(self.queue.len(), self.queued_bytes);
    }

    fn forget(&mut self, rows: usize) {
        let bytes: usize = self.queue.drain(..rows).map(|change| change.bytes()).sum();
        self.queued_bytes -= bytes;
    }

    fn failed(&mut self, reason: &StoreError) {
        self.health.set_store_fails(true);
        self.metrics.store_errors.inc();
        if self.failing.is_none() {
            error!(
                event = event::DATA_FAILING;
                "the database cannot be written, messages wait: {reason}"
            );
        }
        self.since = clock::now();
        let lost = self.failing.take().map_or(0, |failing| failing.lost);
        self.failing = Some(Failing { reason: reason.clone(), lost });
        self.let_oldest_go();
        self.note_held();
    }

    fn let_oldest_go(&mut self) {
        let Some(failing) = self.failing.as_mut().filter(|_| !self.follows) else { return };
        while self.queued_bytes > MAX_WAITING_BYTES {
            let oldest = self.queue.iter().position(is_message);
            let Some(oldest) = oldest.and_then(|index| self.queue.remove(index)) else { break };
            self.queued_bytes -= oldest.bytes();
            failing.lost += 1;
        }
    }

    fn recovered(&mut self) {
        if let Some(Failing { lost, .. }) = self.failing.take() {
            self.health.set_store_fails(false);
            info!(
                event = event::DATA_RECOVERED;
                "the database is written again; {lost} changes were lost meanwhile"
            );
        }
    }

    /// Takes what is kept before a mark, or before any.
    fn take(&mut self, mark: Option<&Mark>) {
        let taken = self.coming.take(mark, &mut self.queue);
        if taken.lost > 0 {
            warn!(
                event = event::DATA_BEHIND;
                "the database takes changes again; {} messages were not kept meanwhile",
                taken.lost
            );
        }
        self.queued_bytes += taken.bytes;
        self.let_oldest_go();
        self.note_held();
    }

    /// How long until the next group is due: no time where it is, none at all where nothing waits.
    fn wait(&self, waker: &Waker) -> Option<Duration> {
        let (coming, first) = self.coming.ready(waker);
        let waiting = self.queue.len() + coming;
        let (time, since) = match self.failing {
            Some(_) => (RETRY_TIME, self.since),
            None if waiting >= GROUP_ROWS => return Some(Duration::ZERO),
            None => (GROUP_TIME, first.map_or(self.since, |first| first.max(self.since))),
        };
        (waiting > 0).then(|| time.saturating_sub(clock::since(since)))
    }

    /// Takes and writes what was kept.
    fn flush(&mut self) {
        self.take(None);
        if self.failing.is_none() {
            self.write();
        }
    }

    /// Writes all or nothing, after what was taken before.
    fn commit(&mut self, changes: &[Change]) -> Result<(), StoreError> {
        self.transact(|db| db.apply(changes))
    }

    /// One transaction, after what was taken before.
    fn transact<T>(
        &mut self,
        work: impl FnOnce(&mut Db) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.write();
        // What was kept before must not be written over it later.
        if let Some(failing) = self.failing.as_ref().filter(|_| !self.queue.is_empty()) {
            return Err(failing.reason.clone());
        }
        let begun = clock::now();
        let stored = work(&mut self.db);
        self.took(begun);
        match &stored {
            Err(reason @ StoreError::Rejected(_)) => {
                debug!(event = event::DATA_REJECTED; "not stored: {reason}")
            }
            Err(reason) => self.failed(reason),
            Ok(_) => self.recovered(),
        }
        stored
    }

    /// Messages of a lobby that wait to be written and their numbers in it, oldest first.
    fn unwritten(&self, in_lobby: LobbyId) -> Vec<(u64, Arc<Entry>)> {
        let said = |change: &Change| {
            let Change::Said { lobby, seq, entry } = change else { return None };
            (*lobby == in_lobby).then(|| (*seq, entry.clone()))
        };
        self.queue.iter().filter_map(said).collect()
    }

    /// Deletes some of what is over the limits; how long until the next step.
    fn trim(&mut self) -> Duration {
        let Kept { since, messages } = kept_now(&self.config);
        match self.db.trim(since, messages, TRIM_ROWS) {
            Ok(true) => TRIM_PAUSE,
            Ok(false) => TRIM_EVERY,
            Err(reason) => {
                debug!(event = event::DATA_UPKEEP; "old messages cannot be deleted: {reason}");
                TRIM_EVERY
            }
        }
    }
}

/// Writes each group when it is due.
#[derive(Default)]
struct Writer {
    /// Until the group that waits is due.
    pause: Pause,
}

impl Drive<Store> for Writer {
    fn drive(&mut self, store: &mut Store, cx: &mut task::Context<'_>) -> Poll<()> {
        if store.failing.is_some() {
            // Where it is bounded, and the oldest goes first.
            store.take(None);
        }
        while let Some(wait) = store.wait(cx.waker()) {
            if wait.is_zero() {
                store.take(None);
                survive((), || store.write());
                // What it could not write is for another time, also where that was a fault.
                store.since = clock::now();
                self.pause.cancel();
            } else {
                ready!(self.pause.poll(wait, cx));
            }
        }
        self.pause.cancel();
        Poll::Pending
    }
}

impl Dependable for Store {
    fn started(&mut self, ctx: &mut Ctx<Self>) {
        // Best effort: without it the Store is merely as important as the chat.
        let _ = nice(NICENESS);
        guard::drive(ctx, Writer::default());
        guard::repeat(ctx, TRIM_EVERY, Self::trim);
    }
}

impl Answers<Commit> for Store {
    fn failed() -> Result<(), StoreError> {
        Err(StoreError::fault())
    }

    fn answer(
        &mut self,
        Commit(changes, mark): Commit,
        _: &mut Ctx<Self>,
    ) -> Reply<Self, Result<(), StoreError>> {
        Reply::now(|| {
            self.take(Some(&mark));
            self.commit(&changes)
        })
    }
}

impl Answers<LeaveMail> for Store {
    fn failed() -> Result<Left, StoreError> {
        Err(StoreError::fault())
    }

    fn answer(
        &mut self,
        LeaveMail(to, mail): LeaveMail,
        _: &mut Ctx<Self>,
    ) -> Reply<Self, Result<Left, StoreError>> {
        Reply::now(|| {
            self.take(None);
            self.transact(|db| db.leave_mail(to, &mail, MAX_MAIL))
        })
    }
}

impl Answers<Close> for Store {
    fn failed() {}

    fn answer(&mut self, _: Close, _: &mut Ctx<Self>) -> Reply<Self, ()> {
        Reply::now(|| {
            self.take(None);
            self.write();
            if !self.queue.is_empty() {
                error!(
                    event = event::DATA_LOST;
                    "{} changes could not be written", self.queue.len()
                );
            }
            if let Err(reason) = self.db.empty_log() {
                debug!(event = event::DATA_UPKEEP; "the write-ahead log stays: {reason}");
            }
        })
    }
}

impl Answers<Flush> for Store {
    fn failed() -> Vec<(u64, Arc<Entry>)> {
        Vec::new()
    }

    fn answer(
        &mut self,
        Flush(lobby): Flush,
        _: &mut Ctx<Self>,
    ) -> Reply<Self, Vec<(u64, Arc<Entry>)>> {
        Reply::now(|| {
            self.flush();
            lobby.map(|lobby| self.unwritten(lobby)).unwrap_or_default()
        })
    }
}

/// Where there are no threads that read, as for a database in memory, which has one connection.
impl<Q: Question> Answers<Read<Q>> for Store {
    fn failed() -> Result<Q::Answer, StoreError> {
        Err(StoreError::fault())
    }

    fn answer(
        &mut self,
        Read(question, _turn): Read<Q>,
        _: &mut Ctx<Self>,
    ) -> Reply<Self, Result<Q::Answer, StoreError>> {
        Reply::now(|| answer(&self.db, &self.config, question))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::accounts::AccountId;
    use crate::chat::history::UnixMillis;

    #[test]
    fn a_group_ends_where_a_record_does() {
        let used = Change::AccountUsed { account: AccountId(1), at: UnixMillis(1) };
        let end = Change::Node(NodeChange::Applied([].into()));
        // So many changes, with the ends of records at these places.
        let of = |rows: usize, ends: &[usize]| -> usize {
            let change = |at| if ends.contains(&at) { end.clone() } else { used.clone() };
            group_rows(&(0..rows).map(change).collect::<Vec<_>>())
        };
        for (rows, ends, want) in [
            (10, &[][..], 10),
            (GROUP_ROWS, &[5], GROUP_ROWS),
            (GROUP_ROWS + 9, &[], GROUP_ROWS),
            (GROUP_ROWS + 9, &[5, 77, GROUP_ROWS + 3], 78),
            (GROUP_ROWS + 9, &[GROUP_ROWS - 1], GROUP_ROWS),
            (GROUP_ROWS + 9, &[GROUP_ROWS + 3, GROUP_ROWS + 5], GROUP_ROWS + 4),
        ] {
            assert_eq!(of(rows, ends), want, "{rows} {ends:?}");
        }
    }
}
