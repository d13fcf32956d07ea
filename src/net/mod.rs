//! Between sockets and the actors: bytes to lines, blocks to bytes, each way bounded.

pub mod hub;
pub mod lines;
pub mod listen;
pub mod outbox;
pub mod pace;
pub mod peer;
pub mod telnet;
pub mod tls;
pub mod transport;
