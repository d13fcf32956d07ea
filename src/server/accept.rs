//! Accepting: who is let in, and which thread gets the connection.
//!
//! What refuses a connection comes in the order of what it costs, and before anything is read of it: its
//! address first, then the places that there are. Only then there is a handshake or an actor for it.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener as StdListener, TcpStream as StdStream};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix::prelude::*;
use log::{error, info};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::sleep;

use crate::actors::guard::Guarded;
use crate::actors::handshaker::{Handshaker, Shake};
use crate::actors::registry::Registry;
use crate::actors::registry::messages::{Admit, Gone};
use crate::actors::shard::Shard;
use crate::actors::shard::messages::Connected;
use crate::chat::directory::{ConnId, Refusal};
use crate::clock;
use crate::config::{Config, Live};
use crate::logging::event;
use crate::metrics::{Metrics, Refused};
use crate::net::link::Arrival;
use crate::net::listen::{ListenerKind, set_options};
use crate::render::replies;

/// Pause after the machine could give no socket (mostly: no file descriptor left).
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Least time between two log lines about refused connections.
const REFUSALS_EVERY: Duration = Duration::from_secs(1);

/// Takes connections and gives them to the Shards in turn, through a Handshaker where there is TLS.
#[derive(Clone)]
pub(super) struct Acceptor {
    live: Live,
    metrics: Arc<Metrics>,
    registry: Addr<Guarded<Registry>>,
    shards: Arc<[Addr<Guarded<Shard>>]>,
    handshakers: Rc<[Addr<Handshaker>]>,
    next: Rc<Cell<usize>>,
    refusals: Rc<RefCell<Refusals>>,
}

/// Refused connections that the log has not been told of: a flood of them is told in lines a second
/// apart.
#[derive(Default)]
struct Refusals {
    told: Option<Instant>,
    untold: usize,
}

impl Refusals {
    /// Notes one; how many others came since the last line, where it is time for one.
    fn note(&mut self, now: Instant) -> Option<usize> {
        if self.told.is_some_and(|t| now.saturating_duration_since(t) < REFUSALS_EVERY) {
            self.untold += 1;
            return None;
        }
        self.told = Some(now);
        Some(std::mem::take(&mut self.untold))
    }
}

/// Why an address is not let in, whatever places there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
enum Listed {
    /// It is on the list of those who may not.
    #[error("denied by CHAT_DENY")]
    Denied,
    /// There is a list of those who may, and it is not there.
    #[error("not allowed by CHAT_ALLOW")]
    NotAllowed,
}

/// Looks an address up in the lists. That of the denied goes before.
fn look_up(config: &Config, ip: IpAddr) -> Result<(), Listed> {
    if config.deny.contains(ip) {
        return Err(Listed::Denied);
    }
    if !config.allow.is_empty() && !config.allow.contains(ip) {
        return Err(Listed::NotAllowed);
    }
    Ok(())
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::TooOften => Self::TooOften,
            Refusal::TooManyFromAddress => Self::TooManyFromAddress,
            Refusal::Full => Self::Full,
        }
    }
}

impl Acceptor {
    /// One that asks the Registry for places and gives connections to the Shards, those over TLS through
    /// the Handshakers.
    pub(super) fn new(
        live: Live,
        metrics: Arc<Metrics>,
        registry: Addr<Guarded<Registry>>,
        shards: Arc<[Addr<Guarded<Shard>>]>,
        handshakers: Vec<Addr<Handshaker>>,
    ) -> Self {
        let (next, refusals) = Default::default();
        Self { live, metrics, registry, shards, handshakers: handshakers.into(), next, refusals }
    }

    /// Accepts at a listener until the task is aborted. Where it was `handed` over, connections may have come
    /// before it had its options, and they are set on each.
    ///
    /// # Errors
    /// The reactor does not take the listener.
    pub(super) fn start(
        &self,
        kind: ListenerKind,
        listener: StdListener,
        handed: bool,
    ) -> io::Result<JoinHandle<()>> {
        let listener = TcpListener::from_std(listener)?;
        Ok(actix_rt::spawn(self.clone().accept(kind, listener, handed)))
    }

    async fn accept(self, kind: ListenerKind, listener: TcpListener, handed: bool) {
        let mut failing = false;
        loop {
            match listener.accept().await {
                Ok((stream, addr)) => {
                    if std::mem::take(&mut failing) {
                        info!(event = event::ACCEPT_RECOVERED; "connections are accepted again");
                    }
                    if handed {
                        // A connection that is over already does not take them, which shows soon.
                        let _ = set_options(&socket2::SockRef::from(&stream));
                    }
                    self.admit(kind, stream, addr).await;
                }
                Err(reason) if is_of_connection(&reason) => {}
                Err(reason) => {
                    if !std::mem::replace(&mut failing, true) {
                        error!(
                            event = event::ACCEPT_FAILING;
                            "connections cannot be accepted and wait: {reason}"
                        );
                    }
                    sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    async fn admit(&self, kind: ListenerKind, stream: TcpStream, addr: SocketAddr) {
        if let Err(why) = look_up(&self.live.get(), addr.ip()) {
            return self.count_refused(addr, Refused::NotAllowed, &why);
        }
        match self.registry.send(Admit(addr.ip().into())).await {
            Ok(Ok(conn)) => {
                let Ok(socket) = stream.into_std() else {
                    return self.registry.do_send(Gone(conn));
                };
                self.hand_on(kind, conn, socket, addr);
            }
            Ok(Err(refusal)) => {
                self.count_refused(addr, refusal.into(), &refusal);
                if !kind.shakes_hands()
                    && let Some(line) = replies::refusal(refusal)
                {
                    refuse(&stream, line);
                }
            }
            // The Registry lives as long as the System.
            Err(_) => {}
        }
    }

    /// Counts a connection that is not let in, and tells the log, though not of each.
    fn count_refused(&self, addr: SocketAddr, reason: Refused, why: &dyn fmt::Display) {
        self.metrics.refusals.of(reason).inc();
        if let Some(others) = self.refusals.borrow_mut().note(clock::now()) {
            let ip = addr.ip().to_canonical();
            info!(
                event = event::REFUSED;
                "refused {ip}: {why} ({others} others since the last such line)"
            );
        }
    }

    fn hand_on(&self, kind: ListenerKind, conn: ConnId, socket: StdStream, addr: SocketAddr) {
        let index = self.next.get();
        self.next.set((index + 1) % self.shards.len());
        let (shard, accepted) = (&self.shards[index], clock::now());
        let counted = self.metrics.count_connection(kind);
        match kind {
            ListenerKind::Plain => {
                let arrival = Arrival::Plain(socket);
                shard.do_send(Connected { conn, arrival, addr, accepted, counted });
            }
            ListenerKind::Tls => {
                let shard = shard.clone();
                let handshaker = &self.handshakers[index % self.handshakers.len()];
                handshaker.do_send(Shake { conn, socket, addr, accepted, counted, shard });
            }
        }
    }
}

/// Says why and closes. What the client has sent already is taken first: a socket that is closed
/// with unread bytes is reset, and the reset can overtake the line.
fn refuse(stream: &TcpStream, line: &[u8]) {
    let _ = stream.try_write(line);
    let _ = stream.try_read(&mut [0; 4_096]);
    let _ = socket2::SockRef::from(stream).shutdown(std::net::Shutdown::Write);
}

/// Errors of the one connection that was to be accepted, not of the listener (accept(2)).
fn is_of_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{
        ConnectionAborted, ConnectionReset, HostUnreachable, Interrupted, NetworkUnreachable,
        PermissionDenied, TimedOut,
    };
    matches!(
        error.kind(),
        ConnectionAborted
            | ConnectionReset
            | HostUnreachable
            | Interrupted
            | NetworkUnreachable
            | PermissionDenied
            | TimedOut
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_is_denied_is_so_whatever_else_is_allowed() {
        let config = |allow: &str, deny: &str| {
            Config::load(|key| match key {
                "CHAT_ALLOW" => Some(allow.to_owned()),
                "CHAT_DENY" => Some(deny.to_owned()),
                _ => None,
            })
            .unwrap()
        };
        let (all, both) = ("0.0.0.0/0,::/0", "10.0.0.0/8");
        for (allow, deny, ip, want) in [
            ("", "", "10.0.0.1", Ok(())),
            ("", both, "10.0.0.1", Err(Listed::Denied)),
            ("", both, "::ffff:10.0.0.1", Err(Listed::Denied)),
            ("", both, "11.0.0.1", Ok(())),
            (both, "", "10.0.0.1", Ok(())),
            (both, "", "::ffff:10.0.0.1", Ok(())),
            (both, "", "11.0.0.1", Err(Listed::NotAllowed)),
            (both, "", "2001:db8::1", Err(Listed::NotAllowed)),
            (both, "10.0.0.7", "10.0.0.7", Err(Listed::Denied)),
            (both, "10.0.0.7", "10.0.0.8", Ok(())),
            ("10.0.0.7", both, "10.0.0.7", Err(Listed::Denied)),
            (all, "2001:db8::/32", "2001:db8::1", Err(Listed::Denied)),
            (all, "2001:db8::/32", "2001:db9::1", Ok(())),
        ] {
            let config = config(allow, deny);
            assert_eq!(look_up(&config, ip.parse().unwrap()), want, "{allow} {deny} {ip}");
        }
    }

    #[test]
    fn a_flood_of_refusals_is_a_line_a_second_that_counts_the_others() {
        let (mut refusals, start) = (Refusals::default(), clock::now());
        assert_eq!(refusals.note(start), Some(0));
        for i in 1..10 {
            assert_eq!(refusals.note(start + Duration::from_millis(i * 100)), None);
        }
        assert_eq!(refusals.note(start + REFUSALS_EVERY), Some(9));
        assert_eq!(refusals.note(start + REFUSALS_EVERY * 2), Some(0));
    }
}
