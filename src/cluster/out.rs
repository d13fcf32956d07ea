//! What leaves the machine: wishes for the engine, what the application is told, and what is still asked.

use std::collections::BTreeMap;

use super::engine::{Request, RequestId, Wish};
use super::timing::{ANSWER_WITHIN, Moment};
use super::told::Told;

/// What a request was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// The key of the own node, with the number of what was asked about it.
    OwnKey(u64),
    /// To declare that node dead.
    Judge(String),
    /// A record of a life, which comes back or is written again.
    Record,
    /// A line, in that round of sending.
    Line(u64),
}

/// Wishes, what is told, and the requests without an answer.
#[derive(Debug, Default)]
pub(crate) struct Out {
    /// For the engine.
    pub(crate) wishes: Vec<Wish>,
    /// For the application.
    pub(crate) told: Vec<Told>,
    /// In the order of asking, so of their deadlines too.
    asked: BTreeMap<RequestId, (Purpose, Moment)>,
    last: u64,
}

impl Out {
    /// Asks the engine.
    pub(crate) fn ask(&mut self, purpose: Purpose, request: Request, now: Moment) {
        self.last += 1;
        let id = RequestId(self.last);
        self.asked.insert(id, (purpose, now + ANSWER_WITHIN));
        self.wishes.push(Wish::Ask(id, request));
    }

    /// Tells the application.
    pub(crate) fn tell(&mut self, told: Told) {
        self.told.push(told);
    }

    /// What an answer is for; none where nobody waits for it any more.
    pub(crate) fn answered(&mut self, id: RequestId) -> Option<Purpose> {
        Some(self.asked.remove(&id)?.0)
    }

    /// A request that was not answered in time, and is forgotten by this.
    pub(crate) fn overdue(&mut self, now: Moment) -> Option<Purpose> {
        let first = self.asked.first_entry().filter(|first| first.get().1 <= now)?;
        Some(first.remove().0)
    }

    /// Nothing that was asked is answered any more.
    pub(crate) fn forget_asked(&mut self) {
        self.asked.clear();
    }
}
