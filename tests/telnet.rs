//! Bytes of telnet, and what is spoken by mistake.

use crate::harness::{Server, plain};

const IAC: u8 = 255;

#[test]
fn negotiation_is_taken_out_of_the_text_and_refused() {
    let server = Server::start(&[]);
    let mut client = server.connect();
    client.expect("Enter your username: ");
    // DO ECHO, WILL NAWS with its subnegotiation, inside of a name.
    let mut bytes = vec![IAC, 253, 1, b'a', b'l', IAC, 251, 31, b'i'];
    bytes.extend([IAC, 250, 31, 0, 80, 0, 24, IAC, 240]);
    bytes.extend(b"ce\r\n");
    client.send_raw(&bytes);
    client.expect("[LOBBY] alice has joined the lobby");
    let contains = |what: &[u8]| client.raw().windows(what.len()).any(|w| w == what);
    assert!(contains(&[IAC, 252, 1]) && contains(&[IAC, 254, 31]));
}

#[test]
fn are_you_there_is_answered() {
    let server = Server::start(&[]);
    let mut alice = server.login("alice");
    alice.send_raw(&[IAC, 246]);
    alice.expect("[yes]");
}

#[test]
fn every_line_end_works_and_the_answers_fit_the_terminal() {
    for end in ["\n", "\r\n", "\r\0", "\r"] {
        let server = Server::start(&[]);
        let mut client = server.connect();
        client.expect("Enter your username: ");
        client.send_raw(format!("alice{end}").as_bytes());
        client.expect("alice has joined");
        client.send_raw(format!("hello{end}").as_bytes());
        client.expect("╰─> hello\n> ");
        let raw = String::from_utf8_lossy(client.raw()).into_owned();
        let crlf = raw.ends_with("hello\r\n> ");
        assert_eq!(crlf, end != "\n", "{end:?}: {raw:?}");
        assert_eq!(plain(client.raw()).matches("╰─>").count(), 1);
    }
}

#[test]
fn tls_on_the_plain_port_is_told_where_tls_is() {
    let server = Server::start(&[]);
    let mut client = server.connect();
    client.send_raw(&[0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xfc, 0x03, 0x03]);
    client.expect("This server does not speak TLS.\n");
    client.read_to_end();
}

#[test]
fn http_gets_an_answer_in_its_own_words() {
    let server = Server::start(&[]);
    // At once, nothing but the answer comes; later, after the welcome.
    let answer = server.script(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    assert!(answer.starts_with("HTTP/1.1 400 Bad Request\n"), "{answer}");
    let mut client = server.connect();
    client.expect("Enter your username: ");
    client.send_raw(b"GET /index.html HTTP/1.1\r\nHost: chat\r\nUser-Agent: x\r\n\r\n");
    client.expect("HTTP/1.1 400 Bad Request\n");
    client.expect("This is a chat server");
    client.read_to_end();
}
