//! Text that is safe to show on somebody else's terminal.
//!
//! [`Line`], and [`Text`] of several, is the only text that the renderer accepts, and cleaning the only
//! way to make one, so no path from a peer (or from the AI) to a terminal goes round the sanitiser.
//!
//! Sources: ECMA-48 §5 and §8 (control functions), UAX #9 (bidirectional controls), UTS #51 (emoji
//! sequences), UAX #44 (general categories, Default_Ignorable_Code_Point), UAX #31 §2.3 (joiners), The
//! Unicode Standard §23.4 (variation selectors).

use std::fmt;
use std::sync::Arc;

use unicode_normalization::char::canonical_combining_class;
use unicode_properties::{
    GeneralCategory, GeneralCategoryGroup, UnicodeEmoji, UnicodeGeneralCategory,
};

use super::escape::strip_escapes;

/// Most combining marks that stay on one character: enough for every living script, too few to
/// paint over the lines above and below.
pub const MAX_MARKS: usize = 4;

/// Most blanks in a row that stay inside a text. With more, somebody could fill a row up to the edge of the
/// others' terminals, and have what follows begin in the first column like a line of the server's own.
pub const MAX_BLANKS: usize = 8;

/// Most blanks at the start of a row, where code is indented.
pub const MAX_INDENT: usize = 16;

/// Most tag characters in a flag: the longest subdivision code in use has 6 and the cancel tag.
const MAX_TAGS: usize = 16;

const ZWNJ: char = '\u{200C}';
const ZWJ: char = '\u{200D}';
const KEYCAP: char = '\u{20E3}';
const BLACK_FLAG: char = '\u{1F3F4}';
const CANCEL_TAG: char = '\u{E007F}';

/// One line of text without controls, escape sequences or invisible characters.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Line(Arc<str>);

impl Line {
    /// Takes everything out of `raw` that could act on a terminal or hide in it. Never fails:
    /// what is left may be empty.
    pub fn clean(raw: &str) -> Self {
        Self::clean_after(raw, MAX_INDENT)
    }

    /// The same for a text that does not begin a row: it begins with `indent` blanks at most.
    fn clean_after(raw: &str, indent: usize) -> Self {
        if raw.bytes().all(|b| (0x20..0x7F).contains(&b)) && !has_long_gap(raw) {
            return Self(raw.into());
        }
        let visible: Vec<char> = strip_escapes(raw)
            .filter(|c| *c == '\t' || !is_hostile(*c) && !is_hidden(*c))
            .map(|c| if is_blank(c) { ' ' } else { c })
            .collect();
        Self(join(&visible, indent).into())
    }

    /// Cleans a text that may have line ends in it and is to be one line all the same: they are blanks, so that no
    /// two words become one.
    pub fn joined(raw: &str) -> Self {
        Self::clean(&raw.replace(['\n', '\r'], " "))
    }

    /// Cleans what is no row of its own but a word: [`MAX_BLANKS`] hold from its beginning on.
    pub(super) fn clean_word(raw: &str) -> Self {
        Self::clean_after(raw, MAX_BLANKS)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Length in Unicode characters, which is what limits count.
    pub fn chars(&self) -> usize {
        if self.0.is_ascii() { self.0.len() } else { self.0.chars().count() }
    }

    /// Its first `max` characters, with a mark where there are more.
    pub fn beginning(&self, max: usize) -> Self {
        match self.0.char_indices().nth(max) {
            // A sequence may be cut in two, and a half of it is nothing to show.
            Some((end, _)) => Self(format!("{}…", Self::clean(&self.0[..end]).as_str()).into()),
            None => self.clone(),
        }
    }

    /// Whether there is nothing to see: blanks, and marks without a letter.
    pub fn is_blank(&self) -> bool {
        self.0.chars().all(|c| c == ' ' || is_mark(c) || is_joiner(c) || is_selector(c))
    }
}

/// Text without escape sequences, controls and format characters, and nothing else done to it: what a
/// password was made of before more than those was taken out.
pub(super) fn without_controls(raw: &str) -> String {
    strip_escapes(raw)
        .filter_map(|c| match c {
            '\t' => Some(' '),
            c => (!is_hostile(c)).then_some(c),
        })
        .collect()
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

    /// The same with all of its rows, of whatever has a limit of its own: an answer of Rox's.
    pub fn clean_all(raw: &str) -> Self {
        let rows = raw.split('\n').map(Line::clean);
        Self(rows.map(|row| row.0).collect::<Vec<_>>().join("\n").into())
    }

    /// Of these rows; over [`MAX_ROWS`] left out.
    pub fn of_rows<'a>(rows: impl IntoIterator<Item = &'a Line>) -> Self {
        let rows: Vec<&str> = rows.into_iter().take(MAX_ROWS).map(Line::as_str).collect();
        Self(rows.join("\n").into())
    }

    /// Its rows, from the first on.
    pub fn rows(&self) -> impl Iterator<Item = &str> {
        self.0.split('\n')
    }

    /// Length of its rows together, in Unicode characters, which is what limits count.
    pub fn chars(&self) -> usize {
        self.rows().map(|row| row.chars().count()).sum()
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
pub(super) fn is_hostile(c: char) -> bool {
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

/// Characters without a width that are no format characters by class: to be shown as nothing
/// (Default_Ignorable_Code_Point), and the fillers of Hangul, letters without a shape. A name or a word with
/// one of them inside would look like another.
fn is_hidden(c: char) -> bool {
    matches!(
        c,
        '\u{34F}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}' | '\u{180B}'
            ..='\u{180F}' | '\u{3164}' | '\u{FFA0}'
    )
}

/// Characters that look like a blank, of whatever width.
pub(super) fn is_blank(c: char) -> bool {
    matches!(
        c,
        '\t' | ' ' | '\u{A0}' | '\u{1680}' | '\u{2000}'
            ..='\u{200A}'
                | '\u{202F}'
                | '\u{205F}'
                | '\u{2800}'
                | '\u{3000}'
                | '\u{13441}'
                | '\u{13442}'
                | '\u{1D159}'
    )
}

/// Whether an ASCII text may have more blanks in a row than stay.
fn has_long_gap(text: &str) -> bool {
    let mut gap = 0;
    text.bytes().any(|byte| {
        gap = if byte == b' ' { gap + 1 } else { 0 };
        gap > MAX_BLANKS
    })
}

/// Keeps joiners, tags and selectors only where they belong, at most [`MAX_MARKS`] marks a character, and so
/// many blanks in a row: `indent` at the start.
fn join(text: &[char], indent: usize) -> String {
    let mut out: Vec<char> = Vec::with_capacity(text.len());
    let (mut marks, mut gap) = (0, 0);
    // What is read next, and what stands behind a run of joiners and the like: looked for once a run.
    let (mut at, mut after) = (0, 0);
    while let Some(&c) = text.get(at) {
        at += 1;
        if is_joiner(c) {
            // What follows is what will stand there: whatever else hides behind a joiner goes.
            let goes = |c: &char| is_joiner(*c) || is_tag(*c) || is_selector(*c);
            if after < at {
                after = at + text[at..].iter().take_while(|c| goes(c)).count();
            }
            if joins(c, &out, text.get(after).copied(), marks) {
                out.push(c);
            }
        } else if is_selector(c) {
            if takes_selector(out.last().copied(), c, text.get(at).copied()) {
                out.push(c);
            }
        } else if c == ' ' {
            marks = 0;
            gap = if out.last() == Some(&' ') { gap } else { 0 };
            let most = if gap == out.len() { indent } else { MAX_BLANKS };
            if gap < most {
                gap += 1;
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

/// Characters that take no column of their own but stand on the one before: marks, and the vowels and
/// finals of Hangul that are written after another letter, though those are letters by class.
fn is_mark(c: char) -> bool {
    !c.is_ascii()
        && (matches!(c, '\u{1161}'..='\u{11FF}' | '\u{D7B0}'..='\u{D7FB}')
            || c.general_category_group() == GeneralCategoryGroup::Mark && !is_selector(c))
}

/// Whether a character joins others and takes no column (ZWNJ, ZWJ).
pub fn is_joiner(c: char) -> bool {
    c == ZWJ || c == ZWNJ
}

/// The variation selectors that may stay: Mongolian has its own, which go.
fn is_selector(c: char) -> bool {
    matches!(c, '\u{FE00}'..='\u{FE0F}' | '\u{E0100}'..='\u{E01EF}')
}

/// Whether a selector can choose between shapes of the character right before it. Anywhere else it shows
/// nothing, and a row of them could carry a text that nobody sees.
fn takes_selector(base: Option<char>, selector: char, next: Option<char>) -> bool {
    let Some(base) = base else { return false };
    match selector {
        // As text or as a picture (emoji-variation-sequences.txt). Digits are emoji as keycaps alone.
        '\u{FE0E}' | '\u{FE0F}' if base.is_ascii() => {
            next == Some(KEYCAP) && (base.is_ascii_digit() || matches!(base, '#' | '*'))
        }
        '\u{FE0E}' | '\u{FE0F}' => is_emoji(base) && !is_skin_tone(base),
        // StandardizedVariants.txt, in ranges: quotes, operators, chess, CJK with its punctuation, and
        // Myanmar, Phags-pa, Manichaean and hieroglyphs.
        '\u{FE00}'..='\u{FE06}' => {
            is_ideograph(base)
                || matches!(base,
                    '\u{2018}' | '\u{2019}' | '\u{201C}' | '\u{201D}' | '\u{2200}'..='\u{22FF}'
                    | '\u{2654}'..='\u{265F}' | '\u{2A00}'..='\u{2AFF}' | '\u{3001}' | '\u{3002}'
                    | '\u{FF01}'..='\u{FF1F}' | '\u{1000}'..='\u{109F}' | '\u{AA60}'..='\u{AA7F}'
                    | '\u{A840}'..='\u{A877}' | '\u{10AC0}'..='\u{10AFF}'
                    | '\u{13000}'..='\u{1342F}')
        }
        // The Ideographic Variation Database (UTS #37).
        '\u{E0100}'..='\u{E01EF}' => is_ideograph(base),
        _ => false,
    }
}

fn is_ideograph(c: char) -> bool {
    matches!(c, '\u{3400}'..='\u{4DBF}' | '\u{4E00}'..='\u{9FFF}' | '\u{F900}'..='\u{FAFF}'
        | '\u{20000}'..='\u{3FFFF}')
}

/// A character that is a picture by itself. Half a flag is none.
fn is_emoji(c: char) -> bool {
    !c.is_ascii() && !matches!(c, '\u{1F1E6}'..='\u{1F1FF}') && c.is_emoji_char()
}

fn is_skin_tone(c: char) -> bool {
    matches!(c, '\u{1F3FB}'..='\u{1F3FF}')
}

/// Whether a character is part of the name of a flag, and takes no column.
pub fn is_tag(c: char) -> bool {
    ('\u{E0020}'..=CANCEL_TAG).contains(&c)
}

/// A whole tag sequence: a black flag, letters and digits, one cancel tag at the end.
fn is_flag(before: &[char], tags: &[char]) -> bool {
    before.last() == Some(&BLACK_FLAG)
        && (2..=MAX_TAGS).contains(&tags.len())
        && tags.iter().position(|c| *c == CANCEL_TAG) == Some(tags.len() - 1)
}

/// Whether a joiner stands where it shapes something: between emoji, between letters (or their marks) of
/// a script that needs it, or, a ZWJ, behind a virama that ends a word, as in Malayalam അവന്‍.
fn joins(joiner: char, before: &[char], next: Option<char>, marks: usize) -> bool {
    let Some(prev) = before.iter().rev().copied().find(|c| !is_selector(*c)) else { return false };
    let ends_word = |c: char| !c.is_alphanumeric() && !is_mark(c);
    if joiner == ZWJ && needs_joiners(prev) && is_virama(prev) && next.is_none_or(ends_word) {
        return before.last() == Some(&prev);
    }
    let Some(next) = next else { return false };
    (joiner == ZWJ && is_emoji(prev) && is_emoji(next))
        || (needs_joiners(prev)
            && needs_joiners(next)
            && (!is_mark(next) || (joiner == ZWJ && is_virama(next) && marks < MAX_MARKS)))
}

/// The vowel killers of the Indic scripts (canonical combining class 9), before which a ZWJ chooses
/// between two shapes, as in Bengali র‍্য.
fn is_virama(c: char) -> bool {
    canonical_combining_class(c) == 9
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
