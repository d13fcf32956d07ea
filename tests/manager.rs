//! What a service manager is told, as it takes it: datagrams on the socket that it names in the environment.

use std::io::{BufRead, BufReader};
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::console::ctl;
use crate::harness::{Folder, PATIENCE, Server, lobbyd};
use crate::operator::{ADMIN, get};

/// A service manager that starts a server and hears what it is told.
struct Manager {
    socket: UnixDatagram,
    path: String,
    _folder: Folder,
}

impl Manager {
    fn new() -> Self {
        let folder = Folder::new();
        let path = folder.join("notify");
        let socket = UnixDatagram::bind(&path).unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
        Self { socket, path: path.to_str().unwrap().to_owned(), _folder: folder }
    }

    fn start(&self, env: &[(&str, &str)]) -> Server {
        self.start_in(Folder::new(), env)
    }

    fn start_in(&self, folder: Folder, env: &[(&str, &str)]) -> Server {
        let mut all = vec![("NOTIFY_SOCKET", self.path.as_str())];
        all.extend(env);
        Server::start_in(folder, &all)
    }

    /// The next thing that is told, if anything comes soon.
    fn next(&self) -> Option<String> {
        let mut bytes = [0; 4_096];
        let read = self.socket.recv(&mut bytes).ok()?;
        Some(String::from_utf8(bytes[..read].to_vec()).unwrap())
    }

    /// Waits until something is told that holds; what else is told before it is given too.
    fn until(&self, holds: impl Fn(&str) -> bool) -> Vec<String> {
        let (start, mut told) = (Instant::now(), Vec::new());
        loop {
            told.extend(self.next());
            if told.last().is_some_and(|last| holds(last)) {
                return told;
            }
            assert!(start.elapsed() < PATIENCE, "not told: {told:?}");
        }
    }

    /// What is told from now on, for some time.
    fn all_for(&self, time: Duration) -> Vec<String> {
        let (start, mut told) = (Instant::now(), Vec::new());
        while start.elapsed() < time {
            told.extend(self.next());
        }
        told
    }
}

/// The news among what was told, without how the server is.
fn news(told: &[String]) -> Vec<&str> {
    let lines = told.iter().flat_map(|told| told.lines());
    lines
        .filter(|line| !line.starts_with("STATUS=") && !line.starts_with("MONOTONIC_USEC="))
        .collect()
}

#[test]
fn a_manager_is_told_that_the_server_is_ready_who_is_there_and_that_it_stops() {
    let manager = Manager::new();
    let mut server = manager.start(&[("CHAT_RATE_MESSAGES", "0")]);
    assert_eq!(news(&manager.until(|told| told == "READY=1\n")), ["READY=1"]);
    // Whoever is told so can connect.
    let _alice = server.login("alice");
    manager.until(|told| told == "STATUS=1 user, 1 connection\n");
    server.signal("TERM");
    let told = manager.until(|told| told.starts_with("STOPPING=1\n"));
    assert_eq!(news(&told), ["STOPPING=1"]);
    assert_eq!(server.wait(), 0);
    assert_eq!(news(&manager.all_for(Duration::from_millis(100))), [""; 0]);
}

/// The time of a reload that was told, which must be one of now.
fn began_at(told: &[String]) -> i128 {
    let line = told
        .iter()
        .flat_map(|told| told.lines())
        .find_map(|line| line.strip_prefix("MONOTONIC_USEC="));
    line.unwrap().parse().unwrap()
}

fn monotonic_micros() -> i128 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    i128::from(time.tv_sec) * 1_000_000 + i128::from(time.tv_nsec) / 1_000
}

#[test]
fn a_reload_is_told_when_it_begins_and_when_it_ends_well_or_not() {
    let manager = Manager::new();
    let folder = Folder::new();
    let settings = folder.join(".env");
    std::fs::write(&settings, "CHAT_MAX_MESSAGE_CHARS=20\n").unwrap();
    let mut server = manager.start_in(folder, &[]);
    manager.until(|told| told == "READY=1\n");
    for (line, logged) in [
        ("CHAT_MAX_MESSAGE_CHARS=10\n", "in force"),
        ("CHAT_MAX_LOBBIES=x\n", "nothing was reloaded"),
    ] {
        std::fs::write(&settings, line).unwrap();
        let before = monotonic_micros();
        server.signal("HUP");
        let told = manager.until(|told| told == "READY=1\n");
        assert_eq!(news(&told), ["RELOADING=1", "READY=1"], "{told:?}");
        // systemd wants to know that it is about this reload and no earlier one.
        let at = began_at(&told);
        assert!(before <= at && at <= monotonic_micros(), "{before} {at}");
        server.wait_for_log(logged);
    }
    let why = "; the last reload was refused: CHAT_MAX_LOBBIES: bad value 'x'";
    manager.until(|told| told.starts_with("STATUS=") && told.contains(why));
    std::fs::write(&settings, "CHAT_MAX_MESSAGE_CHARS=10\n").unwrap();
    server.signal("HUP");
    manager.until(|told| told.starts_with("STATUS=") && !told.contains(why));
    server.login("alice").ask("more than ten", "Message too long (max 10 chars)");
}

#[test]
fn whoever_is_told_that_it_is_ready_finds_it_so() {
    let server = Server::start(&[ADMIN]);
    assert_eq!(get(&server, "/health/ready").status, 200);
    assert!(ctl(&server, "status --json").out.contains(r#""state":"ready""#));
}

#[test]
fn a_reload_that_is_wanted_while_the_server_starts_ends_it_not() {
    let folder = Folder::new();
    let mut command = lobbyd(folder.path(), &[], &[]);
    command.stdin(Stdio::null()).stdout(Stdio::null());
    let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
    // Its first word comes before it has looked at its database.
    let pid = Pid::from_child(&child);
    let mut log = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    log.read_line(&mut line).unwrap();
    kill_process(pid, Signal::HUP).unwrap();
    while !line.contains("in force") {
        line.clear();
        assert!(log.read_line(&mut line).unwrap() > 0, "it has ended");
    }
    kill_process(pid, Signal::TERM).unwrap();
    assert!(child.wait().unwrap().success());
}

#[test]
fn a_manager_that_is_slow_hears_the_truth_last_however_much_happened_meanwhile() {
    let manager = Manager::new();
    let mut server = manager.start(&[WATCHDOG]);
    // More than its socket and any queue would hold. It takes nothing all the while.
    for _ in 0..100 {
        let told = ctl(&server, "reload");
        assert!(told.out.contains("in force"), "{told:?}");
    }
    let told = manager.until(|told| told == "READY=1\n");
    let last = [told, manager.all_for(Duration::from_millis(500))].concat();
    let mut words = news(&last);
    words.retain(|word| *word != "WATCHDOG=1");
    assert_eq!(words.last(), Some(&"READY=1"), "{words:?}");
    assert!(words.len() < 100, "{words:?}");
    assert!(!server.log().contains("service manager"), "{}", server.log());

    // Nothing follows the last word.
    server.signal("TERM");
    manager.until(|told| told.starts_with("STOPPING=1\n"));
    assert_eq!(server.wait(), 0);
    assert_eq!(manager.all_for(Duration::from_millis(100)), [""; 0]);
}

#[test]
fn a_manager_that_is_not_there_holds_nobody_up() {
    let path = Path::new("/nonexistent/notify");
    let mut server = Server::start(&[("NOTIFY_SOCKET", path.to_str().unwrap())]);
    server.login("alice").ask("hello", "╰─> hello");
    server.wait_for_log("the service manager cannot be told how the server is");
    server.signal("TERM");
    assert_eq!(server.wait(), 0);
    assert_eq!(server.log().matches("the service manager").count(), 1, "{}", server.log());
}

/// Asked to be fed as often as this, in microseconds.
const WATCHDOG: (&str, &str) = ("WATCHDOG_USEC", "400000");

fn is_fed(told: &str) -> bool {
    told == "WATCHDOG=1\n"
}

/// The watchdog of a server in which something is wedged: it is not fed until `free` ends that.
fn is_held(manager: &Manager, server: &mut Server, free: impl FnOnce()) {
    server.wait_for_log("the watchdog is not fed");
    manager.until(|told| told.starts_with("STATUS=Failing: "));
    let told = manager.all_for(Duration::from_millis(600));
    assert!(!told.iter().any(|told| is_fed(told)), "{told:?}");
    free();
    manager.until(is_fed);
    server.wait_for_log("the watchdog is fed again");
}

#[test]
fn the_watchdog_is_fed_while_the_actors_answer_and_not_while_the_database_is_stuck() {
    let manager = Manager::new();
    let mut server = manager.start(&[WATCHDOG]);
    manager.until(is_fed);
    manager.until(is_fed);
    let mut alice = server.login("alice");
    // Another program holds the database: the Store waits for it, and answers nobody meanwhile.
    let database = rusqlite::Connection::open(server.folder.join("data/lobbyd.db")).unwrap();
    database.execute_batch("BEGIN IMMEDIATE").unwrap();
    alice.ask("a message to store", "╰─> a message to store");
    is_held(&manager, &mut server, || database.execute_batch("ROLLBACK").unwrap());
}

/// Builds without debug assertions have no such hook.
#[cfg(debug_assertions)]
#[test]
fn the_watchdog_is_not_fed_while_an_actor_is_wedged() {
    let manager = Manager::new();
    let mut server = manager.start(&[WATCHDOG, crate::harness::FAULTS]);
    manager.until(is_fed);
    let mut alice = server.login("alice");
    alice.ask("/fault wedge Registry ListLobbies 4", "a fault is on its way");
    alice.send("/lobbies");
    is_held(&manager, &mut server, || _ = alice.expect("=== Available Lobbies (1) ==="));
}

#[test]
fn a_watchdog_of_another_process_is_not_fed() {
    let manager = Manager::new();
    let _server = manager.start(&[("WATCHDOG_USEC", "100000"), ("WATCHDOG_PID", "1")]);
    manager.until(|told| told == "READY=1\n");
    assert!(!manager.all_for(Duration::from_millis(300)).contains(&"WATCHDOG=1\n".to_owned()));
}
