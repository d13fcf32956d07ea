//! A lobby of ten thousand to which five hundred come back a second, beside the same lobby with people who talk.

use std::time::{Duration, Instant};

use crate::client::Swarm;
use crate::machine::cpu_ns;
use crate::servers::{Kind, Server};

const MEMBERS: usize = 10_000;

/// Who goes and comes back a second.
const RETURNS_PER_SEC: u32 = 500;

/// Lines a second that a busy lobby of this size has: every member says something in half an hour.
const LINES_PER_SEC: u32 = 5;

/// Both in turn so many times on one server, so that what comes and goes on the machine is with both.
const ROUNDS: usize = 3;

/// Runs it once.
pub(crate) fn run(secs: Duration, pinned: bool) {
    let server = Server::start(Kind::Lobbyd, pinned, false);
    let mut swarm = Swarm::new(Kind::Lobbyd.protocol(), server.port, false);
    for id in 0..MEMBERS {
        swarm.connect(0, 1, false);
        if id % 50 == 49 {
            swarm.turn();
        }
    }
    swarm.wait_ready();
    let mut seq = vec![0; MEMBERS];
    let (mut calm, mut busy, mut returning) = (Vec::new(), Vec::new(), Vec::new());
    let mut returned = 0;
    for _ in 0..ROUNDS {
        calm.push(used(&server, &mut swarm, secs, 1, |_, _| ()));
        busy.push(used(&server, &mut swarm, secs, LINES_PER_SEC, |swarm, turn| {
            // A prime step, so that all take turns.
            let id = turn * 7 % MEMBERS;
            let due = swarm.start.elapsed();
            swarm.say(id, seq[id], due);
            seq[id] += 1;
        }));
        returning.push(used(&server, &mut swarm, secs, RETURNS_PER_SEC, |swarm, turn| {
            swarm.send_out(turn * 7 % MEMBERS, "/quit\n");
            returned += swarm.put_back();
        }));
        while swarm.put_back() > 0 {
            swarm.wait_ready();
        }
    }
    for (name, all) in [("calm", calm), ("busy", busy), ("returns", returning)] {
        let mut all = all;
        all.sort_by(f64::total_cmp);
        println!(
            "{name:<8} processor {:.1} % ({:.1} to {:.1})",
            all[all.len() / 2] * 100.0,
            all[0] * 100.0,
            all[all.len() - 1] * 100.0
        );
    }
    println!("{returned} came back to a lobby of {MEMBERS}; busy: {LINES_PER_SEC} lines a second");
}

/// The share of a processor that a server takes while something is done so many times a second.
fn used(
    server: &Server,
    swarm: &mut Swarm,
    secs: Duration,
    per_sec: u32,
    mut act: impl FnMut(&mut Swarm, usize),
) -> f64 {
    let (cpu, begin) = (cpu_ns(server.pid()), Instant::now());
    let (mut next, mut turn) = (begin, 0);
    while begin.elapsed() < secs {
        while next <= Instant::now() {
            act(swarm, turn);
            turn += 1;
            next += Duration::from_secs(1) / per_sec;
        }
        swarm.turn();
    }
    (cpu_ns(server.pid()) - cpu) as f64 / begin.elapsed().as_nanos() as f64
}
