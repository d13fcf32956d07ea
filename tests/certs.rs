//! Logging in with a TLS client certificate.

use std::net::TcpStream;

use openssl::ssl::{SslConnector, SslFiletype, SslMethod, SslVerifyMode, SslVersion};

use crate::harness::{Client, Folder, Server, run};
use crate::login::{IAC_WILL_ECHO, sent};
use crate::people::{PASSWORD, passwd, registered, stop};

const ENV: [(&str, &str); 1] = [("CHAT_TLS_ADDR", "127.0.0.1:0")];

fn with_cert() -> Folder {
    let folder = Folder::new();
    assert!(run(folder.path(), &[], &["gen-cert"]).status.success());
    folder
}

/// A client over TLS, with the certificate in this folder.
fn connect(server: &Server, version: SslVersion, cert: Option<&Folder>) -> Client {
    let mut builder = SslConnector::builder(SslMethod::tls_client()).unwrap();
    builder.set_verify(SslVerifyMode::NONE);
    builder.set_min_proto_version(Some(version)).unwrap();
    builder.set_max_proto_version(Some(version)).unwrap();
    if let Some(folder) = cert {
        builder.set_certificate_chain_file(folder.join("certs/server.crt")).unwrap();
        builder.set_private_key_file(folder.join("certs/server.key"), SslFiletype::PEM).unwrap();
    }
    let tcp = TcpStream::connect(("127.0.0.1", server.tls_port)).unwrap();
    let mut client = Client::new(builder.build().connect("localhost", tcp).unwrap());
    client.expect("Enter your username: ");
    client
}

/// The first digits of the fingerprint, as a list shows them.
fn listed(client: &mut Client) -> String {
    client.ask("/cert list", "=== Your certificates (1) ===\n  ");
    client.expect("... (this connection)\n> ")
}

#[test]
fn a_certificate_lets_its_owner_in_without_a_password() {
    let server = Server::start_in(with_cert(), &ENV);
    let (own, other) = (with_cert(), with_cert());
    let tls = SslVersion::TLS1_3;
    let mut alice = connect(&server, tls, Some(&own));
    alice.ask("alice", "alice has joined the lobby");
    alice.ask("/cert add", "You have no account. Make one with /register <password>.\n> ");
    alice.ask(&format!("/register {PASSWORD}"), "is yours now.");
    alice.ask("/cert list", "=== Your certificates (0) ===\n> ");
    alice.ask("/cert add", "... is tied to your account.\n> ");
    alice.ask("/cert add", "This certificate is tied to your account already.\n> ");
    let prefix = listed(&mut alice);
    drop(alice);

    let server = Server::start_in(stop(server), &ENV);
    for version in [SslVersion::TLS1_2, SslVersion::TLS1_3] {
        let mut alice = connect(&server, version, Some(&own));
        let shown = alice.ask("ALICE", "alice has joined the lobby\n> ");
        assert!(!shown.contains("Password: "), "{shown}");
        assert_eq!(sent(&alice, &IAC_WILL_ECHO), 0);
        alice.ask("/whois alice", "Status: account");
        alice.ask("/quit", "Goodbye!");
        alice.read_to_end();
    }
    // Another certificate, none at all, and no TLS are asked, as is any other account.
    connect(&server, tls, Some(&other)).ask("alice", "Password: ");
    connect(&server, tls, None).ask("alice", "Password: ");
    let mut plain = server.connect();
    plain.expect("Enter your username: ");
    plain.ask("alice", "Password: ");
    drop(registered(&server, "bob"));
    connect(&server, tls, Some(&own)).ask("bob", "Password: ");

    let mut alice = connect(&server, tls, Some(&own));
    alice.ask("alice", "alice has joined the lobby\n> ");
    for bad in ["/cert", "/cert del", "/cert del xyz", "/cert add now", "/cert nothing"] {
        alice.ask(bad, "Usage: /cert add | list | del <prefix> - ");
    }
    let unknown = if prefix.starts_with('0') { "1" } else { "0" };
    let none = "No certificate of yours starts like that. See /cert list.\n> ";
    alice.ask(&format!("/cert del {unknown}"), none);
    alice.ask(&format!("/cert del {}", prefix.to_lowercase()), "... is taken away.\n> ");
    alice.ask("/cert list", "=== Your certificates (0) ===\n> ");
    drop(alice);
    connect(&server, tls, Some(&own)).ask("alice", "Password: ");
}

#[test]
fn a_password_of_the_operators_takes_the_certificates_of_before_away() {
    let server = Server::start_in(with_cert(), &ENV);
    let own = with_cert();
    let mut stranger = connect(&server, SslVersion::TLS1_3, Some(&own));
    stranger.ask("alice", "alice has joined the lobby");
    stranger.ask(&format!("/register {PASSWORD}"), "is yours now.");
    stranger.ask("/cert add", "is tied to your account.");
    drop(stranger);
    let folder = stop(server);
    let out = passwd(folder.path(), "alice", "the operator's own");
    let told = String::from_utf8_lossy(&out.stdout).into_owned();
    assert!(told.contains("has a new password, and one certificate less"), "{told}");
    let admins = [ENV[0], ("CHAT_ADMINS", "alice")];
    let server = Server::start_in(folder, &admins);
    let mut stranger = connect(&server, SslVersion::TLS1_3, Some(&own));
    stranger.ask("alice", "Password: ");
}

#[test]
fn an_account_may_have_several_certificates() {
    let server = Server::start_in(with_cert(), &ENV);
    let (home, work) = (with_cert(), with_cert());
    let mut alice = connect(&server, SslVersion::TLS1_3, Some(&home));
    alice.ask("alice", "alice has joined the lobby");
    alice.ask(&format!("/register {PASSWORD}"), "is yours now.");
    alice.ask("/cert add", "is tied to your account.");
    let mut alice = connect(&server, SslVersion::TLS1_3, Some(&work));
    alice.ask("alice", "Password: ");
    alice.ask(PASSWORD, "> ");
    alice.ask("/cert add", "is tied to your account.");
    alice.ask("/cert list", "=== Your certificates (2) ===\n");
    let list = alice.expect("\n> ");
    assert_eq!(list.matches(" (this connection)").count(), 1, "{list}");
    for cert in [&home, &work] {
        let mut alice = connect(&server, SslVersion::TLS1_2, Some(cert));
        let shown = alice.ask("alice", "> ");
        assert!(!shown.contains("Password"), "{shown}");
    }
}

#[test]
fn a_certificate_goes_with_its_account() {
    let server = Server::start_in(with_cert(), &ENV);
    let own = with_cert();
    let mut alice = connect(&server, SslVersion::TLS1_3, Some(&own));
    alice.ask("alice", "alice has joined the lobby");
    alice.ask(&format!("/register {PASSWORD}"), "is yours now.");
    alice.ask("/cert add", "is tied to your account.");
    alice.ask(&format!("/unregister {PASSWORD}"), "you are a guest.");
    drop(alice);
    let mut other = connect(&server, SslVersion::TLS1_3, None);
    other.ask("alice", "> ");
    // Where the first has not been noticed to have left, its name is still taken.
    while other.text().contains("already taken") && !other.text().contains("has joined") {
        other.ask("alice", "> ");
    }
    other.ask("/register another-password", "is yours now.");
    drop(other);
    connect(&server, SslVersion::TLS1_3, Some(&own)).ask("alice", "Password: ");
}

#[test]
fn without_a_client_certificate_there_is_none_to_add() {
    let server = Server::start_in(with_cert(), &ENV);
    let answer = "You are not connected over TLS with a client certificate.\n> ";
    let mut plain = registered(&server, "alice");
    plain.ask("/cert add", answer);
    let mut tls = connect(&server, SslVersion::TLS1_3, None);
    tls.ask("bob", "bob has joined the lobby");
    tls.ask(&format!("/register {PASSWORD}"), "is yours now.");
    tls.ask("/cert add", answer);
    tls.ask("/cert list", "=== Your certificates (0) ===\n> ");
}
