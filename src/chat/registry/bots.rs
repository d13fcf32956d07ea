//! Bots of accounts: how they are made, and how they end.
//!
//! A bot is an account of its own, which a token lets in and no password: so its name is its own, and mutes, bans
//! and roles are held for it like for anybody else.

use serde::{Deserialize, Serialize};

use super::{Cause, ClaimError, Effect, People};
use crate::chat::accounts::AccountId;
use crate::chat::bot::MAX_BOTS;
use crate::chat::change::Change;
use crate::chat::directory::ConnId;
use crate::chat::history::UnixMillis;
use crate::chat::name::{Name, NameKey};

/// An account has a bot more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewBot {
    /// The number of the bot's account.
    pub account: AccountId,
    /// Its name.
    pub name: Name,
    /// The account that it is of.
    pub owner: AccountId,
}

/// Why an account gets no bot.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BotError {
    /// The name is not to be had.
    #[error(transparent)]
    Name(#[from] ClaimError),
    /// It has as many as it may have.
    #[error("too many bots")]
    TooMany,
    /// Whoever wants one has no account, or is a bot.
    #[error("no account")]
    NoAccount,
}

impl<H: Clone> People<H> {
    /// The account of a person who is connected under this connection.
    fn owner(&self, conn: ConnId) -> Option<AccountId> {
        self.users.get(conn).filter(|user| user.who.bot_of.is_none())?.who.account
    }

    /// Whether whoever has this connection may have a bot of this name.
    ///
    /// # Errors
    /// Why not.
    pub fn propose_bot(&self, conn: ConnId, name: &Name) -> Result<NewBot, BotError> {
        let owner = self.owner(conn).ok_or(BotError::NoAccount)?;
        if self.accounts.bots(owner).len() >= MAX_BOTS {
            return Err(BotError::TooMany);
        }
        self.users.may_be_named(&self.accounts, name)?;
        Ok(NewBot { account: self.next_number(), name: name.clone(), owner })
    }

    /// Keeps name and number until it is known whether it is stored.
    /// [`Happening::BotMade`](super::Happening::BotMade) or [`end_bot`](Self::end_bot) must follow.
    pub fn begin_bot(&mut self, bot: &NewBot) {
        self.number_proposed(bot.account);
        self.accounts.begin(&bot.name);
    }

    /// It is not to be had: the name is as it was.
    pub fn end_bot(&mut self, bot: &NewBot) {
        self.accounts.end(&bot.name);
    }

    /// Which bot of whoever has this connection has this name.
    pub fn bot_named(&self, conn: ConnId, key: &NameKey) -> Option<AccountId> {
        let owner = self.owner(conn)?;
        self.accounts.find(key).filter(|bot| self.accounts.bot_of(*bot) == Some(owner))
    }

    /// The bots of whoever has this connection, by name, each with whether it is connected.
    pub fn bots(&self, conn: ConnId) -> Vec<(Name, bool)> {
        let bots = self.owner(conn).map(|owner| self.accounts.bots(owner)).unwrap_or_default();
        let named = bots.into_iter().filter_map(|bot| {
            let here = self.users.find_account(&self.accounts, bot).is_some();
            Some((self.accounts.name(bot)?.clone(), here))
        });
        let mut bots: Vec<_> = named.collect();
        bots.sort_unstable_by_key(|(name, _)| name.key());
        bots
    }

    /// Whether it may still be, where others have had their turn before.
    pub(super) fn may_still_make(&self, bot: &NewBot) -> bool {
        self.accounts.name(bot.owner).is_some()
            && self.accounts.bot_of(bot.owner).is_none()
            && self.accounts.bots(bot.owner).len() < MAX_BOTS
            && self.users.may_still_be_named(&self.accounts, &bot.name)
    }

    pub(super) fn bot_made(&mut self, bot: NewBot) -> Vec<Effect<H>> {
        self.end_bot(&bot);
        let NewBot { account, name, owner } = bot;
        self.number_given(account);
        if self.accounts.name(owner).is_none() {
            // Its owner has given up their account while it was being stored.
            return vec![Effect::Keep(Change::AccountRemoved(account))];
        }
        self.accounts.add(account, name);
        self.accounts.note_bot(account, owner);
        Vec::new()
    }

    /// A bot is no more: it is cut off, and its name is free once it has gone.
    pub(super) fn bot_gone(&mut self, account: AccountId, at: UnixMillis) -> Vec<Effect<H>> {
        let there = self.users.find_account(&self.accounts, account);
        let there = there.map(|user| (user.who.conn, user.handle.clone()));
        if self.accounts.remove(account).is_none() {
            return Vec::new();
        }
        self.offers.forget(account);
        self.bans.give_up(account, None, at);
        let mut effects = vec![Effect::Keep(Change::AccountRemoved(account))];
        let present = there.as_ref().map(|(conn, _)| *conn);
        if let Some((conn, handle)) = there {
            self.users.set_account(conn, None, false);
            effects.push(Effect::Disconnect(handle, Cause::BotGone));
        }
        effects.push(Effect::Unregistered { account, who: None, present });
        effects
    }

    /// The bots of an account that is no more go with it.
    pub(super) fn bots_gone(&mut self, owner: AccountId, at: UnixMillis) -> Vec<Effect<H>> {
        let bots = self.accounts.bots(owner);
        bots.into_iter().flat_map(|bot| self.bot_gone(bot, at)).collect()
    }
}
