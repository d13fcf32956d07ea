//! What this server knows of the nodes of its cluster, for whoever is asked by an operator.

use std::sync::Arc;

use arc_swap::ArcSwap;
use serde_json::{Value, json};

use crate::cluster::nodes::{Listed, State};
use crate::render::json::rfc3339;

/// The nodes as they were seen last. Read without a lock, on any thread.
#[derive(Debug, Clone, Default)]
pub(crate) struct SeenNodes(Arc<ArcSwap<Seen>>);

#[derive(Debug, Default)]
struct Seen {
    /// By name.
    nodes: Vec<Listed>,
    others_go_on: bool,
}

impl SeenNodes {
    /// They are these; `own` is the name of this one.
    pub(super) fn set(&self, own: &str, nodes: Vec<Listed>) {
        let others_go_on = nodes.iter().any(|node| node.state == State::Up && node.name != own);
        self.0.store(Arc::new(Seen { nodes, others_go_on }));
    }

    /// Whether there is another one whom people can go on with.
    pub(crate) fn others_go_on(&self) -> bool {
        self.0.load().others_go_on
    }

    /// As programs are told of them.
    pub(crate) fn told(&self) -> Vec<Value> {
        let told = |node: &Listed| {
            let mut told = json!({
                "name": node.name,
                "state": node.state.name(),
                "version": node.version,
                "users": node.users,
                "position": node.position.0,
                "behind": node.behind,
            });
            if let Some(since) = node.since {
                told["since"] = rfc3339(since).to_string().into();
            }
            told
        };
        self.0.load().nodes.iter().map(told).collect()
    }
}
