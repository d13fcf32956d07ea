//! The socket under the HTTP service: notes when something was sent, and bounds what is read before that.

use std::cell::Cell;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Instant;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use crate::clock;

/// When something was last sent on a connection.
pub(super) struct Progress(Cell<Instant>);

impl Progress {
    /// The connection begins.
    pub(super) fn new(now: Instant) -> Self {
        Self(Cell::new(now))
    }

    /// That instant.
    pub(super) fn last(&self) -> Instant {
        self.0.get()
    }
}

/// A socket that ends, for whoever reads it, once so many bytes were read since it was last written to:
/// the library behind it takes 128 KiB of a head, and any number of bytes that follow an answer.
pub(super) struct Socket {
    stream: TcpStream,
    max_unanswered: usize,
    unanswered: usize,
    progress: Rc<Progress>,
}

impl Socket {
    pub(super) fn new(stream: TcpStream, max_unanswered: usize, progress: Rc<Progress>) -> Self {
        Self { stream, max_unanswered, unanswered: 0, progress }
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let room = buf.remaining().min(this.max_unanswered - this.unanswered);
        if room == 0 {
            return Poll::Ready(Ok(()));
        }
        let mut part = ReadBuf::new(buf.initialize_unfilled_to(room));
        let read = Pin::new(&mut this.stream).poll_read(cx, &mut part);
        let count = part.filled().len();
        buf.advance(count);
        this.unanswered += count;
        read
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.stream).poll_write(cx, bytes);
        if let Poll::Ready(Ok(1..)) = written {
            this.unanswered = 0;
            this.progress.0.set(clock::now());
        }
        written
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}
