//! The password of an account, at login.

use std::rc::Rc;
use std::sync::Arc;

use bytes::Bytes;
use log::{info, warn};

use super::joining::{Entered, enter, general};
use super::{Phase, Session, User};
use crate::actors::hasher::HashError;
use crate::actors::messages::{
    BeginGuess, Displace, EndGuess, LogIn, LoggedIn, Manner, NotIn, ReleaseName, View,
};
use crate::actors::shard::World;
use crate::actors::store_messages::{ReadAccount, ReadIgnores, ReadLetters, ReadMail, ReadMissed};
use crate::actors::telling::{Pages, Telling};
use crate::actors::{times, unix_now};
use crate::chat::accounts::{AccountId, Identity, MAX_LOGIN_TRIES};
use crate::chat::ansi::Style;
use crate::chat::directory::ConnId;
use crate::chat::ignores::Ignores;
use crate::chat::name::Name;
use crate::chat::password::{MAX_PASSWORD_CHARS, PasswordRecord, Secret};
use crate::chat::render::{Direct, Sheet, direct};
use crate::chat::replies::{
    self, Farewell, NameProblem, PasswordProblem, ask_password, ask_password_again,
};
use crate::chat::room::Member;
use crate::chat::text::Line;
use crate::net::peer::Peer;
use crate::store::{Account, Change, Mail, MailId};

/// An account that somebody wants to log in to.
pub(super) struct Challenge {
    account: Account,
    tries: usize,
}

/// Why a password was not taken for the right one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NotProved {
    /// It is the wrong one.
    Wrong,
    /// This address gave too many wrong ones; seconds to wait.
    TooMany(u64),
    /// Password work or an actor is not to be had.
    Busy,
}

/// Checks a password against a record, within the limit for wrong ones of the address.
pub(super) async fn prove(
    world: &World,
    conn: ConnId,
    record: Arc<PasswordRecord>,
    password: Option<Secret>,
) -> Result<(), NotProved> {
    let allowed = world.registry.send(BeginGuess(conn)).await.map_err(|_| NotProved::Busy)?;
    allowed.map_err(NotProved::TooMany)?;
    let checked = match password.filter(|p| p.chars() <= MAX_PASSWORD_CHARS) {
        Some(password) => world.hasher.verify(record, password).await,
        None => Ok(false),
    };
    let wrong = checked == Ok(false);
    world.registry.do_send(EndGuess { conn, wrong });
    match checked {
        Ok(true) => Ok(()),
        Ok(false) => {
            info!("conn={} gave a wrong password", conn.0);
            Err(NotProved::Wrong)
        }
        Err(reason @ (HashError::Busy | HashError::Failed)) => {
            warn!("conn={} password not checked: {reason}", conn.0);
            Err(NotProved::Busy)
        }
    }
}

/// An account that is in.
struct In {
    admin: bool,
    entered: Entered,
    mail: Vec<(MailId, Name)>,
}

impl Session {
    /// The name that was given is an account's: asks for its password.
    pub(super) fn challenge(&mut self, account: Account) {
        self.phase = Phase::Password(Box::new(Challenge { account, tries: 0 }));
        self.hide_typing(true);
        self.peer.answer(&ask_password());
    }

    /// Has the client hide what is typed, where it can. One that cannot shows nothing of that: the
    /// prompt starts with an erased line. Without that, only a client that speaks telnet is asked.
    fn hide_typing(&mut self, hide: bool) {
        if self.peer.style().plain && !self.decoder.telnet().speaks() {
            return;
        }
        let command = self.decoder.telnet().hide_typing(hide);
        self.queue_raw(Bytes::copy_from_slice(&command));
    }

    /// A line at the password prompt.
    pub(super) fn take_password(&mut self, typed: &str) {
        let Phase::Password(challenge) = &mut self.phase else { return };
        challenge.tries += 1;
        let (id, name) = (challenge.account.id, challenge.account.name.key());
        let (world, conn) = (self.world.clone(), self.peer.conn());
        // As in a command, where a password comes out of a clean line.
        let password = Some(Secret::new(Line::clean(typed).as_str()));
        let work = async move {
            // The account may have another password by now, or be another's, or be no more.
            let account = world.store.ask(ReadAccount(name)).await.map_err(|_| NotProved::Busy)?;
            let account = account.filter(|account| account.id == id).ok_or(NotProved::Wrong)?;
            prove(&world, conn, account.record.clone(), password).await.map(|()| account)
        };
        self.ask(work, |session, proved| match proved {
            Ok(account) => session.password_was_right(account),
            Err(why) => session.password_was_wrong(why),
        });
    }

    fn password_was_right(&mut self, account: Account) {
        self.hide_typing(false);
        self.phase = Phase::Naming;
        self.log_in_to(account);
    }

    fn password_was_wrong(&mut self, why: NotProved) {
        let Phase::Password(challenge) = &self.phase else { return };
        if challenge.tries >= MAX_LOGIN_TRIES {
            self.hide_typing(false);
            return self.close(Some(Farewell::WrongPasswords));
        }
        self.peer.answer(&ask_password_again(match why {
            NotProved::Wrong => PasswordProblem::Wrong,
            NotProved::TooMany(secs) => PasswordProblem::TooManyAttempts(secs),
            NotProved::Busy => PasswordProblem::ServerBusy,
        }));
    }

    /// Lets in whoever has proved that the account is theirs.
    pub(super) fn log_in_to(&mut self, account: Account) {
        let (world, at, ip) = (self.world.clone(), self.at(), self.ip);
        let (conn, name, id) = (self.peer.conn(), account.name.clone(), account.id);
        let who = Identity { conn, name, account: Some(id), ip, admin: false };
        self.take_settings(&account);
        let (theirs, me, peer) = (account.clone(), who.clone(), self.peer.clone());
        let work = async move { come_in(&world, at, me, &theirs, &peer).await };
        self.ask(work, move |session, result| match result {
            Ok(entered) => session.is_in(who, &account, entered),
            Err(NameProblem::Banned(_)) => session.close(Some(Farewell::Banned)),
            Err(problem) => {
                session.world.registry.do_send(ReleaseName(session.peer.conn()));
                session.peer.set_ignores(Ignores::default());
                let plain = !session.world.config.color;
                session.peer.set_style(Style { plain, clock: false, ..session.peer.style() });
                session.ask_again(&problem);
            }
        });
    }

    /// Before anything of a lobby is shown: it comes in the colours that the account has chosen.
    fn take_settings(&self, account: &Account) {
        let plain = account.settings.colour.map_or(self.peer.style().plain, |on| !on);
        let plain = plain || !self.world.config.color;
        let clock = account.settings.clock_times;
        self.peer.set_style(Style { plain, clock, ..self.peer.style() });
    }

    fn is_in(&mut self, who: Identity, account: &Account, entered: In) {
        let In { admin, entered, mail } = entered;
        info!("conn={} logged in as {} to its account", who.conn.0, who.name);
        self.peer.logged_in();
        self.phase = Phase::Chatting(User {
            who: Identity { admin, ..who },
            picture: account.settings.picture,
            lobby: entered.stay(),
            away: None,
            clock_times: account.settings.clock_times,
            colour: account.settings.colour,
        });
        self.note_place();
        self.show_mail(account.id, mail);
    }

    /// Shows what was written to an account while it was not connected.
    fn show_mail(&self, account: AccountId, mut mail: Vec<(MailId, Name)>) {
        let Some(&(up_to, _)) = mail.last() else { return };
        let store = self.world.store.clone();
        let taken = move || store.keep(vec![Change::MailTaken { account, up_to }]);
        let ignores = self.ignores();
        mail.retain(|(_, from)| !ignores.contains(from));
        let Some((_, last)) = mail.last() else { return taken() };
        self.peer.note_writer(last.clone());
        let (count, times, now) = (mail.len(), self.times(), unix_now());
        let ids = mail.into_iter().map(|(id, _)| id).collect();
        let read = move |ids| ReadLetters(account, ids);
        let pages = Pages::stored(self.world.store.clone(), ids, read, Vec::new());
        let write = move |sheet: &mut Sheet, (_, mail): &(MailId, Mail)| {
            direct(sheet, Direct::From(&mail.from), &mail.text, Some(times.when(mail.at, now)));
        };
        self.tell(Telling::new(|sheet| replies::mail(sheet, count), pages, write).then(taken));
    }
}

/// Finds the lobby where an account goes on, and enters it.
async fn come_in(
    world: &Rc<World>,
    at: crate::actors::messages::Whereabouts,
    who: Identity,
    account: &Account,
    peer: &Peer,
) -> Result<In, NameProblem> {
    // Before anybody can write to them.
    let names = world.store.ask(ReadIgnores(account.id)).await;
    let names = names.map_err(|_| NameProblem::ServerBusy)?;
    let mut ignores = Ignores::default();
    names.into_iter().for_each(|name| _ = ignores.add(&who.name, name));
    if !ignores.is_empty() {
        peer.set_ignores(ignores.clone());
    }
    let last_lobby = account.last_lobby;
    let login = LogIn { who: who.clone(), at, last_lobby };
    let LoggedIn { admin, door, before } = match world.registry.send(login).await {
        Ok(Ok(logged_in)) => logged_in,
        Ok(Err(NotIn::Banned(penalty))) => return Err(NameProblem::Banned(penalty)),
        Ok(Err(NotIn::Name(why))) => return Err(why.into()),
        Err(_) => return Err(NameProblem::ServerBusy),
    };
    let times = times(account.settings.clock_times);
    let mut view = View { times, ignores, missed: None };
    if let (Some(since), None) = (account.left_at.filter(|_| last_lobby == Some(door.id)), &before)
    {
        let count = world.config.history_messages;
        let ignores = view.ignores.clone();
        let missed = world.store.ask(ReadMissed { lobby: door.id, since, count, ignores }).await;
        view.missed = missed.ok().map(|missed| (since, missed));
    }
    let member = |who| Member::new(who, account.settings.picture, None, at);
    let who = Identity { admin, ..who };
    let manner = before.as_ref().map_or(Manner::Login, |user| Manner::TakeOver(user.who.conn));
    // They were in it, and its password is still the same.
    let known = before.is_some() || account.left_at.is_some_and(|left| door.password_at <= left);
    let proof = door.record.clone().filter(|_| known);
    let mut entered = enter(world, door, member(who.clone()), proof, manner, view.clone()).await;
    if entered.is_err() {
        let general = general(world).await.ok_or(NameProblem::ServerBusy)?;
        view.missed = None;
        entered = enter(world, general, member(who), None, Manner::Login, view).await;
    }
    if before.is_some() {
        world.registry.do_send(Displace(at.seat.conn));
    }
    let entered = entered.map_err(NameProblem::from)?;
    let mail = world.store.ask(ReadMail(account.id)).await.unwrap_or_default();
    Ok(In { admin, entered, mail })
}
