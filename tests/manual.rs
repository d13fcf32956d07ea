//! The manual, held against the program: what it tells an operator to type is typed here, and what it says
//! of the alerts is said of those that there are.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::harness::{Folder, Server};

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
