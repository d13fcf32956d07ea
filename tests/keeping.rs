//! How long and how much is kept of what is said: what is over the limits is shown by nothing, deleted or
//! not.

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use lobbyd::chat::history::{Entry, MessageKind, UnixMillis};
use lobbyd::chat::lobbies::LobbyId;
use lobbyd::chat::lobby::LobbyState;
use lobbyd::chat::name::Name;
use lobbyd::chat::person::Person;
use lobbyd::chat::pictures::Picture;
use lobbyd::chat::text::Text;
use lobbyd::store::{Change, Db};

use crate::harness::{Client, Clock, Folder, Server, count};
use crate::people::{ADMINS, PASSWORD, challenged, log_in_to, makes, quit, registered, stop};

/// Messages are kept for a day; whoever joins would be shown those of a year.
const A_DAY: [(&str, &str); 2] =
    [("CHAT_HISTORY_KEEP_DAYS", "1"), ("CHAT_HISTORY_SECS", "31536000")];

const HOUR: u64 = 3_600 * 1_000;

/// Has general with messages that are so many hours old, oldest first, and used no later.
fn fill(folder: &Path, hours: &[u64]) {
    let (mut db, _) = Db::open(&folder.join("data")).unwrap();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as u64;
    let lobby = LobbyState::general(UnixMillis(now - hours[0] * HOUR)).unwrap();
    let said = |(seq, hours): (u64, &u64)| {
        let entry = Entry {
            at: UnixMillis(now - hours * HOUR),
            picture: Picture::DEFAULT,
            author: Person::named(Name::parse("writer").unwrap()),
            kind: MessageKind::Said,
            text: Text::clean(&format!("word of {hours} hours")),
        };
        Change::Said { lobby: LobbyId(1), seq, entry: entry.into() }
    };
    let messages = (0..).zip(hours).map(said);
    db.apply(&std::iter::once(Change::LobbyPut(lobby.into())).chain(messages).collect::<Vec<_>>())
        .unwrap();
}

/// How many messages are shown by the replay of whoever joins, by `/history` and by `/search`.
fn shown(server: &Server, name: &str) -> [usize; 3] {
    let mut client = server.connect();
    let replay = client.log_in(name);
    let mut ask = |line: &str| {
        client.send(line);
        answer(&mut client, name)
    };
    let answers = [replay, ask("/history 50"), ask("/search word")];
    quit(client);
    answers.map(|text| count(&text, "╰─> "))
}

/// What comes before the answer to a command that comes next.
fn answer(client: &mut Client, name: &str) -> String {
    client.ask(&format!("/whois {name}"), "Lobby: ")
}

#[test]
fn what_is_too_old_is_shown_by_nothing_from_that_moment_on() {
    let folder = Folder::new();
    fill(folder.path(), &[50, 30, 25, 23, 5, 0]);
    let server = Server::start_in(folder, &A_DAY);
    assert_eq!(shown(&server, "bob"), [3, 3, 3]);
    assert!(!server.log().contains("the clock is more than a week away"));
}

#[test]
fn a_clock_that_has_jumped_hides_nothing_in_the_first_hour() {
    let folder = Folder::new();
    fill(folder.path(), &[300, 250, 200]);
    let mut server = Server::start_in(folder, &A_DAY);
    server.wait_for_log("the clock is more than a week away");
    assert_eq!(shown(&server, "bob"), [3, 3, 3]);
    // Somebody has been there since, so it is the clock's word now.
    let server = Server::start_in(stop(server), &A_DAY);
    assert!(!server.log().contains("the clock is more than a week away"));
    assert_eq!(shown(&server, "bob"), [0, 0, 0]);
}

#[test]
fn a_clock_that_is_set_while_the_server_runs_hides_and_deletes_nothing() {
    let folder = Folder::new();
    fill(folder.path(), &[20, 10, 5]);
    let Some(clock) = Clock::new() else { return };
    let env = [A_DAY.as_slice(), &clock.env()].concat();
    let mut server = Server::start_in(folder, &env);
    for (ahead, told) in
        [(40 * 24, "set ahead by 40d"), (0, "set back by 40d"), (-48, "set back by 2d")]
    {
        clock.shift(ahead * HOUR as i64 / 1_000);
        assert_eq!(shown(&server, "bob"), [3, 3, 3], "{ahead} hours");
        server.wait_for_log(&format!("the clock was {told}"));
    }
    // What is said now is two days old when it is right again, but not older than what was said before it.
    let mut bob = server.login("bob");
    bob.ask("word of the past", "╰─> word of the past");
    quit(bob);
    clock.shift(0);
    let server = Server::start_in(stop(server), &env);
    assert_eq!(shown(&server, "bob"), [4, 4, 4]);
}

#[test]
fn what_grows_old_while_the_server_runs_is_shown_by_nothing() {
    let Some(clock) = Clock::new() else { return };
    clock.shift(-2 * 24 * 3_600);
    let server = Server::start(&[A_DAY.as_slice(), &clock.env()].concat());
    let mut bob = server.login("bob");
    bob.ask("word of old", "╰─> word of old");
    clock.shift(0);
    assert_eq!(shown(&server, "carol"), [0, 0, 0]);
    bob.ask("word of now", "╰─> word of now");
    assert_eq!(shown(&server, "carol"), [1, 1, 1]);
}

#[test]
fn a_start_with_a_clock_that_is_weeks_ahead_costs_no_lobby_no_account_and_no_message() {
    let Some(clock) = Clock::new() else { return };
    let server = Server::start(&clock.env());
    let mut alice = registered(&server, "alice");
    alice.ask("/create den no-pass ours", "Created");
    alice.ask("/join den", "Joined lobby 'den'");
    alice.ask("precious", "╰─> precious");
    alice.ask("/history 1", "precious");
    quit(alice);
    let folder = stop(server);
    clock.shift(40 * 24 * 3_600);
    let mut server = Server::start_in(folder, &clock.env());
    server.wait_for_log("the clock is more than a week away");
    let folder = stop(server);
    clock.shift(0);
    let server = Server::start_in(folder, &clock.env());
    let (mut alice, _) = log_in_to(&server, "alice");
    let shown = alice.ask("/history 5", "╰─> precious");
    assert!(shown.contains("=== "), "{shown}");
    // Nor does one that is weeks behind.
    quit(alice);
    let folder = stop(server);
    clock.shift(-40 * 24 * 3_600);
    let mut server = Server::start_in(folder, &clock.env());
    server.wait_for_log("the clock is more than a week away");
    let (mut alice, _) = log_in_to(&server, "alice");
    alice.ask("/history 5", "╰─> precious");
}

#[test]
fn a_mute_and_a_ban_end_no_sooner_for_a_clock_that_is_set_ahead() {
    let Some(clock) = Clock::new() else { return };
    let folder = Folder::new();
    makes(folder.path(), "root", PASSWORD);
    let server = Server::start_in(folder, &[ADMINS.as_slice(), &clock.env()].concat());
    let (mut root, _) = log_in_to(&server, "root");
    let mut bob = server.login("bob");
    registered(&server, "eve");
    root.ask("/mute bob 10m", "muted bob for 10m");
    root.ask("/gban eve 10m", "> ");
    root.sync("root");
    clock.shift(3_600);
    bob.ask("may I?", "You are muted in 'general' for ");
    challenged(&server, "eve").ask(PASSWORD, "banned from ");
}

#[test]
fn what_was_missed_is_told_whatever_the_clock_does_meanwhile() {
    let Some(clock) = Clock::new() else { return };
    let server = Server::start(&clock.env());
    let mut bob = server.login("bob");
    for shift in [-3_600, 3_600, -86_400 * 20, 0] {
        let alice = match shift {
            -3_600 => registered(&server, "alice"),
            _ => log_in_to(&server, "alice").0,
        };
        quit(alice);
        clock.shift(shift);
        for text in ["one", "two"] {
            bob.ask(&format!("word {text} {shift}"), &format!("╰─> word {text} {shift}\n"));
        }
        let (alice, missed) = log_in_to(&server, "alice");
        assert!(missed.contains("2 messages since you left "), "{shift}: {missed}");
        assert_eq!(count(&missed, "╰─> word"), 2, "{shift}: {missed}");
        quit(alice);
    }
}

#[test]
fn what_is_too_much_is_shown_by_nothing_from_that_moment_on() {
    let server = Server::start(&[("CHAT_HISTORY_KEEP_MESSAGES", "4")]);
    quit(registered(&server, "alice"));
    let mut bob = server.login("bob");
    for i in 0..10 {
        bob.ask(&format!("word number {i}"), &format!("╰─> word number {i}\n"));
    }
    assert_eq!(shown(&server, "carol"), [4, 4, 4]);
    let (_alice, missed) = log_in_to(&server, "alice");
    assert!(missed.contains("4 messages since you left "), "{missed}");
    assert_eq!(count(&missed, "╰─> word number"), 4, "{missed}");
    drop(bob);
    let server = Server::start_in(stop(server), &[("CHAT_HISTORY_KEEP_MESSAGES", "2")]);
    assert_eq!(shown(&server, "dave"), [2, 2, 2]);
}
