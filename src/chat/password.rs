//! Secrets and the records that passwords are kept as.

use std::fmt;

use pbkdf2::password_hash::phc::PasswordHash;
use pbkdf2::password_hash::{PasswordHasher, PasswordVerifier};
use pbkdf2::{Algorithm, Params, Pbkdf2};

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

/// A salted PBKDF2-HMAC-SHA-512 record of a password, in PHC string format.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordRecord(Box<str>);

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

    /// Reads a stored record.
    ///
    /// # Errors
    /// [`PasswordError::BadRecord`] where it is malformed or its rounds are out of bounds.
    pub fn parse(stored: &str) -> Result<Self, PasswordError> {
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
        let hash = PasswordHash::new(&self.0).map_err(|_| PasswordError::BadRecord)?;
        let pbkdf2 = Pbkdf2::SHA512;
        Ok(pbkdf2.verify_password(password.expose().as_bytes(), &hash).is_ok())
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

    #[test]
    fn debug_tells_no_secret() {
        let record = PasswordRecord::with_rounds(&Secret::new("hunter2"), &SALT, 1_000).unwrap();
        let shown = format!("{:?} {record:?}", Secret::new("hunter2"));
        assert_eq!(shown, "**** PasswordRecord(****)");
    }
}
