//! Logging in over SSH: who may come under a name by a key, by a password, or without anything.
//!
//! OpenSSH tries `none` first, then its keys one by one, then asks. So `none` is refused, or a key would
//! never be seen; of a name that is nobody's account the first key is noted and refused, which leaves the way
//! where nothing is asked; and of a name that is an account's the keys tied to it are taken, so that an agent
//! with many of them finds the right one.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;
use log::{info, warn};
use russh::keys::{HashAlg, PublicKey};
use russh::server::Auth;
use russh::{MethodKind, MethodSet};

use super::handler::Error;
use super::{Connection, LOGIN_TRIES, MAX_KEYS};
use crate::actors::hasher::HashError;
use crate::actors::registry::messages::{BeginGuess, EndGuess};
use crate::actors::store::messages::{AccountOfKey, ReadAccount};
use crate::chat::accounts::{AccountId, Fingerprint, Key, MAX_LOGIN_TRIES};
use crate::chat::name::Name;
use crate::chat::password::{MAX_PASSWORD_CHARS, Match, Password};
use crate::chat::settings::Mode;
use crate::logging::event;
use crate::net::ssh::visit::{Purpose, Terminal, Visit};
use crate::render::replies::{PasswordProblem, password_question};
use crate::store::Account;

/// What a key is known by.
pub(super) fn key_of(key: &PublicKey) -> Option<Key> {
    let print = key.fingerprint(HashAlg::Sha256).sha256()?;
    Some(Key::ssh(Fingerprint(print)))
}

/// What a client was asked.
enum Asked {
    /// Nothing: a guest has only to say so.
    Nothing,
    /// The password of this account.
    Password(AccountId, Name),
}

/// Names that one connection may ask for. People's clients keep to one, and what is asked of a name says whether it
/// is an account's: that is not to be had of thousands.
const MAX_NAMES: usize = 3;

/// How far a client has come.
pub(super) struct Login {
    connection: Arc<Connection>,
    /// The name that it has asked for last.
    user: String,
    /// How many it has asked for.
    names: usize,
    /// The first key that it has offered.
    offered: Option<Key>,
    /// The account that it has proved to be its own, and by which key where by one.
    proved: Option<(AccountId, Option<Key>)>,
    asked: Option<Asked>,
    /// How the account wants to be written to.
    mode: Mode,
    /// Wrong passwords so far.
    tries: usize,
    /// Keys that it has offered in vain.
    keys: usize,
    /// What else was refused of it.
    refusals: usize,
    /// It may not log in any more.
    over: bool,
}

fn refused(methods: &[MethodKind]) -> Auth {
    Auth::Reject { proceed_with_methods: Some(MethodSet::from(methods)), partial_success: false }
}

/// The ways to log in to an account.
const OF_ACCOUNT: [MethodKind; 2] = [MethodKind::PublicKey, MethodKind::KeyboardInteractive];

/// That of a guest, and of whoever has offered keys enough.
const OF_GUEST: [MethodKind; 1] = [MethodKind::KeyboardInteractive];

fn ask(question: Option<String>) -> Auth {
    let prompts = question.map(|question| (Cow::Owned(question), false));
    Auth::Partial {
        name: Cow::Borrowed(""),
        instructions: Cow::Borrowed(""),
        prompts: Cow::Owned(prompts.into_iter().collect()),
    }
}

impl Login {
    pub(super) fn new(connection: Arc<Connection>) -> Self {
        let (offered, proved, asked, mode) = (None, None, None, Mode::Auto);
        Self {
            connection,
            user: String::new(),
            names: 0,
            offered,
            proved,
            asked,
            mode,
            tries: 0,
            keys: 0,
            refusals: 0,
            over: false,
        }
    }

    /// Who comes, once they are in.
    pub(super) fn visit(&self, purpose: Purpose, terminal: Option<Terminal>) -> Visit {
        let (account, by) = self.proved.unzip();
        let key = by.flatten().or(self.offered);
        Visit { name: self.user.clone(), account, key, purpose, terminal }
    }

    /// Whether their line may be edited here, as far as they have said by now.
    pub(super) fn may_edit(&self) -> bool {
        match self.mode {
            Mode::Auto | Mode::Edit => true,
            Mode::Line | Mode::Plain => false,
        }
    }

    /// The account of a name; none where it is nobody's, or no name.
    async fn account(&self, user: &str) -> Result<Option<Account>, ()> {
        let Ok(name) = Name::parse(user) else { return Ok(None) };
        let account = self.connection.context.store.ask(ReadAccount(name.key())).await;
        // A bot's token is shown at the name prompt, and nothing else lets it in.
        Ok(account.map_err(|_| ())?.filter(|account| account.bot.is_none()))
    }

    /// Another name begins anew.
    fn take_user(&mut self, user: &str) -> Result<(), Error> {
        if self.over {
            return Err(Error::Persistent);
        }
        if self.user != user {
            self.names += 1;
            if self.names > MAX_NAMES {
                self.over = true;
                return Err(Error::Persistent);
            }
            user.clone_into(&mut self.user);
            (self.proved, self.asked, self.mode) = (None, None, Mode::Auto);
        }
        Ok(())
    }

    pub(super) fn none(&mut self) -> Result<Auth, Error> {
        if self.over { Err(Error::Persistent) } else { self.refuse() }
    }

    /// Refuses a try that may be followed by others.
    fn refuse(&mut self) -> Result<Auth, Error> {
        self.refusals += 1;
        if self.refusals > LOGIN_TRIES {
            self.over = true;
            return Err(Error::Persistent);
        }
        Ok(refused(self.ways()))
    }

    /// The ways that are left to log in to an account.
    fn ways(&self) -> &'static [MethodKind] {
        if self.keys < MAX_KEYS { &OF_ACCOUNT } else { &OF_GUEST }
    }

    /// A key is offered, of which it is not known yet whether the client has it.
    pub(super) async fn offered(&mut self, user: &str, key: Option<Key>) -> Result<Auth, Error> {
        self.take_user(user)?;
        self.offered = self.offered.or(key);
        if self.keys >= MAX_KEYS {
            return self.refuse();
        }
        Ok(match (self.account(user).await, key) {
            (Ok(None), _) => refused(&OF_GUEST),
            (Ok(Some(account)), Some(key)) if self.knows(&account, key).await => Auth::Accept,
            (Ok(Some(_)) | Err(()), _) => {
                self.keys += 1;
                refused(self.ways())
            }
        })
    }

    async fn knows(&self, account: &Account, key: Key) -> bool {
        let ask = AccountOfKey(account.name.key(), key);
        self.connection.context.store.ask(ask).await == Ok(Some(account.id))
    }

    /// A key was proved to be the client's.
    pub(super) async fn proved(&mut self, user: &str, key: Option<Key>) -> Result<Auth, Error> {
        self.take_user(user)?;
        if let (Ok(Some(account)), Some(key)) = (self.account(user).await, key)
            && self.knows(&account, key).await
        {
            (self.proved, self.mode) = (Some((account.id, Some(key))), account.settings.mode);
            return Ok(Auth::Accept);
        }
        self.refuse()
    }

    /// The client wants to be asked.
    pub(super) async fn begin(&mut self, user: &str) -> Result<Auth, Error> {
        self.take_user(user)?;
        Ok(match self.account(user).await {
            Err(()) => self.refuse()?,
            Ok(None) => {
                self.asked = Some(Asked::Nothing);
                ask(None)
            }
            Ok(Some(account)) => {
                self.asked = Some(Asked::Password(account.id, account.name));
                ask(Some(password_question(None)))
            }
        })
    }

    /// It answers.
    pub(super) async fn answer(
        &mut self,
        user: &str,
        answer: Option<Bytes>,
    ) -> Result<Auth, Error> {
        self.take_user(user)?;
        match self.asked.take() {
            None => self.refuse(),
            // Where the name has become an account's meanwhile, the Session asks for its password.
            Some(Asked::Nothing) => Ok(Auth::Accept),
            Some(Asked::Password(id, name)) => {
                let typed = answer.unwrap_or_default();
                let problem = match Password::parse(&String::from_utf8_lossy(&typed)) {
                    // That is no try.
                    Ok(password) if password.is_empty() => None,
                    Err(_) => Some(PasswordProblem::NotUtf8),
                    Ok(password) => match self.prove(id, &name, password).await {
                        Ok(mode) => {
                            (self.proved, self.mode) = (Some((id, None)), mode);
                            return Ok(Auth::Accept);
                        }
                        Err(why) => Some(why),
                    },
                };
                if let Some(PasswordProblem::Wrong | PasswordProblem::TooManyAttempts(_)) = problem
                {
                    self.tries += 1;
                }
                if self.tries >= MAX_LOGIN_TRIES {
                    return Ok(self.refuse_for_good());
                }
                self.asked = Some(Asked::Password(id, name));
                Ok(ask(Some(password_question(problem))))
            }
        }
    }

    /// The client has had its tries: it is told so, and then the connection ends.
    fn refuse_for_good(&mut self) -> Auth {
        self.over = true;
        let conn = self.connection.number.conn;
        info!(event = event::CLOSED, conn = conn.number(); "is closed: too many wrong passwords");
        self.connection.end_soon();
        refused(&[])
    }

    /// Checks a password within the limit for wrong ones of the address, as at the prompt of a Session. Where it is the
    /// right one, says how the account wants to be written to.
    async fn prove(
        &self,
        id: AccountId,
        name: &Name,
        password: Password,
    ) -> Result<Mode, PasswordProblem> {
        let context = &self.connection.context;
        let (conn, from) = (self.connection.number.conn, self.connection.arrived.from.host());
        // It may have another password by now, or be another's, or be no more.
        let account =
            self.account(name.as_str()).await.map_err(|()| PasswordProblem::ServerBusy)?;
        let account = account.filter(|account| account.id == id).ok_or(PasswordProblem::Wrong)?;
        let allowed = context.registry.send(BeginGuess(conn)).await;
        let allowed = allowed.map_err(|_| PasswordProblem::ServerBusy)?;
        allowed.map_err(|secs| {
            info!(event = event::LIMIT, conn = conn.number(); "limit: too many wrong passwords from {from}");
            PasswordProblem::TooManyAttempts(secs)
        })?;
        let checked = if password.chars() > MAX_PASSWORD_CHARS {
            Ok(Match::No)
        } else {
            context.hasher.verify(account.record.clone(), password).await
        };
        context.registry.do_send(EndGuess { conn, wrong: checked == Ok(Match::No) });
        match checked {
            // One of an earlier form is made anew at a login in a Session.
            Ok(Match::Yes | Match::AsTyped) => Ok(account.settings.mode),
            Ok(Match::No) => {
                info!(
                    event = event::WRONG_PASSWORD, conn = conn.number();
                    "wrong password of account {name} from {from}"
                );
                Err(PasswordProblem::Wrong)
            }
            Err(reason @ (HashError::Busy | HashError::Failed)) => {
                warn!(
                    event = event::PASSWORD_UNCHECKED, conn = conn.number();
                    "password of account {name} not checked: {reason}"
                );
                Err(PasswordProblem::ServerBusy)
            }
        }
    }
}
