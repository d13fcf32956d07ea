//! What a service manager is told of the server (sd_notify(3), systemd.service(5)): that it is ready, that it
//! reads its settings anew, that it stops, how it is, and, as long as the actors answer, that it need not be
//! started anew.
//!
//! A thread of its own tells it, since the manager may be slow to take it, and only where there is a manager.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use log::{error, info, warn};
use sd_notify::NotifyState;
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::clock;
use crate::health::{Health, State};
use crate::logging::event;
use crate::metrics::Metrics;
use crate::net::listen::ListenerKind;

/// What may wait to be told: far more than happens while a manager that is well takes one.
const QUEUE: usize = 64;

/// How often it is looked whether the server is well and how many are there, at the least.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// For the manager to take the word that the server stops.
const STOPPING_TIME: Duration = Duration::from_secs(1);

/// A thing that happens once.
enum News {
    Ready,
    /// At this reading of the clock that only goes on, in microseconds.
    Reloading(i128),
    /// Whoever says so waits until it is told.
    Stopping(oneshot::Sender<()>),
}

/// The service manager; nobody, where lobbyd was not started by one.
#[derive(Clone)]
pub(super) struct Service(Option<SyncSender<News>>);

/// Settings are being read anew; dropped when that has ended, well or not.
pub(super) struct Reloading<'a>(&'a Service);

impl Drop for Reloading<'_> {
    fn drop(&mut self) {
        self.0.ready();
    }
}

impl Service {
    /// Looks in the environment for one, and begins to tell it things.
    pub(super) fn start(metrics: Arc<Metrics>, health: Health) -> Self {
        if !has_manager() {
            return Self(None);
        }
        let watchdog = sd_notify::watchdog_enabled().filter(|time| !time.is_zero());
        let (news, told) = sync_channel(QUEUE);
        let teller = Teller {
            metrics,
            health,
            watched: watchdog.is_some(),
            look_every: watchdog.map_or(LOOK_EVERY, |time| LOOK_EVERY.min(time / 2)),
            is_ready: false,
            fed: true,
            failing: false,
            status: String::new(),
        };
        let thread = thread::Builder::new().name("service".to_owned());
        match thread.spawn(move || teller.run(&told)) {
            Ok(_) => Self(Some(news)),
            Err(reason) => {
                error!(event = event::MANAGER_FAILED; "the service manager cannot be told anything: {reason}");
                Self(None)
            }
        }
    }

    /// Every listener accepts.
    pub(super) fn ready(&self) {
        self.tell(News::Ready);
    }

    /// Settings are read anew from now on, until what this gives is dropped.
    pub(super) fn reloading(&self) -> Reloading<'_> {
        self.tell(News::Reloading(clock::monotonic_micros()));
        Reloading(self)
    }

    /// The server stops. Waits until that is told, but not long.
    pub(super) async fn stopping(&self) {
        let (told, waits) = oneshot::channel();
        self.tell(News::Stopping(told));
        let _ = timeout(STOPPING_TIME, waits).await;
    }

    fn tell(&self, news: News) {
        if let Self(Some(teller)) = self
            && teller.try_send(news).is_err()
        {
            error!(event = event::MANAGER_FAILED; "the service manager takes nothing: it is not told how the server is");
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
}

impl Teller {
    fn run(mut self, told: &Receiver<News>) {
        let mut next = clock::now();
        loop {
            match told.recv_timeout(next.saturating_duration_since(clock::now())) {
                Ok(news) => self.pass_on(news),
                Err(RecvTimeoutError::Timeout) => {
                    self.look();
                    next = self.after(next);
                }
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    /// When it is looked next: not twice at once where one was late.
    fn after(&self, last: Instant) -> Instant {
        (last + self.look_every).max(clock::now())
    }

    fn pass_on(&mut self, news: News) {
        match news {
            News::Ready => {
                self.is_ready = true;
                self.send(&[NotifyState::Ready]);
            }
            News::Reloading(at) => {
                self.send(&[NotifyState::Reloading, NotifyState::MonotonicUsec(at)]);
            }
            News::Stopping(told) => {
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
        let status = status(&self.health, &self.metrics);
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
    let count =
        |count: i64, what: &str| format!("{count} {what}{}", if count == 1 { "" } else { "s" });
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
