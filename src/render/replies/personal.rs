//! Answers about oneself, and about whom one hears.

use crate::chat::accounts::MAX_MAIL;
use crate::chat::ignores::{IgnoreError, MAX_IGNORED};
use crate::chat::name::Name;
use crate::chat::settings::{Bell, Colours, Mode, Setting, Width};
use crate::chat::terminal::{Manner, Seen, Told};
use crate::chat::text::Line;
use crate::render::Sheet;
use crate::render::replies::NameProblem;
use crate::render::replies::welcome::name_problem;

/// A one-line answer about somebody's own settings, or about their private messages.
#[derive(Debug, Clone)]
pub enum PersonalReply {
    /// The name was not changed.
    NotRenamed(NameProblem),
    /// The name is the one that they have.
    NameUnchanged(Name),
    /// They keep their name as long as they are muted.
    NameKeptMuted,
    /// They are away now, or back.
    Away(bool),
    /// Whom they write to is away.
    IsAway(Name, Line),
    /// Nothing more is shown of this name.
    Ignored(Name),
    /// It is shown again.
    Unignored(Name),
    /// The list was not changed.
    NotIgnored(IgnoreError),
    /// They ignore nobody.
    NobodyIgnored,
    /// This is so from now on.
    Set(Setting),
    /// It is, where the terminal does not tell its own width: this one does, and has so many columns.
    WidthIsTold(u16),
    /// How they are written to, and why.
    Mode(Told),
    /// What ends the connection, where Ctrl-C does not.
    HowToLeave(TakenFor),
    /// Nobody has written to them.
    NobodyWrote,
    /// Whom they would answer is not there any more, who had this name.
    IsGone(Name),
    /// Whom they wrote to is not connected: the message waits.
    MailKept(Name),
    /// As many wait as may, so it does not.
    MailFull(Name),
    /// The node of whom they wrote to has not answered.
    MayBeLost,
    /// Nothing was said in this lobby yet.
    NothingSaid,
    /// Nothing was said in the lobby before what was asked about.
    NothingBefore,
    /// No message has all the words.
    NothingFound,
}

/// What is typed is taken for this, so a command may be none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TakenFor {
    /// A name, a message or a command.
    Line,
    /// The password of a login.
    Password,
    /// One that somebody is asked for who chats, and who may give none.
    Answer,
}

impl PersonalReply {
    pub(super) fn is_good(&self) -> bool {
        !matches!(
            self,
            Self::NotRenamed(_)
                | Self::NameUnchanged(_)
                | Self::NameKeptMuted
                | Self::NotIgnored(_)
                | Self::NobodyWrote
                | Self::IsGone(_)
                | Self::MailFull(_)
                | Self::MayBeLost
                | Self::NothingSaid
                | Self::NothingBefore
                | Self::NothingFound
        )
    }

    pub(super) fn write<'s>(&self, sheet: &'s mut Sheet) -> &'s mut Sheet {
        match self {
            Self::NotRenamed(problem) => name_problem(sheet, problem),
            Self::NameUnchanged(name) => sheet.fixed("You are ").name(name).fixed(" already."),
            Self::NameKeptMuted => {
                sheet.fixed("You are muted, and cannot take another name until that ends.")
            }
            Self::Away(true) => sheet.fixed("You are away. /away says that you are back."),
            Self::Away(false) => sheet.fixed("You are back."),
            Self::IsAway(name, text) => sheet.name(name).fixed(" is away: ").line(text),
            Self::Ignored(name) => sheet.fixed("You ignore '").name(name).fixed("' from now on."),
            Self::Unignored(name) => sheet.fixed("You hear '").name(name).fixed("' again."),
            Self::NotIgnored(why) => match why {
                IgnoreError::Oneself => sheet.fixed("You cannot ignore yourself."),
                IgnoreError::Already => sheet.fixed("You ignore them already."),
                IgnoreError::NotIgnored => sheet.fixed("You do not ignore anybody of that name."),
                IgnoreError::TooMany => sheet
                    .fixed("You ignore ")
                    .number(MAX_IGNORED as u64)
                    .fixed(" users already, which is the most."),
            },
            Self::NobodyIgnored => sheet.fixed("You ignore nobody."),
            Self::Set(setting) => is_set(sheet, *setting),
            Self::WidthIsTold(columns) => sheet
                .fixed("Kept. This terminal says itself that it has ")
                .number((*columns).into())
                .fixed(" columns, which goes before."),
            Self::HowToLeave(taken) => sheet.fixed(match taken {
                TakenFor::Line => "Press Ctrl-D or type /quit to leave.",
                TakenFor::Password => "Press Ctrl-D to leave.",
                TakenFor::Answer => "Press Enter to change nothing, or Ctrl-D to leave.",
            }),
            Self::Mode(told) => {
                sheet.fixed("Mode: ").fixed(manner(told.manner)).fixed(", since ");
                sheet.fixed(why(*told)).fixed(unseen(*told))
            }
            Self::NobodyWrote => sheet.fixed("Nobody has written to you yet."),
            Self::IsGone(name) => sheet.name(name).fixed(" is gone."),
            Self::MailKept(name) => {
                sheet.name(name).fixed(" is not connected. They will see it at their next login.")
            }
            Self::MailFull(name) => sheet
                .name(name)
                .fixed(" is not connected, and ")
                .number(MAX_MAIL as u64)
                .fixed(" messages wait for them already. Yours was not kept."),
            Self::MayBeLost => sheet.fixed(
                "The other server does not answer. Your message may not have been delivered.",
            ),
            Self::NothingBefore => sheet.fixed("Nothing was said in this lobby before that."),
            Self::NothingSaid => sheet.fixed("Nothing was said in this lobby yet."),
            Self::NothingFound => sheet.fixed("No message of this lobby has all these words."),
        }
    }
}

fn is_set(sheet: &mut Sheet, setting: Setting) -> &mut Sheet {
    let told = match setting {
        Setting::ClockTimes(true) => "Times are shown by the clock.",
        Setting::ClockTimes(false) => "Times are shown as ages.",
        Setting::Colours(Colours::On) => "Colours are on.",
        Setting::Colours(Colours::Light) => "Colours are on, for a light ground.",
        Setting::Colours(Colours::Off) => "Colours are off.",
        Setting::Compact(true) => "A message takes one row.",
        Setting::Compact(false) => "Messages are shown in full.",
        Setting::Echo(true) => "Your own messages are shown to you.",
        Setting::Echo(false) => "Your own messages are not shown to you any more.",
        Setting::Bell(Bell::Off) => "The bell is silent.",
        Setting::Bell(Bell::Tags) => "The bell rings when you are tagged or written to.",
        Setting::Bell(Bell::All) => "The bell rings with every message.",
        Setting::Quiet(true) => "You are not told any more who comes and goes.",
        Setting::Quiet(false) => "You are told who comes and goes.",
        Setting::Width(Width::Off) => "Text is not wrapped.",
        Setting::Width(Width::Columns(columns)) => {
            return sheet.fixed("Text is wrapped at ").number(columns.into()).fixed(" columns.");
        }
        Setting::Mode(mode) => {
            let mode = match mode {
                Mode::Auto => "the one that suits your client",
                Mode::Edit => manner(Manner::Edit),
                Mode::Line => manner(Manner::Line),
                Mode::Plain => manner(Manner::Plain),
            };
            return sheet.fixed("Mode: ").fixed(mode).fixed(".");
        }
        Setting::Picture(picture) => {
            return sheet.fixed("Profile picture changed to: ").off().picture(picture);
        }
    };
    sheet.fixed(told)
}

fn manner(manner: Manner) -> &'static str {
    match manner {
        Manner::Edit => "edit",
        Manner::Line => "line",
        Manner::Plain => "plain",
    }
}

/// What whoever is to see nothing of what they type has to know: their terminal sends keys, and shows none.
fn unseen(told: Told) -> &'static str {
    match (told.manner, told.seen) {
        (Manner::Line | Manner::Plain, Seen::Raw) => " Your terminal does not show what you type.",
        // It is refused one then, and shows it by itself.
        (Manner::Line | Manner::Plain, Seen::Pty) => {
            " What you type is shown from your next connection on."
        }
        _ => "",
    }
}

/// Why somebody is written to in the manner that they are told.
fn why(told: Told) -> &'static str {
    match (told.manner, told.mode) {
        _ if !told.escapes && told.seen.manner(told.mode) == Manner::Edit => {
            "this server sends no escape codes, and nothing can be edited without."
        }
        (Manner::Edit, Mode::Edit) | (Manner::Line, Mode::Line) | (Manner::Plain, Mode::Plain) => {
            "you chose it."
        }
        (Manner::Line, Mode::Edit) if told.is_ssh => {
            "the editor begins with your next connection that has a terminal."
        }
        (Manner::Line, Mode::Edit) if told.seen != Seen::Refuses => {
            "your terminal has not said how large it is. The editor begins when it has."
        }
        _ => match told.seen {
            Seen::Nothing | Seen::Lines => "your client sends lines.",
            Seen::Telnet => "your client edits its lines itself.",
            Seen::Refuses => "your client does not send keys.",
            Seen::Terminal | Seen::Raw | Seen::Pty => "your terminal sends keys.",
            Seen::Dumb => "your terminal says that it is a dumb one.",
            Seen::ScreenReader => "your client reads aloud what it is sent.",
        },
    }
}
