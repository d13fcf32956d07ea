//! The part of the Lobby that talks with its AI.

use std::collections::VecDeque;

use actix::prelude::*;

use crate::actors::ai::messages::{
    AnswerLines, AnswerOver, Ask, Generate, NotAsked, Permit, StartAnswer, TakePermit,
};
use crate::actors::lobby::Lobby;
use crate::actors::lobby::messages::Rox;
use crate::actors::log::Log;
use crate::actors::shard::messages::{Address, Effect};
use crate::ai::AiFailure;
use crate::ai::permits::AiBusy;
use crate::ai::prompt::context::{Conversation, RECENT_MESSAGES, asked, recent};
use crate::ai::prompt::persona;
use crate::ai::request::{Request, Turn};
use crate::chat::directory::{ConnId, IpKey};
use crate::chat::lobby::event::{AnswerPiece, Event, Happened};
use crate::chat::lobby::step::{Input, Refusal};
use crate::chat::person::Person;
use crate::chat::text::Line;
use crate::clock::{self, unix_now};
use crate::cluster::engine::Subject;
use crate::cluster::record::What;
use crate::render::replies::Reply;

/// A question that waits, as it was when it was asked.
struct Question {
    asker: Person,
    ip: IpKey,
    at: Address,
    text: Line,
    /// The last messages of the lobby at that time, or when some were taken back since.
    recent: String,
}

/// The question that is being answered.
struct Answering {
    question: Question,
    permit: Permit,
    begun: bool,
}

/// The lobby's questions and its conversation.
pub(super) struct QuestionQueue {
    /// In the order of their permits.
    waiting: VecDeque<(Permit, Question)>,
    answering: Option<Answering>,
    conversation: Conversation,
}

impl QuestionQueue {
    /// Without a question, after this conversation.
    pub(super) fn new(conversation: Conversation) -> Self {
        Self { waiting: VecDeque::new(), answering: None, conversation }
    }

    /// Hands the conversation on.
    pub(super) fn take_conversation(&mut self) -> Conversation {
        std::mem::take(&mut self.conversation)
    }
}

impl Lobby {
    fn question(&self, conn: ConnId, text: Line) -> Option<Question> {
        let member = self.room.member(conn)?;
        Some(Question {
            asker: (&member.who).into(),
            ip: member.who.ip,
            at: member.handle,
            text,
            recent: self.recent(),
        })
    }

    /// The last messages, as they go with a question.
    fn recent(&self) -> String {
        // What is shown to nobody any more goes to no provider either.
        let kept = self.setup.store.kept().since;
        recent(self.room.last(RECENT_MESSAGES).skip_while(|entry| entry.at < kept))
    }

    /// Messages were taken back: they do not go with questions that still wait.
    pub(super) fn forget_removed(&mut self) {
        let recent = self.recent();
        for (_, question) in &mut self.questions.waiting {
            question.recent.clone_from(&recent);
        }
    }

    /// The lobby ends: nobody waits for an answer any more.
    pub(super) fn give_up_questions(&mut self) {
        let answering = self.questions.answering.take().map(|answering| answering.question);
        let waiting = self.questions.waiting.drain(..).map(|(_, question)| question);
        let open: Vec<_> = answering.into_iter().chain(waiting).collect();
        for question in open {
            self.question_failed(&question, AiFailure::Unavailable);
            self.batch.one(question.at, Effect::AnswerOver);
        }
    }

    fn question_failed(&mut self, question: &Question, why: AiFailure) {
        self.batch.one(question.at, |seat| Effect::Reply(seat, Reply::AiFailed(why)));
    }

    /// Tells the asker that their question was taken, and the lobby what it is.
    fn take_question(&mut self, permit: Permit, question: Question) {
        self.batch.one(question.at, |seat| Effect::Reply(seat, Reply::AiThinking));
        let (asker, text) = (question.asker.clone(), question.text.clone());
        match &self.setup.log {
            Log::Alone => {
                let what = Happened::Asked { asker, question: text };
                self.batch.event(Event { at: unix_now(), what });
            }
            Log::Shared(log) => {
                let (lobby, conn) = (self.id, question.at.seat.conn);
                let what = What::Asked { lobby, question: permit.id().0, conn, text };
                log.append(Subject::Lobby(lobby), what, Vec::new());
            }
        }
        self.flush();
        self.questions.waiting.push_back((permit, question));
    }
}

impl Handler<Ask> for Lobby {
    type Result = AtomicResponse<Self, Result<(), NotAsked>>;

    fn handle(&mut self, Ask(conn, text): Ask, ctx: &mut Self::Context) -> Self::Result {
        if let Err(Refusal::Say(why)) = self.step(Input::Ask(conn), ctx) {
            return AtomicResponse::new(Box::pin(fut::ready(Err(why.into()))));
        }
        let question = self.question(conn, text);
        // The Session has looked already, but a moment ago.
        let Some(question) = question.filter(|_| self.setup.config.get().ai.is_some()) else {
            return AtomicResponse::new(Box::pin(fut::ready(Err(AiBusy.into()))));
        };
        // Without a pause in the mailbox, the start of the answer could overtake the words that
        // the question was taken. The pool answers at once, so the pause is some microseconds.
        let (asker, ip) = (question.asker.clone(), question.ip);
        let take = TakePermit { id: self.id, lobby: ctx.address(), asker, ip };
        let taken =
            self.setup.ai.send(take).into_actor(self).map(move |given, act: &mut Self, _| {
                let permit = given.unwrap_or(Err(AiBusy))?;
                act.take_question(permit, question);
                Ok(())
            });
        AtomicResponse::new(Box::pin(taken))
    }
}

impl Handler<StartAnswer> for Lobby {
    type Result = ();

    fn handle(&mut self, StartAnswer(id, worker): StartAnswer, ctx: &mut Self::Context) {
        let waiting = &mut self.questions.waiting;
        let at = waiting.iter().position(|(permit, _)| permit.id() == id);
        // A question that waits here no more has given its permit back, which frees the worker.
        let Some((permit, question)) = at.and_then(|at| waiting.remove(at)) else { return };
        let system = match &self.room.state().prompt {
            Some(prompt) => prompt.as_str().to_owned(),
            None => persona::rox(),
        };
        let newest = format!("{}{}", question.recent, asked(&question.asker.name, &question.text));
        let before = self.questions.conversation.begin(clock::now()).cloned();
        let turns = before.chain([Turn::user(newest)]).collect();
        let conn = question.at.seat.conn;
        self.questions.answering = Some(Answering { question, permit, begun: false });
        let request = Request { system, turns };
        worker.do_send(Generate { request, conn, permit: id, lobby: ctx.address() });
    }
}

impl Handler<AnswerLines> for Lobby {
    type Result = ();

    fn handle(&mut self, AnswerLines(id, lines): AnswerLines, _: &mut Self::Context) {
        // What comes late is of another answer.
        let answering = self.questions.answering.as_mut();
        let Some(answering) = answering.filter(|answering| answering.permit.id() == id) else {
            return;
        };
        let first = !std::mem::replace(&mut answering.begun, true);
        let (asker, conn) = (answering.question.asker.clone(), answering.question.at.seat.conn);
        // Each node counts its own.
        let id = u64::from(conn.life()) << 32 | id.0 & u64::from(u32::MAX);
        let piece = AnswerPiece { id, asker, first, lines: lines.into() };
        match &self.setup.log {
            Log::Alone => {
                self.batch.event(Event { at: unix_now(), what: Happened::Answered(piece) });
            }
            Log::Shared(log) => {
                let lobby = self.id;
                let what = What::Answered { lobby, piece };
                log.append(Subject::Lobby(lobby), what, Vec::new());
            }
        }
    }
}

impl Handler<AnswerOver> for Lobby {
    type Result = ();

    fn handle(&mut self, AnswerOver(id, result): AnswerOver, _: &mut Self::Context) {
        let over = self.questions.answering.take_if(|answering| answering.permit.id() == id);
        let Some(Answering { question, .. }) = over else { return };
        match result {
            Ok(answer) => {
                let question = asked(&question.asker.name, &question.text);
                self.questions.conversation.remember(question, answer);
            }
            Err(why) => self.question_failed(&question, why),
        }
        self.batch.one(question.at, Effect::AnswerOver);
    }
}

impl Handler<Rox> for Lobby {
    type Result = ();

    fn handle(&mut self, rox: Rox, _: &mut Self::Context) {
        let (at, what) = match rox {
            Rox::Asked(conn, question, at) => {
                let Some(member) = self.room.member(conn) else { return };
                (at, Happened::Asked { asker: (&member.who).into(), question })
            }
            Rox::Answered(piece, at) => (at, Happened::Answered(piece)),
        };
        self.batch.event(Event { at, what });
        if self.batch.is_full() {
            self.flush();
        }
    }
}
