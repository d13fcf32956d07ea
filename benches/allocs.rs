//! Allocations of the server for a line and for each delivery of it.
//!
//! `cargo bench --bench allocs` runs lobbyd inside this process under a counting allocator, with
//! clients that allocate nothing while it counts.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a benchmark that cannot go on says so and ends"
)]

use std::alloc::System;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::mpsc;
use std::thread;

use lobbyd::config::{Config, Live};
use lobbyd::net::listen::ListenerKind;
use lobbyd::server::{self, Opened};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const LINES: usize = 2_000;
const WARM_UP_LINES: usize = 200;

/// Clients in the lobby.
const SIZES: [usize; 4] = [1, 20, 200, 1_000];

fn main() {
    let port = start_server();
    let mut buf = vec![0; 65_536];
    let mut clients: Vec<TcpStream> = Vec::new();
    println!("lobby size  allocations a line  a delivery");
    for size in SIZES {
        while clients.len() < size {
            let mut client = TcpStream::connect(("127.0.0.1", port)).unwrap();
            client.set_nodelay(true).unwrap();
            read_until(&mut client, b"username: ", &mut buf);
            writeln!(client, "user{}", clients.len()).unwrap();
            read_until(&mut client, b"has joined the lobby", &mut buf);
            clients.push(client);
        }
        // What the others were told of those who came is out of the way.
        say(&mut clients, WARM_UP_LINES, &mut buf);
        let region = Region::new(ALLOCATOR);
        say(&mut clients, LINES, &mut buf);
        let stats = region.change();
        let a_line = (stats.allocations + stats.reallocations) as f64 / LINES as f64;
        println!("{size:>10}  {a_line:>18.2}  {:>10.4}", a_line / size as f64);
    }
}

/// One line after the other, each read by everybody before the next.
fn say(clients: &mut [TcpStream], lines: usize, buf: &mut [u8]) {
    for _ in 0..lines {
        clients[0].write_all(b"a line of some words, ending so: @@\n").unwrap();
        for client in clients.iter_mut() {
            read_until(client, b"@@", buf);
        }
    }
}

/// Reads until `end` has come, in whatever pieces.
fn read_until(client: &mut TcpStream, end: &[u8], buf: &mut [u8]) {
    let mut filled = 0;
    loop {
        let count = client.read(&mut buf[filled..]).unwrap();
        assert!(count > 0, "the server closed");
        let from = filled.saturating_sub(end.len());
        filled += count;
        if buf[from..filled].windows(end.len()).any(|w| w == end) {
            return;
        }
        if filled > buf.len() / 2 {
            buf.copy_within(filled - end.len()..filled, 0);
            filled = end.len();
        }
    }
}

fn start_server() -> u16 {
    let (ready, port) = mpsc::channel();
    thread::spawn(move || {
        let settings = [
            ("CHAT_ADDR", "127.0.0.1:0"),
            ("CHAT_TLS_ADDR", "off"),
            ("CHAT_DATA_DIR", "off"),
            ("CHAT_MAX_CONNECTIONS_PER_IP", "0"),
            ("CHAT_CONNECTS_PER_MINUTE", "0"),
            ("CHAT_RATE_MESSAGES", "0"),
        ];
        let lookup = |key: &str| settings.iter().find(|(k, _)| *k == key).map(|(_, v)| (*v).into());
        let config = Config::load(lookup).unwrap();
        let opened = Opened::open(&config, Default::default()).unwrap();
        let port = opened.port(ListenerKind::Plain).unwrap();
        let tell = move |_| ready.send(port).unwrap();
        let stop = std::future::pending::<()>();
        actix::System::new()
            .block_on(server::run(Live::new(config), opened, None, tell, stop))
            .unwrap();
    });
    port.recv().unwrap()
}
