//! The actors: who owns what state, and which messages change it.
//!
//! Requests that are awaited go one way only, Session → Registry and Lobby, these → AiPool and
//! Hasher and Store; everything back is sent without waiting. So no cycle of waiting can exist.

pub mod ai;
#[cfg(debug_assertions)]
mod fault;
pub mod guard;
pub mod handshaker;
pub mod hasher;
pub mod lobby;
pub mod registry;
pub mod session;
pub mod shard;
pub mod store;

use std::time::{SystemTime, UNIX_EPOCH};

use crate::chat::history::UnixMillis;
use crate::chat::times::Times;

/// The wall clock.
pub fn unix_now() -> UnixMillis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixMillis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

/// How whoever wants clock times, or does not, is told when something was said.
pub(crate) fn times(clock: bool) -> Times {
    match clock {
        true => Times::Clock { utc_offset_secs: jiff::Zoned::now().offset().seconds() },
        false => Times::Ages,
    }
}
