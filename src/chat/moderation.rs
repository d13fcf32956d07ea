//! What moderators do, to a lobby or to the server, once it has been found that they may.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::accounts::{AccountId, Subject};
use super::bot::Hook;
use super::directory::ConnId;
use super::name::Name;
use super::password::PasswordRecord;
use super::sanctions::{Sanction, SanctionKey};
use super::text::Line;
use super::wire::{rising, secs};

/// What a moderator does to a lobby: to be stored, carried out, shown and written down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Moderation {
    /// The topic is this now.
    Topic(Option<Line>),
    /// An account is an operator.
    Op {
        /// The number of the account.
        account: AccountId,
        /// Its name.
        name: Name,
    },
    /// An account is an operator no more.
    Deop {
        /// The number of the account.
        account: AccountId,
        /// Its name.
        name: Name,
    },
    /// A user has to go.
    Kick {
        /// The connection that they have now.
        conn: ConnId,
        /// Their account, where they have one: another connection may have taken it over by then.
        account: Option<AccountId>,
        /// Their name.
        name: Name,
        /// The reason that was given, where one was.
        reason: Option<Line>,
    },
    /// A user may not speak.
    Mute {
        /// Who and for how long.
        mute: Sanction,
        /// Their connection.
        conn: Option<ConnId>,
    },
    /// Users may speak again.
    Unmute {
        /// All on the list that are meant by the name.
        lifted: Vec<SanctionKey>,
        /// Their name.
        name: Name,
    },
    /// A user may not come in, and has to go where they are there.
    Ban {
        /// Who, for how long and why.
        ban: Sanction,
        /// Their connection.
        conn: Option<ConnId>,
    },
    /// Users may come in again.
    Unban {
        /// All on the list that are meant by the name.
        lifted: Vec<SanctionKey>,
        /// Their name.
        name: Name,
    },
    /// The time between a user's messages.
    Slow(#[serde(with = "secs")] Duration),
    /// The password of the lobby; none for a public one.
    SetPassword(Option<Arc<PasswordRecord>>),
    /// The lobby's AI has another prompt; none is the default.
    SetPrompt(Option<Line>),
    /// Whether the lobby has the AI.
    SetRox {
        /// It does from now on, or does not.
        on: bool,
    },
    /// An account is asked to take the lobby.
    Offer {
        /// The number of the account.
        account: AccountId,
        /// Its name.
        name: Name,
    },
    /// The lobby belongs to another account.
    Transfer {
        /// The number of the account.
        account: AccountId,
        /// Its name.
        name: Name,
    },
    /// This lobby is no more.
    Delete(Name),
    /// Somebody took their last message back.
    Undo {
        /// Its number.
        seq: u64,
    },
    /// What a user said lately is removed.
    Purge {
        /// Their name.
        name: Name,
        /// The numbers of the messages, rising.
        #[serde(with = "rising")]
        said: Arc<[u64]>,
    },
    /// There is a hook by which programs post here.
    AddHook(Hook),
    /// The hook of this name is no more.
    DeleteHook(Name),
}

/// What an admin does to the whole server, in the same way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ServerModeration {
    /// All users are told something.
    Announce(Line),
    /// A user may not use the server, and has to go.
    Ban {
        /// Who, for how long and why.
        ban: Sanction,
        /// Their connection.
        conn: Option<ConnId>,
    },
    /// Users may use the server again.
    Unban {
        /// All on the list that are meant by the name.
        lifted: Vec<SanctionKey>,
        /// Their name.
        name: Name,
    },
    /// A user's connection has to end.
    Kick {
        /// The connection that they have now.
        conn: ConnId,
        /// Their account, where they have one: another connection may have taken it over by then.
        account: Option<AccountId>,
        /// Their name.
        name: Name,
        /// The reason that was given, where one was.
        reason: Option<Line>,
    },
}

/// Whom a [moderation](Moderation::strike) strikes.
#[derive(Debug, Clone, Copy)]
pub enum Strike<'a> {
    /// One user has to go.
    Kick {
        /// The connection that they had then.
        conn: ConnId,
        /// Their account, where they have one.
        account: Option<AccountId>,
        /// The reason, where one was given.
        reason: Option<&'a Line>,
    },
    /// Whom the sanction is about may not speak.
    Mute {
        /// Who and for how long.
        mute: &'a Sanction,
        /// The connection that was meant.
        conn: Option<ConnId>,
    },
    /// Whom the sanction is about has to go, and may not come in.
    Ban {
        /// Who, for how long and why.
        ban: &'a Sanction,
        /// The connection that was meant.
        conn: Option<ConnId>,
    },
    /// All have to go.
    All,
}

/// How somebody is put out of a lobby.
#[derive(Debug, Clone)]
pub enum Removal {
    /// They were kicked; why.
    Kick(Option<Line>),
    /// They were banned. Boxed, since an answer has it and most have none.
    Ban(Box<Sanction>),
    /// The lobby is no more.
    Delete,
}

impl Moderation {
    /// The word for it, which is that of the command.
    pub fn verb(&self) -> &'static str {
        match self {
            Self::Topic(_) => "topic",
            Self::Op { .. } => "op",
            Self::Deop { .. } => "deop",
            Self::Kick { .. } => "kick",
            Self::Mute { .. } => "mute",
            Self::Unmute { .. } => "unmute",
            Self::Ban { .. } => "ban",
            Self::Unban { .. } => "unban",
            Self::Slow(_) => "slow",
            Self::SetPassword(_) => "setpass",
            Self::SetPrompt(_) => "setai",
            Self::SetRox { .. } => "airoom",
            Self::Offer { .. } => "transfer",
            Self::Transfer { .. } => "accept",
            Self::Delete(_) => "delete",
            Self::Undo { .. } => "undo",
            Self::Purge { .. } => "purge",
            Self::AddHook(_) | Self::DeleteHook(_) => "hook",
        }
    }

    /// Whom it strikes, and how; none where it is about the lobby or a role, or takes a sanction back.
    pub fn strike(&self) -> Option<Strike<'_>> {
        match self {
            Self::Kick { conn, account, reason, .. } => {
                Some(Strike::Kick { conn: *conn, account: *account, reason: reason.as_ref() })
            }
            Self::Mute { mute, conn } => Some(Strike::Mute { mute, conn: *conn }),
            Self::Ban { ban, conn } => Some(Strike::Ban { ban, conn: *conn }),
            Self::Delete(_) => Some(Strike::All),
            Self::Topic(_)
            | Self::Op { .. }
            | Self::Deop { .. }
            | Self::Unmute { .. }
            | Self::Unban { .. }
            | Self::Slow(_)
            | Self::SetPassword(_)
            | Self::SetPrompt(_)
            | Self::SetRox { .. }
            | Self::Offer { .. }
            | Self::Transfer { .. }
            | Self::Undo { .. }
            | Self::Purge { .. }
            | Self::AddHook(_)
            | Self::DeleteHook(_) => None,
        }
    }

    /// The numbers of the messages that are gone by it, rising; none where it is about no messages.
    pub fn removes(&self) -> Option<&[u64]> {
        match self {
            Self::Undo { seq } => Some(std::slice::from_ref(seq)),
            Self::Purge { said, .. } => Some(said),
            Self::Topic(_)
            | Self::Op { .. }
            | Self::Deop { .. }
            | Self::Kick { .. }
            | Self::Mute { .. }
            | Self::Unmute { .. }
            | Self::Ban { .. }
            | Self::Unban { .. }
            | Self::Slow(_)
            | Self::SetPassword(_)
            | Self::SetPrompt(_)
            | Self::SetRox { .. }
            | Self::Offer { .. }
            | Self::Transfer { .. }
            | Self::AddHook(_)
            | Self::DeleteHook(_)
            | Self::Delete(_) => None,
        }
    }

    /// The account that may not stay, whatever its connection is doing.
    pub fn puts_out(&self) -> Option<AccountId> {
        match self.strike()? {
            Strike::Kick { account, .. } => account,
            Strike::Ban { ban, .. } => match ban.subject {
                Subject::Account(account) => Some(account),
                Subject::Address(_) | Subject::Name(_) => None,
            },
            Strike::Mute { .. } | Strike::All => None,
        }
    }

    /// The connection of a guest who is muted or banned by it.
    pub fn sanctioned_guest(&self) -> Option<ConnId> {
        match self.strike()? {
            Strike::Mute { mute: sanction, conn } | Strike::Ban { ban: sanction, conn } => {
                conn.filter(|_| sanction.is_of_guest())
            }
            Strike::Kick { .. } | Strike::All => None,
        }
    }

    /// How whoever has to go by it is put out; none where nobody has to.
    pub fn removal(&self) -> Option<Removal> {
        match self.strike()? {
            Strike::Kick { reason, .. } => Some(Removal::Kick(reason.cloned())),
            Strike::Ban { ban, .. } => Some(Removal::Ban(ban.clone().into())),
            Strike::All => Some(Removal::Delete),
            Strike::Mute { .. } => None,
        }
    }
}

impl ServerModeration {
    /// The word for it, which is that of the command.
    pub fn verb(&self) -> &'static str {
        match self {
            Self::Announce(_) => "announce",
            Self::Ban { .. } => "gban",
            Self::Unban { .. } => "gunban",
            Self::Kick { .. } => "kick",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::command::spec;
    use crate::chat::history::UnixMillis;
    use crate::chat::sanctions::Terms;

    #[test]
    fn a_moderation_is_named_by_its_command_and_says_how_it_puts_somebody_out() {
        let name = Name::parse("bob").unwrap();
        let subject = (Subject::Account(AccountId(2)), name.clone());
        let ban = Sanction::new(subject, name.clone(), Terms::default(), UnixMillis(1_000));
        let (account, conn) = (AccountId(2), Some(ConnId(2)));
        let kick =
            Moderation::Kick { conn: ConnId(2), account: None, name: name.clone(), reason: None };
        for (what, verb, removes) in [
            (Moderation::Topic(None), "topic", false),
            (Moderation::Op { account, name: name.clone() }, "op", false),
            (Moderation::Deop { account, name: name.clone() }, "deop", false),
            (kick, "kick", true),
            (Moderation::Mute { mute: ban.clone(), conn }, "mute", false),
            (Moderation::Unmute { lifted: vec![], name: name.clone() }, "unmute", false),
            (Moderation::Ban { ban: ban.clone(), conn }, "ban", true),
            (Moderation::Unban { lifted: vec![], name: name.clone() }, "unban", false),
            (Moderation::Slow(Duration::ZERO), "slow", false),
            (Moderation::SetPassword(None), "setpass", false),
            (Moderation::SetPrompt(Some(Line::clean("Be a pirate"))), "setai", false),
            (Moderation::SetRox { on: true }, "airoom", false),
            (Moderation::Offer { account, name: name.clone() }, "transfer", false),
            (Moderation::Transfer { account, name: name.clone() }, "accept", false),
            (Moderation::Delete(name.clone()), "delete", true),
            (Moderation::Undo { seq: 7 }, "undo", false),
            (Moderation::Purge { name: name.clone(), said: [7, 9].into() }, "purge", false),
        ] {
            assert_eq!(what.verb(), verb);
            assert!(spec(&format!("/{verb}")).is_some(), "{verb}");
            assert_eq!(what.removal().is_some(), removes, "{verb}");
        }
        for what in [
            ServerModeration::Announce(Line::clean("hi")),
            ServerModeration::Ban { ban, conn },
            ServerModeration::Unban { lifted: vec![], name: name.clone() },
            ServerModeration::Kick { conn: ConnId(2), account: None, name, reason: None },
        ] {
            assert!(spec(&format!("/{}", what.verb())).is_some(), "{}", what.verb());
        }
    }
}
