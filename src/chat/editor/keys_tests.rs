use proptest::prelude::*;

use super::*;
use crate::chat::text::Text;

/// What these bytes mean, in as many pieces: keys by their names, text as it is.
fn read(pieces: &[&[u8]]) -> Vec<String> {
    let (mut keys, mut all) = (Keys::default(), Vec::<String>::new());
    let mut texts = true;
    let mut add = |read: Read<'_>| {
        let (text, what) = match read {
            Read::Text(text) => (true, text.to_owned()),
            Read::Char(c) => (true, c.to_string()),
            Read::Key(key) => (false, format!("{key:?}")),
            other => (false, format!("{other:?}")),
        };
        match all.last_mut().filter(|_| text && texts) {
            Some(last) => last.push_str(&what),
            None => all.push(what),
        }
        texts = text;
    };
    for piece in pieces {
        let mut input = *piece;
        while let Some(read) = keys.next(&mut input) {
            add(read);
        }
        assert!(input.is_empty(), "all is taken");
    }
    all
}

fn at_every_cut(bytes: &[u8], want: &[&str]) {
    for cut in 0..=bytes.len() {
        let (a, b) = bytes.split_at(cut);
        assert_eq!(read(&[a, b]), want, "{:?} cut at {cut}", bytes.escape_ascii().to_string());
    }
    let single: Vec<&[u8]> = bytes.chunks(1).collect();
    assert_eq!(read(&single), want, "{:?}", bytes.escape_ascii().to_string());
}

#[test]
fn every_key_is_known_in_every_form() {
    // One form a word; `x` behind each shows that it took no more than itself.
    let forms: [(Key, &[&str]); 23] = [
        (Key::Enter, &["\r", "\n", "\r\n", "\r\0", "\x1bOM"]),
        (Key::Left, &["\x02", "\x1b[D", "\x1bOD", "\x1b[1D", "\x1b[1;2D", "\x1b[d", "\x1b[1;1D"]),
        (Key::Right, &["\x06", "\x1b[C", "\x1bOC", "\x1b[1C", "\x1b[1;2C", "\x1b[c"]),
        (
            Key::WordLeft,
            &[
                "\x1bb",
                "\x1bB",
                "\x1b[1;5D",
                "\x1b[1;3D",
                "\x1b[1;6D",
                "\x1b[1;9D",
                "\x1b[5D",
                "\x1b[3D",
                "\x1bO5D",
                "\x1bO1;5D",
                "\x1bOd",
                "\x1b\x1b[D",
                "\x1b\x1bOD",
                "\x1b[1;5:1D",
            ],
        ),
        (
            Key::WordRight,
            &[
                "\x1bf",
                "\x1bF",
                "\x1b[1;5C",
                "\x1b[1;3C",
                "\x1b[1;4C",
                "\x1b[1;9C",
                "\x1b[5C",
                "\x1bO5C",
                "\x1bOc",
                "\x1b\x1b[C",
                "\x1b\x1bOC",
            ],
        ),
        (
            Key::Home,
            &[
                "\x01",
                "\x1b[H",
                "\x1bOH",
                "\x1b[1~",
                "\x1b[7~",
                "\x1b[1;5H",
                "\x1b[1;2~",
                "\x1b[7;5~",
                "\x1b[7^",
                "\x1b[7$",
                "\x1b[7@",
                "\x1b\x1b[1~",
            ],
        ),
        (
            Key::End,
            &[
                "\x05",
                "\x1b[F",
                "\x1bOF",
                "\x1b[4~",
                "\x1b[8~",
                "\x1b[1;5F",
                "\x1b[4;2~",
                "\x1b[8^",
                "\x1b[8$",
                "\x1b[8@",
            ],
        ),
        (Key::Up, &["\x10", "\x1b[A", "\x1bOA", "\x1b[1;5A", "\x1b[a", "\x1bOa", "\x1b\x1b[A"]),
        (Key::Down, &["\x0e", "\x1b[B", "\x1bOB", "\x1b[1;2B", "\x1b[b", "\x1bOb"]),
        (Key::Backspace, &["\x7f", "\x08"]),
        (Key::Delete, &["\x1b[3~", "\x1b[3;2~", "\x1b[3$"]),
        (Key::DeleteOrEnd, &["\x04"]),
        (Key::KillToStart, &["\x15"]),
        (Key::KillToEnd, &["\x0b"]),
        (Key::KillBlankWord, &["\x17"]),
        (Key::KillWordLeft, &["\x1b\x7f", "\x1b\x08"]),
        (
            Key::KillWordRight,
            &["\x1bd", "\x1bD", "\x1b[3;5~", "\x1b[3;3~", "\x1b[3^", "\x1b\x1b[3~"],
        ),
        (Key::Yank, &["\x19"]),
        (Key::Transpose, &["\x14"]),
        (Key::Complete, &["\t"]),
        (Key::Interrupt, &["\x03"]),
        (Key::Clear, &["\x0c"]),
        (Key::Redraw, &["\x12"]),
    ];
    for (key, forms) in forms {
        for form in forms {
            at_every_cut(format!("{form}x").as_bytes(), &[&format!("{key:?}"), "x"]);
        }
    }
}

#[test]
fn what_is_no_key_of_ours_does_nothing() {
    for unknown in [
        // Function keys: xterm, rxvt, PuTTY, the consoles of Linux.
        "\x1bOP",
        "\x1bOS",
        "\x1bO2P",
        "\x1b[1;2P",
        "\x1b[11~",
        "\x1b[15;2~",
        "\x1b[24~",
        "\x1b[34~",
        "\x1b[11^",
        "\x1b[23$",
        "\x1b[24@",
        "\x1b[[A",
        "\x1b[[E",
        "\x1b[25~",
        // Insert, the pages, the middle of the keypad, Shift-Tab.
        "\x1b[2~",
        "\x1b[2;5~",
        "\x1b[2$",
        "\x1b[5~",
        "\x1b[6~",
        "\x1b[5;5~",
        "\x1b[E",
        "\x1bOE",
        "\x1b[G",
        "\x1bOj",
        "\x1bOp",
        "\x1b[Z",
        // Letters, signs and others with Alt.
        "\x1ba",
        "\x1bz",
        "\x1b.",
        "\x1b ",
        "\x1b-",
        "\x1b<",
        "\x1bé",
        "\x1b本",
        "\x1b👩",
        "\x1b1",
        // Answers of terminals.
        "\x1b[?62;22c",
        "\x1b[0n",
        "\x1b[I",
        "\x1b[O",
        "\x1b[<0;10;20M",
        "\x1b[?1;2R",
        "\x1b[?2004;1$y",
        "\x1b[201~",
        "\x1b[97;5u",
        "\x1b[27;5;97~",
        "\x1b[R",
        "\x1b[1;2;3;4;5;6;7;8z",
        "\x1b]11;rgb:00/00/00\x07",
        "\x1b]0;a\x1b\\",
        "\x1bP1$r0m\x1b\\",
        "\x1b_Gi=1;OK\x1b\\",
        "\x1b^a\x1b\\",
        "\x1bXa\x1b\\",
        "\x1b(B\x1b",
        // Controls of one byte.
        "\0",
        "\x07",
        "\x0f",
        "\x11",
        "\x13",
        "\x16",
        "\x18",
        "\x1a",
        "\x1c",
        "\x1d",
        "\x1e",
        "\x1f",
        "\x1b[\x18",
        "\x1b[3\x1a",
    ] {
        if let Some(charset) = unknown.strip_suffix('\x1b') {
            // Alt and a sign is a key, whatever ISO 2022 has to say.
            at_every_cut(format!("{charset}x").as_bytes(), &["Bx"]);
            continue;
        }
        at_every_cut(format!("{unknown}x").as_bytes(), &["x"]);
    }
}

#[test]
fn controls_end_what_was_no_sequence() {
    for (bytes, want) in [
        ("\x1b\r", &["Enter"][..]),
        ("\x1b[\r", &["Enter"]),
        ("\x1b[1;\x03", &["Interrupt"]),
        ("\x1b]0;title\r\nx", &["Enter", "x"]),
        ("\x1b[1\x7f", &["Backspace"]),
        ("\x1bO\x15x", &["KillToStart", "x"]),
        ("\x1bO x", &[" x"]),
        ("\x1b[1\x1b[Ax", &["Up", "x"]),
        ("\x1b\x1b\x1b\x1b\x1b[Ax", &["Up", "x"]),
        ("\x1bé\x1b本\r", &["Enter"]),
    ] {
        at_every_cut(bytes.as_bytes(), want);
    }
    at_every_cut(b"\x1b\xc3\rx", &["Enter", "x"]);
}

#[test]
fn a_sequence_without_end_is_over_after_its_most_bytes() {
    for begin in
        ["\x1b[", "\x1b]p", "\x1bPe", "\x1b_", "\x1b^", "\x1bX", "\x1bO", "\x1b[?", "\x1b[;"]
    {
        let long = format!("{begin}{}", "1".repeat(50));
        let text = "1".repeat(long.len() - usize::from(MAX_SEQUENCE_BYTES));
        at_every_cut(long.as_bytes(), &[&text]);
    }
    let longest = format!("\x1b[{}~x", "1".repeat(usize::from(MAX_SEQUENCE_BYTES) - 3));
    at_every_cut(longest.as_bytes(), &["x"]);
}

#[test]
fn what_a_terminal_answers_at_length_is_no_text_and_is_over_too_where_it_never_ends() {
    let long = "ab/+=".repeat(400);
    for (begin, end) in [
        ("\x1b]52;c;", "\x07"),
        ("\x1b]l", "\x1b\\"),
        ("\x1bP>|", "\x1b\\"),
        ("\x1bP1+r", "\x1b\\"),
        ("\x1b_Gi=31;", "\x1b\\"),
    ] {
        let bytes = format!("{begin}{long}{end}x");
        assert_eq!(read(&[bytes.as_bytes()]), ["x"], "{begin:?}");
        // Whoever types goes on all the same.
        let unended = format!("{begin}{long}\rx");
        assert_eq!(read(&[unended.as_bytes()]), ["Enter", "x"], "{begin:?}");
        let endless = format!("{begin}{}", "1".repeat(2 * usize::from(MAX_STRING_BYTES)));
        let text = "1".repeat(endless.len() - usize::from(MAX_STRING_BYTES));
        assert_eq!(read(&[endless.as_bytes()]), [text], "{begin:?}");
    }
}

#[test]
fn a_report_of_a_mouse_does_nothing() {
    at_every_cut(b"\x1b[M !!x", &["x"]);
    at_every_cut(b"\x1b[M\x23\xff\x7fx", &["x"]);
    at_every_cut(b"\x1b[M \x80\xf0x", &["x"]);
    // With numbers they stand before its end.
    at_every_cut(b"\x1b[32;10;20Mx", &["x"]);
    at_every_cut(b"\x1b[M\rx", &["Enter", "x"]);
    at_every_cut(b"\x1b[M \x1b[Ax", &["Up", "x"]);
}

#[test]
fn an_enter_is_one_however_it_is_sent() {
    for (bytes, want) in [("a\rb", 1), ("a\nb", 1), ("a\r\nb", 1), ("a\r\0b", 1)] {
        let enters = read(&[bytes.as_bytes()]).iter().filter(|key| *key == "Enter").count();
        assert_eq!(enters, want, "{bytes:?}");
    }
    at_every_cut(b"\r\r\n\n\r\0\r\0\n", &["Enter", "Enter", "Enter", "Enter", "Enter", "Enter"]);
}

#[test]
fn bytes_that_are_no_text_are_replaced() {
    at_every_cut(b"a\x80b", &["a\u{FFFD}b"]);
    at_every_cut(b"gr\xc3\xbc\xc3\x9fe", &["grüße"]);
    at_every_cut(b"\xe2\x82A\xf0\x9f\x91\xa9", &["\u{FFFD}A👩"]);
    at_every_cut(b"\xe2\x82\r", &["\u{FFFD}", "Enter"]);
    at_every_cut(b"\xe2\x82\x1b[A", &["\u{FFFD}", "Up"]);
    at_every_cut(b"\xe0\x80\xff\xf5", &["\u{FFFD}\u{FFFD}\u{FFFD}\u{FFFD}"]);
    at_every_cut(b"a\xf0\x9f", &["a"]);
}

#[test]
fn a_paste_is_literal() {
    let line_end = "LineEnd";
    at_every_cut(b"\x1b[200~a\x1b[201~b", &["ab"]);
    at_every_cut(
        b"\x1b[200~a\rb\nc\r\nd\x1b[201~\r",
        &["a", line_end, "b", line_end, "c", line_end, "d", "Enter"],
    );
    at_every_cut(b"\x1b[200~\r\0\r\r\x1b[201~", &[line_end, line_end, line_end]);
    at_every_cut(b"\x1b[200~a\tb\x03\x04\x15\x7f\x01c\x1b[201~", &["a bc"]);
    at_every_cut("\x1b[200~grüße 本\x1b[201~x".as_bytes(), &["grüße 本x"]);
    at_every_cut(b"\x1b[200~\xe2\x82\x1b[201~\xacx", &["\u{FFFD}\u{FFFD}x"]);
    at_every_cut(b"\x1b[200~a\x1b[200~b\x1b[201~c", &["abc"]);
    at_every_cut(b"\x1b[200~a\r\x1b[201~\nx", &["a", line_end, "Enter", "x"]);
}

#[test]
fn escape_sequences_in_a_paste_go_whole() {
    for (pasted, want) in [
        ("\x1b[A\x1b[31mred\x1b[0m", "red"),
        ("\x1b[38;2;255;255;255;48;2;255;255;255mboth\x1b[m", "both"),
        ("a\u{9b}31mb\u{9d}0;title\u{9c}c", "abc"),
        ("a\x1b]0;title\x07b\x1b]8;;http://x/\x1b\\c", "abc"),
        ("a\x1b(Bb\x1b=c\x1bOPd", "abcd"),
        ("2\u{9b}", "2"),
        // What only begins like the end of the paste.
        ("\x1b[201\x1b[20\x1b[201m\x1b[201\u{e9}~\x1b[31", "\u{e9}~"),
        // The end of the paste ends any.
        ("a\x1b", "a"),
        ("a\x1b\x1b", "a"),
        ("a\x1b[31", "a"),
        ("a\x1b]0;title", "a"),
        ("a\x1b]0;title\x1b", "a"),
    ] {
        at_every_cut(format!("\x1b[200~{pasted}\x1b[201~x").as_bytes(), &[&format!("{want}x")]);
    }
    // The end of a row, too, as that of a line does.
    at_every_cut(
        b"\x1b[200~a\x1b]0;title\r\nb\x1b[3\nc\x1bP\rd\x1b[201~x",
        &["a", "LineEnd", "b", "LineEnd", "c", "LineEnd", "dx"],
    );
}

#[test]
fn a_terminal_says_where_its_cursor_is() {
    at_every_cut(b"\x1b[31;93Rx", &["Position { row: 31, column: 93 }", "x"]);
    at_every_cut(b"\x1b[99999;1R", &["Position { row: 65535, column: 1 }"]);
}

proptest! {
    #[test]
    fn cuts_change_nothing(
        bytes in prop::collection::vec(prop_oneof![
            3 => prop::sample::select(&b"\x1b[O;?$~^M]P1230\r\n\0\t\x7fABCDab\xc3\xa9\xe2\x82\xac\xf0"[..]),
            1 => any::<u8>(),
        ], 0..60),
        cuts in prop::collection::vec(0usize..60, 0..4),
    ) {
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(bytes.len())).collect();
        cuts.extend([0, bytes.len()]);
        cuts.sort_unstable();
        let pieces: Vec<&[u8]> = cuts.windows(2).map(|cut| &bytes[cut[0]..cut[1]]).collect();
        prop_assert_eq!(read(&pieces), read(&[&bytes]));
    }

    #[test]
    fn what_is_pasted_is_cleaned_as_what_is_sent_by_lines(
        bytes in prop::collection::vec(prop_oneof![
            3 => prop::sample::select(&b"\x1b[]P_\\;?~m(O0123\r\n\t\x07\x18\x7fAb \xc2\x9b\x9d\x9c\xc3\xa9\xf0"[..]),
            1 => any::<u8>(),
        ], 0..60),
        cut in 0usize..80,
    ) {
        prop_assume!(!bytes.windows(PASTE_END.len()).any(|part| part == PASTE_END.as_bytes()));
        let all = [b"\x1b[200~", &bytes[..], PASTE_END.as_bytes(), b"\r"].concat();
        let (a, b) = all.split_at(cut.min(all.len()));
        let mut got = read(&[a, b]);
        let enter = got.pop();
        prop_assert_eq!(enter.as_deref(), Some("Enter"));
        let got: String =
            got.iter().map(|part| if part == "LineEnd" { "\n" } else { part }).collect();
        let sent = String::from_utf8_lossy(&bytes).replace("\r\n", "\n").replace('\r', "\n");
        let (got, want) = (Text::clean_all(&got), Text::clean_all(&sent));
        prop_assert_eq!(got.as_str(), want.as_str());
    }

    #[test]
    fn text_is_what_a_lenient_reader_has(bytes in prop::collection::vec(
        prop_oneof![0x20u8..0x7F, 0x80u8..=0xFF], 0..40,
    )) {
        // A character without its end is none as soon as something else comes.
        let want = String::from_utf8_lossy(&bytes).into_owned() + "Enter";
        prop_assert_eq!(read(&[&bytes, b"\r"]).concat(), want);
    }
}
