//! Connections over the limits, and clients that do not read.

use std::io::Read;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::harness::{Client, PATIENCE, Server, count, resident_kib};

pub(crate) fn all_that_comes(port: u16) -> String {
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
    server.wait_for_log("refused 127.0.0.1: too many connections from this address");
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
    server
        .wait_for_log("refused 127.0.0.1: too many new connections from this address in a minute");
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
    let (mut sent, mut is_gone) = (0, false);
    while !is_gone {
        let start = Instant::now();
        alice.send(&format!("{sent} {text}"));
        let saw = bob.expect(&format!("╰─> {sent} "));
        assert!(start.elapsed() < Duration::from_secs(2), "the others are held up");
        is_gone = saw.contains("[LOBBY] stuck has left the lobby");
        sent += 1;
        assert!(sent < 5_000, "never cut off");
    }
    server.wait_for_log("cut off");
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
        maker.ask(&format!("/create room{i} no-pass {}", "d".repeat(200)), "Created");
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

/// Has `alice` say so many messages of 4 KB.
fn say_at_length(alice: &mut Client, messages: usize) {
    for i in 0..messages {
        alice.ask(&format!("m{i} {}", "👋".repeat(990)), &format!("╰─> m{i} "));
    }
}

/// A client whose socket takes little.
fn narrow(server: &Server) -> Client {
    let client = server.connect();
    socket2::SockRef::from(client.tcp()).set_recv_buffer_size(4_096).unwrap();
    client
}

/// The numbers of the messages that were shown.
fn numbers(text: &str) -> Vec<usize> {
    let number = |rest: &str| rest.split(' ').next().unwrap().parse().unwrap();
    text.split("╰─> m").skip(1).map(number).collect()
}

#[test]
fn whoever_asks_for_much_and_reads_nothing_takes_no_more_memory_than_the_limit() {
    const SILENT: u64 = 50;
    const LIMIT_KIB: u64 = 64;
    // A queue at its limit is not all that is resident: the connection has its own state, and the
    // allocator rounds up to pages. The answers are some 900 KiB for each of them.
    const BESIDE_KIB: u64 = 16;
    let limit = (LIMIT_KIB * 1024).to_string();
    for history in ["1", "200"] {
        let env =
            [("CHAT_OUTBOUND_LIMIT_BYTES", limit.as_str()), ("CHAT_HISTORY_MESSAGES", history)];
        let server = Server::start(&env);
        let mut alice = server.login("alice");
        say_at_length(&mut alice, 200);
        for i in 0..10 {
            let name = format!("/create room{i} no-pass {}", "👋".repeat(200));
            alice.ask(&name, "Created");
        }
        let mut silent: Vec<Client> = (1..SILENT).map(|_| narrow(&server)).collect();
        silent.push(server.connect());
        let before = resident_kib(server.pid());
        for (i, client) in silent.iter_mut().enumerate() {
            let ask = "/history 200\n/search m\n/lobbies\n/users\n/help\n";
            client.send_raw(format!("silent{i}\n{ask}").as_bytes());
        }
        alice.sync("alice");
        std::thread::sleep(Duration::from_secs(1));
        alice.sync("alice");
        let grown = resident_kib(server.pid()).saturating_sub(before);
        assert!(grown < SILENT * (LIMIT_KIB + BESIDE_KIB), "grew by {grown} KiB");
        // They lose nothing of it by not having read it at once.
        let last = silent.last_mut().unwrap();
        last.close_sending();
        last.read_to_end();
        let answers = last.text();
        assert_eq!(count(&answers, "=== History of 'general' (200) ==="), 1);
        assert_eq!(count(&answers, "=== Available Lobbies (11) ==="), 1);
        let replayed = history.parse::<usize>().unwrap();
        assert_eq!(numbers(&answers)[replayed..], (0..200).collect::<Vec<_>>());
    }
}

#[test]
fn a_long_answer_comes_whole_and_in_order_before_what_was_said_meanwhile() {
    let server = Server::start(&[("CHAT_HISTORY_MESSAGES", "1")]);
    let mut alice = server.login("alice");
    say_at_length(&mut alice, 200);
    let mut slow = server.connect();
    socket2::SockRef::from(slow.tcp()).set_recv_buffer_size(65_536).unwrap();
    slow.log_in("slow");
    let seen = numbers(&slow.text()).len();
    slow.send("/history 200");
    slow.send("/users");
    slow.expect("=== History of 'general' (200) ===");
    for i in 200..210 {
        alice.ask(&format!("m{i} live"), &format!("╰─> m{i} "));
    }
    slow.expect("╰─> m209 live\n> ");
    slow.expect("=== Users in 'general' (2) ===");
    assert_eq!(numbers(&slow.text())[seen..], (0..210).collect::<Vec<_>>());
    let history = slow.text();
    let (_, history) = history.split_once("=== History").unwrap();
    let (history, _) = history.split_once("╰─> m200").unwrap();
    // One block: the prompt after the last message, and in front of the next.
    assert_eq!(count(history, "\n> "), 1, "the answer is one block");
}

#[test]
fn a_script_that_asks_for_much_gets_all_of_it() {
    let server = Server::start(&[("CHAT_OUTBOUND_LIMIT_BYTES", "4096")]);
    let mut alice = server.login("alice");
    say_at_length(&mut alice, 60);
    let shown = server.script(b"bob\n/history 60\n/users\nbye all\n/history 1\n");
    let wanted: Vec<usize> = (0..60).chain(0..60).collect();
    assert_eq!(numbers(&shown), wanted, "the replay and the history");
    let place = |text: &str| shown.find(text).unwrap_or_else(|| panic!("{text} is missing"));
    assert!(place("bob has joined") < place("=== History of 'general' (60)"));
    assert!(place("=== History of 'general' (60)") < place("=== Users in"));
    assert!(place("=== Users in") < place("bye all"));
    assert!(place("bye all") < place("=== History of 'general' (1)"));
}

#[test]
fn whoever_takes_nothing_of_a_long_answer_is_cut_off_in_time_and_not_before() {
    let env = [("CHAT_STALL_TIMEOUT_SECS", "2"), ("CHAT_OUTBOUND_LIMIT_BYTES", "4096")];
    let mut server = Server::start(&env);
    let mut alice = server.login("alice");
    say_at_length(&mut alice, 100);
    let start = Instant::now();
    let mut stuck = narrow(&server);
    stuck.send_raw(b"stuck\n/history 200\n");
    server.wait_for_log("conn=2 cut off");
    assert!(start.elapsed() >= Duration::from_secs(2), "what it asked for is no slowness");
    server.wait_for_log("conn=2 disconnected");
    alice.ask("on it goes", "╰─> on it goes");
}

#[test]
fn descriptions_and_topics_are_short() {
    let server = Server::start(&[]);
    let mut alice = server.login("alice");
    let (fits, over) = ("é".repeat(200), "é".repeat(201));
    let too_long = "Message too long (max 200 chars)\n> ";
    alice.ask(&format!("/create room {over}"), too_long);
    alice.ask(&format!("/create room no-pass {over}"), too_long);
    alice.ask(&format!("/create room no-pass {fits}"), "Created public lobby 'room'");
    alice.ask("/join room", "alice has joined");
    alice.ask(&format!("/topic {over}"), too_long);
    alice.ask(&format!("/topic {fits}"), &format!("set the topic: {fits}\n> "));
    alice.ask(&format!("/setai {}", "é".repeat(1_000)), "updated the AI prompt");
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
