//! Hooks: what programs post for a lobby over HTTP.

use std::io::{Read, Write};
use std::process::{Command, Stdio};

use crate::bots::{add_bot, bot};
use crate::gemini::{Gemini, whole};
use crate::harness::{Client, Server, count};
use crate::http::{Answer, connect, exchange, parse, request, web_port};
use crate::installed::have;
use crate::people::{Cast, log_in_to, registered, restart, with_root};
use crate::socket::WEB;

/// The ports of the page of all nodes.
fn web_ports(server: &Server) -> Vec<u16> {
    let others = server.over.iter().flat_map(|over| &over.others);
    [server].into_iter().chain(others).map(web_port).collect()
}

/// Adds a hook to the lobby that somebody is in, and gives its token.
#[track_caller]
pub(crate) fn add_hook(client: &mut Client, name: &str) -> String {
    client.ask(&format!("/hook add {name}"), "\n  POST /hooks/");
    client.expect("\n")
}

pub(crate) fn post(server: &Server, token: &str, headers: &str, body: &[u8]) -> Answer {
    request(web_port(server), "POST", &format!("/hooks/{token}"), headers, body)
}

#[track_caller]
fn posted(server: &Server, token: &str, body: &str) {
    let answer = post(server, token, "", body.as_bytes());
    assert_eq!((answer.status, answer.body.as_str()), (200, "ok\n"), "{body}");
}

/// A server with an admin, and the token of the hook `ci` of general.
fn with_hook(env: &[(&str, &str)]) -> (Server, Client, String) {
    let server = restart(with_root(), &[&[WEB, crate::people::ADMINS[0]], env].concat());
    let (mut root, _) = log_in_to(&server, "root");
    let token = add_hook(&mut root, "ci");
    (server, root, token)
}

const JSON: &str = "Content-Type: application/json\r\n";

#[test]
fn owners_and_operators_add_list_and_delete_hooks() {
    let mut cast = Cast::new();
    for (client, may) in [(&mut cast.dave, false), (&mut cast.carol, false), (&mut cast.bob, true)]
    {
        let denied = "Only an owner or operator of 'coding' can do that.\n";
        match may {
            false => {
                client.ask("/hook add ci", denied);
                client.ask("/hook list", denied);
                client.ask("/hook del ci", denied);
            }
            true => assert_eq!(add_hook(client, "ci").len(), 43),
        }
    }
    cast.carol.expect("[LOBBY] bob added the hook 'ci'\n");
    cast.alice.ask("/hook add CI", "There is a hook 'CI' here already.\n");
    cast.alice.ask("/hook add dave", "Username already taken, try another.\n");
    cast.alice.ask("/hook add x", "Username too short (min 2 characters)\n");
    for n in 2..=10 {
        add_hook(&mut cast.alice, &format!("hook{n}"));
    }
    cast.alice
        .ask("/hook add more", "There are 10 hooks here already. Take one away with /hook del.\n");
    cast.alice.ask("/hook list", "=== Hooks of 'coding' (10 of 10) ===\n  ci by bob, ");
    cast.alice.ask("/hook del nobody", "There is no hook of that name here. See /hook list.\n");
    cast.alice.ask("/hook del Ci", "[LOBBY] alice deleted the hook 'ci'\n");
    cast.alice.ask("/audit", "alice deleted the hook 'ci'\n");
    // General's are the admins'.
    cast.alice.ask("/join general", "Joined lobby 'general'");
    cast.alice.ask("/hook add ci", "Only an owner or operator of 'general' can do that.\n");
    cast.root.ask("/join general", "Joined lobby 'general'");
    add_hook(&mut cast.root, "ci");
}

#[test]
fn what_is_posted_is_shown_kept_found_and_replayed_as_a_bots() {
    let (server, mut root, token) = with_hook(&[]);
    posted(&server, &token, "deployed 3.2");
    root.expect("[@_@] ci [bot] [just now]\n  ╰─> deployed 3.2\n");
    let answer = post(&server, &token, JSON, br#"{"title":"Alert","message":"disk full\n90 %"}"#);
    assert_eq!(answer.status, 200);
    root.expect("  ╰─> Alert\n      disk full\n      90 %\n");
    posted(&server, &token, "payload=%7B%22text%22%3A%22of+a+form%22%7D");
    root.expect("╰─> of a form\n");
    // Never a command.
    posted(&server, &token, "/topic mine");
    root.expect("╰─> /topic mine\n");
    posted(&server, &token, "\u{1b}[31mred\u{202E}");
    root.expect("╰─> red\n");
    posted(&server, &token, &"x".repeat(1_001));
    root.expect(&format!("╰─> {}…\n", "x".repeat(1_000)));
    root.ask("/history 20", "ci [bot] [");
    root.expect("╰─> /topic mine\n");
    root.ask("/search deployed", "ci [bot] [");
    let (_, shown) = log_in_to(&server, "root");
    assert!(
        shown.contains("ci [bot] [") && shown.contains("╰─> disk full")
            || shown.contains("disk full"),
        "{shown}"
    );
}

#[test]
fn what_is_wrong_is_said_in_one_line() {
    let (server, _root, token) = with_hook(&[]);
    let port = web_port(&server);
    let path = format!("/hooks/{token}");
    let wrong = format!("/hooks/{}", "A".repeat(43));
    let big = vec![b'x'; 16 * 1024 + 1];
    let huge = vec![b'x'; 256 * 1024 + 1];
    let github = "X-GitHub-Event: push\r\n";
    for (method, path, headers, body, status, line) in [
        (
            "POST",
            path.as_str(),
            JSON,
            &b"{"[..],
            400,
            "not JSON: send an object with text, message, content or body, or plain text",
        ),
        (
            "POST",
            &path,
            JSON,
            b"{}",
            400,
            "no text: send an object with text, message, content or body",
        ),
        (
            "POST",
            &path,
            "Content-Type: multipart/form-data; boundary=x\r\n",
            b"--x\r\n\r\nhello\r\n--x--\r\n",
            400,
            "a form of parts: send JSON or plain text",
        ),
        ("POST", &path, "", b" \n", 400, "nothing to show"),
        ("POST", &path, "", b"", 400, "nothing to show"),
        (
            "POST",
            &path,
            github,
            b"x",
            400,
            "not JSON: send an object with text, message, content or body, or plain text",
        ),
        ("POST", &wrong, "", b"x", 404, "there is no such hook"),
        ("POST", "/hooks/short", "", b"x", 404, "there is no such hook"),
        ("POST", "/hooks/", "", b"x", 404, "there is no such hook"),
        ("POST", &format!("{path}/more"), "", b"x", 404, "there is no such hook"),
        ("GET", &path, "", b"", 405, "only POST"),
        ("PUT", &path, "", b"x", 405, "only POST"),
        ("POST", &path, "", &big, 413, "at most 16384 bytes"),
        ("POST", &path, github, &huge, 413, "at most 262144 bytes"),
    ] {
        let answer = request(port, method, path, headers, body);
        let got = (answer.status, answer.body.as_str());
        assert_eq!(
            got,
            (status, format!("{line}\n").as_str()),
            "{method} {headers} {}",
            body.len()
        );
        assert_eq!(answer.header("Allow"), (status == 405).then_some("POST"));
    }
    // A body that does not say how long it is.
    let chunked = format!(
        "POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
    );
    assert_eq!(parse(&exchange(port, chunked.as_bytes())).status, 200);
    let too_long = format!("4400\r\n{}\r\n", "x".repeat(0x4400));
    let chunked = chunked.replace("5\r\nhello\r\n", &too_long);
    assert_eq!(parse(&exchange(port, chunked.as_bytes())).status, 413);
    let log = server.log();
    assert!(!log.contains(&token), "a token is in the log");
}

#[test]
fn a_client_that_waits_to_be_told_to_go_on_posts_all_of_its_body() {
    let (server, mut alice, token) = with_hook(&[]);
    let body = "two\n\nparagraphs\r\n\r\nand more";
    let mut tcp = connect(web_port(&server));
    let head = format!(
        "POST /hooks/{token} HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nConnection: close\r\n\
         Content-Type: text/plain\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    tcp.write_all(head.as_bytes()).unwrap();
    let mut interim = [0; 25];
    tcp.read_exact(&mut interim).unwrap();
    assert_eq!(interim, *b"HTTP/1.1 100 Continue\r\n\r\n");
    tcp.write_all(body.as_bytes()).unwrap();
    let mut answer = String::new();
    tcp.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    alice.expect("╰─> two\n");
    alice.expect("      and more\n");
}

#[test]
fn github_and_grafana_are_understood() {
    let (server, mut root, token) = with_hook(&[]);
    for (event, want) in [
        (
            "push",
            "╰─> octo-org/octo-repo push: main https://github.com/octo-org/octo-repo/compare/6113728f27ae...59b20b8d5c6f by octocat\n",
        ),
        ("pull_request", "╰─> octo-org/octo-repo pull_request opened: Update the README https://"),
        ("issues", "╰─> octo-org/octo-repo issues closed: Spelling error https://"),
        ("release", "╰─> octo-org/octo-repo release published: v0.0.1 https://"),
        ("workflow_run", "╰─> octo-org/octo-repo workflow_run completed failure: CI https://"),
    ] {
        let file = format!("{}/tests/data/github/{event}.json", env!("CARGO_MANIFEST_DIR"));
        let body = std::fs::read(file).unwrap();
        let headers = format!("{JSON}X-GitHub-Event: {event}\r\n");
        let answer = post(&server, &token, &headers, &body);
        assert_eq!((answer.status, answer.body.as_str()), (200, "ok\n"));
        root.expect(want);
    }
    let ping = include_bytes!("data/github/ping.json");
    let answer = post(&server, &token, &format!("{JSON}X-GitHub-Event: ping\r\n"), ping);
    assert_eq!((answer.status, answer.body.as_str()), (200, "ok\n"));
    let answer = post(&server, &token, JSON, include_bytes!("data/grafana.json"));
    assert_eq!(answer.status, 200);
    root.expect("╰─> [FIRING:1] High memory usage\n      **Firing**\n");
    let seen = root.sync("root");
    assert!(!seen.contains("Keep it logically"), "{seen}");
}

#[test]
fn curl_posts_a_line() {
    if !have(&["curl"]) {
        return;
    }
    let (server, mut root, token) = with_hook(&[]);
    let url = format!("http://127.0.0.1:{}/hooks/{token}", web_port(&server));
    let curl = Command::new("curl").args(["-sS", "-d", "deployed by curl", &url]).output().unwrap();
    assert_eq!(curl.stdout, b"ok\n", "{curl:?}");
    root.expect("ci [bot] [just now]\n  ╰─> deployed by curl\n");
}

#[test]
fn a_hook_posts_ten_times_in_ten_seconds_and_is_told_when_again() {
    let (server, mut root, token) = with_hook(&[]);
    let (ports, path) = (web_ports(&server), format!("/hooks/{token}"));
    let post_to = |node: usize, text: &str| {
        request(ports[node % ports.len()], "POST", &path, "", text.as_bytes())
    };
    for n in 1..=10 {
        assert_eq!(post_to(n, &format!("post {n}")).status, 200);
        root.expect(&format!("╰─> post {n}\n"));
        root.ask("a person", "╰─> a person\n");
    }
    let answer = post_to(2, "one more");
    assert_eq!(answer.status, 429, "{}", answer.body);
    let secs: u64 = answer.header("Retry-After").unwrap().parse().unwrap();
    assert!((1..=10).contains(&secs), "{secs}");
    assert_eq!(answer.body, format!("too many posts, wait {secs} seconds\n"));
    // Each hook has its own.
    let other = add_hook(&mut root, "other");
    posted(&server, &other, "of another");
    root.expect("╰─> of another\n");
    let seen = root.sync("root");
    assert!(!seen.contains("one more"), "{seen}");
}

#[test]
fn a_flood_at_once_is_bounded_as_one_after_the_other_is() {
    let (server, _root, token) = with_hook(&[]);
    let port = web_port(&server);
    let path = format!("/hooks/{token}");
    let answers: Vec<u16> = std::thread::scope(|scope| {
        let posts: Vec<_> = (0..40)
            .map(|_| scope.spawn(|| request(port, "POST", &path, "", b"flood").status))
            .collect();
        posts.into_iter().map(|post| post.join().unwrap()).collect()
    });
    assert_eq!(answers.iter().filter(|status| **status == 200).count(), 10, "{answers:?}");
    assert!(answers.iter().all(|status| [200, 429].contains(status)), "{answers:?}");
}

#[test]
fn bots_and_hooks_together_are_muted_when_nobody_else_speaks() {
    let (server, mut root, token) = with_hook(&[]);
    let other = add_hook(&mut root, "other");
    for n in 0..20 {
        posted(&server, if n % 2 == 0 { &token } else { &other }, &format!("post {n}"));
    }
    root.expect("[LOBBY] Its bots are muted for 1m: ");
    let third = add_hook(&mut root, "third");
    let answer = post(&server, &third, "", b"x");
    assert_eq!(answer.status, 429);
    let secs: u64 = answer.header("Retry-After").unwrap().parse().unwrap();
    assert!((50..=60).contains(&secs), "{secs}");
    assert_eq!(answer.body, format!("bots are muted there, wait {secs} seconds\n"));
}

#[test]
fn a_restart_and_a_kill_keep_hooks_and_a_deleted_lobby_takes_its_own_along() {
    let (server, mut root, token) = with_hook(&[]);
    root.ask("/create coding no-pass Code", "Created");
    root.ask("/join coding", "Joined lobby 'coding'");
    let coding = add_hook(&mut root, "builds");
    let env = [WEB, crate::people::ADMINS[0]];
    let server = restart(server, &env);
    posted(&server, &token, "after a restart");
    posted(&server, &coding, "in its own lobby");
    let (_, shown) = log_in_to(&server, "root");
    assert!(shown.contains("builds [bot] [") && shown.contains("in its own lobby"), "{shown}");
    server.signal("KILL");
    let server = Server::start_in(server.into_folder(), &env);
    posted(&server, &token, "after a kill");
    let (mut root, _) = log_in_to(&server, "root");
    root.ask("/history", "builds [bot] [");
    root.ask("/delete coding", "Say it again within 30 seconds");
    root.ask("/delete coding", "[LOBBY] root deleted the lobby 'coding'\n");
    root.ask("/users", "=== Users in 'general' (1) ===");
    assert_eq!(post(&server, &coding, "", b"x").status, 404);
    root.ask("/hook del ci", "[LOBBY] root deleted the hook 'ci'\n");
    assert_eq!(post(&server, &token, "", b"x").status, 404);
}

#[test]
fn rox_hears_nothing_of_hooks() {
    let gemini = Gemini::start();
    let (server, mut root, token) = with_hook(&gemini.env());
    root.ask("of a person", "╰─> of a person\n");
    posted(&server, &token, "of a hook");
    posted(&server, &token, "@rox of a hook, too");
    root.expect("╰─> @rox of a hook, too\n");
    gemini.then(whole("fine"));
    root.ask("/ai how are you?", "[AI Response to root]");
    let requests = gemini.requests();
    assert_eq!(requests.len(), 1);
    let asked = requests[0].newest();
    assert!(asked.contains("of a person") && !asked.contains("of a hook"), "{asked}");
}

#[test]
fn tokens_are_in_no_log_at_any_level_and_not_in_the_database() {
    let (server, mut root, token) = with_hook(&[("RUST_LOG", "trace")]);
    posted(&server, &token, "hello");
    post(&server, &"B".repeat(43), "", b"hello");
    root.expect("╰─> hello\n");
    let bots = add_bot(&mut root, "dice");
    bot(&server, "dice", &bots);
    let log = server.log();
    for token in [&token, &bots, &"B".repeat(43)] {
        assert_eq!(count(&log, token), 0, "a token is in the log");
    }
    let folder = crate::people::stop(server);
    for file in ["lobbyd.db", "lobbyd.db-wal"] {
        let Ok(bytes) = std::fs::read(folder.join("data").join(file)) else { continue };
        for token in [&token, &bots] {
            assert!(!bytes.windows(43).any(|window| window == token.as_bytes()), "{file}");
        }
    }
}

#[test]
fn a_draining_server_sends_hooks_away() {
    let (mut server, mut root, token) = with_hook(&[]);
    let mut drain =
        crate::harness::lobbyd(server.folder.path(), &[], &["ctl", "drain", "--deadline", "60s"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
    root.expect("The server restarts when everybody has left");
    let answer = post(&server, &token, "", b"x");
    assert_eq!(answer.status, 503, "{}", answer.body);
    assert!(answer.header("Retry-After").is_some());
    assert_eq!(answer.body, "the server is restarting, try again soon\n");
    root.send("/quit");
    root.read_to_end();
    drain.wait().unwrap();
    server.wait();
}

/// The example of the manual, as it stands there.
fn python_of_the_manual(begins: &str) -> String {
    let manual =
        std::fs::read_to_string(format!("{}/docs/bots.md", env!("CARGO_MANIFEST_DIR"))).unwrap();
    let blocks = manual.split("```python\n").skip(1).filter_map(|rest| rest.split_once("```"));
    let code = blocks.map(|(code, _)| code.to_owned()).find(|code| code.contains(begins));
    code.unwrap_or_else(|| panic!("there is no such example: {begins}"))
}

/// A program of Python's that runs until the test is over.
struct Python(std::process::Child);

impl Python {
    fn run(code: &str, args: &[&str]) -> Self {
        let mut child =
            Command::new("python3").arg("-").args(args).stdin(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(code.as_bytes()).unwrap();
        Self(child)
    }
}

impl Drop for Python {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn the_bot_of_the_manual_answers() {
    let code = python_of_the_manual("!dice");
    let lines = code.lines().filter(|line| !line.trim().is_empty()).count();
    assert!(lines <= 20, "{lines} lines");
    if !have(&["python3"]) {
        return;
    }
    let server = Server::start(&[]);
    let mut alice = registered(&server, "alice");
    let token = add_bot(&mut alice, "dice");
    let port = server.port.to_string();
    let _dice = Python::run(&code, &["127.0.0.1", &port, "dice", &token]);
    alice.sync("alice");
    crate::bots::until(&mut alice, "/users", "dice (bot)");
    alice.ask("!dice", "dice [bot] [just now]\n  ╰─> alice rolls a ");
}

#[test]
fn the_bridge_of_the_manual_joins_two_servers_and_a_loop_is_caught() {
    let file = format!("{}/docs/bridge.py", env!("CARGO_MANIFEST_DIR"));
    let code = std::fs::read_to_string(file).unwrap();
    if !have(&["python3"]) {
        return;
    }
    let servers = [Server::start(&[]), Server::start(&[])];
    let mut people = [registered(&servers[0], "alice"), registered(&servers[1], "bob")];
    let tokens = people.each_mut().map(|person| add_bot(person, "bridge"));
    let ports = servers.each_ref().map(|server| server.port.to_string());
    let ends: Vec<String> = ports
        .iter()
        .zip(&tokens)
        .map(|(port, token)| format!("127.0.0.1:{port}:bridge:{token}"))
        .collect();
    let bridge = Python::run(&code, &[&ends[0], &ends[1]]);
    for person in &mut people {
        crate::bots::until(person, "/users", "bridge (bot)");
    }
    let [alice, bob] = &mut people;
    alice.send("hello over there");
    bob.expect("bridge [bot] [just now]\n  ╰─> <alice> hello over there\n");
    bob.send("two rows come as two");
    alice.expect("bridge [bot] [just now]\n  ╰─> <bob> two rows come as two\n");
    drop(bridge);
    // Two bridges between the same two rooms hear each other, and would never end.
    let _bridges = ["first", "second"].map(|name| {
        let tokens = people.each_mut().map(|person| add_bot(person, name));
        let end = |at: usize| format!("127.0.0.1:{}:{name}:{}", ports[at], tokens[at]);
        Python::run(&code, &[&end(0), &end(1), "--bots"])
    });
    for person in &mut people {
        crate::bots::until(person, "/users", "first (bot)");
        crate::bots::until(person, "/users", "second (bot)");
    }
    people[0].send("round and round");
    // Where it is caught first, it has ended for both.
    let notice = "[LOBBY] Its bots are muted for 1m: ";
    let start = std::time::Instant::now();
    while !people.iter().any(|person| person.text().contains(notice)) {
        assert!(start.elapsed() < crate::harness::PATIENCE, "it goes on");
        people.iter_mut().for_each(Client::read_some);
    }
}
