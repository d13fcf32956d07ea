//! Plain chat beside TLS clients who show certificates that are dear to look at.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use lobbyd::net::client_cert::MAX_MESSAGE_BYTES;
use openssl::asn1::Asn1Time;
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::x509::{X509, X509Name, X509NameBuilder};

use crate::client::Swarm;
use crate::machine::cpu_ns;
use crate::servers::{Kind, Server};

pub(crate) const CLIENTS: usize = 200;
const LINES_PER_SEC: u32 = 200;
const HANDSHAKES_PER_SEC: u32 = 10;
const WARM_UP: Duration = Duration::from_secs(1);

/// Time after which a server that does not go on is left alone.
const PATIENCE: Duration = Duration::from_secs(10);

/// A certificate whose key is on a curve that is described in full.
const DESCRIBED_CURVE: &[u8] = include_bytes!("../tests/data/described_curve.der");

/// The generator of P-256 (SEC 2 §2.4.2), as a client's share of the key exchange.
const SHARE: &str = "046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296\
    4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5";

/// Runs it once, without and with them.
pub(crate) fn run(secs: Duration, pinned: bool) {
    let server = Server::start_both(pinned);
    let mut swarm = Swarm::new(Kind::Lobbyd.protocol(), server.port, false);
    (0..CLIENTS).for_each(|_| swarm.connect(0, 1, false));
    swarm.wait_ready();
    let mut seq = vec![0; CLIENTS];
    let alone = chat(&mut swarm, &mut seq, &server, secs, || ());
    let stop = Arc::new(AtomicBool::new(false));
    let port = server.tls_port.unwrap();
    let attacker = {
        let (stop, flights) = (stop.clone(), flights());
        thread::spawn(move || attack(port, &flights, &stop))
    };
    let beside = chat(&mut swarm, &mut seq, &server, secs, || ());
    stop.store(true, Ordering::Relaxed);
    let handshakes = attacker.join().unwrap();
    let each = (beside.used - alone.used) / f64::from(HANDSHAKES_PER_SEC) * 1e3;
    let (alone, beside) = (alone.p99, beside.p99);
    println!(
        "hostile  p99 {alone:.3} ms alone, {beside:.3} ms beside {handshakes} handshakes: {:.2} times; \
         {each:.2} ms of processor time a handshake",
        beside / alone
    );
}

/// How a chat went: from a line to its readers in milliseconds, and seconds of the server's processor time in
/// a second.
pub(crate) struct Chat {
    pub p50: f64,
    pub p99: f64,
    pub used: f64,
}

/// Chats for so long; `meanwhile` is done again and again.
pub(crate) fn chat(
    swarm: &mut Swarm,
    seq: &mut [u32],
    server: &Server,
    secs: Duration,
    mut meanwhile: impl FnMut(),
) -> Chat {
    let begin = swarm.start.elapsed();
    let (mut due, mut turn, mut measured) = (begin, 0_usize, None);
    while swarm.start.elapsed() - begin < WARM_UP + secs {
        if measured.is_none() && swarm.start.elapsed() - begin >= WARM_UP {
            swarm.measure();
            measured = Some((Instant::now(), cpu_ns(server.pid())));
        }
        while due <= swarm.start.elapsed() {
            let id = turn * 7 % CLIENTS;
            swarm.say(id, seq[id], due);
            (turn, seq[id]) = (turn + 1, seq[id] + 1);
            due += Duration::from_secs(1) / LINES_PER_SEC;
        }
        swarm.turn();
        meanwhile();
    }
    let (since, cpu) = measured.expect("the warm-up is over");
    let used = (cpu_ns(server.pid()) - cpu) as f64 / 1e9 / since.elapsed().as_secs_f64();
    let latencies = &mut swarm.counts.latencies;
    latencies.sort_unstable();
    let at = |share: usize| latencies[latencies.len() * share / 100] as f64 / 1e6;
    Chat { p50: at(50), p99: at(99), used }
}

/// Shows each in turn, so many a second; how many that were.
fn attack(port: u16, flights: &[Vec<u8>], stop: &AtomicBool) -> usize {
    let (begin, mut count) = (Instant::now(), 0);
    while !stop.load(Ordering::Relaxed) {
        let flight = flights[count % flights.len()].clone();
        // Side by side, as they would be where each takes long.
        thread::spawn(move || show(port, &flight));
        count += 1;
        let next = begin + Duration::from_secs(1) * count as u32 / HANDSHAKES_PER_SEC;
        thread::sleep(next.saturating_duration_since(Instant::now()));
    }
    count
}

/// One handshake of TLS 1.2, up to where the server has had enough.
fn show(port: u16, flight: &[u8]) -> Option<()> {
    let mut tcp = TcpStream::connect(("127.0.0.1", port)).ok()?;
    tcp.set_read_timeout(Some(PATIENCE)).ok()?;
    tcp.write_all(&records(&hello())).ok()?;
    let (mut seen, mut some) = (Vec::new(), [0; 4_096]);
    // It ends with ServerHelloDone.
    while !seen.ends_with(&[14, 0, 0, 0]) {
        let count = tcp.read(&mut some).ok().filter(|count| *count > 0)?;
        seen.extend_from_slice(&some[..count]);
    }
    tcp.write_all(flight).ok()?;
    tcp.shutdown(Shutdown::Write).ok()?;
    tcp.read_to_end(&mut seen).ok().map(|_| ())
}

/// A hello with ECDHE-ECDSA-AES128-GCM-SHA256. The server exchanges keys on P-256, and takes a
/// certificate on P-384.
fn hello() -> Vec<u8> {
    let groups = [0, 10, 0, 6, 0, 4, 0, 23, 0, 24];
    let extensions = [&groups[..], &[0, 13, 0, 4, 0, 2, 4, 3], &[0, 11, 0, 2, 1, 0]].concat();
    let extensions = counted(2, &extensions);
    message(1, &[&[3, 3][..], &[7; 32], &[0, 0, 2, 0xc0, 0x2b, 1, 0], &extensions].concat())
}

/// What follows the server's part, of each kind.
fn flights() -> Vec<Vec<u8>> {
    let slow = chain(98, &key(Nid::SECT571R1));
    let fit = MAX_MESSAGE_BYTES / (slow[0].len() + 8);
    let dear = chain(1, &key(Nid::SECP384R1));
    let share = share();
    let exchange = message(16, &[&[share.len() as u8][..], &share].concat());
    // ecdsa_secp384r1_sha384, with two numbers that are no signature.
    let number = [&[2, 48, 1][..], &[7; 47]].concat();
    let signature = [&[0x30, 100][..], &number, &number].concat();
    let proof = message(15, &[&[5, 3][..], &counted(2, &signature)].concat());
    vec![
        records(&certificates(&slow)),
        records(&certificates(&slow[..fit])),
        records(&certificates(&[DESCRIBED_CURVE.to_vec()])),
        records(&[certificates(&dear), exchange, proof].concat()),
    ]
}

fn share() -> Vec<u8> {
    let digits: Vec<char> = SHARE.chars().collect();
    let byte = |pair: &[char]| u8::from_str_radix(&String::from_iter(pair), 16).unwrap();
    digits.chunks(2).map(byte).collect()
}

fn certificates(list: &[Vec<u8>]) -> Vec<u8> {
    let list: Vec<u8> = list.iter().flat_map(|one| counted(3, one)).collect();
    message(11, &counted(3, &list))
}

fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    [&[kind][..], &counted(3, body)].concat()
}

fn counted(width: usize, content: &[u8]) -> Vec<u8> {
    [&content.len().to_be_bytes()[8 - width..], content].concat()
}

fn records(messages: &[u8]) -> Vec<u8> {
    let record = |part: &[u8]| [&[22, 3, 3][..], &counted(2, part)].concat();
    messages.chunks(16_384).flat_map(record).collect()
}

fn key(curve: Nid) -> PKey<Private> {
    let group = EcGroup::from_curve_name(curve).unwrap();
    PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap()
}

/// So many certificates, each of which the next has issued.
fn chain(length: usize, key: &PKey<Private>) -> Vec<Vec<u8>> {
    let name = |i| {
        let mut name = X509NameBuilder::new().unwrap();
        name.append_entry_by_nid(Nid::COMMONNAME, &format!("issuer {i}")).unwrap();
        name.build()
    };
    let names: Vec<X509Name> = (0..=length).map(name).collect();
    let certificate = |pair: &[X509Name]| {
        let mut builder = X509::builder().unwrap();
        builder.set_version(2).unwrap();
        builder.set_subject_name(&pair[0]).unwrap();
        builder.set_issuer_name(&pair[1]).unwrap();
        builder.set_pubkey(key).unwrap();
        builder.set_not_before(&Asn1Time::days_from_now(0).unwrap()).unwrap();
        builder.set_not_after(&Asn1Time::days_from_now(9).unwrap()).unwrap();
        builder.sign(key, MessageDigest::sha256()).unwrap();
        builder.build().to_der().unwrap()
    };
    names.windows(2).map(certificate).collect()
}
