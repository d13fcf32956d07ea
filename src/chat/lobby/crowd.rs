//! Who comes and who goes in a large lobby: what of it falls into one second is told as one notice.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use super::Room;
use super::event::{Event, Happened};
use super::step::Effect;
use crate::chat::accounts::Identity;
use crate::chat::directory::ConnId;
use crate::chat::history::UnixMillis;
use crate::chat::name::NameKey;
use crate::chat::person::Person;

/// With more members than this, a notice of each would be all that there is to read.
const LARGE: usize = 100;

/// For how long notices are summed up.
pub const SUM_TIME: Duration = Duration::from_secs(1);

/// How those are told of who go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Notice {
    /// One notice of each, but in a large lobby.
    OfEach,
    /// One of all who go in a second, however few there are.
    Summed,
}

/// Who came and who went and has not been told of.
#[derive(Debug, Default)]
pub(super) struct Crowd {
    /// In the order of connections, so that each of many is found at once.
    joined: BTreeMap<ConnId, Person>,
    left: Vec<Person>,
    left_names: HashSet<NameKey>,
    /// A second is running.
    running: bool,
}

impl Crowd {
    /// Somebody goes on under another connection.
    pub(super) fn reseated(&mut self, from: ConnId, to: &Identity) {
        if self.joined.remove(&from).is_some() {
            self.joined.insert(to.conn, to.into());
        }
    }

    /// A second begins, unless one is running.
    fn begin<H>(&mut self, effects: &mut Vec<Effect<H>>) {
        if !self.running {
            self.running = true;
            effects.push(Effect::SumUp);
        }
    }
}

impl<H> Room<H> {
    /// Whether a second is running, at the end of which [`Input::SumUp`](super::step::Input::SumUp) is
    /// to be put to the lobby.
    pub fn is_summing(&self) -> bool {
        self.crowd.running
    }

    /// Tells that somebody has come in: in a large lobby to them alone, to the others in a sum.
    pub(super) fn tell_joined(
        &mut self,
        at: H,
        who: &Identity,
        now: UnixMillis,
        effects: &mut Vec<Effect<H>>,
    ) {
        // Bots come and go without a word.
        if who.bot_of.is_some() {
            return;
        }
        let (conn, who) = (who.conn, Person::from(who));
        let joined = Event { at: now, what: Happened::Joined(who.clone()) };
        if self.len() <= LARGE {
            self.tell_sum(now, effects);
            return effects.push(Effect::Show(joined));
        }
        // Whoever comes back has gone before.
        if self.crowd.left_names.contains(&who.name.key()) {
            self.tell_sum(now, effects);
        }
        effects.push(Effect::ShowTo(at, joined));
        self.crowd.begin(effects);
        self.crowd.joined.insert(conn, who);
    }

    /// Tells that somebody has gone, who is a member no more.
    pub(super) fn tell_left(
        &mut self,
        who: &Identity,
        notice: Notice,
        now: UnixMillis,
        effects: &mut Vec<Effect<H>>,
    ) {
        if who.bot_of.is_some() {
            return;
        }
        let who = Person::from(who);
        if self.len() < LARGE && notice == Notice::OfEach {
            self.tell_sum(now, effects);
            return effects.push(Effect::Show(Event { at: now, what: Happened::Left(who) }));
        }
        self.crowd.begin(effects);
        self.crowd.left_names.insert(who.name.key());
        self.crowd.left.push(who);
    }

    /// The second is over.
    pub(super) fn sum_up(&mut self, now: UnixMillis, effects: &mut Vec<Effect<H>>) {
        self.crowd.running = false;
        self.tell_sum(now, effects);
    }

    /// Tells who has come, where this one is among them: they are about to do what all see.
    pub(super) fn introduce(
        &mut self,
        conn: ConnId,
        now: UnixMillis,
        effects: &mut Vec<Effect<H>>,
    ) {
        if self.crowd.joined.contains_key(&conn) {
            self.tell_sum(now, effects);
        }
    }

    /// Tells who has come and who has gone, before the second is over where something follows that is
    /// read otherwise without it.
    pub(super) fn tell_sum(&mut self, now: UnixMillis, effects: &mut Vec<Effect<H>>) {
        let Crowd { joined, left, left_names, .. } = &mut self.crowd;
        left_names.clear();
        let joined: Arc<[Person]> = std::mem::take(joined).into_values().collect();
        let left: Arc<[Person]> = std::mem::take(left).into();
        let sums =
            [(joined.len(), Happened::ManyJoined(joined)), (left.len(), Happened::ManyLeft(left))];
        for (count, what) in sums {
            effects.extend((count > 0).then_some(Effect::Show(Event { at: now, what })));
        }
    }
}

#[cfg(test)]
#[path = "crowd_tests.rs"]
mod tests;
