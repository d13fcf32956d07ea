//! The AiWorker actor: owns an HTTP client and answers one question at a time.

use std::rc::Rc;

use actix::prelude::*;

use crate::actors::ai::messages::{
    AnswerLines, AnswerOver, Answered, Cancel, Generate, WorkerDied, WorkerFree,
};
use crate::actors::ai::pool::AiPool;
use crate::actors::guard::Guarded;
use crate::actors::lobby::Lobby;
use crate::ai::AiFailure;
use crate::ai::client::GeminiClient;
use crate::chat::lobbies::LobbyId;
use crate::config::AiConfig;

/// The actor.
pub struct AiWorker {
    index: usize,
    pool: Addr<Guarded<AiPool>>,
    client: Rc<GeminiClient>,
    job: Option<Job>,
}

/// The question in hand.
struct Job {
    id: LobbyId,
    lobby: Addr<Lobby>,
    task: SpawnHandle,
}

impl AiWorker {
    /// Made on the thread that it runs on: the HTTP client cannot move.
    pub fn new(index: usize, pool: Addr<Guarded<AiPool>>, config: &AiConfig) -> Self {
        Self { index, pool, client: Rc::new(GeminiClient::new(config)), job: None }
    }
}

impl Actor for AiWorker {
    type Context = Context<Self>;

    fn stopped(&mut self, _: &mut Self::Context) {
        if let Some(job) = self.job.take() {
            // Before the asker can see that it is over, and ask again.
            self.pool.do_send(Answered(self.index));
            job.lobby.do_send(AnswerOver(Err(AiFailure::Unavailable)));
        }
        self.pool.do_send(WorkerDied(self.index));
    }
}

impl Handler<Generate> for AiWorker {
    type Result = ();

    fn handle(&mut self, Generate { body, id, lobby }: Generate, ctx: &mut Self::Context) {
        let (client, to) = (self.client.clone(), lobby.clone());
        let answer = async move {
            let mut show = |lines| to.do_send(AnswerLines(lines));
            client.ask(body, &mut show).await
        };
        let task = ctx.spawn(answer.into_actor(self).map(|result, worker, _| {
            if let Some(job) = worker.job.take() {
                // Before anybody can see that it is over, and ask again.
                worker.pool.do_send(Answered(worker.index));
                job.lobby.do_send(AnswerOver(result));
                worker.pool.do_send(WorkerFree(worker.index, job.id));
            }
        }));
        self.job = Some(Job { id, lobby, task });
    }
}

impl Handler<Cancel> for AiWorker {
    type Result = ();

    fn handle(&mut self, Cancel(id): Cancel, ctx: &mut Self::Context) {
        if let Some(job) = self.job.take_if(|job| job.id == id) {
            ctx.cancel_future(job.task);
        }
        self.pool.do_send(WorkerFree(self.index, id));
    }
}
