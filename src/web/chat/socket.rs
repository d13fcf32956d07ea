//! The way into the WebSocket of the page: who may, from which page, and how it is answered (RFC 6455 §4.2).

use std::net::{IpAddr, SocketAddr};

use actix_http::header::{self, HeaderMap, HeaderName};
use actix_http::{Method, RequestHead, StatusCode};

use crate::net::nets::Nets;
use crate::net::origin::Origin;
use crate::web::{Answer, last_answer};

/// What a key of a client is completed with before its sum shows that we speak the protocol.
const GUID: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// Why there is no WebSocket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// There is none at this path.
    NotFound,
    /// It is not asked for as it should be.
    Handshake,
    /// Its version is another one.
    Version,
    /// It is asked for by a page of somebody else, or by none.
    Origin,
    /// A proxy says nothing of use about who asks.
    Forwarded,
    /// The address is not allowed.
    NotAllowed,
    /// The chat has no place for it, or not now, and says so in its own words.
    NoPlace(&'static str),
}

impl Refused {
    /// With which status that is told, and in which words.
    fn told(self) -> (StatusCode, &'static str) {
        match self {
            Self::NotFound => (StatusCode::NOT_FOUND, "not found"),
            Self::Handshake => (StatusCode::BAD_REQUEST, "this is no WebSocket handshake"),
            Self::Version => (StatusCode::UPGRADE_REQUIRED, "only version 13"),
            Self::Origin => (StatusCode::FORBIDDEN, "not from this page (CHAT_WEB_ORIGINS)"),
            Self::Forwarded => (StatusCode::BAD_REQUEST, "X-Forwarded-For is no address"),
            Self::NotAllowed => (StatusCode::FORBIDDEN, "not allowed"),
            Self::NoPlace(line) => (StatusCode::SERVICE_UNAVAILABLE, line),
        }
    }

    /// The same as an answer to a request like others.
    pub fn as_answer(self) -> Answer {
        let (status, line) = self.told();
        super::text(status, line)
    }

    /// What is answered, which ends the connection.
    pub fn answer(self) -> String {
        let (status, line) = self.told();
        let more = if self == Self::Version { "Sec-WebSocket-Version: 13\r\n" } else { "" };
        last_answer(status, more, line)
    }
}

/// What is answered to a request that is in order: the key that it has shown is taken.
///
/// # Errors
/// It is not.
pub fn accept(head: &RequestHead) -> Result<String, Refused> {
    let has = |name: HeaderName, word: &str| {
        head.headers.get_all(name).any(|value| {
            let mut words = value.to_str().unwrap_or_default().split(',');
            words.any(|one| one.trim().eq_ignore_ascii_case(word))
        })
    };
    if head.uri.path() != super::SOCKET {
        return Err(Refused::NotFound);
    }
    if head.method != Method::GET
        || !has(header::UPGRADE, "websocket")
        || !has(header::CONNECTION, "upgrade")
    {
        return Err(Refused::Handshake);
    }
    if !has(header::SEC_WEBSOCKET_VERSION, "13") {
        return Err(Refused::Version);
    }
    let key = one(&head.headers, header::SEC_WEBSOCKET_KEY).map(str::trim).unwrap_or_default();
    let is_key = openssl::base64::decode_block(key).is_ok_and(|bytes| bytes.len() == 16);
    if !is_key || key.len() != 24 {
        return Err(Refused::Handshake);
    }
    let sum = openssl::sha::sha1(format!("{key}{GUID}").as_bytes());
    Ok(format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {}\r\n\r\n",
        openssl::base64::encode_block(&sum)
    ))
}

/// The value of a header that is there once.
fn one(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    let mut all = headers.get_all(name);
    let value = all.next()?.to_str().ok()?;
    all.next().is_none().then_some(value)
}

/// Whether a script may connect: of the page itself, or of one that is listed. A browser says by itself whose a
/// script is; whatever says nothing is not served here.
///
/// `https` is whether the page is read over TLS; nobody knows where a proxy does not say, and then either will do.
pub fn check_origin(
    headers: &HeaderMap,
    https: Option<bool>,
    listed: &[String],
) -> Result<(), Refused> {
    let origin = one(headers, header::ORIGIN).ok_or(Refused::Origin)?;
    if listed.iter().any(|one| one.eq_ignore_ascii_case(origin)) {
        return Ok(());
    }
    let host = one(headers, header::HOST).filter(|host| !host.is_empty()).ok_or(Refused::Origin)?;
    let is_own = |scheme: &str| {
        let rest = origin.split_at_checked(scheme.len()).filter(|(own, _)| *own == scheme);
        rest.is_some_and(|(_, rest)| rest.eq_ignore_ascii_case(host))
    };
    let own = match https {
        Some(true) => is_own("https://"),
        Some(false) => is_own("http://"),
        None => is_own("https://") || is_own("http://"),
    };
    own.then_some(()).ok_or(Refused::Origin)
}

/// Whether the page is read over TLS: ours, or that of a proxy that says so; none where that says nothing.
pub fn is_https(headers: &HeaderMap, tls: bool, from: &Origin) -> Option<bool> {
    match (tls, from) {
        (true, _) => Some(true),
        (false, Origin::Direct(_)) => Some(false),
        (false, Origin::Told { .. } | Origin::Untold { .. } | Origin::Proxy { .. }) => {
            one(headers, FORWARDED_PROTO).map(|proto| proto.trim().eq_ignore_ascii_case("https"))
        }
    }
}

/// Where a request of this connection comes from: a proxy that is trusted says it of each, and the last address
/// that is none of those proxies' is believed, since whatever stands before it anybody can have written.
///
/// # Errors
/// There is something else than an address.
pub fn origin_of(headers: &HeaderMap, from: Origin, proxies: &Nets) -> Result<Origin, Refused> {
    let Origin::Untold { via } = from else { return Ok(from) };
    let mut last = None;
    for value in headers.get_all(FORWARDED_FOR) {
        for one in value.to_str().map_err(|_| Refused::Forwarded)?.split(',') {
            let ip = address(one.trim()).ok_or(Refused::Forwarded)?;
            if !proxies.contains(ip.to_canonical()) {
                last = Some(ip);
            }
        }
    }
    // Its port is nobody's business who writes this.
    Ok(last.map_or(from, |ip| Origin::Told { addr: SocketAddr::new(ip, 0), via }))
}

/// An address with or without a port, as proxies write it.
fn address(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    bare.parse().ok().or_else(|| text.parse().ok().map(|addr: SocketAddr| addr.ip()))
}

#[cfg(test)]
mod tests {
    use actix_http::header::HeaderValue;

    use super::*;

    fn headers(all: &[(&'static str, &str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in all {
            map.append(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
        }
        map
    }

    fn request(path: &str, all: &[(&'static str, &str)]) -> RequestHead {
        let mut head = RequestHead::default();
        head.uri = path.parse().unwrap();
        head.headers = headers(all);
        head
    }

    const GOOD: [(&str, &str); 4] = [
        ("upgrade", "websocket"),
        ("connection", "keep-alive, Upgrade"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ];

    #[test]
    fn the_key_of_the_rfc_is_answered_as_there() {
        let answer = accept(&request("/ws", &GOOD)).unwrap();
        assert!(
            answer.contains("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"),
            "{answer}"
        );
        for (at, value, want) in [
            (0, "h2c", Refused::Handshake),
            (1, "close", Refused::Handshake),
            (2, "8", Refused::Version),
            (3, "short", Refused::Handshake),
            (3, "", Refused::Handshake),
        ] {
            let mut all = GOOD;
            all[at].1 = value;
            assert_eq!(accept(&request("/ws", &all)), Err(want), "{value}");
        }
        assert_eq!(accept(&request("/", &GOOD)), Err(Refused::NotFound));
    }

    #[test]
    fn only_the_page_and_those_listed_may_connect() {
        let listed = ["https://friend.example".to_owned()];
        for (origin, host, https, may) in [
            (Some("https://chat.example"), "chat.example", Some(true), true),
            (Some("https://CHAT.example"), "chat.EXAMPLE", Some(true), true),
            (Some("http://localhost:8088"), "localhost:8088", Some(false), true),
            (Some("http://[::1]:8088"), "[::1]:8088", Some(false), true),
            (Some("https://friend.example"), "chat.example", Some(true), true),
            (Some("https://chat.example"), "chat.example", None, true),
            (None, "chat.example", Some(true), false),
            (Some("null"), "chat.example", Some(true), false),
            (Some("http://chat.example"), "chat.example", Some(true), false),
            (Some("https://chat.example:444"), "chat.example", Some(true), false),
            (Some("https://evil.example"), "chat.example", Some(true), false),
            (Some("https://chat.example.evil.example"), "chat.example", Some(true), false),
            (Some("https://friend.example:8443"), "chat.example", Some(true), false),
            (Some("https://"), "", Some(true), false),
        ] {
            let mut all = vec![("host", host)];
            all.extend(origin.map(|origin| ("origin", origin)));
            let got = check_origin(&headers(&all), https, &listed);
            assert_eq!(got.is_ok(), may, "{origin:?} {host} {https:?}");
        }
        let twice = [("host", "a"), ("origin", "https://a"), ("origin", "https://a")];
        assert_eq!(check_origin(&headers(&twice), Some(true), &[]), Err(Refused::Origin));
    }

    #[test]
    fn only_a_trusted_proxy_says_for_whom_a_request_is() {
        let proxies = Nets::parse("10.0.0.0/8").unwrap();
        let direct = Origin::Direct("10.0.0.1:5000".parse().unwrap());
        let via: IpAddr = "10.0.0.1".parse().unwrap();
        let asked = |value: &str, from| {
            origin_of(&headers(&[("x-forwarded-for", value)]), from, &proxies)
                .map(|origin| origin.addr().map(|addr| addr.ip().to_string()))
        };
        let forwarded = |value: &str| asked(value, Origin::Untold { via });
        assert_eq!(asked("192.0.2.1", direct), Ok(Some("10.0.0.1".to_owned())));
        for (value, want) in [
            ("192.0.2.1", "192.0.2.1"),
            ("1.2.3.4, 192.0.2.1, 10.0.0.9", "192.0.2.1"),
            ("192.0.2.1:4711", "192.0.2.1"),
            ("[2001:db8::1]:4711", "2001:db8::1"),
            ("[2001:db8::1]", "2001:db8::1"),
            ("2001:db8::1", "2001:db8::1"),
        ] {
            assert_eq!(forwarded(value), Ok(Some(want.to_owned())), "{value}");
        }
        assert_eq!(forwarded("10.0.0.9"), Ok(None));
        for value in ["unknown", "", "192.0.2.1, evil", "evil, 192.0.2.1"] {
            assert_eq!(forwarded(value), Err(Refused::Forwarded), "{value}");
        }
        let untold = origin_of(&HeaderMap::new(), Origin::Untold { via }, &proxies).unwrap();
        assert_eq!(untold.addr(), None);
    }
}
