//! What a hook is sent, as the text that is shown of it.
//!
//! Taken are plain text, as `curl -d` sends it; a form with `payload=…`; and JSON, as Slack, Mattermost, Discord,
//! Grafana and ntfy have it: <https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks>. With a name of an
//! event beside it, JSON is GitHub's: <https://docs.github.com/webhooks/webhook-events-and-payloads>.

use serde_json::{Map, Value};

use super::text::{Line, MAX_ROWS, Text};

/// Most bytes of what is sent.
pub const MAX_BODY_BYTES: usize = 16 * 1024;

/// The same of GitHub, which sends all that there is to an event.
pub const MAX_GITHUB_BYTES: usize = 256 * 1024;

/// Most characters that are shown.
pub const MAX_SHOWN_CHARS: usize = 1_000;

/// Most characters of a title that are shown in a row with what else there is to an event.
const MAX_TITLE_CHARS: usize = 200;

/// Stands where something was left out.
const CUT: &str = "…";

/// The fields of which the first that is there is the text.
const TEXTS: [&str; 4] = ["text", "message", "content", "body"];

/// What comes with what is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Kind<'a> {
    /// The media type, as the sender names it.
    pub content_type: Option<&'a str>,
    /// The event of GitHub's that it tells of.
    pub github_event: Option<&'a str>,
}

impl Kind<'_> {
    /// Most bytes that may come.
    pub fn max_bytes(&self) -> usize {
        if self.github_event.is_some() { MAX_GITHUB_BYTES } else { MAX_BODY_BYTES }
    }

    /// The media type without its parameters (RFC 9110 §8.3.1), in lower case.
    fn media_type(&self) -> String {
        let media_type = self.content_type.and_then(|given| given.split(';').next()).unwrap_or("");
        media_type.trim().to_ascii_lowercase()
    }

    fn is_of_parts(&self) -> bool {
        self.media_type().starts_with("multipart/")
    }

    fn says_json(&self) -> bool {
        let media_type = self.media_type();
        media_type == "application/json" || media_type.ends_with("+json")
    }
}

/// Why nothing is shown of what was sent. Each is told in one line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PayloadError {
    /// It is said to be JSON and is none.
    #[error("not JSON: send an object with text, message, content or body, or plain text")]
    NotJson,
    /// It is JSON without a text.
    #[error("no text: send an object with text, message, content or body")]
    NoText,
    /// It is a form of several parts, of which none is known to be the text (RFC 7578).
    #[error("a form of parts: send JSON or plain text")]
    Parts,
    /// Nothing is left of it that could be shown.
    #[error("nothing to show")]
    Empty,
}

/// What is shown of what was sent; none where that is nothing, and no fault: an event of GitHub's that is no news.
///
/// # Errors
/// Why nothing can be shown.
pub fn read(kind: Kind<'_>, body: &[u8]) -> Result<Option<Text>, PayloadError> {
    if kind.is_of_parts() {
        return Err(PayloadError::Parts);
    }
    let sent = String::from_utf8_lossy(body);
    let sent = sent.strip_prefix('\u{FEFF}').unwrap_or(&sent);
    let form = sent.strip_prefix("payload=").map(form_value);
    let is_json = form.is_some() || kind.says_json();
    let content = form.as_deref().unwrap_or(sent);
    if let Some(event) = kind.github_event {
        let event = event.trim().to_ascii_lowercase();
        let told = object(content);
        // Whether it is news shows without what it tells.
        let row = github(&event, told.as_ref().unwrap_or(&Map::new()));
        return match (row, told) {
            (Some(_), None) => Err(PayloadError::NotJson),
            // Of what nothing is told but that it happened there is no news.
            (row, _) => Ok(row.filter(|row| row.as_str() != event).map(Text::from)),
        };
    }
    let text = match object(content) {
        Some(object) => match of_object(&object) {
            Some(text) => text,
            None if is_json => return Err(PayloadError::NoText),
            // Somebody sends a text that happens to be an object.
            None => content.to_owned(),
        },
        // A payload may be a text by itself, and JSON a string.
        None => match serde_json::from_str(content) {
            Ok(Value::String(text)) if is_json => text,
            Ok(_) if is_json => return Err(PayloadError::NoText),
            Err(_) if kind.says_json() => return Err(PayloadError::NotJson),
            _ => content.to_owned(),
        },
    };
    shown(&text).map(Some).ok_or(PayloadError::Empty)
}

fn object(content: &str) -> Option<Map<String, Value>> {
    match serde_json::from_str(content) {
        Ok(Value::Object(object)) => Some(object),
        _ => None,
    }
}

/// Title and text of an object; none where it has no text.
fn of_object(object: &Map<String, Value>) -> Option<String> {
    let field = |name: &str| object.get(name)?.as_str().filter(|text| !text.trim().is_empty());
    let text = TEXTS.into_iter().find_map(field)?;
    Some(match field("title") {
        Some(title) if !text.starts_with(title) => format!("{title}\n{text}"),
        _ => text.to_owned(),
    })
}

/// The value of a field of a form (`application/x-www-form-urlencoded`), up to the next field.
fn form_value(form: &str) -> String {
    let value = form.split('&').next().unwrap_or_default().as_bytes();
    let digit =
        |at: usize| char::from(*value.get(at)?).to_digit(16).and_then(|d| u8::try_from(d).ok());
    let (mut bytes, mut at) = (Vec::with_capacity(value.len()), 0);
    while let Some(byte) = value.get(at) {
        let escaped = match byte {
            b'%' => digit(at + 1).zip(digit(at + 2)).map(|(high, low)| high << 4 | low),
            _ => None,
        };
        bytes.push(match (byte, escaped) {
            (_, Some(escaped)) => escaped,
            (b'+', None) => b' ',
            (byte, None) => *byte,
        });
        at += if escaped.is_some() { 3 } else { 1 };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// A text cleaned, and cut where it is longer than what is shown; none where nothing is left of it.
fn shown(text: &str) -> Option<Text> {
    // A line end by itself of old programs is one too.
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let mut rows: Vec<Line> = Vec::new();
    let mut chars = 0;
    // Blank rows at the start and at the end are left out.
    let mut whole = text.trim_end().split('\n').map(Line::clean).skip_while(Line::is_blank);
    while let Some(row) = whole.next() {
        let left = MAX_SHOWN_CHARS - chars;
        let is_last = rows.len() + 1 == MAX_ROWS;
        let more = is_last && whole.any(|row| !row.is_blank());
        if row.chars() > left {
            rows.push(row.beginning(left));
            break;
        }
        chars += row.chars();
        rows.push(if more { Line::clean(&format!("{}{CUT}", row.as_str())) } else { row });
        if is_last {
            break;
        }
        if chars == MAX_SHOWN_CHARS {
            if let Some(last) = rows.last_mut().filter(|_| whole.any(|row| !row.is_blank())) {
                *last = Line::clean(&format!("{}{CUT}", last.as_str()));
            }
            break;
        }
    }
    let something = rows.iter().any(|row| !row.is_blank());
    something.then(|| Text::of_rows(&rows))
}

/// An event of GitHub's as one row: repository, event, action, title or branch, address, sender. None where it is
/// none of those that are news.
fn github(event: &str, told: &Map<String, Value>) -> Option<Line> {
    let at = |path: &[&str]| {
        let (first, rest) = path.split_first()?;
        let found = rest.iter().try_fold(told.get(*first)?, |value, field| value.get(field))?;
        found.as_str().filter(|text| !text.is_empty())
    };
    let flag = |field: &str| told.get(field).and_then(Value::as_bool).unwrap_or(false);
    let action = at(&["action"]);
    let (action, title, address) = match event {
        "push" => {
            let action = [("deleted", "deleted"), ("created", "created"), ("forced", "forced")];
            let action =
                action.into_iter().find_map(|(field, action)| flag(field).then_some(action));
            let branch = at(&["ref"]).map(|name| {
                let name = name.strip_prefix("refs/heads/").unwrap_or(name);
                name.strip_prefix("refs/tags/").unwrap_or(name)
            });
            (action, branch, at(&["compare"]))
        }
        "pull_request" => {
            (action, at(&["pull_request", "title"]), at(&["pull_request", "html_url"]))
        }
        "issues" => (action, at(&["issue", "title"]), at(&["issue", "html_url"])),
        "release" => {
            let named = at(&["release", "name"]).or_else(|| at(&["release", "tag_name"]));
            (action, named, at(&["release", "html_url"]))
        }
        "workflow_run" => {
            let named =
                at(&["workflow_run", "name"]).or_else(|| at(&["workflow_run", "head_branch"]));
            (action, named, at(&["workflow_run", "html_url"]))
        }
        _ => return None,
    };
    let repository = at(&["repository", "full_name"]);
    let sender = at(&["sender", "login"]).or_else(|| at(&["pusher", "name"]));
    let ended = at(&["workflow_run", "conclusion"]).filter(|_| event == "workflow_run");
    let title = title.map(|title| Line::joined(title).beginning(MAX_TITLE_CHARS));
    let mut row = String::new();
    for part in [repository, Some(event), action, ended].into_iter().flatten() {
        row.push_str(if row.is_empty() { "" } else { " " });
        row.push_str(part);
    }
    if let Some(title) = &title {
        row.push_str(": ");
        row.push_str(title.as_str());
    }
    for (before, part) in [(" ", address), (" by ", sender)] {
        if let Some(part) = part {
            row.push_str(before);
            row.push_str(part);
        }
    }
    Some(Line::joined(&row).beginning(MAX_SHOWN_CHARS))
}

#[cfg(test)]
#[path = "hook_tests.rs"]
mod tests;
