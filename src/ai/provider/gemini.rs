//! The dialect of the Gemini API: what is sent to it, and what an event of its answer says.
//!
//! Source: `models.streamGenerateContent` of the Gemini API, version v1beta.

use serde_json::{Value, json};

use super::{Dialect, Finish, Piece, Post, Refused, Target, first_of, parse};
use crate::ai::request::{Request, Role};
use crate::ai::usage::Usage;
use crate::chat::password::Secret;

/// The functions of this file.
pub const DIALECT: Dialect = Dialect { post, read_event };

/// The streaming method of `model`. The key goes in a header, since paths stand in logs.
fn post(Target { model, key, .. }: &Target<'_>, request: &Request) -> Post {
    Post {
        path: format!("/v1beta/models/{model}:streamGenerateContent?alt=sse"),
        headers: vec![
            ("content-type", Secret::new("application/json")),
            ("x-goog-api-key", (*key).clone()),
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
/// For a prompt that was blocked, an error inside the stream, a stop for any reason but the end or the length, and
/// what is no JSON.
pub fn read_event(data: &str) -> Result<Piece, Refused> {
    let event = parse(data)?;
    if let Some(refused) = Refused::in_event(&event) {
        return Err(refused);
    }
    if let Some(why) = event.pointer("/promptFeedback/blockReason").and_then(Value::as_str) {
        return Err(Refused::prompt(&format!("blockReason {why}")));
    }
    let usage = event.get("usageMetadata").and_then(usage);
    let Some(candidate) = first_of(&event, "candidates") else {
        return Ok(Piece { usage, ..Piece::default() });
    };
    let finish = match candidate.get("finishReason").and_then(Value::as_str) {
        None | Some("" | "FINISH_REASON_UNSPECIFIED") => None,
        Some("STOP") => Some(Finish::Whole),
        Some("MAX_TOKENS") => Some(Finish::Cut),
        Some(why) => return Err(Refused::unusable(&format!("finishReason {why}"))),
    };
    let parts = candidate.pointer("/content/parts").and_then(Value::as_array);
    let text = parts
        .into_iter()
        .flatten()
        .filter(|part| part.get("thought") != Some(&Value::Bool(true)))
        .filter_map(|part| part.get("text").and_then(Value::as_str))
        .collect();
    Ok(Piece { text, finish, usage })
}

fn usage(usage: &Value) -> Option<Usage> {
    let count = |name: &str| usage.get(name).and_then(Value::as_u64);
    let total = count("totalTokenCount");
    let question = count("promptTokenCount").or(total)?;
    let parts = ["candidatesTokenCount", "thoughtsTokenCount"].map(|name| count(name).unwrap_or(0));
    let answer = total.map_or(0, |total| total.saturating_sub(question));
    Some(Usage { question, answer: answer.max(parts.iter().sum()) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ai::AiFailure;
    use crate::ai::request::Turn;

    fn sent() -> Post {
        let turns = [
            Turn::user("alice asked: hi".into()),
            Turn::assistant("yo".into()),
            Turn::user("bob asked: why?".into()),
        ];
        let request = Request { system: "Be Rox".into(), turns: turns.into() };
        let key = Secret::new("the-key");
        post(&Target { model: "gemini-2.5-flash", key: &key, with_usage: true }, &request)
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
    fn events_say_text_ends_usage_and_failures() {
        let piece = |text: &str, finish| Ok(Piece { text: text.to_owned(), finish, usage: None });
        let used = |question, answer| {
            Ok(Piece { usage: Some(Usage { question, answer }), ..Piece::default() })
        };
        let cases = [
            (
                r#"{"candidates":[{"content":{"parts":[{"text":"a"},{"text":"b"}]}}]}"#,
                piece("ab", None),
            ),
            (
                r#"{"candidates":[{"content":{"parts":[{"text":"x"}]},"finishReason":"STOP"}]}"#,
                piece("x", Some(Finish::Whole)),
            ),
            (r#"{"candidates":[{"finishReason":"MAX_TOKENS"}]}"#, piece("", Some(Finish::Cut))),
            (
                r#"{"candidates":[{"content":{"parts":[{"text":"hm","thought":true},{"text":"x"}]}}]}"#,
                piece("x", None),
            ),
            (r#"{"usageMetadata":{"totalTokenCount":3}}"#, used(3, 0)),
            (
                r#"{"usageMetadata":{"promptTokenCount":5,"candidatesTokenCount":2,"thoughtsTokenCount":9,"totalTokenCount":16}}"#,
                used(5, 11),
            ),
            (r#"{"usageMetadata":{"promptTokenCount":5,"candidatesTokenCount":2}}"#, used(5, 2)),
            (r#"{"usageMetadata":{}}"#, piece("", None)),
            (r#"{"promptFeedback":{"blockReason":null}}"#, piece("", None)),
            (r#"{"candidates":"what"}"#, piece("", None)),
            (
                r#"{"candidates":[{"index":1,"content":{"parts":[{"text":"b"}]},"finishReason":"STOP"}]}"#,
                piece("", None),
            ),
            (
                r#"{"candidates":[{"content":{"parts":[{"text":"\ude00 x"}]}}]}"#,
                piece("\u{fffd} x", None),
            ),
        ];
        for (data, want) in cases {
            assert_eq!(read_event(data), want, "{data}");
        }
        let refusals = [
            (r#"{"candidates":[{"finishReason":"SAFETY"}]}"#, AiFailure::Unavailable),
            (r#"{"promptFeedback":{"blockReason":"SAFETY"}}"#, AiFailure::InvalidPrompt),
            (r#"{"error":{"code":503,"status":"UNAVAILABLE"}}"#, AiFailure::Unavailable),
            (r#"{"error":{"code":400}}"#, AiFailure::InvalidPrompt),
            (r#"{"error":{"code":429}}"#, AiFailure::RateLimited),
            (r#"{"object":"error","code":402,"message":"m"}"#, AiFailure::QuotaReached),
            ("not json", AiFailure::Unavailable),
        ];
        for (data, want) in refusals {
            assert_eq!(read_event(data).map_err(|refused| refused.why), Err(want), "{data}");
        }
    }

    #[test]
    fn statuses_map_to_failures() {
        let quota = r#"{"error":{"code":429,"status":"RESOURCE_EXHAUSTED"}}"#;
        let key = r#"{"error":{"code":400,"message":"API key not valid.","status":"INVALID_ARGUMENT",
            "details":[{"reason":"API_KEY_INVALID"}]}}"#;
        let expired =
            r#"{"error":{"code":400,"message":"m","details":[{"reason":"API_KEY_INVALID"}]}}"#;
        let region = r#"{"error":{"code":400,"message":"User location is not supported for the API use.",
            "status":"FAILED_PRECONDITION"}}"#;
        let model =
            r#"{"error":{"code":404,"message":"models/x is not found","status":"NOT_FOUND"}}"#;
        let long = r#"{"error":{"code":400,"message":"The input token count (9) exceeds the maximum number of tokens allowed (8).",
            "status":"INVALID_ARGUMENT"}}"#;
        let used_up = |limits: &[&str]| {
            let violations: Vec<_> =
                limits.iter().map(|limit| json!({ "quotaId": limit, "quotaValue": "5" })).collect();
            let failure = json!({ "@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": violations });
            let retry =
                json!({ "@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "36s" });
            json!({ "error": { "code": 429, "status": "RESOURCE_EXHAUSTED",
                "message": "You exceeded your current quota, please check your plan and billing details.",
                "details": [failure, retry] } })
            .to_string()
        };
        let minute = "GenerateRequestsPerMinutePerProjectPerModel-FreeTier";
        let day = "GenerateRequestsPerDayPerProjectPerModel-FreeTier";
        let cases = [
            (429, &*used_up(&[minute]), AiFailure::RateLimited),
            (429, &used_up(&[minute, day]), AiFailure::QuotaReached),
            (429, &used_up(&[day]), AiFailure::QuotaReached),
            (429, &used_up(&[]), AiFailure::QuotaReached),
            (429, "", AiFailure::RateLimited),
            (429, quota, AiFailure::QuotaReached),
            (429, &format!("[{quota}]"), AiFailure::QuotaReached),
            (429, r#"{"error":{"status":"TOO_MANY"}}"#, AiFailure::RateLimited),
            (400, "", AiFailure::InvalidPrompt),
            (400, key, AiFailure::Misconfigured),
            (400, expired, AiFailure::Misconfigured),
            (400, region, AiFailure::Misconfigured),
            (403, r#"{"error":{"status":"PERMISSION_DENIED"}}"#, AiFailure::Misconfigured),
            (404, model, AiFailure::Misconfigured),
            (404, "", AiFailure::Unavailable),
            (500, quota, AiFailure::Unavailable),
            (302, "", AiFailure::Unavailable),
        ];
        for (status, body, want) in cases {
            assert_eq!(Refused::by_status(status, body).why, want, "{status} {body}");
        }
        assert!(Refused::by_status(400, long).too_long && !Refused::by_status(400, key).too_long);
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
