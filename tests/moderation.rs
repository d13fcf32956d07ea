//! Who may do what to a lobby and to those in it, and what everybody sees of it.

use crate::harness::{Client, Server, count};
use crate::people::{ADMINS, Cast, log_in_to, registered, restart, with_root};

/// What each rank may do, with a usage line for what misses an argument.
const OPERATORS: [(&str, &str); 10] = [
    ("/kick erin Spam", "/kick <user> [reason]"),
    ("/mute erin 10m", "/mute [-1] <user> [time]"),
    ("/unmute erin", "/unmute <user>"),
    ("/ban erin 10m Spam", "/ban [-1] <user> [time] [reason]"),
    ("/unban erin", "/unban <user>"),
    ("/purge erin", "/purge <user>"),
    ("/topic News", "/topic <text>"),
    ("/slow 10", "/slow <seconds>"),
    ("/bans", ""),
    ("/audit", ""),
];
const OWNERS: [(&str, &str); 5] = [
    ("/op carol", "/op <user>"),
    ("/deop bob", "/deop <user>"),
    ("/setpass opensesame", "/setpass <password|no-pass>"),
    ("/transfer carol", "/transfer <user>"),
    ("/delete coding", "/delete <lobby>"),
];
const ADMIN: [(&str, &str); 3] = [
    ("/announce Hello", "/announce <text>"),
    ("/gban erin 10m", "/gban [-1] <user> [time] [reason]"),
    ("/gunban erin", "/gunban <user>"),
];

const NOT_OPERATOR: &str = "Only an owner or operator of 'coding' can do that.\n> ";
const NOT_OWNER: &str = "Only an owner of 'coding' can do that.\n> ";
const NOT_ADMIN: &str = "Only an admin can do that.\n> ";

#[test]
fn whoever_may_not_is_refused_and_nothing_changes() {
    let mut cast = Cast::new();
    // Of dave, carol, bob, alice and root, so many may not.
    let rows = [
        (2, NOT_OPERATOR, &OPERATORS[..]),
        (3, NOT_OWNER, &OWNERS[..]),
        (4, NOT_ADMIN, &ADMIN[..]),
    ];
    for (refused, text, commands) in rows {
        for (name, client) in cast.by_rank().into_iter().take(refused) {
            for (command, _) in commands {
                let before = client.ask(command, text);
                assert_eq!(before, "", "{name}: {command}");
            }
        }
    }
    cast.alice.send("/users");
    cast.alice.expect("=== Users in 'coding' (6) ===\n");
    cast.alice.ask("/bans", "Nobody is banned from 'coding'.\n> ");
    cast.alice.send("/audit");
    cast.alice.expect("=== Audit of 'coding' (1) ===\n  [");
    assert!(cast.alice.expect("> ").ends_with("] alice made bob an operator\n"));
    cast.erin.ask("still here", "erin [just now]\n  ╰─> still here\n> ");
    let list = cast.dave.ask("/lobbies", "Description: Code\n");
    assert!(list.contains("Lobby: coding\n  Privacy: public"), "{list}");
    assert!(!cast.dave.expect("> ").contains("Topic"));
    assert_eq!(count(&cast.erin.text(), "[ANNOUNCEMENT]"), 0);
}

#[test]
fn a_missing_argument_gets_the_usage_line_of_whoever_asks() {
    let mut cast = Cast::new();
    for (_, client) in cast.by_rank() {
        for (command, usage) in OPERATORS.iter().chain(&OWNERS).chain(&ADMIN) {
            if !usage.is_empty() {
                let word = command.split(' ').next().unwrap();
                client.ask(word, &format!("Usage: {usage} - "));
            }
        }
    }
    for bad in [
        "/mute erin 10m now",
        "/slow x",
        "/slow -1",
        "/slow 3601",
        "/op bob carol",
        "/setpass \"\"",
        "/setpass a b",
    ] {
        cast.root.ask(bad, &format!("Usage: {}", bad.split(' ').next().unwrap()));
    }
    for mistyped in [
        "/mute erin 10x",
        "/mute erin 0s",
        "/mute erin 30min",
        "/ban erin 30min flooding",
        "/ban erin 5 m",
        "/ban erin -5m",
        "/ban erin 99999999999999999999d",
        "/gban erin 3rd warning",
    ] {
        cast.root.ask(mistyped, "Times are 30s, 10m, 2h30m, 7d or 2w.\n> ");
    }
    cast.root.ask("/bans", "Nobody is banned from 'coding'.\n");
    cast.root.ask("/users", "=== Users in 'coding' (6) ===");
    cast.erin.ask("and I may speak", "╰─> and I may speak\n");
}

/// Has somebody do something, and everybody in the lobby see it.
#[track_caller]
fn told(cast: &mut Cast, by: usize, line: &str, told: &str) {
    let (name, client) = &mut cast.by_rank()[by];
    let notice = format!("[LOBBY] {name} {told}\n");
    client.ask(line, &notice);
    let Cast { carol, dave, .. } = cast;
    for other in [carol, dave] {
        other.expect(&notice);
    }
}

#[test]
fn operators_owners_and_admins_run_the_lobby_and_everybody_is_told() {
    let mut cast = Cast::new();
    for by in 2..=4 {
        let name = cast.by_rank()[by].0;
        told(&mut cast, by, "/topic Release day", "set the topic: Release day");
        told(&mut cast, by, "/topic \"\"", "removed the topic");
        told(&mut cast, by, "/slow 60", "turned slow mode on: a message each 1m");
        told(&mut cast, by, "/slow 0", "turned slow mode off");
        told(&mut cast, by, "/mute ERIN 10m", "muted erin for 10m");
        cast.erin.expect("muted erin for 10m\n");
        cast.erin.ask("may I?", "You are muted in 'coding' for 10m more.\n> ");
        cast.erin.ask("/me waves", "You are muted in 'coding' for 10m more.\n> ");
        cast.erin.ask("/tag dave hi", "You are muted in 'coding' for 10m more.\n> ");
        told(&mut cast, by, "/unmute erin", "unmuted erin");
        cast.erin.ask("I may", "╰─> I may\n");
        told(&mut cast, by, "/kick erin No spam", "kicked erin: No spam");
        cast.erin.expect(&format!("{name} kicked you from 'coding': No spam\n"));
        cast.erin.expect("Joined lobby 'general'\n");
        cast.erin.ask("/join coding", "Joined lobby 'coding'\n");
        told(&mut cast, by, "/ban erin 2h Spam again", "banned erin for 2h: Spam again");
        cast.erin.expect(&format!("{name} banned you from 'coding' for 2h: Spam again\n"));
        cast.erin.expect("Joined lobby 'general'\n");
        cast.erin.ask("/join coding", "You are banned from 'coding' for 2h more: Spam again\n> ");
        cast.erin.ask("/users", "=== Users in 'general' (1) ===\n  [@_@] erin (you)\n> ");
        cast.by_rank()[by].1.ask("/bans", "=== Banned from 'coding' (1) ===\n  erin (guest)");
        told(&mut cast, by, "/unban erin", "unbanned erin");
        cast.erin.ask("/join coding", "Joined lobby 'coding'\n");
        cast.by_rank()[by].1.ask("/audit", "=== Audit of 'coding' (");
    }
    assert!(!cast.dave.text().contains("you from 'coding'"), "that is for erin alone");
}

#[test]
fn owners_and_admins_own_the_lobby_and_everybody_is_told() {
    let mut cast = Cast::new();
    for by in 3..=4 {
        told(&mut cast, by, "/op CAROL", "made carol an operator");
        cast.by_rank()[by].1.ask("/op carol", "'carol' is an operator already.\n> ");
        cast.carol.ask("/bans", "Nobody is banned from 'coding'.\n> ");
        told(&mut cast, by, "/deop carol", "took the operator's rights from carol");
        cast.by_rank()[by].1.ask("/deop carol", "'carol' is not an operator.\n> ");
        cast.carol.ask("/bans", NOT_OPERATOR);
        told(&mut cast, by, "/setpass opensesame", "changed the password of the lobby");
        told(&mut cast, by, "/setpass no-pass", "made the lobby public");
        cast.by_rank()[by].1.ask("/op dave", "'dave' has no account.\n> ");
        cast.by_rank()[by].1.ask("/transfer dave", "'dave' has no account.\n> ");
    }
    cast.alice.ask("/op alice", "'alice' is an owner already.\n> ");
    cast.alice.ask("/transfer alice", "'alice' is an owner already.\n> ");
    assert!(!cast.server.log().contains("opensesame"), "{}", cast.server.log());
}

#[test]
fn nobody_acts_on_those_above_nor_on_themselves() {
    let mut cast = Cast::new();
    cast.alice.ask("/op carol", "made carol an operator\n");
    for word in ["/kick", "/mute", "/ban"] {
        for (name, client) in cast.by_rank().into_iter().skip(1) {
            client.ask(&format!("{word} {name}"), "You cannot do that to yourself.\n> ");
        }
        for (by, whom, text) in [
            (2, "carol", "an operator of 'coding'"),
            (2, "alice", "an owner of 'coding'"),
            (2, "root", "an admin"),
            (3, "root", "an admin"),
        ] {
            let client = &mut cast.by_rank()[by].1;
            client.ask(&format!("{word} {whom}"), &format!("You cannot do that to {text}.\n> "));
        }
        cast.root.ask("/gban root", "You cannot do that to yourself.\n> ");
    }
    cast.alice.ask("/users", "=== Users in 'coding' (6) ===");
    cast.alice.ask("/bans", "Nobody is banned");
    cast.alice.ask("/unmute bob", "Nobody of that name is muted.\n> ");
    // Downwards it goes.
    cast.alice.ask("/kick carol", "[LOBBY] alice kicked carol\n");
    cast.root.ask("/kick alice", "[LOBBY] root kicked alice\n");
    cast.alice.expect("root kicked you from 'coding'.\n");
    cast.alice.expect("Joined lobby 'general'\n");
}

#[test]
fn a_target_that_does_not_exist_is_not_found_and_nothing_changes() {
    let mut cast = Cast::new();
    for line in [
        "/kick ghost",
        "/mute ghost 10m",
        "/ban ghost 10m x",
        "/op ghost",
        "/deop ghost",
        "/transfer ghost",
        "/gban ghost",
    ] {
        cast.root.ask(line, "User not found.\n> ");
    }
    cast.root.ask("/unmute ghost", "Nobody of that name is muted.\n> ");
    cast.root.ask("/unban ghost", "Nobody of that name is banned.\n> ");
    cast.root.ask("/gunban ghost", "Nobody of that name is banned.\n> ");
    cast.root.ask("/delete ghost", "Lobby does not exist\n> ");
    cast.erin.ask("/join general", "Joined lobby 'general'\n");
    cast.root.expect("[LOBBY] erin has left the lobby\n");
    cast.root.ask("/kick erin", "'erin' is not in 'coding'.\n> ");
    cast.root.send("/audit");
    cast.root.expect("=== Audit of 'coding' (");
    let audit = cast.root.expect("> ");
    // The operator may have made the account of root with the server running.
    let done = audit.lines().filter(|line| line.contains("] ") && !line.contains("] console "));
    let done: Vec<_> = done.collect();
    assert!(matches!(done[..], [one] if one.ends_with("alice made bob an operator")), "{audit}");
}

#[test]
fn a_kick_in_general_disconnects() {
    let mut cast = Cast::new();
    for client in [&mut cast.root, &mut cast.erin] {
        client.ask("/join general", "Joined lobby 'general'\n");
    }
    cast.root.ask("/kick erin Enough", "[LOBBY] root kicked erin: Enough\n");
    cast.root.expect("[LOBBY] erin has left the lobby\n");
    cast.erin.expect("root kicked you from 'general': Enough\n");
    cast.erin.expect("You were kicked. Goodbye!\n");
    cast.erin.read_to_end();
    cast.server.login("erin");
    for line in ["/delete general", "/setpass opensesame", "/transfer carol"] {
        cast.root.ask(line, "That cannot be done to the general lobby.\n> ");
    }
}

#[test]
fn the_members_of_a_deleted_lobby_go_to_general() {
    let mut cast = Cast::new();
    cast.alice.ask("/delete coding", "Say it again within 30 seconds");
    cast.alice.send("/delete CODING");
    for (name, client) in cast.all() {
        client.expect("[LOBBY] alice deleted the lobby 'coding'\n");
        client.expect("alice deleted the lobby 'coding'.\n");
        client.expect("Joined lobby 'general'\n");
        client.expect(&format!("[LOBBY] {name} has joined the lobby\n> "));
    }
    cast.dave.ask("/users", "=== Users in 'general' (6) ===");
    cast.dave.ask("/join coding", "Lobby does not exist\n> ");
    cast.dave.ask("/create coding mine", "Created public lobby 'coding'.");
    cast.dave.ask("/join coding", "Joined lobby 'coding'\n");
    let shown = cast.dave.ask("/history", "Nothing was said in this lobby yet.\n> ");
    assert!(!shown.contains("╰─>"), "{shown}");
    cast.alice.ask("/delete coding", NOT_OWNER);
    // From elsewhere one is told that it is done.
    cast.root.ask("/delete coding", "Say it again within 30 seconds");
    cast.root.ask("/delete coding", "You deleted the lobby 'coding'\n> ");
    cast.dave.expect("Joined lobby 'general'\n");
    restart(cast.server, &ADMINS).login("gina").ask("/join coding", "Lobby does not exist\n> ");
}

fn privacy(client: &mut Client, lobby: &str) -> String {
    client.send("/lobbies");
    client.expect(&format!("Lobby: {lobby}\n  Privacy: "));
    client.expect(" |")
}

#[test]
fn a_new_password_shuts_out_the_old_one_and_nobody_who_is_in() {
    let mut cast = Cast::new();
    let mut gina = cast.server.login("gina");
    for (old, new) in [("none", "first-one"), ("first-one", "\"the second\"")] {
        cast.alice.ask(&format!("/setpass {new}"), "[LOBBY] alice changed the password");
        gina.ask(&format!("/join coding {old}"), "Incorrect password for private lobby\n> ");
        cast.dave.ask("/users", "=== Users in 'coding' (6) ===");
        assert_eq!(privacy(&mut gina, "coding"), "private");
        gina.ask(&format!("/join coding {new}"), "Joined lobby 'coding'\n");
        gina.ask("/join general", "Joined lobby 'general'\n");
    }
    let server = restart(cast.server, &ADMINS);
    let mut gina = server.login("gina");
    gina.ask("/join coding first-one", "Incorrect password");
    let (mut alice, _) = log_in_to(&server, "alice");
    alice.ask("/users", "=== Users in 'coding' (1) ===");
    alice.ask("/setpass no-pass", "[LOBBY] alice made the lobby public\n");
    assert_eq!(privacy(&mut gina, "coding"), "public");
    gina.ask("/join coding", "Joined lobby 'coding'\n");
}

#[test]
fn an_offer_of_somebody_who_is_ignored_is_not_shown() {
    let mut cast = Cast::new();
    cast.carol.ask("/ignore alice", "You ignore 'alice' from now on.");
    cast.alice.ask("/transfer carol", "[LOBBY] alice offered the lobby to carol\n");
    let shown = cast.carol.ask("/users", "=== Users in ");
    assert!(!shown.contains("offers you"), "{shown}");
}

#[test]
fn a_lobby_given_away_has_its_old_owner_as_operator() {
    let mut cast = Cast::new();
    cast.alice.ask("/transfer carol", "[LOBBY] alice offered the lobby to carol\n");
    let offer = "alice offers you the lobby 'coding'. Say /accept within 5 minutes to take it.\n";
    cast.carol.expect(offer);
    cast.dave.ask("/accept", "You have no account.");
    cast.bob.ask("/accept", "Nobody offers you a lobby.\n");
    cast.alice.ask("/transfer bob", "Somebody was asked already.");
    cast.alice.ask("/op carol", "[LOBBY] alice made carol an operator\n");
    cast.carol.ask("/accept", "[LOBBY] alice gave the lobby to carol\n");
    cast.alice.expect("[LOBBY] alice gave the lobby to carol\n> ");
    cast.carol.ask("/audit", " alice gave the lobby to carol\n");
    cast.carol.ask("/accept", "Nobody offers you a lobby.\n");
    let check = |alice: &mut Client, carol: &mut Client| {
        alice.ask("/op bob", NOT_OWNER);
        alice.ask("/bans", "Nobody is banned");
        alice.ask("/kick carol", "You cannot do that to an owner of 'coding'.\n> ");
        carol.ask("/deop bob", " bob");
    };
    check(&mut cast.alice, &mut cast.carol);
    let server = restart(cast.server, &ADMINS);
    let ((mut alice, _), (mut carol, _)) =
        (log_in_to(&server, "alice"), log_in_to(&server, "carol"));
    carol.ask("/op bob", "made bob an operator");
    check(&mut alice, &mut carol);
    // An owner who is not there may be acted on no more than one who is.
    carol.ask("/quit", "Goodbye!");
    carol.read_to_end();
    alice.ask("/ban carol", "You cannot do that to an owner of 'coding'.\n> ");
}

#[test]
fn a_guest_owns_a_lobby_for_as_long_as_they_stay() {
    let mut server = Server::start(&[]);
    let mut gina = server.login("gina");
    let mut hugo = server.login("hugo");
    gina.ask("/create den no-pass Ours", "Created");
    for client in [&mut gina, &mut hugo] {
        client.ask("/join den", "Joined lobby 'den'");
    }
    gina.ask("/topic Mine", "[LOBBY] gina set the topic: Mine\n");
    gina.ask("/kick hugo", "[LOBBY] gina kicked hugo\n");
    gina.ask("/op hugo", "'hugo' has no account.\n> ");
    gina.ask("/quit", "Goodbye!");
    server.wait_for_log("gina logged out");
    let mut gina = server.login("gina");
    gina.ask("/join den", "Joined lobby 'den'\n");
    gina.expect("Topic: Mine\nYou are alone in 'den'.");
    gina.ask("/topic Again", "Only an owner or operator of 'den' can do that.\n> ");
    gina.ask("/delete den", "Only an owner of 'den' can do that.\n> ");
    gina.ask("/setai mine", "Only the lobby creator can set the AI prompt\n> ");
    // An account of that name is not whoever made it either.
    gina.ask("/register correct-horse", "is yours now.");
    gina.ask("/delete den", "Only an owner of 'den' can do that.\n> ");
}

#[test]
fn the_topic_is_shown_on_join_and_in_the_list() {
    let mut cast = Cast::new();
    cast.bob.ask("/topic Release \"on Friday\"", "set the topic: Release \"on Friday\"\n");
    cast.dave.ask("/lobbies", "  Description: Code\n  Topic: Release \"on Friday\"\n> ");
    let server = restart(cast.server, &ADMINS);
    let mut gina = server.login("gina");
    gina.ask("/join coding", "Joined lobby 'coding'\n");
    gina.expect("Topic: Release \"on Friday\"\nYou are alone in 'coding'.");
    let (mut bob, shown) = log_in_to(&server, "bob");
    let where_he_is = "Topic: Release \"on Friday\"\nYou are bob in 'coding' with gina.";
    assert!(shown.contains(where_he_is), "{shown}");
    bob.ask("/topic \"\"", "[LOBBY] bob removed the topic\n");
    gina.ask("/lobbies", "  Description: Code\n> ");
}

#[test]
fn the_audit_lists_who_did_what_and_when() {
    let mut cast = Cast::new();
    cast.bob.ask("/kick erin Spam", "kicked erin: Spam\n");
    cast.root.ask("/mute dave 10m", "muted dave for 10m\n");
    cast.alice.ask("/setpass opensesame", "changed the password");
    cast.alice.ask("/setai Be a pirate", "AI prompt updated!");
    cast.alice.ask("/join general", "Joined");
    cast.alice.ask("/audit", "Only an owner or operator of 'general' can do that.\n> ");
    let server = restart(cast.server, &ADMINS);
    let (mut bob, _) = log_in_to(&server, "bob");
    bob.send("/audit");
    bob.expect("=== Audit of 'coding' (5) ===\n");
    let shown = bob.expect("> ");
    for text in [
        "alice made bob an operator\n",
        "bob kicked erin: Spam\n",
        "root muted dave for 10m\n",
        "alice changed the password of the lobby\n",
        "alice updated the AI prompt\n",
    ] {
        assert_eq!(count(&shown, &format!("] {text}")), 1, "{shown}");
    }
    assert!(shown.lines().all(|l| l.contains(" ago] ") || l.contains("[just now] ")), "{shown}");
    assert!(
        !shown.contains("opensesame") && !shown.contains("pirate") && !shown.contains("127.0."),
        "{shown}"
    );
}

#[test]
fn an_admin_is_an_owner_everywhere_once_the_account_is_made() {
    let env = [("CHAT_ADMINS", "root, Queen")];
    let server = Server::start(&env);
    let mut client = server.connect();
    for taken in ["root", "ROOT", "queen"] {
        client.expect("Enter your username: ");
        client.ask(taken, "Username already taken, try another.\n");
    }
    client.expect("Enter your username: ");
    client.ask("r00t", "Username too close to 'root', try another.\n");
    drop(server);

    let server = with_root();
    let mut gina = registered(&server, "gina");
    gina.ask("/create vault opensesame Ours", "Created private lobby 'vault'");
    gina.ask("/join vault opensesame", "Joined lobby 'vault'");
    gina.ask("/kick gina", "You cannot do that to yourself.");
    let (mut root, _) = log_in_to(&server, "root");
    root.ask("/topic Welcome", "[LOBBY] root set the topic: Welcome\n");
    root.ask("/join vault", "It needs one: /join vault <password>\n> ");
    root.ask("/join vault opensesame", "Joined lobby 'vault'");
    root.ask("/kick gina", "[LOBBY] root kicked gina\n");
    // She may come there a moment later.
    gina.expect(" in 'general'. ");
    root.ask("/setpass no-pass", "[LOBBY] root made the lobby public\n");
    root.ask("/join general", "Joined lobby 'general'\n");
    root.expect("Topic: Welcome\nYou are root in 'general'");
    root.ask("/delete vault", "Say it again within 30 seconds");
    root.ask("/delete vault", "You deleted the lobby 'vault'\n> ");
    // Without being named, the account is one like any other.
    let server = restart(server, &[]);
    let (mut root, _) = log_in_to(&server, "root");
    root.ask("/announce hi", NOT_ADMIN);
    root.ask("/topic hi", "Only an owner or operator of 'general' can do that.\n> ");
}
