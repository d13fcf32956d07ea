//! What clients by lines are sent, byte for byte: one session, with each of them, against one record of it.

use std::fs;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use crate::clients::{Terminal, with_certificate};
use crate::harness::{Client, PATIENCE, Server, plain, take_before};
use crate::installed::have;
use crate::people::PASSWORD;

/// What a client by lines was sent by the version before there was an editor: a `\n` ends each row.
const BY_LINES: &str = include_str!("transcripts/lines.txt");

/// What is asked before the welcome: DO TTYPE, DO NAWS, and the row of that is taken away.
const QUESTION: &[u8] = b"\xff\xfd\x18\xff\xfd\x1f\r\x1b[K";

/// Whoever plays the session.
trait Player {
    /// Types a line, and waits for this.
    fn ask(&mut self, line: &str, want: &str);
    /// Waits for this.
    fn expect(&mut self, want: &str);
    /// All that the server has sent.
    fn sent(&self) -> Vec<u8>;
}

impl Player for Client {
    fn ask(&mut self, line: &str, want: &str) {
        Self::ask(self, line, want);
    }

    fn expect(&mut self, want: &str) {
        Self::expect(self, want);
    }

    fn sent(&self) -> Vec<u8> {
        self.raw().to_vec()
    }
}

/// A client in a terminal, and where what the server sends it is kept.
struct InTerminal {
    terminal: Terminal,
    sent: Sent,
    /// How much of the text has been matched.
    seen: usize,
}

/// What a server has sent.
enum Sent {
    /// By way of a relay.
    Relayed(Arc<Mutex<Vec<u8>>>),
    /// As the client has written it down, who alone can read it.
    Written(PathBuf),
}

impl Player for InTerminal {
    fn ask(&mut self, line: &str, want: &str) {
        self.terminal.enter(line);
        self.expect(want);
    }

    #[track_caller]
    fn expect(&mut self, want: &str) {
        let start = Instant::now();
        loop {
            let text = plain(&self.sent());
            if take_before(&text, &mut self.seen, want).is_some() {
                return;
            }
            assert!(start.elapsed() < PATIENCE, "{want:?} does not come: {:?}", &text[self.seen..]);
            thread::sleep(Duration::from_millis(5));
        }
    }

    fn sent(&self) -> Vec<u8> {
        match &self.sent {
            Sent::Relayed(bytes) => bytes.lock().unwrap().clone(),
            // It is not there before the first byte is.
            Sent::Written(file) => fs::read(file).unwrap_or_default(),
        }
    }
}

/// Passes one connection on to a port of this machine, and keeps what comes from there. Gives its own port.
fn relay(to: u16) -> (u16, Arc<Mutex<Vec<u8>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let kept = Arc::new(Mutex::new(Vec::new()));
    let keep = kept.clone();
    thread::spawn(move || {
        let (client, _) = listener.accept().unwrap();
        let server = TcpStream::connect(("127.0.0.1", to)).unwrap();
        let ends = (client.try_clone().unwrap(), server.try_clone().unwrap());
        thread::spawn(move || pass(ends.0, ends.1, |_| {}));
        pass(server, client, |bytes| keep.lock().unwrap().extend_from_slice(bytes));
    });
    (port, kept)
}

fn pass(mut from: TcpStream, mut to: TcpStream, seen: impl Fn(&[u8])) {
    let mut bytes = [0; 8_192];
    while let Ok(count @ 1..) = from.read(&mut bytes) {
        seen(&bytes[..count]);
        if to.write_all(&bytes[..count]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Write);
}

/// Plays it to its end, and compares what was sent with the record.
#[track_caller]
fn play(server: &Server, alice: &mut impl Player) {
    alice.expect("Enter your username: ");
    alice.ask("x", "(min 2 characters)\nEnter your username: ");
    alice.ask("alice", " /quit\n> ");
    alice.ask("hello", "╰─> hello\n> ");
    alice.ask("", "> ");
    alice.ask("/users", "(you)\n> ");
    alice.ask("/nope", "available commands.\n> ");
    let mut bob = server.login("bob");
    alice.expect("[LOBBY] bob has joined the lobby\n> ");
    bob.ask("hi", "╰─> hi\n");
    alice.expect("╰─> hi\n> ");
    alice.ask("/msg bob psst", "╰─> psst\n> ");
    alice.ask("/tag bob look", "╰─> look\n> ");
    alice.ask("/me waves", "* alice waves\n> ");
    alice.ask("/register", "New password: ");
    alice.ask(PASSWORD, "Again: ");
    alice.ask(PASSWORD, "from the next login on.\n> ");
    alice.ask("/color off", "Colours are off.\n> ");
    alice.ask("hello", "╰─> hello\n> ");
    alice.ask("/color light", "for a light ground.\n> ");
    alice.ask("bye", "╰─> bye\n> ");
    alice.ask("/quit", "Goodbye!\n");
    let sent = alice.sent();
    let sent = sent.strip_prefix(QUESTION).expect("the question stands before the welcome");
    let sent = sent.escape_ascii().to_string().replace("\\n", "\\n\n");
    for (number, (sent, was)) in sent.lines().zip(BY_LINES.lines()).enumerate() {
        assert_eq!(sent, was, "row {number}");
    }
    assert_eq!(sent.lines().count(), BY_LINES.lines().count());
}

/// A client that connects to a port, in a terminal.
fn relayed(command: impl Fn(&str) -> String) {
    let server = Server::start(&[]);
    let (port, sent) = relay(server.next_port());
    let terminal = Terminal::run(&command(&port.to_string()));
    play(&server, &mut InTerminal { terminal, sent: Sent::Relayed(sent), seen: 0 });
}

#[test]
fn a_client_that_sends_lines_sees_what_it_saw_before_byte_for_byte() {
    let server = Server::start(&[]);
    play(&server, &mut server.connect());
}

#[test]
fn nc_is_sent_what_it_was_sent_before_byte_for_byte() {
    if have(&["tmux", "nc"]) {
        relayed(|port| format!("nc 127.0.0.1 {port}"));
    }
}

#[test]
fn nc_under_rlwrap_is_sent_what_it_was_sent_before_byte_for_byte() {
    if have(&["tmux", "nc", "rlwrap"]) {
        relayed(|port| format!("rlwrap -H /dev/null nc 127.0.0.1 {port}"));
    }
}

#[test]
fn socat_is_sent_what_it_was_sent_before_byte_for_byte() {
    if have(&["tmux", "socat"]) {
        relayed(|port| format!("socat - TCP:127.0.0.1:{port}"));
    }
}

#[test]
fn openssl_s_client_is_sent_what_it_was_sent_before_byte_for_byte() {
    if have(&["tmux", "openssl"]) {
        let server = with_certificate();
        let file = server.folder.join("sent");
        let (port, to) = (server.tls_port, file.display());
        // What it says of itself goes elsewhere.
        let command =
            format!("openssl s_client -quiet -connect 127.0.0.1:{port} 2>/dev/null | tee '{to}'");
        let terminal = Terminal::run(&command);
        play(&server, &mut InTerminal { terminal, sent: Sent::Written(file), seen: 0 });
    }
}
