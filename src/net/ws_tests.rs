use proptest::prelude::*;

use super::*;

/// A frame as a client sends it.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let key = [0x37, 0xFA, 0x21, 0x3D];
    let mut bytes = vec![first];
    match payload.len() {
        short @ 0..126 => bytes.push(MASKED | short as u8),
        medium @ 126..65_536 => {
            bytes.push(MASKED | 126);
            bytes.extend((medium as u16).to_be_bytes());
        }
        long => {
            bytes.push(MASKED | 127);
            bytes.extend((long as u64).to_be_bytes());
        }
    }
    bytes.extend(key);
    bytes.extend(payload.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key));
    bytes
}

const TEXT: u8 = FIN | 0x1;

fn line(text: &str) -> Message {
    Message::Line(text.to_owned())
}

fn read(decoder: &mut FrameDecoder, mut bytes: &[u8]) -> Vec<Message> {
    let mut all = Vec::new();
    while let Some(message) = decoder.next(&mut bytes) {
        all.push(message);
    }
    assert!(bytes.is_empty());
    all
}

fn decoded(bytes: &[u8]) -> Vec<Message> {
    read(&mut FrameDecoder::default(), bytes)
}

/// The code of the fault that these bytes are, which is the last thing that is read of them.
fn fault(bytes: &[u8]) -> Option<u16> {
    let with_more = [bytes, &frame(TEXT, b"more")].concat();
    match decoded(&with_more).last() {
        Some(Message::Fault(why, _)) => Some(why.code()),
        _ => None,
    }
}

#[test]
fn the_examples_of_the_rfc_are_read() {
    // §5.7: a masked text, and one in two fragments, masked here.
    let hello = [0x81, 0x85, 0x37, 0xFA, 0x21, 0x3D, 0x7F, 0x9F, 0x4D, 0x51, 0x58];
    assert_eq!(decoded(&hello), [line("Hello")]);
    let parts = [frame(0x01, b"Hel"), frame(0x80, b"lo")].concat();
    assert_eq!(decoded(&parts), [line("Hello")]);
    let ping = [0x89, 0x85, 0x37, 0xFA, 0x21, 0x3D, 0x7F, 0x9F, 0x4D, 0x51, 0x58];
    assert_eq!(decoded(&ping), [Message::Ping(b"Hello".to_vec())]);
}

#[test]
fn the_same_comes_of_a_stream_wherever_it_is_cut() {
    let stream = [
        frame(TEXT, b"alice"),
        frame(0x01, "gr\u{fc}".as_bytes()),
        frame(0x89, b"between"),
        frame(0x00, b""),
        frame(0x80, "\u{1F44B}".as_bytes()),
        frame(TEXT, b""),
        frame(0x8A, b""),
        frame(TEXT, &[b'x'; 300]),
        frame(0x88, b"\x03\xE8bye"),
        frame(TEXT, b"unread"),
    ]
    .concat();
    let want = [
        line("alice"),
        Message::Ping(b"between".to_vec()),
        line("gr\u{fc}\u{1F44B}"),
        line(""),
        Message::Pong,
        line(&"x".repeat(300)),
        Message::End(Some(1000)),
    ];
    assert_eq!(decoded(&stream), want);
    for cut in 0..=stream.len() {
        let mut decoder = FrameDecoder::default();
        let mut all = read(&mut decoder, &stream[..cut]);
        all.extend(read(&mut decoder, &stream[cut..]));
        assert_eq!(all, want, "cut at {cut}");
    }
    let mut decoder = FrameDecoder::default();
    let single = stream.chunks(1).flat_map(|byte| read(&mut decoder, byte)).collect::<Vec<_>>();
    assert_eq!(single, want);
}

#[test]
fn what_is_no_text_of_a_line_is_closed_with_its_code() {
    let unmasked = [0x81, 0x01, b'x'];
    let long = frame(TEXT, &vec![b'x'; MAX_LINE_BYTES + 1]);
    let parts = [frame(0x01, &[b'x'; 5_000]), frame(0x80, &[b'x'; 3_193])].concat();
    let padded = [0x81, 0xFE, 0, 5, 0, 0, 0, 0, b'H', b'e', b'l', b'l', b'o'];
    for (bytes, code) in [
        (&unmasked[..], 1002),
        (&frame(FIN | 0x2, b"x"), 1003),
        (&long, 1009),
        (&parts, 1009),
        // Known before the first byte of the payload.
        (&[0x81, 0xFF, 0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF], 1009),
        (&padded, 1002),
        (&frame(TEXT, b"\xFF"), 1007),
        (&frame(FIN | 0x3, b""), 1002),
        (&frame(FIN | 0xB, b""), 1002),
        (&frame(0xC1, b"x"), 1002),
        (&frame(FIN, b"x"), 1002),
        (&[frame(0x01, b"x"), frame(TEXT, b"y")].concat(), 1002),
        (&frame(0x09, b""), 1002),
        (&frame(0x89, &[0; 126]), 1002),
        (&frame(0x88, b"\x03"), 1002),
        (&frame(0x88, b"\x03\xED"), 1002),
        (&frame(0x88, b"\x03\xE8\xFF"), 1007),
    ] {
        assert_eq!(fault(bytes), Some(code), "{bytes:?}");
    }
    let whole = frame(TEXT, &vec![b'x'; MAX_LINE_BYTES]);
    assert_eq!(decoded(&whole), [line(&"x".repeat(MAX_LINE_BYTES))]);
    assert_eq!(decoded(&frame(0x88, b"")), [Message::End(None)]);
}

proptest! {
    #[test]
    fn any_bytes_are_read_alike_however_they_are_cut(
        bytes in proptest::collection::vec(any::<u8>(), 0..200),
        cut in any::<prop::sample::Index>(),
    ) {
        let whole = decoded(&bytes);
        let cut = cut.index(bytes.len() + 1);
        let mut decoder = FrameDecoder::default();
        let mut all = read(&mut decoder, &bytes[..cut]);
        all.extend(read(&mut decoder, &bytes[cut..]));
        prop_assert_eq!(all, whole);
    }

    #[test]
    fn lines_come_through_in_any_fragments(
        lines in proptest::collection::vec(".{0,40}", 0..5),
        every in 1usize..9,
    ) {
        let mut stream = Vec::new();
        for text in &lines {
            let parts: Vec<&[u8]> = text.as_bytes().chunks(every).collect();
            let count = parts.len().max(1);
            for number in 0..count {
                let first = if number == 0 { 0x1 } else { 0x0 };
                let fin = if number + 1 == count { FIN } else { 0 };
                stream.extend(frame(fin | first, parts.get(number).copied().unwrap_or_default()));
            }
        }
        let want: Vec<_> = lines.iter().map(|text| line(text)).collect();
        prop_assert_eq!(decoded(&stream), want);
    }
}
