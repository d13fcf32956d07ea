//! The life of the own node: how it begins, the beats that say that it goes on, and how it ends.
//!
//! Only one request about the own key is under way at a time. Whenever the end of one is not known, the key is
//! read before anything is concluded.

use std::sync::Arc;

use bytes::Bytes;

use super::engine::{Answer, Position, Request, Revision, Subject};
use super::envelope::{Record, What};
use super::mark::Mark;
use super::out::{Out, Purpose};
use super::rules::{Rule, Rules};
use super::timing::{AGAIN_AFTER, Moment, SHORT_LIFE, SHORT_LIVES, Timing};
use super::told::Stop;
use super::values::{NodeValue, Presence};

/// How far the own life is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// There is none yet, or it is over.
    Unborn,
    /// Somebody else has this name: whether they live is seen from whether they go on writing.
    Listening { until: Moment, revision: Revision },
    /// It was written, and is not in the log yet.
    Born(Revision),
    /// It is in the log, and goes on.
    Living(Revision),
    /// It was declared dead, which is not in the log yet.
    Condemned(Revision),
    /// It is ended by this node itself.
    Ending { life: Revision, written: bool },
    /// It is over, and none is to follow.
    Ended,
}

/// What the request under way is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asked {
    Look,
    Birth { earlier: Option<Revision> },
    Beat,
    End,
}

/// The own life.
#[derive(Debug)]
pub(crate) struct OwnLife {
    node: Arc<str>,
    place: u64,
    speaks: u8,
    timing: Timing,
    rules: Rules,
    /// What the application has the beats say.
    pub(crate) said: Bytes,
    stage: Stage,
    /// The last writing of the own key, as far as it is known.
    revision: Option<Revision>,
    /// Whether the key is to be read before anything else.
    look: bool,
    asked: Option<(Asked, Moment)>,
    last_asked: u64,
    beat_at: Moment,
    record_at: Moment,
    /// When the last beat that succeeded was sent.
    good: Moment,
    /// When the last life was written.
    born: Moment,
    /// How many lives in a row have ended as soon as they began.
    short_lives: u32,
}

impl OwnLife {
    pub(crate) fn new(
        node: Arc<str>,
        place: u64,
        timing: Timing,
        said: Bytes,
        rules: Rules,
    ) -> Self {
        Self {
            node,
            place,
            speaks: super::envelope::VERSION,
            timing,
            rules,
            said,
            stage: Stage::Unborn,
            revision: None,
            look: true,
            asked: None,
            last_asked: 0,
            beat_at: Moment::default(),
            record_at: Moment::default(),
            good: Moment::default(),
            born: Moment::default(),
            short_lives: 0,
        }
    }

    pub(crate) fn stage(&self) -> Stage {
        self.stage
    }

    pub(crate) fn node(&self) -> &Arc<str> {
        &self.node
    }

    /// The life under which lines may be sent.
    pub(crate) fn living(&self) -> Option<Revision> {
        match self.stage {
            Stage::Living(life) => Some(life),
            _ => None,
        }
    }

    /// The life whose lines may still come back.
    pub(crate) fn heard_as(&self) -> Option<Revision> {
        match self.stage {
            Stage::Living(life) | Stage::Condemned(life) | Stage::Ending { life, .. } => Some(life),
            _ => None,
        }
    }

    /// Whether it has been long since a beat succeeded.
    pub(crate) fn is_cut_off(&self, now: Moment) -> bool {
        now.since(self.good) >= self.timing.cut_off
    }

    /// Milliseconds until it has been long, if no beat succeeds by then.
    pub(crate) fn until_cut_off(&self, now: Moment) -> u64 {
        self.timing.cut_off.saturating_sub(now.since(self.good))
    }

    pub(crate) fn connected(&mut self) {
        self.asked = None;
        // A life knows its last writing, or finds out by writing.
        self.look = !matches!(self.stage, Stage::Born(_) | Stage::Living(_));
        (self.beat_at, self.record_at) = (Moment::default(), Moment::default());
    }

    /// The node begins to end by itself.
    pub(crate) fn end(&mut self) {
        self.stage = match self.stage {
            Stage::Born(life) | Stage::Living(life) | Stage::Condemned(life) => {
                Stage::Ending { life, written: false }
            }
            Stage::Unborn | Stage::Listening { .. } | Stage::Ended => Stage::Ended,
            ending @ Stage::Ending { .. } => ending,
        };
    }

    /// Somebody else has written under this life, so it is to be over, and another is to follow. Answered with
    /// whether it was living.
    pub(crate) fn condemn(&mut self, now: Moment) -> bool {
        let Stage::Living(life) = self.stage else { return false };
        (self.stage, self.record_at) = (Stage::Condemned(life), now);
        true
    }

    /// A life is over: when the next may begin.
    fn next_at(&mut self, now: Moment) -> Result<Moment, Stop> {
        if now.since(self.born) >= SHORT_LIFE {
            self.short_lives = 0;
            return Ok(now);
        }
        self.short_lives += 1;
        match self.short_lives {
            ..SHORT_LIVES => Ok(now + (AGAIN_AFTER << (self.short_lives - 1))),
            _ => Err(Stop::ShortLives),
        }
    }

    /// Asks what is to be asked now.
    pub(crate) fn turn(&mut self, position: Position, now: Moment, out: &mut Out) {
        match self.asked {
            // Waiting longer would cost another beat.
            Some((_, sent)) if now.since(sent) >= self.timing.beat => {
                (self.asked, self.look) = (None, true);
                self.beat_at = now;
            }
            Some(_) => return,
            None => {}
        }
        match self.stage {
            Stage::Ended => {}
            Stage::Condemned(life) => {
                // Not as if it had ended by itself.
                self.record(What::Over { node: self.name(), life }, Revision(0), now, out)
            }
            Stage::Ending { life, written: true } => {
                self.record(What::Over { node: self.name(), life }, life, now, out);
            }
            _ if self.look && now >= self.beat_at => {
                let key = self.node.to_string();
                self.ask(Asked::Look, Request::Get { key }, now, out);
            }
            Stage::Unborn => {}
            Stage::Listening { until, .. } => self.look = now >= until,
            Stage::Ending { life, written: false } => {
                let value = self.value(Presence::Gone, Some(life), position);
                self.put(Asked::End, value, now, out);
            }
            Stage::Born(life) | Stage::Living(life) => {
                if matches!(self.stage, Stage::Born(_)) {
                    self.record(What::Began(self.name()), life, now, out);
                }
                if now >= self.beat_at {
                    self.beat_at = now + self.timing.beat;
                    let value = self.value(Presence::Up, Some(life), position);
                    self.put(Asked::Beat, value, now, out);
                }
            }
        }
    }

    fn name(&self) -> String {
        self.node.to_string()
    }

    fn value(&self, presence: Presence, life: Option<Revision>, position: Position) -> NodeValue {
        let (place, speaks, said) = (self.place, self.speaks, self.said.clone());
        NodeValue { presence, life, place, speaks, position, said }
    }

    fn put(&mut self, asked: Asked, value: NodeValue, now: Moment, out: &mut Out) {
        let (key, bytes) = (self.name(), value.write());
        let request = Request::Put { key, bytes, after: self.revision };
        self.ask(asked, request, now, out);
    }

    fn ask(&mut self, asked: Asked, request: Request, now: Moment, out: &mut Out) {
        self.asked = Some((asked, now));
        self.last_asked += 1;
        out.ask(Purpose::OwnKey(self.last_asked), request, now);
    }

    /// Writes a record of this life, again and again until it has come back. Twice does no harm.
    fn record(&mut self, what: What, life: Revision, now: Moment, out: &mut Out) {
        if now >= self.record_at {
            self.record_at = now + AGAIN_AFTER;
            let bytes = Record { life, n: 0, what }.seal();
            let request = Request::Append { subject: Subject::Nodes, bytes };
            out.ask(Purpose::Record, request, now);
        }
    }

    /// The request about the own key was answered, or nobody knows how it ended.
    pub(crate) fn answered(
        &mut self,
        number: u64,
        answer: &Answer,
        position: Position,
        now: Moment,
        out: &mut Out,
    ) -> Result<(), Stop> {
        if number != self.last_asked {
            return Ok(());
        }
        let Some((asked, sent)) = self.asked.take() else { return Ok(()) };
        match (asked, answer) {
            (Asked::Look, Answer::Value(value)) => {
                self.look = false;
                self.found(value.as_ref(), position, now, out)?;
            }
            (Asked::Birth { earlier }, Answer::Written(revision)) => {
                let life = if self.rules.hold(Rule::OwnLife) { None } else { earlier };
                self.revision = Some(*revision);
                self.stage = Stage::Born(life.unwrap_or(*revision));
                (self.good, self.born) = (sent, now);
                (self.beat_at, self.record_at) = (now + self.timing.beat, now);
            }
            (Asked::Beat, Answer::Written(revision)) => {
                (self.revision, self.good) = (Some(*revision), sent);
            }
            (Asked::End, Answer::Written(_)) => self.ended_in_table(now),
            (Asked::Beat, Answer::Behind) if !self.rules.hold(Rule::ReadsFirst) => {
                self.stage = Stage::Unborn;
                self.look = true;
            }
            // Whatever it was, what the key has now says more.
            _ => {
                self.look = true;
                let refused = matches!(answer, Answer::Refused);
                self.beat_at = if refused { now + AGAIN_AFTER } else { now };
            }
        }
        Ok(())
    }

    fn ended_in_table(&mut self, now: Moment) {
        if let Stage::Ending { life, .. } = self.stage {
            (self.stage, self.record_at) = (Stage::Ending { life, written: true }, now);
        }
    }

    /// The own key has this.
    fn found(
        &mut self,
        value: Option<&(Revision, Bytes)>,
        position: Position,
        now: Moment,
        out: &mut Out,
    ) -> Result<(), Stop> {
        let revision = value.map(|(revision, _)| *revision);
        let read = value.and_then(|(revision, bytes)| {
            let value = NodeValue::read(bytes)?;
            Some((value.presence, value.life_in(*revision), value.place))
        });
        match self.stage {
            Stage::Unborn | Stage::Listening { .. } => {
                let others = matches!(read, Some((Presence::Up, _, place)) if place != self.place);
                if let (true, Some(revision)) = (others, revision) {
                    match self.stage {
                        Stage::Listening { revision: heard, .. } if heard != revision => {
                            return Err(Stop::NameInUse);
                        }
                        Stage::Listening { .. } => {}
                        _ => {
                            let until = now + self.timing.gap();
                            self.stage = Stage::Listening { until, revision };
                            return Ok(());
                        }
                    }
                }
                self.revision = revision;
                let value = self.value(Presence::Up, None, position);
                let earlier = read.map(|(_, life, _)| life);
                self.put(Asked::Birth { earlier }, value, now, out);
            }
            Stage::Born(life) | Stage::Living(life) => match read {
                // A beat of its own, whose answer was lost.
                Some((Presence::Up, up, _)) if up == life => {
                    (self.revision, self.beat_at) = (revision, now);
                }
                // Nobody of ours writes that, or removes a key: it is written anew before others miss the beats.
                None => (self.revision, self.beat_at) = (revision, now),
                Some((_, other, place)) if other != life && place != self.place => {
                    return Err(Stop::NameInUse);
                }
                _ => (self.stage, self.record_at) = (Stage::Condemned(life), now),
            },
            Stage::Ending { life, .. } => match read {
                Some((Presence::Up, up, _)) if up == life => self.revision = revision,
                _ => self.ended_in_table(now),
            },
            Stage::Condemned(_) | Stage::Ended => {}
        }
        Ok(())
    }

    /// A record was read: whether the own life has begun, or is over.
    pub(crate) fn passed(&mut self, mark: &Mark, now: Moment) -> Result<Passed, Stop> {
        match self.stage {
            Stage::Born(life) if mark.is_current(life) => {
                self.stage = Stage::Living(life);
                Ok(Passed::Begun)
            }
            Stage::Born(life) | Stage::Living(life) | Stage::Condemned(life)
                if mark.is_over(&self.node, life) =>
            {
                // Nobody begins a life of this node while this process has it, but another process.
                if mark.current().any(|(node, other)| *node == self.node && other != life) {
                    return Err(Stop::NameInUse);
                }
                let next_at = self.next_at(now)?;
                (self.stage, self.look, self.beat_at) = (Stage::Unborn, true, next_at);
                Ok(Passed::Over)
            }
            Stage::Ending { life, .. } if mark.is_over(&self.node, life) => {
                self.stage = Stage::Ended;
                Ok(Passed::Nothing)
            }
            _ => Ok(Passed::Nothing),
        }
    }
}

/// What a record has done to the own life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Passed {
    /// Nothing.
    Nothing,
    /// It is in the log now, and lines may be sent.
    Begun,
    /// It is over.
    Over,
}
