//! An HTTP/1.1 service on a listener, bounded in all that a client can make of it. What is answered is
//! somebody else's: [`admin`] has that of the operator.

pub mod admin;
mod socket;

use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

use actix_http::body::BoxBody;
use actix_http::{HttpServiceBuilder, KeepAlive, Request, Response};
use actix_service::{Service, ServiceFactory, fn_service};
use log::{debug, error, info};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, spawn_local};
use tokio::time::{sleep, timeout_at};

use crate::clock;
use crate::logging::event;
use crate::net::listen::ACCEPT_PAUSE;
use crate::web::socket::{Progress, Socket};

/// What is answered.
pub type Answer = Response<BoxBody>;

/// What clients of a listener may take.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Connections at a time. One more takes the place of the oldest, so that slow ones keep nobody out.
    pub connections: usize,
    /// From connecting to the end of the first head, after which 408 is answered.
    pub head_time: Duration,
    /// A connection on which nothing is sent for this long is closed: it is idle, its request comes too
    /// slowly, or its answer is not read.
    pub quiet_time: Duration,
    /// For what a client still sends after an answer that it did not wait for.
    pub linger_time: Duration,
    /// What a client may send before it is answered; nothing is read beyond that.
    pub request_bytes: usize,
}

/// Answers who connects, for ever. To be called in a `LocalSet`.
pub async fn serve<H, F>(listener: TcpListener, limits: Limits, answer: H)
where
    H: Fn(Request) -> F + Clone + 'static,
    F: Future<Output = Answer> + 'static,
{
    let answer = fn_service(move |request| {
        let answered = answer(request);
        async move { Ok::<_, actix_http::Error>(answered.await) }
    });
    let service = HttpServiceBuilder::default()
        // How long a connection stays open is ours to say, in whatever state it is.
        .keep_alive(KeepAlive::Os)
        .client_request_timeout(limits.head_time)
        .client_disconnect_timeout(limits.linger_time)
        .h1(answer);
    let Ok(service) = service.new_service(()).await else {
        return error!(event = event::HTTP_FAILED; "the HTTP service cannot be started");
    };
    let service = Rc::new(service);
    let mut open: VecDeque<JoinHandle<()>> = VecDeque::new();
    let mut failing = false;
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(reason) => {
                if !std::mem::replace(&mut failing, true) {
                    error!(
                        event = event::ACCEPT_FAILING;
                        "HTTP connections cannot be accepted and wait: {reason}"
                    );
                }
                sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        if std::mem::take(&mut failing) {
            info!(event = event::ACCEPT_RECOVERED; "HTTP connections are accepted again");
        }
        open.retain(|connection| !connection.is_finished());
        if open.len() >= limits.connections
            && let Some(oldest) = open.pop_front()
        {
            oldest.abort();
        }
        let service = service.clone();
        open.push_back(spawn_local(async move {
            converse(stream, limits, |socket| service.call((socket, None))).await;
        }));
    }
}

/// One connection, until its client or the service ends it, or it is quiet for too long.
async fn converse<F, E>(stream: TcpStream, limits: Limits, start: impl FnOnce(Socket) -> F)
where
    F: Future<Output = Result<(), E>>,
    E: std::fmt::Display,
{
    let progress = Rc::new(Progress::new(clock::now()));
    let mut connection =
        Box::pin(start(Socket::new(stream, limits.request_bytes, progress.clone())));
    loop {
        let until = progress.last() + limits.quiet_time;
        match timeout_at(until.into(), &mut connection).await {
            Ok(Ok(())) => return,
            Ok(Err(reason)) => {
                return debug!(event = event::HTTP_FAILED; "an HTTP connection ends: {reason}");
            }
            Err(_) if progress.last() + limits.quiet_time <= clock::now() => return,
            // Something was sent meanwhile.
            Err(_) => {}
        }
    }
}
