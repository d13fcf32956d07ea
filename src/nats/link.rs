//! One connection in use: what is asked on it, what comes of it, what is read.

use std::collections::VecDeque;
use std::future::pending;
use std::time::Instant;

use async_nats::{Client, HeaderMap, Message, PublishErrorKind, Subscriber};
use bytes::Bytes;
use futures_util::{FutureExt, StreamExt};
use log::{info, warn};
use tokio::task::unconstrained;

use super::READ_AHEAD;
use super::api::{self, Last, Place, Question, Reply, Stored, StreamInfo};
use super::asked::{Asked, Creating, Source, Waiting};
use super::error::TryError;
use super::names::{Names, is_key, is_node};
use super::reader::{Reader, Seen};
use crate::cluster::engine::{
    Answer, Delivered, LogState, Notice, Position, Request, RequestId, Revision, Wish, Written,
};
use crate::logging::event;

/// Why a connection is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Loss {
    /// The other side has ended it, or nothing can be written to it.
    #[error("it broke off")]
    Broken,
    /// It gives no answers.
    #[error("it does not answer")]
    Silent,
    /// Its log is another one.
    #[error("its log is gone, or was made anew")]
    OtherLog,
    /// It has more for one reader than was asked for.
    #[error("it cannot be read")]
    Unreadable,
}

/// Why something was not sent.
enum Unsent {
    /// It never can be.
    Unfit,
    /// The connection takes nothing now, or nothing more.
    Stuck,
}

/// What comes of a connection.
pub(super) enum Came {
    /// An answer.
    Reply(Message),
    /// Of what is read.
    Read(Source, Message),
    /// From another node, for this one alone.
    Sent(Bytes),
    /// The end.
    Over,
}

/// A stream that is read.
struct Stream {
    reader: Reader,
    messages: Option<Subscriber>,
}

/// The notices that wait for the node.
pub(super) type Notices = VecDeque<Notice>;

/// A connection.
pub(super) struct Link {
    client: Client,
    names: Names,
    /// What subjects for answers to this connection begin with.
    inbox: String,
    replies: Subscriber,
    sent: Subscriber,
    waiting: Waiting,
    log: Option<Stream>,
    nodes: Option<Stream>,
    /// Whether no more of the log is wanted for now.
    is_held: bool,
    state: LogState,
    /// Readers that were made.
    readers: u64,
    /// Whether the last thing that was to be stored was refused.
    is_refusing: bool,
}

impl Link {
    /// Begins to listen.
    pub(super) async fn begin(
        client: Client,
        names: Names,
        node: &str,
        state: LogState,
    ) -> Result<Self, TryError> {
        let inbox = client.new_inbox();
        let passing = |error: async_nats::SubscribeError| TryError::Passing(error.to_string());
        let replies = client.subscribe(format!("{inbox}.a.*")).await.map_err(passing)?;
        let sent = client.subscribe(names.lives(node)).await.map_err(passing)?;
        Ok(Self {
            client,
            names,
            inbox,
            replies,
            sent,
            waiting: Waiting::default(),
            log: None,
            nodes: None,
            is_held: false,
            state,
            readers: 0,
            is_refusing: false,
        })
    }

    /// How the log was when the connection was made.
    pub(super) fn state(&self) -> LogState {
        self.state
    }

    /// How many requests wait for their answer.
    pub(super) fn requests(&self) -> usize {
        self.waiting.requests()
    }

    /// The next thing that comes. What is read is left where it is unless there is room for it. Nothing is lost
    /// where this is given up.
    pub(super) async fn next(&mut self, has_room: bool) -> Came {
        async fn of(stream: &mut Option<Stream>) -> Option<Message> {
            match stream.as_mut().and_then(|stream| stream.messages.as_mut()) {
                Some(messages) => messages.next().await,
                None => pending().await,
            }
        }
        tokio::select! {
            reply = self.replies.next() => reply.map_or(Came::Over, Came::Reply),
            sent = self.sent.next(), if has_room => sent.map_or(Came::Over, |sent| Came::Sent(sent.payload)),
            read = of(&mut self.log), if has_room => read.map_or(Came::Over, |read| Came::Read(Source::Log, read)),
            read = of(&mut self.nodes), if has_room => read.map_or(Came::Over, |read| Came::Read(Source::Nodes, read)),
        }
    }

    /// Does what is wished.
    pub(super) fn wish(&mut self, wish: Wish, out: &mut Notices, now: Instant) -> Result<(), Loss> {
        match wish {
            Wish::Ask(id, request) => {
                if let Err(unsent) = self.ask(id, request, now) {
                    let answer = match unsent {
                        Unsent::Unfit => Answer::Refused,
                        Unsent::Stuck => Answer::Unknown,
                    };
                    out.push_back(Notice::Answered(id, answer));
                }
                Ok(())
            }
            Wish::Read(Position(from)) => self.read(Source::Log, Reader::of_log(from), now),
            Wish::Hold(held) => {
                self.is_held = held;
                if held { Ok(()) } else { self.grant(Source::Log) }
            }
            Wish::Watch => self.read(Source::Nodes, Reader::of_table(), now),
            Wish::Send { node, life, bytes } => {
                // What cannot be sent is lost, as it may be.
                if is_node(&node) {
                    let _ = self.publish(self.names.life(&node, life), None, None, bytes);
                }
                Ok(())
            }
        }
    }

    fn ask(&mut self, id: RequestId, request: Request, now: Instant) -> Result<(), Unsent> {
        match request {
            Request::Append { subject, bytes } => {
                self.store(Asked::Append(id), self.names.record(subject), None, bytes, now)
            }
            Request::Put { key, bytes, after } if is_key(&key) => {
                let subject = self.names.key(&key);
                let asked = match after {
                    Some(_) => Asked::Write(id),
                    None => Asked::Create(id, Creating { key, bytes: bytes.clone() }),
                };
                let after = after.map_or(0, |Revision(at)| at);
                self.store(asked, subject, Some(after), bytes, now)
            }
            Request::Get { key } if is_key(&key) => {
                self.question(Asked::Get(id), api::get_last(&self.names, &key), now)
            }
            Request::Put { .. } | Request::Get { .. } => Err(Unsent::Unfit),
        }
    }

    /// Asks for something to be stored, after the last writing of its key that it is held against.
    fn store(
        &mut self,
        asked: Asked,
        subject: String,
        after: Option<u64>,
        bytes: Bytes,
        now: Instant,
    ) -> Result<(), Unsent> {
        let headers = after.map(|after| {
            let mut headers = HeaderMap::new();
            headers.insert(api::EXPECTED, after.to_string());
            headers
        });
        let number = self.waiting.add(asked, now);
        let reply = format!("{}.a.{number}", self.inbox);
        self.publish(subject, Some(reply), headers, bytes).inspect_err(|_| {
            self.waiting.take(number);
        })
    }

    fn question(&mut self, asked: Asked, question: Question, now: Instant) -> Result<(), Unsent> {
        self.store(asked, question.subject, None, question.body, now)
    }

    /// Sends something at once or not at all: this waits for nothing.
    fn publish(
        &self,
        subject: String,
        reply: Option<String>,
        headers: Option<HeaderMap>,
        bytes: Bytes,
    ) -> Result<(), Unsent> {
        let client = &self.client;
        let sent = match (reply, headers) {
            (Some(reply), Some(headers)) => {
                unconstrained(client.publish_with_reply_and_headers(subject, reply, headers, bytes))
                    .now_or_never()
            }
            (Some(reply), None) => {
                unconstrained(client.publish_with_reply(subject, reply, bytes)).now_or_never()
            }
            (None, _) => unconstrained(client.publish(subject, bytes)).now_or_never(),
        };
        match sent {
            Some(Ok(())) => Ok(()),
            Some(Err(error)) => match error.kind() {
                PublishErrorKind::MaxPayloadExceeded | PublishErrorKind::InvalidSubject => {
                    Err(Unsent::Unfit)
                }
                PublishErrorKind::Send => Err(Unsent::Stuck),
            },
            None => Err(Unsent::Stuck),
        }
    }

    fn stream(&mut self, source: Source) -> &mut Option<Stream> {
        match source {
            Source::Log => &mut self.log,
            Source::Nodes => &mut self.nodes,
        }
    }

    fn stream_name(&self, source: Source) -> String {
        match source {
            Source::Log => self.names.log(),
            Source::Nodes => self.names.table(),
        }
    }

    /// Begins to read a stream, or begins anew.
    fn read(&mut self, source: Source, reader: Reader, now: Instant) -> Result<(), Loss> {
        let old = self.stream(source).replace(Stream { reader, messages: None });
        if let Some(name) = old.as_ref().and_then(|old| old.reader.name()) {
            self.end_reader(source, name);
        }
        self.make_reader(source, now)
    }

    /// Has the reader of a stream be made anew, from where it is.
    fn make_reader(&mut self, source: Source, now: Instant) -> Result<(), Loss> {
        self.readers += 1;
        let number = self.readers;
        let Some(stream) = self.stream(source) else { return Ok(()) };
        let old = stream.reader.name().map(str::to_owned);
        let from = stream.reader.restart(number);
        stream.messages = None;
        if let Some(old) = old {
            self.end_reader(source, &old);
        }
        let subscribing = self.client.subscribe(format!("{}.r.{number}", self.inbox));
        let messages =
            unconstrained(subscribing).now_or_never().and_then(Result::ok).ok_or(Loss::Broken)?;
        if let Some(stream) = self.stream(source) {
            stream.messages = Some(messages);
        }
        let subjects = match source {
            Source::Log => self.names.log_subjects(),
            Source::Nodes => self.names.table_subjects(),
        };
        let question = api::make_reader(&self.stream_name(source), &subjects, from);
        self.question(Asked::Reader(source, number), question, now).map_err(|_| Loss::Broken)
    }

    /// One that nobody asks goes by itself, so nothing depends on this.
    fn end_reader(&self, source: Source, name: &str) {
        let question = api::end_reader(&self.stream_name(source), name);
        let _ = self.publish(question.subject, None, None, question.body);
    }

    /// Asks for what is read next, where it is time.
    fn grant(&mut self, source: Source) -> Result<(), Loss> {
        if source == Source::Log && self.is_held {
            return Ok(());
        }
        let Some(stream) = self.stream(source) else { return Ok(()) };
        let number = stream.reader.number();
        let (Some(more), Some(name)) = (stream.reader.wants(), stream.reader.name()) else {
            return Ok(());
        };
        let name = name.to_owned();
        let question = api::next(&self.stream_name(source), &name, more);
        let reply = format!("{}.r.{number}", self.inbox);
        self.publish(question.subject, Some(reply), None, question.body).map_err(|_| Loss::Broken)
    }

    /// Something came.
    pub(super) fn came(&mut self, came: Came, out: &mut Notices, now: Instant) -> Result<(), Loss> {
        match came {
            Came::Reply(message) => self.reply(&message, out, now),
            Came::Read(source, message) => self.delivered(source, message, out, now),
            Came::Sent(bytes) => {
                out.push_back(Notice::Sent(bytes));
                Ok(())
            }
            Came::Over => Err(Loss::Broken),
        }
    }

    fn reply(&mut self, message: &Message, out: &mut Notices, now: Instant) -> Result<(), Loss> {
        let number = message.subject.rsplit('.').next().and_then(|number| number.parse().ok());
        // One that comes late has been answered by then.
        let Some(asked) = number.and_then(|number| self.waiting.take(number)) else {
            return Ok(());
        };
        let answered = |out: &mut Notices, id, answer| {
            out.push_back(Notice::Answered(id, answer));
            Ok(())
        };
        match asked {
            Asked::Append(id) => match self.stored(message) {
                Stored::At(at) => answered(out, id, Answer::Appended(Position(at))),
                other => answered(out, id, not_stored(&other)),
            },
            Asked::Write(id) => match self.stored(message) {
                Stored::At(at) => answered(out, id, Answer::Written(Revision(at))),
                other => answered(out, id, not_stored(&other)),
            },
            Asked::Create(id, creating) => match self.stored(message) {
                Stored::At(at) => answered(out, id, Answer::Written(Revision(at))),
                // Its end stands there, perhaps.
                Stored::Behind => {
                    let question = api::get_last(&self.names, &creating.key);
                    match self.question(Asked::Ended(id, creating), question, now) {
                        Ok(()) => Ok(()),
                        // The first request has done nothing.
                        Err(_) => answered(out, id, Answer::Behind),
                    }
                }
                other => answered(out, id, not_stored(&other)),
            },
            Asked::Ended(id, Creating { key, bytes }) => {
                let last = match Reply::of(message) {
                    Some(Reply::Done(value)) => Last::of(&value),
                    Some(Reply::Failed(_) | Reply::Nobody) | None => None,
                };
                let Some(Last { revision: Revision(after), value: None }) = last else {
                    return answered(out, id, Answer::Behind);
                };
                let subject = self.names.key(&key);
                match self.store(Asked::Write(id), subject, Some(after), bytes, now) {
                    Ok(()) => Ok(()),
                    Err(_) => answered(out, id, Answer::Behind),
                }
            }
            Asked::Get(id) => {
                let answer = match Reply::of(message) {
                    Some(Reply::Done(value)) => Last::of(&value).map_or(Answer::Unknown, |last| {
                        Answer::Value(last.value.map(|value| (last.revision, value)))
                    }),
                    Some(Reply::Failed(error)) if error.is_no_message() => Answer::Value(None),
                    Some(Reply::Failed(_) | Reply::Nobody) | None => Answer::Unknown,
                };
                answered(out, id, answer)
            }
            Asked::Beat(source, seen) => {
                let is_held_up = out.len() >= READ_AHEAD / 2;
                self.beat(source, seen, message, is_held_up, out, now)
            }
            Asked::Reader(source, number) => self.reader_made(source, number, message),
        }
    }

    /// How storing something ended. That the engine has no room is told once, and once that it has again.
    fn stored(&mut self, message: &Message) -> Stored {
        let stored = Stored::of(message);
        match &stored {
            Stored::Refused(why) if !self.is_refusing => {
                self.is_refusing = true;
                warn!(
                    event = event::ENGINE;
                    "the engine refuses to store anything: {why}. Look at its disk, and at max_file_store in its \
                     configuration"
                );
            }
            Stored::At(_) if self.is_refusing => {
                self.is_refusing = false;
                info!(event = event::ENGINE; "the engine stores again");
            }
            Stored::At(_) | Stored::Refused(_) | Stored::Behind | Stored::Unknown => {}
        }
        stored
    }

    fn reader_made(&mut self, source: Source, number: u64, message: &Message) -> Result<(), Loss> {
        let made = match Reply::of(message) {
            Some(Reply::Done(value)) => api::reader_of(&value),
            Some(Reply::Failed(_) | Reply::Nobody) | None => None,
        };
        let Some((name, pending)) = made else { return Err(Loss::Unreadable) };
        match self.stream(source) {
            Some(stream) if stream.reader.number() == number => {
                stream.reader.is_made(name, pending);
                self.grant(source)
            }
            // It was asked for anew meanwhile.
            _ => {
                self.end_reader(source, &name);
                Ok(())
            }
        }
    }

    /// The engine has said how a stream is.
    fn beat(
        &mut self,
        source: Source,
        seen: u64,
        message: &Message,
        is_held_up: bool,
        out: &mut Notices,
        now: Instant,
    ) -> Result<(), Loss> {
        let info = match Reply::of(message) {
            Some(Reply::Done(value)) => StreamInfo::of(&value),
            Some(Reply::Failed(error)) if error.is_no_stream() => return Err(Loss::OtherLog),
            Some(Reply::Failed(_) | Reply::Nobody) | None => None,
        };
        let state = info.ok_or(Loss::Silent)?.state;
        // One that was made anew, or has lost what was read of it.
        let is_held_up = is_held_up || (source == Source::Log && self.is_held);
        let is_other = state.created_at != self.state.created_at || state.last.0 < seen;
        if source == Source::Log && is_other {
            return Err(Loss::OtherLog);
        }
        if source == Source::Log {
            out.push_back(Notice::LogEnds(state.last));
        }
        let Some(stream) = self.stream(source) else { return Ok(()) };
        // Where the node takes nothing, what came for it lies there.
        if stream.reader.hangs(state.last.0, now) && !is_held_up {
            warn!(event = event::ENGINE; "a reader of the engine hangs, and is made anew");
            return self.make_reader(source, now);
        }
        Ok(())
    }

    fn delivered(
        &mut self,
        source: Source,
        message: Message,
        out: &mut Notices,
        now: Instant,
    ) -> Result<(), Loss> {
        let Some(stream) = self.stream(source) else { return Ok(()) };
        // A word of the engine about the reader: it has ended, or somebody has removed it.
        if message.status.is_some() {
            return self.make_reader(source, now);
        }
        // Anybody may write to any subject, if they find it.
        let Some(place) = Place::of(&message) else { return Ok(()) };
        match stream.reader.takes(place) {
            Seen::Again => return self.grant(source),
            Seen::Gap => return self.make_reader(source, now),
            Seen::Next => {}
        }
        match source {
            Source::Log => {
                let subject = self.names.record_of(&message.subject);
                let (position, at, bytes) = (Position(place.sequence), place.at, message.payload);
                out.push_back(Notice::Delivered(Delivered { position, at, subject, bytes }));
            }
            Source::Nodes => {
                let bytes = (!api::ends_key(&message)).then_some(message.payload);
                let key = self.names.key_of(&message.subject);
                out.push_back(match key.filter(|key| is_node(key)) {
                    Some(key) => {
                        let (key, revision) = (key.to_owned(), Revision(place.sequence));
                        Notice::Written(Written { key, revision, at: place.at, bytes })
                    }
                    None => Notice::NoNode,
                });
            }
        }
        self.grant(source)
    }

    /// Looks for what is late.
    pub(super) fn look(&mut self, out: &mut Notices, now: Instant) -> Result<(), Loss> {
        while let Some(late) = self.waiting.take_late(now) {
            match late.request() {
                Some(id) => out.push_back(Notice::Answered(id, Answer::Unknown)),
                None => return Err(Loss::Silent),
            }
        }
        Ok(())
    }

    /// Asks the engine how the log is, and what else is read. The answer of each is waited for before another.
    pub(super) fn ask_how_it_is(&mut self, now: Instant) {
        for source in [Source::Log, Source::Nodes] {
            let is_read = source == Source::Log || self.stream(source).is_some();
            if is_read && !self.waiting.has_beat(source) {
                let question = api::info(&self.stream_name(source));
                // Where the connection takes nothing, what was asked before tells.
                let beat = Asked::Beat(source, self.came_up_to(source));
                let _ = self.question(beat, question, now);
            }
        }
    }

    /// The last message that has come of a stream.
    fn came_up_to(&mut self, source: Source) -> u64 {
        let came = |stream: &Stream| stream.reader.came();
        self.stream(source).as_ref().map(came).unwrap_or_default()
    }

    /// It is given up: whatever waits has no answer.
    pub(super) fn end(mut self, out: &mut Notices) {
        out.extend(
            self.waiting.take_all().into_iter().map(|id| Notice::Answered(id, Answer::Unknown)),
        );
    }
}

/// What is answered where something was not stored.
fn not_stored(stored: &Stored) -> Answer {
    match stored {
        Stored::Behind => Answer::Behind,
        Stored::Refused(_) => Answer::Refused,
        Stored::At(_) | Stored::Unknown => Answer::Unknown,
    }
}
