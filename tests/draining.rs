//! `lobbyd ctl drain`: no new connections, and the end when those that are there have left.

use std::io::{BufRead, BufReader, Read};
use std::net::TcpStream;
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use crate::browser::{Browser, View};
use crate::console::{Told, asks, ctl};
use crate::harness::{Client, PATIENCE, Server, lobbyd};
use crate::operator::{admin_port, get, wait_for};
use crate::people::quit;
use crate::reloading;
use crate::tls;

const RESTARTING: &str = "Server is restarting. Try again soon.\n";
const ADMIN: (&str, &str) = ("CHAT_ADMIN_ADDR", "127.0.0.1:0");

/// A drain that somebody waits for. Nobody does any more when this is dropped.
struct Drain {
    child: Option<Child>,
    /// What it prints, line by line as it comes.
    lines: Receiver<String>,
}

impl Drain {
    /// Begins one, and waits until it is under way.
    fn begin(server: &Server, args: &[&str]) -> Self {
        let args: Vec<&str> = ["ctl", "drain"].iter().chain(args).copied().collect();
        let mut command = lobbyd(server.folder.path(), &[], &args);
        let command = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let (to, lines) = channel();
        thread::spawn(move || {
            let mut line = String::new();
            while out.read_line(&mut line).is_ok_and(|count| count > 0) {
                let _ = to.send(std::mem::take(&mut line));
            }
        });
        Self { child: Some(child), lines }
    }

    /// The next line that it prints which holds this.
    #[track_caller]
    fn expect(&mut self, what: &str) {
        let (start, mut all) = (Instant::now(), String::new());
        loop {
            let line = self.lines.recv_timeout(PATIENCE.saturating_sub(start.elapsed()));
            let Ok(line) = line else { panic!("{what:?} does not come: {all}") };
            if line.contains(what) {
                return;
            }
            all.push_str(&line);
        }
    }

    /// What else it prints, and its status.
    fn end(mut self) -> Told {
        let rest = self.lines.iter().collect();
        let child = self.child.take().unwrap();
        let told = Told::of(child.wait_with_output().unwrap());
        Told { out: rest, ..told }
    }
}

impl Drop for Drain {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// A connection that is not let in gets the one line.
#[track_caller]
fn is_turned_away(server: &Server) {
    let mut late = server.connect();
    late.read_to_end();
    assert_eq!(late.text(), RESTARTING);
}

fn is_told_goodbye(client: &mut Client) {
    client.expect("Server is shutting down. Goodbye!\n");
    client.read_to_end();
}

#[test]
fn nobody_new_comes_in_and_the_server_ends_when_all_have_left() {
    let mut server = Server::start(&[ADMIN]);
    wait_for(admin_port(&server), "/health/ready", |answer| answer.status == 200);
    let mut alice = server.login("alice");
    let mut bob = server.login("bob");
    let mut nameless = server.connect();
    nameless.expect("Enter your username: ");
    let mut drain = Drain::begin(&server, &["--deadline", "2h"]);
    drain.expect("2h at most");
    for client in [&mut alice, &mut bob] {
        client.expect("[LOBBY] The server restarts when everybody has left, in 2h at the latest.");
        client.expect("Until then nobody can join it.\n> ");
    }
    nameless.expect(RESTARTING);
    nameless.read_to_end();
    drain.expect("2 connections still open, ");
    is_turned_away(&server);
    // Those who are there talk on.
    alice.send("still here");
    bob.expect("╰─> still here\n");
    assert_eq!(get(&server, "/health/live").status, 200);
    let ready = get(&server, "/health/ready");
    assert_eq!((ready.status, ready.body.as_str()), (503, "the server is draining\n"));
    assert!(
        get(&server, "/metrics").body.contains("lobbyd_refusals_total{reason=\"draining\"} 1\n")
    );
    let told = ctl(&server, "status").out;
    assert!(
        told.contains(", draining\n") && told.contains("\nDraining     2 connections still open, "),
        "{told}"
    );
    quit(alice);
    drain.expect("1 connection still open, ");
    quit(bob);
    let told = drain.end();
    assert_eq!((told.status, told.err.as_str()), (0, ""), "{told:?}");
    assert!(told.out.ends_with("Drained: everybody has left. The server stops.\n"), "{told:?}");
    assert_eq!(server.wait(), 0);
    assert!(server.out().ends_with("GoodBye\n"), "{}", server.out());
    assert!(!server.folder.join("data").join("ctl.sock").exists());
}

#[test]
fn at_the_deadline_those_who_are_left_are_told_goodbye() {
    let mut server = Server::start(&[]);
    let mut alice = server.login("alice");
    let told = Drain::begin(&server, &["--deadline", "1s"]).end();
    assert_eq!((told.status, told.err.as_str()), (0, ""), "{told:?}");
    assert!(
        told.out.ends_with("Drained: 1 connection still open. The server stops.\n"),
        "{told:?}"
    );
    is_told_goodbye(&mut alice);
    assert_eq!(server.wait(), 0);
}

#[test]
fn the_page_says_how_many_are_still_there() {
    let Some(browser) = Browser::start() else { return };
    let server = Server::start(&[ADMIN]);
    let page =
        browser.open(&format!("http://127.0.0.1:{}/", admin_port(&server)), View::phone(false));
    let (mut alice, _bob) = (server.login("alice"), server.login("bob"));
    let mut drain = Drain::begin(&server, &["--deadline", "2h"]);
    drain.expect("2 connections still open, ");
    let why = "document.getElementById('why').textContent";
    page.wait("document.getElementById('word').textContent === 'Draining'");
    page.wait(&format!(r"/2 still here, for (2 h 0 m|1 h \d+ m) at most$/.test({why})"));
    alice.send("/quit");
    page.wait(&format!("{why}.includes('1 still here, for ')"));
    ctl(&server, "drain --cancel");
    page.wait("document.getElementById('word').textContent === 'Ready'");
    page.wait(&format!("!{why}.includes('still here')"));
    assert_eq!(page.complaints(), Vec::<String>::new());
    drop(drain.end());
}

#[test]
fn an_empty_server_is_drained_at_once_and_gone_when_the_command_ends() {
    let mut server = Server::start(&[]);
    let told = Drain::begin(&server, &["--json"]).end();
    assert_eq!((told.status, told.out.lines().last()), (0, Some(r#"{"left":0}"#)), "{told:?}");
    assert!(TcpStream::connect(("127.0.0.1", server.port)).is_err());
    assert_eq!(server.wait(), 0);
}

#[test]
fn over_tls_a_new_connection_is_closed_before_the_handshake() {
    let server = tls::start(&[]);
    let mut alice = tls::connect(&server, None).unwrap();
    alice.log_in("alice");
    let mut drain = Drain::begin(&server, &[]);
    drain.expect("1 connection still open, ");
    let mut late = TcpStream::connect(("127.0.0.1", server.tls_port)).unwrap();
    late.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut all = Vec::new();
    late.read_to_end(&mut all).unwrap();
    assert!(all.is_empty(), "no line either");
    alice.ask("still here", "╰─> still here\n");
    quit(alice);
    assert_eq!(drain.end().status, 0);
}

#[test]
fn a_drain_that_is_cancelled_lets_new_ones_in_again() {
    let server = Server::start(&[ADMIN]);
    let mut alice = server.login("alice");
    let mut drain = Drain::begin(&server, &[]);
    drain.expect("1 connection still open, ");
    is_turned_away(&server);
    let told = ctl(&server, "drain --cancel").out;
    assert_eq!(told, "The drain is cancelled: new connections are taken again.\n");
    let told = drain.end();
    assert_eq!(
        (told.status, told.err.as_str()),
        (1, "lobbyd: the drain was cancelled\n"),
        "{told:?}"
    );
    alice.expect("[LOBBY] The server does not restart after all.\n> ");
    server.login("bob");
    wait_for(admin_port(&server), "/health/ready", |answer| answer.status == 200);
    let told = asks(server.folder.path(), "drain --cancel");
    assert_eq!((told.status, told.err.as_str()), (1, "lobbyd: no drain is under way\n"));
    quit(alice);
    ctl(&server, "status");
}

#[test]
fn a_second_drain_waits_along_and_may_change_the_deadline() {
    let mut server = Server::start(&[]);
    let mut alice = server.login("alice");
    let mut first = Drain::begin(&server, &["--deadline", "30m"]);
    first.expect("1 connection still open, ");
    alice.expect("in 30m at the latest.");
    let mut second = Drain::begin(&server, &[]);
    second.expect("1 connection still open, 29m ");
    let mut third = Drain::begin(&server, &["--deadline", "1s"]);
    third.expect("1 connection still open, ");
    alice.expect("in 1s at the latest.");
    for drain in [first, second, third] {
        let told = drain.end();
        assert_eq!((told.status, told.err.as_str()), (0, ""), "{told:?}");
    }
    is_told_goodbye(&mut alice);
    assert_eq!(server.wait(), 0);
}

#[test]
fn many_who_wait_for_a_drain_keep_nobody_off_the_console() {
    let mut server = Server::start(&[]);
    let alice = server.login("alice");
    let waiting: Vec<Drain> = (0..8)
        .map(|_| {
            let mut drain = Drain::begin(&server, &[]);
            drain.expect("1 connection still open, ");
            drain
        })
        .collect();
    for _ in 0..16 {
        let told = Drain::begin(&server, &["--deadline", "1s"]).end();
        let why = "lobbyd: 8 wait for the end of the drain already, which goes on unchanged. lobbyd ctl status \
                   tells how far it is\n";
        assert_eq!((told.status, told.err.as_str()), (1, why), "{told:?}");
    }
    let told = ctl(&server, "status").out;
    assert!(told.contains("\nDraining     1 connection still open, 9m "), "{told}");
    quit(alice);
    for drain in waiting {
        let told = drain.end();
        assert_eq!((told.status, told.err.as_str()), (0, ""), "{told:?}");
    }
    assert_eq!(server.wait(), 0);
}

#[test]
fn a_drain_goes_on_when_nobody_waits_for_it() {
    let mut server = Server::start(&[]);
    let alice = server.login("alice");
    let mut drain = Drain::begin(&server, &[]);
    drain.expect("1 connection still open, ");
    drop(drain);
    server.wait_for_log("nobody waits for the drain, which goes on");
    is_turned_away(&server);
    quit(alice);
    assert_eq!(server.wait(), 0);
}

#[test]
fn a_signal_during_a_drain_stops_the_server_as_ever() {
    let mut server = Server::start(&[]);
    let mut alice = server.login("alice");
    let mut drain = Drain::begin(&server, &[]);
    drain.expect("1 connection still open, ");
    let start = Instant::now();
    server.signal("TERM");
    is_told_goodbye(&mut alice);
    drop(alice);
    let told = drain.end();
    let why = "lobbyd: the server was stopped with 1 connection, before the drain was over\n";
    assert_eq!((told.status, told.err.as_str()), (1, why), "{told:?}");
    assert_eq!(server.wait(), 0);
    assert!(start.elapsed() < Duration::from_secs(10), "it waited for nobody");
}

#[test]
fn a_reload_during_a_drain_is_one_as_ever() {
    let mut server = reloading::start(&["CHAT_MAX_MESSAGE_CHARS=10"]);
    let mut alice = server.login("alice");
    let mut drain = Drain::begin(&server, &[]);
    drain.expect("1 connection still open, ");
    reloading::write(server.folder.path(), &["CHAT_MAX_MESSAGE_CHARS=20"]);
    reloading::hang_up(&mut server, &[reloading::RELOADED]);
    alice.ask("12345678901", "╰─> 12345678901\n");
    is_turned_away(&server);
    quit(alice);
    assert_eq!(drain.end().status, 0);
    assert_eq!(server.wait(), 0);
}
