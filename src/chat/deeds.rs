//! What moderators do, once it has been found that they may.

use std::sync::Arc;
use std::time::Duration;

use super::accounts::{AccountId, Subject};
use super::directory::ConnId;
use super::name::Name;
use super::password::PasswordRecord;
use super::sanctions::Sanction;
use super::text::Line;

/// What a moderator does: to be stored, carried out, shown and written down.
#[derive(Debug, Clone)]
pub enum Deed {
    /// The topic is this now.
    Topic(Option<Line>),
    /// An account is an operator.
    Op {
        /// Which.
        account: AccountId,
        /// Its name.
        name: Name,
    },
    /// An account is an operator no more.
    Deop {
        /// Which.
        account: AccountId,
        /// Its name.
        name: Name,
    },
    /// A user has to go.
    Kick {
        /// Who.
        conn: ConnId,
        /// Their account, where they have one: another connection may have taken it over by then.
        account: Option<AccountId>,
        /// Their name.
        name: Name,
        /// Why.
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
        /// Who.
        subjects: Vec<Subject>,
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
        /// Who.
        subjects: Vec<Subject>,
        /// Their name.
        name: Name,
    },
    /// The time between a user's messages.
    Slow(Duration),
    /// The password of the lobby; none for a public one.
    SetPassword(Option<Arc<PasswordRecord>>),
    /// The lobby's AI has another prompt.
    SetPrompt(Line),
    /// An account is asked to take the lobby.
    Offer {
        /// Which.
        account: AccountId,
        /// Its name.
        name: Name,
    },
    /// The lobby belongs to another account.
    Transfer {
        /// Which.
        account: AccountId,
        /// Its name.
        name: Name,
    },
    /// This lobby is no more.
    Delete(Name),
    /// All users are told something.
    Announce(Line),
    /// A user may not use the server, and has to go.
    ServerBan {
        /// Who, for how long and why.
        ban: Sanction,
        /// Their connection.
        conn: Option<ConnId>,
    },
    /// Users may use the server again.
    ServerUnban {
        /// Who.
        subjects: Vec<Subject>,
        /// Their name.
        name: Name,
    },
}

impl Deed {
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
            Self::Offer { .. } => "transfer",
            Self::Transfer { .. } => "accept",
            Self::Delete(_) => "delete",
            Self::Announce(_) => "announce",
            Self::ServerBan { .. } => "gban",
            Self::ServerUnban { .. } => "gunban",
        }
    }

    /// To whom it is done.
    pub fn whom(&self) -> Option<&Name> {
        match self {
            Self::Op { name, .. }
            | Self::Deop { name, .. }
            | Self::Kick { name, .. }
            | Self::Unmute { name, .. }
            | Self::Unban { name, .. }
            | Self::ServerUnban { name, .. }
            | Self::Offer { name, .. }
            | Self::Transfer { name, .. } => Some(name),
            Self::Mute { mute: s, .. }
            | Self::Ban { ban: s, .. }
            | Self::ServerBan { ban: s, .. } => Some(&s.name),
            Self::Topic(_)
            | Self::Slow(_)
            | Self::SetPassword(_)
            | Self::SetPrompt(_)
            | Self::Delete(_)
            | Self::Announce(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::command::spec;
    use crate::chat::history::UnixMillis;

    #[test]
    fn a_deed_says_what_it_is_and_whom_it_is_about() {
        let bob = Name::parse("bob").unwrap();
        let subject = (Subject::Account(AccountId(2)), bob.clone());
        let ban = Sanction::new(subject, bob.clone(), None, None, UnixMillis(1_000));
        let conn = Some(ConnId(2));
        let (account, name) = (AccountId(2), bob.clone());
        let kick = Deed::Kick { conn: ConnId(2), account: None, name: name.clone(), reason: None };
        for (deed, verb, about) in [
            (Deed::Topic(None), "topic", false),
            (Deed::Op { account, name: name.clone() }, "op", true),
            (Deed::Deop { account, name: name.clone() }, "deop", true),
            (kick, "kick", true),
            (Deed::Mute { mute: ban.clone(), conn }, "mute", true),
            (Deed::Unmute { subjects: vec![], name: name.clone() }, "unmute", true),
            (Deed::Ban { ban: ban.clone(), conn }, "ban", true),
            (Deed::Unban { subjects: vec![], name: name.clone() }, "unban", true),
            (Deed::Slow(Duration::ZERO), "slow", false),
            (Deed::SetPassword(None), "setpass", false),
            (Deed::SetPrompt(Line::clean("Be a pirate")), "setai", false),
            (Deed::Offer { account, name: name.clone() }, "transfer", true),
            (Deed::Transfer { account, name: name.clone() }, "accept", true),
            (Deed::Delete(name.clone()), "delete", false),
            (Deed::Announce(Line::clean("hi")), "announce", false),
            (Deed::ServerBan { ban: ban.clone(), conn }, "gban", true),
            (Deed::ServerUnban { subjects: vec![], name: name.clone() }, "gunban", true),
        ] {
            assert_eq!(deed.verb(), verb);
            assert!(spec(&format!("/{verb}")).is_some(), "{verb}");
            assert_eq!(deed.whom(), about.then_some(&bob), "{verb}");
        }
    }
}
