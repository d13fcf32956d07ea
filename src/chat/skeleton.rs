//! Names that look alike, so that nobody can pass for somebody else.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::ops::Bound::{Excluded, Unbounded};

use super::name::Name;

/// The skeleton of a name: what is left of it once everything that looks alike is the same.
///
/// Each character is replaced by itself, so the skeletons of two names are equal exactly where the
/// names can be read as one: `m` becomes `rn` and not the other way round, or it would depend on the
/// order whether `vvv` looks like `wv` and like `vw`.
fn skeleton(name: &Name) -> impl Iterator<Item = u8> {
    name.as_str().bytes().flat_map(|byte| {
        let (bone, second) = match byte.to_ascii_lowercase() {
            b'0' => (b'o', None),
            b'1' | b'i' => (b'l', None),
            b'_' => (b'-', None),
            b'm' => (b'r', Some(b'n')),
            b'w' => (b'v', Some(b'v')),
            other => (other, None),
        };
        std::iter::once(bone).chain(second)
    })
}

/// Names, to be asked whether another looks like one of them.
#[derive(Debug, Default)]
pub struct Lookalikes {
    /// With how often each was added. Those that look alike stand side by side.
    names: BTreeMap<BySkeleton, u32>,
}

/// A name in the order of skeletons. They are made anew for each comparison, since one that is kept takes
/// more memory than its name.
#[derive(Debug)]
struct BySkeleton(Name);

impl BySkeleton {
    fn looks_like(&self, other: &Self) -> bool {
        skeleton(&self.0).eq(skeleton(&other.0))
    }
}

impl Ord for BySkeleton {
    fn cmp(&self, other: &Self) -> Ordering {
        let skeletons = skeleton(&self.0).cmp(skeleton(&other.0));
        skeletons.then_with(|| self.0.key().cmp(&other.0.key()))
    }
}

impl PartialOrd for BySkeleton {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for BySkeleton {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for BySkeleton {}

impl Lookalikes {
    /// Adds a name.
    pub fn add(&mut self, name: &Name) {
        *self.names.entry(BySkeleton(name.clone())).or_default() += 1;
    }

    /// Takes a name out again, in any spelling.
    pub fn remove(&mut self, name: &Name) {
        let name = BySkeleton(name.clone());
        let Some(times) = self.names.get_mut(&name) else { return };
        *times -= 1;
        if *times == 0 {
            self.names.remove(&name);
        }
    }

    /// One of the names that looks like `name` and is another.
    pub fn close_to(&self, name: &Name) -> Option<&Name> {
        self.alike(name).next()
    }

    /// All that look like `name` and are others: those on both sides of where it would stand.
    pub fn alike(&self, name: &Name) -> impl Iterator<Item = &Name> {
        let name = BySkeleton(name.clone());
        let before = self.names.range(..&name).rev();
        let after = self.names.range((Excluded(&name), Unbounded));
        let (below, above) = (BySkeleton(name.0.clone()), name);
        let before = before.map(|(other, _)| other).take_while(move |o| o.looks_like(&below));
        let after = after.map(|(other, _)| other).take_while(move |o| o.looks_like(&above));
        before.chain(after).map(|other| &other.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn name(text: &str) -> Name {
        Name::parse(text).unwrap()
    }

    fn alike(a: &str, b: &str) -> bool {
        skeleton(&name(a)).eq(skeleton(&name(b)))
    }

    #[test]
    fn names_that_look_alike_have_one_skeleton() {
        for (a, b) in [
            ("admin", "adm1n"),
            ("admin", "ADMlN"),
            ("admin", "adrnin"),
            ("admin", "AdRnIn"),
            ("bob", "b0b"),
            ("Bob", "bOB"),
            ("lobby", "1obby"),
            ("lobby", "I0bby"),
            ("system", "systern"),
            ("willow", "vvillow"),
            ("willow", "vvi11ovv"),
            ("wv", "vw"),
            ("wv", "vvv"),
            ("mn", "rnn"),
            ("a-b", "a_b"),
            ("ai", "al"),
        ] {
            assert!(alike(a, b), "{a} {b}");
        }
    }

    #[test]
    fn names_that_do_not_have_two() {
        for (a, b) in [
            ("alice", "alise"),
            ("bob", "bobb"),
            ("bob", "bab"),
            ("user1", "user2"),
            ("user10", "user01"),
            ("vvv", "ww"),
            ("nr", "rn"),
            ("m1", "n1"),
            ("a-b", "ab"),
            ("s5", "55"),
        ] {
            assert!(!alike(a, b), "{a} {b}");
        }
    }

    #[test]
    fn a_name_is_close_to_others_and_not_to_itself() {
        let mut names = Lookalikes::default();
        names.add(&name("Admin"));
        assert_eq!(names.close_to(&name("adm1n")), Some(&name("Admin")));
        assert_eq!(names.close_to(&name("ADMIN")), None, "that is the name itself");
        assert_eq!(names.close_to(&name("bob")), None);
        names.add(&name("adm1n"));
        names.remove(&name("ADMIN"));
        assert_eq!(names.close_to(&name("admin")), Some(&name("adm1n")));
        names.add(&name("ADM1N"));
        names.remove(&name("adm1n"));
        assert_eq!(names.close_to(&name("admin")), Some(&name("adm1n")), "it was added twice");
        names.remove(&name("adm1n"));
        assert_eq!(names.close_to(&name("admin")), None);
        assert!(names.names.is_empty(), "nothing is left behind");
    }

    /// What each character may be read as, in both directions.
    const READINGS: [(&str, &str); 6] =
        [("0", "o"), ("1", "l"), ("i", "l"), ("rn", "m"), ("vv", "w"), ("_", "-")];

    proptest! {
        #[test]
        fn reading_a_part_another_way_changes_nothing(
            text in "[a-zA-Z0-9_-]{2,18}", which in 0..READINGS.len(), back in any::<bool>(),
        ) {
            let (mut from, mut to) = READINGS[which];
            if back {
                (from, to) = (to, from);
            }
            let folded = text.to_ascii_lowercase();
            for (at, _) in folded.match_indices(from) {
                let other = format!("{}{to}{}", &folded[..at], &folded[at + from.len()..]);
                if let Ok(other) = Name::parse(&other) {
                    prop_assert!(alike(other.as_str(), &text));
                }
            }
        }

        #[test]
        fn names_of_other_letters_look_like_nothing_else(
            a in "[a-hj-kn-qs-ux-z]{2,20}", b in "[a-hj-kn-qs-ux-z]{2,20}",
        ) {
            prop_assert_eq!(alike(&a, &b), a == b);
        }
    }
}
