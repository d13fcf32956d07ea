//! Whom a user does not want to hear.

use std::collections::BTreeMap;

use super::name::{Name, NameKey};

/// Most names that one user ignores.
pub const MAX_IGNORED: usize = 100;

/// Why a name was not put on the list, or not taken off it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IgnoreError {
    /// One's own.
    #[error("one's own name")]
    Oneself,
    /// It is on the list.
    #[error("ignored already")]
    Already,
    /// It is not on the list.
    #[error("not ignored")]
    NotIgnored,
    /// There are [`MAX_IGNORED`] on the list.
    #[error("too many")]
    TooMany,
}

/// The names that a user ignores: what is said under them is not shown to that user, whether in a
/// lobby, in private, by mail or out of the history.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ignores {
    names: BTreeMap<NameKey, Name>,
}

impl Ignores {
    /// Puts a name on the list of the user called `me`.
    ///
    /// # Errors
    /// [`IgnoreError::Oneself`], [`IgnoreError::Already`], [`IgnoreError::TooMany`].
    pub fn add(&mut self, me: &Name, name: Name) -> Result<(), IgnoreError> {
        let key = name.key();
        if key == me.key() {
            return Err(IgnoreError::Oneself);
        }
        if self.names.contains_key(&key) {
            return Err(IgnoreError::Already);
        }
        if self.names.len() >= MAX_IGNORED {
            return Err(IgnoreError::TooMany);
        }
        self.names.insert(key, name);
        Ok(())
    }

    /// Takes a name off the list.
    ///
    /// # Errors
    /// [`IgnoreError::NotIgnored`].
    pub fn remove(&mut self, key: &NameKey) -> Result<Name, IgnoreError> {
        self.names.remove(key).ok_or(IgnoreError::NotIgnored)
    }

    /// Whether what is said under this name is not to be shown.
    pub fn contains(&self, name: &Name) -> bool {
        !self.names.is_empty() && self.names.contains_key(&name.key())
    }

    /// All of them, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Name> {
        self.names.values()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Whether nobody is ignored.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }
}

/// A list that was kept: what is over the limit is left out.
impl FromIterator<Name> for Ignores {
    fn from_iter<I: IntoIterator<Item = Name>>(names: I) -> Self {
        let keyed = names.into_iter().map(|name| (name.key(), name));
        Self { names: keyed.take(MAX_IGNORED).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Name {
        Name::parse(text).unwrap()
    }

    #[test]
    fn names_are_ignored_in_any_spelling_until_they_are_not() {
        let (mut ignores, me) = (Ignores::default(), name("alice"));
        assert_eq!(ignores.add(&me, name("ALICE")), Err(IgnoreError::Oneself));
        assert_eq!(ignores.add(&me, name("Bob")), Ok(()));
        assert_eq!(ignores.add(&me, name("bob")), Err(IgnoreError::Already));
        assert!(ignores.contains(&name("BOB")) && !ignores.contains(&name("carol")));
        assert_eq!(ignores.remove(&NameKey::of("carol")), Err(IgnoreError::NotIgnored));
        assert_eq!(ignores.remove(&NameKey::of("bOB")), Ok(name("Bob")));
        assert!(ignores.is_empty());
    }

    #[test]
    fn there_is_a_limit_and_the_list_is_by_name() {
        let (mut ignores, me) = (Ignores::default(), name("alice"));
        for i in (0..MAX_IGNORED).rev() {
            assert_eq!(ignores.add(&me, name(&format!("user{i:03}"))), Ok(()));
        }
        assert_eq!(ignores.add(&me, name("more")), Err(IgnoreError::TooMany));
        assert_eq!(ignores.len(), MAX_IGNORED);
        assert!(ignores.iter().map(Name::key).is_sorted());
        let kept: Ignores = ignores.iter().cloned().chain([name("more")]).collect();
        assert_eq!(kept, ignores);
    }
}
