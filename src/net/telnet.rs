//! The telnet protocol, as far as a server needs it that may edit the line of a terminal.
//!
//! Sources: RFC 854 and 1184 (commands), RFC 855 (options and subnegotiation), RFC 856 (BINARY), RFC 857
//! (ECHO), RFC 858 (SUPPRESS-GO-AHEAD), RFC 1073 (NAWS), RFC 1091 (TTYPE) with the convention of MTTS, RFC 1143
//! (the Q method). An option that is not among these is in state NO and stays there, so a request is refused
//! each time and an acknowledgement is never answered, which is what keeps negotiation from looping; those
//! that we have asked for are answered only where their state changes.

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
const IP: u8 = 244;
const SE: u8 = 240;
const EOF: u8 = 236;
/// RFC 856: bytes are sent as they are. inetutils telnet then has no escape character among those of a text.
const BINARY: u8 = 0;
/// RFC 857: whoever echoes what the client types. A server that says it will, and does not, hides it.
const ECHO: u8 = 1;
/// RFC 858: together with ECHO, clients send each key as it is pressed.
const SGA: u8 = 3;
/// RFC 1091: what the client's terminal is called.
const TTYPE: u8 = 24;
/// RFC 1073: how many columns and rows the client's window has.
const NAWS: u8 = 31;

/// In a subnegotiation of TTYPE: what follows is the name.
const IS: u8 = 0;

/// Asks for the name of the terminal, the next one each time (RFC 1091).
pub const SEND_TYPE: [u8; 6] = [IAC, SB, TTYPE, 1, IAC, SE];

/// How often that is asked. By the convention of MTTS a client tells its own name first, then that of its
/// terminal, then what it can; one that knows a single name tells that each time.
const TYPES: u8 = 3;

/// Most bytes of a subnegotiation, as many as of a line. One that never ends would otherwise swallow all that
/// follows.
const MAX_SUBNEGOTIATION_BYTES: u16 = 8 * 1_024;

/// Bytes that are kept of the name of a terminal, and one before it. Names have 40 at most (RFC 1091).
const TYPE_BYTES: u16 = 1 + 40;

/// Bytes that NAWS tells: two of columns and two of rows.
const SIZE_BYTES: u16 = 4;

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum State {
    #[default]
    Data,
    Command,
    /// After WILL, WONT, DO or DONT.
    Option(u8),
    /// In a subnegotiation, before its option.
    SubOption,
    /// In that of an option, after so many bytes of it.
    Sub(u8, u16),
    /// In the same, after an IAC.
    SubCommand(u8, u16),
}

/// What a byte turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Token {
    /// A byte of the text.
    Data(u8),
    /// The peer wants this sent back.
    Reply([u8; 3]),
    /// An option that we have asked for stands otherwise from here on.
    Changed,
    /// What the peer has told of its client; none before it has told anything. Where it is to be asked `on`,
    /// [`SEND_TYPE`] is to be sent.
    Client {
        /// What it is.
        told: Option<Client>,
        /// Whether there may be more.
        on: bool,
    },
    /// NAWS: the size of the peer's window.
    Size(Size),
    /// AYT: the peer asks whether we are there.
    AreYouThere,
    /// EOF (RFC 1184): the peer's input is over.
    EndOfFile,
    /// EC: take back the last character.
    EraseCharacter,
    /// EL: take back the line so far.
    EraseLine,
    /// IP: what Ctrl-C is where a client has a command for it.
    Interrupt,
}

/// How large a window is, in characters. 0 is for what the peer does not know (RFC 1073).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// Its width.
    pub columns: u16,
    /// Its height.
    pub rows: u16,
}

/// What a client is, by what it has told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Client {
    /// A terminal, which shows what it is sent and sends keys where it is asked to.
    Terminal,
    /// One that moves no cursor.
    Dumb,
    /// It reads aloud what it is sent.
    ScreenReader,
    /// Something else, such as a client for games: those edit lines themselves.
    Other,
}

/// Terminals that send keys, by the word that their names begin with.
const TERMINALS: [&str; 16] = [
    "xterm",
    "screen",
    "tmux",
    "linux",
    "vt",
    "ansi",
    "rxvt",
    "konsole",
    "putty",
    "alacritty",
    "kitty",
    "foot",
    "st",
    "wezterm",
    "cygwin",
    "ghostty",
];

/// Makers of terminals whose names stand before those that are known.
const MAKERS: [&str; 2] = ["dec-", "digital-"];

impl Client {
    /// What a name says, the first or a later one: terminals are known by the first alone, since a client for
    /// games tells what it is like after what it is.
    fn of(name: &[u8], first: bool) -> Self {
        let name = String::from_utf8_lossy(name).trim().to_ascii_lowercase();
        if let Some(bits) = name.strip_prefix("mtts ").and_then(|bits| bits.parse::<u32>().ok()) {
            return if bits & MTTS_SCREEN_READER != 0 { Self::ScreenReader } else { Self::Other };
        }
        // The names of RFC 1700 have the maker's before the model: dec-vt220.
        let name = MAKERS.iter().find_map(|maker| name.strip_prefix(maker)).unwrap_or(&name);
        // What follows such a word in a name is a number or a variety: xterm-256color, vt100, rxvt.
        let is_of = |word: &&str| {
            let rest = name.strip_prefix(*word);
            rest.is_some_and(|rest| {
                !rest.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            })
        };
        match name {
            "dumb" => Self::Dumb,
            _ if first && (TERMINALS.iter().any(is_of) || name.ends_with("-256color")) => {
                Self::Terminal
            }
            _ => Self::Other,
        }
    }
}

/// The bit of MTTS that says that a client reads aloud what it is sent.
const MTTS_SCREEN_READER: u32 = 64;

/// An option on one side of the connection that we may ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    /// We echo what is typed, or nobody does.
    Echo,
    /// We send no GO-AHEAD, so whoever has us echo sends keys.
    Keys,
    /// What we send is binary.
    BinaryOut,
    /// What the peer sends is.
    BinaryIn,
    /// The peer tells the size of its window.
    Size,
}

impl Wish {
    fn option(self) -> u8 {
        match self {
            Self::Echo => ECHO,
            Self::Keys => SGA,
            Self::BinaryOut | Self::BinaryIn => BINARY,
            Self::Size => NAWS,
        }
    }

    fn is_ours(self) -> bool {
        match self {
            Self::Echo | Self::Keys | Self::BinaryOut => true,
            Self::BinaryIn | Self::Size => false,
        }
    }

    /// The command that agrees to it, or ends it.
    fn command(self, on: bool) -> [u8; 3] {
        let verb = match (self.is_ours(), on) {
            (true, true) => WILL,
            (true, false) => WONT,
            (false, true) => DO,
            (false, false) => DONT,
        };
        [IAC, verb, self.option()]
    }

    /// Where its standing is among the bits of [`Telnet::standings`], and how many it has there: those with
    /// two are asked for once, and have no queue.
    fn bits(self) -> (u32, u16) {
        match self {
            Self::Echo => (1, 0b111),
            Self::Keys => (4, 0b111),
            Self::BinaryOut => (7, 0b11),
            Self::BinaryIn => (9, 0b11),
            Self::Size => (11, 0b11),
        }
    }
}

/// How an option stands on one side (RFC 1143).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    No,
    Yes,
    /// We have asked to end it.
    WantNo,
    /// We have asked for it.
    WantYes,
    /// We ask for it again when it has ended.
    WantNoThenYes,
    /// We ask to end it when the peer has agreed to it.
    WantYesThenNo,
}

impl Standing {
    const ALL: [Self; 6] = [
        Self::No,
        Self::Yes,
        Self::WantNo,
        Self::WantYes,
        Self::WantNoThenYes,
        Self::WantYesThenNo,
    ];
}

/// Takes telnet commands out of a stream of bytes, however it is cut.
#[derive(Debug, Default)]
pub struct Telnet {
    state: State,
    /// How each option stands, how far the peer has told its names, and whether it has sent a command at all.
    /// Bits, since every connection has them.
    standings: u16,
}

/// The peer has sent a command, so it speaks telnet.
const SPEAKS: u16 = 1;

/// Where the names of the peer's terminal are among the bits: 0 where we have not asked for any, 1 where we
/// have asked whether it tells some, from 2 on where we have asked for so many less one, then [`TYPES_TOLD`].
const TYPE_SHIFT: u32 = 13;

/// All are told.
const TYPES_TOLD: u8 = TYPES + 2;

impl Telnet {
    /// Whether the peer has shown that it speaks telnet.
    pub fn speaks(&self) -> bool {
        self.standings & SPEAKS != 0
    }

    fn standing(&self, wish: Wish) -> Standing {
        let (shift, mask) = wish.bits();
        let index = usize::from(self.standings >> shift & mask);
        Standing::ALL.get(index).copied().unwrap_or(Standing::No)
    }

    fn set(&mut self, wish: Wish, standing: Standing) {
        let (shift, mask) = wish.bits();
        let index = Standing::ALL.iter().position(|known| *known == standing).unwrap_or(0);
        // Six of them, so it fits.
        self.standings = self.standings & !(mask << shift) | (index as u16 & mask) << shift;
    }

    fn types(&self) -> u8 {
        // Three bits.
        (self.standings >> TYPE_SHIFT) as u8
    }

    fn set_types(&mut self, types: u8) {
        let below = self.standings & ((1 << TYPE_SHIFT) - 1);
        self.standings = below | u16::from(types) << TYPE_SHIFT;
    }

    /// Whether both sides have agreed to an option.
    pub fn has(&self, wish: Wish) -> bool {
        self.standing(wish) == Standing::Yes
    }

    /// Asks for an option, or to end it: the command to be sent, where one is. A peer that speaks telnet has
    /// answered the last one before it is sent the next (RFC 1143); one that has shown nothing of that never
    /// answers.
    pub fn ask(&mut self, wish: Wish, on: bool) -> Option<[u8; 3]> {
        use Standing::{No, WantNo, WantNoThenYes, WantYes, WantYesThenNo, Yes};
        let queues = self.speaks() && wish.bits().1 == 0b111;
        let (standing, sends) = match (self.standing(wish), on) {
            (No, true) => (WantYes, true),
            (Yes, false) => (WantNo, true),
            (WantNo, true) if queues => (WantNoThenYes, false),
            (WantYes, false) if queues => (WantYesThenNo, false),
            // What is under way already.
            (WantNo, true) if self.speaks() => (WantNo, false),
            (WantNo, true) => (WantYes, true),
            (WantYes, false) => (WantNo, true),
            (WantNoThenYes, false) => (WantNo, false),
            (WantYesThenNo, true) => (WantYes, false),
            (same @ (No | WantNo | WantYesThenNo), false) => (same, false),
            (same @ (Yes | WantYes | WantNoThenYes), true) => (same, false),
        };
        self.set(wish, standing);
        sends.then(|| wish.command(on))
    }

    /// The peer has said that an option is on, or off: the answer, where one is wanted, and whether anything
    /// has changed. One that we have not asked for is refused, unless it is `welcome`.
    fn heard(&mut self, wish: Wish, on: bool, welcome: bool) -> Option<Token> {
        use Standing::{No, WantNo, WantNoThenYes, WantYes, WantYesThenNo, Yes};
        let (standing, answer) = match (self.standing(wish), on) {
            (No, true) if welcome => (Yes, Some(true)),
            (No, true) => (No, Some(false)),
            (WantYes, true) => (Yes, None),
            (WantYesThenNo, true) => (WantNo, Some(false)),
            (Yes, false) => (No, Some(false)),
            (WantNo | WantYes | WantYesThenNo, false) => (No, None),
            (WantNoThenYes, false) => (WantYes, Some(true)),
            // That is what we know, or the late answer to what we have asked before.
            (Yes | WantNo | WantNoThenYes, true) | (No, false) => return None,
        };
        self.set(wish, standing);
        Some(answer.map_or(Token::Changed, |on| Token::Reply(wish.command(on))))
    }

    /// Whether an option that we have asked for is off.
    pub fn refuses(&self, wish: Wish) -> bool {
        self.standing(wish) == Standing::No
    }

    /// Asks what the client's terminal is called and how large it is: the commands to be sent. Nobody need
    /// wait for an answer.
    pub fn ask_terminal(&mut self) -> [u8; 6] {
        self.set_types(1);
        self.set(Wish::Size, Standing::WantYes);
        [IAC, DO, TTYPE, IAC, DO, NAWS]
    }

    /// Whether the next byte, unless it is an IAC, is plain data.
    pub fn is_idle(&self) -> bool {
        self.state == State::Data
    }

    /// Takes the next byte. What is to be kept of a subnegotiation stands at the end of `behind` until it is
    /// over, and nothing else comes there meanwhile.
    pub fn step(&mut self, byte: u8, behind: &mut Vec<u8>) -> Option<Token> {
        let (state, token) = match (self.state, byte) {
            (State::Data, IAC) => {
                self.standings |= SPEAKS;
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
            (State::Command, IP) => (State::Data, Some(Token::Interrupt)),
            (State::Command, _) => (State::Data, None),
            (State::Option(verb), option) => (State::Data, self.negotiate(verb, option)),
            // That of no option.
            (State::SubOption, IAC) => (State::SubCommand(IAC, 0), None),
            (State::SubOption, option) => (State::Sub(option, 0), None),
            (State::Sub(option, taken), IAC) => (State::SubCommand(option, taken), None),
            (State::Sub(option, taken), _) | (State::SubCommand(option, taken), IAC) => {
                (in_sub(option, taken, byte, behind), None)
            }
            (State::SubCommand(option, taken), SE) => {
                let told = behind.split_off(behind.len().saturating_sub(kept(option, taken)));
                (State::Data, self.told(option, taken, &told))
            }
            // One that nobody ended: this is the next command.
            (State::SubCommand(option, taken), _) => {
                forget(option, taken, behind);
                self.state = State::Command;
                return self.step(byte, behind);
            }
        };
        self.state = state;
        token
    }

    /// The peer sends no more: what has come of a subnegotiation goes.
    pub fn finish(&mut self, behind: &mut Vec<u8>) {
        if let State::Sub(option, taken) | State::SubCommand(option, taken) = self.state {
            forget(option, taken, behind);
        }
        self.state = State::Data;
    }

    /// The peer wants an option, or does not; or says so of one that we have asked for.
    fn negotiate(&mut self, verb: u8, option: u8) -> Option<Token> {
        let on = matches!(verb, WILL | DO);
        let wish = match (verb, option) {
            (WILL | WONT, TTYPE) => return self.negotiate_type(on),
            (WILL | WONT, NAWS) => Wish::Size,
            (WILL | WONT, BINARY) => Wish::BinaryIn,
            (DO | DONT, BINARY) => Wish::BinaryOut,
            (DO | DONT, ECHO) => Wish::Echo,
            (DO | DONT, SGA) => Wish::Keys,
            (WILL, _) => return Some(Token::Reply([IAC, DONT, option])),
            (DO, _) => return Some(Token::Reply([IAC, WONT, option])),
            _ => return None,
        };
        self.heard(wish, on, wish == Wish::Size)
    }

    fn negotiate_type(&mut self, tells: bool) -> Option<Token> {
        let refused = Some(Token::Reply([IAC, DONT, TTYPE]));
        match (self.types(), tells) {
            (0, true) => refused,
            (1, true) => {
                self.set_types(2);
                Some(Token::Client { told: None, on: true })
            }
            (0, false) | (2.., true) => None,
            (1, false) => {
                self.set_types(0);
                None
            }
            (2.., false) => {
                self.set_types(0);
                refused
            }
        }
    }

    /// What a subnegotiation says that had so many bytes.
    fn told(&mut self, option: u8, taken: u16, told: &[u8]) -> Option<Token> {
        match (option, told) {
            (NAWS, &[c1, c2, r1, r2]) => Some(Token::Size(Size {
                columns: u16::from_be_bytes([c1, c2]),
                rows: u16::from_be_bytes([r1, r2]),
            })),
            (TTYPE, [IS, name @ ..]) => {
                let types = self.types();
                if !(2..TYPES_TOLD).contains(&types) {
                    return None;
                }
                self.set_types(types + 1);
                // A name that long is none of those that are known.
                let whole = taken <= TYPE_BYTES;
                let told = if whole { Client::of(name, types == 2) } else { Client::Other };
                Some(Token::Client { told: Some(told), on: types + 1 < TYPES_TOLD })
            }
            _ => None,
        }
    }
}

/// After one more byte of a subnegotiation.
fn in_sub(option: u8, taken: u16, byte: u8, behind: &mut Vec<u8>) -> State {
    if taken + 1 >= MAX_SUBNEGOTIATION_BYTES {
        forget(option, taken, behind);
        return State::Data;
    }
    if kept(option, taken + 1) > kept(option, taken) {
        behind.push(byte);
    }
    State::Sub(option, taken + 1)
}

/// Bytes that are kept of a subnegotiation of which so many have come: one more than that of a size may have,
/// by which a longer one is known.
fn kept(option: u8, taken: u16) -> usize {
    let most = match option {
        NAWS => SIZE_BYTES + 1,
        TTYPE => TYPE_BYTES,
        _ => 0,
    };
    taken.min(most).into()
}

/// Takes off what was kept.
fn forget(option: u8, taken: u16, behind: &mut Vec<u8>) {
    behind.truncate(behind.len().saturating_sub(kept(option, taken)));
}

#[cfg(test)]
#[path = "telnet_tests.rs"]
mod tests;
