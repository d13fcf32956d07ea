//! The part of the Registry that lists lobbies: which there are, and how they are made and restored.

use std::time::Instant;

use log::{error, info};

use crate::actors::guard::{Answers, Ctx, Reply};
use crate::actors::lobby::NewRoom;
use crate::actors::lobby::keep::{charter, row};
use crate::actors::registry::Registry;
use crate::actors::registry::messages::{
    Create, CreateRefused, FindLobby, FindLobbyById, FindOffer, ListLobbies, Listed, LobbyChanged,
    LobbyClosed, LobbyCount, LobbyRef, MayCreate, Moved, OfferError, Offered, Remains,
};
use crate::actors::shard::messages::{Letter, Show};
use crate::actors::unix_now;
use crate::chat::history::UnixMillis;
use crate::chat::lobbies::{Card, CreateError, GENERAL, GENERAL_ID, Listing, LobbyId, Profile};
use crate::chat::lobby::Charter;
use crate::chat::name::Name;
use crate::chat::orders::OFFER_TIME;
use crate::chat::roles::Owner;
use crate::chat::text::Line;
use crate::store::{Change, LobbyState, StoreError};

/// Whose a lobby is that was stored: a guest's connection is gone with the process that had it.
pub(super) fn owner(state: &LobbyState) -> Owner {
    match (state.lobby.id, state.lobby.owner) {
        (GENERAL_ID, _) => Owner::Server,
        (_, Some(account)) => Owner::Account(account),
        (_, None) => Owner::Nobody,
    }
}

pub(super) fn restored(state: LobbyState, owner: Owner) -> NewRoom {
    let charter = charter(&state, owner);
    let LobbyState { lobby, history, next_seq, .. } = state;
    NewRoom {
        id: lobby.id,
        name: lobby.name,
        charter,
        profile: Profile {
            creator: lobby.creator,
            description: lobby.description,
            made_at: lobby.made_at,
            used_at: lobby.used_at,
            password_at: lobby.password_at,
            made_from: lobby.made_from,
        },
        entries: history,
        next_seq,
        remains: None,
    }
}

/// The lobby that is always there.
pub(super) fn general(now: UnixMillis) -> Option<NewRoom> {
    let (name, creator) = (Name::parse(GENERAL).ok()?, Name::parse("server").ok()?);
    let description = Line::clean("Welcome to the General Lobby");
    let profile = Profile::new(creator, description, None, now);
    Some(fresh(GENERAL_ID, name, Charter::new(Owner::Server, None), profile))
}

/// A lobby in which nothing has been said.
fn fresh(id: LobbyId, name: Name, charter: Charter, profile: Profile) -> NewRoom {
    NewRoom { id, name, charter, profile, entries: Vec::new(), next_seq: 0, remains: None }
}

impl Answers<FindLobby> for Registry {
    fn failed() -> Option<LobbyRef> {
        None
    }

    fn answer(
        &mut self,
        FindLobby(key): FindLobby,
        _: &mut Ctx<Self>,
    ) -> Reply<Self, Option<LobbyRef>> {
        Reply::now(|| self.lobbies.find(&key).map(|listing| self.door(listing)))
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
        Reply::now(|| self.lobbies.get(id).map(|listing| self.door(listing)))
    }
}

impl Answers<Offered> for Registry {
    fn failed() {}

    fn answer(
        &mut self,
        Offered { lobby, to, from, name }: Offered,
        _: &mut Ctx<Self>,
    ) -> Reply<Self, ()> {
        Reply::now(|| {
            let offers = self.offers.entry(to).or_default();
            offers.retain(|(other, _)| *other != lobby);
            offers.push((lobby, Instant::now()));
            let there = self.users.iter().find(|user| user.who.account == Some(to));
            if let (Some(user), Some(threads)) = (there, &self.threads) {
                let show = Show { seat: user.handle.seat, from, letter: Letter::Offer(name) };
                threads.shards[user.handle.shard].do_send(show);
            }
        })
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
            let offers = who.account.and_then(|account| self.offers.get(&account));
            let stands = |(_, since): &&(LobbyId, Instant)| since.elapsed() < OFFER_TIME;
            let newest = offers.and_then(|offers| offers.iter().rfind(stands));
            let listing = newest.and_then(|(lobby, _)| self.lobbies.get(*lobby));
            let listing = listing.ok_or(OfferError::Nothing)?;
            self.lobbies.may_own(&who)?;
            Ok(self.door(listing))
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
        let new = match self.new_room(&create) {
            Ok(new) => new,
            Err(why) => return Reply::Now(Err(why.into())),
        };
        let (store, put) = (self.store.clone(), new.put());
        let commit = async move { store.commit(vec![put]).await };
        Reply::after(commit, move |registry: &mut Self, stored, ctx| {
            stored.map_err(|why| match why {
                // Somebody was quicker, by an instant.
                StoreError::Rejected(_) => CreateRefused::Rule(CreateError::Exists),
                _ => CreateRefused::NotStored,
            })?;
            registry.created(new, &create, ctx)
        })
    }
}

impl Registry {
    /// A lobby that may be made now.
    fn new_room(&mut self, create: &Create) -> Result<NewRoom, CreateError> {
        // Whoever hung up meanwhile needs no lobby.
        self.connections.get(&create.who.conn).ok_or(CreateError::TooMany)?;
        self.lobbies.may_create(&create.name, &create.who)?;
        let (id, now) = (LobbyId(self.next_lobby), unix_now());
        self.next_lobby += 1;
        let charter = Charter::new(Owner::new(&create.who), create.record.clone());
        let (creator, description) = (create.who.name.clone(), create.description.clone());
        let profile = Profile::new(creator, description, Some(create.who.ip), now);
        Ok(fresh(id, create.name.clone(), charter, profile))
    }

    /// A lobby is stored: lists it, unless somebody was quicker meanwhile.
    fn created(
        &mut self,
        new: NewRoom,
        create: &Create,
        ctx: &mut Ctx<Self>,
    ) -> Result<(), CreateRefused> {
        if let Err(why) = self.lobbies.may_create(&create.name, &create.who) {
            self.store.keep(vec![Change::LobbyRemoved(new.id)]);
            return Err(why.into());
        }
        let Create { who, name, .. } = create;
        info!("conn={} {} created lobby '{name}'", who.conn.0, who.name);
        self.add_lobby(new, ctx);
        Ok(())
    }
}

impl Answers<ListLobbies> for Registry {
    fn failed() -> Listed {
        Listed::default()
    }

    fn answer(
        &mut self,
        ListLobbies { after, max }: ListLobbies,
        _: &mut Ctx<Self>,
    ) -> Reply<Self, Listed> {
        Reply::now(|| {
            let after = self.lobbies.after(after.as_ref()).take(max);
            let lobbies = after.map(|l| (l.card.clone(), l.record.is_some())).collect();
            Listed { total: self.lobbies.count(), lobbies }
        })
    }
}

impl Answers<LobbyCount> for Registry {
    fn failed() {}

    fn answer(&mut self, LobbyCount(id, users): LobbyCount, _: &mut Ctx<Self>) -> Reply<Self, ()> {
        Reply::now(|| {
            if let Some(listing) = self.lobbies.by_id(id) {
                listing.card.users = users;
            }
        })
    }
}

impl Answers<Moved> for Registry {
    fn failed() {}

    fn answer(&mut self, Moved(conn, id): Moved, _: &mut Ctx<Self>) -> Reply<Self, ()> {
        Reply::now(|| {
            if let Some(connection) = self.connections.get_mut(&conn) {
                connection.lobby = Some(id);
            }
        })
    }
}

impl Answers<LobbyChanged> for Registry {
    fn failed() {}

    fn answer(&mut self, changed: LobbyChanged, _: &mut Ctx<Self>) -> Reply<Self, ()> {
        Reply::now(|| {
            let Some(listing) = self.lobbies.by_id(changed.id) else { return };
            if listing.card.owner != changed.owner {
                self.offers.values_mut().for_each(|o| o.retain(|(id, _)| *id != changed.id));
            }
            listing.card.owner = changed.owner;
            listing.card.topic = changed.topic;
            listing.card.custom_ai = changed.custom_ai;
            listing.record = changed.record;
            listing.profile.password_at = changed.password_at;
        })
    }
}

impl Answers<LobbyClosed> for Registry {
    fn failed() {}

    fn answer(
        &mut self,
        LobbyClosed { id, remains }: LobbyClosed,
        ctx: &mut Ctx<Self>,
    ) -> Reply<Self, ()> {
        Reply::now(|| {
            let Some(Listing { card, profile, .. }) = self.lobbies.remove(id) else {
                return;
            };
            let Some(remains) = remains else { return };
            error!("lobby '{}' is set up again", card.name);
            let new = again(id, card, profile, remains);
            self.add_lobby(new, ctx);
        })
    }
}

impl NewRoom {
    /// Has it stored.
    pub(super) fn put(&self) -> Change {
        Change::LobbyPut(row(self.id, &self.name, &self.charter, &self.profile))
    }
}

/// A lobby in the place of one that broke.
fn again(id: LobbyId, card: Card, profile: Profile, remains: Remains) -> NewRoom {
    let new = fresh(id, card.name, Charter::new(card.owner, None), profile);
    NewRoom { remains: Some(remains), ..new }
}
