//! Listening sockets that a service manager hands over.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::clients::have;
use crate::harness::{Client, Folder, PATIENCE, Server, lobbyd, run};
use crate::tls::over_tls;

/// Settings that the sockets take the place of.
const ADDRESSES: &str = "CHAT_ADDR=127.0.0.1:0\nCHAT_TLS_ADDR=127.0.0.1:0\n";

/// The program with its standard input handed over, as so many sockets as a service manager would.
fn handing_over(folder: &Path, env: &[(&str, &str)], sockets: usize) -> Command {
    let program = lobbyd(folder, env, &[]);
    let mut command = Command::new("sh");
    let copies: String = (3..3 + sockets).map(|fd| format!("exec {fd}<&0; ")).collect();
    let script =
        format!("{copies} exec 0</dev/null; LISTEN_FDS={sockets} LISTEN_PID=$$ exec \"$0\"");
    command.args(["-c", &script]).arg(program.get_program()).current_dir(folder).env_clear();
    command.envs(env.iter().copied());
    command
}

/// Starts a server to which one socket is handed over.
fn with_one(folder: Folder, env: &[(&str, &str)]) -> (Server, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let command = handing_over(folder.path(), env, 1);
    (Server::spawn_with(command, folder, Stdio::from(OwnedFd::from(listener))), port)
}

fn with_a_certificate() -> Folder {
    let folder = Folder::new();
    assert_eq!(run(folder.path(), &[], &["gen-cert"]).status.code(), Some(0));
    fs::write(folder.join(".env"), ADDRESSES).unwrap();
    folder
}

/// Waits for something, for as long as the program may take.
fn wait_for<T>(mut found: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = found() {
            return found;
        }
        assert!(start.elapsed() < PATIENCE, "it does not come");
        thread::sleep(Duration::from_millis(10));
    }
}

/// Two addresses on which nobody listens; systemd-socket-activate wants to be told a port. No other test uses
/// anything of that network.
fn free_addresses() -> [SocketAddr; 2] {
    let free = || TcpListener::bind("127.87.0.1:0").unwrap();
    [free(), free()].map(|listener| listener.local_addr().unwrap())
}

#[test]
fn the_sockets_of_a_socket_unit_take_the_place_of_the_addresses_and_nobody_waits_in_vain() {
    if !have(&["systemd-socket-activate", "ss"]) {
        return;
    }
    let folder = with_a_certificate();
    let [plain, tls] = free_addresses();
    let mut command = Command::new("systemd-socket-activate");
    command.current_dir(folder.path()).args(["-l", &plain.to_string(), "-l", &tls.to_string()]);
    command.arg(env!("CARGO_BIN_EXE_lobbyd"));
    // The server is started for whoever connects first, and finds them there.
    let first = thread::spawn(move || wait_for(|| TcpStream::connect(plain).ok()));
    let server = Server::spawn(command, folder);
    assert_eq!((server.port, server.tls_port), (plain.port(), tls.port()), "{}", server.out());
    assert!(server.out().contains("    Protocol:     TCP + TLS\n"), "{}", server.out());
    let mut alice = Client::new(first.join().unwrap());
    alice.log_in("alice");
    let mut bob = over_tls(tls);
    bob.log_in("bob");
    bob.ask("over a socket of systemd", "╰─> over a socket of systemd");
    alice.expect("╰─> over a socket of systemd");
    // They have what sockets of our own have: a timer shows that dead peers are looked for.
    let filter = format!("src {plain} or src {tls}");
    let shown =
        Command::new("ss").args(["-Htno", "state", "established", &filter]).output().unwrap();
    let shown = String::from_utf8(shown.stdout).unwrap();
    assert_eq!(shown.lines().count(), 2, "{shown}");
    assert!(shown.lines().all(|line| line.contains("timer:(")), "{shown}");
}

#[test]
fn a_socket_alone_is_for_plain_connections_and_the_start_says_that_tls_has_none() {
    let (server, port) = with_one(with_a_certificate(), &[]);
    assert_eq!((server.port, server.tls_port), (port, 0));
    server.login("alice").ask("hello", "╰─> hello");
    let out = server.out();
    assert!(out.contains("    Protocol:     TCP\n"), "{out}");
    assert!(out.contains("    [!] TLS is off: one socket was handed over"), "{out}");
    // Without a certificate nobody expects TLS.
    let (server, _) = with_one(Folder::new(), &[]);
    assert!(!server.out().contains("TLS is off"), "{}", server.out());
}

#[test]
fn a_socket_alone_is_for_tls_where_plain_connections_are_off() {
    let (server, port) = with_one(with_a_certificate(), &[("CHAT_ADDR", "off")]);
    assert_eq!(server.tls_port, port, "{}", server.out());
    let mut alice = over_tls(([127, 0, 0, 1], port).into());
    alice.log_in("alice");
    // In plain text there is nothing.
    let mut plain = TcpStream::connect(("127.0.0.1", port)).unwrap();
    plain.set_read_timeout(Some(PATIENCE)).unwrap();
    plain.write_all(b"hello\n").unwrap();
    let mut answer = Vec::new();
    let _ = plain.read_to_end(&mut answer);
    assert!(!String::from_utf8_lossy(&answer).contains("name"), "{answer:?}");
}

#[test]
fn sockets_for_another_process_are_left_alone() {
    let folder = Folder::new();
    let env = [("LISTEN_FDS", "1"), ("LISTEN_PID", "1"), ("CHAT_ADDR", "127.0.0.1:0")];
    let server = Server::start_in(folder, &env);
    server.login("alice").ask("hello", "╰─> hello");
}

#[test]
fn what_cannot_be_listened_on_ends_the_start_with_one_line() {
    let folder = Folder::new();
    let fails = |env: &[(&str, &str)], stdin: Stdio, sockets: usize, words: &str| {
        let mut command = handing_over(folder.path(), env, sockets);
        let child = command.stdin(stdin).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let output = child.unwrap().wait_with_output().unwrap();
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{error}");
        assert_eq!(error.lines().count(), 1, "{error}");
        assert!(error.starts_with("lobbyd: ") && error.contains(words), "{words} in {error}");
    };
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let tcp = || Stdio::from(OwnedFd::from(listener.try_clone().unwrap()));
    let no_listener = "socket 1 of those handed over (LISTEN_FDS) is no listening TCP socket";
    fails(&[], tcp(), 3, "3 sockets were handed over (LISTEN_FDS): lobbyd takes two at most");
    // As many as no list could hold.
    let many = run(folder.path(), &[("LISTEN_FDS", "18446744073709551615")], &[]);
    let error = String::from_utf8(many.stderr).unwrap();
    assert_eq!((many.status.code(), error.lines().count()), (Some(1), 1), "{error}");
    assert!(error.starts_with("lobbyd: 18446744073709551615 sockets were handed over"), "{error}");
    fails(&[], Stdio::null(), 1, no_listener);
    let unix = UnixListener::bind(folder.join("socket")).unwrap();
    fails(&[], OwnedFd::from(unix).into(), 1, no_listener);
    let udp = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    fails(&[], OwnedFd::from(udp).into(), 1, no_listener);
    let connected = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    fails(&[], OwnedFd::from(connected).into(), 1, no_listener);
    // Whoever connects to a socket for TLS would wait for a handshake that never comes.
    fails(&[], tcp(), 2, "certs/server.crt");
}
