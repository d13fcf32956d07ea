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
    assert_eq!(whole[2], Event::Size(Size { columns: 90, rows: 24 }));
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

#[test]
fn backspace_takes_what_people_see_as_one_character() {
    for (typed, want) in [
        ("café\x7fe", "cafe"),
        ("cafe\u{301}\x7fe", "cafe"),
        ("go 🇩🇪\x7f!", "go !"),
        ("🇩🇪🇫🇷🇮\x7f", "🇩🇪🇫🇷"),
        ("🇩🇪🇫🇷🇮\x7f\x7f", "🇩🇪"),
        ("👩🏽‍❤️‍💋‍👨🏿\x7f.", "."),
        ("x👍🏽1️⃣\x7f\x7f", "x"),
        ("\u{1112}\u{1161}\u{11ab}\x7f", ""),
        ("a\u{301}\x7f\u{301}\x7fb", "b"),
        ("ab\x7f\u{301}\x7f", ""),
        ("\x7f\x7fa", "a"),
    ] {
        assert_eq!(lines(&[typed.as_bytes(), b"\r"]), [want], "{typed:?}");
    }
    assert_eq!(lines(&[b"ab\x80\x7fc\xe2\x82\x7fd\r"]), ["abcd"], "what is no text goes too");
    let long = format!("{}\x7f\r", "🇩🇪".repeat(1_000));
    assert_eq!(lines(&[long.as_bytes()]), ["🇩🇪".repeat(999)]);
    assert_eq!(
        lines(&[&["go 🇩🇪".as_bytes(), &[255, 247], b"!\n"].concat()]),
        ["go !"],
        "and EC of telnet"
    );
}

#[test]
fn the_keys_of_a_terminals_own_line_work_in_raw_terminals() {
    for (typed, want) in [
        ("my secret\x15hello", "hello"),
        ("my secret\x03hello", "hello"),
        ("hello wrold\x17world", "hello world"),
        ("hello wrold  \x17world", "hello world"),
        ("one foo-bar_1!\x17", "one foo-"),
        ("grüße 世界\x17", "grüße "),
        ("...\x17\x17a", "a"),
        ("\x15\x17\x03", ""),
    ] {
        assert_eq!(lines(&[typed.as_bytes(), b"\r"]), [want], "{typed:?}");
        assert_eq!(lines(&[typed.as_bytes(), b"\n"]), [typed], "{typed:?}");
    }
    assert_eq!(lines(&[b"a\rmy secret\x15b"]), ["a", "b"], "in what stands unended too");
}

#[test]
fn a_byte_order_mark_is_dropped_at_the_very_start() {
    assert_eq!(lines(&[b"\xef\xbb", b"\xbfalice\r\nhi\r\n"]), ["alice", "hi"]);
    assert_eq!(lines(&[b"\xef\xbb\xbf"]), [""]);
    assert_eq!(lines(&[b"a\n\xef\xbb\xbfb\n"]), ["a", "\u{feff}b"]);
    assert_eq!(lines(&[b"\r\n\xef\xbb\xbfb\n"]), ["", "\u{feff}b"]);
}

#[test]
fn the_end_of_the_input_can_be_told() {
    let line = |text: &str| Event::Line { text: text.into(), by_cr: false };
    let end = Event::EndOfInput;
    assert_eq!(decode(&[b"a\nb\xff\xec"]), [line("a"), end.clone(), line("b")], "EOF of telnet");
    assert_eq!(decode(&[b"\xff\xf1a\n\x04"]), [line("a"), end.clone()], "Ctrl-D, to telnet");
    let by_cr = Event::Line { text: "a".into(), by_cr: true };
    assert_eq!(decode(&[b"\xff\xf1a\r\x04"]), [by_cr, end]);
    assert_eq!(decode(&[b"\x04\n"]), [line("\x04")], "not to others");
    assert_eq!(decode(&[b"\xff\xf1a\x04\n"]), [line("a\x04")], "nor inside of a line");
}

proptest! {
    #[test]
    fn cuts_change_nothing(
        bytes in prop::collection::vec(prop_oneof![
            Just(b'\n'), Just(b'\r'), Just(0u8), Just(4u8), Just(0x7Fu8), Just(255u8), 236u8..=255,
            any::<u8>()
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
    fn erasing_all_leaves_nothing_and_never_half_a_character(
        text in "[a-z \u{301}\u{1161}🇦-🇿👩🏽\u{200d}\u{fe0f}가é]{0,30}",
    ) {
        let erased = format!("{text}{}\r", "\x7f".repeat(text.chars().count()));
        prop_assert_eq!(lines(&[erased.as_bytes()]), [""]);
        let once = lines(&[format!("{text}\x7f\r").as_bytes()]).remove(0);
        let whole: Vec<_> = text.graphemes(true).collect();
        prop_assert_eq!(once, whole[..whole.len().saturating_sub(1)].concat());
    }

    #[test]
    fn clean_lines_come_out_as_they_went_in(
        texts in prop::collection::vec("[^\\x00-\\x1f\\x7f\\u{feff}]{0,30}", 0..6),
    ) {
        let stream: String = texts.iter().map(|t| format!("{t}\n")).collect();
        prop_assert_eq!(lines(&[stream.as_bytes()]), texts);
    }
}
