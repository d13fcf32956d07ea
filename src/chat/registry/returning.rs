//! Who has their name again whose node had been given up as lost and is there after all: not whoever would have been
//! put out meanwhile, had it been there.

use super::{Cause, People};
use crate::chat::accounts::{AccountId, Identity};
use crate::chat::history::UnixMillis;

/// Why somebody does not have their name again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotBack {
    /// It is another guest's by now, or an account's: they take another one.
    Name,
    /// Their connection ends, for this.
    Ends(Cause),
}

impl<H: Clone> People<H> {
    /// Whether somebody may have their name again at that time, whose account had been given so many passwords by
    /// the operator when their node was given up. It asks nothing that only one node knows.
    ///
    /// # Errors
    /// Why not.
    pub fn may_return(
        &self,
        who: &Identity,
        passwords: u32,
        at: UnixMillis,
    ) -> Result<(), NotBack> {
        // As whoever is there is not put out by a ban who is an admin.
        if let Some(penalty) = self.bans.lasting_penalty(who, at).filter(|_| !who.admin) {
            return Err(NotBack::Ends(Cause::Banned(penalty)));
        }
        let key = who.name.key();
        match who.account {
            None if self.users.may_still_claim(&self.accounts, who) => Ok(()),
            None => Err(NotBack::Name),
            Some(account) if self.passwords_given(account) != passwords => {
                Err(NotBack::Ends(Cause::NewPassword))
            }
            Some(account) => {
                let is_theirs = self.accounts.find(&key) == Some(account);
                match is_theirs && self.users.find(&key).is_none() {
                    true => Ok(()),
                    false => Err(NotBack::Ends(Cause::Elsewhere)),
                }
            }
        }
    }

    /// How many passwords the operator has given an account.
    pub fn passwords_given(&self, account: AccountId) -> u32 {
        self.given.get(&account).copied().unwrap_or_default()
    }
}
