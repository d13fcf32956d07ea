//! What the console does to users: what admins do in the chat, by the same orders to the Registry.

use std::sync::Arc;

use serde_json::json;

use super::{LIST_TIME, Outcome, Reach, STORE_TIME, ask};
use crate::actors::registry::messages::{
    CarriedOut, FindNear, FindOffender, FindTarget, ModerateError, ModerateServer,
};
use crate::chat::accounts::{Identity, Target};
use crate::chat::command::{self, Banning, Command, CommandError, Input};
use crate::chat::moderation::ServerModeration;
use crate::chat::name::Name;
use crate::chat::orders::{Named, OrderError, ServerOrder};
use crate::chat::roles::{Denied, Rank};
use crate::chat::sanctions::MAX_SANCTIONS;
use crate::chat::text::Line;
use crate::console::Answer;
use crate::render::server_sentence;

/// Stands for the name in a command: the true one may be what a command takes for something else.
const SOMEBODY: &str = "somebody";

/// A name that somebody may have.
pub(super) fn name(typed: &str) -> Result<Name, Answer> {
    Name::parse(typed).map_err(|why| Answer::misused(format!("bad name '{typed}': {why}")))
}

impl Reach {
    /// Whether what has to be on all nodes can get there.
    ///
    /// # Errors
    /// It cannot, which is told.
    pub(super) fn in_reach(&self) -> Result<(), Answer> {
        match self.store.log().is_away() {
            true => Err(Answer::failed("the other servers cannot be reached: nothing was done")),
            false => Ok(()),
        }
    }

    /// What is told where something was not done, for this: that the others went out of reach meanwhile says more.
    pub(super) fn not_done(&self, why: Answer) -> Answer {
        match self.in_reach() {
            Err(_) => {
                Answer::failed("the other servers cannot be reached: look whether it was done")
            }
            Ok(()) => why,
        }
    }

    /// Ends somebody's connection.
    pub(super) async fn kick(&self, typed: &str, reason: Option<&str>) -> Outcome {
        let whom = name(typed)?;
        let said = self.read("kick", SOMEBODY, reason)?;
        let Command::Kick { reason, .. } = said else { return Err(misread()) };
        let target = ask(&self.registry, "the Registry", LIST_TIME, FindTarget(whom.key())).await?;
        let target = self.found(target, &whom).await?;
        self.order(whom, ServerOrder::Kick { whom: target, reason }).await
    }

    /// Keeps somebody off the server, as `/gban` does.
    pub(super) async fn ban(&self, typed: &str, alone: bool, terms: Option<&str>) -> Outcome {
        let whom = name(typed)?;
        let said = self.read("gban", SOMEBODY, terms)?;
        let Command::ServerBan(Banning { mut terms, .. }) = said else { return Err(misread()) };
        terms.alone = alone;
        let target =
            ask(&self.registry, "the Registry", LIST_TIME, FindOffender(whom.key())).await?;
        let target = self.found(target, &whom).await?;
        self.order(whom, ServerOrder::Ban { whom: target, terms }).await
    }

    /// Lets somebody onto the server again, as `/gunban` does.
    pub(super) async fn unban(&self, typed: &str) -> Outcome {
        let name = name(typed)?;
        let whom = ask(&self.registry, "the Registry", LIST_TIME, FindTarget(name.key())).await?;
        let named = Named { key: name.key(), whom };
        self.order(name, ServerOrder::Unban(named)).await
    }

    /// Tells everybody something, as `/announce` does.
    pub(super) async fn announce(&self, text: &str) -> Outcome {
        let said = self.read("announce", text, None)?;
        let Command::Announce(text) = said else { return Err(misread()) };
        self.order(Name::console(), ServerOrder::Announce(text)).await
    }

    /// Reads the arguments as those of the command of the chat.
    fn read(&self, command: &str, first: &str, rest: Option<&str>) -> Result<Command, Answer> {
        let max_chars = self.config.get().max_message_chars;
        let line = Line::clean(&format!("/{command} {first} {}", rest.unwrap_or_default()));
        let Input::Command { parsed, over, .. } = command::parse(line, max_chars) else {
            return Err(misread());
        };
        if over.is_some() {
            return Err(Answer::misused(format!("too long: {max_chars} characters at most")));
        }
        parsed.map_err(|why| match why {
            CommandError::NotATime => Answer::misused(
                "times are 30s, 10m, 2h30m, 7d or 2w. A reason that begins with a digit or a sign stands in quotes: \
                 '\"3rd warning\"'",
            ),
            CommandError::Usage(_) => Answer::misused("there is nothing in it"),
            CommandError::Unknown(_) | CommandError::Bare | CommandError::Password(_) => misread(),
        })
    }

    async fn found(&self, target: Option<Target>, name: &Name) -> Result<Target, Answer> {
        if let Some(target) = target {
            return Ok(target);
        }
        let near = ask(&self.registry, "the Registry", LIST_TIME, FindNear(name.key())).await;
        let hint = near.ok().flatten().map(|near| format!("; did you mean {near}?"));
        Err(Answer::failed(format!("there is no user '{name}'{}", hint.unwrap_or_default())))
    }

    /// Has the Registry carry it out, which stores it, with its entry in the audit.
    async fn order(&self, about: Name, order: ServerOrder) -> Outcome {
        self.in_reach()?;
        let by = Identity::console();
        let done =
            ask(&self.registry, "the Registry", STORE_TIME, ModerateServer { by, order }).await?;
        let CarriedOut { what, also } = done.map_err(|why| match why {
            ModerateError::NotStored | ModerateError::Busy => self.not_done(refused(&why, &about)),
            ModerateError::Order(_) => refused(&why, &about),
        })?;
        let also: Vec<&str> = also.iter().map(Name::as_str).collect();
        Ok(json!({ "name": named(&what), "what": told(&what), "also": also }))
    }
}

/// Whom it was done to, in the spelling that they chose.
fn named(what: &ServerModeration) -> Option<&str> {
    match what {
        ServerModeration::Announce(_) => None,
        ServerModeration::Kick { name, .. } | ServerModeration::Unban { name, .. } => {
            Some(name.as_str())
        }
        ServerModeration::Ban { ban, .. } => Some(ban.name.as_str()),
    }
}

fn told(what: &Arc<ServerModeration>) -> String {
    server_sentence(what).as_str().to_owned()
}

/// A line of ours that is not read as what it was made as.
fn misread() -> Answer {
    Answer::misused("that is not understood")
}

fn refused(why: &ModerateError, about: &Name) -> Answer {
    Answer::failed(match why {
        ModerateError::Order(OrderError::Denied(Denied::Outranked(Rank::Admin))) => {
            format!("{about} is an admin: take the name out of CHAT_ADMINS and reload first")
        }
        ModerateError::Order(OrderError::NotConnected(name)) => format!("{name} is not connected"),
        ModerateError::Order(OrderError::NotBanned) => {
            format!("nobody called {about} is banned from the server")
        }
        ModerateError::Order(OrderError::TooMany) => {
            format!("there are {MAX_SANCTIONS} bans already: take one back first")
        }
        ModerateError::Order(why) => why.to_string(),
        ModerateError::NotStored => "the database cannot be written: nothing was done".to_owned(),
        ModerateError::Busy => "something inside does not answer: nothing was done".to_owned(),
    })
}
