//! Messages as JSON, one a line, with the fields that programs read.

use jiff::Timestamp;
use serde_json::Value;

use crate::chat::history::{Entry, MessageKind, ROX, UnixMillis};
use crate::chat::name::Name;

/// A message of a lobby under its number there, without the end of the line.
///
/// Fields: `event` (`message`, `action` or, of Rox, `answer`), `id`, `at` (RFC 3339, UTC), `lobby`, `from`, `text`
/// (with `\n` between its rows), `tagged` where it tags somebody, and `to`, whom Rox answers. There may be more some
/// day.
pub fn message(lobby: &Name, seq: u64, entry: &Entry) -> String {
    let author = &entry.author.name;
    let (event, from, tagged) = match &entry.kind {
        MessageKind::Said | MessageKind::Asked => ("message", author.as_str(), None),
        MessageKind::Action => ("action", author.as_str(), None),
        MessageKind::Tag(whom) => ("message", author.as_str(), Some(whom)),
        MessageKind::Answer => ("answer", ROX, None),
    };
    let mut line = format!(
        r#"{{"event":"{event}","id":{seq},"at":"{}","lobby":"{lobby}","from":"{}","text":{}"#,
        rfc3339(entry.at),
        from,
        Value::from(entry.text.as_str())
    );
    if let Some(whom) = tagged {
        line.push_str(&format!(r#","tagged":"{whom}""#));
    }
    if entry.kind == MessageKind::Answer {
        line.push_str(&format!(r#","to":"{author}""#));
    }
    line.push('}');
    line
}

/// An instant as RFC 3339 has it; the last one that has a name where it is past all of them.
pub fn rfc3339(at: UnixMillis) -> Timestamp {
    let millis = i64::try_from(at.0).unwrap_or(i64::MAX);
    Timestamp::from_millisecond(millis).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::person::Person;
    use crate::chat::pictures::Picture;
    use crate::chat::text::Text;

    fn name(text: &str) -> Name {
        Name::parse(text).unwrap()
    }

    fn entry(at: u64, kind: MessageKind, text: &str) -> Entry {
        let author = Person::named(name("alice"));
        Entry {
            at: UnixMillis(at),
            picture: Picture::DEFAULT,
            author,
            kind,
            text: Text::clean(text),
        }
    }

    #[test]
    fn each_kind_of_message_has_its_fields() {
        for (entry, want) in [
            (
                entry(1_764_126_000_123, MessageKind::Said, r#"a "b" \ 👋"#),
                r#"{"event":"message","id":7,"at":"2025-11-26T03:00:00.123Z","lobby":"general","from":"alice","text":"a \"b\" \\ 👋"}"#,
            ),
            (
                entry(0, MessageKind::Said, "two\nrows"),
                r#"{"event":"message","id":7,"at":"1970-01-01T00:00:00Z","lobby":"general","from":"alice","text":"two\nrows"}"#,
            ),
            (
                entry(0, MessageKind::Action, "waves"),
                r#"{"event":"action","id":7,"at":"1970-01-01T00:00:00Z","lobby":"general","from":"alice","text":"waves"}"#,
            ),
            (
                entry(0, MessageKind::Asked, "why?"),
                r#"{"event":"message","id":7,"at":"1970-01-01T00:00:00Z","lobby":"general","from":"alice","text":"why?"}"#,
            ),
            (
                entry(0, MessageKind::Answer, "so\nit is"),
                r#"{"event":"answer","id":7,"at":"1970-01-01T00:00:00Z","lobby":"general","from":"Rox","text":"so\nit is","to":"alice"}"#,
            ),
            (
                entry(0, MessageKind::Tag(name("bob")), "look"),
                r#"{"event":"message","id":7,"at":"1970-01-01T00:00:00Z","lobby":"general","from":"alice","text":"look","tagged":"bob"}"#,
            ),
        ] {
            let line = message(&name("general"), 7, &entry);
            assert_eq!(line, want);
            let read: Value = serde_json::from_str(&line).unwrap();
            assert_eq!(read["text"], entry.text.as_str());
        }
    }

    #[test]
    fn a_time_that_no_clock_shows_is_no_fault() {
        assert!(
            message(&name("general"), 0, &entry(u64::MAX, MessageKind::Said, "x")).contains("Z")
        );
    }
}
