//! A server that answers as the Gemini API does, by a script.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::harness::Server;

/// What to do with one request.
pub(crate) enum Answer {
    /// Send these bytes piece by piece as a chunked body of status 200, and end it well.
    Stream(Vec<Vec<u8>>),
    /// The same, but break the connection off after them.
    BreakOff(Vec<Vec<u8>>),
    /// Send each piece when the test says so; the stream ends when the test drops its end.
    OnCue(Receiver<Vec<u8>>),
    /// This status and body.
    Status(u16, String),
    /// A redirect to somewhere else.
    Redirect(String),
    /// Say nothing at all.
    Silence,
}

/// A request that came in.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub head: String,
    pub body: Value,
}

impl Request {
    /// The texts of `contents`, each with its role.
    pub(crate) fn turns(&self) -> Vec<(String, String)> {
        let text = |turn: &Value| {
            let role = turn["role"].as_str().unwrap().to_owned();
            (role, turn["parts"][0]["text"].as_str().unwrap().to_owned())
        };
        self.body["contents"].as_array().unwrap().iter().map(text).collect()
    }

    /// The newest turn.
    pub(crate) fn newest(&self) -> String {
        self.turns().pop().unwrap().1
    }

    pub(crate) fn system(&self) -> &str {
        self.body["system_instruction"]["parts"][0]["text"].as_str().unwrap()
    }
}

/// The server. Requests beyond the script are answered with status 500.
pub(crate) struct Gemini {
    pub url: String,
    script: Arc<Mutex<VecDeque<Answer>>>,
    requests: Arc<Mutex<Vec<Request>>>,
}

impl Gemini {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let script = Arc::new(Mutex::new(VecDeque::new()));
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (s, r) = (script.clone(), requests.clone());
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (s, r) = (s.clone(), r.clone());
                thread::spawn(move || serve(stream, &s, &r));
            }
        });
        Self { url, script, requests }
    }

    /// The settings of a server that asks it.
    pub(crate) fn env(&self) -> [(&'static str, &str); 2] {
        [("GEMINI_API_KEY", "test-key-123"), ("GEMINI_BASE_URL", &self.url)]
    }

    pub(crate) fn then(&self, answer: Answer) {
        self.script.lock().unwrap().push_back(answer);
    }

    /// The next answer streams what is sent through this.
    pub(crate) fn then_on_cue(&self) -> Sender<Vec<u8>> {
        let (cue, pieces) = channel();
        self.then(Answer::OnCue(pieces));
        cue
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }
}

/// A server that asks it, with these settings besides.
pub(crate) fn start(gemini: &Gemini, more: &[(&str, &str)]) -> Server {
    Server::start(&[&gemini.env(), more].concat())
}

/// An event with a piece of text.
pub(crate) fn text(text: &str) -> Vec<u8> {
    let json = serde_json::json!({
        "candidates": [{ "content": { "parts": [{ "text": text }], "role": "model" }, "index": 0 }],
        "modelVersion": "gemini-2.5-flash",
    });
    format!("data: {json}\r\n\r\n").into_bytes()
}

/// The last event, with the reason to finish.
pub(crate) fn finish(reason: &str) -> Vec<u8> {
    let json = serde_json::json!({
        "candidates": [{ "content": { "parts": [{ "text": "" }] }, "finishReason": reason }],
        "usageMetadata": { "totalTokenCount": 12 },
    });
    format!("data: {json}\r\n\r\n").into_bytes()
}

/// A whole answer in one piece.
pub(crate) fn whole(answer: &str) -> Answer {
    Answer::Stream(vec![[text(answer), finish("STOP")].concat()])
}

fn serve(stream: TcpStream, script: &Mutex<VecDeque<Answer>>, requests: &Mutex<Vec<Request>>) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    while let Some(request) = read_request(&mut reader) {
        requests.lock().unwrap().push(request);
        let answer = script.lock().unwrap().pop_front();
        if !answer_one(&stream, answer) {
            return;
        }
    }
}

fn read_request(reader: &mut BufReader<TcpStream>) -> Option<Request> {
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if line == "\r\n" {
            break;
        }
        head.push_str(&line);
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(Request { head, body: serde_json::from_slice(&body).unwrap() })
}

/// Answers; false where the connection is over.
fn answer_one(stream: &TcpStream, answer: Option<Answer>) -> bool {
    let chunked = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\
                    Transfer-Encoding: chunked\r\n\r\n";
    let write = |bytes: &[u8]| { stream }.write_all(bytes).is_ok();
    let chunk = |bytes: &[u8]| {
        write(&[format!("{:x}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat())
    };
    match answer.unwrap_or(Answer::Status(500, "script is over".into())) {
        Answer::Stream(pieces) => {
            write(chunked);
            for piece in pieces {
                if !chunk(&piece) {
                    return false;
                }
                thread::sleep(Duration::from_millis(2));
            }
            write(b"0\r\n\r\n")
        }
        Answer::BreakOff(pieces) => {
            write(chunked);
            for piece in pieces {
                chunk(&piece);
            }
            thread::sleep(Duration::from_millis(50));
            false
        }
        Answer::OnCue(pieces) => {
            write(chunked);
            for piece in pieces {
                if !chunk(&piece) {
                    return false;
                }
            }
            write(b"0\r\n\r\n")
        }
        Answer::Status(status, body) => {
            let head =
                format!("HTTP/1.1 {status} Status\r\nContent-Length: {}\r\n\r\n", body.len());
            write((head + &body).as_bytes())
        }
        Answer::Redirect(to) => {
            let head = format!("HTTP/1.1 307 Moved\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n");
            write(head.as_bytes())
        }
        Answer::Silence => {
            // Held until the other end gives up.
            let _ = { stream }.read(&mut [0]);
            false
        }
    }
}
