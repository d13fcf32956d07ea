//! How accounts are made, and how they end.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use super::{Cause, Effect, GivenPassword, Happening, NewBot, People};
use crate::chat::accounts::{AccountId, Identity};
use crate::chat::change::Change;
use crate::chat::directory::{ConnId, IpKey};
use crate::chat::history::UnixMillis;
use crate::chat::sanctions::Sanction;

/// A guest makes an account of their name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Registration {
    /// Who, as a guest.
    pub guest: Identity,
    /// The account.
    pub account: AccountId,
    /// When they asked for it.
    pub made_at: UnixMillis,
}

/// Why a guest gets no account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RegistrationError {
    /// The address has made as many as it may in a day.
    #[error("too many accounts of this address")]
    TooMany,
    /// There is no guest under this connection, or their account is being stored.
    #[error("not a guest")]
    NotAGuest,
}

/// Somebody gives their account up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unregistration {
    /// Who, as they are with it.
    pub who: Identity,
    /// The ban from the server that is to hold for their address once the account's is gone with it.
    pub ban: Option<Sanction>,
}

/// Accounts that nobody has logged in to for long since they were made.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Unused {
    /// Those whose makers are here, and so use them, whenever they came.
    pub here: Vec<AccountId>,
    /// Those that can go.
    pub gone: Vec<AccountId>,
}

fn after(account: AccountId) -> AccountId {
    AccountId(account.0.saturating_add(1))
}

impl<H: Clone> People<H> {
    /// Whether an address may make one more account.
    pub fn may_register(&self, ip: IpKey, now: UnixMillis) -> bool {
        self.registrations.may(ip, now)
    }

    /// Whether the guest of this connection may make an account of their name.
    ///
    /// # Errors
    /// Why not.
    pub fn propose_registration(
        &self,
        conn: ConnId,
        now: UnixMillis,
    ) -> Result<Registration, RegistrationError> {
        let user = self.users.get(conn).filter(|user| {
            user.who.account.is_none() && !self.accounts.is_pending(&user.who.name.key())
        });
        let guest = user.ok_or(RegistrationError::NotAGuest)?.who.clone();
        if !self.may_register(guest.ip, now) {
            return Err(RegistrationError::TooMany);
        }
        Ok(Registration { guest, account: self.next_number(), made_at: now })
    }

    /// Keeps the name, the number and the address's count, until it is known whether the account is
    /// stored. [`Happening::Registered`] or
    /// [`end_registration`](Self::end_registration) must follow.
    pub fn begin_registration(&mut self, Registration { guest, account, .. }: &Registration) {
        self.number_proposed(*account);
        self.registrations.begin(guest.ip);
        self.accounts.begin(&guest.name);
    }

    /// The account is not to be had: name and count are as they were. Its number is not given again.
    pub fn end_registration(&mut self, Registration { guest, .. }: &Registration) {
        if self.accounts.is_pending(&guest.name.key()) {
            self.registrations.end(guest.ip);
            self.accounts.end(&guest.name);
        }
    }

    /// What giving up this account comes to, which whoever is logged in to it may; none for others.
    pub fn propose_unregistration(
        &self,
        conn: ConnId,
        account: AccountId,
        now: UnixMillis,
    ) -> Option<Unregistration> {
        let user = self.users.get(conn).filter(|user| user.who.account == Some(account))?;
        let ban = self.bans.for_address(&user.who, now);
        Some(Unregistration { who: user.who.clone(), ban })
    }

    /// The accounts that are to go because nobody ever used them again. What happens to those of people
    /// who are here is [`Happening::AccountUsed`].
    pub fn unused_accounts(&self, now: UnixMillis) -> Unused {
        let present: HashSet<_> = self.users.iter().filter_map(|user| user.who.account).collect();
        let unused = self.accounts.unused(now).into_iter();
        let (here, gone) = unused.partition(|id| present.contains(id));
        Unused { here, gone }
    }

    pub(super) fn registered(
        &mut self,
        registration: &Registration,
        at: UnixMillis,
    ) -> Vec<Effect<H>> {
        self.end_registration(registration);
        let Registration { guest, account, made_at } = registration;
        let (conn, account) = (guest.conn, *account);
        self.number_given(account);
        self.registrations.note(guest.ip, *made_at);
        self.accounts.add(account, guest.name.clone());
        self.accounts.note_unused(account, *made_at);
        let admin = self.accounts.is_admin(&guest.name.key());
        let mut effects = Vec::new();
        // They may have left meanwhile, and somebody else have come.
        if self.users.find(&guest.name.key()).is_some_and(|user| user.who.conn == conn) {
            let before = self.person(conn);
            self.users.set_account(conn, Some(account), admin);
            effects.extend(self.became(before, conn));
        }
        let now = Identity { account: Some(account), admin, ..guest.clone() };
        effects.push(Effect::CarryOver { before: guest.clone(), after: now.clone() });
        effects.push(Effect::Registered { guest: guest.clone(), account, admin });
        // They may have been banned while it was being stored.
        if let Some(penalty) = self.bans.penalty(guest, at) {
            effects.extend(self.ban_account(&now, at));
            let handle = self.users.get(conn).map(|user| user.handle.clone());
            effects.extend(handle.map(|handle| Effect::Disconnect(handle, Cause::Banned(penalty))));
        }
        effects
    }

    pub(super) fn unregistered(
        &mut self,
        account: AccountId,
        who: Option<Identity>,
        at: UnixMillis,
    ) -> Vec<Effect<H>> {
        let mut effects = self.bots_gone(account, at);
        // Another connection may have logged in to it meanwhile: that one is out of date.
        let theirs = self.users.find_account(&self.accounts, account);
        let theirs = theirs.map(|user| (user.who.clone(), user.handle.clone()));
        self.accounts.remove(account);
        self.given.remove(&account);
        self.offers.forget(account);
        self.bans.give_up(account, who.as_ref(), at);
        if let Some(who) = &who {
            effects.push(Effect::CarryOver { before: who.clone(), after: who.as_guest() });
        }
        let present = theirs.as_ref().map(|(other, _)| other.conn);
        if let Some((other, handle)) = theirs {
            let before = self.person(other.conn);
            self.users.set_account(other.conn, None, false);
            effects.extend(self.became(before, other.conn));
            effects.push(Effect::CarryOver { before: other.clone(), after: other.as_guest() });
            if who.as_ref().is_some_and(|who| who.conn != other.conn) {
                effects.push(Effect::Disconnect(handle, Cause::Elsewhere));
            } else {
                let user = self.users.get(other.conn);
                effects.extend(user.and_then(|user| self.shut_out(user, at)));
            }
        }
        effects.push(Effect::Unregistered { account, who, present });
        effects
    }

    /// Somebody uses an account: what is kept of that, where it is the first time since it was made.
    pub(super) fn account_used(&mut self, account: AccountId, at: UnixMillis) -> Option<Effect<H>> {
        let first = self.accounts.note_used(account);
        first.then_some(Effect::Keep(Change::AccountUsed { account, at }))
    }

    /// What was proposed, now that it is its turn: an account that it makes has another number than was thought where
    /// another node has given that to an account meanwhile. It is the same one on all nodes.
    pub fn numbered(
        &self,
        what: Happening<H>,
        changes: Vec<Change>,
    ) -> (Happening<H>, Vec<Change>) {
        let now = self.next_account;
        let renumbered = |before: AccountId, changes: Vec<Change>| {
            changes.into_iter().map(|change| change.renumbered(before, now)).collect()
        };
        match what {
            Happening::Registered(made) if made.account < now => {
                let changes = renumbered(made.account, changes);
                (Happening::Registered(Registration { account: now, ..made }), changes)
            }
            Happening::BotMade(bot) if bot.account < now => {
                let changes = renumbered(bot.account, changes);
                (Happening::BotMade(NewBot { account: now, ..bot }), changes)
            }
            Happening::PasswordGiven { given, before } if given.made && given.account < now => {
                let changes = renumbered(given.account, changes);
                let given = GivenPassword { account: now, ..given };
                (Happening::PasswordGiven { given, before }, changes)
            }
            what => (what, changes),
        }
    }

    /// The number for an account that is proposed here.
    pub(super) fn next_number(&self) -> AccountId {
        self.next_account.max(self.next_proposed)
    }

    /// A number is never proposed for a second account, also where the first was not stored.
    pub(super) fn number_proposed(&mut self, account: AccountId) {
        self.next_proposed = self.next_proposed.max(after(account));
    }

    /// An account has this number.
    pub(super) fn number_given(&mut self, account: AccountId) {
        self.next_account = self.next_account.max(after(account));
    }
}
