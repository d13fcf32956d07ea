//! What carries the bytes of one Session to and from the task that has its connection, across threads.
//!
//! The Session has the [`Near`] end as its connection, the task the [`Far`] ends. Both ways are bounded:
//! that to the client here, that from the client by the [`Flow`] of its connection.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Waker};

use bytes::{Buf, Bytes, BytesMut};
use tokio::net::TcpStream;

use super::flow::Flow;
use super::visit::{Purpose, Visit};
use crate::net::telnet::Size;

/// Bytes that wait here for a client. With those that the library has and those in its socket's buffer it is
/// no more than over TLS, so a client that does not read is found as soon.
const OUT_BYTES: usize = 32 * 1024;

/// Most bytes that are handed on at once: a packet, and what the library holds is a few of them.
const PACKET_BYTES: usize = 8 * 1024;

/// What both ends know.
#[derive(Debug, Default)]
struct State {
    /// From the client.
    coming: BytesMut,
    /// No more comes.
    has_end: bool,
    /// To the client.
    going: BytesMut,
    /// No more goes, and with which status it ends.
    status: Option<u32>,
    /// All that went is in the socket, or what is left of it waits there.
    handed_on: bool,
    /// The client is gone, or does not want more.
    closed: bool,
    /// The task tells the client of the end.
    ending: bool,
    /// The Session is gone.
    left: bool,
    /// The size of the terminal has become this.
    resized: Option<Size>,
    /// The Session, where it waits for bytes.
    reader: Option<Waker>,
    /// The Session, where it waits for room.
    writer: Option<Waker>,
    /// The task, where it waits for bytes.
    taker: Option<Waker>,
}

impl State {
    /// Wakes the Session.
    fn wake_near(&mut self) {
        [self.reader.take(), self.writer.take()].into_iter().flatten().for_each(Waker::wake);
    }

    /// Wakes the task.
    fn wake_far(&mut self) {
        if let Some(taker) = self.taker.take() {
            taker.wake();
        }
    }
}

type Shared = Arc<Mutex<State>>;

/// A panic while it was held leaves at worst bytes that went, or did not.
fn lock(shared: &Shared) -> MutexGuard<'_, State> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The Session's end.
#[derive(Debug)]
pub struct Near {
    shared: Shared,
    flow: Arc<Flow>,
    /// The socket of the connection, while there is one.
    socket: Weak<TcpStream>,
    visit: Visit,
    /// Whether anything that was asked for was refused.
    refused: bool,
}

/// The task's end, of which there may be several.
#[derive(Debug, Clone)]
pub struct Far {
    shared: Shared,
    flow: Arc<Flow>,
}

/// What the task is to do next.
#[derive(Debug, PartialEq, Eq)]
pub enum Next {
    /// Send these bytes.
    Send(Bytes),
    /// End the channel, with this status.
    End(u32),
    /// The Session is gone without an end: what is left is not sent.
    Left,
}

/// A pipe for somebody who comes over a connection with this socket.
pub fn pipe(visit: Visit, flow: Arc<Flow>, socket: Weak<TcpStream>) -> (Near, Far) {
    let shared = Shared::default();
    let far = Far { shared: shared.clone(), flow: flow.clone() };
    (Near { shared, flow, socket, visit, refused: false }, far)
}

impl Near {
    /// Who comes.
    pub fn visit(&self) -> &Visit {
        &self.visit
    }

    /// The socket of the connection, while there is one.
    pub fn socket(&self) -> Option<Arc<TcpStream>> {
        self.socket.upgrade()
    }

    /// The size that the terminal has now, where it has changed since this was last asked. Whoever waits for bytes
    /// is woken when it does.
    pub fn take_size(&mut self) -> Option<Size> {
        let size = lock(&self.shared).resized.take();
        if let (Some(size), Some(terminal)) = (size, &mut self.visit.terminal) {
            terminal.size = size;
        }
        size
    }

    /// Something that was asked for was refused.
    pub fn note_refused(&mut self) {
        self.refused = true;
    }

    /// Whether the client sends no more.
    pub fn has_end(&self) -> bool {
        let state = lock(&self.shared);
        state.has_end || state.closed
    }

    /// Whether all that was written is in the socket's own buffer by now.
    pub fn all_is_handed_on(&self) -> bool {
        let state = lock(&self.shared);
        state.going.is_empty() && state.handed_on && !self.flow.is_blocked()
    }

    /// Reads what has come; 0 bytes at the end. After our own end, that is when the client is gone.
    pub fn poll_read(&mut self, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        let mut state = lock(&self.shared);
        let count = state.coming.len().min(buf.len());
        if count > 0 {
            buf[..count].copy_from_slice(&state.coming[..count]);
            state.coming.advance(count);
            if state.coming.is_empty() {
                // What a paste took is given back.
                state.coming = BytesMut::new();
            }
            drop(state);
            self.flow.release(count);
            return Poll::Ready(Ok(count));
        }
        if state.closed || state.has_end && state.status.is_none() {
            return Poll::Ready(Ok(0));
        }
        state.reader = Some(cx.waker().clone());
        Poll::Pending
    }

    /// Writes as much as there is room for.
    ///
    /// # Errors
    /// The client is gone.
    pub fn poll_write(&mut self, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        let mut state = lock(&self.shared);
        if state.closed || state.status.is_some() {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        let count = data.len().min(OUT_BYTES.saturating_sub(state.going.len()));
        if count == 0 && !data.is_empty() {
            state.writer = Some(cx.waker().clone());
            return Poll::Pending;
        }
        state.going.extend_from_slice(&data[..count]);
        state.handed_on = false;
        state.wake_far();
        Poll::Ready(Ok(count))
    }

    /// Ends our sending. Ready once that, and all that was written before, is in the socket's own buffer.
    pub fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let refused = self.refused && self.visit.purpose != Purpose::Chat;
        let mut state = lock(&self.shared);
        if state.status.is_none() {
            state.status = Some(u32::from(refused));
            state.handed_on = false;
            state.wake_far();
        }
        if state.closed || state.going.is_empty() && state.handed_on {
            return Poll::Ready(());
        }
        state.writer = Some(cx.waker().clone());
        Poll::Pending
    }
}

impl Drop for Near {
    fn drop(&mut self) {
        let mut state = lock(&self.shared);
        state.left = true;
        let unread = state.coming.len();
        state.coming = BytesMut::new();
        state.wake_far();
        drop(state);
        self.flow.release(unread);
    }
}

impl Far {
    /// Bytes of the client; none are kept for a Session that is gone, or after their end.
    pub fn push(&self, bytes: &[u8]) {
        let mut state = lock(&self.shared);
        if state.left || state.closed || state.has_end {
            return;
        }
        state.coming.extend_from_slice(bytes);
        self.flow.hold(bytes.len());
        if let Some(reader) = state.reader.take() {
            reader.wake();
        }
    }

    /// The client sends no more.
    pub fn end(&self) {
        let mut state = lock(&self.shared);
        state.has_end = true;
        state.wake_near();
    }

    /// The client is gone, or wants no more.
    pub fn close(&self) {
        let mut state = lock(&self.shared);
        state.closed = true;
        state.wake_near();
        state.wake_far();
    }

    /// The terminal has another size.
    pub fn resize(&self, size: Size) {
        let mut state = lock(&self.shared);
        state.resized = Some(size);
        state.wake_near();
    }

    /// All that was given to be sent is in the socket's own buffer, or waits there.
    pub fn note_handed_on(&self) {
        let mut state = lock(&self.shared);
        if state.going.is_empty() {
            state.handed_on = true;
            if let Some(writer) = state.writer.take() {
                writer.wake();
            }
        }
    }

    /// What to do next.
    pub fn poll_next(&self, cx: &mut Context<'_>) -> Poll<Next> {
        let mut state = lock(&self.shared);
        if state.closed || state.left && state.status.is_none() {
            return Poll::Ready(Next::Left);
        }
        if !state.going.is_empty() {
            let count = state.going.len().min(PACKET_BYTES);
            let bytes = state.going.split_to(count).freeze();
            if let Some(writer) = state.writer.take() {
                writer.wake();
            }
            return Poll::Ready(Next::Send(bytes));
        }
        if let Some(status) = state.status {
            return Poll::Ready(Next::End(status));
        }
        state.taker = Some(cx.waker().clone());
        Poll::Pending
    }

    /// Whether the client is gone, or wants no more.
    pub fn is_closed(&self) -> bool {
        lock(&self.shared).closed
    }

    /// The client is told of the end from here on.
    pub fn begin_end(&self) {
        lock(&self.shared).ending = true;
    }

    /// Whether nothing more comes of it that the client could wait for.
    pub fn is_over(&self) -> bool {
        let state = lock(&self.shared);
        state.closed || state.ending
    }

    /// Waits for what to do next.
    pub async fn next(&self) -> Next {
        std::future::poll_fn(|cx| self.poll_next(cx)).await
    }

    /// Ready once nothing more is to be sent, though something may be on its way.
    pub async fn given_up(&self) {
        std::future::poll_fn(|cx| {
            let mut state = lock(&self.shared);
            if state.closed || state.left {
                return Poll::Ready(());
            }
            state.taker = Some(cx.waker().clone());
            Poll::Pending
        })
        .await;
    }

    /// Ready once the Session is gone.
    pub async fn left(&self) {
        std::future::poll_fn(|cx| {
            let mut state = lock(&self.shared);
            if state.left {
                return Poll::Ready(());
            }
            state.taker = Some(cx.waker().clone());
            Poll::Pending
        })
        .await;
    }
}

#[cfg(test)]
#[path = "pipe_tests.rs"]
mod tests;
