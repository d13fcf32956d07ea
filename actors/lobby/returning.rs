//! The part of a Lobby that knows whom of this node it has let go with a life of the node that is over, though they
//! are here: they come back, have lost their name, or leave.

use actix::prelude::*;

use super::Lobby;
use super::deciding::Proposed;
use super::messages::{LifeOver, LostName, Reclaim};
use crate::actors::shard::messages::{self as shard, Address};
use crate::chat::directory::ConnId;
use crate::chat::lobby::JoinError;
use crate::chat::lobby::replay::ReplayPrefs;
use crate::chat::lobby::step::{Input, Join, JoinKind, Refusal};
use crate::render::replies::Reply;

impl Proposed {
    /// Whether it brings somebody back who was let go with the life of this node.
    fn resumes(&self, who: ConnId) -> bool {
        let Input::Join(join) = &self.input else { return false };
        join.kind == JoinKind::Resume && join.member.who.conn == who
    }
}

impl Lobby {
    /// The people of a life are gone.
    pub(super) fn life_over(&mut self, over: LifeOver, ctx: &mut Context<Self>) {
        let LifeOver { life, at, heard, applying } = over;
        // Also whose name another connection has taken, where that is on its way.
        let gone = self.room.members().filter(|member| member.life == life);
        let mut gone: Vec<ConnId> = gone.map(|member| member.who.conn).collect();
        // In one order on every node.
        gone.sort_unstable();
        let here = gone.iter().filter_map(|conn| self.room.member(*conn));
        let here = here.filter(|member| !member.handle.is_elsewhere());
        let here: Vec<_> = here.map(|member| (member.who.conn, member.clone())).collect();
        self.is_quiet = !here.is_empty();
        self.returning.extend(here);
        self.apply(applying, ctx, |lobby, ctx| {
            let mut effects = std::mem::take(&mut lobby.effects);
            lobby.room.lose(&gone, (heard, at), &mut effects);
            lobby.carry_out_all(&mut effects, ctx);
            lobby.effects = effects;
            lobby.lose_questions(life, at, ctx);
        });
        self.is_quiet = false;
    }

    /// Whoever was let go and leaves is not to come back.
    pub(super) fn comes_back_no_more(&mut self, conn: ConnId) {
        let Some(member) = self.returning.remove(&conn) else { return };
        // What has been proposed comes out of the log before they leave.
        if !self.proposed.iter().any(|proposed| proposed.resumes(conn)) {
            self.seated(member.handle, -1);
        }
    }

    /// It is no more: who was let go with the life of this node has no place here to come back to.
    pub(super) fn send_returning_away(&mut self) {
        for member in std::mem::take(&mut self.returning).into_values() {
            self.send_away(member.handle, JoinError::NoSuchLobby);
        }
    }

    fn send_away(&mut self, at: Address, why: JoinError) {
        let told = Reply::NotJoined(why);
        self.batch.one(at, |seat| shard::Effect::MoveToGeneral(seat, told));
    }
}

impl Handler<Reclaim> for Lobby {
    type Result = ();

    fn handle(&mut self, Reclaim { conns, until: _until }: Reclaim, ctx: &mut Self::Context) {
        // Who has left this lobby or the server meanwhile is not to come back.
        let gone = self.returning.extract_if(|conn, _| !conns.contains(conn));
        let gone: Vec<_> = gone.map(|(_, member)| member.handle).collect();
        gone.into_iter().for_each(|at| self.seated(at, -1));
        for conn in conns {
            let Some(member) = self.returning.get(&conn).cloned() else { continue };
            let (at, prefs) = (member.handle, ReplayPrefs::default());
            let join = Join { member, proof: None, kind: JoinKind::Resume, prefs };
            self.put(Input::Join(Box::new(join)), ctx, move |lobby, joined, _| {
                lobby.returning.remove(&conn);
                if let Err(Refusal::Join(why @ JoinError::Banned(..))) = joined {
                    lobby.seated(at, -1);
                    lobby.send_away(at, why);
                }
            });
        }
    }
}

impl Handler<LostName> for Lobby {
    type Result = ();

    fn handle(&mut self, LostName(at, ends): LostName, _: &mut Self::Context) {
        let conn = at.seat.conn;
        let waiting = self.proposed.iter().filter_map(|proposed| match &proposed.input {
            Input::Say { conn: by, saying, .. } if by == &conn => Some(saying.text.clone()),
            _ => None,
        });
        let not_sent = waiting.collect();
        // Whoever was coming in just then is not counted.
        if self.returning.remove(&conn).is_some() {
            self.seated(at, -1);
        }
        self.flush();
        if let Some(shard) = self.setup.shards.get(at.shard) {
            shard.do_send(shard::LostName { seat: at.seat, not_sent, ends });
        }
    }
}
