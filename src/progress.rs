//! How far a task from the command line, or a start, has come: a line on a terminal, once it has taken more
//! than a second, which goes again at the end. Elsewhere nothing is shown.

use std::io::{self, IsTerminal, Write};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use lobbyd::clock;
use lobbyd::store::{self, Progress};

/// How long something takes before anything is shown of it.
const AFTER: Duration = Duration::from_secs(1);

/// From one line to the next.
const EVERY: Duration = Duration::from_millis(100);

/// The line; there is one for the whole program, since there is one terminal.
static METER: OnceLock<Mutex<Meter>> = OnceLock::new();

/// Shows how far what is done until this is dropped has come.
pub(crate) struct Shown(());

/// Begins to show it, where that is of use to somebody: on a terminal that can take a line back.
pub(crate) fn show() -> Shown {
    let able = std::env::var_os("TERM").is_some_and(|term| !term.is_empty() && term != "dumb");
    if able && io::stderr().is_terminal() {
        METER.get_or_init(Mutex::default);
        store::on_progress(|progress| draw(|meter| meter.line(progress, clock::now())));
    }
    Shown(())
}

impl Drop for Shown {
    fn drop(&mut self) {
        draw(Meter::end);
    }
}

fn draw(text: impl FnOnce(&mut Meter) -> Option<String>) {
    let Some(meter) = METER.get() else { return };
    let mut meter = meter.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(text) = text(&mut meter) {
        // A terminal that is gone is shown nothing.
        let _ = io::stderr().write_all(text.as_bytes());
    }
}

/// Decides when something is shown, and what.
#[derive(Default)]
struct Meter {
    /// When it was told of anything first.
    begun: Option<Instant>,
    /// When the line was written last, where it stands on the terminal.
    written: Option<Instant>,
}

impl Meter {
    /// What is to be written at `now`, if anything.
    fn line(&mut self, progress: Progress, now: Instant) -> Option<String> {
        let took = now.saturating_duration_since(*self.begun.get_or_insert(now));
        let again = self.written.is_some_and(|then| now.saturating_duration_since(then) < EVERY);
        if took < AFTER || again {
            return None;
        }
        self.written = Some(now);
        let Progress { work, part } = progress;
        Some(match part {
            Some((done, total)) => {
                let percent = done.saturating_mul(100) / total.max(1);
                format!("\r\x1b[K{work}: {done} of {total} ({percent}%)")
            }
            None => format!("\r\x1b[K{work}: {} s", took.as_secs()),
        })
    }

    /// What takes the line back, where there is one.
    fn end(&mut self) -> Option<String> {
        self.begun = None;
        self.written.take().map(|_| "\r\x1b[K".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lobbyd::store::Work;

    #[test]
    fn what_takes_more_than_a_second_is_shown_ten_times_a_second_and_taken_back() {
        let start = clock::now();
        let mut meter = Meter::default();
        let mut at = |millis: u64, part| {
            meter.line(Progress { work: Work::Copy, part }, start + Duration::from_millis(millis))
        };
        assert_eq!(at(0, Some((0, 300))), None);
        assert_eq!(at(999, Some((1, 300))), None);
        assert_eq!(at(1_000, Some((2, 300))).unwrap(), "\r\x1b[KCopying pages: 2 of 300 (0%)");
        assert_eq!(at(1_099, Some((3, 300))), None);
        assert_eq!(at(1_100, Some((200, 300))).unwrap(), "\r\x1b[KCopying pages: 200 of 300 (66%)");
        assert_eq!(at(7_900, None).unwrap(), "\r\x1b[KCopying pages: 7 s");
        assert_eq!(at(8_000, Some((0, 0))).unwrap(), "\r\x1b[KCopying pages: 0 of 0 (0%)");
        assert_eq!(meter.end().unwrap(), "\r\x1b[K");
        assert_eq!(meter.end(), None);
    }
}
