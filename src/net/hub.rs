//! The clients of one thread and the rooms that they are in: where one lobby text becomes many.
//!
//! The hub lives on one thread and is shared there, by the Shard that takes lobby text off its
//! mailbox and by the Sessions. Each text is put into each of the few styles at most once, appended
//! to the outbox of every member as a shared block, and written once the mailbox is drained: under
//! load many texts leave in one write.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::time::Instant;

use bytes::Bytes;

use super::peer::Peer;
use crate::chat::ansi::Style;
use crate::chat::directory::ConnId;
use crate::chat::lobbies::LobbyId;
use crate::chat::replies::Farewell;

/// Where a client is: its slot on its thread, and its connection, since slots are used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seat {
    /// Index in the hub.
    pub slot: usize,
    /// The connection.
    pub conn: ConnId,
}

struct Occupant<S> {
    peer: Rc<Peer>,
    session: S,
    /// The room, and the index in its list of members.
    room: Option<(LobbyId, usize)>,
    dirty: Cell<bool>,
}

/// All clients of a thread; `S` is how their Sessions are reached.
pub struct Hub<S> {
    inner: RefCell<Inner<S>>,
}

struct Inner<S> {
    seats: Vec<Option<Occupant<S>>>,
    free: Vec<usize>,
    rooms: HashMap<LobbyId, Vec<usize>>,
    dirty: Vec<usize>,
}

impl<S> Default for Hub<S> {
    fn default() -> Self {
        Self {
            inner: RefCell::new(Inner {
                seats: Vec::new(),
                free: Vec::new(),
                rooms: HashMap::new(),
                dirty: Vec::new(),
            }),
        }
    }
}

impl<S: Clone> Hub<S> {
    /// Takes a client in.
    pub fn seat(&self, peer: Rc<Peer>, session: S) -> Seat {
        let mut inner = self.inner.borrow_mut();
        let conn = peer.conn();
        let occupant = Occupant { peer, session, room: None, dirty: Cell::new(false) };
        let slot = match inner.free.pop() {
            Some(slot) => slot,
            None => {
                inner.seats.push(None);
                inner.seats.len() - 1
            }
        };
        inner.seats[slot] = Some(occupant);
        Seat { slot, conn }
    }

    /// Lets a client go.
    pub fn unseat(&self, seat: Seat) {
        let mut inner = self.inner.borrow_mut();
        if inner.occupant(seat).is_some() {
            inner.leave(seat.slot);
            inner.seats[seat.slot] = None;
            inner.free.push(seat.slot);
        }
    }

    /// Moves a client into a room; from here on it is shown that room's text and no other's.
    pub fn enter(&self, seat: Seat, room: LobbyId) {
        let mut inner = self.inner.borrow_mut();
        if inner.occupant(seat).is_none() {
            return;
        }
        inner.leave(seat.slot);
        let members = inner.rooms.entry(room).or_default();
        members.push(seat.slot);
        let index = members.len() - 1;
        if let Some(occupant) = &mut inner.seats[seat.slot] {
            occupant.room = Some((room, index));
        }
    }

    /// Takes a client out of its room.
    pub fn leave(&self, seat: Seat) {
        let mut inner = self.inner.borrow_mut();
        if inner.occupant(seat).is_some() {
            inner.leave(seat.slot);
        }
    }

    /// The room that a client is in.
    pub fn room(&self, seat: Seat) -> Option<LobbyId> {
        self.inner.borrow().occupant(seat)?.room.map(|(room, _)| room)
    }

    /// A client that is still there.
    pub fn find(&self, seat: Seat) -> Option<(Rc<Peer>, S)> {
        self.inner.borrow().occupant(seat).map(|o| (o.peer.clone(), o.session.clone()))
    }

    /// The clients that the clock says something against, and what.
    pub fn overdue(&self, now: Instant) -> Vec<(Rc<Peer>, S, Farewell)> {
        let inner = self.inner.borrow();
        let overdue = |o: &Occupant<S>| {
            o.peer.overdue(now).map(|why| (o.peer.clone(), o.session.clone(), why))
        };
        inner.seats.iter().flatten().filter_map(overdue).collect()
    }

    /// Every client.
    pub fn all(&self) -> Vec<(Rc<Peer>, S)> {
        let inner = self.inner.borrow();
        inner.seats.iter().flatten().map(|o| (o.peer.clone(), o.session.clone())).collect()
    }

    /// The Sessions in a room.
    pub fn sessions_in(&self, room: LobbyId) -> Vec<S> {
        let inner = self.inner.borrow();
        let members = inner.rooms.get(&room).map_or(&[][..], Vec::as_slice);
        members.iter().filter_map(|s| inner.seats[*s].as_ref()).map(|o| o.session.clone()).collect()
    }

    /// How many clients there are.
    pub fn len(&self) -> usize {
        let inner = self.inner.borrow();
        inner.seats.len() - inner.free.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Queues a text of a room for all of its members here.
    pub fn show(&self, room: LobbyId, master: &Bytes) {
        let mut forms = Forms::new(master);
        self.for_each_member(room, |peer| peer.queue(forms.get(peer.style())));
    }

    /// Queues a piece of answer `id`: `bare` where the answer was the last thing shown to a member,
    /// `headed` elsewhere.
    pub fn show_answer(&self, room: LobbyId, id: u64, headed: &Bytes, bare: &Bytes) {
        let (mut headed, mut bare) = (Forms::new(headed), Forms::new(bare));
        self.for_each_member(room, |peer| {
            let forms = if peer.follows_answer(id) { &mut bare } else { &mut headed };
            let queued = peer.queue(forms.get(peer.style()));
            peer.note_answer(id);
            queued
        });
    }

    /// Queues a text for one client; an answer to something that it did itself where `own` is set.
    pub fn show_one(&self, seat: Seat, master: &Bytes, own: bool) {
        let inner = &mut *self.inner.borrow_mut();
        let Some(occupant) = inner.seats.get(seat.slot).and_then(Option::as_ref) else { return };
        if occupant.peer.conn() != seat.conn {
            return;
        }
        if own {
            occupant.peer.answer(master);
        } else {
            occupant.peer.queue(occupant.peer.style().apply(master));
        }
        if !occupant.dirty.replace(true) {
            inner.dirty.push(seat.slot);
        }
    }

    /// Writes what has been queued since the last time.
    pub fn flush(&self) {
        let inner = &mut *self.inner.borrow_mut();
        for slot in inner.dirty.drain(..) {
            if let Some(occupant) = &inner.seats[slot] {
                occupant.dirty.set(false);
                occupant.peer.flush();
            }
        }
    }

    fn for_each_member(&self, room: LobbyId, mut queue: impl FnMut(&Peer) -> bool) {
        let inner = &mut *self.inner.borrow_mut();
        let Some(members) = inner.rooms.get(&room) else { return };
        for &slot in members {
            let Some(occupant) = &inner.seats[slot] else { continue };
            if queue(&occupant.peer) && !occupant.dirty.replace(true) {
                inner.dirty.push(slot);
            }
        }
    }
}

impl<S> Inner<S> {
    fn occupant(&self, seat: Seat) -> Option<&Occupant<S>> {
        let occupant = self.seats.get(seat.slot)?.as_ref()?;
        (occupant.peer.conn() == seat.conn).then_some(occupant)
    }

    fn leave(&mut self, slot: usize) {
        let Some(occupant) = &mut self.seats[slot] else { return };
        let Some((room, index)) = occupant.room.take() else { return };
        let Some(members) = self.rooms.get_mut(&room) else { return };
        members.swap_remove(index);
        if let Some(&moved) = members.get(index)
            && let Some(Occupant { room: Some((_, at)), .. }) = &mut self.seats[moved]
        {
            *at = index;
        }
        if members.is_empty() {
            self.rooms.remove(&room);
        }
    }
}

/// A text in the styles that were asked for so far.
struct Forms<'a> {
    master: &'a Bytes,
    made: [Option<Bytes>; Style::COUNT],
}

impl<'a> Forms<'a> {
    fn new(master: &'a Bytes) -> Self {
        Self { master, made: [const { None }; Style::COUNT] }
    }

    fn get(&mut self, style: Style) -> Bytes {
        self.made[style.index()].get_or_insert_with(|| style.apply(self.master)).clone()
    }
}
