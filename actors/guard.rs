//! Actors that a fault does not end.
//!
//! actix drops an actor that panics, with all that it knows. For the actors that everybody depends on
//! (Registry, Shard, AiPool, Store) that would be the end of the server. So these are no actors
//! themselves: [`Guarded`] is, which alone can reach them, and lets a panic cost the message in hand.
//! What they do with a message is written as [`Answers`]; what they do later, or again and again, goes
//! by [`Reply::after`], [`spawn`], [`repeat`], [`every`] and [`drive`]. There is no other way to write it.
//! Each of their steps changes its maps at once, and leaves the rest as it was.

use std::any::type_name;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{self, Poll, ready};
use std::time::Duration;

use actix::dev::Message;
use actix::fut::ActorFuture;
use actix::prelude::*;
use futures_util::FutureExt as _;
use futures_util::future::LocalBoxFuture;
use tokio::time::{Sleep, sleep};

use crate::chat::lobbies::LobbyId;
use crate::clock;

/// What one of these actors runs in, as far as it may be used: what is done later or again and again goes
/// by [`spawn`], [`repeat`], [`every`] and [`drive`].
pub struct Ctx<'a, A: Dependable>(&'a mut Context<Guarded<A>>);

impl<A: Dependable> Ctx<'_, A> {
    /// Where the actor is reached.
    pub fn address(&self) -> Addr<Guarded<A>> {
        self.0.address()
    }
}

/// An actor that others depend on, and the only thing that reaches it.
pub struct Guarded<A>(A);

/// State that is to be an actor which no panic ends.
pub trait Dependable: Sized + Unpin + 'static {
    /// Done once, before any message.
    fn started(&mut self, _: &mut Ctx<Self>) {}

    /// A message about this lobby panicked at once: what there is to do beyond its answer, where others
    /// wait for what is lost with it.
    fn lost(&mut self, _: LobbyId) {}
}

/// What is done with a message, and what whoever sent it is told where that panics.
pub trait Answers<M: Message<Result: 'static>>: Dependable {
    /// The answer where it panicked.
    fn failed() -> M::Result;

    /// Does it.
    fn answer(&mut self, message: M, ctx: &mut Ctx<Self>) -> Reply<Self, M::Result>;

    /// Which lobby it is about, where [`lost`](Dependable::lost) has to know that.
    fn about(_: &M) -> Option<LobbyId> {
        None
    }
}

type Step<A, R> = Box<dyn FnOnce(&mut A, &mut Ctx<A>) -> R>;

/// The answer to a message.
pub enum Reply<A: Dependable, R> {
    /// It is there.
    Now(R),
    /// It takes some waiting, and a step of the actor's after it.
    Later(LocalBoxFuture<'static, Step<A, R>>),
}

impl<A: Dependable, R: 'static> Reply<A, R> {
    /// What `work` comes to, which is done at once; as a closure, it can end with `?`.
    pub fn now(work: impl FnOnce() -> R) -> Self {
        Self::Now(work())
    }

    /// What `then` makes of it once `work` is done; other messages are answered meanwhile.
    pub fn after<T: 'static>(
        work: impl Future<Output = T> + 'static,
        then: impl FnOnce(&mut A, T, &mut Ctx<A>) -> R + 'static,
    ) -> Self {
        let step =
            work.map(|done| -> Step<A, R> { Box::new(move |actor, ctx| then(actor, done, ctx)) });
        Self::Later(step.boxed_local())
    }
}

impl<A: Dependable> Guarded<A> {
    /// To be started.
    pub fn new(actor: A) -> Self {
        Self(actor)
    }
}

impl<A: Dependable> Actor for Guarded<A> {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        survive((), || self.0.started(&mut Ctx(ctx)));
    }
}

impl<A, M> Handler<M> for Guarded<A>
where
    A: Answers<M>,
    M: Message<Result: 'static> + 'static,
{
    type Result = ActorResponse<Self, M::Result>;

    fn handle(&mut self, message: M, ctx: &mut Self::Context) -> Self::Result {
        let about = A::about(&message);
        let reply = survive(None, || {
            strike_in(type_name::<A>(), type_name::<M>(), false);
            Some(self.0.answer(message, &mut Ctx(ctx)))
        });
        let step = match reply {
            None => {
                if let Some(lobby) = about {
                    survive((), || self.0.lost(lobby));
                }
                return ActorResponse::reply(A::failed());
            }
            Some(Reply::Now(answer)) => return ActorResponse::reply(answer),
            Some(Reply::Later(step)) => step,
        };
        ActorResponse::r#async(run(step, A::failed, type_name::<M>()))
    }
}

/// A step that waits for something else first, where either may panic.
fn run<A: Dependable, R: 'static>(
    step: LocalBoxFuture<'static, Step<A, R>>,
    failed: fn() -> R,
    what: &'static str,
) -> impl ActorFuture<Guarded<A>, Output = R> + 'static {
    let step = AssertUnwindSafe(step).catch_unwind().map(Result::ok);
    fut::wrap_future::<_, Guarded<A>>(step).map(move |step, guarded, ctx| {
        let done = step.and_then(|step| {
            survive(None, || {
                strike_in(type_name::<A>(), what, true);
                Some(step(&mut guarded.0, &mut Ctx(ctx)))
            })
        });
        done.unwrap_or_else(failed)
    })
}

/// Where the tests have a fault strike: inside what is done with a message, or `then`, after it has waited.
pub(super) fn strike_in(actor: &str, message: &str, then: bool) {
    #[cfg(debug_assertions)]
    super::fault::strike_in(actor, message, then);
    #[cfg(not(debug_assertions))]
    let _ = (actor, message, then);
}

/// Does `then` once `work` is done.
pub fn spawn<A: Dependable, T: 'static>(
    ctx: &mut Ctx<A>,
    work: impl Future<Output = T> + 'static,
    then: impl FnOnce(&mut A, T, &mut Ctx<A>) + 'static,
) {
    if let Reply::Later(step) = Reply::after(work, then) {
        ctx.0.spawn(run(step, || (), "spawned"));
    }
}

/// Does `work` after `period`, and from then on each time after what it says; after a fault in it, after
/// `period`.
pub fn repeat<A: Dependable>(ctx: &mut Ctx<A>, period: Duration, work: fn(&mut A) -> Duration) {
    repeat_after(ctx.0, period, period, work);
}

fn repeat_after<A: Dependable>(
    ctx: &mut Context<Guarded<A>>,
    pause: Duration,
    period: Duration,
    work: fn(&mut A) -> Duration,
) {
    ctx.run_later(pause, move |guarded, ctx| {
        let pause = survive(period, || work(&mut guarded.0));
        repeat_after(ctx, pause, period, work);
    });
}

/// Does `work` again and again.
pub fn every<A: Dependable>(
    ctx: &mut Ctx<A>,
    period: Duration,
    work: impl Fn(&mut A, &mut Ctx<A>) + 'static,
) {
    ctx.0.run_interval(period, move |guarded, ctx| {
        survive((), || work(&mut guarded.0, &mut Ctx(ctx)));
    });
}

/// What goes on as long as the actor does, whenever it has taken its messages.
pub trait Drive<A>: Unpin + 'static {
    /// Goes on until it has to wait. Where it panics, it is asked again after the next message.
    fn drive(&mut self, actor: &mut A, cx: &mut task::Context<'_>) -> Poll<()>;
}

/// Lets it go on.
pub fn drive<A: Dependable>(ctx: &mut Ctx<A>, what: impl Drive<A>) {
    ctx.0.spawn(Driven(what));
}

struct Driven<D>(D);

impl<A: Dependable, D: Drive<A>> ActorFuture<Guarded<A>> for Driven<D> {
    type Output = ();

    fn poll(
        mut self: Pin<&mut Self>,
        guarded: &mut Guarded<A>,
        _: &mut Context<Guarded<A>>,
        cx: &mut task::Context<'_>,
    ) -> Poll<()> {
        let _ = survive(Poll::Pending, || self.0.drive(&mut guarded.0, cx));
        Poll::Pending
    }
}

/// A pause in what goes on, again and again. Its timer is made once and set anew for each.
#[derive(Default)]
pub struct Pause {
    timer: Option<Pin<Box<Sleep>>>,
    on: bool,
}

impl Pause {
    /// Ready when `time` has passed since it was asked first.
    pub fn poll(&mut self, time: Duration, cx: &mut task::Context<'_>) -> Poll<()> {
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep(time)));
        if !self.on {
            timer.as_mut().reset((clock::now() + time).into());
            self.on = true;
        }
        ready!(timer.as_mut().poll(cx));
        self.on = false;
        Poll::Ready(())
    }

    /// There is nothing to wait for any more.
    pub fn cancel(&mut self) {
        self.on = false;
    }
}

/// Does `work`; where it panics, the answer is `otherwise`. The panic hook has logged it by then.
pub(super) fn survive<R>(otherwise: R, work: impl FnOnce() -> R) -> R {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or(otherwise)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Counter(u32);

    #[derive(Message)]
    #[rtype(result = "u32")]
    struct Add(u32);

    /// The same, but first there is something to wait for.
    #[derive(Message)]
    #[rtype(result = "u32")]
    struct AddLater(u32);

    const FAILED: u32 = 1_000;

    impl Counter {
        fn add(&mut self, number: u32) -> u32 {
            assert!(number != 13, "a fault");
            self.0 += number;
            self.0
        }
    }

    impl Dependable for Counter {
        fn started(&mut self, ctx: &mut Ctx<Self>) {
            spawn(ctx, async {}, |counter, (), _| _ = counter.add(13));
            every(ctx, Duration::from_millis(1), |counter, _| _ = counter.add(13));
        }
    }

    impl Answers<Add> for Counter {
        fn failed() -> u32 {
            FAILED
        }

        fn answer(&mut self, Add(number): Add, _: &mut Ctx<Self>) -> Reply<Self, u32> {
            Reply::now(|| self.add(number))
        }
    }

    impl Answers<AddLater> for Counter {
        fn failed() -> u32 {
            FAILED
        }

        fn answer(&mut self, AddLater(number): AddLater, _: &mut Ctx<Self>) -> Reply<Self, u32> {
            let work = async move {
                tokio::task::yield_now().await;
                assert!(number != 7, "a fault");
            };
            Reply::after(work, move |counter: &mut Self, (), _| counter.add(number))
        }
    }

    /// Has been done so many times; every other time it broke.
    struct Repeater(u32);

    impl Dependable for Repeater {
        fn started(&mut self, ctx: &mut Ctx<Self>) {
            repeat(ctx, Duration::from_millis(1), |repeater| {
                repeater.0 += 1;
                assert!(repeater.0.is_multiple_of(2), "a fault");
                Duration::ZERO
            });
        }
    }

    impl Answers<Add> for Repeater {
        fn failed() -> u32 {
            FAILED
        }

        fn answer(&mut self, _: Add, _: &mut Ctx<Self>) -> Reply<Self, u32> {
            Reply::now(|| self.0)
        }
    }

    #[test]
    fn what_is_repeated_goes_on_after_a_panic() {
        actix::System::new().block_on(async {
            let repeater = Guarded::new(Repeater(0)).start();
            while repeater.send(Add(0)).await.unwrap() < 5 {
                sleep(Duration::from_millis(1)).await;
            }
        });
    }

    #[test]
    fn a_panic_costs_the_one_answer_wherever_it_strikes() {
        actix::System::new().block_on(async {
            let counter = Guarded::new(Counter(0)).start();
            for (number, want) in [(1, 1), (13, FAILED), (2, 3)] {
                assert_eq!(counter.send(Add(number)).await.unwrap(), want);
            }
            for (number, want) in [(1, 4), (13, FAILED), (7, FAILED), (2, 6)] {
                assert_eq!(counter.send(AddLater(number)).await.unwrap(), want);
            }
        });
    }
}
