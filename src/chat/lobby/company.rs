//! Where somebody is and with whom, as they are told last of all when they have come in.

use std::collections::VecDeque;

use super::Room;
use crate::chat::directory::ConnId;
use crate::chat::name::Name;
use crate::chat::text::Line;

/// Others who are named; of more, those who spoke last.
const NAMED: usize = 5;

/// Of a lobby where fewer have spoken, so many are looked at for who else is named, since a lobby may be
/// large and its members come all at once.
const LOOKED_AT: usize = 64;

/// Where somebody is, and with whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Company {
    /// Their name.
    pub you: Name,
    /// The lobby.
    pub lobby: Name,
    /// What it is about.
    pub topic: Option<Line>,
    /// Others who are there.
    pub others: Vec<Name>,
    /// How many there are beyond these.
    pub more: usize,
}

/// Who spoke last in a lobby, newest first.
#[derive(Debug, Default)]
pub(super) struct Speakers(VecDeque<ConnId>);

impl Speakers {
    /// How many are remembered: some of them leave.
    const MAX: usize = 64;

    /// Somebody spoke.
    pub(super) fn spoke(&mut self, conn: ConnId) {
        if self.0.front() != Some(&conn) {
            self.left(conn);
            self.0.push_front(conn);
            self.0.truncate(Self::MAX);
        }
    }

    /// Somebody is here no more.
    pub(super) fn left(&mut self, conn: ConnId) {
        self.0.retain(|other| *other != conn);
    }

    /// Somebody goes on under another connection.
    pub(super) fn reseated(&mut self, from: ConnId, to: ConnId) {
        if let Some(speaker) = self.0.iter_mut().find(|speaker| **speaker == from) {
            *speaker = to;
        }
    }
}

impl<H> Room<H> {
    /// At most `max` names of members that begin like this, without regard to case: who spoke last first, then
    /// by name.
    pub fn names_like(&self, begins: &str, max: usize) -> Vec<Name> {
        let spoke = self.speakers.0.iter().filter_map(|speaker| self.member(*speaker));
        let spoke = spoke.map(|member| &member.who.name).filter(|name| name.begins_like(begins));
        let mut names: Vec<Name> = spoke.take(max).cloned().collect();
        let all = self.members().map(|member| &member.who.name);
        let mut silent: Vec<_> =
            all.filter(|name| name.begins_like(begins) && !names.contains(name)).collect();
        silent.sort_unstable_by_key(|name| name.key());
        let free = max - names.len();
        names.extend(silent.into_iter().take(free).cloned());
        names
    }

    /// Where a member is and with whom; without them, nothing.
    pub fn company(&self, conn: ConnId) -> Option<Company> {
        let you = self.member(conn)?.who.name.clone();
        let count = self.len() - 1;
        let mut others = Vec::with_capacity(count.min(NAMED));
        if count > NAMED {
            let speakers = self.speakers.0.iter().filter(|speaker| **speaker != conn);
            others.extend(speakers.filter_map(|speaker| self.member(*speaker)).take(NAMED));
        }
        // By name, whoever else is here: all of them where all are named.
        let silent = |m: &&super::Member<H>| {
            m.who.conn != conn && others.iter().all(|other| other.who.conn != m.who.conn)
        };
        let mut rest: Vec<_> = self.members().take(LOOKED_AT).filter(silent).collect();
        rest.sort_unstable_by_key(|member| member.who.name.key());
        let free = NAMED - others.len();
        others.extend(rest.into_iter().take(free));
        let state = self.state();
        Some(Company {
            you,
            lobby: state.name.clone(),
            topic: state.topic.clone(),
            more: count - others.len(),
            others: others.into_iter().map(|member| member.who.name.clone()).collect(),
        })
    }
}

#[cfg(test)]
#[path = "company_tests.rs"]
mod tests;
