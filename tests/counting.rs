//! What is counted, as Prometheus and the operator's page are told: exactly, for a script that is known.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::ai::question;
use crate::clients::have;
use crate::gemini::{Answer as Generated, Gemini, start, whole};
use crate::harness::{FAULTS, Folder, PATIENCE, Server, run};
use crate::operator::{ADMIN, Answer, admin_port, ask, get, wait_for};
use crate::store::{limit_file_size, start_with_a_limit_on_files};
use crate::tls::over_tls;

/// The value of a series.
pub(crate) fn value(metrics: &str, series: &str) -> f64 {
    let line = metrics.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("no {series} in\n{metrics}")).parse().unwrap()
}

/// Waits until series have these values.
pub(crate) fn wait_for_metrics(port: u16, want: &[(&str, f64)]) -> String {
    let is_so = |metrics: &str| want.iter().all(|(series, want)| value(metrics, series) == *want);
    let start = Instant::now();
    loop {
        let metrics = ask(port, "GET", "/metrics").body;
        if is_so(&metrics) {
            return metrics;
        }
        let found: Vec<_> = want.iter().map(|(name, _)| (*name, value(&metrics, name))).collect();
        assert!(start.elapsed() < PATIENCE, "{found:?} and not {want:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn metrics_move_when_people_talk() {
    let mut server = Server::start(&[ADMIN, ("CHAT_MAX_CONNECTIONS", "3")]);
    let port = admin_port(&server);
    wait_for_metrics(
        port,
        &[
            ("lobbyd_users", 0.0),
            ("lobbyd_lobbies", 1.0),
            ("lobbyd_connections{listener=\"plain\"}", 0.0),
            ("lobbyd_messages_in_total", 0.0),
            ("lobbyd_messages_delivered_total", 0.0),
            ("lobbyd_delivery_latency_seconds_count", 0.0),
        ],
    );
    let (mut alice, mut bob) = (server.login("alice"), server.login("bob"));
    let nameless = server.connect();
    let mut refused = server.connect();
    refused.read_to_end();
    for i in 0..5 {
        alice.ask(&format!("line {i}"), &format!("╰─> line {i}"));
        bob.expect(&format!("╰─> line {i}"));
    }
    bob.ask("/me waves", "bob waves");
    alice.expect("bob waves");
    alice.ask("/msg bob hello", "bob\n  ╰─> hello");
    bob.expect("hello");
    alice.ask("/tag bob look", "look");
    bob.expect("look");
    alice.ask("/msg nobody hello", "not");
    alice.ask("/create room x", "Created");
    let metrics = wait_for_metrics(
        port,
        &[
            ("lobbyd_users", 2.0),
            ("lobbyd_lobbies", 2.0),
            ("lobbyd_connections{listener=\"plain\"}", 3.0),
            ("lobbyd_connections{listener=\"tls\"}", 0.0),
            ("lobbyd_connections_accepted_total{listener=\"plain\"}", 3.0),
            ("lobbyd_refusals_total{reason=\"server_full\"}", 1.0),
            // Seven in the lobby, of which one tags somebody, and a private one.
            ("lobbyd_messages_in_total", 8.0),
            ("lobbyd_messages_delivered_total", 15.0),
            ("lobbyd_store_errors_total", 0.0),
            ("lobbyd_store_queue", 0.0),
        ],
    );
    let count = value(&metrics, "lobbyd_delivery_latency_seconds_count");
    assert!((7.0..=14.0).contains(&count), "once for each thread that shows it: {count}");
    assert_eq!(count, value(&metrics, "lobbyd_delivery_latency_seconds_bucket{le=\"+Inf\"}"));
    assert!(value(&metrics, "lobbyd_store_latency_seconds_count") > 0.0);
    let received = value(&metrics, "lobbyd_received_bytes_total");
    assert_eq!(received, bytes_of(&["alice", "bob"]) + bytes_of(&SENT), "all that was typed");
    assert!(value(&metrics, "lobbyd_sent_bytes_total") > 500.0);
    for secret in ["alice", "bob", "127.0.0.1", "room", "hello"] {
        assert!(!metrics.contains(secret), "{secret} in\n{metrics}");
    }
    drop((bob, nameless));
    wait_for_metrics(
        port,
        &[("lobbyd_users", 1.0), ("lobbyd_connections{listener=\"plain\"}", 1.0)],
    );
    server.signal("TERM");
    assert_eq!(server.wait(), 0);
}

/// What is typed there, beside the names.
const SENT: [&str; 10] = [
    "line 0",
    "line 1",
    "line 2",
    "line 3",
    "line 4",
    "/me waves",
    "/msg bob hello",
    "/tag bob look",
    "/msg nobody hello",
    "/create room x",
];

fn bytes_of(lines: &[&str]) -> f64 {
    lines.iter().map(|line| line.len() + 1).sum::<usize>() as f64
}

#[test]
fn who_ignores_somebody_is_not_delivered_what_they_say() {
    let server = Server::start(&[ADMIN]);
    let port = admin_port(&server);
    let (mut alice, mut bob) = (server.login("alice"), server.login("bob"));
    let mut carol = server.login("carol");
    bob.ask("/ignore alice", "alice");
    alice.ask("one", "╰─> one");
    carol.expect("╰─> one");
    carol.ask("two", "╰─> two");
    bob.expect("╰─> two");
    wait_for_metrics(
        port,
        &[("lobbyd_messages_in_total", 2.0), ("lobbyd_messages_delivered_total", 5.0)],
    );
}

#[test]
fn a_client_that_is_cut_off_is_counted() {
    let mut server = Server::start(&[ADMIN, ("CHAT_OUTBOUND_LIMIT_BYTES", "50000")]);
    let port = admin_port(&server);
    let mut stuck = server.connect();
    socket2::SockRef::from(stuck.tcp()).set_recv_buffer_size(4_096).unwrap();
    stuck.log_in("stuck");
    let mut loud = server.login("loud");
    for i in 0..5_000 {
        if server.log().contains("cut off") {
            break;
        }
        loud.ask(&format!("{i} {}", "x".repeat(900)), &format!("╰─> {i} "));
    }
    server.wait_for_log("cut off");
    wait_for_metrics(port, &[("lobbyd_slow_clients_total", 1.0), ("lobbyd_users", 1.0)]);
}

#[test]
fn prometheus_finds_nothing_to_complain_of() {
    if !have(&["promtool"]) {
        return;
    }
    let server = Server::start(&[ADMIN]);
    server.login("alice").ask("hello", "╰─> hello");
    let metrics = get(&server, "/metrics").body;
    let mut promtool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    promtool.stdin.take().unwrap().write_all(metrics.as_bytes()).unwrap();
    let output = promtool.wait_with_output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    assert!(output.status.success() && said.is_empty(), "{}", String::from_utf8_lossy(&said));
}

#[test]
fn a_lobby_that_is_set_up_again_is_counted() {
    let server = Server::start(&[ADMIN, FAULTS]);
    let port = admin_port(&server);
    let mut alice = server.login("alice");
    alice.ask("/fault lobby", "The lobby had to be restarted. You are back in it.\n> ");
    wait_for_metrics(
        port,
        &[
            ("lobbyd_actor_restarts_total{actor=\"lobby\"}", 1.0),
            ("lobbyd_lobbies", 1.0),
            ("lobbyd_users", 1.0),
        ],
    );
}

#[test]
fn figures_of_the_last_hour_follow_within_seconds() {
    let server = Server::start(&[ADMIN]);
    let port = admin_port(&server);
    let (mut alice, mut bob) = (server.login("alice"), server.login("bob"));
    for i in 0..10 {
        alice.ask(&format!("line {i}"), &format!("╰─> line {i}"));
        bob.expect(&format!("╰─> line {i}"));
    }
    let figures = |query: &str| -> serde_json::Value {
        let answer = ask(port, "GET", &format!("/figures{query}"));
        assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/json")));
        serde_json::from_str(&answer.body).unwrap()
    };
    let sum = |all: &serde_json::Value, series: &str| -> f64 {
        all["series"][series].as_array().unwrap().iter().filter_map(|v| v.as_f64()).sum()
    };
    let start = Instant::now();
    let all = loop {
        let all = figures("");
        if sum(&all, "users") >= 2.0 && sum(&all, "in") > 0.0 {
            break all;
        }
        assert!(start.elapsed() < PATIENCE, "{all}");
        std::thread::sleep(Duration::from_millis(50));
    };
    assert_eq!(all["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!((&all["users"], &all["lobbies"]), (&2.into(), &1.into()));
    assert_eq!(all["step_ms"], 2_000);
    assert_eq!(all["state"], "ready");
    let listener = &all["listeners"][0];
    assert_eq!((&listener["kind"], &listener["connections"]), (&"plain".into(), &2.into()));
    assert_eq!(listener["addr"], format!("127.0.0.1:{}", server.port));
    assert!((sum(&all, "delivered") - 2.0 * sum(&all, "in")).abs() < 0.01, "{all}");
    assert!(sum(&all, "p50") > 0.0 && sum(&all, "p99") >= sum(&all, "p50"), "{all}");
    let at = all["at"].as_array().unwrap();
    for (_, series) in all["series"].as_object().unwrap() {
        assert_eq!(series.as_array().unwrap().len(), at.len());
    }
    let last = at.last().unwrap().as_u64().unwrap();
    assert!(all["started"].as_u64().unwrap() < last && last <= all["now"].as_u64().unwrap());
    let rest = figures(&format!("?since={last}"));
    assert!(rest["at"].as_array().unwrap().iter().all(|at| at.as_u64().unwrap() > last));
    assert!(all["reload"].is_null());
    server.signal("HUP");
    let reloaded = |good: bool| {
        let is_so = |answer: &Answer| answer.body.contains(&format!("\"good\":{good},"));
        let answer = wait_for(port, "/figures", is_so);
        serde_json::from_str::<serde_json::Value>(&answer.body).unwrap()["reload"].clone()
    };
    assert!(reloaded(true)["why"].is_null());
    std::fs::write(server.folder.join(".env"), "CHAT_MAX_CONNECTIONS=many\n").unwrap();
    server.signal("HUP");
    assert!(reloaded(false)["why"].as_str().unwrap().contains("CHAT_MAX_CONNECTIONS"));
    for query in ["?since=x", "?until=1"] {
        assert_eq!(ask(port, "GET", &format!("/figures{query}")).status, 400, "{query}");
    }
}

#[test]
fn connections_are_counted_by_listener_whatever_becomes_of_them() {
    let folder = Folder::new();
    assert!(run(folder.path(), &[], &["gen-cert"]).status.success());
    let server = Server::start_in(folder, &[ADMIN, ("CHAT_TLS_ADDR", "127.0.0.1:0")]);
    let port = admin_port(&server);
    let tls_addr = format!("127.0.0.1:{}", server.tls_port).parse().unwrap();
    let mut alice = over_tls(tls_addr);
    alice.log_in("alice");
    // One that says nothing, and one that is no TLS.
    let silent = TcpStream::connect(tls_addr).unwrap();
    let mut wrong = TcpStream::connect(tls_addr).unwrap();
    wrong.write_all(b"hello\n").unwrap();
    let _ = wrong.read_to_end(&mut Vec::new());
    wait_for_metrics(
        port,
        &[
            ("lobbyd_connections{listener=\"tls\"}", 2.0),
            ("lobbyd_connections_accepted_total{listener=\"tls\"}", 3.0),
            ("lobbyd_connections{listener=\"plain\"}", 0.0),
        ],
    );
    // What is counted is text, and none of the handshakes.
    wait_for_metrics(port, &[("lobbyd_received_bytes_total", bytes_of(&["alice"]))]);
    drop((alice, silent));
    wait_for_metrics(port, &[("lobbyd_connections{listener=\"tls\"}", 0.0), ("lobbyd_users", 0.0)]);
}

#[test]
fn a_hundred_who_come_and_go_leave_nothing_behind() {
    let server = Server::start(&[ADMIN]);
    let port = admin_port(&server);
    for _ in 0..10 {
        let clients: Vec<_> = (0..10).map(|i| server.login(&format!("user{i}"))).collect();
        wait_for_metrics(port, &[("lobbyd_users", 10.0)]);
        clients.into_iter().for_each(crate::harness::Client::reset);
        wait_for_metrics(
            port,
            &[("lobbyd_users", 0.0), ("lobbyd_connections{listener=\"plain\"}", 0.0)],
        );
    }
    wait_for_metrics(port, &[("lobbyd_connections_accepted_total{listener=\"plain\"}", 100.0)]);
}

#[test]
fn questions_to_the_ai_are_counted_with_their_failures() {
    let gemini = Gemini::start();
    gemini.then(whole("An answer."));
    gemini.then(Generated::Status(500, String::new()));
    let server = start(&gemini, &[ADMIN]);
    let port = admin_port(&server);
    let mut alice = server.login("alice");
    question(&mut alice, "one");
    alice.expect("An answer.");
    let count = "lobbyd_ai_latency_seconds_count";
    wait_for_metrics(port, &[("lobbyd_ai_requests_total", 1.0), (count, 1.0)]);
    question(&mut alice, "two");
    alice.expect("AI Error: ");
    wait_for_metrics(
        port,
        &[("lobbyd_ai_requests_total", 2.0), ("lobbyd_ai_errors_total", 1.0), (count, 2.0)],
    );
}

#[test]
fn a_disk_that_cannot_be_written_is_told_and_counted() {
    let mut server = start_with_a_limit_on_files(&[ADMIN]);
    let port = admin_port(&server);
    wait_for(port, "/health/ready", |answer| answer.status == 200);
    let mut alice = server.login("alice");
    limit_file_size(&server, "0");
    alice.ask("nowhere to put", "nowhere to put");
    let told = wait_for(port, "/health/ready", |answer| answer.status == 503);
    assert_eq!(told.body, "the database cannot be written\n");
    assert_eq!(ask(port, "GET", "/health/live").status, 200);
    let start = Instant::now();
    loop {
        let metrics = get(&server, "/metrics").body;
        let waiting = value(&metrics, "lobbyd_store_queue");
        if waiting >= 1.0 && value(&metrics, "lobbyd_store_errors_total") >= 1.0 {
            break;
        }
        assert!(start.elapsed() < PATIENCE, "{metrics}");
        std::thread::sleep(Duration::from_millis(20));
    }
    limit_file_size(&server, "unlimited");
    server.wait_for_log("the database is written again");
    wait_for(port, "/health/ready", |answer| answer.status == 200);
    wait_for_metrics(port, &[("lobbyd_store_queue", 0.0)]);
}
