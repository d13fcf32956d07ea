//! The engine: an ordered log, and a table with revisions, written by comparing and setting. What it has acknowledged it
//! never loses, whenever it is stopped.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::super::engine::{
    Answer, Delivered, LogState, Position, Request, Revision, Subject, Written,
};
use crate::chat::history::UnixMillis;

/// What a request has changed, to be told to those who read or watch.
pub(super) enum Changed {
    Nothing,
    Log(Delivered),
    Table(Written),
}

/// The engine.
#[derive(Default)]
pub(super) struct Engine {
    pub(super) up: bool,
    /// Nothing is written.
    pub(super) full: bool,
    /// It stands still until then, and carries out after that what came meanwhile.
    pub(super) still_until: u64,
    /// When it took nothing last, while it was there: from when, until when.
    pub(super) trouble: (u64, u64),
    pub(super) created_at: u64,
    /// By how much its clock differs.
    pub(super) clock: i64,
    pub(super) log: Vec<Delivered>,
    /// When each record was taken, in the time of the simulation.
    pub(super) taken_at: Vec<u64>,
    pub(super) nodes: BTreeMap<String, (Revision, Bytes)>,
    pub(super) revision: u64,
}

impl Engine {
    pub(super) fn state(&self) -> LogState {
        LogState {
            created_at: UnixMillis(self.created_at),
            first: Position(1),
            last: Position(self.log.len() as u64),
            founded: false,
        }
    }

    /// Bytes at the end of the log.
    pub(super) fn append(&mut self, subject: Option<Subject>, bytes: Bytes, now: u64) -> Delivered {
        let position = Position(self.log.len() as u64 + 1);
        let at = UnixMillis((1_000_000_000 + now).saturating_add_signed(self.clock));
        let delivered = Delivered { position, at, subject, bytes };
        self.log.push(delivered.clone());
        self.taken_at.push(now);
        delivered
    }

    /// The last records are gone, as after a power cut.
    pub(super) fn lose_tail(&mut self, records: usize) {
        self.log.truncate(self.log.len().saturating_sub(records));
        self.taken_at.truncate(self.log.len());
    }

    /// Another log is in its place.
    pub(super) fn lose_all(&mut self, now: u64) {
        self.log.clear();
        self.taken_at.clear();
        self.created_at = 1_000_000_000 + now;
    }

    /// Carries a request out.
    pub(super) fn carry_out(&mut self, request: Request, now: u64) -> (Answer, Changed) {
        match request {
            Request::Get { key } => {
                (Answer::Value(self.nodes.get(&key).cloned()), Changed::Nothing)
            }
            _ if self.full => (Answer::Refused, Changed::Nothing),
            Request::Append { subject, bytes } => {
                let delivered = self.append(Some(subject), bytes, now);
                (Answer::Appended(delivered.position), Changed::Log(delivered))
            }
            Request::Put { key, bytes, after } => {
                if self.nodes.get(&key).map(|(revision, _)| *revision) != after {
                    return (Answer::Behind, Changed::Nothing);
                }
                self.revision += 1;
                let revision = Revision(self.revision);
                self.nodes.insert(key.clone(), (revision, bytes.clone()));
                let written = Written { key, revision, at: UnixMillis(now), bytes: Some(bytes) };
                (Answer::Written(revision), Changed::Table(written))
            }
        }
    }
}
