//! `/ignore`: what is no longer shown of somebody, wherever it would be.

use crate::harness::{Client, Server, count};
use crate::people::{PASSWORD, log_in_to, registered, restart};

/// Alice, who ignores bob, and bob, in `room`.
fn pair(server: &Server) -> (Client, Client) {
    let (mut alice, mut bob) = (server.login("alice"), server.login("Bob"));
    alice.ask("/create room no-pass x", "Created");
    for client in [&mut alice, &mut bob] {
        client.ask("/join room", "Joined lobby 'room'");
    }
    alice.ask("/ignore bob", "You ignore 'Bob' from now on.\n> ");
    (alice, bob)
}

#[test]
fn nothing_that_an_ignored_user_says_is_shown_live() {
    let server = Server::start(&[]);
    let (mut alice, mut bob) = pair(&server);
    let mut carol = server.login("carol");
    carol.ask("/join room", "Joined lobby 'room'");
    bob.ask("noise one", "╰─> noise one\n");
    bob.ask("/me makes noise", "* Bob makes noise\n");
    bob.ask("/tag alice noise two", "@alice\n  ╰─> noise two\n");
    // The sender does not learn of it.
    bob.ask("/msg alice noise three", "[DM] You —» alice\n  ╰─> noise three\n> ");
    carol.ask("a word of mine", "╰─> a word of mine\n");
    let shown = alice.sync("alice");
    assert!(shown.contains("a word of mine"), "{shown}");
    assert!(!shown.contains("noise") && !shown.contains("tagged you"), "{shown}");
    assert_eq!(count(&carol.text(), "noise"), 3, "{}", carol.text());
    alice.ask("/unignore BOB", "You hear 'Bob' again.\n> ");
    bob.ask("/tag alice heard", "heard");
    alice.expect("@alice\n  ╰─> heard\n");
    alice.expect("✦ Bob tagged you\n");
    bob.ask("/msg alice private", "private");
    alice.expect("[DM] Bob —» You\n  ╰─> private\n");
}

#[test]
fn one_can_go_on_writing_to_whom_one_ignores_and_does_not_answer_them_by_chance() {
    let server = Server::start(&[]);
    let (mut alice, mut bob) = pair(&server);
    alice.ask("/msg bob last word", "[DM] You —» Bob");
    bob.expect("[DM] alice —» You\n  ╰─> last word\n");
    bob.ask("/r and mine", "[DM] You —» alice\n  ╰─> and mine\n");
    alice.ask("/r what?", "Nobody has written to you yet.\n> ");
}

#[test]
fn nothing_that_an_ignored_user_said_is_shown_again() {
    let server = Server::start(&[]);
    let (mut alice, mut bob) = pair(&server);
    bob.ask("some noise", "╰─> some noise\n");
    bob.ask("/me makes some noise", "makes some noise\n");
    alice.ask("some music", "╰─> some music\n");
    let history = alice.ask("/history", "some music\n");
    let found = alice.ask("/search some", "some music\n");
    let rest = alice.sync("alice");
    alice.ask("/join general", "Joined lobby 'general'");
    alice.ask("/join room", "Joined lobby 'room'\n");
    let replay = alice.expect("alice has joined the lobby\n");
    assert!(replay.contains("some music"), "{replay}");
    for shown in [history, found, rest, replay] {
        assert!(!shown.contains("noise"), "{shown}");
    }
    alice.ask("/search noise", "No message of this lobby has all these words.\n> ");
    alice.ask("/unignore bob", "You hear 'Bob' again.\n> ");
    alice.ask("/search some noise", "=== Found in 'room' (2) ===\n");
    bob.ask("/history", "some noise [just now]\n");
}

#[test]
fn the_list_says_whom_one_ignores() {
    let server = Server::start(&[]);
    let mut alice = server.login("alice");
    let _others = ["Zoe", "bob", "carol"].map(|name| server.login(name));
    alice.ask("/ignore", "You ignore nobody.\n> ");
    for name in ["zoe", "carol", "bob"] {
        alice.ask(&format!("/ignore {name}"), "from now on.\n> ");
    }
    alice.ask("/ignore", "=== Ignored users (3) ===\n  bob\n  carol\n  Zoe\n> ");
    alice.ask("/ignore CAROL", "You ignore them already.\n> ");
    alice.ask("/ignore alice", "You cannot ignore yourself.\n> ");
    alice.ask("/ignore ghost", "User not found.\n> ");
    alice.ask("/ignore a b", "Usage: /ignore [user]");
    alice.ask("/unignore ghost", "You do not ignore anybody of that name.\n> ");
    alice.ask("/unignore", "Usage: /unignore <user>");
    alice.ask("/unignore carol", "You hear 'carol' again.\n> ");
    alice.ask("/ignore", "=== Ignored users (2) ===\n  bob\n  Zoe\n> ");
}

#[test]
fn what_an_account_ignores_is_kept_and_covers_its_mail() {
    let server = Server::start(&[]);
    let mut alice = registered(&server, "alice");
    let mut bob = registered(&server, "bob");
    let mut carol = server.login("carol");
    alice.ask("/ignore bob", "You ignore 'bob' from now on.\n> ");
    alice.ask("/quit", "Goodbye!");
    alice.read_to_end();
    bob.expect("alice has left the lobby\n");
    bob.ask("/msg alice noise by mail", "alice is not connected. They will see it");
    carol.ask("/msg alice music by mail", "alice is not connected. They will see it");
    bob.ask("noise said meanwhile", "╰─> noise said meanwhile\n");
    let server = restart(server, &[]);
    let (mut alice, shown) = log_in_to(&server, "alice");
    assert!(shown.contains("=== Messages while you were not here (1) ==="), "{shown}");
    assert!(shown.contains("music by mail") && !shown.contains("noise"), "{shown}");
    alice.ask("/ignore", "=== Ignored users (1) ===\n  bob\n> ");
    // By name, whether or not they are there.
    let (mut bob, _) = log_in_to(&server, "bob");
    bob.ask("noise again", "╰─> noise again\n");
    bob.ask("/msg alice noise", "[DM] You —» alice");
    assert!(!alice.sync("alice").contains("noise"));
    alice.ask("/unignore bob", "You hear 'bob' again.\n> ");
    alice.ask("/quit", "Goodbye!");
    alice.read_to_end();
    let (_, shown) = log_in_to(&server, "alice");
    assert!(!shown.contains("by mail"), "what was not shown does not come later: {shown}");
    assert!(!server.log().contains(PASSWORD));
}
