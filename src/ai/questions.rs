//! The questions of a lobby to Rox, as a machine: which wait, which one is being answered, and the conversation
//! so far.
//!
//! The first of the queue is the one that is being answered, so there is one answer at a time. Nothing changes
//! but by what has happened, with its time as an argument: whoever lets the same happen in the same order, as all
//! nodes do, has the same queue and the same conversation. Who asks the provider is whoever the question was put
//! to, and only when it is the first.

use std::collections::VecDeque;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::budget::Allowance;
use super::permits::PermitId;
use super::prompt::context::{Conversation, asked};
use super::request::Turn;
use super::usage::Usage;
use super::{AiFailure, Answer};
use crate::chat::directory::ConnId;
use crate::chat::history::UnixMillis;
use crate::chat::lobby::event::AnswerPiece;
use crate::chat::person::Person;
use crate::chat::text::{Line, Text};

/// Number of a question and of its answer, which no other has on any node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct QuestionId(pub u64);

impl QuestionId {
    /// That of the question with this permit, which came by this connection. Each node counts its own permits,
    /// and says by the connection which node it is.
    pub fn new(conn: ConnId, permit: PermitId) -> Self {
        Self(u64::from(conn.life()) << 32 | permit.0 & u64::from(u32::MAX))
    }
}

/// What happens to the questions of a lobby.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Input {
    /// Somebody asks Rox, which is speaking too.
    Asked {
        /// The number of the question.
        question: QuestionId,
        /// The connection of whoever asks.
        conn: ConnId,
        /// What they ask.
        text: Line,
        /// The message that asks, where it is one: it stands in the lobby as such.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        said: Option<Text>,
        /// By what it is judged whether it is over a budget.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        allowance: Option<Allowance>,
    },
    /// Somebody asks what they have missed, for themselves: nothing of that is the lobby's but that it counts.
    CatchUp {
        /// The number of the question.
        question: QuestionId,
        /// The connection of whoever asks.
        conn: ConnId,
        /// By what it is judged whether it is over a budget.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        allowance: Option<Allowance>,
    },
    /// Somebody wants answers to end at once.
    Stop {
        /// Their connection.
        conn: ConnId,
    },
    /// The conversation is to be forgotten, by the order of this connection.
    Forget {
        /// The connection of whoever orders it.
        conn: ConnId,
    },
    /// Rox answers, so far.
    Answered(AnswerPiece),
    /// Rox has answered, or cannot.
    Over {
        /// The number of the question.
        question: QuestionId,
        /// How it ended.
        end: End,
        /// What it has cost, where it was sent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        usage: Option<Usage>,
    },
}

impl Input {
    /// The connection of whoever asks something with it that counts for the budgets.
    pub fn asker(&self) -> Option<ConnId> {
        match self {
            Self::Asked { conn, .. } | Self::CatchUp { conn, .. } => Some(*conn),
            Self::Stop { .. } | Self::Forget { .. } | Self::Answered(_) | Self::Over { .. } => None,
        }
    }
}

/// How a question ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// It has its whole answer: all the rows of it.
    Answered(Arc<[Line]>),
    /// There is none, or no whole one.
    Failed(AiFailure),
    /// It ends before its end since it is too long: the rows that there are.
    Cut(Arc<[Line]>),
    /// Somebody has stopped it, who may.
    Stopped,
}

/// Why nothing is stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotStopped {
    /// No question is open.
    #[error("nothing to stop")]
    Nothing,
    /// Those that are open are others'.
    #[error("not theirs to stop")]
    NotTheirs,
}

/// The last row of an answer that ends for its length.
pub const CUT: &str = "… (cut)";
/// The last row of an answer that ends otherwise than whole, whyever.
pub const STOPPED: &str = "… (stopped)";

impl End {
    /// What the provider came to, whose text is taken as people's are.
    pub fn of(result: Result<Answer, AiFailure>) -> Self {
        match result {
            Ok(answer) if answer.cut => Self::Cut(answer.rows().collect()),
            Ok(answer) => Self::Answered(answer.rows().collect()),
            Err(why) => Self::Failed(why),
        }
    }

    /// The row after an answer that ends so, where anything of it was shown.
    fn mark(&self) -> Option<&'static str> {
        match self {
            Self::Answered(_) => None,
            Self::Cut(_) => Some(CUT),
            Self::Failed(_) | Self::Stopped => Some(STOPPED),
        }
    }

    /// Whether there is an answer, if not all of it.
    pub fn is_answer(&self) -> bool {
        match self {
            Self::Answered(_) | Self::Cut(_) => true,
            Self::Failed(_) | Self::Stopped => false,
        }
    }
}

/// A question that is over.
#[derive(Debug, PartialEq, Eq)]
pub struct Over {
    /// The question.
    pub question: Question,
    /// What is still to be shown of its answer: the rest of a line, the mark.
    pub last: Option<AnswerPiece>,
    /// The rows of its answer as they were shown, with the mark; none where nothing was shown.
    pub shown: Vec<Line>,
}

/// What was shown of the answer that is being given.
#[derive(Default, Serialize, Deserialize)]
struct Shown {
    rows: Vec<Line>,
    /// Whether the last of them goes on.
    open: bool,
}

impl Shown {
    fn add(&mut self, piece: &AnswerPiece) {
        if std::mem::replace(&mut self.open, piece.open) {
            self.rows.pop();
        }
        self.rows.extend_from_slice(&piece.lines);
    }

    /// The answer to this question ends so.
    fn end(mut self, question: Question, end: &End) -> Over {
        let open = self.rows.last().filter(|_| self.open).cloned();
        let shown = open.as_ref().map_or(0, |line| line.as_str().len());
        let mark = end.mark().filter(|_| !self.rows.is_empty()).map(Line::clean);
        let lines: Arc<[Line]> = open.into_iter().chain(mark.clone()).collect();
        let (id, asker) = (question.id.0, question.asker.clone());
        let first = self.open && self.rows.len() == 1;
        let last = AnswerPiece { id, asker, first, lines, open: false, shown };
        if let End::Answered(rows) | End::Cut(rows) = end {
            self.rows = rows.to_vec();
        }
        self.rows.extend(mark);
        let last = Some(last).filter(|last| !last.lines.is_empty());
        Over { question, last, shown: self.rows }
    }
}

/// A question that waits or is being answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    /// Its number.
    pub id: QuestionId,
    /// The life of the node that it was put to: with it, it is over. 0 where there is one server.
    pub life: u32,
    /// Who asks, as they were then.
    pub asker: Person,
    /// What.
    pub text: Line,
}

/// The questions of a lobby and its conversation. Those that wait are bounded by the permits that nodes give.
#[derive(Default, Serialize, Deserialize)]
pub struct Questions {
    /// In the order in which they came; the first is being answered.
    open: VecDeque<Question>,
    conversation: Conversation,
    /// Of the answer to the first.
    #[serde(default)]
    shown: Shown,
    /// The one that was being answered when the conversation was forgotten.
    #[serde(default)]
    not_remembered: Option<QuestionId>,
}

impl Questions {
    /// All of it, as a node stores it with its place in the log.
    pub fn stored(&self) -> Arc<str> {
        // Writing to memory fails for no value of these types.
        serde_json::to_string(self).unwrap_or_default().into()
    }

    /// What was stored; nothing where that says nothing that this version knows.
    pub fn restored(stored: &str) -> Self {
        serde_json::from_str(stored).unwrap_or_default()
    }

    /// A question came.
    pub fn ask(&mut self, question: Question, at: UnixMillis) {
        self.change(at, |queue| queue.open.push_back(question));
    }

    /// The one that is being answered.
    pub fn first(&self) -> Option<&Question> {
        self.open.front()
    }

    /// All of them, the first first.
    pub fn open(&self) -> impl Iterator<Item = &Question> {
        self.open.iter()
    }

    /// What was asked and answered before the first question.
    pub fn turns(&self) -> impl Iterator<Item = &Turn> {
        self.conversation.turns()
    }

    /// Something of an answer is to be shown: whether it is of the one that is being given. What comes late is
    /// not.
    pub fn show(&mut self, piece: &AnswerPiece) -> bool {
        let takes = self.first().is_some_and(|question| question.id.0 == piece.id);
        if takes {
            self.shown.add(piece);
        }
        takes
    }

    /// A question is over, and the next one begins: what comes of it, where it is still open. An answer is
    /// remembered, one that is cut too; a failure leaves no trace.
    pub fn end(&mut self, id: QuestionId, end: &End, at: UnixMillis) -> Option<Over> {
        self.change(at, |queue| {
            let place = queue.open.iter().position(|question| question.id == id)?;
            let question = queue.open.remove(place)?;
            if let End::Answered(rows) | End::Cut(rows) = end
                && queue.not_remembered != Some(id)
            {
                let answer = rows.iter().map(Line::as_str).collect::<Vec<_>>().join("\n");
                queue.conversation.remember(asked(&question.asker.name, &question.text), answer);
            }
            let shown =
                if place == 0 { std::mem::take(&mut queue.shown) } else { Shown::default() };
            Some(shown.end(question, end))
        })
    }

    /// Which questions end where somebody wants answers to end: their own; and of whoever runs the lobby, the one
    /// that is being answered, with the others of who asked it.
    ///
    /// # Errors
    /// [`NotStopped`].
    pub fn to_stop(&self, who: &Person, runs: bool) -> Result<Vec<QuestionId>, NotStopped> {
        let first = self.first().filter(|_| runs).map(|first| &first.asker);
        let ends = |asker: &Person| asker.knows(who) || first.is_some_and(|it| it.knows(asker));
        let ends: Vec<_> = self.open().filter(|one| ends(&one.asker)).map(|one| one.id).collect();
        match (ends.is_empty(), self.open.is_empty()) {
            (false, _) => Ok(ends),
            (true, true) => Err(NotStopped::Nothing),
            (true, false) => Err(NotStopped::NotTheirs),
        }
    }

    /// What was asked and answered is forgotten, and what is being answered is not remembered.
    pub fn forget(&mut self) {
        self.conversation = Conversation::default();
        self.not_remembered = self.first().map(|first| first.id);
    }

    /// These have nobody any more who would answer them: they are dropped, and the next of the others begins.
    /// Gives them.
    pub fn lose(&mut self, gone: impl Fn(&Question) -> bool, at: UnixMillis) -> Vec<Over> {
        let lost: Vec<_> = self.open().filter(|one| gone(one)).map(|one| one.id).collect();
        let end = End::Failed(AiFailure::Unavailable);
        self.change(at, |queue| {
            // From the last one on: so only one that had its turn before is ever the first.
            let mut over: Vec<_> =
                lost.into_iter().rev().filter_map(|id| queue.end(id, &end, at)).collect();
            over.reverse();
            over
        })
    }

    /// Changes the queue. Where another question is the first then, it begins.
    fn change<R>(&mut self, at: UnixMillis, change: impl FnOnce(&mut Self) -> R) -> R {
        let first = |questions: &Self| questions.first().map(|question| question.id);
        let before = first(self);
        let came_of_it = change(self);
        let now = first(self);
        if now.is_some() && now != before {
            self.conversation.begin(at);
        }
        came_of_it
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::ai::prompt::context::FORGET_AFTER;

    fn question(id: u64, life: u32) -> Question {
        let text = Line::clean(&format!("q{id}"));
        Question { id: QuestionId(id), life, asker: Person::example(id, "ann"), text }
    }

    fn answer(text: &str) -> End {
        End::of(Ok(Answer { text: text.to_owned(), cut: false }))
    }

    fn open(questions: &Questions) -> Vec<u64> {
        questions.open().map(|question| question.id.0).collect()
    }

    fn turns(questions: &Questions) -> Vec<&str> {
        questions.turns().map(|turn| turn.text.as_str()).collect()
    }

    const FAILED: End = End::Failed(AiFailure::Unavailable);
    const NOW: UnixMillis = UnixMillis(1_000);

    #[test]
    fn a_question_number_says_which_node_and_which_permit() {
        let number = |life: u64, conn: u64, permit| {
            QuestionId::new(ConnId(life << 32 | conn), PermitId(permit)).0
        };
        assert_eq!(number(0, 7, 3), 3);
        assert_eq!(number(5, 7, 3), (5 << 32) + 3);
        assert_ne!(number(5, 7, 3), number(6, 7, 3));
    }

    #[test]
    fn they_are_answered_one_after_the_other_each_knowing_the_answers_before() {
        let mut questions = Questions::default();
        for id in 1..4 {
            questions.ask(question(id, 1), NOW);
        }
        assert_eq!(questions.first().map(|first| first.id.0), Some(1));
        assert!(turns(&questions).is_empty());
        assert!(questions.end(QuestionId(1), &answer("one\n\nmore"), NOW).is_some());
        assert_eq!(open(&questions), [2, 3]);
        assert_eq!(turns(&questions), ["ann asked: q1", "one\n\nmore"]);
        assert!(questions.end(QuestionId(2), &FAILED, NOW).is_some());
        assert_eq!(turns(&questions).len(), 2, "a failure leaves no trace");
        assert!(questions.end(QuestionId(3), &answer("three"), NOW).is_some());
        assert_eq!(turns(&questions).last(), Some(&"three"));
        assert!(questions.first().is_none());
    }

    #[test]
    fn what_was_stored_goes_on_where_it_was() {
        let mut questions = Questions::default();
        for id in 1..4 {
            questions.ask(question(id, 7), NOW);
        }
        questions.end(QuestionId(1), &answer("one\n  \"two\""), NOW);
        let mut again = Questions::restored(&questions.stored());
        assert_eq!(turns(&again), turns(&questions));
        assert!(again.open().eq(questions.open()));
        assert_eq!(again.lose(|question| question.life == 7, NOW.after(FORGET_AFTER)).len(), 2);
        again.ask(question(9, 8), NOW.after(FORGET_AFTER));
        assert!(turns(&again).is_empty(), "the last question was as long ago as it was");
        assert!(Questions::restored("of another version").first().is_none());
    }

    fn piece(id: u64, lines: &[&str], open: bool, shown: usize) -> AnswerPiece {
        let lines = lines.iter().map(|line| Line::clean(line)).collect();
        let asker = Person::example(id, "ann");
        AnswerPiece { id, asker, first: false, lines, open, shown }
    }

    #[test]
    fn rows_are_of_the_first_question_or_of_none() {
        let mut questions = Questions::default();
        let row = |id| piece(id, &["row"], false, 0);
        assert!(!questions.show(&row(1)));
        questions.ask(question(1, 1), NOW);
        questions.ask(question(2, 2), NOW);
        assert!(questions.show(&row(1)) && !questions.show(&row(2)));
        questions.end(QuestionId(1), &FAILED, NOW);
        assert!(!questions.show(&row(1)) && questions.show(&row(2)));
    }

    #[test]
    fn an_answer_that_does_not_end_well_ends_with_a_mark_after_what_was_there_of_its_last_row() {
        let cut = || End::of(Ok(Answer { text: "one\ntwo".to_owned(), cut: true }));
        let whole = piece(1, &["one", "two"], false, 0);
        let half = piece(1, &["one", "tw"], true, 0);
        type Case<'a> = (Option<AnswerPiece>, End, Option<(&'a [&'a str], usize)>, &'a [&'a str]);
        let cases: [Case<'_>; 6] = [
            (Some(whole.clone()), answer("one\ntwo"), None, &["one", "two"]),
            (Some(whole.clone()), cut(), Some((&[CUT], 0)), &["one", "two", CUT]),
            (Some(whole), FAILED, Some((&[STOPPED], 0)), &["one", "two", STOPPED]),
            (Some(half), FAILED, Some((&["tw", STOPPED], 2)), &["one", "tw", STOPPED]),
            (None, FAILED, None, &[]),
            (None, answer("late"), None, &["late"]),
        ];
        for (number, (shown, end, last, rows)) in cases.into_iter().enumerate() {
            let mut questions = Questions::default();
            questions.ask(question(1, 7), NOW);
            questions.ask(question(2, 7), NOW);
            assert!(shown.is_none_or(|shown| questions.show(&shown)));
            let over = match number % 2 {
                // As a node does that was stored and read meanwhile.
                0 => Questions::restored(&questions.stored()).end(QuestionId(1), &end, NOW),
                _ => questions.end(QuestionId(1), &end, NOW),
            };
            let last = last.map(|(lines, shown)| piece(1, lines, false, shown));
            let shown = rows.iter().map(|row| Line::clean(row)).collect();
            let want = Over { question: question(1, 7), last, shown };
            assert_eq!(over, Some(want), "case {number}");
        }
    }

    #[test]
    fn a_question_that_waits_is_shown_nothing_of_the_answer_before() {
        let mut questions = Questions::default();
        questions.ask(question(1, 7), NOW);
        questions.ask(question(2, 8), NOW);
        assert!(questions.show(&piece(1, &["one"], true, 0)));
        let over = questions.lose(|question| question.life == 8, NOW);
        assert_eq!((over.len(), over[0].shown.len()), (1, 0));
        let over = questions.lose(|question| question.life == 7, NOW);
        assert_eq!(over[0].shown.last().map(Line::as_str), Some(STOPPED));
    }

    #[test]
    fn askers_stop_their_own_and_whoever_runs_the_lobby_what_is_being_answered() {
        let of = |id, asker: &str| Question {
            asker: Person::example(id % 10, asker),
            ..question(id, 1)
        };
        let mut questions = Questions::default();
        let (ann, bob, eve) =
            (Person::example(1, "ann"), Person::example(2, "bob"), Person::example(3, "eve"));
        let to_stop = |questions: &Questions, who: &Person, runs| {
            let ids = questions.to_stop(who, runs)?;
            Ok::<_, NotStopped>(ids.into_iter().map(|id| id.0).collect::<Vec<_>>())
        };
        for runs in [false, true] {
            assert_eq!(to_stop(&questions, &ann, runs), Err(NotStopped::Nothing));
        }
        for one in [of(11, "ann"), of(12, "bob"), of(21, "ann")] {
            questions.ask(one, NOW);
        }
        assert_eq!(to_stop(&questions, &ann, false), Ok(vec![11, 21]));
        assert_eq!(to_stop(&questions, &bob, false), Ok(vec![12]), "also one that waits");
        assert_eq!(to_stop(&questions, &bob, true), Ok(vec![11, 12, 21]));
        assert_eq!(to_stop(&questions, &eve, false), Err(NotStopped::NotTheirs));
        assert_eq!(to_stop(&questions, &eve, true), Ok(vec![11, 21]));
        // One that was stopped leaves no trace, and what is forgotten is gone.
        questions.end(QuestionId(11), &End::Stopped, NOW);
        assert!(turns(&questions).is_empty());
        questions.end(QuestionId(12), &answer("one"), NOW);
        assert_eq!(turns(&questions).len(), 2);
        questions.forget();
        assert!(turns(&questions).is_empty());
        assert_eq!(open(&questions), [21], "what is open goes on");
        questions.ask(of(31, "ann"), NOW);
        questions.end(QuestionId(21), &answer("begun before"), NOW);
        assert!(turns(&questions).is_empty());
        questions.end(QuestionId(31), &answer("begun after"), NOW);
        assert_eq!(turns(&questions).len(), 2);
    }

    #[test]
    fn an_end_that_comes_twice_is_of_no_question() {
        let mut questions = Questions::default();
        questions.ask(question(1, 1), NOW);
        assert!(questions.end(QuestionId(1), &answer("one"), NOW).is_some());
        assert!(questions.end(QuestionId(1), &answer("another"), NOW).is_none());
        assert_eq!(turns(&questions), ["ann asked: q1", "one"]);
    }

    #[test]
    fn one_that_waits_can_fail_before_its_turn() {
        let mut questions = Questions::default();
        questions.ask(question(1, 1), NOW);
        questions.ask(question(2, 2), NOW);
        assert!(questions.end(QuestionId(2), &FAILED, NOW).is_some());
        assert_eq!(open(&questions), [1]);
    }

    #[test]
    fn the_questions_of_a_life_are_over_with_it_and_the_next_one_goes_on() {
        let mut questions = Questions::default();
        for (id, life) in [(1, 7), (2, 8), (3, 7), (4, 9)] {
            questions.ask(question(id, life), NOW);
        }
        let lost = questions.lose(|question| question.life == 7, NOW);
        assert_eq!(lost.iter().map(|over| over.question.id.0).collect::<Vec<_>>(), [1, 3]);
        assert_eq!(open(&questions), [2, 4]);
        assert!(questions.end(QuestionId(1), &answer("late"), NOW).is_none());
        assert!(turns(&questions).is_empty());
    }

    #[test]
    fn the_conversation_is_forgotten_half_an_hour_after_the_last_question_began() {
        let mut questions = Questions::default();
        questions.ask(question(1, 1), NOW);
        questions.end(QuestionId(1), &answer("one"), NOW.after(FORGET_AFTER));
        // The answer was long in coming: what counts is the question.
        questions.ask(question(2, 1), NOW.after(FORGET_AFTER));
        assert!(turns(&questions).is_empty());
        questions.end(QuestionId(2), &answer("two"), NOW.after(FORGET_AFTER));
        // One that waits begins with its turn.
        questions.ask(question(3, 1), NOW.after(FORGET_AFTER));
        questions.ask(question(4, 1), NOW.after(FORGET_AFTER));
        assert_eq!(turns(&questions), ["ann asked: q2", "two"]);
        questions.end(QuestionId(3), &FAILED, NOW.after(FORGET_AFTER * 2));
        assert!(turns(&questions).is_empty());
    }

    fn anything() -> impl Strategy<Value = (u8, u64, u64)> {
        (0_u8..4, 1_u64..6, 0_u64..3_600_000)
    }

    proptest! {
        /// Two nodes, of which one has been told all and the other too, one after the other.
        #[test]
        fn the_same_in_the_same_order_comes_to_the_same(
            steps in prop::collection::vec(anything(), 0..60),
        ) {
            let (mut one, mut other) = (Questions::default(), Questions::default());
            let mut at = NOW;
            for (number, (kind, id, later)) in steps.into_iter().enumerate() {
                at = UnixMillis(at.0 + later);
                for questions in [&mut one, &mut other] {
                    let before = questions.first().map(|first| first.id);
                    match kind {
                        0 | 1 => questions.ask(question(10 + number as u64, id as u32), at),
                        2 => {
                            let id = before.unwrap_or(QuestionId(id));
                            let end = if number % 3 == 0 { FAILED } else { answer("x") };
                            prop_assert_eq!(questions.end(id, &end, at).is_some(), before.is_some());
                        }
                        _ => _ = questions.lose(|question| u64::from(question.life) == id, at),
                    }
                }
                prop_assert_eq!(open(&one), open(&other));
                prop_assert_eq!(turns(&one), turns(&other));
                // Always whole pairs.
                prop_assert_eq!(turns(&one).len() % 2, 0);
            }
        }
    }
}
