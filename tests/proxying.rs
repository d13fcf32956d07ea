//! Who may connect: lists of addresses, and proxies that tell for whom they stand.

use std::io::{ErrorKind, Read};
use std::net::{IpAddr, SocketAddr, TcpStream};

use socket2::{Domain, Socket, Type};

use crate::harness::{Client, PATIENCE, Server, count};

/// A connection from this address of the machine (all of 127.0.0.0/8 are its own).
fn connect_from(ip: &str, port: u16) -> TcpStream {
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
fn the_denied_are_closed_without_a_word_and_told_in_the_log_once_a_second() {
    let env = [("CHAT_DENY", "127.0.0.2,127.0.1.0/24"), ("CHAT_ALLOW", "127.0.0.0/23")];
    let mut server = Server::start(&env);
    let mut alice = client_from("127.0.0.3", server.port);
    for ip in ["127.0.0.2", "127.0.1.9", "127.0.2.1"] {
        assert_closed_silently(connect_from(ip, server.port));
    }
    server.wait_for_log("127.0.0.2 limit: denied by CHAT_DENY");
    assert!(count(&server.log(), " limit: ") < 3, "{}", server.log());
    assert_eq!(count(&server.log(), " connected from"), 1, "nothing else is done for them");
    alice.ask("alice", "You are alone");
}

#[test]
fn with_a_list_of_those_who_may_nobody_else_connects() {
    let env = [("CHAT_ALLOW", "127.0.0.3"), ("CHAT_ADDR", "[::]:0")];
    let mut server = Server::start(&env);
    assert_closed_silently(connect_from("127.0.0.2", server.port));
    server.wait_for_log("127.0.0.2 limit: not allowed by CHAT_ALLOW");
    client_from("127.0.0.3", server.port);
}
