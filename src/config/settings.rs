//! Where settings come from: the environment, the `.env` file, and the files that settings name.

use std::collections::{BTreeSet, HashMap};
use std::ffi::OsString;
use std::io;
use std::path::Path;

use super::cluster::NODE_UNSET;
use super::named::{self, Fault};
use super::{ClusterConfig, Config, KEYS, env_file, nearest_key};
use crate::files::{self, ReadError, read_plain};
use crate::logging;
use crate::nats::is_node;

/// Bytes of a `.env` file: more than ten times what it has with every setting in it.
const MAX_ENV_BYTES: u64 = 64 * 1024;

/// Secrets that may stand in a file of their own, each with the key that names the file.
const IN_FILES: [(&str, &str); 3] = [
    ("AI_API_KEY", "AI_API_KEY_FILE"),
    ("GEMINI_API_KEY", "GEMINI_API_KEY_FILE"),
    ("NATS_URL", "NATS_URL_FILE"),
];

/// What the environment, `.env` and the files that they name say, and all that is wrong with it.
#[derive(Clone)]
pub struct Settings {
    /// Every value that is set; one of the environment wins. A secret that stands in a file is among them.
    values: HashMap<String, String>,
    /// What follows from what is good.
    pub config: Config,
    /// What an operator should know, a line each.
    pub warnings: Vec<String>,
    /// What is wrong, a line each.
    pub faults: Vec<String>,
}

impl Settings {
    /// Reads everything, as it is now. Files are read, which may take its time.
    pub fn gather() -> Self {
        let (mut values, mut faults) = (HashMap::new(), Vec::new());
        let path = Path::new(".env");
        let mut file = Some(files::absolute(path));
        match read_plain(path, MAX_ENV_BYTES) {
            Ok(bytes) => {
                let (found, bad) = env_file::parse(&bytes);
                values = found;
                faults.extend(bad.iter().map(|line| format!("{}: {line}", path.display())));
            }
            Err(ReadError::Io(error))
                if error.kind() == io::ErrorKind::NotFound && !path.is_symlink() =>
            {
                file = None;
            }
            Err(error) => {
                let remedy = match &error {
                    ReadError::Io(error) if error.kind() == io::ErrorKind::NotFound => {
                        "It is a link to nothing: put back what it names"
                    }
                    ReadError::Io(_) => "Check its permissions, or start lobbyd elsewhere",
                    ReadError::NotPlain | ReadError::TooLong(_) => {
                        "Put a file of settings in its place"
                    }
                };
                faults.push(format!("{}: cannot be read: {error}. {remedy}", path.display()));
            }
        }
        let mut names: BTreeSet<String> = values.keys().cloned().collect();
        names.extend(names_in_environment());
        for key in &KEYS {
            match in_environment(key.name) {
                Some(Ok(value)) if !value.is_empty() => {
                    values.insert(key.name.to_owned(), value);
                }
                Some(Err(_)) => {
                    faults.push(format!("{}: bad value: expected UTF-8 text", key.name));
                }
                Some(Ok(_)) | None => {}
            }
        }
        let mut settings = Self::of(values, faults);
        settings.config.env_file = file;
        let unknown = |name: &String| {
            nearest_key(name).map(|known| format!("{name} is no setting; did you mean {known}?"))
        };
        settings.warnings = names.iter().filter_map(unknown).collect();
        settings.warnings.extend(logging::warning_of(&settings.config.log_filter));
        settings.warnings.extend(without_address(|key| settings.is_set(key)));
        settings
    }

    /// What follows from these values, with what was wrong by then.
    fn of(mut values: HashMap<String, String>, mut faults: Vec<String>) -> Self {
        let mut files = HashMap::new();
        for (secret, file) in IN_FILES {
            let set = |key: &str| values.get(key).is_some_and(|value| !value.is_empty());
            let Some(path) = values.get(file).filter(|_| set(file)) else { continue };
            if set(secret) {
                faults.push(format!("{secret}: set twice: take out either {secret} or {file}"));
                continue;
            }
            match named::secret(Path::new(path)) {
                Ok(value) => {
                    values.insert(secret.to_owned(), value);
                    files.insert(secret, file);
                }
                // By mistake, the name may be the secret.
                Err(error) => faults.push(Fault { key: file, path: None, error }.to_string()),
            }
        }
        let (mut config, bad) = Config::read(|key| values.get(key).cloned());
        for mut fault in bad {
            // Told by what the operator has set.
            fault.key = files.get(fault.key).unwrap_or(&fault.key);
            faults.push(fault.to_string());
        }
        match name_by_host(&config.cluster, &hostname()) {
            Ok(None) => {}
            Ok(Some(name)) => {
                name.clone_into(&mut config.cluster.node);
                values.insert("CHAT_NODE".to_owned(), name);
            }
            Err(fault) => faults.push(fault),
        }
        if let Some(path) = &config.motd_file {
            match named::motd(path) {
                Ok(rows) => config.motd = rows.into(),
                Err(error) => {
                    let (key, path) = ("CHAT_MOTD_FILE", Some(path.as_path()));
                    faults.push(Fault { key, path, error }.to_string());
                }
            }
        }
        Self { values, config, warnings: Vec::new(), faults }
    }

    fn is_set(&self, key: &str) -> bool {
        self.values.get(key).is_some_and(|value| !value.is_empty())
    }

    /// Every key with its effective value, secrets masked, a line each.
    pub fn summary(&self) -> String {
        Config::summary(|key| self.values.get(key).cloned())
    }
}

/// The name of a node that has none, by its host; none where it needs none.
fn name_by_host(cluster: &ClusterConfig, host: &str) -> Result<Option<String>, String> {
    match cluster.engine.is_some() && cluster.node.is_empty() {
        false => Ok(None),
        true if is_node(host) => Ok(Some(host.to_owned())),
        true => Err(format!("CHAT_NODE: not set, and {NODE_UNSET}")),
    }
}

/// What is set for the server of a model, where it is not said which that is: of that nothing would follow.
fn without_address(is_set: impl Fn(&str) -> bool) -> Option<String> {
    if is_set("AI_BASE_URL") || is_set("AI_PROVIDER") {
        return None;
    }
    let file = is_set("AI_API_KEY_FILE");
    let key = if file { "AI_API_KEY_FILE" } else { "AI_API_KEY" };
    let set: Vec<_> = [key, "AI_MODEL"].into_iter().filter(|key| is_set(key)).collect();
    let missing = if is_set("AI_MODEL") { "AI_BASE_URL" } else { "AI_BASE_URL and AI_MODEL" };
    (!set.is_empty()).then(|| {
        format!(
            "{}: no effect without AI_BASE_URL, the address of the server that answers: set {missing}",
            set.join(", ")
        )
    })
}

fn hostname() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

#[expect(clippy::disallowed_methods, reason = "the environment is read here")]
fn in_environment(key: &str) -> Option<Result<String, OsString>> {
    std::env::var_os(key).map(OsString::into_string)
}

#[expect(clippy::disallowed_methods, reason = "the environment is read here")]
fn names_in_environment() -> impl Iterator<Item = String> {
    std::env::vars_os().filter_map(|(name, _)| name.into_string().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(pairs: &[(&str, &str)]) -> Settings {
        let values = pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        Settings::of(values.collect(), Vec::new())
    }

    /// A file with this text, whose path is given and which is gone afterwards.
    fn with_file<T>(name: &str, text: &str, work: impl FnOnce(&str) -> T) -> T {
        let path = std::env::temp_dir().join(format!("lobbyd-set-{name}-{}", std::process::id()));
        std::fs::write(&path, text).unwrap();
        let done = work(path.to_str().unwrap());
        std::fs::remove_file(path).unwrap();
        done
    }

    #[test]
    fn a_secret_may_stand_in_a_file_of_its_own() {
        with_file("key", "sk-1\n", |path| {
            let settings = of(&[("GEMINI_API_KEY_FILE", path)]);
            assert_eq!(settings.faults, [""; 0]);
            assert_eq!(settings.config.ai.as_ref().unwrap().key.expose(), "sk-1");
            let summary = settings.summary();
            assert!(summary.contains("GEMINI_API_KEY=****\n") && !summary.contains("sk-1"));
            let settings = of(&[("GEMINI_API_KEY_FILE", path), ("GEMINI_API_KEY", "sk-2")]);
            assert_eq!(settings.faults.len(), 1);
            assert!(settings.faults[0].starts_with("GEMINI_API_KEY: set twice"));
            assert!(!settings.faults[0].contains("sk-"));
        });
    }

    #[test]
    fn what_is_wrong_with_a_secret_is_told_by_the_key_of_its_file_and_without_it() {
        with_file("bad", "sk 1\n", |path| {
            let faults = of(&[("GEMINI_API_KEY_FILE", path)]).faults;
            assert_eq!(faults.len(), 1);
            assert!(faults[0].starts_with("GEMINI_API_KEY_FILE: bad value '****'"), "{faults:?}");
        });
        let faults = of(&[("GEMINI_API_KEY_FILE", "sk-pasted")]).faults;
        assert!(faults[0].starts_with("GEMINI_API_KEY_FILE: the file cannot be read"));
        assert!(!faults[0].contains("sk-pasted"));
    }

    #[test]
    fn what_is_set_for_a_server_that_is_not_named_is_told() {
        let cases: [(&[&str], Option<&str>); 9] = [
            (&[], None),
            (&["AI_TIMEOUT_SECS", "GEMINI_API_KEY"], None),
            (
                &["AI_API_KEY"],
                Some(
                    "AI_API_KEY: no effect without AI_BASE_URL, the address of the server that answers: set AI_BASE_URL and AI_MODEL",
                ),
            ),
            (
                &["AI_MODEL", "GEMINI_API_KEY"],
                Some(
                    "AI_MODEL: no effect without AI_BASE_URL, the address of the server that answers: set AI_BASE_URL",
                ),
            ),
            (
                &["AI_MODEL", "AI_API_KEY"],
                Some(
                    "AI_API_KEY, AI_MODEL: no effect without AI_BASE_URL, the address of the server that answers: set AI_BASE_URL",
                ),
            ),
            (
                &["AI_API_KEY", "AI_API_KEY_FILE"],
                Some(
                    "AI_API_KEY_FILE: no effect without AI_BASE_URL, the address of the server that answers: set AI_BASE_URL and AI_MODEL",
                ),
            ),
            (&["AI_MODEL", "AI_BASE_URL"], None),
            // What is missing then is a fault, or it is set for another day.
            (&["AI_MODEL", "AI_PROVIDER"], None),
            (&["AI_API_KEY", "AI_BASE_URL"], None),
        ];
        for (set, want) in cases {
            let told = without_address(|key| set.contains(&key));
            assert_eq!(told.as_deref(), want, "{set:?}");
        }
    }

    #[test]
    fn the_address_of_an_engine_may_stand_in_a_file_of_its_own() {
        with_file("nats", "nats://ann:secret@127.0.0.1\n", |path| {
            let settings = of(&[("NATS_URL_FILE", path), ("CHAT_NODE", "one")]);
            assert_eq!(settings.faults, [""; 0]);
            let cluster = &settings.config.cluster;
            assert_eq!(cluster.engine.as_ref().unwrap().to_string(), "nats://127.0.0.1:4222");
            let summary = settings.summary();
            assert!(summary.contains("NATS_URL=nats://****@127.0.0.1:4222\n"), "{summary}");
            assert!(!format!("{summary}{:?}", settings.config).contains("secret"));
            let both =
                of(&[("NATS_URL_FILE", path), ("NATS_URL", "nats://a:hidden@localhost")]).faults;
            assert!(both[0].starts_with("NATS_URL: set twice") && both.len() == 1, "{both:?}");
            assert!(!both[0].contains("secret") && !both[0].contains("hidden"));
        });
        with_file("nats-bad", "nats://ann:secret@10.0.0.1\n", |path| {
            let faults = of(&[("NATS_URL_FILE", path)]).faults;
            assert!(
                faults[0].starts_with("NATS_URL_FILE: bad value 'nats://****@10.0.0.1:4222'"),
                "{faults:?}"
            );
            assert!(
                faults[0].contains("NATS_ALLOW_REMOTE") && !faults[0].contains("secret"),
                "{faults:?}"
            );
        });
    }

    #[test]
    fn a_node_without_a_name_has_that_of_its_host() {
        let named = |pairs: &[(&str, &str)], host| {
            let (config, _) = Config::read(|key| {
                pairs.iter().find(|(k, _)| *k == key).map(|(_, value)| (*value).to_owned())
            });
            name_by_host(&config.cluster, host)
        };
        let engine = ("NATS_URL", "nats://localhost");
        assert_eq!(named(&[engine], "chat1.example.org"), Ok(Some("chat1.example.org".to_owned())));
        assert_eq!(named(&[engine, ("CHAT_NODE", "two")], "(none)"), Ok(None));
        assert_eq!(named(&[], "(none)"), Ok(None));
        let fault = named(&[engine], "(none)").unwrap_err();
        assert!(fault.starts_with("CHAT_NODE: ") && fault.contains("set CHAT_NODE"), "{fault}");
        let settings = of(&[engine]);
        let told = format!("CHAT_NODE={}\n", settings.config.cluster.node);
        assert!(settings.faults.len() == 1 || settings.summary().contains(&told));
    }

    #[test]
    fn what_is_shown_after_login_is_read_from_its_file() {
        with_file("motd", "Be kind\n", |path| {
            let settings = of(&[("CHAT_MOTD_FILE", path)]);
            assert_eq!(settings.faults, [""; 0]);
            assert_eq!(settings.config.motd[0].as_str(), "Be kind");
        });
        let faults = of(&[("CHAT_MOTD_FILE", "/nowhere"), ("CHAT_WIDTH", "1")]).faults;
        assert_eq!(faults.len(), 2, "all of them are told: {faults:?}");
        assert!(faults[1].starts_with("CHAT_MOTD_FILE: /nowhere cannot be read: "), "{faults:?}");
    }
}
