//! Who somebody is to others when names change hands: `/ignore`, `/r` and mail go by account or
//! connection, and by a name only together with its address.

use crate::gemini::{Gemini, start, whole};
use crate::harness::{Client, Server, count};
use crate::people::{
    PASSWORD, challenged, connect_from, guest_from, log_in_to, logged_in_to, prove, quit,
    registered, restart,
};

const HERE: &str = "127.0.0.2";
const ELSEWHERE: &str = "127.0.0.3";

/// Alice, who has an account and ignores the guest `pest`.
fn pair(server: &Server) -> (Client, Client) {
    let (mut alice, pest) = (registered(server, "alice"), guest_from(server, HERE, "pest"));
    alice.ask("/ignore pest", "You ignore 'pest' from now on.\n> ");
    (alice, pest)
}

/// Makes noise in every way.
fn makes_noise(pest: &mut Client, name: &str) {
    pest.ask("noise said", "╰─> noise said\n");
    pest.ask("/me makes noise", &format!("* {name} makes noise\n"));
    pest.ask("/tag alice noise tagged", "@alice\n  ╰─> noise tagged\n");
    pest.ask("/msg alice noise in private", "╰─> noise in private\n");
}

#[track_caller]
fn hears_nothing(alice: &mut Client) {
    let live = alice.sync("alice");
    alice.send("/history");
    alice.send("/search noise");
    let stored = alice.sync("alice");
    for shown in [live, stored] {
        assert!(!shown.contains("noise") && !shown.contains("tagged you"), "{shown}");
    }
}

#[test]
fn a_new_name_does_not_end_an_ignore_wherever_one_would_be_heard() {
    let server = Server::start(&[]);
    let (mut alice, mut pest) = pair(&server);
    makes_noise(&mut pest, "pest");
    for name in ["other", "another"] {
        pest.ask(&format!("/nick {name}"), &format!("is now known as {name}\n"));
        makes_noise(&mut pest, name);
    }
    hears_nothing(&mut alice);
    alice.ask("/ignore", "=== Ignored users (1) ===\n  pest\n> ");
    alice.ask("/ignore another", "You ignore them already.\n> ");
    alice.ask("/create den no-pass x", "Created");
    alice.ask("/join den", "Joined lobby 'den'");
    let replay = alice.ask("/join general", "alice has joined the lobby\n");
    assert!(!replay.contains("noise"), "{replay}");
    // What is learned of them is kept.
    quit(alice);
    pest.ask("/msg alice noise by mail", "alice is not connected");
    pest.ask("/nick fourth", "is now known as fourth\n");
    pest.ask("/msg alice noise by mail", "alice is not connected");
    makes_noise_to_all(&mut pest);
    let (mut alice, shown) = log_in_to(&server, "alice");
    assert!(!shown.contains("noise"), "{shown}");
    makes_noise(&mut pest, "fourth");
    hears_nothing(&mut alice);
    let server = restart(server, &[]);
    let mut pest = guest_from(&server, HERE, "another");
    let (mut alice, shown) = log_in_to(&server, "alice");
    assert!(!shown.contains("noise"), "{shown}");
    makes_noise(&mut pest, "another");
    hears_nothing(&mut alice);
    alice.ask("/unignore pest", "You hear 'pest' again.\n> ");
    pest.ask("/msg alice music", "music");
    alice.expect("[DM] another —» You\n  ╰─> music\n");
    quit(alice);
    let (mut alice, _) = log_in_to(&server, "alice");
    alice.ask("/ignore", "You ignore nobody.\n> ");
}

fn makes_noise_to_all(pest: &mut Client) {
    pest.ask("noise meanwhile", "╰─> noise meanwhile\n");
}

#[test]
fn whoever_takes_the_name_of_an_ignored_guest_is_heard_unless_they_are_the_same() {
    let server = Server::start(&[]);
    let (mut alice, mut pest) = pair(&server);
    pest.ask("/nick other", "is now known as other\n");
    let mut heir = guest_from(&server, ELSEWHERE, "pest");
    heir.ask("a word of mine", "╰─> a word of mine\n");
    alice.expect("╰─> a word of mine\n");
    heir.ask("/msg alice another", "╰─> another\n");
    alice.expect("[DM] pest —» You\n  ╰─> another\n");
    // Both go by that name to her, and each by their own.
    alice.ask("/ignore pest", "You ignore 'pest' from now on.\n> ");
    alice.ask("/ignore", "=== Ignored users (2) ===\n  pest\n  pest\n> ");
    alice.ask("/unignore pest", "You hear 'pest' again.\n> ");
    alice.ask("/ignore", "You ignore nobody.\n> ");
    alice.ask("/ignore pest", "You ignore 'pest' from now on.\n> ");
    for client in [heir, pest] {
        quit(client);
    }
    // Back from the same place under the same name.
    let mut heir = guest_from(&server, ELSEWHERE, "PEST");
    heir.ask("noise again", "╰─> noise again\n");
    quit(heir);
    let mut stranger = guest_from(&server, HERE, "pest");
    stranger.ask("a word of a stranger", "╰─> a word of a stranger\n");
    alice.expect("╰─> a word of a stranger\n");
    hears_nothing(&mut alice);
}

#[test]
fn somebody_ignored_is_taken_off_the_list_by_the_name_they_have_now() {
    let server = Server::start(&[]);
    let (mut alice, mut pest) = pair(&server);
    pest.ask("/nick other", "is now known as other\n");
    alice.ask("/unignore nobody", "You do not ignore anybody of that name.\n> ");
    alice.ask("/unignore OTHER", "You hear 'pest' again.\n> ");
    pest.ask("/msg alice music", "music");
    alice.expect("[DM] other —» You\n  ╰─> music\n");
}

#[test]
fn a_guest_who_registers_and_an_account_that_is_given_up_are_ignored_as_before() {
    let server = Server::start(&[]);
    let (mut alice, mut pest) = pair(&server);
    let mut carol = registered(&server, "carol");
    carol.ask("/ignore pest", "You ignore 'pest' from now on.\n> ");
    // Nobody is there to see that, and the account is known all the same.
    quit(carol);
    pest.ask(&format!("/register {PASSWORD}"), "'pest' is yours now.");
    makes_noise(&mut pest, "pest");
    quit(pest);
    let mut pest = connect_from(&server, ELSEWHERE);
    prove(&mut pest, "pest");
    pest.expect("pest has joined the lobby\n");
    makes_noise(&mut pest, "pest");
    pest.ask("/msg carol noise by mail", "carol is not connected");
    hears_nothing(&mut alice);
    let (mut carol, shown) = log_in_to(&server, "carol");
    assert!(!shown.contains("noise"), "{shown}");
    pest.ask(&format!("/unregister {PASSWORD}"), "The account 'pest' is gone");
    pest.ask("/nick other", "is now known as other\n");
    makes_noise(&mut pest, "other");
    pest.ask("/msg carol noise in private", "noise in private");
    hears_nothing(&mut alice);
    let shown = carol.sync("carol");
    assert!(!shown.contains("noise"), "{shown}");
    // The name is free, and whoever takes it now is somebody else.
    let mut heir = guest_from(&server, "127.0.0.4", "pest");
    heir.ask("/msg alice music", "music");
    alice.expect("[DM] pest —» You\n  ╰─> music\n");
}

#[test]
fn neither_question_nor_answer_is_shown_to_who_ignores_the_asker() {
    let gemini = Gemini::start();
    gemini.then(whole("noise answered"));
    let server = start(&gemini, &[]);
    let (mut alice, mut pest) = pair(&server);
    pest.ask("/nick other", "is now known as other\n");
    pest.send("/ai noise asked");
    pest.expect("other asked AI: noise asked\n");
    pest.expect("[AI Response to other]\n  noise answered\n");
    hears_nothing(&mut alice);
}

#[test]
fn an_answer_goes_to_whoever_wrote_and_to_nobody_in_their_place() {
    let server = Server::start(&[]);
    let mut alice = registered(&server, "alice");
    let mut bob = guest_from(&server, HERE, "bob");
    bob.ask("/msg alice the door code?", "╰─> the door code?\n");
    alice.expect("╰─> the door code?\n");
    bob.ask("/nick robert", "is now known as robert\n");
    let mut stranger = guest_from(&server, ELSEWHERE, "bob");
    alice.ask("/r one", "[DM] You —» robert\n  ╰─> one\n> ");
    bob.expect("[DM] alice —» You\n  ╰─> one\n");
    quit(bob);
    stranger.expect("robert has left the lobby\n");
    alice.ask("/r two", "bob is gone.\n> ");
    // Back under the same name is back; from elsewhere it is somebody else.
    stranger.ask("/nick bobby", "is now known as bobby\n");
    let mut bob = guest_from(&server, HERE, "BOB");
    alice.ask("/r three", "[DM] You —» BOB\n  ╰─> three\n> ");
    bob.expect("[DM] alice —» You\n  ╰─> three\n");
    // An account of the name is another one, unless it is the one who wrote that made it.
    quit(bob);
    stranger.expect("BOB has left the lobby\n");
    stranger.ask("/nick bob", "is now known as bob\n");
    stranger.ask(&format!("/register {PASSWORD}"), "'bob' is yours now.");
    alice.ask("/r four", "bob is gone.\n> ");
    stranger.sync("bob");
    assert_eq!(count(&stranger.text(), "[DM] alice"), 0, "{}", stranger.text());
}

#[test]
fn an_answer_to_an_account_reaches_it_wherever_it_is() {
    let server = Server::start(&[]);
    let mut alice = registered(&server, "alice");
    let mut bob = guest_from(&server, HERE, "bob");
    bob.ask("/msg alice hello", "╰─> hello\n");
    bob.ask(&format!("/register {PASSWORD}"), "'bob' is yours now.");
    quit(bob);
    alice.expect("bob has left the lobby\n");
    alice.ask("/r one", "bob is not connected. They will see it at their next login.\n> ");
    let mut bob = connect_from(&server, ELSEWHERE);
    prove(&mut bob, "bob");
    bob.expect("  ╰─> one\n");
    alice.expect("bob has joined the lobby\n");
    alice.ask("/r two", "[DM] You —» bob\n  ╰─> two\n> ");
    bob.expect("[DM] alice —» You\n  ╰─> two\n");
    // What came by mail is answered like anything else.
    quit(alice);
    bob.ask("/r three", "alice is not connected.");
    let (mut alice, _) = logged_in_to(&server, "alice");
    alice.expect("╰─> three\n");
    alice.ask("/r four", "[DM] You —» bob\n");
    bob.ask(&format!("/unregister {PASSWORD}"), "The account 'bob' is gone");
    // What her thread was told before it is asked how idle she is has come to it then.
    alice.ask("/whois alice", "Status: account");
    alice.ask("/r five", "[DM] You —» bob\n");
    quit(bob);
    alice.expect("bob has left the lobby\n");
    alice.ask("/r six", "bob is gone.\n> ");
}

#[test]
fn whoever_wrote_to_the_first_connection_of_an_account_is_answered_from_the_second() {
    let server = Server::start(&[]);
    let mut first = registered(&server, "alice");
    let mut bob = guest_from(&server, HERE, "bob");
    bob.ask("/msg alice hello", "╰─> hello\n");
    first.expect("╰─> hello\n");
    let mut second = challenged(&server, "alice");
    second.send(PASSWORD);
    first.expect("Logged in from elsewhere.\n");
    first.read_to_end();
    second.ask("/r from the second", "[DM] You —» bob\n  ╰─> from the second\n> ");
    bob.expect("[DM] alice —» You\n  ╰─> from the second\n");
}

#[test]
fn letters_of_the_ignored_take_no_place_and_the_last_place_is_taken_once() {
    let server = Server::start(&[]);
    let (alice, mut pest) = pair(&server);
    quit(alice);
    for i in 0..50 {
        pest.ask(&format!("/msg alice noise {i}"), "alice is not connected. They will see it");
    }
    let mut writers = ["bob", "carol", "dave"].map(|name| server.login(name));
    // All at once.
    for writer in &mut writers {
        let lines: Vec<String> = (0..30).map(|i| format!("/msg alice music {i}\n")).collect();
        writer.send_raw(lines.concat().as_bytes());
    }
    let [mut kept, mut full] = [0, 0];
    for (writer, name) in writers.iter_mut().zip(["bob", "carol", "dave"]) {
        let shown = writer.sync(name);
        kept += count(&shown, "They will see it at their next login.");
        full += count(&shown, "Yours was not kept.");
    }
    assert_eq!((kept, full), (50, 40));
    pest.ask("/msg alice noise", "alice is not connected, and 50 messages wait for them already");
    let (_, shown) = log_in_to(&server, "alice");
    assert!(shown.contains("=== Messages while you were not here (50) ==="), "{shown}");
    assert!(!shown.contains("noise"), "{shown}");
}
