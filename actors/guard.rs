//! Handlers that a fault does not end.
//!
//! actix drops an actor that panics, with all that it knows. For the actors that everybody depends on
//! (Registry, Shard, AiPool) that would be the end of the server, so a panic ends only the message in
//! hand: each of their handlers changes its maps in single steps, and leaves the rest as it was.

use std::panic::{AssertUnwindSafe, catch_unwind};

/// Does `work`; where it panics, the answer is `otherwise`. The panic hook has logged it by then.
pub(super) fn survive<R>(otherwise: R, work: impl FnOnce() -> R) -> R {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or(otherwise)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_costs_the_one_answer() {
        let mut count = 1;
        assert_eq!(survive(7, || count + 1), 2);
        let failed = survive(7, || {
            count += 1;
            assert!(count < 0, "a fault");
            8
        });
        assert_eq!((failed, count), (7, 2));
    }
}
