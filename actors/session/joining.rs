//! The way from one lobby into another, past its password where it has one.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use actix::prelude::*;
use tokio::time::sleep;

use super::password::{ProofError, prove};
use super::{Lost, Membership, Session, User};
use crate::actors::lobby::Lobby;
use crate::actors::lobby::messages::{Join, JoinKind, Leave, ReplayPrefs};
use crate::actors::registry::messages::{FindLobby, LobbyRef};
use crate::actors::shard::messages::Address;
use crate::actors::shard::{ThreadContext, barrier};
use crate::chat::directory::ConnId;
use crate::chat::lobbies::GENERAL;
use crate::chat::name::NameKey;
use crate::chat::password::{Password, PasswordRecord};
use crate::chat::room::{JoinError, Member};
use crate::render::replies::{Farewell, NameProblem, Reply};

/// Tries to find a lobby that broke set up again, before its members go to general.
const RETURN_TRIES: usize = 20;
const RETURN_PAUSE: Duration = Duration::from_millis(50);

/// Why a user is not let in.
pub(super) enum EnterError {
    /// The user's own.
    Join(JoinError),
    /// Password work or an actor is not to be had.
    Busy,
}

impl From<EnterError> for NameProblem {
    fn from(problem: EnterError) -> Self {
        match problem {
            EnterError::Join(JoinError::Banned(_, penalty)) => Self::Banned(penalty),
            EnterError::Join(_) | EnterError::Busy => Self::ServerBusy,
        }
    }
}

impl From<JoinError> for EnterError {
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
    thread: &Rc<ThreadContext>,
    door: LobbyRef,
    member: Member<Address>,
    proof: Option<Arc<PasswordRecord>>,
    manner: JoinKind,
    view: ReplayPrefs,
) -> Result<Entered, EnterError> {
    let conn = member.who.conn;
    let addr: Addr<Lobby> = door.lobby.clone();
    let membership = Membership { id: door.id, name: door.name, addr: door.lobby };
    // From here on the lobby may have us, so the guard stands before the answer is there.
    let mut entered = Entered { membership: Some(membership), conn };
    match addr.send(Join { member, proof, manner, view }).await {
        Ok(Ok(())) => {
            barrier(&thread.shard).await;
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
    thread: &ThreadContext,
    conn: ConnId,
    record: Arc<PasswordRecord>,
    password: Option<Password>,
) -> Result<Arc<PasswordRecord>, EnterError> {
    match prove(thread, conn, record.clone(), password).await {
        // In whatever form: the record stays as it is, since it is the proof.
        Ok(_) => Ok(record),
        Err(ProofError::Wrong) => Err(JoinError::WrongPassword.into()),
        Err(ProofError::TooMany(secs)) => Err(JoinError::TooManyAttempts(secs).into()),
        Err(ProofError::Busy) => Err(EnterError::Busy),
    }
}

impl Session {
    /// The user as a lobby is to have them.
    fn member(&self, user: &User) -> Member<Address> {
        Member::new(user.who.clone(), user.picture, user.away.clone(), self.at())
    }

    fn view(&self) -> ReplayPrefs {
        ReplayPrefs { times: self.times(), ignores: self.ignores(), missed: None }
    }

    /// `/join`.
    pub(super) fn join(&mut self, typed: &str, password: Option<Password>) {
        let Some(user) = self.user() else { return };
        let (member, here) = (self.member(user), user.lobby.id);
        let (left, conn) = (user.lobby.addr.clone(), user.who.conn);
        let (thread, view, key) = (self.thread.clone(), self.view(), NameKey::of(typed));
        let work = async move {
            let found = thread.registry.send(FindLobby(key)).await.map_err(|_| EnterError::Busy)?;
            let door = found.ok_or(JoinError::NoSuchLobby)?;
            if door.id == here {
                return Err(JoinError::AlreadyThere(door.name).into());
            }
            let proof = match door.record.clone() {
                Some(record) => Some(check_password(&thread, conn, record, password).await?),
                None => None,
            };
            let entered = enter(&thread, door, member, proof, JoinKind::Switch, view).await?;
            // Waited for, so that nobody who looks next sees the user in both.
            let _ = left.send(Leave { conn, for_good: false }).await;
            Ok(entered)
        };
        self.ask(work, |session, result| match result {
            Ok(entered) => session.move_to(entered),
            Err(EnterError::Join(error)) => session.reply(&Reply::NotJoined(&error)),
            Err(EnterError::Busy) => session.reply(&Reply::ServerBusy),
        });
    }

    /// The lobby is lost: goes back in where it broke and was set up again, else to general. Whoever
    /// is put out of general itself has nowhere to go.
    pub(super) fn find_lobby(&mut self, lost: Lost) {
        let (Lost::Broke(id) | Lost::MoveToGeneral(id)) = lost;
        let Some(user) = self.user().filter(|user| user.lobby.id == id) else { return };
        let (member, lobby, view) = (self.member(user), user.lobby.name.key(), self.view());
        let broke = matches!(lost, Lost::Broke(_));
        if !broke && lobby == NameKey::of(GENERAL) {
            return self.close(Some(Farewell::Kicked));
        }
        let thread = self.thread.clone();
        let work = async move {
            if broke && let Some(entered) = return_to(&thread, lobby, &member, &view).await {
                return Some(entered);
            }
            let door = general(&thread).await?;
            enter(&thread, door, member, None, JoinKind::Switch, view).await.ok()
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
pub(super) async fn general(thread: &ThreadContext) -> Option<LobbyRef> {
    thread.registry.send(FindLobby(NameKey::of(GENERAL))).await.ok()?
}

/// Waits for a lobby that broke to be set up again, and goes back in.
async fn return_to(
    thread: &Rc<ThreadContext>,
    lobby: NameKey,
    member: &Member<Address>,
    view: &ReplayPrefs,
) -> Option<Entered> {
    for _ in 0..RETURN_TRIES {
        let door = thread.registry.send(FindLobby(lobby.clone())).await.ok()??;
        let (member, view) = (member.clone(), view.clone());
        match enter(thread, door, member, None, JoinKind::Return, view).await {
            Ok(entered) => return Some(entered),
            Err(_) => sleep(RETURN_PAUSE).await,
        }
    }
    None
}
