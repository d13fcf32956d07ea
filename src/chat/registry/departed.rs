//! Guests who have left the server lately: whoever was a nuisance and went can still be banned by name.

use std::collections::VecDeque;
use std::time::Duration;

use crate::chat::accounts::Identity;
use crate::chat::history::UnixMillis;
use crate::chat::name::NameKey;

/// How long a guest who left is known by name.
pub(super) const DEPARTED_FOR: Duration = Duration::from_secs(3_600);

/// Most of them that are known: some megabytes' worth. With more the oldest go before their time.
const MAX_DEPARTED: usize = 10_000;

/// Who left and when, newest last.
#[derive(Debug, Default)]
pub(super) struct Departed {
    guests: VecDeque<(UnixMillis, Identity)>,
}

impl Departed {
    /// A guest has left, as they were.
    pub(super) fn add(&mut self, guest: Identity, at: UnixMillis) {
        if self.guests.len() >= MAX_DEPARTED {
            self.guests.pop_front();
        }
        self.guests.push_back((at, guest));
    }

    /// The last one who left under this name.
    pub(super) fn find(&self, key: &NameKey, now: UnixMillis) -> Option<&Identity> {
        let called = |who: &Identity| who.name.as_str().eq_ignore_ascii_case(key.as_str());
        let found = self.guests.iter().rev().find(|(at, who)| is_known(*at, now) && called(who));
        found.map(|(_, who)| who)
    }

    /// Forgets those who left long ago.
    pub(super) fn forget_old(&mut self, now: UnixMillis) {
        self.guests.retain(|(at, _)| is_known(*at, now));
    }
}

fn is_known(at: UnixMillis, now: UnixMillis) -> bool {
    at.until(now) < DEPARTED_FOR
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: UnixMillis = UnixMillis(1_000_000);

    fn after(secs: u64) -> UnixMillis {
        UnixMillis(START.0 + secs * 1_000)
    }

    #[test]
    fn the_last_one_of_a_name_is_known_for_an_hour() {
        let mut departed = Departed::default();
        departed.add(Identity::example(1, "Bob", None), after(0));
        departed.add(Identity::example(2, "eve", None), after(10));
        departed.add(Identity::example(3, "bob", None), after(20));
        let find = |departed: &Departed, name: &str, secs| {
            departed.find(&NameKey::of(name), after(secs)).map(|who| who.conn.0)
        };
        for (name, secs, want) in [
            ("BOB", 20, Some(3)),
            ("eve", 3_609, Some(2)),
            ("eve", 3_610, None),
            ("bob", 3_619, Some(3)),
            ("bob", 3_620, None),
            ("carol", 20, None),
        ] {
            assert_eq!(find(&departed, name, secs), want, "{name} {secs}");
        }
        departed.forget_old(after(3_615));
        assert_eq!(departed.guests.len(), 1);
    }

    #[test]
    fn of_too_many_the_oldest_go_first() {
        let mut departed = Departed::default();
        departed.add(Identity::example(0, "first", None), START);
        (0..MAX_DEPARTED).for_each(|_| departed.add(Identity::example(1, "more", None), START));
        assert_eq!(departed.guests.len(), MAX_DEPARTED);
        assert!(departed.find(&NameKey::of("first"), START).is_none());
    }
}
