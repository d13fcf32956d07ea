//! The operator's listener: metrics, health, and what clients of it may not do to anybody.

use std::io::{Read, Write};
use std::net::TcpStream;

use crate::harness::{Folder, PATIENCE, Server, resident_kib, run};
pub(crate) use crate::http::{ADMIN, Answer, admin_port, ask, get, wait_for};
use crate::http::{connect, exchange, parse};

#[test]
fn a_server_says_that_it_is_alive_and_when_it_is_ready() {
    let mut server = Server::start(&[ADMIN]);
    let port = admin_port(&server);
    let live = get(&server, "/health/live");
    assert_eq!((live.status, live.body.as_str()), (200, "alive\n"));
    let ready = wait_for(port, "/health/ready", |answer| answer.status == 200);
    assert_eq!(ready.body, "ready\n");
    assert!(get(&server, "/metrics").body.contains("\nlobbyd_ready 1\n"));
    server.wait_for_log(&format!("http://127.0.0.1:{port}/"));
    server.signal("TERM");
    assert_eq!(server.wait(), 0);
}

#[test]
fn while_the_server_stops_it_is_alive_and_not_ready() {
    let mut server = Server::start(&[ADMIN]);
    let port = admin_port(&server);
    wait_for(port, "/health/ready", |answer| answer.status == 200);
    // One who reads nothing, and whose last line therefore takes its time.
    let mut deaf = server.login("deaf");
    let mut loud = server.login("loud");
    for _ in 0..40 {
        loud.send(&"x".repeat(900));
    }
    deaf.send("/help");
    let idle = connect(port);
    server.signal("TERM");
    let draining = wait_for(port, "/health/ready", |answer| answer.status == 503);
    assert_eq!(draining.body, "the server is stopping\n");
    assert_eq!(ask(port, "GET", "/health/live").status, 200);
    assert!(ask(port, "GET", "/metrics").body.contains("\nlobbyd_ready 0\n"));
    drop((deaf, loud, idle));
    assert_eq!(server.wait(), 0);
}

#[test]
fn metrics_are_text_that_nobody_keeps() {
    let server = Server::start(&[ADMIN]);
    let metrics = get(&server, "/metrics");
    assert_eq!(metrics.status, 200);
    assert_eq!(metrics.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    assert_eq!(metrics.header("cache-control"), Some("no-store"));
    assert_eq!(metrics.header("x-content-type-options"), Some("nosniff"));
    assert!(metrics.body.contains("\nlobbyd_users 0\n"), "{}", metrics.body);
    let head = ask(admin_port(&server), "HEAD", "/metrics");
    assert_eq!((head.status, head.body.as_str()), (200, ""));
    assert!(head.header("content-length").unwrap().parse::<usize>().unwrap() > 1_000);
}

#[test]
fn the_page_may_load_nothing_from_elsewhere() {
    let server = Server::start(&[ADMIN]);
    let page = get(&server, "/");
    assert_eq!((page.status, page.header("content-type")), (200, Some("text/html; charset=utf-8")));
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
    assert!(!page.body.contains("//"), "{}", page.body);
}

#[test]
fn what_is_not_there_and_what_is_not_read_is_refused() {
    let server = Server::start(&[ADMIN]);
    let port = admin_port(&server);
    for path in ["/nothing", "/metrics/", "/../Cargo.toml", "/%2e%2e/etc/passwd", "/health"] {
        assert_eq!(ask(port, "GET", path).status, 404, "{path}");
    }
    for method in ["POST", "PUT", "DELETE", "OPTIONS", "TRACE", "BREW"] {
        let answer = ask(port, method, "/metrics");
        assert_eq!((answer.status, answer.header("allow")), (405, Some("GET, HEAD")), "{method}");
    }
    let from_elsewhere =
        b"GET /metrics HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n";
    assert_eq!(parse(&exchange(port, from_elsewhere)).status, 421);
    let without = b"GET /health/live HTTP/1.0\r\n\r\n";
    assert_eq!(parse(&exchange(port, without)).status, 200);
}

#[test]
fn broken_requests_harm_nobody() {
    let mut server = Server::start(&[ADMIN]);
    let port = admin_port(&server);
    let mut alice = server.login("alice");
    let huge_head =
        format!("GET / HTTP/1.1\r\nHost: localhost\r\nX: {}\r\n\r\n", "x".repeat(1 << 20));
    let many = format!("GET / HTTP/1.1\r\nHost: localhost\r\n{}\r\n", "A: b\r\n".repeat(500));
    let long_path = format!("GET /{} HTTP/1.1\r\nHost: localhost\r\n\r\n", "x".repeat(1 << 20));
    let body = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000000\r\n\r\n".to_vec();
    let body = [body, vec![b'x'; 1 << 20]].concat();
    let smuggled =
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
    for broken in [
        huge_head.as_bytes(),
        many.as_bytes(),
        long_path.as_bytes(),
        &body,
        smuggled,
        b"\0\0\0\0",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"hello\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"GET /metrics HTTP/1.1\r\nHost: local",
        b"",
    ] {
        let answered = exchange(port, broken);
        let line = answered.lines().next().unwrap_or_default();
        assert!(line.is_empty() || !line.contains(" 200"), "{line}");
        assert_eq!(ask(port, "GET", "/health/live").status, 200);
    }
    alice.ask("still here", "╰─> still here");
    assert!(!server.log().contains("fault at"), "{}", server.log());
    assert!(!server.log().contains("ERROR"), "{}", server.log());
    server.signal("TERM");
    assert_eq!(server.wait(), 0);
}

#[test]
fn requests_one_after_the_other_on_a_connection_are_answered_in_order() {
    let server = Server::start(&[ADMIN]);
    let one = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let both = one("/health/live") + &one("/nothing");
    let last = "GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    let answered = exchange(admin_port(&server), (both.repeat(8) + last).as_bytes());
    let status = |line: &str| line.strip_prefix("HTTP/1.1 ").map(|rest| rest[..3].to_owned());
    let statuses: Vec<String> = answered.lines().filter_map(status).collect();
    let want: Vec<&str> = ["200", "404"].into_iter().cycle().take(16).chain(["200"]).collect();
    assert_eq!(statuses, want);
}

#[test]
fn clients_that_do_not_speak_keep_nobody_out() {
    let server = Server::start(&[ADMIN]);
    let port = admin_port(&server);
    let mut silent: Vec<TcpStream> = (0..300).map(|_| connect(port)).collect();
    assert_eq!(ask(port, "GET", "/health/live").status, 200);
    // The oldest have gone, and those that are there speak on.
    assert_eq!(silent[0].read(&mut [0; 1]).unwrap_or(0), 0);
    let last = silent.last_mut().unwrap();
    last.write_all(b"GET /health/live HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        .unwrap();
    let mut text = String::new();
    last.read_to_string(&mut text).unwrap();
    assert_eq!(parse(&text).status, 200);
}

#[test]
fn a_head_that_does_not_come_is_not_waited_for() {
    let server = Server::start(&[ADMIN]);
    let mut slow = connect(admin_port(&server));
    slow.write_all(b"GET /health/live HT").unwrap();
    let mut text = String::new();
    slow.read_to_string(&mut text).unwrap();
    assert_eq!(parse(&text).status, 408);
}

#[test]
fn a_port_in_use_is_one_line_with_the_key() {
    let server = Server::start(&[ADMIN]);
    let taken = format!("127.0.0.1:{}", admin_port(&server));
    let folder = Folder::new();
    let env = [("CHAT_ADDR", "127.0.0.1:0"), ("CHAT_TLS_ADDR", "off"), ("CHAT_ADMIN_ADDR", &taken)];
    let output = run(folder.path(), &env, &[]);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr.contains(&taken) && stderr.contains("CHAT_ADMIN_ADDR"), "{stderr}");
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
}

#[test]
fn it_is_off_unless_it_is_set() {
    let server = Server::start(&[]);
    assert!(!server.out().contains("Admin:"));
}

#[test]
fn requests_that_come_at_once_are_answered_one_after_the_other_and_take_no_memory() {
    let server = Server::start(&[("CHAT_ADMIN_ADDR", "127.0.0.1:0")]);
    let port = admin_port(&server);
    let one = "GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let mut all = one.repeat(199);
    all.push_str("GET /health/live HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(all.as_bytes()).unwrap();
    let mut answers = String::new();
    stream.read_to_string(&mut answers).unwrap();
    assert_eq!(answers.matches("HTTP/1.1 200 OK").count(), 200);

    let before = resident_kib(server.pid());
    let unread: Vec<TcpStream> = (0..48)
        .map(|_| {
            let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
            stream.set_nonblocking(true).unwrap();
            let _ = stream.write(one.repeat(1_000).as_bytes());
            stream
        })
        .collect();
    // It has read what it will: whoever comes last is answered.
    wait_for(port, "/health/live", |answer| answer.status == 200);
    let grown = resident_kib(server.pid()).saturating_sub(before);
    assert!(grown < 64 * 1024, "{grown} KiB for {} connections", unread.len());
}
