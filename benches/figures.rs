//! What several nodes showed: a JSON line for each run, a table, and the same for BENCHMARKS.md.

use crate::report::{short, spread};

/// Figures of a run, in the order of the columns.
pub(crate) type Values = Vec<(&'static str, f64)>;

/// All runs of all parts.
#[derive(Default)]
pub(crate) struct Figures {
    rows: Vec<(&'static str, String, Values)>,
}

impl Figures {
    /// Notes a run of a part by `who` and prints it as a JSON line.
    pub(crate) fn add(&mut self, part: &'static str, who: String, run: usize, values: Values) {
        let mut json = serde_json::json!({ "scenario": part, "server": who, "run": run });
        for (name, value) in &values {
            json[name] = serde_json::json!((value * 1e4).round() / 1e4);
        }
        println!("{json}");
        self.rows.push((part, who, values));
    }

    /// The median of a figure; none where nobody of this name took part.
    pub(crate) fn median(&self, part: &str, who: &str, name: &str) -> Option<f64> {
        let values = self.values(part, who, name);
        (!values.is_empty()).then(|| spread(values).0)
    }

    fn values(&self, part: &str, who: &str, name: &str) -> Vec<f64> {
        let rows = self.rows.iter().filter(|(p, w, _)| *p == part && w == who);
        rows.flat_map(|(_, _, values)| values)
            .filter(|(n, _)| *n == name)
            .map(|(_, v)| *v)
            .collect()
    }

    /// Who took part, each once, with the names of what was measured.
    fn takers(&self, part: &str) -> Vec<(&str, Vec<&'static str>)> {
        let mut takers: Vec<(&str, Vec<&'static str>)> = Vec::new();
        for (_, who, values) in self.rows.iter().filter(|(p, _, _)| *p == part) {
            if !takers.iter().any(|(name, _)| name == who) {
                takers.push((who, values.iter().map(|(name, _)| *name).collect()));
            }
        }
        takers
    }

    /// Prints the table of a part, twice: to be read, and in Markdown.
    pub(crate) fn print(&self, part: &str) {
        let takers = self.takers(part);
        // Not all have everything: one server alone has no engine.
        let Some((_, columns)) = takers.iter().max_by_key(|(_, names)| names.len()) else { return };
        let cell = |who: &str, name: &str| {
            let values = self.values(part, who, name);
            if values.is_empty() {
                return String::new();
            }
            let (median, min, max) = spread(values);
            format!("{} ({} .. {})", short(median), short(min), short(max))
        };
        println!("\n{part}: median (minimum .. maximum)");
        for (who, names) in &takers {
            let cells: Vec<String> =
                names.iter().map(|n| format!("{n} {}", cell(who, n))).collect();
            println!("  {who:<18}  {}", cells.join("  "));
        }
        println!("\n| `{part}` | {} |\n|{}", columns.join(" | "), "---|".repeat(columns.len() + 1));
        for (who, _) in &takers {
            let cells: Vec<String> = columns.iter().map(|name| cell(who, name)).collect();
            println!("| {who} | {} |", cells.join(" | "));
        }
        println!();
    }
}
