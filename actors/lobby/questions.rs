//! The part of the Lobby that talks with its AI: it carries out what the machine of its questions
//! ([`Questions`](crate::ai::questions::Questions)) comes to.
//!
//! In a cluster every node has that machine, and lets happen to it what comes out of the log. The node that a
//! question was put to has more: its permit and who waits for the answer. It alone asks the provider, when the
//! question is the first.

use std::collections::BTreeMap;
use std::time::Instant;

use actix::prelude::*;
use futures_util::FutureExt as _;
use tokio::sync::oneshot;

use crate::actors::ai::budgets::Budgets;
use crate::actors::ai::messages::{
    AnswerLines, AnswerOver, Answered, Ask, EndAnswers, EndHere, ForgetRefused, ForgetRox,
    Generate, HasRox, NotAsked, Permit, Ready, StartAnswer, StopRefused, StopRox, TakePermit,
};
use crate::actors::ai::worker::AiWorker;
use crate::actors::lobby::Lobby;
use crate::actors::lobby::catching_up::CatchingUp;
use crate::actors::lobby::messages::Rox;
use crate::actors::log::{Log, Ticket, Waiting};
use crate::actors::shard::messages::{Address, Effect};
use crate::ai::answer::Lines;
use crate::ai::budget::OverBudget;
use crate::ai::permits::{AiBusy, PermitId};
use crate::ai::prompt::context::{RECENT_MESSAGES, asked, recent};
use crate::ai::prompt::persona;
use crate::ai::questions::{self, End, NotStopped, Over, Question, QuestionId};
use crate::ai::request::{Request, Turn};
use crate::ai::usage::Usage;
use crate::ai::{AiFailure, Outcome};
use crate::chat::accounts::Identity;
use crate::chat::change::{Change, NodeChange};
use crate::chat::directory::{ConnId, IpKey};
use crate::chat::history::UnixMillis;
use crate::chat::lobby::Saying;
use crate::chat::lobby::event::{AnswerPiece, Event, Happened};
use crate::chat::lobby::step::{Input, Refusal};
use crate::chat::moderation::Moderation;
use crate::chat::person::Person;
use crate::chat::roles::Right;
use crate::chat::text::{Line, Text};
use crate::cluster::engine::Subject;
use crate::cluster::record::What;
use crate::render::replies::Reply;

/// A question, as it is put to all nodes.
struct Asked {
    id: QuestionId,
    /// The life of the node that it was put to.
    life: u32,
    conn: ConnId,
    text: Line,
    said: Option<Text>,
}

/// What this node has to do with the questions of a lobby.
#[derive(Default)]
pub(super) struct Asking {
    /// Those that were proposed here and have not come out of the log.
    proposed: Waiting<Proposed>,
    /// The open ones that were put to this node. Each has a permit, which bounds them.
    own: BTreeMap<QuestionId, Own>,
    /// Who waits here for what they want stopped, or forgotten.
    ordered: Waiting<oneshot::Sender<Result<bool, NotStopped>>>,
    /// Summaries for one user, which were asked of this node.
    catching_up: CatchingUp,
    /// The number of the first message that may go to a provider, where others were said while lobbies were without
    /// the AI by the settings of this server.
    from: u64,
    /// Whether the server stops: nothing is asked any more.
    stops: bool,
    /// Who waits until none is open.
    until_none: Vec<oneshot::Sender<()>>,
}

/// A question that was proposed.
struct Proposed {
    permit: Permit,
    /// Where the asker is.
    at: Address,
    /// When their Session took it.
    taken: Instant,
    done: oneshot::Sender<Result<(), NotAsked>>,
}

/// An open question that was put to this node.
struct Own {
    /// None once the question was stopped before it was sent.
    permit: Option<Permit>,
    id: PermitId,
    /// Where the asker is.
    at: Address,
    /// The last messages of the lobby when it was asked, or when some were taken back since.
    recent: String,
    /// How far it has come.
    stage: Stage,
    /// Bytes that were sent to the provider, and that were shown.
    bytes: (usize, usize),
}

/// How far a question has come on the node that it was put to.
enum Stage {
    /// It stands behind one that was put to another node.
    Behind,
    /// It waits for a worker.
    Ready,
    /// It has one, and waits until it is the first by the log.
    Given(Addr<AiWorker>),
    /// The provider is asked by this worker.
    Asked {
        worker: Addr<AiWorker>,
        /// Whether rows of the answer are there.
        begun: bool,
        /// Whether the worker was told to end it.
        stopped: bool,
    },
    /// How it ended is on its way to the log.
    Over,
}

impl Own {
    /// What it has cost where its end is not waited for, so that the provider does not say it any more: nothing
    /// where it was not sent.
    fn cost(&self) -> Option<Usage> {
        let (sent, shown) = self.bytes;
        match self.stage {
            Stage::Asked { .. } => Some(Usage::by_bytes(sent, shown)),
            Stage::Behind | Stage::Ready | Stage::Given(_) | Stage::Over => None,
        }
    }
}

impl Asking {
    fn with_permit(&mut self, permit: PermitId) -> Option<(QuestionId, &mut Own)> {
        let own = self.own.iter_mut().find(|(_, own)| own.id == permit);
        own.map(|(id, own)| (*id, own))
    }
}

impl Lobby {
    /// The last messages, as they go with a question.
    fn recent(&self) -> String {
        // What is shown to nobody any more goes to no provider either.
        let kept = self.setup.store.kept().since;
        // Nor what was said while the lobby was without the AI.
        let from = self.rox_from();
        let last = self.room.last(RECENT_MESSAGES).filter(|(seq, _)| *seq >= from);
        recent(last.map(|(_, entry)| entry).skip_while(|entry| entry.at < kept))
    }

    /// Whether this lobby has the AI.
    pub(super) fn has_rox(&self) -> bool {
        self.room.state().has_rox(self.setup.config.get().ai_lobbies)
    }

    /// The number of the first message that may go to a provider.
    pub(super) fn rox_from(&self) -> u64 {
        self.room.state().rox_from.max(self.asking.from)
    }

    /// Other settings are in force: by those, lobbies may be without the AI. What is said meanwhile is sent to
    /// nobody.
    pub(super) fn reconfigure_rox(&mut self, ctx: &mut Context<Self>) {
        if self.has_rox() {
            return self.rox_is_on();
        }
        self.asking.from = u64::MAX;
        self.rox_is_off(ctx);
    }

    /// The lobby has the AI: by the settings of before it may have been without.
    pub(super) fn rox_is_on(&mut self) {
        if self.asking.from == u64::MAX {
            self.asking.from = self.room.next_seq();
        }
    }

    /// What members want summed up.
    pub(super) fn catching_up(&mut self) -> &mut CatchingUp {
        &mut self.asking.catching_up
    }

    /// The lobby is without the AI from here on: nothing that was asked is sent any more, and what is being answered
    /// ends.
    pub(super) fn rox_is_off(&mut self, ctx: &mut Context<Self>) {
        self.end_own(ctx);
    }

    /// Ends all that was asked of this node.
    fn end_own(&mut self, ctx: &mut Context<Self>) {
        let own: Vec<_> = self.asking.own.keys().copied().collect();
        own.into_iter().for_each(|id| self.stop_own(id, ctx));
        self.stop_catching_up(|_| true, ctx);
    }

    /// Whoever waits until nothing is being answered for this node is told once that is so, after what is shown of it.
    fn tell_if_none(&mut self) {
        if self.asking.own.is_empty() && !self.asking.until_none.is_empty() {
            self.flush();
            self.asking.until_none.drain(..).for_each(|waiting| _ = waiting.send(()));
        }
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
            if let Log::Alone = &self.setup.log {
                let over = self.questions.end(question, &end, now);
                over.into_iter().for_each(|over| self.show_end(&over, now));
            }
            over.push(questions::Input::Over { question, end, usage: own.cost() });
        }
        over.extend(self.give_up_catching_up());
        match &self.setup.log {
            Log::Alone => {
                over.drain(..).for_each(|input| _ = self.count_rox(&input, now));
                over
            }
            // With the lobby its questions are gone from all nodes.
            Log::Shared(_) if self.ended => Vec::new(),
            Log::Shared(_) => over,
        }
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

    /// Shows the last of an answer, and keeps what was shown of it.
    fn show_end(&mut self, over: &Over, at: UnixMillis) {
        if let Some(last) = &over.last {
            self.batch.event(Event { at, what: Happened::Answered(last.clone()) });
        }
        if over.shown.is_empty() {
            return;
        }
        let rows = over.shown.iter().map(Line::as_str).collect::<Vec<_>>().join("\n");
        let asker = over.question.asker.clone();
        let (seq, entry) = self.room.record_answer(asker, Text::clean_all(&rows), at);
        self.kept.push(Change::Said { lobby: self.id, seq, entry: entry.clone() });
        let what = Happened::AnswerKept { answer: over.question.id.0, seq, entry };
        self.batch.event(Event { at, what });
    }

    /// Tells an asker that the answer has been stopped.
    pub(super) fn question_stopped(&mut self, at: Address) {
        self.batch.one(at, |seat| Effect::Reply(seat, Reply::AiStopped));
        self.batch.one(at, Effect::AnswerOver);
    }

    /// What follows for Rox from an order that was carried out.
    pub(super) fn carried_out(&mut self, what: &Moderation, ctx: &mut Context<Self>) {
        if what.removes().is_some() {
            self.forget_removed();
        }
        if let Moderation::SetRox { on: false } = what {
            self.rox_is_off(ctx);
        }
    }

    /// Tells an asker that there will be no answer.
    pub(super) fn question_failed(&mut self, at: Address, why: AiFailure) {
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
    pub(super) fn note_rox(&mut self, input: questions::Input, ctx: &mut Context<Self>) {
        if self.append_rox(input.clone()).is_none() {
            let now = self.now();
            let admitted = self.count_rox(&input, now);
            self.rox(input, (now, 0), admitted, None, ctx);
        }
    }

    /// Counts what happens for the budgets, where this server is alone: else the Registry has done so.
    pub(super) fn count_rox(
        &mut self,
        input: &questions::Input,
        at: UnixMillis,
    ) -> Result<(), OverBudget> {
        let who = input.asker().and_then(|conn| self.room.member(conn));
        let who = who.map(|member| Person::from(&member.who));
        let counted = self.setup.budgets.happened(self.id, input, who.as_ref(), at)?;
        self.kept.extend(counted.map(Change::Node));
        Ok(())
    }

    /// Something happens to the questions, at that time; `life` is that of the node that has proposed it. A
    /// question that was put to this node has somebody who waits.
    fn rox(
        &mut self,
        input: questions::Input,
        (at, life): (UnixMillis, u32),
        admitted: Result<(), OverBudget>,
        proposed: Option<Proposed>,
        ctx: &mut Context<Self>,
    ) {
        match input {
            questions::Input::Asked { question, conn, text, said, allowance: _ } => {
                let asked = Asked { id: question, life, conn, text, said };
                self.asked(asked, at, admitted, proposed, ctx);
            }
            // Nothing of the lobby's: see `catch_up_decided`.
            questions::Input::CatchUp { .. } => {}
            // Which questions end was told when it came: see `stop`.
            questions::Input::Stop { .. } => {}
            questions::Input::Forget { conn } => {
                let runs = self.room.member(conn).is_some_and(|member| self.runs(&member.who));
                if runs {
                    self.questions.forget();
                    self.keep_questions();
                }
            }
            questions::Input::Answered(piece) => {
                if self.questions.show(&piece) {
                    self.batch.event(Event { at, what: Happened::Answered(piece) });
                    // A node that starts again has to know what was shown: how an answer is kept that does not end
                    // follows from it.
                    self.keep_questions();
                }
            }
            questions::Input::Over { question, end, usage } => {
                self.end_is_counted(question);
                if let (Some(usage), Some(_)) = (usage, self.asking.own.get(&question)) {
                    self.setup.metrics.ai_tokens.inc_by(usage.tokens());
                }
                let Some(over) = self.questions.end(question, &end, at) else { return };
                self.show_end(&over, at);
                self.keep_questions();
                match (self.asking.own.remove(&question), end) {
                    (Some(own), End::Failed(why)) => self.question_failed(own.at, why),
                    (Some(own), End::Stopped) => self.question_stopped(own.at),
                    (Some(own), End::Answered(_) | End::Cut(_)) => {
                        self.batch.one(own.at, Effect::AnswerOver)
                    }
                    (None, _) => {}
                }
            }
        }
        self.go_on(ctx);
        self.tell_if_none();
    }

    /// Whether somebody runs this lobby.
    fn runs(&self, who: &Identity) -> bool {
        self.room.state().check(who, Right::Operator).is_ok()
    }

    /// Somebody asks something, where they may speak: who waits here is told that it was taken, or why not.
    fn asked(
        &mut self,
        Asked { id, life, conn, text, said }: Asked,
        at: UnixMillis,
        admitted: Result<(), OverBudget>,
        proposed: Option<Proposed>,
        ctx: &mut Context<Self>,
    ) {
        let ask = Input::Ask(conn);
        // When somebody spoke last is not known to every node.
        let may = match self.is_applying() {
            true => self.room.may_still(&ask, at),
            false => self.room.propose(&ask, at),
        };
        let asker = self.room.member(conn).map(|member| Person::from(&member.who));
        // What the settings say of lobbies was looked at by the node that it was put to.
        let off = self.room.state().rox == Some(false);
        let refused = match (may, admitted) {
            (Err(why), _) => Some(refused(why)),
            (Ok(()), Err(why)) => Some(why.into()),
            (Ok(()), Ok(())) => off.then_some(NotAsked::Off),
        };
        let taken = proposed.as_ref().map(|proposed| proposed.taken);
        let (None, Some(asker)) = (&refused, asker) else {
            let why = refused.unwrap_or(NotAsked::Busy(AiBusy));
            if let Some(said) = said.filter(|_| !matches!(why, NotAsked::Silent(_))) {
                let say = Input::Say { conn, saying: Saying::message(said), tagged: None };
                self.happen(say, at, ctx);
                taken.into_iter().for_each(|taken| self.batch.message(taken));
            }
            if let Some(Proposed { done, .. }) = proposed {
                self.flush();
                let _ = done.send(Err(why));
                if admitted.is_ok() {
                    let end = End::Failed(AiFailure::Unavailable);
                    let over = questions::Input::Over { question: id, end, usage: None };
                    self.note_rox(over, ctx);
                }
            }
            return;
        };
        // Before its own message, where it is sent from here.
        let recent = proposed.as_ref().map(|_| self.recent());
        self.happen(ask, at, ctx);
        let words = said.clone().unwrap_or_else(|| text.clone().into());
        if let Some((seq, entry)) = self.room.record_question(conn, words, at) {
            let lobby = self.id;
            self.kept.push(Change::Said { lobby, seq, entry: entry.clone() });
            let what = match said {
                Some(_) => Happened::Said { seq, entry },
                None => Happened::Asked { asker: asker.clone(), question: text.clone(), seq },
            };
            if said.is_some() {
                taken.into_iter().for_each(|taken| self.batch.message(taken));
                self.batch.event(Event { at, what });
                self.thinking(proposed.as_ref());
            } else {
                self.thinking(proposed.as_ref());
                self.batch.event(Event { at, what });
            }
        }
        let done = proposed.zip(recent).map(|(Proposed { permit, at, taken: _, done }, recent)| {
            let (stage, bytes, permit_id) = (Stage::Behind, (0, 0), permit.id());
            let own = Own { permit: Some(permit), id: permit_id, at, recent, stage, bytes };
            self.asking.own.insert(id, own);
            done
        });
        self.questions.ask(Question { id, life, asker, text }, at);
        self.keep_questions();
        if let Some(done) = done {
            self.flush();
            let _ = done.send(Ok(()));
        }
    }

    /// Tells whoever asks here that it was taken.
    fn thinking(&mut self, proposed: Option<&Proposed>) {
        if let Some(proposed) = proposed {
            self.batch.one(proposed.at, |seat| Effect::Reply(seat, Reply::AiThinking));
        }
    }

    /// Ends a question that was put to this node, and the request with it. Of one that is being answered the worker
    /// has what was not shown yet, and says that first.
    fn stop_own(&mut self, id: QuestionId, ctx: &mut Context<Self>) {
        let Some(own) = self.asking.own.get_mut(&id) else { return };
        match &mut own.stage {
            Stage::Over => return,
            Stage::Asked { worker, stopped, .. } => {
                if !std::mem::replace(stopped, true) {
                    // The asker may ask again with their next line.
                    self.setup.ai.do_send(Answered(own.id));
                    worker.do_send(EndHere(own.id));
                }
                return;
            }
            Stage::Behind | Stage::Ready | Stage::Given(_) => {}
        }
        let usage = own.cost();
        own.stage = Stage::Over;
        // The worker lets go of it.
        own.permit = None;
        self.note_rox(questions::Input::Over { question: id, end: End::Stopped, usage }, ctx);
    }

    /// Somebody wants answers to end: those end that were put to this node.
    fn stop(&mut self, conn: ConnId, ctx: &mut Context<Self>) -> Result<bool, NotStopped> {
        let Some(member) = self.room.member(conn) else { return Err(NotStopped::Nothing) };
        let (who, runs) = (Person::from(&member.who), self.runs(&member.who));
        let ends = self.questions.to_stop(&who, runs)?;
        let of = |one: &Question| ends.contains(&one.id) && one.asker.knows(&who);
        let theirs = self.questions.open().any(of);
        ends.into_iter().for_each(|id| self.stop_own(id, ctx));
        Ok(theirs)
    }

    /// Has stored how the questions stand now, with the place in the log from which the next record goes on. A
    /// server that is alone begins without any.
    fn keep_questions(&mut self) {
        if self.is_applying() {
            let questions = NodeChange::Questions(self.id, self.questions.stored());
            self.kept.push(Change::Node(questions));
        }
    }

    /// Has the pool give a worker for what has this permit.
    pub(super) fn is_ready(&self, permit: PermitId, ctx: &mut Context<Self>) {
        let noted = self.setup.ai.send(Ready(permit)).into_actor(self);
        ctx.spawn(noted.map(move |noted, _, ctx| {
            if !noted.unwrap_or(false) {
                ctx.notify(AnswerOver(permit, Outcome::unsent(AiFailure::Unavailable)));
            }
        }));
    }

    /// Does what is to be done next for the questions that were put to this node.
    fn go_on(&mut self, ctx: &mut Context<Self>) {
        let mut ready = Vec::new();
        for question in self.questions.open() {
            let Some(own) = self.asking.own.get_mut(&question.id) else { break };
            if let Stage::Behind = own.stage {
                own.stage = Stage::Ready;
                ready.push(own.id);
            }
        }
        ready.into_iter().for_each(|permit| self.is_ready(permit, ctx));
        let Some(first) = self.questions.first() else { return };
        let Some(own) = self.asking.own.get_mut(&first.id) else { return };
        let Stage::Given(worker) = &own.stage else { return };
        let worker = worker.clone();
        own.stage = Stage::Asked { worker: worker.clone(), begun: false, stopped: false };
        let system = match &self.room.state().prompt {
            Some(prompt) => persona::own(prompt.as_str()),
            None => persona::rox(),
        };
        let newest = format!("{}{}", own.recent, asked(&first.asker.name, &first.text));
        let turns = self.questions.turns().cloned().chain([Turn::user(newest)]).collect();
        let request = Request { system, turns };
        own.bytes.0 = request.bytes();
        let (conn, permit) = (own.at.seat.conn, own.id);
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

impl Lobby {
    /// Whether a provider can be asked for somebody in this lobby: who, from where, and where they are.
    pub(super) fn finds_rox(&mut self, conn: ConnId) -> Result<(Person, IpKey, Address), NotAsked> {
        let Some(member) = self.room.member(conn) else { return Err(AiBusy.into()) };
        if self.asking.stops {
            return Err(AiBusy.into());
        }
        if self.setup.config.get().ai.is_none() {
            return Err(NotAsked::NoProvider);
        }
        let found = (Person::from(&member.who), member.who.ip, member.handle);
        if !self.has_rox() {
            return Err(NotAsked::Off);
        }
        self.rox_is_on();
        Ok(found)
    }

    /// Whether the budgets let somebody ask here.
    pub(super) fn check_budgets(&self, who: &Person, now: UnixMillis) -> Result<(), OverBudget> {
        let allowance = Budgets::allowance(&self.setup.config.get(), now);
        self.setup.budgets.check(who, self.id, now, &allowance)
    }

    /// Whether somebody may ask something now: who, from where, and where they are.
    fn may_ask(
        &mut self,
        conn: ConnId,
        now: UnixMillis,
    ) -> Result<(Person, IpKey, Address), NotAsked> {
        self.room.propose(&Input::Ask(conn), now).map_err(refused)?;
        let (asker, ip, at) = self.finds_rox(conn)?;
        self.check_budgets(&asker, now)?;
        // Of those that were put to this node the pool knows.
        let elsewhere = |question: &Question| !self.asking.own.contains_key(&question.id);
        if self.questions.open().any(|other| elsewhere(other) && other.asker.knows(&asker)) {
            return Err(AiBusy.into());
        }
        Ok((asker, ip, at))
    }

    /// A question is put to nobody: where it is a message, that is said all the same.
    fn not_asked(
        &mut self,
        Ask { conn, text: _, said, taken }: Ask,
        why: NotAsked,
        done: oneshot::Sender<Result<(), NotAsked>>,
        ctx: &mut Context<Self>,
    ) {
        let Some(text) = said.filter(|_| !matches!(why, NotAsked::Silent(_))) else {
            let _ = done.send(Err(why));
            return;
        };
        let say = Input::Say { conn, saying: Saying::message(text), tagged: None };
        self.say_to_all(say, taken, ctx, move |lobby, said| {
            lobby.flush();
            let _ = done.send(Err(said.err().map_or(why, refused)));
        });
    }
}

impl Handler<Ask> for Lobby {
    type Result = ResponseFuture<Result<(), NotAsked>>;

    fn handle(&mut self, ask: Ask, ctx: &mut Self::Context) -> Self::Result {
        let now = self.now();
        let (done, answer) = oneshot::channel();
        let answer = Box::pin(async { answer.await.unwrap_or(Err(AiBusy.into())) });
        let (asker, ip, at) = match self.may_ask(ask.conn, now) {
            Ok(may) => may,
            Err(why) => {
                self.not_asked(ask, why, done, ctx);
                return answer;
            }
        };
        let take = TakePermit { id: Some(self.id), lobby: ctx.address(), asker, ip };
        let taken = self.setup.ai.send(take).into_actor(self);
        // The mailbox pauses meanwhile, so what was sent after the question comes after it. The pool answers at
        // once, so that is some microseconds.
        ctx.wait(taken.map(move |given, lobby, ctx| match given.unwrap_or(Err(AiBusy)) {
            Ok(permit) => {
                let Ask { conn, text, said, taken } = ask;
                let question = QuestionId::new(conn, permit.id());
                let now = lobby.now();
                let allowance = Some(Budgets::allowance(&lobby.setup.config.get(), now));
                let asked = questions::Input::Asked { question, conn, text, said, allowance };
                let proposed = Proposed { permit, at, taken, done };
                match lobby.append_rox(asked.clone()) {
                    Some(ticket) => lobby.asking.proposed.add(ticket, proposed),
                    None => {
                        let admitted = lobby.count_rox(&asked, now);
                        lobby.rox(asked, (now, 0), admitted, Some(proposed), ctx);
                    }
                }
            }
            Err(busy) => lobby.not_asked(ask, busy.into(), done, ctx),
        }));
        answer
    }
}

impl Handler<StopRox> for Lobby {
    type Result = Response<Result<bool, StopRefused>>;

    fn handle(&mut self, StopRox(conn): StopRox, ctx: &mut Self::Context) -> Self::Result {
        let own = self.stop_catching_up(|of| of == conn, ctx);
        let Some(member) = self.room.member(conn) else {
            return Response::reply(Err(NotStopped::Nothing.into()));
        };
        let (who, runs) = (Person::from(&member.who), self.runs(&member.who));
        match (self.questions.to_stop(&who, runs), own, &self.setup.log) {
            (Err(_), true, _) => Response::reply(Ok(true)),
            (Err(why), false, _) => Response::reply(Err(why.into())),
            (Ok(_), _, Log::Alone) => {
                let stopped = self.stop(conn, ctx);
                self.flush();
                Response::reply(stopped.map_err(StopRefused::from))
            }
            (Ok(_), _, Log::Shared(log)) if log.is_away() => {
                Response::reply(Err(StopRefused::Unreachable))
            }
            (Ok(_), _, Log::Shared(_)) => {
                let (done, stopped) = oneshot::channel();
                if let Some(ticket) = self.append_rox(questions::Input::Stop { conn }) {
                    self.asking.ordered.add(ticket, done);
                }
                Response::fut(async {
                    match stopped.await {
                        Ok(stopped) => stopped.map_err(StopRefused::from),
                        Err(_) => Err(StopRefused::Unreachable),
                    }
                })
            }
        }
    }
}

impl Handler<ForgetRox> for Lobby {
    type Result = Response<Result<(), ForgetRefused>>;

    fn handle(&mut self, ForgetRox(who): ForgetRox, ctx: &mut Self::Context) -> Self::Result {
        if let Err(why) = self.room.state().check(&who, Right::Operator) {
            return Response::reply(Err(why.into()));
        }
        let forget = questions::Input::Forget { conn: who.conn };
        match &self.setup.log {
            Log::Alone => {
                self.note_rox(forget, ctx);
                Response::reply(Ok(()))
            }
            Log::Shared(log) if log.is_away() => Response::reply(Err(ForgetRefused::Unreachable)),
            Log::Shared(_) => {
                let (done, forgotten) = oneshot::channel();
                if let Some(ticket) = self.append_rox(forget) {
                    self.asking.ordered.add(ticket, done);
                }
                Response::fut(async {
                    forgotten.await.map(|_| ()).map_err(|_| ForgetRefused::Unreachable)
                })
            }
        }
    }
}

impl Handler<HasRox> for Lobby {
    type Result = bool;

    fn handle(&mut self, _: HasRox, _: &mut Self::Context) -> bool {
        self.has_rox()
    }
}

impl Handler<EndAnswers> for Lobby {
    type Result = ResponseFuture<()>;

    fn handle(&mut self, _: EndAnswers, ctx: &mut Self::Context) -> Self::Result {
        self.asking.stops = true;
        let (none, all_over) = oneshot::channel();
        self.asking.until_none.push(none);
        self.end_own(ctx);
        self.tell_if_none();
        // Where this Lobby breaks they are over too.
        Box::pin(all_over.map(|_| ()))
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
        } else {
            self.sum_up_missed(id, worker, ctx);
        }
    }
}

impl Handler<AnswerLines> for Lobby {
    type Result = ();

    fn handle(&mut self, AnswerLines(id, lines): AnswerLines, ctx: &mut Self::Context) {
        // What comes late is of another answer.
        let Some((id, own)) = self.asking.with_permit(id) else { return };
        let Stage::Asked { begun, .. } = &mut own.stage else { return };
        // As long as its first line goes on, there are some who were shown nothing yet.
        let first = !std::mem::replace(begun, *begun || !lines.open || lines.lines.len() > 1);
        let Some(question) = self.questions.first().filter(|first| first.id == id) else { return };
        let asker = question.asker.clone();
        let Lines { lines, open, shown } = lines;
        let taken: usize = lines.iter().map(|line| line.as_str().len()).sum();
        own.bytes.1 += taken.saturating_sub(shown);
        let piece = AnswerPiece { id: id.0, asker, first, lines: lines.into(), open, shown };
        self.note_rox(questions::Input::Answered(piece), ctx);
    }
}

impl Handler<AnswerOver> for Lobby {
    type Result = ();

    fn handle(&mut self, AnswerOver(id, outcome): AnswerOver, ctx: &mut Self::Context) {
        let Some((question, own)) = self.asking.with_permit(id) else {
            return self.missed_summed_up(id, outcome, ctx);
        };
        if let Stage::Over = own.stage {
            return;
        }
        let usage = outcome.cost_or(own.cost());
        let before = std::mem::replace(&mut own.stage, Stage::Over);
        let end = match before {
            Stage::Asked { stopped: true, .. } => End::Stopped,
            _ => End::of(outcome.result),
        };
        self.note_rox(questions::Input::Over { question, end, usage }, ctx);
    }
}

impl Lobby {
    /// Something of Rox has come out of the log.
    pub(super) fn decide_rox(&mut self, rox: Rox, ctx: &mut Context<Self>) {
        let Rox { input, at, life, own, admitted, applying } = rox;
        let proposed = own.and_then(|ticket| self.asking.proposed.take(ticket));
        let ordered = own.and_then(|ticket| self.asking.ordered.take(ticket));
        // Those end that were put to this node, which says so to the others.
        let stopped = match &input {
            questions::Input::Stop { conn } => self.stop(*conn, ctx),
            _ => Ok(false),
        };
        if let questions::Input::CatchUp { question, .. } = input {
            self.catch_up_decided(question, own, admitted, ctx);
        }
        let orphan = match &input {
            // The Lobby that has proposed it broke meanwhile, so nobody is here to ask the provider.
            questions::Input::Asked { question, .. } if own.is_some() && proposed.is_none() => {
                Some(*question)
            }
            _ => None,
        };
        self.apply(applying, ctx, |lobby, ctx| {
            lobby.rox(input, (at, life), admitted, proposed, ctx);
        });
        if let Some(done) = ordered {
            self.flush();
            let _ = done.send(stopped);
        }
        if let Some(question) = orphan {
            let end = End::Failed(AiFailure::Unavailable);
            self.note_rox(questions::Input::Over { question, end, usage: None }, ctx);
        }
        if self.batch.is_full() {
            self.flush();
        }
    }
}
