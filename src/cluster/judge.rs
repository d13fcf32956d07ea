//! The other nodes, as one node hears them, and the judgement that one of them is dead.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::engine::{Answer, Position, Request, Revision, Subject};
use super::envelope::{Record, What};
use super::mark::Mark;
use super::nodes::About;
use super::out::{Out, Purpose};
use super::rules::{Rule, Rules};
use super::timing::{AGAIN_AFTER, Moment, RECORD_WITHIN, Timing};
use super::values::{NodeValue, Presence};
use crate::chat::history::UnixMillis;

/// So many other nodes are known, as in [`Mark`]. Over it, those that are gone make room, and a further one is not
/// heard.
const MAX_OTHERS: usize = 1_024;

/// Another node.
#[derive(Debug)]
struct Other {
    revision: Revision,
    value: NodeValue,
    /// What it says of itself, read once and not whenever somebody asks.
    about: Arc<About>,
    /// When the engine took that.
    at: UnixMillis,
    /// When its last beat was heard.
    seen: Moment,
    /// When it may be declared dead again, where that was tried.
    judge_at: Moment,
    /// When a record of its end is written, unless one has come by then.
    record_at: Moment,
}

/// What a node knows of a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// Its name.
    pub node: String,
    /// Its life.
    pub life: Revision,
    /// When it was written in the table last, by the engine's clock.
    pub at: UnixMillis,
    /// Whether it is there.
    pub up: bool,
    /// Whether it was not heard for so long that it must be cut off.
    pub silent: bool,
    /// How far it had read the log when it last said so.
    pub position: Position,
    /// The highest version of records that it reads.
    pub speaks: u8,
    /// What it says of itself.
    pub about: Arc<About>,
}

/// Who hears all nodes, and judges them.
#[derive(Debug)]
pub(crate) struct Judge {
    timing: Timing,
    rules: Rules,
    others: BTreeMap<String, Other>,
    /// The row of own beats that came back without a gap: since when, and the last.
    own: Option<(Moment, Moment)>,
}

impl Judge {
    pub(crate) fn new(timing: Timing, rules: Rules) -> Self {
        Self { timing, rules, others: BTreeMap::new(), own: None }
    }

    /// Nobody was heard while there was no connection.
    pub(crate) fn connected(&mut self, now: Moment) {
        self.own = None;
        for other in self.others.values_mut() {
            other.seen = now;
        }
    }

    /// An own beat came back.
    pub(crate) fn heard_self(&mut self, now: Moment) {
        let since = match self.own {
            Some((since, last)) if now.since(last) <= self.timing.gap() => since,
            _ => now,
        };
        self.own = Some((since, now));
    }

    /// Whether this node has heard itself without a gap for as long as it wants to judge.
    fn hears(&self, now: Moment) -> bool {
        let unbroken = self.own.is_some_and(|(since, last)| {
            now.since(last) <= self.timing.gap() && now.since(since) >= self.timing.dead
        });
        unbroken || !self.rules.hold(Rule::HearsItself)
    }

    /// The key of another node was written at some time of the engine's.
    pub(crate) fn heard(
        &mut self,
        node: &str,
        (revision, at): (Revision, UnixMillis),
        value: NodeValue,
        now: Moment,
    ) {
        let has_room = self.make_room_for(node);
        let known = self.others.get_mut(node);
        match known {
            Some(known) if known.revision > revision => {}
            // A judgement of this node.
            Some(known) if known.revision == revision => known.at = at,
            Some(known) => {
                known.record_at = now + RECORD_WITHIN;
                known.about = About::read(&value.said).into();
                (known.revision, known.value, known.seen) = (revision, value, now);
                known.at = at;
            }
            None if !has_room => {}
            None => {
                let (judge_at, record_at) = (now, now + RECORD_WITHIN);
                let about = About::read(&value.said).into();
                let other = Other { revision, value, about, at, seen: now, judge_at, record_at };
                self.others.insert(node.to_owned(), other);
            }
        }
    }

    /// One that is gone makes room for one that is not known yet: that which has been gone for longest. Answered
    /// with whether there is some.
    fn make_room_for(&mut self, node: &str) -> bool {
        if self.others.len() < MAX_OTHERS || self.others.contains_key(node) {
            return true;
        }
        let gone = self.others.iter().filter(|(_, other)| other.value.presence == Presence::Gone);
        let oldest = gone.min_by_key(|(_, other)| other.revision).map(|(node, _)| node.clone());
        oldest.and_then(|oldest| self.others.remove(&oldest)).is_some()
    }

    /// The key of another node was removed, which only an operator does.
    pub(crate) fn removed(&mut self, node: &str) {
        self.others.remove(node);
    }

    /// Declares those dead that are, and sees to it that the log says so.
    pub(crate) fn turn(&mut self, writer: Revision, mark: &Mark, now: Moment, out: &mut Out) {
        let hears = self.hears(now);
        for (node, other) in &mut self.others {
            let life = other.value.life_in(other.revision);
            match other.value.presence {
                Presence::Up => {
                    let silent = now.since(other.seen) >= self.timing.dead;
                    if silent && hears && now >= other.judge_at {
                        other.judge_at = now + AGAIN_AFTER;
                        let gone = NodeValue {
                            presence: Presence::Gone,
                            life: Some(life),
                            ..other.value.clone()
                        };
                        let request = Request::Put {
                            key: node.clone(),
                            bytes: gone.write(),
                            after: Some(other.revision),
                        };
                        out.ask(Purpose::Judge(node.clone()), request, now);
                    }
                }
                Presence::Gone if !mark.is_over(node, life) && now >= other.record_at => {
                    other.record_at = now + AGAIN_AFTER;
                    let what = What::Over { node: node.clone(), life };
                    let bytes = Record { life: writer, n: 0, what }.seal();
                    let request = Request::Append { subject: Subject::Nodes, bytes };
                    out.ask(Purpose::Record, request, now);
                }
                Presence::Gone => {}
            }
        }
    }

    /// A judgement was answered: whoever was first writes the record, and at once.
    pub(crate) fn answered(&mut self, node: &str, answer: &Answer, now: Moment) {
        if let (Some(other), Answer::Written(revision)) = (self.others.get_mut(node), answer) {
            // The table may have told it already; it must not have told more.
            if other.revision <= *revision {
                let life = other.value.life_in(other.revision);
                other.value.life = Some(life);
                other.value.presence = Presence::Gone;
                (other.revision, other.record_at) = (*revision, now);
            }
        }
    }

    /// What is known of the other nodes.
    pub(crate) fn known(&self, now: Moment) -> impl Iterator<Item = Known> {
        self.others.iter().map(move |(node, other)| Known {
            node: node.clone(),
            life: other.value.life_in(other.revision),
            at: other.at,
            up: other.value.presence == Presence::Up,
            silent: now.since(other.seen) >= self.timing.cut_off,
            position: other.value.position,
            speaks: other.value.speaks,
            about: other.about.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::super::engine::Wish;
    use super::*;

    fn value() -> NodeValue {
        NodeValue {
            presence: Presence::Up,
            life: Some(Revision(4)),
            place: 1,
            speaks: 1,
            position: Position(0),
            said: Bytes::new(),
        }
    }

    fn judge() -> Judge {
        Judge::new(Timing::of(1), Rules::ALL)
    }

    /// A writing of this number.
    fn written(number: u64) -> (Revision, UnixMillis) {
        (Revision(number), UnixMillis(1_000 + number))
    }

    /// What is asked at an instant.
    fn asks(judge: &mut Judge, mark: &Mark, now: u64) -> usize {
        let mut out = Out::default();
        judge.turn(Revision(1), mark, Moment(now), &mut out);
        out.wishes.iter().filter(|wish| matches!(wish, Wish::Ask(..))).count()
    }

    #[test]
    fn a_node_that_is_not_heard_is_declared_dead_by_one_that_hears_itself() {
        let mark = Mark::default();
        for (own_until, other_until, dead) in [
            (6_000, 1_000, true),
            (6_000, 1_001, false),
            (3_000, 1_000, false),
            (6_000, 6_000, false),
        ] {
            let mut judge = judge();
            for now in (0..=6_000).step_by(1_000) {
                if now <= own_until {
                    judge.heard_self(Moment(now));
                }
            }
            judge.heard("b", written(9), value(), Moment(other_until));
            let asked = asks(&mut judge, &mark, 6_000);
            assert_eq!(asked == 1, dead, "{own_until} {other_until}");
            assert_eq!(asks(&mut judge, &mark, 6_000), 0, "not twice at once");
        }
    }

    #[test]
    fn a_node_that_was_deaf_hears_itself_for_a_whole_lease_before_it_judges() {
        let mut judge = judge();
        judge.heard("b", written(9), value(), Moment(0));
        for now in (0..=5_000).step_by(500).chain((14_000..=18_999).step_by(500)) {
            judge.heard_self(Moment(now));
        }
        assert_eq!(asks(&mut judge, &Mark::default(), 18_999), 0);
        judge.heard_self(Moment(19_000));
        assert_eq!(asks(&mut judge, &Mark::default(), 19_000), 1);
        // And all are to be heard anew after each connection.
        judge.connected(Moment(19_600));
        assert_eq!(asks(&mut judge, &Mark::default(), 19_600), 0);
    }

    #[test]
    fn of_too_many_nodes_those_that_are_gone_are_forgotten() {
        let mut judge = judge();
        let gone = NodeValue { presence: Presence::Gone, ..value() };
        for node in 0..MAX_OTHERS as u64 {
            let value = if node < 2 { gone.clone() } else { value() };
            judge.heard(&format!("n{node}"), written(10 - node.min(5)), value, Moment(0));
        }
        for node in ["a", "b", "c"] {
            judge.heard(node, written(9_000), value(), Moment(0));
        }
        let names: Vec<String> = judge.known(Moment(0)).map(|known| known.node).collect();
        assert_eq!(names.len(), MAX_OTHERS);
        for (node, is_known) in
            [("n0", false), ("n1", false), ("n2", true), ("a", true), ("b", true), ("c", false)]
        {
            assert_eq!(names.iter().any(|name| name == node), is_known, "{node}");
        }
    }

    #[test]
    fn an_end_without_a_record_is_recorded_by_whoever_sees_it() {
        let mut mark = Mark::default();
        let mut judge = judge();
        let gone = NodeValue { presence: Presence::Gone, ..value() };
        judge.heard("b", written(9), gone, Moment(0));
        for (now, asked) in [(RECORD_WITHIN - 1, 0), (RECORD_WITHIN, 1), (RECORD_WITHIN + 1, 0)] {
            assert_eq!(asks(&mut judge, &mark, now), asked);
        }
        let record = Record {
            life: Revision(1),
            n: 0,
            what: What::Over { node: "b".into(), life: Revision(4) },
        };
        let (step, _) = mark.judge(&record, Rules::ALL);
        mark.step_by(Position(1), UnixMillis(1), &step, Rules::ALL);
        assert_eq!(asks(&mut judge, &mark, 60_000), 0);
    }

    #[test]
    fn who_declared_a_node_dead_writes_the_record_at_once() {
        let mut judge = judge();
        judge.heard("b", written(9), value(), Moment(0));
        judge.answered("b", &Answer::Behind, Moment(10));
        assert_eq!(asks(&mut judge, &Mark::default(), 10), 0);
        judge.answered("b", &Answer::Written(Revision(10)), Moment(10));
        assert_eq!(asks(&mut judge, &Mark::default(), 10), 1);
        // Since when, the table tells.
        let gone = NodeValue { presence: Presence::Gone, ..value() };
        judge.heard("b", written(10), gone, Moment(11));
        let known: Vec<_> = judge.known(Moment(11)).map(|known| (known.up, known.at.0)).collect();
        assert_eq!(known, [(false, 1_010)]);
    }
}
