//! A connection as its Session and the hub see it: bytes each way, and what the one at the other end
//! may do. What is particular to a kind of connection stands here, in a `match` over all of them.

use std::io::{self, Read};
use std::net::TcpStream as StdStream;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use openssl::hash::MessageDigest;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::TcpStream;
use tokio::task::coop::unconstrained;
use tokio_openssl::SslStream;

use super::listen::ListenerKind;
use super::telnet::Telnet;
use super::tls_socket::TlsSocket;
use crate::chat::accounts::{Fingerprint, Key};

/// Most bytes of text in a TLS record (RFC 8446 §5.1).
const RECORD_BYTES: usize = 16 * 1024;

/// A connection: what carries the bytes of one Session.
pub enum Link {
    /// Plain TCP.
    Plain(TcpStream),
    /// TLS; boxed, since most connections have none.
    Tls(Box<SslStream<TlsSocket>>),
}

/// A connection that changes threads: its socket is in no reactor.
pub enum Arrival {
    /// Plain TCP.
    Plain(StdStream),
    /// The socket, and TLS that waits for it, its handshake over.
    Tls(StdStream, Box<SslStream<TlsSocket>>),
}

impl Link {
    /// Puts a connection into the reactor of this thread.
    ///
    /// # Errors
    /// The reactor does not take the socket.
    pub fn of(arrival: Arrival) -> io::Result<Self> {
        Ok(match arrival {
            Arrival::Plain(socket) => Self::Plain(TcpStream::from_std(socket)?),
            Arrival::Tls(socket, mut stream) => {
                stream.get_mut().arrive(TcpStream::from_std(socket)?);
                Self::Tls(stream)
            }
        })
    }

    /// The kind of listener that it came by.
    pub fn kind(&self) -> ListenerKind {
        match self {
            Self::Plain(_) => ListenerKind::Plain,
            Self::Tls(_) => ListenerKind::Tls,
        }
    }

    /// Whether the client may have taken the port for that of another protocol ([`super::probe`]): then
    /// it is given a moment to speak first. Whoever has come through a handshake knows where it is.
    pub fn may_be_mistaken(&self) -> bool {
        match self {
            Self::Plain(_) => true,
            Self::Tls(_) => false,
        }
    }

    /// The telnet layer, where bytes of it may be among those of the text.
    pub fn telnet(&self) -> Option<Telnet> {
        match self {
            Self::Plain(_) | Self::Tls(_) => Some(Telnet::default()),
        }
    }

    /// A turn of its Session begins, which has so many reads off the socket.
    pub fn begin_turn(&mut self) {
        match self {
            Self::Plain(_) => {}
            Self::Tls(stream) => stream.get_mut().begin_turn(),
        }
    }

    /// What was read since this was last asked, in bytes of text, where so much text came of it: TLS
    /// has records without any, and its own way of counting.
    pub fn taken(&mut self, text: usize) -> usize {
        match self {
            Self::Plain(_) => text,
            Self::Tls(stream) => stream.get_mut().take_count(text),
        }
    }

    /// Most bytes that are worth offering to one write: for TLS, one record.
    pub fn max_write(&self) -> usize {
        match self {
            Self::Plain(_) => usize::MAX,
            Self::Tls(_) => RECORD_BYTES,
        }
    }

    /// SHA-256 of the certificate that the client showed, which nobody has signed but perhaps the client
    /// itself: it says no more than that whoever shows it has its key.
    pub fn key(&self) -> Option<Key> {
        let cert = match self {
            Self::Plain(_) => None,
            Self::Tls(stream) => stream.ssl().peer_certificate(),
        };
        let digest = cert?.digest(MessageDigest::sha256()).ok()?;
        digest.as_ref().try_into().ok().map(Fingerprint).map(Key::x509)
    }

    /// Whether the peer's machine has taken all that was written: nothing of it waits here for room
    /// in its window. (It may not have acknowledged the last of it; a peer that never does is found
    /// dead after a while.)
    pub fn all_is_taken(&self) -> bool {
        let Some(stream) = self.tcp() else { return false };
        let socket = SockRef::from(stream);
        // With this mark the socket counts as writable only when nothing is left to be sent (tcp(7)).
        let Ok(before) = socket.tcp_notsent_lowat() else { return false };
        if socket.set_tcp_notsent_lowat(1).is_err() {
            return false;
        }
        let mut polled = [PollFd::new(stream, PollFlags::OUT)];
        let ready = poll(&mut polled, Some(&Timespec::default()));
        let taken = ready.is_ok() && polled[0].revents().contains(PollFlags::OUT);
        socket.set_tcp_notsent_lowat(before).is_ok() && taken
    }

    /// Whether the peer has closed its sending side, though what it sent before may stand unread. Over TLS
    /// its close_notify says so, where nothing but that is unread; the socket may stay open.
    pub fn has_end(&mut self, cx: &mut Context<'_>) -> bool {
        if let Self::Tls(stream) = self
            && let Poll::Ready(peeked) = Pin::new(stream.as_mut()).poll_peek(cx, &mut [0])
            && !matches!(peeked, Ok(1..))
        {
            return true;
        }
        let Some(stream) = self.tcp() else { return false };
        let mut polled = [PollFd::new(stream, PollFlags::RDHUP)];
        let ready = poll(&mut polled, Some(&Timespec::default()));
        ready.is_ok() && !polled[0].revents().is_empty()
    }

    /// Reads what has come; 0 bytes at the end of the peer's sending.
    ///
    /// # Errors
    /// The connection broke.
    pub fn poll_read(&mut self, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        match self {
            Self::Plain(stream) => poll_read_plain(stream, cx, buf),
            Self::Tls(stream) => {
                let mut buf = ReadBuf::new(buf);
                ready!(Pin::new(stream.as_mut()).poll_read(cx, &mut buf))?;
                Poll::Ready(Ok(buf.filled().len()))
            }
        }
    }

    /// Writes as much as the socket takes. The waker of `cx` is woken when it takes more.
    ///
    /// # Errors
    /// The connection broke.
    pub fn poll_write(&mut self, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        // One task writes to many sockets in a fan-out: tokio's budget is meant for one task's own
        // socket, and would report the rest of the sockets as full.
        let write = std::future::poll_fn(|cx| match self {
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, data),
            Self::Tls(stream) => Pin::new(stream.as_mut()).poll_write(cx, data),
        });
        Pin::new(&mut unconstrained(write)).poll(cx)
    }

    /// For how long what was sent may go unacknowledged before the kernel gives the peer up.
    pub fn set_user_timeout(&self, time: Duration) {
        if let Some(stream) = self.tcp() {
            // A connection that is broken by now says so at the next write.
            let _ = SockRef::from(stream).set_tcp_user_timeout(Some(time));
        }
    }

    /// The socket, unless it is away.
    fn tcp(&self) -> Option<&TcpStream> {
        match self {
            Self::Plain(stream) => Some(stream),
            Self::Tls(stream) => stream.get_ref().tcp(),
        }
    }

    /// Ends our sending: close_notify where there is TLS, then FIN.
    ///
    /// # Errors
    /// The connection broke.
    pub fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Tls(stream) => Pin::new(stream.as_mut()).poll_shutdown(cx),
        }
    }
}

/// Reads off a plain socket. The kernel ends a read before a byte that was sent as urgent, though there is
/// more behind it; tokio takes a read that does not fill its buffer for the last one, and would wait for
/// more to come.
fn poll_read_plain(
    stream: &TcpStream,
    cx: &mut Context<'_>,
    buf: &mut [u8],
) -> Poll<io::Result<usize>> {
    loop {
        ready!(stream.poll_read_ready(cx))?;
        let mut taken = None;
        let result = stream.try_io(Interest::READABLE, || {
            let count = (&*SockRef::from(stream)).read(buf)?;
            taken = Some(count);
            // To tokio that is the word for a socket with nothing in it.
            let drained = 0 < count && count < buf.len() && !has_urgent(stream);
            if drained { Err(io::ErrorKind::WouldBlock.into()) } else { Ok(()) }
        });
        match (taken, result) {
            (Some(count), _) => return Poll::Ready(Ok(count)),
            (None, Err(error)) if error.kind() != io::ErrorKind::WouldBlock => {
                return Poll::Ready(Err(error));
            }
            (None, _) => {}
        }
    }
}

/// Whether a byte that was sent as urgent is still to be read.
fn has_urgent(stream: &TcpStream) -> bool {
    let mut polled = [PollFd::new(stream, PollFlags::PRI)];
    let ready = poll(&mut polled, Some(&Timespec::default()));
    ready.is_ok() && polled[0].revents().contains(PollFlags::PRI)
}
