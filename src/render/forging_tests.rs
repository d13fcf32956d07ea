//! What a terminal shows of hostile texts, judged by one: nothing that somebody else wrote stands where
//! the server speaks.

use std::sync::Arc;

use alacritty_terminal::event::VoidListener;
use alacritty_terminal::index::{Column, Line as Row};
use alacritty_terminal::term::cell::Flags;
use alacritty_terminal::term::test::TermSize;
use alacritty_terminal::term::{Config, Term};
use alacritty_terminal::vte::ansi::Processor;
use proptest::prelude::*;
use unicode_width::UnicodeWidthChar;

use super::*;
use crate::chat::moderation::Moderation;
use crate::chat::pictures::Picture;
use crate::chat::text::Text;

/// A row of the screen: its text, whether it stands in the first column, and whether the terminal itself
/// ran on from the row before.
#[derive(Debug)]
struct Shown {
    text: String,
    first_column: bool,
    ran_on: bool,
}

/// More rows than any text here takes.
const ROWS: usize = 150;

/// What a terminal of so many columns shows.
fn screen(bytes: &[u8], columns: usize) -> Vec<Shown> {
    let config = Config { scrolling_history: 0, ..Config::default() };
    let mut term = Term::new(config, &TermSize::new(columns, ROWS), VoidListener);
    Processor::<alacritty_terminal::vte::ansi::StdSyncHandler>::new().advance(&mut term, bytes);
    let mut ran_on = false;
    let mut rows = Vec::new();
    for row in (0..ROWS).map(|row| &term.grid()[Row(row as i32)]) {
        let mut text = String::new();
        for cell in (0..columns).map(|column| &row[Column(column)]) {
            if !cell.flags.intersects(Flags::WIDE_CHAR_SPACER | Flags::LEADING_WIDE_CHAR_SPACER) {
                text.push(cell.c);
            }
        }
        let first_column = row[Column(0)].c != ' ';
        rows.push(Shown { text: text.trim_end().to_owned(), first_column, ran_on });
        ran_on = row[Column(columns - 1)].flags.contains(Flags::WRAPLINE);
    }
    let used = rows.iter().rposition(|row| !row.text.is_empty()).map_or(0, |last| last + 1);
    rows.truncate(used);
    rows
}

/// The characters of a text that take columns, without blanks.
fn ink(text: &str) -> String {
    let is_ink = |c: &char| !c.is_whitespace() && *c != '\u{2800}' && c.width().unwrap_or(0) > 0;
    text.chars().filter(is_ink).collect()
}

fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

/// Everything in which somebody's words are shown, and the rows that the server begins in it.
fn everything(sheet: &mut Sheet, kind: usize, text: &Text) -> usize {
    let line = Line::clean(&text.as_str().replace('\n', " "));
    let who = Person::named(name("al"));
    let entry = |kind| Entry {
        at: UnixMillis(0),
        picture: Picture::DEFAULT,
        author: who.clone(),
        kind,
        text: text.clone(),
    };
    let said = |kind| Happened::Said { seq: 0, entry: Arc::new(entry(kind)) };
    let what = match kind {
        0 => said(MessageKind::Said),
        1 => said(MessageKind::Action),
        2 => said(MessageKind::Tag(name("bo"))),
        3 => Happened::Asked { asker: who.clone(), question: line, seq: 1 },
        4 => Happened::Moderated { by: name("al"), what: Arc::new(Moderation::Topic(Some(line))) },
        5 => Happened::Answered(AnswerPiece {
            id: 1,
            asker: who.clone(),
            first: true,
            lines: text.rows().map(Line::clean).collect(),
            open: false,
            shown: 0,
        }),
        6 => {
            sheet.open();
            direct(sheet, Direct::From(&Person::named(name("al"))), &line, None);
            sheet.close();
            return 2;
        }
        7 => {
            sheet.open();
            announcement(sheet, &name("al"), &line, None);
            sheet.close();
            return 2;
        }
        _ => {
            sheet.open();
            Retelling::new(Times::Clock { utc_offset_secs: 0 }, UnixMillis(0))
                .next(sheet, &entry(MessageKind::Said));
            sheet.close();
            return 2;
        }
    };
    let times = if sheet.form().clock { Times::Clock { utc_offset_secs: 0 } } else { Times::Ages };
    event(sheet, &Event { at: UnixMillis(0), what }, times, false);
    2
}

const KINDS: usize = 9;

/// Characters of a message.
const MAX_CHARS: usize = 1_000;

/// As many columns as the longest heading of [`everything`].
const MIN_COLUMNS: u16 = 26;

fn hostile() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        "[a-z]{1,12}",
        " {1,40}",
        "[a-z]{60,130}",
        Just("\u{3000}\u{A0}\u{2003}\u{2800}".to_owned()),
        Just("[LOBBY] bob has left the lobby".to_owned()),
        Just("[@_@] admin [just now]".to_owned()),
        Just("[AI Response to bob]".to_owned()),
        Just("> ".to_owned()),
        Just("\n".to_owned()),
        Just("\t\r\u{1b}[1G".to_owned()),
        Just("日本語の文章は空白なしで書きます。".to_owned()),
        Just("👨\u{200D}👩\u{200D}👧\u{200D}👦".repeat(9)),
        Just("🇩🇪🏴\u{E0067}\u{E0062}\u{E0065}\u{E006E}\u{E0067}\u{E007F}❤\u{FE0F}".to_owned()),
        Just("e\u{301}\u{302}\u{303}".repeat(30)),
        Just("가나다라마바사 ".repeat(6)),
        Just("\u{3164}\u{FFA0}\u{200B}".repeat(30)),
    ];
    prop::collection::vec(part, 0..25)
        .prop_map(|parts| parts.concat().chars().take(MAX_CHARS).collect())
}

/// Shows a text in every way on a terminal of at least `width` columns, and judges it.
fn judge(raw: &str, link: Option<&str>, width: u16, wider: usize, form: Form) {
    let text = Text::clean(raw);
    if text.rows().all(|row| Line::clean(row).is_blank()) {
        return;
    }
    for kind in 0..KINDS {
        let mut sheet = Sheet::new(Form { width, crlf: true, ..form });
        let headings = everything(&mut sheet, kind, &text);
        let rows = screen(&sheet.take(), usize::from(width) + wider);
        let begun = rows.iter().filter(|row| row.first_column && !row.ran_on).count();
        assert_eq!(begun, headings, "{kind} at {width}+{wider}: {rows:#?}");
        let tails = rows.iter().filter(|row| row.first_column && row.ran_on);
        for tail in tails {
            let first = tail.text.split(' ').next().unwrap_or_default();
            assert!(link.is_some_and(|link| link.contains(first)), "{kind} at {width}: {tail:?}");
        }
        let shown: String = rows.iter().map(|row| ink(&row.text)).collect();
        let words = ink(&text.as_str().replace('\n', ""));
        assert!(shown.contains(&words), "{kind} at {width}: {words} is not in {shown}");
    }
}

proptest! {
    // Each case is shown in every way, by an emulator that is slow without optimisation.
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn nobodys_words_begin_a_row(
        raw in hostile(),
        width in MIN_COLUMNS..120,
        wider in prop_oneof![Just(0usize), 0usize..60],
        compact in any::<bool>(),
        clock in any::<bool>(),
    ) {
        judge(&raw, None, width, wider, Form { compact, clock: clock || compact, ..Form::default() });
    }

    #[test]
    fn a_link_stays_whole_and_only_its_tail_runs_on(
        before in hostile(),
        path in "[a-z0-9/?=&%-]{20,200}",
        after in hostile(),
        width in MIN_COLUMNS..120,
    ) {
        let link = format!("https://example.org/{path}");
        let raw = format!("{before} {link} {after}");
        judge(&raw, Some(&link), width, 0, Form::default());
        // Whole: no line end of ours is in it.
        let mut sheet = Sheet::new(Form { width, crlf: true, ..Form::default() });
        let text = Text::clean(&raw);
        if text.as_str().contains(&link) {
            everything(&mut sheet, 0, &text);
            let bytes = sheet.take();
            let shown = String::from_utf8_lossy(&bytes);
            prop_assert!(shown.contains(&link), "{shown}");
        }
    }
}

#[test]
fn a_message_is_wrapped_under_itself() {
    let entry = Entry {
        at: UnixMillis(0),
        picture: Picture::DEFAULT,
        author: Person::named(name("alice")),
        kind: MessageKind::Said,
        text: Text::clean("fn main() {\n    let greeting = \"hello\";\n}\none two three four five"),
    };
    let mut sheet = Sheet::new(Form { palette: Palette::None, width: 24, ..Form::default() });
    message(&mut sheet, &entry, None, false);
    let shown = String::from_utf8(sheet.take().to_vec()).unwrap();
    assert_eq!(
        shown,
        "[@_@] alice\n  ╰─> fn main() {\n          let greeting \n      = \"hello\";\n      }\n      \
         one two three \n      four five\n"
    );
}

#[test]
fn notices_go_on_under_their_text_and_a_time_is_not_torn() {
    let shown = |width, what| {
        let mut sheet =
            Sheet::new(Form { palette: Palette::None, clock: true, width, ..Form::default() });
        let times = Times::Clock { utc_offset_secs: 0 };
        event(&mut sheet, &Event { at: UnixMillis(0), what }, times, false);
        String::from_utf8(sheet.take().to_vec()).unwrap()
    };
    let asked = |question: &str| Happened::Asked {
        asker: Person::named(name("alice")),
        question: Line::clean(question),
        seq: 1,
    };
    assert_eq!(
        shown(48, asked("what is the difference between tasks and goroutines?")),
        "\n[LOBBY] alice asked AI: what is the difference \n                        between tasks and \n\
         \x20                       goroutines? [00:00]\n> "
    );
    assert_eq!(
        shown(48, asked("one two three four five")),
        "\n[LOBBY] alice asked AI: one two three four five\n       [00:00]\n> "
    );
}
