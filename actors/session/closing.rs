//! The end of a connection: what waits goes out, then our FIN, then the peer's.

use std::pin::Pin;
use std::task::{Context as TaskContext, Poll};
use std::time::Duration;

use tokio::time::{Sleep, sleep};

use super::{Phase, Session};
use crate::fanout::peer::Health;
use crate::render::replies::Farewell;

/// For what waits to go out when the server stops, at most.
const SHUTDOWN_TIME: Duration = Duration::from_secs(5);

/// The same for a client that was cut off as too slow: it had its time.
const CUT_OFF_TIME: Duration = Duration::from_secs(2);

/// For the peer to end its sending after we ended ours. A socket that is closed while bytes of the
/// peer are still on their way resets the connection, and the reset can overtake our last line.
const LINGER_TIME: Duration = Duration::from_millis(500);

/// Most that is read meanwhile, so that a flood does not hold the connection open.
const LINGER_BYTES: usize = 1024 * 1024;

/// Why the server ends a connection, for the log; none where it does not, or where it ends them all.
pub(super) fn reason(last: Farewell) -> Option<&'static str> {
    match last {
        Farewell::Quit | Farewell::Shutdown { .. } | Farewell::CannotGoOn { .. } => None,
        Farewell::TooSlow => Some("it does not read what it is sent"),
        Farewell::LoginTimeout => Some("no name in time"),
        Farewell::WrongPasswords => Some("too many wrong passwords"),
        Farewell::TooManyAttempts(_) => Some("too many wrong passwords from its address"),
        Farewell::Elsewhere => Some("logged in from elsewhere"),
        Farewell::Kicked => Some("kicked from general, or from the server"),
        Farewell::Banned => Some("banned from the server"),
        Farewell::NewPassword => Some("its account has a new password"),
        Farewell::BotGone => Some("it is a bot that was deleted"),
        Farewell::Restarting => Some("the server is draining"),
        Farewell::Fault => Some("something broke"),
        Farewell::Idle => Some("idle for too long"),
        Farewell::SpeaksTls(_) => Some("it speaks TLS"),
    }
}

/// How far it has come.
enum Stage {
    Flush,
    Shutdown,
    Linger { read: usize },
}

/// The state of a connection that is being closed.
pub(super) struct Closing {
    stage: Stage,
    deadline: Pin<Box<Sleep>>,
    /// A client that takes something gets this much longer each time; how much it had taken last.
    extension: Option<(Duration, u64)>,
}

impl Closing {
    /// How long what waits may take: what is set for a client that takes nothing, or a fixed time
    /// where it was cut off or the server stops. `taken` is how many bytes it has taken so far.
    pub(super) fn new(health: Health, last: Option<Farewell>, stall: Duration, taken: u64) -> Self {
        let (time, extension) = match (health, last) {
            (Health::Good, Some(Farewell::Shutdown { .. } | Farewell::CannotGoOn { .. })) => {
                (SHUTDOWN_TIME, None)
            }
            (Health::Good, _) => (stall, Some((stall, taken))),
            _ => (CUT_OFF_TIME, None),
        };
        Self { stage: Stage::Flush, deadline: Box::pin(sleep(time)), extension }
    }

    /// Whether the time is up, with what it has taken now.
    fn is_over(&mut self, cx: &mut TaskContext<'_>, taken: u64) -> bool {
        while self.deadline.as_mut().poll(cx).is_ready() {
            match &mut self.extension {
                Some((time, before)) if taken > *before => {
                    *before = taken;
                    self.deadline = Box::pin(sleep(*time));
                }
                _ => return true,
            }
        }
        false
    }
}

impl Session {
    /// One step of closing.
    pub(super) fn step_closing(&mut self, cx: &mut TaskContext<'_>) -> Poll<()> {
        let Phase::Closing(closing) = &mut self.phase else { return Poll::Ready(()) };
        let broken = self.peer.health() == Health::Broken;
        if broken || closing.is_over(cx, self.peer.written()) {
            let lingers = matches!(closing.stage, Stage::Linger { .. });
            self.phase = Phase::Done;
            // A peer that had gone altogether would have said so by now.
            if lingers && !broken {
                self.mail_may_be_there();
            }
            return Poll::Ready(());
        }
        match &mut closing.stage {
            Stage::Flush => {
                self.peer.flush();
                if !self.peer.has_taken_all() {
                    return if self.peer.health() == Health::Broken {
                        Poll::Ready(())
                    } else {
                        Poll::Pending
                    };
                }
                closing.stage = Stage::Shutdown;
            }
            Stage::Shutdown => {
                // An error means that the peer is gone, which is what we are about.
                if self.peer.link().poll_shutdown(cx).is_pending() {
                    return Poll::Pending;
                }
                closing.stage = Stage::Linger { read: 0 };
                closing.deadline = Box::pin(sleep(LINGER_TIME));
                closing.extension = None;
            }
            Stage::Linger { read } => {
                let mut scrap = [0; 1024];
                let (result, taken) = {
                    let mut link = self.peer.link();
                    let result = link.poll_read(cx, &mut scrap);
                    let count = if let Poll::Ready(Ok(count)) = result { count } else { 0 };
                    (result, link.taken(count))
                };
                *read += taken;
                match result {
                    _ if *read > LINGER_BYTES => self.phase = Phase::Done,
                    Poll::Pending => return Poll::Pending,
                    Poll::Ready(Ok(count)) if count > 0 => {}
                    // It had ended its sending before, so this says nothing of what it has read.
                    Poll::Ready(Ok(_)) if self.at_end && self.mail.is_some() => {
                        return Poll::Pending;
                    }
                    Poll::Ready(Ok(_)) => {
                        self.phase = Phase::Done;
                        self.mail_may_be_there();
                    }
                    Poll::Ready(Err(_)) => self.phase = Phase::Done,
                }
            }
        }
        Poll::Ready(())
    }
}
