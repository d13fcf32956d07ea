//! What each command asks for, with its arguments.

use std::time::Duration;

use super::Spec;
use crate::chat::accounts::{CertPrefix, MIN_ACCOUNT_PASSWORD_CHARS};
use crate::chat::password::{MAX_PASSWORD_CHARS, Password};
use crate::chat::text::Line;

/// A command with its arguments. Names of users and lobbies are as typed.
#[derive(Debug, PartialEq, Eq)]
pub enum Command {
    /// `/help`
    Help(About),
    /// `/users`
    Users,
    /// `/lobbies`
    Lobbies,
    /// `/create`
    Create(NewLobby),
    /// `/join`
    Join {
        /// The lobby.
        lobby: String,
        /// The password, where one was given.
        password: Option<Password>,
    },
    /// `/history`; how many messages.
    History(usize),
    /// `/search`
    Search(Line),
    /// `/sp <name>`
    SetPicture(String),
    /// `/sp list`
    ListPictures,
    /// `/sp`, `/sp default`
    ResetPicture,
    /// `/msg`
    Message(Addressed),
    /// `/r`: to the last one who wrote.
    Respond(Line),
    /// `/tag`
    Tag(Addressed),
    /// `/me`
    Act(Line),
    /// `/ai`; without a question it is answered with its usage, where there is an AI at all.
    Ask(Option<Line>),
    /// `/setai`
    SetPrompt(Line),
    /// `/whois`
    Whois(String),
    /// `/quit`
    Quit,
    /// `/nick`
    Nick(String),
    /// `/away`; none is back again.
    Away(Option<Line>),
    /// `/ignore <user>`
    Ignore(String),
    /// `/ignore`
    ListIgnored,
    /// `/unignore`
    Unignore(String),
    /// `/time`: clock times or ages.
    ClockTimes(bool),
    /// `/color`
    Colours(bool),
    /// `/register`
    Register(Password),
    /// `/passwd`
    ChangePassword {
        /// The one so far.
        old: Password,
        /// The one from now on.
        new: Password,
    },
    /// `/unregister`
    Unregister(Password),
    /// `/cert add`
    AddCert,
    /// `/cert list`
    ListCerts,
    /// `/cert del`
    DeleteCert(CertPrefix),
    /// `/topic`; none takes it away.
    Topic(Option<Line>),
    /// `/kick`
    Kick {
        /// The name of the user, as typed.
        user: String,
        /// The reason, where one was given.
        reason: Option<Line>,
    },
    /// `/mute`
    Mute {
        /// The name of the user, as typed.
        user: String,
        /// For how long; none for good.
        time: Option<Duration>,
    },
    /// `/unmute`
    Unmute(String),
    /// `/ban`
    Ban(Banning),
    /// `/unban`
    Unban(String),
    /// `/bans`
    Bans,
    /// `/slow`: the time between a user's messages; nothing ends it.
    Slow(Duration),
    /// `/audit`
    Audit,
    /// `/op`
    Op(String),
    /// `/deop`
    Deop(String),
    /// `/setpass`; none for a public lobby.
    SetPassword(Option<Password>),
    /// `/transfer`
    Transfer(String),
    /// `/accept`
    Accept,
    /// `/delete`
    Delete(String),
    /// `/announce`
    Announce(Line),
    /// `/gban`
    ServerBan(Banning),
    /// `/gunban`
    ServerUnban(String),
}

/// What `/help` is asked about.
#[derive(Debug, PartialEq, Eq)]
pub enum About {
    /// A page of the list, from 1; there may be none of that number.
    Page(usize),
    /// One command.
    Command(&'static Spec),
    /// No command there is.
    Unknown,
}

/// The arguments of `/create`.
#[derive(Debug, PartialEq, Eq)]
pub struct NewLobby {
    /// The name as typed.
    pub name: String,
    /// The password; none for a public lobby.
    pub password: Option<Password>,
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

/// The arguments of `/ban` and `/gban`.
#[derive(Debug, PartialEq, Eq)]
pub struct Banning {
    /// The name as typed.
    pub user: String,
    /// For how long; none for good.
    pub time: Option<Duration>,
    /// The reason, where one was given.
    pub reason: Option<Line>,
}

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

impl Command {
    /// Whether it is a form that only lists, of a command that else changes something.
    pub(super) fn is_list(&self) -> bool {
        matches!(self, Self::ListIgnored | Self::ListPictures | Self::ListCerts)
    }

    /// Whether an argument is over its limit, where texts may have `max_chars` Unicode characters.
    /// A password that is given to get in is not judged: it is simply wrong.
    pub fn over_limit(&self, max_chars: usize) -> Option<OverLimit> {
        let text = |text: &Line| (text.chars() > max_chars).then_some(OverLimit::Text);
        let reason = |reason: &Option<Line>| reason.as_ref().and_then(text);
        let about = |text: &Line| (text.chars() > MAX_ABOUT_CHARS).then_some(OverLimit::About);
        match self {
            Self::Create(new) => {
                new.password.as_ref().and_then(lobby_password).or(about(&new.description))
            }
            Self::SetPassword(Some(password)) => lobby_password(password),
            Self::Register(new) | Self::ChangePassword { new, .. } => account_password(new),
            Self::Message(a) | Self::Tag(a) => text(&a.text),
            Self::Respond(t) | Self::Act(t) | Self::SetPrompt(t) => text(t),
            Self::Search(t) | Self::Announce(t) => text(t),
            Self::Away(t) => reason(t),
            Self::Topic(t) => t.as_ref().and_then(about),
            Self::Kick { reason: why, .. } => reason(why),
            Self::Ban(ban) | Self::ServerBan(ban) => reason(&ban.reason),
            Self::Ask(Some(question)) => text(question).map(|_| OverLimit::Question),
            Self::Help(_)
            | Self::Users
            | Self::Lobbies
            | Self::Join { .. }
            | Self::History(_)
            | Self::SetPicture(_)
            | Self::ListPictures
            | Self::ResetPicture
            | Self::Ask(None)
            | Self::Whois(_)
            | Self::Quit
            | Self::Nick(_)
            | Self::Ignore(_)
            | Self::ListIgnored
            | Self::Unignore(_)
            | Self::ClockTimes(_)
            | Self::Colours(_)
            | Self::Unregister(_)
            | Self::AddCert
            | Self::ListCerts
            | Self::DeleteCert(_)
            | Self::Mute { .. }
            | Self::Unmute(_)
            | Self::Unban(_)
            | Self::Bans
            | Self::Slow(_)
            | Self::Audit
            | Self::Op(_)
            | Self::Deop(_)
            | Self::SetPassword(None)
            | Self::Transfer(_)
            | Self::Accept
            | Self::Delete(_)
            | Self::ServerUnban(_) => None,
        }
    }
}

fn lobby_password(password: &Password) -> Option<OverLimit> {
    (password.chars() > MAX_PASSWORD_CHARS).then_some(OverLimit::Password)
}

fn account_password(password: &Password) -> Option<OverLimit> {
    let short = password.chars() < MIN_ACCOUNT_PASSWORD_CHARS;
    short.then_some(OverLimit::ShortPassword).or_else(|| lobby_password(password))
}
