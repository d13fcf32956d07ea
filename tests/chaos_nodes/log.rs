//! The log that all nodes share, read from the engine itself.

use std::time::Duration;

use lobbyd::cluster::engine::{Notice, Position, Wish};
use lobbyd::cluster::envelope::{Opened, Record, What};
use lobbyd::nats::{self, Addresses, Options};

use crate::checks::Death;
use crate::harness::PATIENCE;

/// What the log says of the nodes, and how many records it has.
pub(crate) struct Log {
    /// Lives that others than their own node have ended.
    pub(crate) deaths: Vec<Death>,
    pub(crate) records: u64,
}

/// Reads all of it. Nodes are known by their names.
pub(crate) fn read(url: &str, names: &[&str]) -> Log {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let read = tokio::time::timeout(PATIENCE * 3, read_all(url, names));
        read.await.expect("the log cannot be read")
    })
}

async fn read_all(url: &str, names: &[&str]) -> Log {
    let options = Options {
        addresses: Addresses::parse(url).unwrap(),
        cluster: "lobbyd".to_owned(),
        node: "reader".to_owned(),
        replicas: 1,
        may_make: false,
        patience: Duration::from_secs(10),
    };
    let mut engine = nats::start(options).await.unwrap();
    let mut log = Log { deaths: Vec::new(), records: 0 };
    let mut last = u64::MAX;
    while log.records < last {
        match engine.notices.recv().await.unwrap() {
            Notice::Connected(state) => {
                last = state.last.0;
                engine.wishes.send(Wish::Read(Position(1))).await.unwrap();
            }
            Notice::Delivered(record) => {
                assert_eq!(record.position.0, log.records + 1, "the log has no gap");
                log.records += 1;
                let Opened::Ours(Record { life, what: What::Over { node, life: over }, .. }) =
                    Record::open(&record.bytes)
                else {
                    continue;
                };
                let node = names.iter().position(|name| *name == node).unwrap();
                let is_known = log.deaths.iter().any(|d| d.node == node && d.life == over.0);
                if life != over && !is_known {
                    log.deaths.push(Death { node, life: over.0, at: record.at.0 });
                }
            }
            _ => {}
        }
    }
    log
}
