//! What is in `deploy/`: the unit as systemd judges it, what the package installs, what the image is made of.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::clients::have;
use crate::harness::{Folder, PATIENCE, Server, run};

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn read(name: &str) -> String {
    fs::read_to_string(path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The exposure to attacks that systemd finds is left, of 10.
fn exposure(unit: &Path) -> f64 {
    let analyze = ["security", "--offline=yes", "--no-pager"];
    let output = Command::new("systemd-analyze").args(analyze).arg(unit).output().unwrap();
    let (out, error) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{error}");
    let (_, level) =
        out.split_once("Overall exposure level for").unwrap_or_else(|| panic!("{out}{error}"));
    let (_, level) = level.split_once(": ").unwrap();
    level.split_whitespace().next().unwrap().parse().unwrap()
}

#[test]
fn systemd_finds_the_units_sound_and_little_left_that_could_be_attacked() {
    if !have(&["systemd-analyze"]) {
        return;
    }
    // The program that the unit names is where the package puts it, which need not be here.
    let folder = Folder::new();
    let unit = read("deploy/lobbyd.service");
    assert!(unit.contains("\nExecStart=/usr/bin/lobbyd\n"), "{unit}");
    let here = unit.replace("/usr/bin/lobbyd", env!("CARGO_BIN_EXE_lobbyd"));
    fs::write(folder.join("lobbyd.service"), here).unwrap();
    fs::copy(path("deploy/lobbyd.socket"), folder.join("lobbyd.socket")).unwrap();
    let units = ["lobbyd.service", "lobbyd.socket"];
    let verified = Command::new("systemd-analyze")
        .args(["verify", "--man=no"])
        .args(units)
        .current_dir(folder.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&verified.stderr);
    assert!(verified.status.success() && said.is_empty(), "{said}");
    let level = exposure(&folder.join("lobbyd.service"));
    assert!(level < 1.5, "{level}");
    let told = format!("`systemd-analyze security lobbyd`: {level}");
    assert!(read("docs/installing.md").contains(&told), "{told}");
}

#[test]
fn what_the_package_installs_is_in_step_with_the_program() {
    let folder = Folder::new();
    let printed = |args: &[&str]| String::from_utf8(run(folder.path(), &[], args).stdout).unwrap();
    let in_step =
        |file: &str, text: &str| assert!(read(file) == text, "{file}: run deploy/generate");
    in_step("deploy/debian/lobbyd.1", &printed(&["man"]));
    for shell in ["bash", "fish", "zsh"] {
        in_step(&format!("deploy/debian/completions.{shell}"), &printed(&["completions", shell]));
    }
    // The settings are those of the example, all at their defaults but for the place of the database.
    let settings = read("deploy/debian/lobbyd.env");
    let (_, keys) = settings.split_once("\n\n").unwrap();
    let (_, example) =
        read(".env.example").split_once("\n\n").map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
    let dir = "CHAT_DATA_DIR=/var/lib/lobbyd\n";
    assert!(keys == example.replace("#CHAT_DATA_DIR=data\n", dir), "run deploy/generate");
    assert!(
        keys.contains(dir) && read("deploy/lobbyd.service").contains("\nStateDirectory=lobbyd\n")
    );
    fs::write(folder.join(".env"), &settings).unwrap();
    let check = run(folder.path(), &[], &["--check-config"]);
    assert_eq!(String::from_utf8_lossy(&check.stderr), "");
    let newest = format!("lobbyd ({}-1) ", env!("CARGO_PKG_VERSION"));
    assert!(read("deploy/debian/changelog").starts_with(&newest));
}

#[test]
fn the_scripts_of_the_package_are_sound_shell() {
    for script in ["postinst", "postrm"] {
        let file = format!("deploy/debian/{script}");
        assert!(read(&file).contains("\n#DEBHELPER#\n"), "{file}");
        let status = Command::new("sh").arg("-n").arg(path(&file)).status();
        assert!(status.unwrap().success(), "{file}");
    }
}

/// The instructions of the Dockerfile, each in one line, as their name and the rest.
fn instructions() -> Vec<(String, String)> {
    let file = read("deploy/Dockerfile").replace("\\\n", " ");
    let lines = file.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let split =
        |line: &str| line.split_once(' ').map(|(name, rest)| (name.to_owned(), rest.to_owned()));
    lines.map(|line| split(line).unwrap()).collect()
}

#[test]
fn the_image_is_built_of_what_is_there_and_as_the_project_says() {
    let all = instructions();
    let of = |name: &str| {
        all.iter().filter(|(n, _)| n == name).map(|(_, rest)| rest.as_str()).collect::<Vec<_>>()
    };
    let ignored = read(".dockerignore");
    let (mut copied, mut built) = (Vec::new(), Vec::new());
    for copy in of("COPY") {
        let mut words: Vec<_> = copy.split_whitespace().collect();
        let target = words.pop().unwrap();
        if words[0].starts_with("--from=") {
            built.push((words[1], target));
            continue;
        }
        for source in words {
            assert!(path(source).exists(), "{source}");
            assert!(
                ignored.lines().any(|line| line == format!("!{source}")),
                "{source} is ignored"
            );
            copied.push(source);
        }
    }
    assert_eq!(ignored.lines().filter(|line| line.starts_with('!')).count(), copied.len());
    assert_eq!(built, [("/build/target/release/lobbyd", "/usr/bin/lobbyd")]);
    // Cargo can make sense of what is copied alone, and finds the program in it.
    let folder = Folder::new();
    for source in &copied {
        let status = Command::new("cp").arg("-r").arg(path(source)).arg(folder.path()).status();
        assert!(status.unwrap().success());
    }
    let metadata = ["metadata", "--offline", "--locked", "--no-deps", "--format-version=1"];
    let read_by_cargo =
        Command::new(env!("CARGO")).args(metadata).current_dir(folder.path()).output();
    let read_by_cargo = read_by_cargo.unwrap();
    assert!(read_by_cargo.status.success(), "{}", String::from_utf8_lossy(&read_by_cargo.stderr));
    let manifest = read("Cargo.toml");
    let rust = manifest.lines().find_map(|line| line.strip_prefix("rust-version = ")).unwrap();
    assert_eq!(of("FROM")[0], format!("rust:{}-bookworm AS build", rust.trim_matches('"')));
    // It does not run as root, and where it runs, its data are kept.
    assert_eq!((of("USER"), of("VOLUME")), (vec!["lobbyd"], vec!["/var/lib/lobbyd"]));
    assert!(of("ENV").contains(&"CHAT_DATA_DIR=/var/lib/lobbyd"));
    assert_eq!(of("ENTRYPOINT"), ["[\"/usr/bin/lobbyd\"]"]);
}

/// Whether a shell command, as the unit or the image has it, succeeds in the folder of a server.
fn succeeds(folder: &Path, command: &str) -> bool {
    let program = Path::new(env!("CARGO_BIN_EXE_lobbyd")).parent().unwrap();
    let path = format!("{}:{}", program.display(), std::env::var("PATH").unwrap());
    let mut shell = Command::new("sh");
    shell.args(["-c", command]).current_dir(folder).env_clear().env("PATH", path);
    shell.stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap().success()
}

#[test]
fn the_image_is_healthy_while_a_server_runs_well_in_it() {
    let all = instructions();
    let (_, check) = all.iter().find(|(name, _)| name == "HEALTHCHECK").unwrap();
    let (_, check) = check.split_once(" CMD ").unwrap();
    let folder = Folder::new();
    assert!(!succeeds(folder.path(), check), "there is no server");
    let server = Server::start_in(folder, &[]);
    let start = Instant::now();
    while !succeeds(server.folder.path(), check) {
        assert!(start.elapsed() < PATIENCE, "{check}");
        thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn the_units_reload_fails_where_the_settings_are_bad() {
    let unit = read("deploy/lobbyd.service");
    let reload = unit.lines().find_map(|line| line.strip_prefix("ExecReload=/usr/bin/")).unwrap();
    let server = Server::start(&[]);
    let settings = server.folder.join(".env");
    fs::write(&settings, "CHAT_MAX_MESSAGE_CHARS=10\n").unwrap();
    assert!(succeeds(server.folder.path(), reload), "{}", server.log());
    fs::write(&settings, "CHAT_MAX_MESSAGE_CHARS=none\n").unwrap();
    assert!(!succeeds(server.folder.path(), reload));
    // What was good is in force, at once and still.
    server.login("alice").ask("more than ten", "Message too long (max 10 chars)");
}
