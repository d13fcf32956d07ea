//! One node, put together: it is given notices of the engine, wishes of the application and the time.

use std::sync::Arc;

use bytes::Bytes;

use super::engine::{
    Answer, Delivered, LogState, Notice, RequestId, Revision, Subject, Wish, Written,
};
use super::envelope::Record;
use super::judge::{Judge, Known};
use super::life::{OwnLife, Passed as LifePassed, Stage};
use super::mark::Mark;
use super::out::{Out, Purpose};
use super::reader::{Read, Reader};
use super::rules::{Rule, Rules};
use super::sender::Sender;
use super::timing::{END_WITHIN, Moment, STUCK_AFTER, Timing};
use super::told::{Happens, Line, Passed, Stop, Ticket, Told};
use super::values::{NodeValue, Presence};

/// Too much waits for the log already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Full;

/// What a node begins with.
#[derive(Debug, Clone)]
pub struct Start {
    /// Its name, unique in the cluster.
    pub node: Arc<str>,
    /// A number for where it runs: another process of its name with another number is another machine's, and
    /// is not driven out. One with the same has ended, as a data directory has one process at a time.
    pub place: u64,
    /// How many copies the engine keeps of the log.
    pub replicas: u8,
    /// How far the log has been applied, as it was stored.
    pub mark: Mark,
    /// What the application has its beats say.
    pub said: Bytes,
}

/// What the application knows of the node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shown {
    Starting,
    Up,
    CutOff,
    Stopped,
}

/// How far a new life has got with the people of the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Return {
    /// There is none, or all is done.
    No,
    /// The new life is not in the log yet.
    Begins,
    /// The application has them come in again, and says again what was not logged.
    Again,
}

/// One node.
#[derive(Debug)]
pub struct Node {
    out: Out,
    rules: Rules,
    life: OwnLife,
    judge: Judge,
    reader: Reader,
    sender: Sender,
    connected: bool,
    known: Shown,
    /// Whether the application can take no more of the log for now.
    held: bool,
    /// Whether a life of this process has begun in the log.
    begun: bool,
    returns: Return,
    /// Whether lines are to be sent again once the log has been read to its end.
    resend: bool,
    /// When it ends at the latest, where it is to.
    end_by: Option<Moment>,
    /// When something of this node came out of the log last, or nothing waited for that.
    moved: Moment,
    /// Writings in the table of nodes that nobody of ours wrote.
    foreign_keys: u64,
}

impl Node {
    /// A node that has not begun: its first notice is [`Notice::Connected`].
    pub fn new(start: Start) -> Self {
        Self::with_rules(start, Rules::ALL)
    }

    /// The same, in a test without one of the rules.
    pub(super) fn with_rules(start: Start, rules: Rules) -> Self {
        let timing = Timing::of(start.replicas);
        Self {
            out: Out::default(),
            rules,
            judge: Judge::new(timing, rules),
            reader: Reader::new(start.mark, rules),
            sender: Sender::default(),
            life: OwnLife::new(start.node, start.place, timing, start.said, rules),
            connected: false,
            known: Shown::Starting,
            held: false,
            begun: false,
            returns: Return::No,
            resend: false,
            end_by: None,
            moved: Moment::default(),
            foreign_keys: 0,
        }
    }

    /// What is wished of the engine, in order. Taken after each call.
    pub fn wishes(&mut self) -> Vec<Wish> {
        std::mem::take(&mut self.out.wishes)
    }

    /// What the application is told, in order. Taken after each call.
    pub fn told(&mut self) -> Vec<Told> {
        std::mem::take(&mut self.out.told)
    }

    /// How far the log has been read.
    pub fn mark(&self) -> &Mark {
        self.reader.mark()
    }

    /// How many records are known to be in the log and have not been read.
    pub fn behind(&self) -> u64 {
        self.reader.behind()
    }

    /// How many records of nobody of ours were skipped.
    pub fn foreign(&self) -> u64 {
        self.reader.foreign()
    }

    /// How many writings in the table of nodes were skipped.
    pub fn foreign_keys(&self) -> u64 {
        self.foreign_keys
    }

    /// The life of this node, while it has one that is not over.
    pub fn life(&self) -> Option<Revision> {
        self.life.living()
    }

    /// Milliseconds until the application is told that the engine cannot be reached, if it cannot from now on.
    pub fn until_cut_off(&self, now: Moment) -> u64 {
        self.life.until_cut_off(now)
    }

    /// The other nodes.
    pub fn others(&self, now: Moment) -> impl Iterator<Item = Known> {
        self.judge.known(now)
    }

    /// How many records of this node are not in the log yet, or have not come out of it.
    pub fn waiting(&self) -> usize {
        self.sender.waiting()
    }

    /// Whether nothing of what it says has come out of the log for long, although it is there.
    pub fn is_stuck(&self, now: Moment) -> bool {
        now.since(self.moved) >= STUCK_AFTER
    }

    /// Whether nothing of this node waits for the log.
    pub fn is_idle(&self) -> bool {
        self.sender.is_empty() && self.returns == Return::No
    }

    /// Has no more of the log come for now, or again. What is on its way is told all the same, and beats go on.
    pub fn hold(&mut self, held: bool, now: Moment) {
        if self.held == held {
            return;
        }
        self.held = held;
        self.reader.goes_on(now);
        if self.connected {
            self.out.wishes.push(Wish::Hold(held));
        }
    }

    /// What the next beats say.
    pub fn beats_say(&mut self, said: Bytes) {
        self.life.said = said;
    }

    /// Says something: a line for the log, after all that was said before.
    pub fn say(&mut self, subject: Subject, bytes: Bytes, now: Moment) -> Result<Ticket, Full> {
        let ticket = self.sender.say(subject, bytes).ok_or(Full)?;
        self.turn(now);
        Ok(ticket)
    }

    /// Sends something to another node, which may be lost.
    pub fn send(&mut self, node: String, life: Revision, bytes: Bytes) {
        self.out.wishes.push(Wish::Send { node, life, bytes });
    }

    /// What was not logged under the life before has been said again: [`Told::Reborn`].
    pub fn resumed(&mut self, now: Moment) {
        if self.returns == Return::Again {
            self.returns = Return::No;
        }
        self.turn(now);
    }

    /// The node is to end, once all that it said is in the log: [`Told::Ended`].
    pub fn end(&mut self, now: Moment) {
        self.end_by.get_or_insert(now + END_WITHIN);
        self.turn(now);
    }

    /// Time has passed: at least each [`TICK`](super::timing::TICK).
    pub fn tick(&mut self, now: Moment) {
        while let Some(purpose) = self.out.overdue(now) {
            self.answered(purpose, &Answer::Unknown, now);
        }
        if self.known != Shown::Stopped {
            self.turn_by_time(now);
        }
        if self.sender.is_empty() || self.held || self.known != Shown::Up {
            self.moved = now;
        }
        self.turn(now);
    }

    /// The engine says something.
    pub fn notice(&mut self, notice: Notice, now: Moment) {
        if self.known == Shown::Stopped {
            return;
        }
        match notice {
            Notice::Connected(log) => self.connect(log, now),
            Notice::Lost => {
                self.connected = false;
                self.out.forget_asked();
            }
            Notice::Delivered(delivered) => self.delivered(delivered, now),
            Notice::Written(written) => self.written(&written, now),
            Notice::NoNode => self.foreign_keys += 1,
            Notice::LogEnds(last) => self.reader.heard_of(last),
            Notice::Answered(id, answer) => self.answer(id, &answer, now),
            Notice::Sent(bytes) => self.out.tell(Told::Sent(bytes)),
        }
        self.turn(now);
    }

    /// There is a connection: all that is read is read anew, from where this node is.
    fn connect(&mut self, log: LogState, now: Moment) {
        let first = !self.connected && self.known == Shown::Starting && self.life().is_none();
        self.connected = true;
        self.out.forget_asked();
        let from = match self.reader.connected(log, now) {
            Ok(from) => from,
            Err(stop) => return self.stop(stop),
        };
        if first || self.rules.hold(Rule::ReadsAnew) {
            self.out.wishes.push(Wish::Read(from));
        }
        if self.held {
            self.out.wishes.push(Wish::Hold(true));
        }
        self.out.wishes.push(Wish::Watch);
        self.life.connected();
        self.judge.connected(now);
        self.resend = true;
    }

    fn stop(&mut self, stop: Stop) {
        self.known = Shown::Stopped;
        self.out.told.push(Told::Stop(stop));
    }

    fn answer(&mut self, id: RequestId, answer: &Answer, now: Moment) {
        if let Some(purpose) = self.out.answered(id) {
            self.answered(purpose, answer, now);
        }
    }

    fn answered(&mut self, purpose: Purpose, answer: &Answer, now: Moment) {
        if let Answer::Appended(position) = answer {
            self.reader.heard_of(*position);
        }
        let read = self.reader.mark().position;
        match purpose {
            Purpose::OwnKey(asked) => {
                if let Err(stop) = self.life.answered(asked, answer, read, now, &mut self.out) {
                    self.stop(stop);
                }
                if self.life.stage() == Stage::Unborn && !self.rules.hold(Rule::ReadsFirst) {
                    self.returns = Return::Begins;
                }
            }
            Purpose::Judge(node) => self.judge.answered(&node, answer, now),
            Purpose::Line(round) => self.sender.answered(round, answer, now),
            Purpose::Record => {}
        }
    }

    /// A key of the table was written.
    fn written(&mut self, written: &Written, now: Moment) {
        let value = written.bytes.as_ref().map(NodeValue::read);
        if written.key == **self.life.node() {
            if let Some(None) = value {
                self.foreign_keys += 1;
            }
            if let Some(Some(value)) = value {
                let own = Some(value.life_in(written.revision)) == self.life.living();
                if own && value.presence == Presence::Up {
                    self.judge.heard_self(now);
                }
            }
            return;
        }
        match value {
            None => self.judge.removed(&written.key),
            // Bytes that nobody of ours wrote.
            Some(None) => self.foreign_keys += 1,
            Some(Some(value)) => {
                self.judge.heard(&written.key, (written.revision, written.at), value, now);
            }
        }
    }

    /// A record came out of the log.
    fn delivered(&mut self, delivered: Delivered, now: Moment) {
        let took = match self.reader.delivered(&delivered, now) {
            Read::Nothing => return,
            Read::Again(from) => return self.out.wishes.push(Wish::Read(from)),
            Read::Stop(stop) => return self.stop(stop),
            Read::Took(took) => took,
        };
        let position = delivered.position;
        let life = self.life.heard_as();
        let own = took.record.as_ref().filter(|record| Some(record.life) == life);
        let is_own = own.is_some();
        // Lines behind a gap, or some that came back before: put together otherwise, they are sent again.
        if !took.happens && own.is_some_and(|record| self.sender.awaits(record.last())) {
            self.sender.dropped(now);
        }
        let mut forged = false;
        let happens = match (took.happens, took.record, delivered.subject) {
            (true, Some(Record { life, n, what }), Some(subject)) => {
                let lines = (n..).zip(what.into_lines()).map(|(n, bytes)| {
                    let back = if is_own { self.sender.came_back(n, &bytes) } else { None };
                    forged |= is_own && back.is_none();
                    Line { bytes, ticket: back }
                });
                Some(Happens { subject, life, lines: lines.collect() })
            }
            _ => None,
        };
        if is_own && happens.is_some() && !forged {
            self.moved = now;
        }
        let passed = Passed { position, at: took.at, check: took.check, step: took.step, happens };
        self.out.tell(Told::Passed(passed));
        // The numbers of this life are somebody else's now: nothing that is said under it happens any more.
        if forged && self.rules.hold(Rule::Numbers) && self.life.condemn(now) {
            self.out.tell(Told::Forged);
        }
        match self.life.passed(self.reader.mark(), now) {
            Err(stop) => self.stop(stop),
            Ok(LifePassed::Nothing) => {}
            // The first has nobody to return; what was said before it began is kept.
            Ok(LifePassed::Begun) if !self.begun => {
                (self.begun, self.returns) = (true, Return::No);
                self.sender.begin();
            }
            Ok(LifePassed::Begun) => {}
            Ok(LifePassed::Over) => self.returns = Return::Begins,
        }
    }

    /// Does what is to be done for time alone: each of these goes through much, or waits long anyway.
    fn turn_by_time(&mut self, now: Moment) {
        if self.connected {
            if let Some(from) = self.reader.stalled(now).filter(|_| !self.held) {
                self.out.wishes.push(Wish::Read(from));
            }
            if let Some(life) = self.life.living() {
                self.judge.turn(life, self.reader.mark(), now, &mut self.out);
            }
        }
    }

    /// Does what is to be done now, by whatever has changed.
    fn turn(&mut self, now: Moment) {
        if self.known == Shown::Stopped {
            return;
        }
        let read = self.reader.mark().position;
        if self.connected {
            self.life.turn(read, now, &mut self.out);
        }
        let living = self.life.living().filter(|_| self.connected && self.reader.caught_up());
        if living.is_some() && self.returns == Return::Begins {
            self.returns = Return::Again;
            let unlogged = self.sender.begin_anew();
            self.out.tell(Told::Reborn(unlogged));
        }
        if let Some(life) = living.filter(|_| self.returns != Return::Begins) {
            if std::mem::take(&mut self.resend) {
                self.sender.send_again();
            }
            self.sender.send(life, now, &mut self.out);
        }
        self.show(living.is_some() && self.returns == Return::No, now);
        self.turn_to_end(now);
    }

    /// Tells what has changed of how the node is.
    fn show(&mut self, whole: bool, now: Moment) {
        let cut_off = self.life.is_cut_off(now);
        let (known, told) = match self.known {
            Shown::Starting if whole && !cut_off => (Shown::Up, Told::Ready),
            Shown::CutOff if whole && !cut_off => (Shown::Up, Told::Back),
            Shown::Up if cut_off => (Shown::CutOff, Told::CutOff),
            _ => return,
        };
        self.known = known;
        self.out.tell(told);
    }

    /// Goes on with the end, where the node is to end.
    fn turn_to_end(&mut self, now: Moment) {
        let Some(by) = self.end_by else { return };
        let late = now >= by;
        if self.sender.is_empty() || late {
            self.life.end();
            if self.connected {
                self.life.turn(self.reader.mark().position, now, &mut self.out);
            }
        }
        // After the same time again, others have to declare it dead.
        if self.life.stage() == Stage::Ended || now >= by + END_WITHIN {
            self.known = Shown::Stopped;
            self.out.tell(Told::Ended);
        }
    }
}
