//! The operator's side of the server, on a thread of its own: neither a busy chat nor an actor that does
//! not answer holds it up.

use std::io;
use std::net::TcpListener as StdListener;

use actix::prelude::*;
use log::{error, info};
use tokio::net::TcpListener;

use crate::logging::event;
use crate::server::Shared;
use crate::server::prober::Prober;
use crate::web;
use crate::web::admin::{Admin, LIMITS};

/// Starts the thread, and the prober on it; with a listener, requests are answered there too. Both go on
/// until the process ends.
///
/// # Errors
/// The listener cannot be used.
pub(super) fn start(
    listener: Option<StdListener>,
    Shared { metrics, health }: Shared,
    prober: impl FnOnce() -> Prober + Send + 'static,
) -> io::Result<()> {
    let thread = Arbiter::new();
    thread.spawn_fn(move || _ = actix_rt::spawn(prober().run()));
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
        let admin = Admin { metrics, health, on_loopback };
        actix_rt::spawn(web::serve(listener, LIMITS, move |request| {
            let answer = admin.answer(request.head());
            async move { answer }
        }));
    });
    Ok(())
}
