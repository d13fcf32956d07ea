//! The socket under SSH: read at a pace, and not at all while very much of it waits for Sessions.
//!
//! The library answers whatever comes, new keys for both sides too, as fast as it comes: how fast that is
//! is decided here. It would wait for a client for as long as that likes; the connection is cut here.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Sleep, sleep};

use super::clear::Clear;
use super::flow::{Flow, LOGIN_BYTES};
use crate::clock;
use crate::net::pace::Pace;

/// What a read is worth in bytes, beyond those that it gives. A packet takes two, and an exchange of new keys
/// three packets and half a millisecond: so a client has some 80 of them a second, 4 hundredths of a processor.
const READ_COST: usize = 2 * 1024;

/// Told once, when the first byte has come.
pub type Heard = Box<dyn FnOnce() + Send>;

/// The socket.
pub struct SshSocket {
    tcp: Arc<TcpStream>,
    flow: Arc<Flow>,
    pace: Pace,
    /// Until it is read on.
    pause: Option<Pin<Box<Sleep>>>,
    /// Bytes that came before the login.
    before_login: usize,
    clear: Clear,
    heard: Option<Heard>,
}

impl SshSocket {
    /// A socket whose connection begins.
    pub fn new(tcp: Arc<TcpStream>, flow: Arc<Flow>, heard: Heard) -> Self {
        let pace = Pace::new(clock::now());
        Self {
            tcp,
            flow,
            pace,
            pause: None,
            before_login: 0,
            clear: Clear::default(),
            heard: Some(heard),
        }
    }

    fn is_over(&self) -> io::Result<()> {
        if self.flow.is_cut() { Err(io::ErrorKind::ConnectionAborted.into()) } else { Ok(()) }
    }

    /// These bytes came.
    fn took(&mut self, bytes: &[u8]) -> io::Result<()> {
        let count = bytes.len();
        if let Some(heard) = self.heard.take_if(|_| count > 0) {
            heard();
        }
        self.pace.read(count + READ_COST);
        if !self.flow.is_logged_in() {
            self.before_login += count;
            if self.before_login > LOGIN_BYTES {
                return Err(io::Error::other("too much before the login"));
            }
            self.clear.read(bytes).map_err(io::Error::other)?;
        }
        Ok(())
    }
}

impl AsyncRead for SshSocket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        loop {
            this.is_over()?;
            if let Some(pause) = &mut this.pause {
                ready!(pause.as_mut().poll(cx));
                this.pause = None;
            }
            ready!(this.flow.poll_room(cx));
            this.is_over()?;
            if let Some(time) = this.pace.pause(clock::now()) {
                this.pause = Some(Box::pin(sleep(time)));
                continue;
            }
            ready!(this.tcp.poll_read_ready(cx))?;
            let before = buf.filled().len();
            match this.tcp.try_read(buf.initialize_unfilled()) {
                Ok(count) => {
                    buf.advance(count);
                    return Poll::Ready(this.took(&buf.filled()[before..]));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }
}

impl AsyncWrite for SshSocket {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        loop {
            self.is_over()?;
            match self.tcp.poll_write_ready(cx) {
                Poll::Ready(ready) => ready?,
                Poll::Pending => {
                    self.flow.set_blocked(true);
                    return Poll::Pending;
                }
            }
            match self.tcp.try_write(data) {
                Ok(count) => {
                    self.flow.set_blocked(count < data.len());
                    return Poll::Ready(Ok(count));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.flow.end();
        Poll::Ready(SockRef::from(&*self.tcp).shutdown(std::net::Shutdown::Write))
    }
}
