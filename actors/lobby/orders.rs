//! The part of the Lobby that carries out what its owners and operators order.
//!
//! An order is checked, stored, and only then carried out and told: one that fails has changed nothing.

use std::sync::Arc;

use actix::prelude::*;
use log::info;

use crate::actors::lobby::Lobby;
use crate::actors::lobby::messages::{
    Away, Banned, HasRight, ListBans, Moderate, Registered, Registering, Renamed, Unregistered,
    Unregistering,
};
use crate::actors::registry::messages::{LobbyChanged, ModerateError, Offered, Recheck};
use crate::actors::shard::messages::Effect;
use crate::actors::unix_now;
use crate::chat::accounts::Identity;
use crate::chat::history::UnixMillis;
use crate::chat::lobby::event::Event;
use crate::chat::moderation::{Moderation, Removal};
use crate::chat::name::Name;
use crate::chat::roles::{Denied, Right};
use crate::render::replies::{ModerationReply, Reply};
use crate::store::Change;

impl Lobby {
    fn carry_out(
        &mut self,
        who: &Identity,
        what: &Arc<Moderation>,
        now: UnixMillis,
        ctx: &mut Context<Self>,
    ) {
        // What has come about while the order was being stored: somebody left, or was taken over from.
        if let Moderation::SetPassword(_) = **what {
            self.profile.password_at = unix_now();
        }
        let put_out: Vec<_> = self.put_out(what, unix_now()).collect();
        self.kept.extend(put_out);
        self.recheck(what);
        let by = self.told_of_as(&who.name, what);
        self.room.apply(&by, what, now);
        self.offer(who, what);
        info!("lobby '{}': {} did {}", self.room.name(), who.name, what.verb());
        self.batch.event(Event::Moderated { by: by.clone(), what: what.clone() });
        self.remove(&by, what, ctx);
        if let Moderation::Delete(_) = **what {
            return self.close(&self.told_removed(&by, Removal::Delete), ctx);
        }
        self.changed(ctx);
    }

    /// A guest who was muted or banned may have made an account meanwhile, which only the Registry knows.
    fn recheck(&self, what: &Moderation) {
        let conn = what.sanctioned_guest();
        conn.into_iter().for_each(|conn| self.registry.do_send(Recheck(conn, self.id)));
    }

    /// Whoever is to have the lobby is asked, wherever they are.
    fn offer(&self, by: &Identity, what: &Moderation) {
        if let Moderation::Offer { account, .. } = what {
            let (lobby, to, from) = (self.id, *account, by.into());
            self.registry.do_send(Offered { lobby, to, from, name: self.room.name().clone() });
        }
    }

    /// The lobby is deleted: everybody in it has to go.
    fn close(&mut self, told: &Reply, ctx: &mut Context<Self>) {
        let members: Vec<_> = self.room.members().map(|member| member.handle).collect();
        for at in members {
            self.batch.one(at, |seat| Effect::MoveToGeneral(seat, told.clone()));
        }
        self.flush();
        self.ended = true;
        ctx.stop();
    }

    /// Puts out whoever has to go, and tells them why.
    fn remove(&mut self, by: &Name, what: &Moderation, ctx: &mut Context<Self>) {
        let removed: Vec<_> = self.room.removed(what).map(|m| (m.who.conn, m.handle)).collect();
        if removed.is_empty() {
            return;
        }
        let Some(how) = what.removal() else { return };
        let told = self.told_removed(by, how);
        for (conn, at) in removed {
            self.let_go(conn, ctx);
            self.batch.one(at, |seat| Effect::MoveToGeneral(seat, told.clone()));
        }
    }

    /// The lobby is not as it was: the Registry lists it anew, the clock of an empty one follows its
    /// owner, and it is stored as it is now. Of two orders that cross, each stored the lobby without
    /// the other.
    fn changed(&mut self, ctx: &mut Context<Self>) {
        self.tell_registry();
        self.restart_idle_timer(ctx);
        self.keep_row();
    }

    /// What somebody is told who has to go.
    fn told_removed(&self, by: &Name, how: Removal) -> Reply {
        ModerationReply::Removed { by: by.clone(), how, lobby: self.room.name().clone() }.into()
    }

    /// Tells the Registry what it lists of this lobby.
    fn tell_registry(&self) {
        let charter = self.room.charter();
        self.registry.do_send(LobbyChanged {
            id: self.id,
            owner: charter.owner,
            topic: charter.topic.clone(),
            custom_ai: charter.prompt.is_some(),
            record: charter.record.clone(),
            password_at: self.profile.password_at,
        });
    }

    /// Stores the lobby as it is, some time soon.
    fn keep_row(&mut self) {
        self.kept.push(Change::LobbyPut(self.row()));
        self.flush();
    }
}

impl Handler<Moderate> for Lobby {
    type Result = ResponseActFuture<Self, Result<Arc<Moderation>, ModerateError>>;

    fn handle(&mut self, Moderate { by, order }: Moderate, _: &mut Self::Context) -> Self::Result {
        let turn = self.orders.clone().acquire_owned();
        let carried = turn.into_actor(self).then(move |turn, lobby, _| {
            let now = unix_now();
            let planned = lobby.room.plan(&by, order, now).map_err(ModerateError::from);
            let store = lobby.setup.store.clone();
            let changes = planned.as_ref().map(|what| lobby.changes(what, &by.name, now));
            let changes = changes.unwrap_or_default();
            let commit = async move {
                let what = Arc::new(planned?);
                store.commit(changes).await?;
                Ok(what)
            };
            commit.into_actor(lobby).map(
                move |stored: Result<Arc<Moderation>, ModerateError>, lobby, ctx| {
                    let what = stored?;
                    lobby.carry_out(&by, &what, now, ctx);
                    drop(turn);
                    Ok(what)
                },
            )
        });
        Box::pin(carried)
    }
}

impl Handler<ListBans> for Lobby {
    type Result = Result<Banned, Denied>;

    fn handle(&mut self, ask: ListBans, _: &mut Self::Context) -> Self::Result {
        let ListBans { by, skip, max } = ask;
        let charter = self.room.charter();
        charter.check(&by, Right::Operator)?;
        let all = charter.bans.list(unix_now());
        let bans = all.iter().skip(skip).take(max).map(|ban| (*ban).clone()).collect();
        Ok(Banned { total: all.len(), bans })
    }
}

impl Handler<HasRight> for Lobby {
    type Result = Result<(), Denied>;

    fn handle(&mut self, HasRight(by, right): HasRight, _: &mut Self::Context) -> Self::Result {
        self.room.charter().check(&by, right)
    }
}

impl Handler<Renamed> for Lobby {
    type Result = ();

    fn handle(&mut self, Renamed(conn, name): Renamed, _: &mut Self::Context) {
        if let Some(before) = self.room.rename(conn, name.clone()) {
            self.batch.event(Event::Renamed { before, after: name });
            self.flush();
        }
    }
}

impl Handler<Away> for Lobby {
    type Result = ();

    fn handle(&mut self, Away(conn, text): Away, _: &mut Self::Context) {
        self.room.set_away(conn, text);
    }
}

impl Handler<Registering> for Lobby {
    type Result = MessageResult<Registering>;

    fn handle(
        &mut self,
        Registering { guest, account }: Registering,
        _: &mut Self::Context,
    ) -> Self::Result {
        MessageResult(self.registering(&guest, account, unix_now()))
    }
}

impl Handler<Registered> for Lobby {
    type Result = ();

    fn handle(&mut self, made: Registered, ctx: &mut Self::Context) {
        let Registered { guest, account, admin } = made;
        let now = unix_now();
        // All of it was stored with the account, but for what has come about since.
        let changes = self.registering(&guest, account, now);
        self.kept.extend(changes);
        if self.room.registered(&guest, account, admin, now) {
            self.changed(ctx);
        }
    }
}

impl Handler<Unregistering> for Lobby {
    type Result = MessageResult<Unregistering>;

    fn handle(&mut self, Unregistering(who): Unregistering, _: &mut Self::Context) -> Self::Result {
        MessageResult(self.unregistering(&who, unix_now()))
    }
}

impl Handler<Unregistered> for Lobby {
    type Result = ();

    fn handle(&mut self, gone: Unregistered, ctx: &mut Self::Context) {
        let Unregistered { account, who, present: conn } = gone;
        let now = unix_now();
        if let Some(who) = &who {
            let changes = self.unregistering(who, now);
            self.kept.extend(changes);
        }
        if self.room.unregistered(account, who.as_ref(), conn, now) {
            self.changed(ctx);
        }
        if let Some(ban) = conn.and_then(|conn| self.room.is_banned(conn, now)).cloned() {
            let by = ban.by.clone();
            self.remove(&by, &Moderation::Ban { ban, conn }, ctx);
        }
    }
}
