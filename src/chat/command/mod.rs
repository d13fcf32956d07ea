//! What a line means: the one table of commands, and the parser that reads it.
//!
//! A command is one row. Parser, help, rights, rate limit and Rox's persona all read that row, and
//! nothing else knows of a command but its variant of [`Command`] and the function that carries it out.

mod args;
pub mod complete;
mod everyday;
mod meaning;
mod moderation;
mod personal;
mod words;

use std::iter::{Copied, Flatten};
use std::slice;

use self::args::Args;
pub use self::args::{MAX_ABOUT_CHARS, OverLimit};
use self::complete::Argument;
pub use self::everyday::{DEFAULT_HISTORY, MAX_FOUND, MAX_HISTORY, MAX_SEARCH_WORDS, to_rox};
pub use self::meaning::{About, Addressed, Banning, Command, NewLobby};
pub use self::moderation::MAX_SLOW;
use self::words::Stands;
use super::lobbies::GENERAL;
use super::password::PasswordFault;
use super::roles::Right;
use super::text::{Line, MAX_ROWS, Text};

/// A line that a logged-in user sent, understood.
#[derive(Debug)]
pub enum Input {
    /// Nothing to see: ignored.
    Blank,
    /// A message to the lobby.
    Say(Line),
    /// One of several rows.
    SayRows(Text),
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
#[derive(Debug, Clone, thiserror::Error)]
pub enum CommandError {
    /// No such word; those that are near, nearest first.
    #[error("unknown command")]
    Unknown(Vec<&'static Spec>),
    /// A word without its slash that was most likely meant for the server.
    #[error("a command without its slash")]
    Bare,
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
    /// What each of them is, for whoever completes a word of it or hides one.
    pub takes: &'static [Argument],
    /// What it does.
    pub help: &'static str,
    /// A whole line, as somebody would type it.
    pub example: &'static str,
    /// Under which topic it stands in the help.
    pub group: Group,
    /// Whether it stands on the first page too.
    pub page: Page,
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

/// Where a command stands in the help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Page {
    /// On the first page, and under its topic: one needs it on the first evening.
    First,
    /// Under its topic alone.
    Topic,
}

/// The topics of the help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Group {
    /// Going in and out, and what was said there.
    Lobbies,
    /// Saying something.
    Messages,
    /// Rox.
    Assistant,
    /// How one appears, and whom one hears.
    You,
    /// In which form one is shown things.
    Settings,
    /// A name that is one's own.
    Account,
    /// What one needs first and last.
    Basics,
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
        Self::You,
        Self::Settings,
        Self::Account,
        Self::Basics,
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
            Self::You => "You",
            Self::Settings => "What you are shown",
            Self::Account => "Accounts",
            Self::Basics => "Basics",
            Self::Moderation => "Moderation (operators and owners of the lobby)",
            Self::Ownership => "Lobby (its owners)",
            Self::Server => "Server (admins)",
        }
    }

    /// The word by which `/help` is asked for it: no command has the same.
    pub fn word(self) -> &'static str {
        match self {
            Self::Lobbies => "lobbies",
            Self::Messages => "messages",
            Self::Assistant => "rox",
            Self::You => "you",
            Self::Settings => "settings",
            Self::Account => "accounts",
            Self::Basics => "basics",
            Self::Moderation => "moderation",
            Self::Ownership => "owners",
            Self::Server => "admins",
        }
    }

    /// Other words for it that people try.
    fn other_words(self) -> &'static [&'static str] {
        match self {
            Self::Lobbies => &["lobby", "rooms", "channels"],
            Self::Messages => &["message", "private", "talking"],
            Self::Assistant => &["assistant"],
            Self::You => &["yourself", "names"],
            Self::Settings => &["setting", "options", "preferences"],
            Self::Account => &["account", "password", "passwords"],
            Self::Basics => &["commands"],
            Self::Moderation => &["moderators", "operators", "ops"],
            Self::Ownership => &["owner", "ownership"],
            Self::Server => &["server"],
        }
    }

    /// The topic of this word, in any case.
    pub fn find(word: &str) -> Option<Self> {
        let is = |known: &&str| known.eq_ignore_ascii_case(word);
        Self::ALL.into_iter().find(|topic| is(&topic.word()) || topic.other_words().iter().any(is))
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
    &personal::YOU,
    &personal::SETTINGS,
    &personal::ACCOUNT,
    &everyday::BASICS,
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
    let text = line.as_str();
    if let Some(command) = command_in(text) {
        return understand(command, max_chars);
    }
    if let Some(escaped) = text.strip_prefix('/').filter(|text| command_in(text).is_some()) {
        return Input::Say(Line::clean(escaped));
    }
    if words::is_bare(text) {
        return refused(Cost::Look, CommandError::Bare);
    }
    Input::Say(line)
}

/// The same of what was typed with line ends in it, as of a paste that is sent as a whole. A message keeps
/// its rows; in a command a line end is a blank.
pub fn parse_rows(typed: &str, max_chars: usize) -> Input {
    let mut rows = typed.split('\n').map(Line::clean).skip_while(Line::is_blank);
    let Some(first) = rows.next() else { return Input::Blank };
    if command_in(first.as_str()).is_some() {
        return parse(Line::joined(typed), max_chars);
    }
    let mut rows: Vec<Line> = std::iter::once(first).chain(rows).collect();
    drop_blank_end(&mut rows);
    if rows.len() == 1 {
        return rows.pop().map_or(Input::Blank, |line| parse(line, max_chars));
    }
    if let Some(first) = rows.first_mut()
        && let Some(text) = first.as_str().strip_prefix('/')
        && command_in(text).is_some()
    {
        *first = Line::clean(text);
    }
    if rows.len() > MAX_ROWS { Input::Overlong } else { Input::SayRows(Text::of_rows(&rows)) }
}

fn drop_blank_end(rows: &mut Vec<Line>) {
    while rows.len() > 1 && rows.last().is_some_and(Line::is_blank) {
        rows.pop();
    }
}

/// What a program says with these rows: none of them is a command, whatever it begins with.
pub fn say_rows(rows: impl IntoIterator<Item = Line>) -> Input {
    let mut rows: Vec<Line> = rows.into_iter().skip_while(Line::is_blank).collect();
    drop_blank_end(&mut rows);
    match rows.len() {
        0 => Input::Blank,
        1..=MAX_ROWS => Input::SayRows(Text::of_rows(&rows)),
        _ => Input::Overlong,
    }
}

/// What a program asks for with the number of the last message that it has.
pub fn since(id: u64) -> Input {
    let (cost, right) = (Cost::Look, Right::Everyone);
    Input::Command { cost, right, over: None, parsed: Ok(Command::Since(id)) }
}

/// What of a line is a command: blanks before it are left out, so that one that was pasted with them is
/// not said to everybody, its password included. A slash before anything but a word is a character like
/// others.
fn command_in(text: &str) -> Option<&str> {
    let text = text.trim_start();
    let word = text.strip_prefix('/')?;
    let is_help = word.split(' ').next() == Some("?");
    (is_help || word.starts_with(char::is_alphanumeric)).then_some(text)
}

/// Understands a command.
fn understand(text: &str, max_chars: usize) -> Input {
    let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
    let mut args = Args::new(rest, max_chars);
    let spec = match words::stands(word) {
        Some(Stands::For(spec)) => spec,
        Some(Stands::Saying) => return args.free_text().map_or(Input::Blank, Input::said),
        Some(Stands::Leaving) => {
            let parsed = Ok(Command::Join { lobby: GENERAL.to_owned(), password: None });
            let (cost, right) = (Cost::Message, Right::Everyone);
            return Input::Command { cost, right, over: None, parsed };
        }
        None => return refused(Cost::Look, CommandError::Unknown(words::near(word))),
    };
    let parsed = (spec.parse)(&mut args).ok_or(CommandError::Usage(spec));
    let parsed = args.fault().map_or(parsed, Err);
    // One that is not understood changes nothing: it shows how it is meant.
    let only_shows = args.only_shows() || parsed.is_err();
    let cost = if only_shows && spec.cost == Cost::Message { Cost::Look } else { spec.cost };
    let over = args.over().filter(|_| parsed.is_ok());
    Input::Command { cost, right: spec.right, over, parsed }
}

fn refused(cost: Cost, why: CommandError) -> Input {
    Input::Command { cost, right: Right::Everyone, over: None, parsed: Err(why) }
}

impl Input {
    fn said(text: Line) -> Self {
        if text.is_blank() { Self::Blank } else { Self::Say(text) }
    }
}

#[cfg(test)]
mod rows_tests;
#[cfg(test)]
mod tests;
