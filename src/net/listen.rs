//! Listening sockets, with the options that accepted connections inherit.

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, TcpKeepalive, Type};

use crate::config::ListenAddr;

/// Connections that wait to be accepted; the kernel caps it at `net.core.somaxconn`.
const BACKLOG: i32 = 4_096;

/// Pause after the machine could give no socket (mostly: no file descriptor left), at whatever listener.
pub const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The kernel's send buffer for a connection (it takes twice this). Left alone it would swallow
/// megabytes before anybody noticed that a client does not read.
const SEND_BUFFER_BYTES: usize = 64 * 1024;

/// A peer from which nothing is heard for this long although it has been asked is gone: what is on the
/// way to it has not been acknowledged for so long, or, where nothing is, the probes of keepalive have
/// not been answered (tcp(7): with `TCP_USER_TIMEOUT`, it and not the number of probes decides that).
///
/// Both can follow one another, where something is sent to a peer whose probes are on their way: twice
/// this time and a few seconds for the first repetition are under the 90 s after which nobody who
/// vanished may still be there.
pub const USER_TIMEOUT: Duration = Duration::from_secs(40);

/// From the last sign of life to the first probe, and from one probe to the next: an idle connection
/// outlives 20 s without network whenever they begin, and costs a packet each 20 s.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(20);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(5);

/// Probes that may go unanswered where the kernel knows no `TCP_USER_TIMEOUT`: as long as with it.
const KEEPALIVE_PROBES: u32 = 4;

/// What is spoken with those who connect to a listener.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListenerKind {
    /// Lines over plain TCP.
    Plain,
    /// Lines over TLS.
    Tls,
    /// SSH.
    Ssh,
    /// HTTP, and the chat over WebSockets.
    Web,
}

impl ListenerKind {
    /// All of them, in the order in which they are opened.
    pub const ALL: [Self; 4] = [Self::Plain, Self::Tls, Self::Ssh, Self::Web];

    /// Its setting.
    pub fn key(self) -> &'static str {
        match self {
            Self::Plain => "CHAT_ADDR",
            Self::Tls => "CHAT_TLS_ADDR",
            Self::Ssh => "CHAT_SSH_ADDR",
            Self::Web => "CHAT_WEB_ADDR",
        }
    }

    /// Its name in the log and in metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Tls => "tls",
            Self::Ssh => "ssh",
            Self::Web => "web",
        }
    }

    /// Whether something is agreed with a client before it reads: it is told of in the log before that,
    /// and one who is refused is not told why.
    pub fn shakes_hands(self) -> bool {
        match self {
            Self::Plain => false,
            Self::Tls | Self::Ssh | Self::Web => true,
        }
    }
}

/// As the log has it.
impl fmt::Display for ListenerKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// An address that cannot be listened on.
#[derive(Debug, thiserror::Error)]
#[error("{addr}: cannot listen: {reason}. {remedy}")]
pub struct ListenError {
    addr: SocketAddr,
    reason: io::Error,
    remedy: String,
}

/// Binds and listens. On Linux, accepted sockets inherit all of the options set here, which saves
/// the system calls for each. Without IPv6 on the machine, `[::]` becomes `0.0.0.0`. `key` is the setting
/// that an error names.
///
/// # Errors
/// Why not, and what can be done.
pub fn listen(ListenAddr(addr): ListenAddr, key: &'static str) -> Result<TcpListener, ListenError> {
    let result = match bind(addr) {
        Err(error) if addr.ip().is_unspecified() && addr.is_ipv6() && no_ipv6(&error) => {
            bind(SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), addr.port()))
        }
        result => result,
    };
    result.map_err(|reason| {
        let remedy = match reason.kind() {
            io::ErrorKind::AddrInUse => {
                format!("Stop the program that has the port, or set {key} to another")
            }
            io::ErrorKind::PermissionDenied => format!("Set {key} to a port from 1024 on"),
            _ => format!("Set {key} to an address of this machine"),
        };
        ListenError { addr, reason, remedy }
    })
}

fn bind(addr: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM, Some(Protocol::TCP))?;
    if addr.is_ipv6() {
        socket.set_only_v6(false)?;
    }
    socket.set_reuse_address(true)?;
    set_options(&socket)?;
    socket.bind(&addr.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// Sets what connections inherit, on a socket that may listen already, or on a connection.
pub(crate) fn set_options(socket: &Socket) -> io::Result<()> {
    socket.set_nonblocking(true)?;
    socket.set_tcp_nodelay(true)?;
    socket.set_send_buffer_size(SEND_BUFFER_BYTES)?;
    // What is sent as urgent stays where it belongs: telnet marks half of a command so (RFC 854, Synch), and
    // the other half would garble the text.
    socket.set_out_of_band_inline(true)?;
    let keepalive = TcpKeepalive::new()
        .with_time(KEEPALIVE_IDLE)
        .with_interval(KEEPALIVE_INTERVAL)
        .with_retries(KEEPALIVE_PROBES);
    socket.set_tcp_keepalive(&keepalive)?;
    socket.set_tcp_user_timeout(Some(USER_TIMEOUT))
}

/// Whether the error says that there is no IPv6 here (EAFNOSUPPORT, EADDRNOTAVAIL).
fn no_ipv6(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::AddrNotAvailable
        || error.raw_os_error() == Some(rustix::io::Errno::AFNOSUPPORT.raw_os_error())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_in_use_is_named_with_the_key_to_change() {
        let first = listen(ListenAddr("127.0.0.1:0".parse().unwrap()), "CHAT_ADDR").unwrap();
        let taken = first.local_addr().unwrap();
        let error = listen(ListenAddr(taken), "CHAT_ADDR").unwrap_err().to_string();
        assert!(error.contains(&taken.to_string()) && error.contains("CHAT_ADDR"), "{error}");
        assert_eq!(error.lines().count(), 1);
    }

    #[test]
    fn accepted_connections_inherit_how_dead_peers_are_found_and_urgent_bytes_kept() {
        let listener = listen(ListenAddr("127.0.0.1:0".parse().unwrap()), "CHAT_ADDR").unwrap();
        let _client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let accepted = loop {
            match listener.accept() {
                Ok((stream, _)) => break stream,
                Err(error) => assert_eq!(error.kind(), io::ErrorKind::WouldBlock),
            }
        };
        let socket = socket2::SockRef::from(&accepted);
        assert_eq!(socket.tcp_user_timeout().unwrap(), Some(USER_TIMEOUT));
        assert!(socket.keepalive().unwrap() && socket.out_of_band_inline().unwrap());
        assert_eq!(socket.tcp_keepalive_time().unwrap(), KEEPALIVE_IDLE);
        assert_eq!(socket.tcp_keepalive_interval().unwrap(), KEEPALIVE_INTERVAL);
        // An idle peer is given up at the first probe after the time is up.
        let found = KEEPALIVE_IDLE + KEEPALIVE_INTERVAL * KEEPALIVE_PROBES;
        assert_eq!(found, USER_TIMEOUT);
        assert!(found + USER_TIMEOUT + Duration::from_secs(5) < Duration::from_secs(90));
    }
}
