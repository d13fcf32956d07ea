//! The telnet protocol, as far as a server needs it that wants no option but ECHO, for passwords.
//!
//! Sources: RFC 854 (commands), RFC 855 (options and subnegotiation), RFC 857 (ECHO), RFC 1143 (the Q
//! method). Every other option of ours and of the peer's is in state NO and stays there, so a request
//! is refused each time and an acknowledgement is never answered, which is what keeps negotiation from
//! looping. An answer to our own WILL ECHO is an acknowledgement too.

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
/// RFC 857: whoever echoes what the client types. A server that says it will, and does not, hides it.
const ECHO: u8 = 1;

/// Most bytes of a subnegotiation. One that never ends would otherwise swallow all that follows.
const MAX_SUBNEGOTIATION_BYTES: u16 = 1_024;

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum State {
    #[default]
    Data,
    Command,
    /// After WILL, WONT, DO or DONT.
    Option(u8),
    /// In a subnegotiation, after so many bytes of it.
    Sub(u16),
    /// In the same, after an IAC.
    SubCommand(u16),
}

/// What a byte turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Token {
    /// A byte of the text.
    Data(u8),
    /// The peer wants this sent back.
    Refuse([u8; 3]),
    /// AYT: the peer asks whether we are there.
    AreYouThere,
    /// EC: take back the last character.
    EraseCharacter,
    /// EL: take back the line so far.
    EraseLine,
}

/// Takes telnet commands out of a stream of bytes, however it is cut.
#[derive(Debug, Default)]
pub struct Telnet {
    state: State,
    /// We have said that we echo, and do not: the client shows nothing of what is typed.
    hiding: bool,
    /// The peer has sent a command, so it speaks telnet.
    speaks: bool,
}

impl Telnet {
    /// Whether the peer has shown that it speaks telnet.
    pub fn speaks(&self) -> bool {
        self.speaks
    }

    /// Has the client hide what is typed, or show it again: the command to be sent.
    pub fn hide_typing(&mut self, hide: bool) -> [u8; 3] {
        self.hiding = hide;
        [IAC, if hide { WILL } else { WONT }, ECHO]
    }

    /// Whether the next byte, unless it is an IAC, is plain data.
    pub fn is_idle(&self) -> bool {
        self.state == State::Data
    }

    /// Takes the next byte.
    pub fn step(&mut self, byte: u8) -> Option<Token> {
        let (state, token) = match (self.state, byte) {
            (State::Data, IAC) => {
                self.speaks = true;
                (State::Command, None)
            }
            (State::Data, _) => (State::Data, Some(Token::Data(byte))),
            (State::Command, IAC) => (State::Data, Some(Token::Data(IAC))),
            (State::Command, WILL | WONT | DO | DONT) => (State::Option(byte), None),
            (State::Command, SB) => (State::Sub(0), None),
            (State::Command, AYT) => (State::Data, Some(Token::AreYouThere)),
            (State::Command, EC) => (State::Data, Some(Token::EraseCharacter)),
            (State::Command, EL) => (State::Data, Some(Token::EraseLine)),
            (State::Command, _) => (State::Data, None),
            (State::Option(WILL), _) => (State::Data, Some(Token::Refuse([IAC, DONT, byte]))),
            (State::Option(DO), ECHO) if self.hiding => (State::Data, None),
            (State::Option(DO), _) => (State::Data, Some(Token::Refuse([IAC, WONT, byte]))),
            (State::Option(_), _) => (State::Data, None),
            (State::Sub(n), IAC) => (State::SubCommand(n), None),
            (State::SubCommand(_), SE) => (State::Data, None),
            (State::Sub(n) | State::SubCommand(n), _) if n >= MAX_SUBNEGOTIATION_BYTES => {
                (State::Data, None)
            }
            (State::Sub(n) | State::SubCommand(n), _) => (State::Sub(n + 1), None),
        };
        self.state = state;
        token
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
        let cases: [(&[u8], &[u8], &[Token]); 11] = [
            (b"plain", b"plain", &[]),
            (&[b'a', IAC, IAC, b'b'], &[b'a', IAC, b'b'], &[]),
            (&[IAC, WILL, 31, b'x'], b"x", &[Token::Refuse([IAC, DONT, 31])]),
            (&[IAC, DO, 1, b'x'], b"x", &[Token::Refuse([IAC, WONT, 1])]),
            (&[IAC, WONT, 31, IAC, DONT, 1, b'x'], b"x", &[]),
            (&[IAC, SB, 31, 0, 80, 0, 24, IAC, SE, b'x'], b"x", &[]),
            (&[IAC, SB, 24, 0, IAC, IAC, 7, IAC, SE, b'x'], b"x", &[]),
            (&[IAC, SB, IAC, SE, b'x'], b"x", &[]),
            (&[IAC, AYT, b'x'], b"x", &[Token::AreYouThere]),
            (&[IAC, EC, IAC, EL], b"", &[Token::EraseCharacter, Token::EraseLine]),
            (&[IAC, 241, IAC, 244, b'x'], b"x", &[]),
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
        assert_eq!(answer(&mut telnet, &[IAC, DO, ECHO]), [Token::Refuse([IAC, WONT, ECHO])]);
    }

    #[test]
    fn a_subnegotiation_that_never_ends_is_given_up() {
        let mut bytes = vec![IAC, SB, 24];
        bytes.extend([b'x'; MAX_SUBNEGOTIATION_BYTES as usize]);
        bytes.extend(b"hello");
        assert_eq!(tokens(&bytes).0, b"hello");
    }
}
