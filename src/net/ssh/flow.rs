//! How much of a connection waits here, and for whom: what its socket, its channels and their Sessions know
//! of each other.
//!
//! SSH has a window for each channel, but the library opens it again as soon as bytes have come, whoever
//! has taken them. So what bounds them is that the socket is not read while much waits for the Sessions.
//! The client's own windows open by what it sends, though: where a Session waits for one of these, what
//! stands before it in the socket is read all the same, and that is no more than the window of the client.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll};

use futures_util::task::AtomicWaker;
use tokio::sync::Notify;

/// Bytes that wait for the Sessions of a connection before its socket is not read any more: a paste fits.
pub const HELD_BYTES: usize = 64 * 1024;

/// Bytes that a client may send over a channel before we have opened its window again.
pub const WINDOW_BYTES: u32 = 64 * 1024;

/// The largest packet of a client. With it, its two windows and the bytes that may wait, a connection never
/// holds more than [`MOST_BYTES`].
pub const PACKET_BYTES: u32 = 32 * 1024;

/// Bytes that wait at most: what may wait, and what a client can have sent before it opened its window.
pub const MOST_BYTES: usize = HELD_BYTES + 2 * WINDOW_BYTES as usize + PACKET_BYTES as usize;

/// Bytes that a client may send before it has logged in: its keys and tries take some kilobytes.
pub const LOGIN_BYTES: usize = 128 * 1024;

/// What is known of a connection on all its threads.
#[derive(Debug, Default)]
pub struct Flow {
    /// Bytes of the client that wait for Sessions.
    held: AtomicUsize,
    /// Channels with bytes for the client whose window is shut.
    shut: AtomicUsize,
    /// Whoever reads the socket.
    reader: AtomicWaker,
    /// The socket takes nothing now.
    blocked: AtomicBool,
    /// The client has logged in.
    logged_in: AtomicBool,
    /// It is over, whatever the client does.
    cut: AtomicBool,
    /// Nothing more is written.
    ended: AtomicBool,
    /// Told when something of this has changed that ends the connection.
    changed: Notify,
}

impl Flow {
    /// Bytes came for a Session.
    pub fn hold(&self, bytes: usize) {
        self.held.fetch_add(bytes, Ordering::AcqRel);
    }

    /// Bytes that had come were taken, or nobody will take them.
    pub fn release(&self, bytes: usize) {
        self.held.fetch_sub(bytes, Ordering::AcqRel);
        self.reader.wake();
    }

    /// Bytes wait for the client to open its window, until what is given back goes.
    pub fn wait_for_window(&self) -> ShutWindow<'_> {
        self.shut.fetch_add(1, Ordering::AcqRel);
        self.reader.wake();
        ShutWindow(self)
    }

    /// Ready while the socket may be read.
    pub fn poll_room(&self, cx: &mut Context<'_>) -> Poll<()> {
        if self.has_room() {
            return Poll::Ready(());
        }
        self.reader.register(cx.waker());
        if self.has_room() { Poll::Ready(()) } else { Poll::Pending }
    }

    fn has_room(&self) -> bool {
        let most = if self.shut.load(Ordering::Acquire) > 0 { MOST_BYTES } else { HELD_BYTES };
        self.held.load(Ordering::Acquire) < most || self.is_cut()
    }

    /// Whether the socket takes nothing now.
    pub fn is_blocked(&self) -> bool {
        self.blocked.load(Ordering::Acquire)
    }

    pub(super) fn set_blocked(&self, blocked: bool) {
        self.blocked.store(blocked, Ordering::Release);
    }

    /// Whether the client has logged in.
    pub fn is_logged_in(&self) -> bool {
        self.logged_in.load(Ordering::Acquire)
    }

    /// The client has logged in.
    pub fn logged_in(&self) {
        self.logged_in.store(true, Ordering::Release);
    }

    /// Whether it is over.
    pub fn is_cut(&self) -> bool {
        self.cut.load(Ordering::Acquire)
    }

    /// It is over: nothing is read or written any more.
    pub fn cut(&self) {
        self.cut.store(true, Ordering::Release);
        self.reader.wake();
        self.changed.notify_one();
    }

    /// Whether nothing more is written.
    pub fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Acquire)
    }

    pub(super) fn end(&self) {
        self.ended.store(true, Ordering::Release);
        self.changed.notify_one();
    }

    /// Something has changed that may end the connection.
    pub fn change(&self) {
        self.changed.notify_one();
    }

    /// Waits until something has.
    pub async fn changed(&self) {
        self.changed.notified().await;
    }
}

/// That bytes wait for a client to open its window.
#[derive(Debug)]
pub struct ShutWindow<'a>(&'a Flow);

impl Drop for ShutWindow<'_> {
    fn drop(&mut self) {
        self.0.shut.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use futures_util::task::noop_waker_ref;

    use super::*;

    #[test]
    fn a_socket_is_read_until_much_waits_and_on_for_a_window_alone() {
        let flow = Flow::default();
        let mut cx = Context::from_waker(noop_waker_ref());
        let mut may_read = || flow.poll_room(&mut cx).is_ready();
        assert!(may_read());
        flow.hold(HELD_BYTES - 1);
        assert!(may_read());
        flow.hold(1);
        assert!(!may_read());
        let waits = flow.wait_for_window();
        assert!(may_read());
        flow.hold(MOST_BYTES - HELD_BYTES);
        assert!(!may_read(), "no more than the client can have sent before");
        flow.release(1);
        assert!(may_read());
        drop(waits);
        assert!(!may_read());
        flow.release(MOST_BYTES - 1);
        assert!(may_read());
        flow.hold(HELD_BYTES);
        flow.cut();
        assert!(may_read(), "to be told that it is over");
    }
}
