//! Mutes and bans: of whom, until when, by whom and why.

use std::collections::HashMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::accounts::{AccountId, Identity, Subject};
use super::directory::ConnId;
use super::history::UnixMillis;
use super::name::{Name, NameKey};
use super::text::Line;

/// Most mutes, and most bans, of one lobby or of the server.
pub const MAX_SANCTIONS: usize = 1_000;

/// A mute or a ban.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<UnixMillis>,
    /// Why, where that was said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Line>,
}

/// On which terms somebody is to be muted or banned.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Terms {
    /// For how long; none for good.
    pub time: Option<Duration>,
    /// Why, where that was said.
    pub reason: Option<Line>,
    /// A guest alone is meant, and not all guests of their address.
    pub alone: bool,
}

/// What whoever is muted or banned is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Penalty {
    /// How long it lasts; none for good.
    pub left: Option<Duration>,
    /// Why, where that was said.
    pub reason: Option<Line>,
    /// It is of all guests of their address, and may have been set because of another.
    pub by_address: bool,
}

impl Penalty {
    /// Whether there is something to tell of it besides that it holds.
    pub fn says_more(&self) -> bool {
        self.left.is_some() || self.reason.is_some() || self.by_address
    }
}

impl Sanction {
    /// One that begins now.
    pub fn new((subject, name): (Subject, Name), by: Name, terms: Terms, now: UnixMillis) -> Self {
        let until = terms.time.map(|time| now.after(time));
        Self { subject, name, by, at: now, until, reason: terms.reason }
    }

    /// Whether it is about somebody, by what they go by now. It may stay with a connection besides.
    pub fn is_about(&self, who: &Identity) -> bool {
        match &self.subject {
            // What is held against an account is held against its bots: else they would speak for it.
            Subject::Account(account) => [who.account, who.bot_of].contains(&Some(*account)),
            Subject::Address(ip) => who.account.is_none() && who.ip == *ip,
            Subject::Name(key) => who.account.is_none() && who.name.key() == *key,
        }
    }

    /// Whether it strikes somebody where it is set on this connection, whatever that one goes by.
    pub fn strikes(&self, who: &Identity, conn: Option<ConnId>) -> bool {
        self.is_about(who) || Some(who.conn) == conn
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

    /// Which one it is.
    pub fn key(&self) -> SanctionKey {
        SanctionKey { subject: self.subject.clone(), name: self.name.key() }
    }

    /// Whether it takes the place of another of the same subject.
    fn replaces(&self, other: &Self) -> bool {
        match self.subject {
            Subject::Account(_) | Subject::Name(_) => true,
            Subject::Address(_) => self.name.key() == other.name.key(),
        }
    }

    /// Whether it ends no sooner than another.
    fn is_as_long_as(&self, other: &Self) -> bool {
        match (self.until, other.until) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(this), Some(other)) => this >= other,
        }
    }

    /// Of two the one that ends later.
    fn longer<'a>(one: &'a Self, other: &'a Self) -> &'a Self {
        if one.is_as_long_as(other) { one } else { other }
    }

    /// Whether it is about guests.
    pub fn is_of_guest(&self) -> bool {
        match self.subject {
            Subject::Address(_) | Subject::Name(_) => true,
            Subject::Account(_) => false,
        }
    }
}

/// Which mute or ban one is: of the guests of one address there may be several, each set because of
/// another guest, and lifting one leaves the others.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SanctionKey {
    /// Of whom.
    pub subject: Subject,
    /// The name that whoever it was meant for had.
    pub name: NameKey,
}

/// The mutes or the bans of one lobby, or the bans of the server: one for each account and name, and of an
/// address one for each guest whom it was meant for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sanctions {
    by_subject: HashMap<Subject, Vec<Sanction>>,
    /// The connections that they were set on: there they stay, whatever account comes or goes.
    by_conn: HashMap<ConnId, SanctionKey>,
}

impl Sanctions {
    /// Sets one, in the place of another of the same user; `conn` is the connection that they are on.
    pub fn impose(&mut self, sanction: Sanction, conn: Option<ConnId>) {
        if let Some(conn) = conn {
            self.by_conn.insert(conn, sanction.key());
        }
        // Connections that are over are not told of here; the oldest go first.
        while self.by_conn.len() > MAX_SANCTIONS {
            let oldest = self.by_conn.keys().min().copied();
            oldest.into_iter().for_each(|conn| _ = self.by_conn.remove(&conn));
        }
        let of_subject = self.by_subject.entry(sanction.subject.clone()).or_default();
        of_subject.retain(|other| !sanction.replaces(other));
        of_subject.push(sanction);
    }

    /// Ends one.
    pub fn lift(&mut self, key: &SanctionKey) -> Option<Sanction> {
        self.by_conn.retain(|_, of| of != key);
        let of_subject = self.by_subject.get_mut(&key.subject)?;
        let at = of_subject.iter().position(|sanction| sanction.name.key() == key.name);
        let lifted = at.map(|at| of_subject.remove(at));
        if of_subject.is_empty() {
            self.by_subject.remove(&key.subject);
        }
        lifted
    }

    /// What follows from a guest's making an account: what holds for the guest is to hold for the
    /// account too. Changes nothing; who wants it imposes it.
    pub fn for_account(
        &self,
        guest: &Identity,
        account: AccountId,
        now: UnixMillis,
    ) -> Option<Sanction> {
        let subject = Subject::Account(account);
        self.of(guest, now).map(|sanction| Sanction { subject, ..sanction.clone() })
    }

    /// The name alone that a sanction of an account was of, before a guest of that name made the account.
    fn alone(&self, of_account: &Sanction) -> Option<SanctionKey> {
        let same = |s: &&Sanction| {
            let of_name = matches!(s.subject, Subject::Name(_));
            of_name
                && (&s.name, s.at, s.until) == (&of_account.name, of_account.at, of_account.until)
        };
        self.all().find(same).map(Sanction::key)
    }

    /// What follows from an account's being given up on a connection: what holds for the account is to
    /// hold for the guests of that address (where that is not known, for those of that name), unless it
    /// does already, or was meant for one guest alone.
    pub fn for_address(&self, who: &Identity, now: UnixMillis) -> Option<Sanction> {
        let subject = who.guest_subject();
        let sanction = self.get(&Subject::Account(who.account?), now)?;
        if self.alone(sanction).is_some() {
            return None;
        }
        let theirs = |other: &Sanction| other.name.key() == sanction.name.key();
        let there = self.by_subject.get(&subject).into_iter().flatten();
        let mut there = there.filter(|other| theirs(other) && other.is_as_long_as(sanction));
        let covered = there.next().is_some();
        (!covered).then(|| Sanction { subject, ..sanction.clone() })
    }

    /// An account is no more; `who` was logged in to it, where somebody was. What [follows from
    /// that](Self::for_address) is so from here on.
    pub fn give_up(&mut self, account: AccountId, who: Option<&Identity>, now: UnixMillis) {
        let subject = Subject::Account(account);
        if let Some(who) = who
            && let Some(sanction) = self.get(&subject, now)
        {
            let of_guest = || SanctionKey { subject: who.guest_subject(), ..sanction.key() };
            let key = self.alone(sanction).unwrap_or_else(of_guest);
            let left = self.for_address(who, now);
            left.into_iter().for_each(|sanction| self.impose(sanction, None));
            self.by_conn.insert(who.conn, key);
        }
        self.by_conn.retain(|_, key| key.subject != subject);
        self.by_subject.remove(&subject);
    }

    /// The one that was set on this connection.
    pub fn of_conn(&self, conn: ConnId, now: UnixMillis) -> Option<&Sanction> {
        let key = self.by_conn.get(&conn)?;
        let of_subject = self.by_subject.get(&key.subject)?;
        of_subject.iter().find(|one| one.holds(now) && one.name.key() == key.name)
    }

    /// The one that holds for a user. An account is judged by itself and its connection, so that it
    /// does not suffer for the guests of its address; a guest by address and name too. Of several it is
    /// the longest: nobody sheds that by making an account, nor by the end of a shorter one.
    pub fn of(&self, who: &Identity, now: UnixMillis) -> Option<&Sanction> {
        let all = [self.of_conn(who.conn, now), self.of_subject(who, now)];
        all.into_iter().flatten().reduce(Sanction::longer)
    }

    /// The same, whatever connection they are on: what was set on one, a server that has just started does not know.
    fn of_subject(&self, who: &Identity, now: UnixMillis) -> Option<&Sanction> {
        let name = who.account.is_none().then(|| Subject::Name(who.name.key()));
        let of_name = name.and_then(|name| self.get(&name, now));
        let of_owner = who.bot_of.and_then(|owner| self.get(&Subject::Account(owner), now));
        let all = [self.get(&who.subject(), now), of_name, of_owner];
        all.into_iter().flatten().reduce(Sanction::longer)
    }

    /// What somebody is told for whom one holds.
    pub fn penalty(&self, who: &Identity, now: UnixMillis) -> Option<Penalty> {
        self.of(who, now).map(|sanction| self.penalty_of(sanction, who, now))
    }

    /// What somebody is told for whom one holds whatever connection they are on, which all nodes know alike.
    pub fn lasting_penalty(&self, who: &Identity, now: UnixMillis) -> Option<Penalty> {
        self.of_subject(who, now).map(|sanction| self.penalty_of(sanction, who, now))
    }

    fn penalty_of(&self, sanction: &Sanction, who: &Identity, now: UnixMillis) -> Penalty {
        let of_address = matches!(sanction.subject, Subject::Address(_));
        let set_on_them = self.by_conn.get(&who.conn) == Some(&sanction.key());
        Penalty {
            left: sanction.left(now),
            reason: sanction.reason.clone(),
            by_address: of_address && !set_on_them,
        }
    }

    /// The one that holds for this very account, address or name, and of several the longest.
    pub fn get(&self, subject: &Subject, now: UnixMillis) -> Option<&Sanction> {
        let holding = self.by_subject.get(subject)?.iter().filter(|sanction| sanction.holds(now));
        holding.reduce(Sanction::longer)
    }

    fn all(&self) -> impl Iterator<Item = &Sanction> {
        self.by_subject.values().flatten()
    }

    /// Those that hold, by name and then by age.
    pub fn list(&self, now: UnixMillis) -> Vec<&Sanction> {
        let mut list: Vec<_> = self.all().filter(|s| s.holds(now)).collect();
        list.sort_by_cached_key(|s| (s.name.key(), s.at));
        list
    }

    /// The clock was set by so many milliseconds: what has not ended lasts for as long as it would have.
    pub fn shift(&mut self, millis: i64) {
        for sanction in self.by_subject.values_mut().flatten() {
            sanction.until = sanction.until.map(|until| until.shifted(millis));
        }
    }

    /// Forgets those that have ended.
    pub fn forget_ended(&mut self, now: UnixMillis) {
        self.by_subject.retain(|_, of_subject| {
            of_subject.retain(|sanction| sanction.holds(now));
            !of_subject.is_empty()
        });
        let Self { by_subject, by_conn } = self;
        by_conn.retain(|_, key| {
            let of_subject = by_subject.get(&key.subject);
            of_subject.is_some_and(|some| some.iter().any(|one| one.name.key() == key.name))
        });
    }

    /// Whether one is kept for `subject`, also where it has ended.
    pub fn is_about(&self, subject: &Subject) -> bool {
        self.by_subject.contains_key(subject)
    }

    /// Whether another may be set.
    pub fn has_room(&self, now: UnixMillis) -> bool {
        self.all().filter(|sanction| sanction.holds(now)).count() < MAX_SANCTIONS
    }
}

impl FromIterator<Sanction> for Sanctions {
    fn from_iter<I: IntoIterator<Item = Sanction>>(sanctions: I) -> Self {
        let mut all = Self::default();
        sanctions.into_iter().for_each(|sanction| all.impose(sanction, None));
        all
    }
}

/// The guests among those whom a sanction strikes, by name, besides the one whom it was meant for: others of
/// their address.
pub(super) fn guests_besides<'a>(
    meant: Option<ConnId>,
    struck: impl Iterator<Item = &'a Identity>,
) -> Vec<Name> {
    let others = struck.filter(|who| Some(who.conn) != meant && who.account.is_none());
    let mut names: Vec<_> = others.map(|who| who.name.clone()).collect();
    names.sort_by_cached_key(Name::key);
    names
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;
    use crate::chat::directory::IpKey;

    fn ip(last: u8) -> IpKey {
        IpKey::from(IpAddr::from([10, 0, 0, last]))
    }

    fn name(text: &str) -> Name {
        Name::parse(text).unwrap()
    }

    fn who(conn: u64, account: Option<u32>, address: u8) -> Identity {
        Identity { ip: ip(address), ..Identity::example(conn, "bob", account) }
    }

    fn ban(subject: Subject, who: &str, secs: Option<u64>) -> Sanction {
        let terms = Terms { time: secs.map(Duration::from_secs), ..Terms::default() };
        Sanction::new((subject, name(who)), name("op"), terms, UnixMillis(1_000))
    }

    fn key(subject: Subject, name: &str) -> SanctionKey {
        SanctionKey { subject, name: NameKey::of(name) }
    }

    #[test]
    fn lifting_one_of_an_address_leaves_those_of_other_guests_there() {
        let address = || Subject::Address(ip(9));
        let mut bans = Sanctions::default();
        bans.impose(ban(address(), "eve", None), Some(ConnId(1)));
        bans.impose(ban(address(), "mal", Some(10)), Some(ConnId(2)));
        let left = |bans: &Sanctions, conn, millis| {
            bans.of(&who(conn, None, 9), UnixMillis(millis)).map(|s| s.name.to_string())
        };
        assert_eq!(bans.list(UnixMillis(2_000)).len(), 2);
        assert_eq!(left(&bans, 3, 2_000).as_deref(), Some("eve"), "of two the longer");
        assert_eq!(left(&bans, 2, 2_000).as_deref(), Some("eve"), "on the connection too");
        assert_eq!(left(&bans, 2, 11_000).as_deref(), Some("eve"), "that one is over");
        let by_address = |conn| {
            bans.penalty(&who(conn, None, 9), UnixMillis(2_000)).map(|penalty| penalty.by_address)
        };
        assert_eq!((by_address(1), by_address(2)), (Some(false), Some(true)));
        let account = bans.for_account(&who(2, None, 9), AccountId(7), UnixMillis(2_000));
        assert_eq!(account.map(|ban| ban.until), Some(None), "nor does an account shed it");
        bans.lift(&key(address(), "eve"));
        assert_eq!(left(&bans, 1, 2_000).as_deref(), Some("mal"));
        bans.lift(&key(address(), "mal"));
        assert_eq!(left(&bans, 2, 2_000), None);
        assert_eq!(bans, Sanctions::default());
    }

    #[test]
    fn accounts_are_banned_by_account_and_guests_by_address() {
        let now = UnixMillis(2_000);
        let mut bans = Sanctions::default();
        bans.impose(ban(Subject::Account(AccountId(1)), "bob", None), None);
        bans.impose(ban(Subject::Address(ip(9)), "eve", None), None);
        for (account, address, want) in [
            (Some(1), 1, true),
            (Some(1), 9, true),
            (Some(2), 9, false),
            (None, 9, true),
            (None, 1, false),
        ] {
            let got = bans.of(&who(1, account, address), now).is_some();
            assert_eq!(got, want, "{account:?} {address}");
        }
        let eve = key(Subject::Address(ip(9)), "eve");
        assert!(bans.lift(&eve).is_some());
        assert!(bans.of(&who(1, None, 9), now).is_none());
        assert!(bans.lift(&eve).is_none());
    }

    #[test]
    fn one_of_a_guest_alone_is_of_the_connection_and_the_name() {
        let now = UnixMillis(2_000);
        let mut bans = Sanctions::default();
        bans.impose(ban(Subject::Name(NameKey::of("bob")), "bob", None), Some(ConnId(1)));
        let called = |name: &str, conn, account, address| {
            let ip = ip(address);
            Identity { ip, ..Identity::example(conn, name, account) }
        };
        for (what, of, want) in [
            ("the connection", called("bob", 1, None, 9), true),
            ("under another name", called("rob", 1, None, 9), true),
            ("with an account", called("bob", 1, Some(7), 9), true),
            ("the name again", called("BOB", 2, None, 9), true),
            ("from elsewhere", called("bob", 2, None, 8), true),
            ("another of the address", called("eve", 3, None, 9), false),
            ("an account of the name", called("bob", 3, Some(8), 9), false),
        ] {
            assert_eq!(bans.of(&of, now).is_some(), want, "{what}");
            let by_address = bans.penalty(&of, now).map(|penalty| penalty.by_address);
            assert_eq!(by_address, want.then_some(false), "{what}");
        }
        // Through an account and out of it again it stays one of the guest alone.
        let bob = called("bob", 1, Some(7), 9);
        let made = bans.for_account(&called("bob", 1, None, 9), AccountId(7), now).unwrap();
        bans.impose(made, Some(ConnId(1)));
        assert_eq!(bans.for_address(&bob, now), None);
        bans.give_up(AccountId(7), Some(&bob), now);
        assert!(bans.of(&called("rob", 1, None, 9), now).is_some());
        assert!(bans.of(&called("eve", 3, None, 9), now).is_none());
        assert!(bans.lift(&key(Subject::Name(NameKey::of("bob")), "bob")).is_some());
        assert!(bans.of(&called("bob", 1, None, 9), now).is_none());
    }

    #[test]
    fn one_of_a_guest_of_no_known_address_is_of_the_name() {
        let now = UnixMillis(2_000);
        let at = |place, name: &str, conn, account| {
            let ip = IpKey::unknown(place);
            Identity { ip, ..Identity::example(conn, name, account) }
        };
        let bob = at(1, "bob", 1, None);
        assert_eq!(bob.subject(), Subject::Name(NameKey::of("bob")));
        let mut bans = Sanctions::default();
        bans.impose(ban(bob.subject(), "bob", None), Some(ConnId(1)));
        for (what, of, want) in [
            ("under another name", at(1, "rob", 1, None), true),
            ("with an account", at(1, "bob", 1, Some(7)), true),
            ("over another connection", at(2, "bob", 2, None), true),
            ("another of no known address", at(3, "eve", 3, None), false),
        ] {
            let told = bans.penalty(&of, now).map(|penalty| penalty.by_address);
            assert_eq!(told, want.then_some(false), "{what}");
        }
        // One of an account stays when that is given up, with the connection and with the name.
        let mut bans = Sanctions::default();
        bans.impose(ban(Subject::Account(AccountId(7)), "bob", None), Some(ConnId(1)));
        bans.give_up(AccountId(7), Some(&at(1, "bob", 1, Some(7))), now);
        for (what, of, want) in [
            ("the connection", at(1, "rob", 1, None), true),
            ("over another connection", at(2, "bob", 2, None), true),
            ("another of no known address", at(3, "eve", 3, None), false),
        ] {
            assert_eq!(bans.of(&of, now).is_some(), want, "{what}");
        }
    }

    #[test]
    fn whoever_it_is_set_on_is_told_other_than_others_of_the_address() {
        let now = UnixMillis(2_000);
        let mut bans = Sanctions::default();
        bans.impose(ban(Subject::Address(ip(9)), "bob", None), Some(ConnId(1)));
        let by_address = |conn| bans.penalty(&who(conn, None, 9), now).unwrap().by_address;
        assert!(!by_address(1) && by_address(2));
        assert_eq!(bans.penalty(&who(3, None, 8), now), None);
    }

    #[test]
    fn they_end_on_time() {
        let mut bans = Sanctions::default();
        bans.impose(ban(Subject::Address(ip(9)), "eve", Some(10)), None);
        let at = |millis| bans.of(&who(1, None, 9), UnixMillis(millis)).is_some();
        assert!(at(1_000) && at(10_999));
        assert!(!at(11_000) && !at(u64::MAX));
        let sanction = bans.list(UnixMillis(2_500))[0].clone();
        assert_eq!(sanction.time(), Some(Duration::from_secs(10)));
        assert_eq!(sanction.left(UnixMillis(2_500)), Some(Duration::from_millis(8_500)));
        assert!(bans.list(UnixMillis(11_000)).is_empty());
        bans.forget_ended(UnixMillis(10_999));
        assert_eq!(bans.by_subject.len(), 1);
        bans.forget_ended(UnixMillis(11_000));
        assert!(bans.by_subject.is_empty());
    }

    #[test]
    fn a_second_one_takes_the_place_of_the_first() {
        let mut bans = Sanctions::default();
        bans.impose(ban(Subject::Address(ip(9)), "eve", None), None);
        bans.impose(ban(Subject::Address(ip(9)), "EVE", Some(1)), None);
        assert!(bans.of(&who(1, None, 9), UnixMillis(2_000)).is_none());
    }

    #[test]
    fn one_of_an_account_takes_the_place_of_another_whatever_the_name() {
        let mut bans = Sanctions::default();
        let account = || Subject::Account(AccountId(7));
        bans.impose(ban(account(), "old-name", None), None);
        bans.impose(ban(account(), "name", Some(1)), None);
        assert!(bans.of(&who(9, Some(7), 9), UnixMillis(2_500)).is_none());
    }

    #[test]
    fn connections_that_are_over_are_forgotten_in_the_end() {
        let mut bans = Sanctions::default();
        for conn in 0..2 * MAX_SANCTIONS as u64 {
            bans.impose(ban(Subject::Address(ip(9)), "eve", None), Some(ConnId(conn)));
        }
        assert_eq!(bans.by_conn.len(), MAX_SANCTIONS);
        assert!(bans.of_conn(ConnId(2 * MAX_SANCTIONS as u64 - 1), UnixMillis(2_000)).is_some());
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
        assert!(!full.has_room(UnixMillis(1_500)));
        assert!(full.has_room(UnixMillis(2_000)), "one has ended");
    }

    #[test]
    fn it_stays_with_the_connection_whatever_becomes_of_the_account() {
        let now = UnixMillis(2_000);
        let mut bans = Sanctions::default();
        bans.impose(ban(Subject::Address(ip(9)), "bob", Some(60)), Some(ConnId(1)));
        assert!(bans.of(&who(1, Some(7), 9), now).is_some(), "it has an account now");
        assert!(bans.of(&who(1, None, 9), now).is_some(), "and is a guest again");
        assert!(bans.of(&who(2, Some(8), 9), now).is_none(), "an account of that address");
        assert!(bans.of(&who(1, Some(7), 9), UnixMillis(61_001)).is_none(), "it ends");
        bans.lift(&key(Subject::Address(ip(9)), "bob"));
        assert!(bans.of(&who(1, Some(7), 9), now).is_none(), "it is lifted everywhere");
        assert!(bans.by_conn.is_empty());
    }

    #[test]
    fn an_account_that_a_banned_guest_makes_is_banned_and_one_that_is_given_up_leaves_its_ban() {
        let now = UnixMillis(2_000);
        let mut bans = Sanctions::default();
        bans.impose(ban(Subject::Address(ip(9)), "bob", Some(60)), None);
        let made = bans.for_account(&who(1, None, 9), AccountId(7), now).unwrap();
        assert_eq!(
            (made.subject, made.until),
            (Subject::Account(AccountId(7)), Some(UnixMillis(61_000)))
        );
        assert!(bans.for_account(&who(1, None, 8), AccountId(7), now).is_none());

        let account = Subject::Account(AccountId(7));
        for (theirs, of_address, want) in [
            (Some(60), None, Some(Some(61_000))),
            (None, None, Some(None)),
            (Some(60), Some(30), Some(Some(61_000))),
            (Some(60), Some(90), None),
            (None, Some(90), Some(None)),
        ] {
            let mut bans = Sanctions::default();
            bans.impose(ban(account.clone(), "bob", theirs), None);
            if let Some(secs) = of_address {
                bans.impose(ban(Subject::Address(ip(9)), "bob", Some(secs)), None);
            }
            // That of another guest there is lifted for itself, so it is none of this.
            bans.impose(ban(Subject::Address(ip(9)), "eve", None), None);
            let left = bans.for_address(&who(1, Some(7), 9), now);
            let left = left.map(|s| (s.subject, s.until.map(|until| until.0)));
            assert_eq!(
                left,
                want.map(|until| (Subject::Address(ip(9)), until)),
                "{theirs:?} {of_address:?}"
            );
        }
        assert!(Sanctions::default().for_address(&who(1, None, 9), now).is_none());
    }
}
