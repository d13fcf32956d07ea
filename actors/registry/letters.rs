//! The part of the Registry that writes to other nodes, outside the log, and reads what they write: what is for one
//! user, or counts for a while, and may be lost with a node.

use std::collections::HashMap;
use std::time::Duration;

use actix::prelude::*;
use futures_util::FutureExt;
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::actors::guard::{Answers, Ctx, Guarded, Reply};
use crate::actors::log::messages::Sent;
use crate::actors::log::{Letter, Log, OfConnection};
use crate::actors::registry::Registry;
use crate::actors::registry::messages::{AskElsewhere, Relayed, ToldOf};
use crate::actors::shard::Shard;
use crate::actors::shard::messages::{self as shard, Address, AskedOf, Asker, Show};
use crate::chat::accounts::Identity;
use crate::chat::directory::ConnId;
use crate::chat::person::Person;
use crate::chat::registry::Happening;
use crate::chat::text::Line;
use crate::clock;
use crate::fanout::hub::Seat;

/// For another node to answer, at most. It is less than what a node waits until it says that the others cannot be
/// reached, so whoever waits is told what is not known of their own question.
const ANSWER_TIME: Duration = Duration::from_secs(2);

/// Questions and private messages that wait for another node. A Session has one at most; while a node does not
/// answer, so many are asked of it, and the Registry looks at all of them whenever it does something.
const MAX_ASKED: usize = 1_024;

/// What a node says of a connection of its own; none where that is no more.
type Told = Option<OfConnection>;

/// The answer; none where none comes in time.
fn in_time(answer: oneshot::Receiver<Told>) -> impl Future<Output = Option<Told>> {
    timeout(ANSWER_TIME, answer).map(|told| told.ok()?.ok())
}

/// What other nodes were asked and have not answered.
#[derive(Debug, Default)]
pub(super) struct Asked {
    waiting: HashMap<u64, oneshot::Sender<Told>>,
    last: u64,
}

impl Asked {
    /// One more, with the number by which its answer is known; none where as many wait as may.
    fn add(&mut self) -> Option<(u64, oneshot::Receiver<Told>)> {
        if self.waiting.len() >= MAX_ASKED {
            return None;
        }
        self.last += 1;
        let (answer, waits) = oneshot::channel();
        self.waiting.insert(self.last, answer);
        Some((self.last, waits))
    }

    /// A node has answered. What comes late, or twice, is nobody's any more.
    fn answered(&mut self, number: u64, what: Told) {
        if let Some(asked) = self.waiting.remove(&number) {
            let _ = asked.send(what);
        }
    }

    /// Nobody waits for this one any more.
    fn give_up(&mut self, number: u64) {
        self.waiting.remove(&number);
    }
}

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
        let Some(user) = leaves.filter(|user| !user.handle.is_elsewhere()) else {
            return;
        };
        if let Some(account) = user.who.account
            && let Some(counted) = self.rates.counted(&user.who, clock::now())
        {
            let bot = user.who.bot_of.is_some();
            log.send_all(Letter::Sent { account, counted, bot });
        }
    }
}

impl Answers<Sent> for Registry {
    fn failed() {}

    fn answer(&mut self, Sent(letter): Sent, _: &mut Ctx<Self>) -> Reply<Self, ()> {
        Reply::now(|| match letter {
            Letter::Direct { to, from, text, by, number } => {
                let asker = Asker { by, number };
                match self.seat_of(to) {
                    Some((shard, seat)) => {
                        let letter = shard::Letter::Direct(text);
                        shard.do_send(Show { seat, from, letter, asked: Some(asker) });
                    }
                    None => self.tell_of(ToldOf { asker, what: None }),
                }
            }
            Letter::Asked { of, by, number } => {
                let asker = Asker { by, number };
                // Whoever asks may just have taken its place.
                let before = || {
                    let user = self.people.taken_over_by(by).filter(|user| user.who.conn == of);
                    self.seat_at(user?.handle)
                };
                match self.seat_of(of).or_else(before) {
                    Some((shard, seat)) => shard.do_send(AskedOf { seat, asker }),
                    None => self.tell_of(ToldOf { asker, what: None }),
                }
            }
            Letter::Told { number, what } => self.asked.answered(number, what),
            Letter::WrongPassword(ip) => self.connections.wrong_elsewhere(ip, clock::now()),
            Letter::Sent { account, counted, bot } => {
                self.rates.counted_elsewhere((account, bot), &counted, clock::now());
            }
        })
    }
}

impl Registry {
    /// Where a user of this node is, also one who is only just coming in here, and is there already as another node
    /// has it: that may be ahead.
    fn seat_of(&self, conn: ConnId) -> Option<(&Addr<Guarded<Shard>>, Seat)> {
        let user = self.people.users().get(conn).map(|user| user.handle);
        self.seat_at(user.or_else(|| self.coming_at(conn))?)
    }

    fn seat_at(&self, Address { shard, seat }: Address) -> Option<(&Addr<Guarded<Shard>>, Seat)> {
        Some((self.shard(shard)?, seat))
    }

    fn tell_of(&self, ToldOf { asker: Asker { by, number }, what }: ToldOf) {
        if let Log::Shared(log) = &self.log {
            log.send(self.life_of(by), Letter::Told { number, what });
        }
    }

    /// Sends the node of a connection what it is to answer by its number; none where too much waits already.
    fn ask_node(
        &mut self,
        of: ConnId,
        letter: impl FnOnce(u64) -> Letter,
    ) -> Option<(u64, oneshot::Receiver<Told>)> {
        let Log::Shared(log) = &self.log else { return None };
        let (number, waits) = self.asked.add()?;
        log.send(self.life_of(of), letter(number));
        Some((number, waits))
    }

    /// Sends a private message to the node of its receiver, and waits for what that says of it.
    pub(super) fn relay_elsewhere(
        &mut self,
        (who, away): (Identity, Option<Line>),
        from: Person,
        by: ConnId,
        text: Line,
    ) -> Reply<Self, Relayed> {
        let to = who.conn;
        let letter = |number| Letter::Direct { to, from, text, by, number };
        let Some((number, waits)) = self.ask_node(to, letter) else {
            return Reply::Now(Relayed::Busy);
        };
        Reply::after(in_time(waits), move |registry: &mut Self, told, _| {
            registry.asked.give_up(number);
            match told {
                Some(Some(_)) => Relayed::Shown { name: who.name, away },
                Some(None) => Relayed::Gone(who),
                None => Relayed::Unknown,
            }
        })
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
        let asked = self.ask_node(of, |number| Letter::Asked { of, by, number });
        let Some((number, waits)) = asked else { return Reply::Now(None) };
        Reply::after(in_time(waits), move |registry: &mut Self, told, _| {
            registry.asked.give_up(number);
            told?
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told() -> Told {
        Some(OfConnection { idle: Duration::from_secs(1), last_writer: None })
    }

    #[test]
    fn an_answer_is_for_whoever_asked_and_comes_once() {
        let mut asked = Asked::default();
        let (first, mut one) = asked.add().unwrap();
        let (second, mut two) = asked.add().unwrap();
        asked.answered(second, told());
        asked.answered(second, None);
        asked.answered(first, None);
        assert!(one.try_recv().unwrap().is_none(), "the connection is no more");
        assert_eq!(two.try_recv().unwrap().unwrap().idle, Duration::from_secs(1));
    }

    #[test]
    fn an_answer_that_comes_late_is_nobodys() {
        let mut asked = Asked::default();
        let (late, mut waits) = asked.add().unwrap();
        asked.give_up(late);
        asked.answered(late, told());
        assert!(waits.try_recv().is_err());
        let (next, mut waits) = asked.add().unwrap();
        assert_ne!(next, late);
        asked.answered(late, told());
        assert!(waits.try_recv().is_err(), "it is not taken for that of another question");
    }

    #[test]
    fn so_many_wait_and_one_that_is_over_makes_room() {
        let mut asked = Asked::default();
        let waiting: Vec<_> = (0..MAX_ASKED).map(|_| asked.add().unwrap()).collect();
        assert!(asked.add().is_none());
        asked.answered(waiting[0].0, told());
        assert!(asked.add().is_some() && asked.add().is_none());
        asked.give_up(waiting[1].0);
        assert!(asked.add().is_some() && asked.add().is_none());
    }
}
