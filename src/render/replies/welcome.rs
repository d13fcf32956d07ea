//! The first words and the last ones: banner, name, password, farewell.

use bytes::Bytes;

use crate::chat::directory::Refusal;
use crate::chat::name::{Name, NameError};
use crate::chat::registry::{ClaimError, LoginError};
use crate::chat::sanctions::Penalty;
use crate::render::Sheet;
use crate::render::form::{Colour, Form, Palette};
use crate::render::notices::OTHERS_GO_ON;
use crate::render::replies::{
    NOT_UTF8, SERVER_BUSY, UNREACHABLE, moderation, too_long, too_many_attempts,
};

/// What a client is sent at once: the banner, and the prompt where it `asks` for a name. Where bytes were sent
/// before it that are not to be seen, their row is erased.
pub fn welcome(form: Form, erase: bool, asks: bool) -> Bytes {
    let mut sheet = Sheet::new(form);
    if form.is_json() {
        return Bytes::new();
    }
    if erase {
        sheet.open();
    }
    sheet.newline().on(Colour::Cyan);
    for line in [
        "╔══════════════════════════════════════════════════════════╗",
        "║                                                          ║",
        "║         >> Welcome to the Ultimate Chat Server <<        ║",
        "║                                                          ║",
        "║   /help   all commands            /users  who is here    ║",
        "║   /quit   leave                                          ║",
        "║                                                          ║",
        "╚══════════════════════════════════════════════════════════╝",
    ] {
        sheet.fixed(line).newline();
    }
    sheet.off().newline();
    sheet.tinted(Colour::Green, "[● CONNECTED] You're live! Start chatting now...").newline();
    sheet.newline();
    if asks {
        sheet.ask(NAME_PROMPT);
    }
    sheet.take()
}

/// Asks for a name.
pub const NAME_PROMPT: &str = "Enter your username: ";

/// Why a name was not accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NameProblem {
    /// Not a valid name.
    Invalid(NameError),
    /// A command: that comes later.
    Command,
    /// Taken or reserved.
    Taken,
    /// It looks like this name.
    TooClose(Name),
    /// Somebody else took it while the node was cut off.
    TakenMeanwhile,
    /// Guests of this address are banned from the server.
    Banned(Penalty),
    /// The line was longer than any line may be; the limit of messages, in characters.
    LineTooLong(usize),
    /// Something inside does not answer.
    ServerBusy,
    /// This node is too far behind the others.
    Behind,
    /// A bot has shown a token that is not its own.
    WrongToken,
    /// This address gave too many wrong passwords or tokens; seconds to wait.
    TooManyAttempts(u64),
    /// The log of the cluster cannot be reached.
    Unreachable,
}

impl From<ClaimError> for NameProblem {
    fn from(error: ClaimError) -> Self {
        match error {
            // Whoever asks for it to log in is asked for its password instead.
            ClaimError::Taken | ClaimError::Registered(_) => Self::Taken,
            ClaimError::TooClose(name) => Self::TooClose(name),
        }
    }
}

impl From<LoginError> for NameProblem {
    fn from(error: LoginError) -> Self {
        match error {
            LoginError::Name(why) => why.into(),
            LoginError::Banned(penalty) => Self::Banned(penalty),
        }
    }
}

/// Says what is wrong with a name and asks again.
pub fn ask_name_again(form: Form, problem: &NameProblem) -> Bytes {
    let mut sheet = Sheet::new(form);
    // In a raw terminal Enter has not moved on from the line of the prompt.
    sheet.open().on(Colour::Red);
    name_problem(&mut sheet, problem);
    sheet.off().newline().fault().ask(NAME_PROMPT).take()
}

/// Says what is wrong with a name to whoever is not asked again.
pub fn name_refused(form: Form, problem: &NameProblem) -> Bytes {
    let mut sheet = Sheet::new(form);
    sheet.open().on(Colour::Red);
    name_problem(&mut sheet, problem);
    sheet.off().newline().fault().take()
}

pub(super) fn name_problem<'s>(sheet: &'s mut Sheet, problem: &NameProblem) -> &'s mut Sheet {
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
        NameProblem::Command => sheet.fixed("Pick a name first: 2-20 letters, numbers, - or _."),
        NameProblem::Taken => sheet.fixed("Username already taken, try another."),
        NameProblem::TooClose(name) => {
            sheet.fixed("Username too close to '").name(name).fixed("', try another.")
        }
        NameProblem::TakenMeanwhile => {
            sheet.fixed("Your name was taken while the servers could not be reached.")
        }
        NameProblem::Banned(length) => {
            let whom = match length.by_address {
                true => "Guests of your address are banned",
                false => "This name is banned",
            };
            moderation::penalty(sheet.fixed(whom), length)
        }
        NameProblem::LineTooLong(max) => too_long(sheet, *max as u64),
        NameProblem::ServerBusy => sheet.fixed(SERVER_BUSY),
        NameProblem::Behind => {
            sheet.fixed("This server is behind the others, try again in a moment.")
        }
        NameProblem::Unreachable => sheet.fixed(UNREACHABLE),
        NameProblem::WrongToken => sheet.fixed("Incorrect token."),
        NameProblem::TooManyAttempts(secs) => too_many_attempts(sheet, *secs),
    }
}

/// Asks for the password of an account.
pub const PASSWORD_PROMPT: &str = "Password: ";

/// Asks for the password of an account.
pub fn ask_password(form: Form) -> Bytes {
    Sheet::new(form).open_question().ask_secret(PASSWORD_PROMPT).take()
}

/// Asks for it again, after an empty line.
pub fn ask_password_after_nothing(form: Form) -> Bytes {
    Sheet::new(form).open_after_enter().ask_secret(PASSWORD_PROMPT).take()
}

/// Why a password did not let its user in, who may try again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PasswordProblem {
    /// It is wrong.
    Wrong,
    /// This address gave too many wrong ones; seconds to wait.
    TooManyAttempts(u64),
    /// It is no text.
    NotUtf8,
    /// Something inside does not answer.
    ServerBusy,
}

/// Says what is wrong with a password and asks again.
pub fn ask_password_again(form: Form, problem: PasswordProblem) -> Bytes {
    let mut sheet = Sheet::new(form);
    sheet.open().on(Colour::Red);
    password_problem(&mut sheet, problem);
    sheet.off().newline().fault().ask_secret(PASSWORD_PROMPT).take()
}

fn password_problem(sheet: &mut Sheet, problem: PasswordProblem) -> &mut Sheet {
    match problem {
        PasswordProblem::Wrong => sheet.fixed("Wrong password."),
        PasswordProblem::TooManyAttempts(secs) => too_many_attempts(sheet, secs),
        PasswordProblem::NotUtf8 => sheet.fixed(NOT_UTF8),
        PasswordProblem::ServerBusy => sheet.fixed(SERVER_BUSY),
    }
}

/// The question for a password, after what is wrong with the last one, for a client that shows it in its own way.
pub fn password_question(problem: Option<PasswordProblem>) -> String {
    let mut sheet = Sheet::new(Form { palette: Palette::None, bare: true, ..Form::default() });
    if let Some(problem) = problem {
        password_problem(&mut sheet, problem).fixed(" ");
    }
    String::from_utf8_lossy(&sheet.fixed(PASSWORD_PROMPT).take()).into_owned()
}

/// The last line of a connection that the server ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Farewell {
    /// The user said `/quit`.
    Quit,
    /// The server stops.
    Shutdown {
        /// Whether other servers of the same chat go on.
        others: bool,
    },
    /// A node of a cluster stops since it cannot go on: whoever is there is to come back.
    CannotGoOn {
        /// Whether others of it do.
        others: bool,
    },
    /// The client does not read what it is sent.
    TooSlow,
    /// No valid name in time.
    LoginTimeout,
    /// Too many wrong passwords at the login.
    WrongPasswords,
    /// Too many wrong passwords from this address; seconds to wait.
    TooManyAttempts(u64),
    /// The same account has logged in over another connection.
    Elsewhere,
    /// Kicked from the general lobby.
    Kicked,
    /// Banned from the server.
    Banned,
    /// The operator has given the account another password.
    NewPassword,
    /// The user is a bot, and was deleted.
    BotGone,
    /// The server takes nobody new, since it is about to restart.
    Restarting,
    /// Something broke that the session cannot do without.
    Fault,
    /// Nothing was sent for too long.
    Idle,
    /// TLS on the plain port; the port that speaks TLS, where there is one.
    SpeaksTls(Option<u16>),
}

/// What those are told who come while the server waits for the others to leave.
pub const RESTARTING: &str = "Server is restarting. Try again soon.";

/// What those are told whose address has as many connections as it may.
pub const TOO_MANY_FROM_ADDRESS: &str = "Too many connections from your IP. Try again later.";

/// What those are told for whom there is no place.
pub const FULL: &str = "Server is full. Try again later.";

/// Renders a farewell. No prompt follows it.
pub fn farewell(form: Form, farewell: Farewell) -> Bytes {
    let mut sheet = Sheet::new(form);
    sheet.open().on(Colour::Yellow);
    if let Farewell::Shutdown { others: true } | Farewell::CannotGoOn { others: true } = farewell {
        sheet.fixed(OTHERS_GO_ON).newline();
    }
    match farewell {
        Farewell::Quit => sheet.fixed("Disconnecting from server. Goodbye!"),
        Farewell::Shutdown { .. } => sheet.fixed("Server is shutting down. Goodbye!"),
        Farewell::TooSlow => sheet.fixed("You read too slowly and were disconnected."),
        Farewell::LoginTimeout => sheet.fixed("No username in time. Goodbye!"),
        Farewell::WrongPasswords => sheet.fixed("Too many wrong passwords. Goodbye!"),
        Farewell::TooManyAttempts(secs) => too_many_attempts(&mut sheet, secs),
        Farewell::Elsewhere => sheet.fixed("Logged in from elsewhere."),
        Farewell::Kicked => sheet.fixed("You were kicked. Goodbye!"),
        Farewell::Banned => sheet.fixed("You are banned from this server. Goodbye!"),
        Farewell::NewPassword => {
            sheet.fixed("This account has a new password. Log in with it again.")
        }
        Farewell::BotGone => sheet.fixed("This bot was deleted. Goodbye!"),
        Farewell::Restarting | Farewell::CannotGoOn { .. } => sheet.fixed(RESTARTING),
        Farewell::Fault => sheet.fixed("Something broke on the server. Please connect again."),
        Farewell::Idle => sheet.fixed("You were idle for too long. Goodbye!"),
        Farewell::SpeaksTls(Some(port)) => {
            sheet.fixed("This port does not speak TLS. Use port ").number(port.into()).fixed(".")
        }
        Farewell::SpeaksTls(None) => sheet.fixed("This server does not speak TLS."),
    };
    sheet.off().newline().last_words(farewell).take()
}

/// Where the page of this server is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PagePort {
    /// Its port.
    pub port: u16,
    /// Whether it is read over TLS.
    pub tls: bool,
}

/// What a browser is answered that took the port for one of HTTP, in its own words. The `host` is the name that
/// it knows this one by, where it has told that.
pub fn http_answer(page: Option<PagePort>, host: Option<&str>) -> Vec<u8> {
    let mut body = "This is a chat server: connect with nc, not with HTTP\n".to_owned();
    if let Some(PagePort { port, tls }) = page {
        let scheme = if tls { "https" } else { "http" };
        let host = host.unwrap_or("...");
        body.push_str(&format!(
            "For browsers it has a page, on port {port}: {scheme}://{host}:{port}/\n"
        ));
    }
    let length = body.len();
    let head = format!(
        "HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Type: text/plain\r\n\
         Content-Length: {length}\r\n\r\n"
    );
    (head + &body).into_bytes()
}

/// The one line of a script that comes over a connection over which its user chats already.
pub const CHATS_ALREADY: &[u8] =
    b"You are in the chat over this connection already: say it there.\n";

/// What a client is told that wants to copy files over SSH.
pub const NO_FILES: &[u8] = b"No files are transferred here.\n";

/// What a telnet client is answered that asks whether anybody is there (RFC 854, AYT).
pub const I_AM_HERE: &[u8] = b"\r\n[yes]\r\n";

/// The one line that a connection gets while the server waits for the others to leave.
pub fn restarting_line() -> Vec<u8> {
    line(RESTARTING)
}

/// The one line that a connection over a limit gets; none where it is closed without a word.
pub fn refusal(refusal: Refusal) -> Option<Vec<u8>> {
    match refusal {
        Refusal::TooOften => None,
        Refusal::TooManyFromAddress => Some(line(TOO_MANY_FROM_ADDRESS)),
        Refusal::Full => Some(line(FULL)),
    }
}

fn line(text: &str) -> Vec<u8> {
    format!("{text}\n").into_bytes()
}
