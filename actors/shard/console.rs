//! The part of the Shard that the operator's console asks: who is on this thread, and what all of them are
//! to be told.

use crate::actors::guard::{Answers, Ctx, Reply};
use crate::actors::session::messages::Disconnect;
use crate::actors::shard::messages::{Doors, ListSeats, SeatListed, ServerNotice, TellAll};
use crate::actors::shard::{Shard, send};
use crate::clock::{self, stamp};
use crate::render;
use crate::render::replies::Farewell;

impl Shard {
    /// Sends those away who have no name yet.
    pub(super) fn turn_away(&self) {
        for (peer, session) in self.thread.hub.all() {
            if !peer.is_logged_in() {
                send(&session, Disconnect(Farewell::Restarting));
            }
        }
    }
}

impl Answers<Doors> for Shard {
    fn failed() {}

    fn answer(&mut self, Doors { closed }: Doors, _: &mut Ctx<Self>) -> Reply<Self, ()> {
        Reply::now(|| {
            self.doors_closed = closed;
            if closed {
                self.turn_away();
            }
        })
    }
}

impl Answers<TellAll> for Shard {
    fn failed() {}

    fn answer(&mut self, TellAll(notice): TellAll, _: &mut Ctx<Self>) -> Reply<Self, ()> {
        Reply::now(|| {
            self.thread.hub.show_everybody(|sheet| {
                let when = stamp(sheet.form().clock);
                match notice {
                    ServerNotice::Restarting { time, others } => {
                        render::restarting(sheet, time, others, when);
                    }
                    ServerNotice::NotRestarting => render::not_restarting(sheet, when),
                    ServerNotice::Unreachable => render::unreachable(sheet, when),
                    ServerNotice::Reachable => render::reachable(sheet, when),
                }
            });
            // What waits for messages that wait for the log can go on.
            if let ServerNotice::Unreachable = notice {
                self.thread.hub.all().iter().for_each(|(peer, _)| peer.wake());
            }
        })
    }
}

impl Answers<ListSeats> for Shard {
    fn failed() -> Option<Vec<SeatListed>> {
        None
    }

    fn answer(&mut self, _: ListSeats, _: &mut Ctx<Self>) -> Reply<Self, Option<Vec<SeatListed>>> {
        Reply::now(|| {
            let now = clock::now();
            let all = self.thread.hub.all().into_iter();
            let listed = all.map(|(peer, _)| {
                let arrived = peer.arrived();
                SeatListed {
                    conn: peer.conn(),
                    from: arrived.from,
                    kind: peer.link().kind(),
                    since: arrived.at,
                    idle: peer.idle_time(now),
                }
            });
            Some(listed.collect())
        })
    }
}
