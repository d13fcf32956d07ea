//! A copy in place of the database, which is kept.
//!
//! What has to change is several names, one after the other, and the process may be killed in between.
//! So the copy is first finished under a name that says where the old files go; from then on whoever
//! opens the database next, this process or a later one, does the rest: [`finish`]. Before that instant
//! the old database is as it was, after it the copy is what counts, and nothing is deleted.

use std::path::{Path, PathBuf};
use std::{fs, io};

use super::DATABASE_FILE;
use super::backup::{Unfinished, copy_pages};
use super::check::{CheckError, Report, check_file, first_fault};
use super::error::reason;
use super::open::{BESIDE, beside, has_strange_log, hold, is_empty, own_file, reading};
use super::refusal::{Note, OpenError};
use crate::files;

/// The copy while it is written. Nobody but a restore makes such a file, and it holds the lock.
const UNFINISHED: &str = "lobbyd.db.restoring";

/// The copy that is to be put in place: this, a number, and [`SUFFIX`]. The number says where the old
/// files go.
const PREFIX: &str = "lobbyd.db.restored-";
const SUFFIX: &str = ".new";

/// What was restored.
#[derive(Debug)]
pub struct Restored {
    /// The database file, which is the copy now.
    pub path: PathBuf,
    /// What is in it.
    pub report: Report,
    /// Where the files of before are, the database first. Empty where there were none.
    pub kept: Vec<PathBuf>,
}

/// Why nothing was restored. One line each; the database is as it was.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// There is no such copy.
    #[error("{}: cannot be read: {reason}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system or the database says of it.
        reason: String,
    },
    /// It is the database itself.
    #[error("{}: this is the database itself. Name a copy of it (lobbyd backup makes them)", .0.display())]
    Itself(PathBuf),
    /// It has a name under which a restore keeps a file of its own, and removes what was broken off.
    #[error("{}: a restore gives its own files such a name, and may remove it. Copy it to another name first", .0.display())]
    OwnName(PathBuf),
    /// What lies beside the copy makes it less than whole, or another one than it was.
    #[error("{}: not a whole copy: {} lies beside it. Take one that lobbyd backup has made", path.display(), beside.display())]
    NotWhole {
        /// The file.
        path: PathBuf,
        /// What lies beside it.
        beside: PathBuf,
    },
    /// The copy is damaged, none of lobbyd, or of a newer one.
    #[error(transparent)]
    Bad(#[from] CheckError),
    /// The data directory cannot be used, or a server runs.
    #[error(transparent)]
    Directory(#[from] OpenError),
    /// The copy cannot be written there.
    #[error("{}: cannot be written: {reason}. Check the directory and the room on its disk", path.display())]
    Target {
        /// The file that was written.
        path: PathBuf,
        /// What the system or the database says of it.
        reason: String,
    },
}

/// Verifies the copy `from` and puts it in place of the database in `dir`. What belongs to the one of
/// before is renamed. A copy of an older version is migrated when it is opened. Adds to `notes` what an
/// operator should know of the directory.
///
/// # Errors
/// Why not; then nothing has changed, but where files could be renamed only in part: then the next start
/// does the rest, or says why it cannot.
pub fn restore(dir: &Path, from: &Path, notes: &mut Vec<Note>) -> Result<Restored, RestoreError> {
    let path = dir.join(DATABASE_FILE);
    let there = dir.exists();
    if has_own_name(dir, from) {
        return Err(RestoreError::OwnName(from.to_owned()));
    }
    // A server that runs is a reason before the minutes that a large copy may take to be verified; a
    // bad copy is one before a directory is made for it.
    let mut held = None;
    if there {
        let (lock, told) = hold(dir)?;
        notes.extend(told);
        held = Some(lock);
    }
    let report = verify(from, &path)?;
    if held.is_none() {
        let (lock, told) = hold(dir)?;
        notes.extend(told);
        held = Some(lock);
    }
    write_copy(dir, from)?;
    let kept = announce(dir).and_then(|number| {
        let kept = moves(dir, number).into_iter().filter(|(from, _)| is_there(from));
        let kept = kept.map(|(_, to)| to).collect();
        put_in_place(dir, number)?;
        Ok(kept)
    });
    let kept = kept
        .map_err(|error| RestoreError::Target { path: path.clone(), reason: error.to_string() })?;
    drop(held);
    Ok(Restored { path, report, kept })
}

/// Whether the copy lies where a restore has its own files, and is named as they are: then [`finish`]
/// would remove it, or put it in place unverified.
fn has_own_name(dir: &Path, from: &Path) -> bool {
    let is_own = |name: &str| {
        name.starts_with(UNFINISHED) || (name.starts_with(PREFIX) && name.ends_with(SUFFIX))
    };
    from.file_name().and_then(|name| name.to_str()).is_some_and(is_own)
        && matches!(
            (from.canonicalize(), dir.canonicalize()),
            (Ok(from), Ok(dir)) if from.parent() == Some(&dir)
        )
}

fn verify(from: &Path, database: &Path) -> Result<Report, RestoreError> {
    let unreadable = |reason| RestoreError::Unreadable { path: from.to_owned(), reason };
    let found = fs::metadata(from).map_err(|error| unreadable(error.to_string()))?;
    if !found.is_file() {
        return Err(unreadable("not a file".into()));
    }
    if let (Ok(one), Ok(other)) = (from.canonicalize(), database.canonicalize())
        && one == other
    {
        return Err(RestoreError::Itself(from.to_owned()));
    }
    let not_whole = |suffix| {
        let (path, beside) = (from.to_owned(), beside(from, suffix));
        Err(RestoreError::NotWhole { path, beside })
    };
    if !is_empty(&beside(from, "-journal")) {
        return not_whole("-journal");
    }
    // A log of its own is read with it, as far as it is whole.
    if has_strange_log(from).map_err(|error| unreadable(error.to_string()))? {
        return not_whole("-wal");
    }
    Ok(check_file(from)?)
}

/// Writes the copy beside the database, to the disk too, and looks whether it is good.
fn write_copy(dir: &Path, from: &Path) -> Result<(), RestoreError> {
    let to = dir.join(UNFINISHED);
    let failed = |reason| RestoreError::Target { path: to.clone(), reason };
    let unfinished = Unfinished::begin(&to).map_err(|error| failed(error.to_string()))?;
    reading(from, |source| copy_pages(source, &to)).map_err(|error| failed(reason(&error)))?;
    match reading(&to, |copy| first_fault(copy, 0)) {
        Ok(None) => {}
        Ok(Some(fault)) => return Err(failed(format!("it is damaged: {fault}"))),
        Err(error) => return Err(failed(reason(&error))),
    }
    unfinished.finish().map_err(|error| failed(error.to_string()))
}

/// Gives the finished copy the name by which it is put in place, and thereby decides that it is; the
/// number of where the old files go.
fn announce(dir: &Path) -> io::Result<u32> {
    let free = |number: &u32| moves(dir, *number).iter().all(|(_, to)| !is_there(to));
    let number = (1..).find(free).unwrap_or(u32::MAX);
    let to = dir.join(format!("{PREFIX}{number}{SUFFIX}"));
    fs::rename(dir.join(UNFINISHED), &to)?;
    files::sync_folder_of(&to)?;
    Ok(number)
}

/// Does what is left to do of a restore that was broken off, if any was; what is left of one that had
/// decided nothing is removed. Only for who holds the lock.
///
/// # Errors
/// A file cannot be moved, or is none.
pub(super) fn finish(dir: &Path) -> Result<Option<Note>, OpenError> {
    let unusable = |path: &Path, error: &io::Error| OpenError::Unusable {
        path: path.to_owned(),
        reason: error.to_string(),
    };
    let unfinished = dir.join(UNFINISHED);
    if matches!(own_file(&unfinished), Ok(Some(_))) {
        for path in BESIDE.map(|suffix| beside(&unfinished, suffix)) {
            // Most often there is none.
            let _ = fs::remove_file(path);
        }
        // Where it cannot be removed it takes room, and is in the way of the next restore, which says so.
        let _ = fs::remove_file(&unfinished);
    }
    let Some((number, copy)) = announced(dir).map_err(|error| unusable(dir, &error))? else {
        return Ok(None);
    };
    own_file(&copy)?;
    put_in_place(dir, number).map_err(|error| unusable(&copy, &error))?;
    let kept = moves(dir, number).into_iter().map(|(_, to)| to).find(|to| is_there(to));
    Ok(Some(Note::Restored { path: dir.join(DATABASE_FILE), kept }))
}

/// Whether a restore was broken off that whoever opens the database next finishes.
pub(super) fn is_awaited(dir: &Path) -> bool {
    matches!(announced(dir), Ok(Some(_)))
}

/// A copy that is to be put in place, and its number.
fn announced(dir: &Path) -> io::Result<Option<(u32, PathBuf)>> {
    for entry in fs::read_dir(dir)? {
        let name = entry?.file_name();
        let number = name.to_str().and_then(|name| name.strip_prefix(PREFIX)?.strip_suffix(SUFFIX));
        if let Some(number) = number.and_then(|number| number.parse().ok()) {
            return Ok(Some((number, dir.join(name))));
        }
    }
    Ok(None)
}

/// Moves the old files away, as far as they are not yet, and then the copy to their place.
fn put_in_place(dir: &Path, number: u32) -> io::Result<()> {
    let database = dir.join(DATABASE_FILE);
    for (from, to) in moves(dir, number) {
        if is_there(&from) {
            if is_there(&to) {
                return Err(io::ErrorKind::AlreadyExists.into());
            }
            fs::rename(from, to)?;
        }
    }
    // The copy must not come to stand beside a log of before, not after a power failure either.
    files::sync_folder_of(&database)?;
    fs::rename(dir.join(format!("{PREFIX}{number}{SUFFIX}")), &database)?;
    files::sync_folder_of(&database)
}

/// Where the old files are, and where they go: the database first, under a name with which SQLite finds
/// its log. While the copy is not in place yet, there is no database that could be opened by mistake.
fn moves(dir: &Path, number: u32) -> Vec<(PathBuf, PathBuf)> {
    let database = dir.join(DATABASE_FILE);
    let kept = match number {
        1 => dir.join(format!("{DATABASE_FILE}.before-restore")),
        n => dir.join(format!("{DATABASE_FILE}.before-restore.{n}")),
    };
    let others = BESIDE.map(|suffix| (beside(&database, suffix), beside(&kept, suffix)));
    std::iter::once((database, kept)).chain(others).collect()
}

/// Whether anything has the name, a link to nowhere too.
fn is_there(path: &Path) -> bool {
    !matches!(files::look(path), Ok(None))
}
