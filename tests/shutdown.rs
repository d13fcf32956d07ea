//! SIGINT and SIGTERM.

use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::harness::{Server, count};

#[test]
fn everybody_is_told_and_the_status_is_zero() {
    for signal in ["TERM", "INT"] {
        let mut server = Server::start(&[]);
        let mut alice = server.login("alice");
        let mut nameless = server.connect();
        nameless.expect("Enter your username: ");
        server.signal(signal);
        for client in [&mut alice, &mut nameless] {
            client.expect("Server is shutting down. Goodbye!\n");
            client.read_to_end();
            assert_eq!(client.rest(), "");
        }
        drop((alice, nameless));
        assert_eq!(server.wait(), 0);
        assert!(server.out().ends_with("GoodBye\n"), "{}", server.out());
        assert!(TcpStream::connect(("127.0.0.1", server.port)).is_err());
    }
}

#[test]
fn what_is_queued_goes_out_first() {
    let mut server = Server::start(&[("CHAT_OUTBOUND_LIMIT_BYTES", "10000000")]);
    let mut slow = server.login("slow");
    let mut alice = server.login("alice");
    let text = "x".repeat(900);
    for i in 0..500 {
        alice.send(&format!("{i} {text}"));
        if i % 50 == 0 {
            alice.read_some();
        }
    }
    alice.expect("╰─> 499 ");
    server.signal("TERM");
    slow.expect("Server is shutting down. Goodbye!\n");
    assert_eq!(count(&slow.text(), "╰─> "), 500);
    drop((slow, alice));
    assert_eq!(server.wait(), 0);
}

#[test]
fn a_client_that_does_not_read_delays_the_end_by_five_seconds_at_most() {
    let mut server = Server::start(&[("CHAT_OUTBOUND_LIMIT_BYTES", "100000000")]);
    let stuck = server.login("stuck");
    let mut alice = server.login("alice");
    let text = "x".repeat(900);
    for i in 0..5_000 {
        alice.send(&format!("{i} {text}"));
        if i % 20 == 0 {
            alice.read_some();
        }
    }
    alice.expect("╰─> 4999 ");
    let start = Instant::now();
    server.signal("TERM");
    alice.expect("Server is shutting down. Goodbye!\n");
    assert_eq!(server.wait(), 0);
    let took = start.elapsed();
    assert!(took < Duration::from_secs(8), "{took:?}");
    drop(stuck);
}

#[test]
fn a_second_signal_ends_at_once() {
    let mut server = Server::start(&[("CHAT_OUTBOUND_LIMIT_BYTES", "100000000")]);
    let stuck = server.login("stuck");
    let mut alice = server.login("alice");
    for i in 0..3_000 {
        alice.send(&format!("{i} {}", "x".repeat(900)));
        if i % 20 == 0 {
            alice.read_some();
        }
    }
    alice.expect("╰─> 2999 ");
    server.signal("TERM");
    server.wait_for_log("stopping");
    server.signal("TERM");
    assert_ne!(server.wait(), 0);
    drop(stuck);
}
