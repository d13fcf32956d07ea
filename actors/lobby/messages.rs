//! What a Lobby is asked and told.

use std::sync::Arc;
use std::time::Instant;

use actix::prelude::*;
use tokio::sync::oneshot;

use crate::actors::log::Ticket;
use crate::actors::registry::messages::{CarriedOut, ModerateError};
use crate::actors::shard::messages::Address;
use crate::actors::store::Applying;
use crate::ai::budget::OverBudget;
use crate::ai::questions;
use crate::chat::accounts::{AccountId, Identity};
use crate::chat::directory::ConnId;
use crate::chat::history::UnixMillis;
use crate::chat::lobby::step::{Input, Join, Refusal};
use crate::chat::lobby::{Company, Presence, SayError};
use crate::chat::moderation::Moderation;
use crate::chat::name::{Name, NameKey};
use crate::chat::orders::Order;
use crate::chat::password::PasswordRecord;
use crate::chat::pictures::Picture;
use crate::chat::roles::{Denied, Right};
use crate::chat::sanctions::Sanction;
use crate::chat::text::{Line, Text};
use crate::render::replies::{Farewell, ModerationReply};
use crate::store::Change;

/// Let me in, and tell me where I am then.
#[derive(Message)]
#[rtype(result = "Result<Company, Refusal>")]
pub struct Enter(pub Join<Address>);

/// Let me out.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Leave {
    /// The connection of the user.
    pub conn: ConnId,
    /// Where they go.
    pub to: LeaveTo,
}

/// Where somebody goes who leaves a lobby. Whoever leaves the server too has their account go on in that lobby.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeaveTo {
    /// To another lobby.
    Lobby,
    /// From the server, by themselves.
    Nowhere,
    /// From the server, as all who are on it, since it stops.
    StoppingServer,
}

/// Say this to all.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Say {
    /// The connection of the user.
    pub conn: ConnId,
    /// Where the sender is, for the echo even if they are no member.
    pub at: Address,
    /// The words.
    pub text: Text,
    /// Whether they do it rather than say it.
    pub action: bool,
    /// When it was taken from the client.
    pub taken: Instant,
}

/// Say this to all, which has waited for the rate limit: the sender keeps it until it is said.
#[derive(Message)]
#[rtype(result = "Result<(), SayError>")]
pub struct SayHeld {
    /// The connection of the user.
    pub conn: ConnId,
    /// Where the sender is, for the echo.
    pub at: Address,
    /// The words.
    pub text: Text,
    /// When its turn came.
    pub taken: Instant,
}

/// Say this to all, and tell the one that it is for. Answered with whether it was said.
#[derive(Message)]
#[rtype(result = "bool")]
pub struct Tag {
    /// The connection of the user.
    pub conn: ConnId,
    /// Where the sender is.
    pub at: Address,
    /// For whom.
    pub whom: Name,
    /// Where to tell them, where they are connected.
    pub tell: Option<Address>,
    /// The words.
    pub text: Line,
    /// When it was taken from the client.
    pub taken: Instant,
}

/// A hook posts this.
#[derive(Message)]
#[rtype(result = "Result<(), Refusal>")]
pub struct Post {
    /// Its name.
    pub hook: Name,
    /// The words.
    pub text: Text,
    /// When it was taken from whoever sent it.
    pub taken: Instant,
}

/// This has come out of the log, as the Registry hands it on: it happens now where it may be.
pub struct Decided {
    /// What was put to the lobby.
    pub input: Input<Address>,
    /// When, by the log.
    pub at: UnixMillis,
    /// Under what this node has proposed it; none where another one has.
    pub own: Option<Ticket>,
    /// The life of the node that has proposed it.
    pub life: u32,
    /// Takes what lasts of it.
    pub applying: Applying,
}

/// A node has found it empty for too long: it goes where it is so now.
pub struct Expire(pub Applying);

/// Rox is asked, answers or has answered, on whatever node: so it has come out of the log.
pub struct Rox {
    /// What of it.
    pub input: questions::Input,
    /// When, by the log.
    pub at: UnixMillis,
    /// The life of the node that has proposed it.
    pub life: u32,
    /// Under what this node has proposed it; none where another one has.
    pub own: Option<Ticket>,
    /// Whether it is within the budgets, as all nodes have it.
    pub admitted: Result<(), OverBudget>,
    /// Takes what lasts of it.
    pub applying: Applying,
}

/// A life of a node is over: its people are not here any more.
#[derive(Clone)]
pub struct LifeOver {
    /// Its number.
    pub life: u32,
    /// When, by the log.
    pub at: UnixMillis,
    /// When it was heard last.
    pub heard: UnixMillis,
    /// Takes what lasts of it.
    pub applying: Applying,
}

/// These members of this node were let go with its life, and are here indeed: they are to come back.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Reclaim {
    /// Their connections.
    pub conns: Vec<ConnId>,
    /// Goes when all of them have been proposed.
    pub until: Arc<oneshot::Sender<()>>,
}

/// One of them has their name no more, or is to be disconnected, with this and why: what they said and is in no log
/// is not sent.
#[derive(Message)]
#[rtype(result = "()")]
pub struct LostName(pub Address, pub Option<(Farewell, Option<ModerationReply>)>);

/// The log cannot be reached: whoever waits to come in by it does not wait any more.
#[derive(Debug, Clone, Message)]
#[rtype(result = "()")]
pub struct Unreachable;

/// What this node has proposed under this does not happen.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Void(pub Ticket);

/// Who is in the lobby, by name?
#[derive(Message)]
#[rtype(result = "Rostered")]
pub struct Roster {
    /// Those after this name; from the first on without one.
    pub after: Option<NameKey>,
    /// How many at most.
    pub max: usize,
}

/// Whose names begin so, without regard to case? Who spoke last first.
#[derive(Message)]
#[rtype(result = "Vec<Name>")]
pub struct NamesHere {
    /// What they begin with.
    pub begins: String,
    /// How many at most.
    pub max: usize,
}

/// Some of those who are in a lobby.
pub struct Rostered {
    /// How many are in it.
    pub total: usize,
    /// Those that were asked for.
    pub users: Vec<Presence>,
}

/// My picture is this now.
#[derive(Message)]
#[rtype(result = "()")]
pub struct SetPicture(pub ConnId, pub Picture);

/// The password was proved by a record of an earlier version, for which this one is.
#[derive(Message)]
#[rtype(result = "()")]
pub struct RenewPassword {
    /// The record that it was proved by.
    pub before: Arc<PasswordRecord>,
    /// The one to have in its place.
    pub record: Arc<PasswordRecord>,
}

/// I have another name.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Renamed(pub ConnId, pub Name);

/// I am away, or back.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Away(pub ConnId, pub Option<Line>);

/// A guest is about to have an account: what of this lobby has to be stored with it?
#[derive(Message, Clone)]
#[rtype(result = "Vec<Change>")]
pub struct Registering {
    /// Who, as a guest.
    pub guest: Identity,
    /// The account.
    pub account: AccountId,
}

/// A guest has made an account.
#[derive(Clone)]
pub struct Registered {
    /// Who, as a guest.
    pub guest: Identity,
    /// The account.
    pub account: AccountId,
    /// Whether it is an admin's.
    pub admin: bool,
    /// When.
    pub at: UnixMillis,
    /// Takes what lasts of it, where it comes out of a log.
    pub applying: Option<Applying>,
}

/// Somebody is about to give their account up: what of this lobby has to be stored with that?
#[derive(Message, Clone)]
#[rtype(result = "Vec<Change>")]
pub struct Unregistering(pub Identity);

/// An account is no more.
#[derive(Clone)]
pub struct Unregistered {
    /// The number that the account had.
    pub account: AccountId,
    /// Who gave it up, as they were; none where nobody did.
    pub who: Option<Identity>,
    /// The connection that is under its name now: another one may have logged in meanwhile, and it may
    /// have ended.
    pub present: Option<ConnId>,
    /// When.
    pub at: UnixMillis,
    /// Takes what lasts of it, where it comes out of a log.
    pub applying: Option<Applying>,
}

/// Do something that operators or owners do.
#[derive(Message)]
#[rtype(result = "Result<CarriedOut<Moderation>, ModerateError>")]
pub struct Moderate {
    /// Who wants it.
    pub by: Identity,
    /// What they order; names in it have been looked up.
    pub order: Order,
}

/// Who is banned? Answered to operators and owners.
#[derive(Message)]
#[rtype(result = "Result<Banned, Denied>")]
pub struct ListBans {
    /// Who asks.
    pub by: Identity,
    /// How many of them are known already.
    pub skip: usize,
    /// How many more at most.
    pub max: usize,
}

/// Some of the bans of a lobby.
pub struct Banned {
    /// How many there are.
    pub total: usize,
    /// Those that were asked for.
    pub bans: Vec<Sanction>,
}

/// Has somebody this right here?
#[derive(Message)]
#[rtype(result = "Result<(), Denied>")]
pub struct HasRight(pub Identity, pub Right);

/// Other settings are in force, or others are admins.
#[derive(Debug, Clone, Message)]
#[rtype(result = "()")]
pub struct Reconfigured;
