//! What the Registry decides: who is there under which name, which names have an account, who is banned
//! from the server, to whom a lobby is offered.
//!
//! Whatever comes about here has two halves. A `propose_…` looks whether it may be, changes nothing, and
//! answers with what is to happen, with the numbers and times in it. [`People::happen`] lets it be so: it
//! asks nothing, cannot fail, takes its time as an argument, and answers with what follows for others, as
//! data. So whoever sees the same [`Happening`]s in the same order comes to the same [`People`].

mod accounts;
mod bans;
mod bots;
mod connections;
mod departed;
mod logins;
mod offers;
mod passwords;
mod place;
mod registrations;
mod returning;
mod users;

use std::collections::HashMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use self::departed::Departed;
use self::offers::Offers;
use self::registrations::Registrations;
use super::accounts::{AccountId, Accounts, Identity, Target};
use super::change::Change;
use super::directory::{ConnId, IpKey};
use super::history::UnixMillis;
use super::kept::KnownAccount;
use super::lobbies::LobbyId;
use super::moderation::ServerModeration;
use super::name::{Name, NameKey};
use super::password::PasswordRecord;
use super::person::Person;
use super::retention::ClockState;
use super::sanctions::{Penalty, Sanctions};
use super::text::Line;

pub use self::accounts::{Registration, RegistrationError, Unregistration, Unused};
pub use self::bans::{server_ban, server_changes};
pub use self::bots::{BotError, NewBot};
pub use self::connections::{Connections, Woken};
pub use self::logins::{LoginError, RenameError};
pub use self::passwords::{GiveError, GivenPassword};
pub use self::place::Place;
pub use self::returning::NotBack;
pub use self::users::{ClaimError, User, Users};

/// Who there is and what holds for them, on the whole server. `H` is how a user is reached.
#[derive(Debug)]
pub struct People<H> {
    users: Users<H>,
    /// Users whose place was taken, by the connection that took it, until that one is in or is gone.
    taken_over: HashMap<ConnId, User<H>>,
    accounts: Accounts,
    /// Over all numbers that were given: of several nodes, each has the same.
    next_account: AccountId,
    /// Over all that this server has proposed too.
    next_proposed: AccountId,
    registrations: Registrations,
    /// Bans from the server.
    bans: Sanctions,
    offers: Offers,
    departed: Departed,
    /// Records of passwords that the operator has put an end to.
    void: HashMap<AccountId, Arc<PasswordRecord>>,
    /// How many passwords the operator has given accounts, of those that have been given one.
    given: HashMap<AccountId, u32>,
    /// By how many milliseconds the clock had been set when it was read last.
    clock_set_by: Option<i64>,
}

/// Something that is so from now on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", bound(serialize = "", deserialize = "H: From<ConnId>"))]
pub enum Happening<H> {
    /// Somebody has the name that they asked for, or has logged in to their account. Where another
    /// connection had the name, this one takes its place.
    #[serde(with = "came_in")]
    CameIn {
        /// The user, with connection and address.
        who: Identity,
        /// Where they are to be found.
        handle: H,
    },
    /// Somebody whose node had been given up as lost is there after all, and has their name again, unless somebody
    /// else has it by now: of an account the newer connection stays.
    #[serde(with = "returned")]
    Returned {
        /// The user.
        who: Identity,
        /// What they say of being away.
        away: Option<Line>,
        /// How many passwords the operator had given their account when their node was given up; 0 of a guest.
        passwords: u32,
        /// Where they are to be found.
        handle: H,
    },
    /// A connection has no name any more.
    Left(ConnId),
    /// A connection that took another one's place is in, or has broken off: the other one can go.
    TookOver(ConnId),
    /// A guest has another name.
    Renamed {
        /// Whose connection.
        conn: ConnId,
        /// The name.
        name: Name,
    },
    /// A user is away, and says this of it; or is back.
    Away {
        /// Whose connection.
        conn: ConnId,
        /// What they say.
        text: Option<Line>,
    },
    /// A guest has an account.
    Registered(Registration),
    /// An account is no more.
    Unregistered {
        /// The number that the account had.
        account: AccountId,
        /// Who gave it up, as they were then; none where it was never used again.
        who: Option<Identity>,
    },
    /// Whoever has this account has used it since they made it.
    AccountUsed(AccountId),
    /// An account has a bot.
    BotMade(NewBot),
    /// A bot is no more.
    BotGone {
        /// The number that its account had.
        account: AccountId,
    },
    /// The operator has given an account a password, and made it where it was not there.
    PasswordGiven {
        /// Which account.
        given: GivenPassword,
        /// The record of its password so far, where it had one.
        before: Option<Arc<PasswordRecord>>,
    },
    /// An admin has done something to the whole server.
    Moderated {
        /// The name of the admin.
        by: Name,
        /// What they did, which is stored by now.
        what: ServerModeration,
    },
    /// A lobby is offered to an account.
    Offered {
        /// The number of the lobby.
        lobby: LobbyId,
        /// The account that is to have it.
        to: AccountId,
        /// Who offers it.
        from: Person,
        /// Its name.
        name: Name,
    },
    /// A lobby is offered to nobody any more.
    OfferOver(LobbyId),
}

impl<H> Happening<H> {
    /// Whether nobody is to wait for it while the log cannot be reached: whoever wants it is told so.
    pub fn is_refused_away(&self) -> bool {
        match self {
            Self::CameIn { .. }
            | Self::Renamed { .. }
            | Self::Away { .. }
            | Self::Registered(_)
            | Self::Unregistered { .. }
            | Self::PasswordGiven { .. }
            | Self::Moderated { .. }
            | Self::BotMade(_)
            | Self::BotGone { .. }
            | Self::AccountUsed(_) => true,
            Self::Returned { .. }
            | Self::Left(_)
            | Self::TookOver(_)
            | Self::Offered { .. }
            | Self::OfferOver(_) => false,
        }
    }
}

/// Where somebody is to be found, each node knows by their connection: they alone are written.
mod came_in {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use crate::chat::accounts::Identity;
    use crate::chat::directory::ConnId;

    pub(super) fn serialize<H, S>(who: &Identity, _: &H, to: S) -> Result<S::Ok, S::Error>
    where
        S: Serializer,
    {
        who.serialize(to)
    }

    pub(super) fn deserialize<'de, H, D>(from: D) -> Result<(Identity, H), D::Error>
    where
        H: From<ConnId>,
        D: Deserializer<'de>,
    {
        let who = Identity::deserialize(from)?;
        let handle = who.conn.into();
        Ok((who, handle))
    }
}

/// The same of somebody who is back.
mod returned {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use crate::chat::accounts::Identity;
    use crate::chat::directory::ConnId;
    use crate::chat::text::Line;

    #[derive(Serialize, Deserialize)]
    struct Back<W, A> {
        who: W,
        #[serde(skip_serializing_if = "Option::is_none")]
        away: Option<A>,
        #[serde(default, skip_serializing_if = "is_zero")]
        passwords: u32,
    }

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
    fn is_zero(count: &u32) -> bool {
        *count == 0
    }

    pub(super) fn serialize<H, S>(
        who: &Identity,
        away: &Option<Line>,
        passwords: &u32,
        _: &H,
        to: S,
    ) -> Result<S::Ok, S::Error>
    where
        S: Serializer,
    {
        Back { who, away: away.as_ref(), passwords: *passwords }.serialize(to)
    }

    pub(super) fn deserialize<'de, H, D>(
        from: D,
    ) -> Result<(Identity, Option<Line>, u32, H), D::Error>
    where
        H: From<ConnId>,
        D: Deserializer<'de>,
    {
        let Back { who, away, passwords } = Back::<Identity, Line>::deserialize(from)?;
        let handle = who.conn.into();
        Ok((who, away, passwords, handle))
    }
}

/// What follows for others from what has happened, to be done in this order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect<H> {
    /// The connection of this user has to end.
    Disconnect(H, Cause),
    /// The user of a connection goes on as somebody else. Whoever is connected and ignores them goes on
    /// to.
    Became {
        /// Who they were.
        before: Person,
        /// Who they are.
        now: Person,
    },
    /// What has been counted for a user counts under what they go by from now on.
    CarryOver {
        /// As whom it was counted.
        before: Identity,
        /// As whom it counts too.
        after: Identity,
    },
    /// All lobbies learn that a guest has an account.
    Registered {
        /// Who, as a guest.
        guest: Identity,
        /// The account.
        account: AccountId,
        /// Whether it is an admin's.
        admin: bool,
    },
    /// All lobbies learn that an account is no more.
    Unregistered {
        /// The number that the account had.
        account: AccountId,
        /// Who gave it up, as they were; none where nobody did.
        who: Option<Identity>,
        /// The connection that is under its name now.
        present: Option<ConnId>,
    },
    /// This lasts.
    Keep(Change),
    /// All users are told what an admin announces.
    Announce {
        /// The name of the admin.
        by: Name,
        /// What they announce.
        text: Line,
    },
    /// A user is asked whether they take a lobby.
    Offer {
        /// Where the user is.
        to: H,
        /// Who offers it.
        from: Person,
        /// The name of the lobby.
        name: Name,
    },
}

/// Why a connection has to end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cause {
    /// Another connection of the account has taken its place.
    Elsewhere,
    /// Its user is banned from the server, on these terms.
    Banned(Penalty),
    /// The operator wants it, for this reason where one was given.
    Kicked(Option<Line>),
    /// The operator has given its account another password.
    NewPassword,
    /// It is a bot's, and the bot is no more.
    BotGone,
}

impl<H: Clone> People<H> {
    /// Knows nobody yet. The names of the admins are kept; an address makes so many accounts in a day at
    /// most, 0 for no limit.
    pub fn new(admins: impl IntoIterator<Item = Name>, registrations_per_day: usize) -> Self {
        Self {
            users: Users::default(),
            taken_over: HashMap::new(),
            accounts: Accounts::new(admins),
            next_account: AccountId(1),
            next_proposed: AccountId(1),
            registrations: Registrations::new(registrations_per_day),
            bans: Sanctions::default(),
            offers: Offers::default(),
            departed: Departed::default(),
            void: HashMap::new(),
            given: HashMap::new(),
            clock_set_by: None,
        }
    }

    /// From here on these are the names of the admins, and their rank holds at once, also for those who
    /// are here.
    pub fn set_admins(&mut self, admins: impl IntoIterator<Item = Name>) {
        self.accounts.set_admins(admins);
        self.users.set_ranks(|key| self.accounts.is_admin(key));
    }

    /// From here on an address makes so many accounts in a day at most, 0 for no limit.
    pub fn set_registrations_per_day(&mut self, limit: usize) {
        self.registrations.set_limit(limit);
    }

    /// Says how far the clock can be relied on, whenever it was read.
    pub fn note_clock(&mut self, clock: ClockState) {
        if let Some(millis) = clock.set_since(&mut self.clock_set_by) {
            self.bans.shift(millis);
        }
    }

    /// Lets something be so, at that time. Answered with what follows for others.
    pub fn happen(&mut self, what: Happening<H>, at: UnixMillis) -> Vec<Effect<H>> {
        match what {
            Happening::CameIn { who, handle } => self.came_in(who, handle, at),
            Happening::Returned { who, away, handle, passwords: _ } => {
                self.users.restore(User { who, away, handle, place: Place::default() });
                Vec::new()
            }
            Happening::Left(conn) => {
                let is_guest =
                    |user: &User<H>| user.who.account.is_none() && user.who.bot_of.is_none();
                let gone = self.users.release(conn).filter(is_guest);
                gone.into_iter().for_each(|user| self.departed.add(user.who, at));
                Vec::new()
            }
            Happening::TookOver(conn) => self.took_over(conn),
            Happening::Renamed { conn, name } => self.renamed(conn, name),
            Happening::Away { conn, text } => {
                self.users.set_away(conn, text);
                Vec::new()
            }
            Happening::Registered(registration) => self.registered(&registration, at),
            Happening::Unregistered { account, who } => self.unregistered(account, who, at),
            Happening::AccountUsed(account) => self.account_used(account, at).into_iter().collect(),
            Happening::BotMade(bot) => self.bot_made(bot),
            Happening::BotGone { account } => self.bot_gone(account, at),
            Happening::PasswordGiven { given, before } => self.password_given(&given, before),
            Happening::Moderated { by, what } => self.moderated(by, what, at),
            Happening::Offered { lobby, to, from, name } => {
                self.offers.add(to, lobby, at);
                let there = self.users.find_account(&self.accounts, to);
                let offer = |user: &User<H>| Effect::Offer { to: user.handle.clone(), from, name };
                there.map(offer).into_iter().collect()
            }
            Happening::OfferOver(lobby) => {
                self.offers.withdraw(lobby);
                Vec::new()
            }
        }
    }

    /// Where the user of this connection is, to be changed.
    pub fn place(&mut self, conn: ConnId) -> Option<&mut Place> {
        self.users.place(conn)
    }

    /// Whether something that was proposed may still be, now that it is its turn, which is `at` that time: with
    /// several nodes, others have had theirs before. It asks nothing that only one node knows.
    pub fn may_still(&self, what: &Happening<H>, at: UnixMillis) -> bool {
        match what {
            Happening::CameIn { who, .. } => match who.account {
                None => self.users.may_still_claim(&self.accounts, who),
                Some(account) => self.accounts.find(&who.name.key()) == Some(account),
            },
            Happening::Returned { who, passwords, .. } => {
                self.may_return(who, *passwords, at).is_ok()
            }
            Happening::Renamed { conn, name } => self.users.get(*conn).is_some_and(|user| {
                user.who.account.is_none()
                    && self.users.may_still_rename(&self.accounts, *conn, name)
            }),
            Happening::Registered(made) => {
                let (key, conn) = (made.guest.name.key(), made.guest.conn);
                let guest = self.users.find(&key).filter(|user| user.who.conn == conn);
                guest.is_some_and(|user| user.who.account.is_none())
                    && self.accounts.find(&key).is_none()
            }
            // Nobody has used it: they may have come meanwhile.
            Happening::Unregistered { account, who: None } => {
                self.accounts.name(*account).is_some()
                    && self.users.find_account(&self.accounts, *account).is_none()
            }
            Happening::Unregistered { account, who: Some(_) } => {
                self.accounts.name(*account).is_some()
            }
            Happening::PasswordGiven { given, .. } => match given.made {
                true => {
                    let key = given.name.key();
                    self.accounts.find(&key).is_none() && self.users.find(&key).is_none()
                }
                false => self.accounts.name(given.account).is_some(),
            },
            Happening::BotMade(bot) => self.may_still_make(bot),
            Happening::BotGone { account } => self.accounts.bot_of(*account).is_some(),
            Happening::Left(_)
            | Happening::TookOver(_)
            | Happening::Away { .. }
            | Happening::AccountUsed(_)
            | Happening::Moderated { .. }
            | Happening::Offered { .. }
            | Happening::OfferOver(_) => true,
        }
    }

    /// The connections that have another user, or none any more, once something happens: with those whose users
    /// are other than they were.
    pub fn touched(&self, what: &Happening<H>) -> Vec<ConnId> {
        let named = |name: &Name| self.users.find(&name.key()).map(|user| user.who.conn);
        let of = |account: AccountId| {
            let user = self.users.find_account(&self.accounts, account);
            user.map(|user| user.who.conn)
        };
        let both = match what {
            Happening::CameIn { who, .. } => [Some(who.conn), named(&who.name)],
            Happening::Returned { who, .. } => [Some(who.conn), None],
            Happening::Left(conn)
            | Happening::Renamed { conn, .. }
            | Happening::Away { conn, .. } => [Some(*conn), None],
            Happening::Registered(made) => [Some(made.guest.conn), None],
            Happening::Unregistered { account, who } => {
                let bots = self.accounts.bots(*account).into_iter().filter_map(of);
                return bots.chain(of(*account)).chain(who.as_ref().map(|who| who.conn)).collect();
            }
            Happening::BotGone { account } => [of(*account), None],
            Happening::PasswordGiven { given, .. } => [of(given.account), named(&given.name)],
            Happening::TookOver(_)
            | Happening::AccountUsed(_)
            | Happening::BotMade(_)
            | Happening::Moderated { .. }
            | Happening::Offered { .. }
            | Happening::OfferOver(_) => [None, None],
        };
        both.into_iter().flatten().collect()
    }

    /// The users who have a name.
    pub fn users(&self) -> &Users<H> {
        &self.users
    }

    /// The names that have an account.
    pub fn accounts(&self) -> &Accounts {
        &self.accounts
    }

    /// The user or the account of this name.
    pub fn target(&self, key: &NameKey) -> Option<Target> {
        let present = self.users.find(key).map(|user| Target::Present(user.who.clone()));
        present.or_else(|| self.accounts.absent(key))
    }

    /// Whom a moderator means by this name: whoever has it, or the guest who left with it last.
    pub fn offender(&self, key: &NameKey, now: UnixMillis) -> Option<Target> {
        let departed = || self.departed.find(key, now).cloned().map(Target::Departed);
        self.target(key).or_else(departed)
    }

    /// This one and nobody else, under whatever name: connected, or their account.
    pub fn target_of(&self, person: &Person) -> Option<Target> {
        let present = self.users.find_person(&self.accounts, person);
        let present = present.map(|user| Target::Present(user.who.clone()));
        let name = || self.accounts.name(person.account?);
        present.or_else(|| self.accounts.absent(&name()?.key()))
    }

    /// Whether this connection takes the place of another one, or another one its own, and the newer one is not in
    /// yet.
    pub fn is_in_take_over(&self, conn: ConnId) -> bool {
        self.taken_over.contains_key(&conn)
            || self.taken_over.values().any(|before| before.who.conn == conn)
    }

    /// The user whose place this connection has taken, until it is in.
    pub fn taken_over_by(&self, conn: ConnId) -> Option<&User<H>> {
        self.taken_over.get(&conn)
    }

    /// The lobby that was offered last to this account, where it may still be taken.
    pub fn offer_to(&self, account: AccountId, now: UnixMillis) -> Option<LobbyId> {
        self.offers.newest(account, now)
    }

    /// Forgets what holds no more: accounts made long ago, offers that are over, guests who left long ago.
    pub fn forget_old(&mut self, now: UnixMillis) {
        self.registrations.forget_old(now);
        self.offers.forget_old(now);
        self.departed.forget_old(now);
    }
}

/// What was so when the server stopped, put in place before anything happens.
impl<H> People<H> {
    /// An account.
    pub fn restore_account(&mut self, account: KnownAccount) {
        let KnownAccount { id, name, by_operator, unused_since, bot_of } = account;
        self.accounts.add(id, name);
        if by_operator {
            self.accounts.vouch_for(id);
        }
        bot_of.into_iter().for_each(|owner| self.accounts.note_bot(id, owner));
        unused_since.into_iter().for_each(|made_at| self.accounts.note_unused(id, made_at));
    }

    /// Somebody is there.
    pub fn restore_user(&mut self, user: User<H>) {
        self.users.restore(user);
    }

    /// The number of the next account, over all that ever were.
    pub fn restore_next_account(&mut self, next: AccountId) {
        self.next_account = self.next_account.max(next);
    }

    /// The operator has given an account so many passwords.
    pub fn restore_passwords_given(&mut self, account: AccountId, count: u32) {
        self.given.insert(account, count);
    }

    /// An address has made an account at that time.
    pub fn restore_registration(&mut self, ip: IpKey, at: UnixMillis) {
        self.registrations.note(ip, at);
    }

    /// The bans from the server.
    pub fn restore_bans(&mut self, bans: Sanctions) {
        self.bans = bans;
    }
}

#[cfg(test)]
mod tests;
