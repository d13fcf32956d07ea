//! The actors: who owns what state, and which messages change it.
//!
//! Requests that are awaited go one way only, Session → Registry and Lobby, these → AiPool and
//! Hasher; everything back is sent without waiting. So no cycle of waiting can exist.

pub mod ai_messages;
pub mod ai_pool;
pub mod ai_worker;
pub mod batch;
#[cfg(debug_assertions)]
mod fault;
mod guessing;
pub mod hasher;
pub mod lobby;
mod lobby_ai;
pub mod messages;
pub mod registry;
pub mod session;
pub mod shard;
mod sturdy;
