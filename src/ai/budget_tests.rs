use std::net::IpAddr;

use proptest::prelude::*;

use super::*;
use crate::ai::AiFailure;
use crate::ai::questions::{End, QuestionId};
use crate::ai::usage::Usage;
use crate::chat::accounts::AccountId;
use crate::chat::directory::{ConnId, IpKey};
use crate::chat::name::Name;
use crate::chat::text::Line;

const DAY: UnixMillis = UnixMillis(1_000_000_000);
const NOW: UnixMillis = UnixMillis(DAY.0 + 10 * 3_600_000);
const NO_LIMITS: Limits =
    Limits { user_per_hour: 0, lobby_per_day: 0, per_day: 0, tokens_per_day: 0 };

fn mins(after: u64) -> UnixMillis {
    UnixMillis(NOW.0 + after * 60_000)
}

/// Somebody of this connection, account (0: a guest) and address.
fn who(name: &str, conn: u64, account: u32, ip: u8) -> Person {
    Person {
        name: Name::parse(name).unwrap(),
        conn: Some(ConnId(conn)),
        account: (account > 0).then_some(AccountId(account)),
        ip: Some(IpKey::from(IpAddr::from([10, 0, 0, ip]))),
        bot: false,
    }
}

struct Books {
    ledger: Ledger,
    limits: Limits,
    last: u64,
    /// What is stored, as the store keeps it.
    stored: Vec<RoxUse>,
}

impl Books {
    fn new(limits: Limits) -> Self {
        Self { ledger: Ledger::default(), limits, last: 0, stored: Vec::new() }
    }

    fn note(&mut self, change: Option<NodeChange>) {
        match change {
            Some(NodeChange::RoxUsed(one)) => {
                let known = |other: &RoxUse| (other.question, other.at) == (one.question, one.at);
                match self.stored.iter().position(known) {
                    Some(place) => self.stored[place] = *one,
                    None => self.stored.push(*one),
                }
            }
            Some(NodeChange::RoxUnused(question, at)) => {
                self.stored.retain(|one| (one.question, one.at) != (question, at));
            }
            _ => {}
        }
    }

    fn ask(&mut self, who: &Person, lobby: u32, at: UnixMillis) -> Result<u64, OverBudget> {
        self.last += 1;
        let input = Input::Asked {
            question: QuestionId(self.last),
            conn: who.conn.unwrap(),
            text: Line::clean("why?"),
            said: None,
            allowance: Some(Allowance { limits: self.limits, day: DAY }),
        };
        let change = self.ledger.happened(LobbyId(lobby), &input, Some(who), at)?;
        self.note(change);
        Ok(self.last)
    }

    fn catch_up(&mut self, who: &Person, at: UnixMillis) -> Result<u64, OverBudget> {
        self.last += 1;
        let input = Input::CatchUp {
            question: QuestionId(self.last),
            conn: who.conn.unwrap(),
            allowance: Some(Allowance { limits: self.limits, day: DAY }),
        };
        let change = self.ledger.happened(LobbyId(1), &input, Some(who), at)?;
        self.note(change);
        Ok(self.last)
    }

    /// A question ends, having cost so many tokens; without, it was not sent.
    fn end(&mut self, question: u64, tokens: Option<u64>, told: bool, at: UnixMillis) {
        let input = Input::Over {
            question: QuestionId(question),
            end: match told {
                true => End::Answered([].into()),
                false => End::Failed(AiFailure::Unavailable),
            },
            usage: tokens.map(|tokens| Usage { question: tokens, answer: 0 }),
        };
        let change = self.ledger.happened(LobbyId(1), &input, None, at).unwrap();
        self.note(change);
    }

    fn restart(&mut self) {
        self.ledger = Ledger::restored(self.stored.clone());
    }
}

#[test]
fn a_user_has_so_many_in_a_sliding_hour_whatever_they_do() {
    let mut books = Books::new(Limits { user_per_hour: 2, ..NO_LIMITS });
    let ann = who("ann", 1, 7, 1);
    assert!(books.ask(&ann, 1, NOW).is_ok());
    assert!(books.ask(&ann, 2, mins(10)).is_ok());
    let over = |books: &mut Books, who: &Person, at| books.ask(who, 3, at).unwrap_err();
    let after = |mins: u64| OverBudget::Hour(Duration::from_secs(mins * 60));
    assert_eq!(over(&mut books, &ann, mins(20)), after(40));
    // Another connection and another address are no other account, nor is a restart.
    books.restart();
    assert_eq!(over(&mut books, &who("ann", 2, 7, 9), mins(59)), after(1));
    assert!(books.ask(&ann, 1, mins(60)).is_ok(), "the first is an hour old");
    assert_eq!(over(&mut books, &ann, mins(60)), after(10));
}

#[test]
fn guests_have_the_budget_of_their_address() {
    let mut books = Books::new(Limits { user_per_hour: 1, ..NO_LIMITS });
    assert!(books.ask(&who("ann", 1, 0, 1), 1, NOW).is_ok());
    for (asker, may) in [
        (who("bob", 2, 0, 1), false),
        (who("ann", 3, 0, 2), true),
        // An account at that address has its own, and who registers has used what they had.
        (who("eve", 4, 8, 1), true),
        (who("ann", 1, 9, 1), false),
    ] {
        assert_eq!(books.ask(&asker, 1, NOW).is_ok(), may, "{asker:?}");
    }
    // Of places without an address each is its own.
    let unknown =
        |conn, place| Person { ip: Some(IpKey::unknown(place)), ..who("zoe", conn, 0, 1) };
    assert!(books.ask(&unknown(11, 1), 1, NOW).is_ok());
    assert!(books.ask(&unknown(12, 2), 1, NOW).is_ok());
}

#[test]
fn lobby_and_server_have_so_many_in_a_calendar_day() {
    let limits = Limits { lobby_per_day: 2, per_day: 3, ..NO_LIMITS };
    let mut books = Books::new(limits);
    let yesterday = UnixMillis(DAY.0 - 1);
    for (asker, lobby, at, want) in [
        (1, 1, yesterday, Ok(())),
        (1, 1, DAY, Ok(())),
        (2, 1, NOW, Ok(())),
        (3, 1, NOW, Err(OverBudget::Day)),
        (3, 2, NOW, Ok(())),
        (4, 3, NOW, Err(OverBudget::Day)),
    ] {
        let asked = books.ask(&who("ann", asker, asker as u32, 1), lobby, at).map(|_| ());
        assert_eq!(asked, want, "{asker} in {lobby}");
    }
    // The next day is a new one.
    let allowance = Allowance { limits, day: UnixMillis(DAY.0 + 24 * 3_600_000) };
    let next = allowance.day.after(Duration::from_secs(1));
    assert!(books.ledger.check(&who("ann", 1, 1, 1), LobbyId(1), next, &allowance).is_ok());
}

#[test]
fn tokens_of_a_day_are_those_of_questions_and_answers_together() {
    let mut books = Books::new(Limits { tokens_per_day: 100, ..NO_LIMITS });
    let ann = who("ann", 1, 7, 1);
    let first = books.ask(&ann, 1, NOW).unwrap();
    let second = books.ask(&ann, 1, NOW).unwrap();
    books.end(first, Some(60), false, NOW);
    assert!(books.ask(&ann, 1, NOW).is_ok(), "what is open has cost nothing yet");
    books.end(second, Some(40), false, NOW);
    assert_eq!(books.ask(&ann, 1, NOW), Err(OverBudget::Day));
    let used = books.ledger.used_by(&ann, NOW, DAY);
    assert_eq!((used.hour.questions, used.hour.tokens), (3, 100));
}

#[test]
fn what_was_not_sent_counts_for_nothing() {
    let mut books = Books::new(Limits { user_per_hour: 1, ..NO_LIMITS });
    let ann = who("ann", 1, 7, 1);
    let first = books.ask(&ann, 1, NOW).unwrap();
    books.end(first, None, false, NOW);
    let second = books.ask(&ann, 1, NOW).unwrap();
    // A failure that was sent counts, and an end that comes twice changes nothing.
    books.end(second, Some(3), false, NOW);
    books.end(first, None, false, NOW);
    assert!(books.ask(&ann, 1, NOW).is_err());
    assert_eq!(books.stored.len(), 1);
}

#[test]
fn one_is_told_what_one_missed_once_in_ten_minutes_in_which_it_worked() {
    let mut books = Books::new(NO_LIMITS);
    let (ann, bob) = (who("ann", 1, 0, 1), who("bob", 2, 0, 1));
    let first = books.catch_up(&ann, NOW).unwrap();
    books.end(first, Some(9), false, NOW);
    let second = books.catch_up(&ann, NOW).unwrap();
    books.end(second, Some(9), true, mins(1));
    books.restart();
    let wait = books.catch_up(&ann, mins(2)).unwrap_err();
    assert_eq!(wait, OverBudget::CatchUp(Duration::from_secs(9 * 60)));
    assert!(books.catch_up(&who("ann", 9, 0, 1), mins(2)).is_err(), "connected again");
    assert!(books.catch_up(&bob, mins(2)).is_ok(), "somebody else of that address");
    assert!(books.catch_up(&ann, mins(11)).is_ok());
    assert_eq!(books.ledger.used_in_all(mins(11), DAY).day.questions, 4, "each is a question");
}

#[test]
fn usage_is_ones_own_the_lobbys_and_the_servers() {
    let mut books = Books::new(NO_LIMITS);
    let (ann, bob) = (who("ann", 1, 7, 1), who("bob", 2, 8, 1));
    for (asker, lobby, at, tokens) in [
        (&ann, 1, UnixMillis(DAY.0 - 1), 1),
        (&ann, 1, DAY, 10),
        (&ann, 2, NOW, 100),
        (&bob, 1, NOW, 1_000),
    ] {
        let question = books.ask(asker, lobby, at).unwrap();
        books.end(question, Some(tokens), false, at);
    }
    let sum = |questions, tokens| Sum { questions, tokens };
    let ledger = &books.ledger;
    assert_eq!(ledger.used_by(&ann, NOW, DAY), Used { hour: sum(1, 100), day: sum(2, 110) });
    let lobby = Used { hour: sum(1, 1_000), day: sum(2, 1_010) };
    assert_eq!(ledger.used_in(LobbyId(1), NOW, DAY), lobby);
    assert_eq!(ledger.used_in_all(NOW, DAY), Used { hour: sum(2, 1_100), day: sum(3, 1_110) });
}

#[test]
fn a_clock_that_was_set_back_locks_nobody_out() {
    let mut books = Books::new(Limits { user_per_hour: 1, ..NO_LIMITS });
    let ann = who("ann", 1, 7, 1);
    books.ask(&ann, 1, mins(600)).unwrap();
    assert!(books.ask(&ann, 1, NOW).is_ok());
    let told = books.catch_up(&who("bob", 2, 8, 2), mins(600)).unwrap();
    books.end(told, Some(1), true, mins(600));
    assert!(books.catch_up(&who("bob", 2, 8, 2), NOW.after(HOUR * 2)).is_ok());
}

#[test]
fn what_is_remembered_is_bounded() {
    let mut books = Books::new(NO_LIMITS);
    let ann = who("ann", 1, 7, 1);
    for _ in 0..MAX_USES + 5 {
        books.last += 1;
        let input = Input::Asked {
            question: QuestionId(books.last),
            conn: ConnId(1),
            text: Line::default(),
            said: None,
            allowance: None,
        };
        books.ledger.happened(LobbyId(1), &input, Some(&ann), NOW).unwrap();
    }
    assert_eq!(books.ledger.uses.len(), MAX_USES);
    books.ask(&ann, 1, NOW.after(KEPT_FOR * 2)).unwrap();
    assert_eq!(books.ledger.uses.len(), 1);
}

proptest! {
    /// However people ask: in no hour more than the limit, and a restart at any place changes nothing.
    #[test]
    fn in_no_hour_more_than_the_limit(
        steps in prop::collection::vec((1_u64..4, 0_u64..40, any::<bool>()), 1..60),
        limit in 1_u64..5,
    ) {
        let mut books = Books::new(Limits { user_per_hour: limit, ..NO_LIMITS });
        let mut asked: Vec<(u64, UnixMillis)> = Vec::new();
        let mut at = NOW;
        for (user, later, restarts) in steps {
            at = UnixMillis(at.0 + later * 60_000);
            let ann = who("ann", user, user as u32, 1);
            if restarts {
                books.restart();
            }
            match books.ask(&ann, 1, at) {
                Ok(_) => asked.push((user, at)),
                Err(OverBudget::Hour(wait)) => {
                    prop_assert!(wait <= HOUR && !wait.is_zero());
                    // It is the true time: an instant before, one would not be let through.
                    let allowance = Allowance { limits: books.limits, day: DAY };
                    let then = at.after(wait);
                    let check = |at| books.ledger.check(&ann, LobbyId(1), at, &allowance);
                    prop_assert!(check(then).is_ok());
                    prop_assert!(check(UnixMillis(then.0 - 1)).is_err());
                }
                Err(other) => prop_assert!(false, "{:?}", other),
            }
            let lately = asked.iter().filter(|(u, t)| *u == user && t.until(at) < HOUR).count();
            prop_assert!(lately as u64 <= limit);
        }
    }
}
