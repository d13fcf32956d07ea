//! From a connection to a user: the name, and the way into the general lobby.

use bytes::Bytes;
use log::info;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::sleep;

use super::joining::{Entered, enter};
use super::left::LeftLobbies;
use super::{Phase, Session, User};
use crate::actors::registry::messages::{Claim, ReleaseName};
use crate::actors::shard::ThreadContext;
use crate::actors::store::messages::{AccountOfKey, ReadAccount};
use crate::chat::accounts::{AccountId, Identity, Key};
use crate::chat::bot::Introduction;
use crate::chat::command::{self, Command, Input};
use crate::chat::lobby::replay::ReplayPrefs;
use crate::chat::lobby::step::{Join, JoinKind};
use crate::chat::lobby::{Company, Member};
use crate::chat::name::Name;
use crate::chat::orders::Confirmation;
use crate::chat::pictures::Picture;
use crate::chat::registry::{ClaimError, LoginError};
use crate::chat::settings::Settings;
use crate::chat::text::{Line, Text};
use crate::logging::event;
use crate::net::probe::{host_of, is_http};
use crate::render;
use crate::render::replies::{Farewell, NameProblem, ask_name_again, http_answer};
use crate::store::Account;

impl Session {
    /// A line at the name prompt.
    pub(super) fn take_name(&mut self, typed: &str) {
        if is_http(typed) {
            info!(event = event::OTHER_PROTOCOL, conn = self.peer.conn().number(); "speaks HTTP");
            // The fields of its request have come with it, unless they were sent one by one.
            let answer = http_answer(self.thread.page, host_of(self.unread.rest()));
            self.peer.queue(answer.into());
            return self.close(None);
        }
        if typed.trim_start().starts_with('/') {
            let max_chars = self.thread.config.get().max_message_chars;
            return match command::parse(Line::clean(typed), max_chars) {
                Input::Command { parsed: Ok(Command::Quit), .. } => {
                    self.close(Some(Farewell::Quit));
                }
                _ => self.ask_again(&NameProblem::Command),
            };
        }
        if let Some(bot) = Introduction::parse(typed) {
            return self.introduce(bot);
        }
        match Name::parse(typed) {
            Err(why) => self.ask_again(&NameProblem::Invalid(why)),
            Ok(name) => self.claim(name),
        }
    }

    pub(super) fn ask_again(&mut self, problem: &NameProblem) {
        if self.is_script() {
            return self.refuse_script(problem);
        }
        self.answer_in_time(ask_name_again(self.peer.form(), problem));
    }

    /// Asks once more, for a name or a password. Whoever has that done over and over has to wait for it.
    pub(super) fn answer_in_time(&mut self, question: Bytes) {
        match self.pace.refused_name() {
            None => self.peer.answer(question),
            Some(pause) => {
                self.wait_for(sleep(pause), move |session, ()| session.peer.answer(question));
            }
        }
    }

    /// Waits for its turn to log in, which is at once unless very many do.
    fn claim(&mut self, name: Name) {
        if self.thread.health.is_behind() {
            return self.ask_again(&NameProblem::Behind);
        }
        let turns = self.thread.logins.clone();
        match turns.clone().try_acquire_owned() {
            Ok(turn) => self.claim_now(name, turn),
            Err(_) => self.wait_for(turns.acquire_owned(), |session, turn| match turn {
                Ok(turn) => session.claim_now(name, turn),
                Err(_) => session.ask_again(&NameProblem::ServerBusy),
            }),
        }
    }

    fn claim_now(&mut self, name: Name, turn: OwnedSemaphorePermit) {
        let (thread, at, conn) = (self.thread.clone(), self.at(), self.peer.conn());
        let who = Identity::new(conn, name, None, self.ip);
        let key = self.peer.link().key();
        let me = who.clone();
        let work = async move {
            let turn = turn;
            let claimed = thread.registry.send(Claim { who: me.clone(), at });
            let lobby_ref = match reached(&thread, claimed).await? {
                Ok(Ok(lobby_ref)) => lobby_ref,
                Ok(Err(LoginError::Name(ClaimError::Registered(id)))) => {
                    // The store may take its time, and others are not to wait for that.
                    drop(turn);
                    return ask_account(&thread, id, me.name, key).await;
                }
                Ok(Err(why)) => return Err(why.into()),
                Err(_) => return Err(NameProblem::ServerBusy),
            };
            let member = Member::new(me, Picture::DEFAULT, None, at);
            let prefs = ReplayPrefs::default();
            enter(&thread, lobby_ref, Join { member, proof: None, kind: JoinKind::Login, prefs })
                .await
                .map(Admitted::Guest)
                .map_err(NameProblem::from)
        };
        self.wait_for(work, |session, result| match result {
            Ok(Admitted::Guest(entered)) => session.log_in(who, entered),
            Ok(Admitted::Known(account)) => session.log_in_to(*account),
            Ok(Admitted::Unproved(account)) => session.challenge(*account),
            Err(problem) => {
                let problem = why_not_in(&session.thread, problem);
                // Neither the one that is busy nor the one that bans may keep the name.
                if matches!(
                    problem,
                    NameProblem::ServerBusy | NameProblem::Banned(_) | NameProblem::Unreachable
                ) {
                    let release = ReleaseName(session.peer.conn());
                    session.thread.registry.do_send(release);
                }
                session.ask_again(&problem);
            }
        });
    }

    fn log_in(&mut self, who: Identity, entered: Entered) {
        // Other settings may be in force by now.
        self.take_form(&Settings::default());
        let (lobby, company) = entered.stay();
        self.begin_chat(User {
            who,
            lobby,
            away: None,
            settings: Settings::default(),
            asked: None,
            deleting: Confirmation::default(),
            left: LeftLobbies::default(),
        });
        if !self.peer.form().is_json() {
            self.show_motd();
        }
        self.tell_where(company);
        self.tell_program();
    }

    /// The name is somebody else's, who took it while this node was cut off: another one is asked for.
    pub(super) fn lose_name(&mut self, words: &[Text]) {
        let Phase::Chatting(user) = &self.phase else { return };
        let user = user.clone();
        // The one that is under way is about somebody who is not there.
        (self.request, self.held, self.lost) = (None, None, None);
        self.peer.came_back(usize::MAX);
        user.borrow().log_left();
        let (conn, name) = (self.peer.conn(), user.borrow().who.name.clone());
        info!(event = event::LOGGED_OUT, conn = conn.number(); "{name} lost their name meanwhile");
        self.end_held_with(words);
        self.phase = Phase::Naming { wrong_tokens: 0 };
        self.peer.answer(ask_name_again(self.peer.form(), &NameProblem::TakenMeanwhile));
        self.peer.wake();
    }

    /// What the operator wants everybody to read: below what was said before, and above what is for this
    /// user alone.
    pub(super) fn show_motd(&self) {
        let motd = self.thread.config.get().motd.clone();
        if !motd.is_empty() {
            self.show(|sheet| render::motd(sheet, &motd));
        }
    }

    /// The last of all that is shown to whoever has come in.
    pub(super) fn tell_where(&self, company: Option<Company>) {
        if let Some(company) = company {
            self.show(|sheet| render::company(sheet, &company));
        }
    }
}

/// Waits for something that needs the log, as long as that can be reached.
pub(super) async fn reached<T>(
    thread: &ThreadContext,
    work: impl Future<Output = T>,
) -> Result<T, NameProblem> {
    thread.log().reached(work).await.ok_or(NameProblem::Unreachable)
}

/// Why somebody is not let in: whatever it is that did not answer, that the log cannot be reached is why.
pub(super) fn why_not_in(thread: &ThreadContext, problem: NameProblem) -> NameProblem {
    match problem {
        NameProblem::ServerBusy | NameProblem::Taken if thread.log().is_away() => {
            NameProblem::Unreachable
        }
        problem => problem,
    }
}

/// How somebody came to be under the name that they gave.
enum Admitted {
    /// As a guest.
    Guest(Entered),
    /// It is an account's, which knows their key.
    Known(Box<Account>),
    /// It is an account's, and they have to prove that it is theirs.
    Unproved(Box<Account>),
}

/// Whether an account knows the key of whoever wants to log in to it.
async fn ask_account(
    thread: &ThreadContext,
    id: AccountId,
    name: Name,
    key: Option<Key>,
) -> Result<Admitted, NameProblem> {
    let account = thread.store.ask(ReadAccount(name.key())).await;
    let account = account.ok().flatten().ok_or(NameProblem::ServerBusy)?;
    // A token lets that in, and nothing else.
    if account.bot.is_some() {
        return Err(NameProblem::Taken);
    }
    let known = match key {
        Some(key) => thread.store.ask(AccountOfKey(account.name.key(), key)).await == Ok(Some(id)),
        None => false,
    };
    let account = Box::new(account);
    Ok(if known { Admitted::Known(account) } else { Admitted::Unproved(account) })
}
