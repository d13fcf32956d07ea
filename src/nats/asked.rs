//! What was asked of the engine on one connection and has no answer yet. Pure: the time is an argument.

use std::collections::{HashMap, VecDeque};
use std::time::Instant;

use bytes::Bytes;

use super::ASK_TIME;
use super::SILENCE;
use crate::cluster::engine::RequestId;

/// What is read: the log, or the table of nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    /// The log.
    Log,
    /// The table.
    Nodes,
}

/// What an answer is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Asked {
    /// A record for the log.
    Append(RequestId),
    /// A value for a key.
    Write(RequestId),
    /// A value for a key that must not be there.
    Create(RequestId, Creating),
    /// Whether such a key, of which the engine has something, is there or was ended.
    Ended(RequestId, Creating),
    /// What a key has.
    Get(RequestId),
    /// How a stream is, of which this much had come by then.
    Beat(Source, u64),
    /// A reader of a stream, the one of this number.
    Reader(Source, u64),
}

/// A key that is to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Creating {
    pub(super) key: String,
    pub(super) bytes: Bytes,
}

impl Asked {
    /// The request of the node that waits for it.
    pub(super) fn request(&self) -> Option<RequestId> {
        match self {
            Self::Append(id)
            | Self::Write(id)
            | Self::Create(id, _)
            | Self::Ended(id, _)
            | Self::Get(id) => Some(*id),
            Self::Beat(..) | Self::Reader(..) => None,
        }
    }
}

/// What waits, by the number under which it is answered.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    next: u64,
    open: HashMap<u64, Asked>,
    /// When each was asked: requests, and what is asked beside them.
    requests: VecDeque<(Instant, u64)>,
    others: VecDeque<(Instant, u64)>,
    count: usize,
}

impl Waiting {
    /// Takes one in. Answered with its number.
    pub(super) fn add(&mut self, asked: Asked, now: Instant) -> u64 {
        self.next += 1;
        let is_request = asked.request().is_some();
        self.count += usize::from(is_request);
        let queue = if is_request { &mut self.requests } else { &mut self.others };
        queue.push_back((now, self.next));
        self.open.insert(self.next, asked);
        self.next
    }

    /// Takes one out that is answered.
    pub(super) fn take(&mut self, number: u64) -> Option<Asked> {
        let asked = self.open.remove(&number)?;
        self.count -= usize::from(asked.request().is_some());
        Some(asked)
    }

    /// Takes one out for which no answer came in time.
    pub(super) fn take_late(&mut self, now: Instant) -> Option<Asked> {
        let late = |queue: &mut VecDeque<(Instant, u64)>, time, open: &HashMap<u64, Asked>| {
            while let Some((asked, number)) = queue.front().copied() {
                let is_open = open.contains_key(&number);
                if is_open && now.saturating_duration_since(asked) < time {
                    return None;
                }
                queue.pop_front();
                if is_open {
                    return Some(number);
                }
            }
            None
        };
        let number = late(&mut self.others, SILENCE, &self.open)
            .or_else(|| late(&mut self.requests, ASK_TIME, &self.open))?;
        self.take(number)
    }

    /// Takes all requests out, in the order in which they were asked: nobody answers any more.
    pub(super) fn take_all(&mut self) -> Vec<RequestId> {
        let mut left: Vec<_> = self.open.drain().collect();
        left.sort_unstable_by_key(|(number, _)| *number);
        (self.requests, self.others, self.count) = Default::default();
        left.iter().filter_map(|(_, asked)| asked.request()).collect()
    }

    /// How many requests wait.
    pub(super) fn requests(&self) -> usize {
        self.count
    }

    /// Whether a stream was asked how it is.
    pub(super) fn has_beat(&self, source: Source) -> bool {
        self.open.values().any(|asked| matches!(asked, Asked::Beat(of, _) if *of == source))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn each_is_answered_once_or_late_once() {
        let start = crate::clock::now();
        let mut waiting = Waiting::default();
        let first = waiting.add(Asked::Append(RequestId(1)), start);
        let beat = waiting.add(Asked::Beat(Source::Log, 0), start);
        let second = waiting.add(Asked::Get(RequestId(2)), start + Duration::from_secs(1));
        assert_eq!(waiting.requests(), 2);
        assert!(waiting.has_beat(Source::Log) && !waiting.has_beat(Source::Nodes));
        assert_eq!(waiting.take(first), Some(Asked::Append(RequestId(1))));
        assert_eq!(waiting.take(first), None);
        assert_eq!(waiting.take_late(start + SILENCE - Duration::from_millis(1)), None);
        assert_eq!(waiting.take_late(start + SILENCE), Some(Asked::Beat(Source::Log, 0)));
        assert_eq!(waiting.take(beat), None);
        assert_eq!(waiting.take_late(start + ASK_TIME), None);
        assert_eq!(
            waiting.take_late(start + ASK_TIME + Duration::from_secs(1)),
            Some(Asked::Get(RequestId(2)))
        );
        assert_eq!((waiting.take(second), waiting.requests()), (None, 0));
    }

    #[test]
    fn what_is_left_at_a_loss_is_told_in_order() {
        let start = crate::clock::now();
        let mut waiting = Waiting::default();
        for id in 1..=100 {
            let number = waiting.add(Asked::Write(RequestId(id)), start);
            if id % 3 == 0 {
                waiting.take(number);
            }
        }
        waiting.add(Asked::Reader(Source::Log, 1), start);
        let left: Vec<_> = (1..=100).filter(|id| id % 3 != 0).map(RequestId).collect();
        assert_eq!(waiting.take_all(), left);
        assert_eq!((waiting.requests(), waiting.take_late(start + ASK_TIME * 2)), (0, None));
    }
}
