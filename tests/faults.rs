//! What a panic costs, in each kind of actor. Builds without debug assertions have no such hook.

#![cfg(debug_assertions)]

use crate::gemini::{Gemini, start, whole};
use crate::harness::{Client, FAULTS, Folder, Server, count};
use crate::holding::{SOON, numbered};
use crate::people::{ADMINS, PASSWORD, challenged, guest_from, log_in_to, makes, quit, registered};

#[test]
fn without_the_hook_it_is_an_unknown_command() {
    let server = Server::start(&[]);
    server.login("alice").ask("/fault session", "Unknown command.");
}

#[test]
fn a_session_takes_nobody_with_it_and_gives_everything_back() {
    let mut server = Server::start(&[FAULTS, ("CHAT_MAX_CONNECTIONS", "2")]);
    let mut alice = server.login("alice");
    let mut bob = server.login("bob");
    bob.send("/fault session");
    bob.read_to_end();
    alice.expect("[LOBBY] bob has left the lobby");
    server.wait_for_log("conn=2 disconnected");
    let mut again = server.login("bob");
    again.ask("hello", "╰─> hello");
    alice.expect("╰─> hello");
    server.wait_for_log("fault at ");
}

#[test]
fn a_lobby_is_set_up_again_with_its_members_and_its_history() {
    let server = Server::start(&[FAULTS]);
    let (mut alice, mut bob) = (server.login("alice"), server.login("bob"));
    alice.ask("/create room pw x", "Created");
    for client in [&mut alice, &mut bob] {
        client.ask("/join room pw", "Joined");
    }
    alice.ask("/setai Be a pirate", "AI prompt updated!");
    alice.ask("before", "╰─> before");
    bob.expect("╰─> before");
    bob.send("/fault lobby");
    for (client, where_they_are) in [
        (&mut alice, "You are alice in 'room' with bob. /help /users /quit\n> "),
        (&mut bob, "You are bob in 'room' with alice. /help /users /quit\n> "),
    ] {
        client.expect("The lobby had to be restarted. You are back in it.\n> ");
        client.expect(where_they_are);
    }
    alice.ask("after", "╰─> after");
    let between = bob.expect("╰─> after");
    assert!(!between.contains("has joined") && !between.contains("before"), "{between}");
    alice.ask("/users", "=== Users in 'room' (2) ===");
    alice.ask("/setai Be a parrot", "AI prompt updated!");
    let mut carol = server.login("carol");
    carol.ask("/join room", "Incorrect password");
    carol.ask("/join room pw", "Joined lobby 'room'\n");
    let shown = carol.expect("carol has joined");
    assert!(shown.contains("╰─> before") && shown.contains("╰─> after"), "{shown}");
    carol.ask("/lobbies", "Privacy: private | AI: custom AI | Created by: alice | Users: 3");
}

#[test]
fn general_is_set_up_again_too() {
    let server = Server::start(&[FAULTS]);
    let mut alice = server.login("alice");
    for _ in 0..3 {
        alice.ask("/fault lobby", "The lobby had to be restarted. You are back in it.\n> ");
        alice.ask("hello", "╰─> hello");
    }
    server.login("bob").ask("/users", "=== Users in 'general' (2) ===");
}

#[test]
fn lines_that_wait_outlive_their_lobby() {
    let server = Server::start(&[&SOON[..], &[FAULTS]].concat());
    let (mut alice, mut bob) = (server.login("alice"), server.login("bob"));
    alice.send_raw(numbered(5).as_bytes());
    alice.expect("Your 3 lines are kept and sent then.\n> ");
    bob.send("/fault lobby");
    for client in [&mut alice, &mut bob] {
        client.expect("The lobby had to be restarted. You are back in it.\n> ");
        client.expect("╰─> line 3\n      line 4\n      line 5\n> ");
    }
}

#[test]
fn messages_on_their_way_when_a_lobby_breaks_do_not_hang_their_sender() {
    let server = Server::start(&[FAULTS]);
    let mut alice = server.login("alice");
    let mut bob = server.login("bob");
    for i in 0..20 {
        bob.send("/fault lobby");
        alice.send_raw(format!("a{i}\nb{i}\nc{i}\n").repeat(20).as_bytes());
    }
    alice.sync("alice");
    alice.ask("/users", "=== Users in 'general' (2) ===");
    // And the end of input is still an end.
    alice.close_sending();
    alice.read_to_end();
}

#[test]
fn the_registrys_truth_survives() {
    let mut server = Server::start(&[FAULTS, ("CHAT_MAX_CONNECTIONS", "3")]);
    let mut alice = server.login("alice");
    alice.ask("/create room x", "Created");
    alice.ask("/fault Registry Claim", "a fault is on its way");
    let mut busy = server.connect();
    busy.expect("Enter your username: ");
    busy.ask("bob", "already taken");
    drop(busy);
    server.wait_for_log("conn=2 disconnected");
    let mut other = server.connect();
    other.expect("Enter your username: ");
    other.ask("ALICE", "Username already taken, try another.");
    other.ask("bob", "bob has joined the lobby");
    other.ask("/lobbies", "=== Available Lobbies (2) ===");
    other.ask("/msg alice hi", "[DM] You —» alice");
    alice.expect("[DM] bob —» You");
    let _third = server.connect();
    let mut fourth = server.connect();
    fourth.expect("Server is full.");
}

/// A server with people by whom everything can be tried.
struct Stage {
    server: Server,
    /// An admin, in general.
    root: Client,
    /// The owner of the lobby `den`, in it.
    alice: Client,
    /// Guests so far: each has a name of their own.
    guests: u8,
}

impl Stage {
    fn new() -> Self {
        let folder = Folder::new();
        makes(folder.path(), "root", PASSWORD);
        let server = Server::start_in(folder, &[ADMINS[0], FAULTS]);
        let (mut root, _) = log_in_to(&server, "root");
        root.ask("/create vault opensesame x", "Created private lobby");
        quit(registered(&server, "zed"));
        let mut alice = registered(&server, "alice");
        alice.ask("/create den no-pass x", "Created");
        alice.ask("/join den", "Joined lobby 'den'");
        Self { server, root, alice, guests: 0 }
    }

    /// Somebody new in `den`, from an address of their own.
    fn guest(&mut self) -> Client {
        self.guests += 1;
        let name = self.last_guest();
        let mut guest = guest_from(&self.server, &format!("127.0.3.{}", self.guests), &name);
        guest.ask("/join den", "Joined lobby 'den'");
        guest.sync(&name);
        guest.expect("> ");
        guest
    }

    /// Has the next message of this kind panic, makes it come, and looks whether all is well. Gives the
    /// guest who was there meanwhile.
    fn strike(&mut self, target: &str, what: impl FnOnce(&mut Self, &mut Client)) -> Client {
        let faults = |server: &Server| count(&server.log(), "fault at ");
        let before = faults(&self.server);
        let mut one = self.guest();
        self.alice.sync("alice");
        self.root.ask(&format!("/fault {target}"), "a fault is on its way");
        what(self, &mut one);
        // The lobby's own comes before others are told of it.
        let struck = before + if target == "Shard LobbyBroke" { 2 } else { 1 };
        self.server.wait_for(|server| faults(server) >= struck, target);
        self.root.sync("root");
        self.alice.sync("alice");
        let mut guest = self.guest();
        guest.ask("is anybody there?", "╰─> is anybody there?");
        self.alice.expect("╰─> is anybody there?");
        guest.ask("/whois alice", "Lobby: den");
        guest.ask("/lobbies", "=== Available Lobbies");
        quit(guest);
        assert_eq!(faults(&self.server), struck, "{target}");
        one
    }

    fn last_guest(&self) -> String {
        let (first, second) = (b'a' + self.guests / 20, b'a' + self.guests % 20);
        format!("guest-{}{}", char::from(first), char::from(second))
    }

    fn account(&self) -> Client {
        challenged(&self.server, "zed")
    }
}

#[test]
fn whatever_message_breaks_registry_shard_and_store_go_on() {
    let mut stage = Stage::new();
    // By a guest in the lobby, by its owner, by the admin.
    for (target, line) in [
        ("Registry FindUser", "/tag alice look"),
        ("Registry Whois", "/whois alice"),
        ("Registry Relay", "/msg alice hi"),
        ("Registry SetAway", "/away tea"),
        ("Registry Rename", "/nick somebody-else"),
        ("Registry FindLobby", "/join general"),
        ("Registry LobbyCount", "/join general"),
        ("Registry Moved", "/join general"),
        ("Registry ListLobbies", "/lobbies"),
        ("Registry MayCreate", "/create quiet secret x"),
        ("Registry Create", "/create quiet no-pass x"),
        ("Registry Create then", "/create loud no-pass x"),
        ("Registry BeginGuess", "/join vault wrong"),
        ("Registry EndGuess", "/join vault wrong"),
        ("Registry MayRegister", "/register correct-horse"),
        ("Registry Register", "/register correct-horse"),
        ("Registry Register then", "/register correct-horse"),
        ("Registry ReleaseName", "/quit"),
        ("Registry Gone", "/quit"),
        ("Shard Show", "/msg alice hi"),
        ("Shard Became", "/nick somebody-new"),
        ("Shard Deliver", "is anybody there?"),
        ("Shard LobbyBroke", "/fault lobby"),
        ("Shard IdleTime", "/whois alice"),
        ("Store LeaveMail", "/msg zed it is urgent"),
        ("Store Flush", "/history"),
    ] {
        let mut guest = stage.strike(target, |_, guest| guest.send(line));
        // Answered in some way, and not waited for for ever.
        if line != "/quit" {
            guest.ask("/whois alice", "Lobby: den");
        }
    }
    for (target, line) in [
        ("Registry LobbyChanged", "/topic about nothing"),
        ("Registry FindTarget", "/mute nobody"),
        ("Registry FindOffender", "/purge nobody"),
        ("Store Commit", "/topic about something"),
    ] {
        stage.strike(target, |stage, _guest| stage.alice.send(line));
    }
    for (target, line) in [
        ("Registry ModerateServer", "/announce hear"),
        ("Registry ModerateServer then", "/announce hear, hear"),
        ("Shard Announce", "/announce to all"),
    ] {
        stage.strike(target, |stage, _guest| stage.root.send(line));
    }
    let (mut zed, _) = log_in_to(&stage.server, "zed");
    stage.strike("Registry Offered", |stage, _guest| stage.alice.send("/transfer zed"));
    stage.strike("Registry FindOffer", |_, _guest| zed.send("/accept"));
    stage.strike("Registry Recheck", |stage, _guest| {
        stage.alice.ask(&format!("/mute {}", stage.last_guest()), " muted guest-");
    });
    stage.strike("Shard DisconnectSeat", |stage, _guest| {
        stage.root.ask(&format!("/gban {} 1s", stage.last_guest()), "You banned guest-");
    });
    stage.alice.ask("/create short no-pass x", "Created");
    stage.alice.ask("/delete short", "Say it again within 30 seconds");
    stage.strike("Registry LobbyClosed", |stage, _guest| {
        stage.alice.ask("/delete short", "You deleted the lobby 'short'");
    });
    for target in ["Registry Reconfigured", "Shard Reconfigured", "AiPool Reconfigured"] {
        stage.strike(target, |stage, _guest| stage.server.signal("HUP"));
    }
    stage.server.wait_for_log("not all of it may be in force. Reload once more, or restart lobbyd");
}

#[test]
fn whatever_breaks_on_the_way_in_others_come_in() {
    let mut stage = Stage::new();
    for target in ["Registry Admit", "Shard Connected"] {
        stage.strike(target, |stage, _guest| drop(stage.server.connect()));
    }
    stage.strike("Registry Claim", |stage, _guest| {
        let mut client = stage.server.connect();
        client.expect("Enter your username: ");
        client.ask("somebody", "already taken");
    });
    for target in ["Registry LogIn", "Registry FindLobbyById"] {
        stage.strike(target, |stage, _guest| {
            let mut zed = stage.account();
            zed.send(PASSWORD);
            zed.expect_one_of(&["> ", "Enter your username: "]);
        });
    }
    for target in ["Registry TakeOver", "Shard LastWriter"] {
        stage.strike(target, |stage, _guest| {
            let (_first, _) = log_in_to(&stage.server, "zed");
            let mut second = stage.account();
            second.send(PASSWORD);
            second.expect("> ");
        });
    }
    for target in ["Registry Unregister", "Registry Unregister then"] {
        stage.strike(target, |_, guest| {
            guest.ask(&format!("/register {PASSWORD}"), "is yours now.");
            guest.ask(&format!("/unregister {PASSWORD}"), "> ");
        });
    }
}

#[test]
fn whatever_breaks_in_the_ai_pool_others_are_answered() {
    let gemini = Gemini::start();
    let mut server = start(&gemini, &[FAULTS]);
    for (number, target) in
        ["TakePermit", "Ready", "Answered", "WorkerFree", "GiveBack"].into_iter().enumerate()
    {
        let mut asker = guest_from(&server, &format!("127.0.4.{}", number + 1), "asker");
        asker.ask(&format!("/create own{number} no-pass x"), "Created");
        asker.ask(&format!("/join own{number}"), "Joined");
        asker.ask(&format!("/fault AiPool {target}"), "a fault is on its way");
        gemini.then(whole("an answer"));
        asker.send("/ai why?");
        asker.expect_one_of(&["an answer\n", "AI is busy", "AI Error: Please try again later."]);
        if matches!(target, "TakePermit" | "Ready") {
            // It was not asked, so the answer is still to be had.
            asker.ask("/ai why?", "an answer\n");
        }
        quit(asker);
        let mut other = guest_from(&server, "127.0.4.9", "other");
        gemini.then(whole("for the other"));
        other.ask("/ai may I?", "for the other\n");
        quit(other);
        server.wait_for(|server| count(&server.log(), "fault at ") == number + 1, target);
    }
}

#[test]
fn a_hasher_thread_stays_in_the_pool() {
    let server = Server::start(&[FAULTS]);
    let mut alice = server.login("alice");
    for _ in 0..10 {
        alice.send("/fault hasher");
    }
    alice.ask("/create room pw x", "Created private lobby");
    alice.ask("/join room pw", "Joined");
}

#[test]
fn an_ai_worker_is_replaced_and_its_asker_told() {
    let gemini = Gemini::start();
    let mut server = start(&gemini, &[FAULTS, ("AI_WORKERS", "1")]);
    let mut alice = server.login("alice");
    for _ in 0..3 {
        let asked = gemini.requests().len();
        let cue = gemini.then_on_cue();
        alice.ask("/ai go", "[AI] Thinking...");
        server.wait_for(|_| gemini.requests().len() > asked, "the worker is at it");
        alice.send("/fault worker");
        alice.expect("AI Error: Please try again later.\n> ");
        drop(cue);
    }
    server.wait_for_log("died and is replaced");
    gemini.then(whole("fine again"));
    alice.ask("/ai go", "fine again\n");
}
