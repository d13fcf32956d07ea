//! What a client certificate may be, judged from its bytes alone.
//!
//! OpenSSL takes the public key out of a certificate as it reads it, before anybody is asked whether
//! the certificate is wanted. A curve that is described in full instead of named can make that take
//! 150 ms for 800 bytes. So what stands in a certificate message is looked at here first, and only
//! what is cheap goes on.

/// Bytes of a client's certificate message. A certificate of a large RSA key takes some 2 KiB.
pub const MAX_MESSAGE_BYTES: usize = 8 * 1024;

/// Bytes of an RSA modulus, and of what a signature is raised to: checking one with 4,096 bits and
/// the usual exponent takes 60 µs, and with the largest ones that OpenSSL takes 5 ms.
const MAX_MODULUS_BYTES: usize = 512;
const MAX_EXPONENT_BYTES: usize = 4;

/// Tags of DER (X.690 §8).
const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const OBJECT: u8 = 0x06;
const SEQUENCE: u8 = 0x30;
const VERSION: u8 = 0xa0;

/// rsaEncryption (RFC 8017 A.1) and id-RSASSA-PSS (RFC 4055 §3.1).
const RSA: [&[u8]; 2] = [
    &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01],
    &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0a],
];

/// id-ecPublicKey, and of the named curves P-256, P-384 and P-521 (RFC 5480 §2.1.1).
const ELLIPTIC: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
const CURVES: [&[u8]; 3] = [
    &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07],
    &[0x2b, 0x81, 0x04, 0x00, 0x22],
    &[0x2b, 0x81, 0x04, 0x00, 0x23],
];

/// Ed25519 and Ed448 (RFC 8410 §3).
const EDWARDS: [&[u8]; 2] = [&[0x2b, 0x65, 0x70], &[0x2b, 0x65, 0x71]];

/// Why a client is not let in with what it shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unwelcome {
    /// One is enough: who has signed it does not matter.
    #[error("the client shows more than one certificate")]
    Several,
    /// The message is over its bound.
    #[error("the client's certificate is too long")]
    TooLong,
    /// Its key is of a kind that is dear, or that nobody uses.
    #[error("the key of the client's certificate is of no kind that is taken")]
    Key,
    /// What they send is no record of TLS: they speak something else.
    #[error("the client does not speak TLS")]
    NotTls,
    /// It is no such message or no certificate.
    #[error("the client's certificate cannot be read")]
    Malformed,
}

impl Unwelcome {
    /// What the client is told: bad_certificate, unsupported_certificate or decode_error (RFC 8446
    /// §6).
    pub fn alert(self) -> u8 {
        match self {
            Self::Several | Self::TooLong => 42,
            Self::Key => 43,
            Self::Malformed | Self::NotTls => 50,
        }
    }
}

/// Judges the body of a Certificate message of TLS 1.3 (RFC 8446 §4.4.2) or 1.2 (RFC 5246 §7.4.6).
/// That of a client which shows none is empty but for its lengths.
///
/// # Errors
/// What is wrong with it.
pub fn check_message(body: &[u8], tls13: bool) -> Result<(), Unwelcome> {
    if body.len() > MAX_MESSAGE_BYTES {
        return Err(Unwelcome::TooLong);
    }
    let certificate = first(body, tls13).ok_or(Unwelcome::Malformed)?;
    match certificate {
        None => Ok(()),
        Some((_, rest)) if !rest.is_empty() => Err(Unwelcome::Several),
        Some((certificate, _)) => match has_cheap_key(certificate) {
            Some(true) => Ok(()),
            Some(false) => Err(Unwelcome::Key),
            None => Err(Unwelcome::Malformed),
        },
    }
}

/// The first certificate of a message, if it has one, and what stands behind it.
fn first(body: &[u8], tls13: bool) -> Option<Option<(&[u8], &[u8])>> {
    let list = if tls13 { counted(body, 1)?.1 } else { body };
    let (list, rest) = counted(list, 3)?;
    if !rest.is_empty() {
        return None;
    }
    if list.is_empty() {
        return Some(None);
    }
    let (certificate, rest) = counted(list, 3)?;
    let rest = if tls13 { counted(rest, 2)?.1 } else { rest };
    Some(Some((certificate, rest)))
}

/// Splits off what stands behind a length of so many bytes.
fn counted(bytes: &[u8], width: usize) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_at_checked(width)?;
    let length = length.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte));
    rest.split_at_checked(length)
}

/// Whether the key of a certificate (RFC 5280 §4.1) is of a kind that costs little. None where that
/// cannot be told: it stands in a place of its own, so there is nothing to be mistaken about.
fn has_cheap_key(certificate: &[u8]) -> Option<bool> {
    let mut rest = inside(&mut &*certificate, SEQUENCE)?;
    let mut body = inside(&mut rest, SEQUENCE)?;
    if body.first() == Some(&VERSION) {
        inside(&mut body, VERSION)?;
    }
    // Serial number, signature algorithm, issuer, validity, subject.
    for tag in [INTEGER, SEQUENCE, SEQUENCE, SEQUENCE, SEQUENCE] {
        inside(&mut body, tag)?;
    }
    let mut info = inside(&mut body, SEQUENCE)?;
    let mut algorithm = inside(&mut info, SEQUENCE)?;
    let kind = inside(&mut algorithm, OBJECT)?;
    if EDWARDS.contains(&kind) {
        return Some(true);
    }
    if kind == ELLIPTIC {
        return Some(inside(&mut algorithm, OBJECT).is_some_and(|curve| CURVES.contains(&curve)));
    }
    if !RSA.contains(&kind) {
        return Some(false);
    }
    let (_, mut key) = inside(&mut info, BIT_STRING)?.split_first()?;
    let mut numbers = inside(&mut key, SEQUENCE)?;
    let modulus = size(inside(&mut numbers, INTEGER)?);
    let exponent = size(inside(&mut numbers, INTEGER)?);
    Some(modulus <= MAX_MODULUS_BYTES && exponent <= MAX_EXPONENT_BYTES)
}

/// Bytes of a number without the zeros that stand before it.
fn size(number: &[u8]) -> usize {
    number.len() - number.iter().take_while(|byte| **byte == 0).count()
}

/// Splits off the next element, which must have this tag and a definite length; gives what is in it.
fn inside<'a>(bytes: &mut &'a [u8], tag: u8) -> Option<&'a [u8]> {
    let (found, rest) = bytes.split_first()?;
    let (&length, rest) = rest.split_first()?;
    if *found != tag {
        return None;
    }
    let (content, rest) = match length {
        0..=0x7f => rest.split_at_checked(usize::from(length))?,
        0x81..=0x83 => counted(rest, usize::from(length - 0x80))?,
        _ => return None,
    };
    *bytes = rest;
    Some(content)
}

#[cfg(test)]
#[path = "client_cert_tests.rs"]
mod tests;
