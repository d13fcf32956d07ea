//! The dialect of OpenAI's chat completions, which most servers of models speak: what is sent to them, and what an
//! event of their answer says.
//!
//! Source: `POST /v1/chat/completions` of the OpenAI API, and what Ollama, llama.cpp, vLLM, Groq, Mistral, DeepSeek
//! and OpenRouter make of it.

use serde_json::{Map, Value, json};

use super::{Dialect, Finish, Piece, Post, Refused, Target, first_of, parse};
use crate::ai::request::{Request, Role};
use crate::ai::usage::Usage;
use crate::chat::password::Secret;

/// The functions of this file.
pub const DIALECT: Dialect = Dialect { post, read_event };

/// The path, under an address that ends with the version.
const PATH: &str = "/chat/completions";

/// Without a bound on the answer: the names of that setting differ, and some servers refuse the one or the other.
fn post(Target { model, key, with_usage }: &Target<'_>, request: &Request) -> Post {
    let mut headers = vec![("content-type", Secret::new("application/json"))];
    if !key.expose().is_empty() {
        headers.push(("authorization", Secret::new(&format!("Bearer {}", key.expose()))));
    }
    let mut messages = vec![json!({ "role": "system", "content": request.system })];
    messages.extend(request.turns.iter().map(|turn| {
        let role = match turn.role {
            Role::User => "user",
            Role::Assistant => "assistant",
        };
        json!({ "role": role, "content": turn.text })
    }));
    let mut body = Map::new();
    body.insert("model".to_owned(), json!(model));
    body.insert("messages".to_owned(), Value::Array(messages));
    body.insert("stream".to_owned(), json!(true));
    if *with_usage {
        body.insert("stream_options".to_owned(), json!({ "include_usage": true }));
    }
    Post { path: PATH.to_owned(), headers, body: Value::Object(body).to_string() }
}

/// Reads the data of one event. What a model reasons is left out.
///
/// # Errors
/// For an error inside the stream, a stop for any reason but the end or the length, and what is no JSON.
pub fn read_event(data: &str) -> Result<Piece, Refused> {
    let event = parse(data)?;
    if let Some(refused) = Refused::in_event(&event) {
        return Err(refused);
    }
    // OpenRouter puts the error of whom it asks into the choice.
    let choice = first_of(&event, "choices");
    if let Some(refused) = choice.and_then(Refused::in_event) {
        return Err(refused);
    }
    let of_groq = || event.pointer("/x_groq/usage");
    let of_choice = || choice.and_then(|choice| choice.get("usage"));
    let reported = event.get("usage").filter(|usage| usage.is_object());
    let usage = reported.or_else(of_groq).or_else(of_choice).and_then(usage);
    let Some(choice) = choice else { return Ok(Piece { usage, ..Piece::default() }) };
    let finish = match choice.get("finish_reason").and_then(Value::as_str) {
        None | Some("") => None,
        Some("length" | "max_tokens" | "model_length") => Some(Finish::Cut),
        Some(why @ ("content_filter" | "tool_calls" | "function_call" | "error")) => {
            return Err(Refused::unusable(&format!("finish_reason {why}")));
        }
        Some(_) => Some(Finish::Whole),
    };
    let whole = || choice.get("message");
    let delta = choice.get("delta").filter(|delta| delta.is_object()).or_else(whole);
    let text = delta.and_then(|delta| delta.get("content")).map(content).unwrap_or_default();
    Ok(Piece { text, finish, usage })
}

/// A text, null, or parts of which some are text.
fn content(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => {
            let of_text =
                parts.iter().filter(|part| part.get("type") == Some(&Value::from("text")));
            of_text.filter_map(|part| part.get("text").and_then(Value::as_str)).collect()
        }
        _ => String::new(),
    }
}

fn usage(usage: &Value) -> Option<Usage> {
    let count = |name: &str| usage.get(name).and_then(Value::as_u64);
    let (prompt, total) = (count("prompt_tokens"), count("total_tokens"));
    let question = prompt.or(total)?;
    let answer = count("completion_tokens");
    Some(Usage {
        question,
        answer: answer.or_else(|| Some(total?.saturating_sub(question))).unwrap_or(0),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ai::AiFailure;
    use crate::ai::request::Turn;

    fn sent(key: &str, with_usage: bool) -> Post {
        let turns = [
            Turn::user("alice asked: hi".into()),
            Turn::assistant("yo".into()),
            Turn::user("bob asked: why?".into()),
        ];
        let request = Request { system: "Be Rox".into(), turns: turns.into() };
        let key = Secret::new(key);
        post(&Target { model: "llama3.2", key: &key, with_usage }, &request)
    }

    #[test]
    fn the_request_alternates_turns_after_the_system_text() {
        let body: Value = serde_json::from_str(&sent("k", true).body).unwrap();
        assert_eq!(
            body,
            json!({
                "model": "llama3.2",
                "stream": true,
                "stream_options": { "include_usage": true },
                "messages": [
                    { "role": "system", "content": "Be Rox" },
                    { "role": "user", "content": "alice asked: hi" },
                    { "role": "assistant", "content": "yo" },
                    { "role": "user", "content": "bob asked: why?" },
                ],
            })
        );
        assert!(!sent("k", false).body.contains("stream_options"));
    }

    #[test]
    fn the_key_is_in_a_header_alone_and_without_one_there_is_none() {
        let Post { path, headers, body } = sent("the-key", true);
        assert_eq!(path, "/chat/completions");
        assert!(!body.contains("the-key"));
        let with_key: Vec<_> =
            headers.iter().filter(|(_, value)| value.expose().contains("the-key")).collect();
        assert_eq!(with_key, [&("authorization", Secret::new("Bearer the-key"))]);
        assert!(sent("", true).headers.iter().all(|(name, _)| *name != "authorization"));
    }

    #[test]
    fn events_say_text_ends_usage_and_failures() {
        let text = |text: &str| Ok(Piece { text: text.to_owned(), ..Piece::default() });
        let finish = |text: &str, finish| {
            Ok(Piece { text: text.to_owned(), finish: Some(finish), usage: None })
        };
        let used = |question, answer| {
            Ok(Piece { usage: Some(Usage { question, answer }), ..Piece::default() })
        };
        let cases = [
            (r#"{"choices":[{"delta":{"content":"ab"},"finish_reason":null}]}"#, text("ab")),
            (r#"{"choices":[{"delta":{"role":"assistant","content":null}}]}"#, text("")),
            (
                r#"{"choices":[{"delta":{"content":"x"},"finish_reason":"stop"}]}"#,
                finish("x", Finish::Whole),
            ),
            (r#"{"choices":[{"delta":{},"finish_reason":"length"}]}"#, finish("", Finish::Cut)),
            (
                r#"{"choices":[{"delta":{},"finish_reason":"eos_token"}]}"#,
                finish("", Finish::Whole),
            ),
            (r#"{"choices":[{"delta":{"content":"x"},"finish_reason":""}]}"#, text("x")),
            (r#"{"choices":[{"delta":{"reasoning_content":"hm","content":""}}]}"#, text("")),
            (r#"{"choices":[{"delta":{"reasoning":"hm","content":"x"}}]}"#, text("x")),
            (
                r#"{"choices":[{"delta":{"content":[{"type":"thinking","thinking":[]},{"type":"text","text":"x"}]}}]}"#,
                text("x"),
            ),
            (r#"{"choices":[{"message":{"content":"x"}}]}"#, text("x")),
            (
                r#"{"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":4,"total_tokens":7}}"#,
                used(3, 4),
            ),
            (r#"{"choices":null,"usage":{"prompt_tokens":3,"total_tokens":7}}"#, used(3, 4)),
            (
                r#"{"choices":[],"x_groq":{"usage":{"prompt_tokens":1,"completion_tokens":2}}}"#,
                used(1, 2),
            ),
            (r#"{"choices":[],"usage":null}"#, text("")),
            (
                r#"{"choices":[{"index":1,"delta":{"content":"b"},"finish_reason":"stop"}]}"#,
                text(""),
            ),
            (
                r#"{"choices":[{"index":1,"delta":{"content":"b"}},{"index":0,"delta":{"content":"a"}}]}"#,
                text("a"),
            ),
            (r#"{"choices":[{"delta":{"content":"\ud83d"}}]}"#, text("\u{fffd}")),
            (r#"{"choices":"what"}"#, text("")),
            ("[]", text("")),
        ];
        for (data, want) in cases {
            assert_eq!(read_event(data), want, "{data}");
        }
        use AiFailure::{InvalidPrompt, Misconfigured, QuotaReached, RateLimited, Unavailable};
        let refusals = [
            (r#"{"choices":[{"delta":{},"finish_reason":"content_filter"}]}"#, Unavailable),
            (
                r#"{"choices":[{"delta":{"content":"x"},"finish_reason":"tool_calls"}]}"#,
                Unavailable,
            ),
            (r#"{"choices":[{"delta":{"content":""},"finish_reason":"error"}]}"#, Unavailable),
            (
                r#"{"choices":[{"error":{"code":429,"message":"slow"},"finish_reason":"error"}]}"#,
                RateLimited,
            ),
            (r#"{"error":{"message":"busy","type":"server_error","code":null}}"#, Unavailable),
            (
                r#"{"error":{"message":"m","type":"insufficient_quota","code":"insufficient_quota"}}"#,
                QuotaReached,
            ),
            (r#"{"error":{"message":"m","code":"rate_limit_exceeded"}}"#, RateLimited),
            (r#"{"error":{"message":"m","code":"insufficient_quota"}}"#, QuotaReached),
            (r#"{"error":{"message":"m","code":"billing_hard_limit_reached"}}"#, QuotaReached),
            (r#"{"error":{"message":"m","code":"insufficient_credits"}}"#, QuotaReached),
            (r#"{"error":{"message":"m","code":"context_length_exceeded"}}"#, InvalidPrompt),
            (r#"{"error":{"message":"m","code":"string_above_max_length"}}"#, InvalidPrompt),
            (r#"{"error":{"message":"m","code":"content_policy_violation"}}"#, InvalidPrompt),
            (r#"{"error":{"message":"m","code":"content_filter"}}"#, InvalidPrompt),
            (r#"{"error":{"message":"m","code":"model_not_found"}}"#, Misconfigured),
            (r#"{"error":{"message":"m","code":"invalid_api_key"}}"#, Misconfigured),
            (r#"{"error":{"message":"m","code":"account_deactivated"}}"#, Misconfigured),
            (
                r#"{"error":{"message":"m","code":"unsupported_country_region_territory"}}"#,
                Misconfigured,
            ),
            (
                r#"{"error":{"message":"m","type":"invalid_request_error","code":"model_not_found"}}"#,
                Misconfigured,
            ),
            (
                r#"{"error":{"message":"m","type":"requests","code":"rate_limit_exceeded"}}"#,
                RateLimited,
            ),
            (r#"{"error":{"message":"m","code":"server_error"}}"#, Unavailable),
            (r#"{"error":{"message":"m","type":"overloaded_error"}}"#, Unavailable),
            (r#"{"error":{"message":"m","code":"who_knows"}}"#, Unavailable),
            (r#"{"error":{"message":"m","code":"429"}}"#, RateLimited),
            (r#"{"error":{"message":"m","code":402}}"#, QuotaReached),
            (r#"{"error":{"message":"m","code":401}}"#, Misconfigured),
            (
                r#"{"object":"error","message":"m","type":"BadRequestError","code":400}"#,
                InvalidPrompt,
            ),
            (r#"{"object":"error","message":"m","type":"BadRequestError"}"#, InvalidPrompt),
            (r#"{"error":"the model has crashed"}"#, Unavailable),
            ("not json", Unavailable),
        ];
        for (data, want) in refusals {
            assert_eq!(read_event(data).map_err(|refused| refused.why), Err(want), "{data}");
        }
    }

    #[test]
    fn statuses_map_to_failures() {
        use AiFailure::{InvalidPrompt, Misconfigured, QuotaReached, RateLimited, Unavailable};
        let cases = [
            (429, "", RateLimited),
            (
                429,
                r#"{"error":{"message":"You exceeded your current quota","type":"insufficient_quota"}}"#,
                QuotaReached,
            ),
            (402, r#"{"error":{"message":"Insufficient credits","code":402}}"#, QuotaReached),
            (402, "", QuotaReached),
            (401, r#"{"error":{"message":"Incorrect API key provided: k"}}"#, Misconfigured),
            (401, "", Misconfigured),
            (403, r#"{"error":{"code":"unsupported_country_region_territory"}}"#, Misconfigured),
            (403, r#"{"error":{"code":403,"message":"Your input was flagged"}}"#, InvalidPrompt),
            (
                404,
                r#"{"error":{"message":"The model `x` does not exist","code":"model_not_found"}}"#,
                Misconfigured,
            ),
            (
                404,
                r#"{"error":{"message":"model 'x' not found, try pulling it first"}}"#,
                Misconfigured,
            ),
            (404, "404 page not found", Misconfigured),
            (400, r#"{"error":{"message":"model 'x' not found"}}"#, Misconfigured),
            (400, r#"{"object":"error","message":"bad","code":400}"#, InvalidPrompt),
            (422, r#"{"detail":[{"type":"missing"}]}"#, InvalidPrompt),
            (413, "", InvalidPrompt),
            (500, "oops", Unavailable),
            (503, r#"{"error":{"message":"Loading model","code":503}}"#, Unavailable),
            (302, "", Unavailable),
        ];
        for (status, body, want) in cases {
            assert_eq!(Refused::by_status(status, body).why, want, "{status} {body}");
        }
    }

    #[test]
    fn what_is_too_long_and_what_is_the_wish_for_a_report_are_told_apart() {
        let long = [
            (
                400,
                r#"{"error":{"code":400,"message":"the request exceeds the available context size","type":"exceed_context_size_error"}}"#,
            ),
            (
                400,
                r#"{"error":{"message":"This model's maximum context length is 8192 tokens","code":"context_length_exceeded"}}"#,
            ),
            (413, r#"{"error":{"message":"Request too large"}}"#),
        ];
        for (status, body) in long {
            let refused = Refused::by_status(status, body);
            assert!(refused.too_long && refused.why == AiFailure::InvalidPrompt, "{body}");
        }
        let in_stream = r#"{"error":{"message":"m","code":"context_length_exceeded"}}"#;
        assert!(read_event(in_stream).is_err_and(|refused| refused.too_long));
        let usage = [
            (
                422,
                r#"{"detail":[{"type":"extra_forbidden","loc":["body","stream_options"],"msg":"Extra inputs are not permitted"}]}"#,
            ),
            (
                400,
                r#"{"error":{"message":"Unrecognized request argument supplied: stream_options"}}"#,
            ),
            (
                422,
                r#"{"object":"error","message":{"detail":[{"type":"extra_forbidden","loc":["body","stream_options"]}]},"type":"invalid_request_error"}"#,
            ),
        ];
        for (status, body) in usage {
            assert!(Refused::by_status(status, body).of_usage, "{body}");
        }
        let other = Refused::by_status(400, r#"{"error":{"message":"bad temperature"}}"#);
        assert!(!other.too_long && !other.of_usage);
        assert!(!Refused::by_status(500, "stream_options").of_usage);
    }
}
