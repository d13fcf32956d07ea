//! What the commands do that are about one's account.

use std::sync::Arc;

use log::info;

use crate::actors::hasher::HashError;
use crate::actors::lobby::messages::Moderate;
use crate::actors::registry::messages::{
    FindOffer, MayRegister, ModerateError, NotAccepted, NotRegistered, Register, Unregister,
};
use crate::actors::session::password::{ProofError, prove};
use crate::actors::session::{Session, User};
use crate::actors::shard::{ThreadContext, barrier};
use crate::actors::store::messages::{ReadAccount, ReadCerts};
use crate::chat::accounts::{AccountId, CertPrefix, Fingerprint, Identity, MAX_CERTS};
use crate::chat::orders::{Order, OrderError};
use crate::chat::password::{Password, PasswordRecord};
use crate::chat::roles::Right;
use crate::render::replies::{self, AccountReply, Reply};
use crate::store::{Account, Change, StoreError};

/// Why nothing was done to an account.
enum NotDone {
    /// The password was not proved.
    Password(ProofError),
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
            NotRegistered::Busy => Self::Password(ProofError::Busy),
        }
    }
}

impl From<ProofError> for NotDone {
    fn from(why: ProofError) -> Self {
        Self::Password(why)
    }
}

impl From<HashError> for NotDone {
    fn from(_: HashError) -> Self {
        Self::Password(ProofError::Busy)
    }
}

impl From<StoreError> for NotDone {
    fn from(_: StoreError) -> Self {
        Self::NotStored
    }
}

/// The account of somebody who has given its password.
async fn proved(
    thread: &ThreadContext,
    who: &Identity,
    password: Password,
) -> Result<Account, NotDone> {
    let account = thread.store.ask(ReadAccount(who.name.key())).await?;
    let account = account.ok_or(ProofError::Wrong)?;
    prove(thread, who.conn, account.record.clone(), Some(password)).await?;
    Ok(account)
}

async fn hashed(
    thread: &ThreadContext,
    password: Password,
) -> Result<Arc<PasswordRecord>, NotDone> {
    Ok(Arc::new(thread.hasher.hash(password).await?))
}

impl Session {
    pub(super) fn account(&self, reply: AccountReply<'_>) {
        self.reply(&Reply::Account(reply));
    }

    fn tell_not_done(&self, why: &NotDone) {
        match why {
            NotDone::Password(ProofError::Wrong) => self.account(AccountReply::WrongPassword),
            NotDone::Password(ProofError::TooMany(secs)) => {
                self.account(AccountReply::TooManyAttempts(*secs));
            }
            NotDone::Password(ProofError::Busy) => self.reply(&Reply::ServerBusy),
            NotDone::NotStored => self.reply(&Reply::NotStored),
            NotDone::TooManyOfAddress => {
                info!("conn={} limit: too many accounts of its address", self.peer.conn().0);
                self.account(AccountReply::TooManyOfAddress);
            }
        }
    }

    pub(super) fn me(&self) -> Option<(Identity, Option<AccountId>)> {
        self.user().map(|user| (user.who.clone(), user.who.account))
    }

    pub(super) fn register(&mut self, password: Password) {
        let Some((who, None)) = self.me() else {
            return self.account(AccountReply::AlreadyRegistered);
        };
        let Some(settings) = self.user().map(User::settings) else { return };
        let ignores = self.ignores();
        let ignored = ignores.forms().map(|(name, who)| (name.clone(), who.clone())).collect();
        let (thread, conn, ip) = (self.thread.clone(), who.conn, who.ip);
        let work = async move {
            // Asked first, so that password work is done for those alone who may want it.
            thread.registry.send(MayRegister(ip)).await.map_err(|_| ProofError::Busy)??;
            let record = hashed(&thread, password).await?;
            let made = thread.registry.send(Register { conn, record, settings, ignored }).await;
            Ok(made.map_err(|_| ProofError::Busy)??)
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
    pub(super) fn accept(&mut self) {
        let Some((by, _)) = self.me() else { return };
        let thread = self.thread.clone();
        let work = async move {
            let offer = thread.registry.send(FindOffer(by.clone())).await;
            let door = offer.unwrap_or(Err(NotAccepted::Busy))?;
            let (right, order) = (Right::Account, Order::Accept);
            let done = door.lobby.send(Moderate { by, right, order }).await;
            barrier(&thread.shard).await;
            Ok((door.id, door.name, done.unwrap_or(Err(ModerateError::Busy))))
        };
        self.ask(work, |session, accepted| match accepted {
            Err(NotAccepted::NothingOffered) => {
                let lobby = session.user().map(|user| user.lobby.name.clone());
                let why = ModerateError::Order(OrderError::NothingOffered);
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

    pub(super) fn change_password(&mut self, old: Password, new: Password) {
        let Some((who, _)) = self.me() else { return };
        let thread = self.thread.clone();
        let work = async move {
            let account = proved(&thread, &who, old).await?;
            let record = hashed(&thread, new).await?;
            // That alone: the rest of it may have changed meanwhile.
            let set = Change::PasswordSet { account: account.id, record };
            Ok(thread.store.commit(vec![set]).await?)
        };
        self.ask(work, |session, done: Result<(), NotDone>| match done {
            Ok(()) => session.account(AccountReply::PasswordChanged),
            Err(why) => session.tell_not_done(&why),
        });
    }

    pub(super) fn unregister(&mut self, password: Password) {
        let Some((who, _)) = self.me() else { return };
        let (thread, name) = (self.thread.clone(), who.name.clone());
        let work = async move {
            let account = proved(&thread, &who, password).await?.id;
            let gone = thread.registry.send(Unregister { conn: who.conn, account }).await;
            Ok(gone.map_err(|_| ProofError::Busy)??)
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

    pub(super) fn add_cert(&mut self) {
        let Some((_, Some(account))) = self.me() else { return };
        let Some(fingerprint) = self.peer.transport().client_cert() else {
            return self.account(AccountReply::NoCert);
        };
        let store = self.thread.store.clone();
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

    pub(super) fn list_certs(&mut self) {
        let Some((_, Some(account))) = self.me() else { return };
        let store = self.thread.store.clone();
        let own = self.peer.transport().client_cert();
        let read = async move { store.ask(ReadCerts(account)).await };
        self.ask(read, move |session, certs| match certs {
            Ok(certs) => session.show(|sheet| replies::certs(sheet, &certs, own.as_ref())),
            Err(_) => session.reply(&Reply::ServerBusy),
        });
    }

    pub(super) fn delete_cert(&mut self, prefix: CertPrefix) {
        let Some((_, Some(account))) = self.me() else { return };
        let store = self.thread.store.clone();
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
