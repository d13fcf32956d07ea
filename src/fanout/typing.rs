//! What a client types whose line is edited here: the editor, and what of it stands on its terminal.

use std::cell::RefCell;

use bytes::Bytes;

use crate::chat::command::complete::Completion;
use crate::chat::editor::{Asks, Editor, Happened};
use crate::net::screen::Screen;
use crate::net::telnet::Size;

/// What a terminal is told when the editor begins: its row is erased, where a prompt of before stands, and
/// what is pasted comes marked (xterm's control sequences, "Bracketed Paste Mode").
pub(super) const BEGIN: &[u8] = b"\r\x1b[K\x1b[?2004h";

/// What it is told when the editor ends, after the draft was taken off.
pub(super) const END: &[u8] = b"\x1b[?2004l";

/// The same where it is not known how much of the draft stands there: it moves on from it.
pub(super) const END_ANYWHERE: &[u8] = b"\r\n\x1b[J\x1b[?7h\x1b[?2004l";

/// Asks a terminal where its cursor is when it is as far as it goes, and puts it back (DECSC, CUP, DSR, DECRC;
/// ECMA-48 §8.3.21, §8.3.35): the answer is the size of the terminal.
pub const ASK_SIZE: &[u8] = b"\x1b7\x1b[999;999H\x1b[6n\x1b8";

/// What takes the draft off, where it has one row.
const ERASE_ROW: &[u8] = b"\r \x1b[J\r";

thread_local! {
    /// What a screen is told is written here first.
    static SCRATCH: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Bytes for which that is kept between two uses: a long draft takes some 2 KB.
const SCRATCH_BYTES: usize = 16 * 1024;

/// The editor of one client, and its terminal.
pub struct Typing {
    editor: Editor,
    screen: Screen,
    prompt: &'static str,
    /// The revision of the draft that is drawn, where it is.
    drawn: Option<u32>,
    /// The terminal was asked how large it is.
    asked: bool,
    /// What came of keys while something else was under way, and waits for that.
    waiting: Option<Happened>,
    /// Keys are not taken while that is under way.
    keeps_keys: bool,
}

impl Typing {
    /// An empty draft on a terminal of this size.
    pub fn new(size: Size) -> Self {
        let screen = Screen::new(size.columns, size.rows);
        Self {
            editor: Editor::new(),
            screen,
            prompt: "",
            drawn: None,
            asked: false,
            waiting: None,
            keeps_keys: false,
        }
    }

    /// What the draft is for from here on.
    pub fn ask(&mut self, prompt: &'static str, asks: Asks) {
        self.editor.set_asks(asks);
        if self.prompt != prompt {
            self.prompt = prompt;
            self.drawn = None;
        }
    }

    /// Takes keys off `input` up to the next thing that others have to know of.
    pub fn take(&mut self, input: &mut &[u8]) -> Option<Happened> {
        self.editor.next(input)
    }

    /// Lays back what has to wait for something else that is under way.
    pub fn lay_back(&mut self, waiting: Happened) {
        self.waiting = Some(waiting);
    }

    /// What waits, which comes before any key.
    pub fn take_waiting(&mut self) -> Option<Happened> {
        self.waiting.take()
    }

    /// Has no keys taken while the next thing is under way: it may have another meaning for them.
    pub fn keep_keys(&mut self, keep: bool) {
        self.keeps_keys = keep;
    }

    /// Whether keys may be taken while something else is under way.
    pub fn takes_ahead(&self) -> bool {
        self.waiting.is_none() && !self.keeps_keys
    }

    /// Takes what was typed before the editor was there.
    pub fn start_with(&mut self, typed: &[u8]) {
        self.editor.start_with(typed);
    }

    /// A line that was refused is the draft again.
    pub fn put_back(&mut self, line: &str) {
        self.editor.put_back(line);
    }

    /// Drops the draft, as Ctrl-C does.
    pub fn drop_draft(&mut self) {
        if !self.editor.is_empty() {
            self.editor.next(&mut &b"\x03"[..]);
        }
    }

    /// What the word before the cursor may become.
    pub fn complete(&mut self, found: &Completion) {
        self.editor.complete(found);
    }

    /// Notes that the terminal is asked how large it is ([`ASK_SIZE`]).
    pub fn asks_size(&mut self) {
        self.asked = true;
    }

    /// Whether a place of the cursor is the answer to that.
    pub fn takes_answer(&mut self) -> bool {
        std::mem::take(&mut self.asked)
    }

    /// The terminal has another size from here on: what it is told by that.
    pub fn resize(&mut self, size: Size) -> Bytes {
        self.drawn = None;
        told(|out| self.screen.resize(size.columns, size.rows, out))
    }

    /// Clears the screen: what the terminal is told by that.
    pub fn clear(&mut self) -> Bytes {
        self.drawn = None;
        told(|out| self.screen.clear(out))
    }

    /// Takes the draft off the terminal, where it stands there: what it is told by that.
    pub fn erase(&mut self) -> Bytes {
        self.drawn = None;
        if !self.screen.is_drawn() {
            return Bytes::new();
        }
        told(|out| self.screen.erase(out))
    }

    /// Has the draft stand on the terminal as it is: what it is told by that, nothing where it does.
    pub fn draw(&mut self) -> Bytes {
        let revision = self.editor.revision();
        if self.drawn.replace(revision) == Some(revision) {
            return Bytes::new();
        }
        let draft = self.editor.draft();
        told(|out| self.screen.draw(self.prompt, &draft.text, draft.cursor, out))
    }
}

/// What a terminal is told by something that writes.
fn told(write: impl FnOnce(&mut Vec<u8>)) -> Bytes {
    SCRATCH.with_borrow_mut(|scratch| {
        scratch.clear();
        write(scratch);
        let told = match scratch.as_slice() {
            // Mostly there is nothing else, and then nothing is allocated.
            b"" => Bytes::new(),
            ERASE_ROW => Bytes::from_static(ERASE_ROW),
            other => Bytes::copy_from_slice(other),
        };
        scratch.shrink_to(SCRATCH_BYTES);
        told
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_draft_is_drawn_where_it_is_not_and_taken_off_where_it_is() {
        let mut typing = Typing::new(Size { columns: 80, rows: 24 });
        typing.ask("> ", Asks::Chat);
        assert!(typing.erase().is_empty(), "nothing stands there");
        assert!(!typing.draw().is_empty());
        assert!(typing.draw().is_empty(), "it stands there");
        typing.start_with(b"hi");
        assert_eq!(typing.draw(), "hi");
        assert_eq!(typing.erase().as_ref(), ERASE_ROW, "of one row, without allocating");
        assert!(typing.erase().is_empty());
        typing.draw();
        typing.ask("Password: ", Asks::Secret);
        let drawn = typing.draw();
        let drawn = String::from_utf8_lossy(&drawn);
        assert!(drawn.contains("Password: ") && !drawn.contains("hi"), "{drawn:?}");
    }
}
