//! The budgets of Rox: who has asked how much, and who may ask more.
//!
//! Nothing changes but by what has happened, with its time as an argument, and with the limits of whoever the
//! question was put to: whoever lets the same happen in the same order, as all nodes do, comes to the same. What
//! is decided here is decided once, in the order in which questions come.

use std::collections::VecDeque;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::questions::Input;
use crate::chat::change::NodeChange;
use crate::chat::history::UnixMillis;
use crate::chat::kept::RoxUse;
pub use crate::chat::kept::{KEPT_FOR, MAX_USES};
use crate::chat::lobbies::LobbyId;
use crate::chat::person::Person;

/// The window of a user's budget.
pub const HOUR: Duration = Duration::from_secs(3_600);

/// How often somebody may be told what they missed, counted from when it worked.
pub const CATCH_UP_EVERY: Duration = Duration::from_secs(600);

/// The limits that are set: questions of a user in an hour, of a lobby and of the server in a day, tokens of the
/// server in a day; 0 for no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Limits {
    /// Questions of a user, in a sliding hour.
    pub user_per_hour: u64,
    /// Questions of a lobby, in a calendar day.
    pub lobby_per_day: u64,
    /// Questions of the server, in a calendar day.
    pub per_day: u64,
    /// Tokens of the server, in a calendar day.
    pub tokens_per_day: u64,
}

/// By what a question is judged, as the node has it that it was put to: another one may have other settings just
/// then, or another zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Allowance {
    /// The limits.
    pub limits: Limits,
    /// When the calendar day began.
    pub day: UnixMillis,
}

/// Why a question is not sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OverBudget {
    /// Its asker has none left in this hour; how long until they have.
    #[error("the budget of this hour is used up")]
    Hour(Duration),
    /// The lobby or the server has none left today.
    #[error("the budget of today is used up")]
    Day,
    /// Somebody was told a moment ago what they missed; how long until they may be again.
    #[error("was told lately what they missed")]
    CatchUp(Duration),
}

/// Questions and tokens together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sum {
    /// Questions that were sent, or wait to be.
    pub questions: u64,
    /// What they have cost so far.
    pub tokens: u64,
}

/// What was used in this hour, and today.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Used {
    /// In the sliding hour.
    pub hour: Sum,
    /// In the calendar day.
    pub day: Sum,
}

impl Sum {
    fn add(&mut self, one: &RoxUse) {
        self.questions += 1;
        self.tokens = self.tokens.saturating_add(one.tokens);
    }
}

/// Who has asked how much lately.
#[derive(Debug, Default)]
pub struct Ledger {
    /// In the order in which they were taken.
    uses: VecDeque<RoxUse>,
}

impl Ledger {
    /// What was stored, the oldest first.
    pub fn restored(uses: Vec<RoxUse>) -> Self {
        Self { uses: uses.into() }
    }

    /// Whether somebody may ask one more.
    ///
    /// # Errors
    /// Which budget is used up.
    pub fn check(
        &self,
        who: &Person,
        lobby: LobbyId,
        at: UnixMillis,
        Allowance { limits, day }: &Allowance,
    ) -> Result<(), OverBudget> {
        let today = self.sum(|one| one.at >= *day);
        let of_lobby = || self.sum(|one| one.at >= *day && one.lobby == lobby);
        let over = |limit: u64, used: u64| limit > 0 && used >= limit;
        if over(limits.per_day, today.questions)
            || over(limits.tokens_per_day, today.tokens)
            || limits.lobby_per_day > 0 && over(limits.lobby_per_day, of_lobby().questions)
        {
            return Err(OverBudget::Day);
        }
        if limits.user_per_hour == 0 {
            return Ok(());
        }
        let mut theirs: Vec<_> = self.lately(at, HOUR).filter(|one| is_of(one, who)).collect();
        theirs.sort_unstable_by_key(|one| one.at);
        // When that one is an hour old, as many are left as leave room for one more.
        let limit = usize::try_from(limits.user_per_hour).unwrap_or(usize::MAX);
        let first = theirs.len().checked_sub(limit).and_then(|over| theirs.get(over));
        match first {
            Some(first) => Err(OverBudget::Hour(at.until(first.at.after(HOUR)))),
            None => Ok(()),
        }
    }

    /// Whether somebody may be told what they missed.
    ///
    /// # Errors
    /// [`OverBudget::CatchUp`].
    pub fn check_catch_up(&self, who: &Person, at: UnixMillis) -> Result<(), OverBudget> {
        let last = self.uses.iter().filter(|one| one.who.knows(who));
        let Some(last) = last.filter_map(|one| one.caught_up_at).max() else { return Ok(()) };
        let wait = at.until(last.after(CATCH_UP_EVERY));
        // A clock that was set back is no reason to wait for longer.
        if wait.is_zero() || wait > CATCH_UP_EVERY {
            Ok(())
        } else {
            Err(OverBudget::CatchUp(wait))
        }
    }

    /// Something happens to the questions of a lobby; `who` asks, where somebody does who is there. What of that is
    /// to be stored.
    ///
    /// # Errors
    /// It is over a budget: it is not counted, and not to be sent.
    pub fn happened(
        &mut self,
        lobby: LobbyId,
        input: &Input,
        who: Option<&Person>,
        at: UnixMillis,
    ) -> Result<Option<NodeChange>, OverBudget> {
        match input {
            Input::Asked { question, allowance, .. }
            | Input::CatchUp { question, allowance, .. } => {
                let Some(who) = who else { return Ok(None) };
                // A node of an earlier version sends whatever it is asked, and says nothing of limits.
                if let Some(allowance) = allowance {
                    self.check(who, lobby, at, allowance)?;
                }
                if let Input::CatchUp { .. } = input {
                    self.check_catch_up(who, at)?;
                }
                let used = RoxUse {
                    question: question.0,
                    at,
                    who: who.clone(),
                    lobby,
                    tokens: 0,
                    catch_up: matches!(input, Input::CatchUp { .. }),
                    caught_up_at: None,
                };
                self.uses.push_back(used.clone());
                self.forget_old(at);
                Ok(Some(NodeChange::RoxUsed(Box::new(used))))
            }
            Input::Over { question, end, usage } => {
                let Some(place) = self.uses.iter().rposition(|one| one.question == question.0)
                else {
                    return Ok(None);
                };
                let Some(usage) = usage else {
                    let unused = self.uses.remove(place);
                    return Ok(unused.map(|one| NodeChange::RoxUnused(one.question, one.at)));
                };
                let Some(one) = self.uses.get_mut(place) else { return Ok(None) };
                one.tokens = usage.tokens();
                one.caught_up_at = (one.catch_up && end.is_answer()).then_some(at);
                Ok(Some(NodeChange::RoxUsed(Box::new(one.clone()))))
            }
            Input::Answered(_) | Input::Stop { .. } | Input::Forget { .. } => Ok(None),
        }
    }

    /// What somebody has used, by account or else by address.
    pub fn used_by(&self, who: &Person, at: UnixMillis, day: UnixMillis) -> Used {
        self.used(at, day, |one| is_of(one, who))
    }

    /// What was used in a lobby.
    pub fn used_in(&self, lobby: LobbyId, at: UnixMillis, day: UnixMillis) -> Used {
        self.used(at, day, |one| one.lobby == lobby)
    }

    /// What was used on the server.
    pub fn used_in_all(&self, at: UnixMillis, day: UnixMillis) -> Used {
        self.used(at, day, |_| true)
    }

    /// What was used on the server since this instant, at which the day began.
    pub fn today(&self, day: UnixMillis) -> Sum {
        self.sum(|one| one.at >= day)
    }

    fn used(&self, at: UnixMillis, day: UnixMillis, of: impl Fn(&RoxUse) -> bool) -> Used {
        let mut used = Used::default();
        self.lately(at, HOUR).filter(|one| of(one)).for_each(|one| used.hour.add(one));
        used.day = self.sum(|one| one.at >= day && of(one));
        used
    }

    fn sum(&self, of: impl Fn(&RoxUse) -> bool) -> Sum {
        let mut sum = Sum::default();
        self.uses.iter().filter(|one| of(one)).for_each(|one| sum.add(one));
        sum
    }

    /// Those within so much time, whichever way the clock was set since.
    fn lately(&self, at: UnixMillis, time: Duration) -> impl Iterator<Item = &RoxUse> {
        self.uses.iter().filter(move |one| one.at.until(at) < time && at.until(one.at) < time)
    }

    fn forget_old(&mut self, now: UnixMillis) {
        while self.uses.front().is_some_and(|one| one.at.until(now) > KEPT_FOR)
            || self.uses.len() > MAX_USES
        {
            self.uses.pop_front();
        }
    }
}

/// Whose budget a question counts for: an account's, wherever it is used, and of guests an address's. Whoever has
/// registered since, or given an account up, has used what they had.
fn is_of(one: &RoxUse, who: &Person) -> bool {
    match (one.who.account, who.account) {
        (None, None) => one.who.ip.is_some() && one.who.ip == who.ip || one.who.knows(who),
        (Some(_), Some(_)) | (None, Some(_)) | (Some(_), None) => one.who.knows(who),
    }
}

#[cfg(test)]
#[path = "budget_tests.rs"]
mod tests;
