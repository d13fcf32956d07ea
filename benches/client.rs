//! Clients by the thousand on one thread that never sleeps while it measures.
//!
//! On a virtual machine, waking a sleeping receiver costs the *sender* more than the write does, so
//! the generator polls without a timeout.

use std::collections::HashMap;
use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};
use openssl::ssl::SslConnector;
use socket2::{Domain, Socket, Type};

use crate::servers::Protocol;
use crate::wire::{Wire, connector};

/// Clients that share one source address.
const CLIENTS_PER_ADDRESS: usize = 8;

/// Ctrl-U, which takes the draft away.
const KILL: &str = "\x15";

/// What stands in the draft of a terminal.
const DRAFT: &str = "half a draft";

/// How a server asks where the cursor is (DSR, ECMA-48 §8.3.35), and what lobbyd says as soon as it edits the line.
const WHERE: &str = "\x1b[6n";
const PASTES_ARE_MARKED: &str = "\x1b[?2004h";

/// Where a client stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Waits for the prompt for a name (or sends its names at once, in IRC).
    Greeting,
    /// Has given its name and waits to be in.
    Joining,
    /// In its room.
    Ready,
    /// Gone.
    Closed,
}

/// One client.
pub(crate) struct Client {
    wire: Wire,
    state: State,
    name: String,
    pub room: usize,
    input: Vec<u8>,
    output: Vec<u8>,
    /// Does not read any more.
    pub stopped: bool,
    /// When it last read a line.
    pub last_line: Option<Duration>,
    pub longest_gap: Duration,
    /// Sequence number that comes next, of each sender.
    next: HashMap<u32, u32>,
    lobby_steps: Vec<String>,
    leaving: bool,
    /// Has said where its cursor is.
    told_where: bool,
    /// What it is shown does not count.
    bystander: bool,
    server: SocketAddr,
    /// When it connected.
    opened: Duration,
}

/// What was counted.
#[derive(Debug, Default, Clone)]
pub(crate) struct Counts {
    pub delivered: u64,
    pub lost: u64,
    /// Came again, or after one that follows it.
    pub doubled: u64,
    /// Nanoseconds from due to read, of deliveries in the window that is measured.
    pub latencies: Vec<u64>,
    /// Nanoseconds from connecting to being in.
    pub logins: Vec<u64>,
}

/// All clients.
pub(crate) struct Swarm {
    poll: Poll,
    events: Events,
    protocol: Protocol,
    server: SocketAddr,
    pub clients: Vec<Client>,
    pub counts: Counts,
    pub start: Instant,
    /// Deliveries of each line that is under way, for closed loops.
    pub under_way: HashMap<(u32, u32), usize>,
    pub track_lines: bool,
    /// Lines that reached everybody, by sender.
    pub completed: Vec<u32>,
    pub measuring: bool,
    /// What was due before does not count.
    measuring_since: Duration,
    buf: Vec<u8>,
    /// Numbers the names of those that come and go.
    serial: usize,
    /// Added to each line.
    pub padding: String,
    tls: Option<SslConnector>,
    /// Connections end as soon as their handshake does.
    pub handshakes_only: bool,
    /// They are terminals that send keys, with a draft that half of a line stands in.
    pub editors: bool,
    /// They are pages, which read JSON over a WebSocket.
    pub pages: bool,
}

impl Swarm {
    pub(crate) fn new(protocol: Protocol, port: u16, tls: bool) -> Self {
        Self {
            tls: tls.then(connector),
            handshakes_only: false,
            editors: false,
            pages: false,
            poll: Poll::new().unwrap(),
            events: Events::with_capacity(4_096),
            protocol,
            server: SocketAddr::from((Ipv4Addr::LOCALHOST, port)),
            clients: Vec::new(),
            counts: Counts::default(),
            start: Instant::now(),
            under_way: HashMap::new(),
            track_lines: false,
            completed: Vec::new(),
            measuring: false,
            measuring_since: Duration::ZERO,
            buf: vec![0; 256 * 1024],
            padding: String::new(),
            serial: 0,
        }
    }

    /// Whoever connects from now on does so at this port.
    pub(crate) fn go_to(&mut self, port: u16) {
        self.server.set_port(port);
    }

    /// What this one is shown does not count.
    pub(crate) fn leave_out(&mut self, id: usize) {
        self.clients[id].bystander = true;
    }

    /// Connects one more, which will be in `room` of `rooms`.
    pub(crate) fn connect(&mut self, room: usize, rooms: usize, small_buffer: bool) {
        let id = self.clients.len();
        let (name, lobby_steps) = if rooms > 1 {
            (format!("r{room}-u{id}"), vec![format!("/join r{room}")])
        } else {
            (format!("u{id}"), Vec::new())
        };
        let client = self.open((id, self.server), name, room, lobby_steps, small_buffer);
        self.clients.push(client);
    }

    /// Connects one that is in the common room, but whose deliveries do not count.
    pub(crate) fn connect_bystander(&mut self) -> usize {
        let id = self.clients.len();
        self.connect(usize::MAX, 1, false);
        self.clients[id].bystander = true;
        id
    }

    /// Connects a new one in the place of one that is gone.
    fn connect_as(&mut self, id: usize) {
        let name = format!("u{id}-{}", self.serial);
        let server = self.clients[id].server;
        self.clients[id] = self.open((id, server), name, 0, Vec::new(), false);
    }

    fn open(
        &mut self,
        (id, server): (usize, SocketAddr),
        name: String,
        room: usize,
        lobby_steps: Vec<String>,
        small_buffer: bool,
    ) -> Client {
        let opened = self.start.elapsed();
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.set_tcp_nodelay(true).unwrap();
        if small_buffer {
            socket.set_recv_buffer_size(4_096).unwrap();
        }
        let address = (id / CLIENTS_PER_ADDRESS) as u32;
        let from = Ipv4Addr::from(u32::from(Ipv4Addr::new(127, 1, 0, 1)) + address);
        socket.bind(&SocketAddr::from((from, 0)).into()).unwrap();
        socket.connect(&server.into()).unwrap();
        socket.set_nonblocking(true).unwrap();
        let mut stream = TcpStream::from_std(socket.into());
        self.poll
            .registry()
            .register(&mut stream, Token(id), Interest::READABLE | Interest::WRITABLE)
            .unwrap();
        let wire = match &self.tls {
            None => Wire::Plain(stream),
            Some(connector) => Wire::secure(connector, stream),
        };
        let mut client = Client {
            wire,
            state: State::Greeting,
            name,
            room,
            input: Vec::new(),
            output: Vec::new(),
            stopped: false,
            last_line: None,
            longest_gap: Duration::ZERO,
            next: HashMap::new(),
            lobby_steps,
            leaving: false,
            told_where: false,
            bystander: false,
            server,
            opened,
        };
        if self.pages {
            client.output = handshake(server.port());
            client.output.extend_from_slice(&frame(client.name.as_bytes()));
            client.flush();
        }
        if self.protocol == Protocol::Irc {
            let hello = format!("NICK {0}\r\nUSER {0} 0 * :{0}\r\n", client.name);
            client.output.extend_from_slice(hello.as_bytes());
            client.flush();
        }
        client
    }

    /// Waits until all are in.
    pub(crate) fn wait_ready(&mut self) {
        let start = Instant::now();
        while self.clients.iter().any(|c| c.state != State::Ready) {
            assert!(start.elapsed() < Duration::from_secs(120), "not all clients get in");
            self.turn();
        }
    }

    /// Sends a command line from one client, as it stands.
    pub(crate) fn command(&mut self, id: usize, line: &str) {
        self.clients[id].send(line.as_bytes());
    }

    /// Sends a numbered line that was due at `due`.
    pub(crate) fn say(&mut self, id: usize, seq: u32, due: Duration) {
        let line = self.numbered(id, seq, due);
        self.clients[id].send(&line);
    }

    fn numbered(&self, id: usize, seq: u32, due: Duration) -> Vec<u8> {
        let text =
            format!("|{id},{seq},{}| some words to make a line{}", due.as_nanos(), self.padding);
        match self.protocol {
            Protocol::Lobbyd if self.pages => frame(format!(r#"{{"say":"{text}"}}"#).as_bytes()),
            Protocol::Lobbyd if self.editors => format!("{KILL}{text}\r{DRAFT}").into(),
            Protocol::Lobbyd => format!("{text}\n").into(),
            Protocol::Irc => format!("PRIVMSG #r{} :{text}\r\n", self.clients[id].room).into(),
        }
    }

    /// Sends so many numbered lines at once.
    pub(crate) fn say_many(&mut self, id: usize, from: u32, count: u32) {
        let due = self.start.elapsed();
        for seq in from..from + count {
            let line = self.numbered(id, seq, due);
            self.clients[id].output.extend_from_slice(&line);
        }
        self.clients[id].flush();
    }

    /// How many a line of this sender is delivered to, of those that count.
    pub(crate) fn audience(&self, sender: usize) -> usize {
        let room = self.clients[sender].room;
        let has_own = self.protocol == Protocol::Lobbyd;
        let all = self.clients.iter().enumerate();
        all.filter(|(id, c)| c.room == room && !c.bystander && (has_own || *id != sender)).count()
    }

    /// Takes what has come, once.
    pub(crate) fn turn(&mut self) {
        self.poll.poll(&mut self.events, Some(Duration::ZERO)).unwrap();
        let ready: Vec<(usize, bool, bool, bool)> = self
            .events
            .iter()
            .map(|e| (e.token().0, e.is_readable(), e.is_writable(), e.is_read_closed()))
            .collect();
        for (id, readable, writable, closed) in ready {
            if !self.clients[id].wire.is_ready() {
                if !self.clients[id].wire.handshake() {
                    continue;
                }
                if self.handshakes_only {
                    self.clients[id].wire.close();
                    self.clients[id].state = State::Closed;
                    continue;
                }
                self.clients[id].flush();
            }
            if writable {
                self.clients[id].flush();
            }
            if readable {
                self.read(id, closed);
            }
        }
    }

    fn read(&mut self, id: usize, to_end: bool) {
        loop {
            let client = &mut self.clients[id];
            if client.stopped || client.state == State::Closed {
                return;
            }
            match client.wire.read(&mut self.buf) {
                Ok(0) => client.state = State::Closed,
                Ok(count) => {
                    // Only a plain socket tells by a short read that there is no more.
                    let full = count == self.buf.len() || self.tls.is_some();
                    client.input.extend_from_slice(&self.buf[..count]);
                    self.understand(id);
                    if !full && !to_end {
                        return;
                    }
                }
                Err(e) if e.kind() == ErrorKind::WouldBlock => return,
                Err(_) => client.state = State::Closed,
            }
        }
    }

    fn understand(&mut self, id: usize) {
        if self.clients[id].state != State::Ready {
            return self.log_in(id);
        }
        let now = self.start.elapsed();
        let input = std::mem::take(&mut self.clients[id].input);
        let mut rest = input.as_slice();
        while let Some((text, after)) = self.pages.then(|| split_frame(rest)).flatten() {
            rest = after;
            if let Some(at) = text.iter().position(|b| *b == b'|') {
                self.delivered(id, &text[at + 1..], now);
            }
        }
        while !self.pages
            && let Some(end) = rest.iter().position(|b| *b == b'\n')
        {
            let line = &rest[..end];
            rest = &rest[end + 1..];
            if let Some(at) = line.iter().position(|b| *b == b'|') {
                self.delivered(id, &line[at + 1..], now);
            } else if line.starts_with(b"PING") {
                let pong = [b"PONG", &line[4..], b"\n"].concat();
                self.clients[id].send(&pong);
            }
        }
        self.clients[id].input = rest.to_vec();
    }

    fn delivered(&mut self, id: usize, mark: &[u8], now: Duration) {
        let end = mark.iter().position(|b| *b == b'|').unwrap_or(0);
        let mark = std::str::from_utf8(&mark[..end]).unwrap();
        let mut numbers = mark.split(',').map(|n| n.parse::<u64>().unwrap());
        let (sender, seq) = (numbers.next().unwrap() as u32, numbers.next().unwrap() as u32);
        let due = Duration::from_nanos(numbers.next().unwrap());
        let client = &mut self.clients[id];
        if client.bystander {
            return;
        }
        let next = client.next.entry(sender).or_insert(0);
        match seq.cmp(next) {
            std::cmp::Ordering::Less => return self.counts.doubled += 1,
            std::cmp::Ordering::Equal => {}
            std::cmp::Ordering::Greater => self.counts.lost += u64::from(seq - *next),
        }
        *next = seq + 1;
        if self.measuring && due >= self.measuring_since {
            if let Some(last) = client.last_line {
                client.longest_gap = client.longest_gap.max(now.saturating_sub(last));
            }
            client.last_line = Some(now);
            self.counts.delivered += 1;
            self.counts.latencies.push((now.saturating_sub(due)).as_nanos() as u64);
        }
        if self.track_lines {
            let left = self.under_way.get_mut(&(sender, seq));
            if let Some(left) = left {
                *left -= 1;
                if *left == 0 {
                    self.under_way.remove(&(sender, seq));
                    self.completed.push(sender);
                }
            }
        }
    }

    fn log_in(&mut self, id: usize) {
        let client = &mut self.clients[id];
        let text = String::from_utf8_lossy(&client.input).into_owned();
        match self.protocol {
            Protocol::Lobbyd if self.pages => client.log_in_as_page(&text),
            Protocol::Lobbyd if self.editors => client.log_in_as_terminal(&text),
            Protocol::Lobbyd => client.log_in_to_lobbyd(&text),
            Protocol::Irc => client.log_in_to_irc(&text),
        }
        if client.state == State::Ready {
            let took = self.start.elapsed().saturating_sub(client.opened);
            self.counts.logins.push(took.as_nanos() as u64);
        }
    }

    /// Sends whoever has got in on their way out, and puts new ones in the place of those that are
    /// gone; how many those were.
    pub(crate) fn churn(&mut self) -> u64 {
        let last_words = match self.protocol {
            Protocol::Lobbyd => "hello\n/quit\n",
            Protocol::Irc => "PRIVMSG #r0 :hello\r\nQUIT\r\n",
        };
        (0..self.clients.len()).for_each(|id| self.send_out(id, last_words));
        self.put_back()
    }

    /// Sends one on their way out with these lines, where they have got in.
    pub(crate) fn send_out(&mut self, id: usize, last_words: &str) {
        let client = &mut self.clients[id];
        if client.state == State::Ready && !client.leaving {
            client.leaving = true;
            client.send(last_words.as_bytes());
        }
    }

    /// Puts new ones in the place of those that are gone; how many those were.
    pub(crate) fn put_back(&mut self) -> u64 {
        let mut gone = 0;
        for id in 0..self.clients.len() {
            if self.clients[id].state == State::Closed {
                gone += 1;
                self.serial += 1;
                self.connect_as(id);
            }
        }
        gone
    }

    /// Forgets what was counted and begins to measure.
    pub(crate) fn measure(&mut self) {
        self.counts = Counts::default();
        self.measuring = true;
        let now = self.start.elapsed();
        self.measuring_since = now;
        for client in &mut self.clients {
            client.last_line = Some(now);
            client.longest_gap = Duration::ZERO;
        }
    }

    /// From when on what is due counts.
    pub(crate) fn counts_from(&self) -> Option<Duration> {
        self.measuring.then_some(self.measuring_since)
    }

    /// The longest time that a reading client waited for its next line.
    pub(crate) fn longest_gap(&self) -> Duration {
        let reading = self.clients.iter().filter(|c| !c.stopped);
        reading.map(|c| c.longest_gap).max().unwrap_or_default()
    }

    /// Lets those that stopped read again. What they were not shown does not count as lost.
    pub(crate) fn go_on_reading(&mut self) {
        for id in 0..self.clients.len() {
            if std::mem::take(&mut self.clients[id].stopped) {
                self.clients[id].bystander = true;
                self.read(id, true);
            }
        }
    }

    /// Deliveries so far, of all clients.
    pub(crate) fn delivered_so_far(&self) -> u64 {
        self.counts.delivered
    }

    /// How many have been disconnected.
    pub(crate) fn closed(&self) -> usize {
        self.clients.iter().filter(|c| c.state == State::Closed).count()
    }
}

/// What begins a WebSocket (RFC 6455 §4.1).
fn handshake(port: u16) -> Vec<u8> {
    let host = format!("127.0.0.1:{port}");
    format!(
        "GET /ws HTTP/1.1\r\nHost: {host}\r\nOrigin: http://{host}\r\nUpgrade: websocket\r\n\
         Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    .into_bytes()
}

/// A text frame of a client; masked by nothing, which is a key like others.
fn frame(text: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0x81];
    match u8::try_from(text.len()) {
        Ok(short @ 0..=125) => bytes.push(0x80 | short),
        _ => {
            bytes.push(0x80 | 126);
            bytes.extend(u16::try_from(text.len()).unwrap().to_be_bytes());
        }
    }
    bytes.extend([0; 4]);
    bytes.extend(text);
    bytes
}

/// The first frame of a server's, and what is behind it.
fn split_frame(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (from, length) = match *bytes.get(1)? {
        126 => (4, usize::from(u16::from_be_bytes(*bytes.get(2..)?.first_chunk()?))),
        127 => (10, u64::from_be_bytes(*bytes.get(2..)?.first_chunk()?).try_into().ok()?),
        short => (2, short.into()),
    };
    let (whole, rest) = bytes.split_at_checked(from + length)?;
    Some((&whole[from..], rest))
}

impl Client {
    fn send(&mut self, bytes: &[u8]) {
        self.output.extend_from_slice(bytes);
        self.flush();
    }

    fn flush(&mut self) {
        if !self.wire.is_ready() {
            return;
        }
        while !self.output.is_empty() {
            match self.wire.write(&self.output) {
                Ok(count) => drop(self.output.drain(..count)),
                Err(e) if e.kind() == ErrorKind::WouldBlock => return,
                Err(_) => {
                    self.output.clear();
                    self.state = State::Closed;
                }
            }
        }
    }

    fn log_in_to_lobbyd(&mut self, text: &str) {
        if self.state == State::Greeting && text.contains("Enter your username: ") {
            self.state = State::Joining;
            self.input.clear();
            self.send(format!("{}\n", self.name).as_bytes());
        } else if self.state == State::Joining
            && text.contains(&format!("{} has joined the lobby", self.name))
        {
            self.input.clear();
            match self.lobby_steps.pop() {
                Some(step) => self.send(format!("{step}\n").as_bytes()),
                None => self.state = State::Ready,
            }
        }
    }

    /// A page: its handshake and its name went first, and the list of lobbies comes last.
    fn log_in_as_page(&mut self, text: &str) {
        if text.contains(r#""event":"lobbies""#) {
            self.state = State::Ready;
            self.input.clear();
        }
    }

    /// A raw terminal: its line ends with a CR alone, and it says where its cursor is.
    fn log_in_as_terminal(&mut self, text: &str) {
        if self.state == State::Greeting && text.contains("Enter your username: ") {
            self.state = State::Joining;
            self.send(format!("{}\r", self.name).as_bytes());
        } else if self.state == State::Joining && text.contains(PASTES_ARE_MARKED) {
            self.state = State::Ready;
            self.input.clear();
            self.send(DRAFT.as_bytes());
        } else if self.state == State::Joining && text.contains(WHERE) && !self.told_where {
            self.told_where = true;
            self.send(b"\x1b[24;80R");
        }
    }

    fn log_in_to_irc(&mut self, text: &str) {
        if let Some(ping) = text.lines().find_map(|l| l.strip_prefix("PING ")) {
            self.send(format!("PONG {ping}\r\n").as_bytes());
            self.input.clear();
        }
        if self.state == State::Greeting && text.contains(" 001 ") {
            self.state = State::Joining;
            self.input.clear();
            self.send(format!("JOIN #r{}\r\n", self.room).as_bytes());
        } else if self.state == State::Joining && text.contains(" 366 ") {
            self.state = State::Ready;
            self.input.clear();
        }
    }
}
