//! The Store actor: owns the database, on a thread of its own.
//!
//! What is kept (messages above all) is gathered and written in groups, so that the chat never waits
//! for the disk. What must be stored before a user is told so is a transaction of its own. While the
//! disk cannot be written, what is kept waits, bounded, and is tried again. What is asked is answered
//! on other threads and connections, so that no question holds up what is written.

pub mod messages;
mod reader;

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{self, Poll, ready};
use std::time::{Duration, Instant};

use actix::prelude::*;
use log::{debug, error, info, warn};
use rustix::process::nice;
use tokio::sync::Semaphore;
use tokio::time::{Sleep, sleep};

use crate::actors::guard::{self, Answers, Ctx, Dependable, Drive, Guarded, Reply, survive};
use crate::actors::store::messages::{
    Close, Commit, Flush, Keep, Lane, LeaveMail, Question, Read, ReadAccount, ReadHistory,
    SaveSettings,
};
use crate::actors::store::reader::{Reader, answer};
use crate::actors::unix_now;
use crate::chat::accounts::MAX_MAIL;
use crate::chat::history::{Entry, UnixMillis};
use crate::chat::lobbies::LobbyId;
use crate::store::{Account, Change, Db, Left, MessageId, StoreError};

/// Changes in one transaction at most: more would hold up whoever waits for a command of theirs.
const GROUP_ROWS: usize = 1_000;

/// How long the first change of a group waits for others.
const GROUP_TIME: Duration = Duration::from_millis(20);

/// Bytes that may wait while the disk cannot be written; then the oldest goes.
const MAX_WAITING_BYTES: usize = 16 * 1024 * 1024;

/// Bytes on their way to the Store at most. It takes them off its mailbox whenever the disk answers,
/// so this is reached only where a write hangs.
const MAX_COMING_BYTES: usize = 2 * MAX_WAITING_BYTES;

/// Time between two tries while the disk cannot be written.
const RETRY_TIME: Duration = Duration::from_secs(1);

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
}

/// What is on its way to the Store.
#[derive(Default)]
struct Coming {
    bytes: AtomicUsize,
    /// Messages that were too much, and are not told of yet.
    lost: AtomicUsize,
}

impl Coming {
    /// Takes changes on their way, without the messages where that would be too much: the rest is
    /// little, and what follows may build on it. What is lost is told once, and counted.
    fn take(&self, mut changes: Vec<Change>) -> Vec<Change> {
        let size = |changes: &[Change]| changes.iter().map(Change::bytes).sum::<usize>();
        if self.bytes.load(Ordering::Relaxed) + size(&changes) > MAX_COMING_BYTES {
            let before = changes.len();
            changes.retain(|change| !is_message(change));
            let lost = before - changes.len();
            if lost > 0 && self.lost.fetch_add(lost, Ordering::Relaxed) == 0 {
                warn!("the database does not keep up: messages are shown and not kept");
            }
        }
        self.bytes.fetch_add(size(&changes), Ordering::Relaxed);
        changes
    }

    /// They have come; how many messages were lost before them.
    fn have_come(&self, bytes: usize) -> usize {
        self.bytes.fetch_sub(bytes, Ordering::Relaxed);
        self.lost.swap(0, Ordering::Relaxed)
    }
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
    Waiting(Entry),
}

/// How much is kept of the messages of a lobby.
#[derive(Debug, Clone, Copy)]
pub struct Retention {
    /// For how long.
    pub age: Duration,
    /// How many.
    pub messages: usize,
}

/// The actor.
pub struct Store {
    db: Db,
    retention: Retention,
    queue: VecDeque<Change>,
    queued_bytes: usize,
    /// When the first of the queue came, or the last try failed.
    since: Instant,
    failing: Option<Failing>,
    coming: Arc<Coming>,
}

/// A time in which the disk cannot be written.
struct Failing {
    reason: StoreError,
    lost: usize,
}

impl StoreHandle {
    /// Starts the Store on a thread of its own.
    pub fn start(db: Db, retention: Retention) -> Self {
        let coming = Arc::new(Coming::default());
        let theirs = coming.clone();
        let readers = match start_readers(&db) {
            Ok(readers) => readers,
            Err(reason) => {
                warn!("the database is read on the thread that writes it: {reason}");
                None
            }
        };
        let addr = Guarded::start_in_arbiter(&Arbiter::new().handle(), move |_| {
            Guarded::new(Store {
                db,
                retention,
                queue: VecDeque::new(),
                queued_bytes: 0,
                since: Instant::now(),
                failing: None,
                coming: theirs,
            })
        });
        let semaphore = |places| Arc::new(Semaphore::new(places));
        let searches = Searches { places: semaphore(MAX_SEARCHES), turn: semaphore(1) };
        Self { addr, coming, readers, searches }
    }

    /// Keeps changes, some time soon.
    pub fn keep(&self, changes: Vec<Change>) {
        let changes = self.coming.take(changes);
        if !changes.is_empty() {
            self.addr.do_send(Keep(changes));
        }
    }

    /// Writes changes, all or none.
    ///
    /// # Errors
    /// Nothing was written.
    pub async fn commit(&self, changes: Vec<Change>) -> Result<(), StoreError> {
        self.addr.send(Commit(changes)).await.map_err(gone)?
    }

    /// Changes what the owner of an account has set.
    ///
    /// # Errors
    /// Nothing was written.
    pub async fn save(&self, settings: SaveSettings) -> Result<(), StoreError> {
        self.addr.send(settings).await.map_err(gone)?
    }

    /// Keeps a private message for an account that is not connected.
    ///
    /// # Errors
    /// It was not written.
    pub async fn leave_mail(&self, letter: LeaveMail) -> Result<Left, StoreError> {
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
        if Q::FRESH {
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
        let ReadHistory { lobby, count, ignores } = ask;
        let mut waiting = self.flush(Some(lobby)).await?;
        let ids = self.ask(ReadHistory { lobby, count, ignores: ignores.clone() }).await?;
        // Some of it may have been written meanwhile.
        let last = ids.last().map(|id| id.seq);
        waiting.retain(|(seq, e)| last < Some(*seq) && !ignores.contains(&e.author));
        let waiting = waiting.into_iter().map(|(_, entry)| Stored::Waiting(entry));
        let mut all: Vec<Stored> = ids.into_iter().map(Stored::There).chain(waiting).collect();
        Ok(all.split_off(all.len().saturating_sub(count)))
    }

    /// Has written what was kept, and tells what of a lobby cannot be.
    async fn flush(&self, lobby: Option<LobbyId>) -> Result<Vec<(u64, Entry)>, StoreError> {
        self.addr.send(Flush(lobby)).await.map_err(gone)
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

fn gone(_: MailboxError) -> StoreError {
    StoreError::Other("the store has ended".into())
}

/// Threads that read, where the database can be read beside its writer.
fn start_readers(db: &Db) -> Result<Option<[Addr<Reader>; 2]>, StoreError> {
    let (Some(quick), Some(search)) = (db.reader()?, db.reader()?) else { return Ok(None) };
    Ok(Some([quick, search].map(Reader::start_on_thread)))
}

impl Store {
    /// Writes what waits, a group at a time. Stops at the first group that the disk does not take.
    fn write(&mut self) {
        while !self.queue.is_empty() {
            let rows = self.queue.len().min(GROUP_ROWS);
            let group = &self.queue.make_contiguous()[..rows];
            match self.db.apply(group) {
                Ok(()) => {
                    self.forget(rows);
                    self.recovered();
                }
                Err(StoreError::Rejected(index)) => {
                    // It would be rejected for ever, and hold up all that come after it.
                    error!("a change contradicts what is stored and is left out");
                    if let Some(change) = self.queue.remove(index) {
                        self.queued_bytes -= change.bytes();
                    }
                }
                Err(reason) => return self.failed(&reason),
            }
        }
        self.since = Instant::now();
    }

    fn forget(&mut self, rows: usize) {
        let bytes: usize = self.queue.drain(..rows).map(|change| change.bytes()).sum();
        self.queued_bytes -= bytes;
    }

    fn failed(&mut self, reason: &StoreError) {
        if self.failing.is_none() {
            error!("the database cannot be written, messages wait: {reason}");
        }
        self.since = Instant::now();
        let lost = self.failing.take().map_or(0, |failing| failing.lost);
        self.failing = Some(Failing { reason: reason.clone(), lost });
        self.let_oldest_go();
    }

    fn let_oldest_go(&mut self) {
        let Some(failing) = &mut self.failing else { return };
        while self.queued_bytes > MAX_WAITING_BYTES {
            let oldest = self.queue.iter().position(is_message);
            let Some(oldest) = oldest.and_then(|index| self.queue.remove(index)) else { break };
            self.queued_bytes -= oldest.bytes();
            failing.lost += 1;
        }
    }

    fn recovered(&mut self) {
        if let Some(Failing { lost, .. }) = self.failing.take() {
            info!("the database is written again; {lost} changes were lost meanwhile");
        }
    }

    /// How long until the next group is due; none where it is.
    fn wait(&self) -> Option<Duration> {
        let time = match self.failing {
            Some(_) => RETRY_TIME,
            None if self.queue.len() >= GROUP_ROWS => Duration::ZERO,
            None => GROUP_TIME,
        };
        time.checked_sub(self.since.elapsed()).filter(|left| !left.is_zero())
    }

    /// Writes all or nothing, after what was kept before.
    fn commit(&mut self, changes: &[Change]) -> Result<(), StoreError> {
        self.transact(|db| db.apply(changes))
    }

    /// One transaction, after what was kept before.
    fn transact<T>(
        &mut self,
        work: impl FnOnce(&mut Db) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.write();
        // What was kept before must not be written over it later.
        if let Some(failing) = self.failing.as_ref().filter(|_| !self.queue.is_empty()) {
            return Err(failing.reason.clone());
        }
        let stored = work(&mut self.db);
        match &stored {
            Err(reason @ StoreError::Rejected(_)) => debug!("not stored: {reason}"),
            Err(reason) => self.failed(reason),
            Ok(_) => self.recovered(),
        }
        stored
    }

    /// Messages of a lobby that wait to be written and their numbers in it, oldest first.
    fn unwritten(&self, in_lobby: LobbyId) -> Vec<(u64, Entry)> {
        let said = |change: &Change| match change {
            Change::Said { lobby, seq, entry, .. } if *lobby == in_lobby => {
                Some((*seq, entry.clone()))
            }
            _ => None,
        };
        self.queue.iter().filter_map(said).collect()
    }

    /// Deletes some of what is over the limits, and comes back for the rest.
    fn trim(&mut self, ctx: &mut Ctx<Self>) {
        let age = u64::try_from(self.retention.age.as_millis()).unwrap_or(u64::MAX);
        let since = UnixMillis(unix_now().0.saturating_sub(age));
        let step = self.db.trim(since, self.retention.messages as u64, TRIM_ROWS);
        let pause = match step {
            Ok(true) => TRIM_PAUSE,
            Ok(false) => TRIM_EVERY,
            Err(reason) => {
                debug!("old messages cannot be deleted: {reason}");
                TRIM_EVERY
            }
        };
        guard::later(ctx, pause, Self::trim);
    }
}

/// Writes each group when it is due.
#[derive(Default)]
struct Writer {
    timer: Option<Pin<Box<Sleep>>>,
}

impl Drive<Store> for Writer {
    fn drive(&mut self, store: &mut Store, cx: &mut task::Context<'_>) -> Poll<()> {
        while !store.queue.is_empty() {
            if let Some(wait) = store.wait() {
                let timer = self.timer.get_or_insert_with(|| Box::pin(sleep(wait)));
                ready!(timer.as_mut().poll(cx));
                self.timer = None;
            } else {
                survive((), || store.write());
                // What it could not write is for another time, also where that was a fault.
                store.since = Instant::now();
            }
        }
        self.timer = None;
        Poll::Pending
    }
}

impl Dependable for Store {
    fn started(&mut self, ctx: &mut Ctx<Self>) {
        // Best effort: without it the Store is merely as important as the chat.
        let _ = nice(NICENESS);
        guard::drive(ctx, Writer::default());
        guard::later(ctx, TRIM_EVERY, Self::trim);
    }
}

impl Answers<Keep> for Store {
    fn failed() {}

    fn answer(&mut self, Keep(changes): Keep, _: &mut Ctx<Self>) -> Reply<Self, ()> {
        Reply::now(|| self.keep(changes))
    }
}

impl Store {
    fn keep(&mut self, changes: Vec<Change>) {
        let bytes: usize = changes.iter().map(Change::bytes).sum();
        let lost = self.coming.have_come(bytes);
        if lost > 0 {
            warn!("the database takes changes again; {lost} messages were not kept meanwhile");
        }
        if self.queue.is_empty() && self.failing.is_none() {
            self.since = Instant::now();
        }
        self.queued_bytes += bytes;
        self.queue.extend(changes);
        self.let_oldest_go();
    }
}

impl Answers<Commit> for Store {
    fn failed() -> Result<(), StoreError> {
        Err(StoreError::fault())
    }

    fn answer(
        &mut self,
        Commit(changes): Commit,
        _: &mut Ctx<Self>,
    ) -> Reply<Self, Result<(), StoreError>> {
        Reply::now(|| self.commit(&changes))
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
        Reply::now(|| self.transact(|db| db.leave_mail(to, &mail, MAX_MAIL)))
    }
}

impl Answers<SaveSettings> for Store {
    fn failed() -> Result<(), StoreError> {
        Err(StoreError::fault())
    }

    fn answer(
        &mut self,
        SaveSettings(key, settings): SaveSettings,
        _: &mut Ctx<Self>,
    ) -> Reply<Self, Result<(), StoreError>> {
        Reply::now(|| {
            if self.failing.is_none() {
                self.write();
            }
            match answer(&self.db, ReadAccount(key))? {
                // Its owner has given the account up meanwhile.
                None => Ok(()),
                Some(account) => {
                    self.commit(&[Change::AccountPut(Account { settings, ..account })])
                }
            }
        })
    }
}

impl Answers<Close> for Store {
    fn failed() {}

    fn answer(&mut self, _: Close, _: &mut Ctx<Self>) -> Reply<Self, ()> {
        Reply::now(|| {
            self.write();
            if !self.queue.is_empty() {
                error!("{} changes could not be written", self.queue.len());
            }
            if let Err(reason) = self.db.empty_log() {
                debug!("the write-ahead log stays: {reason}");
            }
        })
    }
}

impl Answers<Flush> for Store {
    fn failed() -> Vec<(u64, Entry)> {
        Vec::new()
    }

    fn answer(&mut self, Flush(lobby): Flush, _: &mut Ctx<Self>) -> Reply<Self, Vec<(u64, Entry)>> {
        Reply::now(|| {
            if self.failing.is_none() {
                self.write();
            }
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
        Reply::now(|| answer(&self.db, question))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::accounts::AccountId;
    use crate::chat::name::Name;
    use crate::chat::person::Person;
    use crate::chat::pictures::Picture;
    use crate::chat::text::Line;

    fn said(chars: usize) -> Change {
        let author = Person::named(Name::parse("alice").unwrap());
        let (at, picture, text) =
            (UnixMillis(1), Picture::DEFAULT, Line::clean(&"x".repeat(chars)));
        let entry = Entry { at, picture, author, tagged: None, action: false, text };
        Change::Said { lobby: LobbyId(1), seq: 1, entry }
    }

    #[test]
    fn what_does_not_fit_on_its_way_is_counted_and_what_others_build_on_goes_all_the_same() {
        let coming = Coming::default();
        let half = coming.take(vec![said(MAX_COMING_BYTES / 2)]);
        assert_eq!(half.len(), 1);
        let used = Change::AccountUsed { account: AccountId(1), at: UnixMillis(1) };
        let left =
            coming.take(vec![said(MAX_COMING_BYTES / 2), used.clone(), said(MAX_COMING_BYTES)]);
        assert_eq!(left, [used]);
        let bytes = |changes: &[Change]| changes.iter().map(Change::bytes).sum();
        assert_eq!(
            coming.have_come(bytes(&half)),
            2,
            "what was lost is told with the next that comes"
        );
        assert_eq!(coming.have_come(bytes(&left)), 0);
        assert_eq!(coming.take(vec![said(MAX_COMING_BYTES / 2)]).len(), 1);
    }
}
