//! The actors: who owns what state, and which messages change it.
//!
//! Requests that are awaited go one way only (ARCHITECTURE.md has the list), and everything back is sent
//! without waiting. So no cycle of waiting can exist.

pub mod ai;
#[cfg(debug_assertions)]
mod fault;
pub mod guard;
pub mod handshaker;
pub mod hasher;
pub mod lobby;
pub mod log;
pub mod ping;
pub mod registry;
pub mod session;
pub mod shard;
#[cfg(feature = "ssh")]
pub mod ssh;
pub mod store;
