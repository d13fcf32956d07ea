//! What stands in a line that is not whole yet: what the word before the cursor may become, and where a
//! password begins.
//!
//! Both go by the words as the parser of the whole line will read them, and where that may still change
//! with what is typed next, by what hides more.

use std::ops::Range;

use super::words::{self, Stands};
use super::{COMMANDS, Group, Spec, command_in};
use crate::chat::accounts::Identity;
use crate::chat::pictures;
use crate::chat::roles::Rank;
use crate::chat::text::{self, Line};

/// What an argument of a command is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Argument {
    /// This word, which may be left out.
    Flag(&'static str),
    /// A user.
    User,
    /// A lobby.
    Lobby,
    /// A profile picture.
    Picture,
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// A topic of the help, or a command.
    Topic,
    /// A password.
    Secret,
    /// A word that only the user knows.
    Other,
    /// All that is left, a text in which names may stand.
    Text,
}

/// What a word may become.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Completion {
    /// Each for the whole word, the likeliest first.
    pub candidates: Vec<String>,
    /// What follows where there is only one.
    pub tail: &'static str,
}

/// Among what a word is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Among {
    /// The commands that one may use.
    Commands,
    /// The topics of the help, and these commands.
    Topics,
    /// The users that one can name, who spoke last first.
    Users,
    /// The lobbies.
    Lobbies,
    /// The profile pictures.
    Pictures,
    /// These words.
    Words(&'static [&'static str]),
}

/// The word before the cursor, where it is one that can be completed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sought<'a> {
    /// Among what it is looked for.
    pub among: Among,
    /// As far as it is typed.
    word: &'a str,
    /// What people put before such a name, which stays.
    sign: &'a str,
    tail: &'static str,
}

/// What follows a word that is whole.
const AFTER_WORD: &str = " ";

/// What follows a name that begins a line: it is who the line is for.
const AFTER_ADDRESSEE: &str = ": ";

/// Whether a line is a command, as far as it goes.
pub fn is_command(line: &str) -> bool {
    !matches!(first(line), First::Text)
}

/// Where the last word of a line begins, in bytes: at its end where the line ends with a blank.
pub fn last_word(before: &str) -> usize {
    before.trim_end_matches(|c| !is_gap(c)).len()
}

/// The word that ends with this part of a line, the one up to the cursor; none where nothing is known that it
/// could become.
pub fn sought(before: &str) -> Option<Sought<'_>> {
    let start = last_word(before);
    let word = &before[start..];
    if word.is_empty() {
        return None;
    }
    let begins = before[..start].chars().all(is_gap);
    if begins && word.starts_with('/') {
        return Some(Sought { among: Among::Commands, word, sign: "", tail: AFTER_WORD });
    }
    let argument = match first(before) {
        First::Command(Stands::For(spec), at) => spec.argument(before[..start].get(at..)?)?,
        First::Command(Stands::Leaving, _) | First::Unknown => return None,
        First::Command(Stands::Saying, _) | First::Text => Argument::Text,
    };
    let (among, signs): (_, &[char]) = match argument {
        Argument::User | Argument::Text => (Among::Users, &['@']),
        Argument::Lobby => (Among::Lobbies, &['#']),
        Argument::Picture => (Among::Pictures, &[]),
        Argument::OneOf(known) => (Among::Words(known), &[]),
        Argument::Topic => (Among::Topics, &[]),
        Argument::Flag(_) | Argument::Secret | Argument::Other => return None,
    };
    let (sign, word) = word.split_at(usize::from(word.starts_with(signs)));
    let addressed = begins && sign.is_empty();
    Some(Sought { among, word, sign, tail: if addressed { AFTER_ADDRESSEE } else { AFTER_WORD } })
}

impl Sought<'_> {
    /// The word, as far as it is typed.
    pub fn word(&self) -> &str {
        self.word
    }

    /// What it may become of what is known without asking anybody; none where somebody has to say which users
    /// or lobbies there are ([`Self::of`]).
    pub fn known(&self, who: &Identity, rank: Rank) -> Option<Completion> {
        match self.among {
            Among::Users | Among::Lobbies => None,
            Among::Commands => {
                let may = |spec: &&Spec| spec.right.check(who, rank).is_ok();
                Some(self.of(COMMANDS.iter().filter(may).map(|spec| spec.word)))
            }
            Among::Topics => {
                let slash = usize::from(!self.word.starts_with('/'));
                let topics = Group::ALL.into_iter().map(Group::word);
                Some(self.of(topics.chain(COMMANDS.iter().map(|spec| &spec.word[slash..]))))
            }
            Among::Pictures => {
                let names = pictures::all().map(|(name, _)| name);
                Some(self.of(names.chain(["list", "default"])))
            }
            Among::Words(known) => Some(self.of(known.iter().copied())),
        }
    }

    /// What it may become of these names, without regard to case.
    pub fn of<S: AsRef<str>>(&self, names: impl IntoIterator<Item = S>) -> Completion {
        let begins = |name: &S| {
            let head = name.as_ref().get(..self.word.len());
            head.is_some_and(|head| head.eq_ignore_ascii_case(self.word))
        };
        let whole = |name: S| format!("{}{}", self.sign, name.as_ref());
        let candidates = names.into_iter().filter(begins).map(whole).collect();
        Completion { candidates, tail: self.tail }
    }
}

impl Spec {
    /// What the next argument is, after those that stand here.
    fn argument(&self, before: &str) -> Option<Argument> {
        let mut takes = self.takes.iter().copied();
        for word in (Words { line: before, at: 0 }) {
            match takes.next()? {
                Argument::Text => return Some(Argument::Text),
                Argument::Flag(flag) if &before[word.range] != flag => _ = takes.next()?,
                _ => {}
            }
        }
        takes.find(|argument| !matches!(argument, Argument::Flag(_)))
    }
}

/// Where in a line the password stands that is not to be seen, in bytes: from its first on to the end of the
/// line, or of its word where one that is no password follows.
pub fn secret(line: &str) -> Option<Range<usize>> {
    let First::Command(Stands::For(spec), at) = first(line) else { return None };
    let place = spec.takes.iter().position(|takes| *takes == Argument::Secret)?;
    let mut words = Words { line, at };
    for _ in 0..place {
        words.next()?;
    }
    let word = words.next()?;
    // With the next key another word may be the password, if this one is not read as it stands here.
    let typed = &line[word.range.clone()];
    let as_it_stands = word.quoted || !typed.starts_with('"');
    let last = matches!(spec.takes.get(place + 1), None | Some(Argument::Secret));
    let ends = !last && as_it_stands && Line::clean(typed).as_str() == typed;
    Some(word.range.start..if ends { word.range.end } else { line.len() })
}

/// What a line begins with.
enum First {
    /// A known command, and where its word ends.
    Command(Stands, usize),
    /// A command that is none.
    Unknown,
    /// Anything else.
    Text,
}

fn first(line: &str) -> First {
    let mut at = 0;
    loop {
        let start = line.len() - line[at..].trim_start_matches(is_gap).len();
        let word = line[start..].split(is_gap).next().unwrap_or_default();
        at = start + word.len();
        if word.is_ascii() && !word.starts_with('/') {
            return First::Text;
        }
        let word = Line::clean(word);
        match command_in(word.as_str()) {
            Some(command) => {
                return words::stands(command).map_or(First::Unknown, |s| First::Command(s, at));
            }
            // What is taken out of a line as a whole leaves a blank, as if it were not there.
            None if word.as_str().is_empty() && at < line.len() => {}
            None => return First::Text,
        }
    }
}

/// What will be a blank in the line, or the end of one.
fn is_gap(c: char) -> bool {
    c == '\n' || text::is_blank(c)
}

/// The words of a line from a place on, as the parser of the arguments reads them.
struct Words<'a> {
    line: &'a str,
    at: usize,
}

struct Word {
    /// With its quotes.
    range: Range<usize>,
    /// Whether it stands in quotes.
    quoted: bool,
}

impl Iterator for Words<'_> {
    type Item = Word;

    fn next(&mut self) -> Option<Word> {
        let rest = self.line.get(self.at..)?.trim_start_matches(is_gap);
        if rest.is_empty() {
            return None;
        }
        let start = self.line.len() - rest.len();
        let quoted = rest.strip_prefix('"').and_then(|inside| inside.find('"')).map(|at| at + 2);
        let quoted = quoted.filter(|end| rest[*end..].chars().next().is_none_or(is_gap));
        let end = quoted.or_else(|| rest.find(is_gap)).unwrap_or(rest.len());
        self.at = start + end;
        Some(Word { range: start..self.at, quoted: quoted.is_some() })
    }
}

#[cfg(test)]
#[path = "complete_tests.rs"]
mod tests;
