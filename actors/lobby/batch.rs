//! What a lobby wants shown, gathered until its mailbox is drained.
//!
//! Messages that arrive together leave together: one message for each thread that has members, one
//! write for each member.

use bytes::Bytes;

use crate::actors::shard::messages::{Act, Address};
use crate::chat::person::Person;
use crate::fanout::hub::Seat;
use crate::fanout::variants::Text;
use crate::render::Sheet;

/// Text that is gathered at most before it is handed on, so that a client's limit is judged in
/// steps that are small against it.
pub(super) const MAX_TEXT_BYTES: usize = 16 * 1024;

/// To whom an act goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scope {
    /// To every thread that has members.
    Members,
    /// To one thread, members or not.
    Shard(usize),
}

/// Acts in the order in which they are to happen.
#[derive(Default)]
pub(super) struct Batch {
    text: Sheet,
    /// Bytes of text that have gathered.
    bytes: usize,
    acts: Vec<(Scope, Act)>,
    echoes: Vec<(usize, Seat, usize)>,
}

impl Batch {
    /// Whether there is nothing to do.
    pub(super) fn is_empty(&self) -> bool {
        self.text.is_empty() && self.acts.is_empty() && self.echoes.is_empty()
    }

    /// Whether so much text has gathered that it should go.
    pub(super) fn is_full(&self) -> bool {
        self.bytes >= MAX_TEXT_BYTES
    }

    /// A notice for all members. Notices that come together are one text.
    pub(super) fn notice(&mut self, body: impl FnOnce(&mut Sheet)) {
        let before = self.text.len();
        self.text.open();
        body(&mut self.text);
        self.text.close();
        self.bytes += self.text.len() - before;
    }

    /// Something that a user says to all members.
    pub(super) fn said(&mut self, by: &Person, body: impl FnOnce(&mut Sheet)) {
        self.close_text(None);
        self.notice(body);
        self.close_text(Some(by));
    }

    /// A piece of an answer for all members, but for those who ignore whoever asked.
    pub(super) fn answer(&mut self, id: u64, asker: Person, headed: Bytes, bare: Bytes) {
        self.push(Scope::Members, Act::Answer { id, asker, headed, bare });
    }

    /// Something for the thread of one client.
    pub(super) fn one(&mut self, at: Address, act: impl FnOnce(Seat) -> Act) {
        self.push(Scope::Shard(at.shard), act(at.seat));
    }

    /// A message of this client is on its way back.
    pub(super) fn echo(&mut self, at: Address) {
        match self.echoes.last_mut() {
            Some((shard, seat, count)) if *shard == at.shard && *seat == at.seat => *count += 1,
            _ => self.echoes.push((at.shard, at.seat, 1)),
        }
    }

    /// Hands all acts out, to each thread its own; `members` counts the members on each.
    pub(super) fn hand_out(&mut self, members: &[usize], mut to: impl FnMut(usize, Vec<Act>)) {
        self.close_text(None);
        self.bytes = 0;
        for (shard, seat, count) in self.echoes.drain(..) {
            self.acts.push((Scope::Shard(shard), Act::Echo(seat, count)));
        }
        for (shard, &count) in members.iter().enumerate() {
            let concerned = |scope: Scope| match scope {
                Scope::Members => count > 0,
                Scope::Shard(other) => other == shard,
            };
            let own = self.acts.iter().filter(|(scope, _)| concerned(*scope));
            let own: Vec<Act> = own.map(|(_, act)| act.clone()).collect();
            if !own.is_empty() {
                to(shard, own);
            }
        }
        self.acts.clear();
    }

    fn push(&mut self, scope: Scope, act: Act) {
        self.close_text(None);
        self.acts.push((scope, act));
    }

    fn close_text(&mut self, by: Option<&Person>) {
        if !self.text.is_empty() {
            let text = Text { by: by.cloned(), master: self.text.take() };
            self.acts.push((Scope::Members, Act::Text(text)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::directory::ConnId;

    fn take(batch: &mut Batch, members: &[usize]) -> Vec<Vec<Act>> {
        let mut by_shard = vec![Vec::new(); members.len()];
        batch.hand_out(members, |shard, acts| by_shard[shard] = acts);
        by_shard
    }

    fn at(shard: usize, conn: u64) -> Address {
        Address { shard, seat: Seat { slot: 0, conn: ConnId(conn) } }
    }

    fn shown(acts: &[Act]) -> Vec<String> {
        let show = |act: &Act| match act {
            Act::Text(Text { by: Some(by), master }) => format!("{} {}", by.name, master.len()),
            Act::Text(text) => format!("text {}", text.master.len()),
            Act::Reply(seat, _) => format!("reply {}", seat.conn.0),
            Act::Echo(seat, count) => format!("echo {} {count}", seat.conn.0),
            _ => "other".to_owned(),
        };
        acts.iter().map(show).collect()
    }

    #[test]
    fn notices_that_come_together_are_one_text_and_echoes_follow() {
        let mut batch = Batch::default();
        for _ in 0..3 {
            batch.notice(|s| _ = s.fixed("x\n"));
            batch.echo(at(0, 7));
        }
        let acts = take(&mut batch, &[1, 0, 2]);
        assert_eq!(shown(&acts[0]), ["text 24", "echo 7 3"]);
        assert!(acts[1].is_empty(), "no members there");
        assert_eq!(shown(&acts[2]), ["text 24"]);
        assert!(batch.is_empty());
    }

    #[test]
    fn order_is_kept_around_what_is_for_one_and_what_is_of_one() {
        let (mut batch, ann) = (Batch::default(), Person::example(3, "ann"));
        batch.notice(|s| _ = s.fixed("a\n"));
        batch.one(at(1, 9), |seat| Act::Reply(seat, Bytes::new()));
        batch.said(&ann, |s| _ = s.fixed("bb\n"));
        batch.notice(|s| _ = s.fixed("ccc\n"));
        let acts = take(&mut batch, &[1, 1]);
        assert_eq!(shown(&acts[0]), ["text 8", "ann 9", "text 10"]);
        assert_eq!(shown(&acts[1]), ["text 8", "reply 9", "ann 9", "text 10"]);
    }
}
