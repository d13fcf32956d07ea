//! What a client sends over a WebSocket (RFC 6455), out of bytes that are cut anywhere: lines, each a text
//! message without its end. Pure, and bounded by what a line may have.

use crate::net::lines::MAX_LINE_BYTES;
use crate::render::frame::{Close, MAX_CONTROL_BYTES};

// Of the first byte of a frame, §5.2.
const FIN: u8 = 0x80;
const RESERVED: u8 = 0x70;
const OPCODE: u8 = 0x0F;
// Of the second.
const MASKED: u8 = 0x80;
const LENGTH: u8 = 0x7F;

/// Bytes of a key that masks.
const KEY_BYTES: usize = 4;

/// Most bytes before the payload: two, the length in eight, and the key.
const MAX_HEAD_BYTES: usize = 2 + 8 + KEY_BYTES;

/// What a client has sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// A line.
    Line(String),
    /// It asks whether we are there, and is to be sent this back.
    Ping(Vec<u8>),
    /// It says that it is there.
    Pong,
    /// It ends the connection, perhaps with a code.
    End(Option<u16>),
    /// It is to be closed for this, and for this reason. Nothing of what follows is read.
    Fault(Close, &'static str),
}

/// What a frame is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// The first fragment of a text, or all of it.
    Text,
    /// A further one.
    Continuation,
    Close,
    Ping,
    Pong,
}

impl Kind {
    fn is_control(self) -> bool {
        match self {
            Self::Text | Self::Continuation => false,
            Self::Close | Self::Ping | Self::Pong => true,
        }
    }
}

/// A frame whose payload is coming.
#[derive(Debug, Clone, Copy)]
struct Coming {
    kind: Kind,
    fin: bool,
    key: [u8; KEY_BYTES],
    /// Bytes of the payload that have come, and those that are to come.
    come: usize,
    left: usize,
}

/// Where in the stream the next byte stands.
#[derive(Debug)]
enum Place {
    /// In the head of a frame, of which so many bytes are there.
    Head([u8; MAX_HEAD_BYTES], usize),
    /// In its payload.
    Payload(Coming),
    /// Behind the end.
    Over,
}

/// Takes frames apart.
#[derive(Debug)]
pub struct FrameDecoder {
    place: Place,
    /// A message so far, whose fragments may have others between them that control the connection.
    text: Option<Vec<u8>>,
    control: Vec<u8>,
}

impl Default for FrameDecoder {
    fn default() -> Self {
        Self { place: NO_HEAD, text: None, control: Vec::new() }
    }
}

const NO_HEAD: Place = Place::Head([0; MAX_HEAD_BYTES], 0);

type Fault = (Close, &'static str);

const TOO_BIG: Fault = (Close::TooBig, "A message has at most 8 KiB.");

impl FrameDecoder {
    /// Takes bytes off `input` up to the next message; none where more bytes are needed.
    pub fn next(&mut self, input: &mut &[u8]) -> Option<Message> {
        loop {
            let done = match &mut self.place {
                Place::Over => {
                    *input = &[];
                    return None;
                }
                Place::Head(head, have) => {
                    let (&byte, rest) = input.split_first()?;
                    *input = rest;
                    head[*have] = byte;
                    *have += 1;
                    match read_head(&head[..*have]) {
                        Ok(None) => continue,
                        Ok(Some(coming)) => self.begin(coming),
                        Err(fault) => Err(fault),
                    }
                }
                Place::Payload(coming) if coming.left > 0 => {
                    if input.is_empty() {
                        return None;
                    }
                    let count = coming.left.min(input.len());
                    let (bytes, rest) = input.split_at(count);
                    *input = rest;
                    let into = match coming.kind.is_control() {
                        true => &mut self.control,
                        false => self.text.get_or_insert_default(),
                    };
                    let key = coming.key.iter().cycle().skip(coming.come % KEY_BYTES);
                    into.extend(bytes.iter().zip(key).map(|(byte, key)| byte ^ key));
                    coming.come += count;
                    coming.left -= count;
                    continue;
                }
                Place::Payload(coming) => {
                    let coming = *coming;
                    self.place = NO_HEAD;
                    self.end(coming)
                }
            };
            match done {
                Ok(None) => {}
                Ok(Some(message)) => {
                    if let Message::End(_) = message {
                        self.place = Place::Over;
                    }
                    return Some(message);
                }
                Err((why, reason)) => {
                    *self = Self { place: Place::Over, ..Self::default() };
                    return Some(Message::Fault(why, reason));
                }
            }
        }
    }

    /// The head of a frame is there.
    fn begin(&mut self, coming: Coming) -> Result<Option<Message>, Fault> {
        let so_far = self.text.as_ref().map(Vec::len);
        match (coming.kind, so_far) {
            (Kind::Text, None) if coming.left <= MAX_LINE_BYTES => self.text = Some(Vec::new()),
            (Kind::Continuation, Some(so_far)) if so_far + coming.left <= MAX_LINE_BYTES => {}
            (Kind::Text, None) | (Kind::Continuation, Some(_)) => return Err(TOO_BIG),
            (Kind::Text, Some(_)) => {
                return Err((Close::Protocol, "A message begins inside of another."));
            }
            (Kind::Continuation, None) => {
                return Err((Close::Protocol, "Nothing is there that could go on."));
            }
            (Kind::Close | Kind::Ping | Kind::Pong, _) => self.control = Vec::new(),
        }
        self.place = Place::Payload(coming);
        Ok(None)
    }

    /// A frame has come whole.
    fn end(&mut self, coming: Coming) -> Result<Option<Message>, Fault> {
        Ok(match coming.kind {
            Kind::Text | Kind::Continuation if !coming.fin => None,
            Kind::Text | Kind::Continuation => {
                let text = String::from_utf8(self.text.take().unwrap_or_default());
                Some(Message::Line(text.map_err(|_| (Close::NotUtf8, "Text is UTF-8."))?))
            }
            Kind::Ping => Some(Message::Ping(std::mem::take(&mut self.control))),
            Kind::Pong => Some(Message::Pong),
            Kind::Close => Some(Message::End(self.read_end()?)),
        })
    }

    /// The code with which the peer ends the connection (§5.5.1, §7.4).
    fn read_end(&mut self) -> Result<Option<u16>, Fault> {
        let control = std::mem::take(&mut self.control);
        match control.split_first_chunk() {
            None if control.is_empty() => Ok(None),
            None => Err((Close::Protocol, "A close code has two bytes.")),
            Some((code, reason)) => {
                let code = u16::from_be_bytes(*code);
                if !matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999) {
                    return Err((Close::Protocol, "This close code is not for the wire."));
                }
                match std::str::from_utf8(reason) {
                    Ok(_) => Ok(Some(code)),
                    Err(_) => Err((Close::NotUtf8, "A reason is UTF-8.")),
                }
            }
        }
    }
}

/// Reads the head of a frame; nothing yet where more bytes are needed. What is wrong with it is known as
/// early as can be, so that nothing waits for the rest of a frame that is refused.
fn read_head(bytes: &[u8]) -> Result<Option<Coming>, Fault> {
    let protocol = |reason| Err((Close::Protocol, reason));
    let Some(&first) = bytes.first() else { return Ok(None) };
    if first & RESERVED != 0 {
        return protocol("No extension was agreed on.");
    }
    let kind = match first & OPCODE {
        0x0 => Kind::Continuation,
        0x1 => Kind::Text,
        0x2 => return Err((Close::NotText, "Only text is understood.")),
        0x8 => Kind::Close,
        0x9 => Kind::Ping,
        0xA => Kind::Pong,
        _ => return protocol("There is no such frame."),
    };
    let fin = first & FIN != 0;
    if kind.is_control() && !fin {
        return protocol("A control frame is whole.");
    }
    let Some(&second) = bytes.get(1) else { return Ok(None) };
    if second & MASKED == 0 {
        return protocol("A client masks what it sends.");
    }
    let (extended, least) = match second & LENGTH {
        126 => (2, 126),
        127 => (8, 1 << 16),
        _ => (0, 0),
    };
    if kind.is_control() && extended > 0 {
        return protocol("A control frame is short.");
    }
    let Some(length) = bytes.get(2..2 + extended) else { return Ok(None) };
    let length = match extended {
        0 => u64::from(second & LENGTH),
        _ => length.iter().fold(0, |length, byte| length << 8 | u64::from(*byte)),
    };
    if length < least {
        return protocol("A length takes as few bytes as it can.");
    }
    let most = if kind.is_control() { MAX_CONTROL_BYTES } else { MAX_LINE_BYTES };
    let Some(left) = usize::try_from(length).ok().filter(|length| *length <= most) else {
        return Err(TOO_BIG);
    };
    let key = bytes.get(2 + extended..).and_then(|key| key.first_chunk());
    Ok(key.map(|key| Coming { kind, fin, key: *key, come: 0, left }))
}

#[cfg(test)]
#[path = "ws_tests.rs"]
mod tests;
