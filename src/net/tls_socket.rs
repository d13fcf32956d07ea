//! The socket under TLS: what OpenSSL reads passes through here, counted, and so much at a time.
//!
//! OpenSSL goes on reading for as long as records come that have no text, such as updates of keys:
//! one call could take a whole socket's buffer, and nobody would have counted it. So a turn of the
//! Session has a share of reads, and what was read is told to its pace whether text came of it or not.
//! While the handshake lasts, whole records are gathered and judged before OpenSSL has them.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::client_cert::{MAX_MESSAGE_BYTES, Unwelcome};
use super::flight::{Flight, HEAD_BYTES, Secrets};

/// Bytes that a client may send in its handshake: its certificate, and as much again for its hello
/// (2 KiB with the newest key exchanges, and twice that where it is asked again), the proof that it
/// has the key, and the heads of records.
pub const HANDSHAKE_BYTES: usize = 2 * MAX_MESSAGE_BYTES;

/// Reads off a socket that a Session has in a turn. OpenSSL takes two for a record.
pub const READS_PER_TURN: usize = 16;

/// What a read is worth in bytes of text, beyond those that it gives.
pub const READ_COST: usize = 256;

/// Reads that a record takes: its head, and the rest.
const RECORD_READS: usize = 2;

/// What a read is worth beyond those of one record, where no text came of it. An update of keys has 27
/// bytes and takes some 20 µs: so one client has 120 of them a second, some thousandth of a processor.
pub const TEXTLESS_COST: usize = 4 * 1024;

/// Bytes gathered at a time in a handshake.
const CHUNK_BYTES: usize = 2 * 1024;

/// Types of records (RFC 8446 §5.1): change_cipher_spec to application_data. OpenSSL would also take
/// a hello of SSL 2, which is framed otherwise.
const RECORD_TYPES: std::ops::RangeInclusive<u8> = 20..=23;
const RECORD_VERSION: u8 = 3;

/// The socket. It is away while it changes threads.
pub struct TlsSocket {
    socket: Option<TcpStream>,
    handshake: Option<Box<Handshake>>,
    /// Reads that are left in this turn.
    share: usize,
    /// What was read since it was last asked, in bytes of text, and in how many reads.
    taken: usize,
    reads: usize,
    /// Reads since the last that gave text.
    textless: usize,
}

/// What there is while the handshake lasts.
struct Handshake {
    flight: Flight,
    /// A record that is gathered, or handed on.
    record: Vec<u8>,
    /// How much of it OpenSSL has.
    handed: usize,
    /// Bytes that have come in all.
    bytes: usize,
}

impl Handshake {
    /// How many bytes the record has, as far as that is known.
    fn wanted(&self) -> usize {
        match self.record.get(..HEAD_BYTES) {
            Some(head) => HEAD_BYTES + usize::from(u16::from_be_bytes([head[3], head[4]])),
            None => HEAD_BYTES,
        }
    }

    /// Takes what has come; whether the record is whole, and good.
    fn add(&mut self, bytes: &[u8]) -> Result<bool, Unwelcome> {
        self.record.extend_from_slice(bytes);
        self.bytes += bytes.len();
        let known = |head: &u8| RECORD_TYPES.contains(head);
        if !self.record.first().is_none_or(known)
            || self.record.get(1).is_some_and(|version| *version != RECORD_VERSION)
        {
            return Err(Unwelcome::NotTls);
        }
        let wanted = self.wanted();
        let missing = wanted - self.record.len();
        if self.bytes + missing > HANDSHAKE_BYTES {
            return Err(Unwelcome::TooLong);
        }
        let Some((head, body)) = self.record.split_at_checked(HEAD_BYTES) else { return Ok(false) };
        if missing == 0 {
            self.flight.record(head, body)?;
        }
        Ok(missing == 0)
    }

    /// Hands on what is left of a whole record.
    fn hand(&mut self, buf: &mut ReadBuf<'_>) {
        let count = buf.remaining().min(self.record.len() - self.handed);
        buf.put_slice(&self.record[self.handed..self.handed + count]);
        self.handed += count;
        if self.handed == self.record.len() {
            self.record.clear();
            self.handed = 0;
        }
    }

    fn poll_read(
        &mut self,
        socket: &mut TcpStream,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let mut whole = self.handed > 0;
        let mut chunk = [0; CHUNK_BYTES];
        while !whole {
            let missing = self.wanted() - self.record.len();
            let mut some = ReadBuf::new(&mut chunk[..missing.min(CHUNK_BYTES)]);
            ready!(Pin::new(&mut *socket).poll_read(cx, &mut some))?;
            if some.filled().is_empty() {
                return Poll::Ready(Ok(()));
            }
            match self.add(some.filled()) {
                Ok(good) => whole = good,
                Err(why) => {
                    // OpenSSL does not know why it reads no more, so it tells the client nothing.
                    let _ = socket.try_write(&self.flight.alert(why));
                    return Poll::Ready(Err(io::Error::other(why)));
                }
            }
        }
        self.hand(buf);
        Poll::Ready(Ok(()))
    }
}

impl TlsSocket {
    /// A socket whose handshake is to come; its secrets will be left in `secrets`.
    pub fn new(socket: TcpStream, secrets: Arc<Secrets>) -> Self {
        let handshake =
            Handshake { flight: Flight::new(secrets), record: Vec::new(), handed: 0, bytes: 0 };
        Self {
            socket: Some(socket),
            handshake: Some(Box::new(handshake)),
            share: 0,
            taken: 0,
            reads: 0,
            textless: 0,
        }
    }

    /// The handshake is over: nothing is held back any more. Takes the socket out of its reactor, to
    /// be put into that of another thread.
    ///
    /// # Errors
    /// The socket is away, or cannot be taken out.
    pub fn depart(&mut self) -> io::Result<std::net::TcpStream> {
        self.handshake = None;
        self.socket.take().ok_or(io::ErrorKind::NotConnected)?.into_std()
    }

    /// Takes what the client has sent already: a socket that is closed with unread bytes is reset, and
    /// the reset can overtake the alert that says why.
    pub fn drain(&mut self) {
        if let Some(socket) = &self.socket {
            let _ = socket.try_read(&mut [0; HANDSHAKE_BYTES]);
        }
    }

    /// Puts the socket back.
    pub fn arrive(&mut self, socket: TcpStream) {
        self.socket = Some(socket);
    }

    /// The socket, unless it is away.
    pub fn tcp(&self) -> Option<&TcpStream> {
        self.socket.as_ref()
    }

    /// A turn begins: it has its whole share of reads.
    pub fn begin_turn(&mut self) {
        self.share = READS_PER_TURN;
    }

    /// What was read since this was last asked: bytes, [`READ_COST`] for each read, and
    /// [`TEXTLESS_COST`] for each that was more than the one record with this `text` takes.
    pub fn take_count(&mut self, text: usize) -> usize {
        let reads = std::mem::take(&mut self.reads);
        let (before, now) = (self.textless, self.textless + reads);
        let more = now.saturating_sub(RECORD_READS) - before.saturating_sub(RECORD_READS);
        self.textless = if text > 0 { 0 } else { now };
        std::mem::take(&mut self.taken) + reads * READ_COST + more * TEXTLESS_COST
    }

    fn socket(&mut self) -> io::Result<Pin<&mut TcpStream>> {
        self.socket.as_mut().map(Pin::new).ok_or_else(|| io::ErrorKind::NotConnected.into())
    }
}

impl AsyncRead for TlsSocket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let socket = this.socket.as_mut().ok_or(io::ErrorKind::NotConnected)?;
        if let Some(handshake) = &mut this.handshake {
            return handshake.poll_read(socket, cx, buf);
        }
        if this.share == 0 {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let before = buf.filled().len();
        ready!(Pin::new(socket).poll_read(cx, buf))?;
        this.share -= 1;
        this.reads += 1;
        this.taken += buf.filled().len() - before;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for TlsSocket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.socket()?.poll_write(cx, data)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.socket()?.poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.socket()?.poll_shutdown(cx)
    }
}

#[cfg(test)]
#[path = "tls_socket_tests.rs"]
mod tests;
