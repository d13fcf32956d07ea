//! Slow mode: the time between two messages of one user.

use std::collections::HashMap;
use std::time::Duration;

use super::UnixMillis;
use crate::chat::accounts::{AccountId, Identity};
use crate::chat::directory::ConnId;

/// Speakers that are remembered before those are forgotten who may speak again.
const FORGET_OVER: usize = 64;

/// Whose messages are counted together: leaving and coming back changes nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Speaker {
    Account(AccountId),
    Guest(ConnId),
}

/// When each user spoke last.
#[derive(Debug, Default)]
pub(super) struct Pacing {
    last: HashMap<Speaker, UnixMillis>,
}

impl Pacing {
    /// Lets a user speak, where their last message is `gap` ago.
    ///
    /// # Errors
    /// How long they have to wait.
    pub(super) fn speak(
        &mut self,
        who: &Identity,
        gap: Duration,
        now: UnixMillis,
    ) -> Result<(), Duration> {
        let speaker = who.account.map_or(Speaker::Guest(who.conn), Speaker::Account);
        let wait = |last: UnixMillis| {
            // A clock that was set back must keep nobody waiting for more than the gap.
            if last > now { Duration::ZERO } else { gap.saturating_sub(last.until(now)) }
        };
        match self.last.get(&speaker).map(|last| wait(*last)) {
            Some(wait) if !wait.is_zero() => return Err(wait),
            _ => self.last.insert(speaker, now),
        };
        if self.last.len() > FORGET_OVER {
            self.last.retain(|_, last| !wait(*last).is_zero());
        }
        Ok(())
    }

    /// Slow mode is over, or another.
    pub(super) fn clear(&mut self) {
        self.last = HashMap::new();
    }
}

#[cfg(test)]
mod tests {

    use super::*;

    const GAP: Duration = Duration::from_secs(10);

    fn who(conn: u64, account: Option<u32>) -> Identity {
        Identity::example(conn, "alice", account)
    }

    #[test]
    fn each_user_waits_for_their_own_last_message() {
        let mut pacing = Pacing::default();
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
    fn those_who_may_speak_again_are_forgotten() {
        let mut pacing = Pacing::default();
        for conn in 0..1_000 {
            assert_eq!(pacing.speak(&who(conn, None), GAP, UnixMillis(conn * 1_000)), Ok(()));
        }
        assert!(pacing.last.len() <= FORGET_OVER + 1, "{}", pacing.last.len());
    }
}
