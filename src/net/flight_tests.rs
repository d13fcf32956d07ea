use openssl::symm::encrypt_aead;

use super::*;

/// The example of RFC 8448 §3: the client's handshake secret, and what comes of it.
const SECRET: &str = "b3eddb126e067f35a780b3abf45e2d8f3b1a950738f52e9600746a0e27a55a21";
const KEY: &str = "dbfaa693d1762c5b666af5d950258d01";
const IV: &str = "5bd3c71b836e0b76bb73265f";

fn secret() -> Arc<Secret> {
    let secret = Arc::new(Secret::default());
    secret.take_line("EXPORTER_SECRET 00 11", "TLS_AES_128_GCM_SHA256");
    secret.take_line(&format!("{LABEL}00ff {SECRET}"), "TLS_AES_128_GCM_SHA256");
    secret.take_line("CLIENT_TRAFFIC_SECRET_0 00 22", "TLS_AES_128_GCM_SHA256");
    secret
}

fn keys() -> Keys {
    Keys::of(&unhex(SECRET).unwrap(), Cipher::aes_128_gcm(), MessageDigest::sha256()).unwrap()
}

/// A record with this content, of this inner type, as a client would send it.
fn seal(keys: &mut Keys, content: &[u8], kind: u8) -> ([u8; 5], Vec<u8>) {
    // With padding, as anybody may add some.
    let inner = [content, &[kind, 0, 0]].concat();
    let [high, low] = ((inner.len() + TAG_BYTES) as u16).to_be_bytes();
    let (head, mut tag) = ([APPLICATION_DATA, 3, 3, high, low], [0; TAG_BYTES]);
    let nonce = keys.next_nonce();
    let mut body =
        encrypt_aead(keys.cipher, &keys.key, Some(&nonce), &head, &inner, &mut tag).unwrap();
    body.extend_from_slice(&tag);
    (head, body)
}

fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = (body.len() as u32).to_be_bytes();
    [&[kind, length[1], length[2], length[3]], body].concat()
}

const NO_CERTIFICATE: [u8; 4] = [0; 4];

#[test]
fn keys_are_those_of_the_example_of_the_standard() {
    let keys = keys();
    assert_eq!((keys.key, keys.iv), (unhex(KEY).unwrap(), unhex(IV).unwrap()));
}

#[test]
fn a_certificate_is_found_in_any_pieces() {
    let certificate = message(CERTIFICATE, &NO_CERTIFICATE);
    let two = message(CERTIFICATE, &[0, 0, 0, 7, 0, 0, 1, 9, 0, 0, 1]);
    for (bytes, verdict) in [(certificate, Ok(())), (two, Err(Unwelcome::Several))] {
        let mut keys = keys();
        let mut flight = Flight::new(secret());
        assert_eq!(flight.record(&[HANDSHAKE], &message(1, b"hello")), Ok(()));
        assert_eq!(flight.record(&[20], &[1]), Ok(()), "change_cipher_spec");
        let (last, before) = bytes.split_last().unwrap();
        for byte in before {
            let (head, body) = seal(&mut keys, &[*byte], HANDSHAKE);
            assert_eq!(flight.record(&head, &body), Ok(()));
        }
        let (head, body) = seal(&mut keys, &[*last], HANDSHAKE);
        assert_eq!(flight.record(&head, &body), verdict);
    }
}

#[test]
fn what_comes_in_the_clear_does_not_stand_for_what_comes_encrypted() {
    let mut keys = keys();
    let mut flight = Flight::new(secret());
    assert_eq!(flight.record(&[HANDSHAKE], &message(CERTIFICATE, &[0; 3])), Ok(()));
    assert_eq!(flight.record(&[HANDSHAKE], &[9; 40]), Ok(()), "encrypted in TLS 1.2");
    let long = message(CERTIFICATE, &[0; MAX_MESSAGE_BYTES + 1]);
    let (head, body) = seal(&mut keys, &long[..100], HANDSHAKE);
    assert_eq!(flight.record(&head, &body), Err(Unwelcome::TooLong), "by what it says it has");
}

#[test]
fn what_cannot_be_looked_at_is_not_let_through() {
    let certificate = message(CERTIFICATE, &NO_CERTIFICATE);
    let (head, mut body) = seal(&mut keys(), &certificate, HANDSHAKE);
    assert_eq!(
        Flight::new(Arc::default()).record(&head, &body),
        Err(Unwelcome::Malformed),
        "no secret"
    );
    body[0] ^= 1;
    assert_eq!(Flight::new(secret()).record(&head, &body), Err(Unwelcome::Malformed));
    assert_eq!(Flight::new(secret()).record(&head, &[]), Err(Unwelcome::Malformed));
    let (head, body) = seal(&mut keys(), &message(20, &[0; 32]), HANDSHAKE);
    assert_eq!(
        Flight::new(secret()).record(&head, &body),
        Err(Unwelcome::Malformed),
        "another message comes first"
    );
}
