//! The Reader actor: a connection that only reads, on a thread of its own. One answers what logins wait
//! for and what is found by its key, another what is looked for.

use std::any::type_name;

use actix::prelude::*;
use log::debug;
use rustix::process::nice;

use crate::actors::guard::{strike_in, survive};
use crate::actors::ping::answers_ping;
use crate::actors::store::messages::{Close, Question, Read};
use crate::actors::store::{NICENESS, kept_now};
use crate::config::Live;
use crate::logging::event;
use crate::store::{Db, StoreError};

/// The actor.
pub(super) struct Reader {
    /// None once the server stops.
    db: Option<Db>,
    config: Live,
}

impl Reader {
    /// Starts one on a thread of its own.
    pub(super) fn start_on_thread(db: Db, config: Live) -> Addr<Self> {
        Self::start_in_arbiter(&Arbiter::new().handle(), move |_| Self { db: Some(db), config })
    }
}

/// Answers a question, in its time. A panic costs the answer and no more.
pub(super) fn answer<Q: Question>(
    db: &Db,
    config: &Live,
    question: Q,
) -> Result<Q::Answer, StoreError> {
    survive(Err(StoreError::fault()), || {
        strike_in("Reader", type_name::<Q>(), false);
        db.within(Q::TIME, |db| question.answer(db, kept_now(config)))
    })
    .inspect_err(|reason| {
        debug!(
        event = event::DATA_READER;
        "a question to the database is not answered: {reason}")
    })
}

impl Actor for Reader {
    type Context = Context<Self>;

    fn started(&mut self, _: &mut Self::Context) {
        // Best effort: without it reading is merely as important as the chat.
        let _ = nice(NICENESS);
    }
}

impl<Q: Question> Handler<Read<Q>> for Reader {
    type Result = Result<Q::Answer, StoreError>;

    fn handle(&mut self, Read(question, _turn): Read<Q>, _: &mut Self::Context) -> Self::Result {
        let closed = || StoreError::Other("the store has ended".into());
        answer(self.db.as_ref().ok_or_else(closed)?, &self.config, question)
    }
}

answers_ping!(Reader);

impl Handler<Close> for Reader {
    type Result = ();

    fn handle(&mut self, _: Close, _: &mut Self::Context) {
        self.db = None;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, mpsc};

    use super::*;
    use crate::actors::log::Log;
    use crate::actors::store::StoreHandle;
    use crate::actors::store::messages::Lane;
    use crate::chat::retention::Kept;
    use crate::config::Config;
    use crate::health::Health;
    use crate::metrics::Metrics;

    /// Looks for something until it is told to stop.
    struct Seek(mpsc::Receiver<()>);

    impl Question for Seek {
        type Answer = ();
        const LANE: Lane = Lane::Search;

        fn answer(self, _: &Db, _: Kept) -> Result<(), StoreError> {
            self.0.recv().map_err(|_| StoreError::TooSlow)
        }
    }

    struct Ask(bool);

    impl Question for Ask {
        type Answer = bool;

        fn answer(self, _: &Db, _: Kept) -> Result<bool, StoreError> {
            assert!(self.0, "a fault");
            Ok(self.0)
        }
    }

    /// Works with the store of a folder that is gone afterwards.
    fn with_store<F: Future<Output = ()>>(name: &str, work: impl FnOnce(StoreHandle) -> F) {
        let dir = std::env::temp_dir().join(format!("lobbyd-{name}-{}", std::process::id()));
        let (db, _) = Db::open(&dir).unwrap();
        let (config, _) = Config::read(|_| None);
        actix::System::new().block_on(async move {
            let store = StoreHandle::start(
                db,
                Live::new(config),
                Health::new(),
                Arc::new(Metrics::new()),
                Log::Alone,
            );
            work(store.clone()).await;
            store.close().await;
        });
        std::fs::remove_dir_all(&dir).unwrap();
    }

    #[test]
    fn while_one_searches_others_ask_and_store() {
        with_store("reader-lanes", |store| async move {
            let (stop, stopped) = mpsc::channel();
            let seeker = store.clone();
            let search = actix::spawn(async move { seeker.ask(Seek(stopped)).await });
            let (_never, waits) = mpsc::channel();
            let seeker = store.clone();
            let second = actix::spawn(async move { seeker.ask(Seek(waits)).await });
            for _ in 0..10 {
                assert_eq!(store.ask(Ask(true)).await, Ok(true));
                assert_eq!(store.commit(Vec::new()).await, Ok(()));
            }
            assert!(!search.is_finished() && !second.is_finished());
            second.abort();
            stop.send(()).unwrap();
            assert_eq!(search.await.unwrap(), Ok(()));
        });
    }

    #[test]
    fn searches_that_are_too_many_are_not_taken() {
        with_store("reader-bound", |store| async move {
            let (stop, stopped) = mpsc::channel();
            let ask = |question| {
                let seeker = store.clone();
                actix::spawn(async move { seeker.ask(question).await })
            };
            let first = ask(Seek(stopped));
            let mut ends = Vec::new();
            let mut others: Vec<_> = (0..70)
                .map(|_| {
                    let (end, ended) = mpsc::channel();
                    ends.push(end);
                    ask(Seek(ended))
                })
                .collect();
            // Those that are refused are refused at once.
            let refused = others.split_off(63);
            for search in refused {
                assert_eq!(search.await.unwrap(), Err(StoreError::Overloaded));
            }
            ends.iter().for_each(|end| _ = end.send(()));
            stop.send(()).unwrap();
            assert_eq!(first.await.unwrap(), Ok(()));
            for search in others {
                assert_eq!(search.await.unwrap(), Ok(()));
            }
        });
    }

    #[test]
    fn a_panic_costs_one_answer() {
        with_store("reader-panic", |store| async move {
            assert!(store.ask(Ask(false)).await.is_err());
            assert_eq!(store.ask(Ask(true)).await, Ok(true));
        });
    }
}
