//! Processor time a line against the size of the lobby, or whatever else it grows with, as an SVG.

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
    let title = "Processor time a delivered line (µs) against clients in the lobby, 20,000 deliveries a second";
    let curves: Vec<Curve> = lines.into_iter().map(|(kind, line)| curve(kind, line)).collect();
    fs::write(path, draw(title, &SIZES, &curves)).unwrap();
}

/// A line of a plot.
pub(crate) struct Curve {
    pub name: &'static str,
    pub colour: &'static str,
    pub wide: u8,
    /// Microseconds, a value for each place on the other axis.
    pub values: Vec<f64>,
}

fn curve(kind: Kind, values: Vec<f64>) -> Curve {
    let (colour, wide) = colour(kind);
    Curve { name: kind.name(), colour, wide, values }
}

/// Draws curves over `places`, which are set apart by how many times the next is the last.
pub(crate) fn draw(title: &str, places: &[usize], curves: &[Curve]) -> String {
    let most = curves.iter().flat_map(|curve| &curve.values).copied().fold(1.0, f64::max).ceil();
    let x = |size: usize| {
        let (first, last) = ((places[0] as f64).ln(), (places[places.len() - 1] as f64).ln());
        LEFT + ((size as f64).ln() - first) / (last - first) * (RIGHT - LEFT)
    };
    let y = |us: f64| BOTTOM - us / most * (BOTTOM - TOP);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" \
         font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"white\"/>\n\
         <text x=\"{LEFT}\" y=\"22\" font-size=\"14\">{title}</text>\n"
    );
    for &size in places {
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
    let end = |curve: &Curve| curve.values.last().copied().unwrap_or_default();
    let mut by_end: Vec<&Curve> = curves.iter().collect();
    by_end.sort_by(|a, b| end(b).total_cmp(&end(a)));
    for curve in by_end {
        let line = places.iter().zip(&curve.values);
        let points: Vec<String> =
            line.map(|(s, us)| format!("{:.0},{:.1}", x(*s), y(*us))).collect();
        let Curve { name, colour, wide, .. } = curve;
        label_at = (y(end(curve)) + 4.0).max(label_at + 15.0);
        writeln!(
            svg,
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"{wide}\"/>\
             <text x=\"{}\" y=\"{label_at:.0}\" fill=\"{colour}\">{name}</text>",
            points.join(" "),
            RIGHT + 8.0
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
