//! A minute of everything at once: 500 well-behaved users among every kind of bad client, with AI
//! answers that break and workers that die. At the end: no message lost, doubled or out of order for a
//! well-behaved user, names and places all free, descriptors and memory back.
//!
//! A binary of its own, so that it has the machine to itself. `LOBBYD_CHAOS_SECS` sets another time.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::disallowed_methods,
    dead_code,
    reason = "a test fails by panicking; the harness has more than this test needs"
)]

mod alone;
mod gemini;
mod harness;
mod installed;
mod nats_server;
mod over;

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use gemini::{Answer, Gemini, finish, text, whole};
use harness::{FAULTS, Folder, Server, descriptors, plain, resident_kib, run};
use socket2::{Domain, Socket, Type};

const GOOD: usize = 500;
const ROOMS: usize = 10;
/// Each well-behaved user says something this often.
const PERIOD: Duration = Duration::from_secs(5);

/// A well-behaved user: reads all that comes, says something now and then.
struct Good {
    stream: TcpStream,
    name: String,
    room: usize,
    /// What came and is no whole line yet, or all of it before the chaos begins.
    raw: Vec<u8>,
    /// What the well-behaved said, as it came.
    seen: Vec<String>,
    said: usize,
    next: Instant,
}

impl Good {
    fn new(server: &Server, index: usize) -> Self {
        // Ten to an address, apart from the bad ones, whose floods count for their own.
        let from = SocketAddr::from(([127, 0, 1, 1 + (index / 10) as u8], 0));
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.bind(&from.into()).unwrap();
        socket.connect(&SocketAddr::from(([127, 0, 0, 1], server.port)).into()).unwrap();
        let stream = TcpStream::from(socket);
        stream.set_nonblocking(true).unwrap();
        let name = format!("good{index}");
        let room = index % ROOMS;
        let (raw, seen) = (Vec::new(), Vec::new());
        Self { stream, name, room, raw, seen, said: 0, next: Instant::now() }
    }

    fn send(&mut self, line: &str) {
        // Some hundred bytes always fit the socket of somebody who is read.
        self.stream.write_all(format!("{line}\n").as_bytes()).unwrap();
    }

    fn read(&mut self) {
        let mut buf = [0; 65_536];
        loop {
            match self.stream.read(&mut buf) {
                Ok(0) => panic!("{} was disconnected: {}", self.name, self.tail()),
                Ok(count) => self.raw.extend_from_slice(&buf[..count]),
                Err(e) if e.kind() == ErrorKind::WouldBlock => return,
                Err(e) => panic!("{}: {e}: {}", self.name, self.tail()),
            }
        }
    }

    /// Takes whole lines out and keeps the well-behaved ones.
    fn digest(&mut self) {
        let Some(end) = self.raw.iter().rposition(|b| *b == b'\n') else { return };
        for line in self.raw[..end].split(|b| *b == b'\n') {
            let line = String::from_utf8_lossy(line);
            if let (Some(start), Some(end)) = (line.find("<good"), line.rfind('>')) {
                self.seen.push(line[start..=end].to_owned());
            }
        }
        self.raw.drain(..=end);
    }

    fn tail(&self) -> String {
        let text = plain(&self.raw);
        text[text.ceil_char_boundary(text.len().saturating_sub(400))..].to_owned()
    }

    fn has(&self, what: &str) -> bool {
        let what = what.as_bytes();
        self.raw.windows(what.len()).any(|w| w == what)
    }
}

/// Reads all until each has seen what it waits for.
fn wait_all(good: &mut [Good], what: impl Fn(&Good) -> String) {
    let start = Instant::now();
    loop {
        good.iter_mut().for_each(Good::read);
        if good.iter().all(|g| g.has(&what(g))) {
            return;
        }
        let late = good.iter().find(|g| !g.has(&what(g))).unwrap();
        assert!(start.elapsed() < Duration::from_secs(60), "{}: {}", late.name, late.tail());
        thread::sleep(Duration::from_millis(5));
    }
}

/// Keeps doing something bad until it is told to stop.
fn spawn_bad(
    stop: &Arc<AtomicBool>,
    done: &Arc<AtomicU64>,
    mut act: impl FnMut(u64) + Send + 'static,
) -> thread::JoinHandle<()> {
    let (stop, done) = (stop.clone(), done.clone());
    thread::spawn(move || {
        while !stop.load(Ordering::Relaxed) {
            act(done.fetch_add(1, Ordering::Relaxed));
        }
    })
}

fn connect(port: u16) -> TcpStream {
    let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_write_timeout(Some(Duration::from_millis(200))).unwrap();
    stream.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    stream
}

fn reset(stream: TcpStream) {
    let _ = socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO));
}

fn bad_clients(
    server: &Server,
    stop: &Arc<AtomicBool>,
    done: &Arc<AtomicU64>,
) -> Vec<thread::JoinHandle<()>> {
    let (port, tls_port) = (server.port, server.tls_port);
    let pause = |ms| thread::sleep(Duration::from_millis(ms));
    vec![
        // Logs in, joins a room and reads nothing more.
        spawn_bad(stop, done, move |i| {
            let mut s = connect(port);
            socket2::SockRef::from(&s).set_recv_buffer_size(4_096).unwrap();
            let _ = s.write_all(format!("stuck{i}\n/join room{}\n", i % 10).as_bytes());
            pause(2_500);
            reset(s);
        }),
        // Sends as fast as it can, with line ends and without.
        spawn_bad(stop, done, move |i| {
            let mut s = connect(port);
            let _ = s.write_all(format!("flood{i}\n").as_bytes());
            let block = if i % 2 == 0 { "spam\n".repeat(2_000) } else { "x".repeat(10_000) };
            for _ in 0..50 {
                if s.write_all(block.as_bytes()).is_err() {
                    break;
                }
            }
            pause(50);
            reset(s);
        }),
        // Connects and vanishes, at every stage.
        spawn_bad(stop, done, move |i| {
            let mut s = connect(if i % 4 == 3 { tls_port } else { port });
            let _ = match i % 4 {
                0 => s.write_all(b"half a na"),
                1 => s.write_all(format!("van{i}\nhalf a li").as_bytes()),
                2 => s.write_all(format!("van{i}\n/msg good1 boo\n/quit\n").as_bytes()),
                _ => s.write_all(&[0x16, 0x03, 0x01, 0x02, 0x00, 0x01]),
            };
            if i % 3 == 0 {
                reset(s);
            }
            pause(20);
        }),
        // Bytes of all kinds, telnet and escape sequences among them.
        spawn_bad(stop, done, move |i| {
            let mut s = connect(port);
            let _ = s.write_all(format!("noise{i}\n").as_bytes());
            let mut state = i.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
            let noise: Vec<u8> = (0..4_000)
                .map(|_| {
                    state ^= state << 13;
                    state ^= state >> 7;
                    state ^= state << 17;
                    [(state >> 32) as u8, 0x1b, 255, b'\n'][(state >> 61) as usize % 4]
                })
                .collect();
            let _ = s.write_all(&noise);
            let _ = s.read(&mut [0; 4_096]);
            pause(50);
        }),
        // Guesses passwords, and half-closes.
        spawn_bad(stop, done, move |i| {
            let mut s = connect(port);
            let _ = s.write_all(format!("guess{i}\n/join secret wrong\n/join secret\n").as_bytes());
            let _ = s.shutdown(std::net::Shutdown::Write);
            let _ = s.read_to_end(&mut Vec::new());
            pause(300);
        }),
        // Asks Rox; the answers break in every way, and workers die.
        spawn_bad(stop, done, move |i| {
            let mut s = connect(port);
            let fault = if i % 3 == 0 { "/fault worker\n" } else { "" };
            let _ = s.write_all(format!("asker{i}\n/ai why?\n").as_bytes());
            pause(100);
            let _ = s.write_all(format!("{fault}/ai again?\n").as_bytes());
            let _ = s.shutdown(std::net::Shutdown::Write);
            let _ = s.read_to_end(&mut Vec::new());
        }),
        // Speaks the wrong protocol.
        spawn_bad(stop, done, move |i| {
            let mut s = connect(if i % 2 == 0 { port } else { tls_port });
            let _ = s.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n");
            let _ = s.read(&mut [0; 4_096]);
            pause(100);
        }),
    ]
}

fn start(gemini: &Gemini) -> Server {
    let folder = Folder::new();
    assert!(run(folder.path(), &[], &["gen-cert"]).status.success());
    let [key, url] = gemini.env();
    let env = [
        ("CHAT_TLS_ADDR", "127.0.0.1:0"),
        ("CHAT_RATE_MESSAGES", "20"),
        ("CHAT_RATE_HOLD", "40"),
        ("CHAT_LOGIN_TIMEOUT_SECS", "30"),
        ("CHAT_STALL_TIMEOUT_SECS", "2"),
        ("CHAT_MAX_LOBBIES_PER_USER", "20"),
        key,
        url,
        ("AI_TIMEOUT_SECS", "2"),
        FAULTS,
        ("RUST_LOG", "error"),
    ];
    Server::start_in(folder, &env)
}

#[test]
fn a_minute_of_chaos_costs_the_well_behaved_nothing() {
    let secs = std::env::var("LOBBYD_CHAOS_SECS").ok().and_then(|s| s.parse().ok()).unwrap_or(60);
    let gemini = Gemini::start();
    let mut server = start(&gemini);
    let mut maker = server.login("maker");
    for room in 0..ROOMS {
        maker.ask(&format!("/create room{room} no-pass x"), "Created");
    }
    maker.ask("/create secret hunter2 x", "Created");
    // Nobody reads for this one from here on, so it does not stay.
    maker.ask("/quit", "Goodbye!");
    drop(maker);
    let idle = descriptors(server.pid());

    let mut good: Vec<Good> = Vec::new();
    for index in 0..GOOD {
        good.push(Good::new(&server, index));
    }
    for g in &mut good {
        g.send(&g.name.clone());
    }
    wait_all(&mut good, |g| format!("{} has joined the lobby", g.name));
    for g in &mut good {
        g.raw.clear();
        g.send(&format!("/join room{}", g.room));
    }
    wait_all(&mut good, |g| format!("{} has joined the lobby", g.name));
    let crowded = resident_kib(server.pid());

    let (stop, done) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let bad = bad_clients(&server, &stop, &done);
    let start = Instant::now();
    for (index, g) in good.iter_mut().enumerate() {
        g.next = start + PERIOD.mul_f64(index as f64 / GOOD as f64);
    }
    let mut answers = 0;
    while start.elapsed() < Duration::from_secs(secs) {
        for g in &mut good {
            g.read();
            g.digest();
            if Instant::now() >= g.next {
                g.next += PERIOD;
                let line = format!("<{}:{}>", g.name, g.said);
                g.said += 1;
                g.send(&line);
            }
        }
        if answers < gemini.requests().len() + 4 {
            answers += 1;
            gemini.then(match answers % 5 {
                0 => whole("fine"),
                1 => Answer::BreakOff(vec![text("half\nan ans")]),
                2 => Answer::Status(500, "no".into()),
                3 => Answer::Silence,
                _ => Answer::Stream(vec![text("one\n"), text("two"), finish("STOP")]),
            });
        }
        thread::sleep(Duration::from_millis(2));
    }
    stop.store(true, Ordering::Relaxed);
    bad.into_iter().for_each(|t| t.join().unwrap());
    assert!(done.load(Ordering::Relaxed) > secs, "the bad ones did their worst");

    // A last word of each, after which nothing of theirs can be missing.
    for g in &mut good {
        g.send(&format!("<{}:{}>", g.name, g.said));
        g.said += 1;
    }
    let last: Vec<Vec<String>> = (0..ROOMS)
        .map(|room| {
            let in_room = good.iter().filter(|g| g.room == room);
            in_room.map(|g| format!("<{}:{}>", g.name, g.said - 1)).collect()
        })
        .collect();
    let begin = Instant::now();
    while !good.iter().all(|g| last[g.room].iter().all(|word| g.seen.contains(word))) {
        for g in &mut good {
            g.read();
            g.digest();
        }
        assert!(begin.elapsed() < Duration::from_secs(60), "last words are missing");
        thread::sleep(Duration::from_millis(50));
    }
    check_messages(&good);

    let resident = resident_kib(server.pid());
    assert!(resident < crowded + 65_536, "memory grew from {crowded} to {resident} KiB");
    let names: Vec<String> = good.iter().map(|g| g.name.clone()).collect();
    drop(good);
    server.wait_for(|s| descriptors(s.pid()) <= idle + 8, "descriptors are back");
    let mut last = server.login("maker");
    last.ask("/lobbies", "=== Available Lobbies (12) ===");
    // Whoever closed its sending and vanished while it waited for Rox is found out by a write.
    let begin = Instant::now();
    while !last.ask("/users", " ===\n").contains("=== Users in 'general' (1)") {
        assert!(begin.elapsed() < Duration::from_secs(15), "somebody stays in general");
        thread::sleep(Duration::from_millis(500));
    }
    for name in names.iter().step_by(50) {
        server.login(name);
    }
}

/// Everybody in a room saw each sender's messages once, whole and in order, and all in one order.
fn check_messages(good: &[Good]) {
    let mut orders: Vec<Option<Vec<String>>> = vec![None; ROOMS];
    for g in good {
        let seen = &g.seen;
        for other in good.iter().filter(|o| o.room == g.room) {
            let prefix = format!("<{}:", other.name);
            let own: Vec<_> = seen.iter().filter(|s| s.starts_with(&prefix)).cloned().collect();
            let want: Vec<_> = (0..other.said).map(|n| format!("{prefix}{n}>")).collect();
            assert_eq!(own, want, "{} of {}", g.name, other.name);
        }
        let order = orders[g.room].get_or_insert_with(|| seen.clone());
        assert_eq!(order, seen, "{} saw another order", g.name);
    }
}
