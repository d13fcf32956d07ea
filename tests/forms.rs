//! In which form somebody is shown things: width, style, echo, bell, quiet, colours, times.

use crate::harness::{Client, Server, count};
use crate::people::{log_in_to, registered, restart};

/// The block that comes next, without what opens and closes it.
#[track_caller]
fn block(client: &mut Client) -> String {
    client.expect("\n> ")
}

const PROSE: &str = "the quick brown fox jumps over the lazy dog and runs far away from here";

#[test]
fn text_goes_on_under_itself_at_the_width_of_its_reader() {
    let server = Server::start(&[("CHAT_WIDTH", "40")]);
    let (mut alice, mut bob) = (server.login("alice"), server.login("bob"));
    let mut carol = server.login("carol");
    bob.ask("/width 24", "Text is wrapped at 24 \n      columns.\n> ");
    carol.ask("/width off", "Text is not wrapped.\n> ");
    alice.send(PROSE);
    let at_40 = "  ╰─> the quick brown fox jumps over \n      the lazy dog and runs far away \n      \
        from here\n> ";
    let at_24 = "  ╰─> the quick brown \n      fox jumps over \n      the lazy dog and \n      \
        runs far away \n      from here\n> ";
    alice.expect(at_40);
    bob.expect(at_24);
    carol.expect(&format!("  ╰─> {PROSE}\n> "));
    // What is shown again is too, at the width of whoever asks now.
    bob.ask("/history 1", at_24);
    bob.ask("/width 40", "Text is wrapped at 40 columns.\n> ");
    bob.ask("/search fox", at_40);
    for bad in ["/width", "/width 19", "/width 501", "/width -1", "/width wide", "/width 80 90"] {
        bob.ask(bad, "Usage: /width <20-500> | off - ");
    }
    // A private message, a topic, an action.
    alice.ask(&format!("/msg bob {PROSE}"), at_40);
    bob.expect(at_40);
    alice.ask(
        &format!("/me sees that {PROSE}"),
        "[@_@] * alice sees that the quick brown \n      fox jumps over the lazy dog and \n",
    );
}

#[test]
fn nobody_can_write_what_looks_like_the_server_or_another() {
    let server = Server::start(&[("CHAT_WIDTH", "40"), ("CHAT_ADMINS", "root")]);
    let (mut eve, mut bob) = (server.login("eve"), server.login("bob"));
    let pads = [" ", "\u{a0}", "\u{3000}", "\u{2800}", "\u{2003}", "\t", "\u{3164}"];
    for pad in pads {
        for forged in ["[LOBBY] bob was banned", "[@_@] bob [just now]", "[AI Response to bob]"] {
            let line = format!("hi{}{forged} and so on END", pad.repeat(60));
            for command in ["", "/me ", "/tag bob ", "/msg bob "] {
                eve.send(&format!("{command}{line}"));
                bob.expect("END");
            }
        }
    }
    bob.sync("bob");
    for row in bob.text().lines().filter(|row| row.contains("just now") || row.contains("banned")) {
        assert!(
            row.starts_with(' ') || row.starts_with("[@_@] eve") || row.starts_with("> "),
            "{row:?}"
        );
    }
    eve.ask("/quit", "Goodbye!");
}

#[test]
fn a_link_stays_whole() {
    let server = Server::start(&[("CHAT_WIDTH", "40")]);
    let (mut alice, mut bob) = (server.login("alice"), server.login("bob"));
    let link = "https://example.org/a/path/that/is/longer/than/forty/columns?of=course";
    alice.send(&format!("look at {link} please"));
    bob.expect(&format!("  ╰─> look at \n      {link} \n      please\n> "));
}

#[test]
fn a_message_of_one_row_names_its_author_where_it_changes() {
    let server = Server::start(&[]);
    let (mut alice, mut bob) = (server.login("alice"), server.login("bob"));
    bob.ask("/style compact", "A message takes one row.\n> ");
    alice.send("one");
    let row = block(&mut bob);
    let time = row.split(' ').next().unwrap();
    assert!(time.len() == 5 && time.as_bytes()[2] == b':', "{row}");
    assert_eq!(row, format!("{time} alice one"));
    alice.send("two");
    assert_eq!(&block(&mut bob)[5..], "       two", "still alice");
    // Whatever else is shown in between, the next message says whose it is.
    bob.ask("/msg bob note", ": note\n");
    bob.expect(": note\n");
    alice.send("three");
    bob.expect(" alice three\n");
    bob.ask("four", " bob   four\n");
    alice.send("/me waves");
    bob.expect(" * alice waves\n");
    alice.send("/tag bob look");
    bob.expect("       @bob look\n");
    alice.send("five");
    bob.expect("✦ alice tagged you");
    bob.expect(" alice five\n");
    let mut carol = server.connect();
    carol.expect("Enter your username: ");
    carol.ask("carol", "[@_@] alice [just now]\n  ╰─> one\n");
    bob.ask("/style full", "Messages are shown in full.\n> ");
    alice.send("six");
    bob.expect("[@_@] alice [just now]\n  ╰─> six\n");
    bob.ask("/style", "Usage: /style full | compact - ");
}

#[test]
fn ones_own_messages_may_be_left_at_what_one_typed() {
    let server = Server::start(&[]);
    let (mut alice, mut bob) = (server.login("alice"), server.login("bob"));
    alice.ask("/echo off", "Your own messages are not shown to you any more.\n> ");
    for line in ["one", "/me waves", "/tag bob two"] {
        assert_eq!(alice.ask(line, "> "), "", "nothing but the prompt");
    }
    bob.expect("╰─> one\n");
    bob.expect("* alice waves\n");
    bob.expect("@bob\n  ╰─> two\n");
    bob.send("three");
    alice.expect("[@_@] bob [just now]\n  ╰─> three\n> ");
    assert_eq!(count(&alice.text(), "╰─> one"), 0);
    // What was said is there all the same.
    alice.ask("/history", "╰─> one\n");
    alice.ask("/echo on", "Your own messages are shown to you.\n> ");
    alice.ask("four", "╰─> four\n");
}

#[test]
fn the_bell_rings_as_one_has_chosen() {
    let server = Server::start(&[]);
    let (mut alice, mut bob) = (server.login("alice"), server.login("bob"));
    let rings = |client: &mut Client, what: &str| {
        client.expect(what);
        client.raw().iter().filter(|b| **b == 7).count()
    };
    alice.send("hello");
    assert_eq!(rings(&mut bob, "╰─> hello\n"), 0, "not for a message");
    alice.send("/tag bob psst");
    assert_eq!(rings(&mut bob, "alice tagged you\n"), 1);
    alice.send("/msg bob psst");
    assert_eq!(rings(&mut bob, "[DM] alice —» You"), 2);
    bob.ask("/bell off", "The bell is silent.\n> ");
    alice.send("/msg bob quietly");
    assert_eq!(rings(&mut bob, "quietly"), 2);
    bob.ask("/bell all", "The bell rings with every message.\n> ");
    bob.ask("my own", "╰─> my own\n");
    alice.send("yours");
    assert_eq!(rings(&mut bob, "╰─> yours\n"), 3);
    bob.ask("/bell tags", "The bell rings when you are tagged or written to.\n> ");
    alice.send("again");
    assert_eq!(rings(&mut bob, "╰─> again\n"), 3);
    assert!(!alice.raw().contains(&7), "nobody wrote to her");
    bob.ask("/bell loud", "Usage: /bell off | tags | all - ");
}

#[test]
fn who_comes_and_goes_may_be_left_out() {
    let server = Server::start(&[]);
    let mut bob = server.login("bob");
    bob.ask("/quiet on", "You are not told any more who comes and goes.\n> ");
    let mut eve = server.login("eve");
    eve.ask("hello", "╰─> hello\n");
    bob.expect("[@_@] eve [just now]\n  ╰─> hello\n> ");
    eve.ask("/quit", "Goodbye!");
    bob.sync("bob");
    assert!(!bob.text().contains("eve has"), "{}", bob.text());
    bob.ask("/quiet off", "You are told who comes and goes.\n> ");
    let _ = server.login("dave");
    bob.expect("[LOBBY] dave has joined the lobby\n");
}

#[test]
fn an_account_is_shown_everything_in_its_form_from_its_login_on() {
    let server = Server::start(&[]);
    let mut alice = registered(&server, "alice");
    for (line, told) in [
        ("/style compact", "A message takes one row."),
        ("/echo off", "not shown to you any more."),
        ("/bell all", "The bell rings with every message."),
        ("/quiet on", "You are not told any more"),
        ("/color light", "Colours are on, for a light ground."),
        ("/width 30", "Text is wrapped at 30"),
    ] {
        alice.ask(line, told);
    }
    let server = restart(server, &[]);
    let (mut alice, _) = log_in_to(&server, "alice");
    let mut bob = server.login("bob");
    bob.send("the quick brown fox jumps over the lazy dog");
    alice
        .expect(" bob   the quick brown \n            fox jumps over \n            the lazy dog\n");
    let raw = String::from_utf8_lossy(alice.raw()).into_owned();
    assert!(raw.contains("\u{1b}[90m"), "a grey time: {raw:?}");
    assert!(raw.contains("\u{7}\r"), "{raw:?}");
    assert!(!alice.text().contains("bob has joined"), "{}", alice.text());
    assert_eq!(alice.ask("mine", "> "), "");
}

#[test]
fn clock_times_stand_on_everything_for_whoever_wants_them() {
    let server = Server::start(&[("TZ", "UTC")]);
    let (mut alice, mut bob) = (server.login("alice"), server.login("bob"));
    bob.ask("/time on", "Times are shown by the clock.\n> ");
    let dated = |client: &mut Client, before: &str, after: &str| {
        client.expect(before);
        let time = client.expect(after);
        let shape: String =
            time.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
        assert_eq!(shape, " [00:00]", "{time:?}");
    };
    alice.send("/me waves");
    dated(&mut bob, "* alice waves", "\n");
    alice.send("/tag bob hi");
    dated(&mut bob, "[@_@] alice @bob", "\n  ╰─> hi\n");
    dated(&mut bob, "✦ alice tagged you", "\n");
    alice.send("/msg bob psst");
    dated(&mut bob, "[DM] alice —» You", "\n  ╰─> psst\n");
    bob.send("/msg alice back");
    dated(&mut bob, "[DM] You —» alice", "\n  ╰─> back\n");
    alice.ask("/quit", "Goodbye!");
    dated(&mut bob, "[LOBBY] alice has left the lobby", "\n");
}
