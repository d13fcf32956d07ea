//! The dialect of the Gemini API: what is sent to it, and what an event of its answer says.
//!
//! Source: `models.streamGenerateContent` of the Gemini API, version v1beta.

use serde_json::{Value, json};

use super::{Dialect, Piece, Post};
use crate::ai::AiFailure;
use crate::ai::request::{Request, Role};
use crate::chat::password::Secret;

/// The functions of this file.
pub const DIALECT: Dialect = Dialect { post, read_event, read_error };

/// The streaming method of `model`. The key goes in a header, since paths stand in logs.
fn post(model: &str, key: &Secret, request: &Request) -> Post {
    Post {
        path: format!("/v1beta/models/{model}:streamGenerateContent?alt=sse"),
        headers: vec![
            ("content-type", Secret::new("application/json")),
            ("x-goog-api-key", key.clone()),
        ],
        body: body(request),
    }
}

fn body(Request { system, turns }: &Request) -> String {
    let contents: Vec<Value> = turns
        .iter()
        .map(|turn| {
            let role = match turn.role {
                Role::User => "user",
                Role::Assistant => "model",
            };
            json!({ "role": role, "parts": [{ "text": turn.text }] })
        })
        .collect();
    json!({
        "system_instruction": { "parts": [{ "text": system }] },
        "contents": contents,
    })
    .to_string()
}

/// Reads the data of one event.
///
/// # Errors
/// [`AiFailure::InvalidPrompt`] where the prompt was blocked; [`AiFailure::Unavailable`] for an
/// error inside the stream, a stop for any reason but the end or the length, and what is no JSON.
pub fn read_event(data: &str) -> Result<Piece, AiFailure> {
    let event: Value = serde_json::from_str(data).map_err(|_| AiFailure::Unavailable)?;
    if let Some(error) = event.get("error").filter(|error| !error.is_null()) {
        let status = error.get("code").and_then(Value::as_u64).unwrap_or(500);
        return Err(read_error(u16::try_from(status).unwrap_or(500), data));
    }
    if event.pointer("/promptFeedback/blockReason").is_some_and(Value::is_string) {
        return Err(AiFailure::InvalidPrompt);
    }
    let Some(candidate) = event.pointer("/candidates/0") else {
        return Ok(Piece::default());
    };
    let finished = match candidate.get("finishReason").and_then(Value::as_str) {
        None | Some("FINISH_REASON_UNSPECIFIED") => false,
        Some("STOP" | "MAX_TOKENS") => true,
        Some(_) => return Err(AiFailure::Unavailable),
    };
    let parts = candidate.pointer("/content/parts").and_then(Value::as_array);
    let text = parts
        .into_iter()
        .flatten()
        .filter(|part| part.get("thought") != Some(&Value::Bool(true)))
        .filter_map(|part| part.get("text").and_then(Value::as_str))
        .collect();
    Ok(Piece { text, finished })
}

/// What an HTTP status other than 200 means, together with its body.
pub fn read_error(status: u16, body: &str) -> AiFailure {
    match status {
        429 if has_quota_status(body) => AiFailure::QuotaReached,
        429 => AiFailure::RateLimited,
        400 => AiFailure::InvalidPrompt,
        _ => AiFailure::Unavailable,
    }
}

/// Whether an error body carries the status of a used-up quota. The streaming method may wrap it
/// into an array.
fn has_quota_status(body: &str) -> bool {
    let Ok(value) = serde_json::from_str::<Value>(body) else { return false };
    let error = value.pointer("/error").or_else(|| value.pointer("/0/error"));
    let status = error.and_then(|e| e.get("status")).and_then(Value::as_str);
    status.is_some_and(|s| s == "RESOURCE_EXHAUSTED" || s.contains("QUOTA"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ai::request::Turn;

    fn sent() -> Post {
        let turns = [
            Turn::user("alice asked: hi".into()),
            Turn::assistant("yo".into()),
            Turn::user("bob asked: why?".into()),
        ];
        let request = Request { system: "Be Rox".into(), turns: turns.into() };
        post("gemini-2.5-flash", &Secret::new("the-key"), &request)
    }

    #[test]
    fn the_request_alternates_turns_after_the_system_instruction() {
        let body: Value = serde_json::from_str(&sent().body).unwrap();
        assert_eq!(
            body,
            json!({
                "system_instruction": { "parts": [{ "text": "Be Rox" }] },
                "contents": [
                    { "role": "user", "parts": [{ "text": "alice asked: hi" }] },
                    { "role": "model", "parts": [{ "text": "yo" }] },
                    { "role": "user", "parts": [{ "text": "bob asked: why?" }] },
                ],
            })
        );
    }

    #[test]
    fn events_say_text_ends_and_failures() {
        let piece = |text: &str, finished| Ok(Piece { text: text.to_owned(), finished });
        let cases = [
            (
                r#"{"candidates":[{"content":{"parts":[{"text":"a"},{"text":"b"}]}}]}"#,
                piece("ab", false),
            ),
            (
                r#"{"candidates":[{"content":{"parts":[{"text":"x"}]},"finishReason":"STOP"}]}"#,
                piece("x", true),
            ),
            (r#"{"candidates":[{"finishReason":"MAX_TOKENS"}]}"#, piece("", true)),
            (
                r#"{"candidates":[{"content":{"parts":[{"text":"hm","thought":true},{"text":"x"}]}}]}"#,
                piece("x", false),
            ),
            (r#"{"usageMetadata":{"totalTokenCount":3}}"#, piece("", false)),
            (r#"{"candidates":[{"finishReason":"SAFETY"}]}"#, Err(AiFailure::Unavailable)),
            (r#"{"promptFeedback":{"blockReason":"SAFETY"}}"#, Err(AiFailure::InvalidPrompt)),
            (r#"{"promptFeedback":{"blockReason":null}}"#, piece("", false)),
            (r#"{"error":{"code":503,"status":"UNAVAILABLE"}}"#, Err(AiFailure::Unavailable)),
            (r#"{"error":{"code":400}}"#, Err(AiFailure::InvalidPrompt)),
            ("not json", Err(AiFailure::Unavailable)),
            (r#"{"candidates":"what"}"#, piece("", false)),
        ];
        for (data, want) in cases {
            assert_eq!(read_event(data), want, "{data}");
        }
    }

    #[test]
    fn statuses_map_to_failures() {
        let quota = r#"{"error":{"code":429,"status":"RESOURCE_EXHAUSTED"}}"#;
        let cases = [
            (429, "", AiFailure::RateLimited),
            (429, quota, AiFailure::QuotaReached),
            (429, &format!("[{quota}]"), AiFailure::QuotaReached),
            (429, r#"{"error":{"status":"TOO_MANY"}}"#, AiFailure::RateLimited),
            (400, "", AiFailure::InvalidPrompt),
            (500, quota, AiFailure::Unavailable),
            (404, "", AiFailure::Unavailable),
            (302, "", AiFailure::Unavailable),
        ];
        for (status, body, want) in cases {
            assert_eq!(read_error(status, body), want, "{status} {body}");
        }
    }

    #[test]
    fn the_key_is_in_a_header_alone() {
        let Post { path, headers, body } = sent();
        assert_eq!(path, "/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse");
        assert!(!body.contains("the-key"));
        let with_key: Vec<_> = headers.iter().filter(|(_, v)| v.expose() == "the-key").collect();
        assert_eq!(with_key, [&("x-goog-api-key", Secret::new("the-key"))]);
    }
}
