//! What logins and stored lines cost while ten clients search a lobby of 25,000 long messages all day.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use lobbyd::store::check;

use crate::client::Swarm;
use crate::lookup::{Asker, fill};
use crate::servers::{Kind, Server};

const MESSAGES: u64 = 25_000;
const SEEKERS: usize = 10;
const TALKERS: usize = 20;
const LINES_PER_SEC: u32 = 200;
/// Time between two logins.
const EVERY: Duration = Duration::from_millis(50);

/// Every message has all of these but one of the last two, so nothing is found and all is looked through.
const SEARCH: &str = "/search w1 w2 w3 w4 w5 w6 even odd";

/// How the answer ends, whether it was found out or given up.
const ANSWERED: &str = ".\x1b[0m\n";

fn text(i: u64) -> String {
    let words: String = (0..150).map(|n| format!("w{n} ")).collect();
    format!("{words}{} {i}", if i.is_multiple_of(2) { "even" } else { "odd" })
}

/// Runs it once without and once with the seekers, and prints what both showed.
pub(crate) fn run(secs: Duration, pinned: bool) {
    for seekers in [0, SEEKERS] {
        run_with(seekers, secs, pinned);
    }
}

fn run_with(seekers: usize, secs: Duration, pinned: bool) {
    let mut folder = PathBuf::new();
    let server = Server::start_with(Kind::Lobbyd, pinned, false, |dir| {
        fill(dir, MESSAGES, text);
        folder = dir.to_owned();
    });
    let mut owner = Asker::log_in(server.port, "owner");
    owner.ask("/register password1");
    while owner.answered("is yours now").is_none() {}
    drop(owner);
    let mut swarm = Swarm::new(Kind::Lobbyd.protocol(), server.port, false);
    (0..TALKERS).for_each(|_| swarm.connect(0, 1, false));
    swarm.wait_ready();
    let mut askers: Vec<Asker> =
        (0..seekers).map(|n| Asker::log_in(server.port, &format!("seeker{n}"))).collect();
    let (mut searches, mut logins, mut said) = (0_u64, Vec::new(), 0_u64);
    let (mut due, mut turn, mut seq) = (swarm.start.elapsed(), 0, vec![0; TALKERS]);
    let (begin, mut next_login) = (Instant::now(), Instant::now());
    let mut login: Option<Asker> = None;
    swarm.measure();
    while begin.elapsed() < secs {
        while due <= swarm.start.elapsed() {
            let id = turn * 7 % TALKERS;
            swarm.say(id, seq[id], due);
            (turn, seq[id], said) = (turn + 1, seq[id] + 1, said + 1);
            due += Duration::from_secs(1) / LINES_PER_SEC;
        }
        swarm.turn();
        for asker in &mut askers {
            if asker.answered(ANSWERED).is_some() {
                searches += 1;
            }
            if asker.asked.is_none() {
                asker.ask(SEARCH);
            }
        }
        if let Some(took) = login.as_mut().and_then(|login| login.answered("Password: ")) {
            logins.push(took);
            login = None;
        }
        if login.is_none() && next_login <= Instant::now() {
            login = Some(Asker::connect(server.port, "owner"));
            next_login = Instant::now() + EVERY;
        }
    }
    let settled = Instant::now();
    while settled.elapsed() < Duration::from_secs(2) {
        swarm.turn();
    }
    let stored = check(&folder.join("data")).unwrap().messages - MESSAGES;
    logins.sort_unstable();
    let at = |q: f64| logins[((logins.len() - 1) as f64 * q) as usize].as_secs_f64() * 1e3;
    let lines = &mut swarm.counts.latencies;
    lines.sort_unstable();
    println!(
        "seekers {seekers:>2}  {searches:>5} searches  {} logins: p50 {:.1} ms  p99 {:.1} ms  \
         max {:.1} ms  a line: p99 {:.1} ms  {stored} lines stored of {said}",
        logins.len(),
        at(0.5),
        at(0.99),
        at(1.0),
        lines[(lines.len() - 1) * 99 / 100] as f64 / 1e6,
    );
}
