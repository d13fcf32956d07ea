//! The process: start, settings, arguments, exit status.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;

use crate::harness::{Folder, Server, run};
use crate::people::{PASSWORD, makes, registered, stop};

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// Runs the program, which must fail with `status` and one line that has all of `words`.
fn fails(env: &[(&str, &str)], args: &[&str], status: i32, words: &[&str]) {
    let folder = Folder::new();
    let output = run(folder.path(), env, args);
    let error = text(&output.stderr);
    assert_eq!(output.status.code(), Some(status), "{error}");
    assert_eq!(error.lines().count(), 1, "{error}");
    assert!(words.iter().all(|w| error.contains(w)), "{words:?} in {error}");
}

#[test]
fn the_start_says_what_runs_without_escape_codes() {
    let server = Server::start(&[]);
    let out = server.out();
    for line in [
        format!("    Port:         {}", server.port),
        "    Lobby:        general".to_owned(),
        "    Protocol:     TCP".to_owned(),
        "    [!] AI features disabled (no API key)".to_owned(),
        "    Config:       none".to_owned(),
        format!("    Data:         {}", server.folder.join("data/lobbyd.db").display()),
        "    [!] No admins: nobody can moderate general (CHAT_ADMINS)".to_owned(),
        "    >> Server ready - Waiting for connections...".to_owned(),
    ] {
        assert!(out.lines().any(|l| l == line), "{line:?} in {out}");
    }
    assert!(!out.contains('\x1b') && !out.contains("TLS enabled"));
    let server = Server::start(&[("GEMINI_API_KEY", "sk-hidden")]);
    assert!(server.out().contains("    [✓] AI features enabled\n"));
    assert!(!server.out().contains("sk-hidden") && !server.log().contains("sk-hidden"));
}

#[test]
fn the_start_says_which_files_it_uses_and_whether_anybody_is_an_admin() {
    let folder = Folder::new();
    fs::write(folder.join(".env"), "CHAT_ADMINS=alice\n").unwrap();
    let server = Server::start_in(folder, &[("CHAT_DATA_DIR", "off")]);
    let out = server.out();
    let config = format!("    Config:       {}\n", server.folder.join(".env").display());
    assert!(out.contains(&config), "{out}");
    assert!(out.contains("    Data:         memory only\n") && out.contains("No admins"), "{out}");
    let folder = server.into_folder();
    // An account that somebody else made under an admin's name is none of an admin.
    let server = Server::start_in(folder, &[("CHAT_ADMINS", "bob")]);
    registered(&server, "alice");
    let server = Server::start_in(stop(server), &[]);
    assert!(server.out().contains("[!] No admins"), "{}", server.out());
    let remedy = "    [!] alice is no admin yet: run: lobbyd ctl passwd alice\n";
    assert!(server.out().contains(remedy), "{}", server.out());
    let folder = stop(server);
    makes(folder.path(), "alice", PASSWORD);
    let server = Server::start_in(folder, &[]);
    assert!(!server.out().contains("[!] No admins"), "{}", server.out());
}

#[test]
fn without_a_certificate_the_start_says_how_to_make_one() {
    let server = Server::start(&[("CHAT_TLS_ADDR", "127.0.0.1:0")]);
    assert!(server.out().contains("lobbyd gen-cert"), "{}", server.out());
    assert!(server.out().contains("    Protocol:     TCP\n"));
}

#[test]
fn bad_values_end_the_start_with_one_line_and_status_two() {
    for (key, value) in [
        ("CHAT_ADDR", "nonsense"),
        ("CHAT_MAX_CONNECTIONS", "many"),
        ("CHAT_RATE_WINDOW_SECS", "0"),
        ("CHAT_COLOR", "maybe"),
        ("AI_WORKERS", "0"),
    ] {
        fails(&[(key, value)], &[], 2, &[key, value, "expected"]);
        fails(&[(key, value)], &["--check-config"], 2, &[key, value, "expected"]);
    }
}

#[test]
fn every_fault_is_told_in_a_line_of_its_own() {
    let folder = Folder::new();
    let lines = "CHAT_ADMINS=ann bob\nCHAT_WIDTH=9\nCHAT_COLOUR=on\nCHAT_DATA_DIR=file\n";
    fs::write(folder.join(".env"), lines).unwrap();
    fs::write(folder.join("file"), "no folder").unwrap();
    let env = [
        ("AI_QUEUE", "0"),
        ("AI_MODEL", "llama3.2"),
        ("CHAT_TLS_CERT", "nowhere.crt"),
        ("GEMINI_API_KEY", "a b"),
    ];
    let told = |args: &[&str]| {
        let output = run(folder.path(), &env, args);
        assert_eq!(output.status.code(), Some(2));
        let error = text(&output.stderr);
        let lines: Vec<_> = error.lines().map(str::to_owned).collect();
        (lines, text(&output.stdout))
    };
    let of_settings = [
        "lobbyd: warning: CHAT_COLOUR is no setting; did you mean CHAT_COLOR?",
        "lobbyd: warning: AI_MODEL: no effect without AI_BASE_URL, the address of the server that answers: set AI_BASE_URL",
        "lobbyd: .env: line 1: CHAT_ADMINS: a value with blanks needs quotes: CHAT_ADMINS='...'",
        "lobbyd: CHAT_WIDTH: bad value '9': expected a number from 20 to 500, or off",
        "lobbyd: GEMINI_API_KEY: bad value '****': expected printable ASCII without blanks",
        "lobbyd: AI_QUEUE: bad value '0': expected a number from 1 to 10000",
    ];
    assert_eq!(told(&[]).0, of_settings);
    // A check goes on to what else the start would meet.
    let (lines, out) = told(&["--check-config"]);
    assert_eq!(lines[..6], of_settings);
    assert!(lines[6].contains("nowhere.crt"), "{lines:?}");
    assert!(lines[7].starts_with("lobbyd: file: not a directory."), "{lines:?}");
    assert_eq!(lines.len(), 8);
    assert!(out.contains("CHAT_WIDTH=9\n") && out.contains("GEMINI_API_KEY=****\n"), "{out}");
}

#[test]
fn check_config_looks_whether_the_data_directory_could_be_used_and_makes_nothing() {
    let folder = Folder::new();
    let check = |folder: &Folder, dir: &str| {
        let output = run(folder.path(), &[("CHAT_DATA_DIR", dir)], &["--check-config"]);
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    };
    fs::write(folder.join("file"), "text").unwrap();
    for (dir, words) in [
        ("data", "# Data: data/lobbyd.db, which a start makes"),
        ("deep/down", "# Data: deep/down/lobbyd.db, which a start makes"),
        ("off", "# Data: memory only"),
    ] {
        let (status, out, error) = check(&folder, dir);
        assert_eq!((status, error.as_str()), (Some(0), ""));
        assert!(out.contains(words), "{out}");
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing was made");
    let (status, _, error) = check(&folder, "file/below");
    assert_eq!(status, Some(2));
    assert!(error.contains("file: not a directory. Check CHAT_DATA_DIR"), "{error}");

    // Beside a running server all is well; what is no database is told, and left as it is.
    let server = Server::start(&[]);
    let (status, out, error) = check(&server.folder, "data");
    assert_eq!(status, Some(0), "{error}");
    assert!(out.contains("# Data: data/lobbyd.db, of version"), "{out}");
    let folder = stop(server);
    let junk = "no database at all".repeat(99);
    fs::write(folder.join("data/lobbyd.db"), &junk).unwrap();
    let (status, _, error) = check(&folder, "data");
    assert_eq!((status, error.lines().count()), (Some(2), 1));
    assert!(error.contains("data/lobbyd.db") && error.contains("lobbyd restore"), "{error}");
    assert_eq!(fs::read_to_string(folder.join("data/lobbyd.db")).unwrap(), junk);
}

#[test]
fn a_value_that_is_no_text_is_a_bad_value() {
    use std::os::unix::ffi::OsStrExt;
    let folder = Folder::new();
    let output = crate::harness::lobbyd(folder.path(), &[], &["--check-config"])
        .env("CHAT_ADDR", std::ffi::OsStr::from_bytes(b"\xff\xfe"))
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("CHAT_ADDR"));
}

#[test]
fn the_env_file_sets_and_the_environment_wins() {
    let folder = Folder::new();
    fs::write(
        folder.join(".env"),
        "# a comment\nCHAT_MAX_MESSAGE_CHARS=\"20\"\nCHAT_MAX_LOBBIES=7\nCHAT_COLOR=\n",
    )
    .unwrap();
    let env = [("CHAT_MAX_LOBBIES", "9"), ("CHAT_MAX_MESSAGE_CHARS", "")];
    let output = run(folder.path(), &env, &["--check-config"]);
    let out = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0));
    assert!(out.contains("CHAT_MAX_MESSAGE_CHARS=20\n"), "{out}");
    assert!(out.contains("CHAT_MAX_LOBBIES=9\n"), "{out}");
    assert!(out.contains("CHAT_COLOR=on\n"), "{out}");

    let server = Server::start_in(folder, &[("CHAT_TLS_ADDR", "off")]);
    server.login("alice").ask(&"x".repeat(21), "Message too long (max 20 chars)");
}

#[test]
fn a_copy_of_the_example_changes_nothing() {
    let folder = Folder::new();
    let without = text(&run(folder.path(), &[], &["--check-config"]).stdout);
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/.env.example");
    fs::copy(example, folder.join(".env")).unwrap();
    let with = run(folder.path(), &[], &["--check-config"]);
    assert_eq!(text(&with.stdout), without);
    assert_eq!(text(&with.stderr), "");
    // With the marks taken away each line is still good.
    let all: String = fs::read_to_string(example)
        .unwrap()
        .lines()
        .map(|l| l.strip_prefix('#').filter(|l| !l.starts_with(' ')).unwrap_or(l).to_owned() + "\n")
        .collect();
    fs::write(folder.join(".env"), all).unwrap();
    // Setting the paths makes their absence an error, which is as it should be.
    let off = [("CHAT_TLS_ADDR", "off")];
    let set = run(folder.path(), &off, &["--check-config"]);
    assert_eq!(text(&set.stdout), without.replace("CHAT_TLS_ADDR=[::]:8443", "CHAT_TLS_ADDR=off"));
}

#[test]
fn a_bad_line_of_the_env_file_is_named_by_its_number_alone() {
    let folder = Folder::new();
    fs::write(folder.join(".env"), "CHAT_COLOR=on\nGEMINI_API_KEY='sk-hidden\n").unwrap();
    let output = run(folder.path(), &[], &[]);
    let error = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{error}");
    assert!(error.contains(".env") && !error.contains("sk-hidden"), "{error}");
    assert!(error.contains("line 2: GEMINI_API_KEY: "), "{error}");
    for bad in ["CHAT_COLOR=on off", "GEMINI_API_KEY=abc def", "no equals sign"] {
        fs::write(folder.join(".env"), format!("# one\nCHAT_MAX_LOBBIES=5\n{bad}\n")).unwrap();
        let output = run(folder.path(), &[], &[]);
        let error = text(&output.stderr);
        assert!(error.contains(".env: line 3: ") && !error.contains("abc"), "{bad}: {error}");
    }
}

#[test]
fn an_env_file_that_cannot_be_read_ends_the_start() {
    let folder = Folder::new();
    fs::create_dir(folder.join(".env")).unwrap();
    for args in [&[][..], &["--check-config"]] {
        let output = run(folder.path(), &[], args);
        let error = text(&output.stderr);
        assert_eq!((output.status.code(), error.lines().count()), (Some(2), 1), "{error}");
        assert!(error.starts_with("lobbyd: .env: cannot be read: "), "{error}");
    }
}

#[test]
fn an_unknown_key_is_a_warning_with_the_nearest_known_one() {
    let folder = Folder::new();
    let output = run(folder.path(), &[("CHAT_COLOUR", "off")], &["--check-config"]);
    let error = text(&output.stderr);
    assert_eq!(output.status.code(), Some(0));
    assert!(error.contains("CHAT_COLOUR") && error.contains("CHAT_COLOR?"), "{error}");
    let others = [("AI_WORKER", "1"), ("GEMINI_KEY", "x"), ("NATS_URLS", "y"), ("HOMES", "z")];
    let error = text(&run(folder.path(), &others, &["--check-config"]).stderr);
    assert_eq!(error.lines().count(), 3, "{error}");
    assert!(error.contains("AI_WORKERS?") && error.contains("GEMINI_API_KEY?"), "{error}");
}

#[test]
fn check_config_prints_all_settings_with_secrets_masked() {
    let folder = Folder::new();
    let output = run(folder.path(), &[("GEMINI_API_KEY", "sk-hidden")], &["--check-config"]);
    let out = text(&output.stdout);
    assert!(out.contains("GEMINI_API_KEY=****\n") && !out.contains("sk-hidden"), "{out}");
    assert!(out.contains("CHAT_ADDR=[::]:8080\n") && out.contains("AI_QUEUE=32\n"), "{out}");
}

#[test]
fn check_config_finds_a_bad_certificate() {
    let env = [("CHAT_TLS_CERT", "nowhere.crt")];
    fails(&env, &["--check-config"], 2, &["nowhere.crt", "gen-cert"]);
}

#[test]
fn help_and_version_are_printed_and_other_arguments_refused() {
    let folder = Folder::new();
    for flag in ["--help", "-h"] {
        let help = run(folder.path(), &[], &[flag]);
        assert_eq!(help.status.code(), Some(0));
        let out = text(&help.stdout);
        assert!(["--check-config", "gen-cert", "--version"].iter().all(|w| out.contains(w)));
    }
    let version = run(folder.path(), &[], &["--version"]);
    assert_eq!(text(&version.stdout), concat!("lobbyd ", env!("CARGO_PKG_VERSION"), "\n"));
    for args in [&["--nope"][..], &["serve"], &["--force"], &["gen-cert", "extra"]] {
        fails(&[], args, 2, &["--help"]);
    }
}

#[test]
fn a_port_in_use_is_named_with_the_remedy() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = taken.local_addr().unwrap().to_string();
    fails(
        &[("CHAT_ADDR", &addr), ("RUST_LOG", "off,lobbyd::server::reload=error")],
        &[],
        1,
        &[&addr, "CHAT_ADDR"],
    );
}

#[test]
fn with_every_listener_off_there_is_an_error() {
    let off = [("CHAT_ADDR", "off"), ("CHAT_TLS_ADDR", "off")];
    fails(&off, &[], 1, &["CHAT_ADDR", "CHAT_TLS_ADDR"]);
    fails(&off, &["--check-config"], 2, &["CHAT_ADDR", "CHAT_TLS_ADDR"]);
    fails(&[("CHAT_ADDR", "off")], &[], 1, &["CHAT_ADDR", "gen-cert"]);
}

#[test]
fn gen_cert_writes_a_pair_once_and_prints_the_fingerprint() {
    let folder = Folder::new();
    let made = run(folder.path(), &[], &["gen-cert"]);
    assert_eq!(made.status.code(), Some(0), "{}", text(&made.stderr));
    let out = text(&made.stdout);
    let fingerprint = out.split("SHA-256 fingerprint: ").nth(1).unwrap().trim();
    assert_eq!(fingerprint.len(), 95);
    let mode = fs::metadata(folder.join("certs/server.key")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let before = fs::read(folder.join("certs/server.crt")).unwrap();
    let again = run(folder.path(), &[], &["gen-cert"]);
    assert_eq!(again.status.code(), Some(1));
    assert!(text(&again.stderr).contains("--force"));
    assert_eq!(fs::read(folder.join("certs/server.crt")).unwrap(), before);
    let forced = run(folder.path(), &[], &["gen-cert", "--force"]);
    assert_eq!(forced.status.code(), Some(0));
    assert_ne!(fs::read(folder.join("certs/server.crt")).unwrap(), before);
    let checked = text(&run(folder.path(), &[], &["--check-config"]).stdout);
    let new = text(&forced.stdout);
    assert!(checked.contains(new.split("fingerprint: ").nth(1).unwrap().trim()), "{checked}");
}

#[test]
fn a_certificate_that_cannot_be_used_ends_the_start() {
    let folder = Folder::new();
    let (one, two) = (folder.join("one"), folder.join("two"));
    for place in [&one, &two] {
        fs::create_dir_all(place).unwrap();
        assert_eq!(run(place, &[], &["gen-cert"]).status.code(), Some(0));
    }
    let path = |place: &std::path::Path, file: &str| {
        place.join("certs").join(file).to_str().unwrap().to_owned()
    };
    fs::write(one.join("junk"), "junk").unwrap();
    let junk = one.join("junk").to_str().unwrap().to_owned();
    let cases = [
        (path(&one, "server.crt"), path(&two, "server.key"), "does not match"),
        (junk.clone(), path(&one, "server.key"), "certificate"),
        (path(&one, "server.crt"), junk, "private key"),
        (path(&one, "server.crt"), path(&one, "missing.key"), "missing.key"),
        (path(&one, "missing.crt"), path(&one, "server.key"), "missing.crt"),
    ];
    for (cert, key, word) in cases {
        let env = [
            ("CHAT_ADDR", "127.0.0.1:0"),
            ("CHAT_TLS_ADDR", "127.0.0.1:0"),
            ("CHAT_TLS_CERT", &cert),
            ("CHAT_TLS_KEY", &key),
        ];
        fails(&env, &[], 1, &[word, "gen-cert"]);
    }
    // A key with a passphrase is no key for a server; nobody is asked for it.
    let locked = one.join("locked.key").to_str().unwrap().to_owned();
    let made = std::process::Command::new("openssl")
        .args(["pkcs8", "-topk8", "-passout", "pass:longpass", "-out", &locked, "-in"])
        .arg(one.join("certs/server.key"))
        .status();
    assert!(made.unwrap().success());
    let env = [("CHAT_TLS_CERT", path(&one, "server.crt")), ("CHAT_TLS_KEY", locked)];
    let env: Vec<_> = env.iter().map(|(k, v)| (*k, v.as_str())).collect();
    fails(&env, &["--check-config"], 2, &["without a passphrase", "locked.key"]);
    fails(
        &[("CHAT_TLS_CERT", "x.pem"), ("CHAT_TLS_KEY", "x.pem")],
        &["gen-cert"],
        1,
        &["one file"],
    );
    // One of the default files alone is an error too, never plain text in silence.
    fs::remove_file(one.join("certs/server.key")).unwrap();
    let output = run(&one, &[("CHAT_ADDR", "127.0.0.1:0")], &[]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("certs/server.key"));
}

#[test]
fn the_log_tells_what_happens_and_no_text() {
    let mut server = Server::start(&[]);
    let mut alice = server.login("alice");
    alice.ask("/create room hunter2 words of mine", "Created");
    alice.ask("/join room hunter2", "Joined");
    alice.ask("some secret words", "╰─> some secret words");
    alice.ask("/quit", "Goodbye");
    server.wait_for_log("disconnected");
    let log = server.log();
    for event in ["connected from 127.0.0.1", "logged in as alice", "joined lobby 'room'"] {
        assert!(log.contains(event), "{event} in {log}");
    }
    for secret in ["hunter2", "words"] {
        assert!(!log.contains(secret), "{secret} in {log}");
    }
    let mut quiet = Server::start(&[("RUST_LOG", "error")]);
    quiet.login("alice").ask("/quit", "Goodbye");
    quiet.wait_for(|_| true, "");
    assert_eq!(quiet.log(), "");
}
