//! The AiPool actor: shares the workers out among the lobbies that have questions.
//!
//! Questions of one lobby are answered in order, so a lobby has at most one worker at a time.

use std::collections::{HashMap, HashSet, VecDeque};

use actix::prelude::*;
use log::warn;

use crate::actors::ai::messages::{
    AiBusy, Answered, Cancel, Enqueue, Forget, StartAnswer, WorkerDied, WorkerFree,
};
use crate::actors::ai::worker::AiWorker;
use crate::actors::guard::{Answers, Ctx, Dependable, Guarded, Reply};
use crate::actors::lobby::Lobby;
use crate::chat::directory::IpKey;
use crate::chat::lobbies::LobbyId;
use crate::chat::person::Person;

/// Starts the worker of an index.
pub type StartWorker = Box<dyn Fn(usize, Addr<Guarded<AiPool>>) -> Addr<AiWorker>>;

/// The actor.
pub struct AiPool {
    start_worker: StartWorker,
    count: usize,
    max_waiting: usize,
    workers: Vec<Addr<AiWorker>>,
    /// What each worker is at.
    busy: HashMap<usize, Open>,
    waiting: VecDeque<(Open, Addr<Lobby>)>,
}

/// A question that waits or is being answered.
struct Open {
    lobby: LobbyId,
    /// Who asked; none once it is answered.
    asker: Option<Person>,
    ip: IpKey,
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
    pub(in crate::actors) fn busy_workers(&self) -> Vec<Addr<AiWorker>> {
        self.busy.keys().map(|index| self.workers[*index].clone()).collect()
    }

    /// Gives free workers to the first questions whose lobby has none, and whose address has not half
    /// of them: one address never keeps the others waiting.
    fn share_out(&mut self) {
        let half = (self.count / 2).max(1);
        while let Some(free) = (0..self.workers.len()).find(|w| !self.busy.contains_key(w)) {
            let of = |ip: IpKey| self.busy.values().filter(|busy| busy.ip == ip).count();
            // A lobby answers its questions in order, so its first stands for all of them.
            let mut seen: HashSet<LobbyId> = self.busy.values().map(|busy| busy.lobby).collect();
            let may = |(open, _): &(Open, _)| seen.insert(open.lobby) && of(open.ip) < half;
            let next = self.waiting.iter().position(may);
            let Some((open, lobby)) = next.and_then(|at| self.waiting.remove(at)) else { return };
            self.busy.insert(free, open);
            lobby.do_send(StartAnswer(self.workers[free].clone()));
        }
    }

    /// Whether one more question may wait: one of a user is open at a time, and one address leaves
    /// some of the room to others.
    fn may_ask(&self, asker: &Person, ip: IpKey) -> bool {
        let mut open = self.waiting.iter().map(|(open, _)| open).chain(self.busy.values());
        let share = (self.max_waiting - self.max_waiting / 4).max(1);
        !open.any(|open| open.asker.as_ref().is_some_and(|other| other.knows(asker)))
            && self.waiting.iter().filter(|(open, _)| open.ip == ip).count() < share
    }
}

impl Dependable for AiPool {
    fn started(&mut self, ctx: &mut Ctx<Self>) {
        let pool = ctx.address();
        self.workers = (0..self.count).map(|i| (self.start_worker)(i, pool.clone())).collect();
    }
}

impl Answers<Enqueue> for AiPool {
    fn failed() -> Result<(), AiBusy> {
        Err(AiBusy)
    }

    fn answer(&mut self, enqueue: Enqueue, _: &mut Ctx<Self>) -> Reply<Self, Result<(), AiBusy>> {
        Reply::now(|| {
            let Enqueue { id, lobby, asker, ip } = enqueue;
            if !self.may_ask(&asker, ip) {
                return Err(AiBusy);
            }
            self.waiting.push_back((Open { lobby: id, asker: Some(asker), ip }, lobby));
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

impl Answers<Answered> for AiPool {
    fn failed() {}

    fn answer(&mut self, Answered(index): Answered, _: &mut Ctx<Self>) -> Reply<Self, ()> {
        Reply::now(|| {
            if let Some(busy) = self.busy.get_mut(&index) {
                busy.asker = None;
            }
        })
    }
}

impl Answers<WorkerFree> for AiPool {
    fn failed() {}

    fn answer(
        &mut self,
        WorkerFree(index, lobby): WorkerFree,
        _: &mut Ctx<Self>,
    ) -> Reply<Self, ()> {
        Reply::now(|| {
            if self.busy.get(&index).is_some_and(|busy| busy.lobby == lobby) {
                self.busy.remove(&index);
            }
            self.share_out();
        })
    }
}

impl Answers<WorkerDied> for AiPool {
    fn failed() {}

    fn answer(&mut self, WorkerDied(index): WorkerDied, ctx: &mut Ctx<Self>) -> Reply<Self, ()> {
        Reply::now(|| {
            warn!("AI: worker {index} died and is replaced");
            self.workers[index] = (self.start_worker)(index, ctx.address());
            self.busy.remove(&index);
            self.share_out();
        })
    }
}

impl Answers<Forget> for AiPool {
    fn failed() {}

    fn answer(&mut self, Forget(lobby): Forget, _: &mut Ctx<Self>) -> Reply<Self, ()> {
        Reply::now(|| {
            self.waiting.retain(|(open, _)| open.lobby != lobby);
            // A worker that was given to it may never have been asked, and says so then.
            for (index, _) in self.busy.iter().filter(|(_, busy)| busy.lobby == lobby) {
                self.workers[*index].do_send(Cancel(lobby));
            }
        })
    }
}
