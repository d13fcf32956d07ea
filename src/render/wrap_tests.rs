use proptest::prelude::*;

use super::*;

/// The rows of a text that stands alone, without their indentation.
fn rows(text: &str, indent: usize, width: usize) -> Vec<String> {
    let mut rows = vec![String::new()];
    wrap(text, indent, indent, width, |piece| match piece {
        Piece::Text(text) => rows.last_mut().unwrap().push_str(text),
        Piece::Break => rows.push(String::new()),
    });
    rows
}

#[test]
fn rows_end_between_words_and_long_words_where_they_must() {
    for (text, want) in [
        ("", vec![""]),
        ("short", vec!["short"]),
        ("exactly sixteen!", vec!["exactly sixteen!"]),
        ("one two three four", vec!["one two three ", "four"]),
        // The blank stays in the row of the word before it.
        ("fifteen letters and", vec!["fifteen letters ", "and"]),
        ("sixteen letters1 and", vec!["sixteen ", "letters1 and"]),
        ("a    gap   of several  blanks", vec!["a    gap   of ", "several  blanks"]),
        ("        code; // of a row", vec!["        code; ", "// of a row"]),
        ("abcdefghijklmnopqrstuvwxyz", vec!["abcdefghijklmnop", "qrstuvwxyz"]),
        ("see abcdefghijklmnopqrstuvwxyz", vec!["see abcdefghijkl", "mnopqrstuvwxyz"]),
        // Those at its end are worth no row.
        ("exactly sixteen! ", vec!["exactly sixteen!"]),
        ("exactly sixteen!    ", vec!["exactly sixteen!"]),
        ("fifteen letters    ", vec!["fifteen letters "]),
        ("one two three four  ", vec!["one two three ", "four  "]),
        ("                    ", vec!["                "]),
        // Ideographs have no blanks between words; what closes a phrase does not begin a row.
        ("日本語の文章は空白なしで書きます", vec!["日本語の文章は空", "白なしで書きます"]),
        ("日本語の文章は空。白なし", vec!["日本語の文章は", "空。白なし"]),
        ("mixed 日本語の文章は空白", vec!["mixed 日本語の文", "章は空白"]),
        // Korean has them.
        ("가나다라마 바사아자차카 타파", vec!["가나다라마 ", "바사아자차카 ", "타파"]),
        // A character is not torn from its marks, nor a flag in two.
        (
            "e\u{301}e\u{301}e\u{301}e\u{301}e\u{301}e\u{301}e\u{301}e\u{301}e\u{301}e\u{301}e\u{301}e\u{301}e\u{301}e\u{301}e\u{301}e\u{301}x",
            vec!["e\u{301}".repeat(16).leak(), "x"],
        ),
    ] {
        assert_eq!(rows(text, 4, 20), want, "{text}");
    }
}

#[test]
fn a_link_stays_whole_and_what_follows_one_that_is_too_long_begins_a_row() {
    let long = "https://example.org/a/very/long/way?to=something";
    for (text, want) in [
        (
            format!("see {long} and go"),
            vec!["see ", "https://example.org/a/very/long/way?to=something ", "and go"],
        ),
        (format!("({long})"), vec!["(", "https://example.org/a/very/long/way?to=something)"]),
        ("go to http://a.b/c now".to_owned(), vec!["go to ", "http://a.b/c now"]),
        (
            format!("{long}日本語"),
            vec!["https://example.org/a/very/long/way?to=something", "日本語"],
        ),
        (
            "://no/scheme/so/it/is/cut/anywhere".to_owned(),
            vec!["://no/scheme/so/", "it/is/cut/anywhe", "re"],
        ),
    ] {
        assert_eq!(rows(&text, 4, 20), want, "{text}");
    }
}

#[test]
fn columns_are_the_most_that_a_terminal_takes() {
    for (text, want) in [
        ("", 0),
        ("hello", 5),
        ("日本", 4),
        ("e\u{301}", 1),
        ("❤", 1),
        ("❤\u{FE0F}", 2),
        ("👨\u{200D}👩\u{200D}👧", 6),
        ("🇩🇪", 4),
        ("✌", 2),
        ("㉈", 2),
        ("한글", 4),
        ("\u{1112}\u{1161}\u{11AB}", 2),
        // Marks beside a letter, a letter and signs before others: Unicode gives them no column of their own.
        ("ক\u{9BE}", 2),
        ("x\u{302E}", 3),
        ("\u{D4E}ക", 2),
        ("\u{70F}\u{8E2}\u{605}", 3),
        ("ക\u{D4D}\u{200D}", 1),
    ] {
        assert_eq!(columns(text), want, "{text}");
    }
    assert_eq!(rendered_columns(b"\x1b[K  \x1b[36m\xe2\x95\xb0\xe2\x94\x80>\x1b[0m "), 6);
    assert_eq!(rendered_columns(b"ab\x1b["), 2);
}

proptest! {
    #[test]
    fn nothing_is_lost_and_no_row_runs_over_but_for_a_link(
        text in "([a-z]{1,12} {1,3}|日本|e\u{301}|👨\u{200D}👩\u{200D}👧|한글|\\(https?://[a-z/]{1,60}| {1,9}|[a-z]{30,60}){0,20}",
        column in 0usize..60,
        indent in 0usize..12,
        width in 20usize..60,
    ) {
        let (mut whole, mut taken, mut row, mut first) = (String::new(), column, String::new(), true);
        let mut rows = Vec::new();
        wrap(&text, column, indent, width, |piece| match piece {
            Piece::Text(text) => {
                whole.push_str(text);
                row.push_str(text);
                taken += columns(text);
            }
            Piece::Break => {
                rows.push((std::mem::take(&mut row), taken, first));
                taken = indent;
                first = false;
            }
        });
        rows.push((row, taken, first));
        prop_assert!(text.starts_with(&whole));
        prop_assert_eq!(whole.trim_end(), text.trim_end());
        let last = &rows.last().unwrap().0;
        prop_assert!(rows.len() == 1 || !last.trim().is_empty(), "a row of blanks at the end");
        for (row, taken, first) in rows {
            let excused = row.contains("://") || (first && row.is_empty());
            prop_assert!(taken <= width || excused, "{:?} takes {} of {}", row, taken, width);
            prop_assert!(first || !row.is_empty(), "a row with nothing in it");
        }
    }
}
