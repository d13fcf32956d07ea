//! The server as a whole: opens the listeners, starts the threads and their actors, accepts, drains.

mod accept;
mod admin;
pub mod cluster;
mod console;
mod hooks;
#[cfg(debug_assertions)]
mod level;
#[cfg(debug_assertions)]
mod looped;
mod nodes;
mod prober;
pub mod reload;
mod service;
mod web;

use std::cell::Cell;
use std::future::pending;
use std::io;
use std::net::{SocketAddr, TcpListener as StdListener};
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::Arc;
use std::thread::available_parallelism;
use std::time::Duration;

use actix::prelude::*;
use log::{Level, error, info, warn};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use crate::actors::ai::budgets::Budgets;
use crate::actors::ai::messages::EndAnswers;
use crate::actors::ai::pool::AiPool;
use crate::actors::ai::worker::AiWorker;
use crate::actors::guard::Guarded;
use crate::actors::handshaker::Handshaker;
use crate::actors::hasher::HasherPool;
use crate::actors::lobby::{Lobby, LobbySetup};
use crate::actors::log::Log;
use crate::actors::registry::ranks::Admins;
use crate::actors::registry::rates::RateTable;
use crate::actors::registry::{Open, Registry};
use crate::actors::shard::messages::Drain;
use crate::actors::shard::{Shard, ShardSetup};
#[cfg(feature = "ssh")]
use crate::actors::ssh;
use crate::actors::store::StoreHandle;
use crate::chat::history::ALWAYS_KEPT;
use crate::clock;
use crate::cluster::mark::Mark;
use crate::config::{Config, Live, SharedReload};
use crate::console::{Socket, SocketError};
use crate::files;
use crate::health::Health;
use crate::logging::{complain, event};
use crate::metrics::Metrics;
use crate::net::handed::Handed;
use crate::net::listen::{ListenError, ListenerKind, listen};
#[cfg(feature = "ssh")]
use crate::net::ssh::host_key::{HostKey, HostKeyError};
use crate::net::tls::{self, LiveTls, LoadedTls, TlsError};
use crate::net::validity::Validity;
use crate::render::replies::{Farewell, PagePort};
use crate::server::accept::{Acceptor, Helpers};
use crate::server::cluster::Joined;
use crate::server::console::{Console, Reach};
use crate::server::nodes::SeenNodes;
use crate::server::prober::Prober;
use crate::server::reload::{Parts, Reloader};
use crate::server::service::Service;
use crate::store::{DATABASE_FILE, Db, Note, OpenError, Snapshot, StoreError};

/// For everybody to be told that the server stops, at most.
pub const DRAIN_TIME: Duration = Duration::from_secs(5);

/// For a node that is stopped before it has caught up to say so to the others. Those that do not hear it find out by
/// themselves.
const END_UNBEGUN: Duration = Duration::from_secs(1);

/// How long the answers of Rox may take to end when the server stops. A worker and a lobby have to say a word each, in
/// a cluster all nodes: milliseconds, unless something does not answer, for which nobody is to wait.
const END_ANSWERS: Duration = Duration::from_secs(2);

/// Most threads that hash passwords, and most that do TLS handshakes.
const MAX_HELPERS: usize = 4;

/// Why the server does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// An address.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// The certificate or its key.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The host key of SSH.
    #[cfg(feature = "ssh")]
    #[error(transparent)]
    HostKey(#[from] HostKeyError),
    /// The cluster.
    #[error("this node stops: {0}")]
    Cluster(String),
    /// The database has content, and none of it from a log.
    #[error(
        "{0}: this is the database of a single server. Make it the first node of a cluster with: lobbyd cluster \
         refound. To join a cluster that is there, put a copy of another node's in its place with: lobbyd restore"
    )]
    OfNoLog(String),
    /// How far it has followed a log cannot be read.
    #[error(
        "{0}: its place in the cluster's log cannot be read. Put a copy of another node's in its place with: lobbyd restore"
    )]
    Mark(String),
    /// There would be no listener.
    #[error("CHAT_ADDR is off and so is TLS: nobody could connect. {0}")]
    NoListener(&'static str),
    /// The database.
    #[error(transparent)]
    Data(#[from] OpenError),
    /// What is in it.
    #[error("{file}: cannot be read: {reason}. Verify it with: lobbyd check-data")]
    Load {
        /// The file.
        file: String,
        /// What the store says of it.
        reason: StoreError,
    },
    /// Something has the name of the console's socket.
    #[error(transparent)]
    Console(#[from] SocketError),
    /// The listener cannot be used.
    #[error("a listener cannot be used: {0}")]
    Io(#[from] io::Error),
}

/// What was opened: the listeners, and the certificate in use.
pub struct Opened {
    listeners: Vec<(ListenerKind, StdListener)>,
    /// Whether a service manager opened them.
    handed_over: bool,
    /// The operator's; none where that is off.
    admin: Option<StdListener>,
    /// None where nobody listens for TLS.
    tls: Option<LoadedTls>,
    /// None where nobody listens for SSH.
    #[cfg(feature = "ssh")]
    host_key: Option<HostKey>,
    db: Db,
    snapshot: Snapshot,
    /// How far it has followed the log of its cluster; none where it has followed none.
    pub mark: Option<Mark>,
    /// The data directory and the console's socket in it; none without one.
    console: Option<(PathBuf, Socket)>,
    /// Why there can be no console in the data directory, where that is so.
    pub console_fault: Option<SocketError>,
    /// What was done to the database to open it.
    pub data_notes: Vec<Note>,
    /// Whether TLS is off because there is no certificate at the default paths.
    pub tls_has_no_certificate: bool,
    /// Whether TLS is off because sockets were handed over and none of them is for it.
    pub tls_has_no_socket: bool,
    /// Whether anybody can moderate general: an account of an admin's name that the operator has made.
    pub has_admin: bool,
}

/// What all parts of a running server share.
#[derive(Clone)]
struct Shared {
    /// What is counted.
    metrics: Arc<Metrics>,
    /// How the server is.
    health: Health,
}

/// Loads the certificate: none where TLS is off, or where neither of the default files is there.
///
/// # Errors
/// [`TlsError`], also where only one of the files is there or a path was set.
pub fn load_tls(config: &Config) -> Result<Option<LoadedTls>, TlsError> {
    if !wants_tls(config) {
        return Ok(None);
    }
    tls::load(&config.tls.cert, &config.tls.key).map(Some)
}

fn wants_tls(Config { tls, web, .. }: &Config) -> bool {
    let of_page = web.addr.is_some() && web.tls;
    of_page || tls.addr.is_some() && (tls.paths_were_set || tls.cert.exists() || tls.key.exists())
}

/// Whether anybody could connect.
///
/// # Errors
/// [`StartError::NoListener`] with the remedy.
pub fn check_listeners(config: &Config, tls: Option<&LoadedTls>) -> Result<(), StartError> {
    let others = config.ssh.addr.is_some() || config.web.addr.is_some();
    if config.addr.is_some() || tls.is_some() || others {
        return Ok(());
    }
    Err(StartError::NoListener(if config.tls.addr.is_some() {
        "Make a certificate with: lobbyd gen-cert"
    } else {
        "Set CHAT_ADDR, CHAT_TLS_ADDR or CHAT_SSH_ADDR to an address"
    }))
}

impl Opened {
    /// Loads the certificate and opens the listeners, or takes those that were `handed` over: all of them
    /// then, whatever the addresses say.
    ///
    /// # Errors
    /// The first thing that is not as it should be.
    pub fn open(config: &Config, handed: Handed) -> Result<Self, StartError> {
        let handed_over = !handed.is_empty();
        let (listeners, tls) =
            if handed_over { adopt(config, handed)? } else { open_addresses(config)? };
        let tls_is_missing = config.tls.addr.is_some() && tls.is_none();
        let tls_has_no_socket = tls_is_missing && handed_over && wants_tls(config);
        let tls_has_no_certificate = tls_is_missing && !handed_over;
        let admin = config.admin_addr.map(|addr| listen(addr, "CHAT_ADMIN_ADDR")).transpose()?;
        let (mut db, data_notes) = match &config.data_dir {
            Some(dir) => Db::open(dir)?,
            None => (Db::in_memory()?, Vec::new()),
        };
        #[cfg(feature = "ssh")]
        let host_key = open_host_key(config)?;
        let (console, console_fault) = match config.data_dir.as_deref().map(open_console) {
            None => (None, None),
            Some(Ok(socket)) => (Some(socket), None),
            Some(Err(why @ SocketError::InTheWay { .. })) => return Err(why.into()),
            // A folder that can have none is no reason not to start.
            Some(Err(why @ SocketError::Unusable { .. })) => (None, Some(why)),
        };
        let file = || config.data_dir.as_deref().map_or_else(String::new, data_file);
        let failed = |reason| StartError::Load { file: file(), reason };
        let mut snapshot = db.load(config.history_messages.max(ALWAYS_KEPT)).map_err(failed)?;
        let mark = match (snapshot.node.as_ref(), &config.cluster.engine) {
            (None, _) => None,
            (Some(node), Some(_)) => {
                Some(Mark::from_bytes(&node.mark).ok_or_else(|| StartError::Mark(file()))?)
            }
            // What changes from here on is in no log.
            (Some(_), None) => {
                db.leave_log().map_err(failed)?;
                snapshot.node = None;
                None
            }
        };
        if config.cluster.engine.is_some() && mark.is_none() && !snapshot.is_fresh() {
            return Err(StartError::OfNoLog(file()));
        }
        let has_admin = snapshot.accounts.iter().any(|account| {
            account.by_operator
                && config.admins.iter().any(|admin| admin.key() == account.name.key())
        });
        Ok(Self {
            listeners,
            handed_over,
            admin,
            tls,
            #[cfg(feature = "ssh")]
            host_key,
            db,
            snapshot,
            mark,
            console,
            console_fault,
            data_notes,
            tls_has_no_certificate,
            tls_has_no_socket,
            has_admin,
        })
    }

    /// A number for where this server runs, as other processes of its node's name see it.
    pub fn place(&self) -> u64 {
        cluster::place(self.db.lock_id())
    }

    /// The listeners that are open, with their real addresses.
    pub fn listeners(&self) -> impl Iterator<Item = (ListenerKind, SocketAddr)> {
        let addr = |listener: &StdListener| listener.local_addr().ok();
        self.listeners.iter().filter_map(move |(kind, of)| addr(of).map(|addr| (*kind, addr)))
    }

    /// The real port of the listener of this kind, where there is one.
    pub fn port(&self, kind: ListenerKind) -> Option<u16> {
        self.listeners().find(|(other, _)| *other == kind).map(|(_, addr)| addr.port())
    }

    /// Where the operator's listener is, where there is one.
    pub fn admin_addr(&self) -> Option<SocketAddr> {
        self.admin.as_ref()?.local_addr().ok()
    }

    /// From when until when the certificate in use is valid.
    pub fn validity(&self) -> Option<Validity> {
        self.tls.as_ref().map(|loaded| loaded.validity)
    }

    /// SHA-256 of the certificate in use.
    pub fn fingerprint(&self) -> Option<&str> {
        self.tls.as_ref().map(|loaded| loaded.fingerprint.as_str())
    }

    /// SHA-256 of the host key of SSH in use.
    pub fn host_key(&self) -> Option<String> {
        #[cfg(feature = "ssh")]
        return self.host_key.as_ref().map(HostKey::fingerprint);
        #[cfg(not(feature = "ssh"))]
        return None;
    }
}

/// What a host key of SSH will be, as far as that can be told beforehand: its SHA-256, or that it is made at the start;
/// none where SSH is off.
///
/// # Errors
/// It cannot be read.
#[cfg(feature = "ssh")]
pub fn look_at_host_key(config: &Config) -> Result<Option<String>, StartError> {
    let Some(path) = config.ssh_key() else { return Ok(None) };
    let made = || format!("{} is made at the start", path.display());
    Ok(Some(HostKey::load(&path)?.map_or_else(made, |key| key.fingerprint())))
}

/// The host key of SSH, which is made where it is not there; none where SSH is off.
#[cfg(feature = "ssh")]
fn open_host_key(config: &Config) -> Result<Option<HostKey>, StartError> {
    let Some(path) = config.ssh_key() else { return Ok(None) };
    Ok(Some(match HostKey::load(&path)? {
        Some(key) => key,
        None => HostKey::make(&path)?,
    }))
}

/// Listeners, and the certificate of the one for TLS.
type Listening = (Vec<(ListenerKind, StdListener)>, Option<LoadedTls>);

fn open_addresses(config: &Config) -> Result<Listening, StartError> {
    let tls = load_tls(config)?;
    check_listeners(config, tls.as_ref())?;
    let mut listeners = Vec::new();
    for kind in ListenerKind::ALL {
        let addr = match kind {
            ListenerKind::Plain => config.addr,
            ListenerKind::Tls => config.tls.addr.filter(|_| tls.is_some()),
            ListenerKind::Ssh => config.ssh.addr,
            ListenerKind::Web => config.web.addr,
        };
        if let Some(addr) = addr {
            listeners.push((kind, listen(addr, kind.key())?));
        }
    }
    Ok((listeners, tls))
}

/// With the listeners that were handed over. Where one is for TLS there must be a certificate: whoever connects
/// there would wait for ever.
fn adopt(config: &Config, handed: Handed) -> Result<Listening, StartError> {
    let plain_is_off = config.addr.is_none() && config.tls.addr.is_some();
    let mut listeners = handed.into_listeners(plain_is_off);
    let has_tls = listeners.iter().any(|(kind, _)| *kind == ListenerKind::Tls)
        || (config.web.addr.is_some() && config.web.tls);
    let tls = has_tls.then(|| tls::load(&config.tls.cert, &config.tls.key)).transpose()?;
    // None of them is for SSH, or for the page.
    for (kind, addr) in [(ListenerKind::Ssh, config.ssh.addr), (ListenerKind::Web, config.web.addr)]
    {
        if let Some(addr) = addr {
            listeners.push((kind, listen(addr, kind.key())?));
        }
    }
    Ok((listeners, tls))
}

/// The data directory with the console's socket.
fn open_console(dir: &Path) -> Result<(PathBuf, Socket), SocketError> {
    Ok((dir.to_owned(), Socket::listen(dir)?))
}

fn data_file(dir: &Path) -> String {
    dir.join(DATABASE_FILE).display().to_string()
}

/// How a server ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// As it was told to.
    Wanted,
    /// As a node that cannot go on: why was said.
    Forced,
}

/// Runs the server until `stop` resolves, or a node has to stop, then tells everybody and waits for them to be
/// gone. `ready` is called once every listener accepts, with what reads the settings anew.
///
/// # Errors
/// A listener cannot be used, or the cluster.
pub async fn run(
    config: Live,
    opened: Opened,
    joined: Option<Joined>,
    ready: impl FnOnce(Reloader),
    stop: impl Future<Output = ()>,
) -> Result<End, StartError> {
    let mut stop = pin!(stop);
    let at_start = config.get();
    let shared = Shared { metrics: Arc::new(Metrics::new()), health: Health::new() };
    let (tls_port, listeners) =
        (opened.port(ListenerKind::Tls), opened.listeners().collect::<Vec<_>>());
    let page = opened.port(ListenerKind::Web).map(|port| PagePort { port, tls: at_start.web.tls });
    let cores = available_parallelism().map_or(1, NonZero::get);
    clock::start(opened.snapshot.newest);
    let Shared { metrics, health } = shared.clone();
    #[cfg(debug_assertions)]
    let (log, looped) = looped::log();
    #[cfg(not(debug_assertions))]
    let log = Log::Alone;
    let (log, node) = match joined {
        None => (log, None),
        Some(joined) => {
            let (log, wanted, ender) = cluster::log();
            (log, Some((joined, wanted, ender)))
        }
    };
    let nodes = node.is_some().then(SeenNodes::default);
    let mut snapshot = opened.snapshot;
    let budgets = Budgets::new(std::mem::take(&mut snapshot.rox_uses), metrics.clone());
    actix_rt::spawn(tell_of_today(budgets.clone(), log.clone()));
    let store = StoreHandle::start(opened.db, config.clone(), health, metrics.clone(), log.clone());
    let rates = RateTable::new(at_start.rate_messages, at_start.rate_window);
    let admins = Admins::default();
    let registry = Registry::new(
        config.clone(),
        store.clone(),
        rates.clone(),
        admins.clone(),
        metrics.clone(),
        budgets.clone(),
        log.clone(),
    );
    let registry = Guarded::new(registry).start();
    #[cfg(debug_assertions)]
    if let Some(proposals) = looped {
        actix_rt::spawn(looped::run(proposals, (registry.clone(), store.clone())));
    }
    let helpers = (cores / 2).clamp(1, MAX_HELPERS);
    let hasher = HasherPool::start(helpers);
    let arbiters: Vec<Arbiter> = (0..cores).map(|_| Arbiter::new()).collect();
    let shards: Arc<[Addr<Guarded<Shard>>]> = arbiters
        .iter()
        .enumerate()
        .map(|(index, arbiter)| {
            let setup = ShardSetup {
                config: config.clone(),
                registry: registry.clone(),
                hasher: hasher.clone(),
                store: store.clone(),
                rates: rates.clone(),
                admins: admins.clone(),
                metrics: metrics.clone(),
                budgets: budgets.clone(),
                health: shared.health.clone(),
                tls_port,
                page,
                index,
            };
            Guarded::start_in_arbiter(&arbiter.handle(), |ctx| {
                Guarded::new(Shard::new(setup, ctx.address()))
            })
        })
        .collect();
    drop(at_start);
    let setup = LobbySetup {
        config: config.clone(),
        shards: shards.clone(),
        store: store.clone(),
        admins,
        ai: start_ai(config.clone(), metrics.clone()),
        metrics: metrics.clone(),
        budgets,
        log,
    };
    let ai = setup.ai.clone();
    #[cfg(debug_assertions)]
    let level_log = setup.log.clone();
    open_lobbies(setup, &registry, &arbiters, snapshot);
    let mut node = match (node, nodes.clone()) {
        (Some((joined, wanted, ender)), Some(seen)) => {
            let actors = (registry.clone(), store.clone());
            let mut running = joined.start(wanted, actors, shared.clone(), seen);
            #[cfg(debug_assertions)]
            level(&level_log, &registry, &shards, &running)?;
            let ended = tokio::select! {
                caught_up = running.catch_up() => {
                    caught_up.map_err(StartError::Cluster)?;
                    None
                }
                () = &mut stop => Some(End::Wanted),
            };
            if let Some(end) = ended {
                // Nobody is here who could lose anything, and an engine that does not answer is not waited for.
                let _ = timeout(END_UNBEGUN, ender.end()).await;
                close(&store).await;
                return Ok(end);
            }
            Some((running, ender))
        }
        (None, _) | (_, None) => None,
    };

    let tls = opened.tls.map(LiveTls::new);
    let page_tls = tls.clone().filter(|_| config.get().web.tls);
    if let Some(tls) = &tls {
        metrics.certificate_expires.set(tls.validity().until.as_second());
    }
    let handshakers = match &tls {
        Some(tls) => start_handshakers(helpers, &registry, tls, &config),
        None => Vec::new(),
    };
    #[cfg(feature = "ssh")]
    let context = ssh::Context {
        registry: registry.clone(),
        store: store.clone(),
        hasher: hasher.clone(),
        config: config.clone(),
    };
    let last = SharedReload::default();
    let service = Service::start(metrics.clone(), shared.health.clone(), last.clone());
    let reloader = Reloader::new(Parts {
        config: config.clone(),
        tls,
        tls_has_no_socket: opened.tls_has_no_socket,
        service: service.clone(),
        last,
        rates,
        registry: registry.clone(),
        ai: ai.clone(),
        metrics: metrics.clone(),
    });
    let parts = admin::Parts {
        listener: opened.admin,
        shared: shared.clone(),
        listeners: listeners.clone(),
        store: store.clone(),
        reloader: reloader.clone(),
        nodes: nodes.clone(),
    };
    watch(parts, &registry, &shards, ai)?;
    let console = match opened.console {
        None => None,
        Some((dir, socket)) => {
            let reach = Reach {
                config: config.clone(),
                registry: registry.clone(),
                shards: shards.clone(),
                store: store.clone(),
                hasher,
                shared: shared.clone(),
                reloader: reloader.clone(),
                nodes: nodes.clone(),
                listeners,
                dir: files::absolute(&dir),
                started: clock::unix_now(),
            };
            Some(Console::start(socket, reach)?)
        }
    };
    #[cfg(feature = "ssh")]
    let ssh = match opened.host_key {
        Some(key) => start_ssh(helpers, key, context.clone()),
        None => Vec::new(),
    };
    let helpers = Helpers {
        handshakers: handshakers.into(),
        #[cfg(feature = "ssh")]
        ssh: ssh.into(),
    };
    let acceptor =
        Acceptor::new(config.clone(), shared.clone(), registry.clone(), shards.clone(), helpers);
    let mut accepting: Vec<JoinHandle<()>> = Vec::new();
    for (kind, listener) in opened.listeners {
        if kind == ListenerKind::Web {
            web::start(web::Parts {
                listener,
                live: config.clone(),
                shared: shared.clone(),
                registry: registry.clone(),
                shards: shards.clone(),
                tls: page_tls.clone(),
                log: store.log().clone(),
            });
            continue;
        }
        accepting.push(acceptor.start(kind, listener, opened.handed_over)?);
    }
    // Whoever reads that it is ready and asks is to hear the same.
    let known = async {
        while !shared.health.is_known() {
            sleep(prober::LOOK_AT_START).await;
        }
    };
    let _ = timeout(prober::PATIENCE, known).await;
    ready(reloader);
    service.ready();
    let stops = async {
        match &mut node {
            Some((running, _)) => running.stop().await,
            None => pending().await,
        }
    };
    let mut end = End::Wanted;
    tokio::select! {
        () = &mut stop => {}
        why = stops => {
            end = End::Forced;
            complain(Level::Error, event::CLUSTER, &format!("this node stops: {why}"));
        }
        () = shared.health.draining().over() => info!(event = event::STOPPING; "stopping, since the drain is over"),
    }
    service.stopping().await;
    shared.health.draining().stop();
    for task in accepting {
        task.abort();
    }
    let others = nodes.is_some_and(|nodes| nodes.others_go_on());
    if let End::Wanted = end {
        end_answers(&registry).await;
    }
    let last = match end {
        End::Wanted => Farewell::Shutdown { others },
        End::Forced => Farewell::CannotGoOn { others },
    };
    drain(&shards, last).await;
    // The others find out by themselves where this one cannot say so.
    if let (Some((_, ender)), End::Wanted) = (&node, end) {
        ender.end().await;
    }
    close(&store).await;
    if let Some(console) = console {
        console.close().await;
    }
    Ok(end)
}

/// Starts the thread that answers the operator, and has it ask the actors whether they are there.
fn watch(
    parts: admin::Parts,
    registry: &Addr<Guarded<Registry>>,
    shards: &[Addr<Guarded<Shard>>],
    ai: Addr<Guarded<AiPool>>,
) -> io::Result<()> {
    let shards = shards.iter().enumerate();
    let shards = shards.map(|(index, shard)| (format!("Shard {index}"), shard.clone().recipient()));
    let others = parts.store.to_ask().into_iter().map(|(name, actor)| (name.to_owned(), actor));
    let pool = ("the AiPool".to_owned(), ai.recipient());
    let actors: Vec<_> = shards.chain(others).chain([pool]).collect();
    let (health, registry) = (parts.shared.health.clone(), registry.clone());
    admin::start(parts, move || Prober::new(health, registry, actors))
}

/// Has a node say how far it is, where a test wants to know.
#[cfg(debug_assertions)]
fn level(
    log: &Log,
    registry: &Addr<Guarded<Registry>>,
    shards: &Arc<[Addr<Guarded<Shard>>]>,
    node: &cluster::Running,
) -> io::Result<()> {
    let Log::Shared(log) = log.clone() else { return Ok(()) };
    let (registry, shards) = (registry.clone(), shards.clone());
    level::Level { log, registry, shards, passed: node.to() }.start()
}

/// How often the metrics are told what was asked today: a day ends, whether anybody asks or not.
const TODAY_EVERY: Duration = Duration::from_secs(30);

async fn tell_of_today(budgets: Budgets, log: Log) {
    loop {
        sleep(TODAY_EVERY).await;
        budgets.note_today(log.now());
    }
}

/// Lets the Registry start lobbies, each on one of the threads in turn.
fn open_lobbies(
    setup: LobbySetup,
    registry: &Addr<Guarded<Registry>>,
    arbiters: &[Arbiter],
    snapshot: Snapshot,
) {
    let threads: Vec<ArbiterHandle> = arbiters.iter().map(Arbiter::handle).collect();
    let next = Cell::new(0);
    registry.do_send(Open {
        shards: setup.shards.clone(),
        snapshot,
        start_lobby: Box::new(move |new, registry| {
            let thread = &threads[next.get() % threads.len()];
            next.set(next.get() + 1);
            let setup = setup.clone();
            Lobby::start_in_arbiter(thread, move |_| Lobby::new(setup, registry, new))
        }),
    });
}

/// The AI has a thread of its own from its first worker on: its TLS and JSON never stand in the way of the
/// chat.
fn start_ai(config: Live, metrics: Arc<Metrics>) -> Addr<Guarded<AiPool>> {
    let (mut thread, settings, theirs) = (None, config.clone(), metrics.clone());
    let start_worker = move |index, pool| {
        let thread = thread.get_or_insert_with(|| Arbiter::new().handle());
        let (config, metrics) = (settings.clone(), theirs.clone());
        AiWorker::start_in_arbiter(thread, move |_| AiWorker::new(index, pool, config, metrics))
    };
    Guarded::new(AiPool::new(config, Box::new(start_worker), metrics)).start()
}

fn start_handshakers(
    threads: usize,
    registry: &Addr<Guarded<Registry>>,
    tls: &LiveTls,
    config: &Live,
) -> Vec<Addr<Handshaker>> {
    let start = |_| {
        let handshaker = Handshaker::new(registry.clone(), tls.clone(), config.clone());
        Handshaker::start_in_arbiter(&Arbiter::new().handle(), move |_| handshaker)
    };
    (0..threads).map(start).collect()
}

/// Starts the threads of SSH connections.
#[cfg(feature = "ssh")]
fn start_ssh(threads: usize, key: HostKey, context: ssh::Context) -> Vec<Addr<ssh::Ssh>> {
    let config = ssh::protocol(key);
    let start = |_| {
        let ssh = ssh::Ssh::new(context.clone(), config.clone());
        ssh::Ssh::start_in_arbiter(&Arbiter::new().handle(), move |_| ssh)
    };
    (0..threads).map(start).collect()
}

/// Has what waits for the database written.
async fn close(store: &StoreHandle) {
    if timeout(DRAIN_TIME, store.close()).await.is_err() {
        error!(event = event::DATA_LOST; "the database does not take the last changes in time");
    }
}

/// Has those who read an answer of Rox's told that it ends, and what was shown of it kept.
async fn end_answers(registry: &Addr<Guarded<Registry>>) {
    if timeout(END_ANSWERS, registry.send(EndAnswers)).await.is_err() {
        warn!(event = event::SLOW_END; "some answers of Rox are not ended in time");
    }
}

async fn drain(shards: &[Addr<Guarded<Shard>>], last: Farewell) {
    let all = shards.iter().map(|shard| shard.send(Drain(last)));
    if timeout(DRAIN_TIME, futures_util::future::join_all(all)).await.is_err() {
        warn!(event = event::SLOW_END; "some clients did not take their last line in time");
    }
}
