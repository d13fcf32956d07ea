//! Settings, certificates and files that are read anew while the server runs.

use std::fs;
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use openssl::hash::MessageDigest;
use openssl::ssl::{SslConnector, SslMethod, SslVerifyMode};

use crate::clients::{Terminal, have};
use crate::gemini::{Answer, Gemini, finish, text, whole};
use crate::harness::{Client, Folder, PATIENCE, Server, count, lobbyd, run};
use crate::limits::all_that_comes;
use crate::operator::get;
use crate::people::{PASSWORD, log_in_to, logged_in_to, makes, quit, registered};
use crate::providers::chunk;

/// What stands in every `.env` here, unless a later line says otherwise: no limits.
const BASE: &str = "CHAT_ADDR=127.0.0.1:0\nCHAT_TLS_ADDR=off\nCHAT_WIDTH=off\nCHAT_RATE_MESSAGES=0\n\
    CHAT_RATE_HOLD=0\nCHAT_MAX_CONNECTIONS_PER_IP=0\nCHAT_CONNECTS_PER_MINUTE=0\n\
    CHAT_REGISTRATIONS_PER_DAY=0\n";

pub(crate) const RELOADED: &str = "reloaded: what was read is in force";
const NOT_RELOADED: &str = "nothing was reloaded: ";

pub(crate) fn write(folder: &Path, lines: &[&str]) {
    // At once, as editors do: a reload that is under way reads the one before or this one.
    let unfinished = folder.join(".env.new");
    fs::write(&unfinished, format!("{BASE}{}\n", lines.join("\n"))).unwrap();
    fs::rename(unfinished, folder.join(".env")).unwrap();
}

/// A server of which all settings stand in its `.env`.
fn start_in(folder: Folder, lines: &[&str]) -> Server {
    write(folder.path(), lines);
    let command = lobbyd(folder.path(), &[], &[]);
    Server::spawn(command, folder)
}

pub(crate) fn start(lines: &[&str]) -> Server {
    start_in(Folder::new(), lines)
}

/// Has everything read anew, which is good. Gives what the log said of it.
#[track_caller]
fn reload(server: &mut Server, lines: &[&str]) -> String {
    write(server.folder.path(), lines);
    hang_up(server, &[RELOADED])
}

/// Has everything read anew, and waits until the log has these lines, of which the last is told last.
#[track_caller]
pub(crate) fn hang_up(server: &mut Server, lines: &[&str]) -> String {
    let before = server.log().len();
    server.signal("HUP");
    for line in lines {
        server.wait_for(|s| s.log()[before..].contains(line), line);
    }
    server.log()[before..].to_owned()
}

/// The same where something is wrong: each line is one fault, and there are no others.
#[track_caller]
fn fail_to_reload(server: &mut Server, faults: &[&str]) {
    let log = hang_up(server, faults);
    assert_eq!(count(&log, NOT_RELOADED), faults.len(), "{log}");
    assert!(!log.contains(RELOADED), "{log}");
}

fn metric(server: &Server, name: &str) -> u64 {
    let metrics = get(server, "/metrics").body;
    let line = metrics.lines().find(|line| line.starts_with(name)).unwrap();
    line.rsplit(' ').next().unwrap().parse().unwrap()
}

fn tls(server: &Server) -> (Client, String) {
    let mut builder = SslConnector::builder(SslMethod::tls_client()).unwrap();
    builder.set_verify(SslVerifyMode::NONE);
    let tcp = TcpStream::connect(("127.0.0.1", server.tls_port)).unwrap();
    let stream = builder.build().connect("localhost", tcp).unwrap();
    let certificate = stream.ssl().peer_certificate().unwrap();
    let digest = certificate.digest(MessageDigest::sha256()).unwrap();
    let sum = digest.iter().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().join(":");
    (Client::new(stream), sum)
}

/// Makes another certificate, and gives its fingerprint.
fn gen_cert(folder: &Path) -> String {
    let made = run(folder, &[], &["gen-cert", "--force"]);
    assert!(made.status.success());
    let said = String::from_utf8(made.stdout).unwrap();
    said.rsplit("fingerprint: ").next().unwrap().trim().to_owned()
}

#[test]
fn two_hundred_people_stay_through_good_and_bad_reloads() {
    let folder = Folder::new();
    let first = gen_cert(folder.path());
    let tls_on = "CHAT_TLS_ADDR=127.0.0.1:0";
    let admin = "CHAT_ADMIN_ADDR=127.0.0.1:0";
    let mut server = start_in(folder, &[tls_on, admin]);
    let mut people: Vec<Client> = (0..180).map(|i| server.login(&format!("user-{i}"))).collect();
    for i in 180..200 {
        let (mut client, sum) = tls(&server);
        assert_eq!(sum, first);
        client.log_in(&format!("user-{i}"));
        people.push(client);
    }
    let all_talk = |people: &mut Vec<Client>, word: &str| {
        people[0].send(word);
        people.iter_mut().for_each(|client| _ = client.expect(&format!("╰─> {word}\n> ")));
    };
    all_talk(&mut people, "here");

    let second = gen_cert(server.folder.path());
    reload(&mut server, &[tls_on, admin, "CHAT_MAX_MESSAGE_CHARS=20"]);
    all_talk(&mut people, "after a good one");
    let (mut late, sum) = tls(&server);
    assert_eq!(sum, second);
    let too_long = "Message too long (max 20 chars)\n> ";
    people[199].ask("this has more than twenty", too_long);

    // A key of another certificate, and a setting that cannot be: both are told, and nothing changes.
    let other = Folder::new();
    gen_cert(other.path());
    let key = server.folder.join("certs/server.key");
    fs::copy(other.join("certs/server.key"), &key).unwrap();
    write(
        server.folder.path(),
        &[tls_on, admin, "CHAT_MAX_MESSAGE_CHARS=0", "CHAT_MOTD_FILE=none"],
    );
    let faults = [
        "CHAT_MAX_MESSAGE_CHARS: bad value '0': expected a number",
        "CHAT_MOTD_FILE: none cannot be read: ",
        "the private key does not match the certificate",
    ];
    fail_to_reload(&mut server, &faults);
    assert_eq!(tls(&server).1, second);
    people[198].ask("this has more than twenty", too_long);
    all_talk(&mut people, "after a bad one");

    // The right key at last, with the certificate of that one.
    fs::copy(other.join("certs/server.crt"), server.folder.join("certs/server.crt")).unwrap();
    reload(&mut server, &[tls_on, admin]);
    assert_ne!(tls(&server).1, second);
    people[0].ask("this has more than twenty", "╰─> this has more than twenty\n> ");
    all_talk(&mut people, "after the last");
    late.log_in("late");

    assert_eq!(metric(&server, "lobbyd_reloads_total{result=\"good\"}"), 2);
    assert_eq!(metric(&server, "lobbyd_reloads_total{result=\"bad\"}"), 1);
}

#[test]
fn rates_and_lengths_hold_at_once_for_who_is_there() {
    let mut server = start(&[]);
    let mut alice = server.login("alice");
    for i in 0..10 {
        alice.ask(&format!("free {i}"), &format!("╰─> free {i}\n> "));
    }
    reload(&mut server, &["CHAT_RATE_MESSAGES=2", "CHAT_RATE_WINDOW_SECS=3600"]);
    alice.ask("one", "╰─> one\n> ");
    alice.ask("two", "╰─> two\n> ");
    alice.ask("three", "⚠ Rate limited! Wait 3600 seconds.");
    reload(&mut server, &["CHAT_RATE_MESSAGES=3", "CHAT_RATE_WINDOW_SECS=3600"]);
    alice.ask("three again", "╰─> three again\n> ");
    reload(
        &mut server,
        &["CHAT_RATE_MESSAGES=3", "CHAT_RATE_WINDOW_SECS=3600", "CHAT_RATE_HOLD=5"],
    );
    alice.ask("this waits", "Your line is kept and sent then.\n");
    reload(&mut server, &["CHAT_MAX_MESSAGE_CHARS=12"]);
    alice.expect("╰─> this waits\n> ");
    alice.ask("thirteen here", "Message too long (max 12 chars)\n> ");
}

#[test]
fn limits_of_connections_put_nobody_out_and_hold_for_who_comes() {
    let mut server = start(&[]);
    let mut people: Vec<Client> = (0..3).map(|i| server.login(&format!("user-{i}"))).collect();
    reload(&mut server, &["CHAT_MAX_CONNECTIONS_PER_IP=2"]);
    let refused = "Too many connections from your IP. Try again later.\n";
    assert_eq!(all_that_comes(server.port), refused);
    people[0].ask("still here", "╰─> still here\n> ");
    people.truncate(1);
    server.wait_for_log("conn=2 disconnected");
    server.wait_for_log("conn=3 disconnected");
    let mut bob = server.login("bob");
    assert_eq!(all_that_comes(server.port), refused);

    reload(&mut server, &["CHAT_DENY=127.0.0.0/8"]);
    assert_eq!(all_that_comes(server.port), "", "closed without a word");
    people[0].ask("and still", "╰─> and still\n> ");
    bob.expect("╰─> and still\n> ");
    reload(&mut server, &["CHAT_ALLOW=127.0.0.1", "CHAT_MAX_CONNECTIONS=3"]);
    server.login("carol");
    reload(&mut server, &["CHAT_IDLE_TIMEOUT_SECS=1"]);
    bob.expect("You were idle for too long. Goodbye!");
}

#[test]
fn what_a_lobby_has_for_itself_follows() {
    let mut server = start(&[]);
    let mut alice = server.login("alice");
    for i in 0..9 {
        alice.ask(&format!("message {i}"), &format!("╰─> message {i}\n> "));
    }
    alice.ask("/create one no-pass x", "Created");
    reload(
        &mut server,
        &["CHAT_HISTORY_MESSAGES=3", "CHAT_MAX_LOBBIES_PER_USER=1", "CHAT_LOBBY_IDLE_SECS=1"],
    );
    alice.ask("/create two no-pass x", "You have too many lobbies\n> ");
    let mut bob = server.connect();
    let shown = bob.log_in("bob");
    assert_eq!(count(&shown, "╰─> message"), 3, "{shown}");
    server.wait_for_log("lobby 'one' was empty for too long");
    // More than was kept for it is read again.
    reload(&mut server, &["CHAT_HISTORY_MESSAGES=8"]);
    let all_is_replayed = |guest: usize| {
        let mut client = server.connect();
        let shown = client.log_in(&format!("guest-{guest}"));
        quit(client);
        let once = |i| count(&shown, &format!("╰─> message {i}\n")) == 1;
        (1..9).all(once) && !shown.contains("message 0")
    };
    assert!((0..1_000).any(all_is_replayed), "it does not come back");
    alice.ask("/create two no-pass x", "Created");
}

#[test]
fn the_form_of_text_follows_for_who_is_there() {
    let mut server = start(&[]);
    let mut alice = server.login("alice");
    let mut shown = |server: &mut Server, lines: &[&str]| {
        reload(server, lines);
        let from = alice.raw().len();
        alice.ask("some words to see how they are shown", "they are shown");
        alice.sync("alice");
        String::from_utf8_lossy(&alice.raw()[from..]).into_owned()
    };
    assert!(shown(&mut server, &[]).contains("\u{1b}["));
    let plain = shown(&mut server, &["CHAT_COLOR=off"]);
    assert!(!plain.contains('\u{1b}'), "{plain:?}");
    let coloured = shown(&mut server, &["CHAT_COLOR=on"]);
    assert!(coloured.contains("\u{1b}["), "{coloured:?}");
    // The expected words stand in one row where nothing wraps them.
    reload(&mut server, &["CHAT_WIDTH=24"]);
    alice.ask("some words to see how they are shown", "╰─> some words to see");
    alice.expect("\n      how they are shown\n> ");
}

#[test]
fn ranks_of_admins_follow_at_once_wherever_they_are() {
    let folder = Folder::new();
    makes(folder.path(), "root", PASSWORD);
    let mut server = start_in(folder, &[]);
    let mut bob = registered(&server, "bob");
    bob.ask("/create club no-pass x", "Created");
    bob.ask("/join club", "bob has joined the lobby");
    let (mut root, _) = logged_in_to(&server, "root");
    root.ask("/join club", "root has joined the lobby");
    root.ask("/announce mine", "Only an admin can do that.\n> ");
    root.ask("/topic mine", "Only an owner or operator of 'club' can do that.\n> ");

    let log = reload(&mut server, &["CHAT_ADMINS=root,bob,nobody"]);
    assert!(log.contains("CHAT_ADMINS: nobody has no account yet; make it with: "), "{log}");
    root.ask("/topic root's", "root set the topic: root's\n> ");
    root.ask("/announce hello", "[ANNOUNCEMENT] root: hello\n> ");
    bob.expect("[ANNOUNCEMENT] root: hello\n> ");
    bob.ask("/users", "root (admin)");
    // Somebody else had made that account: it is none.
    assert!(log.contains("CHAT_ADMINS: somebody else had made the account bob before"), "{log}");
    bob.ask("/announce mine", "Only an admin can do that.\n> ");
    bob.ask("/kick root", "You cannot do that to an admin.\n> ");

    reload(&mut server, &[]);
    root.ask("/topic mine", "Only an owner or operator of 'club' can do that.\n> ");
    root.ask("/announce mine", "Only an admin can do that.\n> ");
    // Whoever comes in then has none either.
    quit(root);
    let (mut root, _) = log_in_to(&server, "root");
    root.ask("/topic mine", "Only an owner or operator of 'club' can do that.\n> ");
}

#[test]
fn what_the_operator_has_to_say_stands_between_the_replay_and_where_one_is() {
    let folder = Folder::new();
    fs::write(folder.join("motd"), "Be kind.\r\n\r\n    no \x1b[31mspam\n\n").unwrap();
    let mut server = start_in(folder, &["CHAT_MOTD_FILE=motd"]);
    let mut alice = registered(&server, "alice");
    alice.ask("said before", "╰─> said before\n> ");
    let mut bob = server.connect();
    bob.log_in("bob");
    let shown = bob.text();
    let at = |what: &str| shown.find(what).unwrap_or_else(|| panic!("{what}: {shown}"));
    let motd = at(">   Be kind.\n\n      no spam\n> ");
    assert!(at("╰─> said before") < motd && at("bob has joined") < motd, "{shown}");
    assert!(motd < at("You are bob in 'general'"), "{shown}");
    assert!(count(&shown, "Be kind.") == 1 && !shown.contains("spam\n\n"));

    // An account is shown it above its mail, and so is one that takes over; nobody is at `/join`.
    quit(alice);
    bob.ask("/msg alice for later", "for later");
    for mail in [true, false] {
        let (mut alice, shown) = log_in_to(&server, "alice");
        let at = |what: &str| shown.find(what).unwrap_or_else(|| panic!("{what}: {shown}"));
        assert!(at("Be kind.") < at("You are alice in 'general'"), "{shown}");
        if mail {
            assert!(at("Be kind.") < at("for later"), "{shown}");
            alice.ask("/create room no-pass x", "Created");
            let shown = alice.ask("/join room", "You are alone in 'room'");
            assert!(!shown.contains("Be kind."), "{shown}");
            alice.ask("/join general", "You are alice in 'general'");
        }
        // It stays for the second one to take its place.
        std::mem::forget(alice);
    }

    // It wraps within the terminal, and no row of it begins where the server speaks.
    let long = format!("[LOBBY] mallory {}", "is kind and ".repeat(20));
    fs::write(server.folder.join("motd"), &long).unwrap();
    reload(&mut server, &["CHAT_MOTD_FILE=motd", "CHAT_WIDTH=40"]);
    let mut carl = server.connect();
    carl.log_in("carl");
    let shown = carl.text();
    let (_, motd) = shown.split_once("carl has joined the lobby\n> ").unwrap();
    let rows: Vec<&str> = motd.lines().take_while(|row| !row.starts_with("> ")).collect();
    assert!(rows.len() > 6 && rows.iter().all(|row| row.starts_with("  ")), "{shown}");
    // Without a file nothing is shown.
    reload(&mut server, &[]);
    let mut dora = server.connect();
    dora.log_in("dora");
    let shown = dora.text();
    assert!(shown.contains("dora has joined the lobby\n> You are dora in"), "{shown}");
}

#[test]
fn files_that_cannot_be_used_stop_the_start_with_a_line_each() {
    let folder = Folder::new();
    fs::write(folder.join("latin"), b"caf\xe9").unwrap();
    fs::write(folder.join("long"), "x".repeat(4_097)).unwrap();
    fs::write(folder.join("two"), "sk-1\nsk-2\n").unwrap();
    fs::write(folder.join("blank"), "sk 1\n").unwrap();
    fs::write(folder.join("empty"), "\n").unwrap();
    for (key, value, want) in [
        ("CHAT_MOTD_FILE", "nowhere", "CHAT_MOTD_FILE: nowhere cannot be read: "),
        ("CHAT_MOTD_FILE", ".", "CHAT_MOTD_FILE: . is no plain file: "),
        ("CHAT_MOTD_FILE", "latin", "CHAT_MOTD_FILE: latin is no UTF-8 text: "),
        ("CHAT_MOTD_FILE", "long", "CHAT_MOTD_FILE: long has more than 4096 bytes: "),
        ("GEMINI_API_KEY_FILE", "sk-1", "GEMINI_API_KEY_FILE: the file cannot be read: "),
        ("GEMINI_API_KEY_FILE", "two", "GEMINI_API_KEY_FILE: the file has more than one line: "),
        ("GEMINI_API_KEY_FILE", "empty", "GEMINI_API_KEY_FILE: the file is empty: "),
        ("GEMINI_API_KEY_FILE", "blank", "GEMINI_API_KEY_FILE: bad value '****': "),
    ] {
        for args in [&[][..], &["--check-config"]] {
            let env = [(key, value), ("CHAT_ADDR", "127.0.0.1:0")];
            let out = run(folder.path(), &env, args);
            let told = String::from_utf8(out.stderr).unwrap();
            assert_eq!(out.status.code(), Some(2), "{value}: {told}");
            assert_eq!(count(&told, want), 1, "{told}");
            assert_eq!(told.lines().count(), 1, "{told}");
            assert!(!told.contains("sk-1") && !told.contains("sk 1"), "{told}");
        }
    }
    let both = [("GEMINI_API_KEY", "sk-3"), ("GEMINI_API_KEY_FILE", "blank")];
    let told = String::from_utf8(run(folder.path(), &both, &[]).stderr).unwrap();
    assert_eq!(told.lines().count(), 1);
    assert!(told.contains("set twice: take out either GEMINI_API_KEY or GEMINI_API_KEY_FILE"));
    assert!(!told.contains("sk-3"), "{told}");
}

#[test]
fn a_key_that_comes_turns_rox_on_and_one_that_goes_off() {
    let gemini = Gemini::start();
    let url = format!("GEMINI_BASE_URL={}", gemini.url);
    let mut server = start(&[&url]);
    let mut alice = server.login("alice");
    let off = "AI is not available on this server\n> ";
    alice.ask("/ai hello?", off);

    // By a link, as secrets are handed over.
    fs::write(server.folder.join("first"), "key-1\n").unwrap();
    std::os::unix::fs::symlink("first", server.folder.join("key")).unwrap();
    reload(&mut server, &[&url, "GEMINI_API_KEY_FILE=key"]);
    gemini.then(whole("I am here."));
    alice.ask("/ai hello?", "  I am here.\n> ");
    fs::write(server.folder.join("first"), "key-2").unwrap();
    reload(&mut server, &[&url, "GEMINI_API_KEY_FILE=key", "GEMINI_MODEL=another"]);
    let cue = gemini.then_on_cue();
    alice.ask("/ai still?", "[AI] Thinking...\n> ");
    cue.send(text("Yes,\n")).unwrap();
    alice.expect("[AI Response to alice]\n  Yes,\n> ");

    // The question under way ends well, and there is no other.
    reload(&mut server, &[&url]);
    alice.ask("/ai and now?", off);
    cue.send(text("still.")).unwrap();
    cue.send(finish("STOP")).unwrap();
    drop(cue);
    alice.expect("  still.\n> ");
    let requests = gemini.requests();
    let heads: Vec<String> = requests.iter().map(|r| r.head.to_lowercase()).collect();
    assert_eq!(heads.len(), 2);
    assert!(heads[0].contains("x-goog-api-key: key-1\r\n"), "{heads:?}");
    assert!(heads[1].contains("x-goog-api-key: key-2\r\n"), "{heads:?}");
    assert!(heads[1].contains("/models/another:"), "{heads:?}");

    // Once more, with other workers.
    reload(&mut server, &[&url, "GEMINI_API_KEY=key-3", "AI_WORKERS=7"]);
    gemini.then(whole("And again."));
    alice.ask("/ai hello?", "  And again.\n> ");
    assert!(!server.log().contains("key-"), "{}", server.log());
}

#[test]
fn another_provider_answers_after_a_reload_and_a_bad_one_changes_nothing() {
    let (gemini, model) = (Gemini::start(), Gemini::start());
    let url = format!("GEMINI_BASE_URL={}", gemini.url);
    let base = format!("AI_BASE_URL={}/v1", model.url);
    let mut server = start(&[&url, "GEMINI_API_KEY=key-1"]);
    let mut alice = server.login("alice");
    gemini.then(whole("By Gemini."));
    alice.ask("/ai who?", "  By Gemini.\n> ");

    fs::write(server.folder.join("key"), "key-2\n").unwrap();
    let local = [&*base, "AI_MODEL=small", "AI_API_KEY_FILE=key"];
    reload(&mut server, &local);
    let done = |answer: &str| Answer::Stream(vec![chunk(answer, Some("stop"))]);
    model.then(done("By a small one."));
    alice.ask("/ai who?", "  By a small one.\n> ");

    // Neither a model without an address nor a key twice: what was there goes on.
    write(server.folder.path(), &["AI_PROVIDER=openai", "AI_MODEL=small"]);
    fail_to_reload(&mut server, &["AI_BASE_URL: "]);
    write(server.folder.path(), &[local[0], local[1], local[2], "AI_API_KEY=key-3"]);
    fail_to_reload(&mut server, &["set twice: take out either AI_API_KEY or AI_API_KEY_FILE"]);
    model.then(done("Still here."));
    alice.ask("/ai who?", "  Still here.\n> ");

    // Budgets hold for what was asked before them.
    reload(&mut server, &[local[0], local[1], local[2], "AI_USER_PER_HOUR=3"]);
    alice.ask("/ai who?", "AI budget of this hour is used up. Wait 60 minutes.\n> ");
    let off = [local[0], local[1], local[2], "AI_USER_PER_HOUR=0", "AI_LOBBIES=off"];
    reload(&mut server, &off);
    alice.ask("/ai who?", "AI is off in this lobby\n> ");
    let heads: Vec<_> = model.requests().iter().map(|r| r.head.to_lowercase()).collect();
    assert_eq!((gemini.requests().len(), heads.len()), (1, 2));
    assert!(heads.iter().all(|head| head.contains("authorization: bearer key-2\r\n")), "{heads:?}");
    assert!(!server.log().contains("key-"), "{}", server.log());
}

#[test]
fn a_question_that_waits_while_its_key_is_taken_away_is_answered_as_where_there_is_none() {
    let gemini = Gemini::start();
    let url = format!("GEMINI_BASE_URL={}", gemini.url);
    let with = [&*url, "GEMINI_API_KEY=key-1", "CHAT_ADMIN_ADDR=127.0.0.1:0"];
    let mut server = start(&with);
    let (mut alice, mut bob) = (server.login("alice"), server.login("bob"));
    let cue = gemini.then_on_cue();
    alice.ask("/ai one?", "[AI] Thinking...\n> ");
    server.wait_for(|_| !gemini.requests().is_empty(), "the first is put to the provider");
    bob.ask("/ai two?", "[AI] Thinking...\n> ");
    reload(&mut server, &[with[0], with[2]]);
    cue.send([text("yes."), finish("STOP")].concat()).unwrap();
    drop(cue);
    alice.expect("  yes.\n> ");
    bob.expect("AI is not available on this server\n> ");
    bob.ask("still here", "╰─> still here\n> ");
    server.wait_for_log(
        "INFO  ai_failed] conn=2 AI: the question is not put to anybody: the key was taken away",
    );
    // Nobody was asked, so nothing failed.
    assert_eq!(metric(&server, "lobbyd_ai_requests_total"), 1);
    assert_eq!(metric(&server, "lobbyd_ai_errors_total"), 0);
    // Who comes after it finds the worker free.
    reload(&mut server, &with);
    gemini.then(whole("And again."));
    bob.ask("/ai hello?", "  And again.\n> ");
}

#[test]
fn the_log_changes_its_level_and_its_form() {
    let mut server = start(&[]);
    server.login("alice");
    server.wait_for_log("logged in as alice");
    write(server.folder.path(), &["RUST_LOG=warn", "CHAT_COLOUR=off"]);
    hang_up(&mut server, &["CHAT_COLOUR is no setting"]);
    let bob = server.login("bob");
    reload(&mut server, &["RUST_LOG=lobbyd=info"]);
    drop(bob);
    server.wait_for_log("bob logged out");
    assert!(!server.log().contains("logged in as bob"), "{}", server.log());
    write(server.folder.path(), &["CHAT_LOG=json"]);
    let log = hang_up(&mut server, &["\"reloaded\""]);
    let line: serde_json::Value = serde_json::from_str(log.lines().last().unwrap()).unwrap();
    assert_eq!((&line["event"], &line["level"]), (&"reloaded".into(), &"info".into()), "{log}");
    write(server.folder.path(), &[]);
    assert!(hang_up(&mut server, &[RELOADED]).contains("] reloaded: "));
}

#[test]
fn what_cannot_change_is_named_and_the_rest_is_in_force() {
    let folder = Folder::new();
    gen_cert(folder.path());
    let mut server = start_in(folder, &[]);
    let mut alice = server.login("alice");
    let log = reload(
        &mut server,
        &[
            "CHAT_ADDR=127.0.0.1:1",
            "CHAT_TLS_ADDR=127.0.0.1:2",
            "CHAT_DATA_DIR=elsewhere",
            "CHAT_ADMIN_ADDR=127.0.0.1:3",
            "CHAT_MAX_MESSAGE_CHARS=3",
            "CHAT_COLOUR=off",
        ],
    );
    for key in ["CHAT_ADDR", "CHAT_TLS_ADDR", "CHAT_DATA_DIR", "CHAT_ADMIN_ADDR"] {
        let want = format!("{key}: cannot change while the server runs; restart lobbyd\n");
        assert_eq!(count(&log, &want), 1, "{log}");
    }
    assert!(log.contains("CHAT_COLOUR is no setting; did you mean CHAT_COLOR?"), "{log}");
    alice.ask("four", "Message too long (max 3 chars)\n> ");
    assert!(!server.folder.join("elsewhere").exists());
    server.login("bob");
}

#[test]
fn a_variable_of_the_environment_wins_at_a_reload_too() {
    let folder = Folder::new();
    write(folder.path(), &["CHAT_MAX_MESSAGE_CHARS=9"]);
    let command = lobbyd(folder.path(), &[("CHAT_MAX_MESSAGE_CHARS", "5")], &[]);
    let mut server = Server::spawn(command, folder);
    let mut alice = server.login("alice");
    reload(&mut server, &["CHAT_MAX_MESSAGE_CHARS=20", "CHAT_MAX_LOBBIES_PER_USER=1"]);
    alice.ask("sixsix", "Message too long (max 5 chars)\n> ");
    alice.ask("/create one no-pass x", "Created");
    alice.ask("/create two no-pass x", "You have too many lobbies\n> ");
}

#[test]
fn a_settings_file_that_is_gone_or_no_file_changes_nothing() {
    let mut server = start(&["CHAT_MAX_MESSAGE_CHARS=5"]);
    let mut alice = server.login("alice");
    let file = server.folder.join(".env");
    fs::remove_file(&file).unwrap();
    fail_to_reload(&mut server, &[".env: is gone. Put it back, or an empty one"]);
    fs::create_dir(&file).unwrap();
    fail_to_reload(&mut server, &[".env: cannot be read: "]);
    alice.ask("sixsix", "Message too long (max 5 chars)\n> ");
    fs::remove_dir(&file).unwrap();
    fs::write(&file, "CHAT_ADMINS=root, ann\nnonsense\n").unwrap();
    let blanks = ".env: line 1: CHAT_ADMINS: a value with blanks needs quotes";
    fail_to_reload(&mut server, &[blanks, ".env: line 2: bad line"]);
    // One without a file takes one that comes.
    let mut server = Server::start(&[]);
    let mut alice = server.login("alice");
    fs::write(server.folder.join(".env"), "CHAT_MAX_MESSAGE_CHARS=5\n").unwrap();
    hang_up(&mut server, &[RELOADED]);
    alice.ask("sixsix", "Message too long (max 5 chars)\n> ");
}

#[test]
fn the_last_of_many_reloads_counts_whatever_comes_meanwhile() {
    let mut server = start(&[]);
    let mut alice = server.login("alice");
    for i in 10..40 {
        write(server.folder.path(), &[&format!("CHAT_MAX_MESSAGE_CHARS={i}")]);
        server.signal("HUP");
    }
    write(server.folder.path(), &["CHAT_MAX_MESSAGE_CHARS=5"]);
    server.signal("HUP");
    // Before the first of them it is still a message, and of many in a burst some are told as a sum.
    let answers = ["Message too long (max 5 chars)\n> ", " chars)\n> ", "x\n> ", "…\n> "];
    let mut told_of_five = |_: usize| {
        alice.send(&"x".repeat(41));
        alice.expect_one_of(&answers) == answers[0]
    };
    assert!((0..10_000).any(&mut told_of_five), "the last one is lost");
    server.wait_for_log(RELOADED);
}

#[test]
fn a_terminal_that_is_closed_stops_the_server_in_it() {
    if !have(&["tmux"]) {
        return;
    }
    let folder = Folder::new();
    write(folder.path(), &[]);
    let (dir, program) = (folder.path().display(), env!("CARGO_BIN_EXE_lobbyd"));
    let terminal =
        Terminal::sized(&format!("cd '{dir}' && exec env -i '{program}' >out 2>log"), 80, 24);
    let wait_for = |file: &str, want: &str| {
        let start = Instant::now();
        loop {
            let text = fs::read_to_string(folder.join(file)).unwrap_or_default();
            if text.contains(want) {
                return text;
            }
            assert!(start.elapsed() < PATIENCE, "{want:?} is not in {file}: {text}");
            std::thread::sleep(Duration::from_millis(20));
        }
    };
    let out = wait_for("out", "Server ready");
    let port: u16 =
        out.split("Port:").nth(1).unwrap().split_whitespace().next().unwrap().parse().unwrap();
    let mut alice = Client::new(TcpStream::connect(("127.0.0.1", port)).unwrap());
    alice.log_in("alice");
    // A SIGHUP alone is no end.
    let log = wait_for("log", "starts as process");
    let pid = log.split("starts as process ").nth(1).unwrap().split(',').next().unwrap();
    assert!(Command::new("kill").args(["-HUP", pid]).status().unwrap().success());
    wait_for("log", RELOADED);
    alice.ask("still here", "╰─> still here\n> ");
    drop(terminal);
    alice.expect("Server is shutting down. Goodbye!");
    wait_for("out", "GoodBye");
}

#[test]
fn what_is_no_settings_file_is_told_at_once_and_not_waited_for() {
    let mut server = start(&[]);
    let path = server.folder.join(".env");
    fs::remove_file(&path).unwrap();
    assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
    fail_to_reload(&mut server, &[".env: cannot be read: it is no plain file"]);
    fs::remove_file(&path).unwrap();
    std::os::unix::fs::symlink("/dev/zero", &path).unwrap();
    fail_to_reload(&mut server, &[".env: cannot be read: it is no plain file"]);
    fs::remove_file(&path).unwrap();
    std::os::unix::fs::symlink("lobbyd.env", &path).unwrap();
    fail_to_reload(&mut server, &["It is a link to nothing: put back what it names"]);
    let checked = crate::harness::run(server.folder.path(), &[], &["--check-config"]);
    let told = String::from_utf8(checked.stderr).unwrap();
    assert!(checked.status.code() == Some(2) && told.contains("a link to nothing"), "{told}");
    fs::remove_file(&path).unwrap();
    fs::write(&path, "#".repeat(100_000)).unwrap();
    fail_to_reload(&mut server, &[".env: cannot be read: it has more than 65536 bytes"]);
    server.login("alice");
}
