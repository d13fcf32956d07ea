//! A connection as its Session and the hub see it: bytes each way, and what the one at the other end
//! may do. What is particular to a kind of connection stands here, in a `match` over all of them.

use std::io::{self, Read};
use std::net::TcpStream as StdStream;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use bytes::Bytes;
use openssl::hash::MessageDigest;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::TcpStream;
use tokio::task::coop::unconstrained;
use tokio_openssl::SslStream;

use super::listen::ListenerKind;
use super::ssh::pipe::Near;
use super::ssh::visit::{Purpose, Terminal, Visit};
use super::telnet::{Size, Telnet};
use super::tls_socket::TlsSocket;
use super::ws::FrameDecoder;
use crate::chat::accounts::{Fingerprint, Key};

/// Most bytes of text in a TLS record (RFC 8446 §5.1).
const RECORD_BYTES: usize = 16 * 1024;

/// How often a WebSocket is asked whether it is there: proxies close what is silent for a minute.
const PING_EVERY: Duration = Duration::from_secs(30);

/// A connection: what carries the bytes of one Session.
pub enum Link {
    /// Plain TCP.
    Plain(TcpStream),
    /// TLS; boxed, since most connections have none.
    Tls(Box<SslStream<TlsSocket>>),
    /// A channel of SSH, whose connection is looked after on another thread.
    Ssh(Box<Near>),
    /// A WebSocket. What is written to it are frames already.
    WebSocket(Box<WebSocket>),
}

/// A WebSocket after its handshake.
pub struct WebSocket {
    /// What carries its bytes.
    under: Link,
    /// What was read with the handshake and belongs behind it.
    rest: Bytes,
    frames: FrameDecoder,
    /// When it was last asked whether it is there.
    asked: Option<Instant>,
}

/// A connection that changes threads: its socket is in no reactor.
pub enum Arrival {
    /// Plain TCP.
    Plain(StdStream),
    /// The socket, and TLS that waits for it, its handshake over.
    Tls(StdStream, Box<SslStream<TlsSocket>>),
    /// A channel of SSH.
    Ssh(Box<Near>),
    /// A WebSocket, with what was read behind its handshake.
    WebSocket(Box<Arrival>, Bytes),
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
            Arrival::Ssh(near) => Self::Ssh(near),
            Arrival::WebSocket(under, rest) => {
                let (under, frames) = (Self::of(*under)?, FrameDecoder::default());
                Self::WebSocket(Box::new(WebSocket { under, rest, frames, asked: None }))
            }
        })
    }

    /// Takes a connection out of the reactor of this thread, to be handed to another.
    ///
    /// # Errors
    /// The reactor does not let go of it.
    pub fn depart(self) -> io::Result<Arrival> {
        Ok(match self {
            Self::Plain(stream) => Arrival::Plain(stream.into_std()?),
            Self::Tls(mut stream) => {
                let socket = stream.get_mut().depart()?;
                Arrival::Tls(socket, stream)
            }
            Self::Ssh(near) => Arrival::Ssh(near),
            Self::WebSocket(socket) => {
                Arrival::WebSocket(Box::new(socket.under.depart()?), socket.rest)
            }
        })
    }

    /// Takes apart what is read, where that comes in frames.
    pub fn frames(&mut self) -> Option<&mut FrameDecoder> {
        match self {
            Self::Plain(_) | Self::Tls(_) | Self::Ssh(_) => None,
            Self::WebSocket(socket) => Some(&mut socket.frames),
        }
    }

    /// Whether it is time to ask the client whether it is there, so that whatever stands between does not
    /// take the connection for one that nobody needs.
    pub fn is_to_be_asked(&mut self, arrived: Instant, now: Instant) -> bool {
        match self {
            Self::Plain(_) | Self::Tls(_) | Self::Ssh(_) => false,
            Self::WebSocket(socket) => {
                let last = socket.asked.unwrap_or(arrived);
                let due = now.saturating_duration_since(last) >= PING_EVERY;
                if due {
                    socket.asked = Some(now);
                }
                due
            }
        }
    }

    /// The kind of listener that it came by.
    pub fn kind(&self) -> ListenerKind {
        match self {
            Self::Plain(_) => ListenerKind::Plain,
            Self::Tls(_) => ListenerKind::Tls,
            Self::Ssh(_) => ListenerKind::Ssh,
            Self::WebSocket(_) => ListenerKind::Web,
        }
    }

    /// Whether the connection goes on without its Session: then whoever looks after it gives its place back, and
    /// tells the log of its end.
    pub fn outlives_session(&self) -> bool {
        match self {
            Self::Plain(_) | Self::Tls(_) | Self::WebSocket(_) => false,
            Self::Ssh(_) => true,
        }
    }

    /// Who comes, where the protocol has said that by itself.
    pub fn visit(&self) -> Option<&Visit> {
        match self {
            Self::Plain(_) | Self::Tls(_) | Self::WebSocket(_) => None,
            Self::Ssh(near) => Some(near.visit()),
        }
    }

    /// What somebody comes for.
    pub fn purpose(&self) -> Purpose {
        self.visit().map_or(Purpose::Chat, |visit| visit.purpose)
    }

    /// The client's terminal, where the protocol has told of it.
    pub fn terminal(&self) -> Option<&Terminal> {
        self.visit()?.terminal.as_ref()
    }

    /// The size that this terminal has now, where it has changed since this was last asked. Whoever waits to read
    /// is woken when it does.
    pub fn take_size(&mut self) -> Option<Size> {
        match self {
            Self::Plain(_) | Self::Tls(_) | Self::WebSocket(_) => None,
            Self::Ssh(near) => near.take_size(),
        }
    }

    /// Something that the client asked for was refused: a script ends with that.
    pub fn note_refused(&mut self) {
        match self {
            Self::Plain(_) | Self::Tls(_) | Self::WebSocket(_) => {}
            Self::Ssh(near) => near.note_refused(),
        }
    }

    /// Whether the client may have taken the port for that of another protocol ([`super::probe`]): then
    /// it is given a moment to speak first. Whoever has come through a handshake knows where it is.
    pub fn may_be_mistaken(&self) -> bool {
        match self {
            Self::Plain(_) => true,
            Self::Tls(_) | Self::Ssh(_) | Self::WebSocket(_) => false,
        }
    }

    /// The telnet layer, where bytes of it may be among those of the text.
    pub fn telnet(&self) -> Option<Telnet> {
        match self {
            Self::Plain(_) | Self::Tls(_) => Some(Telnet::default()),
            Self::Ssh(_) | Self::WebSocket(_) => None,
        }
    }

    /// A turn of its Session begins, which has so many reads off the socket.
    pub fn begin_turn(&mut self) {
        match self {
            Self::Plain(_) | Self::Ssh(_) => {}
            Self::Tls(stream) => stream.get_mut().begin_turn(),
            Self::WebSocket(socket) => socket.under.begin_turn(),
        }
    }

    /// What was read since this was last asked, in bytes of text, where so much text came of it: TLS
    /// has records without any, and its own way of counting.
    pub fn taken(&mut self, text: usize) -> usize {
        match self {
            Self::Plain(_) | Self::Ssh(_) => text,
            Self::Tls(stream) => stream.get_mut().take_count(text),
            Self::WebSocket(socket) => socket.under.taken(text),
        }
    }

    /// Most bytes that are worth offering to one write: for TLS, one record.
    pub fn max_write(&self) -> usize {
        match self {
            Self::Plain(_) | Self::Ssh(_) => usize::MAX,
            Self::Tls(_) => RECORD_BYTES,
            Self::WebSocket(socket) => socket.under.max_write(),
        }
    }

    /// The key that the client showed. A certificate nobody has signed but perhaps the client itself: it says no
    /// more than that whoever shows it has its key, and an SSH key that was only offered not even that.
    pub fn key(&self) -> Option<Key> {
        let cert = match self {
            Self::Plain(_) | Self::WebSocket(_) => None,
            Self::Tls(stream) => stream.ssl().peer_certificate(),
            Self::Ssh(near) => return near.visit().key,
        };
        let digest = cert?.digest(MessageDigest::sha256()).ok()?;
        digest.as_ref().try_into().ok().map(Fingerprint).map(Key::x509)
    }

    /// Whether the peer's machine has taken all that was written: nothing of it waits here for room
    /// in its window. (It may not have acknowledged the last of it; a peer that never does is found
    /// dead after a while.)
    pub fn all_is_taken(&self) -> bool {
        if let Self::Ssh(near) = self {
            return near.all_is_handed_on()
                && near.socket().is_some_and(|socket| is_taken(&socket));
        }
        self.tcp().is_some_and(is_taken)
    }

    /// Whether the peer has closed its sending side, though what it sent before may stand unread. Over TLS
    /// its close_notify says so, where nothing but that is unread; the socket may stay open.
    pub fn has_end(&mut self, cx: &mut Context<'_>) -> bool {
        if let Self::WebSocket(socket) = self {
            return socket.rest.is_empty() && socket.under.has_end(cx);
        }
        if let Self::Tls(stream) = self
            && let Poll::Ready(peeked) = Pin::new(stream.as_mut()).poll_peek(cx, &mut [0])
            && !matches!(peeked, Ok(1..))
        {
            return true;
        }
        if let Self::Ssh(near) = self {
            return near.has_end();
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
            Self::Ssh(near) => near.poll_read(cx, buf),
            Self::WebSocket(socket) if !socket.rest.is_empty() => {
                let first = socket.rest.split_to(socket.rest.len().min(buf.len()));
                buf[..first.len()].copy_from_slice(&first);
                Poll::Ready(Ok(first.len()))
            }
            Self::WebSocket(socket) => socket.under.poll_read(cx, buf),
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
            Self::Ssh(near) => near.poll_write(cx, data),
            Self::WebSocket(socket) => socket.under.poll_write(cx, data),
        });
        Pin::new(&mut unconstrained(write)).poll(cx)
    }

    /// For how long what was sent may go unacknowledged before the kernel gives the peer up.
    pub fn set_user_timeout(&self, time: Duration) {
        // A connection that is broken by now says so at the next write.
        let set = |stream: &TcpStream| _ = SockRef::from(stream).set_tcp_user_timeout(Some(time));
        match self {
            Self::Plain(_) | Self::Tls(_) | Self::WebSocket(_) => {
                self.tcp().into_iter().for_each(set);
            }
            Self::Ssh(near) => near.socket().iter().for_each(|stream| set(stream)),
        }
    }

    /// The socket, unless it is away, or not of this connection alone.
    fn tcp(&self) -> Option<&TcpStream> {
        match self {
            Self::Plain(stream) => Some(stream),
            Self::Tls(stream) => stream.get_ref().tcp(),
            Self::Ssh(_) => None,
            Self::WebSocket(socket) => socket.under.tcp(),
        }
    }

    /// Ends our sending: close_notify where there is TLS, then FIN; over SSH the channel's end.
    ///
    /// # Errors
    /// The connection broke.
    pub fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Tls(stream) => Pin::new(stream.as_mut()).poll_shutdown(cx),
            Self::Ssh(near) => near.poll_end(cx).map(Ok),
            Self::WebSocket(socket) => socket.under.poll_shutdown(cx),
        }
    }
}

/// Whether nothing waits in a socket for room in its peer's window.
fn is_taken(stream: &TcpStream) -> bool {
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
