//! How the console answers.

use serde_json::{Value, json};

/// Most bytes of a line of an answer: one of the faults of a reload, or one user, is far below.
pub const MAX_ANSWER_BYTES: usize = 256 * 1024;

/// A line of an answer. The last one is [`Done`](Self::Done) or [`Failed`](Self::Failed).
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// It is still being done: the server is there.
    Wait,
    /// One of the things that were asked for, or how far it has come.
    Item(Value),
    /// Something that the operator should know besides.
    Note(String),
    /// It is done, and this came of it.
    Done(Value),
    /// It is not done.
    Failed {
        /// Why not: a line for each reason.
        why: Vec<String>,
        /// Whether it was asked for wrongly.
        usage: bool,
    },
}

impl Answer {
    /// It is not done, for this one reason.
    pub fn failed(why: impl ToString) -> Self {
        Self::Failed { why: vec![why.to_string()], usage: false }
    }

    /// It was asked for wrongly.
    pub fn misused(why: impl ToString) -> Self {
        Self::Failed { why: vec![why.to_string()], usage: true }
    }

    /// Whether nothing comes after it.
    pub fn is_last(&self) -> bool {
        match self {
            Self::Wait | Self::Item(_) | Self::Note(_) => false,
            Self::Done(_) | Self::Failed { .. } => true,
        }
    }

    /// The line, with its end.
    pub fn to_line(&self) -> String {
        let value = match self {
            Self::Wait => json!({ "wait": true }),
            Self::Item(item) => json!({ "item": item }),
            Self::Note(note) => json!({ "note": note }),
            Self::Done(done) => json!({ "done": done }),
            Self::Failed { why, usage } => json!({ "failed": why, "usage": usage }),
        };
        format!("{value}\n")
    }

    /// Reads a line; none where it is no answer of this version.
    pub fn parse(line: &[u8]) -> Option<Self> {
        let Ok(Value::Object(mut fields)) = serde_json::from_slice(line) else { return None };
        if let Some(done) = fields.remove("done") {
            return Some(Self::Done(done));
        }
        if let Some(why) = fields.get("failed") {
            let why = why.as_array()?.iter().map(|line| line.as_str().map(str::to_owned));
            let usage = fields.get("usage").and_then(Value::as_bool).unwrap_or(false);
            return Some(Self::Failed { why: why.collect::<Option<_>>()?, usage });
        }
        if let Some(item) = fields.remove("item") {
            return Some(Self::Item(item));
        }
        if let Some(note) = fields.get("note") {
            return Some(Self::Note(note.as_str()?.to_owned()));
        }
        fields.contains_key("wait").then_some(Self::Wait)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_answer_is_a_line_and_is_read_as_it_was() {
        for (answer, line, last) in [
            (Answer::Wait, r#"{"wait":true}"#, false),
            (Answer::Item(json!({"left": 3})), r#"{"item":{"left":3}}"#, false),
            (Answer::Note("two\nrows".into()), r#"{"note":"two\nrows"}"#, false),
            (Answer::Done(Value::Null), r#"{"done":null}"#, true),
            (Answer::failed("no"), r#"{"failed":["no"],"usage":false}"#, true),
            (Answer::misused("no"), r#"{"failed":["no"],"usage":true}"#, true),
        ] {
            assert_eq!(answer.to_line(), format!("{line}\n"));
            assert_eq!(answer.is_last(), last, "{line}");
            assert_eq!(Answer::parse(line.as_bytes()), Some(answer), "{line}");
        }
    }

    #[test]
    fn what_is_no_answer_is_none() {
        for line in ["", "hello", "[]", "{}", r#"{"note":1}"#, r#"{"failed":"x"}"#] {
            assert_eq!(Answer::parse(line.as_bytes()), None, "{line}");
        }
    }
}
