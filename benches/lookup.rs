//! How long `/history` and `/search` take in a lobby of 100,000 messages while 1,000 a second are said.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use lobbyd::chat::history::{Entry, MessageKind, UnixMillis};
use lobbyd::chat::lobbies::LobbyId;
use lobbyd::chat::lobby::LobbyState;
use lobbyd::chat::name::Name;
use lobbyd::chat::person::Person;
use lobbyd::chat::pictures::Picture;
use lobbyd::chat::text::Text;
use lobbyd::store::{Change, Db};

use crate::client::Swarm;
use crate::servers::{Kind, Server};

const MESSAGES: u64 = 100_000;
const TALKERS: usize = 20;
const LINES_PER_SEC: u32 = 1_000;
/// Time between two questions.
const EVERY: Duration = Duration::from_millis(50);

/// What is asked in turn, and how the answer begins.
const QUESTIONS: [(&str, &str); 4] = [
    ("/history 200", "=== History of"),
    ("/search common words", "=== Found in"),
    ("/search rare777", "=== Found in"),
    ("/search 天气", "=== Found in"),
];

/// Runs it once and prints the latencies of each question.
pub(crate) fn run(secs: Duration, pinned: bool) {
    let text = |i| format!("common words in a message, rare{} 今天天气很好 {i}", i % 1_000);
    let server = Server::start_with(Kind::Lobbyd, pinned, false, |dir| fill(dir, MESSAGES, text));
    let mut swarm = Swarm::new(Kind::Lobbyd.protocol(), server.port, false);
    (0..TALKERS).for_each(|_| swarm.connect(0, 1, false));
    swarm.wait_ready();
    let mut asker = Asker::log_in(server.port, "asker");
    let mut latencies = vec![Vec::new(); QUESTIONS.len()];
    let (mut due, mut turn, mut seq) = (swarm.start.elapsed(), 0, vec![0; TALKERS]);
    let begin = Instant::now();
    let (mut next_question, mut question) = (Instant::now(), 0);
    while begin.elapsed() < secs {
        while due <= swarm.start.elapsed() {
            let id = turn * 7 % TALKERS;
            swarm.say(id, seq[id], due);
            (turn, seq[id]) = (turn + 1, seq[id] + 1);
            due += Duration::from_secs(1) / LINES_PER_SEC;
        }
        swarm.turn();
        let (_, head) = QUESTIONS[question % QUESTIONS.len()];
        if let Some(latency) = asker.answered(head) {
            latencies[question % QUESTIONS.len()].push(latency);
            question += 1;
        }
        if asker.asked.is_none() && next_question <= Instant::now() {
            asker.ask(QUESTIONS[question % QUESTIONS.len()].0);
            next_question = Instant::now() + EVERY;
        }
    }
    for ((asked, _), mut latencies) in QUESTIONS.iter().zip(latencies) {
        latencies.sort_unstable();
        let at =
            |q: f64| latencies[((latencies.len() - 1) as f64 * q) as usize].as_secs_f64() * 1e3;
        println!(
            "lookup  {asked:<22} {:>4} times  p50 {:.1} ms  p99 {:.1} ms  max {:.1} ms",
            latencies.len(),
            at(0.5),
            at(0.99),
            at(1.0)
        );
    }
}

/// A user who asks one question at a time.
pub(crate) struct Asker {
    stream: TcpStream,
    seen: Vec<u8>,
    pub asked: Option<Instant>,
}

impl Asker {
    /// Connects, and gives the name; the answer is to come.
    pub(crate) fn connect(port: u16, name: &str) -> Self {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        stream.set_nodelay(true).unwrap();
        writeln!(stream, "{name}").unwrap();
        stream.set_nonblocking(true).unwrap();
        Self { stream, seen: Vec::new(), asked: Some(Instant::now()) }
    }

    /// Logs in as a guest.
    pub(crate) fn log_in(port: u16, name: &str) -> Self {
        let mut asker = Self::connect(port, name);
        while asker.answered(&format!("{name} has joined")).is_none() {}
        asker
    }

    pub(crate) fn ask(&mut self, question: &str) {
        self.seen.clear();
        writeln!(self.stream, "{question}").unwrap();
        self.asked = Some(Instant::now());
    }

    /// How long the answer took, once it begins like that.
    pub(crate) fn answered(&mut self, head: &str) -> Option<Duration> {
        let mut buf = [0; 65_536];
        let from = self.seen.len().saturating_sub(head.len());
        loop {
            match self.stream.read(&mut buf) {
                Ok(0) => panic!("the server closed"),
                Ok(count) => self.seen.extend_from_slice(&buf[..count]),
                Err(e) if e.kind() == ErrorKind::WouldBlock => break,
                Err(e) => panic!("{e}"),
            }
        }
        let asked = self.asked?;
        if !self.seen[from..].windows(head.len()).any(|w| w == head.as_bytes()) {
            return None;
        }
        self.asked = None;
        Some(asked.elapsed())
    }
}

/// Fills general with messages of the last day.
pub(crate) fn fill(folder: &Path, messages: u64, text: impl Fn(u64) -> String) {
    let (mut db, _) = Db::open(&folder.join("data")).unwrap();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as u64;
    let author = Name::parse("alice").unwrap();
    let entry = |i: u64| Entry {
        at: UnixMillis(now - (messages - i) * 800),
        picture: Picture::DEFAULT,
        author: Person::named(author.clone()),
        kind: MessageKind::Said,
        text: Text::clean(&text(i)),
    };
    let general = LobbyState::general(UnixMillis(now)).unwrap();
    db.apply(&[Change::LobbyPut(general.into())]).unwrap();
    for group in (0..messages).collect::<Vec<_>>().chunks(1_000) {
        let said = |&seq: &u64| Change::Said { lobby: LobbyId(1), seq, entry: entry(seq).into() };
        db.apply(&group.iter().map(said).collect::<Vec<_>>()).unwrap();
    }
}
