//! What waits to be sent to one client: shared blocks, bounded in bytes.

use std::collections::VecDeque;

use bytes::{Buf, Bytes};

/// Blocks that wait for one socket.
#[derive(Debug, Default)]
pub struct Outbox {
    /// The first block, in place: mostly there is no other, and then nothing is allocated.
    front: Bytes,
    rest: VecDeque<Bytes>,
    bytes: usize,
    /// Bytes at the front that a writer has seen and may have half written: a TLS record that was
    /// refused must be offered again as it was.
    offered: usize,
    /// What may wait beyond the limit: the size of the largest answer to the client itself since
    /// the queue was last empty. A long list or replay that it asked for is not its slowness.
    allowance: usize,
}

impl Outbox {
    /// Bytes that wait.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.bytes == 0
    }

    /// Whether `more` bytes would be over `limit`. One block always fits an empty queue.
    pub fn is_over(&self, more: usize, limit: usize) -> bool {
        self.bytes > 0 && self.bytes + more > limit + self.allowance
    }

    /// Adds a block of a lobby.
    pub fn push(&mut self, block: Bytes) {
        if block.is_empty() {
            return;
        }
        self.bytes += block.len();
        if self.front.is_empty() {
            self.front = block;
        } else {
            self.rest.push_back(block);
        }
    }

    /// Adds an answer to the client itself.
    pub fn push_answer(&mut self, block: Bytes) {
        self.allowance = self.allowance.max(block.len());
        self.push(block);
    }

    /// The bytes to write next: the front block, or as many as fit gathered in `scratch`. At least
    /// as many as were offered last and not taken.
    pub fn offer<'a>(&'a mut self, scratch: &'a mut [u8]) -> &'a [u8] {
        let max = scratch.len();
        if self.front.len() >= max || self.rest.is_empty() {
            self.offered = self.front.len().min(max);
            return &self.front[..self.offered];
        }
        let mut filled = 0;
        for block in std::iter::once(&self.front).chain(&self.rest) {
            let take = block.len().min(max - filled);
            scratch[filled..filled + take].copy_from_slice(&block[..take]);
            filled += take;
            if filled == max {
                break;
            }
        }
        self.offered = filled;
        &scratch[..filled]
    }

    /// `count` bytes were written.
    pub fn advance(&mut self, mut count: usize) {
        self.bytes -= count;
        self.offered = self.offered.saturating_sub(count);
        while count >= self.front.len() && !self.front.is_empty() {
            count -= self.front.len();
            self.front = self.rest.pop_front().unwrap_or_default();
        }
        self.front.advance(count);
        if self.is_empty() {
            self.allowance = 0;
            // What a backlog took is given back.
            self.rest = VecDeque::new();
        }
    }

    /// Drops all but what may be half written, so that the client can still make sense of a last
    /// block. Tells how many bytes went.
    pub fn drop_rest(&mut self) -> usize {
        let (before, mut kept) = (self.bytes, self.front.len());
        let blocks = self.rest.iter().take_while(|block| {
            let needed = kept < self.offered;
            kept += if needed { block.len() } else { 0 };
            needed
        });
        let count = blocks.count();
        self.rest.truncate(count);
        self.bytes = kept;
        before - kept
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn outbox(blocks: &[&'static str]) -> Outbox {
        let mut outbox = Outbox::default();
        for block in blocks {
            outbox.push(Bytes::from_static(block.as_bytes()));
        }
        outbox
    }

    fn drain(outbox: &mut Outbox, scratch: usize, step: usize) -> String {
        let (mut out, mut scratch) = (Vec::new(), vec![0; scratch]);
        while !outbox.is_empty() {
            let offered = outbox.offer(&mut scratch);
            let count = offered.len().min(step);
            out.extend_from_slice(&offered[..count]);
            outbox.advance(count);
        }
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn blocks_are_gathered_into_one_write() {
        let mut outbox = outbox(&["one ", "two ", "three"]);
        assert_eq!(outbox.offer(&mut [0; 64]), b"one two three");
        assert_eq!(outbox.offer(&mut [0; 6]), b"one tw");
        outbox.advance(6);
        assert_eq!(outbox.offer(&mut [0; 64]), b"o three");
        assert_eq!(outbox.bytes(), 7);
    }

    #[test]
    fn a_cut_keeps_what_may_be_half_written() {
        let mut half = outbox(&["first ", "second ", "third "]);
        half.offer(&mut [0; 8]);
        assert_eq!(half.drop_rest(), 6, "both blocks that the record was made of stay");
        half.push(Bytes::from_static(b"bye"));
        assert_eq!(drain(&mut half, 64, 64), "first second bye");

        let mut fresh = outbox(&["first ", "second "]);
        assert_eq!(fresh.drop_rest(), 7, "the front one may be half written");
        assert_eq!(Outbox::default().drop_rest(), 0);
    }

    #[test]
    fn over_the_limit_is_judged_with_what_waits() {
        let mut outbox = Outbox::default();
        assert!(!outbox.is_over(1_000, 10), "one block always fits");
        outbox.push(Bytes::from_static(b"12345678"));
        assert!(!outbox.is_over(2, 10));
        assert!(outbox.is_over(3, 10));
    }

    #[test]
    fn an_answer_makes_its_own_room_until_it_is_read() {
        let mut outbox = Outbox::default();
        outbox.push_answer(Bytes::from(vec![b'x'; 100]));
        assert!(!outbox.is_over(10, 10));
        assert!(outbox.is_over(11, 10));
        outbox.advance(100);
        outbox.push(Bytes::from_static(b"1234567890"));
        assert!(outbox.is_over(1, 10), "the room is gone with the answer");
    }

    proptest! {
        #[test]
        fn bytes_come_out_in_order(
            blocks in prop::collection::vec("[a-z]{0,9}", 0..20),
            scratch in 1usize..20,
            step in 1usize..20,
        ) {
            let mut outbox = Outbox::default();
            for block in &blocks {
                outbox.push(Bytes::from(block.clone()));
            }
            prop_assert_eq!(drain(&mut outbox, scratch, step), blocks.concat());
        }
    }
}
