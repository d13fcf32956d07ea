//! The AiPool actor: shares the workers out among the lobbies that have questions.
//!
//! Questions of one lobby are answered in order, so a lobby has at most one worker at a time.

use std::collections::{HashMap, VecDeque};

use actix::prelude::*;
use log::warn;

use super::ai_messages::{AiBusy, Cancel, Enqueue, Forget, StartAnswer, WorkerDied, WorkerFree};
use super::ai_worker::AiWorker;
use super::lobby::Lobby;
use super::sturdy::survive;
use crate::chat::lobbies::LobbyId;

/// Starts the worker of an index.
pub type StartWorker = Box<dyn Fn(usize, Addr<AiPool>) -> Addr<AiWorker>>;

/// The actor.
pub struct AiPool {
    start_worker: StartWorker,
    count: usize,
    max_waiting: usize,
    workers: Vec<Addr<AiWorker>>,
    /// What each worker is at.
    busy: HashMap<usize, LobbyId>,
    waiting: VecDeque<(LobbyId, Addr<Lobby>)>,
}

impl AiPool {
    /// With `count` workers, and at most `max_waiting` questions for which none is free.
    pub fn new(count: usize, max_waiting: usize, start_worker: StartWorker) -> Self {
        Self {
            start_worker,
            count,
            max_waiting,
            workers: Vec::new(),
            busy: HashMap::new(),
            waiting: VecDeque::new(),
        }
    }

    /// The workers that are at a question.
    #[cfg(debug_assertions)]
    pub(super) fn busy_workers(&self) -> Vec<Addr<AiWorker>> {
        self.busy.keys().map(|index| self.workers[*index].clone()).collect()
    }

    /// Gives free workers to the first questions whose lobby has none.
    fn share_out(&mut self) {
        while let Some(free) = (0..self.workers.len()).find(|w| !self.busy.contains_key(w)) {
            let served = |id: &LobbyId| self.busy.values().any(|busy| busy == id);
            let next = self.waiting.iter().position(|(id, _)| !served(id));
            let Some((id, lobby)) = next.and_then(|at| self.waiting.remove(at)) else { return };
            self.busy.insert(free, id);
            lobby.do_send(StartAnswer(self.workers[free].clone()));
        }
    }
}

impl Actor for AiPool {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        let pool = ctx.address();
        self.workers = (0..self.count).map(|i| (self.start_worker)(i, pool.clone())).collect();
    }
}

impl Handler<Enqueue> for AiPool {
    type Result = Result<(), AiBusy>;

    fn handle(&mut self, Enqueue(id, lobby): Enqueue, _: &mut Self::Context) -> Self::Result {
        survive(Err(AiBusy), || {
            self.waiting.push_back((id, lobby));
            self.share_out();
            if self.waiting.len() <= self.max_waiting {
                return Ok(());
            }
            // Had a worker taken the new one, no more would be waiting than before.
            self.waiting.pop_back();
            Err(AiBusy)
        })
    }
}

impl Handler<WorkerFree> for AiPool {
    type Result = ();

    fn handle(&mut self, WorkerFree(index, lobby): WorkerFree, _: &mut Self::Context) {
        survive((), || {
            if self.busy.get(&index) == Some(&lobby) {
                self.busy.remove(&index);
            }
            self.share_out();
        })
    }
}

impl Handler<WorkerDied> for AiPool {
    type Result = ();

    fn handle(&mut self, WorkerDied(index): WorkerDied, ctx: &mut Self::Context) {
        survive((), || {
            warn!("AI: worker {index} died and is replaced");
            self.workers[index] = (self.start_worker)(index, ctx.address());
            self.busy.remove(&index);
            self.share_out();
        })
    }
}

impl Handler<Forget> for AiPool {
    type Result = ();

    fn handle(&mut self, Forget(lobby): Forget, _: &mut Self::Context) {
        survive((), || {
            self.waiting.retain(|(id, _)| *id != lobby);
            // A worker that was given to it may never have been asked, and says so then.
            for (index, _) in self.busy.iter().filter(|(_, id)| **id == lobby) {
                self.workers[*index].do_send(Cancel(lobby));
            }
        })
    }
}
