//! Bans, mutes, kicks and slow mode: whom they hold for, from where, and for how long.

use std::thread;
use std::time::{Duration, Instant};

use crate::bots::until;
use crate::harness::{Client, PATIENCE, count};
use crate::people::{
    ADMINS, Cast, ERIN, connect_from, guest_from, log_in_to, prove, quit, registered, restart,
    with_root,
};

/// Asks again and again until the answer has this text in it, as it must have some time.
#[track_caller]
fn ask_until(client: &mut Client, line: &str, want: &str) {
    let start = Instant::now();
    loop {
        client.send(line);
        // Of the prompt: an arrow has the sign too.
        if (client.expect("\n> ") + "\n").contains(want) {
            return;
        }
        assert!(start.elapsed() < PATIENCE, "{want:?} never comes");
        thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn a_ban_of_a_guest_is_of_their_address_and_spares_accounts_there() {
    let mut cast = Cast::new();
    cast.bob.ask("/ban erin Spam", "[LOBBY] bob banned erin for good: Spam\n");
    cast.erin.expect("Joined lobby 'general'\n");
    let banned = "You are banned from 'coding': Spam\n> ";
    cast.erin.ask("/join coding", banned);
    cast.erin.ask("/nick someone", "erin is now known as someone\n");
    cast.erin.ask("/join coding", banned);
    let mut other = guest_from(&cast.server, ERIN, "other");
    other.ask("/join coding", banned);
    let mut far = guest_from(&cast.server, "127.0.0.4", "far-away");
    far.ask("/join coding", "Joined lobby 'coding'\n");
    cast.carol.ask("/quit", "Goodbye!");
    let mut carol = connect_from(&cast.server, ERIN);
    prove(&mut carol, "carol");
    carol.sync("carol");
    carol.ask("/users", "=== Users in 'coding' (");
    // An account that a banned guest makes is banned too.
    other.ask("/register correct-horse", "is yours now.");
    other.ask("/join coding", banned);

    cast.bob.send("/bans");
    cast.bob.expect("=== Banned from 'coding' (2) ===\n");
    let shown = cast.bob.expect("> ");
    let mut lines: Vec<_> = shown.lines().collect();
    lines.sort_unstable();
    let of = |what| format!("  erin ({what}) by bob, for good: Spam");
    assert_eq!(lines, [of("account"), of("guest")]);
    for (name, client) in cast.all() {
        if name != "carol" {
            assert!(!client.text().contains("127.0."), "{name} is shown an address");
        }
    }
    cast.bob.ask("/unban ERIN", "[LOBBY] bob unbanned erin\n");
    cast.erin.ask("/join coding", "Joined lobby 'coding'\n");
}

#[test]
fn a_ban_of_an_account_is_by_name_from_any_address_and_spares_guests_there() {
    let mut cast = Cast::new();
    cast.bob.ask("/ban carol 2h Spam", "[LOBBY] bob banned carol for 2h: Spam\n");
    let banned = "You are banned from 'coding' for 2h more: Spam\n> ";
    cast.carol.ask("/join coding", banned);
    cast.carol.ask("/quit", "Goodbye!");
    cast.carol.read_to_end();
    let mut carol = connect_from(&cast.server, "127.0.0.5");
    prove(&mut carol, "carol");
    carol.sync("carol");
    carol.ask("/users", "=== Users in 'general' (1) ===");
    carol.ask("/join coding", banned);
    let mut guest = cast.server.login("gina");
    guest.ask("/join coding", "Joined lobby 'coding'\n");
    cast.bob.ask("/bans", "  carol (account) by bob, 2h left: Spam\n> ");
    cast.bob.ask("/unban carol", "[LOBBY] bob unbanned carol\n");
    carol.ask("/join coding", "Joined lobby 'coding'\n");
}

#[test]
fn an_account_that_is_not_there_is_banned_by_its_name() {
    let mut cast = Cast::new();
    cast.carol.ask("/quit", "Goodbye!");
    cast.carol.read_to_end();
    cast.dave.expect("carol has left the lobby\n");
    cast.bob.ask("/ban CAROL", "[LOBBY] bob banned carol for good\n");
    let (mut carol, shown) = log_in_to(&cast.server, "carol");
    assert!(!shown.contains("Joined lobby 'coding'"), "{shown}");
    carol.ask("/users", "=== Users in 'general' (1) ===");
    carol.ask("/join coding", "You are banned from 'coding'.\n> ");
}

#[test]
fn those_who_run_a_lobby_are_not_kept_out_of_it() {
    let mut cast = Cast::new();
    cast.bob.ask("/ban carol", "[LOBBY] bob banned carol for good\n");
    cast.alice.ask("/op carol", "[LOBBY] alice made carol an operator\n");
    cast.carol.ask("/join coding", "Joined lobby 'coding'\n");
}

#[test]
fn mutes_and_bans_end_on_time() {
    let mut cast = Cast::new();
    cast.bob.ask("/mute dave 2s", "[LOBBY] bob muted dave for 2s\n");
    cast.dave.expect("muted dave for 2s\n");
    cast.dave.ask("too early", "You are muted in 'coding' for ");
    ask_until(&mut cast.dave, "may I", "dave [just now]\n  ╰─> may I\n");
    cast.bob.ask("/ban erin 2s", "[LOBBY] bob banned erin for 2s\n");
    cast.erin.expect("has joined the lobby\n> ");
    cast.erin.ask("/join coding", "You are banned from 'coding' for ");
    ask_until(&mut cast.erin, "/join coding", "Joined lobby 'coding'");
    cast.bob.ask("/bans", "Nobody is banned from 'coding'.\n> ");
    cast.bob.ask("/unmute dave", "Nobody of that name is muted.\n> ");
}

#[test]
fn a_mute_of_a_guest_is_of_all_guests_of_the_address_and_follows_them_out_and_in() {
    let mut cast = Cast::new();
    let mut gina = cast.server.login("gina");
    gina.ask("/join coding", "Joined lobby 'coding'");
    cast.bob.ask("/mute dave", "[LOBBY] bob muted dave for good\n");
    cast.bob.expect("also: gina (same address)\n> ");
    let by_address = "You are muted in 'coding', as are all guests of your address.\n> ";
    gina.ask("I am not dave", by_address);
    cast.carol.ask("I have an account", "╰─> I have an account\n");
    cast.dave.expect("muted dave for good\n");
    cast.dave.ask("/join general", "Joined lobby 'general'");
    cast.dave.ask("here I may", "╰─> here I may\n");
    let name_kept = "You are muted, and cannot take another name until that ends.\n> ";
    for client in [&mut cast.dave, &mut gina] {
        client.ask("/nick buy-at-my-shop", name_kept);
    }
    cast.dave.ask("/join coding", "Joined lobby 'coding'");
    cast.dave.ask("back", "You are muted in 'coding'.\n> ");
    cast.dave.ask("/quit", "Goodbye!");
    let mut dave = cast.server.login("other");
    dave.ask("/join coding", "Joined lobby 'coding'");
    dave.ask("another name", by_address);
    cast.bob.ask("/unmute dave", "[LOBBY] bob unmuted dave\n");
    dave.ask("at last", "╰─> at last\n");
    gina.ask("/nick regina", "gina is now known as regina\n");
    // Of the account nobody else is meant, and of one guest alone neither.
    cast.bob.ask("/mute carol 5m", "[LOBBY] bob muted carol for 5m\n");
    cast.bob.ask("/mute -1 regina 1h30m", "[LOBBY] bob muted regina for 1h 30m\n");
    let shown = cast.bob.ask("/bans", "Nobody is banned from 'coding'.\n");
    assert!(!shown.contains("also:"), "{shown}");
    gina.ask("may I?", "You are muted in 'coding' for 1h 30m more.\n> ");
    gina.ask("/nick gina", name_kept);
    dave.ask("I may", "╰─> I may\n");
}

#[test]
fn the_moderator_is_told_whom_else_a_ban_has_put_out_and_can_ban_one_guest_alone() {
    let mut cast = Cast::new();
    let [mut hans, mut ida] = ["hans", "ida"].map(|name| guest_from(&cast.server, ERIN, name));
    for client in [&mut hans, &mut ida] {
        client.ask("/join coding", "Joined lobby 'coding'");
    }
    let put_out = |client: &mut Client| {
        client.expect("bob banned you from 'coding' for 2h 30m: Spam\n");
        client.expect("Joined lobby 'general'\n");
    };
    cast.bob.ask("/ban erin 2h30m Spam", "[LOBBY] bob banned erin for 2h 30m: Spam\n");
    cast.bob.expect("also: hans, ida (same address)\n> ");
    for client in [&mut cast.erin, &mut hans, &mut ida] {
        put_out(client);
    }
    cast.bob.ask("/unban erin", "[LOBBY] bob unbanned erin\n");
    for client in [&mut cast.erin, &mut hans] {
        client.ask("/join coding", "Joined lobby 'coding'\n");
    }
    cast.bob.ask("/ban -1 erin 2h30m Spam", "[LOBBY] bob banned erin for 2h 30m: Spam\n");
    put_out(&mut cast.erin);
    hans.ask("still here", "╰─> still here\n");
    let shown = cast.bob.ask("/bans", "erin (guest) by bob, ");
    assert!(!shown.contains("also:"), "{shown}");
    let banned = "You are banned from 'coding' for ";
    cast.erin.ask("/nick somebody", "erin is now known as somebody\n");
    cast.erin.ask("/join coding", banned);
    cast.erin.ask("/register correct-horse", "is yours now.");
    cast.erin.ask("/join coding", banned);
    for from in [ERIN, "127.0.0.4"] {
        let mut erin = guest_from(&cast.server, from, "Erin");
        erin.ask("/join coding", banned);
        erin.ask("/quit", "Goodbye!");
        erin.read_to_end();
    }
    let server = restart(cast.server, &ADMINS);
    guest_from(&server, ERIN, "erin").ask("/join coding", banned);
    guest_from(&server, ERIN, "hans").ask("/join coding", "Joined lobby 'coding'\n");
    let (mut root, _) = log_in_to(&server, "root");
    root.ask("/join general", "Joined lobby 'general'");
    root.ask("/gban -1 hans", "You banned hans from the server for good\n> ");
    let mut hans = connect_from(&server, "127.0.0.8");
    hans.expect("Enter your username: ");
    hans.ask("hans", "This name is banned.\n");
    hans.log_in("another");
    root.ask("/gunban hans", "You let hans onto the server again\n> ");
    root.ask("/gban another", "You banned another from the server for good\n> ");
}

#[test]
fn the_moderator_is_told_whom_else_a_ban_from_the_server_has_put_out() {
    let mut cast = Cast::new();
    let mut hans = guest_from(&cast.server, ERIN, "hans");
    cast.root.ask("/gban erin 1h", "You banned erin from the server for 1h\n");
    cast.root.expect("also: hans (same address)\n> ");
    hans.expect("You are banned from this server. Goodbye!\n");
    hans.read_to_end();
    cast.erin.read_to_end();
}

#[test]
fn guests_who_left_are_banned_by_name_unless_somebody_has_it() {
    let mut cast = Cast::new();
    quit(cast.erin);
    cast.bob.expect("erin has left the lobby\n");
    // On several nodes who leaves has left the lobby first, and the server a moment later.
    until(&mut cast.bob, "/whois erin", "User not found.");
    cast.bob.ask("/kick erin", "User not found.\n> ");
    cast.bob.ask("/mute erin", "User not found.\n> ");
    cast.bob.ask("/ban erin 1h", "[LOBBY] bob banned erin for 1h\n");
    let mut erin = guest_from(&cast.server, ERIN, "somebody");
    erin.ask("/join coding", "You are banned from 'coding' for 1h more.\n> ");
    quit(erin);
    cast.bob.ask("/unban erin", "[LOBBY] bob unbanned erin\n");
    // Whoever has the name now is meant first.
    let mut other = guest_from(&cast.server, "127.0.0.4", "erin");
    other.ask("/join coding", "Joined lobby 'coding'");
    cast.bob.ask("/ban ERIN", "[LOBBY] bob banned erin for good\n");
    other.expect("bob banned you from 'coding' for good.\n");
    let mut erin = guest_from(&cast.server, ERIN, "somebody");
    erin.ask("/join coding", "Joined lobby 'coding'");
    quit(erin);
    cast.dave.expect("somebody has left the lobby\n");
    cast.root.ask("/gban somebody 1h", "You banned somebody from the server for 1h\n> ");
    let mut erin = connect_from(&cast.server, ERIN);
    erin.expect("Enter your username: ");
    erin.ask("erin2", "Guests of your address are banned for 1h more.\n");
}

#[test]
fn an_unban_ends_the_bans_of_that_name_and_nothing_else() {
    let mut cast = Cast::new();
    cast.bob.ask("/mute erin", "[LOBBY] bob muted erin for good\n");
    cast.bob.ask("/ban erin", "[LOBBY] bob banned erin for good\n");
    cast.erin.expect("Joined lobby 'general'\n");
    // Somebody else has the name of the ban now, who is under one of their own.
    let mut hans = guest_from(&cast.server, "127.0.0.4", "hans");
    hans.ask("/join coding", "Joined lobby 'coding'");
    cast.bob.ask("/ban hans", "[LOBBY] bob banned hans for good\n");
    hans.expect("Joined lobby 'general'\n");
    quit(cast.erin);
    hans.expect("erin has left the lobby\n");
    hans.ask("/nick erin", "hans is now known as erin\n");
    cast.bob.ask("/unban erin", "[LOBBY] bob unbanned erin\n");
    hans.ask("/join coding", "You are banned from 'coding'.\n> ");
    let mut erin = guest_from(&cast.server, ERIN, "erin2");
    erin.ask("/join coding", "Joined lobby 'coding'");
    erin.ask("may I?", "You are muted in 'coding', as are all guests of your address.\n> ");
    cast.bob.ask("/unban erin", "[LOBBY] bob unbanned hans\n");
    hans.ask("/join coding", "Joined lobby 'coding'\n");
}

#[test]
fn of_two_guests_of_an_address_each_has_a_ban_of_their_own() {
    let cast = Cast::new();
    let Cast { mut bob, mut erin, server, .. } = cast;
    let mut ida = guest_from(&server, ERIN, "ida");
    bob.ask("/ban erin 1h", "[LOBBY] bob banned erin for 1h\n");
    bob.ask("/ban ida", "[LOBBY] bob banned ida for good\n");
    bob.ask("/bans", "=== Banned from 'coding' (2) ===\n");
    bob.ask("/unban ida", "[LOBBY] bob unbanned ida\n");
    // Neither does what keeps them out besides end with it, nor does it end by the name of another.
    ida.ask("/join coding", "You are banned from 'coding' for ");
    let mut hans = guest_from(&server, ERIN, "hans");
    bob.ask("/unban hans", "Nobody of that name is banned.\n> ");
    hans.ask("/join coding", "You are banned from 'coding' for ");
    let server = restart(server, &ADMINS);
    let mut hans = guest_from(&server, ERIN, "hans");
    hans.ask("/join coding", "You are banned from 'coding' for ");
    let (mut bob, _) = log_in_to(&server, "bob");
    bob.ask("/unban erin", "[LOBBY] bob unbanned erin\n");
    hans.ask("/join coding", "Joined lobby 'coding'\n");
    erin.read_to_end();
}

#[test]
fn all_that_was_ordered_survives_a_restart_and_still_ends_on_time() {
    let mut cast = Cast::new();
    cast.bob.ask("/ban carol 2h Spam", "banned carol for 2h: Spam\n");
    cast.bob.ask("/ban erin", "banned erin for good\n");
    cast.bob.ask("/slow 60", "turned slow mode on");
    cast.root.ask("/join general", "Joined lobby 'general'");
    cast.root.ask("/gban dave 2h", "You banned dave from the server for 2h\n> ");
    let server = restart(cast.server, &ADMINS);
    let (mut bob, shown) = log_in_to(&server, "bob");
    assert!(!shown.contains("Joined lobby 'general'"), "{shown}");
    bob.send("/bans");
    bob.expect("=== Banned from 'coding' (2) ===\n  carol (account) by bob, ");
    bob.expect(" left: Spam\n  erin (guest) by bob, for good\n> ");
    let (mut carol, _) = log_in_to(&server, "carol");
    carol.ask("/join coding", "You are banned from 'coding' for 2h more: Spam\n> ");
    let mut erin = guest_from(&server, ERIN, "erin");
    erin.ask("/join coding", "You are banned from 'coding'.\n> ");
    let mut far = guest_from(&server, "127.0.0.4", "far-away");
    far.ask("/join coding", "Joined lobby 'coding'");
    far.ask("one", "╰─> one\n");
    far.ask("two", "⚠ Slow mode! Wait ");
    let mut dave = server.connect();
    dave.expect("Enter your username: ");
    dave.ask("someone", "Guests of your address are banned for 2h more.\n");

    bob.ask("/ban carol 3s", "banned carol for 3s\n");
    bob.ask("/mute far-away 3s", "muted far-away for 3s\n");
    bob.ask("/slow 0", "turned slow mode off\n");
    let server = restart(server, &ADMINS);
    let (mut carol, _) = log_in_to(&server, "carol");
    ask_until(&mut carol, "/join coding", "Joined lobby 'coding'");
    let mut far = guest_from(&server, "127.0.0.4", "far-away");
    far.ask("/join coding", "Joined lobby 'coding'");
    ask_until(&mut far, "again", "╰─> again\n");
}

#[test]
fn whoever_was_removed_from_a_private_lobby_does_not_come_back_into_it_at_the_next_login() {
    let server = with_root();
    let mut alice = registered(&server, "alice");
    alice.ask("/create vault opensesame Ours", "Created private lobby 'vault'");
    alice.ask("/join vault opensesame", "Joined lobby 'vault'");
    for (name, what) in [("carol", "kick"), ("dora", "ban"), ("fay", "ban")] {
        let mut user = registered(&server, name);
        user.ask("/join vault opensesame", "Joined lobby 'vault'");
        // Whoever is away when it happens does not come back either.
        let away = name == "fay";
        if away {
            user.ask("/quit", "Goodbye!");
            user.read_to_end();
            alice.expect(&format!("{name} has left the lobby\n"));
        }
        alice.ask(&format!("/{what} {name}"), &format!("[LOBBY] alice {what}"));
        if !away {
            user.expect("Joined lobby 'general'\n");
            user.ask("/join vault", "It needs one: /join vault <password>\n> ");
            user.ask("/quit", "Goodbye!");
            user.read_to_end();
        }
        let (mut user, shown) = log_in_to(&server, name);
        assert!(!shown.contains("vault"), "{shown}");
        user.ask("/users", "=== Users in 'general' (");
        user.ask("said meanwhile", "╰─> said meanwhile");
    }
    alice.send("/users");
    alice.expect("=== Users in 'vault' (1) ===\n");
    let server = restart(server, &ADMINS);
    for name in ["carol", "dora", "fay"] {
        let (mut user, _) = log_in_to(&server, name);
        user.ask("/users", "=== Users in 'general' (");
    }
    let (mut alice, _) = log_in_to(&server, "alice");
    alice.ask("/users", "=== Users in 'vault' (1) ===");
}

#[test]
fn whoever_is_removed_sees_nothing_more_of_the_lobby() {
    let mut cast = Cast::new();
    // Whatever keeps their session busy, such as password work, gives them no time to listen on.
    for i in 0..5 {
        cast.erin.send(&format!("/create den{i} opensesame x"));
    }
    cast.alice.ask("/kick erin", "kicked erin\n");
    cast.dave.ask("she is gone", "╰─> she is gone\n");
    cast.erin.expect("Joined lobby 'general'\n");
    cast.erin.ask("said in general", "╰─> said in general\n");
    assert!(!cast.erin.text().contains("she is gone"));
    assert_eq!(count(&cast.dave.sync("dave"), "said in general"), 0);
    cast.dave.ask("/users", "=== Users in 'coding' (5) ===");
}

#[test]
fn slow_mode_spaces_a_users_messages_and_not_those_of_operators() {
    let mut cast = Cast::new();
    cast.bob.ask("/slow 60", "[LOBBY] bob turned slow mode on: a message each 1m\n");
    for (name, client) in cast.all() {
        client.ask("the first", &format!("{name} [just now]\n  ╰─> the first\n"));
    }
    for (name, client) in cast.by_rank().into_iter().take(2) {
        for line in ["second", "/me waves", "/tag bob hi"] {
            client.ask(line, "⚠ Slow mode! Wait ");
            let secs: u64 = client.expect(" seconds.\n> ").parse().unwrap();
            assert!((30..=60).contains(&secs), "{name}: {secs}");
        }
        client.ask("/msg bob private ones go", "[DM] You —» bob");
    }
    for (name, client) in cast.by_rank().into_iter().skip(2) {
        client.ask("the second", &format!("{name} [just now]\n  ╰─> the second\n"));
    }
    // Going out and in does not help.
    cast.carol.ask("/join general", "Joined");
    cast.carol.ask("here I may", "╰─> here I may\n");
    cast.carol.ask("/join coding", "Joined");
    cast.carol.ask("back", "⚠ Slow mode! Wait ");
    cast.bob.ask("/slow 1", "[LOBBY] bob turned slow mode on: a message each 1s\n");
    ask_until(&mut cast.dave, "patience", "╰─> patience\n");
    cast.bob.ask("/slow 0", "[LOBBY] bob turned slow mode off\n");
    for i in 0..5 {
        cast.carol.ask(&format!("free {i}"), &format!("╰─> free {i}\n"));
    }
}

#[test]
fn a_server_ban_disconnects_and_refuses_guests_at_the_name_and_accounts_at_the_login() {
    let mut cast = Cast::new();
    cast.root.ask("/gban erin 2h Spam", "You banned erin from the server for 2h: Spam\n> ");
    cast.erin.expect("You are banned for 2h more: Spam\n");
    cast.erin.expect("You are banned from this server. Goodbye!\n");
    cast.erin.read_to_end();
    cast.dave.expect("[LOBBY] erin has left the lobby\n");
    let mut guest = connect_from(&cast.server, ERIN);
    for name in ["erin", "another"] {
        guest.expect("Enter your username: ");
        guest.ask(name, "Guests of your address are banned for 2h more: Spam\n");
    }
    // An account is exempt there.
    guest.expect("Enter your username: ");
    guest.ask("carol", "Password: ");
    guest.send("correct-horse");
    guest.sync("carol");
    cast.carol.expect("Logged in from elsewhere.\n");
    let mut far = guest_from(&cast.server, "127.0.0.4", "far-away");
    far.sync("far-away");

    cast.root.ask("/gban carol Enough", "You banned carol from the server for good: Enough\n> ");
    guest.expect("You are banned: Enough\n");
    guest.expect("You are banned from this server. Goodbye!\n");
    guest.read_to_end();
    for from in ["127.0.0.1", "127.0.0.6"] {
        let mut carol = connect_from(&cast.server, from);
        prove(&mut carol, "carol");
        carol.expect("You are banned: Enough\n");
        carol.expect("You are banned from this server. Goodbye!\n");
        carol.read_to_end();
    }
    cast.root.ask("/gunban carol", "You let carol onto the server again\n> ");
    cast.root.ask("/gunban erin", "You let erin onto the server again\n> ");
    let (mut carol, _) = log_in_to(&cast.server, "carol");
    carol.sync("carol");
    guest_from(&cast.server, ERIN, "erin");
}

#[test]
fn a_server_ban_ends_on_time() {
    let mut cast = Cast::new();
    cast.root.ask("/gban erin 2s", "You banned erin from the server for 2s\n> ");
    cast.erin.read_to_end();
    let mut guest = connect_from(&cast.server, ERIN);
    guest.expect("Enter your username: ");
    let start = Instant::now();
    loop {
        let line = guest.ask("erin", "\n");
        if line.contains("has joined the lobby") {
            break;
        }
        assert!(line.contains("are banned for "), "{line}");
        assert!(start.elapsed() < PATIENCE, "the ban does not end");
        thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn a_guest_who_is_banned_from_general_is_told_so_at_the_name_prompt() {
    let server = with_root();
    let (mut root, _) = log_in_to(&server, "root");
    let mut erin = guest_from(&server, ERIN, "erin");
    root.ask("/ban erin 2h Spam", "[LOBBY] root banned erin for 2h: Spam\n");
    erin.expect("root banned you from 'general' for 2h: Spam\n");
    erin.read_to_end();
    let mut erin = connect_from(&server, ERIN);
    erin.expect("Enter your username: ");
    erin.ask("erin", "banned");
    root.ask("/unban erin", "[LOBBY] root unbanned erin\n");
    erin.log_in("erin");
    // Whoever is elsewhere meanwhile and put out there has nowhere to go.
    root.ask("/create room no-pass x", "Created");
    for client in [&mut root, &mut erin] {
        client.ask("/join room", "Joined lobby 'room'");
    }
    root.ask("/join general", "Joined lobby 'general'");
    root.ask("/ban erin", "[LOBBY] root banned erin for good\n");
    root.ask("/delete room", "Say it again within 30 seconds");
    root.ask("/delete room", "You deleted the lobby 'room'\n");
    erin.expect("You were kicked. Goodbye!\n");
    erin.read_to_end();
}

#[test]
fn an_announcement_reaches_everybody_in_every_lobby() {
    let mut cast = Cast::new();
    let mut gina = cast.server.login("gina");
    cast.root.send("/announce Restart in \"ten\" minutes");
    for (_, client) in cast.all() {
        client.expect("[ANNOUNCEMENT] root: Restart in \"ten\" minutes\n> ");
    }
    gina.expect("[ANNOUNCEMENT] root: Restart in \"ten\" minutes\n> ");
    assert_eq!(count(&cast.root.sync("root"), "[ANNOUNCEMENT]"), 0, "once is enough");
}
