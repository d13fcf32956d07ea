//! The part of the Registry that carries out what admins order for the whole server.

use std::sync::Arc;

use log::info;

use crate::actors::guard::{Answers, Ctx, Reply};
use crate::actors::registry::Registry;
use crate::actors::registry::messages::{ModerateError, ModerateServer};
use crate::actors::shard::messages::{Address, Announce};
use crate::actors::unix_now;
use crate::chat::accounts::Identity;
use crate::chat::history::UnixMillis;
use crate::chat::lobby::lifted;
use crate::chat::moderation::ServerModeration;
use crate::chat::name::Name;
use crate::chat::orders::{
    OrderError, ServerOrder, plan_server_ban, plan_server_unban, server_rank,
};
use crate::chat::sanctions::Sanction;
use crate::chat::users::User;
use crate::render::replies::Farewell;
use crate::render::server_sentence;
use crate::store::{AuditEntry, Change, SanctionKind, Scope};

/// A ban from the server as it is stored.
pub(super) fn server_ban(ban: &Sanction) -> Change {
    Change::SanctionSet { kind: SanctionKind::Ban, scope: Scope::Server, sanction: ban.clone() }
}

impl Registry {
    /// Does what has been stored, and tells whom it concerns.
    fn happen(&mut self, by: &Name, what: &ServerModeration, now: UnixMillis) {
        info!("{by} did {}", what.verb());
        match what {
            ServerModeration::Ban { ban, conn } => {
                self.bans.forget_ended(now);
                // Another guest of the address may have got a longer one while this was being stored.
                let standing = self.bans.standing(ban);
                if standing != *ban {
                    self.store.keep(vec![server_ban(&standing)]);
                }
                self.bans.impose(standing, *conn);
                let meant = |user: &&User<Address>| {
                    user.who.subject() == ban.subject || Some(user.who.conn) == *conn
                };
                for user in self.users.iter().filter(meant) {
                    self.expel(user.handle, Farewell::Banned);
                }
                // A guest who has made an account while this was being stored.
                let user = conn.and_then(|conn| self.users.get(conn)).map(|user| user.who.clone());
                if let Some(user) = user.filter(|_| ban.is_of_guest()) {
                    self.ban_account(&user, now);
                }
            }
            ServerModeration::Unban { subjects, .. } => {
                subjects.iter().for_each(|subject| _ = self.bans.lift(*subject));
            }
            ServerModeration::Announce(text) => {
                let announce = Announce { by: by.clone(), text: text.clone() };
                self.shards().for_each(|shard| shard.do_send(announce.clone()));
            }
        }
    }

    /// A guest is banned from the server who has an account by now: that one is too.
    pub(super) fn ban_account(&mut self, user: &Identity, now: UnixMillis) {
        let Some(account) = user.account else { return };
        let guest = user.as_guest();
        if let Some(ban) = self.bans.for_account(&guest, account, now) {
            self.store.keep(vec![server_ban(&ban)]);
            self.bans.impose(ban, Some(user.conn));
        }
    }

    fn plan(
        &self,
        moderate: ModerateServer,
        now: UnixMillis,
    ) -> Result<ServerModeration, OrderError> {
        let ModerateServer { by, order } = moderate;
        match order {
            ServerOrder::Announce(text) => {
                ServerOrder::RIGHT.check(&by, server_rank(by.admin))?;
                Ok(ServerModeration::Announce(text))
            }
            ServerOrder::Ban { whom, time, reason } => {
                plan_server_ban(&self.bans, &by, &whom, (time, reason), now)
            }
            ServerOrder::Unban(named) => plan_server_unban(&self.bans, &by, &named, now),
        }
    }
}

impl Answers<ModerateServer> for Registry {
    fn failed() -> Result<Arc<ServerModeration>, ModerateError> {
        Err(ModerateError::Busy)
    }

    fn answer(
        &mut self,
        moderate: ModerateServer,
        _: &mut Ctx<Self>,
    ) -> Reply<Self, Result<Arc<ServerModeration>, ModerateError>> {
        let (now, by) = (unix_now(), moderate.by.name.clone());
        let what = match self.plan(moderate, now) {
            Ok(what) => Arc::new(what),
            Err(why) => return Reply::Now(Err(why.into())),
        };
        let mut changes = match &*what {
            ServerModeration::Ban { ban, .. } => vec![server_ban(ban)],
            ServerModeration::Unban { subjects, .. } => {
                lifted(SanctionKind::Ban, Scope::Server, subjects)
            }
            ServerModeration::Announce(_) => Vec::new(),
        };
        let told = server_sentence(&what);
        let entry = AuditEntry { scope: Scope::Server, at: now, who: by.clone(), what: told };
        changes.push(Change::Audited(entry));
        let store = self.store.clone();
        let commit = async move { store.commit(changes).await };
        Reply::after(commit, move |registry: &mut Self, stored, _| {
            stored?;
            registry.happen(&by, &what, now);
            Ok(what)
        })
    }
}
