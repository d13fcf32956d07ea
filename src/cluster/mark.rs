//! How far a node has read the log, and what it has to know of the records before: which life of each node
//! is the last one, whether it is over, and the last number of each.

use std::sync::Arc;

use bytes::{BufMut, Bytes};

use super::engine::{Position, Revision};
use super::envelope::{Record, What, node_name, number};
use super::rules::{Rule, Rules};
use super::told::Passed;
use crate::chat::history::UnixMillis;

/// The form of a stored mark, its first byte.
const FORM: u8 = 1;

/// So many names of nodes are known. Over it, the oldest life that is over is forgotten: it could come back
/// only by a request that an engine carries out after a thousand other nodes have come.
const KNOWN_NODES: usize = 1_024;

/// The last life of a node.
#[derive(Debug, Clone, PartialEq, Eq)]
struct LastLife {
    node: Arc<str>,
    life: Revision,
    n: u64,
    over: bool,
}

/// What a record means for the lives of nodes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Nothing.
    None,
    /// A life said its next line, or its next lines.
    Said {
        /// Which.
        life: Revision,
        /// The number of the last of them.
        n: u64,
    },
    /// A life begins, and the one before it of its node is over.
    Began {
        /// Whose.
        node: Arc<str>,
        /// Which.
        life: Revision,
        /// The one before, where it was not over yet.
        ended: Option<Revision>,
    },
    /// A life is over.
    Over {
        /// Whose.
        node: Arc<str>,
        /// Which.
        life: Revision,
        /// The one before, where that was not over yet: this one was declared dead before the log said that it
        /// had begun.
        earlier: Option<Revision>,
        /// Whether its node says so itself, which has ended; it was given up as lost where others do.
        by_itself: bool,
    },
}

impl Step {
    /// The lives that are over from here on: their people are there no more.
    pub fn ended(&self) -> impl Iterator<Item = Revision> {
        let (first, second) = match self {
            Self::None | Self::Said { .. } => (None, None),
            Self::Began { ended, .. } => (*ended, None),
            Self::Over { life, earlier, .. } => (*earlier, Some(*life)),
        };
        first.into_iter().chain(second)
    }
}

/// How far a node has read the log. It is stored with what happened up to there, in one transaction.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mark {
    /// When the log was made; none where none was read yet.
    pub log: Option<UnixMillis>,
    /// The last record.
    pub position: Position,
    /// Its time.
    pub at: UnixMillis,
    /// A check of it, to know it again.
    pub check: u32,
    lives: Vec<LastLife>,
}

impl Mark {
    /// At the beginning of a log that was made then.
    pub fn at_beginning(created_at: UnixMillis) -> Self {
        Self { log: Some(created_at), ..Self::default() }
    }

    /// Whether this life of this node is known to be over. One that is not known yet is not.
    pub fn is_over(&self, node: &str, life: Revision) -> bool {
        let exact = self.lives.iter().find(|l| l.life == life && *l.node == *node);
        match exact {
            Some(known) => known.over,
            None => self.lives.iter().any(|l| *l.node == *node && l.life > life),
        }
    }

    /// Whether a life has begun and is not over.
    pub fn is_current(&self, life: Revision) -> bool {
        self.lives.iter().any(|l| l.life == life && !l.over)
    }

    /// The lives that have begun and are not over, with their nodes.
    pub fn current(&self) -> impl Iterator<Item = (&Arc<str>, Revision)> {
        self.lives.iter().filter(|l| !l.over).map(|l| (&l.node, l.life))
    }

    /// The last number of a life that has begun and is not over.
    fn last_of(&self, life: Revision) -> Option<u64> {
        self.lives.iter().find(|l| l.life == life && !l.over).map(|l| l.n)
    }

    /// What a record means here, and whether what it says is to happen.
    pub(super) fn judge(&self, record: &Record, rules: Rules) -> (Step, bool) {
        let Record { life, n, .. } = *record;
        match &record.what {
            What::Said(_) => self.judge_lines(life, n, 1, rules),
            What::Several(lines) => self.judge_lines(life, n, lines.len() as u64, rules),
            What::Began(node) => {
                let last = self.lives.iter().filter(|l| *l.node == **node).max_by_key(|l| l.life);
                if last.is_some_and(|last| last.life >= life) {
                    return (Step::None, false);
                }
                let ended = last.filter(|last| !last.over && rules.hold(Rule::EndsEarlier));
                let ended = ended.map(|last| last.life);
                (Step::Began { node: node.as_str().into(), life, ended }, false)
            }
            What::Over { node, life } => {
                let known = self.lives.iter().any(|l| *l.node == **node && l.life > *life);
                if known || self.is_over(node, *life) {
                    return (Step::None, false);
                }
                let current = self.lives.iter().find(|l| *l.node == **node && !l.over);
                let earlier = current.map(|l| l.life).filter(|other| other != life);
                let by_itself = record.life == *life;
                (Step::Over { node: node.as_str().into(), life: *life, earlier, by_itself }, false)
            }
        }
    }

    /// The next lines of a life happen, and no others.
    fn judge_lines(&self, life: Revision, first: u64, count: u64, rules: Rules) -> (Step, bool) {
        let (last, n) = (self.last_of(life), first.checked_add(count - 1));
        match (last.and_then(|last| last.checked_add(1)), n) {
            (Some(next), Some(n)) if first == next || !rules.hold(Rule::Numbers) => {
                (Step::Said { life, n }, true)
            }
            _ => (Step::None, false),
        }
    }

    /// Takes a record that was told, so that a copy of the mark can go with what is stored.
    pub fn follow(&mut self, passed: &Passed) {
        self.check = passed.check;
        self.step_by(passed.position, passed.at, &passed.step, Rules::ALL);
    }

    /// Takes what a record means, in a test without one of the rules.
    pub(super) fn step_by(
        &mut self,
        position: Position,
        at: UnixMillis,
        step: &Step,
        rules: Rules,
    ) {
        self.position = position;
        self.at = self.at.max(at);
        match step {
            Step::None => {}
            Step::Said { life, n } => {
                if let Some(known) = self.lives.iter_mut().find(|l| l.life == *life) {
                    known.n = *n;
                }
            }
            Step::Began { node, life, .. } => {
                if rules.hold(Rule::EndsEarlier) {
                    self.lives.retain(|l| l.node != *node);
                }
                self.know(LastLife { node: node.clone(), life: *life, n: 0, over: false });
            }
            Step::Over { node, life, .. } => {
                match self.lives.iter_mut().find(|l| l.life == *life && l.node == *node) {
                    Some(known) => known.over = true,
                    None => {
                        self.lives.retain(|l| l.node != *node);
                        self.know(LastLife { node: node.clone(), life: *life, n: 0, over: true });
                    }
                }
            }
        }
    }

    fn know(&mut self, life: LastLife) {
        if self.lives.len() >= KNOWN_NODES {
            let over = self.lives.iter().enumerate().filter(|(_, l)| l.over);
            if let Some((oldest, _)) = over.min_by_key(|(_, l)| l.life) {
                self.lives.remove(oldest);
            }
        }
        self.lives.push(life);
    }

    /// As it is stored.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = vec![FORM];
        // No log was made in 1970.
        bytes.put_u64(self.log.map_or(0, |at| at.0));
        bytes.put_u64(self.position.0);
        bytes.put_u64(self.at.0);
        bytes.put_u32(self.check);
        for LastLife { node, life, n, over } in &self.lives {
            bytes.put_u64(life.0);
            bytes.put_u64(*n);
            bytes.push(u8::from(*over));
            bytes.push(u8::try_from(node.len()).unwrap_or(0));
            bytes.put_slice(node.as_bytes());
        }
        bytes
    }

    /// As it was stored; none where these bytes are no mark.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let log = (*bytes.first()? == FORM).then(|| number(bytes, 1))??;
        let mut mark = Self {
            log: (log != 0).then_some(UnixMillis(log)),
            position: Position(number(bytes, 9)?),
            at: UnixMillis(number(bytes, 17)?),
            check: u32::from_be_bytes(bytes.get(25..29)?.try_into().ok()?),
            lives: Vec::new(),
        };
        let mut rest = bytes.get(29..)?;
        while !rest.is_empty() {
            let end = 18 + usize::from(*rest.get(17)?);
            mark.lives.push(LastLife {
                life: Revision(number(rest, 0)?),
                n: number(rest, 8)?,
                over: *rest.get(16)? == 1,
                node: node_name(Bytes::copy_from_slice(rest.get(18..end)?))?.into(),
            });
            rest = rest.get(end..)?;
        }
        Some(mark)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn said(life: u64, n: u64) -> Record {
        Record { life: Revision(life), n, what: What::Said(Bytes::new()) }
    }

    fn several(life: u64, n: u64, count: usize) -> Record {
        Record { life: Revision(life), n, what: What::Several(vec![Bytes::new(); count]) }
    }

    fn began(node: &str, life: u64) -> Record {
        Record { life: Revision(life), n: 0, what: What::Began(node.into()) }
    }

    fn over(node: &str, life: u64) -> Record {
        let what = What::Over { node: node.into(), life: Revision(life) };
        Record { life: Revision(999), n: 0, what }
    }

    /// Whether what each record says happens.
    fn happens(records: &[Record]) -> Vec<bool> {
        let mut mark = Mark::default();
        let read = |record: &Record| {
            let (step, happens) = mark.judge(record, Rules::ALL);
            mark.step_by(mark.position.next(), UnixMillis(1), &step, Rules::ALL);
            happens
        };
        records.iter().map(read).collect()
    }

    #[test]
    fn several_lines_happen_together_where_they_are_the_next() {
        let records = [
            began("a", 5),
            several(5, 1, 3),
            several(5, 1, 3),
            several(5, 2, 4),
            several(5, 5, 2),
            said(5, 4),
            several(5, 5, 2),
            said(5, 7),
            several(5, u64::MAX, 2),
        ];
        let wanted = [false, true, false, false, false, true, true, true, false];
        assert_eq!(happens(&records), wanted);
    }

    #[test]
    fn of_each_life_only_the_next_number_happens() {
        let records = [
            began("a", 5),
            began("b", 6),
            said(5, 1),
            said(5, 1),
            said(5, 3),
            said(6, 1),
            said(5, 2),
            said(5, 3),
            said(6, 3),
        ];
        assert_eq!(happens(&records), [false, false, true, false, false, true, true, true, false]);
    }

    #[test]
    fn nothing_happens_before_a_life_begins_or_after_it_is_over() {
        for end in [over("a", 5), began("a", 8)] {
            let records = [said(5, 1), began("a", 5), said(5, 1), end, said(5, 2)];
            assert_eq!(happens(&records), [false, false, true, false, false]);
        }
    }

    #[test]
    fn a_life_that_is_over_does_not_begin_again() {
        for records in [
            [began("a", 5), over("a", 5), began("a", 5), said(5, 1)],
            [began("a", 9), over("a", 5), began("a", 5), said(5, 1)],
            [over("a", 5), over("a", 5), began("a", 5), said(5, 1)],
        ] {
            assert!(!happens(&records)[3], "{records:?}");
        }
        // And what came late about an earlier life does not end a later one.
        assert!(happens(&[began("a", 9), over("a", 5), said(9, 1)])[2]);
    }

    #[test]
    fn a_life_that_is_over_before_it_began_ends_the_one_before_it_too() {
        let mut mark = Mark::default();
        let mut ended = |record: &Record| {
            let (step, _) = mark.judge(record, Rules::ALL);
            mark.step_by(mark.position.next(), UnixMillis(1), &step, Rules::ALL);
            step.ended().map(|life| life.0).collect::<Vec<_>>()
        };
        assert_eq!(ended(&began("b", 4)), [0; 0]);
        assert_eq!(ended(&began("a", 5)), [0; 0]);
        assert_eq!(ended(&over("a", 7)), [5, 7]);
        assert_eq!(ended(&over("a", 7)), [0; 0]);
        assert_eq!(ended(&began("a", 9)), [0; 0]);
        assert_eq!(ended(&began("a", 10)), [9]);
        assert_eq!(ended(&over("a", 10)), [10]);
    }

    #[test]
    fn what_is_over_is_known_of_those_that_were_heard_of() {
        let mut mark = Mark::default();
        for record in [began("a", 5), over("b", 6)] {
            let (step, _) = mark.judge(&record, Rules::ALL);
            mark.step_by(mark.position.next(), UnixMillis(1), &step, Rules::ALL);
        }
        for (node, life, is_over) in [
            ("a", 4, true),
            ("a", 5, false),
            ("a", 6, false),
            ("b", 6, true),
            ("b", 7, false),
            ("c", 1, false),
        ] {
            assert_eq!(mark.is_over(node, Revision(life)), is_over, "{node} {life}");
        }
    }

    #[test]
    fn nodes_that_are_long_over_are_forgotten() {
        let mut mark = Mark::default();
        for life in 1..=3_000 {
            let node = format!("n{life}");
            for record in [began(&node, life), over(&node, life)] {
                let (step, _) = mark.judge(&record, Rules::ALL);
                mark.step_by(mark.position.next(), UnixMillis(1), &step, Rules::ALL);
            }
        }
        assert_eq!(mark.lives.len(), KNOWN_NODES);
        assert!(mark.is_over("n3000", Revision(3_000)));
    }

    /// Records of two nodes with two lives each.
    fn any_record() -> impl Strategy<Value = Record> {
        let node = |life: u64| if life.is_multiple_of(2) { "a" } else { "b" };
        prop_oneof![
            4 => (1..5u64, 1..6u64).prop_map(|(life, n)| said(life, n)),
            4 => (1..5u64, 1..6u64, 1..4usize).prop_map(|(life, n, count)| several(life, n, count)),
            1 => (1..5u64).prop_map(move |life| began(node(life), life)),
            1 => (1..5u64).prop_map(move |life| over(node(life), life)),
        ]
    }

    proptest! {
        #[test]
        fn a_mark_is_read_as_it_was_written(records in prop::collection::vec(any_record(), 0..60), cut in 0..60usize) {
            let mut mark = Mark { log: Some(UnixMillis(3)), ..Mark::default() };
            let mut copy = mark.clone();
            for (i, record) in records.iter().enumerate() {
                if i == cut {
                    copy = Mark::from_bytes(&copy.to_bytes()).unwrap();
                }
                let (step, happens) = mark.judge(record, Rules::ALL);
                prop_assert_eq!((step.clone(), happens), copy.judge(record, Rules::ALL));
                mark.step_by(mark.position.next(), UnixMillis(1), &step, Rules::ALL);
                copy.step_by(copy.position.next(), UnixMillis(1), &step, Rules::ALL);
            }
            prop_assert_eq!(Mark::from_bytes(&mark.to_bytes()), Some(mark));
        }

        #[test]
        fn numbers_of_a_life_have_no_gap(records in prop::collection::vec(any_record(), 0..200)) {
            let mut taken = std::collections::HashMap::<Revision, u64>::new();
            for (record, happens) in records.iter().zip(happens(&records)) {
                let count = match &record.what {
                    What::Said(_) => 1,
                    What::Several(lines) => lines.len() as u64,
                    What::Began(_) | What::Over { .. } => 0,
                };
                if happens && count > 0 {
                    let last = taken.entry(record.life).or_default();
                    prop_assert_eq!(record.n, *last + 1);
                    *last = record.n + count - 1;
                }
            }
        }

        #[test]
        fn any_bytes_are_a_mark_or_none(mut bytes in prop::collection::vec(any::<u8>(), 0..120)) {
            let _ = Mark::from_bytes(&bytes);
            if let Some(first) = bytes.first_mut() {
                *first = FORM;
            }
            let _ = Mark::from_bytes(&bytes);
        }
    }
}
