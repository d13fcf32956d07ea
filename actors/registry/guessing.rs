//! The part of the Registry that decides who may try a lobby password.

use std::collections::VecDeque;
use std::time::Instant;

use log::info;
use tokio::sync::oneshot;

use crate::actors::guard::{Answers, Ctx, Reply};
use crate::actors::registry::Registry;
use crate::actors::registry::messages::{BeginGuess, EndGuess};
use crate::chat::directory::{ConnId, Guess, IpKey};
use crate::chat::limiter::wait_secs;

/// A Session that waits to be let try a password.
pub(super) struct Waiter {
    conn: ConnId,
    answer: oneshot::Sender<Result<(), u64>>,
}

impl Registry {
    pub(super) fn end_guess(&mut self, conn: ConnId, wrong: bool) {
        let Some(connection) = self.connections.get_mut(&conn) else { return };
        if !std::mem::take(&mut connection.guessing) {
            return;
        }
        let ip = connection.ip;
        self.guesses.end(ip, wrong, Instant::now());
        self.wake_waiters(ip);
    }

    /// Lets waiting Sessions of an address go on, as far as its wrong passwords allow.
    fn wake_waiters(&mut self, ip: IpKey) {
        while let Some(waiter) = self.waiters.get_mut(&ip).and_then(VecDeque::pop_front) {
            match self.begin_guess(waiter.conn, ip) {
                Some(answer) => {
                    let let_go = answer.is_ok();
                    if waiter.answer.send(answer).is_err() && let_go {
                        // Its Session is gone, and no password was looked at.
                        self.end_guess(waiter.conn, false);
                    }
                }
                None => {
                    self.waiters.entry(ip).or_default().push_front(waiter);
                    return;
                }
            }
        }
        self.waiters.remove(&ip);
    }

    fn begin_guess(&mut self, conn: ConnId, ip: IpKey) -> Option<Result<(), u64>> {
        match self.guesses.begin(ip, Instant::now()) {
            Guess::Later => None,
            Guess::Refused(wait) => {
                info!("conn={} limit: too many wrong passwords from its address", conn.0);
                Some(Err(wait_secs(wait)))
            }
            Guess::Go => {
                match self.connections.get_mut(&conn) {
                    Some(connection) => connection.guessing = true,
                    None => self.guesses.end(ip, false, Instant::now()),
                }
                Some(Ok(()))
            }
        }
    }
}

impl Answers<BeginGuess> for Registry {
    fn failed() -> Result<(), u64> {
        Err(1)
    }

    fn answer(
        &mut self,
        BeginGuess(conn): BeginGuess,
        _: &mut Ctx<Self>,
    ) -> Reply<Self, Result<(), u64>> {
        let Some(ip) = self.connections.get(&conn).map(|c| c.ip) else {
            return Reply::Now(Err(1));
        };
        if let Some(answer) = self.begin_guess(conn, ip) {
            return Reply::Now(answer);
        }
        let (answer, waiting) = oneshot::channel();
        self.waiters.entry(ip).or_default().push_back(Waiter { conn, answer });
        Reply::after(waiting, |_, answer, _| answer.unwrap_or(Err(1)))
    }
}

impl Answers<EndGuess> for Registry {
    fn failed() {}

    fn answer(&mut self, EndGuess { conn, wrong }: EndGuess, _: &mut Ctx<Self>) -> Reply<Self, ()> {
        Reply::now(|| {
            self.end_guess(conn, wrong);
        })
    }
}
