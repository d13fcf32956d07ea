//! The accounts that each address has made lately.

use std::collections::{HashMap, VecDeque};

use super::accounts::REGISTRATION_WINDOW;
use super::directory::IpKey;
use super::history::UnixMillis;

/// Counts them. They are stored too, so that a restart starts nothing anew.
#[derive(Debug)]
pub struct Registrations {
    limit: usize,
    by_ip: HashMap<IpKey, VecDeque<UnixMillis>>,
}

impl Registrations {
    /// At most `limit` in [`REGISTRATION_WINDOW`]; 0 is no limit.
    pub fn new(limit: usize) -> Self {
        Self { limit, by_ip: HashMap::new() }
    }

    /// Whether an address may make one more. A time that lies ahead counts: the clock was set back.
    pub fn may(&mut self, ip: IpKey, now: UnixMillis) -> bool {
        if self.limit == 0 {
            return true;
        }
        let Some(made) = self.by_ip.get_mut(&ip) else { return true };
        made.retain(|at| counts(*at, now));
        made.len() < self.limit
    }

    /// An address has made one, or is about to.
    pub fn note(&mut self, ip: IpKey, at: UnixMillis) {
        if self.limit > 0 {
            self.by_ip.entry(ip).or_default().push_back(at);
        }
    }

    /// It has not made it after all.
    pub fn take_back(&mut self, ip: IpKey, at: UnixMillis) {
        if let Some(made) = self.by_ip.get_mut(&ip)
            && let Some(index) = made.iter().position(|other| *other == at)
        {
            made.remove(index);
        }
    }

    /// Forgets addresses of which nothing counts any more.
    pub fn forget_old(&mut self, now: UnixMillis) {
        self.by_ip.retain(|_, made| made.iter().any(|at| counts(*at, now)));
    }
}

fn counts(at: UnixMillis, now: UnixMillis) -> bool {
    at.until(now) < REGISTRATION_WINDOW
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
        made.take_back(ip(1), UnixMillis(5_000));
        assert!(made.may(ip(1), UnixMillis(6_000)), "one was not made after all");
        made.note(ip(1), UnixMillis(5_000));
        assert!(!made.may(ip(1), UnixMillis(0)), "the clock was set back");
        assert!(made.may(ip(1), UnixMillis(day + 1_000)), "the first is a day old");
        made.forget_old(UnixMillis(day + 5_000));
        assert!(made.by_ip.is_empty());
    }

    #[test]
    fn zero_is_no_limit() {
        let mut made = Registrations::new(0);
        for at in 0..100 {
            assert!(made.may(ip(1), UnixMillis(at)));
            made.note(ip(1), UnixMillis(at));
        }
        assert!(made.by_ip.is_empty());
    }
}
