//! Runs by seed: with all rules nothing breaks; without any one of them something does.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use super::super::rules::{Rule, Rules};
use super::super::timing::Timing;
use super::checks::{Checks, Fate};
use super::faults::Fault;
use super::world::{Event, Script, World};

/// Three nodes with faults for half a minute, and then calm.
const ROUGH: Script = Script {
    nodes: 3,
    users: 4,
    faults_until: 25_000,
    calm: 25_000,
    rough: true,
    log_breaks: false,
};

/// The same, and the log loses its end or is another one when the engine is stopped.
const BREAKING: Script = Script { log_breaks: true, ..ROUGH };

/// Nodes of which nothing breaks by itself.
const CALM: Script =
    Script { nodes: 3, users: 0, faults_until: 0, calm: 0, rough: false, log_breaks: false };

/// A rule that is switched off is missed within so many seeds.
const MISSED_WITHIN: u64 = 300;

fn run(script: Script, seed: u64, without: Option<Rule>) -> Result<(), String> {
    World::new(script, seed, Rules { without }).run()
}

/// Runs seeds on all cores, until one finds something: the seed, and what it found.
fn first_fault(script: Script, seeds: u64, without: Option<Rule>) -> Option<(u64, String)> {
    let next = AtomicU64::new(1);
    let found = Mutex::new(None);
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                while found.lock().unwrap().is_none() {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed > seeds {
                        return;
                    }
                    if let Err(fault) = run(script, seed, without) {
                        found.lock().unwrap().get_or_insert((seed, fault));
                    }
                }
            });
        }
    });
    found.into_inner().unwrap()
}

/// How many seeds are to hold: a thousand, or as many as `LOBBYD_SIM_SEEDS` says.
#[expect(clippy::disallowed_methods, reason = "whoever runs the test says how long")]
fn seeds() -> u64 {
    std::env::var("LOBBYD_SIM_SEEDS").map_or(1_000, |number| number.parse().unwrap())
}

#[test]
fn whatever_breaks_each_node_has_the_same_log_and_nothing_is_lost() {
    assert_eq!(first_fault(ROUGH, seeds(), None), None);
}

#[test]
fn five_nodes_with_more_users_hold_too() {
    let script = Script { nodes: 5, users: 8, faults_until: 40_000, ..ROUGH };
    assert_eq!(first_fault(script, seeds() / 20, None), None);
}

#[test]
fn where_the_log_breaks_nodes_stop_rather_than_have_another_one() {
    assert_eq!(first_fault(BREAKING, seeds() / 5, None), None);
}

#[test]
fn the_runs_are_not_empty() {
    let mut sums = [0; 6];
    for seed in 1..=20 {
        let mut world = World::new(ROUGH, seed, Rules::ALL);
        world.run().unwrap();
        let Checks { shown, claimed, refused, counted, not_sent, .. } = world.checks;
        for (sum, more) in
            sums.iter_mut().zip([shown, claimed, refused, counted, not_sent, world.faults as u64])
        {
            *sum += more;
        }
    }
    let [shown, claimed, refused, counted, not_sent, faults] = sums;
    assert!(shown > 2_000 && counted > 300, "{shown} lines, {counted} orders");
    assert!(claimed > 500 && refused > 50, "{claimed} names claimed, {refused} refused");
    assert!(not_sent > 2 && faults > 200, "{not_sent} lines not sent, {faults} faults");
}

/// A rule that is switched off is missed.
fn is_missed(rule: Rule, script: Script) {
    let found = first_fault(script, MISSED_WITHIN, Some(rule));
    assert!(found.is_some(), "nothing breaks without {rule:?}");
}

#[test]
fn without_a_life_of_its_own_for_each_run_something_breaks() {
    is_missed(Rule::OwnLife, ROUGH);
}

#[test]
fn without_ending_earlier_lives_something_breaks() {
    is_missed(Rule::EndsEarlier, ROUGH);
}

#[test]
fn without_numbers_something_breaks() {
    is_missed(Rule::Numbers, ROUGH);
}

#[test]
fn without_reading_a_beat_that_was_refused_something_breaks() {
    is_missed(Rule::ReadsFirst, ROUGH);
}

#[test]
fn without_hearing_oneself_before_judging_something_breaks() {
    is_missed(Rule::HearsItself, ROUGH);
}

#[test]
fn without_freeing_the_names_of_a_life_that_is_over_something_breaks() {
    is_missed(Rule::FreesNames, ROUGH);
}

#[test]
fn without_claiming_names_anew_under_a_new_life_something_breaks() {
    is_missed(Rule::ClaimsAnew, ROUGH);
}

#[test]
fn without_reading_anew_on_each_connection_something_breaks() {
    is_missed(Rule::ReadsAnew, ROUGH);
}

#[test]
fn without_looking_whether_it_is_the_same_log_something_breaks() {
    is_missed(Rule::SameLog, BREAKING);
}

#[test]
fn without_one_transaction_something_breaks() {
    is_missed(Rule::OneTransaction, ROUGH);
}

#[test]
fn the_people_of_a_dead_node_are_gone_within_its_lease_and_a_second() {
    let within = Timing::of(1).dead + 1_000;
    for seed in 1..=100 {
        let mut world = World::new(CALM, seed, Rules::ALL);
        let killed_at = 7_000 + world.chance.of(0, 3_000);
        world.run_until(6_500);
        claim(&mut world, 1, 1, "ann");
        world.run_until(killed_at);
        let life = world.machines[1].process.as_ref().unwrap().node.life().unwrap();
        world.kill(1);
        world.run_until(killed_at + within);
        for node in [0, 2] {
            let known = world.known_over.get(&(life, node));
            assert!(known.is_some(), "seed {seed}: node {node} does not know");
        }
        claim(&mut world, 0, 11, "ann");
        world.run_until(killed_at + within + 100);
        assert_eq!(name_of(&world, 0, 11).as_deref(), Some("ann"), "seed {seed}");
        assert_eq!(world.checks.fault, None, "seed {seed}");
    }
}

#[test]
fn a_node_that_comes_back_at_once_ends_its_earlier_life_at_once() {
    for seed in 1..=100 {
        let mut world = World::new(CALM, seed, Rules::ALL);
        world.run_until(8_000);
        let life = world.machines[1].process.as_ref().unwrap().node.life().unwrap();
        world.kill(1);
        world.begin(1);
        world.run_until(9_000);
        assert!(world.known_over.contains_key(&(life, 0)), "seed {seed}");
        assert_eq!(world.told_up.last(), Some(&(1, world.told_up.last().unwrap().1, true)));
    }
}

#[test]
fn while_the_engine_is_away_people_are_told_once_and_nobody_is_declared_dead() {
    for seed in 1..=50 {
        let mut world = World::new(CALM, seed, Rules::ALL);
        world.run_until(8_000);
        world.told_up.clear();
        world.stop_engine();
        world.run_until(38_000);
        let mut told = world.told_up.clone();
        assert!(told.iter().all(|(_, at, up)| !up && (10_000..=11_300).contains(at)), "{told:?}");
        told.sort_unstable();
        assert_eq!(told.iter().map(|told| told.0).collect::<Vec<_>>(), [0, 1, 2], "seed {seed}");
        world.told_up.clear();
        world.fault_over(Fault::Engine);
        world.run_until(41_000);
        let mut told = world.told_up.clone();
        told.sort_unstable();
        assert!(told.iter().all(|(_, _, up)| *up), "{told:?}");
        assert_eq!(told.iter().map(|told| told.0).collect::<Vec<_>>(), [0, 1, 2], "seed {seed}");
        world.run_until(60_000);
        assert!(world.known_over.is_empty() && world.told_up.len() == 3, "seed {seed}");
    }
}

/// Has a user of a node claim a name.
fn claim(world: &mut World, node: usize, conn: u64, key: &str) {
    let key = key.to_owned();
    world.with(node, |process, now, _| process.app.claim(&mut process.node, conn, key, now));
}

/// Has a user of a node say a line of this number.
fn say(world: &mut World, node: usize, conn: u64, line: u64) {
    world.with(node, |process, now, checks| {
        process.app.say(&mut process.node, conn, line, now, checks);
    });
}

/// The name that a connection of a node has.
fn name_of(world: &World, node: usize, conn: u64) -> Option<String> {
    let process = world.machines[node].process.as_ref().unwrap();
    let key = process.app.users.get(&conn)?.key.clone()?;
    Some(String::from_utf8(key.to_vec()).unwrap())
}

#[test]
fn who_was_cut_off_has_their_name_again_unless_somebody_took_it_meanwhile() {
    for seed in 1..=50 {
        let mut world = World::new(CALM, seed, Rules::ALL);
        world.run_until(6_000);
        for (conn, key) in [(1, "ann"), (2, "bob"), (3, "account-1")] {
            claim(&mut world, 0, conn, key);
        }
        world.run_until(7_000);
        world.machines[0].line_works = false;
        world.cut(0, 2_500);
        world.run_until(7_500);
        for (line, conn) in [(1, 1), (2, 2), (3, 3), (4, 2)] {
            say(&mut world, 0, conn, line);
        }
        world.run_until(14_000);
        // The others see them leave, and take two of the names: a guest, and the account itself.
        claim(&mut world, 1, 11, "ann");
        claim(&mut world, 2, 12, "account-1");
        world.run_until(15_000);
        say(&mut world, 1, 11, 5);
        world.run_until(18_000);
        world.fault_over(Fault::Cut(0));
        world.run_until(24_000);
        let names = [(1, 11), (2, 12), (0, 1), (0, 2), (0, 3)];
        let names = names.map(|(node, conn)| name_of(&world, node, conn));
        let wanted = [Some("ann"), Some("account-1"), None, Some("bob"), None];
        assert_eq!(names, wanted.map(|name| name.map(str::to_owned)), "seed {seed}");
        let fate = |line| world.checks.spoken[&line].fate;
        assert_eq!((fate(1), fate(3)), (Fate::NotSent, Fate::NotSent), "seed {seed}");
        let (Fate::Shown(second), Fate::Shown(fourth)) = (fate(2), fate(4)) else {
            panic!("seed {seed}: {:?} {:?}", fate(2), fate(4));
        };
        assert!(second < fourth, "seed {seed}");
        world.check_calm();
        assert_eq!(world.checks.fault, None, "seed {seed}");
    }
}

#[test]
fn a_frozen_node_is_fenced_when_it_goes_on() {
    for seed in 1..=50 {
        let mut world = World::new(CALM, seed, Rules::ALL);
        world.run_until(6_000);
        claim(&mut world, 0, 1, "ann");
        world.run_until(7_000);
        world.freeze(0);
        world.after(9_000, Event::Over(Fault::Frozen(0)));
        world.run_until(14_000);
        claim(&mut world, 1, 11, "ann");
        world.run_until(15_000);
        assert_eq!(name_of(&world, 1, 11).as_deref(), Some("ann"), "seed {seed}");
        world.run_until(15_999);
        // It does not know yet, and its user says something.
        world.thaw(0);
        say(&mut world, 0, 1, 1);
        world.run_until(20_000);
        assert_eq!(world.checks.spoken.get(&1).map(|line| line.fate), Some(Fate::NotSent));
        assert_eq!(name_of(&world, 0, 1), None, "seed {seed}");
        world.check_calm();
        assert_eq!(world.checks.fault, None, "seed {seed}");
    }
}

#[test]
fn of_many_who_claim_a_name_at_one_instant_one_has_it() {
    for seed in 1..=50 {
        let mut world = World::new(Script { rough: true, ..CALM }, seed, Rules::ALL);
        world.run_until(6_000);
        for conn in 1..=50 {
            claim(&mut world, usize::try_from(conn % 3).unwrap(), conn, "ann");
        }
        world.run_until(16_000);
        let has = |conn: &u64| name_of(&world, usize::try_from(conn % 3).unwrap(), *conn).is_some();
        assert_eq!((1..=50).filter(has).count(), 1, "seed {seed}");
    }
}
