//! The part of a Lobby through which all that happens comes: what is put to it, and what comes out of the log that
//! all nodes share.

use actix::prelude::*;

use super::Lobby;
use super::messages::{Decided, Expire, Unreachable, Void};
use crate::actors::log::{self, Log, Ticket};
use crate::actors::shard::messages::Address;
use crate::actors::store::Applying;
use crate::chat::change::{Change, NodeChange};
use crate::chat::directory::ConnId;
use crate::chat::history::UnixMillis;
use crate::chat::lobby::step::{Input, JoinKind, Refusal};
use crate::chat::lobby::{JoinError, Member};
use crate::cluster::engine::Subject;
use crate::cluster::reach;
use crate::cluster::record::What;

/// Done where something was proposed, once it has happened or was refused.
type Then = Box<dyn FnOnce(&mut Lobby, Result<(), Refusal>, &mut Context<Lobby>)>;

/// Something that was proposed, as this node knows it.
pub(super) struct Proposed {
    pub(super) input: Input<Address>,
    then: Then,
}

impl Lobby {
    /// Puts something to the lobby: where it may be, it happens, at once or when it comes out of the log. Then
    /// `then` is done, here alone.
    pub(super) fn put(
        &mut self,
        input: Input<Address>,
        ctx: &mut Context<Self>,
        then: impl FnOnce(&mut Self, Result<(), Refusal>, &mut Context<Self>) + 'static,
    ) {
        let now = self.now();
        // Whoever comes back is not known again yet.
        let returns = input.by().is_some_and(|conn| self.returning.contains_key(&conn));
        let may = if returns { Ok(()) } else { self.room.propose(&input, now) };
        match (&self.setup.log, may) {
            (_, Err(why)) => then(self, Err(why), ctx),
            (Log::Alone, Ok(())) => {
                self.happen(input, now, ctx);
                then(self, Ok(()), ctx);
            }
            (Log::Shared(log), Ok(())) if log.is_away() && input.is_refused_away() => {
                then(self, Err(Refusal::Unreachable), ctx);
            }
            (Log::Shared(log), Ok(())) => {
                let ticket = self.append(log, &input);
                self.proposed.add(ticket, Proposed { input, then: Box::new(then) });
            }
        }
    }

    fn append(&self, log: &log::Shared, input: &Input<Address>) -> Ticket {
        let (lobby, input) = (self.id, reach::input(input.clone(), |at: Address| at.seat.conn));
        let subject = match input {
            Input::Moderate { .. } => Subject::LobbyOrders(lobby),
            _ => Subject::Lobby(lobby),
        };
        log.append(subject, What::Lobby { lobby, input }, Vec::new())
    }

    /// Puts something to it that nobody waits for.
    pub(super) fn note(&mut self, input: Input<Address>, ctx: &mut Context<Self>) {
        self.put(input, ctx, |_, _, _| ());
    }

    /// Does what a record of the log says, and has stored with its place in the log what lasts of it.
    pub(super) fn apply(
        &mut self,
        applying: Applying,
        ctx: &mut Context<Self>,
        act: impl FnOnce(&mut Self, &mut Context<Self>),
    ) {
        self.keep_all();
        self.applying = Some(applying);
        let owner_before = self.room.state().owner;
        act(self, ctx);
        let owner = self.room.state().owner;
        if owner != owner_before {
            // An account's is stored as part of the lobby.
            self.kept.push(Change::Node(NodeChange::GuestOwner(self.id, owner.guest())));
        }
        self.applied();
    }

    /// A record has happened, as far as it does.
    pub(super) fn applied(&mut self) {
        let mut changed = std::mem::take(&mut self.changed);
        changed.sort_unstable();
        changed.dedup();
        let members = changed.iter().map(|conn| {
            let member = self.room.member(*conn).map(|member| {
                let Member { who, picture, away, life, handle: _ } = member.clone();
                Box::new(Member { who, picture, away, life, handle: *conn })
            });
            Change::Node(NodeChange::Member(self.id, *conn, member))
        });
        self.kept.extend(members);
        self.keep_all();
        self.applying = None;
    }

    /// Whether what happens comes out of the log.
    pub(super) fn is_applying(&self) -> bool {
        self.applying.is_some()
    }

    /// The membership of this connection is another one, or is no more.
    pub(super) fn changed(&mut self, conn: ConnId) {
        if self.is_applying() {
            self.changed.push(conn);
        }
    }
}

impl Lobby {
    /// Something that was put to the lobby has come out of the log.
    pub(super) fn decide(&mut self, decided: Decided, ctx: &mut Context<Self>) {
        let Decided { input, at, own, life, applying } = decided;
        let proposed = own.and_then(|ticket| self.proposed.take(ticket));
        let (mut input, then) = match proposed {
            // Where this node has proposed it, it knows where its users are.
            Some(Proposed { input, then }) => (input, Some(then)),
            None => (input, None),
        };
        if let Input::Join(join) = &mut input {
            join.member.life = life;
        }
        let may = self.room.may_still(&input, at);
        if may.is_ok() {
            self.apply(applying, ctx, |lobby, ctx| lobby.decided(input, at, ctx));
        }
        if let Some(then) = then {
            then(self, may, ctx);
        } else if self.batch.is_full() {
            self.flush();
        }
    }

    /// It may be.
    fn decided(&mut self, input: Input<Address>, at: UnixMillis, ctx: &mut Context<Self>) {
        self.keep_order(&input, at);
        self.touched(&input);
        let ordered = match &input {
            Input::Moderate { what, .. } => Some(what.clone()),
            _ => None,
        };
        self.is_quiet = matches!(
            &input,
            Input::Join(join) if join.kind == JoinKind::Resume && !join.member.handle.is_elsewhere()
        );
        self.happen(input, at, ctx);
        self.is_quiet = false;
        if let Some(what) = ordered {
            self.carried_out(&what, ctx);
        }
    }

    /// Notes whose membership this changes, but for those who come and go.
    fn touched(&mut self, input: &Input<Address>) {
        match input {
            Input::SetPicture(conn, _) | Input::Rename(conn, _) | Input::SetAway(conn, _) => {
                self.changed(*conn);
            }
            Input::Register { guest, .. } => self.changed(guest.conn),
            Input::Unregister { present, .. } => {
                present.iter().for_each(|conn| self.changed(*conn));
            }
            Input::Join(_)
            | Input::Leave { .. }
            | Input::Say { .. }
            | Input::Ask(_)
            | Input::Post { .. }
            | Input::QuietBots { .. }
            | Input::Moderate { .. }
            | Input::SumUp
            | Input::RenewPassword { .. } => {}
        }
    }

    /// Something about accounts has happened, which the Registry tells all lobbies.
    pub(super) fn told(
        &mut self,
        input: Input<Address>,
        (at, applying): (UnixMillis, Option<Applying>),
        ctx: &mut Context<Self>,
    ) {
        match applying {
            None => self.happen(input, at, ctx),
            Some(applying) => self.apply(applying, ctx, |lobby, ctx| {
                lobby.touched(&input);
                lobby.happen(input, at, ctx);
            }),
        }
    }

    /// It was empty for too long, as far as some node knew.
    pub(super) fn expire_by_log(&mut self, Expire(applying): Expire, ctx: &mut Context<Self>) {
        // Somebody may have come in before, on another node.
        if self.room.is_empty() {
            self.apply(applying, ctx, |lobby, ctx| lobby.expire(ctx));
        }
    }
}

impl Handler<Unreachable> for Lobby {
    type Result = ();

    fn handle(&mut self, _: Unreachable, ctx: &mut Self::Context) {
        let mut given_up = Vec::new();
        for proposed in self.proposed.iter_mut() {
            let Input::Join(join) = &mut proposed.input else { continue };
            let (conn, at) = (join.member.who.conn, &mut join.member.handle);
            if join.kind.is_new() && !at.is_elsewhere() {
                // It comes out of the log as if another node had proposed it: their Session stays where it is.
                *at = Address::elsewhere(conn);
                let nothing: Then = Box::new(|_, _, _| ());
                given_up.push((conn, std::mem::replace(&mut proposed.then, nothing)));
            }
        }
        for (conn, then) in given_up {
            then(self, Err(Refusal::Unreachable), ctx);
            self.note(Input::Leave { conn, goes_on_in: None, server_stops: false }, ctx);
        }
    }
}

impl Handler<Void> for Lobby {
    type Result = ();

    fn handle(&mut self, Void(ticket): Void, ctx: &mut Self::Context) {
        if let Some(Proposed { then, .. }) = self.proposed.take(ticket) {
            then(self, Err(JoinError::NoSuchLobby.into()), ctx);
        }
    }
}
