//! The header of the PROXY protocol, in which a proxy says for whom it stands (HAProxy's
//! `doc/proxy-protocol.txt`, versions 1 and 2).
//!
//! Where a header ends is found here, a byte at a time, so that nothing is taken of what comes after it:
//! that is for TLS or the chat. What a whole one says is read by `proxy-header`.

use std::io;
use std::net::SocketAddr;

use proxy_header::{ParseConfig, Protocol, ProxyHeader};
use tokio::net::TcpStream;

/// Most bytes of a header of version 1, its line end included (§2.1).
pub const MAX_V1_BYTES: usize = 107;

/// Most bytes of a header of version 2. The protocol has room for 64 KiB; addresses take 52 or 232, and
/// what proxies add (names, ciphers, a client's certificate) fits into this.
pub const MAX_V2_BYTES: usize = 4_096;

/// How version 1 begins.
const V1_START: &[u8] = b"PROXY ";

/// How version 2 begins.
const V2_START: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

/// Bytes of version 2 before its addresses: the last two are the number of those that follow.
const V2_FIXED_BYTES: usize = V2_START.len() + 4;

/// Bytes that are looked at in one go.
const PEEK_BYTES: usize = 256;

/// In version 2, the commands of a proxy that speaks for itself and of one that speaks for a client.
const V2_LOCAL: u8 = 0x20;
const V2_PROXY: u8 = 0x21;

/// A checksum among the additions to a header of version 2 (§2.2.3), and its length.
const CRC32C_KIND: u8 = 0x03;
const CRC32C_BYTES: usize = 4;

/// For whom a proxy says that it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sender {
    /// A client at this address.
    Client(SocketAddr),
    /// Somebody of whom it knows no address, or one of another kind than IP.
    Untold,
    /// Nobody: the proxy itself connects, mostly to see whether the server is there.
    Proxy,
}

/// Why a header is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// These bytes begin no header.
    #[error("no PROXY header before what it sends")]
    Missing,
    /// It begins as one and goes on as none.
    #[error("a broken PROXY header")]
    Broken,
    /// It has more bytes than are read of one.
    #[error("a PROXY header that is too long")]
    TooLong,
    /// It says that it is another than it was.
    #[error("a PROXY header whose checksum is wrong")]
    Checksum,
}

/// Why no header was read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// What came is none.
    #[error(transparent)]
    Header(#[from] HeaderError),
    /// The connection ended before it was whole.
    #[error("the connection ended before a whole PROXY header")]
    Ended,
    /// The connection broke.
    #[error("the connection broke before a whole PROXY header: {0}")]
    Socket(#[from] io::Error),
}

/// Whether bytes begin a header; nothing where there are too few to tell.
pub fn begins_header(bytes: &[u8]) -> Option<bool> {
    let of = |begin: &[u8]| {
        let common = bytes.len().min(begin.len());
        (bytes[..common] == begin[..common]).then_some(common == begin.len())
    };
    match (of(b"PROXY "), of(b"\r\n\r\n\0\r\nQUIT\n")) {
        (Some(true), _) | (_, Some(true)) => Some(true),
        (None, None) => Some(false),
        (Some(false), _) | (_, Some(false)) => None,
    }
}

/// Which version a header is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Version {
    One,
    Two,
}

/// Takes a header off the front of bytes that come in pieces.
#[derive(Debug, Default)]
pub struct HeaderReader {
    taken: Vec<u8>,
}

impl HeaderReader {
    /// Takes what is of the header from the front of `bytes`: so many of them, and what the header says
    /// once it is whole. Then nothing more is to be given to it.
    ///
    /// # Errors
    /// What came is no header, as soon as that shows.
    pub fn take(&mut self, bytes: &[u8]) -> Result<(usize, Option<Sender>), HeaderError> {
        for (at, byte) in bytes.iter().enumerate() {
            self.taken.push(*byte);
            if let Some(sender) = self.look()? {
                return Ok((at + 1, Some(sender)));
            }
        }
        Ok((bytes.len(), None))
    }

    /// What the header says, where the last byte made it whole.
    fn look(&self) -> Result<Option<Sender>, HeaderError> {
        match self.version()? {
            Some(Version::One) => self.look_at_line(),
            Some(Version::Two) => self.look_at_block(),
            None => Ok(None),
        }
    }

    /// None where only the beginning of a beginning is there.
    fn version(&self) -> Result<Option<Version>, HeaderError> {
        let starts = [(Version::One, V1_START), (Version::Two, V2_START)];
        for (version, start) in starts {
            if self.taken.starts_with(start) {
                return Ok(Some(version));
            }
            if start.starts_with(&self.taken) {
                return Ok(None);
            }
        }
        Err(HeaderError::Missing)
    }

    fn look_at_line(&self) -> Result<Option<Sender>, HeaderError> {
        if self.taken.last() == Some(&b'\n') {
            return read_line(&self.taken).map(Some);
        }
        // The line end would be over the limit.
        if self.taken.len() >= MAX_V1_BYTES { Err(HeaderError::TooLong) } else { Ok(None) }
    }

    fn look_at_block(&self) -> Result<Option<Sender>, HeaderError> {
        let command = self.taken.get(V2_START.len());
        if command.is_some_and(|command| ![V2_LOCAL, V2_PROXY].contains(command)) {
            return Err(HeaderError::Broken);
        }
        let Some([.., high, low]) = self.taken.get(..V2_FIXED_BYTES) else { return Ok(None) };
        let whole = V2_FIXED_BYTES + usize::from(u16::from_be_bytes([*high, *low]));
        if whole > MAX_V2_BYTES {
            return Err(HeaderError::TooLong);
        }
        if self.taken.len() < whole { Ok(None) } else { read_block(&self.taken).map(Some) }
    }
}

/// Reads a whole header of version 1. Of `UNKNOWN` nothing is looked at but its line end (§2.1).
fn read_line(line: &[u8]) -> Result<Sender, HeaderError> {
    let rest = line.strip_prefix(V1_START).and_then(|rest| rest.strip_suffix(b"\r\n"));
    let rest = rest.ok_or(HeaderError::Broken)?;
    if let Some(rest) = rest.strip_prefix(b"UNKNOWN") {
        let ends = matches!(rest.first(), None | Some(b' ')) && !rest.contains(&b'\r');
        return if ends { Ok(Sender::Untold) } else { Err(HeaderError::Broken) };
    }
    // The crate takes a port with a sign.
    if rest.contains(&b'+') {
        return Err(HeaderError::Broken);
    }
    parse(line)
}

/// Reads a whole header of version 2. What a proxy says of itself is not looked at (§2.2).
fn read_block(block: &[u8]) -> Result<Sender, HeaderError> {
    if block.get(V2_START.len()) == Some(&V2_LOCAL) {
        return Ok(Sender::Proxy);
    }
    let sender = parse(block)?;
    check_additions(block)?;
    Ok(sender)
}

fn parse(header: &[u8]) -> Result<Sender, HeaderError> {
    let config = ParseConfig { include_tlvs: false, ..ParseConfig::default() };
    let (read, bytes) = ProxyHeader::parse(header, config).map_err(|_| HeaderError::Broken)?;
    match read.proxied_address() {
        _ if bytes != header.len() => Err(HeaderError::Broken),
        None => Ok(Sender::Untold),
        Some(address) if address.protocol == Protocol::Stream => Ok(Sender::Client(address.source)),
        // No datagram has come by a stream.
        Some(_) => Err(HeaderError::Broken),
    }
}

/// Looks whether the additions after the addresses fill the header, and its checksum where it has one,
/// which is of the header with zeros in the checksum's place (§2.2.3).
fn check_additions(block: &[u8]) -> Result<(), HeaderError> {
    let addresses = match block.get(V2_START.len() + 1).map(|family| family >> 4) {
        Some(1) => 12,
        Some(2) => 36,
        Some(3) => 216,
        // Of no family the length of addresses is unknown, and so where the additions begin.
        _ => return Ok(()),
    };
    let mut at = V2_FIXED_BYTES + addresses;
    while at < block.len() {
        let Some(&[kind, high, low]) = block.get(at..at + 3) else {
            return Err(HeaderError::Broken);
        };
        let from = at + 3;
        let to = from + usize::from(u16::from_be_bytes([high, low]));
        let value = block.get(from..to).ok_or(HeaderError::Broken)?;
        if kind == CRC32C_KIND {
            let stated: [u8; CRC32C_BYTES] = value.try_into().map_err(|_| HeaderError::Broken)?;
            let bytes = block.iter().enumerate();
            let zeroed = bytes.map(|(i, byte)| if (from..to).contains(&i) { 0 } else { *byte });
            if crc32c(zeroed) != u32::from_be_bytes(stated) {
                return Err(HeaderError::Checksum);
            }
        }
        at = to;
    }
    Ok(())
}

/// CRC-32C (RFC 3720, appendix B.4).
fn crc32c(bytes: impl Iterator<Item = u8>) -> u32 {
    const REVERSED_POLYNOMIAL: u32 = 0x82f6_3b78;
    let shift = |crc: u32, _| (crc >> 1) ^ (REVERSED_POLYNOMIAL & (crc & 1).wrapping_neg());
    !bytes.fold(!0, |crc, byte| (0..8).fold(crc ^ u32::from(byte), shift))
}

/// Reads a header off a connection, and not a byte of what comes after it. How long that may take is for
/// the caller to say.
///
/// # Errors
/// [`ReadError`]: the connection is of no use.
pub async fn read_header(stream: &TcpStream) -> Result<Sender, ReadError> {
    let mut header = HeaderReader::default();
    let mut bytes = [0; PEEK_BYTES];
    loop {
        let there = stream.peek(&mut bytes).await?;
        if there == 0 {
            return Err(ReadError::Ended);
        }
        let (taken, sender) = header.take(&bytes[..there])?;
        let mut left = taken;
        while left > 0 {
            match stream.try_read(&mut bytes[..left])? {
                0 => return Err(ReadError::Ended),
                count => left -= count,
            }
        }
        if let Some(sender) = sender {
            return Ok(sender);
        }
    }
}

#[cfg(test)]
#[path = "proxy_tests.rs"]
mod tests;
