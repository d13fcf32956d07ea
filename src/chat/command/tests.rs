use proptest::prelude::*;

use super::*;
use crate::chat::password::Password;

/// What a text of these tests may have.
const MAX_CHARS: usize = 10;

pub(super) fn command(text: &str) -> Result<Command, &'static str> {
    match parse(Line::clean(text), MAX_CHARS) {
        Input::Command { parsed: Ok(command), .. } => Ok(command),
        Input::Command { parsed: Err(CommandError::Usage(spec)), .. } => Err(spec.word),
        Input::Command { parsed: Err(CommandError::Unknown(_)), .. } => Err("unknown"),
        Input::Command { parsed: Err(CommandError::Bare), .. } => Err("bare"),
        Input::Command { parsed: Err(CommandError::Password(_)), .. } => Err("no password"),
        Input::Command { parsed: Err(CommandError::NotATime), .. } => Err("not a time"),
        Input::Say(_) | Input::SayRows(_) | Input::Blank | Input::Overlong => Err("no command"),
    }
}

pub(super) fn password(text: &str) -> Password {
    Password::parse(text).unwrap()
}

fn created(name: &str, given: Option<&str>, description: &str) -> Result<Command, &'static str> {
    Ok(Command::Create(NewLobby {
        name: name.to_owned(),
        password: given.map(password),
        description: Line::clean(description),
    }))
}

fn joined(lobby: &str, given: Option<&str>) -> Result<Command, &'static str> {
    Ok(Command::Join { lobby: lobby.to_owned(), password: given.map(password) })
}

fn addressed(to: &str, text: &str) -> Addressed {
    Addressed { to: to.to_owned(), text: Line::clean(text) }
}

#[test]
fn a_password_with_a_byte_that_is_no_text_is_none_in_whatever_command() {
    for text in [
        "/register pass\u{fffd}word",
        "/passwd old-\u{fffd} new-password",
        "/passwd old-password new-\u{fffd}",
        "/unregister \u{fffd}",
        "/join den \u{fffd}",
        "/create den \u{fffd} All about it",
        "/setpass \u{fffd}",
    ] {
        assert_eq!(command(text), Err("no password"), "{text}");
    }
    assert_eq!(command("/create den \u{fffd}"), created("den", None, "\u{fffd}"));
}

#[test]
fn passwords_are_read_in_one_form() {
    assert_eq!(command("/join den pa\u{308}ss").as_ref().map(secret), Ok("p\u{e4}ss".to_owned()));
    let quoted = command("/join\u{3000}den \"a\u{a0}b\"");
    assert_eq!(quoted.as_ref().map(secret), Ok("a b".to_owned()));
    assert_eq!(
        command("/join den a\u{a0}b"),
        Err("/join"),
        "a blank of whatever kind divides words"
    );
}

fn secret(command: &Command) -> String {
    match command {
        Command::Join { password: Some(password), .. } => password.secret().expose().to_owned(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn create_takes_two_words_or_a_password_between() {
    let cases = [
        ("/create coding Programming", created("coding", None, "Programming")),
        ("/create coding \"All about code\"", created("coding", None, "All about code")),
        ("/create gaming no-pass Video games here", created("gaming", None, "Video games here")),
        ("/create gaming NO-PASS Video games", created("gaming", Some("NO-PASS"), "Video games")),
        ("/create gaming no-pass", created("gaming", None, "no-pass")),
        ("/create secret pw For us", created("secret", Some("pw"), "For us")),
        ("/create secret \"two words\" For us", created("secret", Some("two words"), "For us")),
        ("/create secret pw \"For us\"", created("secret", Some("pw"), "For us")),
        ("/create secret pw \"a\" and \"b\"", created("secret", Some("pw"), "\"a\" and \"b\"")),
        ("/create quiet \"\"", created("quiet", None, "")),
        ("/create quiet no-pass \"\"", created("quiet", None, "")),
        ("/create x \"\" desc", Err("/create")),
        ("/create coding", Err("/create")),
        ("/create", Err("/create")),
        ("/create   coding    Programming  ", created("coding", None, "Programming")),
    ];
    for (text, want) in cases {
        assert_eq!(command(text), want, "{text}");
    }
}

#[test]
fn other_commands_read_their_arguments() {
    let cases = [
        ("/help", Ok(Command::Help(About::All))),
        ("/HELP", Ok(Command::Help(About::All))),
        ("/help SETTINGS", Ok(Command::Help(About::Topic(Group::Settings)))),
        ("/help private", Ok(Command::Help(About::Topic(Group::Messages)))),
        ("/help lobbies", Ok(Command::Help(About::Topic(Group::Lobbies)))),
        ("/help /lobbies", Ok(Command::Help(About::Command(spec("/lobbies").unwrap())))),
        ("/help j", Ok(Command::Help(About::Command(spec("/join").unwrap())))),
        ("/help /part", Ok(Command::Help(About::Command(spec("/join").unwrap())))),
        ("/help say", Ok(Command::Help(About::Topic(Group::Messages)))),
        ("/help JOIN", Ok(Command::Help(About::Command(spec("/join").unwrap())))),
        ("/help /join", Ok(Command::Help(About::Command(spec("/join").unwrap())))),
        ("/help nope", Ok(Command::Help(About::Unknown(None)))),
        ("/help jion", Ok(Command::Help(About::Unknown(Some("join"))))),
        ("/help modration", Ok(Command::Help(About::Unknown(Some("moderation"))))),
        ("/Users now", Ok(Command::Users)),
        ("/lobbies", Ok(Command::Lobbies { text: None, page: 1 })),
        ("/join coding", joined("coding", None)),
        ("/join coding pw", joined("coding", Some("pw"))),
        ("/join coding \"two words\"", joined("coding", Some("two words"))),
        ("/join coding two words", Err("/join")),
        ("/join", Err("/join")),
        ("/join   ", Err("/join")),
        ("/sp", Ok(Command::ResetPicture)),
        ("/sp Default", Ok(Command::ResetPicture)),
        ("/sp LIST", Ok(Command::ListPictures)),
        ("/sp Cat", Ok(Command::SetPicture("cat".to_owned()))),
        ("/sp cat dog", Err("/sp")),
        ("/msg bob hi  there", Ok(Command::Message(addressed("bob", "hi  there")))),
        ("/msg bob \"hi\" he said", Ok(Command::Message(addressed("bob", "\"hi\" he said")))),
        ("/msg bob \"hi there\"", Ok(Command::Message(addressed("bob", "hi there")))),
        ("/msg bob \"a\" \"b\"", Ok(Command::Message(addressed("bob", "\"a\" \"b\"")))),
        ("/msg bob \"\"", Err("/msg")),
        ("/msg bob \"", Ok(Command::Message(addressed("bob", "\"")))),
        ("/ai \"why not?\"", Ok(Command::Ask(Some(Line::clean("why not?"))))),
        ("/msg bob", Err("/msg")),
        ("/msg bob   ", Err("/msg")),
        ("/tag bob look", Ok(Command::Tag(addressed("bob", "look")))),
        ("/ai why?", Ok(Command::Ask(Some(Line::clean("why?"))))),
        ("/ai", Ok(Command::Ask(None))),
        ("/ai STOP", Ok(Command::StopRox)),
        ("/ai stop the music", Ok(Command::Ask(Some(Line::clean("stop the music"))))),
        ("/ai forget", Ok(Command::ForgetRox)),
        ("/ai usage", Ok(Command::ShowUsage)),
        ("/catchup", Ok(Command::CatchUp)),
        ("/catchup please", Err("/catchup")),
        ("/airoom", Ok(Command::ShowRoxRoom)),
        ("/airoom OFF", Ok(Command::SetRoxRoom(false))),
        ("/airoom on", Ok(Command::SetRoxRoom(true))),
        ("/airoom maybe", Err("/airoom")),
        ("/ai   ", Ok(Command::Ask(None))),
        ("/setai Be a pirate", Ok(Command::SetPrompt(Some(Line::clean("Be a pirate"))))),
        ("/setai", Ok(Command::ShowPrompt)),
        ("/setai \"\"", Err("/setai")),
        ("/setai DEFAULT", Ok(Command::SetPrompt(None))),
        ("/setai default pirate", Ok(Command::SetPrompt(Some(Line::clean("default pirate"))))),
        ("/quit", Ok(Command::Quit)),
        ("/quit now", Ok(Command::Quit)),
        ("/nope", Err("unknown")),
        ("/helpme", Err("unknown")),
    ];
    for (text, want) in cases {
        assert_eq!(command(text), want, "{text}");
    }
}

#[test]
fn a_quote_that_is_never_closed_is_a_character() {
    assert_eq!(command("/join \"coding"), joined("\"coding", None));
    assert_eq!(command("/join \"a\"b"), joined("\"a\"b", None));
}

#[test]
fn other_lines_are_messages() {
    for (text, want) in [
        ("hello", "hello"),
        ("//help", "/help"),
        ("//HELP me", "/HELP me"),
        ("//?", "/?"),
        ("a/b", "a/b"),
        // Nothing that would be a command: said as it stands, such as the lines of a program.
        ("/", "/"),
        ("/ join den hunter2", "/ join den hunter2"),
        ("/* a comment */", "/* a comment */"),
        ("// another", "// another"),
        ("  //indented", "  //indented"),
        ("///", "///"),
        ("/??", "/??"),
        ("/say hi  there", "hi  there"),
        ("/SAY quit", "quit"),
        ("/say /help", "/help"),
        ("/say //help", "//help"),
        ("/say \"quit\"", "quit"),
        ("quit it", "quit it"),
    ] {
        match parse(Line::clean(text), MAX_CHARS) {
            Input::Say(line) => assert_eq!(line.as_str(), want),
            other => panic!("{text}: {other:?}"),
        }
    }
    for blank in ["", "   ", "\u{3000}", "/say", "/say \"\"", "/say  "] {
        assert!(matches!(parse(Line::clean(blank), MAX_CHARS), Input::Blank), "{blank:?}");
    }
}

#[test]
fn what_was_typed_with_line_ends_is_a_message_with_rows_or_a_command_without() {
    let rows = |typed: &str| match parse_rows(typed, MAX_CHARS) {
        Input::SayRows(text) => text.as_str().to_owned(),
        Input::Say(line) => format!("one row: {}", line.as_str()),
        Input::Blank => "blank".to_owned(),
        Input::Overlong => "too long".to_owned(),
        Input::Command { parsed, .. } => format!("{parsed:?}"),
    };
    for (typed, want) in [
        ("a\nb", "a\nb"),
        ("\n \na\n\n  b\n \n", "a\n\n  b"),
        ("one\n", "one row: one"),
        ("\n", "blank"),
        ("//quit\nb", "/quit\nb"),
        ("a\n/quit", "a\n/quit"),
        ("quit\nnow", "quit\nnow"),
        ("a\x1b[31m\nb\u{202e}", "a\nb"),
    ] {
        assert_eq!(rows(typed), want, "{typed:?}");
    }
    let twenty = ["row"; 20].join("\n");
    assert_eq!(rows(&twenty), twenty);
    assert_eq!(rows(&format!("{twenty}\nrow")), "too long");
    let message = |typed| match parse_rows(typed, MAX_CHARS) {
        Input::Command { parsed: Ok(command), .. } => command,
        other => panic!("{other:?}"),
    };
    let psst = Command::Message(addressed("bob", "one two"));
    assert_eq!(message(" /msg bob one\ntwo"), psst);
}

#[test]
fn blanks_before_a_command_are_left_out() {
    for line in
        ["/join den hunter2", " /join den hunter2", "\t/j den hunter2", "\u{a0}  /J den hunter2"]
    {
        assert_eq!(command(line), joined("den", Some("hunter2")), "{line:?}");
    }
    assert_eq!(command("  /jion den hunter2"), Err("unknown"), "and nothing of it is said");
}

#[test]
fn words_that_people_bring_along_have_the_arguments_of_what_they_stand_for() {
    for (text, want) in [
        ("/j #coding", joined("coding", None)),
        ("/j coding \"two words\"", joined("coding", Some("two words"))),
        ("/j", Err("/join")),
        ("/part", joined("general", None)),
        ("/leave #coding bye all", joined("general", None)),
        ("/w @bob hi", Ok(Command::Message(addressed("bob", "hi")))),
        ("/tell bob hi there", Ok(Command::Message(addressed("bob", "hi there")))),
        ("/m bob", Err("/msg")),
        ("/reply hi", Ok(Command::Respond(Line::clean("hi")))),
        ("/afk", Ok(Command::Away(None))),
        ("/afk tea", Ok(Command::Away(Some(Line::clean("tea"))))),
        ("/who", Ok(Command::Users)),
        ("/rooms 2", Ok(Command::Lobbies { text: None, page: 2 })),
        ("/q", Ok(Command::Quit)),
        ("/h join", Ok(Command::Help(About::Command(spec("/join").unwrap())))),
        ("/?", Ok(Command::Help(About::All))),
        ("/? join", Ok(Command::Help(About::Command(spec("/join").unwrap())))),
    ] {
        assert_eq!(command(text), want, "{text}");
    }
    let right = |text| match parse(Line::clean(text), MAX_CHARS) {
        Input::Command { cost, right, over, .. } => (cost, right, over),
        other => panic!("{text}: {other:?}"),
    };
    for (brought, known) in [("/who", "/users"), ("/w bob hi", "/msg bob hi"), ("/q", "/quit")] {
        assert_eq!(right(brought), right(known), "{brought}");
    }
    assert_eq!(right("/part"), right("/join general"));
    let over = format!("/dm bob {}", "é".repeat(11));
    assert_eq!(right(&over).2, Some(OverLimit::Text));
}

#[test]
fn what_people_put_before_a_name_is_left_out() {
    let bob = "bob".to_owned();
    for (text, want) in [
        ("/msg @bob hi", Ok(Command::Message(addressed("bob", "hi")))),
        ("/tag @bob hi", Ok(Command::Tag(addressed("bob", "hi")))),
        ("/whois @bob", Ok(Command::Whois(bob.clone()))),
        ("/ignore @bob", Ok(Command::Ignore(bob.clone()))),
        ("/unignore @bob", Ok(Command::Unignore(bob.clone()))),
        ("/unmute @bob", Ok(Command::Unmute(bob.clone()))),
        ("/op @bob", Ok(Command::Op(bob.clone()))),
        ("/gunban @bob", Ok(Command::ServerUnban(bob.clone()))),
        ("/delete #bob", Ok(Command::Delete(bob))),
        ("/create #den All of it", created("den", Some("All"), "of it")),
        ("/join ##den", joined("#den", None)),
        ("/join #", joined("#", None)),
        ("/join den #hunter2", joined("den", Some("#hunter2"))),
    ] {
        assert_eq!(command(text), want, "{text}");
    }
}

#[test]
fn a_bare_word_is_nothing_to_be_said() {
    for text in ["quit", " Quit ", "EXIT", "help", ":q"] {
        assert_eq!(command(text), Err("bare"), "{text}");
    }
}

#[test]
fn commands_that_change_something_count_like_messages_and_those_that_show_something_apart() {
    for spec in &COMMANDS {
        let keeps_order =
            matches!(spec.group, Group::Moderation | Group::Ownership | Group::Server);
        let cost = match spec.word {
            "/quit" => Cost::Free,
            "/help" | "/users" | "/lobbies" | "/history" | "/search" | "/whois" | "/bans"
            | "/audit" => Cost::Look,
            _ if keeps_order => Cost::Duty,
            _ => Cost::Message,
        };
        assert_eq!(spec.cost, cost, "{}", spec.word);
    }
    for (line, want) in [
        ("/register", Cost::Look),
        ("/register correcthorse", Cost::Message),
        ("/passwd", Cost::Look),
        ("/nope", Cost::Look),
        ("/msg bob", Cost::Look),
        ("/time never", Cost::Look),
        ("/kick", Cost::Duty),
        ("quit", Cost::Look),
        ("/names", Cost::Look),
        ("/part", Cost::Message),
        ("/ignore", Cost::Look),
        ("/ignore bob", Cost::Message),
        ("/sp list", Cost::Look),
        ("/setai", Cost::Look),
        ("/setai Be a pirate", Cost::Message),
        ("/setai default", Cost::Message),
        ("/sp cat", Cost::Message),
        ("/cert list", Cost::Look),
    ] {
        let Input::Command { cost, .. } = parse(Line::clean(line), MAX_CHARS) else {
            panic!("{line}")
        };
        assert_eq!(cost, want, "{line}");
    }
}

#[test]
fn a_row_says_who_may_use_its_command() {
    for (text, want) in [
        ("/users", Right::Everyone),
        ("/kick", Right::Operator),
        ("/op bob", Right::Owner),
        ("/gban bob", Right::Admin),
        ("/nope", Right::Everyone),
    ] {
        let input = parse(Line::clean(text), MAX_CHARS);
        assert!(matches!(input, Input::Command { right, .. } if right == want), "{text}");
    }
}

#[test]
fn every_row_parses_its_own_word_and_its_example() {
    for row in &COMMANDS {
        let text = format!("{} one two three", row.word);
        assert!(!matches!(command(&text), Err("unknown" | "no command")), "{text}");
        assert!(command(row.example).is_ok(), "{}", row.example);
        assert_eq!(row.example.split(' ').next(), Some(row.word));
        assert_eq!(COMMANDS.iter().filter(|other| *other == row).count(), 1, "{}", row.word);
        assert!(Group::ALL.contains(&row.group), "{}", row.word);
    }
    let grouped = Group::ALL.iter().flat_map(|group| group.commands());
    assert!(grouped.eq(COMMANDS.iter()), "the groups have the order of the table");
}

#[test]
fn debug_tells_no_password() {
    for text in [
        "/join a hunter2",
        "/create a hunter2 b",
        "/register hunter2",
        "/passwd hunter2 hunter2",
        "/unregister hunter2",
        "/setpass hunter2",
        " /j a hunter2",
        "/jion a hunter2",
    ] {
        assert!(!format!("{:?}", command(text)).contains("hunter2"), "{text}");
    }
}

#[test]
fn arguments_are_judged_by_characters() {
    let (fits, over) = ("é".repeat(10), "é".repeat(11));
    for (text, want) in [
        (format!("/msg bob {fits}"), None),
        (format!("/msg bob {over}"), Some(OverLimit::Text)),
        (format!("/tag bob {over}"), Some(OverLimit::Text)),
        (format!("/setai {over}"), Some(OverLimit::Text)),
        (format!("/create x no-pass {}", "é".repeat(200)), None),
        (format!("/create x no-pass {}", "é".repeat(201)), Some(OverLimit::About)),
        (format!("/create x {} ok", "p".repeat(128)), None),
        (format!("/create x {} ok", "p".repeat(129)), Some(OverLimit::Password)),
        (format!("/ai {fits}"), None),
        (format!("/ai {over}"), Some(OverLimit::Question)),
        (format!("/join x {}", "p".repeat(129)), None),
        (format!("/r {over}"), Some(OverLimit::Text)),
        (format!("/me {over}"), Some(OverLimit::Text)),
        (format!("/away {fits}"), None),
        (format!("/away {over}"), Some(OverLimit::Text)),
        (format!("/topic {}", "é".repeat(200)), None),
        (format!("/topic {}", "é".repeat(201)), Some(OverLimit::About)),
        (format!("/search {over}"), Some(OverLimit::Text)),
        (format!("/kick bob {over}"), Some(OverLimit::Text)),
        (format!("/ban bob 7d {fits}"), None),
        (format!("/ban bob 7d {over}"), Some(OverLimit::Text)),
        (format!("/gban bob {over}"), Some(OverLimit::Text)),
        (format!("/announce {over}"), Some(OverLimit::Text)),
        (format!("/register {}", "é".repeat(7)), Some(OverLimit::ShortPassword)),
        (format!("/register {}", "é".repeat(8)), None),
        (format!("/register {}", "p".repeat(128)), None),
        (format!("/register {}", "p".repeat(129)), Some(OverLimit::Password)),
        (format!("/passwd x {}", "p".repeat(7)), Some(OverLimit::ShortPassword)),
        (format!("/passwd x {}", "p".repeat(8)), None),
        (format!("/passwd x {}", "p".repeat(129)), Some(OverLimit::Password)),
        (format!("/unregister {}", "p".repeat(129)), None),
        // What is named first is told, where two are over.
        (format!("/create x {} {}", "p".repeat(129), "d".repeat(201)), Some(OverLimit::Password)),
        (format!("/create x {}", "d".repeat(201)), Some(OverLimit::About)),
        ("/setpass no-pass".to_owned(), None),
        (format!("/setpass {}", "p".repeat(128)), None),
        (format!("/setpass {}", "p".repeat(129)), Some(OverLimit::Password)),
    ] {
        let input = parse(Line::clean(&text), MAX_CHARS);
        let Input::Command { over, parsed: Ok(_), .. } = input else { panic!("{text}") };
        assert_eq!(over, want, "{text}");
    }
}

proptest! {
    #[test]
    fn any_line_is_understood_as_something(raw in " {0,2}/?[a-zA-Z/?]{0,6}[ \"\\PC]{0,60}") {
        let line = Line::clean(&raw);
        let word = line.as_str().trim_start().strip_prefix('/');
        let slash = word.is_some_and(|word| {
            word.starts_with(char::is_alphanumeric) || word.split(' ').next() == Some("?")
        });
        match parse(line.clone(), MAX_CHARS) {
            Input::Blank => prop_assert!(line.is_blank() || slash),
            Input::Say(said) => {
                let says = line.as_str().trim_start().to_ascii_lowercase().starts_with("/say ");
                prop_assert!(!slash || says);
                prop_assert!(line.as_str().contains(said.as_str()));
            }
            Input::Command { parsed: Err(CommandError::Bare), .. } => prop_assert!(!slash),
            Input::Command { .. } => prop_assert!(slash),
            Input::SayRows(_) | Input::Overlong => prop_assert!(false, "no line of the parser's"),
        }
    }

    #[test]
    fn quoted_arguments_keep_their_blanks(inside in "( {0,8}[a-z]){1,4} {0,8}") {
        let text = format!("/join room \"{inside}\"");
        prop_assert_eq!(command(&text), joined("room", Some(&inside)));
    }
}

#[test]
fn a_message_is_to_rox_by_its_first_word_alone() {
    for (message, want) in [
        ("@rox why?", Some(Some("why?"))),
        ("@ROX  why  not?", Some(Some("why  not?"))),
        ("Rox: why?", Some(Some("why?"))),
        ("rox, why?", Some(Some("why?"))),
        ("  @rox why?", Some(Some("why?"))),
        ("@rox why?\n  and how?", Some(Some("why?   and how?"))),
        ("@rox\nwhy?", Some(Some("why?"))),
        ("@rox", Some(None)),
        ("rox:  ", Some(None)),
        ("rox why?", None),
        ("@roxy why?", None),
        ("rox:why?", None),
        ("ask @rox why?", None),
        ("well, rox, why?", None),
        ("", None),
    ] {
        let question = to_rox(&Text::clean(message));
        let question = question.as_ref().map(|it| it.as_ref().map(Line::as_str));
        assert_eq!(question, want, "{message:?}");
    }
}
