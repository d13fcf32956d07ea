//! Black-box tests: the real binary, over real sockets, with real clients.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a test fails by panicking, and drives the program from outside"
)]

mod absent;
mod accounts;
mod activation;
mod admins;
mod ai;
mod ai_peers;
mod alone;
mod arguments;
mod around_nodes;
mod bans;
mod bots;
mod browser;
mod budgets;
mod catching_up;
mod certs;
mod chatting;
mod clients;
mod company;
mod console;
mod counting;
mod crossing;
mod crowds;
mod deploying;
mod draining;
mod editing;
mod engine;
mod evasions;
mod everyday;
mod exhaustion;
mod expiring;
mod exporting;
mod faults;
mod forms;
mod full_engine;
mod fuzz_entries;
mod gemini;
mod handshakes;
mod harness;
mod holding;
mod hooks;
mod http;
mod ignoring;
mod installed;
mod joining;
mod keeping;
mod limits;
mod lists;
mod lobbies;
mod login;
mod logs;
mod manager;
mod manual;
mod model;
mod moderation;
mod monitoring;
mod nats_server;
mod nodes;
mod nodes_broken;
mod nodes_crossing;
mod nodes_letters;
mod nodes_page;
mod nodes_returning;
mod nodes_rox;
mod nodes_seen;
mod operator;
mod operator_page;
mod over;
mod page;
mod passwords;
mod people;
mod persons;
mod picture;
mod process;
mod protocol;
mod providers;
mod proxies;
mod proxying;
mod recorded;
mod relay;
mod reloading;
mod restore;
mod returning;
mod rox_orders;
mod searching;
mod several_machines;
mod shutdown;
mod social;
mod socket;
#[cfg(feature = "ssh")]
mod ssh;
#[cfg(feature = "ssh")]
mod ssh_bytes;
mod stopping_nodes;
mod store;
mod taking_back;
mod telnet;
mod tidy;
mod tls;
mod told;
mod unread;
mod web;
mod wedged;
mod whose;
mod words;
