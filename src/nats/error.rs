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
    /// It wants to know who one is, and is not to be told.
    #[error(
        "the engine at {0} asks for a user and a password: set them in NATS_URL (nats://user:password@…) as they are in \
         its configuration"
    )]
    NoLogin(Address),
    /// It takes less at once than there may be in a record.
    #[error(
        "the engine at {address} takes messages of at most {most} bytes, which are too few: set max_payload to 1MB in \
         its configuration"
    )]
    Payload {
        /// Where.
        address: Address,
        /// So much it takes.
        most: u64,
    },
    /// It is there, and JetStream says nothing.
    #[error(
        "JetStream does not answer at {0}: of engines that are joined more than half must run and reach each other, \
         and the user of NATS_URL must be allowed everything there"
    )]
    Silent(Address),
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
        "the engine at {address} cannot keep NATS_REPLICAS={wanted} copies: {why}. Start so many engines and join \
         them, or set less"
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
    /// Another may come to something, once the engine can be reached.
    Passing(String),
    /// Another may come to something; where none does, this is why.
    Waiting(StartError),
    /// No other would, until somebody does something.
    Lasting(StartError),
}
