//! The part of the Registry that the operator's console asks: who and what there is, and the passwords that
//! the operator gives accounts.

use std::sync::Arc;

use log::info;

use crate::actors::guard::{Answers, Ctx, Reply};
use crate::actors::log::Log;
use crate::actors::registry::Registry;
use crate::actors::registry::deciding::{self, NotDone};
use crate::actors::registry::messages::{
    CountConnections, GivePassword, GivePasswordError, ListAllLobbies, ListServerBans, ListUsers,
    ListedLobby, ListedUser, PasswordGiven,
};
use crate::actors::shard::messages::DisconnectSeat;
use crate::actors::store::StoreHandle;
use crate::actors::store::messages::{ReadAccount, ReadKeys};
use crate::chat::kept::{AuditEntry, Scope};
use crate::chat::name::Name;
use crate::chat::password::PasswordRecord;
use crate::chat::registry::{GiveError, GivenPassword, Happening};
use crate::chat::roles::Owner;
use crate::chat::sanctions::Sanction;
use crate::chat::text::Line;
use crate::logging::event;
use crate::render::replies::Farewell;
use crate::store::{Account, Change, StoreError};

impl Registry {
    /// Whose a lobby is, by name.
    fn owner(&self, owner: Owner) -> Option<Name> {
        match owner {
            Owner::Server | Owner::Nobody => None,
            Owner::Account(account) => self.people.accounts().name(account).cloned(),
            Owner::Guest(conn) => self.people.users().get(conn).map(|user| user.who.name.clone()),
        }
    }
}

impl Answers<CountConnections> for Registry {
    fn failed() -> Option<usize> {
        None
    }

    fn answer(&mut self, _: CountConnections, _: &mut Ctx<Self>) -> Reply<Self, Option<usize>> {
        Reply::now(|| Some(self.connections.len()))
    }
}

impl Answers<ListUsers> for Registry {
    fn failed() -> Option<Vec<ListedUser>> {
        None
    }

    fn answer(&mut self, _: ListUsers, _: &mut Ctx<Self>) -> Reply<Self, Option<Vec<ListedUser>>> {
        Reply::now(|| {
            let listed = self.people.users().iter().map(|user| {
                let lobby = user.place.lobby().and_then(|id| self.lobbies.get(id));
                ListedUser {
                    who: user.who.clone(),
                    lobby: lobby.map(|entry| entry.state.name.clone()),
                    away: user.away.is_some(),
                }
            });
            Some(listed.collect())
        })
    }
}

impl Answers<ListServerBans> for Registry {
    fn failed() -> Option<Vec<Sanction>> {
        None
    }

    fn answer(
        &mut self,
        _: ListServerBans,
        _: &mut Ctx<Self>,
    ) -> Reply<Self, Option<Vec<Sanction>>> {
        let now = self.now();
        Reply::now(|| Some(self.people.bans(now)))
    }
}

impl Answers<ListAllLobbies> for Registry {
    fn failed() -> Option<Vec<ListedLobby>> {
        None
    }

    fn answer(
        &mut self,
        _: ListAllLobbies,
        _: &mut Ctx<Self>,
    ) -> Reply<Self, Option<Vec<ListedLobby>>> {
        Reply::now(|| {
            let listed = self.lobbies.iter().map(|entry| ListedLobby {
                state: entry.state.clone(),
                users: entry.users,
                owner: self.owner(entry.state.owner),
                used_at: entry.used_at.max(entry.state.used_at),
            });
            Some(listed.collect())
        })
    }
}

impl Answers<GivePassword> for Registry {
    fn failed() -> Result<PasswordGiven, GivePasswordError> {
        Err(GivePasswordError::Busy)
    }

    fn answer(
        &mut self,
        GivePassword { name, record }: GivePassword,
        ctx: &mut Ctx<Self>,
    ) -> Reply<Self, Result<PasswordGiven, GivePasswordError>> {
        let given = match self.people.propose_password(&name) {
            Ok(given) => given,
            Err(why) => return Reply::Now(Err(why.into())),
        };
        self.people.begin_password(&given);
        // First, so that whoever is logged in to it has no time to change it once more.
        let present = self.people.logged_in_to(given.account).map(|user| user.handle);
        if let Some(at) = present
            && let Some(shard) = self.shard(at.shard)
        {
            shard.do_send(DisconnectSeat(at.seat, Farewell::NewPassword, None));
        }
        let (store, planned, me) = (self.store.clone(), given.clone(), ctx.address());
        let work = async move {
            let Password { changes, certs, before } =
                plan_password(&store, &planned, record).await?;
            let given = Happening::PasswordGiven { given: planned, before };
            deciding::propose(&me, given, changes).await?;
            Ok::<_, GivePasswordError>(certs)
        };
        Reply::after(work, move |registry: &mut Self, stored, _| {
            let certs = stored.map_err(|why| {
                registry.people.end_password(&given);
                registry.why_not_given(&given.name, why)
            })?;
            let (name, made) = (given.name.clone(), given.made);
            info!(event = event::PASSWORD_GIVEN, user = name.as_str(); "the operator gave {name} a password");
            // It may have been given up meanwhile.
            registry.people.accounts().find(&name.key()).ok_or(GivePasswordError::Busy)?;
            Ok(PasswordGiven { name, made, certs, disconnected: present.is_some() })
        })
    }
}

impl Registry {
    /// Why an account has no password of the operator's: another node may just have made it, or have let somebody in
    /// under its name.
    fn why_not_given(&self, name: &Name, why: GivePasswordError) -> GivePasswordError {
        match (why, &self.log) {
            (GivePasswordError::Busy, Log::Shared(log)) if !log.is_away() => {
                let why = self.people.propose_password(name).err();
                why.unwrap_or(GiveError::Pending).into()
            }
            (why, _) => why,
        }
    }
}

/// A password that an account is to have.
struct Password {
    /// What lasts of it, with all that is to go with the one before.
    changes: Vec<Change>,
    /// How many certificates go.
    certs: usize,
    /// The record of the one before.
    before: Option<Arc<PasswordRecord>>,
}

async fn plan_password(
    store: &StoreHandle,
    GivenPassword { account, name, made }: &GivenPassword,
    record: Arc<PasswordRecord>,
) -> Result<Password, GivePasswordError> {
    let (account, made) = (*account, *made);
    let mut changes = Vec::new();
    let (mut certs, mut before) = (0, None);
    if made {
        let made = Account::new(account, name.clone(), record, store.log().now());
        changes.push(Change::AccountPut(made));
    } else {
        let known = store.ask(ReadAccount(name.key())).await?;
        before = Some(known.ok_or(GivePasswordError::Busy)?.record);
        // Whoever had it so far may have tied keys to it, which ask for no password.
        let known = store.ask(ReadKeys(account)).await?;
        certs = known.len();
        let remove = |key| Change::key_removed(account, key);
        changes.extend(known.into_iter().map(remove));
        changes.push(Change::PasswordSet { account, record });
    }
    changes.push(Change::AccountVouched(account));
    let done = if made { "made the account" } else { "set the password of" };
    let what = Line::clean(&format!("{done} {name}"));
    let entry =
        AuditEntry { scope: Scope::Server, at: store.log().now(), who: Name::console(), what };
    changes.push(Change::Audited(entry));
    Ok(Password { changes, certs, before })
}

impl From<StoreError> for GivePasswordError {
    fn from(_: StoreError) -> Self {
        Self::NotStored
    }
}

impl From<NotDone> for GivePasswordError {
    fn from(why: NotDone) -> Self {
        match why {
            NotDone::NotStored(why) => why.into(),
            NotDone::TooLate => Self::Busy,
        }
    }
}
