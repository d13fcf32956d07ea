//! Several nodes as one chat: what each does so that all have the same log in the same order, as pure code.
//!
//! One ordered log decides. A node proposes, appends what is to happen to the log, and lets it happen when it
//! comes back, as all others do: who has a name is decided there, too, by every node alike. Only who is a node is
//! held in a table, whose keys are written by comparing and setting. Nothing here knows which engine keeps them
//! ([`engine`] says what is asked of one), reads a clock or speaks to a socket.
//!
//! A [`Node`] is the whole of it: it is given what the engine says, what the application wishes and the time,
//! and gives [`Wish`](engine::Wish)es for the engine and [`Told`] for the application. What the application
//! says is bytes to it.

pub mod engine;
pub mod envelope;
mod judge;
pub mod lag;
mod life;
pub mod mark;
mod node;
#[cfg(test)]
mod node_tests;
pub mod nodes;
mod out;
pub mod reach;
mod reader;
pub mod record;
mod rules;
#[cfg(test)]
mod samples_tests;
mod sender;
#[cfg(test)]
mod sim;
pub mod skipped;
pub mod timing;
pub mod told;
mod values;

pub use node::{Full, Node, Start};
pub use told::Told;
