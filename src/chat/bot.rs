//! Bots and hooks: who may speak without being a person, by what they are known, and how much of it a lobby bears.

use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

use base64::prelude::*;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::accounts::AccountId;
use super::history::UnixMillis;
use super::name::Name;

/// Bots of one account.
pub const MAX_BOTS: usize = 3;

/// Hooks of one lobby.
pub const MAX_HOOKS: usize = 10;

/// Lines that a bot may send in [`BOT_WINDOW`], whatever holds for people.
pub const BOT_LINES: usize = 20;

/// The time in which the lines of a bot are counted.
pub const BOT_WINDOW: Duration = Duration::from_secs(10);

/// Posts of one hook that are accepted in [`HOOK_WINDOW`].
pub const HOOK_POSTS: usize = 10;

/// The time in which the posts of a hook are counted.
pub const HOOK_WINDOW: Duration = Duration::from_secs(10);

/// Messages of bots and hooks that a lobby bears within [`LOUD_TIME`] without one of a person in between: two that
/// answer each other are there in a moment, and a build that reports each of its steps is not.
pub const LOUD_MESSAGES: usize = 20;

/// The time in which these are counted.
pub const LOUD_TIME: Duration = Duration::from_secs(60);

/// For how long the bots of a lobby are muted that have been too loud.
pub const QUIET_TIME: Duration = Duration::from_secs(60);

/// Random bytes of a token: nobody guesses 256 bits.
pub const TOKEN_BYTES: usize = 32;

/// Characters of a token: its bytes in base64 (RFC 4648 §5) without padding.
const TOKEN_CHARS: usize = 43;

/// What a bot or a hook is let in by. Shown once, to whoever made it, and kept nowhere.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(Box<str>);

impl Token {
    /// The one of these random bytes.
    pub fn new(bytes: &[u8; TOKEN_BYTES]) -> Self {
        Self(BASE64_URL_SAFE_NO_PAD.encode(bytes).into())
    }

    /// Reads what may be one; none where it cannot be.
    pub fn parse(typed: &str) -> Option<Self> {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        (typed.len() == TOKEN_CHARS && typed.bytes().all(fits)).then(|| Self(typed.into()))
    }

    /// The token itself. The long name makes every use of it stand out.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// What is kept of it.
    pub fn hash(&self) -> TokenHash {
        TokenHash(Sha256::digest(self.0.as_bytes()).into())
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(****)")
    }
}

/// SHA-256 of a token. What is drawn by chance from so many needs no salt and no slow hash.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TokenHash(pub [u8; 32]);

impl TokenHash {
    /// Whether this is the hash of a token, in a time that says nothing of how much of it is alike.
    pub fn is_of(&self, token: &Token) -> bool {
        let other = token.hash();
        let differs =
            self.0.iter().zip(other.0).fold(0, |differs, (one, other)| differs | (one ^ other));
        std::hint::black_box(differs) == 0
    }
}

impl fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenHash(****)")
    }
}

/// What makes an account a bot's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bot {
    /// The account that has made it: with that it goes.
    pub owner: AccountId,
    /// Of its token.
    pub token: TokenHash,
}

/// By which programs post to a lobby.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hook {
    /// What it is called there.
    pub name: Name,
    /// Of its token.
    pub token: TokenHash,
    /// Who made it.
    pub by: Name,
    /// When it was made.
    pub made_at: UnixMillis,
}

/// What somebody sends at the name prompt who is a bot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Introduction {
    /// The name, as it was sent.
    pub name: String,
    /// The token; none where it cannot be one.
    pub token: Option<Token>,
    /// Whether all else is to be JSON.
    pub json: bool,
}

impl Introduction {
    /// Reads `bot NAME TOKEN` and `bot NAME TOKEN json`; none where it is something else. No name of a user has a
    /// blank in it, so nobody is misunderstood.
    pub fn parse(line: &str) -> Option<Self> {
        let mut words = line.split_ascii_whitespace();
        let is_bot = words.next()?.eq_ignore_ascii_case("bot");
        let (name, token) = (words.next()?, words.next()?);
        let json = match words.next() {
            None => false,
            Some(word) if word.eq_ignore_ascii_case("json") => true,
            Some(_) => return None,
        };
        let whole = is_bot && words.next().is_none();
        whole.then(|| Self { name: name.to_owned(), token: Token::parse(token), json })
    }
}

/// When the bots of a lobby spoke since a person did, as far as it matters.
#[derive(Debug, Default)]
pub struct LoopGuard(VecDeque<UnixMillis>);

impl LoopGuard {
    /// A bot or a hook has said something.
    pub fn bot_spoke(&mut self, now: UnixMillis) {
        if self.0.len() == LOUD_MESSAGES {
            self.0.pop_front();
        }
        self.0.push_back(now);
    }

    /// A person has: whatever came before is no loop.
    pub fn person_spoke(&mut self) {
        self.0.clear();
    }

    /// Whether as much was said as is borne.
    pub fn is_too_loud(&self, now: UnixMillis) -> bool {
        let first = self.0.front().filter(|_| self.0.len() == LOUD_MESSAGES);
        // Where the clock was set back, nothing is known of how long ago it was.
        first.is_some_and(|first| *first <= now && first.until(now) < LOUD_TIME)
    }
}

/// For how long bots that are muted until then still are; none where they are not. A clock that was set back keeps
/// them from speaking for no longer than that.
pub fn quiet_for(until: Option<UnixMillis>, now: UnixMillis) -> Option<Duration> {
    let left = until.filter(|until| now < *until).map(|until| now.until(until))?;
    (left <= QUIET_TIME).then_some(left)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_token_is_its_bytes_in_base64_for_addresses() {
        let token = Token::new(&[0xFB; TOKEN_BYTES]);
        assert_eq!(token.expose(), "-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_s");
        assert_eq!(Token::parse(token.expose()), Some(token.clone()));
        assert!(token.hash().is_of(&token));
        assert!(!token.hash().is_of(&Token::new(&[0xFA; TOKEN_BYTES])));
        assert_eq!(format!("{token:?} {:?}", token.hash()), "Token(****) TokenHash(****)");
    }

    #[test]
    fn what_is_kept_of_a_token_is_its_sha_256() {
        let token = Token::parse(&"A".repeat(TOKEN_CHARS)).unwrap();
        let hex: String = token.hash().0.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, "0f007385b6f9d4b7eeb2748605afe1a984a0a3bfa3f014d09e2a784ce9e5cd1a");
    }

    #[test]
    fn a_bot_is_told_from_a_name_by_its_words() {
        let token = Token::new(&[7; TOKEN_BYTES]);
        let said = |line: &str| Introduction::parse(&line.replace("TOKEN", token.expose()));
        let bot =
            |json| Some(Introduction { name: "ci".to_owned(), token: Some(token.clone()), json });
        for (line, want) in [
            ("bot ci TOKEN", bot(false)),
            ("  BOT ci   TOKEN \r", bot(false)),
            ("bot ci TOKEN json", bot(true)),
            ("bot ci TOKEN JSON", bot(true)),
            ("bot ci TOKEN xml", None),
            ("bot ci TOKEN json more", None),
            ("bot ci", None),
            ("bot", None),
            ("robot ci TOKEN", None),
            ("", None),
        ] {
            assert_eq!(said(line), want, "{line}");
        }
        assert_eq!(said("bot ci short").unwrap().token, None, "it is refused as a wrong one");
    }

    #[test]
    fn bots_are_too_loud_by_twenty_messages_in_a_minute_without_a_person() {
        let loud = |gap_millis: u64, people: &[u64]| {
            let mut guard = LoopGuard::default();
            (1..=20_u64).map(|n| n * gap_millis).any(|at| {
                guard.bot_spoke(UnixMillis(at));
                if people.contains(&(at / gap_millis)) {
                    guard.person_spoke();
                }
                guard.is_too_loud(UnixMillis(at))
            })
        };
        assert!(loud(1, &[]));
        assert!(loud(3_000, &[]), "19 gaps of 3 s are 57 s");
        assert!(!loud(3_158, &[]), "and of 3.158 s are a minute");
        assert!(!loud(1, &[1]), "one person in between");
        assert!(!loud(1, &[19]));
        let mut guard = LoopGuard::default();
        (0..20).for_each(|at| guard.bot_spoke(UnixMillis(at)));
        assert!(guard.is_too_loud(UnixMillis(59_999)) && !guard.is_too_loud(UnixMillis(60_000)));
    }

    #[test]
    fn quiet_ends_by_itself_and_a_clock_set_back_makes_it_no_longer() {
        let until = Some(UnixMillis(100_000));
        assert_eq!(quiet_for(until, UnixMillis(99_000)), Some(Duration::from_secs(1)));
        assert_eq!(quiet_for(until, UnixMillis(100_000)), None);
        assert_eq!(quiet_for(until, UnixMillis(10_000)), None);
        assert_eq!(quiet_for(None, UnixMillis(10_000)), None);
    }

    proptest! {
        #[test]
        fn whatever_is_read_as_a_token_is_one(typed in ".{0,60}") {
            if let Some(token) = Token::parse(&typed) {
                prop_assert_eq!(token.expose(), typed.as_str());
                prop_assert_eq!(typed.len(), TOKEN_CHARS);
            }
        }

        #[test]
        fn a_token_is_read_as_it_was_made(bytes in prop::array::uniform32(any::<u8>())) {
            let token = Token::new(&bytes);
            prop_assert_eq!(Token::parse(token.expose()), Some(token.clone()));
        }
    }
}
