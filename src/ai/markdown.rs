//! From the Markdown that models write to what reads well in a terminal.
//!
//! Emphasis, headings and the rules of tables go, `[text](url)` becomes `text (url)`, and fenced code is indented by
//! four more, without its fences. What is in code stays as it is, and so does what only looks like Markdown:
//! `snake_case`, `2*3*4`, an address with underscores, a list with `*`. Nothing of the words is lost, and what has
//! been made fit for a terminal once is not changed by doing it again. In between the forms of CommonMark and what
//! models write, this goes by what models write.

use unicode_width::UnicodeWidthChar;

/// Bytes over which one emphasis, link or span of code goes at most: so a mark that is never closed holds up no
/// more than that of a paragraph.
const MAX_SPAN: usize = 400;

/// Blanks before a line of code.
const CODE_INDENT: &str = "    ";

/// Nesting of one emphasis or link in another that is read.
const MAX_DEPTH: usize = 8;

/// Where in a text the next line stands.
#[derive(Debug, Default, Clone)]
pub struct Markdown {
    /// The mark that ends the code, where it is in fenced code.
    fence: Option<Fence>,
    /// Whether a list goes on, whose items may be indented as code is.
    in_list: bool,
    /// Whether the line before was text, under which a rule makes it a heading.
    after_text: bool,
}

/// What fenced code began with.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fence {
    mark: char,
    length: usize,
    indent: usize,
}

impl Fence {
    /// That which a line is, of which this stands behind its indentation.
    pub(super) fn of(indent: usize, body: &str) -> Option<Self> {
        let mark = body.chars().next().filter(|c| matches!(c, '`' | '~'))?;
        let length = body.len() - body.trim_start_matches(mark).len();
        let info = &body[length..];
        (length >= 3 && !info.contains('`')).then_some(Self { mark, length, indent })
    }

    /// Whether a line ends the code.
    pub(super) fn ends_with(self, body: &str) -> bool {
        body.len() >= self.length && body.chars().all(|c| c == self.mark)
    }
}

impl Markdown {
    /// The next line, for a terminal; none where it is a mark alone.
    pub fn line(&mut self, raw: &str) -> Option<String> {
        let indent = raw.len() - raw.trim_start_matches(' ').len();
        let body = raw[indent..].trim_end();
        if let Some(fence) = self.fence {
            if fence.ends_with(body) {
                self.fence = None;
                return None;
            }
            return Some(code(fence, raw));
        }
        if let Some(fence) = self.opens(indent, body) {
            self.fence = Some(fence);
            self.after_text = false;
            return None;
        }
        if self.is_rule(body) {
            return None;
        }
        if body.is_empty() {
            self.after_text = false;
            return Some(raw.to_owned());
        }
        let item = is_item(body);
        self.in_list = item || self.in_list && indent > 0;
        let text = match self.is_code(indent, item) {
            true => raw.to_owned(),
            false => self.text(raw, indent),
        };
        self.after_text = body.contains(char::is_alphanumeric);
        Some(text)
    }

    /// A line of text without its marks. Where it would become a mark itself without them, it stays as it is.
    fn text(&self, raw: &str, indent: usize) -> String {
        let mut text = raw[indent..].to_owned();
        loop {
            let next = words(heading(&text));
            if next.len() >= text.len() {
                break;
            }
            text = next;
        }
        let body = text.trim();
        if self.opens(0, body).is_some() || self.is_rule(body) {
            return raw.to_owned();
        }
        format!("{}{text}", &raw[..indent])
    }

    /// Of a line that has come as far as `raw` and goes on after a blank or between ideographs: as much as will
    /// stay, whatever follows. None where that is not known yet.
    pub fn beginning(&self, raw: &str) -> Option<String> {
        let indent = raw.len() - raw.trim_start_matches(' ').len();
        let body = &raw[indent..];
        if let Some(fence) = self.fence {
            return (!body.starts_with(fence.mark)).then(|| code(fence, raw));
        }
        let is_mark = |c: char| "`~#=|:-".contains(c);
        if body.starts_with(is_mark) || body.chars().all(|c| c == ' ' || is_mark(c)) {
            return None;
        }
        if self.is_code(indent, is_item(body)) {
            return Some(raw.to_owned());
        }
        let (_, pending) = spans(body, 0);
        let end = pending.unwrap_or(body.len());
        let settled = body[..end].trim_end();
        let text = words(settled);
        (!text.trim_start_matches(is_mark).is_empty() && !text.trim_start().starts_with(is_mark))
            .then(|| format!("{}{text}", &raw[..indent]))
    }

    fn opens(&self, indent: usize, body: &str) -> Option<Fence> {
        Fence::of(indent, body).filter(|_| indent <= 3 || self.in_list)
    }

    /// Whether it is the rule of a table, or that which makes a heading of the line before.
    fn is_rule(&self, body: &str) -> bool {
        let of_table = body.contains('|')
            && body.contains('-')
            && body.chars().all(|c| matches!(c, '|' | '-' | ':' | ' '));
        let of_heading = |mark| body.len() >= 3 && body.chars().all(|c| c == mark);
        of_table || self.after_text && (of_heading('=') || of_heading('-'))
    }

    /// Whether a line is code by its indentation. An item of a list is not, where a list goes on.
    fn is_code(&self, indent: usize, item: bool) -> bool {
        indent >= CODE_INDENT.len() && !(item && self.in_list)
    }
}

/// A line of fenced code; what its fence is indented by, it is not.
fn code(fence: Fence, raw: &str) -> String {
    let blanks = raw.len() - raw.trim_start_matches(' ').len();
    format!("{CODE_INDENT}{}", &raw[blanks.min(fence.indent)..])
}

/// Whether a line begins an item of a list: `* `, `- `, `+ `, `1. ` or `1) `.
fn is_item(body: &str) -> bool {
    let number = body.trim_start_matches(|c: char| c.is_ascii_digit());
    let mark = if number.len() < body.len() {
        number.strip_prefix(['.', ')'])
    } else {
        body.strip_prefix(['*', '-', '+'])
    };
    mark.is_some_and(|rest| rest.starts_with(' '))
}

/// The text of a heading, or what is none.
fn heading(body: &str) -> &str {
    let mut rest = body;
    let mut is_heading = false;
    loop {
        let after = rest.trim_start_matches('#');
        let marks = rest.len() - after.len();
        if !(1..=6).contains(&marks) || !after.starts_with([' ', '\t']) || after.trim().is_empty() {
            break;
        }
        (rest, is_heading) = (after.trim_start(), true);
    }
    if is_heading {
        let bare = rest.trim_end().trim_end_matches('#');
        if bare.ends_with([' ', '\t']) && !bare.trim().is_empty() {
            return bare.trim_end();
        }
    }
    rest
}

/// Text without the marks of emphasis and links. What is inside of one may make another, so this goes on until
/// nothing changes.
fn words(text: &str) -> String {
    let mut text = text.to_owned();
    loop {
        let (next, _) = spans(&text, 0);
        if next.len() >= text.len() {
            return text;
        }
        text = next;
    }
}

/// The same, once; and where the first mark stands that may yet be closed by what follows.
fn spans(text: &str, depth: usize) -> (String, Option<usize>) {
    let (mut out, mut at, mut pending) = (String::with_capacity(text.len()), 0, None);
    let mut last = None;
    while let Some(c) = text[at..].chars().next() {
        let rest = &text[at..];
        let taken = match c {
            '\\' => rest.chars().take(2).map(char::len_utf8).sum(),
            '`' => {
                let run = run_of(rest, '`');
                match closing_ticks(rest, run) {
                    Some(end) => end,
                    None => {
                        note_pending(&mut pending, text, at);
                        run
                    }
                }
            }
            '[' | '!' if depth < MAX_DEPTH => match link(rest) {
                Link::Whole { label, target, end } => {
                    let (label, _) = spans(label, depth + 1);
                    match label.trim().is_empty() || label == target {
                        true => out.push_str(target),
                        false => out.push_str(&format!("{label} ({target})")),
                    }
                    at += end;
                    last = Some(')');
                    continue;
                }
                Link::Open => {
                    note_pending(&mut pending, text, at);
                    c.len_utf8()
                }
                Link::None => c.len_utf8(),
            },
            '*' | '_' | '~' if depth < MAX_DEPTH => {
                let run = run_of(rest, c);
                if !opens(rest, c, run, last) {
                    run
                } else if let Some((inner, end)) = emphasis(rest, c, run) {
                    let (inner, open) = spans(inner, depth + 1);
                    if open.is_some() {
                        // Code that is not closed yet may take the mark that ends this.
                        note_pending(&mut pending, text, at);
                    }
                    last = inner.chars().next_back().or(last);
                    out.push_str(&inner);
                    at += end;
                    continue;
                } else {
                    note_pending(&mut pending, text, at);
                    run
                }
            }
            _ => address(rest).unwrap_or(c.len_utf8()),
        };
        out.push_str(&rest[..taken]);
        last = rest[..taken].chars().next_back();
        at += taken;
    }
    (out, pending)
}

fn note_pending(pending: &mut Option<usize>, text: &str, at: usize) {
    if pending.is_none() && text.len() - at <= MAX_SPAN {
        *pending = Some(at);
    }
}

fn run_of(text: &str, mark: char) -> usize {
    text.len() - text.trim_start_matches(mark).len()
}

/// Where the span of code ends that begins with so many ticks.
fn closing_ticks(text: &str, run: usize) -> Option<usize> {
    let mut at = run;
    while let Some(next) = text.get(at..).and_then(|rest| rest.find('`')) {
        at += next;
        let ticks = run_of(&text[at..], '`');
        at += ticks;
        if at > MAX_SPAN {
            return None;
        }
        if ticks == run {
            return Some(at);
        }
    }
    None
}

/// Whether a character is of a word that is written with blanks around it.
fn is_of_word(c: char) -> bool {
    c.is_alphanumeric() && c.width() != Some(2)
}

/// Whether a run of marks may begin an emphasis, after this character.
fn opens(rest: &str, mark: char, run: usize, before: Option<char>) -> bool {
    let after = rest[run..].chars().next();
    let most = if mark == '~' { 2..=2 } else { 1..=3 };
    // `**H**yper**T**ext`, but not `2**3**4`.
    let within = mark == '*' && run >= 2 && after.is_some_and(char::is_alphabetic);
    let in_word = |c: char| is_of_word(c) && !(within && c.is_alphabetic());
    most.contains(&run)
        && after.is_some_and(|c| !c.is_whitespace())
        && !before.is_some_and(|c| in_word(c) || mark == '_' && c == '.')
}

/// Whether a run of marks may end one that began with `run`; what stands around it.
fn closes(mark: char, run: usize, before: Option<char>, rest: &str) -> bool {
    let mut after = rest.chars();
    let next = after.next();
    let words_go_on = match (mark, next) {
        // `__init__(self)`, `__init__.py`
        ('_', Some('(')) => true,
        ('_', Some('.')) => after.next().is_some_and(is_of_word),
        // `**H**yper **T**ext`
        ('*', Some(c)) if run >= 2 => is_of_word(c) && !c.is_alphabetic(),
        (_, Some(c)) => is_of_word(c) || c == '_' && mark == '_',
        (_, None) => false,
    };
    before.is_some_and(|c| !c.is_whitespace()) && !words_go_on
}

/// What stands inside of the emphasis that begins here, and where it ends.
fn emphasis(rest: &str, mark: char, run: usize) -> Option<(&str, usize)> {
    let mut at = run;
    let mut last: Option<char> = None;
    // Marks inside that begin something themselves, and end first.
    let mut depth = 0_usize;
    while let Some(c) = rest.get(at..).and_then(|rest| rest.chars().next()) {
        if at > MAX_SPAN {
            return None;
        }
        let here = &rest[at..];
        let taken = match c {
            '\\' => here.chars().take(2).map(char::len_utf8).sum(),
            '`' => {
                let ticks = run_of(here, '`');
                closing_ticks(here, ticks).unwrap_or(ticks)
            }
            c if c == mark => {
                let length = run_of(here, mark);
                let fits = match run {
                    1 => length == 1 || length == 3,
                    2 => length == 2 || length == 3,
                    _ => length == run,
                };
                let end = at + length;
                let begins = here[length..].starts_with(|c: char| !c.is_whitespace())
                    && last.is_some_and(|c| !c.is_alphanumeric());
                if length == run && begins && !closes(mark, run, last, &rest[end..]) {
                    depth += 1;
                } else if fits && end <= MAX_SPAN && closes(mark, run, last, &rest[end..]) {
                    if depth == 0 {
                        return Some((&rest[run..end - run], end));
                    }
                    depth -= 1;
                }
                length
            }
            _ => address(here).unwrap_or(c.len_utf8()),
        };
        at += taken;
        last = rest[..at].chars().next_back();
    }
    None
}

/// The length of the address that begins here, whose marks are its own.
fn address(text: &str) -> Option<usize> {
    // No further than a scheme is long: this is asked at each character of a line.
    let scheme = text.bytes().take(11).take_while(u8::is_ascii_alphabetic).count();
    if !(2..=10).contains(&scheme) || !text[scheme..].starts_with("://") {
        return None;
    }
    let is_end = |c: char| c.is_whitespace() || "()[]<>\"`|".contains(c);
    let end = text[scheme + 3..].find(is_end).map_or(text.len(), |end| scheme + 3 + end);
    Some(text[..end].trim_end_matches(|c: char| "*_~.,;:!?'".contains(c)).len())
}

enum Link<'a> {
    /// `[label](target)`, and where it ends.
    Whole {
        label: &'a str,
        target: &'a str,
        end: usize,
    },
    /// It may become one by what follows.
    Open,
    None,
}

/// The link or the picture that begins here.
fn link(text: &str) -> Link<'_> {
    let bang = usize::from(text.starts_with('!'));
    if !text[bang..].starts_with('[') {
        return Link::None;
    }
    let inside = &text[bang + 1..];
    let Some(length) = bracketed(inside, '[', ']') else { return Link::Open };
    let Some(length) = length else { return Link::None };
    let (label, after) = (&inside[..length], &inside[length + 1..]);
    let Some(target) = after.strip_prefix('(') else { return Link::None };
    let Some(length) = bracketed(target, '(', ')') else { return Link::Open };
    let Some(length) = length else { return Link::None };
    let end = text.len() - target.len() + length + 1;
    let target = &target[..length];
    let address = target.split(' ').next().unwrap_or_default();
    // `values[i](x)` is a call.
    match address.contains(['/', '.', ':', '#', '@']) && !address.contains('`') {
        true => Link::Whole { label, target, end },
        false => Link::None,
    }
}

/// The length up to the bracket that closes; none inside where there is none that could; none at all where it may
/// come yet.
#[expect(clippy::option_option, reason = "what is not known yet is neither")]
fn bracketed(text: &str, open: char, close: char) -> Option<Option<usize>> {
    let mut depth = 0_usize;
    for (at, c) in text.char_indices() {
        if at > MAX_SPAN {
            return Some(None);
        }
        if c == open {
            depth += 1;
        } else if c == close && depth == 0 {
            return Some(Some(at));
        } else if c == close {
            depth -= 1;
        }
    }
    None
}

#[cfg(test)]
#[path = "markdown_tests.rs"]
mod tests;
