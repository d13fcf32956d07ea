//! What moves a session on: one future that reads, carries out and writes.

use std::cell::Cell;
use std::io;
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll, ready};
use std::time::{Duration, Instant};

use actix::fut::ActorFuture;
use actix::prelude::*;
use bytes::Bytes;
use log::{debug, info, warn};
use tokio::time::sleep;

use super::commands::Judged;
use super::{Phase, Session};
use crate::actors::shard::log_connected;
use crate::chat::command::{self, Command, Input};
use crate::chat::editor::Happened;
use crate::chat::terminal::Seen;
use crate::chat::text::Line;
use crate::clock;
use crate::fanout::peer::Health;
use crate::logging::event;
use crate::net::lines::{Event, Typed};
use crate::net::probe::{begins_http, begins_tls};
use crate::net::telnet::IAC;
use crate::render::Palette;
use crate::render::replies::{Farewell, I_AM_HERE, welcome};

/// Steps that one session takes before others get their turn.
const STEPS_PER_TURN: usize = 64;

/// Messages of one session on their way to its lobby. More are not read meanwhile.
pub(super) const MAX_IN_FLIGHT: usize = 32;

/// How long the welcome is held back for a client that may speak first: one that has come by mistake, or a
/// script. What it has to say follows right behind the handshake, and nobody notices so little.
const GREETING_PAUSE: Duration = Duration::from_millis(3);

/// How often a half-closed client that waits for an answer is looked after.
pub(super) const PROBE_EVERY: Duration = Duration::from_secs(5);

/// Bytes taken off a socket at a time.
const READ_BYTES: u16 = 8 * 1024;

type ReadBuffer = Box<[u8; READ_BYTES as usize]>;

thread_local! {
    /// A read buffer for the session that reads next: an idle connection has none, and mostly only one
    /// session of a thread does.
    static SPARE: Cell<Option<ReadBuffer>> = const { Cell::new(None) };
}

/// Bytes that were read and not looked at yet.
#[derive(Default)]
pub(super) struct Unread {
    buffer: Option<ReadBuffer>,
    from: u16,
    to: u16,
}

impl Unread {
    /// What has not been looked at.
    pub(super) fn rest(&self) -> &[u8] {
        let (from, to) = (self.from.into(), self.to.into());
        self.buffer.as_ref().map_or(&[], |buffer| &buffer[from..to])
    }

    /// All but the last `left` bytes has been looked at.
    pub(super) fn keep(&mut self, left: usize) {
        if left == 0 {
            return self.clear();
        }
        // No more than were read, so it fits.
        self.from = self.to.saturating_sub(u16::try_from(left).unwrap_or(READ_BYTES));
    }

    pub(super) fn clear(&mut self) {
        let Self { buffer, .. } = std::mem::take(self);
        if buffer.is_some() {
            SPARE.set(buffer);
        }
    }

    /// Takes what `read` reads in place of what was there.
    fn fill(
        &mut self,
        read: impl FnOnce(&mut [u8]) -> Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        let mut buffer = SPARE.take().unwrap_or_else(|| Box::new([0; READ_BYTES as usize]));
        let result = read(&mut buffer[..]);
        let count = if let Poll::Ready(Ok(count)) = &result { *count } else { 0 };
        let to = u16::try_from(count).unwrap_or(READ_BYTES);
        *self = Self { buffer: Some(buffer), from: 0, to };
        if to == 0 {
            self.clear();
        }
        result
    }
}

/// The future. It never ends before the session does.
pub(super) struct Pump;

impl ActorFuture<Session> for Pump {
    type Output = ();

    fn poll(
        self: Pin<&mut Self>,
        session: &mut Session,
        ctx: &mut Context<Session>,
        cx: &mut TaskContext<'_>,
    ) -> Poll<()> {
        session.peer.set_task(cx.waker());
        session.peer.link().begin_turn();
        session.drive(cx);
        if matches!(session.phase, Phase::Done) {
            ctx.stop();
            return Poll::Ready(());
        }
        Poll::Pending
    }
}

impl Session {
    fn drive(&mut self, cx: &mut TaskContext<'_>) {
        self.pace.begin_turn();
        for _ in 0..STEPS_PER_TURN {
            if self.step(cx).is_pending() {
                self.set_prompt();
                self.peer.flush();
                return;
            }
            if self.pace.has_had_turn() {
                break;
            }
        }
        self.set_prompt();
        self.peer.flush();
        cx.waker().wake_by_ref();
    }

    /// One step; pending where nothing can be done before something happens.
    fn step(&mut self, cx: &mut TaskContext<'_>) -> Poll<()> {
        self.check_health();
        match &mut self.phase {
            Phase::Greeting => return self.step_greeting(cx),
            Phase::Closing(_) => return self.step_closing(cx),
            Phase::Done => return Poll::Pending,
            Phase::Naming { .. } | Phase::Password(_) | Phase::Chatting(_) | Phase::Looking(_) => {}
        }
        self.look_after_mail(cx);
        if let Some(request) = &mut self.request {
            let Poll::Ready(then) = request.as_mut().poll(cx) else { return self.type_ahead(cx) };
            self.request = None;
            then(self);
            return Poll::Ready(());
        }
        if let Some(work) = self.peer.wanted() {
            self.wait_for(work, |_, ()| ());
            return Poll::Ready(());
        }
        if self.peer.is_backed_up() {
            return Poll::Pending;
        }
        // Before any line: one sent to a lobby that is no more would never come back.
        if let Some(lost) = self.lost.take() {
            self.find_lobby(lost);
            return Poll::Ready(());
        }
        if let Some(line) = self.held.take() {
            let taken = self.take_line(*line);
            return if taken.is_ready() { taken } else { self.type_ahead(cx) };
        }
        if let Some(held) = self.step_held(cx) {
            return if held.is_ready() { held } else { self.type_ahead(cx) };
        }
        match self.next_event() {
            Some(Typed::Event(event)) => return self.take(event),
            Some(Typed::Keys(happened)) => return self.take_keys(happened),
            None => {}
        }
        if self.at_end {
            return self.step_end(cx);
        }
        self.note_size();
        match self.read(cx) {
            Poll::Ready(()) => Poll::Ready(()),
            Poll::Pending => self.rest(cx),
        }
    }

    fn check_health(&mut self) {
        match (self.peer.health(), &self.phase) {
            (_, Phase::Closing(_) | Phase::Done) | (Health::Good | Health::Closing, _) => {}
            (Health::CutOff, _) => {
                warn!(
                    event = event::CUT_OFF, conn = self.peer.conn().number();
                    "cut off: it does not read what it is sent"
                );
                self.close(None);
            }
            (Health::Broken, _) => self.close(None),
        }
    }

    /// Where a browser or a TLS client may have come by mistake: it speaks at once, and would take a
    /// welcome for the answer. What it gets instead is in its own words, or at least one line. A script
    /// speaks at once too, and is asked nothing.
    fn step_greeting(&mut self, cx: &mut TaskContext<'_>) -> Poll<()> {
        let mistaken = self.peer.link().may_be_mistaken();
        if !mistaken && !self.may_ask() {
            self.greet();
            return Poll::Ready(());
        }
        if self.unread.rest().is_empty() && !self.at_end && self.read(cx).is_ready() {
            return Poll::Ready(());
        }
        if mistaken && begins_http(self.unread.rest()) {
            self.phase = Phase::Naming { wrong_tokens: 0 };
            return Poll::Ready(());
        }
        if self.unread.rest().is_empty() && !self.at_end {
            let timer = self.timer.get_or_insert_with(|| Box::pin(sleep(GREETING_PAUSE)));
            ready!(timer.as_mut().poll(cx));
        }
        self.timer = None;
        self.greet();
        Poll::Ready(())
    }

    /// Whether the client can be asked for what telnet tells of its terminal: one that knows no telnet
    /// shows nothing of the question, since an erased row follows.
    fn may_ask(&mut self) -> bool {
        let asks = self.thread.config.get().telnet;
        asks && self.peer.form().palette != Palette::None && self.decoder.telnet().is_some()
    }

    fn greet(&mut self) {
        self.phase = Phase::Naming { wrong_tokens: 0 };
        let visit = self.peer.link().visit().cloned();
        if let Some(visit) = visit {
            return self.receive(visit);
        }
        // Some clients of telnet speak first, of nothing but telnet.
        let telnet = self.unread.rest().first() == Some(&IAC);
        let silent = (self.unread.rest().is_empty() || telnet) && !self.at_end;
        let asks = silent && self.may_ask();
        if asks && let Some(telnet) = self.decoder.telnet() {
            let question = telnet.ask_terminal();
            self.queue_raw(Bytes::copy_from_slice(&question));
        }
        if !silent {
            self.peer.note_seen(Seen::Lines);
        }
        self.peer.answer(welcome(self.peer.form(), asks, true));
    }

    /// The next thing in the bytes that were read; at their end, the line that stands unended.
    fn next_event(&mut self) -> Option<Typed<Happened>> {
        self.set_prompt();
        if let Some(mut typing) = self.peer.typing() {
            typing.keep_keys(false);
            if let Some(waiting) = typing.take_waiting() {
                return Some(Typed::Keys(waiting));
            }
        }
        let mut rest = self.unread.rest();
        let event = match self.peer.typing() {
            Some(mut typing) => self.decoder.next_typed(&mut rest, |keys| typing.take(keys)),
            None => match self.peer.link().frames() {
                Some(frames) => frames.next(&mut rest).map(Event::Message).map(Typed::Event),
                None => self.decoder.next(&mut rest).map(Typed::Event),
            },
        };
        let left = rest.len();
        self.unread.keep(left);
        if event.is_some() {
            return event;
        }
        if self.at_end {
            // Of keys, what no Enter has ended was not meant to be sent yet: their user has closed a window, or lost
            // the connection.
            return match self.peer.is_edited() {
                true => None,
                false => self.decoder.finish().map(Typed::Event),
            };
        }
        self.look_for_answer();
        None
    }

    pub(super) fn take(&mut self, event: Event) -> Poll<()> {
        match event {
            Event::Line { text, by_cr } => {
                self.peer.note_line_end(by_cr);
                self.note_first_line(by_cr);
                let text = self.cut_answer(text, by_cr);
                return self.take_text(&text);
            }
            Event::TooLong => return self.take_too_long_line(),
            Event::Message(message) => return self.take_message(message),
            Event::Reply(bytes) => {
                self.pace.took_nothing();
                self.peer.push(Bytes::copy_from_slice(&bytes));
                self.telnet_changed();
            }
            Event::Changed => {
                self.pace.took_nothing();
                self.telnet_changed();
            }
            Event::Client { told, on } => {
                self.pace.took_nothing();
                self.client_told(told, on);
            }
            Event::AreYouThere => {
                self.pace.took_nothing();
                self.queue_raw(Bytes::from_static(I_AM_HERE));
            }
            // As where it closes its sending side: what it sent is carried out.
            Event::EndOfInput => {
                self.unread.clear();
                self.at_end = true;
            }
            Event::Size(size) => {
                self.pace.took_nothing();
                self.size_told(size);
            }
        }
        Poll::Ready(())
    }

    /// Takes a line, whatever it is for.
    pub(super) fn take_text(&mut self, text: &str) -> Poll<()> {
        self.pace.took_line(text);
        if let Some(asking) = self.take_asking() {
            self.take_answer(asking, Some(text));
            return Poll::Ready(());
        }
        if let Some(taken) = self.take_object(text) {
            return taken;
        }
        match &self.phase {
            Phase::Naming { .. } => self.take_name(text),
            Phase::Password(_) => self.take_password(text),
            #[cfg(debug_assertions)]
            Phase::Chatting(_) if self.is_fault(text) => self.make_fault(text),
            Phase::Chatting(_)
            | Phase::Looking(_)
            | Phase::Greeting
            | Phase::Closing(_)
            | Phase::Done => {
                let max_chars = self.thread.config.get().max_message_chars;
                let line = Line::clean(text);
                let input = command::parse(line.clone(), max_chars);
                if let Input::Blank = input {
                    self.pace.took_nothing();
                }
                return self.take_in(input, line);
            }
        }
        Poll::Ready(())
    }

    /// Takes a line that is longer than any may be, whatever it is for.
    pub(super) fn take_too_long_line(&mut self) -> Poll<()> {
        if matches!(self.phase, Phase::Naming { .. }) {
            self.refuse_long_name();
        } else if matches!(self.phase, Phase::Password(_)) {
            self.try_password(None);
        } else if let Some(asking) = self.take_asking() {
            self.take_answer(asking, None);
        } else {
            return self.take_in(Input::Overlong, Line::default());
        }
        Poll::Ready(())
    }

    /// Queues bytes as they are.
    pub(super) fn queue_raw(&self, bytes: Bytes) {
        self.peer.queue(bytes);
    }

    /// Carries a line out once what must come first has come back from the lobby.
    pub(super) fn take_line(&mut self, line: Judged) -> Poll<()> {
        // What is answered by the session itself must not overtake messages that were sent before.
        let room = if matches!(line, Judged::Say(_)) { MAX_IN_FLIGHT } else { 1 };
        if self.peer.awaits_echo(room) && !self.goes_on_away(&line) {
            self.held = Some(Box::new(line));
            return Poll::Pending;
        }
        self.understand(line);
        Poll::Ready(())
    }

    /// Whether this goes on before messages that wait, since the log that they wait for cannot be reached: all but
    /// what is said too.
    fn goes_on_away(&self, line: &Judged) -> bool {
        let speaks = match line {
            Judged::Say(_) | Judged::Command(_, Ok(Command::Tag(_) | Command::Act(_))) => true,
            Judged::Command(..) | Judged::Blank | Judged::Refused(..) => false,
        };
        !speaks && self.thread.log().is_away()
    }

    /// The peer sends no more: closes once all that it asked for has been answered.
    fn step_end(&mut self, cx: &mut TaskContext<'_>) -> Poll<()> {
        if self.peer.awaits_echo(1) {
            return Poll::Pending;
        }
        if self.tell_of_burst() {
            return Poll::Ready(());
        }
        if self.questions > 0 || self.holds() {
            return self.wait_at_end(cx);
        }
        self.close(None);
        Poll::Ready(())
    }

    fn read(&mut self, cx: &mut TaskContext<'_>) -> Poll<()> {
        let now = clock::now();
        if let Some(pause) = self.pace.pause(now) {
            self.wait_for(sleep(pause), |_, ()| ());
            return Poll::Ready(());
        }
        self.read_now(now, cx)
    }

    /// Reads what the pace of the client allows.
    pub(super) fn read_now(&mut self, now: Instant, cx: &mut TaskContext<'_>) -> Poll<()> {
        // Nothing is read before all that was read before has been looked at.
        let Self { unread, peer, pace, thread, .. } = &mut *self;
        let tally = &thread.tally;
        let count = unread.fill(|buffer| {
            let mut link = peer.link();
            let result = link.poll_read(cx, buffer);
            let count = if let Poll::Ready(Ok(count)) = result { count } else { 0 };
            // Records without text are paid for too, also where no text has come at all.
            pace.read(link.taken(count));
            tally.received(count);
            result
        });
        match ready!(count) {
            Ok(0) => self.at_end = true,
            Ok(_) => {
                if !std::mem::replace(&mut self.told, true) {
                    let origin = self.peer.arrived().from;
                    log_connected(self.peer.conn(), origin, self.peer.link().kind());
                }
                // Of a WebSocket much is no doing of its user's.
                if self.peer.link().frames().is_none() {
                    self.peer.note_input(now);
                }
                self.mail_may_be_there();
                let nameless = matches!(self.phase, Phase::Greeting | Phase::Naming { .. });
                let mistaken =
                    nameless && !self.peer.is_edited() && self.peer.link().may_be_mistaken();
                if mistaken && begins_tls(self.unread.rest()) {
                    info!(
                        event = event::OTHER_PROTOCOL, conn = self.peer.conn().number();
                        "speaks TLS on the plain port"
                    );
                    self.unread.clear();
                    self.close(Some(Farewell::SpeaksTls(self.thread.tls_port)));
                }
            }
            Err(error) => {
                debug!(event = event::READ_FAILED, conn = self.peer.conn().number(); "read: {error}");
                self.close(None);
                self.phase = Phase::Done;
            }
        }
        Poll::Ready(())
    }
}
