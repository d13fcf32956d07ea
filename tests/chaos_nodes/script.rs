//! Which faults come when: the same for the same seed.

use crate::NODES;
use crate::chance::Chance;
use crate::relay::Way;

/// Something that breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// A node is killed, and started again in its folder.
    Kill(usize),
    /// A node stands still.
    Stop(usize),
    /// A node and the engine have no connection and get none.
    Cut(usize),
    /// They lose their connection and may have another one at once.
    BreakOff(usize),
    /// What goes one way is held back.
    Swallow(usize, Way),
    /// What goes either way is.
    SwallowAll(usize),
    /// Both ways are slow.
    Slow(usize),
    /// The engine is killed, and started again with what it has stored.
    KillEngine,
    /// The engine stands still.
    StopEngine,
}

impl Fault {
    /// Of which node it is; none where it is the engine's.
    pub(crate) fn node(self) -> Option<usize> {
        match self {
            Self::Kill(node)
            | Self::Stop(node)
            | Self::Cut(node)
            | Self::BreakOff(node)
            | Self::Swallow(node, _)
            | Self::SwallowAll(node)
            | Self::Slow(node) => Some(node),
            Self::KillEngine | Self::StopEngine => None,
        }
    }

    /// Whether the node cannot say meanwhile that it lives.
    pub(crate) fn is_dumb(self) -> bool {
        !matches!(self, Self::Slow(_))
    }
}

/// A fault with its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Planned {
    /// When it begins, in milliseconds after the beginning.
    pub(crate) at: u64,
    /// How long it lasts, in milliseconds.
    pub(crate) lasts: u64,
    pub(crate) fault: Fault,
}

/// So many milliseconds are between two faults on average: with ten kinds in turn, each comes in half a minute.
const PERIOD: u64 = 2_700;

/// A node and the engine have so many milliseconds between two faults of theirs.
const REST: u64 = 500;

/// One of each kind, with the least and the most time that it lasts.
fn deck(chance: &mut Chance) -> Vec<(Fault, u64, u64)> {
    let mut node = || chance.of(0, NODES as u64) as usize;
    let mut deck = vec![
        (Fault::Kill(node()), 50, 4_000),
        (Fault::Kill(node()), 8_500, 10_000),
        (Fault::Stop(node()), 500, 4_000),
        (Fault::Stop(node()), 6_500, 9_000),
        (Fault::Cut(node()), 50, 9_000),
        (Fault::BreakOff(node()), 1, 2),
        (Fault::SwallowAll(node()), 500, 9_000),
        (Fault::Slow(node()), 1_000, 5_000),
        (Fault::KillEngine, 50, 5_000),
        (Fault::StopEngine, 500, 5_000),
    ];
    let way = *chance.one_of(&[Way::ToEngine, Way::ToNode]);
    deck.push((Fault::Swallow(chance.of(0, NODES as u64) as usize, way), 500, 9_000));
    chance.shuffle(&mut deck);
    deck
}

/// All faults of a run that lasts so many milliseconds.
pub(crate) fn script(seed: u64, millis: u64) -> Vec<Planned> {
    let mut chance = Chance::new(seed);
    let mut script: Vec<Planned> = Vec::new();
    let (mut at, mut deck_left) = (1_000, Vec::new());
    while at < millis {
        let (fault, least, most) = deck_left.pop().unwrap_or_else(|| {
            deck_left = deck(&mut chance);
            deck_left.pop().unwrap()
        });
        let lasts = chance.of(least, most);
        // Of what is broken already, nothing else breaks: it comes when that is over.
        let before = script.iter().filter(|other| other.fault.node() == fault.node());
        let free = before.map(|other| other.at + other.lasts + REST).max().unwrap_or(0);
        script.push(Planned { at: at.max(free), lasts, fault });
        at += chance.of(PERIOD / 2, PERIOD * 3 / 2);
    }
    script.retain(|planned| planned.at + planned.lasts <= millis + 10_000);
    script.sort_by_key(|planned| planned.at);
    script
}

#[test]
fn a_script_is_of_its_seed_and_has_every_kind_of_fault() {
    assert_eq!(script(1, 60_000), script(1, 60_000));
    assert_ne!(script(1, 60_000), script(2, 60_000));
    for seed in 0..100 {
        let script = script(seed, 60_000);
        let has = |kind: fn(&Fault) -> bool| script.iter().any(|planned| kind(&planned.fault));
        let kinds: [fn(&Fault) -> bool; 9] = [
            |fault| matches!(fault, Fault::Kill(_)),
            |fault| matches!(fault, Fault::Stop(_)),
            |fault| matches!(fault, Fault::Cut(_)),
            |fault| matches!(fault, Fault::BreakOff(_)),
            |fault| matches!(fault, Fault::Swallow(..)),
            |fault| matches!(fault, Fault::SwallowAll(_)),
            |fault| matches!(fault, Fault::Slow(_)),
            |fault| matches!(fault, Fault::KillEngine),
            |fault| matches!(fault, Fault::StopEngine),
        ];
        assert!(kinds.into_iter().all(has), "seed {seed}");
        for (at, one) in script.iter().enumerate() {
            let next = script[at + 1..].iter().find(|next| next.fault.node() == one.fault.node());
            assert!(next.is_none_or(|next| next.at >= one.at + one.lasts), "seed {seed}: {one:?}");
        }
    }
}
