//! The rules of the chat, as pure code.
//!
//! Nothing in here reads a clock, a random source, the environment or a socket: `now`, ages and
//! salts are arguments. That is what lets every rule be tested in a microsecond.

pub mod accounts;
pub mod asking;
pub mod bot;
pub mod change;
pub mod command;
pub mod directory;
pub mod editor;
mod escape;
pub mod history;
pub mod hold;
pub mod hook;
pub mod ignores;
pub mod kept;
pub mod limiter;
pub mod lobbies;
pub mod lobby;
pub mod moderation;
pub mod name;
pub mod near;
pub mod orders;
pub mod password;
pub mod person;
pub mod pictures;
pub mod rates;
pub mod registry;
pub mod retention;
pub mod roles;
pub mod sanctions;
pub mod settings;
pub mod skeleton;
pub mod terminal;
pub mod text;
pub mod times;
pub mod wire;
