//! What the Store is asked and told: the one door to what outlives the process.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use actix::prelude::*;
use tokio::sync::OwnedSemaphorePermit;

use crate::actors::store::coming::Mark;
use crate::ai::prompt::summary;
use crate::chat::accounts::{AccountId, Key};
use crate::chat::history::{Entry, UnixMillis};
use crate::chat::ignores::Ignores;
use crate::chat::lobbies::LobbyId;
use crate::chat::name::NameKey;
use crate::chat::person::Person;
use crate::chat::retention::Kept;
use crate::store::{
    Account, AuditEntry, AuditId, Authored, Change, Db, Left, Mail, MailId, MessageId, Missed,
    Page, READ_TIME, SEARCH_TIME, Scope, Since, StoreError,
};

/// Text of messages that is read at a time for one long answer. It waits in memory until the client
/// has taken what was read before it.
const PAGE_BYTES: usize = 8 * 1024;

/// Write all of this or nothing, now, after what was kept before the mark. Answered when it is in the
/// database.
#[derive(Message)]
#[rtype(result = "Result<(), StoreError>")]
pub struct Commit(pub Vec<Change>, pub Mark);

/// The server stops: write what waits.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Close;

/// Write what waits, so that whoever reads next sees it. Answered with the messages of this lobby that
/// cannot be written at present, with their numbers in it, oldest first.
#[derive(Message)]
#[rtype(result = "Vec<(u64, Arc<Entry>)>")]
pub struct Flush(pub Option<LobbyId>);

/// Which threads that read there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lane {
    /// For what is found by its key: logins wait for it.
    Quick,
    /// For what is looked for. One at a time is on its way there.
    Search,
}

/// A question to the database.
pub trait Question: Send + 'static {
    /// The answer.
    type Answer: Send + 'static;
    /// Where it is answered.
    const LANE: Lane = Lane::Quick;
    /// How long that may take.
    const TIME: Duration = READ_TIME;
    /// Whether it has to see what was kept before it was asked.
    const FRESH: bool = true;

    /// Answers it, of what is kept.
    ///
    /// # Errors
    /// The database does not answer as it should.
    fn answer(self, db: &Db, kept: Kept) -> Result<Self::Answer, StoreError>;
}

/// A question on its way to a connection, with its turn where it had to wait for one.
pub struct Read<Q>(pub Q, pub Option<OwnedSemaphorePermit>);

impl<Q: Question> Message for Read<Q> {
    type Result = Result<Q::Answer, StoreError>;
}

/// Which of the messages of a lobby are meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Which {
    /// Those before so many of the newest.
    Before(usize),
    /// Those with these numbers.
    Numbers(Range<u64>),
}

/// Which messages were said last in a lobby, oldest first.
pub struct ReadHistory {
    /// The lobby.
    pub lobby: LobbyId,
    /// How many messages at most.
    pub count: usize,
    /// Which of them.
    pub which: Which,
    /// Whose not.
    pub ignores: Ignores,
}

impl Question for ReadHistory {
    type Answer = Vec<MessageId>;
    /// Whoever asks has had everything written that can be, and knows the rest.
    const FRESH: bool = false;

    fn answer(self, db: &Db, kept: Kept) -> Result<Self::Answer, StoreError> {
        match self.which {
            Which::Before(newest) => {
                db.newest(self.lobby, (self.count, newest), kept, &self.ignores)
            }
            Which::Numbers(numbers) => {
                db.between(self.lobby, &numbers, self.count, kept, &self.ignores)
            }
        }
    }
}

/// What was said last in a lobby, so many messages at most, under their numbers, oldest first.
pub struct ReadRecent(pub LobbyId, pub usize);

impl Question for ReadRecent {
    type Answer = Vec<(u64, Entry)>;

    fn answer(self, db: &Db, _: Kept) -> Result<Self::Answer, StoreError> {
        db.recent(self.0, self.1)
    }
}

/// Which messages of a lobby hold all these words, newest first.
pub struct Search {
    /// The lobby.
    pub lobby: LobbyId,
    /// The words.
    pub words: String,
    /// How many messages at most.
    pub max: usize,
    /// Whose not.
    pub ignores: Ignores,
}

impl Question for Search {
    type Answer = Vec<MessageId>;
    const LANE: Lane = Lane::Search;
    const TIME: Duration = SEARCH_TIME;

    fn answer(self, db: &Db, kept: Kept) -> Result<Self::Answer, StoreError> {
        db.find(self.lobby, &self.words, self.max, kept, &self.ignores)
    }
}

/// A message under its number in its lobby.
pub type Numbered = (u64, Arc<Entry>);

/// The first of these messages of a lobby.
pub struct ReadMessages(pub LobbyId, pub Vec<MessageId>);

impl Question for ReadMessages {
    type Answer = Page<Numbered>;
    const FRESH: bool = false;

    fn answer(self, db: &Db, _: Kept) -> Result<Self::Answer, StoreError> {
        let Page { items, asked } = db.messages(self.0, &self.1, PAGE_BYTES)?;
        let items = items.into_iter().map(|(seq, entry)| (seq, Arc::new(entry))).collect();
        Ok(Page { items, asked })
    }
}

/// What was said in a lobby since then.
pub struct ReadMissed {
    /// The lobby.
    pub lobby: LobbyId,
    /// The instant of the leave, and the number of the next message then.
    pub since: Since,
    /// How many messages at most are wanted themselves.
    pub count: usize,
    /// Whose not.
    pub ignores: Ignores,
}

impl Question for ReadMissed {
    type Answer = Missed;

    fn answer(self, db: &Db, kept: Kept) -> Result<Self::Answer, StoreError> {
        db.since(self.lobby, self.since, self.count, kept, &self.ignores)
    }
}

/// How many messages of each of these lobbies have this number or a higher one.
pub struct CountUnread(pub Vec<(LobbyId, u64)>);

impl Question for CountUnread {
    type Answer = HashMap<LobbyId, u64>;

    fn answer(self, db: &Db, kept: Kept) -> Result<Self::Answer, StoreError> {
        db.unread(&self.0, kept)
    }
}

/// What somebody has missed in a lobby, to be summed up for them.
pub struct ReadCatchUp {
    /// The lobby.
    pub lobby: LobbyId,
    /// Since when they were not part of it.
    pub since: Since,
    /// The number of the first message that is not meant any more.
    pub before: Option<u64>,
    /// Nothing older.
    pub not_before: UnixMillis,
    /// The number of the first message that may be sent.
    pub from: u64,
    /// Whose not.
    pub ignores: Ignores,
}

impl Question for ReadCatchUp {
    type Answer = Vec<Entry>;

    fn answer(self, db: &Db, kept: Kept) -> Result<Self::Answer, StoreError> {
        let Self { lobby, since, before, not_before, from, ignores } = self;
        let kept = Kept { since: kept.since.max(not_before), ..kept };
        let missed = db.since(lobby, since, summary::MAX_MESSAGES, kept, &ignores)?;
        let meant = |id: &MessageId| id.seq >= from && before.is_none_or(|end| id.seq < end);
        let ids: Vec<_> = missed.newest.into_iter().filter(meant).rev().collect();
        // The newest first, as far as they have room.
        let mut entries = db.messages(lobby, &ids, summary::MAX_BYTES)?.items;
        entries.reverse();
        let entries = entries.into_iter().map(|(_, entry)| entry);
        // Of bots and hooks nothing reaches Rox.
        Ok(entries.filter(|entry| !entry.author.bot).collect())
    }
}

/// Which messages of a lobby somebody has said, newest first, by their numbers.
pub struct ReadAuthored(pub LobbyId, pub Authored);

impl Question for ReadAuthored {
    type Answer = Vec<u64>;

    fn answer(self, db: &Db, kept: Kept) -> Result<Self::Answer, StoreError> {
        db.authored(self.0, &self.1, kept)
    }
}

/// The account of this name.
pub struct ReadAccount(pub NameKey);

impl Question for ReadAccount {
    type Answer = Option<Account>;

    fn answer(self, db: &Db, _: Kept) -> Result<Self::Answer, StoreError> {
        db.account(&self.0)
    }
}

/// The account of this name, where it knows this key.
pub struct AccountOfKey(pub NameKey, pub Key);

impl Question for AccountOfKey {
    type Answer = Option<AccountId>;

    fn answer(self, db: &Db, _: Kept) -> Result<Self::Answer, StoreError> {
        db.account_of_key(&self.1, &self.0)
    }
}

/// The keys of an account.
pub struct ReadKeys(pub AccountId);

impl Question for ReadKeys {
    type Answer = Vec<Key>;

    fn answer(self, db: &Db, _: Kept) -> Result<Self::Answer, StoreError> {
        db.keys(self.0)
    }
}

/// Whom an account ignores.
pub struct ReadIgnores(pub AccountId);

impl Question for ReadIgnores {
    type Answer = Ignores;

    fn answer(self, db: &Db, _: Kept) -> Result<Self::Answer, StoreError> {
        db.ignores(self.0)
    }
}

/// Which private messages wait for an account and who wrote them, oldest first.
pub struct ReadMail(pub AccountId);

/// Keep a private message for an account that is not connected.
#[derive(Message)]
#[rtype(result = "Result<Left, StoreError>")]
pub struct LeaveMail(pub AccountId, pub Mail);

/// What became of a private message that was to be left by the log?
pub struct MailLeft(pub AccountId, pub Mail);

impl Question for MailLeft {
    type Answer = Left;

    fn answer(self, db: &Db, _: Kept) -> Result<Self::Answer, StoreError> {
        db.mail_left(self.0, &self.1)
    }
}

impl Question for ReadMail {
    type Answer = Vec<(MailId, Person)>;

    fn answer(self, db: &Db, _: Kept) -> Result<Self::Answer, StoreError> {
        db.mail_waiting(self.0)
    }
}

/// The first of these private messages of an account.
pub struct ReadLetters(pub AccountId, pub Vec<MailId>);

impl Question for ReadLetters {
    type Answer = Page<(MailId, Mail)>;
    const FRESH: bool = false;

    fn answer(self, db: &Db, _: Kept) -> Result<Self::Answer, StoreError> {
        db.letters(self.0, &self.1, PAGE_BYTES)
    }
}

/// Which records of the audit are the newest, oldest first.
pub struct ReadAudit {
    /// Of which lobbies, or of the server.
    pub scopes: Vec<Scope>,
    /// How many at most.
    pub count: usize,
}

impl Question for ReadAudit {
    type Answer = Vec<AuditId>;

    fn answer(self, db: &Db, _: Kept) -> Result<Self::Answer, StoreError> {
        db.audit_ids(&self.scopes, self.count)
    }
}

/// The first of these records.
pub struct ReadAuditEntries(pub Vec<AuditId>);

impl Question for ReadAuditEntries {
    type Answer = Page<AuditEntry>;
    const FRESH: bool = false;

    fn answer(self, db: &Db, _: Kept) -> Result<Self::Answer, StoreError> {
        db.audit(&self.0, PAGE_BYTES)
    }
}
