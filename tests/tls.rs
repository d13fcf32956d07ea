//! The TLS listener.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::Command;
use std::time::Duration;

use openssl::ssl::{SslConnector, SslMethod, SslStream, SslVerifyMode, SslVersion};

use crate::harness::{Client, Folder, PATIENCE, Server, Wire, plain, run};
use crate::holding::SOON;

impl Wire for SslStream<TcpStream> {
    fn tcp(&self) -> &TcpStream {
        self.get_ref()
    }
}

pub(crate) fn start(env: &[(&str, &str)]) -> Server {
    let folder = Folder::new();
    assert!(run(folder.path(), &[], &["gen-cert"]).status.success());
    let mut all = vec![("CHAT_TLS_ADDR", "127.0.0.1:0")];
    all.extend(env);
    Server::start_in(folder, &all)
}

fn connector(version: Option<SslVersion>) -> SslConnector {
    let mut builder = SslConnector::builder(SslMethod::tls_client()).unwrap();
    builder.set_verify(SslVerifyMode::NONE);
    builder.set_min_proto_version(version).unwrap();
    builder.set_max_proto_version(version).unwrap();
    builder.build()
}

pub(crate) fn connect(server: &Server, version: Option<SslVersion>) -> Option<Client> {
    let tcp = TcpStream::connect(("127.0.0.1", server.tls_port)).unwrap();
    connector(version).connect("localhost", tcp).ok().map(Client::new)
}

/// Somebody who connected over TLS.
pub(crate) fn over_tls(addr: SocketAddr) -> Client {
    let tcp = TcpStream::connect(addr).unwrap();
    Client::new(connector(None).connect("localhost", tcp).unwrap())
}

#[test]
fn the_start_names_the_port_and_the_fingerprint_in_use() {
    let server = start(&[]);
    let out = server.out();
    assert!(out.contains(&format!("TLS enabled on port {}\n", server.tls_port)), "{out}");
    assert!(out.contains("    Protocol:     TCP + TLS\n"), "{out}");
    let shown = Command::new("openssl")
        .args(["x509", "-noout", "-fingerprint", "-sha256", "-in"])
        .arg(server.folder.join("certs/server.crt"))
        .output()
        .unwrap();
    let shown = String::from_utf8(shown.stdout).unwrap();
    let fingerprint = shown.trim().rsplit('=').next().unwrap();
    assert!(out.contains(&format!("Certificate SHA-256: {fingerprint}\n")), "{out} {shown}");
}

#[test]
fn people_on_both_listeners_talk_with_each_other() {
    let server = start(&[]);
    let mut alice = server.login("alice");
    for version in [SslVersion::TLS1_2, SslVersion::TLS1_3] {
        let mut bob = connect(&server, Some(version)).unwrap();
        bob.log_in("bob");
        bob.ask("over tls", "╰─> over tls\n> ");
        alice.expect("╰─> over tls\n> ");
        alice.ask("in plain", "╰─> in plain\n> ");
        bob.expect("╰─> in plain\n> ");
        bob.ask("/quit", "Disconnecting from server. Goodbye!");
        alice.expect("bob has left");
    }
}

#[test]
fn a_long_answer_comes_whole_to_whoever_reads_it_late() {
    let server = start(&[("CHAT_OUTBOUND_LIMIT_BYTES", "65536"), ("CHAT_HISTORY_MESSAGES", "1")]);
    let mut alice = server.login("alice");
    for i in 0..100 {
        alice.ask(&format!("m{i} {}", "👋".repeat(990)), &format!("╰─> m{i} "));
    }
    let mut bob = connect(&server, Some(SslVersion::TLS1_3)).unwrap();
    bob.log_in("bob");
    bob.send("/history 100\n/users");
    std::thread::sleep(Duration::from_millis(300));
    alice.ask("m100 live", "╰─> m100 live");
    bob.expect("=== History of 'general' (100) ===");
    for i in 0..=100 {
        bob.expect(&format!("╰─> m{i} "));
    }
    bob.expect("=== Users in 'general' (2) ===");
}

#[test]
fn old_protocols_are_refused() {
    let server = start(&[]);
    for version in [SslVersion::TLS1, SslVersion::TLS1_1] {
        assert!(connect(&server, Some(version)).is_none(), "{version:?}");
    }
}

#[test]
fn tls_alone_is_possible() {
    let folder = Folder::new();
    assert!(run(folder.path(), &[], &["gen-cert"]).status.success());
    let env = [("CHAT_ADDR", "off"), ("CHAT_TLS_ADDR", "127.0.0.1:0")];
    let server = Server::start_in(folder, &env);
    assert!(server.out().contains("    Protocol:     TLS\n"), "{}", server.out());
    connect(&server, None).unwrap().log_in("alice");
}

#[test]
fn the_end_is_a_close_notify() {
    let server = start(&[]);
    let tcp = TcpStream::connect(("127.0.0.1", server.tls_port)).unwrap();
    tcp.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut stream = connector(None).connect("localhost", tcp).unwrap();
    stream.write_all(b"alice\n/quit\n").unwrap();
    let mut raw = Vec::new();
    // Without a close_notify this would be an error: an end that was not meant.
    stream.read_to_end(&mut raw).unwrap();
    let text = plain(&raw);
    assert!(text.contains("Disconnecting from server. Goodbye!"), "{text}");
}

#[test]
fn a_half_closed_tls_client_has_its_lines_carried_out() {
    let server = start(&[]);
    let tcp = TcpStream::connect(("127.0.0.1", server.tls_port)).unwrap();
    tcp.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut stream = connector(None).connect("localhost", tcp).unwrap();
    stream.write_all(b"alice\nhello\nunended").unwrap();
    stream.shutdown().unwrap();
    let mut raw = Vec::new();
    stream.read_to_end(&mut raw).unwrap();
    let text = plain(&raw);
    assert!(text.contains("╰─> hello\n") && text.contains("╰─> unended\n"), "{text}");
}

#[test]
fn a_script_over_tls_keeps_its_order_though_its_lines_wait() {
    let server = start(&SOON);
    let tcp = TcpStream::connect(("127.0.0.1", server.tls_port)).unwrap();
    tcp.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut stream = connector(None).connect("localhost", tcp).unwrap();
    stream.write_all(b"alice\none\ntwo\nthree\n/users\nfour\n/me waves\nfive").unwrap();
    // Half of it: the socket stays open for what comes back.
    stream.shutdown().unwrap();
    let mut raw = Vec::new();
    stream.read_to_end(&mut raw).unwrap();
    let text = plain(&raw);
    let order =
        ["╰─> two\n", "╰─> three\n", "=== Users in", "╰─> four\n", "alice waves\n", "╰─> five\n"];
    let places: Vec<_> = order.iter().map(|what| text.find(what).expect(&text)).collect();
    assert!(places.is_sorted(), "{text}");
}

#[test]
fn a_handshake_that_does_not_end_is_closed_in_time() {
    let server = start(&[("CHAT_LOGIN_TIMEOUT_SECS", "1")]);
    let mut silent = TcpStream::connect(("127.0.0.1", server.tls_port)).unwrap();
    silent.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut trickling = silent.try_clone().unwrap();
    let writer = std::thread::spawn(move || {
        for byte in [0x16, 0x03, 0x01, 0x02, 0x00, 0x01] {
            if trickling.write_all(&[byte]).is_err() {
                return;
            }
            std::thread::sleep(Duration::from_millis(300));
        }
    });
    let mut rest = Vec::new();
    let _ = silent.read_to_end(&mut rest);
    assert!(rest.is_empty());
    writer.join().unwrap();
    connect(&server, None).unwrap().send("alice");
}

#[test]
fn over_a_limit_the_tls_port_closes_before_the_handshake() {
    let server = start(&[("CHAT_MAX_CONNECTIONS", "1")]);
    let _alice = server.login("alice");
    let mut tcp = TcpStream::connect(("127.0.0.1", server.tls_port)).unwrap();
    tcp.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut all = Vec::new();
    tcp.read_to_end(&mut all).unwrap();
    assert!(all.is_empty(), "no line either");
}

#[test]
fn tls_on_the_plain_port_is_told_the_right_port() {
    let server = start(&[]);
    let tcp = TcpStream::connect(("127.0.0.1", server.port)).unwrap();
    tcp.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut raw = tcp.try_clone().unwrap();
    assert!(connector(None).connect("localhost", tcp).is_err());
    let mut rest = Vec::new();
    let _ = raw.read_to_end(&mut rest);
    let text = String::from_utf8_lossy(&rest);
    // The connector may have read the greeting; the line about TLS comes last.
    assert!(text.is_empty() || text.contains(&format!("Use port {}", server.tls_port)), "{text}");
}

#[test]
fn clients_over_tls_are_told_of_the_end_too() {
    let mut server = start(&[]);
    let mut alice = connect(&server, None).unwrap();
    alice.log_in("alice");
    server.signal("TERM");
    alice.expect("Server is shutting down. Goodbye!\n");
    drop(alice);
    assert_eq!(server.wait(), 0);
}

#[test]
fn a_slow_tls_client_gets_everything_in_order() {
    let server = start(&[("CHAT_OUTBOUND_LIMIT_BYTES", "10000000")]);
    let mut bob = connect(&server, None).unwrap();
    bob.log_in("bob");
    let mut alice = server.login("alice");
    for i in 0..1_500 {
        alice.send(&format!("m{i} {}", "x".repeat(900)));
        if i % 50 == 0 {
            alice.read_some();
        }
    }
    alice.expect("╰─> m1499 ");
    bob.expect("╰─> m1499 ");
    let numbers: Vec<usize> = bob
        .text()
        .split("╰─> m")
        .skip(1)
        .map(|rest| rest.split(' ').next().unwrap().parse().unwrap())
        .collect();
    assert_eq!(numbers, (0..1_500).collect::<Vec<_>>());
}

#[test]
fn who_speaks_no_tls_on_its_port_is_named_so_in_the_log() {
    let mut server = start(&[]);
    let mut plain = TcpStream::connect(("127.0.0.1", server.tls_port)).unwrap();
    plain.write_all(b"hello there, is anybody in?\n").unwrap();
    server.wait_for_log("conn=1 does not speak TLS on the TLS port");
}

#[test]
fn a_certificate_that_openssl_refuses_is_told_why() {
    use openssl::{asn1::Asn1Time, hash::MessageDigest, pkey::PKey, rsa::Rsa, x509::X509};
    let key = PKey::from_rsa(Rsa::generate(1024).unwrap()).unwrap();
    let mut cert = X509::builder().unwrap();
    cert.set_pubkey(&key).unwrap();
    cert.set_not_before(&Asn1Time::days_from_now(0).unwrap()).unwrap();
    cert.set_not_after(&Asn1Time::days_from_now(9).unwrap()).unwrap();
    cert.sign(&key, MessageDigest::sha256()).unwrap();
    let folder = Folder::new();
    fs::write(folder.join("cert.pem"), cert.build().to_pem().unwrap()).unwrap();
    fs::write(folder.join("key.pem"), key.private_key_to_pem_pkcs8().unwrap()).unwrap();
    let files = [("CHAT_TLS_CERT", "cert.pem"), ("CHAT_TLS_KEY", "key.pem")];
    let told = run(folder.path(), &files, &["--check-config"]);
    let why = String::from_utf8(told.stderr).unwrap();
    assert!(why.contains("OpenSSL does not take it: ee key too small"), "{why}");
}
