//! The part of the Lobby that has orders carried out, and is told what becomes of its members elsewhere.
//!
//! An order is checked, stored, and only then carried out and told: one that fails has changed nothing.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;

use ::log::info;
use actix::fut::LocalBoxActorFuture;
use actix::prelude::*;
use tokio::sync::{AcquireError, OwnedSemaphorePermit, oneshot};

use crate::actors::lobby::Lobby;
use crate::actors::lobby::messages::{
    Away, Banned, HasRight, ListBans, Moderate, Registered, Registering, Renamed, RenewPassword,
    Unregistered, Unregistering,
};
use crate::actors::log::{self, Log};
use crate::actors::registry::messages::{CarriedOut, ModerateError};
use crate::actors::shard::messages::Address;
use crate::actors::store::messages::ReadAuthored;
use crate::chat::accounts::Identity;
use crate::chat::history::UnixMillis;
use crate::chat::lobby::step::Input;
use crate::chat::moderation::Moderation;
use crate::chat::roles::{Denied, Right};
use crate::logging::event;
use crate::render::{deed, sentence};

impl Handler<Moderate> for Lobby {
    type Result = Response<Carried>;

    fn handle(
        &mut self,
        Moderate { by, order }: Moderate,
        ctx: &mut Self::Context,
    ) -> Self::Result {
        let (done, answer) = oneshot::channel();
        // An order may be the end of the lobby, and is answered all the same.
        let done = Rc::new(Cell::new(Some(done)));
        let theirs = done.clone();
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
        let carried = found.then(move |(turn, by, order), lobby, ctx| {
            let now = lobby.now();
            let planned = order.and_then(|order| Ok(lobby.room.plan(&by, order, now)?));
            match (lobby.setup.log.clone(), planned) {
                (_, Err(why)) => Box::pin(fut::ready(Some(Err(why)))),
                (Log::Alone, Ok(what)) => lobby.carry_out_alone(by, what, now, turn),
                (Log::Shared(_), Ok(what)) => {
                    lobby.carry_out_by_log(by, what, (turn, theirs), ctx);
                    Box::pin(fut::ready(None))
                }
            }
        });
        ctx.spawn(carried.map(move |carried, _, _| {
            if let Some(carried) = carried
                && let Some(done) = done.take()
            {
                let _ = done.send(carried);
            }
        }));
        log::answer(answer, Err(ModerateError::Busy))
    }
}

/// The turn of an order; there is always one to be had.
type Turn = Result<OwnedSemaphorePermit, AcquireError>;

/// An order on its way, and how it ends.
type Carrying = LocalBoxActorFuture<Lobby, Option<Carried>>;

/// Who waits for it.
type Answer = Rc<Cell<Option<oneshot::Sender<Carried>>>>;

type Carried = Result<CarriedOut<Moderation>, ModerateError>;

impl Lobby {
    /// Stores an order, and then lets it happen.
    fn carry_out_alone(
        &mut self,
        by: Identity,
        what: Moderation,
        now: UnixMillis,
        turn: Turn,
    ) -> Carrying {
        let store = self.setup.store.clone();
        let changes = self.room.changes(&what, &by.name, sentence(&what), now);
        let commit = async move { store.commit(changes).await };
        let carried = commit.into_actor(self).map(move |stored, lobby: &mut Self, ctx| {
            if let Err(why) = stored {
                return Some(Err(why.into()));
            }
            let what = Arc::new(what);
            lobby.log_order(&by, &what);
            let also = lobby.room.also_struck(&what);
            // As of the instant that was stored.
            lobby.happen(Input::Moderate { by, what: what.clone() }, now, ctx);
            lobby.carried_out(&what, ctx);
            lobby.flush();
            drop(turn);
            Some(Ok(CarriedOut { what, also }))
        });
        Box::pin(carried)
    }

    /// Has an order happen on all nodes.
    fn carry_out_by_log(
        &mut self,
        by: Identity,
        what: Moderation,
        (turn, answer): (Turn, Answer),
        ctx: &mut Context<Self>,
    ) {
        let what = Arc::new(what);
        let also = self.room.also_struck(&what);
        let order = Input::Moderate { by: by.clone(), what: what.clone() };
        self.put(order, ctx, move |lobby, done, _| {
            let carried = match done {
                Ok(()) => {
                    lobby.log_order(&by, &what);
                    lobby.flush();
                    Ok(CarriedOut { what, also })
                }
                Err(_) => Err(ModerateError::Busy),
            };
            drop(turn);
            if let Some(answer) = answer.take() {
                let _ = answer.send(carried);
            }
        });
    }

    /// An order comes out of the log: what lasts of it is kept.
    pub(super) fn keep_order(&mut self, input: &Input<Address>, at: UnixMillis) {
        if let Input::Moderate { by, what } = input {
            self.kept.extend(self.room.changes(what, &by.name, sentence(what), at));
        }
    }

    fn log_order(&self, by: &Identity, what: &Moderation) {
        info!(
            event = event::MODERATED, conn = by.conn.number();
            "lobby '{}': {} {}", self.room.state().name, by.name, deed(what)
        );
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
        self.note(Input::RenewPassword { before, record }, ctx);
    }
}

impl Handler<Renamed> for Lobby {
    type Result = ();

    fn handle(&mut self, Renamed(conn, name): Renamed, ctx: &mut Self::Context) {
        self.put(Input::Rename(conn, name), ctx, |lobby, _, _| lobby.flush());
    }
}

impl Handler<Away> for Lobby {
    type Result = ();

    fn handle(&mut self, Away(conn, text): Away, ctx: &mut Self::Context) {
        self.note(Input::SetAway(conn, text), ctx);
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

impl Lobby {
    /// An account was made of a guest.
    pub(super) fn registered(&mut self, made: Registered, ctx: &mut Context<Self>) {
        let Registered { guest, account, admin, at, applying } = made;
        self.told(Input::Register { guest, account, admin }, (at, applying), ctx);
    }
}

impl Handler<Unregistering> for Lobby {
    type Result = MessageResult<Unregistering>;

    fn handle(&mut self, Unregistering(who): Unregistering, _: &mut Self::Context) -> Self::Result {
        let now = self.now();
        MessageResult(self.room.unregistering(&who, now))
    }
}

impl Lobby {
    /// An account is no more.
    pub(super) fn unregistered(&mut self, gone: Unregistered, ctx: &mut Context<Self>) {
        let Unregistered { account, who, present, at, applying } = gone;
        self.told(Input::Unregister { account, who, present }, (at, applying), ctx);
    }
}
