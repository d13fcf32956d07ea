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
fn characters_without_a_width_vanish_from_words() {
    let hidden = [
        "\u{34f}",
        "\u{115f}",
        "\u{1160}",
        "\u{17b4}\u{17b5}",
        "\u{180b}\u{180c}\u{180d}\u{180e}\u{180f}",
        "\u{200b}\u{2060}\u{2064}\u{206f}",
        "\u{3164}",
        "\u{ffa0}",
        "\u{fff0}\u{e0001}\u{e0fff}",
        "\u{1d173}\u{1bca0}",
        "\u{fe00}\u{fe0e}\u{fe0f}\u{fe0f}",
        "\u{e0100}\u{e01ef}",
    ];
    for hidden in hidden {
        assert_eq!(clean(&format!("ad{hidden}min")), "admin", "{hidden:?}");
        assert_eq!(clean(&format!("관{hidden}리")), "관리", "{hidden:?}");
        assert!(Line::clean(hidden).is_blank(), "{hidden:?}");
    }
}

#[test]
fn whatever_looks_blank_is_a_plain_blank_and_counts_as_one() {
    let blanks =
        ("\t \u{a0}\u{1680}\u{2000}\u{2001}\u{2002}\u{2003}\u{2004}\u{2005}\u{2006}\u{2007}\
                   \u{2008}\u{2009}\u{200a}\u{202f}\u{205f}\u{2800}\u{3000}\
                   \u{13441}\u{13442}\u{1d159}")
            .chars();
    for blank in blanks.clone() {
        assert_eq!(clean(&format!("a{blank}b")), "a b", "{blank:?}");
        let many = blank.to_string().repeat(60);
        assert_eq!(clean(&format!("{many}a{many}b{many}")), padded(16, 8), "{blank:?}");
    }
    let mixed: String = blanks.collect();
    assert_eq!(clean(&format!("{mixed}a{mixed}b{mixed}")), padded(16, 8));
}

fn padded(start: usize, inside: usize) -> String {
    let (start, inside) = (" ".repeat(start), " ".repeat(inside));
    format!("{start}a{inside}b{inside}")
}

#[test]
fn up_to_eight_blanks_stay_and_sixteen_at_the_start_of_a_row() {
    for (raw, want) in [
        (padded(16, 8), padded(16, 8)),
        (padded(17, 9), padded(16, 8)),
        (padded(0, 200), padded(0, 8)),
        (
            "x".to_owned() + &" ".repeat(20) + "é" + &" ".repeat(9),
            format!("x{0}é{0}", " ".repeat(8)),
        ),
    ] {
        assert_eq!(clean(&raw), want, "{raw:?}");
    }
    let hidden_between = format!("a{}b", " \u{200b}\u{1b}[m\u{fe0f}".repeat(30));
    assert_eq!(clean(&hidden_between), padded(0, 8).trim_end());
    let rows = Text::clean(&format!("{0}one\n{0}two", " ".repeat(40)));
    assert!(rows.rows().all(|row| row.starts_with(&" ".repeat(16)) && row.len() == 19));
    assert_eq!(Line::clean_word(&padded(16, 8)).as_str(), padded(8, 8));
}

#[test]
fn a_selector_stays_where_one_can_be_and_once() {
    let whole = [
        "\u{2764}\u{fe0f} \u{2764}\u{fe0e} \u{a9}\u{fe0f} \u{203c}\u{fe0f}",
        "1\u{fe0f}\u{20e3} #\u{fe0f}\u{20e3} *\u{fe0e}\u{20e3}",
        "\u{845b}\u{e0100} \u{20000}\u{e01ef} \u{fa10}\u{fe00}",
        "\u{2229}\u{fe00} \u{3001}\u{fe01} \u{1000}\u{fe00} \u{201c}\u{fe00}",
        "\u{2764}\u{fe0f}\u{301}",
    ];
    for text in whole {
        assert_eq!(clean(text), text);
    }
    for (raw, want) in [
        ("\u{2764}\u{fe0f}\u{fe0f}\u{fe0e}", "\u{2764}\u{fe0f}"),
        ("\u{845b}\u{e0100}\u{e0101}", "\u{845b}\u{e0100}"),
        ("1\u{fe0f} a\u{fe0f}\u{20e3} \u{fe0f}x", "1 a\u{20e3} x"),
        (
            "\u{e9}\u{fe0f} e\u{301}\u{fe0f} a\u{e0100} \u{2764}\u{e0100}",
            "\u{e9} e\u{301} a \u{2764}",
        ),
        ("\u{2764}\u{301}\u{fe0f}", "\u{2764}\u{301}"),
        ("\u{1f1e9}\u{fe0f}\u{1f1ea}\u{fe0f}", "\u{1f1e9}\u{1f1ea}"),
        ("\u{845b}\u{fe07} \u{2764}\u{fe00}", "\u{845b} \u{2764}"),
    ] {
        assert_eq!(clean(raw), want, "{raw:?}");
    }
}

#[test]
fn a_joiner_stays_behind_a_virama_that_ends_a_word() {
    for text in [
        "\u{d05}\u{d35}\u{d28}\u{d4d}\u{200d} \u{d35}\u{d28}\u{d4d}\u{d28}\u{d41}",
        "\u{d05}\u{d1f}\u{d42}\u{d30}\u{d4d}\u{200d}",
        "\u{d28}\u{d4d}\u{200d}, \u{d28}\u{d4d}\u{200d}.",
        "\u{915}\u{94d}\u{200d}!",
    ] {
        assert_eq!(clean(text), text);
    }
    for (raw, want) in [
        ("\u{d28}\u{d4d}\u{200d}x", "\u{d28}\u{d4d}x"),
        ("\u{d28}\u{d4d}\u{200c} a", "\u{d28}\u{d4d} a"),
        ("\u{d28}\u{200d} a", "\u{d28} a"),
        ("\u{d28}\u{d4d}\u{200d}\u{200d}\u{fe0f}x", "\u{d28}\u{d4d}x"),
        ("\u{d28}\u{d4d}\u{200d}\u{200d}", "\u{d28}\u{d4d}\u{200d}"),
    ] {
        assert_eq!(clean(raw), want, "{raw:?}");
    }
}

#[test]
fn vowels_and_finals_of_hangul_count_as_marks() {
    for (mark, count) in [('\u{1161}', 200), ('\u{11a8}', 200), ('\u{11ff}', 5), ('\u{d7b0}', 9)] {
        let piled: String = std::iter::repeat_n(mark, count).collect();
        let want: String = std::iter::repeat_n(mark, MAX_MARKS).collect();
        assert_eq!(clean(&format!("가{piled}!")), format!("가{want}!"), "{mark:?}");
    }
    let mixed = "가\u{1161}\u{301}\u{11a8}\u{302}\u{1161}\u{303}";
    assert_eq!(clean(mixed), "가\u{1161}\u{301}\u{11a8}\u{302}");
    let word = "\u{1112}\u{1161}\u{11ab}\u{1100}\u{116e}\u{11a8}\u{110b}\u{1165}";
    assert_eq!(clean(word), word, "a word in letters of Hangul");
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
        "🏴‍☠️ 🏳️‍⚧️ 👁️‍🗨️ 🇩🇪🇫🇷 🫱🏻‍🫲🏿",
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
        '\u{fe00}',
        '\u{e0100}',
        '\u{20e3}',
        '1',
        '\u{845b}',
        '\u{1161}',
        '\u{3164}',
        '\u{34f}',
        '\u{a0}',
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
    let gap = (1usize..20).prop_map(|count| " ".repeat(count));
    let piece = prop_oneof![
        9 => special.prop_map(String::from),
        3 => any::<char>().prop_map(String::from),
        1 => gap,
    ];
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
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
            prop_assert!(!is_hidden(c) && (c == ' ' || !is_blank(c)), "{out:?}");
        }
        let gaps = out.trim_start_matches(' ').split(|c| c != ' ').map(str::len).max();
        prop_assert!(gaps <= Some(MAX_BLANKS), "{out:?}");
        prop_assert!(out.len() - out.trim_start_matches(' ').len() <= MAX_INDENT, "{out:?}");
        let selectors = out.chars().zip(out.chars().skip(1));
        prop_assert!(!selectors.clone().any(|(a, b)| is_selector(a) && is_selector(b)), "{out:?}");
    }

    #[test]
    fn cleaning_twice_changes_nothing(raw in hostile_text()) {
        let once = clean(&raw);
        prop_assert_eq!(clean(&once), once);
    }

    #[test]
    fn text_without_hostile_characters_is_unchanged(
        // Letters but those of Hangul that are fillers or pile up, and the blanks.
        raw in "[[\\p{L}\\p{N}\\p{P}\\p{S} ]--[\\x{115F}-\\x{11FF}\\x{D7B0}-\\x{D7FB}\\x{3164}\\x{FFA0}\\x{2800}\\x{13441}\\x{13442}\\x{1D159}]]{0,60}",
    ) {
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

#[test]
fn rows_of_one_text_are_those_that_it_is_made_of() {
    let rows = ["one", "", "  two"].map(Line::clean);
    assert_eq!(Text::of_rows(&rows).as_str(), "one\n\n  two");
    let many = vec![Line::clean("x"); MAX_ROWS + 5];
    assert_eq!(Text::of_rows(&many).rows().count(), MAX_ROWS);
}

#[test]
fn a_beginning_is_marked_where_it_is_not_all() {
    for (line, want) in [("", ""), ("abc", "abc"), ("abcd", "abc…"), ("äöüß", "äöü…")] {
        assert_eq!(Line::clean(line).beginning(3).as_str(), want);
    }
    assert_eq!(Line::clean("a👩\u{200D}🚀").beginning(3).as_str(), "a👩…", "no half of a sequence");
}
