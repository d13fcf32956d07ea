use super::*;

/// The example of RFC 8448 §3: the client's handshake secret, and what comes of it.
const SECRET: &str = "b3eddb126e067f35a780b3abf45e2d8f3b1a950738f52e9600746a0e27a55a21";
const KEY: &str = "dbfaa693d1762c5b666af5d950258d01";
const IV: &str = "5bd3c71b836e0b76bb73265f";

fn secrets() -> Arc<Secrets> {
    let secret = Arc::new(Secrets::default());
    secret.take_line("EXPORTER_SECRET 00 11", "TLS_AES_128_GCM_SHA256");
    secret.take_line(&format!("{}00ff {SECRET}", LABELS[CLIENT]), "TLS_AES_128_GCM_SHA256");
    secret.take_line("CLIENT_TRAFFIC_SECRET_0 00 22", "TLS_AES_128_GCM_SHA256");
    secret
}

fn keys() -> Keys {
    Keys::of(&unhex(SECRET).unwrap(), Cipher::aes_128_gcm(), MessageDigest::sha256()).unwrap()
}

/// The head and the body of a record with this content, of this inner type.
fn seal(keys: &mut Keys, content: &[u8], kind: u8) -> (Vec<u8>, Vec<u8>) {
    // With padding, as anybody may add some.
    let mut head = keys.seal(&[content, &[kind, 0]].concat(), 0).unwrap();
    let body = head.split_off(HEAD_BYTES);
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
        let mut flight = Flight::new(secrets());
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
    let mut flight = Flight::new(secrets());
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
    assert_eq!(Flight::new(secrets()).record(&head, &body), Err(Unwelcome::Malformed));
    assert_eq!(Flight::new(secrets()).record(&head, &[]), Err(Unwelcome::Malformed));
    let (head, body) = seal(&mut keys(), &message(20, &[0; 32]), HANDSHAKE);
    assert_eq!(
        Flight::new(secrets()).record(&head, &body),
        Err(Unwelcome::Malformed),
        "another message comes first"
    );
}

#[test]
fn the_client_is_told_why_in_the_form_that_it_can_read() {
    let mut flight = Flight::new(secrets());
    assert_eq!(
        flight.alert(Unwelcome::Several),
        [21, 3, 3, 0, 2, 2, 42],
        "nothing is encrypted yet"
    );
    let server = format!("{}00ff {SECRET}", LABELS[SERVER]);
    flight.secrets.take_line(&server, "TLS_AES_128_GCM_SHA256");
    let (head, body) = seal(&mut keys(), &message(20, &[]), HANDSHAKE);
    assert_eq!(flight.record(&head, &body), Err(Unwelcome::Malformed));
    let record = flight.alert(Unwelcome::Key);
    let (head, body) = record.split_at(HEAD_BYTES);
    assert_eq!(keys().open(head, body), Some((vec![2, 43], ALERT)));
}
