//! One connection's bytes, in plain or over TLS.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use openssl::hash::MessageDigest;
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::task::coop::unconstrained;
use tokio_openssl::SslStream;

use crate::chat::accounts::Fingerprint;

/// A socket, with TLS around it or without.
pub enum Transport {
    /// Plain TCP.
    Plain(TcpStream),
    /// TLS; boxed, since most connections have none.
    Tls(Box<SslStream<TcpStream>>),
}

impl Transport {
    /// Most bytes that are worth offering to one write: for TLS, one record.
    pub fn max_write(&self) -> usize {
        match self {
            Self::Plain(_) => usize::MAX,
            Self::Tls(_) => 16 * 1024,
        }
    }

    /// SHA-256 of the certificate that the client showed, which nobody has signed but perhaps the client
    /// itself: it says no more than that whoever shows it has its key.
    pub fn client_cert(&self) -> Option<Fingerprint> {
        let Self::Tls(stream) = self else { return None };
        let digest = stream.ssl().peer_certificate()?.digest(MessageDigest::sha256()).ok()?;
        digest.as_ref().try_into().ok().map(Fingerprint)
    }

    /// Drives the TLS handshake; done at once for plain TCP.
    ///
    /// # Errors
    /// The handshake failed.
    pub fn poll_handshake(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Plain(_) => Poll::Ready(Ok(())),
            Self::Tls(stream) => {
                Pin::new(stream.as_mut()).poll_accept(cx).map_err(io::Error::other)
            }
        }
    }

    /// Reads what has come; 0 bytes at the end of the peer's sending.
    ///
    /// # Errors
    /// The connection broke.
    pub fn poll_read(&mut self, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        let mut buf = ReadBuf::new(buf);
        let result = match self {
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, &mut buf),
            Self::Tls(stream) => Pin::new(stream.as_mut()).poll_read(cx, &mut buf),
        };
        ready!(result)?;
        Poll::Ready(Ok(buf.filled().len()))
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
        let stream = match self {
            Self::Plain(stream) => stream,
            Self::Tls(stream) => stream.get_ref(),
        };
        // A connection that is broken by now says so at the next write.
        let _ = SockRef::from(stream).set_tcp_user_timeout(Some(time));
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
