//! Where engines are, as an operator writes it: `nats://user:password@127.0.0.1:4222`.

use std::fmt::{self, Display};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::chat::password::Secret;

/// The port of an engine where none is written.
const PORT: u16 = 4222;

/// Addresses in one setting: a cluster of engines has 3 or 5.
const MAX_ADDRESSES: usize = 16;

/// The host of an engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Host {
    /// A number.
    Ip(IpAddr),
    /// A name, to be looked up at each connecting.
    Name(String),
}

/// Who one is to an engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    /// The user, which is not shown either: whoever mistypes puts the password there.
    pub user: Secret,
    /// The password.
    pub password: Secret,
}

/// One engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// Its host.
    pub host: Host,
    /// Its port.
    pub port: u16,
    /// Who one is there; none where it asks nobody.
    pub login: Option<Login>,
}

/// Engines of one cluster, of which any will do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Addresses(Box<[Address]>);

/// Why a text is no list of addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AddressFault {
    /// It asks for TLS.
    #[error(
        "nats://: lobbyd speaks to the engine in plain. Run a nats-server beside it on 127.0.0.1, and let that one \
         speak TLS to the others"
    )]
    Tls,
    /// It is none at all.
    #[error(
        "nats://[user:password@]host[:port], up to 16 of them separated by commas, or off (write %40 for an @ in a \
         password, %3A for a :, %2F for a /, %2C for a comma, %25 for a %)"
    )]
    NotOne,
}

impl Addresses {
    /// Reads them as they stand in the settings.
    ///
    /// # Errors
    /// What is wrong with the first that is none.
    pub fn parse(text: &str) -> Result<Self, AddressFault> {
        let all: Vec<Address> =
            text.split(',').map(|one| Address::parse(one.trim())).collect::<Result<_, _>>()?;
        match all.len() {
            1..=MAX_ADDRESSES => Ok(Self(all.into())),
            _ => Err(AddressFault::NotOne),
        }
    }

    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = &Address> {
        self.0.iter()
    }

    /// Whether all are on this machine.
    pub fn are_here(&self) -> bool {
        self.iter().all(|address| address.host.is_here())
    }
}

impl Address {
    fn parse(text: &str) -> Result<Self, AddressFault> {
        let Some((scheme, rest)) = text.split_once("://") else { return Err(AddressFault::NotOne) };
        match scheme.to_ascii_lowercase().as_str() {
            "nats" => {}
            "tls" | "wss" | "nats+tls" => return Err(AddressFault::Tls),
            _ => return Err(AddressFault::NotOne),
        }
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let (login, place) = match rest.rsplit_once('@') {
            None => (None, rest),
            Some((login, place)) => (Some(Login::parse(login).ok_or(AddressFault::NotOne)?), place),
        };
        let (host, port) = match place.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, port.parse().ok()),
            _ => (place, Some(PORT)),
        };
        let host = Host::parse(host).ok_or(AddressFault::NotOne)?;
        let port = port.filter(|port| *port != 0).ok_or(AddressFault::NotOne)?;
        Ok(Self { host, port, login })
    }
}

impl Login {
    fn parse(text: &str) -> Option<Self> {
        let (user, password) = text.split_once(':')?;
        // A second one would leave open where the user ends.
        if user.is_empty() || password.is_empty() || password.contains(':') {
            return None;
        }
        let decoded = |part| unescape(part).map(|part| Secret::new(&part));
        Some(Self { user: decoded(user)?, password: decoded(password)? })
    }
}

/// A text with its `%40` and the like taken for what they mean (RFC 3986 §2.1).
fn unescape(text: &str) -> Option<String> {
    let mut parts = text.split('%');
    let plain = |part: &str| part.bytes().all(|b| b.is_ascii_graphic() && !b"/@?#".contains(&b));
    let first = parts.next().filter(|part| plain(part))?;
    let mut bytes = first.as_bytes().to_vec();
    for part in parts {
        let digits = part.get(..2).filter(|two| two.bytes().all(|b| b.is_ascii_hexdigit()))?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        bytes.extend(part.get(2..).filter(|rest| plain(rest))?.bytes());
    }
    String::from_utf8(bytes).ok()
}

impl Host {
    fn parse(text: &str) -> Option<Self> {
        if let Some(inner) = text.strip_prefix('[') {
            let ip: Ipv6Addr = inner.strip_suffix(']')?.parse().ok()?;
            return Some(Self::Ip(ip.into()));
        }
        if let Ok(ip) = text.parse::<Ipv4Addr>() {
            return Some(Self::Ip(ip.into()));
        }
        let label = |label: &str| {
            !label.is_empty()
                && label.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
        };
        let all_digits = text.bytes().all(|b| b.is_ascii_digit() || b == b'.');
        (text.len() <= 253 && !all_digits && text.split('.').all(label))
            .then(|| Self::Name(text.to_owned()))
    }

    /// Whether it is this machine: 127.0.0.0/8, `::1` or `localhost`.
    pub fn is_here(&self) -> bool {
        match self {
            Self::Ip(ip) => ip.is_loopback(),
            Self::Name(name) => name.eq_ignore_ascii_case("localhost"),
        }
    }
}

impl Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip(IpAddr::V6(ip)) => write!(f, "[{ip}]"),
            Self::Ip(IpAddr::V4(ip)) => write!(f, "{ip}"),
            Self::Name(name) => f.write_str(name),
        }
    }
}

/// Without the user and the password.
impl Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "nats://{}:{}", self.host, self.port)
    }
}

impl Display for Addresses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, address) in self.iter().enumerate() {
            write!(f, "{}{address}", if n == 0 { "" } else { "," })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_and_shown_without_its_secrets() {
        for (text, shown) in [
            ("nats://127.0.0.1:4222", "nats://127.0.0.1:4222"),
            ("nats://localhost", "nats://localhost:4222"),
            ("NATS://ann:secret@[::1]:1/", "nats://[::1]:1"),
            ("nats://ann:s%40%3a%C3%A9@10.0.0.1", "nats://10.0.0.1:4222"),
            (
                "nats://a:b@n1.example, nats://n2.example:5",
                "nats://n1.example:4222,nats://n2.example:5",
            ),
        ] {
            let read = Addresses::parse(text).unwrap();
            assert_eq!(read.to_string(), shown);
            assert!(!format!("{read:?}").contains("secret"));
        }
        let read = Addresses::parse("nats://ann:s%40%3a%C3%A9@10.0.0.1").unwrap();
        let login = read.iter().next().unwrap().login.as_ref().unwrap();
        assert_eq!((login.user.expose(), login.password.expose()), ("ann", "s@:é"));
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in [
            "127.0.0.1:4222",
            "nats://",
            "nats://:4222",
            "nats://h:0",
            "nats://h:65536",
            "nats://h:",
            "nats://a b",
            "nats://@h",
            "nats://ann@h",
            "nats://ann:@h",
            "nats://:pw@h",
            "nats://a:b:c@h",
            "nats://a:b%4@h",
            "nats://a:b%zz@h",
            "nats://a:b@c@h",
            "nats://a:b/c@h",
            "nats://a:%ff@h",
            "nats://h/path",
            "nats://h?x",
            "nats://::1",
            "nats://[127.0.0.1]",
            "nats://1.2.3",
            "nats://h,",
            ",nats://h",
            "http://h",
            "ws://h",
            "",
            "nats://a:%é@h",
        ] {
            assert_eq!(Addresses::parse(text), Err(AddressFault::NotOne), "{text}");
        }
        assert!(Addresses::parse(&vec!["nats://h"; 16].join(",")).is_ok());
        assert!(Addresses::parse(&vec!["nats://h"; 17].join(",")).is_err());
    }

    #[test]
    fn tls_is_refused_wherever_it_stands() {
        for text in ["tls://127.0.0.1:4222", "TLS://a:b@h", "nats://h,tls://h", "wss://h"] {
            assert_eq!(Addresses::parse(text), Err(AddressFault::Tls), "{text}");
        }
    }

    #[test]
    fn an_address_is_here_or_elsewhere() {
        for (text, here) in [
            ("nats://127.0.0.1", true),
            ("nats://127.255.0.9", true),
            ("nats://[::1]", true),
            ("nats://LocalHost", true),
            ("nats://localhost.example", false),
            ("nats://128.0.0.1", false),
            ("nats://[::2]", false),
            ("nats://[::ffff:127.0.0.1]", false),
            ("nats://127.0.0.1,nats://10.0.0.1", false),
        ] {
            assert_eq!(Addresses::parse(text).unwrap().are_here(), here, "{text}");
        }
    }
}
