//! The clients of one thread and the rooms that they are in: where one event becomes text for many.
//!
//! The hub lives on one thread and is shared there, by the Shard that takes events of lobbies off its
//! mailbox and by the Sessions. An event waits in its room, once, until the next round of writes; then
//! all that waits is rendered in each of the few forms at most once and goes to every member as one
//! shared block and in one write. What is for one client alone comes after what its room has for it.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::chat::directory::ConnId;
use crate::chat::history::UnixMillis;
use crate::chat::lobbies::LobbyId;
use crate::chat::lobby::event::{AnswerPiece, Event, Happened};
use crate::chat::name::Name;
use crate::chat::person::Person;
use crate::chat::times::Times;
use crate::clock::{self, thread_time};
use crate::fanout::outbox::Source;
use crate::fanout::pacer::FlushPacer;
use crate::fanout::peer::Peer;
use crate::fanout::tally::Tally;
use crate::fanout::variants::{Fanout, Pieces, Reader};
use crate::render::replies::Farewell;
use crate::render::{Follows, Form, Sheet, block, ringing_block};

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
    /// How many of the events that wait in the room this client has already, or came after.
    seen: Cell<usize>,
    dirty: Cell<bool>,
}

/// Those of a room who are on this thread.
struct Audience {
    name: Name,
    /// The number of its next message, as far as members here have been told.
    next_seq: u64,
    /// How often members here have been told that somebody has come or gone.
    crossings: u64,
    members: Vec<usize>,
    /// What all members are to be shown in the next round.
    events: Vec<Event>,
    event_bytes: usize,
    taken: Vec<Taken>,
}

/// Messages of a lobby that came together: how many, and when the first of them was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Taken {
    /// When its Session took it.
    pub at: Instant,
    /// How many.
    pub messages: u32,
}

/// What waits in one room at most, as text: it is judged against the limit of a client in steps that
/// are small against it.
const MAX_ROOM_BYTES: usize = 32 * 1024;

/// Memory that is taken at a time to write events on: some thirty messages.
const SHEET_BYTES: usize = 8 * 1024;

/// With so much waiting in a room a write is cheap a line, and waiting for more gains little.
const ENOUGH_BYTES: usize = 2 * 1024;

/// All clients of a thread; `S` is how their Sessions are reached.
pub struct Hub<S> {
    inner: RefCell<Inner<S>>,
}

struct Inner<S> {
    seats: Vec<Option<Occupant<S>>>,
    free: Vec<usize>,
    rooms: HashMap<LobbyId, Audience>,
    /// Rooms where something waits.
    waiting: Vec<LobbyId>,
    /// Clients to whom something is to be written.
    dirty: Vec<usize>,
    rounds: FlushPacer,
    /// What was handed out and is not written yet.
    handed_out: Vec<Taken>,
    tally: Rc<Tally>,
    /// How whoever wants clock times is told when something happened.
    clock: fn() -> Times,
    /// What events are written on.
    sheet: RefCell<Sheet>,
}

impl<S> Hub<S> {
    /// Without clients. `clock` says how whoever wants clock times is told when something happened.
    pub fn new(clock: fn() -> Times, tally: Rc<Tally>) -> Self {
        Self {
            inner: RefCell::new(Inner {
                seats: Vec::new(),
                free: Vec::new(),
                rooms: HashMap::new(),
                waiting: Vec::new(),
                dirty: Vec::new(),
                rounds: FlushPacer::default(),
                handed_out: Vec::new(),
                tally,
                clock,
                sheet: RefCell::new(Sheet::with_capacity(SHEET_BYTES)),
            }),
        }
    }
}

impl<S: Clone> Hub<S> {
    /// Takes a client in.
    pub fn seat(&self, peer: Rc<Peer>, session: S) -> Seat {
        let mut inner = self.inner.borrow_mut();
        let conn = peer.conn();
        let occupant =
            Occupant { peer, session, room: None, seen: Cell::new(0), dirty: Cell::new(false) };
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

    /// Moves a client into a room, of this name and whose next message has this number; from here on it is shown that room's text and no other's.
    pub fn enter(&self, seat: Seat, room: LobbyId, (name, next_seq): (&Name, u64)) {
        let mut inner = self.inner.borrow_mut();
        if inner.occupant(seat).is_none() {
            return;
        }
        inner.leave(seat.slot);
        let audience =
            inner.rooms.entry(room).or_insert_with(|| Audience::new(name.clone(), next_seq));
        let Audience { members, events, .. } = audience;
        members.push(seat.slot);
        let (index, seen) = (members.len() - 1, events.len());
        if let Some(occupant) = &mut inner.seats[seat.slot] {
            occupant.room = Some((room, index));
            occupant.seen.set(seen);
        }
    }

    /// Queues what waits in a client's room for it: what it is answered next comes after that.
    pub fn catch_up(&self, seat: Seat) {
        let inner = self.inner.borrow();
        if let Some(occupant) = inner.occupant(seat) {
            inner.catch_up(occupant);
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

    /// A client that is still there, where its Session is not wanted.
    pub fn peer(&self, seat: Seat) -> Option<Rc<Peer>> {
        self.inner.borrow().occupant(seat).map(|o| o.peer.clone())
    }

    /// A client that is still there.
    pub fn find(&self, seat: Seat) -> Option<(Rc<Peer>, S)> {
        self.inner.borrow().occupant(seat).map(|o| (o.peer.clone(), o.session.clone()))
    }

    /// Asks those whether they are there who are to be asked again. Then says which clients the clock says something
    /// against, and what.
    pub fn check_clock(&self, now: Instant) -> Vec<(Rc<Peer>, S, Farewell)> {
        let inner = &mut *self.inner.borrow_mut();
        let mut late = Vec::new();
        for (slot, occupant) in inner.seats.iter().enumerate() {
            let Some(Occupant { peer, dirty, .. }) = occupant else { continue };
            if peer.ask_whether_there(now) && !dirty.replace(true) {
                inner.dirty.push(slot);
            }
            if peer.overdue(now).is_some() {
                late.push(slot);
            }
        }
        inner.write_out();
        // What was stuck may be out by now.
        let overdue = |slot: usize| {
            let Occupant { peer, session, .. } = inner.seats[slot].as_ref()?;
            Some((peer.clone(), session.clone(), peer.overdue(now)?))
        };
        late.into_iter().filter_map(overdue).collect()
    }

    /// Somebody goes on as somebody else, and stays whom they were to those who ignore them or have
    /// been written to by them.
    pub fn became(&self, before: &Person, now: &Person) {
        let inner = self.inner.borrow();
        inner.seats.iter().flatten().for_each(|o| o.peer.became(before, now));
    }

    /// Every client.
    pub fn all(&self) -> Vec<(Rc<Peer>, S)> {
        let inner = self.inner.borrow();
        inner.seats.iter().flatten().map(|o| (o.peer.clone(), o.session.clone())).collect()
    }

    /// How often those in a client's room have been told that somebody has come or gone: a list of who is there
    /// is as old as that says.
    pub fn crossings(&self, seat: Seat) -> u64 {
        let inner = self.inner.borrow();
        let room = inner.occupant(seat).and_then(|occupant| occupant.room);
        room.and_then(|(room, _)| inner.rooms.get(&room)).map_or(0, |room| room.crossings)
    }

    /// The Sessions in a room.
    pub fn sessions_in(&self, room: LobbyId) -> Vec<S> {
        let inner = self.inner.borrow();
        let members = inner.rooms.get(&room).map_or(&[][..], |room| room.members.as_slice());
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

    /// Shows all members of a room that are here what happened, in the next round of writes.
    pub fn show(&self, room: LobbyId, event: Event) {
        let inner = &mut *self.inner.borrow_mut();
        if let Happened::Answered(piece) = &event.what {
            return inner.show_piece(room, event.at, piece);
        }
        let Some(here) = inner.rooms.get_mut(&room) else { return };
        if here.events.is_empty() {
            inner.waiting.push(room);
        }
        if let Happened::Said { seq, .. }
        | Happened::Asked { seq, .. }
        | Happened::AnswerKept { seq, .. } = &event.what
        {
            here.next_seq = here.next_seq.max(seq + 1);
        }
        here.crossings += u64::from(event.what.is_crossing());
        here.event_bytes += event.bytes();
        here.events.push(event);
        if here.event_bytes >= MAX_ROOM_BYTES {
            inner.hand_out(room);
        }
    }

    /// Notes that messages are among what the members of a room are to be shown.
    pub fn note_taken(&self, room: LobbyId, taken: Taken) {
        if let Some(room) = self.inner.borrow_mut().rooms.get_mut(&room) {
            room.taken.push(taken);
        }
    }

    /// Shows one client alone what happened in a room, its own.
    pub fn show_to(&self, seat: Seat, room: LobbyId, event: &Event) {
        let inner = &mut *self.inner.borrow_mut();
        let Some(occupant) = inner.occupant(seat) else { return };
        let Some(Audience { name, .. }) = inner.rooms.get(&room) else { return };
        inner.catch_up(occupant);
        let queued = {
            let sheet = &mut *inner.sheet.borrow_mut();
            let mut fanout = Fanout::new((name, std::slice::from_ref(event)), sheet, inner.clock);
            show_to(&occupant.peer, &mut fanout, 0, &inner.tally)
        };
        if queued && !occupant.dirty.replace(true) {
            inner.dirty.push(seat.slot);
        }
    }

    /// Shows one client a block; an answer to something that it did itself where `own` is set.
    pub fn show_one(&self, seat: Seat, own: bool, body: impl FnOnce(&mut Sheet)) {
        self.show_block(seat, own, |form| block(form, body));
    }

    fn show_block(&self, seat: Seat, own: bool, make: impl FnOnce(Form) -> Bytes) {
        let inner = &mut *self.inner.borrow_mut();
        let Some(occupant) = inner.occupant(seat) else { return };
        inner.catch_up(occupant);
        let block = make(occupant.peer.form());
        if own {
            occupant.peer.answer(block);
        } else {
            occupant.peer.queue(block);
        }
        if !occupant.dirty.replace(true) {
            inner.dirty.push(seat.slot);
        }
    }

    /// Queues a long answer for one client, which is made in parts as the client takes them.
    pub fn tell(&self, seat: Seat, source: Box<dyn Source>) {
        let inner = &mut *self.inner.borrow_mut();
        let Some(occupant) = inner.occupant(seat) else { return };
        inner.catch_up(occupant);
        occupant.peer.tell(source);
        if !occupant.dirty.replace(true) {
            inner.dirty.push(seat.slot);
        }
    }

    /// Shows one client what somebody wrote to it, and rings its bell; not one that ignores them.
    /// Whether it was shown.
    pub fn show_from(&self, seat: Seat, from: &Person, body: impl FnOnce(&mut Sheet)) -> bool {
        let hears = self.peer(seat).is_some_and(|peer| peer.hears(from));
        if hears {
            self.show_block(seat, false, |form| ringing_block(form, body));
        }
        hears
    }

    /// Shows every client that is in a room a block.
    pub fn show_everybody(&self, body: impl Fn(&mut Sheet)) {
        let seats: Vec<Seat> = {
            let inner = self.inner.borrow();
            let seats = inner.seats.iter().enumerate();
            let seat = |(slot, occupant): (usize, &Option<Occupant<S>>)| {
                let occupant = occupant.as_ref().filter(|o| o.room.is_some())?;
                Some(Seat { slot, conn: occupant.peer.conn() })
            };
            seats.filter_map(seat).collect()
        };
        seats.into_iter().for_each(|seat| self.show_one(seat, false, &body));
    }

    /// Writes what has been queued since the last time. Events of rooms may wait for more to join it:
    /// then this says for how long, and wants to be called again after that.
    pub fn flush(&self, now: Instant) -> Option<Duration> {
        let inner = &mut *self.inner.borrow_mut();
        let enough = |id: &LobbyId| inner.rooms.get(id).is_some_and(Audience::has_enough);
        let pause = inner.rounds.pause(now).filter(|_| !inner.waiting.iter().any(enough));
        if inner.waiting.is_empty() || pause.is_some() {
            inner.write_out();
            return pause.filter(|_| !inner.waiting.is_empty());
        }
        let begin = thread_time();
        while let Some(&room) = inner.waiting.last() {
            inner.hand_out(room);
        }
        inner.write_out();
        inner.rounds.note(thread_time().saturating_sub(begin), clock::now());
        None
    }
}

impl Audience {
    fn new(name: Name, next_seq: u64) -> Self {
        let (members, events, taken) = Default::default();
        Self { name, next_seq, crossings: 0, members, events, event_bytes: 0, taken }
    }

    fn has_enough(&self) -> bool {
        self.event_bytes >= ENOUGH_BYTES
    }
}

/// Queues the events from index `seen` on. Whether the peer takes any.
fn show_to(peer: &Peer, fanout: &mut Fanout<'_>, seen: usize, tally: &Tally) -> bool {
    let (form, ignores) = (peer.form(), peer.ignores());
    let last_author = if form.compact { peer.last_author() } else { None };
    let reader = Reader { form, conn: peer.conn(), ignores: ignores.as_deref(), last_author };
    let (block, author, messages) = fanout.get(&reader, seen);
    let queued = !block.is_empty() && peer.queue(block);
    if queued {
        tally.delivered(messages);
    }
    peer.note_author(author);
    queued
}

impl<S> Inner<S> {
    fn occupant(&self, seat: Seat) -> Option<&Occupant<S>> {
        let occupant = self.seats.get(seat.slot)?.as_ref()?;
        (occupant.peer.conn() == seat.conn).then_some(occupant)
    }

    fn leave(&mut self, slot: usize) {
        if let Some(occupant) = &self.seats[slot] {
            self.catch_up(occupant);
        }
        let Some(occupant) = &mut self.seats[slot] else { return };
        let Some((room, index)) = occupant.room.take() else { return };
        let Some(Audience { members, next_seq, .. }) = self.rooms.get_mut(&room) else { return };
        occupant.peer.note_left(room, *next_seq);
        members.swap_remove(index);
        if let Some(&moved) = members.get(index)
            && let Some(Occupant { room: Some((_, at)), .. }) = &mut self.seats[moved]
        {
            *at = index;
        }
        if members.is_empty() {
            self.rooms.remove(&room);
            self.waiting.retain(|other| *other != room);
        }
    }

    fn catch_up(&self, occupant: &Occupant<S>) {
        let Some(room) = occupant.room.and_then(|(room, _)| self.rooms.get(&room)) else { return };
        let seen = occupant.seen.replace(room.events.len());
        if seen < room.events.len() {
            let peer = &occupant.peer;
            let sheet = &mut *self.sheet.borrow_mut();
            let mut fanout = Fanout::new((&room.name, &room.events), sheet, self.clock);
            show_to(peer, &mut fanout, seen, &self.tally);
        }
    }

    /// Queues what waits in a room for all members.
    fn hand_out(&mut self, id: LobbyId) {
        self.waiting.retain(|other| *other != id);
        let Some(room) = self.rooms.get_mut(&id).filter(|room| !room.events.is_empty()) else {
            return;
        };
        let mut fanout = Fanout::new((&room.name, &room.events), self.sheet.get_mut(), self.clock);
        for &slot in &room.members {
            let Some(occupant) = &self.seats[slot] else { continue };
            let peer = &occupant.peer;
            let queued = show_to(peer, &mut fanout, occupant.seen.take(), &self.tally);
            if queued && !occupant.dirty.replace(true) {
                self.dirty.push(slot);
            }
        }
        room.event_bytes = 0;
        room.events.clear();
        self.handed_out.append(&mut room.taken);
    }

    /// Queues a piece of an answer at once: how it begins depends on what each member was shown last.
    fn show_piece(&mut self, id: LobbyId, at: UnixMillis, piece: &AnswerPiece) {
        self.hand_out(id);
        let Some(room) = self.rooms.get(&id) else { return };
        let mut pieces = Pieces::new(&room.name, at, piece);
        for &slot in &room.members {
            let Some(occupant) = &self.seats[slot] else { continue };
            let peer = &occupant.peer;
            if !peer.hears(&piece.asker) {
                continue;
            }
            let follows = match peer.follows_answer(piece.id) {
                true => Follows::Piece,
                false => Follows::Nothing,
            };
            let block = pieces.get(peer.form(), follows);
            // For them no row is full yet.
            if block.is_empty() {
                continue;
            }
            let queued = peer.queue(block);
            peer.note_answer(piece.id);
            if queued && !occupant.dirty.replace(true) {
                self.dirty.push(slot);
            }
        }
    }

    fn write_out(&mut self) {
        // One at a time: a fault at one client leaves the others to the next round.
        while let Some(slot) = self.dirty.pop() {
            if let Some(occupant) = &self.seats[slot] {
                occupant.dirty.set(false);
                occupant.peer.flush();
            }
        }
        if !self.handed_out.is_empty() {
            let now = clock::now();
            for Taken { at, messages } in self.handed_out.drain(..) {
                self.tally.took(now.saturating_duration_since(at), messages.into());
            }
        }
    }
}
