//! The lines of a connection, to be had again.

use std::collections::VecDeque;

/// Most lines that are kept: more than anybody goes back through.
pub const MAX_HISTORY_LINES: usize = 100;

/// Most bytes of all of them, so that a connection costs little: two of the longest drafts.
pub const MAX_HISTORY_BYTES: usize = 16 * 1024;

/// What was sent, and where in it somebody is.
#[derive(Default)]
pub(super) struct History {
    /// The newest last.
    lines: VecDeque<Box<str>>,
    bytes: usize,
    /// How many lines up, where the draft was left.
    up: usize,
    /// The draft that was left.
    draft: String,
}

impl History {
    /// Adds a line, unless it is that of before.
    pub(super) fn add(&mut self, line: &str) {
        if self.lines.back().is_some_and(|last| **last == *line) {
            return;
        }
        self.bytes += line.len();
        self.lines.push_back(line.into());
        while self.lines.len() > MAX_HISTORY_LINES || self.bytes > MAX_HISTORY_BYTES {
            let Some(oldest) = self.lines.pop_front() else { break };
            self.bytes -= oldest.len();
        }
    }

    /// Takes the newest line back, where it is this one.
    pub(super) fn take_back(&mut self, line: &str) {
        if let Some(last) = self.lines.pop_back_if(|last| **last == *line) {
            self.bytes -= last.len();
        }
    }

    /// The draft is what stands there from now on, whatever it was taken from.
    pub(super) fn leave(&mut self) {
        self.up = 0;
        self.draft = String::new();
    }

    /// The line before the one that stands there; `current` is the draft where it is none of them.
    pub(super) fn up(&mut self, current: &str) -> Option<&str> {
        let place = self.lines.len().checked_sub(self.up + 1)?;
        if self.up == 0 {
            self.draft = current.to_owned();
        }
        self.up += 1;
        self.lines.get(place).map(|line| &**line)
    }

    /// The line after the one that stands there: the draft after the newest.
    pub(super) fn down(&mut self) -> Option<String> {
        self.up = self.up.checked_sub(1)?;
        match self.lines.len().checked_sub(self.up).and_then(|place| self.lines.get(place)) {
            Some(line) => Some((**line).to_owned()),
            None => Some(std::mem::take(&mut self.draft)),
        }
    }
}
