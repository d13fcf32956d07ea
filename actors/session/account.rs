//! What the commands do that are about one's account.

use std::sync::Arc;

use log::info;

use super::password::{NotProved, prove};
use super::{Session, User};
use crate::actors::hasher::HashError;
use crate::actors::messages::{
    Carry, FindOffer, MayRegister, NotAccepted, NotRegistered, Register, Undone, Unregister,
};
use crate::actors::shard::{World, barrier};
use crate::actors::store_messages::{ReadAccount, ReadCerts};
use crate::chat::accounts::{AccountId, CertPrefix, Fingerprint, Identity, MAX_CERTS};
use crate::chat::command::Command;
use crate::chat::orders::{Order, OrderError};
use crate::chat::password::{Password, PasswordRecord};
use crate::chat::replies::{self, AccountReply, Reply};
use crate::chat::roles::Right;
use crate::store::{Account, Change, StoreError};

/// Why nothing was done to an account.
enum NotDone {
    /// The password was not proved.
    Password(NotProved),
    /// It could not be stored.
    NotStored,
    /// The address has made as many accounts as it may in a day.
    TooManyOfAddress,
}

impl From<NotRegistered> for NotDone {
    fn from(why: NotRegistered) -> Self {
        match why {
            NotRegistered::TooMany => Self::TooManyOfAddress,
            NotRegistered::NotStored(_) => Self::NotStored,
            NotRegistered::Busy => Self::Password(NotProved::Busy),
        }
    }
}

impl From<NotProved> for NotDone {
    fn from(why: NotProved) -> Self {
        Self::Password(why)
    }
}

impl From<HashError> for NotDone {
    fn from(_: HashError) -> Self {
        Self::Password(NotProved::Busy)
    }
}

impl From<StoreError> for NotDone {
    fn from(_: StoreError) -> Self {
        Self::NotStored
    }
}

/// The account of somebody who has given its password.
async fn proved(world: &World, who: &Identity, password: Password) -> Result<Account, NotDone> {
    let account = world.store.ask(ReadAccount(who.name.key())).await?;
    let account = account.ok_or(NotProved::Wrong)?;
    prove(world, who.conn, account.record.clone(), Some(password)).await?;
    Ok(account)
}

async fn hashed(world: &World, password: Password) -> Result<Arc<PasswordRecord>, NotDone> {
    Ok(Arc::new(world.hasher.hash(password).await?))
}

impl Session {
    pub(super) fn run_account(&mut self, right: Right, command: Command) {
        match command {
            Command::Register(password) => self.register(password),
            Command::ChangePassword { old, new } => self.change_password(old, new),
            Command::Unregister(password) => self.unregister(password),
            Command::AddCert => self.add_cert(),
            Command::ListCerts => self.list_certs(),
            Command::DeleteCert(prefix) => self.delete_cert(prefix),
            Command::Accept => self.accept(),
            other => self.run_moderation(right, other),
        }
    }

    fn account(&self, reply: AccountReply<'_>) {
        self.reply(&Reply::Account(reply));
    }

    fn tell_not_done(&self, why: &NotDone) {
        match why {
            NotDone::Password(NotProved::Wrong) => self.account(AccountReply::WrongPassword),
            NotDone::Password(NotProved::TooMany(secs)) => {
                self.account(AccountReply::TooManyAttempts(*secs));
            }
            NotDone::Password(NotProved::Busy) => self.reply(&Reply::ServerBusy),
            NotDone::NotStored => self.reply(&Reply::NotStored),
            NotDone::TooManyOfAddress => {
                info!("conn={} limit: too many accounts of its address", self.peer.conn().0);
                self.account(AccountReply::TooManyOfAddress);
            }
        }
    }

    fn me(&self) -> Option<(Identity, Option<AccountId>)> {
        self.user().map(|user| (user.who.clone(), user.who.account))
    }

    fn register(&mut self, password: Password) {
        let Some((who, None)) = self.me() else {
            return self.account(AccountReply::AlreadyRegistered);
        };
        let Some(settings) = self.user().map(User::settings) else { return };
        let ignores = self.ignores();
        let ignored = ignores.forms().map(|(name, who)| (name.clone(), who.clone())).collect();
        let (world, conn, ip) = (self.world.clone(), who.conn, who.ip);
        let work = async move {
            // Asked first, so that password work is done for those alone who may want it.
            world.registry.send(MayRegister(ip)).await.map_err(|_| NotProved::Busy)??;
            let record = hashed(&world, password).await?;
            let made = world.registry.send(Register { conn, record, settings, ignored }).await;
            Ok(made.map_err(|_| NotProved::Busy)??)
        };
        self.ask(work, move |session, made: Result<_, NotDone>| match made {
            Ok((id, admin)) => {
                if let Some(user) = session.user_mut() {
                    (user.who.account, user.who.admin) = (Some(id), admin);
                }
                session.account(AccountReply::Registered(&who.name));
            }
            Err(why) => session.tell_not_done(&why),
        });
    }

    /// Takes the lobby that somebody offers. Its owner was asked; the limits are the taker's.
    fn accept(&mut self) {
        let Some((by, _)) = self.me() else { return };
        let world = self.world.clone();
        let work = async move {
            let offer = world.registry.send(FindOffer(by.clone())).await;
            let door = offer.unwrap_or(Err(NotAccepted::Busy))?;
            let (right, order) = (Right::Account, Order::Accept);
            let done = door.lobby.send(Carry { by, right, order }).await;
            barrier(&world.shard).await;
            Ok((door.id, door.name, done.unwrap_or(Err(Undone::Busy))))
        };
        self.ask(work, |session, accepted| match accepted {
            Err(NotAccepted::NothingOffered) => {
                let lobby = session.user().map(|user| user.lobby.name.clone());
                let why = Undone::Order(OrderError::NothingOffered);
                lobby.into_iter().for_each(|lobby| session.tell_undone(&why, &lobby));
            }
            Err(NotAccepted::Rule(why)) => session.reply(&Reply::NotCreated(why)),
            Err(NotAccepted::Busy) => session.reply(&Reply::ServerBusy),
            Ok((_, lobby, Err(why))) => session.tell_undone(&why, &lobby),
            // Whoever is in it is told so in any case.
            Ok((id, ..)) if session.user().is_some_and(|user| user.lobby.id == id) => {}
            Ok((_, lobby, Ok(_))) => session.account(AccountReply::Accepted(&lobby)),
        });
    }

    fn change_password(&mut self, old: Password, new: Password) {
        let Some((who, _)) = self.me() else { return };
        let world = self.world.clone();
        let work = async move {
            let account = proved(&world, &who, old).await?;
            let record = hashed(&world, new).await?;
            // That alone: the rest of it may have changed meanwhile.
            let set = Change::PasswordSet { account: account.id, record };
            Ok(world.store.commit(vec![set]).await?)
        };
        self.ask(work, |session, done: Result<(), NotDone>| match done {
            Ok(()) => session.account(AccountReply::PasswordChanged),
            Err(why) => session.tell_not_done(&why),
        });
    }

    fn unregister(&mut self, password: Password) {
        let Some((who, _)) = self.me() else { return };
        let (world, name) = (self.world.clone(), who.name.clone());
        let work = async move {
            let account = proved(&world, &who, password).await?.id;
            let gone = world.registry.send(Unregister { conn: who.conn, account }).await;
            Ok(gone.map_err(|_| NotProved::Busy)??)
        };
        self.ask(work, move |session, done: Result<(), NotDone>| match done {
            Ok(()) => {
                if let Some(user) = session.user_mut() {
                    (user.who.account, user.who.admin) = (None, false);
                }
                session.account(AccountReply::Unregistered(&name));
            }
            Err(why) => session.tell_not_done(&why),
        });
    }

    fn add_cert(&mut self) {
        let Some((_, Some(account))) = self.me() else { return };
        let Some(fingerprint) = self.peer.transport().client_cert() else {
            return self.account(AccountReply::NoCert);
        };
        let store = self.world.store.clone();
        let work = async move {
            let known = store.ask(ReadCerts(account)).await?;
            if known.contains(&fingerprint) || known.len() >= MAX_CERTS {
                return Ok(Some(known.contains(&fingerprint)));
            }
            store.commit(vec![Change::CertAdded { account, fingerprint }]).await.map(|()| None)
        };
        self.ask(work, move |session, done| match done {
            Ok(None) => session.account(AccountReply::CertAdded(&fingerprint)),
            Ok(Some(true)) => session.account(AccountReply::CertKnown),
            Ok(Some(false)) => session.account(AccountReply::TooManyCerts),
            Err(_) => session.reply(&Reply::NotStored),
        });
    }

    fn list_certs(&mut self) {
        let Some((_, Some(account))) = self.me() else { return };
        let store = self.world.store.clone();
        let own = self.peer.transport().client_cert();
        let read = async move { store.ask(ReadCerts(account)).await };
        self.ask(read, move |session, certs| match certs {
            Ok(certs) => session.show(|sheet| replies::certs(sheet, &certs, own.as_ref())),
            Err(_) => session.reply(&Reply::ServerBusy),
        });
    }

    fn delete_cert(&mut self, prefix: CertPrefix) {
        let Some((_, Some(account))) = self.me() else { return };
        let store = self.world.store.clone();
        let work = async move {
            let certs = store.ask(ReadCerts(account)).await?;
            let meant: Vec<Fingerprint> =
                certs.into_iter().filter(|cert| prefix.matches(cert)).collect();
            if let [fingerprint] = meant[..] {
                store.commit(vec![Change::CertRemoved { account, fingerprint }]).await?;
            }
            Ok(meant)
        };
        self.ask(work, |session, done: Result<_, StoreError>| match done.as_deref() {
            Ok([]) => session.account(AccountReply::CertUnknown),
            Ok([only]) => session.account(AccountReply::CertRemoved(only)),
            Ok(_) => session.account(AccountReply::CertAmbiguous),
            Err(_) => session.reply(&Reply::NotStored),
        });
    }
}
