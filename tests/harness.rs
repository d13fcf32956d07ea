//! Starts servers and talks to them.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use crate::over::{self, Beside, Over, Place};

/// How long anything may take before a test gives up. Generous: the machine may be busy.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// Lets `/fault` break a server or keep it busy, in builds with debug assertions.
pub(crate) const FAULTS: (&str, &str) = ("LOBBYD_FAULTS", "on");

/// A port of this machine for something that does not take what the system gives it, or starts again at its port. It
/// is below those that the system gives, so nobody has it meanwhile who asks for any.
pub(crate) fn free_port() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let range = std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap();
    let first: u32 = range.split_whitespace().next().unwrap().parse().unwrap();
    let low = (first / 2).max(1_024);
    // Two runs of the tests at one time begin elsewhere.
    let begin = std::process::id().wrapping_mul(97);
    loop {
        let at = begin.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed));
        let port = u16::try_from(low + at % (first - low)).unwrap();
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// A folder of a test's own, removed with it.
pub(crate) struct Folder {
    path: PathBuf,
    /// Those of the other nodes, where it is one of a cluster.
    pub(crate) beside: Option<Beside>,
}

impl Folder {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name =
            format!("lobbyd-it-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).unwrap();
        Self { path, beside: None }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn join(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.path);
    }
}

/// The program with arguments, in a folder, with only these variables in its environment.
pub(crate) fn lobbyd(folder: &Path, env: &[(&str, &str)], args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lobbyd"));
    command.current_dir(folder).env_clear().envs(env.iter().copied()).args(args);
    // With a log that leads back to the server, everything is done by way of one.
    if let Ok(log) = std::env::var("LOBBYD_LOG") {
        command.env("LOBBYD_LOG", log);
    }
    command
}

/// Runs the program to its end, which must come soon.
pub(crate) fn run(folder: &Path, env: &[(&str, &str)], args: &[&str]) -> Output {
    let mut child =
        lobbyd(folder, env, args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    wait(&mut child);
    child.wait_with_output().unwrap()
}

fn wait(child: &mut Child) -> i32 {
    let start = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status.code().unwrap_or(-1);
        }
        if start.elapsed() > PATIENCE {
            let _ = child.kill();
            panic!("the program does not end");
        }
        thread::sleep(Duration::from_millis(5));
    }
}

/// What a server says its page's address after.
pub(crate) const PAGE: &str = "Page at ";

/// A running server. Killed when dropped.
pub(crate) struct Server {
    child: Child,
    pub folder: Folder,
    pub stdout: Arc<Mutex<String>>,
    pub stderr: Arc<Mutex<String>>,
    pub port: u16,
    pub tls_port: u16,
    /// The others, where it is the first of several nodes.
    pub(crate) over: Option<Over>,
}

impl Server {
    /// Starts one on a free port, without rate and address limits but for what `env` sets; where that
    /// sets a rate, what is over it is refused.
    pub(crate) fn start(env: &[(&str, &str)]) -> Self {
        Self::start_in(Folder::new(), env)
    }

    pub(crate) fn start_in(folder: Folder, env: &[(&str, &str)]) -> Self {
        match over::nodes() {
            Some(count) => over::start(folder, env, count),
            None => Self::spawn(Self::command(&folder, env), folder),
        }
    }

    /// What starts one.
    pub(crate) fn command(folder: &Folder, env: &[(&str, &str)]) -> Command {
        let mut all = vec![
            ("CHAT_ADDR", "127.0.0.1:0"),
            ("CHAT_TLS_ADDR", "off"),
            ("CHAT_RATE_MESSAGES", "0"),
            ("CHAT_WIDTH", "off"),
            ("CHAT_RATE_HOLD", "0"),
            ("CHAT_MAX_CONNECTIONS_PER_IP", "0"),
            ("CHAT_REGISTRATIONS_PER_DAY", "0"),
            ("CHAT_CONNECTS_PER_MINUTE", "0"),
        ];
        all.retain(|(key, _)| !env.iter().any(|(k, _)| k == key));
        all.extend(env);
        lobbyd(folder.path(), &all, &[])
    }

    /// Starts a command that runs the program.
    pub(crate) fn spawn(command: Command, folder: Folder) -> Self {
        Self::spawn_with(command, folder, Stdio::null())
    }

    /// The same, with something to read.
    pub(crate) fn spawn_with(command: Command, folder: Folder, stdin: Stdio) -> Self {
        let mut server = Self::launch(command, folder, stdin);
        server.wait_for(Self::is_open, "the server is ready");
        server.learn_ports();
        server
    }

    /// The same, without waiting for anything.
    pub(crate) fn launch(mut command: Command, folder: Folder, stdin: Stdio) -> Self {
        let mut child =
            command.stdin(stdin).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let stdout = collect(child.stdout.take().unwrap());
        let stderr = collect(child.stderr.take().unwrap());
        Self { child, folder, stdout, stderr, port: 0, tls_port: 0, over: None }
    }

    /// Whether it has said that it is ready.
    pub(crate) fn is_open(&self) -> bool {
        self.out().contains("Server ready")
    }

    /// Takes the ports from what it has said.
    pub(crate) fn learn_ports(&mut self) {
        self.port = self.port_after("Port:").unwrap();
        self.tls_port = self.port_after("TLS enabled on port").unwrap_or(0);
    }

    /// The port that it says after this label when it starts, or that of the address, where it does.
    pub(crate) fn port_after(&self, label: &str) -> Option<u16> {
        let out = self.out();
        let (_, rest) = out.split_once(label)?;
        let addr = rest.split_whitespace().next()?.trim_end_matches(['/', ',']);
        addr.rsplit(':').next()?.parse().ok()
    }

    /// Whether it has ended by itself, and with which status.
    pub(crate) fn has_ended(&mut self) -> Option<i32> {
        self.child.try_wait().unwrap().map(|status| status.code().unwrap_or(-1))
    }

    /// The nodes that it is.
    fn nodes(&self) -> impl Iterator<Item = &Self> {
        [self].into_iter().chain(self.over.iter().flat_map(|over| &over.others))
    }

    /// The plain port of the node for the next client.
    pub(crate) fn next_port(&self) -> u16 {
        let next = self.over.as_ref().map_or(0, Over::next);
        self.nodes().nth(next).unwrap().port
    }

    pub(crate) fn out(&self) -> String {
        self.stdout.lock().unwrap().clone()
    }

    /// All that it has logged; that of all nodes, one after the other, where it is several.
    pub(crate) fn log(&self) -> String {
        self.nodes().map(|node| node.stderr.lock().unwrap().clone()).collect()
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits until something holds.
    pub(crate) fn wait_for(&mut self, holds: impl Fn(&Self) -> bool, what: &str) {
        let start = Instant::now();
        while !holds(self) {
            let ended = self.has_ended();
            assert!(
                start.elapsed() < PATIENCE && ended.is_none(),
                "not so: {what} ({ended:?})\n{}\n{}",
                self.out(),
                self.log()
            );
            thread::sleep(Duration::from_millis(5));
        }
    }

    pub(crate) fn wait_for_log(&mut self, text: &str) {
        self.wait_for(|s| s.log().contains(text), text);
    }

    pub(crate) fn signal(&self, name: &str) {
        let mut command = Command::new("kill");
        command.arg(format!("-{name}")).args(self.nodes().map(|node| node.pid().to_string()));
        assert!(command.status().unwrap().success());
    }

    /// Waits for the end, and until all that it has printed was read; gives the exit status.
    pub(crate) fn wait(&mut self) -> i32 {
        let (start, status) = (Instant::now(), wait(&mut self.child));
        // Whoever reads it holds it until there is no more.
        let is_read = |text: &Arc<Mutex<String>>| Arc::strong_count(text) == 1;
        while !(is_read(&self.stdout) && is_read(&self.stderr)) && start.elapsed() < PATIENCE {
            thread::sleep(Duration::from_millis(1));
        }
        let others = self.over.iter_mut().flat_map(|over| &mut over.others);
        others.map(Self::wait).fold(status, |all, other| if all == 0 { other } else { all })
    }

    /// Ends it where it still runs, and keeps its folder.
    pub(crate) fn into_folder(mut self) -> Folder {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let mut folder = std::mem::replace(&mut self.folder, Folder::new());
        folder.beside = self.over.take().map(Over::into_beside);
        folder
    }

    pub(crate) fn connect(&self) -> Client {
        Client::new(TcpStream::connect(("127.0.0.1", self.next_port())).unwrap())
    }

    /// A client that has a name and has seen that it is in.
    pub(crate) fn login(&self, name: &str) -> Client {
        let mut client = self.connect();
        client.log_in(name);
        client
    }

    /// Sends everything, closes the sending side, and gives all that came back, without colours.
    pub(crate) fn script(&self, input: &[u8]) -> String {
        let mut client = self.connect();
        client.send_raw(input);
        client.close_sending();
        client.read_to_end();
        client.text()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Reads a pipe to its end in the background.
fn collect(pipe: impl Read + Send + 'static) -> Arc<Mutex<String>> {
    let text = Arc::new(Mutex::new(String::new()));
    let sink = text.clone();
    thread::spawn(move || {
        for line in BufReader::new(pipe).lines().map_while(Result::ok) {
            let mut sink = sink.lock().unwrap();
            sink.push_str(&line);
            sink.push('\n');
        }
    });
    text
}

/// A wall clock that a server sees and a test moves. The one that only ever goes on goes on.
pub(crate) struct Clock {
    folder: Folder,
    preload: String,
    offset: String,
}

/// Takes the place of the C library's, for a program that is started with it.
const CLOCK: &str = r#"
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
int clock_gettime(clockid_t id, struct timespec *now) {
    static int (*real)(clockid_t, struct timespec *);
    if (!real) real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    int result = real(id, now), file;
    char text[32] = {0};
    if (id == CLOCK_REALTIME && (file = open(getenv("CLOCK_OFFSET"), O_RDONLY)) >= 0) {
        if (read(file, text, sizeof text - 1) > 0) now->tv_sec += atol(text);
        close(file);
    }
    return result;
}
"#;

impl Clock {
    /// None where there is no C compiler.
    pub(crate) fn new() -> Option<Self> {
        let folder = Folder::new();
        std::fs::write(folder.join("clock.c"), CLOCK).unwrap();
        let made = Command::new("cc")
            .current_dir(folder.path())
            .args(["-shared", "-fPIC", "-o", "clock.so", "clock.c", "-ldl"])
            .status();
        if !made.is_ok_and(|status| status.success()) {
            eprintln!("there is no C compiler: a clock cannot be moved");
            return None;
        }
        let path = |name: &str| folder.join(name).to_str().unwrap().to_owned();
        let (preload, offset) = (path("clock.so"), path("offset"));
        let clock = Self { folder, preload, offset };
        clock.shift(0);
        Some(clock)
    }

    /// What a server is started with that sees it.
    pub(crate) fn env(&self) -> [(&str, &str); 2] {
        [("LD_PRELOAD", &self.preload), ("CLOCK_OFFSET", &self.offset)]
    }

    /// Sets it so many seconds ahead of the true time.
    pub(crate) fn shift(&self, secs: i64) {
        let new = self.folder.join("offset.new");
        std::fs::write(&new, secs.to_string()).unwrap();
        std::fs::rename(new, &self.offset).unwrap();
    }
}

/// Something that bytes can be read from and written to, in blocking calls with time-outs.
pub(crate) trait Wire: Read + Write + Send {
    fn tcp(&self) -> &TcpStream;
}

impl Wire for TcpStream {
    fn tcp(&self) -> &TcpStream {
        self
    }
}

/// A chat client.
pub(crate) struct Client {
    wire: Box<dyn Wire>,
    raw: Vec<u8>,
    /// How much of the text has been matched.
    seen: usize,
    closed: bool,
    place: Place,
}

impl Client {
    pub(crate) fn new(wire: impl Wire + 'static) -> Self {
        wire.tcp().set_read_timeout(Some(Duration::from_millis(50))).unwrap();
        let place = Place::of(wire.tcp());
        Self { wire: Box::new(wire), raw: Vec::new(), seen: 0, closed: false, place }
    }

    pub(crate) fn tcp(&self) -> &TcpStream {
        self.wire.tcp()
    }

    /// Gives what was shown from the name on, but for the last of it.
    pub(crate) fn log_in(&mut self, name: &str) -> String {
        self.expect("Enter your username: ");
        self.send(name);
        self.expect_in(name)
    }

    /// Waits until the last is shown of what somebody is shown who comes in, and gives what was before
    /// the notice to all.
    #[track_caller]
    pub(crate) fn expect_in(&mut self, name: &str) -> String {
        let before = self.expect(&format!("[LOBBY] {name} has joined the lobby\n"));
        self.expect("You are ");
        self.expect(" /quit\n> ");
        before
    }

    /// The connection breaks off.
    pub(crate) fn reset(self) {
        socket2::SockRef::from(self.tcp()).set_linger(Some(Duration::ZERO)).unwrap();
    }

    pub(crate) fn send(&mut self, line: &str) {
        self.send_raw(format!("{line}\n").as_bytes());
    }

    pub(crate) fn send_raw(&mut self, bytes: &[u8]) {
        self.place.used();
        self.wire.write_all(bytes).unwrap();
        self.wire.flush().unwrap();
    }

    pub(crate) fn close_sending(&mut self) {
        // The server may have closed already.
        let _ = self.tcp().shutdown(Shutdown::Write);
    }

    /// Everything that came, with its controls.
    pub(crate) fn raw(&self) -> &[u8] {
        &self.raw
    }

    /// Everything that came, without escape codes, carriage returns and commands of telnet.
    pub(crate) fn text(&self) -> String {
        plain(&self.raw)
    }

    /// What came after the last match.
    pub(crate) fn rest(&self) -> String {
        self.text()[self.seen..].to_owned()
    }

    /// Whether the server has ended the connection.
    pub(crate) fn is_closed(&self) -> bool {
        self.closed
    }

    /// Reads until this text comes (after what was matched before), and gives what stood before it.
    #[track_caller]
    pub(crate) fn expect(&mut self, want: &str) -> String {
        let start = Instant::now();
        loop {
            let text = self.text();
            if let Some(before) = take_before(&text, &mut self.seen, want) {
                return before;
            }
            assert!(
                !self.closed && start.elapsed() < PATIENCE,
                "{want:?} does not come (closed: {}); since the last match: …{:?}",
                self.closed,
                tail(&text[self.seen..])
            );
            self.read_some();
        }
    }

    /// Reads until one of these comes, and says which: the first of them, wherever it stands.
    #[track_caller]
    pub(crate) fn expect_one_of<'a>(&mut self, want: &[&'a str]) -> &'a str {
        let start = Instant::now();
        loop {
            let rest = self.rest();
            let first = want.iter().filter_map(|w| Some((rest.find(w)?, *w))).min();
            if let Some((_, first)) = first {
                self.expect(first);
                return first;
            }
            assert!(
                !self.closed && start.elapsed() < PATIENCE,
                "none of {want:?} comes (closed: {}); since the last match: …{:?}",
                self.closed,
                tail(&rest)
            );
            self.read_some();
        }
    }

    /// Sends a line and waits for an answer.
    #[track_caller]
    pub(crate) fn ask(&mut self, line: &str, want: &str) -> String {
        self.send(line);
        self.expect(want)
    }

    /// Shows that everything sent to this user so far has come, by a message to themselves, and
    /// gives it.
    #[track_caller]
    pub(crate) fn sync(&mut self, name: &str) -> String {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let token = format!("sync-{}", NEXT.fetch_add(1, Ordering::Relaxed));
        self.send(&format!("/msg {name} {token}"));
        let mut before = self.expect(&token);
        before.push_str(&self.expect(&token));
        before
    }

    pub(crate) fn read_some(&mut self) {
        let mut buf = [0; 65_536];
        match self.wire.read(&mut buf) {
            Ok(0) => self.closed = true,
            Ok(count) => self.raw.extend_from_slice(&buf[..count]),
            Err(e)
                if matches!(
                    e.kind(),
                    std::io::ErrorKind::WouldBlock
                        | std::io::ErrorKind::TimedOut
                        // A read with a time-out is not taken up again after a signal.
                        | std::io::ErrorKind::Interrupted
                ) => {}
            Err(_) => self.closed = true,
        }
    }

    #[track_caller]
    pub(crate) fn read_to_end(&mut self) {
        let start = Instant::now();
        while !self.closed {
            assert!(start.elapsed() < PATIENCE, "not closed; so far: …{:?}", tail(&self.rest()));
            self.read_some();
        }
    }
}

/// Bytes without commands of telnet, of which the server sends those of three bytes and subnegotiations. What
/// a command begins with is in no UTF-8.
pub(crate) fn without_telnet(raw: &[u8]) -> Vec<u8> {
    let mut parts = raw.split(|byte| *byte == 255);
    let mut out = parts.next().unwrap_or_default().to_vec();
    for part in parts {
        let length = match part.first() {
            // SB, up to the SE that is a part of its own.
            Some(250) => part.len(),
            Some(240) => 1,
            _ => 2,
        };
        out.extend(part.get(length..).unwrap_or_default());
    }
    out
}

/// Text as a person sees it: no escape sequences, no carriage returns, no bell, no commands of telnet.
pub(crate) fn plain(raw: &[u8]) -> String {
    if raw.contains(&255) {
        return plain(&without_telnet(raw));
    }
    // Bytes of a character that is still on its way are left for the next time.
    let text = match std::str::from_utf8(raw) {
        Ok(text) => text,
        Err(error) if error.error_len().is_none() => {
            std::str::from_utf8(&raw[..error.valid_up_to()]).unwrap()
        }
        Err(_) => return plain(String::from_utf8_lossy(raw).as_bytes()),
    };
    let mut out = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            // Those that keep the place of the cursor and go back to it have a digit alone.
            '\u{1b}' if chars.as_str().starts_with(['7', '8']) => _ = chars.next(),
            '\u{1b}' => {
                chars.by_ref().find(|c| c.is_ascii_alphabetic());
            }
            '\r' | '\u{7}' => {}
            c => out.push(c),
        }
    }
    out
}

/// The end of a text, short enough to be printed.
fn tail(text: &str) -> &str {
    &text[text.ceil_char_boundary(text.len().saturating_sub(600))..]
}

/// What stands before `want` in a text that was `seen` up to there; it is seen up to behind it then. None where it has not
/// come.
pub(crate) fn take_before(text: &str, seen: &mut usize, want: &str) -> Option<String> {
    let at = text[*seen..].find(want)?;
    let before = text[*seen..*seen + at].to_owned();
    *seen += at + want.len();
    Some(before)
}

/// Counts how often a text occurs.
pub(crate) fn count(text: &str, what: &str) -> usize {
    text.matches(what).count()
}

/// Open file descriptors of a process.
pub(crate) fn descriptors(pid: u32) -> usize {
    std::fs::read_dir(format!("/proc/{pid}/fd")).unwrap().count()
}

/// Resident memory of a process, in KiB.
pub(crate) fn resident_kib(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|l| l.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}
