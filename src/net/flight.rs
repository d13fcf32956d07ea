//! Reads along what a client sends in its TLS handshake, up to its certificate.
//!
//! In TLS 1.3 the certificate comes encrypted, under a secret that both ends have by then. OpenSSL
//! tells it line by line to whoever writes a key log, and here nobody does: the secret opens the one
//! message that must be judged before OpenSSL reads it, and goes with it. So does that of the server's
//! own records, under which a client that is refused is told why.

use std::sync::{Arc, Mutex, PoisonError};

use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::pkey::PKey;
use openssl::sign::Signer;
use openssl::symm::{Cipher, decrypt_aead, encrypt_aead};

use super::client_cert::{MAX_MESSAGE_BYTES, Unwelcome, check_message};

/// Bytes of a record's head: type, version, length of what follows.
pub const HEAD_BYTES: usize = 5;

/// Types of records (RFC 8446 §5.1), and what their version is.
const ALERT: u8 = 21;
const HANDSHAKE: u8 = 22;
const APPLICATION_DATA: u8 = 23;
const VERSION: [u8; 2] = [3, 3];

/// The level of an alert that ends a connection (RFC 8446 §6).
const FATAL: u8 = 2;

/// The message of a handshake that is looked at (RFC 8446 §4), and the bytes of its head.
const CERTIFICATE: u8 = 11;
const MESSAGE_HEAD_BYTES: usize = 4;

/// Bytes of the tag of every cipher of TLS 1.3 that is in use, and of its nonce.
const TAG_BYTES: usize = 16;
const NONCE_BYTES: usize = 12;

/// What precedes the two secrets in lines of the key log: that of the client's handshake, and that of
/// what the server sends once it has sent its own part.
const LABELS: [&str; 2] = ["CLIENT_HANDSHAKE_TRAFFIC_SECRET ", "SERVER_TRAFFIC_SECRET_0 "];
const CLIENT: usize = 0;
const SERVER: usize = 1;

/// A secret of one direction, of which keys come, and for which cipher and hash.
type Traffic = (Vec<u8>, Cipher, MessageDigest);

/// Where lines of the key log are left for the connection that they are about.
#[derive(Default)]
pub struct Secrets(Mutex<[Option<Traffic>; 2]>);

impl Secrets {
    /// Takes a line of the key log (SSLKEYLOGFILE format), with the name of the cipher in use.
    pub fn take_line(&self, line: &str, cipher: &str) {
        let mut labels = LABELS.iter().enumerate();
        let found = labels.find_map(|(index, label)| Some((index, line.strip_prefix(label)?)));
        let Some((index, rest)) = found else { return };
        let traffic = rest.split(' ').nth(1).and_then(unhex).and_then(|secret| {
            let (cipher, digest) = suite(cipher)?;
            Some((secret, cipher, digest))
        });
        self.0.lock().unwrap_or_else(PoisonError::into_inner)[index] = traffic;
    }

    /// The keys that come of one of the secrets, which is forgotten.
    fn keys(&self, index: usize) -> Option<Keys> {
        let traffic = self.0.lock().unwrap_or_else(PoisonError::into_inner)[index].take();
        let (secret, cipher, digest) = traffic?;
        Keys::of(&secret, cipher, digest).ok()
    }

    fn forget(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = [None, None];
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

/// What opens and closes the records of one direction (RFC 8446 §7.3).
pub struct Keys {
    cipher: Cipher,
    key: Vec<u8>,
    /// What the number of a record is mixed with.
    iv: Vec<u8>,
    /// That of the next record.
    number: u64,
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
    fn next_nonce(&mut self) -> Vec<u8> {
        let mut nonce = self.iv.clone();
        let number = self.number.to_be_bytes();
        let start = nonce.len() - number.len();
        nonce[start..].iter_mut().zip(number).for_each(|(byte, with)| *byte ^= with);
        self.number += 1;
        nonce
    }

    /// A record with this content, of this type.
    ///
    /// # Errors
    /// OpenSSL failed.
    pub fn seal(&mut self, content: &[u8], kind: u8) -> Result<Vec<u8>, ErrorStack> {
        let (inner, mut tag) = ([content, &[kind]].concat(), [0; TAG_BYTES]);
        let head = head(APPLICATION_DATA, inner.len() + TAG_BYTES);
        let nonce = self.next_nonce();
        let body = encrypt_aead(self.cipher, &self.key, Some(&nonce), &head, &inner, &mut tag)?;
        Ok([&head[..], &body, &tag].concat())
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

/// The head of a record with so many bytes, which are fewer than 16 KiB.
fn head(kind: u8, length: usize) -> [u8; HEAD_BYTES] {
    let [high, low] = (length as u16).to_be_bytes();
    [kind, VERSION[0], VERSION[1], high, low]
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
    secrets: Arc<Secrets>,
    /// Those that open what the client sends.
    keys: Option<Keys>,
    /// The beginning of a message that is not whole yet.
    message: Vec<u8>,
    /// The certificate has been judged where nothing is encrypted yet (TLS 1.2), and where it is.
    seen: [bool; 2],
}

impl Flight {
    /// One of which nothing has come. Lines of the key log will be left in `secrets`.
    pub fn new(secrets: Arc<Secrets>) -> Self {
        Self { secrets, keys: None, message: Vec::new(), seen: [false; 2] }
    }

    /// A record that tells the client why it is refused.
    pub fn alert(&mut self, why: Unwelcome) -> Vec<u8> {
        let content = [FATAL, why.alert()];
        // Behind encryption, what the client is told is encrypted too.
        let keys = self.keys.as_ref().and_then(|_| self.secrets.keys(SERVER));
        match keys {
            Some(mut keys) => keys.seal(&content, ALERT).unwrap_or_default(),
            None => [&head(ALERT, content.len())[..], &content].concat(),
        }
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
            self.keys = self.secrets.keys(CLIENT);
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
                if tls13 {
                    self.keys = None;
                    self.secrets.forget();
                }
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
