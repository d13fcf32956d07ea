//! The rules that keep the log the same everywhere. In tests each can be switched off, to see that the checks
//! of the simulation would notice.
//!
//! Two rules of a design that kept names in a table have lost their meaning, since names are decided in the log:
//! that a name is released after its last line is in the log (a release is a record, and stands behind that line by
//! rule 3), and that a name which no session has is released (a claim whose answer was lost is a record as any
//! other, and so is the release that follows it). With them went records that are held against the last of their
//! subject: what may no longer be is void on every node alike.

/// One of the rules.
#[cfg_attr(not(test), allow(dead_code, reason = "some are kept by the simulation's application"))]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rule {
    /// 1: each run of a node has a life of its own.
    OwnLife,
    /// 2: a life begins by ending the earlier ones of its node.
    EndsEarlier,
    /// 3: readers take of each life only the next number.
    Numbers,
    /// 4: a beat that was refused is read before anything is concluded from it.
    ReadsFirst,
    /// 5: who judges others hears itself.
    HearsItself,
    /// 6, first half: names of a life that is over are free from the record on that says so, on all nodes alike.
    FreesNames,
    /// 6, second half: they are claimed anew by records of the node's new life, before anything else of it.
    ClaimsAnew,
    /// 7: on each connection all is read anew, from the own position.
    ReadsAnew,
    /// 8: the log is the one that was read before, without a gap.
    SameLog,
    /// 9: the position is stored with what happened up to it.
    OneTransaction,
}

/// Which rules hold: all of them.
#[cfg(not(test))]
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rules;

#[cfg(not(test))]
impl Rules {
    /// All of them.
    pub(crate) const ALL: Self = Self;

    /// Whether a rule holds.
    #[inline(always)]
    pub(crate) const fn hold(self, _: Rule) -> bool {
        true
    }
}

/// Which rules hold: all but one at most.
#[cfg(test)]
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rules {
    /// The one that is switched off.
    pub(crate) without: Option<Rule>,
}

#[cfg(test)]
impl Rules {
    /// All of them.
    pub(crate) const ALL: Self = Self { without: None };

    /// Whether a rule holds.
    pub(crate) fn hold(self, rule: Rule) -> bool {
        self.without != Some(rule)
    }
}
