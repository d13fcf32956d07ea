//! The commands that everybody uses: lobbies, messages, Rox, and the first and last ones.

use super::args::Args;
use super::complete::Argument::{Lobby, OneOf, Other, Secret, Text, Topic, User};
use super::meaning::{About, Command, NewLobby};
use super::words::{self, Stands};
use super::{COMMANDS, Cost, Group, Page, Spec, spec};
use crate::chat::near::distance;
use crate::chat::roles::Right;
use crate::chat::text::{Line, Text as Message};

/// Messages that `/history` shows without a number.
pub const DEFAULT_HISTORY: usize = 20;
/// Messages that it shows at most.
pub const MAX_HISTORY: usize = 200;
/// Messages that `/search` shows at most.
pub const MAX_FOUND: usize = 20;

/// Words that it takes at most: each makes it look through more.
pub const MAX_SEARCH_WORDS: usize = 8;

pub(super) static LOBBIES: [Spec; 7] = [
    Spec {
        word: "/lobbies",
        args: "[word] [page]",
        takes: &[Other, Other],
        help: "Show the lobbies, or those with a word",
        example: "/lobbies rust",
        group: Group::Lobbies,
        page: Page::First,
        right: Right::Everyone,
        cost: Cost::Look,
        parse: lobbies,
    },
    Spec {
        word: "/users",
        args: "",
        takes: &[],
        help: "Show who is in this lobby",
        example: "/users",
        group: Group::Lobbies,
        page: Page::First,
        right: Right::Everyone,
        cost: Cost::Look,
        parse: |_| Some(Command::Users),
    },
    Spec {
        word: "/whois",
        args: "<user>",
        takes: &[User],
        help: "Show where somebody is, and whether they have an account",
        example: "/whois bob",
        group: Group::Lobbies,
        page: Page::Topic,
        right: Right::Everyone,
        cost: Cost::Look,
        parse: |args| Some(Command::Whois(args.only_name()?)),
    },
    Spec {
        word: "/create",
        args: "<name> [password] <desc>",
        takes: &[Other, Secret, Text],
        help: "Make a lobby; no-pass for no password",
        example: "/create coding no-pass All about code",
        group: Group::Lobbies,
        page: Page::First,
        right: Right::Everyone,
        cost: Cost::Message,
        parse: create,
    },
    Spec {
        word: "/join",
        args: "<name> [password]",
        takes: &[Lobby, Secret],
        help: "Go to another lobby",
        example: "/join coding",
        group: Group::Lobbies,
        page: Page::First,
        right: Right::Everyone,
        cost: Cost::Message,
        parse: |args| {
            let (lobby, password) = (args.name()?, args.secret());
            args.end()?;
            Some(Command::Join { lobby, password })
        },
    },
    Spec {
        word: "/history",
        args: "[n] [before m]",
        takes: &[Other, OneOf(&["before"]), Other],
        help: "Show the last n messages, or those before",
        example: "/history 50 before 200",
        group: Group::Lobbies,
        page: Page::First,
        right: Right::Everyone,
        cost: Cost::Look,
        parse: history,
    },
    Spec {
        word: "/search",
        args: "<words>",
        takes: &[Text],
        help: "Find messages of this lobby with all the words (8 at most)",
        example: "/search release date",
        group: Group::Lobbies,
        page: Page::Topic,
        right: Right::Everyone,
        cost: Cost::Look,
        parse: search,
    },
];

pub(super) static MESSAGES: [Spec; 4] = [
    Spec {
        word: "/msg",
        args: "<user> <message>",
        takes: &[User, Text],
        help: "Send a private message",
        example: "/msg bob See you at nine",
        group: Group::Messages,
        page: Page::First,
        right: Right::Everyone,
        cost: Cost::Message,
        parse: |args| Some(Command::Message(args.addressed()?)),
    },
    Spec {
        word: "/r",
        args: "<text>",
        takes: &[Text],
        help: "Answer the last one who wrote to you in private",
        example: "/r At nine, then",
        group: Group::Messages,
        page: Page::First,
        right: Right::Everyone,
        cost: Cost::Message,
        parse: |args| Some(Command::Respond(args.text()?)),
    },
    Spec {
        word: "/tag",
        args: "<user> <message>",
        takes: &[User, Text],
        help: "Say something to the lobby and alert one user",
        example: "/tag bob Look at this",
        group: Group::Messages,
        page: Page::First,
        right: Right::Everyone,
        cost: Cost::Message,
        parse: |args| Some(Command::Tag(args.addressed()?)),
    },
    Spec {
        word: "/me",
        args: "<action>",
        takes: &[Text],
        help: "Say what you do",
        example: "/me waves",
        group: Group::Messages,
        page: Page::First,
        right: Right::Everyone,
        cost: Cost::Message,
        parse: |args| Some(Command::Act(args.text()?)),
    },
];

pub(super) static ASSISTANT: [Spec; 4] = [
    Spec {
        word: "/ai",
        args: "<question>",
        takes: &[Text],
        help: "Ask Rox before all; also /ai stop, /ai usage, /ai forget",
        example: "/ai How do I leave vim?",
        group: Group::Assistant,
        page: Page::First,
        right: Right::Everyone,
        cost: Cost::Message,
        parse: ask,
    },
    Spec {
        word: "/catchup",
        args: "",
        takes: &[],
        help: "Have Rox sum up what you missed here, for you alone",
        example: "/catchup",
        group: Group::Assistant,
        page: Page::Topic,
        right: Right::Everyone,
        cost: Cost::Message,
        parse: |args| args.end().map(|()| Command::CatchUp),
    },
    Spec {
        word: "/setai",
        args: "[prompt | default]",
        takes: &[OneOf(&["default"]), Text],
        help: "Show or set the AI's personality in your lobby",
        example: "/setai You are a pirate who teaches Rust",
        group: Group::Assistant,
        page: Page::First,
        right: Right::Owner,
        cost: Cost::Message,
        parse: set_prompt,
    },
    Spec {
        word: "/airoom",
        args: "[on | off]",
        takes: &[OneOf(&["on", "off"])],
        help: "Show or say whether your lobby has the AI",
        example: "/airoom off",
        group: Group::Assistant,
        page: Page::Topic,
        right: Right::Operator,
        cost: Cost::Message,
        parse: rox_room,
    },
];

pub(super) static BASICS: [Spec; 2] = [
    Spec {
        word: "/help",
        args: "[topic | command]",
        takes: &[Topic],
        help: "Show this, a topic of it, or explain one command",
        example: "/help create",
        group: Group::Basics,
        page: Page::First,
        right: Right::Everyone,
        cost: Cost::Look,
        parse: help,
    },
    Spec {
        word: "/quit",
        args: "",
        takes: &[],
        help: "Disconnect",
        example: "/quit",
        group: Group::Basics,
        page: Page::First,
        right: Right::Everyone,
        cost: Cost::Free,
        parse: |_| Some(Command::Quit),
    },
];

/// Two words are a name and a description; of more, the second is the password.
fn create(args: &mut Args<'_>) -> Option<Command> {
    let (name, second) = (args.name()?, args.word()?);
    let (password, description) = match args.free_text() {
        None => (None, Line::clean(&second)),
        Some(description) => {
            let typed = args.password(&second)?;
            (args.lobby_password(typed)?, description)
        }
    };
    let new = NewLobby { name, password, description: args.about(description) };
    Some(Command::Create(new))
}

/// A number at the end is a page; whatever else stands there is looked for.
fn lobbies(args: &mut Args<'_>) -> Option<Command> {
    let Some(text) = args.free_text().filter(|text| !text.is_blank()) else {
        return Some(Command::Lobbies { text: None, page: 1 });
    };
    let (rest, last) = text.as_str().rsplit_once(' ').unwrap_or(("", text.as_str()));
    let digits = last.bytes().all(|byte| byte.is_ascii_digit());
    let (rest, page) = match digits {
        true => (rest, last.parse().unwrap_or(usize::MAX)),
        false => (text.as_str(), 1),
    };
    let wanted = Line::clean(rest.trim().trim_matches('"').trim_start_matches('#'));
    Some(Command::Lobbies { text: (!wanted.is_blank()).then_some(wanted), page })
}

fn history(args: &mut Args<'_>) -> Option<Command> {
    if args.end().is_some() {
        return Some(Command::History { count: DEFAULT_HISTORY, before: 0 });
    }
    let count = args.next_number().filter(|n| *n > 0)?;
    let count = usize::try_from(count).map_or(MAX_HISTORY, |n| n.min(MAX_HISTORY));
    let before = match args.word() {
        None => 0,
        Some(word) if word.eq_ignore_ascii_case("before") => {
            args.number().filter(|n| *n > 0)?.try_into().unwrap_or(usize::MAX)
        }
        Some(_) => return None,
    };
    Some(Command::History { count, before })
}

/// A word alone that says something to the server is no question.
fn ask(args: &mut Args<'_>) -> Option<Command> {
    let question = args.question();
    let word = question.as_ref().map(|question| question.as_str().to_ascii_lowercase());
    Some(match word.as_deref() {
        Some("stop") => args.shows(Command::StopRox),
        Some("forget") => Command::ForgetRox,
        Some("usage") => args.shows(Command::ShowUsage),
        _ => Command::Ask(question),
    })
}

fn rox_room(args: &mut Args<'_>) -> Option<Command> {
    if args.end().is_some() {
        return Some(args.shows(Command::ShowRoxRoom));
    }
    args.switch().map(Command::SetRoxRoom)
}

/// What of a message is a question to Rox, who is spoken to by its first word: `@rox`, `rox:` or `rox,`. Without a
/// question, nobody is asked anything.
pub fn to_rox(message: &Message) -> Option<Option<Line>> {
    let all = message.rows().collect::<Vec<_>>().join(" ");
    let text = all.trim_start();
    let (first, after) = text.split_once(' ').unwrap_or((text, ""));
    let rest = match first.to_ascii_lowercase().as_str() {
        "@rox" | "rox:" | "rox," | "@rox:" | "@rox," => after,
        _ => return None,
    };
    let question = Line::clean(rest.trim());
    Some((!question.is_blank()).then_some(question))
}

fn set_prompt(args: &mut Args<'_>) -> Option<Command> {
    if args.end().is_some() {
        return Some(args.shows(Command::ShowPrompt));
    }
    let prompt = args.text()?;
    let default = prompt.as_str().eq_ignore_ascii_case("default");
    Some(Command::SetPrompt((!default).then_some(prompt)))
}

/// Words are what people see as such: what stands between blanks and has a letter or a digit.
fn search(args: &mut Args<'_>) -> Option<Command> {
    let words = args.text()?;
    let is_word = |word: &&str| word.chars().any(char::is_alphanumeric);
    let count = words.as_str().split_whitespace().filter(is_word).count();
    (count <= MAX_SEARCH_WORDS).then_some(Command::Search(words))
}

/// A word is a command, with its slash or without, or a topic.
fn help(args: &mut Args<'_>) -> Option<Command> {
    let Some(word) = args.word() else { return Some(Command::Help(About::All)) };
    let bare = word.strip_prefix('/').unwrap_or(&word);
    let about = match (words::stands(&format!("/{bare}")), Group::find(&word)) {
        (_, Some(topic)) => About::Topic(topic),
        (Some(Stands::For(spec)), None) => About::Command(spec),
        (Some(Stands::Leaving), None) => spec("/join").map_or(About::All, About::Command),
        (Some(Stands::Saying), None) => About::Topic(Group::Messages),
        (None, None) => About::Unknown(near(&bare.to_ascii_lowercase())),
    };
    Some(Command::Help(about))
}

/// The topic or the command that is nearest to a word.
fn near(word: &str) -> Option<&'static str> {
    let topics = Group::ALL.into_iter().map(Group::word);
    let known = topics.chain(COMMANDS.iter().map(|spec| &spec.word[1..]));
    let known = known.filter_map(|known| Some((distance(word, known)?, known)));
    known.min_by_key(|(distance, _)| *distance).map(|(_, known)| known)
}
