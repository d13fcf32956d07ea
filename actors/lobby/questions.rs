//! The part of the Lobby that talks with its AI: it carries out what the machine of its questions
//! ([`Questions`](crate::ai::questions::Questions)) comes to.
//!
//! In a cluster every node has that machine, and lets happen to it what comes out of the log. The node that a
//! question was put to has more: its permit and who waits for the answer. It alone asks the provider, when the
//! question is the first.

use std::collections::BTreeMap;

use actix::prelude::*;
use tokio::sync::oneshot;

use crate::actors::ai::messages::{
    AnswerLines, AnswerOver, Ask, Generate, NotAsked, Permit, Ready, StartAnswer, TakePermit,
};
use crate::actors::ai::worker::AiWorker;
use crate::actors::lobby::Lobby;
use crate::actors::lobby::messages::Rox;
use crate::actors::log::{Log, Ticket, Waiting};
use crate::actors::shard::messages::{Address, Effect};
use crate::ai::answer::Lines;
use crate::ai::permits::{AiBusy, PermitId};
use crate::ai::prompt::context::{RECENT_MESSAGES, asked, recent};
use crate::ai::prompt::persona;
use crate::ai::questions::{self, End, Over, Question, QuestionId};
use crate::ai::request::{Request, Turn};
use crate::ai::{AiFailure, Outcome};
use crate::chat::change::{Change, NodeChange};
use crate::chat::directory::ConnId;
use crate::chat::history::UnixMillis;
use crate::chat::lobby::event::{AnswerPiece, Event, Happened};
use crate::chat::lobby::step::{Input, Refusal};
use crate::chat::person::Person;
use crate::chat::text::Line;
use crate::cluster::engine::Subject;
use crate::cluster::record::What;
use crate::render::replies::Reply;

/// What this node has to do with the questions of a lobby.
#[derive(Default)]
pub(super) struct Asking {
    /// Those that were proposed here and have not come out of the log.
    proposed: Waiting<Proposed>,
    /// The open ones that were put to this node. Each has a permit, which bounds them.
    own: BTreeMap<QuestionId, Own>,
}

/// A question that was proposed.
struct Proposed {
    permit: Permit,
    /// Where the asker is.
    at: Address,
    done: oneshot::Sender<Result<(), NotAsked>>,
}

/// An open question that was put to this node.
struct Own {
    permit: Permit,
    /// Where the asker is.
    at: Address,
    /// The last messages of the lobby when it was asked, or when some were taken back since.
    recent: String,
    /// How far it has come.
    stage: Stage,
}

/// How far a question has come on the node that it was put to.
enum Stage {
    /// It stands behind one that was put to another node.
    Behind,
    /// It waits for a worker.
    Ready,
    /// It has one, and waits until it is the first by the log.
    Given(Addr<AiWorker>),
    /// The provider is asked; whether rows of the answer are there.
    Asked { begun: bool },
    /// How it ended is on its way to the log.
    Over,
}

impl Asking {
    fn with_permit(&mut self, permit: PermitId) -> Option<(QuestionId, &mut Own)> {
        let own = self.own.iter_mut().find(|(_, own)| own.permit.id() == permit);
        own.map(|(id, own)| (*id, own))
    }
}

impl Lobby {
    /// The last messages, as they go with a question.
    fn recent(&self) -> String {
        // What is shown to nobody any more goes to no provider either.
        let kept = self.setup.store.kept().since;
        recent(self.room.last(RECENT_MESSAGES).skip_while(|entry| entry.at < kept))
    }

    /// Messages were taken back: they do not go with questions that still wait.
    pub(super) fn forget_removed(&mut self) {
        let recent = self.recent();
        for own in self.asking.own.values_mut() {
            own.recent.clone_from(&recent);
        }
    }

    /// This Lobby ends: nobody waits for an answer any more. Where another one goes on in its place, it has the
    /// questions that were put to other nodes. Gives what is to be [appended](Self::append_rox) once the Registry
    /// knows that this one is gone: what comes out of the log before that is not heard by the other.
    pub(super) fn give_up_questions(&mut self) -> Vec<questions::Input> {
        let now = self.now();
        let mut over = Vec::new();
        for (question, own) in std::mem::take(&mut self.asking.own) {
            self.question_failed(own.at, AiFailure::Unavailable);
            let end = End::Failed(AiFailure::Unavailable);
            match &self.setup.log {
                Log::Alone => {
                    let over = self.questions.end(question, &end, now);
                    over.into_iter().for_each(|over| self.show_end(&over, now));
                }
                // With the lobby its questions are gone from all nodes.
                Log::Shared(_) if self.ended => {}
                Log::Shared(_) => over.push(questions::Input::Over { question, end, usage: None }),
            }
        }
        over
    }

    /// A life of a node is over, and with it what was put to that node.
    pub(super) fn lose_questions(&mut self, life: u32, at: UnixMillis, ctx: &mut Context<Self>) {
        let lost = self.questions.lose(|question| question.life == life, at);
        if !lost.is_empty() {
            self.keep_questions();
        }
        for lost in lost {
            self.show_end(&lost, at);
            if let Some(own) = self.asking.own.remove(&lost.question.id) {
                self.question_failed(own.at, AiFailure::Unavailable);
            }
        }
        self.go_on(ctx);
    }

    /// Shows the last of an answer.
    fn show_end(&mut self, over: &Over, at: UnixMillis) {
        if let Some(last) = &over.last {
            self.batch.event(Event { at, what: Happened::Answered(last.clone()) });
        }
    }

    /// Tells an asker that there will be no answer.
    fn question_failed(&mut self, at: Address, why: AiFailure) {
        self.batch.one(at, |seat| Effect::Reply(seat, Reply::AiFailed(why)));
        self.batch.one(at, Effect::AnswerOver);
    }

    /// Proposes what is to happen to the questions; nothing where this server is alone.
    pub(super) fn append_rox(&self, input: questions::Input) -> Option<Ticket> {
        let Log::Shared(log) = &self.setup.log else { return None };
        let lobby = self.id;
        Some(log.append(Subject::Lobby(lobby), What::Rox { lobby, input }, Vec::new()))
    }

    /// Has something happen to the questions that nobody waits for.
    fn note_rox(&mut self, input: questions::Input, ctx: &mut Context<Self>) {
        if self.append_rox(input.clone()).is_none() {
            let now = self.now();
            self.rox(input, now, 0, None, ctx);
        }
    }

    /// Something happens to the questions, at that time; `life` is that of the node that has proposed it. A
    /// question that was put to this node has somebody who waits.
    fn rox(
        &mut self,
        input: questions::Input,
        at: UnixMillis,
        life: u32,
        proposed: Option<Proposed>,
        ctx: &mut Context<Self>,
    ) {
        match input {
            questions::Input::Asked { question, conn, text } => {
                let asked = self.asked((question, life), conn, text, at, proposed, ctx);
                if let Some(done) = asked {
                    self.flush();
                    let _ = done.send(Ok(()));
                }
            }
            questions::Input::Answered(piece) => {
                if self.questions.show(&piece) {
                    self.batch.event(Event { at, what: Happened::Answered(piece) });
                }
            }
            questions::Input::Over { question, end, usage: _ } => {
                let Some(over) = self.questions.end(question, &end, at) else { return };
                self.show_end(&over, at);
                self.keep_questions();
                match (self.asking.own.remove(&question), end) {
                    (Some(own), End::Failed(why)) => self.question_failed(own.at, why),
                    (Some(own), End::Answered(_) | End::Cut(_)) => {
                        self.batch.one(own.at, Effect::AnswerOver)
                    }
                    (None, _) => {}
                }
            }
        }
        self.go_on(ctx);
    }

    /// Somebody asks something, where they may speak: who waits here to hear that it was taken.
    fn asked(
        &mut self,
        (id, life): (QuestionId, u32),
        conn: ConnId,
        text: Line,
        at: UnixMillis,
        proposed: Option<Proposed>,
        ctx: &mut Context<Self>,
    ) -> Option<oneshot::Sender<Result<(), NotAsked>>> {
        let ask = Input::Ask(conn);
        let may = self.room.propose(&ask, at);
        let asker = self.room.member(conn).map(|member| Person::from(&member.who));
        let (Ok(()), Some(asker)) = (&may, asker) else {
            if let (Err(why), Some(Proposed { done, .. })) = (may, proposed) {
                let _ = done.send(Err(refused(why)));
            }
            return None;
        };
        self.happen(ask, at, ctx);
        let done = proposed.map(|Proposed { permit, at, done }| {
            self.batch.one(at, |seat| Effect::Reply(seat, Reply::AiThinking));
            let own = Own { permit, at, recent: self.recent(), stage: Stage::Behind };
            self.asking.own.insert(id, own);
            done
        });
        let what = Happened::Asked { asker: asker.clone(), question: text.clone() };
        self.batch.event(Event { at, what });
        self.questions.ask(Question { id, life, asker, text }, at);
        self.keep_questions();
        done
    }

    /// Has stored how the questions stand now, with the place in the log from which the next record goes on. A
    /// server that is alone begins without any.
    fn keep_questions(&mut self) {
        if self.is_applying() {
            let questions = NodeChange::Questions(self.id, self.questions.stored());
            self.kept.push(Change::Node(questions));
        }
    }

    /// Does what is to be done next for the questions that were put to this node.
    fn go_on(&mut self, ctx: &mut Context<Self>) {
        for question in self.questions.open() {
            let Some(own) = self.asking.own.get_mut(&question.id) else { break };
            if let Stage::Behind = own.stage {
                own.stage = Stage::Ready;
                let permit = own.permit.id();
                let noted = self.setup.ai.send(Ready(permit)).into_actor(self);
                ctx.spawn(noted.map(move |noted, _, ctx| {
                    if !noted.unwrap_or(false) {
                        ctx.notify(AnswerOver(permit, Outcome::unsent(AiFailure::Unavailable)));
                    }
                }));
            }
        }
        let Some(first) = self.questions.first() else { return };
        let Some(own) = self.asking.own.get_mut(&first.id) else { return };
        let Stage::Given(worker) = &own.stage else { return };
        let worker = worker.clone();
        own.stage = Stage::Asked { begun: false };
        let system = match &self.room.state().prompt {
            Some(prompt) => prompt.as_str().to_owned(),
            None => persona::rox(),
        };
        let newest = format!("{}{}", own.recent, asked(&first.asker.name, &first.text));
        let turns = self.questions.turns().cloned().chain([Turn::user(newest)]).collect();
        let request = Request { system, turns };
        let (conn, permit) = (own.at.seat.conn, own.permit.id());
        worker.do_send(Generate { request, conn, permit, lobby: ctx.address() });
    }
}

/// Why a question was not taken, where that is by the rules of the lobby.
fn refused(why: Refusal) -> NotAsked {
    match why {
        Refusal::Say(why) => why.into(),
        // Nobody is asked in.
        Refusal::Join(_) | Refusal::Unreachable => AiBusy.into(),
    }
}

impl Handler<Ask> for Lobby {
    type Result = ResponseFuture<Result<(), NotAsked>>;

    fn handle(&mut self, Ask(conn, text): Ask, ctx: &mut Self::Context) -> Self::Result {
        let now = self.now();
        if let Err(why) = self.room.propose(&Input::Ask(conn), now) {
            return Box::pin(async { Err(refused(why)) });
        }
        let member = self.room.member(conn);
        // The Session has looked for a provider already, but a moment ago.
        let Some(member) = member.filter(|_| self.setup.config.get().ai.is_some()) else {
            return Box::pin(async { Err(AiBusy.into()) });
        };
        let (asker, ip, at) = (Person::from(&member.who), member.who.ip, member.handle);
        // Of those that were put to this node the pool knows.
        let elsewhere = |question: &Question| !self.asking.own.contains_key(&question.id);
        if self.questions.open().any(|other| elsewhere(other) && other.asker.knows(&asker)) {
            return Box::pin(async { Err(AiBusy.into()) });
        }
        let (done, answer) = oneshot::channel();
        let take = TakePermit { id: self.id, lobby: ctx.address(), asker, ip };
        let taken = self.setup.ai.send(take).into_actor(self);
        // The mailbox pauses meanwhile, so what was sent after the question comes after it. The pool answers at
        // once, so that is some microseconds.
        ctx.wait(taken.map(move |given, lobby, ctx| match given.unwrap_or(Err(AiBusy)) {
            Ok(permit) => {
                let question = QuestionId::new(conn, permit.id());
                let asked = questions::Input::Asked { question, conn, text };
                let proposed = Proposed { permit, at, done };
                match lobby.append_rox(asked.clone()) {
                    Some(ticket) => lobby.asking.proposed.add(ticket, proposed),
                    None => {
                        let now = lobby.now();
                        lobby.rox(asked, now, 0, Some(proposed), ctx);
                    }
                }
            }
            Err(busy) => _ = done.send(Err(busy.into())),
        }));
        Box::pin(async { answer.await.unwrap_or(Err(AiBusy.into())) })
    }
}

impl Handler<StartAnswer> for Lobby {
    type Result = ();

    fn handle(&mut self, StartAnswer(id, worker): StartAnswer, ctx: &mut Self::Context) {
        // A question that waits here no more has given its permit back, which frees the worker.
        if let Some((_, own)) = self.asking.with_permit(id)
            && let Stage::Ready = own.stage
        {
            own.stage = Stage::Given(worker);
            self.go_on(ctx);
        }
    }
}

impl Handler<AnswerLines> for Lobby {
    type Result = ();

    fn handle(&mut self, AnswerLines(id, lines): AnswerLines, ctx: &mut Self::Context) {
        // What comes late is of another answer.
        let Some((id, own)) = self.asking.with_permit(id) else { return };
        let Stage::Asked { begun } = &mut own.stage else { return };
        let first = !std::mem::replace(begun, true);
        let Some(question) = self.questions.first().filter(|first| first.id == id) else { return };
        let asker = question.asker.clone();
        let Lines { lines, open, shown } = lines;
        let piece = AnswerPiece { id: id.0, asker, first, lines: lines.into(), open, shown };
        self.note_rox(questions::Input::Answered(piece), ctx);
    }
}

impl Handler<AnswerOver> for Lobby {
    type Result = ();

    fn handle(&mut self, AnswerOver(id, outcome): AnswerOver, ctx: &mut Self::Context) {
        let Some((question, own)) = self.asking.with_permit(id) else { return };
        if let Stage::Over = std::mem::replace(&mut own.stage, Stage::Over) {
            return;
        }
        let Outcome { result, usage } = outcome;
        self.note_rox(questions::Input::Over { question, end: End::of(result), usage }, ctx);
    }
}

impl Lobby {
    /// Something of Rox has come out of the log.
    pub(super) fn decide_rox(&mut self, rox: Rox, ctx: &mut Context<Self>) {
        let Rox { input, at, life, own, applying } = rox;
        let proposed = own.and_then(|ticket| self.asking.proposed.take(ticket));
        let orphan = match &input {
            // The Lobby that has proposed it broke meanwhile, so nobody is here to ask the provider.
            questions::Input::Asked { question, .. } if own.is_some() && proposed.is_none() => {
                Some(*question)
            }
            _ => None,
        };
        self.apply(applying, ctx, |lobby, ctx| lobby.rox(input, at, life, proposed, ctx));
        if let Some(question) = orphan {
            let end = End::Failed(AiFailure::Unavailable);
            self.note_rox(questions::Input::Over { question, end, usage: None }, ctx);
        }
        if self.batch.is_full() {
            self.flush();
        }
    }
}
