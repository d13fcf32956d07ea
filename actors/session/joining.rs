//! The way from one lobby into another, past its password where it has one.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;

use super::commands::list_users;
use super::context::{Ctx, Failure, Outcome};
use super::password::{Door, ProofError, prove};
use super::{Lost, Membership, Session};
use crate::actors::lobby::messages::{Enter, Leave, LeaveTo};
use crate::actors::registry::messages::{FindLobby, LobbyRef};
use crate::actors::shard::messages::Address;
use crate::actors::shard::{ThreadContext, barrier};
use crate::chat::directory::ConnId;
use crate::chat::lobbies::{GENERAL, GENERAL_ID};
use crate::chat::lobby::replay::ReplayPrefs;
use crate::chat::lobby::step::{Join, JoinKind, Refusal};
use crate::chat::lobby::{Company, JoinError, Member};
use crate::chat::name::{Name, NameKey};
use crate::chat::password::{Match, Password, PasswordRecord};
use crate::chat::roles::Right;
use crate::fanout::peer::Peer;
use crate::render;
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
    /// The other servers cannot be reached, which have to know.
    Unreachable,
}

impl From<EnterError> for NameProblem {
    fn from(problem: EnterError) -> Self {
        match problem {
            EnterError::Join(JoinError::Banned(_, penalty)) => Self::Banned(penalty),
            EnterError::Join(_) | EnterError::Busy => Self::ServerBusy,
            EnterError::Unreachable => Self::Unreachable,
        }
    }
}

impl From<Refusal> for EnterError {
    fn from(why: Refusal) -> Self {
        match why {
            Refusal::Join(why) => Self::Join(why),
            Refusal::Unreachable => Self::Unreachable,
            // Nobody is asked to speak.
            Refusal::Say(_) => Self::Busy,
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
    /// Where the user is now, to be told last of all.
    company: Option<Company>,
}

impl Entered {
    /// The session takes the membership over.
    pub(super) fn stay(mut self) -> (Membership, Option<Company>) {
        let membership = self.membership.take();
        (membership.unwrap_or_else(|| unreachable!("taken once, by value")), self.company.take())
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        if let Some(membership) = self.membership.take() {
            membership.addr.do_send(Leave { conn: self.conn, to: LeaveTo::Lobby });
        }
    }
}

/// Asks a lobby in, and waits until what it shows first is queued. Not to be given up half-way by whoever goes on
/// chatting: the lobby itself says when it takes too long, and only it knows whether they are in by then.
pub(super) async fn enter(
    thread: &Rc<ThreadContext>,
    lobby_ref: LobbyRef,
    join: Join<Address>,
) -> Result<Entered, EnterError> {
    let (conn, addr) = (join.member.who.conn, lobby_ref.lobby.clone());
    let (id, name) = (lobby_ref.state.id, lobby_ref.state.name.clone());
    let membership = Membership { id, name, addr: lobby_ref.lobby };
    // From here on the lobby may have us, so the guard stands before the answer is there.
    let mut entered = Entered { membership: Some(membership), conn, company: None };
    match addr.send(Enter(join)).await {
        Ok(Ok(company)) => {
            barrier(&thread.shard).await;
            entered.company = Some(company);
            Ok(entered)
        }
        Ok(Err(error)) => {
            entered.membership = None;
            Err(error.into())
        }
        Err(_) => Err(JoinError::NoSuchLobby.into()),
    }
}

/// Checks the password of a private lobby. The record that it was checked against is the proof; where that is
/// of another form of the password, it is to be renewed.
pub(super) async fn check_password(
    thread: &ThreadContext,
    peer: &Peer,
    lobby: &Name,
    record: Arc<PasswordRecord>,
    password: Option<Password>,
) -> Result<(Arc<PasswordRecord>, Match), EnterError> {
    match prove(thread, peer, Door::Lobby(lobby), record.clone(), password).await {
        Ok(right) => Ok((record, right)),
        Err(ProofError::Wrong) => Err(JoinError::WrongPassword.into()),
        Err(ProofError::TooMany(secs)) => Err(JoinError::TooManyAttempts(secs).into()),
        Err(ProofError::Busy) => Err(EnterError::Busy),
    }
}

impl Ctx {
    /// The user as a lobby is to have them.
    pub(super) fn member(&self) -> Member<Address> {
        let user = self.user();
        Member::new(user.who.clone(), user.settings.picture, user.away.clone(), self.at)
    }

    /// The user is in another lobby from here on, and is told last of all where they are.
    pub(super) fn stay(&self, entered: Entered) {
        let (lobby, company) = entered.stay();
        if let Some((left, next_seq)) = self.peer.take_left() {
            self.user_mut().left.note(left, next_seq);
        }
        self.user_mut().move_to(lobby);
        let wants = !self.is_bot() || self.peer.form().is_json();
        if let Some(company) = company.filter(|_| wants) {
            self.show(|sheet| render::company(sheet, &company));
        }
    }

    pub(super) fn replay_prefs(&self) -> ReplayPrefs {
        let (times, ignores) = (self.times(), self.ignores());
        ReplayPrefs { times, ignores, ..ReplayPrefs::default() }
    }
}

impl Session {
    /// The lobby is lost.
    pub(super) fn find_lobby(&mut self, lost: Lost) {
        if let Some(cx) = self.ctx(Right::Everyone) {
            self.wait_for(find_lobby(cx, lost), Self::finish);
        }
    }
}

/// Goes back into a lobby that broke and was set up again, else to general. Whoever is put out of
/// general itself has nowhere to go.
async fn find_lobby(cx: Ctx, lost: Lost) -> Result<Outcome, Failure> {
    let (broke, id) = match lost {
        Lost::Broke(id) => (true, id),
        Lost::MoveToGeneral(id) => (false, id),
    };
    let lobby = cx.lobby();
    if lobby.id != id {
        return Ok(Outcome::Done);
    }
    if !broke && id == GENERAL_ID {
        return Ok(Outcome::Leave(Farewell::Kicked));
    }
    let (member, prefs) = (cx.member(), cx.replay_prefs());
    let mut entered = None;
    if broke {
        cx.reply(Reply::LobbyRestarted)?;
        entered = return_to(&cx.thread, lobby.name.key(), &member, &prefs).await;
    }
    if entered.is_none()
        && let Some(general) = general(&cx.thread).await
    {
        let join = Join { member, proof: None, kind: JoinKind::Switch, prefs };
        entered = enter_in_time(&cx.thread, general, join).await.ok();
    }
    let Some(entered) = entered else {
        // They may be banned from general too.
        return Ok(Outcome::Leave(if broke { Farewell::Fault } else { Farewell::Kicked }));
    };
    cx.stay(entered);
    if cx.peer.form().is_json() {
        list_users(&cx).await?;
    }
    Ok(Outcome::Done)
}

/// Asks a lobby in, for somebody who is nowhere else: they wait for the other servers as long as it takes.
async fn enter_in_time(
    thread: &Rc<ThreadContext>,
    lobby_ref: LobbyRef,
    join: Join<Address>,
) -> Result<Entered, EnterError> {
    loop {
        match enter(thread, lobby_ref.clone(), join.clone()).await {
            Err(EnterError::Unreachable) => thread.log().back().await,
            done => return done,
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
    prefs: &ReplayPrefs,
) -> Option<Entered> {
    for _ in 0..RETURN_TRIES {
        let lobby_ref = thread.registry.send(FindLobby(lobby.clone())).await.ok()??;
        let (member, prefs) = (member.clone(), prefs.clone());
        let join = Join { member, proof: None, kind: JoinKind::Return, prefs };
        match enter(thread, lobby_ref, join).await {
            Ok(entered) => return Some(entered),
            Err(_) => sleep(RETURN_PAUSE).await,
        }
    }
    None
}
