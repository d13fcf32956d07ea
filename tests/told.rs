//! What was told is so: stored when it is told, received before it is taken away, and out means out,
//! whatever the connection is doing at that moment.

use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::Connection;
use socket2::{Domain, Socket, Type};

use crate::exhaustion::cpu_ms;
use crate::harness::{Client, Folder, PATIENCE, Server, run};
use crate::people::{
    PASSWORD, challenged, connect_from, guest_from, log_in_to, makes, quit, registered, restart,
};

/// Kills a server as a power cut would, and starts it again.
fn killed(server: Server) -> Server {
    server.signal("KILL");
    let folder = server.into_folder();
    let out = run(folder.path(), &[], &["check-data"]);
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    Server::start_in(folder, &[])
}

/// A client whose machine takes so many bytes at most that it has not read.
fn small(server: &Server, bytes: usize) -> Client {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.set_recv_buffer_size(bytes).unwrap();
    socket.connect(&SocketAddr::from(([127, 0, 0, 1], server.port)).into()).unwrap();
    Client::new(TcpStream::from(socket))
}

/// The private lobby `den` with its owner in it.
fn den(server: &Server) -> Client {
    den_of(server, "opensesame", "/join den opensesame")
}

/// The same without a password.
fn open_den(server: &Server) -> Client {
    den_of(server, "no-pass", "/join den")
}

fn den_of(server: &Server, password: &str, join: &str) -> Client {
    let mut owner = registered(server, "owner");
    owner.ask(&format!("/create den {password} x"), "Created");
    owner.ask(join, "Joined lobby 'den'");
    owner
}

fn told(client: &Client, what: &str) -> bool {
    client.text().contains(what)
}

/// Sends a line and kills the server so much later; whether `what` had been told by then.
fn order_and_kill(
    server: Server,
    client: &mut Client,
    line: &str,
    after: Option<Duration>,
    what: &str,
) -> (Server, bool) {
    client.send(line);
    let end = Instant::now() + after.unwrap_or(PATIENCE);
    while !told(client, what) && Instant::now() < end {
        client.read_some();
    }
    assert!(after.is_some() || told(client, what), "not answered: {line}");
    let was_told = told(client, what);
    (killed(server), was_told)
}

/// Instants at which the server is killed: at the very answer, and at some steps on the way to it.
/// Password work takes some 150 ms in a release build and longer here.
fn instants() -> impl Iterator<Item = Option<Duration>> {
    let early = [0, 2, 5, 20, 150, 300, 600].map(|ms| Some(Duration::from_millis(ms)));
    [None].into_iter().chain(early)
}

fn is_account(server: &Server, name: &str) -> bool {
    let mut client = server.connect();
    client.expect("Enter your username: ");
    client.send(name);
    let answers = ["Password: ", "has joined the lobby", "already taken"];
    client.expect_one_of(&answers) == answers[0]
}

#[test]
fn an_account_is_stored_with_its_lobbies_and_its_mutes_or_not_at_all() {
    for (round, after) in instants().enumerate() {
        let server = Server::start(&[]);
        let mut owner = open_den(&server);
        let mut eve = guest_from(&server, "127.0.0.5", "eve");
        eve.ask("/create own no-pass x", "Created");
        eve.ask("/join den", "Joined lobby 'den'");
        owner.ask("/mute eve", "muted eve for good\n");
        let line = format!("/register {PASSWORD}");
        let (server, told) = order_and_kill(server, &mut eve, &line, after, "is yours now.");
        let there = is_account(&server, "eve");
        assert!(there || !told, "round {round}: told and not stored");
        if there {
            let (mut eve, _) = log_in_to(&server, "eve");
            eve.ask("/join own", "Joined lobby 'own'");
            eve.ask("/topic still mine", "eve set the topic: still mine");
            eve.ask("/join den", "Joined lobby 'den'");
            eve.ask("heard?", "You are muted in 'den'");
        }
    }
}

/// Whether somebody may do what owners do in the lobby where they are.
fn is_owner(client: &mut Client, name: &str) -> bool {
    client.sync(name);
    client.send("/setpass no-pass");
    let done = format!("{name} made the lobby public\n");
    client.expect_one_of(&[&done, "can do that.\n"]) == done
}

#[test]
fn a_lobby_that_is_given_away_has_one_owner() {
    for after in instants().take(4) {
        let server = Server::start(&[]);
        let (mut alice, mut bob) = (registered(&server, "alice"), registered(&server, "bob"));
        alice.ask("/create den no-pass x", "Created");
        alice.ask("/join den", "Joined lobby 'den'");
        alice.ask("/transfer bob", "offered the lobby to bob");
        bob.expect("Say /accept within 5 minutes");
        let yours = "The lobby 'den' is yours now.";
        let (server, told) = order_and_kill(server, &mut bob, "/accept", after, yours);
        let (mut alice, _) = log_in_to(&server, "alice");
        let (mut bob, _) = log_in_to(&server, "bob");
        for client in [&mut alice, &mut bob] {
            if !client.text().contains("Joined lobby 'den'") {
                client.ask("/join den", "Joined lobby 'den'");
            }
        }
        let (first, second) = (is_owner(&mut alice, "alice"), is_owner(&mut bob, "bob"));
        assert!(first != second, "owners: {first} {second}");
        assert!(second || !told, "told and not stored");
    }
}

#[test]
fn what_is_deleted_or_given_up_is_gone_once_that_was_told() {
    for after in instants().take(4) {
        let server = Server::start(&[]);
        let mut alice = registered(&server, "alice");
        alice.ask("/create den no-pass x", "Created");
        alice.ask("/join den", "Joined lobby 'den'");
        alice.ask("a line in it", "a line in it");
        alice.ask("/join general", "Joined lobby 'general'");
        alice.ask("/delete den", "Say it again within 30 seconds");
        let deleted = "You deleted the lobby 'den'";
        let (server, told) = order_and_kill(server, &mut alice, "/delete den", after, deleted);
        let mut bob = server.login("bob");
        bob.send("/join den");
        bob.expect(if told { "Lobby does not exist" } else { "> " });

        let (mut alice, _) = log_in_to(&server, "alice");
        let line = format!("/unregister {PASSWORD}");
        let after = after.map(|after| after * 50);
        let (server, told) = order_and_kill(server, &mut alice, &line, after, "you are a guest.");
        assert!(!is_account(&server, "alice") || !told, "told and not stored");
    }
}

#[test]
fn a_letter_that_was_kept_is_there_and_stays_until_it_was_received() {
    for after in instants().take(4) {
        let server = Server::start(&[]);
        quit(registered(&server, "bob"));
        let mut alice = server.login("alice");
        let kept = "is not connected";
        let (server, told) =
            order_and_kill(server, &mut alice, "/msg bob it is urgent", after, kept);
        // It is shown, and not received for sure: nothing came back.
        for _ in 0..2 {
            let mut bob = challenged(&server, "bob");
            bob.send(PASSWORD);
            bob.expect("bob has joined the lobby\n> ");
            if told {
                bob.expect("it is urgent");
            }
            bob.reset();
        }
        let (bob, shown) = log_in_to(&server, "bob");
        assert!(!told || shown.contains("it is urgent"), "{shown}");
        quit(bob);
        let (_, shown) = log_in_to(&server, "bob");
        assert!(!shown.contains("it is urgent"), "it was received: {shown}");
    }
}

#[test]
fn letters_to_a_reader_that_takes_nothing_are_not_lost() {
    let server = Server::start(&[]);
    quit(registered(&server, "bob"));
    let mut alice = server.login("alice");
    for n in 0..20 {
        alice.ask(&format!("/msg bob letter {n} {}", "x".repeat(900)), "is not connected");
    }
    let mut deaf = small(&server, 2_048);
    deaf.expect("Enter your username: ");
    deaf.ask("bob", "Password: ");
    // More lines than one: something comes back, and says nothing of what was read.
    deaf.send(&format!("{PASSWORD}\n/users"));
    alice.expect("bob has joined the lobby");
    deaf.send("/users");
    alice.sync("alice");
    deaf.reset();
    alice.send("hello");
    alice.expect("bob has left the lobby");
    // A script that ends its sending and reads to the end has received them.
    for want in [20, 0] {
        let shown = server.script(format!("bob\n{PASSWORD}\n").as_bytes());
        assert_eq!((0..20).filter(|n| shown.contains(&format!("letter {n} "))).count(), want);
        // The connection lingers for a moment after its last byte.
        thread::sleep(Duration::from_millis(700));
    }
}

#[test]
fn a_name_is_kept_while_its_account_is_being_stored() {
    let server = Server::start(&[]);
    let (mut bob, mut talker) = (server.login("bob"), server.login("talker"));
    let disk = slow_disk(&server);
    bob.send(&format!("/register {PASSWORD}"));
    wait_until_hashed(&server);
    bob.reset();
    talker.send("is bob there?");
    talker.expect("bob has left the lobby");
    let mut other = server.connect();
    other.expect("Enter your username: ");
    other.ask("bob", "Username already taken, try another.");
    other.ask("b0b", "Username too close to 'bob', try another.");
    disk.execute_batch("ROLLBACK").unwrap();
    let begin = Instant::now();
    while !is_account(&server, "bob") {
        assert!(begin.elapsed() < Duration::from_secs(10), "never stored");
    }
}

/// Somebody who is suspended: they read nothing, and much waits for them.
fn suspended(client: &mut Client) {
    for _ in 0..60 {
        client.send("/history 200");
    }
    thread::sleep(Duration::from_millis(300));
}

#[test]
fn whoever_is_put_out_comes_back_only_with_the_password_that_holds() {
    for how in ["/kick eve", "/ban eve 1s", "/kick eve then reconnect"] {
        let server = Server::start(&[]);
        let mut owner = den(&server);
        let mut eve = small(&server, 4_096);
        eve.log_in("eve");
        eve.ask(&format!("/register {PASSWORD}"), "is yours now.");
        eve.ask("/join den opensesame", "Joined lobby 'den'");
        for n in 0..60 {
            owner.ask(&format!("{n} {}", "x".repeat(900)), &format!("╰─> {n} "));
        }
        suspended(&mut eve);
        owner.ask("/setpass another-one", "changed the password");
        let command = how.split(" then").next().unwrap();
        owner.ask(command, "eve has left the lobby");
        eve.reset();
        thread::sleep(Duration::from_millis(1_200));
        let (mut eve, shown) = log_in_to(&server, "eve");
        assert!(!shown.contains("Joined lobby 'den'"), "{how}: {shown}");
        owner.ask("the new plan", "the new plan");
        assert!(!eve.sync("eve").contains("the new plan"), "{how}");
        eve.ask("/join den opensesame", "Incorrect password for private lobby");
        eve.ask("/join den another-one", "Joined lobby 'den'");
    }
}

/// Waits until the password of an account is hashed that waits for the disk then: a busy machine takes long for it, and
/// nothing tells of it but that the server has no more to do.
fn wait_until_hashed(server: &Server) {
    let start = Instant::now();
    let mut before = cpu_ms(server.pid());
    thread::sleep(Duration::from_millis(1_500));
    while cpu_ms(server.pid()).abs_diff(before) >= 5 {
        assert!(start.elapsed() < PATIENCE, "it goes on working");
        before = cpu_ms(server.pid());
        thread::sleep(Duration::from_millis(300));
    }
}

/// The database of a server, locked: a disk that takes its time.
fn slow_disk(server: &Server) -> Connection {
    let database = Connection::open(server.folder.join("data").join("lobbyd.db")).unwrap();
    database.execute_batch("BEGIN IMMEDIATE").unwrap();
    database
}

#[test]
fn whoever_leaves_while_they_are_being_put_out_is_out_all_the_same() {
    for (order, told, secret) in [
        ("/kick eve", "owner kicked eve\n", "opensesame"),
        ("/ban eve 1s", "owner banned eve for 1s\n", "opensesame"),
        ("/setpass another-one", "owner changed the password of the lobby\n", "another-one"),
    ] {
        let server = Server::start(&[]);
        let mut owner = den(&server);
        let mut eve = registered(&server, "eve");
        eve.ask("/join den opensesame", "Joined lobby 'den'");
        owner.expect("eve has joined the lobby");
        let disk = slow_disk(&server);
        owner.send(order);
        // Nothing tells that it waits for the disk by now.
        thread::sleep(Duration::from_millis(300));
        eve.reset();
        owner.expect("eve has left the lobby");
        disk.execute_batch("ROLLBACK").unwrap();
        owner.expect(told);
        // What a ban alone would keep out for a second.
        thread::sleep(Duration::from_millis(1_100));
        let (mut eve, shown) = log_in_to(&server, "eve");
        assert!(!shown.contains("Joined lobby 'den'"), "{order}: {shown}");
        eve.ask("/join den", "Incorrect password for private lobby");
        eve.ask(&format!("/join den {secret}"), "Joined lobby 'den'");
    }
}

#[test]
fn a_mute_of_a_guest_whose_account_is_being_stored_is_of_the_account() {
    let server = Server::start(&[]);
    let mut owner = open_den(&server);
    let mut eve = guest_from(&server, "127.0.0.5", "eve");
    eve.ask("/join den", "Joined lobby 'den'");
    let disk = slow_disk(&server);
    eve.send(&format!("/register {PASSWORD}"));
    // As long as the password is being hashed the order would come before.
    wait_until_hashed(&server);
    owner.send("/mute eve");
    // Nothing tells that it waits behind the account.
    thread::sleep(Duration::from_millis(200));
    disk.execute_batch("ROLLBACK").unwrap();
    eve.expect("is yours now.");
    owner.expect("owner muted eve for good\n");
    eve.ask("heard?", "You are muted in 'den'");
    quit(eve);
    let server = restart(server, &[]);
    let (mut eve, _) = log_in_to(&server, "eve");
    eve.ask("heard?", "You are muted in 'den'");
}

#[test]
fn of_two_bans_of_an_address_that_cross_both_are_kept() {
    let admins = [("CHAT_ADMINS", "root,boss")];
    let folder = Folder::new();
    for name in ["root", "boss"] {
        makes(folder.path(), name, PASSWORD);
    }
    let server = Server::start_in(folder, &admins);
    let ((mut root, _), (mut boss, _)) = (log_in_to(&server, "root"), log_in_to(&server, "boss"));
    let mut eve = guest_from(&server, "127.0.0.5", "eve");
    let mut mal = guest_from(&server, "127.0.0.5", "mal");
    let disk = slow_disk(&server);
    root.send("/gban eve");
    thread::sleep(Duration::from_millis(300));
    boss.send("/gban mal 1s");
    thread::sleep(Duration::from_millis(300));
    disk.execute_batch("ROLLBACK").unwrap();
    root.expect("You banned eve from the server");
    boss.expect("You banned mal from the server");
    eve.read_to_end();
    mal.read_to_end();
    thread::sleep(Duration::from_millis(1_100));
    let server = restart(server, &admins);
    let mut eve = connect_from(&server, "127.0.0.5");
    eve.expect("Enter your username: ");
    eve.ask("somebody", "banned");
}

#[test]
fn an_account_that_is_given_up_leaves_its_mute_behind_or_stays() {
    for after in instants().take(4) {
        let server = Server::start(&[]);
        let mut owner = open_den(&server);
        let mut eve = guest_from(&server, "127.0.0.5", "eve");
        eve.ask(&format!("/register {PASSWORD}"), "is yours now.");
        eve.ask("/join den", "Joined lobby 'den'");
        owner.ask("/mute eve", "owner muted eve for good\n");
        let line = format!("/unregister {PASSWORD}");
        let after = after.map(|after| after * 50);
        let (server, told) = order_and_kill(server, &mut eve, &line, after, "you are a guest.");
        let mut again = connect_from(&server, "127.0.0.5");
        again.expect("Enter your username: ");
        again.send("eve");
        let answers = ["Password: ", "has joined the lobby"];
        if again.expect_one_of(&answers) == answers[0] {
            assert!(!told, "told and not stored");
            again.ask(PASSWORD, "> ");
        }
        if !again.text().contains("Joined lobby 'den'") {
            again.ask("/join den", "Joined lobby 'den'");
        }
        again.ask("heard?", "You are muted in 'den'");
    }
}

#[test]
fn whoever_is_put_out_is_told_nothing_more_of_the_lobby() {
    let server = Server::start(&[]);
    let mut owner = den(&server);
    for n in 0..200 {
        owner.ask(&format!("{n} {}", "x".repeat(900)), &format!("╰─> {n} "));
    }
    let mut eve = small(&server, 4_096);
    eve.log_in("eve");
    eve.send("/join den opensesame");
    // 200 messages on the way to somebody who has not read them.
    owner.expect("eve has joined the lobby");
    owner.ask("/kick eve", "owner kicked eve\n");
    owner.ask("the new plan", "╰─> the new plan");
    let shown = eve.expect("owner kicked you from 'den'");
    assert!(!shown.contains("╰─> 199 "), "it stops where it is");
    let after = eve.sync("eve");
    assert!(!after.contains("xxx") && !after.contains("the new plan"), "{after}");
}

#[test]
fn a_kick_is_no_way_back_in_by_another_command_that_takes_its_time() {
    let server = Server::start(&[]);
    let mut owner = den(&server);
    let mut eve = registered(&server, "eve");
    eve.ask("/join den opensesame", "Joined lobby 'den'");
    // The password is being hashed while its owner is put out: what is stored of them by then stays.
    eve.send(&format!("/passwd {PASSWORD} {PASSWORD}"));
    owner.ask("/kick eve", "eve has left the lobby");
    eve.expect("Password changed.");
    // On a busy machine the kick may even have come first.
    if !eve.text().contains("Joined lobby 'general'") {
        eve.expect("Joined lobby 'general'");
    }
    let server = restart(server, &[]);
    let (mut eve, shown) = log_in_to(&server, "eve");
    assert!(!shown.contains("Joined lobby 'den'"), "{shown}");
    eve.ask("/join den", "Incorrect password for private lobby");
}
