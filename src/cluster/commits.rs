//! What is committed against a position: planned by what is known, appended where nobody came between, and
//! planned again where somebody did.
//!
//! The log alone decides. An attempt names the last record of its subject; the next record of that subject
//! is the attempt, or it is another's and the attempt can never be taken any more. So an attempt whose answer
//! was lost is sent again as it is, however often.

use std::collections::{BTreeMap, HashMap, VecDeque};

use bytes::Bytes;

use super::engine::{Answer, Position, Request, Revision, Subject};
use super::envelope::{Record, What};
use super::out::{Out, Purpose};
use super::timing::{AGAIN_AFTER, Moment, REFUSE_AFTER};
use super::told::{NotCommitted, Told};

/// How often something is planned before it is given up: once, and again three times.
const TRIES: u32 = 4;

/// So many commits wait at most, over all sessions, each of which waits for its own.
const MAX_COMMITS: usize = 16_384;

/// The last records of so many subjects are remembered; others are asked for.
const MAX_HEADS: usize = 65_536;

/// How far a commit is.
#[derive(Debug)]
enum Stage {
    /// The last record of its subject is to be asked for.
    Unknown { at: Moment },
    /// It was asked for.
    Asked,
    /// It is known, and must be read first.
    Behind(Position),
    /// The application plans.
    Planning { after: Position },
    /// It is appended, or was; it is sent (again) at that instant, where one is set.
    Sent { after: Position, bytes: Bytes, send_at: Option<Moment> },
}

#[derive(Debug)]
struct Commit {
    subject: Subject,
    asked: Moment,
    tries: u32,
    /// The number of its last attempt, of all attempts of this process.
    n: u64,
    stage: Stage,
}

/// The commits of a node.
#[derive(Debug, Default)]
pub(crate) struct Commits {
    commits: BTreeMap<u64, Commit>,
    /// Of each subject, what waits for its turn; the first has it.
    turns: HashMap<Subject, VecDeque<u64>>,
    heads: HashMap<Subject, Position>,
    /// Those with which something may be done now; at each tick that is all.
    changed: Vec<u64>,
    last_n: u64,
}

impl Commits {
    /// Takes a commit; false where too many wait. Its number must be new.
    pub(crate) fn commit(&mut self, token: u64, subject: Subject, now: Moment) -> bool {
        if self.commits.len() >= MAX_COMMITS {
            return false;
        }
        let stage = Stage::Unknown { at: now };
        self.commits.insert(token, Commit { subject, asked: now, tries: 0, n: 0, stage });
        self.turns.entry(subject).or_default().push_back(token);
        self.changed.push(token);
        true
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.commits.is_empty()
    }

    /// There is a new connection: what was asked is asked again, what was sent is sent again.
    pub(crate) fn connected(&mut self, now: Moment) {
        for commit in self.commits.values_mut() {
            match &mut commit.stage {
                Stage::Asked => commit.stage = Stage::Unknown { at: now },
                Stage::Sent { send_at, .. } => *send_at = Some(now),
                Stage::Unknown { .. } | Stage::Behind(_) | Stage::Planning { .. } => {}
            }
        }
        self.changed = self.commits.keys().copied().collect();
    }

    /// The life is over, and nothing of it that has not come back will: all is planned anew.
    pub(crate) fn begin_anew(&mut self, now: Moment) {
        for commit in self.commits.values_mut() {
            if matches!(commit.stage, Stage::Asked | Stage::Sent { .. }) {
                commit.stage = Stage::Unknown { at: now };
            }
        }
        self.changed = self.commits.keys().copied().collect();
    }

    /// A record was read: of this subject, with this number where it is a commit of the own life that happens.
    pub(crate) fn passed(
        &mut self,
        subject: Subject,
        position: Position,
        own: Option<u64>,
        out: &mut Out,
    ) {
        if self.heads.len() >= MAX_HEADS && !self.heads.contains_key(&subject) {
            self.heads.clear();
        }
        self.heads.insert(subject, position);
        let Some(token) = self.turns.get(&subject).and_then(|turns| turns.front().copied()) else {
            return;
        };
        let Some(commit) = self.commits.get_mut(&token) else { return };
        self.changed.push(token);
        if matches!(&commit.stage, Stage::Sent { after, .. } if *after < position) {
            if own == Some(commit.n) {
                self.done(token);
                out.tell(Told::Committed(token));
            } else {
                commit.stage = Stage::Behind(position);
                if commit.tries >= TRIES {
                    self.give_up(token, NotCommitted::Crossed, out);
                }
            }
        }
    }

    /// Time has passed: what waited too long is given up, and all may be gone on with.
    pub(crate) fn tick(&mut self, away: bool, now: Moment, out: &mut Out) {
        let late = |commit: &Commit| away && now.since(commit.asked) >= REFUSE_AFTER;
        let late = self.commits.iter().filter(|(_, commit)| late(commit));
        for token in late.map(|(token, _)| *token).collect::<Vec<_>>() {
            self.give_up(token, NotCommitted::Away, out);
        }
        self.changed = self.commits.keys().copied().collect();
    }

    /// Goes on with what may be gone on with, under a life that has caught up.
    pub(crate) fn turn(&mut self, life: Revision, read: Position, now: Moment, out: &mut Out) {
        for token in std::mem::take(&mut self.changed) {
            let Some(commit) = self.commits.get_mut(&token) else { continue };
            let first = self.turns.get(&commit.subject).and_then(VecDeque::front);
            if first == Some(&token) {
                commit.turn(token, life, read, &mut self.heads, now, out);
            }
        }
    }

    /// The application has planned; none where it has nothing to commit.
    pub(crate) fn planned(&mut self, token: u64, bytes: Option<Bytes>, now: Moment, out: &mut Out) {
        let Some(commit) = self.commits.get_mut(&token) else { return };
        let Stage::Planning { after } = commit.stage else { return };
        match bytes {
            Some(bytes) => {
                self.last_n += 1;
                commit.n = self.last_n;
                commit.stage = Stage::Sent { after, bytes, send_at: Some(now) };
                self.changed.push(token);
            }
            None => self.give_up(token, NotCommitted::Dropped, out),
        }
    }

    /// A request of a commit was answered.
    pub(crate) fn answered(
        &mut self,
        token: u64,
        answer: &Answer,
        read: Position,
        now: Moment,
        out: &mut Out,
    ) {
        let Some(commit) = self.commits.get_mut(&token) else { return };
        let again = now + AGAIN_AFTER;
        self.changed.push(token);
        match (&mut commit.stage, answer) {
            (Stage::Asked, Answer::Last(last)) => commit.stage = Stage::Behind(*last),
            (Stage::Asked, _) => commit.stage = Stage::Unknown { at: again },
            // It stands there, and comes.
            (Stage::Sent { .. }, Answer::Appended(_)) => {}
            // What came between is on its way, unless the engine has let the one before go for its age.
            (Stage::Sent { send_at, .. }, Answer::Behind) => {
                *send_at = Some(again);
                out.ask(Purpose::Commit(token), Request::Last(commit.subject), now);
            }
            (Stage::Sent { after, .. }, Answer::Last(last)) if last < after && *after <= read => {
                self.heads.insert(commit.subject, *last);
                commit.stage = Stage::Behind(*last);
            }
            (Stage::Sent { .. }, Answer::Last(_)) => {}
            (Stage::Sent { .. }, Answer::Refused) => {
                self.give_up(token, NotCommitted::Refused, out);
            }
            (Stage::Sent { send_at, .. }, _) => *send_at = Some(again),
            (Stage::Unknown { .. } | Stage::Behind(_) | Stage::Planning { .. }, _) => {}
        }
    }

    fn give_up(&mut self, token: u64, why: NotCommitted, out: &mut Out) {
        self.done(token);
        out.tell(Told::NotCommitted(token, why));
    }

    fn done(&mut self, token: u64) {
        let Some(commit) = self.commits.remove(&token) else { return };
        if let Some(turns) = self.turns.get_mut(&commit.subject) {
            turns.retain(|waits| *waits != token);
            self.changed.extend(turns.front());
            if turns.is_empty() {
                self.turns.remove(&commit.subject);
            }
        }
    }
}

impl Commit {
    /// Goes on, as far as what is known allows.
    fn turn(
        &mut self,
        token: u64,
        life: Revision,
        read: Position,
        heads: &mut HashMap<Subject, Position>,
        now: Moment,
        out: &mut Out,
    ) {
        let after = match &mut self.stage {
            Stage::Unknown { at } => match heads.get(&self.subject) {
                Some(head) => *head,
                None if now >= *at => {
                    self.stage = Stage::Asked;
                    out.ask(Purpose::Commit(token), Request::Last(self.subject), now);
                    return;
                }
                None => return,
            },
            // What was read since is later than what was asked for.
            Stage::Behind(last) if *last <= read => *heads.entry(self.subject).or_insert(*last),
            Stage::Sent { after, bytes, send_at } => {
                if send_at.take_if(|at| *at <= now).is_some() {
                    let what = What::Committed(bytes.clone());
                    let bytes = Record { life, n: self.n, what }.seal();
                    let after = Some(*after);
                    let request = Request::Append { subject: self.subject, bytes, after };
                    out.ask(Purpose::Commit(token), request, now);
                }
                return;
            }
            Stage::Behind(_) | Stage::Asked | Stage::Planning { .. } => return,
        };
        self.tries += 1;
        self.stage = Stage::Planning { after };
        out.tell(Told::Plan(token));
    }
}

#[cfg(test)]
mod tests {
    use super::super::engine::Wish;
    use super::*;
    use crate::chat::lobbies::LobbyId;

    const LIFE: Revision = Revision(3);
    const SUBJECT: Subject = Subject::LobbyOrders(LobbyId(1));
    const NOW: Moment = Moment(0);

    /// Commits of a node that has read so far, and what leaves them.
    struct Bench {
        commits: Commits,
        read: Position,
        out: Out,
    }

    impl Bench {
        fn new(read: u64) -> Self {
            Self { commits: Commits::default(), read: Position(read), out: Out::default() }
        }

        fn turn(&mut self, now: u64) -> (Vec<Wish>, Vec<Told>) {
            self.commits.tick(false, Moment(now), &mut self.out);
            self.commits.turn(LIFE, self.read, Moment(now), &mut self.out);
            (std::mem::take(&mut self.out.wishes), std::mem::take(&mut self.out.told))
        }

        fn answer(&mut self, answer: Answer) {
            self.commits.answered(1, &answer, self.read, NOW, &mut self.out);
        }

        fn pass(&mut self, position: u64, own: Option<u64>) -> Vec<Told> {
            self.read = Position(position);
            self.commits.passed(SUBJECT, self.read, own, &mut self.out);
            std::mem::take(&mut self.out.told)
        }

        fn plan(&mut self) {
            self.commits.planned(1, Some(Bytes::from_static(b"x")), NOW, &mut self.out);
        }
    }

    /// What an append names as the last record.
    fn after(wishes: &[Wish]) -> Option<u64> {
        match wishes {
            [Wish::Ask(_, Request::Append { after, .. })] => after.map(|after| after.0),
            [] => None,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_commit_is_planned_by_what_is_known_appended_after_it_and_done_when_it_comes_back() {
        let mut bench = Bench::new(5);
        assert!(bench.commits.commit(1, SUBJECT, NOW));
        let (wishes, told) = bench.turn(0);
        assert!(matches!(wishes[..], [Wish::Ask(_, Request::Last(SUBJECT))]) && told.is_empty());
        // Its last record has not been read yet.
        bench.answer(Answer::Last(Position(7)));
        assert_eq!(bench.turn(0), (vec![], vec![]));
        bench.pass(7, None);
        assert_eq!(bench.turn(0), (vec![], vec![Told::Plan(1)]));
        bench.plan();
        assert_eq!(after(&bench.turn(0).0), Some(7));
        bench.answer(Answer::Appended(Position(8)));
        assert!(!bench.commits.is_empty());
        assert_eq!(bench.pass(8, Some(1)), [Told::Committed(1)]);
        assert!(bench.commits.is_empty() && bench.commits.turns.is_empty());
    }

    #[test]
    fn what_others_came_before_is_planned_again_three_times() {
        let mut bench = Bench::new(5);
        bench.pass(5, None);
        bench.commits.commit(1, SUBJECT, NOW);
        for round in 0..4 {
            assert_eq!(bench.turn(0).1, [Told::Plan(1)]);
            bench.plan();
            assert_eq!(after(&bench.turn(0).0), Some(5 + round));
            bench.answer(Answer::Behind);
            bench.out.wishes.clear();
            let told = bench.pass(6 + round, None);
            let wanted = vec![Told::NotCommitted(1, NotCommitted::Crossed)];
            assert_eq!(told, if round == 3 { wanted } else { vec![] });
        }
    }

    #[test]
    fn an_attempt_without_an_answer_is_sent_again_as_it_was() {
        let mut bench = Bench::new(5);
        bench.pass(5, None);
        bench.commits.commit(1, SUBJECT, NOW);
        bench.turn(0);
        bench.plan();
        let (first, _) = bench.turn(0);
        for unknown in [true, false] {
            if unknown {
                bench.answer(Answer::Unknown);
            } else {
                bench.commits.connected(Moment(AGAIN_AFTER));
            }
            let (second, told) = bench.turn(AGAIN_AFTER);
            let bytes = |wishes: &[Wish]| match wishes {
                [Wish::Ask(_, request)] => request.clone(),
                other => panic!("{other:?}"),
            };
            assert_eq!((bytes(&second), told), (bytes(&first), vec![]));
        }
        // It was the first one that was taken.
        assert_eq!(bench.pass(6, Some(1)), [Told::Committed(1)]);
    }

    #[test]
    fn a_last_record_that_the_engine_let_go_for_its_age_is_none() {
        let mut bench = Bench::new(5);
        bench.pass(5, None);
        bench.commits.commit(1, SUBJECT, NOW);
        bench.turn(0);
        bench.plan();
        assert_eq!(after(&bench.turn(0).0), Some(5));
        bench.answer(Answer::Behind);
        bench.answer(Answer::Last(Position::NONE));
        bench.out.wishes.clear();
        assert_eq!(bench.turn(0).1, [Told::Plan(1)]);
        bench.plan();
        assert_eq!(after(&bench.turn(0).0), Some(0));
    }

    #[test]
    fn those_of_one_subject_take_turns() {
        let mut bench = Bench::new(5);
        bench.pass(5, None);
        bench.commits.commit(1, SUBJECT, NOW);
        bench.commits.commit(2, SUBJECT, NOW);
        assert_eq!(bench.turn(0).1, [Told::Plan(1)]);
        bench.commits.planned(1, None, NOW, &mut bench.out);
        let told = bench.turn(0).1;
        assert_eq!(told, [Told::NotCommitted(1, NotCommitted::Dropped), Told::Plan(2)]);
    }

    #[test]
    fn what_waits_for_the_engine_is_refused_after_a_while() {
        let mut bench = Bench::new(5);
        bench.commits.commit(1, SUBJECT, NOW);
        for (now, told) in [
            (REFUSE_AFTER - 1, vec![]),
            (REFUSE_AFTER, vec![Told::NotCommitted(1, NotCommitted::Away)]),
        ] {
            bench.commits.tick(true, Moment(now), &mut bench.out);
            assert_eq!(std::mem::take(&mut bench.out.told), told);
        }
    }

    #[test]
    fn too_many_commits_are_not_taken() {
        let mut commits = Commits::default();
        let mut taken = (0..=MAX_COMMITS as u64).map(|token| commits.commit(token, SUBJECT, NOW));
        assert!(taken.by_ref().take(MAX_COMMITS).all(|taken| taken));
        assert_eq!(taken.next(), Some(false));
    }
}
