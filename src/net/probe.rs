//! What a client speaks that took the port of the chat for another's: HTTP, or TLS where there is none.

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
    fn a_hello_of_tls_is_told_from_names() {
        assert!(begins_tls(b"\x16\x03\x01\x02\0\x01") && begins_tls(b"\x16\x03"));
        for bytes in [b"".as_slice(), b"\x16", b"\x17\x03", b"alice\n"] {
            assert!(!begins_tls(bytes), "{bytes:?}");
        }
    }
}
