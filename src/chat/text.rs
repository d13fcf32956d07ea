//! Text that is safe to show on somebody else's terminal.
//!
//! [`Line`], and [`Text`] of several, is the only text that the renderer accepts, and cleaning the only
//! way to make one, so no path from a peer (or from the AI) to a terminal goes round the sanitiser.
//!
//! Sources: ECMA-48 §5 and §8 (control functions), UAX #9 (bidirectional controls), UTS #51 (emoji
//! sequences), UAX #44 (general categories).

use std::fmt;
use std::sync::Arc;

use unicode_properties::{
    GeneralCategory, GeneralCategoryGroup, UnicodeEmoji, UnicodeGeneralCategory,
};

use super::escape::strip_escapes;

/// Most combining marks that stay on one character: enough for every living script, too few to
/// paint over the lines above and below.
pub const MAX_MARKS: usize = 4;

/// Most tag characters in a flag: the longest subdivision code in use has 6 and the cancel tag.
const MAX_TAGS: usize = 16;

const ZWNJ: char = '\u{200C}';
const ZWJ: char = '\u{200D}';
const BLACK_FLAG: char = '\u{1F3F4}';
const CANCEL_TAG: char = '\u{E007F}';

/// One line of text without controls, escape sequences or invisible characters.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Line(Arc<str>);

impl Line {
    /// Takes everything out of `raw` that could act on a terminal or hide in it. Never fails:
    /// what is left may be empty.
    pub fn clean(raw: &str) -> Self {
        if raw.bytes().all(|b| (0x20..0x7F).contains(&b)) {
            return Self(raw.into());
        }
        let visible: Vec<char> = strip_escapes(raw)
            .filter_map(|c| match c {
                '\t' => Some(' '),
                c if is_hostile(c) => None,
                c => Some(c),
            })
            .collect();
        Self(join(&visible).into())
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Length in Unicode characters, which is what limits count.
    pub fn chars(&self) -> usize {
        if self.0.is_ascii() { self.0.len() } else { self.0.chars().count() }
    }

    /// Whether there is nothing to see: blanks, marks without a letter, and letters without a shape.
    pub fn is_blank(&self) -> bool {
        let unseen = |c: char| {
            c.is_whitespace()
                || is_mark(c)
                || matches!(c, '\u{115F}' | '\u{1160}' | '\u{2800}' | '\u{3164}' | '\u{FFA0}')
        };
        self.0.chars().all(unseen)
    }
}

/// Most rows of a text.
pub const MAX_ROWS: usize = 20;

/// A text of one row or more, each a [`Line`].
#[derive(Clone, PartialEq, Eq)]
pub struct Text(Arc<str>);

impl Text {
    /// Cleans `raw` row by row: rows are divided by LF, and over [`MAX_ROWS`] left out.
    pub fn clean(raw: &str) -> Self {
        if !raw.contains('\n') {
            return Line::clean(raw).into();
        }
        let rows = raw.split('\n').take(MAX_ROWS).map(Line::clean);
        Self(rows.map(|row| row.0).collect::<Vec<_>>().join("\n").into())
    }

    /// Its rows, from the first on.
    pub fn rows(&self) -> impl Iterator<Item = &str> {
        self.0.split('\n')
    }

    /// The text, its rows divided by LF.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<Line> for Text {
    fn from(line: Line) -> Self {
        Self(line.0)
    }
}

/// As that of a [`Line`].
impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Text({} bytes)", self.0.len())
    }
}

/// Message texts must never reach a log, so `{:?}` shows only the length.
impl fmt::Debug for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Line({} bytes)", self.0.len())
    }
}

/// Characters that go wherever they stand: controls, line separators, and format characters (the
/// bidirectional and zero-width ones) but for the few that [`join`] judges by their neighbours.
fn is_hostile(c: char) -> bool {
    match c {
        ZWNJ | ZWJ | '\u{E0020}'..='\u{E007F}' => false,
        // Arabic, Syriac and Brahmi number and prefix signs: format characters by class, yet visible.
        '\u{600}'..='\u{605}' | '\u{6DD}' | '\u{70F}' | '\u{890}' | '\u{891}' | '\u{8E2}' => false,
        '\u{110BD}' | '\u{110CD}' | '\u{13430}'..='\u{1343F}' => false,
        // Not assigned yet, but to be shown as nothing (UAX #44, Default_Ignorable_Code_Point).
        '\u{2065}' | '\u{FFF0}'..='\u{FFF8}' | '\u{E0000}'..='\u{E001F}' => true,
        '\u{E0080}'..='\u{E00FF}' | '\u{E01F0}'..='\u{E0FFF}' => true,
        c => matches!(
            c.general_category(),
            GeneralCategory::Control
                | GeneralCategory::Format
                | GeneralCategory::LineSeparator
                | GeneralCategory::ParagraphSeparator
        ),
    }
}

/// Keeps joiners and tags only where they belong, and at most [`MAX_MARKS`] marks a character.
fn join(text: &[char]) -> String {
    let mut out: Vec<char> = Vec::with_capacity(text.len());
    let mut marks = 0;
    let mut at = 0;
    while let Some(&c) = text.get(at) {
        at += 1;
        if c == ZWJ || c == ZWNJ {
            if joins(c, &out, text.get(at).copied(), marks) {
                out.push(c);
            }
        } else if is_tag(c) {
            let run = 1 + text[at..].iter().take_while(|c| is_tag(**c)).count();
            if is_flag(&out, &text[at - 1..at - 1 + run]) {
                out.extend(&text[at - 1..at - 1 + run]);
            }
            at += run - 1;
        } else if is_mark(c) {
            marks += 1;
            if marks <= MAX_MARKS {
                out.push(c);
            }
        } else {
            marks = 0;
            out.push(c);
        }
    }
    out.into_iter().collect()
}

fn is_mark(c: char) -> bool {
    !c.is_ascii() && c.general_category_group() == GeneralCategoryGroup::Mark
}

fn is_tag(c: char) -> bool {
    ('\u{E0020}'..=CANCEL_TAG).contains(&c)
}

/// A whole tag sequence: a black flag, letters and digits, one cancel tag at the end.
fn is_flag(before: &[char], tags: &[char]) -> bool {
    before.last() == Some(&BLACK_FLAG)
        && (2..=MAX_TAGS).contains(&tags.len())
        && tags.iter().position(|c| *c == CANCEL_TAG) == Some(tags.len() - 1)
}

/// Whether a joiner stands where it shapes something: between emoji, or between letters (or their
/// marks) of a script that needs it.
fn joins(joiner: char, before: &[char], next: Option<char>, marks: usize) -> bool {
    let Some(next) = next else { return false };
    let mut back = before.iter().rev().copied().filter(|c| *c != '\u{FE0F}');
    let Some(prev) = back.next() else { return false };
    let emoji = |c: char| !c.is_ascii() && c.is_emoji_char();
    (joiner == ZWJ && emoji(prev) && emoji(next))
        || (needs_joiners(prev)
            && needs_joiners(next)
            && (!is_mark(next) || (joiner == ZWJ && is_virama(next) && marks < MAX_MARKS)))
}

/// The vowel killers of the Indic scripts (canonical combining class 9), before which a ZWJ chooses
/// between two shapes, as in Bengali র‍্য.
fn is_virama(c: char) -> bool {
    matches!(
        c,
        '\u{94D}'
            | '\u{9CD}'
            | '\u{A4D}'
            | '\u{ACD}'
            | '\u{B4D}'
            | '\u{BCD}'
            | '\u{C4D}'
            | '\u{CCD}'
            | '\u{D4D}'
            | '\u{DCA}'
            | '\u{1039}'
            | '\u{17D2}'
    )
}

/// Letters and marks of scripts whose spelling uses ZWNJ and ZWJ: Arabic and its kin, the Indic
/// scripts and those derived from them, Mongolian.
fn needs_joiners(c: char) -> bool {
    let script = matches!(c,
        '\u{0600}'..='\u{08FF}' | '\u{0900}'..='\u{0DFF}' | '\u{0F00}'..='\u{109F}'
        | '\u{1780}'..='\u{18AF}' | '\u{1A20}'..='\u{1B7F}' | '\u{A840}'..='\u{A87F}'
        | '\u{A8E0}'..='\u{A8FF}' | '\u{A980}'..='\u{A9FF}' | '\u{AA60}'..='\u{AA7F}'
        | '\u{FB50}'..='\u{FDFF}' | '\u{FE70}'..='\u{FEFC}' | '\u{10D00}'..='\u{10D3F}'
        | '\u{11000}'..='\u{11FFF}' | '\u{1E900}'..='\u{1E95F}');
    script
        && matches!(
            c.general_category_group(),
            GeneralCategoryGroup::Letter | GeneralCategoryGroup::Mark
        )
}

#[cfg(test)]
#[path = "text_tests.rs"]
mod tests;
