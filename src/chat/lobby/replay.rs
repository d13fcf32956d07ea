//! What a user who comes into a lobby is shown first: data, of which text is made as the client takes it.

use std::sync::Arc;

use super::Room;
use super::step::JoinKind;
use crate::chat::history::{Entry, UnixMillis};
use crate::chat::ignores::Ignores;
use crate::chat::kept::{MessageId, Missed, Since};
use crate::chat::lobbies::LobbyId;
use crate::chat::name::Name;
use crate::chat::roles::Owner;
use crate::chat::times::Times;

/// How a user wants to be shown what was said before they came.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ReplayPrefs {
    /// Ages or clock times.
    pub times: Times,
    /// Whom not to show.
    pub ignores: Ignores,
    /// What they missed since they left.
    pub missed: Option<Missed>,
    /// When they left, as far as the store knows.
    pub left: Option<Since>,
    /// What was said before the first message that is not older is kept no more.
    pub kept_since: UnixMillis,
}

/// What a user who comes in is shown.
#[derive(Debug, Clone)]
pub struct Replay {
    /// The lobby.
    pub lobby: LobbyId,
    /// Its name.
    pub name: Name,
    /// The number of its next message: those from it on they are shown as they come.
    pub next_seq: u64,
    /// Whether they are to be told that they joined it.
    pub joined: bool,
    /// How many messages they missed, and since when; none where they were not here before.
    pub missed: Option<(u64, UnixMillis)>,
    /// Messages that are in the database, oldest first.
    pub stored: Vec<MessageId>,
    /// Those after them.
    pub recent: Vec<(u64, Arc<Entry>)>,
    /// How they want times shown.
    pub times: Times,
    /// When they came.
    pub now: UnixMillis,
}

impl Replay {
    /// Whether there is nothing to show.
    pub fn is_empty(&self) -> bool {
        !self.joined && self.missed.is_none() && self.stored.is_empty() && self.recent.is_empty()
    }
}

impl<H> Room<H> {
    /// What a user who comes in is shown first; nothing of what was said where it is a bot.
    pub(super) fn replay(
        &mut self,
        kind: JoinKind,
        is_bot: bool,
        prefs: ReplayPrefs,
        now: UnixMillis,
    ) -> Replay {
        let ReplayPrefs { times, ignores, missed, left, kept_since } = prefs;
        let mut missed = missed.zip(left);
        // What was said since the store was asked comes after what it knew, and was missed too.
        let after = |next_seq: u64| move |(seq, _): &(u64, &Arc<Entry>)| *seq >= next_seq;
        let old = |(_, entry): &(u64, &Arc<Entry>)| entry.at < kept_since;
        if let Some((missed, _)) = &mut missed {
            missed.count +=
                self.recent(now).skip_while(old).filter(after(missed.next_seq)).count() as u64;
        }
        let missed = missed.filter(|(missed, _)| missed.count > 0);
        // Whoever comes back to another lobby than general at login should know where they are.
        let tell = kind == JoinKind::Switch || self.state().owner != Owner::Server && !is_bot;
        let from = missed.as_ref().map_or(0, |(missed, _)| missed.next_seq);
        let recent = self.recent(now).skip_while(old).filter(after(from));
        let recent = recent.filter(|(_, entry)| !is_bot && !ignores.contains(&entry.author));
        let recent = recent.map(|(seq, entry)| (seq, entry.clone())).collect();
        let state = self.state();
        Replay {
            lobby: state.id,
            name: state.name.clone(),
            next_seq: self.next_seq(),
            joined: tell,
            missed: missed.as_ref().map(|(missed, left)| (missed.count, left.at)),
            stored: missed.map(|(missed, _)| missed.newest).unwrap_or_default(),
            recent,
            times,
            now,
        }
    }
}
