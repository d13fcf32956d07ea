//! The Handshaker actor: TLS handshakes, on threads of their own.
//!
//! A handshake takes half a millisecond of a processor, as long as a line to hundreds of people, and
//! whoever connects decides when. So the threads that chat have no part in it: they are handed the
//! connection when its handshake is over. On a thread here one handshake is computed at a time, and
//! one that waits for its client holds up none; the others wait unread in their sockets.

use std::io;
use std::net::TcpStream;
use std::pin::Pin;
use std::time::{Duration, Instant};

use actix::prelude::*;
use log::{debug, info, warn};
use openssl::ssl;
use tokio::time::timeout_at;

use crate::actors::guard::Guarded;
use crate::actors::registry::Registry;
use crate::actors::registry::messages::Gone;
use crate::actors::shard::messages::Connected;
use crate::actors::shard::{Shard, log_connected, log_disconnected};
use crate::chat::directory::{ConnId, IpKey};
use crate::config::Live;
use crate::logging::event;
use crate::metrics::CountedConnection;
use crate::net::client_cert::Unwelcome;
use crate::net::link::Arrival;
use crate::net::listen::ListenerKind;
use crate::net::origin::{Arrived, Origin};
use crate::net::tls::LiveTls;

/// How much less of a processor these threads get than the chat when both want it: the least there is, so
/// that a line of chat that comes up has it at once.
const NICENESS: i32 = 19;

/// A connection that has a place, and its handshake before it: of TLS here, of SSH at the actor of that.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Shake {
    /// Its number.
    pub conn: ConnId,
    /// The socket, in no reactor yet.
    pub socket: TcpStream,
    /// Where it comes from.
    pub origin: Origin,
    /// What it counts for in the limits of addresses.
    pub ip: IpKey,
    /// When it was accepted.
    pub accepted: Instant,
    /// Among the connections that there are.
    pub counted: CountedConnection,
    /// Where it goes afterwards.
    pub shard: Addr<Guarded<Shard>>,
}

/// The actor.
pub struct Handshaker {
    registry: Addr<Guarded<Registry>>,
    /// Makes TLS of connections.
    tls: LiveTls,
    /// The settings in force.
    config: Live,
}

impl Handshaker {
    /// One on the thread that it runs on.
    pub fn new(registry: Addr<Guarded<Registry>>, tls: LiveTls, config: Live) -> Self {
        Self { registry, tls, config }
    }
}

impl Actor for Handshaker {
    type Context = Context<Self>;

    fn started(&mut self, _: &mut Self::Context) {
        // Niceness is a thread's own on Linux. It is a courtesy to the chat, no need.
        if let Err(error) = rustix::process::nice(NICENESS) {
            warn!(event = event::PRIORITY; "handshaker: cannot lower the priority: {error}");
        }
    }
}

impl Handler<Shake> for Handshaker {
    type Result = ();

    fn handle(&mut self, shake: Shake, _: &mut Self::Context) {
        let Shake { conn, origin, accepted, .. } = shake;
        let told = !origin.may_be_a_look();
        if told {
            log_connected(conn, origin, ListenerKind::Tls);
        }
        let arrived = Arrived { from: origin, at: accepted };
        let place = Place { conn, arrived, told, registry: Some(self.registry.clone()) };
        // A task of its own: a panic costs this connection alone.
        // From accept to a valid name, the handshake included.
        let login_timeout = self.config.get().login_timeout;
        actix_rt::spawn(see_through(shake, place, self.tls.clone(), login_timeout));
    }
}

/// The place of a connection: given back where its handshake does not come to a good end.
struct Place {
    conn: ConnId,
    arrived: Arrived,
    /// Whether the log was told of it.
    told: bool,
    registry: Option<Addr<Guarded<Registry>>>,
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(registry) = self.registry.take() {
            registry.do_send(Gone(self.conn));
            log_disconnected(self.conn, self.arrived, self.told);
        }
    }
}

/// Why there is no TLS.
#[derive(Debug, thiserror::Error)]
pub enum ShakeError {
    /// The socket.
    #[error(transparent)]
    Socket(#[from] io::Error),
    /// OpenSSL itself.
    #[error(transparent)]
    OpenSsl(#[from] openssl::error::ErrorStack),
    /// What the client sent.
    #[error(transparent)]
    Tls(#[from] ssl::Error),
}

impl ShakeError {
    /// What is wrong with what the client shows, where it is that.
    fn unwelcome(&self) -> Option<&Unwelcome> {
        let Self::Tls(error) = self else { return None };
        error.io_error()?.get_ref()?.downcast_ref()
    }
}

async fn see_through(shake: Shake, mut place: Place, tls: LiveTls, login_timeout: Duration) {
    let Shake { conn, socket, origin, ip, accepted, counted, shard } = shake;
    let deadline = tokio::time::Instant::from_std(accepted + login_timeout);
    let says_something = || {
        if !std::mem::replace(&mut place.told, true) {
            log_connected(conn, origin, ListenerKind::Tls);
        }
    };
    match timeout_at(deadline, shake_hands(socket, &tls, says_something)).await {
        Ok(Ok(arrival)) => {
            place.registry = None;
            let counted = Some(counted);
            shard.do_send(Connected { conn, arrival, origin, ip, accepted, counted });
        }
        Ok(Err(error)) => match error.unwelcome() {
            Some(Unwelcome::NotTls) => info!(
                event = event::OTHER_PROTOCOL, conn = conn.number();
                "does not speak TLS on the TLS port"
            ),
            Some(why) => info!(event = event::LIMIT, conn = conn.number(); "limit: {why}"),
            None => {
                debug!(event = event::HANDSHAKE_FAILED, conn = conn.number(); "TLS handshake: {error}")
            }
        },
        Err(_) => {
            debug!(event = event::HANDSHAKE_FAILED, conn = conn.number(); "TLS handshake: not in time")
        }
    }
}

/// Shakes hands over TLS on this thread. Nothing is computed for whoever says nothing; `says_something` is called
/// when it does.
///
/// # Errors
/// There is no TLS.
pub async fn shake_hands(
    socket: TcpStream,
    tls: &LiveTls,
    says_something: impl FnOnce(),
) -> Result<Arrival, ShakeError> {
    let socket = tokio::net::TcpStream::from_std(socket)?;
    // Whoever says nothing costs no more than a socket.
    if socket.peek(&mut [0]).await? == 0 {
        return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
    }
    says_something();
    // With the certificate of this moment, not of that in which the connection came.
    let mut stream = Box::new(tls.acceptor().accept(socket)?);
    if let Err(error) = Pin::new(stream.as_mut()).accept().await {
        stream.get_mut().drain();
        return Err(error.into());
    }
    let socket = stream.get_mut().depart()?;
    Ok(Arrival::Tls(socket, stream))
}
