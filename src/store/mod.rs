//! The database: what outlives the process. All SQL of the program is in this module.
//!
//! [`Db`] is one connection to one SQLite file, used from one thread. Its doors speak of lobbies,
//! accounts and messages, so that another backend can stand behind them: [`Db::load`] at the start,
//! [`Db::apply`] for what changes, a question for each thing that is not kept in memory, and
//! [`Db::trim`] for what has become too much. [`Db::reader`] is another connection that answers such
//! questions on a thread of its own, each within a limit of time ([`Db::within`]). [`backup()`] and [`check()`] work beside a running server,
//! through connections of their own.
//!
//! What has been applied survives the end of the process, whatever ends it: it is in the write-ahead
//! log. It survives the end of the machine's power once a checkpoint has synced it.

mod account;
mod apply;
mod backup;
mod check;
mod error;
mod export;
mod lobby;
mod message;
mod node;
mod open;
mod progress;
mod read;
mod reader;
mod refusal;
mod restore;
mod rows;
mod schema;
mod search;
mod tokens;
mod trim;

pub use crate::chat::change::{Change, NodeChange};
pub use crate::chat::kept::{
    Account, AccountId, AuditEntry, AuditId, Authored, Fingerprint, KnownAccount, Left, Mail,
    MailId, MessageId, Missed, Page, PresentUser, SanctionKind, Scope, Settings, Since, Snapshot,
    StoredLobby, StoredNode, Subject,
};
pub use apply::AUDIT_KEPT;
pub use backup::{BackupError, backup};
pub use check::{CheckError, Report, check};
pub use error::StoreError;
pub use export::{Export, ExportError, export};
pub use open::{Seen, SeenState, look_at, strange_log};
pub use progress::{Progress, Work, on_progress};
pub use reader::{READ_TIME, SEARCH_TIME};
pub use refusal::{Note, OpenError};
pub use restore::{RestoreError, Restored, restore};

use rusqlite::Connection;
use search::Indexer;
use trim::Round;

/// The file in the data directory that holds the database.
pub const DATABASE_FILE: &str = "lobbyd.db";

/// The file in the data directory that a running server keeps locked; it holds the process id.
pub const LOCK_FILE: &str = "lobbyd.lock";

/// An open database. Dropping it closes it.
#[derive(Debug)]
pub struct Db {
    /// Closed before the lock is let go: fields are dropped in their order.
    conn: Connection,
    round: Round,
    index: Indexer,
    /// Held as long as the database is open; none for one in memory.
    lock: Option<open::Lock>,
}

impl Db {
    fn of(conn: Connection, lock: Option<open::Lock>) -> Self {
        Self { conn, round: Round::default(), index: Indexer::default(), lock }
    }

    /// The locked file, as this machine knows it while it is up: its device and its number there. No other process
    /// has one with these as long as this database is open, and a copy of the directory has another. None in memory.
    pub fn lock_id(&self) -> Option<(u64, u64)> {
        self.lock.as_ref()?.id()
    }
}

#[cfg(test)]
mod apply_tests;
#[cfg(test)]
mod backup_tests;
#[cfg(test)]
mod check_tests;
#[cfg(test)]
mod fixtures_tests;
#[cfg(test)]
mod open_tests;
#[cfg(test)]
mod restore_tests;
#[cfg(test)]
mod search_tests;
#[cfg(test)]
mod trim_tests;
