//! Reads the arguments of a command, one after the other.

use std::time::Duration;

use super::meaning::Addressed;
use crate::chat::password::{Password, PasswordFault};
use crate::chat::text::Line;
use crate::chat::times::Span;

/// The arguments that are still to be read.
pub(super) struct Args<'a> {
    rest: &'a str,
    fault: Option<PasswordFault>,
}

impl<'a> Args<'a> {
    /// All of `rest`.
    pub(super) fn new(rest: &'a str) -> Self {
        Self { rest, fault: None }
    }

    /// What is wrong with a password that was read.
    pub(super) fn fault(&self) -> Option<PasswordFault> {
        self.fault
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

    /// The same, but none where it is blank.
    pub(super) fn rest(&mut self) -> Option<Line> {
        self.free_text().filter(|line| !line.is_blank())
    }

    /// A user and a text.
    pub(super) fn addressed(&mut self) -> Option<Addressed> {
        Some(Addressed { to: self.word()?, text: self.rest()? })
    }

    /// The one word that is left.
    pub(super) fn only_word(&mut self) -> Option<String> {
        let word = self.word()?;
        self.end()?;
        Some(word)
    }

    /// A password: the next word.
    pub(super) fn secret(&mut self) -> Option<Password> {
        let word = self.word()?;
        self.password(&word)
    }

    /// A word as a password. One that is none is a [fault](Self::fault) of the whole command.
    pub(super) fn password(&mut self, word: &str) -> Option<Password> {
        Password::parse(word).map_err(|fault| self.fault = Some(fault)).ok()
    }

    /// The one word that is left, as a password.
    pub(super) fn only_secret(&mut self) -> Option<Password> {
        let secret = self.secret()?;
        self.end()?;
        Some(secret)
    }

    /// `on` or `off`, and nothing more.
    pub(super) fn switch(&mut self) -> Option<bool> {
        match self.only_word()?.to_ascii_lowercase().as_str() {
            "on" => Some(true),
            "off" => Some(false),
            _ => None,
        }
    }

    /// The one word that is left, as a number; [`u64::MAX`] where it is larger.
    pub(super) fn number(&mut self) -> Option<u64> {
        let word = self.only_word()?;
        let digits = !word.is_empty() && word.bytes().all(|b| b.is_ascii_digit());
        digits.then(|| word.parse().unwrap_or(u64::MAX))
    }

    /// A time, where the next word is one; what is none is left to be read. The outer none is for a
    /// time that cannot be.
    pub(super) fn span(&mut self) -> Option<Option<Duration>> {
        let before = self.rest;
        match self.word().as_deref().and_then(Span::parse) {
            Some(time) => time.ok().map(Some),
            None => {
                self.rest = before;
                Some(None)
            }
        }
    }

    /// Nothing more may follow.
    pub(super) fn end(&mut self) -> Option<()> {
        self.rest.trim().is_empty().then_some(())
    }
}
