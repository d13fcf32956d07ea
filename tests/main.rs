//! Black-box tests: the real binary, over real sockets, with real clients.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a test fails by panicking, and drives the program from outside"
)]

mod ai;
mod chatting;
mod clients;
mod exhaustion;
mod faults;
mod fuzz_entries;
mod gemini;
mod harness;
mod joining;
mod limits;
mod lobbies;
mod model;
mod process;
mod shutdown;
mod social;
mod telnet;
mod tidy;
mod tls;
