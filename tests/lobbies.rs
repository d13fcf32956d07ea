//! Lobbies: making them, going in and out, passwords, limits.

use std::time::Duration;

use crate::harness::{Server, count};

#[test]
fn lobbies_are_made_in_the_ways_that_the_help_says() {
    let server = Server::start(&[]);
    let mut alice = server.login("alice");
    alice.ask(
        "/create coding Programming",
        "Created public lobby 'coding'. Use /join coding to enter.\n> ",
    );
    alice.ask(
        "/create gaming no-pass Video games",
        "Created public lobby 'gaming'. Use /join gaming to enter.\n> ",
    );
    alice.ask(
        "/CREATE Secret \"two words\" \"For us\"",
        "Created private lobby 'Secret'. Use /join Secret <password> to enter.\nPassword: ",
    );
    alice.ask("/create quiet \"\"", "Created public lobby 'quiet'.");
    alice.ask("/create CODING again", "Lobby already exists\n> ");
    alice.ask("/create General x", "Lobby already exists\n> ");
    let alike = "Lobby name too close to 'general', try another.\n> ";
    alice.ask("/create genera1 x", alike);
    alice.ask("/create GENERAI pw x", alike);
    for bad in ["x", "123456789012345678901", "a.b", "\"a b\""] {
        alice.ask(
            &format!("/create {bad} desc"),
            "Lobby name must be 2-20 letters, numbers, - or _\n> ",
        );
    }
    alice.ask("/create coding", "Usage: /create <name> [password] <desc>");
    alice.send("/lobbies");
    alice.expect(
        "=== Available Lobbies (5) ===\n\
         Lobby: general\n  Privacy: public | AI: default AI | Created by: server | Users: 1\n  \
         Description: Welcome to the General Lobby\n\
         Lobby: coding\n  Privacy: public | AI: default AI | Created by: alice | Users: 0\n  \
         Description: Programming\n\
         Lobby: gaming\n  Privacy: public | AI: default AI | Created by: alice | Users: 0\n  \
         Description: Video games\n\
         Lobby: quiet\n  Privacy: public | AI: default AI | Created by: alice | Users: 0\n  \
         Description: No description\n\
         Lobby: Secret\n  Privacy: private | AI: default AI | Created by: alice | Users: 0\n  \
         Description: For us\n> ",
    );
}

#[test]
fn joining_shows_the_join_the_history_and_the_notice_in_this_order() {
    let server = Server::start(&[]);
    let mut alice = server.login("alice");
    let mut bob = server.login("bob");
    let mut carol = server.login("carol");
    alice.ask("/create coding no-pass x", "Created");
    alice.ask("/join coding", "Joined lobby 'coding'\n");
    alice.expect("[LOBBY] alice has joined the lobby\n> ");
    bob.expect("[LOBBY] alice has left the lobby\n> ");
    alice.ask("in here", "╰─> in here\n");
    bob.send("/join CODING");
    bob.expect("Joined lobby 'coding'\n[@_@] alice [just now]\n  ╰─> in here\n> ");
    assert_eq!(bob.expect("[LOBBY] bob has joined the lobby\n> "), "");
    alice.expect("[LOBBY] bob has joined the lobby\n> ");
    carol.expect("[LOBBY] bob has left the lobby\n> ");
    bob.ask("/join coding", "You are already in 'coding'\n> ");
    bob.ask("/join nowhere", "Lobby does not exist\n> ");
    bob.ask("/join", "Usage: /join <name> [password]");
    bob.ask(
        "/users",
        "=== Users in 'coding' (2) ===\n  [@_@] alice (owner)\n  [@_@] bob (you)\n> ",
    );
}

#[test]
fn nothing_of_one_lobby_is_shown_in_another() {
    let server = Server::start(&[]);
    let mut alice = server.login("alice");
    let mut bob = server.login("bob");
    alice.ask("/create room no-pass x", "Created");
    alice.ask("/join room", "Joined");
    alice.ask("for the room", "╰─> for the room");
    bob.ask("for general", "╰─> for general");
    let alice_saw = alice.sync("alice");
    let bob_saw = bob.sync("bob");
    assert!(!alice_saw.contains("for general"), "{alice_saw}");
    assert!(!bob_saw.contains("for the room"), "{bob_saw}");
}

#[test]
fn a_private_lobby_opens_to_its_password_alone() {
    let server = Server::start(&[]);
    let mut alice = server.login("alice");
    let mut bob = server.login("bob");
    alice.ask("/create secret hunter2 x", "Created private lobby");
    let none = "private lobby It needs one: /join secret <password>\n> ";
    bob.ask("/join secret", none);
    bob.ask("/join secret Hunter2", "Incorrect password for private lobby\n> ");
    bob.ask("/join secret no-pass", "Incorrect password for private lobby\n> ");
    bob.ask("/users", "=== Users in 'general' (2) ===");
    bob.ask("/join secret hunter2", "Joined lobby 'secret'\n");
    // Whoever made it needs the password too.
    alice.ask("/join secret", none);
    alice.ask("/join SECRET \"hunter2\"", "Joined lobby 'secret'\n");
    assert!(!server.log().contains("unter2"), "{}", server.log());
}

#[test]
fn no_pass_is_no_password() {
    let server = Server::start(&[]);
    let mut alice = server.login("alice");
    alice.ask("/create open no-pass all welcome", "Created public lobby 'open'");
    alice.ask("/join open", "Joined lobby 'open'\n");
    let mut bob = server.login("bob");
    bob.ask("/join open whatever", "Joined lobby 'open'\n");
}

#[test]
fn after_five_wrong_passwords_the_right_one_is_not_looked_at() {
    let mut server = Server::start(&[]);
    let mut alice = server.login("alice");
    let mut bob = server.login("bob");
    alice.ask("/create one secret1 x", "Created");
    alice.ask("/create two secret2 x", "Created");
    // Over two connections and two lobbies of one address.
    bob.ask("/join one", "Incorrect password");
    bob.ask("/join one wrong", "Incorrect password");
    alice.ask("/join two wrong", "Incorrect password");
    alice.ask("/join two wrong", "Incorrect password");
    bob.ask("/join two wrong", "Incorrect password");
    for client in [&mut alice, &mut bob] {
        client.send("/join one secret1");
        client.expect("Too many attempts. Wait ");
        let secs: u64 = client.expect(" seconds.\n> ").parse().unwrap();
        assert!((50..=60).contains(&secs), "{secs}");
    }
    server.wait_for_log("too many wrong passwords");
    alice.ask("/users", "=== Users in 'general' (2) ===");
}

#[test]
fn ten_join_a_private_lobby_at_once() {
    let server = Server::start(&[]);
    let mut users: Vec<_> = (0..10).map(|i| server.login(&format!("user{i}"))).collect();
    users[0].ask("/create secret hunter2 x", "Created");
    for user in &mut users {
        user.send("/join secret hunter2");
    }
    for user in &mut users {
        user.expect("Joined lobby 'secret'");
    }
}

#[test]
fn wrong_passwords_at_once_are_limited_like_wrong_ones_in_turn() {
    let server = Server::start(&[]);
    let mut users: Vec<_> = (0..10).map(|i| server.login(&format!("user{i}"))).collect();
    users[0].ask("/create secret hunter2 x", "Created");
    for user in &mut users {
        user.send("/join secret wrong");
    }
    let (mut wrong, mut refused) = (0, 0);
    for (i, user) in users.iter_mut().enumerate() {
        let saw = user.sync(&format!("user{i}"));
        wrong += count(&saw, "Incorrect password");
        refused += count(&saw, "Too many attempts");
    }
    assert_eq!((wrong, refused), (5, 5));
}

#[test]
fn a_user_and_the_server_have_only_so_many_lobbies() {
    let server = Server::start(&[("CHAT_MAX_LOBBIES", "3"), ("CHAT_MAX_LOBBIES_PER_USER", "2")]);
    let mut alice = server.login("alice");
    let mut bob = server.login("bob");
    alice.ask("/create one x", "Created");
    alice.ask("/create two x", "Created");
    alice.ask("/create three x", "You have too many lobbies\n> ");
    bob.ask("/create three x", "Created");
    bob.ask("/create four x", "Too many lobbies on this server\n> ");
}

#[test]
fn an_empty_lobby_goes_after_its_time_and_general_stays() {
    let mut server = Server::start(&[("CHAT_LOBBY_IDLE_SECS", "1")]);
    let mut alice = server.login("alice");
    alice.ask("/create used x", "Created");
    alice.ask("/create unused x", "Created");
    alice.ask("/join used", "Joined");
    server.wait_for_log("lobby 'unused' was empty for too long");
    std::thread::sleep(Duration::from_millis(500));
    alice.ask("/lobbies", "=== Available Lobbies (2) ===");
    alice.ask("/join unused", "Lobby does not exist");
    alice.ask("/join general", "Joined lobby 'general'");
    server.wait_for_log("lobby 'used' was empty for too long");
    alice.ask("/create unused x", "Created public lobby 'unused'");
}

#[test]
fn a_lobby_belongs_to_the_connection_that_made_it() {
    let mut server = Server::start(&[]);
    let mut alice = server.login("alice");
    alice.ask("/setai Be rude", "Cannot set the prompt of the general lobby\n> ");
    alice.ask("/create room x", "Created");
    alice.ask("/join room", "Joined");
    let mut bob = server.login("bob");
    bob.ask("/join room", "Joined");
    bob.ask("/setai Be rude", "Only the lobby creator can set the AI prompt\n> ");
    alice.send("/setai Be a pirate");
    alice.expect("AI prompt updated!\n> ");
    bob.expect("[LOBBY] alice updated the AI prompt\n> ");
    bob.ask("/lobbies", "Lobby: room\n  Privacy: public | AI: custom AI | Created by: alice");
    alice.ask("/setai \"\"", "Usage: /setai [prompt | default]");
    alice.ask("/quit", "Goodbye!");
    server.wait_for_log("alice logged out");
    bob.expect("alice has left");
    let mut impostor = server.login("alice");
    impostor.ask("/join room", "Joined");
    impostor.ask("/setai Mine now", "Only the lobby creator can set the AI prompt\n> ");
}

#[test]
fn lists_come_in_the_same_order_each_time() {
    let server = Server::start(&[]);
    let mut alice = server.login("alice");
    for name in ["zebra", "Apple", "mango"] {
        alice.ask(&format!("/create {name} x"), "Created");
    }
    for _ in 0..3 {
        alice.send("/lobbies");
        let names = ["general", "Apple", "mango", "zebra"];
        for name in names {
            alice.expect(&format!("Lobby: {name}\n"));
        }
        alice.expect("> ");
    }
}

#[test]
fn whoever_has_just_joined_is_counted_once() {
    let server = Server::start(&[]);
    for i in 0..20 {
        let script = format!("u{i}\n/create room{i} x\n/join room{i}\n/lobbies\n");
        let shown = server.script(script.as_bytes());
        let general = shown.split("Lobby: general\n").nth(1).unwrap().lines().next().unwrap();
        assert!(general.ends_with("Users: 0"), "{general}");
        let room = shown.split(&format!("Lobby: room{i}\n")).nth(1).unwrap();
        assert!(room.lines().next().unwrap().ends_with("Users: 1"), "{room}");
    }
}
