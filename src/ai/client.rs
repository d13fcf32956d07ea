//! The only user of the HTTP client: asks a provider in its dialect, and hands on the answer as it comes.

use std::cell::{OnceCell, RefCell};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::time::Duration;

use awc::error::PayloadError;
use awc::http::Uri;
use awc::http::header::{HOST, HeaderValue, InvalidHeaderValue};
use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use log::{info, warn};
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::answer::{AnswerText, Lines};
use super::provider::{Dialect, Finish, Post, Refused, Target};
use super::request::Request;
use super::sse::SseDecoder;
use super::transport::{Connects, Known};
use super::usage::Usage;
use super::{AiFailure, Answer, Outcome};
use crate::chat::directory::ConnId;
use crate::chat::password::Secret;
use crate::config::AiConfig;
use crate::logging::event;

/// Most bytes of an error body, or of one that is no stream, that are read to see what it says.
const MAX_ERROR_BYTES: usize = 64 * 1024;

/// Time for an error body: what has come by then says enough, and some servers never end it.
const ERROR_BODY_TIME: Duration = Duration::from_secs(5);

/// Time for what follows the end of an answer: the report of tokens, and the end of the body, after which the
/// connection serves again. Both come with it or at once; who holds the body open has the connection closed.
const REST_TIME: Duration = Duration::from_millis(150);

/// A stream that pauses for so long has what has come of a line shown.
const PAUSE: Duration = Duration::from_millis(200);

/// Bytes of text that come before the line that is being written is shown again as far as it is known: a row of the
/// narrowest terminal.
const STEP_BYTES: usize = 20;

/// A long line is shown again when it has grown by this part, so that all its beginnings together stay in
/// proportion.
const STEP_PART: usize = 16;

/// How far an answer has come.
pub enum Progress {
    /// These lines are to be shown.
    Lines(Lines),
    /// What is shown next is the last of it: whoever reads that may ask again.
    Ends,
}

/// A client of a provider, with one question at a time. It lives on the thread that made it.
pub struct AiClient {
    known: Rc<Known>,
    plain: awc::Client,
    /// Made when it is needed: reading what this machine trusts takes a while.
    tls: OnceCell<awc::Client>,
    /// The address whose server does not take the wish for a report of tokens.
    without_usage: RefCell<Option<String>>,
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
        let known = Rc::<Known>::default();
        let plain = client(Connects::plain(known.clone()));
        Self { known, plain, tls: OnceCell::new(), without_usage: RefCell::default() }
    }
}

fn client(connects: Connects) -> awc::Client {
    // Redirects would carry the key elsewhere; our own timeout covers the whole answer.
    let connector = awc::Connector::new().connector(connects);
    awc::Client::builder().connector(connector).disable_redirects().disable_timeout().finish()
}

/// What has come of an answer.
#[derive(Default)]
struct Coming {
    text: AnswerText,
    /// Bytes of text.
    came: usize,
    /// Bytes of the request that was sent last; none before there was one.
    sent: Option<usize>,
    /// The last report.
    usage: Option<Usage>,
    /// How it has ended.
    end: Option<Finish>,
    /// The lines that came with its end.
    last: Lines,
}

impl AiClient {
    /// Asks the provider of `config`, and calls `show` as it comes. The whole text at the
    /// end. What goes wrong is logged as a matter of `conn`, whose question it is. It ends where it is once something
    /// is sent by `stop`: as one that has failed, which is not logged.
    pub async fn ask(
        &self,
        conn: ConnId,
        config: &AiConfig,
        request: &Request,
        stop: oneshot::Receiver<()>,
        show: &mut impl FnMut(Progress),
    ) -> Outcome {
        let mut coming = Coming::default();
        let asked =
            timeout(config.timeout, self.attempts(conn, config, request, &mut coming, show));
        let asked = tokio::select! {
            asked = asked => Some(asked),
            Ok(()) = stop => None,
        };
        let result = match asked {
            Some(Ok(Ok(()))) => Ok(()),
            Some(Ok(Err(refused))) => {
                let (why, said) = (refused.why, refused.told(&config.key, request));
                warn!(
                    event = event::AI_FAILED, conn = conn.number();
                    "AI: a question failed: {why}: {}", said.as_str()
                );
                Err(why)
            }
            // It was whole, and only its report was waited for.
            Some(Err(_)) | None if coming.end.is_some() => Ok(()),
            None => {
                show(Progress::Ends);
                Err(AiFailure::Unavailable)
            }
            Some(Err(_)) => {
                warn!(
                    event = event::AI_FAILED, conn = conn.number();
                    "AI: no whole answer within {} s", config.timeout.as_secs()
                );
                Err(AiFailure::Unavailable)
            }
        };
        // What there is of the last row of an answer that broke off.
        show_some(std::mem::take(&mut coming.last), show);
        show_some(coming.text.finish(), show);
        let counted = || Some(Usage::by_bytes(coming.sent?, coming.came));
        let usage = coming.usage.or_else(counted);
        let cut = coming.end == Some(Finish::Cut);
        let result = result.and_then(|()| match coming.text.into_shown() {
            text if text.is_empty() => {
                warn!(event = event::AI_FAILED, conn = conn.number(); "AI: a question failed: the answer is empty");
                Err(AiFailure::Unavailable)
            }
            text => Ok(Answer { text, cut }),
        });
        Outcome { result, usage }
    }

    /// Asks, and once more where that may help.
    async fn attempts(
        &self,
        conn: ConnId,
        config: &AiConfig,
        request: &Request,
        coming: &mut Coming,
        show: &mut impl FnMut(Progress),
    ) -> Result<(), Refused> {
        let mut shorter = None;
        loop {
            let asked = shorter.as_ref().unwrap_or(request);
            let with_usage = self.without_usage.borrow().as_ref() != Some(&config.base_url);
            let Err(refused) = self.stream(config, asked, with_usage, coming, show).await else {
                return Ok(());
            };
            if coming.text.has_begun() {
                return Err(refused);
            }
            if refused.of_usage && with_usage {
                *self.without_usage.borrow_mut() = Some(config.base_url.clone());
                continue;
            }
            let half =
                request.without_older_half().filter(|_| refused.too_long && shorter.is_none());
            let Some(half) = half else { return Err(refused) };
            info!(
                event = event::AI_FAILED, conn = conn.number();
                "AI: the prompt is too long for the model: asked again with half of the conversation"
            );
            shorter = Some(half);
        }
    }

    async fn stream(
        &self,
        config: &AiConfig,
        request: &Request,
        with_usage: bool,
        coming: &mut Coming,
        show: &mut impl FnMut(Progress),
    ) -> Result<(), Refused> {
        let AiConfig { key, model, base_url, .. } = config;
        let dialect = config.provider.dialect();
        let post = (dialect.post)(&Target { model, key, with_usage }, request);
        coming.sent = None;
        let response = match self.send(base_url, &post).await? {
            Sent::Answered(response) => response,
            // It may have been closed by the server since the answer before.
            Sent::OnStale(_) => match self.send(base_url, &post).await? {
                Sent::Answered(response) => response,
                Sent::OnStale(error) => return Err(Refused::unusable(&error)),
            },
        };
        coming.sent = Some(request.bytes());
        let status = response.status().as_u16();
        if status != 200 {
            let body = error_body(response).await;
            let refused = Refused::by_status(status, &body);
            return Err(refused.with(&format!("HTTP status {status}")));
        }
        read_answer(response, &dialect, coming, show).await
    }

    async fn send(&self, base_url: &str, post: &Post) -> Result<Sent, Refused> {
        let Post { path, headers, body } = post;
        let (http, url, host) = self.place(base_url, path)?;
        let mut request = http.post(url).insert_header((HOST, host));
        for (name, value) in headers {
            let value = header_value(value).map_err(|error| {
                Refused::unusable(&format!("the header {name} cannot be sent: {error}"))
            })?;
            request = request.insert_header((*name, value));
        }
        let before = self.known.now();
        match request.send_body(body.clone()).await {
            Ok(response) => Ok(Sent::Answered(response)),
            // No connection was made for it and no byte came: it went out on one that was kept.
            Err(error) if self.known.now() == before => Ok(Sent::OnStale(error.to_string())),
            Err(error) => Err(Refused::unusable(&format!("the request failed: {error}"))),
        }
    }

    /// The client for an address, the URL in its terms, and the value of `Host`. For the client all are plain: TLS is
    /// a matter of the transport.
    fn place(
        &self,
        base_url: &str,
        path: &str,
    ) -> Result<(&awc::Client, String, HeaderValue), Refused> {
        let unusable = |error: &dyn std::fmt::Display| {
            Refused::unusable(&format!("the address cannot be used: {error}"))
        };
        let uri: Uri = base_url.parse().map_err(|error| unusable(&error))?;
        let authority = uri.authority().map(|authority| authority.as_str()).unwrap_or_default();
        let host = HeaderValue::from_str(authority).map_err(|error| unusable(&error))?;
        let is_tls = uri.scheme_str() == Some("https");
        let port = uri.port_u16().unwrap_or(if is_tls { 443 } else { 80 });
        let base = uri.path().trim_end_matches('/');
        let url = format!("http://{}:{port}{base}{path}", uri.host().unwrap_or_default());
        let http = match (is_tls, self.tls.get()) {
            (false, _) => &self.plain,
            (true, Some(tls)) => tls,
            (true, None) => {
                let tls =
                    Connects::with_tls(self.known.clone()).map_err(|error| unusable(&error))?;
                self.tls.get_or_init(|| client(tls))
            }
        };
        Ok((http, url, host))
    }
}

/// A response, as its body streams in.
type Response = awc::ClientResponse;

enum Sent {
    Answered(Response),
    /// A kept connection was closed as it went out.
    OnStale(String),
}

fn show_some(lines: Lines, show: &mut impl FnMut(Progress)) {
    if !lines.is_empty() {
        show(Progress::Lines(lines));
    }
}

async fn error_body(body: impl Stream<Item = Result<Bytes, PayloadError>>) -> String {
    let (mut body, mut text) = (pin!(body), Vec::new());
    let _ = timeout(ERROR_BODY_TIME, async {
        while let Some(Ok(chunk)) = body.next().await {
            text.extend_from_slice(&chunk);
            if text.len() > MAX_ERROR_BYTES {
                break;
            }
        }
    })
    .await;
    String::from_utf8_lossy(&text).into_owned()
}

async fn read_answer(
    body: impl Stream<Item = Result<Bytes, PayloadError>>,
    dialect: &Dialect,
    coming: &mut Coming,
    show: &mut impl FnMut(Progress),
) -> Result<(), Refused> {
    let mut reading =
        Reading { dialect, coming, sse: SseDecoder::default(), plain: Some(Vec::new()) };
    // The library's panics where it is read beyond its end.
    let mut body = pin!(body.fuse());
    // Bytes of text since the line that is being written was shown, and how long it was then.
    let (mut fresh, mut known) = (0, 0);
    loop {
        let chunk = match fresh {
            0 => body.next().await,
            _ => match timeout(PAUSE, body.next()).await {
                Ok(chunk) => chunk,
                Err(_) => {
                    known += std::mem::take(&mut fresh);
                    show_some(reading.coming.text.beginning(), show);
                    continue;
                }
            },
        };
        let before = reading.coming.came;
        match chunk {
            None => {
                reading.ended(show)?;
                break;
            }
            Some(chunk) => {
                let chunk = chunk.map_err(|error| {
                    Refused::unusable(&format!("the answer broke off: {error}"))
                })?;
                if reading.chunk(&chunk, show)? {
                    known = 0;
                }
            }
        }
        if reading.coming.end.is_some() {
            break;
        }
        fresh += reading.coming.came - before;
        if fresh >= STEP_BYTES.max(known / STEP_PART) {
            known += std::mem::take(&mut fresh);
            show_some(reading.coming.text.beginning(), show);
        }
    }
    if !reading.coming.text.is_full() {
        let _ = timeout(REST_TIME, reading.rest(body)).await;
    }
    // Without a pause from here to the end: whoever reads the last row may ask again at once.
    show(Progress::Ends);
    show_some(std::mem::take(&mut coming.last), show);
    show_some(coming.text.finish(), show);
    // Dropping the body closes the connection, which stops the model.
    Ok(())
}

/// An answer that is being read.
struct Reading<'a> {
    dialect: &'a Dialect,
    coming: &'a mut Coming,
    sse: SseDecoder,
    /// All that has come, as long as it has no event in it: some servers answer without a stream. None once there
    /// was one, or too much.
    plain: Option<Vec<u8>>,
}

/// The data of the event after the last one, of whichever dialect.
const DONE: &str = "[DONE]";

impl Reading<'_> {
    /// Takes a part of the body. Whether lines were shown.
    fn chunk(&mut self, chunk: &[u8], show: &mut impl FnMut(Progress)) -> Result<bool, Refused> {
        let events = self.sse.feed(chunk).map_err(|error| Refused::unusable(&error.to_string()))?;
        if let Some(plain) = &mut self.plain {
            plain.extend_from_slice(chunk);
        }
        let too_much = |plain: &Vec<u8>| plain.len() > MAX_ERROR_BYTES;
        if !events.is_empty() || self.plain.as_ref().is_some_and(too_much) {
            self.plain = None;
        }
        let mut shown = false;
        for data in events {
            shown |= self.event(&data, show)?;
        }
        Ok(shown)
    }

    fn event(&mut self, data: &str, show: &mut impl FnMut(Progress)) -> Result<bool, Refused> {
        let coming = &mut *self.coming;
        if coming.end.is_some() {
            // It may still report its tokens; what else it says is no part of the answer.
            if let Ok(piece) = (self.dialect.read_event)(data) {
                coming.usage = piece.usage.or(coming.usage);
            }
            return Ok(false);
        }
        if data.trim() == DONE {
            coming.end = Some(Finish::Whole);
            return Ok(false);
        }
        let piece = (self.dialect.read_event)(data)?;
        coming.usage = piece.usage.or(coming.usage);
        coming.came += piece.text.len();
        let lines = coming.text.push(&piece.text);
        coming.end = piece.finish;
        if coming.text.is_full() {
            coming.end = Some(Finish::Cut);
        }
        if coming.end.is_some() {
            coming.last = lines;
            return Ok(true);
        }
        let shown = !lines.is_empty();
        show_some(lines, show);
        Ok(shown)
    }

    /// The body has ended.
    fn ended(&mut self, show: &mut impl FnMut(Progress)) -> Result<(), Refused> {
        if let Some(data) = std::mem::take(&mut self.sse).finish() {
            self.plain = None;
            self.event(&data, show)?;
        }
        if let Some(plain) = self.plain.take() {
            let plain = String::from_utf8_lossy(&plain);
            if plain.trim_start().starts_with(['{', '[']) {
                self.event(&plain, show)?;
            }
        }
        match self.coming.end {
            Some(_) => Ok(()),
            // The HTTP client reports a chunked body that breaks off as one that ended, so only the
            // model's own word, which it always gives, says that the answer is whole.
            None => Err(Refused::unusable("the answer broke off")),
        }
    }

    /// What follows the end of the answer.
    async fn rest(&mut self, mut body: Pin<&mut impl Stream<Item = Result<Bytes, PayloadError>>>) {
        while let Some(Ok(chunk)) = body.next().await {
            if self.chunk(&chunk, &mut |_| {}).is_err() {
                break;
            }
        }
    }
}

#[cfg(test)]
#[path = "client_tests.rs"]
mod tests;
