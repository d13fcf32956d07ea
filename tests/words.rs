//! What people type who do not know the commands yet: words from elsewhere, slips, blanks, bare words.

use crate::harness::{Server, count};
use crate::people::registered;

#[test]
fn a_slip_is_pointed_to_the_command_that_one_may_use() {
    let server = Server::start(&[]);
    let mut alice = registered(&server, "alice");
    let mut guest = server.login("somebody");
    let unknown = "Unknown command. Type /help for available commands.";
    for client in [&mut alice, &mut guest] {
        client.ask("/jion coding", &format!("{unknown} Did you mean /join?\n> "));
        client.ask("/LOBIES", &format!("{unknown} Did you mean /lobbies?\n> "));
        client.ask("/nonsense", &format!("{unknown}\n> "));
        client.ask("/anounce hello", &format!("{unknown}\n> "));
    }
    guest.ask("/regster pass-word-1", &format!("{unknown} Did you mean /register?\n> "));
    alice.ask("/regster pass-word-1", "Did you mean /unregister?\n> ");
    // What only operators and owners may, in their lobby.
    alice.ask("/kikc somebody", &format!("{unknown}\n> "));
    alice.ask("/create den no-pass For us", "Created");
    alice.ask("/join den", "alice has joined the lobby\n");
    alice.ask("/kikc somebody", &format!("{unknown} Did you mean /kick?\n> "));
    alice.ask("/tranfser somebody", &format!("{unknown} Did you mean /transfer?\n> "));
}

#[test]
fn words_from_elsewhere_do_what_they_mean() {
    let server = Server::start(&[]);
    let mut alice = server.login("alice");
    let mut bob = server.login("bob");
    alice.ask("/create #coding no-pass All about code", "Created public lobby 'coding'.");
    alice.ask("/J #coding", "Joined lobby 'coding'\n");
    alice.ask("/leave coding, bye", "Joined lobby 'general'\n");
    alice.ask("/part", "You are already in 'general'\n");
    for word in ["/w", "/m", "/tell", "/dm"] {
        alice.ask(&format!("{word} @bob by {word}"), &format!("╰─> by {word}\n"));
        bob.expect(&format!("[DM] alice —» You\n  ╰─> by {word}\n"));
    }
    bob.ask("/reply gladly", "[DM] You —» alice\n  ╰─> gladly\n");
    for word in ["/who", "/names"] {
        alice.ask(word, "=== Users in 'general' (2) ===\n");
    }
    for word in ["/list", "/rooms", "/channels"] {
        alice.ask(word, "=== Available Lobbies (2) ===\n");
    }
    alice.ask("/afk tea", "You are away.");
    for word in ["/h", "/?"] {
        alice.ask(word, "=== Available Commands ===\n");
    }
    alice.ask("/say quit", "╰─> quit\n");
    bob.expect("╰─> quit\n");
    alice.ask("/w bob", "Usage: /msg <user> <message>");
    alice.ask("/exit", "Disconnecting from server. Goodbye!");
    alice.read_to_end();
    bob.ask("/q", "Disconnecting from server. Goodbye!");
    bob.read_to_end();
}

#[test]
fn blanks_before_a_command_publish_no_password() {
    let mut server = Server::start(&[]);
    let mut alice = server.login("alice");
    let mut bob = server.login("bob");
    alice.ask("/create den hunter2 \"for us two\"", "Created private lobby");
    alice.ask(" /j den hunter2", "Joined lobby 'den'\n");
    alice.ask("\t/part", "Joined lobby 'general'\n");
    alice.ask(" \u{a0}/join den hunter2", "Joined lobby 'den'\n");
    alice.ask("  /jion den hunter2", "Did you mean /join?");
    alice.ask("\t /part", "Joined lobby 'general'\n");
    bob.ask("last", "╰─> last\n");
    bob.ask("/history", "=== ");
    bob.sync("bob");
    assert!(!bob.text().contains("hunter2"), "{}", bob.text());
    server.wait_for_log("left lobby 'den'");
    assert!(!server.log().contains("hunter2"), "{}", server.log());
}

#[test]
fn what_begins_with_a_slash_and_is_no_word_is_said() {
    let server = Server::start(&[]);
    let mut alice = server.login("alice");
    for line in ["/", "/ help", "// a comment", "  /* one more */", "/-: hi", "///"] {
        let shown = alice.ask(line, &format!("╰─> {line}\n"));
        assert!(!shown.contains("Unknown"), "{shown}");
    }
    alice.ask("//help", "╰─> /help\n");
    alice.ask("//join den hunter2", "╰─> /join den hunter2\n");
}

#[test]
fn a_bare_word_is_answered_and_not_said() {
    let server = Server::start(&[]);
    let mut alice = server.login("alice");
    let mut bob = server.login("bob");
    for word in ["quit", "EXIT", " help", ":q"] {
        let answer = "Type /quit to leave or /help for help; /say quit says it.\n> ";
        alice.ask(word, answer);
    }
    alice.ask("quit it", "╰─> quit it\n");
    bob.expect("╰─> quit it\n");
    assert_eq!(count(&bob.text(), "╰─>"), 1, "{}", bob.text());
}

#[test]
fn a_command_is_no_name() {
    let server = Server::start(&[]);
    let mut alice = server.connect();
    alice.expect("Enter your username: ");
    for line in ["/help", "/users", " /join den hunter2", "/", "//", "/nick alice"] {
        alice.ask(line, "Pick a name first: 2-20 letters, numbers, - or _.\nEnter your username: ");
    }
    for name in ["help", "Quit", "exit", "GUEST", "all", "everyone", "here"] {
        alice.ask(name, "Username already taken, try another.\nEnter your username: ");
    }
    for line in ["/quit", " /QUIT ", "/q", "/exit"] {
        let mut client = server.connect();
        client.expect("Enter your username: ");
        client.ask(line, "Disconnecting from server. Goodbye!\n");
        client.read_to_end();
    }
    alice.ask("alice", "[LOBBY] alice has joined the lobby\n");
}
