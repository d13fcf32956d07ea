//! Text in the columns of a terminal: where a row ends and the next one begins.
//!
//! Wrapping adds line ends and indentation and takes nothing away, but for blanks at the end of a text that would
//! make a row of their own. A row is broken after a blank; between
//! ideographs, where UAX #14 lets it be; and inside a word that is longer than a row, between characters
//! as people see them (UAX #29). A link stays whole, so that it can be clicked and copied: one that is
//! longer than a row runs on into the first column, and nothing else does.
//!
//! Terminals do not agree on widths (UAX #11 leaves emoji sequences open), so what counts is the most
//! columns that any of them takes: then no row runs over, and some end early.

use unicode_linebreak::linebreaks;
use unicode_properties::{GeneralCategory, UnicodeGeneralCategory};
use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthChar;

use crate::chat::text::{is_joiner, is_tag};

/// Asks for the form of an emoji, which some terminals draw in two columns and others in one.
const EMOJI_SELECTOR: char = '\u{FE0F}';

/// Columns that a text takes at most, on whichever terminal.
pub(crate) fn columns(text: &str) -> usize {
    if text.is_ascii() {
        return text.len();
    }
    let mut before = 0;
    let mut columns = 0;
    for c in text.chars() {
        let width = match c {
            EMOJI_SELECTOR => usize::from(before == 1),
            c => most_columns(c),
        };
        columns += width;
        before = width;
    }
    columns
}

/// Columns that a character takes at most, on whichever terminal.
fn most_columns(c: char) -> usize {
    match c {
        // Pictures by their selector alone, or half a flag: terminals that take them for pictures anyway.
        '\u{261D}' | '\u{26F9}' | '\u{270C}' | '\u{270D}' | '\u{1F3CB}' | '\u{1F3CC}' => 2,
        '\u{1F574}' | '\u{1F575}' | '\u{1F590}' | '\u{1F1E6}'..='\u{1F1FF}' => 2,
        // Numbers in squares, which the C library draws wide.
        '\u{3248}'..='\u{324F}' => 2,
        '\u{302E}' | '\u{302F}' | '\u{16FF0}' | '\u{16FF1}' => 2,
        c => match c.width().unwrap_or(0) {
            // Some have a shape of their own beside the character before. Whether they take a column is what
            // terminals agree on least: Unicode says no, the C library yes.
            0 if !c.is_ascii() && stands_beside(c) => 1,
            width => width,
        },
    }
}

/// Whether a character without a width is drawn beside another one and not on it: a spacing mark, a
/// letter, a sign before a number. The vowels and finals of Hangul are drawn in its block.
fn stands_beside(c: char) -> bool {
    let in_block = matches!(c, '\u{1160}'..='\u{11FF}' | '\u{D7B0}'..='\u{D7FF}');
    let on_it = matches!(
        c.general_category(),
        GeneralCategory::NonspacingMark | GeneralCategory::EnclosingMark
    );
    !in_block && !on_it && !is_joiner(c) && !is_tag(c)
}

/// Columns that rendered text takes, which may hold sequences that colour it or erase a line.
pub(super) fn rendered_columns(text: &[u8]) -> usize {
    let mut columns_so_far = 0;
    let mut rest = text;
    while let Some(at) = rest.iter().position(|b| *b == 0x1B) {
        columns_so_far += columns(&String::from_utf8_lossy(&rest[..at]));
        // ESC [ and parameters, up to the letter that ends the sequence (ECMA-48 §5.4).
        let end = rest[at..].iter().skip(2).position(|b| (0x40..0x7F).contains(b));
        rest = end.map_or(&[][..], |end| &rest[at + 2 + end + 1..]);
    }
    columns_so_far + columns(&String::from_utf8_lossy(rest))
}

/// What a wrapped text is made of, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Piece<'a> {
    /// Some of the text.
    Text(&'a str),
    /// The row ends here; the next one begins with the indentation.
    Break,
}

/// Puts one row of text into rows of `width` columns, of which the first begins in `column` and the
/// others in `indent`.
pub(super) fn wrap<'a>(
    text: &'a str,
    column: usize,
    indent: usize,
    width: usize,
    emit: impl FnMut(Piece<'a>),
) {
    let indent = indent.min(width.saturating_sub(1));
    let begun = column > indent;
    let mut rows = Rows { column, indent, width, begun, after_link: false, emit };
    // Blanks at the end of a text are worth no row.
    let ends = text.trim_end_matches(' ');
    for (word, blanks) in words(ends) {
        rows.word(word, !blanks.is_empty());
        rows.blanks(blanks);
    }
    let room = rows.width.saturating_sub(rows.column);
    let last = &text[ends.len()..];
    rows.put(&last[..last.len().min(room)], last.len().min(room));
}

/// The rows that a text is put into which begin in this column, each as far as it is text.
pub(super) fn rows(text: &str, column: usize, width: usize) -> Vec<&str> {
    let (mut ends, mut end) = (Vec::new(), 0);
    wrap(text, column, column, width, |piece| match piece {
        Piece::Text(part) => end += part.len(),
        Piece::Break => ends.push(end),
    });
    ends.push(end);
    let mut from = 0;
    let row = |end| text.get(std::mem::replace(&mut from, end)..end).unwrap_or_default();
    ends.into_iter().map(row).collect()
}

/// The words of a text, each with the blanks after it.
fn words(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let end = rest.find(' ').unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        let next = after.find(|c| c != ' ').unwrap_or(after.len());
        let (blanks, after) = after.split_at(next);
        rest = after;
        Some((word, blanks))
    })
}

struct Rows<F> {
    /// Where the next character goes.
    column: usize,
    indent: usize,
    width: usize,
    /// Something stands in this row that a break would move away from.
    begun: bool,
    /// The row holds the tail of a link, which stands in the first column where the terminal is as wide
    /// as it says.
    after_link: bool,
    emit: F,
}

impl<'a, F: FnMut(Piece<'a>)> Rows<F> {
    fn fits(&self, columns: usize) -> bool {
        self.column + columns <= self.width
    }

    fn fits_a_row(&self, columns: usize) -> bool {
        self.indent + columns <= self.width
    }

    fn end_row(&mut self) {
        (self.emit)(Piece::Break);
        self.column = self.indent;
        self.begun = false;
        self.after_link = false;
    }

    fn put(&mut self, text: &'a str, columns: usize) {
        if text.is_empty() {
            return;
        }
        (self.emit)(Piece::Text(text));
        self.column += columns;
        self.begun = true;
    }

    /// A blank that would be in the next row anyway begins it.
    fn blanks(&mut self, blanks: &'a str) {
        let mut rest = blanks;
        while !rest.is_empty() {
            if !self.fits(1) {
                self.end_row();
            }
            let (now, later) = rest.split_at(rest.len().min(self.width - self.column));
            self.put(now, now.len());
            rest = later;
        }
    }

    fn word(&mut self, word: &'a str, blank_follows: bool) {
        if word.is_empty() {
            return;
        }
        if self.after_link {
            self.end_row();
        }
        let taken = columns(word);
        // The blank after a word stands in its row, so that the row can be told from the word's end.
        if self.fits(taken + usize::from(blank_follows)) {
            return self.put(word, taken);
        }
        if word.is_ascii() && self.fits_a_row(taken) {
            self.end_row_if_begun();
            return self.put(word, taken);
        }
        let mut rest = word;
        while !rest.is_empty() {
            let (before, link, after) = split_at_link(rest);
            self.text(before);
            self.link(link);
            rest = after;
        }
    }

    fn end_row_if_begun(&mut self) {
        if self.begun {
            self.end_row();
        }
    }

    /// A part of a word that is no link.
    fn text(&mut self, text: &'a str) {
        if text.is_empty() {
            return;
        }
        if self.after_link {
            self.end_row();
        }
        let mut from = 0;
        for end in breaks(text) {
            let unit = &text[from..end];
            let taken = columns(unit);
            if !self.fits(taken) && self.fits_a_row(taken) {
                self.end_row_if_begun();
            }
            match self.fits(taken) {
                true => self.put(unit, taken),
                false => self.cut(unit),
            }
            from = end;
        }
    }

    /// A unit that is longer than a row, cut where it has to be.
    fn cut(&mut self, unit: &'a str) {
        for cluster in unit.graphemes(true) {
            let taken = columns(cluster);
            if self.fits(taken) || self.fits_a_row(taken) {
                self.put_or_move(cluster, taken);
                continue;
            }
            // Only a terminal that does not join them takes so much for it: it shows the parts anyway.
            for (at, c) in cluster.char_indices() {
                let part = &cluster[at..at + c.len_utf8()];
                self.put_or_move(part, columns(part));
            }
        }
    }

    fn put_or_move(&mut self, text: &'a str, columns: usize) {
        if !self.fits(columns) {
            self.end_row();
        }
        self.put(text, columns);
    }

    fn link(&mut self, link: &'a str) {
        if link.is_empty() {
            return;
        }
        let taken = columns(link);
        if !self.fits(taken) {
            self.end_row_if_begun();
        }
        if self.fits(taken) {
            return self.put(link, taken);
        }
        self.put(link, taken);
        // Where it ends on a terminal of this width.
        self.column = match self.column % self.width {
            0 => self.width,
            tail => tail,
        };
        self.after_link = true;
    }
}

/// Where a text without blanks may be broken: around ideographs, and at its end.
fn breaks(text: &str) -> impl Iterator<Item = usize> {
    let wide = !text.is_ascii() && text.chars().any(is_ideograph);
    let inner = wide.then(|| {
        linebreaks(text).map(|(at, _)| at).filter(|at| {
            let (before, after) = text.split_at(*at);
            before.chars().next_back().is_some_and(is_ideograph)
                || after.chars().next().is_some_and(is_ideograph)
        })
    });
    let end = text.len();
    inner.into_iter().flatten().filter(move |at| *at < end).chain(std::iter::once(end))
}

/// Characters of scripts without blanks between words that take two columns. Korean has blanks.
fn is_ideograph(c: char) -> bool {
    let hangul = matches!(c, '\u{1100}'..='\u{115F}' | '\u{3130}'..='\u{318F}'
        | '\u{A960}'..='\u{A97F}' | '\u{AC00}'..='\u{D7FF}' | '\u{FFA0}'..='\u{FFDC}');
    c.width() == Some(2) && !hangul
}

/// What stands before a link, the link, and the rest. A link is a scheme, `://` and what follows up to
/// something that no address has in it.
fn split_at_link(word: &str) -> (&str, &str, &str) {
    const MARK: &str = "://";
    let Some(mark) = word.find(MARK) else { return (word, "", "") };
    let is_of_scheme = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.');
    let scheme: usize =
        word[..mark].chars().rev().take_while(is_of_scheme).map(char::len_utf8).sum();
    // A scheme begins with a letter (RFC 3986 §3.1).
    let scheme = word[mark - scheme..mark].trim_start_matches(|c: char| !c.is_ascii_alphabetic());
    if scheme.is_empty() {
        let (before, after) = word.split_at(mark + MARK.len());
        let (more, link, after) = split_at_link(after);
        return (&word[..before.len() + more.len()], link, after);
    }
    let start = mark - scheme.len();
    let rest = &word[mark + MARK.len()..];
    let is_of_link = |c: char| c.is_ascii_graphic() || (c.is_alphanumeric() && !is_ideograph(c));
    let length = rest.find(|c| !is_of_link(c)).unwrap_or(rest.len());
    let end = mark + MARK.len() + length;
    (&word[..start], &word[start..end], &word[end..])
}

#[cfg(test)]
#[path = "wrap_tests.rs"]
mod tests;
