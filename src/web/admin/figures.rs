//! `/figures`: what the operator's page shows, as JSON.

use std::time::Duration;

use serde_json::{Value, json};

use super::Admin;
use crate::chat::history::UnixMillis;
use crate::clock;
use crate::draining::Phase;
use crate::metrics::figures::{Point, STEP};

/// From which point on the figures are asked for, by the query of the request.
pub(super) fn since(query: Option<&str>) -> Result<Option<UnixMillis>, &'static str> {
    let mut parts = query.unwrap_or_default().split('&').filter(|part| !part.is_empty());
    match (parts.next().map(|part| part.strip_prefix("since=")), parts.next()) {
        (None, _) => Ok(None),
        (Some(Some(millis)), None) => {
            let millis = millis.parse().map_err(|_| "since is a time in milliseconds\n")?;
            Ok(Some(UnixMillis(millis)))
        }
        (Some(_), _) => Err("there is only since\n"),
    }
}

impl Admin {
    /// All that the page shows, with the points after an instant; those of the last hour without.
    pub(super) fn figures(&self, since: Option<UnixMillis>, up: Duration) -> String {
        let figures = self.figures.borrow();
        let UnixMillis(started) = self.started;
        let millis = |up: Duration| started + u64::try_from(up.as_millis()).unwrap_or_default();
        let after = since.map(|since| Duration::from_millis(since.0.saturating_sub(started)));
        let points = figures.after(after);
        let each = |value: fn(&Point) -> Value| points.clone().map(value).collect::<Value>();
        let (state, why) = self.health.report();
        let reload = (self.last_reload)().map(
            |last| json!({ "at": last.at.0, "good": last.fault.is_none(), "why": last.fault }),
        );
        let certificate = (self.certificate)().map(|valid| {
            json!({ "from": valid.from.as_millisecond(), "until": valid.until.as_millisecond() })
        });
        let drain = match self.health.draining().phase() {
            Phase::Draining(drain) => json!({
                "left": drain.left,
                "deadline_ms": millis(drain.time(clock::now())) - started,
            }),
            Phase::Serving | Phase::Stopping { .. } => Value::Null,
        };
        let all = json!({
            "version": env!("CARGO_PKG_VERSION"),
            "started": started,
            "now": millis(up),
            "state": state.name(),
            "why": why,
            "drain": drain,
            "listeners": self.metrics.listeners(&self.listeners),
            "users": self.metrics.users.get(),
            "lobbies": self.metrics.lobbies.get(),
            "nodes": (self.nodes)(),
            "reload": reload,
            "certificate": certificate,
            "step_ms": millis(STEP) - started,
            "at": points.clone().map(|point| millis(point.up)).collect::<Value>(),
            "series": {
                "users": each(|point| point.users.into()),
                "in": each(|point| rounded(point.messages_in)),
                "delivered": each(|point| rounded(point.delivered)),
                "p50": each(|point| point.p50.map(in_millis).into()),
                "p99": each(|point| point.p99.map(in_millis).into()),
                "store_queue": each(|point| point.store_queue.into()),
                "ai": each(|point| rounded(point.ai_requests)),
            },
        });
        all.to_string()
    }
}

/// To what a chart can show, so that an hour is some kilobytes.
fn rounded(number: f64) -> Value {
    ((number * 1_000.0).round() / 1_000.0).into()
}

fn in_millis(time: Duration) -> Value {
    rounded(time.as_secs_f64() * 1_000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_query_says_which_points() {
        for (query, want) in [
            (None, Ok(None)),
            (Some(""), Ok(None)),
            (Some("since=0"), Ok(Some(UnixMillis(0)))),
            (Some("since=1700000000123"), Ok(Some(UnixMillis(1_700_000_000_123)))),
        ] {
            assert_eq!(since(query), want, "{query:?}");
        }
        for query in ["since=", "since=-1", "since=x", "until=3", "since=1&since=2", "since"] {
            assert!(since(Some(query)).is_err(), "{query}");
        }
    }
}
