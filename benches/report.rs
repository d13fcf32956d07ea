//! Results as a table (median, minimum and maximum) and as JSON lines.

use crate::scenario::Outcome;
use crate::servers::Kind;

/// What all runs showed.
#[derive(Default)]
pub(crate) struct Report {
    rows: Vec<(&'static str, Kind, Outcome)>,
}

type Column = (&'static str, fn(&Outcome) -> f64);

const COLUMNS: [Column; 15] = [
    ("cpu us/line", |o| o.cpu_us_per_line),
    ("lines/s", |o| o.lines_per_sec),
    ("p50 ms", |o| o.p50_ms),
    ("p99 ms", |o| o.p99_ms),
    ("p99.9 ms", |o| o.p999_ms),
    ("max ms", |o| o.max_ms),
    ("gap ms", |o| o.gap_ms),
    ("KiB/client", |o| o.rss_kib_per_client),
    ("login cpu s", |o| o.login_cpu_secs),
    ("idle cpu %", |o| o.idle_cpu_percent),
    ("cpu us/connection", |o| o.cpu_us_per_connection),
    ("connections/s", |o| o.connections_per_sec),
    ("cut off", |o| o.cut_off as f64),
    ("bad", |o| (o.lost + o.doubled) as f64 + o.missing as f64),
    ("others %", |o| o.others_busy_percent),
];

impl Report {
    /// Notes a run and prints it as a JSON line.
    pub(crate) fn add(&mut self, scenario: &'static str, kind: Kind, run: usize, outcome: Outcome) {
        let mut json = serde_json::json!({
            "scenario": scenario,
            "server": kind.name(),
            "run": run,
            "lost": outcome.lost,
            "doubled": outcome.doubled,
            "missing": outcome.missing,
        });
        for (name, value) in COLUMNS {
            json[name] = serde_json::json!((value(&outcome) * 1e4).round() / 1e4);
        }
        println!("{json}");
        self.rows.push((scenario, kind, outcome));
    }

    /// Prints the table of a scenario.
    pub(crate) fn print_table(&self, scenario: &str) {
        println!("\n{scenario}: median (minimum .. maximum)");
        let kinds = Kind::ALL.into_iter();
        for kind in kinds {
            let rows: Vec<&Outcome> = self
                .rows
                .iter()
                .filter(|(s, k, _)| *s == scenario && *k == kind)
                .map(|(_, _, o)| o)
                .collect();
            if rows.is_empty() {
                continue;
            }
            print!("  {:<9}", kind.name());
            for (name, value) in COLUMNS {
                let (median, min, max) = spread(rows.iter().map(|o| value(o)).collect());
                if max != 0.0 {
                    print!("  {name} {} ({}..{})", short(median), short(min), short(max));
                }
            }
            println!();
        }
        println!();
    }
}

/// Median, minimum and maximum.
pub(crate) fn spread(mut values: Vec<f64>) -> (f64, f64, f64) {
    values.sort_by(f64::total_cmp);
    (values[values.len() / 2], values[0], values[values.len() - 1])
}

/// A number with three figures or so.
pub(crate) fn short(value: f64) -> String {
    match value.abs() {
        v if v >= 100.0 => format!("{value:.0}"),
        v if v >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}
