//! `drain`: no new connections, and the end of the server when those that are there have left.

use std::time::Duration;

use log::{info, warn};
use serde_json::json;
use tokio::time::{sleep, timeout};

use super::lists::{progress, tell};
use super::{Answering, LIST_TIME, MAX_DRAINS, Outcome, Reach};
use crate::actors::registry::messages::CountConnections;
use crate::actors::shard::messages::{Doors, ServerNotice, TellAll};
use crate::chat::kept::{AuditEntry, Scope};
use crate::chat::name::Name;
use crate::chat::text::Line;
use crate::chat::times::Span;
use crate::clock::{self, unix_now};
use crate::console::Answer;
use crate::console::shown::so_many;
use crate::draining::{DEFAULT_DEADLINE, Phase, Step};
use crate::logging::event;
use crate::server::nodes::SeenNodes;
use crate::store::Change;

/// How often those who are left are counted.
const COUNT_EVERY: Duration = Duration::from_millis(200);

/// How often whoever waits is told, where the count stays the same.
const TELL_EVERY: Duration = Duration::from_secs(10);

fn count(connections: usize) -> String {
    so_many(connections as u64, "connection")
}

/// What one too many is told who would wait for a drain.
pub(super) fn too_many() -> Answer {
    Answer::failed(format!(
        "{MAX_DRAINS} wait for the end of the drain already, which goes on unchanged. lobbyd ctl status tells how \
         far it is"
    ))
}

impl Reach {
    /// Begins a drain, or joins the one that is under way, and waits for its end. It goes on where
    /// whoever wanted it does not wait.
    pub(super) async fn drain(&self, deadline: Option<Duration>, out: &Answering) -> Outcome {
        let already = matches!(self.shared.health.draining().phase(), Phase::Draining(_));
        if !already || deadline.is_some() {
            self.begin_drain(deadline.unwrap_or(DEFAULT_DEADLINE))?;
        }
        let mut phases = self.shared.health.draining().watch();
        loop {
            let phase = *phases.borrow_and_update();
            match phase {
                // They are counted at once.
                Phase::Draining(drain) if drain.left.is_none() => {}
                Phase::Draining(drain) => tell(out, Answer::Item(progress(drain))).await,
                Phase::Stopping { left, drained: true } => return Ok(json!({ "left": left })),
                Phase::Stopping { left, drained: false } => {
                    let left = left.map_or(String::new(), |left| format!(" with {}", count(left)));
                    return Err(Answer::failed(format!(
                        "the server was stopped{left}, before the drain was over"
                    )));
                }
                Phase::Serving => return Err(Answer::failed("the drain was cancelled")),
            }
            tokio::select! {
                _ = timeout(TELL_EVERY, phases.changed()) => {}
                () = out.closed() => {
                    info!(event = event::DRAINING; "nobody waits for the drain, which goes on");
                    return Ok(json!({}));
                }
            }
        }
    }

    fn begin_drain(&self, deadline: Duration) -> Result<(), Answer> {
        let now = clock::now();
        let stops = || Answer::failed("the server stops already");
        let until = now.checked_add(deadline).ok_or_else(stops)?;
        let is_new = self.shared.health.draining().begin(until, now).ok_or_else(stops)?;
        let time = Span::exact(deadline);
        warn!(event = event::DRAINING; "draining: no new connections, and the end in {time} at the latest");
        self.write_down(&format!("had the server drain, for {time} at most"));
        self.tell_all(self.restarting(deadline));
        if is_new {
            self.shards.iter().for_each(|shard| shard.do_send(Doors { closed: true }));
            actix_rt::spawn(self.clone().watch_over());
        }
        Ok(())
    }

    /// Takes new connections again.
    pub(super) async fn cancel_drain(&self) -> Outcome {
        if !self.shared.health.draining().cancel() {
            return Err(Answer::failed("no drain is under way"));
        }
        warn!(event = event::DRAIN_CANCELLED; "the drain is cancelled");
        self.write_down("had the server drain no more");
        self.shards.iter().for_each(|shard| shard.do_send(Doors { closed: false }));
        self.tell_all(ServerNotice::NotRestarting);
        Ok(json!({}))
    }

    /// Counts those who are left, until a drain is over or cancelled.
    async fn watch_over(self) {
        loop {
            let left = timeout(LIST_TIME, self.registry.send(CountConnections)).await;
            let left = left.ok().and_then(Result::ok).flatten();
            match self.shared.health.draining().step(left, clock::now()) {
                Some(Step::Wait) => {}
                Some(Step::Remind(time)) => self.tell_all(self.restarting(time)),
                Some(Step::Over) => {
                    let left = left.map_or("nobody knows how many connections".to_owned(), count);
                    info!(event = event::DRAINED; "drained: {left} still open");
                    return;
                }
                None => return,
            }
            sleep(COUNT_EVERY).await;
        }
    }

    fn restarting(&self, time: Duration) -> ServerNotice {
        let others = self.nodes.as_ref().is_some_and(SeenNodes::others_go_on);
        ServerNotice::Restarting { time, others }
    }

    fn tell_all(&self, notice: ServerNotice) {
        self.shards.iter().for_each(|shard| shard.do_send(TellAll(notice)));
    }

    /// Has the audit tell of something that the Registry has no part in.
    fn write_down(&self, what: &str) {
        let what = Line::clean(what);
        let entry = AuditEntry { scope: Scope::Server, at: unix_now(), who: Name::console(), what };
        self.store.keep([Change::Audited(entry)]);
    }
}
