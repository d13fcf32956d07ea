//! A client of SSH that says what it is told to by any bytes: before keys are exchanged, or encrypted with keys that
//! it has exchanged like any other, so that what is behind them is reached too.
//!
//! It has one algorithm of each kind, and does not look at who the server is. References: RFC 4253 (packets, keys),
//! RFC 8731 (curve25519-sha256), RFC 5647 with OpenSSH's PROTOCOL §1.6 (aes256-gcm@openssh.com), RFC 4252, 4254
//! and 4256 (what is asked for).

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

use openssl::derive::Deriver;
use openssl::pkey::{Id, PKey};
use openssl::sha::sha256;
use openssl::symm::{Cipher, encrypt_aead};

/// For the server to end a connection whose client has ended its own sending: far more than it takes.
const END_TIME: Duration = Duration::from_secs(20);

/// How long nothing comes of a server that has said all.
const QUIET: Duration = Duration::from_millis(30);

const VERSION: &[u8] = b"SSH-2.0-bytes";

/// Whatever the server says before it is known what it is to be told.
const MAX_REPLY_BYTES: usize = 64 * 1024;

/// Plays what the bytes say to a server of SSH on a port of this machine.
///
/// # Panics
/// The server does not come to an end.
pub(super) fn play(port: u16, data: &[u8]) {
    let mut input = Input(data);
    let tcp = TcpStream::connect(("127.0.0.1", port)).expect("it listens");
    for set in [TcpStream::set_read_timeout, TcpStream::set_write_timeout] {
        set(&tcp, Some(END_TIME)).expect("a socket takes a time-out");
    }
    tcp.set_nodelay(true).expect("a socket takes its options");
    let mut wire = Wire { tcp, seal: None };
    // Where the server has closed it before all is said, that is an end too.
    let _ = match input.byte() % 4 {
        0 => wire.tcp.write_all(input.0),
        1 => wire.say_clear_packets(&mut input),
        2 => wire.say_mutated_handshake(&mut input),
        _ => wire.exchange_keys().and_then(|()| wire.carry_out(&mut input)),
    };
    wire.wait_for_end();
}

/// Bytes that are read as far as there are any, and 0 from there on.
struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn take(&mut self, count: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(count.min(self.0.len()));
        self.0 = rest;
        taken
    }

    fn byte(&mut self) -> u8 {
        self.take(1).first().copied().unwrap_or(0)
    }

    fn number(&mut self) -> u32 {
        self.take(4).iter().fold(0, |number, byte| number << 8 | u32::from(*byte))
    }

    /// Some, with how many before them.
    fn some(&mut self) -> &'a [u8] {
        let count = usize::from(self.byte());
        self.take(count)
    }
}

/// What a packet holds.
#[derive(Default)]
struct Payload(Vec<u8>);

impl Payload {
    fn of(kind: u8) -> Self {
        Self(vec![kind])
    }

    fn raw(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }

    fn number(self, number: u32) -> Self {
        self.raw(&number.to_be_bytes())
    }

    fn string(self, bytes: &[u8]) -> Self {
        let len = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        self.number(len).raw(bytes)
    }

    /// A number of any length that is not negative (RFC 4251 §5).
    fn big(self, bytes: &[u8]) -> Self {
        let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
        let bytes = &bytes[zeros..];
        match bytes.first() {
            Some(0x80..) => self.string(&[&[0], bytes].concat()),
            _ => self.string(bytes),
        }
    }
}

/// The client's keys once they are exchanged, for what it sends. What comes it does not read.
struct Seal {
    key: [u8; 32],
    nonce: [u8; 12],
}

struct Wire {
    tcp: TcpStream,
    seal: Option<Seal>,
}

type Said = std::io::Result<()>;

/// What the client wants: one algorithm of each kind.
fn key_init() -> Vec<u8> {
    let mut payload = Payload::of(20).raw(&[7; 16]);
    for names in ["curve25519-sha256", "ssh-ed25519"] {
        payload = payload.string(names.as_bytes());
    }
    for names in ["aes256-gcm@openssh.com", "hmac-sha2-256", "none", ""] {
        payload = payload.string(names.as_bytes()).string(names.as_bytes());
    }
    payload.raw(&[0; 5]).0
}

/// A packet around a payload, with padding up to a whole number of blocks, and what of it counts for that.
fn framed(payload: &[u8], block: usize, before: usize) -> Vec<u8> {
    let padding = 4 + (block - (before + 1 + payload.len() + 4) % block) % block;
    let len = u32::try_from(1 + payload.len() + padding).unwrap_or(u32::MAX);
    let padding_len = u8::try_from(padding).unwrap_or(u8::MAX);
    [&len.to_be_bytes()[..], &[padding_len], payload, &vec![0; padding]].concat()
}

fn clear(payload: &[u8]) -> Vec<u8> {
    framed(payload, 8, 4)
}

impl Wire {
    fn send(&mut self, payload: &[u8]) -> Said {
        let packet = match &mut self.seal {
            None => clear(payload),
            Some(seal) => seal.seal(&framed(payload, 16, 0)),
        };
        self.tcp.write_all(&packet)
    }

    fn say_clear_packets(&mut self, input: &mut Input<'_>) -> Said {
        self.tcp.write_all(&[VERSION, b"\r\n"].concat())?;
        if input.byte().is_multiple_of(2) {
            self.send(&key_init())?;
        }
        while !input.0.is_empty() {
            let payload = input.some();
            self.send(payload)?;
        }
        Ok(())
    }

    /// A handshake with other bytes in some places, cut somewhere.
    fn say_mutated_handshake(&mut self, input: &mut Input<'_>) -> Said {
        let ours = PKey::generate_x25519()?.raw_public_key()?;
        let mut all = [VERSION, b"\r\n"].concat();
        for payload in [key_init(), Payload::of(30).string(&ours).0, vec![21]] {
            all.extend(clear(&payload));
        }
        all.truncate(usize::from(input.byte()) * 4);
        for _ in 0..input.byte() % 8 {
            let (at, with) = (input.number() as usize, input.byte());
            let at = at % all.len().max(1);
            if let Some(byte) = all.get_mut(at) {
                *byte ^= with;
            }
        }
        all.extend_from_slice(input.0);
        self.tcp.write_all(&all)
    }

    /// Does as any client does, up to where everything is encrypted.
    fn exchange_keys(&mut self) -> Said {
        self.tcp.write_all(&[VERSION, b"\r\n"].concat())?;
        let server_version = self.read_line()?;
        let (ours, theirs) = (key_init(), self.read_packet()?);
        self.send(&ours)?;
        let pair = PKey::generate_x25519()?;
        let public = pair.raw_public_key()?;
        self.send(&Payload::of(30).string(&public).0)?;
        let reply = self.read_packet()?;
        let mut reply = Input(reply.get(1..).unwrap_or_default());
        let mut string = || {
            let len = reply.number() as usize;
            reply.take(len)
        };
        let (host_key, server_public) = (string(), string());
        let peer = PKey::public_key_from_raw_bytes(server_public, Id::X25519)?;
        let mut deriver = Deriver::new(&pair)?;
        deriver.set_peer(&peer)?;
        let shared = Payload::default().big(&deriver.derive_to_vec()?).0;
        let mut hashed = Payload::default().string(VERSION).string(&server_version);
        for part in [&ours[..], &theirs, host_key, &public, server_public] {
            hashed = hashed.string(part);
        }
        let hash = sha256(&hashed.raw(&shared).0);
        let key = |letter: u8| sha256(&[&shared[..], &hash, &[letter], &hash].concat());
        self.send(&[21])?;
        let (iv, key) = (key(b'A'), key(b'C'));
        let mut nonce = [0; 12];
        nonce.copy_from_slice(&iv[..12]);
        self.seal = Some(Seal { key, nonce });
        Ok(())
    }

    fn read_line(&mut self) -> std::io::Result<Vec<u8>> {
        let (mut line, mut byte) = (Vec::new(), [0]);
        while byte != *b"\n" {
            self.tcp.read_exact(&mut byte)?;
            line.extend(byte.iter().filter(|byte| !b"\r\n".contains(byte)));
        }
        Ok(line)
    }

    /// The payload of a packet that is not encrypted.
    fn read_packet(&mut self) -> std::io::Result<Vec<u8>> {
        let mut head = [0; 5];
        self.tcp.read_exact(&mut head)?;
        let [a, b, c, d, padding] = head;
        let len = u32::from_be_bytes([a, b, c, d]) as usize;
        let rest = len.checked_sub(1).filter(|rest| *rest < MAX_REPLY_BYTES);
        let mut payload = vec![0; rest.ok_or(ErrorKind::InvalidData)?];
        self.tcp.read_exact(&mut payload)?;
        payload.truncate(payload.len().saturating_sub(padding.into()));
        Ok(payload)
    }

    /// Asks for what the bytes say, in packets that mean something more often than not.
    fn carry_out(&mut self, input: &mut Input<'_>) -> Said {
        while !input.0.is_empty() {
            let kind = input.byte();
            // Those of the server begin with 2.
            let channel = 2 + u32::from(kind >> 6);
            match kind % 25 {
                0 => self.send(input.some())?,
                1 => self.log_in(b"bytes")?,
                2 => {
                    let name = input.some();
                    self.log_in(name)?;
                }
                3 => self.send(&Payload::of(5).string(input.some()).0)?,
                4 => {
                    let (method, more) = (input.some(), input.some());
                    self.send(&request(b"bytes", method).raw(more).0)?;
                }
                5 => {
                    let (algorithm, key) = (input.some(), input.some());
                    let offer = request(b"bytes", b"publickey").raw(&[0]).string(algorithm);
                    self.send(&offer.string(key).0)?;
                }
                6 => {
                    // One that is a key.
                    let key =
                        Payload::default().string(b"ssh-ed25519").string(&[input.byte(); 32]).0;
                    let offer = request(b"bytes", b"publickey").raw(&[input.byte() % 2]);
                    let offer = offer.string(b"ssh-ed25519").string(&key);
                    self.send(&offer.string(input.some()).0)?;
                }
                7 => self.send(&Payload::of(61).number(input.number() % 5).raw(input.some()).0)?,
                8 => self.open(b"session")?,
                9 => {
                    let what = input.some();
                    self.open(what)?;
                }
                10 => self.ask(channel, b"shell", &[])?,
                11 => {
                    let line = Payload::default().string(input.some()).0;
                    self.ask(channel, b"exec", &line)?;
                }
                12 => {
                    let terminal = Payload::default().string(input.some());
                    let terminal = terminal.number(input.number()).number(input.number());
                    let terminal = terminal.number(0).number(0).string(input.some());
                    self.ask(channel, b"pty-req", &terminal.0)?;
                }
                13 => {
                    let size = Payload::default().number(input.number()).number(input.number());
                    self.ask(channel, b"window-change", &size.number(0).number(0).0)?;
                }
                14 => {
                    let (what, more) = (input.some(), input.some());
                    self.ask(channel, what, more)?;
                }
                15..=17 => self.send(&Payload::of(94).number(channel).string(input.some()).0)?,
                18 => self.send(&Payload::of(93).number(channel).number(input.number()).0)?,
                19 => self.send(&Payload::of(96).number(channel).0)?,
                20 => self.send(&Payload::of(97).number(channel).0)?,
                21 => {
                    let (what, more) = (input.some(), input.some());
                    self.send(&Payload::of(80).string(what).raw(&[1]).raw(more).0)?;
                }
                // New keys are asked for, and what follows may come to nothing.
                22 => self.send(&key_init())?,
                23 => self.see()?,
                _ => {
                    let bytes = input.some();
                    self.tcp.write_all(bytes)?;
                }
            }
        }
        Ok(())
    }

    /// Takes what the server has to say, until it says no more for a while: what was asked for has happened then.
    fn see(&mut self) -> Said {
        self.tcp.set_read_timeout(Some(QUIET))?;
        let mut bytes = [0; 16 * 1024];
        let begun = Instant::now();
        while begun.elapsed() < END_TIME {
            match self.tcp.read(&mut bytes) {
                Ok(0) => break,
                Ok(_) => {}
                Err(error)
                    if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) =>
                {
                    break;
                }
                Err(error) => return Err(error),
            }
        }
        self.tcp.set_read_timeout(Some(END_TIME))
    }

    /// As a guest does, who is asked nothing.
    fn log_in(&mut self, name: &[u8]) -> Said {
        self.send(&Payload::of(5).string(b"ssh-userauth").0)?;
        self.send(&request(name, b"keyboard-interactive").string(b"").string(b"").0)?;
        self.send(&Payload::of(61).number(0).0)
    }

    fn open(&mut self, what: &[u8]) -> Said {
        let numbers = [0, 1 << 20, 1 << 15];
        let open = numbers.into_iter().fold(Payload::of(90).string(what), Payload::number);
        self.send(&open.0)
    }

    fn ask(&mut self, channel: u32, what: &[u8], more: &[u8]) -> Said {
        self.send(&Payload::of(98).number(channel).string(what).raw(&[1]).raw(more).0)
    }

    /// Reads until the server has ended the connection.
    fn wait_for_end(mut self) {
        // It is closed already where the server was first.
        let _ = self.tcp.shutdown(Shutdown::Write);
        let (start, mut bytes) = (Instant::now(), [0; 16 * 1024]);
        loop {
            match self.tcp.read(&mut bytes) {
                Ok(0) => return,
                Ok(_) => assert!(start.elapsed() < END_TIME, "it goes on and on"),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => {
                    let is_late =
                        matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut);
                    assert!(!is_late, "the connection does not end");
                    return;
                }
            }
        }
    }
}

/// A wish to log in, up to where the method begins.
fn request(name: &[u8], method: &[u8]) -> Payload {
    Payload::of(50).string(name).string(b"ssh-connection").string(method)
}

impl Seal {
    fn seal(&mut self, packet: &[u8]) -> Vec<u8> {
        let (len, rest) = packet.split_at(4);
        let (cipher, mut tag) = (Cipher::aes_256_gcm(), [0; 16]);
        let sealed = encrypt_aead(cipher, &self.key, Some(&self.nonce), len, rest, &mut tag);
        for byte in self.nonce[4..].iter_mut().rev() {
            *byte = byte.wrapping_add(1);
            if *byte != 0 {
                break;
            }
        }
        [len, &sealed.expect("the key and the nonce have their lengths"), &tag].concat()
    }
}
