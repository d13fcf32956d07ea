//! What of a user's lines waits for the rate limit: carries out what [`Hold`] decides.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll, ready};
use std::time::Duration;

use actix::MailboxError;
use log::info;
use tokio::time::{Instant as TokioInstant, Sleep, sleep, sleep_until};

use super::Session;
use super::commands::{Judged, Refused, rox};
use super::context::Done;
use super::drive::{MAX_IN_FLIGHT, PROBE_EVERY};
use crate::actors::lobby::messages::SayHeld;
use crate::chat::command::{Command, CommandError, Input, to_rox};
use crate::chat::hold::{BURST_PAUSE, Hold, Limits, Next, NotSent, Offered, Typed};
use crate::chat::limiter::{SlidingWindow, wait_secs};
use crate::chat::lobbies::{GENERAL_ID, LobbyId};
use crate::chat::lobby::SayError;
use crate::chat::rates::Kind;
use crate::chat::roles::Right;
use crate::chat::text::{Line, Text};
use crate::clock;
use crate::logging::event;
use crate::render::replies::{Limit, ModerationReply, Reply, reply};

/// A flood of lines that are refused is not answered line by line: that one is over the rate is said
/// once in this time.
const REFUSAL_WINDOW: Duration = Duration::from_secs(1);

/// That one is over a length, so often in the same time: each may be of another kind.
const LENGTH_NOTICES: usize = 3;

/// What there is of a user who has been over a limit; most never are.
pub(super) struct Limited {
    /// Notices that a line was over the rate, and over a length.
    notices: [SlidingWindow; 2],
    hold: Hold<Input>,
    /// Rows of a message that was over the rate, which are yet to be offered to that.
    rows: VecDeque<Line>,
    /// The lobby that the messages in it were typed in.
    of: LobbyId,
    timer: Option<(TokioInstant, Pin<Box<Sleep>>)>,
}

impl Limited {
    /// Waits for an instant, which may be another one each time.
    fn sleep(&mut self, until: std::time::Instant, cx: &mut TaskContext<'_>) -> Poll<()> {
        let until = TokioInstant::from_std(until);
        let timer = self.timer.take_if(|(at, _)| *at == until);
        let mut timer = timer.unwrap_or_else(|| (until, Box::pin(sleep_until(until))));
        let slept = timer.1.as_mut().poll(cx);
        if slept.is_pending() {
            self.timer = Some(timer);
        }
        slept
    }
}

impl Session {
    fn limited(&mut self) -> &mut Limited {
        let (limits, of) = (self.limits(), self.lobby_id());
        self.limited.get_or_insert_with(|| {
            let notices =
                [1, LENGTH_NOTICES].map(|limit| SlidingWindow::new(limit, REFUSAL_WINDOW));
            Box::new(Limited {
                notices,
                hold: Hold::new(limits),
                rows: VecDeque::new(),
                of,
                timer: None,
            })
        })
    }

    fn limits(&self) -> Limits {
        let config = self.thread.config.get();
        Limits { lines: config.rate_hold, message_chars: config.max_message_chars }
    }

    /// Other limits may be in force: they count for what waits too.
    pub(super) fn limits_changed(&mut self) {
        let limits = self.limits();
        if let Some(limited) = &mut self.limited {
            limited.hold.set_limits(limits);
            limited.hold.look_again();
        }
    }

    fn lobby_id(&self) -> LobbyId {
        self.user().map_or(GENERAL_ID, |user| user.lobby.id)
    }

    /// Takes a line of somebody who chats: it is carried out, or waits.
    pub(super) fn take_in(&mut self, input: Input, typed: Line) -> Poll<()> {
        if self.holds() {
            return self.offer(input, typed);
        }
        match self.judge(input, &typed) {
            Ok(line) => self.take_line(line),
            Err((input, wait)) if self.thread.config.get().rate_hold == 0 => {
                let words = match input {
                    Input::Say(_) | Input::SayRows(_) => {
                        // Each is named when the burst is over, though the first was told at once.
                        self.limited().hold.refused(&typed, clock::now());
                        None
                    }
                    Input::Blank | Input::Overlong | Input::Command { .. } => {
                        Some(named(&input, &typed))
                    }
                };
                self.take_line(Judged::Refused(Refused::Rate(wait), words))
            }
            Err((input, wait)) => {
                let of = self.lobby_id();
                let limited = self.limited();
                limited.of = of;
                limited.hold.shut(clock::now() + wait);
                self.offer(input, typed)
            }
        }
    }

    /// Whether lines wait.
    pub(super) fn holds(&self) -> bool {
        self.limited.as_ref().is_some_and(|limited| limited.hold.waits())
    }

    fn offer(&mut self, input: Input, typed: Line) -> Poll<()> {
        let (now, max) = (clock::now(), self.thread.config.get().max_message_chars);
        let words = named(&input, &typed);
        let line = match input {
            Input::Blank if self.limited().hold.offer_blank(now) => return Poll::Ready(()),
            Input::Blank => return self.take_line(Judged::Blank),
            Input::Say(text) if text.chars() <= max => Typed::Message(text),
            // They wait as the lines that they would have been.
            Input::SayRows(text) if text.chars() <= max => {
                self.limited().rows.extend(text.rows().map(Line::clean));
                return Poll::Ready(());
            }
            // Among the lines of a paste it is one like others, and asks for nothing.
            Input::Command { parsed: Err(CommandError::Bare), .. }
                if self.limited().hold.goes_on(now) =>
            {
                Typed::Message(typed)
            }
            other => Typed::Other(other, words),
        };
        match self.limited().hold.offer(line, now) {
            Offered::Kept => Poll::Ready(()),
            Offered::Refused => {
                self.pace.refused_line();
                Poll::Ready(())
            }
            Offered::Now(input, words) => self.take_held(input, words),
        }
    }

    /// Carries out what has to be now of what waits. None where lines can be taken as ever.
    pub(super) fn step_held(&mut self, cx: &mut TaskContext<'_>) -> Option<Poll<()>> {
        let lobby = self.user()?.lobby.id;
        let at_end = self.at_end;
        let limited = self.limited.as_mut()?;
        if limited.hold.waits() && limited.of != lobby {
            limited.of = lobby;
            // What waits here is no way into another lobby, which is taken out before it is carried out.
            let not_sent = limited.hold.drop_all();
            self.tell_not_sent(not_sent);
            return Some(Poll::Ready(()));
        }
        if at_end || (limited.hold.asks_for_end() && self.peer.link().has_end(cx)) {
            limited.hold.close();
        }
        match limited.hold.next(clock::now()) {
            Next::Message(text) => Some(self.say_held(text)),
            Next::Other(input, words) => Some(self.take_held(input, words)),
            Next::Refused => {
                self.pace.refused_line();
                Some(Poll::Ready(()))
            }
            Next::Nothing if limited.hold.takes_lines() => {
                let row = limited.rows.pop_front()?;
                let input = if row.is_blank() { Input::Blank } else { Input::Say(row.clone()) };
                Some(self.take_in(input, row))
            }
            Next::Nothing if limited.hold.is_closed() => Some(self.wait_at_end(cx)),
            Next::Nothing => Some(self.sleep_held(false, cx)),
        }
    }

    /// There is nothing to be read: tells of a burst that is over, and waits for what comes next.
    pub(super) fn rest(&mut self, cx: &mut TaskContext<'_>) -> Poll<()> {
        if self.limited.is_none() {
            return Poll::Pending;
        }
        if self.tell_of_burst() { Poll::Ready(()) } else { self.sleep_held(true, cx) }
    }

    fn sleep_held(&mut self, idle: bool, cx: &mut TaskContext<'_>) -> Poll<()> {
        let Some(limited) = &mut self.limited else { return Poll::Pending };
        match limited.hold.wakes_at(idle) {
            Some(at) => limited.sleep(at, cx),
            None => Poll::Pending,
        }
    }

    /// Waits while lines or questions of a client wait that sends no more.
    pub(super) fn wait_at_end(&mut self, cx: &mut TaskContext<'_>) -> Poll<()> {
        if self.tell_of_burst() || self.sleep_held(true, cx).is_ready() {
            return Poll::Ready(());
        }
        // A peer that closed its sending may have closed altogether, and only a write tells.
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep(PROBE_EVERY)));
        ready!(timer.as_mut().poll(cx));
        self.timer = None;
        self.show(|_| ());
        Poll::Ready(())
    }

    /// Tells what is to be told of a burst that is over by now. Whether there was anything.
    pub(super) fn tell_of_burst(&mut self) -> bool {
        let now = clock::now();
        let told = self.limited.as_mut().and_then(|limited| limited.hold.pause(now));
        let Some(told) = told else { return false };
        info!(event = event::LIMIT, conn = self.peer.conn().number(); "limit: too many messages");
        let kept = told.kept.map(|lines| {
            let user = self.user().map(|user| user.who.clone());
            let rate = user.map(|who| self.thread.rates.check(&who, Kind::Message, now));
            let rate = rate.and_then(Result::err).unwrap_or_default();
            let held =
                self.limited.as_ref().map_or(Duration::ZERO, |limited| limited.hold.wait(now));
            Reply::Kept { limit: Limit::Rate, secs: wait_secs(rate.max(held)), lines }
        });
        let not_sent = told.not_sent.map(Reply::NotSent);
        self.show(|sheet| kept.iter().chain(&not_sent).for_each(|what| reply(sheet, what)));
        true
    }

    /// Puts a message that waited to the lobby, where its user may send one now.
    fn say_held(&mut self, text: Text) -> Poll<()> {
        if self.peer.awaits_echo(MAX_IN_FLIGHT) {
            return Poll::Pending;
        }
        let now = clock::now();
        let Some(user) = self.user() else { return Poll::Ready(()) };
        let passed = self.thread.rates.pass(&user.who, Kind::Message, now);
        let lobby = user.lobby.addr.clone();
        drop(user);
        let may_ask = !self.is_bot() && !self.thread.log().is_away();
        let question = to_rox(&text).flatten().filter(|_| may_ask);
        match passed {
            Err(wait) => self.limited().hold.shut(now + wait),
            Ok(()) if question.is_some() => {
                let asked = self.ctx(Right::Everyone).zip(question);
                if let Some((cx, question)) = asked {
                    self.wait_for(rox::held(cx, text, question), Self::asked_held);
                }
            }
            Ok(()) => {
                let said =
                    lobby.send(SayHeld { conn: self.peer.conn(), at: self.at(), text, taken: now });
                self.peer.sent_to_lobby();
                self.wait_for(said, Self::said_held);
            }
        }
        Poll::Ready(())
    }

    /// The same of one that is a question to Rox.
    fn asked_held(&mut self, asked: Result<Done, SayError>) {
        match asked {
            Ok(done) => {
                self.said_held(Ok(Ok(())));
                self.finish(done);
            }
            Err(why) => self.said_held(Ok(Err(why))),
        }
    }

    fn said_held(&mut self, said: Result<Result<(), SayError>, MailboxError>) {
        let why = match said {
            Ok(Ok(())) => {
                let hold = &mut self.limited().hold;
                hold.sent();
                if hold.is_closed() {
                    // No script is idle whose lines the server delays.
                    self.peer.note_input(clock::now());
                }
                return;
            }
            Ok(Err(why)) => Some(why),
            Err(_) => None,
        };
        if let Some(user) = self.user() {
            self.thread.rates.take_back(&user.who, Kind::Message);
        }
        let now = clock::now();
        match why {
            Some(SayError::TooSoon(wait)) => {
                let hold = &mut self.limited().hold;
                hold.shut(now + wait);
                let (limit, secs, lines) = (Limit::Slow, wait_secs(wait), hold.lines());
                self.reply(&Reply::Kept { limit, secs, lines });
            }
            Some(why @ (SayError::Muted(_) | SayError::BotsMuted(_))) => {
                self.limited().hold.shut(now);
                if let Some(lobby) = self.user().map(|user| user.lobby.name.clone()) {
                    self.reply(&ModerationReply::NotSaid(why, lobby).into());
                }
                self.drop_held();
            }
            // The lobby broke, or the user was put out of it, and is about to hear of that.
            Some(SayError::NotHere | SayError::TooOften(_) | SayError::NoSuchHook) | None => {
                self.limited().hold.shut(now + BURST_PAUSE)
            }
        }
    }

    /// Carries out what is no message, perhaps before messages that wait.
    fn take_held(&mut self, input: Input, words: Line) -> Poll<()> {
        let (input, wait) = match self.judge(input, &words) {
            Ok(line) => return self.take_line(line),
            Err(over) => over,
        };
        let hold = &mut self.limited().hold;
        if hold.is_closed() {
            hold.again(input, words, clock::now() + wait);
            return Poll::Ready(());
        }
        match input {
            // Whoever goes elsewhere gives up what waits here, which is worth a message at least.
            Input::Command { right, parsed: parsed @ Ok(Command::Join { .. }), .. }
                if hold.lines() > 0 && self.passes_instead() =>
            {
                self.take_line(Judged::Command(right, parsed))
            }
            _ => self.take_line(Judged::Refused(Refused::Rate(wait), Some(words))),
        }
    }

    /// Whether somebody who is over the rate may do one thing more in the place of what waits: no more
    /// often than one may look at something.
    fn passes_instead(&self) -> bool {
        let (now, rates) = (clock::now(), &self.thread.rates);
        self.user().is_some_and(|user| {
            let passes = rates.pass(&user.who, Kind::Look, now).is_ok();
            if passes {
                rates.count(&user.who, Kind::Message, now);
            }
            passes
        })
    }

    /// Gives up the messages that wait, and says so.
    pub(super) fn drop_held(&mut self) {
        let not_sent = self.limited.as_mut().and_then(|limited| limited.hold.drop_messages());
        self.tell_not_sent(not_sent);
    }

    /// The same for good.
    pub(super) fn end_held(&mut self) {
        self.end_held_with(&[]);
    }

    /// The same, with words before it that were not sent either.
    pub(super) fn end_held_with(&mut self, words: &[Text]) {
        let held = self.limited.take().and_then(|limited| limited.hold.end());
        let words = words.first().map(|first| NotSent::of(first, words.len()));
        self.tell_not_sent(match (words, held) {
            (Some(words), Some(held)) => Some(NotSent { lines: words.lines + held.lines, ..words }),
            (words, held) => words.or(held),
        });
    }

    fn tell_not_sent(&mut self, not_sent: Option<NotSent>) {
        if let Some(not_sent) = not_sent {
            self.reply(&Reply::NotSent(not_sent));
        }
    }

    /// The user may not speak in a lobby any more.
    pub(super) fn silence(&mut self, lobby: LobbyId) {
        if self.limited.as_ref().is_some_and(|limited| limited.hold.waits() && limited.of == lobby)
        {
            self.drop_held();
        }
    }

    /// Says that a line was refused; where that was just said of others, it is named when the burst is
    /// over.
    pub(super) fn refuse(&mut self, refused: Refused, words: Option<Line>) {
        self.pace.refused_line();
        self.peer.link().note_refused();
        let (why, limit, kind) = match refused {
            Refused::Rate(wait) => (Reply::RateLimited(wait_secs(wait)), "too many messages", 0),
            Refused::Length(why) => (why, "too long", 1),
        };
        let now = clock::now();
        let notices = &mut self.limited().notices[kind];
        if notices.check(now).is_ok() {
            notices.record(now);
            info!(event = event::LIMIT, conn = self.peer.conn().number(); "limit: {limit}");
            self.reply(&why);
        } else if let Some(words) = words {
            self.limited().hold.refused(&words, now);
        }
    }
}

/// How a line is named that is lost: of a command the word alone, since secrets may follow.
pub(super) fn named(input: &Input, typed: &Line) -> Line {
    match input {
        Input::Command { .. } => {
            Line::clean(typed.as_str().split_whitespace().next().unwrap_or_default())
        }
        Input::Blank | Input::Say(_) | Input::SayRows(_) | Input::Overlong => typed.clone(),
    }
}
