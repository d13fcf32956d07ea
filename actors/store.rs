//! The Store actor: owns the database, on a thread of its own.
//!
//! What is kept (messages above all) is gathered and written in groups, so that the chat never waits
//! for the disk. What must be stored before a user is told so is a transaction of its own. While the
//! disk cannot be written, what is kept waits, bounded, and is tried again.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{self, Poll, ready};
use std::time::{Duration, Instant};

use actix::fut::ActorFuture;
use actix::prelude::*;
use log::{debug, error, info, warn};
use rustix::process::nice;
use tokio::time::{Sleep, sleep};

use super::store_messages::{
    AccountOfCert, Close, Commit, Keep, LeaveMail, ReadAccount, ReadAudit, ReadCerts, ReadHistory,
    ReadIgnores, ReadMail, ReadMissed, SaveSettings, Search,
};
use super::sturdy::survive;
use super::unix_now;
use crate::chat::accounts::{AccountId, Fingerprint, MAX_MAIL};
use crate::chat::history::{Entry, UnixMillis};
use crate::chat::ignores::Ignores;
use crate::chat::lobbies::LobbyId;
use crate::store::{Account, AuditEntry, Change, Db, Left, Mail, MailId, Missed, StoreError};

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

/// The Store's share of a busy machine: the chat goes first.
const NICENESS: i32 = 10;

/// Where everybody reaches the Store.
#[derive(Clone)]
pub struct StoreHandle {
    addr: Addr<Store>,
    coming: Arc<Coming>,
}

/// What is on its way to the Store.
#[derive(Default)]
struct Coming {
    bytes: AtomicUsize,
    /// Messages that were too much, and are not told of yet.
    lost: AtomicUsize,
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
        let addr = Store::start_in_arbiter(&Arbiter::new().handle(), move |_| Store {
            db,
            retention,
            queue: VecDeque::new(),
            queued_bytes: 0,
            since: Instant::now(),
            failing: None,
            coming: theirs,
        });
        Self { addr, coming }
    }

    /// Keeps changes, some time soon.
    pub fn keep(&self, changes: Vec<Change>) {
        let mut changes = changes;
        let mut bytes: usize = changes.iter().map(Change::bytes).sum();
        if self.coming.bytes.load(Ordering::Relaxed) + bytes > MAX_COMING_BYTES {
            // Messages alone: the rest is little, and what follows may build on it.
            let before = changes.len();
            changes.retain(|change| !is_message(change));
            bytes = changes.iter().map(Change::bytes).sum();
            let lost = before - changes.len();
            if lost > 0 && self.coming.lost.fetch_add(lost, Ordering::Relaxed) == 0 {
                warn!("the database does not keep up: messages are shown and not kept");
            }
        }
        if !changes.is_empty() {
            self.coming.bytes.fetch_add(bytes, Ordering::Relaxed);
            self.addr.do_send(Keep(changes));
        }
    }

    /// Writes changes, all or none.
    ///
    /// # Errors
    /// Nothing was written.
    pub async fn commit(&self, changes: Vec<Change>) -> Result<(), StoreError> {
        self.ask(Commit(changes)).await
    }

    /// Asks the Store.
    ///
    /// # Errors
    /// The database does not answer as it should.
    pub async fn ask<M, T>(&self, message: M) -> Result<T, StoreError>
    where
        M: Message<Result = Result<T, StoreError>> + Send + 'static,
        T: Send + 'static,
        Store: Handler<M>,
    {
        let gone = |_| StoreError::Other("the store has ended".into());
        self.addr.send(message).await.map_err(gone)?
    }

    /// Has everything written that waits.
    pub async fn close(&self) {
        let _ = self.addr.send(Close).await;
    }
}

fn is_message(change: &Change) -> bool {
    matches!(change, Change::Said { .. })
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
        survive(Err(StoreError::Other("a fault".into())), || {
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
        })
    }

    /// Reads, with all that was kept before.
    fn read<T>(
        &mut self,
        read: impl FnOnce(&Db) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let failed = || Err(StoreError::Other("a fault".into()));
        survive(failed(), || {
            if self.failing.is_none() {
                self.write();
            }
            read(&self.db).inspect_err(|reason| debug!("the database cannot be read: {reason}"))
        })
    }

    /// Messages of a lobby that wait to be written, oldest first.
    fn unwritten(&self, in_lobby: LobbyId) -> impl Iterator<Item = &Entry> {
        self.queue.iter().filter_map(move |change| match change {
            Change::Said { lobby, entry, .. } if *lobby == in_lobby => Some(entry),
            _ => None,
        })
    }

    /// Deletes some of what is over the limits, and comes back for the rest.
    fn trim(&mut self, ctx: &mut Context<Self>) {
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
        ctx.run_later(pause, |store, ctx| survive((), || store.trim(ctx)));
    }
}

/// Writes each group when it is due.
#[derive(Default)]
struct Writer {
    timer: Option<Pin<Box<Sleep>>>,
}

impl ActorFuture<Store> for Writer {
    type Output = ();

    fn poll(
        mut self: Pin<&mut Self>,
        store: &mut Store,
        _: &mut Context<Store>,
        cx: &mut task::Context<'_>,
    ) -> Poll<()> {
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

impl Actor for Store {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        // Best effort: without it the Store is merely as important as the chat.
        let _ = nice(NICENESS);
        ctx.spawn(Writer::default());
        ctx.run_later(TRIM_EVERY, |store, ctx| survive((), || store.trim(ctx)));
    }
}

impl Handler<Keep> for Store {
    type Result = ();

    fn handle(&mut self, Keep(changes): Keep, _: &mut Self::Context) {
        let bytes: usize = changes.iter().map(Change::bytes).sum();
        self.coming.bytes.fetch_sub(bytes, Ordering::Relaxed);
        let lost = self.coming.lost.swap(0, Ordering::Relaxed);
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

impl Handler<Commit> for Store {
    type Result = Result<(), StoreError>;

    fn handle(&mut self, Commit(changes): Commit, _: &mut Self::Context) -> Self::Result {
        self.commit(&changes)
    }
}

impl Handler<LeaveMail> for Store {
    type Result = Result<Left, StoreError>;

    fn handle(&mut self, LeaveMail(to, mail): LeaveMail, _: &mut Self::Context) -> Self::Result {
        self.transact(|db| db.leave_mail(to, &mail, MAX_MAIL))
    }
}

impl Handler<SaveSettings> for Store {
    type Result = Result<(), StoreError>;

    fn handle(
        &mut self,
        SaveSettings(key, settings): SaveSettings,
        _: &mut Self::Context,
    ) -> Self::Result {
        match self.read(|db| db.account(&key))? {
            // Its owner has given the account up meanwhile.
            None => Ok(()),
            Some(account) => self.commit(&[Change::AccountPut(Account { settings, ..account })]),
        }
    }
}

impl Handler<Close> for Store {
    type Result = ();

    fn handle(&mut self, _: Close, _: &mut Self::Context) {
        survive((), || {
            self.write();
            if !self.queue.is_empty() {
                error!("{} changes could not be written", self.queue.len());
            }
            if let Err(reason) = self.db.empty_log() {
                debug!("the write-ahead log stays: {reason}");
            }
        });
    }
}

impl Handler<ReadHistory> for Store {
    type Result = Result<Vec<Entry>, StoreError>;

    fn handle(&mut self, ask: ReadHistory, _: &mut Self::Context) -> Self::Result {
        let mut entries = self.read(|db| db.history(ask.lobby, ask.count))?;
        entries.extend(self.unwritten(ask.lobby).cloned());
        Ok(entries.split_off(entries.len().saturating_sub(ask.count)))
    }
}

/// A question that the database answers as it is.
macro_rules! answer {
    ($ask:ident, $answer:ty, $read:expr) => {
        impl Handler<$ask> for Store {
            type Result = Result<$answer, StoreError>;

            fn handle(&mut self, ask: $ask, _: &mut Self::Context) -> Self::Result {
                let read: fn(&Db, $ask) -> Result<$answer, StoreError> = $read;
                self.read(|db| read(db, ask))
            }
        }
    };
}

answer!(Search, Vec<Entry>, |db, ask| db.search(ask.lobby, &ask.words, ask.max));
answer!(ReadMissed, Missed, |db, ask| db.since(ask.lobby, ask.since, ask.count));
answer!(ReadAccount, Option<Account>, |db, ask| db.account(&ask.0));
answer!(AccountOfCert, Option<AccountId>, |db, ask| db.account_of_cert(&ask.1, &ask.0));
answer!(ReadCerts, Vec<Fingerprint>, |db, ask| db.certs(ask.0));
answer!(ReadIgnores, Ignores, |db, ask| db.ignores(ask.0));
answer!(ReadMail, Vec<(MailId, Mail)>, |db, ask| db.mail(ask.0));
answer!(ReadAudit, Vec<AuditEntry>, |db, ask| db.audit(ask.scope, ask.count));
