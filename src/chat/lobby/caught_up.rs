//! Up to where somebody has seen what was said in a lobby: what came after that they may ask to be summed up.

use std::collections::{HashMap, VecDeque};

use super::Room;
use crate::chat::directory::ConnId;
use crate::chat::history::UnixMillis;
use crate::chat::kept::Since;
use crate::chat::person::Person;

/// How many of those who left are remembered, so that whoever comes back goes on from there: about as many as
/// come and go in two days in a busy lobby. Of an account the store knows more.
const MAX_LEFT: usize = 256;

/// Since when members, and those who left, have not been part of what was said.
#[derive(Debug, Default)]
pub(super) struct CaughtUp {
    here: HashMap<ConnId, Since>,
    /// The one who left last is the last.
    left: VecDeque<(Person, Since)>,
}

impl CaughtUp {
    /// Somebody comes in: from where they left on, where that is known here or by `known`, else from now on.
    pub(super) fn came(&mut self, who: &Person, known: Option<Since>, now: Since) {
        let Some(conn) = who.conn else { return };
        let left = self.left.iter().rposition(|(left, _)| left.knows(who));
        let left = left.and_then(|place| self.left.remove(place)).map(|(_, since)| since);
        self.here.insert(conn, left.or(known).unwrap_or(now));
    }

    /// Somebody speaks, asks Rox or has been told what they missed.
    pub(super) fn spoke(&mut self, conn: ConnId, now: Since) {
        if let Some(since) = self.here.get_mut(&conn) {
            *since = now;
        }
    }

    /// A question of theirs is answered by the message with this number, while they are here: nothing else that was
    /// said since they asked is between, where they go on from there.
    pub(super) fn answered(&mut self, conn: ConnId, seq: u64, now: Since) {
        if let Some(since) = self.here.get_mut(&conn)
            && since.seq == Some(seq)
        {
            *since = now;
        }
    }

    /// Somebody goes.
    pub(super) fn left(&mut self, who: Person, now: Since) {
        let Some(conn) = who.conn else { return };
        if self.here.remove(&conn).is_none() {
            return;
        }
        self.left.retain(|(left, _)| !left.knows(&who));
        self.left.push_back((who, now));
        if self.left.len() > MAX_LEFT {
            self.left.pop_front();
        }
    }

    /// Somebody is kept out: what is said from here on is not for them, also where they come back one day.
    pub(super) fn kept_out(&mut self, who: &Person) {
        if let Some(conn) = who.conn {
            self.here.remove(&conn);
        }
        self.left.retain(|(left, _)| !left.knows(who));
    }

    /// Somebody goes on under another connection.
    pub(super) fn reseated(&mut self, from: ConnId, to: ConnId) {
        if let Some(since) = self.here.remove(&from) {
            self.here.insert(to, since);
        }
    }
}

impl<H> Room<H> {
    /// From the next message on, and from now.
    pub(super) fn now_on(&self, at: UnixMillis) -> Since {
        Since { at, seq: Some(self.next_seq()) }
    }

    /// Since when a member has not been part of what was said: since they left, spoke, asked Rox or were told
    /// last, or since they came.
    pub fn missed_since(&self, conn: ConnId) -> Option<Since> {
        self.caught_up.here.get(&conn).copied()
    }

    /// A member has been told what was said before this.
    pub fn caught_up(&mut self, conn: ConnId, up_to: Since) {
        self.caught_up.spoke(conn, up_to);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seq: u64) -> Since {
        Since { at: UnixMillis(seq), seq: Some(seq) }
    }

    fn of(state: &CaughtUp, conn: u64) -> Option<u64> {
        state.here.get(&ConnId(conn)).and_then(|since| since.seq)
    }

    #[test]
    fn it_goes_on_from_what_somebody_was_part_of_last() {
        let mut state = CaughtUp::default();
        let ann = |conn| Person::example(conn, "ann");
        state.came(&ann(1), None, at(5));
        assert_eq!(of(&state, 1), Some(5), "since they came, who was never here");
        state.spoke(ConnId(1), at(7));
        state.left(ann(1), at(9));
        assert_eq!(of(&state, 1), None);
        state.came(&ann(2), None, at(20));
        assert_eq!(of(&state, 2), Some(9), "the same guest by name and address");
        state.reseated(ConnId(2), ConnId(3));
        assert_eq!((of(&state, 2), of(&state, 3)), (None, Some(9)));
        state.left(ann(3), at(25));
        let stranger = Person { ip: None, conn: Some(ConnId(4)), ..ann(4) };
        state.came(&stranger, None, at(30));
        assert_eq!(of(&state, 4), Some(30), "somebody else took the name");
        state.came(&Person::example(5, "bob"), Some(at(2)), at(30));
        assert_eq!(of(&state, 5), Some(2), "the store knows when they left");
    }

    #[test]
    fn the_answer_to_ones_own_question_is_nothing_missed_but_what_was_said_meanwhile_is() {
        let mut state = CaughtUp::default();
        state.came(&Person::example(1, "ann"), None, at(5));
        state.spoke(ConnId(1), at(7));
        state.answered(ConnId(1), 7, at(8));
        assert_eq!(of(&state, 1), Some(8));
        state.answered(ConnId(1), 9, at(10));
        assert_eq!(of(&state, 1), Some(8), "another message is between");
        state.answered(ConnId(2), 8, at(10));
        assert_eq!(of(&state, 2), None, "they are not here");
    }

    #[test]
    fn whoever_is_kept_out_goes_on_from_when_they_come_back() {
        let mut state = CaughtUp::default();
        let ann = Person::example(1, "ann");
        state.came(&ann, None, at(5));
        state.kept_out(&ann);
        state.left(ann.clone(), at(6));
        state.came(&ann, None, at(40));
        assert_eq!(of(&state, 1), Some(40));
    }

    #[test]
    fn those_who_left_are_bounded() {
        let mut state = CaughtUp::default();
        for conn in 1..=MAX_LEFT as u64 + 9 {
            let who = Person::example(conn, &format!("user{conn}"));
            state.came(&who, None, at(conn));
            state.left(who, at(conn));
        }
        assert_eq!((state.left.len(), state.here.len()), (MAX_LEFT, 0));
    }
}
