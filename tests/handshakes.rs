//! What a TLS client can make the server do: in its handshake, after it, and with what is kept of it.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use lobbyd::net::flight::{Keys, expand_label};
use openssl::asn1::Asn1Time;
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::ssl::{
    SslConnector, SslConnectorBuilder, SslMethod, SslOptions, SslSessionCacheMode, SslStream,
    SslVerifyMode, SslVersion,
};
use openssl::symm::Cipher;
use openssl::x509::{X509, X509Name, X509NameBuilder};

use crate::exhaustion::cpu_ms;
use crate::harness::{Client, Folder, PATIENCE, Server, resident_kib, run};

const VERSIONS: [SslVersion; 2] = [SslVersion::TLS1_2, SslVersion::TLS1_3];

/// A certificate whose key is on a curve that is described in full, so that taking it out of its
/// compressed form takes OpenSSL 150 ms.
const DESCRIBED_CURVE: &[u8] = include_bytes!("data/described_curve.der");

/// Processor time for some handshakes that are no dearer than others, in a build for tests.
const CHEAP_MS: u64 = 100;

fn start() -> Server {
    let folder = Folder::new();
    assert!(run(folder.path(), &[], &["gen-cert"]).status.success());
    Server::start_in(folder, &[("CHAT_TLS_ADDR", "127.0.0.1:0")])
}

fn key(curve: Nid) -> PKey<Private> {
    let group = EcGroup::from_curve_name(curve).unwrap();
    PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap()
}

fn name(parts: usize, text: &str) -> X509Name {
    let mut name = X509NameBuilder::new().unwrap();
    (0..parts).for_each(|_| name.append_entry_by_nid(Nid::COMMONNAME, text).unwrap());
    name.build()
}

fn certificate(subject: &X509Name, issuer: &X509Name, key: &PKey<Private>) -> X509 {
    let mut builder = X509::builder().unwrap();
    builder.set_version(2).unwrap();
    builder.set_subject_name(subject).unwrap();
    builder.set_issuer_name(issuer).unwrap();
    builder.set_pubkey(key).unwrap();
    builder.set_not_before(&Asn1Time::days_from_now(0).unwrap()).unwrap();
    builder.set_not_after(&Asn1Time::days_from_now(9).unwrap()).unwrap();
    builder.sign(key, MessageDigest::sha256()).unwrap();
    builder.build()
}

/// So many certificates, each of which the next has issued.
fn chain(length: usize, key: &PKey<Private>) -> Vec<X509> {
    let names: Vec<_> = (0..=length).map(|i| name(1, &format!("issuer {i}"))).collect();
    names.windows(2).map(|pair| certificate(&pair[0], &pair[1], key)).collect()
}

fn connector(version: SslVersion) -> SslConnectorBuilder {
    let mut builder = SslConnector::builder(SslMethod::tls_client()).unwrap();
    builder.set_verify(SslVerifyMode::NONE);
    builder.set_min_proto_version(Some(version)).unwrap();
    builder.set_max_proto_version(Some(version)).unwrap();
    builder
}

/// A connection, where its handshake comes to a good end on this side.
fn connect(server: &Server, builder: SslConnectorBuilder) -> Option<SslStream<TcpStream>> {
    let tcp = TcpStream::connect(("127.0.0.1", server.tls_port)).unwrap();
    tcp.set_read_timeout(Some(PATIENCE)).unwrap();
    builder.build().connect("localhost", tcp).ok()
}

/// Whether the server lets somebody in who shows these certificates. In TLS 1.3 a client's side of
/// the handshake is over before the server has seen them.
fn is_let_in(server: &Server, builder: SslConnectorBuilder) -> bool {
    let Some(mut stream) = connect(server, builder) else { return false };
    let mut some = [0; 5];
    matches!(stream.read(&mut some), Ok(count) if count > 0)
}

fn showing(version: SslVersion, chain: &[X509], key: &PKey<Private>) -> SslConnectorBuilder {
    let mut builder = connector(version);
    builder.set_certificate(&chain[0]).unwrap();
    builder.set_private_key(key).unwrap();
    for issuer in &chain[1..] {
        builder.add_extra_chain_cert(issuer.clone()).unwrap();
    }
    builder
}

fn with_length(width: usize, content: &[u8]) -> Vec<u8> {
    [&content.len().to_be_bytes()[8 - width..], content].concat()
}

/// Handshake messages in records.
fn records(messages: &[u8]) -> Vec<u8> {
    let one = |part: &[u8]| [&[22, 3, 3][..], &with_length(2, part)].concat();
    messages.chunks(16_384).flat_map(one).collect()
}

/// Shows certificates in TLS 1.2 by hand, without any keys to them, and reads to the end.
fn show(server: &Server, certificates: &[&[u8]]) {
    let extensions =
        [&[0, 10, 0, 4, 0, 2, 0, 23][..], &[0, 13, 0, 4, 0, 2, 4, 3], &[0, 11, 0, 2, 1, 0]];
    let extensions = with_length(2, &extensions.concat());
    let suites = [0, 0, 2, 0xc0, 0x2b, 1, 0];
    let hello = [&[3, 3][..], &[7; 32], &suites, &extensions].concat();
    let mut tcp = TcpStream::connect(("127.0.0.1", server.tls_port)).unwrap();
    tcp.set_read_timeout(Some(PATIENCE)).unwrap();
    tcp.write_all(&records(&[&[1][..], &with_length(3, &hello)].concat())).unwrap();
    let mut flight = Vec::new();
    while !flight.ends_with(&[14, 0, 0, 0]) {
        let mut some = [0; 4_096];
        let count = tcp.read(&mut some).unwrap();
        assert!(count > 0, "the server does not go on");
        flight.extend_from_slice(&some[..count]);
    }
    let list: Vec<u8> = certificates.iter().flat_map(|c| with_length(3, c)).collect();
    let message = [&[11][..], &with_length(3, &with_length(3, &list))].concat();
    // It may be refused before it is read to its end.
    let _ = tcp.write_all(&records(&message));
    let _ = tcp.shutdown(Shutdown::Write);
    let _ = tcp.read_to_end(&mut Vec::new());
}

#[test]
fn certificates_cost_the_server_nothing_that_none_would_not() {
    let server = start();
    let slow: Vec<Vec<u8>> =
        chain(98, &key(Nid::SECT571R1)).iter().map(|c| c.to_der().unwrap()).collect();
    let slow: Vec<&[u8]> = slow.iter().map(Vec::as_slice).collect();
    let fast = chain(1, &key(Nid::X9_62_PRIME256V1))[0].to_der().unwrap();
    show(&server, &[&fast]);
    for shown in [&slow[..], &slow[..18], &[DESCRIBED_CURVE], &[&fast, DESCRIBED_CURVE]] {
        let before = cpu_ms(server.pid());
        for _ in 0..5 {
            show(&server, shown);
        }
        let used = cpu_ms(server.pid()) - before;
        assert!(used < CHEAP_MS, "{used} ms for five of {} certificates", shown.len());
    }
    server.login("alice").ask("still quick", "╰─> still quick");
}

#[test]
fn the_same_holds_where_the_certificates_come_encrypted() {
    let server = start();
    let slow = key(Nid::SECT571R1);
    let mut shown = chain(98, &slow);
    let own = key(Nid::X9_62_PRIME256V1);
    shown[0] = certificate(&name(1, "own"), &name(1, "issuer 1"), &own);
    assert!(is_let_in(&server, showing(SslVersion::TLS1_3, &shown[..1], &own)));
    let before = cpu_ms(server.pid());
    for _ in 0..5 {
        assert!(!is_let_in(&server, showing(SslVersion::TLS1_3, &shown, &own)));
    }
    let used = cpu_ms(server.pid()) - before;
    assert!(used < CHEAP_MS, "{used} ms for five chains");
}

#[test]
fn one_certificate_is_let_in_and_a_chain_is_not() {
    let mut server = start();
    for version in VERSIONS {
        for curve in [Nid::X9_62_PRIME256V1, Nid::SECP384R1, Nid::SECP521R1] {
            let key = key(curve);
            let shown = chain(2, &key);
            assert!(is_let_in(&server, showing(version, &shown[..1], &key)), "{version:?}");
            assert!(!is_let_in(&server, showing(version, &shown, &key)), "{version:?}");
        }
    }
    server.wait_for_log("limit: the client shows more than one certificate");
    let key = key(Nid::X9_62_PRIME256V1);
    for (parts, fits) in [(100, true), (1_000, false)] {
        let name = name(parts, "a name");
        let shown = [certificate(&name, &name, &key)];
        for version in VERSIONS {
            assert_eq!(is_let_in(&server, showing(version, &shown, &key)), fits, "{parts}");
        }
    }
    server.wait_for_log("limit: the client's certificate is too long");
    assert!(is_let_in(&server, connector(SslVersion::TLS1_3)));
}

#[test]
fn whoever_is_refused_is_told_why() {
    let server = start();
    let key = key(Nid::X9_62_PRIME256V1);
    let shown = chain(2, &key);
    for version in VERSIONS {
        let builder = showing(version, &shown, &key);
        let tcp = TcpStream::connect(("127.0.0.1", server.tls_port)).unwrap();
        tcp.set_read_timeout(Some(PATIENCE)).unwrap();
        let error = match builder.build().connect("localhost", tcp) {
            Err(error) => error.to_string(),
            Ok(mut stream) => stream.read(&mut [0; 5]).unwrap_err().to_string(),
        };
        assert!(error.contains("bad certificate"), "{version:?}: {error}");
    }
}

#[test]
fn a_handshake_of_another_kind_is_refused() {
    let server = start();
    // A hello of SSL 2 that offers TLS 1.2, as OpenSSL takes it; a request of a browser; a large hello.
    let old = [0x80, 0x1c, 1, 3, 3, 0, 3, 0, 0, 0, 16, 0, 0xc0, 0x2b];
    let old = [&old[..], &[7; 16]].concat();
    let large = records(&[&[1][..], &with_length(3, &[0; 30_000])].concat());
    for bytes in [&old[..], b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", &large] {
        let mut tcp = TcpStream::connect(("127.0.0.1", server.tls_port)).unwrap();
        tcp.set_read_timeout(Some(PATIENCE)).unwrap();
        let _ = tcp.write_all(bytes);
        let mut answer = Vec::new();
        let _ = tcp.read_to_end(&mut answer);
        assert!(!answer.starts_with(&[22]), "{answer:?}");
    }
    assert!(is_let_in(&server, connector(SslVersion::TLS1_2)));
}

#[test]
fn no_session_is_kept_or_resumed() {
    let server = start();
    for (version, tickets) in [(VERSIONS[0], false), (VERSIONS[0], true), (VERSIONS[1], true)] {
        let made = Arc::new(AtomicUsize::new(0));
        let mut builder = connector(version);
        if !tickets {
            builder.set_options(SslOptions::NO_TICKET);
        }
        builder.set_session_cache_mode(SslSessionCacheMode::CLIENT);
        let count = made.clone();
        builder.set_new_session_callback(move |_, _| {
            count.fetch_add(1, Ordering::Relaxed);
        });
        let mut stream = connect(&server, builder).unwrap();
        stream.write_all(b"alice\n/quit\n").unwrap();
        stream.read_to_end(&mut Vec::new()).unwrap();
        assert_eq!(made.load(Ordering::Relaxed), 0, "{version:?}");
        let session = stream.ssl().session().unwrap();
        assert!(version == SslVersion::TLS1_3 || session.id().is_empty(), "{version:?}");
    }
}

#[test]
fn nothing_is_left_of_connections_that_are_over() {
    let server = start();
    let key = key(Nid::X9_62_PRIME256V1);
    let name = name(150, "a long name");
    let shown = [certificate(&name, &name, &key)];
    let rounds = |count: usize| {
        for i in 0..count {
            let mut builder = showing(VERSIONS[i % 2], &shown, &key);
            // A server that keeps sessions keeps them itself then.
            builder.set_options(SslOptions::NO_TICKET);
            assert!(is_let_in(&server, builder));
        }
    };
    rounds(20);
    let before = resident_kib(server.pid());
    rounds(200);
    let grown = resident_kib(server.pid()).saturating_sub(before);
    assert!(grown < 2_048, "{grown} KiB of 200 connections");
}

/// A record of TLS 1.3 with a message that says that the next record has new keys (RFC 8446 §4.6.3),
/// and those keys' secret.
fn update(secret: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let digest = MessageDigest::sha256();
    let mut keys = Keys::of(secret, Cipher::aes_128_gcm(), digest).unwrap();
    let record = keys.seal(&[24, 0, 0, 1, 0], 22).unwrap();
    (record, expand_label(secret, digest, "traffic upd", 32).unwrap())
}

#[test]
fn updates_of_keys_without_end_are_read_at_a_pace() {
    const UPDATES: usize = 600;
    let server = start();
    let line = Arc::new(Mutex::new(String::new()));
    let mut builder = connector(SslVersion::TLS1_3);
    builder.set_ciphersuites("TLS_AES_128_GCM_SHA256").unwrap();
    let found = line.clone();
    builder.set_keylog_callback(move |_, line| {
        if line.starts_with("CLIENT_TRAFFIC_SECRET_0 ") {
            *found.lock().unwrap() = line.to_owned();
        }
    });
    let stream = connect(&server, builder).unwrap();
    let line = line.lock().unwrap().clone();
    let hex = line.rsplit(' ').next().unwrap().as_bytes();
    let pair = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    let mut secret: Vec<u8> = hex.chunks(2).map(pair).collect();
    let mut flood = Vec::new();
    for _ in 0..UPDATES {
        let (record, next) = update(&secret);
        flood.extend(record);
        secret = next;
    }
    let mut tcp = stream.get_ref();
    let mut alice = server.login("alice");
    let (start, before) = (Instant::now(), cpu_ms(server.pid()));
    tcp.write_all(&flood).unwrap();
    tcp.shutdown(Shutdown::Write).unwrap();
    for i in 0..5 {
        let asked = Instant::now();
        alice.ask(&format!("{i} meanwhile"), &format!("╰─> {i} meanwhile"));
        // Far over what it takes.
        assert!(asked.elapsed() < Duration::from_secs(3), "the chat waits");
    }
    // The end of the sending stands behind them all.
    Client::new(stream).read_to_end();
    let (taken, used) = (start.elapsed(), cpu_ms(server.pid()) - before);
    assert!(taken > Duration::from_secs(2), "{UPDATES} updates in {taken:?}");
    assert!(u128::from(used) * 4 < taken.as_millis(), "{used} ms of {taken:?}");
}
