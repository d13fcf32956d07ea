//! Copies of a database, also of one that a server is writing to.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use rusqlite::backup::{Backup, StepResult};

use super::check::first_fault;
use super::error::reason;
use super::open::{BESIDE, WRITE, beside, create, reading, without_links};
use super::progress::{self, Work};
use super::schema::{self, Found};
use super::{DATABASE_FILE, LOCK_FILE};
use crate::files;

/// Pages that are copied before it is told how many were: 4 MiB.
const COPIED_AT_ONCE: i32 = 1_024;

/// Why there is no copy.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// There is no database to copy.
    #[error("{}: there is no database. Check CHAT_DATA_DIR", .0.display())]
    Missing(PathBuf),
    /// The database cannot be read, or is none of lobbyd.
    #[error("{}: cannot be copied: {reason}. lobbyd check-data tells more", path.display())]
    Source {
        /// The database file.
        path: PathBuf,
        /// What the system or the database says of it.
        reason: String,
    },
    /// Something of the copy's name is there.
    #[error("{}: exists already. Name another file", .0.display())]
    Exists(PathBuf),
    /// Its name is that of a file of the server's own, now or at another time.
    #[error("{}: is the name of a file of the server's own. Name another file", .0.display())]
    Own(PathBuf),
    /// The copy cannot be written.
    #[error("{}: cannot be written: {reason}. Check the directory and the room on its disk", path.display())]
    Target {
        /// The copy.
        path: PathBuf,
        /// What the system or the database says of it.
        reason: String,
    },
}

/// Copies the database in `dir` to the new file `to`, as it is at one instant, and checks the copy.
/// A server may be writing meanwhile and is not held up.
///
/// # Errors
/// Why not; then there is no file `to`, or the one that was there before.
pub fn backup(dir: &Path, to: &Path) -> Result<(), BackupError> {
    let path = dir.join(DATABASE_FILE);
    if !path.exists() {
        return Err(BackupError::Missing(path));
    }
    if is_own(dir, to) {
        return Err(BackupError::Own(to.to_owned()));
    }
    let unreadable = |reason| BackupError::Source { path: path.clone(), reason };
    let unwritable = |reason| BackupError::Target { path: to.to_owned(), reason };
    match reading(&path, schema::identify) {
        Ok(Found::Version(_)) => {}
        Ok(_) => return Err(unreadable("not a database of lobbyd".into())),
        Err(error) => return Err(unreadable(reason(&error))),
    }
    // SQLite would take what lies beside a file of that name for the copy's own.
    for path in BESIDE.map(|suffix| beside(to, suffix)) {
        if !matches!(files::look(&path), Ok(None)) {
            return Err(BackupError::Exists(path));
        }
    }
    let unfinished = Unfinished::begin(to).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => BackupError::Exists(to.to_owned()),
        _ => unwritable(error.to_string()),
    })?;
    reading(&path, |source| copy_pages(source, to)).map_err(|error| unwritable(reason(&error)))?;
    match reading(to, |copy| first_fault(copy, 0)) {
        Ok(None) => {}
        Ok(Some(fault)) => return Err(unreadable(format!("it is damaged: {fault}"))),
        Err(error) => return Err(unreadable(reason(&error))),
    }
    unfinished.finish().map_err(|error| unwritable(error.to_string()))
}

/// Whether a file would be taken for one of the server's own: SQLite would play a copy of such a name back as
/// what an end of the machine had left behind.
fn is_own(dir: &Path, file: &Path) -> bool {
    let Some(name) = file.file_name().and_then(|name| name.to_str()) else { return false };
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new(".")).canonicalize();
    let same = folder.and_then(|folder| Ok(folder == dir.canonicalize()?)).unwrap_or(false);
    let of_database = name.strip_prefix(DATABASE_FILE);
    let of_database =
        of_database.is_some_and(|suffix| suffix.is_empty() || BESIDE.contains(&suffix));
    same && (of_database || name == LOCK_FILE)
}

/// Why a database was not copied.
#[derive(Debug, thiserror::Error)]
pub(super) enum CopyError {
    /// There is a file of that name.
    #[error("exists already")]
    Exists,
    /// The pages cannot be read or written.
    #[error("{}", reason(.0))]
    Pages(#[from] rusqlite::Error),
    /// The file cannot be made or synced.
    #[error("{0}")]
    File(io::Error),
}

/// Copies a database to the new file `to`.
pub(super) fn copy(source: &Connection, to: &Path) -> Result<(), CopyError> {
    let unfinished = Unfinished::begin(to).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => CopyError::Exists,
        _ => CopyError::File(error),
    })?;
    copy_pages(source, to)?;
    unfinished.finish().map_err(CopyError::File)
}

/// Puts all pages of `source` into the database `to`, whatever was in it.
pub(super) fn copy_pages(source: &Connection, to: &Path) -> rusqlite::Result<()> {
    let mut target = Connection::open_with_flags(without_links(to), WRITE)?;
    // The pages of one instant: else a server's writes between two steps would make it start anew each time.
    let snapshot = source.unchecked_transaction()?;
    schema::identify(&snapshot)?;
    {
        let backup = Backup::new(&snapshot, &mut target)?;
        loop {
            let step = backup.step(COPIED_AT_ONCE)?;
            let (left, all) = (backup.progress().remaining, backup.progress().pagecount);
            let count = |pages: i32| u64::try_from(pages).unwrap_or(0);
            progress::tell(Work::Copy, count(all - left), count(all));
            match step {
                StepResult::Done => break,
                StepResult::More => {}
                _ => {
                    let busy = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_BUSY);
                    return Err(rusqlite::Error::SqliteFailure(busy, None));
                }
            }
        }
    }
    // One file that says all, and no log beside it.
    target.pragma_update_and_check(None, "journal_mode", "DELETE", |_| Ok(()))
}

/// A file that is being written: it is removed again unless it is finished.
pub(super) struct Unfinished<'a> {
    path: &'a Path,
    file: File,
    done: bool,
}

impl<'a> Unfinished<'a> {
    /// Makes the file, for its owner alone from the first instant.
    pub(super) fn begin(path: &'a Path) -> io::Result<Self> {
        Ok(Self { path, file: create(path)?, done: false })
    }

    /// Sees that the file and its name are on the disk.
    pub(super) fn finish(mut self) -> io::Result<()> {
        self.file.sync_all()?;
        files::sync_folder_of(self.path)?;
        self.done = true;
        Ok(())
    }
}

impl Drop for Unfinished<'_> {
    fn drop(&mut self) {
        if !self.done {
            for path in BESIDE.map(|suffix| beside(self.path, suffix)) {
                // What is not there, or cannot be removed, is nothing that could be helped.
                let _ = fs::remove_file(path);
            }
            let _ = fs::remove_file(self.path);
        }
    }
}
