//! What the log says, in both of its forms, and what it never says.

use std::cell::RefCell;
use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use lobbyd::chat::command::COMMANDS;
use lobbyd::logging::event::EVENTS;

use crate::clients::have;
use crate::console::ctl;
use crate::gemini::{Gemini, whole};
use crate::harness::{Client, Folder, Server, run};
use crate::operator::{self, admin_port};
use crate::people::{
    ADMINS, PASSWORD, challenged, connect_from, guest_from, log_in_to, makes, prove, quit,
    registered, with_root,
};

/// The event of a line of text, and its message with the connection before it.
#[track_caller]
fn split(line: &str) -> (&str, &str) {
    let (head, message) = line.split_once("] ").expect(line);
    (head.rsplit(' ').next().unwrap(), message)
}

/// The events of a connection that is over, in the order of the log.
#[track_caller]
fn life(server: &mut Server, conn: usize) -> Vec<String> {
    let about = format!("conn={conn} ");
    server.wait_for_log(&format!("{about}disconnected after "));
    let log = server.log();
    let lines = log.lines().map(split).filter(|(_, message)| message.starts_with(&about));
    lines.map(|(event, _)| event.to_owned()).collect()
}

/// The events between the first and the last, which every login has.
fn life_of_user<'a>(between: &[&'a str]) -> Vec<&'a str> {
    let first = ["connected", "logged_in", "joined_lobby"];
    let last = ["left_lobby", "logged_out", "disconnected"];
    [&first[..], between, &last].concat()
}

#[test]
fn the_life_of_a_connection_is_told_in_order_whatever_way_it_ends() {
    let mut server = with_root();
    let mut one = server.login("one");
    one.ask("/create room no-pass x", "Created");
    one.ask("/join room", "Joined");
    quit(one);
    let moves = ["lobby_created", "left_lobby", "joined_lobby"];
    assert_eq!(life(&mut server, 1), life_of_user(&moves));

    server.login("two").reset();
    assert_eq!(life(&mut server, 2), life_of_user(&[]));

    server.script(b"three\nhello\n");
    assert_eq!(life(&mut server, 3), life_of_user(&[]));

    let (mut root, _) = log_in_to(&server, "root");
    let mut five = server.login("five");
    root.ask("/kick five", "root kicked five");
    five.read_to_end();
    assert_eq!(life(&mut server, 5), life_of_user(&["closed"]));

    // From another lobby the way leads back to general.
    let mut six = server.login("six");
    six.ask("/join room", "Joined");
    root.ask("/join room", "Joined");
    root.ask("/kick six", "root kicked six");
    six.expect("Joined lobby 'general'");
    quit(six);
    let moves = ["left_lobby", "joined_lobby", "left_lobby", "joined_lobby"];
    assert_eq!(life(&mut server, 6), life_of_user(&moves));

    // Whoever takes a connection over is there from the beginning to the end, and so was the other.
    let (other, _) = log_in_to(&server, "root");
    let moves = ["moderated", "left_lobby", "joined_lobby", "moderated", "closed"];
    assert_eq!(life(&mut server, 4), life_of_user(&moves));
    drop(other);
    assert_eq!(life(&mut server, 7), life_of_user(&[]));

    let mut nobody = challenged(&server, "root");
    for _ in 0..3 {
        nobody.send("not the password");
    }
    nobody.read_to_end();
    let wrong = ["wrong_password", "wrong_password", "wrong_password"];
    let want = [&["connected"][..], &wrong, &["closed", "disconnected"]].concat();
    assert_eq!(life(&mut server, 8), want);

    let last = server.login("last");
    server.signal("TERM");
    assert_eq!(server.wait(), 0);
    drop(last);
    let log = server.log();
    let of_last = log.lines().map(split).filter(|(_, message)| message.starts_with("conn=9 "));
    assert_eq!(of_last.map(|(event, _)| event).collect::<Vec<_>>(), life_of_user(&[]));
    assert!(log.ends_with("stopped] stopped\n"), "{log}");
}

#[test]
fn the_start_tells_the_version_the_settings_the_data_and_the_real_addresses() {
    let folder = Folder::new();
    assert!(run(folder.path(), &[], &["gen-cert"]).status.success());
    fs::write(folder.join(".env"), "CHAT_WIDTH=off\n").unwrap();
    let mut server = Server::start_in(folder, &[("CHAT_TLS_ADDR", "127.0.0.1:0")]);
    server.wait_for_log("ready] ready\n");
    let (log, pid) = (server.log(), server.pid());
    let version = env!("CARGO_PKG_VERSION");
    let file = |name: &str| server.folder.join(name).display().to_string();
    let (env, data) = (file(".env"), file("data/lobbyd.db"));
    for line in [
        format!("starting] lobbyd {version} starts as process {pid}, with {env}\n"),
        format!("data] the database is {data}\n"),
        format!("listening] plain on 127.0.0.1:{}\n", server.port),
        format!("listening] tls on 127.0.0.1:{}, SHA-256 ", server.tls_port),
    ] {
        assert!(log.contains(&line), "{line} in {log}");
    }
}

#[test]
fn a_deed_names_who_whom_and_how_long_and_never_why() {
    let mut server = with_root();
    let (mut root, _) = log_in_to(&server, "root");
    let mut bob = server.login("bob");
    bob.ask("/create room no-pass x", "Created");
    for client in [&mut bob, &mut root] {
        client.ask("/join room", "Joined");
    }
    for (command, told) in [
        ("/topic hush-hush", "lobby 'room': root set the topic"),
        ("/slow 10", "lobby 'room': root turned slow mode on: a message each 10s"),
        ("/mute bob 10m", "lobby 'room': root muted bob for 10m"),
        ("/kick bob hush-hush", "lobby 'room': root kicked bob"),
        ("/ban bob 2h hush-hush", "lobby 'room': root banned bob for 2h"),
        ("/unban bob", "lobby 'room': root unbanned bob"),
        ("/announce hush-hush", "root announced"),
        ("/gban bob hush-hush", "root banned bob from the server for good"),
        ("/gunban bob", "root let bob onto the server again"),
    ] {
        root.send(command);
        server.wait_for_log(&format!("INFO  moderated] conn=1 {told}\n"));
    }
    assert!(!server.log().contains("hush-hush"), "{}", server.log());
}

/// Has something of every kind happen, over all that can be said to a server.
fn busy(server: &mut Server) {
    let (mut root, _) = log_in_to(server, "root");
    let mut alice = registered(server, "alice");
    alice.ask("/create room hunter2 \"a description\"", "Created");
    alice.ask("/join room hunter2", "Joined");
    alice.ask("hello \u{1b}[31m\u{7} \u{202e}\"quoted\\\"", "╰─> hello");
    root.ask("/join room wrong", "Incorrect password");
    root.ask("/kick alice reason", "not in 'general'");
    root.ask("/gban nobody", "User not found.");
    alice.ask("/passwd correct-horse correct-pony", "changed");
    alice.ask("/unregister correct-pony", "is gone, and you are a guest");
    alice.ask("/nick alice-2", "is now known as alice-2");
    server.script(b"GET / HTTP/1.1\r\n\r\n");
    server.script(&[0x16, 3, 1, 0, 200, 1]);
    server.script(b"bob\n/ai what?\n/nonsense\n");
    quit(alice);
}

/// A line of the log as JSON: what it must have, and nothing else.
#[track_caller]
fn object(line: &str) -> Value {
    let object: Value = serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"));
    let fields = object.as_object().expect(line);
    let ts = fields["ts"].as_str().unwrap();
    assert!(ts.len() == 24 && ts.ends_with('Z') && ts.parse::<jiff::Timestamp>().is_ok(), "{ts}");
    let level = fields["level"].as_str().unwrap();
    assert!(["error", "warn", "info", "debug", "trace"].contains(&level), "{line}");
    let event = fields["event"].as_str().unwrap();
    assert!(EVENTS.iter().any(|(known, _)| known.as_str() == event), "{line}");
    assert!(fields["msg"].is_string(), "{line}");
    assert!(fields.get("conn").is_none_or(Value::is_u64), "{line}");
    assert_eq!(fields.len(), 4 + usize::from(fields.contains_key("conn")), "{line}");
    object
}

#[test]
fn as_json_every_line_is_an_object_and_says_what_the_text_says() {
    for json in [true, false] {
        let folder = Folder::new();
        makes(folder.path(), "root", PASSWORD);
        let form = if json { "json" } else { "text" };
        let env = [ADMINS[0], ("CHAT_LOG", form), ("RUST_LOG", "trace")];
        let mut server = Server::start_in(folder, &env);
        busy(&mut server);
        server.signal("TERM");
        assert_eq!(server.wait(), 0);
        let log = server.log();
        for event in [
            "starting",
            "data",
            "listening",
            "ready",
            "connected",
            "logged_in",
            "joined_lobby",
            "lobby_created",
            "left_lobby",
            "registered",
            "wrong_password",
            "password_changed",
            "unregistered",
            "renamed",
            "other_protocol",
            "logged_out",
            "disconnected",
            "library",
            "stopping",
            "stopped",
        ] {
            let (of_json, of_text) = (format!("\"event\":\"{event}\","), format!(" {event}] "));
            assert!(log.contains(if json { &of_json } else { &of_text }), "{event} in {log}");
        }
        for line in log.lines() {
            let message = match json {
                true => object(line)["msg"].as_str().unwrap().to_owned(),
                false => split(line).1.to_owned(),
            };
            assert!(!message.starts_with("conn=") || !json, "it has a field of its own: {line}");
            let known = |event: &str| EVENTS.iter().any(|(known, _)| known.as_str() == event);
            assert!(json || known(split(line).0), "{line}");
        }
    }
}

#[test]
fn what_keeps_a_server_from_starting_is_json_too() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = taken.local_addr().unwrap().to_string();
    let json = ("CHAT_LOG", "json");
    let cases = [
        (vec![json, ("CHAT_ADDR", "nowhere"), ("AI_QUEUE", "0")], 2, "bad_setting", 2),
        (vec![json, ("CHAT_ADDR", &addr)], 1, "start_failed", 1),
        (vec![json, ("CHAT_ADDR", "off"), ("CHAT_TLS_ADDR", "off")], 1, "start_failed", 1),
    ];
    for (env, status, event, lines) in cases {
        let out = run(Folder::new().path(), &env, &[]);
        let error = String::from_utf8(out.stderr).unwrap();
        assert_eq!((out.status.code(), error.lines().count()), (Some(status), lines), "{error}");
        for line in error.lines().map(object) {
            assert_eq!((&line["level"], &line["event"]), (&"error".into(), &event.into()));
            assert!(!line["msg"].as_str().unwrap().starts_with("lobbyd:"), "{line}");
        }
    }
    // From a file, and with a warning.
    let folder = Folder::new();
    fs::write(folder.join(".env"), "CHAT_LOG=json\nCHAT_COLOUR=off\nno setting\n").unwrap();
    let out = run(folder.path(), &[], &[]);
    let error = String::from_utf8(out.stderr).unwrap();
    let told: Vec<Value> = error.lines().map(object).collect();
    assert_eq!(out.status.code(), Some(2), "{error}");
    assert_eq!(told[0]["level"], "warn");
    assert_eq!((told.len(), &told[0]["event"]), (2, &"setting_warning".into()), "{error}");
    assert!(told[1]["msg"].as_str().unwrap().starts_with(".env: line 3: "), "{error}");
    // Where that setting itself is bad, nobody has asked for JSON.
    let out = run(folder.path(), &[("CHAT_LOG", "yaml")], &[]);
    let error = String::from_utf8(out.stderr).unwrap();
    assert!(error.lines().all(|line| line.starts_with("lobbyd: ")), "{error}");
    // Whoever types a command reads its answer.
    let out = run(folder.path(), &[], &["check-data"]);
    assert!(String::from_utf8(out.stderr).unwrap().starts_with("lobbyd: "));
}

/// No name of anything: those may be in the log.
const WORDS: &str = "open.sesame open.sesame.too";

#[test]
fn nothing_that_anybody_wrote_is_in_the_log_at_any_level() {
    let gemini = Gemini::start();
    let folder = Folder::new();
    makes(folder.path(), "root", PASSWORD);
    let env = [
        ADMINS[0],
        ("RUST_LOG", "trace"),
        ("GEMINI_API_KEY", "open.sesame"),
        ("GEMINI_BASE_URL", &gemini.url),
    ];
    let mut server = Server::start_in(folder, &env);
    let (mut root, _) = log_in_to(&server, "root");
    let mut bob = registered(&server, "bob");
    let mut carol = server.connect();
    carol.expect("Enter your username: ");
    for line in [WORDS, "/open.sesame"] {
        carol.ask(line, "Enter your username: ");
    }
    carol.ask("carol", "carol has joined");
    bob.ask("/create room open.sesame open.sesame", "Created");
    bob.ask("/join room open.sesame.not", "Incorrect password");
    for (name, client) in [("carol", &mut carol), ("bob", &mut bob), ("root", &mut root)] {
        gemini.then(whole(WORDS));
        client.ask("/join room open.sesame", "Joined");
        client.ask(WORDS, &format!("╰─> {WORDS}"));
        client.ask("//open.sesame", "╰─> /open.sesame");
        client.ask(&format!("/ai {WORDS}"), &format!("[AI Response to {name}]\n  {WORDS}\n"));
        for spec in COMMANDS.iter().filter(|spec| spec.word != "/quit") {
            for about in ["", "carol ", "bob ", "10m ", "carol 10m ", "-1 carol ", "room "] {
                client.send(&format!("{} {about}{WORDS}", spec.word));
                client.sync(name);
            }
        }
    }
    // An account's password, at the prompt and in commands.
    let mut dave = connect_from(&server, "127.0.0.9");
    prove(&mut dave, "root");
    dave.sync("root");
    dave.ask(&format!("/passwd {PASSWORD} open.sesame"), "changed");
    dave.ask("/unregister open.sesame.not", "Wrong password.");
    quit(dave);
    let mut dave = connect_from(&server, "127.0.0.10");
    dave.ask("root", "Password: ");
    dave.ask(WORDS, "Password: ");
    dave.ask("open.sesame", "root has joined");
    quit(dave);
    // Too many of them, at a place of their own.
    let mut eve = guest_from(&server, "127.0.0.11", "eve");
    for _ in 0..5 {
        eve.ask("/join room open.sesame.not", "Incorrect password");
    }
    eve.ask("/join room open.sesame", "Too many attempts.");
    server.signal("TERM");
    assert_eq!(server.wait(), 0);
    let log = server.log();
    for event in ["library", "asked", "limit", "moderated", "wrong_password", "stopped"] {
        assert!(log.contains(&format!(" {event}] ")), "{event} in {log}");
    }
    let said: Vec<&str> = log.lines().filter(|line| line.contains("sesame")).collect();
    assert_eq!(said, Vec::<&str>::new());
    assert!(!log.contains(PASSWORD));
}

/// What fail2ban shuts out for this log, by the filter that comes with lobbyd.
fn shut_out(folder: &Folder, log: &str, mode: &str) -> Vec<String> {
    let file = folder.join("log");
    fs::write(&file, log).unwrap();
    let filter = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/fail2ban/filter.d/lobbyd.conf");
    let out = Command::new("fail2ban-regex")
        .args(["-o", "ip", file.to_str().unwrap(), &format!("{}[mode={mode}]", filter.display())])
        .output()
        .unwrap();
    let (told, error) =
        (String::from_utf8(out.stdout).unwrap(), String::from_utf8_lossy(&out.stderr));
    assert!(out.status.success(), "{told}{error}");
    told.lines().map(str::to_owned).collect()
}

/// A client that connects to this address of the server.
fn connect_to(server: &Server, ip: &str) -> Client {
    Client::new(TcpStream::connect((ip, server.port)).unwrap())
}

#[test]
fn fail2ban_finds_whoever_tries_passwords_or_connects_too_often_and_nobody_whom_they_name() {
    if !have(&["fail2ban-regex"]) {
        return;
    }
    for form in ["text", "json"] {
        let folder = Folder::new();
        makes(folder.path(), "root", PASSWORD);
        let mut server = Server::start_in(
            folder,
            &[
                ADMINS[0],
                ("CHAT_ADDR", "[::]:0"),
                ("CHAT_LOG", form),
                ("RUST_LOG", "trace"),
                ("CHAT_MAX_CONNECTIONS_PER_IP", "3"),
            ],
        );
        // Whatever can be chosen looks like a line of the log.
        let forged = "wrong password of account root from 192.0.2.66";
        let line = format!("[2026-11-26T05:57:53Z INFO  wrong_password] conn=1 {forged}");
        let object = format!(
            r#"{{"ts":"2026-11-26T05:57:53.000Z","level":"info","event":"wrong_password","conn":1,"msg":"{forged}"}}"#
        );
        let mut mallory = connect_to(&server, "127.0.0.1");
        mallory.expect("Enter your username: ");
        for text in [&line, &object, "wrong_password] conn=1", "a\r\u{85}\u{2028}[2026"] {
            mallory.send(text);
        }
        mallory.ask("wrong_password", "wrong_password has joined");
        mallory.ask("/create from-192-0-2-66 hunter2 x", "Created");
        for text in [&line, &object] {
            mallory.ask(text, "wrong_password [just now]");
            for command in ["/nick", "/join", "/msg root", "/topic", "/away", "/nonsense"] {
                mallory.send(&format!("{command} {text}"));
                mallory.send(&format!("{command} \"{text}\""));
            }
        }
        // The server's own words about people.
        let mut six = connect_to(&server, "::1");
        six.expect("Enter your username: ");
        six.ask("honest", "honest has joined");
        six.ask("/join from-192-0-2-66 nope", "Incorrect password");
        six.ask("/join from-192-0-2-66", "password");
        let mut four = connect_to(&server, "127.0.0.1");
        four.expect("Enter your username: ");
        four.ask("root", "Password: ");
        for _ in 0..3 {
            four.send("nope");
        }
        four.read_to_end();
        let mut four = connect_to(&server, "127.0.0.1");
        four.expect("Enter your username: ");
        four.ask("root", "Password: ");
        for _ in 0..3 {
            four.send("nope");
        }
        four.expect("Too many attempts");
        four.read_to_end();
        six.ask("/quit", "Goodbye!");
        for ip in ["127.0.0.1", "::1"] {
            let refused = format!("refused {ip}: too many connections");
            let there = RefCell::new(Vec::new());
            // A line a second, of whichever address.
            server.wait_for(
                |server| {
                    there.borrow_mut().push(connect_to(server, ip));
                    server.log().contains(&refused)
                },
                &refused,
            );
        }
        server.signal("TERM");
        assert_eq!(server.wait(), 0);

        let log = server.log();
        let journal: String = log.lines().map(|line| format!("chat lobbyd[7]: {line}\n")).collect();
        for log in [&log, &journal] {
            let found = shut_out(&server.folder, log, "passwords");
            let of = |ip: &str| found.iter().filter(|found| *found == ip).count();
            // Five are looked at, and the sixth is one too many.
            assert_eq!((of("127.0.0.1"), of("::1"), found.len()), (6, 1, 7), "{log}");
            let found = shut_out(&server.folder, log, "refusals");
            let mut all = [found.clone(), shut_out(&server.folder, log, "passwords")].concat();
            assert!(found.contains(&"127.0.0.1".to_owned()) && found.contains(&"::1".to_owned()));
            assert!(
                found.iter().all(|ip| ["127.0.0.1", "::1"].contains(&ip.as_str())),
                "{found:?}"
            );
            let mut both = shut_out(&server.folder, log, "all");
            all.sort();
            both.sort();
            assert_eq!(both, all);
        }
    }
}

#[test]
fn fail2ban_takes_the_jails() {
    if !have(&["fail2ban-client"]) {
        return;
    }
    let folder = Folder::new();
    let config = folder.join("fail2ban");
    let (from, to) = (Path::new("/etc/fail2ban"), config.to_str().unwrap());
    assert!(
        Command::new("cp").args(["-r", from.to_str().unwrap(), to]).status().unwrap().success()
    );
    // Those of the machine are no matter of ours.
    let _ = fs::remove_dir_all(config.join("jail.d"));
    fs::create_dir(config.join("jail.d")).unwrap();
    for file in ["filter.d/lobbyd.conf", "jail.d/lobbyd.conf"] {
        let ours = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/fail2ban").join(file);
        fs::copy(ours, config.join(file)).unwrap();
    }
    let dump = Command::new("fail2ban-client").args(["-c", to, "-d"]).output().unwrap();
    let (told, error) =
        (String::from_utf8_lossy(&dump.stdout), String::from_utf8_lossy(&dump.stderr));
    assert!(dump.status.success(), "{told}{error}");
    for jail in ["lobbyd", "lobbyd-refusals"] {
        assert!(told.contains(&format!("['add', '{jail}', 'systemd']")), "{told}{error}");
    }
}

/// No log line can say why a reload was refused: whoever set that is told at once, and others tell of it.
#[test]
fn a_filter_that_hides_errors_is_warned_of_and_a_refused_reload_is_told_elsewhere() {
    for filter in ["off", "hyper=debug,lobbyd=off"] {
        let folder = Folder::new();
        let mut server =
            Server::start_in(folder, &[("RUST_LOG", filter), ("CHAT_ADMIN_ADDR", "127.0.0.1:0")]);
        server.wait_for_log("lobbyd: warning: RUST_LOG hides errors: ");
        fs::write(server.folder.join(".env"), "CHAT_MAX_LOBBIES=many\n").unwrap();
        server.signal("HUP");
        let fault = "CHAT_MAX_LOBBIES: bad value 'many'";
        let told = get_until(&server, "/figures", fault);
        assert!(told.contains("\"good\":false"), "{told}");
        get_until(&server, "/metrics", "lobbyd_reloads_total{result=\"bad\"} 1\n");
        let status = ctl(&server, "status").out;
        assert!(status.contains("refused: ") && status.contains(fault), "{status}");
        assert_eq!(server.log().lines().count(), 1, "{}", server.log());
    }
    let others = ["info", "error", "off,lobbyd=error", "lobbyd::server=warn,off"];
    for filter in others {
        let checked = run(Folder::new().path(), &[("RUST_LOG", filter)], &["--check-config"]);
        let told = String::from_utf8(checked.stderr).unwrap();
        assert!(!told.contains("RUST_LOG"), "{filter}: {told}");
    }
}

fn get_until(server: &Server, path: &str, what: &str) -> String {
    operator::wait_for(admin_port(server), path, |answer| answer.body.contains(what)).body
}
