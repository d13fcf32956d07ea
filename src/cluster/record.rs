//! What stands in the log, as bytes that other nodes read.
//!
//! A record says what is to happen with everything in it: who, numbers, results. So whoever lets it happen
//! decides nothing, and all nodes come to the same. Where somebody is reached is not in it: each node knows
//! that by their connection. When it happens the log says.
//!
//! It is written as JSON (RFC 8259): an operator can read the log with the engine's own tools, and nodes of
//! neighbouring versions understand each other. A line of 100 characters takes 244 bytes, about 0.5 µs to
//! write and 0.75 µs to read (`cargo bench --bench load -- record`); MessagePack with the names of fields
//! would save a sixth of the bytes and little of the time, CBOR takes twice as long to read. What a node does not know of a record it overlooks; what
//! is missing has a default where there is a right one. A [kind](Unknown) that it does not know is another
//! matter: going on without it would be going on wrongly.

use std::sync::Arc;

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use crate::ai::questions;
use crate::chat::accounts::AccountId;
use crate::chat::change::Change;
use crate::chat::directory::ConnId;
use crate::chat::history::UnixMillis;
use crate::chat::kept::Mail;
use crate::chat::lobbies::LobbyId;
use crate::chat::lobby::LobbyState;
use crate::chat::lobby::step::Input;
use crate::chat::registry::Happening;
use crate::chat::text::Line;
use crate::cluster::engine::Revision;

/// Most bytes of a record: half of what nats-server takes in one unless it is told otherwise (1 MiB), so
/// that what the engine adds never matters. The longest that people can cause is a `/purge` of all that one of
/// them has said in a day: some 60,000 messages have room in it.
pub const MAX_RECORD_BYTES: usize = 512 * 1024;

/// The form in which records are written. It rises where a node of the version before would take one for
/// something that it is not; for a kind or a field more it does not.
pub const FORM: u32 = 1;

/// Most characters that are told of a kind that is not known.
const MAX_KIND_CHARS: usize = 40;

/// A record of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The life of the node that has written it.
    pub life: Revision,
    /// Which one of that life it is, from 1 on without a gap.
    pub number: u64,
    /// What happens.
    pub what: What,
    /// What lasts of it and does not follow from what happens.
    pub changes: Vec<Change>,
    /// It does not happen where the log takes it later than this: whoever wanted it was told so by then.
    pub until: Option<UnixMillis>,
}

/// What happens, on every node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// Something in a lobby.
    Lobby {
        /// The lobby.
        lobby: LobbyId,
        /// What it takes.
        input: Input<ConnId>,
    },
    /// Something among the people and the accounts.
    People(Happening<ConnId>),
    /// There is a lobby more.
    LobbyMade(Arc<LobbyState>),
    /// A lobby that nobody used is no more. One that was deleted goes by [`What::Lobby`].
    LobbyRemoved(LobbyId),
    /// Rox is asked, answers or has answered.
    Rox {
        /// In which lobby.
        lobby: LobbyId,
        /// What of it.
        input: questions::Input,
    },
    /// A private message is left for an account.
    Mail {
        /// Whom it is for.
        to: AccountId,
        /// The message.
        mail: Mail,
    },
    /// Nothing but its changes.
    Kept,
    /// A life of a node is over: its people are gone, and nothing that it writes after this counts.
    LifeOver {
        /// The number of the life.
        life: u64,
    },
}

impl What {
    /// Whether nobody is to wait for it while the log cannot be reached: whoever wants it is told so, and it must not
    /// happen any more then. What is said waits.
    pub fn lapses(&self) -> bool {
        match self {
            Self::Lobby { input, .. } => input.is_refused_away(),
            Self::People(what) => what.is_refused_away(),
            Self::LobbyMade(_) | Self::Kept => true,
            Self::LobbyRemoved(_)
            | Self::Rox { .. }
            | Self::Mail { .. }
            | Self::LifeOver { .. } => false,
        }
    }
}

/// A record as it is written.
#[derive(Serialize)]
struct Written<'a> {
    lobbyd: u32,
    life: u64,
    n: u64,
    what: &'a What,
    #[serde(skip_serializing_if = "<[Change]>::is_empty")]
    changes: &'a [Change],
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<UnixMillis>,
}

/// A record as it is read.
#[derive(Deserialize)]
struct Read {
    lobbyd: u32,
    life: u64,
    n: u64,
    what: What,
    #[serde(default)]
    changes: Vec<Change>,
    #[serde(default)]
    until: Option<UnixMillis>,
}

/// What every record has, whatever its version. The other fields are looked at by nobody: that they are
/// there says that it is whole.
#[derive(Deserialize)]
struct Head {
    lobbyd: u32,
    #[serde(rename = "life")]
    _life: u64,
    #[serde(rename = "n")]
    _number: u64,
    #[serde(rename = "what")]
    _what: IgnoredAny,
}

/// Why a record cannot be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    /// It would have so many bytes.
    #[error("a record of {0} bytes; at most {MAX_RECORD_BYTES} may be written")]
    TooLong(usize),
    /// Numbers of messages in it do not rise.
    #[error("a record with numbers that do not rise")]
    NotRising,
}

/// Why bytes were not read as a record. Nothing of what they say is told, but for the name of a kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// They are none of ours: to be counted and skipped.
    #[error("no record: {0}")]
    NoRecord(#[from] NoRecord),
    /// They are a whole one that this version does not understand: whoever goes on goes on wrongly.
    #[error("a record that this version does not know: {0}")]
    Unknown(#[from] Unknown),
}

/// Why bytes are no record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoRecord {
    /// They are more than one may have.
    #[error("{0} bytes, and at most {MAX_RECORD_BYTES} may be")]
    TooLong(usize),
    /// They are no JSON, as far as that place if not before.
    #[error("no JSON, read up to byte {0}")]
    NotJson(usize),
    /// Something is missing, or is not what can stand there.
    #[error("not what can stand at byte {0}")]
    Misfit(usize),
}

/// What a version does not know.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unknown {
    /// A kind of thing, by this name.
    #[error("kind '{}'", .0.as_str())]
    Kind(Line),
    /// The form in which it is written.
    #[error("form {0}, and {FORM} is known")]
    Form(u32),
}

impl Record {
    /// The record as bytes.
    ///
    /// # Errors
    /// [`EncodeError`].
    pub fn encode(&self) -> Result<Vec<u8>, EncodeError> {
        let Self { life, number, what, changes, until } = self;
        let written =
            Written { lobbyd: FORM, life: life.0, n: *number, what, changes, until: *until };
        // Writing to memory fails for the one value alone that has no form.
        let bytes = serde_json::to_vec(&written).map_err(|_| EncodeError::NotRising)?;
        match bytes.len() {
            ..=MAX_RECORD_BYTES => Ok(bytes),
            len => Err(EncodeError::TooLong(len)),
        }
    }

    /// Reads a record, whoever has written it. All texts in it are clean then, all names are names.
    ///
    /// # Errors
    /// [`DecodeError`].
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        if bytes.len() > MAX_RECORD_BYTES {
            return Err(NoRecord::TooLong(bytes.len()).into());
        }
        // What is known has no more levels than its types; what is not is skipped without a recursion.
        let read: Read = serde_json::from_slice(bytes).map_err(|error| why(bytes, &error))?;
        check_form(read.lobbyd)?;
        let Read { lobbyd: _, life, n, what, changes, until } = read;
        Ok(Self { life: Revision(life), number: n, what, changes, until })
    }
}

fn check_form(form: u32) -> Result<(), DecodeError> {
    match form {
        FORM => Ok(()),
        0 => Err(NoRecord::Misfit(0).into()),
        newer => Err(Unknown::Form(newer).into()),
    }
}

/// Why bytes could not be read, of which this error was the first that stood in the way.
fn why(bytes: &[u8], error: &serde_json::Error) -> DecodeError {
    // The column is of a line, and there is one unless somebody else has written it.
    let lines = bytes.split_inclusive(|byte| *byte == b'\n').take(error.line().saturating_sub(1));
    let at = lines.map(<[u8]>::len).sum::<usize>() + error.column();
    if serde_json::from_slice::<IgnoredAny>(bytes).is_err() {
        return NoRecord::NotJson(at).into();
    }
    let Ok(head) = serde_json::from_slice::<Head>(bytes) else {
        return NoRecord::Misfit(at).into();
    };
    if let Err(other) = check_form(head.lobbyd) {
        return other;
    }
    match unknown_kind(&error.to_string()) {
        Some(kind) => Unknown::Kind(kind).into(),
        None => NoRecord::Misfit(at).into(),
    }
}

/// The kind that a version does not know, where that is what an error says. serde has no other way to tell
/// (`de::Error::unknown_variant`), and says everything else in words that begin otherwise.
fn unknown_kind(error: &str) -> Option<Line> {
    let (kind, _) = error.strip_prefix("unknown variant `")?.split_once('`')?;
    Some(Line::clean(kind).beginning(MAX_KIND_CHARS))
}

#[cfg(test)]
#[path = "record_tests.rs"]
mod tests;
