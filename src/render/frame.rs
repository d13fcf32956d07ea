//! Frames of a WebSocket as a server writes them (RFC 6455 §5.2): never masked, never in fragments.

use bytes::{BufMut, Bytes, BytesMut};

/// Most bytes that stand before the text of a frame.
pub const MAX_HEADER_BYTES: usize = 10;

/// Most bytes in a frame that controls the connection (§5.5).
pub const MAX_CONTROL_BYTES: usize = 125;

/// The last fragment of a message, as each of ours is.
const FIN: u8 = 0x80;
const TEXT: u8 = 0x1;
const CLOSE: u8 = 0x8;
const PING: u8 = 0x9;
const PONG: u8 = 0xA;

/// Why a WebSocket is closed (§7.4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Close {
    /// All is said.
    Normal,
    /// The server stops.
    GoingAway,
    /// The peer does not keep to the protocol.
    Protocol,
    /// It sent something else than text.
    NotText,
    /// What it sent as text is not UTF-8.
    NotUtf8,
    /// It may not stay.
    Policy,
    /// It sent too much at once.
    TooBig,
    /// Something broke here.
    Internal,
}

impl Close {
    /// Its number.
    pub fn code(self) -> u16 {
        match self {
            Self::Normal => 1000,
            Self::GoingAway => 1001,
            Self::Protocol => 1002,
            Self::NotText => 1003,
            Self::NotUtf8 => 1007,
            Self::Policy => 1008,
            Self::TooBig => 1009,
            Self::Internal => 1011,
        }
    }
}

/// What stands before a text of so many bytes: the first of these, as many as are told.
pub fn text_header(bytes: usize) -> ([u8; MAX_HEADER_BYTES], usize) {
    let mut header = [0; MAX_HEADER_BYTES];
    header[0] = FIN | TEXT;
    let len = bytes as u64;
    match (u8::try_from(bytes), u16::try_from(bytes)) {
        (Ok(short @ 0..=125), _) => {
            header[1] = short;
            (header, 2)
        }
        (_, Ok(medium)) => {
            header[1] = 126;
            header[2..4].copy_from_slice(&medium.to_be_bytes());
            (header, 4)
        }
        _ => {
            header[1] = 127;
            header[2..].copy_from_slice(&len.to_be_bytes());
            (header, MAX_HEADER_BYTES)
        }
    }
}

/// Ends a connection, for a reason that people can read, of which as much is told as there is room for.
pub fn close(why: Close, reason: &str) -> Bytes {
    let room = MAX_CONTROL_BYTES - size_of::<u16>();
    let end = (0..=reason.len().min(room)).rev().find(|end| reason.is_char_boundary(*end));
    let reason = &reason[..end.unwrap_or(0)];
    let mut payload = Vec::with_capacity(MAX_CONTROL_BYTES);
    payload.extend_from_slice(&why.code().to_be_bytes());
    payload.extend_from_slice(reason.as_bytes());
    control(CLOSE, &payload)
}

/// The answer to the end that a peer has begun: its own code, as it came.
pub fn close_back(code: Option<u16>) -> Bytes {
    control(CLOSE, code.map(u16::to_be_bytes).as_ref().map_or(&[], |code| &code[..]))
}

/// Asks whether the peer is there.
pub fn ping() -> Bytes {
    Bytes::from_static(&[FIN | PING, 0])
}

/// Answers that, with what the peer has sent along.
pub fn pong(payload: &[u8]) -> Bytes {
    control(PONG, payload)
}

fn control(opcode: u8, payload: &[u8]) -> Bytes {
    let payload = &payload[..payload.len().min(MAX_CONTROL_BYTES)];
    let mut frame = BytesMut::with_capacity(2 + payload.len());
    frame.put_u8(FIN | opcode);
    // At most 125.
    frame.put_u8(payload.len() as u8);
    frame.put_slice(payload);
    frame.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_says_how_long_the_text_is_in_as_few_bytes_as_it_takes() {
        for (bytes, want) in [
            (0, &[0x81, 0][..]),
            (125, &[0x81, 125]),
            (126, &[0x81, 126, 0, 126]),
            (65_535, &[0x81, 126, 255, 255]),
            (65_536, &[0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0]),
        ] {
            let (header, len) = text_header(bytes);
            assert_eq!(&header[..len], want, "{bytes}");
        }
    }

    #[test]
    fn a_reason_is_cut_between_characters() {
        let frame = close(Close::Policy, "Logged in from elsewhere.");
        assert_eq!(&frame[..4], &[0x88, 27, 0x03, 0xF0]);
        assert_eq!(&frame[4..], b"Logged in from elsewhere.");
        let long = "⚠".repeat(50);
        let frame = close(Close::Policy, &long);
        assert_eq!(frame.len(), 2 + 2 + 123);
        assert_eq!(std::str::from_utf8(&frame[4..]).unwrap(), "⚠".repeat(41));
    }

    #[test]
    fn control_frames_are_whole_and_short() {
        assert_eq!(&ping()[..], &[0x89, 0]);
        assert_eq!(&pong(b"hi")[..], &[0x8A, 2, b'h', b'i']);
        assert_eq!(pong(&[7; 300]).len(), 127);
        assert_eq!(&close_back(Some(1000))[..], &[0x88, 2, 0x03, 0xE8]);
        assert_eq!(&close_back(None)[..], &[0x88, 0]);
    }
}
