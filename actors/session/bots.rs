//! A bot at the name prompt: its token, and the way into the general lobby without a word.

use bytes::Bytes;
use log::info;

use super::password::{ProofError, too_many_wrong};
use super::{Phase, Session};
use crate::actors::registry::messages::{BeginGuess, EndGuess};
use crate::actors::shard::ThreadContext;
use crate::actors::store::messages::ReadAccount;
use crate::chat::accounts::MAX_LOGIN_TRIES;
use crate::chat::bot::{Introduction, TokenHash};
use crate::chat::name::{Name, NameKey};
use crate::fanout::peer::Peer;
use crate::logging::event;
use crate::render::replies::{Farewell, NameProblem};
use crate::render::{Form, Json};
use crate::store::Account;

impl Session {
    /// A bot says who it is.
    pub(super) fn introduce(&mut self, who: Introduction) {
        if self.thread.health.is_behind() {
            return self.ask_again(&NameProblem::Behind);
        }
        let (thread, peer, json) = (self.thread.clone(), self.peer.clone(), who.json);
        let work = async move { proved(&thread, &peer, &who).await };
        self.wait_for(work, move |session, proved| match proved {
            Ok(account) => {
                session.begin_program(json);
                session.log_in_to(account);
            }
            Err(ProofError::Wrong) => session.token_was_wrong(),
            Err(ProofError::TooMany(secs)) => {
                session.ask_again(&NameProblem::TooManyAttempts(secs));
            }
            Err(ProofError::Busy) => session.ask_again(&NameProblem::ServerBusy),
        });
    }

    /// Whatever it came by, from here on it sends lines and is shown nothing but text, or objects.
    fn begin_program(&mut self, json: bool) {
        let before = self.peer.form();
        if !before.is_json() {
            self.peer.set_form(Form { bare: true, edited: false, ..before });
            self.settle_manner();
        }
        if json {
            self.begin_json();
        }
    }

    /// From here on it is shown objects. Those of a WebSocket are in frames already, and stay in them; else the
    /// first is not to stand behind the prompt, on whose line it would be no object to whoever reads lines.
    fn begin_json(&self) {
        let before = self.peer.form();
        if before.is_json() {
            return;
        }
        self.peer.push(Bytes::from_static(if before.crlf { b"\r\n" } else { b"\n" }));
        self.peer.set_form(Form::json(Json::Lines));
    }

    fn token_was_wrong(&mut self) {
        let Phase::Naming { wrong_tokens } = &mut self.phase else { return };
        *wrong_tokens += 1;
        if usize::from(*wrong_tokens) >= MAX_LOGIN_TRIES {
            return self.close(Some(Farewell::WrongPasswords));
        }
        self.ask_again(&NameProblem::WrongToken);
    }
}

/// The bot of this name, which has shown its token, within the limit for wrong passwords of the address.
async fn proved(
    thread: &ThreadContext,
    peer: &Peer,
    who: &Introduction,
) -> Result<Account, ProofError> {
    let conn = peer.conn();
    let allowed = thread.registry.send(BeginGuess(conn)).await.map_err(|_| ProofError::Busy)?;
    allowed.map_err(|secs| too_many_wrong(peer, secs))?;
    // Whatever was typed as the name, one is looked for: that there is none takes no less time.
    let key = Name::parse(&who.name).map_or_else(|_| NameKey::of(&who.name), |name| name.key());
    let found = thread.store.ask(ReadAccount(key)).await;
    let account = found.as_ref().ok().and_then(|account| account.as_ref());
    let bot = account.and_then(|account| account.bot);
    let hash = bot.map_or(TokenHash([0; 32]), |bot| bot.token);
    let matches = who.token.as_ref().is_some_and(|token| hash.is_of(token));
    let right = bot.is_some() && matches;
    thread.registry.do_send(EndGuess { conn, wrong: found.is_ok() && !right });
    match found {
        Ok(Some(account)) if right => Ok(account),
        Ok(_) => {
            let from = peer.arrived().from.host();
            info!(event = event::WRONG_PASSWORD, conn = conn.number(); "wrong token of a bot from {from}");
            Err(ProofError::Wrong)
        }
        Err(_) => Err(ProofError::Busy),
    }
}
