//! The table of all keys: the source of the defaults, of `.env.example` and of `--check-config`.

/// One key of the configuration.
#[derive(Debug)]
pub struct Key {
    /// Its name in the environment and in `.env`.
    pub name: &'static str,
    /// Its default, as it would be written; empty for none.
    pub default: &'static str,
    /// What it does, in one line.
    pub help: &'static str,
    /// Whether its value must not be shown.
    pub secret: bool,
    /// Whether it can change only by a restart.
    pub fixed: bool,
}

const fn key(name: &'static str, default: &'static str, help: &'static str) -> Key {
    Key { name, default, help, secret: false, fixed: false }
}

/// One that cannot change while the server runs.
const fn fixed(name: &'static str, default: &'static str, help: &'static str) -> Key {
    Key { fixed: true, ..key(name, default, help) }
}

/// Every key that lobbyd knows.
pub static KEYS: [Key; 63] = [
    fixed("CHAT_ADDR", "[::]:8080", "Plain listener (IPv6 and IPv4); off for none"),
    fixed(
        "CHAT_TLS_ADDR",
        "[::]:8443",
        "TLS listener, used when the certificate and key exist; off for none",
    ),
    key("CHAT_TLS_CERT", "certs/server.crt", "Certificate chain (PEM); lobbyd gen-cert makes one"),
    key("CHAT_TLS_KEY", "certs/server.key", "Private key (PEM)"),
    fixed("CHAT_SSH_ADDR", "off", "SSH listener, such as [::]:8022; off for none"),
    fixed(
        "CHAT_SSH_KEY",
        "",
        "Host key of SSH, made where it is absent; ssh_host_ed25519 in the data directory where it is not set",
    ),
    fixed(
        "CHAT_WEB_ADDR",
        "off",
        "HTTP listener of the page for people, and of hooks, such as [::]:8088; off for none",
    ),
    fixed("CHAT_WEB_TLS", "off", "on: that listener speaks TLS, with the certificate"),
    key(
        "CHAT_WEB_ORIGINS",
        "",
        "Origins besides the page's own whose scripts may connect, as https://chat.example.org, separated by commas",
    ),
    key("CHAT_MAX_CONNECTIONS", "10000", "Connections in all; 0 for no limit"),
    key(
        "CHAT_MAX_CONNECTIONS_PER_IP",
        "10",
        "Connections from one IPv4 address or IPv6 /64; 0 for no limit",
    ),
    key(
        "CHAT_CONNECTS_PER_MINUTE",
        "60",
        "New connections from one IPv4 address or IPv6 /64 in a minute; 0 for no limit",
    ),
    key(
        "CHAT_RATE_MESSAGES",
        "5",
        "Messages and commands of a user in CHAT_RATE_WINDOW_SECS; 0 for no limit",
    ),
    key("CHAT_RATE_WINDOW_SECS", "10", "Length of that sliding window, in seconds"),
    key(
        "CHAT_RATE_HOLD",
        "40",
        "Lines over that limit that wait for a user instead of being refused; 0 for none",
    ),
    key(
        "CHAT_MAX_MESSAGE_CHARS",
        "1000",
        "Unicode characters in a message or in a question to Rox",
    ),
    key(
        "CHAT_HISTORY_SECS",
        "300",
        "A user who joins is shown messages up to this old, in seconds",
    ),
    key("CHAT_HISTORY_MESSAGES", "200", "A user who joins is shown at most so many messages"),
    key(
        "CHAT_LOGIN_TIMEOUT_SECS",
        "60",
        "Time from connecting (TLS handshake included) to a valid name",
    ),
    key(
        "CHAT_IDLE_TIMEOUT_SECS",
        "0",
        "A client that sends nothing for this long is disconnected; 0 for never",
    ),
    key("CHAT_LOBBY_IDLE_SECS", "7200", "An empty lobby made by a user goes after this long"),
    key("CHAT_MAX_LOBBIES", "1000", "Lobbies made by users, in all"),
    key("CHAT_MAX_LOBBIES_PER_USER", "10", "Lobbies made by one user"),
    key(
        "CHAT_REGISTRATIONS_PER_DAY",
        "5",
        "Accounts that one address makes in 24 hours; 0 for no limit",
    ),
    key(
        "CHAT_OUTBOUND_LIMIT_BYTES",
        "262144",
        "Bytes queued for one client before it is cut off as too slow",
    ),
    key(
        "CHAT_STALL_TIMEOUT_SECS",
        "30",
        "A client that takes nothing for this long while something waits is cut off",
    ),
    fixed("CHAT_DATA_DIR", "data", "Folder of the database; off: nothing outlives the process"),
    key("CHAT_HISTORY_KEEP_DAYS", "30", "Messages are kept on disk for so many days"),
    key("CHAT_HISTORY_KEEP_MESSAGES", "100000", "Messages that are kept on disk for each lobby"),
    key("CHAT_ADMINS", "", "Accounts that act as owners everywhere, separated by commas"),
    fixed(
        "CHAT_ADMIN_ADDR",
        "off",
        "HTTP for the operator: /metrics, /health/live, /health/ready and a page at /; off for none",
    ),
    key(
        "CHAT_PROXY_FROM",
        "",
        "CIDR blocks of proxies whose connections begin with a PROXY protocol header, separated by commas",
    ),
    key("CHAT_ALLOW", "", "CIDR blocks, separated by commas: only those may connect"),
    key(
        "CHAT_DENY",
        "",
        "CIDR blocks, separated by commas, that may not connect, whatever CHAT_ALLOW says",
    ),
    key("CHAT_COLOR", "on", "off: no escape codes at all are sent"),
    key(
        "CHAT_TELNET",
        "on",
        "off: telnet clients and raw terminals are asked nothing, and none gets the editor by itself",
    ),
    key(
        "CHAT_WIDTH",
        "80",
        "Columns of a terminal that does not tell its own (20 to 500); off: text is not wrapped there",
    ),
    key("CHAT_MOTD_FILE", "", "A text file of at most 4 KiB that is shown after login"),
    key(
        "AI_PROVIDER",
        "",
        "Who answers as Rox, the assistant: gemini, or openai for any server with OpenAI's chat completions (Ollama, llama.cpp, vLLM and others); unset: gemini with a key for it, else openai where AI_BASE_URL is set",
    ),
    key(
        "AI_BASE_URL",
        "",
        "Turns Rox on by such a server: its address, as http://127.0.0.1:11434/v1 for Ollama",
    ),
    key("AI_MODEL", "", "The model that answers there, as llama3.2"),
    Key { secret: true, ..key("AI_API_KEY", "", "The key for that server, where it takes one") },
    key("AI_API_KEY_FILE", "", "A file that this key is read from instead"),
    Key { secret: true, ..key("GEMINI_API_KEY", "", "Turns Rox on by the Gemini API") },
    key("GEMINI_API_KEY_FILE", "", "A file that the key is read from instead"),
    key("GEMINI_MODEL", "gemini-2.5-flash", "The model that answers"),
    key(
        "GEMINI_BASE_URL",
        "https://generativelanguage.googleapis.com",
        "Address of the API, for proxies and tests",
    ),
    key("AI_TIMEOUT_SECS", "30", "Time for a whole answer"),
    key("AI_WORKERS", "4", "Questions that are answered side by side"),
    key("AI_QUEUE", "32", "Questions that wait on the server before Rox is busy"),
    key("AI_USER_PER_HOUR", "20", "Questions of a user to Rox in an hour; 0 for no limit"),
    key("AI_LOBBY_PER_DAY", "200", "Questions of a lobby to Rox in a calendar day; 0 for no limit"),
    key("AI_PER_DAY", "1000", "Questions of all to Rox in a calendar day; 0 for no limit"),
    key("AI_TOKENS_PER_DAY", "0", "Tokens that they cost in a calendar day; 0 for no limit"),
    key("AI_LOBBIES", "on", "Whether lobbies have Rox unless their owner says otherwise (/airoom)"),
    Key {
        secret: true,
        ..fixed(
            "NATS_URL",
            "off",
            "Engine of a cluster, as nats://user:password@127.0.0.1:4222, several separated by commas; off: this server is alone",
        )
    },
    fixed("NATS_URL_FILE", "", "A file that the same is read from instead"),
    fixed("NATS_REPLICAS", "1", "Copies of the log that the engine keeps: 1, 3 or 5"),
    fixed("NATS_ALLOW_REMOTE", "off", "on: an engine on another machine is spoken to, in plain"),
    fixed("CHAT_CLUSTER", "lobbyd", "Name of the cluster on that engine"),
    fixed(
        "CHAT_NODE",
        "",
        "Name of this node, unique in its cluster; the host's name where it is not set",
    ),
    key("CHAT_LOG", "text", "json: the log is one JSON object a line"),
    key("RUST_LOG", "info", "Log filter: error, warn, info, debug, trace, or by module"),
];

/// Prefixes of the keys that are lobbyd's alone, so that an unknown one must be a mistake.
const OWN_PREFIXES: [&str; 4] = ["CHAT_", "AI_", "GEMINI_", "NATS_"];

/// Whether a key is one of ours, known or not, in whatever case somebody wrote it.
pub(super) fn is_own(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    OWN_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
        || KEYS.iter().any(|key| key.name == name)
}

/// For a key that looks like one of ours and is unknown: the known one that is nearest to it.
pub fn nearest_key(name: &str) -> Option<&'static str> {
    if !is_own(name) || KEYS.iter().any(|key| key.name == name) {
        return None;
    }
    // Such as RUST_LOG is nothing that a mistyped key of ours could mean.
    let own = KEYS.iter().map(|key| key.name);
    let own = own.filter(|known| OWN_PREFIXES.iter().any(|prefix| known.starts_with(prefix)));
    let name = name.to_ascii_uppercase();
    own.min_by_key(|known| strsim::damerau_levenshtein(known, &name))
}

/// The text of `.env.example`: every key at its default, commented out, and what takes a restart.
pub fn example() -> String {
    let mut text = String::from(
        "# Settings of lobbyd. Copy this file to .env and take the # from the lines that you change.\n\
         # A variable of the environment wins over this file; an empty value counts as unset.\n\
         # SIGHUP has a running server read it again.\n",
    );
    for key in &KEYS {
        let fixed = if key.fixed { " (a change takes a restart)" } else { "" };
        text.push_str(&format!("\n# {}{fixed}\n#{}={}\n", key.help, key.name, key.default));
    }
    text
}
