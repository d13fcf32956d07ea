//! The part of the Registry that makes accounts, and ends them.

use actix::prelude::*;
use futures_util::FutureExt;
use futures_util::future::join_all;
use log::info;

use crate::actors::guard::{self, Answers, Ctx, Reply};
use crate::actors::lobby::Lobby;
use crate::actors::lobby::messages::{Registered, Registering, Unregistering};
use crate::actors::lobby::records::Record;
use crate::actors::log::Log;
use crate::actors::registry::Registry;
use crate::actors::registry::messages::{
    MayRegister, Recheck, Register, RegisterError, Unregister,
};
use crate::chat::accounts::AccountId;
use crate::chat::registry::{Happening, Registration, Unregistration, Unused, server_ban};
use crate::clock;
use crate::logging::event;
use crate::store::{Account, Change, StoreError};

/// Unused accounts that go at a time: each is told to every lobby, and there may be a thousand of those.
const REMOVED_AT_ONCE: usize = 100;

impl Registry {
    /// Accounts that nobody ever used again go, and their names are free.
    pub(super) fn remove_unused(&mut self, ctx: &mut Ctx<Self>) {
        let now = self.log.now();
        if clock::is_in_doubt() {
            return;
        }
        let Unused { here, gone: mut unused } = self.people.unused_accounts(now);
        here.into_iter().for_each(|account| self.happen(Happening::AccountUsed(account), now));
        unused.truncate(REMOVED_AT_ONCE);
        if unused.is_empty() {
            return;
        }
        info!(
            event = event::ACCOUNTS_REMOVED;
            "{} accounts that were never used again go", unused.len()
        );
        if let Log::Shared(_) = self.log {
            for account in unused {
                let gone = Happening::Unregistered { account, who: None };
                self.propose_alone(gone, self.removed(account));
            }
            return;
        }
        let changes = unused.iter().flat_map(|id| self.removed(*id)).collect();
        let store = self.store.clone();
        let commit = async move { store.commit(changes).await };
        guard::spawn(ctx, commit, move |registry: &mut Self, stored, _| {
            // Not stored, they are looked for again the next time.
            for account in stored.map_or(Vec::new(), |()| unused) {
                let now = registry.log.now();
                registry.happen(Happening::Unregistered { account, who: None }, now);
            }
        });
    }

    /// What is stored of the end of an account: its bots go before it.
    fn removed(&self, account: AccountId) -> Vec<Change> {
        let bots = self.people.accounts().bots(account).into_iter();
        bots.chain([account]).map(Change::AccountRemoved).collect()
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
            let may = self.people.may_register(ip, self.log.now());
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
        Register { conn, record, key, settings, ignored }: Register,
        ctx: &mut Ctx<Self>,
    ) -> Reply<Self, Result<(AccountId, bool), RegisterError>> {
        let now = self.now();
        let registration = match self.people.propose_registration(conn, now) {
            Ok(registration) => registration,
            Err(why) => return Reply::Now(Err(why.into())),
        };
        self.people.begin_registration(&registration);
        let Registration { guest, account: id, made_at } = registration.clone();
        // With several nodes each lobby has this stored when the account comes out of the log: only then it has its
        // number, and what of the lobby is its.
        let gathered = match self.log {
            Log::Alone => Some(self.gather(&Registering { guest: guest.clone(), account: id })),
            Log::Shared(_) => None,
        };
        let account = Account { settings, ..Account::new(id, guest.name.clone(), record, made_at) };
        let made = Change::Registered { address: guest.ip, at: made_at };
        let ignored = ignored.into_iter();
        let ignored =
            ignored.map(move |(name, who)| Change::IgnoreAdded { account: id, name, who });
        let key = key.map(|key| Change::key_added(id, key));
        let changes = [Change::AccountPut(account), made].into_iter().chain(key).chain(ignored);
        // The account, and all that hangs on it, or nothing.
        let changes = async move {
            let of_lobbies = match gathered {
                Some(gathered) => gathered.await,
                None => Vec::new(),
            };
            changes.chain(of_lobbies).collect()
        };
        let registered = Happening::Registered(registration.clone());
        self.bring_about_after(changes, registered, ctx, move |registry, done| {
            if let Err(why) = done {
                registry.people.end_registration(&registration);
                return Err(why.into());
            }
            info!(event = event::REGISTERED, conn = conn.number(); "{} registered", guest.name);
            let (accounts, key) = (registry.people.accounts(), guest.name.key());
            // It may have another number than was proposed.
            Ok((accounts.find(&key).unwrap_or(id), accounts.is_admin(&key)))
        })
    }
}

impl Answers<Recheck> for Registry {
    fn failed() {}

    fn answer(&mut self, Recheck(conn, lobby): Recheck, _: &mut Ctx<Self>) -> Reply<Self, ()> {
        Reply::now(|| {
            let who = self.people.users().get(conn).map(|user| user.who.clone());
            if let Some(who) = who
                && let Some(account) = who.account
            {
                let admin = who.admin;
                let guest = who.as_guest();
                let (at, applying) = (self.log.now(), None);
                let made = Registered { guest, account, admin, at, applying };
                self.tell_record(lobby, Record::Registered(made));
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
        ctx: &mut Ctx<Self>,
    ) -> Reply<Self, Result<(), StoreError>> {
        let now = self.now();
        let unregistration = self.people.propose_unregistration(conn, account, now);
        let Some(Unregistration { who, ban }) = unregistration else {
            return Reply::Now(Err(StoreError::Other("no such user".into())));
        };
        let gathered = self.gather(&Unregistering(who.clone()));
        let mut changes = self.removed(account);
        // Its own bans and mutes go with the account, so what is left of them comes after it.
        let changes = async move {
            changes.extend(gathered.await);
            changes.extend(ban.as_ref().map(server_ban));
            changes
        };
        let gone = Happening::Unregistered { account, who: Some(who.clone()) };
        self.bring_about_after(changes, gone, ctx, move |_, done| {
            done?;
            info!(event = event::UNREGISTERED, conn = conn.number(); "{} gave its account up", who.name);
            Ok(())
        })
    }
}
