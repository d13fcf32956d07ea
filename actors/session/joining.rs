//! The way from one lobby into another, past its password where it has one.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use actix::prelude::*;
use tokio::time::sleep;

use super::password::{NotProved, prove};
use super::{Lost, Membership, Session, User};
use crate::actors::lobby::Lobby;
use crate::actors::messages::{Door, FindLobby, Join, Leave, Manner, View, Whereabouts};
use crate::actors::shard::{World, barrier};
use crate::chat::directory::ConnId;
use crate::chat::lobbies::GENERAL;
use crate::chat::name::NameKey;
use crate::chat::password::{Password, PasswordRecord};
use crate::chat::replies::{Farewell, NameProblem, Reply};
use crate::chat::room::{JoinError, Member};

/// Tries to find a lobby that broke set up again, before its members go to general.
const RETURN_TRIES: usize = 20;
const RETURN_PAUSE: Duration = Duration::from_millis(50);

/// Why a user is not let in.
pub(super) enum Problem {
    /// The user's own.
    Join(JoinError),
    /// Password work or an actor is not to be had.
    Busy,
}

impl From<Problem> for NameProblem {
    fn from(problem: Problem) -> Self {
        match problem {
            Problem::Join(JoinError::Banned(_, penalty)) => Self::Banned(penalty),
            Problem::Join(_) | Problem::Busy => Self::ServerBusy,
        }
    }
}

impl From<JoinError> for Problem {
    fn from(error: JoinError) -> Self {
        Self::Join(error)
    }
}

/// A membership that its session does not know of yet. Dropped, it is given up: a session that ends
/// half-way leaves no ghost in the lobby.
pub(super) struct Entered {
    membership: Option<Membership>,
    conn: ConnId,
}

impl Entered {
    /// The session takes the membership over.
    pub(super) fn stay(mut self) -> Membership {
        self.membership.take().unwrap_or_else(|| unreachable!("taken once, by value"))
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        if let Some(membership) = self.membership.take() {
            membership.addr.do_send(Leave { conn: self.conn, for_good: false });
        }
    }
}

/// Asks a lobby in, and waits until what it shows first is queued.
pub(super) async fn enter(
    world: &Rc<World>,
    door: Door,
    member: Member<Whereabouts>,
    proof: Option<Arc<PasswordRecord>>,
    manner: Manner,
    view: View,
) -> Result<Entered, Problem> {
    let conn = member.who.conn;
    let addr: Addr<Lobby> = door.lobby.clone();
    let membership = Membership { id: door.id, name: door.name, addr: door.lobby };
    // From here on the lobby may have us, so the guard stands before the answer is there.
    let mut entered = Entered { membership: Some(membership), conn };
    match addr.send(Join { member, proof, manner, view }).await {
        Ok(Ok(())) => {
            barrier(&world.shard).await;
            Ok(entered)
        }
        Ok(Err(error)) => {
            entered.membership = None;
            Err(error.into())
        }
        Err(_) => Err(JoinError::NoSuchLobby.into()),
    }
}

/// Checks the password of a private lobby. The record that it was checked against is the proof.
async fn check_password(
    world: &World,
    conn: ConnId,
    record: Arc<PasswordRecord>,
    password: Option<Password>,
) -> Result<Arc<PasswordRecord>, Problem> {
    match prove(world, conn, record.clone(), password).await {
        // In whatever form: the record stays as it is, since it is the proof.
        Ok(_) => Ok(record),
        Err(NotProved::Wrong) => Err(JoinError::WrongPassword.into()),
        Err(NotProved::TooMany(secs)) => Err(JoinError::TooManyAttempts(secs).into()),
        Err(NotProved::Busy) => Err(Problem::Busy),
    }
}

impl Session {
    /// The user as a lobby is to have them.
    fn member(&self, user: &User) -> Member<Whereabouts> {
        Member::new(user.who.clone(), user.picture, user.away.clone(), self.at())
    }

    fn view(&self) -> View {
        View { times: self.times(), ignores: self.ignores(), missed: None }
    }

    /// `/join`.
    pub(super) fn join(&mut self, typed: &str, password: Option<Password>) {
        let Some(user) = self.user() else { return };
        let (member, here) = (self.member(user), user.lobby.id);
        let (left, conn) = (user.lobby.addr.clone(), user.who.conn);
        let (world, view, key) = (self.world.clone(), self.view(), NameKey::of(typed));
        let work = async move {
            let found = world.registry.send(FindLobby(key)).await.map_err(|_| Problem::Busy)?;
            let door = found.ok_or(JoinError::NoSuchLobby)?;
            if door.id == here {
                return Err(JoinError::AlreadyThere(door.name).into());
            }
            let proof = match door.record.clone() {
                Some(record) => Some(check_password(&world, conn, record, password).await?),
                None => None,
            };
            let entered = enter(&world, door, member, proof, Manner::Switch, view).await?;
            // Waited for, so that nobody who looks next sees the user in both.
            let _ = left.send(Leave { conn, for_good: false }).await;
            Ok(entered)
        };
        self.ask(work, |session, result| match result {
            Ok(entered) => session.move_to(entered),
            Err(Problem::Join(error)) => session.reply(&Reply::NotJoined(&error)),
            Err(Problem::Busy) => session.reply(&Reply::ServerBusy),
        });
    }

    /// The lobby is lost: goes back in where it broke and was set up again, else to general. Whoever
    /// is put out of general itself has nowhere to go.
    pub(super) fn find_lobby(&mut self, lost: Lost) {
        let (Lost::Broke(id) | Lost::Expelled(id)) = lost;
        let Some(user) = self.user().filter(|user| user.lobby.id == id) else { return };
        let (member, lobby, view) = (self.member(user), user.lobby.name.key(), self.view());
        let broke = matches!(lost, Lost::Broke(_));
        if !broke && lobby == NameKey::of(GENERAL) {
            return self.close(Some(Farewell::Kicked));
        }
        let world = self.world.clone();
        let work = async move {
            if broke && let Some(entered) = return_to(&world, lobby, &member, &view).await {
                return Some(entered);
            }
            let door = general(&world).await?;
            enter(&world, door, member, None, Manner::Switch, view).await.ok()
        };
        if broke {
            self.reply(&Reply::LobbyRestarted);
        }
        self.ask(work, move |session, entered| match entered {
            Some(entered) => session.move_to(entered),
            // They may be banned from general too.
            None if !broke => session.close(Some(Farewell::Kicked)),
            None => session.close(Some(Farewell::Fault)),
        });
    }

    fn move_to(&mut self, entered: Entered) {
        if let Some(user) = self.user_mut() {
            user.lobby = entered.stay();
        }
    }
}

/// The way into the general lobby.
pub(super) async fn general(world: &World) -> Option<Door> {
    world.registry.send(FindLobby(NameKey::of(GENERAL))).await.ok()?
}

/// Waits for a lobby that broke to be set up again, and goes back in.
async fn return_to(
    world: &Rc<World>,
    lobby: NameKey,
    member: &Member<Whereabouts>,
    view: &View,
) -> Option<Entered> {
    for _ in 0..RETURN_TRIES {
        let door = world.registry.send(FindLobby(lobby.clone())).await.ok()??;
        let (member, view) = (member.clone(), view.clone());
        match enter(world, door, member, None, Manner::Return, view).await {
            Ok(entered) => return Some(entered),
            Err(_) => sleep(RETURN_PAUSE).await,
        }
    }
    None
}
