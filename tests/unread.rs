//! A log that nobody reads: it costs lines, never a turn of the chat, and never the end.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use rustix::fs::OFlags;
use rustix::pipe::fcntl_setpipe_size;

use crate::harness::{Folder, PATIENCE, Server, count};

/// A pipe with a name, as small as pipes are. It has no end while this is held.
fn small_pipe(path: &Path) -> File {
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
    let flags = OFlags::NONBLOCK.bits().cast_signed();
    let pipe = OpenOptions::new().read(true).write(true).custom_flags(flags).open(path).unwrap();
    fcntl_setpipe_size(&pipe, 4_096).unwrap();
    pipe
}

/// The program, with this as its standard output or error.
fn onto(folder: &Folder, redirection: &str) -> Command {
    let mut command = Command::new("sh");
    command
        .args(["-c", &format!("exec \"$0\" {redirection}pipe"), env!("CARGO_BIN_EXE_lobbyd")])
        .current_dir(folder.path())
        .env_clear()
        .envs([("CHAT_ADDR", "127.0.0.1:0"), ("CHAT_TLS_ADDR", "off")])
        .envs([("CHAT_RATE_MESSAGES", "0"), ("CHAT_MAX_CONNECTIONS_PER_IP", "0")])
        .envs([("CHAT_CONNECTS_PER_MINUTE", "0")]);
    command
}

/// A server whose log goes to a small pipe that is not read.
fn with_unread_log() -> (Server, File) {
    let folder = Folder::new();
    let pipe = small_pipe(&folder.join("pipe"));
    let command = onto(&folder, "2>");
    (Server::spawn(command, folder), pipe)
}

/// What comes out of a pipe, piece by piece, from now on.
fn drain(mut pipe: File) -> Receiver<String> {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        let mut buf = [0; 4_096];
        loop {
            match pipe.read(&mut buf) {
                Ok(count) => {
                    let piece = String::from_utf8_lossy(&buf[..count]).into_owned();
                    if sender.send(piece).is_err() {
                        return;
                    }
                }
                Err(_) => thread::sleep(Duration::from_millis(1)),
            }
        }
    });
    receiver
}

/// Adds to a text what comes, until it holds something.
#[track_caller]
fn until(pieces: &Receiver<String>, text: &mut String, want: &str) {
    let start = Instant::now();
    while !text.contains(want) {
        let left = PATIENCE.saturating_sub(start.elapsed());
        let piece = pieces.recv_timeout(left);
        text.push_str(&piece.unwrap_or_else(|_| panic!("{want:?} does not come: {text}")));
    }
}

/// Connects so often, each time for nothing.
fn knock(server: &Server, times: usize) {
    for _ in 0..times {
        let stream = TcpStream::connect(("127.0.0.1", server.port)).unwrap();
        let _ = socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO));
    }
}

#[test]
fn an_unread_log_holds_up_nobody_and_its_loss_is_told_when_it_flows_again() {
    let (mut server, pipe) = with_unread_log();
    let (mut alice, mut bob) = (server.login("alice"), server.login("bob"));
    knock(&server, 400);
    alice.ask("hello", "╰─> hello");
    bob.expect("╰─> hello");
    // Far more than may wait.
    knock(&server, 2 * lobbyd::logging::MAX_LINES);
    let start = Instant::now();
    alice.ask("and on", "╰─> and on");
    bob.expect("╰─> and on");
    server.login("carol").ask("/quit", "Goodbye!");
    assert!(start.elapsed() < Duration::from_secs(3), "{:?}", start.elapsed());

    let (pieces, mut log) = (drain(pipe), String::new());
    until(&pieces, &mut log, "log lines were lost: nobody read them\n");
    let told = log.lines().find(|line| line.contains("were lost")).unwrap();
    let lost = told.split("] ").nth(1).and_then(|rest| rest.split(' ').next()).unwrap();
    assert!(lost.parse::<u64>().unwrap() > 1_000 && told.contains(" WARN "), "{told}");
    // It flows: what happens now is told again.
    alice.ask("/create after no-pass x", "Created");
    until(&pieces, &mut log, "alice created lobby 'after'");
    server.signal("TERM");
    until(&pieces, &mut log, "alice logged out");
    drop((alice, bob));
    assert_eq!(server.wait(), 0);
    for line in log.lines() {
        assert!(line.starts_with('[') && line.contains("] "), "lines are whole: {line:?}");
    }
}

#[test]
fn a_stop_loses_no_line_of_a_log_that_is_read_late() {
    let (mut server, pipe) = with_unread_log();
    knock(&server, 300);
    let mut alice = server.login("alice");
    alice.ask("hello", "╰─> hello");
    server.signal("TERM");
    alice.read_to_end();
    drop(alice);
    let (pieces, mut log) = (drain(pipe), String::new());
    assert_eq!(server.wait(), 0);
    until(&pieces, &mut log, "alice logged out");
    while count(&log, " disconnected after ") < 301 {
        log.push_str(&pieces.recv_timeout(PATIENCE).expect("a line is lost"));
    }
    assert_eq!(count(&log, " connected from "), 301, "{log}");
    assert!(log.contains("] stopping\n") && !log.contains("lost"), "{log}");
}

#[test]
fn a_stop_waits_for_nobody_who_reads_nothing() {
    for again in [false, true] {
        let (mut server, pipe) = with_unread_log();
        knock(&server, 300);
        server.login("alice").ask("/quit", "Goodbye!");
        let start = Instant::now();
        server.signal("TERM");
        if again {
            server.signal("TERM");
        }
        server.wait();
        assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
        drop(pipe);
    }
}

#[test]
fn standard_output_that_nobody_reads_keeps_the_end_from_nothing() {
    let folder = Folder::new();
    let mut pipe = small_pipe(&folder.join("pipe"));
    let mut child = onto(&folder, ">").stderr(Stdio::null()).spawn().unwrap();
    let (mut out, mut buf, start) = (String::new(), [0; 4_096], Instant::now());
    while !out.contains("Server ready") {
        assert!(start.elapsed() < PATIENCE, "{out}");
        match pipe.read(&mut buf) {
            Ok(count) => out.push_str(std::str::from_utf8(&buf[..count]).unwrap()),
            Err(_) => thread::sleep(Duration::from_millis(5)),
        }
    }
    while pipe.write(&[b'x'; 512]).is_ok() {}
    let pid = child.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    let start = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if start.elapsed() > Duration::from_secs(8) {
            let _ = child.kill();
            panic!("it does not end");
        }
        thread::sleep(Duration::from_millis(5));
    };
    assert_eq!(status.code(), Some(0));
}
