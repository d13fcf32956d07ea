//! What it costs that several nodes are one chat, and how long it takes, beside one server that is alone and two
//! inspircd that are linked.

use std::fs;
use std::thread::sleep;
use std::time::{Duration, Instant};

use lobbyd::store::check;

use crate::client::Swarm;
use crate::cluster::{Cluster, wait_for};
use crate::figures::{Figures, Values};
use crate::lookup::Asker;
use crate::machine::cpu_ns;
use crate::plot::{Curve, draw};
use crate::scenario::{Flood, Outcome, Scenario, closed_loop, quantile_ms, quiet};
use crate::servers::Protocol;

/// Nodes that `flood` and `cost` are measured with.
const NODES: [usize; 3] = [1, 3, 10];
/// Nodes of the other parts.
const FEW: usize = 3;
/// Lines a second in `calm`, all of one writer.
const CALM_LINES: u32 = 100;
/// Writers without a pause in `flood`, in turns at all nodes.
const WRITERS: usize = 12;
/// Lines of each of them that have not reached everybody: as many as a node takes of one connection.
const IN_FLIGHT: usize = 32;
/// The same with inspircd, whose lines the kernel gathers for up to 40 ms: fewer would measure that.
const IN_FLIGHT_OF_PEERS: usize = 256;
/// People at each node in `cost`, who take turns to talk.
const PEOPLE: usize = 100;
/// Lines a second that they say in all.
const COST_LINES: u32 = 50;
/// Lines a second in `rates`: a line a minute of 1,000, 10,000 and 100,000 people.
const RATES: [u32; 3] = [17, 170, 1_700];
/// Those who say and read them.
const TALKERS: usize = 6;
/// Lines that are said while a node is stopped in `catchup`.
const MISSED: u64 = 100_000;
/// Guests at each node in `logins`, who come and go.
const GUESTS: usize = 50;
/// People of the node that is killed in `lost`.
const LOST: usize = 1_000;

/// What there is to measure, in the order in which it is done.
const PARTS: [&str; 7] = ["calm", "flood", "cost", "rates", "catchup", "logins", "lost"];

/// How it is measured.
pub(crate) struct Plan {
    pub runs: usize,
    pub secs: Duration,
    pub pinned: bool,
    /// Parts, all where there are none.
    pub parts: Vec<String>,
    /// Where to draw the cost of a line against the number of nodes.
    pub plot: Option<String>,
}

/// Measures all parts that are asked for.
pub(crate) fn run(plan: &Plan) {
    let unknown = plan.parts.iter().find(|part| !PARTS.contains(&part.as_str()));
    assert!(unknown.is_none(), "no part {unknown:?} of `nodes`; there are {PARTS:?}");
    let mut figures = Figures::default();
    for part in PARTS {
        if !plan.parts.is_empty() && !plan.parts.iter().any(|wanted| wanted == part) {
            continue;
        }
        for run in 0..plan.runs {
            match part {
                "calm" => each(plan, &[FEW], |who, cluster| {
                    figures.add(part, who, run, calm(cluster, plan.secs));
                }),
                "flood" => each(plan, &NODES, |who, cluster| {
                    figures.add(part, who, run, flood(cluster, plan.secs));
                }),
                "cost" => each(plan, &NODES, |who, cluster| {
                    figures.add(part, who, run, cost(cluster, plan.secs));
                }),
                "rates" => {
                    RATES.into_iter().for_each(|lines| match Cluster::of(FEW, plan.pinned) {
                        Some(cluster) => {
                            let who = format!("{lines} lines/s");
                            figures.add(part, who, run, rate(&cluster, plan.secs, lines));
                        }
                        None => println!("{part} skipped: no nats-server"),
                    })
                }
                _ => {
                    let Some(cluster) = Cluster::of(FEW, plan.pinned) else {
                        println!("{part} skipped: no nats-server");
                        continue;
                    };
                    let values = match part {
                        "catchup" => catchup(cluster),
                        "logins" => logins(&cluster, plan.secs),
                        _ => lost(cluster),
                    };
                    figures.add(part, nodes(FEW), run, values);
                }
            }
        }
        figures.print(part);
    }
    if let Some(ratio) = times_alone(&figures) {
        println!("cost: a node's time for a delivered line, in times that of one alone: {ratio}");
    }
    if let Some(path) = &plan.plot {
        fs::write(path, plotted(&figures)).unwrap();
    }
}

fn nodes(count: usize) -> String {
    if count == 1 { "1 node".to_owned() } else { format!("{count} nodes") }
}

const ALONE: &str = "alone";
const LINKED: &str = "2 inspircd, linked";

/// One server alone, so many nodes, and two linked peers, each started anew.
fn each(plan: &Plan, counts: &[usize], mut measure: impl FnMut(String, &Cluster)) {
    measure(ALONE.to_owned(), &Cluster::alone(plan.pinned));
    for &count in counts {
        match Cluster::of(count, plan.pinned) {
            Some(cluster) => measure(nodes(count), &cluster),
            None => println!("{} skipped: no nats-server", nodes(count)),
        }
    }
    match Cluster::linked(plan.pinned) {
        Some(cluster) => measure(LINKED.to_owned(), &cluster),
        None => println!("{LINKED} skipped: no inspircd"),
    }
}

/// So many who are at the nodes in turn, all in one lobby.
fn people(cluster: &Cluster, count: usize) -> Swarm {
    let mut swarm = Swarm::new(cluster.kind.protocol(), cluster.nodes[0].port, false);
    for index in 0..count {
        add(&mut swarm, cluster, index % cluster.nodes.len());
        if index % 50 == 49 {
            swarm.turn();
        }
    }
    swarm.wait_ready();
    quiet(&mut swarm, Duration::from_millis(500));
    swarm
}

/// One more at this node.
fn add(swarm: &mut Swarm, cluster: &Cluster, node: usize) {
    swarm.go_to(cluster.nodes[node].port);
    swarm.connect(0, 1, false);
}

/// A writer at the first server and a reader at each other (at the same, where it is alone).
fn calm(cluster: &Cluster, secs: Duration) -> Values {
    let mut swarm = people(cluster, cluster.nodes.len().max(2));
    // What the writer is shown has not been to another node.
    swarm.leave_out(0);
    let scenario = Scenario::of_talk(1, CALM_LINES);
    let pids = cluster.pids();
    let outcome = scenario.open_loop(&mut swarm, 0, &[], &pids, secs, CALM_LINES);
    let Outcome { p50_ms, p99_ms, p999_ms, max_ms, .. } = outcome;
    let mut values =
        vec![("p50 ms", p50_ms), ("p99 ms", p99_ms), ("p99.9 ms", p999_ms), ("max ms", max_ms)];
    values.extend(faults(&outcome));
    values
}

/// A reader at each server, and writers who do not pause.
fn flood(cluster: &Cluster, secs: Duration) -> Values {
    let servers = cluster.nodes.len();
    let mut swarm = people(cluster, servers);
    (0..WRITERS).for_each(|index| add(&mut swarm, cluster, index % servers));
    swarm.wait_ready();
    let audience = swarm.audience(0);
    let in_flight = match cluster.kind.protocol() {
        Protocol::Lobbyd => IN_FLIGHT,
        Protocol::Irc => IN_FLIGHT_OF_PEERS,
    };
    let outcome = closed_loop(&mut swarm, servers, &cluster.pids(), secs, WRITERS, in_flight);
    let lines = outcome.lines_per_sec / audience as f64;
    let mut values =
        vec![("lines/s", lines), ("p50 ms", outcome.p50_ms), ("p99 ms", outcome.p99_ms)];
    values.extend(costs(cluster, &outcome, audience));
    values.extend(faults(&outcome));
    values
}

/// The same number of people at each server, and as many lines in all.
fn cost(cluster: &Cluster, secs: Duration) -> Values {
    let count = cluster.nodes.len() * PEOPLE;
    let mut swarm = people(cluster, count);
    let audience = swarm.audience(0);
    let scenario = Scenario::of_talk(count, COST_LINES);
    let pids = cluster.pids();
    let outcome = scenario.open_loop(&mut swarm, 0, &[], &pids, secs, COST_LINES);
    let mut values = vec![("p50 ms", outcome.p50_ms), ("p99 ms", outcome.p99_ms)];
    values.extend(costs(cluster, &outcome, audience));
    values.extend(faults(&outcome));
    values
}

/// Processor time for a line.
const ENGINE_LINE: &str = "engine us/line";
const NODE_LINE: &str = "node us/line";
/// Processor time of all nodes, shared out to what all of them delivered.
const NODE_DELIVERED: &str = "node us/delivered";

fn costs(cluster: &Cluster, outcome: &Outcome, audience: usize) -> Values {
    let lines = outcome.delivered as f64 / audience as f64;
    let count = cluster.nodes.len();
    let (nodes, engine) = outcome.cpu_ns.split_at(count);
    let nodes = nodes.iter().sum::<u64>() as f64 / 1e3 / lines;
    let engine = engine.iter().map(|&ran| (ENGINE_LINE, ran as f64 / 1e3 / lines));
    [(NODE_LINE, nodes / count as f64), (NODE_DELIVERED, nodes / audience as f64)]
        .into_iter()
        .chain(engine)
        .collect()
}

/// Lines that did not arrive as they should, and what else kept the machine busy.
fn faults(outcome: &Outcome) -> Values {
    let bad = (outcome.lost + outcome.doubled) as f64 + outcome.missing as f64;
    vec![("bad", bad), ("others %", outcome.others_busy_percent)]
}

/// What nodes and their engine take of a processor for so many lines a second, with hardly anybody who reads them.
fn rate(cluster: &Cluster, secs: Duration, lines_per_sec: u32) -> Values {
    let mut swarm = people(cluster, TALKERS);
    let scenario = Scenario::of_talk(TALKERS, lines_per_sec);
    let pids = cluster.pids();
    let outcome = scenario.open_loop(&mut swarm, 0, &[], &pids, secs, lines_per_sec);
    let (nodes, engine) = outcome.cpu_ns.split_at(cluster.nodes.len());
    let percent = |ran: &[u64]| {
        ran.iter().sum::<u64>() as f64 / ran.len() as f64 / secs.as_nanos() as f64 * 100.0
    };
    let mut values = vec![
        ("engine %", percent(engine)),
        ("node %", percent(nodes)),
        ("p50 ms", outcome.p50_ms),
        ("p99 ms", outcome.p99_ms),
    ];
    values.extend(faults(&outcome));
    values
}

/// A node that was stopped, and comes back to what was said meanwhile.
fn catchup(mut cluster: Cluster) -> Values {
    let last = cluster.nodes.len() - 1;
    let folder = cluster.nodes.remove(last).stop();
    let mut swarm = people(&cluster, cluster.nodes.len());
    let writers = swarm.clients.len();
    (0..WRITERS).for_each(|index| add(&mut swarm, &cluster, index % last));
    swarm.wait_ready();
    let mut flood = Flood::begin(&mut swarm, writers, WRITERS, IN_FLIGHT);
    while flood.done < MISSED {
        flood.go_on(&mut swarm);
    }
    quiet(&mut swarm, Duration::from_secs(2));
    let missed = flood.said() as f64;
    let begin = Instant::now();
    let node = cluster.start_node(last, Some(folder));
    wait_for(&node, "/health/ready", "200 OK");
    let (ready, used) = (begin.elapsed(), cpu_ns(node.pid()));
    wait_for(&node, "/metrics", "\nlobbyd_store_queue 0\n");
    let (stored, used_in_all) = (begin.elapsed(), cpu_ns(node.pid()));
    let left = node.stop();
    let kept = check(&left.join("data")).unwrap().messages;
    fs::remove_dir_all(left).unwrap();
    let per_sec = |time: Duration| missed / time.as_secs_f64();
    vec![
        ("lines", missed),
        ("of them kept", kept as f64),
        ("ready s", ready.as_secs_f64()),
        ("lines/s until ready", per_sec(ready)),
        ("node us/line until ready", used as f64 / 1e3 / missed),
        ("stored s", stored.as_secs_f64()),
        ("lines/s until stored", per_sec(stored)),
        ("node us/line in all", used_in_all as f64 / 1e3 / missed),
    ]
}

/// Guests who log in, and leave at once for the next to come.
fn logins(cluster: &Cluster, secs: Duration) -> Values {
    let servers = cluster.nodes.len();
    let mut swarm = Swarm::new(cluster.kind.protocol(), cluster.nodes[0].port, false);
    let pids = cluster.pids();
    let cpu = |pids: &[u32]| pids.iter().map(|&pid| cpu_ns(pid)).collect::<Vec<u64>>();
    (0..GUESTS * servers).for_each(|index| add(&mut swarm, cluster, index % servers));
    let (before, begin) = (cpu(&pids), Instant::now());
    while begin.elapsed() < secs {
        swarm.turn();
        (0..swarm.clients.len()).for_each(|id| swarm.send_out(id, "/quit\n"));
        swarm.put_back();
    }
    let elapsed = begin.elapsed().as_secs_f64();
    let used: Vec<f64> =
        cpu(&pids).iter().zip(before).map(|(now, before)| (now - before) as f64 / 1e3).collect();
    let times = &mut swarm.counts.logins;
    times.sort_unstable();
    let count = times.len().max(1) as f64;
    let (nodes, engine) = used.split_at(servers);
    vec![
        ("names/s", times.len() as f64 / elapsed),
        ("p50 ms", quantile_ms(times, 0.5)),
        ("p99 ms", quantile_ms(times, 0.99)),
        ("engine us/name", engine.iter().sum::<f64>() / count),
        ("node us/name", nodes.iter().sum::<f64>() / count / servers as f64),
    ]
}

/// A node with many people is killed; another is asked who is there.
fn lost(mut cluster: Cluster) -> Values {
    let last = cluster.nodes.len() - 1;
    let mut swarm = Swarm::new(Protocol::Lobbyd, cluster.nodes[last].port, false);
    for index in 0..LOST {
        swarm.connect(0, 1, false);
        if index % 50 == 49 {
            swarm.turn();
        }
    }
    swarm.wait_ready();
    let mut asker = Asker::log_in(cluster.nodes[0].port, "asker");
    let heading = |users: usize| format!("=== Users in 'general' ({users}) ===");
    until(&mut asker, &heading(LOST + 1), &mut swarm);
    let mut node = cluster.nodes.remove(last);
    let begin = Instant::now();
    node.kill();
    until(&mut asker, &heading(1), &mut swarm);
    vec![("people", LOST as f64), ("gone after s", begin.elapsed().as_secs_f64())]
}

/// Asks who is there until the answer begins like that.
fn until(asker: &mut Asker, heading: &str, swarm: &mut Swarm) {
    const EVERY: Duration = Duration::from_millis(20);
    const PATIENCE: Duration = Duration::from_secs(60);
    let begin = Instant::now();
    asker.ask("/users");
    while asker.answered(heading).is_none() {
        assert!(begin.elapsed() < PATIENCE, "never: {heading}");
        swarm.turn();
        sleep(EVERY);
        // The answer to the last may be on its way; each begins with its heading.
        asker.ask("/users");
    }
}

/// How many times one alone takes for a line that it delivers is what a node takes, for each number of nodes.
fn times_alone(figures: &Figures) -> Option<String> {
    let of = |who: &str| figures.median("cost", who, NODE_DELIVERED);
    let alone = of(ALONE)?;
    let ratio = |count| Some(format!("{} {:.2}", nodes(count), of(&nodes(count))? / alone));
    let all: Vec<String> = NODES.into_iter().filter_map(ratio).collect();
    (!all.is_empty()).then(|| all.join(", "))
}

/// What a line costs in `cost`, against the number of nodes.
fn plotted(figures: &Figures) -> String {
    let of = |part, who: &str, name| figures.median(part, who, name).unwrap_or_default();
    let curve = |part, name, label, colour| Curve {
        name: label,
        colour,
        wide: 3,
        values: NODES.iter().map(|&count| of(part, &nodes(count), name)).collect(),
    };
    let flat = |who: &str, label, colour| Curve {
        name: label,
        colour,
        wide: 1,
        values: vec![of("flood", who, NODE_LINE); NODES.len()],
    };
    let curves = [
        curve("flood", ENGINE_LINE, "engine", "#1f6fb4"),
        curve("flood", NODE_LINE, "each node", "#c00000"),
        flat(ALONE, "alone", "#333333"),
        flat(LINKED, "each inspircd", "#2a8f3a"),
    ];
    let title =
        "Processor time a line (µs) against nodes with a reader each, as many lines as they take";
    draw(title, &NODES, &curves)
}
