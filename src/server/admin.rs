//! The operator's side of the server, on a thread of its own: neither a busy chat nor an actor that does
//! not answer holds it up.

use std::cell::RefCell;
use std::io;
use std::net::{SocketAddr, TcpListener as StdListener};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix::prelude::*;
use log::{error, info};
use rustix::process::nice;
use tokio::net::TcpListener;
use tokio::time::sleep;

use crate::actors::store::StoreHandle;
use crate::clock::{self, unix_now};
use crate::logging::event;
use crate::metrics::Metrics;
use crate::metrics::figures::{Figures, Reading, STEP};
use crate::net::listen::ListenerKind;
use crate::server::Shared;
use crate::server::nodes::SeenNodes;
use crate::server::prober::Prober;
use crate::server::reload::Reloader;
use crate::web;
use crate::web::admin::{Admin, LIMITS};

/// How often what nobody counts as it changes is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// The thread's share of a busy machine: the chat goes first, however often somebody asks.
const NICENESS: i32 = 10;

/// What the operator's thread works with.
pub(super) struct Parts {
    /// Where requests are answered; nowhere without.
    pub(super) listener: Option<StdListener>,
    pub(super) shared: Shared,
    /// The listeners for the chat, and where they are.
    pub(super) listeners: Vec<(ListenerKind, SocketAddr)>,
    pub(super) store: StoreHandle,
    /// Knows how the last reload ended.
    pub(super) reloader: Reloader,
    /// The nodes of the cluster; none where this server is alone.
    pub(super) nodes: Option<SeenNodes>,
}

/// Starts the thread, and the prober on it. All that is there goes on until the process ends.
///
/// # Errors
/// The listener cannot be used.
pub(super) fn start(
    parts: Parts,
    prober: impl FnOnce() -> Prober + Send + 'static,
) -> io::Result<()> {
    let thread = Arbiter::new();
    thread.spawn_fn(move || {
        // Best effort: without it the operator is merely as important as the chat.
        let _ = nice(NICENESS);
        actix_rt::spawn(prober().run());
    });
    let Parts { listener, shared: Shared { metrics, health }, listeners, store, reloader, nodes } =
        parts;
    let Some(listener) = listener else { return Ok(()) };
    let addr = listener.local_addr()?;
    info!(event = event::LISTENING; "the operator's page is at http://{addr}/");
    let on_loopback = addr.ip().to_canonical().is_loopback();
    thread.spawn_fn(move || {
        let listener = match TcpListener::from_std(listener) {
            Ok(listener) => listener,
            Err(reason) => {
                return error!(
                    event = event::HTTP_FAILED;
                    "the operator's listener cannot be used: {reason}"
                );
            }
        };
        let (started, begun) = (unix_now(), clock::now());
        let figures = Figures::new(Reading::of(&metrics, Duration::ZERO));
        let figures = Rc::new(RefCell::new(figures));
        actix_rt::spawn(sample(metrics.clone(), store, figures.clone(), begun));
        let certificate = {
            let reloader = reloader.clone();
            Box::new(move || reloader.certificate())
        };
        let last_reload = Box::new(move || reloader.last());
        let admin = Rc::new(Admin {
            metrics,
            health,
            listeners,
            last_reload,
            certificate,
            nodes: Box::new(move || nodes.as_ref().map(SeenNodes::told).unwrap_or_default()),
            started,
            begun,
            figures,
            on_loopback,
        });
        actix_rt::spawn(web::serve(listener, LIMITS, move |request| {
            let answer = admin.answer(request.head());
            async move { answer }
        }));
    });
    Ok(())
}

/// Notes the figures, again and again.
async fn sample(
    metrics: Arc<Metrics>,
    store: StoreHandle,
    figures: Rc<RefCell<Figures>>,
    begun: Instant,
) {
    let mut next = STEP;
    loop {
        sleep(LOOK_EVERY).await;
        metrics.store_queue.set(i64::try_from(store.unwritten().changes).unwrap_or(i64::MAX));
        let up = clock::since(begun);
        if up >= next {
            figures.borrow_mut().note(Reading::of(&metrics, up));
            // The next full step; those that were missed are left out.
            let steps = up.as_millis() / STEP.as_millis() + 1;
            next = STEP * u32::try_from(steps).unwrap_or(u32::MAX);
        }
    }
}
