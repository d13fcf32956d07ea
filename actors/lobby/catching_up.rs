//! The part of the Lobby that has summed up for a member what they have missed: for them alone, so nothing of it
//! comes before the lobby, nor the other nodes, but that it counts for the budgets.

use std::collections::BTreeMap;

use actix::prelude::*;
use log::warn;
use tokio::sync::oneshot;

use super::Lobby;
use crate::actors::ai::budgets::Budgets;
use crate::actors::ai::messages::{AnswerOver, CatchUp, Generate, NotAsked, Permit, TakePermit};
use crate::actors::ai::worker::AiWorker;
use crate::actors::log::{Ticket, Waiting};
use crate::actors::shard::messages::{Address, Effect};
use crate::actors::store::messages::ReadCatchUp;
use crate::ai::budget::{CATCH_UP_EVERY, OverBudget};
use crate::ai::permits::{AiBusy, PermitId};
use crate::ai::prompt::summary;
use crate::ai::questions::{self, CUT, End, QuestionId};
use crate::ai::request::Request;
use crate::ai::usage::Usage;
use crate::ai::{AiFailure, Outcome};
use crate::chat::directory::{ConnId, IpKey};
use crate::chat::history::UnixMillis;
use crate::chat::ignores::Ignores;
use crate::chat::kept::Since;
use crate::chat::person::Person;
use crate::chat::text::Line;
use crate::logging::event;
use crate::render::replies::Reply;

/// What members want summed up. Each has a permit, which bounds them.
#[derive(Default)]
pub(in crate::actors) struct CatchingUp {
    /// Those that were proposed here and have not come out of the log.
    proposed: Waiting<(One, oneshot::Sender<Result<(), NotAsked>>)>,
    open: BTreeMap<QuestionId, One>,
    /// Who was told, while it has not come out of the log, so that the budgets do not know of it. One of each at most.
    told: Vec<(QuestionId, Person)>,
}

/// Somebody wants to know what they have missed.
struct One {
    permit: Permit,
    at: Address,
    who: Person,
    ignores: Ignores,
    /// Up to where it is summed up.
    up_to: Since,
    /// Bytes that were sent to the provider, once they were.
    sent: Option<usize>,
}

/// What there is to be asked.
struct Missed {
    since: Since,
    up_to: Since,
    ignores: Ignores,
}

impl Lobby {
    /// Reads what somebody has missed: the request that sums it up, where there is anything.
    fn read_missed(
        &mut self,
        who: &Person,
        Missed { since, up_to, ignores }: Missed,
    ) -> impl Future<Output = Result<Option<Request>, NotAsked>> + use<> {
        let ask = ReadCatchUp {
            lobby: self.room.state().id,
            since,
            before: up_to.seq,
            not_before: up_to.at.before(summary::MAX_AGE),
            from: self.rox_from(),
            ignores,
        };
        let (store, asker) = (self.setup.store.clone(), who.name.clone());
        let lobby = self.room.state().name.clone();
        async move {
            match store.ask(ask).await {
                Ok(entries) => Ok(summary::request(&lobby, &asker, &entries)),
                Err(why) => {
                    warn!(event = event::DATA_READER; "what somebody missed cannot be read: {why}");
                    Err(NotAsked::Unread)
                }
            }
        }
    }

    /// Whether somebody may be told now what they have missed: who, from where, and where they are.
    fn may_catch_up(
        &mut self,
        conn: ConnId,
        now: UnixMillis,
    ) -> Result<(Person, IpKey, Address), NotAsked> {
        let (who, ip, at) = self.finds_rox(conn)?;
        if self.catching_up().told.iter().any(|(_, told)| told.knows(&who)) {
            return Err(OverBudget::CatchUp(CATCH_UP_EVERY).into());
        }
        self.setup.budgets.check_catch_up(&who, now)?;
        self.check_budgets(&who, now)?;
        Ok((who, ip, at))
    }

    /// What somebody missed is read, and there is something: a permit is taken for it.
    fn take_catch_up(
        &mut self,
        (who, ip, at): (Person, IpKey, Address),
        (up_to, ignores): (Since, Ignores),
        done: oneshot::Sender<Result<(), NotAsked>>,
        ctx: &mut Context<Self>,
    ) {
        let take = TakePermit { id: None, lobby: ctx.address(), asker: who.clone(), ip };
        let taken = self.setup.ai.send(take).into_actor(self);
        ctx.spawn(taken.map(move |given, lobby, ctx| {
            let permit = match given.unwrap_or(Err(AiBusy)) {
                Ok(permit) => permit,
                Err(busy) => {
                    let _ = done.send(Err(busy.into()));
                    return;
                }
            };
            let (conn, now) = (at.seat.conn, lobby.now());
            let question = QuestionId::new(conn, permit.id());
            let allowance = Some(Budgets::allowance(&lobby.setup.config.get(), now));
            let input = questions::Input::CatchUp { question, conn, allowance };
            let one = One { permit, at, who, ignores, up_to, sent: None };
            match lobby.append_rox(input.clone()) {
                Some(ticket) => lobby.catching_up().proposed.add(ticket, (one, done)),
                None => {
                    let admitted = lobby.count_rox(&input, now);
                    lobby.begin_catch_up(question, one, done, admitted, ctx);
                }
            }
        }));
    }

    /// Something that this node has proposed has come out of the log.
    pub(super) fn catch_up_decided(
        &mut self,
        question: QuestionId,
        own: Option<Ticket>,
        admitted: Result<(), OverBudget>,
        ctx: &mut Context<Self>,
    ) {
        let Some(ticket) = own else { return };
        match self.catching_up().proposed.take(ticket) {
            Some((one, done)) => self.begin_catch_up(question, one, done, admitted, ctx),
            // The Lobby that has proposed it broke meanwhile: it was not sent.
            None if admitted.is_ok() => {
                let end = End::Failed(AiFailure::Unavailable);
                self.note_rox(questions::Input::Over { question, end, usage: None }, ctx);
            }
            None => {}
        }
    }

    /// It is counted, or is over a budget.
    fn begin_catch_up(
        &mut self,
        question: QuestionId,
        one: One,
        done: oneshot::Sender<Result<(), NotAsked>>,
        admitted: Result<(), OverBudget>,
        ctx: &mut Context<Self>,
    ) {
        if let Err(why) = admitted {
            let _ = done.send(Err(why.into()));
            return;
        }
        let (at, permit) = (one.at, one.permit.id());
        self.catching_up().open.insert(question, one);
        self.batch.one(at, |seat| Effect::Reply(seat, Reply::AiThinking));
        self.flush();
        let _ = done.send(Ok(()));
        self.is_ready(permit, ctx);
    }

    /// A worker is there for it. It is read only now: what was taken back meanwhile goes to no provider.
    pub(super) fn sum_up_missed(
        &mut self,
        permit: PermitId,
        worker: Addr<AiWorker>,
        ctx: &mut Context<Self>,
    ) {
        let Some(one) = self.catching_up().with_permit(permit) else { return };
        let (conn, who, up_to) = (one.at.seat.conn, one.who.clone(), one.up_to);
        let ignores = one.ignores.clone();
        let Some(since) = self.room.missed_since(conn) else {
            // They are here no more.
            return ctx.notify(AnswerOver(permit, Outcome::unsent(AiFailure::Unavailable)));
        };
        let read = self.read_missed(&who, Missed { since, up_to, ignores }).into_actor(self);
        ctx.spawn(read.map(move |read, lobby, ctx| {
            let Some(one) = lobby.catching_up().with_permit(permit) else { return };
            match read {
                Ok(Some(request)) => {
                    one.sent = Some(request.bytes());
                    worker.do_send(Generate { request, conn, permit, lobby: ctx.address() });
                }
                Ok(None) | Err(_) => {
                    ctx.notify(AnswerOver(permit, Outcome::unsent(AiFailure::Unavailable)));
                }
            }
        }));
    }

    /// What somebody missed is summed up, or cannot be.
    pub(super) fn missed_summed_up(
        &mut self,
        permit: PermitId,
        outcome: Outcome,
        ctx: &mut Context<Self>,
    ) {
        let Some((question, one)) = self.catching_up().take(permit) else { return };
        let usage = outcome.cost_or(one.cost());
        let answer = match outcome.result {
            Ok(answer) => answer,
            Err(why) => {
                self.count_end(question, End::Failed(why), usage, ctx);
                return self.question_failed(one.at, why);
            }
        };
        let mark = answer.cut.then(|| Line::clean(CUT));
        let rows = answer.rows().chain(mark).collect();
        self.catching_up().told.push((question, one.who));
        // What it says is nobody else's.
        self.count_end(question, End::Answered([].into()), usage, ctx);
        self.room.caught_up(one.at.seat.conn, one.up_to);
        self.batch.one(one.at, |seat| Effect::Reply(seat, Reply::AiSummary(rows)));
        self.batch.one(one.at, Effect::AnswerOver);
    }

    /// Ends those that these connections have asked for, and the request with them. Whether there were any.
    pub(super) fn stop_catching_up(
        &mut self,
        of: impl Fn(ConnId) -> bool,
        ctx: &mut Context<Self>,
    ) -> bool {
        let open = &mut self.catching_up().open;
        let stopped: Vec<_> = open.extract_if(.., |_, one| of(one.at.seat.conn)).collect();
        let any = !stopped.is_empty();
        for (question, one) in stopped {
            let usage = one.cost();
            // The worker lets go of the request.
            drop(one.permit);
            self.count_end(question, End::Stopped, usage, ctx);
            self.question_stopped(one.at);
        }
        any
    }

    /// This Lobby ends: nobody waits for a summary any more. Gives what is to be appended.
    pub(super) fn give_up_catching_up(&mut self) -> Vec<questions::Input> {
        let open = std::mem::take(&mut self.catching_up().open);
        let over = |(question, one): (QuestionId, One)| {
            self.question_failed(one.at, AiFailure::Unavailable);
            let end = End::Failed(AiFailure::Unavailable);
            questions::Input::Over { question, end, usage: one.cost() }
        };
        open.into_iter().map(over).collect()
    }

    /// That a question is over is known to the budgets.
    pub(super) fn end_is_counted(&mut self, question: QuestionId) {
        self.catching_up().told.retain(|(told, _)| *told != question);
    }

    fn count_end(
        &mut self,
        question: QuestionId,
        end: End,
        usage: Option<Usage>,
        ctx: &mut Context<Self>,
    ) {
        if let Some(usage) = usage {
            self.setup.metrics.ai_tokens.inc_by(usage.tokens());
        }
        self.note_rox(questions::Input::Over { question, end, usage }, ctx);
    }
}

impl CatchingUp {
    fn with_permit(&mut self, permit: PermitId) -> Option<&mut One> {
        self.open.values_mut().find(|one| one.permit.id() == permit)
    }

    fn take(&mut self, permit: PermitId) -> Option<(QuestionId, One)> {
        self.open.extract_if(.., |_, one| one.permit.id() == permit).next()
    }
}

impl One {
    /// What it has cost where its end is not waited for: nothing where it was not sent.
    fn cost(&self) -> Option<Usage> {
        self.sent.map(|sent| Usage::by_bytes(sent, 0))
    }
}

impl Handler<CatchUp> for Lobby {
    type Result = ResponseFuture<Result<(), NotAsked>>;

    fn handle(
        &mut self,
        CatchUp { conn, ignores }: CatchUp,
        ctx: &mut Self::Context,
    ) -> Self::Result {
        let now = self.now();
        let may = self.may_catch_up(conn, now);
        let (asker, since) = match (may, self.room.missed_since(conn)) {
            (Ok(asker), Some(since)) => (asker, since),
            (Err(why), _) => return Box::pin(async { Err(why) }),
            (Ok(_), None) => return Box::pin(async { Err(NotAsked::NothingMissed) }),
        };
        let up_to = Since { at: now, seq: Some(self.room.next_seq()) };
        let missed = Missed { since, up_to, ignores: ignores.clone() };
        let read = self.read_missed(&asker.0, missed).into_actor(self);
        let (done, answer) = oneshot::channel();
        ctx.spawn(read.map(move |read, lobby, ctx| match read {
            Ok(Some(_)) => lobby.take_catch_up(asker, (up_to, ignores), done, ctx),
            Ok(None) => _ = done.send(Err(NotAsked::NothingMissed)),
            Err(why) => _ = done.send(Err(why)),
        }));
        Box::pin(async { answer.await.unwrap_or(Err(AiBusy.into())) })
    }
}
