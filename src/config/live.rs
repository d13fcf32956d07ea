//! The configuration in force, which a reload replaces as a whole.

use std::sync::Arc;

use arc_swap::{ArcSwap, ArcSwapOption, Guard};

use super::Config;
use crate::chat::history::UnixMillis;

/// How reading it anew ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastReload {
    /// When.
    pub at: UnixMillis,
    /// The first thing that was wrong; none where what was read is in force.
    pub fault: Option<String>,
}

/// Where it stands how the last one ended; nothing before there was one.
pub type SharedReload = Arc<ArcSwapOption<LastReload>>;

/// The configuration in force, shared by all threads. Whoever needs a setting asks for it when they need
/// it, so that a reload counts for connections that are there already.
#[derive(Debug, Clone)]
pub struct Live(Arc<ArcSwap<Config>>);

impl Live {
    /// With the configuration of the start.
    pub fn new(config: Config) -> Self {
        Self(Arc::new(ArcSwap::from_pointee(config)))
    }

    /// The configuration as it is now. It takes a few nanoseconds, and is not to be held across anything
    /// that waits: what is read then is no longer in force.
    pub fn get(&self) -> Guard<Arc<Config>> {
        self.0.load()
    }

    /// Puts another in force.
    pub fn set(&self, config: Config) {
        self.0.store(Arc::new(config));
    }
}
