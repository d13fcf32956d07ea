//! Networks, as an operator writes them: lists of CIDR blocks (RFC 4632, RFC 4291 §2.3).

use std::net::{IpAddr, Ipv6Addr};

use ipnet::{IpNet, Ipv6Net};

/// A list of networks. An IPv4 address and the same one mapped into IPv6 are the same here.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Nets(Vec<IpNet>);

impl Nets {
    /// Reads blocks and single addresses, separated by commas.
    ///
    /// # Errors
    /// The first that is neither, or that has bits set after its prefix: that is mostly a slip, and would
    /// mean another network than it seems to.
    pub fn parse(text: &str) -> Result<Self, NetError> {
        let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
        parts.map(parse_net).collect::<Result<_, _>>().map(Self)
    }

    /// Whether an address is in one of them.
    pub fn contains(&self, ip: IpAddr) -> bool {
        let ip = ip.to_canonical();
        self.0.iter().any(|net| net.contains(&ip))
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Why something is no network, in the words of what would be one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NetError {
    /// It is neither a block nor an address.
    #[error("CIDR blocks, as 192.0.2.0/24 or 2001:db8::/32, separated by commas")]
    Unknown(String),
    /// It has bits set after its prefix.
    #[error("no bits after the prefix, as {1}")]
    HostBits(String, IpNet),
}

/// So much of what an operator wrote is shown: a list without commas is one word.
const SHOWN_CHARS: usize = 60;

impl NetError {
    /// What is none, as far as it is worth showing.
    pub fn of(&self) -> String {
        let (Self::Unknown(text) | Self::HostBits(text, _)) = self;
        match text.char_indices().nth(SHOWN_CHARS) {
            Some((end, _)) => format!("{}…", &text[..end]),
            None => text.clone(),
        }
    }
}

fn parse_net(text: &str) -> Result<IpNet, NetError> {
    let net: IpNet = match text.parse() {
        Ok(net) => net,
        Err(_) => match text.parse::<IpAddr>() {
            Ok(ip) => IpNet::from(ip),
            Err(_) => return Err(NetError::Unknown(text.to_owned())),
        },
    };
    if net.trunc() != net {
        return Err(NetError::HostBits(text.to_owned(), net.trunc()));
    }
    Ok(match net {
        IpNet::V6(v6) => unmapped(v6).unwrap_or(net),
        IpNet::V4(_) => net,
    })
}

/// The IPv4 network behind one that is mapped into IPv6 (`::ffff:0:0/96`).
fn unmapped(net: Ipv6Net) -> Option<IpNet> {
    let v4 = Ipv6Addr::to_ipv4_mapped(&net.addr())?;
    let prefix = net.prefix_len().checked_sub(96)?;
    IpNet::new(v4.into(), prefix).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_in_the_networks_that_hold_them() {
        let nets =
            Nets::parse("10.0.0.0/8, 192.0.2.7,2001:db8::/32, ::ffff:172.16.0.0/108").unwrap();
        for (ip, want) in [
            ("10.1.2.3", true),
            ("::ffff:10.1.2.3", true),
            ("11.0.0.1", false),
            ("192.0.2.7", true),
            ("192.0.2.8", false),
            ("2001:db8:1::1", true),
            ("2001:db9::1", false),
            ("172.31.255.255", true),
            ("172.32.0.0", false),
        ] {
            assert_eq!(nets.contains(ip.parse().unwrap()), want, "{ip}");
        }
        let all = Nets::parse("0.0.0.0/0").unwrap();
        assert!(
            all.contains("::ffff:1.2.3.4".parse().unwrap())
                && !all.contains("::1".parse().unwrap())
        );
        assert!(Nets::parse(" , ").unwrap().is_empty());
    }

    #[test]
    fn what_is_no_network_is_refused() {
        for text in
            ["10.0.0.0/33", "localhost", "10.0.0", "::1/129", "10.0.0.0/8;::1", "10/8", "[::1]"]
        {
            let list = format!("192.0.2.1, {text}, 192.0.2.0/24");
            assert_eq!(Nets::parse(&list), Err(NetError::Unknown(text.to_owned())), "{text}");
        }
        for (text, told) in [
            ("10.0.0.1/8", "no bits after the prefix, as 10.0.0.0/8"),
            ("2001:db8::1/32", "no bits after the prefix, as 2001:db8::/32"),
        ] {
            let why = Nets::parse(text).unwrap_err();
            assert_eq!((why.of().as_str(), why.to_string().as_str()), (text, told));
        }
        assert_eq!(Nets::parse(&"1".repeat(10_000)).unwrap_err().of().chars().count(), 61);
    }
}
