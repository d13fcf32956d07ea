//! The settings of a node of a cluster.

use super::Reader;
use crate::nats::{AddressFault, Addresses, is_cluster, is_node};

/// How this server is a node of a cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterConfig {
    /// Where the engine is; none where this server is alone.
    pub engine: Option<Addresses>,
    /// Whether the engine may be on another machine.
    pub allow_remote: bool,
    /// Copies of the log that the engine keeps.
    pub replicas: usize,
    /// The name of the cluster on its engine.
    pub name: String,
    /// The name of this node; empty where it is not set and this server is alone, else that of the host.
    pub node: String,
    /// The file that the engine's address is read from; empty for none.
    pub file: String,
}

/// What is expected of the name of a node.
const NODE: &str = "letters, digits, - and _, 64 at most, perhaps with dots between them";

/// The same where the name of the host is not that: what is to be done.
pub(super) const NODE_UNSET: &str =
    "the host's name cannot name a node: set CHAT_NODE to letters, digits, - and _, 64 at most";

impl Reader {
    /// The settings of a node.
    pub(super) fn cluster(&self) -> ClusterConfig {
        let allow_remote = self.word("NATS_ALLOW_REMOTE", ["off", "on"]) == 1;
        ClusterConfig {
            engine: self.engine("NATS_URL", allow_remote),
            allow_remote,
            replicas: self.replicas("NATS_REPLICAS"),
            name: self.name("CHAT_CLUSTER", "letters, digits, - and _, 64 at most", is_cluster),
            node: self.name("CHAT_NODE", NODE, |text| text.is_empty() || is_node(text)),
            file: self.text("NATS_URL_FILE").to_owned(),
        }
    }

    fn engine(&self, key: &'static str, allow_remote: bool) -> Option<Addresses> {
        let text = self.text(key);
        let found = if text.eq_ignore_ascii_case("off") {
            Ok(None)
        } else {
            Addresses::parse(text).map(Some)
        };
        let expected = || {
            match &found {
            Err(AddressFault::Tls) => AddressFault::Tls.to_string(),
            Err(AddressFault::NotOne) => AddressFault::NotOne.to_string(),
            Ok(_) => "an engine on this machine (127.0.0.0/8, ::1 or localhost), to which nobody listens on \
                      the way, or NATS_ALLOW_REMOTE=on"
                .to_owned(),
        }
        };
        let is_fit = |addresses: &Option<Addresses>| {
            allow_remote || addresses.as_ref().is_none_or(Addresses::are_here)
        };
        // The default is none.
        let is_default = |text: &str| text == "off";
        self.value(key, expected, |text| match &found {
            _ if is_default(text) => Some(None),
            Ok(addresses) if is_fit(addresses) => Some(addresses.clone()),
            Ok(_) | Err(_) => None,
        })
    }

    fn replicas(&self, key: &'static str) -> usize {
        self.value(
            key,
            || "1, 3 or 5".to_owned(),
            |text| match text {
                "1" => Some(1),
                "3" => Some(3),
                "5" => Some(5),
                _ => None,
            },
        )
    }

    fn name(
        &self,
        key: &'static str,
        expected: &'static str,
        fits: impl Fn(&str) -> bool,
    ) -> String {
        self.value(key, || expected.to_owned(), |text| fits(text).then(|| text.to_owned()))
    }

    /// An engine's address as it may be shown: its place, and that there is a login.
    pub(super) fn shown_engine(text: &str) -> String {
        if text.eq_ignore_ascii_case("off") {
            return text.to_owned();
        }
        let Ok(addresses) = Addresses::parse(text) else { return "****".to_owned() };
        let one = |address: &crate::nats::Address| match &address.login {
            None => address.to_string(),
            Some(_) => address.to_string().replacen("://", "://****@", 1),
        };
        addresses.iter().map(one).collect::<Vec<_>>().join(",")
    }
}
