//! The list of lobbies: which exist, whose they are, how many there may be.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::accounts::Identity;
use super::bot::{Hook, TokenHash};
use super::history::UnixMillis;
use super::lobby::LobbyState;
use super::name::{Name, NameError, NameKey};
use super::skeleton::Lookalikes;

/// The lobby that is always there and that everybody starts in.
pub const GENERAL: &str = "general";

/// Number of a lobby, never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "u32")]
pub struct LobbyId(pub u32);

/// The number of [`GENERAL`].
pub const GENERAL_ID: LobbyId = LobbyId(1);

/// A lobby in the list.
#[derive(Debug, Clone)]
pub struct LobbyEntry<H> {
    /// What stands for it.
    pub state: Arc<LobbyState>,
    /// How many are in it.
    pub users: usize,
    /// When somebody came or left last.
    pub used_at: UnixMillis,
    /// Where to reach it.
    pub handle: H,
}

/// A lobby as `/lobbies` shows it.
#[derive(Debug, Clone)]
pub struct LobbySummary {
    /// What stands for it.
    pub state: Arc<LobbyState>,
    /// How many are in it.
    pub users: usize,
}

impl<H> LobbyEntry<H> {
    /// What `/lobbies` is made of. All that stands for it comes along, also what is not shown.
    pub fn summary(&self) -> LobbySummary {
        LobbySummary { state: self.state.clone(), users: self.users }
    }
}

/// Lobbies on a page of the list.
pub const LOBBIES_PER_PAGE: usize = 20;

/// A page of the list of lobbies.
#[derive(Debug, Default)]
pub struct LobbyPage {
    /// How many are on the list.
    pub total: usize,
    /// Which page it is, from 1 on.
    pub page: usize,
    /// How many pages there are.
    pub pages: usize,
    /// The lobbies on it.
    pub lobbies: Vec<LobbySummary>,
}

/// Why a lobby cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CreateError {
    /// Not a valid name.
    #[error("bad lobby name")]
    BadName(NameError),
    /// There is one of that name.
    #[error("lobby exists")]
    Exists,
    /// It looks like the name of this one.
    #[error("lobby name too close to another")]
    TooClose(Name),
    /// The user has as many as one may have.
    #[error("too many lobbies of this user")]
    TooManyOfUser,
    /// The server has as many as it may have.
    #[error("too many lobbies")]
    TooMany,
}

/// How many users' worth of lobbies one address may make, so that coming back under ever new names
/// does not fill the server.
pub const USERS_PER_ADDRESS: usize = 10;

/// Most lobbies, in all and of one user. `general` does not count.
#[derive(Debug, Clone, Copy)]
pub struct LobbyLimits {
    /// On the server.
    pub total: usize,
    /// Of one user.
    pub per_user: usize,
}

/// All lobbies, by name.
#[derive(Debug)]
pub struct Lobbies<H> {
    limits: LobbyLimits,
    by_key: BTreeMap<NameKey, LobbyEntry<H>>,
    names: Lookalikes,
    keys: HashMap<LobbyId, NameKey>,
    /// Where each hook is, by the hash of its token: whoever posts with a wrong one costs a look and no more.
    hooks: HashMap<TokenHash, (LobbyId, NameKey)>,
}

impl<H> Lobbies<H> {
    /// None yet.
    pub fn new(limits: LobbyLimits) -> Self {
        Self {
            limits,
            by_key: BTreeMap::new(),
            names: Lookalikes::default(),
            keys: HashMap::new(),
            hooks: HashMap::new(),
        }
    }

    /// From here on these limits hold. Those that there are stay.
    pub fn set_limits(&mut self, limits: LobbyLimits) {
        self.limits = limits;
    }

    /// Whether a user may make a lobby called `name` now.
    ///
    /// # Errors
    /// Why not.
    pub fn may_create(&self, name: &Name, who: &Identity) -> Result<(), CreateError> {
        if self.by_key.contains_key(&name.key()) {
            return Err(CreateError::Exists);
        }
        if let Some(other) = self.names.close_to(name) {
            return Err(CreateError::TooClose(other.clone()));
        }
        self.may_own(who)?;
        let from_there = self.made_by_users().filter(|l| l.state.made_from == Some(who.ip)).count();
        if from_there >= self.limits.per_user.saturating_mul(USERS_PER_ADDRESS) {
            return Err(CreateError::TooManyOfUser);
        }
        if self.made_by_users().count() >= self.limits.total {
            return Err(CreateError::TooMany);
        }
        Ok(())
    }

    /// Whether a user may own one more, made or given.
    ///
    /// # Errors
    /// [`CreateError::TooManyOfUser`].
    pub fn may_own(&self, who: &Identity) -> Result<(), CreateError> {
        let theirs = |l: &&LobbyEntry<H>| l.state.owner.is(Some(who.conn), who.account);
        match self.made_by_users().filter(theirs).count() {
            count if count >= self.limits.per_user => Err(CreateError::TooManyOfUser),
            _ => Ok(()),
        }
    }

    /// Whether somebody is muted in any of them.
    pub fn mute(&self, who: &Identity, now: UnixMillis) -> bool {
        self.by_key.values().any(|lobby| lobby.state.mute_of(who, now).is_some())
    }

    /// Adds a lobby whose name is free.
    pub fn insert(&mut self, entry: LobbyEntry<H>) {
        let key = entry.state.name.key();
        self.names.add(&entry.state.name);
        self.keys.insert(entry.state.id, key.clone());
        self.note_hooks(&entry.state);
        self.by_key.insert(key, entry);
    }

    fn note_hooks(&mut self, state: &LobbyState) {
        let of = |hook: &Hook| (hook.token, (state.id, hook.name.key()));
        self.hooks.extend(state.hooks.values().map(of));
    }

    fn forget_hooks(&mut self, state: &LobbyState) {
        state.hooks.values().for_each(|hook| _ = self.hooks.remove(&hook.token));
    }

    /// A lobby is not as it was. Answered with what it was; none where it is not on the list.
    pub fn set_state(&mut self, state: Arc<LobbyState>) -> Option<Arc<LobbyState>> {
        let entry = self.by_id(state.id)?;
        let before = std::mem::replace(&mut entry.state, state.clone());
        if before.hooks != state.hooks {
            self.forget_hooks(&before);
            self.note_hooks(&state);
        }
        Some(before)
    }

    /// The lobby of the hook with this token, and the hook.
    pub fn by_hook(&self, token: &TokenHash) -> Option<(&LobbyEntry<H>, &Hook)> {
        let (lobby, key) = self.hooks.get(token)?;
        let entry = self.get(*lobby)?;
        Some((entry, entry.state.hooks.get(key)?))
    }

    /// The lobby of this name in any spelling.
    pub fn find(&self, key: &NameKey) -> Option<&LobbyEntry<H>> {
        self.by_key.get(key)
    }

    /// The lobby of this number.
    pub fn by_id(&mut self, id: LobbyId) -> Option<&mut LobbyEntry<H>> {
        self.by_key.get_mut(self.keys.get(&id)?)
    }

    /// The lobby of this number, to be looked at.
    pub fn get(&self, id: LobbyId) -> Option<&LobbyEntry<H>> {
        self.by_key.get(self.keys.get(&id)?)
    }

    /// Takes a lobby off the list.
    pub fn remove(&mut self, id: LobbyId) -> Option<LobbyEntry<H>> {
        let entry = self.keys.remove(&id).and_then(|key| self.by_key.remove(&key))?;
        self.names.remove(&entry.state.name);
        self.forget_hooks(&entry.state);
        Some(entry)
    }

    /// All of them: general first, then by name.
    pub fn iter(&self) -> impl Iterator<Item = &LobbyEntry<H>> {
        let general = self.by_key.get(&NameKey::of(GENERAL));
        general.into_iter().chain(self.made_by_users())
    }

    /// A page of them in that order; of those with this text in their name or description, where one is
    /// given. Instead of a page that is not there, the nearest.
    pub fn page(&self, text: Option<&str>, page: usize) -> LobbyPage {
        let text = text.map(str::to_lowercase);
        let has =
            |field: &str| text.as_ref().is_none_or(|text| field.to_lowercase().contains(text));
        let listed =
            |l: &&LobbyEntry<H>| has(l.state.name.as_str()) || has(l.state.description.as_str());
        let found: Vec<_> = self.iter().filter(listed).collect();
        let pages = found.len().div_ceil(LOBBIES_PER_PAGE).max(1);
        let page = page.clamp(1, pages);
        let on_page = found.iter().skip((page - 1) * LOBBIES_PER_PAGE).take(LOBBIES_PER_PAGE);
        let lobbies = on_page.map(|entry| entry.summary()).collect();
        LobbyPage { total: found.len(), page, pages, lobbies }
    }

    fn made_by_users(&self) -> impl Iterator<Item = &LobbyEntry<H>> {
        self.by_key.values().filter(|l| l.state.owner.is_user())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::chat::accounts::AccountId;
    use crate::chat::directory::{ConnId, IpKey};
    use crate::chat::roles::Owner;
    use crate::chat::sanctions::{Sanction, Terms};
    use crate::chat::text::Line;

    fn who(conn: u64, account: Option<u32>) -> Identity {
        Identity { ip: address(conn as u8), ..Identity::example(conn, "alice", account) }
    }

    fn address(last: u8) -> IpKey {
        IpKey::from(std::net::IpAddr::from([10, 0, 0, last]))
    }

    fn entry(id: u32, name: &str, conn: Option<u64>) -> LobbyEntry<()> {
        let owner = conn.map_or(Owner::Server, |conn| Owner::Guest(ConnId(conn)));
        let made_from = conn.map(|conn| address(conn as u8));
        let name = Name::parse(name).unwrap();
        let state = LobbyState { owner, made_from, ..LobbyState::example(id, name) };
        LobbyEntry { state: Arc::new(state), users: 0, used_at: UnixMillis(0), handle: () }
    }

    fn change(listed: &mut LobbyEntry<()>, change: impl FnOnce(&mut LobbyState)) {
        change(Arc::make_mut(&mut listed.state));
    }

    fn lobbies() -> Lobbies<()> {
        let mut lobbies = Lobbies::new(LobbyLimits { total: 3, per_user: 2 });
        lobbies.insert(entry(0, GENERAL, None));
        lobbies
    }

    fn may(lobbies: &Lobbies<()>, name: &str, conn: u64) -> Result<(), CreateError> {
        lobbies.may_create(&Name::parse(name).unwrap(), &who(conn, None))
    }

    #[test]
    fn a_hook_is_found_by_its_token_as_long_as_its_lobby_has_it() {
        let mut lobbies = lobbies();
        let hook = |name: &str, byte: u8| {
            let (name, by) = (Name::parse(name).unwrap(), Name::parse("alice").unwrap());
            Hook { name, token: TokenHash([byte; 32]), by, made_at: UnixMillis(0) }
        };
        let mut first = entry(1, "coding", Some(1));
        change(&mut first, |state| _ = state.hooks.insert(NameKey::of("ci"), hook("ci", 1)));
        let state = first.state.clone();
        lobbies.insert(first);
        let found = |lobbies: &Lobbies<()>, byte: u8| {
            let (lobby, hook) = lobbies.by_hook(&TokenHash([byte; 32]))?;
            Some((lobby.state.id.0, hook.name.as_str().to_owned()))
        };
        assert_eq!(found(&lobbies, 1), Some((1, "ci".to_owned())));
        assert_eq!(found(&lobbies, 2), None);
        let mut other = (*state).clone();
        other.hooks = [(NameKey::of("new"), hook("new", 2))].into();
        lobbies.set_state(other.into()).unwrap();
        assert_eq!((found(&lobbies, 1), found(&lobbies, 2)), (None, Some((1, "new".to_owned()))));
        lobbies.remove(LobbyId(1)).unwrap();
        assert_eq!(found(&lobbies, 2), None);
        assert!(lobbies.set_state(state).is_none(), "one that is no more");
    }

    #[test]
    fn somebody_is_muted_who_is_so_in_any_lobby_that_they_do_not_run() {
        let (mut lobbies, now) = (lobbies(), UnixMillis(1_000));
        for id in [1, 2] {
            lobbies.insert(entry(id, &format!("lobby{id}"), Some(id.into())));
        }
        let (bob, eve) = (who(2, None), who(3, None));
        let name = Name::parse("bob").unwrap();
        let terms = Terms { time: Some(Duration::from_secs(10)), ..Terms::default() };
        let mute = |who: &Identity| {
            let subject = (who.subject(), name.clone());
            Sanction::new(subject, name.clone(), terms.clone(), now)
        };
        let mutes = [mute(&bob), mute(&eve)];
        let second = lobbies.by_id(LobbyId(2)).unwrap();
        change(second, |state| state.mutes = mutes.into_iter().collect());
        assert!(!lobbies.mute(&bob, now), "it is his lobby");
        assert!(lobbies.mute(&eve, now) && !lobbies.mute(&who(4, None), now));
        assert!(!lobbies.mute(&eve, UnixMillis(11_000)), "it has ended");
    }

    #[test]
    fn names_are_unique_in_any_case() {
        let mut lobbies = lobbies();
        assert_eq!(may(&lobbies, "General", 1), Err(CreateError::Exists));
        assert_eq!(may(&lobbies, "coding", 1), Ok(()));
        lobbies.insert(entry(1, "Coding", Some(1)));
        assert_eq!(may(&lobbies, "coding", 2), Err(CreateError::Exists));
        assert!(lobbies.find(&NameKey::of("CODING")).is_some());
    }

    #[test]
    fn a_name_may_not_look_like_anothers_as_long_as_that_is_there() {
        let mut lobbies = lobbies();
        lobbies.insert(entry(1, "Coding", Some(1)));
        let close = |name| Err(CreateError::TooClose(Name::parse(name).unwrap()));
        for (name, want) in [
            ("c0ding", close("Coding")),
            ("COD1NG", close("Coding")),
            ("genera1", close("general")),
            ("CODING", Err(CreateError::Exists)),
            ("coding2", Ok(())),
        ] {
            assert_eq!(may(&lobbies, name, 2), want, "{name}");
        }
        lobbies.remove(LobbyId(1));
        assert_eq!(may(&lobbies, "c0ding", 2), Ok(()));
    }

    #[test]
    fn limits_hold_for_a_user_and_for_all_without_general() {
        let mut lobbies = lobbies();
        lobbies.insert(entry(1, "aa", Some(1)));
        lobbies.insert(entry(2, "bb", Some(1)));
        assert_eq!(may(&lobbies, "cc", 1), Err(CreateError::TooManyOfUser));
        assert_eq!(may(&lobbies, "cc", 2), Ok(()));
        lobbies.insert(entry(3, "cc", Some(2)));
        assert_eq!(may(&lobbies, "dd", 2), Err(CreateError::TooMany));
        assert!(lobbies.remove(LobbyId(1)).is_some());
        assert_eq!(may(&lobbies, "dd", 2), Ok(()));
    }

    #[test]
    fn an_account_has_one_limit_over_all_its_connections() {
        let mut lobbies = lobbies();
        let cc = Name::parse("cc").unwrap();
        for (id, name) in [(1, "aa"), (2, "bb")] {
            let mut made = entry(id, name, Some(1));
            change(&mut made, |state| state.owner = Owner::Account(AccountId(7)));
            lobbies.insert(made);
        }
        let again = lobbies.may_create(&cc, &who(5, Some(7)));
        assert_eq!(again, Err(CreateError::TooManyOfUser));
        assert_eq!(lobbies.may_create(&cc, &who(1, None)), Ok(()), "no more the guest's");
        change(lobbies.by_id(LobbyId(1)).unwrap(), |state| state.owner = Owner::Nobody);
        assert_eq!(lobbies.may_create(&cc, &who(5, Some(7))), Ok(()));
    }

    #[test]
    fn an_address_has_a_limit_whatever_the_connections() {
        let mut lobbies = Lobbies::new(LobbyLimits { total: 1_000, per_user: 2 });
        for i in 0..20 {
            let mut made = entry(i, &format!("lobby{i}"), Some(100 + u64::from(i)));
            change(&mut made, |state| state.made_from = Some(address(7)));
            lobbies.insert(made);
        }
        assert_eq!(may(&lobbies, "more", 7), Err(CreateError::TooManyOfUser));
        assert_eq!(may(&lobbies, "more", 8), Ok(()));
    }

    fn listed(lobbies: &Lobbies<()>, text: Option<&str>, page: usize) -> Vec<String> {
        let LobbyPage { lobbies, .. } = lobbies.page(text, page);
        lobbies.iter().map(|l| l.state.name.as_str().to_owned()).collect()
    }

    #[test]
    fn general_is_listed_first_then_by_name() {
        let mut lobbies = lobbies();
        for (id, name) in [(1, "zoo"), (2, "Alpha"), (3, "beta")] {
            lobbies.insert(entry(id, name, Some(9)));
        }
        assert_eq!(listed(&lobbies, None, 1), ["general", "Alpha", "beta", "zoo"]);
    }

    #[test]
    fn the_list_has_pages_and_a_page_that_is_not_there_is_the_nearest() {
        let mut lobbies = lobbies();
        for id in 1..=40 {
            lobbies.insert(entry(id, &format!("room{id:02}"), Some(9)));
        }
        let (first, last) = (listed(&lobbies, None, 1), listed(&lobbies, None, 3));
        assert_eq!((first[0].as_str(), first[19].as_str(), first.len()), ("general", "room19", 20));
        assert_eq!(listed(&lobbies, None, 2)[0], "room20");
        assert_eq!(last, ["room40"]);
        assert_eq!((listed(&lobbies, None, 0), listed(&lobbies, None, usize::MAX)), (first, last));
        let LobbyPage { total, page, pages, .. } = lobbies.page(None, 9);
        assert_eq!((total, page, pages), (41, 3, 3));
    }

    #[test]
    fn lobbies_are_found_by_name_and_description_whatever_the_case() {
        let mut lobbies = lobbies();
        for (id, name, about) in [
            (1, "coding", "All about Rust"),
            (2, "RustyCars", "Old ones"),
            (3, "zoo", "Stra\u{df}e"),
        ] {
            let mut made = entry(id, name, Some(9));
            change(&mut made, |state| state.description = Line::clean(about));
            lobbies.insert(made);
        }
        assert_eq!(listed(&lobbies, Some("rust"), 1), ["coding", "RustyCars"]);
        assert_eq!(listed(&lobbies, Some("ABOUT RUST"), 1), ["coding"]);
        assert_eq!(listed(&lobbies, Some("nothing"), 7), Vec::<String>::new());
        let LobbyPage { total, page, pages, .. } = lobbies.page(Some("nothing"), 7);
        assert_eq!((total, page, pages), (0, 1, 1));
    }
}
