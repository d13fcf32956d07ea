//! The part of the Registry that lists lobbies: which there are, and how they are made and restored.

use std::sync::Arc;

use actix::prelude::*;
use futures_util::future::join_all;
use log::{error, info};

use crate::actors::ai::messages::EndAnswers;
use crate::actors::guard::{Answers, Ctx, Reply};
use crate::actors::lobby::Lobby;
use crate::actors::log::Log;
use crate::actors::ping::Ping;
use crate::actors::registry::Registry;
use crate::actors::registry::deciding::NotDone;
use crate::actors::registry::messages::{
    Create, CreateRefused, FindLobby, FindLobbyById, FindOffer, ListLobbies, LobbiesToAsk,
    LobbyChanged, LobbyClosed, LobbyCount, LobbyRef, MayCreate, Moved, OfferError, Offered,
};
use crate::chat::lobbies::{CreateError, GENERAL_ID, LobbyEntry, LobbyId, LobbyPage};
use crate::chat::lobby::LobbyState;
use crate::chat::registry::{Happening, Place};
use crate::chat::text::Line;
use crate::logging::event;
use crate::metrics::Restarted;
use crate::store::{Change, NodeChange, StoreError, StoredLobby};

impl Answers<FindLobby> for Registry {
    fn failed() -> Option<LobbyRef> {
        None
    }

    fn answer(
        &mut self,
        FindLobby(key): FindLobby,
        _: &mut Ctx<Self>,
    ) -> Reply<Self, Option<LobbyRef>> {
        Reply::now(|| self.lobbies.find(&key).map(|entry| self.lobby_ref(entry)))
    }
}

impl Answers<FindLobbyById> for Registry {
    fn failed() -> Option<LobbyRef> {
        None
    }

    fn answer(
        &mut self,
        FindLobbyById(id): FindLobbyById,
        _: &mut Ctx<Self>,
    ) -> Reply<Self, Option<LobbyRef>> {
        Reply::now(|| self.lobbies.get(id).map(|entry| self.lobby_ref(entry)))
    }
}

impl Answers<Offered> for Registry {
    fn failed() {}

    fn answer(
        &mut self,
        Offered { lobby, to, from, name }: Offered,
        _: &mut Ctx<Self>,
    ) -> Reply<Self, ()> {
        Reply::now(|| self.happen(Happening::Offered { lobby, to, from, name }, self.log.now()))
    }
}

impl Answers<FindOffer> for Registry {
    fn failed() -> Result<LobbyRef, OfferError> {
        Err(OfferError::Busy)
    }

    fn answer(
        &mut self,
        FindOffer(who): FindOffer,
        _: &mut Ctx<Self>,
    ) -> Reply<Self, Result<LobbyRef, OfferError>> {
        Reply::now(|| {
            // The newest; it stays until the lobby has another owner, since this may come to nothing.
            let newest =
                who.account.and_then(|account| self.people.offer_to(account, self.log.now()));
            let entry = newest.and_then(|lobby| self.lobbies.get(lobby));
            let entry = entry.ok_or(OfferError::Nothing)?;
            self.lobbies.may_own(&who)?;
            Ok(self.lobby_ref(entry))
        })
    }
}

impl Answers<MayCreate> for Registry {
    fn failed() -> Result<(), CreateError> {
        Err(CreateError::TooMany)
    }

    fn answer(
        &mut self,
        MayCreate { who, name }: MayCreate,
        _: &mut Ctx<Self>,
    ) -> Reply<Self, Result<(), CreateError>> {
        Reply::now(|| self.lobbies.may_create(&name, &who))
    }
}

impl Answers<Create> for Registry {
    fn failed() -> Result<(), CreateRefused> {
        Err(CreateRefused::Busy)
    }

    fn answer(
        &mut self,
        create: Create,
        _: &mut Ctx<Self>,
    ) -> Reply<Self, Result<(), CreateRefused>> {
        let state = match self.new_lobby(&create) {
            Ok(state) => Arc::new(state),
            Err(why) => return Reply::Now(Err(why.into())),
        };
        if let Log::Shared(_) = self.log {
            let made = self.propose_lobby(state);
            return Reply::after(made, move |_, made, _| {
                let Create { who, name, .. } = &create;
                if let Ok(Ok(())) = made {
                    info!(
                        event = event::LOBBY_CREATED, conn = who.conn.number();
                        "{} created lobby '{name}'", who.name
                    );
                }
                made.unwrap_or(Err(NotDone::TooLate)).map_err(|why| match why {
                    NotDone::TooLate => CreateError::Exists.into(),
                    NotDone::NotStored(_) => CreateRefused::NotStored,
                })
            });
        }
        let (store, put) = (self.store.clone(), Change::LobbyPut(state.clone()));
        let commit = async move { store.commit(vec![put]).await };
        Reply::after(commit, move |registry: &mut Self, stored, ctx| {
            stored.map_err(|why| match why {
                // Somebody was quicker, by an instant.
                StoreError::Rejected(_) => CreateRefused::Rule(CreateError::Exists),
                _ => CreateRefused::NotStored,
            })?;
            registry.created(state, &create, ctx)
        })
    }
}

impl Registry {
    /// A lobby that may be made now.
    fn new_lobby(&mut self, create: &Create) -> Result<LobbyState, CreateError> {
        let Create { who, name, description, record } = create.clone();
        // Whoever hung up meanwhile needs no lobby.
        self.connections.is_there(who.conn).then_some(()).ok_or(CreateError::TooMany)?;
        self.lobbies.may_create(&name, &who)?;
        let id = LobbyId(self.next_lobby);
        // Over several nodes it is given out when the lobby comes out of the log.
        if let Log::Alone = self.log {
            self.next_lobby += 1;
        }
        Ok(LobbyState::new(id, name, description, record, &who, self.log.now()))
    }

    /// A lobby is stored: lists it, unless somebody was quicker meanwhile.
    fn created(
        &mut self,
        state: Arc<LobbyState>,
        create: &Create,
        ctx: &mut Ctx<Self>,
    ) -> Result<(), CreateRefused> {
        if let Err(why) = self.lobbies.may_create(&create.name, &create.who) {
            self.store.keep(vec![Change::LobbyRemoved(state.id)]);
            return Err(why.into());
        }
        let Create { who, name, .. } = create;
        info!(
            event = event::LOBBY_CREATED, conn = who.conn.number();
            "{} created lobby '{name}'", who.name
        );
        let stored = StoredLobby::new(Arc::unwrap_or_clone(state));
        self.add_lobby(self.empty(stored), ctx);
        Ok(())
    }

    /// A lobby was made on one of the nodes: it is here too, unless somebody was quicker. It has the next number,
    /// which is the same on all nodes.
    pub(super) fn lobby_decided(
        &mut self,
        state: Arc<LobbyState>,
        ctx: &mut Ctx<Self>,
    ) -> Result<(), NotDone> {
        if self.lobbies.find(&state.name.key()).is_some() {
            return Err(NotDone::TooLate);
        }
        let id = LobbyId(self.next_lobby);
        self.next_lobby += 1;
        self.add_new(LobbyState { id, ..Arc::unwrap_or_clone(state) }, ctx);
        Ok(())
    }

    /// Adds a lobby that is stored some time soon.
    pub(super) fn add_new(&mut self, state: LobbyState, ctx: &mut Ctx<Self>) {
        self.keep([Change::LobbyPut(state.clone().into())]);
        if let (Some(_), Some(guest)) = (&self.applying, state.owner.guest()) {
            self.keep([Change::Node(NodeChange::GuestOwner(state.id, Some(guest)))]);
        }
        self.add_lobby(self.empty(StoredLobby::new(state)), ctx);
    }
}

impl Answers<ListLobbies> for Registry {
    fn failed() -> LobbyPage {
        LobbyPage::default()
    }

    fn answer(
        &mut self,
        ListLobbies { text, page }: ListLobbies,
        _: &mut Ctx<Self>,
    ) -> Reply<Self, LobbyPage> {
        Reply::now(|| self.lobbies.page(text.as_ref().map(Line::as_str), page))
    }
}

impl Answers<LobbyCount> for Registry {
    fn failed() {}

    fn answer(&mut self, LobbyCount(id, users): LobbyCount, _: &mut Ctx<Self>) -> Reply<Self, ()> {
        Reply::now(|| {
            if let Some(entry) = self.lobbies.by_id(id) {
                entry.users = users;
                entry.used_at = self.log.now();
            }
        })
    }
}

impl Answers<Moved> for Registry {
    fn failed() {}

    fn answer(&mut self, moved: Moved, _: &mut Ctx<Self>) -> Reply<Self, ()> {
        Reply::now(|| {
            let (conn, lobby, step): (_, _, fn(&mut Place, LobbyId)) = match moved {
                Moved::Came(conn, lobby) => (conn, lobby, Place::came),
                Moved::Went(conn, lobby) => (conn, lobby, Place::went),
            };
            let places = [self.connections.place(conn), self.people.place(conn)];
            places.into_iter().flatten().for_each(|place| step(place, lobby));
        })
    }
}

impl Answers<LobbyChanged> for Registry {
    fn failed() {}

    fn answer(&mut self, LobbyChanged(state): LobbyChanged, _: &mut Ctx<Self>) -> Reply<Self, ()> {
        Reply::now(|| {
            let (id, owner) = (state.id, state.owner);
            let Some(before) = self.lobbies.set_state(state) else { return };
            if before.owner != owner {
                self.happen(Happening::OfferOver(id), self.log.now());
            }
        })
    }
}

impl Answers<LobbyClosed> for Registry {
    fn failed() {}

    fn answer(
        &mut self,
        LobbyClosed { id, snapshot }: LobbyClosed,
        ctx: &mut Ctx<Self>,
    ) -> Reply<Self, ()> {
        Reply::now(|| {
            let Some(entry) = self.lobbies.remove(id) else { return };
            self.metrics.lobbies.dec();
            self.records.remove(&id);
            let Some(snapshot) = snapshot else { return };
            // It may have broken before it said so.
            let members = snapshot.room.members().map(|member| member.who.conn);
            let places =
                |conn| self.people.place(conn).into_iter().for_each(|place| place.came(id));
            members.for_each(places);
            error!(event = event::LOBBY_RESTARTED; "lobby '{}' is set up again", entry.state.name);
            self.metrics.restarts.of(Restarted::Lobby).inc();
            self.add_lobby(snapshot, ctx);
        })
    }
}

impl Answers<EndAnswers> for Registry {
    fn failed() {}

    fn answer(&mut self, _: EndAnswers, _: &mut Ctx<Self>) -> Reply<Self, ()> {
        // One that is gone by then answers nobody.
        let ended: Vec<_> =
            self.lobbies.iter().map(|entry| entry.handle.send(EndAnswers)).collect();
        Reply::after(join_all(ended), |_, _, _| ())
    }
}

impl Answers<LobbiesToAsk> for Registry {
    fn failed() -> Vec<(LobbyId, Recipient<Ping>)> {
        Vec::new()
    }

    fn answer(
        &mut self,
        LobbiesToAsk { skip, max }: LobbiesToAsk,
        _: &mut Ctx<Self>,
    ) -> Reply<Self, Vec<(LobbyId, Recipient<Ping>)>> {
        Reply::now(|| {
            let some = self.lobbies.iter().skip(skip).take(max);
            let to_ask = |entry: &LobbyEntry<Addr<Lobby>>| {
                (entry.state.id, entry.handle.clone().recipient())
            };
            self.lobbies.get(GENERAL_ID).into_iter().chain(some).map(to_ask).collect()
        })
    }
}
