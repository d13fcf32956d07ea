//! The page as a browser gets it, and the chat over its WebSocket.

use std::io::{Read, Write};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use socket2::{Domain, Type};

use crate::harness::{Folder, PATIENCE, Server, run};
use crate::http::{ADMIN, admin_port, ask, connect, exchange, parse, web_port};
use crate::people::{PASSWORD, logged_in_to, registered, restart, with_root};
use crate::socket::{Frame, Socket, WEB, frame, handshake};

fn web(more: &[(&str, &str)]) -> Server {
    Server::start(&[&[WEB], more].concat())
}

#[test]
fn the_files_of_the_page_are_served_with_what_keeps_it_to_itself() {
    let server = web(&[]);
    let port = web_port(&server);
    for (path, kind) in [
        ("/", "text/html; charset=utf-8"),
        ("/chat.js", "text/javascript; charset=utf-8"),
        ("/chat.css", "text/css; charset=utf-8"),
    ] {
        let answer = ask(port, "GET", path);
        assert_eq!(answer.status, 200, "{path}");
        assert_eq!(answer.header("content-type"), Some(kind), "{path}");
        assert!(
            answer.header("content-security-policy").unwrap().starts_with("default-src 'none'")
        );
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(answer.header("referrer-policy"), Some("no-referrer"));
        assert_eq!(answer.header("set-cookie"), None);
        assert_eq!(answer.header("cache-control"), Some("no-cache"));
        let tag = answer.header("etag").unwrap();
        let again = format!(
            "GET {path} HTTP/1.1\r\nHost: a\r\nIf-None-Match: \"x\", {tag}\r\nConnection: close\r\n\r\n"
        );
        let again = parse(&exchange(port, again.as_bytes()));
        assert_eq!((again.status, again.body.as_str()), (304, ""));
        let head = ask(port, "HEAD", path);
        assert_eq!((head.status, head.body.as_str()), (200, ""));
        let length = answer.body.len().to_string();
        assert_eq!(head.header("content-length"), Some(length.as_str()));
        let post = ask(port, "POST", path);
        assert_eq!((post.status, post.header("allow")), (405, Some("GET, HEAD")));
    }
    assert_eq!(ask(port, "GET", "/nothing").status, 404);
    assert_eq!(ask(port, "GET", "/../Cargo.toml").status, 404);
    assert_eq!(ask(port, "GET", "/ws").status, 426);
}

#[test]
fn one_in_the_page_and_one_in_a_terminal_talk() {
    let server = web(&[]);
    let mut bob = server.login("bob");
    let mut ann = Socket::open(&server);
    ann.send("ann");
    let first = ann.until("lobbies");
    let kinds: Vec<_> = first.iter().map(|event| event["event"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["join", "ready", "roster", "lobbies"], "nothing of a welcome, no replay");
    assert_eq!((&first[1]["user"], &first[1]["lobby"]), (&json!("ann"), &json!("general")));
    let users = first[2]["users"].as_array().unwrap();
    assert_eq!(users[0], json!({"name": "ann", "marks": ["you"]}));
    assert_eq!(users[1], json!({"name": "bob", "marks": []}));
    assert_eq!(first[3]["lobbies"][0]["name"], "general");
    bob.expect("[LOBBY] ann has joined the lobby");
    bob.send("hello");
    let heard = ann.expect("message");
    assert_eq!(
        (&heard["from"], &heard["text"], &heard["lobby"]),
        (&json!("bob"), &json!("hello"), &json!("general"))
    );
    ann.say("two\nrows");
    bob.expect("╰─> two\n      rows\n");
    let own = ann.expect("message");
    assert_eq!((&own["from"], &own["text"]), (&json!("ann"), &json!("two\nrows")));
    assert_eq!(own["id"].as_u64().unwrap(), heard["id"].as_u64().unwrap() + 1);
    // What a say has is always text.
    ann.say("/quit");
    bob.expect("╰─> /quit\n");
    ann.expect("message");
    ann.send(r#"{"command":"/me waves"}"#);
    assert_eq!(ann.expect("action")["text"], "waves");
    ann.send("a line like others");
    bob.expect("a line like others");
    bob.send("/msg ann psst");
    let direct = ann.expect("direct");
    assert_eq!(
        (&direct["from"], &direct["to"], &direct["text"]),
        (&json!("bob"), &json!("ann"), &json!("psst"))
    );
    ann.send("/r yes?");
    let direct = ann.expect("direct");
    assert_eq!((&direct["from"], &direct["to"]), (&json!("ann"), &json!("bob")));
    bob.expect("[DM] ann");
    bob.send("/undo");
    assert_eq!(ann.expect("undone")["id"], heard["id"]);
    for (text, event) in [
        ("/nonsense", "error"),
        ("{nonsense", "error"),
        (r#"{"command":"no command"}"#, "error"),
        ("/help", "notice"),
    ] {
        ann.send(text);
        assert!(ann.expect(event)["text"].is_string(), "{text}");
    }
    ann.send("/quit");
    assert_eq!(ann.closed(), (1000, "Disconnecting from server. Goodbye!".to_owned()));
    bob.expect("[LOBBY] ann has left the lobby");
}

#[test]
fn a_change_of_lobby_is_told_with_who_is_there_and_what_is_unread_elsewhere() {
    let server = web(&[]);
    let mut bob = server.login("bob");
    bob.ask("/create tea no-pass A quiet place", "Created");
    let mut ann = Socket::login(&server, "ann");
    ann.send("/join tea");
    let roster = ann.in_lobby("tea");
    assert_eq!(roster["users"], json!([{"name": "ann", "marks": ["you"]}]));
    bob.ask("while ann is away", "while ann is away\n> ");
    ann.send("/lobbies");
    let lobbies = ann.expect("lobbies");
    let tea = json!({
        "name": "tea", "users": 1, "private": false, "description": "A quiet place", "unread": 0,
    });
    assert_eq!((&lobbies["lobbies"][0]["unread"], &lobbies["lobbies"][1]), (&json!(1), &tea));
    bob.ask("/join tea", "You are bob in 'tea'");
    ann.expect("join");
    bob.ask("/topic Cake", "set the topic");
    assert_eq!(ann.expect("topic"), json!({"event": "topic", "lobby": "tea", "text": "Cake"}));
    ann.send("/join general");
    ann.in_lobby("general");
    ann.send("/join tea");
    let told = ann.until("roster");
    assert!(
        told.iter().any(|event| event["event"] == "topic" && event["text"] == "Cake"),
        "{told:?}"
    );
}

#[test]
fn an_account_is_asked_for_its_password_and_a_second_tab_takes_over() {
    let server = web(&[]);
    drop(registered(&server, "alice"));
    let mut first = Socket::open(&server);
    first.send("a");
    assert_eq!(first.expect("error")["text"], "Username too short (min 2 characters)");
    first.send("alice");
    first.expect("password");
    first.send("wrong password");
    assert_eq!(first.expect("error")["text"], "Wrong password.");
    first.expect("password");
    first.send(PASSWORD);
    first.in_lobby("general");
    let mut second = Socket::open(&server);
    second.send("alice");
    second.expect("password");
    second.send(PASSWORD);
    second.in_lobby("general");
    assert_eq!(first.closed(), (1008, "Logged in from elsewhere.".to_owned()));
    second.say("here now");
    assert_eq!(second.expect("message")["from"], "alice");
}

/// The status with which a handshake with these headers is answered.
fn status(port: u16, more: &str) -> u16 {
    let text = exchange(port, handshake(port, more).as_bytes());
    text.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or_default()
}

#[test]
fn only_the_page_itself_and_those_listed_may_connect() {
    let server = web(&[("CHAT_WEB_ORIGINS", "https://friend.example")]);
    let port = web_port(&server);
    for (origin, want) in [
        (String::new(), 403),
        ("Origin: null\r\n".to_owned(), 403),
        ("Origin: https://evil.example\r\n".to_owned(), 403),
        (format!("Origin: https://localhost:{port}\r\n"), 403),
        (format!("Origin: http://127.0.0.1:{port}\r\n"), 403),
        (format!("Origin: http://localhost:{port}\r\n"), 101),
        ("Origin: https://friend.example\r\n".to_owned(), 101),
    ] {
        assert_eq!(status(port, &origin), want, "{origin}");
    }
}

/// Texts of what was said after a message.
fn texts_since(socket: &mut Socket, id: u64) -> Vec<Value> {
    socket.since(id).0.into_iter().map(|(_, text)| text).collect()
}

#[test]
fn what_was_missed_comes_once_and_in_order_also_over_a_kill() {
    let mut server = web(&[]);
    let mut bob = server.login("bob");
    let mut ann = Socket::login(&server, "ann");
    bob.send("zero");
    let last = ann.expect("message")["id"].as_u64().unwrap();
    drop(ann);
    for text in ["one", "two", "three"] {
        bob.ask(text, &format!("╰─> {text}\n> "));
    }
    let mut ann = Socket::login(&server, "ann2");
    assert_eq!(texts_since(&mut ann, last), ["one", "two", "three"]);
    bob.send("four");
    let four = ann.expect("message")["id"].as_u64().unwrap();
    assert_eq!(four, last + 4);
    // What has come as it was said is none of what was missed.
    assert_eq!(texts_since(&mut ann, last), ["one", "two", "three"]);
    assert_eq!(texts_since(&mut ann, last + 2), ["three"]);
    assert_eq!(texts_since(&mut ann, four), [""; 0]);
    // Everything comes after nothing.
    assert_eq!(texts_since(&mut ann, 0), ["zero", "one", "two", "three"]);
    std::thread::sleep(Duration::from_secs(1));
    server.signal("KILL");
    server.wait();
    let server = Server::start_in(server.into_folder(), &[WEB]);
    let mut ann = Socket::login(&server, "ann");
    assert_eq!(texts_since(&mut ann, last), ["one", "two", "three", "four"]);
    ann.say("five");
    assert_eq!(ann.expect("message")["id"], four + 1);
    // Over JSON a message is named by its number.
    ann.send(&format!("/history 2 before {four}"));
    let texts: Vec<_> = [(); 2].map(|()| ann.expect("message")["text"].clone()).into();
    assert_eq!(texts, ["two", "three"]);
    ann.send("/search four");
    let found = ann.expect("message");
    assert_eq!((&found["found"], &found["id"]), (&json!(true), &json!(four)));
}

#[test]
fn frames_may_be_cut_anywhere_and_what_is_no_line_is_closed_with_its_code() {
    let server = web(&[]);
    let mut ann = Socket::open(&server);
    for byte in frame(0x81, b"ann") {
        ann.send_raw(&[byte]);
    }
    ann.in_lobby("general");
    ann.send_raw(
        &[frame(0x01, br#"{"say":"#), frame(0x89, b"there?"), frame(0x80, br#""whole"}"#)].concat(),
    );
    let mut seen = Vec::new();
    while seen.len() < 2 {
        match ann.next_frame() {
            Some(Frame::Pong(payload)) => seen.push(String::from_utf8(payload).unwrap()),
            Some(Frame::Event(event)) if event["event"] == "message" => {
                seen.push(event["text"].as_str().unwrap().to_owned());
            }
            Some(_) => {}
            None => panic!("{seen:?}"),
        }
    }
    assert_eq!(seen, ["there?", "whole"]);
    ann.send_raw(&frame(0x88, b"\x03\xE8"));
    assert_eq!(ann.closed(), (1000, String::new()));
    for (bytes, code) in [
        (frame(0x82, b"x"), 1003),
        (frame(0x81, &[b'x'; 8_193]), 1009),
        (vec![0x81, 1, b'x'], 1002),
        (frame(0x81, b"\xFF"), 1007),
        (frame(0xC1, b"x"), 1002),
    ] {
        let mut socket = Socket::open(&server);
        socket.send_raw(&bytes);
        let (got, reason) = socket.closed();
        assert_eq!(got, code, "{reason}");
        assert!(!reason.is_empty());
        assert_eq!(socket.next_frame(), None);
    }
    // What is read with the handshake is a part of the chat.
    let port = web_port(&server);
    let origin = format!("Origin: http://localhost:{port}\r\n");
    let at_once = [handshake(port, &origin).as_bytes(), &frame(0x81, b"eve")].concat();
    let mut stream = connect(port);
    stream.write_all(&at_once).unwrap();
    let (mut all, start) = (Vec::new(), Instant::now());
    while !String::from_utf8_lossy(&all).contains(r#""event":"ready","user":"eve""#) {
        let mut chunk = [0; 1_024];
        let count = stream.read(&mut chunk).unwrap();
        assert!(count > 0 && start.elapsed() < PATIENCE);
        all.extend_from_slice(&chunk[..count]);
    }
}

#[test]
fn limits_lists_and_a_drain_hold_as_on_any_listener() {
    let server = web(&[("CHAT_MAX_CONNECTIONS_PER_IP", "1")]);
    let port = web_port(&server);
    let origin = format!("Origin: http://localhost:{port}\r\n");
    let ann = Socket::login(&server, "ann");
    assert_eq!(status(port, &origin), 503);
    drop(ann);
    let server = web(&[("CHAT_MAX_CONNECTIONS", "1")]);
    let port = web_port(&server);
    let origin = format!("Origin: http://localhost:{port}\r\n");
    let _ann = Socket::login(&server, "ann");
    assert_eq!(status(port, &origin), 503);
    assert_eq!(ask(port, "GET", "/").status, 200, "a request takes no place");
    let server = web(&[("CHAT_CONNECTS_PER_MINUTE", "1")]);
    let port = web_port(&server);
    let origin = format!("Origin: http://localhost:{port}\r\n");
    let _ann = Socket::login(&server, "ann");
    assert_eq!(exchange(port, handshake(port, &origin).as_bytes()), "", "closed");
    let server = web(&[("CHAT_PROXY_FROM", "127.0.0.0/8"), ("CHAT_DENY", "192.0.2.0/24")]);
    let port = web_port(&server);
    let origin = format!("Origin: https://localhost:{port}\r\nX-Forwarded-Proto: https\r\n");
    for (forwarded, want) in [
        ("X-Forwarded-For: 192.0.2.7\r\n", 403),
        ("X-Forwarded-For: 198.51.100.7\r\n", 101),
        ("X-Forwarded-For: 192.0.2.7, 198.51.100.7\r\n", 101),
        ("X-Forwarded-For: evil\r\n", 400),
    ] {
        assert_eq!(status(port, &format!("{origin}{forwarded}")), want, "{forwarded}");
    }
    // From anybody else it says nothing.
    let server = web(&[("CHAT_DENY", "192.0.2.0/24")]);
    let port = web_port(&server);
    let origin = format!("Origin: http://localhost:{port}\r\nX-Forwarded-For: 192.0.2.7\r\n");
    assert_eq!(status(port, &origin), 101);
}

#[test]
fn who_may_not_connect_is_told_so_and_takes_few_places_for_it() {
    let mut server = web(&[("CHAT_DENY", "127.0.0.1/32")]);
    let port = web_port(&server);
    let origin = format!("Origin: http://localhost:{port}\r\n");
    assert_eq!(status(port, &origin), 403);
    let ask = || exchange(port, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    let told = parse(&ask());
    assert_eq!((told.status, told.body.as_str()), (403, "not allowed\n"));
    server.wait_for_log("refused 127.0.0.1: denied by CHAT_DENY");
    // Those that ask nothing keep their places for a while.
    let start = Instant::now();
    let mut silent = Vec::new();
    while !ask().is_empty() {
        assert!(start.elapsed() < PATIENCE, "all are told");
        silent.extend((0..32).map(|_| connect(port)));
    }
    drop(silent);
    while !ask().starts_with("HTTP/1.1 403 ") {
        assert!(start.elapsed() < PATIENCE, "nobody is told");
    }
}

#[test]
fn a_flood_of_handshakes_takes_nobody_a_place_for_good() {
    const PLACES: usize = 300;
    let server = web(&[("CHAT_MAX_CONNECTIONS_PER_IP", "300")]);
    let port = web_port(&server);
    let to = SocketAddr::from(([127, 0, 0, 1], port)).into();
    let handshake = handshake(port, &format!("Origin: http://localhost:{port}\r\n"));
    for _ in 0..4 {
        let flood: Vec<_> = (0..1_500)
            .map(|_| {
                let socket = socket2::Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
                socket.set_nonblocking(true).unwrap();
                // It goes on by itself.
                let _ = socket.connect(&to);
                socket
            })
            .collect();
        for socket in &flood {
            // One that is not connected yet only comes and goes.
            let _ = socket.send(handshake.as_bytes());
        }
    }
    let start = Instant::now();
    let mut open = Vec::new();
    while open.len() < PLACES {
        assert!(start.elapsed() < PATIENCE, "{} of {PLACES} places are left", open.len());
        let mut tcp = connect(port);
        tcp.write_all(handshake.as_bytes()).unwrap();
        let mut first = [0; 12];
        match tcp.read_exact(&mut first) {
            Ok(()) if &first == b"HTTP/1.1 101" => open.push(tcp),
            // Those of the flood are not all gone yet.
            _ => std::thread::sleep(Duration::from_millis(20)),
        }
    }
}

#[test]
fn slow_huge_and_broken_requests_are_bounded() {
    let server = web(&[]);
    let port = web_port(&server);
    let body = format!(
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9000000\r\n\r\n{}",
        "x".repeat(100_000)
    );
    assert_eq!(parse(&exchange(port, body.as_bytes())).status, 405);
    let chunked =
        "POST /hooks/x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nfffff\r\nx";
    assert!(parse(&exchange(port, chunked.as_bytes())).status >= 400);
    let many = "GET /chat.css HTTP/1.1\r\nHost: a\r\n\r\n".repeat(3);
    assert_eq!(
        exchange(port, many.as_bytes()).matches("HTTP/1.1 200").count(),
        3,
        "one after the other"
    );
    // One that begins a request and does not end it is told so, and gone.
    let mut slow = connect(port);
    slow.write_all(b"GET / HTTP/1.1\r\nHost").unwrap();
    let mut all = Vec::new();
    slow.read_to_end(&mut all).unwrap();
    let answer = parse(std::str::from_utf8(&all).unwrap());
    assert_eq!((answer.status, answer.body.as_str()), (408, "the request came too slowly\n"));
    assert_eq!(ask(port, "GET", "/").status, 200);
}

#[test]
fn whatever_is_no_request_is_told_so_in_a_line() {
    const NONE: &str = "this is no request of HTTP/1.1\n";
    const LONG: &str = "the head is too long or has too many fields\n";
    let server = web(&[ADMIN]);
    let long = "x".repeat(200_000);
    let cases = [
        ("nonsense\r\n\r\n".to_owned(), 400, NONE),
        ("no end of a line".to_owned(), 400, NONE),
        ("GET / HTTP/1.1\r\nHost: a\r\n".to_owned(), 400, NONE),
        ("GET / HTTP/9.9\r\nHost: a\r\n\r\n".to_owned(), 400, NONE),
        ("GET / HTTP/1.1\r\nHost : a\r\n\r\n".to_owned(), 400, NONE),
        ("GET / HTTP/1.1\r\nHost: a\0b\r\n\r\n".to_owned(), 400, NONE),
        (
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
                .to_owned(),
            400,
            NONE,
        ),
        (format!("GET /{long} HTTP/1.1\r\nHost: a\r\n\r\n"), 431, LONG),
        (format!("GET / HTTP/1.1\r\nHost: a\r\nX: {long}\r\n\r\n"), 431, LONG),
        (format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", "X: y\r\n".repeat(200)), 431, LONG),
        (long, 431, LONG),
    ];
    for port in [web_port(&server), admin_port(&server)] {
        for (request, status, line) in &cases {
            let answer = parse(&exchange(port, request.as_bytes()));
            let told = (answer.status, answer.body.as_str(), answer.header("Connection"));
            assert_eq!(told, (*status, *line, Some("close")), "{request:.60}");
        }
        // What was asked before it is answered first.
        let text = exchange(port, b"GET /nowhere HTTP/1.1\r\nHost: a\r\n\r\nnonsense\r\n\r\n");
        let (first, then) = text.split_once("not found\n").unwrap();
        assert_eq!((parse(first).status, parse(then).status), (404, 400));
    }
    // What is wrong behind the head of one that was answered has no answer of its own.
    let wrong = "POST /hooks/x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n\r\n";
    let text = exchange(web_port(&server), wrong.as_bytes());
    assert_eq!((parse(&text).status, text.matches("HTTP/1.1 ").count()), (404, 1), "{text}");
}

#[test]
fn a_flood_waits_and_is_told_so() {
    let server = web(&[
        ("CHAT_RATE_MESSAGES", "2"),
        ("CHAT_RATE_WINDOW_SECS", "1"),
        ("CHAT_RATE_HOLD", "40"),
    ]);
    let mut ann = Socket::login(&server, "ann");
    for number in 0..4 {
        ann.say(&format!("line {number}"));
    }
    let all = ann.until("held");
    let held = all.last().unwrap();
    assert_eq!(held["lines"], 2, "{all:?}");
    assert_eq!(ann.expect("message")["text"], "line 2\nline 3");
}

#[test]
fn texts_are_nothing_but_texts() {
    let server = web(&[]);
    let mut bob = server.login("bob");
    let mut ann = Socket::login(&server, "ann");
    for text in [
        r#""},{"event":"join","from":"root"#,
        "<script>alert(1)</script>",
        r"\u0022 \",
        "javascript:alert(1)",
    ] {
        bob.send(text);
        let heard = ann.expect("message");
        assert_eq!((&heard["text"], &heard["from"]), (&json!(text), &json!("bob")));
    }
    bob.send("\u{202e}evil\u{1b}[31m");
    assert_eq!(ann.expect("message")["text"], "evil");
}

#[test]
fn whoever_does_not_read_is_cut_off_and_the_others_go_on() {
    let mut server =
        web(&[("CHAT_OUTBOUND_LIMIT_BYTES", "4096"), ("CHAT_STALL_TIMEOUT_SECS", "1")]);
    let mut bob = server.login("bob");
    let deaf = Socket::login(&server, "deaf");
    socket2::SockRef::from(&deaf.tcp).set_recv_buffer_size(4_096).unwrap();
    let line = "x".repeat(900);
    for _ in 0..600 {
        bob.send(&line);
        bob.expect("\n> ");
    }
    server.wait_for_log("cut off: it does not read");
    bob.ask("still here", "still here\n> ");
}

#[test]
fn the_end_of_the_server_is_told_with_its_code() {
    let mut server = web(&[]);
    let mut named = Socket::login(&server, "ann");
    let mut nameless = Socket::open(&server);
    server.signal("TERM");
    for socket in [&mut named, &mut nameless] {
        assert_eq!(socket.closed(), (1001, "Server is shutting down. Goodbye!".to_owned()));
    }
    assert_eq!(server.wait(), 0);
}

#[test]
fn a_kick_from_general_closes_with_its_reason() {
    let server = restart(with_root(), &[WEB, ("CHAT_ADMINS", "root")]);
    let (mut root, _) = logged_in_to(&server, "root");
    let mut ann = Socket::login(&server, "ann");
    root.send("/kick ann");
    assert_eq!(ann.closed(), (1008, "You were kicked. Goodbye!".to_owned()));
}

#[test]
fn the_plain_port_tells_a_browser_where_the_page_is() {
    let server = web(&[]);
    let page = web_port(&server);
    for (host, at) in [("chat.example.org:8080", "chat.example.org"), ("<b>", "...")] {
        let request = format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n");
        let answer = parse(&exchange(server.port, request.as_bytes()));
        assert_eq!(answer.status, 400);
        let told = format!("on port {page}: http://{at}:{page}/\n");
        assert!(answer.body.ends_with(&told), "{}", answer.body);
    }
    let server = Server::start(&[]);
    let answer = parse(&exchange(server.port, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
    assert!(!answer.body.contains("page"), "{}", answer.body);
}

#[test]
fn tls_without_a_certificate_is_no_start() {
    let folder = Folder::new();
    let env = [WEB, ("CHAT_WEB_TLS", "on"), ("CHAT_ADDR", "127.0.0.1:0"), ("CHAT_TLS_ADDR", "off")];
    let output = run(folder.path(), &env, &[]);
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(text.contains("certs/server.crt"), "{text}");
}

#[test]
fn the_page_is_read_over_tls_where_that_is_wanted() {
    let folder = Folder::new();
    assert!(run(folder.path(), &[], &["gen-cert"]).status.success());
    let server = Server::start_in(folder, &[WEB, ("CHAT_WEB_TLS", "on")]);
    let port = web_port(&server);
    let connector = || {
        let mut builder =
            openssl::ssl::SslConnector::builder(openssl::ssl::SslMethod::tls()).unwrap();
        builder.set_verify(openssl::ssl::SslVerifyMode::NONE);
        builder.build()
    };
    let open = || connector().connect("localhost", connect(port)).unwrap();
    let mut stream = open();
    stream.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
    let mut all = Vec::new();
    let _ = stream.read_to_end(&mut all);
    assert!(String::from_utf8_lossy(&all).starts_with("HTTP/1.1 200"));
    let mut stream = open();
    let origin = format!("Origin: https://localhost:{port}\r\n");
    stream.write_all(handshake(port, &origin).as_bytes()).unwrap();
    stream.write_all(&frame(0x81, b"ann")).unwrap();
    let (mut all, start) = (String::new(), Instant::now());
    while !all.contains(r#""event":"ready","user":"ann""#) {
        let mut chunk = [0; 1_024];
        let count = stream.read(&mut chunk).unwrap();
        assert!(count > 0 && start.elapsed() < PATIENCE, "{all}");
        all.push_str(&String::from_utf8_lossy(&chunk[..count]));
    }
    assert!(all.starts_with("HTTP/1.1 101"));
    drop(server);
}

#[test]
fn a_page_that_says_nothing_is_asked_whether_it_is_there() {
    let server = web(&[]);
    let mut ann = Socket::login(&server, "ann");
    assert_eq!(ann.frame_within(Duration::from_secs(40)), Some(Frame::Ping));
}
