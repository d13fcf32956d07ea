//! The commands about oneself: how one appears, what one is shown and how, and one's account.

use super::args::Args;
use super::complete::Argument::{OneOf, Other, Picture, Secret, Text, User};
use super::meaning::Command;
use super::{Cost, Group, Page, Spec};
use crate::chat::accounts::KeyPrefix;
use crate::chat::asking::Asking;
use crate::chat::roles::Right;
use crate::chat::settings::{Bell, Colours, Mode, Setting};

pub(super) static YOU: [Spec; 6] = [
    Spec {
        word: "/undo",
        args: "",
        takes: &[],
        help: "Take back your last message here, within 5 minutes",
        example: "/undo",
        group: Group::You,
        page: Page::First,
        right: Right::Everyone,
        cost: Cost::Message,
        parse: |args| args.end().map(|()| Command::Undo),
    },
    Spec {
        word: "/sp",
        args: "<name> | list | default",
        takes: &[Picture],
        help: "Set your profile picture",
        example: "/sp cat",
        group: Group::You,
        page: Page::First,
        right: Right::Everyone,
        cost: Cost::Message,
        parse: |args| {
            let choice = args.word().unwrap_or_default();
            args.end()?;
            Some(match choice.to_ascii_lowercase().as_str() {
                "" | "default" => Command::ResetPicture,
                "list" => args.shows(Command::ListPictures),
                name => Command::SetPicture(name.to_owned()),
            })
        },
    },
    Spec {
        word: "/nick",
        args: "<name>",
        takes: &[Other],
        help: "Take another name, as long as you have no account",
        example: "/nick alice2",
        group: Group::You,
        page: Page::Topic,
        right: Right::Guest,
        cost: Cost::Message,
        parse: |args| Some(Command::Nick(args.only_name()?)),
    },
    Spec {
        word: "/away",
        args: "[text]",
        takes: &[Text],
        help: "Say that you are away; without a text, that you are back",
        example: "/away Lunch, back at two",
        group: Group::You,
        page: Page::First,
        right: Right::Everyone,
        cost: Cost::Message,
        parse: |args| Some(Command::Away(args.text())),
    },
    Spec {
        word: "/ignore",
        args: "[user]",
        takes: &[User],
        help: "See nothing more of a user; without one, show whom you ignore",
        example: "/ignore eve",
        group: Group::You,
        page: Page::Topic,
        right: Right::Everyone,
        cost: Cost::Message,
        parse: |args| {
            let user = args.name();
            args.end()?;
            Some(match user {
                Some(user) => Command::Ignore(user),
                None => args.shows(Command::ListIgnored),
            })
        },
    },
    Spec {
        word: "/unignore",
        args: "<user>",
        takes: &[User],
        help: "See a user again",
        example: "/unignore eve",
        group: Group::You,
        page: Page::Topic,
        right: Right::Everyone,
        cost: Cost::Message,
        parse: |args| Some(Command::Unignore(args.only_name()?)),
    },
];

pub(super) static SETTINGS: [Spec; 8] = [
    Spec {
        word: "/time",
        args: "on | off",
        takes: &[OneOf(&["on", "off"])],
        help: "Show when something was said by the clock, or how long ago",
        example: "/time on",
        group: Group::Settings,
        page: Page::Topic,
        right: Right::Everyone,
        cost: Cost::Message,
        parse: |args| Some(Command::Set(Setting::ClockTimes(args.switch()?))),
    },
    Spec {
        word: "/color",
        args: "on | off | light",
        takes: &[OneOf(&["on", "off", "light"])],
        help: "Turn colours on or off; light is for a light ground",
        example: "/color light",
        group: Group::Settings,
        page: Page::Topic,
        right: Right::Everyone,
        cost: Cost::Message,
        parse: |args| {
            let colours = args.choice(&[
                ("on", Colours::On),
                ("off", Colours::Off),
                ("light", Colours::Light),
            ])?;
            Some(Command::Set(Setting::Colours(colours)))
        },
    },
    Spec {
        word: "/style",
        args: "full | compact",
        takes: &[OneOf(&["full", "compact"])],
        help: "See a message with its picture, or in one row",
        example: "/style compact",
        group: Group::Settings,
        page: Page::Topic,
        right: Right::Everyone,
        cost: Cost::Message,
        parse: |args| {
            let compact = args.choice(&[("full", false), ("compact", true)])?;
            Some(Command::Set(Setting::Compact(compact)))
        },
    },
    Spec {
        word: "/echo",
        args: "on | off",
        takes: &[OneOf(&["on", "off"])],
        help: "See your own messages, or leave them at what you typed",
        example: "/echo off",
        group: Group::Settings,
        page: Page::Topic,
        right: Right::Everyone,
        cost: Cost::Message,
        parse: |args| Some(Command::Set(Setting::Echo(args.switch()?))),
    },
    Spec {
        word: "/bell",
        args: "off | tags | all",
        takes: &[OneOf(&["off", "tags", "all"])],
        help: "Ring never, for tags and private messages, or always",
        example: "/bell off",
        group: Group::Settings,
        page: Page::Topic,
        right: Right::Everyone,
        cost: Cost::Message,
        parse: |args| {
            let bell =
                args.choice(&[("off", Bell::Off), ("tags", Bell::Tags), ("all", Bell::All)])?;
            Some(Command::Set(Setting::Bell(bell)))
        },
    },
    Spec {
        word: "/quiet",
        args: "on | off",
        takes: &[OneOf(&["on", "off"])],
        help: "Leave out who comes and who goes",
        example: "/quiet on",
        group: Group::Settings,
        page: Page::Topic,
        right: Right::Everyone,
        cost: Cost::Message,
        parse: |args| Some(Command::Set(Setting::Quiet(args.switch()?))),
    },
    Spec {
        word: "/width",
        args: "<20-500> | off",
        takes: &[OneOf(&["off"])],
        help: "Wrap text for a terminal of so many columns",
        example: "/width 100",
        group: Group::Settings,
        page: Page::Topic,
        right: Right::Everyone,
        cost: Cost::Message,
        parse: |args| Some(Command::Set(Setting::Width(args.width()?))),
    },
    Spec {
        word: "/mode",
        args: "[edit | line | plain | auto]",
        takes: &[OneOf(&["edit", "line", "plain", "auto"])],
        help: "Who edits your line; plain: read aloud",
        example: "/mode plain",
        group: Group::Settings,
        page: Page::Topic,
        right: Right::Everyone,
        cost: Cost::Message,
        parse: |args| {
            if args.end().is_some() {
                return Some(args.shows(Command::ShowMode));
            }
            let mode = args.choice(&[
                ("edit", Mode::Edit),
                ("line", Mode::Line),
                ("plain", Mode::Plain),
                ("auto", Mode::Auto),
            ])?;
            Some(Command::Set(Setting::Mode(mode)))
        },
    },
];

pub(super) static ACCOUNT: [Spec; 6] = [
    Spec {
        word: "/register",
        args: "[password]",
        takes: &[Secret],
        help: "Keep your name: it asks for a password from now on",
        example: "/register \"correct horse battery\"",
        group: Group::Account,
        page: Page::First,
        right: Right::Guest,
        cost: Cost::Message,
        parse: |args| match args.end() {
            // Asking changes nothing: were it refused for its rate, a password that was typed ahead would be said.
            Some(()) => Some(args.shows(Command::AskPassword(Asking::to_register()))),
            None => Some(Command::Register(args.account_password()?)),
        },
    },
    Spec {
        word: "/passwd",
        args: "<old> <new>",
        takes: &[Secret, Secret],
        help: "Change the password of your account",
        example: "/passwd \"correct horse battery\" \"staple of another kind\"",
        group: Group::Account,
        page: Page::Topic,
        right: Right::Account,
        cost: Cost::Message,
        parse: |args| {
            if args.end().is_some() {
                return Some(args.shows(Command::AskPassword(Asking::to_change())));
            }
            let (old, new) = (args.secret()?, args.account_password()?);
            Some(Command::ChangePassword { old, new })
        },
    },
    Spec {
        word: "/unregister",
        args: "<password>",
        takes: &[Secret],
        help: "Give up your account; your name is free again",
        example: "/unregister \"correct horse battery\"",
        group: Group::Account,
        page: Page::Topic,
        right: Right::Account,
        cost: Cost::Message,
        parse: |args| Some(Command::Unregister(args.only_secret()?)),
    },
    Spec {
        word: "/cert",
        args: "add | list | del <prefix>",
        takes: &[OneOf(&["add", "list", "del"]), Other],
        help: "Log in with this TLS client certificate",
        example: "/cert add",
        group: Group::Account,
        page: Page::Topic,
        right: Right::Account,
        cost: Cost::Message,
        parse: |args| {
            let del = |args: &mut Args<'_>| KeyPrefix::parse(&args.word()?).map(Command::DeleteKey);
            args.managed(|_| Some(Command::AddKey), Command::ListKeys, del)
        },
    },
    Spec {
        word: "/bot",
        args: "add | list | del <name>",
        takes: &[OneOf(&["add", "list", "del"]), Other],
        help: "Bots of yours: programs that chat, by a token",
        example: "/bot add weather",
        group: Group::Account,
        page: Page::Topic,
        right: Right::Account,
        cost: Cost::Message,
        parse: |args| {
            let (add, del) = (Command::AddBot, Command::DeleteBot);
            args.managed(
                |args| args.name().map(add),
                Command::ListBots,
                |args| args.name().map(del),
            )
        },
    },
    Spec {
        word: "/accept",
        args: "",
        takes: &[],
        help: "Take the lobby that somebody offers you",
        example: "/accept",
        group: Group::Account,
        page: Page::Topic,
        right: Right::Account,
        cost: Cost::Message,
        parse: |args| args.end().map(|()| Command::Accept),
    },
];
