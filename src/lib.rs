//! lobbyd, a terminal chat server.

#[path = "../actors/mod.rs"]
pub mod actors;
pub mod ai;
pub mod chat;
pub mod config;
pub mod net;
pub mod server;
