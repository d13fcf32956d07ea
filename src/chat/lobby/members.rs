//! Who is in a lobby, and what they say.

use serde::{Deserialize, Serialize};

use crate::chat::accounts::Identity;
use crate::chat::directory::ConnId;
use crate::chat::history::MessageKind;
use crate::chat::person::Person;
use crate::chat::pictures::Picture;
use crate::chat::text::{Line, Text};

/// A user in a lobby; `handle` says where to reach them, which each node knows by their connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(bound(serialize = "", deserialize = "H: From<ConnId>"), from = "Seen")]
pub struct Member<H> {
    /// Who they are.
    pub who: Identity,
    /// Their picture.
    pub picture: Picture,
    /// What they say of being away.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub away: Option<Line>,
    /// In a cluster, the life of a node by which they are here: they are gone with it. 0 where it is not known
    /// yet.
    #[serde(skip_serializing_if = "is_zero")]
    pub life: u32,
    /// Where to reach them.
    #[serde(skip_serializing)]
    pub handle: H,
}

fn is_zero(life: &u32) -> bool {
    *life == 0
}

/// A member as other nodes read it.
#[derive(Deserialize)]
struct Seen {
    who: Identity,
    picture: Picture,
    away: Option<Line>,
    #[serde(default)]
    life: u32,
}

impl<H: From<ConnId>> From<Seen> for Member<H> {
    fn from(Seen { who, picture, away, life }: Seen) -> Self {
        let handle = who.conn.into();
        Self { who, picture, away, life, handle }
    }
}

impl<H> Member<H> {
    /// A user who wants to come in.
    pub fn new(who: Identity, picture: Picture, away: Option<Line>, handle: H) -> Self {
        Self { who, picture, away, life: 0, handle }
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
