use proptest::prelude::*;

use super::*;

fn clean(raw: &str) -> String {
    Line::clean(raw).as_str().to_owned()
}

#[test]
fn escape_sequences_vanish_whole() {
    let cases = [
        ("a\x1b[31mred\x1b[0mb", "aredb"),
        ("a\u{9b}31mb", "ab"),
        ("a\x1b[?25lb", "ab"),
        ("a\x1b]0;title\x07b", "ab"),
        ("a\x1b]52;c;Zm9v\x1b\\b", "ab"),
        ("a\u{9d}0;title\u{9c}b", "ab"),
        ("a\x1bPq#0\x1b\\b", "ab"),
        ("a\u{90}q\u{9c}b", "ab"),
        ("a\x1b_apc\x1b\\b\x1b^pm\x1b\\c\x1bXsos\x1b\\d", "abcd"),
        ("a\x1b(Bb", "ab"),
        ("a\x1bcb", "ab"),
        ("a\x1bOAb", "ab"),
        ("a\x1b]0;never ends", "a"),
        ("a\x1b", "a"),
        ("a\x1b[", "a"),
        ("a\x1b[3\u{e9}b", "a\u{e9}b"),
        ("a\x1b]0;x\x1b[31mb", "ab"),
        ("a\x1b\x1b[31mb", "ab"),
        ("a\x1b]x\x18b", "ab"),
    ];
    for (raw, want) in cases {
        assert_eq!(clean(raw), want, "{raw:?}");
    }
}

#[test]
fn controls_and_invisible_characters_vanish() {
    let cases = [
        ("a\tb", "a b"),
        ("a\0\x07\x08\x0b\x0c\x7fb", "ab"),
        ("a\u{80}\u{85}\u{9f}", "a"),
        ("a\u{202a}\u{202b}\u{202c}\u{202d}\u{202e}b", "ab"),
        ("a\u{2066}\u{2067}\u{2068}\u{2069}\u{200e}\u{200f}\u{61c}b", "ab"),
        ("a\u{200b}\u{2060}\u{feff}\u{ad}\u{2028}\u{2029}b", "ab"),
        ("a\u{200d}b\u{200c}c", "abc"),
        ("a\u{e0041}\u{e0042}b", "ab"),
    ];
    for (raw, want) in cases {
        assert_eq!(clean(raw), want, "{raw:?}");
    }
}

#[test]
fn at_most_four_marks_stay_on_a_character() {
    let zalgo = format!("a{}b{}", "\u{301}".repeat(30), "\u{302}".repeat(3));
    let want = format!("a{}b{}", "\u{301}".repeat(4), "\u{302}".repeat(3));
    assert_eq!(clean(&zalgo), want);
}

#[test]
fn what_scripts_and_emoji_need_stays_whole() {
    let whole = [
        "👩‍👩‍👧‍👦 family",
        "🏳️‍🌈 👩🏽‍🚀 ❤️‍🔥 1️⃣ 🇩🇪",
        "\u{1F3F4}\u{E0067}\u{E0062}\u{E0065}\u{E006E}\u{E0067}\u{E007F} England",
        "می‌خواهم",
        "क्‍ष श्रीमान्‌को",
        "ශ්‍රී ලංකා",
        "র\u{200d}\u{9cd}য",
        "naïve café — “quotes” 日本語 한국어 עִבְרִית ไทย",
        "(=^・^=) ¯\\_(ツ)_/¯ ╰─>",
    ];
    for text in whole {
        assert_eq!(clean(text), text);
    }
}

#[test]
fn joiners_elsewhere_go() {
    for (raw, want) in [
        ("👩\u{200d}", "👩"),
        ("👩\u{200d}x", "👩x"),
        ("\u{200d}👩", "👩"),
        ("👩\u{200c}👧", "👩👧"),
        ("ا\u{200c}\u{200c}ب", "ا\u{200c}ب"),
        ("ا\u{200c}", "ا"),
        ("\u{1F3F4}\u{E0067}x", "\u{1F3F4}x"),
    ] {
        assert_eq!(clean(raw), want, "{raw:?}");
    }
}

#[test]
fn text_without_a_shape_is_blank() {
    for blank in [
        "",
        " ",
        "\u{3000}",
        "\u{34f}",
        "\u{fe0f}",
        "\u{3164}",
        "\u{2800}",
        "\u{2065}",
        "\u{e0100}",
    ] {
        assert!(Line::clean(blank).is_blank(), "{blank:?}");
    }
    for seen in ["a", ".", "é", "👋", "한"] {
        assert!(!Line::clean(seen).is_blank(), "{seen:?}");
    }
}

#[test]
fn debug_shows_no_text() {
    assert_eq!(format!("{:?}", Line::clean("hello")), "Line(5 bytes)");
}

/// Characters that the sanitiser has something to say about, so that random text is full of them.
fn hostile_text() -> impl Strategy<Value = String> {
    let special = prop::sample::select(vec![
        '\x1b',
        '[',
        ']',
        'P',
        'O',
        '\\',
        ';',
        'm',
        '3',
        '\x07',
        '\t',
        '\u{9b}',
        '\u{9c}',
        '\u{9d}',
        '\u{90}',
        '\u{200c}',
        '\u{200d}',
        '\u{200b}',
        '\u{202e}',
        '\u{2028}',
        '\u{fe0f}',
        '\u{301}',
        '\u{1F3F4}',
        '\u{E0067}',
        '\u{E007F}',
        '👩',
        '🏽',
        'ا',
        'क',
        '\u{94d}',
        '❤',
        'x',
        ' ',
    ]);
    prop::collection::vec(prop_oneof![3 => special, 1 => any::<char>()], 0..40)
        .prop_map(|chars| chars.into_iter().collect())
}

fn is_forbidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{200B}' | '\u{200E}'
            | '\u{200F}' | '\u{61C}' | '\u{2028}' | '\u{2029}' | '\u{2060}' | '\u{FEFF}')
}

proptest! {
    #[test]
    fn no_control_survives_any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let out = clean(&String::from_utf8_lossy(&bytes));
        prop_assert!(!out.chars().any(is_forbidden), "{out:?}");
    }

    #[test]
    fn no_control_survives_hostile_text(raw in hostile_text()) {
        let out = clean(&raw);
        prop_assert!(!out.chars().any(is_forbidden), "{out:?}");
        let mut run = 0;
        for c in out.chars() {
            run = if is_mark(c) { run + 1 } else { 0 };
            prop_assert!(run <= MAX_MARKS, "{out:?}");
        }
    }

    #[test]
    fn cleaning_twice_changes_nothing(raw in hostile_text()) {
        let once = clean(&raw);
        prop_assert_eq!(clean(&once), once);
    }

    #[test]
    fn text_without_hostile_characters_is_unchanged(raw in "[\\p{L}\\p{N}\\p{P}\\p{S} ]{0,60}") {
        prop_assert_eq!(clean(&raw), raw);
    }
}

#[test]
fn a_text_of_several_rows_is_cleaned_row_by_row() {
    let text = Text::clean("one\u{1b}[31m\ntwo\tmore\n\u{202e}three");
    assert_eq!(text.rows().collect::<Vec<_>>(), ["one", "two more", "three"]);
    assert_eq!(Text::from(Line::clean("only")).rows().collect::<Vec<_>>(), ["only"]);
    let long = Text::clean(&"x\n".repeat(MAX_ROWS + 5));
    assert_eq!(long.rows().count(), MAX_ROWS);
    assert_eq!(format!("{:?}", Text::clean("secret")), "Text(6 bytes)");
}
