//! One client as its own thread sees it: socket, outbox, pace.
//!
//! A `Peer` is shared, within one thread, by the Session that owns the connection and by the hub
//! that shows what happens in lobbies. The hub may write to the socket, but only the Session's task is ever
//! woken by it, so a socket that is full costs the hub nothing.

use std::cell::{Cell, Ref, RefCell, RefMut};
use std::num::NonZeroU32;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::future::LocalBoxFuture;

use crate::chat::directory::ConnId;
use crate::chat::ignores::Ignores;
use crate::chat::lobbies::LobbyId;
use crate::chat::name::Name;
use crate::chat::person::Person;
use crate::chat::settings::Width;
use crate::chat::terminal::Seen;
use crate::clock;
use crate::fanout::limits::PeerLimits;
use crate::fanout::outbox::{Outbox, Pulled, Source};
use crate::fanout::tally::Tally;
use crate::fanout::typing::{self, Typing};
use crate::fanout::variants::Author;
use crate::metrics::CountedConnection;
use crate::net::link::Link;
use crate::net::listen::USER_TIMEOUT;
use crate::net::origin::Arrived;
use crate::net::telnet::Size;
use crate::render::replies::{Farewell, farewell};
use crate::render::{Form, frame};

/// How a connection is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    /// It takes what it is sent.
    Good,
    /// It is being closed: what is queued goes out, nothing more is queued.
    Closing,
    /// It took too little and was cut off: a last line is on its way, nothing more is queued.
    CutOff,
    /// Writing failed: the peer is gone.
    Broken,
}

/// What a client was shown last, as far as what comes next depends on it.
#[derive(Debug, Default)]
enum LastShown {
    /// A piece of the answer of this number.
    Answer(u64),
    /// A message of this author's.
    Message(Author),
    /// Anything else.
    #[default]
    Other,
}

/// A connected client.
pub struct Peer {
    conn: ConnId,
    /// Among the connections that there are; none where somebody else counts for it.
    _counted: Option<CountedConnection>,
    arrived: Arrived,
    limits: Rc<PeerLimits>,
    /// What its thread counts.
    tally: Rc<Tally>,
    link: RefCell<Link>,
    outbox: RefCell<Outbox>,
    task: RefCell<Waker>,
    form: Cell<Form>,
    /// The size of its terminal, as it has told it last; 0 for what it has not told.
    told_size: Cell<Size>,
    /// The columns of it for which text is wrapped; 0 where it has told none that can be.
    told_width: Cell<u16>,
    /// What it has shown itself to be.
    seen: Cell<Seen>,
    /// It was asked for keys, by telnet.
    asked_keys: Cell<bool>,
    /// How long after its arrival its terminal was asked where its cursor is, in milliseconds; none where it
    /// was not, or has answered.
    asked_place: Cell<Option<NonZeroU32>>,
    /// Its line, where that is edited here.
    typing: RefCell<Option<Box<Typing>>>,
    health: Cell<Health>,
    /// Since when the socket has taken nothing although something waits.
    blocked_since: Cell<Option<Instant>>,
    /// Since when it has been without a name; none where it has one.
    nameless_since: Cell<Option<Instant>>,
    last_input: Cell<Instant>,
    /// What was shown last.
    last_shown: RefCell<LastShown>,
    /// Messages on their way to the lobby that have not come back yet.
    in_flight: Cell<u16>,
    /// Whether the Session waits for those.
    awaiting_echo: Cell<bool>,
    /// Whether the Session waits for the outbox to empty.
    awaiting_room: Cell<bool>,
    /// What a long answer has to ask before it can go on.
    wanted: Cell<Option<LocalBoxFuture<'static, ()>>>,
    /// Bytes that the socket has taken.
    written: Cell<u64>,
    /// What only some users have.
    others: RefCell<Option<Box<Others>>>,
}

/// What a user has to do with others.
#[derive(Default)]
struct Others {
    ignores: Ignores,
    last_writer: Option<Person>,
    question: Option<Bytes>,
    /// What a program is told with what it is shown: its user's name, and from which message of the lobby on it
    /// is shown all as it comes.
    name: Option<Name>,
    entered: u64,
    /// The lobby that it has left last, and the number of the next message there then.
    left: Option<(LobbyId, u64)>,
}

/// Bytes that wait while a client's own lines are still carried out. Beyond, it has to read first,
/// so that what it asks for cannot pile up in its outbox. No more than its limit in any case.
const BACKED_UP_BYTES: usize = 16 * 1024;

/// Bytes of a part of a long answer, and no more than half of what may wait. The last message in it may
/// go over them.
const PART_BYTES: usize = 8 * 1024;

/// Bytes gathered for one write. Beyond some 64 KiB a larger write is no cheaper a byte.
const SCRATCH_BYTES: usize = 64 * 1024;

thread_local! {
    static SCRATCH: RefCell<Box<[u8]>> = RefCell::new(vec![0; SCRATCH_BYTES].into());
}

impl Peer {
    /// A client that has just been accepted.
    pub fn new(
        (conn, counted): (ConnId, Option<CountedConnection>),
        arrived: Arrived,
        link: Link,
        form: Form,
        limits: Rc<PeerLimits>,
        tally: Rc<Tally>,
        now: Instant,
    ) -> Self {
        Self {
            conn,
            _counted: counted,
            arrived,
            limits,
            tally,
            link: RefCell::new(link),
            outbox: RefCell::default(),
            task: RefCell::new(Waker::noop().clone()),
            form: Cell::new(form),
            told_size: Cell::new(Size { columns: 0, rows: 0 }),
            told_width: Cell::new(0),
            seen: Cell::default(),
            asked_keys: Cell::default(),
            asked_place: Cell::default(),
            typing: RefCell::default(),
            health: Cell::new(Health::Good),
            blocked_since: Cell::new(None),
            nameless_since: Cell::new(Some(arrived.at)),
            last_input: Cell::new(now),
            last_shown: RefCell::default(),
            in_flight: Cell::new(0),
            awaiting_echo: Cell::new(false),
            awaiting_room: Cell::new(false),
            wanted: Cell::default(),
            written: Cell::new(0),
            others: RefCell::default(),
        }
    }

    /// The number of its connection.
    pub fn conn(&self) -> ConnId {
        self.conn
    }

    /// Where it comes from, and since when.
    pub fn arrived(&self) -> Arrived {
        self.arrived
    }

    /// The connection, for the Session.
    pub fn link(&self) -> RefMut<'_, Link> {
        self.link.borrow_mut()
    }

    /// How it is.
    pub fn health(&self) -> Health {
        self.health.get()
    }

    /// The form of text that it wants.
    pub fn form(&self) -> Form {
        let form = self.form.get();
        let told = self.told_width().filter(|_| !form.plain);
        let form = told.map_or(form, |width| Form { width, ..form });
        if self.is_edited() { form.edited() } else { form }
    }

    /// Notes how the client ends its lines: what it is sent ends them likewise.
    pub fn note_line_end(&self, crlf: bool) {
        if self.form.get().is_json() {
            return;
        }
        self.form.set(Form { crlf, ..self.form.get() });
    }

    /// Changes that form, but for a width that the client has told.
    pub fn set_form(&self, form: Form) {
        self.form.set(form);
    }

    /// The columns of its terminal, where it has told them.
    pub fn told_width(&self) -> Option<u16> {
        Some(self.told_width.get()).filter(|columns| *columns > 0)
    }

    /// The size of its terminal, as it has told it last.
    pub fn told_size(&self) -> Size {
        self.told_size.get()
    }

    /// Notes what the client tells of the size of its terminal. Text is wrapped at its columns where it can
    /// be; a number that no terminal has changes nothing of that, and 0 takes back what was told.
    pub fn note_size(&self, size: Size) {
        self.told_size.set(size);
        match size.columns {
            0 => self.told_width.set(0),
            columns if Width::columns(columns).is_some() => self.told_width.set(columns),
            _ => {}
        }
        if let Some(typing) = &mut *self.typing.borrow_mut() {
            self.outbox.borrow_mut().push(typing.resize(size));
        }
    }

    /// What the client has shown itself to be.
    pub fn seen(&self) -> Seen {
        self.seen.get()
    }

    /// Notes that.
    pub fn note_seen(&self, seen: Seen) {
        self.seen.set(seen);
    }

    /// Asks the client's terminal how large it is, by where its cursor is then.
    pub fn ask_size(&self, now: Instant) {
        match &mut *self.typing.borrow_mut() {
            Some(typing) => typing.asks_size(),
            None => {
                let since = now.saturating_duration_since(self.arrived.at).as_millis();
                let since = u32::try_from(since).unwrap_or(u32::MAX);
                self.asked_place.set(NonZeroU32::new(since.max(1)));
            }
        }
        self.push(Bytes::from_static(typing::ASK_SIZE));
    }

    /// Whether its terminal was asked that, before its line was edited here, and has not answered.
    pub fn awaits_size(&self) -> bool {
        self.asked_place.get().is_some()
    }

    /// It has answered: how long it took.
    pub fn answered_size(&self, now: Instant) -> Option<Duration> {
        let asked = Duration::from_millis(self.asked_place.take()?.get().into());
        Some(now.saturating_duration_since(self.arrived.at).saturating_sub(asked))
    }

    /// Whether the client's line is edited here.
    pub fn is_edited(&self) -> bool {
        self.typing.borrow().is_some()
    }

    /// The client's line, where it is edited here.
    pub fn typing(&self) -> Option<RefMut<'_, Typing>> {
        RefMut::filter_map(self.typing.borrow_mut(), |typing| typing.as_deref_mut()).ok()
    }

    /// The client's line is edited here from here on, with what was typed of it before.
    pub fn begin_typing(&self, typed: &[u8]) {
        let mut typing = Box::new(Typing::new(self.told_size()));
        typing.start_with(typed);
        self.push(Bytes::from_static(typing::BEGIN));
        self.typing.replace(Some(typing));
    }

    /// It is no longer.
    pub fn end_typing(&self) {
        if let Some(mut typing) = self.typing.take() {
            let mut outbox = self.outbox.borrow_mut();
            outbox.push(typing.erase());
            outbox.push(Bytes::from_static(typing::END));
        }
    }

    /// Has what the client types drawn anew.
    pub fn redraw(&self) {
        self.make_way(&mut self.outbox.borrow_mut());
    }

    /// Whether it was asked for keys, and not to send lines again.
    pub fn is_asked_for_keys(&self) -> bool {
        self.asked_keys.get()
    }

    /// Notes that it is, or is no longer.
    pub fn note_asked_for_keys(&self, asked: bool) {
        self.asked_keys.set(asked);
    }

    /// Clears the client's screen, where its line is edited here.
    pub fn clear_screen(&self) {
        if let Some(typing) = &mut *self.typing.borrow_mut() {
            self.outbox.borrow_mut().push(typing.clear());
        }
    }

    /// Takes what the client types off its terminal, where that stands there, to be drawn again below what
    /// is shown next.
    fn make_way(&self, outbox: &mut Outbox) {
        if let Some(typing) = &mut *self.typing.borrow_mut() {
            outbox.push(typing.erase());
        }
    }

    /// Has what the client types stand on its terminal, behind all that waits; not as long as what waits is
    /// stuck, and not inside of a long answer. Whether anything waits by that.
    fn draw(&self) -> bool {
        if self.health() != Health::Good || self.blocked_since.get().is_some() {
            return false;
        }
        let mut typing = self.typing.borrow_mut();
        let Some(typing) = &mut *typing else { return false };
        let mut outbox = self.outbox.borrow_mut();
        if outbox.has_source() {
            return false;
        }
        let drawing = typing.draw();
        let draws = !drawing.is_empty();
        outbox.push(drawing);
        draws
    }

    /// The Session's task, to be woken when the socket takes more or something happened.
    pub fn set_task(&self, waker: &Waker) {
        if !self.task.borrow().will_wake(waker) {
            *self.task.borrow_mut() = waker.clone();
        }
    }

    /// Asks the client whether it is there, where it is time to. Whether that waits to be written.
    pub fn ask_whether_there(&self, now: Instant) -> bool {
        let asks = self.health() == Health::Good
            && self.form.get().is_json()
            && self.link.borrow_mut().is_to_be_asked(self.arrived.at, now);
        if asks {
            self.push(frame::ping());
        }
        asks
    }

    /// Wakes the Session.
    pub fn wake(&self) {
        self.task.borrow().wake_by_ref();
    }

    /// Notes that the client sent something.
    pub fn note_input(&self, now: Instant) {
        self.last_input.set(now);
    }

    /// How long ago that was.
    pub fn idle_time(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.last_input.get())
    }

    /// What the user's next line answers, where it is no message: shown again after whatever is shown
    /// meanwhile, since that ends with the prompt for messages.
    pub fn set_question(&self, question: Option<Bytes>) {
        let mut others = self.others.borrow_mut();
        // A program is told once.
        let question = question.filter(|_| !self.form.get().is_json());
        if question.is_some() || others.is_some() {
            others.get_or_insert_default().question = question;
        }
    }

    fn question(&self) -> Option<Bytes> {
        self.others.borrow().as_ref()?.question.clone()
    }

    /// Notes from which message of its lobby on the client is shown all as it comes, for a program that asks
    /// what came before.
    pub fn note_entered(&self, next_seq: u64) {
        if self.form.get().is_json() {
            self.others.borrow_mut().get_or_insert_default().entered = next_seq;
        }
    }

    /// That number.
    pub fn entered(&self) -> u64 {
        self.others.borrow().as_ref().map_or(0, |others| others.entered)
    }

    /// Notes which lobby a program has left, and what the next message there had for a number.
    pub fn note_left(&self, lobby: LobbyId, next_seq: u64) {
        if self.form.get().is_json() {
            self.others.borrow_mut().get_or_insert_default().left = Some((lobby, next_seq));
        }
    }

    /// What was noted last, where that was not asked before.
    pub fn take_left(&self) -> Option<(LobbyId, u64)> {
        self.others.borrow_mut().as_mut()?.left.take()
    }

    /// Notes the name of the user of a program.
    pub fn note_name(&self, name: &Name) {
        if self.form.get().is_json() {
            self.others.borrow_mut().get_or_insert_default().name = Some(name.clone());
        }
    }

    /// That name; none of anybody else.
    pub fn name(&self) -> Option<Name> {
        self.others.borrow().as_ref()?.name.clone()
    }

    /// Whom the user does not want to hear; none who ignores nobody.
    pub fn ignores(&self) -> Option<Ref<'_, Ignores>> {
        let others = Ref::filter_map(self.others.borrow(), |others| {
            others.as_ref().map(|others| &others.ignores).filter(|ignores| !ignores.is_empty())
        });
        others.ok()
    }

    /// Whether the user wants to hear this one.
    pub fn hears(&self, who: &Person) -> bool {
        !self.ignores().is_some_and(|ignores| ignores.contains(who))
    }

    /// Whom the user does not want to hear, from the start.
    pub fn set_ignores(&self, ignores: Ignores) {
        self.change_ignores(|so_far| *so_far = ignores);
    }

    /// Changes whom the user does not want to hear.
    pub fn change_ignores(&self, change: impl FnOnce(&mut Ignores)) {
        change(&mut self.others.borrow_mut().get_or_insert_default().ignores);
    }

    /// Somebody goes on as somebody else: that they are ignored, or wrote last, is of them still.
    pub fn became(&self, before: &Person, now: &Person) {
        let mut others = self.others.borrow_mut();
        let Some(others) = others.as_mut() else { return };
        others.ignores.learn(before, now);
        if let Some(writer) = others.last_writer.as_mut().filter(|writer| writer.knows(before)) {
            // By the name that they wrote under, if they are told of.
            *writer = Person { name: writer.name.clone(), ..now.clone() };
        }
    }

    /// Who wrote to the user last.
    pub fn last_writer(&self) -> Option<Person> {
        self.others.borrow().as_ref()?.last_writer.clone()
    }

    /// Notes who wrote to the user.
    pub fn note_writer(&self, who: Person) {
        self.others.borrow_mut().get_or_insert_default().last_writer = Some(who);
    }

    /// The user has a name: that was in time.
    pub fn logged_in(&self) {
        self.nameless_since.set(None);
    }

    /// Whether that was so.
    pub fn is_logged_in(&self) -> bool {
        self.nameless_since.get().is_none()
    }

    /// Queues a block that is in the peer's own form. False where the peer is not (or no
    /// longer) taking any: it was cut off, now or before.
    pub fn queue(&self, block: Bytes) -> bool {
        if !self.has_room(block.len()) {
            return false;
        }
        self.last_shown.take();
        let mut outbox = self.outbox.borrow_mut();
        self.make_way(&mut outbox);
        outbox.push(block);
        // The editor has its prompt.
        if let Some(question) = self.question().filter(|_| !self.is_edited()) {
            outbox.push(question);
        }
        true
    }

    /// Queues bytes that are not to be seen.
    pub fn push(&self, bytes: Bytes) {
        if self.has_room(bytes.len()) {
            self.outbox.borrow_mut().push(bytes);
        }
    }

    /// Whether the peer takes so many bytes more; one that does not is cut off.
    fn has_room(&self, more: usize) -> bool {
        if self.health() == Health::Good && self.is_over(more) {
            // Perhaps nothing has been tried yet in this round.
            self.write_out();
            if self.health() == Health::Good && self.is_over(more) {
                self.cut_off();
            }
        }
        self.health() == Health::Good
    }

    /// Queues a block in the peer's own form that answers the client itself.
    pub fn answer(&self, block: Bytes) {
        // A question alone is the editor's prompt.
        if self.health() == Health::Good && !block.is_empty() {
            self.last_shown.take();
            let mut outbox = self.outbox.borrow_mut();
            self.make_way(&mut outbox);
            outbox.push(block);
        }
    }

    /// Queues a long answer to the client itself, which is made in parts as the client takes them.
    pub fn tell(&self, source: Box<dyn Source>) {
        if self.health() == Health::Good {
            self.last_shown.take();
            let mut outbox = self.outbox.borrow_mut();
            self.make_way(&mut outbox);
            outbox.push_source(source);
        }
    }

    /// The client has no right to hear of a lobby any more: what tells of it ends here.
    pub fn stop_telling_of(&self, lobby: LobbyId) {
        self.outbox.borrow_mut().drop_sources_of(lobby);
        // It may have been about that; any other answer asks again.
        self.wanted.take();
    }

    /// What a long answer has to ask before it can go on: the Session is woken to see to it.
    pub fn wanted(&self) -> Option<LocalBoxFuture<'static, ()>> {
        self.wanted.take()
    }

    /// Whether the answer numbered `id` was the last thing shown.
    pub fn follows_answer(&self, id: u64) -> bool {
        matches!(*self.last_shown.borrow(), LastShown::Answer(last) if last == id)
    }

    /// Notes that what was queued last is a piece of the answer numbered `id`.
    pub fn note_answer(&self, id: u64) {
        self.last_shown.replace(LastShown::Answer(id));
    }

    /// Whose message was the last thing shown, where that was noted.
    pub(super) fn last_author(&self) -> Option<Author> {
        match &*self.last_shown.borrow() {
            LastShown::Message(author) => Some(author.clone()),
            LastShown::Answer(_) | LastShown::Other => None,
        }
    }

    /// Notes that what was queued last ends with a message of this author's.
    pub(super) fn note_author(&self, author: Option<Author>) {
        if let Some(author) = author {
            self.last_shown.replace(LastShown::Message(author));
        }
    }

    /// Queues nothing from here on: the last line is queued.
    pub fn take_no_more(&self) {
        if self.health() == Health::Good {
            self.end_typing();
            self.health.set(Health::Closing);
        }
    }

    /// Bytes that wait.
    pub fn queued_bytes(&self) -> usize {
        self.outbox.borrow().bytes()
    }

    /// Whether nothing waits.
    pub fn has_taken_all(&self) -> bool {
        self.outbox.borrow().is_empty()
    }

    /// Bytes that the socket has taken so far.
    pub fn written(&self) -> u64 {
        self.written.get()
    }

    /// Whether so much waits that nothing more that it asks should be answered now, as always while a
    /// long answer is under way. The Session is woken when that is over.
    pub fn is_backed_up(&self) -> bool {
        let backed_up = self.has_much();
        self.awaiting_room.set(backed_up);
        backed_up
    }

    fn has_much(&self) -> bool {
        let outbox = self.outbox.borrow();
        outbox.has_source()
            || outbox.bytes() > BACKED_UP_BYTES.min(self.limits.now().outbound_bytes)
    }

    /// Other limits hold from here on.
    pub fn limits_changed(&self) {
        if self.blocked_since.get().is_some() {
            self.link().set_user_timeout(self.user_timeout());
        }
    }

    /// Whoever takes nothing, with the window of TCP closed, may do so for as long as is set: the kernel is
    /// not to be faster.
    fn user_timeout(&self) -> Duration {
        self.limits.now().stall + USER_TIMEOUT
    }

    /// Writes as much as the socket takes now.
    pub fn flush(&self) {
        self.draw();
        self.write_out();
        // What was stuck, or a long answer, may be out.
        if self.draw() {
            self.write_out();
        }
        if self.awaiting_room.get() && !self.has_much() {
            self.awaiting_room.set(false);
            self.wake();
        }
    }

    fn write_out(&self) {
        let mut outbox = self.outbox.borrow_mut();
        if outbox.is_empty() || self.health() == Health::Broken {
            return;
        }
        let task = self.task.borrow();
        let mut cx = Context::from_waker(&task);
        let mut link = self.link.borrow_mut();
        SCRATCH.with_borrow_mut(|scratch| {
            let max = link.max_write().min(scratch.len());
            let part = PART_BYTES.min(self.limits.now().outbound_bytes / 2);
            while self.has_part(&mut outbox, part) {
                match link.poll_write(&mut cx, outbox.offer(&mut scratch[..max])) {
                    Poll::Ready(Ok(count)) if count > 0 => {
                        outbox.advance(count);
                        self.written.set(self.written.get() + count as u64);
                        self.tally.sent(count);
                        if self.blocked_since.take().is_some() {
                            link.set_user_timeout(USER_TIMEOUT);
                        }
                    }
                    Poll::Ready(_) => {
                        self.health.set(Health::Broken);
                        task.wake_by_ref();
                        return;
                    }
                    Poll::Pending => {
                        if self.blocked_since.get().is_none() {
                            self.blocked_since.set(Some(clock::now()));
                            link.set_user_timeout(self.user_timeout());
                        }
                        return;
                    }
                }
            }
        });
    }

    /// Whether there is something to write, perhaps the next part of a long answer. Where that has to ask
    /// something first, the Session is woken; once the connection is being closed, the answer ends there.
    fn has_part(&self, outbox: &mut Outbox, max: usize) -> bool {
        loop {
            let pulled = outbox.pull(max);
            match (pulled, self.health()) {
                (Pulled::Part, _) => return true,
                (Pulled::Nothing, _) => return false,
                (Pulled::Ask(work), Health::Good) => {
                    self.wanted.set(Some(work));
                    self.wake();
                    return false;
                }
                (Pulled::Wait, Health::Good) => return false,
                (Pulled::Ask(_) | Pulled::Wait, _) => outbox.drop_source(),
            }
        }
    }

    /// Gives the client up as too slow: drops what waits, but for a block that may be half written,
    /// and says so in a last line.
    pub fn cut_off(&self) {
        self.health.set(Health::CutOff);
        self.tally.cut_off();
        let mut outbox = self.outbox.borrow_mut();
        outbox.drop_rest();
        let farewell = farewell(self.form(), Farewell::TooSlow);
        if self.typing.take().is_some() {
            outbox.push(Bytes::from_static(typing::END_ANYWHERE));
        }
        outbox.push(farewell);
        self.wake();
    }

    /// What the clock says against this client at `now`, if anything.
    pub fn overdue(&self, now: Instant) -> Option<Farewell> {
        if self.health() != Health::Good {
            return None;
        }
        let limits = self.limits.now();
        let over = |since: Instant, limit| self.limits.is_over(since, limit, now);
        if self.blocked_since.get().is_some_and(|since| over(since, limits.stall)) {
            return Some(Farewell::TooSlow);
        }
        if self.nameless_since.get().is_some_and(|since| over(since, limits.login)) {
            return Some(Farewell::LoginTimeout);
        }
        let idle = limits.idle.is_some_and(|limit| over(self.last_input.get(), limit));
        idle.then_some(Farewell::Idle)
    }

    /// A message was sent to the lobby.
    pub fn sent_to_lobby(&self) {
        self.in_flight.set(self.in_flight.get().saturating_add(1));
    }

    /// So many messages came back from the lobby and are queued, or were lost with it.
    pub fn came_back(&self, count: usize) {
        let count = u16::try_from(count).unwrap_or(u16::MAX);
        self.in_flight.set(self.in_flight.get().saturating_sub(count));
        if self.awaiting_echo.take() {
            self.wake();
        }
    }

    /// Whether at least `count` messages are on their way; the Session is woken when some of them
    /// come back.
    pub fn awaits_echo(&self, count: usize) -> bool {
        let waits = usize::from(self.in_flight.get()) >= count;
        self.awaiting_echo.set(waits);
        waits
    }

    fn is_over(&self, more: usize) -> bool {
        let outbox = self.outbox.borrow();
        outbox.is_over(more, self.limits.now().outbound_bytes)
            && self.limits.more_for_now(clock::now).is_none_or(|limit| outbox.is_over(more, limit))
    }
}
