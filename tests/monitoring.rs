//! The dashboard and the alerts of `deploy/`: they ask for metrics that there are, Prometheus takes them, and
//! the alerts tell what goes wrong and nothing else.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use lobbyd::metrics::Metrics;
use serde_json::Value;

use crate::clients::have;
use crate::harness::Folder;

/// Families that the dashboard leaves out: each server of a cluster counts the users of all of them, and where it is
/// in the log says nothing without where that ends.
const NOT_SHOWN: [&str; 2] = ["lobbyd_users", "lobbyd_cluster_position"];

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn read(name: &str) -> String {
    fs::read_to_string(path(name)).unwrap()
}

/// The words of a query that begin as the names of metrics do.
fn names(text: &str) -> BTreeSet<&str> {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    words.filter(|word| word.starts_with("lobbyd_")).collect()
}

/// All queries of the dashboard, with what Grafana puts in place of its variables.
fn queries_of_the_dashboard() -> Vec<String> {
    fn collect(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Object(fields) => {
                found.extend(fields.get("expr").and_then(Value::as_str).map(str::to_owned));
                fields.values().for_each(|field| collect(field, found));
            }
            Value::Array(items) => items.iter().for_each(|item| collect(item, found)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    let dashboard: Value = serde_json::from_str(&read("deploy/grafana-dashboard.json")).unwrap();
    let mut found = Vec::new();
    collect(&dashboard, &mut found);
    let filled = found.iter().map(|query| {
        let query = query.replace("$__rate_interval", "1m").replace("$__range", "6h");
        query.replace("$job", ".*").replace("$instance", ".*")
    });
    filled.collect()
}

/// Each value that a text asks of one of our labels, as `reason="full"` or `reason=~"full|draining"`.
fn label_values(text: &str) -> BTreeSet<(&str, &str)> {
    let mut found = BTreeSet::new();
    for label in ["listener", "reason", "result", "actor"] {
        for (at, _) in text.match_indices(label) {
            let rest = &text[at + label.len()..];
            let Some(rest) = rest.strip_prefix("=~\"").or_else(|| rest.strip_prefix("=\"")) else {
                continue;
            };
            let values = rest.split('"').next().unwrap();
            found.extend(values.split('|').map(|value| (label, value)));
        }
    }
    found
}

/// Runs promtool in a folder, which has to be content.
fn promtool(folder: &Path, args: &[&str]) {
    let output = Command::new("promtool").current_dir(folder).args(args).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&said));
}

/// A copy of what Prometheus is given.
fn folder_for_prometheus() -> Folder {
    let folder = Folder::new();
    for (from, to) in [
        ("deploy/prometheus.yml", "prometheus.yml"),
        ("deploy/prometheus-alerts.yml", "prometheus-alerts.yml"),
        ("tests/data/prometheus-alerts-test.yml", "test.yml"),
    ] {
        fs::copy(path(from), folder.join(to)).unwrap();
    }
    folder
}

#[test]
fn the_dashboard_and_the_alerts_ask_for_metrics_that_there_are() {
    let metrics = Metrics::new().text();
    let samples = metrics.lines().filter(|line| !line.starts_with('#'));
    let known: BTreeSet<&str> =
        samples.map(|line| line.split(['{', ' ']).next().unwrap()).collect();
    let queries = queries_of_the_dashboard();
    assert!(queries.len() > 25, "{queries:?}");
    let texts = [
        ("the dashboard", queries.join("\n")),
        ("the dashboard's variables", read("deploy/grafana-dashboard.json")),
        ("the alerts", read("deploy/prometheus-alerts.yml")),
        ("the alerts' test", read("tests/data/prometheus-alerts-test.yml")),
    ];
    for (what, text) in texts {
        for name in names(&text) {
            assert!(known.contains(name), "{what}: {name} is no metric");
        }
        for (label, value) in label_values(&text) {
            let there = metrics.contains(&format!("{label}=\"{value}\""));
            assert!(there, "{what}: nothing has {label}=\"{value}\"");
        }
    }
}

/// A family of metrics by the name that it has in the documents: a counter's with its `_total`.
fn families(metrics: &str) -> BTreeSet<&str> {
    let types = metrics.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    types.map(|line| line.split(' ').next().unwrap()).collect()
}

#[test]
fn every_metric_has_its_row_in_the_manual_and_every_row_is_a_metric() {
    let manual = read("docs/operating.md");
    let rows = manual.lines().filter_map(|line| line.strip_prefix("| `lobbyd_"));
    let mut told = BTreeSet::new();
    for row in rows {
        let (first, _) = row.split_once(" | ").unwrap();
        for name in format!("`lobbyd_{first}").split(", ") {
            let name = name.trim_matches('`').to_owned();
            assert!(told.insert(name.clone()), "{name} has two rows");
        }
    }
    let metrics = Metrics::new().text();
    let known: BTreeSet<String> = families(&metrics).into_iter().map(str::to_owned).collect();
    assert!(known.len() > 15, "{known:?}");
    assert_eq!(told, known);
}

#[test]
fn every_metric_is_on_the_dashboard_or_left_out_on_purpose() {
    let metrics = Metrics::new().text();
    let queries = queries_of_the_dashboard().join("\n");
    let shown = names(&queries);
    let families = families(&metrics);
    for family in &families {
        let series = ["", "_bucket", "_count", "_sum"].map(|suffix| format!("{family}{suffix}"));
        let used = series.iter().any(|name| shown.contains(name.as_str()));
        assert_ne!(used, NOT_SHOWN.contains(family), "{family}");
    }
    assert!(families.len() > 15, "{families:?}");
}

#[test]
fn prometheus_takes_the_rules_and_every_query_of_the_dashboard() {
    if !have(&["promtool"]) {
        return;
    }
    let folder = folder_for_prometheus();
    promtool(folder.path(), &["check", "config", "prometheus.yml"]);
    promtool(folder.path(), &["check", "rules", "prometheus-alerts.yml"]);
    // A query is checked as a rule that records what it comes to.
    let queries = queries_of_the_dashboard();
    let rules = queries.iter().enumerate().map(
        |(number, query)| serde_json::json!({"record": format!("query_{number}"), "expr": query}),
    );
    let rules: Vec<Value> = rules.collect();
    let rules = serde_json::json!({"groups": [{"name": "dashboard", "rules": rules}]});
    fs::write(folder.join("dashboard.yml"), rules.to_string()).unwrap();
    promtool(folder.path(), &["check", "rules", "dashboard.yml"]);
}

#[test]
fn the_alerts_tell_what_goes_wrong_and_nothing_of_a_calm_server() {
    let rules = read("deploy/prometheus-alerts.yml");
    let test = read("tests/data/prometheus-alerts-test.yml");
    let manual = read("docs/operating.md");
    let mut alerts = 0;
    for alert in rules.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")) {
        assert!(test.contains(&format!("alertname=\"{alert}\"")), "{alert} is not tested");
        assert!(manual.contains(&format!("\n### {alert}\n")), "{alert} is not in the manual");
        alerts += 1;
    }
    assert!(alerts > 8, "{alerts}");
    if have(&["promtool"]) {
        promtool(folder_for_prometheus().path(), &["test", "rules", "test.yml"]);
    }
}
