//! The part of the Registry that knows users and accounts.

use std::collections::HashSet;

use actix::prelude::*;
use futures_util::FutureExt;
use futures_util::future::join_all;
use log::info;

use crate::actors::guard::{self, Answers, Ctx, Reply};
use crate::actors::lobby::Lobby;
use crate::actors::lobby::keep::{audited, lifted, stored};
use crate::actors::lobby::messages::{Registered, Registering, Unregistered, Unregistering};
use crate::actors::registry::Registry;
use crate::actors::registry::messages::{
    Before, Claim, FindTarget, FindUser, Known, KnownPresence, LobbyRef, LogIn, LoggedIn,
    LoginError, MayRegister, ModerateError, ModerateServer, NotRegistered, Recheck, Register,
    Relay, Relayed, Rename, ServerOrder, SetAway, TakeOver, To, Unregister, Whois,
};
use crate::actors::shard::messages::{Address, Became, DisconnectSeat, Show, ShowAll};
use crate::actors::unix_now;
use crate::chat::accounts::{AccountId, Identity, Target};
use crate::chat::deeds::Deed;
use crate::chat::directory::ConnId;
use crate::chat::history::UnixMillis;
use crate::chat::name::{Name, NameKey};
use crate::chat::orders::{OrderError, plan_server_ban, plan_server_unban, server_rank};
use crate::chat::person::Person;
use crate::chat::sanctions::Sanction;
use crate::chat::users::{ClaimError, User};
use crate::render;
use crate::render::block;
use crate::render::replies::Farewell;
use crate::store::{Account, Change, SanctionKind, Scope, StoreError};

const BUSY: LoginError = LoginError::Name(ClaimError::Taken);

/// Unused accounts that go at a time: each is told to every lobby, and there may be a thousand of those.
const REMOVED_AT_ONCE: usize = 100;

/// A ban from the server as it is stored.
fn server_ban(ban: &Sanction) -> Change {
    Change::SanctionSet(stored(SanctionKind::Ban, Scope::Server, ban))
}

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
        let shards = self.threads.iter().flat_map(|threads| threads.shards.iter());
        let became = Became { before, now };
        shards.for_each(|shard| shard.do_send(became.clone()));
        let Became { before, now } = became;
        self.store.keep(vec![Change::Became { before, now }]);
    }

    /// Who the user of a connection is.
    fn person(&self, conn: ConnId) -> Option<Person> {
        self.users.get(conn).map(|user| (&user.who).into())
    }

    /// Sends something to the thread of a client.
    fn expel(&self, at: Address, why: Farewell) {
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
        let lobby = self.connections.get(&conn).and_then(|connection| connection.lobby);
        let listing = lobby.and_then(|id| self.lobbies.get(id));
        listing.map(|listing| self.door(listing)).or_else(|| self.general())
    }

    /// Accounts that nobody ever used again go, and their names are free.
    pub(super) fn remove_unused(&mut self, ctx: &mut Ctx<Self>) {
        let now = unix_now();
        let mut unused = self.accounts.unused(now);
        let present: HashSet<_> = self.users.iter().filter_map(|user| user.who.account).collect();
        let used: Vec<_> = unused.extract_if(.., |id| present.contains(id)).collect();
        // Whoever is here uses theirs, whenever they came.
        used.iter().for_each(|id| _ = self.accounts.note_used(*id));
        let note = |account| Change::AccountUsed { account, at: now };
        self.store.keep(used.into_iter().map(note).collect());
        unused.truncate(REMOVED_AT_ONCE);
        if unused.is_empty() {
            return;
        }
        info!("{} accounts that were never used again go", unused.len());
        let changes = unused.iter().map(|id| Change::AccountRemoved(*id)).collect();
        let store = self.store.clone();
        let commit = async move { store.commit(changes).await };
        guard::spawn(ctx, commit, move |registry: &mut Self, stored, _| {
            // Not stored, they are looked for again the next time.
            let gone = stored.map_or(Vec::new(), |()| unused);
            gone.into_iter().for_each(|account| registry.removed(account, None));
        });
    }

    /// An account is no more; `who` gave it up, where somebody did.
    fn removed(&mut self, account: AccountId, who: Option<Identity>) {
        self.accounts.remove(account);
        self.offers.remove(&account);
        let now = unix_now();
        self.bans.give_up(account, who.as_ref(), now);
        // Another connection may have logged in to it meanwhile: that one is out of date.
        let theirs = self.users.iter().find(|user| user.who.account == Some(account));
        let theirs = theirs.map(|user| (user.who.clone(), user.handle));
        if let Some(who) = &who {
            let guest = Identity { account: None, admin: false, ..who.clone() };
            self.rates.carry_over(who, &guest);
        }
        if let Some((other, at)) = &theirs {
            let before = self.person(other.conn);
            self.users.set_account(other.conn, None, false);
            before.into_iter().for_each(|before| self.became(before, other.conn));
            let guest = Identity { account: None, admin: false, ..other.clone() };
            self.rates.carry_over(other, &guest);
            if who.as_ref().is_some_and(|who| who.conn != other.conn) {
                self.expel(*at, Farewell::Elsewhere);
            } else if self.bans.of(&guest, now).is_some() {
                self.expel(*at, Farewell::Banned);
            }
        }
        let present = theirs.map(|(other, _)| other.conn);
        let gone = Unregistered { account, who, present };
        for listing in self.lobbies.iter() {
            listing.handle.do_send(gone.clone());
        }
    }

    /// What all lobbies want stored together with something.
    fn gather<M>(&self, ask: &M) -> impl Future<Output = Vec<Change>> + use<M>
    where
        M: Message<Result = Vec<Change>> + Clone + Send + 'static,
        Lobby: Handler<M>,
    {
        let asked: Vec<_> = self.lobbies.iter().map(|l| l.handle.send(ask.clone())).collect();
        // One that breaks at this very moment has no say.
        join_all(asked).map(|answers| answers.into_iter().flatten().flatten().collect())
    }

    /// Does what has been stored, and tells whom it concerns.
    fn govern(&mut self, by: &Name, deed: &Deed, now: UnixMillis) {
        info!("{by} did {}", deed.verb());
        match deed {
            Deed::ServerBan { ban, conn } => {
                self.bans.forget_ended(now);
                // Another guest of the address may have got a longer one while this was being stored.
                let standing = self.bans.standing(ban);
                if standing != *ban {
                    self.store.keep(vec![server_ban(&standing)]);
                }
                self.bans.impose(standing, *conn);
                let meant = |user: &&User<Address>| {
                    user.who.subject() == ban.subject || Some(user.who.conn) == *conn
                };
                for user in self.users.iter().filter(meant) {
                    self.expel(user.handle, Farewell::Banned);
                }
                // A guest who has made an account while this was being stored.
                let user = conn.and_then(|conn| self.users.get(conn)).map(|user| user.who.clone());
                if let Some(user) = user.filter(|_| ban.is_of_guest()) {
                    self.ban_account(&user, now);
                }
            }
            Deed::ServerUnban { subjects, .. } => {
                subjects.iter().for_each(|subject| _ = self.bans.lift(*subject));
            }
            Deed::Announce(text) => {
                let text = block(|sheet| render::announcement(sheet, by, text));
                let shards = self.threads.iter().flat_map(|threads| threads.shards.iter());
                shards.for_each(|shard| shard.do_send(ShowAll(text.clone())));
            }
            _ => {}
        }
    }

    /// A guest is banned from the server who has an account by now: that one is too.
    fn ban_account(&mut self, user: &Identity, now: UnixMillis) {
        let Some(account) = user.account else { return };
        let guest = Identity { account: None, admin: false, ..user.clone() };
        if let Some(ban) = self.bans.for_account(&guest, account, now) {
            self.store.keep(vec![server_ban(&ban)]);
            self.bans.impose(ban, Some(user.conn));
        }
    }

    fn plan(&self, govern: ModerateServer, now: UnixMillis) -> Result<Deed, OrderError> {
        let ModerateServer { by, right, order } = govern;
        match order {
            ServerOrder::Announce(text) => {
                right.check(&by, server_rank(by.admin))?;
                Ok(Deed::Announce(text))
            }
            ServerOrder::Ban { whom, time, reason } => {
                plan_server_ban(&self.bans, (&by, right), &whom, (time, reason), now)
            }
            ServerOrder::Unban(named) => plan_server_unban(&self.bans, (&by, right), &named, now),
        }
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

impl Answers<MayRegister> for Registry {
    fn failed() -> Result<(), NotRegistered> {
        Err(NotRegistered::Busy)
    }

    fn answer(
        &mut self,
        MayRegister(ip): MayRegister,
        _: &mut Ctx<Self>,
    ) -> Reply<Self, Result<(), NotRegistered>> {
        Reply::now(|| {
            let may = self.registrations.may(ip, unix_now());
            may.then_some(()).ok_or(NotRegistered::TooMany)
        })
    }
}

impl Answers<Register> for Registry {
    fn failed() -> Result<(AccountId, bool), NotRegistered> {
        Err(NotRegistered::Busy)
    }

    fn answer(
        &mut self,
        register: Register,
        _: &mut Ctx<Self>,
    ) -> Reply<Self, Result<(AccountId, bool), NotRegistered>> {
        let (guest, account, mut changes) = match self.begin_registration(register) {
            Ok(begun) => begun,
            Err(why) => return Reply::Now(Err(why)),
        };
        let (id, made_at) = (account.id, account.made_at);
        let (store, gathered) =
            (self.store.clone(), self.gather(&Registering { guest: guest.clone(), account: id }));
        // The account, and all that hangs on it, or nothing.
        let commit = async move {
            changes.extend(gathered.await);
            store.commit(changes).await
        };
        Reply::after(commit, move |registry: &mut Self, stored, _| {
            registry.accounts.end(&guest.name);
            if let Err(why) = stored {
                registry.registrations.take_back(guest.ip, made_at);
                return Err(why.into());
            }
            Ok((id, registry.registered(&guest, id, made_at)))
        })
    }
}

impl Registry {
    /// Keeps the name and the address's count, until it is known whether the account is stored.
    fn begin_registration(
        &mut self,
        Register { conn, record, settings, ignored }: Register,
    ) -> Result<(Identity, Account, Vec<Change>), NotRegistered> {
        let user = self.users.get(conn).filter(|user| user.who.account.is_none());
        let guest = user.ok_or(NotRegistered::Busy)?.who.clone();
        let made_at = unix_now();
        if !self.registrations.may(guest.ip, made_at) {
            return Err(NotRegistered::TooMany);
        }
        let id = self.next_account;
        self.next_account = AccountId(id.0 + 1);
        self.registrations.note(guest.ip, made_at);
        self.accounts.begin(&guest.name);
        let account = Account {
            id,
            name: guest.name.clone(),
            record,
            settings,
            made_at,
            last_lobby: None,
            left_at: None,
        };
        let made = Change::Registered { address: guest.ip, at: made_at };
        let ignored = ignored.into_iter();
        let ignored = ignored.map(|(name, who)| Change::IgnoreAdded { account: id, name, who });
        let changes = [Change::AccountPut(account.clone()), made].into_iter().chain(ignored);
        Ok((guest, account, changes.collect()))
    }

    /// An account is stored. Whether it is an admin's.
    fn registered(&mut self, guest: &Identity, id: AccountId, made_at: UnixMillis) -> bool {
        let conn = guest.conn;
        info!("conn={} {} registered", conn.0, guest.name);
        self.accounts.add(id, guest.name.clone());
        self.accounts.note_unused(id, made_at);
        let admin = self.accounts.is_admin(&guest.name.key());
        let before = self.person(conn);
        self.users.set_account(conn, Some(id), admin);
        before.into_iter().for_each(|before| self.became(before, conn));
        let now = Identity { account: Some(id), admin, ..guest.clone() };
        self.rates.carry_over(guest, &now);
        for listing in self.lobbies.iter() {
            listing.handle.do_send(Registered { guest: guest.clone(), account: id, admin });
        }
        // They may have been banned while it was being stored.
        let at = unix_now();
        if self.bans.of(guest, at).is_some() {
            self.ban_account(&now, at);
            let user = self.users.get(conn).map(|user| user.handle);
            user.into_iter().for_each(|handle| self.expel(handle, Farewell::Banned));
        }
        admin
    }
}

impl Answers<Recheck> for Registry {
    fn failed() {}

    fn answer(&mut self, Recheck(conn, lobby): Recheck, _: &mut Ctx<Self>) -> Reply<Self, ()> {
        Reply::now(|| {
            let who = self.users.get(conn).map(|user| user.who.clone());
            if let (Some(who), Some(listing)) = (who, self.lobbies.get(lobby))
                && let Some(account) = who.account
            {
                let admin = who.admin;
                let guest = Identity { account: None, admin: false, ..who };
                listing.handle.do_send(Registered { guest, account, admin });
            }
        })
    }
}

impl Answers<Unregister> for Registry {
    fn failed() -> Result<(), StoreError> {
        Err(StoreError::Other("a fault".into()))
    }

    fn answer(
        &mut self,
        Unregister { conn, account }: Unregister,
        _: &mut Ctx<Self>,
    ) -> Reply<Self, Result<(), StoreError>> {
        let user = self.users.get(conn).filter(|user| user.who.account == Some(account));
        let Some(who) = user.map(|user| user.who.clone()) else {
            return Reply::Now(Err(StoreError::Other("no such user".into())));
        };
        let ban = self.bans.for_address(&who, unix_now());
        let (store, gathered) = (self.store.clone(), self.gather(&Unregistering(who.clone())));
        // Its own bans and mutes go with the account, so what is left of them comes after it.
        let commit = async move {
            let mut changes = vec![Change::AccountRemoved(account)];
            changes.extend(gathered.await);
            changes.extend(ban.as_ref().map(server_ban));
            store.commit(changes).await
        };
        Reply::after(commit, move |registry: &mut Self, stored, _| {
            stored?;
            info!("conn={} gave its account up", conn.0);
            registry.removed(account, Some(who));
            Ok(())
        })
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
            let lobby = self.connections.get(&user.who.conn).and_then(|c| c.lobby);
            let listing = lobby.and_then(|id| self.lobbies.get(id));
            let open = listing.filter(|listing| listing.record.is_none());
            let present = KnownPresence {
                at: user.handle,
                shard: self.threads.as_ref()?.shards[user.handle.shard].clone(),
                away: user.away.clone(),
                lobby: open.map(|listing| listing.card.name.clone()),
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
        Relay { to, from, block }: Relay,
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
            let show = Show { seat: user.handle.seat, block, from: Some(from) };
            threads.shards[user.handle.shard].do_send(show);
            Relayed::Shown { name: user.who.name.clone(), away: user.away.clone() }
        })
    }
}

impl Answers<ModerateServer> for Registry {
    fn failed() -> Result<Deed, ModerateError> {
        Err(ModerateError::Busy)
    }

    fn answer(
        &mut self,
        govern: ModerateServer,
        _: &mut Ctx<Self>,
    ) -> Reply<Self, Result<Deed, ModerateError>> {
        let (now, by) = (unix_now(), govern.by.name.clone());
        let deed = match self.plan(govern, now) {
            Ok(deed) => deed,
            Err(why) => return Reply::Now(Err(why.into())),
        };
        let mut changes = match &deed {
            Deed::ServerBan { ban, .. } => vec![server_ban(ban)],
            Deed::ServerUnban { subjects, .. } => {
                lifted(SanctionKind::Ban, Scope::Server, subjects)
            }
            _ => Vec::new(),
        };
        changes.push(audited(Scope::Server, &by, &deed, now));
        let store = self.store.clone();
        let commit = async move { store.commit(changes).await };
        Reply::after(commit, move |registry: &mut Self, stored, _| {
            stored?;
            registry.govern(&by, &deed, now);
            Ok(deed)
        })
    }
}
