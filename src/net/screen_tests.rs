use super::*;

/// What a change of the draft is written as.
fn written(screen: &mut Screen, text: &str, cursor: usize) -> String {
    let mut out = Vec::new();
    screen.draw("> ", text, cursor, &mut out);
    String::from_utf8(out).unwrap()
}

/// A screen on which this draft stands.
fn with_draft(columns: u16, rows: u16, text: &str, cursor: usize) -> Screen {
    let mut screen = Screen::new(columns, rows);
    screen.draw("> ", text, cursor, &mut Vec::new());
    screen
}

#[test]
fn a_key_costs_what_it_changes() {
    // What stood there with its cursor, what stands there then, and what is written for it.
    let cases = [
        ("hell", 4, "hello", 5, "o"),
        ("caf", 3, "café", 5, "é"),
        ("", 0, "本", 3, "本"),
        ("hello", 5, "hello", 5, ""),
        ("hello", 5, "hell", 4, "\x08\x1b[K"),
        ("hello", 5, "hello", 4, "\x08"),
        ("hello", 4, "hello", 5, "o"),
        ("a longer text", 13, "a longer text", 0, "\x1b[13D"),
        ("a longer text", 0, "a longer text", 13, "\x1b[13C"),
        ("hllo", 1, "hello", 2, "e\x1b7llo\x1b8"),
        ("hello", 2, "hllo", 1, "\x08\x1b[K\x1b7llo\x1b8"),
        // A character is written whole, since terminals join what comes together.
        ("e", 1, "e\u{301}", 3, "\x08\x1b[Ke\u{301}"),
        // Where the width is doubtful, the row is written from its start.
        ("本", 3, "本", 0, "\r> "),
        ("本", 3, "", 0, "\r\x1b[K> "),
    ];
    for (before, at, after, to, want) in cases {
        let mut screen = with_draft(80, 24, before, at);
        assert_eq!(written(&mut screen, after, to), want, "{before:?} to {after:?}");
    }
}
