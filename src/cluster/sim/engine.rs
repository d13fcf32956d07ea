//! The engine: an ordered log, two tables with revisions, comparing and setting. What it has acknowledged it
//! never loses, whenever it is stopped.

use std::collections::{BTreeMap, HashMap};

use bytes::Bytes;

use super::super::engine::{
    Answer, Delivered, LogState, Position, Request, Revision, Subject, Table, Written,
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
    pub(super) last_of: HashMap<Subject, Position>,
    pub(super) names: BTreeMap<String, (Revision, Bytes)>,
    pub(super) nodes: BTreeMap<String, (Revision, Bytes)>,
    pub(super) revisions: [u64; 2],
}

impl Engine {
    pub(super) fn state(&self) -> LogState {
        LogState {
            created_at: UnixMillis(self.created_at),
            first: Position(1),
            last: Position(self.log.len() as u64),
        }
    }

    pub(super) fn table(&self, table: Table) -> &BTreeMap<String, (Revision, Bytes)> {
        match table {
            Table::Names => &self.names,
            Table::Nodes => &self.nodes,
        }
    }

    /// Bytes at the end of the log.
    pub(super) fn append(&mut self, subject: Option<Subject>, bytes: Bytes, now: u64) -> Delivered {
        let position = Position(self.log.len() as u64 + 1);
        if let Some(subject) = subject {
            self.last_of.insert(subject, position);
        }
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
        let last = self.log.iter().filter_map(|record| Some((record.subject?, record.position)));
        self.last_of = last.collect();
    }

    /// Another log is in its place.
    pub(super) fn lose_all(&mut self, now: u64) {
        self.log.clear();
        self.taken_at.clear();
        self.last_of.clear();
        self.created_at = 1_000_000_000 + now;
    }

    fn write(&mut self, table: Table, key: &str, bytes: Option<Bytes>, now: u64) -> Written {
        let last = &mut self.revisions[usize::from(table == Table::Nodes)];
        *last += 1;
        let revision = Revision(*last);
        let keys = match table {
            Table::Names => &mut self.names,
            Table::Nodes => &mut self.nodes,
        };
        match &bytes {
            Some(bytes) => keys.insert(key.to_owned(), (revision, bytes.clone())),
            None => keys.remove(key),
        };
        Written { table, key: key.to_owned(), revision, at: UnixMillis(now), bytes }
    }

    /// Carries a request out.
    pub(super) fn carry_out(&mut self, request: Request, now: u64) -> (Answer, Changed) {
        let last =
            |keys: &BTreeMap<String, (Revision, Bytes)>, key: &str| keys.get(key).map(|k| k.0);
        match request {
            Request::Get { table, key } => {
                (Answer::Value(self.table(table).get(&key).cloned()), Changed::Nothing)
            }
            Request::Last(subject) => {
                let last = self.last_of.get(&subject).copied().unwrap_or(Position::NONE);
                (Answer::Last(last), Changed::Nothing)
            }
            _ if self.full => (Answer::Refused, Changed::Nothing),
            Request::Append { subject, bytes, after } => {
                let last = self.last_of.get(&subject).copied().unwrap_or(Position::NONE);
                if after.is_some_and(|after| after != last) {
                    return (Answer::Behind, Changed::Nothing);
                }
                let delivered = self.append(Some(subject), bytes, now);
                (Answer::Appended(delivered.position), Changed::Log(delivered))
            }
            Request::Put { table, key, bytes, after } => {
                if last(self.table(table), &key) != after {
                    return (Answer::Behind, Changed::Nothing);
                }
                let written = self.write(table, &key, Some(bytes), now);
                (Answer::Written(written.revision), Changed::Table(written))
            }
            Request::Remove { table, key, after } => {
                if last(self.table(table), &key) != Some(after) {
                    return (Answer::Behind, Changed::Nothing);
                }
                let written = self.write(table, &key, None, now);
                (Answer::Written(written.revision), Changed::Table(written))
            }
        }
    }
}
