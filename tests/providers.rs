//! Rox by a server that speaks OpenAI's chat completions.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread;

use openssl::ssl::{SslAcceptor, SslFiletype, SslMethod};

use crate::gemini::{Answer, Gemini};
use crate::harness::{Folder, Server, run};

/// An event of such a stream.
pub(crate) fn chunk(delta: &str, reason: Option<&str>) -> Vec<u8> {
    let json = serde_json::json!({
        "choices": [{ "index": 0, "delta": { "content": delta }, "finish_reason": reason }],
    });
    format!("data: {json}\n\n").into_bytes()
}

fn start(model: &Gemini, more: &[(&str, &str)]) -> Server {
    let url = format!("{}/v1/", model.url);
    let env = [("AI_BASE_URL", url.as_str()), ("AI_MODEL", "llama3.2:1b"), ("CHAT_COLOR", "off")];
    Server::start(&[&env, more].concat())
}

#[test]
fn a_server_without_a_key_answers_and_a_wish_that_it_refuses_is_not_repeated() {
    let model = Gemini::start();
    let refused = r#"{"detail":[{"type":"extra_forbidden","loc":["body","stream_options"]}]}"#;
    model.then(Answer::Status(422, refused.to_owned()));
    for answer in ["one", "two"] {
        let done = b"data: [DONE]\n\n".to_vec();
        model.then(Answer::Stream(vec![
            chunk("**", None),
            chunk(answer, None),
            chunk("**", Some("stop")),
            done,
        ]));
    }
    let server = start(&model, &[]);
    let mut alice = server.login("alice");
    for answer in ["one", "two"] {
        alice.send("/ai count");
        alice.expect(&format!("[AI Response to alice]\n  {answer}\n> "));
    }
    let requests = model.requests();
    assert_eq!(requests.len(), 3);
    for request in &requests {
        assert!(
            request.head.starts_with("POST /v1/chat/completions HTTP/1.1\r\n"),
            "{}",
            request.head
        );
        assert!(!request.head.to_ascii_lowercase().contains("authorization"));
        assert_eq!(request.body["model"], "llama3.2:1b");
        assert_eq!(request.body["stream"], true);
        assert!(request.body.get("max_tokens").is_none());
    }
    let wishes: Vec<_> =
        requests.iter().map(|request| request.body.get("stream_options").is_some()).collect();
    assert_eq!(wishes, [true, false, false]);
    let messages = requests[2].body["messages"].as_array().unwrap();
    let roles: Vec<_> = messages.iter().map(|one| one["role"].as_str().unwrap()).collect();
    assert_eq!(roles, ["system", "user", "assistant", "user"]);
}

#[test]
fn a_prompt_that_is_too_long_is_asked_once_more_with_half_of_the_conversation() {
    let model = Gemini::start();
    let mut server = start(&model, &[("AI_API_KEY", "sesame-1")]);
    let mut alice = server.login("alice");
    for number in 0..4 {
        model.then(Answer::Stream(vec![chunk(&format!("answer {number}."), Some("stop"))]));
        alice.send(&format!("/ai question {number}"));
        alice.expect(&format!("answer {number}.\n> "));
    }
    let long = r#"{"error":{"message":"maximum context length is 9 tokens, key sesame-1","code":"context_length_exceeded"}}"#;
    model.then(Answer::Status(400, long.to_owned()));
    model.then(Answer::Stream(vec![chunk("it fits", Some("stop"))]));
    alice.send("/ai once more");
    alice.expect("  it fits\n> ");
    let requests = model.requests();
    let turns: Vec<_> =
        requests.iter().map(|one| one.body["messages"].as_array().unwrap().len()).collect();
    assert_eq!(turns[4..], [10, 6], "system text, conversation and question");
    for _ in 0..2 {
        model.then(Answer::Status(400, long.to_owned()));
    }
    alice.send("/ai and again");
    alice.expect("AI Error: Your prompt is invalid.\n> ");
    assert_eq!(model.requests().len(), 8, "asked once more and no oftener");
    assert!(requests[0].head.contains("Bearer sesame-1"));
    server.wait_for_log("maximum context length");
    assert!(!server.log().contains("sesame-1"), "{}", server.log());
}

#[test]
fn rows_of_a_paragraph_are_shown_when_they_are_full_and_the_last_when_it_ends() {
    let model = Gemini::start();
    let cue = model.then_on_cue();
    let server = start(&model, &[]);
    let (mut alice, mut bob) = (server.login("alice"), server.login("bob"));
    alice.send("/ai go on");
    cue.send(chunk(
        "The first row of it is written down here, and it goes on and on until it is ",
        None,
    ))
    .unwrap();
    cue.send(chunk("full, and then there is ", None)).unwrap();
    for who in [&mut alice, &mut bob] {
        who.expect("[AI Response to alice]\n  The first row of it is written");
        who.expect("\n> ");
    }
    bob.send("wait");
    alice.expect("wait\n> ");
    cue.send(chunk("a second one.", Some("length"))).unwrap();
    let saw = alice.expect("  … (cut)\n> ");
    assert!(saw.contains("[AI Response to alice, continued]\n  "), "{saw}");
    assert!(saw.contains("a second one.\n") && !saw.contains("The first"), "{saw}");
}

/// Answers each request over TLS with the certificate in this folder, by a body that ends with the connection. The
/// port is given.
fn over_tls(folder: &Folder) -> u16 {
    let mut acceptor = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls_server()).unwrap();
    acceptor.set_certificate_chain_file(folder.join("certs/server.crt")).unwrap();
    acceptor.set_private_key_file(folder.join("certs/server.key"), SslFiletype::PEM).unwrap();
    let acceptor = acceptor.build();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for tcp in listener.incoming() {
            // Whoever does not trust the certificate goes again.
            let Ok(mut tls) = acceptor.accept(tcp.unwrap()) else { continue };
            let (mut request, mut some) = (Vec::new(), [0; 4096]);
            while !request.ends_with(b"}") {
                let count = tls.read(&mut some).unwrap();
                request.extend_from_slice(&some[..count]);
            }
            assert!(request.starts_with(b"POST /v1/chat/completions HTTP/1.1\r\n"));
            let head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n";
            let text = [&head[..], &chunk("by wire", None), &chunk("", Some("stop"))].concat();
            tls.write_all(&text).unwrap();
            let _ = tls.shutdown();
        }
    });
    port
}

#[test]
fn a_provider_is_spoken_to_over_tls_where_its_certificate_is_trusted() {
    let folder = Folder::new();
    assert!(run(folder.path(), &[], &["gen-cert"]).status.success());
    let url = format!("https://localhost:{}/v1", over_tls(&folder));
    let cert = folder.join("certs/server.crt");
    let env = [("AI_BASE_URL", url.as_str()), ("AI_MODEL", "x")];
    let trusted = [&env[..], &[("SSL_CERT_FILE", cert.to_str().unwrap())]].concat();
    let server = Server::start(&trusted);
    server.login("alice").ask("/ai hello", "[AI Response to alice]\n  by wire\n");
    let mut server = Server::start(&env);
    server.login("alice").ask("/ai hello", "AI Error: Please try again later.");
    server.wait_for_log("certificate verify failed");
}
