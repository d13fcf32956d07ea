//! What lasts: one value for each change that can be stored.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::kept::{
    Account, AccountId, AuditEntry, Fingerprint, Key, KeyKind, Mail, MailId, PresentUser, RoxUse,
    SanctionKind, Scope,
};
use crate::chat::bot::Hook;
use crate::chat::directory::{ConnId, IpKey};
use crate::chat::history::{Entry, UnixMillis};
use crate::chat::lobbies::LobbyId;
use crate::chat::lobby::{LobbyState, Member};
use crate::chat::name::Name;
use crate::chat::password::PasswordRecord;
use crate::chat::person::Person;
use crate::chat::sanctions::{Sanction, SanctionKey};
use crate::chat::settings::Setting;
use crate::chat::wire::rising;

/// One change. Each says how things are from now on, so that doing it twice does no harm (mail and
/// the audit apart), and one that comes late, for a lobby or an account that is gone, does nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// A message was said in a lobby. A second one with the same number there is ignored.
    Said {
        /// The lobby.
        lobby: LobbyId,
        /// Number of the message in its lobby, rising.
        seq: u64,
        /// The message.
        entry: Arc<Entry>,
    },
    /// Messages of a lobby are there no more: they were taken back, or removed.
    MessagesRemoved {
        /// The lobby.
        lobby: LobbyId,
        /// The numbers of the messages, rising.
        #[serde(with = "rising")]
        seqs: Arc<[u64]>,
    },
    /// A lobby was made, or anything of it is other than before.
    LobbyPut(Arc<LobbyState>),
    /// A lobby is gone, with all that hangs on it.
    LobbyRemoved(LobbyId),
    /// Somebody used a lobby.
    LobbyUsed {
        /// The lobby.
        lobby: LobbyId,
        /// The instant from which it is so.
        at: UnixMillis,
    },
    /// An account was made. What becomes of it afterwards are changes of their own, so that none takes back what
    /// another one, of another node or connection, has changed meanwhile.
    AccountPut(Account),
    /// An account has set one thing.
    SettingSet {
        /// The account.
        account: AccountId,
        /// What is so from now on.
        setting: Setting,
    },
    /// The record of an account's password is made anew of the same password, unless it is another
    /// password's by now.
    RecordRenewed {
        /// The account.
        account: AccountId,
        /// The record so far.
        before: Arc<PasswordRecord>,
        /// The record from now on.
        record: Arc<PasswordRecord>,
    },
    /// An account is gone, with roles, certificates, mail, ignores, mutes and bans. What it owned
    /// has no owner any more.
    AccountRemoved(AccountId),
    /// An account has another password.
    PasswordSet {
        /// The account.
        account: AccountId,
        /// The record of the password.
        record: Arc<PasswordRecord>,
    },
    /// The operator has made an account, or given it a password.
    AccountVouched(AccountId),
    /// An account was logged in to again after it was made.
    AccountUsed {
        /// The account.
        account: AccountId,
        /// The instant from which it is so.
        at: UnixMillis,
    },
    /// An address has made an account.
    Registered {
        /// The address.
        address: IpKey,
        /// The instant from which it is so.
        at: UnixMillis,
    },
    /// An account was put out of a lobby: it goes on in general, unless it has been elsewhere since, and
    /// has missed there what is said after this.
    AccountPutOut {
        /// The account.
        account: AccountId,
        /// The lobby.
        lobby: LobbyId,
        /// The instant from which it is so.
        at: UnixMillis,
    },
    /// A lobby belongs to this account, or to none.
    OwnerSet {
        /// The lobby.
        lobby: LobbyId,
        /// The account.
        owner: Option<AccountId>,
    },
    /// An account left.
    AccountLeft {
        /// The account.
        account: AccountId,
        /// The lobby it was in.
        lobby: LobbyId,
        /// The instant from which it is so.
        at: UnixMillis,
        /// The number of the next message there; none where only that lobby knows it.
        seq: Option<u64>,
    },
    /// A lobby has an operator more.
    OperatorAdded {
        /// The lobby.
        lobby: LobbyId,
        /// The operator.
        account: AccountId,
    },
    /// A lobby has an operator less.
    OperatorRemoved {
        /// The lobby.
        lobby: LobbyId,
        /// Who was one.
        account: AccountId,
    },
    /// A lobby has a hook more, or another one of this name.
    HookAdded {
        /// The lobby.
        lobby: LobbyId,
        /// The hook.
        hook: Hook,
    },
    /// A lobby has a hook less.
    HookRemoved {
        /// The lobby.
        lobby: LobbyId,
        /// What it was called.
        name: Name,
    },
    /// A mute or a ban was set; it takes the place of one of its kind, scope and subject, and (of an
    /// address) of its name.
    SanctionSet {
        /// Mute or ban.
        kind: SanctionKind,
        /// Where it holds.
        scope: Scope,
        /// The mute or the ban.
        sanction: Sanction,
    },
    /// A mute or a ban was lifted.
    SanctionLifted {
        /// Mute or ban.
        kind: SanctionKind,
        /// Where it held.
        scope: Scope,
        /// Which one.
        key: SanctionKey,
    },
    /// An account is known by one certificate more.
    CertAdded {
        /// The account.
        account: AccountId,
        /// The certificate.
        fingerprint: Fingerprint,
    },
    /// An account is known by one certificate less.
    CertRemoved {
        /// The account.
        account: AccountId,
        /// The certificate.
        fingerprint: Fingerprint,
    },
    /// An account is known by one SSH key more.
    SshKeyAdded {
        /// The account.
        account: AccountId,
        /// The key.
        fingerprint: Fingerprint,
    },
    /// An account is known by one SSH key less.
    SshKeyRemoved {
        /// The account.
        account: AccountId,
        /// The key.
        fingerprint: Fingerprint,
    },
    /// An account ignores somebody.
    IgnoreAdded {
        /// The account.
        account: AccountId,
        /// The name that they had when they were ignored.
        name: Name,
        /// Whom it ignores, in one of the forms that they are known in.
        who: Person,
    },
    /// An account ignores somebody no more.
    IgnoreRemoved {
        /// The account.
        account: AccountId,
        /// Whom it ignored, in one of the forms that they are known in.
        who: Person,
    },
    /// Somebody goes on as somebody else, under another name, with an account or without: those who
    /// ignore them go on to.
    Became {
        /// Who they were.
        before: Person,
        /// Who they are.
        now: Person,
    },
    /// A private message waits for an account, unless that ignores its sender or as many wait as may.
    MailAdded {
        /// Whom it is for.
        to: AccountId,
        /// The message.
        mail: Mail,
    },
    /// An account has been shown its mail.
    MailTaken {
        /// The account.
        account: AccountId,
        /// The newest that it was shown; older ones go too, newer ones stay.
        up_to: MailId,
    },
    /// Something was done that the audit tells.
    Audited(AuditEntry),
    /// What a node of a cluster keeps for itself.
    #[serde(skip)]
    Node(NodeChange),
}

/// What a node of a cluster keeps so that it goes on where it stopped. It follows from the records of the log,
/// so it stands in none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NodeChange {
    /// All that comes before this has been done of the log: the mark, as it is stored. It is stored with that
    /// or not at all.
    Applied(Box<[u8]>),
    /// The user of a connection, on whatever node, is this; none where it has none any more.
    User(ConnId, Option<Box<PresentUser>>),
    /// The user of a connection is this member of a lobby; none where they are none of its members. Whoever goes
    /// to another lobby is in both for a moment.
    Member(LobbyId, ConnId, Option<Box<Member<ConnId>>>),
    /// A lobby belongs to the guest of this connection; none where it belongs to no guest any more.
    GuestOwner(LobbyId, Option<ConnId>),
    /// The operator has given an account so many passwords.
    PasswordsGiven(AccountId, u32),
    /// The questions to Rox of a lobby and its conversation are these, as they are stored.
    Questions(LobbyId, Arc<str>),
    /// A question to Rox counts for budgets, as it is now. A server that is alone keeps this too.
    RoxUsed(Box<RoxUse>),
    /// The question of this number, of that time, counts for nothing: it was not sent.
    RoxUnused(u64, UnixMillis),
}

impl Change {
    /// An account is known by one key more.
    pub fn key_added(account: AccountId, Key { kind, fingerprint }: Key) -> Self {
        match kind {
            KeyKind::X509 => Self::CertAdded { account, fingerprint },
            KeyKind::Ssh => Self::SshKeyAdded { account, fingerprint },
        }
    }

    /// An account is known by one key less.
    pub fn key_removed(account: AccountId, Key { kind, fingerprint }: Key) -> Self {
        match kind {
            KeyKind::X509 => Self::CertRemoved { account, fingerprint },
            KeyKind::Ssh => Self::SshKeyRemoved { account, fingerprint },
        }
    }

    /// The end of mutes or bans.
    pub fn lifted(kind: SanctionKind, scope: Scope, keys: &[SanctionKey]) -> Vec<Self> {
        let lifted = |key: &SanctionKey| Self::SanctionLifted { kind, scope, key: key.clone() };
        keys.iter().map(lifted).collect()
    }

    /// The same, where it is of an account that is only just made: that has another number than was thought.
    pub fn renumbered(self, before: AccountId, now: AccountId) -> Self {
        match self {
            Self::AccountPut(put) if put.id == before => {
                Self::AccountPut(Account { id: now, ..put })
            }
            Self::AccountVouched(account) if account == before => Self::AccountVouched(now),
            Self::CertAdded { account, fingerprint } if account == before => {
                Self::CertAdded { account: now, fingerprint }
            }
            Self::SshKeyAdded { account, fingerprint } if account == before => {
                Self::SshKeyAdded { account: now, fingerprint }
            }
            Self::IgnoreAdded { account, name, who } if account == before => {
                Self::IgnoreAdded { account: now, name, who }
            }
            // Of a new account nothing else is proposed: it follows when that is made.
            other @ (Self::AccountPut(_)
            | Self::AccountVouched(_)
            | Self::IgnoreAdded { .. }
            | Self::Said { .. }
            | Self::MessagesRemoved { .. }
            | Self::LobbyPut(_)
            | Self::LobbyRemoved(_)
            | Self::LobbyUsed { .. }
            | Self::SettingSet { .. }
            | Self::RecordRenewed { .. }
            | Self::AccountRemoved(_)
            | Self::PasswordSet { .. }
            | Self::AccountUsed { .. }
            | Self::Registered { .. }
            | Self::AccountPutOut { .. }
            | Self::OwnerSet { .. }
            | Self::AccountLeft { .. }
            | Self::OperatorAdded { .. }
            | Self::OperatorRemoved { .. }
            | Self::HookAdded { .. }
            | Self::HookRemoved { .. }
            | Self::SanctionSet { .. }
            | Self::SanctionLifted { .. }
            | Self::CertAdded { .. }
            | Self::CertRemoved { .. }
            | Self::SshKeyAdded { .. }
            | Self::SshKeyRemoved { .. }
            | Self::IgnoreRemoved { .. }
            | Self::Became { .. }
            | Self::MailAdded { .. }
            | Self::MailTaken { .. }
            | Self::Audited(_)
            | Self::Node(_)) => other,
        }
    }

    /// Bytes that this takes in memory, to within a few, for whoever bounds what waits.
    pub fn bytes(&self) -> usize {
        let text = match self {
            Self::Said { entry, .. } => {
                entry.text.as_str().len() + entry.author.name.as_str().len()
            }
            Self::LobbyPut(lobby) => {
                let lines = [Some(&lobby.description), lobby.topic.as_ref(), lobby.prompt.as_ref()];
                lines.into_iter().flatten().map(|line| line.as_str().len()).sum()
            }
            Self::SanctionSet { sanction, .. } => {
                sanction.reason.as_ref().map_or(0, |reason| reason.as_str().len())
            }
            Self::MailAdded { mail, .. } => mail.text.as_str().len(),
            Self::MessagesRemoved { seqs, .. } => size_of_val(&**seqs),
            Self::Audited(entry) => entry.what.as_str().len(),
            Self::Node(NodeChange::Applied(mark)) => mark.len(),
            Self::Node(NodeChange::Questions(_, questions)) => questions.len(),
            Self::Node(NodeChange::RoxUsed(_)) => size_of::<RoxUse>(),
            Self::Node(NodeChange::User(_, user)) => {
                user.as_ref().map_or(0, |_| size_of::<PresentUser>())
            }
            Self::Node(NodeChange::Member(_, _, member)) => {
                member.as_ref().map_or(0, |_| size_of::<Member<ConnId>>())
            }
            Self::Node(NodeChange::GuestOwner(..))
            | Self::Node(NodeChange::PasswordsGiven(..))
            | Self::Node(NodeChange::RoxUnused(..))
            | Self::LobbyRemoved(_)
            | Self::LobbyUsed { .. }
            | Self::AccountPut(_)
            | Self::SettingSet { .. }
            | Self::RecordRenewed { .. }
            | Self::AccountRemoved(_)
            | Self::PasswordSet { .. }
            | Self::AccountVouched(_)
            | Self::AccountUsed { .. }
            | Self::Registered { .. }
            | Self::AccountPutOut { .. }
            | Self::OwnerSet { .. }
            | Self::AccountLeft { .. }
            | Self::OperatorAdded { .. }
            | Self::OperatorRemoved { .. }
            | Self::HookAdded { .. }
            | Self::HookRemoved { .. }
            | Self::SanctionLifted { .. }
            | Self::CertAdded { .. }
            | Self::CertRemoved { .. }
            | Self::SshKeyAdded { .. }
            | Self::SshKeyRemoved { .. }
            | Self::IgnoreAdded { .. }
            | Self::IgnoreRemoved { .. }
            | Self::Became { .. }
            | Self::MailTaken { .. } => 0,
        };
        size_of::<Self>() + text
    }
}
