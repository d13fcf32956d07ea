//! What is counted of the running server, and its form for Prometheus.
//!
//! All series are there from the start, at 0, and no name and no address is ever a label: how many series
//! there are does not depend on who connects.

mod each;
pub mod figures;
pub mod latency;
mod text;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;
use serde_json::{Value, json};

pub use each::{Case, Each};

use crate::metrics::latency::Latency;
use crate::net::listen::ListenerKind;

/// Upper ends of the buckets, in seconds, for a group of changes that is written to the database.
const STORE_BUCKETS: [f64; 10] = [0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 2.5];

/// The same for an answer of the AI.
const AI_BUCKETS: [f64; 8] = [0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0];

/// Why a connection is not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// Its address is denied, or not among those that are allowed.
    NotAllowed,
    /// Its address connects too often.
    TooOften,
    /// Its address has as many connections as one may have.
    TooManyFromAddress,
    /// The server has as many as it may have.
    Full,
    /// The server is about to stop.
    Draining,
    /// Its proxy did not say, or not rightly or in time, for whom it stands.
    ProxyHeader,
}

impl Case for Refused {
    const ALL: &'static [Self] = &[
        Self::NotAllowed,
        Self::TooOften,
        Self::TooManyFromAddress,
        Self::Full,
        Self::Draining,
        Self::ProxyHeader,
    ];
    const LABEL: &'static str = "reason";

    fn value(self) -> &'static str {
        match self {
            Self::NotAllowed => "not_allowed",
            Self::TooOften => "too_often",
            Self::TooManyFromAddress => "too_many_from_address",
            Self::Full => "server_full",
            Self::Draining => "draining",
            Self::ProxyHeader => "proxy_header",
        }
    }
}

/// Why a question is not put to the provider of the AI.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotAskedFor {
    /// Too many wait, or the user has one open.
    Busy,
    /// The lobby does without the AI.
    Off,
    /// The user has none left in this hour.
    UserBudget,
    /// The lobby or the server has none left today.
    DayBudget,
}

impl Case for NotAskedFor {
    const ALL: &'static [Self] = &[Self::Busy, Self::Off, Self::UserBudget, Self::DayBudget];
    const LABEL: &'static str = "reason";

    fn value(self) -> &'static str {
        match self {
            Self::Busy => "busy",
            Self::Off => "off",
            Self::UserBudget => "user_budget",
            Self::DayBudget => "day_budget",
        }
    }
}

impl Case for ListenerKind {
    const ALL: &'static [Self] = &Self::ALL;
    const LABEL: &'static str = "listener";

    fn value(self) -> &'static str {
        self.name()
    }
}

/// How a reload ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reloaded {
    /// What was read is in force.
    Good,
    /// Something was wrong, and all of the old stays.
    Bad,
}

impl Case for Reloaded {
    const ALL: &'static [Self] = &[Self::Good, Self::Bad];
    const LABEL: &'static str = "result";

    fn value(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Bad => "bad",
        }
    }
}

/// What is started anew after a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Restarted {
    /// A lobby, with its members.
    Lobby,
    /// A worker of the AI.
    AiWorker,
}

impl Case for Restarted {
    const ALL: &'static [Self] = &[Self::Lobby, Self::AiWorker];
    const LABEL: &'static str = "actor";

    fn value(self) -> &'static str {
        match self {
            Self::Lobby => "lobby",
            Self::AiWorker => "ai_worker",
        }
    }
}

/// A count that only rises.
pub type Count = Counter<u64, AtomicU64>;

/// All that is counted. Times are in seconds.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    /// 1 where the server is ready, as `/health/ready` says it, else 0.
    pub ready: Gauge,
    /// Connections that there are, by listener.
    pub connections: Each<ListenerKind, Gauge>,
    /// Connections that were let in, by listener.
    pub connections_accepted: Each<ListenerKind, Count>,
    /// Users who are in the chat.
    pub users: Gauge,
    /// Lobbies that there are, general among them.
    pub lobbies: Gauge,
    /// Messages that were said in lobbies, or privately.
    pub messages_in: Count,
    /// Messages that were queued for those who are shown them: one for each of them.
    pub messages_delivered: Count,
    /// Bytes of text that clients sent.
    pub received_bytes: Count,
    /// Bytes of text that clients were sent.
    pub sent_bytes: Count,
    /// Connections that were not let in.
    pub refusals: Each<Refused, Count>,
    /// Clients that were cut off since they did not read.
    pub slow_clients: Count,
    /// From a message to the write that shows it, for each thread that shows it.
    pub delivery: Latency,
    /// Questions that were put to the AI's provider.
    pub ai_requests: Count,
    /// Those that came to no whole answer.
    pub ai_errors: Count,
    /// From such a question to the end of its answer.
    pub ai_latency: Histogram,
    /// What they have cost, as far as their providers said, else by bytes.
    pub ai_tokens: Count,
    /// Questions that were not put to anybody, by why.
    pub ai_refusals: Each<NotAskedFor, Count>,
    /// Questions of all, on all nodes, in this calendar day, as the budgets have it.
    pub ai_questions_today: Gauge,
    /// The tokens of those.
    pub ai_tokens_today: Gauge,
    /// Changes that wait to be written to the database.
    pub store_queue: Gauge,
    /// How long a group of them took.
    pub store_latency: Histogram,
    /// Groups that could not be written.
    pub store_errors: Count,
    /// What was started anew after a fault.
    pub restarts: Each<Restarted, Count>,
    /// Times that the configuration was read anew.
    pub reloads: Each<Reloaded, Count>,
    /// When the certificate for TLS expires, in seconds since 1970; 0 without one.
    pub certificate_expires: Gauge,
    /// Users who are logged in to this server, and not to another of its cluster.
    pub users_here: Gauge,
    /// How it stands in its cluster.
    pub cluster: Cluster,
}

/// How this server stands in its cluster; all at 0 where it is alone.
#[derive(Debug, Default)]
pub struct Cluster {
    /// The last record of the log that has happened here.
    pub position: Gauge,
    /// Records that are known to be in the log and have not.
    pub behind: Gauge,
    /// 1 where the others cannot be reached, else 0.
    pub cut_off: Gauge,
    /// Records that were read.
    pub records: Count,
    /// What nobody of ours wrote: records, keys of the table of nodes, what was sent to this node alone.
    pub foreign: Count,
    /// Records of this server that have not come out of the log.
    pub waiting: Gauge,
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// All at 0.
    pub fn new() -> Self {
        let mut registry = Registry::with_prefix("lobbyd");
        let histogram = |buckets: &[f64]| Histogram::new(buckets.iter().copied());
        let version = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
        registry.register("build", "The version that runs", version);
        let mut metrics = Self {
            registry,
            ready: Gauge::default(),
            connections: Each::default(),
            connections_accepted: Each::default(),
            users: Gauge::default(),
            lobbies: Gauge::default(),
            messages_in: Count::default(),
            messages_delivered: Count::default(),
            received_bytes: Count::default(),
            sent_bytes: Count::default(),
            refusals: Each::default(),
            slow_clients: Count::default(),
            delivery: Latency::default(),
            ai_requests: Count::default(),
            ai_errors: Count::default(),
            ai_latency: histogram(&AI_BUCKETS),
            ai_tokens: Count::default(),
            ai_refusals: Each::default(),
            ai_questions_today: Gauge::default(),
            ai_tokens_today: Gauge::default(),
            store_queue: Gauge::default(),
            store_latency: histogram(&STORE_BUCKETS),
            store_errors: Count::default(),
            restarts: Each::default(),
            reloads: Each::default(),
            certificate_expires: Gauge::default(),
            users_here: Gauge::default(),
            cluster: Cluster::default(),
        };
        metrics.register();
        metrics
    }

    /// Gives each its name and its help. A counter's name is written with `_total` after it.
    fn register(&mut self) {
        let r = &mut self.registry;
        r.register("ready", "1 where the server is ready, else 0", self.ready.clone());
        self.connections.register(r, "connections", "Connections that there are");
        self.connections_accepted.register(r, "connections_accepted", "Connections let in");
        r.register("users", "Users who are in the chat", self.users.clone());
        r.register("lobbies", "Lobbies that there are", self.lobbies.clone());
        r.register(
            "messages_in",
            "Messages said in lobbies or privately",
            self.messages_in.clone(),
        );
        r.register(
            "messages_delivered",
            "Messages queued for those who are shown them",
            self.messages_delivered.clone(),
        );
        r.register("received_bytes", "Bytes of text from clients", self.received_bytes.clone());
        r.register("sent_bytes", "Bytes of text to clients", self.sent_bytes.clone());
        self.refusals.register(r, "refusals", "Connections not let in");
        r.register(
            "slow_clients",
            "Clients cut off since they do not read",
            self.slow_clients.clone(),
        );
        r.register(
            "delivery_latency_seconds",
            "From a message to the write that shows it",
            self.delivery.clone(),
        );
        r.register("ai_requests", "Questions to the provider of the AI", self.ai_requests.clone());
        r.register("ai_errors", "Questions without a whole answer", self.ai_errors.clone());
        r.register(
            "ai_latency_seconds",
            "From a question to the end of its answer",
            self.ai_latency.clone(),
        );
        r.register(
            "ai_tokens",
            "Tokens that questions to the provider have cost, with their answers",
            self.ai_tokens.clone(),
        );
        self.ai_refusals.register(r, "ai_refusals", "Questions not put to the provider");
        r.register(
            "ai_questions_today",
            "Questions of this calendar day, as budgets count them",
            self.ai_questions_today.clone(),
        );
        r.register(
            "ai_tokens_today",
            "Tokens of this calendar day, as budgets count them",
            self.ai_tokens_today.clone(),
        );
        r.register("store_queue", "Changes that wait for the database", self.store_queue.clone());
        r.register(
            "store_latency_seconds",
            "Writing a group of changes",
            self.store_latency.clone(),
        );
        r.register(
            "store_errors",
            "Groups of changes that could not be written",
            self.store_errors.clone(),
        );
        self.restarts.register(r, "actor_restarts", "Actors started anew after a fault");
        self.reloads.register(r, "reloads", "Times the configuration was read anew");
        r.register(
            "tls_certificate_expires_timestamp_seconds",
            "When the certificate for TLS expires, as Unix time; 0 without one",
            self.certificate_expires.clone(),
        );
        r.register(
            "users_here",
            "Users who are logged in to this server, and not to another of its cluster",
            self.users_here.clone(),
        );
        let cluster = &self.cluster;
        r.register(
            "cluster_position",
            "The last record of the cluster's log that has happened here",
            cluster.position.clone(),
        );
        r.register(
            "cluster_behind",
            "Records known to be in the log that have not",
            cluster.behind.clone(),
        );
        r.register(
            "cluster_cut_off",
            "1 where the other servers cannot be reached, else 0",
            cluster.cut_off.clone(),
        );
        r.register("cluster_records", "Records of the log that were read", cluster.records.clone());
        r.register(
            "cluster_foreign_records",
            "What was skipped since nobody of lobbyd's wrote it: records, keys, letters",
            cluster.foreign.clone(),
        );
        r.register(
            "cluster_waiting",
            "Records of this server that have not come out of the log",
            cluster.waiting.clone(),
        );
    }

    /// A connection has been let in, and is there until what is given back goes.
    pub fn count_connection(self: &Arc<Self>, kind: ListenerKind) -> CountedConnection {
        self.connections_accepted.of(kind).inc();
        self.connections.of(kind).inc();
        CountedConnection { metrics: self.clone(), kind }
    }

    /// The listeners with their connections, as programs are told of them.
    pub fn listeners(&self, listeners: &[(ListenerKind, SocketAddr)]) -> Value {
        let told = listeners.iter().map(|(kind, addr)| {
            let connections = self.connections.of(*kind).get();
            json!({ "kind": kind.name(), "addr": addr.to_string(), "connections": connections })
        });
        told.collect()
    }

    /// All of it in Prometheus' text format 0.0.4.
    pub fn text(&self) -> String {
        text::encode(&self.registry)
    }
}

/// A connection among those that there are, wherever it is on its way through the server.
#[derive(Debug)]
pub struct CountedConnection {
    metrics: Arc<Metrics>,
    kind: ListenerKind,
}

impl Drop for CountedConnection {
    fn drop(&mut self) {
        self.metrics.connections.of(self.kind).dec();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_series_is_there_from_the_start_at_zero() {
        let text = Metrics::new().text();
        for line in [
            "lobbyd_connections{listener=\"plain\"} 0",
            "lobbyd_connections_accepted_total{listener=\"tls\"} 0",
            "lobbyd_users 0",
            "lobbyd_messages_delivered_total 0",
            "lobbyd_cluster_position 0",
            "lobbyd_cluster_foreign_records_total 0",
            "lobbyd_refusals_total{reason=\"not_allowed\"} 0",
            "lobbyd_delivery_latency_seconds_bucket{le=\"+Inf\"} 0",
            "lobbyd_reloads_total{result=\"bad\"} 0",
            concat!("lobbyd_build_info{version=\"", env!("CARGO_PKG_VERSION"), "\"} 1"),
        ] {
            assert!(text.lines().any(|l| l == line), "{line}\n{text}");
        }
    }
}
