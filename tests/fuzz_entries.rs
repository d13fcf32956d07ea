//! The entries of the fuzz targets, over their corpus and over random bytes.

use std::fs;
use std::path::Path;

use proptest::prelude::*;

#[path = "../fuzz/entries.rs"]
mod entries;

type Entry = fn(&[u8]);

const ENTRIES: [(&str, Entry); 11] = [
    ("lines", entries::lines),
    ("keys", entries::keys),
    ("frames", entries::frames),
    ("text", entries::text),
    ("command", entries::command),
    ("sse", entries::sse),
    ("record", entries::record),
    ("certificate", entries::certificate),
    ("proxy", entries::proxy),
    ("wire", entries::wire),
    ("hook", entries::hook),
];

#[test]
fn the_corpus_holds() {
    for (name, entry) in ENTRIES {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(name);
        let mut seen = 0;
        for file in fs::read_dir(folder).unwrap() {
            entry(&fs::read(file.unwrap().path()).unwrap());
            seen += 1;
        }
        assert!(seen > 0, "{name} has no seeds");
    }
}

/// Bytes that mean something to at least one of the entries, among any.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let words: Vec<&'static [u8]> = vec![
        b"\x1b[",
        b"\x1b]0;",
        b"\xc2\x9b",
        b"\x1b[A",
        b"\x1b[1;5D",
        b"\x1b[200~",
        b"\x1b[201~",
        b"\x1bO",
        b"\x1b",
        b"\x01",
        b"\x02",
        b"\x03",
        b"\t",
        b"\x0b",
        b"\x14",
        b"\x19",
        b"\xff\xfd\x01",
        b"\xff\xfa",
        b"\xff\xf0",
        b"\xff\xfa\x1f\x00\x50\x00\x18",
        b"\xff\xec",
        b"\x04",
        b"\x7f",
        b"\x15",
        b"\x17",
        b"\xef\xbb\xbf",
        b"\xef\xb8\x8f",
        b"\xe1\x85\xa1",
        b"\xe3\x85\xa4",
        b"\xc2\xa0",
        b"          ",
        b"\r\n",
        b"\r",
        b"\n\n",
        b"data: ",
        b"{\"candidates\":[",
        b"/join ",
        b"/create ",
        b"\"",
        b"\xe2\x80\x8d",
        b"\xcc\x81",
        b"\xf0\x9f\x91\xa9",
        b"{\"lobbyd\":1,\"life\":1,\"n\":1,\"what\":",
        b"\"kept\",\"changes\":[",
        b"{\"lobby_removed\":7}",
        b"]}",
        b"$pbkdf2-sha512$",
        b"i=1000",
        b"\x0b\x00\x00\x09\x00\x00\x06\x00\x00\x03\x30\x01\x00",
        b"\x01\x00\x00\x01",
        b"PROXY TCP4 192.0.2.7 10.0.0.1 42 80\r\n",
        b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c",
        b"a",
        b" ",
    ];
    let piece = prop_oneof![
        2 => prop::sample::select(words).prop_map(<[u8]>::to_vec),
        1 => prop::collection::vec(any::<u8>(), 0..8),
    ];
    prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn random_bytes_hold(data in bytes()) {
        for (_, entry) in ENTRIES {
            entry(&data);
        }
    }
}
