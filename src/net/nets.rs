//! Networks, as an operator writes them: lists of CIDR blocks (RFC 4632, RFC 4291 §2.3).

use std::net::{IpAddr, Ipv6Addr};

use ipnet::{IpNet, Ipv6Net};

/// A list of networks. An IPv4 address and the same one mapped into IPv6 are the same here.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Nets(Vec<IpNet>);

impl Nets {
    /// Reads blocks and single addresses, separated by commas. None where one of them is neither, or has
    /// bits set after its prefix: that is mostly a slip, and would mean another network than it seems to.
    pub fn parse(text: &str) -> Option<Self> {
        let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
        parts.map(parse_net).collect::<Option<_>>().map(Self)
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

fn parse_net(text: &str) -> Option<IpNet> {
    let net: IpNet = match text.parse() {
        Ok(net) => net,
        Err(_) => IpNet::from(text.parse::<IpAddr>().ok()?),
    };
    if net.trunc() != net {
        return None;
    }
    Some(match net {
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
            ["10.0.0.0/33", "10.0.0.1/8", "localhost", "10.0.0", "::1/129", "10.0.0.0/8;::1"]
        {
            assert_eq!(Nets::parse(text), None, "{text}");
        }
    }
}
