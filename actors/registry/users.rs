//! The part of the Registry that knows who is there: names, logins, where each is.

use crate::actors::guard::{Answers, Ctx, Reply};
use crate::actors::log::Log;
use crate::actors::registry::Registry;
use crate::actors::registry::messages::{
    Before, Claim, FindNear, FindOffender, FindTarget, FindUser, Known, KnownPresence, LobbyRef,
    LogIn, LoggedIn, MayLook, NamesKnown, Relay, Relayed, Rename, SetAway, TakeOver, To, Whois,
    Whose,
};
use crate::actors::shard::messages::{Address, Letter, Show};
use crate::chat::accounts::{Identity, Target};
use crate::chat::name::Name;
use crate::chat::registry::{ClaimError, Happening, LoginError, RenameError, User};

const BUSY: LoginError = LoginError::Name(ClaimError::Taken);

impl Registry {
    /// Where a private message goes: to somebody who is connected, or to an account.
    fn receiver(&self, to: &To) -> Option<Target> {
        match to {
            To::Name(key) => self.people.target(key),
            To::Person(person) => self.people.target_of(person),
        }
    }

    /// The lobby that a user is in, else general.
    fn lobby_ref_of(&self, user: &User<Address>) -> Option<LobbyRef> {
        let entry = user.place.lobby().and_then(|id| self.lobbies.get(id));
        entry.map(|entry| self.lobby_ref(entry)).or_else(|| self.general())
    }
}

impl Answers<Claim> for Registry {
    fn failed() -> Result<LobbyRef, LoginError> {
        Err(BUSY)
    }

    fn answer(
        &mut self,
        Claim { who, at }: Claim,
        _: &mut Ctx<Self>,
    ) -> Reply<Self, Result<LobbyRef, LoginError>> {
        let now = self.now();
        let came_in = match self.people.propose_claim(who, at, now) {
            Ok(came_in) => came_in,
            Err(why) => return Reply::Now(Err(why)),
        };
        self.bring_about(came_in, Vec::new(), |registry, done| {
            done.map_err(|_| LoginError::Name(ClaimError::Taken))?;
            registry.general().ok_or(BUSY)
        })
    }
}

impl Answers<MayLook> for Registry {
    fn failed() -> Result<LobbyRef, LoginError> {
        Err(BUSY)
    }

    fn answer(
        &mut self,
        MayLook(who): MayLook,
        _: &mut Ctx<Self>,
    ) -> Reply<Self, Result<LobbyRef, LoginError>> {
        let now = self.now();
        Reply::now(|| {
            self.people.may_come(&who, now)?;
            self.general().ok_or(BUSY)
        })
    }
}

impl Answers<LogIn> for Registry {
    fn failed() -> Result<LoggedIn, LoginError> {
        Err(BUSY)
    }

    fn answer(
        &mut self,
        LogIn { who, record, at }: LogIn,
        _: &mut Ctx<Self>,
    ) -> Reply<Self, Result<LoggedIn, LoginError>> {
        let (now, conn) = (self.now(), who.conn);
        if who.account.is_some_and(|account| self.people.is_void(account, &record)) {
            return Reply::Now(Err(BUSY));
        }
        let came_in = match self.people.propose_login(who, at, now) {
            Ok(came_in) => came_in,
            Err(why) => return Reply::Now(Err(why)),
        };
        self.bring_about(came_in, Vec::new(), move |registry, done| {
            done.map_err(|_| BUSY)?;
            let before = match registry.people.taken_over_by(conn).cloned() {
                Some(user) => {
                    let lobby_ref = registry.lobby_ref_of(&user).ok_or(BUSY)?;
                    let shard = registry.shard(user.handle.shard).cloned();
                    Some(Before { user, lobby_ref, shard })
                }
                None => None,
            };
            Ok(LoggedIn { before })
        })
    }
}

impl Answers<TakeOver> for Registry {
    fn failed() {}

    fn answer(&mut self, TakeOver(conn): TakeOver, _: &mut Ctx<Self>) -> Reply<Self, ()> {
        Reply::now(|| self.took_over(conn))
    }
}

impl Answers<Rename> for Registry {
    fn failed() -> Result<Name, RenameError> {
        Err(ClaimError::Taken.into())
    }

    fn answer(
        &mut self,
        Rename(conn, name): Rename,
        _: &mut Ctx<Self>,
    ) -> Reply<Self, Result<Name, RenameError>> {
        let now = self.now();
        let is_muted = |who: &Identity| self.lobbies.mute(who, now);
        let renamed = match self.people.propose_rename(conn, name, is_muted) {
            Ok(renamed) => renamed,
            Err(why) => return Reply::Now(Err(why)),
        };
        let before = self.people.users().get(conn).map(|user| user.who.name.clone());
        self.bring_about(renamed, Vec::new(), move |_, done| {
            done.map_err(|_| ClaimError::Taken)?;
            Ok(before.ok_or(ClaimError::Taken)?)
        })
    }
}

impl Answers<SetAway> for Registry {
    fn failed() {}

    fn answer(&mut self, SetAway(conn, text): SetAway, _: &mut Ctx<Self>) -> Reply<Self, ()> {
        self.bring_about(Happening::Away { conn, text }, Vec::new(), |_, _| ())
    }
}

impl Answers<FindUser> for Registry {
    fn failed() -> Option<User<Address>> {
        None
    }

    fn answer(
        &mut self,
        FindUser(key): FindUser,
        _: &mut Ctx<Self>,
    ) -> Reply<Self, Option<User<Address>>> {
        Reply::now(|| self.people.users().find(&key).cloned())
    }
}

impl Answers<FindNear> for Registry {
    fn failed() -> Option<Name> {
        None
    }

    fn answer(&mut self, FindNear(key): FindNear, _: &mut Ctx<Self>) -> Reply<Self, Option<Name>> {
        Reply::now(|| self.people.users().near(&key).cloned())
    }
}

impl Answers<NamesKnown> for Registry {
    fn failed() -> Vec<Name> {
        Vec::new()
    }

    fn answer(
        &mut self,
        NamesKnown { whose, begins, max }: NamesKnown,
        _: &mut Ctx<Self>,
    ) -> Reply<Self, Vec<Name>> {
        Reply::now(|| {
            let mut names: Vec<Name> = match whose {
                Whose::Users => {
                    let all = self.people.users().iter().map(|user| &user.who.name);
                    all.filter(|name| name.begins_like(&begins)).cloned().collect()
                }
                Whose::Lobbies => {
                    let all = self.lobbies.iter().map(|lobby| &lobby.state.name);
                    all.filter(|name| name.begins_like(&begins)).cloned().collect()
                }
            };
            names.sort_unstable_by_key(Name::key);
            names.truncate(max);
            names
        })
    }
}

impl Answers<FindTarget> for Registry {
    fn failed() -> Option<Target> {
        None
    }

    fn answer(
        &mut self,
        FindTarget(key): FindTarget,
        _: &mut Ctx<Self>,
    ) -> Reply<Self, Option<Target>> {
        Reply::now(|| self.people.target(&key))
    }
}

impl Answers<FindOffender> for Registry {
    fn failed() -> Option<Target> {
        None
    }

    fn answer(
        &mut self,
        FindOffender(key): FindOffender,
        _: &mut Ctx<Self>,
    ) -> Reply<Self, Option<Target>> {
        Reply::now(|| self.people.offender(&key, self.log.now()))
    }
}

impl Answers<Whois> for Registry {
    fn failed() -> Option<Known> {
        None
    }

    fn answer(&mut self, Whois(key): Whois, _: &mut Ctx<Self>) -> Reply<Self, Option<Known>> {
        Reply::now(|| {
            let account = self.people.accounts().find(&key);
            let owner = account.and_then(|account| self.people.accounts().bot_of(account));
            let bot_of = owner.and_then(|owner| self.people.accounts().name(owner)).cloned();
            let Some(user) = self.people.users().find(&key) else {
                let name = self.people.accounts().name(account?)?.clone();
                return Some(Known { name, account, bot_of, present: None });
            };
            let entry = user.place.lobby().and_then(|id| self.lobbies.get(id));
            let open = entry.filter(|entry| !entry.state.is_private());
            let present = KnownPresence {
                conn: user.who.conn,
                at: user.handle,
                shard: self.shard(user.handle.shard).cloned(),
                away: user.away.clone(),
                lobby: open.map(|entry| entry.state.name.clone()),
            };
            let (name, account) = (user.who.name.clone(), user.who.account);
            Some(Known { name, account, bot_of, present: Some(present) })
        })
    }
}

impl Answers<Relay> for Registry {
    fn failed() -> Relayed {
        Relayed::Nobody
    }

    fn answer(
        &mut self,
        Relay { to, from, by, text }: Relay,
        _: &mut Ctx<Self>,
    ) -> Reply<Self, Relayed> {
        let user = match self.receiver(&to) {
            Some(Target::Present(who)) => self.people.users().get(who.conn),
            Some(Target::Departed(_)) | None => None,
            // A bot reads no mail.
            Some(target @ Target::Absent { .. }) if target.is_bot() => {
                return Reply::Now(Relayed::Nobody);
            }
            Some(Target::Absent { account, name, .. }) => {
                return Reply::Now(Relayed::Absent { account, name });
            }
        };
        let Some(user) = user else { return Reply::Now(Relayed::Nobody) };
        match (self.shard(user.handle.shard), &self.log) {
            (Some(shard), _) => {
                let (seat, letter) = (user.handle.seat, Letter::Direct(text));
                shard.do_send(Show { seat, from, letter, asked: None });
                let (name, away) = (user.who.name.clone(), user.away.clone());
                Reply::Now(Relayed::Shown { name, away })
            }
            (None, Log::Shared(_)) => {
                let (who, away) = (user.who.clone(), user.away.clone());
                self.relay_elsewhere((who, away), from, by, text)
            }
            (None, Log::Alone) => Reply::Now(Relayed::Nobody),
        }
    }
}
