//! What this server knows of the nodes of its cluster, for whoever is asked by an operator.

use std::sync::Arc;

use arc_swap::ArcSwap;
use serde_json::{Value, json};

use crate::cluster::nodes::Listed;

/// The nodes as they were seen last, by name. Read without a lock, on any thread.
#[derive(Debug, Clone, Default)]
pub(crate) struct SeenNodes(Arc<ArcSwap<Vec<Listed>>>);

impl SeenNodes {
    /// They are these.
    pub(super) fn set(&self, nodes: Vec<Listed>) {
        self.0.store(Arc::new(nodes));
    }

    /// As programs are told of them.
    pub(crate) fn told(&self) -> Vec<Value> {
        let told = |node: &Listed| {
            json!({
                "name": node.name,
                "state": node.state.name(),
                "version": node.version,
                "users": node.users,
                "position": node.position.0,
                "behind": node.behind,
            })
        };
        self.0.load().iter().map(told).collect()
    }
}
