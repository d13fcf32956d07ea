//! Bytes of telnet, and what is spoken by mistake.

use socket2::SockRef;

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
    // Of the one it was asked, and is asked on.
    assert_eq!((sent(&client, &[IAC, 252, 1]), sent(&client, &[IAC, 250, 24, 1])), (1, 2));
}

/// DO TTYPE, DO NAWS, and what erases them for a client that shows them.
const ASKED: &[u8] = &[IAC, 253, 24, IAC, 253, 31, b'\r', 0x1b, b'[', b'K'];

#[test]
fn a_client_that_waits_to_be_greeted_is_asked_what_it_is_and_no_other() {
    let server = Server::start(&[]);
    let mut person = server.connect();
    person.expect("Enter your username: ");
    assert!(person.raw().starts_with(ASKED), "{:?}", person.raw());
    assert_eq!(plain(person.raw()), plain(&person.raw()[ASKED.len()..]));
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
    for settings in [("CHAT_COLOR", "off"), ("CHAT_TELNET", "off")] {
        let server = Server::start(&[settings]);
        let mut client = server.connect();
        client.expect("Enter your username: ");
        let line_end = client.raw().starts_with(b"\r\n");
        assert!(!client.raw().contains(&IAC) && line_end, "{:?}", client.raw());
    }
}

#[test]
fn text_is_wrapped_for_the_width_that_was_told_last() {
    let server = Server::start(&[("CHAT_WIDTH", "80")]);
    let (mut alice, mut bob) = (server.login("alice"), server.login("bob"));
    let said = ["word"; 24].join(" ");
    let told = |columns: u16| {
        let [high, low] = columns.to_be_bytes();
        [IAC, 250, 31, high, low, 0, 24, IAC, 240]
    };
    // 0 takes it back, and what no terminal can be is not believed.
    for (columns, widest) in
        [(None, 80), (Some(30), 30), (Some(200), 200), (Some(9), 200), (Some(0), 80)]
    {
        if let Some(columns) = columns {
            alice.send_raw(&told(columns));
        }
        alice.sync("alice");
        bob.send(&said);
        alice.expect("[@_@] bob [just now]\n");
        let shown = alice.expect("\n> ");
        let rows: Vec<_> = shown.lines().map(|row| row.chars().count()).collect();
        let room = widest - "  ╰─> ".chars().count();
        assert_eq!(rows.len(), said.len().div_ceil(room / 5 * 5), "{columns:?}: {shown}");
        assert!(rows.iter().all(|width| *width <= widest), "{columns:?}: {shown}");
    }
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
fn commands_that_come_as_urgent_data_are_taken_out_of_the_text() {
    let server = Server::start(&[]);
    let (mut alice, mut bob) = (server.login("alice"), server.login("bob"));
    // Synch: the DM is urgent where telnet interrupts, the IAC where it was asked for by hand.
    let synchs: [(&[u8], u8, &[u8]); 2] = [(&[IAC, 244, IAC], 242, b""), (b"", IAC, &[242])];
    for (before, urgent, after) in synchs {
        // All of it lies there when it is read, and the kernel ends a read at the mark.
        server.signal("STOP");
        alice.send_raw(&[b"in front\r\n", before].concat());
        assert_eq!(SockRef::from(alice.tcp()).send_out_of_band(&[urgent]).unwrap(), 1);
        alice.send_raw(&[after, b"behind\r\n"].concat());
        server.signal("CONT");
        bob.expect("╰─> in front\n");
        bob.expect("╰─> behind\n");
    }
}

#[test]
fn telnet_can_say_that_its_input_is_over() {
    let server = Server::start(&[]);
    let mut bob = server.login("bob");
    for end in [&[b'z', b'z', IAC, 236][..], &[4]] {
        let mut alice = server.login("alice");
        // WILL LINEMODE.
        alice.send_raw(&[IAC, 251, 34]);
        alice.send_raw(b"good night\r\n");
        alice.send_raw(end);
        bob.expect("╰─> good night\n");
        if end.len() > 1 {
            bob.expect("╰─> zz\n");
        }
        bob.expect("[LOBBY] alice has left the lobby");
        alice.read_to_end();
    }
    // From others that byte is one like any other.
    bob.send_raw(b"\x04");
    bob.ask("still here", "╰─> still here\n");
}

#[test]
fn a_byte_order_mark_is_no_part_of_the_first_line() {
    let server = Server::start(&[]);
    let shown = server.script(b"\xef\xbb\xbfdeploy\r\nall is up\r\n");
    assert!(shown.contains("[LOBBY] deploy has joined the lobby"), "{shown}");
    assert!(shown.contains("╰─> all is up\n"), "{shown}");
}

#[test]
fn keys_do_what_they_do_on_a_terminals_own_line() {
    let server = Server::start(&[]);
    let (mut alice, mut bob) = (server.connect(), server.login("bob"));
    alice.expect("Enter your username: ");
    alice.send_raw(b"alise\x7f\x7fce\r");
    alice.expect("[LOBBY] alice has joined the lobby");
    for (typed, said) in [
        ("hellp\x7fo", "hello"),
        ("my secret\x15hello", "hello"),
        ("my secret\x03hello", "hello"),
        ("hello wrold\x17world", "hello world"),
        ("cafe\u{301}\x7fe 🇩🇪\x7f!", "cafe !"),
    ] {
        alice.send_raw(typed.as_bytes());
        alice.send_raw(b"\r");
        let heard = bob.expect("\n> ");
        let heard = if heard.contains("has joined") { bob.expect("\n> ") } else { heard };
        assert!(heard.ends_with(&format!("╰─> {said}")), "{typed:?}: {heard}");
    }
}

#[test]
fn an_empty_line_is_answered_with_the_prompt_alone() {
    for (settings, by_lf, by_cr) in
        [(&[][..], "> ", "\r\x1b[K> "), (&[("CHAT_COLOR", "off")], "> ", "\r\n> ")]
    {
        let server = Server::start(settings);
        let mut alice = server.login("alice");
        for (line, want) in [("\n", by_lf), (" \x07\n", by_lf), ("\r", by_cr)] {
            let from = alice.raw().len();
            alice.send_raw(line.as_bytes());
            alice.expect("> ");
            assert_eq!(String::from_utf8_lossy(&alice.raw()[from..]), want, "{line:?}");
        }
    }
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
