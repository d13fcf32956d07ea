//! What a compiler does not check of the source: its layering, its size, its documents.

use std::fs;
use std::path::{Path, PathBuf};

use lobbyd::chat::command::{COMMANDS, Page};
use lobbyd::config::{Config, KEYS};
use lobbyd::logging::event::EVENTS;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: impl AsRef<Path>) -> String {
    let path = root().join(path);
    fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// All source files below a folder.
fn sources(folder: &str) -> Vec<(String, String)> {
    let (mut files, mut folders) = (Vec::new(), vec![root().join(folder)]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                let name = path.strip_prefix(root()).unwrap().display().to_string();
                files.push((name, fs::read_to_string(&path).unwrap()));
            }
        }
    }
    files
}

/// The lines of code: no comments, nothing after the unit tests begin.
fn code(text: &str) -> impl Iterator<Item = &str> {
    text.lines()
        .take_while(|l| !l.starts_with("#[cfg(test)]"))
        .filter(|l| !l.trim_start().starts_with("//"))
}

#[test]
fn the_pure_half_reads_no_clock_no_chance_and_no_machine() {
    let forbidden = [
        "Instant::now",
        "SystemTime::now",
        "clock::",
        "std::env",
        "std::fs",
        "std::net::Tcp",
        "getrandom",
        "generate_salt",
        "actix",
        "tokio",
        "println",
        "thread",
    ];
    let pure = ["src/chat", "src/render", "src/ai", "src/cluster"].into_iter().flat_map(sources);
    // The simulation runs its seeds on all cores; the golden file is written by a test.
    let shell = |name: &str| {
        [
            "src/ai/client.rs",
            "src/ai/client_tests.rs",
            "src/ai/transport.rs",
            "src/cluster/record_tests.rs",
        ]
        .contains(&name)
            || name.starts_with("src/cluster/sim/")
    };
    for (name, text) in pure.filter(|(name, _)| !shell(name)) {
        for (line, word) in code(&text).flat_map(|l| forbidden.iter().map(move |w| (l, w))) {
            assert!(!line.contains(word), "{name}: {word} in {line:?}");
        }
    }
}

#[test]
fn what_stands_below_knows_nothing_of_what_stands_on_it() {
    let above =
        ["chat", "render", "ai", "net", "fanout", "store", "server", "actors", "web", "nats"];
    for (folder, may) in [
        ("src/chat", &["chat"][..]),
        ("src/render", &["chat", "ai", "render"]),
        ("src/ai", &["chat", "ai"]),
        ("src/cluster", &["chat", "ai", "cluster"]),
        ("src/net", &["chat", "render", "net"]),
        ("src/store", &["chat", "store"]),
        ("src/fanout", &["chat", "render", "net", "fanout"]),
        ("src/web", &["chat", "net", "web"]),
        ("src/nats", &["chat", "nats"]),
    ] {
        for (name, text) in sources(folder) {
            for module in above.into_iter().filter(|module| !may.contains(module)) {
                let path = format!("crate::{module}::");
                assert!(!code(&text).any(|l| l.contains(&path)), "{name} knows {module}");
            }
        }
    }
}

#[test]
fn sockets_and_actors_keep_to_their_sides() {
    for (name, text) in ["src/net", "src/fanout"].into_iter().flat_map(sources) {
        assert!(!code(&text).any(|l| l.contains("actix") || l.contains("crate::actors")), "{name}");
    }
    for (name, text) in sources("actors") {
        if !name.starts_with("actors/session") && !name.starts_with("actors/shard") {
            let socket = |l: &str| l.contains("Link") || l.contains("fanout::peer");
            assert!(!code(&text).any(socket), "{name} touches a socket");
        }
    }
    for (name, text) in sources("src").into_iter().chain(sources("actors")) {
        if !["src/ai/client.rs", "src/ai/transport.rs"].contains(&name.as_str()) {
            assert!(!code(&text).any(|l| l.contains("awc::")), "{name} uses the HTTP client");
        }
        for writer in ["FramedWrite", "WriteHandler", "actix::io"] {
            assert!(!code(&text).any(|l| l.contains(writer)), "{name} uses {writer}");
        }
    }
}

#[test]
fn the_store_alone_knows_its_database() {
    for (name, text) in sources("src").into_iter().chain(sources("actors")) {
        let word = if name.starts_with("src/store") { "actix" } else { "rusqlite" };
        assert!(!code(&text).any(|l| l.contains(word)), "{name}: {word}");
    }
}

#[test]
fn one_folder_alone_knows_the_client_of_the_engine() {
    for (name, text) in sources("src").into_iter().chain(sources("actors")) {
        let word = if name.starts_with("src/nats") { "actix" } else { "async_nats::" };
        assert!(!code(&text).any(|l| l.contains(word)), "{name}: {word}");
    }
}

#[test]
fn every_log_line_says_its_event_by_the_one_table() {
    let mut lines = 0;
    for (name, text) in sources("src").into_iter().chain(sources("actors")) {
        let text = code(&text).collect::<Vec<_>>().join("\n");
        for level in ["error!(", "warn!(", "info!(", "debug!(", "trace!("] {
            for line in text.split(level).skip(1) {
                let said = line.trim_start();
                assert!(
                    said.starts_with("event = event::"),
                    "{name}: {level} begins with event = event::…"
                );
                assert!(!said.split(");").next().unwrap().contains("conn={}"), "{name}: {level}");
                lines += 1;
            }
        }
    }
    assert!(lines > 50, "{lines}");
}

#[test]
fn files_say_what_they_are_for_and_end_well() {
    for folder in ["src", "actors", "tests"] {
        for (name, text) in sources(folder) {
            assert!(text.ends_with('\n') && !text.contains('\t'), "{name}");
            assert!(
                text.starts_with("//!")
                    || name.ends_with("_tests.rs")
                    || name.ends_with("/tests.rs"),
                "{name} does not say what it is for"
            );
        }
    }
}

#[test]
fn nothing_unfinished_is_left() {
    for folder in ["src", "actors", "tests"] {
        for (name, text) in sources(folder) {
            for mark in [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X:")] {
                assert!(!text.contains(mark), "{name}: {mark}");
            }
        }
    }
}

/// The documents: those at the top of the repository, and the manual.
fn documents() -> Vec<String> {
    let mut names = Vec::new();
    for folder in ["", "docs"] {
        for entry in fs::read_dir(root().join(folder)).unwrap().map(Result::unwrap) {
            let name = Path::new(folder).join(entry.file_name()).display().to_string();
            if name.ends_with(".md") {
                names.push(name);
            }
        }
    }
    names
}

#[test]
fn the_documents_have_every_command() {
    let (all, readme) = (read("docs/commands.md"), read("README.md"));
    for spec in &COMMANDS {
        assert!(all.contains(spec.word), "{} is not in docs/commands.md", spec.word);
        let first = spec.page == Page::First;
        assert!(!first || readme.contains(spec.word), "{} is not in the README", spec.word);
    }
}

/// A row of the table of settings.
struct Row {
    key: String,
    default: String,
    values: String,
}

/// The rows of the tables of `docs/configuration.md` that have a key, its default and its values.
fn settings() -> Vec<Row> {
    let document = read("docs/configuration.md");
    let mut rows = Vec::new();
    for line in document.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        // The other tables have fewer columns.
        let [_, key, default, values, meaning, _] = cells[..] else { continue };
        assert!(!meaning.is_empty(), "{line}");
        let bare = |cell: &str| cell.replace('`', "");
        let default = if default == "none" { String::new() } else { bare(default) };
        rows.push(Row { key: bare(key), default, values: bare(values) });
    }
    rows
}

#[test]
fn the_table_of_settings_is_that_of_the_program() {
    let written: Vec<_> = settings().into_iter().map(|row| (row.key, row.default)).collect();
    let known: Vec<_> = KEYS.iter().map(|k| (k.name.to_owned(), k.default.to_owned())).collect();
    for (written, known) in written.iter().zip(&known) {
        assert_eq!(written, known, "docs/configuration.md and config::KEYS");
    }
    assert_eq!(written.len(), known.len());
}

#[test]
fn the_table_of_events_is_that_of_the_program() {
    let document = read("docs/log.md");
    let rows: Vec<&str> = document.lines().filter(|line| line.starts_with("| `")).collect();
    let known = EVENTS.iter().map(|(event, says)| format!("| `{}` | {says} |", event.as_str()));
    assert_eq!(rows, known.collect::<Vec<_>>(), "docs/log.md and logging::event");
}

#[test]
fn the_settings_that_take_a_restart_are_those_of_the_program() {
    let document = read("docs/configuration.md");
    let (_, list) = document.split_once("- These take a restart: ").unwrap();
    let (list, _) = list.split_once('.').unwrap();
    let told: Vec<_> = list.split(',').map(|key| key.trim().trim_matches('`')).collect();
    let fixed: Vec<_> = KEYS.iter().filter(|key| key.fixed).map(|key| key.name).collect();
    assert_eq!(told, fixed, "docs/configuration.md and config::KEYS");
}

/// Whether the program takes a value for a key.
fn takes(key: &str, value: &str) -> bool {
    let lookup = |name: &str| (name == key).then(|| value.to_owned());
    Config::load(lookup).is_ok()
}

#[test]
fn the_values_in_the_table_of_settings_are_those_that_the_program_takes() {
    let (mut ranges, mut words) = (0, 0);
    for Row { key, default, values } in settings() {
        let mut parts = values.split(", ");
        let first = parts.clone().next().unwrap_or_default();
        if let Some((low, high)) = first.split_once('–') {
            let (low, high): (u64, u64) = (low.parse().unwrap(), high.parse().unwrap());
            assert!(takes(&key, &low.to_string()) && takes(&key, &high.to_string()), "{key}");
            assert!(!takes(&key, &(high + 1).to_string()), "{key}: {high} is not the last");
            assert!(low == 0 || !takes(&key, &(low - 1).to_string()), "{key}: {low} not the first");
            let bare = default.parse().is_ok_and(|n: u64| (low..=high).contains(&n));
            assert!(bare || values.contains(&default), "{key}: {default}");
            ranges += 1;
        }
        // Where all that may be written stands there, nothing else may be written.
        let closed = parts.all(|part| ["on", "off", "text", "json"].contains(&part));
        for word in values.split(", ").filter(|part| ["on", "off", "text", "json"].contains(part)) {
            assert!(takes(&key, word) && takes(&key, &word.to_uppercase()), "{key}: {word}");
            assert!(!closed || !takes(&key, "something"), "{key} takes something");
            words += 1;
        }
    }
    assert!(ranges > 20 && words > 5, "{ranges} ranges, {words} words");
}

/// The headings of a document, as links name them.
fn anchors(document: &str) -> Vec<String> {
    let headings = document.lines().filter(|line| line.starts_with('#'));
    let anchor = |line: &str| -> String {
        let heading = line.trim_start_matches('#').trim().to_lowercase();
        let kept = heading.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
        kept.collect::<String>().replace(' ', "-")
    };
    headings.map(anchor).collect()
}

#[test]
fn every_link_of_the_documents_leads_somewhere() {
    let mut links = 0;
    for name in documents() {
        let text = read(&name);
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            if link.contains("://") {
                continue;
            }
            links += 1;
            let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
            let of = match file {
                "" => PathBuf::from(&name),
                file => Path::new(&name).with_file_name(file),
            };
            let there = root().join(&of).exists();
            let known = anchor.is_empty() || anchors(&read(&of)).iter().any(|a| a == anchor);
            assert!(there && known, "{name}: {link}");
        }
    }
    assert!(links > 40, "{links}");
}

#[test]
fn the_readme_leads_to_every_document() {
    let readme = read("README.md");
    for name in documents().into_iter().filter(|name| name != "README.md") {
        assert!(readme.contains(&format!("]({name}")), "{name} is not in the README");
    }
}

#[test]
fn the_code_map_has_every_module() {
    let map = read("ARCHITECTURE.md");
    for folder in ["src", "actors"] {
        for (name, _) in sources(folder) {
            let file = name.rsplit('/').next().unwrap();
            if !matches!(file, "mod.rs" | "lib.rs" | "tests.rs") && !file.ends_with("_tests.rs") {
                assert!(map.contains(file), "{name} is not in ARCHITECTURE.md");
            }
        }
    }
}

#[test]
fn the_versions_agree() {
    let version = env!("CARGO_PKG_VERSION");
    assert!(read("CHANGELOG.md").contains(version));
    let cargo = read("Cargo.toml");
    let rust = cargo.lines().find_map(|l| l.strip_prefix("rust-version = ")).unwrap();
    assert!(read("README.md").contains(rust.trim_matches('"')));
}

#[test]
fn every_test_that_is_alone_is_there() {
    let modules = read("tests/main.rs");
    for (alone, why) in crate::alone::ALONE {
        if alone.ends_with('_') {
            assert!(modules.contains(&format!("mod {alone}")) && !why.is_empty(), "{alone}");
            continue;
        }
        let (module, test) = alone.split_once("::").unwrap_or((alone, "#[test]"));
        let file = format!("{}/tests/{module}.rs", env!("CARGO_MANIFEST_DIR"));
        let text = std::fs::read_to_string(&file).unwrap_or_else(|why| panic!("{file}: {why}"));
        assert!(text.contains(test) && !why.is_empty(), "{alone}");
    }
}
