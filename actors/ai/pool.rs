//! The AiPool actor: hands out permits for questions, and gives workers to the lobbies whose turn it is.
//!
//! The questions wait in their lobbies; what is counted of them here, and in which order they have their
//! turn, is [`Permits`].

use std::sync::Arc;

use actix::prelude::*;
use log::warn;

use crate::actors::ai::messages::{
    AnswerOver, Answered, Cancel, GiveBack, Permit, Ready, Reconfigured, StartAnswer, TakePermit,
    WorkerDied, WorkerFree,
};
use crate::actors::ai::worker::AiWorker;
use crate::actors::guard::{Answers, Ctx, Dependable, Guarded, Reply};
use crate::actors::lobby::Lobby;
use crate::ai::permits::{AiBusy, Permits};
use crate::ai::{AiFailure, Outcome};
use crate::config::Live;
use crate::logging::event;
use crate::metrics::{Metrics, Restarted};

/// Starts the worker of an index.
pub type StartWorker = Box<dyn FnMut(usize, Addr<Guarded<AiPool>>) -> Addr<AiWorker>>;

/// The actor.
pub struct AiPool {
    start_worker: StartWorker,
    config: Live,
    /// As many as there ever were to be: those beyond what is set have no turns.
    workers: Vec<Addr<AiWorker>>,
    permits: Permits<Addr<Lobby>>,
    metrics: Arc<Metrics>,
}

impl AiPool {
    /// Without a worker: those are started once there is a provider for them.
    pub fn new(config: Live, start_worker: StartWorker, metrics: Arc<Metrics>) -> Self {
        Self { start_worker, config, workers: Vec::new(), permits: Permits::new(0, 0), metrics }
    }

    /// Has as many workers as are set, where there is a provider.
    fn take_settings(&mut self, ctx: &Ctx<Self>) {
        let config = self.config.get();
        let Some(ai) = &config.ai else { return };
        for index in self.workers.len()..ai.workers {
            self.workers.push((self.start_worker)(index, ctx.address()));
        }
        self.permits.set_limits(ai.workers, ai.queue);
        self.share_out();
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
        self.take_settings(ctx);
    }
}

impl Answers<Reconfigured> for AiPool {
    fn failed() {}

    fn answer(&mut self, _: Reconfigured, ctx: &mut Ctx<Self>) -> Reply<Self, ()> {
        Reply::now(|| self.take_settings(ctx))
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
            let permit = self.permits.give(id, lobby, asker, ip)?;
            Ok(Permit::new(permit, ctx.address()))
        })
    }
}

impl Answers<Ready> for AiPool {
    fn failed() -> bool {
        false
    }

    fn answer(&mut self, Ready(permit): Ready, _: &mut Ctx<Self>) -> Reply<Self, bool> {
        Reply::now(|| {
            self.permits.ready(permit);
            self.share_out();
            true
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
            self.metrics.restarts.of(Restarted::AiWorker).inc();
            self.workers[index] = (self.start_worker)(index, ctx.address());
            // The asker may ask again before they can see that it is over.
            if let Some((permit, lobby)) = self.permits.died(index) {
                lobby.do_send(AnswerOver(permit, Outcome::unsent(AiFailure::Unavailable)));
            }
            self.share_out();
        })
    }
}
