//! What a line means: the one table of commands, and the parser that reads it.
//!
//! A command is one row. Parser, help, rights, rate limit and Rox's persona all read that row, and
//! nothing else knows of a command but its variant of [`Command`] and the function that carries it out.

mod args;
mod everyday;
mod meaning;
mod moderation;
mod personal;

use std::iter::{Copied, Flatten};
use std::slice;

use self::args::Args;
pub use self::args::{MAX_ABOUT_CHARS, OverLimit};
pub use self::everyday::{DEFAULT_HISTORY, MAX_FOUND, MAX_HISTORY, MAX_SEARCH_WORDS};
pub use self::meaning::{About, Addressed, Banning, Command, NewLobby};
pub use self::moderation::MAX_SLOW;
use super::password::PasswordFault;
use super::roles::Right;
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
        /// What it counts as for the rate limit.
        cost: Cost,
        /// Who may use it.
        right: Right,
        /// The argument that is over its limit.
        over: Option<OverLimit>,
        /// What to do.
        parsed: Result<Command, CommandError>,
    },
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
    /// One of the passwords is none.
    #[error(transparent)]
    Password(#[from] PasswordFault),
    /// What stands where a time may stand begins like one, and is none.
    #[error("not a time")]
    NotATime,
}

/// A row of the table: all that is to be known of a command.
#[derive(Debug)]
pub struct Spec {
    /// The command word, in lower case, with its slash.
    pub word: &'static str,
    /// Its arguments, as in the help.
    pub args: &'static str,
    /// What it does.
    pub help: &'static str,
    /// A whole line, as somebody would type it.
    pub example: &'static str,
    /// Where it stands in the help.
    pub group: Group,
    /// Who may use it.
    pub right: Right,
    /// What it counts as for the rate limit.
    pub cost: Cost,
    /// Reads its arguments, and with them which of these are secret and what limits they have.
    parse: fn(&mut Args<'_>) -> Option<Command>,
}

/// No two rows have the same word.
impl PartialEq for Spec {
    fn eq(&self, other: &Self) -> bool {
        self.word == other.word
    }
}

impl Eq for Spec {}

/// What a command counts as for the rate limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cost {
    /// Nothing.
    Free,
    /// It only shows something, which has a window of its own.
    Look,
    /// As a message.
    Message,
    /// Nothing for whoever has the right for it, else as a message: nobody who keeps order has to wait
    /// for their turn.
    Duty,
}

/// The groups of the help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Group {
    /// Going in and out, and what was said there.
    Lobbies,
    /// Saying something.
    Messages,
    /// Rox.
    Assistant,
    /// What one needs first and last.
    Basics,
    /// How one appears, and whom one hears.
    You,
    /// In which form one is shown things.
    Settings,
    /// A name that is one's own.
    Account,
    /// For operators.
    Moderation,
    /// For owners.
    Ownership,
    /// For admins.
    Server,
}

impl Group {
    /// All of them, in the order of the help.
    pub const ALL: [Self; 10] = [
        Self::Lobbies,
        Self::Messages,
        Self::Assistant,
        Self::Basics,
        Self::You,
        Self::Settings,
        Self::Account,
        Self::Moderation,
        Self::Ownership,
        Self::Server,
    ];

    /// Its heading.
    pub fn title(self) -> &'static str {
        match self {
            Self::Lobbies => "Lobbies",
            Self::Messages => "Messages",
            Self::Assistant => "Assistant",
            Self::Basics => "Basics",
            Self::You => "You",
            Self::Settings => "What you are shown",
            Self::Account => "Account",
            Self::Moderation => "Moderation (operators and owners of the lobby)",
            Self::Ownership => "Lobby (its owners)",
            Self::Server => "Server (admins)",
        }
    }

    /// Its commands, in the order of the help.
    pub fn commands(self) -> impl Iterator<Item = &'static Spec> {
        COMMANDS.iter().filter(move |spec| spec.group == self)
    }
}

/// Rows, in the order of the help.
#[derive(Debug)]
pub struct Table(&'static [&'static [Spec]]);

/// Every row of the table.
pub type Rows = Flatten<Copied<slice::Iter<'static, &'static [Spec]>>>;

impl Table {
    /// Every row.
    pub fn iter(&self) -> Rows {
        self.0.iter().copied().flatten()
    }
}

impl IntoIterator for &Table {
    type Item = &'static Spec;
    type IntoIter = Rows;

    fn into_iter(self) -> Rows {
        self.iter()
    }
}

/// Every command.
pub static COMMANDS: Table = Table(&[
    &everyday::LOBBIES,
    &everyday::MESSAGES,
    &everyday::ASSISTANT,
    &everyday::BASICS,
    &personal::YOU,
    &personal::SETTINGS,
    &personal::ACCOUNT,
    &moderation::MODERATION,
    &moderation::OWNERSHIP,
    &moderation::SERVER,
]);

/// The row of a command word, for its usage line.
pub fn spec(word: &str) -> Option<&'static Spec> {
    COMMANDS.iter().find(|s| s.word.eq_ignore_ascii_case(word))
}

/// Understands a line of a logged-in user, where texts may have `max_chars` Unicode characters.
pub fn parse(line: Line, max_chars: usize) -> Input {
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
        let parsed = Err(CommandError::Unknown);
        return Input::Command { cost: Cost::Message, right: Right::Everyone, over: None, parsed };
    };
    let mut args = Args::new(rest, max_chars);
    let parsed = (spec.parse)(&mut args).ok_or(CommandError::Usage(spec));
    let parsed = args.fault().map_or(parsed, Err);
    let cost = if args.only_shows() && parsed.is_ok() { Cost::Look } else { spec.cost };
    let over = args.over().filter(|_| parsed.is_ok());
    Input::Command { cost, right: spec.right, over, parsed }
}

#[cfg(test)]
mod rows_tests;
#[cfg(test)]
mod tests;
