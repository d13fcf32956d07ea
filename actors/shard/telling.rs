//! Long answers: made in parts as their receiver takes them, of data that is read a page at a time.
//!
//! An answer stands in the outbox of its client as a [`Source`]. What it needs and does not have yet it
//! has its Session ask for, so at most a page of data and a part of text wait for a client that does not
//! read, whatever it asked for.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use futures_util::future::LocalBoxFuture;

use crate::actors::store::messages::{Numbered, Question, ReadMessages};
use crate::actors::store::{StoreHandle, Stored};
use crate::chat::lobbies::LobbyId;
use crate::fanout::outbox::{Next, Source};
use crate::render::replies::{Reply, reply};
use crate::render::{Form, Sheet};
use crate::store::{MessageId, Page};

/// A page on its way; none where it cannot be had.
type Coming<T> = LocalBoxFuture<'static, Option<Pages<T>>>;

/// What makes text of each thing.
type Write<T> = Box<dyn FnMut(&mut Sheet, &T)>;

/// A way to the next page of an answer.
pub struct More<T>(Box<dyn FnOnce() -> Coming<T>>);

/// What there is of an answer, and how to get the rest, where there is more.
pub struct Pages<T> {
    /// What is at hand.
    pub items: Vec<T>,
    /// How to get the rest.
    pub more: Option<More<T>>,
}

impl<T: 'static> More<T> {
    /// What `read` gets, when it is needed; nothing where it cannot be had.
    pub fn new<F>(read: impl FnOnce() -> F + 'static) -> Self
    where
        F: Future<Output = Option<Pages<T>>> + 'static,
    {
        Self(Box::new(|| Box::pin(read())))
    }
}

impl<T: 'static> Pages<T> {
    /// All of it is at hand.
    pub fn whole(items: Vec<T>) -> Self {
        Self { items, more: None }
    }

    /// What the database has under these ids, read as it is needed, and then what is at hand.
    pub fn stored<I, Q>(
        store: StoreHandle,
        mut ids: Vec<I>,
        ask: impl Fn(Vec<I>) -> Q + 'static,
        then: Vec<T>,
    ) -> Self
    where
        I: Clone + 'static,
        Q: Question<Answer = Page<T>>,
    {
        if ids.is_empty() {
            return Self::whole(then);
        }
        let more = More::new(|| async move {
            let page = store.ask(ask(ids.clone())).await.ok()?;
            // It goes on in any case.
            ids.drain(..page.asked.clamp(1, ids.len()));
            let mut pages = Self::stored(store, ids, ask, then);
            pages.items.splice(..0, page.items);
            Some(pages)
        });
        Self { items: Vec::new(), more: Some(more) }
    }
}

impl Pages<Numbered> {
    /// Messages of a lobby: those in the database, and then others.
    pub fn messages(
        store: StoreHandle,
        lobby: LobbyId,
        ids: Vec<MessageId>,
        then: Vec<Numbered>,
    ) -> Self {
        Self::stored(store, ids, move |ids| ReadMessages(lobby, ids), then)
    }

    /// Messages of a lobby, wherever they are.
    pub fn history(store: StoreHandle, lobby: LobbyId, messages: Vec<Stored>) -> Self {
        let (mut ids, mut waiting) = (Vec::new(), Vec::new());
        for message in messages {
            match message {
                Stored::There(id) => ids.push(id),
                Stored::Waiting(message) => waiting.push(message),
            }
        }
        Self::messages(store, lobby, ids, waiting)
    }
}

/// What has been read and not been told.
struct Shelf<T> {
    items: VecDeque<T>,
    more: Option<More<T>>,
    asking: bool,
    failed: bool,
}

/// A long answer to one client.
pub struct Telling<T> {
    sheet: Sheet,
    shelf: Rc<RefCell<Shelf<T>>>,
    write: Write<T>,
    of: Option<LobbyId>,
    then: Option<Box<dyn FnOnce()>>,
}

impl<T: 'static> Telling<T> {
    /// One in this form that begins with `head`, and goes on with what `write` makes of each thing.
    pub fn new(
        form: Form,
        head: impl FnOnce(&mut Sheet),
        pages: Pages<T>,
        write: impl FnMut(&mut Sheet, &T) + 'static,
    ) -> Self {
        let mut sheet = Sheet::new(form);
        sheet.open();
        head(&mut sheet);
        let Pages { items, more } = pages;
        let shelf = Shelf { items: items.into(), more, asking: false, failed: false };
        let shelf = Rc::new(RefCell::new(shelf));
        Self { sheet, shelf, write: Box::new(write), of: None, then: None }
    }

    /// It tells of a lobby, and only whoever is in it may hear that.
    pub fn of(self, lobby: LobbyId) -> Self {
        Self { of: Some(lobby), ..self }
    }

    /// Does this when the last part is made, so when all before it was taken.
    pub fn then(self, then: impl FnOnce() + 'static) -> Self {
        Self { then: Some(Box::new(then)), ..self }
    }

    /// Reads the next page.
    fn read(&self, More(read): More<T>) -> LocalBoxFuture<'static, ()> {
        let shelf = self.shelf.clone();
        let coming = read();
        Box::pin(async move {
            let got = coming.await;
            let shelf = &mut *shelf.borrow_mut();
            shelf.asking = false;
            match got {
                Some(Pages { items, more }) => {
                    shelf.items.extend(items);
                    shelf.more = more;
                }
                None => shelf.failed = true,
            }
        })
    }
}

impl<T: 'static> Source for Telling<T> {
    fn of(&self) -> Option<LobbyId> {
        self.of
    }

    fn next(&mut self, max: usize) -> Next {
        let more = {
            let shelf = &mut *self.shelf.borrow_mut();
            while self.sheet.len() < max
                && let Some(item) = shelf.items.pop_front()
            {
                (self.write)(&mut self.sheet, &item);
            }
            if self.sheet.len() >= max {
                return Next::Part(self.sheet.take());
            }
            if shelf.asking {
                return Next::Wait;
            }
            if shelf.failed {
                reply(&mut self.sheet, &Reply::ServerBusy);
            }
            let more = shelf.more.take();
            shelf.asking = more.is_some();
            more
        };
        if let Some(more) = more {
            return Next::Ask(self.read(more));
        }
        if let Some(then) = self.then.take() {
            then();
        }
        self.sheet.close();
        Next::Last(self.sheet.take())
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;
    use crate::chat::name::Name;

    /// A page of numbers from `from` on, up to `to`.
    fn pages(from: u64, to: u64) -> Pages<u64> {
        let more = More::new(move || async move { Some(pages(from + 3, to)) });
        let items = (from..to.min(from + 3)).collect();
        Pages { items, more: (from + 3 < to).then_some(more) }
    }

    fn told(mut telling: Telling<u64>, max: usize) -> (Vec<String>, usize) {
        let (mut parts, mut asked) = (Vec::new(), 0);
        let text = |part: bytes::Bytes| String::from_utf8(part.to_vec()).unwrap();
        loop {
            match telling.next(max) {
                Next::Part(part) => parts.push(text(part)),
                Next::Last(part) => {
                    parts.push(text(part));
                    return (parts, asked);
                }
                Next::Ask(work) => {
                    assert!(matches!(telling.next(max), Next::Wait));
                    asked += 1;
                    work.now_or_never().unwrap();
                }
                Next::Wait => unreachable!(),
            }
        }
    }

    fn numbers(pages: Pages<u64>) -> Telling<u64> {
        let name = Name::parse("numbers").unwrap();
        let head = move |sheet: &mut Sheet| _ = sheet.name(&name).newline();
        Telling::new(Form::default(), head, pages, |sheet, number| {
            _ = sheet.number(*number).newline()
        })
    }

    #[test]
    fn an_answer_is_one_block_in_parts_and_asks_for_what_it_needs() {
        let (parts, asked) = told(numbers(pages(10, 20)), 20);
        assert_eq!(
            parts.concat(),
            format!("\r\x1b[Knumbers\n{}> ", "10\n11\n12\n13\n14\n15\n16\n17\n18\n19\n")
        );
        assert!(parts.len() == 3 && parts.iter().all(|part| part.len() < 23), "{parts:?}");
        assert_eq!(asked, 3);
        let (parts, asked) = told(numbers(Pages::whole(Vec::new())), 20);
        assert_eq!((parts.concat(), asked), ("\r\x1b[Knumbers\n> ".to_owned(), 0));
    }

    #[test]
    fn what_cannot_be_read_is_said_and_what_is_to_follow_follows_the_last_part() {
        let failing = Pages { items: vec![1], more: Some(More::new(|| async { None })) };
        let done = Rc::new(RefCell::new(0));
        let count = done.clone();
        let telling = numbers(failing).then(move || *count.borrow_mut() += 1);
        let (parts, _) = told(telling, 200);
        assert!(parts.concat().contains("1\n\x1b[31mServer is busy"), "{parts:?}");
        assert_eq!(*done.borrow(), 1);
    }
}
