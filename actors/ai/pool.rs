//! The AiPool actor: hands out permits for questions, and gives workers to the lobbies whose turn it is.
//!
//! The questions wait in their lobbies; what is counted of them here, and in which order they have their
//! turn, is [`Permits`].

use actix::prelude::*;
use log::warn;

use crate::actors::ai::messages::{
    AnswerOver, Answered, Cancel, GiveBack, Permit, StartAnswer, TakePermit, WorkerDied, WorkerFree,
};
use crate::actors::ai::worker::AiWorker;
use crate::actors::guard::{Answers, Ctx, Dependable, Guarded, Reply};
use crate::actors::lobby::Lobby;
use crate::ai::AiFailure;
use crate::ai::permits::{AiBusy, Permits};
use crate::logging::event;

/// Starts the worker of an index.
pub type StartWorker = Box<dyn Fn(usize, Addr<Guarded<AiPool>>) -> Addr<AiWorker>>;

/// The actor.
pub struct AiPool {
    start_worker: StartWorker,
    count: usize,
    workers: Vec<Addr<AiWorker>>,
    permits: Permits<Addr<Lobby>>,
}

impl AiPool {
    /// With `count` workers, and at most `max_waiting` questions for which none is free.
    pub fn new(count: usize, max_waiting: usize, start_worker: StartWorker) -> Self {
        let permits = Permits::new(count, max_waiting);
        Self { start_worker, count, workers: Vec::new(), permits }
    }

    /// The workers that are at a question.
    #[cfg(debug_assertions)]
    pub(in crate::actors) fn busy_workers(&self) -> Vec<Addr<AiWorker>> {
        self.permits.busy().map(|index| self.workers[index].clone()).collect()
    }

    /// Tells each lobby whose turn it is.
    fn share_out(&mut self) {
        while let Some(turn) = self.permits.take_turn() {
            turn.lobby.do_send(StartAnswer(turn.permit, self.workers[turn.worker].clone()));
        }
    }
}

impl Dependable for AiPool {
    fn started(&mut self, ctx: &mut Ctx<Self>) {
        let pool = ctx.address();
        self.workers = (0..self.count).map(|i| (self.start_worker)(i, pool.clone())).collect();
    }
}

impl Answers<TakePermit> for AiPool {
    fn failed() -> Result<Permit, AiBusy> {
        Err(AiBusy)
    }

    fn answer(
        &mut self,
        TakePermit { id, lobby, asker, ip }: TakePermit,
        ctx: &mut Ctx<Self>,
    ) -> Reply<Self, Result<Permit, AiBusy>> {
        Reply::now(|| {
            let permit = Permit::new(self.permits.give(id, lobby, asker, ip)?, ctx.address());
            self.share_out();
            Ok(permit)
        })
    }
}

impl Answers<GiveBack> for AiPool {
    fn failed() {}

    fn answer(&mut self, GiveBack(permit): GiveBack, _: &mut Ctx<Self>) -> Reply<Self, ()> {
        Reply::now(|| {
            // A worker that was given to a lobby may never have been asked, and says so then.
            if let Some(index) = self.permits.give_back(permit) {
                self.workers[index].do_send(Cancel(permit));
            }
        })
    }
}

impl Answers<Answered> for AiPool {
    fn failed() {}

    fn answer(&mut self, Answered(permit): Answered, _: &mut Ctx<Self>) -> Reply<Self, ()> {
        Reply::now(|| self.permits.answered(permit))
    }
}

impl Answers<WorkerFree> for AiPool {
    fn failed() {}

    fn answer(&mut self, WorkerFree(permit): WorkerFree, _: &mut Ctx<Self>) -> Reply<Self, ()> {
        Reply::now(|| {
            self.permits.done(permit);
            self.share_out();
        })
    }
}

impl Answers<WorkerDied> for AiPool {
    fn failed() {}

    fn answer(&mut self, WorkerDied(index): WorkerDied, ctx: &mut Ctx<Self>) -> Reply<Self, ()> {
        Reply::now(|| {
            warn!(event = event::AI_WORKER_REPLACED; "AI: worker {index} died and is replaced");
            self.workers[index] = (self.start_worker)(index, ctx.address());
            // The asker may ask again before they can see that it is over.
            if let Some((permit, lobby)) = self.permits.died(index) {
                lobby.do_send(AnswerOver(permit, Err(AiFailure::Unavailable)));
            }
            self.share_out();
        })
    }
}
