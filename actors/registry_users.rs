//! The part of the Registry that knows users and accounts.

use std::iter;

use actix::prelude::*;
use log::info;

use super::lobby_keep::{audited, lifted, stored};
use super::messages::{
    Became, Claim, Displace, Door, Expel, FindTarget, FindUser, Govern, Known, KnownPresence,
    LogIn, LoggedIn, NotIn, Register, Registered, Relay, Relayed, Rename, ServerOrder, SetAway,
    Show, ShowAll, To, Undone, Unregister, Unregistered, Whereabouts, Whois,
};
use super::registry::Registry;
use super::sturdy::survive;
use super::unix_now;
use crate::chat::accounts::{AccountId, Target};
use crate::chat::deeds::Deed;
use crate::chat::directory::ConnId;
use crate::chat::history::UnixMillis;
use crate::chat::lobbies::LobbyId;
use crate::chat::name::{Name, NameKey};
use crate::chat::orders::{OrderError, plan_server_ban, plan_server_unban, server_rank};
use crate::chat::person::Person;
use crate::chat::render::{self, block};
use crate::chat::replies::Farewell;
use crate::chat::users::{ClaimError, User};
use crate::store::{Account, Change, SanctionKind, Scope, StoreError};

const BUSY: NotIn = NotIn::Name(ClaimError::Taken);

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
    fn expel(&self, at: Whereabouts, why: Farewell) {
        if let Some(threads) = &self.threads {
            threads.shards[at.shard].do_send(Expel(at.seat, why));
        }
    }

    /// A connection has taken the place of another one of its account, or has broken off on the way.
    pub(super) fn displace(&mut self, conn: ConnId) {
        if let Some(at) = self.displaced.remove(&conn) {
            self.expel(at, Farewell::Elsewhere);
        }
    }

    /// Where an account goes on: where its other connection is, else where it was last, else in general.
    fn door_of(&self, before: Option<&User<Whereabouts>>, last: Option<LobbyId>) -> Option<Door> {
        let present = before.and_then(|user| self.connections.get(&user.who.conn)?.lobby);
        let listing = present.or(last).and_then(|id| self.lobbies.get(id));
        listing.map(|listing| self.door(listing)).or_else(|| self.general())
    }

    /// Does what has been stored, and tells whom it concerns.
    fn govern(&mut self, by: &Name, deed: &Deed, now: UnixMillis) {
        info!("{by} did {}", deed.verb());
        match deed {
            Deed::ServerBan { ban, .. } => {
                self.bans.forget_ended(now);
                self.bans.impose(ban.clone());
                for user in self.users.iter().filter(|user| user.who.subject() == ban.subject) {
                    self.expel(user.handle, Farewell::Banned);
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

    fn plan(&self, govern: Govern, now: UnixMillis) -> Result<Deed, OrderError> {
        let Govern { by, right, order } = govern;
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

impl Handler<Claim> for Registry {
    type Result = Result<Door, NotIn>;

    fn handle(&mut self, Claim { who, at }: Claim, _: &mut Self::Context) -> Self::Result {
        survive(Err(BUSY), || {
            let door = self.general().ok_or(BUSY)?;
            let now = unix_now();
            if self.accounts.find(&who.name.key()).is_none()
                && let Some(ban) = self.bans.of(None, who.ip, now)
            {
                return Err(NotIn::Banned(ban.penalty(now)));
            }
            self.users.claim(&self.accounts, who, at)?;
            Ok(door)
        })
    }
}

impl Handler<LogIn> for Registry {
    type Result = Result<LoggedIn, NotIn>;

    fn handle(&mut self, login: LogIn, _: &mut Self::Context) -> Self::Result {
        survive(Err(BUSY), || {
            let LogIn { mut who, at, last_lobby } = login;
            let now = unix_now();
            if let Some(ban) = self.bans.of(who.account, who.ip, now) {
                return Err(NotIn::Banned(ban.penalty(now)));
            }
            // It may have been given up since its password was asked for.
            if self.accounts.find(&who.name.key()) != who.account {
                return Err(BUSY);
            }
            who.admin = self.accounts.is_admin(&who.name.key());
            let (admin, conn) = (who.admin, who.conn);
            let before = self.users.log_in(who, at);
            if let Some(user) = &before {
                self.displaced.insert(conn, user.handle);
            }
            let door = self.door_of(before.as_ref(), last_lobby).ok_or(BUSY)?;
            let shards = self.threads.as_ref().map(|threads| &threads.shards);
            let at = before.as_ref().map(|user| user.handle.shard);
            let before_at = shards.zip(at).and_then(|(shards, at)| shards.get(at)).cloned();
            Ok(LoggedIn { admin, door, before, before_at })
        })
    }
}

impl Handler<Displace> for Registry {
    type Result = ();

    fn handle(&mut self, Displace(conn): Displace, _: &mut Self::Context) {
        survive((), || self.displace(conn));
    }
}

impl Handler<Register> for Registry {
    type Result = ResponseActFuture<Self, Result<(AccountId, bool), StoreError>>;

    fn handle(
        &mut self,
        Register { conn, record, settings, ignored }: Register,
        _: &mut Self::Context,
    ) -> Self::Result {
        let Some(name) = self.users.get(conn).map(|user| user.who.name.clone()) else {
            return Box::pin(fut::ready(Err(StoreError::Other("no such user".into()))));
        };
        let id = self.next_account;
        self.next_account = AccountId(id.0 + 1);
        let made_at = unix_now();
        let account = Account {
            id,
            name: name.clone(),
            record,
            settings,
            made_at,
            last_lobby: None,
            left_at: None,
        };
        let store = self.store.clone();
        let ignored = ignored.into_iter();
        let ignored = ignored.map(|(name, who)| Change::IgnoreAdded { account: id, name, who });
        let changes = iter::once(Change::AccountPut(account)).chain(ignored).collect();
        let commit = async move { store.commit(changes).await };
        Box::pin(commit.into_actor(self).map(move |stored, registry, _| {
            stored?;
            info!("conn={} {name} registered", conn.0);
            let admin = registry.accounts.is_admin(&name.key());
            registry.accounts.add(id, name);
            let before = registry.person(conn);
            registry.users.set_account(conn, Some(id), admin);
            before.into_iter().for_each(|before| registry.became(before, conn));
            for listing in registry.lobbies.iter() {
                listing.handle.do_send(Registered { conn, account: id, admin });
            }
            Ok((id, admin))
        }))
    }
}

impl Handler<Unregister> for Registry {
    type Result = ResponseActFuture<Self, Result<(), StoreError>>;

    fn handle(
        &mut self,
        Unregister { conn, account }: Unregister,
        _: &mut Self::Context,
    ) -> Self::Result {
        let store = self.store.clone();
        let commit = async move { store.commit(vec![Change::AccountRemoved(account)]).await };
        Box::pin(commit.into_actor(self).map(move |stored, registry, _| {
            stored?;
            info!("conn={} gave its account up", conn.0);
            registry.accounts.remove(account);
            // Another connection may have logged in to it meanwhile: that one is out of date.
            let theirs = registry.users.iter().find(|user| user.who.account == Some(account));
            let theirs = theirs.map(|user| (user.who.conn, user.handle));
            if let Some((other, at)) = theirs {
                let before = registry.person(other);
                registry.users.set_account(other, None, false);
                before.into_iter().for_each(|before| registry.became(before, other));
                if other != conn {
                    registry.expel(at, Farewell::Elsewhere);
                }
            }
            let conn = theirs.map(|(conn, _)| conn);
            for listing in registry.lobbies.iter() {
                listing.handle.do_send(Unregistered { account, conn });
            }
            Ok(())
        }))
    }
}

impl Handler<Rename> for Registry {
    type Result = Result<Name, ClaimError>;

    fn handle(&mut self, Rename(conn, name): Rename, _: &mut Self::Context) -> Self::Result {
        survive(Err(ClaimError::Taken), || {
            let who = self.person(conn);
            let before = self.users.rename(&self.accounts, conn, name)?;
            who.into_iter().for_each(|who| self.became(who, conn));
            Ok(before)
        })
    }
}

impl Handler<SetAway> for Registry {
    type Result = ();

    fn handle(&mut self, SetAway(conn, text): SetAway, _: &mut Self::Context) {
        survive((), || self.users.set_away(conn, text));
    }
}

impl Handler<FindUser> for Registry {
    type Result = Option<User<Whereabouts>>;

    fn handle(&mut self, FindUser(key): FindUser, _: &mut Self::Context) -> Self::Result {
        survive(None, || self.users.find(&key).cloned())
    }
}

impl Handler<FindTarget> for Registry {
    type Result = MessageResult<FindTarget>;

    fn handle(&mut self, FindTarget(key): FindTarget, _: &mut Self::Context) -> Self::Result {
        MessageResult(survive(None, || self.target(&key)))
    }
}

impl Handler<Whois> for Registry {
    type Result = MessageResult<Whois>;

    fn handle(&mut self, Whois(key): Whois, _: &mut Self::Context) -> Self::Result {
        MessageResult(survive(None, || {
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
        }))
    }
}

impl Handler<Relay> for Registry {
    type Result = MessageResult<Relay>;

    fn handle(&mut self, Relay { to, from, block }: Relay, _: &mut Self::Context) -> Self::Result {
        MessageResult(survive(Relayed::Nobody, || {
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
        }))
    }
}

impl Handler<Govern> for Registry {
    type Result = ResponseActFuture<Self, Result<Deed, Undone>>;

    fn handle(&mut self, govern: Govern, _: &mut Self::Context) -> Self::Result {
        let (now, by) = (unix_now(), govern.by.name.clone());
        let deed = match survive(Err(OrderError::NotBanned), || self.plan(govern, now)) {
            Ok(deed) => deed,
            Err(why) => return Box::pin(fut::ready(Err(why.into()))),
        };
        let mut changes = match &deed {
            Deed::ServerBan { ban, .. } => {
                vec![Change::SanctionSet(stored(SanctionKind::Ban, Scope::Server, ban))]
            }
            Deed::ServerUnban { subjects, .. } => {
                lifted(SanctionKind::Ban, Scope::Server, subjects)
            }
            _ => Vec::new(),
        };
        changes.push(audited(Scope::Server, &by, &deed, now));
        let store = self.store.clone();
        let commit = async move { store.commit(changes).await };
        Box::pin(commit.into_actor(self).map(move |stored, registry, _| {
            stored?;
            survive((), || registry.govern(&by, &deed, now));
            Ok(deed)
        }))
    }
}
