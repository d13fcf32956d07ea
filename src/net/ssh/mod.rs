//! SSH, as far as it is bytes: the socket under it, its host key, and what carries the bytes of one
//! Session to and from the task that has the connection.
//!
//! The library has a task of its own for each connection, on another thread than the Sessions. What it
//! queues is bounded nowhere but at its ends, and these ends are here.

pub mod clear;
pub mod flow;
#[cfg(feature = "ssh")]
pub mod host_key;
pub mod pipe;
pub mod socket;
pub mod visit;
