//! How fast one client is read: a flood is answered by not reading it.
//!
//! What is not read fills the client's own socket buffers, and then the client waits. Nobody who
//! types or pastes comes near these bounds.

use std::time::{Duration, Instant};

/// Bytes that are read from one client in a second; the rest waits in its socket. Over TLS these are
/// what came off the socket and the cost of its records, also where no text is in them.
pub const BYTES_PER_SEC: usize = 1024 * 1024;

/// Refused lines in one stretch of reading that are no accident.
const FLOOD_LINES: usize = 10;

/// Pause after a stretch with so many: refusing costs the server little, but not nothing.
const FLOOD_PAUSE: Duration = Duration::from_millis(100);

/// Names that were refused before the next ones have to wait.
const FREE_NAMES: usize = 20;

/// The wait for each further one.
const NAME_PAUSE: Duration = Duration::from_secs(1);

const SECOND: Duration = Duration::from_secs(1);

/// What one client has sent lately.
#[derive(Debug)]
pub struct Pace {
    since: Instant,
    bytes: usize,
    refused_lines: usize,
    refused_names: usize,
}

impl Pace {
    /// A client that has sent nothing.
    pub fn new(now: Instant) -> Self {
        Self { since: now, bytes: 0, refused_lines: 0, refused_names: 0 }
    }

    /// So many bytes were read.
    pub fn read(&mut self, bytes: usize) {
        self.bytes += bytes;
    }

    /// A line was refused.
    pub fn refused_line(&mut self) {
        self.refused_lines += 1;
    }

    /// A name was refused: how long to wait before the next is looked at.
    pub fn refused_name(&mut self) -> Option<Duration> {
        self.refused_names += 1;
        (self.refused_names > FREE_NAMES).then_some(NAME_PAUSE)
    }

    /// How long to wait before more is read.
    pub fn pause(&mut self, now: Instant) -> Option<Duration> {
        let elapsed = now.saturating_duration_since(self.since);
        if elapsed >= SECOND {
            self.since = now;
            self.bytes = 0;
        }
        if std::mem::take(&mut self.refused_lines) >= FLOOD_LINES {
            return Some(FLOOD_PAUSE);
        }
        (self.bytes >= BYTES_PER_SEC).then(|| SECOND - elapsed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_so_much_is_read_in_a_second() {
        let start = Instant::now();
        let mut pace = Pace::new(start);
        pace.read(BYTES_PER_SEC - 1);
        assert_eq!(pace.pause(start), None);
        pace.read(1);
        let later = start + Duration::from_millis(300);
        assert_eq!(pace.pause(later), Some(Duration::from_millis(700)));
        assert_eq!(pace.pause(start + SECOND), None);
    }

    #[test]
    fn a_stretch_of_refused_lines_makes_a_pause() {
        let start = Instant::now();
        let mut pace = Pace::new(start);
        for _ in 0..FLOOD_LINES - 1 {
            pace.refused_line();
        }
        assert_eq!(pace.pause(start), None, "a few are typed in good faith");
        for _ in 0..FLOOD_LINES {
            pace.refused_line();
        }
        assert_eq!(pace.pause(start), Some(FLOOD_PAUSE));
        assert_eq!(pace.pause(start), None, "once");
    }

    #[test]
    fn names_without_end_have_to_wait() {
        let mut pace = Pace::new(Instant::now());
        for _ in 0..FREE_NAMES {
            assert_eq!(pace.refused_name(), None);
        }
        assert_eq!(pace.refused_name(), Some(NAME_PAUSE));
    }
}
