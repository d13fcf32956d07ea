//! What lists tell, page by page: users with what holds of them, lobbies, older history; and answers that
//! name what one needs next.

use crate::harness::{Server, count};
use crate::people::{logged_in_to, quit, registered, with_root};

#[test]
fn users_are_listed_with_what_holds_of_them() {
    let server = with_root();
    let mut alice = registered(&server, "alice");
    let mut bob = registered(&server, "bob");
    let (mut root, _) = logged_in_to(&server, "root");
    let mut carol = server.login("carol");
    alice.ask("/create den no-pass For us", "Created");
    for client in [&mut alice, &mut bob, &mut carol, &mut root] {
        client.ask("/join den", "Joined lobby 'den'\n");
    }
    alice.ask("/op bob", "made bob an operator\n");
    bob.ask("/away Lunch", "You are away.");
    bob.ask("/ignore carol", "You ignore 'carol' from now on.");
    alice.ask("/users", "=== Users in 'den' (4) ===\n");
    assert_eq!(
        alice.expect("> "),
        "  [@_@] alice (owner) (you)\n  [@_@] bob (operator) (away): Lunch\n  [@_@] carol\n  \
         [@_@] root (admin)\n"
    );
    bob.ask("/users", "=== Users in 'den' (4) ===\n");
    assert_eq!(
        bob.expect("> "),
        "  [@_@] alice (owner)\n  [@_@] bob (operator) (away) (you): Lunch\n  \
         [@_@] carol (ignored)\n  [@_@] root (admin)\n"
    );
    root.ask("/create vault no-pass Mine", "Created");
    root.ask("/join vault", "Joined lobby 'vault'\n");
    root.ask("/users", "  [@_@] root (owner) (admin) (you)\n> ");
}

#[test]
fn pictures_are_listed_in_columns_that_fit() {
    let server = Server::start(&[]);
    let mut alice = server.login("alice");
    alice.ask("/sp list", "=== Available Profile Pictures ===\n");
    let list = alice.expect("\n> ");
    for entry in ["  alien     [", "  cat       (=^・^=) ", "  wizard    ⊂(◉‿◉)つ━☆"]
    {
        assert!(list.contains(entry), "{entry}: {list}");
    }
    assert!(list.lines().count() + 3 <= 24, "{list}");
    assert!(list.lines().all(|line| line.chars().count() <= 80), "{list}");
}

#[test]
fn lobbies_are_listed_by_pages_and_by_word() {
    let server = Server::start(&[("CHAT_MAX_LOBBIES_PER_USER", "50")]);
    let mut alice = server.login("alice");
    for i in 0..44 {
        let about = if i % 2 == 0 { "All about Rust" } else { "Cars" };
        alice.ask(&format!("/create room{i:02} no-pass {about}"), "Created");
    }
    alice.ask("/lobbies", "=== Available Lobbies (45) ===\nLobby: general\n");
    let first = alice.expect("Page 1 of 3. /lobbies 2 shows the next.\n> ");
    assert_eq!(count(&first, "Lobby: "), 19, "and general: {first}");
    alice.ask("/lobbies 2", "=== Available Lobbies (45) ===\nLobby: room19\n");
    alice.expect("Page 2 of 3. /lobbies 3 shows the next.\n> ");
    alice.ask("/lobbies 3", "=== Available Lobbies (45) ===\nLobby: room39\n");
    let last = alice.expect("> ");
    assert!(count(&last, "Lobby: ") == 4 && !last.contains("shows the next"), "{last}");
    alice.ask("/list rust", "=== Available Lobbies (22) ===\nLobby: room00\n");
    alice.expect("Page 1 of 2. /lobbies rust 2 shows the next.\n> ");
    alice.ask("/lobbies RUST 2", "=== Available Lobbies (22) ===\nLobby: room40\n");
    alice.ask("/lobbies #room07", "=== Available Lobbies (1) ===\nLobby: room07\n");
    alice.ask("/lobbies nothing-like-it", "=== Available Lobbies (0) ===\n> ");
}

#[test]
fn the_maker_of_a_private_lobby_alone_is_told_its_password() {
    let mut server = Server::start(&[]);
    let mut alice = server.login("alice");
    let mut bob = server.login("bob");
    alice.ask(
        "/create den \"Secret lobby\" For us",
        "Created private lobby 'den'. Use /join den <password> to enter.\n\
         Password: Secret lobby\n> ",
    );
    // Somebody who meant a description sees what they made of it.
    alice.ask("/create cars My fast cars", "Password: My\n> ");
    alice.ask("/create open no-pass For all", "Use /join open to enter.\n> ");
    bob.ask(
        "/join den",
        "Incorrect password for private lobby It needs one: /join den <password>\n> ",
    );
    bob.ask("/join den wrong", "Incorrect password for private lobby\n> ");
    bob.ask("/lobbies", "=== Available Lobbies (4) ===\n");
    bob.sync("bob");
    assert!(!bob.text().contains("Secret lobby"), "{}", bob.text());
    server.wait_for_log("wrong password of lobby");
    assert!(!server.log().contains("Secret lobby"), "{}", server.log());
}

#[test]
fn a_name_that_nobody_has_is_answered_with_one_that_is_near() {
    let server = Server::start(&[]);
    let mut alice = server.login("alice");
    let _bob = server.login("bob");
    for line in ["/msg bbo hi", "/tag bbo hi", "/whois bbo", "/ignore @bbo"] {
        alice.ask(line, "User not found. Did you mean bob?\n> ");
    }
    alice.ask("/msg nobody hi", "User not found.\n> ");
}

#[test]
fn an_account_that_is_not_connected_finds_a_tag_in_its_mail() {
    let server = Server::start(&[]);
    quit(registered(&server, "bob"));
    let mut alice = server.login("alice");
    let mut carol = server.login("carol");
    alice.ask("/tag bob look at this", "[@_@] alice @bob\n  ╰─> look at this\n");
    alice.expect("bob is not connected. They will see it at their next login.\n> ");
    carol.expect("[@_@] alice @bob\n  ╰─> look at this\n");
    let (mut bob, _) = logged_in_to(&server, "bob");
    bob.expect("[DM] alice —» You [");
    bob.expect("\n  ╰─> ✦ tagged you in 'general': look at this\n");
    bob.ask("/r seen", "[DM] You —» alice\n");
    alice.expect("[DM] bob —» You\n  ╰─> seen\n");
}

#[test]
fn a_tag_that_is_not_said_reaches_no_mail() {
    let server = Server::start(&[]);
    quit(registered(&server, "bob"));
    let mut alice = registered(&server, "alice");
    let mut eve = server.login("eve");
    alice.ask("/create den no-pass For us", "Created");
    for client in [&mut alice, &mut eve] {
        client.ask("/join den", "Joined lobby 'den'\n");
    }
    alice.ask("/mute eve", "muted eve");
    eve.ask("/tag bob psst", "You are muted in 'den'");
    eve.sync("eve");
    assert!(!eve.text().contains("next login"), "{}", eve.text());
    let (mut bob, _) = logged_in_to(&server, "bob");
    bob.sync("bob");
    assert!(!bob.text().contains("psst"), "{}", bob.text());
}

#[test]
fn the_prompt_in_use_is_shown_and_taken_back() {
    let server = Server::start(&[]);
    let mut alice = registered(&server, "alice");
    let mut bob = server.login("bob");
    alice.ask("/setai", "The AI has its own personality here.\n> ");
    alice.ask("/create den no-pass For us", "Created");
    for client in [&mut alice, &mut bob] {
        client.ask("/join den", "Joined lobby 'den'\n");
    }
    alice.ask("/setai You are a pirate", "AI prompt updated!\n> ");
    bob.expect("[LOBBY] alice updated the AI prompt\n");
    bob.ask("/setai", "AI prompt: You are a pirate\n> ");
    bob.ask("/setai default", "Only the lobby creator can set the AI prompt\n> ");
    alice.ask("/lobbies den", "AI: custom AI");
    alice.ask("/setai default", "The AI has its own personality again.\n> ");
    bob.expect("[LOBBY] alice took the AI prompt back\n");
    bob.ask("/setai", "The AI has its own personality here.\n> ");
    alice.ask("/lobbies den", "AI: default AI");
    alice.ask("/audit", "=== Audit of 'den' (2) ===\n");
    let audit = alice.expect("> ");
    assert!(audit.contains("updated the AI prompt") && audit.contains("took the AI prompt back"));
}

#[test]
fn older_history_is_had_page_by_page() {
    let server = Server::start(&[]);
    let mut alice = server.login("alice");
    for i in 0..50 {
        alice.ask(&format!("n{i}"), &format!("╰─> n{i}\n"));
    }
    let mut said = |line: &str, heading: &str| {
        alice.ask(line, heading);
        let shown = alice.expect("\n> ");
        let texts = shown.lines().filter_map(|line| line.strip_prefix("  ╰─> "));
        texts.collect::<Vec<_>>().join(" ")
    };
    let heading = "=== History of 'general' (3) ===\n";
    assert_eq!(said("/history 3 before 10", heading), "n37 n38 n39");
    assert_eq!(said("/history 3 BEFORE 13", heading), "n34 n35 n36");
    assert_eq!(said("/history 20 before 47", heading), "n0 n1 n2");
    let nothing = "Nothing was said in this lobby before that.";
    assert_eq!(said("/history 5 before 50", nothing), "");
    assert_eq!(said("/history 5 before 99999999999999999999", nothing), "");
    alice.ask("/history 5 before", "Usage: /history [n] [before m]");
}
