//! The commands that are about lobbies, and about what was said in one.

use std::sync::Arc;

use actix::Addr;

use crate::actors::guard::Guarded;
use crate::actors::lobby::Lobby;
use crate::actors::lobby::messages::{Leave, Roster, Rostered};
use crate::actors::registry::Registry;
use crate::actors::registry::messages::{Create, ListLobbies, Listed, MayCreate};
use crate::actors::session::context::{Ctx, Done, Outcome, busy};
use crate::actors::session::joining::{check_password, enter};
use crate::actors::shard::telling::{More, Pages, Telling};
use crate::actors::store::messages::{ReadHistory, Search};
use crate::chat::command::{MAX_FOUND, NewLobby, spec};
use crate::chat::history::Entry;
use crate::chat::lobbies::{CreateError, LobbyId, LobbySummary};
use crate::chat::lobby::step::{Join, JoinKind};
use crate::chat::lobby::{JoinError, Presence};
use crate::chat::name::{Name, NameKey};
use crate::chat::password::Password;
use crate::chat::text::Line;
use crate::clock::unix_now;
use crate::render::replies::{self, Reply};
use crate::render::{Retelling, Sheet, again};
use crate::store::StoreError;

/// Users and lobbies of a long list that wait for one client at a time.
const USERS_PER_PAGE: usize = 512;
const LOBBIES_PER_PAGE: usize = 64;

pub(super) async fn users(cx: &Ctx) -> Done {
    let lobby = cx.lobby();
    let (total, pages) = users_after(lobby.addr, None).await.ok_or(Reply::ServerBusy)?;
    let head = |sheet: &mut Sheet| replies::users(sheet, &lobby.name, total);
    cx.tell(Telling::new(cx.peer.form(), head, pages, replies::user).of(lobby.id));
    Ok(Outcome::Done)
}

pub(super) async fn lobbies(cx: &Ctx) -> Done {
    let registry = cx.thread.registry.clone();
    let (total, pages) = lobbies_after(registry, None).await.ok_or(Reply::ServerBusy)?;
    let head = |sheet: &mut Sheet| replies::lobbies(sheet, total);
    cx.tell(Telling::new(cx.peer.form(), head, pages, replies::lobby));
    Ok(Outcome::Done)
}

pub(super) async fn create(cx: &Ctx, new: NewLobby) -> Done {
    let NewLobby { name, password, description } = new;
    let name = Name::parse(&name).map_err(CreateError::BadName)?;
    let who = cx.who();
    cx.ask_registry(MayCreate { who: who.clone(), name: name.clone() }).await??;
    let record = match password {
        Some(password) => Some(cx.hashed(password).await?),
        None => None,
    };
    let (lobby, private) = (name.clone(), record.is_some());
    // Somebody may have been quicker meanwhile, so this checks again.
    cx.ask_registry(Create { who, name, description, record }).await??;
    cx.reply(Reply::Created { lobby, private })
}

pub(super) async fn join(cx: &Ctx, typed: &str, password: Option<Password>) -> Done {
    let left = cx.lobby();
    let lobby_ref = cx.lobby_named(typed).await?;
    if lobby_ref.state.id == left.id {
        return Err(JoinError::AlreadyThere(lobby_ref.state.name.clone()).into());
    }
    let proof = match lobby_ref.state.record.clone() {
        Some(record) => Some(check_password(&cx.thread, cx.conn(), record, password).await?),
        None => None,
    };
    let (member, prefs) = (cx.member(), cx.replay_prefs());
    let join = Join { member, proof, kind: JoinKind::Switch, prefs };
    let entered = enter(&cx.thread, lobby_ref, join).await?;
    // Waited for, so that nobody who looks next sees the user in both.
    let _ = left.addr.send(Leave { conn: cx.conn(), for_good: false }).await;
    cx.stay(entered);
    Ok(Outcome::Done)
}

pub(super) async fn history(cx: &Ctx, count: usize) -> Done {
    let (lobby, ignores) = (cx.lobby().id, cx.ignores());
    let store = cx.thread.store.clone();
    let messages = store.history(ReadHistory { lobby, count, ignores }).await.map_err(busy)?;
    let (count, mut retelling) = (messages.len(), Retelling::new(cx.times(), unix_now()));
    let pages = Pages::history(store, lobby, messages);
    let write = move |sheet: &mut Sheet, entry: &Arc<Entry>| retelling.next(sheet, entry);
    show_entries(cx, lobby, pages, |sheet, lobby| replies::history(sheet, lobby, count), write)
}

pub(super) async fn search(cx: &Ctx, words: &Line) -> Done {
    let (lobby, ignores, words) = (cx.lobby().id, cx.ignores(), words.as_str().to_owned());
    let store = cx.thread.store.clone();
    let found = store.ask(Search { lobby, words, max: MAX_FOUND, ignores }).await;
    let ids = found.map_err(|why| match (why, spec("/search")) {
        (StoreError::TooSlow, _) => Reply::SearchTooSlow,
        (StoreError::TooManyTerms, Some(spec)) => Reply::Usage(spec),
        (why, _) => busy(why),
    })?;
    let (count, times, now) = (ids.len(), cx.times(), unix_now());
    let pages = Pages::messages(store, lobby, ids, Vec::new());
    let write = move |sheet: &mut Sheet, entry: &Arc<Entry>| again(sheet, entry, times, now);
    show_entries(cx, lobby, pages, |sheet, lobby| replies::found(sheet, lobby, count), write)
}

/// Shows messages of a lobby under a heading.
fn show_entries(
    cx: &Ctx,
    lobby: LobbyId,
    pages: Pages<Arc<Entry>>,
    head: impl FnOnce(&mut Sheet, &Name),
    write: impl FnMut(&mut Sheet, &Arc<Entry>) + 'static,
) -> Done {
    let head = |sheet: &mut Sheet| head(sheet, &cx.user().lobby.name);
    cx.tell(Telling::new(cx.peer.form(), head, pages, write).of(lobby));
    Ok(Outcome::Done)
}

/// Who is in a lobby after this name, and how many are in all.
async fn users_after(
    lobby: Addr<Lobby>,
    after: Option<NameKey>,
) -> Option<(usize, Pages<Presence>)> {
    let Rostered { total, users: items } =
        lobby.send(Roster { after, max: USERS_PER_PAGE }).await.ok()?;
    let last = items.last().filter(|_| items.len() == USERS_PER_PAGE).map(|user| user.name.key());
    let rest =
        async move |lobby, last| users_after(lobby, Some(last)).await.map(|(_, pages)| pages);
    let more = last.map(|last| More::new(move || rest(lobby, last)));
    Some((total, Pages { items, more }))
}

/// Which lobbies there are after this one, and how many in all.
async fn lobbies_after(
    registry: Addr<Guarded<Registry>>,
    after: Option<NameKey>,
) -> Option<(usize, Pages<LobbySummary>)> {
    let Listed { total, lobbies: items } =
        registry.send(ListLobbies { after, max: LOBBIES_PER_PAGE }).await.ok()?;
    let last = items
        .last()
        .filter(|_| items.len() == LOBBIES_PER_PAGE)
        .map(|lobby| lobby.state.name.key());
    let rest =
        async move |list, last| lobbies_after(list, Some(last)).await.map(|(_, pages)| pages);
    let more = last.map(|last| More::new(move || rest(registry, last)));
    Some((total, Pages { items, more }))
}
