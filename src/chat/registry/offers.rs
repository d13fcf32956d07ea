//! The lobbies that accounts are asked to take.

use std::collections::HashMap;

use crate::chat::accounts::AccountId;
use crate::chat::history::UnixMillis;
use crate::chat::lobbies::LobbyId;
use crate::chat::orders::OFFER_TIME;

/// Which are offered to whom, since when, newest last.
#[derive(Debug, Default)]
pub(super) struct Offers {
    by_account: HashMap<AccountId, Vec<(LobbyId, UnixMillis)>>,
}

impl Offers {
    /// A lobby is offered to an account, maybe anew.
    pub(super) fn add(&mut self, to: AccountId, lobby: LobbyId, at: UnixMillis) {
        let offers = self.by_account.entry(to).or_default();
        offers.retain(|(other, _)| *other != lobby);
        offers.push((lobby, at));
    }

    /// The newest that an account may still take. It stays until it is withdrawn, since taking it may
    /// come to nothing.
    pub(super) fn newest(&self, account: AccountId, now: UnixMillis) -> Option<LobbyId> {
        let offers = self.by_account.get(&account)?;
        offers.iter().rfind(|(_, since)| stands(*since, now)).map(|(lobby, _)| *lobby)
    }

    /// A lobby is offered to nobody any more.
    pub(super) fn withdraw(&mut self, lobby: LobbyId) {
        self.by_account.values_mut().for_each(|offers| offers.retain(|(id, _)| *id != lobby));
    }

    /// Nothing is offered to an account any more.
    pub(super) fn forget(&mut self, account: AccountId) {
        self.by_account.remove(&account);
    }

    /// Forgets those that nobody took in time.
    pub(super) fn forget_old(&mut self, now: UnixMillis) {
        self.by_account.retain(|_, offers| {
            offers.retain(|(_, since)| stands(*since, now));
            !offers.is_empty()
        });
    }
}

fn stands(since: UnixMillis, now: UnixMillis) -> bool {
    since.until(now) < OFFER_TIME
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOB: AccountId = AccountId(2);
    const START: UnixMillis = UnixMillis(1_000_000);

    fn after(secs: u64) -> UnixMillis {
        UnixMillis(START.0 + secs * 1_000)
    }

    #[test]
    fn the_newest_is_taken_first_and_each_ends_in_its_time() {
        let mut offers = Offers::default();
        offers.add(BOB, LobbyId(5), after(0));
        offers.add(BOB, LobbyId(6), after(100));
        for (secs, want) in [(100, Some(6)), (299, Some(6)), (399, Some(6)), (400, None)] {
            assert_eq!(offers.newest(BOB, after(secs)), want.map(LobbyId), "{secs}");
        }
        offers.add(BOB, LobbyId(5), after(200));
        assert_eq!(offers.newest(BOB, after(499)), Some(LobbyId(5)), "offered anew");
        assert_eq!(offers.newest(AccountId(3), after(200)), None);
        offers.forget_old(after(499));
        assert_eq!(offers.by_account.len(), 1);
        offers.forget_old(after(500));
        assert!(offers.by_account.is_empty());
    }

    #[test]
    fn what_is_withdrawn_uncovers_the_one_before_it() {
        let mut offers = Offers::default();
        offers.add(BOB, LobbyId(5), after(0));
        offers.add(BOB, LobbyId(6), after(1));
        offers.add(AccountId(3), LobbyId(6), after(1));
        offers.withdraw(LobbyId(6));
        assert_eq!(offers.newest(BOB, after(2)), Some(LobbyId(5)));
        assert_eq!(offers.newest(AccountId(3), after(2)), None);
        offers.forget(BOB);
        assert_eq!(offers.newest(BOB, after(2)), None);
    }
}
