use proptest::prelude::*;

use super::*;

fn decode(chunks: &[&[u8]]) -> Vec<Event> {
    decode_by(LineDecoder::new(Some(Telnet::default())), chunks)
}

fn decode_by(mut decoder: LineDecoder, chunks: &[&[u8]]) -> Vec<Event> {
    let mut events = Vec::new();
    for chunk in chunks {
        let mut input = *chunk;
        while let Some(event) = decoder.next(&mut input) {
            events.push(event);
        }
        assert!(input.is_empty(), "all input is taken");
    }
    events.extend(decoder.finish());
    events
}

fn lines(chunks: &[&[u8]]) -> Vec<String> {
    let text = |event| match event {
        Event::Line { text, .. } => text,
        Event::TooLong => "TOO LONG".to_owned(),
        other => format!("{other:?}"),
    };
    decode(chunks).into_iter().map(text).collect()
}

#[test]
fn lines_end_in_any_of_four_ways() {
    let cases: [(&[u8], &[&str]); 9] = [
        (b"a\nb\n", &["a", "b"]),
        (b"a\r\nb\r\n", &["a", "b"]),
        (b"a\r\0b\r\0", &["a", "b"]),
        (b"a\rb\r", &["a", "b"]),
        (b"a\n\nb\n", &["a", "", "b"]),
        (b"a\r\n\r\nb\r\n", &["a", "", "b"]),
        (b"a\r\rb\n", &["a", "", "b"]),
        (b"a\nunended", &["a", "unended"]),
        (b"", &[]),
    ];
    for (bytes, want) in cases {
        assert_eq!(lines(&[bytes]), want, "{bytes:?}");
    }
    assert_eq!(lines(&[b"a\r", b"\nb\r", b"\0c"]), ["a", "b", "c"], "across packets");
}

#[test]
fn it_tells_how_a_line_ended() {
    let ended = |bytes: &[u8]| match decode(&[bytes]).remove(0) {
        Event::Line { by_cr, .. } => by_cr,
        other => panic!("{other:?}"),
    };
    assert!(!ended(b"a\n"));
    assert!(ended(b"a\r\n") && ended(b"a\r\0") && ended(b"a\r"));
}

#[test]
fn invalid_utf8_is_replaced() {
    assert_eq!(lines(&[b"a\x80b\xc3\n"]), ["a\u{FFFD}b\u{FFFD}"]);
    assert_eq!(lines(&[&[b'a', 255, 255, b'\n']]), ["a\u{FFFD}"]);
    assert_eq!(lines(&[b"gr\xc3", b"\xbc\xc3\x9fe\n"]), ["grüße"], "cut inside a character");
}

#[test]
fn a_line_over_the_limit_is_dropped_to_its_end() {
    let long = vec![b'x'; MAX_LINE_BYTES];
    assert_eq!(lines(&[&long, b"\nok\n"]), [String::from_utf8(long.clone()).unwrap(), "ok".into()]);
    assert_eq!(lines(&[&long, b"y\nok\n"]), ["TOO LONG", "ok"]);
    assert_eq!(lines(&[&long, &long, &long, b"\r\nok\r\n"]), ["TOO LONG", "ok"]);
    assert_eq!(lines(&[&long, b"y"]), ["TOO LONG"], "no line at the end either");
}

#[test]
fn telnet_is_taken_out_at_every_cut() {
    let stream = [
        255, 253, 1, b'h', 255, 251, 24, b'i', 255, 250, 31, 0, 90, 0, 24, 255, 240, 255, 246,
        b'\n',
    ];
    let whole = decode(&[&stream]);
    assert_eq!(whole[0], Event::Reply([255, 252, 1]));
    assert_eq!(whole[2], Event::Width(Some(90)));
    assert_eq!(whole[4], Event::Line { text: "hi".into(), by_cr: false });
    for cut in 0..stream.len() {
        assert_eq!(decode(&[&stream[..cut], &stream[cut..]]), whole, "cut at {cut}");
    }
}

#[test]
fn without_the_layer_bytes_of_telnet_are_those_of_the_text() {
    let stream = [b'a', 255, 246, b'b', b'\r', b'\n'];
    let want = Event::Line { text: "a\u{FFFD}\u{FFFD}b".into(), by_cr: true };
    for cut in 0..stream.len() {
        let mut decoder = LineDecoder::new(None);
        assert!(decoder.telnet().is_none());
        let chunks = [&stream[..cut], &stream[cut..]];
        assert_eq!(decode_by(decoder, &chunks), std::slice::from_ref(&want), "cut at {cut}");
    }
}

#[test]
fn erase_keys_work_in_raw_terminals_and_in_telnet() {
    assert_eq!(lines(&["helk\x7flé\x08o\r".as_bytes()]), ["hello"]);
    assert_eq!(lines(&[&[b'a', b'b', 255, 247, b'c', b'\n']]), ["ac"]);
    assert_eq!(lines(&[&[b'a', b'b', 255, 248, b'c', b'\n']]), ["c"]);
    assert_eq!(lines(&[b"a\x7fb\n"]), ["a\x7fb"], "a cooked line keeps them for the sanitiser");
}

proptest! {
    #[test]
    fn cuts_change_nothing(
        bytes in prop::collection::vec(prop_oneof![
            Just(b'\n'), Just(b'\r'), Just(0u8), Just(255u8), 240u8..=255, any::<u8>()
        ], 0..80),
        cut in 0usize..80,
    ) {
        let cut = cut.min(bytes.len());
        prop_assert_eq!(decode(&[&bytes[..cut], &bytes[cut..]]), decode(&[&bytes]));
    }

    #[test]
    fn memory_is_bounded(chunks in prop::collection::vec(0usize..20_000, 0..5)) {
        let mut decoder = LineDecoder::new(Some(Telnet::default()));
        for len in chunks {
            let chunk = vec![b'x'; len];
            let mut input = chunk.as_slice();
            while decoder.next(&mut input).is_some() {}
            prop_assert!(decoder.line.len() <= MAX_LINE_BYTES);
        }
    }

    #[test]
    fn clean_lines_come_out_as_they_went_in(
        texts in prop::collection::vec("[^\\x00-\\x1f\\x7f]{0,30}", 0..6),
    ) {
        let stream: String = texts.iter().map(|t| format!("{t}\n")).collect();
        prop_assert_eq!(lines(&[stream.as_bytes()]), texts);
    }
}
