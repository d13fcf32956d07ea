//! What is said to the engine and what it says, beyond plain messages: the JSON of JetStream's interface, and what
//! stands in the headers and subjects of what it stores. Pure.
//!
//! It is spoken here, and not by the library: with nats-server 2.9 that one makes no tables, and it answers in no
//! order that a request could be told by. Fields that are not known are left alone, so that a newer engine will do.

use async_nats::{Message, StatusCode};
use bytes::Bytes;
use openssl::base64;
use serde_json::{Value, json};

use super::names::Names;
use super::{LOG_KEPT, READER_KEPT};
use crate::chat::history::UnixMillis;
use crate::cluster::engine::{LogState, Position, Revision};

/// The header that holds a writing against the last of its key.
pub(super) const EXPECTED: &str = "Nats-Expected-Last-Subject-Sequence";
/// The header of what is no value but the end of one.
const OPERATION: &str = "KV-Operation";

/// There is no such stream.
const STREAM_NOT_FOUND: u64 = 10_059;
/// There is no such message.
const MESSAGE_NOT_FOUND: u64 = 10_037;
/// The last of the subject is another one.
const WRONG_LAST: u64 = 10_071;
/// JetStream is on, but not for this user.
const NOT_FOR_ACCOUNT: u64 = 10_039;
/// Copies are for engines that are joined.
const NOT_JOINED: u64 = 10_074;
/// There are fewer engines than copies.
const TOO_FEW_PEERS: u64 = 10_005;
/// The subjects belong to another stream.
const SUBJECTS_TAKEN: u64 = 10_065;
/// The engine is starting, or its engines choose who leads.
const UNAVAILABLE: u64 = 10_008;

/// What the engine answers where it does not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ApiError {
    /// As HTTP has them.
    code: u64,
    /// As JetStream has them.
    number: u64,
    /// In words.
    pub(super) words: String,
}

impl ApiError {
    /// There is no such stream.
    pub(super) fn is_no_stream(&self) -> bool {
        self.number == STREAM_NOT_FOUND
    }

    /// There is no such message.
    pub(super) fn is_no_message(&self) -> bool {
        self.number == MESSAGE_NOT_FOUND
    }

    /// The last of the subject is another one.
    fn is_behind(&self) -> bool {
        self.number == WRONG_LAST
    }

    /// JetStream is not to be had.
    pub(super) fn is_no_jetstream(&self) -> bool {
        self.number == NOT_FOR_ACCOUNT
    }

    /// So many copies cannot be kept.
    pub(super) fn is_replicas(&self) -> bool {
        [NOT_JOINED, TOO_FEW_PEERS].contains(&self.number)
    }

    /// There are fewer engines now than that.
    pub(super) fn is_too_few(&self) -> bool {
        self.number == TOO_FEW_PEERS
    }

    /// The cluster's name is another's.
    pub(super) fn is_taken(&self) -> bool {
        self.number == SUBJECTS_TAKEN
    }

    /// Another time it may be done.
    pub(super) fn may_pass(&self) -> bool {
        self.code == 503 && self.number == UNAVAILABLE
    }
}

/// The answer to a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Reply {
    /// What was asked for, or what was done.
    Done(Value),
    /// It was not done.
    Failed(ApiError),
    /// Nobody is there who could do it.
    Nobody,
}

impl Reply {
    /// Reads one. What cannot be read was not said by JetStream.
    pub(super) fn of(message: &Message) -> Option<Self> {
        if message.status == Some(StatusCode::NO_RESPONDERS) {
            return Some(Self::Nobody);
        }
        Self::read(&message.payload)
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let value: Value = serde_json::from_slice(bytes).ok()?;
        let Some(error) = value.get("error") else {
            return value.is_object().then_some(Self::Done(value));
        };
        let number = |key| error.get(key).and_then(Value::as_u64).unwrap_or_default();
        let words = error.get("description").and_then(Value::as_str).unwrap_or_default();
        let words = words.chars().filter(|c| !c.is_control()).take(200).collect();
        Some(Self::Failed(ApiError { code: number("code"), number: number("err_code"), words }))
    }
}

/// How storing something ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Stored {
    /// It stands there.
    At(u64),
    /// The last of its subject was another.
    Behind,
    /// It was refused, for whatever reason.
    Refused(String),
    /// Nobody was there, or nobody could read the answer.
    Unknown,
}

impl Stored {
    pub(super) fn of(message: &Message) -> Self {
        match Reply::of(message) {
            Some(Reply::Done(value)) => {
                value.get("seq").and_then(Value::as_u64).map_or(Self::Unknown, Self::At)
            }
            Some(Reply::Failed(error)) if error.is_behind() => Self::Behind,
            Some(Reply::Failed(error)) => Self::Refused(error.words),
            Some(Reply::Nobody) | None => Self::Unknown,
        }
    }
}

/// What a key was last written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Last {
    pub(super) revision: Revision,
    /// None where that was its end.
    pub(super) value: Option<Bytes>,
}

impl Last {
    /// Of the answer to [`get_last`].
    pub(super) fn of(reply: &Value) -> Option<Self> {
        let message = reply.get("message")?;
        let decoded = |key| match message.get(key).and_then(Value::as_str) {
            None | Some("") => Some(Vec::new()),
            Some(text) => base64::decode_block(text).ok(),
        };
        let revision = Revision(message.get("seq")?.as_u64()?);
        let headers = decoded("hdrs")?;
        let ended = String::from_utf8_lossy(&headers).lines().any(|line| {
            line.split_once(':')
                .is_some_and(|(name, value)| name == OPERATION && is_end(value.trim()))
        });
        let value = decoded("data")?;
        Some(Self { revision, value: (!ended).then(|| value.into()) })
    }
}

/// Whether an operation is the end of a key.
fn is_end(operation: &str) -> bool {
    ["DEL", "PURGE"].contains(&operation)
}

/// Whether a message of the table is the end of its key, which an operator's client of the engine wrote.
pub(super) fn ends_key(message: &Message) -> bool {
    let operation = message.headers.as_ref().and_then(|headers| headers.get(OPERATION));
    operation.is_some_and(|operation| is_end(operation.as_str()))
}

/// Where a message stands in its stream: its subject to acknowledge it says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) sequence: u64,
    pub(super) at: UnixMillis,
}

impl Place {
    pub(super) fn of(message: &Message) -> Option<Self> {
        Self::read(message.reply.as_deref()?)
    }

    /// `$JS.ACK.<stream>.<consumer>.<delivered>.<sequence>.<of the consumer>.<nanoseconds>.<pending>`; newer
    /// engines have a domain and an account before the stream.
    fn read(subject: &str) -> Option<Self> {
        let parts: Vec<&str> = subject.strip_prefix("$JS.ACK.")?.split('.').collect();
        let numbers = match parts.len() {
            7 => parts.get(2..)?,
            9.. => parts.get(4..)?,
            _ => return None,
        };
        let number = |at: usize| numbers.get(at)?.parse::<u64>().ok();
        Some(Self { sequence: number(1)?, at: UnixMillis(number(3)? / 1_000_000) })
    }
}

/// A stream as the engine describes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct StreamInfo {
    pub(super) state: LogState,
    pub(super) replicas: u64,
}

impl StreamInfo {
    pub(super) fn of(reply: &Value) -> Option<Self> {
        let created: jiff::Timestamp = reply.get("created")?.as_str()?.parse().ok()?;
        let state = reply.get("state")?;
        let number = |key| state.get(key).and_then(Value::as_u64);
        let last = number("last_seq")?;
        let first = if number("messages")? == 0 { last + 1 } else { number("first_seq")? };
        let created_at = UnixMillis(u64::try_from(created.as_millisecond()).ok()?);
        let config = reply.get("config")?;
        let founded = config.get("description").and_then(Value::as_str) == Some(FOUNDED);
        let (first, last) = (Position(first), Position(last));
        let state = LogState { created_at, first, last, founded };
        Some(Self { state, replicas: config.get("num_replicas")?.as_u64()? })
    }
}

/// A new reader: its name, and how much there is for it.
pub(super) fn reader_of(reply: &Value) -> Option<(String, u64)> {
    Some((reply.get("name")?.as_str()?.to_owned(), reply.get("num_pending")?.as_u64()?))
}

/// A request: where it goes, and what is in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Question {
    pub(super) subject: String,
    pub(super) body: Bytes,
}

impl Question {
    fn new(subject: String, body: Value) -> Self {
        Self { subject: format!("$JS.API.{subject}"), body: body.to_string().into() }
    }
}

/// How a stream is.
pub(super) fn info(stream: &str) -> Question {
    Question { subject: format!("$JS.API.STREAM.INFO.{stream}"), body: Bytes::new() }
}

/// What the log is said to be that began with what a database had.
const FOUNDED: &str = "lobbyd: began with a database";

/// The configuration of the log. Nothing is taken out of it but by its age, and nobody may.
fn log_config(names: &Names, replicas: u64, founded: bool) -> Value {
    json!({
        "name": names.log(),
        "description": if founded { FOUNDED } else { "" },
        "subjects": [names.log_subjects()],
        "retention": "limits",
        "storage": "file",
        "discard": "old",
        "max_age": nanos(LOG_KEPT),
        "max_msgs": -1, "max_bytes": -1, "max_consumers": -1, "max_msg_size": -1,
        "num_replicas": replicas,
        "deny_delete": true,
        "deny_purge": true,
    })
}

/// The configuration of the table, as that of a bucket of any client of the engine that keeps no history.
fn table_config(names: &Names, replicas: u64) -> Value {
    json!({
        "name": names.table(),
        "subjects": [names.table_subjects()],
        "retention": "limits",
        "storage": "file",
        "discard": "new",
        "max_msgs_per_subject": 1,
        "max_msgs": -1, "max_bytes": -1, "max_consumers": -1, "max_msg_size": -1, "max_age": 0,
        "num_replicas": replicas,
        "deny_delete": true,
        "allow_rollup_hdrs": true,
    })
}

/// Makes the log. Where there is the same, it is that.
pub(super) fn make_log(names: &Names, replicas: u64, founded: bool) -> Question {
    Question::new(format!("STREAM.CREATE.{}", names.log()), log_config(names, replicas, founded))
}

/// Removes a stream with all that is in it.
pub(super) fn remove(stream: &str) -> Question {
    Question { subject: format!("$JS.API.STREAM.DELETE.{stream}"), body: Bytes::new() }
}

/// Has the log be kept in so many copies.
pub(super) fn alter_log(names: &Names, replicas: u64, founded: bool) -> Question {
    Question::new(format!("STREAM.UPDATE.{}", names.log()), log_config(names, replicas, founded))
}

/// Makes the table. Where there is the same, it is that.
pub(super) fn make_table(names: &Names, replicas: u64) -> Question {
    Question::new(format!("STREAM.CREATE.{}", names.table()), table_config(names, replicas))
}

/// Has the table be kept in so many copies.
pub(super) fn alter_table(names: &Names, replicas: u64) -> Question {
    Question::new(format!("STREAM.UPDATE.{}", names.table()), table_config(names, replicas))
}

/// A reader of a stream that hands out what it is asked for, and goes some time after nobody asks.
pub(super) fn make_reader(stream: &str, subjects: &str, from: From) -> Question {
    let mut config = json!({
        "ack_policy": "none",
        "replay_policy": "instant",
        "inactive_threshold": nanos(READER_KEPT),
        "mem_storage": true,
        "num_replicas": 1,
    });
    match from {
        From::Sequence(sequence) => {
            config["deliver_policy"] = "by_start_sequence".into();
            config["opt_start_seq"] = sequence.max(1).into();
        }
        From::LastOfEach => {
            config["deliver_policy"] = "last_per_subject".into();
            config["filter_subject"] = subjects.into();
        }
    }
    let body = json!({ "stream_name": stream, "config": config });
    Question::new(format!("CONSUMER.CREATE.{stream}"), body)
}

/// Where a reader begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum From {
    /// With this one, or the first after it.
    Sequence(u64),
    /// With the last of each subject.
    LastOfEach,
}

/// Asks a reader for so many more.
pub(super) fn next(stream: &str, reader: &str, count: usize) -> Question {
    Question::new(format!("CONSUMER.MSG.NEXT.{stream}.{reader}"), json!({ "batch": count }))
}

/// Has a reader go at once.
pub(super) fn end_reader(stream: &str, reader: &str) -> Question {
    Question { subject: format!("$JS.API.CONSUMER.DELETE.{stream}.{reader}"), body: Bytes::new() }
}

/// What a key was last written, by the engine that leads: another may not know it yet.
pub(super) fn get_last(names: &Names, key: &str) -> Question {
    let body = json!({ "last_by_subj": names.key(key) });
    Question::new(format!("STREAM.MSG.GET.{}", names.table()), body)
}

/// The first writing in the table from this one on.
pub(super) fn next_in_table(names: &Names, from: u64) -> Question {
    let body = json!({ "seq": from, "next_by_subj": names.table_subjects() });
    Question::new(format!("STREAM.MSG.GET.{}", names.table()), body)
}

/// The key of a writing, and which one it is.
pub(super) fn key_of(names: &Names, reply: &Value) -> Option<(String, u64)> {
    let message = reply.get("message")?;
    let key = names.key_of(message.get("subject")?.as_str()?)?;
    Some((key.to_owned(), message.get("seq")?.as_u64()?))
}

fn nanos(time: std::time::Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_place_is_read_from_old_and_new_engines() {
        let want = Place { sequence: 42, at: UnixMillis(1_700_000_000_123) };
        for subject in [
            "$JS.ACK.S.C.1.42.7.1700000000123456789.9",
            "$JS.ACK.hub.ACC.S.C.1.42.7.1700000000123456789.9",
            "$JS.ACK.hub.ACC.S.C.1.42.7.1700000000123456789.9.token",
        ] {
            assert_eq!(Place::read(subject), Some(want), "{subject}");
        }
        for subject in
            ["", "$JS.ACK.", "$JS.ACK.S.C.1.42.7.x.9", "$JS.ACK.S.C.1.42.7.1", "_INBOX.1"]
        {
            assert_eq!(Place::read(subject), None, "{subject}");
        }
    }

    #[test]
    fn the_answers_of_nats_server_2_9_are_read() {
        let info = br#"{"type":"io.nats.jetstream.api.v1.stream_info_response","config":{"name":"L","num_replicas":1},
            "created":"2026-11-26T10:00:00.123456789Z","state":{"messages":0,"bytes":0,"first_seq":8,"last_seq":7}}"#;
        let Some(Reply::Done(value)) = Reply::read(info) else { panic!() };
        let found = StreamInfo::of(&value).unwrap();
        assert_eq!(
            (found.state.first, found.state.last, found.replicas),
            (Position(8), Position(7), 1)
        );
        assert_eq!(found.state.created_at, UnixMillis(1_795_687_200_123));
        let error =
            br#"{"error":{"code":400,"err_code":10071,"description":"wrong last sequence: 3\n"}}"#;
        let Some(Reply::Failed(error)) = Reply::read(error) else { panic!() };
        assert!(error.is_behind() && !error.is_no_stream());
        assert_eq!(error.words, "wrong last sequence: 3");
        let last = json!({"message": {"seq": 5, "data": "YW5u", "time": ""}});
        assert_eq!(
            Last::of(&last),
            Some(Last { revision: Revision(5), value: Some("ann".into()) })
        );
        let ended =
            json!({"message": {"seq": 6, "hdrs": "TkFUUy8xLjANCktWLU9wZXJhdGlvbjogREVMDQoNCg=="}});
        assert_eq!(Last::of(&ended), Some(Last { revision: Revision(6), value: None }));
    }

    proptest! {
        #[test]
        fn no_answer_makes_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..80), subject in "\\PC{0,60}") {
            let _ = (Reply::read(&bytes), Place::read(&subject));
            if let Ok(value) = serde_json::from_slice(&bytes) {
                let value: Value = value;
                let _ = (StreamInfo::of(&value), Last::of(&value), reader_of(&value));
            }
        }
    }
}
