//! The program: arguments, settings, log, signals, exit status.

#![expect(clippy::disallowed_methods, reason = "main reads the environment and ends the process")]

mod operator;

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::fmt::Display;
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use std::process::{ExitCode, exit};

use lobbyd::clock::unix_now;
use lobbyd::config::{Config, KEYS, nearest_key};
use lobbyd::logging::{self, FlushAtEnd, complain, say};
use lobbyd::net::listen::ListenerKind;
use lobbyd::net::tls;
use lobbyd::server::{self, Opened};
use log::{error, warn};
use tokio::signal::unix::{SignalKind, signal};

/// A setting that cannot be used, or arguments.
const EXIT_USAGE: u8 = 2;
/// Something of the machine: a port, a certificate.
const EXIT_FAILURE: u8 = 1;
/// A second signal: as a shell reports a process that SIGINT ended.
const EXIT_INTERRUPTED: i32 = 130;

const HELP: &str = "\
lobbyd - a terminal chat server for nc, rlwrap, telnet, socat and openssl s_client

Usage:
  lobbyd                    Run the server
  lobbyd --check-config     Check all settings, print them, and exit
  lobbyd gen-cert [--force] Write a self-signed certificate and its key
  lobbyd backup FILE        Copy the database, of a running server too
  lobbyd restore FILE       Put a copy in place of the database, which is kept
  lobbyd check-data         Verify the database
  lobbyd passwd NAME        Make an account, or set its password; the password
                            is read from standard input
  lobbyd --help             Print this
  lobbyd --version          Print the version

Settings come from the environment and from a .env file in the working
directory; .env.example lists them all.
";

/// What the arguments ask for.
enum Task {
    Run,
    CheckConfig,
    GenCert { force: bool },
    Backup(PathBuf),
    Restore(PathBuf),
    CheckData,
    SetPassword(String),
    Print(String),
}

fn main() -> ExitCode {
    match parse_args(std::env::args_os().skip(1)) {
        Err(error) => fail(EXIT_USAGE, format!("{error}; see lobbyd --help")),
        Ok(Task::Print(text)) => {
            say(&text);
            ExitCode::SUCCESS
        }
        Ok(task) => match load_config() {
            Err(error) => fail(EXIT_USAGE, error),
            Ok((config, warnings)) => do_task(task, config, &warnings),
        },
    }
}

fn do_task(task: Task, config: Config, warnings: &[String]) -> ExitCode {
    for warning in warnings {
        complain(&format!("lobbyd: warning: {warning}"));
    }
    match task {
        Task::Run => run(config),
        Task::CheckConfig => check_config(&config),
        Task::GenCert { force } => gen_cert(&config, force),
        Task::Backup(file) => with_data_dir(&config, |dir| operator::backup(dir, &file)),
        Task::Restore(file) => with_data_dir(&config, |dir| operator::restore(dir, &file)),
        Task::CheckData => with_data_dir(&config, operator::check),
        Task::SetPassword(name) => {
            with_data_dir(&config, |dir| operator::set_password(dir, &name, unix_now()))
        }
        Task::Print(_) => ExitCode::SUCCESS,
    }
}

fn parse_args(args: impl IntoIterator<Item = OsString>) -> Result<Task, lexopt::Error> {
    use lexopt::prelude::{Long, Short, Value, ValueExt};
    let (mut parser, mut task, mut force) = (lexopt::Parser::from_args(args), None, false);
    while let Some(arg) = parser.next()? {
        let next = match arg {
            Long("help") | Short('h') => Task::Print(HELP.to_owned()),
            Long("version") | Short('V') => {
                Task::Print(concat!("lobbyd ", env!("CARGO_PKG_VERSION"), "\n").to_owned())
            }
            Long("check-config") if task.is_none() => Task::CheckConfig,
            Value(ref word) if word == "gen-cert" && task.is_none() => Task::GenCert { force },
            Value(ref word) if word == "backup" && task.is_none() => {
                Task::Backup(parser.value()?.into())
            }
            Value(ref word) if word == "restore" && task.is_none() => {
                Task::Restore(parser.value()?.into())
            }
            Value(ref word) if word == "check-data" && task.is_none() => Task::CheckData,
            Value(ref word) if word == "passwd" && task.is_none() => {
                Task::SetPassword(parser.value()?.string()?)
            }
            Long("force") => {
                force = true;
                continue;
            }
            other => return Err(other.unexpected()),
        };
        task = Some(next);
    }
    match task {
        Some(Task::GenCert { .. }) => Ok(Task::GenCert { force }),
        _ if force => Err("--force goes with gen-cert".into()),
        Some(task) => Ok(task),
        None => Ok(Task::Run),
    }
}

/// Reads the environment and `.env`; the environment wins, an empty value counts as unset.
fn load_config() -> Result<(Config, Vec<String>), String> {
    let file = read_env_file(Path::new(".env"))?;
    let not_text = |name: &OsStr| std::env::var_os(name).is_some_and(|v| v.to_str().is_none());
    if let Some(key) = KEYS.iter().find(|key| not_text(OsStr::new(key.name))) {
        return Err(format!("{}: bad value: expected UTF-8 text", key.name));
    }
    let set = |key: &str| std::env::var(key).ok().filter(|value| !value.is_empty());
    let config = Config::load(|key| set(key).or_else(|| file.get(key).cloned()))
        .map_err(|error| error.to_string())?;
    let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    let mut names: Vec<String> = names.chain(file.into_keys()).collect();
    names.sort();
    names.dedup();
    let warnings = names.iter().filter_map(|name| {
        nearest_key(name).map(|known| format!("{name} is no setting; did you mean {known}?"))
    });
    Ok((config, warnings.collect()))
}

fn read_env_file(path: &Path) -> Result<HashMap<String, String>, String> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(HashMap::new()),
        Err(error) => return Err(format!("{}: cannot be read: {error}", path.display())),
    };
    dotenvy::from_read_iter(text.as_bytes()).collect::<Result<_, _>>().map_err(|error| {
        // The error holds the line, which may hold a secret: only its number is told.
        let number = match &error {
            dotenvy::Error::LineParse(part, _) if !part.trim().is_empty() => {
                text.lines().position(|line| line.contains(part.trim()))
            }
            _ => None,
        };
        let place = number.map_or_else(String::new, |n| format!("line {}: ", n + 1));
        format!("{}: {place}bad line: expected KEY=value or KEY=\"value\"", path.display())
    })
}

fn check_config(config: &Config) -> ExitCode {
    let checked = server::load_tls(config)
        .map_err(Into::into)
        .and_then(|tls| server::check_listeners(config, tls.as_ref()).map(|()| tls));
    match checked {
        Err(error) => fail(EXIT_USAGE, error),
        Ok(tls) => {
            say(&config.summary());
            if let Some(tls) = tls {
                say(&format!("# TLS certificate, SHA-256: {}\n", tls.fingerprint));
            }
            ExitCode::SUCCESS
        }
    }
}

/// Does something with the database; prints what it says, or why it failed.
fn with_data_dir(config: &Config, task: impl FnOnce(&Path) -> Result<String, String>) -> ExitCode {
    let Some(dir) = &config.data_dir else {
        return fail(EXIT_FAILURE, "CHAT_DATA_DIR is off: there is no database");
    };
    match task(dir) {
        Err(error) => fail(EXIT_FAILURE, error),
        Ok(text) => {
            say(&text);
            ExitCode::SUCCESS
        }
    }
}

fn gen_cert(config: &Config, force: bool) -> ExitCode {
    let host = rustix::system::uname();
    let host = host.nodename().to_string_lossy();
    match tls::generate(&config.tls.cert, &config.tls.key, &host, force) {
        Err(error) => fail(EXIT_FAILURE, error),
        Ok(fingerprint) => {
            let (cert, key) = (config.tls.cert.display(), config.tls.key.display());
            say(&format!("Wrote {cert} and {key}, for {host} and localhost.\n"));
            say(&format!("SHA-256 fingerprint: {fingerprint}\n"));
            ExitCode::SUCCESS
        }
    }
}

fn run(config: Config) -> ExitCode {
    if let Err(error) = logging::start(&config.log_filter, log_has_colours()) {
        return fail(EXIT_FAILURE, format!("the log cannot be started: {error}"));
    }
    let _flush = FlushAtEnd::default();
    // Where, but not what: the words of a panic can hold text of a user.
    std::panic::set_hook(Box::new(|panic| match panic.location() {
        Some(place) => error!("fault at {place}"),
        None => error!("fault"),
    }));
    let opened = match Opened::open(&config) {
        Ok(opened) => opened,
        Err(error) => return fail(EXIT_FAILURE, error),
    };
    for note in &opened.data_notes {
        warn!("{note}");
    }
    say(&banner(&config, &opened));
    let ready = || say("\n    >> Server ready - Waiting for connections...\n");
    let ran = actix::System::new().block_on(async {
        let stop = stop_signal().map_err(server::StartError::Io)?;
        server::run(config, opened, ready, stop).await
    });
    match ran {
        Ok(()) => {
            say("GoodBye\n");
            logging::flush();
            // Threads that still hash a password are not waited for.
            exit(0)
        }
        Err(error) => fail(EXIT_FAILURE, error),
    }
}

/// Resolves at SIGINT or SIGTERM; another one then ends the process at once.
fn stop_signal() -> io::Result<impl Future<Output = ()>> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        warn!("stopping");
        actix_rt::spawn(async move {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            logging::flush_in_haste();
            exit(EXIT_INTERRUPTED)
        });
    })
}

fn banner(config: &Config, opened: &Opened) -> String {
    let rule = "  ═════════════════════════════════════════════\n";
    let name = concat!("              lobbyd ", env!("CARGO_PKG_VERSION"), ", terminal chat\n");
    let mut text = format!("\n{rule}\n{name}\n{rule}\n");
    let mut line = |label: &str, value: &dyn Display| {
        text.push_str(&format!("    {label:<14}{value}\n"));
    };
    let (plain, tls) = (opened.port(ListenerKind::Plain), opened.port(ListenerKind::Tls));
    if let Some(port) = plain.or(tls) {
        line("Port:", &port);
    }
    line("Lobby:", &"general");
    line(
        "Protocol:",
        &match (plain, tls) {
            (Some(_), Some(_)) => "TCP + TLS",
            (None, Some(_)) => "TLS",
            _ => "TCP",
        },
    );
    text.push('\n');
    text.push_str(match &config.ai {
        None => "    [!] AI features disabled (no API key)\n",
        Some(_) => "    [✓] AI features enabled\n",
    });
    if let (Some(port), Some(fingerprint)) = (tls, opened.fingerprint()) {
        text.push_str(&format!("    TLS enabled on port {port}\n"));
        text.push_str(&format!("    Certificate SHA-256: {fingerprint}\n"));
    }
    if opened.tls_has_no_certificate {
        text.push_str("    [!] TLS is off: no certificate. Make one with: lobbyd gen-cert\n");
    }
    text
}

/// Whether log lines are coloured: on a terminal, unless its user wants none (<https://no-color.org>,
/// <https://bixense.com/clicolors>).
fn log_has_colours() -> bool {
    let set = |key: &str| std::env::var_os(key).filter(|value| !value.is_empty());
    let is = |key: &str, value: &str| set(key).is_some_and(|found| found == value);
    if set("NO_COLOR").is_some() {
        return false;
    }
    if set("CLICOLOR_FORCE").is_some() && !is("CLICOLOR_FORCE", "0") {
        return true;
    }
    let able = set("TERM").is_some() && !is("TERM", "dumb") && !is("CLICOLOR", "0");
    able && io::stderr().is_terminal()
}

fn fail(status: u8, error: impl Display) -> ExitCode {
    complain(&format!("lobbyd: {error}"));
    ExitCode::from(status)
}
