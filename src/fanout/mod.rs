//! From one text to many sockets: the clients of a thread, what waits for each, and when it is written.
//!
//! Between `render`, which makes the text, and `net`, which has the sockets; knows no actor.

pub mod hub;
pub mod limits;
pub mod outbox;
mod pacer;
pub mod peer;
pub mod tally;
pub mod typing;
pub mod variants;
