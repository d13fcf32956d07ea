//! Files of pages, as they are in the program, and what all answers have in common.

use std::sync::OnceLock;

use actix_http::body::MessageBody;
use actix_http::header::{self, HeaderName, HeaderValue};
use actix_http::{Method, Response, StatusCode};

use crate::web::Answer;

pub(super) const HTML: &str = "text/html; charset=utf-8";
pub(super) const SCRIPT: &str = "text/javascript; charset=utf-8";
pub(super) const STYLE: &str = "text/css; charset=utf-8";
pub(super) const PICTURE: &str = "image/svg+xml";
pub(super) const TEXT: &str = "text/plain; charset=utf-8";

/// One of them.
pub(super) struct File {
    path: &'static str,
    /// Its media type.
    pub(super) kind: &'static str,
    /// What is in it.
    pub(super) content: &'static [u8],
    tag: OnceLock<String>,
}

impl File {
    pub(super) const fn new(
        path: &'static str,
        kind: &'static str,
        content: &'static [u8],
    ) -> Self {
        Self { path, kind, content, tag: OnceLock::new() }
    }

    /// The one of them at a path.
    pub(super) fn find(files: &'static [Self], path: &str) -> Option<&'static Self> {
        files.iter().find(|file| file.path == path)
    }

    /// What this content alone has: the beginning of its SHA-256 (RFC 9110 §8.8.3).
    pub(super) fn tag(&self) -> &str {
        self.tag.get_or_init(|| {
            let sum = openssl::sha::sha256(self.content);
            let hex: String = sum[..8].iter().map(|byte| format!("{byte:02x}")).collect();
            format!("\"{hex}\"")
        })
    }
}

/// Whether something is only read by a request.
pub(super) fn only_reads(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD)
}

/// An answer with these headers.
pub(super) fn answer<B: MessageBody + 'static>(
    headers: impl IntoIterator<Item = (HeaderName, &'static str)>,
    status: StatusCode,
    kind: &'static str,
    body: B,
) -> Answer {
    let mut builder = Response::build(status);
    builder.insert_header((header::CONTENT_TYPE, kind));
    for (name, value) in headers {
        builder.insert_header((name, value));
    }
    builder.body(body).map_into_boxed_body()
}

/// The answer with the methods that are allowed in it.
pub(super) fn allowing(mut answer: Answer, methods: &'static str) -> Answer {
    answer.headers_mut().insert(header::ALLOW, HeaderValue::from_static(methods));
    answer
}
