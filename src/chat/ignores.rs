//! Whom a user does not want to hear.

use super::name::{Name, NameKey};
use super::person::Person;

/// Most people that one user ignores.
pub const MAX_IGNORED: usize = 100;

/// Forms that one of them is remembered in: as whom they were when they were ignored, and as whom they
/// have gone on since under the same connection. Of more, the oldest of the latter goes.
pub const MAX_FORMS: usize = 8;

/// Why somebody was not put on the list, or not taken off it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IgnoreError {
    /// One's own name.
    #[error("one's own name")]
    Oneself,
    /// They are on the list.
    #[error("ignored already")]
    Already,
    /// They are not on the list.
    #[error("not ignored")]
    NotIgnored,
    /// There are [`MAX_IGNORED`] on the list.
    #[error("too many")]
    TooMany,
}

/// Somebody who is ignored.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Ignored {
    /// As they were then: this name is shown.
    who: Person,
    /// As whom they have gone on: under a new name, with an account, without one.
    also: Vec<Person>,
}

impl Ignored {
    fn forms(&self) -> impl Iterator<Item = &Person> {
        std::iter::once(&self.who).chain(&self.also)
    }

    fn knows(&self, other: &Person) -> bool {
        self.forms().any(|form| form.knows(other))
    }

    fn learn(&mut self, form: Person) {
        if self.forms().any(|known| *known == form) {
            return;
        }
        if self.also.len() + 1 >= MAX_FORMS {
            self.also.remove(0);
        }
        self.also.push(form);
    }
}

/// Whom a user ignores: what they say is not shown to that user, whether in a lobby, in private, by
/// mail or out of the history, under whatever name they go on. See [`Person::knows`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ignores {
    /// By name. Few, and compared number by number: no index is worth its memory.
    list: Vec<Ignored>,
}

impl Ignores {
    /// Puts somebody on the list of the user `me`.
    ///
    /// # Errors
    /// [`IgnoreError::Oneself`], [`IgnoreError::Already`], [`IgnoreError::TooMany`].
    pub fn add(&mut self, me: &Person, who: Person) -> Result<(), IgnoreError> {
        if me.knows(&who) {
            return Err(IgnoreError::Oneself);
        }
        if self.contains(&who) {
            return Err(IgnoreError::Already);
        }
        if self.list.len() >= MAX_IGNORED {
            return Err(IgnoreError::TooMany);
        }
        self.insert(who);
        Ok(())
    }

    /// Takes those off the list who were put there under this name; where there are none, whoever has
    /// it now. The name that the list had, and all that they were known as.
    ///
    /// # Errors
    /// [`IgnoreError::NotIgnored`].
    pub fn remove(
        &mut self,
        key: &NameKey,
        now: Option<&Person>,
    ) -> Result<(Name, Vec<Person>), IgnoreError> {
        let named = |ignored: &Ignored| ignored.who.name.key() == *key;
        let known = |ignored: &Ignored| now.is_some_and(|now| ignored.knows(now));
        let by_name = self.list.iter().any(named);
        let goes = |ignored: &mut Ignored| if by_name { named(ignored) } else { known(ignored) };
        let gone: Vec<Ignored> = self.list.extract_if(.., goes).collect();
        let name = gone.first().ok_or(IgnoreError::NotIgnored)?.who.name.clone();
        Ok((name, gone.iter().flat_map(Ignored::forms).cloned().collect()))
    }

    /// Whether what this one says is not to be shown.
    pub fn contains(&self, who: &Person) -> bool {
        self.list.iter().any(|ignored| ignored.knows(who))
    }

    /// Somebody goes on as somebody else: under another name, with an account or without. Whoever
    /// ignores them goes on to.
    pub fn learn(&mut self, before: &Person, now: &Person) {
        for ignored in self.list.iter_mut().filter(|ignored| ignored.knows(before)) {
            ignored.learn(now.clone());
        }
    }

    /// Their names as they were when they were ignored, in order.
    pub fn iter(&self) -> impl Iterator<Item = &Name> {
        self.list.iter().map(|ignored| &ignored.who.name)
    }

    /// All that they are known as, each with the name that the list has.
    pub fn forms(&self) -> impl Iterator<Item = (&Name, &Person)> {
        self.list.iter().flat_map(|ignored| ignored.forms().map(|form| (&ignored.who.name, form)))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether nobody is ignored.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    fn insert(&mut self, who: Person) {
        let key = who.name.key();
        let at = self.list.partition_point(|other| other.who.name.key() <= key);
        self.list.insert(at, Ignored { who, also: Vec::new() });
    }
}

/// A list that was kept, as [`Ignores::forms`] gives it: what is over the limits is left out.
impl FromIterator<(Name, Person)> for Ignores {
    fn from_iter<I: IntoIterator<Item = (Name, Person)>>(forms: I) -> Self {
        let mut ignores = Self::default();
        for (name, form) in forms {
            let key = name.key();
            let known = ignores.list.iter().position(|ignored| ignored.who.name.key() == key);
            match known {
                Some(at) => ignores.list[at].learn(form),
                None if ignores.list.len() < MAX_IGNORED => {
                    ignores.insert(Person { name, ..form });
                }
                None => {}
            }
        }
        ignores
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::accounts::{AccountId, Identity};

    fn guest(conn: u64, name: &str) -> Person {
        Person::example(conn, name)
    }

    fn account(conn: u64, name: &str, account: u32) -> Person {
        (&Identity::example(conn, name, Some(account))).into()
    }

    fn key(text: &str) -> NameKey {
        NameKey::of(text)
    }

    fn names(ignores: &Ignores) -> Vec<&str> {
        ignores.iter().map(Name::as_str).collect()
    }

    #[test]
    fn people_are_ignored_under_any_name_until_they_are_not() {
        let (mut ignores, me) = (Ignores::default(), guest(1, "alice"));
        assert_eq!(ignores.add(&me, me.clone()), Err(IgnoreError::Oneself));
        assert_eq!(ignores.add(&me, guest(2, "Bob")), Ok(()));
        for bob in [guest(2, "robert"), guest(3, "bob"), account(2, "bob", 7)] {
            assert_eq!(ignores.add(&me, bob.clone()), Err(IgnoreError::Already), "{bob:?}");
        }
        let stranger = Person { ip: None, ..guest(3, "Bob") };
        assert!(!ignores.contains(&stranger) && !ignores.contains(&guest(4, "carol")));
        assert_eq!(ignores.remove(&key("carol"), None), Err(IgnoreError::NotIgnored));
        let other = Some(guest(4, "carol"));
        assert_eq!(ignores.remove(&key("carol"), other.as_ref()), Err(IgnoreError::NotIgnored));
        let (name, forms) = ignores.remove(&key("bOB"), None).unwrap();
        assert_eq!((name.as_str(), forms), ("Bob", vec![guest(2, "Bob")]));
        assert!(ignores.is_empty());
    }

    #[test]
    fn whoever_has_the_name_now_is_taken_off_where_nobody_was_ignored_under_it() {
        let (mut ignores, me) = (Ignores::default(), guest(1, "alice"));
        ignores.add(&me, guest(2, "bob")).unwrap();
        // Bob is robert now, and somebody else is bob.
        let bob = Person { ip: None, ..guest(3, "bob") };
        let (name, _) = ignores.clone().remove(&key("bob"), Some(&bob)).unwrap();
        assert_eq!(name.as_str(), "bob", "the one who was ignored under it");
        let (name, _) = ignores.remove(&key("robert"), Some(&guest(2, "robert"))).unwrap();
        assert_eq!(name.as_str(), "bob");
        assert!(ignores.is_empty());
    }

    #[test]
    fn two_of_one_name_are_two_and_go_together() {
        let (mut ignores, me) = (Ignores::default(), guest(1, "alice"));
        ignores.add(&me, guest(2, "bob")).unwrap();
        ignores.add(&me, account(3, "Bob", 7)).unwrap();
        assert_eq!(names(&ignores), ["bob", "Bob"]);
        let (_, forms) = ignores.remove(&key("bob"), None).unwrap();
        assert_eq!(forms.len(), 2);
        assert!(ignores.is_empty());
    }

    #[test]
    fn what_somebody_becomes_is_learned_and_outlives_their_connection() {
        let (mut ignores, me) = (Ignores::default(), guest(1, "alice"));
        ignores.add(&me, guest(2, "bob")).unwrap();
        ignores.add(&me, guest(3, "carol")).unwrap();
        ignores.learn(&guest(2, "bob"), &guest(2, "robert"));
        ignores.learn(&guest(2, "robert"), &account(2, "robert", 7));
        ignores.learn(&guest(9, "dave"), &guest(9, "dan"));
        assert_eq!(names(&ignores), ["bob", "carol"], "as they were");
        for bob in [account(5, "robert", 7), guest(5, "robert"), guest(5, "bob")] {
            assert!(ignores.contains(&bob), "{bob:?}");
        }
        assert!(!ignores.contains(&guest(9, "dan")));
        let forms = ignores.forms().map(|(name, form)| {
            let form = Person { conn: None, ..form.clone() };
            (name.clone(), form)
        });
        let kept: Ignores = forms.collect();
        assert_eq!(names(&kept), ["bob", "carol"]);
        assert!(kept.contains(&account(5, "robert", 7)) && kept.contains(&guest(5, "robert")));
        assert!(kept.contains(&guest(5, "carol")) && !kept.contains(&guest(2, "dave")));
    }

    #[test]
    fn only_so_many_forms_are_remembered_and_the_first_and_the_newest_stay() {
        let (mut ignores, me) = (Ignores::default(), guest(1, "alice"));
        ignores.add(&me, guest(2, "bob")).unwrap();
        let mut before = guest(2, "bob");
        for i in 0..2 * MAX_FORMS {
            let now = guest(2, &format!("bob{i}"));
            ignores.learn(&before, &now);
            ignores.learn(&before, &now);
            before = now;
        }
        assert_eq!(ignores.forms().count(), MAX_FORMS);
        let back = |name: &str| ignores.contains(&guest(99, name));
        assert!(back("bob") && back("bob15") && back("bob9") && !back("bob8"));
    }

    #[test]
    fn there_is_a_limit_and_the_list_is_by_name() {
        let (mut ignores, me) = (Ignores::default(), guest(1_000, "alice"));
        for i in (0..MAX_IGNORED).rev() {
            assert_eq!(
                ignores.add(&me, account(i as u64, &format!("user{i:03}"), 1 + i as u32)),
                Ok(())
            );
        }
        assert_eq!(ignores.add(&me, guest(2_000, "more")), Err(IgnoreError::TooMany));
        assert_eq!(ignores.len(), MAX_IGNORED);
        assert!(ignores.iter().map(Name::key).is_sorted());
        let more = guest(2_000, "more");
        let forms = ignores.forms().map(|(name, form)| (name.clone(), form.clone()));
        let kept: Ignores = forms.chain([(more.name.clone(), more)]).collect();
        assert_eq!(kept, ignores);
        assert!(kept.contains(&Person { account: Some(AccountId(1)), ..guest(5_000, "other") }));
    }
}
