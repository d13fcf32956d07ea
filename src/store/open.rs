//! Opening: look first, touch after.

use std::fmt;
use std::fs::{self, File, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::backup::{CopyError, copy};
use super::check::first_fault;
use super::error::reason;
use super::refusal::{Note, OpenError};
use super::restore::{finish, is_awaited};
use super::schema::{self, Found};
use super::{DATABASE_FILE, Db, LOCK_FILE};
use crate::files;

const READ: OpenFlags = OpenFlags::SQLITE_OPEN_READ_ONLY.union(OpenFlags::SQLITE_OPEN_NO_MUTEX);

/// Where something is written no link is followed. Of that flag see [`without_links`].
pub(super) const WRITE: OpenFlags = OpenFlags::SQLITE_OPEN_READ_WRITE
    .union(OpenFlags::SQLITE_OPEN_NO_MUTEX)
    .union(OpenFlags::SQLITE_OPEN_NOFOLLOW);

/// What SQLite keeps beside a database: the log, its index, and what undoes a change of the format.
pub(super) const BESIDE: [&str; 3] = ["-wal", "-shm", "-journal"];

/// Mode of the files, and of the directory where it is made.
const FILE_MODE: u32 = 0o600;
const DIRECTORY_MODE: u32 = 0o700;

/// How long a statement waits for another program that has the file locked.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// What is left of the write-ahead log on the disk once it has been written back.
const LOG_BYTES: u32 = 16 * 1024 * 1024;

/// Pages of log after which it is written back: all that is left of it on the disk in any case. A page that
/// is written many times meanwhile is written back once.
const LOG_PAGES: u32 = LOG_BYTES / 4_096;

/// Memory for pages.
const CACHE_KIB: i32 = 16 * 1024;

/// Statements that stay prepared: more than there are.
const STATEMENTS: usize = 64;

impl Db {
    /// Opens the database in `dir`, and makes both where they are not there. Nobody else can open it
    /// while this one is open.
    ///
    /// # Errors
    /// Why not; the database file is untouched.
    pub fn open(dir: &Path) -> Result<(Self, Vec<Note>), OpenError> {
        let path = dir.join(DATABASE_FILE);
        let (lock, mut notes) = hold(dir)?;
        let from = match look(&path)? {
            Some(version) => version,
            None => {
                create(&path).map_err(|error| unusable(&path, &error))?;
                0
            }
        };
        let old = (1..schema::VERSION).contains(&from);
        let kept = if old { Some(keep_copy(dir, &path, from)?) } else { None };
        files::set_mode(&path, FILE_MODE).map_err(|error| unusable(&path, &error))?;
        let mut conn = connect(&path).map_err(|error| refused(&path, &error))?;
        schema::upgrade(&mut conn, from, schema::VERSION).map_err(|error| match &kept {
            Some(copy) => OpenError::MigrationFailed {
                path: path.clone(),
                from,
                reason: reason(&error),
                copy: copy.clone(),
            },
            None => refused(&path, &error),
        })?;
        // No change of an earlier process can come late.
        conn.execute("DELETE FROM removed WHERE swept", [])
            .map_err(|error| refused(&path, &error))?;
        notes.extend(kept.map(|copy| Note::Migrated { path, from, to: schema::VERSION, copy }));
        Ok((Self::of(conn, Some(lock)), notes))
    }

    /// A database in memory, which ends with the process.
    ///
    /// # Errors
    /// [`OpenError::Unusable`] where there is no memory.
    pub fn in_memory() -> Result<Self, OpenError> {
        let open = || {
            let mut conn = Connection::open_in_memory()?;
            set_up(&conn)?;
            schema::upgrade(&mut conn, 0, schema::VERSION)?;
            Ok(conn)
        };
        let conn = open().map_err(|error| refused(Path::new(":memory:"), &error))?;
        Ok(Self::of(conn, None))
    }
}

fn unusable(path: &Path, error: &io::Error) -> OpenError {
    OpenError::Unusable { path: path.to_owned(), reason: error.to_string() }
}

/// What an error of SQLite says of the file.
fn refused(path: &Path, error: &rusqlite::Error) -> OpenError {
    let reason = reason(error);
    let code = error.sqlite_error_code();
    if let Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) = code {
        return corrupt(path, reason);
    }
    let path = path.to_owned();
    match code {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            OpenError::InUse { path, pid: None }
        }
        _ => OpenError::Unusable { path, reason },
    }
}

fn corrupt(path: &Path, reason: String) -> OpenError {
    let log = Some(beside(path, "-wal")).filter(|log| !is_empty(log));
    OpenError::Corrupt { path: path.to_owned(), reason, log }
}

/// Takes the directory for this process alone, makes it where it is not there, and brings a restore to
/// its end that was broken off.
pub(super) fn hold(dir: &Path) -> Result<(Lock, Vec<Note>), OpenError> {
    let mut notes: Vec<_> = make_directory(dir)?.into_iter().collect();
    let lock = lock(dir, &dir.join(DATABASE_FILE))?;
    notes.extend(finish(dir)?);
    Ok((lock, notes))
}

/// Makes the directory for its owner alone. One that is there stays as it is: it may be anybody's, and
/// a link to another place.
fn make_directory(dir: &Path) -> Result<Option<Note>, OpenError> {
    if !dir.exists() {
        files::create_folders(dir, DIRECTORY_MODE)
            // Whatever the umask is.
            .and_then(|()| files::set_mode(dir, DIRECTORY_MODE))
            .map_err(|error| unusable(dir, &error))?;
        return Ok(None);
    }
    look_at_directory(dir)
}

/// What an operator should know of a directory that is there.
fn look_at_directory(dir: &Path) -> Result<Option<Note>, OpenError> {
    let found = fs::metadata(dir).map_err(|error| unusable(dir, &error))?;
    if !found.is_dir() {
        let reason = "not a directory".to_owned();
        return Err(OpenError::Unusable { path: dir.to_owned(), reason });
    }
    let mode = found.permissions().mode() & 0o777;
    let path = dir.to_owned();
    Ok((mode & 0o077 != 0).then_some(Note::OpenDirectory { path, mode }))
}

/// The size of a file of ours, none where there is no such file. What is no plain file of one name is
/// refused: it is somebody else's, or stands for something else.
pub(super) fn own_file(path: &Path) -> Result<Option<u64>, OpenError> {
    let found = files::look(path).map_err(|error| unusable(path, &error))?;
    match found.as_ref().and_then(files::unfit) {
        Some(what) => Err(OpenError::InTheWay { path: path.to_owned(), what }),
        None => Ok(found.map(|found| found.len())),
    }
}

/// The lock of a directory, let go of when this is dropped: also where a process that was started just now has the
/// file too, until it is another program.
#[derive(Debug)]
pub(super) struct Lock(pub(super) File);

impl Lock {
    /// The file, as this machine knows it while it is up: its device and its number there.
    pub(super) fn id(&self) -> Option<(u64, u64)> {
        let found = self.0.metadata().ok()?;
        Some((found.dev(), found.ino()))
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // The kernel lets go of it at the latest when the last process ends that has the file.
        let _ = self.0.unlock();
    }
}

/// Takes the lock that only one process can have. The kernel lets go of it when that ends.
fn lock(dir: &Path, database: &Path) -> Result<Lock, OpenError> {
    let path = dir.join(LOCK_FILE);
    let failed = |error: io::Error| unusable(&path, &error);
    own_file(&path)?;
    let mut file = files::open_or_create(&path).map_err(failed)?;
    // What was opened, whatever stands there by now.
    if let Some(what) = files::unfit(&file.metadata().map_err(failed)?) {
        return Err(OpenError::InTheWay { path, what });
    }
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut pid = String::new();
            // What cannot be read is told without its number.
            let _ = file.take(16).read_to_string(&mut pid);
            return Err(OpenError::InUse {
                path: database.to_owned(),
                pid: pid.trim().parse().ok(),
            });
        }
        Err(TryLockError::Error(error)) => return Err(failed(error)),
    }
    file.set_permissions(fs::Permissions::from_mode(FILE_MODE)).map_err(failed)?;
    file.set_len(0).map_err(failed)?;
    writeln!(file, "{}", std::process::id()).map_err(failed)?;
    Ok(Lock(file))
}

/// Looks at the file without writing to it: its version, 0 where nothing is in it yet, none where
/// there is no file.
fn look(path: &Path) -> Result<Option<u32>, OpenError> {
    for suffix in BESIDE {
        own_file(&beside(path, suffix))?;
    }
    let Some(size) = own_file(path)? else { return Ok(None) };
    let log = beside(path, "-wal");
    if size == 0 {
        if !is_empty(&log) {
            // SQLite would throw the log away, and what it holds with it.
            let reason = "it is empty, but its log is not".to_owned();
            return Err(OpenError::Corrupt { path: path.to_owned(), reason, log: Some(log) });
        }
        return Ok(Some(0));
    }
    if has_strange_log(path).map_err(|error| unusable(path, &error))? {
        return Err(OpenError::StrangeLog { path: path.to_owned(), log });
    }
    let failed = |error: rusqlite::Error| refused(path, &error);
    let conn = open_to_look(path).map_err(failed)?;
    match schema::identify(&conn).map_err(failed)? {
        Found::Foreign => Err(OpenError::Foreign { path: path.to_owned() }),
        Found::Empty => Ok(Some(0)),
        Found::Version(found) if found > schema::VERSION => {
            let known = schema::VERSION;
            Err(OpenError::NewerVersion { path: path.to_owned(), found, known })
        }
        Found::Version(version) => match first_fault(&conn, size).map_err(failed)? {
            Some(reason) => Err(corrupt(path, reason)),
            None => Ok(Some(version)),
        },
    }
}

/// What a start would find.
#[derive(Debug)]
pub struct Seen {
    /// The database file.
    pub path: PathBuf,
    /// What it is.
    pub state: SeenState,
    /// What an operator should know of the directory.
    pub note: Option<Note>,
}

/// What stands where the database is to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SeenState {
    /// Nothing: a start makes it.
    Nothing,
    /// A database of this version, which can be read.
    Version(u32),
    /// A change that was broken off, which a start takes back or brings to its end first.
    Unfinished,
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.path.display())?;
        match self.state {
            SeenState::Nothing => write!(f, ", which a start makes"),
            SeenState::Unfinished => write!(f, ", which a start finishes first"),
            SeenState::Version(version) if version < schema::VERSION => {
                let now = schema::VERSION;
                write!(
                    f,
                    ", of version {version}, which a start copies and brings to version {now}"
                )
            }
            SeenState::Version(version) => write!(f, ", of version {version}"),
        }
    }
}

/// Looks whether the database in `dir` could be opened, and makes and changes nothing. That a server has
/// it open is no fault.
///
/// # Errors
/// Why it could not be.
pub fn look_at(dir: &Path) -> Result<Seen, OpenError> {
    let path = dir.join(DATABASE_FILE);
    let may_write = |path: &Path| files::may_write(path).map_err(|error| unusable(path, &error));
    if !dir.exists() {
        if fs::symlink_metadata(dir).is_ok() {
            let reason = "a symbolic link to nothing".to_owned();
            return Err(OpenError::Unusable { path: dir.to_owned(), reason });
        }
        let above = dir.ancestors().find(|above| above.exists()).unwrap_or(Path::new("."));
        look_at_directory(above)?;
        may_write(above)?;
        return Ok(Seen { path, state: SeenState::Nothing, note: None });
    }
    let note = look_at_directory(dir)?;
    may_write(dir)?;
    let others = BESIDE.map(|suffix| beside(&path, suffix));
    for file in others.iter().chain([&path, &dir.join(LOCK_FILE)]) {
        if own_file(file)?.is_some() {
            may_write(file)?;
        }
    }
    // Only who writes could look at a database with a change in it that was broken off.
    if is_awaited(dir) || !is_empty(&beside(&path, "-journal")) {
        return Ok(Seen { path, state: SeenState::Unfinished, note });
    }
    // While a server opens it, or ends, a look that takes no locks may see half of something.
    let state = match look(&path).or_else(|_| look(&path))? {
        None | Some(0) => SeenState::Nothing,
        Some(version) => SeenState::Version(version),
    };
    Ok(Seen { path, state, note })
}

/// A connection that looks at a database that nobody has open.
fn open_to_look(path: &Path) -> rusqlite::Result<Connection> {
    if is_empty(&beside(path, "-journal")) {
        return reader(path);
    }
    // A change of the file's format was broken off: only a connection that writes can undo it.
    Connection::open_with_flags(without_links(path), WRITE)
}

/// Whether the log beside the database in `dir` is its own, as far as can be said. For a process that
/// has not opened that database: its locks would be gone.
///
/// # Errors
/// [`OpenError::StrangeLog`] where it is not.
pub fn strange_log(dir: &Path) -> Result<(), OpenError> {
    let path = dir.join(DATABASE_FILE);
    match has_strange_log(&path) {
        // What cannot be read is for whoever reads more of it.
        Ok(false) | Err(_) => Ok(()),
        Ok(true) => Err(OpenError::StrangeLog { log: beside(&path, "-wal"), path }),
    }
}

/// Whether the log beside a database cannot be its own: a copy was put over another database, whose
/// log still lies there, and SQLite would write that log into the copy without a word.
///
/// A database says in its header whether it is written through a log (`2`) or not (`1`, at offset 18,
/// <https://www.sqlite.org/fileformat2.html>). The one of a server always is, and says so before there
/// is a log; a copy by `lobbyd backup`, or one of before a migration, says that it is not.
pub(super) fn has_strange_log(path: &Path) -> io::Result<bool> {
    if is_empty(&beside(path, "-wal")) {
        return Ok(false);
    }
    let mut header = Vec::new();
    File::open(path)?.take(20).read_to_end(&mut header)?;
    Ok(header.starts_with(b"SQLite format 3\0") && header.get(18) == Some(&1))
}

/// The same file by a path that has no link in it before its last name: with its flag to follow none,
/// SQLite would refuse a data directory that is a link too.
pub(super) fn without_links(path: &Path) -> PathBuf {
    match (files::folder_of(path).canonicalize(), path.file_name()) {
        (Ok(folder), Some(name)) => folder.join(name),
        _ => path.to_owned(),
    }
}

/// Does `work` with a connection that does not write, beside a running server or without one.
pub(super) fn reading<T, E: From<rusqlite::Error>>(
    path: &Path,
    work: impl Fn(&Connection) -> Result<T, E>,
) -> Result<T, E> {
    match reading_once(path, &work) {
        // What went wrong may come of that too.
        Ok(None) => work(&shared_reader(path)?),
        Ok(Some(done)) => Ok(done),
        Err(_) if !is_alone(path) => work(&shared_reader(path)?),
        Err(error) => Err(error),
    }
}

/// The same for what cannot be done again. None where a server started meanwhile, so that what was read
/// may be half old and half new.
pub(super) fn reading_once<T, E: From<rusqlite::Error>>(
    path: &Path,
    work: impl FnOnce(&Connection) -> Result<T, E>,
) -> Result<Option<T>, E> {
    let stamp = || fs::metadata(path).and_then(|found| Ok((found.len(), found.modified()?))).ok();
    let before = stamp();
    if !is_alone(path) {
        return work(&shared_reader(path)?).map(Some);
    }
    let done = work(&reader(path)?)?;
    Ok((is_alone(path) && stamp() == before).then_some(done))
}

/// Whether nobody has the database open: whoever has keeps a log beside it.
fn is_alone(path: &Path) -> bool {
    !beside(path, "-wal").exists() && is_empty(&beside(path, "-journal"))
}

/// A connection that does not write.
fn reader(path: &Path) -> rusqlite::Result<Connection> {
    if !is_alone(path) {
        return shared_reader(path);
    }
    // A plain connection would leave files beside the database; this one takes no locks.
    let mut uri = String::from("file:");
    for byte in path.as_os_str().as_bytes() {
        match byte {
            b'/' | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => uri.push(char::from(*byte)),
            byte => uri.push_str(&format!("%{byte:02X}")),
        }
    }
    uri.push_str("?immutable=1");
    Connection::open_with_flags(uri, READ | OpenFlags::SQLITE_OPEN_URI)
}

/// A connection that does not write, where others may.
fn shared_reader(path: &Path) -> rusqlite::Result<Connection> {
    let conn = Connection::open_with_flags(path, READ)?;
    conn.busy_timeout(BUSY_TIMEOUT)?;
    Ok(conn)
}

/// The name of a file that SQLite keeps beside its database.
pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// Whether nothing is in a file, or it is not there.
pub(super) fn is_empty(path: &Path) -> bool {
    fs::metadata(path).map_or(true, |found| found.len() == 0)
}

/// Makes an empty file that only its owner can read, whatever the umask is. SQLite gives the files
/// beside it the same mode.
pub(super) fn create(path: &Path) -> io::Result<File> {
    files::create(path, FILE_MODE)
}

/// Copies a database of version `from` to the first free name.
fn keep_copy(dir: &Path, path: &Path, from: u32) -> Result<PathBuf, OpenError> {
    let name = |n: u32| match n {
        1 => dir.join(format!("{DATABASE_FILE}.v{from}.bak")),
        n => dir.join(format!("{DATABASE_FILE}.v{from}.bak.{n}")),
    };
    let mut n = 1;
    loop {
        let to = name(n);
        match open_to_look(path).map_err(CopyError::from).and_then(|conn| copy(&conn, &to)) {
            Ok(()) => return Ok(to),
            Err(CopyError::Exists) => n += 1,
            Err(error) => {
                return Err(OpenError::BackupFailed { path: to, reason: error.to_string() });
            }
        }
    }
}

/// The connection that the server writes through.
fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let conn = Connection::open_with_flags(without_links(path), WRITE)?;
    set_up(&conn)?;
    conn.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get::<_, String>(0))?;
    Ok(conn)
}

fn set_up(conn: &Connection) -> rusqlite::Result<()> {
    conn.busy_timeout(BUSY_TIMEOUT)?;
    conn.set_prepared_statement_cache_capacity(STATEMENTS);
    conn.pragma_update(None, "synchronous", "NORMAL")?;
    conn.pragma_update(None, "foreign_keys", true)?;
    conn.pragma_update(None, "temp_store", "MEMORY")?;
    conn.pragma_update(None, "cache_size", -CACHE_KIB)?;
    conn.pragma_update_and_check(None, "wal_autocheckpoint", LOG_PAGES, |_| Ok(()))?;
    conn.pragma_update_and_check(None, "journal_size_limit", LOG_BYTES, |_| Ok(()))
}
