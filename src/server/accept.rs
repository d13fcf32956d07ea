//! Accepting: who is let in, and which thread gets the connection.
//!
//! What refuses a connection comes in the order of what it costs, and before anything of the chat is read:
//! its address first, then the places that there are. Only then there is a handshake or an actor for it.
//! Where a proxy stands between, all of that waits for the header in which it says for whom.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::hash::{BuildHasher, Hash, RandomState};
use std::io;
use std::net::{IpAddr, TcpListener as StdListener};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix::prelude::*;
use log::{error, info, warn};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{sleep, timeout_at};

use crate::actors::guard::Guarded;
use crate::actors::handshaker::{Handshaker, Shake};
use crate::actors::registry::Registry;
use crate::actors::registry::messages::{Admit, Gone};
use crate::actors::shard::Shard;
use crate::actors::shard::messages::Connected;
#[cfg(feature = "ssh")]
use crate::actors::ssh::Ssh;
use crate::chat::directory::{ConnId, IpKey, Refusal};
use crate::clock;
use crate::config::{Config, Live};
use crate::logging::event;
use crate::metrics::Refused;
use crate::net::link::Arrival;
use crate::net::listen::{ACCEPT_PAUSE, ListenerKind, set_options};
use crate::net::origin::Origin;
use crate::net::proxy::{ReadError, Sender, read_header};
use crate::render::replies;
use crate::server::Shared;

/// Least time between two log lines about refused connections, and about posts of hooks that come too fast.
const REFUSALS_EVERY: Duration = Duration::from_secs(1);

/// Addresses whose refusals are told in a second at most: with more, the log would be what a flood fills.
const MAX_TOLD: usize = 64;

/// How long a proxy may take to say for whom a connection stands. It sends that with the first packet.
pub(super) const HEADER_TIME: Duration = Duration::from_secs(5);

/// Connections of proxies at one listener that wait for that: each is a socket and a small task, and has no
/// place yet that would count it. A proxy that works is done with one at once. Twice as many may have said it
/// and wait for a place.
const MAX_UNSAID: usize = 512;

/// Takes connections and gives them to the Shards in turn, through a Handshaker where there is TLS.
#[derive(Clone)]
pub(super) struct Acceptor {
    pub(super) live: Live,
    pub(super) shared: Shared,
    pub(super) registry: Addr<Guarded<Registry>>,
    shards: Arc<[Addr<Guarded<Shard>>]>,
    helpers: Helpers,
    next: Rc<Cell<usize>>,
    refusals: Rc<RefCell<Refusals<IpKey>>>,
    /// The same of proxies: neither is to hide the other.
    proxy_refusals: Rc<RefCell<Refusals<IpKey>>>,
    places: Rc<Places>,
}

/// Those on threads of their own whom connections go to first, or stay with.
#[derive(Clone)]
pub(super) struct Helpers {
    pub(super) handshakers: Rc<[Addr<Handshaker>]>,
    #[cfg(feature = "ssh")]
    pub(super) ssh: Rc<[Addr<Ssh>]>,
}

impl Helpers {
    /// For those who need none.
    pub(super) fn none() -> Self {
        Self {
            handshakers: Rc::new([]),
            #[cfg(feature = "ssh")]
            ssh: Rc::new([]),
        }
    }
}

/// A connection that was accepted.
struct Accepted {
    stream: TcpStream,
    kind: ListenerKind,
    at: Instant,
}

/// Draws the places of connections whose address is not known: numbers that nobody can tell beforehand,
/// and that do not come again after a restart either.
#[derive(Default)]
struct Places {
    last: Cell<u64>,
    key: RandomState,
}

impl Places {
    fn draw(&self) -> IpKey {
        self.last.set(self.last.get().wrapping_add(1));
        IpKey::unknown(self.key.hash_one(self.last.get()))
    }
}

/// Why a proxy is not heard.
#[derive(Debug, thiserror::Error)]
enum Unheard {
    /// What it sent.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// It took longer than it may.
    #[error("no PROXY header in time")]
    Late,
    /// [`MAX_UNSAID`] others wait.
    #[error("too many connections of proxies wait for their PROXY header")]
    TooMany,
}

/// What was refused and the log has not been told of, such as connections by their address: a flood of it is told in
/// lines a second apart for each key, so that none hides another.
pub(super) struct Refusals<K> {
    /// Keys of which a line was told within the last second, and how many came since.
    told: HashMap<K, (Instant, usize)>,
    /// How many came of others, beyond [`MAX_TOLD`] or before they were forgotten.
    untold: usize,
}

impl<K> Default for Refusals<K> {
    fn default() -> Self {
        Self { told: HashMap::new(), untold: 0 }
    }
}

impl<K: Eq + Hash> Refusals<K> {
    /// Notes one; how many others came since the last line about it, where it is time for one.
    pub(super) fn note(&mut self, key: K, now: Instant) -> Option<usize> {
        let is_fresh = |at: Instant| now.saturating_duration_since(at) < REFUSALS_EVERY;
        if let Some((at, untold)) = self.told.get_mut(&key) {
            if is_fresh(*at) {
                *untold += 1;
                return None;
            }
            *at = now;
            return Some(std::mem::take(untold));
        }
        if self.told.len() >= MAX_TOLD {
            self.told.retain(|_, (at, untold)| {
                let stays = is_fresh(*at);
                self.untold += if stays { 0 } else { *untold };
                stays
            });
        }
        if self.told.len() >= MAX_TOLD {
            self.untold += 1;
            return None;
        }
        self.told.insert(key, (now, 0));
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

/// Connections of proxies that have not said for whom they stand.
#[derive(Default)]
struct Unsaid {
    tasks: JoinSet<()>,
    /// How each that is still to say it is told that its time is over, the oldest first.
    waiting: VecDeque<oneshot::Sender<()>>,
}

impl Unsaid {
    /// One more, which is told here when it must make way. Where there are too many, the oldest does: those
    /// that say nothing would keep out those that do.
    fn begin(&mut self) -> oneshot::Receiver<()> {
        while self.tasks.try_join_next().is_some() {}
        self.waiting.retain(|waiting| !waiting.is_closed());
        if self.waiting.len() >= MAX_UNSAID
            && let Some(oldest) = self.waiting.pop_front()
        {
            // Where it has just said it, it is none of them.
            let _ = oldest.send(());
        }
        let (over, told) = oneshot::channel();
        self.waiting.push_back(over);
        told
    }
}

impl Acceptor {
    /// One that asks the Registry for places and gives connections to the Shards, some through helpers.
    pub(super) fn new(
        live: Live,
        shared: Shared,
        registry: Addr<Guarded<Registry>>,
        shards: Arc<[Addr<Guarded<Shard>>]>,
        helpers: Helpers,
    ) -> Self {
        let (next, refusals, proxy_refusals, places) = Default::default();
        Self { live, shared, registry, shards, helpers, next, refusals, proxy_refusals, places }
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
        // Goes with the loop, and so do those who wait.
        let mut unsaid = Unsaid::default();
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
                    let accepted = Accepted { stream, kind, at: clock::now() };
                    if self.live.get().proxy_from.contains(addr.ip()) {
                        self.hear(&mut unsaid, accepted, addr.ip());
                    } else {
                        self.admit(accepted, Origin::Direct(addr)).await;
                    }
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

    /// Has a proxy say for whom a connection stands, in a task of its own, so that one that takes its time
    /// holds up none.
    fn hear(&self, unsaid: &mut Unsaid, accepted: Accepted, via: IpAddr) {
        // Those who have said it wait for the Registry, and are not sent away.
        if unsaid.tasks.len() >= 2 * MAX_UNSAID {
            return self.count_unheard(via, &Unheard::TooMany);
        }
        let (acceptor, over) = (self.clone(), unsaid.begin());
        unsaid.tasks.spawn_local(async move {
            let origin = tokio::select! {
                origin = acceptor.origin_of(&accepted, via) => origin,
                _ = over => Err(Unheard::TooMany),
            };
            match origin {
                Ok(origin) => acceptor.admit(accepted, origin).await,
                Err(why) => acceptor.count_unheard(via, &why),
            }
        });
    }

    async fn origin_of(&self, accepted: &Accepted, via: IpAddr) -> Result<Origin, Unheard> {
        // The time for a name runs already.
        let time = HEADER_TIME.min(self.live.get().login_timeout);
        let header = timeout_at((accepted.at + time).into(), read_header(&accepted.stream)).await;
        Ok(told(header.map_err(|_| Unheard::Late)??, via))
    }

    /// Whether the lists let an address in; one that they do not is counted.
    pub(super) fn listed(&self, origin: Origin) -> Result<(), ()> {
        if let Some(addr) = origin.addr()
            && let Err(why) = look_up(&self.live.get(), addr.ip())
        {
            self.count_refused(origin, Refused::NotAllowed, &why);
            return Err(());
        }
        Ok(())
    }

    /// What a connection counts for in the limits of addresses.
    pub(super) fn ip_of(&self, origin: Origin) -> IpKey {
        origin.addr().map_or_else(|| self.places.draw(), |addr| addr.ip().into())
    }

    /// The Shard whose turn it is.
    pub(super) fn next_shard(&self) -> &Addr<Guarded<Shard>> {
        let index = self.next.get();
        self.next.set((index + 1) % self.shards.len());
        &self.shards[index]
    }

    /// For whom a proxy says that a connection stands; none where it does not, which is counted.
    pub(super) async fn told_origin(&self, stream: &TcpStream, via: IpAddr) -> Option<Origin> {
        match read_header(stream).await {
            Ok(sender) => Some(told(sender, via)),
            Err(why) => {
                self.count_unheard(via, &why.into());
                None
            }
        }
    }

    async fn admit(&self, accepted: Accepted, origin: Origin) {
        if self.listed(origin).is_err() {
            return;
        }
        if self.shared.health.draining().is_on() {
            self.count_refused(origin, Refused::Draining, &"draining");
            if !accepted.kind.shakes_hands() {
                refuse(&accepted.stream, &replies::restarting_line());
            }
            return;
        }
        let ip = self.ip_of(origin);
        match self.registry.send(Admit(ip)).await {
            Ok(Ok(conn)) => self.hand_on(accepted, conn, origin, ip),
            Ok(Err(refusal)) => {
                self.count_refused(origin, refusal.into(), &refusal);
                if !accepted.kind.shakes_hands()
                    && let Some(line) = replies::refusal(refusal)
                {
                    refuse(&accepted.stream, &line);
                }
            }
            // The Registry lives as long as the System.
            Err(_) => {}
        }
    }

    /// Counts a connection that is not let in, and tells the log, though not of each.
    pub(super) fn count_refused(&self, origin: Origin, reason: Refused, why: &dyn fmt::Display) {
        self.shared.metrics.refusals.of(reason).inc();
        // Those whose address is not known are one.
        let ip = origin.addr().map_or(IpKey::unknown(0), |addr| addr.ip().into());
        if let Some(others) = self.refusals.borrow_mut().note(ip, clock::now()) {
            info!(
                event = event::REFUSED;
                "refused {}: {why} ({others} others since the last such line)", origin.host()
            );
        }
    }

    /// The same of one whose proxy does not say, or not rightly, for whom it stands.
    fn count_unheard(&self, via: IpAddr, why: &Unheard) {
        self.shared.metrics.refusals.of(Refused::ProxyHeader).inc();
        if let Some(others) = self.proxy_refusals.borrow_mut().note(via.into(), clock::now()) {
            let via = via.to_canonical();
            warn!(
                event = event::PROXY_HEADER_REFUSED;
                "proxy {via} refused: {why} ({others} others since the last such line)"
            );
        }
    }

    fn hand_on(&self, accepted: Accepted, conn: ConnId, origin: Origin, ip: IpKey) {
        let Accepted { stream, kind, at: accepted } = accepted;
        let Ok(socket) = stream.into_std() else {
            return self.registry.do_send(Gone(conn));
        };
        let index = self.next.get();
        self.next.set((index + 1) % self.shards.len());
        let shard = &self.shards[index];
        let counted = self.shared.metrics.count_connection(kind);
        match kind {
            ListenerKind::Plain => {
                let (arrival, counted) = (Arrival::Plain(socket), Some(counted));
                shard.do_send(Connected { conn, arrival, origin, ip, accepted, counted });
            }
            ListenerKind::Tls => {
                let shard = shard.clone();
                let handshakers = &self.helpers.handshakers;
                let handshaker = &handshakers[index % handshakers.len()];
                handshaker.do_send(Shake { conn, socket, origin, ip, accepted, counted, shard });
            }
            #[cfg(feature = "ssh")]
            ListenerKind::Ssh => {
                let (shard, ssh) = (shard.clone(), &self.helpers.ssh);
                let ssh = &ssh[index % ssh.len()];
                ssh.do_send(Shake { conn, socket, origin, ip, accepted, counted, shard });
            }
            // Nobody listens for it.
            #[cfg(not(feature = "ssh"))]
            ListenerKind::Ssh => self.registry.do_send(Gone(conn)),
            // It has a thread of its own, which accepts by itself.
            ListenerKind::Web => self.registry.do_send(Gone(conn)),
        }
    }
}

/// Where a connection comes from, as a proxy tells.
fn told(sender: Sender, via: IpAddr) -> Origin {
    match sender {
        Sender::Client(addr) => Origin::Told { addr, via },
        Sender::Untold => Origin::Untold { via },
        Sender::Proxy => Origin::Proxy { via },
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
    fn a_flood_from_one_address_hides_no_other_and_fills_no_log() {
        let (mut refusals, now) = (Refusals::default(), clock::now());
        let ip = |n: u32| IpKey::from(IpAddr::from(n.to_be_bytes()));
        assert_eq!(refusals.note(ip(1), now), Some(0));
        (0..10).for_each(|_| assert_eq!(refusals.note(ip(1), now), None));
        assert_eq!(refusals.note(ip(2), now), Some(0), "another address is told of at once");
        let later = now + REFUSALS_EVERY;
        assert_eq!(refusals.note(ip(1), later), Some(10));
        assert_eq!(refusals.note(ip(1), later), None);
        let told = (100..1_000).filter(|n| refusals.note(ip(*n), later).is_some()).count();
        assert!(told < MAX_TOLD && refusals.told.len() <= MAX_TOLD, "{told}");
        let much_later = later + REFUSALS_EVERY;
        assert_eq!(refusals.note(ip(2_000), much_later), Some(900 - told + 1));
        assert_eq!(refusals.note(ip(2_001), much_later), Some(0));
    }

    #[test]
    fn a_place_is_drawn_once_and_not_again_after_a_restart() {
        let mut drawn: Vec<_> =
            (0..4).map(|_| Places::default()).flat_map(|p| [(); 100].map(|()| p.draw())).collect();
        drawn.sort_by_key(|place| place.to_bytes());
        drawn.dedup();
        assert_eq!(drawn.len(), 400);
        assert!(drawn.iter().all(|place| !place.is_known()));
    }
}
