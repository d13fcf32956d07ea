//! What a service manager is told of the server (sd_notify(3), systemd.service(5)): that it is ready, that it
//! reads its settings anew, that it stops, how it is, and, as long as the actors answer, that it need not be
//! started anew.
//!
//! A thread of its own tells it, since the manager may be slow to take it, and only where there is a manager.
//! What has been overtaken meanwhile is not told any more, so that the last thing that it hears is true.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use log::{error, info, warn};
use sd_notify::NotifyState;
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::clock;
use crate::config::SharedReload;
use crate::console::shown::so_many;
use crate::health::{Health, State};
use crate::logging::event;
use crate::metrics::Metrics;
use crate::net::listen::ListenerKind;

/// How often it is looked whether the server is well and how many are there, at the least.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// For the manager to take the word that the server stops.
const STOPPING_TIME: Duration = Duration::from_secs(1);

/// A thing that happened.
#[derive(Debug)]
enum Word {
    Ready,
    /// At this reading of the clock that only goes on, in microseconds.
    Reloading(i128),
    /// Whoever says so waits until it is told.
    Stopping(oneshot::Sender<()>),
}

/// What has happened and is not told yet: of each kind the newest alone, however long the manager takes.
#[derive(Debug, Default)]
struct News {
    reloading: Option<i128>,
    /// Since the newest reload began, if one did.
    ready: bool,
    stopping: Option<oneshot::Sender<()>>,
}

impl News {
    fn happens(&mut self, word: Word) {
        match word {
            Word::Ready => self.ready = true,
            Word::Reloading(at) => (self.reloading, self.ready) = (Some(at), false),
            Word::Stopping(told) => self.stopping = Some(told),
        }
    }

    fn is_empty(&self) -> bool {
        self.reloading.is_none() && !self.ready && self.stopping.is_none()
    }

    /// What is to be told, in this order. A manager that waits for a reload of its own has to hear that one
    /// began, though it has ended by now.
    fn into_words(self) -> impl Iterator<Item = Word> {
        let reloading = self.reloading.map(Word::Reloading);
        let ready = self.ready.then_some(Word::Ready);
        reloading.into_iter().chain(ready).chain(self.stopping.map(Word::Stopping))
    }
}

/// Where news are left for the thread that tells them.
#[derive(Default)]
struct Board {
    news: Mutex<News>,
    is_new: Condvar,
}

impl Board {
    fn news(&self) -> MutexGuard<'_, News> {
        // Nothing that could panic leaves it half changed.
        self.news.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for news, but not beyond an instant: there may be none then.
    fn wait(&self, until: Instant) -> News {
        let time = until.saturating_duration_since(clock::now());
        let (mut news, _) = self
            .is_new
            .wait_timeout_while(self.news(), time, |news| news.is_empty())
            .unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut news)
    }
}

/// The service manager; nobody, where lobbyd was not started by one.
#[derive(Clone)]
pub(super) struct Service(Option<Arc<Board>>);

/// Settings are being read anew; dropped when that has ended, well or not.
pub(super) struct Reloading<'a>(&'a Service);

impl Drop for Reloading<'_> {
    fn drop(&mut self) {
        self.0.ready();
    }
}

impl Service {
    /// Looks in the environment for one, and begins to tell it things.
    pub(super) fn start(metrics: Arc<Metrics>, health: Health, last_reload: SharedReload) -> Self {
        if !has_manager() {
            return Self(None);
        }
        let watchdog = sd_notify::watchdog_enabled().filter(|time| !time.is_zero());
        let board = Arc::new(Board::default());
        let teller = Teller {
            metrics,
            health,
            watched: watchdog.is_some(),
            look_every: watchdog.map_or(LOOK_EVERY, |time| LOOK_EVERY.min(time / 2)),
            is_ready: false,
            fed: true,
            failing: false,
            status: String::new(),
            last_reload,
        };
        let thread = thread::Builder::new().name("service".to_owned());
        let news = board.clone();
        match thread.spawn(move || teller.run(&news)) {
            Ok(_) => Self(Some(board)),
            Err(reason) => {
                error!(event = event::MANAGER_FAILED; "the service manager cannot be told anything: {reason}");
                Self(None)
            }
        }
    }

    /// Every listener accepts.
    pub(super) fn ready(&self) {
        self.tell(Word::Ready);
    }

    /// Settings are read anew from now on, until what this gives is dropped.
    pub(super) fn reloading(&self) -> Reloading<'_> {
        self.tell(Word::Reloading(clock::monotonic_micros()));
        Reloading(self)
    }

    /// The server stops: nothing is told after that. Waits until it is told, but not long.
    pub(super) async fn stopping(&self) {
        let (told, waits) = oneshot::channel();
        self.tell(Word::Stopping(told));
        let _ = timeout(STOPPING_TIME, waits).await;
    }

    fn tell(&self, word: Word) {
        if let Self(Some(board)) = self {
            board.news().happens(word);
            board.is_new.notify_one();
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "what a service manager sets is no setting")]
fn has_manager() -> bool {
    std::env::var_os("NOTIFY_SOCKET").is_some_and(|socket| !socket.is_empty())
}

/// Tells the manager, on its thread.
struct Teller {
    metrics: Arc<Metrics>,
    health: Health,
    /// Whether there is a watchdog, which wants to hear that all is well.
    watched: bool,
    look_every: Duration,
    /// Whether the server has begun: nothing but that is told before.
    is_ready: bool,
    /// Whether the watchdog was told so when it was last looked.
    fed: bool,
    /// Whether the last thing could not be told.
    failing: bool,
    /// How the server was when that was last told.
    status: String,
    /// How the last reload ended.
    last_reload: SharedReload,
}

impl Teller {
    fn run(mut self, board: &Board) {
        let mut next = clock::now();
        loop {
            let news = board.wait(next);
            let stops = news.stopping.is_some();
            news.into_words().for_each(|word| self.pass_on(word));
            if stops {
                // Neither how it is nor that it answers counts any more: the manager waits for its end.
                return;
            }
            if next <= clock::now() {
                self.look();
                next = self.after(next);
            }
        }
    }

    /// When it is looked next: not twice at once where one was late.
    fn after(&self, last: Instant) -> Instant {
        (last + self.look_every).max(clock::now())
    }

    fn pass_on(&mut self, word: Word) {
        match word {
            Word::Ready => {
                self.is_ready = true;
                self.send(&[NotifyState::Ready]);
            }
            Word::Reloading(at) => {
                self.send(&[NotifyState::Reloading, NotifyState::MonotonicUsec(at)]);
            }
            Word::Stopping(told) => {
                self.send(&[NotifyState::Stopping, NotifyState::Status("Stopping")]);
                let _ = told.send(());
            }
        }
    }

    fn look(&mut self) {
        if !self.is_ready {
            return;
        }
        let silent = self.health.silent();
        if self.watched {
            if silent.is_empty() {
                self.send(&[NotifyState::Watchdog]);
            }
            self.tell_the_log(&silent);
        }
        let mut status = status(&self.health, &self.metrics);
        let last = self.last_reload.load();
        if let Some(fault) = last.as_ref().and_then(|last| last.fault.as_ref()) {
            status = format!("{status}; the last reload was refused: {fault}");
        }
        if status != self.status {
            self.send(&[NotifyState::Status(&status)]);
            self.status = status;
        }
    }

    fn tell_the_log(&mut self, silent: &[String]) {
        let was_fed = std::mem::replace(&mut self.fed, silent.is_empty());
        if was_fed && let Some(why) = silent.first() {
            error!(event = event::WATCHDOG_HELD; "the watchdog is not fed, so that the server is started anew: {why}");
        } else if !was_fed && self.fed {
            info!(event = event::WATCHDOG_FED; "the watchdog is fed again");
        }
    }

    fn send(&mut self, state: &[NotifyState<'_>]) {
        let sent = sd_notify::notify(state);
        let was_failing = std::mem::replace(&mut self.failing, sent.is_err());
        if let (Err(reason), false) = (sent, was_failing) {
            warn!(event = event::MANAGER_FAILED; "the service manager cannot be told how the server is: {reason}");
        }
    }
}

/// How the server is, as `systemctl status` shows it.
fn status(health: &Health, metrics: &Metrics) -> String {
    // A gauge may stand below 0 for an instant, between two threads.
    let count = |count: i64, what| so_many(u64::try_from(count).unwrap_or(0), what);
    let connections = ListenerKind::ALL.map(|kind| metrics.connections.of(kind).get()).iter().sum();
    let there =
        format!("{}, {}", count(metrics.users.get(), "user"), count(connections, "connection"));
    let (state, why) = health.report();
    match (state, why.first()) {
        (State::Ready, _) | (_, None) => there,
        (State::Draining, _) => format!("Draining: {there}"),
        (State::Failing, Some(why)) => format!("Failing: {why}; {there}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is told of these, as letters.
    fn told(words: Vec<Word>) -> String {
        let mut news = News::default();
        words.into_iter().for_each(|word| news.happens(word));
        let letter = |word| match word {
            Word::Ready => "ready ".to_owned(),
            Word::Reloading(at) => format!("reloading-{at} "),
            Word::Stopping(_) => "stopping ".to_owned(),
        };
        news.into_words().map(letter).collect()
    }

    #[test]
    fn what_was_overtaken_is_not_told_and_the_last_word_is_true() {
        use Word::{Ready, Reloading, Stopping};
        let stopping = || Stopping(oneshot::channel().0);
        for (words, want) in [
            (vec![], ""),
            (vec![Ready], "ready "),
            (vec![Reloading(1)], "reloading-1 "),
            (vec![Reloading(1), Ready], "reloading-1 ready "),
            (vec![Ready, Reloading(1)], "reloading-1 "),
            (vec![Reloading(1), Ready, Reloading(2)], "reloading-2 "),
            (vec![Reloading(1), Ready, Reloading(2), Ready], "reloading-2 ready "),
            (vec![Reloading(1), stopping()], "reloading-1 stopping "),
            // One that was under way ends while the server stops.
            (vec![stopping(), Ready], "ready stopping "),
        ] {
            assert_eq!(told(words), want);
        }
    }

    #[test]
    fn the_status_says_who_is_there_and_what_is_wrong() {
        let (health, metrics) = (Health::new(), Metrics::new());
        health.set_silent(Vec::new());
        assert_eq!(status(&health, &metrics), "0 users, 0 connections");
        metrics.users.inc();
        metrics.connections.of(ListenerKind::Plain).inc();
        assert_eq!(status(&health, &metrics), "1 user, 1 connection");
        metrics.connections.of(ListenerKind::Tls).inc();
        health.draining().stop();
        assert_eq!(status(&health, &metrics), "Draining: 1 user, 2 connections");
        health.set_silent(vec!["the Store does not answer".to_owned()]);
        let status = status(&health, &metrics);
        assert!(
            status.starts_with("Failing: ") && status.ends_with("1 user, 2 connections"),
            "{status}"
        );
    }
}
