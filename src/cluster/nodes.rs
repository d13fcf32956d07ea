//! The nodes of a cluster as an operator is told of them: what each says of itself with its beats, and what one
//! node makes of that.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::engine::Position;
use super::judge::Known;
use crate::chat::history::UnixMillis;

/// How a node is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It has not caught up with the log since it started.
    Starting,
    /// It takes part.
    Up,
    /// It is not heard, or does not hear the others.
    CutOff,
    /// It has ended, or was given up as lost.
    Gone,
}

impl State {
    /// As operators and their programs are told it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Up => "up",
            Self::CutOff => "cut off",
            Self::Gone => "gone",
        }
    }
}

/// What a node says of itself with each beat. Nodes of other versions may say less or more.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct About {
    /// Its version.
    pub version: String,
    /// Users who are logged in there.
    pub users: u64,
    /// The last record that has happened there.
    pub position: u64,
    /// Whether it has not caught up yet.
    pub starting: bool,
}

/// One that has been gone for longer is not listed any more, in milliseconds: a day, in which an operator has looked.
const LISTED_FOR: u64 = 24 * 60 * 60 * 1_000;

/// Bytes of a version that are shown: one that somebody else wrote may be anything.
const VERSION_BYTES: usize = 64;

impl About {
    /// As a beat says it.
    pub fn write(&self) -> Bytes {
        serde_json::to_vec(self).unwrap_or_default().into()
    }

    /// What a beat says; as little as can be where that cannot be read.
    pub(super) fn read(bytes: &[u8]) -> Self {
        let mut about: Self = serde_json::from_slice(bytes).unwrap_or_default();
        about.version.retain(|c| c.is_ascii_graphic());
        about.version.truncate(VERSION_BYTES);
        about
    }
}

/// A node as an operator is told of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its name.
    pub name: String,
    /// How it is.
    pub state: State,
    /// Since when it is gone, where it is.
    pub since: Option<UnixMillis>,
    /// Its version.
    pub version: String,
    /// Users who are logged in there.
    pub users: u64,
    /// The last record that has happened there, as it said last.
    pub position: Position,
    /// How many more are known to be in the log.
    pub behind: u64,
}

/// The node that tells.
#[derive(Debug, Clone)]
pub struct Own<'a> {
    /// Its name.
    pub name: &'a str,
    /// What it says of itself.
    pub about: About,
    /// Whether it does not hear the others.
    pub cut_off: bool,
}

/// All nodes, by name, but for those that have been gone for a day; `last` is the last record that is known to be in
/// the log.
pub fn list(
    own: Own<'_>,
    others: impl Iterator<Item = Known>,
    last: Position,
    now: UnixMillis,
) -> Vec<Listed> {
    let listed = |name: String, state, since: Option<UnixMillis>, about: About| {
        let position = Position(about.position);
        Listed {
            name,
            state,
            since,
            version: about.version,
            users: if since.is_some() { 0 } else { about.users },
            position,
            behind: last.0.saturating_sub(position.0),
        }
    };
    let state_of = |about: &About, cut_off| match (cut_off, about.starting) {
        (true, _) => State::CutOff,
        (false, true) => State::Starting,
        (false, false) => State::Up,
    };
    let is_listed = |known: &Known| {
        known.node != own.name && (known.up || now.0.saturating_sub(known.at.0) <= LISTED_FOR)
    };
    let others = others.filter(is_listed).map(|known| {
        let about = About::clone(&known.about);
        match known.up {
            true => listed(known.node, state_of(&about, known.silent), None, about),
            false => listed(known.node, State::Gone, Some(known.at), about),
        }
    });
    let mut all: Vec<Listed> = others.collect();
    let state = state_of(&own.about, own.cut_off);
    all.push(listed(own.name.to_owned(), state, None, own.about));
    all.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    all
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::engine::Revision;
    use super::*;

    fn about(users: u64, position: u64) -> About {
        About { version: "1.2.3".into(), users, position, starting: false }
    }

    fn known(node: &str, up: bool, silent: bool, said: &[u8]) -> Known {
        Known {
            node: node.into(),
            life: Revision(1),
            at: UnixMillis(1_000),
            up,
            silent,
            position: Position(0),
            speaks: 1,
            about: About::read(said).into(),
        }
    }

    #[test]
    fn each_node_is_listed_as_it_is() {
        let starting = About { starting: true, ..about(0, 1) };
        let others = [
            known("d", true, false, b"\xff"),
            known("a", true, false, &about(3, 90).write()),
            known("c", false, true, &about(7, 50).write()),
            known("b", true, true, &about(2, 80).write()),
            known("e", true, false, &starting.write()),
        ];
        let own = Own { name: "bb", about: about(4, 100), cut_off: false };
        let all = list(own, others.into_iter(), Position(100), UnixMillis(5_000));
        let told = |node: &Listed| {
            let Listed { name, state, since, users, position, behind, .. } = node.clone();
            assert_eq!(since, (state == State::Gone).then_some(UnixMillis(1_000)));
            (name, state.name(), users, position.0, behind)
        };
        let wanted = [
            ("a", "up", 3, 90, 10),
            ("b", "cut off", 2, 80, 20),
            ("bb", "up", 4, 100, 0),
            // Nobody is at one that is gone.
            ("c", "gone", 0, 50, 50),
            ("d", "up", 0, 0, 100),
            ("e", "starting", 0, 1, 99),
        ];
        let wanted = wanted.map(|(name, a, b, c, d)| (name.to_owned(), a, b, c, d));
        assert_eq!(all.iter().map(told).collect::<Vec<_>>(), wanted);
        assert_eq!((all[0].version.as_str(), all[4].version.as_str()), ("1.2.3", ""));
    }

    #[test]
    fn a_node_that_does_not_hear_the_others_says_so_of_itself() {
        let own = Own { name: "a", about: about(1, 5), cut_off: true };
        let all = list(own, std::iter::empty(), Position(5), UnixMillis(0));
        assert_eq!((all.len(), all[0].state), (1, State::CutOff));
    }

    #[test]
    fn one_that_is_gone_is_listed_for_a_day() {
        let (begin, day) = (1_000, LISTED_FOR);
        for (up, now, is_listed) in [
            (false, begin + day, true),
            (false, begin + day + 1, false),
            // A clock that is behind the engine's.
            (false, begin - 1, true),
            (true, begin + day + 1, true),
        ] {
            let own = Own { name: "a", about: about(1, 5), cut_off: false };
            let others = [known("b", up, true, b"")].into_iter();
            let all = list(own, others, Position(5), UnixMillis(now));
            assert_eq!(all.len() == 2, is_listed, "{up} {now}");
        }
    }

    #[test]
    fn what_a_later_version_says_besides_is_left_alone() {
        let about = About::read(br#"{"version":"9","users":4,"position":2,"mood":"good"}"#);
        assert_eq!(about, About { version: "9".into(), users: 4, position: 2, starting: false });
    }

    proptest! {
        #[test]
        fn whatever_a_node_says_is_shown_without_harm(said in prop::collection::vec(any::<u8>(), 0..80), version in ".{0,100}") {
            let _ = About::read(&said);
            let read = About::read(&About { version, ..About::default() }.write());
            prop_assert!(read.version.len() <= VERSION_BYTES && read.version.chars().all(|c| c.is_ascii_graphic()));
        }
    }
}
