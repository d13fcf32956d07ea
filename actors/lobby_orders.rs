//! The part of the Lobby that carries out what its owners and operators order.
//!
//! An order is checked, stored, and only then carried out and told: one that fails has changed nothing.

use actix::prelude::*;
use bytes::Bytes;
use log::info;

use super::lobby::Lobby;
use super::lobby_keep::stored;
use super::messages::{
    Act, Away, Banned, Carry, HasRight, ListBans, LobbyChanged, NotSet, Registered, Renamed,
    SetPrompt, Undone, Unregistered, Whereabouts,
};
use super::unix_now;
use crate::chat::accounts::Subject;
use crate::chat::deeds::Deed;
use crate::chat::directory::ConnId;
use crate::chat::history::UnixMillis;
use crate::chat::name::Name;
use crate::chat::render::{self, Notice, block};
use crate::chat::replies::{ModerationReply, Reply, reply};
use crate::chat::roles::{Denied, Rank};
use crate::chat::room::Member;
use crate::chat::sanctions::Sanction;
use crate::store::{self, Change, SanctionKind, Scope};

impl Lobby {
    fn carry_out(&mut self, by: &Name, deed: &Deed, now: UnixMillis, ctx: &mut Context<Self>) {
        if let Deed::SetPassword(_) = deed {
            self.profile.password_at = now;
        }
        self.room.apply(deed, now);
        info!("lobby '{}': {by} did {}", self.room.name(), deed.verb());
        self.batch.notice(|sheet| render::notice(sheet, &Notice::Did(by, deed)));
        let told = self.told_removed(by, deed);
        for (conn, at) in self.removed(deed) {
            self.let_go(conn, ctx);
            self.batch.one(at, |seat| Act::Expelled(seat, told.clone()));
        }
        if let Deed::Delete(_) = deed {
            return self.close(told, ctx);
        }
        self.changed(ctx);
    }

    /// The lobby is deleted: everybody in it has to go.
    fn close(&mut self, told: Bytes, ctx: &mut Context<Self>) {
        let members: Vec<_> = self.room.members().map(|member| member.handle).collect();
        for at in members {
            self.batch.one(at, |seat| Act::Expelled(seat, told.clone()));
        }
        self.flush();
        self.ended = true;
        ctx.stop();
    }

    /// Who has to go. A ban is of all that it is about, however many connections they have.
    fn removed(&self, deed: &Deed) -> Vec<(ConnId, Whereabouts)> {
        let goes = |member: &&Member<Whereabouts>| match deed {
            Deed::Ban { ban, .. } => {
                member.who.subject() == ban.subject
                    && self.room.charter().rank(&member.who) == Rank::Member
            }
            _ => deed.removes() == Some(member.who.conn),
        };
        let members = self.room.members().filter(goes);
        members.map(|member| (member.who.conn, member.handle)).collect()
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
    fn told_removed(&self, by: &Name, deed: &Deed) -> Bytes {
        let removed = ModerationReply::Removed { by, deed, lobby: self.room.name() };
        block(|sheet| reply(sheet, &Reply::Moderation(removed)))
    }

    /// Tells the Registry what it lists of this lobby.
    pub(super) fn tell_registry(&self) {
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

impl Handler<Carry> for Lobby {
    type Result = ResponseActFuture<Self, Result<Deed, Undone>>;

    fn handle(&mut self, Carry { by, right, order }: Carry, _: &mut Self::Context) -> Self::Result {
        let now = unix_now();
        let deed = match self.room.plan((&by, right), order, now) {
            Ok(deed) => deed,
            Err(why) => return Box::pin(fut::ready(Err(why.into()))),
        };
        let changes = self.changes(&deed, &by.name, now);
        let store = self.setup.store.clone();
        let commit = async move { store.commit(changes).await };
        Box::pin(commit.into_actor(self).map(move |stored, lobby, ctx| {
            stored?;
            lobby.carry_out(&by.name, &deed, now, ctx);
            Ok(deed)
        }))
    }
}

impl Handler<SetPrompt> for Lobby {
    type Result = ResponseActFuture<Self, Result<(), NotSet>>;

    fn handle(
        &mut self,
        SetPrompt(conn, prompt): SetPrompt,
        _: &mut Self::Context,
    ) -> Self::Result {
        if let Err(why) = self.room.may_set_prompt(conn) {
            return Box::pin(fut::ready(Err(why.into())));
        }
        let row = store::Lobby { prompt: Some(prompt.clone()), ..self.row() };
        let store = self.setup.store.clone();
        let commit = async move { store.commit(vec![Change::LobbyPut(row)]).await };
        Box::pin(commit.into_actor(self).map(move |stored, lobby, ctx| {
            stored.map_err(|_| NotSet::NotStored)?;
            lobby.room.set_prompt(prompt);
            if let Some(member) = lobby.room.member(conn) {
                let notice = Notice::PromptSet(&member.who.name);
                lobby.batch.notice(|sheet| render::notice(sheet, &notice));
            }
            lobby.changed(ctx);
            Ok(())
        }))
    }
}

impl Handler<ListBans> for Lobby {
    type Result = Result<Banned, Denied>;

    fn handle(&mut self, ask: ListBans, _: &mut Self::Context) -> Self::Result {
        let ListBans { by, right, skip, max } = ask;
        let charter = self.room.charter();
        charter.check(&by, right)?;
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
            let notice = Notice::Renamed(&before, &name);
            self.batch.notice(|sheet| render::notice(sheet, &notice));
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

impl Handler<Registered> for Lobby {
    type Result = ();

    fn handle(&mut self, made: Registered, ctx: &mut Self::Context) {
        let now = unix_now();
        let mute = self.room.mute_of(made.conn, now).cloned();
        if self.room.registered(made.conn, made.account, made.admin) {
            self.changed(ctx);
        }
        // Whoever was muted as a guest still is.
        if let Some(mute) = mute {
            let mute = Sanction { subject: Subject::Account(made.account), ..mute };
            let scope = Scope::Lobby(self.id);
            self.kept.push(Change::SanctionSet(stored(SanctionKind::Mute, scope, &mute)));
            self.room.apply(&Deed::Mute { mute, conn: Some(made.conn) }, now);
        }
    }
}

impl Handler<Unregistered> for Lobby {
    type Result = ();

    fn handle(&mut self, gone: Unregistered, ctx: &mut Self::Context) {
        if self.room.unregistered(gone.account, gone.conn) {
            self.changed(ctx);
        }
    }
}
