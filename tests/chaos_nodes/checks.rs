//! What must hold whatever breaks, told from what the nodes have stored, what people were shown, what the log
//! says and when something was broken. Each check gives what it finds against it, a line each.

use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Milliseconds since 1970.
pub(crate) type Millis = u64;

/// Within this the people of a node that died are gone: its lease and a second.
const GHOSTS: Millis = 6_000;

/// What a loaded machine may take longer for anything.
pub(crate) const LOADED: Millis = 3_000;

/// A node that was broken is as any other after this.
const SETTLED: Millis = 3_000;

/// A node has to have been dumb for so much of its lease, and of the time before it in which it may have come back
/// for a moment, for others to say that it is dead.
const DUMB_FOR_DEATH: Millis = 2_000;
const LEASE: Millis = 5_000;

/// A message, as it is stored and shown.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Line {
    pub(crate) from: String,
    pub(crate) text: String,
}

/// One that is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stored {
    pub(crate) id: u64,
    /// When it was said, by the log.
    pub(crate) at: String,
    pub(crate) line: Line,
}

/// The words of what a session says: its number and that of what it says.
pub(crate) fn words(session: u64, number: u64) -> String {
    format!("<{session}.{number}>")
}

/// Whose words these are, and which.
pub(crate) fn whose(text: &str) -> Option<(u64, u64)> {
    let (session, number) = text.strip_prefix('<')?.strip_suffix('>')?.split_once('.')?;
    Some((session.parse().ok()?, number.parse().ok()?))
}

/// All lobbies of a node, by name.
pub(crate) type History = BTreeMap<String, Vec<Stored>>;

/// A time that somebody spent in a lobby, with all that they were shown of it, from what was said before they came
/// on.
#[derive(Debug, Clone, Default)]
pub(crate) struct Stay {
    pub(crate) session: u64,
    pub(crate) lobby: String,
    pub(crate) lines: Vec<Line>,
    /// It lasts to the end.
    pub(crate) lasts: bool,
}

/// Somebody who has a name, for as long as that is so.
#[derive(Debug, Clone, Default)]
pub(crate) struct Session {
    pub(crate) number: u64,
    pub(crate) name: String,
    /// The name is an account's.
    pub(crate) account: bool,
    pub(crate) node: usize,
    /// When the name was asked for.
    pub(crate) asked: Millis,
    /// When they were told that they have it.
    pub(crate) told_in: Option<Millis>,
    /// When they left, were told that they have it no more, or lost their connection.
    pub(crate) over: Option<Millis>,
    /// How much they have said.
    pub(crate) said: u64,
    /// They were told of something that it was not sent.
    pub(crate) has_unsent: bool,
    /// What they sent and were shown, and when, for whoever looks for a fault.
    pub(crate) trace: Vec<(Millis, String)>,
}

impl Session {
    /// What they sent and were shown.
    fn told(&self) -> String {
        let Self { number, name, node, .. } = self;
        let lines = self.trace.iter().map(|(at, what)| format!("  {} {what}", at % 1_000_000));
        let lines: Vec<_> = lines.collect();
        format!("session {number}, {name} on node {node}:\n{}", lines.join("\n"))
    }
}

/// Everything of those sessions of which something was found.
pub(crate) fn traces(found: &[String], sessions: &[Session]) -> Vec<String> {
    let named = |session: &&Session| {
        let name = format!("session {} ", session.number);
        found.iter().any(|line| line.contains(&name))
    };
    sessions.iter().filter(named).map(Session::told).collect()
}

/// When something was broken.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Trouble {
    pub(crate) from: Millis,
    pub(crate) until: Millis,
    /// It could not say that it lives.
    pub(crate) dumb: bool,
}

/// All of it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Troubles {
    pub(crate) nodes: Vec<Vec<Trouble>>,
    pub(crate) engine: Vec<Trouble>,
}

impl Troubles {
    /// Whether node and engine were well all the time, and before it for long enough.
    fn are_well(&self, node: usize, from: Millis, until: Millis) -> bool {
        let mut all = self.nodes[node].iter().chain(&self.engine);
        all.all(|t| t.until + SETTLED < from || until < t.from)
    }

    /// Whether a node could not say that it lives all the time.
    fn is_dumb(&self, node: usize, from: Millis, until: Millis) -> bool {
        let mut dumb = self.nodes[node].iter().filter(|t| t.dumb);
        dumb.any(|t| t.from <= from && until <= t.until)
    }

    /// How long it could not be heard, in this time.
    fn dumb_in(&self, node: usize, from: Millis, until: Millis) -> Millis {
        let all = self.nodes[node].iter().filter(|t| t.dumb).chain(&self.engine);
        all.map(|t| t.until.min(until).saturating_sub(t.from.max(from))).sum()
    }
}

/// A node was said to be dead by another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Death {
    pub(crate) node: usize,
    pub(crate) life: u64,
    pub(crate) at: Millis,
}

/// Who is in a lobby, as a node said.
#[derive(Debug, Clone)]
pub(crate) struct List {
    pub(crate) node: usize,
    /// When it was asked.
    pub(crate) at: Millis,
    pub(crate) names: Vec<String>,
}

/// What is in one alone, but for its number.
fn alone(one: &[Stored], other: &[Stored]) -> String {
    let known: BTreeSet<_> = other.iter().map(|stored| &stored.line.text).collect();
    let alone = one.iter().filter(|stored| !known.contains(&stored.line.text));
    let alone: Vec<_> =
        alone.map(|s| format!("{} {} {}", s.at, s.line.from, s.line.text)).collect();
    format!("{}: {:?}", alone.len(), &alone[..alone.len().min(5)])
}

/// All nodes have the same messages in the same order, with numbers that rise.
pub(crate) fn one_history(nodes: &[History]) -> Vec<String> {
    let mut found = Vec::new();
    let Some(first) = nodes.first() else { return found };
    for (node, history) in nodes.iter().enumerate() {
        for (lobby, stored) in history {
            if let Some(two) = stored.windows(2).find(|two| two[0].id >= two[1].id) {
                found.push(format!("node {node} has in {lobby} numbers that do not rise: {two:?}"));
            }
        }
        let lobbies: BTreeSet<_> = first.keys().chain(history.keys()).collect();
        for lobby in lobbies {
            let [one, other] = [first, history].map(|h| h.get(lobby).map_or(&[][..], |v| v));
            if one == other {
                continue;
            }
            let at = one.iter().zip(other).take_while(|(a, b)| a == b).count();
            let (a, b) = (one.get(at), other.get(at));
            found.push(format!(
                "in {lobby} nodes 0 and {node} differ from message {at} of {} and {}: {a:?}, {b:?}; \
                 0 has alone {}; {node} has alone {}",
                one.len(),
                other.len(),
                alone(one, other),
                alone(other, one),
            ));
        }
    }
    found
}

/// What somebody was shown of a lobby is what was said there, without a gap, in that order, and to its end where they
/// stayed.
pub(crate) fn shown_as_stored(history: &History, stays: &[Stay]) -> Vec<String> {
    let mut found = Vec::new();
    let empty = Vec::new();
    let mut places = HashMap::new();
    for (lobby, stored) in history {
        for (at, stored) in stored.iter().enumerate() {
            if let Some(before) = places.insert((lobby, &stored.line), at) {
                found.push(format!("{:?} is in {lobby} at {before} and {at}", stored.line));
            }
        }
    }
    // Whoever was told of no lobby yet was taken over while they were coming in.
    for Stay { session, lobby, lines, lasts } in stays.iter().filter(|stay| !stay.lobby.is_empty())
    {
        let stored = history.get(lobby).unwrap_or(&empty);
        let Some(first) = lines.first() else {
            if *lasts && !stored.is_empty() {
                found.push(format!("session {session} was shown nothing of {lobby}"));
            }
            continue;
        };
        let Some(begin) = places.get(&(lobby, first)) else {
            found.push(format!("session {session} was shown {first:?}, not stored in {lobby}"));
            continue;
        };
        let same = |(shown, stored): &(&Line, &Stored)| **shown == stored.line;
        let right = lines.iter().zip(&stored[*begin..]).take_while(same).count();
        if right < lines.len() {
            let near: Vec<_> = lines[right.saturating_sub(2)..].iter().take(5).collect();
            let kept: Vec<_> = stored[begin + right..].iter().take(3).collect();
            found.push(format!(
                "session {session} was shown in {lobby}, after {right} lines that are right, {near:?}; \
                 stored is {kept:?}"
            ));
        } else if *lasts && begin + right < stored.len() {
            let missing = &stored[begin + right];
            found.push(format!("session {session} stayed in {lobby} and never saw {missing:?}"));
        }
    }
    found
}

/// What each says is stored under their name, once, in their order and without a gap; all of it where they stay to
/// the end.
pub(crate) fn as_it_was_said(history: &History, sessions: &[Session]) -> Vec<String> {
    let mut found = Vec::new();
    let known: HashMap<u64, &Session> = sessions.iter().map(|s| (s.number, s)).collect();
    let mut all: HashMap<u64, BTreeSet<u64>> = HashMap::new();
    for (lobby, stored) in history {
        let mut last: HashMap<u64, u64> = HashMap::new();
        for Stored { line, .. } in stored {
            let Some((session, number)) = whose(&line.text) else {
                found.push(format!("{line:?} in {lobby} was said by nobody"));
                continue;
            };
            if known.get(&session).is_none_or(|s| s.name != line.from || number >= s.said) {
                found.push(format!("{line:?} in {lobby} was not said so"));
            }
            if last.insert(session, number).is_some_and(|before| before >= number) {
                found.push(format!("{line:?} is in {lobby} after a later one of its sender"));
            }
            if !all.entry(session).or_default().insert(number) {
                found.push(format!("{line:?} is stored twice"));
            }
        }
    }
    for (session, numbers) in &all {
        let missing = (0..).zip(numbers).find(|(want, number)| want != *number);
        if let Some((missing, _)) = missing {
            found.push(format!("line {missing} of session {session} is missing before others"));
        }
    }
    for session in sessions.iter().filter(|s| s.over.is_none() && !s.has_unsent) {
        let stored = all.get(&session.number).map_or(0, BTreeSet::len) as u64;
        if stored < session.said {
            let Session { number, name, said, .. } = session;
            found.push(format!("{stored} of {said} lines of session {number} ({name}) are stored"));
        }
    }
    found
}

/// Whoever has spoken under a name does not speak under it again once somebody else has. Of an account's two logins
/// the newer stays: so much of what the older had on its way may still come after the newer has spoken. A guest whose
/// node was given up as lost comes back with it where the name is free again by then; that nobody else has it
/// at the time is looked for by [`held_once`].
pub(crate) fn names_go_on(
    history: &History,
    sessions: &[Session],
    deaths: &[Death],
    late: usize,
) -> Vec<String> {
    let mut found = Vec::new();
    let accounts: BTreeSet<u64> = sessions.iter().filter(|s| s.account).map(|s| s.number).collect();
    let was_lost = |session: &&Session| {
        let there = |at| {
            session.told_in.is_some_and(|told| told <= at)
                && session.over.is_none_or(|over| at <= over)
        };
        !session.account && deaths.iter().any(|d| d.node == session.node && there(d.at))
    };
    let back: BTreeSet<u64> = sessions.iter().filter(was_lost).map(|s| s.number).collect();
    for (lobby, stored) in history {
        // Who has spoken under a name, the newest last, and how much of others came late.
        let mut spoke: HashMap<String, (u64, BTreeSet<u64>)> = HashMap::new();
        let mut late_of: HashMap<u64, usize> = HashMap::new();
        for Stored { line, .. } in stored {
            let Some((session, _)) = whose(&line.text) else { continue };
            let (newest, before) =
                spoke.entry(line.from.to_lowercase()).or_insert((session, BTreeSet::new()));
            if before.contains(&session) && !back.contains(&session) {
                let count = late_of.entry(session).or_default();
                *count += 1;
                if !accounts.contains(&session) || *count > late {
                    found.push(format!("{line:?} in {lobby} is of somebody whose name others had"));
                }
            } else if *newest != session {
                before.insert(std::mem::replace(newest, session));
            }
        }
    }
    found
}

/// No two have one name, where both their nodes are well.
pub(crate) fn held_once(sessions: &[Session], troubles: &Troubles) -> Vec<String> {
    let mut found = Vec::new();
    let mut by_name: HashMap<String, Vec<&Session>> = HashMap::new();
    for session in sessions.iter().filter(|s| s.told_in.is_some()) {
        by_name.entry(session.name.to_lowercase()).or_default().push(session);
    }
    for of_one in by_name.values() {
        for later in of_one {
            for earlier in of_one.iter().filter(|e| e.number != later.number) {
                let (Some(from), Some(told)) = (earlier.told_in, later.told_in) else { continue };
                let both = from <= told && earlier.over.is_none_or(|over| over > told + LOADED);
                // Whoever was cut off before knows by then whether the name is still theirs.
                let since = from.max(told.saturating_sub(GHOSTS + LOADED));
                let well = [earlier.node, later.node]
                    .iter()
                    .all(|node| troubles.are_well(*node, since, told + LOADED));
                if both && well {
                    found.push(format!("two have one name: {earlier:?} and {later:?}"));
                }
            }
        }
    }
    found
}

/// A node that could be heard was not said to be dead.
pub(crate) fn no_false_death(deaths: &[Death], troubles: &Troubles) -> Vec<String> {
    let falsely = deaths.iter().filter(|death| {
        let from = death.at.saturating_sub(LEASE + LOADED);
        troubles.dumb_in(death.node, from, death.at) < DUMB_FOR_DEATH
    });
    falsely.map(|death| format!("a node that lived was said to be dead: {death:?}")).collect()
}

/// Nobody is in a list who has been gone for long. Gives what it found, and how many of those who were gone it
/// looked for.
pub(crate) fn no_ghosts(
    lists: &[List],
    sessions: &[Session],
    troubles: &Troubles,
) -> (Vec<String>, usize) {
    let (mut found, mut looked) = (Vec::new(), 0);
    let mut by_name: HashMap<&str, Vec<&Session>> = HashMap::new();
    for session in sessions {
        by_name.entry(&session.name).or_default().push(session);
    }
    for List { node, at, names } in lists {
        let from = at.saturating_sub(GHOSTS + LOADED);
        if !troubles.are_well(*node, from, *at) {
            continue;
        }
        let is_gone = |session: &&&Session| {
            let dumb = session.asked < from && troubles.is_dumb(session.node, from, *at);
            let left = session.over.is_some_and(|over| over < from);
            dumb || left && troubles.are_well(session.node, from, *at)
        };
        for (name, of_name) in &by_name {
            let of_name: Vec<_> = of_name.iter().filter(|s| s.asked <= *at).collect();
            if of_name.is_empty() || !of_name.iter().all(is_gone) {
                continue;
            }
            looked += 1;
            if names.iter().any(|listed| listed == name) {
                let last = of_name.last();
                found.push(format!("node {node} had a ghost at {at}: {last:?}"));
            }
        }
    }
    (found, looked)
}
