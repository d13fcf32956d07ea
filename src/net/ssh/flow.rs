//! How much of a connection waits here, and for whom: what its socket, its channels and their Sessions know
//! of each other.
//!
//! SSH has a window for each channel, which the library opens again as soon as bytes have come, whoever has taken
//! them. So it is told to open it hardly at all while many wait. The socket is read on all the same: behind the
//! client's bytes it may say that its own windows are open, and a Session that waits for that reads nothing.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll};

use futures_util::task::AtomicWaker;
use tokio::sync::Notify;

/// Bytes that wait for the Sessions of a connection before the client is let send hardly any more: a paste fits.
pub const HELD_BYTES: usize = 64 * 1024;

/// Bytes that a client may send over a channel before we have opened its window again.
pub const WINDOW_BYTES: u32 = 64 * 1024;

/// The same while so many wait. Not 0: the window is opened again when something comes.
const TRICKLE_BYTES: u32 = 2;

/// The largest packet of a client.
pub const PACKET_BYTES: u32 = 32 * 1024;

/// Bytes that wait at most, after which the socket is not read: what may wait, two windows that were open by then,
/// and a packet.
pub const MOST_BYTES: usize = HELD_BYTES + 2 * WINDOW_BYTES as usize + PACKET_BYTES as usize;

/// Bytes that a client may send before it has logged in. A handshake takes some 4 KiB, and each of the keys that it
/// may offer in vain up to 1 KiB, a certificate of one too. It is more than the 35,000 of a packet that everybody has
/// to take (RFC 4253 §6.1).
pub const LOGIN_BYTES: usize = 40 * 1024;

/// What is known of a connection on all its threads.
#[derive(Debug, Default)]
pub struct Flow {
    /// Bytes of the client that wait for Sessions.
    held: AtomicUsize,
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

    /// How far the client's window is to be opened when it is the next time.
    pub fn window(&self) -> u32 {
        let many = self.held.load(Ordering::Acquire) >= HELD_BYTES;
        if many { TRICKLE_BYTES } else { WINDOW_BYTES }
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
        self.held.load(Ordering::Acquire) < MOST_BYTES || self.is_cut()
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

#[cfg(test)]
mod tests {
    use futures_util::task::noop_waker_ref;

    use super::*;

    #[test]
    fn a_client_is_let_send_hardly_anything_while_much_waits_and_then_not_read() {
        let flow = Flow::default();
        let mut cx = Context::from_waker(noop_waker_ref());
        let mut may_read = || flow.poll_room(&mut cx).is_ready();
        flow.hold(HELD_BYTES - 1);
        assert_eq!((flow.window(), may_read()), (WINDOW_BYTES, true));
        flow.hold(1);
        assert_eq!((flow.window(), may_read()), (TRICKLE_BYTES, true));
        flow.hold(MOST_BYTES - HELD_BYTES);
        assert!(!may_read());
        flow.release(1);
        assert!(may_read());
        flow.release(MOST_BYTES - HELD_BYTES);
        assert_eq!(flow.window(), WINDOW_BYTES);
        flow.hold(MOST_BYTES);
        flow.cut();
        assert!(may_read(), "to be told that it is over");
    }
}
