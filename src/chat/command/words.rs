//! Words that stand for commands: those of the table, those that people bring along from elsewhere, and
//! what is near where a word is none.

use super::{COMMANDS, Spec, spec};
use crate::chat::near::distance;

/// What a word stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stands {
    /// A command, with what follows as its arguments.
    For(&'static Spec),
    /// The way to general, whatever follows.
    Leaving,
    /// What follows is a message.
    Saying,
}

/// What people type who come from IRC, from talkers or from Slack. The help does not have them, so
/// that it stays short.
const BROUGHT_ALONG: [(&str, &str); 19] = [
    ("/j", "/join"),
    ("/w", "/msg"),
    ("/m", "/msg"),
    ("/tell", "/msg"),
    ("/dm", "/msg"),
    ("/who", "/users"),
    ("/names", "/users"),
    ("/list", "/lobbies"),
    ("/rooms", "/lobbies"),
    ("/channels", "/lobbies"),
    ("/exit", "/quit"),
    ("/q", "/quit"),
    ("/reply", "/r"),
    ("/afk", "/away"),
    ("/h", "/help"),
    ("/?", "/help"),
    ("/part", LEAVING),
    ("/leave", LEAVING),
    ("/say", SAYING),
];

const LEAVING: &str = "to general";
const SAYING: &str = "to the lobby";

/// What a word with its slash stands for, in any case.
pub(super) fn stands(word: &str) -> Option<Stands> {
    if let Some(spec) = spec(word) {
        return Some(Stands::For(spec));
    }
    match BROUGHT_ALONG.iter().find(|(brought, _)| brought.eq_ignore_ascii_case(word))?.1 {
        LEAVING => Some(Stands::Leaving),
        SAYING => Some(Stands::Saying),
        known => spec(known).map(Stands::For),
    }
}

/// A message that is nothing but this, in any case, was most likely meant for the server.
const BARE: [&str; 4] = ["quit", "exit", "help", ":q"];

/// Whether a message is a word by which people try to get out, or to get help.
pub(super) fn is_bare(message: &str) -> bool {
    BARE.iter().any(|word| word.eq_ignore_ascii_case(message.trim()))
}

/// Words that one is pointed to at most: the first of them that one may use.
const NEAR: usize = 4;

/// The commands that are near to a word that is none, nearest first.
pub(super) fn near(word: &str) -> Vec<&'static Spec> {
    let typed = word.trim_start_matches('/').to_ascii_lowercase();
    let own = COMMANDS.iter().map(|spec| (spec.word, spec));
    let brought = BROUGHT_ALONG.iter().filter_map(|(word, known)| Some((*word, spec(known)?)));
    // Of words as near as each other the one that was typed whole goes first: `/quitt` is no `/quiet`.
    let distance = |(word, spec): (&str, _)| {
        let known = &word[1..];
        Some(((distance(&typed, known)?, !typed.starts_with(known)), spec))
    };
    let mut near: Vec<_> = own.chain(brought).filter_map(distance).collect();
    near.sort_by_key(|(how_near, _)| *how_near);
    let mut specs: Vec<&'static Spec> = Vec::new();
    for (_, spec) in near {
        if specs.len() < NEAR && !specs.contains(&spec) {
            specs.push(spec);
        }
    }
    specs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_bring_along_stands_for_what_they_mean_in_any_case() {
        let stands_for = |word| match stands(word) {
            Some(Stands::For(spec)) => spec.word,
            Some(Stands::Leaving) => "leaving",
            Some(Stands::Saying) => "saying",
            None => "nothing",
        };
        for (words, want) in [
            ("/j /J /join", "/join"),
            ("/w /m /tell /dm /Msg", "/msg"),
            ("/who /names", "/users"),
            ("/list /rooms /channels", "/lobbies"),
            ("/part /leave", "leaving"),
            ("/exit /q", "/quit"),
            ("/say", "saying"),
            ("/reply", "/r"),
            ("/afk", "/away"),
            ("/h /?", "/help"),
            ("/nope / /joi /??", "nothing"),
        ] {
            for word in words.split(' ') {
                assert_eq!(stands_for(word), want, "{word}");
            }
        }
        for (word, known) in BROUGHT_ALONG {
            assert!(spec(word).is_none(), "{word} is in the table itself");
            assert!([LEAVING, SAYING].contains(&known) || spec(known).is_some(), "{known}");
        }
    }

    #[test]
    fn a_word_that_is_near_a_command_is_known_for_it() {
        for (typed, want) in [
            ("/jion", Some("/join")),
            ("/JION", Some("/join")),
            ("/joins", Some("/join")),
            ("/jo", Some("/join")),
            ("/lobies", Some("/lobbies")),
            ("/lobby", Some("/lobbies")),
            ("/user", Some("/users")),
            ("/usres", Some("/users")),
            ("/hlp", Some("/help")),
            ("/mgs", Some("/msg")),
            ("/msgbob", None),
            ("/regsiter", Some("/register")),
            ("/whios", Some("/whois")),
            ("/lsit", Some("/lobbies")),
            ("/nmaes", Some("/users")),
            ("/channel", Some("/lobbies")),
            ("/quiet-please", None),
            ("/quitt", Some("/quit")),
            ("/quite", Some("/quit")),
            ("/quiett", Some("/quiet")),
            ("/nope", None),
            ("/foo", None),
            ("/x", None),
            ("/", None),
            ("/abcdefghijklmnopqrstuvwxyz", None),
        ] {
            assert_eq!(near(typed).first().map(|spec| spec.word), want, "{typed}");
        }
        assert!(near("/un").len() <= NEAR);
    }

    #[test]
    fn a_message_that_is_nothing_but_a_way_out_is_known_for_it() {
        for text in ["quit", "EXIT", " help ", ":q", "Quit"] {
            assert!(is_bare(text), "{text}");
        }
        for text in ["quit it", "help!", "q", ":wq", "no exit", ""] {
            assert!(!is_bare(text), "{text}");
        }
    }
}
