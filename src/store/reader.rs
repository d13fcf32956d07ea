//! Reading beside the writer: connections that only read, and a limit of time for every read that
//! somebody asked for.

use crate::clock::{self, thread_time};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use super::Db;
use super::error::StoreError;

/// How long a search may take. It looks at many messages, and most that take longer ask for words that
/// nearly every message has. Counted is the time of the processor, so that whatever else the machine does
/// makes no search fail.
pub const SEARCH_TIME: Duration = Duration::from_millis(50);

/// How long any other read may take. All of them look at few rows, but for counting what was missed,
/// which takes a tenth of this for a million messages.
pub const READ_TIME: Duration = Duration::from_secs(1);

/// By the clock a read may take so many times as long: where the machine is busy, or the disk slow.
const PATIENCE: u32 = 10;

/// Steps of SQLite's virtual machine from one look at the clock to the next: some microseconds. The
/// search index takes few steps for much work, so it must not be many.
const PROGRESS_STEPS: i32 = 100;

/// Memory for pages of a connection that only reads.
const READ_CACHE_KIB: i32 = 4 * 1024;

/// How long such a connection waits for another program that has the file locked.
const READ_BUSY_TIMEOUT: Duration = Duration::from_secs(1);

/// Statements that stay prepared on it: more than there are.
const READ_STATEMENTS: usize = 32;

impl Db {
    /// Another connection to the same database, which only reads, for another thread. It sees what was
    /// applied before it is asked, and neither waits for the writer nor makes it wait. None for a
    /// database in memory, and where a file has no write-ahead log.
    ///
    /// # Errors
    /// Why it cannot be opened.
    pub fn reader(&self) -> Result<Option<Self>, StoreError> {
        let Some(path) = self.conn.path().filter(|path| !path.is_empty()) else { return Ok(None) };
        let journal: String =
            self.conn.pragma_query_value(None, "journal_mode", |row| row.get(0))?;
        if journal != "wal" {
            // On a file system that cannot have a log they would lock each other out.
            return Ok(None);
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let conn = Connection::open_with_flags(path, flags)?;
        conn.busy_timeout(READ_BUSY_TIMEOUT)?;
        conn.set_prepared_statement_cache_capacity(READ_STATEMENTS);
        conn.pragma_update(None, "query_only", true)?;
        conn.pragma_update(None, "temp_store", "MEMORY")?;
        conn.pragma_update(None, "cache_size", -READ_CACHE_KIB)?;
        Ok(Some(Self::of(conn, None)))
    }

    /// Reads for `time` of the processor at most, and not much longer by the clock. What is not done by
    /// then is given up.
    ///
    /// # Errors
    /// [`StoreError::TooSlow`] where that was too little, or what the read says.
    pub fn within<T>(
        &self,
        time: Duration,
        read: impl FnOnce(&Self) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let (begun, deadline) = (thread_time(), clock::now() + time * PATIENCE);
        let over = move || thread_time().saturating_sub(begun) >= time || clock::now() >= deadline;
        if over() {
            return Err(StoreError::TooSlow);
        }
        self.conn.progress_handler(PROGRESS_STEPS, Some(over))?;
        // Taken off after a panic too: what is written later has all the time it needs.
        let _limit = Limit(&self.conn);
        read(self)
    }
}

/// A connection whose statements are watched.
struct Limit<'a>(&'a Connection);

impl Drop for Limit<'_> {
    fn drop(&mut self) {
        // It fails only for a connection that is not ours.
        let _ = self.0.progress_handler(0, None::<fn() -> bool>);
    }
}
