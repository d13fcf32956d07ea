//! The two forms of a log line: text for people, JSON for programs.
//!
//! Whatever is in a message, a line stays one line: control characters and the line ends of Unicode are
//! escaped, so that nothing that a client chose could begin a line of its own.

use std::fmt;
use std::io::{self, Write};

use env_logger::fmt::style::Style;
use jiff::Timestamp;
use log::kv::Key;
use log::{Level, Record};

use super::event::{self, EventName};

/// A line of the log before it has a form.
#[derive(Clone, Copy)]
pub(super) struct LogLine<'a> {
    pub(super) at: Timestamp,
    pub(super) level: Level,
    pub(super) event: &'a str,
    /// The connection that it is about.
    pub(super) conn: Option<u64>,
    /// The module that it comes from, where that is told: of a library.
    pub(super) module: Option<&'a str>,
    pub(super) message: fmt::Arguments<'a>,
}

impl<'a> LogLine<'a> {
    /// What the log is given. What has no event is not of lobbyd's own, and the number 0 is that of whoever
    /// acts without a connection, from the console.
    pub(super) fn of(record: &'a Record<'a>, at: Timestamp) -> Self {
        let value = |key: &'static str| record.key_values().get(Key::from_str(key));
        let event = value("event").and_then(|event| event.to_borrowed_str());
        Self {
            at,
            level: record.level(),
            event: event.unwrap_or(event::LIBRARY.as_str()),
            conn: value("conn").and_then(|conn| conn.to_u64()).filter(|conn| *conn > 0),
            module: event.is_none().then_some(record.target()),
            message: *record.args(),
        }
    }

    /// A line that does not come by the logger.
    pub(super) fn new(
        at: Timestamp,
        level: Level,
        event: EventName,
        message: fmt::Arguments<'a>,
    ) -> Self {
        Self { at, level, event: event.as_str(), conn: None, module: None, message }
    }

    /// `[2026-11-26T05:57:53Z INFO  connected] conn=5 connected from …`, the level in a style.
    pub(super) fn write_text(&self, out: &mut impl Write, style: Style) -> io::Result<()> {
        let Self { at, level, event, .. } = self;
        write!(out, "[{at:.0} {style}{level:<5}{style:#} {event}] ")?;
        if let Some(conn) = self.conn {
            write!(out, "conn={conn} ")?;
        }
        self.write_message(out, Escape::Text)?;
        out.write_all(b"\n")
    }

    /// `{"ts":"2026-11-26T05:57:53.123Z","level":"info","event":"connected","conn":5,"msg":"…"}`.
    pub(super) fn write_json(&self, out: &mut impl Write) -> io::Result<()> {
        let level = match self.level {
            Level::Error => "error",
            Level::Warn => "warn",
            Level::Info => "info",
            Level::Debug => "debug",
            Level::Trace => "trace",
        };
        write!(out, r#"{{"ts":"{:.3}","level":"{level}","event":""#, self.at)?;
        escape(out, self.event, Escape::Json)?;
        out.write_all(b"\"")?;
        if let Some(conn) = self.conn {
            write!(out, r#","conn":{conn}"#)?;
        }
        out.write_all(br#","msg":""#)?;
        self.write_message(out, Escape::Json)?;
        out.write_all(b"\"}\n")
    }

    fn write_message(&self, out: &mut impl Write, how: Escape) -> io::Result<()> {
        if let Some(module) = self.module {
            escape(out, module, how)?;
            out.write_all(b": ")?;
        }
        let mut escaped = Escaped { out, how, failed: None };
        match fmt::write(&mut escaped, self.message) {
            Ok(()) => Ok(()),
            Err(fmt::Error) => Err(escaped.failed.unwrap_or_else(|| io::ErrorKind::Other.into())),
        }
    }
}

/// How characters are escaped that a line cannot hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Escape {
    /// As Rust does, and only controls and line ends: `\n`, `\u{1b}`.
    Text,
    /// As RFC 8259 §7 has it, and line ends of Unicode too.
    Json,
}

/// Text that is escaped as it is written.
struct Escaped<'a, W> {
    out: &'a mut W,
    how: Escape,
    failed: Option<io::Error>,
}

impl<W: Write> fmt::Write for Escaped<'_, W> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        escape(self.out, text, self.how).map_err(|error| {
            self.failed = Some(error);
            fmt::Error
        })
    }
}

fn escape(out: &mut impl Write, text: &str, how: Escape) -> io::Result<()> {
    let special = |c: char| {
        c.is_control()
            || matches!(c, '\u{2028}' | '\u{2029}')
            || (how == Escape::Json && matches!(c, '"' | '\\'))
    };
    let mut rest = text;
    while let Some(at) = rest.find(special) {
        let (before, after) = rest.split_at(at);
        out.write_all(before.as_bytes())?;
        let mut chars = after.chars();
        match (chars.next(), how) {
            (Some(c), Escape::Text) => write!(out, "{}", c.escape_default())?,
            (Some(c @ ('"' | '\\')), Escape::Json) => write!(out, "\\{c}")?,
            // None of them is beyond the first plane.
            (Some(c), Escape::Json) => write!(out, "\\u{:04x}", u32::from(c))?,
            (None, _) => {}
        }
        rest = chars.as_str();
    }
    out.write_all(rest.as_bytes())
}

#[cfg(test)]
#[path = "form_tests.rs"]
mod tests;
