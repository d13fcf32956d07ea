//! What waits for one client: shared blocks, bounded in bytes, and long answers, which are made in
//! parts as the client takes them.

use std::collections::VecDeque;

use bytes::{Buf, Bytes};
use futures_util::future::LocalBoxFuture;

use crate::chat::lobbies::LobbyId;

/// A long answer to one client. It is made a part at a time, when all that stands before it is written,
/// so that no more of it waits than a part.
pub trait Source {
    /// The next part, of about `max` bytes: the last thing in it may go over them.
    fn next(&mut self, max: usize) -> Next;

    /// The lobby that it tells of, so that it ends with the right to hear of that; none for anything
    /// else.
    fn of(&self) -> Option<LobbyId>;
}

/// What comes next of a long answer.
pub enum Next {
    /// A part, in the client's form.
    Part(Bytes),
    /// The last part.
    Last(Bytes),
    /// Something has to be asked first: this is done when the source can go on.
    Ask(LocalBoxFuture<'static, ()>),
    /// That is still under way.
    Wait,
}

/// What is queued.
enum Item {
    Block(Bytes),
    Source(Box<dyn Source>),
}

/// What comes after the front block.
#[derive(Default)]
struct Rest {
    items: VecDeque<Item>,
    /// How many of them are answers.
    sources: usize,
}

/// What came of having the answer at the front go on.
pub enum Pulled {
    /// There is something to write.
    Part,
    /// There is not, and no answer to make it.
    Nothing,
    /// Something has to be asked first.
    Ask(LocalBoxFuture<'static, ()>),
    /// That is still under way.
    Wait,
}

/// Blocks and answers that wait for one socket.
#[derive(Default)]
pub struct Outbox {
    /// The first block, in place: mostly there is no other, and then nothing is allocated. Empty where
    /// nothing waits, or where an answer is at the front that has to make its next part.
    front: Bytes,
    /// What comes after that; boxed, since mostly nothing does.
    rest: Option<Box<Rest>>,
    /// Bytes of the blocks.
    bytes: usize,
    /// Bytes at the front that a writer has seen and may have half written: a TLS record that was
    /// refused must be offered again as it was.
    offered: usize,
}

impl Outbox {
    /// Bytes that wait.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether a long answer waits or is under way.
    pub fn has_source(&self) -> bool {
        self.rest.as_ref().is_some_and(|rest| rest.sources > 0)
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.bytes == 0 && !self.has_source()
    }

    /// Whether `more` bytes would be over `limit`. One block always fits where no bytes wait.
    pub fn is_over(&self, more: usize, limit: usize) -> bool {
        self.bytes > 0 && self.bytes + more > limit
    }

    /// Adds a block.
    pub fn push(&mut self, block: Bytes) {
        if block.is_empty() {
            return;
        }
        self.bytes += block.len();
        if self.front.is_empty() && self.items().next().is_none() {
            self.front = block;
        } else {
            self.rest.get_or_insert_default().items.push_back(Item::Block(block));
        }
    }

    /// Adds a long answer.
    pub fn push_source(&mut self, source: Box<dyn Source>) {
        let rest = self.rest.get_or_insert_default();
        rest.sources += 1;
        rest.items.push_back(Item::Source(source));
    }

    /// Has the answer at the front make its next part, of about `max` bytes, where all that stood before
    /// it is written.
    pub fn pull(&mut self, max: usize) -> Pulled {
        while self.front.is_empty() {
            // Taken out meanwhile: one that breaks is gone, and does not break the next time again.
            let Some(rest) = &mut self.rest else { return Pulled::Nothing };
            let Some(Item::Source(_)) = rest.items.front() else { return Pulled::Nothing };
            let Some(Item::Source(mut source)) = rest.items.pop_front() else { continue };
            rest.sources -= 1;
            let next = source.next(max);
            let last = matches!(next, Next::Last(_));
            if !last {
                rest.sources += 1;
                rest.items.push_front(Item::Source(source));
            }
            let part = match next {
                Next::Part(part) | Next::Last(part) => part,
                Next::Ask(work) => return Pulled::Ask(work),
                Next::Wait => return Pulled::Wait,
            };
            self.bytes += part.len();
            if !last {
                self.front = part;
                continue;
            }
            self.next_block();
            if !part.is_empty() {
                let next = std::mem::replace(&mut self.front, part);
                if !next.is_empty() {
                    self.rest.get_or_insert_default().items.push_front(Item::Block(next));
                }
            }
        }
        Pulled::Part
    }

    /// Gives up the answer at the front.
    pub fn drop_source(&mut self) {
        if let Some(rest) = &mut self.rest
            && let Some(Item::Source(_)) = rest.items.front()
        {
            rest.items.pop_front();
            rest.sources -= 1;
            self.next_block();
        }
    }

    /// Gives up what tells of a lobby. A part that stands at the front stays: it may be half written.
    pub fn drop_sources_of(&mut self, lobby: LobbyId) {
        let tells =
            |item: &Item| matches!(item, Item::Source(source) if source.of() == Some(lobby));
        let Some(rest) = &mut self.rest else { return };
        rest.items.retain(|item| !tells(item));
        rest.sources = rest.items.iter().filter(|item| matches!(item, Item::Source(_))).count();
        if self.front.is_empty() {
            self.next_block();
        }
    }

    /// Takes the block to the front that comes next, where one does.
    fn next_block(&mut self) {
        if let Some(rest) = &mut self.rest
            && let Some(Item::Block(_)) = rest.items.front()
            && let Some(Item::Block(block)) = rest.items.pop_front()
        {
            self.front = block;
        }
    }

    /// What comes after the front block, in order.
    fn items(&self) -> impl Iterator<Item = &Item> {
        self.rest.iter().flat_map(|rest| &rest.items)
    }

    /// The bytes to write next: the front block, or as many as fit gathered in `scratch`. At least
    /// as many as were offered last and not taken.
    pub fn offer<'a>(&'a mut self, scratch: &'a mut [u8]) -> &'a [u8] {
        let max = scratch.len();
        if self.front.len() >= max || !matches!(self.items().next(), Some(Item::Block(_))) {
            self.offered = self.front.len().min(max);
            return &self.front[..self.offered];
        }
        let mut filled = 0;
        // Up to a long answer: its next part is made when these are written.
        let blocks = self.items().map_while(|item| match item {
            Item::Block(block) => Some(block),
            Item::Source(_) => None,
        });
        for block in std::iter::once(&self.front).chain(blocks) {
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
            self.front = Bytes::new();
            self.next_block();
        }
        self.front.advance(count);
        if self.is_empty() {
            // What a backlog took is given back.
            self.rest = None;
        }
    }

    /// Drops all but what may be half written, so that the client can still make sense of a last
    /// block. Tells how many bytes went.
    pub fn drop_rest(&mut self) -> usize {
        let (before, mut kept) = (self.bytes, self.front.len());
        let blocks = self.items().take_while(|item| match item {
            Item::Block(block) => {
                let needed = kept < self.offered;
                kept += if needed { block.len() } else { 0 };
                needed
            }
            // Never offered together with what stands before it.
            Item::Source(_) => false,
        });
        let count = blocks.count();
        if let Some(rest) = &mut self.rest {
            rest.items.truncate(count);
            rest.sources = 0;
        }
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

    /// An answer of numbered rows, which asks for each third one first.
    struct Rows(usize, usize, bool);

    impl Source for Rows {
        fn of(&self) -> Option<LobbyId> {
            u32::try_from(self.1).ok().filter(|rows| rows % 2 == 1).map(LobbyId)
        }

        fn next(&mut self, _: usize) -> Next {
            if self.0 % 3 == 2 && !std::mem::replace(&mut self.2, true) {
                return Next::Ask(Box::pin(async {}));
            }
            self.2 = false;
            self.0 += 1;
            let part = Bytes::from(format!("<{}>", self.0));
            if self.0 < self.1 { Next::Part(part) } else { Next::Last(part) }
        }
    }

    #[test]
    fn what_tells_of_a_lobby_ends_where_that_may_not_be_heard_any_more() {
        let mut outbox = outbox(&[]);
        for rows in [3, 2, 5] {
            outbox.push_source(Box::new(Rows(0, rows, false)));
            outbox.push(Bytes::from_static(b"-"));
        }
        assert!(matches!(outbox.pull(9), Pulled::Part));
        outbox.drop_sources_of(LobbyId(3));
        assert_eq!(
            outbox.rest.as_ref().map(|rest| rest.sources),
            Some(2),
            "only what tells of that lobby"
        );
        assert_eq!(outbox.bytes(), "<1>--".len() + 1, "what is made already may be half written");
        outbox.advance("<1>-".len());
        assert!(matches!(outbox.pull(9), Pulled::Part));
        outbox.drop_sources_of(LobbyId(5));
        outbox.drop_sources_of(LobbyId(1));
        let mut out = String::new();
        loop {
            match outbox.pull(9) {
                Pulled::Ask(_) => {}
                Pulled::Nothing if outbox.is_empty() => break,
                _ => out.push_str(&{
                    let mut scratch = vec![0; 64];
                    let offered = outbox.offer(&mut scratch).to_vec();
                    outbox.advance(offered.len());
                    String::from_utf8(offered).unwrap()
                }),
            }
        }
        assert_eq!(out, "<1><2>--", "and the rest is told");
    }

    #[test]
    fn a_long_answer_is_made_as_it_is_taken_and_what_came_later_follows_it() {
        let mut outbox = outbox(&["before "]);
        outbox.push_source(Box::new(Rows(0, 4, false)));
        outbox.push(Bytes::from_static(b"after "));
        outbox.push_source(Box::new(Rows(0, 1, false)));
        outbox.push(Bytes::from_static(b"end"));
        assert_eq!(outbox.bytes(), 16, "no part is made before its time");
        let (mut out, mut asked, mut most) = (Vec::new(), 0, 0);
        loop {
            match outbox.pull(9) {
                Pulled::Part => {}
                Pulled::Ask(_) => asked += 1,
                Pulled::Nothing => break,
                Pulled::Wait => unreachable!(),
            }
            most = most.max(outbox.bytes());
            while !outbox.front.is_empty() {
                let mut scratch = [0; 64];
                let offered = outbox.offer(&mut scratch);
                let count = offered.len().min(2);
                out.extend_from_slice(&offered[..count]);
                outbox.advance(count);
            }
        }
        assert_eq!(String::from_utf8(out).unwrap(), "before <1><2><3><4>after <1>end");
        assert_eq!((asked, most), (1, 16));
        assert!(outbox.is_empty());
    }

    #[test]
    fn a_cut_drops_a_long_answer_too() {
        let mut outbox = Outbox::default();
        outbox.push_source(Box::new(Rows(0, 9, false)));
        outbox.push(Bytes::from_static(b"later"));
        assert!(matches!(outbox.pull(9), Pulled::Part));
        outbox.offer(&mut [0; 2]);
        outbox.drop_rest();
        outbox.push(Bytes::from_static(b"bye"));
        assert_eq!(drain(&mut outbox, 64, 64), "<1>bye");
        outbox.push_source(Box::new(Rows(0, 9, false)));
        outbox.push(Bytes::from_static(b"later"));
        outbox.drop_source();
        assert_eq!(drain(&mut outbox, 64, 64), "later", "an answer that is given up");
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
