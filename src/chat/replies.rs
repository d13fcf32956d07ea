//! What the server says to one user: the wording of every answer and of every failure.

use bytes::Bytes;

use super::ansi::{BLOCK_START, Colour};
use super::command::{COMMANDS, Spec};
use super::directory::Refusal;
use super::lobbies::{Card, CreateError};
use super::name::{Name, NameError};
use super::password::MAX_PASSWORD_CHARS;
use super::pictures::{self, Picture};
use super::render::Sheet;
use super::room::{JoinError, PromptError};
use crate::ai::AiFailure;

/// A one-line answer to one user.
#[derive(Debug)]
pub enum Reply<'a> {
    /// The message, description or prompt is over this many characters.
    TooLong(usize),
    /// The lobby password is too long.
    PasswordTooLong,
    /// The question to Rox is over this many characters.
    QuestionTooLong(usize),
    /// Over the rate limit, for so many seconds more.
    RateLimited(u64),
    /// No such command.
    UnknownCommand,
    /// Wrong arguments.
    Usage(&'static Spec),
    /// No such user.
    UserNotFound,
    /// The lobby was made.
    Created {
        /// Its name.
        lobby: &'a Name,
        /// Whether it has a password.
        private: bool,
    },
    /// The lobby was not made.
    NotCreated(CreateError),
    /// The user stays where they were.
    NotJoined(&'a JoinError),
    /// The picture was set.
    PictureSet(Picture),
    /// The picture is the default again.
    PictureReset,
    /// No such picture.
    PictureUnknown,
    /// The prompt was set.
    PromptSet,
    /// The prompt was not set.
    PromptRefused(PromptError),
    /// The question was taken.
    AiThinking,
    /// There is no AI here.
    AiUnavailable,
    /// Too many questions are waiting.
    AiBusy,
    /// The question failed.
    AiFailed(AiFailure),
    /// Something inside does not answer; nothing was done.
    ServerBusy,
    /// The lobby broke and was set up again.
    LobbyRestarted,
}

/// Writes a one-line answer.
pub fn reply(sheet: &mut Sheet, reply: &Reply<'_>) {
    sheet.on(if reply.is_good() { Colour::Green } else { Colour::Red });
    match reply {
        Reply::TooLong(max) => too_long(sheet, *max as u64),
        Reply::PasswordTooLong => sheet
            .fixed("Password too long (max ")
            .number(MAX_PASSWORD_CHARS as u64)
            .fixed(" chars)"),
        Reply::QuestionTooLong(max) => {
            sheet.fixed("AI question too long. Max: ").number(*max as u64).fixed(" characters")
        }
        Reply::RateLimited(secs) => wait(sheet, "⚠ Rate limited! Wait ", *secs),
        Reply::UnknownCommand => sheet.fixed("Unknown command. Type /help for available commands."),
        Reply::Usage(spec) => usage(sheet.fixed("Usage: "), spec),
        Reply::UserNotFound => sheet.fixed("User not found."),
        Reply::Created { lobby, private } => created(sheet, lobby, *private),
        Reply::NotCreated(why) => sheet.fixed(match why {
            CreateError::BadName(_) => "Lobby name must be 2-20 letters, numbers, - or _",
            CreateError::Exists => "Lobby already exists",
            CreateError::TooManyOfUser => "You have too many lobbies",
            CreateError::TooMany => "Too many lobbies on this server",
        }),
        Reply::NotJoined(why) => match why {
            JoinError::NoSuchLobby => sheet.fixed("Lobby does not exist"),
            JoinError::WrongPassword => sheet.fixed("Incorrect password for private lobby"),
            JoinError::AlreadyThere(lobby) => {
                sheet.fixed("You are already in '").name(lobby).fixed("'")
            }
            JoinError::TooManyAttempts(secs) => wait(sheet, "Too many attempts. Wait ", *secs),
        },
        Reply::PictureSet(picture) => {
            sheet.fixed("Profile picture changed to: ").off().picture(*picture)
        }
        Reply::PictureReset => sheet.fixed("Profile picture reset to default."),
        Reply::PictureUnknown => {
            sheet.fixed("Profile picture not found. Use /sp list to see options.")
        }
        Reply::PromptSet => sheet.fixed("AI prompt updated!"),
        Reply::PromptRefused(why) => sheet.fixed(match why {
            PromptError::General => "Cannot set the prompt of the general lobby",
            PromptError::NotCreator => "Only the lobby creator can set the AI prompt",
        }),
        Reply::AiThinking => sheet.fixed("[AI] Thinking..."),
        Reply::AiUnavailable => sheet.fixed("AI is not available on this server"),
        Reply::AiBusy => sheet.fixed("AI is busy, try again in a moment."),
        Reply::AiFailed(why) => sheet.fixed(match why {
            AiFailure::RateLimited => "AI Error: Rate limit reached. Please wait and try again.",
            AiFailure::QuotaReached => "AI Error: Quota reached. Try later.",
            AiFailure::InvalidPrompt => "AI Error: Your prompt is invalid.",
            AiFailure::Unavailable => "AI Error: Please try again later.",
        }),
        Reply::ServerBusy => sheet.fixed("Server is busy, try again in a moment."),
        Reply::LobbyRestarted => sheet.fixed("The lobby had to be restarted. You are back in it."),
    };
    sheet.off().newline();
}

impl Reply<'_> {
    fn is_good(&self) -> bool {
        matches!(
            self,
            Self::Created { .. }
                | Self::PictureSet(_)
                | Self::PictureReset
                | Self::PromptSet
                | Self::AiThinking
        )
    }
}

fn too_long(sheet: &mut Sheet, max: u64) -> &mut Sheet {
    sheet.fixed("Message too long (max ").number(max).fixed(" chars)")
}

fn wait<'s>(sheet: &'s mut Sheet, what: &'static str, secs: u64) -> &'s mut Sheet {
    sheet.fixed(what).number(secs).fixed(" seconds.")
}

fn created<'s>(sheet: &'s mut Sheet, lobby: &Name, private: bool) -> &'s mut Sheet {
    sheet.fixed(if private { "Created private lobby '" } else { "Created public lobby '" });
    sheet.name(lobby).fixed("'. Use /join ").name(lobby);
    sheet.fixed(if private { " <password> to enter." } else { " to enter." })
}

/// A command's line of the help.
fn usage<'s>(sheet: &'s mut Sheet, spec: &Spec) -> &'s mut Sheet {
    sheet.fixed(spec.word);
    if !spec.args.is_empty() {
        sheet.fixed(" ").fixed(spec.args);
    }
    sheet.off().fixed(" - ").fixed(spec.help)
}

/// The answer to `/help`.
pub fn help(sheet: &mut Sheet) {
    sheet.tinted(Colour::Cyan, "=== Available Commands ===").newline();
    for spec in &COMMANDS {
        usage(sheet.fixed("  ").on(Colour::Yellow), spec).newline();
    }
}

/// The answer to `/users`.
pub fn users(sheet: &mut Sheet, lobby: &Name, users: &[(Picture, Name)]) {
    sheet.on(Colour::Cyan).fixed("=== Users in '").name(lobby).fixed("' (");
    sheet.number(users.len() as u64).fixed(") ===").off().newline();
    for (picture, name) in users {
        sheet
            .fixed("  ")
            .on(Colour::Yellow)
            .picture(*picture)
            .fixed(" ")
            .name(name)
            .off()
            .newline();
    }
}

/// The answer to `/lobbies`: each lobby with whether it is private.
pub fn lobbies(sheet: &mut Sheet, lobbies: &[(Card, bool)]) {
    sheet.on(Colour::Cyan).fixed("=== Available Lobbies (").number(lobbies.len() as u64);
    sheet.fixed(") ===").off().newline();
    for (card, private) in lobbies {
        sheet.fixed("Lobby: ").on(Colour::Yellow).name(&card.name).off().newline();
        sheet.fixed("  Privacy: ").fixed(if *private { "private" } else { "public" });
        sheet.fixed(" | AI: ").fixed(if card.custom_ai { "custom AI" } else { "default AI" });
        sheet.fixed(" | Created by: ").name(&card.creator);
        sheet.fixed(" | Users: ").number(card.users as u64).newline();
        sheet.fixed("  Description: ");
        if card.description.is_blank() {
            sheet.fixed("No description").newline();
        } else {
            sheet.line(&card.description).newline();
        }
    }
}

/// The answer to `/sp list`.
pub fn picture_list(sheet: &mut Sheet) {
    const NAME_COLUMNS: usize = 10;
    const BLANKS: &str = "          ";
    sheet.tinted(Colour::Cyan, "=== Available Profile Pictures ===").newline();
    for (name, picture) in pictures::all() {
        let pad = &BLANKS[..NAME_COLUMNS.saturating_sub(name.len())];
        sheet.fixed("  ").fixed(name).fixed(pad).fixed(" ");
        sheet.on(Colour::Yellow).picture(picture).off().newline();
    }
}

/// What a client is sent at once: the banner and the prompt for a name.
pub fn welcome() -> Bytes {
    let mut sheet = Sheet::default();
    sheet.newline().on(Colour::Cyan);
    for line in [
        "╔══════════════════════════════════════════════════════════╗\n",
        "║                                                          ║\n",
        "║         >> Welcome to the Ultimate Chat Server <<        ║\n",
        "║                                                          ║\n",
        "║   /help   all commands            /users  who is here    ║\n",
        "║   /quit   leave                                          ║\n",
        "║                                                          ║\n",
        "╚══════════════════════════════════════════════════════════╝\n",
    ] {
        sheet.fixed(line);
    }
    sheet.off().newline();
    sheet.tinted(Colour::Green, "[● CONNECTED] You're live! Start chatting now...").newline();
    sheet.newline().fixed(NAME_PROMPT).take()
}

const NAME_PROMPT: &str = "Enter your username: ";

/// Why a name was not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NameProblem {
    /// Not a valid name.
    Invalid(NameError),
    /// Taken or reserved.
    Taken,
    /// The line was longer than any line may be; the limit of messages, in characters.
    LineTooLong(usize),
    /// Something inside does not answer.
    ServerBusy,
}

/// Says what is wrong with a name and asks again.
pub fn ask_name_again(problem: NameProblem) -> Bytes {
    let mut sheet = Sheet::default();
    // In a raw terminal Enter has not moved on from the line of the prompt.
    sheet.fixed(BLOCK_START).on(Colour::Red);
    match problem {
        NameProblem::Invalid(NameError::TooShort) => {
            sheet.fixed("Username too short (min 2 characters)")
        }
        NameProblem::Invalid(NameError::TooLong) => {
            sheet.fixed("Username too long (max 20 characters)")
        }
        NameProblem::Invalid(NameError::BadCharacter) => {
            sheet.fixed("Username can only contain letters, numbers, - and _")
        }
        NameProblem::Taken => sheet.fixed("Username already taken, try another."),
        NameProblem::LineTooLong(max) => too_long(&mut sheet, max as u64),
        NameProblem::ServerBusy => sheet.fixed("Server is busy, try again in a moment."),
    };
    sheet.off().newline().fixed(NAME_PROMPT).take()
}

/// The last line of a connection that the server ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Farewell {
    /// The user said `/quit`.
    Quit,
    /// The server stops.
    Shutdown,
    /// The client does not read what it is sent.
    TooSlow,
    /// No valid name in time.
    LoginTimeout,
    /// Something broke that the session cannot do without.
    Fault,
    /// Nothing was sent for too long.
    Idle,
    /// TLS on the plain port; the port that speaks TLS, where there is one.
    SpeaksTls(Option<u16>),
}

/// Renders a farewell. No prompt follows it.
pub fn farewell(farewell: Farewell) -> Bytes {
    let mut sheet = Sheet::default();
    sheet.fixed(BLOCK_START).on(Colour::Yellow);
    match farewell {
        Farewell::Quit => sheet.fixed("Disconnecting from server. Goodbye!"),
        Farewell::Shutdown => sheet.fixed("Server is shutting down. Goodbye!"),
        Farewell::TooSlow => sheet.fixed("You read too slowly and were disconnected."),
        Farewell::LoginTimeout => sheet.fixed("No username in time. Goodbye!"),
        Farewell::Fault => sheet.fixed("Something broke on the server. Please connect again."),
        Farewell::Idle => sheet.fixed("You were idle for too long. Goodbye!"),
        Farewell::SpeaksTls(Some(port)) => {
            sheet.fixed("This port does not speak TLS. Use port ").number(port.into()).fixed(".")
        }
        Farewell::SpeaksTls(None) => sheet.fixed("This server does not speak TLS."),
    };
    sheet.off().newline().take()
}

/// The one line that a connection over a limit gets.
pub fn refusal(refusal: Refusal) -> &'static [u8] {
    match refusal {
        Refusal::TooManyFromAddress => b"Too many connections from your IP. Try again later.\n",
        Refusal::Full => b"Server is full. Try again later.\n",
    }
}

#[cfg(test)]
#[path = "replies_tests.rs"]
mod tests;
