//! What the server says to one user: the wording of every answer and of every failure.

mod account;
mod bots;
mod help;
mod lists;
mod moderation;
mod personal;
mod records;
mod rox;
mod welcome;

use std::sync::Arc;

use crate::ai::AiFailure;
use crate::ai::budget::OverBudget;
use crate::chat::accounts::MIN_ACCOUNT_PASSWORD_CHARS;
use crate::chat::command::Spec;
use crate::chat::hold::NotSent;
use crate::chat::lobbies::CreateError;
use crate::chat::lobby::JoinError;
use crate::chat::name::Name;
use crate::chat::password::{MAX_PASSWORD_CHARS, PasswordFault};
use crate::chat::text::Line;
use crate::render::form::Colour;
pub use crate::render::replies::account::{AccountReply, ask_secret, secret_prompt};
pub use crate::render::replies::bots::{BotReply, bots, hooks};
pub use crate::render::replies::help::{explain, help, topic};
pub use crate::render::replies::lists::{
    candidates, lobbies, lobby, more_lobbies, picture_list, user, users,
};
pub use crate::render::replies::moderation::ModerationReply;
pub use crate::render::replies::personal::{PersonalReply, TakenFor};
pub use crate::render::replies::records::{
    AuditLine, Online, Place, Whois, audit, audit_line, ban, bans, found, history, ignored, keys,
    mail, whois,
};
pub use crate::render::replies::rox::UsageTold;
pub use crate::render::replies::welcome::{
    CHATS_ALREADY, FULL, Farewell, I_AM_HERE, NAME_PROMPT, NO_FILES, NameProblem, PASSWORD_PROMPT,
    PagePort, PasswordProblem, RESTARTING, TOO_MANY_FROM_ADDRESS, ask_name_again, ask_password,
    ask_password_after_nothing, ask_password_again, farewell, http_answer, name_refused,
    password_question, refusal, restarting_line, welcome,
};
use crate::render::{Sheet, json};

/// A one-line answer to one user.
#[derive(Debug, Clone)]
pub enum Reply {
    /// The message, description or prompt is over this many characters.
    TooLong(usize),
    /// The password is too long.
    PasswordTooLong,
    /// The password of an account is too short.
    PasswordTooShort,
    /// What was given as a password is none.
    NoPassword(PasswordFault),
    /// What was given as a time is none.
    NotATime,
    /// The question to Rox is over this many characters.
    QuestionTooLong(usize),
    /// What a program sent is none of the objects that are understood.
    NotAnObject,
    /// Over the rate limit, for so many seconds more.
    RateLimited(u64),
    /// So many lines wait, and go out when a limit lets them through.
    Kept {
        /// That limit.
        limit: Limit,
        /// Seconds until then.
        secs: u64,
        /// How many wait.
        lines: usize,
    },
    /// Lines were not sent.
    NotSent(NotSent),
    /// No such command; what may have been meant.
    UnknownCommand(Option<&'static str>),
    /// No such topic and no such command; what may have been meant.
    NoHelp(Option<&'static str>),
    /// A message that was most likely meant for the server.
    BareWord,
    /// Wrong arguments.
    Usage(&'static Spec),
    /// No such user; whose name is near.
    UserNotFound(Option<Name>),
    /// The lobby was made.
    Created {
        /// Its name.
        lobby: Name,
        /// Its password, where it has one: whoever meant a description should see it.
        password: Option<Line>,
    },
    /// The lobby was not made.
    NotCreated(CreateError),
    /// The user stays where they were.
    NotJoined(JoinError),
    /// The picture is the default again.
    PictureReset,
    /// No such picture.
    PictureUnknown,
    /// The prompt was set.
    PromptSet,
    /// The prompt is the default again.
    PromptReset,
    /// The prompt is this; none is the default.
    Prompt(Option<Line>),
    /// The question was taken.
    AiThinking,
    /// There is no AI here.
    AiUnavailable,
    /// Too many questions are waiting.
    AiBusy,
    /// The lobby does without the AI.
    AiOff,
    /// The lobby has the AI.
    AiOn,
    /// A budget is used up.
    AiOverBudget(OverBudget),
    /// Nobody has missed anything.
    NothingMissed,
    /// There is no question that could be stopped.
    NothingToStop,
    /// What was asked ends without an answer, or without the rest of it: somebody wanted that.
    AiStopped,
    /// The questions are others'.
    NotTheirsToStop,
    /// The conversation with the AI is forgotten.
    AiForgot,
    /// What somebody has missed, as the AI sums it up.
    AiSummary(Arc<[Line]>),
    /// What was used of the budgets of the AI.
    AiUsage(Arc<UsageTold>),
    /// The question failed.
    AiFailed(AiFailure),
    /// A search looks through too much.
    SearchTooSlow,
    /// It has to be in the log of the cluster, which cannot be reached.
    Unreachable,
    /// Something inside does not answer; nothing was done.
    ServerBusy,
    /// What must last could not be stored; nothing was done.
    NotStored,
    /// The lobby broke and was set up again.
    LobbyRestarted,
    /// About one's account.
    Account(AccountReply),
    /// About oneself, and whom one hears.
    Personal(PersonalReply),
    /// About what operators, owners and admins do.
    Moderation(ModerationReply),
    /// About bots and hooks.
    Bot(BotReply),
}

/// What makes lines wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// The limit of messages of a user.
    Rate,
    /// The slow mode of the lobby.
    Slow,
}

impl From<AccountReply> for Reply {
    fn from(reply: AccountReply) -> Self {
        Self::Account(reply)
    }
}

impl From<PersonalReply> for Reply {
    fn from(reply: PersonalReply) -> Self {
        Self::Personal(reply)
    }
}

impl From<ModerationReply> for Reply {
    fn from(reply: ModerationReply) -> Self {
        Self::Moderation(reply)
    }
}

impl From<BotReply> for Reply {
    fn from(reply: BotReply) -> Self {
        Self::Bot(reply)
    }
}

/// Writes a one-line answer.
pub fn reply(sheet: &mut Sheet, reply: &Reply) {
    if sheet.form().is_json() {
        return json::reply(sheet, reply, |sheet| told(sheet, reply));
    }
    told(sheet, reply);
}

fn told(sheet: &mut Sheet, reply: &Reply) {
    match reply {
        Reply::AiSummary(rows) => rox::summary(sheet, rows),
        Reply::AiUsage(told) => rox::usage(sheet, told),
        reply => _ = sheet.fitting(|sheet| worded(sheet, reply)),
    }
}

fn worded(sheet: &mut Sheet, reply: &Reply) {
    sheet.on(if reply.is_good() { Colour::Green } else { Colour::Red });
    match reply {
        Reply::TooLong(max) => too_long(sheet, *max as u64),
        Reply::PasswordTooLong => password_too_long(sheet),
        Reply::PasswordTooShort => password_too_short(sheet),
        Reply::NoPassword(PasswordFault::NotUtf8) => sheet.fixed(NOT_UTF8),
        Reply::NotATime => sheet.fixed("Times are 30s, 10m, 2h30m, 7d or 2w."),
        Reply::QuestionTooLong(max) => {
            sheet.fixed("AI question too long. Max: ").number(*max as u64).fixed(" characters")
        }
        Reply::NotAnObject => sheet.fixed(
            "Expected a line, {\"say\": \"text\"}, {\"command\": \"/help\"} or {\"since\": 17}.",
        ),
        Reply::RateLimited(secs) => wait(sheet, RATE_LIMITED, *secs),
        Reply::Kept { limit, secs, lines } => kept(sheet, *limit, *secs, *lines as u64),
        Reply::NotSent(what) => not_sent(sheet, what),
        Reply::UnknownCommand(near) => did_you_mean(sheet.fixed(UNKNOWN), "", *near),
        Reply::NoHelp(near) => did_you_mean(sheet.fixed(UNKNOWN), "/help ", *near),
        Reply::BareWord => sheet.fixed("Type /quit to leave or /help for help; /say quit says it."),
        Reply::Usage(spec) => sheet.fitting(|sheet| _ = help::usage(sheet.fixed("Usage: "), spec)),
        Reply::UserNotFound(near) => {
            sheet.fixed("User not found.");
            match near {
                Some(near) => sheet.fixed(" Did you mean ").name(near).fixed("?"),
                None => sheet,
            }
        }
        Reply::Created { lobby, password } => created(sheet, lobby, password.as_ref()),
        Reply::NotCreated(why) => not_created(sheet, why),
        Reply::NotJoined(why) => not_joined(sheet, why),
        Reply::PictureReset => sheet.fixed("Profile picture reset to default."),
        Reply::PictureUnknown => {
            sheet.fixed("Profile picture not found. Use /sp list to see options.")
        }
        Reply::PromptSet => sheet.fixed("AI prompt updated!"),
        Reply::PromptReset => sheet.fixed("The AI has its own personality again."),
        Reply::Prompt(None) => sheet.fixed("The AI has its own personality here."),
        Reply::Prompt(Some(prompt)) => sheet.fixed("AI prompt: ").off().line(prompt),
        Reply::AiThinking => sheet.fixed("[AI] Thinking..."),
        Reply::AiUnavailable => sheet.fixed(AI_UNAVAILABLE),
        Reply::AiBusy => sheet.fixed("AI is busy, try again in a moment."),
        Reply::AiOff => sheet.fixed("AI is off in this lobby"),
        Reply::AiOn => sheet.fixed("AI is on in this lobby"),
        Reply::AiOverBudget(why) => over_budget(sheet, *why),
        Reply::NothingMissed => sheet.fixed("You missed nothing here."),
        Reply::AiStopped => sheet.fixed("[AI] Stopped."),
        Reply::NothingToStop => sheet.fixed("Nothing to stop."),
        Reply::NotTheirsToStop => sheet.fixed("Only the asker or an operator can do that."),
        Reply::AiForgot => sheet.fixed("Rox has forgotten what was asked here."),
        // These have rows, and are written by themselves.
        Reply::AiSummary(_) | Reply::AiUsage(_) => sheet,
        Reply::AiFailed(why) => sheet.fixed(match why {
            AiFailure::RateLimited => "AI Error: Rate limit reached. Please wait and try again.",
            AiFailure::QuotaReached => "AI Error: Quota reached. Try later.",
            AiFailure::InvalidPrompt => "AI Error: Your prompt is invalid.",
            AiFailure::Misconfigured => "AI Error: The server's AI is not set up right.",
            AiFailure::NoProvider => AI_UNAVAILABLE,
            AiFailure::Unavailable => "AI Error: Please try again later.",
        }),
        Reply::SearchTooSlow => sheet.fixed("Too much to look through. Be more exact."),
        Reply::ServerBusy => sheet.fixed(SERVER_BUSY),
        Reply::Unreachable => sheet.fixed(UNREACHABLE),
        Reply::NotStored => sheet.fixed("That could not be stored, so nothing was changed."),
        Reply::LobbyRestarted => sheet.fixed("The lobby had to be restarted. You are back in it."),
        Reply::Account(reply) => reply.write(sheet),
        Reply::Personal(reply) => reply.write(sheet),
        Reply::Moderation(reply) => reply.write(sheet),
        Reply::Bot(reply) => reply.write(sheet),
    };
    sheet.off().newline();
}

impl Reply {
    /// Whether what was asked for was done.
    pub fn is_good(&self) -> bool {
        match self {
            Self::Created { .. }
            | Self::PictureReset
            | Self::PromptSet
            | Self::PromptReset
            | Self::Prompt(_)
            | Self::AiThinking
            | Self::AiOn
            | Self::AiStopped
            | Self::NothingMissed
            | Self::AiForgot
            | Self::AiSummary(_)
            | Self::AiUsage(_) => true,
            Self::Account(reply) => reply.is_good(),
            Self::Personal(reply) => reply.is_good(),
            Self::Moderation(reply) => reply.is_good(),
            Self::Bot(reply) => reply.is_good(),
            Self::TooLong(_)
            | Self::PasswordTooLong
            | Self::PasswordTooShort
            | Self::NoPassword(_)
            | Self::NotATime
            | Self::QuestionTooLong(_)
            | Self::RateLimited(_)
            | Self::NotAnObject
            | Self::Kept { .. }
            | Self::NotSent(_)
            | Self::UnknownCommand(_)
            | Self::NoHelp(_)
            | Self::BareWord
            | Self::Usage(_)
            | Self::UserNotFound(_)
            | Self::NotCreated(_)
            | Self::NotJoined(_)
            | Self::PictureUnknown
            | Self::AiUnavailable
            | Self::AiBusy
            | Self::AiOff
            | Self::AiOverBudget(_)
            | Self::NothingToStop
            | Self::NotTheirsToStop
            | Self::AiFailed(_)
            | Self::SearchTooSlow
            | Self::ServerBusy
            | Self::Unreachable
            | Self::NotStored
            | Self::LobbyRestarted => false,
        }
    }
}

fn password_too_long(sheet: &mut Sheet) -> &mut Sheet {
    sheet.fixed("Password too long (max ").number(MAX_PASSWORD_CHARS as u64).fixed(" chars)")
}

fn password_too_short(sheet: &mut Sheet) -> &mut Sheet {
    let min = MIN_ACCOUNT_PASSWORD_CHARS as u64;
    sheet.fixed("Password too short (min ").number(min).fixed(" chars)")
}

const NOT_UTF8: &str =
    "This password is not valid UTF-8. Set your terminal to UTF-8 and type it again.";

const WRONG_LOBBY_PASSWORD: &str = "Incorrect password for private lobby";

const UNKNOWN: &str = "Unknown command. Type /help for available commands.";

const AI_UNAVAILABLE: &str = "AI is not available on this server";

const UNREACHABLE: &str = "The other servers cannot be reached, try again in a moment.";
const SERVER_BUSY: &str = "Server is busy, try again in a moment.";

fn too_long(sheet: &mut Sheet, max: u64) -> &mut Sheet {
    sheet.fixed("Message too long (max ").number(max).fixed(" chars)")
}

fn did_you_mean<'s>(
    sheet: &'s mut Sheet,
    command: &'static str,
    near: Option<&'static str>,
) -> &'s mut Sheet {
    match near {
        Some(near) => sheet.fixed(" Did you mean ").fixed(command).fixed(near).fixed("?"),
        None => sheet,
    }
}

fn wait<'s>(sheet: &'s mut Sheet, what: &'static str, secs: u64) -> &'s mut Sheet {
    sheet.fixed(what).number(secs).fixed(" seconds.")
}

const RATE_LIMITED: &str = "⚠ Rate limited! Wait ";

const SLOW_MODE: &str = "⚠ Slow mode! Wait ";

fn kept(sheet: &mut Sheet, limit: Limit, secs: u64, lines: u64) -> &mut Sheet {
    let what = match limit {
        Limit::Rate => RATE_LIMITED,
        Limit::Slow => SLOW_MODE,
    };
    wait(sheet, what, secs);
    match lines {
        1 => sheet.fixed(" Your line is kept and sent then."),
        lines => sheet.fixed(" Your ").number(lines).fixed(" lines are kept and sent then."),
    }
}

fn not_sent<'s>(sheet: &'s mut Sheet, what: &NotSent) -> &'s mut Sheet {
    sheet.fixed("Not sent: ").number(what.lines as u64);
    sheet.fixed(if what.lines == 1 { " line" } else { " lines" });
    // A line over what any line may have is dropped as it comes, and has no beginning.
    match what.first.is_blank() {
        true => sheet.fixed("."),
        false => sheet.fixed(", from: ").line(&what.first),
    }
}

fn over_budget(sheet: &mut Sheet, why: OverBudget) -> &mut Sheet {
    let (what, wait) = match why {
        OverBudget::Day => return sheet.fixed("AI budget of today is used up."),
        OverBudget::Hour(wait) => ("AI budget of this hour is used up. Wait ", wait),
        OverBudget::CatchUp(wait) => ("Once in 10 minutes. Wait ", wait),
    };
    // The true time, rounded up.
    let minutes = u64::try_from(wait.as_millis().div_ceil(60_000)).unwrap_or(u64::MAX).max(1);
    sheet.fixed(what).number(minutes).fixed(" minutes.")
}

fn too_many_attempts(sheet: &mut Sheet, secs: u64) -> &mut Sheet {
    wait(sheet, "Too many attempts. Wait ", secs)
}

fn created<'s>(sheet: &'s mut Sheet, lobby: &Name, password: Option<&Line>) -> &'s mut Sheet {
    let Some(password) = password else {
        sheet.fixed("Created public lobby '").name(lobby).fixed("'. Use /join ").name(lobby);
        return sheet.fixed(" to enter.");
    };
    sheet.fixed("Created private lobby '").name(lobby).fixed("'. Use /join ").name(lobby);
    sheet.fixed(" <password> to enter.").newline().fixed("Password: ").line(password)
}

fn not_created<'s>(sheet: &'s mut Sheet, why: &CreateError) -> &'s mut Sheet {
    match why {
        CreateError::BadName(_) => sheet.fixed("Lobby name must be 2-20 letters, numbers, - or _"),
        CreateError::Exists => sheet.fixed("Lobby already exists"),
        CreateError::TooClose(lobby) => {
            sheet.fixed("Lobby name too close to '").name(lobby).fixed("', try another.")
        }
        CreateError::TooManyOfUser => sheet.fixed("You have too many lobbies"),
        CreateError::TooMany => sheet.fixed("Too many lobbies on this server"),
    }
}

fn not_joined<'s>(sheet: &'s mut Sheet, why: &JoinError) -> &'s mut Sheet {
    match why {
        JoinError::NoSuchLobby => sheet.fixed("Lobby does not exist"),
        JoinError::WrongPassword => sheet.fixed(WRONG_LOBBY_PASSWORD),
        JoinError::NeedsPassword(lobby) => {
            sheet.fixed(WRONG_LOBBY_PASSWORD).fixed(" It needs one: /join ").name(lobby);
            sheet.fixed(" <password>")
        }
        JoinError::AlreadyThere(lobby) => {
            sheet.fixed("You are already in '").name(lobby).fixed("'")
        }
        JoinError::TooManyAttempts(secs) => too_many_attempts(sheet, *secs),
        JoinError::Banned(lobby, penalty) => {
            sheet.fixed("You are banned from '").name(lobby).fixed("'");
            moderation::penalty(sheet, penalty)
        }
    }
}

#[cfg(test)]
mod tests;
