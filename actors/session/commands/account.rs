//! The commands about one's account.

use log::info;

use crate::actors::registry::messages::{MayRegister, Register, Unregister};
use crate::actors::session::context::{Ctx, Done, Failure, Outcome, busy};
use crate::actors::session::password::{Door, ProofError, prove};
use crate::actors::store::messages::{ReadAccount, ReadKeys};
use crate::chat::accounts::{AccountId, Key, KeyKind, KeyPrefix, MAX_KEYS};
use crate::chat::asking::Asking;
use crate::chat::password::Password;
use crate::logging::event;
use crate::net::listen::ListenerKind;
use crate::render::replies::{self, AccountReply};
use crate::store::{Account, Change};

/// The account of the user, who has given its password.
async fn proved(cx: &Ctx, password: Password) -> Result<Account, Failure> {
    let account = cx.thread.store.ask(ReadAccount(cx.who().name.key())).await?;
    let account = account.ok_or(ProofError::Wrong)?;
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

/// Has the passwords asked for that a command was not given.
pub(super) async fn ask(cx: &Ctx, asking: Asking) -> Done {
    if !asking.changes() {
        may_register(cx).await?;
    }
    Ok(Outcome::Asks(Box::new(asking)))
}

pub(super) async fn register(cx: &Ctx, password: Password) -> Done {
    // Asked first, so that password work is done for those alone who may want it.
    may_register(cx).await?;
    let (who, settings) = (cx.who(), cx.user().settings);
    let ignores = cx.ignores();
    let ignored = ignores.forms().map(|(name, who)| (name.clone(), who.clone())).collect();
    let record = cx.hashed(password).await?;
    let made = cx.ask_registry(Register { conn: who.conn, record, settings, ignored }).await?;
    let (id, admin) = made?;
    {
        let user = &mut cx.user_mut().who;
        (user.account, user.admin) = (Some(id), admin);
    }
    cx.reply(AccountReply::Registered(who.name))
}

pub(super) async fn change_password(cx: &Ctx, old: Password, new: Password) -> Done {
    let account = proved(cx, old).await?.id;
    let record = cx.hashed(new).await?;
    // That alone: the rest of it may have changed meanwhile.
    cx.thread.store.commit(vec![Change::PasswordSet { account, record }]).await?;
    info!(event = event::PASSWORD_CHANGED, conn = cx.conn().number(); "{} has another password", cx.who().name);
    cx.reply(AccountReply::PasswordChanged)
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
        ListenerKind::Plain | ListenerKind::Tls => KeyKind::X509,
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
    let meant: Vec<Key> = keys.into_iter().filter(|key| prefix.matches(key)).collect();
    let key = match meant[..] {
        [only] => only,
        [] => return Err(AccountReply::KeyUnknown(prefix.kind()).into()),
        [_, _, ..] => return Err(AccountReply::KeyAmbiguous(prefix.kind()).into()),
    };
    cx.thread.store.commit(vec![Change::key_removed(account, key)]).await?;
    let name = cx.who().name;
    info!(
        event = event::CERTIFICATE_REMOVED, conn = cx.conn().number();
        "{name} may come no more with {key}"
    );
    cx.reply(AccountReply::KeyRemoved(key))
}
