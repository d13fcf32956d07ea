//! Hooks: what programs post for a lobby. A token in the address says which hook it is, and is told to nobody.

use std::cell::RefCell;
use std::time::Duration;

use actix::Addr;
use actix_http::header::{self, HeaderMap, HeaderName, HeaderValue};
use actix_http::{Method, Payload, Request, RequestHead, StatusCode};
use bytes::BytesMut;
use futures_util::StreamExt;
use log::info;
use tokio::time::timeout;

use crate::actors::guard::Guarded;
use crate::actors::lobby::messages::Post;
use crate::actors::log::Log;
use crate::actors::registry::Registry;
use crate::actors::registry::messages::{FindHook, HookRef};
use crate::chat::bot::Token;
use crate::chat::hook::{self, Kind};
use crate::chat::limiter::wait_secs;
use crate::chat::lobby::SayError;
use crate::chat::lobby::step::Refusal;
use crate::chat::name::Name;
use crate::clock;
use crate::draining::Phase;
use crate::health::Health;
use crate::logging::event;
use crate::server::accept::Refusals;
use crate::web::Answer;
use crate::web::chat::{HOOKS, not_allowed, text};

/// For the body of a post: who sends that slower holds a connection for nothing.
const BODY_TIME: Duration = Duration::from_secs(10);

/// For the lobby to say it: more than a log that is away is waited for.
const ANSWER_TIME: Duration = Duration::from_secs(5);

/// Said with 503: by then the log may be back, and whatever restarts has done so.
const BACK_IN_SECS: u64 = 5;

/// What hooks are made of.
pub(super) struct Hooks {
    /// Knows where each hook is.
    pub(super) registry: Addr<Guarded<Registry>>,
    /// Whether the server is draining.
    pub(super) health: Health,
    /// Whether other nodes can be reached.
    pub(super) log: Log,
    /// Posts that came too fast, of whatever hook.
    pub(super) refusals: RefCell<Refusals<()>>,
}

impl Hooks {
    /// A post of this hook came too fast.
    fn note_refused(&self, hook: &Name) {
        if let Some(untold) = self.refusals.borrow_mut().note((), clock::now()) {
            let more = if untold > 0 { format!(", after {untold} more") } else { String::new() };
            info!(event = event::LIMIT; "limit: too many posts of the hook '{hook}'{more}");
        }
    }
}

/// What a post comes to, with one line for whoever sent it.
#[derive(Debug)]
struct Said {
    status: StatusCode,
    line: String,
    retry_after: Option<u64>,
}

impl Said {
    fn new(status: StatusCode, line: impl Into<String>) -> Self {
        Self { status, line: line.into(), retry_after: None }
    }

    fn later(status: StatusCode, line: impl Into<String>, secs: u64) -> Self {
        Self { retry_after: Some(secs), ..Self::new(status, line) }
    }

    fn unavailable(line: &str) -> Self {
        Self::later(StatusCode::SERVICE_UNAVAILABLE, line, BACK_IN_SECS)
    }

    fn nothing() -> Self {
        Self::new(StatusCode::NOT_FOUND, "there is no such hook")
    }
}

impl Hooks {
    /// Answers a request to an address of hooks.
    pub(super) async fn answer(&self, mut request: Request) -> Answer {
        let body = request.take_payload();
        let RequestHead { method, headers, uri, .. } = request.head();
        if *method != Method::POST {
            return not_allowed("POST");
        }
        let said = self.post(uri.path(), headers, body).await;
        let mut answer = text(said.status, &said.line);
        if let Some(secs) = said.retry_after {
            answer.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(secs));
        }
        answer
    }

    async fn post(&self, path: &str, headers: &HeaderMap, body: Payload) -> Said {
        match self.health.draining().phase() {
            Phase::Serving => {}
            Phase::Draining(_) | Phase::Stopping { .. } => {
                return Said::unavailable("the server is restarting, try again soon");
            }
        }
        // By its hash, of whatever was sent: how much of a token is right changes nothing of the time.
        let token = path.strip_prefix(HOOKS).unwrap_or_default();
        let Some(token) = Token::parse(token) else { return Said::nothing() };
        let found = self.registry.send(FindHook(token.hash())).await;
        let HookRef { hook, lobby } = match found {
            Ok(Some(found)) => found,
            Ok(None) => return Said::nothing(),
            Err(_) => return Said::unavailable("the server is busy, try again in a moment"),
        };
        let kind = Kind {
            content_type: text_of(headers, header::CONTENT_TYPE),
            github_event: text_of(headers, HeaderName::from_static("x-github-event")),
        };
        let body = match timeout(BODY_TIME, gather(headers, body, kind.max_bytes())).await {
            Ok(Ok(body)) => body,
            Ok(Err(said)) => return said,
            Err(_) => {
                return Said::new(StatusCode::REQUEST_TIMEOUT, "the rest did not come in time");
            }
        };
        let text = match hook::read(kind, &body) {
            Ok(Some(text)) => text,
            // No news.
            Ok(None) => return Said::new(StatusCode::OK, "ok"),
            Err(why) => return Said::new(StatusCode::BAD_REQUEST, why.to_string()),
        };
        if self.log.is_away() {
            return Said::unavailable("the other servers cannot be reached, try again in a moment");
        }
        let post = lobby.send(Post { hook: hook.clone(), text, taken: clock::now() });
        let posted = timeout(ANSWER_TIME, self.log.reached(post)).await;
        let Ok(Some(Ok(posted))) = posted else {
            return Said::unavailable("it could not be shown, try again in a moment");
        };
        match posted {
            Ok(()) => Said::new(StatusCode::OK, "ok"),
            Err(Refusal::Say(SayError::TooOften(wait))) => {
                let secs = wait_secs(wait);
                self.note_refused(&hook);
                let line = format!("too many posts, wait {secs} seconds");
                Said::later(StatusCode::TOO_MANY_REQUESTS, line, secs)
            }
            Err(Refusal::Say(SayError::BotsMuted(wait))) => {
                let secs = wait_secs(wait);
                let line = format!("bots are muted there, wait {secs} seconds");
                Said::later(StatusCode::TOO_MANY_REQUESTS, line, secs)
            }
            // It was deleted meanwhile.
            Err(Refusal::Say(SayError::NoSuchHook | SayError::NotHere)) => Said::nothing(),
            // Of people alone.
            Err(Refusal::Say(SayError::Muted(_) | SayError::TooSoon(_)) | Refusal::Join(_)) => {
                Said::nothing()
            }
            Err(Refusal::Unreachable) => {
                Said::unavailable("the other servers cannot be reached, try again in a moment")
            }
        }
    }
}

fn text_of(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

/// The body, as far as it may be long.
async fn gather(headers: &HeaderMap, mut body: Payload, max: usize) -> Result<BytesMut, Said> {
    let too_large = || {
        let line = format!("at most {max} bytes");
        Said::new(StatusCode::PAYLOAD_TOO_LARGE, line)
    };
    let told =
        text_of(headers, header::CONTENT_LENGTH).and_then(|length| length.parse::<u64>().ok());
    if told.is_some_and(|length| length > max as u64) {
        return Err(too_large());
    }
    let mut all = BytesMut::new();
    while let Some(part) = body.next().await {
        let part = part.map_err(|_| Said::new(StatusCode::BAD_REQUEST, "the body broke off"))?;
        if all.len() + part.len() > max {
            return Err(too_large());
        }
        all.extend_from_slice(&part);
    }
    Ok(all)
}
