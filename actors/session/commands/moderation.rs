//! What the commands do that operators, owners and admins have.

use std::sync::Arc;

use actix::Addr;

use crate::actors::lobby::Lobby;
use crate::actors::lobby::messages::{Banned, HasRight, ListBans, Moderate};
use crate::actors::registry::messages::{
    FindLobby, FindTarget, ModerateError, ModerateServer, ServerOrder,
};
use crate::actors::session::Session;
use crate::actors::shard::barrier;
use crate::actors::shard::telling::{More, Pages, Telling};
use crate::actors::store::messages::{ReadAudit, ReadDeeds};
use crate::actors::unix_now;
use crate::chat::accounts::{Identity, Target};
use crate::chat::deeds::Deed;
use crate::chat::name::{Name, NameKey};
use crate::chat::orders::{Named, Order, OrderError};
use crate::chat::password::Password;
use crate::chat::roles::Right;
use crate::chat::sanctions::Sanction;
use crate::render::Sheet;
use crate::render::replies::{self, AuditLine, ModerationReply, Reply};
use crate::store::{AuditEntry, Scope};

/// Entries of the audit that are shown.
const AUDIT_SHOWN: usize = 50;

/// Bans of a long list that wait for one client at a time.
const BANS_PER_PAGE: usize = 64;

/// Whom an order is about, as it was typed.
pub(super) enum OrderAbout<T> {
    /// Nobody, or it is known already.
    Nobody(T),
    /// A user or an account of this name.
    User(String, Box<dyn FnOnce(Target) -> T>),
    /// Whoever is on a list under this name.
    Named(String, Box<dyn FnOnce(Named) -> T>),
}

pub(super) fn user<T>(name: String, make: impl FnOnce(Target) -> T + 'static) -> OrderAbout<T> {
    OrderAbout::User(name, Box::new(make))
}

pub(super) fn named<T>(name: String, make: impl FnOnce(Named) -> T + 'static) -> OrderAbout<T> {
    OrderAbout::Named(name, Box::new(make))
}

/// Makes an order of a name and of whoever has it; none where somebody must have it.
type Make<T> = Box<dyn FnOnce(NameKey, Option<Target>) -> Option<T>>;

impl Session {
    /// Looks up whom an order is about, and goes on with it.
    fn resolve<T: 'static>(
        &mut self,
        right: Right,
        about: OrderAbout<T>,
        then: impl FnOnce(&mut Self, T) + 'static,
    ) {
        let (name, make): (String, Make<T>) = match about {
            OrderAbout::Nobody(order) => return then(self, order),
            OrderAbout::User(name, make) => (name, Box::new(|_, whom| whom.map(make))),
            OrderAbout::Named(name, make) => {
                (name, Box::new(|key, whom| Some(make(Named { key, whom }))))
            }
        };
        let (thread, key) = (self.thread.clone(), NameKey::of(&name));
        let ask = FindTarget(key.clone());
        let find = async move { thread.registry.send(ask).await };
        self.ask(find, move |session, found| match found.map(|whom| make(key, whom)) {
            Ok(Some(order)) => then(session, order),
            Ok(None) => session.order_about_nobody(right),
            Err(_) => session.reply(&Reply::ServerBusy),
        });
    }

    /// Nobody has the name that an order is about: told to whoever may give it, and to nobody else, so
    /// that trying names counts like anything that one may not.
    fn order_about_nobody(&mut self, right: Right) {
        let Some(user) = self.user().filter(|_| right.is_of_lobby()) else {
            return self.reply(&Reply::UserNotFound);
        };
        let (by, lobby) = (user.who.clone(), user.lobby.addr.clone());
        let name = user.lobby.name.clone();
        let check = async move { check_right(&lobby, by, right).await };
        self.ask(check, move |session, allowed| match allowed {
            Ok(()) => session.reply(&Reply::UserNotFound),
            Err(ModerateError::Busy) => session.reply(&Reply::ServerBusy),
            Err(why) => session.tell_undone(&why, &name),
        });
    }

    pub(super) fn order(&mut self, right: Right, about: OrderAbout<Order>) {
        self.resolve(right, about, move |session, order| session.carry(right, order));
    }

    /// Has the lobby carry an order out; what it tells everybody is the answer.
    pub(super) fn carry(&mut self, right: Right, order: Order) {
        let Some(user) = self.user() else { return };
        let (by, lobby) = (user.who.clone(), user.lobby.addr.clone());
        let (name, thread) = (user.lobby.name.clone(), self.thread.clone());
        let work = async move {
            let done = lobby.send(Moderate { by, right, order }).await;
            barrier(&thread.shard).await;
            done.map_err(|_| ModerateError::Busy)?
        };
        self.ask(work, move |session, done| match done {
            Ok(_) => session.note_right(false),
            Err(why) => session.tell_undone(&why, &name),
        });
    }

    pub(super) fn tell_undone(&mut self, why: &ModerateError, lobby: &Name) {
        self.note_right(
            matches!(why, ModerateError::Order(OrderError::Denied(why)) if why.is_of_rank()),
        );
        match why {
            ModerateError::Order(why) => {
                self.reply(&Reply::Moderation(ModerationReply::NotDone(why, lobby)));
            }
            ModerateError::NotStored => self.reply(&Reply::NotStored),
            ModerateError::Busy => self.reply(&Reply::ServerBusy),
        }
    }

    pub(super) fn govern(&mut self, right: Right, about: OrderAbout<ServerOrder>) {
        self.resolve(right, about, move |session, order| {
            let Some(user) = session.user() else { return };
            let (by, lobby) = (user.who.clone(), user.lobby.name.clone());
            let thread = session.thread.clone();
            let work = async move {
                let done = thread.registry.send(ModerateServer { by, right, order }).await;
                barrier(&thread.shard).await;
                done.map_err(|_| ModerateError::Busy)?
            };
            session.ask(work, move |session, done| match done {
                // All are told, so the one who told them is too.
                Ok(Deed::Announce(_)) => {}
                Ok(deed) => session.reply(&Reply::Moderation(ModerationReply::Done(&deed))),
                Err(why) => session.tell_undone(&why, &lobby),
            });
        });
    }

    pub(super) fn set_lobby_password(&mut self, right: Right, password: Option<Password>) {
        let Some(password) = password else {
            return self.order(right, OrderAbout::Nobody(Order::SetPassword(None)));
        };
        let Some(user) = self.user() else { return };
        let (by, lobby) = (user.who.clone(), user.lobby.addr.clone());
        let (name, thread) = (user.lobby.name.clone(), self.thread.clone());
        // Asked first, so that password work is done for those alone who may want it.
        let work = async move {
            check_right(&lobby, by, right).await?;
            let record = thread.hasher.hash(password).await.map_err(|_| ModerateError::Busy)?;
            Ok(Order::SetPassword(Some(Arc::new(record))))
        };
        self.ask(work, move |session, order| match order {
            Ok(order) => session.carry(right, order),
            Err(why) => session.tell_undone(&why, &name),
        });
    }

    pub(super) fn delete_lobby(&mut self, right: Right, typed: &str) {
        let Some(by) = self.user().map(|user| user.who.clone()) else { return };
        let (thread, key) = (self.thread.clone(), NameKey::of(typed));
        let work = async move {
            let door = thread.registry.send(FindLobby(key)).await.ok()??;
            let order = Order::Delete;
            let done = door.lobby.send(Moderate { by, right, order }).await;
            barrier(&thread.shard).await;
            Some((door.name, door.id, done.unwrap_or(Err(ModerateError::Busy))))
        };
        self.ask(work, |session, answer| match answer {
            None => session.reply(&Reply::NotJoined(&crate::chat::room::JoinError::NoSuchLobby)),
            Some((lobby, _, Err(why))) => session.tell_undone(&why, &lobby),
            // Whoever was in it is told so in any case.
            Some((_, id, Ok(_))) if session.user().is_some_and(|u| u.lobby.id == id) => {}
            Some((_, _, Ok(deed))) => {
                session.reply(&Reply::Moderation(ModerationReply::Done(&deed)));
            }
        });
    }

    pub(super) fn list_bans(&mut self, right: Right) {
        let Some(user) = self.user() else { return };
        let (by, lobby, name) =
            (user.who.clone(), user.lobby.addr.clone(), user.lobby.name.clone());
        let id = user.lobby.id;
        self.ask(bans(lobby, (by, right), 0), move |session, bans| match bans {
            Ok((total, pages)) => {
                let (head, now) =
                    (|sheet: &mut Sheet| replies::bans(sheet, &name, total), unix_now());
                let write = move |sheet: &mut Sheet, ban: &Sanction| replies::ban(sheet, ban, now);
                session.tell(Telling::new(head, pages, write).of(id));
            }
            Err(why) => session.tell_undone(&why, &name),
        });
    }

    pub(super) fn show_audit(&mut self, right: Right) {
        let Some(user) = self.user() else { return };
        let (by, lobby) = (user.who.clone(), user.lobby.addr.clone());
        let (name, id, store) = (user.lobby.name.clone(), user.lobby.id, self.thread.store.clone());
        let admin = by.admin;
        let read = async move {
            check_right(&lobby, by, right).await?;
            // What was done to the whole server is for those who do such things.
            let server = admin.then_some(Scope::Server);
            let scopes = [Scope::Lobby(id)].into_iter().chain(server).collect();
            let deeds = store.ask(ReadAudit { scopes, count: AUDIT_SHOWN }).await;
            deeds.map_err(|_| ModerateError::Busy)
        };
        self.ask(read, move |session, audit| match audit {
            Ok(deeds) => {
                let (count, store) = (deeds.len(), session.thread.store.clone());
                let (times, now) = (session.times(), unix_now());
                let head = |sheet: &mut Sheet| replies::audit(sheet, &name, count);
                let write = move |sheet: &mut Sheet, entry: &AuditEntry| {
                    let (at, by, text) = (entry.at, entry.who.clone(), entry.what.clone());
                    replies::audit_line(sheet, &AuditLine { at, by, text }, times, now);
                };
                let pages = Pages::stored(store, deeds, ReadDeeds, Vec::new());
                session.tell(Telling::new(head, pages, write).of(id));
            }
            Err(why) => session.tell_undone(&why, &name),
        });
    }
}

/// Whether somebody has a right in a lobby, which only that knows.
async fn check_right(lobby: &Addr<Lobby>, by: Identity, right: Right) -> Result<(), ModerateError> {
    let allowed = lobby.send(HasRight(by, right)).await.map_err(|_| ModerateError::Busy)?;
    allowed.map_err(|why| ModerateError::Order(why.into()))
}

/// Who is banned from a lobby but for the first `skip` of the list, and how many are in all.
async fn bans(
    lobby: Addr<Lobby>,
    (by, right): (Identity, Right),
    skip: usize,
) -> Result<(usize, Pages<Sanction>), ModerateError> {
    let ask = ListBans { by: by.clone(), right, skip, max: BANS_PER_PAGE };
    let banned = lobby.send(ask).await.map_err(|_| ModerateError::Busy)?;
    let Banned { total, bans: items } = banned.map_err(|why| ModerateError::Order(why.into()))?;
    let next = skip + BANS_PER_PAGE;
    let rest = async move || bans(lobby, (by, right), next).await.ok().map(|(_, pages)| pages);
    let more = (next < total && !items.is_empty()).then(|| More::new(rest));
    Ok((total, Pages { items, more }))
}
