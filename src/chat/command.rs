//! What a line means: the one table of commands, and the parser that reads it.

use super::password::{MAX_PASSWORD_CHARS, Secret};
use super::text::Line;

/// A line that a logged-in user sent, understood.
#[derive(Debug)]
pub enum Input {
    /// Nothing to see: ignored.
    Blank,
    /// A message to the lobby.
    Say(Line),
    /// A line over the limit of lines.
    Overlong,
    /// A command, or an attempt at one.
    Command {
        /// Whether it counts against the rate limit.
        counted: bool,
        /// What to do.
        parsed: Result<Command, CommandError>,
    },
}

/// A command with its arguments.
#[derive(Debug, PartialEq, Eq)]
pub enum Command {
    /// `/help`
    Help,
    /// `/users`
    Users,
    /// `/lobbies`
    Lobbies,
    /// `/create`; the name as typed, no password for a public lobby.
    Create(NewLobby),
    /// `/join`; the name as typed.
    Join {
        /// The lobby's name, as typed.
        lobby: String,
        /// The password, where one was given.
        password: Option<Secret>,
    },
    /// `/sp <name>`
    SetPicture(String),
    /// `/sp list`
    ListPictures,
    /// `/sp`, `/sp default`
    ResetPicture,
    /// `/msg`
    Message(Addressed),
    /// `/tag`
    Tag(Addressed),
    /// `/ai`; without a question it is answered with its usage, where there is an AI at all.
    Ask(Option<Line>),
    /// `/setai`
    SetPrompt(Line),
    /// `/quit`
    Quit,
}

/// The arguments of `/create`.
#[derive(Debug, PartialEq, Eq)]
pub struct NewLobby {
    /// The name as typed.
    pub name: String,
    /// The password; none for a public lobby.
    pub password: Option<Secret>,
    /// The description.
    pub description: Line,
}

/// A text to one user.
#[derive(Debug, PartialEq, Eq)]
pub struct Addressed {
    /// The name as typed.
    pub to: String,
    /// The text.
    pub text: Line,
}

/// What of a command is too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OverLimit {
    /// A text that others would see.
    Text,
    /// A lobby password.
    Password,
    /// A question to Rox.
    Question,
}

impl Command {
    /// Whether an argument is over its limit, where texts may have `max_chars` Unicode characters.
    /// A password that is given to get in is not judged: it is simply wrong.
    pub fn over_limit(&self, max_chars: usize) -> Option<OverLimit> {
        let over = |text: &Line| text.chars() > max_chars;
        match self {
            Self::Create(new) => {
                let long = |p: &Secret| p.chars() > MAX_PASSWORD_CHARS;
                if new.password.as_ref().is_some_and(long) {
                    return Some(OverLimit::Password);
                }
                over(&new.description).then_some(OverLimit::Text)
            }
            Self::Message(a) | Self::Tag(a) => over(&a.text).then_some(OverLimit::Text),
            Self::SetPrompt(prompt) => over(prompt).then_some(OverLimit::Text),
            Self::Ask(Some(question)) => over(question).then_some(OverLimit::Question),
            _ => None,
        }
    }
}

/// Why a line that starts with `/` is no command.
#[derive(Debug, Clone, Copy, thiserror::Error)]
pub enum CommandError {
    /// No such word in the table.
    #[error("unknown command")]
    Unknown,
    /// Something is missing, or there is too much.
    #[error("wrong arguments")]
    Usage(&'static Spec),
}

/// A row of the table: all that help, the parser and the rate limit know of a command.
#[derive(Debug)]
pub struct Spec {
    /// The command word, in lower case, with its slash.
    pub word: &'static str,
    /// Its arguments, as in the help.
    pub args: &'static str,
    /// What it does.
    pub help: &'static str,
    /// Whether it counts as a message for the rate limit.
    pub counted: bool,
    parse: fn(&mut Args<'_>) -> Option<Command>,
}

/// The word that says a new lobby has no password.
const NO_PASSWORD: &str = "no-pass";

/// Every command, in the order of the help.
pub static COMMANDS: [Spec; 11] = [
    Spec {
        word: "/help",
        args: "",
        help: "Show this list",
        counted: true,
        parse: |_| Some(Command::Help),
    },
    Spec {
        word: "/users",
        args: "",
        help: "Show who is in this lobby",
        counted: true,
        parse: |_| Some(Command::Users),
    },
    Spec {
        word: "/lobbies",
        args: "",
        help: "Show all lobbies",
        counted: true,
        parse: |_| Some(Command::Lobbies),
    },
    Spec {
        word: "/create",
        args: "<name> [password] <desc>",
        help: "Make a lobby; no-pass for no password",
        counted: true,
        parse: create,
    },
    Spec {
        word: "/join",
        args: "<name> [password]",
        help: "Go to another lobby",
        counted: true,
        parse: |args| {
            let (lobby, password) = (args.word()?, args.word());
            args.end()?;
            Some(Command::Join { lobby, password: password.as_deref().map(Secret::new) })
        },
    },
    Spec {
        word: "/sp",
        args: "<name> | list | default",
        help: "Set your profile picture",
        counted: true,
        parse: |args| {
            let choice = args.word().unwrap_or_default();
            args.end()?;
            Some(match choice.to_ascii_lowercase().as_str() {
                "" | "default" => Command::ResetPicture,
                "list" => Command::ListPictures,
                name => Command::SetPicture(name.to_owned()),
            })
        },
    },
    Spec {
        word: "/msg",
        args: "<user> <message>",
        help: "Send a private message",
        counted: true,
        parse: |args| Some(Command::Message(args.addressed()?)),
    },
    Spec {
        word: "/tag",
        args: "<user> <message>",
        help: "Say something to the lobby and alert one user",
        counted: true,
        parse: |args| Some(Command::Tag(args.addressed()?)),
    },
    Spec {
        word: "/ai",
        args: "<question>",
        help: "Ask Rox, the assistant; the whole lobby sees the answer",
        counted: true,
        parse: |args| Some(Command::Ask(args.rest())),
    },
    Spec {
        word: "/setai",
        args: "<prompt>",
        help: "Give the AI of a lobby that you made another personality",
        counted: true,
        parse: |args| Some(Command::SetPrompt(args.rest()?)),
    },
    Spec {
        word: "/quit",
        args: "",
        help: "Disconnect",
        counted: false,
        parse: |_| Some(Command::Quit),
    },
];

/// Two words are a name and a description; of more, the second is the password.
fn create(args: &mut Args<'_>) -> Option<Command> {
    let (name, second) = (args.word()?, args.word()?);
    let new = match args.free_text() {
        None => NewLobby { name, password: None, description: Line::clean(&second) },
        Some(_) if second.is_empty() => return None,
        Some(description) => {
            let open = second == NO_PASSWORD;
            NewLobby { name, password: (!open).then(|| Secret::new(&second)), description }
        }
    };
    Some(Command::Create(new))
}

/// The row of a command word, for its usage line.
pub fn spec(word: &str) -> Option<&'static Spec> {
    COMMANDS.iter().find(|s| s.word.eq_ignore_ascii_case(word))
}

/// Understands a line of a logged-in user.
pub fn parse(line: Line) -> Input {
    if line.is_blank() {
        return Input::Blank;
    }
    let Some(command) = line.as_str().strip_prefix('/') else {
        return Input::Say(line);
    };
    if command.starts_with('/') {
        return Input::Say(Line::clean(command));
    }
    let text = line.as_str();
    let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
    let Some(spec) = spec(word) else {
        return Input::Command { counted: true, parsed: Err(CommandError::Unknown) };
    };
    let parsed = (spec.parse)(&mut Args { rest }).ok_or(CommandError::Usage(spec));
    Input::Command { counted: spec.counted, parsed }
}

/// The arguments that are still to be read.
struct Args<'a> {
    rest: &'a str,
}

impl Args<'_> {
    /// The next word, or the next text in quotes. A quote that is never closed is a character.
    fn word(&mut self) -> Option<String> {
        let text = self.rest.trim_start();
        if text.is_empty() {
            return None;
        }
        if let Some((inside, after)) = text.strip_prefix('"').and_then(|t| t.split_once('"'))
            && (after.is_empty() || after.starts_with(' '))
        {
            self.rest = after;
            return Some(inside.to_owned());
        }
        let (word, after) = text.split_once(' ').unwrap_or((text, ""));
        self.rest = after;
        Some(word.to_owned())
    }

    /// All that is left, out of its quotes where they hold the whole of it; none where there is
    /// nothing, though it may be blank in quotes.
    fn free_text(&mut self) -> Option<Line> {
        let text = std::mem::take(&mut self.rest).trim();
        let inside = text.strip_prefix('"').and_then(|t| t.strip_suffix('"'));
        let text = inside.filter(|t| !t.contains('"')).unwrap_or(text);
        (!text.is_empty() || inside.is_some()).then(|| Line::clean(text.trim()))
    }

    /// The same, but none where it is blank.
    fn rest(&mut self) -> Option<Line> {
        self.free_text().filter(|line| !line.is_blank())
    }

    /// A user and a text.
    fn addressed(&mut self) -> Option<Addressed> {
        Some(Addressed { to: self.word()?, text: self.rest()? })
    }

    /// Nothing more may follow.
    fn end(&mut self) -> Option<()> {
        self.rest.trim().is_empty().then_some(())
    }
}

#[cfg(test)]
#[path = "command_tests.rs"]
mod tests;
