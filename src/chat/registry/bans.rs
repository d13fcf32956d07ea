//! What admins do to the whole server: bans, their end, announcements.

use super::{Cause, Effect, People, User};
use crate::chat::accounts::Identity;
use crate::chat::change::Change;
use crate::chat::directory::ConnId;
use crate::chat::history::UnixMillis;
use crate::chat::kept::{AuditEntry, SanctionKind, Scope};
use crate::chat::moderation::ServerModeration;
use crate::chat::name::Name;
use crate::chat::orders::{
    OrderError, ServerOrder, plan_server_ban, plan_server_kick, plan_server_unban, server_rank,
};
use crate::chat::sanctions::{Sanction, guests_besides};
use crate::chat::text::Line;

/// A ban from the server as it is stored.
pub fn server_ban(ban: &Sanction) -> Change {
    Change::SanctionSet { kind: SanctionKind::Ban, scope: Scope::Server, sanction: ban.clone() }
}

/// What is kept of a moderation of the server, with its entry in the audit, which is `told`.
pub fn server_changes(
    what: &ServerModeration,
    by: &Name,
    told: Line,
    now: UnixMillis,
) -> Vec<Change> {
    let mut changes = match what {
        ServerModeration::Ban { ban, .. } => vec![server_ban(ban)],
        ServerModeration::Unban { lifted, .. } => {
            Change::lifted(SanctionKind::Ban, Scope::Server, lifted)
        }
        ServerModeration::Announce(_) | ServerModeration::Kick { .. } => Vec::new(),
    };
    let entry = AuditEntry { scope: Scope::Server, at: now, who: by.clone(), what: told };
    changes.push(Change::Audited(entry));
    changes
}

fn is_struck(who: &Identity, ban: &Sanction, conn: Option<ConnId>) -> bool {
    ban.strikes(who, conn) && !who.admin
}

impl<H: Clone> People<H> {
    /// Users whom a ban strikes besides the one whom it was meant for, by name: others of their address.
    pub fn also_struck(&self, what: &ServerModeration) -> Vec<Name> {
        let ServerModeration::Ban { ban, conn } = what else { return Vec::new() };
        let users = self.users.iter().map(|user| &user.who);
        guests_besides(*conn, users.filter(|who| is_struck(who, ban, *conn)))
    }

    /// The bans from the server that hold, by name and then by age.
    pub fn bans(&self, now: UnixMillis) -> Vec<Sanction> {
        self.bans.list(now).into_iter().cloned().collect()
    }

    /// Whether somebody may do this to the whole server, and what comes of it.
    ///
    /// # Errors
    /// Why not.
    pub fn propose_moderation(
        &self,
        by: &Identity,
        order: ServerOrder,
        now: UnixMillis,
    ) -> Result<ServerModeration, OrderError> {
        match order {
            ServerOrder::Announce(text) => {
                ServerOrder::RIGHT.check(by, server_rank(by.admin))?;
                Ok(ServerModeration::Announce(text))
            }
            ServerOrder::Ban { whom, terms } => plan_server_ban(&self.bans, by, &whom, terms, now),
            ServerOrder::Unban(named) => plan_server_unban(&self.bans, by, &named, now),
            ServerOrder::Kick { whom, reason } => plan_server_kick(by, &whom, reason),
        }
    }

    pub(super) fn moderated(
        &mut self,
        by: Name,
        what: ServerModeration,
        at: UnixMillis,
    ) -> Vec<Effect<H>> {
        let mut effects = Vec::new();
        match what {
            ServerModeration::Ban { ban, conn } => {
                self.bans.forget_ended(at);
                self.bans.impose(ban.clone(), conn);
                let struck = self.users.iter().filter(|user| is_struck(&user.who, &ban, conn));
                effects.extend(struck.filter_map(|user| self.shut_out(user, at)));
                // A guest who has made an account while this was being stored.
                let user = conn.and_then(|conn| self.users.get(conn)).map(|user| user.who.clone());
                let user = user.filter(|_| ban.is_of_guest());
                effects.extend(user.and_then(|user| self.ban_account(&user, at)));
            }
            ServerModeration::Unban { lifted, .. } => {
                lifted.iter().for_each(|key| _ = self.bans.lift(key));
            }
            ServerModeration::Announce(text) => effects.push(Effect::Announce { by, text }),
            ServerModeration::Kick { conn, account, reason, .. } => {
                // Another connection of the account may have taken its place meanwhile.
                let other = || self.users.find_account(&self.accounts, account?);
                let user = self.users.get(conn).or_else(other);
                let kicked =
                    |user: &User<H>| Effect::Disconnect(user.handle.clone(), Cause::Kicked(reason));
                effects.extend(user.map(kicked));
            }
        }
        effects
    }

    /// The end of a connection whose user is banned from the server, where they are.
    pub(super) fn shut_out(&self, user: &User<H>, at: UnixMillis) -> Option<Effect<H>> {
        let penalty = self.bans.penalty(&user.who, at)?;
        Some(Effect::Disconnect(user.handle.clone(), Cause::Banned(penalty)))
    }

    /// A guest is banned from the server who has an account by now: that one is too.
    pub(super) fn ban_account(&mut self, user: &Identity, at: UnixMillis) -> Option<Effect<H>> {
        let ban = self.bans.for_account(&user.as_guest(), user.account?, at)?;
        let kept = Effect::Keep(server_ban(&ban));
        self.bans.impose(ban, Some(user.conn));
        Some(kept)
    }
}
