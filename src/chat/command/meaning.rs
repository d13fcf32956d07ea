//! What each command asks for, with its arguments.

use std::time::Duration;

use super::{Group, Spec};
use crate::chat::accounts::KeyPrefix;
use crate::chat::asking::Asking;
use crate::chat::password::Password;
use crate::chat::sanctions::Terms;
use crate::chat::settings::Setting;
use crate::chat::text::Line;

/// A command with its arguments. Names of users and lobbies are as typed.
#[derive(Debug, PartialEq, Eq)]
pub enum Command {
    /// `/help`
    Help(About),
    /// `/users`
    Users,
    /// `/lobbies`
    Lobbies {
        /// What they are to have in name or description.
        text: Option<Line>,
        /// The page, from 1 on; there may be none of that number.
        page: usize,
    },
    /// `/create`
    Create(NewLobby),
    /// `/join`
    Join {
        /// The lobby.
        lobby: String,
        /// The password, where one was given.
        password: Option<Password>,
    },
    /// `/history`
    History {
        /// How many messages.
        count: usize,
        /// Before so many of the newest.
        before: usize,
    },
    /// `/search`
    Search(Line),
    /// What was said after the message of this number, which programs ask for.
    Since(u64),
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
    /// `/ai stop`
    StopRox,
    /// `/ai forget`
    ForgetRox,
    /// `/ai usage`
    ShowUsage,
    /// `/catchup`
    CatchUp,
    /// `/airoom`
    ShowRoxRoom,
    /// `/airoom on`, `/airoom off`
    SetRoxRoom(bool),
    /// `/setai`
    ShowPrompt,
    /// `/setai <prompt>`; none takes it back.
    SetPrompt(Option<Line>),
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
    /// `/time`, `/color`, `/style`, `/echo`, `/bell`, `/quiet`, `/width`, `/mode` with one
    Set(Setting),
    /// `/mode`
    ShowMode,
    /// `/register` and `/passwd` without a password: it is asked for.
    AskPassword(Asking),
    /// `/register`
    Register(Password),
    /// `/passwd` of an account without a password, which was asked for one.
    GivePassword(Password),
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
    AddKey,
    /// `/cert list`
    ListKeys,
    /// `/cert del`
    DeleteKey(KeyPrefix),
    /// `/bot add`
    AddBot(String),
    /// `/bot list`
    ListBots,
    /// `/bot del`
    DeleteBot(String),
    /// `/hook add`
    AddHook(String),
    /// `/hook list`
    ListHooks,
    /// `/hook del`
    DeleteHook(String),
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
    Mute(Banning),
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
    /// `/undo`
    Undo,
    /// `/purge`
    Purge(String),
    /// `/announce`
    Announce(Line),
    /// `/gban`
    ServerBan(Banning),
    /// `/gunban`
    ServerUnban(String),
}

impl Command {
    /// Whether it comes to nothing while the other nodes of a cluster cannot be reached. What is said waits for
    /// them, and what this node knows by itself is answered.
    pub fn needs_others(&self) -> bool {
        match self {
            Self::Help(_)
            | Self::Users
            | Self::Lobbies { .. }
            | Self::History { .. }
            | Self::Search(_)
            | Self::Since(_)
            | Self::ListPictures
            | Self::ShowMode
            | Self::Tag(_)
            | Self::Act(_)
            | Self::ShowPrompt
            | Self::ShowUsage
            | Self::ShowRoxRoom
            | Self::Whois(_)
            | Self::Quit
            | Self::ListIgnored
            | Self::AskPassword(_)
            | Self::ListKeys
            | Self::ListBots
            | Self::ListHooks
            | Self::Bans
            | Self::Audit => false,
            Self::Ask(question) => question.is_some(),
            Self::Topic(topic) => topic.is_some(),
            Self::Create(_)
            | Self::Join { .. }
            | Self::SetPicture(_)
            | Self::ResetPicture
            | Self::Message(_)
            | Self::Respond(_)
            | Self::SetPrompt(_)
            | Self::StopRox
            | Self::ForgetRox
            | Self::CatchUp
            | Self::SetRoxRoom(_)
            | Self::Nick(_)
            | Self::Away(_)
            | Self::Ignore(_)
            | Self::Unignore(_)
            | Self::Set(_)
            | Self::Register(_)
            | Self::ChangePassword { .. }
            | Self::GivePassword(_)
            | Self::Unregister(_)
            | Self::AddKey
            | Self::DeleteKey(_)
            | Self::AddBot(_)
            | Self::DeleteBot(_)
            | Self::AddHook(_)
            | Self::DeleteHook(_)
            | Self::Kick { .. }
            | Self::Mute(_)
            | Self::Unmute(_)
            | Self::Ban(_)
            | Self::Unban(_)
            | Self::Slow(_)
            | Self::Op(_)
            | Self::Deop(_)
            | Self::SetPassword(_)
            | Self::Transfer(_)
            | Self::Accept
            | Self::Delete(_)
            | Self::Undo
            | Self::Purge(_)
            | Self::Announce(_)
            | Self::ServerBan(_)
            | Self::ServerUnban(_) => true,
        }
    }
}

impl Command {
    /// Whether it is nothing for a bot: it has no password, it has no bots of its own, and Rox talks with people.
    pub fn is_for_people(&self) -> bool {
        match self {
            Self::Ask(_)
            | Self::StopRox
            | Self::ForgetRox
            | Self::ShowUsage
            | Self::CatchUp
            | Self::ShowRoxRoom
            | Self::SetRoxRoom(_)
            | Self::ShowPrompt
            | Self::SetPrompt(_)
            | Self::AskPassword(_)
            | Self::Register(_)
            | Self::GivePassword(_)
            | Self::ChangePassword { .. }
            | Self::Unregister(_)
            | Self::AddKey
            | Self::ListKeys
            | Self::DeleteKey(_)
            | Self::AddBot(_)
            | Self::ListBots
            | Self::DeleteBot(_)
            | Self::Accept => true,
            Self::Help(_)
            | Self::Users
            | Self::Lobbies { .. }
            | Self::Create(_)
            | Self::Join { .. }
            | Self::History { .. }
            | Self::Search(_)
            | Self::Since(_)
            | Self::SetPicture(_)
            | Self::ListPictures
            | Self::ResetPicture
            | Self::Message(_)
            | Self::Respond(_)
            | Self::Tag(_)
            | Self::Act(_)
            | Self::Whois(_)
            | Self::Quit
            | Self::Nick(_)
            | Self::Away(_)
            | Self::Ignore(_)
            | Self::ListIgnored
            | Self::Unignore(_)
            | Self::Set(_)
            | Self::ShowMode
            | Self::AddHook(_)
            | Self::ListHooks
            | Self::DeleteHook(_)
            | Self::Topic(_)
            | Self::Kick { .. }
            | Self::Mute(_)
            | Self::Unmute(_)
            | Self::Ban(_)
            | Self::Unban(_)
            | Self::Bans
            | Self::Slow(_)
            | Self::Audit
            | Self::Op(_)
            | Self::Deop(_)
            | Self::SetPassword(_)
            | Self::Transfer(_)
            | Self::Delete(_)
            | Self::Undo
            | Self::Purge(_)
            | Self::Announce(_)
            | Self::ServerBan(_)
            | Self::ServerUnban(_) => false,
        }
    }
}

/// What `/help` is asked about.
#[derive(Debug, PartialEq, Eq)]
pub enum About {
    /// Nothing: what one needs on the first evening.
    All,
    /// One of the topics.
    Topic(Group),
    /// One command.
    Command(&'static Spec),
    /// Neither; a word that is near, to be asked about.
    Unknown(Option<&'static str>),
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

/// The arguments of `/mute`, `/ban` and `/gban`.
#[derive(Debug, PartialEq, Eq)]
pub struct Banning {
    /// The name as typed.
    pub user: String,
    /// On which terms.
    pub terms: Terms,
}
