//! Who answers, and how each of them is talked to: the dialects, as pure code.
//!
//! All of them are asked by a `POST` over HTTP and answer by a stream of server-sent events. A further
//! one is a file with its [`Dialect`], and a row of [`Provider::dialect`].

pub mod gemini;
pub mod openai;
mod refused;

pub use refused::Refused;

use serde_json::Value;

use crate::ai::request::Request;
use crate::ai::usage::Usage;
use crate::chat::password::Secret;

/// Somebody whose models answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Provider {
    /// Google, by the Gemini API.
    Gemini,
    /// Whoever speaks OpenAI's chat completions: Ollama, llama.cpp, vLLM, Groq, Mistral, OpenRouter, OpenAI.
    OpenAi,
}

impl Provider {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Gemini, Self::OpenAi];

    /// Their names, as they are set, in the same order.
    pub const NAMES: [&str; 2] = ["gemini", "openai"];

    /// The one table of dialects.
    pub fn dialect(self) -> Dialect {
        match self {
            Self::Gemini => gemini::DIALECT,
            Self::OpenAi => openai::DIALECT,
        }
    }
}

/// How a provider is talked to.
#[derive(Clone, Copy)]
pub struct Dialect {
    /// What is sent to have a request answered by the model of this name, with this key.
    pub post: fn(&Target<'_>, &Request) -> Post,
    /// What the data of one event of the answer say; a refusal ends the answer.
    pub read_event: fn(&str) -> Result<Piece, Refused>,
}

/// Whom a request is for.
pub struct Target<'a> {
    /// The name of the model.
    pub model: &'a str,
    /// The key; an empty one for a server that takes none.
    pub key: &'a Secret,
    /// Whether to ask for a report of the tokens, where one comes only when it is asked for.
    pub with_usage: bool,
}

/// A request in the words of a dialect.
pub struct Post {
    /// What comes after the address of the provider.
    pub path: String,
    /// Name and value of each header; any value may hold the key.
    pub headers: Vec<(&'static str, Secret)>,
    /// The body.
    pub body: String,
}

/// What one event adds to an answer.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Piece {
    /// Text to append; may be empty.
    pub text: String,
    /// How the answer ends, where the model says that it is done.
    pub finish: Option<Finish>,
    /// Tokens so far, where it says.
    pub usage: Option<Usage>,
}

/// How an answer ends that ends well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finish {
    /// As the model wanted.
    Whole,
    /// It has become too long for the model.
    Cut,
}

/// The JSON of an event. Some servers cut a text within a character that JSON writes as two escapes: each half is
/// U+FFFD then.
fn parse(data: &str) -> Result<Value, Refused> {
    let parsed = serde_json::from_str(data).or_else(|_| serde_json::from_str(&with_whole(data)));
    parsed.map_err(|_| Refused::unusable("an event is no JSON"))
}

/// Of several answers that a provider gives side by side, the first, which alone is shown.
fn first_of<'a>(event: &'a Value, answers: &str) -> Option<&'a Value> {
    let is_first = |answer: &&Value| {
        let index = answer.get("index").and_then(Value::as_i64);
        answer.is_object() && index.is_none_or(|index| index == 0)
    };
    event.get(answers)?.as_array()?.iter().find(is_first)
}

/// JSON in which every escape of a surrogate that is half of none is one of U+FFFD.
fn with_whole(json: &str) -> String {
    let (mut out, mut rest) = (String::with_capacity(json.len()), json);
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let (escape, length) = match (surrogate(rest), rest.get(6..).and_then(surrogate)) {
            (Some(0xD800..=0xDBFF), Some(0xDC00..=0xDFFF)) => (&rest[..12], 12),
            (Some(_), _) => ("\\ufffd", 6),
            (None, _) => {
                let length = rest.chars().take(2).map(char::len_utf8).sum();
                (&rest[..length], length)
            }
        };
        out.push_str(escape);
        rest = &rest[length..];
    }
    out.push_str(rest);
    out
}

/// That which the escape stands for which a text begins with.
fn surrogate(json: &str) -> Option<u16> {
    let digits = json.strip_prefix("\\u")?.get(..4)?;
    let unit = u16::from_str_radix(digits, 16).ok()?;
    (0xD800..=0xDFFF).contains(&unit).then_some(unit)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn half_a_character_is_none_and_all_else_stays_as_it_is() {
        let cases = [
            (r#""\ud83d\ude00""#, "\u{1f600}"),
            (r#""a\ud83d""#, "a\u{fffd}"),
            (r#""\ude00b""#, "\u{fffd}b"),
            (r#""\ud83d\ud83d\ude00""#, "\u{fffd}\u{1f600}"),
            (r#""\uD83Dx\u00e9""#, "\u{fffd}x\u{e9}"),
            (r#""\\ud83d \ud83d""#, "\\ud83d \u{fffd}"),
            (r#""\\\ud83d\n""#, "\\\u{fffd}\n"),
            (r#""\ude00\ud83d\"""#, "\u{fffd}\u{fffd}\""),
        ];
        for (json, want) in cases {
            assert_eq!(parse(json), Ok(Value::from(want)), "{json}");
        }
        for json in [r#""\ud83d"#, r#""\ud83""#, r#""\u+83d""#, "\"\\", "\\é"] {
            assert!(parse(json).is_err(), "{json}");
        }
    }

    proptest! {
        #[test]
        fn what_is_whole_is_left_alone(text in any::<String>(), json in r#"[\\ud83e0 "é]{0,30}"#) {
            let whole = Value::from(text).to_string();
            prop_assert_eq!(with_whole(&whole), whole);
            let _ = parse(&json);
        }
    }
}
