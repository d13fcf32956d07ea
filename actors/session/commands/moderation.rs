//! The commands that operators, owners and admins have.

use std::time::Duration;

use actix::Addr;

use crate::actors::lobby::Lobby;
use crate::actors::lobby::messages::{Banned, ListBans};
use crate::actors::registry::messages::{
    CarriedOut, FindLobbyById, FindOffer, ModerateServer, OfferError,
};
use crate::actors::session::context::{Ctx, Done, Outcome, busy, not_done};
use crate::actors::shard::barrier;
use crate::actors::shard::telling::{More, Pages, Telling};
use crate::actors::store::messages::{ReadAudit, ReadAuditEntries};
use crate::chat::accounts::Identity;
use crate::chat::command::Banning;
use crate::chat::moderation::ServerModeration;
use crate::chat::orders::{Order, OrderError, ServerOrder};
use crate::chat::password::Password;
use crate::chat::roles::{Denied, Owner};
use crate::chat::sanctions::Sanction;
use crate::chat::text::Line;
use crate::clock;
use crate::render::Sheet;
use crate::render::replies::{self, AccountReply, AuditLine, ModerationReply, Reply};
use crate::store::{AuditEntry, Scope};

/// Entries of the audit that are shown.
const AUDIT_SHOWN: usize = 50;

/// Bans of a long list that wait for one client at a time.
const BANS_PER_PAGE: usize = 64;

pub(super) async fn kick(cx: &Ctx, user: &str, reason: Option<Line>) -> Done {
    let whom = cx.target(user).await?;
    cx.order(Order::Kick { whom, reason }).await
}

pub(super) async fn mute(cx: &Ctx, Banning { user, terms }: Banning) -> Done {
    let whom = cx.target(&user).await?;
    cx.order(Order::Mute { whom, terms }).await
}

pub(super) async fn unmute(cx: &Ctx, name: &str) -> Done {
    let named = cx.named(name).await?;
    cx.order(Order::Unmute(named)).await
}

pub(super) async fn ban(cx: &Ctx, Banning { user, terms }: Banning) -> Done {
    let whom = cx.offender(&user).await?;
    cx.order(Order::Ban { whom, terms }).await
}

pub(super) async fn unban(cx: &Ctx, name: &str) -> Done {
    let named = cx.named(name).await?;
    cx.order(Order::Unban(named)).await
}

pub(super) async fn purge(cx: &Ctx, user: &str) -> Done {
    let whom = cx.offender(user).await?;
    cx.order(Order::Purge { whom, said: [].into() }).await
}

pub(super) async fn topic(cx: &Ctx, topic: Option<Line>) -> Done {
    cx.order(Order::Topic(topic)).await
}

pub(super) async fn slow(cx: &Ctx, gap: Duration) -> Done {
    cx.order(Order::Slow(gap)).await
}

pub(super) async fn op(cx: &Ctx, user: &str) -> Done {
    let whom = cx.target(user).await?;
    cx.order(Order::Op(whom)).await
}

pub(super) async fn deop(cx: &Ctx, user: &str) -> Done {
    let whom = cx.target(user).await?;
    cx.order(Order::Deop(whom)).await
}

pub(super) async fn transfer(cx: &Ctx, user: &str) -> Done {
    let whom = cx.target(user).await?;
    cx.order(Order::Transfer(whom)).await
}

pub(super) async fn announce(cx: &Ctx, text: Line) -> Done {
    server(cx, ServerOrder::Announce(text)).await
}

pub(super) async fn server_unban(cx: &Ctx, name: &str) -> Done {
    let named = cx.named(name).await?;
    server(cx, ServerOrder::Unban(named)).await
}

pub(super) async fn server_ban(cx: &Ctx, Banning { user, terms }: Banning) -> Done {
    let whom = cx.offender(&user).await?;
    server(cx, ServerOrder::Ban { whom, terms }).await
}

/// Has the Registry carry an order out that is of the whole server.
async fn server(cx: &Ctx, order: ServerOrder) -> Done {
    let done = cx.ask_registry(ModerateServer { by: cx.who(), order }).await?;
    barrier(&cx.thread.shard).await;
    let CarriedOut { what, also } = done.map_err(|why| not_done(why, &cx.lobby().name))?;
    // All are told what is announced, so the one who told them is too.
    if !matches!(*what, ServerModeration::Announce(_)) {
        cx.reply(ModerationReply::DoneToServer(what))?;
    }
    cx.tell_of_others(also)
}

pub(super) async fn set_prompt(cx: &Ctx, prompt: Option<Line>) -> Done {
    let told = if prompt.is_some() { Reply::PromptSet } else { Reply::PromptReset };
    cx.order(Order::SetPrompt(prompt)).await?;
    cx.reply(told)?;
    Ok(Outcome::Ordered)
}

/// Whoever is in the lobby hears the AI, and may know what it was told to be.
pub(super) async fn show_prompt(cx: &Ctx) -> Done {
    let lobby_ref =
        cx.ask_registry(FindLobbyById(cx.lobby().id)).await?.ok_or(Reply::ServerBusy)?;
    cx.reply(Reply::Prompt(lobby_ref.state.prompt.clone()))
}

pub(super) async fn set_password(cx: &Ctx, password: Option<Password>) -> Done {
    let Some(password) = password else { return cx.order(Order::SetPassword(None)).await };
    // Asked first, so that password work is done for those alone who may want it.
    cx.check_right().await?;
    let record = cx.hashed(password).await?;
    cx.order(Order::SetPassword(Some(record))).await
}

pub(super) async fn delete(cx: &Ctx, typed: &str) -> Done {
    let lobby_ref = cx.lobby_named(typed).await?;
    let state = &lobby_ref.state;
    let not_done = |why| ModerationReply::NotDone(why, state.name.clone());
    cx.has_right(&lobby_ref.lobby).await?.map_err(|why| not_done(why.into()))?;
    if state.owner == Owner::Server {
        return Err(not_done(OrderError::General).into());
    }
    if !cx.user_mut().deleting.confirm(state.id, clock::now()) {
        return cx.reply(ModerationReply::SayAgain(state.name.clone()));
    }
    let deleted = cx.moderate(&lobby_ref.lobby, &lobby_ref.state.name, Order::Delete).await?;
    // Whoever was in it is told so in any case.
    if cx.user().lobby.id != lobby_ref.state.id {
        cx.reply(ModerationReply::Done(deleted.what))?;
    }
    Ok(Outcome::Done)
}

/// Takes the lobby that somebody offers. Its owner was asked; the limits are the taker's.
pub(super) async fn accept(cx: &Ctx) -> Done {
    let lobby_ref = cx.ask_registry(FindOffer(cx.who())).await?.map_err(|why| match why {
        OfferError::Nothing => {
            ModerationReply::NotDone(OrderError::NothingOffered, cx.lobby().name).into()
        }
        OfferError::Rule(why) => why.into(),
        OfferError::Busy => busy(()),
    })?;
    cx.moderate(&lobby_ref.lobby, &lobby_ref.state.name, Order::Accept).await?;
    // Whoever is in it is told so in any case.
    if cx.user().lobby.id != lobby_ref.state.id {
        cx.reply(AccountReply::Accepted(lobby_ref.state.name.clone()))?;
    }
    Ok(Outcome::Done)
}

pub(super) async fn bans(cx: &Ctx) -> Done {
    let lobby = cx.lobby();
    let (total, pages) = bans_after(lobby.addr, cx.who(), 0).await.map_err(|why| match why {
        Some(why) => ModerationReply::NotDone(why.into(), lobby.name.clone()).into(),
        None => busy(()),
    })?;
    let (head, now) =
        (|sheet: &mut Sheet| replies::bans(sheet, &lobby.name, total), cx.thread.log().now());
    let write = move |sheet: &mut Sheet, ban: &Sanction| replies::ban(sheet, ban, now);
    cx.tell(Telling::new(cx.peer.form(), head, pages, write).of(lobby.id));
    Ok(Outcome::Done)
}

/// Who is banned from a lobby but for the first `skip` of the list, and how many are in all. Without a
/// reason, the lobby does not answer.
async fn bans_after(
    lobby: Addr<Lobby>,
    by: Identity,
    skip: usize,
) -> Result<(usize, Pages<Sanction>), Option<Denied>> {
    let ask = ListBans { by: by.clone(), skip, max: BANS_PER_PAGE };
    let Banned { total, bans: items } = lobby.send(ask).await.map_err(|_| None)??;
    let next = skip + BANS_PER_PAGE;
    let rest = async move || bans_after(lobby, by, next).await.ok().map(|(_, pages)| pages);
    let more = (next < total && !items.is_empty()).then(|| More::new(rest));
    Ok((total, Pages { items, more }))
}

pub(super) async fn audit(cx: &Ctx) -> Done {
    cx.check_right().await?;
    let (lobby, store) = (cx.lobby(), cx.thread.store.clone());
    // What was done to the whole server is for those who do such things.
    let server = cx.user().who.admin.then_some(Scope::Server);
    let scopes = [Scope::Lobby(lobby.id)].into_iter().chain(server).collect();
    let entries = store.ask(ReadAudit { scopes, count: AUDIT_SHOWN }).await.map_err(busy)?;
    let (count, times, now) = (entries.len(), cx.times(), cx.thread.log().now());
    let head = |sheet: &mut Sheet| replies::audit(sheet, &lobby.name, count);
    let write = move |sheet: &mut Sheet, entry: &AuditEntry| {
        let (at, by, text) = (entry.at, entry.who.clone(), entry.what.clone());
        replies::audit_line(sheet, &AuditLine { at, by, text }, times, now);
    };
    let pages = Pages::stored(store, entries, ReadAuditEntries, Vec::new());
    cx.tell(Telling::new(cx.peer.form(), head, pages, write).of(lobby.id));
    Ok(Outcome::Done)
}
