//! Streams as they are in the wild: one suite through every dialect, each cut at every byte.

use std::task::Poll;

use futures_util::stream;
use serde_json::{Value, json};

use super::*;
use crate::ai::provider::Provider;

/// What an event of a stream says, in whichever dialect.
enum Says {
    Text(&'static str),
    /// The model reasons.
    Reasons(&'static str),
    Ends,
    TooLong,
    Refuses,
    Used(u64, u64),
    /// An error with this code.
    Error(u16, &'static str),
    /// The same in the form of an object that is an error itself.
    IsError(u16, &'static str),
    /// These bytes.
    Raw(&'static str),
}

fn event(provider: Provider, says: &Says) -> String {
    let data = |value: Value| format!("data: {value}\n\n");
    let candidate = |text: &str, reason: Option<&str>| {
        data(
            json!({ "candidates": [{ "content": { "parts": [{ "text": text }] }, "finishReason": reason }] }),
        )
    };
    let choice = |delta: Value, reason: Option<&str>| {
        data(json!({ "choices": [{ "index": 0, "delta": delta, "finish_reason": reason }] }))
    };
    let nothing = json!({ "content": null });
    match (says, provider) {
        (Says::Text(text), Provider::Gemini) => candidate(text, None),
        (Says::Text(text), Provider::OpenAi) => choice(json!({ "content": text }), None),
        (Says::Reasons(text), Provider::Gemini) => data(
            json!({ "candidates": [{ "content": { "parts": [{ "text": text, "thought": true }] } }] }),
        ),
        (Says::Reasons(text), Provider::OpenAi) => {
            choice(json!({ "content": null, "reasoning_content": text, "reasoning": text }), None)
        }
        (Says::Ends, Provider::Gemini) => candidate("", Some("STOP")),
        (Says::Ends, Provider::OpenAi) => choice(nothing, Some("stop")),
        (Says::TooLong, Provider::Gemini) => candidate("", Some("MAX_TOKENS")),
        (Says::TooLong, Provider::OpenAi) => choice(nothing, Some("length")),
        (Says::Refuses, Provider::Gemini) => candidate("", Some("SAFETY")),
        (Says::Refuses, Provider::OpenAi) => choice(nothing, Some("content_filter")),
        (Says::Used(question, answer), Provider::Gemini) => data(json!({ "usageMetadata": {
            "promptTokenCount": question, "candidatesTokenCount": answer } })),
        (Says::Used(question, answer), Provider::OpenAi) => data(json!({ "choices": [], "usage": {
            "prompt_tokens": question, "completion_tokens": answer } })),
        (Says::Error(code, message), _) => {
            data(json!({ "error": { "code": code, "message": message } }))
        }
        (Says::IsError(code, message), _) => {
            data(json!({ "object": "error", "code": code, "message": message }))
        }
        (Says::Raw(bytes), _) => (*bytes).to_owned(),
    }
}

type End = Result<Option<Finish>, AiFailure>;

/// What a client comes to, and all that was shown of it: its rows, divided by LF.
#[derive(Debug, PartialEq)]
struct Came {
    result: End,
    shown: String,
    usage: Option<Usage>,
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap()
}

/// Reads a body that comes in these chunks, and then ends or is held open.
async fn read(provider: Provider, chunks: &[&[u8]], held: bool) -> Came {
    let (mut coming, mut shown, mut open) = (Coming::default(), Vec::<String>::new(), false);
    let mut show = |progress: Progress| {
        let Progress::Lines(lines) = progress else { return };
        if std::mem::replace(&mut open, lines.open) {
            shown.pop();
        }
        shown.extend(lines.lines.iter().map(|line| line.as_str().to_owned()));
    };
    let chunks: Vec<_> = chunks.iter().map(|chunk| Ok(Bytes::copy_from_slice(chunk))).collect();
    let (mut chunks, mut over) = (chunks.into_iter(), false);
    let body = stream::poll_fn(move |_| {
        // As that of the library does, which breaks then.
        assert!(!over, "a body is not read beyond its end");
        let chunk = chunks.next();
        over = chunk.is_none();
        Poll::Ready(chunk)
    });
    let dialect = provider.dialect();
    let result = match held {
        true => read_answer(body.chain(stream::pending()), &dialect, &mut coming, &mut show).await,
        false => read_answer(body, &dialect, &mut coming, &mut show).await,
    };
    show_some(coming.text.finish(), &mut show);
    let result = result.map(|()| coming.end).map_err(|refused| refused.why);
    Came { result, shown: shown.join("\n"), usage: coming.usage }
}

#[test]
fn streams_as_they_are_in_the_wild_come_to_the_same_in_every_dialect_wherever_they_are_cut() {
    use Says::{Ends, Error, IsError, Raw, Reasons, Refuses, Text, TooLong, Used};
    const WHOLE: End = Ok(Some(Finish::Whole));
    const DONE: Says = Raw("data: [DONE]\n\n");
    const BROKEN: End = Err(AiFailure::Unavailable);
    let used = Some(Usage { question: 5, answer: 2 });
    type Case<'a> = (&'a [Says], End, &'a str, Option<Usage>);
    let cases: Vec<Case<'_>> = vec![
        (&[Text("one\ntw"), Text("o"), Ends, DONE], WHOLE, "one\ntwo", None),
        (&[Raw("\u{feff}"), Text("first\n"), Text("last"), Ends], WHOLE, "first\nlast", None),
        (
            &[Raw(": OPENROUTER PROCESSING\n\n"), Text("a"), Raw(": ping\r\n\r\n"), Ends],
            WHOLE,
            "a",
            None,
        ),
        (
            &[Raw("data:\n\ndata: \r\n\r\n"), Text("a"), Raw("event: x\rid: 7\r\r"), Ends],
            WHOLE,
            "a",
            None,
        ),
        (&[Text("by [DONE] alone"), DONE], WHOLE, "by [DONE] alone", None),
        // The last event of a body may end with it.
        (&[Text("one\ntwo"), Raw("data: [DONE]\n")], WHOLE, "one\ntwo", None),
        (&[Text("one\ntwo"), Raw("data: [DONE]")], WHOLE, "one\ntwo", None),
        (&[Text("a"), Ends, Used(5, 2), DONE], WHOLE, "a", used),
        (&[Used(1, 1), Text("a"), Used(5, 2), Ends], WHOLE, "a", used),
        (
            &[Raw("data: {\"choices\":null,\"candidates\":null}\n\n"), Text("a"), Ends],
            WHOLE,
            "a",
            None,
        ),
        (&[Reasons("hm"), Text("<think>no\n"), Text("</think>\n\nYes"), Ends], WHOLE, "Yes", None),
        (&[Text("cut o"), TooLong], Ok(Some(Finish::Cut)), "cut o", None),
        (&[Text("a"), Ends, Text("b"), Error(500, "late")], WHOLE, "a", None),
        (&[Text("Shown.\nNot fin")], BROKEN, "Shown.\nNot fin", None),
        (&[Text("a"), Raw("data: {\"cand")], BROKEN, "a", None),
        (&[Text("a"), Raw("data: oops\n\n"), Ends], BROKEN, "a", None),
        (&[Text("a"), Refuses], BROKEN, "a", None),
        (&[Text("a"), Error(429, "slow down")], Err(AiFailure::RateLimited), "a", None),
        (&[IsError(429, "exceeded your current quota")], Err(AiFailure::QuotaReached), "", None),
        (&[Error(402, "credits")], Err(AiFailure::QuotaReached), "", None),
        (&[IsError(401, "bad key")], Err(AiFailure::Misconfigured), "", None),
        (&[Error(400, "bad")], Err(AiFailure::InvalidPrompt), "", None),
        (&[Error(503, "busy")], BROKEN, "", None),
        (
            &[Raw("{\"error\":{\"code\":429,\"message\":\"no stream\"}}")],
            Err(AiFailure::RateLimited),
            "",
            None,
        ),
        (&[Raw("")], BROKEN, "", None),
    ];
    let runtime = runtime();
    for provider in Provider::ALL {
        for (says, result, shown, usage) in &cases {
            let body: String = says.iter().map(|says| event(provider, says)).collect();
            let want = Came { result: *result, shown: (*shown).to_owned(), usage: *usage };
            let bytes = body.as_bytes();
            for cut in 0..=bytes.len() {
                let (a, b) = bytes.split_at(cut);
                let came = runtime.block_on(read(provider, &[a, b], false));
                assert_eq!(came, want, "{provider:?} {body:?} cut at {cut}");
            }
            let single: Vec<_> = bytes.chunks(1).collect();
            let came = runtime.block_on(read(provider, &single, false));
            assert_eq!(came, want, "{provider:?} {body:?} byte by byte");
        }
    }
}

#[test]
fn a_finish_reason_ends_an_answer_whose_body_stays_open_and_its_report_is_waited_for() {
    for provider in Provider::ALL {
        let says = [Says::Text("all of it"), Says::Ends, Says::Used(5, 2)];
        let events: Vec<_> = says.iter().map(|says| event(provider, says)).collect();
        let chunks: Vec<_> = events.iter().map(|event| event.as_bytes()).collect();
        let came = runtime().block_on(read(provider, &chunks, true));
        let usage = Some(Usage { question: 5, answer: 2 });
        let shown = "all of it".to_owned();
        assert_eq!(came, Came { result: Ok(Some(Finish::Whole)), shown, usage });
    }
}

#[test]
fn an_answer_without_an_end_is_cut_at_the_cap() {
    let runtime = runtime();
    for provider in Provider::ALL {
        let row = event(provider, &Says::Text("0123456789 abcdefghi\n"));
        let chunks = vec![row.as_bytes(); 2_000];
        let came = runtime.block_on(read(provider, &chunks, true));
        assert_eq!(came.result, Ok(Some(Finish::Cut)));
        assert!(came.shown.len() <= crate::ai::answer::MAX_ANSWER_BYTES);
    }
}

#[test]
fn a_paragraph_is_shown_while_it_is_written() {
    for provider in Provider::ALL {
        let words = event(provider, &Says::Text("forty letters and some blanks, then more "));
        let (mut coming, mut shown) = (Coming::default(), Vec::new());
        let chunks = [(); 3].map(|()| Ok(Bytes::from(words.clone())));
        let body = stream::iter(chunks).chain(stream::pending());
        let mut show = |progress: Progress| match progress {
            Progress::Lines(lines) => shown.push(lines),
            Progress::Ends => panic!("it goes on"),
        };
        let read = async {
            let dialect = provider.dialect();
            timeout(PAUSE, read_answer(body, &dialect, &mut coming, &mut show)).await.is_err()
        };
        assert!(runtime().block_on(read), "it is still being written");
        assert_eq!(shown.len(), 3);
        assert!(shown.iter().all(|lines| lines.open && lines.lines.len() == 1));
    }
}

#[test]
fn whoever_asked_may_ask_again_before_the_last_row_is_shown() {
    for provider in Provider::ALL {
        // The last row comes with the end, or before it.
        let events = [Says::Text("one\ntwo"), Says::Ends].map(|says| event(provider, &says));
        let together = events.concat();
        for chunks in [vec![together.clone()], events.to_vec()] {
            let (mut coming, mut order) = (Coming::default(), Vec::new());
            let body = stream::iter(chunks.into_iter().map(|chunk| Ok(Bytes::from(chunk))));
            let mut show = |progress: Progress| match progress {
                Progress::Lines(lines) => {
                    order.extend(lines.lines.iter().map(|line| line.as_str().to_owned()));
                }
                Progress::Ends => order.push("(ends)".to_owned()),
            };
            let dialect = provider.dialect();
            let read = read_answer(body, &dialect, &mut coming, &mut show);
            assert!(runtime().block_on(read).is_ok());
            assert_eq!(order, ["one", "(ends)", "two"]);
        }
    }
}
