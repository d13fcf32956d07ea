//! How many connections an address has, how many there are in all, and how many wrong passwords it gave.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use super::limiter::SlidingWindow;

/// Number of a connection. The upper half is the life of its node, so that no two of a cluster have one
/// number; a server that is alone has the life 0. The lower half is counted by the node.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
pub struct ConnId(pub u64);

impl ConnId {
    /// The connection that a node has counted as this one, in that life.
    pub fn new(life: u32, number: u32) -> Self {
        Self(u64::from(life) << 32 | u64::from(number))
    }

    /// The life of the node that it is on; 0 where that is alone.
    pub fn life(self) -> u32 {
        // The upper half, which fits by construction.
        (self.0 >> 32) as u32
    }

    /// Its number on its node, as the log has it.
    pub fn number(self) -> u32 {
        (self.0 & u64::from(u32::MAX)) as u32
    }
}

/// An address as limits count it: an IPv4 address (mapped ones too), or an IPv6 /64, which is what
/// one customer has. A connection of which no address is known is at a place of its own. As it is
/// stored: the family (4, 6, or 0 for such a place), then the number, its highest byte first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct IpKey([u8; Self::BYTES]);

impl From<IpAddr> for IpKey {
    fn from(ip: IpAddr) -> Self {
        let (family, number) = match ip.to_canonical() {
            IpAddr::V4(v4) => (4, u64::from(v4.to_bits())),
            // The upper half, which fits by construction.
            IpAddr::V6(v6) => (6, (v6.to_bits() >> 64) as u64),
        };
        let mut bytes = [family; Self::BYTES];
        bytes[1..].copy_from_slice(&number.to_be_bytes());
        Self(bytes)
    }
}

impl IpKey {
    /// Bytes of a stored key.
    pub const BYTES: usize = 9;

    /// The place of a connection whose address is not known: nobody else's, now or later, where
    /// `number` was drawn by chance. So nobody there is ever taken for somebody else, or for who they
    /// were over another connection.
    pub fn unknown(number: u64) -> Self {
        let mut bytes = [0; Self::BYTES];
        bytes[1..].copy_from_slice(&number.to_be_bytes());
        Self(bytes)
    }

    /// Whether this is an address, and no place of a single connection.
    pub fn is_known(self) -> bool {
        self.0[0] != 0
    }

    /// The key as it is stored.
    pub fn to_bytes(self) -> [u8; Self::BYTES] {
        self.0
    }

    /// Reads a stored key. None where these are no bytes of [`IpKey::to_bytes`].
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let bytes: [u8; Self::BYTES] = bytes.try_into().ok()?;
        matches!(bytes, [4, 0, 0, 0, 0, ..] | [0 | 6, ..]).then_some(Self(bytes))
    }
}

/// The stretch of time in which new connections of an address are counted.
pub const CONNECTS_WINDOW: Duration = Duration::from_secs(60);

/// Addresses whose new connections are counted: with a limit of 60 they take some 30 MiB at most.
/// Whoever has more addresses than that within a minute is held up by no limit on one of them.
const MAX_ADDRESSES: usize = 16_384;

/// Why a connection is not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// This address connects too often.
    #[error("too many new connections from this address in a minute")]
    TooOften,
    /// This address has as many as one may have.
    #[error("too many connections from this address")]
    TooManyFromAddress,
    /// The server has as many as it may have.
    #[error("server full")]
    Full,
}

/// Counts connections, in all and of each address, and how often each address connects.
#[derive(Debug)]
pub struct Admission {
    max_total: usize,
    max_per_ip: usize,
    max_connects: usize,
    total: usize,
    per_ip: HashMap<IpKey, usize>,
    connects: HashMap<IpKey, SlidingWindow>,
}

impl Admission {
    /// With these limits; 0 is no limit.
    pub fn new(max_total: usize, max_per_ip: usize, max_connects: usize) -> Self {
        let (per_ip, connects) = (HashMap::new(), HashMap::new());
        Self { max_total, max_per_ip, max_connects, total: 0, per_ip, connects }
    }

    /// From here on these limits hold. Who is in stays in, also where they are more than that by now.
    pub fn set_limits(&mut self, max_total: usize, max_per_ip: usize, max_connects: usize) {
        (self.max_total, self.max_per_ip, self.max_connects) =
            (max_total, max_per_ip, max_connects);
        if max_connects == 0 {
            self.connects.clear();
        }
        for connects in self.connects.values_mut() {
            connects.set_limit(max_connects, CONNECTS_WINDOW);
        }
    }

    /// Takes a place for a connection from `ip`. One whose address is not known counts among all only.
    ///
    /// # Errors
    /// The limit that is reached; the address's own first.
    pub fn admit(&mut self, ip: IpKey, now: Instant) -> Result<(), Refusal> {
        let mut of_address = 0;
        if ip.is_known() {
            self.count_connect(ip, now)?;
            of_address = self.per_ip.get(&ip).copied().unwrap_or(0);
        }
        if self.max_per_ip != 0 && of_address >= self.max_per_ip {
            return Err(Refusal::TooManyFromAddress);
        }
        if self.max_total != 0 && self.total >= self.max_total {
            return Err(Refusal::Full);
        }
        self.total += 1;
        if ip.is_known() {
            self.per_ip.insert(ip, of_address + 1);
        }
        Ok(())
    }

    /// Counts a new connection of an address, let in or not. One over this limit is not counted, so
    /// whoever goes on connecting has as many let through as whoever waits.
    fn count_connect(&mut self, ip: IpKey, now: Instant) -> Result<(), Refusal> {
        let is_known = self.connects.contains_key(&ip);
        if self.max_connects == 0 || !is_known && self.connects.len() >= MAX_ADDRESSES {
            return Ok(());
        }
        let window = || SlidingWindow::new(self.max_connects, CONNECTS_WINDOW);
        let connects = self.connects.entry(ip).or_insert_with(window);
        connects.check(now).map_err(|_| Refusal::TooOften)?;
        connects.record(now);
        Ok(())
    }

    /// Forgets addresses that have not connected lately.
    pub fn forget_old(&mut self, now: Instant) {
        self.connects.retain(|_, connects| connects.check(now).is_err() || !connects.is_empty());
    }

    /// Gives the place back.
    pub fn release(&mut self, ip: IpKey) {
        self.total = self.total.saturating_sub(1);
        if let Some(count) = self.per_ip.get_mut(&ip) {
            *count -= 1;
            if *count == 0 {
                self.per_ip.remove(&ip);
            }
        }
    }

    /// Connections in all.
    pub fn total(&self) -> usize {
        self.total
    }
}

/// Wrong passwords that an address may give in [`GUESS_WINDOW`].
pub const MAX_WRONG_GUESSES: usize = 5;
/// The stretch of time in which they count.
pub const GUESS_WINDOW: Duration = Duration::from_secs(60);

/// Whether a password may be looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Guess {
    /// Yes. [`Guesses::end`] must follow.
    Go,
    /// Not before others from this address are decided: they may all turn out wrong.
    Later,
    /// No: too many were wrong. Try again after this long.
    Refused(Duration),
}

/// Counts wrong passwords of each address, over all its connections and all lobbies.
#[derive(Debug, Default)]
pub struct Guesses {
    by_ip: HashMap<IpKey, Tries>,
}

#[derive(Debug)]
struct Tries {
    wrong: SlidingWindow,
    undecided: usize,
}

impl Guesses {
    /// Asks to try a password.
    pub fn begin(&mut self, ip: IpKey, now: Instant) -> Guess {
        let tries = self.of(ip);
        if let Err(wait) = tries.wrong.check(now) {
            return Guess::Refused(wait);
        }
        if tries.wrong.len() + tries.undecided >= MAX_WRONG_GUESSES {
            return Guess::Later;
        }
        tries.undecided += 1;
        Guess::Go
    }

    /// Says how a try that was let go ended.
    pub fn end(&mut self, ip: IpKey, wrong: bool, now: Instant) {
        let Some(tries) = self.by_ip.get_mut(&ip) else { return };
        tries.undecided = tries.undecided.saturating_sub(1);
        if wrong {
            tries.wrong.record(now);
        }
        if tries.undecided == 0 && tries.wrong.check(now).is_ok() && tries.wrong.is_empty() {
            self.by_ip.remove(&ip);
        }
    }

    /// An address gave a wrong one that nobody asked for here.
    pub fn wrong(&mut self, ip: IpKey, now: Instant) {
        self.of(ip).wrong.record(now);
    }

    fn of(&mut self, ip: IpKey) -> &mut Tries {
        self.by_ip.entry(ip).or_insert_with(|| Tries {
            wrong: SlidingWindow::new(MAX_WRONG_GUESSES, GUESS_WINDOW),
            undecided: 0,
        })
    }

    /// Forgets addresses whose wrong passwords have aged away.
    pub fn forget_old(&mut self, now: Instant) {
        self.by_ip.retain(|_, tries| {
            tries.undecided > 0 || tries.wrong.check(now).is_err() || !tries.wrong.is_empty()
        });
    }

    /// Addresses that are remembered.
    pub fn len(&self) -> usize {
        self.by_ip.len()
    }

    /// Whether no address is remembered.
    pub fn is_empty(&self) -> bool {
        self.by_ip.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;

    fn ip(text: &str) -> IpKey {
        text.parse::<IpAddr>().unwrap().into()
    }

    #[test]
    fn addresses_are_counted_as_one_customer_has_them() {
        assert_eq!(ip("10.0.0.1"), ip("::ffff:10.0.0.1"));
        assert_ne!(ip("10.0.0.1"), ip("10.0.0.2"));
        assert_eq!(ip("2001:db8::1"), ip("2001:db8::ffff:1"));
        assert_ne!(ip("2001:db8::1"), ip("2001:db8:0:1::1"));
        assert_ne!(ip("0.0.0.1"), ip("0:0:0:1::"));
    }

    #[test]
    fn addresses_are_stored_and_read_again() {
        for text in ["0.0.0.0", "10.0.0.1", "255.255.255.255", "::", "2001:db8::1", "ffff::"] {
            let key = ip(text);
            assert_eq!(IpKey::from_bytes(&key.to_bytes()), Some(key), "{text}");
        }
        let nowhere = IpKey::unknown(u64::MAX - 1);
        assert_eq!(IpKey::from_bytes(&nowhere.to_bytes()), Some(nowhere));
        for bad in [&[][..], &[4, 0, 0, 0, 1], &[5; 9], &[4; 9], &[6; 10]] {
            assert_eq!(IpKey::from_bytes(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn a_place_that_is_not_known_is_no_address_and_nobody_elses() {
        let one = IpKey::unknown(1);
        assert!(!one.is_known() && one != IpKey::unknown(2));
        // Whose numbers have the same bytes.
        for other in ["0.0.0.1", "0:0:0:1::"] {
            assert!(ip(other).is_known() && ip(other) != one, "{other}");
        }
    }

    #[test]
    fn a_connection_from_nowhere_known_counts_among_all_and_for_no_address() {
        let (mut admission, now) = (Admission::new(5, 1, 1), clock::now());
        let nowhere = IpKey::unknown(7);
        for _ in 0..5 {
            assert_eq!(admission.admit(nowhere, now), Ok(()), "whatever the limits of an address");
        }
        assert_eq!(admission.admit(nowhere, now), Err(Refusal::Full));
        assert_eq!((admission.connects.len(), admission.per_ip.len()), (0, 0), "nothing is kept");
        for _ in 0..5 {
            admission.release(nowhere);
        }
        assert_eq!(admission.total(), 0);
    }

    #[test]
    fn admission_counts_places_and_gives_them_back() {
        let (mut admission, now) = (Admission::new(3, 2, 0), clock::now());
        let (a, b) = (ip("10.0.0.1"), ip("10.0.0.2"));
        assert_eq!(admission.admit(a, now), Ok(()));
        assert_eq!(admission.admit(a, now), Ok(()));
        assert_eq!(admission.admit(a, now), Err(Refusal::TooManyFromAddress));
        assert_eq!(admission.admit(b, now), Ok(()));
        assert_eq!(admission.admit(b, now), Err(Refusal::Full));
        admission.release(a);
        assert_eq!(admission.admit(b, now), Ok(()));
        assert_eq!(admission.total(), 3);
    }

    #[test]
    fn an_address_connects_only_so_often_in_any_minute() {
        let (mut admission, start) = (Admission::new(0, 1, 3), clock::now());
        let (a, b) = (ip("10.0.0.1"), ip("10.0.0.2"));
        let at = |secs| start + Duration::from_secs(secs);
        assert_eq!(admission.admit(a, at(0)), Ok(()));
        assert_eq!(admission.admit(a, at(10)), Err(Refusal::TooManyFromAddress), "counts too");
        admission.release(a);
        assert_eq!(admission.admit(a, at(20)), Ok(()));
        admission.release(a);
        assert_eq!(admission.admit(a, at(59)), Err(Refusal::TooOften), "before anything else");
        assert_eq!(admission.admit(b, at(59)), Ok(()), "another address is free");
        assert_eq!(admission.admit(a, at(60)), Ok(()), "the first has aged, refused ones add none");
        admission.release(a);
        assert_eq!(admission.admit(a, at(69)), Err(Refusal::TooOften));
        admission.forget_old(at(119));
        assert_eq!(admission.connects.len(), 1, "that of the first address");
        admission.forget_old(at(120));
        assert_eq!(admission.connects.len(), 0);
    }

    #[test]
    fn lower_limits_put_nobody_out_and_hold_for_whoever_comes() {
        let (mut admission, now) = (Admission::new(0, 0, 0), clock::now());
        let (a, b) = (ip("10.0.0.1"), ip("10.0.0.2"));
        for from in [a, a, a, b] {
            assert_eq!(admission.admit(from, now), Ok(()));
        }
        admission.set_limits(0, 2, 0);
        assert_eq!(admission.total(), 4);
        assert_eq!(admission.admit(a, now), Err(Refusal::TooManyFromAddress));
        assert_eq!(admission.admit(b, now), Ok(()));
        admission.release(a);
        assert_eq!(admission.admit(a, now), Err(Refusal::TooManyFromAddress), "two are left");
        admission.release(a);
        assert_eq!(admission.admit(a, now), Ok(()));
        admission.set_limits(4, 0, 1);
        assert_eq!(admission.admit(a, now), Err(Refusal::Full), "the first that is counted");
        admission.set_limits(0, 0, 2);
        assert_eq!(admission.admit(a, now), Ok(()), "the second");
        assert_eq!(admission.admit(a, now), Err(Refusal::TooOften));
    }

    #[test]
    fn addresses_that_connect_are_remembered_within_a_bound() {
        let (mut admission, now) = (Admission::new(0, 0, 1), clock::now());
        let address = |n: usize| IpKey::from(IpAddr::from((n as u32).to_be_bytes()));
        for n in 0..MAX_ADDRESSES + 10 {
            assert_eq!(admission.admit(address(n), now), Ok(()));
        }
        assert_eq!(admission.connects.len(), MAX_ADDRESSES);
        assert_eq!(admission.admit(address(0), now), Err(Refusal::TooOften));
        assert_eq!(admission.admit(address(MAX_ADDRESSES), now), Ok(()));
    }

    #[test]
    fn the_sixth_guess_waits_for_the_first_wrong_one_to_age() {
        let (mut guesses, start, a) = (Guesses::default(), clock::now(), ip("10.0.0.1"));
        for i in 0..5 {
            let now = start + Duration::from_secs(i);
            assert_eq!(guesses.begin(a, now), Guess::Go);
            guesses.end(a, true, now);
        }
        let now = start + Duration::from_secs(10);
        assert_eq!(guesses.begin(a, now), Guess::Refused(Duration::from_secs(50)));
        assert_eq!(guesses.begin(ip("10.0.0.2"), now), Guess::Go, "another address is free");
        assert_eq!(guesses.begin(a, start + GUESS_WINDOW), Guess::Go);
    }

    #[test]
    fn guesses_at_once_are_no_more_than_guesses_in_turn() {
        let (mut guesses, now, a) = (Guesses::default(), clock::now(), ip("10.0.0.1"));
        for _ in 0..5 {
            assert_eq!(guesses.begin(a, now), Guess::Go);
        }
        assert_eq!(guesses.begin(a, now), Guess::Later);
        guesses.end(a, false, now);
        assert_eq!(guesses.begin(a, now), Guess::Go, "a right one costs nothing");
        for _ in 0..5 {
            guesses.end(a, true, now);
        }
        assert!(matches!(guesses.begin(a, now), Guess::Refused(_)));
    }

    #[test]
    fn addresses_without_a_recent_wrong_guess_are_forgotten() {
        let (mut guesses, now, a) = (Guesses::default(), clock::now(), ip("10.0.0.1"));
        guesses.begin(a, now);
        guesses.end(a, false, now);
        assert!(guesses.is_empty());
        guesses.begin(a, now);
        guesses.end(a, true, now);
        guesses.forget_old(now);
        assert_eq!(guesses.len(), 1);
        guesses.forget_old(now + GUESS_WINDOW);
        assert!(guesses.is_empty());
    }
}
