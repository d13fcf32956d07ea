//! What stands for a lobby whoever is in it: whose it is, who runs it, who is kept out.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::PromptError;
use crate::chat::accounts::{AccountId, Identity, Target};
use crate::chat::bot::{Hook, MAX_HOOKS};
use crate::chat::directory::{ConnId, IpKey};
use crate::chat::history::UnixMillis;
use crate::chat::lobbies::{GENERAL, GENERAL_ID, LobbyId};
use crate::chat::moderation::Moderation;
use crate::chat::name::{Name, NameKey};
use crate::chat::orders::{
    MAX_OPERATORS, Order, OrderError, plan_sanction, plan_unban, plan_unmute,
};
use crate::chat::password::PasswordRecord;
use crate::chat::roles::{Denied, Owner, Rank, Right, may_act_on};
use crate::chat::sanctions::{Sanction, Sanctions};
use crate::chat::text::Line;
use crate::chat::wire::secs;

/// The one truth for a lobby. The Lobby has it and changes it; the Registry and the Store are handed what
/// it is at present. Other nodes are told what the row of a stored lobby says: its operators, mutes and
/// bans reach them one by one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LobbyState {
    /// Its number.
    pub id: LobbyId,
    /// Its name.
    pub name: Name,
    /// Who made it, by the name of that time.
    pub creator: Name,
    /// Whose it is.
    pub owner: Owner,
    /// Its description; may be empty.
    pub description: Line,
    /// What it is about at present.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub topic: Option<Line>,
    /// The password record of a private lobby.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub record: Option<Arc<PasswordRecord>>,
    /// When that was set.
    pub password_at: UnixMillis,
    /// The prompt of its AI, where it has one of its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prompt: Option<Line>,
    /// Whether it has the AI; none where nobody has said so, and the server's setting holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rox: Option<bool>,
    /// The number of the first message that may be sent to the AI's provider: what was said while that was off may
    /// not.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub rox_from: u64,
    /// The time between a user's messages, in whole seconds; nothing for no limit.
    #[serde(with = "secs")]
    pub slow: Duration,
    /// When it was made.
    pub made_at: UnixMillis,
    /// When it was used last, as far as that is stored.
    pub used_at: UnixMillis,
    /// The address that it was made from; none where that is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub made_from: Option<IpKey>,
    /// Until when its bots are muted, which have been too loud; it may be over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bots_quiet_until: Option<UnixMillis>,
    /// By which programs post here.
    #[serde(skip)]
    pub hooks: BTreeMap<NameKey, Hook>,
    /// The accounts that help the owner.
    #[serde(skip)]
    pub operators: BTreeSet<AccountId>,
    /// Who may not speak.
    #[serde(skip)]
    pub mutes: Sanctions,
    /// Who may not come in.
    #[serde(skip)]
    pub bans: Sanctions,
}

impl LobbyState {
    /// That of a lobby that somebody makes now.
    pub fn new(
        id: LobbyId,
        name: Name,
        description: Line,
        record: Option<Arc<PasswordRecord>>,
        by: &Identity,
        now: UnixMillis,
    ) -> Self {
        Self {
            record,
            made_from: Some(by.ip),
            ..Self::bare(id, name, by.name.clone(), Owner::new(by), description, now)
        }
    }

    /// That of a public lobby without anything else.
    fn bare(
        id: LobbyId,
        name: Name,
        creator: Name,
        owner: Owner,
        description: Line,
        now: UnixMillis,
    ) -> Self {
        Self {
            id,
            name,
            creator,
            owner,
            description,
            topic: None,
            record: None,
            password_at: now,
            prompt: None,
            rox: None,
            rox_from: 0,
            slow: Duration::ZERO,
            made_at: now,
            used_at: now,
            made_from: None,
            bots_quiet_until: None,
            hooks: BTreeMap::new(),
            operators: BTreeSet::new(),
            mutes: Sanctions::default(),
            bans: Sanctions::default(),
        }
    }

    /// That of the lobby that is always there; none where its name were no name.
    pub fn general(now: UnixMillis) -> Option<Self> {
        let (name, creator) = (Name::parse(GENERAL).ok()?, Name::parse("server").ok()?);
        let description = Line::clean("Welcome to the General Lobby");
        Some(Self::bare(GENERAL_ID, name, creator, Owner::Server, description, now))
    }

    /// A lobby of nobody's, for tests.
    #[cfg(test)]
    pub(crate) fn example(id: u32, name: Name) -> Self {
        let creator = Name::parse("alice").expect("a name");
        Self::bare(LobbyId(id), name, creator, Owner::Nobody, Line::default(), UnixMillis(0))
    }

    /// Whether one needs a password to come in.
    pub fn is_private(&self) -> bool {
        self.record.is_some()
    }

    /// What a user is here.
    pub fn rank(&self, who: &Identity) -> Rank {
        self.rank_of(Some(who.conn), who.account, who.admin)
    }

    /// What a user is here who may be anywhere.
    pub fn rank_of_target(&self, whom: &Target) -> Rank {
        self.rank_of(whom.conn(), whom.account(), whom.is_admin())
    }

    fn rank_of(&self, conn: Option<ConnId>, account: Option<AccountId>, admin: bool) -> Rank {
        if admin {
            Rank::Admin
        } else if self.owner.is(conn, account) {
            Rank::Owner
        } else if account.is_some_and(|account| self.operators.contains(&account)) {
            Rank::Operator
        } else {
            Rank::Member
        }
    }

    /// The ban that keeps a user out. Those who run the lobby are not kept out.
    pub fn ban_of(&self, who: &Identity, now: UnixMillis) -> Option<&Sanction> {
        self.bans.of(who, now).filter(|_| self.rank(who) == Rank::Member)
    }

    /// The mute that keeps a user from speaking, as far as it is not theirs to run the lobby.
    pub fn mute_of(&self, who: &Identity, now: UnixMillis) -> Option<&Sanction> {
        self.mutes.of(who, now).filter(|_| self.rank(who) == Rank::Member)
    }

    /// Whether a user has this right here.
    ///
    /// # Errors
    /// What they are not.
    pub fn check(&self, who: &Identity, right: Right) -> Result<(), Denied> {
        right.check(who, self.rank(who))
    }

    /// Whether a user may change the prompt of the lobby's AI, in words of its own.
    fn may_set_prompt(&self, who: &Identity) -> Result<(), PromptError> {
        if self.owner == Owner::Server {
            return Err(PromptError::General);
        }
        if self.rank(who) < Rank::Owner { Err(PromptError::NotCreator) } else { Ok(()) }
    }

    /// What comes of an order that somebody gives here. Changes nothing.
    ///
    /// # Errors
    /// Why it is not carried out.
    pub fn plan(
        &self,
        who: &Identity,
        order: Order,
        now: UnixMillis,
    ) -> Result<Moderation, OrderError> {
        if let Order::SetPrompt(_) = order {
            self.may_set_prompt(who)?;
        }
        // An operator of general runs it for the admins, who pay for what is asked there.
        if let (Order::SetRox(_), Owner::Server) = (&order, self.owner) {
            Right::Admin.check(who, self.rank(who))?;
        }
        self.check(who, order.right())?;
        let rank = |whom: &Target| self.rank_of_target(whom);
        let me = (who, self.rank(who));
        Ok(match order {
            Order::Topic(topic) => Moderation::Topic(topic),
            Order::Slow(gap) => Moderation::Slow(gap),
            Order::Op(whom) => self.plan_op(&whom)?,
            Order::Deop(whom) => {
                let name = whom.name().clone();
                match whom.account().filter(|account| self.operators.contains(account)) {
                    Some(account) => Moderation::Deop { account, name },
                    None => return Err(OrderError::NotOperator(name)),
                }
            }
            Order::Kick { whom, reason } => {
                may_act_on(who, me.1, &whom, rank(&whom))?;
                let (name, account) = (whom.name().clone(), whom.account());
                match whom.conn() {
                    Some(conn) => Moderation::Kick { conn, account, name, reason },
                    None => return Err(OrderError::NotHere(name)),
                }
            }
            Order::Mute { whom, terms } => {
                let theirs = (&whom, rank(&whom));
                let mute = plan_sanction(&self.mutes, me, theirs, terms, now)?;
                Moderation::Mute { mute, conn: whom.conn() }
            }
            Order::Ban { whom, terms } => {
                let theirs = (&whom, rank(&whom));
                let ban = plan_sanction(&self.bans, me, theirs, terms, now)?;
                Moderation::Ban { ban, conn: whom.conn() }
            }
            Order::Unmute(named) => plan_unmute(&self.mutes, &named, now)?,
            Order::Unban(named) => plan_unban(&self.bans, &named, now)?,
            Order::SetPassword(_) | Order::Transfer(_) | Order::Delete
                if self.owner == Owner::Server =>
            {
                return Err(OrderError::General);
            }
            Order::SetPassword(record) => Moderation::SetPassword(record),
            Order::Transfer(whom) => self.plan_transfer(&whom)?,
            // The room has the offers.
            Order::Accept => return Err(OrderError::NothingOffered),
            Order::Delete => Moderation::Delete(self.name.clone()),
            Order::SetPrompt(prompt) => Moderation::SetPrompt(prompt),
            Order::SetRox(on) if self.rox == Some(on) => return Err(OrderError::RoxAlready { on }),
            Order::SetRox(on) => Moderation::SetRox { on },
            Order::Undo(seq) => Moderation::Undo { seq: seq.ok_or(OrderError::NothingToUndo)? },
            Order::Purge { whom, said } => {
                may_act_on(who, me.1, &whom, rank(&whom))?;
                let name = whom.name().clone();
                match said.is_empty() {
                    true => return Err(OrderError::NothingToPurge(name)),
                    false => Moderation::Purge { name, said },
                }
            }
            Order::AddHook { name, token } => {
                if self.hooks.contains_key(&name.key()) {
                    return Err(OrderError::HookExists(name));
                }
                if self.hooks.len() >= MAX_HOOKS {
                    return Err(OrderError::TooManyHooks);
                }
                let by = who.name.clone();
                Moderation::AddHook(Hook { name, token, by, made_at: now })
            }
            Order::DeleteHook(key) => match self.hooks.get(&key) {
                Some(hook) => Moderation::DeleteHook(hook.name.clone()),
                None => return Err(OrderError::NoSuchHook),
            },
        })
    }

    fn plan_op(&self, whom: &Target) -> Result<Moderation, OrderError> {
        let name = whom.name().clone();
        match self.rank_of_target(whom) {
            Rank::Owner | Rank::Admin => return Err(OrderError::AlreadyOwner(name)),
            Rank::Operator => return Err(OrderError::AlreadyOperator(name)),
            Rank::Member => {}
        }
        let Some(account) = whom.account() else { return Err(OrderError::NoAccount(name)) };
        if self.operators.len() >= MAX_OPERATORS {
            return Err(OrderError::TooMany);
        }
        Ok(Moderation::Op { account, name })
    }

    fn plan_transfer(&self, whom: &Target) -> Result<Moderation, OrderError> {
        let name = whom.name().clone();
        match whom.account().filter(|_| !whom.is_bot()) {
            None => Err(OrderError::NoAccount(name)),
            Some(account) if self.owner == Owner::Account(account) => {
                Err(OrderError::AlreadyOwner(name))
            }
            Some(_) if whom.conn().is_none() => Err(OrderError::NotConnected(name)),
            Some(account) => Ok(Moderation::Offer { account, name }),
        }
    }

    /// Carries out what was planned, where the next message has this number. Who has to go is the Lobby's
    /// business.
    pub fn apply(&mut self, what: &Moderation, now: UnixMillis, next_seq: u64) {
        match what {
            Moderation::Topic(topic) => self.topic = topic.clone(),
            Moderation::Slow(gap) => self.slow = *gap,
            Moderation::Op { account, .. } => _ = self.operators.insert(*account),
            Moderation::Deop { account, .. } => _ = self.operators.remove(account),
            Moderation::Mute { mute, conn } => {
                self.mutes.forget_ended(now);
                self.mutes.impose(mute.clone(), *conn);
            }
            Moderation::Ban { ban, conn } => {
                self.bans.forget_ended(now);
                self.bans.impose(ban.clone(), *conn);
            }
            Moderation::Unmute { lifted, .. } => {
                lifted.iter().for_each(|key| _ = self.mutes.lift(key));
            }
            Moderation::Unban { lifted, .. } => {
                lifted.iter().for_each(|key| _ = self.bans.lift(key))
            }
            Moderation::SetPassword(record) => {
                (self.record, self.password_at) = (record.clone(), now);
            }
            Moderation::SetPrompt(prompt) => self.prompt = prompt.clone(),
            Moderation::SetRox { on } => {
                if *on && self.rox != Some(true) {
                    self.rox_from = next_seq;
                }
                self.rox = Some(*on);
            }
            Moderation::Transfer { account, .. } => {
                // Whoever gives a lobby away goes on helping there; a guest cannot.
                if let Owner::Account(before) = self.owner {
                    self.operators.insert(before);
                }
                self.operators.remove(account);
                self.owner = Owner::Account(*account);
            }
            Moderation::AddHook(hook) => {
                self.hooks.insert(hook.name.key(), hook.clone());
            }
            Moderation::DeleteHook(name) => _ = self.hooks.remove(&name.key()),
            Moderation::Kick { .. }
            | Moderation::Offer { .. }
            | Moderation::Delete(_)
            | Moderation::Undo { .. }
            | Moderation::Purge { .. } => {}
        }
    }

    /// Whether it has the AI, where that is so unless an owner says otherwise.
    pub fn has_rox(&self, unless_said: bool) -> bool {
        self.rox.unwrap_or(unless_said)
    }

    /// A guest has made an account: the lobby that they made is the account's. Whether this one is.
    pub fn registered(&mut self, conn: ConnId, account: AccountId) -> bool {
        let theirs = self.owner == Owner::Guest(conn);
        if theirs {
            self.owner = Owner::Account(account);
        }
        theirs
    }

    /// An account is no more: it runs nothing, and its lobby belongs to the connection that it was
    /// used with last, or to nobody. Whether that changed anything here.
    pub fn unregistered(&mut self, account: AccountId, conn: Option<ConnId>) -> bool {
        let was_operator = self.operators.remove(&account);
        let was_owner = self.owner == Owner::Account(account);
        if was_owner {
            self.owner = conn.map_or(Owner::Nobody, Owner::Guest);
        }
        was_operator || was_owner
    }
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

#[cfg(test)]
#[path = "state_tests.rs"]
mod tests;
