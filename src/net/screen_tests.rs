use alacritty_terminal::event::VoidListener;
use alacritty_terminal::grid::Dimensions;
use alacritty_terminal::index::{Column, Line};
use alacritty_terminal::term::cell::Flags;
use alacritty_terminal::term::test::TermSize;
use alacritty_terminal::term::{Config, Term};
use alacritty_terminal::vte::ansi::{Processor, StdSyncHandler};
use proptest::prelude::*;
use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};
use unicode_width::UnicodeWidthChar;

use super::*;

/// A terminal, which judges.
struct Terminal {
    term: Term<VoidListener>,
    parser: Processor<StdSyncHandler>,
}

impl Terminal {
    fn new((columns, rows): (u16, u16)) -> Self {
        let size = TermSize::new(columns.into(), rows.into());
        Self { term: Term::new(Config::default(), &size, VoidListener), parser: Processor::new() }
    }

    fn write(&mut self, bytes: &[u8]) {
        self.parser.advance(&mut self.term, bytes);
    }

    fn resize(&mut self, (columns, rows): (u16, u16)) {
        self.term.resize(TermSize::new(columns.into(), rows.into()));
    }

    /// Rows of the scrollback and of the screen.
    fn count(&self) -> usize {
        self.term.grid().total_lines()
    }

    /// A row, counted from the oldest of the scrollback, and whether the terminal itself ran on from it into
    /// the next.
    fn row(&self, at: usize) -> (String, bool) {
        let grid = self.term.grid();
        let row = &grid[Line(at as i32 - grid.history_size() as i32)];
        let mut text = String::new();
        for cell in &row[Column(0)..Column(grid.columns())] {
            if !cell.flags.intersects(Flags::WIDE_CHAR_SPACER | Flags::LEADING_WIDE_CHAR_SPACER) {
                text.push(cell.c);
                text.extend(cell.zerowidth().into_iter().flatten());
            }
        }
        let ran_on = row[Column(grid.columns() - 1)].flags.contains(Flags::WRAPLINE);
        (text, ran_on)
    }

    /// All that stands there: rows that the terminal made of one are one again.
    fn lines(&self) -> Vec<String> {
        let (mut lines, mut open) = (vec![String::new()], false);
        for (text, ran_on) in (0..self.count()).map(|at| self.row(at)) {
            match lines.last_mut() {
                Some(last) if open => last.push_str(&text),
                _ => lines.push(text),
            }
            open = ran_on;
        }
        let mut lines: Vec<_> = lines[1..].iter().map(|line| line.trim_end().to_owned()).collect();
        let used = lines.iter().rposition(|line| !line.is_empty()).map_or(0, |last| last + 1);
        lines.truncate(used);
        lines
    }

    /// The row of the cursor, counted as for [`Terminal::row`], and its column.
    fn cursor(&self) -> (usize, usize) {
        let grid = self.term.grid();
        let point = grid.cursor.point;
        ((point.line.0 + grid.history_size() as i32) as usize, point.column.0)
    }
}

/// What a draft should look like: each row, the row of the cursor, and what stands before it there.
#[derive(Debug)]
struct Model {
    rows: Vec<String>,
    cursor_row: usize,
    before: String,
}

impl Model {
    fn new(
        prompt: &str,
        text: &str,
        cursor: usize,
        (columns, rows): (u16, u16),
        spare: u16,
    ) -> Self {
        let room = usize::from(columns - spare).max(2);
        let mut model = Self { rows: vec![String::new()], cursor_row: 0, before: String::new() };
        let (mut used, mut there) = (0, false);
        let asked = prompt.graphemes(true).map(|cluster| (None, cluster));
        let typed = text.grapheme_indices(true).map(|(at, cluster)| (Some(at), cluster));
        for (at, cluster) in asked.chain(typed) {
            let parts: Vec<&str> = match super::columns(cluster) > room {
                true => cluster.split("").filter(|part| !part.is_empty()).collect(),
                false => vec![cluster],
            };
            for part in parts {
                let wide = super::columns(part);
                if used > 0 && used + wide > room {
                    model.rows.push(String::new());
                    used = 0;
                }
                if at == Some(cursor) && !there {
                    model.set_cursor();
                    there = true;
                }
                used += wide;
                model.rows.last_mut().unwrap().push_str(part);
            }
        }
        if !there {
            model.set_cursor();
        }
        let most = usize::from(rows / 2).clamp(1, 13);
        let hidden = model.rows.len().saturating_sub(most);
        let first = model.cursor_row.saturating_sub(most / 2).min(hidden);
        model.rows = model.rows.into_iter().skip(first).take(most).collect();
        model.cursor_row -= first;
        model
    }

    fn set_cursor(&mut self) {
        self.cursor_row = self.rows.len() - 1;
        self.before = self.rows[self.cursor_row].clone();
    }
}

/// What a draft stands behind.
const PROMPTS: [&str; 3] = ["> ", "Enter your username: ", ""];

/// Characters of a message.
const MAX_CHARS: usize = 1_000;

/// What happens at a terminal.
#[derive(Debug, Clone)]
enum Step {
    Type(String),
    BackOver,
    Left(u8),
    Right(u8),
    Home,
    End,
    KillToEnd,
    Enter,
    Asked(&'static str),
    Said(String),
    /// The terminal has another size; the server is told at once, or with the next.
    Resized((u16, u16), bool),
    /// It has so many more columns and rows.
    Grown((u16, u16)),
    Clear,
}

/// What terminal it is, and what is known of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// One that puts rows that no longer fit into more rows.
    Reflowing,
    /// One that cuts them off, and has no scrollback.
    Cutting,
    /// One whose size is not known.
    Unknown,
}

/// Somebody at a terminal.
struct Session {
    kind: Kind,
    terminal: Terminal,
    screen: Screen,
    size: (u16, u16),
    /// Sizes that the server was not told yet.
    untold: Vec<(u16, u16)>,
    prompt: &'static str,
    draft: String,
    cursor: usize,
    messages: Vec<String>,
    /// A piece of an old draft may stand somewhere.
    pieces: bool,
    /// One may stand below the newest message.
    piece_below: bool,
    /// The server wrote for a size that was no longer so.
    late: bool,
}

impl Session {
    fn new(kind: Kind, size: (u16, u16), without: Option<Rule>) -> Self {
        let mut screen = match kind {
            Kind::Unknown => Screen::unknown(),
            _ => Screen::new(size.0, size.1),
        };
        screen.without = without;
        let mut terminal = Terminal::new(size);
        if kind == Kind::Cutting {
            // Alacritty does so on its alternate screen.
            terminal.write(b"\x1b[?1049h");
        }
        Self {
            kind,
            terminal,
            screen,
            size,
            untold: Vec::new(),
            prompt: PROMPTS[0],
            draft: String::new(),
            cursor: 0,
            messages: Vec::new(),
            pieces: false,
            piece_below: false,
            late: false,
        }
    }

    fn step(&mut self, step: &Step) {
        let boundaries: Vec<usize> = {
            let starts = self.draft.grapheme_indices(true).map(|(at, _)| at);
            starts.chain([self.draft.len()]).collect()
        };
        let place = boundaries.iter().position(|at| *at == self.cursor).unwrap();
        match step {
            Step::Type(text) => {
                if self.draft.chars().count() + text.chars().count() <= MAX_CHARS {
                    self.draft.insert_str(self.cursor, text);
                    let end = self.cursor + text.len();
                    let starts = self.draft.grapheme_indices(true).map(|(at, _)| at);
                    self.cursor = starts.chain([self.draft.len()]).find(|at| *at >= end).unwrap();
                }
            }
            Step::BackOver => {
                let start = boundaries[place.saturating_sub(1)];
                self.draft.replace_range(start..self.cursor, "");
                // What stood apart may be one character now.
                let starts = self.draft.grapheme_indices(true).map(|(at, _)| at);
                self.cursor = starts.chain([self.draft.len()]).find(|at| *at >= start).unwrap();
            }
            Step::Left(by) => self.cursor = boundaries[place.saturating_sub((*by).into())],
            Step::Right(by) => {
                let to = (place + usize::from(*by)).min(boundaries.len() - 1);
                self.cursor = boundaries[to];
            }
            Step::Home => self.cursor = 0,
            Step::End => self.cursor = self.draft.len(),
            Step::KillToEnd => self.draft.truncate(self.cursor),
            Step::Enter => {
                self.draft.clear();
                self.cursor = 0;
                self.said("I SAY SO");
            }
            Step::Asked(prompt) => self.prompt = prompt,
            Step::Said(text) => self.said(text),
            Step::Resized(size, told) => self.resized(*size, *told),
            Step::Grown((columns, rows)) => {
                let size = ((self.size.0 + columns).min(220), (self.size.1 + rows).min(60));
                self.resized(size, true);
            }
            Step::Clear => {
                let mut out = Vec::new();
                self.screen.clear(&mut out);
                self.terminal.write(&out);
                // Blank rows, where it scrolled by rows that are not there.
                self.piece_below |= self.kind == Kind::Unknown;
            }
        }
    }

    fn said(&mut self, text: &str) {
        let message = format!("<{}>{text}", self.messages.len());
        let mut out = Vec::new();
        self.screen.erase(&mut out);
        out.extend_from_slice(message.as_bytes());
        out.extend_from_slice(b"\r\n");
        self.write(&out);
        self.messages.push(message);
        self.piece_below = false;
    }

    fn resized(&mut self, size: (u16, u16), told: bool) {
        self.terminal.resize(size);
        if size.0 < self.size.0 || size.1 < self.size.1 {
            self.pieces |= self.screen.is_drawn();
            self.piece_below |= self.screen.is_drawn();
        }
        self.size = size;
        self.untold.push(size);
        if told {
            self.tell();
        }
    }

    fn tell(&mut self) {
        self.late |= self.untold.len() > 1;
        let mut out = Vec::new();
        for (columns, rows) in self.untold.drain(..) {
            self.screen.resize(columns, rows, &mut out);
        }
        self.terminal.write(&out);
    }

    fn draw(&mut self) {
        let mut out = Vec::new();
        self.screen.draw(self.prompt, &self.draft, self.cursor, &mut out);
        self.write(&out);
    }

    /// What the server writes, believing that it knows the size.
    fn write(&mut self, bytes: &[u8]) {
        self.late |= !self.untold.is_empty();
        self.terminal.write(bytes);
    }

    /// Whether the draft stands there right below the newest message, with its cursor.
    fn judge_draft(&self) -> Result<(), String> {
        if !self.untold.is_empty() {
            return Ok(());
        }
        let spare = u16::from(self.screen.hold(Rule::SpareColumn));
        let size = match self.kind {
            Kind::Unknown => (80, 2),
            _ => self.size,
        };
        let model = Model::new(self.prompt, &self.draft, self.cursor, size, spare);
        let (row, column) = self.terminal.cursor();
        let first = row.checked_sub(model.cursor_row).ok_or("the cursor is too far up")?;
        // A mark without something to stand on is the terminal's business.
        let marks =
            model.rows.iter().all(|row| row.chars().next().and_then(|c| c.width()) != Some(0));
        let bare = |text: &str| -> String {
            let shown = text.chars().filter(|c| marks || c.width().unwrap_or(0) > 0);
            shown.collect::<String>().trim_end().to_owned()
        };
        let end = self.terminal.count().min(first + model.rows.len() + 1);
        let below = (first..end).map(|at| bare(&self.terminal.row(at).0));
        let below: Vec<String> = below.collect();
        let mut want: Vec<String> = model.rows.iter().map(|row| bare(row)).collect();
        want.resize(below.len(), String::new());
        let cells = |text: &str| -> usize { text.chars().filter_map(|c| c.width()).sum() };
        let mut want_column = cells(&model.before);
        let clipped =
            self.kind == Kind::Unknown && cells(&model.rows[0]) >= usize::from(self.size.0);
        if clipped {
            // Only that it is one row, and which one.
            want[0] = below[0].clone();
            want_column = column;
        }
        if (&below, column) != (&want, want_column) {
            return Err(format!("{column} and {below:#?} for {want_column} and {want:#?}"));
        }
        let judged = self.kind != Kind::Cutting && !self.piece_below && !self.late;
        if let Some(message) = self.messages.last().filter(|_| judged) {
            let above = first.checked_sub(1).map(|at| self.terminal.row(at).0).unwrap_or_default();
            let end = above.trim_end();
            if end.is_empty() || !message.ends_with(end) {
                return Err(format!("{above:?} above the draft for {message:?}"));
            }
        }
        Ok(())
    }

    /// Whether each message is there, whole, once and in order.
    fn judge_messages(&self) -> Result<(), String> {
        let lines = self.terminal.lines();
        let differ = |what| Err(format!("{what}: {lines:#?} for {:#?}", self.messages));
        if self.kind == Kind::Cutting {
            let shown = lines.iter().filter(|line| line.contains('<'));
            let first = self.messages.len().saturating_sub(shown.clone().count());
            let heads = self.messages[first..].iter().map(|text| text.split('>').next());
            let same = shown.map(|line| line.split('>').next()).eq(heads);
            return if same { Ok(()) } else { differ("what is left") };
        }
        if self.late {
            let all = lines.concat();
            let mut from = 0;
            for message in &self.messages {
                match all[from..].find(message.as_str()) {
                    Some(at) => from += at + message.len(),
                    None => return differ("missed"),
                }
            }
            let marks = all.matches('<').count();
            return if marks == self.messages.len() { Ok(()) } else { differ("doubled") };
        }
        let said = lines.iter().filter(|line| line.contains('<'));
        if !said.eq(&self.messages) {
            return differ("messages");
        }
        let others = lines.iter().filter(|line| !line.is_empty()).count() - self.messages.len();
        let rows = self.screen.drawn.as_ref().map_or(0, |drawing| drawing.rows.len());
        if others > rows && !self.pieces {
            return differ("pieces");
        }
        Ok(())
    }
}

/// A session to its end; what is wrong in it.
fn play(
    kind: Kind,
    size: (u16, u16),
    steps: &[(Step, bool)],
    without: Option<Rule>,
) -> Result<(), String> {
    let mut session = Session::new(kind, size, without);
    for (at, (step, drawn)) in steps.iter().enumerate() {
        session.step(step);
        if *drawn {
            session.draw();
            session.judge_draft().map_err(|why| format!("step {at}, {step:?}: {why}"))?;
        }
        if at % 20 == 19 {
            session.judge_messages().map_err(|why| format!("step {at}, {step:?}: {why}"))?;
        }
    }
    session.tell();
    session.draw();
    session.judge_draft()?;
    session.judge_messages()
}

fn typed() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => "[a-z]",
        4 => "[a-z ]{1,12}",
        1 => " {1,30}",
        1 => "[a-z ]{60,200}",
        1 => "[a-z]{300,500}",
        3 => "[本語漢字가나é]{1,3}",
        1 => "[本語漢字]{20,60}",
        2 => prop::sample::select(vec![
            "e\u{301}", "e\u{301}\u{302}\u{303}", "\u{301}", "\u{200D}", "\u{200B}", "\u{FE0F}",
            "👨\u{200D}👩\u{200D}👧\u{200D}👦", "👍🏽", "🇩🇪", "🇩", "❤\u{FE0F}", "1\u{FE0F}\u{20E3}",
            "न्दी", "กำ", "\u{1100}\u{1161}\u{11A8}", "لا", "…", "“", "🏴\u{E0067}\u{E0062}\u{E007F}",
        ]).prop_map(str::to_owned),
        1 => Just("👨\u{200D}".repeat(30)),
        1 => Just("🇩🇪".repeat(9)),
    ]
}

fn said() -> impl Strategy<Value = String> {
    prop_oneof!["[A-Z]{1,20}", "[A-Z ]{0,200}[A-Z]", "[カタナA-Z ]{0,60}[カタ]"]
}

fn sizes() -> impl Strategy<Value = (u16, u16)> {
    prop_oneof![
        4 => (20_u16..=200, 2_u16..=50),
        2 => (20_u16..=45, 2_u16..=12),
        1 => (3_u16..=20, 1_u16..=10),
        1 => Just((80, 24)),
    ]
}

/// What happens where the size is what it is.
fn steps() -> impl Strategy<Value = Step> {
    prop_oneof![
        12 => typed().prop_map(Step::Type),
        4 => Just(Step::BackOver),
        4 => (1_u8..120).prop_map(Step::Left),
        2 => (1_u8..120).prop_map(Step::Right),
        3 => (1_u8..3).prop_map(Step::Left),
        3 => (1_u8..3).prop_map(Step::Right),
        1 => Just(Step::Home),
        2 => Just(Step::End),
        1 => Just(Step::KillToEnd),
        1 => Just(Step::Enter),
        1 => prop::sample::select(&PROMPTS).prop_map(Step::Asked),
        6 => said().prop_map(Step::Said),
        1 => Just(Step::Clear),
    ]
}

/// So many cases, and more or fewer in proportion where `PROPTEST_CASES` is set, which has 256 else.
fn cases(count: u32) -> ProptestConfig {
    let named = ProptestConfig::default();
    ProptestConfig { cases: (count * named.cases).div_ceil(256), ..named }
}

/// A terminal's size, and what happens there.
type Case = ((u16, u16), Vec<(Step, bool)>);

/// Steps of which most are drawn before the next.
fn case(
    sizes: impl Strategy<Value = (u16, u16)> + 'static,
    step: impl Strategy<Value = Step> + 'static,
) -> BoxedStrategy<Case> {
    (sizes, prop::collection::vec((step, prop::bool::weighted(0.8)), 1..60)).boxed()
}

fn of_one_size() -> BoxedStrategy<Case> {
    case(sizes(), steps())
}

fn growing() -> BoxedStrategy<Case> {
    let grown = (0_u16..16, 0_u16..4).prop_map(Step::Grown);
    case(sizes(), prop_oneof![8 => steps(), 1 => grown])
}

fn resized() -> BoxedStrategy<Case> {
    let resized = sizes().prop_map(|size| Step::Resized(size, true));
    case(sizes(), prop_oneof![8 => steps(), 1 => resized])
}

fn resized_and_told_late() -> BoxedStrategy<Case> {
    let resized = (sizes(), any::<bool>()).prop_map(|(size, told)| Step::Resized(size, told));
    case(sizes(), prop_oneof![8 => steps(), 1 => resized])
}

/// Messages of one row on any of these, which can be counted when the rest of it is cut off.
fn cut() -> BoxedStrategy<Case> {
    let sizes = || (20_u16..=120, 2_u16..=50);
    let resized = sizes().prop_map(|size| Step::Resized(size, true));
    let short = steps().prop_map(|step| match step {
        Step::Said(text) => Step::Said(text.chars().filter(char::is_ascii).take(9).collect()),
        step => step,
    });
    case(sizes(), prop_oneof![8 => short, 1 => resized])
}

proptest! {
    #![proptest_config(cases(340))]
    #[test]
    fn nothing_is_hidden_torn_or_doubled((size, steps) in of_one_size()) {
        prop_assert_eq!(play(Kind::Reflowing, size, &steps, None), Ok(()));
    }

    #[test]
    fn a_terminal_that_becomes_larger_shows_the_same((size, steps) in growing()) {
        prop_assert_eq!(play(Kind::Reflowing, size, &steps, None), Ok(()));
    }

    #[test]
    fn a_resize_costs_no_message((size, steps) in resized()) {
        prop_assert_eq!(play(Kind::Reflowing, size, &steps, None), Ok(()));
    }

    #[test]
    fn a_resize_that_is_told_late_costs_no_message((size, steps) in resized_and_told_late()) {
        prop_assert_eq!(play(Kind::Reflowing, size, &steps, None), Ok(()));
    }

    #[test]
    fn a_resize_costs_no_message_where_rows_are_cut_off((size, steps) in cut()) {
        prop_assert_eq!(play(Kind::Cutting, size, &steps, None), Ok(()));
    }

    #[test]
    fn a_terminal_that_tells_no_size_has_one_row((size, steps) in of_one_size()) {
        prop_assert_eq!(play(Kind::Unknown, size, &steps, None), Ok(()));
    }
}

/// What the checks above say of a screen that breaks a rule.
fn said_of(rule: Rule, kind: Kind, cases: &BoxedStrategy<Case>) -> Result<(), String> {
    let config = ProptestConfig {
        cases: 400,
        failure_persistence: None,
        max_shrink_iters: 0,
        ..ProptestConfig::default()
    };
    let chance = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(config, chance);
    let played =
        |(size, steps): Case| play(kind, size, &steps, Some(rule)).map_err(TestCaseError::fail);
    runner.run(cases, played).map_err(|why| why.to_string())
}

#[test]
fn the_checks_notice_each_rule_that_is_broken() {
    for (rule, kind, cases) in [
        (Rule::SpareColumn, Kind::Reflowing, of_one_size()),
        (Rule::Reserves, Kind::Reflowing, of_one_size()),
        (Rule::NoWrap, Kind::Unknown, of_one_size()),
        (Rule::LeavesAbove, Kind::Reflowing, resized()),
        (Rule::EndsRow, Kind::Reflowing, resized()),
    ] {
        let said = said_of(rule, kind, &cases);
        assert!(said.is_err(), "{rule:?} can be broken");
    }
}

#[test]
fn what_somebody_says_costs_the_draft_once_more() {
    // The draft, its cursor; bytes to take it off, to draw it.
    let long = "x".repeat(1_000);
    let cases = [
        ("", 0, 6, 12),
        ("hello world", 11, 6, 23),
        ("hello world", 5, 6, 27),
        (long.as_str(), 1_000, 11, 1_036),
        (long.as_str(), 0, 6, 1_069),
    ];
    for (text, cursor, off, on) in cases {
        let mut screen = with_draft(80, 40, text, cursor);
        let mut out = Vec::new();
        screen.erase(&mut out);
        assert!(!screen.is_drawn());
        let erased = out.len();
        assert_eq!(
            (erased, written(&mut screen, text, cursor).len()),
            (off, on),
            "{text} {cursor}"
        );
    }
}

#[test]
fn a_resize_takes_off_what_surely_is_the_draft() {
    let (two_rows, wide) = ("x".repeat(100), "本".repeat(60));
    let cases = [
        // What stood there with its cursor, the new columns, what is written.
        ("hello", 5, 40, "\r \x1b[J\r"),
        ("hello", 5, 80, "\r \x1b[J\r"),
        (two_rows.as_str(), 100, 120, "\r\x1b[1A \x1b[J\r"),
        // The first row takes two now, or one and is cut off.
        (two_rows.as_str(), 100, 40, "\r \x1b[J\r"),
        // The cursor's row does.
        (two_rows.as_str(), 60, 40, "\r \x1b[J\r\r\n"),
        (two_rows.as_str(), 5, 40, "\r \x1b[J\r\r\n"),
        // All that was there fits.
        (wide.as_str(), wide.len(), 78, "\r\x1b[1A \x1b[J\r"),
        (wide.as_str(), wide.len(), 77, "\r \x1b[J\r"),
    ];
    for (text, cursor, columns, want) in cases {
        let mut screen = with_draft(80, 24, text, cursor);
        let mut out = Vec::new();
        screen.resize(columns, 24, &mut out);
        assert_eq!(String::from_utf8(out).unwrap(), want, "{cursor} at {columns}");
        assert!(!screen.is_drawn());
    }
}

proptest! {
    #[test]
    fn any_text_on_any_terminal_is_only_text(
        text in any::<String>(),
        (columns, rows, cursor) in any::<(u16, u16, usize)>(),
        (later, at) in any::<(String, u8)>(),
    ) {
        let mut screen = Screen::new(columns, rows);
        let mut out = Vec::new();
        screen.draw("> ", &text, usize::MAX, &mut out);
        let shown = String::from_utf8(out).unwrap();
        let drawn = shown.strip_prefix("\x1b[?7l").and_then(|shown| shown.strip_suffix("\x1b[?7h"));
        prop_assert!(!drawn.unwrap().replace("\r\n", "").contains(char::is_control), "{shown:?}");
        // A place that is none, and what is there changed anyhow.
        screen.draw("> ", &later, cursor, &mut Vec::new());
        screen.resize(rows, columns, &mut Vec::new());
        screen.draw("> ", &text, at.into(), &mut Vec::new());
        screen.draw("> ", &text, cursor, &mut Vec::new());
        screen.clear(&mut Vec::new());
    }
}

#[test]
fn a_clear_screen_leaves_what_was_on_it_in_the_scrollback() {
    for rows in [1, 2, 24] {
        let mut terminal = Terminal::new((80, rows));
        let mut screen = Screen::new(80, rows);
        let mut out = b"one\r\ntwo\r\nthree\r\n".to_vec();
        screen.draw("> ", "draft", 5, &mut out);
        screen.clear(&mut out);
        screen.draw("> ", "draft", 5, &mut out);
        terminal.write(&out);
        assert_eq!(terminal.lines(), ["one", "two", "three", "> draft"]);
        assert_eq!(terminal.cursor(), (3, 7));
    }
}

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
    let full = "x".repeat(77);
    let full_and_more = format!("{full}yz");
    // What stood there with its cursor, what stands there then, and what is written for it.
    let cases: [(&str, usize, &str, usize, &str); 15] = [
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
        // What is behind all that is there only adds to it.
        (&full, 77, &full_and_more, 79, "\r\nyz"),
        // Where the width is doubtful, the row is written from its start.
        ("本", 3, "本", 0, "\r> "),
        ("本", 3, "", 0, "\r\x1b[K> "),
    ];
    for (before, at, after, to, want) in cases {
        let mut screen = with_draft(80, 24, before, at);
        assert_eq!(written(&mut screen, after, to), want, "{before:?} to {after:?}");
    }
}
