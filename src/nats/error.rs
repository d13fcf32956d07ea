//! Why a server with a cluster does not start.

use super::address::{Address, Addresses};

/// Why the engine cannot be used. All of it in one line, which names the address, never the password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StartError {
    /// It was tried for the whole time.
    #[error(
        "the engine at {0} cannot be used: {1} (tried for {2} s). Start nats-server there, or set NATS_URL to where it is"
    )]
    Away(Addresses, String, u64),
    /// It does not know the user, or not by this password.
    #[error(
        "the engine at {0} refuses the user or the password: set them in NATS_URL as they are in its configuration"
    )]
    Password(Address),
    /// It wants TLS, which is not spoken.
    #[error(
        "the engine at {0} demands TLS, which lobbyd does not speak to it: take tls out of its client listener, and let \
         it speak TLS to other machines alone"
    )]
    Tls(Address),
    /// It is a NATS server without JetStream.
    #[error("the engine at {0} keeps nothing: give it a jetstream block in its configuration")]
    NoJetStream(Address),
    /// It cannot keep so many copies.
    #[error(
        "the engine at {address} cannot keep NATS_REPLICAS={wanted} copies: {why}. Join more engines, or set less"
    )]
    Replicas {
        /// Where.
        address: Address,
        /// So many were asked for.
        wanted: u64,
        /// In its own words.
        why: String,
    },
    /// The cluster's name is another's.
    #[error(
        "the engine at {0} has other data under the name '{1}': set CHAT_CLUSTER to another name"
    )]
    Taken(Address, String),
    /// There is no log of this cluster, and none is to be made.
    #[error(
        "the engine at {0} has no log of the cluster '{1}': set NATS_URL to its engine, or run: lobbyd cluster refound"
    )]
    NoLog(Address, String),
    /// There is the log, and not all that belongs to it.
    #[error("the engine at {0} has lost a table of the cluster '{1}': run: lobbyd cluster refound")]
    NoTable(Address, String),
    /// It refuses something else.
    #[error("the engine at {0} refuses to keep the cluster's log: {1}")]
    Refused(Address, String),
}

/// Why one try came to nothing.
#[derive(Debug)]
pub(super) enum TryError {
    /// Another may come to something.
    Passing(String),
    /// No other would, until somebody does something.
    Lasting(StartError),
}
