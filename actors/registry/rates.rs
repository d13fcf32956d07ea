//! The table of rate windows, where every thread reaches it.
//!
//! Each line asks it, so it is no actor: a message to the Registry and back would cost more than the
//! rest of a line. The lock is held for a look-up and never across anything that waits.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::chat::accounts::{AccountId, Identity};
use crate::chat::rates::{Counted, Kind, Rates};

/// The windows of all users, shared. The Registry says who goes by another name.
#[derive(Clone, Debug)]
pub struct RateTable(Arc<Mutex<Rates>>);

impl RateTable {
    /// With these limits, and without any windows.
    pub fn new(limit: usize, window: Duration) -> Self {
        Self(Arc::new(Mutex::new(Rates::new(limit, window))))
    }

    /// As [`Rates::set_limit`].
    pub fn set_limit(&self, limit: usize, window: Duration) {
        self.lock().set_limit(limit, window);
    }

    /// As [`Rates::check`].
    ///
    /// # Errors
    /// The time until one more would be let through.
    pub fn check(&self, who: &Identity, kind: Kind, now: Instant) -> Result<(), Duration> {
        self.lock().check(who, kind, now)
    }

    /// As [`Rates::pass`].
    ///
    /// # Errors
    /// The time until one more would be let through.
    pub fn pass(&self, who: &Identity, kind: Kind, now: Instant) -> Result<(), Duration> {
        self.lock().pass(who, kind, now)
    }

    /// As [`Rates::count`].
    pub fn count(&self, who: &Identity, kind: Kind, now: Instant) {
        self.lock().count(who, kind, now);
    }

    /// As [`Rates::take_back`].
    pub fn take_back(&self, who: &Identity, kind: Kind) {
        self.lock().take_back(who, kind);
    }

    /// As [`Rates::carry_over`].
    pub fn carry_over(&self, before: &Identity, after: &Identity) {
        self.lock().carry_over(before, after);
    }

    /// As [`Rates::counted`].
    pub fn counted(&self, who: &Identity, now: Instant) -> Option<Counted> {
        self.lock().counted(who, now)
    }

    /// As [`Rates::counted_elsewhere`].
    pub fn counted_elsewhere(&self, account: (AccountId, bool), counted: &Counted, now: Instant) {
        self.lock().counted_elsewhere(account, counted, now);
    }

    /// As [`Rates::forget_old`].
    pub fn forget_old(&self, now: Instant) {
        self.lock().forget_old(now);
    }

    /// A panic while it was held leaves at worst one line that counted, or did not.
    fn lock(&self) -> MutexGuard<'_, Rates> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
