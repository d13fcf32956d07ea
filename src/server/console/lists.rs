//! What the console tells of the server: how it is, who is there, which lobbies there are, who is banned.

use std::collections::HashMap;

use futures_util::future::join_all;
use serde_json::{Value, json};

use super::{Answering, LIST_TIME, Outcome, Reach, ask};
use crate::actors::registry::messages::{
    ListAllLobbies, ListServerBans, ListUsers, ListedLobby, ListedUser,
};
use crate::actors::shard::messages::{ListSeats, SeatListed};
use crate::chat::accounts::Subject;
use crate::chat::directory::ConnId;
use crate::chat::history::UnixMillis;
use crate::chat::roles::Owner;
use crate::chat::sanctions::Sanction;
use crate::clock::{self, unix_now};
use crate::console::Answer;
use crate::draining::{Drain, Phase};
use crate::render::json::rfc3339;
use crate::server::nodes::SeenNodes;
use crate::store::DATABASE_FILE;

impl Reach {
    /// How the server is. No actor is asked: it is told also where none answers.
    pub(super) async fn status(&self) -> Value {
        let metrics = &self.shared.metrics;
        let (state, why) = self.shared.health.report();
        json!({
            "version": env!("CARGO_PKG_VERSION"),
            "pid": std::process::id(),
            "started": rfc3339(self.started).to_string(),
            "state": state.name(),
            "why": why,
            "data": self.dir.join(DATABASE_FILE).display().to_string(),
            "drain": match self.shared.health.draining().phase() {
                Phase::Draining(drain) => progress(drain),
                Phase::Serving | Phase::Stopping { .. } => Value::Null,
            },
            "listeners": metrics.listeners(&self.listeners),
            "certificate": self.reloader.certificate().map(|valid| json!({
                "from": valid.from.to_string(),
                "until": valid.until.to_string(),
            })),
            "users": metrics.users.get(),
            "lobbies": metrics.lobbies.get(),
            "messages_in": metrics.messages_in.get(),
            "messages_delivered": metrics.messages_delivered.get(),
            "store_queue": self.store.unwritten().changes,
            "store_failing": self.shared.health.store_fails(),
            "reload": self.reloader.last().map(|last| json!({
                "at": rfc3339(last.at).to_string(),
                "good": last.fault.is_none(),
                "why": last.fault,
            })),
        })
    }

    /// Who is in the chat, by name.
    pub(super) async fn users(&self, out: &Answering) -> Outcome {
        let users = ask(&self.registry, "the Registry", LIST_TIME, ListUsers).await?;
        let mut users = users.ok_or_else(broke)?;
        users.sort_by_key(|user| user.who.name.key());
        let asked = self.shards.iter().map(|shard| ask(shard, "", LIST_TIME, ListSeats));
        let mut seats: HashMap<ConnId, SeatListed> = HashMap::new();
        for (index, answer) in join_all(asked).await.into_iter().enumerate() {
            match answer {
                Ok(Some(some)) => seats.extend(some.into_iter().map(|seat| (seat.conn, seat))),
                // What the others know is told in any case.
                Ok(None) | Err(_) => tell(out, Answer::Note(silent_thread(index))).await,
            }
        }
        let (count, now) = (users.len(), clock::now());
        for user in users {
            let seat = seats.get(&user.who.conn);
            let since = seat.map(|seat| {
                let ago = now.saturating_duration_since(seat.since);
                let ago = u64::try_from(ago.as_millis()).unwrap_or(u64::MAX);
                UnixMillis(unix_now().0.saturating_sub(ago))
            });
            tell(out, Answer::Item(described(&user, seat, since))).await;
        }
        Ok(json!({ "count": count }))
    }

    /// Which lobbies there are: general first, then by name.
    pub(super) async fn lobbies(&self, out: &Answering) -> Outcome {
        let lobbies = ask(&self.registry, "the Registry", LIST_TIME, ListAllLobbies).await?;
        let lobbies = lobbies.ok_or_else(broke)?;
        let count = lobbies.len();
        for ListedLobby { state, users, owner, used_at } in lobbies {
            let kind = match state.owner {
                Owner::Server => "server",
                Owner::Guest(_) => "guest",
                Owner::Account(_) => "account",
                Owner::Nobody => "nobody",
            };
            let item = json!({
                "name": state.name.as_str(),
                "users": users,
                "private": state.is_private(),
                "owner": owner.as_ref().map(|owner| owner.as_str()),
                "owner_kind": kind,
                "made": rfc3339(state.made_at).to_string(),
                "used": rfc3339(used_at).to_string(),
            });
            tell(out, Answer::Item(item)).await;
        }
        Ok(json!({ "count": count }))
    }

    /// How the nodes of the cluster are, by name; nobody where this server is alone. No actor is asked: it is told
    /// also where none answers.
    pub(super) async fn nodes(&self, out: &Answering) -> Outcome {
        let nodes = self.nodes.as_ref().map(SeenNodes::told).unwrap_or_default();
        let count = nodes.len();
        for node in nodes {
            tell(out, Answer::Item(node)).await;
        }
        Ok(json!({ "count": count }))
    }

    /// Who is kept off the server, by name.
    pub(super) async fn bans(&self, out: &Answering) -> Outcome {
        let bans = ask(&self.registry, "the Registry", LIST_TIME, ListServerBans).await?;
        let bans = bans.ok_or_else(broke)?;
        let count = bans.len();
        for Sanction { subject, name, by, at, until, reason } in bans {
            // Never an address: of an IPv6 one no more than the network is known.
            let of = match subject {
                Subject::Account(_) => "account",
                Subject::Address(_) => "address",
                Subject::Name(_) => "guest",
            };
            let item = json!({
                "name": name.as_str(),
                "of": of,
                "by": by.as_str(),
                "since": rfc3339(at).to_string(),
                "until": until.map(|until| rfc3339(until).to_string()),
                "reason": reason.as_ref().map(|reason| reason.as_str()),
            });
            tell(out, Answer::Item(item)).await;
        }
        Ok(json!({ "count": count }))
    }
}

fn broke() -> Answer {
    Answer::failed("something broke while it was listed. The log says where; try again")
}

fn silent_thread(index: usize) -> String {
    format!("thread {index} of the chat does not answer: of its users little is known")
}

fn described(user: &ListedUser, seat: Option<&SeatListed>, since: Option<UnixMillis>) -> Value {
    let ListedUser { who, lobby, away } = user;
    json!({
        "name": who.name.as_str(),
        "account": who.account.is_some(),
        "admin": who.admin,
        "bot": who.bot_of.is_some(),
        "address": seat.and_then(|seat| seat.from.addr()).map(|addr| addr.ip().to_canonical().to_string()),
        "lobby": lobby.as_ref().map(|lobby| lobby.as_str()),
        "listener": seat.map(|seat| seat.kind.name()),
        "idle_secs": seat.map(|seat| seat.idle.as_secs()),
        "since": since.map(|since| rfc3339(since).to_string()),
        "away": away,
        "conn": who.conn.number(),
    })
}

/// How far a drain has come.
pub(super) fn progress(drain: Drain) -> Value {
    let deadline = drain.time(clock::now()).as_secs();
    json!({ "left": drain.left, "deadline_secs": deadline })
}

/// Whoever does not listen any more misses it.
pub(super) async fn tell(out: &Answering, answer: Answer) {
    let _ = out.send(answer).await;
}
