//! `lobbyd export`: the messages of a lobby as JSON, one a line.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Read};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::Stdio;
use std::thread;
use std::time::Duration;

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use serde_json::Value;

use crate::harness::{Clock, Folder, Server, lobbyd, run};
use crate::people::stop;

/// What `lobbyd export` prints, read as JSON.
#[track_caller]
fn export(folder: &Path, env: &[(&str, &str)], args: &[&str]) -> Vec<Value> {
    let output = run(folder, env, args);
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!((output.status.code(), &*error), (Some(0), ""));
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn texts(messages: &[Value]) -> Vec<&str> {
    messages.iter().map(|message| message["text"].as_str().unwrap()).collect()
}

#[test]
fn a_lobbys_messages_are_printed_beside_a_running_server_and_without_one() {
    let server = Server::start(&[]);
    let (mut alice, _bob) = (server.login("alice"), server.login("bob"));
    alice.ask("/create den secret a description", "Created");
    alice.ask("hello \"all\"", "╰─> hello");
    alice.ask("/me waves", "alice waves");
    alice.ask("/tag bob look here", "╰─> look here");
    alice.ask("/join den secret", "Joined");
    alice.ask("between us", "╰─> between us");
    alice.ask("/history 1", "between us");
    let all = export(server.folder.path(), &[], &["export", "GENERAL"]);
    assert_eq!(texts(&all), ["hello \"all\"", "waves", "look here"]);
    for (message, (event, tagged)) in
        all.iter().zip([("message", None), ("action", None), ("message", Some("bob"))])
    {
        assert_eq!(message["event"], event);
        assert_eq!(message.get("tagged").and_then(Value::as_str), tagged);
        assert_eq!((&message["lobby"], &message["from"]), (&"general".into(), &"alice".into()));
        let at = message["at"].as_str().unwrap();
        assert!(at.starts_with("20") && at.ends_with('Z') && at.contains('T'), "{at}");
    }
    let ids: Vec<_> = all.iter().map(|message| message["id"].as_u64().unwrap()).collect();
    assert!(ids.is_sorted_by(|a, b| a < b), "{ids:?}");
    let folder = stop(server);
    assert_eq!(export(folder.path(), &[], &["export", "general"]), all);
    assert_eq!(texts(&export(folder.path(), &[], &["export", "den"])), ["between us"]);
    let env = [("CHAT_HISTORY_KEEP_MESSAGES", "1")];
    assert_eq!(texts(&export(folder.path(), &env, &["export", "general"])), ["look here"]);
}

#[test]
fn only_what_was_said_since_then_is_printed() {
    let Some(clock) = Clock::new() else { return };
    let server = Server::start(&clock.env());
    let mut alice = server.login("alice");
    for hours in [-50, -3, 0] {
        clock.shift(hours * 3_600);
        alice.ask(&format!("said {hours}"), &format!("╰─> said {hours}"));
    }
    alice.ask("/history 1", "said 0");
    let folder = stop(server);
    for (args, want) in [
        (&["export", "general"][..], &["said -50", "said -3", "said 0"][..]),
        (&["export", "general", "--since", "2d"], &["said -3", "said 0"]),
        (&["--since=1h", "export", "general"], &["said 0"]),
    ] {
        assert_eq!(texts(&export(folder.path(), &[], args)), want, "{args:?}");
    }
}

#[test]
fn what_cannot_be_exported_is_told_in_a_line() {
    let folder = stop(Server::start(&[]));
    let fails = |env: &[(&str, &str)], args: &[&str], status: i32, words: &[&str]| {
        let output = run(folder.path(), env, args);
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(status), "{error}");
        assert_eq!(error.lines().count(), 1, "{error}");
        assert!(words.iter().all(|word| error.contains(word)), "{words:?} in {error}");
    };
    fails(&[], &["export", "genrel"], 1, &["no lobby 'genrel'; did you mean 'general'?"]);
    fails(&[("CHAT_DATA_DIR", "nowhere")], &["export", "general"], 1, &["no database"]);
    fails(&[("CHAT_DATA_DIR", "off")], &["export", "general"], 1, &["CHAT_DATA_DIR"]);
    fails(&[], &["export"], 2, &["--help"]);
    for bad in ["soon", "0", "-1d", "7"] {
        let since = format!("--since={bad}");
        fails(&[], &["export", "general", &since], 2, &["30s, 10m, 2h30m, 7d or 2w"]);
    }
    fails(&[], &["check-data", "--since", "1d"], 2, &["--since"]);
}

/// The folder of a server in whose general far more was said than a pipe takes.
fn much_was_said() -> Folder {
    let server = Server::start(&[]);
    let mut alice = server.login("alice");
    let lines: String = (0..500).map(|i| format!("{i} {}\n", "x".repeat(500))).collect();
    alice.send_raw(lines.as_bytes());
    alice.expect("╰─> 499 ");
    alice.ask("/history 1", "╰─> 499 ");
    stop(server)
}

#[test]
fn whoever_reads_the_first_lines_alone_is_no_fault() {
    let folder = much_was_said();
    let mut child = lobbyd(folder.path(), &[], &["export", "general"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = String::new();
    BufReader::with_capacity(64, child.stdout.take().unwrap()).read_line(&mut first).unwrap();
    assert!(first.contains("\"id\":1,"), "{first}");
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stderr), (Some(0), Vec::new()));
}

/// Both ends of a terminal: whoever looks at it, and what is shown on it.
pub(crate) fn terminal() -> (OwnedFd, File) {
    let pty = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&pty).unwrap();
    unlockpt(&pty).unwrap();
    let name = ptsname(&pty, Vec::new()).unwrap().into_string().unwrap();
    (pty, OpenOptions::new().read(true).write(true).open(name).unwrap())
}

/// What `lobbyd export` shows on the terminal that its errors go to, when what it prints is read only
/// after so long.
fn shown_on_a_terminal(folder: &Folder, term: &str, read_after: Duration) -> String {
    let (pty, terminal) = terminal();
    let mut command = lobbyd(folder.path(), &[("TERM", term)], &["export", "general"]);
    let mut child = command.stdout(Stdio::piped()).stderr(terminal).spawn().unwrap();
    // Its end of the terminal, so that the other one ends with the child.
    drop(command);
    let reader = thread::spawn(move || {
        let mut shown = Vec::new();
        // At the end a terminal fails to be read.
        let _ = File::from(pty).read_to_end(&mut shown);
        String::from_utf8(shown).unwrap()
    });
    thread::sleep(read_after);
    let mut printed = String::new();
    child.stdout.take().unwrap().read_to_string(&mut printed).unwrap();
    assert_eq!(printed.lines().count(), 500);
    assert!(child.wait().unwrap().success());
    reader.join().unwrap()
}

#[test]
fn on_a_terminal_work_of_more_than_a_second_shows_how_far_it_is() {
    let folder = much_was_said();
    let long = Duration::from_millis(1_200);
    let shown = shown_on_a_terminal(&folder, "xterm", long);
    assert!(
        shown.contains("\r\x1b[KPrinting messages: ") && shown.contains(" of 500 ("),
        "{shown:?}"
    );
    assert!(shown.ends_with("\r\x1b[K"), "it is taken back: {shown:?}");
    assert_eq!(shown_on_a_terminal(&folder, "dumb", long), "");
}
