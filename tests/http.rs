//! Asks the operator's listener over HTTP.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

use crate::harness::{PAGE, PATIENCE, Server};
use crate::over::Place;

pub(crate) const ADMIN: (&str, &str) = ("CHAT_ADMIN_ADDR", "127.0.0.1:0");

/// An answer over HTTP.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }
}

/// The port of the operator's listener.
pub(crate) fn admin_port(server: &Server) -> u16 {
    server.port_after("Admin:").unwrap()
}

/// The port of the page.
pub(crate) fn web_port(server: &Server) -> u16 {
    server.port_after(PAGE).unwrap()
}

pub(crate) fn connect(port: u16) -> TcpStream {
    let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// All that is answered to these bytes until the connection is closed.
pub(crate) fn exchange(port: u16, bytes: &[u8]) -> String {
    let mut stream = connect(port);
    Place::of(&stream).used();
    // It may be closed before it has taken all.
    let _ = stream.write_all(bytes);
    let _ = stream.shutdown(Shutdown::Write);
    let mut all = Vec::new();
    let _ = stream.read_to_end(&mut all);
    String::from_utf8_lossy(&all).into_owned()
}

pub(crate) fn parse(text: &str) -> Answer {
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no head: {text:?}"));
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Answer { status, head: head.to_owned(), body: body.to_owned() }
}

/// A request with these headers, each ended by CR LF.
pub(crate) fn request(port: u16, method: &str, path: &str, headers: &str, body: &[u8]) -> Answer {
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}Content-Length: {}\r\n\r\n",
        body.len()
    );
    parse(&exchange(port, &[head.as_bytes(), body].concat()))
}

pub(crate) fn ask(port: u16, method: &str, path: &str) -> Answer {
    request(port, method, path, "", b"")
}

pub(crate) fn get(server: &Server, path: &str) -> Answer {
    ask(admin_port(server), "GET", path)
}

/// Waits until a path is answered as it should be.
pub(crate) fn wait_for(port: u16, path: &str, holds: impl Fn(&Answer) -> bool) -> Answer {
    let start = Instant::now();
    loop {
        let answer = ask(port, "GET", path);
        if holds(&answer) {
            return answer;
        }
        assert!(start.elapsed() < PATIENCE, "{path}: {} {}", answer.status, answer.body);
        std::thread::sleep(Duration::from_millis(20));
    }
}
