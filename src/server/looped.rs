//! For the tests: a log that leads back to the server itself, so that everything that can be done is done by way
//! of it, with nothing to wait for but the log. In debug builds, where `LOBBYD_LOG=loop` is in the environment.

use std::sync::Arc;

use actix::prelude::*;
use tokio::sync::mpsc;

use crate::actors::guard::Guarded;
use crate::actors::log::messages::Decided;
use crate::actors::log::{Append, Letter, Log, Proposal, Shared};
use crate::actors::registry::Registry;
use crate::actors::store::StoreHandle;
use crate::clock::unix_now;
use crate::cluster::engine::Revision;
use crate::cluster::record::Record;
use crate::logging::event;

struct Loop(mpsc::UnboundedSender<Proposal>);

impl Append for Loop {
    fn append(&self, proposal: Proposal) {
        // Nobody is left to tell at the end.
        let _ = self.0.send(proposal);
    }

    fn send(&self, _: Option<u32>, _: Letter) {
        // There is no other node.
    }

    fn stop(&self, why: String) {
        log::error!(event = event::CLUSTER; "{why}");
    }
}

#[expect(clippy::disallowed_methods, reason = "it is for tests, and no setting")]
fn is_wanted() -> bool {
    std::env::var("LOBBYD_LOG").is_ok_and(|value| value == "loop")
}

/// The log, and what is proposed to it.
pub(super) fn log() -> (Log, Option<mpsc::UnboundedReceiver<Proposal>>) {
    if !is_wanted() {
        return (Log::Alone, None);
    }
    let (to, from) = mpsc::unbounded_channel();
    (Log::Shared(Shared::new(Arc::new(Loop(to)))), Some(from))
}

/// Has everything that is proposed come out of the log.
pub(super) async fn run(
    mut proposals: mpsc::UnboundedReceiver<Proposal>,
    (registry, store): (Addr<Guarded<Registry>>, StoreHandle),
) {
    let (mut number, mut at) = (0, unix_now());
    while let Some(Proposal { ticket, subject: _, what, changes }) = proposals.recv().await {
        number += 1;
        at = at.max(unix_now());
        let record = Record { life: Revision(1), number, what, changes, until: None };
        // As another node would read it.
        let bytes = record.encode().unwrap_or_default();
        match Record::decode(&bytes) {
            Ok(Record { what, changes, .. }) => {
                let (own, applying) = (Some(ticket), store.begin_record(None));
                registry.do_send(Decided { at, own, what, changes, life: 0, applying });
            }
            Err(why) => {
                log::error!(event = event::CLUSTER; "{why}: {}", String::from_utf8_lossy(&bytes))
            }
        }
    }
}
