//! The AiWorker actor: owns an HTTP client and answers one question at a time.

use std::rc::Rc;
use std::sync::Arc;

use actix::prelude::*;
use log::info;
use tokio::sync::oneshot;

use crate::actors::ai::messages::{
    AnswerLines, AnswerOver, Answered, Cancel, EndHere, Generate, WorkerDied, WorkerFree,
};
use crate::actors::ai::pool::AiPool;
use crate::actors::guard::Guarded;
use crate::actors::lobby::Lobby;
use crate::ai::client::{AiClient, Progress};
use crate::ai::permits::PermitId;
use crate::ai::{AiFailure, Outcome};
use crate::clock;
use crate::config::Live;
use crate::logging::event;
use crate::metrics::Metrics;

/// The actor.
pub struct AiWorker {
    index: usize,
    pool: Addr<Guarded<AiPool>>,
    /// The settings in force: each question is asked by those of its beginning.
    config: Live,
    client: Rc<AiClient>,
    job: Option<Job>,
    metrics: Arc<Metrics>,
}

/// The question in hand.
struct Job {
    permit: PermitId,
    task: SpawnHandle,
    /// Ends it before its end; none once that was done.
    stop: Option<oneshot::Sender<()>>,
}

impl AiWorker {
    /// Made on the thread that it runs on: the HTTP client cannot move.
    pub fn new(
        index: usize,
        pool: Addr<Guarded<AiPool>>,
        config: Live,
        metrics: Arc<Metrics>,
    ) -> Self {
        Self { index, pool, config, client: Rc::default(), job: None, metrics }
    }

    /// Tells everybody concerned what came of a question.
    fn end(&self, permit: PermitId, lobby: &Addr<Lobby>, outcome: Outcome) {
        // Before anybody can see that it is over, and ask again.
        self.pool.do_send(Answered(permit));
        lobby.do_send(AnswerOver(permit, outcome));
        self.pool.do_send(WorkerFree(permit));
    }
}

impl Actor for AiWorker {
    type Context = Context<Self>;

    fn stopped(&mut self, _: &mut Self::Context) {
        if self.job.is_some() {
            self.metrics.ai_errors.inc();
        }
        self.pool.do_send(WorkerDied(self.index));
    }
}

impl Handler<Generate> for AiWorker {
    type Result = ();

    fn handle(&mut self, generate: Generate, ctx: &mut Self::Context) {
        let Generate { request, conn, permit, lobby } = generate;
        let (client, pool, to) = (self.client.clone(), self.pool.clone(), lobby.clone());
        let Some(provider) = self.config.get().ai.clone() else {
            info!(
                event = event::AI_FAILED, conn = conn.number();
                "AI: the question is not put to anybody: the key was taken away while it waited"
            );
            return self.end(permit, &lobby, Outcome::unsent(AiFailure::NoProvider));
        };
        let begun = clock::now();
        let (stop, stopped) = oneshot::channel();
        self.metrics.ai_requests.inc();
        let answer = async move {
            let mut show = |progress| match progress {
                Progress::Lines(lines) => to.do_send(AnswerLines(permit, lines)),
                Progress::Ends => pool.do_send(Answered(permit)),
            };
            client.ask(conn, &provider, &request, stopped, &mut show).await
        };
        let task = ctx.spawn(answer.into_actor(self).map(move |outcome, worker, _| {
            let Some(job) = worker.job.take() else { return };
            // One that was stopped says nothing of the provider.
            if job.stop.is_some() {
                worker.metrics.ai_latency.observe(clock::since(begun).as_secs_f64());
                if outcome.result.is_err() {
                    worker.metrics.ai_errors.inc();
                }
            }
            worker.end(permit, &lobby, outcome);
        }));
        self.job = Some(Job { permit, task, stop: Some(stop) });
    }
}

impl Handler<Cancel> for AiWorker {
    type Result = ();

    fn handle(&mut self, Cancel(permit): Cancel, ctx: &mut Self::Context) {
        if let Some(job) = self.job.take_if(|job| job.permit == permit) {
            ctx.cancel_future(job.task);
        }
        self.pool.do_send(WorkerFree(permit));
    }
}

impl Handler<EndHere> for AiWorker {
    type Result = ();

    fn handle(&mut self, EndHere(permit): EndHere, _: &mut Self::Context) {
        let job = self.job.as_mut().filter(|job| job.permit == permit);
        // One that is over by now has said so.
        if let Some(stop) = job.and_then(|job| job.stop.take()) {
            let _ = stop.send(());
        }
    }
}
