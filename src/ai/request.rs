//! What a model is asked, whoever's it is: a value that a dialect makes bytes of.

use serde::{Deserialize, Serialize};

/// A question with all that goes before it.
pub struct Request {
    /// Who the model is, and what it should keep to.
    pub system: String,
    /// The conversation, oldest first; the question itself is the last.
    pub turns: Vec<Turn>,
}

impl Request {
    /// Bytes of all of it, of which its price follows where nobody else says it.
    pub fn bytes(&self) -> usize {
        self.system.len() + self.turns.iter().map(|turn| turn.text.len()).sum::<usize>()
    }

    /// The same without the older half of the conversation before the question; none where there is no conversation.
    pub fn without_older_half(&self) -> Option<Self> {
        let before = self.turns.len().checked_sub(1).filter(|before| *before > 0)?;
        // In whole pairs, so that a user's turn is the first.
        let older = before.div_ceil(4) * 2;
        let turns = self.turns.get(older.min(before)..)?.to_vec();
        Some(Self { system: self.system.clone(), turns })
    }
}

/// Who speaks in a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Somebody of the lobby.
    User,
    /// Rox.
    Assistant,
}

/// What one of them says at a time. No `Debug`, since users wrote it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Turn {
    /// Who speaks.
    pub role: Role,
    /// What they say.
    pub text: String,
}

impl Turn {
    /// Somebody of the lobby says this.
    pub fn user(text: String) -> Self {
        Self { role: Role::User, text }
    }

    /// Rox says this.
    pub fn assistant(text: String) -> Self {
        Self { role: Role::Assistant, text }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_older_half_goes_in_whole_pairs() {
        for (pairs, left) in [(0, None), (1, Some(0)), (2, Some(1)), (3, Some(1)), (10, Some(5))] {
            let pair = |n| [Turn::user(format!("q{n}")), Turn::assistant(format!("a{n}"))];
            let mut turns: Vec<_> = (0..pairs).flat_map(pair).collect();
            turns.push(Turn::user("new".into()));
            let half = Request { system: "s".into(), turns }.without_older_half();
            assert_eq!(half.as_ref().map(|half| half.turns.len()), left.map(|left| 2 * left + 1));
            if let Some(Request { turns, .. }) = half {
                assert!(turns[0].role == Role::User && turns.last().unwrap().text == "new");
            }
        }
    }
}
