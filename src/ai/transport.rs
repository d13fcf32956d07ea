//! The connections to providers, below the HTTP client: plain or with TLS, with the [heads](Heads) of what comes
//! read along.
//!
//! TLS is made here and not by the client, since the heads stand inside of it.

use std::cell::Cell;
use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use actix_rt::net::{ActixStream, Ready, TcpStream};
use actix_service::Service;
use actix_tls::connect::{ConnectError, ConnectInfo, Connection, Connector, ConnectorService};
use awc::http::Uri;
use futures_util::future::LocalBoxFuture;
use openssl::error::ErrorStack;
use openssl::ssl::{SslConnector, SslMethod};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_openssl::SslStream;

use super::head::Heads;

/// Bytes that are read of a connection at a time.
const READ_BYTES: usize = 8 * 1024;

/// What is known of the connections of a client, which has one request at a time.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// Connections that were made.
    made: Cell<u64>,
    /// Bytes that have come of all of them.
    came: Cell<u64>,
}

impl Known {
    /// As it is now: how many connections were made, and how many bytes have come.
    pub(super) fn now(&self) -> (u64, u64) {
        (self.made.get(), self.came.get())
    }
}

/// Makes connections, with TLS where it has been told how.
#[derive(Clone)]
pub(super) struct Connects {
    tcp: ConnectorService,
    tls: Option<SslConnector>,
    known: Rc<Known>,
}

impl Connects {
    pub(super) fn plain(known: Rc<Known>) -> Self {
        Self { tcp: Connector::default().service(), tls: None, known }
    }

    /// With TLS, by the certificates that this machine trusts.
    pub(super) fn with_tls(known: Rc<Known>) -> Result<Self, ErrorStack> {
        let mut tls = SslConnector::builder(SslMethod::tls())?;
        tls.set_alpn_protos(b"\x08http/1.1")?;
        Ok(Self { tls: Some(tls.build()), ..Self::plain(known) })
    }
}

impl Service<ConnectInfo<Uri>> for Connects {
    type Response = Connection<Uri, Transport>;
    type Error = ConnectError;
    type Future = LocalBoxFuture<'static, Result<Self::Response, Self::Error>>;

    actix_service::always_ready!();

    fn call(&self, to: ConnectInfo<Uri>) -> Self::Future {
        let (connecting, known) = (self.tcp.call(to), self.known.clone());
        let tls = self.tls.clone();
        Box::pin(async move {
            let (tcp, uri) = connecting.await?.into_parts();
            let wire = match tls {
                None => Wire::Plain(tcp),
                Some(tls) => Wire::Tls(handshake(&tls, &uri, tcp).await.map_err(ConnectError::Io)?),
            };
            known.made.set(known.made.get() + 1);
            let transport =
                Transport { wire, heads: Heads::default(), read: Vec::new(), at: 0, known };
            Ok(Connection::new(uri, transport))
        })
    }
}

async fn handshake(
    tls: &SslConnector,
    uri: &Uri,
    tcp: TcpStream,
) -> io::Result<SslStream<TcpStream>> {
    let host = uri.host().unwrap_or_default();
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let ssl = tls
        .configure()?
        .into_ssl(bare.filter(|ip| ip.parse::<IpAddr>().is_ok()).unwrap_or(host))?;
    let mut stream = SslStream::new(ssl, tcp)?;
    Pin::new(&mut stream).connect().await.map_err(|error| match error.into_io_error() {
        Ok(error) => error,
        Err(error) => io::Error::other(format!("TLS: {error}")),
    })?;
    Ok(stream)
}

/// What carries the bytes.
#[derive(Debug)]
enum Wire {
    Plain(TcpStream),
    Tls(SslStream<TcpStream>),
}

impl Wire {
    fn tcp(&self) -> &TcpStream {
        match self {
            Self::Plain(tcp) => tcp,
            Self::Tls(tls) => tls.get_ref(),
        }
    }

    fn read(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Plain(tcp) => Pin::new(tcp).poll_read(cx, buf),
            Self::Tls(tls) => Pin::new(tls).poll_read(cx, buf),
        }
    }
}

/// A connection to a provider.
#[derive(Debug)]
pub(super) struct Transport {
    wire: Wire,
    heads: Heads,
    /// What has come and was not taken yet, from `at` on.
    read: Vec<u8>,
    at: usize,
    known: Rc<Known>,
}

impl AsyncRead for Transport {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let Self { wire, heads, read, at, known } = self.get_mut();
        while *at == read.len() {
            read.clear();
            *at = 0;
            let mut bytes = [0; READ_BYTES];
            let mut came = ReadBuf::new(&mut bytes);
            ready!(wire.read(cx, &mut came))?;
            if came.filled().is_empty() {
                heads.finish(read);
                if read.is_empty() {
                    return Poll::Ready(Ok(()));
                }
            }
            known.came.set(known.came.get() + came.filled().len() as u64);
            heads.read(came.filled(), read);
        }
        let rest = &read[*at..];
        let now = rest.len().min(buf.remaining());
        buf.put_slice(&rest[..now]);
        *at += now;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Transport {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.heads.asked();
        match &mut this.wire {
            Wire::Plain(tcp) => Pin::new(tcp).poll_write(cx, buf),
            Wire::Tls(tls) => Pin::new(tls).poll_write(cx, buf),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().wire {
            Wire::Plain(tcp) => Pin::new(tcp).poll_flush(cx),
            Wire::Tls(tls) => Pin::new(tls).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().wire {
            Wire::Plain(tcp) => Pin::new(tcp).poll_shutdown(cx),
            Wire::Tls(tls) => Pin::new(tls).poll_shutdown(cx),
        }
    }
}

impl ActixStream for Transport {
    fn poll_read_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<Ready>> {
        ActixStream::poll_read_ready(self.wire.tcp(), cx)
    }

    fn poll_write_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<Ready>> {
        ActixStream::poll_write_ready(self.wire.tcp(), cx)
    }
}
