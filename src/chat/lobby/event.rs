//! What happens in a lobby, as data: who, what, when, and the number of what is kept.
//!
//! A Lobby decides that something happened and hands it to all threads that have members; each makes
//! text of it in the forms that its clients want.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::chat::history::{Entry, UnixMillis};
use crate::chat::moderation::Moderation;
use crate::chat::name::Name;
use crate::chat::person::Person;
use crate::chat::text::Line;

/// Something that happened in a lobby, and that everybody in it is shown. Cheap to clone: each thread has
/// its own.
#[derive(Debug, Clone)]
pub struct Event {
    /// When it happened, in UTC.
    pub at: UnixMillis,
    /// What happened.
    pub what: Happened,
}

/// What can happen in a lobby.
#[derive(Debug, Clone)]
pub enum Happened {
    /// Somebody said or did something.
    Said {
        /// The number of the message in its lobby.
        seq: u64,
        /// The message.
        entry: Arc<Entry>,
    },
    /// Somebody came in.
    Joined(Person),
    /// Somebody went, by whatever way.
    Left(Person),
    /// These came in within a second, in the order of their connections: each was told of themselves.
    ManyJoined(Arc<[Person]>),
    /// These went within a second.
    ManyLeft(Arc<[Person]>),
    /// The connections of these were lost with the node where they were.
    ManyLost(Arc<[Person]>),
    /// Somebody goes by another name.
    Renamed {
        /// The one so far.
        before: Name,
        /// Who they are, under the one from now on.
        who: Person,
    },
    /// Somebody asked Rox something.
    Asked {
        /// Whoever asked: not shown to those who ignore them.
        asker: Person,
        /// The question, without the command.
        question: Line,
        /// The number of the question among the messages of the lobby.
        seq: u64,
    },
    /// An answer of Rox's is in the history now. Whoever was shown it as it came is shown nothing more.
    AnswerKept {
        /// The number of the answer, as its pieces have it.
        answer: u64,
        /// Its number among the messages of the lobby.
        seq: u64,
        /// All of it.
        entry: Arc<Entry>,
    },
    /// Rox answers.
    Answered(AnswerPiece),
    /// Its bots and hooks have been too loud, and are muted for a while.
    BotsMuted,
    /// Somebody did what operators, owners or admins do.
    Moderated {
        /// In whose name it is told.
        by: Name,
        /// What was done, shared since each thread has it.
        what: Arc<Moderation>,
    },
}

/// Some more of an answer of Rox's: lines, of which the last may not be finished yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnswerPiece {
    /// Number of the answer, of all lobbies' there is none like it.
    pub id: u64,
    /// Whom it answers.
    pub asker: Person,
    /// Whether its first line is that of the answer.
    pub first: bool,
    /// The lines.
    pub lines: Arc<[Line]>,
    /// Whether the last line goes on: the piece after this one begins with it again, as far as it is known then.
    /// It ends with a word.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub open: bool,
    /// Bytes of the first line that the piece before this one had already; the rows of them that were full have
    /// been shown.
    #[serde(default, skip_serializing_if = "is_nothing")]
    pub shown: usize,
}

/// What is not written down, so that it is as earlier versions wrote it.
fn is_nothing(bytes: &usize) -> bool {
    *bytes == 0
}

impl AnswerPiece {
    /// The lines that are finished with it: who shows lines as a whole shows these.
    pub fn finished(&self) -> &[Line] {
        match self.lines.split_last() {
            Some((_, finished)) if self.open => finished,
            _ => &self.lines,
        }
    }
}

/// What the controls and the names around a text take in a block, to within a few bytes.
const FRAME_BYTES: usize = 96;

impl Happened {
    /// Whether somebody has come or gone, or goes by another name.
    pub fn is_crossing(&self) -> bool {
        match self {
            Self::Joined(_)
            | Self::Left(_)
            | Self::ManyJoined(_)
            | Self::ManyLeft(_)
            | Self::ManyLost(_)
            | Self::Renamed { .. } => true,
            Self::Said { .. }
            | Self::Asked { .. }
            | Self::AnswerKept { .. }
            | Self::Answered(_)
            | Self::BotsMuted
            | Self::Moderated { .. } => false,
        }
    }
}

impl Event {
    /// Whose it is: not shown to whoever ignores them. A notice of the lobby is nobody's.
    pub fn author(&self) -> Option<&Person> {
        match &self.what {
            Happened::Said { entry, .. } => Some(&entry.author),
            Happened::Asked { asker, .. } => Some(asker),
            Happened::Answered(piece) => Some(&piece.asker),
            Happened::AnswerKept { entry, .. } => Some(&entry.author),
            Happened::Joined(_)
            | Happened::Left(_)
            | Happened::ManyJoined(_)
            | Happened::ManyLeft(_)
            | Happened::ManyLost(_)
            | Happened::Renamed { .. }
            | Happened::BotsMuted
            | Happened::Moderated { .. } => None,
        }
    }

    /// Bytes that it takes as text, about: what waits is bounded by that.
    pub fn bytes(&self) -> usize {
        let text = match &self.what {
            Happened::Said { entry, .. } | Happened::AnswerKept { entry, .. } => {
                entry.text.as_str().len()
            }
            Happened::Asked { question, .. } => question.as_str().len(),
            Happened::Answered(piece) => {
                piece.lines.iter().map(|line| line.as_str().len() + 2).sum()
            }
            Happened::Joined(_)
            | Happened::Left(_)
            | Happened::ManyJoined(_)
            | Happened::ManyLeft(_)
            | Happened::ManyLost(_)
            | Happened::Renamed { .. }
            | Happened::BotsMuted
            | Happened::Moderated { .. } => 0,
        };
        FRAME_BYTES + text
    }
}
