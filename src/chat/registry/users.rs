//! Who is connected under which name.
//!
//! Generic over the handles that the actors hand out, so that it can be tested without any.

use std::collections::HashMap;

use crate::chat::accounts::{AccountId, Accounts, Identity};
use crate::chat::directory::ConnId;
use crate::chat::name::{Name, NameKey};
use crate::chat::near::distance;
use crate::chat::person::Person;
use crate::chat::registry::place::Place;
use crate::chat::skeleton::Lookalikes;
use crate::chat::text::Line;

/// Why somebody does not get a name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClaimError {
    /// Somebody has it, or the server keeps it.
    #[error("name taken")]
    Taken,
    /// It belongs to this account: whoever wants it must log in.
    #[error("name of an account")]
    Registered(AccountId),
    /// It looks like this name, which is registered, kept or in use.
    #[error("name too close to another")]
    TooClose(Name),
}

/// A logged-in user.
#[derive(Debug, Clone)]
pub struct User<H> {
    /// Who they are.
    pub who: Identity,
    /// What they want told to whoever writes to them while they are away.
    pub away: Option<Line>,
    /// Where to reach them.
    pub handle: H,
    /// Where they are.
    pub place: Place,
}

/// The names in use.
#[derive(Debug)]
pub struct Users<H> {
    /// Boxed, since a table is up to half empty.
    by_key: HashMap<NameKey, Box<User<H>>>,
    by_conn: HashMap<ConnId, NameKey>,
    present: Lookalikes,
    reserved: Lookalikes,
}

impl<H> Default for Users<H> {
    fn default() -> Self {
        let mut reserved = Lookalikes::default();
        Name::reserved().for_each(|name| reserved.add(&name));
        Self {
            by_key: HashMap::new(),
            by_conn: HashMap::new(),
            present: Lookalikes::default(),
            reserved,
        }
    }
}

impl<H> Users<H> {
    /// Whether a guest may have the name that they ask for.
    ///
    /// # Errors
    /// [`ClaimError`].
    pub fn may_claim(&self, accounts: &Accounts, who: &Identity) -> Result<(), ClaimError> {
        if self.by_conn.contains_key(&who.conn) {
            return Err(ClaimError::Taken);
        }
        self.check(accounts, &who.name, None)
    }

    /// Whether `conn` may have another name.
    ///
    /// # Errors
    /// [`ClaimError`]; [`ClaimError::Taken`] too where it has none.
    pub fn may_rename(
        &self,
        accounts: &Accounts,
        conn: ConnId,
        name: &Name,
    ) -> Result<(), ClaimError> {
        let own = self.by_conn.get(&conn).ok_or(ClaimError::Taken)?;
        self.check(accounts, name, Some(own))
    }

    /// Whether a guest may have the name that they asked for, now that all nodes decide it.
    pub fn may_still_claim(&self, accounts: &Accounts, who: &Identity) -> bool {
        !self.by_conn.contains_key(&who.conn) && self.is_free(accounts, &who.name, None).is_ok()
    }

    /// Whether `conn` may have the name that they asked for, now that all nodes decide it.
    pub fn may_still_rename(&self, accounts: &Accounts, conn: ConnId, name: &Name) -> bool {
        let own = self.by_conn.get(&conn);
        own.is_some_and(|own| self.is_free(accounts, name, Some(own)).is_ok())
    }

    /// Whether somebody who is not there may be called this.
    ///
    /// # Errors
    /// [`ClaimError`].
    pub fn may_be_named(&self, accounts: &Accounts, name: &Name) -> Result<(), ClaimError> {
        self.check(accounts, name, None)
    }

    /// Whether they may, now that all nodes decide it.
    pub fn may_still_be_named(&self, accounts: &Accounts, name: &Name) -> bool {
        self.is_free(accounts, name, None).is_ok()
    }

    /// Somebody has this name from here on. Whoever had it so far is taken out, and handed back.
    pub fn come_in(&mut self, who: Identity, handle: H) -> Option<User<H>> {
        self.release(who.conn);
        let before = self.find(&who.name.key()).map(|user| user.who.conn);
        let before = before.and_then(|conn| self.release(conn));
        self.put(User { who, away: None, handle, place: Place::default() });
        before
    }

    /// Somebody was there when this node stopped.
    pub fn restore(&mut self, user: User<H>) {
        self.put(user);
    }

    /// `conn` has another name from here on, one that is free. Answered with who they were.
    pub fn rename(&mut self, conn: ConnId, name: Name) -> Option<Identity> {
        let mut user = self.release(conn)?;
        let before = user.who.clone();
        user.who.name = name;
        self.put(user);
        Some(before)
    }

    /// Frees whatever name `conn` has.
    pub fn release(&mut self, conn: ConnId) -> Option<User<H>> {
        let user = self.by_conn.remove(&conn).and_then(|key| self.by_key.remove(&key))?;
        self.present.remove(&user.who.name);
        Some(*user)
    }

    /// The user who has this name in any spelling.
    pub fn find(&self, key: &NameKey) -> Option<&User<H>> {
        self.by_key.get(key).map(|user| &**user)
    }

    /// The name in use that is nearest to one that is not.
    pub fn near(&self, key: &NameKey) -> Option<&Name> {
        let names = self.by_key.iter().map(|(known, user)| (known, &user.who.name));
        let near = names.filter_map(|(known, name)| {
            Some(((distance(key.as_str(), known.as_str())?, known), name))
        });
        near.min_by(|(one, _), (other, _)| one.cmp(other)).map(|(_, name)| name)
    }

    /// The user of this connection.
    pub fn get(&self, conn: ConnId) -> Option<&User<H>> {
        self.find(self.by_conn.get(&conn)?)
    }

    /// Whoever is logged in to this account: they have its name.
    pub fn find_account(&self, accounts: &Accounts, account: AccountId) -> Option<&User<H>> {
        let user = self.find(&accounts.name(account)?.key())?;
        (user.who.account == Some(account)).then_some(user)
    }

    /// This one, if they are connected: over the same connection, by their account, or (a guest) by
    /// the same name from the same address.
    pub fn find_person(&self, accounts: &Accounts, person: &Person) -> Option<&User<H>> {
        let same = |user: &&User<H>| person.knows(&(&user.who).into());
        let by_conn = person.conn.and_then(|conn| self.get(conn));
        let account = person.account.and_then(|account| accounts.name(account));
        let by_account = || self.find(&account?.key()).filter(same);
        let by_name = || self.find(&person.name.key()).filter(same);
        by_conn.or_else(by_account).or_else(by_name)
    }

    /// The guest of this connection has made an account, or given theirs up.
    pub fn set_account(&mut self, conn: ConnId, account: Option<AccountId>, admin: bool) {
        if let Some(user) = self.get_mut(conn) {
            user.who.account = account;
            user.who.admin = admin;
        }
    }

    /// Says anew who is an admin, by name: those who are logged in to an account.
    pub fn set_ranks(&mut self, is_admin: impl Fn(&NameKey) -> bool) {
        for (key, user) in &mut self.by_key {
            user.who.admin = user.who.account.is_some() && is_admin(key);
        }
    }

    /// The user of this connection is away, or back.
    pub fn set_away(&mut self, conn: ConnId, away: Option<Line>) {
        if let Some(user) = self.get_mut(conn) {
            user.away = away;
        }
    }

    /// Where the user of this connection is, to be changed.
    pub fn place(&mut self, conn: ConnId) -> Option<&mut Place> {
        self.get_mut(conn).map(|user| &mut user.place)
    }

    /// All of them, in no order.
    pub fn iter(&self) -> impl Iterator<Item = &User<H>> {
        self.by_key.values().map(|user| &**user)
    }

    /// How many have a name.
    pub fn len(&self) -> usize {
        self.by_key.len()
    }

    /// Whether nobody has a name.
    pub fn is_empty(&self) -> bool {
        self.by_key.is_empty()
    }

    /// Whether a name is free for somebody who gives up this one of their own for it.
    fn check(
        &self,
        accounts: &Accounts,
        name: &Name,
        own: Option<&NameKey>,
    ) -> Result<(), ClaimError> {
        let key = name.key();
        let is_kept = accounts.is_kept(&key) || accounts.is_pending(&key);
        match self.is_free(accounts, name, own) {
            Ok(()) | Err(ClaimError::TooClose(_)) if is_kept => Err(ClaimError::Taken),
            Ok(()) => match accounts.close_to(name) {
                Some(other) => Err(ClaimError::TooClose(other.clone())),
                None => Ok(()),
            },
            found => found,
        }
    }

    /// The same, by what all nodes know alike.
    fn is_free(
        &self,
        accounts: &Accounts,
        name: &Name,
        own: Option<&NameKey>,
    ) -> Result<(), ClaimError> {
        let key = name.key();
        if let Some(account) = accounts.find(&key) {
            return Err(ClaimError::Registered(account));
        }
        // Their own name is out of the way, so another spelling of it is free.
        let in_use = Some(&key) != own && self.by_key.contains_key(&key);
        if name.is_reserved() || in_use {
            return Err(ClaimError::Taken);
        }
        let close = self.reserved.close_to(name).or_else(|| accounts.close_to_account(name));
        let present = || self.present.alike(name).find(|other| Some(&other.key()) != own);
        match close.or_else(present) {
            Some(other) => Err(ClaimError::TooClose(other.clone())),
            None => Ok(()),
        }
    }

    fn put(&mut self, user: User<H>) {
        let key = user.who.name.key();
        self.present.add(&user.who.name);
        self.by_conn.insert(user.who.conn, key.clone());
        self.by_key.insert(key, Box::new(user));
    }

    fn get_mut(&mut self, conn: ConnId) -> Option<&mut User<H>> {
        self.by_key.get_mut(self.by_conn.get(&conn)?).map(|user| &mut **user)
    }
}

#[cfg(test)]
mod tests {

    use super::*;

    fn name(text: &str) -> Name {
        Name::parse(text).unwrap()
    }

    fn who(conn: u64, text: &str, account: Option<u32>) -> Identity {
        Identity::example(conn, text, account)
    }

    fn claim_beside(
        accounts: &Accounts,
        users: &mut Users<()>,
        conn: u64,
        text: &str,
    ) -> Result<(), ClaimError> {
        let who = who(conn, text, None);
        users.may_claim(accounts, &who)?;
        assert!(users.come_in(who, ()).is_none(), "{text} was free");
        Ok(())
    }

    fn claim(users: &mut Users<()>, conn: u64, text: &str) -> Result<(), ClaimError> {
        claim_beside(&Accounts::default(), users, conn, text)
    }

    fn rename(users: &mut Users<()>, conn: u64, text: &str) -> Result<Name, ClaimError> {
        users.may_rename(&Accounts::default(), ConnId(conn), &name(text))?;
        Ok(users.rename(ConnId(conn), name(text)).unwrap().name)
    }

    fn close(text: &str) -> ClaimError {
        ClaimError::TooClose(name(text))
    }

    #[test]
    fn a_name_that_nobody_has_is_near_to_one_that_somebody_has() {
        let mut users = Users::default();
        for (conn, text) in [(1, "Bob"), (2, "carol"), (3, "alexandra"), (4, "caroline")] {
            claim(&mut users, conn, text).unwrap();
        }
        let near = |typed: &str| users.near(&NameKey::of(typed)).map(Name::as_str);
        for (typed, want) in [
            ("bbo", Some("Bob")),
            ("CARLO", Some("carol")),
            ("carolin", Some("caroline")),
            ("alex", Some("alexandra")),
            ("zoe", None),
            ("", None),
        ] {
            assert_eq!(near(typed), want, "{typed}");
        }
    }

    #[test]
    fn a_name_has_one_owner_in_any_case_and_is_free_after() {
        let mut users = Users::default();
        assert_eq!(claim(&mut users, 1, "Bob"), Ok(()));
        assert_eq!(claim(&mut users, 2, "bOB"), Err(ClaimError::Taken));
        assert_eq!(claim(&mut users, 1, "other"), Err(ClaimError::Taken), "one name each");
        let found = users.find(&NameKey::of("BOB")).map(|u| u.who.name.as_str());
        assert_eq!(found, Some("Bob"));
        assert!(users.release(ConnId(2)).is_none());
        assert!(users.release(ConnId(1)).is_some());
        assert_eq!(claim(&mut users, 2, "bOB"), Ok(()));
        assert_eq!(users.len(), 1);
    }

    #[test]
    fn a_new_name_is_neither_reserved_nor_registered_nor_close_to_another() {
        let mut accounts = Accounts::new([name("root")]);
        accounts.add(AccountId(7), name("alice"));
        let mut users = Users::default();
        claim_beside(&accounts, &mut users, 1, "carol").unwrap();
        for (text, want) in [
            ("Rox", ClaimError::Taken),
            ("root", ClaimError::Taken),
            ("Carol", ClaimError::Taken),
            ("ALICE", ClaimError::Registered(AccountId(7))),
            ("r0x", close("rox")),
            ("adrnin", close("admin")),
            ("al", close("ai")),
            ("r00t", close("root")),
            ("a1ice", close("alice")),
            ("car0l", close("carol")),
        ] {
            let got = claim_beside(&accounts, &mut users, 2, text);
            assert_eq!(got, Err(want), "{text}");
        }
        users.release(ConnId(1));
        assert_eq!(claim_beside(&accounts, &mut users, 2, "car0l"), Ok(()));
    }

    #[test]
    fn a_name_that_two_have_at_once_is_close_for_either() {
        let mut users = Users::default();
        // An account of before there were lookalikes may look like another.
        users.come_in(who(1, "bob", Some(7)), ());
        users.come_in(who(2, "b0b", Some(8)), ());
        assert_eq!(
            users.may_rename(&Accounts::default(), ConnId(1), &name("B0B")),
            Err(ClaimError::Taken)
        );
        let other = users.may_rename(&Accounts::default(), ConnId(1), &name("Bob"));
        assert_eq!(other, Err(close("b0b")));
    }

    #[test]
    fn a_second_login_takes_the_name_over() {
        let mut users = Users::default();
        assert!(users.come_in(who(1, "alice", Some(7)), 'a').is_none());
        let before = users.come_in(who(2, "alice", Some(7)), 'b').unwrap();
        assert_eq!((before.who.conn, before.handle), (ConnId(1), 'a'));
        assert!(users.release(ConnId(1)).is_none(), "the first has nothing left to give back");
        assert_eq!(users.find(&NameKey::of("alice")).map(|u| u.handle), Some('b'));
        assert_eq!(users.get(ConnId(2)).map(|u| u.handle), Some('b'));
        assert_eq!(users.len(), 1);
    }

    #[test]
    fn a_name_is_changed_in_one_step_or_not_at_all() {
        let mut users = Users::default();
        claim(&mut users, 1, "alice").unwrap();
        claim(&mut users, 2, "bob").unwrap();
        for (conn, text, want) in [
            (1, "BOB", Err(ClaimError::Taken)),
            (1, "b0b", Err(close("bob"))),
            (1, "ALICE", Ok(name("alice"))),
            (1, "A1ice", Ok(name("ALICE"))),
            (1, "carol", Ok(name("A1ice"))),
            (9, "dave", Err(ClaimError::Taken)),
        ] {
            assert_eq!(rename(&mut users, conn, text), want, "{text}");
        }
        assert!(users.find(&NameKey::of("alice")).is_none());
        assert_eq!(users.get(ConnId(1)).map(|u| u.who.name.as_str()), Some("carol"));
        assert_eq!(claim(&mut users, 3, "alice"), Ok(()), "the old one is free");
    }

    #[test]
    fn somebody_is_found_again_and_nobody_in_their_place() {
        let (mut users, mut accounts) = (Users::default(), Accounts::default());
        let person = |conn, text, account| Person::from(&who(conn, text, account));
        let found = |users: &Users<()>, accounts: &Accounts, person: &Person| {
            users.find_person(accounts, person).map(|user| user.who.conn.0)
        };
        let bob = person(1, "bob", None);
        claim(&mut users, 1, "bob").unwrap();
        rename(&mut users, 1, "robert").unwrap();
        assert_eq!(found(&users, &accounts, &bob), Some(1), "under another name");
        users.release(ConnId(1));
        assert_eq!(found(&users, &accounts, &bob), None);
        claim(&mut users, 2, "Bob").unwrap();
        assert_eq!(found(&users, &accounts, &bob), Some(2), "came back from there");
        let elsewhere = Person { ip: None, ..bob.clone() };
        assert_eq!(found(&users, &accounts, &elsewhere), None, "a stranger has the name");
        users.release(ConnId(2));
        accounts.add(AccountId(7), name("bob"));
        users.come_in(who(3, "bob", Some(7)), ());
        assert_eq!(found(&users, &accounts, &bob), None, "that is an account");
        assert_eq!(found(&users, &accounts, &person(9, "bob", Some(7))), Some(3));
        assert_eq!(found(&users, &accounts, &person(9, "bob", Some(8))), None);
    }

    #[test]
    fn what_a_user_becomes_is_remembered() {
        let mut users = Users::default();
        claim(&mut users, 1, "alice").unwrap();
        users.set_account(ConnId(1), Some(AccountId(7)), true);
        users.set_away(ConnId(1), Some(Line::clean("lunch")));
        users.set_away(ConnId(2), None);
        let user = users.get(ConnId(1)).unwrap();
        assert_eq!((user.who.account, user.who.admin), (Some(AccountId(7)), true));
        assert_eq!(user.away.as_ref().map(Line::as_str), Some("lunch"));
        assert_eq!(users.iter().count(), 1);
    }
}
