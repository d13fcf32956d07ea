//! Prometheus' text format 0.0.4, out of OpenMetrics, which is what the library writes.

use prometheus_client::encoding::text::encode_registry;
use prometheus_client::registry::Registry;

/// All metrics of a registry. The two formats differ in that OpenMetrics names a counter without the
/// `_total` of its samples, an info without their `_info`, and knows that type at all.
pub(super) fn encode(registry: &Registry) -> String {
    let mut open = String::new();
    // A String takes whatever is written.
    let _ = encode_registry(&mut open, registry);
    let types = open.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '));
    let types: std::collections::HashMap<&str, &str> = types.collect();
    let mut text = String::with_capacity(open.len() + 512);
    for line in open.lines() {
        match line.strip_prefix("# ").and_then(|rest| rest.split_once(' ')) {
            Some((word @ ("HELP" | "TYPE"), rest)) => {
                let (name, rest) = rest.split_once(' ').unwrap_or((rest, ""));
                let (suffix, rest) = match (types.get(name).copied(), word) {
                    (Some("counter"), _) => ("_total", rest),
                    (Some("info"), "TYPE") => ("_info", "gauge"),
                    (Some("info"), _) => ("_info", rest),
                    _ => ("", rest),
                };
                text.push_str(&format!("# {word} {name}{suffix} {rest}\n"));
            }
            // UNIT and EOF are OpenMetrics' alone.
            Some(_) => {}
            None if line.starts_with('#') => {}
            None => {
                text.push_str(line);
                text.push('\n');
            }
        }
    }
    text
}
