//! What is printed while the program serves: by a bounded queue to a thread of its own.
//!
//! Whoever reads the log may stop reading: a terminal under Ctrl-S, a collector that hangs. A write to
//! such a pipe waits for ever, and with it would wait whoever wrote the line: a thread of the chat. So
//! lines are queued, and where nobody takes them they are lost, counted, and told of once they flow again.

use crate::clock;
use std::collections::VecDeque;
use std::io::{self, ErrorKind, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// Lines that may wait: what a flood of connections logs in a second or so, for a reader that is busy.
pub const MAX_LINES: usize = 8_192;

/// Bytes of those. Lines are about 100 bytes long, so mostly it is their number that counts.
pub const MAX_BYTES: usize = 1024 * 1024;

/// Bytes of one write: many short lines cost a system call together.
const WRITE_BYTES: usize = 16 * 1024;

/// Until a pipe that another program has made non-blocking, and that is full, is tried again.
const RETRY: Duration = Duration::from_millis(20);

/// A queue of text and the thread that writes it to its sink.
#[derive(Clone)]
pub(super) struct Outlet(Arc<Shared>);

struct Shared {
    queue: Mutex<Queue>,
    /// There is something to write.
    more: Condvar,
    /// Something was written.
    progress: Condvar,
    /// The line that tells of lost ones; none where that is not told.
    loss: Option<fn(u64) -> Vec<u8>>,
    max_lines: usize,
    max_bytes: usize,
}

#[derive(Default)]
struct Queue {
    entries: VecDeque<Entry>,
    bytes: usize,
    /// Lines that were lost after all that is queued.
    lost: u64,
    /// What the thread has taken is not written yet.
    writing: bool,
    /// The last write failed: that lines are lost is told together with the next one.
    failing: bool,
    /// How often something was written, or could not be.
    writes: u64,
}

enum Entry {
    Line(Box<[u8]>),
    Lost(u64),
}

impl Outlet {
    pub(super) fn start(
        name: &str,
        sink: impl Write + Send + 'static,
        loss: Option<fn(u64) -> Vec<u8>>,
    ) -> io::Result<Self> {
        Self::with_limits(name, sink, loss, MAX_LINES, MAX_BYTES)
    }

    fn with_limits(
        name: &str,
        sink: impl Write + Send + 'static,
        loss: Option<fn(u64) -> Vec<u8>>,
        max_lines: usize,
        max_bytes: usize,
    ) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            queue: Mutex::default(),
            more: Condvar::new(),
            progress: Condvar::new(),
            loss,
            max_lines,
            max_bytes,
        });
        let writer = shared.clone();
        thread::Builder::new().name(name.into()).spawn(move || writer.write_for_ever(sink))?;
        Ok(Self(shared))
    }

    pub(super) fn push(&self, line: &[u8]) {
        self.0.push(line);
    }

    pub(super) fn flush(&self, stall: Duration, end: Instant) -> bool {
        self.0.flush(stall, end)
    }
}

impl Shared {
    /// Whatever panicked while it held the lock has left a queue that can be used.
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Queues a line, or loses it where too much waits. Once one was lost, so are others until half of
    /// what waited is gone: else every other line would tell of a loss.
    fn push(&self, line: &[u8]) {
        let mut queue = self.lock();
        let part = if queue.lost > 0 { 2 } else { 1 };
        let (lines, bytes) = (queue.entries.len() + 1, queue.bytes + line.len());
        if lines > self.max_lines / part || bytes > self.max_bytes / part {
            queue.lost += 1;
        } else {
            if queue.lost > 0 {
                let lost = std::mem::take(&mut queue.lost);
                queue.entries.push_back(Entry::Lost(lost));
            }
            queue.entries.push_back(Entry::Line(line.into()));
            queue.bytes = bytes;
        }
        drop(queue);
        self.more.notify_one();
    }

    fn write_for_ever(&self, mut sink: impl Write) {
        let mut text = Vec::with_capacity(WRITE_BYTES);
        loop {
            let lines = self.take(&mut text);
            let written = self.write(&mut sink, &text).is_ok();
            let mut queue = self.lock();
            queue.writing = false;
            queue.failing = !written;
            queue.writes += 1;
            if !written {
                queue.lost += lines;
            }
            drop(queue);
            self.progress.notify_all();
        }
    }

    /// Waits for something to write, and takes as much as is worth one write; how many lines that is,
    /// those counted that it says are lost.
    fn take(&self, text: &mut Vec<u8>) -> u64 {
        text.clear();
        let mut lines = 0;
        let mut queue = self.lock();
        loop {
            while text.len() < WRITE_BYTES
                && let Some(entry) = queue.entries.pop_front()
            {
                match entry {
                    Entry::Line(line) => {
                        queue.bytes -= line.len();
                        text.extend_from_slice(&line);
                        lines += 1;
                    }
                    Entry::Lost(count) => {
                        self.tell_loss(count, text);
                        lines += count;
                    }
                }
            }
            if text.is_empty() && queue.lost > 0 && !queue.failing {
                let lost = std::mem::take(&mut queue.lost);
                self.tell_loss(lost, text);
                lines += lost;
            }
            if !text.is_empty() {
                queue.writing = true;
                return lines;
            }
            queue = self.more.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn tell_loss(&self, count: u64, text: &mut Vec<u8>) {
        if let Some(loss) = self.loss {
            text.extend_from_slice(&loss(count));
        }
    }

    /// Writes all of it, for however long that takes.
    fn write(&self, sink: &mut impl Write, mut text: &[u8]) -> io::Result<()> {
        while !text.is_empty() {
            match sink.write(text) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(count) => text = &text[count..],
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.pause(),
                Err(error) => return Err(error),
            }
        }
        sink.flush()
    }

    /// A pause of this thread, which nobody waits for.
    #[expect(clippy::disallowed_methods, reason = "no actor runs on this thread")]
    fn pause(&self) {
        thread::sleep(RETRY);
    }

    /// Waits until everything is written; false where nothing was for `stall`, or not all by the `end`.
    fn flush(&self, stall: Duration, end: Instant) -> bool {
        let mut queue = self.lock();
        loop {
            let untold = queue.lost > 0 && !queue.failing && self.loss.is_some();
            if queue.entries.is_empty() && !queue.writing && !untold {
                return true;
            }
            let left = end.saturating_duration_since(clock::now()).min(stall);
            let writes = queue.writes;
            let waited =
                self.progress.wait_timeout_while(queue, left, |queue| queue.writes == writes);
            let timed_out;
            (queue, timed_out) = waited.unwrap_or_else(PoisonError::into_inner);
            if timed_out.timed_out() || left.is_zero() {
                return false;
            }
        }
    }
}

#[cfg(test)]
#[path = "queue_tests.rs"]
mod tests;
