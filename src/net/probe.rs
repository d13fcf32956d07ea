//! What a client speaks that took the port of the chat for another's: HTTP, or TLS where there is none.

use std::net::Ipv6Addr;

/// Methods that an HTTP request may start with.
const HTTP_METHODS: [&str; 9] =
    ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"];

/// Whether bytes begin like an HTTP/1 request: a method and a blank.
pub fn begins_http(bytes: &[u8]) -> bool {
    let starts = |method: &&str| {
        bytes.strip_prefix(method.as_bytes()).is_some_and(|rest| rest.first() == Some(&b' '))
    };
    HTTP_METHODS.iter().any(starts)
}

/// The first line of an HTTP/1 request (RFC 9112 §3). No name looks like one.
pub fn is_http(line: &str) -> bool {
    let mut words = line.split(' ');
    let method = words.next().unwrap_or_default();
    HTTP_METHODS.contains(&method) && words.next_back().is_some_and(|v| v.starts_with("HTTP/"))
}

/// Longest name of a host that is taken from a request, in bytes (RFC 1035 §2.3.4).
const MAX_HOST_BYTES: usize = 255;

/// The name under which a client has reached this host, without its port, as the fields behind the first line of its
/// request say it (RFC 9110 §7.2). None where that has not come yet, or could be anything but a name or an address.
pub fn host_of(fields: &[u8]) -> Option<&str> {
    // What ends the first line may stand here still.
    let mut rest = fields.strip_prefix(b"\n").unwrap_or(fields);
    while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
        let (line, behind) = rest.split_at(end);
        rest = behind.get(1..)?;
        let line = line.trim_ascii();
        if line.is_empty() {
            return None;
        }
        let Some((name, value)) = line.split_at_checked(5) else { continue };
        if name.eq_ignore_ascii_case(b"host:") {
            return host_alone(std::str::from_utf8(value.trim_ascii()).ok()?);
        }
    }
    None
}

/// The name or address of such a field.
fn host_alone(value: &str) -> Option<&str> {
    let (host, port) = match value.find(']') {
        Some(end) => value.split_at(end + 1),
        None => value.split_at(value.find(':').unwrap_or(value.len())),
    };
    let is_port = port.is_empty()
        || port.strip_prefix(':').is_some_and(|port| port.bytes().all(|b| b.is_ascii_digit()));
    let is_host = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        Some(ip) => ip.parse::<Ipv6Addr>().is_ok(),
        None => host.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.' || b == b'-'),
    };
    (is_host && is_port && (1..=MAX_HOST_BYTES).contains(&host.len())).then_some(host)
}

/// Whether bytes begin like a TLS record of the handshake type, of any version (RFC 8446 §5.1).
pub fn begins_tls(bytes: &[u8]) -> bool {
    bytes.starts_with(&[0x16, 0x03])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn http_is_told_from_names() {
        assert!(is_http("GET / HTTP/1.1") && is_http("POST /x?a b HTTP/1.0"));
        assert!(begins_http(b"GET / HTTP/1.1\r\n") && begins_http(b"PUT "));
        assert!(!begins_http(b"GET") && !begins_http(b"GETTER x") && !begins_http(b"alice"));
        for name in ["GET", "alice", "GET HTTP", "get / HTTP/1.1", ""] {
            assert!(!is_http(name), "{name}");
        }
    }

    #[test]
    fn the_host_of_a_request_is_a_name_or_an_address_and_nothing_else() {
        let long = format!("Host: {}\r\n", "a".repeat(256));
        for (fields, want) in [
            ("Host: chat.example.org\r\n\r\n", Some("chat.example.org")),
            ("\nAccept: */*\r\nHOST:localhost:8080\r\n", Some("localhost")),
            ("A: b\nhost: 192.0.2.7:80 \n", Some("192.0.2.7")),
            ("Host: [2001:db8::1]:8080\r\n", Some("[2001:db8::1]")),
            ("Host: [::1]\r\n", Some("[::1]")),
            ("", None),
            ("Host: chat.exam", None),
            ("\r\nHost: chat\r\n", None),
            ("Host:\r\n", None),
            ("Host: :8080\r\n", None),
            ("Host: a b\r\n", None),
            ("Host: <b>\r\n", None),
            ("Host: ann@chat\r\n", None),
            ("Host: chat/x\r\n", None),
            ("Host: chat:80x\r\n", None),
            ("Host: [::1\r\n", None),
            ("Host: []]\r\n", None),
            ("Host: [chat]\r\n", None),
            ("Host: ]\r\n", None),
            ("Host: a\r\x1b[2J\r\n", None),
            ("X-Host: chat\r\n", None),
            (&long, None),
        ] {
            assert_eq!(host_of(fields.as_bytes()), want, "{fields:?}");
        }
        assert_eq!(host_of(b"Host: \xff\r\n"), None);
    }

    #[test]
    fn a_hello_of_tls_is_told_from_names() {
        assert!(begins_tls(b"\x16\x03\x01\x02\0\x01") && begins_tls(b"\x16\x03"));
        for bytes in [b"".as_slice(), b"\x16", b"\x17\x03", b"alice\n"] {
            assert!(!begins_tls(bytes), "{bytes:?}");
        }
    }
}
