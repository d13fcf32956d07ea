//! The telnet protocol, as far as a server needs it that wants two options: ECHO, for passwords, and
//! NAWS, for the width of the terminal.
//!
//! Sources: RFC 854 and 1184 (commands), RFC 855 (options and subnegotiation), RFC 857 (ECHO), RFC 1073
//! (NAWS), RFC 1143 (the Q method). Every other option of ours and of the peer's is in state NO and stays there,
//! so a request is refused each time and an acknowledgement is never answered, which is what keeps
//! negotiation from looping. An answer to our own WILL ECHO or DO NAWS is an acknowledgement too.

use crate::chat::settings::Width;

/// Interpret as command.
pub const IAC: u8 = 255;
const DONT: u8 = 254;
const DO: u8 = 253;
const WONT: u8 = 252;
const WILL: u8 = 251;
const SB: u8 = 250;
const EL: u8 = 248;
const EC: u8 = 247;
const AYT: u8 = 246;
const SE: u8 = 240;
const EOF: u8 = 236;
/// RFC 857: whoever echoes what the client types. A server that says it will, and does not, hides it.
const ECHO: u8 = 1;
/// RFC 1073: how many columns and rows the client's window has.
const NAWS: u8 = 31;

/// Most bytes of a subnegotiation, as many as of a line. One that never ends would otherwise swallow all that
/// follows.
const MAX_SUBNEGOTIATION_BYTES: u16 = 8 * 1_024;

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum State {
    #[default]
    Data,
    Command,
    /// After WILL, WONT, DO or DONT.
    Option(u8),
    /// In a subnegotiation, before its option.
    SubOption,
    /// In one, after so many bytes of it.
    Sub(u16),
    /// In the same, after an IAC.
    SubCommand(u16),
    /// In the one of NAWS, after so many bytes, with the width as far as it has come.
    Size(u8, u16),
    /// In the same, after an IAC.
    SizeCommand(u8, u16),
}

/// Bytes that NAWS tells: two of columns and two of rows.
const SIZE_BYTES: u8 = 4;

/// What a byte turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Token {
    /// A byte of the text.
    Data(u8),
    /// The peer wants this sent back.
    Reply([u8; 3]),
    /// NAWS: the columns of the peer's terminal; none where it takes back what it told.
    Width(Option<u16>),
    /// AYT: the peer asks whether we are there.
    AreYouThere,
    /// EOF (RFC 1184): the peer's input is over.
    EndOfFile,
    /// EC: take back the last character.
    EraseCharacter,
    /// EL: take back the line so far.
    EraseLine,
}

/// Takes telnet commands out of a stream of bytes, however it is cut.
#[derive(Debug, Default)]
pub struct Telnet {
    state: State,
    /// What is agreed. Bits, since every connection has them.
    flags: u8,
}

/// We have said that we echo, and do not: the client shows nothing of what is typed.
const HIDING: u8 = 1;
/// The peer has sent a command, so it speaks telnet.
const SPEAKS: u8 = 1 << 1;
/// We have asked for the size of the peer's window, and it has not said whether it tells.
const SIZE_ASKED: u8 = 1 << 2;
/// The peer has said that it tells.
const SIZE_AGREED: u8 = 1 << 3;

impl Telnet {
    fn is(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    fn set(&mut self, flag: u8, on: bool) {
        self.flags = if on { self.flags | flag } else { self.flags & !flag };
    }

    /// Whether the peer has shown that it speaks telnet.
    pub fn speaks(&self) -> bool {
        self.is(SPEAKS)
    }

    /// Has the client hide what is typed, or show it again: the command to be sent.
    pub fn hide_typing(&mut self, hide: bool) -> [u8; 3] {
        self.set(HIDING, hide);
        [IAC, if hide { WILL } else { WONT }, ECHO]
    }

    /// Asks how wide the client's terminal is: the command to be sent. Nobody need wait for the answer.
    pub fn ask_size(&mut self) -> [u8; 3] {
        self.set(SIZE_ASKED, true);
        [IAC, DO, NAWS]
    }

    /// Whether the next byte, unless it is an IAC, is plain data.
    pub fn is_idle(&self) -> bool {
        self.state == State::Data
    }

    /// Takes the next byte.
    pub fn step(&mut self, byte: u8) -> Option<Token> {
        let (state, token) = match (self.state, byte) {
            (State::Data, IAC) => {
                self.set(SPEAKS, true);
                (State::Command, None)
            }
            (State::Data, _) => (State::Data, Some(Token::Data(byte))),
            (State::Command, IAC) => (State::Data, Some(Token::Data(IAC))),
            (State::Command, WILL | WONT | DO | DONT) => (State::Option(byte), None),
            (State::Command, SB) => (State::SubOption, None),
            (State::Command, AYT) => (State::Data, Some(Token::AreYouThere)),
            (State::Command, EOF) => (State::Data, Some(Token::EndOfFile)),
            (State::Command, EC) => (State::Data, Some(Token::EraseCharacter)),
            (State::Command, EL) => (State::Data, Some(Token::EraseLine)),
            (State::Command, _) => (State::Data, None),
            (State::Option(verb), option) => (State::Data, self.negotiate(verb, option)),
            (State::SubOption, NAWS) => (State::Size(0, 0), None),
            (State::SubOption, IAC) => (State::SubCommand(0), None),
            (State::SubOption, _) => (State::Sub(1), None),
            (State::Sub(n), IAC) => (State::SubCommand(n), None),
            (State::Size(n, width), IAC) => (State::SizeCommand(n, width), None),
            (State::SizeCommand(SIZE_BYTES, width), SE) => (State::Data, told(width)),
            (State::SubCommand(_) | State::SizeCommand(..), SE) => (State::Data, None),
            (State::Sub(n), _) | (State::SubCommand(n), IAC) => (in_sub(n), None),
            (State::Size(n, width), _) | (State::SizeCommand(n, width), IAC) => {
                (in_size(n, width, byte), None)
            }
            // One that nobody ended: this is the next command.
            (State::SubCommand(_) | State::SizeCommand(..), _) => {
                self.state = State::Command;
                return self.step(byte);
            }
        };
        self.state = state;
        token
    }

    /// The peer wants an option, or does not; or says so of one that we have asked for.
    fn negotiate(&mut self, verb: u8, option: u8) -> Option<Token> {
        let reply = |verb| Some(Token::Reply([IAC, verb, option]));
        match (verb, option) {
            (WILL, NAWS) => {
                let acknowledges = self.is(SIZE_ASKED | SIZE_AGREED);
                self.set(SIZE_ASKED, false);
                self.set(SIZE_AGREED, true);
                if acknowledges { None } else { reply(DO) }
            }
            (WONT, NAWS) => {
                let ends = self.is(SIZE_AGREED);
                self.set(SIZE_ASKED | SIZE_AGREED, false);
                if ends { reply(DONT) } else { None }
            }
            (WILL, _) => reply(DONT),
            (DO, ECHO) if self.is(HIDING) => None,
            (DO, _) => reply(WONT),
            _ => None,
        }
    }
}

/// After one more byte of a subnegotiation.
fn in_sub(taken: u16) -> State {
    if taken < MAX_SUBNEGOTIATION_BYTES { State::Sub(taken + 1) } else { State::Data }
}

/// After one more of that of NAWS: columns, then rows, which nobody here needs. A longer one is none.
fn in_size(taken: u8, width: u16, byte: u8) -> State {
    match taken {
        0 | 1 => State::Size(taken + 1, width << 8 | u16::from(byte)),
        2 | 3 => State::Size(taken + 1, width),
        _ => in_sub(taken.into()),
    }
}

/// What a width says that a peer has told. 0 is for one that it does not know (RFC 1073).
fn told(width: u16) -> Option<Token> {
    match width {
        0 => Some(Token::Width(None)),
        width => Width::columns(width).map(|_| Token::Width(Some(width))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(bytes: &[u8]) -> (Vec<u8>, Vec<Token>) {
        let mut telnet = Telnet::default();
        let (mut data, mut others) = (Vec::new(), Vec::new());
        for &byte in bytes {
            match telnet.step(byte) {
                Some(Token::Data(byte)) => data.push(byte),
                Some(other) => others.push(other),
                None => {}
            }
        }
        (data, others)
    }

    #[test]
    fn commands_are_taken_out_and_options_refused() {
        let cases: [(&[u8], &[u8], &[Token]); 15] = [
            (b"plain", b"plain", &[]),
            (&[b'a', IAC, IAC, b'b'], &[b'a', IAC, b'b'], &[]),
            (&[IAC, WILL, 24, b'x'], b"x", &[Token::Reply([IAC, DONT, 24])]),
            (&[IAC, DO, 1, b'x'], b"x", &[Token::Reply([IAC, WONT, 1])]),
            (&[IAC, WONT, 24, IAC, DONT, 1, b'x'], b"x", &[]),
            (&[IAC, SB, 24, 0, b'v', b't', IAC, SE, b'x'], b"x", &[]),
            (&[IAC, SB, 24, 0, IAC, IAC, 7, IAC, SE, b'x'], b"x", &[]),
            (&[IAC, SB, IAC, SE, b'x'], b"x", &[]),
            (&[IAC, AYT, b'x'], b"x", &[Token::AreYouThere]),
            (&[IAC, EC, IAC, EL], b"", &[Token::EraseCharacter, Token::EraseLine]),
            (&[IAC, EOF, b'x'], b"x", &[Token::EndOfFile]),
            (&[IAC, 241, IAC, 244, b'x'], b"x", &[]),
            (&[IAC, SB, 24, 0, IAC, WILL, 24, b'x'], b"x", &[Token::Reply([IAC, DONT, 24])]),
            (&[IAC, SB, 31, 0, 80, 0, 24, IAC, AYT, b'x'], b"x", &[Token::AreYouThere]),
            (&[IAC, SB, IAC, DO, 3, b'x'], b"x", &[Token::Reply([IAC, WONT, 3])]),
        ];
        for (bytes, data, others) in cases {
            assert_eq!(tokens(bytes), (data.to_vec(), others.to_vec()), "{bytes:?}");
        }
    }

    #[test]
    fn an_answer_to_our_own_offer_to_echo_is_not_refused() {
        let mut telnet = Telnet::default();
        let answer = |telnet: &mut Telnet, bytes: &[u8]| {
            bytes.iter().filter_map(|byte| telnet.step(*byte)).collect::<Vec<_>>()
        };
        assert!(!telnet.speaks());
        assert_eq!(telnet.hide_typing(true), [IAC, WILL, ECHO]);
        assert_eq!(answer(&mut telnet, &[IAC, DO, ECHO]), []);
        assert!(telnet.speaks());
        assert_eq!(telnet.hide_typing(false), [IAC, WONT, ECHO]);
        assert_eq!(answer(&mut telnet, &[IAC, DONT, ECHO]), []);
        assert_eq!(answer(&mut telnet, &[IAC, DO, ECHO]), [Token::Reply([IAC, WONT, ECHO])]);
    }

    #[test]
    fn the_width_of_a_terminal_is_read_where_it_can_be_one() {
        let told = |size: &[u8]| {
            let mut bytes = vec![IAC, SB, NAWS];
            bytes.extend(size);
            bytes.extend([IAC, SE, b'x']);
            let (data, others) = tokens(&bytes);
            assert_eq!(data, b"x", "{size:?}");
            others
        };
        let width = |columns| vec![Token::Width(columns)];
        for (size, want) in [
            (&[0, 80, 0, 24][..], width(Some(80))),
            (&[0, 20, 0, 0], width(Some(20))),
            (&[1, 0xF4, 0, 24], width(Some(500))),
            (&[0, IAC, IAC, 0, 24], width(Some(255))),
            (&[0, 0, 0, 24], width(None)),
            (&[0, 19, 0, 24], vec![]),
            (&[1, 0xF5, 0, 24], vec![]),
            (&[IAC, IAC, IAC, IAC, 0, 24], vec![]),
            (&[0, 80, 0], vec![]),
            (&[0, 80, 0, 24, 0], vec![]),
            (&[], vec![]),
        ] {
            assert_eq!(told(size), want, "{size:?}");
        }
    }

    #[test]
    fn the_size_of_the_window_is_negotiated_without_a_loop() {
        let heard = |telnet: &mut Telnet, verb| {
            let tokens = [IAC, verb, NAWS].map(|byte| telnet.step(byte));
            assert_eq!(tokens[..2], [None, None]);
            tokens[2]
        };
        let reply = |verb| Some(Token::Reply([IAC, verb, NAWS]));
        let mut asked = Telnet::default();
        assert_eq!(asked.ask_size(), [IAC, DO, NAWS]);
        for (verb, want) in
            [(WILL, None), (WILL, None), (WONT, reply(DONT)), (WONT, None), (WILL, reply(DO))]
        {
            assert_eq!(heard(&mut asked, verb), want, "{verb}");
        }
        let mut refused = Telnet::default();
        refused.ask_size();
        assert_eq!((heard(&mut refused, WONT), heard(&mut refused, WILL)), (None, reply(DO)));
        let mut offered = Telnet::default();
        assert_eq!((heard(&mut offered, WILL), heard(&mut offered, WILL)), (reply(DO), None));
        assert_eq!(heard(&mut offered, DO), reply(WONT), "a size of ours there is not");
    }

    #[test]
    fn a_subnegotiation_that_never_ends_is_given_up() {
        let mut bytes = vec![IAC, SB, 24];
        bytes.extend([b'x'; MAX_SUBNEGOTIATION_BYTES as usize]);
        bytes.extend(b"hello");
        assert_eq!(tokens(&bytes).0, b"hello");
    }
}
