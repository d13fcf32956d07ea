//! The load generator: how much a delivered line costs, and how long it takes.
//!
//! `cargo bench --bench load -- fanout heavy slow` runs scenarios (all without a name) against lobbyd
//! and the servers it is compared with, each started fresh for each run, interleaved, and prints a
//! table and a JSON line for each run. See the README of this folder.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a benchmark that cannot go on says so and ends"
)]

mod baseline;
mod client;
mod cluster;
mod figures;
mod hostile;
mod lookup;
mod machine;
mod nodes;
mod plot;
mod record;
mod report;
mod returns;
mod scale;
mod scenario;
mod scraped;
mod seekers;
mod servers;
mod wire;

use std::time::Duration;

use machine::pin_to;
use report::Report;
use scenario::{SCENARIOS, Scenario};
use servers::Kind;

/// What the arguments ask for.
struct Plan {
    scenarios: Vec<&'static Scenario>,
    servers: Vec<Kind>,
    runs: usize,
    secs: Duration,
    pinned: bool,
    /// Where to draw the cost of a line against the size of a lobby.
    sweep: Option<String>,
    /// Compare one processor with two.
    scale: bool,
    /// Measure `/history` and `/search`.
    lookup: bool,
    /// Measure what a line costs as a record of the log.
    record: bool,
    /// Measure plain chat beside hostile handshakes.
    hostile: bool,
    /// Measure plain chat beside a scraper.
    scraped: bool,
    /// Measure logins while others search.
    seekers: bool,
    /// Measure a large lobby to which many come back.
    returns: bool,
    /// Measure several nodes.
    nodes: bool,
    /// Which parts of that; all without any.
    parts: Vec<String>,
}

fn main() {
    let mut args: Vec<String> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    if args.first().is_some_and(|a| a == "--serve") {
        return baseline::serve(&args.split_off(1));
    }
    let plan = plan(&args);
    if plan.pinned {
        pin_to(1);
    }
    if plan.nodes {
        let Plan { runs, secs, pinned, parts, sweep: plot, .. } = plan;
        return nodes::run(&nodes::Plan { runs, secs, pinned, parts, plot });
    }
    if let Some(path) = &plan.sweep {
        return plot::sweep(path, &plan.servers, plan.runs, plan.secs, plan.pinned);
    }
    if plan.lookup {
        return (0..plan.runs).for_each(|_| lookup::run(plan.secs, plan.pinned));
    }
    if plan.record {
        return (0..plan.runs).for_each(|_| record::run());
    }
    if plan.hostile {
        return (0..plan.runs).for_each(|_| hostile::run(plan.secs, plan.pinned));
    }
    if plan.scraped {
        return (0..plan.runs).for_each(|_| scraped::run(plan.secs, plan.pinned));
    }
    if plan.seekers {
        return (0..plan.runs).for_each(|_| seekers::run(plan.secs, plan.pinned));
    }
    if plan.returns {
        return (0..plan.runs).for_each(|_| returns::run(plan.secs, plan.pinned));
    }
    if plan.scale {
        return print_scaling(plan.runs);
    }
    let mut report = Report::default();
    for scenario in &plan.scenarios {
        for run in 0..plan.runs {
            for &server in &plan.servers {
                if let Some(result) = scenario.run(server, plan.secs, plan.pinned) {
                    report.add(scenario.name, server, run, result);
                }
            }
        }
        report.print_table(scenario.name);
    }
}

/// Prints what a second processor brings, run by run.
fn print_scaling(runs: usize) {
    for _ in 0..runs {
        let scale::Scaling { one, two, missing } = scale::run();
        println!(
            "scale  one processor {one:.0} lines/s, two {two:.0} lines/s: {:.2} times; missing {missing}",
            two / one
        );
    }
}

fn plan(args: &[String]) -> Plan {
    use lexopt::prelude::*;
    let mut plan = Plan {
        scenarios: Vec::new(),
        servers: Kind::ALL.into_iter().filter(|k| k.is_here() && *k != Kind::Memory).collect(),
        runs: 3,
        secs: Duration::from_secs(8),
        pinned: true,
        sweep: None,
        scale: false,
        lookup: false,
        record: false,
        hostile: false,
        scraped: false,
        seekers: false,
        returns: false,
        nodes: false,
        parts: Vec::new(),
    };
    let mut parser = lexopt::Parser::from_args(args);
    while let Some(arg) = parser.next().unwrap() {
        match arg {
            Long("runs") => plan.runs = parser.value().unwrap().parse().unwrap(),
            Long("secs") => {
                plan.secs = Duration::from_secs(parser.value().unwrap().parse().unwrap());
            }
            Long("sweep") => plan.sweep = Some(parser.value().unwrap().string().unwrap()),
            Value(name) if name == "scale" => plan.scale = true,
            Value(name) if name == "lookup" => plan.lookup = true,
            Value(name) if name == "record" => plan.record = true,
            Value(name) if name == "hostile" => plan.hostile = true,
            Value(name) if name == "scraped" => plan.scraped = true,
            Value(name) if name == "seekers" => plan.seekers = true,
            Value(name) if name == "returns" => plan.returns = true,
            Value(name) if name == "nodes" => plan.nodes = true,
            Long("parts") => {
                let list = parser.value().unwrap().string().unwrap();
                plan.parts = list.split(',').map(str::to_owned).collect();
            }
            Long("unpinned") => plan.pinned = false,
            Long("servers") => {
                let list = parser.value().unwrap().string().unwrap();
                plan.servers = list.split(',').map(|n| Kind::of(n).expect(n)).collect();
            }
            Value(name) => {
                let name = name.string().unwrap();
                let found = SCENARIOS.iter().find(|s| s.name == name);
                plan.scenarios.push(found.unwrap_or_else(|| panic!("no scenario {name}")));
            }
            other => panic!("{}", other.unexpected()),
        }
    }
    if plan.scenarios.is_empty() {
        plan.scenarios = SCENARIOS.iter().collect();
    }
    plan
}
