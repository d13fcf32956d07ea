//! Why a database is not opened, and what an operator should know of one that is.

use std::fmt;
use std::path::PathBuf;

/// Why the database was not opened. One line each: the file, what is wrong, what to do about it. The
/// database file is as it was.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The directory or a file in it cannot be used.
    #[error("{}: {reason}. Check CHAT_DATA_DIR and its permissions, or set CHAT_DATA_DIR=off to keep nothing", path.display())]
    Unusable {
        /// The directory or file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// Another process has it open.
    #[error("{}: in use by another lobbyd{}. Stop that one, or set CHAT_DATA_DIR to another directory", path.display(), process(*pid))]
    InUse {
        /// The database file.
        path: PathBuf,
        /// The other process, where its number can be read.
        pid: Option<u32>,
    },
    /// It is damaged.
    #[error("{}: the database is damaged: {reason}. Move it away and put a backup in its place (lobbyd backup makes them)", path.display())]
    Corrupt {
        /// The database file.
        path: PathBuf,
        /// What SQLite says.
        reason: String,
    },
    /// It is a database, but not of lobbyd.
    #[error("{}: not a database of lobbyd. Move it away, or set CHAT_DATA_DIR to another directory", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// A newer lobbyd wrote it.
    #[error("{}: written by a newer lobbyd (version {found}, this one knows up to {known}). Start that one, or put an older backup in its place", path.display())]
    NewerVersion {
        /// The database file.
        path: PathBuf,
        /// Its version.
        found: u32,
        /// The newest version that this program knows.
        known: u32,
    },
    /// It is of an older version, and could not be copied before the change to this one.
    #[error("{}: cannot be backed up before it is migrated: {reason}. Make room on the disk, or make the directory writable", path.display())]
    BackupFailed {
        /// The copy that was to be made.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// It is of an older version, and could not be brought to this one.
    #[error("{}: cannot be migrated from version {from}: {reason}. It is as it was, and a copy is {}", path.display(), copy.display())]
    MigrationFailed {
        /// The database file.
        path: PathBuf,
        /// Its version.
        from: u32,
        /// Why.
        reason: String,
        /// The backup.
        copy: PathBuf,
    },
}

fn process(pid: Option<u32>) -> String {
    pid.map_or_else(String::new, |pid| format!(" (process {pid})"))
}

/// What an operator should know of a database that was opened: a line for the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Note {
    /// It was of an older version.
    Migrated {
        /// The database file.
        path: PathBuf,
        /// Its version before.
        from: u32,
        /// Its version now.
        to: u32,
        /// The copy that was made before.
        copy: PathBuf,
    },
    /// The directory was there before, and others on the machine may look into it.
    OpenDirectory {
        /// The directory.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Migrated { path, from, to, copy } => write!(
                f,
                "{}: migrated from version {from} to {to}; the copy of before is {}",
                path.display(),
                copy.display()
            ),
            Self::OpenDirectory { path, mode } => write!(
                f,
                "{}: others on this machine can look into it (mode {mode:03o}); chmod 700 ends that",
                path.display()
            ),
        }
    }
}
