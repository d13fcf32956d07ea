//! How fast somebody may send: the sliding windows of users and of addresses.
//!
//! A window belongs to the account, else to the name at its address, and never to a connection: whoever
//! connects again, takes over or takes another name finds it as they left it. An address has ten times
//! as much in all, so that more names there are worth no more than ten.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::accounts::{AccountId, Holder, Identity};
use super::bot::{BOT_LINES, BOT_WINDOW};
use super::directory::IpKey;
use super::limiter::SlidingWindow;

/// How many users' worth one address may send.
pub const USERS_PER_ADDRESS: usize = 10;

/// How many times as much of what only shows something may be asked as may be said.
pub const LOOKS_PER_MESSAGE: usize = 2;

/// Windows that are kept before those are looked for in which nothing counts any more. Each needs a
/// message or a command of the last window, so there are few beyond those in use.
const FORGET_OVER: usize = 1_024;

/// What a line counts as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A message, or a command that changes something.
    Message,
    /// A command that only shows something.
    Look,
}

/// Whose a window is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Owner {
    User(Holder),
    /// A bot's is its own, and the same whatever holds for people.
    Bot(AccountId),
    Address(IpKey),
}

impl Owner {
    fn of(who: &Identity) -> Self {
        match who.account.filter(|_| who.bot_of.is_some()) {
            Some(bot) => Self::Bot(bot),
            None => Self::User(who.holder()),
        }
    }

    /// All in which somebody is counted.
    fn all_of(who: &Identity) -> impl Iterator<Item = Self> + use<> {
        let own = Self::of(who);
        let address = match own {
            Self::Bot(_) => None,
            Self::User(_) | Self::Address(_) => Some(Self::Address(who.ip)),
        };
        [Some(own), address].into_iter().flatten()
    }

    /// What it may send in which time, where a user may send so much.
    fn share(&self, limit: usize, window: Duration) -> (usize, Duration) {
        match self {
            Self::User(_) => (limit, window),
            Self::Bot(_) => (BOT_LINES, BOT_WINDOW),
            Self::Address(_) => (limit.saturating_mul(USERS_PER_ADDRESS), window),
        }
    }

    /// As what something counts: of a bot all lines are alike.
    fn counts(&self, kind: Kind) -> Kind {
        match self {
            Self::User(_) | Self::Address(_) => kind,
            Self::Bot(_) => Kind::Message,
        }
    }

    fn is_bot(&self) -> bool {
        matches!(self, Self::Bot(_))
    }
}

#[derive(Debug)]
struct Windows {
    messages: SlidingWindow,
    looks: SlidingWindow,
    /// What was counted until then is known to all nodes.
    known: Option<Instant>,
}

impl Windows {
    fn new(limit: usize, window: Duration) -> Self {
        Self {
            messages: SlidingWindow::new(limit, window),
            looks: SlidingWindow::new(limit.saturating_mul(LOOKS_PER_MESSAGE), window),
            known: None,
        }
    }

    fn set_limit(&mut self, limit: usize, window: Duration) {
        self.messages.set_limit(limit, window);
        self.looks.set_limit(limit.saturating_mul(LOOKS_PER_MESSAGE), window);
    }

    fn of(&mut self, kind: Kind) -> &mut SlidingWindow {
        match kind {
            Kind::Message => &mut self.messages,
            Kind::Look => &mut self.looks,
        }
    }

    fn is_over(&mut self, now: Instant) -> bool {
        [Kind::Message, Kind::Look].into_iter().all(|kind| {
            let window = self.of(kind);
            window.check(now).is_ok() && window.is_empty()
        })
    }
}

/// What counts against somebody: how long ago each was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counted {
    messages: Vec<Duration>,
    looks: Vec<Duration>,
}

/// The windows of all who have sent something lately.
#[derive(Debug)]
pub struct Rates {
    limit: usize,
    window: Duration,
    windows: HashMap<Owner, Windows>,
    forget_at: usize,
}

impl Rates {
    /// At most `limit` messages of a user in any `window`; a `limit` of 0 means no limit.
    pub fn new(limit: usize, window: Duration) -> Self {
        Self { limit, window, windows: HashMap::new(), forget_at: FORGET_OVER }
    }

    /// From here on these limits hold, also for what has been counted.
    pub fn set_limit(&mut self, limit: usize, window: Duration) {
        (self.limit, self.window) = (limit, window);
        if limit == 0 {
            self.windows.retain(|owner, _| owner.is_bot());
        }
        for (owner, windows) in &mut self.windows {
            let (limit, window) = owner.share(limit, window);
            windows.set_limit(limit, window);
        }
    }

    /// Whether one more of this user's would be let through now.
    ///
    /// # Errors
    /// The time until one will be.
    pub fn check(&mut self, who: &Identity, kind: Kind, now: Instant) -> Result<(), Duration> {
        let mut wait = Duration::ZERO;
        for owner in Owner::all_of(who) {
            if let Some(windows) = self.windows.get_mut(&owner)
                && let Err(left) = windows.of(owner.counts(kind)).check(now)
            {
                wait = wait.max(left);
            }
        }
        if wait.is_zero() { Ok(()) } else { Err(wait) }
    }

    /// Lets one more of this user's through, and counts it.
    ///
    /// # Errors
    /// The time until it would be; then it does not count.
    pub fn pass(&mut self, who: &Identity, kind: Kind, now: Instant) -> Result<(), Duration> {
        self.check(who, kind, now)?;
        self.count(who, kind, now);
        Ok(())
    }

    /// Counts one that was let through before it was known that it counts.
    pub fn count(&mut self, who: &Identity, kind: Kind, now: Instant) {
        if self.windows.len() >= self.forget_at {
            self.forget_old(now);
            self.forget_at = FORGET_OVER.max(self.windows.len().saturating_mul(2));
        }
        for owner in Owner::all_of(who).filter(|owner| self.limit > 0 || owner.is_bot()) {
            let (limit, window) = owner.share(self.limit, self.window);
            let kind = owner.counts(kind);
            let windows = self.windows.entry(owner);
            let windows = windows.or_insert_with(|| Windows::new(limit, window));
            windows.of(kind).record(now);
        }
    }

    /// What passed last was refused by others, and does not count.
    pub fn take_back(&mut self, who: &Identity, kind: Kind) {
        for owner in Owner::all_of(who) {
            if let Some(windows) = self.windows.get_mut(&owner) {
                windows.of(owner.counts(kind)).take_back();
            }
        }
    }

    /// The user `before` goes by another name or account from here on, as `after`, and takes along what
    /// has been counted. It counts for the old name too, which is free for others of the address.
    pub fn carry_over(&mut self, before: &Identity, after: &Identity) {
        let (from, to) = (Owner::of(before), Owner::of(after));
        if from == to {
            return;
        }
        let Some(Windows { messages, looks, .. }) = self.windows.get(&from) else { return };
        let (messages, looks) = (messages.clone(), looks.clone());
        let (limit, window) = (self.limit, self.window);
        let windows = self.windows.entry(to).or_insert_with(|| Windows::new(limit, window));
        windows.messages.merge(&messages);
        windows.looks.merge(&looks);
    }

    /// What counts against a user that other nodes do not know, who are told it now; none where there is nothing.
    pub fn counted(&mut self, who: &Identity, now: Instant) -> Option<Counted> {
        let windows = self.windows.get_mut(&Owner::of(who))?;
        let known = windows.known.replace(now);
        let [messages, looks] =
            [&windows.messages, &windows.looks].map(|window| window.ages(known, now));
        let any = !(messages.is_empty() && looks.is_empty());
        any.then_some(Counted { messages, looks })
    }

    /// An account, which may be a bot's, was counted on another node, which it has left. All are told that.
    pub fn counted_elsewhere(
        &mut self,
        (account, is_bot): (AccountId, bool),
        counted: &Counted,
        now: Instant,
    ) {
        let owner = match is_bot {
            true => Owner::Bot(account),
            false if self.limit == 0 => return,
            false => Owner::User(Holder::Account(account)),
        };
        let (limit, window) = owner.share(self.limit, self.window);
        let windows = self.windows.entry(owner);
        let windows = windows.or_insert_with(|| Windows::new(limit, window));
        windows.messages.merge_ages(&counted.messages, now);
        windows.looks.merge_ages(&counted.looks, now);
        windows.known = Some(now);
    }

    /// Forgets windows in which nothing counts any more.
    pub fn forget_old(&mut self, now: Instant) {
        self.windows.retain(|_, windows| !windows.is_over(now));
    }

    /// Windows that are remembered.
    pub fn len(&self) -> usize {
        self.windows.len()
    }

    /// Whether none is remembered.
    pub fn is_empty(&self) -> bool {
        self.windows.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;
    use crate::chat::directory::ConnId;
    use crate::clock;

    const WINDOW: Duration = Duration::from_secs(10);

    fn who(conn: u64, name: &str, account: Option<u32>, address: u8) -> Identity {
        let ip = IpKey::from(IpAddr::from([10, 0, 0, address]));
        Identity { ip, ..Identity::example(conn, name, account) }
    }

    /// How many of a hundred messages are let through.
    fn passed(rates: &mut Rates, who: &Identity, now: Instant) -> usize {
        (0..100).filter(|_| rates.pass(who, Kind::Message, now).is_ok()).count()
    }

    #[test]
    fn a_bot_has_twenty_lines_of_its_own_whatever_holds_for_people() {
        let now = clock::now();
        let bot =
            |address| Identity { bot_of: Some(AccountId(7)), ..who(1, "ci", Some(8), address) };
        for limit in [0, 5, 100] {
            let mut rates = Rates::new(limit, WINDOW);
            assert_eq!(passed(&mut rates, &bot(1), now), 20, "{limit}");
            assert_eq!(
                rates.pass(&bot(9), Kind::Look, now),
                Err(BOT_WINDOW),
                "all lines are alike"
            );
            let person = who(2, "ann", None, 1);
            let people = if limit == 0 { 100 } else { limit };
            assert_eq!(
                passed(&mut rates, &person, now),
                people,
                "{limit}: not those of the address"
            );
            rates.set_limit(0, WINDOW);
            assert!(rates.check(&bot(1), Kind::Message, now).is_err(), "{limit}");
            assert_eq!(passed(&mut rates, &bot(1), now + BOT_WINDOW), 20, "{limit}");
            let counted = rates.counted(&bot(1), now + BOT_WINDOW).unwrap();
            let mut other = Rates::new(limit, WINDOW);
            other.counted_elsewhere((AccountId(8), true), &counted, now + BOT_WINDOW);
            assert!(other.check(&bot(1), Kind::Message, now + BOT_WINDOW).is_err(), "{limit}");
        }
    }

    #[test]
    fn no_way_of_coming_back_refills_a_window() {
        let now = clock::now();
        for (what, before, after) in [
            ("another connection", who(1, "ann", None, 1), who(2, "ann", None, 1)),
            ("another spelling", who(1, "ann", None, 1), who(2, "ANN", None, 1)),
            ("a takeover", who(1, "ann", Some(7), 1), who(2, "ann", Some(7), 9)),
        ] {
            let mut rates = Rates::new(5, WINDOW);
            assert_eq!(passed(&mut rates, &before, now), 5);
            assert_eq!(passed(&mut rates, &after, now), 0, "{what}");
            let later = now + WINDOW;
            assert_eq!(passed(&mut rates, &after, later), 5, "{what}: the window has gone on");
        }
    }

    #[test]
    fn another_name_or_account_takes_the_window_along() {
        let now = clock::now();
        let guest = who(1, "ann", None, 1);
        for (what, after) in
            [("another name", who(1, "bea", None, 1)), ("an account", who(1, "ann", Some(7), 1))]
        {
            let mut rates = Rates::new(5, WINDOW);
            assert_eq!(passed(&mut rates, &guest, now), 5);
            rates.carry_over(&guest, &after);
            assert_eq!(passed(&mut rates, &after, now), 0, "{what}");
            assert_eq!(passed(&mut rates, &guest, now), 0, "{what}: nor does the old one refill");
        }
        // What the new one had counted already stays.
        let mut rates = Rates::new(5, WINDOW);
        let other = who(1, "bea", None, 1);
        for user in [&guest, &guest, &other, &other] {
            assert_eq!(rates.pass(user, Kind::Message, now), Ok(()));
        }
        rates.carry_over(&guest, &other);
        assert_eq!(passed(&mut rates, &other, now), 1);
    }

    #[test]
    fn what_an_account_has_sent_counts_on_every_node_and_once() {
        let (ann, now) = (who(1, "ann", Some(7), 1), clock::now());
        let mut nodes = [(); 3].map(|()| Rates::new(5, WINDOW));
        // From node to node, two lines on each.
        for (step, here) in [0, 1].into_iter().enumerate() {
            let at = now + Duration::from_secs(step as u64);
            for _ in 0..2 {
                assert_eq!(nodes[here].pass(&ann, Kind::Message, at), Ok(()), "{step}");
            }
            let counted = nodes[here].counted(&ann, at).unwrap();
            for other in (0..3).filter(|other| *other != here) {
                nodes[other].counted_elsewhere((AccountId(7), false), &counted, at);
            }
        }
        for (node, rates) in nodes.iter_mut().enumerate() {
            let later = now + Duration::from_secs(2);
            assert_eq!(passed(rates, &ann, later), 1, "{node}");
            assert_eq!(rates.check(&ann, Kind::Message, later), Err(Duration::from_secs(8)));
        }
        assert_eq!(nodes[2].counted(&ann, now + WINDOW * 2), None);
    }

    #[test]
    fn an_address_has_ten_times_as_much_whatever_the_names() {
        let (mut rates, now) = (Rates::new(5, WINDOW), clock::now());
        let users = |address| (0..40).map(move |i| who(i, &format!("user{i}"), None, address));
        let total: usize = users(1).map(|user| passed(&mut rates, &user, now)).sum();
        assert_eq!(total, 50);
        let account = who(99, "carl", Some(1), 1);
        assert_eq!(passed(&mut rates, &account, now), 0, "accounts count for the address too");
        assert_eq!(passed(&mut rates, &who(98, "dave", None, 2), now), 5, "another has its own");
    }

    #[test]
    fn looking_has_a_window_of_its_own_twice_as_large() {
        let (mut rates, now, ann) = (Rates::new(5, WINDOW), clock::now(), who(1, "ann", None, 1));
        assert_eq!(passed(&mut rates, &ann, now), 5);
        let looks = (0..100).filter(|_| rates.pass(&ann, Kind::Look, now).is_ok()).count();
        assert_eq!(looks, 10);
        assert_eq!(rates.check(&ann, Kind::Look, now), Err(WINDOW));
    }

    #[test]
    fn what_is_counted_late_counts_and_the_wait_is_the_longer_one() {
        let (mut rates, now, ann) = (Rates::new(1, WINDOW), clock::now(), who(1, "ann", None, 1));
        rates.count(&ann, Kind::Message, now);
        let later = now + Duration::from_secs(4);
        assert_eq!(rates.check(&ann, Kind::Message, later), Err(Duration::from_secs(6)));
    }

    #[test]
    fn what_is_taken_back_counts_neither_for_the_user_nor_for_the_address() {
        let (mut rates, now) = (Rates::new(1, WINDOW), clock::now());
        for i in 0..100 {
            let user = who(i, &format!("user{i}"), None, 1);
            assert_eq!(rates.pass(&user, Kind::Message, now), Ok(()), "{i}");
            rates.take_back(&user, Kind::Message);
        }
    }

    #[test]
    fn windows_are_forgotten_when_nothing_in_them_counts() {
        let (mut rates, now) = (Rates::new(5, WINDOW), clock::now());
        for i in 0..10_000u64 {
            let user =
                Identity { conn: ConnId(i), ..who(i, &format!("u{i}"), None, (i % 250) as u8) };
            let _ = rates.pass(&user, Kind::Message, now + Duration::from_millis(i * 10));
        }
        assert!(rates.len() < 3 * FORGET_OVER, "{}", rates.len());
        rates.forget_old(now + Duration::from_secs(1_000));
        assert!(rates.is_empty());
    }

    #[test]
    fn another_limit_holds_at_once_for_what_was_counted_too() {
        let (mut rates, now, ann) = (Rates::new(5, WINDOW), clock::now(), who(1, "ann", None, 1));
        assert_eq!(passed(&mut rates, &ann, now), 5);
        rates.set_limit(7, WINDOW);
        assert_eq!(passed(&mut rates, &ann, now), 2);
        rates.set_limit(2, WINDOW * 2);
        let later = now + WINDOW;
        assert_eq!(rates.check(&ann, Kind::Message, later), Err(WINDOW), "the window is longer");
        rates.set_limit(2, WINDOW / 2);
        assert_eq!(passed(&mut rates, &ann, later), 2, "and shorter");
        rates.set_limit(0, WINDOW);
        assert_eq!(passed(&mut rates, &ann, later), 100);
        rates.set_limit(1, WINDOW);
        assert_eq!(passed(&mut rates, &ann, later), 1, "what was not limited counts for nothing");
    }

    #[test]
    fn the_share_of_an_address_follows_another_limit() {
        let (mut rates, now) = (Rates::new(5, WINDOW), clock::now());
        let users = || (0..40).map(|i| who(i, &format!("user{i}"), None, 1));
        let pass = |rates: &mut Rates| users().map(|u| passed(rates, &u, now)).sum::<usize>();
        assert_eq!(pass(&mut rates), 50);
        rates.set_limit(6, WINDOW);
        assert_eq!(pass(&mut rates), 10);
    }

    #[test]
    fn zero_is_no_limit_and_costs_no_memory() {
        let (mut rates, ann) = (Rates::new(0, WINDOW), who(1, "ann", None, 1));
        assert_eq!(passed(&mut rates, &ann, clock::now()), 100);
        assert!(rates.is_empty());
    }
}
