//! What a second processor brings: lobbies on two arbiters against lobbies on one.
//!
//! The generator must not take part of what it measures, and there may be no third processor. So it
//! writes a burst of lines to every lobby, sleeps until the server has nothing left to do (all of it
//! is in the receivers' buffers then), and only after that reads and checks what came.

use std::time::{Duration, Instant};

use crate::client::Swarm;
use crate::machine::cpu_ns;
use crate::scenario::make_rooms;
use crate::servers::{Kind, Server};

const ROOMS: usize = 200;
const MEMBERS: usize = 10;
/// As many as the smallest receive buffer holds.
const LINES_PER_BURST: u32 = 300;
const BURSTS: u32 = 10;
/// The server is done when it has not run for this long.
const STILL: Duration = Duration::from_millis(25);

/// Deliveries a second on one and on two processors, and how many of them were missing.
pub(crate) struct Scaling {
    pub one: f64,
    pub two: f64,
    pub missing: u64,
}

/// Runs it once on one processor and once on two.
pub(crate) fn run() -> Scaling {
    let (one, missing_of_one) = throughput(true);
    let (two, missing_of_two) = throughput(false);
    Scaling { one, two, missing: missing_of_one + missing_of_two }
}

fn throughput(pinned: bool) -> (f64, u64) {
    let server = Server::start(Kind::Lobbyd, pinned, false);
    let mut swarm = Swarm::new(Kind::Lobbyd.protocol(), server.port, false);
    make_rooms(&mut swarm, ROOMS);
    let first = swarm.clients.len();
    for i in 0..ROOMS * MEMBERS {
        swarm.connect(i % ROOMS, ROOMS, false);
        swarm.turn();
    }
    swarm.wait_ready();
    swarm.measure();
    let mut busy = Duration::ZERO;
    let expected = u64::from(LINES_PER_BURST) * (ROOMS * MEMBERS) as u64;
    for burst in 0..BURSTS {
        let begin = Instant::now();
        for sender in first..first + ROOMS {
            swarm.say_many(sender, burst * LINES_PER_BURST, LINES_PER_BURST);
        }
        busy += until_still(server.pid(), begin);
        let (before, patience) = (swarm.delivered_so_far(), Instant::now());
        while swarm.delivered_so_far() < before + expected
            && patience.elapsed() < Duration::from_secs(5)
        {
            swarm.turn();
        }
    }
    let wanted = expected * u64::from(BURSTS);
    let missing = wanted - swarm.delivered_so_far() + swarm.counts.lost + swarm.counts.doubled;
    (swarm.delivered_so_far() as f64 / busy.as_secs_f64(), missing)
}

/// How long after `begin` the server last ran.
fn until_still(pid: u32, begin: Instant) -> Duration {
    let (mut ran, mut last) = (cpu_ns(pid), begin.elapsed());
    loop {
        std::thread::sleep(Duration::from_millis(1));
        let now = cpu_ns(pid);
        if now > ran {
            (ran, last) = (now, begin.elapsed());
        } else if begin.elapsed() - last > STILL {
            return last;
        }
    }
}
