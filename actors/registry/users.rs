//! The part of the Registry that knows who is there: names, logins, where each is.

use crate::actors::guard::{Answers, Ctx, Reply};
use crate::actors::registry::Registry;
use crate::actors::registry::messages::{
    Before, Claim, FindTarget, FindUser, Known, KnownPresence, LobbyRef, LogIn, LoggedIn,
    LoginError, Relay, Relayed, Rename, SetAway, TakeOver, To, Whois,
};
use crate::actors::shard::messages::{Address, Became, DisconnectSeat, Letter, Show};
use crate::actors::unix_now;
use crate::chat::accounts::Target;
use crate::chat::directory::ConnId;
use crate::chat::name::{Name, NameKey};
use crate::chat::person::Person;
use crate::chat::users::{ClaimError, User};
use crate::render::replies::Farewell;
use crate::store::Change;

const BUSY: LoginError = LoginError::Name(ClaimError::Taken);

impl Registry {
    /// The user or the account of this name.
    fn target(&self, key: &NameKey) -> Option<Target> {
        let present = self.users.find(key).map(|user| Target::Present(user.who.clone()));
        present.or_else(|| self.accounts.absent(key))
    }

    /// Where a private message goes: to somebody who is connected, or to an account.
    fn receiver(&self, to: &To) -> Option<Target> {
        match to {
            To::Name(key) => self.target(key),
            To::Person(person) => {
                let present = self.users.find_person(&self.accounts, person);
                let present = present.map(|user| Target::Present(user.who.clone()));
                let name = || self.accounts.name(person.account?);
                present.or_else(|| self.accounts.absent(&name()?.key()))
            }
        }
    }

    /// The user of a connection goes on as somebody else. Whoever ignores them goes on to, whether
    /// they are connected or not.
    pub(super) fn became(&self, before: Person, conn: ConnId) {
        let Some(now) = self.users.get(conn).map(|user| Person::from(&user.who)) else { return };
        let became = Became { before, now };
        self.shards().for_each(|shard| shard.do_send(became.clone()));
        let Became { before, now } = became;
        self.store.keep(vec![Change::Became { before, now }]);
    }

    /// Who the user of a connection is.
    pub(super) fn person(&self, conn: ConnId) -> Option<Person> {
        self.users.get(conn).map(|user| (&user.who).into())
    }

    /// Sends something to the thread of a client.
    pub(super) fn expel(&self, at: Address, why: Farewell) {
        if let Some(threads) = &self.threads {
            threads.shards[at.shard].do_send(DisconnectSeat(at.seat, why));
        }
    }

    /// A connection has taken the place of another one of its account, or has broken off on the way.
    pub(super) fn displace(&mut self, conn: ConnId) {
        if let Some(at) = self.displaced.remove(&conn) {
            self.expel(at, Farewell::Elsewhere);
        }
    }

    /// The lobby that a connection is in, else general.
    fn door_of(&self, conn: ConnId) -> Option<LobbyRef> {
        let lobby = self.connections.lobby(conn);
        let listing = lobby.and_then(|id| self.lobbies.get(id));
        listing.map(|listing| self.door(listing)).or_else(|| self.general())
    }
}

impl Answers<Claim> for Registry {
    fn failed() -> Result<LobbyRef, LoginError> {
        Err(BUSY)
    }

    fn answer(
        &mut self,
        Claim { who, at }: Claim,
        _: &mut Ctx<Self>,
    ) -> Reply<Self, Result<LobbyRef, LoginError>> {
        Reply::now(|| {
            let door = self.general().ok_or(BUSY)?;
            let now = unix_now();
            if self.accounts.find(&who.name.key()).is_none()
                && let Some(ban) = self.bans.of(&who, now)
            {
                return Err(LoginError::Banned(ban.penalty(now)));
            }
            self.users.claim(&self.accounts, who, at)?;
            Ok(door)
        })
    }
}

impl Answers<LogIn> for Registry {
    fn failed() -> Result<LoggedIn, LoginError> {
        Err(BUSY)
    }

    fn answer(
        &mut self,
        login: LogIn,
        _: &mut Ctx<Self>,
    ) -> Reply<Self, Result<LoggedIn, LoginError>> {
        Reply::now(|| {
            let LogIn { mut who, at } = login;
            let now = unix_now();
            if let Some(ban) = self.bans.of(&who, now) {
                return Err(LoginError::Banned(ban.penalty(now)));
            }
            // It may have been given up since its password was asked for.
            let account =
                who.account.filter(|_| self.accounts.find(&who.name.key()) == who.account);
            let account = account.ok_or(BUSY)?;
            who.admin = self.accounts.is_admin(&who.name.key());
            let (admin, conn) = (who.admin, who.conn);
            if self.accounts.note_used(account) {
                self.store.keep(vec![Change::AccountUsed { account, at: now }]);
            }
            let before = self.users.log_in(who, at);
            let before = before.map(|user| (self.door_of(user.who.conn), user));
            if let Some((_, user)) = &before {
                // From here on they are under no name, so they go, also where this login fails.
                self.displaced.insert(conn, user.handle);
            }
            let before = match before {
                Some((door, user)) => {
                    let shards = self.threads.as_ref().map(|threads| &threads.shards);
                    let shard = shards.and_then(|s| s.get(user.handle.shard)).cloned();
                    Some(Before { user, door: door.ok_or(BUSY)?, shard })
                }
                None => None,
            };
            Ok(LoggedIn { admin, before })
        })
    }
}

impl Answers<TakeOver> for Registry {
    fn failed() {}

    fn answer(&mut self, TakeOver(conn): TakeOver, _: &mut Ctx<Self>) -> Reply<Self, ()> {
        Reply::now(|| self.displace(conn))
    }
}

impl Answers<Rename> for Registry {
    fn failed() -> Result<Name, ClaimError> {
        Err(ClaimError::Taken)
    }

    fn answer(
        &mut self,
        Rename(conn, name): Rename,
        _: &mut Ctx<Self>,
    ) -> Reply<Self, Result<Name, ClaimError>> {
        Reply::now(|| {
            let before = self.users.get(conn).map(|user| user.who.clone());
            let old = self.users.rename(&self.accounts, conn, name)?;
            if let (Some(before), Some(after)) = (before, self.users.get(conn)) {
                self.rates.carry_over(&before, &after.who);
                self.became((&before).into(), conn);
            }
            Ok(old)
        })
    }
}

impl Answers<SetAway> for Registry {
    fn failed() {}

    fn answer(&mut self, SetAway(conn, text): SetAway, _: &mut Ctx<Self>) -> Reply<Self, ()> {
        Reply::now(|| self.users.set_away(conn, text))
    }
}

impl Answers<FindUser> for Registry {
    fn failed() -> Option<User<Address>> {
        None
    }

    fn answer(
        &mut self,
        FindUser(key): FindUser,
        _: &mut Ctx<Self>,
    ) -> Reply<Self, Option<User<Address>>> {
        Reply::now(|| self.users.find(&key).cloned())
    }
}

impl Answers<FindTarget> for Registry {
    fn failed() -> Option<Target> {
        None
    }

    fn answer(
        &mut self,
        FindTarget(key): FindTarget,
        _: &mut Ctx<Self>,
    ) -> Reply<Self, Option<Target>> {
        Reply::now(|| self.target(&key))
    }
}

impl Answers<Whois> for Registry {
    fn failed() -> Option<Known> {
        None
    }

    fn answer(&mut self, Whois(key): Whois, _: &mut Ctx<Self>) -> Reply<Self, Option<Known>> {
        Reply::now(|| {
            let account = self.accounts.find(&key);
            let Some(user) = self.users.find(&key) else {
                let name = self.accounts.name(account?)?.clone();
                return Some(Known { name, account, present: None });
            };
            let lobby = self.connections.lobby(user.who.conn);
            let listing = lobby.and_then(|id| self.lobbies.get(id));
            let open = listing.filter(|listing| !listing.state.is_private());
            let present = KnownPresence {
                at: user.handle,
                shard: self.threads.as_ref()?.shards[user.handle.shard].clone(),
                away: user.away.clone(),
                lobby: open.map(|listing| listing.state.name.clone()),
            };
            let (name, account) = (user.who.name.clone(), user.who.account);
            Some(Known { name, account, present: Some(present) })
        })
    }
}

impl Answers<Relay> for Registry {
    fn failed() -> Relayed {
        Relayed::Nobody
    }

    fn answer(
        &mut self,
        Relay { to, from, text }: Relay,
        _: &mut Ctx<Self>,
    ) -> Reply<Self, Relayed> {
        Reply::now(|| {
            let user = match self.receiver(&to) {
                Some(Target::Present(who)) => self.users.get(who.conn),
                Some(Target::Absent { account, name, .. }) => {
                    return Relayed::Absent { account, name };
                }
                None => None,
            };
            let Some((user, threads)) = user.zip(self.threads.as_ref()) else {
                return Relayed::Nobody;
            };
            let show = Show { seat: user.handle.seat, from, letter: Letter::Direct(text) };
            threads.shards[user.handle.shard].do_send(show);
            Relayed::Shown { name: user.who.name.clone(), away: user.away.clone() }
        })
    }
}
