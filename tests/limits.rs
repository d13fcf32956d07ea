//! Connections over the limits, and clients that do not read.

use std::io::Read;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::harness::{PATIENCE, Server, count, resident_kib};

fn all_that_comes(port: u16) -> String {
    let mut text = String::new();
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.read_to_string(&mut text).unwrap();
    text
}

#[test]
fn an_address_has_only_so_many_connections() {
    let mut server = Server::start(&[("CHAT_MAX_CONNECTIONS_PER_IP", "2")]);
    let mut alice = server.login("alice");
    let _bob = server.login("bob");
    let refused = "Too many connections from your IP. Try again later.\n";
    assert_eq!(all_that_comes(server.port), refused);
    assert_eq!(all_that_comes(server.port), refused);
    server.wait_for_log("limit: too many connections from this address");
    alice.ask("/quit", "Goodbye!");
    alice.close_sending();
    server.wait_for(|s| s.log().contains("conn=1 disconnected"), "the place is free");
    server.login("carol");
}

#[test]
fn an_address_connects_only_so_often() {
    let mut server = Server::start(&[("CHAT_CONNECTS_PER_MINUTE", "3")]);
    let mut alice = server.login("alice");
    for _ in 0..2 {
        server.connect().expect("Enter your username: ");
    }
    for _ in 0..3 {
        assert_eq!(all_that_comes(server.port), "", "closed without a word");
    }
    server.wait_for_log("limit: too many new connections from this address in a minute");
    assert_eq!(count(&server.log(), "too many new connections"), 1, "told once a second at most");
    alice.ask("still here", "╰─> still here");
}

#[test]
fn the_server_has_only_so_many_connections() {
    let server = Server::start(&[("CHAT_MAX_CONNECTIONS", "1")]);
    let _alice = server.login("alice");
    assert_eq!(all_that_comes(server.port), "Server is full. Try again later.\n");
}

#[test]
fn a_refused_client_that_has_sent_something_still_reads_why() {
    let server = Server::start(&[("CHAT_MAX_CONNECTIONS", "1")]);
    let _alice = server.login("alice");
    for _ in 0..20 {
        let shown = server.script(b"bob\nhello\n");
        assert_eq!(shown, "Server is full. Try again later.\n");
    }
}

#[test]
fn a_client_that_does_not_read_is_cut_off_and_holds_up_nobody() {
    let mut server = Server::start(&[("CHAT_OUTBOUND_LIMIT_BYTES", "50000")]);
    let stuck = server.connect();
    socket2::SockRef::from(stuck.tcp()).set_recv_buffer_size(4_096).unwrap();
    let mut stuck = stuck;
    stuck.log_in("stuck");
    let mut alice = server.login("alice");
    let mut bob = server.login("bob");
    let text = "x".repeat(900);
    let mut sent = 0;
    while !server.log().contains("cut off") {
        let start = Instant::now();
        alice.send(&format!("{sent} {text}"));
        bob.expect(&format!("╰─> {sent} "));
        assert!(start.elapsed() < Duration::from_secs(2), "the others are held up");
        sent += 1;
        assert!(sent < 5_000, "never cut off");
    }
    bob.expect("[LOBBY] stuck has left the lobby");
    server.wait_for(|s| s.log().contains("conn=1 disconnected"), "it is gone");
    // Whoever reads gets everything, in order.
    alice.ask("last", "╰─> last");
    assert_eq!(count(&alice.text(), "╰─> "), sent + 1);
}

#[test]
fn a_client_that_takes_nothing_for_too_long_is_cut_off() {
    let mut server = Server::start(&[
        ("CHAT_STALL_TIMEOUT_SECS", "1"),
        ("CHAT_OUTBOUND_LIMIT_BYTES", "100000000"),
    ]);
    let mut stuck = server.login("stuck");
    socket2::SockRef::from(stuck.tcp()).set_recv_buffer_size(4_096).unwrap();
    let mut alice = server.login("alice");
    let text = "x".repeat(900);
    for i in 0..1_000 {
        alice.send(&format!("{i} {text}"));
        alice.read_some();
    }
    server.wait_for_log("cut off");
    alice.expect("[LOBBY] stuck has left the lobby");
    assert_eq!(count(&server.log(), "cut off"), 1, "only the one that takes nothing");
    stuck.read_to_end();
}

#[test]
fn a_client_that_pauses_for_a_moment_loses_nothing() {
    let server = Server::start(&[("CHAT_OUTBOUND_LIMIT_BYTES", "10000000")]);
    let mut slow = server.login("slow");
    let mut alice = server.login("alice");
    let text = "x".repeat(900);
    for i in 0..2_000 {
        alice.send(&format!("m{i} {text}"));
        if i % 50 == 0 {
            alice.read_some();
        }
    }
    alice.expect("╰─> m1999 ");
    std::thread::sleep(Duration::from_millis(300));
    slow.expect("╰─> m1999 ");
    let text = slow.text();
    let numbers: Vec<usize> = text
        .split("╰─> m")
        .skip(1)
        .map(|rest| rest.split(' ').next().unwrap().parse().unwrap())
        .collect();
    assert_eq!(numbers, (0..2_000).collect::<Vec<_>>());
}

#[test]
fn a_long_answer_to_the_client_itself_is_no_slowness() {
    let server = Server::start(&[("CHAT_OUTBOUND_LIMIT_BYTES", "1024")]);
    let mut alice = server.login("alice");
    for _ in 0..5 {
        alice.ask("/sp list", "(^_~)");
        alice.ask("/help", "/quit - Disconnect");
    }
    let text = "y".repeat(900);
    for i in 0..50 {
        alice.ask(&format!("{i} {text}"), &format!("╰─> {i} "));
    }
    // A history far over the limit is shown whole to a newcomer.
    let mut bob = server.login("bob");
    assert_eq!(count(&bob.text(), "yyyy \n").max(count(&bob.text(), "╰─> ")), 50);
    bob.sync("bob");
}

#[test]
fn what_a_client_asks_for_does_not_pile_up_when_it_does_not_read() {
    let server = Server::start(&[("CHAT_MAX_LOBBIES_PER_USER", "100")]);
    let mut maker = server.login("maker");
    for i in 0..50 {
        maker.ask(&format!("/create room{i} no-pass {}", "d".repeat(900)), "Created");
    }
    let before = resident_kib(server.pid());
    let mut floods = Vec::new();
    for line in ["\n", "x\n", "/lobbies\n", "/help\n", "\u{ff}\u{f6}"] {
        for login in [false, true] {
            let mut client = server.connect();
            if login {
                client.log_in(&format!("flood{}", floods.len()));
            }
            client.tcp().set_write_timeout(Some(Duration::from_millis(300))).unwrap();
            let flood = line.repeat(4_096);
            let mut tcp = client.tcp();
            for _ in 0..200 {
                if std::io::Write::write_all(&mut tcp, flood.as_bytes()).is_err() {
                    break;
                }
            }
            floods.push(client);
        }
    }
    let grown = resident_kib(server.pid()).saturating_sub(before);
    assert!(grown < 16_384, "grew by {grown} KiB");
    maker.ask("still quick", "╰─> still quick");
}

#[test]
fn a_half_closed_client_that_reads_slowly_gets_all_of_it() {
    let server = Server::start(&[("CHAT_STALL_TIMEOUT_SECS", "2")]);
    let mut alice = server.login("alice");
    for i in 0..200 {
        alice.ask(&format!("m{i} {}", "👋".repeat(900)), &format!("╰─> m{i} "));
    }
    let mut slow = server.connect();
    socket2::SockRef::from(slow.tcp()).set_recv_buffer_size(8_192).unwrap();
    slow.send_raw(b"slow\n/users\nbye all\n");
    slow.close_sending();
    // Over twice the stall timeout in all, but never without taking something.
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(5) {
        std::thread::sleep(Duration::from_millis(200));
        slow.read_some();
    }
    slow.read_to_end();
    let text = slow.text();
    assert_eq!(count(&text, "╰─> m"), 200);
    assert!(text.contains("=== Users in") && text.contains("╰─> bye all"));
}

#[test]
fn stuck_clients_take_no_more_memory_than_their_limits() {
    const STUCK: u64 = 20;
    const LIMIT_KIB: u64 = 64;
    let limit = (LIMIT_KIB * 1024).to_string();
    let mut server = Server::start(&[("CHAT_OUTBOUND_LIMIT_BYTES", &limit)]);
    let mut alice = server.login("alice");
    let mut stuck = Vec::new();
    for i in 0..STUCK {
        let mut client = server.connect();
        socket2::SockRef::from(client.tcp()).set_recv_buffer_size(4_096).unwrap();
        client.log_in(&format!("stuck{i}"));
        stuck.push(client);
    }
    let before = resident_kib(server.pid());
    let (text, mut most) = ("x".repeat(900), 0);
    for i in 0..2_000 {
        alice.ask(&format!("m{i} {text}"), &format!("╰─> m{i} "));
        most = most.max(resident_kib(server.pid()));
        if count(&server.log(), "cut off") as u64 == STUCK {
            break;
        }
    }
    server.wait_for(|s| count(&s.log(), "cut off") as u64 == STUCK, "all of them are cut off");
    // Some room for what the server needs for its work.
    let allowed = before + STUCK * LIMIT_KIB + 4_096;
    assert!(most < allowed, "memory grew from {before} to {most} KiB, over {allowed}");
}
