//! Plain chat beside somebody who reads `/metrics` a hundred times a second.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::client::Swarm;
use crate::hostile::{CLIENTS, Chat, chat};
use crate::servers::{Kind, Server};

const SCRAPES_PER_SEC: u32 = 100;

/// Both in turn so many times on one server, so that what comes and goes on the machine is with both.
const ROUNDS: usize = 4;

const REQUEST: &[u8] = b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n";

/// Runs it once, without and with it.
pub(crate) fn run(secs: Duration, pinned: bool) {
    let server = Server::start_with_admin(pinned);
    let mut swarm = Swarm::new(Kind::Lobbyd.protocol(), server.port, false);
    (0..CLIENTS).for_each(|_| swarm.connect(0, 1, false));
    swarm.wait_ready();
    let mut seq = vec![0; CLIENTS];
    let port = server.admin_port.unwrap();
    let mut scraper = None;
    let (mut alone, mut beside): (Vec<Chat>, Vec<Chat>) = Default::default();
    for _ in 0..ROUNDS {
        alone.push(chat(&mut swarm, &mut seq, &server, secs, || ()));
        // Not before: whoever connects is to ask within five seconds.
        let scraper = scraper.get_or_insert_with(|| Scraper::new(port));
        scraper.next = Instant::now();
        beside.push(chat(&mut swarm, &mut seq, &server, secs, || scraper.turn()));
    }
    let of = |all: &[Chat], what: fn(&Chat) -> f64| {
        let mut all: Vec<f64> = all.iter().map(what).collect();
        all.sort_by(f64::total_cmp);
        (all[0], f64::midpoint(all[(all.len() - 1) / 2], all[all.len() / 2]), all[all.len() - 1])
    };
    for (name, chats) in [("alone", &alone), ("scraped", &beside)] {
        let ((p50, p99), used) =
            ((of(chats, |c| c.p50), of(chats, |c| c.p99)), of(chats, |c| c.used));
        println!(
            "{name:<8} p50 {:.3} ms ({:.3} to {:.3})  p99 {:.3} ms ({:.3} to {:.3})  processor {:.1} %",
            p50.1,
            p50.0,
            p50.2,
            p99.1,
            p99.0,
            p99.2,
            used.1 * 100.0
        );
    }
    let each = (of(&beside, |c| c.used).1 - of(&alone, |c| c.used).1) / f64::from(SCRAPES_PER_SEC);
    let (answers, length) = scraper.map_or((0, 0), |scraper| (scraper.answers, scraper.length));
    println!(
        "scraped  {answers} answers of {length} bytes, {:.0} us of processor time each",
        each * 1e6
    );
}

/// Asks on one connection, from the thread that drives the clients, so that nothing else takes its time.
struct Scraper {
    stream: TcpStream,
    next: Instant,
    waits: bool,
    read: Vec<u8>,
    answers: usize,
    length: usize,
}

impl Scraper {
    fn new(port: u16) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        stream.set_nonblocking(true).unwrap();
        stream.set_nodelay(true).unwrap();
        let next = Instant::now();
        Self { stream, next, waits: false, read: Vec::new(), answers: 0, length: 0 }
    }

    fn turn(&mut self) {
        if self.waits {
            return self.take();
        }
        if Instant::now() >= self.next {
            self.next += Duration::from_secs(1) / SCRAPES_PER_SEC;
            self.stream.write_all(REQUEST).unwrap();
            self.waits = true;
        }
    }

    fn take(&mut self) {
        let mut some = [0; 16_384];
        match self.stream.read(&mut some) {
            Ok(count) => {
                assert!(count > 0, "the operator's listener closed");
                self.read.extend_from_slice(&some[..count]);
            }
            Err(error) => return assert_eq!(error.kind(), ErrorKind::WouldBlock),
        }
        let Some(end) = self.read.windows(4).position(|part| part == b"\r\n\r\n") else { return };
        let head = String::from_utf8_lossy(&self.read[..end]).to_lowercase();
        assert!(head.starts_with("http/1.1 200"), "{head}");
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
        self.length = length.parse().unwrap();
        if self.read.len() >= end + 4 + self.length {
            self.read.clear();
            self.waits = false;
            self.answers += 1;
        }
    }
}
