//! Bytes of telnet, and what is spoken by mistake.

use crate::harness::{Server, plain};
use crate::login::sent;

const IAC: u8 = 255;

#[test]
fn negotiation_is_taken_out_of_the_text_and_refused() {
    let server = Server::start(&[]);
    let mut client = server.connect();
    client.expect("Enter your username: ");
    // DO ECHO, WILL TTYPE with a subnegotiation, inside of a name.
    let mut bytes = vec![IAC, 253, 1, b'a', b'l', IAC, 251, 24, b'i'];
    bytes.extend([IAC, 250, 24, 0, b'v', b't', IAC, 240]);
    bytes.extend(b"ce\r\n");
    client.send_raw(&bytes);
    client.expect("[LOBBY] alice has joined the lobby");
    assert_eq!((sent(&client, &[IAC, 252, 1]), sent(&client, &[IAC, 254, 24])), (1, 1));
}

/// DO NAWS, and what erases it for a client that shows it.
const ASKED_FOR_SIZE: &[u8] = &[IAC, 253, 31, b'\r', 0x1b, b'[', b'K'];

#[test]
fn a_client_that_waits_to_be_greeted_is_asked_for_its_size_and_no_other() {
    let server = Server::start(&[]);
    let mut person = server.connect();
    person.expect("Enter your username: ");
    assert!(person.raw().starts_with(ASKED_FOR_SIZE), "{:?}", person.raw());
    assert_eq!(plain(person.raw()), plain(&person.raw()[ASKED_FOR_SIZE.len()..]));
    // Whatever it answers, nothing comes back, and nobody waits for it.
    person.send_raw(&[IAC, 251, 31, IAC, 250, 31, 0, 120, 0, 24, IAC, 240, IAC, 252, 31, IAC, 251]);
    person.send_raw(&[31]);
    person.ask("alice", "[LOBBY] alice has joined the lobby\n> ");
    assert_eq!((sent(&person, &[IAC, 254, 31]), sent(&person, &[IAC, 253, 31])), (1, 2));
    let mut script = server.connect();
    script.send_raw(b"bob\nhello\n");
    script.close_sending();
    script.read_to_end();
    assert!(!script.raw().contains(&IAC), "{:?}", script.raw());
    let plain_server = Server::start(&[("CHAT_COLOR", "off")]);
    let mut plain_client = plain_server.connect();
    plain_client.expect("Enter your username: ");
    assert!(!plain_client.raw().contains(&IAC), "{:?}", plain_client.raw());
}

#[test]
fn a_client_that_tells_its_size_by_itself_may() {
    let server = Server::start(&[("CHAT_COLOR", "off")]);
    let mut alice = server.login("alice");
    alice.send_raw(&[IAC, 251, 31]);
    alice.sync("alice");
    assert_eq!(sent(&alice, &[IAC, 253, 31]), 1);
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
