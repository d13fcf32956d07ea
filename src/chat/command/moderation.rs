//! The commands of operators, of owners, and of the server's admins.

use std::time::Duration;

use super::args::Args;
use super::complete::Argument::{Flag, Lobby, OneOf, Other, Secret, Text, User};
use super::meaning::{Banning, Command};
use super::{Cost, Group, Page, Spec};
use crate::chat::roles::Right;
use crate::chat::sanctions::Terms;

/// The longest time that `/slow` puts between a user's messages.
pub const MAX_SLOW: Duration = Duration::from_secs(3_600);

/// Says that a guest alone is meant, and not all guests of their address.
const ALONE: &str = "-1";

pub(super) static MODERATION: [Spec; 11] = [
    Spec {
        word: "/kick",
        args: "<user> [reason]",
        takes: &[User, Text],
        help: "Send a user to general, or from there away",
        example: "/kick eve No spam, please",
        group: Group::Moderation,
        page: Page::Topic,
        right: Right::Operator,
        cost: Cost::Duty,
        parse: |args| Some(Command::Kick { user: args.name()?, reason: args.text() }),
    },
    Spec {
        word: "/mute",
        args: "[-1] <user> [time]",
        takes: &[Flag(ALONE), User, Other],
        help: "Stop a user speaking (30s 2h30m 7d; -1: only them)",
        example: "/mute eve 10m",
        group: Group::Moderation,
        page: Page::Topic,
        right: Right::Operator,
        cost: Cost::Duty,
        parse: |args| {
            let alone = args.flag(ALONE);
            let (user, time) = (args.name()?, args.span());
            args.end()?;
            let terms = Terms { time, alone, ..Terms::default() };
            Some(Command::Mute(Banning { user, terms }))
        },
    },
    Spec {
        word: "/unmute",
        args: "<user>",
        takes: &[User],
        help: "Let a user speak again",
        example: "/unmute eve",
        group: Group::Moderation,
        page: Page::Topic,
        right: Right::Operator,
        cost: Cost::Duty,
        parse: |args| Some(Command::Unmute(args.only_name()?)),
    },
    Spec {
        word: "/ban",
        args: "[-1] <user> [time] [reason]",
        takes: &[Flag(ALONE), User, Other, Text],
        help: "Keep a user out (2h30m 7d; -1: only them)",
        example: "/ban eve 7d Spam again",
        group: Group::Moderation,
        page: Page::Topic,
        right: Right::Operator,
        cost: Cost::Duty,
        parse: |args| Some(Command::Ban(banning(args)?)),
    },
    Spec {
        word: "/unban",
        args: "<user>",
        takes: &[User],
        help: "Let a user in again",
        example: "/unban eve",
        group: Group::Moderation,
        page: Page::Topic,
        right: Right::Operator,
        cost: Cost::Duty,
        parse: |args| Some(Command::Unban(args.only_name()?)),
    },
    Spec {
        word: "/bans",
        args: "",
        takes: &[],
        help: "Show who is banned from here, and by whom",
        example: "/bans",
        group: Group::Moderation,
        page: Page::Topic,
        right: Right::Operator,
        cost: Cost::Look,
        parse: |_| Some(Command::Bans),
    },
    Spec {
        word: "/purge",
        args: "<user>",
        takes: &[User],
        help: "Remove what a user said here in the last 24 hours",
        example: "/purge eve",
        group: Group::Moderation,
        page: Page::Topic,
        right: Right::Operator,
        cost: Cost::Duty,
        parse: |args| Some(Command::Purge(args.only_name()?)),
    },
    Spec {
        word: "/topic",
        args: "<text>",
        takes: &[Text],
        help: "Set the topic of the lobby; \"\" for none",
        example: "/topic Release on Friday",
        group: Group::Moderation,
        page: Page::Topic,
        right: Right::Operator,
        cost: Cost::Duty,
        parse: |args| {
            let topic = args.free_text()?;
            let topic = args.about(topic);
            Some(Command::Topic((!topic.is_blank()).then_some(topic)))
        },
    },
    Spec {
        word: "/slow",
        args: "<seconds>",
        takes: &[Other],
        help: "Make each user wait between two messages; 0 ends it",
        example: "/slow 10",
        group: Group::Moderation,
        page: Page::Topic,
        right: Right::Operator,
        cost: Cost::Duty,
        parse: |args| {
            let gap = Duration::from_secs(args.number()?);
            (gap <= MAX_SLOW).then_some(Command::Slow(gap))
        },
    },
    Spec {
        word: "/hook",
        args: "add | list | del <name>",
        takes: &[OneOf(&["add", "list", "del"]), Other],
        help: "Let programs post here, by an address",
        example: "/hook add builds",
        group: Group::Moderation,
        page: Page::Topic,
        right: Right::Operator,
        cost: Cost::Duty,
        parse: |args| {
            let (add, del) = (Command::AddHook, Command::DeleteHook);
            args.managed(
                |args| args.name().map(add),
                Command::ListHooks,
                |args| args.name().map(del),
            )
        },
    },
    Spec {
        word: "/audit",
        args: "",
        takes: &[],
        help: "Show who did what here, and when",
        example: "/audit",
        group: Group::Moderation,
        page: Page::Topic,
        right: Right::Operator,
        cost: Cost::Look,
        parse: |_| Some(Command::Audit),
    },
];

pub(super) static OWNERSHIP: [Spec; 5] = [
    Spec {
        word: "/op",
        args: "<user>",
        takes: &[User],
        help: "Make an account an operator of this lobby",
        example: "/op bob",
        group: Group::Ownership,
        page: Page::Topic,
        right: Right::Owner,
        cost: Cost::Duty,
        parse: |args| Some(Command::Op(args.only_name()?)),
    },
    Spec {
        word: "/deop",
        args: "<user>",
        takes: &[User],
        help: "Make an operator an ordinary member again",
        example: "/deop bob",
        group: Group::Ownership,
        page: Page::Topic,
        right: Right::Owner,
        cost: Cost::Duty,
        parse: |args| Some(Command::Deop(args.only_name()?)),
    },
    Spec {
        word: "/setpass",
        args: "<password|no-pass>",
        takes: &[Secret],
        help: "Change this lobby's password, or make it public",
        example: "/setpass \"open sesame\"",
        group: Group::Ownership,
        page: Page::Topic,
        right: Right::Owner,
        cost: Cost::Duty,
        parse: |args| {
            let typed = args.only_secret()?;
            Some(Command::SetPassword(args.lobby_password(typed)?))
        },
    },
    Spec {
        word: "/transfer",
        args: "<user>",
        takes: &[User],
        help: "Offer this lobby to another account (/accept)",
        example: "/transfer bob",
        group: Group::Ownership,
        page: Page::Topic,
        right: Right::Owner,
        cost: Cost::Duty,
        parse: |args| Some(Command::Transfer(args.only_name()?)),
    },
    Spec {
        word: "/delete",
        args: "<lobby>",
        takes: &[Lobby],
        help: "End a lobby, said twice; whoever is in it goes to general",
        example: "/delete coding",
        group: Group::Ownership,
        page: Page::Topic,
        right: Right::Owner,
        cost: Cost::Duty,
        parse: |args| Some(Command::Delete(args.only_name()?)),
    },
];

pub(super) static SERVER: [Spec; 3] = [
    Spec {
        word: "/announce",
        args: "<text>",
        takes: &[Text],
        help: "Tell everybody on the server something",
        example: "/announce Restart in ten minutes",
        group: Group::Server,
        page: Page::Topic,
        right: Right::Admin,
        cost: Cost::Duty,
        parse: |args| Some(Command::Announce(args.text()?)),
    },
    Spec {
        word: "/gban",
        args: "[-1] <user> [time] [reason]",
        takes: &[Flag(ALONE), User, Other, Text],
        help: "Keep a user off the server (2h30m 7d)",
        example: "/gban eve 30d Spam everywhere",
        group: Group::Server,
        page: Page::Topic,
        right: Right::Admin,
        cost: Cost::Duty,
        parse: |args| Some(Command::ServerBan(banning(args)?)),
    },
    Spec {
        word: "/gunban",
        args: "<user>",
        takes: &[User],
        help: "Let a user onto the server again",
        example: "/gunban eve",
        group: Group::Server,
        page: Page::Topic,
        right: Right::Admin,
        cost: Cost::Duty,
        parse: |args| Some(Command::ServerUnban(args.only_name()?)),
    },
];

fn banning(args: &mut Args<'_>) -> Option<Banning> {
    let alone = args.flag(ALONE);
    let (user, time, reason) = (args.name()?, args.span(), args.text());
    Some(Banning { user, terms: Terms { time, reason, alone } })
}
