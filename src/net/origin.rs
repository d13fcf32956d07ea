//! Where a connection comes from: what counts for it, and what the log says of it.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::time::Instant;

/// Where a connection comes from, as far as that is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// From this address itself.
    Direct(SocketAddr),
    /// From this address, as a proxy says.
    Told {
        /// The client's address.
        addr: SocketAddr,
        /// The proxy's.
        via: IpAddr,
    },
    /// By a proxy that does not say from where.
    Untold {
        /// The proxy's address.
        via: IpAddr,
    },
    /// From a proxy that stands for nobody, mostly to see whether the server is there.
    Proxy {
        /// Its address.
        via: IpAddr,
    },
}

/// Where a connection comes from, and since when.
#[derive(Debug, Clone, Copy)]
pub struct Arrived {
    /// From where.
    pub from: Origin,
    /// When it was accepted.
    pub at: Instant,
}

impl Origin {
    /// The address that it counts for in limits and lists; none where it counts for none.
    pub fn addr(&self) -> Option<SocketAddr> {
        match self {
            Self::Direct(addr) | Self::Told { addr, .. } => Some(*addr),
            Self::Untold { .. } | Self::Proxy { .. } => None,
        }
    }

    /// The address alone, for a line by which others may shut it out; never a proxy's in its place.
    pub fn host(&self) -> String {
        let ip = |addr: SocketAddr| addr.ip().to_canonical().to_string();
        self.addr().map_or_else(|| self.to_string(), ip)
    }

    /// Whether it may be no more than a look: proxies see every few seconds whether the server is there,
    /// and in version 1 of their protocol some name themselves as the client then. The log is told of such
    /// a connection once it has said something.
    pub fn may_be_a_look(&self) -> bool {
        match self {
            Self::Untold { .. } | Self::Proxy { .. } => true,
            Self::Told { addr, via } => addr.ip().to_canonical() == via.to_canonical(),
            Self::Direct(_) => false,
        }
    }
}

/// As the log has it, after "from".
impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Direct(addr) => write!(f, "{} port {}", addr.ip().to_canonical(), addr.port()),
            Self::Told { addr, via } => {
                let (ip, via) = (addr.ip().to_canonical(), via.to_canonical());
                write!(f, "{ip} port {} via {via}", addr.port())
            }
            Self::Untold { via } => write!(f, "an untold address via {}", via.to_canonical()),
            Self::Proxy { via } => write!(f, "the proxy {}", via.to_canonical()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_that_names_itself_may_be_looking_whether_the_server_is_there() {
        let via = "::ffff:10.0.0.1".parse().unwrap();
        let told = |addr: &str| Origin::Told { addr: addr.parse().unwrap(), via };
        assert!(told("10.0.0.1:4242").may_be_a_look());
        assert!(!told("10.0.0.2:4242").may_be_a_look());
    }

    #[test]
    fn the_log_names_who_connects_and_the_proxy_between() {
        let (via, addr) = ("::ffff:10.0.0.1".parse().unwrap(), "192.0.2.7:4242".parse().unwrap());
        for (origin, shown, counts) in [
            (Origin::Direct(addr), "192.0.2.7 port 4242", true),
            (Origin::Told { addr, via }, "192.0.2.7 port 4242 via 10.0.0.1", true),
            (Origin::Untold { via }, "an untold address via 10.0.0.1", false),
            (Origin::Proxy { via }, "the proxy 10.0.0.1", false),
        ] {
            assert_eq!(origin.to_string(), shown);
            assert_eq!(origin.host(), if counts { "192.0.2.7" } else { shown });
            assert_eq!(origin.addr(), counts.then_some(addr));
            assert_eq!(origin.may_be_a_look(), !counts);
        }
    }
}
