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
