//! The listener of the page: HTTP for everybody, on a thread of its own, and the way of WebSockets to the
//! Shards. A request costs the chat nothing; a WebSocket is a connection like any other, and is let in as
//! such when it is asked for.

use std::net::{IpAddr, SocketAddr, TcpListener as StdListener};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use actix::prelude::*;
use bytes::Bytes;
use log::{debug, error};
use rustix::process::nice;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::spawn_local;
use tokio::time::{sleep, timeout};

use crate::actors::guard::Guarded;
use crate::actors::handshaker::shake_hands;
use crate::actors::log::Log;
use crate::actors::registry::Registry;
use crate::actors::registry::messages::{Admit, Gone};
use crate::actors::shard::messages::Connected;
use crate::actors::shard::{Shard, log_connected};
use crate::chat::directory::Refusal;
use crate::clock;
use crate::config::Live;
use crate::logging::event;
use crate::metrics::Refused as Why;
use crate::net::link::{Arrival, Link};
use crate::net::listen::ListenerKind;
use crate::net::origin::Origin;
use crate::net::proxy::begins_header;
use crate::net::tls::LiveTls;
use crate::render::replies;
use crate::server::Shared;
use crate::server::accept::{Acceptor, HEADER_TIME, Helpers};
use crate::server::hooks::Hooks;
use crate::web::chat::socket::{self, Refused};
use crate::web::chat::{self, Chat, LIMITS};
use crate::web::{Upgrade, Visitor, end_with, serve_and_upgrade, write_all};

/// The thread's share of a busy machine: whoever chats goes first.
const NICENESS: i32 = 5;

/// For a handshake of TLS.
const HANDSHAKE_TIME: Duration = Duration::from_secs(10);

/// Connections of addresses that may not connect that are told so at a time. Those over it are closed without a word,
/// so that they take no more than these few places from others.
const MAX_DENIED: usize = 16;

/// Within which such a connection has to ask something.
const DENIED_TIME: Duration = Duration::from_secs(2);

/// Between two looks at the first bytes of a proxy's connection that may be either of two things.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// What the thread works with.
pub(super) struct Parts {
    pub(super) listener: StdListener,
    pub(super) live: Live,
    pub(super) shared: Shared,
    pub(super) registry: Addr<Guarded<Registry>>,
    pub(super) shards: Arc<[Addr<Guarded<Shard>>]>,
    /// Where the page is read over TLS.
    pub(super) tls: Option<LiveTls>,
    /// Where things happen.
    pub(super) log: Log,
}

/// Starts the thread, which goes on until the process ends.
pub(super) fn start(parts: Parts) {
    Arbiter::new().spawn_fn(move || {
        // Best effort: without it the page is merely as important as the chat.
        let _ = nice(NICENESS);
        let Parts { listener, live, shared, registry, shards, tls, log } = parts;
        let health = shared.health.clone();
        let hooks = Hooks { registry: registry.clone(), health, log, refusals: Default::default() };
        let listener = match TcpListener::from_std(listener) {
            Ok(listener) => listener,
            Err(reason) => {
                return error!(
                    event = event::HTTP_FAILED;
                    "the listener of the page cannot be used: {reason}"
                );
            }
        };
        let helpers = Helpers::none();
        let acceptor = Acceptor::new(live, shared, registry, shards, helpers);
        let door = Rc::new(Door { acceptor, tls, denied: Semaphore::new(MAX_DENIED) });
        let hooks = Rc::new(hooks);
        let answer_hook: chat::Hooks = Box::new(move |request| {
            let hooks = hooks.clone();
            Box::pin(async move { hooks.answer(request).await })
        });
        let chat = Rc::new(Chat { hooks: Some(answer_hook) });
        let let_in = {
            let door = door.clone();
            move |stream, addr| door.clone().let_in(stream, addr)
        };
        let answer = {
            let door = door.clone();
            move |request: actix_http::Request| {
                let (door, chat) = (door.clone(), chat.clone());
                async move {
                    match door.origin_of(&request) {
                        Ok(_) => chat.answer(request).await,
                        Err(why) => why.as_answer(),
                    }
                }
            }
        };
        let upgrade = move |upgrade| door.clone().upgrade(upgrade);
        actix_rt::spawn(serve_and_upgrade(listener, LIMITS, let_in, answer, upgrade));
    });
}

/// Lets connections in, first for requests, then for the chat.
struct Door {
    acceptor: Acceptor,
    tls: Option<LiveTls>,
    /// Places for those who are told that they may not connect.
    denied: Semaphore,
}

impl Door {
    /// Lets a connection in for requests: that costs no place.
    async fn let_in(self: Rc<Self>, stream: TcpStream, addr: SocketAddr) -> Option<(Link, Origin)> {
        let config = self.acceptor.live.get();
        let origin = match config.proxy_from.contains(addr.ip()) {
            true => timeout(HEADER_TIME, self.hear(&stream, addr.ip())).await.ok()??,
            false => Origin::Direct(addr),
        };
        if self.acceptor.listed(origin).is_err() {
            self.deny(stream).await;
            return None;
        }
        let Some(tls) = &self.tls else { return Some((Link::Plain(stream), origin)) };
        let shaken =
            timeout(HANDSHAKE_TIME, shake_hands(stream.into_std().ok()?, tls, || ())).await;
        match shaken {
            Ok(Ok(arrival)) => Some((Link::of(arrival).ok()?, origin)),
            Ok(Err(why)) => {
                debug!(event = event::HANDSHAKE_FAILED; "TLS handshake of the page: {why}");
                None
            }
            Err(_) => None,
        }
    }

    /// Tells whoever asks something from an address that may not connect just that, and reads nothing of it.
    async fn deny(&self, stream: TcpStream) {
        // A handshake is work, of which such an address gets none.
        if self.tls.is_some() {
            return;
        }
        let Ok(_place) = self.denied.try_acquire() else { return };
        if let Ok(Ok(1..)) = timeout(DENIED_TIME, stream.peek(&mut [0])).await {
            let answer = Refused::NotAllowed.answer();
            end_with(&mut Link::Plain(stream), &answer, LIMITS.linger_time).await;
        }
    }

    /// For whom a proxy stands: it says so before everything else, or with each request.
    async fn hear(&self, stream: &TcpStream, via: IpAddr) -> Option<Origin> {
        let mut first = [0; 16];
        loop {
            let count = stream.peek(&mut first).await.ok().filter(|count| *count > 0)?;
            match begins_header(&first[..count]) {
                Some(true) => return self.acceptor.told_origin(stream, via).await,
                Some(false) => return Some(Origin::Untold { via }),
                None => sleep(LOOK_AGAIN).await,
            }
        }
    }

    /// Where a request comes from, which may send some.
    fn origin_of(&self, request: &actix_http::Request) -> Result<Origin, Refused> {
        let visitor = Visitor::of(request).ok_or(Refused::Handshake)?;
        let config = self.acceptor.live.get();
        let origin =
            socket::origin_of(&request.head().headers, visitor.origin, &config.proxy_from)?;
        self.acceptor.listed(origin).map_err(|()| Refused::NotAllowed)?;
        Ok(origin)
    }

    /// Hands a connection on to the chat, where the page may.
    async fn upgrade(self: Rc<Self>, Upgrade { request, link, read }: Upgrade) {
        let (why, mut link) = match self.check(&request) {
            Ok(asked) => {
                // The task of an HTTP connection can end at any instant. One of its own goes on until whoever has a
                // place is handed over, or has given it back.
                let entering = spawn_local(self.clone().enter(asked, link, read));
                match entering.await {
                    Ok(Err(refused)) => refused,
                    Ok(Ok(())) | Err(_) => return,
                }
            }
            Err(why) => (why, link),
        };
        end_with(&mut link, &why.answer(), LIMITS.linger_time).await;
    }

    /// Whether a WebSocket may be had, as far as the request says.
    fn check(&self, request: &actix_http::Request) -> Result<Asked, Refused> {
        let answer = socket::accept(request.head())?;
        let origin = self.origin_of(request)?;
        let config = self.acceptor.live.get();
        let https = socket::is_https(&request.head().headers, self.tls.is_some(), &origin);
        socket::check_origin(&request.head().headers, https, &config.web.origins)?;
        if self.acceptor.shared.health.draining().is_on() {
            self.acceptor.count_refused(origin, Why::Draining, &"draining");
            return Err(Refused::NoPlace(replies::RESTARTING));
        }
        Ok(Asked { answer, origin })
    }

    /// Finds a place, and hands the connection over; gives it back with what is to be told where there is none.
    async fn enter(
        self: Rc<Self>,
        Asked { answer, origin }: Asked,
        mut link: Link,
        read: Bytes,
    ) -> Result<(), (Refused, Link)> {
        let ip = self.acceptor.ip_of(origin);
        let conn = match self.acceptor.registry.send(Admit(ip)).await {
            Ok(Ok(conn)) => conn,
            Ok(Err(refusal)) => {
                self.acceptor.count_refused(origin, refusal.into(), &refusal);
                return match refusal {
                    // Closed without a word.
                    Refusal::TooOften => Ok(()),
                    Refusal::TooManyFromAddress => {
                        Err((Refused::NoPlace(replies::TOO_MANY_FROM_ADDRESS), link))
                    }
                    Refusal::Full => Err((Refused::NoPlace(replies::FULL), link)),
                };
            }
            // The Registry lives as long as the System.
            Err(_) => return Ok(()),
        };
        // The time for a name runs from here on: the connection may have been used for long.
        let accepted = clock::now();
        let counted = self.acceptor.shared.metrics.count_connection(ListenerKind::Web);
        let answered = timeout(LIMITS.quiet_time, write_all(&mut link, answer.as_bytes())).await;
        let arrival = if answered == Ok(true) { link.depart().ok() } else { None };
        let Some(under) = arrival else {
            self.acceptor.registry.do_send(Gone(conn));
            return Ok(());
        };
        log_connected(conn, origin, ListenerKind::Web);
        let arrival = Arrival::WebSocket(Box::new(under), read);
        let counted = Some(counted);
        let shard = self.acceptor.next_shard();
        shard.do_send(Connected { conn, arrival, origin, ip, accepted, counted });
        Ok(())
    }
}

/// A WebSocket that may be had where there is a place: the answer to its client, and where that is.
struct Asked {
    answer: String,
    origin: Origin,
}
