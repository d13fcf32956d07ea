//! Mutes and bans: of whom, until when, by whom and why.

use std::collections::HashMap;
use std::time::Duration;

use super::accounts::{AccountId, Subject};
use super::directory::IpKey;
use super::history::UnixMillis;
use super::name::Name;
use super::text::Line;

/// Most mutes, and most bans, of one lobby or of the server.
pub const MAX_SANCTIONS: usize = 1_000;

/// A mute or a ban.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sanction {
    /// Of whom.
    pub subject: Subject,
    /// The name that they had, which is all that lists show of them.
    pub name: Name,
    /// Who set it.
    pub by: Name,
    /// When it was set.
    pub at: UnixMillis,
    /// When it ends; none for good.
    pub until: Option<UnixMillis>,
    /// Why, where that was said.
    pub reason: Option<Line>,
}

/// What whoever is muted or banned is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Penalty {
    /// How long it lasts; none for good.
    pub left: Option<Duration>,
    /// Why, where that was said.
    pub reason: Option<Line>,
}

impl Sanction {
    /// One that begins now and lasts for `time`, or for good.
    pub fn new(
        (subject, name): (Subject, Name),
        by: Name,
        time: Option<Duration>,
        reason: Option<Line>,
        now: UnixMillis,
    ) -> Self {
        let end = |time: Duration| {
            UnixMillis(now.0.saturating_add(u64::try_from(time.as_millis()).unwrap_or(u64::MAX)))
        };
        Self { subject, name, by, at: now, until: time.map(end), reason }
    }

    /// Whether it still holds.
    pub fn holds(&self, now: UnixMillis) -> bool {
        self.until.is_none_or(|until| now < until)
    }

    /// How long it was meant to last; none for good.
    pub fn time(&self) -> Option<Duration> {
        self.until.map(|until| self.at.until(until))
    }

    /// How long it still lasts; none for good.
    pub fn left(&self, now: UnixMillis) -> Option<Duration> {
        self.until.map(|until| now.until(until))
    }

    /// What whoever it is about is told.
    pub fn penalty(&self, now: UnixMillis) -> Penalty {
        Penalty { left: self.left(now), reason: self.reason.clone() }
    }

    /// Whether it is about a guest, so about an address.
    pub fn is_of_guest(&self) -> bool {
        matches!(self.subject, Subject::Address(_))
    }
}

/// The mutes or the bans of one lobby, or the bans of the server: one for each account and address.
#[derive(Debug, Default)]
pub struct Sanctions {
    by_subject: HashMap<Subject, Sanction>,
}

impl Sanctions {
    /// Sets one, in the place of another of the same user.
    pub fn impose(&mut self, sanction: Sanction) {
        self.by_subject.insert(sanction.subject, sanction);
    }

    /// Ends one.
    pub fn lift(&mut self, subject: Subject) -> Option<Sanction> {
        self.by_subject.remove(&subject)
    }

    /// The one that holds for a user. An account is judged by itself alone, so that it does not suffer
    /// for the guests of its address; a guest by the address.
    pub fn of(&self, account: Option<AccountId>, ip: IpKey, now: UnixMillis) -> Option<&Sanction> {
        let subject = account.map_or(Subject::Address(ip), Subject::Account);
        self.get(subject, now)
    }

    /// The one that holds for this very account or address.
    pub fn get(&self, subject: Subject, now: UnixMillis) -> Option<&Sanction> {
        self.by_subject.get(&subject).filter(|sanction| sanction.holds(now))
    }

    /// Whether one holds for a user, as [`Sanctions::of`] judges.
    pub fn is_banned(&self, account: Option<AccountId>, ip: IpKey, now: UnixMillis) -> bool {
        self.of(account, ip, now).is_some()
    }

    /// Those that hold, by name and then by age.
    pub fn list(&self, now: UnixMillis) -> Vec<&Sanction> {
        let mut list: Vec<_> = self.by_subject.values().filter(|s| s.holds(now)).collect();
        list.sort_by_cached_key(|s| (s.name.key(), s.at));
        list
    }

    /// Forgets those that have ended.
    pub fn forget_ended(&mut self, now: UnixMillis) {
        self.by_subject.retain(|_, sanction| sanction.holds(now));
    }

    /// Whether another may be set for `subject`.
    pub fn has_room_for(&self, subject: Subject, now: UnixMillis) -> bool {
        self.by_subject.contains_key(&subject)
            || self.by_subject.len() < MAX_SANCTIONS
            || self.by_subject.values().filter(|s| s.holds(now)).count() < MAX_SANCTIONS
    }
}

impl FromIterator<Sanction> for Sanctions {
    fn from_iter<I: IntoIterator<Item = Sanction>>(sanctions: I) -> Self {
        Self { by_subject: sanctions.into_iter().map(|s| (s.subject, s)).collect() }
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;
    use crate::chat::name::NameKey;

    fn ip(last: u8) -> IpKey {
        IpKey::from(IpAddr::from([10, 0, 0, last]))
    }

    fn name(text: &str) -> Name {
        Name::parse(text).unwrap()
    }

    fn ban(subject: Subject, who: &str, secs: Option<u64>) -> Sanction {
        let time = secs.map(Duration::from_secs);
        Sanction::new((subject, name(who)), name("op"), time, None, UnixMillis(1_000))
    }

    #[test]
    fn accounts_are_banned_by_account_and_guests_by_address() {
        let now = UnixMillis(2_000);
        let mut bans = Sanctions::default();
        bans.impose(ban(Subject::Account(AccountId(1)), "bob", None));
        bans.impose(ban(Subject::Address(ip(9)), "eve", None));
        for (account, address, want) in [
            (Some(1), 1, true),
            (Some(1), 9, true),
            (Some(2), 9, false),
            (None, 9, true),
            (None, 1, false),
        ] {
            let got = bans.is_banned(account.map(AccountId), ip(address), now);
            assert_eq!(got, want, "{account:?} {address}");
        }
        assert!(bans.lift(Subject::Address(ip(9))).is_some());
        assert!(!bans.is_banned(None, ip(9), now));
        assert!(bans.lift(Subject::Address(ip(9))).is_none());
    }

    #[test]
    fn they_end_on_time() {
        let mut bans = Sanctions::default();
        bans.impose(ban(Subject::Address(ip(9)), "eve", Some(10)));
        let at = |millis| bans.is_banned(None, ip(9), UnixMillis(millis));
        assert!(at(1_000) && at(10_999));
        assert!(!at(11_000) && !at(u64::MAX));
        let sanction = bans.list(UnixMillis(2_500))[0].clone();
        assert_eq!(sanction.time(), Some(Duration::from_secs(10)));
        assert_eq!(sanction.penalty(UnixMillis(2_500)).left, Some(Duration::from_millis(8_500)));
        assert!(bans.list(UnixMillis(11_000)).is_empty());
        bans.forget_ended(UnixMillis(10_999));
        assert_eq!(bans.by_subject.len(), 1);
        bans.forget_ended(UnixMillis(11_000));
        assert!(bans.by_subject.is_empty());
    }

    #[test]
    fn a_second_one_takes_the_place_of_the_first() {
        let mut bans = Sanctions::default();
        bans.impose(ban(Subject::Address(ip(9)), "eve", None));
        bans.impose(ban(Subject::Address(ip(9)), "eve2", Some(1)));
        assert!(!bans.is_banned(None, ip(9), UnixMillis(2_000)));
    }

    #[test]
    fn the_list_is_by_name_and_names_may_come_twice() {
        let bans: Sanctions = [
            ban(Subject::Address(ip(1)), "zoe", None),
            ban(Subject::Address(ip(2)), "Bob", None),
            ban(Subject::Account(AccountId(1)), "alice", None),
            ban(Subject::Account(AccountId(2)), "bob", Some(1)),
        ]
        .into_iter()
        .collect();
        let now = UnixMillis(1_500);
        let names: Vec<_> = bans.list(now).iter().map(|s| s.name.key()).collect();
        assert_eq!(names, ["alice", "bob", "bob", "zoe"].map(NameKey::of));
    }

    #[test]
    fn there_is_a_limit_to_them() {
        let full: Sanctions = (0..MAX_SANCTIONS as u32)
            .map(|i| ban(Subject::Account(AccountId(i)), "bob", (i == 0).then_some(1)))
            .collect();
        let more = Subject::Account(AccountId(u32::MAX));
        assert!(!full.has_room_for(more, UnixMillis(1_500)));
        assert!(full.has_room_for(Subject::Account(AccountId(5)), UnixMillis(1_500)));
        assert!(full.has_room_for(more, UnixMillis(2_000)), "one has ended");
    }
}
