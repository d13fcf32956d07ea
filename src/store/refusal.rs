//! Why a database is not opened, and what an operator should know of one that is.

use std::fmt;
use std::path::{Path, PathBuf};

use super::open::beside;

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
    /// Something that is no plain file has the name of one of ours. It is not touched.
    #[error("{}: this is {what}, where lobbyd has a file of its own. Move it away, or set CHAT_DATA_DIR to another directory", path.display())]
    InTheWay {
        /// Where it is.
        path: PathBuf,
        /// What it is.
        what: &'static str,
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
    #[error("{}: the database is damaged: {reason}. {}", path.display(), cure(path, log.as_deref()))]
    Corrupt {
        /// The database file.
        path: PathBuf,
        /// What SQLite says.
        reason: String,
        /// The log beside it, where there is one: it may be another database's.
        log: Option<PathBuf>,
    },
    /// It is a copy that was put over another database, whose log is still there.
    #[error("{}: the log beside it, {}, is another database's. {}", path.display(), log.display(), move_away(path, log))]
    StrangeLog {
        /// The database file.
        path: PathBuf,
        /// The log.
        log: PathBuf,
    },
    /// It is a database, but not of lobbyd.
    #[error("{}: not a database of lobbyd. Move it away, or set CHAT_DATA_DIR to another directory", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// A newer lobbyd wrote it.
    #[error("{}: written by a newer lobbyd (version {found}, this one knows up to {known}). Start that one, or put an older backup in its place with: lobbyd restore FILE", path.display())]
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
        /// What the system or the database says of it.
        reason: String,
    },
    /// It is of an older version, and could not be brought to this one.
    #[error("{}: cannot be migrated from version {from}: {reason}. It is as it was, and a copy is {}", path.display(), copy.display())]
    MigrationFailed {
        /// The database file.
        path: PathBuf,
        /// Its version.
        from: u32,
        /// What the system or the database says of it.
        reason: String,
        /// The backup.
        copy: PathBuf,
    },
}

fn cure(path: &Path, log: Option<&Path>) -> String {
    match log {
        None => "Put a backup in its place with: lobbyd restore FILE".into(),
        Some(log) => format!(
            "The log beside it, {}, may be another database's. {}",
            log.display(),
            move_away(path, log)
        ),
    }
}

fn move_away(path: &Path, log: &Path) -> String {
    format!(
        "Put a backup in its place with: lobbyd restore FILE, or move {} and {} away",
        log.display(),
        beside(path, "-shm").display()
    )
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
    /// A restore had been broken off and was brought to its end.
    Restored {
        /// The database file, which is the copy now.
        path: PathBuf,
        /// Where that of before is; none where there was none.
        kept: Option<PathBuf>,
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
            Self::Restored { path, kept } => {
                write!(f, "{}: a restore that was broken off is finished", path.display())?;
                match kept {
                    Some(kept) => write!(f, "; what was there before is {}", kept.display()),
                    None => Ok(()),
                }
            }
            Self::OpenDirectory { path, mode } => write!(
                f,
                "{}: others on this machine can look into it (mode {mode:03o}); chmod 700 ends that",
                path.display()
            ),
        }
    }
}
