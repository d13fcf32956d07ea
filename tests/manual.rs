//! The manual, held against the program: what it tells an operator to type is typed here, and what it says
//! of the alerts is said of those that there are.

use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;

use openssl::hash::MessageDigest;
use openssl::ssl::{SslConnector, SslMethod, SslVerifyMode};

use crate::harness::{Folder, Server, run};

fn read(name: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap()
}

/// The commands of `docs/operating.md` that stand under a mark.
fn commands(name: &str) -> Vec<String> {
    let (document, mark) = (read("docs/operating.md"), format!("<!-- tested: {name} -->\n```\n"));
    let (_, block) = document.split_once(&mark).expect(&mark);
    block.lines().take_while(|line| *line != "```").map(str::to_owned).collect()
}

/// Where an operator types: the folder of the server, with `lobbyd` and `BACKUPS` as the manual has them.
struct Shell {
    folder: PathBuf,
    backups: PathBuf,
}

impl Shell {
    /// Carries commands out as a script, which must succeed; gives what they print.
    #[track_caller]
    fn run(&self, commands: &[String]) -> String {
        let program = Path::new(env!("CARGO_BIN_EXE_lobbyd")).parent().unwrap();
        let path = format!("{}:{}", program.display(), std::env::var("PATH").unwrap());
        let output = Command::new("sh")
            .args(["-euxc", &commands.join("\n")])
            .current_dir(&self.folder)
            .env_clear()
            .envs([("PATH", path.as_str()), ("BACKUPS", self.backups.to_str().unwrap())])
            .output()
            .unwrap();
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{commands:#?}\n{errors}");
        String::from_utf8(output.stdout).unwrap()
    }
}

fn shown(server: &Server) -> String {
    let mut reader = server.login("reader");
    reader.send("/history 200");
    reader.ask("/me has read", "has read")
}

#[test]
fn the_manuals_commands_back_up_a_running_server_and_restore_it() {
    let backups = Folder::new();
    let mut server = Server::start(&[]);
    let shell =
        Shell { folder: server.folder.path().to_owned(), backups: backups.path().to_owned() };
    let mut alice = server.login("alice");
    alice.ask("said before the copy", "╰─> said before the copy");
    alice.ask("/register hunter2-hunter2", "'alice' is yours now.");
    let old = backups.join("lobbyd-2020-01-01.db");
    std::fs::write(&old, "").unwrap();
    assert!(Command::new("touch").args(["-d", "2020-01-01"]).arg(&old).status().unwrap().success());

    let made = shell.run(&commands("backup"));
    assert!(made.starts_with("Wrote "), "{made}");
    assert!(!old.exists(), "an old copy is still there");
    alice.ask("said after the copy", "╰─> said after the copy");

    let tried = shell.run(&commands("trial"));
    assert!(tried.contains("is now a copy of") && tried.contains("1 accounts"), "{tried}");
    alice.ask("and the server went on", "╰─> and the server went on");

    // The machine's service manager is the test: it does what these two lines say.
    let restore = commands("restore");
    let [first, typed @ .., last] = &restore[..] else { panic!("{restore:#?}") };
    assert_eq!(
        (first.as_str(), last.as_str()),
        ("systemctl stop lobbyd", "systemctl start lobbyd")
    );
    server.signal("TERM");
    assert_eq!(server.wait(), 0);
    let restored = shell.run(typed);
    assert!(restored.contains("lobbyd.db.before-restore"), "{restored}");
    assert!(restored.contains("The database is good: "), "{restored}");

    let server = Server::start_in(server.into_folder(), &[]);
    let history = shown(&server);
    assert!(history.contains("said before the copy"), "{history}");
    assert!(!history.contains("said after the copy"), "{history}");
    let mut alice = server.connect();
    alice.expect("Enter your username: ");
    alice.ask("alice", "Password: ");
    alice.send("hunter2-hunter2");
    alice.expect_in("alice");
}

/// The SHA-256 fingerprint of the certificate that a new TLS connection is shown.
fn shown_certificate(server: &Server) -> String {
    let mut builder = SslConnector::builder(SslMethod::tls_client()).unwrap();
    builder.set_verify(SslVerifyMode::NONE);
    let tcp = TcpStream::connect(("127.0.0.1", server.tls_port)).unwrap();
    let stream = builder.build().connect("chat.example.org", tcp).unwrap();
    let certificate = stream.ssl().peer_certificate().unwrap();
    let digest = certificate.digest(MessageDigest::sha256()).unwrap();
    digest.iter().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().join(":")
}

#[test]
fn the_manuals_hook_gives_a_running_server_its_new_certificate() {
    let (folder, renewed) = (Folder::new(), Folder::new());
    run(folder.path(), &[], &["gen-cert"]);
    let cert = ("CHAT_TLS_CERT", "fullchain.pem");
    let made = run(renewed.path(), &[cert, ("CHAT_TLS_KEY", "privkey.pem")], &["gen-cert"]);
    let made = String::from_utf8(made.stdout).unwrap();
    let mut server = Server::start_in(folder, &[("CHAT_TLS_ADDR", "127.0.0.1:0")]);
    let mut alice = server.login("alice");
    let old = shown_certificate(&server);

    // Where the certificate is, whose it is, and who tells the server, are the test's here.
    let reload = format!("kill -HUP {}", server.pid());
    let script = commands("hook").join("\n");
    for part in ["/etc/lobbyd/certs", " -g lobbyd", "systemctl reload-or-restart lobbyd"] {
        assert!(script.contains(part), "{part} is not in {script}");
    }
    let script = script.replace("/etc/lobbyd/certs", "certs").replace(" -g lobbyd", "");
    let script = script.replace("systemctl reload-or-restart lobbyd", &reload);
    let renew = |domains: &str| {
        let status = Command::new("sh")
            .args(["-c", &script])
            .current_dir(server.folder.path())
            .env("RENEWED_DOMAINS", domains)
            .env("RENEWED_LINEAGE", renewed.path())
            .status();
        assert!(status.unwrap().success());
    };
    renew("www.example.org not-chat.example.org");
    let now = std::fs::read(server.folder.join("certs/server.crt")).unwrap();
    assert_ne!(now, std::fs::read(renewed.join("fullchain.pem")).unwrap(), "it is another's");
    renew("www.example.org chat.example.org");
    server.wait_for_log("reloaded: ");

    let new = shown_certificate(&server);
    assert!(new != old && made.contains(&new), "{new} {made}");
    alice.ask("still here", "╰─> still here");
}

#[test]
fn the_manual_says_of_each_alert_what_it_means() {
    let (rules, manual) = (read("deploy/prometheus-alerts.yml"), read("docs/operating.md"));
    let alerts: Vec<_> = rules.lines().filter_map(|l| l.trim().strip_prefix("- alert: ")).collect();
    assert!(alerts.len() > 5, "{alerts:?}");
    let (_, part) = manual.split_once("\n## What each alert means\n").unwrap();
    let part = part.split("\n## ").next().unwrap();
    let told: Vec<_> = part.lines().filter_map(|line| line.strip_prefix("### ")).collect();
    assert_eq!(told, alerts, "docs/operating.md and deploy/prometheus-alerts.yml");
}

/// What begins messages that are explained but come from elsewhere: the compiler, clients, terminals.
const OF_OTHERS: [&str; 12] = [
    "Could not find directory of OpenSSL installation",
    "wrong version number",
    "alert bad certificate",
    "alert unsupported certificate",
    "KEYUPDATE",
    "RENEGOTIATING",
    "DONE",
    "certificate verify failed",
    "telnet>",
    "[33m",
    "^[[K",
    ";80R",
];

/// All code of the program as one text, with literals that go on in the next line put together.
fn code() -> String {
    let (mut text, mut folders) = (String::new(), vec!["src".into(), "actors".into()]);
    while let Some(folder) = folders.pop() {
        let folder: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
        for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
            match entry.path() {
                path if path.is_dir() => folders.push(path),
                path if path.extension().is_some_and(|end| end == "rs") => {
                    text += &std::fs::read_to_string(path).unwrap();
                }
                _ => {}
            }
        }
    }
    let mut parts = text.split("\\\n");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| text + part.trim_start())
}

/// The commands that the program lists in an answer of its help.
fn listed(help: &[&str]) -> Vec<String> {
    let output = run(Folder::new().path(), &[], help);
    let text = String::from_utf8(output.stdout).unwrap();
    let (_, commands) = text.split_once("Commands:\n").expect(&text);
    let rows = commands.lines().take_while(|line| !line.is_empty());
    rows.filter(|row| row.starts_with("  ") && !row.starts_with("   "))
        .filter_map(|row| row.split_whitespace().next())
        .filter(|word| *word != "help")
        .map(str::to_owned)
        .collect()
}

#[test]
fn the_manual_has_every_command_of_the_program_and_of_its_console() {
    let manual = read("docs/operating.md");
    let (_, console) = manual.split_once("\n## The console\n").unwrap();
    let console = console.split("\n## ").next().unwrap();
    let (program, asked) = (listed(&["--help"]), listed(&["ctl", "--help"]));
    assert!(program.len() > 8 && asked.len() > 8, "{program:?} {asked:?}");
    for word in program {
        assert!(manual.contains(&format!("| `lobbyd {word}")), "{word} is not in the manual");
    }
    for word in asked {
        assert!(console.contains(&format!("| `{word}")), "ctl {word} is not in the manual");
    }
}

#[test]
fn every_message_that_the_manual_explains_is_one_of_the_programs() {
    let several = read("docs/several-machines.md");
    let (_, several) = several.split_once("\n## When something is wrong\n").unwrap();
    let (several, _) = several.split_once("\n## ").unwrap();
    let (code, document) = (code(), read("docs/troubleshooting.md") + several);
    let mut explained = 0;
    for row in document.lines().filter(|line| line.starts_with("| ")) {
        let messages = row.split(" | ").next().unwrap_or_default();
        for message in messages.split('`').skip(1).step_by(2) {
            // Between what differs from time to time stands what is always the same.
            let differs = |c: char| "…'0123456789:()".contains(c);
            let mut fixed = message.split(differs).map(str::trim).filter(|part| part.len() > 4);
            let other = OF_OTHERS.contains(&message);
            assert!(
                other || fixed.any(|part| code.contains(part)),
                "{message} is nothing that lobbyd says"
            );
            explained += usize::from(!other);
        }
    }
    assert!(explained > 40, "{explained}");
}
