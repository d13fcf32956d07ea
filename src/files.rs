//! Files of lobbyd's own: made and opened without following a link.
//!
//! Whoever may write into a folder can put a symbolic link, or a second name of another file, where
//! lobbyd is about to write. Nothing here follows one, and nothing is written through a name that
//! stands for something else.

use std::fs::{self, DirBuilder, File, Metadata, OpenOptions, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{Access, OFlags, access};

/// What stands under a name; none where nothing does. A link is not followed.
///
/// # Errors
/// The folder cannot be looked into.
pub fn look(path: &Path) -> io::Result<Option<Metadata>> {
    match fs::symlink_metadata(path) {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// The whole path of a file, for whoever is in another folder; as it was given where the own folder is not
/// known.
pub fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

/// What something is that is no plain file with one name, in words for an operator.
pub fn unfit(found: &Metadata) -> Option<&'static str> {
    let kind = found.file_type();
    Some(if kind.is_symlink() {
        "a symbolic link"
    } else if kind.is_dir() {
        "a directory"
    } else if kind.is_fifo() {
        "a pipe"
    } else if kind.is_socket() {
        "a socket"
    } else if kind.is_block_device() || kind.is_char_device() {
        "a device"
    } else if found.nlink() > 1 {
        "a file that has another name too (a hard link)"
    } else {
        return None;
    })
}

/// Whether this process may read and write something, and go into it where it is a folder.
///
/// # Errors
/// Why not.
pub fn may_write(path: &Path) -> io::Result<()> {
    let mut wanted = Access::READ_OK | Access::WRITE_OK;
    if path.is_dir() {
        wanted |= Access::EXEC_OK;
    }
    Ok(access(path, wanted)?)
}

/// Why a file is not read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// It is not there, or may not be read.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// It is a directory, a pipe or a device, which may have no end or wait for one.
    #[error("it is no plain file")]
    NotPlain,
    /// It has more than may be, in bytes.
    #[error("it has more than {0} bytes")]
    TooLong(u64),
}

/// The bytes of a plain file, of `max` at most. A link is followed: secrets and certificates are handed over
/// by way of links.
///
/// # Errors
/// Why not.
pub fn read_plain(path: &Path, max: u64) -> Result<Vec<u8>, ReadError> {
    // A pipe would have this wait for its other end.
    let nonblocking = OFlags::NONBLOCK.bits().cast_signed();
    let file = OpenOptions::new().read(true).custom_flags(nonblocking).open(path)?;
    if !file.metadata()?.is_file() {
        return Err(ReadError::NotPlain);
    }
    let mut bytes = Vec::new();
    file.take(max + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > max { Err(ReadError::TooLong(max)) } else { Ok(bytes) }
}

/// Options that neither follow a link nor wait for the other end of a pipe.
fn careful() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.custom_flags((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed());
    options
}

/// Makes a file that was not there, with exactly this mode from its first instant, whatever the umask
/// is: never more.
///
/// # Errors
/// Also where anything of the name is there, a link to nowhere too.
pub fn create(path: &Path, mode: u32) -> io::Result<File> {
    let file = careful().read(true).write(true).create_new(true).mode(mode).open(path)?;
    file.set_permissions(Permissions::from_mode(mode))?;
    Ok(file)
}

/// Opens a file for reading and writing, and makes it for its owner alone where it is not there.
///
/// # Errors
/// Also where the name is a link's.
pub fn open_or_create(path: &Path) -> io::Result<File> {
    careful().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)
}

/// Gives a file, or a folder, another mode.
///
/// # Errors
/// Also where the name is a link's.
pub fn set_mode(path: &Path, mode: u32) -> io::Result<()> {
    careful().read(true).open(path)?.set_permissions(Permissions::from_mode(mode))
}

/// Makes a folder, and those it is in where they are not there, with this mode at most.
///
/// # Errors
/// Why not.
pub fn create_folders(path: &Path, mode: u32) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(mode).create(path)
}

/// Writes a file as a whole in place of whatever has the name: first under another one, then renamed,
/// so that there is the old file or the new one at any instant. A link of that name is replaced, not
/// followed.
///
/// # Errors
/// Why not; then the old file is there.
pub fn replace(path: &Path, content: &[u8], mode: u32) -> io::Result<()> {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{}.new", std::process::id()));
    let new = PathBuf::from(name);
    let write = || {
        let mut file = create(&new, mode)?;
        file.write_all(content)?;
        file.sync_all()?;
        fs::rename(&new, path)
    };
    write().inspect_err(|error| {
        if error.kind() != io::ErrorKind::AlreadyExists {
            // What cannot be removed is nothing that could be helped.
            let _ = fs::remove_file(&new);
        }
    })?;
    sync_folder_of(path)
}

/// The folder that a file is in.
pub fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Sees that the names in a file's folder are on the disk.
///
/// # Errors
/// They may not be.
pub fn sync_folder_of(path: &Path) -> io::Result<()> {
    File::open(folder_of(path))?.sync_all()
}
