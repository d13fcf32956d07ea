//! The log, and what the program prints while it serves.
//!
//! Every line has the name of its event ([`event`]), those about a connection its number too, as
//! key-values of the `log` crate. A line is text or JSON ([`set_json`]), and goes by a queue to a thread
//! of its own: whoever logs never waits for whoever reads.

pub mod event;
mod form;
mod queue;

use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{LazyLock, OnceLock};
use std::time::Duration;

use arc_swap::ArcSwap;
use env_filter::{Filter, ParseError};
use env_logger::fmt::style::Style;
use env_logger::{Target, WriteStyle};
use log::{Level, LevelFilter, Log, Metadata, Record};

pub use self::event::EventName;
use self::form::LogLine;
use self::queue::Outlet;
pub use self::queue::{MAX_BYTES, MAX_LINES};
use crate::clock;

/// How long the end of the process waits for a reader that takes nothing.
const FLUSH_STALL: Duration = Duration::from_secs(1);

/// How long it waits at a second signal, which is to end the process at once, for any reader.
const FLUSH_HASTE: Duration = Duration::from_millis(100);

/// How long it waits else for a reader that takes something now and then.
const FLUSH_TIME: Duration = Duration::from_secs(5);

/// What the program prints with while it serves.
struct Output {
    out: Outlet,
    log: Outlet,
}

/// What befell the first of an answer that could not be printed.
static UNSAID: OnceLock<io::Error> = OnceLock::new();

static OUTPUT: OnceLock<Output> = OnceLock::new();

/// Libraries that say nothing here: one tells of every request that is broken, as an error, so that whoever can
/// reach a port could fill the log with it, and so does that of SSH, in the client's own words; the other of every
/// try to connect, which is told of by `nats`.
const NOISY: [&str; 3] = ["actix_http", "async_nats", "russh"];

/// Whether lines are JSON.
static JSON: AtomicBool = AtomicBool::new(false);

/// Which lines are written. Until the log is started nobody asks.
static FILTER: LazyLock<ArcSwap<Filter>> =
    LazyLock::new(|| ArcSwap::from_pointee(env_filter::Builder::new().build()));

/// The logger: env_logger, behind a filter that can be replaced.
struct Logger(env_logger::Logger);

impl Log for Logger {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        FILTER.load().enabled(metadata)
    }

    fn log(&self, record: &Record<'_>) {
        if FILTER.load().matches(record) {
            self.0.log(record);
        }
    }

    fn flush(&self) {}
}

/// From here on log lines, [`say`] and [`complain`] go by queues. Called once.
///
/// # Errors
/// There is no thread to be had, or the filter is none.
pub fn start(filter: &str, colours: bool) -> io::Result<()> {
    let out = Outlet::start("stdout", io::stdout(), None)?;
    let log = Outlet::start("log", io::stderr(), Some(loss))?;
    let style = if colours { WriteStyle::Always } else { WriteStyle::Never };
    let logger = env_logger::Builder::new()
        .filter_level(LevelFilter::Trace)
        .target(Target::Pipe(Box::new(Lines(log.clone()))))
        .write_style(style)
        .format(|out, record| {
            let style = out.default_level_style(record.level());
            write(out, &LogLine::of(record, clock::timestamp()), style)
        })
        .build();
    set_filter(filter).map_err(io::Error::other)?;
    // Nobody else sets them: this is called once.
    let _ = log::set_boxed_logger(Box::new(Logger(logger)));
    let _ = OUTPUT.set(Output { out, log });
    Ok(())
}

/// Puts another filter in force, in the syntax of `RUST_LOG`, for all threads and at once.
///
/// # Errors
/// It is none. The old one stays.
pub fn set_filter(filter: &str) -> Result<(), ParseError> {
    let mut builder = env_filter::Builder::new();
    NOISY.iter().for_each(|module| {
        builder.filter_module(module, LevelFilter::Off);
    });
    let filter = builder.try_parse(filter)?.build();
    let level = filter.filter();
    FILTER.store(filter.into());
    log::set_max_level(level);
    Ok(())
}

/// What a filter that hides the server's own errors is warned of with, if it does.
pub fn warning_of(filter: &str) -> Option<String> {
    let filter = env_filter::Builder::new().parse(filter).build();
    let error = Metadata::builder().level(Level::Error).target("lobbyd::server::reload").build();
    (!filter.enabled(&error)).then(|| {
        "RUST_LOG hides errors: no log line will say why a reload is refused or messages are not stored \
         (lobbyd ctl status does). Add lobbyd=error to it"
            .to_owned()
    })
}

/// Whether lines are JSON from here on, those that tell why there is no start too.
pub fn set_json(json: bool) {
    JSON.store(json, Ordering::Relaxed);
}

/// Prints to stdout. Nobody may be there to read it, which is no reason for a server to end or to wait;
/// whoever prints an answer asks [`unsaid`] at the end.
pub fn say(text: &str) {
    match OUTPUT.get() {
        Some(output) => output.out.push(text.as_bytes()),
        None => {
            let said = io::stdout().write_all(text.as_bytes()).and_then(|()| io::stdout().flush());
            if let Err(reason) = said {
                let _ = UNSAID.set(reason);
            }
        }
    }
}

/// Why something could not be printed, where a server does not run.
pub fn unsaid() -> Option<&'static io::Error> {
    UNSAID.get()
}

/// Prints a line to stderr whatever the filter says, such as why the program ends: a log line where those
/// are JSON, else a line for people.
pub fn complain(level: Level, event: EventName, text: &str) {
    let line = complaint(level, event, text, JSON.load(Ordering::Relaxed));
    match OUTPUT.get() {
        Some(output) => output.log.push(&line),
        None => {
            let _ = io::stderr().write_all(&line);
        }
    }
}

fn complaint(level: Level, event: EventName, text: &str, json: bool) -> Vec<u8> {
    let mut line = Vec::new();
    let written = match (json, level) {
        (true, _) => {
            let message = format_args!("{text}");
            LogLine::new(clock::timestamp(), level, event, message).write_json(&mut line)
        }
        (false, Level::Error) => writeln!(line, "lobbyd: {text}"),
        (false, Level::Warn) => writeln!(line, "lobbyd: warning: {text}"),
        (false, Level::Info | Level::Debug | Level::Trace) => writeln!(line, "{text}"),
    };
    // Memory takes whatever is written to it.
    debug_assert!(written.is_ok());
    line
}

/// Waits for what is queued to be written, but not for a reader that takes nothing.
pub fn flush() {
    flush_within(FLUSH_STALL, FLUSH_TIME);
}

/// The same in a tenth of a second, whatever the readers take.
pub fn flush_in_haste() {
    flush_within(FLUSH_HASTE, FLUSH_HASTE);
}

fn flush_within(stall: Duration, most: Duration) {
    let end = clock::now() + most;
    if let Some(output) = OUTPUT.get() {
        output.out.flush(stall, end);
        output.log.flush(stall, end);
    }
}

/// Waits at the end of its scope, however that is left, as [`flush`] does.
#[derive(Debug, Default)]
pub struct FlushAtEnd(());

impl Drop for FlushAtEnd {
    fn drop(&mut self) {
        flush();
    }
}

fn write(out: &mut impl Write, line: &LogLine<'_>, style: Style) -> io::Result<()> {
    match JSON.load(Ordering::Relaxed) {
        true => line.write_json(out),
        false => line.write_text(out, style),
    }
}

/// The log line that tells of lines that were lost.
fn loss(count: u64) -> Vec<u8> {
    let (mut text, lines) =
        (Vec::new(), if count == 1 { "log line was" } else { "log lines were" });
    let message = format_args!("{count} {lines} lost: nobody read them");
    let line = LogLine::new(clock::timestamp(), Level::Warn, event::LOG_LOST, message);
    // Memory takes whatever is written to it.
    let _ = write(&mut text, &line, Style::new());
    text
}

/// What the logger writes to: a line in each call.
struct Lines(Outlet);

impl Write for Lines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.push(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests;
