//! What is in `deploy/`: the unit as systemd judges it, what the package installs, what the image is made of, what the
//! programs around a cluster make of their files.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::clients::{have, skip};
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

/// A file of `deploy/cluster/`, with the folder of its certificates in the place of the one that it names.
fn engine_configuration(name: &str, certificates: &Folder) -> String {
    let text = read(&format!("deploy/cluster/{name}"));
    text.replace("/etc/nats-server/", &format!("{}/", certificates.path().display()))
}

#[test]
fn the_engine_takes_its_configurations() {
    if !have(&["nats-server"]) {
        return;
    }
    let folder = Folder::new();
    let pair = [("CHAT_TLS_CERT", "server.crt"), ("CHAT_TLS_KEY", "server.key")];
    assert!(run(folder.path(), &pair, &["gen-cert"]).status.success());
    fs::copy(folder.join("server.crt"), folder.join("ca.crt")).unwrap();
    let judged = |name: &str, env: &[(&str, &str)]| {
        let file = folder.join(name);
        fs::write(&file, engine_configuration(name, &folder)).unwrap();
        let mut command = Command::new("nats-server");
        command.arg("-t").arg("-c").arg(file).env_clear().envs(env.iter().copied());
        command.env("PATH", std::env::var("PATH").unwrap());
        let output = command.output().unwrap();
        (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let password = ("NATS_PASSWORD", "p1234");
    for (name, env) in
        [("nats-one.conf", &[password][..]), ("nats-three.conf", &[password, ("NATS_NAME", "n1")])]
    {
        let (is_taken, said) = judged(name, env);
        assert!(is_taken, "{name}: {said}");
        // Without its password it is not taken for one that asks nobody.
        let (is_taken, said) = judged(name, &[("NATS_NAME", "n1")]);
        assert!(!is_taken && said.contains("NATS_PASSWORD"), "{name}: {said}");
    }
    // What both say of passwords: the engine takes a number for something else.
    let (is_taken, _) = judged("nats-one.conf", &[("NATS_PASSWORD", "1234")]);
    assert!(!is_taken);
}

#[test]
fn systemd_takes_the_engines_unit_with_what_lobbyd_needs_of_it() {
    if !have(&["systemd-analyze", "nats-server"]) {
        return;
    }
    let folder = Folder::new();
    let addition = read("deploy/cluster/nats-server.service.conf");
    // The unit as Debian has it, where the addition is to go.
    let Ok(unit) = fs::read_to_string("/lib/systemd/system/nats-server.service") else {
        return skip("unit of nats-server");
    };
    fs::write(folder.join("nats-server.service"), unit + "\n" + &addition).unwrap();
    let mut verify = Command::new("systemd-analyze");
    verify.args(["verify", "--man=no", "nats-server.service"]).current_dir(folder.path());
    let verified = verify.output().unwrap();
    let said = String::from_utf8_lossy(&verified.stderr);
    assert!(verified.status.success() && said.is_empty(), "{said}");
    let store = "store_dir: \"/var/lib/nats-server\"";
    assert!(addition.contains("\nStateDirectory=nats-server\n"));
    for name in ["nats-one.conf", "nats-three.conf"] {
        assert!(read(&format!("deploy/cluster/{name}")).contains(store), "{name}");
    }
}

/// What a block of YAML has under one of its keys: the lines that are further in.
fn under<'a>(block: &'a str, key: &str) -> Vec<&'a str> {
    let depth = |line: &str| line.len() - line.trim_start().len();
    let own = block.lines().map(depth).min().unwrap_or_default();
    let is_key = |line: &str| depth(line) == own && line.trim() == format!("{key}:");
    let mut lines = block.lines().skip_while(|line| !is_key(line));
    lines.next().unwrap_or_else(|| panic!("there is no {key} in\n{block}"));
    lines.take_while(|line| depth(line) > own || line.trim_start().starts_with("- ")).collect()
}

#[test]
fn the_cluster_of_containers_is_one_that_compose_can_start_and_haproxy_finds() {
    if !have(&["docker-compose"]) {
        return;
    }
    let compose = |env: &[(&str, &str)]| {
        let path = std::env::var("PATH").unwrap();
        let mut command = Command::new("docker-compose");
        command.args(["-f", path_of("deploy/cluster/compose.yml").as_str(), "config"]);
        command.env_clear().env("PATH", path).envs(env.iter().copied());
        command.current_dir(std::env::temp_dir()).output().unwrap()
    };
    let missing = compose(&[]);
    let said = String::from_utf8_lossy(&missing.stderr);
    assert!(!missing.status.success() && said.contains("NATS_PASSWORD"), "{said}");
    let output = compose(&[("NATS_PASSWORD", "psecret")]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let all = String::from_utf8(output.stdout).unwrap();
    let services = under(&all, "services").join("\n");
    let proxy = read("deploy/cluster/haproxy.cfg");
    let hosts = under(&services, "haproxy").join("\n");
    for name in ["n1", "n2", "n3"] {
        let node = under(&services, name).join("\n");
        // Its settings are settings, which the program takes.
        let settings: Vec<_> = under(&node, "environment")
            .into_iter()
            .map(|line| line.trim().split_once(": ").unwrap())
            .map(|(key, value)| (key, value.trim_matches(['"', '\''])))
            .collect();
        let check = run(Folder::new().path(), &settings, &["--check-config"]);
        let (shown, said) =
            (String::from_utf8_lossy(&check.stdout), String::from_utf8_lossy(&check.stderr));
        assert!(check.status.success() && said.is_empty(), "{said}");
        assert!(shown.contains(&format!("CHAT_NODE={name}\n")), "{shown}");
        assert!(shown.contains("NATS_URL=nats://****@nats:4222\n"), "{shown}");
        // HAProxy knows it by its name and finds its ports; it knows HAProxy by its address.
        let address = |of: &str| {
            let line = under(of, "networks").into_iter().find(|l| l.contains("ipv4_address: "));
            line.unwrap().split_once(": ").unwrap().1.to_owned()
        };
        assert!(hosts.contains(&format!("{name}:{}", address(&node))), "{hosts}");
        assert!(settings.contains(&("CHAT_PROXY_FROM", address(&hosts).as_str())), "{settings:?}");
        for (key, line) in [
            ("CHAT_ADDR", format!("server {name} {name}")),
            ("CHAT_TLS_ADDR", format!("server {name} {name}")),
            ("CHAT_ADMIN_ADDR", "check port ".to_owned()),
        ] {
            let (_, port) = settings.iter().find(|(k, _)| *k == key).unwrap();
            let port = if key == "CHAT_ADMIN_ADDR" { &port[1..] } else { port };
            assert!(proxy.contains(&format!("{line}{port}")), "{key}: {line}{port}");
        }
        assert!(under(&node, "volumes").iter().any(|l| l.contains("/var/lib/lobbyd")), "{node}");
    }
    // The engine is reached by the nodes and by nobody else.
    let engine = under(&services, "nats").join("\n");
    assert!(!engine.contains("ports:") && !hosts.contains("engine"), "{services}");
    let networks = under(&all, "networks").join("\n");
    assert!(under(&networks, "engine").iter().any(|line| line.trim() == "internal: true"));
}

fn path_of(name: &str) -> String {
    path(name).display().to_string()
}
