//! The commands about oneself: how one appears, what one is shown, and one's account.

use super::args::Args;
use super::meaning::Command;
use super::{Cost, Group, Spec};
use crate::chat::accounts::CertPrefix;
use crate::chat::asking::Asking;
use crate::chat::roles::Right;

pub(super) static YOU: [Spec; 6] = [
    Spec {
        word: "/nick",
        args: "<name>",
        help: "Take another name, as long as you have no account",
        example: "/nick alice2",
        group: Group::You,
        right: Right::Guest,
        cost: Cost::Message,
        parse: |args| Some(Command::Nick(args.only_word()?)),
    },
    Spec {
        word: "/away",
        args: "[text]",
        help: "Say that you are away; without a text, that you are back",
        example: "/away Lunch, back at two",
        group: Group::You,
        right: Right::Everyone,
        cost: Cost::Message,
        parse: |args| Some(Command::Away(args.text())),
    },
    Spec {
        word: "/ignore",
        args: "[user]",
        help: "See nothing more of a user; without one, show whom you ignore",
        example: "/ignore eve",
        group: Group::You,
        right: Right::Everyone,
        cost: Cost::Message,
        parse: |args| {
            let user = args.word();
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
        help: "See a user again",
        example: "/unignore eve",
        group: Group::You,
        right: Right::Everyone,
        cost: Cost::Message,
        parse: |args| Some(Command::Unignore(args.only_word()?)),
    },
    Spec {
        word: "/time",
        args: "on | off",
        help: "Show when something was said by the clock, or how long ago",
        example: "/time on",
        group: Group::You,
        right: Right::Everyone,
        cost: Cost::Message,
        parse: |args| Some(Command::ClockTimes(args.switch()?)),
    },
    Spec {
        word: "/color",
        args: "on | off",
        help: "Turn colours on or off",
        example: "/color off",
        group: Group::You,
        right: Right::Everyone,
        cost: Cost::Message,
        parse: |args| Some(Command::Colours(args.switch()?)),
    },
];

pub(super) static ACCOUNT: [Spec; 5] = [
    Spec {
        word: "/register",
        args: "<password>",
        help: "Keep your name: it asks for this password from now on",
        example: "/register \"correct horse battery\"",
        group: Group::Account,
        right: Right::Guest,
        cost: Cost::Message,
        parse: |args| match args.end() {
            Some(()) => Some(Command::AskPassword(Asking::to_register())),
            None => Some(Command::Register(args.account_password()?)),
        },
    },
    Spec {
        word: "/passwd",
        args: "<old> <new>",
        help: "Change the password of your account",
        example: "/passwd \"correct horse battery\" \"staple of another kind\"",
        group: Group::Account,
        right: Right::Account,
        cost: Cost::Message,
        parse: |args| {
            if args.end().is_some() {
                return Some(Command::AskPassword(Asking::to_change()));
            }
            let (old, new) = (args.secret()?, args.account_password()?);
            Some(Command::ChangePassword { old, new })
        },
    },
    Spec {
        word: "/unregister",
        args: "<password>",
        help: "Give up your account; your name is free again",
        example: "/unregister \"correct horse battery\"",
        group: Group::Account,
        right: Right::Account,
        cost: Cost::Message,
        parse: |args| Some(Command::Unregister(args.only_secret()?)),
    },
    Spec {
        word: "/cert",
        args: "add | list | del <prefix>",
        help: "Log in with this TLS client certificate",
        example: "/cert add",
        group: Group::Account,
        right: Right::Account,
        cost: Cost::Message,
        parse: cert,
    },
    Spec {
        word: "/accept",
        args: "",
        help: "Take the lobby that somebody offers you",
        example: "/accept",
        group: Group::Account,
        right: Right::Account,
        cost: Cost::Message,
        parse: |args| args.end().map(|()| Command::Accept),
    },
];

fn cert(args: &mut Args<'_>) -> Option<Command> {
    let what = args.word()?.to_ascii_lowercase();
    let command = match what.as_str() {
        "add" => Command::AddCert,
        "list" => args.shows(Command::ListCerts),
        "del" => Command::DeleteCert(CertPrefix::parse(&args.word()?)?),
        _ => return None,
    };
    args.end()?;
    Some(command)
}
