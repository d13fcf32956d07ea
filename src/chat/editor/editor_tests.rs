use proptest::prelude::*;

use super::*;

/// What is drawn, with the cursor as `|`.
fn shown(editor: &Editor) -> String {
    let Draft { text, cursor } = editor.draft();
    format!("{}|{}", &text[..cursor], &text[cursor..])
}

/// All that comes of keys, but for how much work they were.
fn type_in(editor: &mut Editor, keys: &str) -> Vec<Happened> {
    let mut happened = all_of(editor, keys);
    happened.retain(|happened| !matches!(happened, Happened::Worked(_)));
    happened
}

fn all_of(editor: &mut Editor, keys: &str) -> Vec<Happened> {
    let mut input = keys.as_bytes();
    let happened = std::iter::from_fn(|| editor.next(&mut input)).collect();
    assert!(input.is_empty());
    happened
}

fn typed(keys: &str) -> Editor {
    let mut editor = Editor::new();
    type_in(&mut editor, keys);
    editor
}

fn line(text: &str) -> Happened {
    Happened::Line(text.to_owned())
}

const LEFT: &str = "\x1b[D";
const UP: &str = "\x1b[A";
const DOWN: &str = "\x1b[B";

fn paste(text: &str) -> String {
    format!("\x1b[200~{text}\x1b[201~")
}

#[test]
fn keys_do_what_they_do_in_readline() {
    for (keys, want) in [
        ("", "|"),
        ("abc", "abc|"),
        // Moving.
        ("abc\x02\x02", "a|bc"),
        ("abc\x01\x02", "|abc"),
        ("abc\x01\x06", "a|bc"),
        ("abc\x06", "abc|"),
        ("abc\x01\x05", "abc|"),
        ("abc\x01x", "x|abc"),
        ("one two-three.\x1bb", "one two-|three."),
        ("one two-three.\x1bb\x1bb\x1bb\x1bb", "|one two-three."),
        ("one  two\x01\x1bf", "one|  two"),
        ("one  two\x01\x1bf\x1bf\x1bf", "one  two|"),
        ("  ..\x1bb", "|  .."),
        ("  ..\x01\x1bf", "  ..|"),
        // Deleting.
        ("abc\x7f", "ab|"),
        ("abc\x01\x7f", "|abc"),
        ("abc\x02\x1b[3~", "ab|"),
        ("abc\x1b[3~", "abc|"),
        ("abc\x04", "abc|"),
        ("abc\x01\x04", "|bc"),
        // Killing, and having it back.
        ("one two\x15", "|"),
        ("one two\x1bb\x15", "|two"),
        ("one two\x1bb\x0b", "one |"),
        ("one two\x0b", "one two|"),
        ("one two-three\x17", "one |"),
        ("one two-three  \x17", "one |"),
        ("one two\x1bb\x17", "|two"),
        ("one two-three\x1b\x7f", "one two-|"),
        ("one two-three..\x1b\x7f", "one two-|"),
        ("one two-three\x01\x1bd", "| two-three"),
        ("one two-three\x01\x1bd\x1bd", "|-three"),
        ("one two\x15\x19", "one two|"),
        ("one two\x15x\x19\x19", "xone twoone two|"),
        ("a\x19", "a|"),
        // Kills in a row are one, whichever way they went.
        ("one two three\x17\x17\x19", "one two three|"),
        ("one two three\x17\x17\x01\x19", "two three|one "),
        ("one two three\x1bb\x02\x0b\x15\x19", "one two three|"),
        ("one two three\x01\x1bd\x1bd\x05\x19", " threeone two|"),
        ("one two\x17x\x17\x19", "one x|"),
        ("one two\x17\x02\x06\x17\x19", "one |"),
        // A kill of nothing is none: the row ends, what was killed stays.
        ("one two\x17\x05\x0b\x19", "one two|"),
        // Transposing.
        ("abc\x14", "acb|"),
        ("abc\x02\x14", "acb|"),
        ("abc\x02\x02\x14", "ba|c"),
        ("abc\x01\x14", "|abc"),
        ("a\x14", "a|"),
        ("\x14", "|"),
        // Ctrl-C drops the draft, and Ctrl-Y has it back.
        ("one two\x03", "|"),
        ("one two\x02\x03a \x19", "a one two|"),
        ("one two\x17\x03\x19", "one |"),
        // Nothing of what is unknown is left.
        ("a\x1b[15~\x1bzb\x00\x1b[[Ac", "abc|"),
        ("tab\tb", "tabb|"),
    ] {
        assert_eq!(shown(&typed(keys)), want, "{keys:?}");
    }
}

#[test]
fn what_people_see_as_a_character_is_one() {
    for (keys, want) in [
        ("cafe\u{301}\x7f", "caf|"),
        ("e\u{301}x\x02\x02", "|e\u{301}x"),
        ("go 🇩🇪🇫🇷\x02", "go 🇩🇪|🇫🇷"),
        ("👩‍👩‍👧x\x01\x06", "👩‍👩‍👧|x"),
        ("👩‍👩‍👧x\x01\x04", "|x"),
        ("本x\x02\x02\x7f", "|本x"),
        ("e\u{301}本\x14", "本e\u{301}|"),
        ("한글\u{1112}\u{1161}\u{11ab}\x7f", "한글|"),
        ("grüße 世界\x1bb", "grüße |世界"),
        ("grüße 世界\x1bb\x1bb\x1bd", "| 世界"),
    ] {
        assert_eq!(shown(&typed(keys)), want, "{keys:?}");
    }
}

#[test]
fn a_character_is_put_together_before_another_that_it_could_join() {
    // Halves of a flag before a flag, a family before somebody.
    for (before, keys, want) in [
        ("🇫🇷", "🇩🇪", "🇩🇪|🇫🇷"),
        ("👦x", "👩‍👧", "👩‍👧|👦x"),
        ("🇫🇷", "🇩\x7f", "|🇷"),
        ("👦x", "👩\u{200d}", "👩\u{200d}👦|x"),
    ] {
        let mut editor = typed(&format!("{before}\x01"));
        type_in(&mut editor, keys);
        assert_eq!(shown(&editor), want, "{before} {keys:?}");
    }
}

#[test]
fn what_acts_on_a_terminal_is_in_no_draft() {
    let keys = format!("a\u{9b}31m\u{202e}b\u{2028}c\u{feff}{}", paste("d\x07\u{85}e\tf\u{200b}"));
    assert_eq!(shown(&typed(&keys)), "a31mbcde f|");
}

#[test]
fn enter_makes_a_line_of_the_draft() {
    let mut editor = Editor::new();
    assert_eq!(
        type_in(&mut editor, "one\rtwo\x02\r\nthree\r\0\r"),
        [line("one"), line("two"), line("three"), line("")]
    );
    assert!(editor.is_empty());
    assert_eq!(type_in(&mut editor, "for\r\nfo"), [line("for")], "an LF behind a CR is no Enter");
    assert_eq!(editor.next(&mut &b"\xe2\x82"[..]), None);
    assert_eq!(type_in(&mut editor, "\r"), [line("fo\u{FFFD}")], "a character without its end");
}

#[test]
fn keys_without_a_draft_ask_how_to_leave_or_leave() {
    let mut editor = Editor::new();
    let all = type_in(&mut editor, "\x03\x04a\x03\x03\x0c\x12\x1b[5;7R");
    let position = Happened::Position { row: 5, column: 7 };
    assert_eq!(
        all,
        [
            Happened::Interrupted,
            Happened::End,
            Happened::Interrupted,
            Happened::Clear,
            Happened::Redraw,
            position
        ]
    );
    type_in(&mut editor, "abc\x12\x0c");
    assert_eq!(shown(&editor), "abc|", "drawing changes nothing");
}

#[test]
fn others_are_told_before_what_follows_is_read() {
    let mut editor = Editor::new();
    let mut input = &b"alice\rsecret\r"[..];
    assert_eq!(editor.next(&mut input), Some(line("alice")));
    assert_eq!(input, b"secret\r");
}

#[test]
fn what_was_typed_before_the_editor_came_stands_there() {
    let mut editor = Editor::new();
    editor.start_with(b"helk\x7flo \xe2\x82");
    editor.next(&mut &b"\xac"[..]);
    assert_eq!(shown(&editor), "hello €|");
}

#[test]
fn lines_of_before_are_had_by_up_and_down() {
    let sent = "one\rtwo\rthree\r";
    for (keys, want) in [
        (UP.to_owned(), "three|"),
        (format!("{UP}{UP}"), "two|"),
        (format!("{UP}{UP}{UP}{UP}{UP}"), "one|"),
        (format!("{UP}{UP}{DOWN}"), "three|"),
        ("\x10\x10\x0e".to_owned(), "three|"),
        // The draft is below the newest.
        (format!("draft{UP}{UP}{DOWN}{DOWN}"), "draft|"),
        (format!("draft{UP}{DOWN}{DOWN}{DOWN}"), "draft|"),
        (DOWN.to_owned(), "|"),
        (format!("a{DOWN}b"), "ab|"),
        // A changed old line is forgotten when it is left.
        (format!("draft{UP}{UP}!!{DOWN}{UP}"), "two|"),
        (format!("draft{UP}!!{DOWN}"), "draft|"),
        (format!("draft{UP}!!{DOWN}{UP}"), "three|"),
        (format!("{UP}{UP}\x15{UP}{DOWN}"), "two|"),
        // Sent, it is the newest.
        (format!("{UP}{UP}{UP}!\r{UP}"), "one!|"),
        (format!("{UP}{UP}{UP}!\r{UP}{UP}"), "three|"),
        (format!("{UP}{UP}{UP}!\r{UP}{UP}{UP}{UP}"), "one|"),
        // One equal to the newest is not added.
        (format!("three\rthree\r{UP}{UP}"), "two|"),
        (format!("{UP}\r{UP}{UP}"), "two|"),
        (format!("one\r{UP}{UP}"), "three|"),
        // Nor what is blank.
        (format!("\r  \r{UP}"), "three|"),
        // With Ctrl-C the draft goes, wherever it was.
        (format!("draft{UP}\x03{DOWN}"), "|"),
        (format!("draft{UP}\x03{UP}"), "three|"),
    ] {
        assert_eq!(shown(&typed(&format!("{sent}{keys}"))), want, "{keys:?}");
    }
    assert_eq!(shown(&typed(&format!("draft{UP}{DOWN}"))), "draft|", "where there are none");
}

#[test]
fn the_history_is_bounded() {
    let mut editor = Editor::new();
    for count in 0..MAX_HISTORY_LINES + 20 {
        type_in(&mut editor, &format!("{count}\r"));
    }
    type_in(&mut editor, &UP.repeat(MAX_HISTORY_LINES + 50));
    assert_eq!(shown(&editor), "20|");
    let mut editor = Editor::new();
    for letter in ["a", "b", "c", "d"] {
        type_in(&mut editor, &format!("{}\r", letter.repeat(MAX_DRAFT_BYTES / 2 + 1)));
    }
    let whole = type_in(&mut editor, &format!("{}\r", UP.repeat(9)));
    assert_eq!(whole, [line(&"b".repeat(MAX_DRAFT_BYTES / 2 + 1))], "in bytes too");
}

#[test]
fn a_paste_is_one_draft_of_rows() {
    let code = "fn main() {\r\n\treturn;\r}\n";
    let mut editor = Editor::new();
    assert_eq!(type_in(&mut editor, &paste(code)), []);
    assert_eq!(shown(&editor), "fn main() {⏎ return;⏎}⏎|");
    assert_eq!(type_in(&mut editor, "\r"), [line("fn main() {\n return;\n}")]);
    type_in(&mut editor, UP);
    assert_eq!(shown(&editor), "fn main() {⏎ return;⏎}|", "and one line of the history");
    type_in(&mut editor, "\x7f\x7f\x01\x1b[3~");
    assert_eq!(shown(&editor), "|n main() {⏎ return;");
    // No key is in it, however it is sent.
    let mut editor = typed("x\r");
    type_in(&mut editor, &paste(&format!("a\t{UP}\x03\x15\x04")));
    assert_eq!(shown(&editor), "a |");
}

#[test]
fn a_mark_on_a_line_end_tears_nothing() {
    let mut editor = typed(&paste("a\n\u{301}b"));
    assert_eq!(shown(&editor), "a⏎\u{301}b|");
    type_in(&mut editor, &LEFT.repeat(2));
    assert_eq!(
        shown(&editor),
        "a⏎\u{301}|b",
        "it stands on the sign, so the cursor is behind both"
    );
}

#[test]
fn what_is_too_much_is_refused_at_enter_and_stays() {
    let (fits, mut editor) = ("x".repeat(MAX_DRAFT_BYTES), Editor::new());
    assert_eq!(type_in(&mut editor, &format!("{fits}\r")), [line(&fits)]);
    assert_eq!(
        type_in(&mut editor, &format!("{fits}éy\r\r")),
        [Happened::TooLong, Happened::TooLong]
    );
    assert_eq!(editor.draft().text, fits);
    type_in(&mut editor, "z");
    assert_eq!(type_in(&mut editor, "\x14\r"), [Happened::TooLong], "nothing was taken away");
    assert_eq!(type_in(&mut editor, "\x7f\r"), [line(&fits[1..])]);
    type_in(&mut editor, &format!("{fits}y"));
    assert_eq!(type_in(&mut editor, "\x03\r"), [line("")]);
    let odd = format!("y{}", "é".repeat(MAX_DRAFT_BYTES / 2));
    type_in(&mut editor, &odd);
    assert_eq!(editor.draft().text.len(), MAX_DRAFT_BYTES - 1, "no half of a character");
    type_in(&mut editor, "z");
    assert_eq!(
        editor.draft().text.len(),
        MAX_DRAFT_BYTES - 1,
        "nor what comes behind what is missing"
    );
    assert_eq!(type_in(&mut editor, "\r"), [Happened::TooLong]);
}

#[test]
fn a_refused_line_is_the_draft_again() {
    let mut editor = typed("one\r");
    assert_eq!(type_in(&mut editor, "much too long\r"), [line("much too long")]);
    editor.put_back("much too long");
    assert_eq!(shown(&editor), "much too long|");
    type_in(&mut editor, UP);
    assert_eq!(shown(&editor), "one|", "it was not sent");
    type_in(&mut editor, DOWN);
    assert_eq!(shown(&editor), "much too long|");
    type_in(&mut editor, "\rmore");
    editor.put_back("much too long");
    assert_eq!(shown(&editor), "more|", "not over what is typed since");
    type_in(&mut editor, UP);
    assert_eq!(shown(&editor), "much too long|", "but not lost");
}

#[test]
fn passwords_are_drawn_as_stars() {
    for (keys, want) in [
        ("/join den", "/join den|"),
        ("/join den h", "/join den *|"),
        ("/join den hunter2\x02\x02", "/join den *****|**"),
        ("/j den open sesame", "/j den ***********|"),
        ("/join den e\u{301}👩‍👧本", "/join den ***|"),
        ("/join den \u{301}x", "/join den**|"),
        ("/create den hunter2 All of it", "/create den ******* All of it|"),
        ("/create den \"open ses", "/create den *********|"),
        ("/register hunter2\x01", "|/register *******"),
        ("/passwd one two", "/passwd *******|"),
        ("/unregister x", "/unregister *|"),
        ("/setpass x", "/setpass *|"),
        ("/msg bob x", "/msg bob x|"),
        // What a word is may change, and with it what is seen.
        ("/join den hunter2\x01x", "x|/join den hunter2"),
        ("/join den hunter2\x01x\x7f", "|/join den *******"),
    ] {
        assert_eq!(shown(&typed(keys)), want, "{keys:?}");
    }
    let pasted = typed(&paste("/join den one\ntwo"));
    assert_eq!(shown(&pasted), "/join den *******|");
}

#[test]
fn passwords_are_in_no_history() {
    let mut editor = typed("one\r");
    let sent = type_in(&mut editor, "/join den hunter2\r/register hunter2\r/create den two\r");
    assert_eq!(
        sent,
        [line("/join den hunter2"), line("/register hunter2"), line("/create den two")]
    );
    type_in(&mut editor, UP);
    assert_eq!(shown(&editor), "one|");
    type_in(&mut editor, "\x15/join den\r");
    type_in(&mut editor, UP);
    assert_eq!(shown(&editor), "/join den|", "without one it is a line like others");
}

#[test]
fn at_a_password_nothing_is_drawn_or_kept() {
    let mut editor = typed("one\rtwo\x15");
    editor.set_asks(Asks::Secret);
    assert_eq!(type_in(&mut editor, "hunter2\x02\x02\t"), []);
    assert_eq!(shown(&editor), "|");
    type_in(&mut editor, UP);
    assert_eq!(type_in(&mut editor, "\x05\r"), [line("hunter2")]);
    type_in(&mut editor, "wrong\x15other\x17gone\x03half");
    editor.set_asks(Asks::Chat);
    assert_eq!(shown(&editor), "half|", "what is typed ahead stays");
    type_in(&mut editor, "\x15\x19");
    type_in(&mut editor, "\x15\x1b[A");
    assert_eq!(shown(&editor), "one|");
    let mut editor = typed("two\x15");
    editor.set_asks(Asks::Secret);
    type_in(&mut editor, "hunter2\x15\x03");
    editor.set_asks(Asks::Chat);
    type_in(&mut editor, "\x19");
    assert_eq!(shown(&editor), "two|", "no key brings a password to where it is seen");
}

#[test]
fn a_name_is_shown_and_neither_kept_nor_completed() {
    let mut editor = Editor::new();
    editor.set_asks(Asks::Name);
    assert_eq!(type_in(&mut editor, "/qu\t\x15bob\rali"), [line("bob")]);
    assert_eq!(shown(&editor), "ali|");
    editor.set_asks(Asks::Chat);
    type_in(&mut editor, UP);
    assert_eq!(shown(&editor), "ali|");
}

/// What Tab makes of what is typed, where these are the candidates.
fn completed(keys: &str, candidates: &[&str], tail: &'static str) -> (String, Option<bool>) {
    let (mut editor, mut again) = (Editor::new(), None);
    let mut input = keys.as_bytes();
    while let Some(happened) = editor.next(&mut input) {
        if let Happened::Complete(wanted) = happened {
            again = Some(wanted.again);
            let candidates = candidates.iter().map(|word| (*word).to_owned()).collect();
            editor.complete(&Completion { candidates, tail });
        }
    }
    (shown(&editor), again)
}

#[test]
fn tab_completes_the_word_before_the_cursor() {
    for (keys, candidates, tail, want) in [
        ("/jo\t", &["/join"][..], " ", "/join |"),
        ("bo\t", &["Bob"], ": ", "Bob: |"),
        ("hi BO\t", &["bob"], " ", "hi bob |"),
        ("bo\t", &["Boris", "bob"], " ", "bo|"),
        ("b\t", &["Boris", "bOb"], " ", "Bo|"),
        ("b\t", &["bonnie", "Bonny"], " ", "bonn|"),
        ("bob\t", &["bob", "bobby"], " ", "bob|"),
        ("bob\t", &["bob"], " ", "bob |"),
        ("zed\t", &[], " ", "zed|"),
        // What stands behind the cursor stays, and has its blank already.
        ("hi bo you\x1bb\x02\t", &["bob"], " ", "hi bob |you"),
        ("hi boyou\x1bb\x06\x06\t", &["bob"], " ", "hi bob |you"),
        ("bo you\x01\x06\x06\t", &["bob"], ": ", "bob: |you"),
        ("b\t", &["本a", "本b"], " ", "b|"),
    ] {
        assert_eq!(completed(keys, candidates, tail).0, want, "{keys:?}");
    }
}

#[test]
fn a_second_tab_lists() {
    let candidates = ["bonnie", "bonny"];
    for (keys, again) in [
        ("bo\t", Some(false)),
        ("bo\t\t", Some(true)),
        ("bonn\t\t", Some(true)),
        ("bonn\t\t\t", Some(true)),
        ("bo\tn\t", Some(false)),
        ("bo\t\x02\x06\t", Some(false)),
        ("bo\t\r bo\t", Some(false)),
        ("\t", None),
        ("bo \t", None),
        ("/register bo\t", None),
        ("/slow 1\t", None),
    ] {
        assert_eq!(completed(keys, &candidates, " ").1, again, "{keys:?}");
    }
}

#[test]
fn a_late_answer_changes_nothing() {
    let answer = Completion { candidates: vec!["bob".into()], tail: " " };
    for keys in ["x", "\x02", "\x7f", "\r", "\x03", "\x1b[A", "\x14"] {
        let mut editor = typed("one\r");
        let asked = type_in(&mut editor, "bo\t");
        assert!(matches!(&asked[..], [Happened::Complete(wanted)] if wanted.before == "bo"));
        type_in(&mut editor, keys);
        let before = shown(&editor);
        editor.complete(&answer);
        assert_eq!(shown(&editor), before, "{keys:?}");
    }
    let mut editor = typed("bo");
    editor.complete(&answer);
    assert_eq!(shown(&editor), "bo|", "nor does one that nobody asked for");
}

#[test]
fn a_password_is_told_nobody_by_a_tab() {
    for keys in ["/join den hun\t", "/register hun\t", "/create den bo\t", "/join den x bo\t"] {
        assert_eq!(type_in(&mut Editor::new(), keys), [], "{keys:?}");
    }
    let all = type_in(&mut Editor::new(), "/join den hunter2\x1bb\x02\t");
    assert!(matches!(&all[..], [Happened::Complete(wanted)] if wanted.before == "/join den"));
}

#[test]
fn a_key_costs_what_it_takes_and_others_have_their_turn() {
    let mut editor = typed(&"本".repeat(MAX_DRAFT_BYTES / 3));
    // Over the whole draft with each key.
    for keys in ["\x1bb\x1bf", "\x15\x19", "\x03\x19"] {
        let worked = all_of(&mut editor, &keys.repeat(50));
        let sum = worked.iter().map(|happened| match happened {
            Happened::Worked(bytes) => *bytes,
            other => panic!("{other:?}"),
        });
        let sum: usize = sum.sum();
        assert!(sum >= 90 * MAX_DRAFT_BYTES, "{keys:?}: {sum}");
        assert!(worked.len() >= 40, "{keys:?}: {}", worked.len());
    }
    assert_eq!(editor.draft().text, "本".repeat(MAX_DRAFT_BYTES / 3));
    let mut editor = Editor::new();
    let line = "what somebody types\x1b[D\x1b[D\x7f\x05 and mends\x03";
    assert_eq!(all_of(&mut editor, &line.repeat(50)), [], "what people do is not worth a word");
}

#[test]
fn a_tab_that_others_answer_costs_what_it_takes_too() {
    let mut editor = typed(&"x".repeat(MAX_DRAFT_BYTES));
    let all = all_of(&mut editor, &"\t".repeat(50));
    assert_eq!(all.len(), 50);
    for happened in all {
        let Happened::Complete(wanted) = happened else { panic!("{happened:?}") };
        assert!(wanted.work >= 2 * MAX_DRAFT_BYTES, "{}", wanted.work);
    }
}

#[test]
fn what_is_longer_than_any_character_takes_several_keys() {
    let mut editor = typed(&format!("x{}", "\u{301}".repeat(200)));
    type_in(&mut editor, "\x7f");
    assert_eq!(editor.draft().text.chars().count(), 201 - 64);
    type_in(&mut editor, "\x7f\x7f\x7f\x7f");
    assert!(editor.is_empty());
    let flags = format!("🇫{}", "🇩🇪".repeat(100));
    let mut editor = typed(&flags);
    for _ in 0..150 {
        type_in(&mut editor, "\x02");
        let Draft { text, cursor } = editor.draft();
        let mut ends = text.grapheme_indices(true).map(|(start, _)| start);
        assert!(ends.any(|at| at == cursor), "it is drawn between two characters");
    }
    assert_eq!(editor.draft().cursor, 0);
}

#[test]
fn an_editor_at_rest_is_small() {
    let editor = typed("one\x1b[A\x15");
    assert!(size_of::<Editor>() <= 256);
    assert_eq!(editor.draft().text.len(), 0);
    let debug = format!("{:?} {:?}", typed("hunter2"), typed("hunter2").draft());
    assert!(!debug.contains("hunter2"), "{debug}");
}

/// The editor as a vector of what people see as characters.
#[derive(Default)]
struct Model {
    text: String,
    /// In bytes; what is seen is the first character that ends there or behind it.
    at: usize,
    killed: String,
    killing: bool,
    history: Vec<String>,
    /// The line of the history that stands there, and the draft that was left for it.
    browsed: Option<(usize, String)>,
}

impl Model {
    fn characters(&self) -> (Vec<String>, usize) {
        let all: Vec<String> = self.text.graphemes(true).map(str::to_owned).collect();
        let (mut end, mut index) = (0, 0);
        while end < self.at {
            end += all[index].len();
            index += 1;
        }
        (all, index)
    }

    fn set(&mut self, all: &[String], index: usize) {
        self.text = all.concat();
        self.at = all[..index].concat().len();
    }

    fn show(&mut self, text: &str) {
        self.text = text.to_owned();
        self.at = text.len();
    }

    fn kill(&mut self, from: usize, to: usize, back: bool, killing: bool) {
        let (mut all, _) = self.characters();
        let killed: String = all.drain(from..to).collect();
        self.set(&all, from);
        if killed.is_empty() {
            return;
        }
        self.killed = match (killing, back) {
            (false, _) => killed,
            (true, true) => killed + &self.killed,
            (true, false) => self.killed.clone() + &killed,
        };
        self.killing = true;
    }

    /// Carries a key out; the line that is sent.
    fn key(&mut self, key: Key) -> Option<String> {
        let killing = std::mem::take(&mut self.killing);
        let (mut all, at) = self.characters();
        self.set(&all, at);
        let of_word = |c: &String| c.chars().next().is_some_and(char::is_alphanumeric);
        let blank = |c: &String| c.starts_with([' ', '\n', '\u{3000}']);
        let back = |stops: &dyn Fn(&String) -> bool, from: usize| {
            all[..from].iter().rposition(stops).map_or(0, |at| at + 1)
        };
        let on = |stops: &dyn Fn(&String) -> bool, from: usize| {
            all[from..].iter().position(stops).map_or(all.len(), |at| from + at)
        };
        let word_left = back(&|c| !of_word(c), back(&of_word, at));
        let word_right = on(&|c| !of_word(c), on(&of_word, at));
        let blank_left = back(&blank, back(&|c| !blank(c), at));
        match key {
            Key::Left => self.set(&all, at.saturating_sub(1)),
            Key::Right => self.set(&all, (at + 1).min(all.len())),
            Key::WordLeft => self.set(&all, word_left),
            Key::WordRight => self.set(&all, word_right),
            Key::Home => self.at = 0,
            Key::End => self.at = self.text.len(),
            Key::Backspace if at > 0 => {
                all.remove(at - 1);
                self.set(&all, at - 1);
            }
            Key::Delete | Key::DeleteOrEnd if at < all.len() => {
                all.remove(at);
                self.set(&all, at);
            }
            Key::KillToStart => self.kill(0, at, true, killing),
            Key::KillToEnd => self.kill(at, all.len(), false, killing),
            Key::KillBlankWord => self.kill(blank_left, at, true, killing),
            Key::KillWordLeft => self.kill(word_left, at, true, killing),
            Key::KillWordRight => self.kill(at, word_right, false, killing),
            Key::Yank => self.insert(&self.killed.clone()),
            Key::Transpose => {
                let middle = if at == all.len() { at.saturating_sub(1) } else { at };
                if middle > 0 {
                    all.swap(middle - 1, middle);
                    self.set(&all, middle + 1);
                }
            }
            Key::Interrupt if !all.is_empty() => {
                self.killed = self.text.clone();
                self.browsed = None;
                self.show("");
            }
            Key::Interrupt => self.browsed = None,
            Key::Up => {
                let place = self.browsed.as_ref().map_or(self.history.len(), |(place, _)| *place);
                if place > 0 {
                    let draft = self.browsed.take().map_or(self.text.clone(), |(_, draft)| draft);
                    self.show(&self.history[place - 1].clone());
                    self.browsed = Some((place - 1, draft));
                }
            }
            Key::Down => {
                if let Some((place, draft)) = self.browsed.take() {
                    match self.history.get(place + 1).cloned() {
                        Some(line) => {
                            self.show(&line);
                            self.browsed = Some((place + 1, draft));
                        }
                        None => self.show(&draft),
                    }
                }
            }
            Key::Enter => {
                self.browsed = None;
                let line = std::mem::take(&mut self.text).trim_end_matches('\n').to_owned();
                self.at = 0;
                if !line.trim().is_empty() && self.history.last() != Some(&line) {
                    self.history.push(line.clone());
                }
                return Some(line);
            }
            _ => {}
        }
        None
    }

    fn insert(&mut self, text: &str) {
        self.killing = false;
        self.text.insert_str(self.at, text);
        self.at += text.len();
    }
}

#[derive(Debug, Clone)]
enum Deed {
    Types(&'static str),
    Pastes(&'static str),
    Presses(Key, &'static str),
    PressesNothing(&'static str),
}

fn deeds() -> impl Strategy<Value = Vec<Deed>> {
    let texts = vec![
        "a",
        "b",
        " ",
        "-",
        "word",
        "two words",
        "é",
        "e",
        "\u{301}",
        "本",
        "ｗ",
        "🇩",
        "🇪",
        "🇫🇷",
        "👩",
        "\u{200d}",
        "👧",
        "\u{fe0f}",
        "\u{1f3fd}",
        "한",
        "\u{1112}",
        "\u{1161}",
        "\u{3000}",
        "क",
        "\u{94d}",
        "ष",
    ];
    let pastes = vec!["", "a\nb", "\n", "x\n\u{301}", "\n\n", "👩\u{200d}"];
    let keys = vec![
        (Key::Left, "\x1b[D"),
        (Key::Left, "\x02"),
        (Key::Right, "\x1bOC"),
        (Key::WordLeft, "\x1bb"),
        (Key::WordRight, "\x1b[1;5C"),
        (Key::Home, "\x1b[1~"),
        (Key::End, "\x1b[F"),
        (Key::Backspace, "\x7f"),
        (Key::Delete, "\x1b[3~"),
        (Key::KillToStart, "\x15"),
        (Key::KillToEnd, "\x0b"),
        (Key::KillBlankWord, "\x17"),
        (Key::KillWordLeft, "\x1b\x7f"),
        (Key::KillWordRight, "\x1bd"),
        (Key::Yank, "\x19"),
        (Key::Transpose, "\x14"),
        (Key::Interrupt, "\x03"),
        (Key::Up, "\x1b[A"),
        (Key::Down, "\x0e"),
        (Key::Enter, "\r"),
        (Key::Redraw, "\x12"),
    ];
    let deed = prop_oneof![
        5 => prop::sample::select(texts).prop_map(Deed::Types),
        1 => prop::sample::select(pastes).prop_map(Deed::Pastes),
        5 => prop::sample::select(keys).prop_map(|(key, form)| Deed::Presses(key, form)),
        1 => prop::sample::select(vec!["\x1b[15~", "\x1bz", "\x1b[[A", "\x1bé", "\0"]).prop_map(Deed::PressesNothing),
    ];
    prop::collection::vec(deed, 0..60)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn it_does_what_a_vector_of_characters_does(deeds in deeds(), cuts in any::<u64>()) {
        let (mut editor, mut model) = (Editor::new(), Model::default());
        for (count, deed) in deeds.iter().enumerate() {
            let (bytes, want) = match deed {
                Deed::Types(text) => {
                    model.insert(text);
                    ((*text).to_owned(), None)
                }
                Deed::Pastes(text) => {
                    if !text.is_empty() {
                        model.insert(text);
                    }
                    (paste(text), None)
                }
                Deed::Presses(key, form) => ((*form).to_owned(), model.key(*key)),
                Deed::PressesNothing(form) => ((*form).to_owned(), None),
            };
            let (revision, before) = (editor.revision(), shown(&editor));
            let cut = (cuts.rotate_left(count as u32) % 16) as usize % (bytes.len() + 1);
            let (mut lines, (a, b)) = (Vec::new(), bytes.as_bytes().split_at(cut));
            for mut piece in [a, b] {
                while let Some(happened) = editor.next(&mut piece) {
                    if let Happened::Line(line) = happened {
                        lines.push(line);
                    }
                }
            }
            let (all, at) = model.characters();
            prop_assert_eq!(&editor.draft.text(), &all.concat());
            prop_assert_eq!(editor.draft.settled(), all[..at].concat().len(), "after {:?}", deed);
            prop_assert_eq!(lines, want.into_iter().collect::<Vec<_>>());
            let same = shown(&editor) == before;
            prop_assert!(same || editor.revision() != revision, "a change that nobody is told of");
        }
    }

    #[test]
    fn whatever_is_typed_can_be_drawn(
        bytes in prop::collection::vec(prop_oneof![
            4 => prop::sample::select(&b"/join x\"\x1b[200~1;5ABCDH\r\n\t\x7f\x01\x02\x14\x15\x17\x19\xc3\xa9"[..]),
            1 => any::<u8>(),
        ], 0..200),
        cut in 0usize..200,
    ) {
        let run = |pieces: &[&[u8]]| {
            let (mut editor, mut all) = (Editor::new(), Vec::new());
            for piece in pieces {
                let mut input = *piece;
                while let Some(happened) = editor.next(&mut input) {
                    all.extend((!matches!(happened, Happened::Worked(_))).then_some(happened));
                }
                let draft = editor.draft();
                assert!(!draft.text.contains(char::is_control));
                let ends = draft.text.grapheme_indices(true).map(|(start, _)| start);
                assert!(ends.chain([draft.text.len()]).any(|at| at == draft.cursor));
            }
            let drawn = shown(&editor);
            (all, drawn, editor.next(&mut &b"\r"[..]))
        };
        let cut = cut.min(bytes.len());
        let whole = run(&[&bytes]);
        prop_assert_eq!(run(&[&bytes[..cut], &bytes[cut..]]), whole.clone());
        prop_assert_eq!(run(&bytes.chunks(1).collect::<Vec<_>>()), whole);
    }
}
