//! The only user of the HTTP client: asks Gemini and hands on the answer line by line.

use std::pin::pin;
use std::time::Duration;

use awc::error::{PayloadError, SendRequestError};
use awc::http::header::{self, HeaderValue};
use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use log::warn;
use tokio::time::timeout;

use super::AiFailure;
use super::answer::AnswerText;
use super::sse::SseDecoder;
use crate::ai::provider::gemini::{self, read_error, read_event};
use crate::chat::text::Line;
use crate::config::AiConfig;

/// Most bytes of an error body that are read to see what it says.
const MAX_ERROR_BYTES: usize = 64 * 1024;

/// A client of the Gemini API. It lives on the thread that made it.
pub struct GeminiClient {
    http: awc::Client,
    url: String,
    key: HeaderValue,
    whole_answer: Duration,
}

impl GeminiClient {
    /// A client with the key, model and address of `config`.
    pub fn new(config: &AiConfig) -> Self {
        // Redirects would carry the key elsewhere; our own timeout covers the whole answer.
        let http = awc::Client::builder().disable_redirects().disable_timeout().finish();
        let url = format!("{}{}", config.base_url, gemini::stream_path(&config.model));
        // The settings allow printable ASCII alone, so this is always a valid value. Marked as
        // sensitive, no log shows it, not even the HTTP client's at its finest level.
        let mut key = HeaderValue::from_str(config.key.expose())
            .unwrap_or_else(|_| HeaderValue::from_static(""));
        key.set_sensitive(true);
        Self { http, url, key, whole_answer: config.timeout }
    }

    /// Asks, and calls `show` with finished lines as they come. The whole text at the end.
    ///
    /// # Errors
    /// Why there is no (whole) answer. What was shown by then stays shown.
    pub async fn ask(
        &self,
        body: String,
        show: &mut impl FnMut(Vec<Line>),
    ) -> Result<String, AiFailure> {
        match timeout(self.whole_answer, self.stream(body, show)).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(why)) => {
                warn!("AI: a question failed: {why}");
                Err(why)
            }
            Err(_) => {
                warn!("AI: no whole answer within {} s", self.whole_answer.as_secs());
                Err(AiFailure::Unavailable)
            }
        }
    }

    async fn stream(
        &self,
        body: String,
        show: &mut impl FnMut(Vec<Line>),
    ) -> Result<String, AiFailure> {
        let request = self
            .http
            .post(&self.url)
            .insert_header((header::CONTENT_TYPE, "application/json"))
            .insert_header(("x-goog-api-key", self.key.clone()));
        let response = request.send_body(body).await.map_err(|error: SendRequestError| {
            warn!("AI: the request failed: {error}");
            AiFailure::Unavailable
        })?;
        let status = response.status().as_u16();
        if status != 200 {
            warn!("AI: HTTP status {status}");
            return Err(read_error(status, &error_body(response).await));
        }
        read_answer(response, show).await
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
    body: impl Stream<Item = Result<Bytes, PayloadError>>,
    show: &mut impl FnMut(Vec<Line>),
) -> Result<String, AiFailure> {
    let (mut body, mut sse, mut answer) =
        (pin!(body), SseDecoder::default(), AnswerText::default());
    let mut finished = false;
    let mut take = |data: &str, answer: &mut AnswerText| -> Result<(), AiFailure> {
        let piece = read_event(data)?;
        finished |= piece.finished;
        let lines = answer.push(&piece.text);
        if !lines.is_empty() {
            show(lines);
        }
        Ok(())
    };
    while let Some(chunk) = body.next().await {
        let chunk = chunk.map_err(|error| {
            warn!("AI: the answer broke off: {error}");
            AiFailure::Unavailable
        })?;
        let events = sse.feed(&chunk).map_err(|error| {
            warn!("AI: {error}");
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
        warn!("AI: the answer broke off");
        return Err(AiFailure::Unavailable);
    }
    let last = answer.finish();
    if !last.is_empty() {
        show(last);
    }
    let whole = answer.into_shown();
    if whole.is_empty() { Err(AiFailure::Unavailable) } else { Ok(whole) }
}
