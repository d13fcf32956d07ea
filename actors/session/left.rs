//! Which lobbies somebody has left over this connection, and at which message: what was said there since is
//! unread.

use std::collections::VecDeque;

use crate::chat::lobbies::LobbyId;

/// Lobbies that one is told news of at most: more than anybody follows.
const MAX_LEFT: usize = 32;

/// Those of one user, the one that was left last at the end.
#[derive(Debug, Clone, Default)]
pub(super) struct LeftLobbies(VecDeque<(LobbyId, u64)>);

impl LeftLobbies {
    /// A lobby was left whose next message has this number.
    pub(super) fn note(&mut self, lobby: LobbyId, next_seq: u64) {
        self.forget(lobby);
        if self.0.len() >= MAX_LEFT {
            self.0.pop_front();
        }
        self.0.push_back((lobby, next_seq));
    }

    /// They are there again.
    pub(super) fn forget(&mut self, lobby: LobbyId) {
        self.0.retain(|(left, _)| *left != lobby);
    }

    /// The number of the first message of a lobby that they have not been shown; none where they never were there, or
    /// are.
    pub(super) fn unread_from(&self, lobby: LobbyId) -> Option<u64> {
        self.0.iter().find(|(left, _)| *left == lobby).map(|(_, next_seq)| *next_seq)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_leave_of_each_lobby_counts_and_the_oldest_is_forgotten_first() {
        let mut left = LeftLobbies::default();
        for number in 0..MAX_LEFT as u32 + 1 {
            left.note(LobbyId(number), number.into());
        }
        assert_eq!((left.unread_from(LobbyId(0)), left.unread_from(LobbyId(1))), (None, Some(1)));
        left.note(LobbyId(1), 99);
        assert_eq!((left.unread_from(LobbyId(1)), left.0.len()), (Some(99), MAX_LEFT));
        left.forget(LobbyId(1));
        assert_eq!(left.unread_from(LobbyId(1)), None);
    }
}
