//! The way from one lobby into another, past its password where it has one.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use actix::prelude::*;
use log::{info, warn};
use tokio::time::sleep;

use super::{Membership, Session};
use crate::actors::hasher::HashError;
use crate::actors::lobby::Lobby;
use crate::actors::messages::{
    BeginGuess, Door, EndGuess, FindLobby, Join, Leave, Manner, Whereabouts,
};
use crate::actors::shard::{World, barrier};
use crate::chat::directory::ConnId;
use crate::chat::lobbies::{GENERAL, LobbyId};
use crate::chat::name::{Name, NameKey};
use crate::chat::password::{MAX_PASSWORD_CHARS, PasswordRecord, Secret};
use crate::chat::pictures::Picture;
use crate::chat::replies::{Farewell, Reply};
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
            membership.addr.do_send(Leave(self.conn));
        }
    }
}

/// Asks a lobby in, and waits until what it shows first is queued.
pub(super) async fn enter(
    world: &Rc<World>,
    door: Door,
    at: Whereabouts,
    name: Name,
    picture: Picture,
    proof: Option<Arc<PasswordRecord>>,
    manner: Manner,
) -> Result<Entered, Problem> {
    let conn = at.seat.conn;
    let member = Member { name, picture, handle: at };
    let addr: Addr<Lobby> = door.lobby.clone();
    let membership = Membership { id: door.id, name: door.name, addr: door.lobby };
    // From here on the lobby may have us, so the guard stands before the answer is there.
    let mut entered = Entered { membership: Some(membership), conn };
    match addr.send(Join { conn, member, proof, manner }).await {
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
    password: Option<Secret>,
) -> Result<Arc<PasswordRecord>, Problem> {
    let allowed = world.registry.send(BeginGuess(conn)).await.map_err(|_| Problem::Busy)?;
    allowed.map_err(JoinError::TooManyAttempts)?;
    let checked = match password.filter(|p| p.chars() <= MAX_PASSWORD_CHARS) {
        Some(password) => world.hasher.verify(record.clone(), password).await,
        None => Ok(false),
    };
    let wrong = checked == Ok(false);
    world.registry.do_send(EndGuess { conn, wrong });
    match checked {
        Ok(true) => Ok(record),
        Ok(false) => {
            info!("conn={} gave a wrong lobby password", conn.0);
            Err(JoinError::WrongPassword.into())
        }
        Err(reason @ (HashError::Busy | HashError::Failed)) => {
            warn!("conn={} password not checked: {reason}", conn.0);
            Err(Problem::Busy)
        }
    }
}

impl Session {
    /// `/join`.
    pub(super) fn join(&mut self, typed: &str, password: Option<Secret>) {
        let Some(user) = self.user() else { return };
        let (name, picture, here) = (user.name.clone(), user.picture, user.lobby.id);
        let left = user.lobby.addr.clone();
        let (world, at, key) = (self.world.clone(), self.at(), NameKey::of(typed));
        let work = async move {
            let found = world.registry.send(FindLobby(key)).await.map_err(|_| Problem::Busy)?;
            let door = found.ok_or(JoinError::NoSuchLobby)?;
            if door.id == here {
                return Err(JoinError::AlreadyThere(door.name).into());
            }
            let proof = match door.record.clone() {
                Some(record) => Some(check_password(&world, at.seat.conn, record, password).await?),
                None => None,
            };
            let entered = enter(&world, door, at, name, picture, proof, Manner::Switch).await?;
            // Waited for, so that nobody who looks next sees the user in both.
            let _ = left.send(Leave(at.seat.conn)).await;
            Ok(entered)
        };
        self.ask(work, |session, result| match result {
            Ok(entered) => session.move_to(entered),
            Err(Problem::Join(error)) => session.reply(&Reply::NotJoined(&error)),
            Err(Problem::Busy) => session.reply(&Reply::ServerBusy),
        });
    }

    /// The lobby broke and was set up again: goes back in, or to general where it is not there.
    pub(super) fn return_to_lobby(&mut self, lost: LobbyId) {
        let Some(user) = self.user().filter(|user| user.lobby.id == lost) else { return };
        let (name, picture) = (user.name.clone(), user.picture);
        let lobby = user.lobby.name.clone();
        let (world, at) = (self.world.clone(), self.at());
        let work = async move {
            for _ in 0..RETURN_TRIES {
                let found = world.registry.send(FindLobby(lobby.key())).await;
                let Ok(Some(door)) = found else { break };
                // They were in it, so their password was checked before.
                let proof = door.record.clone();
                let (name, back) = (name.clone(), Manner::Return);
                match enter(&world, door, at, name, picture, proof, back).await {
                    Ok(entered) => return Some(entered),
                    Err(_) => sleep(RETURN_PAUSE).await,
                }
            }
            let general = FindLobby(NameKey::of(GENERAL));
            let door = world.registry.send(general).await.ok()??;
            enter(&world, door, at, name, picture, None, Manner::Switch).await.ok()
        };
        self.reply(&Reply::LobbyRestarted);
        self.ask(work, |session, entered| match entered {
            Some(entered) => session.move_to(entered),
            None => session.close(Some(Farewell::Fault)),
        });
    }

    fn move_to(&mut self, entered: Entered) {
        if let Some(user) = self.user_mut() {
            user.lobby = entered.stay();
        }
    }
}
