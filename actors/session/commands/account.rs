//! The commands about one's account.

use std::sync::Arc;

use log::info;

use crate::actors::registry::messages::{MayRegister, Register, Unregister};
use crate::actors::session::context::{Ctx, Done, Failure, Outcome, busy};
use crate::actors::session::password::{Door, ProofError, prove};
use crate::actors::store::messages::{ReadAccount, ReadKeys};
use crate::chat::accounts::{AccountId, Key, KeyKind, KeyPrefix, MAX_KEYS};
use crate::chat::asking::Asking;
use crate::chat::password::{Password, PasswordRecord};
use crate::logging::event;
use crate::net::listen::ListenerKind;
use crate::render::replies::{self, AccountReply};
use crate::store::{Account, Change};

/// The account of the user.
async fn own(cx: &Ctx) -> Result<Account, Failure> {
    let account = cx.thread.store.ask(ReadAccount(cx.who().name.key())).await?;
    Ok(account.ok_or(ProofError::Wrong)?)
}

/// The account of the user, who has given its password.
async fn proved(cx: &Ctx, password: Password) -> Result<Account, Failure> {
    let account = own(cx).await?;
    if account.record.is_none() {
        return Err(AccountReply::NoPassword.into());
    }
    let (door, record) = (Door::Account(&account.name), account.record.clone());
    prove(&cx.thread, &cx.peer, door, record, Some(password)).await?;
    Ok(account)
}

fn account(cx: &Ctx) -> Result<AccountId, Failure> {
    cx.user().who.account.ok_or(busy(()))
}

/// Whether the user may have an account, as far as that is known before they have given a password.
async fn may_register(cx: &Ctx) -> Result<(), Failure> {
    let who = cx.who();
    if who.account.is_some() {
        return Err(AccountReply::AlreadyRegistered.into());
    }
    Ok(cx.ask_registry(MayRegister(who.ip)).await??)
}

/// Has the passwords asked for that a command was not given. Whoever comes with an SSH key needs none to register.
pub(super) async fn ask(cx: &Ctx, asking: Asking) -> Done {
    if asking.changes() {
        let has_none = own(cx).await?.record.is_none();
        let asking = if has_none { Asking::to_give() } else { asking };
        return Ok(Outcome::Asks(Box::new(asking)));
    }
    may_register(cx).await?;
    let key = cx.peer.link().key().filter(|key| key.kind == KeyKind::Ssh);
    match key {
        Some(key) => {
            take_name(cx, PasswordRecord::none().into(), Some(key)).await?;
            cx.reply(AccountReply::RegisteredByKey(cx.who().name, key))
        }
        None => Ok(Outcome::Asks(Box::new(asking))),
    }
}

pub(super) async fn register(cx: &Ctx, password: Password) -> Done {
    // Asked first, so that password work is done for those alone who may want it.
    may_register(cx).await?;
    let record = cx.hashed(password).await?;
    take_name(cx, record, None).await?;
    cx.reply(AccountReply::Registered(cx.who().name))
}

/// Makes an account of the name of a guest.
async fn take_name(cx: &Ctx, record: Arc<PasswordRecord>, key: Option<Key>) -> Result<(), Failure> {
    let (conn, settings) = (cx.conn(), cx.user().settings);
    let ignores = cx.ignores();
    let ignored = ignores.forms().map(|(name, who)| (name.clone(), who.clone())).collect();
    let made = cx.ask_registry(Register { conn, record, key, settings, ignored }).await?;
    let (id, admin) = made?;
    let user = &mut cx.user_mut().who;
    (user.account, user.admin) = (Some(id), admin);
    Ok(())
}

pub(super) async fn give_password(cx: &Ctx, new: Password) -> Done {
    let account = own(cx).await?;
    if !account.record.is_none() {
        // Somebody was quicker, over another connection.
        return Err(AccountReply::WrongPassword.into());
    }
    set_password(cx, account.id, new).await
}

/// Gives an account another password.
async fn set_password(cx: &Ctx, account: AccountId, new: Password) -> Done {
    let record = cx.hashed(new).await?;
    // That alone: the rest of it may have changed meanwhile.
    cx.thread.store.commit(vec![Change::PasswordSet { account, record }]).await?;
    info!(event = event::PASSWORD_CHANGED, conn = cx.conn().number(); "{} has another password", cx.who().name);
    cx.reply(AccountReply::PasswordChanged)
}

pub(super) async fn change_password(cx: &Ctx, old: Password, new: Password) -> Done {
    let account = proved(cx, old).await?.id;
    set_password(cx, account, new).await
}

pub(super) async fn unregister(cx: &Ctx, password: Password) -> Done {
    let account = proved(cx, password).await?.id;
    cx.ask_registry(Unregister { conn: cx.conn(), account }).await??;
    {
        let user = &mut cx.user_mut().who;
        (user.account, user.admin) = (None, false);
    }
    cx.reply(AccountReply::Unregistered(cx.who().name))
}

/// What kind of key somebody could have over their connection.
fn key_kind(cx: &Ctx) -> KeyKind {
    match cx.peer.link().kind() {
        ListenerKind::Plain | ListenerKind::Tls | ListenerKind::Web => KeyKind::X509,
        ListenerKind::Ssh => KeyKind::Ssh,
    }
}

pub(super) async fn add_key(cx: &Ctx) -> Done {
    let account = account(cx)?;
    let kind = key_kind(cx);
    let key = cx.peer.link().key().ok_or(AccountReply::NoKey(kind))?;
    let known = cx.thread.store.ask(ReadKeys(account)).await?;
    if known.contains(&key) {
        return Err(AccountReply::KeyKnown(kind).into());
    }
    if known.len() >= MAX_KEYS {
        return Err(AccountReply::TooManyKeys(kind).into());
    }
    cx.thread.store.commit(vec![Change::key_added(account, key)]).await?;
    let name = cx.who().name;
    info!(event = event::CERTIFICATE_ADDED, conn = cx.conn().number(); "{name} may come with {key}");
    cx.reply(AccountReply::KeyAdded(key))
}

pub(super) async fn list_keys(cx: &Ctx) -> Done {
    let own = cx.peer.link().key();
    let keys = cx.thread.store.ask(ReadKeys(account(cx)?)).await.map_err(busy)?;
    cx.show(|sheet| replies::keys(sheet, &keys, own.as_ref()));
    Ok(Outcome::Done)
}

pub(super) async fn delete_key(cx: &Ctx, prefix: KeyPrefix) -> Done {
    let account = account(cx)?;
    let keys = cx.thread.store.ask(ReadKeys(account)).await?;
    let count = keys.len();
    let meant: Vec<Key> = keys.into_iter().filter(|key| prefix.matches(key)).collect();
    let key = match meant[..] {
        [only] => only,
        [] => return Err(AccountReply::KeyUnknown(prefix.kind()).into()),
        [_, _, ..] => return Err(AccountReply::KeyAmbiguous(prefix.kind()).into()),
    };
    if count == 1 && own(cx).await?.record.is_none() {
        return Err(AccountReply::LastKey.into());
    }
    cx.thread.store.commit(vec![Change::key_removed(account, key)]).await?;
    let name = cx.who().name;
    info!(
        event = event::CERTIFICATE_REMOVED, conn = cx.conn().number();
        "{name} may come no more with {key}"
    );
    cx.reply(AccountReply::KeyRemoved(key))
}
