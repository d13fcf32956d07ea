//! Too few descriptors, too many clients that start and never finish, clients that vanish.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::harness::{Folder, PATIENCE, Server, count, descriptors, plain, resident_kib, run};

/// Milliseconds of processor time that a process has used.
pub(crate) fn cpu_ms(pid: u32) -> u64 {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    let ns: u64 = tasks
        .filter_map(|t| fs::read_to_string(t.ok()?.path().join("schedstat")).ok())
        .filter_map(|text| text.split(' ').next()?.parse::<u64>().ok())
        .sum();
    ns / 1_000_000
}

fn reset(stream: &TcpStream) {
    let _ = socket2::SockRef::from(stream).set_linger(Some(Duration::ZERO));
}

#[test]
fn without_descriptors_users_stay_and_new_ones_get_in_when_there_is_room() {
    let mut server = Server::start(&[]);
    let mut alice = server.login("alice");
    let open = descriptors(server.pid());
    let limit = format!("--nofile={}", open + 5);
    let status = Command::new("prlimit")
        .args(["--pid", &server.pid().to_string(), &limit])
        .status()
        .expect("prlimit is part of util-linux");
    assert!(status.success());
    let mut held: Vec<TcpStream> =
        (0..20).map(|_| TcpStream::connect(("127.0.0.1", server.port)).unwrap()).collect();
    server.wait_for_log("connections cannot be accepted and wait");
    let before = cpu_ms(server.pid());
    std::thread::sleep(Duration::from_secs(1));
    let used = cpu_ms(server.pid()) - before;
    assert!(used < 200, "it spins: {used} ms of processor time in a second");
    assert_eq!(count(&server.log(), "cannot be accepted"), 1, "said once");
    alice.ask("still here", "╰─> still here");
    held.iter().for_each(reset);
    held.clear();
    server.wait_for_log("connections are accepted again");
    server.login("bob").ask("in", "╰─> in");
}

#[test]
fn thousands_that_never_finish_cost_nobody_anything_and_are_gone_in_time() {
    let folder = Folder::new();
    assert!(run(folder.path(), &[], &["gen-cert"]).status.success());
    let env = [("CHAT_TLS_ADDR", "127.0.0.1:0"), ("CHAT_LOGIN_TIMEOUT_SECS", "8")];
    let mut server = Server::start_in(folder, &env);
    let mut user = server.login("early");
    let idle = descriptors(server.pid());
    let connect = |port| TcpStream::connect(("127.0.0.1", port)).unwrap();
    let start = Instant::now();
    let silent: Vec<_> = (0..2_000).map(|_| connect(server.port)).collect();
    let mut hello: Vec<_> = (0..500).map(|_| connect(server.tls_port)).collect();
    let mut nameless: Vec<_> = (0..500).map(|_| connect(server.port)).collect();
    let client_hello = [0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xfc, 0x03];
    for round in 0..5 {
        for stream in &mut hello {
            let _ = stream.write_all(&client_hello[round..=round]);
        }
        for stream in &mut nameless {
            let _ = stream.write_all(b"x");
        }
        let began = Instant::now();
        let mut late = server.login(&format!("late{round}"));
        late.ask("/quit", "Goodbye!");
        user.ask(&format!("hi {round}"), &format!("╰─> hi {round}"));
        // A bound far over what it takes, far under the stalls that it looks for.
        assert!(began.elapsed() < Duration::from_secs(3), "a user who joins meanwhile waits");
        std::thread::sleep(Duration::from_millis(500));
    }
    server.wait_for(|s| descriptors(s.pid()) <= idle + 8, "they are gone");
    assert!(start.elapsed() >= Duration::from_secs(7), "not before their time");
    let mut told = Vec::new();
    let mut first = &silent[0];
    first.set_read_timeout(Some(PATIENCE)).unwrap();
    first.read_to_end(&mut told).unwrap();
    let told = plain(&told);
    assert!(told.contains("No username in time"), "{told}");
    user.sync("early");
}

#[test]
fn twenty_thousand_that_vanish_leave_nothing_behind() {
    let folder = Folder::new();
    assert!(run(folder.path(), &[], &["gen-cert"]).status.success());
    let env = [("CHAT_TLS_ADDR", "127.0.0.1:0"), ("RUST_LOG", "warn")];
    let mut server = Server::start_in(folder, &env);
    let mut user = server.login("user");
    let vanish = |server: &Server, cycles: usize| {
        for i in 0..cycles {
            let tls = i % 5 == 4;
            let port = if tls { server.tls_port } else { server.port };
            let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
            let _ = match i % 5 {
                0 => Ok(()),
                1 => stream.write_all(b"half a na"),
                2 => stream.write_all(format!("v{i}\nhalf a li").as_bytes()),
                3 => stream.write_all(format!("v{i}\n/users\n/quit\n").as_bytes()),
                _ => stream.write_all(&[0x16, 0x03, 0x01, 0x02]),
            };
            reset(&stream);
        }
    };
    vanish(&server, 10_000);
    server.wait_for(|s| descriptors(s.pid()) < 64, "the first are gone");
    user.sync("user");
    let (open, resident) = (descriptors(server.pid()), resident_kib(server.pid()));
    vanish(&server, 10_000);
    server.wait_for(|s| descriptors(s.pid()) <= open, "all are gone");
    let grown = resident_kib(server.pid()).saturating_sub(resident);
    // One connection that is kept takes over 2 KiB; what a busier moment takes for good is less.
    assert!(grown < 16_384, "memory grew by {grown} KiB");
    user.ask("/users", "=== Users in 'general' (1) ===");
}

#[test]
fn with_few_descriptors_from_the_start_it_runs() {
    let folder = Folder::new();
    let mut command = Command::new("sh");
    command
        .args(["-c", "ulimit -n 64; exec \"$0\"", env!("CARGO_BIN_EXE_lobbyd")])
        .current_dir(folder.path())
        .env_clear()
        .env("CHAT_ADDR", "127.0.0.1:0")
        .env("CHAT_TLS_ADDR", "off")
        .process_group(0);
    let server = Server::spawn(command, folder);
    let mut users: Vec<_> = (0..5).map(|i| server.login(&format!("user{i}"))).collect();
    users[0].ask("hello", "╰─> hello");
}
