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
    // It cannot be less than the difference in length, and then need not be looked for.
    if !begins && longer - typed.len().min(known.len()) > most {
        return None;
    }
    let distance = strsim::osa_distance(typed, known);
    (distance <= most || begins).then_some(distance)
}

fn common_beginning(one: &str, other: &str) -> usize {
    one.bytes().zip(other.bytes()).take_while(|(one, other)| one == other).count()
}

#[cfg(test)]
mod tests {
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
}
