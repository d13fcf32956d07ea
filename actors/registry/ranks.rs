//! Which accounts are admins', where every thread reaches it.
//!
//! The Registry alone says so, and tells lobbies and Sessions when it has changed. Whoever is just coming in
//! looks here when they are in, so that nobody goes on with a rank that was asked for before.

use std::collections::HashSet;
use std::sync::Arc;

use arc_swap::ArcSwap;

use crate::chat::accounts::AccountId;

/// The accounts of the admins, shared.
#[derive(Clone, Debug, Default)]
pub struct Admins(Arc<ArcSwap<HashSet<AccountId>>>);

impl Admins {
    /// Whether this account is an admin's.
    pub fn has(&self, account: AccountId) -> bool {
        self.0.load().contains(&account)
    }

    /// These are the accounts of the admins from here on.
    pub(super) fn set(&self, admins: impl IntoIterator<Item = AccountId>) {
        self.0.store(Arc::new(admins.into_iter().collect()));
    }
}
