//! Any bytes from an SSH client: before keys are exchanged, and encrypted behind that.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::harness::{PATIENCE, Server, descriptors, resident_kib};
use crate::ssh::{port, start};

#[path = "../fuzz/ssh.rs"]
mod client;

/// Each is a connection with keys of its own, half a millisecond of work.
const CASES: u32 = 400;

/// What may stay of them all: what allocators keep, and not what they have sent.
const MAX_MORE_KIB: u64 = 16 * 1_024;

/// What a client does, as [`client::play`] reads it: bytes, packets, a handshake, and mostly what is behind one.
fn plays() -> impl Strategy<Value = Vec<u8>> {
    let bytes = |most: usize| prop::collection::vec(any::<u8>(), 0..most);
    let some = move || bytes(40).prop_map(|bytes| [&[bytes.len() as u8], &bytes[..]].concat());
    let lines = prop::sample::select(vec![
        &b"\x06/users"[..],
        b"\x05hello",
        b"\x05\x1b[A\r\t",
        b"\x05xterm",
        b"\x04dumb",
        b"\x09publickey",
        b"\x0dtcpip-forward",
    ]);
    let argument = prop_oneof![2 => some(), 2 => lines.prop_map(<[u8]>::to_vec), 1 => bytes(8)];
    let step = (any::<u8>(), prop::collection::vec(argument, 0..3));
    let step = step.prop_map(|(kind, arguments)| [&[kind], &arguments.concat()[..]].concat());
    let steps = || prop::collection::vec(step.clone(), 0..12).prop_map(|steps| steps.concat());
    // One that chats, another that has a terminal, a third that has a command.
    let begun = prop::sample::select(vec![
        &b"\x01\x08\x0a\x17"[..],
        b"\x01\x08\x0c\x05xterm\0\0\0\x50\0\0\0\x18\0\x0a\x17",
        b"\x01\x08\x0b\x06/users\x17",
        b"\x01",
        b"",
    ]);
    prop_oneof![
        1 => bytes(300).prop_map(|bytes| [&[0], &bytes[..]].concat()),
        1 => bytes(300).prop_map(|bytes| [&b"\0SSH-2.0-x\r\n"[..], &bytes].concat()),
        2 => steps().prop_map(|steps| [&[1], &steps[..]].concat()),
        2 => bytes(60).prop_map(|bytes| [&[2], &bytes[..]].concat()),
        1 => bytes(20).prop_map(|bytes| [&[2, 255], &bytes[..]].concat()),
        6 => (begun, steps()).prop_map(|(begun, steps)| [&[3], begun, &steps].concat()),
    ]
}

/// Plays something to a server, and looks afterwards whether it is as it was.
fn plays_well(play: impl FnOnce(u16)) {
    let mut server = start(&[]);
    let port = port(&server);
    (0..50).for_each(|_| client::play(port, b"\x03\x01\x08\x0a\x17"));
    let (open, before) = (settled(&server, usize::MAX), resident_kib(server.pid()));
    play(port);
    assert_eq!(settled(&server, open), open, "connections that have not ended");
    let more = resident_kib(server.pid()).saturating_sub(before);
    assert!(more < MAX_MORE_KIB, "{more} KiB");
    // Something comes as far as the chat.
    server.wait_for_log("logged in as bytes");
    assert!(!server.log().contains("fault at"), "{}", server.log());
    assert_eq!(server.has_ended(), None);
    server.login("bob").ask("hello", "╰─> hello");
}

/// Waits until no more descriptors are open than so many, or than there are when a while has gone by.
fn settled(server: &Server, most: usize) -> usize {
    let start = Instant::now();
    loop {
        let open = descriptors(server.pid());
        let waited = if most == usize::MAX { Duration::from_secs(1) } else { PATIENCE };
        if open <= most && most != usize::MAX || start.elapsed() > waited {
            return open.max(if most == usize::MAX { 0 } else { most });
        }
        thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn any_bytes_of_an_ssh_client_come_to_an_end_and_harm_nobody() {
    plays_well(|port| {
        let mut runner = TestRunner::new(Config { cases: CASES, ..Config::default() });
        let played = runner.run(&plays(), |data| {
            client::play(port, &data);
            Ok(())
        });
        played.unwrap();
    });
}

#[test]
fn the_corpus_of_ssh_harms_nobody() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus/ssh");
    let files: Vec<_> = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
    assert!(!files.is_empty());
    plays_well(|port| {
        for file in files {
            client::play(port, &fs::read(file).unwrap());
        }
    });
}
