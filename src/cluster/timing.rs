//! Time as a node counts it, and every length of time that it waits.

use std::ops::Add;

/// An instant on the clock of one node, in milliseconds since whenever. It never goes back, and says nothing
/// to another node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Moment(pub u64);

impl Moment {
    /// How many milliseconds have passed from `earlier` to this; 0 where that is later.
    pub fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

impl Add<u64> for Moment {
    type Output = Self;

    /// The instant that is so many milliseconds later.
    fn add(self, millis: u64) -> Self {
        Self(self.0.saturating_add(millis))
    }
}

/// How fast a cluster notices, in milliseconds. An engine with copies chooses a new leader when one of its machines
/// fails, mostly for 6 to 12 s, in which nothing can be written and nobody is dead or cut off: so nodes on one wait
/// longer before they say so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// How often a node writes that it lives.
    pub beat: u64,
    /// A node without a beat of its own for so long is cut off, and says so to its people.
    pub cut_off: u64,
    /// A node of which nobody has heard a beat for so long is declared dead.
    pub dead: u64,
}

impl Timing {
    /// That of an engine which keeps so many copies.
    pub fn of(replicas: u8) -> Self {
        if replicas <= 1 {
            Self { beat: 1_000, cut_off: 3_000, dead: 5_000 }
        } else {
            Self { beat: 2_000, cut_off: 10_000, dead: 15_000 }
        }
    }

    /// Two beats further apart than this are no unbroken row: one was missed, with half a beat for the way.
    pub fn gap(self) -> u64 {
        self.beat * 2 + self.beat / 2
    }
}

/// A request without an answer for so long has an unknown end: far over what an engine takes under load.
pub const ANSWER_WITHIN: u64 = 2_000;

/// What an engine refused, or did not answer, is asked again after this.
pub const AGAIN_AFTER: u64 = 500;

/// A life that is over sooner than this after it was written was ended by nobody who may: a node that lives is given
/// up after a lease at the least.
pub const SHORT_LIFE: u64 = 3_000;

/// After so many such lives in a row a node stops. Before each it waits twice as long as before the last, from
/// [`AGAIN_AFTER`] on: in all some 15 s, in which it costs the others a few records.
pub const SHORT_LIVES: u32 = 6;

/// A node that has something to say, of which nothing has come out of the log for so long, is not ready: some
/// twenty tries.
pub const STUCK_AFTER: u64 = 10_000;

/// A node that is gone, without a record of it in the log for so long: whoever sees it writes one. The node
/// that declared it dead has had time for it by then.
pub const RECORD_WITHIN: u64 = 400;

/// A node that knows of records after its own position and got none for so long asks for them anew.
pub const STALLED_AFTER: u64 = 5_000;

/// A node that ends waits so long for its last lines to be in the log.
pub const END_WITHIN: u64 = 3_000;

/// How often a node is to be told the time: a tenth of the shortest time that it counts in.
pub const TICK: u64 = 100;
