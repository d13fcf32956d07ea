//! A client of the page's WebSocket, as a browser is one, written by hand so that it can also do what no
//! browser does.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::harness::{PATIENCE, Server};
use crate::http::web_port;
use crate::over::Place;

pub(crate) const WEB: (&str, &str) = ("CHAT_WEB_ADDR", "127.0.0.1:0");

/// What has come in a frame.
#[derive(Debug, PartialEq)]
pub(crate) enum Frame {
    Event(Value),
    Ping,
    Pong(Vec<u8>),
    Close(u16, String),
}

/// The page's side of a WebSocket.
pub(crate) struct Socket {
    pub(crate) tcp: TcpStream,
    bytes: Vec<u8>,
    pub(crate) ended: bool,
    place: Place,
}

/// A handshake with these headers besides those that each has.
pub(crate) fn handshake(port: u16, more: &str) -> String {
    format!(
        "GET /ws HTTP/1.1\r\nHost: localhost:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{more}\r\n"
    )
}

/// A frame as a client sends it.
pub(crate) fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let key = [7, 99, 200, 31];
    let mut bytes = vec![first];
    match u8::try_from(payload.len()) {
        Ok(short @ 0..=125) => bytes.push(0x80 | short),
        _ => {
            bytes.push(0x80 | 126);
            bytes.extend(u16::try_from(payload.len()).unwrap().to_be_bytes());
        }
    }
    bytes.extend(key);
    bytes.extend(payload.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key));
    bytes
}

impl Socket {
    /// One whose handshake is over.
    pub(crate) fn open(server: &Server) -> Self {
        Self::open_at(web_port(server))
    }

    pub(crate) fn open_at(port: u16) -> Self {
        let mut tcp = TcpStream::connect(("127.0.0.1", port)).unwrap();
        tcp.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
        let place = Place::of(&tcp);
        place.used();
        let origin = format!("Origin: http://localhost:{port}\r\n");
        tcp.write_all(handshake(port, &origin).as_bytes()).unwrap();
        let mut socket = Self { tcp, bytes: Vec::new(), ended: false, place };
        let end = socket.wait(|bytes| {
            bytes.windows(4).position(|window| window == b"\r\n\r\n").map(|at| at + 4)
        });
        let head: Vec<u8> = socket.bytes.drain(..end).collect();
        let head = String::from_utf8(head).unwrap();
        assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
        assert!(head.contains("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), "{head}");
        socket
    }

    /// One whose guest is in, and has been told where.
    pub(crate) fn login(server: &Server, name: &str) -> Self {
        let mut socket = Self::open(server);
        socket.send(name);
        socket.in_lobby("general");
        socket.expect("lobbies");
        socket
    }

    /// Waits until it is told that it is in a lobby, and who is there, and gives the roster.
    #[track_caller]
    pub(crate) fn in_lobby(&mut self, lobby: &str) -> Value {
        assert_eq!(self.expect("ready")["lobby"], lobby);
        let roster = self.expect("roster");
        assert_eq!(roster["lobby"], lobby);
        roster
    }

    pub(crate) fn send_raw(&mut self, bytes: &[u8]) {
        self.place.used();
        self.tcp.write_all(bytes).unwrap();
    }

    pub(crate) fn send(&mut self, text: &str) {
        self.send_raw(&frame(0x81, text.as_bytes()));
    }

    pub(crate) fn say(&mut self, text: &str) {
        self.send(&serde_json::json!({ "say": text }).to_string());
    }

    /// Number and text of what was said after a message, and how many the end of the answer counts.
    #[track_caller]
    pub(crate) fn since(&mut self, id: u64) -> (Vec<(u64, Value)>, Value) {
        self.send(&serde_json::json!({ "since": id }).to_string());
        let all = self.until("ready");
        let said = all.iter().filter(|event| event["event"] == "message");
        let said = said.map(|event| (event["id"].as_u64().unwrap(), event["text"].clone()));
        (said.collect(), all.last().unwrap()["count"].clone())
    }

    fn wait<T>(&mut self, mut found: impl FnMut(&[u8]) -> Option<T>) -> T {
        self.wait_within(PATIENCE, &mut found).unwrap_or_else(|| {
            panic!("nothing comes (ended: {}); there is {:?}", self.ended, self.bytes)
        })
    }

    fn wait_within<T>(
        &mut self,
        time: Duration,
        found: &mut impl FnMut(&[u8]) -> Option<T>,
    ) -> Option<T> {
        let start = Instant::now();
        loop {
            if let Some(found) = found(&self.bytes) {
                return Some(found);
            }
            if self.ended || start.elapsed() > time {
                return None;
            }
            let mut chunk = [0; 16 * 1024];
            match self.tcp.read(&mut chunk) {
                Ok(0) => self.ended = true,
                Ok(count) => self.bytes.extend_from_slice(&chunk[..count]),
                Err(error)
                    if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
                Err(_) => self.ended = true,
            }
        }
    }

    /// The next frame; none where the connection has ended.
    pub(crate) fn next_frame(&mut self) -> Option<Frame> {
        self.frame_within(PATIENCE)
    }

    pub(crate) fn frame_within(&mut self, time: Duration) -> Option<Frame> {
        let mut whole = |bytes: &[u8]| {
            let second = *bytes.get(1)?;
            assert_eq!(second & 0x80, 0, "a server masks nothing");
            let (from, len) = match second {
                126 => (4, u16::from_be_bytes(bytes.get(2..4)?.try_into().unwrap()).into()),
                127 => (10, u64::from_be_bytes(bytes.get(2..10)?.try_into().unwrap())),
                short => (2, short.into()),
            };
            let end = from + usize::try_from(len).unwrap();
            (bytes.len() >= end).then_some((from, end))
        };
        let (from, end) = self.wait_within(time, &mut whole)?;
        let bytes: Vec<u8> = self.bytes.drain(..end).collect();
        let payload = &bytes[from..];
        Some(match bytes[0] {
            0x81 => Frame::Event(serde_json::from_slice(payload).unwrap()),
            0x88 if payload.is_empty() => Frame::Close(1005, String::new()),
            0x88 => {
                let code = u16::from_be_bytes([payload[0], payload[1]]);
                Frame::Close(code, String::from_utf8(payload[2..].to_vec()).unwrap())
            }
            0x89 => Frame::Ping,
            0x8A => Frame::Pong(payload.to_vec()),
            other => panic!("a frame of kind {other:x}"),
        })
    }

    /// The next event of this kind, whatever comes before it.
    #[track_caller]
    pub(crate) fn expect(&mut self, event: &str) -> Value {
        self.expect_that(event, |_| true)
    }

    /// The next of this kind of which something holds.
    #[track_caller]
    pub(crate) fn expect_that(&mut self, event: &str, holds: impl Fn(&Value) -> bool) -> Value {
        let mut others = Vec::new();
        loop {
            match self.next_frame() {
                Some(Frame::Event(value)) if value["event"] == event && holds(&value) => {
                    return value;
                }
                Some(Frame::Ping) => {}
                Some(Frame::Event(other)) => others.push(other),
                other => panic!("{event} does not come, but {other:?}, after {others:?}"),
            }
        }
    }

    /// All events up to the next of this kind, which is the last.
    #[track_caller]
    pub(crate) fn until(&mut self, event: &str) -> Vec<Value> {
        let mut all = Vec::new();
        loop {
            match self.next_frame() {
                Some(Frame::Event(value)) => {
                    let done = value["event"] == event;
                    all.push(value);
                    if done {
                        return all;
                    }
                }
                Some(Frame::Ping) => {}
                other => panic!("{event} does not come, but {other:?}, after {all:?}"),
            }
        }
    }

    /// How the connection is closed, whatever comes before that.
    #[track_caller]
    pub(crate) fn closed(&mut self) -> (u16, String) {
        loop {
            match self.next_frame() {
                Some(Frame::Close(code, reason)) => return (code, reason),
                Some(_) => {}
                None => panic!("it is not closed as it should be (ended: {})", self.ended),
            }
        }
    }
}
