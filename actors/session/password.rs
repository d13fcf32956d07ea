//! The password of an account, at login.

use std::fmt;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use log::{info, warn};
use tokio::time::timeout;

use super::joining::{Entered, enter, general};
use super::left::LeftLobbies;
use super::login::{reached, why_not_in};
use super::{Phase, Session, User};
use crate::actors::hasher::HashError;
use crate::actors::registry::messages::{
    AskElsewhere, Before, BeginGuess, EndGuess, FindLobbyById, LogIn, LoggedIn, ReleaseName,
    TakeOver,
};
use crate::actors::shard::ThreadContext;
use crate::actors::shard::messages::LastWriter;
use crate::actors::store::messages::{ReadAccount, ReadIgnores, ReadMail, ReadMissed};
use crate::chat::accounts::{Identity, MAX_LOGIN_TRIES};
use crate::chat::directory::ConnId;
use crate::chat::ignores::Ignores;
use crate::chat::lobby::Member;
use crate::chat::lobby::replay::ReplayPrefs;
use crate::chat::lobby::step::{Join, JoinKind};
use crate::chat::name::Name;
use crate::chat::orders::Confirmation;
use crate::chat::password::{MAX_PASSWORD_CHARS, Match, Password, PasswordFault, PasswordRecord};
use crate::chat::person::Person;
use crate::chat::settings::Settings;
use crate::clock::times;
use crate::fanout::peer::Peer;
use crate::logging::event;
use crate::render::replies::{
    Farewell, ModerationReply, NameProblem, PasswordProblem, ask_password,
    ask_password_after_nothing, ask_password_again,
};
use crate::store::{Account, Change, MailId, Since};

/// For who wrote last to the connection whose place is taken, which another node may have to say. One that lives
/// says so in a few milliseconds; nobody's login waits for one that does not, and what it says later is noted then.
const WRITER_PATIENCE: Duration = Duration::from_millis(200);

/// An account that somebody wants to log in to.
pub(super) struct Challenge {
    account: Account,
    tries: usize,
}

/// Why a password was not taken for the right one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ProofError {
    /// It is the wrong one.
    Wrong,
    /// This address gave too many wrong ones; seconds to wait.
    TooMany(u64),
    /// Password work or an actor is not to be had.
    Busy,
}

/// What a password opens.
pub(super) enum Door<'a> {
    /// The account of this name.
    Account(&'a Name),
    /// The lobby of this name.
    Lobby(&'a Name),
}

impl fmt::Display for Door<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Account(name) => write!(f, "account {name}"),
            Self::Lobby(name) => write!(f, "lobby {name}"),
        }
    }
}

/// Checks a password against the record of a door, within the limit for wrong ones of the address. None is
/// wrong. Says in which form it was the right one.
pub(super) async fn prove(
    thread: &ThreadContext,
    peer: &Peer,
    door: Door<'_>,
    record: Arc<PasswordRecord>,
    password: Option<Password>,
) -> Result<Match, ProofError> {
    let (conn, from) = (peer.conn(), peer.arrived().from.host());
    let allowed = thread.registry.send(BeginGuess(conn)).await.map_err(|_| ProofError::Busy)?;
    allowed.map_err(|secs| too_many_wrong(peer, secs))?;
    let given = password.is_some();
    let checked = match password.filter(|p| p.chars() <= MAX_PASSWORD_CHARS) {
        Some(password) => thread.hasher.verify(record, password).await,
        None => Ok(Match::No),
    };
    let wrong = checked == Ok(Match::No);
    thread.registry.do_send(EndGuess { conn, wrong });
    match checked {
        Ok(right @ (Match::Yes | Match::AsTyped)) => Ok(right),
        Ok(Match::No) => {
            if given {
                info!(
                    event = event::WRONG_PASSWORD, conn = conn.number();
                    "wrong password of {door} from {from}"
                );
            }
            Err(ProofError::Wrong)
        }
        Err(reason @ (HashError::Busy | HashError::Failed)) => {
            warn!(
                event = event::PASSWORD_UNCHECKED, conn = conn.number();
                "password of {door} not checked: {reason}"
            );
            Err(ProofError::Busy)
        }
    }
}

/// Tells the log that an address has given too many wrong passwords.
pub(super) fn too_many_wrong(peer: &Peer, secs: u64) -> ProofError {
    let (conn, from) = (peer.conn(), peer.arrived().from.host());
    // With its address: a filter of the log may shut that out.
    info!(event = event::LIMIT, conn = conn.number(); "limit: too many wrong passwords from {from}");
    ProofError::TooMany(secs)
}

/// An account that is in.
struct In {
    entered: Entered,
    mail: Vec<(MailId, Person)>,
}

impl Session {
    /// The name that was given is an account's: asks for its password.
    pub(super) fn challenge(&mut self, account: Account) {
        if self.is_script() {
            // It has become an account since whoever runs it was asked.
            return self.refuse_script(&NameProblem::Taken);
        }
        self.phase = Phase::Password(Box::new(Challenge { account, tries: 0 }));
        self.hide_typing(true);
        self.peer.answer(ask_password(self.peer.form()));
    }

    /// A line at the password prompt. One with nothing in it is no try, and neither is one that is no
    /// text: whoever typed that should know why it cannot be right.
    pub(super) fn take_password(&mut self, typed: &str) {
        let form = self.peer.form();
        match Password::parse(typed) {
            Ok(password) if password.is_empty() => {
                self.answer_in_time(ask_password_after_nothing(form));
            }
            Ok(password) => self.try_password(Some(password)),
            Err(PasswordFault::NotUtf8) => {
                self.answer_in_time(ask_password_again(form, PasswordProblem::NotUtf8));
            }
        }
    }

    /// A password at the prompt; none is one that is longer than any line.
    pub(super) fn try_password(&mut self, password: Option<Password>) {
        let Phase::Password(challenge) = &self.phase else { return };
        let (id, name) = (challenge.account.id, challenge.account.name.key());
        let (thread, peer) = (self.thread.clone(), self.peer.clone());
        let work = async move {
            // The account may have another password by now, or be another's, or be no more.
            let account =
                thread.store.ask(ReadAccount(name)).await.map_err(|_| ProofError::Busy)?;
            let account = account.filter(|account| account.id == id).ok_or(ProofError::Wrong)?;
            let door = Door::Account(&account.name);
            let proved =
                prove(&thread, &peer, door, account.record.clone(), password.clone()).await?;
            match (proved, password) {
                (Match::AsTyped, Some(password)) => Ok(renewed(&thread, account, password).await),
                _ => Ok(account),
            }
        };
        self.wait_for(work, |session, proved| match proved {
            Ok(account) => session.password_was_right(account),
            Err(why) => session.password_was_wrong(why),
        });
    }

    fn password_was_right(&mut self, account: Account) {
        self.hide_typing(false);
        self.phase = Phase::Naming { wrong_tokens: 0 };
        self.log_in_to(account);
    }

    fn password_was_wrong(&mut self, why: ProofError) {
        let Phase::Password(challenge) = &mut self.phase else { return };
        let (problem, last) = match why {
            ProofError::Wrong => (PasswordProblem::Wrong, Farewell::WrongPasswords),
            ProofError::TooMany(secs) => {
                (PasswordProblem::TooManyAttempts(secs), Farewell::TooManyAttempts(secs))
            }
            // That is no fault of theirs.
            ProofError::Busy => {
                let busy = ask_password_again(self.peer.form(), PasswordProblem::ServerBusy);
                return self.answer_in_time(busy);
            }
        };
        challenge.tries += 1;
        if challenge.tries >= MAX_LOGIN_TRIES {
            self.hide_typing(false);
            return self.close(Some(last));
        }
        self.peer.answer(ask_password_again(self.peer.form(), problem));
    }

    /// Lets in whoever has proved that the account is theirs.
    pub(super) fn log_in_to(&mut self, account: Account) {
        let (thread, at, ip) = (self.thread.clone(), self.at(), self.ip);
        let (conn, name, id) = (self.peer.conn(), account.name.clone(), account.id);
        let bot_of = account.bot.map(|bot| bot.owner);
        let who = Identity { bot_of, ..Identity::new(conn, name, Some(id), ip) };
        let before = self.peer.form();
        // Before anything of a lobby is shown: it comes in the form that the account has chosen.
        self.take_form_of(&account.settings, bot_of.is_some());
        let (theirs, me, peer) = (account.clone(), who.clone(), self.peer.clone());
        let work = async move { come_in(&thread, at, me, &theirs, &peer).await };
        self.wait_for(work, move |session, result| match result {
            Ok(entered) => session.is_in(who, &account, entered),
            Err(NameProblem::Banned(terms)) => {
                if terms.says_more() {
                    session.reply(&ModerationReply::Banned(terms).into());
                }
                session.close(Some(Farewell::Banned));
            }
            Err(problem) => {
                let problem = why_not_in(&session.thread, problem);
                let conn = session.peer.conn();
                session.thread.registry.do_send(ReleaseName(conn));
                session.thread.registry.do_send(TakeOver(conn));
                session.peer.set_ignores(Ignores::default());
                session.peer.set_form(before);
                session.take_form(&Settings::default());
                session.ask_again(&problem);
            }
        });
    }

    fn is_in(&mut self, mut who: Identity, account: &Account, entered: In) {
        let In { entered, mail } = entered;
        // Other settings may be in force by now.
        self.take_form_of(&account.settings, who.bot_of.is_some());
        self.take_rank(&mut who);
        let (lobby, company) = entered.stay();
        self.begin_chat(User {
            who,
            lobby,
            away: None,
            settings: account.settings,
            asked: None,
            deleting: Confirmation::default(),
            left: LeftLobbies::default(),
        });
        let is_bot = account.bot.is_some();
        if self.peer.form().is_json() {
            // A bot that reads JSON has to know from where on it is in, and asks for the rest.
            self.tell_where(company);
            if !is_bot {
                self.tell_program();
            }
            return self.show_mail(account.id, mail);
        }
        if !is_bot {
            self.show_motd();
            self.show_mail(account.id, mail);
            self.tell_where(company);
        }
    }
}

/// Makes the record of an account anew, which was made of its password in another form than the one in
/// which passwords are kept. Where that fails, the next login does it.
async fn renewed(thread: &ThreadContext, account: Account, password: Password) -> Account {
    let Ok(record) = thread.hasher.hash(password).await else { return account };
    let (record, before) = (Arc::new(record), account.record.clone());
    let renewed = Change::RecordRenewed { account: account.id, before, record: record.clone() };
    thread.store.note(vec![renewed]);
    Account { record, ..account }
}

/// Who has written last to the connection whose place another one takes, on whatever node it is.
async fn last_writer(thread: &ThreadContext, before: &Before, by: ConnId) -> Option<Person> {
    let user = &before.user;
    match &before.shard {
        Some(shard) => shard.send(LastWriter(user.handle.seat)).await.ok().flatten(),
        None => {
            let told = thread.registry.send(AskElsewhere { of: user.who.conn, by }).await;
            told.ok().flatten()?.last_writer
        }
    }
}

/// Finds the lobby where an account goes on, and enters it.
async fn come_in(
    thread: &Rc<ThreadContext>,
    at: crate::actors::shard::messages::Address,
    who: Identity,
    account: &Account,
    peer: &Rc<Peer>,
) -> Result<In, NameProblem> {
    // Before anybody can write to them.
    let ignores = thread.store.ask(ReadIgnores(account.id)).await;
    let ignores = ignores.map_err(|_| NameProblem::ServerBusy)?;
    if !ignores.is_empty() {
        peer.set_ignores(ignores.clone());
    }
    let login = LogIn { who: who.clone(), record: account.record.clone(), at };
    let logged_in = reached(thread, thread.registry.send(login)).await?;
    let logged_in = logged_in.map_err(|_| NameProblem::ServerBusy)?;
    let LoggedIn { before } = logged_in?;
    // Where it goes on is read only now: whoever was put out of a lobby while their password was looked
    // at has no place there any more.
    let account = match thread.store.ask(ReadAccount(account.name.key())).await {
        Ok(Some(now)) if now.id == account.id => now,
        _ => return Err(NameProblem::ServerBusy),
    };
    let is_bot = account.bot.is_some();
    let lobby_ref = match (&before, account.last_lobby.filter(|_| !is_bot)) {
        (Some(before), _) => Some(before.lobby_ref.clone()),
        (None, Some(id)) => thread.registry.send(FindLobbyById(id)).await.ok().flatten(),
        (None, None) => None,
    };
    let lobby_ref = match lobby_ref {
        Some(lobby_ref) => lobby_ref,
        None => general(thread).await.ok_or(NameProblem::ServerBusy)?,
    };
    let times = times(account.settings.by_clock());
    let mut prefs = ReplayPrefs { times, ignores, ..ReplayPrefs::default() };
    let left_here = account.left_at.filter(|_| account.last_lobby == Some(lobby_ref.state.id));
    if let (Some(at), None, false) = (left_here, &before, is_bot) {
        let since = Since { at, seq: account.left_seq };
        let count = thread.config.get().history_messages;
        let ignores = prefs.ignores.clone();
        let missed =
            thread.store.ask(ReadMissed { lobby: lobby_ref.state.id, since, count, ignores }).await;
        prefs.missed = missed.ok();
        prefs.left = Some(since);
    }
    let member = |who| Member::new(who, account.settings.picture, None, at);
    let kind = before.as_ref().map_or(JoinKind::Login, |b| JoinKind::TakeOver(b.user.who.conn));
    // They were in it after its password was set.
    let known = left_here.is_some_and(|left| lobby_ref.state.password_at < left);
    let proof = lobby_ref.state.record.clone().filter(|_| known);
    let join = Join { member: member(who.clone()), proof, kind, prefs: prefs.clone() };
    let mut entered = enter(thread, lobby_ref, join).await;
    if entered.is_err() {
        let general = general(thread).await.ok_or(NameProblem::ServerBusy)?;
        (prefs.missed, prefs.left) = (None, None);
        let join = Join { member: member(who), proof: None, kind: JoinKind::Login, prefs };
        entered = enter(thread, general, join).await;
    }
    if let Some(before) = before {
        let (thread, peer) = (thread.clone(), peer.clone());
        let noted = actix_rt::spawn(async move {
            // Whoever wrote to the first connection can be answered from this one.
            let writer = last_writer(&thread, &before, at.seat.conn).await;
            if let Some(writer) = writer.filter(|_| peer.last_writer().is_none()) {
                peer.note_writer(writer);
            }
            thread.registry.do_send(TakeOver(at.seat.conn));
        });
        let _ = timeout(WRITER_PATIENCE, noted).await;
    }
    let entered = entered.map_err(NameProblem::from)?;
    let mail = match is_bot {
        true => Vec::new(),
        false => thread.store.ask(ReadMail(account.id)).await.unwrap_or_default(),
    };
    Ok(In { entered, mail })
}
