//! The budgets of Rox, where every thread reaches them.
//!
//! Alone, a Lobby counts a question as it takes it. In a cluster the Registry does, as the questions come out of the
//! log, before their lobbies hear of them: those go on side by side, and what is left for all of them must not
//! depend on which is first. The lock is held for a look-up and never across anything that waits.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::ai::budget::{Allowance, Ledger, OverBudget, Used};
use crate::ai::questions;
use crate::chat::change::NodeChange;
use crate::chat::history::UnixMillis;
use crate::chat::kept::RoxUse;
use crate::chat::lobbies::LobbyId;
use crate::chat::person::Person;
use crate::clock;
use crate::config::Config;
use crate::metrics::{Metrics, NotAskedFor};

/// What was asked lately, shared.
#[derive(Clone, Debug)]
pub struct Budgets {
    ledger: Arc<Mutex<Ledger>>,
    metrics: Arc<Metrics>,
}

impl Budgets {
    /// With what was stored, the oldest first.
    pub fn new(uses: Vec<RoxUse>, metrics: Arc<Metrics>) -> Self {
        let budgets = Self { ledger: Arc::new(Mutex::new(Ledger::restored(uses))), metrics };
        budgets.note_today(clock::unix_now());
        budgets
    }

    /// By what a question is judged that is put to this server at that time.
    pub fn allowance(config: &Config, at: UnixMillis) -> Allowance {
        Allowance { limits: config.ai_limits, day: clock::day_of(at) }
    }

    /// As [`Ledger::check`].
    ///
    /// # Errors
    /// Which budget is used up.
    pub fn check(
        &self,
        who: &Person,
        lobby: LobbyId,
        at: UnixMillis,
        allowance: &Allowance,
    ) -> Result<(), OverBudget> {
        self.lock().check(who, lobby, at, allowance)
    }

    /// As [`Ledger::check_catch_up`].
    ///
    /// # Errors
    /// [`OverBudget::CatchUp`].
    pub fn check_catch_up(&self, who: &Person, at: UnixMillis) -> Result<(), OverBudget> {
        self.lock().check_catch_up(who, at)
    }

    /// As [`Ledger::happened`].
    ///
    /// # Errors
    /// It is over a budget: it is not counted, and not to be sent.
    pub fn happened(
        &self,
        lobby: LobbyId,
        input: &questions::Input,
        who: Option<&Person>,
        at: UnixMillis,
    ) -> Result<Option<NodeChange>, OverBudget> {
        let happened = self.lock().happened(lobby, input, who, at);
        if let Ok(Some(_)) = &happened {
            self.note_today(at);
        }
        happened
    }

    /// What somebody, a lobby and all have used.
    pub fn used(&self, who: &Person, lobby: LobbyId, at: UnixMillis) -> [Used; 3] {
        let (ledger, day) = (self.lock(), clock::day_of(at));
        [ledger.used_by(who, at, day), ledger.used_in(lobby, at, day), ledger.used_in_all(at, day)]
    }

    /// A question was put to nobody.
    pub fn refused(&self, why: NotAskedFor) {
        self.metrics.ai_refusals.of(why).inc();
    }

    /// Has the metrics say what was used today.
    pub fn note_today(&self, at: UnixMillis) {
        let today = self.lock().today(clock::day_of(at));
        let gauge = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        self.metrics.ai_questions_today.set(gauge(today.questions));
        self.metrics.ai_tokens_today.set(gauge(today.tokens));
    }

    /// A panic while it was held leaves at worst one question that counted, or did not.
    fn lock(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
