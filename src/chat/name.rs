//! Names of users and of lobbies.

use std::fmt;
use std::sync::Arc;

/// Fewest characters in a name.
pub const MIN_CHARS: usize = 2;
/// Most characters in a name.
pub const MAX_CHARS: usize = 20;

/// Names that nobody can take: the server or Rox speak under them, everybody is meant by them, or people
/// type them who mean a command.
const RESERVED: [&str; 15] = [
    "server", "rox", "you", "ai", "admin", "lobby", "system", "help", "quit", "exit", "guest",
    "all", "everyone", "here", CONSOLE,
];

/// The name under which the operator acts from outside the chat.
const CONSOLE: &str = "console";

/// A name of 2 to 20 characters of `A–Z a–z 0–9 - _`, in the spelling its owner chose.
///
/// Two names are the same where their [`NameKey`]s are: letter case does not count.
#[derive(Clone, PartialEq, Eq)]
pub struct Name(Arc<str>);

/// What is wrong with a would-be name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Under [`MIN_CHARS`] characters.
    #[error("too short")]
    TooShort,
    /// Over [`MAX_CHARS`] characters.
    #[error("too long")]
    TooLong,
    /// Something other than letters, digits, `-` and `_`.
    #[error("a character that names do not have")]
    BadCharacter,
}

/// A name folded for comparison and lookup.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NameKey(Arc<str>);

impl Name {
    /// Checks `raw`, blanks at its ends apart.
    ///
    /// # Errors
    /// The first of [`NameError`] that applies, length before alphabet.
    pub fn parse(raw: &str) -> Result<Self, NameError> {
        let name = raw.trim_matches([' ', '\t']);
        match name.chars().count() {
            n if n < MIN_CHARS => Err(NameError::TooShort),
            n if n > MAX_CHARS => Err(NameError::TooLong),
            _ if !name.bytes().all(allowed) => Err(NameError::BadCharacter),
            _ => Ok(Self(name.into())),
        }
    }

    /// That of whoever acts from the operator's console.
    pub fn console() -> Self {
        Self(CONSOLE.into())
    }

    /// The name as its owner spells it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it begins like this, without regard to case.
    pub fn begins_like(&self, begins: &str) -> bool {
        let head = self.as_str().get(..begins.len());
        head.is_some_and(|head| head.eq_ignore_ascii_case(begins))
    }

    /// The name as it is compared.
    pub fn key(&self) -> NameKey {
        // Most names are in lower case as they stand, and then the text is shared.
        match self.0.bytes().any(|byte| byte.is_ascii_uppercase()) {
            true => NameKey(self.0.to_ascii_lowercase().into()),
            false => NameKey(self.0.clone()),
        }
    }

    /// Whether the server keeps this name for itself.
    pub fn is_reserved(&self) -> bool {
        RESERVED.iter().any(|r| self.0.eq_ignore_ascii_case(r))
    }

    /// The names that the server keeps for itself.
    pub fn reserved() -> impl Iterator<Item = Self> {
        RESERVED.iter().filter_map(|name| Self::parse(name).ok())
    }
}

impl NameKey {
    /// Folds what a user typed to look somebody up. Text that is no valid name simply finds nobody.
    pub fn of(typed: &str) -> Self {
        Self(typed.to_ascii_lowercase().into())
    }

    /// The folded text, as it is stored.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn allowed(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn length_is_judged_before_the_alphabet() {
        let cases: [(&str, Result<&str, NameError>); 14] = [
            ("", Err(NameError::TooShort)),
            ("a", Err(NameError::TooShort)),
            ("é", Err(NameError::TooShort)),
            ("ab", Ok("ab")),
            ("A-b_9", Ok("A-b_9")),
            ("  alice\t", Ok("alice")),
            ("12345678901234567890", Ok("12345678901234567890")),
            ("123456789012345678901", Err(NameError::TooLong)),
            ("a b", Err(NameError::BadCharacter)),
            ("日本", Err(NameError::BadCharacter)),
            ("bob\u{1b}[31m", Err(NameError::BadCharacter)),
            ("al\u{0}ce", Err(NameError::BadCharacter)),
            ("bob\u{200b}", Err(NameError::BadCharacter)),
            ("аlice", Err(NameError::BadCharacter)), // A Cyrillic а.
        ];
        for (raw, want) in cases {
            let got = Name::parse(raw);
            assert_eq!(got.as_ref().map(Name::as_str), want.as_ref().copied(), "{raw:?}");
        }
    }

    #[test]
    fn case_does_not_tell_names_apart() {
        let (a, b) = (Name::parse("Bob").unwrap(), Name::parse("bOB").unwrap());
        assert_eq!(a.key(), b.key());
        assert_eq!(NameKey::of("BOB"), a.key());
        assert_ne!(a, b, "the spelling is kept");
    }

    #[test]
    fn reserved_names_are_reserved_in_any_case() {
        let names = "server Rox YOU ai Admin lobby SYSTEM Help quit exit GUEST all Everyone here";
        for name in names.split(' ') {
            assert!(Name::parse(name).unwrap().is_reserved(), "{name}");
        }
        assert!(!Name::parse("roxy").unwrap().is_reserved());
        assert_eq!(Name::reserved().count(), RESERVED.len(), "each is a valid name");
    }
}
