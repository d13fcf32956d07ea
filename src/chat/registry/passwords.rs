//! Passwords that the operator gives accounts while the server runs.
//!
//! Whoever had the account so far is not to keep it: their connection ends, and who was just proving the
//! password of before does not get in by it.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Cause, Effect, People, User};
use crate::chat::accounts::AccountId;
use crate::chat::name::Name;
use crate::chat::password::PasswordRecord;

/// An account is to have a password of the operator's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GivenPassword {
    /// Its number.
    pub account: AccountId,
    /// Its name, as it is spelled.
    pub name: Name,
    /// Whether it is made for that.
    pub made: bool,
}

/// Why it gets none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum GiveError {
    /// The server keeps the name for itself.
    #[error("a name of the server's own")]
    Reserved,
    /// A guest has the name, and would be somebody else under it.
    #[error("a guest has the name")]
    InUse,
    /// It is being made, or given a password, at this instant.
    #[error("the account is being stored")]
    Pending,
    /// It is a bot's, which a token lets in.
    #[error("a bot has the name")]
    Bot,
}

impl<H: Clone> People<H> {
    /// Whether the operator may give the account of this name a password, or make it.
    ///
    /// # Errors
    /// Why not.
    pub fn propose_password(&self, name: &Name) -> Result<GivenPassword, GiveError> {
        let key = name.key();
        if name.is_reserved() {
            return Err(GiveError::Reserved);
        }
        if self.accounts.is_pending(&key) {
            return Err(GiveError::Pending);
        }
        if let Some(account) = self.accounts.find(&key) {
            if self.accounts.bot_of(account).is_some() {
                return Err(GiveError::Bot);
            }
            let name = self.accounts.name(account).unwrap_or(name).clone();
            return Ok(GivenPassword { account, name, made: false });
        }
        match self.users.find(&key) {
            Some(_) => Err(GiveError::InUse),
            None => {
                Ok(GivenPassword { account: self.next_number(), name: name.clone(), made: true })
            }
        }
    }

    /// Keeps name and number until it is known whether that is stored.
    /// [`Happening::PasswordGiven`](super::Happening::PasswordGiven) or
    /// [`end_password`](Self::end_password) must follow.
    pub fn begin_password(&mut self, given: &GivenPassword) {
        if given.made {
            self.number_proposed(given.account);
        }
        self.accounts.begin(&given.name);
    }

    /// It is not to be had: the name is as it was.
    pub fn end_password(&mut self, given: &GivenPassword) {
        self.accounts.end(&given.name);
    }

    /// Whoever is logged in to an account.
    pub fn logged_in_to(&self, account: AccountId) -> Option<&User<H>> {
        self.users.find_account(&self.accounts, account)
    }

    /// Whether a login rests on a password that the operator has put an end to meanwhile.
    pub fn is_void(&self, account: AccountId, record: &PasswordRecord) -> bool {
        self.void.get(&account).is_some_and(|void| **void == *record)
    }

    pub(super) fn password_given(
        &mut self,
        given: &GivenPassword,
        before: Option<Arc<PasswordRecord>>,
    ) -> Vec<Effect<H>> {
        self.end_password(given);
        let GivenPassword { account, name, made } = given;
        // It may have been given up meanwhile.
        if !made && self.accounts.name(*account).is_none() {
            return Vec::new();
        }
        if *made {
            self.number_given(*account);
            self.accounts.add(*account, name.clone());
        }
        self.accounts.vouch_for(*account);
        self.accounts.note_used(*account);
        *self.given.entry(*account).or_default() += 1;
        self.void.extend(before.map(|before| (*account, before)));
        let theirs = self.logged_in_to(*account).map(|user| user.handle.clone());
        theirs.map(|handle| Effect::Disconnect(handle, Cause::NewPassword)).into_iter().collect()
    }
}
