//! The part of the Registry that lets passwords be tried, as far as the wrong ones of an address allow.

use tokio::sync::oneshot;

use crate::actors::guard::{Answers, Ctx, Reply};
use crate::actors::registry::Registry;
use crate::actors::registry::messages::{BeginGuess, EndGuess};
use crate::chat::directory::{ConnId, Guess};
use crate::chat::limiter::wait_secs;
use crate::chat::registry::Woken;
use crate::clock;

/// What whoever wants to try a password is told: the seconds to wait, where they may not.
pub(super) type GuessAnswer = Result<(), u64>;

impl Registry {
    pub(super) fn end_guess(&mut self, conn: ConnId, wrong: bool) {
        let woken = self.connections.end_guess(conn, wrong, clock::now());
        self.wake(woken);
    }

    /// Answers Sessions that waited.
    pub(super) fn wake(&mut self, woken: Vec<Woken>) {
        for (conn, may) in woken {
            let answer = may.map_err(wait_secs);
            let waiter = self.waiters.remove(&conn);
            let told = waiter.is_some_and(|waiter| waiter.send(answer).is_ok());
            if !told && answer.is_ok() {
                // Nobody knows of it, and no password is looked at.
                self.end_guess(conn, false);
            }
        }
    }
}

impl Answers<BeginGuess> for Registry {
    fn failed() -> GuessAnswer {
        Err(1)
    }

    fn answer(
        &mut self,
        BeginGuess(conn): BeginGuess,
        _: &mut Ctx<Self>,
    ) -> Reply<Self, GuessAnswer> {
        if !self.connections.is_there(conn) {
            return Reply::Now(Err(1));
        }
        match self.connections.begin_guess(conn, clock::now()) {
            Guess::Go => Reply::Now(Ok(())),
            Guess::Refused(wait) => Reply::Now(Err(wait_secs(wait))),
            Guess::Later => {
                let (answer, waiting) = oneshot::channel();
                self.waiters.insert(conn, answer);
                Reply::after(waiting, |_, answer, _| answer.unwrap_or(Err(1)))
            }
        }
    }
}

impl Answers<EndGuess> for Registry {
    fn failed() {}

    fn answer(&mut self, EndGuess { conn, wrong }: EndGuess, _: &mut Ctx<Self>) -> Reply<Self, ()> {
        Reply::now(|| {
            if wrong {
                self.tell_wrong_password(conn);
            }
            self.end_guess(conn, wrong);
        })
    }
}
