//! The rules of the chat, as pure code.
//!
//! Nothing in here reads a clock, a random source, the environment or a socket: `now`, ages and
//! salts are arguments. That is what lets every rule be tested in a microsecond.

pub mod ansi;
pub mod command;
pub mod directory;
mod escape;
pub mod history;
pub mod limiter;
pub mod lobbies;
pub mod name;
pub mod password;
pub mod pictures;
pub mod render;
pub mod replies;
pub mod room;
pub mod text;
