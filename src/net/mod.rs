//! Between sockets and the actors: bytes to lines, blocks to bytes, each way bounded.

pub mod client_cert;
pub mod flight;
pub mod handed;
pub mod lines;
pub mod link;
pub mod listen;
pub mod nets;
pub mod origin;
pub mod pace;
pub mod probe;
pub mod proxy;
pub mod screen;
pub mod ssh;
pub mod telnet;
pub mod tls;
pub mod tls_socket;
pub mod validity;
pub mod ws;
