use super::*;
use crate::chat::ansi::Style;
use crate::chat::command::spec;
use crate::chat::text::Line;

fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

fn plain(bytes: &Bytes) -> String {
    String::from_utf8(Style { plain: true, crlf: false }.apply(bytes).to_vec()).unwrap()
}

fn written(body: impl FnOnce(&mut Sheet)) -> String {
    let mut sheet = Sheet::default();
    body(&mut sheet);
    plain(&sheet.take())
}

#[test]
fn one_line_answers() {
    let coding = name("coding");
    let cases = [
        (Reply::TooLong(1000), "Message too long (max 1000 chars)"),
        (Reply::PasswordTooLong, "Password too long (max 128 chars)"),
        (Reply::QuestionTooLong(1000), "AI question too long. Max: 1000 characters"),
        (Reply::RateLimited(7), "⚠ Rate limited! Wait 7 seconds."),
        (Reply::UnknownCommand, "Unknown command. Type /help for available commands."),
        (
            Reply::Usage(spec("/msg").unwrap()),
            "Usage: /msg <user> <message> - Send a private message",
        ),
        (Reply::UserNotFound, "User not found."),
        (
            Reply::Created { lobby: &coding, private: false },
            "Created public lobby 'coding'. Use /join coding to enter.",
        ),
        (
            Reply::Created { lobby: &coding, private: true },
            "Created private lobby 'coding'. Use /join coding <password> to enter.",
        ),
        (Reply::NotCreated(CreateError::Exists), "Lobby already exists"),
        (
            Reply::NotCreated(CreateError::BadName(NameError::TooShort)),
            "Lobby name must be 2-20 letters, numbers, - or _",
        ),
        (Reply::NotCreated(CreateError::TooManyOfUser), "You have too many lobbies"),
        (Reply::NotCreated(CreateError::TooMany), "Too many lobbies on this server"),
        (Reply::NotJoined(&JoinError::NoSuchLobby), "Lobby does not exist"),
        (Reply::NotJoined(&JoinError::WrongPassword), "Incorrect password for private lobby"),
        (Reply::NotJoined(&JoinError::AlreadyThere(coding.clone())), "You are already in 'coding'"),
        (Reply::NotJoined(&JoinError::TooManyAttempts(9)), "Too many attempts. Wait 9 seconds."),
        (Reply::PictureSet(Picture::find("cat").unwrap()), "Profile picture changed to: (=^・^=)"),
        (Reply::PictureReset, "Profile picture reset to default."),
        (Reply::PictureUnknown, "Profile picture not found. Use /sp list to see options."),
        (Reply::PromptSet, "AI prompt updated!"),
        (Reply::PromptRefused(PromptError::General), "Cannot set the prompt of the general lobby"),
        (
            Reply::PromptRefused(PromptError::NotCreator),
            "Only the lobby creator can set the AI prompt",
        ),
        (Reply::AiThinking, "[AI] Thinking..."),
        (Reply::AiUnavailable, "AI is not available on this server"),
        (Reply::AiBusy, "AI is busy, try again in a moment."),
        (
            Reply::AiFailed(AiFailure::RateLimited),
            "AI Error: Rate limit reached. Please wait and try again.",
        ),
        (Reply::AiFailed(AiFailure::QuotaReached), "AI Error: Quota reached. Try later."),
        (Reply::AiFailed(AiFailure::InvalidPrompt), "AI Error: Your prompt is invalid."),
        (Reply::AiFailed(AiFailure::Unavailable), "AI Error: Please try again later."),
    ];
    for (case, want) in cases {
        assert_eq!(written(|s| reply(s, &case)), format!("{want}\n"));
    }
}

#[test]
fn names_are_asked_for_again_with_the_reason() {
    let cases = [
        (NameProblem::Invalid(NameError::TooShort), "Username too short (min 2 characters)"),
        (NameProblem::Invalid(NameError::TooLong), "Username too long (max 20 characters)"),
        (
            NameProblem::Invalid(NameError::BadCharacter),
            "Username can only contain letters, numbers, - and _",
        ),
        (NameProblem::Taken, "Username already taken, try another."),
        (NameProblem::LineTooLong(1000), "Message too long (max 1000 chars)"),
    ];
    for (problem, want) in cases {
        let shown = plain(&ask_name_again(problem));
        assert_eq!(shown, format!("\n{want}\nEnter your username: "));
    }
}

#[test]
fn help_has_a_line_for_every_command_and_fits_the_screen() {
    let shown = written(help);
    let lines: Vec<_> = shown.lines().collect();
    assert_eq!(lines[0], "=== Available Commands ===");
    assert_eq!(lines.len(), 1 + COMMANDS.len());
    assert!(lines.iter().all(|l| l.chars().count() <= 80), "{shown}");
    assert!(lines.contains(&"  /join <name> [password] - Go to another lobby"));
}

#[test]
fn users_and_lobbies_are_listed() {
    let users_shown = written(|s| users(s, &name("coding"), &[(Picture::DEFAULT, name("alice"))]));
    assert_eq!(users_shown, "=== Users in 'coding' (1) ===\n  [@_@] alice\n");
    let card = |lobby, description: &str, custom_ai| Card {
        name: name(lobby),
        description: Line::clean(description),
        creator: name("alice"),
        creator_conn: None,
        custom_ai,
        users: 3,
    };
    let list = [(card("coding", "", false), false), (card("secret", "For us", true), true)];
    assert_eq!(
        written(|s| lobbies(s, &list)),
        "=== Available Lobbies (2) ===\n\
         Lobby: coding\n  Privacy: public | AI: default AI | Created by: alice | Users: 3\n  \
         Description: No description\n\
         Lobby: secret\n  Privacy: private | AI: custom AI | Created by: alice | Users: 3\n  \
         Description: For us\n"
    );
}

#[test]
fn the_picture_list_has_a_line_for_each() {
    let shown = written(picture_list);
    assert!(shown.starts_with("=== Available Profile Pictures ===\n"));
    assert_eq!(shown.lines().count(), 1 + pictures::all().count());
    assert!(shown.contains("  cat        (=^・^=)\n"));
}

#[test]
fn the_welcome_names_the_commands_and_asks_for_a_name() {
    let shown = plain(&welcome());
    for text in [
        ">> Welcome to the Ultimate Chat Server <<",
        "/help",
        "/users",
        "/quit",
        "[● CONNECTED] You're live! Start chatting now...",
    ] {
        assert!(shown.contains(text), "{text}");
    }
    assert!(shown.ends_with("Enter your username: "));
    let edges: Vec<_> = shown.lines().filter(|l| l.starts_with(['╔', '║', '╚'])).collect();
    assert!(edges.iter().all(|l| l.chars().count() == edges[0].chars().count()), "{shown}");
}

#[test]
fn farewells_carry_no_prompt() {
    assert_eq!(plain(&farewell(Farewell::Quit)), "\nDisconnecting from server. Goodbye!\n");
    assert_eq!(plain(&farewell(Farewell::Shutdown)), "\nServer is shutting down. Goodbye!\n");
    let tls = plain(&farewell(Farewell::SpeaksTls(Some(8443))));
    assert_eq!(tls, "\nThis port does not speak TLS. Use port 8443.\n");
}
