//! What a provider says when it gives no answer, and what that means: whether it comes as the status of HTTP or
//! inside a stream that began well.

use serde_json::Value;

use crate::ai::AiFailure;
use crate::ai::request::{Request, Turn};
use crate::chat::password::Secret;
use crate::chat::text::Line;

/// Most characters of a provider's words that the log tells.
const MAX_SAID_CHARS: usize = 300;
/// Words in a row that a provider's message must share with what was sent to it to count as quoting it.
const QUOTED_WORDS: usize = 3;
/// Bytes of the key that betray it: providers tell a key back with its middle masked.
const KEY_START_BYTES: usize = 4;

/// There is no answer, or no more of it.
#[derive(Clone, PartialEq, Eq)]
pub struct Refused {
    /// Why, as the asker is told.
    pub why: AiFailure,
    /// Whether what was sent is too long for the model.
    pub too_long: bool,
    /// Whether it is the wish for a report of tokens that it does not take.
    pub of_usage: bool,
    /// What the provider says, which may quote anything; see [`Refused::told`].
    said: String,
}

/// A provider's words may quote a user's.
impl std::fmt::Debug for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { why, too_long, of_usage, .. } = self;
        write!(f, "Refused({why:?}, too long: {too_long}, of usage: {of_usage})")
    }
}

/// What stands in an error, in whichever dialect.
#[derive(Default)]
struct Error {
    code: Option<u16>,
    message: String,
    /// The words for machines: codes, types, states and reasons.
    words: Vec<String>,
    /// The limits that are used up, by name: Gemini says all else alike of that of a minute and that of a day.
    limits: Vec<String>,
}

impl Error {
    /// That of a body or an event: `{"error":{…}}`, the same in an array, `{"error":"…"}`, or an object that is
    /// an error itself.
    fn of(value: &Value) -> Option<Self> {
        let value = value.as_array().and_then(|all| all.first()).unwrap_or(value);
        let error = match value.get("error") {
            Some(error) if !error.is_null() && error != &Value::Bool(false) => error,
            _ if value.get("object").and_then(Value::as_str) == Some("error") => value,
            _ => return None,
        };
        Some(Self::of_object(error))
    }

    fn of_object(error: &Value) -> Self {
        if let Some(message) = error.as_str() {
            return Self { message: message.to_owned(), ..Self::default() };
        }
        let text = |name: &str| error.get(name).and_then(Value::as_str).map(str::to_owned);
        // Mistral and FastAPI say what is wrong as a list of objects.
        let listed = |name: &str| {
            let value = error.get(name).filter(|value| value.is_array() || value.is_object());
            value.map(Value::to_string)
        };
        let message = text("message").or_else(|| text("detail"));
        let message = message.or_else(|| listed("message")).or_else(|| listed("detail"));
        let message = message.unwrap_or_default();
        let mut words: Vec<_> =
            ["code", "type", "status", "param"].iter().filter_map(|name| text(name)).collect();
        let details = || error.get("details").and_then(Value::as_array).into_iter().flatten();
        let reasons = details().filter_map(|one| one.get("reason"));
        words.extend(reasons.filter_map(Value::as_str).map(str::to_owned));
        let limits = details().filter_map(|one| one.get("violations")?.as_array()).flatten();
        let limits = limits.filter_map(|one| one.get("quotaId")?.as_str().map(str::to_owned));
        let limits = limits.collect();
        // Some gateways write the number as a text.
        let code = match error.get("code") {
            Some(Value::String(code)) => code.parse().ok(),
            code => code.and_then(Value::as_u64).and_then(|code| u16::try_from(code).ok()),
        };
        Self { code, message, words, limits }
    }

    /// Whether its message or one of its words has one of these in it.
    fn has(&self, any: &[&str]) -> bool {
        let all = std::iter::once(&self.message).chain(&self.words);
        all.map(|text| text.to_ascii_lowercase())
            .any(|text| any.iter().any(|part| text.contains(part)))
    }

    /// Whether no limit is used up but those of a minute, which is soon over.
    fn is_of_a_minute(&self) -> bool {
        !self.limits.is_empty() && self.limits.iter().all(|limit| limit.contains("PerMinute"))
    }

    /// The status that its words stand for, where it has no number: the first word that says something counts.
    fn implied(&self) -> u16 {
        let words = self.words.iter().map(|word| word.to_ascii_lowercase());
        let implied = |word: String| {
            STATUSES.iter().find(|(part, _)| word.contains(part)).map(|(_, status)| *status)
        };
        words.into_iter().find_map(implied).unwrap_or(500)
    }
}

/// The status that stands for a word with this in it, as whoever sends it would have sent that before the answer
/// began. What is more to the point comes first.
const STATUSES: [(&str, u16); 32] = [
    ("context_length", 400),
    ("exceed_context_size", 400),
    ("string_above_max_length", 400),
    ("too_long", 400),
    ("too_large", 413),
    ("content_policy", 400),
    ("content_filter", 400),
    ("moderation", 400),
    ("insufficient_quota", 429),
    ("quota_exceeded", 429),
    ("resource_exhausted", 429),
    ("rate_limit", 429),
    ("too_many_requests", 429),
    ("billing", 402),
    ("credit", 402),
    ("payment_required", 402),
    ("invalid_api_key", 401),
    ("api_key_invalid", 401),
    ("authentication", 401),
    ("unauthenticated", 401),
    ("unauthorized", 401),
    ("deactivated", 401),
    ("permission", 403),
    ("forbidden", 403),
    ("unsupported_country", 403),
    ("not_found", 404),
    ("invalid_model", 404),
    ("invalid_request", 400),
    ("invalid_argument", 400),
    ("invalid_prompt", 400),
    ("badrequest", 400),
    ("bad_request", 400),
];

const QUOTA: [&str; 6] = [
    "insufficient_quota",
    "resource_exhausted",
    "exceeded your current quota",
    "billing",
    "credit",
    "quota_",
];
const SETUP: [&str; 11] = [
    "api key",
    "api_key",
    "apikey",
    "model_not_found",
    "no such model",
    "location is not supported",
    "unsupported_country",
    "invalid_model",
    "invalid model",
    "authentication",
    "unauthorized",
];
const TOO_LONG: [&str; 10] = [
    "context_length",
    "context length",
    "context size",
    "context window",
    "exceed_context_size",
    "maximum number of tokens",
    "reduce the length",
    "prompt is too long",
    "too many tokens",
    "too large for model",
];
const MODERATED: [&str; 4] = ["moderation", "flagged", "content_policy", "content_filter"];

impl Refused {
    /// That a status other than 200 means, with its body.
    pub fn by_status(status: u16, body: &str) -> Self {
        let value = serde_json::from_str::<Value>(body).ok();
        let error = value.as_ref().map(|value| {
            // FastAPI and the like: an object that says no more than what is wrong.
            Error::of(value).unwrap_or_else(|| Error::of_object(value))
        });
        let plain = || Error { message: body.to_owned(), ..Error::default() };
        Self::judge(status, &error.unwrap_or_else(plain), body.trim().is_empty())
    }

    /// The error that an event of a stream is; none where it is none.
    pub(super) fn in_event(event: &Value) -> Option<Self> {
        let error = Error::of(event)?;
        Some(Self::judge(error.code.unwrap_or_else(|| error.implied()), &error, false))
    }

    /// What comes from a server that sends something else than events of the dialect, or ends an answer so.
    pub fn unusable(said: &str) -> Self {
        Self::of(AiFailure::Unavailable, said)
    }

    /// The prompt was refused.
    pub(super) fn prompt(said: &str) -> Self {
        Self::of(AiFailure::InvalidPrompt, said)
    }

    /// The same, which came with this.
    pub fn with(mut self, what: &str) -> Self {
        self.said = format!("{what} {}", self.said);
        self
    }

    fn of(why: AiFailure, said: &str) -> Self {
        Self { why, too_long: false, of_usage: false, said: said.to_owned() }
    }

    fn judge(status: u16, error: &Error, says_nothing: bool) -> Self {
        let of_prompt = matches!(status, 400 | 413 | 422);
        let too_long = status == 413 || of_prompt && error.has(&TOO_LONG);
        let model_unknown = error.has(&["model"])
            && error.has(&["not found", "does not exist", "not exist", "is not supported"]);
        let why = match status {
            402 => AiFailure::QuotaReached,
            429 if error.has(&QUOTA) && !error.is_of_a_minute() => AiFailure::QuotaReached,
            429 => AiFailure::RateLimited,
            403 if error.has(&MODERATED) => AiFailure::InvalidPrompt,
            401 | 403 => AiFailure::Misconfigured,
            // A page that says nothing may be of whoever stands before the provider.
            404 if says_nothing => AiFailure::Unavailable,
            404 => AiFailure::Misconfigured,
            400 | 413 | 422 if too_long => AiFailure::InvalidPrompt,
            400 | 422 if error.has(&SETUP) || model_unknown => AiFailure::Misconfigured,
            400 | 413 | 422 => AiFailure::InvalidPrompt,
            _ => AiFailure::Unavailable,
        };
        let of_usage = matches!(status, 400 | 422)
            && error.has(&["stream_options", "include_usage", "extra_forbidden", "extra inputs"]);
        let words = error.words.iter().map(String::as_str);
        let said = words.chain([error.message.as_str()]).filter(|word| !word.is_empty());
        let said = said.collect::<Vec<_>>().join(", ");
        Self { why, too_long, of_usage, said }
    }

    /// What the provider said, as the log tells it: one clean line without the key, and without what was sent.
    pub fn told(&self, key: &Secret, request: &Request) -> Line {
        let said = Line::joined(&self.said);
        let mut words: Vec<&str> = said.as_str().split(' ').collect();
        let key = key.expose();
        let start = &key[..key.floor_char_boundary(KEY_START_BYTES)];
        let quoted = quoted(&words, request);
        for (at, word) in words.iter_mut().enumerate() {
            if !start.is_empty() && (word.contains(start) || word.contains(key)) {
                *word = "****";
            } else if quoted[at] {
                *word = "…";
            }
        }
        words.dedup_by(|a, b| a == b && *a == "…");
        Line::clean(&words.join(" ")).beginning(MAX_SAID_CHARS)
    }
}

/// Which of these words are quotations of what was sent.
fn quoted(words: &[&str], request: &Request) -> Vec<bool> {
    let mut quoted = vec![false; words.len()];
    let sent: Vec<String> = request
        .turns
        .iter()
        .map(|Turn { text, .. }| plain(text))
        .filter(|t| !t.is_empty())
        .collect();
    // A short question may be quoted whole, without so many words in it.
    let newest = request.turns.last().map(|turn| turn.text.rsplit("asked: ").next().unwrap_or(""));
    let newest: Vec<String> =
        newest.unwrap_or_default().split_whitespace().map(plain).filter(|w| w.len() > 2).collect();
    let short = newest.len() < QUOTED_WORDS;
    for at in 0..words.len() {
        let some = &words[at..words.len().min(at + QUOTED_WORDS)];
        let phrase = plain(&some.join(" "));
        let is_quoted = some.len() == QUOTED_WORDS
            && phrase.len() > QUOTED_WORDS
            && sent.iter().any(|text| format!(" {text} ").contains(&format!(" {phrase} ")));
        if is_quoted {
            quoted[at..at + QUOTED_WORDS].fill(true);
        }
        if short && newest.contains(&plain(words[at])) {
            quoted[at] = true;
        }
    }
    quoted
}

/// Words alone, in small letters.
fn plain(text: &str) -> String {
    let words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_lowercase).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(question: &str) -> Request {
        let turn = Turn::user(format!("<bob> we meet at nine\n\nalice asked: {question}"));
        Request { system: String::new(), turns: vec![turn] }
    }

    #[test]
    fn the_log_tells_what_the_provider_says_without_key_and_texts() {
        let key = Secret::new("sk-abc-123456789");
        let cases = [
            ("API key not valid. Please pass one.", "API key not valid. Please pass one."),
            (
                "Incorrect API key provided: sk-a****6789. See x",
                "Incorrect API key provided: **** See x",
            ),
            ("bad input 'where is the treasure hidden?' in it", "bad input … in it"),
            ("no: \"We meet at nine\", really", "no: … really"),
            ("two\nrows \u{1b}[31mred", "two rows red"),
        ];
        for (said, want) in cases {
            let refused = Refused::unusable(said);
            let told = refused.told(&key, &asked("where is the treasure hidden?"));
            assert_eq!(told.as_str(), want, "{said}");
            assert!(!format!("{refused:?}").contains("key not"));
        }
        let told = Refused::unusable("the word sesame is bad").told(&key, &asked("Sesame?"));
        assert_eq!(told.as_str(), "the word … is bad");
        let long = Refused::unusable(&"x".repeat(9_999)).told(&key, &asked("why"));
        assert!(long.chars() <= MAX_SAID_CHARS + 1);
        let keyless = Refused::unusable("as it is").told(&Secret::new(""), &asked("why"));
        assert_eq!(keyless.as_str(), "as it is");
    }
}
