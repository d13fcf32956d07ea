//! Password work, on threads of its own.

use std::sync::Arc;

use actix::prelude::*;
use log::{error, warn};
use pbkdf2::password_hash::try_generate_salt;
use tokio::sync::Semaphore;

use crate::actors::guard::survive;
use crate::chat::password::{Match, Password, PasswordError, PasswordRecord, SALT_BYTES};
use crate::logging::event;

/// Password work that may wait. Each takes some 150 ms, so more would wait for over half a minute.
const MAX_WAITING: usize = 256;

/// How much less of a processor the hashing threads get than the chat when both want it.
const NICENESS: i32 = 10;

/// Why password work was not done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HashError {
    /// Too much of it is waiting.
    #[error("too many passwords are waiting")]
    Busy,
    /// It failed.
    #[error("password work failed")]
    Failed,
}

/// A thread of the pool.
pub struct Hasher;

impl Actor for Hasher {
    type Context = SyncContext<Self>;

    fn started(&mut self, _: &mut Self::Context) {
        // Niceness is a thread's own on Linux. It is a courtesy to the chat, no need.
        if let Err(error) = rustix::process::nice(NICENESS) {
            warn!(event = event::PRIORITY; "hasher: cannot lower the priority: {error}");
        }
    }
}

#[derive(Message)]
#[rtype(result = "Result<PasswordRecord, HashError>")]
struct Hash(Password);

#[derive(Message)]
#[rtype(result = "Result<Match, HashError>")]
struct Verify(Arc<PasswordRecord>, Password);

impl Handler<Hash> for Hasher {
    type Result = Result<PasswordRecord, HashError>;

    fn handle(&mut self, Hash(password): Hash, _: &mut Self::Context) -> Self::Result {
        guarded(|| new_record(&password))
    }
}

impl Handler<Verify> for Hasher {
    type Result = Result<Match, HashError>;

    fn handle(&mut self, Verify(record, password): Verify, _: &mut Self::Context) -> Self::Result {
        guarded(|| record.compare(&password))
    }
}

/// A record of a password, with a salt from the system. It takes some 150 ms.
///
/// # Errors
/// There are no random bytes, or hashing failed.
#[expect(clippy::disallowed_methods, reason = "the place where salts are made")]
pub fn new_record(password: &Password) -> Result<PasswordRecord, PasswordError> {
    let salt: [u8; SALT_BYTES] = try_generate_salt().map_err(|_| PasswordError::Hashing)?;
    PasswordRecord::create(password.secret(), &salt)
}

/// A panic would take the thread out of the pool for good, so it ends here, as a failure.
fn guarded<T>(work: impl FnOnce() -> Result<T, PasswordError>) -> Result<T, HashError> {
    survive(Err(HashError::Failed), || {
        work().map_err(|reason| {
            error!(event = event::HASHER_FAILED; "hasher: {reason}");
            HashError::Failed
        })
    })
}

/// The pool, with a bound on what may wait for it (a SyncArbiter's own queue has none).
#[derive(Clone)]
pub struct HasherPool {
    addr: Addr<Hasher>,
    places: Arc<Semaphore>,
}

impl HasherPool {
    /// Starts `threads` of them.
    pub fn start(threads: usize) -> Self {
        let addr = SyncArbiter::start(threads, || Hasher);
        Self { addr, places: Arc::new(Semaphore::new(threads + MAX_WAITING)) }
    }

    /// Makes a thread panic.
    #[cfg(debug_assertions)]
    pub(super) fn strike(&self) {
        self.addr.do_send(super::fault::Fault);
    }

    /// Makes a record of a password.
    ///
    /// # Errors
    /// [`HashError`].
    pub async fn hash(&self, password: Password) -> Result<PasswordRecord, HashError> {
        let _place = self.places.try_acquire().map_err(|_| HashError::Busy)?;
        self.addr.send(Hash(password)).await.map_err(|_| HashError::Failed)?
    }

    /// How a password compares with a record.
    ///
    /// # Errors
    /// [`HashError`].
    pub async fn verify(
        &self,
        record: Arc<PasswordRecord>,
        password: Password,
    ) -> Result<Match, HashError> {
        let _place = self.places.try_acquire().map_err(|_| HashError::Busy)?;
        self.addr.send(Verify(record, password)).await.map_err(|_| HashError::Failed)?
    }
}
