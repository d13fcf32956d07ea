//! Who may do what, and to whom.

use serde::{Deserialize, Serialize};

use super::accounts::{AccountId, Identity, Target};
use super::directory::ConnId;

/// What somebody is in one lobby, least first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rank {
    /// Anybody.
    Member,
    /// Named by an owner.
    Operator,
    /// Whose lobby it is.
    Owner,
    /// An admin of the server, who acts as an owner everywhere.
    Admin,
}

/// Whose a lobby is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Owner {
    /// The server's own: `general`.
    Server,
    /// A guest's, for as long as the connection lasts: the same name later has no rights.
    Guest(ConnId),
    /// An account's, for good.
    Account(AccountId),
    /// Nobody's any more: the guest is gone, or the account is.
    Nobody,
}

impl Owner {
    /// What a lobby that this user makes belongs to.
    pub fn new(who: &Identity) -> Self {
        who.account.map_or(Self::Guest(who.conn), Self::Account)
    }

    /// Whether it belongs to whoever has this connection or this account.
    pub fn is(self, conn: Option<ConnId>, account: Option<AccountId>) -> bool {
        match self {
            Self::Server | Self::Nobody => false,
            Self::Guest(owner) => conn == Some(owner),
            Self::Account(owner) => account == Some(owner),
        }
    }

    /// The connection of the guest whose it is.
    pub fn guest(self) -> Option<ConnId> {
        match self {
            Self::Guest(conn) => Some(conn),
            Self::Server | Self::Account(_) | Self::Nobody => None,
        }
    }

    /// Whether users made the lobby, so that limits count it and it may go.
    pub fn is_user(self) -> bool {
        self != Self::Server
    }
}

/// Who may use a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Right {
    /// Everyone.
    Everyone,
    /// Whoever has no account.
    Guest,
    /// Whoever has one.
    Account,
    /// Operators of the lobby, and those above.
    Operator,
    /// Owners of the lobby, and admins.
    Owner,
    /// Admins of the server.
    Admin,
}

/// Why somebody may not do something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// It is for those without an account.
    #[error("not a guest")]
    NotGuest,
    /// It is for those with an account.
    #[error("no account")]
    NoAccount,
    /// It is for operators and owners.
    #[error("not an operator or owner")]
    NotOperator,
    /// It is for owners.
    #[error("not an owner")]
    NotOwner,
    /// It is for admins.
    #[error("not an admin")]
    NotAdmin,
    /// Nobody does that to themselves.
    #[error("on oneself")]
    Oneself,
    /// The other is of the same rank, which is this, or of a higher one.
    #[error("on somebody of the same rank or a higher one")]
    Outranked(Rank),
}

impl Denied {
    /// Whether whoever is told this has no such right at all, whomever it is about.
    pub fn is_of_rank(self) -> bool {
        match self {
            Self::NotGuest | Self::NoAccount | Self::Oneself | Self::Outranked(_) => false,
            Self::NotOperator | Self::NotOwner | Self::NotAdmin => true,
        }
    }
}

impl Right {
    /// Whether only the lobby knows who has it.
    pub fn is_of_lobby(self) -> bool {
        matches!(self, Self::Operator | Self::Owner)
    }

    /// Whether somebody of this rank has it.
    ///
    /// # Errors
    /// What they are not.
    pub fn check(self, who: &Identity, rank: Rank) -> Result<(), Denied> {
        let (allowed, otherwise) = match self {
            Self::Everyone => return Ok(()),
            Self::Guest => (who.account.is_none(), Denied::NotGuest),
            Self::Account => (who.account.is_some(), Denied::NoAccount),
            Self::Operator => (rank >= Rank::Operator, Denied::NotOperator),
            Self::Owner => (rank >= Rank::Owner, Denied::NotOwner),
            Self::Admin => (rank >= Rank::Admin, Denied::NotAdmin),
        };
        if allowed { Ok(()) } else { Err(otherwise) }
    }
}

/// Whether somebody of rank `mine` may act on a user of rank `theirs`: only on those below, so that
/// operators cannot fight each other, and never on themselves.
///
/// # Errors
/// [`Denied::Oneself`], [`Denied::Outranked`].
pub fn may_act_on(who: &Identity, mine: Rank, target: &Target, theirs: Rank) -> Result<(), Denied> {
    if target.is(who) {
        return Err(Denied::Oneself);
    }
    if theirs >= mine { Err(Denied::Outranked(theirs)) } else { Ok(()) }
}

#[cfg(test)]
mod tests {

    use super::*;
    use crate::chat::command::COMMANDS;

    fn who(conn: u64, account: Option<u32>) -> Identity {
        Identity::example(conn, "alice", account)
    }

    use Denied::{NoAccount, NotAdmin, NotGuest, NotOperator, NotOwner};

    /// What a guest, a member with an account, an operator, an owner and an admin are told; none
    /// where they may.
    type Answers = [Option<Denied>; 5];

    const EVERYONE: Answers = [None; 5];
    const GUEST: Answers = [None, Some(NotGuest), Some(NotGuest), Some(NotGuest), Some(NotGuest)];
    const ACCOUNT: Answers = [Some(NoAccount), None, None, None, None];
    const OPERATOR: Answers = [Some(NotOperator), Some(NotOperator), None, None, None];
    const OWNER: Answers = [Some(NotOwner), Some(NotOwner), Some(NotOwner), None, None];
    const ADMIN: Answers = [Some(NotAdmin), Some(NotAdmin), Some(NotAdmin), Some(NotAdmin), None];

    /// Every command of the table, once.
    const MATRIX: [(&str, Answers); 56] = [
        ("/help", EVERYONE),
        ("/quit", EVERYONE),
        ("/whois", EVERYONE),
        ("/sp", EVERYONE),
        ("/users", EVERYONE),
        ("/lobbies", EVERYONE),
        ("/create", EVERYONE),
        ("/join", EVERYONE),
        ("/history", EVERYONE),
        ("/search", EVERYONE),
        ("/msg", EVERYONE),
        ("/r", EVERYONE),
        ("/tag", EVERYONE),
        ("/me", EVERYONE),
        ("/undo", EVERYONE),
        ("/ai", EVERYONE),
        ("/catchup", EVERYONE),
        ("/ignore", EVERYONE),
        ("/unignore", EVERYONE),
        ("/away", EVERYONE),
        ("/time", EVERYONE),
        ("/color", EVERYONE),
        ("/style", EVERYONE),
        ("/echo", EVERYONE),
        ("/bell", EVERYONE),
        ("/quiet", EVERYONE),
        ("/width", EVERYONE),
        ("/mode", EVERYONE),
        ("/nick", GUEST),
        ("/register", GUEST),
        ("/passwd", ACCOUNT),
        ("/unregister", ACCOUNT),
        ("/cert", ACCOUNT),
        ("/bot", ACCOUNT),
        ("/accept", ACCOUNT),
        ("/kick", OPERATOR),
        ("/mute", OPERATOR),
        ("/unmute", OPERATOR),
        ("/ban", OPERATOR),
        ("/unban", OPERATOR),
        ("/bans", OPERATOR),
        ("/purge", OPERATOR),
        ("/topic", OPERATOR),
        ("/slow", OPERATOR),
        ("/hook", OPERATOR),
        ("/audit", OPERATOR),
        ("/setai", OWNER),
        ("/airoom", OPERATOR),
        ("/op", OWNER),
        ("/deop", OWNER),
        ("/setpass", OWNER),
        ("/transfer", OWNER),
        ("/delete", OWNER),
        ("/announce", ADMIN),
        ("/gban", ADMIN),
        ("/gunban", ADMIN),
    ];

    #[test]
    fn every_command_is_for_whom_it_should_be() {
        let users = [
            (who(1, None), Rank::Member),
            (who(2, Some(2)), Rank::Member),
            (who(3, Some(3)), Rank::Operator),
            (who(4, Some(4)), Rank::Owner),
            (who(5, Some(5)), Rank::Admin),
        ];
        assert_eq!(COMMANDS.iter().count(), MATRIX.len());
        for spec in &COMMANDS {
            let row = MATRIX.iter().find(|(word, _)| *word == spec.word);
            let (_, want) = row.unwrap_or_else(|| panic!("{} is not in the matrix", spec.word));
            for ((who, rank), want) in users.iter().zip(want) {
                assert_eq!(spec.right.check(who, *rank).err(), *want, "{} {rank:?}", spec.word);
            }
        }
    }

    #[test]
    fn a_guest_who_made_the_lobby_is_its_owner() {
        assert_eq!(Right::Owner.check(&who(1, None), Rank::Owner), Ok(()));
        assert_eq!(Right::Operator.check(&who(1, None), Rank::Owner), Ok(()));
        assert_eq!(Right::Account.check(&who(1, None), Rank::Owner), Err(NoAccount));
    }

    #[test]
    fn one_acts_only_on_those_below_and_not_on_oneself() {
        use Rank::{Admin, Member, Operator, Owner};
        let (me, other) = (who(1, Some(1)), Target::Present(who(2, Some(2))));
        for (mine, theirs, want) in [
            (Operator, Member, None),
            (Operator, Operator, Some(Denied::Outranked(Operator))),
            (Operator, Owner, Some(Denied::Outranked(Owner))),
            (Operator, Admin, Some(Denied::Outranked(Admin))),
            (Owner, Member, None),
            (Owner, Operator, None),
            (Owner, Owner, Some(Denied::Outranked(Owner))),
            (Owner, Admin, Some(Denied::Outranked(Admin))),
            (Admin, Operator, None),
            (Admin, Owner, None),
            (Admin, Admin, Some(Denied::Outranked(Admin))),
        ] {
            assert_eq!(may_act_on(&me, mine, &other, theirs).err(), want, "{mine:?} {theirs:?}");
        }
        let myself = Target::Present(who(3, Some(1)));
        assert_eq!(may_act_on(&me, Admin, &myself, Member), Err(Denied::Oneself));
    }

    #[test]
    fn a_lobby_belongs_to_an_account_or_to_one_connection() {
        let (guest, account) = (Owner::new(&who(1, None)), Owner::new(&who(1, Some(9))));
        assert_eq!((guest, account), (Owner::Guest(ConnId(1)), Owner::Account(AccountId(9))));
        assert!(guest.is(Some(ConnId(1)), None) && guest.is(Some(ConnId(1)), Some(AccountId(2))));
        assert!(!guest.is(Some(ConnId(2)), None) && !guest.is(None, None));
        assert!(account.is(Some(ConnId(2)), Some(AccountId(9))));
        assert!(!account.is(Some(ConnId(1)), None) && !account.is(None, None));
        for owner in [Owner::Server, Owner::Nobody] {
            assert!(!owner.is(Some(ConnId(1)), Some(AccountId(9))));
        }
        assert!(Owner::Nobody.is_user() && !Owner::Server.is_user());
    }
}
