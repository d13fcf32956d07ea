//! The accounts that each address has made lately.

use std::collections::{HashMap, VecDeque};

use crate::chat::accounts::REGISTRATION_WINDOW;
use crate::chat::directory::IpKey;
use crate::chat::history::UnixMillis;

/// Counts them. They are stored too, so that a restart starts nothing anew.
#[derive(Debug)]
pub(super) struct Registrations {
    limit: usize,
    made: HashMap<IpKey, VecDeque<UnixMillis>>,
    /// How many of an address are being stored.
    under_way: HashMap<IpKey, usize>,
}

impl Registrations {
    /// At most `limit` in [`REGISTRATION_WINDOW`]; 0 is no limit.
    pub(super) fn new(limit: usize) -> Self {
        Self { limit, made: HashMap::new(), under_way: HashMap::new() }
    }

    /// From here on this limit holds, also for what has been made.
    pub(super) fn set_limit(&mut self, limit: usize) {
        self.limit = limit;
    }

    /// Whether an address may make one more.
    pub(super) fn may(&self, ip: IpKey, now: UnixMillis) -> bool {
        let made = self.made.get(&ip).into_iter().flatten();
        let made = made.filter(|at| counts(**at, now)).count();
        let under_way = self.under_way.get(&ip).copied().unwrap_or(0);
        self.limit == 0 || made + under_way < self.limit
    }

    /// An address is about to make one: it counts, until [`end`](Self::end).
    pub(super) fn begin(&mut self, ip: IpKey) {
        *self.under_way.entry(ip).or_default() += 1;
    }

    /// What was begun has been made, which is noted, or has not.
    pub(super) fn end(&mut self, ip: IpKey) {
        if let Some(count) = self.under_way.get_mut(&ip) {
            *count -= 1;
            if *count == 0 {
                self.under_way.remove(&ip);
            }
        }
    }

    /// An address has made one.
    pub(super) fn note(&mut self, ip: IpKey, at: UnixMillis) {
        self.made.entry(ip).or_default().push_back(at);
    }

    /// Forgets what counts no more.
    pub(super) fn forget_old(&mut self, now: UnixMillis) {
        self.made.retain(|_, made| {
            made.retain(|at| counts(*at, now));
            !made.is_empty()
        });
    }
}

/// Also where it lies ahead, since the clock was set back, but by a day at most too: one that was weeks
/// ahead when an account was made must not shut its address out for weeks.
fn counts(at: UnixMillis, now: UnixMillis) -> bool {
    at.until(now).max(now.until(at)) < REGISTRATION_WINDOW
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;

    fn ip(last: u8) -> IpKey {
        IpKey::from(IpAddr::from([10, 0, 0, last]))
    }

    #[test]
    fn an_address_makes_so_many_accounts_a_day() {
        let day = u64::try_from(REGISTRATION_WINDOW.as_millis()).unwrap();
        let mut made = Registrations::new(2);
        for at in [1_000, 5_000] {
            assert!(made.may(ip(1), UnixMillis(at)));
            made.note(ip(1), UnixMillis(at));
        }
        assert!(!made.may(ip(1), UnixMillis(day + 999)));
        assert!(made.may(ip(2), UnixMillis(6_000)), "another address");
        assert!(!made.may(ip(1), UnixMillis(0)), "the clock was set back");
        made.note(ip(3), UnixMillis(40 * day));
        made.note(ip(3), UnixMillis(40 * day));
        assert!(made.may(ip(3), UnixMillis(5_000)), "the clock had been set far ahead");
        assert!(made.may(ip(1), UnixMillis(day + 1_000)), "the first is a day old");
        made.forget_old(UnixMillis(day + 5_000));
        assert!(made.made.is_empty());
    }

    #[test]
    fn one_that_is_being_made_counts_until_that_is_over() {
        let mut made = Registrations::new(1);
        made.begin(ip(1));
        assert!(!made.may(ip(1), UnixMillis(1_000)) && made.may(ip(2), UnixMillis(1_000)));
        made.end(ip(1));
        made.end(ip(1));
        assert!(made.may(ip(1), UnixMillis(1_000)), "it was not made after all");
        assert!(made.under_way.is_empty());
    }

    #[test]
    fn zero_is_no_limit_until_another_holds() {
        let mut made = Registrations::new(0);
        for at in 0..100 {
            assert!(made.may(ip(1), UnixMillis(at)));
            made.begin(ip(1));
            made.note(ip(1), UnixMillis(at));
            made.end(ip(1));
        }
        made.set_limit(100);
        assert!(!made.may(ip(1), UnixMillis(100)) && made.may(ip(2), UnixMillis(100)));
        made.set_limit(101);
        assert!(made.may(ip(1), UnixMillis(100)));
    }
}
