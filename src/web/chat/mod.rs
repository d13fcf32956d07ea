//! What everybody is answered: the files of the page, the way into its WebSocket, and hooks.

pub mod socket;

use actix_http::body::MessageBody;
use actix_http::header::{self, HeaderMap, HeaderName, HeaderValue};
use actix_http::{Request, RequestHead, StatusCode};
use futures_util::future::LocalBoxFuture;

use crate::web::files::{self, File, HTML, SCRIPT, STYLE, TEXT, allowing, only_reads};
use crate::web::{Answer, Limits, Visitor};

/// Browsers with a few connections each, hooks, and proxies. What is used for a WebSocket is none of them.
pub const LIMITS: Limits = Limits {
    connections: 512,
    head_time: std::time::Duration::from_secs(10),
    // A body of a hook comes in that time too.
    quiet_time: std::time::Duration::from_secs(30),
    linger_time: std::time::Duration::from_secs(1),
    // A browser's head with many cookies of others on the same host.
    request_bytes: 32 * 1024,
};

/// Most bytes of a body that are read, with what stands around its chunks: what GitHub tells of a push, and one
/// that is too long to see that it is.
const MAX_BODY_BYTES: usize = 300 * 1024;

/// Where hooks are, before their token.
pub const HOOKS: &str = "/hooks/";

/// Where the WebSocket is.
pub const SOCKET: &str = "/ws";

/// The page is of this server alone, nobody shows it in theirs, and no text becomes markup in it. Its icon
/// stands in it as data.
const CONTENT_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; \
    frame-ancestors 'none'";

/// With every answer.
const HEADERS: [(HeaderName, &str); 4] = [
    (header::CONTENT_SECURITY_POLICY, CONTENT_POLICY),
    (header::CROSS_ORIGIN_RESOURCE_POLICY, "same-origin"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
];

static FILES: [File; 3] = [
    File::new("/", HTML, include_bytes!("index.html")),
    File::new("/chat.js", SCRIPT, include_bytes!("chat.js")),
    File::new("/chat.css", STYLE, include_bytes!("chat.css")),
];

/// The file, or that whoever asks has it already. It may be another after the next start, so it is asked for each
/// time.
fn answer_with(file: &'static File, headers: &HeaderMap) -> Answer {
    let tag = file.tag();
    let has = |value: &HeaderValue| {
        let mut known = value.to_str().unwrap_or_default().split(',').map(str::trim);
        known.any(|known| known == "*" || known.trim_start_matches("W/") == tag)
    };
    let mut answer = match headers.get_all(header::IF_NONE_MATCH).any(has) {
        true => answer(StatusCode::NOT_MODIFIED, file.kind, ()),
        false => answer(StatusCode::OK, file.kind, file.content),
    };
    let headers = answer.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    if let Ok(tag) = tag.parse() {
        headers.insert(header::ETAG, tag);
    }
    answer
}

/// Answers what comes for hooks, whose body can be read where that is wanted.
pub type Hooks = Box<dyn Fn(Request) -> LocalBoxFuture<'static, Answer>>;

/// What the answers are made of.
#[derive(Default)]
pub struct Chat {
    /// Answers what comes for hooks; there are none without.
    pub hooks: Option<Hooks>,
}

impl Chat {
    /// Answers a request.
    pub async fn answer(&self, request: Request) -> Answer {
        match &self.hooks {
            Some(hooks) if request.path().starts_with(HOOKS) => {
                if let Some(visitor) = Visitor::of(&request) {
                    visitor.let_body(MAX_BODY_BYTES);
                }
                hooks(request).await
            }
            _ => file(request.path(), request.head()),
        }
    }
}

fn file(path: &str, head: &RequestHead) -> Answer {
    if path == SOCKET {
        return text(StatusCode::UPGRADE_REQUIRED, "this is for WebSockets");
    }
    match File::find(&FILES, path) {
        Some(_) if !only_reads(&head.method) => not_allowed("GET, HEAD"),
        Some(file) => answer_with(file, &head.headers),
        None => text(StatusCode::NOT_FOUND, "not found"),
    }
}

/// That only these methods may be used, in one line.
pub fn not_allowed(methods: &'static str) -> Answer {
    let answer = text(StatusCode::METHOD_NOT_ALLOWED, &format!("only {methods}"));
    allowing(answer, methods)
}

/// An answer of one line, which nobody keeps.
pub fn text(status: StatusCode, line: &str) -> Answer {
    let mut answer = answer(status, TEXT, format!("{line}\n"));
    let fresh = HeaderValue::from_static("no-store");
    answer.headers_mut().insert(header::CACHE_CONTROL, fresh);
    answer
}

fn answer<B: MessageBody + 'static>(status: StatusCode, kind: &'static str, body: B) -> Answer {
    files::answer(HEADERS, status, kind, body)
}
