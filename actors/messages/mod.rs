//! Every message between actors, with its reply.

mod listing;
mod lobby;
mod registry;
mod session;
mod shard;

pub use self::listing::*;
pub use self::lobby::*;
pub use self::registry::*;
pub use self::session::*;
pub use self::shard::*;
use crate::net::hub::Seat;

/// Where a connection is: its thread, and its seat in the hub there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Whereabouts {
    /// Index of the Shard.
    pub shard: usize,
    /// The seat.
    pub seat: Seat,
}
