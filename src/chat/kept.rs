//! What is kept, in the words of the chat: no SQL, and no type of the database.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::chat::bot::Bot;
use crate::chat::directory::{ConnId, IpKey};
use crate::chat::history::{Entry, UnixMillis};
use crate::chat::lobbies::LobbyId;
use crate::chat::lobby::{LobbyState, Member};
use crate::chat::name::{Name, NameKey};
use crate::chat::password::PasswordRecord;
use crate::chat::person::Person;
use crate::chat::roles::Owner;
use crate::chat::sanctions::Sanctions;
use crate::chat::text::Line;

use crate::chat::accounts::Identity;
pub use crate::chat::accounts::{AccountId, Fingerprint, Key, KeyKind, Subject};
pub use crate::chat::settings::Settings;

/// A registered name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// Its number.
    pub id: AccountId,
    /// The name as its owner spells it.
    pub name: Name,
    /// The record of its password.
    pub record: Arc<PasswordRecord>,
    /// What its owner has set.
    pub settings: Settings,
    /// When it was made.
    pub made_at: UnixMillis,
    /// The lobby it was in when it left last; none where that lobby is gone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_lobby: Option<LobbyId>,
    /// When it left last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub left_at: Option<UnixMillis>,
    /// The number that the next message in that lobby had then; none where that is not known, as of a
    /// version that kept no more than the time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub left_seq: Option<u64>,
    /// What makes it a bot's; none where it is a person's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bot: Option<Bot>,
}

impl Account {
    /// One that is made now: nothing is set, and nobody has logged in to it.
    pub fn new(
        id: AccountId,
        name: Name,
        record: Arc<PasswordRecord>,
        made_at: UnixMillis,
    ) -> Self {
        let settings = Settings::default();
        Self {
            id,
            name,
            record,
            settings,
            made_at,
            last_lobby: None,
            left_at: None,
            left_seq: None,
            bot: None,
        }
    }

    /// That of a bot, which no password lets in.
    pub fn of_bot(id: AccountId, name: Name, bot: Bot, made_at: UnixMillis) -> Self {
        let record = Arc::new(PasswordRecord::none());
        Self { bot: Some(bot), ..Self::new(id, name, record, made_at) }
    }
}

/// From where on somebody has missed what was said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Since {
    /// When they left.
    pub at: UnixMillis,
    /// The number that the next message had then. Without it the time has to do, which is no finer than
    /// a millisecond.
    pub seq: Option<u64>,
}

/// Whose messages of a lobby are looked for, and since when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authored {
    /// All of this account.
    pub account: Option<AccountId>,
    /// All that were said over this connection; the numbers of this process's messages begin with the
    /// second, and connections of before have the same numbers.
    pub conn: Option<(ConnId, u64)>,
    /// Also what guests of the account's name said at the address that it was made from, before that.
    pub before_made: bool,
    /// All of guests of this name at this address: whoever connects again is known by that.
    pub guest: Option<(NameKey, IpKey)>,
    /// Nothing older.
    pub since: UnixMillis,
    /// Also Rox's answers to them.
    pub answers: bool,
    /// How many of the newest.
    pub max: usize,
}

/// Where a rule holds, or what a record of the audit is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// The whole server.
    Server,
    /// One lobby.
    Lobby(LobbyId),
}

/// What somebody under a sanction cannot do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SanctionKind {
    /// Speak.
    Mute,
    /// Come in.
    Ban,
}

/// A private message that waits for its receiver to log in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mail {
    /// Who wrote it.
    pub from: Person,
    /// When it came about, in UTC.
    pub at: UnixMillis,
    /// The words of the letter.
    pub text: Line,
}

/// Place of a mail among all that ever were, so that only what was shown is taken away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct MailId(pub u64);

/// What became of a private message to an account that is not connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Left {
    /// It waits.
    Kept,
    /// The account ignores its sender: it is not kept, and the sender is not to learn of that.
    Ignored,
    /// As many wait as may.
    Full,
}

/// A message that is stored: which row it is, and its number in its lobby.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MessageId {
    /// Its row. After a message is deleted, that may be another's of any lobby.
    pub row: i64,
    /// Its number in its lobby.
    pub seq: u64,
}

/// Place of a record of the audit among all that are there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct AuditId(pub i64);

/// Some of what a long answer is made of: it is read a page at a time, so that no more of it waits for
/// whoever asked than they take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// What is there of it.
    pub items: Vec<T>,
    /// How many of those that were asked for are done with, also those that are there no more.
    pub asked: usize,
}

/// Something that was done to a lobby, to the server or to a user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditEntry {
    /// In which lobby, or to the server.
    pub scope: Scope,
    /// When it came about, in UTC.
    pub at: UnixMillis,
    /// Who did it.
    pub who: Name,
    /// What was done.
    pub what: Line,
}

/// All that is kept of a lobby, as it is after a start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredLobby {
    /// What stands for it; mutes and bans that ended meanwhile are among those in it.
    pub state: LobbyState,
    /// The newest messages with their numbers, oldest first.
    pub history: Vec<(u64, Entry)>,
    /// The number of the next message: over all that ever were, also where they are deleted.
    pub next_seq: u64,
}

impl StoredLobby {
    /// One in which nothing was said.
    pub fn new(state: LobbyState) -> Self {
        Self { state, history: Vec::new(), next_seq: 0 }
    }
}

/// All that a server needs to go on where it stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// Every lobby, by number.
    pub lobbies: Vec<StoredLobby>,
    /// Every account, by number.
    pub accounts: Vec<KnownAccount>,
    /// Which addresses have made accounts lately, and when.
    pub registrations: Vec<(IpKey, UnixMillis)>,
    /// When the newest of all that is stored came about.
    pub newest: Option<UnixMillis>,
    /// The bans from the whole server, also those that ended meanwhile.
    pub bans: Sanctions,
    /// The questions to Rox that may still count for budgets, the oldest first.
    pub rox_uses: Vec<RoxUse>,
    /// The number of the next lobby: over all that ever were.
    pub next_lobby: LobbyId,
    /// The number of the next account: over all that ever were.
    pub next_account: AccountId,
    /// Of a node of a cluster: how far it has followed the log, and who was there then.
    pub node: Option<StoredNode>,
}

impl Snapshot {
    /// Whether nobody has ever used it: no account was made, no lobby, and nothing said.
    pub fn is_fresh(&self) -> bool {
        let unused =
            |lobby: &StoredLobby| lobby.state.owner == Owner::Server && lobby.next_seq == 0;
        self.next_account.0 == 0
            && self.accounts.is_empty()
            && self.bans == Sanctions::default()
            && self.lobbies.iter().all(unused)
    }
}

/// What a node of a cluster goes on from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredNode {
    /// How far it has followed the log: the mark, as it was stored.
    pub mark: Vec<u8>,
    /// Who was there, on all nodes.
    pub users: Vec<PresentUser>,
    /// Who was in which lobby.
    pub members: Vec<(LobbyId, Member<ConnId>)>,
    /// Lobbies that are guests', by the connections of those.
    pub guest_owners: Vec<(LobbyId, ConnId)>,
    /// How many passwords the operator has given accounts, of those that have been given one.
    pub given: Vec<(AccountId, u32)>,
    /// The questions to Rox of lobbies and their conversations, as they were stored.
    pub questions: Vec<(LobbyId, String)>,
}

/// Somebody who is there, on whatever node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PresentUser {
    /// Who they are.
    pub who: Identity,
    /// What they say of being away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub away: Option<Line>,
    /// The life of their node: they are gone with it.
    pub life: u32,
}

/// How long it is known who asked: the longest calendar day (of 25 hours, where summer time ends), and an hour
/// for clocks that differ.
pub const KEPT_FOR: Duration = Duration::from_secs(26 * 3_600);

/// Most questions that are remembered, so that a server without limits does not fill its memory: some 10 MiB, and
/// as many as any limit may allow in a day. Of more, the oldest count no longer.
pub const MAX_USES: usize = 100_000;

/// A question to Rox that counts for budgets: one that was sent, or waits to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoxUse {
    /// Its number. After a start a server that is alone gives the same numbers again: then the time tells them
    /// apart.
    pub question: u64,
    /// When it was taken.
    pub at: UnixMillis,
    /// Who asked, as they were then.
    pub who: Person,
    /// In which lobby.
    pub lobby: LobbyId,
    /// What it has cost, question and answer together; nothing yet while it is open.
    pub tokens: u64,
    /// Whether it was asked what its asker had missed.
    pub catch_up: bool,
    /// When its asker was told by it what they had missed; none where they were not.
    pub caught_up_at: Option<UnixMillis>,
}

/// What a server keeps in memory of an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownAccount {
    /// Its number.
    pub id: AccountId,
    /// Its name.
    pub name: Name,
    /// Whether the operator has made it, or given it a password.
    pub by_operator: bool,
    /// When it was made, where nobody has logged in to it since.
    pub unused_since: Option<UnixMillis>,
    /// Of a bot the account that has made it.
    pub bot_of: Option<AccountId>,
}

/// What an account missed in a lobby.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missed {
    /// How many messages.
    pub count: u64,
    /// The newest of them that are to be shown, oldest first.
    pub newest: Vec<MessageId>,
    /// The number of the next message, as far as the store knew: what has this or a higher one comes after
    /// all of these.
    pub next_seq: u64,
}
