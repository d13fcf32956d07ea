//! What a lobby wants done, gathered until its mailbox is drained.
//!
//! What comes together leaves together: one message for each thread that has members, one write for each
//! member.

use crate::actors::shard::messages::{Address, Effect, Effects};
use std::time::Instant;

use crate::chat::lobby::event::Event;
use crate::fanout::hub::{Seat, Taken};

/// What is gathered at most before it is handed on, as text, so that a client's limit is judged in steps
/// that are small against it.
pub(super) const MAX_EVENT_BYTES: usize = 16 * 1024;

/// To whom an effect goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scope {
    /// To every thread that has members.
    Members,
    /// To one thread, members or not.
    Shard(usize),
}

/// Effects in the order in which they are to happen.
#[derive(Default)]
pub(super) struct Batch {
    effects: Vec<(Scope, Effect)>,
    /// Bytes that the events among them take.
    bytes: usize,
    echoes: Vec<(Address, usize)>,
    /// The messages among them.
    taken: Option<Taken>,
}

impl Batch {
    /// Whether there is nothing to do.
    pub(super) fn is_empty(&self) -> bool {
        self.effects.is_empty() && self.echoes.is_empty()
    }

    /// Whether so much has gathered that it should go.
    pub(super) fn is_full(&self) -> bool {
        self.bytes >= MAX_EVENT_BYTES
    }

    /// Something that all members are shown.
    pub(super) fn event(&mut self, event: Event) {
        self.bytes += event.bytes();
        self.effects.push((Scope::Members, Effect::Show(event)));
    }

    /// A message is among the events, which was taken then.
    pub(super) fn message(&mut self, at: Instant) {
        let first = Taken { at, messages: 0 };
        self.taken.get_or_insert(first).messages += 1;
    }

    /// How many messages are among the events.
    pub(super) fn messages(&self) -> u32 {
        self.taken.map_or(0, |taken| taken.messages)
    }

    /// Something for the thread of one client.
    pub(super) fn one(&mut self, at: Address, effect: impl FnOnce(Seat) -> Effect) {
        self.effects.push((Scope::Shard(at.shard), effect(at.seat)));
    }

    /// A message of this client is on its way back.
    pub(super) fn echo(&mut self, at: Address) {
        match self.echoes.last_mut() {
            Some((last, count)) if *last == at => *count += 1,
            _ => self.echoes.push((at, 1)),
        }
    }

    /// Hands all effects out, to each thread its own, with the messages among them where members are shown
    /// those; `members` counts the members on each.
    pub(super) fn hand_out(
        &mut self,
        members: &[usize],
        mut to: impl FnMut(usize, Effects, Option<Taken>),
    ) {
        self.bytes = 0;
        let taken = self.taken.take();
        let echoes = self.echoes.drain(..);
        self.effects.extend(
            echoes.map(|(at, count)| (Scope::Shard(at.shard), Effect::Echo(at.seat, count))),
        );
        for (shard, &count) in members.iter().enumerate() {
            let concerned = |scope: Scope| match scope {
                Scope::Members => count > 0,
                Scope::Shard(other) => other == shard,
            };
            let own = self.effects.iter().filter(|(scope, _)| concerned(*scope));
            let own: Effects = own.map(|(_, effect)| effect.clone()).collect();
            if !own.is_empty() {
                to(shard, own, taken.filter(|_| count > 0));
            }
        }
        self.effects.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::directory::ConnId;
    use crate::chat::history::UnixMillis;
    use crate::chat::lobby::event::Happened;
    use crate::chat::person::Person;

    fn take(batch: &mut Batch, members: &[usize]) -> Vec<Effects> {
        let mut by_shard = vec![Effects::new(); members.len()];
        batch.hand_out(members, |shard, effects, _| by_shard[shard] = effects);
        by_shard
    }

    fn at(shard: usize, conn: u64) -> Address {
        Address { shard, seat: Seat { slot: 0, conn: ConnId(conn) } }
    }

    fn joined(name: &str) -> Event {
        let what = Happened::Joined(Person::example(1, name));
        Event { at: UnixMillis(0), what }
    }

    fn shown(effects: &[Effect]) -> Vec<String> {
        let show = |effect: &Effect| match effect {
            Effect::Show(Event { what: Happened::Joined(who), .. }) => {
                format!("{} joined", who.name)
            }
            Effect::AnswerOver(seat) => format!("over {}", seat.conn.0),
            Effect::Echo(seat, count) => format!("echo {} {count}", seat.conn.0),
            _ => "other".to_owned(),
        };
        effects.iter().map(show).collect()
    }

    #[test]
    fn members_are_shown_events_and_echoes_follow() {
        let mut batch = Batch::default();
        for name in ["ann", "bob", "carol"] {
            batch.event(joined(name));
            batch.echo(at(0, 7));
        }
        let effects = take(&mut batch, &[1, 0, 2]);
        assert_eq!(shown(&effects[0]), ["ann joined", "bob joined", "carol joined", "echo 7 3"]);
        assert!(effects[1].is_empty(), "no members there");
        assert_eq!(shown(&effects[2]), ["ann joined", "bob joined", "carol joined"]);
        assert!(batch.is_empty());
    }

    #[test]
    fn messages_are_told_where_members_are_shown_them_and_once() {
        let (mut batch, at_seat) = (Batch::default(), at(1, 9));
        let at = crate::clock::now();
        batch.event(joined("ann"));
        batch.message(at);
        batch.message(at + std::time::Duration::from_secs(1));
        batch.one(at_seat, Effect::AnswerOver);
        assert_eq!(batch.messages(), 2);
        let mut told = Vec::new();
        batch.hand_out(&[1, 0, 1], |shard, _, taken| told.push((shard, taken)));
        let both = Some(Taken { at, messages: 2 });
        assert_eq!(told, [(0, both), (1, None), (2, both)]);
        assert_eq!(batch.messages(), 0);
    }

    #[test]
    fn order_is_kept_around_what_is_for_one() {
        let mut batch = Batch::default();
        batch.event(joined("ann"));
        batch.one(at(1, 9), Effect::AnswerOver);
        batch.event(joined("bob"));
        let effects = take(&mut batch, &[1, 1]);
        assert_eq!(shown(&effects[0]), ["ann joined", "bob joined"]);
        assert_eq!(shown(&effects[1]), ["ann joined", "over 9", "bob joined"]);
    }
}
