//! Every message about answers of the AI, with its reply.

use std::time::Instant;

use actix::prelude::*;

use crate::actors::ai::pool::AiPool;
use crate::actors::ai::worker::AiWorker;
use crate::actors::guard::Guarded;
use crate::actors::lobby::Lobby;
use crate::ai::Outcome;
use crate::ai::answer::Lines;
use crate::ai::budget::OverBudget;
use crate::ai::permits::{AiBusy, PermitId};
use crate::ai::questions::NotStopped;
use crate::ai::request::Request;
use crate::chat::accounts::Identity;
use crate::chat::directory::{ConnId, IpKey};
use crate::chat::ignores::Ignores;
use crate::chat::lobbies::LobbyId;
use crate::chat::lobby::SayError;
use crate::chat::person::Person;
use crate::chat::roles::Denied;
use crate::chat::text::{Line, Text};

// ---- to a Lobby ----

/// Ask the lobby's AI.
#[derive(Message)]
#[rtype(result = "Result<(), NotAsked>")]
pub struct Ask {
    /// The connection of whoever asks.
    pub conn: ConnId,
    /// What they ask.
    pub text: Line,
    /// The message that asks, where it is one. It is said, whether anybody is asked or not, where its author may
    /// speak.
    pub said: Option<Text>,
    /// When their Session took it.
    pub taken: Instant,
}

/// Sum up for me what I have missed here.
#[derive(Message)]
#[rtype(result = "Result<(), NotAsked>")]
pub struct CatchUp {
    /// The connection of whoever asks.
    pub conn: ConnId,
    /// Whom they do not want to hear.
    pub ignores: Ignores,
}

/// Have the AI stop answering. Answered with whether something of one's own was stopped, of which one is told anyway.
#[derive(Message)]
#[rtype(result = "Result<bool, StopRefused>")]
pub struct StopRox(pub ConnId);

/// Forget what the AI was asked here.
#[derive(Message)]
#[rtype(result = "Result<(), ForgetRefused>")]
pub struct ForgetRox(pub Identity);

/// Why nothing is stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum StopRefused {
    /// There is nothing of theirs.
    #[error(transparent)]
    NotStopped(#[from] NotStopped),
    /// The log cannot be reached that all nodes share.
    #[error("the other servers cannot be reached")]
    Unreachable,
}

/// Why nothing is forgotten.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ForgetRefused {
    /// They may not order it.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// The log cannot be reached that all nodes share.
    #[error("the other servers cannot be reached")]
    Unreachable,
}

/// The server stops: end all answers that this node is giving, so that those who read them are told. Answered once that
/// is so, or is on its way to the Shards.
#[derive(Clone, Message)]
#[rtype(result = "()")]
pub struct EndAnswers;

/// Whether the AI is on in the lobby.
#[derive(Message)]
#[rtype(result = "bool")]
pub struct HasRox;

/// Why a question was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotAsked {
    /// Too many are waiting.
    #[error(transparent)]
    Busy(#[from] AiBusy),
    /// Whoever asked may not speak now.
    #[error(transparent)]
    Silent(#[from] SayError),
    /// Nobody could be asked.
    #[error("no provider")]
    NoProvider,
    /// The lobby does without the AI.
    #[error("the AI is off in this lobby")]
    Off,
    /// A budget is used up.
    #[error(transparent)]
    OverBudget(#[from] OverBudget),
    /// Nothing was said that they have missed.
    #[error("nothing was missed")]
    NothingMissed,
    /// The store cannot say what they have missed.
    #[error("what was missed cannot be read")]
    Unread,
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
    /// The lobby's number, where the question stands in its line.
    pub id: Option<LobbyId>,
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

/// A worker has all that there will be of an answer, and is about to say so: its asker may ask again.
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

/// This answer is to end here: what has come of it and was not told yet is, and that it is over.
#[derive(Message)]
#[rtype(result = "()")]
pub struct EndHere(pub PermitId);
