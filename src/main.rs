//! The program: settings, log, signals, exit status.

#![expect(clippy::disallowed_methods, reason = "main reads the environment and ends the process")]

mod args;
mod ctl;
mod man;
mod operator;
mod progress;

use std::fmt::Display;
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use std::process::{ExitCode, exit};
use std::time::Duration;

use listenfd::ListenFd;
use lobbyd::clock::unix_now;
use lobbyd::cluster::mark::Mark;
use lobbyd::config::{Config, Live, Settings};
use lobbyd::files;
use lobbyd::logging::{self, FlushAtEnd, complain, event, say};
use lobbyd::nats;
use lobbyd::net::handed::Handed;
use lobbyd::net::listen::ListenerKind;
use lobbyd::net::tls;
use lobbyd::server::cluster::Membership;
use lobbyd::server::reload::Reloader;
use lobbyd::server::{self, End, Opened};
use lobbyd::store::{self, DATABASE_FILE, Export};
use log::{Level, error, info, warn};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::args::Task;
use crate::ctl::{Ask, Failure};

/// A setting that cannot be used, or arguments.
const EXIT_USAGE: u8 = 2;
/// Something of the machine: a port, a certificate.
const EXIT_FAILURE: u8 = 1;
/// A second signal: as a shell reports a process that SIGINT ended.
const EXIT_INTERRUPTED: i32 = 130;

fn main() -> ExitCode {
    let status = match args::parse(std::env::args_os()) {
        Err(error) => fail(EXIT_USAGE, error),
        Ok(Task::Print(text)) => {
            say(&text);
            ExitCode::SUCCESS
        }
        Ok(Task::Ctl { ask, json }) => ctl(Settings::gather(), ask, json),
        Ok(task) => do_task(task, Settings::gather()),
    };
    match logging::unsaid() {
        None => status,
        // Whoever reads no further has what they wanted, as `grep -q`.
        Some(why) if why.kind() == io::ErrorKind::BrokenPipe => status,
        Some(why) => fail(EXIT_FAILURE, format_args!("the answer cannot be written: {why}")),
    }
}

fn do_task(task: Task, settings: Settings) -> ExitCode {
    // Other tasks answer whoever typed them.
    logging::set_json(settings.config.log_json && matches!(task, Task::Run));
    for warning in &settings.warnings {
        complain(Level::Warn, event::SETTING_WARNING, warning);
    }
    if let Task::CheckConfig = task {
        return check_config(settings);
    }
    let Settings { config, faults, .. } = settings;
    if !faults.is_empty() {
        return fail_for(EXIT_USAGE, &faults);
    }
    match task {
        Task::Run => run(config),
        Task::GenCert { force } => gen_cert(&config, force),
        Task::Backup(file) => with_data_dir(&config, |dir| operator::backup(dir, &file)),
        Task::Restore(file) => with_data_dir(&config, |dir| operator::restore(dir, &file)),
        Task::CheckData => with_data_dir(&config, operator::check),
        Task::Export { lobby, since } => with_data_dir(&config, |dir| {
            let retention = config.retention();
            operator::export(dir, &Export { lobby: &lobby, since, retention, now: unix_now() })
        }),
        Task::Refound { yes } => refound(&config, yes),
        // Only one of the nodes would have it.
        Task::SetPassword(name) if config.cluster.engine.is_some() => fail(
            EXIT_FAILURE,
            format!(
                "NATS_URL is set: all nodes are to have it. On any of them: lobbyd ctl passwd {name}"
            ),
        ),
        Task::SetPassword(name) => {
            with_data_dir(&config, |dir| operator::set_password(dir, &name, unix_now()))
        }
        Task::CheckConfig | Task::Ctl { .. } | Task::Print(_) => ExitCode::SUCCESS,
    }
}

/// Asks a running server something. What is wrong with other settings is that one's to tell.
fn ctl(Settings { config, faults, .. }: Settings, ask: Ask, json: bool) -> ExitCode {
    let Some(dir) = &config.data_dir else {
        return fail(EXIT_FAILURE, "CHAT_DATA_DIR is off: a server without it has no console");
    };
    match ctl::run(dir, ask, json) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure { why, usage, missing }) => {
            // With these it may have been looked for in the wrong place.
            let faults = faults.into_iter().filter(|_| missing);
            let why: Vec<String> = faults.chain(why).collect();
            fail_for(if usage { EXIT_USAGE } else { EXIT_FAILURE }, &why)
        }
    }
}

/// Tells every fault that a start would meet, and prints the settings.
fn check_config(settings: Settings) -> ExitCode {
    say(&settings.summary());
    let Settings { config, mut faults, .. } = settings;
    match server::load_tls(&config) {
        Err(error) => faults.push(error.to_string()),
        Ok(tls) => {
            if let Err(error) = server::check_listeners(&config, tls.as_ref()) {
                faults.push(error.to_string());
            }
            if let Some(tls) = tls {
                say(&format!("# TLS certificate, SHA-256: {}\n", tls.fingerprint));
                say(&format!("# TLS certificate, valid until: {}\n", tls.validity.until));
                if let Some(warning) = tls.validity.warning(&config.tls.cert, unix_now()) {
                    complain(Level::Warn, event::CERTIFICATE, &warning);
                }
            }
        }
    }
    #[cfg(feature = "ssh")]
    match server::look_at_host_key(&config) {
        Ok(None) => {}
        Ok(Some(key)) => say(&format!("# SSH host key, SHA-256: {key}\n")),
        Err(error) => faults.push(error.to_string()),
    }
    let shown = progress::show();
    let seen = config.data_dir.as_deref().map(store::look_at);
    drop(shown);
    match seen {
        None => say("# Data: memory only\n"),
        Some(Err(error)) => faults.push(error.to_string()),
        Some(Ok(seen)) => {
            say(&format!("# Data: {seen}\n"));
            if let Some(note) = seen.note {
                complain(Level::Warn, event::DATA, &note.to_string());
            }
        }
    }
    if faults.is_empty() { ExitCode::SUCCESS } else { fail_for(EXIT_USAGE, &faults) }
}

/// Does something with the database; prints what it says, or why it failed.
fn with_data_dir(config: &Config, task: impl FnOnce(&Path) -> Result<String, String>) -> ExitCode {
    let Some(dir) = &config.data_dir else {
        return fail(EXIT_FAILURE, "CHAT_DATA_DIR is off: there is no database");
    };
    let shown = progress::show();
    let done = task(dir);
    drop(shown);
    match done {
        Err(error) => fail(EXIT_FAILURE, error),
        Ok(text) => {
            say(&text);
            ExitCode::SUCCESS
        }
    }
}

/// What a log that begins with this database means for the cluster, of which these nodes run; none where it has no
/// log yet.
fn what_refounding_means(options: &nats::Options, running: Option<&[String]>) -> String {
    let nats::Options { cluster, addresses, .. } = options;
    let copies = "Every other node needs a copy of it: lobbyd backup here, lobbyd restore there.\n";
    match running {
        None => format!(
            "The cluster '{cluster}' has no log at {addresses} yet: it begins with this database. {copies}"
        ),
        Some(running) => {
            let stop = match running {
                [] => String::new(),
                _ => format!("These nodes run, and stop then: {}.\n", running.join(", ")),
            };
            format!(
                "The log of the cluster '{cluster}' at {addresses} begins anew with it. What is in the log that is there \
                 now, and not in\nthis database, is lost. {copies}{stop}"
            )
        }
    }
}

/// `lobbyd cluster refound`.
fn refound(config: &Config, yes: bool) -> ExitCode {
    let Some(options) = engine_options(config, true) else {
        return fail(
            EXIT_USAGE,
            "NATS_URL is off: this server is alone. Set it to the engine of the cluster",
        );
    };
    let Some(dir) = &config.data_dir else {
        return fail(EXIT_FAILURE, "CHAT_DATA_DIR is off: there is no database");
    };
    let shown = progress::show();
    let opened = operator::open_for_cluster(dir);
    drop(shown);
    let (mut db, told) = match opened {
        Ok(opened) => opened,
        Err(error) => return fail(EXIT_FAILURE, error),
    };
    say(&told);
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(EXIT_FAILURE, error),
    };
    match runtime.block_on(nats::running(&options)) {
        Ok(running) => say(&what_refounding_means(&options, running.as_deref())),
        Err(error) => return fail(EXIT_FAILURE, error),
    }
    match operator::confirm(yes) {
        Ok(true) => {}
        Ok(false) => return fail(EXIT_FAILURE, "nothing was changed"),
        Err(error) => return fail(EXIT_USAGE, error),
    }
    let founded = runtime.block_on(nats::refound(&options)).map_err(|error| error.to_string());
    let joined = founded.and_then(|log| {
        let mark = Mark::at_beginning(log.created_at);
        db.join_log(&mark.to_bytes()).map_err(|error| error.to_string())
    });
    match joined {
        Ok(()) => {
            say(&format!("The log begins with this database. Start the node: {}\n", options.node));
            ExitCode::SUCCESS
        }
        Err(error) => fail(EXIT_FAILURE, error),
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
    // It takes variables out of the environment, which only one thread may do.
    let said = |key: &str| std::env::var(key).unwrap_or_default();
    let own = std::process::id();
    let handed = Handed::check_count(&said("LISTEN_FDS"), &said("LISTEN_PID"), own)
        .and_then(|()| Handed::take(ListenFd::from_env()));
    let handed = match handed {
        Ok(handed) => handed,
        Err(error) => return fail(EXIT_FAILURE, error),
    };
    // Before anything that takes its time: a reload that is wanted while the server starts is to end nobody.
    let system = actix::System::new();
    let hangup = match system.block_on(async { signal(SignalKind::hangup()) }) {
        Ok(hangup) => hangup,
        Err(error) => return fail(EXIT_FAILURE, server::StartError::Io(error)),
    };
    if let Err(error) = logging::start(&config.log_filter, log_has_colours()) {
        return fail(EXIT_FAILURE, format!("the log cannot be started: {error}"));
    }
    let _flush = FlushAtEnd::default();
    // Where, but not what: the words of a panic can hold text of a user.
    std::panic::set_hook(Box::new(|panic| match panic.location() {
        Some(place) => error!(event = event::FAULT; "fault at {place}"),
        None => error!(event = event::FAULT; "fault"),
    }));
    let shown = progress::show();
    let opened = Opened::open(&config, handed);
    drop(shown);
    let opened = match opened {
        Ok(opened) => opened,
        Err(error) => return fail(EXIT_FAILURE, error),
    };
    log_start(&config, &opened);
    let valid = opened.validity();
    if let Some(warning) = valid.and_then(|valid| valid.warning(&config.tls.cert, unix_now())) {
        warn!(event = event::CERTIFICATE; "{warning}");
    }
    raise_descriptors(config.max_connections);
    for note in &opened.data_notes {
        warn!(event = event::DATA; "{note}");
    }
    say(&banner(&config, &opened));
    let ran = system.block_on(async {
        let io = |error| RunError::Server(server::StartError::Io(error));
        let stop = stop_signal().map_err(io)?;
        let in_terminal = io::stdin().is_terminal();
        let ready = |reloader| {
            actix_rt::spawn(reload_at(hangup, reloader, in_terminal));
            info!(event = event::READY; "ready");
            say("\n    >> Server ready - Waiting for connections...\n");
        };
        let mut stop = std::pin::pin!(stop);
        // A log that was followed is not made anew: then it is another one.
        let engine = match engine_options(&config, opened.mark.is_none()) {
            None => None,
            Some(options) => {
                let membership = Membership {
                    node: options.node.clone(),
                    place: opened.place(),
                    replicas: u8::try_from(options.replicas).unwrap_or(1),
                    mark: opened.mark.clone().unwrap_or_default(),
                };
                tokio::select! {
                    joined = server::cluster::join(options, membership) => {
                        Some(joined.map_err(RunError::Engine)?)
                    }
                    () = &mut stop => return Ok(End::Wanted),
                }
            }
        };
        server::run(Live::new(config), opened, engine, ready, stop).await.map_err(RunError::Server)
    });
    match ran {
        Ok(end) => {
            info!(event = event::STOPPED; "stopped");
            say("GoodBye\n");
            logging::flush();
            // Threads that still hash a password are not waited for.
            exit(match end {
                End::Wanted => 0,
                End::Forced => i32::from(EXIT_FAILURE),
            })
        }
        Err(error) => fail(EXIT_FAILURE, error),
    }
}

/// Why the server does not run.
#[derive(Debug, thiserror::Error)]
enum RunError {
    /// For want of something of this machine.
    #[error(transparent)]
    Server(server::StartError),
    /// For want of the engine of its cluster.
    #[error(transparent)]
    Engine(nats::StartError),
}

/// The engine that the settings name; none where this server is alone.
fn engine_options(config: &Config, may_make: bool) -> Option<nats::Options> {
    let cluster = &config.cluster;
    let addresses = cluster.engine.clone()?;
    Some(nats::Options {
        addresses,
        cluster: cluster.name.clone(),
        node: cluster.node.clone(),
        replicas: cluster.replicas as u64,
        may_make,
        patience: nats::START_TIME,
    })
}

/// Descriptors besides those of connections: the database, threads, the console, the operator's listener.
const OTHER_DESCRIPTORS: u64 = 200;

/// Takes as many descriptors as the machine lets this process have, and tells where they are too few for the
/// connections that are allowed.
fn raise_descriptors(max_connections: usize) {
    let before = getrlimit(Resource::Nofile);
    if before.current != before.maximum {
        // Where it is refused, what there was stays.
        let _ = setrlimit(Resource::Nofile, Rlimit { current: before.maximum, ..before });
    }
    let Some(limit) = getrlimit(Resource::Nofile).current else { return };
    if limit < OTHER_DESCRIPTORS + max_connections as u64 {
        warn!(
            event = event::DESCRIPTORS;
            "{limit} file descriptors are too few for CHAT_MAX_CONNECTIONS={max_connections}: raise the limit \
             (ulimit -n, LimitNOFILE), or set it to {}",
            limit.saturating_sub(OTHER_DESCRIPTORS).max(1)
        );
    }
}

/// How often it is looked whether the terminal is still there.
const LOOK_FOR_TERMINAL: Duration = Duration::from_secs(2);

/// Has everything read anew at each SIGHUP. Those that come meanwhile are one more, after it. Where its
/// terminal was closed, of which SIGHUP tells too, the server stops as at SIGTERM: nobody would look after it.
/// One that outlived its terminal without being told (`disown`, `setsid`) is looked after in another way.
async fn reload_at(mut hangup: Signal, reloader: Reloader, mut in_terminal: bool) {
    let mut looks_gone = false;
    loop {
        tokio::select! {
            biased;
            told = hangup.recv() => if told.is_none() { return },
            () = tokio::time::sleep(LOOK_FOR_TERMINAL), if in_terminal => {
                // Twice: the signal of a terminal that is just being closed may be on its way.
                let gone = !io::stdin().is_terminal();
                in_terminal = !(gone && looks_gone);
                looks_gone = gone;
                continue;
            }
        }
        if in_terminal && !io::stdin().is_terminal() {
            let myself = rustix::process::getpid();
            if rustix::process::kill_process(myself, rustix::process::Signal::TERM).is_ok() {
                return;
            }
        }
        // What came of it is in the log.
        let _ = reloader.reload().await;
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
        warn!(event = event::STOPPING; "stopping");
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

/// Tells the log what has started: for whoever reads it later, or elsewhere than the banner.
fn log_start(config: &Config, opened: &Opened) {
    let settings =
        config.env_file.as_ref().map_or("no .env".into(), |file| file.display().to_string());
    let (version, pid) = (env!("CARGO_PKG_VERSION"), std::process::id());
    info!(event = event::STARTING; "lobbyd {version} starts as process {pid}, with {settings}");
    match database(config) {
        Some(file) => info!(event = event::DATA; "the database is {}", file.display()),
        None => info!(event = event::DATA; "there is no database: memory only"),
    }
    match (&opened.console_fault, &config.data_dir) {
        (Some(why), _) => {
            warn!(event = event::CONSOLE; "there is no console (lobbyd ctl): {why}");
        }
        (None, None) => {
            info!(event = event::CONSOLE; "there is no console (lobbyd ctl): CHAT_DATA_DIR is off");
        }
        (None, Some(_)) => {}
    }
    for (kind, addr) in opened.listeners() {
        let sum = match kind {
            ListenerKind::Plain => None,
            ListenerKind::Tls => opened.fingerprint().map(|sum| format!("SHA-256 {sum}")),
            ListenerKind::Ssh => opened.host_key(),
            ListenerKind::Web => None,
        };
        match sum {
            Some(sum) => info!(event = event::LISTENING; "{kind} on {addr}, {sum}"),
            None => info!(event = event::LISTENING; "{kind} on {addr}"),
        }
    }
}

/// The whole path of the database.
fn database(config: &Config) -> Option<PathBuf> {
    config.data_dir.as_deref().map(|dir| files::absolute(&dir.join(DATABASE_FILE)))
}

fn banner(config: &Config, opened: &Opened) -> String {
    let rule = "  ═════════════════════════════════════════════\n";
    let name = concat!("              lobbyd ", env!("CARGO_PKG_VERSION"), ", terminal chat\n");
    let mut text = format!("\n{rule}\n{name}\n{rule}\n");
    let line = |label: &str, value: &dyn Display| format!("    {label:<14}{value}\n");
    let (plain, tls) = (opened.port(ListenerKind::Plain), opened.port(ListenerKind::Tls));
    let ssh = opened.port(ListenerKind::Ssh);
    let web = opened.port(ListenerKind::Web);
    if let Some(port) = plain.or(tls).or(ssh).or(web) {
        text.push_str(&line("Port:", &port));
    }
    text.push_str(&line("Lobby:", &"general"));
    let protocol = match (plain, tls) {
        (Some(_), Some(_)) => "TCP + TLS",
        (None, Some(_)) => "TLS",
        (None, None) if ssh.is_some() => "SSH",
        (None, None) if web.is_some() => "HTTP",
        _ => "TCP",
    };
    text.push_str(&line("Protocol:", &protocol));
    text.push('\n');
    text.push_str(match &config.ai {
        None => {
            "    [!] AI features disabled (no API key)\n        Rox is local with Ollama: AI_BASE_URL=http://127.0.0.1:11434/v1 AI_MODEL=llama3.2\n        \
             or Google's: GEMINI_API_KEY\n"
        }
        Some(_) => "    [✓] AI features enabled\n",
    });
    if let (Some(port), Some(fingerprint)) = (tls, opened.fingerprint()) {
        text.push_str(&format!("    TLS enabled on port {port}\n"));
        text.push_str(&format!("    Certificate SHA-256: {fingerprint}\n"));
    }
    if let (Some(port), Some(fingerprint)) = (ssh, opened.host_key()) {
        text.push_str(&format!("    SSH on port {port}, {fingerprint}\n"));
    }
    if let Some(port) = web {
        let scheme = if config.web.tls { "https" } else { "http" };
        text.push_str(&format!("    Page at {scheme}://localhost:{port}/\n"));
    }
    if let Some(addr) = opened.admin_addr() {
        text.push_str(&line("Admin:", &format_args!("http://{addr}/")));
    }
    if opened.tls_has_no_certificate {
        text.push_str("    [!] TLS is off: no certificate. Make one with: lobbyd gen-cert\n");
    }
    if opened.tls_has_no_socket {
        text.push_str("    [!] TLS is off: one socket was handed over, and TLS takes the second\n");
    }
    match &config.env_file {
        Some(file) => text.push_str(&line("Config:", &file.display())),
        None => text.push_str(&line("Config:", &"none")),
    }
    match database(config) {
        Some(file) => text.push_str(&line("Data:", &file.display())),
        None => text.push_str(&line("Data:", &"memory only")),
    }
    if !opened.has_admin {
        text.push_str("    [!] No admins: nobody can moderate general (CHAT_ADMINS)\n");
        if let (Some(name), Some(_)) = (config.admins.first(), &config.data_dir) {
            let remedy = format!("run: lobbyd ctl passwd {name}");
            text.push_str(&format!("    [!] {name} is no admin yet: {remedy}\n"));
        }
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

/// A line for each fault.
fn fail_for(status: u8, faults: &[String]) -> ExitCode {
    faults.iter().for_each(|fault| complain(Level::Error, event::BAD_SETTING, fault));
    ExitCode::from(status)
}

fn fail(status: u8, error: impl Display) -> ExitCode {
    complain(Level::Error, event::START_FAILED, &error.to_string());
    ExitCode::from(status)
}
