//! `/undo`, `/purge` and `/delete`: what was said and is shown by nothing any more.

use crate::harness::{Client, Server};
use crate::people::{
    ADMINS, Cast, ERIN, PASSWORD, guest_from, log_in_to, quit, registered, restart,
};

/// All that somebody in the lobby who asks for it, and whoever comes in, is shown of what was said.
#[track_caller]
fn shown(server: &Server, lobby: &str, words: &str) -> String {
    let mut reader = guest_from(server, "127.0.0.77", "reader");
    reader.ask(&format!("/join {lobby}"), &format!("Joined lobby '{lobby}'\n"));
    let replay = reader.expect("reader has joined the lobby\n");
    reader.send("/history 200");
    reader.send(&format!("/search {words}"));
    let rest = reader.sync("reader");
    quit(reader);
    replay + &rest
}

#[test]
fn ones_own_last_message_is_taken_back_from_everything() {
    let server = Server::start(&[]);
    let (mut alice, mut bob) = (server.login("alice"), registered(&server, "bob"));
    alice.ask("/create den no-pass x", "Created");
    for client in [&mut alice, &mut bob] {
        client.ask("/join den", "Joined lobby 'den'");
    }
    alice.ask("/undo", "You have said nothing here in the last 5 minutes.\n> ");
    alice.ask("first words", "╰─> first words\n");
    alice.ask("secret words", "╰─> secret words\n");
    bob.ask("words of bob", "╰─> words of bob\n");
    alice.ask("/undo", "[LOBBY] alice took back a message\n> ");
    bob.expect("[LOBBY] alice took back a message\n> ");
    let seen = shown(&server, "den", "words");
    assert!(seen.contains("first words") && seen.contains("words of bob"), "{seen}");
    assert!(!seen.contains("secret"), "{seen}");
    // Each time the last that is there, in whatever way it was said.
    alice.ask("/me tells secret words", "tells secret words\n");
    alice.ask("/tag bob secret words", "@bob\n  ╰─> secret words\n");
    for _ in 0..3 {
        alice.ask("/undo", "[LOBBY] alice took back a message\n> ");
    }
    alice.ask("/undo", "You have said nothing here in the last 5 minutes.\n> ");
    let seen = shown(&server, "den", "words");
    assert!(!seen.contains("secret") && !seen.contains("first"), "{seen}");
    assert_eq!(seen.matches("words of bob").count(), 3, "replay, history, search: {seen}");
    let audit = alice.ask("/audit", "No operator or owner has done anything in 'den' yet.");
    assert!(!audit.contains("took back"), "{audit}");
    // An account has its own from wherever it is used, and over a restart.
    bob.ask("more words", "╰─> more words\n");
    quit(bob);
    let server = restart(server, &[]);
    let (mut bob, _) = log_in_to(&server, "bob");
    bob.ask("/undo", "[LOBBY] bob took back a message\n> ");
    let seen = shown(&server, "den", "words");
    assert!(seen.contains("words of bob") && !seen.contains("more words"), "{seen}");
}

#[test]
fn nobody_takes_back_what_another_has_said_under_their_name() {
    let server = Server::start(&[]);
    let mut eve = server.login("eve");
    eve.ask("words of eve", "╰─> words of eve\n");
    quit(eve);
    let mut other = server.login("eve");
    other.ask("/undo", "You have said nothing here in the last 5 minutes.\n> ");
    other.ask(&format!("/register {PASSWORD}"), "is yours now.");
    other.ask("/undo", "You have said nothing here in the last 5 minutes.\n> ");
    // Connections are numbered anew after a start.
    quit(other);
    let server = restart(server, &[]);
    for name in ["one", "two", "three"] {
        let mut client = server.login(name);
        client.ask("/undo", "You have said nothing here in the last 5 minutes.\n> ");
    }
    server.login("reader").ask("/history", "╰─> words of eve\n");
}

#[test]
fn what_was_missed_is_counted_without_what_was_taken_back() {
    let server = Server::start(&[]);
    let (mut alice, bob) = (server.login("alice"), registered(&server, "bob"));
    quit(bob);
    alice.expect("bob has left the lobby\n");
    for text in ["one", "two", "three"] {
        alice.ask(text, &format!("╰─> {text}\n"));
    }
    alice.ask("/undo", "took back a message\n");
    let (_bob, seen) = log_in_to(&server, "bob");
    assert!(seen.contains("2 messages since you left"), "{seen}");
    assert!(seen.contains("╰─> two\n") && !seen.contains("three"), "{seen}");
}

/// Has somebody say things, one after the other.
fn says(client: &mut Client, texts: &[&str]) {
    for text in texts {
        client.ask(text, &format!("╰─> {text}\n"));
    }
}

#[test]
fn what_a_guest_said_over_a_connection_is_removed_also_once_they_have_left() {
    let mut cast = Cast::new();
    let mut hans = guest_from(&cast.server, ERIN, "hans");
    hans.ask("/join coding", "Joined lobby 'coding'");
    says(&mut hans, &["spam of hans"]);
    says(&mut cast.erin, &["spam one"]);
    cast.erin.ask("/nick erika", "erin is now known as erika\n");
    says(&mut cast.erin, &["spam two"]);
    cast.erin.ask("/join general", "Joined lobby 'general'");
    says(&mut cast.erin, &["spam elsewhere"]);
    quit(cast.erin);
    cast.carol.ask("/purge erika", "Only an owner or operator of 'coding' can do that.\n> ");
    cast.bob.ask("/purge alice", "You cannot do that to an owner of 'coding'.\n> ");
    cast.bob.ask("/purge carol", "'carol' has said nothing here in the last 24 hours.\n> ");
    cast.bob.ask("/purge nobody", "User not found.\n> ");
    cast.bob.ask("/purge ERIKA", "[LOBBY] bob removed 2 messages of erika\n");
    cast.carol.expect("[LOBBY] bob removed 2 messages of erika\n");
    cast.bob.ask("/audit", "bob removed 2 messages of erika\n");
    let seen = shown(&cast.server, "coding", "spam");
    assert!(seen.contains("spam of hans"), "{seen}");
    assert!(!seen.contains("spam one") && !seen.contains("spam two"), "{seen}");
    // Neither does whoever connects again keep what they said before.
    for _ in 0..2 {
        let mut hugo = guest_from(&cast.server, ERIN, "hugo");
        hugo.ask("/join coding", "Joined lobby 'coding'");
        says(&mut hugo, &["spam of hugo"]);
        quit(hugo);
    }
    let hugo = guest_from(&cast.server, "127.0.0.4", "hugo");
    cast.bob.ask("/purge hugo", "'hugo' has said nothing here in the last 24 hours.\n> ");
    quit(hugo);
    let _hugo = guest_from(&cast.server, ERIN, "hugo");
    cast.bob.ask("/purge hugo", "[LOBBY] bob removed 2 messages of hugo\n");
    cast.carol.ask("/join general", "spam elsewhere");
    cast.bob.ask("/purge hans", "[LOBBY] bob removed 1 message of hans\n");
    let server = restart(cast.server, &ADMINS);
    assert!(!shown(&server, "coding", "spam").contains("spam"));
}

#[test]
fn what_an_account_said_is_removed_whatever_it_was_used_from_and_no_way_out_keeps_it() {
    let mut cast = Cast::new();
    says(&mut cast.carol, &["spam one"]);
    quit(cast.carol);
    let (mut carol, _) = log_in_to(&cast.server, "carol");
    says(&mut carol, &["spam two"]);
    cast.bob.ask("/purge carol", "[LOBBY] bob removed 2 messages of carol\n");
    says(&mut carol, &["spam three"]);
    quit(carol);
    cast.bob.ask("/purge carol", "[LOBBY] bob removed 1 message of carol\n");
    let evasions: [&[&str]; 3] = [
        &["/register correct-horse"],
        &["/register correct-horse", "/unregister correct-horse"],
        &["/register correct-horse", "/unregister correct-horse", "/nick harmless"],
    ];
    for (n, evasion) in evasions.iter().enumerate() {
        let name = format!("troll{n}");
        let mut troll = guest_from(&cast.server, "127.0.0.9", &name);
        troll.ask("/join coding", "Joined lobby 'coding'");
        says(&mut troll, &["spam again"]);
        for line in *evasion {
            troll.send(line);
        }
        let name = if evasion.len() == 3 { "harmless" } else { &name };
        troll.sync(name);
        cast.bob
            .ask(&format!("/purge {name}"), &format!("[LOBBY] bob removed 1 message of {name}\n"));
    }
    assert!(!shown(&cast.server, "coding", "spam").contains("spam"));
}

#[test]
fn what_somebody_said_before_they_registered_is_removed_also_once_they_have_left() {
    let mut cast = Cast::new();
    let mut other = guest_from(&cast.server, "127.0.0.4", "dodger");
    other.ask("/join coding", "Joined lobby 'coding'");
    says(&mut other, &["no spam of another"]);
    quit(other);
    let mut dodger = guest_from(&cast.server, "127.0.0.9", "dodger");
    dodger.ask("/join coding", "Joined lobby 'coding'");
    says(&mut dodger, &["spam of a guest"]);
    dodger.ask(&format!("/register {PASSWORD}"), "is yours now.");
    quit(dodger);
    cast.bob.ask("/purge dodger", "[LOBBY] bob removed 1 message of dodger\n");
    let seen = shown(&cast.server, "coding", "spam");
    assert!(!seen.contains("spam of a guest") && seen.contains("no spam of another"), "{seen}");
}

#[test]
fn a_lobby_is_deleted_when_that_is_said_twice() {
    let mut cast = Cast::new();
    let again =
        "Say it again within 30 seconds to delete 'coding' and all that was said in it.\n> ";
    cast.alice.ask("/create other no-pass x", "Created");
    cast.alice.ask("/delete coding", again);
    cast.alice.ask("/delete other", "to delete 'other' and all that was said in it.\n> ");
    cast.alice.ask("/delete coding", again);
    cast.bob.ask("/delete coding", "Only an owner of 'coding' can do that.\n> ");
    cast.root.ask("/delete coding", again);
    cast.dave.ask("/users", "=== Users in 'coding' (6) ===");
    cast.alice.ask("/delete CODING", "[LOBBY] alice deleted the lobby 'coding'\n");
    cast.dave.expect("Joined lobby 'general'\n");
}
