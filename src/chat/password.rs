//! Secrets, passwords as they are typed, and the records that they are kept as.

use std::fmt;

use pbkdf2::password_hash::phc::PasswordHash;
use pbkdf2::password_hash::{PasswordHasher, PasswordVerifier};
use pbkdf2::{Algorithm, Params, Pbkdf2};
use unicode_normalization::UnicodeNormalization;

use super::accounts::MIN_ACCOUNT_PASSWORD_CHARS;
use super::text::{Line, without_controls};

/// Most characters in a lobby password: far over any passphrase, and hashing stays cheap.
pub const MAX_PASSWORD_CHARS: usize = 128;

/// Rounds of PBKDF2-HMAC-SHA-512 for new records (OWASP Password Storage Cheat Sheet, 2023).
pub const ROUNDS: u32 = 210_000;

/// Most rounds that a stored record may ask for, so that a forged one cannot pin a thread.
const MAX_ROUNDS: u32 = 2_000_000;

/// Bytes of salt in a record (NIST SP 800-132 asks for at least 16).
pub const SALT_BYTES: usize = 16;

/// Something that must never be shown or logged: neither `Debug` nor `Display` tells it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Box<str>);

impl Secret {
    /// Wraps a secret.
    pub fn new(text: &str) -> Self {
        Self(text.into())
    }

    /// The secret itself. The long name makes every use of it stand out.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Length in Unicode characters.
    pub fn chars(&self) -> usize {
        self.0.chars().count()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("****")
    }
}

/// A password as somebody gave it, in the one form in which it is kept and compared wherever it is
/// given: at the login, in a command, on the operator's standard input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Password {
    secret: Secret,
    /// As it was typed, where that is another form: what records of an earlier version were made of.
    /// Boxed, since hardly any has one.
    typed: Option<Box<Secret>>,
}

/// Why a text is no password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PasswordFault {
    /// It holds bytes that are not UTF-8. They would all be the same, so many passwords would be one.
    #[error("not valid UTF-8")]
    NotUtf8,
}

impl Password {
    /// Reads a password the way that RFC 8265 §4.2 (OpaqueString) has it: blanks of any kind become
    /// spaces, and what can be written in several ways (`ä` as one character or as two) is brought to
    /// one, Unicode's NFC. What the sanitiser takes out of a line, as escape sequences and controls,
    /// is not there in a password either, since it goes out of the line of a command before that is
    /// read.
    ///
    /// # Errors
    /// [`PasswordFault::NotUtf8`] where U+FFFD is in it, which stands for bytes that were not UTF-8.
    pub fn parse(typed: &str) -> Result<Self, PasswordFault> {
        let clean = Line::clean_word(typed);
        let clean = clean.as_str();
        if clean.contains(char::REPLACEMENT_CHARACTER) {
            return Err(PasswordFault::NotUtf8);
        }
        let secret = match clean.is_ascii() {
            true => Secret::new(clean),
            false => Secret::new(&clean.nfc().collect::<String>()),
        };
        let typed = without_controls(typed);
        let typed = (secret.expose() != typed).then(|| Box::new(Secret::new(&typed)));
        Ok(Self { secret, typed })
    }

    /// The password itself.
    pub fn secret(&self) -> &Secret {
        &self.secret
    }

    /// Length in Unicode characters.
    pub fn chars(&self) -> usize {
        self.secret.chars()
    }

    /// Whether there is nothing of it.
    pub fn is_empty(&self) -> bool {
        self.secret.expose().is_empty()
    }
}

/// Why a password is none for an account, as what is told of "the password".
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AccountPasswordFault {
    /// It is none at all.
    #[error("is {0}")]
    None(#[from] PasswordFault),
    /// It is too short or too long.
    #[error("has {0} characters; expected {MIN_ACCOUNT_PASSWORD_CHARS} to {MAX_PASSWORD_CHARS}")]
    Length(usize),
}

impl Password {
    /// Reads a password that the operator gives an account.
    ///
    /// # Errors
    /// Why an account cannot have it.
    pub fn for_account(typed: &str) -> Result<Self, AccountPasswordFault> {
        let password = Self::parse(typed)?;
        match password.chars() {
            MIN_ACCOUNT_PASSWORD_CHARS..=MAX_PASSWORD_CHARS => Ok(password),
            chars => Err(AccountPasswordFault::Length(chars)),
        }
    }
}

/// How a password compares with a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Match {
    /// It is another one.
    No,
    /// It is the one.
    Yes,
    /// It is the one, and the record was made of it as it was typed, by a version that knew no other
    /// form: it should be made anew.
    AsTyped,
}

/// A salted PBKDF2-HMAC-SHA-512 record of a password, in PHC string format; or that there is none.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordRecord(Box<str>);

/// What stands for an account that has no password, as in shadow(5): no record is like it.
const NO_PASSWORD: &str = "*";

/// Why a password could not be hashed or checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// The record is no PBKDF2 record, or asks for more rounds than we do for anybody.
    #[error("not a usable password record")]
    BadRecord,
    /// The parameters were refused by the hash function.
    #[error("hashing failed")]
    Hashing,
}

impl PasswordRecord {
    /// Hashes `password` with `salt`. Takes some 150 ms: never call it on an actor's thread.
    ///
    /// # Errors
    /// [`PasswordError::Hashing`] where the library refuses; no input of a user leads there.
    pub fn create(password: &Secret, salt: &[u8; SALT_BYTES]) -> Result<Self, PasswordError> {
        Self::with_rounds(password, salt, ROUNDS)
    }

    fn with_rounds(
        password: &Secret,
        salt: &[u8; SALT_BYTES],
        rounds: u32,
    ) -> Result<Self, PasswordError> {
        let params = Params::new(rounds).map_err(|_| PasswordError::Hashing)?;
        Pbkdf2::new(Algorithm::Pbkdf2Sha512, params)
            .hash_password_with_salt(password.expose().as_bytes(), salt)
            .map(|hash| Self(hash.to_string().into()))
            .map_err(|_| PasswordError::Hashing)
    }

    /// That of an account without a password, which its keys alone let in: none is the right one.
    pub fn none() -> Self {
        Self(NO_PASSWORD.into())
    }

    /// Whether there is no password.
    pub fn is_none(&self) -> bool {
        &*self.0 == NO_PASSWORD
    }

    /// Reads a stored record.
    ///
    /// # Errors
    /// [`PasswordError::BadRecord`] where it is malformed or its rounds are out of bounds.
    pub fn parse(stored: &str) -> Result<Self, PasswordError> {
        if stored == NO_PASSWORD {
            return Ok(Self::none());
        }
        let hash = PasswordHash::new(stored).map_err(|_| PasswordError::BadRecord)?;
        let params = Params::try_from(&hash).map_err(|_| PasswordError::BadRecord)?;
        if hash.algorithm.as_str() != Algorithm::PBKDF2_SHA512_ID || params.rounds() > MAX_ROUNDS {
            return Err(PasswordError::BadRecord);
        }
        Ok(Self(stored.into()))
    }

    /// The record in PHC string format, as [`PasswordRecord::parse`] reads it: for the database, and
    /// for nothing else.
    pub fn as_phc(&self) -> &str {
        &self.0
    }

    /// Whether `password` is the one that was hashed. As slow as [`PasswordRecord::create`].
    ///
    /// # Errors
    /// [`PasswordError::BadRecord`] where this is no valid record.
    pub fn verify(&self, password: &Secret) -> Result<bool, PasswordError> {
        if self.is_none() {
            return Ok(false);
        }
        let hash = PasswordHash::new(&self.0).map_err(|_| PasswordError::BadRecord)?;
        let pbkdf2 = Pbkdf2::SHA512;
        Ok(pbkdf2.verify_password(password.expose().as_bytes(), &hash).is_ok())
    }
}

impl PasswordRecord {
    /// How `password` compares with the one that was hashed. Twice as slow as
    /// [`PasswordRecord::verify`] at most, where it was typed in another form than the one it has.
    ///
    /// # Errors
    /// [`PasswordError::BadRecord`] where this is no valid record.
    pub fn compare(&self, password: &Password) -> Result<Match, PasswordError> {
        if self.verify(&password.secret)? {
            return Ok(Match::Yes);
        }
        let typed = password.typed.as_deref().filter(|typed| typed.chars() <= MAX_PASSWORD_CHARS);
        match typed {
            Some(typed) if self.verify(typed)? => Ok(Match::AsTyped),
            _ => Ok(Match::No),
        }
    }
}

impl fmt::Debug for PasswordRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordRecord(****)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SALT: [u8; SALT_BYTES] = *b"0123456789abcdef";

    #[test]
    fn the_right_password_verifies_and_no_other() {
        let record = PasswordRecord::create(&Secret::new("hunter2"), &SALT).unwrap();
        assert_eq!(record.verify(&Secret::new("hunter2")), Ok(true));
        assert_eq!(record.verify(&Secret::new("Hunter2")), Ok(false));
        assert_eq!(record.verify(&Secret::new("")), Ok(false));
    }

    #[test]
    fn without_a_password_none_is_the_right_one() {
        let none = PasswordRecord::none();
        for text in ["", "*", "hunter2"] {
            assert_eq!(none.compare(&Password::parse(text).unwrap()), Ok(Match::No), "{text}");
        }
        let read = PasswordRecord::parse(none.as_phc()).unwrap();
        assert!(read.is_none() && read == none);
        assert!(!PasswordRecord::create(&Secret::new("*"), &SALT).unwrap().is_none());
    }

    #[test]
    fn records_are_sha512_with_enough_rounds_and_salted() {
        let one = PasswordRecord::create(&Secret::new("x"), &SALT).unwrap();
        let two = PasswordRecord::create(&Secret::new("x"), b"another 16 bytes").unwrap();
        assert!(one.0.starts_with("$pbkdf2-sha512$"), "{}", one.0);
        assert!(one.0.contains("i=210000"), "{}", one.0);
        assert_ne!(one, two);
    }

    #[test]
    fn forged_records_are_refused() {
        let good = PasswordRecord::with_rounds(&Secret::new("x"), &SALT, 1_000).unwrap();
        assert_eq!(PasswordRecord::parse(good.as_phc()).as_ref(), Ok(&good), "as it was stored");
        for bad in [
            "".to_owned(),
            "hunter2".to_owned(),
            good.0.replace("i=1000", "i=4000000000"),
            good.0.replace("i=1000", "i=2000001"),
            good.0.replace("pbkdf2-sha512", "pbkdf2-sha256"),
        ] {
            assert_eq!(PasswordRecord::parse(&bad), Err(PasswordError::BadRecord), "{bad}");
        }
    }

    fn parse(typed: &str) -> Password {
        Password::parse(typed).unwrap()
    }

    #[test]
    fn a_password_has_one_form_however_it_is_typed() {
        for (typed, want) in [
            ("hunter2", "hunter2"),
            ("p\u{e4}sswort", "p\u{e4}sswort"),
            ("pa\u{308}sswort", "p\u{e4}sswort"),
            ("\u{212b}ngstrom", "\u{c5}ngstrom"),
            ("\u{1112}\u{1161}\u{11ab}", "\u{d55c}"),
            // Compatible is not the same.
            ("\u{ff50}\u{fb01}", "\u{ff50}\u{fb01}"),
            ("open\u{a0}sesame\u{3000}now", "open sesame now"),
            ("pass\tword", "pass word"),
            (" two  blanks ", " two  blanks "),
            ("          ten\u{2800}blanks", "        ten blanks"),
            ("pass\u{3164}word\u{fe0f}", "password"),
            ("pass\u{1b}[31mword\u{7}\u{200b}", "password"),
            ("\u{feff}password\r", "password"),
            ("", ""),
        ] {
            let password = parse(typed);
            assert_eq!(password.secret().expose(), want, "{typed:?}");
            assert_eq!(password, parse(typed), "{typed:?}");
            assert_eq!(password.secret(), parse(want).secret(), "{typed:?}");
        }
        assert!(parse("\u{7}").is_empty() && !parse(" ").is_empty());
        assert_eq!(parse("pa\u{308}ss").chars(), 4);
        assert_eq!(
            format!("{:?}", parse("a\u{308}")),
            "Password { secret: ****, typed: Some(****) }"
        );
    }

    #[test]
    fn bytes_that_are_no_text_are_no_password() {
        for typed in [&b"\xe4\xf6\xfc"[..], b"pass\xffword", b"\xef\xbf\xbd"] {
            let text = String::from_utf8_lossy(typed);
            assert_eq!(Password::parse(&text), Err(PasswordFault::NotUtf8), "{typed:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn a_password_is_the_same_as_a_line_and_as_a_word_of_one(
            word in "[a-zä-öא-ת가-나🏴\u{300}-\u{308}\u{200c}\u{200d}]{1,12}",
        ) {
            // As a command has it, out of a line that was cleaned as a whole.
            let line = Line::clean(&format!("/join den {word}"));
            let of_command = line.as_str().split(' ').next_back().unwrap_or_default();
            let (one, other) = (parse(of_command), parse(&word));
            proptest::prop_assert_eq!(one.secret(), other.secret());
            let decomposed: String = word.nfd().collect();
            let mark = |c| matches!(c, '\u{300}'..='\u{36f}' | '\u{1161}'..='\u{11ff}');
            let mut stacked = 0;
            let seen = word.nfd().filter(|c| !matches!(c, '\u{200c}' | '\u{200d}'));
            let stacks = seen.map(|c| {
                stacked = if mark(c) { stacked + 1 } else { 0 };
                stacked
            });
            if stacks.max() <= Some(super::super::text::MAX_MARKS) {
                let (one, other) = (parse(&decomposed), parse(&word));
                proptest::prop_assert_eq!(one.secret(), other.secret());
            }
        }
    }

    #[test]
    fn a_record_of_the_form_that_was_typed_is_known_and_told() {
        let record = |secret: &Secret| PasswordRecord::with_rounds(secret, &SALT, 1_000).unwrap();
        let (one, two) = (parse("p\u{e4}sswort"), parse("pa\u{308}sswort"));
        let (new, old) = (record(one.secret()), record(&Secret::new("pa\u{308}sswort")));
        for (record, password, want) in [
            (&new, &one, Match::Yes),
            (&new, &two, Match::Yes),
            (&old, &two, Match::AsTyped),
            (&old, &one, Match::No),
            (&old, &parse("another"), Match::No),
            (&new, &parse("a\u{308}nother"), Match::No),
        ] {
            assert_eq!(record.compare(password), Ok(want), "{record:?}");
        }
        let old = record(&Secret::new("open\u{3000}sesame"));
        assert_eq!(old.compare(&parse("open\u{3000}sesame")), Ok(Match::AsTyped));
        let long = "a\u{308}".repeat(MAX_PASSWORD_CHARS / 2 + 1);
        let old = record(&Secret::new(&long));
        assert_eq!(old.compare(&parse(&long)), Ok(Match::No), "longer than one might be");
    }

    #[test]
    fn debug_tells_no_secret() {
        let record = PasswordRecord::with_rounds(&Secret::new("hunter2"), &SALT, 1_000).unwrap();
        let shown = format!("{:?} {record:?}", Secret::new("hunter2"));
        assert_eq!(shown, "**** PasswordRecord(****)");
    }
}
