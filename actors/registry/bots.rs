//! The part of the Registry that has bots made and deleted, and knows whose a hook is.

use log::info;

use crate::actors::guard::{Answers, Ctx, Reply};
use crate::actors::registry::Registry;
use crate::actors::registry::deciding::NotDone;
use crate::actors::registry::messages::{
    BotNotDone, DeleteBot, FindHook, HookRef, ListBots, MakeBot, MayBeNamed,
};
use crate::chat::bot::Bot;
use crate::chat::directory::ConnId;
use crate::chat::history::UnixMillis;
use crate::chat::kept::{AuditEntry, Scope};
use crate::chat::name::Name;
use crate::chat::registry::{ClaimError, Happening, NewBot};
use crate::chat::text::Line;
use crate::logging::event;
use crate::store::{Account, Change};

impl Registry {
    /// What somebody does about a bot, for the audit of the server: who speaks there is the admins' business.
    fn audited(&self, conn: ConnId, done: &str, bot: &Name, at: UnixMillis) -> Option<Change> {
        let who = self.people.users().get(conn)?.who.name.clone();
        let what = Line::clean(&format!("{done} the bot {bot}"));
        Some(Change::Audited(AuditEntry { scope: Scope::Server, at, who, what }))
    }
}

impl From<NotDone> for BotNotDone {
    fn from(why: NotDone) -> Self {
        match why {
            NotDone::NotStored(_) => Self::NotStored,
            NotDone::TooLate => Self::Busy,
        }
    }
}

impl Answers<MakeBot> for Registry {
    fn failed() -> Result<(), BotNotDone> {
        Err(BotNotDone::Busy)
    }

    fn answer(
        &mut self,
        MakeBot { conn, name, token }: MakeBot,
        _: &mut Ctx<Self>,
    ) -> Reply<Self, Result<(), BotNotDone>> {
        let now = self.now();
        let new = match self.people.propose_bot(conn, &name) {
            Ok(new) => new,
            Err(why) => return Reply::Now(Err(why.into())),
        };
        self.people.begin_bot(&new);
        let NewBot { account, owner, .. } = new;
        let account = Account::of_bot(account, name.clone(), Bot { owner, token }, now);
        let audited = self.audited(conn, "made", &name, now);
        let changes = [Change::AccountPut(account)].into_iter().chain(audited).collect();
        self.bring_about(Happening::BotMade(new.clone()), changes, move |registry, done| {
            if let Err(why) = done {
                registry.people.end_bot(&new);
                // Another node may have been quicker.
                let why_not = registry.people.propose_bot(conn, &name).err();
                return Err(why_not.map_or_else(|| why.into(), BotNotDone::Rule));
            }
            info!(event = event::BOT_ADDED, conn = conn.number(); "the bot {name} was added");
            Ok(())
        })
    }
}

impl Answers<DeleteBot> for Registry {
    fn failed() -> Result<Option<Name>, BotNotDone> {
        Err(BotNotDone::Busy)
    }

    fn answer(
        &mut self,
        DeleteBot { conn, key }: DeleteBot,
        _: &mut Ctx<Self>,
    ) -> Reply<Self, Result<Option<Name>, BotNotDone>> {
        let now = self.now();
        let Some(account) = self.people.bot_named(conn, &key) else { return Reply::Now(Ok(None)) };
        let Some(name) = self.people.accounts().name(account).cloned() else {
            return Reply::Now(Ok(None));
        };
        let audited = self.audited(conn, "deleted", &name, now);
        let changes = [Change::AccountRemoved(account)].into_iter().chain(audited).collect();
        self.bring_about(Happening::BotGone { account }, changes, move |_, done| {
            done?;
            info!(event = event::BOT_DELETED, conn = conn.number(); "the bot {name} was deleted");
            Ok(Some(name))
        })
    }
}

impl Answers<ListBots> for Registry {
    fn failed() -> Vec<(Name, bool)> {
        Vec::new()
    }

    fn answer(
        &mut self,
        ListBots(conn): ListBots,
        _: &mut Ctx<Self>,
    ) -> Reply<Self, Vec<(Name, bool)>> {
        Reply::now(|| self.people.bots(conn))
    }
}

impl Answers<MayBeNamed> for Registry {
    fn failed() -> Result<(), ClaimError> {
        Err(ClaimError::Taken)
    }

    fn answer(
        &mut self,
        MayBeNamed(name): MayBeNamed,
        _: &mut Ctx<Self>,
    ) -> Reply<Self, Result<(), ClaimError>> {
        Reply::now(|| self.people.users().may_be_named(self.people.accounts(), &name))
    }
}

impl Answers<FindHook> for Registry {
    fn failed() -> Option<HookRef> {
        None
    }

    fn answer(
        &mut self,
        FindHook(token): FindHook,
        _: &mut Ctx<Self>,
    ) -> Reply<Self, Option<HookRef>> {
        Reply::now(|| {
            let (entry, hook) = self.lobbies.by_hook(&token)?;
            Some(HookRef { hook: hook.name.clone(), lobby: entry.handle.clone() })
        })
    }
}
