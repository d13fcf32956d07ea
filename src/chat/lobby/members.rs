//! Who is in a lobby, and what they say.

use crate::chat::accounts::Identity;
use crate::chat::history::MessageKind;
use crate::chat::person::Person;
use crate::chat::pictures::Picture;
use crate::chat::text::{Line, Text};

/// A user in a lobby; `handle` says where to reach them.
#[derive(Debug, Clone)]
pub struct Member<H> {
    /// Who they are.
    pub who: Identity,
    /// Their picture.
    pub picture: Picture,
    /// What they say of being away.
    pub away: Option<Line>,
    /// Where to reach them.
    pub handle: H,
}

impl<H> Member<H> {
    /// A user who wants to come in.
    pub fn new(who: Identity, picture: Picture, away: Option<Line>, handle: H) -> Self {
        Self { who, picture, away, handle }
    }
}

/// A user as `/users` shows them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Presence {
    /// Their picture.
    pub picture: Picture,
    /// Who they are.
    pub who: Person,
    /// Whether the lobby is theirs.
    pub owner: bool,
    /// Whether they are one of its operators.
    pub operator: bool,
    /// Whether they are an admin of the server.
    pub admin: bool,
    /// What they say of being away.
    pub away: Option<Line>,
}

/// What somebody says to a lobby.
#[derive(Debug, Clone)]
pub struct Saying {
    /// In which way.
    pub kind: MessageKind,
    /// The words.
    pub text: Text,
}

impl Saying {
    /// An ordinary message.
    pub fn message(text: impl Into<Text>) -> Self {
        Self { kind: MessageKind::Said, text: text.into() }
    }
}
