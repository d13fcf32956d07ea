//! Who wrote something, and whether that is somebody who is known already.

use serde::{Deserialize, Serialize};

use super::accounts::{AccountId, Identity, Target};
use super::directory::{ConnId, IpKey};
use super::name::Name;

/// Somebody, as far as it is known who they are: whoever wrote a message, is ignored, or is to be
/// answered. Cheap to clone: a text has one, however many are shown it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// The name that they had.
    pub name: Name,
    /// The connection; none where that is of no use any more, as after a restart.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub conn: Option<ConnId>,
    /// Their account; none for a guest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<AccountId>,
    /// The address that they came from; none where it is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ip: Option<IpKey>,
    /// Whether it is a bot or a hook.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub bot: bool,
}

impl Person {
    /// Somebody of whom nothing but the name is known, as of messages that were stored by a version
    /// that kept no more.
    pub fn named(name: Name) -> Self {
        Self { name, conn: None, account: None, ip: None, bot: false }
    }

    /// A hook of this name, which has nothing else.
    pub fn hook(name: Name) -> Self {
        Self { bot: true, ..Self::named(name) }
    }

    /// Whether this is the same one: of the same account or over the same connection, else (guests)
    /// of the same name from the same address. The connection goes before the account, so whoever
    /// registers or gives an account up stays who they were. Of an account and a guest the name says
    /// nothing; where it is all that is known, it has to do.
    pub fn knows(&self, other: &Self) -> bool {
        if self.conn.is_some() && self.conn == other.conn {
            return true;
        }
        match (self.account, other.account) {
            (Some(ours), Some(theirs)) => ours == theirs,
            // A hook may have the name of a person, and is nobody.
            _ if self.is_but_a_name() || other.is_but_a_name() => {
                self.bot == other.bot && self.has_name_of(other)
            }
            (None, None) => self.ip.is_some() && self.ip == other.ip && self.has_name_of(other),
            _ => false,
        }
    }

    /// Whether a reader sees the same author above the messages of both: the name too.
    pub fn is_recorded_as(&self, other: &Self) -> bool {
        self.name == other.name
            && self.account == other.account
            && self.ip == other.ip
            && self.bot == other.bot
    }

    fn has_name_of(&self, other: &Self) -> bool {
        self.name.as_str().eq_ignore_ascii_case(other.name.as_str())
    }

    fn is_but_a_name(&self) -> bool {
        self.conn.is_none() && self.account.is_none() && self.ip.is_none()
    }
}

impl From<&Identity> for Person {
    fn from(who: &Identity) -> Self {
        let Identity { conn, name, account, ip, admin: _, bot_of } = who;
        let (conn, ip, bot) = (Some(*conn), Some(*ip), bot_of.is_some());
        Self { name: name.clone(), conn, account: *account, ip, bot }
    }
}

impl From<&Target> for Person {
    fn from(target: &Target) -> Self {
        match target {
            Target::Present(who) | Target::Departed(who) => who.into(),
            Target::Absent { account, name, .. } => {
                let bot = target.is_bot();
                Self { account: Some(*account), bot, ..Self::named(name.clone()) }
            }
        }
    }
}

#[cfg(test)]
impl Person {
    /// A guest of this connection for a test, from the address 10.0.0.1.
    pub fn example(conn: u64, name: &str) -> Self {
        (&Identity::example(conn, name, None)).into()
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use proptest::prelude::*;

    use super::*;

    fn person(name: &str, conn: u64, account: u32, ip: u8) -> Person {
        Person {
            name: Name::parse(name).unwrap(),
            conn: (conn > 0).then_some(ConnId(conn)),
            account: (account > 0).then_some(AccountId(account)),
            ip: (ip > 0).then(|| IpKey::from(IpAddr::from([10, 0, 0, ip]))),
            bot: false,
        }
    }

    #[test]
    fn people_are_known_by_account_connection_or_name_and_address() {
        // Name, connection, account, address; 0 is none.
        let cases = [
            // Guests.
            (("bob", 1, 0, 1), ("robert", 1, 0, 1), true, "one connection, another name"),
            (("bob", 1, 0, 1), ("BOB", 2, 0, 1), true, "came back"),
            (("bob", 1, 0, 1), ("bob", 2, 0, 2), false, "a stranger took the name"),
            (("bob", 1, 0, 1), ("eve", 2, 0, 1), false, "others of one address"),
            (("bob", 1, 0, 1), ("bob", 0, 0, 1), true, "as stored"),
            (("bob", 1, 0, 1), ("bob", 0, 0, 2), false, "a stranger, as stored"),
            (("bob", 0, 0, 1), ("robert", 0, 0, 1), false, "the connection was not stored"),
            // Accounts.
            (("bob", 1, 7, 1), ("bob", 2, 7, 2), true, "one account from two places"),
            (("bob", 1, 7, 1), ("bob", 2, 8, 1), false, "another account of that name"),
            (("bob", 0, 7, 0), ("bob", 2, 7, 2), true, "was absent, or is stored"),
            // An account and a guest.
            (("bob", 1, 0, 1), ("bob", 1, 7, 1), true, "has just registered"),
            (("bob", 1, 7, 1), ("bob", 1, 8, 1), true, "did so again"),
            (("bob", 1, 0, 1), ("bob", 2, 7, 1), false, "somebody has registered the name"),
            (("bob", 0, 0, 1), ("bob", 0, 7, 0), false, "the same, as stored"),
            // As stored by a version that knew names alone.
            (("bob", 0, 0, 0), ("Bob", 1, 0, 1), true, "a guest by name"),
            (("bob", 0, 0, 0), ("bob", 1, 7, 1), true, "an account by name"),
            (("bob", 0, 0, 0), ("bob", 0, 0, 0), true, "both"),
            (("bob", 0, 0, 0), ("eve", 1, 0, 1), false, "another name"),
        ];
        for ((n, c, a, i), (m, d, b, j), want, why) in cases {
            let (one, other) = (person(n, c, a, i), person(m, d, b, j));
            assert_eq!(one.knows(&other), want, "{why}");
            assert_eq!(other.knows(&one), want, "the other way round: {why}");
        }
    }

    #[test]
    fn a_target_is_known_present_and_absent() {
        let bob = Identity::example(3, "bob", Some(7));
        let present = Person::from(&Target::Present(bob.clone()));
        let absent = Target::Absent {
            account: AccountId(7),
            name: bob.name.clone(),
            admin: false,
            bot_of: None,
        };
        assert_eq!(present, Person::from(&bob));
        assert!(present.knows(&Person::from(&absent)));
    }

    fn anybody() -> impl Strategy<Value = Person> {
        (prop::sample::select(vec!["bob", "Bob", "eve"]), 0_u64..3, 0_u32..3, 0_u8..3)
            .prop_map(|(name, conn, account, ip)| person(name, conn, account, ip))
    }

    proptest! {
        #[test]
        fn to_know_is_mutual_and_everybody_knows_themselves_in_any_spelling(
            one in anybody(), other in anybody(),
        ) {
            prop_assert_eq!(one.knows(&other), other.knows(&one));
            let loud = Name::parse(&one.name.as_str().to_uppercase()).unwrap();
            let loud = Person { name: loud, ..one.clone() };
            prop_assert!(one.knows(&loud));
        }

        #[test]
        fn accounts_are_never_told_apart_or_taken_together_by_name(
            one in anybody(), other in anybody(), name in prop::sample::select(vec!["bob", "eve"]),
        ) {
            prop_assume!(one.account.is_some() && other.account.is_some());
            let renamed = Person { name: Name::parse(name).unwrap(), ..other.clone() };
            prop_assert_eq!(one.knows(&other), one.knows(&renamed));
        }
    }
}
