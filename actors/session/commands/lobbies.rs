//! The commands that are about lobbies, and about what was said in one.

use std::collections::HashMap;
use std::sync::Arc;

use actix::Addr;

use crate::actors::lobby::Lobby;
use crate::actors::lobby::messages::{Leave, LeaveTo, RenewPassword, Roster, Rostered};
use crate::actors::registry::messages::{Create, ListLobbies, MayCreate};
use crate::actors::session::context::{Ctx, Done, Outcome, busy};
use crate::actors::session::joining::{EnterError, check_password, enter};
use crate::actors::shard::telling::{More, Pages, Telling};
use crate::actors::store::messages::{CountUnread, Numbered, ReadHistory, Search, Which};
use crate::chat::command::{MAX_FOUND, NewLobby, spec};
use crate::chat::history::seq_of;
use crate::chat::lobbies::{CreateError, LobbyId, LobbyPage, LobbySummary};
use crate::chat::lobby::step::{Join, JoinKind};
use crate::chat::lobby::{JoinError, Presence};
use crate::chat::name::{Name, NameKey};
use crate::chat::password::{Match, Password, PasswordRecord};
use crate::chat::text::Line;
use crate::render::replies::{self, Reply};
use crate::render::{Retelling, Sheet, again, json};
use crate::store::StoreError;

/// Users of a long list that wait for one client at a time.
const USERS_PER_PAGE: usize = 512;

/// How often a list of users is asked for at most that was old when it came.
const MAX_LISTINGS: usize = 5;

pub(in crate::actors::session) async fn users(cx: &Ctx) -> Done {
    let (lobby, hub) = (cx.lobby(), &cx.thread.hub);
    let (mut known, mut tries) = (hub.crossings(cx.at.seat), 0);
    let (total, pages) = loop {
        let listed = users_after(lobby.addr.clone(), None).await.ok_or(Reply::ServerBusy)?;
        // A program keeps the list up to date by who comes and goes, and has been told so of somebody meanwhile who
        // may be on this one or not.
        let now = hub.crossings(cx.at.seat);
        tries += 1;
        if now == known || tries >= MAX_LISTINGS || !cx.peer.form().is_json() {
            break listed;
        }
        known = now;
    };
    let head = |sheet: &mut Sheet| replies::users(sheet, &lobby.name, total);
    let (you, ignores) = (cx.conn(), cx.ignores());
    let write = move |sheet: &mut Sheet, user: &Presence| {
        replies::user(sheet, user, you, &ignores);
    };
    cx.tell(Telling::new(cx.peer.form(), head, pages, write).of(lobby.id));
    Ok(Outcome::Done)
}

pub(super) async fn lobbies(cx: &Ctx, text: Option<Line>, page: usize) -> Done {
    if cx.peer.form().is_json() {
        return list_for_program(cx, text, page).await;
    }
    let ask = ListLobbies { text: text.clone(), page };
    let LobbyPage { total, page, pages, lobbies } = cx.ask_registry(ask).await?;
    let head = |sheet: &mut Sheet| replies::lobbies(sheet, total);
    let last = lobbies.last().map(|lobby| lobby.state.id).filter(|_| page < pages);
    let write = move |sheet: &mut Sheet, lobby: &LobbySummary| {
        replies::lobby(sheet, lobby);
        if Some(lobby.state.id) == last {
            replies::more_lobbies(sheet, page, pages, text.as_ref());
        }
    };
    cx.tell(Telling::new(cx.peer.form(), head, Pages::whole(lobbies), write));
    Ok(Outcome::Done)
}

/// A page of the list of lobbies, for a program, which is told of each how much was said there since its user left
/// it last.
pub(in crate::actors::session) async fn list_for_program(
    cx: &Ctx,
    text: Option<Line>,
    page: usize,
) -> Done {
    let ask = ListLobbies { text, page };
    let LobbyPage { page, pages, lobbies, .. } = cx.ask_registry(ask).await?;
    let left = cx.user().left.clone();
    let from = |lobby: &LobbySummary| Some((lobby.state.id, left.unread_from(lobby.state.id)?));
    let asked: Vec<_> = lobbies.iter().filter_map(from).collect();
    let unread = match asked.is_empty() {
        true => HashMap::new(),
        false => cx.thread.store.ask(CountUnread(asked)).await.unwrap_or_default(),
    };
    let with_unread = |lobby: LobbySummary| {
        let unread = unread.get(&lobby.state.id).copied().unwrap_or(0);
        (lobby, unread)
    };
    let listed: Vec<_> = lobbies.into_iter().map(with_unread).collect();
    cx.show(|sheet| json::lobbies(sheet, &listed, (page, pages)));
    Ok(Outcome::Done)
}

pub(super) async fn create(cx: &Ctx, new: NewLobby) -> Done {
    let NewLobby { name, password, description } = new;
    let name = Name::parse(&name).map_err(CreateError::BadName)?;
    let who = cx.who();
    cx.ask_registry(MayCreate { who: who.clone(), name: name.clone() }).await??;
    let shown = password.as_ref().map(|password| Line::clean(password.secret().expose()));
    let record = match password {
        Some(password) => Some(cx.hashed(password).await?),
        None => None,
    };
    let lobby = name.clone();
    // Somebody may have been quicker meanwhile, so this checks again.
    cx.ask_registry(Create { who, name, description, record }).await??;
    cx.reply(Reply::Created { lobby, password: shown })
}

pub(super) async fn join(cx: &Ctx, typed: &str, password: Option<Password>) -> Done {
    let left = cx.lobby();
    let lobby_ref = cx.lobby_named(typed).await?;
    if lobby_ref.state.id == left.id {
        return Err(JoinError::AlreadyThere(lobby_ref.state.name.clone()).into());
    }
    let (given, mut outdated) = (password.is_some(), None);
    let proof = match lobby_ref.state.record.clone() {
        Some(record) => {
            let name = &lobby_ref.state.name;
            let checked = check_password(&cx.thread, &cx.peer, name, record, password.clone());
            let checked = checked.await;
            let (record, matched) = checked.map_err(|why| match why {
                EnterError::Join(JoinError::WrongPassword) if !given => {
                    JoinError::NeedsPassword(lobby_ref.state.name.clone()).into()
                }
                why => why,
            })?;
            if matched == Match::AsTyped {
                outdated = password.map(|password| (password, record.clone()));
            }
            Some(record)
        }
        None => None,
    };
    let addr = lobby_ref.lobby.clone();
    let (member, prefs) = (cx.member(), cx.replay_prefs());
    let join = Join { member, proof, kind: JoinKind::Switch, prefs };
    let entered = enter(&cx.thread, lobby_ref, join).await?;
    // Waited for, so that nobody who looks next sees the user in both; not while the log cannot be reached.
    let leaves = left.addr.send(Leave { conn: cx.conn(), to: LeaveTo::Lobby });
    let _ = cx.thread.log().reached(leaves).await;
    cx.stay(entered);
    if cx.peer.form().is_json() {
        users(cx).await?;
    }
    if let Some((password, before)) = outdated {
        renew(cx, &addr, password, before).await;
    }
    Ok(Outcome::Done)
}

/// Has a lobby keep its password in the form in which passwords are kept. Where that fails, the next who comes
/// in by the old record does it.
async fn renew(cx: &Ctx, lobby: &Addr<Lobby>, password: Password, before: Arc<PasswordRecord>) {
    if let Ok(record) = cx.hashed(password).await {
        lobby.do_send(RenewPassword { before, record });
    }
}

pub(super) async fn history(cx: &Ctx, count: usize, before: usize) -> Done {
    let (lobby, ignores) = (cx.lobby().id, cx.ignores());
    let store = cx.thread.store.clone();
    // People count from the end, and programs know the number of what they have.
    let which = match seq_of(before as u64).filter(|_| cx.peer.form().is_json()) {
        Some(before) => Which::Numbers(0..before),
        None => Which::Before(before),
    };
    let ask = ReadHistory { lobby, count, which, ignores };
    let messages = store.history(ask).await.map_err(busy)?;
    let (count, mut retelling) =
        (messages.len(), Retelling::new(cx.times(), cx.thread.log().now()));
    let pages = Pages::history(store, lobby, messages);
    let head = move |sheet: &mut Sheet, lobby: &Name| {
        // A program is told at the end how many there were.
        if !sheet.form().is_json() {
            replies::history(sheet, lobby, count, before);
        }
    };
    let name = cx.lobby().name;
    let write = move |sheet: &mut Sheet, (seq, entry): &Numbered| match sheet.form().is_json() {
        true => json::said(sheet, &name, *seq, entry, false),
        false => retelling.next(sheet, entry),
    };
    let done = show_entries(cx, lobby, pages, head, write)?;
    if cx.peer.form().is_json() {
        ready(cx, count);
    }
    Ok(done)
}

/// Tells a program that this was the answer, and of how many messages.
fn ready(cx: &Ctx, count: usize) {
    let (you, lobby) = (cx.who().name, cx.lobby().name);
    cx.show(|sheet| json::ready(sheet, &you, &lobby, Some(count)));
}

/// Messages that one asks for by what one has already.
const MAX_SINCE: usize = 200;

/// What was said in the lobby after a message, for a program that was not there meanwhile; then it is told that
/// that was all. What it has been shown since it came in is none of that, unless it asks for a part of that.
pub(super) async fn since(cx: &Ctx, id: u64) -> Done {
    let (lobby, entered) = (cx.lobby(), cx.peer.entered());
    // Programs count from 1: the message after theirs has its number in the lobby.
    let end = if id <= entered { entered } else { u64::MAX };
    let (count, which) = (MAX_SINCE, Which::Numbers(id..end));
    let (store, ignores) = (cx.thread.store.clone(), cx.ignores());
    let ask = ReadHistory { lobby: lobby.id, count, which, ignores };
    let messages = store.history(ask).await.map_err(busy)?;
    let count = messages.len();
    let pages = Pages::history(store, lobby.id, messages);
    let name = lobby.name;
    let write = move |sheet: &mut Sheet, (seq, entry): &Numbered| {
        json::said(sheet, &name, *seq, entry, false);
    };
    cx.tell(Telling::new(cx.peer.form(), |_| (), pages, write).of(lobby.id));
    ready(cx, count);
    Ok(Outcome::Done)
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
    let (count, times, now) = (ids.len(), cx.times(), cx.thread.log().now());
    let pages = Pages::messages(store, lobby, ids, Vec::new());
    let name = cx.lobby().name;
    let write = move |sheet: &mut Sheet, (seq, entry): &Numbered| match sheet.form().is_json() {
        true => json::said(sheet, &name, *seq, entry, true),
        false => again(sheet, entry, times, now),
    };
    show_entries(cx, lobby, pages, |sheet, lobby| replies::found(sheet, lobby, count), write)
}

/// Shows messages of a lobby under a heading.
fn show_entries(
    cx: &Ctx,
    lobby: LobbyId,
    pages: Pages<Numbered>,
    head: impl FnOnce(&mut Sheet, &Name),
    write: impl FnMut(&mut Sheet, &Numbered) + 'static,
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
    let last =
        items.last().filter(|_| items.len() == USERS_PER_PAGE).map(|user| user.who.name.key());
    let rest =
        async move |lobby, last| users_after(lobby, Some(last)).await.map(|(_, pages)| pages);
    let more = last.map(|last| More::new(move || rest(lobby, last)));
    Some((total, Pages { items, more }))
}
