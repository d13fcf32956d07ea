//! How often each hook of a lobby has posted lately.
//!
//! Each node counts what has happened, which is the same on all of them, and asks before it proposes: so the limit
//! is that of all nodes together, but for posts that are on their way through the log at one instant.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use crate::chat::bot::{HOOK_POSTS, HOOK_WINDOW, MAX_HOOKS};
use crate::chat::history::UnixMillis;
use crate::chat::name::NameKey;

/// When each hook has posted last. Hooks that were deleted are forgotten when there are many.
#[derive(Debug, Default)]
pub(super) struct Posts(HashMap<NameKey, VecDeque<UnixMillis>>);

impl Posts {
    /// Whether one more would be accepted, where so many are under way.
    ///
    /// # Errors
    /// How long until it would be.
    pub(super) fn may_post(
        &self,
        hook: &NameKey,
        under_way: usize,
        now: UnixMillis,
    ) -> Result<(), Duration> {
        // A clock that was set back must keep nobody waiting for more than the window.
        let left = |at: &UnixMillis| HOOK_WINDOW.checked_sub(at.until(now)).filter(|_| *at <= now);
        let counted = self.0.get(hook).into_iter().flatten().filter_map(left);
        let counted: Vec<Duration> = counted.filter(|left| !left.is_zero()).collect();
        match (counted.len() + under_way).checked_sub(HOOK_POSTS) {
            None => Ok(()),
            // As many have to be out of the window first, the oldest of which are.
            Some(over) => Err(counted.get(over).copied().unwrap_or(HOOK_WINDOW)),
        }
    }

    /// A hook has posted something.
    pub(super) fn posted(&mut self, hook: NameKey, now: UnixMillis) {
        if self.0.len() > MAX_HOOKS {
            self.0
                .retain(|_, posts| posts.back().is_some_and(|last| last.until(now) < HOOK_WINDOW));
        }
        let posts = self.0.entry(hook).or_default();
        if posts.len() == HOOK_POSTS {
            posts.pop_front();
        }
        posts.push_back(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_posts_in_ten_seconds_are_accepted_of_each_hook() {
        let (ci, other) = (NameKey::of("ci"), NameKey::of("other"));
        let mut posts = Posts::default();
        for at in 0..10 {
            assert_eq!(posts.may_post(&ci, 0, UnixMillis(at * 100)), Ok(()));
            posts.posted(ci.clone(), UnixMillis(at * 100));
        }
        assert_eq!(posts.may_post(&ci, 0, UnixMillis(1_000)), Err(Duration::from_secs(9)));
        assert_eq!(posts.may_post(&other, 0, UnixMillis(1_000)), Ok(()));
        assert_eq!(posts.may_post(&ci, 0, UnixMillis(9_999)), Err(Duration::from_millis(1)));
        assert_eq!(posts.may_post(&ci, 0, UnixMillis(10_000)), Ok(()), "the window slides");
        posts.posted(ci.clone(), UnixMillis(10_000));
        assert_eq!(posts.may_post(&ci, 0, UnixMillis(10_050)), Err(Duration::from_millis(50)));
    }

    #[test]
    fn posts_that_are_under_way_count_too() {
        let ci = NameKey::of("ci");
        let mut posts = Posts::default();
        (0..4).for_each(|at| posts.posted(ci.clone(), UnixMillis(at * 1_000)));
        assert_eq!(posts.may_post(&ci, 5, UnixMillis(4_000)), Ok(()));
        assert_eq!(posts.may_post(&ci, 6, UnixMillis(4_000)), Err(Duration::from_secs(6)));
        assert_eq!(posts.may_post(&ci, 7, UnixMillis(4_000)), Err(Duration::from_secs(7)));
        assert_eq!(posts.may_post(&ci, 50, UnixMillis(4_000)), Err(HOOK_WINDOW));
    }

    #[test]
    fn a_clock_set_back_keeps_no_hook_waiting() {
        let ci = NameKey::of("ci");
        let mut posts = Posts::default();
        (0..10).for_each(|_| posts.posted(ci.clone(), UnixMillis(1_000_000)));
        assert_eq!(posts.may_post(&ci, 0, UnixMillis(5)), Ok(()));
    }

    #[test]
    fn hooks_that_post_no_more_are_forgotten() {
        let mut posts = Posts::default();
        for n in 0..1_000_u64 {
            posts.posted(NameKey::of(&format!("hook{n}")), UnixMillis(n * 10_000));
        }
        assert!(posts.0.len() <= MAX_HOOKS + 1, "{}", posts.0.len());
    }
}
