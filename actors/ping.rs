//! Are you there? What whoever watches the actors asks each that others depend on.

use actix::prelude::*;

use crate::actors::guard::{Answers, Ctx, Dependable, Reply};

/// Answered at once by whoever comes to it.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Ping;

impl<A: Dependable> Answers<Ping> for A {
    fn failed() {}

    fn answer(&mut self, _: Ping, _: &mut Ctx<Self>) -> Reply<Self, ()> {
        Reply::Now(())
    }
}

/// The same for actors that have no guard.
macro_rules! answers_ping {
    ($actor:ty) => {
        impl actix::Handler<crate::actors::ping::Ping> for $actor {
            type Result = ();

            fn handle(&mut self, _: crate::actors::ping::Ping, _: &mut Self::Context) {}
        }
    };
}
pub(super) use answers_ping;
