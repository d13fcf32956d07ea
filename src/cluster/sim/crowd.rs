//! Twenty nodes and a hundred thousand users: names, lines, and two nodes that die with their people.

use super::super::rules::Rules;
use super::super::timing::Timing;
use super::world::{Process, Script, World};

const NODES: usize = 20;
const USERS_EACH: u64 = 5_000;
const LINES: u64 = 100_000;
const DEAD: [usize; 2] = [3, 7];

const CROWD: Script =
    Script { nodes: NODES, users: 0, faults_until: 0, calm: 0, rough: false, log_breaks: false };

/// Has each of these users claim their name, so many in each tenth of a second.
fn claim(world: &mut World, claims: impl Iterator<Item = (usize, u64, u64)>) {
    let mut now = world.now;
    for (number, (node, conn, name)) in claims.enumerate() {
        world.with(node, |Process { node, app }, at, _| {
            app.claim(node, conn, format!("u{name}"), at);
        });
        if number % 5_000 == 4_999 {
            now += 100;
            world.run_until(now);
        }
    }
    world.run_until(now + 1_000);
}

fn claimed(world: &World, node: usize) -> usize {
    let app = &world.machines[node].process.as_ref().unwrap().app;
    app.users.values().filter(|user| user.key.is_some()).count()
}

#[test]
fn twenty_nodes_have_a_hundred_thousand_users() {
    let mut world = World::new(CROWD, 1, Rules::ALL);
    world.run_until(7_000);
    let users = 0..USERS_EACH * NODES as u64;
    let node_of = |user: u64| usize::try_from(user).unwrap() % NODES;
    claim(&mut world, users.clone().map(|user| (node_of(user), user, user)));
    for node in 0..NODES {
        assert_eq!(claimed(&world, node) as u64, USERS_EACH, "node {node}");
    }

    // Five seconds of lines, and two nodes die in the middle.
    let (begin, lives) = (
        world.now,
        DEAD.map(|node| world.machines[node].process.as_ref().unwrap().node.life().unwrap()),
    );
    for line in 1..=LINES {
        let user = world.chance.of(0, users.end);
        world.with(node_of(user), |Process { node, app }, now, checks| {
            app.say(node, user, line, now, checks);
        });
        if line % 20 == 0 {
            world.run_until(begin + line / 20);
        }
        if line == LINES / 2 {
            for node in DEAD {
                world.store(node);
                world.kill(node);
            }
        }
    }
    let died = begin + LINES / 40;
    world.run_until(died + Timing::of(1).dead + 1_000);
    let living = (0..NODES).filter(|node| !DEAD.contains(node));
    for node in living.clone() {
        for life in lives {
            assert!(world.known_over.contains_key(&(life, node)), "node {node} does not know");
        }
    }

    // Their users come to other nodes, and take their names again.
    let again = users.clone().filter(|user| DEAD.contains(&node_of(*user)));
    let hosts: Vec<usize> = living.clone().collect();
    let again: Vec<_> = again
        .enumerate()
        .map(|(number, user)| (hosts[number % hosts.len()], users.end + user, user))
        .collect();
    claim(&mut world, again.into_iter());
    let all: usize = living.map(|node| claimed(&world, node)).sum();
    assert_eq!(all as u64, users.end);
    world.run_until(world.now + 3_000);
    world.check_calm();
    assert_eq!(world.checks.fault, None);
    assert!(world.checks.shown > LINES * 9 / 10, "{} lines shown", world.checks.shown);
}
