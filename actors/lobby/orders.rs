//! The part of the Lobby that has orders carried out, and is told what becomes of its members elsewhere.
//!
//! An order is checked, stored, and only then carried out and told: one that fails has changed nothing.

use std::sync::Arc;

use actix::prelude::*;
use log::info;

use crate::actors::lobby::Lobby;
use crate::actors::lobby::messages::{
    Away, Banned, HasRight, ListBans, Moderate, Registered, Registering, Renamed, RenewPassword,
    Unregistered, Unregistering,
};
use crate::actors::registry::messages::{CarriedOut, ModerateError};
use crate::actors::store::messages::ReadAuthored;
use crate::chat::lobby::step::Input;
use crate::chat::moderation::Moderation;
use crate::chat::roles::{Denied, Right};
use crate::logging::event;
use crate::render::{deed, sentence};

impl Handler<Moderate> for Lobby {
    type Result = ResponseActFuture<Self, Result<CarriedOut<Moderation>, ModerateError>>;

    fn handle(&mut self, Moderate { by, order }: Moderate, _: &mut Self::Context) -> Self::Result {
        let turn = self.orders.clone().acquire_owned();
        let found = turn.into_actor(self).then(move |turn, lobby, _| {
            let now = lobby.now();
            let asks = lobby.room.asks(&by, &order, now);
            let (store, id) = (lobby.setup.store.clone(), lobby.id);
            let found = async move {
                let order = match asks {
                    Some(asks) => match store.ask(ReadAuthored(id, asks)).await {
                        Ok(found) => Ok(order.about(found)),
                        Err(_) => Err(ModerateError::Busy),
                    },
                    None => Ok(order),
                };
                (turn, by, order)
            };
            found.into_actor(lobby)
        });
        let carried = found.then(move |(turn, by, order), lobby, _| {
            let now = lobby.now();
            let planned = order.and_then(|order| Ok(lobby.room.plan(&by, order, now)?));
            let store = lobby.setup.store.clone();
            let changes = |what| lobby.room.changes(what, &by.name, sentence(what), now);
            let changes = planned.as_ref().map(changes).unwrap_or_default();
            let commit = async move {
                let what = Arc::new(planned?);
                store.commit(changes).await?;
                Ok(what)
            };
            commit.into_actor(lobby).map(
                move |stored: Result<Arc<Moderation>, ModerateError>, lobby, ctx| {
                    let what = stored?;
                    info!(
                        event = event::MODERATED, conn = by.conn.0;
                        "lobby '{}': {} {}", lobby.room.state().name, by.name, deed(&what)
                    );
                    let also = lobby.room.also_struck(&what);
                    // As of the instant that was stored.
                    lobby.happen(Input::Moderate { by, what: what.clone() }, now, ctx);
                    if what.removes().is_some() {
                        lobby.forget_removed();
                    }
                    lobby.flush();
                    drop(turn);
                    Ok(CarriedOut { what, also })
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
        let now = self.now();
        let state = self.room.state();
        state.check(&by, Right::Operator)?;
        let all = state.bans.list(now);
        let bans = all.iter().skip(skip).take(max).map(|ban| (*ban).clone()).collect();
        Ok(Banned { total: all.len(), bans })
    }
}

impl Handler<HasRight> for Lobby {
    type Result = Result<(), Denied>;

    fn handle(&mut self, HasRight(by, right): HasRight, _: &mut Self::Context) -> Self::Result {
        self.room.state().check(&by, right)
    }
}

impl Handler<RenewPassword> for Lobby {
    type Result = ();

    fn handle(&mut self, renew: RenewPassword, ctx: &mut Self::Context) {
        let RenewPassword { before, record } = renew;
        self.happened(Input::RenewPassword { before, record }, ctx);
    }
}

impl Handler<Renamed> for Lobby {
    type Result = ();

    fn handle(&mut self, Renamed(conn, name): Renamed, ctx: &mut Self::Context) {
        self.happened(Input::Rename(conn, name), ctx);
        self.flush();
    }
}

impl Handler<Away> for Lobby {
    type Result = ();

    fn handle(&mut self, Away(conn, text): Away, ctx: &mut Self::Context) {
        self.happened(Input::SetAway(conn, text), ctx);
    }
}

impl Handler<Registering> for Lobby {
    type Result = MessageResult<Registering>;

    fn handle(
        &mut self,
        Registering { guest, account }: Registering,
        _: &mut Self::Context,
    ) -> Self::Result {
        let now = self.now();
        MessageResult(self.room.registering(&guest, account, now))
    }
}

impl Handler<Registered> for Lobby {
    type Result = ();

    fn handle(&mut self, made: Registered, ctx: &mut Self::Context) {
        let Registered { guest, account, admin } = made;
        self.happened(Input::Register { guest, account, admin }, ctx);
    }
}

impl Handler<Unregistering> for Lobby {
    type Result = MessageResult<Unregistering>;

    fn handle(&mut self, Unregistering(who): Unregistering, _: &mut Self::Context) -> Self::Result {
        let now = self.now();
        MessageResult(self.room.unregistering(&who, now))
    }
}

impl Handler<Unregistered> for Lobby {
    type Result = ();

    fn handle(&mut self, gone: Unregistered, ctx: &mut Self::Context) {
        let Unregistered { account, who, present } = gone;
        self.happened(Input::Unregister { account, who, present }, ctx);
    }
}
