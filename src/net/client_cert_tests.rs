use openssl::asn1::Asn1Time;
use openssl::bn::BigNum;
use openssl::dsa::Dsa;
use openssl::ec::{Asn1Flag, EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::rsa::Rsa;
use openssl::x509::{X509, X509NameBuilder};
use proptest::prelude::*;

use super::*;

fn certificate(key: &PKey<Private>, name: &str) -> Vec<u8> {
    let digest = match key.id() {
        openssl::pkey::Id::ED25519 | openssl::pkey::Id::ED448 => MessageDigest::null(),
        _ => MessageDigest::sha256(),
    };
    let mut names = X509NameBuilder::new().unwrap();
    names.append_entry_by_nid(Nid::COMMONNAME, name).unwrap();
    let names = names.build();
    let mut builder = X509::builder().unwrap();
    builder.set_version(2).unwrap();
    builder.set_subject_name(&names).unwrap();
    builder.set_issuer_name(&names).unwrap();
    builder.set_pubkey(key).unwrap();
    builder.set_not_before(&Asn1Time::days_from_now(0).unwrap()).unwrap();
    builder.set_not_after(&Asn1Time::days_from_now(1).unwrap()).unwrap();
    builder.sign(key, digest).unwrap();
    builder.build().to_der().unwrap()
}

fn elliptic(nid: Nid, form: Asn1Flag) -> PKey<Private> {
    let mut group = EcGroup::from_curve_name(nid).unwrap();
    group.set_asn1_flag(form);
    PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap()
}

fn with_length(width: usize, content: &[u8]) -> Vec<u8> {
    let mut bytes = content.len().to_be_bytes()[8 - width..].to_vec();
    bytes.extend_from_slice(content);
    bytes
}

/// A Certificate message with these certificates.
fn message(certificates: &[&[u8]], tls13: bool) -> Vec<u8> {
    let mut list = Vec::new();
    for certificate in certificates {
        list.extend(with_length(3, certificate));
        if tls13 {
            list.extend(with_length(2, b""));
        }
    }
    let mut body = if tls13 { vec![0] } else { Vec::new() };
    body.extend(with_length(3, &list));
    body
}

fn judged(certificate: &[u8]) -> Result<(), Unwelcome> {
    let both = [false, true].map(|tls13| check_message(&message(&[certificate], tls13), tls13));
    assert_eq!(both[0], both[1]);
    both[0]
}

#[test]
fn keys_that_people_have_are_taken() {
    for curve in [Nid::X9_62_PRIME256V1, Nid::SECP384R1, Nid::SECP521R1] {
        let key = elliptic(curve, Asn1Flag::NAMED_CURVE);
        assert_eq!(judged(&certificate(&key, "x")), Ok(()), "{curve:?}");
    }
    let rsa = PKey::from_rsa(Rsa::generate(2_048).unwrap()).unwrap();
    assert_eq!(judged(&certificate(&rsa, "x")), Ok(()));
    for key in [PKey::generate_ed25519().unwrap(), PKey::generate_ed448().unwrap()] {
        assert_eq!(judged(&certificate(&key, "x")), Ok(()), "{:?}", key.id());
    }
}

#[test]
fn keys_that_are_dear_are_not() {
    for curve in [Nid::SECT571R1, Nid::SECP224R1, Nid::SECP256K1, Nid::BRAINPOOL_P512R1] {
        let key = elliptic(curve, Asn1Flag::NAMED_CURVE);
        assert_eq!(judged(&certificate(&key, "x")), Err(Unwelcome::Key), "{curve:?}");
    }
    // A curve that is described in full takes OpenSSL as long as whoever describes it likes.
    let described = elliptic(Nid::X9_62_PRIME256V1, Asn1Flag::EXPLICIT_CURVE);
    assert_eq!(judged(&certificate(&described, "x")), Err(Unwelcome::Key));
    let dsa = PKey::from_dsa(Dsa::generate(1_024).unwrap()).unwrap();
    assert_eq!(judged(&certificate(&dsa, "x")), Err(Unwelcome::Key));
}

/// A certificate with an RSA key of so many bits, to be raised to a number of so many.
fn rsa(modulus: i32, exponent: i32) -> Vec<u8> {
    let number = |bits| {
        let mut number = BigNum::new().unwrap();
        number.set_bit(bits - 1).unwrap();
        number.set_bit(0).unwrap();
        number
    };
    let public = Rsa::from_public_components(number(modulus), number(exponent)).unwrap();
    let public = PKey::from_rsa(public).unwrap();
    let signer = elliptic(Nid::X9_62_PRIME256V1, Asn1Flag::NAMED_CURVE);
    let mut builder = X509::builder().unwrap();
    builder.set_pubkey(&public).unwrap();
    builder.set_not_before(&Asn1Time::days_from_now(0).unwrap()).unwrap();
    builder.set_not_after(&Asn1Time::days_from_now(1).unwrap()).unwrap();
    builder.sign(&signer, MessageDigest::sha256()).unwrap();
    builder.build().to_der().unwrap()
}

#[test]
fn rsa_has_its_bounds() {
    assert_eq!(judged(&rsa(4_096, 17)), Ok(()));
    assert_eq!(judged(&rsa(4_096, 32)), Ok(()));
    assert_eq!(judged(&rsa(4_097, 17)), Err(Unwelcome::Key));
    assert_eq!(judged(&rsa(3_072, 33)), Err(Unwelcome::Key));
}

#[test]
fn one_certificate_is_enough_and_none_is_fine() {
    let key = elliptic(Nid::X9_62_PRIME256V1, Asn1Flag::NAMED_CURVE);
    let one = certificate(&key, "x");
    for tls13 in [false, true] {
        assert_eq!(check_message(&message(&[], tls13), tls13), Ok(()));
        let several = check_message(&message(&[&one, &one], tls13), tls13);
        assert_eq!(several, Err(Unwelcome::Several));
        let long = check_message(&vec![0; MAX_MESSAGE_BYTES + 1], tls13);
        assert_eq!(long, Err(Unwelcome::TooLong));
    }
}

#[test]
fn what_is_cut_or_changed_is_never_taken_for_more_than_it_is() {
    let key = elliptic(Nid::X9_62_PRIME256V1, Asn1Flag::NAMED_CURVE);
    let whole = certificate(&key, "x");
    for end in 0..whole.len() - 80 {
        assert_ne!(judged(&whole[..end]), Ok(()), "{end}");
    }
    for end in 0..whole.len() {
        let message = message(&[&whole], true);
        assert_eq!(check_message(&message[..end], true), Err(Unwelcome::Malformed));
    }
}

proptest! {
    /// OpenSSL must read no key of a kind that is not taken out of anything that is.
    #[test]
    fn openssl_finds_the_same_key(changes in prop::collection::vec((0..400_usize, any::<u8>()), 1..6)) {
        let key = elliptic(Nid::SECT571R1, Asn1Flag::NAMED_CURVE);
        let mut bytes = certificate(&key, "some name");
        for (at, byte) in changes {
            let at = at % bytes.len();
            bytes[at] = byte;
        }
        if judged(&bytes).is_ok() && let Ok(read) = X509::from_der(&bytes) {
            let key = read.public_key();
            let curve = key.ok().and_then(|k| k.ec_key().ok()?.group().curve_name());
            prop_assert_ne!(curve, Some(Nid::SECT571R1));
        }
    }
}
