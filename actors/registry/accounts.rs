//! The part of the Registry that makes accounts, and ends them.

use std::collections::HashSet;

use actix::prelude::*;
use futures_util::FutureExt;
use futures_util::future::join_all;
use log::info;

use crate::actors::guard::{self, Answers, Ctx, Reply};
use crate::actors::lobby::Lobby;
use crate::actors::lobby::messages::{Registered, Registering, Unregistered, Unregistering};
use crate::actors::registry::Registry;
use crate::actors::registry::messages::{
    MayRegister, Recheck, Register, RegisterError, Unregister,
};
use crate::actors::registry::moderation::server_ban;
use crate::actors::unix_now;
use crate::chat::accounts::{AccountId, Identity};
use crate::chat::history::UnixMillis;
use crate::render::replies::Farewell;
use crate::store::{Account, Change, StoreError};

/// Unused accounts that go at a time: each is told to every lobby, and there may be a thousand of those.
const REMOVED_AT_ONCE: usize = 100;

impl Registry {
    /// Accounts that nobody ever used again go, and their names are free.
    pub(super) fn remove_unused(&mut self, ctx: &mut Ctx<Self>) {
        let now = unix_now();
        let mut unused = self.accounts.unused(now);
        let present: HashSet<_> = self.users.iter().filter_map(|user| user.who.account).collect();
        let used: Vec<_> = unused.extract_if(.., |id| present.contains(id)).collect();
        // Whoever is here uses theirs, whenever they came.
        used.iter().for_each(|id| _ = self.accounts.note_used(*id));
        let note = |account| Change::AccountUsed { account, at: now };
        self.store.keep(used.into_iter().map(note));
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
            let guest = who.as_guest();
            self.rates.carry_over(who, &guest);
        }
        if let Some((other, at)) = &theirs {
            let before = self.person(other.conn);
            self.users.set_account(other.conn, None, false);
            before.into_iter().for_each(|before| self.became(before, other.conn));
            let guest = other.as_guest();
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
}

impl Answers<MayRegister> for Registry {
    fn failed() -> Result<(), RegisterError> {
        Err(RegisterError::Busy)
    }

    fn answer(
        &mut self,
        MayRegister(ip): MayRegister,
        _: &mut Ctx<Self>,
    ) -> Reply<Self, Result<(), RegisterError>> {
        Reply::now(|| {
            let may = self.registrations.may(ip, unix_now());
            may.then_some(()).ok_or(RegisterError::TooMany)
        })
    }
}

impl Answers<Register> for Registry {
    fn failed() -> Result<(AccountId, bool), RegisterError> {
        Err(RegisterError::Busy)
    }

    fn answer(
        &mut self,
        register: Register,
        _: &mut Ctx<Self>,
    ) -> Reply<Self, Result<(AccountId, bool), RegisterError>> {
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
    ) -> Result<(Identity, Account, Vec<Change>), RegisterError> {
        let user = self.users.get(conn).filter(|user| user.who.account.is_none());
        let guest = user.ok_or(RegisterError::Busy)?.who.clone();
        let made_at = unix_now();
        if !self.registrations.may(guest.ip, made_at) {
            return Err(RegisterError::TooMany);
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
            left_seq: None,
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
                let guest = who.as_guest();
                listing.handle.do_send(Registered { guest, account, admin });
            }
        })
    }
}

impl Answers<Unregister> for Registry {
    fn failed() -> Result<(), StoreError> {
        Err(StoreError::fault())
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
