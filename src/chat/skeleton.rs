//! Names that look alike, so that nobody can pass for somebody else.

use std::collections::HashMap;

use super::name::Name;

/// What is left of a name once everything that looks alike is the same.
///
/// Each character is replaced by itself, so the skeletons of two names are equal exactly where the
/// names can be read as one: `m` becomes `rn` and not the other way round, or it would depend on the
/// order whether `vvv` looks like `wv` and like `vw`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Skeleton(Box<str>);

impl Skeleton {
    /// The skeleton of a name.
    pub fn of(name: &Name) -> Self {
        let mut bones = String::with_capacity(name.as_str().len() + 2);
        for c in name.as_str().chars() {
            match c.to_ascii_lowercase() {
                '0' => bones.push('o'),
                '1' | 'i' => bones.push('l'),
                '_' => bones.push('-'),
                'm' => bones.push_str("rn"),
                'w' => bones.push_str("vv"),
                c => bones.push(c),
            }
        }
        Self(bones.into())
    }
}

/// Names, to be asked whether another looks like one of them.
#[derive(Debug, Default)]
pub struct Lookalikes {
    by_skeleton: HashMap<Skeleton, Vec<Name>>,
}

impl Lookalikes {
    /// Adds a name.
    pub fn add(&mut self, name: &Name) {
        // Nearly always there is one.
        let alike = self.by_skeleton.entry(Skeleton::of(name));
        alike.or_insert_with(|| Vec::with_capacity(1)).push(name.clone());
    }

    /// Takes a name out again, in any spelling.
    pub fn remove(&mut self, name: &Name) {
        let skeleton = Skeleton::of(name);
        let Some(alike) = self.by_skeleton.get_mut(&skeleton) else { return };
        if let Some(at) = alike.iter().position(|other| other.key() == name.key()) {
            alike.swap_remove(at);
        }
        if alike.is_empty() {
            self.by_skeleton.remove(&skeleton);
        }
    }

    /// One of the names that looks like `name` and is another.
    pub fn close_to(&self, name: &Name) -> Option<&Name> {
        self.alike(name).next()
    }

    /// All that look like `name` and are others.
    pub fn alike(&self, name: &Name) -> impl Iterator<Item = &Name> {
        let key = name.key();
        let alike = self.by_skeleton.get(&Skeleton::of(name)).into_iter().flatten();
        alike.filter(move |other| other.key() != key)
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
        Skeleton::of(&name(a)) == Skeleton::of(&name(b))
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
        names.remove(&name("adm1n"));
        assert_eq!(names.close_to(&name("admin")), None);
        assert!(names.by_skeleton.is_empty(), "nothing is left behind");
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
                    prop_assert_eq!(Skeleton::of(&other), Skeleton::of(&name(&text)));
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
