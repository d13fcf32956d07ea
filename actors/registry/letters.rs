//! The part of the Registry that writes to other nodes, outside the log, and reads what they write: what is for one
//! user, or counts for a while, and may be lost with a node.

use std::time::Duration;

use futures_util::FutureExt;
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::actors::guard::{Answers, Ctx, Reply};
use crate::actors::log::messages::Sent;
use crate::actors::log::{Letter, Log, OfConnection};
use crate::actors::registry::Registry;
use crate::actors::registry::messages::{AskElsewhere, ToldOf};
use crate::actors::shard::messages::{self as shard, Address, AskedOf, Show};
use crate::chat::directory::ConnId;
use crate::chat::registry::Happening;
use crate::clock;

/// For another node to answer, at most: then it is told nothing.
const ANSWER_TIME: Duration = Duration::from_secs(2);

impl Registry {
    /// The life of a node by which a connection is there now.
    pub(super) fn life_of(&self, conn: ConnId) -> u32 {
        self.lives.get(&conn).copied().unwrap_or_else(|| conn.life())
    }

    /// The address of a connection gave a wrong password: that counts on all nodes.
    pub(super) fn tell_wrong_password(&self, conn: ConnId) {
        if let (Log::Shared(log), Some(ip)) = (&self.log, self.connections.ip(conn))
            && ip.is_known()
        {
            log.send_all(Letter::WrongPassword(ip));
        }
    }

    /// Where a user of this node with an account leaves it, what they have sent lately counts wherever they go.
    pub(super) fn pass_on_counted(&self, what: &Happening<Address>) {
        let Log::Shared(log) = &self.log else { return };
        let users = self.people.users();
        let leaves = match what {
            Happening::Left(conn) => users.get(*conn),
            Happening::CameIn { who, .. } => users.find(&who.name.key()),
            _ => None,
        };
        let Some(user) = leaves.filter(|user| self.shard(user.handle.shard).is_some()) else {
            return;
        };
        if let Some(account) = user.who.account
            && let Some(counted) = self.rates.counted(&user.who, clock::now())
        {
            log.send_all(Letter::Sent { account, counted });
        }
    }
}

impl Answers<Sent> for Registry {
    fn failed() {}

    fn answer(&mut self, Sent(letter): Sent, _: &mut Ctx<Self>) -> Reply<Self, ()> {
        Reply::now(|| match letter {
            Letter::Direct { to, from, text } => {
                let Some(Address { shard, seat }) = self.people.users().get(to).map(|u| u.handle)
                else {
                    return;
                };
                if let Some(shard) = self.shard(shard) {
                    shard.do_send(Show { seat, from, letter: shard::Letter::Direct(text) });
                }
            }
            Letter::Asked { of, by, number } => {
                // Whoever asks may just have taken its place.
                let before = || self.people.taken_over_by(by).filter(|user| user.who.conn == of);
                let user = self.people.users().get(of).or_else(before);
                let at = user.map(|user| user.handle);
                let shard = at.and_then(|Address { shard, seat }| Some((self.shard(shard)?, seat)));
                match shard {
                    Some((shard, seat)) => shard.do_send(AskedOf { seat, by, number }),
                    None => self.tell_of(ToldOf { by, number, what: None }),
                }
            }
            Letter::Told { number, what } => {
                if let Some(asked) = self.asked.remove(&number) {
                    let _ = asked.send(what);
                }
            }
            Letter::WrongPassword(ip) => self.connections.wrong_elsewhere(ip, clock::now()),
            Letter::Sent { account, counted } => {
                self.rates.counted_elsewhere(account, &counted, clock::now());
            }
        })
    }
}

impl Registry {
    fn tell_of(&self, ToldOf { by, number, what }: ToldOf) {
        if let Log::Shared(log) = &self.log {
            log.send(self.life_of(by), Letter::Told { number, what });
        }
    }
}

impl Answers<ToldOf> for Registry {
    fn failed() {}

    fn answer(&mut self, told: ToldOf, _: &mut Ctx<Self>) -> Reply<Self, ()> {
        Reply::now(|| self.tell_of(told))
    }
}

impl Answers<AskElsewhere> for Registry {
    fn failed() -> Option<OfConnection> {
        None
    }

    fn answer(
        &mut self,
        AskElsewhere { of, by }: AskElsewhere,
        _: &mut Ctx<Self>,
    ) -> Reply<Self, Option<OfConnection>> {
        let Log::Shared(log) = &self.log else { return Reply::Now(None) };
        self.next_question += 1;
        let number = self.next_question;
        let (answer, waits) = oneshot::channel();
        self.asked.insert(number, answer);
        log.send(self.life_of(of), Letter::Asked { of, by, number });
        let waits = timeout(ANSWER_TIME, waits).map(|told| told.ok()?.ok()?);
        Reply::after(waits, move |registry: &mut Self, told, _| {
            registry.asked.remove(&number);
            told
        })
    }
}
