//! Reads along what a client sends in its TLS handshake, up to its certificate.
//!
//! In TLS 1.3 the certificate comes encrypted, under a secret that both ends have by then. OpenSSL
//! tells it line by line to whoever writes a key log, and here nobody does: the secret opens the one
//! message that must be judged before OpenSSL reads it, and goes with it.

use std::sync::{Arc, Mutex, PoisonError};

use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::pkey::PKey;
use openssl::sign::Signer;
use openssl::symm::{Cipher, decrypt_aead};

use super::client_cert::{MAX_MESSAGE_BYTES, Unwelcome, check_message};

/// Bytes of a record's head: type, version, length of what follows.
pub const HEAD_BYTES: usize = 5;

/// Types of records (RFC 8446 §5.1).
const HANDSHAKE: u8 = 22;
const APPLICATION_DATA: u8 = 23;

/// The message of a handshake that is looked at (RFC 8446 §4), and the bytes of its head.
const CERTIFICATE: u8 = 11;
const MESSAGE_HEAD_BYTES: usize = 4;

/// Bytes of the tag of every cipher of TLS 1.3 that is in use, and of its nonce.
const TAG_BYTES: usize = 16;
const NONCE_BYTES: usize = 12;

/// What precedes the client's secret in a line of the key log.
const LABEL: &str = "CLIENT_HANDSHAKE_TRAFFIC_SECRET ";

/// Where the line of the key log is left for the connection that it is about.
#[derive(Default)]
pub struct Secret(Mutex<Option<Keys>>);

impl Secret {
    /// Takes a line of the key log (SSLKEYLOGFILE format), with the name of the cipher in use.
    pub fn take_line(&self, line: &str, cipher: &str) {
        let Some(rest) = line.strip_prefix(LABEL) else { return };
        let keys = rest.split(' ').nth(1).and_then(unhex).and_then(|secret| {
            let (cipher, digest) = suite(cipher)?;
            Keys::of(&secret, cipher, digest).ok()
        });
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = keys;
    }

    fn keys(&self) -> Option<Keys> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// The cipher and the hash of a suite of TLS 1.3.
fn suite(name: &str) -> Option<(Cipher, MessageDigest)> {
    match name {
        "TLS_AES_128_GCM_SHA256" => Some((Cipher::aes_128_gcm(), MessageDigest::sha256())),
        "TLS_AES_256_GCM_SHA384" => Some((Cipher::aes_256_gcm(), MessageDigest::sha384())),
        "TLS_CHACHA20_POLY1305_SHA256" => {
            Some((Cipher::chacha20_poly1305(), MessageDigest::sha256()))
        }
        _ => None,
    }
}

/// What opens and closes the records of one direction (RFC 8446 §7.3), and how many it has.
pub struct Keys {
    /// The cipher of the suite.
    pub cipher: Cipher,
    /// Its key.
    pub key: Vec<u8>,
    /// What the number of a record is mixed with.
    pub iv: Vec<u8>,
    /// The number of the next record.
    pub number: u64,
}

impl Keys {
    /// Those of a traffic secret.
    ///
    /// # Errors
    /// OpenSSL failed.
    pub fn of(secret: &[u8], cipher: Cipher, digest: MessageDigest) -> Result<Self, ErrorStack> {
        let key = expand_label(secret, digest, "key", cipher.key_len())?;
        let iv = expand_label(secret, digest, "iv", NONCE_BYTES)?;
        Ok(Self { cipher, key, iv, number: 0 })
    }

    /// The nonce of the next record (RFC 8446 §5.3), which is counted.
    pub fn next_nonce(&mut self) -> Vec<u8> {
        let mut nonce = self.iv.clone();
        let number = self.number.to_be_bytes();
        let start = nonce.len() - number.len();
        nonce[start..].iter_mut().zip(number).for_each(|(byte, with)| *byte ^= with);
        self.number += 1;
        nonce
    }

    /// Opens the body of a record, and gives what is in it and of which type that is.
    fn open(&mut self, head: &[u8], body: &[u8]) -> Option<(Vec<u8>, u8)> {
        let (sealed, tag) = body.split_at_checked(body.len().checked_sub(TAG_BYTES)?)?;
        let nonce = self.next_nonce();
        let opened = decrypt_aead(self.cipher, &self.key, Some(&nonce), head, sealed, tag);
        let mut opened = opened.ok()?;
        // What stands behind the type is padding.
        let end = opened.iter().rposition(|byte| *byte != 0)?;
        let kind = opened[end];
        opened.truncate(end);
        Some((opened, kind))
    }
}

/// HKDF-Expand-Label without a context (RFC 8446 §7.1), for no more bytes than the hash has.
///
/// # Errors
/// OpenSSL failed.
pub fn expand_label(
    secret: &[u8],
    digest: MessageDigest,
    label: &str,
    length: usize,
) -> Result<Vec<u8>, ErrorStack> {
    let label = format!("tls13 {label}");
    // Lengths of labels and keys are far below these types' ends.
    let mut info = (length as u16).to_be_bytes().to_vec();
    info.push(label.len() as u8);
    info.extend_from_slice(label.as_bytes());
    info.extend_from_slice(&[0, 1]);
    let key = PKey::hmac(secret)?;
    let mut block = Signer::new(digest, &key)?.sign_oneshot_to_vec(&info)?;
    block.truncate(length);
    Ok(block)
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let pairs = text.as_bytes().chunks(2);
    pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}

/// What has come of a client's part of the handshake.
pub struct Flight {
    secret: Arc<Secret>,
    keys: Option<Keys>,
    /// The beginning of a message that is not whole yet.
    message: Vec<u8>,
    /// The certificate has been judged where nothing is encrypted yet (TLS 1.2), and where it is.
    seen: [bool; 2],
}

impl Flight {
    /// One of which nothing has come. The line of the key log will be left in `secret`.
    pub fn new(secret: Arc<Secret>) -> Self {
        Self { secret, keys: None, message: Vec::new(), seen: [false; 2] }
    }

    /// Judges a whole record, before OpenSSL has its last byte.
    ///
    /// # Errors
    /// The client shows what is not taken.
    pub fn record(&mut self, head: &[u8], body: &[u8]) -> Result<(), Unwelcome> {
        let kind = head.first().copied().unwrap_or_default();
        let tls13 = kind == APPLICATION_DATA;
        // What is neither is for OpenSSL alone, and so is what comes after the certificate.
        if kind != HANDSHAKE && !tls13 || self.seen[usize::from(tls13)] {
            return Ok(());
        }
        if !tls13 {
            return self.messages(body, tls13);
        }
        if self.keys.is_none() {
            self.keys = self.secret.keys();
            // Nothing may have been begun in the clear.
            self.message.clear();
        }
        let opened = self.keys.as_mut().and_then(|keys| keys.open(head, body));
        match opened.ok_or(Unwelcome::Malformed)? {
            (bytes, HANDSHAKE) => self.messages(&bytes, tls13),
            _ => Ok(()),
        }
    }

    /// Looks through messages, of which the last may go on in the next record.
    fn messages(&mut self, bytes: &[u8], tls13: bool) -> Result<(), Unwelcome> {
        self.message.extend_from_slice(bytes);
        while let Some((&[kind, a, b, c], rest)) = self.message.split_first_chunk() {
            let length = u32::from_be_bytes([0, a, b, c]) as usize;
            let is_certificate = kind == CERTIFICATE;
            // Behind encryption a client sends its certificate first, if only to show that it has none.
            if tls13 && !is_certificate {
                return Err(Unwelcome::Malformed);
            }
            if is_certificate && length > MAX_MESSAGE_BYTES {
                return Err(Unwelcome::TooLong);
            }
            let Some(body) = rest.get(..length) else { return Ok(()) };
            if is_certificate {
                check_message(body, tls13)?;
                self.seen[usize::from(tls13)] = true;
                self.message = Vec::new();
                self.keys = None;
                return Ok(());
            }
            self.message.drain(..MESSAGE_HEAD_BYTES + length);
        }
        Ok(())
    }
}

#[cfg(test)]
#[path = "flight_tests.rs"]
mod tests;
