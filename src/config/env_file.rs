//! The `.env` file. What a line means is for `dotenvy` to say; what is wrong with one that is no setting
//! is said here, since its errors tell little and hold the line, in which a secret may stand.

use std::cell::Cell;
use std::collections::HashMap;
use std::io::{self, Read};

use super::keys::{KEYS, is_own};

/// A line that is no setting, by its number, counted from 1. Nothing of its value is told.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {fault}")]
pub struct BadLine {
    /// Its number.
    pub line: usize,
    /// What is wrong with it.
    pub fault: LineFault,
}

/// What is wrong with a line, with the key where there is one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LineFault {
    /// It is no text, so nothing after it is read either.
    #[error("not UTF-8 text: save the file as UTF-8")]
    NotText,
    /// No name and `=` begin it.
    #[error("bad line: expected KEY=value, or # before a comment")]
    NoKey,
    /// A key of ours begins it, and no `=` follows.
    #[error("{0}: expected {0}=value")]
    NoEquals(String),
    /// The value goes on after a blank, and no quotes hold it together.
    #[error("{0}: a value with blanks needs quotes: {0}='...'")]
    Blanks(String),
    /// A quote begins in the value and does not end on the line.
    #[error(
        "{0}: a quote in its value has no end: write {0}='...', or {0}=\"...\" around a value with a '"
    )]
    OpenQuote(String),
    /// A `\` or a `$` stands for something that there is not.
    #[error("{0}: a value with a \\ or a $ needs single quotes: {0}='...'")]
    Escape(String),
}

/// The settings in a file, and its lines that are none.
pub fn parse(bytes: &[u8]) -> (HashMap<String, String>, Vec<BadLine>) {
    let (text, not_text) = match std::str::from_utf8(bytes) {
        Ok(text) => (text, None),
        Err(error) => {
            let good = str::from_utf8(&bytes[..error.valid_up_to()]).unwrap_or_default();
            let whole = &good[..good.rfind('\n').map_or(0, |end| end + 1)];
            (whole, Some(BadLine { line: whole.lines().count() + 1, fault: LineFault::NotText }))
        }
    };
    // As editors of Windows write it.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let lines: Vec<&str> = text.lines().collect();
    let (mut settings, mut bad, mut from) = (HashMap::new(), Vec::new(), 0);
    while let Some((line, fault)) = parse_from(&lines, from, &mut settings) {
        bad.push(BadLine { line: line + 1, fault });
        // Whatever the line took along with it is looked at by itself.
        from = line + 1;
    }
    bad.extend(not_text);
    (settings, bad)
}

/// Reads settings from a line on; where and what the first fault is.
fn parse_from(
    lines: &[&str],
    from: usize,
    settings: &mut HashMap<String, String>,
) -> Option<(usize, LineFault)> {
    let (read, mut before) = (Cell::new(from), from);
    for item in dotenvy::from_read_iter(Lines { lines, read: &read, rest: Vec::new() }) {
        let after = read.get().min(lines.len());
        let says_something =
            |line: &&str| !matches!(line.trim_start().bytes().next(), None | Some(b'#'));
        let first = lines[before..after].iter().position(says_something);
        let first = before + first.unwrap_or(0);
        before = after;
        match item {
            // None of our settings has more than one line: a quote is missing, and took the next lines along.
            Ok((key, _)) if first + 1 < after && is_own(&key) => {
                return Some((first, LineFault::OpenQuote(key)));
            }
            Ok((key, value)) => {
                settings.insert(key, value);
            }
            Err(_) => {
                return Some((first, diagnose(lines.get(first).copied().unwrap_or_default())));
            }
        }
    }
    None
}

/// What is wrong with a line that `dotenvy` does not take.
fn diagnose(line: &str) -> LineFault {
    let Some((key, value)) = line.split_once('=') else {
        let word = line.trim().split([' ', '\t', ':']).next().unwrap_or_default();
        // Any other word may be a secret.
        let known = KEYS.iter().any(|key| key.name == word);
        return if known { LineFault::NoEquals(word.to_owned()) } else { LineFault::NoKey };
    };
    let key = key.trim();
    let key = key.strip_prefix("export ").map_or(key, str::trim_start);
    let named = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.';
    if !key.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') || !key.chars().all(named) {
        return LineFault::NoKey;
    }
    let (mut quote, mut rest) = (None, value.trim().chars());
    while let Some(c) = rest.next() {
        match (quote, c) {
            (None, '\'' | '"') => quote = Some(c),
            (Some(open), c) if c == open => quote = None,
            (Some('\''), _) => {}
            // What stands after it is no quote that ends anything.
            (_, '\\') => _ = rest.next(),
            (None, c) if c.is_whitespace() => {
                let rest = rest.as_str().trim_start();
                if !rest.is_empty() && !rest.starts_with('#') {
                    return LineFault::Blanks(key.to_owned());
                }
                break;
            }
            _ => {}
        }
    }
    match quote {
        Some(_) => LineFault::OpenQuote(key.to_owned()),
        None => LineFault::Escape(key.to_owned()),
    }
}

/// Gives a line at a time and counts them, so that it is known which ones were read as one.
struct Lines<'a> {
    lines: &'a [&'a str],
    read: &'a Cell<usize>,
    rest: Vec<u8>,
}

impl Read for Lines<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if self.rest.is_empty()
            && let Some(line) = self.lines.get(self.read.get())
        {
            self.read.set(self.read.get() + 1);
            // With its end, also where the file's last line has none: a blank there would be a fault.
            self.rest = format!("{line}\n").into_bytes();
        }
        let count = self.rest.len().min(buf.len());
        buf[..count].copy_from_slice(&self.rest[..count]);
        self.rest.drain(..count);
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn faults(text: &str) -> Vec<(usize, LineFault)> {
        parse(text.as_bytes()).1.into_iter().map(|bad| (bad.line, bad.fault)).collect()
    }

    #[test]
    fn what_dotenvy_takes_is_taken() {
        let text = "\u{feff}# a comment\r\nCHAT_COLOR=off # why\r\n\r\nexport CHAT_MAX_LOBBIES = 7\r\n\
            CHAT_ADMINS='ann, bob'\nCHAT_MOTD_FILE=\"it's\"\nHERE=x\nTHERE=\"${HERE}y\"\n\
            OTHER=\"two\nlines\"\nCHAT_ADDR=:1 ";
        let (settings, bad) = parse(text.as_bytes());
        assert_eq!(bad, []);
        for (key, value) in [
            ("CHAT_COLOR", "off"),
            ("CHAT_MAX_LOBBIES", "7"),
            ("CHAT_ADMINS", "ann, bob"),
            ("CHAT_MOTD_FILE", "it's"),
            ("THERE", "xy"),
            ("OTHER", "two\nlines"),
            ("CHAT_ADDR", ":1"),
        ] {
            assert_eq!(settings.get(key).map(String::as_str), Some(value), "{key}");
        }
    }

    #[test]
    fn a_line_that_is_no_setting_is_told_with_its_number_and_the_remedy() {
        let key = || "CHAT_X".to_owned();
        for (line, want) in [
            ("no equals sign", LineFault::NoKey),
            ("CHAT-X=1", LineFault::NoKey),
            ("CHAT_COLOR off", LineFault::NoEquals("CHAT_COLOR".to_owned())),
            ("CHAT_COLOR: off", LineFault::NoEquals("CHAT_COLOR".to_owned())),
            ("=1", LineFault::NoKey),
            ("1X=1", LineFault::NoKey),
            ("CHAT_X=two words", LineFault::Blanks(key())),
            ("export CHAT_X=two words", LineFault::Blanks(key())),
            ("CHAT_X=\"quoted\" more", LineFault::Blanks(key())),
            ("CHAT_X=it's", LineFault::OpenQuote(key())),
            ("CHAT_X=\"open\\\"", LineFault::OpenQuote(key())),
            ("CHAT_X='open", LineFault::OpenQuote(key())),
            ("CHAT_X=C:\\data", LineFault::Escape(key())),
            ("CHAT_X=${open", LineFault::Escape(key())),
        ] {
            let text = format!("# one\n\nA=1\n{line}\nB=2\n");
            assert_eq!(faults(&text), [(4, want)], "{line}");
            assert_eq!(parse(text.as_bytes()).0.len(), 2, "the other lines are read: {line}");
        }
    }

    #[test]
    fn every_bad_line_is_told_also_after_a_quote_without_an_end() {
        let text = "CHAT_X=it's\nCHAT_COLOR=on off\nCHAT_Y=that's\nnothing\nA=1\n";
        let x = |key: &str| LineFault::OpenQuote(key.to_owned());
        let want = [
            (1, x("CHAT_X")),
            (2, LineFault::Blanks("CHAT_COLOR".to_owned())),
            (3, x("CHAT_Y")),
            (4, LineFault::NoKey),
        ];
        assert_eq!(faults(text), want);
    }

    #[test]
    fn bytes_that_are_no_text_are_told_with_their_line() {
        let (settings, bad) = parse(b"A=1\nB=\xff\nC=3\n");
        assert_eq!(bad, [BadLine { line: 2, fault: LineFault::NotText }]);
        assert_eq!(settings.len(), 1);
        assert_eq!(parse(b"\xff\xfeA\0=\0").1[0].line, 1, "UTF-16");
    }

    #[test]
    fn a_fault_is_told_in_one_line_without_the_value() {
        for (_, fault) in faults("K=a secret\nK='secret\nK=C:\\secret\nsecret secret\n") {
            let told = BadLine { line: 1, fault }.to_string();
            assert_eq!(told.lines().count(), 1);
            assert!(!told.contains("secret") && told.starts_with("line 1: "), "{told}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_in_a_file_each_line_is_read_or_told_once(
            text in "([A-C_]|=| |'|\"|\\\\|\\$|#|\\{|\\}|\n|\r|\t|CHAT_A|é|\u{feff}){0,60}",
        ) {
            let (_, bad) = parse(text.as_bytes());
            let lines: Vec<_> = bad.iter().map(|bad| bad.line).collect();
            prop_assert!(lines.is_sorted_by(|a, b| a < b), "{lines:?}");
            prop_assert!(lines.iter().all(|line| (1..=text.lines().count()).contains(line)));
        }
    }
}
