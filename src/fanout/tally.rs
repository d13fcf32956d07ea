//! What a thread has counted and not added to what all threads have counted yet: a line to a thousand people
//! is a thousand plain additions, and a few atomic ones now and then.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use crate::metrics::Metrics;
use crate::metrics::latency::Observed;

/// The counts.
#[derive(Default)]
pub struct Tally {
    received_bytes: Cell<u64>,
    sent_bytes: Cell<u64>,
    messages: Cell<u64>,
    delivered: Cell<u64>,
    slow_clients: Cell<u64>,
    deliveries: RefCell<Observed>,
}

impl Tally {
    /// A client sent so many bytes of text.
    pub fn received(&self, bytes: usize) {
        add(&self.received_bytes, bytes);
    }

    /// A client's socket took so many.
    pub(super) fn sent(&self, bytes: usize) {
        add(&self.sent_bytes, bytes);
    }

    /// Somebody wrote to somebody.
    pub fn wrote_privately(&self) {
        add(&self.messages, 1);
    }

    /// So many messages were queued for somebody.
    pub fn delivered(&self, messages: usize) {
        add(&self.delivered, messages);
    }

    /// A client was cut off.
    pub(super) fn cut_off(&self) {
        add(&self.slow_clients, 1);
    }

    /// So many messages of a lobby were written, this long after they were taken.
    pub(super) fn took(&self, time: Duration, messages: u64) {
        self.deliveries.borrow_mut().observe(time, messages);
    }

    /// Adds all of it, and begins anew.
    pub fn settle(&self, metrics: &Metrics) {
        for (here, all) in [
            (&self.received_bytes, &metrics.received_bytes),
            (&self.sent_bytes, &metrics.sent_bytes),
            (&self.messages, &metrics.messages_in),
            (&self.delivered, &metrics.messages_delivered),
            (&self.slow_clients, &metrics.slow_clients),
        ] {
            match here.take() {
                0 => {}
                count => _ = all.inc_by(count),
            }
        }
        metrics.delivery.add(&mut self.deliveries.borrow_mut());
    }
}

fn add(cell: &Cell<u64>, count: usize) {
    cell.set(cell.get().wrapping_add(count as u64));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_counted_is_added_once() {
        let (tally, metrics) = (Tally::default(), Metrics::new());
        tally.received(10);
        tally.sent(20);
        tally.wrote_privately();
        tally.delivered(3);
        tally.cut_off();
        tally.took(Duration::from_millis(2), 3);
        for _ in 0..2 {
            tally.settle(&metrics);
            assert_eq!((metrics.received_bytes.get(), metrics.sent_bytes.get()), (10, 20));
            assert_eq!((metrics.messages_in.get(), metrics.messages_delivered.get()), (1, 3));
            assert_eq!(metrics.slow_clients.get(), 1);
            assert_eq!(metrics.delivery.counts().iter().sum::<u64>(), 3);
        }
    }
}
