//! Text to the tokens that it is found by. One function cuts both what is said and what is searched
//! for, so that they cannot disagree.
//!
//! A word is letters, digits and their marks, with case folded. Scripts that put no space between words
//! have no words to find, so a run of such characters becomes pairs of neighbours, and a query of
//! two or more characters the same pairs in a row; each single character is a token too. A run takes
//! the letters of other scripts in that touch it: any part of `第3回` can be found, and its `3` alone.
//! Korean puts its particles at the end of words, so one is found by its beginnings too, `rust` of
//! `rust는` among them.

use unicode_normalization::char::compose;
use unicode_properties::{GeneralCategoryGroup, UnicodeGeneralCategory};

/// Stands before a pair that could be taken for a word. Words hold no such character.
const PAIR: char = '+';

/// Characters of the longest beginning that a Korean word is found by: a word with its particles seldom has
/// as many, and one of a thousand would have as many beginnings.
const MAX_BEGINNING: usize = 16;

/// Cuts text into tokens, in memory that it keeps from one text to the next.
#[derive(Debug, Default)]
pub(super) struct Cutter {
    run: Vec<char>,
}

impl Cutter {
    /// Adds the tokens that `text` is found by to `out`, each after a space unless it is the first.
    pub(super) fn for_index(&mut self, text: &str, out: &mut String) {
        self.runs(text, |run| {
            if !run.iter().copied().any(is_spaceless) {
                return push_word(out, run);
            }
            for pair in run.windows(2) {
                push_pair(out, pair);
            }
            // After the pairs, so that the last one of a run is no neighbour of the next run's first.
            for (at, c) in run.iter().enumerate() {
                if is_spaceless(*c) && !run[..at].contains(c) {
                    push(out, &[*c]);
                }
            }
            for word in run.split(|c| is_spaceless(*c)).filter(|word| !word.is_empty()) {
                push_word(out, word);
            }
        });
    }

    /// Unbroken runs of letters, digits and marks, with case folded and Korean syllables composed.
    fn runs(&mut self, text: &str, mut each: impl FnMut(&[char])) {
        let run = &mut self.run;
        run.clear();
        for c in text.chars() {
            if c.is_ascii_alphanumeric() {
                run.push(c.to_ascii_lowercase());
                continue;
            }
            if is_silent(c) {
                continue;
            }
            if is_jamo(c)
                && let Some(last) = run.last_mut()
                && let Some(syllable) = compose(*last, c)
            {
                *last = syllable;
            } else if c.is_alphanumeric() || (!run.is_empty() && is_mark(c)) {
                run.extend(fold(c).filter(|c| !is_silent(*c)));
            } else if !run.is_empty() {
                each(run);
                run.clear();
            }
        }
        if !run.is_empty() {
            each(run);
        }
    }
}

/// What must be found of `words`, all of it: each a token, or more with spaces between that must
/// stand in a row. Nothing twice; nothing at all where `words` has neither letter nor digit.
pub(super) fn for_query(words: &str) -> Vec<String> {
    let mut terms: Vec<String> = Vec::new();
    Cutter::default().runs(words, |run| {
        let mut term = String::new();
        if run.len() > 1 && run.iter().copied().any(is_spaceless) {
            for pair in run.windows(2) {
                push_pair(&mut term, pair);
            }
        } else {
            push(&mut term, run);
        }
        terms.push(term);
    });
    terms.sort_unstable();
    terms.dedup();
    terms
}

fn push(out: &mut String, token: &[char]) {
    if !out.is_empty() {
        out.push(' ');
    }
    out.extend(token);
}

/// A word, and the beginnings that end or are followed by a Korean syllable.
fn push_word(out: &mut String, word: &[char]) {
    push(out, word);
    for (at, pair) in word.windows(2).enumerate().take(MAX_BEGINNING) {
        if pair.iter().copied().any(is_syllable) {
            push(out, &word[..=at]);
        }
    }
}

fn push_pair(out: &mut String, pair: &[char]) {
    if pair.iter().copied().any(is_spaceless) {
        push(out, pair);
    } else {
        push(out, &[PAIR]);
        out.extend(pair);
    }
}

/// What a letter is without regard to case (full case folding, which has two letters for one sharp s).
/// Upper case is where letters meet that have several small forms, and `ı` is the one that must not.
fn fold(c: char) -> impl Iterator<Item = char> {
    let dotless = (c == 'ı').then_some(c);
    let folded = c.to_lowercase().flat_map(char::to_uppercase).flat_map(char::to_lowercase);
    dotless.into_iter().chain(folded.filter(move |_| dotless.is_none()))
}

/// What people type or leave out as it comes: accents on their own, joiners, variation selectors.
fn is_silent(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36F}' | '\u{200C}' | '\u{200D}' | '\u{FE00}'..='\u{FE0F}')
}

/// The vowels and finals that make a syllable of what stands before them.
fn is_jamo(c: char) -> bool {
    matches!(c, '\u{1161}'..='\u{1175}' | '\u{11A8}'..='\u{11C2}')
}

fn is_syllable(c: char) -> bool {
    matches!(c, '\u{AC00}'..='\u{D7A3}')
}

fn is_mark(c: char) -> bool {
    !c.is_ascii() && c.general_category_group() == GeneralCategoryGroup::Mark
}

/// Characters of scripts that put no space between words (UAX #14, classes ID, CJ and SA).
fn is_spaceless(c: char) -> bool {
    matches!(c,
        '\u{0E00}'..='\u{0EFF}' // Thai, Lao
        | '\u{1000}'..='\u{109F}' | '\u{A9E0}'..='\u{A9FF}' | '\u{AA60}'..='\u{AA7F}' // Myanmar
        | '\u{1780}'..='\u{17FF}' // Khmer
        | '\u{2E80}'..='\u{2FDF}' | '\u{3005}'..='\u{3007}' | '\u{3021}'..='\u{303B}' // Han
        | '\u{3041}'..='\u{312F}' // Hiragana, Katakana, Bopomofo
        | '\u{31A0}'..='\u{31BF}' | '\u{31F0}'..='\u{31FF}'
        | '\u{3400}'..='\u{4DBF}' | '\u{4E00}'..='\u{9FFF}' | '\u{F900}'..='\u{FAFF}'
        | '\u{FF66}'..='\u{FF9F}' // Katakana of half width
        | '\u{1AFF0}'..='\u{1B16F}' | '\u{20000}'..='\u{3FFFD}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn for_index(text: &str) -> String {
        let mut out = String::new();
        Cutter::default().for_index(text, &mut out);
        out
    }

    #[test]
    fn the_end_of_a_row_ends_a_word() {
        assert_eq!(for_index("the end\nof it"), "the end of it");
        let pairs = for_index("東京\n都");
        assert!(pairs.contains("東京") && !pairs.contains("京都"), "{pairs}");
    }

    #[test]
    fn one_cutter_cuts_each_text_as_if_it_were_the_first() {
        let mut cutter = Cutter::default();
        let mut out = String::from("before");
        for text in ["日本x", "", "One two"] {
            cutter.for_index(text, &mut out);
        }
        assert_eq!(out, "before 日本 本x 日 本 x one two");
    }

    #[test]
    fn text_becomes_words_pairs_and_single_characters() {
        for (text, want) in [
            ("", ""),
            ("?! … 🎉 ❤\u{FE0F}", ""),
            ("Hello, World!", "hello world"),
            ("foo_bar foo-bar can't", "foo bar foo bar can t"),
            ("ÉCOLE e\u{301}cole ΟΔΟΣ İ", "école ecole οδοσ i"),
            ("می\u{200C}خواهم", "میخواهم"),
            ("한국어 검색", "한국어 한 한국 검색 검"),
            ("\u{1112}\u{1161}\u{11AB}\u{1100}\u{116E}\u{11A8}", "한국 한"),
            ("Rust는 3월에 한abc", "rust는 rust 3월에 3 3월 한abc 한"),
            ("한국語", "+한국 국語 語 한국 한"),
            ("Straße STRASSE ẞ ﬁn ſo", "strasse strasse ss fin so"),
            ("I ı i \u{345}", "i ı i"),
            ("日本語", "日本 本語 日 本 語"),
            ("日、本", "日 本"),
            ("人人人", "人人 人人 人"),
            ("第13回", "第1 +13 3回 第 回 13"),
            ("iPを", "+ip pを を ip"),
            ("ดี\u{E49}", "ดี ี\u{E49} ด ี \u{E49}"),
        ] {
            assert_eq!(for_index(text), want, "{text:?}");
        }
    }

    #[test]
    fn queries_ask_for_words_and_for_pairs_in_a_row() {
        let cases: [(&str, &[&str]); 9] = [
            ("", &[]),
            ("\" * ( ) - ^ :", &[]),
            ("Hello hello", &["hello"]),
            ("b a", &["a", "b"]),
            ("a OR b*", &["a", "b", "or"]),
            ("語", &["語"]),
            ("日本語", &["日本 本語"]),
            ("13回", &["+13 3回"]),
            ("日本 語", &["日本", "語"]),
        ];
        for (words, want) in cases {
            assert_eq!(for_query(words), want, "{words:?}");
        }
    }

    #[test]
    fn a_korean_word_has_no_more_beginnings_than_are_indexed() {
        let tokens = for_index(&"가".repeat(1_000));
        assert_eq!(tokens.split(' ').count(), 1 + MAX_BEGINNING);
    }

    #[test]
    fn what_differs_in_case_alone_is_one_word() {
        for c in (0..=0x10_FFFF).filter_map(char::from_u32) {
            let folded: String = fold(c).collect();
            for case in [c.to_lowercase().collect::<String>(), c.to_uppercase().collect()] {
                let of_case: String = case.chars().flat_map(fold).collect();
                // Turkish pairs the dotless i with a letter that all others pair with the dotted one.
                assert!(of_case == folded || c == 'ı', "{c} {case}");
            }
        }
    }

    /// Whether the index would find `words` in `text`: every term in a row of the tokens.
    fn finds(text: &str, words: &str) -> bool {
        let index = format!(" {} ", for_index(text));
        let terms = for_query(words);
        !terms.is_empty() && terms.iter().all(|term| index.contains(&format!(" {term} ")))
    }

    proptest! {
        #[test]
        fn a_korean_word_is_found_by_its_beginnings_and_by_nothing_else(
            word in "[가-깋]{1,16}", len in 1usize..16, other in "[가-깋]{1,3}",
        ) {
            let beginning: String = word.chars().take(len).collect();
            prop_assert!(finds(&word, &beginning), "{word} {beginning}");
            prop_assert_eq!(finds(&word, &other), word.starts_with(&other));
        }

        #[test]
        fn any_part_of_text_without_spaces_is_found(
            text in "[日本語のひらカタ字ดีมกา][日本語のひらカタ字ดีมกาa3]{0,12}", from in 0usize..12, len in 1usize..12,
        ) {
            let chars: Vec<char> = text.chars().collect();
            let part: String = chars.iter().skip(from).take(len).collect();
            // A part without any such character is a word, and words are found whole.
            prop_assume!(part.chars().any(is_spaceless));
            prop_assert!(finds(&text, &part), "{text} {part}");
        }

        #[test]
        fn what_is_found_is_there(
            text in "[日本語のa3 ]{1,12}", words in "[日本語の][日本語のa3]{0,3}",
        ) {
            prop_assert_eq!(finds(&text, &words), text.contains(&words));
        }

        #[test]
        fn tokens_hold_nothing_but_letters_digits_and_marks(text in "\\PC{0,40}") {
            for token in for_index(&text).split(' ').filter(|t| !t.is_empty()) {
                let word = token.strip_prefix(PAIR).unwrap_or(token);
                prop_assert!(word.chars().all(|c| c.is_alphanumeric() || is_mark(c)), "{token:?}");
            }
        }
    }
}
