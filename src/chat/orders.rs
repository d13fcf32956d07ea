//! What moderators order, and what comes of it.
//!
//! An [`Order`] is checked against the lobby and becomes a [`Moderation`], which nothing has been changed
//! for yet: it is stored first, and only then carried out, told to the lobby and written down.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::accounts::{Identity, Subject, Target};
use super::bot::TokenHash;
use super::history::UnixMillis;
use super::lobbies::LobbyId;
use super::lobby::PromptError;
use super::moderation::{Moderation, ServerModeration};
use super::name::{Name, NameKey};
use super::password::PasswordRecord;
use super::roles::{Denied, Rank, Right, may_act_on};
use super::sanctions::{Sanction, SanctionKey, Sanctions, Terms};
use super::text::Line;

/// Most operators of one lobby.
pub const MAX_OPERATORS: usize = 100;

/// How long somebody may think about taking a lobby.
pub const OFFER_TIME: Duration = Duration::from_secs(5 * 60);

/// How long a message may be taken back by whoever said it.
pub const UNDO_TIME: Duration = Duration::from_secs(5 * 60);

/// From how long ago on the messages of somebody are removed.
pub const PURGE_TIME: Duration = Duration::from_secs(24 * 3_600);

/// In what time something is to be said again that cannot be undone.
pub const CONFIRM_TIME: Duration = Duration::from_secs(30);

/// What somebody was asked to say again, since it cannot be undone: the end of a lobby.
#[derive(Debug, Default)]
pub struct Confirmation {
    asked: Option<(LobbyId, Instant)>,
}

impl Confirmation {
    /// Whether this is the second time, within [`CONFIRM_TIME`]; else it is the first one.
    pub fn confirm(&mut self, lobby: LobbyId, now: Instant) -> bool {
        let again = self.asked.take_if(|(asked, at)| {
            *asked == lobby && now.saturating_duration_since(*at) < CONFIRM_TIME
        });
        self.asked = again.is_none().then_some((lobby, now));
        again.is_some()
    }
}

/// What somebody wants done in a lobby; names have been looked up.
#[derive(Debug, Clone)]
pub enum Order {
    /// `/topic`; none takes it away.
    Topic(Option<Line>),
    /// `/op`
    Op(Target),
    /// `/deop`
    Deop(Target),
    /// `/kick`
    Kick {
        /// The user or account that it is about.
        whom: Target,
        /// The reason, where one was given.
        reason: Option<Line>,
    },
    /// `/mute`
    Mute {
        /// The user or account that it is about.
        whom: Target,
        /// On which terms.
        terms: Terms,
    },
    /// `/unmute`
    Unmute(Named),
    /// `/ban`
    Ban {
        /// The user or account that it is about.
        whom: Target,
        /// On which terms.
        terms: Terms,
    },
    /// `/unban`
    Unban(Named),
    /// `/slow`; nothing ends it.
    Slow(Duration),
    /// `/setpass`; none takes the password away.
    SetPassword(Option<Arc<PasswordRecord>>),
    /// `/transfer`: the other one is asked.
    Transfer(Target),
    /// `/accept`, of who was asked.
    Accept,
    /// `/delete`
    Delete,
    /// `/setai`; none takes it back.
    SetPrompt(Option<Line>),
    /// `/airoom on`, `/airoom off`
    SetRox(bool),
    /// `/undo`; the number of the message, once it is known.
    Undo(Option<u64>),
    /// `/purge`
    Purge {
        /// The user or account that it is about.
        whom: Target,
        /// The numbers of what they said, once they are known, rising.
        said: Arc<[u64]>,
    },
    /// `/hook add`
    AddHook {
        /// What it is to be called.
        name: Name,
        /// Of its token.
        token: TokenHash,
    },
    /// `/hook del`
    DeleteHook(NameKey),
}

impl Order {
    /// The same about these messages, the newest first, which it had [asked for](super::lobby::Room::asks).
    pub fn about(self, found: Vec<u64>) -> Self {
        match self {
            Self::Undo(_) => Self::Undo(found.first().copied()),
            Self::Purge { whom, .. } => {
                Self::Purge { whom, said: found.into_iter().rev().collect() }
            }
            other => other,
        }
    }

    /// The right that it takes.
    pub fn right(&self) -> Right {
        match self {
            Self::Topic(_)
            | Self::Slow(_)
            | Self::Kick { .. }
            | Self::Mute { .. }
            | Self::Unmute(_)
            | Self::Ban { .. }
            | Self::Unban(_)
            | Self::SetRox(_)
            | Self::AddHook { .. }
            | Self::DeleteHook(_)
            | Self::Purge { .. } => Right::Operator,
            Self::Undo(_) => Right::Everyone,
            Self::Op(_)
            | Self::Deop(_)
            | Self::SetPassword(_)
            | Self::SetPrompt(_)
            | Self::Transfer(_)
            | Self::Delete => Right::Owner,
            Self::Accept => Right::Account,
        }
    }
}

/// What somebody wants done to the whole server.
#[derive(Debug, Clone)]
pub enum ServerOrder {
    /// `/announce`
    Announce(Line),
    /// `/gban`
    Ban {
        /// The user or account that it is about.
        whom: Target,
        /// On which terms.
        terms: Terms,
    },
    /// `/gunban`
    Unban(Named),
    /// The end of somebody's connection, which the operator alone orders.
    Kick {
        /// The user that it is about.
        whom: Target,
        /// The reason, where one was given.
        reason: Option<Line>,
    },
}

impl ServerOrder {
    /// The right that each of them takes.
    pub const RIGHT: Right = Right::Admin;
}

/// A name out of a list of mutes or bans, as it was typed, with whoever has it now.
#[derive(Debug, Clone)]
pub struct Named {
    /// The name.
    pub key: NameKey,
    /// The user or account of this name: a guest may be on the list under an earlier one.
    pub whom: Option<Target>,
}

impl Named {
    /// Those of `list` that are meant, with the name that is shown of them: those of this name, which is
    /// how a moderator sees them; else those of the account or the connection that has the name now.
    fn find(&self, list: &Sanctions, now: UnixMillis) -> Option<(Vec<SanctionKey>, Name)> {
        let mut found = list.list(now);
        if found.iter().any(|s| s.name.key() == self.key) {
            found.retain(|s| s.name.key() == self.key);
        } else {
            let account = self.whom.as_ref().and_then(Target::account).map(Subject::Account);
            let conn = self.whom.as_ref().and_then(Target::conn);
            let of_conn = conn.and_then(|conn| list.of_conn(conn, now)).map(Sanction::key);
            found.retain(|s| Some(&s.subject) == account.as_ref() || Some(s.key()) == of_conn);
        }
        let name = found.first()?.name.clone();
        Some((found.iter().map(|s| s.key()).collect(), name))
    }
}

/// Why an order is not carried out. Nothing has been changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OrderError {
    /// Whoever gave it may not.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// The prompt of the lobby's AI is not for them to set.
    #[error(transparent)]
    Prompt(#[from] PromptError),
    /// Not in the lobby that belongs to the server.
    #[error("not in the general lobby")]
    General,
    /// The user is not in the lobby.
    #[error("not in the lobby")]
    NotHere(Name),
    /// It is for accounts only, and this is a guest.
    #[error("no account")]
    NoAccount(Name),
    /// They are an operator.
    #[error("an operator already")]
    AlreadyOperator(Name),
    /// They are an owner.
    #[error("an owner already")]
    AlreadyOwner(Name),
    /// The lobby has the AI, or is without it, by such an order of before.
    #[error("so already")]
    RoxAlready {
        /// Which.
        on: bool,
    },
    /// They are no operator.
    #[error("not an operator")]
    NotOperator(Name),
    /// They are not connected, and cannot be asked.
    #[error("not connected")]
    NotConnected(Name),
    /// Somebody was asked to take the lobby, and may still think about it.
    #[error("asked already")]
    AskedAlready,
    /// Nobody offers the user a lobby.
    #[error("nothing offered")]
    NothingOffered,
    /// Nobody of that name is muted.
    #[error("not muted")]
    NotMuted,
    /// Nobody of that name is banned.
    #[error("not banned")]
    NotBanned,
    /// They said nothing in the lobby that could be taken back.
    #[error("nothing to take back")]
    NothingToUndo,
    /// They said nothing in the lobby that could be removed.
    #[error("nothing to remove")]
    NothingToPurge(Name),
    /// There is a hook of this name.
    #[error("a hook of this name exists")]
    HookExists(Name),
    /// There are as many hooks as there may be.
    #[error("too many hooks")]
    TooManyHooks,
    /// There is none of this name.
    #[error("no such hook")]
    NoSuchHook,
    /// There are as many operators, mutes or bans as there may be.
    #[error("too many")]
    TooMany,
}

/// Plans a mute or a ban: one may only act on those below, and there is a limit to a list.
pub(super) fn plan_sanction(
    list: &Sanctions,
    (who, mine): (&Identity, Rank),
    (whom, theirs): (&Target, Rank),
    terms: Terms,
    now: UnixMillis,
) -> Result<Sanction, OrderError> {
    may_act_on(who, mine, whom, theirs)?;
    if !list.has_room(now) {
        return Err(OrderError::TooMany);
    }
    let subject = (whom.subject(terms.alone), whom.name().clone());
    Ok(Sanction::new(subject, who.name.clone(), terms, now))
}

/// Plans the end of a mute.
pub(super) fn plan_unmute(
    mutes: &Sanctions,
    named: &Named,
    now: UnixMillis,
) -> Result<Moderation, OrderError> {
    let (lifted, name) = named.find(mutes, now).ok_or(OrderError::NotMuted)?;
    Ok(Moderation::Unmute { lifted, name })
}

/// Plans the end of a ban.
pub(super) fn plan_unban(
    bans: &Sanctions,
    named: &Named,
    now: UnixMillis,
) -> Result<Moderation, OrderError> {
    let (lifted, name) = named.find(bans, now).ok_or(OrderError::NotBanned)?;
    Ok(Moderation::Unban { lifted, name })
}

/// What a user is outside any lobby.
pub fn server_rank(admin: bool) -> Rank {
    if admin { Rank::Admin } else { Rank::Member }
}

/// Plans `/gban`; `bans` are those of the server.
///
/// # Errors
/// [`OrderError::Denied`], [`OrderError::TooMany`].
pub fn plan_server_ban(
    bans: &Sanctions,
    who: &Identity,
    whom: &Target,
    terms: Terms,
    now: UnixMillis,
) -> Result<ServerModeration, OrderError> {
    let mine = server_rank(who.admin);
    ServerOrder::RIGHT.check(who, mine)?;
    let theirs = server_rank(whom.is_admin());
    let ban = plan_sanction(bans, (who, mine), (whom, theirs), terms, now)?;
    Ok(ServerModeration::Ban { ban, conn: whom.conn() })
}

/// Plans `/gunban`; `bans` are those of the server.
///
/// # Errors
/// [`OrderError::Denied`], [`OrderError::NotBanned`].
pub fn plan_server_unban(
    bans: &Sanctions,
    who: &Identity,
    named: &Named,
    now: UnixMillis,
) -> Result<ServerModeration, OrderError> {
    ServerOrder::RIGHT.check(who, server_rank(who.admin))?;
    let (lifted, name) = named.find(bans, now).ok_or(OrderError::NotBanned)?;
    Ok(ServerModeration::Unban { lifted, name })
}

/// Plans the end of somebody's connection, whatever they are.
///
/// # Errors
/// [`OrderError::Denied`], [`OrderError::NotConnected`].
pub fn plan_server_kick(
    who: &Identity,
    whom: &Target,
    reason: Option<Line>,
) -> Result<ServerModeration, OrderError> {
    ServerOrder::RIGHT.check(who, server_rank(who.admin))?;
    let name = whom.name().clone();
    let conn = whom.conn().ok_or_else(|| OrderError::NotConnected(name.clone()))?;
    Ok(ServerModeration::Kick { conn, account: whom.account(), name, reason })
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;

    use crate::chat::directory::{ConnId, IpKey};
    use crate::clock;

    const NOW: UnixMillis = UnixMillis(1_000);

    fn who(conn: u64, name: &str, account: Option<u32>, admin: bool) -> Identity {
        let ip = IpKey::from(IpAddr::from([10, 0, 0, conn as u8]));
        Identity { ip, admin, ..Identity::example(conn, name, account) }
    }

    fn named(name: &str, whom: Option<Target>) -> Named {
        Named { key: NameKey::of(name), whom }
    }

    #[test]
    fn what_cannot_be_undone_is_said_twice_in_time_and_of_the_same_lobby() {
        let (mut confirmation, start) = (Confirmation::default(), clock::now());
        for (secs, lobby, want) in [
            (0, 2, false),
            (29, 2, true),
            (29, 2, false),
            (59, 2, false),
            (60, 3, false),
            (61, 2, false),
            (62, 2, true),
        ] {
            let now = start + Duration::from_secs(secs);
            assert_eq!(confirmation.confirm(LobbyId(lobby), now), want, "{secs}");
        }
    }

    #[test]
    fn admins_ban_from_the_server_and_lift_it_by_name() {
        let mut bans = Sanctions::default();
        let (root, bob) = (who(1, "root", Some(1), true), who(2, "bob", None, false));
        let target = Target::Present(bob.clone());
        let plan =
            |bans: &Sanctions, user, whom| plan_server_ban(bans, user, whom, Terms::default(), NOW);
        let denied = plan(&bans, &bob, &target).unwrap_err();
        assert_eq!(denied, OrderError::Denied(Denied::NotAdmin));
        let myself = Target::Present(root.clone());
        assert_eq!(plan(&bans, &root, &myself).unwrap_err(), Denied::Oneself.into());
        let other = Target::Present(who(3, "su", Some(3), true));
        let outranked = plan(&bans, &root, &other).unwrap_err();
        assert_eq!(outranked, Denied::Outranked(Rank::Admin).into());

        let Ok(ServerModeration::Ban { ban, conn }) = plan(&bans, &root, &target) else {
            panic!("not planned");
        };
        assert_eq!(conn, Some(ConnId(2)));
        bans.impose(ban, conn);
        assert!(bans.of(&bob, NOW).is_some());

        let lift = |user, named| plan_server_unban(&bans, user, &named, NOW);
        assert_eq!(lift(&bob, named("bob", None)).unwrap_err(), Denied::NotAdmin.into());
        assert_eq!(lift(&root, named("eve", None)).unwrap_err(), OrderError::NotBanned);
        let renamed = Target::Present(who(2, "rob", None, false));
        for named in [named("BOB", None), named("rob", Some(renamed))] {
            let Ok(ServerModeration::Unban { lifted, name }) = lift(&root, named) else {
                panic!("not planned");
            };
            let key = SanctionKey { subject: bob.subject(), name: bob.name.key() };
            assert_eq!((lifted, name.as_str()), (vec![key], "bob"));
        }
    }
}
