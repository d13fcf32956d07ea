//! Checks a database without writing to it, beside a running server or without one.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, Row};

use super::error::StoreError;
use super::open::reading;
use super::progress::{self, Telling, Work};
use super::read::load;
use super::schema::{self, Found};
use super::{DATABASE_FILE, account, message, rows};

/// Most faults that are told of one file.
const MAX_FAULTS: usize = 20;

/// Messages that are read before it is told how many were.
const READ_AT_ONCE: u64 = 1_000;

/// Largest file that is looked at as a whole at a start: some seconds' worth.
const WHOLE_BYTES: u64 = 256 * 1024 * 1024;

/// What is in a database that is good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Report {
    /// Version of its tables.
    pub version: u32,
    /// Lobbies, `general` too.
    pub lobbies: u64,
    /// Accounts.
    pub accounts: u64,
    /// Messages of all lobbies.
    pub messages: u64,
    /// Private messages that wait.
    pub mail: u64,
}

/// Why a database is not good. One line each.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// There is none.
    #[error("{}: there is no database. Check CHAT_DATA_DIR", .0.display())]
    Missing(PathBuf),
    /// It cannot be read.
    #[error("{}: cannot be read: {reason}", path.display())]
    Unreadable {
        /// The database file.
        path: PathBuf,
        /// What the system or the database says of it.
        reason: String,
    },
    /// It is none of lobbyd.
    #[error("{}: not a database of lobbyd", .0.display())]
    Foreign(PathBuf),
    /// A newer lobbyd wrote it.
    #[error("{}: written by a newer lobbyd (version {found}, this one knows up to {known})", path.display())]
    NewerVersion {
        /// The database file.
        path: PathBuf,
        /// Its version.
        found: u32,
        /// The newest version that this program knows.
        known: u32,
    },
    /// Something in it is wrong.
    #[error("{}: damaged: {}", path.display(), faults.join("; "))]
    Damaged {
        /// The database file.
        path: PathBuf,
        /// What is wrong, at most 20 things.
        faults: Vec<String>,
    },
}

/// What stops a check half-way.
enum Stop {
    Sql(rusqlite::Error),
    Error(CheckError),
}

impl From<rusqlite::Error> for Stop {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sql(error)
    }
}

/// Checks the database in `dir`: its pages and indexes, what refers to what, the order of the
/// messages, the search index, and that all of it can be read as what it should be.
///
/// # Errors
/// What is wrong with it.
pub fn check(dir: &Path) -> Result<Report, CheckError> {
    let path = dir.join(DATABASE_FILE);
    if !path.exists() {
        return Err(CheckError::Missing(path));
    }
    check_file(&path)
}

/// The same of any file.
pub(super) fn check_file(path: &Path) -> Result<Report, CheckError> {
    reading(path, |conn| inspect(conn, path)).map_err(|stop| match stop {
        Stop::Error(error) => error,
        Stop::Sql(error) => {
            let path = path.to_owned();
            match StoreError::from(error) {
                StoreError::Corrupt(fault) => CheckError::Damaged { path, faults: vec![fault] },
                error => CheckError::Unreadable { path, reason: error.to_string() },
            }
        }
    })
}

fn inspect(conn: &Connection, path: &Path) -> Result<Report, Stop> {
    let version = version_of(conn, path)?.map_err(Stop::Error)?;
    // One transaction, so that a server that writes meanwhile does not look like a fault.
    let snapshot = conn.unchecked_transaction()?;
    let telling = Telling::begin(conn, Work::Look)?;
    let mut faults = pages(&snapshot)?;
    if faults.is_empty() {
        references(&snapshot, &mut faults)?;
        order(&snapshot, &mut faults)?;
        if version >= 2 {
            search_index(&snapshot, &mut faults)?;
        }
        drop(telling);
        schema::view_as_newest(&snapshot, version)?;
        values(&snapshot, &mut faults);
    }
    if !faults.is_empty() {
        faults.truncate(MAX_FAULTS);
        return Err(Stop::Error(CheckError::Damaged { path: path.to_owned(), faults }));
    }
    let count = |table: &str| {
        let sql = format!("SELECT count(*) FROM {table}");
        snapshot.query_row(&sql, [], |row| row.get(0)).map(rows::uint)
    };
    Ok(Report {
        version,
        lobbies: count("lobby")?,
        accounts: count("account")?,
        // Those taken back stand under negative numbers of lobbies.
        messages: count("message WHERE lobby > 0")?,
        mail: count("mail")?,
    })
}

/// The version of a database that this program can read.
pub(super) fn version_of(
    conn: &Connection,
    path: &Path,
) -> rusqlite::Result<Result<u32, CheckError>> {
    let path = path.to_owned();
    Ok(match schema::identify(conn)? {
        Found::Version(found) if found > schema::VERSION => {
            let known = schema::VERSION;
            Err(CheckError::NewerVersion { path, found, known })
        }
        Found::Version(version) => Ok(version),
        Found::Empty | Found::Foreign => Err(CheckError::Foreign(path)),
    })
}

/// The first thing that is wrong with the pages of a file of this many bytes. Of a large one, what was
/// said is left to [`check`], so that a start takes no minutes.
pub(super) fn first_fault(conn: &Connection, bytes: u64) -> rusqlite::Result<Option<String>> {
    let _telling = Telling::begin(conn, Work::Look)?;
    let mut looks = vec!["PRAGMA quick_check(1)".to_owned()];
    if bytes > WHOLE_BYTES {
        let sql = "SELECT format('PRAGMA quick_check(%s)', name) FROM sqlite_schema
            WHERE type = 'table' AND name <> 'message' AND name NOT LIKE 'search%'";
        let tables: Result<_, _> = conn.prepare(sql)?.query_map([], |row| row.get(0))?.collect();
        looks = tables?;
    }
    for look in looks {
        let fault: String = conn.query_row(&look, [], |row| row.get(0))?;
        if fault != "ok" {
            return Ok(Some(fault.replace('\n', " ")));
        }
    }
    Ok(None)
}

/// What SQLite itself finds wrong. It looks at the inside of the search index too.
fn pages(conn: &Connection) -> rusqlite::Result<Vec<String>> {
    let mut check = conn.prepare(&format!("PRAGMA integrity_check({MAX_FAULTS})"))?;
    let found = check.query_map([], |row| row.get::<_, String>(0))?;
    let found: Result<Vec<String>, _> = found.collect();
    Ok(found?.into_iter().filter(|line| line != "ok").map(|l| l.replace('\n', " ")).collect())
}

fn references(conn: &Connection, faults: &mut Vec<String>) -> rusqlite::Result<()> {
    let mut check = conn.prepare("PRAGMA foreign_key_check")?;
    let mut rows = check.query([])?;
    while let Some(row) = rows.next()? {
        let (table, parent): (String, String) = (row.get(0)?, row.get(2)?);
        faults.push(format!("a row of {table} refers to no row of {parent}"));
    }
    let sql = "SELECT count(*) FROM (SELECT DISTINCT lobby FROM message)
        WHERE lobby > 0 AND lobby NOT IN (SELECT id FROM lobby)
            AND lobby NOT IN (SELECT id FROM removed WHERE kind = 'lobby' AND NOT swept)";
    fault(conn, sql, "lobbies that are not there have messages", faults)
}

/// In each lobby the messages were written in the order of their numbers. (None can be there twice:
/// that is an index, which has been checked.)
fn order(conn: &Connection, faults: &mut Vec<String>) -> rusqlite::Result<()> {
    let sql = "SELECT count(*) FROM (
        SELECT id, lag(id) OVER (PARTITION BY lobby ORDER BY seq) AS before FROM message
    ) WHERE before >= id";
    fault(conn, sql, "messages are not in the order of their numbers", faults)
}

fn search_index(conn: &Connection, faults: &mut Vec<String>) -> rusqlite::Result<()> {
    // The index has a row in this table for each message.
    let sql = "SELECT count(*) FROM message WHERE id NOT IN (SELECT id FROM search_docsize)";
    fault(conn, sql, "messages are missing in the search index", faults)?;
    let sql = "SELECT count(*) FROM search_docsize WHERE id NOT IN (SELECT id FROM message)";
    fault(conn, sql, "messages of the search index are gone", faults)
}

/// Adds a fault where `sql` counts any.
fn fault(
    conn: &Connection,
    sql: &str,
    what: &str,
    faults: &mut Vec<String>,
) -> rusqlite::Result<()> {
    let count: i64 = conn.query_row(sql, [], |row| row.get(0))?;
    if count > 0 {
        faults.push(format!("{count} {what}"));
    }
    Ok(())
}

/// Reads everything as a server would.
fn values(conn: &Connection, faults: &mut Vec<String>) {
    let messages = format!("SELECT {} FROM message", message::COLUMNS);
    let accounts = format!("SELECT {} FROM account", account::COLUMNS);
    let mail = "SELECT id, sender, at, text, sender_account, sender_address, sender_bot FROM mail";
    let audit = "SELECT lobby, at, who, what FROM audit";
    let ignored = "SELECT key, name, who, address FROM ignored";
    let cert = "SELECT kind, fingerprint FROM cert";
    let count = conn.query_row("SELECT count(*) FROM message", [], |row| row.get(0));
    let (mut read, count) = (0_u64, count.map_or(0, rows::uint));
    let found = [
        load(conn, 0).map(|_| ()),
        each(conn, &messages, |row| {
            read += 1;
            if read.is_multiple_of(READ_AT_ONCE) {
                progress::tell(Work::Read, read, count);
            }
            message::read(row).map(|_| ())
        }),
        each(conn, &accounts, |row| account::read(row).map(|_| ())),
        each(conn, mail, |row| rows::mail(row).map(|_| ())),
        each(conn, audit, |row| rows::audit(row).map(|_| ())),
        each(conn, ignored, |row| rows::ignored(row).map(|_| ())),
        each(conn, cert, |row| rows::key(row).map(|_| ())),
    ];
    faults.extend(found.into_iter().filter_map(Result::err).map(|error| error.to_string()));
}

fn each(
    conn: &Connection,
    sql: &str,
    mut read: impl FnMut(&Row<'_>) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let mut statement = conn.prepare(sql)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        read(row)?;
    }
    Ok(())
}
