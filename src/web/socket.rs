//! The socket under the HTTP service: notes when something was sent, bounds what is read before that, and keeps what
//! is no request from being answered without a word.

use std::cell::{Cell, RefCell};
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker, ready};
use std::time::Instant;

use actix_http::StatusCode;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::clock;
use crate::net::link::Link;

/// How far a connection has come, for those who look after it from above.
pub(super) struct Progress {
    /// When something was last sent on it.
    last: Cell<Instant>,
    /// Bytes of the body of a request that may still be read.
    body: Cell<usize>,
    /// Who wants to read on, once the head that they have is answered or its body is wanted.
    reader: RefCell<Option<Waker>>,
    /// Whether there was a request, which somebody answers.
    has_asked: Cell<bool>,
    /// What is wrong with the first one where it is none, which ends the connection.
    fault: Cell<Option<StatusCode>>,
}

impl Progress {
    /// The connection begins.
    pub(super) fn new(now: Instant) -> Self {
        let (body, reader, has_asked, fault) = Default::default();
        Self { last: Cell::new(now), body, reader, has_asked, fault }
    }

    /// When something was last sent.
    pub(super) fn last(&self) -> Instant {
        self.last.get()
    }

    /// The body of the request whose head was read is wanted, which has so many bytes.
    pub(super) fn want_body(&self, bytes: usize) {
        self.body.set(bytes);
        self.wake();
    }

    /// There is a request.
    pub(super) fn begin_request(&self) {
        self.has_asked.set(true);
    }

    /// What the connection has ended with, which its client is still to be told.
    pub(super) fn fault(&self) -> Option<StatusCode> {
        self.fault.get()
    }

    fn wake(&self) {
        if let Some(reader) = self.reader.take() {
            reader.wake();
        }
    }
}

/// A socket that gives whoever reads it one head of a request at a time, and the next when something was
/// written: the library behind it makes requests of all that it is given, however many those are. It ends
/// once so many bytes were read since it was last written to.
pub(super) struct Socket {
    link: SharedLink,
    max_unanswered: usize,
    unanswered: usize,
    head: Head,
    /// What has come after the end of a head.
    rest: Vec<u8>,
    progress: Rc<Progress>,
}

/// A connection that is there for a last word when the service is done with it; none where it is used otherwise.
pub(super) type SharedLink = Rc<RefCell<Option<Link>>>;

/// Begins what the library says before the answer, where a client waits for it with the body (RFC 9110 §10.1.1).
const INTERIM: &[u8] = b"HTTP/1.1 100 ";

/// Bytes that are read at a time.
const CHUNK_BYTES: usize = 2 * 1024;

/// How far a head has been read. It ends with an empty line (RFC 9112 §2.1); empty ones before it count for
/// nothing (§2.2).
#[derive(Debug, Default)]
struct Head {
    has_lines: bool,
    line_has_bytes: bool,
    whole: bool,
}

impl Head {
    /// How many of these bytes are its, which may be all.
    fn take(&mut self, bytes: &[u8]) -> usize {
        for (at, byte) in bytes.iter().enumerate() {
            match byte {
                b'\n' if !self.line_has_bytes && self.has_lines => {
                    self.whole = true;
                    return at + 1;
                }
                b'\n' => self.line_has_bytes = false,
                b'\r' => {}
                _ => (self.line_has_bytes, self.has_lines) = (true, true),
            }
        }
        bytes.len()
    }
}

impl Socket {
    pub(super) fn new(link: SharedLink, max_unanswered: usize, progress: Rc<Progress>) -> Self {
        let (head, rest) = Default::default();
        Self { link, max_unanswered, unanswered: 0, head, rest, progress }
    }

    /// The connection, to be used otherwise from here on, and what was read of it and not given out.
    pub(super) fn into_parts(self) -> (Option<Link>, Vec<u8>) {
        (self.link.take(), self.rest)
    }

    fn poll_link<T>(
        &self,
        poll: impl FnOnce(&mut Link) -> Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        match self.link.borrow_mut().as_mut() {
            Some(link) => poll(link),
            None => Poll::Ready(Err(io::ErrorKind::NotConnected.into())),
        }
    }

    /// Fills up what is given out next.
    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.rest.is_empty() {
            let mut chunk = [0; CHUNK_BYTES];
            let count = ready!(self.poll_link(|link| {
                link.begin_turn();
                link.poll_read(cx, &mut chunk)
            }))?;
            self.rest.extend_from_slice(&chunk[..count]);
        }
        Poll::Ready(Ok(()))
    }

    /// Whether the library answers by itself, and without a word, what should be the first request and is none.
    fn is_of_no_request(&self, answer: &[u8]) -> bool {
        !self.progress.has_asked.get() && !answer.starts_with(INTERIM)
    }

    /// Notes what is wrong with the first request. After that one, what comes may be the rest of one that was
    /// answered before it was there: of what is wrong with that nothing is told.
    fn note_fault(&self, status: StatusCode) {
        if !self.progress.has_asked.get() {
            self.progress.fault.set(Some(status));
        }
    }
}

/// The status of an answer.
fn status_of(answer: &[u8]) -> StatusCode {
    let code = answer.split(|byte| *byte == b' ').nth(1).unwrap_or_default();
    StatusCode::from_bytes(code).unwrap_or(StatusCode::BAD_REQUEST)
}

impl AsyncRead for Socket {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.head.whole {
            let wanted = this.progress.body.get();
            if wanted == 0 {
                this.progress.reader.replace(Some(cx.waker().clone()));
                return Poll::Pending;
            }
            ready!(this.poll_fill(cx))?;
            let count = this.rest.len().min(wanted).min(buf.remaining());
            buf.put_slice(&this.rest[..count]);
            this.rest.drain(..count);
            this.progress.body.set(wanted - count);
            return Poll::Ready(Ok(()));
        }
        let room = buf.remaining().min(this.max_unanswered - this.unanswered);
        if room == 0 {
            this.note_fault(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
            return Poll::Ready(Ok(()));
        }
        ready!(this.poll_fill(cx))?;
        if this.rest.is_empty() && this.head.has_lines {
            this.note_fault(StatusCode::BAD_REQUEST);
        }
        let count = this.head.take(&this.rest[..this.rest.len().min(room)]);
        buf.put_slice(&this.rest[..count]);
        this.rest.drain(..count);
        this.unanswered += count;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.is_of_no_request(bytes) {
            this.note_fault(status_of(bytes));
            return Poll::Ready(Ok(bytes.len()));
        }
        let written = this.poll_link(|link| link.poll_write(cx, bytes));
        if let Poll::Ready(Ok(1..)) = written {
            this.unanswered = 0;
            if this.head.whole && !bytes.starts_with(INTERIM) {
                this.head = Head::default();
                this.progress.body.set(0);
                this.progress.wake();
            }
            this.progress.last.set(clock::now());
        }
        written
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        // Nothing is held back: neither by a socket nor by TLS.
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.progress.fault() {
            // There is still something to be said.
            Some(_) => Poll::Ready(Ok(())),
            None => self.poll_link(|link| link.poll_shutdown(cx)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_ends_with_its_empty_line_wherever_the_bytes_are_cut() {
        for (bytes, its) in [
            (&b"GET / HTTP/1.1\r\nHost: a\r\n\r\nGET"[..], 27),
            (b"GET / HTTP/1.1\nHost: a\n\nGET", 24),
            (b"\r\n\nGET / HTTP/1.1\r\n\r\n\r\n", 21),
        ] {
            let mut head = Head::default();
            assert_eq!((head.take(bytes), head.whole), (its, true), "{bytes:?}");
            for cut in 0..bytes.len() {
                let mut head = Head::default();
                let mut taken = head.take(&bytes[..cut]);
                if !head.whole {
                    taken += head.take(&bytes[cut..]);
                }
                assert_eq!((taken, head.whole), (its, true), "{bytes:?} cut at {cut}");
            }
        }
        let mut head = Head::default();
        assert_eq!((head.take(b"GET / HTTP/1.1\r\nHost: a\r\n"), head.whole), (25, false));
    }
}
