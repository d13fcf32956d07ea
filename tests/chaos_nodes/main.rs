//! Three nodes, a real nats-server and a relay before it for each node, with people on all of them who talk all the
//! time, while nodes are killed and stopped, connections cut and swallowed, the engine killed and stopped. At the end:
//! what was shown to anybody is on every node, once, in the order in which it was shown; nobody had a name that
//! somebody else had; no node that lived was said to be dead; nothing waits.
//!
//! A binary of its own, so that it has the machine to itself. `LOBBYD_CHAOS_SECS` sets how long things break (30 s),
//! `LOBBYD_CHAOS_SEED` which of them when.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    dead_code,
    reason = "a test fails by panicking; the harness has more than this test needs"
)]

#[path = "../alone.rs"]
mod alone;
mod bots;
mod chance;
mod checks;
mod checks_tests;
#[path = "../harness.rs"]
mod harness;
#[path = "../http.rs"]
mod http;
#[path = "../installed.rs"]
mod installed;
mod log;
#[path = "../nats_server.rs"]
mod nats_server;
#[path = "../over.rs"]
mod over;
#[path = "../people.rs"]
mod people;
#[path = "../relay.rs"]
mod relay;
mod script;
mod world;

use std::thread;
use std::time::{Duration, Instant};

use bots::{Bot, Kind, LOBBIES, Seen};
use chance::Chance;
use checks::{LOADED, List, Millis};
use harness::Client;
use world::{NAMES, World, now};

/// So many nodes.
const NODES: usize = 3;

/// A node that was said to be dead and lives has its people come in again by itself.
const RETURNS: bool = true;

const GUESTS: usize = 18;
const ACCOUNTS: usize = 6;
/// So many of the accounts are used by two people, who take each other's place.
const SHARED: usize = 2;

/// Nothing breaks for so long at the end, and all goes on.
const CALM: Millis = 16_000;

/// What was said last has come to everybody within this.
const LAST: Millis = 20_000;

/// Within this the people of a node that was killed are in no list.
const GHOSTS: Millis = 6_000;

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(default)
}

/// All who take part.
struct Crowd {
    bots: Vec<Bot>,
    seen: Seen,
    chance: Chance,
}

impl Crowd {
    fn new(seed: u64) -> Self {
        let begin = now();
        let kinds = (0..NODES)
            .map(Kind::Watcher)
            .chain((0..GUESTS).map(|n| Kind::Guest(format!("guest{n}"))))
            .chain((0..ACCOUNTS + SHARED).map(|n| Kind::Account(format!("acc{}", n % ACCOUNTS))));
        let bot = |(n, kind)| Bot::new(kind, n % NODES, begin + 40 * n as u64);
        let bots = kinds.enumerate().map(bot).collect();
        Self { bots, seen: Seen::default(), chance: Chance::new(seed ^ 0x7065_6F70_6C65) }
    }

    /// Everybody does what it is time for.
    fn turn(&mut self, world: &World, quiet: bool) {
        let nodes = world.nodes();
        for bot in &mut self.bots {
            bot.turn(now(), &nodes, &mut self.chance, &mut self.seen, quiet);
        }
    }
}

/// Lets all go on until something holds, or for too long.
fn go_on(
    world: &mut World,
    crowd: &mut Crowd,
    until: Millis,
    quiet: bool,
    mut holds: impl FnMut(&mut World, &Crowd) -> bool,
) -> bool {
    while now() < until {
        world.turn();
        crowd.turn(world, quiet);
        if holds(world, crowd) {
            return true;
        }
        thread::sleep(Duration::from_millis(2));
    }
    false
}

/// Lobbies and accounts.
fn prepare(world: &World) {
    let mut maker = people::registered(world.server(0), "maker");
    for lobby in &LOBBIES[1..] {
        maker.ask(&format!("/create {lobby} no-pass x"), "Created");
    }
    people::quit(maker);
    for n in 0..ACCOUNTS {
        people::quit(people::registered(world.server(n % NODES), &format!("acc{n}")));
    }
}

/// Who is in general, as a node says.
fn list(client: &mut Client, node: usize) -> List {
    let at = now();
    let shown = client.ask("/users", "=== Users in 'general' (");
    drop(shown);
    let count: usize = client.expect(")").parse().unwrap();
    client.expect(" ===\n");
    let mut names = Vec::new();
    while names.len() < count {
        let line = client.expect("\n");
        let name = line.split_once("] ").unwrap().1.split(' ').next().unwrap();
        names.push(name.to_owned());
    }
    List { node, at, names }
}

/// Everybody is in the lists of all nodes who is there, and nobody else.
fn right_lists(world: &World, crowd: &Crowd, found: &mut Vec<String>) {
    let there = crowd.bots.iter().filter_map(|bot| bot.place(&crowd.seen));
    let mut want: Vec<_> = there.filter(|(lobby, _)| lobby == "general").map(|(_, n)| n).collect();
    want.sort();
    for (node, known_as) in NAMES.iter().enumerate() {
        let mut looker = world.server(node).login(&format!("looker{node}"));
        let mut names = list(&mut looker, node).names;
        names.retain(|name| !name.starts_with("looker"));
        names.sort();
        if names != want {
            found.push(format!("{known_as} says that {names:?} are there, and not {want:?}"));
        }
        people::quit(looker);
    }
}

/// A node is killed: its people are gone from the lists of the others in time.
fn ghosts_go(world: &mut World, found: &mut Vec<String>) -> Millis {
    let victim = world.server(1).login("victim");
    let mut lookers: Vec<_> =
        [0, 2].map(|node| (node, world.server(node).login(&format!("last{node}")))).into();
    let begin = now();
    world.kill(1);
    let mut took = 0;
    for (node, looker) in &mut lookers {
        while list(looker, *node).names.iter().any(|name| name == "victim") {
            thread::sleep(Duration::from_millis(50));
        }
        took = (now() - begin).max(took);
    }
    if took > GHOSTS + LOADED {
        found.push(format!("the people of a killed node were there for {took} ms"));
    }
    drop(victim);
    world.begin_again(1, begin);
    took
}

#[test]
fn nothing_that_was_shown_is_lost_doubled_or_moved_whatever_breaks() {
    let seed = setting("LOBBYD_CHAOS_SEED", 13);
    let millis = setting("LOBBYD_CHAOS_SECS", 30) * 1_000;
    let Some(mut world) = World::start() else { return };
    prepare(&world);
    let begin = Instant::now();
    let mut crowd = Crowd::new(seed);
    let start = now() + 3_000;
    for planned in script::script(seed, millis) {
        go_on(&mut world, &mut crowd, start + planned.at, false, |_, _| false);
        eprintln!("{} {:?} for {} ms", now() % 1_000_000, planned.fault, planned.lasts);
        world.begin(planned);
    }
    let whole = go_on(&mut world, &mut crowd, now() + 60_000, false, |world, _| world.is_whole());
    eprintln!("{:6} nothing is broken any more", begin.elapsed().as_millis());
    let mut found = Vec::new();
    if !whole {
        found.push("the nodes did not all come back".to_owned());
    }
    go_on(&mut world, &mut crowd, now() + CALM, false, |_, _| false);
    for (node, known_as) in NAMES.iter().enumerate() {
        let ready = http::get(world.server(node), "/health/ready");
        if ready.status != 200 {
            found.push(format!("{known_as} is not ready: {}", ready.body));
        }
    }
    // A last word of each, and then what was said last has come to all.
    let all_in = |_: &mut World, crowd: &Crowd| crowd.bots.iter().filter(|bot| bot.is_in()).count();
    let want = crowd.bots.len() - SHARED;
    go_on(&mut world, &mut crowd, now() + LAST, true, |world, crowd| all_in(world, crowd) >= want);
    let Crowd { bots, seen, .. } = &mut crowd;
    bots.iter_mut().for_each(|bot| bot.speak(now(), seen));
    let answered = go_on(&mut world, &mut crowd, now() + LAST, true, |_, crowd| {
        crowd.bots.iter().filter(|bot| bot.is_answered(&crowd.seen)).count() >= want
    });
    if !answered {
        let waiting = crowd.bots.iter().filter(|bot| !bot.is_answered(&crowd.seen));
        found.extend(waiting.map(|bot| format!("still waits: {}", bot.state())));
    }
    // The others have it a moment later.
    go_on(&mut world, &mut crowd, now() + 1_000, true, |_, _| false);
    right_lists(&world, &crowd, &mut found);
    let Crowd { bots, mut seen, .. } = crowd;
    for mut bot in bots {
        bot.leave_off(&mut seen);
    }
    let ghosts_for = ghosts_go(&mut world, &mut found);
    let histories = world.stop(&LOBBIES);
    let log = log::read(&world.engine.url(), &NAMES);

    found.append(&mut world.found);
    found.append(&mut seen.found);
    found.extend(checks::one_history(&histories));
    found.extend(checks::shown_as_stored(&histories[0], &seen.stays));
    found.extend(checks::as_it_was_said(&histories[0], &seen.sessions));
    let late = bots::ON_THEIR_WAY as usize;
    found.extend(checks::names_go_on(&histories[0], &seen.sessions, &log.deaths, late));
    found.extend(checks::held_once(&seen.sessions, &world.troubles));
    found.extend(checks::no_false_death(&log.deaths, &world.troubles));
    let (ghosts, looked) = checks::no_ghosts(&seen.lists, &seen.sessions, &world.troubles);
    found.extend(ghosts);
    let stored: usize = histories[0].values().map(Vec::len).sum();
    let shown: usize = seen.stays.iter().map(|stay| stay.lines.len()).sum();
    let report = format!(
        "seed {seed}: {} faults, {} records, {stored} lines stored, {shown} shown, {} sessions, {} names \
         refused, {} taken over, {} told that others are away, {} deaths, ghosts looked for {looked} times, \
         gone after {ghosts_for} ms",
        world.broken,
        log.records,
        seen.sessions.len(),
        seen.refused_names,
        seen.taken_over,
        seen.cut_off,
        log.deaths.len(),
    );
    println!("{report}");
    let more = found.len().saturating_sub(20);
    found.truncate(20);
    let traces = checks::traces(&found, &seen.sessions);
    assert!(
        found.is_empty(),
        "{report}\n{}\n{more} more\n{}\n{}\nagain: LOBBYD_CHAOS_SEED={seed} cargo test --test chaos_nodes",
        found.join("\n"),
        traces.join("\n"),
        world.logs()
    );
    assert!(stored > 500 && shown > 5_000, "too little happened: {report}");
}
