//! Private messages, tags, pictures, help.

use crate::harness::Server;

#[test]
fn private_messages_reach_their_user_in_whatever_lobby() {
    let server = Server::start(&[]);
    let mut alice = server.login("alice");
    let mut bob = server.login("Bob");
    let mut carol = server.login("carol");
    alice.ask("/create room x", "Created");
    alice.ask("/join room", "Joined");
    alice.ask("/msg BOB Hey, \"you\"", "[DM] You —» Bob\n  ╰─> Hey, \"you\"\n> ");
    bob.expect("[DM] alice —» You\n  ╰─> Hey, \"you\"\n> ");
    alice.ask("/msg nobody hi", "User not found.\n> ");
    alice.ask("/msg bob", "Usage: /msg <user> <message>");
    alice.ask("/msg", "Usage: /msg <user> <message>");
    alice.send("/msg alice note");
    alice.expect("—»");
    alice.expect("  ╰─> note\n> ");
    alice.expect("  ╰─> note\n> ");
    assert!(
        alice.text().contains("[DM] You —» alice") && alice.text().contains("[DM] alice —» You")
    );
    assert!(!carol.sync("carol").contains("[DM] alice"));
    assert!(!server.log().contains("Hey"), "no message text in the log");
}

#[test]
fn a_tag_is_said_to_the_lobby_and_alerts_its_user() {
    let server = Server::start(&[]);
    let mut alice = server.login("alice");
    let mut bob = server.login("Bob");
    alice.send("/tag bob Check this out");
    for client in [&mut alice, &mut bob] {
        client.expect("[@_@] alice @Bob\n  ╰─> Check this out\n> ");
    }
    bob.expect("✦ alice tagged you\n> ");
    alice.ask("/tag nobody hi", "User not found.\n> ");
    alice.ask("/tag bob", "Usage: /tag <user> <message>");
    alice.ask("/create room x", "Created");
    alice.ask("/join room", "Joined");
    alice.ask("/tag BOB over here", "[@_@] alice @Bob\n  ╰─> over here\n> ");
    bob.expect("✦ alice tagged you in 'room'\n> ");
    assert!(!bob.sync("bob").contains("over here"));
    let mut carol = server.login("carol");
    carol
        .ask("/join room", "Joined lobby 'room'\n[@_@] alice @Bob [just now]\n  ╰─> over here\n> ");
}

#[test]
fn pictures_are_set_listed_and_reset() {
    let server = Server::start(&[]);
    let mut alice = server.login("alice");
    alice.ask("/sp cat", "Profile picture changed to: (=^・^=)\n> ");
    alice.ask("meow", "(=^・^=) alice [just now]\n  ╰─> meow\n");
    alice.ask("/users", "  (=^・^=) alice (you)\n> ");
    alice.ask("/create room x", "Created");
    alice.ask("/join room", "Joined");
    alice.ask("meow", "(=^・^=) alice [just now]\n");
    alice.ask("/sp nope", "Profile picture not found. Use /sp list to see options.\n> ");
    alice.ask("/sp default", "Profile picture reset to default.\n> ");
    alice.ask("/SP Robot", "Profile picture changed to: ");
    alice.ask("/sp", "Profile picture reset to default.\n> ");
    alice.ask("woof", "[@_@] alice [just now]");
    alice.send("/sp list");
    alice.expect("=== Available Profile Pictures ===\n");
    let list = alice.expect("\n> ");
    assert!(list.matches("(").count() >= 40 && list.lines().count() + 3 <= 24, "{list}");
    alice.send("/sp list");
    alice.expect("=== Available Profile Pictures ===\n");
    assert_eq!(alice.expect("\n> "), list, "in the same order each time");
}

#[test]
fn help_names_every_command_and_words_ignore_case() {
    let server = Server::start(&[]);
    let mut alice = server.login("alice");
    for word in ["/help", "/HELP", "/Help"] {
        alice.ask(word, "=== Available Commands ===\n");
        let shown = alice.expect("/quit - Disconnect\n> ");
        let commands =
            ["/users", "/lobbies", "/create", "/join", "/sp", "/msg", "/tag", "/ai", "/setai"];
        assert!(commands.iter().all(|c| shown.contains(c)), "{shown}");
    }
    alice.ask("/nope", "Unknown command. Type /help for available commands.\n> ");
}

#[test]
fn a_message_to_oneself_is_there_both_ways_even_in_a_script() {
    let server = Server::start(&[]);
    for i in 0..20 {
        let shown = server.script(format!("user{i}\n/msg user{i} hi").as_bytes());
        assert!(shown.contains(&format!("[DM] You —» user{i}\n")), "{shown}");
        assert!(shown.contains(&format!("[DM] user{i} —» You\n")), "{shown}");
    }
}
