//! Slow mode: the time between two messages of one user.

use std::collections::HashMap;
use std::time::Duration;

use super::UnixMillis;
use crate::chat::accounts::{AccountId, Identity};
use crate::chat::directory::{ConnId, IpKey};

/// Speakers that are remembered before those are forgotten who may speak again.
const FORGET_OVER: usize = 64;

/// Whose messages are counted together: leaving and coming back changes nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Speaker {
    Account(AccountId),
    Guest(ConnId),
    /// Those of an address who have left: a guest who comes after them may be one of them.
    Left(IpKey),
}

impl Speaker {
    fn of(who: &Identity) -> Self {
        who.account.map_or(Self::Guest(who.conn), Self::Account)
    }
}

/// When each user spoke last.
#[derive(Debug, Default)]
pub(super) struct SlowMode {
    last: HashMap<Speaker, UnixMillis>,
}

impl SlowMode {
    /// Whether a user may speak: their last message is `gap` ago.
    ///
    /// # Errors
    /// How long they have to wait.
    pub(super) fn may_speak(
        &self,
        who: &Identity,
        gap: Duration,
        now: UnixMillis,
    ) -> Result<(), Duration> {
        let before = Some(Speaker::Left(who.ip)).filter(|_| who.account.is_none());
        let last = |speaker: &Speaker| self.last.get(speaker).map(|last| wait(*last, gap, now));
        let longest = [Some(Speaker::of(who)), before].iter().flatten().filter_map(last).max();
        longest.filter(|wait| !wait.is_zero()).map_or(Ok(()), Err)
    }

    /// A user spoke, where there have to be `gap` between two messages.
    pub(super) fn spoke(&mut self, who: &Identity, gap: Duration, now: UnixMillis) {
        self.last.insert(Speaker::of(who), now);
        if self.last.len() > FORGET_OVER {
            self.last.retain(|_, last| !wait(*last, gap, now).is_zero());
        }
    }

    /// A user has left the lobby.
    pub(super) fn left(&mut self, who: &Identity) {
        self.also(Speaker::of(who), Speaker::Left(who.ip));
    }

    /// A guest has made an account, who may be one of those of the address who left.
    pub(super) fn registered(&mut self, guest: &Identity, account: AccountId) {
        for speaker in [Speaker::of(guest), Speaker::Left(guest.ip)] {
            self.also(speaker, Speaker::Account(account));
        }
    }

    /// An account was given up on a connection.
    pub(super) fn unregistered(&mut self, account: AccountId, conn: ConnId) {
        self.also(Speaker::Account(account), Speaker::Guest(conn));
    }

    /// What one has said counts for another too.
    fn also(&mut self, one: Speaker, another: Speaker) {
        if let Some(&last) = self.last.get(&one) {
            let known = self.last.entry(another).or_insert(last);
            *known = last.max(*known);
        }
    }

    /// Slow mode is over, or another.
    pub(super) fn clear(&mut self) {
        self.last = HashMap::new();
    }
}

/// How long after a message the next one has to wait.
fn wait(last: UnixMillis, gap: Duration, now: UnixMillis) -> Duration {
    // A clock that was set back must keep nobody waiting for more than the gap.
    if last > now { Duration::ZERO } else { gap.saturating_sub(last.until(now)) }
}

#[cfg(test)]
mod tests {

    use super::*;

    impl SlowMode {
        /// Speaks where that may be.
        fn speak(
            &mut self,
            who: &Identity,
            gap: Duration,
            now: UnixMillis,
        ) -> Result<(), Duration> {
            self.may_speak(who, gap, now)?;
            self.spoke(who, gap, now);
            Ok(())
        }
    }

    const GAP: Duration = Duration::from_secs(10);

    fn who(conn: u64, account: Option<u32>) -> Identity {
        Identity::example(conn, "alice", account)
    }

    #[test]
    fn each_user_waits_for_their_own_last_message() {
        let mut pacing = SlowMode::default();
        let mut speak = |who, at| pacing.speak(&who, GAP, UnixMillis(at));
        assert_eq!(speak(who(1, None), 1_000), Ok(()));
        assert_eq!(speak(who(2, None), 1_000), Ok(()), "guests of one address are two users");
        assert_eq!(speak(who(1, None), 4_500), Err(Duration::from_millis(6_500)));
        assert_eq!(speak(who(1, None), 11_000), Ok(()), "what was refused did not count");
        assert_eq!(speak(who(3, Some(7)), 11_000), Ok(()));
        assert_eq!(speak(who(4, Some(7)), 12_000), Err(Duration::from_secs(9)), "one account");
        assert_eq!(speak(who(1, None), 5), Ok(()), "the clock was set back");
    }

    #[test]
    fn neither_an_account_nor_another_connection_starts_it_anew() {
        let mut pacing = SlowMode::default();
        let late = UnixMillis(1_500);
        assert_eq!(pacing.speak(&who(1, None), GAP, UnixMillis(1_000)), Ok(()));
        pacing.registered(&who(1, None), AccountId(7));
        assert!(pacing.speak(&who(1, Some(7)), GAP, late).is_err(), "registered");
        pacing.unregistered(AccountId(7), ConnId(1));
        assert!(pacing.speak(&who(1, None), GAP, late).is_err(), "and given up again");
        assert!(pacing.speak(&who(2, None), GAP, UnixMillis(1_000)).is_ok(), "a neighbour");
        pacing.left(&who(1, None));
        assert!(pacing.speak(&who(3, None), GAP, late).is_err(), "connected again");
        assert!(pacing.speak(&who(4, Some(8)), GAP, late).is_ok(), "an account of the address");
        pacing.registered(&who(5, None), AccountId(9));
        assert!(pacing.speak(&who(5, Some(9)), GAP, late).is_err(), "one made there since");
        assert!(pacing.speak(&who(3, None), GAP, UnixMillis(11_000)).is_ok());
    }

    #[test]
    fn those_who_may_speak_again_are_forgotten() {
        let mut pacing = SlowMode::default();
        for conn in 0..1_000 {
            assert_eq!(pacing.speak(&who(conn, None), GAP, UnixMillis(conn * 1_000)), Ok(()));
        }
        assert!(pacing.last.len() <= FORGET_OVER + 1, "{}", pacing.last.len());
    }
}
