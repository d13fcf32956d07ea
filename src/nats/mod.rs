//! The engine of a cluster on NATS JetStream: what [`crate::cluster::engine`] asks for, done by a nats-server.
//! The only user of the NATS client.
//!
//! Each connection has a client of its own, which does not connect again by itself: what was asked on one that
//! is lost is never sent later, after newer things. The engine is asked once in a second how the log is. That
//! tells a connection that is silent, a log that was made anew, and a reader that hangs.

mod address;
mod api;
mod asked;
mod connect;
mod engine;
mod error;
mod link;
mod names;
mod open;
mod reader;

use std::time::Duration;

use crate::cluster::record::MAX_RECORD_BYTES;

pub use address::{Address, AddressFault, Addresses, Host, Login};
pub use engine::{Engine, Options, refound, running, start};
pub use error::StartError;
pub use names::{is_cluster, is_node};

/// How long the engine is tried when the server starts: a machine that starts both has it by then.
pub const START_TIME: Duration = Duration::from_secs(30);

/// For a connection to one address, up to where it can be used.
const CONNECT_TIME: Duration = Duration::from_secs(2);

/// Between two tries to connect: this at first, twice as long each time, and at most [`RETRY_MOST`], so that an
/// engine that is back is found within the 3 s that people are promised.
const RETRY_FIRST: Duration = Duration::from_millis(50);
/// See [`RETRY_FIRST`].
const RETRY_MOST: Duration = Duration::from_secs(1);

/// How often it is looked for what is late.
const LOOK_TIME: Duration = Duration::from_millis(250);

/// How often the engine is asked how its streams are.
const BEAT_TIME: Duration = Duration::from_secs(1);

/// An engine that has not answered for this long is away: people are told of it after 3 s.
const SILENCE: Duration = Duration::from_secs(3);

/// A request without an answer after this long has none. Longer than [`SILENCE`], by which most of them end.
const ASK_TIME: Duration = Duration::from_secs(5);

/// A reader for which there is something and which gives nothing for this long hangs.
const HANG_TIME: Duration = Duration::from_secs(2);

/// Requests that wait for their answer. Beyond 64 the engine gets no faster, and there is as much again for a
/// machine with a slower network.
const WINDOW: usize = 256;

/// Wishes that wait to be carried out.
const WISHES: usize = 1_024;

/// Notices that wait for the node.
const NOTICES: usize = 1_024;

/// Notices that were read off the engine and wait for room there: no more is read meanwhile.
const READ_AHEAD: usize = 1_024;

/// What a reader asks for at once, and what may therefore wait in memory.
const BATCH: usize = 512;

/// So long it is listened which nodes write before a log is made anew: over two beats of those on three engines.
const LISTEN_TIME: Duration = Duration::from_secs(5);

/// So many keys of the table are looked at then.
const MAX_KEYS: usize = 1_024;

/// Messages of one kind that the client holds: a batch and a half, or the answers of a window and what is asked
/// beside it. What other nodes send to this one alone is lost beyond it.
const HELD: usize = 4_096;

/// The log keeps records for so long. A node that was away for longer needs a copy of another's database.
const LOG_KEPT: Duration = Duration::from_hours(7 * 24);

/// A reader that nobody asks goes after this long: one whose node has died.
const READER_KEPT: Duration = Duration::from_secs(30);

/// What an engine must take at once: the largest record, with what stands before it.
const LEAST_PAYLOAD: u64 = MAX_RECORD_BYTES as u64 + 4 * 1_024;

/// What an engine may say when it greets: it lists the others there.
const MAX_GREETING: u64 = 64 * 1_024;
