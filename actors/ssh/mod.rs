//! The Ssh actor: SSH connections, on threads of their own, from the first byte to the last.
//!
//! What is read and written over SSH is encrypted by a task of the library's for each connection, which
//! cannot change threads. So the threads that chat have no part in that: each channel in which somebody
//! chats has a Session there, and a [`pipe`](crate::net::ssh::pipe) between. A panic in the library ends one
//! connection.

mod channel;
mod handler;
mod login;

use std::borrow::Cow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use actix::prelude::*;
use log::{debug, info, warn};
use russh::keys::{Algorithm, EcdsaCurve};
use russh::server::run_stream;
use russh::{MethodKind, MethodSet, Preferred, SshId, cipher, compression, kex, mac, server};
use tokio::time::{sleep_until, timeout, timeout_at};

use self::handler::Handler as OfConnection;
use crate::actors::guard::Guarded;
use crate::actors::handshaker::Shake;
use crate::actors::hasher::HasherPool;
use crate::actors::registry::Registry;
use crate::actors::registry::messages::Gone;
use crate::actors::shard::{Shard, log_connected, log_disconnected};
use crate::actors::store::StoreHandle;
use crate::chat::directory::{ConnId, IpKey};
use crate::clock;
use crate::config::Live;
use crate::logging::event;
use crate::metrics::CountedConnection;
use crate::net::listen::ListenerKind;
use crate::net::origin::Arrived;
use crate::net::ssh::flow::{Flow, PACKET_BYTES, WINDOW_BYTES};
use crate::net::ssh::host_key::HostKey;
use crate::net::ssh::socket::SshSocket;

/// How much less of a processor these threads get than the chat when both want it: a third. They have more to do
/// than handshakes, which get the least there is, since what is said goes through them.
const NICENESS: i32 = 5;

/// Tries to log in over one connection, as OpenSSH has it (`MaxAuthTries`). The keys that a client only offers are
/// counted for themselves.
const LOGIN_TRIES: usize = 6;

/// Keys that a client may offer in vain before it is only asked for a password: an agent has some ten, each of which
/// OpenSSH's server would take for a try.
const MAX_KEYS: usize = 20;

/// Messages of a channel that the library holds on their way to the socket. With more, a client that does not read
/// is found later; with fewer, the tasks wake each other for each.
const LIBRARY_MESSAGES: usize = 4;

/// For the client to close the connection after it was told to, or after it was refused for good.
const LINGER_TIME: Duration = Duration::from_secs(1);

/// What connections work with.
#[derive(Clone)]
pub struct Context {
    /// Names, lobbies, limits.
    pub registry: Addr<Guarded<Registry>>,
    /// Accounts and their keys.
    pub store: StoreHandle,
    /// Password work.
    pub hasher: HasherPool,
    /// The settings in force.
    pub config: Live,
}

/// What the library is told: no more than is needed, and nothing that is costly or old.
pub fn protocol(key: HostKey) -> Arc<server::Config> {
    let preferred = Preferred {
        kex: Cow::Borrowed(&[
            kex::MLKEM768X25519_SHA256,
            kex::CURVE25519,
            kex::CURVE25519_PRE_RFC_8731,
            kex::ECDH_SHA2_NISTP256,
            kex::EXTENSION_SUPPORT_AS_SERVER,
            kex::EXTENSION_OPENSSH_STRICT_KEX_AS_SERVER,
        ]),
        key: Cow::Borrowed(&[
            Algorithm::Ed25519,
            Algorithm::Ecdsa { curve: EcdsaCurve::NistP256 },
            Algorithm::Ecdsa { curve: EcdsaCurve::NistP384 },
            Algorithm::Ecdsa { curve: EcdsaCurve::NistP521 },
            Algorithm::SkEd25519,
            Algorithm::SkEcdsaSha2NistP256,
        ]),
        host_key_certificates: Cow::Borrowed(&[]),
        cipher: Cow::Borrowed(&[
            cipher::CHACHA20_POLY1305,
            cipher::AES_256_GCM,
            cipher::AES_256_CTR,
            cipher::AES_128_CTR,
        ]),
        mac: Cow::Borrowed(&[
            mac::HMAC_SHA256_ETM,
            mac::HMAC_SHA512_ETM,
            mac::HMAC_SHA256,
            mac::HMAC_SHA512,
        ]),
        compression: Cow::Borrowed(&[compression::NONE]),
    };
    let version = concat!("SSH-2.0-lobbyd_", env!("CARGO_PKG_VERSION"));
    Arc::new(server::Config {
        server_id: SshId::Standard(Cow::Borrowed(version)),
        methods: MethodSet::from(&[MethodKind::PublicKey, MethodKind::KeyboardInteractive][..]),
        // Wrong passwords are limited as everywhere else, and whether a key is an account's is no secret.
        auth_rejection_time: Duration::ZERO,
        auth_rejection_time_initial: Some(Duration::ZERO),
        keys: vec![key.into_key()],
        window_size: WINDOW_BYTES,
        maximum_packet_size: PACKET_BYTES,
        event_buffer_size: LIBRARY_MESSAGES,
        // Nothing is taken from the channels that these are of.
        channel_buffer_size: 1,
        preferred,
        // Which of them is what is told apart by us.
        max_auth_attempts: LOGIN_TRIES + MAX_KEYS,
        // How long anything may take is for us to say.
        inactivity_timeout: None,
        nodelay: true,
        ..server::Config::default()
    })
}

/// The actor.
pub struct Ssh {
    context: Context,
    protocol: Arc<server::Config>,
}

impl Ssh {
    /// One on the thread that it runs on.
    pub fn new(context: Context, protocol: Arc<server::Config>) -> Self {
        Self { context, protocol }
    }
}

impl Actor for Ssh {
    type Context = actix::Context<Self>;

    fn started(&mut self, _: &mut Self::Context) {
        // Niceness is a thread's own on Linux. It is a courtesy to the chat, no need.
        if let Err(error) = rustix::process::nice(NICENESS) {
            warn!(event = event::PRIORITY; "ssh: cannot lower the priority: {error}");
        }
    }
}

impl Handler<Shake> for Ssh {
    type Result = ();

    fn handle(&mut self, shake: Shake, _: &mut Self::Context) {
        // A task of its own: a panic costs this connection alone.
        actix_rt::spawn(see_through(shake, self.context.clone(), self.protocol.clone()));
    }
}

/// The number of a connection, with the place that it has: given back when nobody has it any more.
struct Number {
    conn: ConnId,
    registry: Addr<Guarded<Registry>>,
}

impl Drop for Number {
    fn drop(&mut self) {
        self.registry.do_send(Gone(self.conn));
    }
}

/// A connection, for all that have to do with it.
struct Connection {
    number: Number,
    _counted: CountedConnection,
    arrived: Arrived,
    ip: IpKey,
    /// Whether the log was told of it.
    told: Arc<AtomicBool>,
    context: Context,
    shard: Addr<Guarded<Shard>>,
    flow: Arc<Flow>,
    socket: Weak<tokio::net::TcpStream>,
    sessions: Mutex<Sessions>,
}

/// The Sessions of a connection.
struct Sessions {
    /// How many there are.
    count: usize,
    /// Whether one of them has the number of the connection.
    lent: bool,
    /// Whether one of them is of somebody who chats.
    chats: bool,
    /// Whether there was one before.
    begun: bool,
    /// Until when there has to be one.
    deadline: Instant,
}

impl Drop for Connection {
    fn drop(&mut self) {
        log_disconnected(self.number.conn, self.arrived, self.told.load(Ordering::Relaxed));
    }
}

impl Connection {
    /// A panic while it was held leaves at worst a count that ends the connection later.
    fn sessions(&self) -> MutexGuard<'_, Sessions> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Until when there has to be a Session; none while there is one.
    fn deadline(&self) -> Option<Instant> {
        let sessions = self.sessions();
        (sessions.count == 0).then_some(sessions.deadline)
    }

    /// Ends it, whatever the client does.
    fn cut(&self) {
        self.flow.cut();
        if let Some(socket) = self.socket.upgrade() {
            // One that is over already does not take it.
            let _ = socket2::SockRef::from(&*socket).shutdown(std::net::Shutdown::Both);
        }
    }
}

async fn see_through(shake: Shake, context: Context, protocol: Arc<server::Config>) {
    let Shake { conn, socket, origin, ip, accepted, counted, shard } = shake;
    let number = Number { conn, registry: context.registry.clone() };
    let told = Arc::new(AtomicBool::new(!origin.may_be_a_look()));
    if told.load(Ordering::Relaxed) {
        log_connected(conn, origin, ListenerKind::Ssh);
    }
    let deadline = accepted + context.config.get().login_timeout;
    let socket = match tokio::net::TcpStream::from_std(socket) {
        Ok(socket) => Arc::new(socket),
        Err(error) => {
            debug!(event = event::HANDSHAKE_FAILED, conn = conn.number(); "SSH: {error}");
            return log_disconnected(conn, Arrived { from: origin, at: accepted }, true);
        }
    };
    let flow = Arc::new(Flow::default());
    let sessions = Sessions { count: 0, lent: false, chats: false, begun: false, deadline };
    let connection = Arc::new(Connection {
        number,
        _counted: counted,
        arrived: Arrived { from: origin, at: accepted },
        ip,
        told: told.clone(),
        context,
        shard,
        flow: flow.clone(),
        socket: Arc::downgrade(&socket),
        sessions: Mutex::new(sessions),
    });
    let heard = Box::new(move || {
        if !told.swap(true, Ordering::Relaxed) {
            log_connected(conn, origin, ListenerKind::Ssh);
        }
    });
    let stream = SshSocket::new(socket, flow, heard);
    let handler = OfConnection::new(connection.clone());
    let logged_in = || connection.flow.is_logged_in();
    let failed = |why: &dyn std::fmt::Display| match logged_in() {
        true => debug!(event = event::READ_FAILED, conn = conn.number(); "SSH: {why}"),
        false => debug!(event = event::HANDSHAKE_FAILED, conn = conn.number(); "SSH: {why}"),
    };
    let running = match timeout_at(deadline.into(), run_stream(protocol, stream, handler)).await {
        Ok(Ok(running)) => running,
        Ok(Err(handler::Error::Library(russh::Error::Version))) => {
            return info!(
                event = event::OTHER_PROTOCOL, conn = conn.number();
                "does not speak SSH on the SSH port"
            );
        }
        Ok(Err(error)) => return failed(&error),
        Err(_) => return failed(&"not in time"),
    };
    let mut running = std::pin::pin!(running);
    loop {
        let linger = connection.flow.has_ended().then(|| clock::now() + LINGER_TIME);
        let over = linger.or_else(|| connection.deadline());
        let is_over = async {
            match over {
                Some(over) => sleep_until(over.into()).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            ended = &mut running => {
                if let Err(error) = ended {
                    failed(&error);
                }
                return;
            }
            () = is_over => {
                if linger.is_none() {
                    if connection.deadline().is_none_or(|deadline| deadline > clock::now()) {
                        continue;
                    }
                    info!(event = event::CLOSED, conn = conn.number(); "is closed: no session in time");
                }
                connection.cut();
                break;
            }
            () = connection.flow.changed() => if connection.flow.is_cut() { break },
        }
    }
    // It ends by itself, now that its socket does.
    let _ = timeout(LINGER_TIME, running).await;
}
