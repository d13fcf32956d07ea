//! lobbyd, a terminal chat server for people who use `nc`, `rlwrap`, `telnet`, `socat` and
//! `openssl s_client`.
//!
//! # Code map
//!
//! - [`chat`]: the rules, as pure code: names, the sanitiser, commands, limits, history.
//! - [`render`]: every text that leaves the server, as pure code.
//! - [`ai`]: Rox, the assistant: pure but for [`ai::client`], the only user of the HTTP client.
//! - [`net`]: sockets to lines; TLS, telnet, the pace of a client.
//! - [`fanout`]: from one event to the many who are shown it: the hub of a thread, outboxes.
//! - [`actors`]: who owns what: Session, Shard, Lobby, Registry, AiPool, AiWorker, Store, Hasher, each in
//!   a folder with its messages.
//! - [`cluster`]: several nodes as one chat, as pure code.
//! - [`nats`]: the engine that a cluster needs, on NATS JetStream: the only user of its client.
//! - [`store`]: the database, and all SQL.
//! - [`clock`]: the only place that reads the clock.
//! - [`files`]: files of lobbyd's own, made and opened without following a link.
//! - [`logging`]: the log, by a queue to a thread of its own.
//! - [`metrics`]: what is counted of the running server, and its form for Prometheus.
//! - [`console`]: the operator's console, as both its ends know it.
//! - [`config`]: every setting with its name, default and bounds.
//! - [`draining`]: whether new connections are taken, or the server is about to stop.
//! - [`health`]: whether the server is well, as the load balancer and the watchdog have to know it.
//! - [`web`]: HTTP: a bounded service, and what it answers the operator.
//! - [`server`]: listeners, threads, accepting, draining. The program itself is `src/main.rs`.
//!
//! # Invariants
//!
//! 1. `chat`, `render` and the pure part of `ai` read no clock, no random source and no environment: `now` and
//!    salts are arguments. They decide; the actors act.
//! 2. Only a [`chat::text::Line`] can be rendered, and only the sanitiser makes one.
//! 3. A Lobby never touches a socket; a Session never touches another Session.
//! 4. Events cross actors. What happened is rendered once for each form and thread, and shared.
//! 5. Awaited requests go one way (ARCHITECTURE.md has the list). Everything back is sent without waiting,
//!    so no cycle of waiting can exist.
//! 6. No handler blocks or loops long.
//! 7. Every queue is bounded by a named limit. A Session has at most a fixed number of messages on
//!    their way to its lobby and reads no more meanwhile, so no mailbox piles up.
//! 8. Secrets have types whose `Debug` shows nothing, and so has text of users.
//! 9. Only `server`, `main` and the Shard, which is the parent of its Sessions, know how actors are
//!    made; an actor knows another as an address and a message.
//! 10. A command is one row in one table and one function.
//! 11. SQL is in [`store`] and nowhere else; what it is given and gives are types of the chat.

#[path = "../actors/mod.rs"]
pub mod actors;
pub mod ai;
pub mod chat;
pub mod clock;
pub mod cluster;
pub mod config;
pub mod console;
pub mod draining;
pub mod fanout;
pub mod files;
pub mod health;
pub mod logging;
pub mod metrics;
pub mod nats;
pub mod net;
pub mod render;
pub mod server;
pub mod store;
pub mod web;
