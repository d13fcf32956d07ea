//! What the operator is answered: metrics, health, and a page to look at.

mod figures;
mod files;

use std::cell::RefCell;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_http::body::MessageBody;
use actix_http::header::{self, HeaderName};
use actix_http::{RequestHead, StatusCode};
use serde_json::Value;

use crate::chat::history::UnixMillis;
use crate::clock;
use crate::config::LastReload;
use crate::health::{Health, State};
use crate::metrics::Metrics;
use crate::metrics::figures::Figures;
use crate::net::listen::ListenerKind;
use crate::net::validity::Validity;
use crate::web::admin::files::FILES;
use crate::web::files::{self as shared, File, TEXT, allowing, only_reads};
use crate::web::{Answer, Limits};

/// A scraper, a load balancer, and a few browsers with some connections each, ten times over.
pub const LIMITS: Limits = Limits {
    connections: 64,
    head_time: Duration::from_secs(5),
    // Longer than the pause between two scrapes mostly is.
    quiet_time: Duration::from_secs(75),
    linger_time: Duration::from_secs(1),
    // A browser's head with many cookies of others on the same host, and some requests at once.
    request_bytes: 32 * 1024,
};

/// What Prometheus reads: <https://prometheus.io/docs/instrumenting/exposition_formats/>.
const METRICS_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";
const JSON_TYPE: &str = "application/json";

/// The page is of this server alone, nobody shows it in theirs, and no text becomes markup in it.
const CONTENT_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; \
    frame-ancestors 'none'; require-trusted-types-for 'script'";

/// With every answer. It is always of now, so nobody keeps it.
const HEADERS: [(HeaderName, &str); 5] = [
    (header::CACHE_CONTROL, "no-store"),
    (header::CONTENT_SECURITY_POLICY, CONTENT_POLICY),
    (header::CROSS_ORIGIN_RESOURCE_POLICY, "same-origin"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
];

/// What the answers are made of.
pub struct Admin {
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// How the server is.
    pub health: Health,
    /// The listeners for the chat, and where they are.
    pub listeners: Vec<(ListenerKind, SocketAddr)>,
    /// How the last reload ended; none where there was none.
    pub last_reload: Box<dyn Fn() -> Option<Arc<LastReload>>>,
    /// From when until when the certificate for TLS is valid; none without one.
    pub certificate: Box<dyn Fn() -> Option<Validity>>,
    /// The nodes of the cluster, as programs are told of them; none where this server is alone.
    pub nodes: Box<dyn Fn() -> Vec<Value>>,
    /// When the server was started.
    pub started: UnixMillis,
    /// The same on the clock that only ever goes on.
    pub begun: Instant,
    /// The figures of the last hour.
    pub figures: Rc<RefCell<Figures>>,
    /// Whether nobody but this machine reaches the listener.
    pub on_loopback: bool,
}

impl Admin {
    /// Answers a request.
    pub fn answer(&self, head: &RequestHead) -> Answer {
        if !only_reads(&head.method) {
            let answer = text(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD\n");
            return allowing(answer, "GET, HEAD");
        }
        let host = head.headers.get(header::HOST);
        if self.on_loopback && !host.is_none_or(|host| host.to_str().is_ok_and(is_own_host)) {
            return text(
                StatusCode::MISDIRECTED_REQUEST,
                "this listener is known by its IP address and as localhost: a proxy before it has to ask for that\n",
            );
        }
        match head.uri.path() {
            "/metrics" => {
                let (state, _) = self.health.report();
                self.metrics.ready.set(i64::from(state == State::Ready));
                answer(StatusCode::OK, METRICS_TYPE, self.metrics.text())
            }
            "/health/live" => text(StatusCode::OK, "alive\n"),
            "/health/ready" => self.ready(),
            "/figures" => match figures::since(head.uri.query()) {
                Ok(since) => {
                    let figures = self.figures(since, clock::since(self.begun));
                    answer(StatusCode::OK, JSON_TYPE, figures)
                }
                Err(why) => text(StatusCode::BAD_REQUEST, why),
            },
            path => match File::find(&FILES, path) {
                Some(file) => answer(StatusCode::OK, file.kind, file.content),
                None => text(StatusCode::NOT_FOUND, "not found\n"),
            },
        }
    }

    fn ready(&self) -> Answer {
        match self.health.report() {
            (State::Ready, _) => text(StatusCode::OK, "ready\n"),
            (State::Draining | State::Failing, why) => {
                let why: String = why.iter().map(|line| format!("{line}\n")).collect();
                answer(StatusCode::SERVICE_UNAVAILABLE, TEXT, why)
            }
        }
    }
}

fn text(status: StatusCode, line: &'static str) -> Answer {
    answer(status, TEXT, line)
}

fn answer<B: MessageBody + 'static>(status: StatusCode, kind: &'static str, body: B) -> Answer {
    shared::answer(HEADERS, status, kind, body)
}

/// Whether a browser can only have meant this machine by a host. Another name may be one whose owner lets
/// it lead here, so that a page of theirs may read what it should not (DNS rebinding); nobody owns a name
/// without a dot.
///
/// What is no host with or without a port, as RFC 9110 (7.2) has it, is nobody's.
fn is_own_host(host: &str) -> bool {
    let is_port = |rest: &str| {
        rest.strip_prefix(':')
            .map_or(rest.is_empty(), |port| port.bytes().all(|b| b.is_ascii_digit()))
    };
    if let Some(rest) = host.strip_prefix('[') {
        let literal = rest.split_once(']');
        return literal.is_some_and(|(ip, rest)| ip.parse::<Ipv6Addr>().is_ok() && is_port(rest));
    }
    let (name, rest) = host.split_at(host.find(':').unwrap_or(host.len()));
    let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
    let is_label = |label: &str| {
        !label.is_empty() && label.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
    };
    is_port(rest)
        && name.split('.').all(is_label)
        && (name.parse::<Ipv4Addr>().is_ok() || !name.contains('.') || name.ends_with(".localhost"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_of_somebody_else_is_not_ours() {
        for (host, own) in [
            ("127.0.0.1:9090", true),
            ("127.0.0.1", true),
            ("192.0.2.7:80", true),
            ("127.0.0.1.", true),
            ("[::1]:9090", true),
            ("[::1]", true),
            ("[::ffff:127.0.0.1]:9090", true),
            ("localhost", true),
            ("LOCALHOST.:9090", true),
            ("chat.localhost:9090", true),
            ("a.b.localhost", true),
            ("lobbyd:9090", true),
            ("my-host_1", true),
            // An empty port is one that is not given.
            ("localhost:", true),
            ("evil.example:9090", false),
            ("127.0.0.1.evil.example", false),
            ("localhost.evil.example", false),
            ("notlocalhost.example", false),
            ("evil.example.", false),
            ("localhost..", false),
            (".localhost", false),
            ("evil..localhost", false),
            ("[::1].evil.example", false),
            ("[::1].evil.example:9090", false),
            ("[::1]evil", false),
            ("[::1]9090", false),
            ("[::1", false),
            ("[]", false),
            ("[localhost]", false),
            ("[127.0.0.1]", false),
            ("[evil.example]:9090", false),
            ("::1", false),
            ("::1]", false),
            ("localhost:evil.example", false),
            ("localhost:80:80", false),
            ("localhost:+80", false),
            ("127.0.0.1.evil", false),
            ("127.1", false),
            ("evil.example#.localhost", false),
            ("evil.example/.localhost", false),
            ("user@localhost", false),
            ("local host", false),
            ("", false),
            (":9090", false),
            (".", false),
        ] {
            assert_eq!(is_own_host(host), own, "{host}");
        }
    }
}
