//! How fast one client is read: a flood is answered by not reading it.
//!
//! What is not read fills the client's own socket buffers, and then the client waits. Nobody who
//! types or pastes comes near these bounds.

use std::time::{Duration, Instant};

/// Bytes that are read from one client in a second; the rest waits in its socket. Over TLS these are
/// what came off the socket and the cost of its records, also where no text is in them.
pub const BYTES_PER_SEC: usize = 1024 * 1024;

/// Bytes that may come at once, before that rate holds. A paste or a burst of a bot is far smaller.
pub const BURST_BYTES: usize = 256 * 1024;

/// The least pause: a client that is read at its rate is woken so often.
const MIN_PAUSE: Duration = Duration::from_millis(50);

/// Bytes of one turn, after which others have theirs.
const TURN_BYTES: u16 = 32 * 1024;

/// What a line or a telnet command that comes to nothing counts as: some 2 µs of work, where a byte of a
/// message has some 10 ns.
const NOTHING_BYTES: usize = 256;

/// What a byte of a line that is not all ASCII counts as, beyond itself: each of its characters is looked
/// up several times. 8 KiB of invalid bytes, 24 KiB by then, take some 0.4 ms.
const UNICODE_COST: usize = 2;

/// Refused lines in one stretch of reading that are no accident.
const FLOOD_LINES: u8 = 10;

/// Pause after a stretch with so many: refusing costs the server little, but not nothing.
const FLOOD_PAUSE: Duration = Duration::from_millis(100);

/// Names that were refused before the next ones have to wait.
const FREE_NAMES: u8 = 20;

/// The wait for each further one.
const NAME_PAUSE: Duration = Duration::from_secs(1);

/// What one client has sent lately. Each connection has one, so the numbers are small and saturate: none
/// is asked for more than whether it is over a bound far below.
#[derive(Debug)]
pub struct Pace {
    /// When `bytes` was as it is.
    at: Instant,
    /// Bytes that were read beyond what the time since then has paid for (a leaky bucket).
    bytes: u32,
    /// Those of this turn.
    turn: u16,
    refused_lines: u8,
    refused_names: u8,
}

impl Pace {
    /// A client that has sent nothing.
    pub fn new(now: Instant) -> Self {
        Self { at: now, bytes: 0, turn: 0, refused_lines: 0, refused_names: 0 }
    }

    /// A turn begins.
    pub fn begin_turn(&mut self) {
        self.turn = 0;
    }

    /// Whether this turn was long enough.
    pub fn has_had_turn(&self) -> bool {
        self.turn >= TURN_BYTES
    }

    /// So many bytes were read.
    pub fn read(&mut self, bytes: usize) {
        self.bytes = self.bytes.saturating_add(u32::try_from(bytes).unwrap_or(u32::MAX));
        self.turn = self.turn.saturating_add(u16::try_from(bytes).unwrap_or(u16::MAX));
    }

    /// A line is to be understood.
    pub fn took_line(&mut self, text: &str) {
        if !text.is_ascii() {
            self.read(text.len() * UNICODE_COST);
        }
    }

    /// What came was worth nothing: an empty line, a telnet command.
    pub fn took_nothing(&mut self) {
        self.read(NOTHING_BYTES);
    }

    /// A line was refused.
    pub fn refused_line(&mut self) {
        self.refused_lines = self.refused_lines.saturating_add(1);
        self.took_nothing();
    }

    /// A name was refused: how long to wait before the next is looked at.
    pub fn refused_name(&mut self) -> Option<Duration> {
        self.refused_names = self.refused_names.saturating_add(1);
        (self.refused_names > FREE_NAMES).then_some(NAME_PAUSE)
    }

    /// Whether more may be read at once.
    pub fn may_read(&mut self, now: Instant) -> bool {
        self.pay(now);
        u64::from(self.bytes) < BURST_BYTES as u64
    }

    /// The time that has passed pays for some of what was read.
    fn pay(&mut self, now: Instant) {
        let elapsed = now.saturating_duration_since(self.at).as_micros();
        let paid = u32::try_from(elapsed * BYTES_PER_SEC as u128 / 1_000_000);
        self.bytes = self.bytes.saturating_sub(paid.unwrap_or(u32::MAX));
        self.at = now;
    }

    /// How long to wait before more is read.
    pub fn pause(&mut self, now: Instant) -> Option<Duration> {
        self.pay(now);
        if std::mem::take(&mut self.refused_lines) >= FLOOD_LINES {
            return Some(FLOOD_PAUSE);
        }
        let over = u64::from(self.bytes).checked_sub(BURST_BYTES as u64)?;
        let micros = over * 1_000_000 / BYTES_PER_SEC as u64;
        Some(Duration::from_micros(micros).max(MIN_PAUSE))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;

    #[test]
    fn only_so_much_is_read_in_a_second() {
        let mut now = clock::now();
        let mut pace = Pace::new(now);
        pace.read(BURST_BYTES - 1);
        assert_eq!(pace.pause(now), None);
        assert!(pace.may_read(now));
        pace.read(1);
        assert!(!pace.may_read(now));
        assert_eq!(pace.pause(now), Some(MIN_PAUSE));
        pace.read(BYTES_PER_SEC / 2);
        assert_eq!(pace.pause(now), Some(Duration::from_millis(500)));
        let (start, mut read) = (now, 0);
        while now - start < Duration::from_secs(10) {
            match pace.pause(now) {
                Some(pause) => now += pause,
                None => {
                    pace.read(1_000);
                    read += 1_000;
                }
            }
        }
        let fair = BYTES_PER_SEC * 9..BYTES_PER_SEC * 10;
        assert!(fair.contains(&read), "{read}");
        assert_eq!(pace.pause(now + Duration::from_secs(9)), None, "it was all paid for");
        pace.read(BURST_BYTES - 1);
        assert_eq!(pace.pause(now + Duration::from_secs(9)), None, "no more than that is saved up");
    }

    #[test]
    fn what_takes_more_work_counts_as_more() {
        let lines = |mut take: Box<dyn FnMut(&mut Pace)>| {
            let now = clock::now();
            let mut pace = Pace::new(now);
            (0..).take_while(|_| (take(&mut pace), pace.pause(now)).1.is_none()).count()
        };
        let invalid = "\u{FFFD}".repeat(8_000);
        assert!(lines(Box::new(move |pace| pace.took_line(&invalid))) < 8);
        assert!(lines(Box::new(|pace| pace.took_nothing())) < 2_000);
        let mut pace = Pace::new(clock::now());
        pace.took_line("all of it ASCII");
        assert_eq!(pace.bytes, 0, "it was counted when it was read");
    }

    #[test]
    fn a_turn_ends_with_enough_work() {
        let mut pace = Pace::new(clock::now());
        pace.read(usize::from(TURN_BYTES) - 1);
        assert!(!pace.has_had_turn());
        pace.took_nothing();
        assert!(pace.has_had_turn());
        pace.begin_turn();
        assert!(!pace.has_had_turn());
    }

    #[test]
    fn a_stretch_of_refused_lines_makes_a_pause() {
        let start = clock::now();
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
        let mut pace = Pace::new(clock::now());
        for _ in 0..FREE_NAMES {
            assert_eq!(pace.refused_name(), None);
        }
        assert_eq!(pace.refused_name(), Some(NAME_PAUSE));
    }
}
