//! Every message about answers of the AI, with its reply.

use actix::prelude::*;

use crate::actors::ai::worker::AiWorker;
use crate::actors::lobby::Lobby;
use crate::ai::AiFailure;
use crate::chat::directory::{ConnId, IpKey};
use crate::chat::lobbies::LobbyId;
use crate::chat::person::Person;
use crate::chat::room::SayError;
use crate::chat::text::Line;

// ---- to a Lobby ----

/// Ask the lobby's AI.
#[derive(Message)]
#[rtype(result = "Result<(), NotAsked>")]
pub struct Ask(pub ConnId, pub Line);

/// Why a question was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotAsked {
    /// Too many are waiting.
    #[error(transparent)]
    Busy(#[from] AiBusy),
    /// Whoever asked may not speak now.
    #[error(transparent)]
    Silent(#[from] SayError),
}

/// It is this lobby's turn: ask this worker.
#[derive(Message)]
#[rtype(result = "()")]
pub struct StartAnswer(pub Addr<AiWorker>);

/// Finished lines of the answer.
#[derive(Message)]
#[rtype(result = "()")]
pub struct AnswerLines(pub Vec<Line>);

/// The answer is over: its whole text, or why there is none.
#[derive(Message)]
#[rtype(result = "()")]
pub struct AnswerOver(pub Result<String, AiFailure>);

// ---- to the AiPool ----

/// Too many questions are waiting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many questions are waiting")]
pub struct AiBusy;

/// A lobby has a question.
#[derive(Message)]
#[rtype(result = "Result<(), AiBusy>")]
pub struct Enqueue {
    /// The lobby's number.
    pub id: LobbyId,
    /// Where it is.
    pub lobby: Addr<Lobby>,
    /// Whose question it is.
    pub asker: Person,
    /// The address that they ask from.
    pub ip: IpKey,
}

/// A worker has the whole answer, and is about to say so: its asker may ask again.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Answered(pub usize);

/// A worker is done with a question of this lobby.
#[derive(Message)]
#[rtype(result = "()")]
pub struct WorkerFree(pub usize, pub LobbyId);

/// A worker died.
#[derive(Message)]
#[rtype(result = "()")]
pub struct WorkerDied(pub usize);

/// A lobby is no more: its questions need no answer.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Forget(pub LobbyId);

// ---- to an AiWorker ----

/// Get an answer to this request, for this lobby.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Generate {
    /// The body of the request.
    pub body: String,
    /// Number of the lobby that wants the answer.
    pub id: LobbyId,
    /// Where that lobby is.
    pub lobby: Addr<Lobby>,
}

/// This lobby wants no answer any more.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Cancel(pub LobbyId);
