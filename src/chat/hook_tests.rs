//! What is shown of what a hook is sent.

use proptest::prelude::*;

use super::*;

fn of(content_type: &str) -> Kind<'_> {
    Kind { content_type: Some(content_type), github_event: None }
}

fn github_event(event: &str) -> Kind<'_> {
    Kind { content_type: Some("application/json"), github_event: Some(event) }
}

fn read_text(kind: Kind<'_>, body: &str) -> Result<Option<String>, PayloadError> {
    let text = read(kind, body.as_bytes())?;
    Ok(text.map(|text| text.as_str().to_owned()))
}

const FORM: &str = "application/x-www-form-urlencoded";

#[test]
fn texts_forms_and_json_are_understood() {
    let json = "application/json; charset=utf-8";
    for (content_type, body, want) in [
        // curl -d
        (FORM, "deployed 3.2", Ok("deployed 3.2")),
        (FORM, "a=b & c", Ok("a=b & c")),
        ("text/plain", "two\r\nrows\n", Ok("two\nrows")),
        ("text/plain", "\n\n  indented\n\n", Ok("  indented")),
        // Said to be a form or a text, and JSON all the same: curl -d '{"text": …}'
        (FORM, r#"{"text":"hi"}"#, Ok("hi")),
        ("text/plain", r#"{"no":"field of ours"}"#, Ok(r#"{"no":"field of ours"}"#)),
        (FORM, "payload=%7B%22text%22%3A+%22hi+there%22%7D&x=1", Ok("hi there")),
        (FORM, "payload=just+text", Ok("just text")),
        (FORM, "payload=50%+and%zz", Ok("50% and%zz")),
        (json, r#"{"text":"one","message":"two"}"#, Ok("one")),
        (json, r#"{"body":"four","content":"three","message":"two"}"#, Ok("two")),
        (json, r#"{"text":"  ","content":"three"}"#, Ok("three")),
        (json, r#"{"text":7,"body":"four"}"#, Ok("four")),
        (json, r#"{"title":"Alert","message":"disk full"}"#, Ok("Alert\ndisk full")),
        (json, r#"{"title":"Alert","message":"Alert: disk full"}"#, Ok("Alert: disk full")),
        (json, "\u{FEFF}\"a string\"", Ok("a string")),
        ("application/cloudevents+json", r#"{"text":"hi"}"#, Ok("hi")),
        (json, r#"{"title":"alone"}"#, Err(PayloadError::NoText)),
        (json, "[1]", Err(PayloadError::NoText)),
        (json, "{", Err(PayloadError::NotJson)),
        (json, "deployed", Err(PayloadError::NotJson)),
        (FORM, "payload=%7B%22title%22%3A%22x%22%7D", Err(PayloadError::NoText)),
        (FORM, "", Err(PayloadError::Empty)),
        (FORM, " \n\u{200B}\n", Err(PayloadError::Empty)),
        (json, r#"{"text":"\u001b[2J"}"#, Err(PayloadError::Empty)),
    ] {
        let want = want.map(|text| Some(text.to_owned()));
        assert_eq!(read_text(of(content_type), body), want, "{content_type}: {body}");
    }
}

#[test]
fn a_text_is_never_a_command_and_has_nothing_in_it_that_acts_on_a_terminal() {
    for (body, want) in [
        ("/quit", "/quit"),
        ("/join secret", "/join secret"),
        ("\u{1b}]0;title\u{7}red \u{1b}[31mtext", "red text"),
        ("evil\u{202E}txt.exe", "eviltxt.exe"),
    ] {
        assert_eq!(read_text(of(FORM), body), Ok(Some(want.to_owned())));
    }
    let bytes = b"caf\xE9";
    let text = read(Kind::default(), bytes).unwrap().unwrap();
    assert_eq!(text.as_str(), "caf\u{FFFD}", "bytes that are no text are shown as such");
}

#[test]
fn what_is_too_long_is_cut_and_says_so() {
    let shown = |body: &str| read_text(of(FORM), body).unwrap().unwrap();
    let thousand = "x".repeat(1_000);
    assert_eq!(shown(&thousand), thousand);
    assert_eq!(shown(&format!("{thousand}y")), format!("{thousand}…"));
    assert_eq!(shown(&format!("{thousand}\n\n")), thousand, "nothing was left out");
    assert_eq!(shown(&format!("{thousand}\ny")), format!("{thousand}…"));
    let halves = format!("{}\n{}", "x".repeat(600), "y".repeat(600));
    assert_eq!(shown(&halves), format!("{}\n{}…", "x".repeat(600), "y".repeat(400)));
    let rows = |n: usize| (1..=n).map(|n| n.to_string()).collect::<Vec<_>>().join("\n");
    assert_eq!(shown(&rows(20)), rows(20));
    assert_eq!(shown(&rows(21)), format!("{}…", rows(20)));
    assert_eq!(shown(&format!("{}\n\n \n", rows(20))), rows(20));
}

#[test]
fn events_of_github_are_one_row_each() {
    for (event, body, want) in [
        (
            "push",
            include_str!("../../tests/data/github/push.json"),
            "octo-org/octo-repo push: main https://github.com/octo-org/octo-repo/compare/6113728f27ae...59b20b8d5c6f by octocat",
        ),
        (
            "pull_request",
            include_str!("../../tests/data/github/pull_request.json"),
            "octo-org/octo-repo pull_request opened: Update the README https://github.com/octo-org/octo-repo/pull/2 by octocat",
        ),
        (
            "issues",
            include_str!("../../tests/data/github/issues.json"),
            "octo-org/octo-repo issues closed: Spelling error https://github.com/octo-org/octo-repo/issues/1 by monalisa",
        ),
        (
            "release",
            include_str!("../../tests/data/github/release.json"),
            "octo-org/octo-repo release published: v0.0.1 https://github.com/octo-org/octo-repo/releases/tag/v0.0.1 by octocat",
        ),
        (
            "workflow_run",
            include_str!("../../tests/data/github/workflow_run.json"),
            "octo-org/octo-repo workflow_run completed failure: CI https://github.com/octo-org/octo-repo/actions/runs/289782451 by octocat",
        ),
    ] {
        assert_eq!(read_text(github_event(event), body), Ok(Some(want.to_owned())), "{event}");
        let form: String = body.bytes().map(|byte| format!("%{byte:02x}")).collect();
        let kind = Kind { content_type: Some(FORM), github_event: Some(event) };
        let sent = format!("payload={form}");
        assert_eq!(read_text(kind, &sent), Ok(Some(want.to_owned())), "{event}, as a form");
    }
}

#[test]
fn other_events_of_github_are_nothing_to_show_and_no_fault() {
    let ping = include_str!("../../tests/data/github/ping.json");
    assert_eq!(read_text(github_event("ping"), ping), Ok(None));
    assert_eq!(read_text(github_event("star"), r#"{"action":"created"}"#), Ok(None));
    assert_eq!(read_text(github_event("push"), "not json"), Err(PayloadError::NotJson));
    assert_eq!(read_text(github_event("push"), "[]"), Err(PayloadError::NotJson));
    // What is not there is left out.
    let bare = r#"{"ref":"refs/heads/main"}"#;
    assert_eq!(read_text(github_event("PUSH"), bare), Ok(Some("push: main".to_owned())));
    // And where nothing is there, so is the event.
    for empty in ["{}", r#"{"zen":"Speak like a human."}"#, r#"{"ref":null}"#] {
        assert_eq!(read_text(github_event("push"), empty), Ok(None), "{empty}");
    }
    let odd = r#"{"action":7,"issue":{"title":["x"]},"repository":null,"sender":{"login":"eve"}}"#;
    assert_eq!(read_text(github_event("issues"), odd), Ok(Some("issues by eve".to_owned())));
}

#[test]
fn a_title_of_github_is_a_row_however_long_and_odd() {
    let title = format!("a\\nb\\u001b[31m{}", "c".repeat(5_000));
    let body = format!(r#"{{"action":"opened","issue":{{"title":"{title}"}}}}"#);
    let text = read_text(github_event("issues"), &body).unwrap().unwrap();
    assert!(text.starts_with("issues opened: a b") && text.ends_with('…'), "{text}");
    assert!(!text.contains('\n') && text.chars().count() < 300);
}

#[test]
fn what_grafana_sends_is_its_title_and_its_message() {
    let body = include_str!("../../tests/data/grafana.json");
    let want = "[FIRING:1] High memory usage\n**Firing**\n\nValue: B=44.23, C=1\nLabels:\n - alertname = High memory usage\n - team = blue";
    assert_eq!(read_text(of("application/json"), body), Ok(Some(want.to_owned())));
}

proptest! {
    #[test]
    fn whatever_is_sent_is_clean_and_no_longer_than_what_is_shown(
        body in prop::collection::vec(any::<u8>(), 0..3_000),
        content_type in prop::option::of("(application/json|text/plain|.{0,20})"),
        event in prop::option::of("(push|pull_request|issues|release|workflow_run|ping|.{0,8})"),
    ) {
        let kind = Kind { content_type: content_type.as_deref(), github_event: event.as_deref() };
        if let Ok(Some(text)) = read(kind, &body) {
            prop_assert_eq!(Text::clean(text.as_str()), text.clone());
            // And the mark of what was left out.
            prop_assert!(text.chars() <= MAX_SHOWN_CHARS + 1);
            prop_assert!(text.rows().count() <= MAX_ROWS);
        }
    }

    #[test]
    fn whatever_text_stands_in_json_is_shown_as_it_is_as_text(text in "[^\r\u{FEFF}]{0,40}") {
        prop_assume!(!text.trim().is_empty() && !text.starts_with("payload="));
        let sent = serde_json::json!({ "text": text }).to_string();
        let as_json = read_text(of("application/json"), &sent);
        if object(&text).is_none() {
            prop_assert_eq!(as_json, read_text(of("text/plain"), &text));
        }
    }
}
