//! Reads the arguments of a command, one after the other.

use std::time::Duration;

use super::CommandError;
use super::meaning::{Addressed, Command};
use crate::chat::accounts::MIN_ACCOUNT_PASSWORD_CHARS;
use crate::chat::password::{MAX_PASSWORD_CHARS, Password};
use crate::chat::settings::Width;
use crate::chat::text::Line;
use crate::chat::times::Span;

/// The word that says a lobby has no password.
const NO_PASSWORD: &str = "no-pass";

/// Characters of a lobby's description and of its topic: a line or two, since a list of lobbies shows
/// both.
pub const MAX_ABOUT_CHARS: usize = 200;

/// What of a command is too long, or too short.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OverLimit {
    /// A text that others would see is too long.
    Text,
    /// A description or a topic has over [`MAX_ABOUT_CHARS`] characters.
    About,
    /// A password is too long.
    Password,
    /// The password of an account is too short.
    ShortPassword,
    /// A question to Rox is too long.
    Question,
}

/// The arguments that are still to be read. A row says by the method with which it reads an argument
/// what that is: secret or not, and which limit it has.
pub(super) struct Args<'a> {
    rest: &'a str,
    max_chars: usize,
    fault: Option<CommandError>,
    over: Option<OverLimit>,
    only_shows: bool,
}

impl<'a> Args<'a> {
    /// All of `rest`, where texts may have `max_chars` Unicode characters.
    pub(super) fn new(rest: &'a str, max_chars: usize) -> Self {
        Self { rest, max_chars, fault: None, over: None, only_shows: false }
    }

    /// The first argument read that is over its limit.
    pub(super) fn over(&self) -> Option<OverLimit> {
        self.over
    }

    /// Whether this form of the command only shows something.
    pub(super) fn only_shows(&self) -> bool {
        self.only_shows
    }

    /// Notes that this form only shows something, of a command that else changes something.
    pub(super) fn shows(&mut self, command: Command) -> Command {
        self.only_shows = true;
        command
    }

    fn note(&mut self, over: bool, what: OverLimit) {
        if over {
            self.over.get_or_insert(what);
        }
    }

    /// What is wrong with a password or a time that was read.
    pub(super) fn fault(&mut self) -> Option<CommandError> {
        self.fault.take()
    }

    /// The next word, or the next text in quotes. A quote that is never closed is a character.
    pub(super) fn word(&mut self) -> Option<String> {
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
    pub(super) fn free_text(&mut self) -> Option<Line> {
        let text = std::mem::take(&mut self.rest).trim();
        let inside = text.strip_prefix('"').and_then(|t| t.strip_suffix('"'));
        let text = inside.filter(|t| !t.contains('"')).unwrap_or(text);
        (!text.is_empty() || inside.is_some()).then(|| Line::clean(text.trim()))
    }

    /// The same, as a text that others would see; none where it is blank.
    pub(super) fn text(&mut self) -> Option<Line> {
        self.limited(OverLimit::Text)
    }

    /// The same, as a question to Rox.
    pub(super) fn question(&mut self) -> Option<Line> {
        self.limited(OverLimit::Question)
    }

    fn limited(&mut self, what: OverLimit) -> Option<Line> {
        let text = self.free_text().filter(|line| !line.is_blank())?;
        self.note(text.chars() > self.max_chars, what);
        Some(text)
    }

    /// A text as a lobby's description or topic.
    pub(super) fn about(&mut self, text: Line) -> Line {
        self.note(text.chars() > MAX_ABOUT_CHARS, OverLimit::About);
        text
    }

    /// A user and a text.
    pub(super) fn addressed(&mut self) -> Option<Addressed> {
        Some(Addressed { to: self.name()?, text: self.text()? })
    }

    /// The name of a user or of a lobby, without the `@` or `#` that people put before one.
    pub(super) fn name(&mut self) -> Option<String> {
        let word = self.word()?;
        let name = word.strip_prefix(['@', '#']).filter(|name| !name.is_empty());
        Some(name.unwrap_or(&word).to_owned())
    }

    /// The one name that is left.
    pub(super) fn only_name(&mut self) -> Option<String> {
        let name = self.name()?;
        self.end()?;
        Some(name)
    }

    /// The one word that is left.
    pub(super) fn only_word(&mut self) -> Option<String> {
        let word = self.word()?;
        self.end()?;
        Some(word)
    }

    /// A password: the next word. One that is given to get in has no limit: it is simply wrong.
    pub(super) fn secret(&mut self) -> Option<Password> {
        let word = self.word()?;
        self.password(&word)
    }

    /// A word as a password. One that is none is a [fault](Self::fault) of the whole command.
    pub(super) fn password(&mut self, word: &str) -> Option<Password> {
        Password::parse(word).map_err(|fault| self.fault = Some(fault.into())).ok()
    }

    /// The one word that is left, as a password.
    pub(super) fn only_secret(&mut self) -> Option<Password> {
        let secret = self.secret()?;
        self.end()?;
        Some(secret)
    }

    /// The one word that is left, as the password that an account is to have.
    pub(super) fn account_password(&mut self) -> Option<Password> {
        let new = self.only_secret()?;
        self.note(new.chars() < MIN_ACCOUNT_PASSWORD_CHARS, OverLimit::ShortPassword);
        self.note(new.chars() > MAX_PASSWORD_CHARS, OverLimit::Password);
        Some(new)
    }

    /// A password as the one that a lobby is to have, none where it is the word for none; the outer
    /// none is for an empty one.
    pub(super) fn lobby_password(&mut self, typed: Password) -> Option<Option<Password>> {
        if typed.is_empty() {
            return None;
        }
        let given = (typed.secret().expose() != NO_PASSWORD).then_some(typed);
        self.note(
            given.as_ref().is_some_and(|p| p.chars() > MAX_PASSWORD_CHARS),
            OverLimit::Password,
        );
        Some(given)
    }

    /// `on` or `off`, and nothing more.
    pub(super) fn switch(&mut self) -> Option<bool> {
        self.choice(&[("on", true), ("off", false)])
    }

    /// One of these words, and nothing more.
    pub(super) fn choice<T: Copy>(&mut self, choices: &[(&str, T)]) -> Option<T> {
        let word = self.only_word()?;
        choices.iter().find(|(name, _)| name.eq_ignore_ascii_case(&word)).map(|(_, what)| *what)
    }

    /// `add`, `list` or `del`, with what the first and the last read, and nothing more.
    pub(super) fn managed(
        &mut self,
        add: impl FnOnce(&mut Self) -> Option<Command>,
        list: Command,
        del: impl FnOnce(&mut Self) -> Option<Command>,
    ) -> Option<Command> {
        let command = match self.word()?.to_ascii_lowercase().as_str() {
            "add" => add(self)?,
            "list" => self.shows(list),
            "del" => del(self)?,
            _ => return None,
        };
        self.end()?;
        Some(command)
    }

    /// The columns of a terminal, or `off`, and nothing more.
    pub(super) fn width(&mut self) -> Option<Width> {
        let word = self.only_word()?;
        if word.eq_ignore_ascii_case("off") {
            return Some(Width::Off);
        }
        let digits = word.bytes().all(|b| b.is_ascii_digit());
        word.parse().ok().filter(|_| digits).and_then(Width::columns)
    }

    /// The one word that is left, as a number; [`u64::MAX`] where it is larger.
    pub(super) fn number(&mut self) -> Option<u64> {
        let number = self.next_number()?;
        self.end()?;
        Some(number)
    }

    /// The next word, as a number; [`u64::MAX`] where it is larger.
    pub(super) fn next_number(&mut self) -> Option<u64> {
        let word = self.word()?;
        let digits = !word.is_empty() && word.bytes().all(|b| b.is_ascii_digit());
        digits.then(|| word.parse().unwrap_or(u64::MAX))
    }

    /// A time, where the next word is one; what is none is left to be read. A word that begins like one
    /// and is none is a [fault](Self::fault) of the whole command: taken for a reason, it would make a
    /// mistyped time one for good.
    pub(super) fn span(&mut self) -> Option<Duration> {
        let begins = self.rest.trim_start().chars().next();
        if !begins.is_some_and(|c| c.is_numeric() || matches!(c, '+' | '-' | '−')) {
            return None;
        }
        let time = self.word().as_deref().and_then(Span::parse).and_then(Result::ok);
        if time.is_none() {
            self.fault.get_or_insert(CommandError::NotATime);
        }
        time
    }

    /// Whether the next word is this one, which is read then: something else must follow it.
    pub(super) fn flag(&mut self, flag: &str) -> bool {
        let after = self.rest.trim_start().strip_prefix(flag);
        let after = after.filter(|rest| rest.starts_with(' ') && !rest.trim().is_empty());
        after.inspect(|rest| self.rest = rest).is_some()
    }

    /// Nothing more may follow.
    pub(super) fn end(&mut self) -> Option<()> {
        self.rest.trim().is_empty().then_some(())
    }
}
