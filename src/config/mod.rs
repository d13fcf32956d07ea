//! The configuration: every limit of the server has its name, default and bounds here.
//!
//! [`Config::load`] takes a lookup function, so that it reads the environment no more than a test
//! does. The defaults stand once, in [`KEYS`], as the text that a `.env` file would hold.

mod cluster;
pub mod env_file;
mod keys;
mod live;
mod named;
mod settings;

use std::cell::RefCell;
use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

pub use cluster::ClusterConfig;
pub use keys::{KEYS, Key, example, nearest_key};
pub use live::{LastReload, Live, SharedReload};
pub use named::MAX_MOTD_BYTES;
pub use settings::Settings;

use crate::ai::budget::{Limits, MAX_USES};
use crate::ai::provider::Provider;
use crate::chat::name::Name;
use crate::chat::password::Secret;
use crate::chat::retention::Retention;
use crate::chat::settings::{MAX_WIDTH, MIN_WIDTH};
use crate::chat::text::Line;
use crate::net::nets::Nets;

/// The host key of SSH in the data directory.
const SSH_KEY_FILE: &str = "ssh_host_ed25519";

/// The highest limit of questions: as many as are remembered.
const MAX_QUESTIONS: usize = MAX_USES;

/// The highest limit of tokens: more than any provider sells in a day.
const MAX_TOKENS: usize = 1_000_000_000_000;

/// What the name of a model at Gemini has beside letters and digits: it stands in a path.
const GEMINI_MODEL_SIGNS: &[u8] = b"-._";

/// The same of other servers: as `qwen2.5:7b`, `meta-llama/llama-3:free`, `~anthropic/x@y`.
const AI_MODEL_SIGNS: &[u8] = b"-._:/@+~";

/// Everything that an operator can set.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where the plain listener binds; none for no such listener.
    pub addr: Option<ListenAddr>,
    /// The TLS listener.
    pub tls: TlsConfig,
    /// The SSH listener.
    pub ssh: SshConfig,
    /// The listener of the page.
    pub web: WebConfig,
    /// Connections in all; 0 for no limit.
    pub max_connections: usize,
    /// Connections of one IPv4 address or IPv6 /64; 0 for no limit.
    pub max_connections_per_ip: usize,
    /// New connections of one IPv4 address or IPv6 /64 in a minute; 0 for no limit.
    pub connects_per_minute: usize,
    /// Messages of a user in [`Config::rate_window`]; 0 for no limit.
    pub rate_messages: usize,
    /// The sliding window of the rate limit.
    pub rate_window: Duration,
    /// Lines over the rate limit that wait for a user instead of being refused; 0 for none.
    pub rate_hold: usize,
    /// Unicode characters in a message.
    pub max_message_chars: usize,
    /// How old a message may be to be shown to a user who joins.
    pub history_age: Duration,
    /// How many messages a user who joins is shown.
    pub history_messages: usize,
    /// From accept to a valid name.
    pub login_timeout: Duration,
    /// How long a client may send nothing; none for ever.
    pub idle_timeout: Option<Duration>,
    /// An empty lobby of a user goes after this long.
    pub lobby_idle: Duration,
    /// Lobbies of users on the server.
    pub max_lobbies: usize,
    /// Lobbies of one user.
    pub max_lobbies_per_user: usize,
    /// Accounts that one address makes in 24 hours; 0 for no limit.
    pub registrations_per_day: usize,
    /// Bytes queued for one client before it is cut off.
    pub outbound_limit_bytes: usize,
    /// A client that takes nothing for this long while something waits is cut off.
    pub stall_timeout: Duration,
    /// The folder of the database; none where nothing is to outlive the process.
    pub data_dir: Option<PathBuf>,
    /// How long messages are kept on disk.
    pub keep_age: Duration,
    /// How many messages of a lobby are kept on disk.
    pub keep_messages: usize,
    /// Accounts that act as owners everywhere.
    pub admins: Vec<Name>,
    /// Where the operator's HTTP listener binds; none for no such listener.
    pub admin_addr: Option<ListenAddr>,
    /// Proxies, whose connections begin with a PROXY protocol header.
    pub proxy_from: Nets,
    /// Who alone may connect; empty for everybody.
    pub allow: Nets,
    /// Who may not connect, whatever [`Config::allow`] says.
    pub deny: Nets,
    /// Whether escape codes are sent.
    pub color: bool,
    /// Whether telnet clients and raw terminals are asked what they are, and given the editor by themselves.
    pub telnet: bool,
    /// Columns taken for a terminal that does not tell its own; none: text is not wrapped there.
    pub width: Option<u16>,
    /// The assistant; none without a provider.
    pub ai: Option<AiConfig>,
    /// The budgets of the assistant.
    pub ai_limits: Limits,
    /// Whether lobbies have the assistant unless their owner says otherwise.
    pub ai_lobbies: bool,
    /// How this server is a node of a cluster.
    pub cluster: ClusterConfig,
    /// Whether the log is JSON.
    pub log_json: bool,
    /// The filter of the log, in the syntax of `RUST_LOG`.
    pub log_filter: String,
    /// The file of what is shown after login.
    pub motd_file: Option<PathBuf>,
    /// What is shown after login, row by row. Read by [`Settings`].
    pub motd: Arc<[Line]>,
    /// The `.env` that was read; none where there is none. Set by [`Settings`].
    pub env_file: Option<PathBuf>,
}

/// An address to listen on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListenAddr(pub SocketAddr);

/// The TLS listener's settings.
#[derive(Debug, Clone)]
pub struct TlsConfig {
    /// Where it binds; none for no such listener.
    pub addr: Option<ListenAddr>,
    /// PEM file of the certificate and its chain.
    pub cert: PathBuf,
    /// PEM file of the private key.
    pub key: PathBuf,
    /// Whether either path was set, so that its absence is an error.
    pub paths_were_set: bool,
}

/// The SSH listener's settings.
#[derive(Debug, Clone)]
pub struct SshConfig {
    /// Where it binds; none for no such listener.
    pub addr: Option<ListenAddr>,
    /// The file of the host key; none where it is the one in the data directory.
    pub key: Option<PathBuf>,
}

/// The settings of the page's listener.
#[derive(Debug, Clone)]
pub struct WebConfig {
    /// Where it binds; none for no such listener.
    pub addr: Option<ListenAddr>,
    /// Whether it speaks TLS.
    pub tls: bool,
    /// Origins besides the page's own whose scripts may connect.
    pub origins: Vec<String>,
}

/// The assistant's settings.
#[derive(Debug, Clone)]
pub struct AiConfig {
    /// Who answers.
    pub provider: Provider,
    /// The API key; empty for a server that takes none.
    pub key: Secret,
    /// The model's name.
    pub model: String,
    /// Scheme, host, port and path of the API, without a slash at the end.
    pub base_url: String,
    /// For a whole answer.
    pub timeout: Duration,
    /// Questions that are answered side by side.
    pub workers: usize,
    /// Questions that wait on the server.
    pub queue: usize,
}

/// A key with a value that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{key}: bad value '{}': expected {expected}", value.escape_debug())]
pub struct ConfigError {
    /// The key.
    pub key: &'static str,
    /// Its value, masked where it is a secret.
    pub value: String,
    /// What would have been right.
    pub expected: String,
}

impl Config {
    /// Reads every key through `lookup`; an empty value counts as unset.
    ///
    /// # Errors
    /// Every key whose value is bad.
    pub fn load(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, Vec<ConfigError>> {
        let (config, faults) = Self::read(lookup);
        if faults.is_empty() { Ok(config) } else { Err(faults) }
    }

    /// The same, with the default in the place of each value that is bad.
    pub fn read(lookup: impl Fn(&str) -> Option<String>) -> (Self, Vec<ConfigError>) {
        let reader = Reader::new(lookup);
        let (cert, key) = (reader.path("CHAT_TLS_CERT"), reader.path("CHAT_TLS_KEY"));
        let config = Self {
            addr: reader.listen("CHAT_ADDR"),
            tls: TlsConfig {
                addr: reader.listen("CHAT_TLS_ADDR"),
                cert,
                key,
                paths_were_set: reader.is_set("CHAT_TLS_CERT") || reader.is_set("CHAT_TLS_KEY"),
            },
            ssh: reader.ssh(),
            web: reader.web(),
            max_connections: reader.count("CHAT_MAX_CONNECTIONS", 0..=1_000_000),
            max_connections_per_ip: reader.count("CHAT_MAX_CONNECTIONS_PER_IP", 0..=1_000_000),
            connects_per_minute: reader.count("CHAT_CONNECTS_PER_MINUTE", 0..=1_000_000),
            rate_messages: reader.count("CHAT_RATE_MESSAGES", 0..=10_000),
            rate_window: reader.secs("CHAT_RATE_WINDOW_SECS", 1..=86_400),
            rate_hold: reader.count("CHAT_RATE_HOLD", 0..=1_000),
            // A line has 8 KiB, so a message can never have more characters.
            max_message_chars: reader.count("CHAT_MAX_MESSAGE_CHARS", 1..=8_192),
            history_age: reader.secs("CHAT_HISTORY_SECS", 1..=31_536_000),
            history_messages: reader.count("CHAT_HISTORY_MESSAGES", 1..=10_000),
            login_timeout: reader.secs("CHAT_LOGIN_TIMEOUT_SECS", 1..=86_400),
            idle_timeout: Some(reader.secs("CHAT_IDLE_TIMEOUT_SECS", 0..=31_536_000))
                .filter(|timeout| !timeout.is_zero()),
            lobby_idle: reader.secs("CHAT_LOBBY_IDLE_SECS", 1..=31_536_000),
            max_lobbies: reader.count("CHAT_MAX_LOBBIES", 1..=100_000),
            max_lobbies_per_user: reader.count("CHAT_MAX_LOBBIES_PER_USER", 1..=100_000),
            registrations_per_day: reader.count("CHAT_REGISTRATIONS_PER_DAY", 0..=10_000),
            outbound_limit_bytes: reader.count("CHAT_OUTBOUND_LIMIT_BYTES", 1_024..=1 << 30),
            stall_timeout: reader.secs("CHAT_STALL_TIMEOUT_SECS", 1..=86_400),
            data_dir: reader.data_dir("CHAT_DATA_DIR"),
            keep_age: reader.secs_of_days("CHAT_HISTORY_KEEP_DAYS", 1..=36_500),
            keep_messages: reader.count("CHAT_HISTORY_KEEP_MESSAGES", 1..=100_000_000),
            admins: reader.names("CHAT_ADMINS"),
            admin_addr: reader.listen("CHAT_ADMIN_ADDR"),
            proxy_from: reader.nets("CHAT_PROXY_FROM"),
            allow: reader.nets("CHAT_ALLOW"),
            deny: reader.nets("CHAT_DENY"),
            color: reader.on_off("CHAT_COLOR"),
            telnet: reader.on_off("CHAT_TELNET"),
            width: reader.width("CHAT_WIDTH", MIN_WIDTH..=MAX_WIDTH),
            ai: {
                let names = || Provider::NAMES.join(" or ");
                reader.value("AI_PROVIDER", names, |text| {
                    let known = Provider::NAMES.iter().any(|name| name.eq_ignore_ascii_case(text));
                    (text.is_empty() || known).then_some(())
                });
                reader.ai()
            },
            ai_limits: Limits {
                user_per_hour: reader.number("AI_USER_PER_HOUR", MAX_QUESTIONS),
                lobby_per_day: reader.number("AI_LOBBY_PER_DAY", MAX_QUESTIONS),
                per_day: reader.number("AI_PER_DAY", MAX_QUESTIONS),
                tokens_per_day: reader.number("AI_TOKENS_PER_DAY", MAX_TOKENS),
            },
            ai_lobbies: reader.on_off("AI_LOBBIES"),
            cluster: reader.cluster(),
            log_json: reader.word("CHAT_LOG", ["text", "json"]) == 1,
            log_filter: reader.log_filter("RUST_LOG"),
            motd_file: Some(reader.path("CHAT_MOTD_FILE"))
                .filter(|_| reader.is_set("CHAT_MOTD_FILE")),
            motd: Arc::default(),
            env_file: None,
        };
        let mut faults = reader.faults.into_inner();
        let place = |fault: &ConfigError| KEYS.iter().position(|key| key.name == fault.key);
        faults.sort_by_key(place);
        (config, faults)
    }

    /// Puts back what cannot change while the server runs. Answered with the keys of which the value is
    /// another one.
    pub fn keep_fixed(&mut self, in_force: &Self) -> Vec<&'static str> {
        fn keep<T: Clone + PartialEq>(value: &mut T, in_force: &T) -> bool {
            let differs = value != in_force;
            value.clone_from(in_force);
            differs
        }
        let kept = [
            ("CHAT_ADDR", keep(&mut self.addr, &in_force.addr)),
            ("CHAT_TLS_ADDR", keep(&mut self.tls.addr, &in_force.tls.addr)),
            ("CHAT_SSH_ADDR", keep(&mut self.ssh.addr, &in_force.ssh.addr)),
            ("CHAT_SSH_KEY", keep(&mut self.ssh.key, &in_force.ssh.key)),
            ("CHAT_WEB_ADDR", keep(&mut self.web.addr, &in_force.web.addr)),
            ("CHAT_WEB_TLS", keep(&mut self.web.tls, &in_force.web.tls)),
            ("CHAT_DATA_DIR", keep(&mut self.data_dir, &in_force.data_dir)),
            ("CHAT_ADMIN_ADDR", keep(&mut self.admin_addr, &in_force.admin_addr)),
            ("NATS_URL", keep(&mut self.cluster.engine, &in_force.cluster.engine)),
            ("NATS_URL_FILE", keep(&mut self.cluster.file, &in_force.cluster.file)),
            ("NATS_REPLICAS", keep(&mut self.cluster.replicas, &in_force.cluster.replicas)),
            (
                "NATS_ALLOW_REMOTE",
                keep(&mut self.cluster.allow_remote, &in_force.cluster.allow_remote),
            ),
            ("CHAT_CLUSTER", keep(&mut self.cluster.name, &in_force.cluster.name)),
            ("CHAT_NODE", keep(&mut self.cluster.node, &in_force.cluster.node)),
        ];
        kept.into_iter().filter(|(_, differs)| *differs).map(|(key, _)| key).collect()
    }

    /// The file of the host key of SSH; none where SSH is off.
    pub fn ssh_key(&self) -> Option<PathBuf> {
        self.ssh.addr?;
        let of_data_dir = || self.data_dir.as_ref().map(|dir| dir.join(SSH_KEY_FILE));
        self.ssh.key.clone().or_else(of_data_dir)
    }

    /// What is replayed of a lobby: so many messages, so old ones.
    pub fn history(&self) -> (usize, Duration) {
        (self.history_messages.min(self.keep_messages), self.history_age)
    }

    /// What is kept on disk of what was said in a lobby.
    pub fn retention(&self) -> Retention {
        Retention { age: self.keep_age, messages: self.keep_messages }
    }

    /// Every key with its effective value as `lookup` says it, secrets masked, a line each.
    pub fn summary(lookup: impl Fn(&str) -> Option<String>) -> String {
        let reader = Reader::new(lookup);
        KEYS.iter().map(|key| format!("{}={}\n", key.name, reader.shown(key.name))).collect()
    }
}

/// The values of all keys, set or default, and what is wrong with them. What is bad is noted, and read
/// as its default.
struct Reader {
    values: HashMap<&'static str, (String, bool)>,
    faults: RefCell<Vec<ConfigError>>,
}

impl Reader {
    fn new(lookup: impl Fn(&str) -> Option<String>) -> Self {
        let value = |key: &'static Key| match lookup(key.name).filter(|v| !v.is_empty()) {
            Some(value) => (key.name, (value, true)),
            None => (key.name, (key.default.to_owned(), false)),
        };
        Self { values: KEYS.iter().map(value).collect(), faults: RefCell::default() }
    }

    fn text(&self, key: &str) -> &str {
        &self.values[key].0
    }

    fn is_set(&self, key: &str) -> bool {
        self.values[key].1
    }

    fn path(&self, key: &str) -> PathBuf {
        PathBuf::from(self.text(key))
    }

    /// What `parse` makes of the value; else of the default, which it takes, and the value is noted as bad.
    fn value<T: Default>(
        &self,
        key: &'static str,
        expected: impl FnOnce() -> String,
        parse: impl Fn(&str) -> Option<T>,
    ) -> T {
        parse(self.text(key)).unwrap_or_else(|| {
            let fault = ConfigError { key, value: self.shown(key), expected: expected() };
            self.faults.borrow_mut().push(fault);
            let default = KEYS.iter().find(|known| known.name == key);
            default.and_then(|key| parse(key.default)).unwrap_or_default()
        })
    }

    /// A value as it may be shown.
    fn shown(&self, key: &str) -> String {
        let value = self.text(key);
        if key == "NATS_URL" {
            return Self::shown_engine(value);
        }
        if self.is_secret(key) && !value.is_empty() { "****".to_owned() } else { value.to_owned() }
    }

    fn is_secret(&self, key: &str) -> bool {
        // An address with a password in it is refused, and not shown either.
        KEYS.iter().any(|k| k.name == key && k.secret) || self.text(key).contains('@')
    }

    /// A limit up to `max`, 0 for none.
    fn number(&self, key: &'static str, max: usize) -> u64 {
        self.count(key, 0..=max) as u64
    }

    fn count(&self, key: &'static str, range: RangeInclusive<usize>) -> usize {
        let expected = || format!("a number from {} to {}", range.start(), range.end());
        self.value(key, expected, |text| text.parse().ok().filter(|n| range.contains(n)))
    }

    fn secs(&self, key: &'static str, range: RangeInclusive<usize>) -> Duration {
        Duration::from_secs(self.count(key, range) as u64)
    }

    fn secs_of_days(&self, key: &'static str, range: RangeInclusive<usize>) -> Duration {
        Duration::from_secs(self.count(key, range) as u64 * 86_400)
    }

    fn data_dir(&self, key: &str) -> Option<PathBuf> {
        Some(self.path(key)).filter(|path| !path.as_os_str().eq_ignore_ascii_case("off"))
    }

    fn names(&self, key: &'static str) -> Vec<Name> {
        let expected = || "names of accounts, separated by commas".to_owned();
        self.value(key, expected, |text| {
            let names = text.split(',').map(str::trim).filter(|name| !name.is_empty());
            names.map(|name| Name::parse(name).ok().filter(|name| !name.is_reserved())).collect()
        })
    }

    fn on_off(&self, key: &'static str) -> bool {
        self.word(key, ["on", "off"]) == 0
    }

    /// Which of two words the value is.
    fn word(&self, key: &'static str, words: [&str; 2]) -> usize {
        let expected = || format!("{} or {}", words[0], words[1]);
        self.value(key, expected, |text| {
            words.iter().position(|word| word.eq_ignore_ascii_case(text))
        })
    }

    fn nets(&self, key: &'static str) -> Nets {
        Nets::parse(self.text(key)).unwrap_or_else(|why| {
            let value = if self.is_secret(key) { self.shown(key) } else { why.of() };
            self.faults.borrow_mut().push(ConfigError { key, value, expected: why.to_string() });
            Nets::default()
        })
    }

    fn width(&self, key: &'static str, range: RangeInclusive<u16>) -> Option<u16> {
        let expected = || format!("a number from {} to {}, or off", range.start(), range.end());
        self.value(key, expected, |text| match text.eq_ignore_ascii_case("off") {
            true => Some(None),
            false => text.parse().ok().filter(|width| range.contains(width)).map(Some),
        })
    }

    fn listen(&self, key: &'static str) -> Option<ListenAddr> {
        let expected = || "an address and a port, as [::]:8080 or :8080, or off".to_owned();
        self.value(key, expected, |text| match text.eq_ignore_ascii_case("off") {
            true => Some(None),
            false => parse_listen(text).map(|addr| Some(ListenAddr(addr))),
        })
    }

    fn ssh(&self) -> SshConfig {
        let addr = match cfg!(feature = "ssh") {
            true => self.listen("CHAT_SSH_ADDR"),
            false => {
                let expected = || "off, since this build has no SSH (feature ssh)".to_owned();
                let is_off = |text: &str| text.eq_ignore_ascii_case("off").then_some(None);
                self.value("CHAT_SSH_ADDR", expected, is_off)
            }
        };
        let key = Some(self.path("CHAT_SSH_KEY")).filter(|_| self.is_set("CHAT_SSH_KEY"));
        if addr.is_some() && key.is_none() && self.data_dir("CHAT_DATA_DIR").is_none() {
            let expected = "a file for the host key, since CHAT_DATA_DIR is off".to_owned();
            let (key, value) = ("CHAT_SSH_KEY", String::new());
            self.faults.borrow_mut().push(ConfigError { key, value, expected });
        }
        SshConfig { addr, key }
    }

    fn web(&self) -> WebConfig {
        let expected = || "origins separated by commas, as https://chat.example.org".to_owned();
        let origins = self.value("CHAT_WEB_ORIGINS", expected, |text| {
            let listed = text.split(',').map(str::trim).filter(|origin| !origin.is_empty());
            listed.map(|origin| is_origin(origin).then(|| origin.to_owned())).collect()
        });
        WebConfig { addr: self.listen("CHAT_WEB_ADDR"), tls: self.on_off("CHAT_WEB_TLS"), origins }
    }

    fn ai(&self) -> Option<AiConfig> {
        let gemini_key = self.secret("GEMINI_API_KEY");
        let gemini_model = self.model("GEMINI_MODEL", GEMINI_MODEL_SIGNS);
        let gemini_url = self.base_url("GEMINI_BASE_URL");
        let key = self.secret("AI_API_KEY");
        let model = self.model("AI_MODEL", AI_MODEL_SIGNS);
        let url = self.base_url("AI_BASE_URL");
        let (timeout, workers, queue) = (
            self.secs("AI_TIMEOUT_SECS", 1..=3_600),
            self.count("AI_WORKERS", 1..=64),
            self.count("AI_QUEUE", 1..=10_000),
        );
        let (key, model, base_url) = match self.provider()? {
            Provider::Gemini => {
                self.needs("GEMINI_API_KEY", "a key, since AI_PROVIDER is gemini")?;
                // A bad one is none.
                if gemini_key.is_empty() {
                    return None;
                }
                (gemini_key, gemini_model, gemini_url)
            }
            Provider::OpenAi => {
                let address =
                    "an address, as http://127.0.0.1:11434/v1, since AI_PROVIDER is openai";
                let named = "the name of a model, as llama3.2, which the server at AI_BASE_URL has";
                let (has_url, has_model) =
                    (self.needs("AI_BASE_URL", address), self.needs("AI_MODEL", named));
                has_url.and(has_model)?;
                (key, model, url)
            }
        };
        let (provider, key) = (self.provider()?, Secret::new(&key));
        Some(AiConfig { provider, key, model, base_url, timeout, workers, queue })
    }

    /// Who answers: as is set, else by what else is.
    fn provider(&self) -> Option<Provider> {
        let set = self.text("AI_PROVIDER");
        let by_name = |name: &str| {
            let place =
                Provider::NAMES.iter().position(|known| known.eq_ignore_ascii_case(name))?;
            Provider::ALL.get(place).copied()
        };
        match by_name(set) {
            Some(provider) => Some(provider),
            None if !set.is_empty() => None,
            None if self.is_set("GEMINI_API_KEY") => Some(Provider::Gemini),
            None if self.is_set("AI_BASE_URL") => Some(Provider::OpenAi),
            None => None,
        }
    }

    /// That a key is set which another one calls for; else that is told.
    fn needs(&self, key: &'static str, expected: &str) -> Option<()> {
        let is_set = self.is_set(key);
        if !is_set {
            let fault = ConfigError { key, value: String::new(), expected: expected.to_owned() };
            self.faults.borrow_mut().push(fault);
        }
        is_set.then_some(())
    }

    fn secret(&self, key: &'static str) -> String {
        let expected = || "printable ASCII without blanks".to_owned();
        let fits = |text: &str| text.bytes().all(|b| b.is_ascii_graphic());
        self.value(key, expected, |text| fits(text).then(|| text.to_owned()))
    }

    fn model(&self, key: &'static str, signs: &[u8]) -> String {
        let expected = || {
            let signs: Vec<_> = signs.iter().map(|sign| char::from(*sign).to_string()).collect();
            format!("the name of a model: letters, digits and {}", signs.join(" "))
        };
        let fits = |b: u8| b.is_ascii_alphanumeric() || signs.contains(&b);
        self.value(key, expected, |text| text.bytes().all(fits).then(|| text.to_owned()))
    }

    fn base_url(&self, key: &'static str) -> String {
        let expected = || {
            "http:// or https://, a host, perhaps a port and a path, and no user or password"
                .to_owned()
        };
        self.value(key, expected, |text| {
            let url = text.trim_end_matches('/');
            if url.is_empty() && text.is_empty() {
                return Some(String::new());
            }
            let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
            rest.is_some_and(is_host_and_path).then(|| url.to_owned())
        })
    }

    fn log_filter(&self, key: &'static str) -> String {
        // To the parser any word is a module, and a mistyped level the silence of all others.
        let known = |part: &str| match part.split_once('=') {
            Some((module, _)) => !module.is_empty(),
            None => {
                part.parse::<log::LevelFilter>().is_ok()
                    || part.starts_with("lobbyd")
                    || part.contains("::")
            }
        };
        let expected = || "a level, as info, or module=level, separated by commas".to_owned();
        self.value(key, expected, |text| {
            let parts_known = text.split('/').next().unwrap_or_default().split(',').all(known);
            let good = parts_known && env_filter::Builder::new().try_parse(text).is_ok();
            good.then(|| text.to_owned())
        })
    }
}

/// A host, a port where there is a colon, and a path; no user, password, query or fragment (RFC 3986
/// §3.2): the address is shown in the settings, and a secret has its own key.
fn is_host_and_path(text: &str) -> bool {
    let authority = text.split('/').next().unwrap_or_default();
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (authority, None),
    };
    !host.is_empty()
        && port.is_none_or(|port| port.parse::<u16>().is_ok())
        && text.bytes().all(|b| b.is_ascii_graphic() && !b"@?#\\".contains(&b))
}

/// Whether a text is an origin as a browser writes it (RFC 6454 §6.2): a scheme, a host, and a port where that is
/// not the scheme's own.
fn is_origin(text: &str) -> bool {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let of_host = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:[]".contains(&byte);
    rest.is_some_and(|host| !host.is_empty() && host.bytes().all(of_host))
}

/// `address:port`, or `:port` for every address of the machine.
fn parse_listen(text: &str) -> Option<SocketAddr> {
    if let Some(port) = text.strip_prefix(':') {
        return Some(SocketAddr::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), port.parse().ok()?));
    }
    match text.strip_prefix("localhost:") {
        Some(port) => Some(SocketAddr::new(IpAddr::from([127, 0, 0, 1]), port.parse().ok()?)),
        None => text.parse().ok(),
    }
}

#[cfg(test)]
mod tests;
