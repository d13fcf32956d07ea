//! `/fault`, for tests: only in builds with debug assertions (see `actors::fault`).

use std::time::Duration;

use bytes::Bytes;

use super::Session;
use crate::actors::fault;
use crate::render::replies::Reply;

impl Session {
    pub(super) fn is_fault(&self, line: &str) -> bool {
        line.starts_with(fault::WORD) && fault::enabled()
    }

    pub(super) fn make_fault(&mut self, line: &str) {
        let Some(lobby) = self.user().map(|user| user.lobby.addr.clone()) else { return };
        match line.trim_start_matches(fault::WORD) {
            "session" => fault::strike(),
            "lobby" => lobby.do_send(fault::Fault),
            "worker" => lobby.do_send(fault::WorkerFault),
            "hasher" => self.thread.hasher.strike(),
            wedge if let Some(time) = wedge_of_session(wedge) => fault::wedge(time),
            at if fault::aim(at) => {
                self.queue_raw(Bytes::from_static(b"a fault is on its way\r\n"));
            }
            _ => self.reply(&Reply::UnknownCommand(None)),
        }
    }
}

/// `wedge session <seconds>`.
fn wedge_of_session(what: &str) -> Option<Duration> {
    fault::seconds(what.strip_prefix("wedge session ")?)
}
