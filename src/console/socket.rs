//! Where the console is: a Unix socket in the data directory, for its owner alone.

use std::fs::{self, File, Metadata};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{Mode, OFlags, fchmod};
use rustix::process::geteuid;
use socket2::{Domain, SockAddr, Socket as Bare, Type};

use crate::files;

/// The name of the socket in the data directory.
pub const SOCKET_FILE: &str = "ctl.sock";

/// Who owns it may connect to it, and nobody else.
const MODE: u32 = 0o600;

/// Most bytes of a path in the address of a Unix socket, but for the null at its end (unix(7)).
const MAX_PATH_BYTES: usize = 107;

/// Connections that wait to be accepted.
const BACKLOG: i32 = 16;

/// How long a server may take to take a connection.
const CONNECT_TIME: Duration = Duration::from_secs(5);

/// Why there is no console.
#[derive(Debug, thiserror::Error)]
pub enum SocketError {
    /// Something that is no socket of ours has its name. It is not touched.
    #[error("{}: this is {what}, where lobbyd has its console. Move it away, or set CHAT_DATA_DIR to another directory", path.display())]
    InTheWay {
        /// Where it is.
        path: PathBuf,
        /// What it is.
        what: &'static str,
    },
    /// The system gives none, as in a folder of another system that knows no sockets.
    #[error("{}: {reason}", path.display())]
    Unusable {
        /// Where it was to be.
        path: PathBuf,
        /// What the system says of it.
        reason: io::Error,
    },
}

/// Why a server is not reached.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// There is no socket.
    #[error("no server runs with this CHAT_DATA_DIR: {} is not there. Start lobbyd; where it runs, ask in the folder that it was started in, with the CHAT_DATA_DIR that it has", .0.display())]
    Missing(PathBuf),
    /// There is one, of a server that is not there any more.
    #[error("no server runs with this CHAT_DATA_DIR: {} is left from one that was killed. Start lobbyd", .0.display())]
    Stale(PathBuf),
    /// It is another user's.
    #[error("{}: permission denied. Say this as the user that lobbyd runs as, or as root", .0.display())]
    Denied(PathBuf),
    /// It is no socket.
    #[error("{}: this is {what}, where lobbyd has its console", path.display())]
    NotASocket {
        /// Where it is.
        path: PathBuf,
        /// What it is.
        what: &'static str,
    },
    /// It cannot be connected to.
    #[error("{}: cannot be connected to: {reason}", path.display())]
    Failed {
        /// Where it is.
        path: PathBuf,
        /// What the system says of it.
        reason: io::Error,
    },
}

/// A socket that listens, which goes with this.
#[derive(Debug)]
pub struct Socket {
    listener: UnixListener,
    path: PathBuf,
    /// Device and number of the file: another one of its name is not ours to remove.
    file: (u64, u64),
}

impl Socket {
    /// Listens in the data directory, which is this process's alone: what is left there of one that was
    /// killed is replaced.
    ///
    /// # Errors
    /// Why not.
    pub fn listen(dir: &Path) -> Result<Self, SocketError> {
        let path = dir.join(SOCKET_FILE);
        let unusable = |reason| SocketError::Unusable { path: path.clone(), reason };
        if let Some(found) = files::look(&path).map_err(unusable)? {
            if let Some(what) = strange(&found) {
                return Err(SocketError::InTheWay { path, what });
            }
            fs::remove_file(&path).map_err(unusable)?;
        }
        let (listener, file) = bind(dir).map_err(unusable)?;
        Ok(Self { listener, path, file })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What connections are accepted from; it does not wait for them.
    ///
    /// # Errors
    /// The system gives no second handle.
    pub fn listener(&self) -> io::Result<UnixListener> {
        let listener = self.listener.try_clone()?;
        listener.set_nonblocking(true)?;
        Ok(listener)
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        let ours = |found: Metadata| (found.dev(), found.ino()) == self.file;
        if fs::symlink_metadata(&self.path).is_ok_and(ours) {
            // What cannot be removed is replaced by the next start.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// What something is that cannot be what a server of ours left behind.
fn strange(found: &Metadata) -> Option<&'static str> {
    if !found.file_type().is_socket() {
        return Some(files::unfit(found).unwrap_or("a file"));
    }
    let me = geteuid().as_raw();
    (found.uid() != me && me != 0).then_some("another user's socket")
}

fn bind(dir: &Path) -> io::Result<(UnixListener, (u64, u64))> {
    let place = Place::of(dir)?;
    let socket = Bare::new(Domain::UNIX, Type::STREAM, None)?;
    // Linux makes the file with the mode of the socket: it has this one from its first instant, and
    // nobody is let in by it before it listens.
    fchmod(&socket, Mode::from_raw_mode(MODE))?;
    socket.bind(&SockAddr::unix(&place.path)?)?;
    let found = fs::symlink_metadata(&place.path)?;
    if found.mode() & 0o777 & !MODE != 0 {
        let _ = fs::remove_file(&place.path);
        return Err(io::Error::other("others could connect to it"));
    }
    socket.listen(BACKLOG)?;
    Ok((socket.into(), (found.dev(), found.ino())))
}

/// Connects to the server whose data directory this is.
///
/// # Errors
/// Why it is not reached.
pub fn connect(dir: &Path) -> Result<UnixStream, ConnectError> {
    let path = dir.join(SOCKET_FILE);
    let failed = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => ConnectError::Missing(path.clone()),
        io::ErrorKind::ConnectionRefused => ConnectError::Stale(path.clone()),
        io::ErrorKind::PermissionDenied => ConnectError::Denied(path.clone()),
        _ => ConnectError::Failed { path: path.clone(), reason: error },
    };
    let found = files::look(&path).map_err(failed)?;
    let found = found.ok_or_else(|| ConnectError::Missing(path.clone()))?;
    if !found.file_type().is_socket() {
        let what = files::unfit(&found).unwrap_or("a file");
        return Err(ConnectError::NotASocket { path, what });
    }
    let reach = || {
        let place = Place::of(dir)?;
        let socket = Bare::new(Domain::UNIX, Type::STREAM, None)?;
        // It is what bounds connect(2) to a Unix socket too.
        socket.set_write_timeout(Some(CONNECT_TIME))?;
        socket.connect(&SockAddr::unix(&place.path)?)?;
        Ok(socket.into())
    };
    reach().map_err(failed)
}

/// Whether somebody with this user id may use the console: who runs the server, and root.
pub fn is_trusted(uid: u32) -> bool {
    uid == 0 || uid == geteuid().as_raw()
}

/// How the socket is named to the kernel, which takes short paths alone: a long one goes by a handle of
/// the folder, which is open as long as this is there.
struct Place {
    path: PathBuf,
    _folder: Option<File>,
}

impl Place {
    fn of(dir: &Path) -> io::Result<Self> {
        let path = dir.join(SOCKET_FILE);
        if path.as_os_str().as_bytes().len() <= MAX_PATH_BYTES {
            return Ok(Self { path, _folder: None });
        }
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let folder = File::from(rustix::fs::open(dir, flags, Mode::empty())?);
        let path = PathBuf::from(format!("/proc/self/fd/{}", folder.as_raw_fd()));
        if !path.exists() {
            let most = MAX_PATH_BYTES - SOCKET_FILE.len() - 1;
            return Err(io::Error::other(format!(
                "the path is too long for a socket where /proc is not mounted. Set CHAT_DATA_DIR to \
                 one of at most {most} bytes"
            )));
        }
        Ok(Self { path: path.join(SOCKET_FILE), _folder: Some(folder) })
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("{name}-{}", std::process::id()));
            let _ = fs::remove_dir_all(&path);
            fs::create_dir_all(&path).unwrap();
            Self(path)
        }

        fn join(&self, name: &str) -> PathBuf {
            self.0.join(name)
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn talks(dir: &Path) {
        let socket = Socket::listen(dir).unwrap();
        let mut client = connect(dir).unwrap();
        client.write_all(b"hi").unwrap();
        let (mut server, _) = socket.listener.accept().unwrap();
        let mut said = [0; 2];
        server.read_exact(&mut said).unwrap();
        assert_eq!(&said, b"hi");
    }

    #[test]
    fn it_is_its_owners_alone_and_goes_with_the_server() {
        let folder = Folder::new("lobbyd-console");
        let path = folder.join(SOCKET_FILE);
        let socket = Socket::listen(&folder.0).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        drop(socket);
        assert!(!path.exists());
        assert!(matches!(connect(&folder.0), Err(ConnectError::Missing(_))));
        talks(&folder.0);
    }

    #[test]
    fn one_that_a_killed_server_left_is_replaced() {
        let folder = Folder::new("lobbyd-console-stale");
        drop(UnixListener::bind(folder.join(SOCKET_FILE)).unwrap());
        assert!(matches!(connect(&folder.0), Err(ConnectError::Stale(_))));
        talks(&folder.0);
    }

    #[test]
    fn what_is_no_socket_is_not_touched() {
        let folder = Folder::new("lobbyd-console-foreign");
        let path = folder.join(SOCKET_FILE);
        fs::write(&path, "mine").unwrap();
        let error = Socket::listen(&folder.0).unwrap_err().to_string();
        assert!(error.contains("ctl.sock: this is a file"), "{error}");
        assert!(matches!(connect(&folder.0), Err(ConnectError::NotASocket { .. })));
        assert_eq!(fs::read(&path).unwrap(), b"mine");
        fs::remove_file(&path).unwrap();
        symlink("/nowhere", &path).unwrap();
        let error = Socket::listen(&folder.0).unwrap_err().to_string();
        assert!(error.contains("this is a symbolic link"), "{error}");
        let error = connect(&folder.0).unwrap_err().to_string();
        assert!(error.contains("this is a symbolic link"), "{error}");
    }

    #[test]
    fn a_path_that_is_too_long_for_the_kernel_is_no_obstacle() {
        let folder = Folder::new("lobbyd-console-long");
        let long = folder.join(&"long".repeat(30)).join("longer".repeat(20));
        fs::create_dir_all(&long).unwrap();
        talks(&long);
        assert!(!long.join(SOCKET_FILE).exists());
    }

    #[test]
    fn one_of_its_name_that_is_not_its_own_stays() {
        let folder = Folder::new("lobbyd-console-other");
        let path = folder.join(SOCKET_FILE);
        let socket = Socket::listen(&folder.0).unwrap();
        fs::remove_file(&path).unwrap();
        fs::write(&path, "another's").unwrap();
        drop(socket);
        assert!(path.exists());
    }

    #[test]
    fn root_and_the_servers_own_user_are_trusted() {
        let me = geteuid().as_raw();
        assert!(is_trusted(0) && is_trusted(me) && !is_trusted(me + 1));
    }
}
