//! Every message about answers of the AI, with its reply.

use actix::prelude::*;

use crate::actors::ai::pool::AiPool;
use crate::actors::ai::worker::AiWorker;
use crate::actors::guard::Guarded;
use crate::actors::lobby::Lobby;
use crate::ai::Outcome;
use crate::ai::answer::Lines;
use crate::ai::permits::{AiBusy, PermitId};
use crate::ai::request::Request;
use crate::chat::directory::{ConnId, IpKey};
use crate::chat::lobbies::LobbyId;
use crate::chat::lobby::SayError;
use crate::chat::person::Person;
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

/// The question with this permit has its turn: ask this worker.
#[derive(Message)]
#[rtype(result = "()")]
pub struct StartAnswer(pub PermitId, pub Addr<AiWorker>);

/// Lines of the answer.
#[derive(Message)]
#[rtype(result = "()")]
pub struct AnswerLines(pub PermitId, pub Lines);

/// The question with this permit is over: its answer, or why there is none, and what it has cost.
#[derive(Message)]
#[rtype(result = "()")]
pub struct AnswerOver(pub PermitId, pub Outcome);

// ---- to the AiPool ----

/// Other settings are in force.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Reconfigured;

/// May a lobby take a question?
#[derive(Message)]
#[rtype(result = "Result<Permit, AiBusy>")]
pub struct TakePermit {
    /// The lobby's number.
    pub id: LobbyId,
    /// Where it is.
    pub lobby: Addr<Lobby>,
    /// Whose question it is.
    pub asker: Person,
    /// The address that they ask from.
    pub ip: IpKey,
}

/// To have one question answered. It is given back when it is dropped, so whatever becomes of the
/// question or its lobby, nobody's share stays taken.
pub struct Permit {
    id: PermitId,
    pool: Addr<Guarded<AiPool>>,
}

impl Permit {
    /// One that was entered in the books of this pool.
    pub(super) fn new(id: PermitId, pool: Addr<Guarded<AiPool>>) -> Self {
        Self { id, pool }
    }

    /// Its number.
    pub fn id(&self) -> PermitId {
        self.id
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.pool.do_send(GiveBack(self.id));
    }
}

/// A permit is of no more use: its question was answered, or needs no answer.
#[derive(Message)]
#[rtype(result = "()")]
pub struct GiveBack(pub PermitId);

/// A worker has the whole answer, and is about to say so: its asker may ask again.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Answered(pub PermitId);

/// A worker is done with this question.
#[derive(Message)]
#[rtype(result = "()")]
pub struct WorkerFree(pub PermitId);

/// A worker died.
#[derive(Message)]
#[rtype(result = "()")]
pub struct WorkerDied(pub usize);

/// In its lobby nothing stands before the question of this permit but such as have a permit too. Answered with
/// whether that was noted.
#[derive(Message)]
#[rtype(result = "bool")]
pub struct Ready(pub PermitId);

// ---- to an AiWorker ----

/// Get an answer to this request, for this lobby.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Generate {
    /// What to ask the model.
    pub request: Request,
    /// The connection that the question came from.
    pub conn: ConnId,
    /// The permit that the question has.
    pub permit: PermitId,
    /// Where the lobby is that wants the answer.
    pub lobby: Addr<Lobby>,
}

/// Nobody wants this answer any more.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Cancel(pub PermitId);
