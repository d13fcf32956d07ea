//! One connection of the generator, in plain or over TLS, never blocking.

use std::io::{self, Read, Write};
use std::net::Shutdown;

use mio::net::TcpStream;
use openssl::ssl::{
    HandshakeError, MidHandshakeSslStream, SslConnector, SslMethod, SslStream, SslVerifyMode,
};

/// A socket, perhaps on its way to TLS.
pub(crate) enum Wire {
    Plain(TcpStream),
    Shaking(Option<MidHandshakeSslStream<TcpStream>>),
    Tls(SslStream<TcpStream>),
}

/// TLS 1.3 that takes any certificate.
pub(crate) fn connector() -> SslConnector {
    let mut builder = SslConnector::builder(SslMethod::tls_client()).unwrap();
    builder.set_verify(SslVerifyMode::NONE);
    builder.build()
}

impl Wire {
    /// Begins a handshake.
    pub(crate) fn secure(connector: &SslConnector, stream: TcpStream) -> Self {
        let config = connector.configure().unwrap().verify_hostname(false);
        Self::after(config.connect("bench.local", stream))
    }

    fn after(result: Result<SslStream<TcpStream>, HandshakeError<TcpStream>>) -> Self {
        match result {
            Ok(stream) => Self::Tls(stream),
            Err(HandshakeError::WouldBlock(mid)) => Self::Shaking(Some(mid)),
            Err(error) => panic!("TLS handshake: {error}"),
        }
    }

    /// Goes on with the handshake; whether it is over.
    pub(crate) fn handshake(&mut self) -> bool {
        if let Self::Shaking(mid) = self {
            *self = Self::after(mid.take().unwrap().handshake());
        }
        self.is_ready()
    }

    /// Whether text can go over it.
    pub(crate) fn is_ready(&self) -> bool {
        !matches!(self, Self::Shaking(_))
    }

    /// Ends it in both directions.
    pub(crate) fn close(&mut self) {
        let _ = match self {
            Self::Plain(stream) => stream.shutdown(Shutdown::Both),
            Self::Shaking(mid) => mid.as_ref().unwrap().get_ref().shutdown(Shutdown::Both),
            Self::Tls(stream) => stream.get_ref().shutdown(Shutdown::Both),
        };
    }

    pub(crate) fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.read(buf),
            Self::Shaking(_) => Err(io::ErrorKind::WouldBlock.into()),
            Self::Tls(stream) => stream.read(buf),
        }
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.write(bytes),
            Self::Shaking(_) => Err(io::ErrorKind::WouldBlock.into()),
            Self::Tls(stream) => stream.write(bytes),
        }
    }
}
