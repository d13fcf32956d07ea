//! Processor time a delivered line against the size of the lobby, for all servers, as an SVG.

use std::fmt::Write as _;
use std::fs;
use std::time::Duration;

use crate::scenario::Scenario;
use crate::servers::Kind;

/// Clients in the one lobby.
const SIZES: [usize; 9] = [2, 5, 10, 20, 50, 100, 200, 500, 1_000];

const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 440.0;
const LEFT: f64 = 60.0;
const RIGHT: f64 = 640.0;
const TOP: f64 = 40.0;
const BOTTOM: f64 = 390.0;

/// Measures every size for every server and draws the medians.
pub(crate) fn sweep(path: &str, servers: &[Kind], runs: usize, secs: Duration, pinned: bool) {
    let mut lines: Vec<(Kind, Vec<f64>)> = servers.iter().map(|kind| (*kind, vec![])).collect();
    for size in SIZES {
        let scenario = Scenario::of_size(size);
        let mut figures = vec![Vec::new(); servers.len()];
        for _ in 0..runs {
            for (figures, &kind) in figures.iter_mut().zip(servers) {
                let outcome = scenario.run(kind, secs, pinned).unwrap();
                figures.push(outcome.cpu_us_per_line);
            }
        }
        for ((kind, line), mut figures) in lines.iter_mut().zip(figures) {
            figures.sort_by(f64::total_cmp);
            let median = figures[figures.len() / 2];
            println!("size {size:>5}  {:<9} {median:.2} us", kind.name());
            line.push(median);
        }
    }
    fs::write(path, draw(&lines)).unwrap();
}

fn draw(lines: &[(Kind, Vec<f64>)]) -> String {
    let most = lines.iter().flat_map(|(_, line)| line).copied().fold(1.0, f64::max).ceil();
    let x = |size: usize| {
        let (first, last) = ((SIZES[0] as f64).ln(), (SIZES[SIZES.len() - 1] as f64).ln());
        LEFT + ((size as f64).ln() - first) / (last - first) * (RIGHT - LEFT)
    };
    let y = |us: f64| BOTTOM - us / most * (BOTTOM - TOP);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" \
         font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"white\"/>\n\
         <text x=\"{LEFT}\" y=\"22\" font-size=\"14\">Processor time a delivered line (µs) against \
         clients in the lobby, 20,000 deliveries a second</text>\n"
    );
    for size in SIZES {
        let at = x(size);
        writeln!(svg, "<text x=\"{at:.0}\" y=\"410\" text-anchor=\"middle\">{size}</text>")
            .unwrap();
    }
    for step in 0..=4 {
        let us = most * f64::from(step) / 4.0;
        let at = y(us);
        writeln!(
            svg,
            "<line x1=\"{LEFT}\" y1=\"{at:.0}\" x2=\"{RIGHT}\" y2=\"{at:.0}\" stroke=\"#ddd\"/>\
             <text x=\"52\" y=\"{:.0}\" text-anchor=\"end\">{us:.1}</text>",
            at + 4.0
        )
        .unwrap();
    }
    let mut label_at = f64::NEG_INFINITY;
    let mut by_end: Vec<_> = lines.iter().collect();
    by_end.sort_by(|(_, a), (_, b)| b[b.len() - 1].total_cmp(&a[a.len() - 1]));
    for (kind, line) in by_end {
        let points: Vec<String> =
            SIZES.iter().zip(line).map(|(s, us)| format!("{:.0},{:.1}", x(*s), y(*us))).collect();
        let (colour, wide) = colour(*kind);
        label_at = (y(line[line.len() - 1]) + 4.0).max(label_at + 15.0);
        writeln!(
            svg,
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"{wide}\"/>\
             <text x=\"{}\" y=\"{label_at:.0}\" fill=\"{colour}\">{}</text>",
            points.join(" "),
            RIGHT + 8.0,
            kind.name()
        )
        .unwrap();
    }
    svg.push_str("</svg>\n");
    svg
}

fn colour(kind: Kind) -> (&'static str, u8) {
    match kind {
        Kind::Lobbyd => ("#c00000", 3),
        Kind::Memory => ("#e08080", 2),
        Kind::Direct => ("#888888", 1),
        Kind::Batch => ("#333333", 1),
        Kind::Ngircd => ("#1f6fb4", 2),
        Kind::Inspircd => ("#2a8f3a", 2),
    }
}
