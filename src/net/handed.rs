//! Listening sockets that a service manager hands over, in place of the addresses of the configuration
//! (sd_listen_fds(3), systemd.socket(5)).

use std::io;
use std::net::TcpListener;

use listenfd::ListenFd;
use socket2::{Protocol, SockRef};

use crate::net::listen::{ListenerKind, set_options};

/// What sockets that are handed over are for, in their order.
const KINDS: [ListenerKind; 2] = [ListenerKind::Plain, ListenerKind::Tls];

/// What was handed over, in its order: none, where lobbyd is to open its own.
#[derive(Debug, Default)]
pub struct Handed(Vec<TcpListener>);

/// A socket that is of no use.
#[derive(Debug, thiserror::Error)]
pub enum HandedError {
    /// There is nothing that it could be for.
    #[error(
        "{0} sockets were handed over (LISTEN_FDS): lobbyd takes two at most, the first for plain \
         connections and the second for TLS. Take the others out of the socket unit"
    )]
    TooMany(String),
    /// It is of another kind.
    #[error(
        "socket {number} of those handed over (LISTEN_FDS) is no listening TCP socket{}. Let the socket unit \
         have ListenStream= with a port, and no Accept=yes",
        because(reason)
    )]
    NotListening {
        /// Which it is, from 1 on.
        number: usize,
        /// What the system says of it, if anything.
        reason: Option<io::Error>,
    },
    /// It does not take the options that connections need.
    #[error("socket {number} of those handed over (LISTEN_FDS) cannot be used: {reason}")]
    Unusable {
        /// Which it is, from 1 on.
        number: usize,
        /// What the system says of it.
        reason: io::Error,
    },
}

fn because(reason: &Option<io::Error>) -> String {
    reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default()
}

impl Handed {
    /// Looks at how many are said to be handed over, before there is a list of them: room for that many
    /// may be more than there is. Those for a process other than this one, which is `own`, are its affair.
    ///
    /// # Errors
    /// There are more than are of use.
    pub fn check_count(said: &str, whose: &str, own: u32) -> Result<(), HandedError> {
        if !whose.is_empty() && whose.parse() != Ok(own) {
            return Ok(());
        }
        let is_number = !said.is_empty() && said.bytes().all(|byte| byte.is_ascii_digit());
        match said.parse::<usize>() {
            Ok(count) if count <= KINDS.len() => Ok(()),
            // What is no number is no word of a service manager, and means nothing.
            Err(_) if !is_number => Ok(()),
            Ok(_) | Err(_) => Err(HandedError::TooMany(said.to_owned())),
        }
    }

    /// Takes what was handed over, and gives it the options that sockets of our own have.
    ///
    /// # Errors
    /// The first socket that is of no use.
    pub fn take(mut from: ListenFd) -> Result<Self, HandedError> {
        let mut listeners = Vec::new();
        for index in 0..from.len() {
            let number = index + 1;
            let listener = match from.take_tcp_listener(index) {
                Ok(Some(listener)) => listener,
                Ok(None) => return Err(HandedError::NotListening { number, reason: None }),
                Err(reason) => {
                    return Err(HandedError::NotListening { number, reason: Some(reason) });
                }
            };
            let unusable = |reason| HandedError::Unusable { number, reason };
            let socket = SockRef::from(&listener);
            let protocol = socket.protocol().map_err(unusable)?;
            if !matches!(protocol, Some(Protocol::TCP | Protocol::MPTCP))
                || !socket.is_listener().map_err(unusable)?
            {
                return Err(HandedError::NotListening { number, reason: None });
            }
            set_options(&socket).map_err(unusable)?;
            listeners.push(listener);
        }
        Ok(Self(listeners))
    }

    /// Whether nothing was handed over.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The sockets with what is spoken there. The first is for plain connections and the second for TLS; but
    /// a single one is for TLS where plain connections are `off`, so that nobody talks in plain text who said
    /// that nobody should.
    pub fn into_listeners(self, plain_is_off: bool) -> Vec<(ListenerKind, TcpListener)> {
        let kinds = match (plain_is_off, self.0.len()) {
            (true, 1) => &[ListenerKind::Tls][..],
            _ => &KINDS[..],
        };
        kinds.iter().copied().zip(self.0).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_than_two_are_told_however_many_are_said_to_be_there() {
        for (said, whose, good) in [
            ("", "", true),
            ("0", "7", true),
            ("2", "7", true),
            ("two", "7", true),
            ("-1", "7", true),
            ("3", "8", true),
            ("3", "7", false),
            ("3", "", false),
            ("18446744073709551615", "7", false),
            ("99999999999999999999999", "7", false),
        ] {
            assert_eq!(Handed::check_count(said, whose, 7).is_ok(), good, "{said} for {whose:?}");
        }
    }

    #[test]
    fn the_first_is_plain_and_the_second_tls() {
        let kinds = |count, plain_is_off| {
            let listeners = (0..count).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
            let listeners = Handed(listeners).into_listeners(plain_is_off);
            listeners.into_iter().map(|(kind, _)| kind).collect::<Vec<_>>()
        };
        assert_eq!(kinds(0, false), []);
        assert_eq!(kinds(1, false), [ListenerKind::Plain]);
        assert_eq!(kinds(1, true), [ListenerKind::Tls]);
        assert_eq!(kinds(2, false), KINDS);
        assert_eq!(kinds(2, true), KINDS);
    }
}
