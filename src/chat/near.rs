//! How near a typed word is to a known one.

/// So many letters of a word may have one slip between them.
const LETTERS_PER_SLIP: usize = 3;

/// Letters of a beginning by which one knows what was meant.
const MIN_BEGINNING: usize = 2;

/// How far a typed word is from a known one, both in lower case: in letters that are missing, too many,
/// wrong, or swapped with their neighbour. Without a number it is another word: more than a third of the
/// letters differ, and the typed one, its last letter apart, is no beginning of the known one.
pub fn distance(typed: &str, known: &str) -> Option<usize> {
    let longer = typed.len().max(known.len());
    let most = longer / LETTERS_PER_SLIP;
    let begins = common_beginning(typed, known) >= MIN_BEGINNING.max(typed.len().saturating_sub(1));
    // It cannot be less than the difference in length, nor than the letters that one has more of, and then
    // need not be looked for: that takes several times as long, and there may be ten thousand names.
    if !begins
        && (longer - typed.len().min(known.len()) > most || letters_apart(typed, known) > most)
    {
        return None;
    }
    let distance = strsim::osa_distance(typed, known);
    (distance <= most || begins).then_some(distance)
}

/// How many letters one has more of than the other, in whatever order; 0 where not all are ASCII, of which
/// each is a byte.
fn letters_apart(one: &str, other: &str) -> usize {
    if !one.is_ascii() || !other.is_ascii() {
        return 0;
    }
    let mut counts = [0i16; 128];
    one.bytes().for_each(|letter| counts[usize::from(letter)] += 1);
    other.bytes().for_each(|letter| counts[usize::from(letter)] -= 1);
    let more: i16 = counts.iter().map(|count| (*count).max(0)).sum();
    let fewer: i16 = counts.iter().map(|count| (-*count).max(0)).sum();
    usize::from(more.max(fewer).unsigned_abs())
}

fn common_beginning(one: &str, other: &str) -> usize {
    one.bytes().zip(other.bytes()).take_while(|(one, other)| one == other).count()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_slip_in_three_letters_and_a_beginning_are_near() {
        for (typed, known, want) in [
            ("bob", "bob", Some(0)),
            ("bbo", "bob", Some(1)),
            ("boob", "bob", Some(1)),
            ("bb", "bob", Some(1)),
            ("bo", "bob", Some(1)),
            ("rob", "bob", Some(1)),
            ("roy", "bob", None),
            ("bo", "by", None),
            ("al", "alexandra", Some(7)),
            ("alx", "alexandra", Some(6)),
            ("axl", "alexandra", None),
            ("b", "bob", None),
            ("", "bob", None),
            ("carlo", "carol", Some(1)),
            ("\u{e9}milie", "emilie", Some(1)),
        ] {
            assert_eq!(distance(typed, known), want, "{typed} {known}");
        }
        assert_eq!(distance(&"x".repeat(8_000), "bob"), None);
    }

    proptest! {
        #[test]
        fn words_are_no_nearer_than_the_letters_that_one_has_more_of(
            one in "[abc\u{e9}]{0,9}",
            other in "[abc]{0,9}",
        ) {
            prop_assert!(letters_apart(&one, &other) <= strsim::osa_distance(&one, &other));
        }
    }
}
