//! The operator's console as both of its ends know it: what is asked of a running server over its Unix
//! socket, how that is answered, and where the socket is.
//!
//! A connection is for one request: a line of JSON, answered with lines of JSON of which the last says how
//! it ended. The server's end is `server/console`, the client's `lobbyd ctl`.

mod answer;
mod request;
pub mod shown;
mod socket;
mod table;

pub use answer::{Answer, MAX_ANSWER_BYTES};
pub use request::{MAX_REQUEST_BYTES, Request, RequestError};
pub use socket::{ConnectError, SOCKET_FILE, Socket, SocketError, connect, is_trusted};

/// The version of what is spoken. It changes where an older end would misunderstand a newer one; fields that
/// are only added do not change it.
pub const PROTOCOL: u64 = 1;
