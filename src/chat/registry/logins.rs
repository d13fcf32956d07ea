//! Who comes in under which name, takes another connection's place, and goes by another name.

use super::{Cause, Effect, Happening, People};
use crate::chat::accounts::Identity;
use crate::chat::change::Change;
use crate::chat::directory::ConnId;
use crate::chat::history::UnixMillis;
use crate::chat::name::Name;
use crate::chat::person::Person;
use crate::chat::registry::users::ClaimError;
use crate::chat::sanctions::Penalty;

/// Why somebody is not let in under a name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LoginError {
    /// They do not get the name.
    #[error(transparent)]
    Name(#[from] ClaimError),
    /// They are banned from the server.
    #[error("banned")]
    Banned(Penalty),
}

/// Why a guest keeps the name that they have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RenameError {
    /// They do not get the other one.
    #[error(transparent)]
    Name(#[from] ClaimError),
    /// It is the one that they have.
    #[error("they have this name")]
    Unchanged(Name),
    /// They are muted in some lobby, and a name is told to all like a word.
    #[error("muted")]
    Muted,
}

impl<H: Clone> People<H> {
    /// Whether a guest may have the name that they ask for.
    ///
    /// # Errors
    /// Why not. Of a name that has an account it is [`ClaimError::Registered`], also where its address is
    /// banned, since accounts are judged by themselves.
    pub fn propose_claim(
        &self,
        who: Identity,
        handle: H,
        now: UnixMillis,
    ) -> Result<Happening<H>, LoginError> {
        if self.accounts.find(&who.name.key()).is_none() {
            self.may_come(&who, now)?;
        }
        self.users.may_claim(&self.accounts, &who)?;
        Ok(Happening::CameIn { who, handle })
    }

    /// Whether somebody may come in who has proved that the account of their name is theirs.
    ///
    /// # Errors
    /// Why not; [`ClaimError::Taken`] where the account is not what it was when that was asked for.
    pub fn propose_login(
        &self,
        who: Identity,
        handle: H,
        now: UnixMillis,
    ) -> Result<Happening<H>, LoginError> {
        let bot_of = who.account.and_then(|account| self.accounts.bot_of(account));
        let who = Identity { bot_of, ..who };
        self.may_come(&who, now)?;
        let key = who.name.key();
        // It may have been given up since its password was asked for.
        if who.account.is_none() || self.accounts.find(&key) != who.account {
            return Err(ClaimError::Taken.into());
        }
        let who = Identity { admin: self.accounts.is_admin(&key), ..who };
        Ok(Happening::CameIn { who, handle })
    }

    /// Whether a guest may have another name; `is_muted` says whether somebody is, in whatever lobby.
    ///
    /// # Errors
    /// [`RenameError`]; [`ClaimError::Taken`] too where they have none, or that of an account.
    pub fn propose_rename(
        &self,
        conn: ConnId,
        name: Name,
        is_muted: impl FnOnce(&Identity) -> bool,
    ) -> Result<Happening<H>, RenameError> {
        let user = self.users.get(conn).filter(|user| user.who.account.is_none());
        let who = &user.ok_or(ClaimError::Taken)?.who;
        if who.name == name {
            return Err(RenameError::Unchanged(name));
        }
        if is_muted(who) {
            return Err(RenameError::Muted);
        }
        self.users.may_rename(&self.accounts, conn, &name)?;
        Ok(Happening::Renamed { conn, name })
    }

    /// Whether somebody is let in at all, under whatever name.
    ///
    /// # Errors
    /// They are banned from the server.
    pub fn may_come(&self, who: &Identity, now: UnixMillis) -> Result<(), LoginError> {
        match self.bans.penalty(who, now) {
            Some(penalty) => Err(LoginError::Banned(penalty)),
            None => Ok(()),
        }
    }

    pub(super) fn came_in(&mut self, who: Identity, handle: H, at: UnixMillis) -> Vec<Effect<H>> {
        let (conn, account) = (who.conn, who.account);
        if let Some(before) = self.users.come_in(who, handle) {
            // From here on they are under no name, so they go, also where this login fails.
            self.taken_over.insert(conn, before);
        }
        account.and_then(|account| self.account_used(account, at)).into_iter().collect()
    }

    pub(super) fn took_over(&mut self, conn: ConnId) -> Vec<Effect<H>> {
        let gone = self.taken_over.remove(&conn);
        gone.map(|user| Effect::Disconnect(user.handle, Cause::Elsewhere)).into_iter().collect()
    }

    pub(super) fn renamed(&mut self, conn: ConnId, name: Name) -> Vec<Effect<H>> {
        let Some(before) = self.users.rename(conn, name) else { return Vec::new() };
        let after = self.users.get(conn).map(|user| user.who.clone());
        let carried = after.map(|after| Effect::CarryOver { before: before.clone(), after });
        carried.into_iter().chain(self.became(Some((&before).into()), conn)).collect()
    }

    /// Tells of the user of a connection who goes on as somebody else, also those who are not connected.
    pub(super) fn became(&self, before: Option<Person>, conn: ConnId) -> Vec<Effect<H>> {
        let (Some(before), Some(now)) = (before, self.person(conn)) else { return Vec::new() };
        let kept = Change::Became { before: before.clone(), now: now.clone() };
        vec![Effect::Became { before, now }, Effect::Keep(kept)]
    }

    /// Who the user of a connection is.
    pub(super) fn person(&self, conn: ConnId) -> Option<Person> {
        self.users.get(conn).map(|user| (&user.who).into())
    }
}
