//! What is on its way to the Store: a queue that everybody adds to and that the Store takes whole when a
//! group is due. A message for each change would cost three allocations for each line that is said.

use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::Instant;

use log::warn;
use tokio::sync::oneshot;

use crate::clock;
use crate::logging::event;
use crate::store::Change;

/// Bytes on their way to the Store at most. It takes them whenever a group is due and the disk
/// answers, so this is reached only where a write hangs.
pub(super) const MAX_COMING_BYTES: usize = 2 * super::MAX_WAITING_BYTES;

/// The queue.
#[derive(Default)]
pub(super) struct Coming {
    queue: Mutex<Queue>,
    /// How many changes the Store has taken and not written, and their bytes.
    held: AtomicUsize,
    held_bytes: AtomicUsize,
}

#[derive(Default)]
struct Queue {
    changes: VecDeque<Change>,
    bytes: usize,
    /// How many were taken before those that are here.
    taken: u64,
    /// How many of all were there when each [`Mark`] was set that is still out.
    marks: Vec<u64>,
    /// Messages that were too much, and are not told of yet.
    lost: usize,
    /// When the first of those came that can be taken.
    since: Option<Instant>,
    /// Whom to wake when there is something again.
    waker: Option<Waker>,
    /// Records of the log that are being applied, the oldest first. Each gives its changes to the queue when
    /// it and all before it are done, so that they are written in the order of the log.
    records: VecDeque<Applied>,
    /// Bytes of the changes of records that are being applied.
    applying_bytes: usize,
    /// How many records are done.
    done: u64,
    /// Who waits until so many are.
    settling: Vec<(u64, oneshot::Sender<()>)>,
}

/// A record of the log whose changes are gathered.
struct Applied {
    /// What lasts of it.
    changes: Vec<Change>,
    /// Bytes of those.
    bytes: usize,
    /// Comes after that, and is written with it or not at all.
    end: Option<Change>,
    is_done: bool,
}

/// A record of the log while it is being applied: whoever does something of it has one of these, and the record
/// is done when the last is gone.
#[derive(Clone)]
pub struct Applying(Arc<OneRecord>);

struct OneRecord {
    coming: Arc<Coming>,
    number: u64,
}

impl fmt::Debug for Applying {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Applying({})", self.0.number)
    }
}

impl Applying {
    /// This lasts of it.
    pub fn keep(&self, changes: impl IntoIterator<Item = Change>) {
        let OneRecord { coming, number } = &*self.0;
        let queue = &mut *coming.lock();
        let Some(record) = queue.record(*number) else { return };
        let before = record.bytes;
        for change in changes {
            record.bytes += change.bytes();
            record.changes.push(change);
        }
        let more = record.bytes - before;
        queue.applying_bytes += more;
    }
}

impl Drop for OneRecord {
    fn drop(&mut self) {
        self.coming.end_record(self.number);
    }
}

/// What lasts and is not written yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Unwritten {
    /// Records of the log that are being applied.
    pub records: usize,
    /// Changes, but for those of such records.
    pub changes: usize,
    /// Bytes of all of them.
    pub bytes: usize,
}

/// What was taken out of the queue.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Taken {
    /// Bytes of the changes.
    pub(super) bytes: usize,
    /// How many messages were lost before they were taken.
    pub(super) lost: usize,
}

/// A place in the queue: what is kept after it stays there until it is gone. It goes with a message to
/// the Store, whatever becomes of that, so that the message comes between what was kept before it and
/// after it.
pub struct Mark {
    coming: Arc<Coming>,
    at: u64,
}

impl Coming {
    /// Adds changes, without the messages among them that would be too much: the rest is little, and
    /// what follows may build on it. What is lost is told once, and counted.
    pub(super) fn add(&self, changes: impl IntoIterator<Item = Change>) {
        let mut queue = self.lock();
        let nothing = queue.ready(None) == 0;
        for change in changes {
            let bytes = change.bytes();
            if queue.bytes + bytes > MAX_COMING_BYTES && super::is_message(&change) {
                if queue.lost == 0 {
                    warn!(
                        event = event::DATA_BEHIND;
                        "the database does not keep up: messages are shown and not kept"
                    );
                }
                queue.lost += 1;
                continue;
            }
            queue.bytes += bytes;
            queue.changes.push_back(change);
        }
        let waker = queue.came(nothing);
        drop(queue);
        waker.into_iter().for_each(Waker::wake);
    }

    /// A record of the log is applied from here on; `end` comes after what lasts of it.
    pub(super) fn begin_record(self: &Arc<Self>, end: Option<Change>) -> Applying {
        let mut queue = self.lock();
        let number = queue.done + queue.records.len() as u64;
        queue.records.push_back(Applied { changes: Vec::new(), bytes: 0, end, is_done: false });
        drop(queue);
        Applying(Arc::new(OneRecord { coming: self.clone(), number }))
    }

    fn end_record(&self, number: u64) {
        let queue = &mut *self.lock();
        if let Some(record) = queue.record(number) {
            record.is_done = true;
        }
        let nothing = queue.ready(None) == 0;
        while let Some(record) = queue.records.pop_front_if(|record| record.is_done) {
            queue.done += 1;
            queue.applying_bytes -= record.bytes;
            queue.bytes += record.bytes + record.end.as_ref().map_or(0, Change::bytes);
            queue.changes.extend(record.changes.into_iter().chain(record.end));
        }
        queue.came(nothing).into_iter().for_each(Waker::wake);
        let done = queue.done;
        for (_, waits) in queue.settling.extract_if(.., |(until, _)| *until <= done) {
            let _ = waits.send(());
        }
    }

    /// Answers when all records are done that are being applied now; none where none is.
    pub(super) fn settled(&self) -> Option<oneshot::Receiver<()>> {
        let mut queue = self.lock();
        if queue.records.is_empty() {
            return None;
        }
        let (settled, waits) = oneshot::channel();
        let until = queue.done + queue.records.len() as u64;
        queue.settling.push((until, settled));
        Some(waits)
    }

    /// Marks a place after all that is there.
    pub(super) fn mark(self: &Arc<Self>) -> Mark {
        let mut queue = self.lock();
        let at = queue.taken + queue.changes.len() as u64;
        queue.marks.push(at);
        drop(queue);
        Mark { coming: self.clone(), at }
    }

    /// How many changes can be taken, and since when there are any. Whoever asks is woken when there
    /// are some again.
    pub(super) fn ready(&self, waker: &Waker) -> (usize, Option<Instant>) {
        let mut queue = self.lock();
        if !queue.waker.as_ref().is_some_and(|known| known.will_wake(waker)) {
            queue.waker = Some(waker.clone());
        }
        (queue.ready(None), queue.since)
    }

    /// Moves what comes before `mark` to the end of `to`; without one, what comes before any.
    pub(super) fn take(&self, mark: Option<&Mark>, to: &mut VecDeque<Change>) -> Taken {
        let queue = &mut *self.lock();
        let (count, before) = (queue.ready(mark), to.len());
        if to.is_empty() && count == queue.changes.len() {
            std::mem::swap(to, &mut queue.changes);
        } else {
            to.extend(queue.changes.drain(..count));
        }
        let bytes = to.iter().skip(before).map(Change::bytes).sum();
        queue.bytes -= bytes;
        queue.taken += count as u64;
        Taken { bytes, lost: std::mem::take(&mut queue.lost) }
    }

    /// The Store has taken so many that it has not written, of so many bytes.
    pub(super) fn note_held(&self, changes: usize, bytes: usize) {
        self.held.store(changes, Ordering::Relaxed);
        self.held_bytes.store(bytes, Ordering::Relaxed);
    }

    /// What is not written, here and with the Store.
    pub(super) fn unwritten(&self) -> Unwritten {
        let queue = self.lock();
        let bytes = queue.bytes + queue.applying_bytes;
        Unwritten {
            records: queue.records.len(),
            changes: queue.changes.len() + self.held.load(Ordering::Relaxed),
            bytes: bytes + self.held_bytes.load(Ordering::Relaxed),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        // Nothing that could panic leaves the queue half changed.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    /// A record that is being applied.
    fn record(&mut self, number: u64) -> Option<&mut Applied> {
        let at = usize::try_from(number.saturating_sub(self.done)).ok()?;
        self.records.get_mut(at)
    }

    /// Changes came, where there had been none that can be taken or had been some: whom to wake for them.
    fn came(&mut self, nothing: bool) -> Option<Waker> {
        if !nothing || self.changes.is_empty() {
            return None;
        }
        self.since = Some(clock::now());
        self.waker.take()
    }

    /// How many changes come before this mark, or before the first of all.
    fn ready(&self, mark: Option<&Mark>) -> usize {
        let end = match mark {
            Some(mark) => Some(mark.at),
            None => self.marks.iter().copied().min(),
        };
        let all = self.changes.len();
        end.map_or(all, |end| {
            usize::try_from(end.saturating_sub(self.taken)).unwrap_or(all).min(all)
        })
    }
}

impl Drop for Mark {
    fn drop(&mut self) {
        let mut queue = self.coming.lock();
        if let Some(index) = queue.marks.iter().position(|at| *at == self.at) {
            queue.marks.swap_remove(index);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::task::Wake;

    use super::*;
    use crate::chat::accounts::AccountId;
    use crate::chat::history::{Entry, MessageKind, UnixMillis};
    use crate::chat::lobbies::LobbyId;
    use crate::chat::name::Name;
    use crate::chat::person::Person;
    use crate::chat::pictures::Picture;
    use crate::chat::text::Text;

    fn said(chars: usize) -> Change {
        let author = Person::named(Name::parse("alice").unwrap());
        let (at, picture, text) =
            (UnixMillis(1), Picture::DEFAULT, Text::clean(&"x".repeat(chars)));
        let entry = Entry { at, picture, author, kind: MessageKind::Said, text };
        Change::Said { lobby: LobbyId(1), seq: 1, entry: entry.into() }
    }

    fn used(at: u64) -> Change {
        Change::AccountUsed { account: AccountId(1), at: UnixMillis(at) }
    }

    fn take(coming: &Coming, mark: Option<&Mark>) -> (Vec<Change>, usize) {
        let mut to = VecDeque::new();
        let lost = coming.take(mark, &mut to).lost;
        (to.into(), lost)
    }

    #[test]
    fn what_does_not_fit_on_its_way_is_counted_and_what_others_build_on_goes_all_the_same() {
        let coming = Coming::default();
        coming.add([said(MAX_COMING_BYTES / 2)]);
        coming.add([said(MAX_COMING_BYTES / 2), used(1), said(MAX_COMING_BYTES)]);
        let (taken, lost) = take(&coming, None);
        assert_eq!(taken[1..], [used(1)]);
        assert_eq!(lost, 2, "what was lost is told with the next that is taken");
        assert_eq!(take(&coming, None), (Vec::new(), 0));
        coming.add([said(MAX_COMING_BYTES / 2)]);
        assert_eq!(take(&coming, None).0.len(), 1);
    }

    #[test]
    fn what_is_kept_after_a_mark_waits_until_it_is_gone() {
        let coming = Arc::new(Coming::default());
        coming.add([used(1)]);
        let first = coming.mark();
        coming.add([used(2)]);
        let second = coming.mark();
        coming.add([used(3)]);
        assert_eq!(take(&coming, None).0, [used(1)]);
        assert_eq!(take(&coming, None).0, []);
        assert_eq!(take(&coming, Some(&first)).0, []);
        // Whatever overtakes it takes along what was before itself.
        assert_eq!(take(&coming, Some(&second)).0, [used(2)]);
        drop(second);
        assert_eq!(take(&coming, None).0, []);
        drop(first);
        assert_eq!(take(&coming, None).0, [used(3)]);
    }

    #[test]
    fn whoever_waits_is_woken_once_when_something_comes() {
        struct Count(AtomicUsize);
        impl Wake for Count {
            fn wake(self: Arc<Self>) {
                self.0.fetch_add(1, Ordering::Relaxed);
            }
        }
        let (coming, count) = (Arc::new(Coming::default()), Arc::new(Count(AtomicUsize::new(0))));
        let waker = Waker::from(count.clone());
        let woken = || count.0.load(Ordering::Relaxed);
        assert_eq!(coming.ready(&waker).0, 0);
        coming.add([]);
        assert_eq!(woken(), 0);
        coming.add([used(1)]);
        coming.add([used(2)]);
        assert_eq!((woken(), coming.ready(&waker).0), (1, 2));
        take(&coming, None);
        let mark = coming.mark();
        coming.add([used(3)]);
        drop(mark);
        assert_eq!((woken(), coming.ready(&waker).0), (2, 1));
    }

    #[test]
    fn of_records_what_lasts_is_written_in_their_order_whenever_each_is_done() {
        let coming = Arc::new(Coming::default());
        assert!(coming.settled().is_none() && coming.unwritten() == Unwritten::default());
        let [first, second, third] = [10, 20, 30].map(|end| coming.begin_record(Some(used(end))));
        let also_first = first.clone();
        second.keep([used(11)]);
        first.keep([used(1)]);
        drop(second);
        coming.add([used(0)]);
        assert_eq!(take(&coming, None).0, [used(0)], "what is in no record waits for none");
        let mut settled = coming.settled().unwrap();
        drop(first);
        assert_eq!(take(&coming, None).0, []);
        also_first.keep([used(2)]);
        drop(also_first);
        assert_eq!(take(&coming, None).0, [used(1), used(2), used(10), used(11), used(20)]);
        assert!(settled.try_recv().is_err(), "the third was there too");
        assert_eq!(coming.unwritten(), Unwritten { records: 1, ..Unwritten::default() });
        drop(third);
        assert_eq!(settled.try_recv(), Ok(()));
        assert_eq!(take(&coming, None).0, [used(30)]);
        assert!(coming.settled().is_none());
    }

    #[test]
    fn what_is_not_written_is_counted_wherever_it_waits() {
        let coming = Arc::new(Coming::default());
        let record = coming.begin_record(Some(used(9)));
        record.keep([said(1_000), used(1)]);
        let bytes = said(1_000).bytes() + used(1).bytes();
        assert_eq!(coming.unwritten(), Unwritten { records: 1, changes: 0, bytes });
        drop(record);
        let bytes = bytes + used(9).bytes();
        let whole = Unwritten { records: 0, changes: 3, bytes };
        assert_eq!(coming.unwritten(), whole);
        let mut to = VecDeque::new();
        let taken = coming.take(None, &mut to);
        assert_eq!(coming.unwritten(), Unwritten::default());
        coming.note_held(to.len(), taken.bytes);
        assert_eq!(coming.unwritten(), whole);
    }

    #[test]
    fn what_is_taken_comes_after_what_was_taken_before() {
        let (coming, mut to) = (Coming::default(), VecDeque::new());
        for at in 1..4 {
            coming.add([used(at)]);
            assert_eq!(coming.take(None, &mut to).bytes, used(at).bytes());
        }
        assert_eq!(to, [used(1), used(2), used(3)]);
    }
}
