//! The lobby where somebody is, by what lobbies say one after another.

use crate::chat::lobbies::LobbyId;

/// The lobby where somebody is. Whoever goes to another one comes in there before they leave this one; with several
/// nodes, they may also come in there and leave it again, since they did not wait until it came out of the log.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Place {
    now: Option<LobbyId>,
    before: Option<LobbyId>,
}

impl Place {
    /// The lobby, once they are in one.
    pub fn lobby(self) -> Option<LobbyId> {
        self.now
    }

    /// They have come in there.
    pub fn came(&mut self, lobby: LobbyId) {
        if self.now != Some(lobby) {
            self.before = self.now.replace(lobby);
        }
    }

    /// They have left that one, and are in the one before, where they have not left that.
    pub fn went(&mut self, lobby: LobbyId) {
        if self.now == Some(lobby) {
            self.now = self.before.take();
        } else if self.before == Some(lobby) {
            self.before = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn somebody_is_where_they_came_in_last_and_have_not_left() {
        use Step::{Came, Went};
        for (steps, lobby) in [
            (&[][..], None),
            (&[Came(1)], Some(1)),
            (&[Came(1), Came(2)], Some(2)),
            (&[Came(1), Came(2), Went(1)], Some(2)),
            (&[Came(1), Went(1), Came(2)], Some(2)),
            (&[Came(1), Came(2), Went(2)], Some(1)),
            (&[Came(1), Came(2), Went(1), Went(2)], None),
            (&[Came(1), Came(1), Came(2), Went(1), Came(1), Went(2)], Some(1)),
            (&[Went(3), Came(1), Went(3)], Some(1)),
        ] {
            let mut place = Place::default();
            for step in steps {
                match *step {
                    Came(lobby) => place.came(LobbyId(lobby)),
                    Went(lobby) => place.went(LobbyId(lobby)),
                }
            }
            assert_eq!(place.lobby(), lobby.map(LobbyId), "{steps:?}");
        }
    }

    #[derive(Debug)]
    enum Step {
        Came(u32),
        Went(u32),
    }
}
