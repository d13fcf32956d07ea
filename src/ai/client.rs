//! The only user of the HTTP client: asks a provider in its dialect, and hands on the answer line by line.

use std::pin::pin;

use awc::error::{PayloadError, SendRequestError};
use awc::http::header::{HeaderValue, InvalidHeaderValue};
use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use log::warn;
use tokio::time::timeout;

use super::answer::{AnswerText, Lines};
use super::provider::{Dialect, Post};
use super::request::Request;
use super::sse::SseDecoder;
use super::{AiFailure, Answer, Outcome};
use crate::chat::directory::ConnId;
use crate::chat::password::Secret;
use crate::config::AiConfig;
use crate::logging::event;

/// Most bytes of an error body that are read to see what it says.
const MAX_ERROR_BYTES: usize = 64 * 1024;

/// A client of a provider. It lives on the thread that made it.
pub struct AiClient {
    http: awc::Client,
}

/// The value of a header. Marked as sensitive, no log shows it, not even the HTTP client's at its finest
/// level.
fn header_value(value: &Secret) -> Result<HeaderValue, InvalidHeaderValue> {
    let mut value = HeaderValue::from_str(value.expose())?;
    value.set_sensitive(true);
    Ok(value)
}

impl Default for AiClient {
    fn default() -> Self {
        // Redirects would carry the key elsewhere; our own timeout covers the whole answer.
        Self { http: awc::Client::builder().disable_redirects().disable_timeout().finish() }
    }
}

impl AiClient {
    /// Asks the provider of `config`, and calls `show` with finished lines as they come. The whole text at the
    /// end. What goes wrong is logged as a matter of `conn`, whose question it is.
    ///
    /// # Errors
    /// Why there is no (whole) answer. What was shown by then stays shown.
    pub async fn ask(
        &self,
        conn: ConnId,
        config: &AiConfig,
        request: &Request,
        show: &mut impl FnMut(Lines),
    ) -> Outcome {
        let result = match timeout(config.timeout, self.stream(conn, config, request, show)).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(why)) => {
                warn!(event = event::AI_FAILED, conn = conn.number(); "AI: a question failed: {why}");
                Err(why)
            }
            Err(_) => {
                warn!(
                    event = event::AI_FAILED, conn = conn.number();
                    "AI: no whole answer within {} s", config.timeout.as_secs()
                );
                Err(AiFailure::Unavailable)
            }
        };
        let result = result.map(|text| Answer { text, cut: false });
        Outcome { result, usage: None }
    }

    async fn stream(
        &self,
        conn: ConnId,
        config: &AiConfig,
        request: &Request,
        show: &mut impl FnMut(Lines),
    ) -> Result<String, AiFailure> {
        let AiConfig { key, model, base_url, .. } = config;
        let dialect = config.provider.dialect();
        let Post { path, headers, body } = (dialect.post)(model, key, request);
        let mut post = self.http.post(format!("{base_url}{path}"));
        for (name, value) in &headers {
            let value = header_value(value).map_err(|error| {
                warn!(event = event::AI_FAILED, conn = conn.number(); "AI: the header {name} cannot be sent: {error}");
                AiFailure::Unavailable
            })?;
            post = post.insert_header((*name, value));
        }
        let response = post.send_body(body).await.map_err(|error: SendRequestError| {
            warn!(event = event::AI_FAILED, conn = conn.number(); "AI: the request failed: {error}");
            AiFailure::Unavailable
        })?;
        let status = response.status().as_u16();
        if status != 200 {
            warn!(event = event::AI_FAILED, conn = conn.number(); "AI: HTTP status {status}");
            return Err((dialect.read_error)(status, &error_body(response).await));
        }
        read_answer(conn, response, &dialect, show).await
    }
}

async fn error_body(body: impl Stream<Item = Result<Bytes, PayloadError>>) -> String {
    let (mut body, mut text) = (pin!(body), Vec::new());
    while let Some(Ok(chunk)) = body.next().await {
        text.extend_from_slice(&chunk);
        if text.len() > MAX_ERROR_BYTES {
            break;
        }
    }
    String::from_utf8_lossy(&text).into_owned()
}

async fn read_answer(
    conn: ConnId,
    body: impl Stream<Item = Result<Bytes, PayloadError>>,
    dialect: &Dialect,
    show: &mut impl FnMut(Lines),
) -> Result<String, AiFailure> {
    let (mut body, mut sse, mut answer) =
        (pin!(body), SseDecoder::default(), AnswerText::default());
    let mut finished = false;
    let mut take = |data: &str, answer: &mut AnswerText| -> Result<(), AiFailure> {
        let piece = (dialect.read_event)(data)?;
        finished |= piece.finished;
        let lines = answer.push(&piece.text);
        if !lines.is_empty() {
            show(Lines { lines, ..Lines::default() });
        }
        Ok(())
    };
    while let Some(chunk) = body.next().await {
        let chunk = chunk.map_err(|error| {
            warn!(event = event::AI_FAILED, conn = conn.number(); "AI: the answer broke off: {error}");
            AiFailure::Unavailable
        })?;
        let events = sse.feed(&chunk).map_err(|error| {
            warn!(event = event::AI_FAILED, conn = conn.number(); "AI: {error}");
            AiFailure::Unavailable
        })?;
        for data in events {
            take(&data, &mut answer)?;
        }
        if answer.is_full() {
            // Dropping the body closes the connection, which stops the model.
            return Ok(answer.into_shown());
        }
    }
    if let Some(data) = sse.finish() {
        take(&data, &mut answer)?;
    }
    if !finished {
        // The HTTP client reports a chunked body that breaks off as one that ended, so only the
        // model's own word, which it always gives, says that the answer is whole.
        warn!(event = event::AI_FAILED, conn = conn.number(); "AI: the answer broke off");
        return Err(AiFailure::Unavailable);
    }
    let last = answer.finish();
    if !last.is_empty() {
        show(Lines { lines: last, ..Lines::default() });
    }
    let whole = answer.into_shown();
    if whole.is_empty() { Err(AiFailure::Unavailable) } else { Ok(whole) }
}
