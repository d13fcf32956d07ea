//! What the Store is asked and told: the one door to what outlives the process.

use actix::prelude::*;

use crate::chat::accounts::{AccountId, Fingerprint};
use crate::chat::history::{Entry, UnixMillis};
use crate::chat::ignores::Ignores;
use crate::chat::lobbies::LobbyId;
use crate::chat::name::NameKey;
use crate::store::{
    Account, AuditEntry, Change, Left, Mail, MailId, Missed, Scope, Settings, StoreError,
};

/// Write this when there is time for it. Nobody waits for it, and it may be lost where the disk
/// stays full.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Keep(pub Vec<Change>);

/// Write all of this or nothing, now. Answered when it is in the database.
#[derive(Message)]
#[rtype(result = "Result<(), StoreError>")]
pub struct Commit(pub Vec<Change>);

/// The server stops: write what waits.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Close;

/// What was said last in a lobby, oldest first.
#[derive(Message)]
#[rtype(result = "Result<Vec<Entry>, StoreError>")]
pub struct ReadHistory {
    /// The lobby.
    pub lobby: LobbyId,
    /// How many messages at most.
    pub count: usize,
}

/// Messages of a lobby that hold all these words, newest first.
#[derive(Message)]
#[rtype(result = "Result<Vec<Entry>, StoreError>")]
pub struct Search {
    /// The lobby.
    pub lobby: LobbyId,
    /// The words.
    pub words: String,
    /// How many messages at most.
    pub max: usize,
}

/// What was said in a lobby since then.
#[derive(Message)]
#[rtype(result = "Result<Missed, StoreError>")]
pub struct ReadMissed {
    /// The lobby.
    pub lobby: LobbyId,
    /// Since when.
    pub since: UnixMillis,
    /// How many messages at most are wanted themselves.
    pub count: usize,
}

/// The account of this name.
#[derive(Message)]
#[rtype(result = "Result<Option<Account>, StoreError>")]
pub struct ReadAccount(pub NameKey);

/// The owner of the account of this name has set this.
#[derive(Message)]
#[rtype(result = "Result<(), StoreError>")]
pub struct SaveSettings(pub NameKey, pub Settings);

/// The account of this name, where it knows this certificate.
#[derive(Message)]
#[rtype(result = "Result<Option<AccountId>, StoreError>")]
pub struct AccountOfCert(pub NameKey, pub Fingerprint);

/// The certificates of an account.
#[derive(Message)]
#[rtype(result = "Result<Vec<Fingerprint>, StoreError>")]
pub struct ReadCerts(pub AccountId);

/// Whom an account ignores.
#[derive(Message)]
#[rtype(result = "Result<Ignores, StoreError>")]
pub struct ReadIgnores(pub AccountId);

/// The private messages that wait for an account, oldest first.
#[derive(Message)]
#[rtype(result = "Result<Vec<(MailId, Mail)>, StoreError>")]
pub struct ReadMail(pub AccountId);

/// Keep a private message for an account that is not connected.
#[derive(Message)]
#[rtype(result = "Result<Left, StoreError>")]
pub struct LeaveMail(pub AccountId, pub Mail);

/// What was done lately, newest first.
#[derive(Message)]
#[rtype(result = "Result<Vec<AuditEntry>, StoreError>")]
pub struct ReadAudit {
    /// In which lobby, or on the server.
    pub scope: Scope,
    /// How many entries at most.
    pub count: usize,
}
