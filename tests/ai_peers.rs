//! Rox, answered by programs that are not ours: llama.cpp's own server with a small language model, and llmock, which
//! has the faces of several providers and their faults. `tests/peers/install` installs them.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::ai::question;
use crate::clients::skip;
use crate::harness::{Client, PATIENCE, Server};
use crate::http;

/// How long a model may take for what it does within seconds where nothing else runs.
const SLOWEST: Duration = Duration::from_secs(90);

/// The folder of the list that the virtual environment has to fit, and of the script that starts a model.
const HERE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/peers");

/// The virtual environment. None where it is not there or is of another list, which is said; that is a failure where
/// it has to be there.
fn environment() -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = std::env::var_os("LOBBYD_AI_PEERS").unwrap_or_else(|| "target/peers".into());
    let folder = root.join(folder);
    let installed = std::fs::read(folder.join("requirements.txt")).ok();
    if installed == std::fs::read(Path::new(HERE).join("requirements.txt")).ok() {
        return Some(folder);
    }
    skip("programs that answer Rox (tests/peers/install)");
    None
}

/// A program in the place of a provider. Ends when dropped.
struct Peer {
    child: Child,
    port: u16,
    said: Arc<Mutex<String>>,
}

impl Peer {
    /// Starts one that says `running on http://127.0.0.1:PORT`.
    fn start(program: &Path, args: &[&str]) -> Self {
        let mut child = Command::new("sh")
            .args(["-c", "exec \"$0\" \"$@\" 2>&1"])
            .arg(program)
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let said = Arc::new(Mutex::new(String::new()));
        let (output, sink) = (BufReader::new(child.stdout.take().unwrap()), said.clone());
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                sink.lock().unwrap().push_str(&format!("{line}\n"));
            }
        });
        let mut peer = Self { child, port: 0, said };
        peer.wait("it runs", |peer| {
            let said = peer.said();
            let (_, rest) = said.split_once("running on http://127.0.0.1:")?;
            let (digits, _) = rest.split_once(|c: char| !c.is_ascii_digit())?;
            peer.port = digits.parse().ok()?;
            Some(())
        });
        peer
    }

    /// The server of llama.cpp, with answers of at most so many tokens.
    fn llama(tokens: i32) -> Option<Self> {
        let script = Path::new(HERE).join("llama.py");
        let args = [script.to_str().unwrap(), &tokens.to_string()];
        Some(Self::start(&environment()?.join("bin/python"), &args))
    }

    /// Llmock, with a pause between two pieces of a stream.
    fn llmock(pause_millis: u32) -> Option<Self> {
        let pause = pause_millis.to_string();
        let args = ["serve", "--port", "0", "--stream-chunk-delay-ms", &pause];
        Some(Self::start(&environment()?.join("bin/llmock"), &args))
    }

    fn said(&self) -> String {
        self.said.lock().unwrap().clone()
    }

    /// Waits until there is something.
    #[track_caller]
    fn wait<T>(&mut self, what: &str, mut find: impl FnMut(&mut Self) -> Option<T>) -> T {
        let start = Instant::now();
        loop {
            if let Some(found) = find(self) {
                return found;
            }
            let ended = self.child.try_wait().unwrap();
            assert!(
                start.elapsed() < SLOWEST && ended.is_none(),
                "not so: {what} ({ended:?})\n{}",
                self.said()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn exchange(&self, method: &str, path: &str, body: &str) -> Value {
        let length = body.len();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
             Content-Length: {length}\r\n\r\n{body}"
        );
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        let answer = http::parse(&text);
        assert!(answer.status < 300, "{text}");
        serde_json::from_str(&answer.body).unwrap_or_else(|e| panic!("{e}: {text}"))
    }

    /// Whether llama.cpp is at work on an answer.
    fn is_at_work(&self) -> bool {
        self.exchange("GET", "/slots", "")[0]["is_processing"].as_bool().unwrap()
    }

    /// What llmock is to do with the next request.
    fn then(&self, behaviors: Value) {
        self.exchange("POST", "/_llmock/scenario", &json!({ "behaviors": behaviors }).to_string());
    }

    /// What llmock was asked, and how that went.
    fn requests(&self) -> Vec<Value> {
        self.exchange("GET", "/_llmock/requests", "")["requests"].as_array().unwrap().clone()
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A server that asks whoever speaks OpenAI's chat completions at a path of a peer.
fn asking(peer: &Peer, path: &str, more: &[(&str, &str)]) -> Server {
    let url = format!("http://127.0.0.1:{}{path}", peer.port);
    let mut env = vec![("AI_BASE_URL", url.as_str()), ("AI_MODEL", "small")];
    env.extend(more);
    Server::start(&env)
}

/// One that asks a peer as Gemini.
fn asking_gemini(peer: &Peer, more: &[(&str, &str)]) -> Server {
    let url = format!("http://127.0.0.1:{}/gemini", peer.port);
    let mut env = vec![("GEMINI_API_KEY", "test-key"), ("GEMINI_BASE_URL", url.as_str())];
    env.extend(more);
    Server::start(&env)
}

/// One that asks a language model, which may take long where much else runs.
fn asking_a_model(peer: &Peer) -> Server {
    asking(peer, "/v1", &[("AI_TIMEOUT_SECS", "90")])
}

/// Waits as long as a model may take.
#[track_caller]
fn expect_slowly(client: &mut Client, want: &str) -> String {
    let start = Instant::now();
    while !client.rest().contains(want) && start.elapsed() < SLOWEST {
        client.read_some();
    }
    client.expect(want)
}

/// Two in a lobby with a prompt that is read faster than the whole of who Rox is.
fn in_a_lobby(server: &Server) -> (Client, Client) {
    let (mut alice, mut bob) = (server.login("alice"), server.login("bob"));
    alice.ask("/create den no-pass x", "Created");
    alice.ask("/join den", "Joined lobby 'den'");
    alice.ask("/setai You answer questions in one sentence.", "AI prompt updated!");
    bob.ask("/join den", "Joined lobby 'den'");
    alice.expect("bob has joined the lobby\n> ");
    (alice, bob)
}

#[test]
fn a_language_model_answers_the_lobby_and_its_tokens_are_counted() {
    let Some(mut peer) = Peer::llama(48) else { return };
    let server = asking_a_model(&peer);
    let (mut alice, mut bob) = in_a_lobby(&server);
    question(&mut alice, "What is the capital of France?");
    for client in [&mut alice, &mut bob] {
        expect_slowly(client, "[AI Response to alice]\n  ");
        let answer = expect_slowly(client, "\n> ");
        assert!(answer.contains("Paris"), "{answer}");
    }
    // What llama.cpp itself says of question and answer, some time after them.
    let timing = |peer: &mut Peer, what: &str| {
        let said = peer.said();
        let line = said.lines().find(|line| line.contains(what) && line.contains(" tokens"))?;
        let (before, _) = line.split_once(" tokens")?;
        before.rsplit(' ').next()?.parse::<u64>().ok()
    };
    let [of_question, of_answer] = ["prompt eval time", "       eval time"]
        .map(|what| peer.wait(what, |peer| timing(peer, what)));
    let counted = of_question + of_answer;
    // The last row is shown before the report of the tokens is there.
    let usage = |_: &mut Peer| {
        alice.send("/ai usage");
        alice.expect("  You this hour: 1 of 20 questions, ");
        let tokens: u64 = alice.expect(" tokens\n").parse().unwrap();
        (tokens > 0).then_some(tokens)
    };
    let tokens = peer.wait("the tokens are counted", usage);
    assert!(tokens.abs_diff(counted) <= 1, "{tokens} of {counted}\n{}", peer.said());
    // What is too long for it is shown as cut.
    question(&mut bob, "Write a long story about a lighthouse, a storm and a cat.");
    expect_slowly(&mut alice, "[AI Response to bob]\n  ");
    expect_slowly(&mut alice, "  … (cut)\n> ");
}

#[test]
fn an_answer_of_a_language_model_is_streamed_and_stopped_where_it_is_made() {
    // Without an end it goes on for minutes.
    let Some(mut peer) = Peer::llama(-1) else { return };
    let server = asking_a_model(&peer);
    let (mut alice, mut bob) = in_a_lobby(&server);
    question(&mut alice, "Write a long story about a lighthouse, a storm and a cat.");
    // A row is there while the model still writes.
    expect_slowly(&mut bob, "[AI Response to alice]\n  ");
    bob.expect("\n");
    assert!(peer.is_at_work(), "{}", peer.said());
    bob.ask("/ai stop", "Only the asker or an operator can do that.\n> ");
    assert!(peer.is_at_work(), "{}", peer.said());
    alice.send("/ai stop");
    bob.expect("… (stopped)\n");
    let idle = |peer: &mut Peer| (!peer.is_at_work()).then_some(());
    peer.wait("the model has stopped", idle);
    let cancelled = |peer: &mut Peer| peer.said().contains("cancel task").then_some(());
    peer.wait("its connection has ended", cancelled);
}

#[test]
fn a_language_model_sums_up_what_one_missed_for_them_alone() {
    let Some(peer) = Peer::llama(64) else { return };
    let server = asking_a_model(&peer);
    let (mut alice, mut bob) = in_a_lobby(&server);
    for line in ["The deploy is moved to Friday.", "The database needs a new disk before that."] {
        bob.ask(line, &format!("╰─> {line}\n> "));
        alice.expect(&format!("╰─> {line}\n> "));
    }
    alice.ask("/catchup", "[AI] Thinking...\n> ");
    expect_slowly(&mut alice, "[AI summary for you, may be wrong]\n  ");
    let summary = expect_slowly(&mut alice, "\n> ");
    assert!(summary.chars().any(char::is_alphabetic), "{summary}");
    alice.ask("/catchup", "Once in 10 minutes. Wait 10 minutes.\n> ");
    assert!(!bob.sync("bob").contains("AI summary"), "told to the asker alone");
}

/// Asks for an answer of two rows, then once more in the same conversation.
fn talk(peer: &Peer, server: &Server) {
    let (mut alice, mut bob) = (server.login("alice"), server.login("bob"));
    alice.expect("bob has joined the lobby\n> ");
    peer.then(json!([{ "type": "reply", "text": "A **lock** it is.\nReally: 日本 👩‍👩‍👧." }]));
    question(&mut alice, "What is a mutex?");
    for client in [&mut alice, &mut bob] {
        client.expect("[AI Response to alice]\n  A lock it is.\n");
        client.expect("  Really: 日本 👩‍👩‍👧.\n> ");
    }
    peer.then(json!([{ "type": "reply", "text": "One holds it." }]));
    question(&mut bob, "And what then?");
    alice.expect("[AI Response to bob]\n  One holds it.\n> ");
}

#[test]
fn servers_with_the_chat_completions_of_others_answer() {
    let Some(peer) = Peer::llmock(0) else { return };
    let faces = [("/v1", "openai"), ("/groq/openai/v1/", "groq"), ("/mistral/v1", "mistral")];
    for (path, name) in faces {
        let before = peer.requests().len();
        talk(&peer, &asking(&peer, path, &[("AI_API_KEY", "test-key")]));
        let requests = peer.requests().split_off(before);
        assert_eq!(requests.len(), 2, "asked once for each: {requests:?}");
        for (request, turns) in requests.iter().zip([2, 4]) {
            assert_eq!(request["provider"], name);
            assert_eq!(request["model"], "small");
            assert_eq!(request["status"], 200);
            assert_eq!(request["body"]["messages"].as_array().unwrap().len(), turns);
        }
    }
}

#[test]
fn so_does_a_server_with_the_api_of_gemini() {
    let Some(peer) = Peer::llmock(0) else { return };
    talk(&peer, &asking_gemini(&peer, &[]));
    let requests = peer.requests();
    assert_eq!(requests.len(), 2, "asked once for each: {requests:?}");
    for (request, turns) in requests.iter().zip([1, 3]) {
        assert_eq!(request["provider"], "gemini");
        assert_eq!(request["status"], 200);
        assert_eq!(request["body"]["contents"].as_array().unwrap().len(), turns);
    }
}

const LATER: &str = "AI Error: Please try again later.\n> ";
const LIMITED: &str = "AI Error: Rate limit reached. Please wait and try again.\n> ";
const QUOTA: &str = "AI Error: Quota reached. Try later.\n> ";
const PROMPT: &str = "AI Error: Your prompt is invalid.\n> ";
const SETUP: &str = "AI Error: The server's AI is not set up right.\n> ";

/// Has each fault happen, and looks at what the asker and the lobby are told; `limited` is for status 429 alone.
fn fail(peer: &Peer, server: &Server, limited: &str) {
    let (mut alice, mut bob) = (server.login("alice"), server.login("bob"));
    alice.expect("bob has joined the lobby\n> ");
    let refusals = [
        (json!({ "type": "fail", "status": 429 }), limited),
        (
            json!({ "type": "fail", "status": 429, "code": "insufficient_quota",
                    "message": "You exceeded your current quota." }),
            QUOTA,
        ),
        (json!({ "type": "fail", "status": 401 }), SETUP),
        (json!({ "type": "fail", "status": 403 }), SETUP),
        (json!({ "type": "fail", "status": 400 }), PROMPT),
        (json!({ "type": "fail", "status": 500 }), LATER),
        (json!({ "type": "fail", "status": 503 }), LATER),
    ];
    for (fault, told) in refusals {
        peer.then(json!([fault]));
        question(&mut alice, "well?");
        alice.expect(told);
    }
    let text = "The first row.\nThe second row, which is longer than what comes of it here.";
    for kind in ["truncate", "malformed", "disconnect", "stall"] {
        let fault = json!({ "type": "stream_fault", "kind": kind, "after_chunks": 6 });
        peer.then(json!([{ "type": "reply", "text": text }, fault]));
        question(&mut alice, "well?");
        // The fault is between the rows or in the second: what had been shown stays, with the mark.
        alice.expect("[AI Response to alice]\n  The first row.\n");
        alice.expect("  … (stopped)\n> ");
        alice.expect(LATER);
        bob.expect("[AI Response to alice]\n  The first row.\n");
        let rest = bob.expect("  … (stopped)\n> ");
        assert!(!rest.contains("of it here"), "{kind}: {rest}");
    }
    // None of them leaves a trace in the conversation, and the chat goes on.
    peer.then(json!([{ "type": "reply", "text": "All is well." }]));
    question(&mut alice, "and now?");
    alice.expect("[AI Response to alice]\n  All is well.\n> ");
    assert!(!bob.sync("bob").contains("AI Error"), "told to the asker alone");
    let newest = peer.requests().pop().unwrap()["body"].to_string();
    assert!(newest.contains("alice asked: and now?") && !newest.contains("well?"), "{newest}");
}

/// Short, for streams that stall.
const PATIENT: (&str, &str) = ("AI_TIMEOUT_SECS", "3");

#[test]
fn faults_of_chat_completions_are_told_to_the_asker_and_mark_what_was_shown() {
    let Some(peer) = Peer::llmock(0) else { return };
    fail(&peer, &asking(&peer, "/v1", &[("AI_API_KEY", "test-key"), PATIENT]), LIMITED);
    fail(&peer, &asking(&peer, "/mistral/v1", &[PATIENT]), LIMITED);
}

#[test]
fn so_are_those_of_the_api_of_gemini() {
    let Some(peer) = Peer::llmock(0) else { return };
    // Its status 429 says RESOURCE_EXHAUSTED.
    fail(&peer, &asking_gemini(&peer, &[PATIENT]), QUOTA);
}

#[test]
fn stopping_an_answer_ends_the_request() {
    let Some(peer) = Peer::llmock(200) else { return };
    let server = asking(&peer, "/v1", &[]);
    let mut alice = server.login("alice");
    peer.then(json!([{ "type": "reply", "text": "word ".repeat(100) + "\nend" }]));
    question(&mut alice, "Go on!");
    // A full row is shown before the paragraph ends.
    alice.expect("[AI Response to alice]\n  word word");
    alice.ask("/ai stop", "… (stopped)\n");
    // Llmock waits for what is under way before it tells.
    let request = peer.requests().pop().unwrap();
    assert_eq!(request["completed"], false, "{request}");
    assert_eq!(request["fault"], Value::Null, "{request}");
    assert!(request["chunks_sent"].as_u64().unwrap() < 90, "{request}");
}
