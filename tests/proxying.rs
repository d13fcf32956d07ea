//! Who may connect: lists of addresses, and proxies that tell for whom they stand.

use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use openssl::ssl::{SslConnector, SslMethod, SslVerifyMode};
use proxy_header::{ProxiedAddress, ProxyHeader};
use socket2::{Domain, Socket, Type};

use crate::harness::{Client, Folder, PATIENCE, Server, count, descriptors, run};
use crate::operator::get;

/// A connection from this address of the machine (all of 127.0.0.0/8 are its own).
pub(crate) fn connect_from(ip: &str, port: u16) -> TcpStream {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    let from = SocketAddr::new(ip.parse::<IpAddr>().unwrap(), 0);
    socket.bind(&from.into()).unwrap();
    socket.connect(&SocketAddr::from(([127, 0, 0, 1], port)).into()).unwrap();
    socket.into()
}

/// A client at the name prompt, connected from this address.
fn client_from(ip: &str, port: u16) -> Client {
    let mut client = Client::new(connect_from(ip, port));
    client.expect("Enter your username: ");
    client
}

/// A connection that is closed without a word, with or without a reset.
#[track_caller]
fn assert_closed_silently(mut stream: TcpStream) {
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut shown = Vec::new();
    let end = stream.read_to_end(&mut shown);
    let closed = end.map_or_else(|e| e.kind() == ErrorKind::ConnectionReset, |_| true);
    assert!(closed && shown.is_empty(), "{}", String::from_utf8_lossy(&shown));
}

#[test]
fn the_denied_are_closed_without_a_word_and_told_in_the_log_once_a_second_each() {
    let env = [("CHAT_DENY", "127.0.0.2,127.0.1.0/24"), ("CHAT_ALLOW", "127.0.0.0/23")];
    let mut server = Server::start(&env);
    let mut alice = client_from("127.0.0.3", server.port);
    for _ in 0..5 {
        assert_closed_silently(connect_from("127.0.0.2", server.port));
    }
    for ip in ["127.0.1.9", "127.0.2.1"] {
        assert_closed_silently(connect_from(ip, server.port));
        server.wait_for_log(&format!("refused {ip}: "));
    }
    server.wait_for_log("refused 127.0.0.2: denied by CHAT_DENY");
    assert!(count(&server.log(), "refused 127.0.0.2") < 5, "{}", server.log());
    assert_eq!(count(&server.log(), " connected from"), 1, "nothing else is done for them");
    alice.ask("alice", "You are alone");
}

#[test]
fn with_a_list_of_those_who_may_nobody_else_connects() {
    let env = [("CHAT_ALLOW", "127.0.0.3"), ("CHAT_ADDR", "[::]:0")];
    let mut server = Server::start(&env);
    assert_closed_silently(connect_from("127.0.0.2", server.port));
    server.wait_for_log("refused 127.0.0.2: not allowed by CHAT_ALLOW");
    client_from("127.0.0.3", server.port);
}

/// The address that the proxy of these tests connects from.
const PROXY: &str = "127.0.0.9";

/// A server behind that proxy.
fn behind_proxy(env: &[(&str, &str)]) -> Server {
    let mut all = vec![("CHAT_PROXY_FROM", PROXY)];
    all.extend(env);
    Server::start(&all)
}

/// A header of version 1.
fn line(ip: &str) -> Vec<u8> {
    let family = if ip.contains(':') { "TCP6" } else { "TCP4" };
    format!("PROXY {family} {ip} {ip} 4242 8080\r\n").into_bytes()
}

/// The same of version 2.
fn block(ip: &str) -> Vec<u8> {
    let addr = SocketAddr::new(ip.parse().unwrap(), 4242);
    let mut bytes = Vec::new();
    ProxyHeader::with_address(ProxiedAddress::stream(addr, addr)).encode_v2(&mut bytes).unwrap();
    bytes
}

/// A header of version 2 by which the proxy stands for nobody.
fn local() -> Vec<u8> {
    let mut bytes = Vec::new();
    ProxyHeader::with_local().encode_v2(&mut bytes).unwrap();
    bytes
}

/// Headers that say nothing of where a connection comes from.
fn untold() -> [Vec<u8>; 3] {
    let unspecified = [b"\r\n\r\n\0\r\nQUIT\n\x21\0\0\0".as_slice()].concat();
    [b"PROXY UNKNOWN\r\n".to_vec(), unspecified, local()]
}

/// A connection through the proxy that has sent these bytes.
fn through_proxy(port: u16, bytes: &[u8]) -> Client {
    let mut client = Client::new(connect_from(PROXY, port));
    client.send_raw(bytes);
    client
}

/// A user through the proxy.
fn login_through(port: u16, header: &[u8], name: &str) -> Client {
    let mut client = through_proxy(port, header);
    client.log_in(name);
    client
}

#[track_caller]
fn all_that_comes(mut client: Client) -> String {
    client.read_to_end();
    client.text()
}

#[test]
fn nothing_is_sent_before_the_header_and_the_log_names_the_client_and_the_proxy() {
    let mut server = behind_proxy(&[]);
    for (header, from) in [
        (line("192.0.2.7"), "192.0.2.7"),
        (line("2001:db8::7"), "2001:db8::7"),
        (block("192.0.2.8"), "192.0.2.8"),
        (block("::ffff:192.0.2.9"), "192.0.2.9"),
    ] {
        let mut client = Client::new(connect_from(PROXY, server.port));
        let (last, first) = header.split_last().unwrap();
        client.send_raw(first);
        // Longer than the pause before a welcome.
        std::thread::sleep(Duration::from_millis(50));
        client.read_some();
        assert_eq!(client.text(), "");
        client.send_raw(&[*last]);
        client.expect("Enter your username: ");
        server.wait_for_log(&format!("connected from {from} port 4242 via {PROXY} (plain)"));
    }
}

#[test]
fn what_comes_with_the_header_and_what_comes_a_byte_at_a_time_is_read_whole() {
    let server = behind_proxy(&[]);
    let script = b"alice\nhello\n/quit\n";
    for header in [line("192.0.2.7"), block("192.0.2.7"), b"PROXY UNKNOWN\r\n".to_vec(), local()] {
        let bytes = [&header, &script[..]].concat();
        let mut at_once = through_proxy(server.port, &bytes);
        at_once.close_sending();
        let shown = all_that_comes(at_once);
        assert!(shown.contains("╰─> hello\n") && shown.contains("Goodbye!"), "{shown}");
        let mut singly = Client::new(connect_from(PROXY, server.port));
        singly.tcp().set_nodelay(true).unwrap();
        bytes.chunks(1).for_each(|byte| singly.send_raw(byte));
        let shown = all_that_comes(singly);
        assert!(shown.contains("╰─> hello\n") && shown.contains("Goodbye!"), "{shown}");
    }
}

#[test]
fn a_browser_behind_the_proxy_gets_an_answer_of_http() {
    let server = behind_proxy(&[]);
    let request = [&line("192.0.2.7"), &b"GET / HTTP/1.1\r\nHost: chat\r\n\r\n"[..]].concat();
    let shown = all_that_comes(through_proxy(server.port, &request));
    assert!(shown.starts_with("HTTP/1.1 "), "{shown}");
}

#[test]
fn from_elsewhere_a_header_is_a_line_and_never_believed() {
    let mut server = behind_proxy(&[("CHAT_DENY", "192.0.2.0/24")]);
    for header in [line("192.0.2.7"), line("10.0.0.1")] {
        let mut client = client_from("127.0.0.3", server.port);
        client.send_raw(&header);
        client.expect("Username too long");
        client.log_in("alice");
        client.ask("/quit", "Goodbye!");
        client.read_to_end();
    }
    let mut client = client_from("127.0.0.3", server.port);
    client.send_raw(&block("192.0.2.7"));
    client.expect("Enter your username: ");
    server.wait_for_log("conn=3 connected from 127.0.0.3 port ");
    assert!(!server.log().contains("192.0.2.7"), "{}", server.log());
}

#[test]
fn a_broken_or_missing_header_closes_the_connection_and_is_told() {
    for (sent, why) in [
        (&b"alice\n"[..], "no PROXY header before what it sends"),
        (b"\x16\x03\x01\x02\0\x01", "no PROXY header before what it sends"),
        (b"PROXY TCP4 192.0.2.7 127.0.0.1 99999 1\r\nalice\n", "a broken PROXY header"),
        (b"\r\n\r\n\0\r\nQUIT\n\x21\x11\xff\xff", "a PROXY header that is too long"),
        (b"PROXY TCP4 192.", "the connection ended before a whole PROXY header"),
        (b"", "the connection ended before a whole PROXY header"),
    ] {
        let mut server = behind_proxy(&[]);
        let mut client = through_proxy(server.port, sent);
        if why.contains("ended") {
            client.close_sending();
        }
        assert_eq!(all_that_comes(client), "");
        server.wait_for_log(&format!("proxy {PROXY} refused: {why} (0 others"));
        assert!(!server.log().contains("connected from"), "{}", server.log());
    }
}

#[test]
fn a_proxy_that_says_nothing_for_five_seconds_is_closed_and_holds_up_nobody() {
    let mut server = behind_proxy(&[]);
    let (start, late) = (Instant::now(), Client::new(connect_from(PROXY, server.port)));
    let slow = through_proxy(server.port, b"PROXY TCP4");
    let mut alice = login_through(server.port, &line("192.0.2.7"), "alice");
    let mut bob = client_from("127.0.0.3", server.port);
    bob.send("bob");
    bob.expect_in("bob");
    alice.ask("meanwhile", "╰─> meanwhile");
    assert!(!server.log().contains("refused"), "{}", server.log());
    assert_eq!(all_that_comes(late), "");
    assert_eq!(all_that_comes(slow), "");
    assert!(start.elapsed() > Duration::from_millis(4_900), "{:?}", start.elapsed());
    server.wait_for_log(&format!("proxy {PROXY} refused: no PROXY header in time"));
    bob.ask("and after", "╰─> and after");
}

#[test]
fn the_time_for_a_name_runs_while_the_header_is_waited_for() {
    let mut server = behind_proxy(&[("CHAT_LOGIN_TIMEOUT_SECS", "1")]);
    let start = Instant::now();
    assert_eq!(all_that_comes(Client::new(connect_from(PROXY, server.port))), "");
    assert!(start.elapsed() < Duration::from_secs(4), "{:?}", start.elapsed());
    server.wait_for_log("refused: no PROXY header in time");
}

#[test]
fn limits_are_of_the_real_address() {
    let mut server = behind_proxy(&[("CHAT_MAX_CONNECTIONS_PER_IP", "1")]);
    let _alice = login_through(server.port, &line("192.0.2.7"), "alice");
    let _bob = login_through(server.port, &block("192.0.2.8"), "bob");
    let _carol = login_through(server.port, &line("2001:db8:0:1::1"), "carol");
    let refused = "Too many connections from your IP. Try again later.\n";
    for again in [block("192.0.2.7"), line("2001:db8:0:1::2"), block("::ffff:192.0.2.8")] {
        assert_eq!(all_that_comes(through_proxy(server.port, &again)), refused);
    }
    server.wait_for_log("refused 192.0.2.7: too many connections from this address");
    let _dave = login_through(server.port, &line("2001:db8:0:2::1"), "dave");
}

#[test]
fn an_address_behind_the_proxy_connects_only_so_often_and_a_64_is_one() {
    let mut server = behind_proxy(&[("CHAT_CONNECTS_PER_MINUTE", "2")]);
    for (first, second, third, other) in [
        ("192.0.2.7", "192.0.2.7", "192.0.2.7", "192.0.2.8"),
        ("2001:db8:0:1::1", "2001:db8:0:1::2", "2001:db8:0:1:ffff::", "2001:db8:0:2::1"),
    ] {
        for ip in [first, second] {
            through_proxy(server.port, &line(ip)).expect("Enter your username: ");
        }
        assert_eq!(all_that_comes(through_proxy(server.port, &line(third))), "", "silently");
        through_proxy(server.port, &line(other)).expect("Enter your username: ");
    }
    server.wait_for_log(": too many new connections from this address in a minute");
}

#[test]
fn lists_are_of_the_real_address_and_not_of_the_proxy() {
    let env = [("CHAT_DENY", "192.0.2.7,127.0.0.9"), ("CHAT_ALLOW", "192.0.2.0/24")];
    let mut server = behind_proxy(&env);
    login_through(server.port, &line("192.0.2.8"), "alice");
    for denied in ["192.0.2.7", "192.0.3.1", "127.0.0.9"] {
        assert_eq!(all_that_comes(through_proxy(server.port, &line(denied))), "");
    }
    server.wait_for_log("refused 192.0.2.7: denied by CHAT_DENY");
    // Those of whom nothing is told are on no list.
    through_proxy(server.port, b"PROXY UNKNOWN\r\n").expect("Enter your username: ");
}

#[test]
fn a_ban_is_of_the_real_address() {
    let server = behind_proxy(&[]);
    let mut alice = login_through(server.port, &line("192.0.2.1"), "alice");
    alice.ask("/create den no-pass a den", "'den'");
    alice.ask("/join den", "You are alone in 'den'");
    let mut bob = login_through(server.port, &line("192.0.2.7"), "bob");
    let mut eve = login_through(server.port, &block("192.0.2.7"), "eve");
    let mut carol = login_through(server.port, &block("192.0.2.8"), "carol");
    for client in [&mut bob, &mut eve, &mut carol] {
        client.ask("/join den", "in 'den'");
    }
    alice.ask("/ban bob", "also: eve (same address)");
    eve.expect("Joined lobby 'general'");
    carol.ask("still here", "╰─> still here");
    let mut mallory = login_through(server.port, &line("192.0.2.7"), "mallory");
    mallory.ask("/join den", "You are banned from 'den'");
}

#[test]
fn those_of_no_known_address_count_for_none_but_among_all() {
    let server =
        behind_proxy(&[("CHAT_MAX_CONNECTIONS_PER_IP", "1"), ("CHAT_MAX_CONNECTIONS", "7")]);
    let mut all = Vec::new();
    for header in untold().into_iter().chain(untold()) {
        all.push(login_through(server.port, &header, &format!("user{}", all.len())));
    }
    all.push(login_through(server.port, &line("192.0.2.7"), "alice"));
    for header in untold() {
        let shown = all_that_comes(through_proxy(server.port, &header));
        assert_eq!(shown, "Server is full. Try again later.\n");
    }
}

#[test]
fn those_of_no_known_address_are_not_taken_for_each_other() {
    let server = behind_proxy(&[]);
    let header = b"PROXY UNKNOWN\r\n";
    let mut alice = login_through(server.port, header, "alice");
    alice.ask("/create den no-pass a den", "'den'");
    alice.ask("/join den", "You are alone in 'den'");
    let mut bob = login_through(server.port, header, "bob");
    let mut eve = login_through(server.port, header, "eve");
    for client in [&mut bob, &mut eve] {
        client.ask("/join den", "in 'den'");
    }
    bob.ask("/ignore eve", "eve");
    alice.ask("/ban bob", "bob");
    assert!(!alice.sync("alice").contains("same address"));
    bob.expect("Joined lobby 'general'");
    eve.ask("still here", "╰─> still here");
    // The ban is of the name, as there is nothing else to know bob by; of nobody else.
    bob.ask("/quit", "Goodbye!");
    bob.read_to_end();
    let mut again = login_through(server.port, header, "bob");
    again.ask("/join den", "You are banned from 'den'");
    let mut dave = login_through(server.port, header, "dave");
    dave.ask("/join den", "in 'den'");
    // Whoever has the name eve from elsewhere is another.
    let mut carol = login_through(server.port, header, "carol");
    carol.ask("/ignore eve", "eve");
    eve.ask("/quit", "Goodbye!");
    eve.read_to_end();
    let mut other = login_through(server.port, header, "eve");
    other.ask("hello from another", "╰─> hello from another");
    carol.expect("╰─> hello from another");
}

#[test]
fn wrong_passwords_of_one_of_no_known_address_are_its_own() {
    let server = behind_proxy(&[]);
    let header = b"PROXY UNKNOWN\r\n";
    let mut alice = login_through(server.port, header, "alice");
    alice.ask("/create den open-sesame a den", "'den'");
    let mut bob = login_through(server.port, header, "bob");
    for _ in 0..5 {
        bob.ask("/join den wrong", "Incorrect password");
    }
    bob.ask("/join den open-sesame", "Too many");
    let mut carol = login_through(server.port, header, "carol");
    carol.ask("/join den open-sesame", "in 'den'");
}

#[test]
fn a_proxy_that_looks_whether_the_server_is_there_is_no_noise() {
    let mut server = behind_proxy(&[("RUST_LOG", "debug")]);
    for _ in 0..3 {
        let mut look = through_proxy(server.port, &local());
        look.close_sending();
        look.read_to_end();
    }
    through_proxy(server.port, &local()).reset();
    for conn in 1..=4 {
        server.wait_for_log(&format!("conn={conn} was a look from the proxy {PROXY}"));
    }
    let loud = |log: &str| log.lines().any(|l| !l.contains("DEBUG") && l.contains("conn="));
    assert!(!loud(&server.log()), "{}", server.log());
    // One that says something is told of as any other.
    login_through(server.port, &local(), "alice").ask("/quit", "Goodbye!");
    server.wait_for_log(&format!("conn=5 connected from the proxy {PROXY} (plain)"));
    server.wait_for_log("conn=5 disconnected");
}

#[test]
fn the_header_comes_before_the_handshake() {
    let folder = Folder::new();
    assert!(run(folder.path(), &[], &["gen-cert"]).status.success());
    let env = [
        ("CHAT_TLS_ADDR", "127.0.0.1:0"),
        ("CHAT_PROXY_FROM", PROXY),
        ("CHAT_MAX_CONNECTIONS_PER_IP", "1"),
        ("CHAT_DENY", "192.0.2.66"),
    ];
    let mut server = Server::start_in(folder, &env);
    let shake = |header: &[u8]| {
        let mut tcp = connect_from(PROXY, server.tls_port);
        tcp.write_all(header).unwrap();
        let mut builder = SslConnector::builder(SslMethod::tls_client()).unwrap();
        builder.set_verify(SslVerifyMode::NONE);
        builder.build().connect("localhost", tcp).ok().map(Client::new)
    };
    let mut alice = shake(&line("192.0.2.7")).unwrap();
    alice.log_in("alice");
    let mut bob = shake(&block("192.0.2.8")).unwrap();
    bob.log_in("bob");
    alice.ask("over tls", "╰─> over tls");
    assert!(shake(&line("192.0.2.7")).is_none(), "one too many of the address");
    assert!(shake(&line("192.0.2.66")).is_none(), "denied");
    assert!(shake(b"").is_none(), "a handshake without a header");
    let mut carol = shake(&local()).unwrap();
    carol.log_in("carol");
    // One that only looks.
    assert_eq!(
        all_that_comes({
            let mut look = through_proxy(server.tls_port, &local());
            look.close_sending();
            look
        }),
        ""
    );
    server.wait_for_log(&format!("connected from 192.0.2.7 port 4242 via {PROXY} (tls)"));
    server.wait_for_log(&format!("connected from the proxy {PROXY} (tls)"));
    server.wait_for_log(&format!("proxy {PROXY} refused: no PROXY header before what it sends"));
    assert_eq!(count(&server.log(), " connected from"), 3, "{}", server.log());
}

#[test]
fn no_more_connections_wait_for_a_header_than_may() {
    let mut server = behind_proxy(&[]);
    let silent: Vec<_> = (0..512).map(|_| connect_from(PROXY, server.port)).collect();
    assert_closed_silently(connect_from(PROXY, server.port));
    server.wait_for_log("too many connections of proxies wait for their PROXY header");
    client_from("127.0.0.3", server.port);
    drop(silent);
    server.wait_for(|s| descriptors(s.pid()) < 200, "there is room again");
    login_through(server.port, &line("192.0.2.7"), "alice");
}

#[test]
fn refusals_are_counted_each_for_its_reason() {
    let server = behind_proxy(&[
        ("CHAT_ADMIN_ADDR", "127.0.0.1:0"),
        ("CHAT_DENY", "192.0.2.7"),
        ("CHAT_CONNECTS_PER_MINUTE", "4"),
        ("CHAT_MAX_CONNECTIONS_PER_IP", "1"),
        ("CHAT_MAX_CONNECTIONS", "2"),
    ]);
    all_that_comes(through_proxy(server.port, &line("192.0.2.7")));
    all_that_comes(through_proxy(server.port, b"alice\n"));
    let _alice = login_through(server.port, &line("192.0.2.8"), "alice");
    for _ in 0..4 {
        all_that_comes(through_proxy(server.port, &line("192.0.2.8")));
    }
    let _bob = login_through(server.port, b"PROXY UNKNOWN\r\n", "bob");
    all_that_comes(through_proxy(server.port, &line("192.0.2.9")));
    let metrics = get(&server, "/metrics").body;
    for (reason, count) in [
        ("not_allowed", 1),
        ("proxy_header", 1),
        ("too_many_from_address", 3),
        ("too_often", 1),
        ("server_full", 1),
    ] {
        let counted = format!("lobbyd_refusals_total{{reason=\"{reason}\"}} {count}\n");
        assert!(metrics.contains(&counted), "{counted}{metrics}");
    }
}

#[test]
fn after_a_reload_the_lists_hold_for_who_comes_and_drop_nobody() {
    let mut server = Server::start(&[]);
    let mut alice = client_from("127.0.0.2", server.port);
    alice.send("alice");
    alice.expect_in("alice");
    let settings = format!("CHAT_DENY=127.0.0.2\nCHAT_PROXY_FROM={PROXY}\n");
    std::fs::write(server.folder.join(".env"), settings).unwrap();
    server.signal("HUP");
    server.wait_for_log("reloaded: what was read is in force");
    assert_closed_silently(connect_from("127.0.0.2", server.port));
    alice.ask("still here", "╰─> still here");
    assert_eq!(all_that_comes(through_proxy(server.port, b"alice\n")), "");
    login_through(server.port, &line("192.0.2.7"), "bob");
}
