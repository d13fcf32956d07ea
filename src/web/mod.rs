//! An HTTP/1.1 service on a listener, bounded in all that a client can make of it. What is answered is
//! somebody else's: [`admin`] has that of the operator, [`chat`] that of everybody.

pub mod admin;
pub mod chat;
mod files;
mod socket;

use std::cmp::Reverse;
use std::collections::{HashMap, VecDeque};
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use actix_codec::{Framed, FramedParts};
use actix_http::body::BoxBody;
use actix_http::{Extensions, HttpServiceBuilder, KeepAlive, Request, Response, StatusCode, h1};
use actix_service::{Service, ServiceFactory, fn_service};
use bytes::Bytes;
use log::{debug, error, info};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, spawn_local};
use tokio::time::{sleep, timeout, timeout_at};

use crate::chat::directory::IpKey;
use crate::clock;
use crate::logging::event;
use crate::net::link::Link;
use crate::net::listen::ACCEPT_PAUSE;
use crate::net::origin::Origin;
use crate::web::socket::{Progress, SharedLink, Socket};

/// What is answered.
pub type Answer = Response<BoxBody>;

/// What clients of a listener may take.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Connections at a time. One more takes the place of the oldest of the address that has most, so that neither slow
    /// ones nor many of one address keep others out.
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

/// Who is at the other end of a connection, and how its requests have their bodies read.
#[derive(Clone)]
pub struct Visitor {
    /// Where the connection comes from.
    pub origin: Origin,
    progress: Rc<Progress>,
}

impl Visitor {
    /// Who sent a request.
    pub fn of(request: &Request) -> Option<&Self> {
        request.conn_data()
    }

    /// Lets the body of a request of theirs be read, so many bytes of it at most: until then it stays where it is.
    pub fn let_body(&self, max: usize) {
        self.progress.want_body(max);
    }
}

/// A connection that a browser wants to use otherwise than for requests, and the request that says so.
pub struct Upgrade {
    /// The request.
    pub request: Request,
    /// The connection.
    pub link: Link,
    /// What was read behind the request.
    pub read: Bytes,
}

/// Answers who connects, for ever. To be called in a `LocalSet`.
pub async fn serve<H, F>(listener: TcpListener, limits: Limits, answer: H)
where
    H: Fn(Request) -> F + Clone + 'static,
    F: Future<Output = Answer> + 'static,
{
    let let_in = |stream, addr| async move { Some((Link::Plain(stream), Origin::Direct(addr))) };
    let refuse = move |Upgrade { mut link, .. }: Upgrade| async move {
        let last = last_answer(StatusCode::NOT_FOUND, "", "not found");
        end_with(&mut link, &last, limits.linger_time).await;
    };
    serve_and_upgrade(listener, limits, let_in, answer, refuse).await;
}

/// An answer of one line that ends its connection; `more` are lines of its head.
pub fn last_answer(status: StatusCode, more: &str, line: &str) -> String {
    let length = line.len() + 1;
    format!(
        "HTTP/1.1 {status}\r\nConnection: close\r\nContent-Type: text/plain; charset=utf-8\r\n\
         Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n{more}\
         Content-Length: {length}\r\n\r\n{line}\n"
    )
}

/// What is wrong with what should have been a request.
fn fault(status: StatusCode) -> &'static str {
    match status {
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => {
            "the head is too long or has too many fields"
        }
        StatusCode::REQUEST_TIMEOUT => "the request came too slowly",
        _ => "this is no request of HTTP/1.1",
    }
}

/// The same where connections are let in by `let_in`, which says where they come from, and handed over where a
/// request asks for another protocol.
pub async fn serve_and_upgrade<L, LF, H, HF, U, UF>(
    listener: TcpListener,
    limits: Limits,
    let_in: L,
    answer: H,
    upgrade: U,
) where
    L: Fn(TcpStream, SocketAddr) -> LF + Clone + 'static,
    LF: Future<Output = Option<(Link, Origin)>> + 'static,
    H: Fn(Request) -> HF + Clone + 'static,
    HF: Future<Output = Answer> + 'static,
    U: Fn(Upgrade) -> UF + Clone + 'static,
    UF: Future<Output = ()> + 'static,
{
    let answer = fn_service(move |request| {
        if let Some(visitor) = Visitor::of(&request) {
            visitor.progress.begin_request();
        }
        let answered = answer(request);
        async move { Ok::<_, actix_http::Error>(answered.await) }
    });
    let upgrade = fn_service(move |(request, framed): (Request, Framed<Connection, h1::Codec>)| {
        let FramedParts { io, read_buf, write_buf, .. } = framed.into_parts();
        let (link, rest) = io.socket.into_parts();
        let read = [&read_buf[..], &rest].concat().into();
        let upgrade = upgrade.clone();
        async move {
            let Some(mut link) = link else { return Ok(()) };
            // Answers to what was asked before.
            write_all(&mut link, &write_buf).await;
            upgrade(Upgrade { request, link, read }).await;
            Ok::<_, actix_http::Error>(())
        }
    });
    let service = HttpServiceBuilder::default()
        // How long a connection stays open is ours to say, in whatever state it is.
        .keep_alive(KeepAlive::Os)
        .client_request_timeout(limits.head_time)
        .client_disconnect_timeout(limits.linger_time)
        .on_connect_ext(|connection: &Connection, data: &mut Extensions| {
            data.insert(connection.visitor.clone());
        })
        .upgrade(upgrade)
        .h1(answer);
    let Ok(service) = service.new_service(()).await else {
        return error!(event = event::HTTP_FAILED; "the HTTP service cannot be started");
    };
    let service = Rc::new(service);
    let mut open: VecDeque<(IpKey, JoinHandle<()>)> = VecDeque::new();
    let mut failing = false;
    loop {
        let (stream, addr) = match listener.accept().await {
            Ok(accepted) => accepted,
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
        open.retain(|(_, connection)| !connection.is_finished());
        if open.len() >= limits.connections
            && let Some((_, oldest)) = gives_way(&open).and_then(|at| open.remove(at))
        {
            oldest.abort();
        }
        let (service, let_in) = (service.clone(), let_in.clone());
        let connection = spawn_local(async move {
            if let Some((link, origin)) = let_in(stream, addr).await {
                let progress = Rc::new(Progress::new(clock::now()));
                let visitor = Visitor { origin, progress: progress.clone() };
                let link = SharedLink::new(Some(link).into());
                let socket = Socket::new(link.clone(), limits.request_bytes, progress.clone());
                let connection = service.call((Connection { socket, visitor }, None));
                converse(connection, limits, &progress).await;
                if let (Some(status), Some(mut link)) = (progress.fault(), link.take()) {
                    let last = last_answer(status, "", fault(status));
                    end_with(&mut link, &last, limits.linger_time).await;
                }
            }
        });
        open.push_back((addr.ip().into(), connection));
    }
}

/// Which of these connections, the oldest first, gives way to one more: the oldest of the address that has most, so
/// that nobody keeps others out by connecting faster.
fn gives_way<T>(open: &VecDeque<(IpKey, T)>) -> Option<usize> {
    let mut of_each: HashMap<IpKey, (usize, usize)> = HashMap::new();
    for (at, (ip, _)) in open.iter().enumerate() {
        of_each.entry(*ip).or_insert((0, at)).0 += 1;
    }
    let most = of_each.into_values().max_by_key(|(count, oldest)| (*count, Reverse(*oldest)));
    most.map(|(_, oldest)| oldest)
}

/// One connection, until its client or the service ends it, or it is quiet for too long.
async fn converse<F, E>(connection: F, limits: Limits, progress: &Progress)
where
    F: Future<Output = Result<(), E>>,
    E: std::fmt::Display,
{
    let mut connection = Box::pin(connection);
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

/// Says a last word and ends a connection; the client has so long to take it.
pub async fn end_with(link: &mut Link, last: &str, linger: Duration) {
    let _ = timeout(linger, write_all(link, last.as_bytes())).await;
    end(link, linger).await;
}

/// Writes what is short, as far as the client takes it: its quiet time runs.
pub async fn write_all(link: &mut Link, mut bytes: &[u8]) -> bool {
    while !bytes.is_empty() {
        match poll_fn(|cx| link.poll_write(cx, bytes)).await {
            Ok(count) if count > 0 => bytes = &bytes[count..],
            Ok(_) | Err(_) => return false,
        }
    }
    true
}

/// Ends a connection over which nothing more is said: our sending, then what the client still sends, for so
/// long. A socket that is closed with unread bytes is reset, and the reset can overtake the last words.
async fn end(link: &mut Link, linger: Duration) {
    let ending = async {
        let _ = poll_fn(|cx| link.poll_shutdown(cx)).await;
        let mut scrap = [0; 1_024];
        while let Ok(1..) = poll_fn(|cx| {
            link.begin_turn();
            link.poll_read(cx, &mut scrap)
        })
        .await
        {}
    };
    let _ = timeout(linger, ending).await;
}

/// A socket and who is at its other end.
struct Connection {
    socket: Socket,
    visitor: Visitor,
}

impl AsyncRead for Connection {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().socket).poll_read(cx, buf)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().socket).poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().socket).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().socket).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;

    #[test]
    fn the_oldest_of_the_address_that_has_most_gives_way() {
        for (ips, want) in [
            (&[][..], None),
            (&[1, 2, 3], Some(0)),
            (&[1, 2, 2, 3], Some(1)),
            (&[1, 2, 3, 3, 3, 2, 1, 1, 1], Some(0)),
            (&[9, 1, 2, 1, 2], Some(1)),
        ] {
            let open: VecDeque<(IpKey, ())> =
                ips.iter().map(|ip| (IpAddr::from([10, 0, 0, *ip]).into(), ())).collect();
            assert_eq!(gives_way(&open), want, "{ips:?}");
        }
    }
}
