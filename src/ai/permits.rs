//! Permits: how many questions may be open, and whose turn it is to be answered.
//!
//! A question needs a permit before it is taken, and a worker before it is answered. The questions
//! themselves wait in their lobbies. The bounds hold for people and addresses over all lobbies, and
//! questions have their turn in the order in which they came, wherever they wait: so of each it is
//! known here who asked, from where and in which lobby, but nothing of what was asked.
//!
//! In a cluster each node has permits of its own. A question that stands behind one that was put to another node
//! is not [ready](Permits::ready) before that one is over, and keeps no worker meanwhile.

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::chat::directory::IpKey;
use crate::chat::lobbies::LobbyId;
use crate::chat::person::Person;

/// Number of a permit: from 1 on, in the order in which they are given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct PermitId(pub u64);

/// Too many questions are waiting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many questions are waiting")]
pub struct AiBusy;

/// The permits that are out. `L` is how a lobby is reached.
pub struct Permits<L> {
    workers: usize,
    max_waiting: usize,
    /// In the order of turns.
    open: BTreeMap<PermitId, Open<L>>,
    last: u64,
}

/// What is known of a question that waits or is being answered.
struct Open<L> {
    /// Where it stands in line; none where it does in none, as what is for its asker alone.
    lobby: Option<LobbyId>,
    at: L,
    /// Who asked; none once it is answered.
    asker: Option<Person>,
    ip: IpKey,
    /// Whether nothing stands before it in its lobby but others that are known here.
    ready: bool,
    /// Who answers it; none while it waits.
    worker: Option<usize>,
}

/// A worker for a lobby.
#[derive(Debug, PartialEq, Eq)]
pub struct Turn<L> {
    /// Whose turn it is.
    pub permit: PermitId,
    /// Where the question waits.
    pub lobby: L,
    /// Who is to answer it.
    pub worker: usize,
}

impl<L: Clone> Permits<L> {
    /// For so many workers, and at most `max_waiting` questions for which none is free.
    pub fn new(workers: usize, max_waiting: usize) -> Self {
        Self { workers, max_waiting, open: BTreeMap::new(), last: 0 }
    }

    /// From here on so many workers answer, and so many questions wait. Those beyond that which are at a
    /// question are not disturbed, and questions that wait already have their turn.
    pub fn set_limits(&mut self, workers: usize, max_waiting: usize) {
        (self.workers, self.max_waiting) = (workers, max_waiting);
    }

    /// A permit for a question: one of a user is open at a time, and one address leaves a quarter of
    /// the room for those that wait to others.
    ///
    /// # Errors
    /// [`AiBusy`]: it would be one too many.
    pub fn give(
        &mut self,
        lobby: Option<LobbyId>,
        at: L,
        asker: Person,
        ip: IpKey,
    ) -> Result<PermitId, AiBusy> {
        let share = (self.max_waiting - self.max_waiting / 4).max(1);
        let mut askers = self.open.values().filter_map(|open| open.asker.as_ref());
        if askers.any(|other| other.knows(&asker)) || self.that_wait(Some(ip)) >= share {
            return Err(AiBusy);
        }
        let permit = PermitId(self.last + 1);
        let open = Open { lobby, at, asker: Some(asker), ip, ready: false, worker: None };
        self.open.insert(permit, open);
        if self.that_wait(None) > self.max_waiting && !self.turns(true).any(|(p, _)| p == permit) {
            self.open.remove(&permit);
            return Err(AiBusy);
        }
        self.last += 1;
        Ok(permit)
    }

    /// In its lobby nothing stands before this question but such as have a permit too: it may be answered as soon
    /// as they are.
    pub fn ready(&mut self, permit: PermitId) {
        if let Some(open) = self.open.get_mut(&permit) {
            open.ready = true;
        }
    }

    /// Gives a free worker to the first question whose lobby has none, and whose address has not half
    /// of them: questions of one lobby are answered in order, and one address never keeps the others
    /// waiting. To be asked again until there is no turn left.
    pub fn take_turn(&mut self) -> Option<Turn<L>> {
        let (permit, worker) = self.turns(false).next()?;
        let open = self.open.get_mut(&permit)?;
        open.worker = Some(worker);
        Some(Turn { permit, lobby: open.at.clone(), worker })
    }

    /// A question has its whole answer: its asker may ask again, while the worker still tells it.
    pub fn answered(&mut self, permit: PermitId) {
        if let Some(open) = self.open.get_mut(&permit) {
            open.asker = None;
        }
    }

    /// A worker is done with a question.
    pub fn done(&mut self, permit: PermitId) {
        self.open.remove(&permit);
    }

    /// A worker died: the question that it was at, and where that one is. It may be over: whether its end was told
    /// only the lobby knows.
    pub fn died(&mut self, worker: usize) -> Option<(PermitId, L)> {
        let (&permit, _) = self.open.iter().find(|(_, open)| open.worker == Some(worker))?;
        let open = self.open.remove(&permit)?;
        Some((permit, open.at))
    }

    /// Nobody wants an answer any more: the worker that is at it, which has to be told and says when
    /// it is done.
    pub fn give_back(&mut self, permit: PermitId) -> Option<usize> {
        self.answered(permit);
        let worker = self.open.get(&permit)?.worker;
        if worker.is_none() {
            self.open.remove(&permit);
        }
        worker
    }

    /// The workers that are at a question.
    pub fn busy(&self) -> impl Iterator<Item = usize> {
        self.open.values().filter_map(|open| open.worker)
    }

    fn waiting(&self) -> impl Iterator<Item = &Open<L>> {
        self.open.values().filter(|open| open.worker.is_none())
    }

    /// How many questions wait of this address, or of all: those for which there would be no worker, were they all
    /// [ready](Self::ready). So a place in the queue is none that a free worker has to spare.
    fn that_wait(&self, ip: Option<IpKey>) -> usize {
        let of = |open: &&Open<L>| ip.is_none_or(|ip| open.ip == ip);
        let turns = self.turns(true).filter_map(|(permit, _)| self.open.get(&permit));
        self.waiting().filter(of).count() - turns.filter(of).count()
    }

    /// Whose turn it is one after the other, with the worker for each. As if `all` had theirs in their lobby, or as
    /// it is.
    fn turns(&self, all: bool) -> impl Iterator<Item = (PermitId, usize)> {
        let busy: Vec<_> = self.open.values().filter(|open| open.worker.is_some()).collect();
        let is_free = |worker: &usize| !busy.iter().any(|open| open.worker == Some(*worker));
        let mut free = (0..self.workers).filter(is_free).collect::<Vec<_>>().into_iter();
        let half = (self.workers / 2).max(1);
        let mut of: HashMap<IpKey, usize> = HashMap::new();
        busy.iter().for_each(|open| *of.entry(open.ip).or_default() += 1);
        // A lobby answers its questions in order, so its first stands for all of them.
        let mut seen: HashSet<LobbyId> = busy.iter().filter_map(|open| open.lobby).collect();
        let waiting = self.open.iter().filter(|(_, open)| open.worker.is_none());
        let next = waiting.filter(move |(_, open)| {
            let of_ip = of.entry(open.ip).or_default();
            let is_first = open.lobby.is_none_or(|lobby| seen.insert(lobby));
            let may = is_first && (all || open.ready) && *of_ip < half;
            *of_ip += usize::from(may);
            may
        });
        next.map_while(move |(permit, _)| free.next().map(|worker| (*permit, worker)))
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use super::*;
    use crate::chat::directory::ConnId;
    use crate::chat::name::Name;

    /// Permits of lobbies that are reached by their number.
    struct Pool(Permits<u32>);

    impl Pool {
        fn new(workers: usize, max_waiting: usize) -> Self {
            Self(Permits::new(workers, max_waiting))
        }

        /// User `user` asks in `lobby`, from address `ip`; who is answered at once, if anybody.
        fn ask(&mut self, lobby: u32, user: u64, ip: u8) -> Result<Vec<u64>, AiBusy> {
            let ip = IpAddr::V4(Ipv4Addr::new(192, 0, 2, ip)).into();
            let name = Name::parse(&format!("user{user}")).unwrap();
            let asker = Person { conn: Some(ConnId(user)), ip: Some(ip), ..Person::named(name) };
            let permit = self.0.give(Some(LobbyId(lobby)), lobby, asker, ip)?;
            self.0.ready(permit);
            Ok(self.turns())
        }

        /// The same, of a question that waits for one that was put to another node.
        fn ask_behind(&mut self, lobby: u32, user: u64) -> Result<PermitId, AiBusy> {
            let ip = IpAddr::V4(Ipv4Addr::new(192, 0, 2, user as u8)).into();
            let name = Name::parse(&format!("user{user}")).unwrap();
            let asker = Person { conn: Some(ConnId(user)), ip: Some(ip), ..Person::named(name) };
            let permit = self.0.give(Some(LobbyId(lobby)), lobby, asker, ip)?;
            assert_eq!(self.turns(), [] as [u64; 0], "it has no turn by its permit alone");
            Ok(permit)
        }

        fn turns(&mut self) -> Vec<u64> {
            std::iter::from_fn(|| self.0.take_turn()).map(|turn| turn.permit.0).collect()
        }

        fn done(&mut self, permit: u64) -> Vec<u64> {
            self.0.done(PermitId(permit));
            self.turns()
        }
    }

    #[test]
    fn a_lobby_has_one_worker_and_turns_go_by_the_order_of_questions() {
        let mut pool = Pool::new(4, 9);
        assert_eq!(pool.ask(1, 1, 1), Ok(vec![1]));
        assert_eq!(pool.ask(1, 2, 2), Ok(vec![]), "its lobby has a worker");
        assert_eq!(pool.ask(2, 3, 3), Ok(vec![3]));
        assert_eq!(pool.done(1), [2]);
        assert!(pool.done(3).is_empty());

        let mut pool = Pool::new(1, 9);
        assert_eq!(pool.ask(1, 1, 1), Ok(vec![1]));
        for (lobby, user) in [(2, 2), (1, 3), (2, 4)] {
            assert_eq!(pool.ask(lobby, user, user as u8), Ok(vec![]));
        }
        assert_eq!([pool.done(1), pool.done(2), pool.done(3)], [[2], [3], [4]]);
    }

    #[test]
    fn a_user_has_one_question_open_until_it_is_answered() {
        let mut pool = Pool::new(1, 9);
        assert_eq!(pool.ask(1, 1, 1), Ok(vec![1]));
        assert_eq!(pool.ask(2, 1, 1), Err(AiBusy));
        pool.0.answered(PermitId(1));
        assert_eq!(pool.ask(2, 1, 1), Ok(vec![]), "the worker is not done yet");
        assert_eq!(pool.ask(3, 1, 1), Err(AiBusy), "one that waits is open too");
        assert_eq!(pool.done(1), [2]);
    }

    #[test]
    fn a_question_that_waits_for_another_nodes_takes_no_worker_and_no_turn_of_its_lobby() {
        let mut pool = Pool::new(1, 1);
        let behind = pool.ask_behind(1, 1).unwrap();
        assert_eq!(pool.ask(1, 2, 2), Ok(vec![]), "it stands behind that one");
        assert_eq!(pool.ask(2, 3, 3), Err(AiBusy), "they are as many as may be open");
        pool.0.ready(behind);
        assert_eq!(pool.turns(), [1]);
        assert_eq!(pool.done(1), [2]);

        let mut pool = Pool::new(1, 2);
        let behind = pool.ask_behind(1, 1).unwrap();
        assert_eq!(pool.ask(2, 2, 2), Ok(vec![2]), "others are answered meanwhile");
        pool.0.ready(behind);
        assert_eq!(pool.done(2), [1]);
    }

    #[test]
    fn an_address_has_half_of_the_workers() {
        let mut pool = Pool::new(4, 9);
        assert_eq!(pool.ask(1, 1, 7), Ok(vec![1]));
        assert_eq!(pool.ask(2, 2, 7), Ok(vec![2]));
        assert_eq!(pool.ask(3, 3, 7), Ok(vec![]));
        assert_eq!(pool.ask(4, 4, 8), Ok(vec![4]), "others have the rest");
        assert_eq!(pool.done(2), [3]);
    }

    #[test]
    fn an_address_has_three_quarters_of_the_places_to_wait() {
        let mut pool = Pool::new(1, 4);
        assert_eq!(pool.ask(1, 1, 9), Ok(vec![1]));
        for user in 2..5 {
            assert_eq!(pool.ask(1, user, 7), Ok(vec![]));
        }
        assert_eq!(pool.ask(1, 5, 7), Err(AiBusy));
        assert_eq!(pool.ask(1, 6, 8), Ok(vec![]));
        assert_eq!(pool.ask(1, 7, 9), Err(AiBusy), "all places are taken");
        assert_eq!(pool.done(1), [2]);
        assert_eq!(pool.ask(1, 7, 9), Ok(vec![]));
    }

    #[test]
    fn a_question_that_need_not_wait_is_taken_when_all_places_are() {
        let mut pool = Pool::new(2, 1);
        assert_eq!(pool.ask(1, 1, 1), Ok(vec![1]));
        assert_eq!(pool.ask(1, 2, 2), Ok(vec![]));
        assert_eq!(pool.ask(1, 3, 3), Err(AiBusy));
        assert_eq!(pool.ask(2, 4, 4), Ok(vec![3]), "a refused one has no number");
    }

    #[test]
    fn other_limits_leave_alone_what_is_open() {
        let mut pool = Pool::new(2, 2);
        assert_eq!(pool.ask(1, 1, 1), Ok(vec![1]));
        assert_eq!(pool.ask(2, 2, 2), Ok(vec![2]));
        assert_eq!(pool.ask(3, 3, 3), Ok(vec![]));
        assert_eq!(pool.ask(4, 4, 4), Ok(vec![]));
        pool.0.set_limits(1, 1);
        assert_eq!(pool.ask(5, 5, 5), Err(AiBusy));
        assert_eq!(pool.done(2), [] as [u64; 0], "the second worker has no more turns");
        assert_eq!(pool.done(1), [3]);
        pool.0.set_limits(2, 1);
        assert_eq!(pool.turns(), [4], "and has them again");
    }

    #[test]
    fn what_is_given_back_is_free_and_its_worker_is_when_it_says_so() {
        let mut pool = Pool::new(1, 9);
        assert_eq!(pool.ask(1, 1, 1), Ok(vec![1]));
        assert_eq!(pool.ask(1, 2, 2), Ok(vec![]));
        assert_eq!(pool.ask(2, 3, 3), Ok(vec![]));
        assert_eq!(pool.0.give_back(PermitId(2)), None);
        assert_eq!(pool.0.give_back(PermitId(1)), Some(0));
        assert!(pool.turns().is_empty());
        assert_eq!(pool.done(1), [3]);
        assert_eq!(pool.0.give_back(PermitId(1)), None, "twice does no harm");
        assert_eq!(pool.ask(1, 1, 1), Ok(vec![]));
    }

    #[test]
    fn a_worker_that_died_frees_its_asker() {
        let mut pool = Pool::new(2, 9);
        assert_eq!(pool.ask(1, 1, 1), Ok(vec![1]));
        assert_eq!(pool.ask(1, 2, 2), Ok(vec![]));
        assert_eq!(pool.0.died(1), None, "it was at nothing");
        assert_eq!(pool.0.died(0), Some((PermitId(1), 1)));
        assert_eq!(pool.turns(), [2]);
        pool.0.answered(PermitId(2));
        assert_eq!(pool.0.died(0), Some((PermitId(2), 1)), "its end may not have been told");
        assert_eq!(pool.0.died(0), None);
        assert_eq!(pool.ask(1, 1, 1), Ok(vec![3]));
    }
}
